//! Values of cases, and the one number that they become: means, medians, percentiles, and shares in a band.
//!
//! Pure and exact. What is not known exactly is in no mean or median, and in a band only if it is there for certain.

use std::collections::BTreeMap;

use super::figure::Figure;
use super::fraction::{Fraction, OutOfRange};
use super::measure::{Band, Each, OfCases, Share, Take, Unit};

/// The value of one case. Only bounds are known if it is made of a date known by its month or year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It is known exactly.
    Exact(Fraction),
    /// It lies between two numbers, both possible.
    Between(Fraction, Fraction),
}

impl Worth {
    /// The value, if it is known exactly.
    pub const fn exact(&self) -> Option<Fraction> {
        match self {
            Self::Exact(value) => Some(*value),
            Self::Between(..) => None,
        }
    }

    const fn bounds(&self) -> (Fraction, Fraction) {
        match self {
            Self::Exact(value) => (*value, *value),
            Self::Between(lowest, highest) => (*lowest, *highest),
        }
    }
}

impl Each {
    /// What is taken of the values of one case, in the order in which they were recorded. None if there are none.
    pub fn of(self, values: &[Fraction]) -> Result<Option<Fraction>, OutOfRange> {
        Ok(match self {
            Self::First => values.first().copied(),
            Self::Last => values.last().copied(),
            Self::Lowest => values.iter().min().copied(),
            Self::Highest => values.iter().max().copied(),
            Self::Mean => Fraction::mean(values)?,
            Self::Sum if values.is_empty() => None,
            Self::Sum => Some(Fraction::sum(values.iter().copied())?),
        })
    }
}

impl Band {
    /// Whether a number is within the limits.
    fn holds(&self, value: Fraction) -> bool {
        self.at_least.is_none_or(|limit| value >= limit.into())
            && self.above.is_none_or(|limit| value > limit.into())
            && self.at_most.is_none_or(|limit| value <= limit.into())
            && self.below.is_none_or(|limit| value < limit.into())
    }
}

impl Share {
    /// Whether the value of a case is in the band for certain. The limits of a quotient are in percent.
    pub fn holds(&self, worth: &Worth) -> Result<bool, OutOfRange> {
        let (lowest, highest) = worth.bounds();
        let shown = |value: Fraction| if self.value.unit() == Unit::Percent { value.in_percent() } else { Ok(value) };
        // What lies between two numbers of a band is in it too.
        Ok(self.band.holds(shown(lowest)?) && self.band.holds(shown(highest)?))
    }

    /// The share of the cases in the band among those that have a value.
    pub fn figure(&self, worths: &[Worth]) -> Result<Figure, OutOfRange> {
        let mut within = 0;
        for worth in worths {
            within += u64::from(self.holds(worth)?);
        }
        Figure::share(within, worths.len().try_into().map_err(|_| OutOfRange)?)
    }
}

impl OfCases {
    /// The number that the values of the cases become. Without a case whose value is known exactly there is none: days
    /// and quotients are then not applicable, and of what is recorded there is no data.
    pub fn figure(&self, worths: &[Worth]) -> Result<Figure, OutOfRange> {
        let values = Distribution::of(worths.iter().filter_map(Worth::exact));
        let cases = values.count;
        let of = |value: Option<Fraction>| value.map(|value| Figure::of_cases(value, cases));
        let figure = match self.take {
            _ if cases == 0 => None,
            Take::Mean => Some(Figure::mean(values.sum()?, cases)?),
            Take::Sum => of(Some(values.sum()?)),
            Take::Median => of(values.percentile(50)?),
            Take::Percentile(percent) => of(values.percentile(percent)?),
            Take::Lowest => of(values.values.keys().next().copied()),
            Take::Highest => of(values.values.keys().next_back().copied()),
        };
        let is_recorded = self.value.unit() == Unit::Amount;
        Ok(figure.unwrap_or_else(|| if is_recorded { Figure::no_data() } else { Figure::not_applicable() }))
    }
}

/// How many cases have each value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    values: BTreeMap<Fraction, u64>,
    count: u64,
}

