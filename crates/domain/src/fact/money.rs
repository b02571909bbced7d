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

/// A currency, by its code of three capital letters (ISO 4217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency with this code. None if it is not three capital letters.
    pub fn named(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// Its code, such as `GBP`.
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(&self.0) {
            Ok(code) => code,
            Err(_) => "",
        }
    }

    /// What is written before an amount: the sign if there is one that no other currency has, or else the code.
    pub fn prefix(self) -> String {
        match self.as_str() {
            "GBP" => "£".to_owned(),
            "EUR" => "€".to_owned(),
            code => format!("{code} "),
        }
    }

    /// An amount as people read it, such as `-£1,234.50`, from its digits as they are shown.
    pub fn written(self, digits: &str) -> String {
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
        format!("{sign}{}{digits}", self.prefix())
    }
}

/// In JSON, a currency is its code.
impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = String::deserialize(from)?;
        Self::named(&code).ok_or_else(|| serde::de::Error::custom(format!("{code:?} is not a currency")))
    }
}

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
    fn a_currency_is_written_before_its_amounts() {
        let written = |code, digits| Currency::named(code).expect("a currency").written(digits);
        assert_eq!(written("GBP", "1,234.50"), "£1,234.50");
        assert_eq!(written("EUR", "-0.99"), "-€0.99");
        assert_eq!(written("AFN", "-12"), "-AFN 12");
        for wrong in ["gbp", "GB", "GBPS", "G£"] {
            assert_eq!(Currency::named(wrong), None, "{wrong}");
        }
        let json = serde_json::to_string(&Currency::named("GBP")).expect("JSON");
        assert_eq!((json.as_str(), serde_json::from_str::<Currency>("\"pounds\"").is_err()), ("\"GBP\"", true));
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
