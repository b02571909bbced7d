//! Bounds of arguments: a number outside them is a mistake of the request, told with the argument's name and its limits.
//!
//! Only for arguments of questions: what is wrong with the input of a mutation is a problem in its payload.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{CustomValidator, InputType, InputValueError, InputValueResult, Value};

/// How many entries a page holds where a client gives no length.
const FIRST: i32 = 20;
/// How many entries a page holds at most.
pub(super) const FIRST_MAX: i32 = 200;

/// From where to where an argument goes.
pub(super) struct Bounds {
    name: &'static str,
    least: i32,
    most: i32,
}

/// How long a page may be.
const PAGE: Bounds = Bounds { name: "first", least: 1, most: FIRST_MAX };
/// Which part of a hundred.
pub(super) const PERCENT: Bounds = Bounds { name: "percent", least: 0, most: 100 };

impl CustomValidator<i32> for Bounds {
    fn check(&self, given: &i32) -> Result<(), InputValueError<i32>> {
        let Self { name, least, most } = self;
        if (*least..=*most).contains(given) {
            return Ok(());
        }
        Err(InputValueError::custom(format!("{name} is from {least} to {most}: {given} is not")))
    }
}

/// How many entries a page holds: the argument `first: Int = 20` of every list that has pages. An explicit null is the
/// same as leaving it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageLength(i32);

impl PageLength {
    /// As a count.
    pub(super) fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(1)
    }

    /// As a number of rows.
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
    fn a_page_is_of_one_to_two_hundred_and_of_twenty_where_nothing_is_given() {
        let read = |given: Option<Value>| PageLength::parse(given).ok().map(|length| length.0);
        for (given, fits) in [(i32::MIN, false), (-1, false), (0, false), (1, true), (200, true), (201, false)] {
            assert_eq!(read(Some(Value::from(given))), fits.then_some(given), "{given}");
        }
        assert_eq!((read(None), read(Some(Value::Null))), (Some(20), Some(20)));
        assert_eq!(read(Some(Value::from("20"))), None);
        assert!(PERCENT.check(&0).is_ok() && PERCENT.check(&100).is_ok());
    }
}
