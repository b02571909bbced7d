//! Values that several payloads use: quantities, attributes and periods.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A decimal that JSON holds as a number, such as hours per week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(pub Decimal);

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(from)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            other => return Err(serde::de::Error::custom(format!("expected a decimal, found {other}"))),
        };
        let decimal = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
        let cannot = |_| format!("{text:?} is not a decimal that can be stored exactly: use at most 15 digits");
        decimal.map(Self).map_err(|error| serde::de::Error::custom(cannot(error)))
    }
}

/// A change to an optional value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patched<T> {
    /// The value does not change.
    #[default]
    Stays,
    /// The value is cleared.
    Cleared,
    /// The new value.
    Becomes(T),
}

impl<T> Patched<T> {
    /// Whether the value does not change.
    pub const fn stays(&self) -> bool {
        matches!(self, Self::Stays)
    }

    /// The new value, if there is one.
    pub fn becomes(self) -> Option<T> {
        self.over(None)
    }

    /// Applies the change to the value before it.
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Stays => before,
            Self::Cleared => None,
            Self::Becomes(value) => Some(value),
        }
    }
}

impl<T: Serialize> Serialize for Patched<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Becomes(value) => value.serialize(to),
            Self::Stays | Self::Cleared => to.serialize_none(),
        }
    }
}

/// A field that is left out does not change. Null clears it.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patched<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map_or(Self::Cleared, Self::Becomes))
    }
}

/// The value of a spell's attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    /// True or false.
    Flag(bool),
    /// A word or code.
    Text(String),
    /// A quantity.
    Quantity(Quantity),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Quantity(quantity) => quantity.fmt(f),
        }
    }
}

/// A range of whole days, such as a month or a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first day.
    pub first: NaiveDate,
    /// The last day, included.
    pub last: NaiveDate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_a_number_in_json_and_exact_here() {
        let quantity: Quantity = serde_json::from_str("16.31").expect("a decimal");
        assert_eq!(serde_json::to_string(&quantity).expect("a number"), "16.31");
        assert_eq!(quantity.0, Decimal::new(1631, 2));
    }
}
