//! Counted durations in whole days, with median, percentiles and mean, as boards show them.
//!
//! The arithmetic is that of [`throughline_domain::performance::case_value`]. Nothing else is computed here: numbers are
//! rounded once, and there is none without cases.

use rust_decimal::Decimal;

use throughline_domain::performance::case_value::Distribution;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};

/// The number of cases for each number of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    days: Distribution,
}

impl Durations {
    /// Adds cases that took this many days.
    pub fn add(&mut self, days: u32, cases: u64) {
        self.days.add(u64::from(days).into(), cases);
    }

    /// The number of cases.
    pub const fn count(&self) -> u64 {
        self.days.count()
    }

    /// The mean in days, with one decimal. `None` without cases.
    pub fn mean(&self) -> Option<Decimal> {
        shown(self.days.mean())
    }

    /// The median in days, interpolated between two values, with one decimal. `None` without cases.
    pub fn median(&self) -> Option<Decimal> {
        self.percentile(50)
    }

    /// A percentile from 0 to 100 in days, by linear interpolation between neighbouring values, with one decimal. `None`
    /// without cases, and above 100 percent.
    pub fn percentile(&self, percent: u32) -> Option<Decimal> {
        shown(self.days.percentile(percent))
    }
}

/// A number of days as shown on boards: one decimal, rounded half up, once. A whole number has none.
fn shown(days: Result<Option<Fraction>, OutOfRange>) -> Option<Decimal> {
    let rounded = |days: Fraction| {
        let whole = days.rounded(0)?;
        if Fraction::from(whole) == days { Ok(whole) } else { days.rounded(1) }
    };
    let shown = days.and_then(|days| days.map(rounded).transpose());
    shown.expect("whole days of the cases of a contract are too small to be out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations(days: &[u32]) -> Durations {
        let mut durations = Durations::default();
        for days in days {
            durations.add(*days, 1);
        }
        durations
    }

    fn text(days: Option<Decimal>) -> String {
        days.map_or_else(|| "none".to_owned(), |days| days.to_string())
    }

    #[test]
    fn no_cases_have_no_median_and_no_mean() {
        assert_eq!((durations(&[]).median(), durations(&[]).mean()), (None, None));
        assert_eq!(durations(&[3]).percentile(101), None);
    }

    #[test]
    fn a_median_lies_between_the_two_middle_values() {
        assert_eq!(text(durations(&[9]).median()), "9");
        assert_eq!(text(durations(&[9, 2, 4]).median()), "4");
        assert_eq!(text(durations(&[1, 2, 4, 9]).median()), "3");
        assert_eq!(text(durations(&[1, 2, 5, 9]).median()), "3.5");
    }

    #[test]
    fn percentiles_interpolate_linearly() {
        let ten = durations(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(text(ten.percentile(90)), "9.1");
        assert_eq!(text(ten.percentile(25)), "3.3", "3.25, rounded half up");
        assert_eq!((text(ten.percentile(0)), text(ten.percentile(100))), ("1".to_owned(), "10".to_owned()));
    }

    #[test]
    fn a_mean_is_rounded_half_up_once() {
        let twenty = [1, 2, 2, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 3];
        assert_eq!(text(durations(&twenty).mean()), "4.3");
        assert_eq!(text(durations(&[4, 4, 4, 5]).mean()), "4.3", "4.25");
        assert_eq!(text(durations(&[1, 1, 2]).mean()), "1.3");
        assert_eq!(text(durations(&[4, 6]).mean()), "5");
        let mut many = Durations::default();
        many.add(u32::MAX, u64::from(u32::MAX));
        assert_eq!(text(many.mean()), u32::MAX.to_string(), "the longest wait of many cases is in range");
    }
}
