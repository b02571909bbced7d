//! What a contract pays for: an outcome's conditions and its prices, as valid values.
//!
//! It decides nothing: `contract/outcome` evaluates what stands here.

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
use rust_decimal::Decimal;
use serde_json::Value;

/// Something that a contract pays for, or counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its code, unique in the rulebook.
    pub code: String,
    /// The class by which payments for the same thing are looked for in other contracts, such as `employment`.
    pub class: Option<String>,
    /// What people call it.
    pub title: String,
    /// What must be so.
    pub achieved_by: AchievedBy,
    /// When it may be claimed, and how often tried.
    pub claim: ClaimTerms,
    /// Whether it is paid once for each journey, or once for each person.
    pub once_per: OncePer,
    /// At most one outcome of the group is paid; none: it stands alone.
    pub group: Option<String>,
    /// The lower outcome that this one takes up: it pays the difference.
    pub convert_from: Option<String>,
    /// Who has the payment of its group if the caps leave this one nothing.
    pub when_capped: WhenCapped,
    /// Its prices; none: it is counted but not paid.
    pub tariffs: Vec<Tariff>,
}

/// What an outcome is judged on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AchievedBy {
    /// The facts of one journey.
    Journey(Box<JourneyTerms>),
    /// What many journeys come to together, period by period.
    Many(ManyTerms),
}

/// What must be so in a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyTerms {
    /// The fact that it begins with. Without `sustain` its date is that of the first such fact.
    pub trigger: Trigger,
    /// For how long it must last.
    pub sustain: Option<Sustain>,
    /// How many hours a week it must be.
    pub hours: Option<Hours>,
    /// What must show it.
    pub evidence: Option<EvidenceTerms>,
    /// The kinds of risk of which none may be open.
    pub hold_on_risk: Vec<String>,
    /// For whom it counts at all.
    pub only_if: Option<Condition>,
    /// How many times it can be achieved in one journey.
    pub repeats: u32,
}

/// The fact that an outcome begins with, or that reaches a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A spell of one of the domains, with one of the listed values for each attribute named.
    Spell {
        /// The domains, at least one.
        domains: Vec<String>,
        /// The attributes by which the spells are filtered, every spell of a run alike.
        attributes: BTreeMap<String, Vec<Value>>,
    },
    /// An achievement with one of the codes, at one of the levels if any are named.
    Achievement {
        /// The codes, at least one.
        codes: Vec<String>,
        /// The levels; none named: any, or none at all.
        levels: Vec<String>,
    },
    /// A plan of one of the kinds is agreed.
    Plan {
        /// The kinds, at least one.
        kinds: Vec<String>,
    },
    /// An engagement with one of the bases; none named: any.
    Engagement {
        /// The bases.
        bases: Vec<String>,
    },
    /// A measure reaches a value.
    Measure {
        /// Its code.
        code: String,
        /// The least value that counts, in the measure's own unit.
        at_least: Decimal,
    },
}

impl Trigger {
    /// The domains of the spells that it names; none where it names no spell.
    pub fn spell_domains(&self) -> &[String] {
        match self {
            Self::Spell { domains, .. } => domains,
            _ => &[],
        }
    }
}

/// For how long spells must last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sustain {
    /// How long.
    pub length: Length,
    /// What a break does.
    pub continuity: Continuity,
    /// Whether the days of a tolerated gap count (never in a window).
    pub gap_counts: bool,
    /// Which spells are taken together.
    pub combine: Combine,
    /// The pause of the calendar that is taken out of it first.
    pub pause: Option<String>,
}

/// How long something must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Days, at least one.
    Days(u32),
    /// Calendar months from the first day, clamped to the month's end; at least one.
    Months(u32),
}

/// What a break between spells does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// A day without a spell ends the run.
    Unbroken,
    /// Up to so many days without a spell are tolerated.
    MaxGap(u32),
    /// Any break is tolerated.
    Cumulative,
    /// The days may lie anywhere within a window of so many days.
    Window(u32),
}

/// Which spells are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// All spells of the outcome's domains.
    Employers,
    /// Those with one employer; a spell without one stands alone.
    Nothing,
}

/// How many hours a week it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Which days are looked at.
    pub basis: HoursBasis,
    /// At least so many; exactly so many qualifies.
    pub at_least: Option<Decimal>,
    /// Fewer than so many.
    pub below: Option<Decimal>,
    /// What an unknown hour does.
    pub unknown: UnknownHours,
}

