//! Key performance indicators: a measure, the levels that it must reach, and what may follow a failure.
//!
//! Only values: no figure is computed and no level is given here. What follows a failure is listed, never done.

pub(super) mod parse;

use rust_decimal::Decimal;

use super::{Rulebook, Standard};
use crate::fact::event::NoticeKind;

/// An indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kpi {
    /// Its code, unique among the indicators. Assessments name it.
    pub code: String,
    /// The title on boards.
    pub title: String,
    /// The measure, by its code.
    pub measure: String,
    /// On which side of its levels a value is good.
    pub direction: Direction,
    /// The value at which it is met, in percent for a share. Beyond it, the failure is minor.
    pub minimum_level: Option<Decimal>,
    /// The value beyond which the failure is major, in percent for a share.
    pub lower_level: Option<Decimal>,
    /// The months whose figure decides its level.
    pub period: KpiPeriod,
    /// What may follow a failure.
    pub consequences: Consequences,
}

/// What may follow a failure to reach a level. It is listed, never done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consequences {
    /// The tools after a minor failure.
    pub minor_tools: Vec<NoticeKind>,
    /// The tools after a major failure.
    pub major_tools: Vec<NoticeKind>,
    /// What may be withheld after a major failure.
    pub withhold: Option<Withholding>,
}

/// On which side of its levels a value is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A value at a level or above it reaches the level.
    AtLeast,
    /// A value at a level or below it reaches the level.
    AtMost,
}

/// The months whose figure decides the level of an indicator in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KpiPeriod {
    /// The month.
    Month,
    /// The three months up to its end.
    RollingThree,
    /// The twelve months up to its end.
    RollingTwelve,
    /// Everything from the start of the contract to its end.
    SinceStart,
}

impl KpiPeriod {
    /// Every period, the shortest first.
    pub const ALL: [Self; 4] = [Self::Month, Self::RollingThree, Self::RollingTwelve, Self::SinceStart];
}

/// A part of an amount that may be withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withholding {
    /// The part, in percent.
    pub percent: Decimal,
    /// The amount of which it is a part.
    pub of: WithheldFrom,
}

/// The amount of which a part may be withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithheldFrom {
    /// What is recorded for the contract under this code in the financial year.
    Recorded(String),
    /// This amount.
    Amount(Decimal),
}

impl Kpi {
    /// The indicator that a standard with levels makes: the share of obligations met in time in a month.
    fn of_standard(standard: &Standard, rulebook: &Rulebook) -> Option<Self> {
        let (minimum_level, lower_level) = (standard.minimum_level, standard.lower_level);
        minimum_level.or(lower_level)?;
        Some(Self {
            code: standard.code.clone(),
            title: rulebook.labels.of(&standard.code),
            measure: standard.code.clone(),
            direction: Direction::AtLeast,
            minimum_level,
            lower_level,
            period: KpiPeriod::Month,
            consequences: standard.consequences.clone(),
        })
    }
}

/// The indicators of a rulebook: its standards with levels, then those of `[[kpi]]`, in file order.
pub fn kpis(rulebook: &Rulebook) -> Vec<Kpi> {
    let standards = rulebook.standards.iter().filter_map(|standard| Kpi::of_standard(standard, rulebook));
    standards.chain(rulebook.kpis.iter().cloned()).collect()
}

#[cfg(test)]
mod tests;
