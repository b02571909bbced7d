//! Amounts of money: exact decimals with as many digits as the currency has minor units.
//!
//! An amount is rounded once, half-up, when it becomes money. There are no binary floats, and no sum panics: sums are
//! limited to 28 digits.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of money in the currency of its contract, rounded to the minor unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(Decimal);

/// The currencies without a minor unit (ISO 4217). `WITH_THREE` lists those with three digits. All others have two.
const WITHOUT_MINOR: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF"];
const WITH_THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// The number of digits of a currency's minor unit.
pub fn minor_digits(currency: &str) -> u32 {
    if WITHOUT_MINOR.contains(&currency) {
        0
    } else if WITH_THREE.contains(&currency) {
        3
    } else {
        2
    }
}

impl Money {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// An exact amount, rounded half-up to the minor unit of a currency.
    pub fn of(amount: Decimal, currency: &str) -> Self {
        let digits = minor_digits(currency);
        let mut rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        rounded.rescale(digits);
        Self::exactly(rounded)
    }

    /// An amount exactly as written. It may have more digits than its currency.
    pub fn exactly(mut amount: Decimal) -> Self {
        // Zero has no sign.
        if amount.is_zero() {
            amount.set_sign_positive(true);
        }
        Self(amount)
    }

    /// The amount as a decimal.
    pub const fn amount(self) -> Decimal {
        self.0
    }

    /// Whether the amount is above 0.
    pub fn is_positive(self) -> bool {
        self > Self::ZERO
    }
}

/// In JSON, an amount is a text with all its digits.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let amount = text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is not an amount")));
        amount.map(Self::exactly)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self::exactly(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_rounded_half_up_to_the_minor_unit_and_shows_all_its_digits() {
        let shown = |amount: &str, currency| Money::of(amount.parse().expect("a decimal"), currency).to_string();
        assert_eq!(shown("1500", "GBP"), "1500.00");
        assert_eq!(shown("0.125", "GBP"), "0.13");
        assert_eq!(shown("0.1249999", "GBP"), "0.12");
        assert_eq!(shown("1.5", "JPY"), "2");
        assert_eq!(shown("1.5", "KWD"), "1.500");
    }

    #[test]
    fn zero_has_no_sign() {
        let nothing = Money::of(Decimal::ZERO, "GBP");
        assert_eq!((-nothing).to_string(), "0.00");
        assert_eq!(Money::of("-0.004".parse().expect("a decimal"), "GBP").to_string(), "0.00");
        assert_eq!(Money::exactly("-0.00".parse().expect("a decimal")).to_string(), "0.00");
        assert_eq!(serde_json::from_str::<Money>(r#""-0.00""#).expect("an amount").to_string(), "0.00");
    }

    #[test]
    fn an_amount_in_json_is_a_text_with_all_its_digits() {
        let amount = Money::of(Decimal::from(-3_000), "GBP");
        let text = serde_json::to_string(&amount).expect("JSON");
        assert_eq!(text, r#""-3000.00""#);
        assert_eq!(serde_json::from_str::<Money>(&text).expect("an amount"), amount);
        assert!(serde_json::from_str::<Money>(r#""much""#).is_err());
    }
}