/// Which days' hours are looked at.
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

/// What an unknown hour on a day that is looked at does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownHours {
    /// The claim is on hold until it is known.
    Hold,
    /// It counts as none.
    Lower,
}

/// What must show an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceTerms {
    /// Kinds of which one is enough; none named: none is asked.
    pub any_of: Vec<String>,
    /// Kinds that must all be there.
    pub all_of: Vec<String>,
    /// Whether somebody must have verified it.
    pub verified: bool,
    /// So many days before the outcome it may be dated; none: any.
    pub dated_before_days: Option<u32>,
    /// So many days after the outcome it may be dated; none: any.
    pub dated_after_days: Option<u32>,
}

/// A condition on facts frozen when the client was referred or assessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Each of them.
    All(Vec<Condition>),
    /// One of them.
    Any(Vec<Condition>),
    /// Not that one. A fact that nobody stated is in no list.
    Not(Box<Condition>),
    /// A fact has one of the values.
    Fact {
        /// Its name, such as `employment_status`; also `area`, `cohort` and `referrer_kind` of the referral.
        name: String,
        /// The values, at least one.
        values: Vec<Value>,
    },
}

/// When an outcome may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTerms {
    /// From so many working days after the day it was achieved.
    pub after_working_days: u32,
    /// Until so many days after that day; none: for ever.
    pub within_days: Option<u32>,
    /// How many times it may be submitted, rejected ones included.
    pub attempts: u32,
    /// Until so many days after a rejection it may be submitted again; none: for ever.
    pub resubmit_within_days: Option<u32>,
}

/// Who has the payment of a group whose winner the caps leave nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenCapped {
    /// Nobody: the winner keeps its place, and is paid if there is room again.
    #[default]
    Nobody,
    /// The next outcome of the group.
    Next,
}

/// For whom an outcome is paid once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OncePer {
    /// Each journey.
    Journey,
    /// Each person, across journeys and linked records.
    Person,
}

/// A price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// The amount, or the amount of one unit.
    pub amount: Decimal,
    /// The first day of `achieved_on` at which it fits.
    pub from: Option<NaiveDate>,
    /// The last day of `achieved_on` at which it fits.
    pub to: Option<NaiveDate>,
    /// The only area that it is for.
    pub area: Option<String>,
    /// The only cohort that it is for.
    pub cohort: Option<String>,
    /// By what the amount is multiplied, such as a weight for the province.
    pub multiplier: Decimal,
    /// The last unit, counted from 1, that it is for: beyond it the next tariff's price holds.
    pub up_to: Option<u32>,
    /// Whether amount times multiplier is rounded before it is taken times the units.
    pub round_unit_price: bool,
    /// Whether no source states the price.
    pub illustrative: bool,
}

/// What is judged over many journeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyTerms {
    /// Which journeys are taken together.
    pub scope: Scope,
    /// Over which stretches of time.
    pub period: PeriodKind,
    /// What is counted.
    pub counted: Counted,
}

impl ManyTerms {
    /// Whether a share of days is counted.
    pub const fn is_ratio(&self) -> bool {
        matches!(self.counted, Counted::Ratio { .. })
    }
}

/// Which journeys are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of a cohort; those without one together.
    Cohort,
    /// Those of one subject: a clinic, school or other place.
    Site,
    /// Those of an area.
    Area,
}

/// The stretches of time for which many journeys are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodKind {
    /// Calendar months.
    Month,
    /// Quarters of the financial year.
    Quarter,
    /// Years from the first day of the financial year.
    FinancialYear,
}

/// What is counted over many journeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The share of days that spells of some domains cover.
    Ratio {
        /// The domains; a day covered by several spells of a journey counts once.
        spell_days: Vec<String>,
        /// What they are a share of.
        of: RatioBase,
        /// At least this share.
        at_least: Option<Decimal>,
        /// Less than this share.
        below: Option<Decimal>,
    },
    /// The sum of a measure, priced per unit.
    Volume {
        /// The measure's code.
        measure: String,
    },
}

/// What spell days are a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatioBase {
    /// Every day of the period for every person referred by its end.
    ChildDays,
}

#[cfg(test)]
mod tests;
