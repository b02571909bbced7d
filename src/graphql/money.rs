//! Money in the API: an exact decimal and its currency.

use async_graphql::SimpleObject;

use super::scalars::Decimal;
use throughline_domain::fact::money;

/// An amount of money.
#[derive(Debug, Clone, SimpleObject)]
pub struct Money {
    /// The amount, with all digits of the currency's minor unit, such as `180.00`.
    amount: Decimal,
    /// The currency, as an ISO 4217 code.
    currency: String,
}

impl Money {
    /// An amount in a currency.
    pub(super) fn of(amount: money::Money, currency: &str) -> Self {
        // An empty sum has no digits of its own.
        let amount = money::Money::of(amount.amount(), currency);
        Self { amount: Decimal(amount.amount()), currency: currency.to_owned() }
    }
}
