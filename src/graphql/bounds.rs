//! Limits of numeric arguments. A number outside them is an error of the request; the message names the argument and
//! its limits.
//!
//! Only for arguments of queries. An invalid mutation input is a problem in the payload.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{CustomValidator, InputType, InputValueError, InputValueResult, Value};

/// The default length of a page.
const FIRST: i32 = 20;
/// The greatest length of a page.
pub(super) const FIRST_MAX: i32 = 200;

/// The limits of an argument.
pub(super) struct Bounds {
    name: &'static str,
    least: i32,
    most: i32,
}

/// The limits of a page length.
const PAGE: Bounds = Bounds { name: "first", least: 1, most: FIRST_MAX };
/// The limits of a percentage.
pub(super) const PERCENT: Bounds = Bounds { name: "percent", least: 0, most: 100 };
/// The limits of the life of a link, in seconds.
pub(super) const LINK_SECONDS: Bounds = Bounds { name: "expiresIn", least: 1, most: 300 };
/// The limits of the months of a forecast.
pub(super) const MONTHS_AHEAD: Bounds = Bounds { name: "months", least: 1, most: 24 };

impl CustomValidator<i32> for Bounds {
    fn check(&self, given: &i32) -> Result<(), InputValueError<i32>> {
        let Self { name, least, most } = self;
        if (*least..=*most).contains(given) {
            return Ok(());
        }
        Err(InputValueError::custom(format!("{name} must be from {least} to {most}, not {given}")))
    }
}

/// The length of a page: the argument `first: Int = 20` of every paged list. An explicit null means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageLength(i32);

impl PageLength {
    /// The length as a count.
    pub(super) fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(1)
    }

    /// The length as a number of rows.
    pub(super) fn rows(self) -> u32 {
        u32::try_from(self.0).unwrap_or(1)
    }
}

impl Default for PageLength {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl InputType for PageLength {
    type RawValueType = i32;

    fn type_name() -> Cow<'static, str> {
        <i32 as InputType>::type_name()
    }

    fn qualified_type_name() -> String {
        Self::type_name().into_owned()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <i32 as InputType>::create_type_info(registry);
        Self::qualified_type_name()
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let given = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            given => <i32 as InputType>::parse(given).map_err(InputValueError::propagate)?,
        };
        PAGE.check(&given).map_err(InputValueError::propagate)?;
        Ok(Self(given))
    }

    fn to_value(&self) -> Value {
        InputType::to_value(&self.0)
    }

    fn as_raw_value(&self) -> Option<&i32> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_200_entries_and_20_by_default() {
        let read = |given: Option<Value>| PageLength::parse(given).ok().map(|length| length.0);
        for (given, fits) in [(i32::MIN, false), (-1, false), (0, false), (1, true), (200, true), (201, false)] {
            assert_eq!(read(Some(Value::from(given))), fits.then_some(given), "{given}");
        }
        assert_eq!((read(None), read(Some(Value::Null))), (Some(20), Some(20)));
        assert_eq!(read(Some(Value::from("20"))), None);
        assert!(PERCENT.check(&0).is_ok() && PERCENT.check(&100).is_ok());
    }
}