impl Distribution {
    fn of(values: impl Iterator<Item = Fraction>) -> Self {
        let mut distribution = Self::default();
        values.for_each(|value| distribution.add(value, 1));
        distribution
    }

    /// Adds cases with this value.
    pub fn add(&mut self, value: Fraction, cases: u64) {
        *self.values.entry(value).or_default() += cases;
        self.count += cases;
    }

    /// The number of cases.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean. None without cases.
    pub fn mean(&self) -> Result<Option<Fraction>, OutOfRange> {
        self.sum()?.over(self.count.into())
    }

    fn sum(&self) -> Result<Fraction, OutOfRange> {
        let products = self.values.iter().map(|(value, cases)| value.times((*cases).into()));
        Fraction::sum(products.collect::<Result<Vec<_>, _>>()?)
    }

    /// A percentile from 0 to 100, by linear interpolation between neighbouring values. None without cases, and above
    /// 100 percent.
    pub fn percentile(&self, percent: u32) -> Result<Option<Fraction>, OutOfRange> {
        let Some(last) = self.count.checked_sub(1).filter(|_| percent <= 100) else { return Ok(None) };
        let hundredths = last.checked_mul(percent.into()).ok_or(OutOfRange)?;
        let rank = hundredths / 100;
        let (Some(below), Some(above)) = (self.nth(rank), self.nth((rank + 1).min(last))) else { return Ok(None) };
        let part = Fraction::hundredths(hundredths % 100);
        below.plus(part.times(above.minus(below)?)?).map(Some)
    }

