//! Money as clients read it: an exact decimal and the currency it is in.

use async_graphql::SimpleObject;

use super::scalars::Decimal;
use crate::contract::money;

/// An amount of money.
#[derive(Debug, Clone, SimpleObject)]
pub struct Money {
    /// How much, to the minor unit of the currency.
    amount: Decimal,
    /// ISO 4217 code of the currency.
    currency: String,
}

impl Money {
    /// An amount in a currency.
    pub(super) fn of(amount: money::Money, currency: &str) -> Self {
        Self { amount: Decimal(amount.amount()), currency: currency.to_owned() }
    }
}
