//! The levels of key performance indicators, and runs of months.
//!
//! Pure, from values alone. A share at the minimum level meets the indicator. Below it is a minor failure, below the
//! lower level a major one. A third failing month in a row, and each one after it, is a major failure.

use rust_decimal::Decimal;

use super::fraction::Fraction;
use crate::contract::rulebook::Standard;

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

/// The levels of a standard, in percent. One of the two may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
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
        minimum.or(lower).map(|_| Self { minimum, lower })
    }

    /// The level of a share in percent on its own. The share is not rounded.
    pub fn level(&self, percent: Fraction) -> Level {
        let is_below = |level: Option<Decimal>| level.is_some_and(|level| percent < level.into());
        match (is_below(self.minimum), is_below(self.lower)) {
            (_, true) => Level::Major,
            (true, false) => Level::Minor,
            (false, false) => Level::Met,
        }
    }

    /// The levels of consecutive months, the earliest first. A month without value has none and breaks the run.
    pub fn run(&self, percents: impl IntoIterator<Item = Option<Fraction>>) -> Vec<Option<Level>> {
        let mut failing = 0;
        let mut of_month = |percent: Option<Fraction>| {
            let own = percent.map(|percent| self.level(percent));
            let level = own.map(|own| own.after(failing));
            failing = if matches!(own, Some(Level::Minor | Level::Major)) { failing + 1 } else { 0 };
            level
        };
        percents.into_iter().map(&mut of_month).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;

    fn levels() -> Levels {
        Levels { minimum: Some(95.into()), lower: Some(85.into()) }
    }

    fn run(percents: &str) -> String {
        let percents = percents.split_whitespace().map(|text| (text != "-").then(|| fraction(text)));
        let levels = levels().run(percents).into_iter().map(|level| level.map_or("-", Level::as_str));
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
