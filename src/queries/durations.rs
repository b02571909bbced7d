//! Counted durations in whole days, with median, percentiles and mean.
//!
//! Pure and exact: values are rounded only when shown, and there is no value without cases.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

/// The number of cases for each number of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    days: BTreeMap<u32, u64>,
    count: u64,
}

impl Durations {
    /// Adds cases that took this many days.
    pub fn add(&mut self, days: u32, cases: u64) {
        *self.days.entry(days).or_default() += cases;
        self.count += cases;
    }

    /// The number of cases.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean in days, unrounded. `None` without cases.
    pub fn mean(&self) -> Option<Decimal> {
        let sum: Decimal = self.days.iter().map(|(days, cases)| Decimal::from(*days) * Decimal::from(*cases)).sum();
        sum.checked_div(Decimal::from(self.count))
    }

    /// The median in days, interpolated between two values. `None` without cases.
    pub fn median(&self) -> Option<Decimal> {
        self.percentile(50)
    }

    /// A percentile from 0 to 100 in days, by linear interpolation between neighbouring values. `None` without cases,
    /// and above 100 percent.
    pub fn percentile(&self, percent: u32) -> Option<Decimal> {
        if percent > 100 {
            return None;
        }
        let hundredths = u128::from(self.count.checked_sub(1)?) * u128::from(percent);
        let rank = u64::try_from(hundredths / 100).ok()?;
        let (below, above) = (self.nth(rank)?, self.nth((rank + 1).min(self.count - 1))?);
        let part = Decimal::new(i64::try_from(hundredths % 100).ok()?, 2);
        Some((Decimal::from(below) + part * Decimal::from(above - below)).normalize())
    }

    /// The days of the case at this index, from 0, in ascending order.
    fn nth(&self, place: u64) -> Option<u32> {
        let mut passed = 0;
        let holds = |(days, cases): (&u32, &u64)| {
            passed += cases;
            (place < passed).then_some(*days)
        };
        self.days.iter().find_map(holds)
    }
}

/// A number of days as shown on boards: one decimal, rounded half up, once.
pub fn shown(days: Decimal) -> Decimal {
    days.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero)
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

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn no_cases_have_no_median_and_no_mean() {
        assert_eq!((durations(&[]).median(), durations(&[]).mean()), (None, None));
        assert_eq!(durations(&[3]).percentile(101), None);
    }

    #[test]
    fn a_median_lies_between_the_two_middle_values() {
        assert_eq!(durations(&[9]).median(), Some(decimal("9")));
        assert_eq!(durations(&[9, 2, 4]).median(), Some(decimal("4")));
        assert_eq!(durations(&[1, 2, 4, 9]).median(), Some(decimal("3")));
        assert_eq!(durations(&[1, 2, 5, 9]).median(), Some(decimal("3.5")));
    }

    #[test]
    fn percentiles_interpolate_linearly() {
        let ten = durations(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(ten.percentile(90), Some(decimal("9.1")));
        assert_eq!(ten.percentile(25), Some(decimal("3.25")));
        assert_eq!((ten.percentile(0), ten.percentile(100)), (Some(decimal("1")), Some(decimal("10"))));
    }

    #[test]
    fn a_mean_is_rounded_half_up_once_and_only_when_shown() {
        let mean = durations(&[1, 2, 2, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 3]).mean().expect("a mean");
        assert_eq!(mean, decimal("4.3"));
        assert_eq!(shown(decimal("4.25")), decimal("4.3"));
        assert_eq!(shown(durations(&[1, 1, 2]).mean().expect("a mean")), decimal("1.3"));
    }
}
