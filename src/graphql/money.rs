//! Money as clients read it: an exact decimal and the currency it is in.

use async_graphql::SimpleObject;

use super::scalars::Decimal;
use throughline_domain::fact::money;

/// An amount of money.
#[derive(Debug, Clone, SimpleObject)]
pub struct Money {
    /// How much, with all digits of the currency's minor unit, such as `180.00`.
    amount: Decimal,
    /// ISO 4217 code of the currency.
    currency: String,
}

impl Money {
    /// An amount in a currency.
    pub(super) fn of(amount: money::Money, currency: &str) -> Self {
        // A sum of nothing has no digits of its own.
        let amount = money::Money::of(amount.amount(), currency);
        Self { amount: Decimal(amount.amount()), currency: currency.to_owned() }
    }
}
