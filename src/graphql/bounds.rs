//! Bounds of arguments: a number outside them is a mistake of the request, told with the argument's name and its limits.
//!
//! Only for arguments of questions: what is wrong with the input of a mutation is a problem in its payload.

use async_graphql::{CustomValidator, InputValueError};

use super::query::FIRST_MAX;

/// From where to where an argument goes.
pub(super) struct Bounds {
    name: &'static str,
    least: i32,
    most: i32,
}

/// How long a page may be.
pub(super) const PAGE: Bounds = Bounds { name: "first", least: 1, most: FIRST_MAX };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_one_to_two_hundred() {
        for (given, fits) in [(i32::MIN, false), (-1, false), (0, false), (1, true), (200, true), (201, false)] {
            assert_eq!(PAGE.check(&given).is_ok(), fits, "{given}");
        }
        assert!(PERCENT.check(&0).is_ok() && PERCENT.check(&100).is_ok());
    }
}