    /// The value at this place, from 0, in ascending order.
    fn nth(&self, place: u64) -> Option<Fraction> {
        let mut passed = 0;
        let holds = |(value, cases): (&Fraction, &u64)| {
            passed += cases;
            (place < passed).then_some(*value)
        };
        self.values.iter().find_map(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::State;
    use super::super::fraction::tests::fraction;
    use super::super::measure::{CaseValue, FactKind, Facts};
    use super::*;
    use rust_decimal::Decimal;

    fn days() -> CaseValue {
        let facts = |code: &str| Facts::one(FactKind::Stages, code);
        CaseValue::Days { from: facts("referral"), to: facts("plan") }
    }

    fn recorded() -> CaseValue {
        CaseValue::Recorded { facts: Facts::one(FactKind::Recorded, "weight"), each: Each::Last }
    }

    fn quotient() -> CaseValue {
        let all = Facts::all;
        CaseValue::Quotient { of: all(FactKind::SessionsAttended), over: all(FactKind::SessionsOffered) }
    }

    fn exactly(values: &[&str]) -> Vec<Worth> {
        values.iter().map(|value| Worth::Exact(fraction(value))).collect()
    }

    fn taken(take: Take, worths: &[Worth]) -> Option<Fraction> {
        OfCases { value: days(), take }.figure(worths).expect("in range").value()
    }

    #[test]
    fn percentiles_interpolate_linearly_and_a_mean_is_exact() {
        let ten = exactly(&["10", "1", "2", "3", "9", "4", "5", "6", "7", "8"]);
        for (take, value) in [
            (Take::Median, "5.5"),
            (Take::Percentile(90), "9.1"),
            (Take::Percentile(25), "3.25"),
            (Take::Percentile(1), "1.09"),
            (Take::Percentile(100), "10"),
            (Take::Lowest, "1"),
            (Take::Highest, "10"),
            (Take::Mean, "5.5"),
            (Take::Sum, "55"),
        ] {
            assert_eq!(taken(take, &ten), Some(fraction(value)), "{take}");
        }
        assert_eq!(taken(Take::Median, &exactly(&["9", "2", "4"])), Some(fraction("4")));
        assert_eq!(taken(Take::Mean, &exactly(&["1", "1", "2"])), Some(fraction("4/3")));
        assert_eq!(taken(Take::Percentile(90), &exactly(&["7"])), Some(fraction("7")));
    }

    #[test]
    fn what_is_not_known_exactly_is_in_no_mean_or_median() {
        let mut worths = exactly(&["2", "4"]);
        worths.push(Worth::Between(fraction("0"), fraction("30")));
        assert_eq!(taken(Take::Mean, &worths), Some(fraction("3")));
        assert_eq!(taken(Take::Median, &worths), Some(fraction("3")));
        let figure = OfCases { value: days(), take: Take::Mean }.figure(&worths).expect("in range");
        assert_eq!((figure.numerator(), figure.denominator()), (Some(fraction("6")), Some(fraction("2"))));
    }

    #[test]
    fn without_cases_days_are_not_applicable_and_what_is_recorded_has_no_data() {
        let state = |value: CaseValue| OfCases { value, take: Take::Mean }.figure(&[]).expect("in range").state();
        assert_eq!((state(days()), state(quotient())), (State::NotApplicable, State::NotApplicable));
        assert_eq!(state(recorded()), State::NoData);
        let share = Share { value: days(), band: Band { at_most: Some(28.into()), ..Band::default() } };
        assert_eq!(share.figure(&[]).expect("in range").state(), State::NotApplicable);
        let zero = OfCases { value: recorded(), take: Take::Mean }.figure(&exactly(&["0"])).expect("in range");
        assert_eq!((zero.state(), zero.value()), (State::Value, Some(Fraction::ZERO)), "0 is a value");
    }

    #[test]
    fn a_band_holds_its_limits_or_not_as_they_say() {
        let within = |band: Band, value: &str| {
            let share = Share { value: days(), band };
            share.holds(&Worth::Exact(fraction(value))).expect("in range")
        };
        let limit = Some(Decimal::from(28));
        let found = |band: Band| ["27", "28", "28.5"].map(|value| within(band, value));
        assert_eq!(found(Band { at_most: limit, ..Band::default() }), [true, true, false]);
        assert_eq!(found(Band { below: limit, ..Band::default() }), [true, false, false]);
        assert_eq!(found(Band { at_least: limit, ..Band::default() }), [false, true, true]);
        assert_eq!(found(Band { above: limit, ..Band::default() }), [false, false, true]);
        let both = Band { at_least: limit, below: Some(Decimal::new(285, 1)), ..Band::default() };
        assert_eq!(found(both), [false, true, false]);
    }

    #[test]
    fn a_quotient_is_compared_in_percent_and_unrounded() {
        let band = Band { at_least: Some(67.into()), ..Band::default() };
        let share = Share { value: quotient(), band };
        let figure = share.figure(&exactly(&["2/3", "0.67", "1", "0"])).expect("in range");
        let numbers = (figure.numerator(), figure.denominator());
        assert_eq!(numbers, (Some(fraction("2")), Some(fraction("4"))), "two of three are 66.7 %, which is less");
    }

    #[test]
    fn what_may_be_in_a_band_or_not_is_only_in_the_population() {
        let band = Band { at_most: Some(28.into()), ..Band::default() };
        let share = Share { value: days(), band };
        let between = |low: &str, high: &str| Worth::Between(fraction(low), fraction(high));
        let figure = share.figure(&[between("0", "28"), between("1", "29"), between("29", "59")]).expect("in range");
        assert_eq!((figure.numerator(), figure.denominator()), (Some(fraction("1")), Some(fraction("3"))));
    }

    #[test]
    fn of_several_values_of_a_case_one_is_taken() {
        let values = ["3", "9", "6"].map(fraction);
        for (each, value) in [
            (Each::First, "3"),
            (Each::Last, "6"),
            (Each::Lowest, "3"),
            (Each::Highest, "9"),
            (Each::Mean, "6"),
            (Each::Sum, "18"),
        ] {
            assert_eq!(each.of(&values), Ok(Some(fraction(value))), "{each:?}");
            assert_eq!(each.of(&[]), Ok(None), "{each:?}");
        }
    }

    #[test]
    fn a_sum_beyond_range_is_an_error_and_never_a_wrong_number() {
        let largest = Worth::Exact(Fraction::from(Decimal::MAX));
        let smallest = Worth::Exact(fraction("0.0000000000000000000000000001"));
        let sum = OfCases { value: recorded(), take: Take::Sum };
        assert_eq!(sum.figure(&[largest, smallest]), Err(OutOfRange));
    }
}
