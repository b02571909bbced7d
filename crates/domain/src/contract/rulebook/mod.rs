//! The rulebook: the codes and rules of one contract, read from TOML into valid values.
//!
//! `grammar` declares every section and key once. The parser, the JSON Schema and `docs/rulebook.md` follow from it.
//! A [`Rulebook`] has been checked completely, so later code need not ask whether a label is missing or a code unknown.
//! This module reads no files: it takes the text.

mod attributes;
mod buckets;
pub mod canonical;
mod canonical_toml;
pub mod case_attribute;
mod channels;
mod check;
mod codes;
pub mod dimension;
mod error;
pub mod explain;
mod grammar;
pub mod kpi;
mod labels;
pub mod league;
pub mod measure;
pub mod outcome;
mod overlap;
pub mod packs;
mod parse;
mod reader;
pub mod reference;
pub mod report;
pub mod retention;
pub mod schema;
mod stage;
pub mod supply;
pub mod terms;
mod warnings;

use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::contract::calendar::{BankHolidays, WorkingDays};
pub use attributes::{AttributeRule, Attributes, shown as shown_value};
pub use buckets::Buckets;
pub use canonical_toml::canonical_json;
use case_attribute::CaseAttribute;
pub use channels::Channels;
pub use codes::{CodeList, Codes};
pub use dimension::Dimension;
pub use error::RulebookError;
use kpi::Kpi;
pub use labels::Labels;
use league::League;
use measure::Measure;
pub use outcome::Outcome;
use outcome::Trigger;
use report::ReportDefinition;
use retention::Retention;
use supply::Supply;
pub use terms::{Cap, Duties, Grade, Reports, Standard};

/// One version of one contract's rules, as published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    /// The number of the grammar that the text is written in; this build reads 1.
    pub grammar: u32,
    /// The code of its contract.
    pub contract: String,
    /// The name of this version, as the parties call it, such as `2021-04`.
    pub version: String,
    /// The title that boards print.
    pub title: String,
    /// The first day on which this version applies, in the zone of the calendar.
    pub effective_from: NaiveDate,
    /// The date of a case that decides which version judges it.
    pub applies_by: AppliesBy,
    /// Whether it also judges cases dated before `effective_from`.
    pub retroactive: bool,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// Zone, working days, financial year and pauses.
    pub calendar: Calendar,
    /// The codes that commands may use.
    pub codes: Codes,
    /// The attributes of spells, by domain. A domain that is left out allows any attribute.
    pub attributes: Attributes,
    /// The attributes of cases by which figures can be broken down, in file order.
    pub case_attributes: Vec<CaseAttribute>,
    /// Labels for codes.
    pub labels: Labels,
    /// The channels by which people meet face to face.
    pub channels: Channels,
    /// When a referral counts. Without `[referrals]`: when it is received.
    pub referrals: CountsWhen,
    /// The service area of a referral whose source names none, such as a return of the whole county.
    pub default_area: Option<String>,
    /// Days since contact: the contacts that count and the rows of the board. Without `[recency]`: contacts with
    /// client, family and carer, and rows that end at 7, 14, 21 and 27 days.
    pub recency: Recency,
    /// Days from referral to plan. Without `[referral_to_plan]` the contract does not measure them, and boards show
    /// "no data".
    pub referral_to_plan: Option<ReferralToPlan>,
    /// How often cases should be seen, and how many of them a keyworker may hold.
    pub caseload: CaseloadTerms,
    /// Which facts service areas supply, and from when.
    pub supply: Vec<Supply>,
    /// The stages of the funnel, in file order.
    pub stages: Vec<Stage>,
    /// The service standards, in file order.
    pub standards: Vec<Standard>,
    /// The outcomes that are paid for or counted, in file order.
    pub outcomes: Vec<Outcome>,
    /// The measures that the rulebook puts together, in file order. [`measure::measures`] has all measures.
    pub measures: Vec<Measure>,
    /// The leagues, in file order.
    pub leagues: Vec<League>,
    /// The limits on payments.
    pub caps: Vec<Cap>,
    /// The grades, the best first.
    pub grades: Vec<Grade>,
    /// The indicators of `[[kpi]]`, in file order. [`kpi::kpis`] has all indicators.
    pub kpis: Vec<Kpi>,
    /// The names of the target profiles.
    pub profiles: Vec<String>,
    /// The reports that are due.
    pub reports: Reports,
    /// The reports that the rulebook describes, in file order. [`report::reports`] has all reports.
    pub own_reports: Vec<ReportDefinition>,
    /// The duties that one person may not combine.
    pub duties: Duties,
    /// How long data about people is kept, by class.
    pub retention: Vec<Retention>,
    hash: String,
}

