//! Outcomes: what a contract pays for, its conditions and its prices, as valid values.
//!
//! `contract/outcome` evaluates them.

pub(super) mod condition;
pub mod key;
pub(super) mod parse;
pub(super) mod price;
pub(super) mod scope;
pub(super) mod sustain;
pub(super) mod trigger;
pub(super) mod whole;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use crate::fact::money::Money;

/// Something that a contract pays for or counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its code, unique among the outcomes.
    pub code: String,
    /// Its class, such as `employment`. Double funding is looked for across contracts by class.
    pub class: Option<String>,
    /// Its name for people.
    pub title: String,
    /// How it is achieved.
    pub achieved_by: AchievedBy,
    /// When it may be claimed, and how often.
    pub claim: ClaimTerms,
    /// Whether it is paid once for each case or once for each person.
    pub once_per: OncePer,
    /// The name of its group, if it has one. At most one outcome of a group is paid.
    pub group: Option<String>,
    /// The lower outcome that this one replaces: this one pays the difference.
    pub convert_from: Option<String>,
    /// Which outcome of its group is paid if the caps leave this one nothing.
    pub when_capped: WhenCapped,
    /// The measure that boards show it as a share of, by code.
    pub rate_over: Option<String>,
    /// Its prices; if empty, it is counted and not paid.
    pub tariffs: Vec<Tariff>,
}

/// How an outcome is achieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AchievedBy {
    /// By the facts of one case.
    Journey(Box<JourneyTerms>),
    /// By the total of many cases, period by period.
    Many(ManyTerms),
}

/// The conditions of an outcome of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyTerms {
    /// The fact that it begins with. Without `sustain`, it is achieved on the date of the first such fact.
    pub trigger: Trigger,
    /// How long spells must last.
    pub sustain: Option<Sustain>,
    /// How many hours a week are needed.
    pub hours: Option<Hours>,
    /// The evidence that a claim needs.
    pub evidence: Option<EvidenceTerms>,
    /// The kinds of risk that hold it while one is open.
    pub hold_on_risk: Vec<String>,
    /// The condition that a case must meet.
    pub only_if: Option<Condition>,
    /// How many times it can be achieved in one case.
    pub repeats: u32,
}

/// The fact that an outcome begins with, or that reaches a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A spell of one of the domains, with one of the listed values for each named attribute.
    Spell {
        /// The domains, at least one.
        domains: Vec<String>,
        /// The values that each named attribute may have. Every spell of a run must pass.
        attributes: BTreeMap<String, Vec<Value>>,
    },
    /// An achievement with one of the codes, at one of the levels if levels are named.
    Achievement {
        /// The codes, at least one.
        codes: Vec<String>,
        /// The levels; if empty, any level, and an achievement without a level.
        levels: Vec<String>,
    },
    /// A plan of one of the kinds is agreed.
    Plan {
        /// The kinds, at least one.
        kinds: Vec<String>,
    },
    /// An engagement with one of the bases.
    Engagement {
        /// The bases; if empty, any basis.
        bases: Vec<String>,
    },
    /// A measure reaches a value.
    Measure {
        /// Its code.
        code: String,
        /// The least value that counts, in the unit of the measure.
        at_least: Decimal,
    },
}

impl Trigger {
    /// The domains of spells that it names; empty for the other forms.
    pub fn spell_domains(&self) -> &[String] {
        match self {
            Self::Spell { domains, .. } => domains,
            _ => &[],
        }
    }
}

/// How long spells must last, and what a gap between them does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sustain {
    /// The length.
    pub length: Length,
    /// What a gap does.
    pub continuity: Continuity,
    /// Whether the days of a tolerated gap count. Never in a window.
    pub gap_counts: bool,
    /// Which spells count together.
    pub combine: Combine,
    /// The pause of the calendar whose days are left out first.
    pub pause: Option<String>,
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Days, at least one.
    Days(u32),
    /// Calendar months from the first day, limited to the end of the month; at least one.
    Months(u32),
}

/// What a gap between spells does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// A day without a spell ends the run.
    Unbroken,
    /// Gaps of up to this many days are tolerated.
    MaxGap(u32),
    /// Any gap is tolerated.
    Cumulative,
    /// The days may lie anywhere in a window of this many days.
    Window(u32),
}

/// Which spells count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// All spells of the outcome's domains.
    Employers,
    /// Spells with the same employer. A spell without an employer counts alone.
    Nothing,
}

/// How many hours a week are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The days whose hours are compared.
    pub basis: HoursBasis,
    /// At least this many hours; exactly this many qualifies.
    pub at_least: Option<Decimal>,
    /// Fewer than this many hours.
    pub below: Option<Decimal>,
    /// What unknown hours do.
    pub unknown: UnknownHours,
}

/// The days whose hours are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoursBasis {
    /// The mean over the covered days.
    Average,
    /// The first covered day.
    AtStart,
    /// The last covered day.
    AtEnd,
    /// Every covered day.
    EveryWeek,
}

/// What unknown hours do, on a day that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownHours {
    /// The claim is on hold until the hours are known.
    Hold,
    /// They count as 0.
    Lower,
}

