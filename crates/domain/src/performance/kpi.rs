//! The levels of key performance indicators, and runs of months.
//!
//! Pure, from values alone. A value at the minimum level meets the indicator. Beyond it is a minor failure, beyond the
//! lower level a major one. A third failing month in a row, and each one after it, is a major failure.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::fraction::Fraction;
use super::period::{Month, Period, Unit};
use crate::contract::rulebook::Standard;
pub use crate::contract::rulebook::kpi::{Direction, Kpi, KpiPeriod, kpis};
use crate::fact::event::NoticeKind;

/// How well an indicator was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It was met.
    Met,
    /// A minor failure.
    Minor,
    /// A major failure.
    Major,
}

/// The levels of an indicator, in percent for a share. One of the two may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    direction: Direction,
    minimum: Option<Decimal>,
    lower: Option<Decimal>,
}

impl Level {
    /// The code of the level in assessments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// The level with this code.
    pub fn named(code: &str) -> Option<Self> {
        [Self::Met, Self::Minor, Self::Major].into_iter().find(|level| level.as_str() == code)
    }

    /// The level of a month after this many failing months in a row.
    #[must_use]
    pub fn after(self, failing_months: usize) -> Self {
        if self == Self::Minor && failing_months >= 2 { Self::Major } else { self }
    }
}

impl Levels {
    /// The levels of a standard. None if it has none.
    pub fn of(standard: &Standard) -> Option<Self> {
        let (minimum, lower) = (standard.minimum_level, standard.lower_level);
        minimum.or(lower).map(|_| Self { direction: Direction::AtLeast, minimum, lower })
    }

    /// The levels of an indicator.
    pub const fn of_kpi(kpi: &Kpi) -> Self {
        Self { direction: kpi.direction, minimum: kpi.minimum_level, lower: kpi.lower_level }
    }

    /// The level of a value on its own, in percent for a share. The value is not rounded.
    pub fn level(&self, value: Fraction) -> Level {
        let is_beyond = |level: Option<Decimal>| {
            level.is_some_and(|level| match self.direction {
                Direction::AtLeast => value < level.into(),
                Direction::AtMost => value > level.into(),
            })
        };
        match (is_beyond(self.minimum), is_beyond(self.lower)) {
            (_, true) => Level::Major,
            (true, false) => Level::Minor,
            (false, false) => Level::Met,
        }
    }
}

/// The levels of consecutive months, from that of each month on its own, the earliest first. A month without a level has
/// none and breaks the run.
pub fn run(own: impl IntoIterator<Item = Option<Level>>) -> Vec<Option<Level>> {
    let mut failing = 0;
    let mut of_month = |own: Option<Level>| {
        let level = own.map(|own| own.after(failing));
        failing = if matches!(own, Some(Level::Minor | Level::Major)) { failing + 1 } else { 0 };
        level
    };
    own.into_iter().map(&mut of_month).collect()
}

/// The months before one that can make it the third failing month in a row.
pub const MONTHS_OF_A_RUN: u32 = 2;

impl Kpi {
    /// The kinds of notices that may be issued at a level.
    pub fn tools(&self, level: Level) -> &[NoticeKind] {
        match level {
            Level::Met => &[],
            Level::Minor => &self.consequences.minor_tools,
            Level::Major => &self.consequences.major_tools,
        }
    }
}

impl KpiPeriod {
    /// The days up to the end of a month. A contract that starts within them makes them shorter. None before its start.
    pub fn up_to(self, month: Month, starts_on: NaiveDate) -> Option<Period> {
        let start = Month::of(starts_on);
        let months = |back: u32| {
            let first = month.back(back).map_or(start, |first| first.max(start));
            if first == month { Some(Period::month(month)) } else { Period::days(first.first(), month.last()) }
        };
        match self {
            _ if month < start => None,
            Self::Month => Some(Period::month(month)),
            Self::RollingThree => months(2),
            Self::RollingTwelve => months(11),
            Self::SinceStart => Period::to_date(starts_on, Unit::Month, month.last()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;

    fn levels() -> Levels {
        Levels { direction: Direction::AtLeast, minimum: Some(95.into()), lower: Some(85.into()) }
    }

    fn run(percents: &str) -> String {
        let own = percents.split_whitespace().map(|text| (text != "-").then(|| levels().level(fraction(text))));
        let levels = super::run(own).into_iter().map(|level| level.map_or("-", Level::as_str));
        levels.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_share_at_a_level_reaches_it() {
        assert_eq!(run("95 94.999 95 85 84.999"), "met minor met minor major");
        assert_eq!((levels().level(fraction("85")), levels().level(fraction("84.999"))), (Level::Minor, Level::Major));
        // 94.96 is not rounded to 95.0 before it is compared.
        assert_eq!(levels().level(fraction("9496/100")), Level::Minor);
        let only_lower = Levels { minimum: None, ..levels() };
        assert_eq!((only_lower.level(fraction("85")), only_lower.level(fraction("84"))), (Level::Met, Level::Major));
    }

    #[test]
    fn a_value_that_is_better_when_it_is_smaller_reaches_a_level_from_above() {
        let levels = Levels { direction: Direction::AtMost, minimum: Some(5.into()), lower: Some(10.into()) };
        let found = ["4", "5", "5.001", "10", "10.001"].map(|value| levels.level(fraction(value)).as_str());
        assert_eq!(found, ["met", "met", "minor", "minor", "major"]);
    }

    #[test]
    fn rolling_months_do_not_begin_before_the_contract() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let edges = |period: KpiPeriod, month: &str| {
            let found = period.up_to(Month::of(day(month)), day("2018-02-10"));
            found.map(|period| (period.first().to_string(), period.last().to_string()))
        };
        let days = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        assert_eq!(edges(KpiPeriod::RollingThree, "2018-06-01"), days("2018-04-01", "2018-06-30"));
        assert_eq!(edges(KpiPeriod::RollingThree, "2018-03-01"), days("2018-02-01", "2018-03-31"));
        assert_eq!(edges(KpiPeriod::RollingTwelve, "2018-02-01"), days("2018-02-01", "2018-02-28"));
        assert_eq!(edges(KpiPeriod::RollingTwelve, "2019-03-01"), days("2018-04-01", "2019-03-31"));
        assert_eq!(edges(KpiPeriod::SinceStart, "2018-03-01"), days("2018-02-10", "2018-03-31"));
        assert_eq!(edges(KpiPeriod::Month, "2018-01-01"), None);
    }

    #[test]
    fn three_failing_months_in_a_row_make_a_major_failure_from_the_third_on() {
        assert_eq!(run("90 90 90"), "minor minor major");
        assert_eq!(run("90 90 90 90 96 90"), "minor minor major major met minor");
        assert_eq!(run("90 96 90 90"), "minor met minor minor");
        assert_eq!(run("80 90 90"), "major minor major", "failing months count with their own grade");
        assert_eq!(run("90 90 80"), "minor minor major");
    }

    #[test]
    fn a_month_without_a_value_breaks_the_run() {
        assert_eq!(run("90 90 - 90 90 90"), "minor minor - minor minor major");
        assert_eq!(run("-"), "-");
    }
}