impl Rulebook {
    /// The keys of the sections that differ from another version; `version` if only the name differs.
    pub fn sections_that_differ(&self, other: &Self) -> Vec<&'static str> {
        let sections = [
            ("effective_from", self.effective_from != other.effective_from),
            ("applies_by", self.applies_by != other.applies_by),
            ("retroactive", self.retroactive != other.retroactive),
            ("currency", self.currency != other.currency),
            ("calendar", self.calendar != other.calendar),
            ("codes", self.codes != other.codes),
            ("attributes", self.attributes != other.attributes),
            ("case_attribute", self.case_attributes != other.case_attributes),
            ("labels", self.labels != other.labels),
            ("channels", self.channels != other.channels),
            ("referrals", (self.referrals, &self.default_area) != (other.referrals, &other.default_area)),
            ("recency", self.recency != other.recency),
            ("referral_to_plan", self.referral_to_plan != other.referral_to_plan),
            ("caseload", self.caseload != other.caseload),
            ("supply", self.supply != other.supply),
            ("stage", self.stages != other.stages),
            ("standard", self.standards != other.standards),
            ("outcome", self.outcomes != other.outcomes),
            ("measure", self.measures_differ(other)),
            ("league", self.leagues != other.leagues),
            ("cap", self.caps != other.caps),
            ("grade", self.grades != other.grades),
            ("kpi", self.kpis != other.kpis),
            ("profile", self.profiles != other.profiles),
            ("duties", self.duties != other.duties),
            ("reports", self.reports != other.reports),
            ("report", self.own_reports != other.own_reports),
            ("retention", self.retention != other.retention),
        ];
        let sections: Vec<&str> = sections.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect();
        if sections.is_empty() { vec!["version"] } else { sections }
    }

    /// Whether the measures differ in more than the version that they are from.
    fn measures_differ(&self, other: &Self) -> bool {
        let of_version = |measure: &Measure| Measure { version: Some(other.version.clone()), ..measure.clone() };
        !self.measures.iter().map(of_version).eq(other.measures.iter().cloned())
    }

    /// Reads a rulebook and reports all its faults at once, in the order of the lines. A text that is not TOML, or is
    /// of another grammar, is reported for that alone: the rest cannot be checked yet.
    pub fn parse(text: &str) -> Result<Self, Vec<RulebookError>> {
        parse::parse(text, parse::Reading::New)
    }

    /// Reads a rulebook that was published before, perhaps by an earlier build. Rules that apply only to new rulebooks
    /// are not checked.
    pub fn published(text: &str) -> Result<Self, Vec<RulebookError>> {
        parse::parse(text, parse::Reading::Published)
    }

    /// The SHA-256 of its [`canonical_json`] in lower-case hex, which identifies the rulebook. Comments, layout and the
    /// order of keys do not change it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The working days of its bank-holiday division.
    pub fn working_days(&self) -> &'static WorkingDays {
        let division = BankHolidays::known().division(&self.calendar.working_days);
        division.expect("reading a rulebook refuses an unknown division")
    }

    /// The working days that count the wait of an outcome's claims; `None` if the outcome has no wait.
    pub fn bank_holidays_of(&self, outcome: &str) -> Option<&'static WorkingDays> {
        let waits = self.outcome(outcome).is_some_and(|outcome| outcome.claim.after_working_days > 0);
        waits.then(|| self.working_days())
    }

    /// The outcome with this code.
    pub fn outcome(&self, code: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.code == code)
    }
}

/// The date of a case that decides which version of the rulebook judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliesBy {
    /// The date on which the referral was received.
    Referred,
    /// The date of the fact that the outcome begins with.
    Occurred,
    /// The date on which the outcome was achieved.
    Achieved,
    /// The date on which the claim was submitted.
    Submitted,
    /// The date, in the zone of the calendar, on which the fact that the outcome begins with was recorded.
    Recorded,
}

/// When a referral counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsWhen {
    /// When it is received, also if it is declined later.
    Received,
    /// When the service accepts it on its caseload.
    Accepted,
}

/// How the contract counts time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The time zone of every date of the contract.
    pub zone: Tz,
    /// The bank-holiday division that decides which days are working days.
    pub working_days: String,
    /// The first day of the financial year.
    pub financial_year: MonthDay,
    /// Periods that an outcome may leave out of its count, such as school holidays.
    pub pauses: Vec<Pause>,
}

impl Calendar {
    /// The fewest and the most calendar days that a wait of this many working days takes, over the years with known
    /// bank holidays; `None` if no bank holidays of the division are known.
    pub(crate) fn waits(&self, working_days: u32) -> Option<(u32, u32)> {
        let days = BankHolidays::known().division(&self.working_days)?;
        days.waits(working_days)
    }
}

/// A day that every year has: not 29 February.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthDay {
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

/// A named set of days that an outcome may leave out of its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The name by which outcomes refer to it.
    pub name: String,
    /// Its ranges, in file order.
    pub ranges: Vec<Days>,
}

/// A range of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day of the range.
    pub first: NaiveDate,
    /// The last day of the range, never before `first`.
    pub last: NaiveDate,
}

/// Days since contact: the contacts that count and the rows of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recency {
    /// A contact that was made counts if it was with one of these; by default client, family and carer.
    pub counts_with: Vec<String>,
    /// The rows; `none` is the row for cases without such a contact.
    pub buckets: Buckets,
}

/// Days from the referral to the first plan of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralToPlan {
    /// The kind of plan that ends the wait.
    pub plan: String,
    /// The rows; `none` is the row for open cases without such a plan.
    pub buckets: Buckets,
}

/// How often cases should be seen, and how many of them a keyworker may hold. Without `[caseload]` the contract says
/// neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseloadTerms {
    /// A case should have a contact made at least once in this many days.
    pub seen_every_days: Option<u32>,
    /// The most open cases of the contract that a keyworker may hold.
    pub limit: Option<u32>,
    /// The same for one full-time equivalent.
    pub limit_per_wte: Option<Decimal>,
}

/// A stage of the funnel. The first fact that fits reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its code, unique among the stages.
    pub code: String,
    /// The label that boards print, such as `Housing Secured`.
    pub label: String,
    /// The fact that reaches the stage.
    pub when: StageWhen,
}

/// The fact that reaches a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageWhen {
    /// A fact of one of the forms that outcomes begin with.
    Fact(Trigger),
    /// The referral is received or accepted.
    Referral(CountsWhen),
    /// One of these outcomes is achieved.
    Outcome {
        /// The codes of the outcomes, at least one.
        codes: Vec<String>,
    },
}

#[cfg(test)]
mod tests;