/// Whether evidence needs the digest of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// It counts without one.
    Optional,
    /// It counts only with one.
    Required,
}

/// The evidence that a claim needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceTerms {
    /// Kinds of evidence of which one is enough; if empty, none of them is needed.
    pub any_of: Vec<String>,
    /// Kinds of evidence that are all needed.
    pub all_of: Vec<String>,
    /// Whether the evidence must be verified.
    pub verified: bool,
    /// Whether the evidence must have the digest of its file.
    pub digest: Digest,
    /// How many days before the date of achievement the evidence may be dated; `None` for any number.
    pub dated_before_days: Option<u32>,
    /// How many days after the date of achievement the evidence may be dated; `None` for any number.
    pub dated_after_days: Option<u32>,
}

/// A condition on facts that were fixed when the client was referred or assessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Every one of these conditions is met.
    All(Vec<Condition>),
    /// At least one of these conditions is met.
    Any(Vec<Condition>),
    /// This condition is not met. A fact that nobody stated has none of the values of a list.
    Not(Box<Condition>),
    /// A fact has one of the values.
    Fact {
        /// The name of the fact, such as `employment_status`; also `area`, `cohort` and `referrer_kind` of the
        /// referral.
        name: String,
        /// The values, at least one.
        values: Vec<Value>,
    },
}

/// When an outcome may be claimed, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTerms {
    /// The outcome can be claimed from this working day after the day it was achieved.
    pub after_working_days: u32,
    /// The first claim must be submitted within this many days after that day; `None` for no limit.
    pub within_days: Option<u32>,
    /// How many times a claim may be submitted, rejected ones included.
    pub attempts: u32,
    /// A rejected claim may be submitted again within this many days of its rejection; `None` for no limit.
    pub resubmit_within_days: Option<u32>,
}

/// Which outcome of a group is paid if the caps leave the first choice nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenCapped {
    /// No other outcome: the first choice keeps its place, and is paid if there is room again.
    #[default]
    Nobody,
    /// The next outcome of the group.
    Next,
}

/// Whether an outcome is paid once for each case or once for each person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OncePer {
    /// Once for each case.
    Journey,
    /// Once for each person, across cases and linked records.
    Person,
}

/// A price of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// The amount, or the amount for one unit, in the currency of the rulebook.
    pub amount: Decimal,
    /// The first day of achievement that the price is for.
    pub from: Option<NaiveDate>,
    /// The last day of achievement that the price is for.
    pub to: Option<NaiveDate>,
    /// The only area that the price is for.
    pub area: Option<String>,
    /// The only cohort that the price is for.
    pub cohort: Option<String>,
    /// The amount is multiplied by this number, such as a weight for a province.
    pub multiplier: Decimal,
    /// The last unit that the price is for, counted from 1. The next price is for the units beyond it.
    pub up_to: Option<u32>,
    /// How the amount times the multiplier is rounded before it is multiplied by the units.
    pub round_unit_price: UnitRounding,
    /// Whether the price is an illustration that no source states.
    pub illustrative: bool,
}

/// How the price of one unit is rounded before it is multiplied by the units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnitRounding {
    /// Not at all.
    #[default]
    Exact,
    /// Half up to the minor unit of the currency.
    MinorUnit,
    /// Half up to whole units of the currency.
    Whole,
}

impl Tariff {
    /// The price of one unit: the amount times the multiplier, rounded as the tariff says. None if it is out of range.
    pub fn unit_price(&self, currency: &str) -> Option<Decimal> {
        let price = self.amount.checked_mul(self.multiplier)?;
        Some(match self.round_unit_price {
            UnitRounding::Exact => price,
            UnitRounding::MinorUnit => Money::of(price, currency).amount(),
            UnitRounding::Whole => price.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero),
        })
    }
}

/// The conditions of an outcome over many cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyTerms {
    /// The cases that are judged together.
    pub scope: Scope,
    /// The periods that are judged one by one.
    pub period: PeriodKind,
    /// The number that is counted.
    pub counted: Counted,
}

impl ManyTerms {
    /// Whether a share of days is counted.
    pub const fn is_ratio(&self) -> bool {
        matches!(self.counted, Counted::Ratio { .. })
    }
}

/// The cases that are judged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The cases of a cohort; those without a cohort together.
    Cohort,
    /// The cases of one subject, such as a clinic, a school or another place.
    Site,
    /// The cases of an area.
    Area,
}

/// The periods for which many cases are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodKind {
    /// Calendar months.
    Month,
    /// Quarters of the financial year.
    Quarter,
    /// Financial years.
    FinancialYear,
}

/// The number that is counted over many cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The share of days that spells of some domains cover.
    Ratio {
        /// The domains. A day that several spells of a case cover counts once.
        spell_days: Vec<String>,
        /// The days that they are a share of.
        of: RatioBase,
        /// At least this share.
        at_least: Option<Decimal>,
        /// Less than this share.
        below: Option<Decimal>,
    },
    /// The sum of a measure, priced per unit.
    Volume {
        /// The code of the measure.
        measure: String,
    },
}

/// The days that spell days are a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatioBase {
    /// Every day of the period for every person referred by its end.
    ChildDays,
}

#[cfg(test)]
mod tests;
