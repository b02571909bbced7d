//! The custom scalars. An invalid value is an error of the request, not of a resolver.

use async_graphql::{InputValueError, InputValueResult, Number, Scalar, ScalarType, Value};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Timelike as _, Utc};
use uuid::Uuid;

use throughline_domain::fact::envelope;

/// Declares a scalar that is written as text.
macro_rules! text_scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty) as $graphql:literal, $spec:literal, $hint:literal,
     $read:expr, $show:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        $(#[$doc])*
        #[Scalar(name = $graphql, specified_by_url = $spec)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                let read: fn(&str) -> Option<$inner> = $read;
                match &value {
                    Value::String(text) => read(text).map(Self).ok_or_else(|| InputValueError::custom($hint)),
                    _ => Err(InputValueError::custom($hint)),
                }
            }

            fn is_valid(value: &Value) -> bool {
                Self::parse(value.clone()).is_ok()
            }

            fn to_value(&self) -> Value {
                let show: fn(&$inner) -> String = $show;
                Value::String(show(&self.0))
            }
        }
    };
}

text_scalar! {
    /// A date in the contract's time zone, such as `2018-02-23`.
    Date(NaiveDate) as "Date", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "write a date as YYYY-MM-DD",
    |text| (text.len() == 10).then(|| text.parse().ok()).flatten(), |date| date.to_string()
}

text_scalar! {
    /// A time of day in the contract's time zone, such as `14:30` or `14:30:00`.
    LocalTime(NaiveTime) as "LocalTime", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "write a time of day as HH:MM or HH:MM:SS",
    |text| {
        let read = ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
        // A leap second is not a time of a civil day.
        read.filter(|time| time.nanosecond() < 1_000_000_000)
    },
    |time| time.to_string()
}

text_scalar! {
    /// An instant in UTC, such as `2018-02-25T09:00:00Z`. Other offsets are accepted and converted to UTC.
    Instant(DateTime<Utc>) as "DateTime", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "write an instant with its offset, such as 2018-02-25T09:00:00Z",
    |text| DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc()),
    |instant| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

text_scalar! {
    /// A UUID in its usual form of five groups.
    Id(Uuid) as "UUID", "https://www.rfc-editor.org/rfc/rfc9562",
    "write a UUID such as 0190c3d2-7c1a-7000-8000-000000000001",
    |text| text.parse().ok(), |id| id.to_string()
}

text_scalar! {
    /// An exact decimal, such as `16.5`. It is text, never a float.
    Decimal(rust_decimal::Decimal) as "Decimal", "https://www.w3.org/TR/xmlschema-2/#decimal",
    "write a decimal as a text, such as \"16.5\"",
    |text| text.parse().ok(), |decimal| decimal.to_string()
}

/// A position in the log. The first event has position 1; 0 is before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub envelope::Position);

/// A position in the log. The first event has position 1; 0 is before the first event.
#[Scalar(name = "Position", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        let hint = || InputValueError::custom("write a position as a whole number from 0");
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.filter(|number| *number >= 0).map(|number| Self(envelope::Position(number))).ok_or_else(hint)
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::Number(Number::from(self.0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_date_is_refused_with_the_expected_format() {
        for text in ["2018-02-30", "23/02/2018", "2018-2-3", "", "2018-02-23T00:00:00Z", "+12018-01-01"] {
            assert!(!Date::is_valid(&Value::String(text.to_owned())), "{text}");
        }
        assert!(Date::is_valid(&Value::String("2018-02-23".to_owned())));
        assert!(!Date::is_valid(&Value::Number(Number::from(20_180_223))));
    }

    #[test]
    fn an_instant_is_shown_in_utc() {
        let instant = Instant::parse(Value::String("2018-07-01T10:00:00+01:00".to_owned())).expect("an instant");
        assert_eq!(instant.to_value(), Value::String("2018-07-01T09:00:00Z".to_owned()));
    }

    #[test]
    fn a_position_is_never_negative() {
        assert!(!Position::is_valid(&Value::Number(Number::from(-1))));
        assert!(Position::is_valid(&Value::String("12".to_owned())));
    }
}
