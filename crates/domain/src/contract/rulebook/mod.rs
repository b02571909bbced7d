//! The rulebook: one contract's words and rules, read from TOML into valid values.
//!
//! What stands in a [`Rulebook`] has been checked whole: nobody after it asks whether
//! a label is missing or a code unknown. It never holds half a rulebook, never guesses
//! at a section it does not know, and never reads a file: the text is handed to it.

mod attributes;
mod buckets;
pub mod canonical;
mod channels;
mod codes;
mod document;
mod error;
mod labels;
pub mod outcome;
mod overlap;
pub mod packs;
mod parse;
mod reader;
pub mod sentences;
mod stage;
pub mod terms;
mod warnings;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::contract::calendar::{BankHolidays, WorkingDays};
pub use attributes::{AttributeRule, Attributes, shown as shown_value};
pub use buckets::Buckets;
pub use channels::Channels;
pub use codes::{CodeList, Codes};
pub use document::canonical_json;
pub use error::RulebookError;
pub use labels::Labels;
pub use outcome::Outcome;
use outcome::Trigger;
pub use terms::{Cap, Duties, Grade, Reports, Standard};

/// One version of one contract's rules, as published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    /// The grammar the text is written in; this build knows 1.
    pub grammar: u32,
    /// The code of the contract it belongs to.
    pub contract: String,
    /// What the parties call this version, such as `2021-04`.
    pub version: String,
    /// What boards print above everything else.
    pub title: String,
    /// The first civil day, in the calendar's zone, on which this version applies.
    pub effective_from: NaiveDate,
    /// The date of a case that chooses between versions.
    pub applies_by: AppliesBy,
    /// Whether it also reaches cases dated before `effective_from`.
    pub retroactive: bool,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// Zone, working days, financial year and pauses.
    pub calendar: Calendar,
    /// The codes that commands may use.
    pub codes: Codes,
    /// What spells may say beside their hours, by domain. A domain that is left out allows anything.
    pub attributes: Attributes,
    /// Words for codes.
    pub labels: Labels,
    /// Which channels mean that both sides saw each other.
    pub channels: Channels,
    /// When a referral counts. Without `[referrals]`: when it is received.
    pub referrals: CountsWhen,
    /// The service area of a referral whose source names none, such as a return of the whole county.
    pub default_area: Option<String>,
    /// Days since contact: who counts, and the rows of the board. Without `[recency]`:
    /// client, family and carer, and rows ending at 7, 14, 21 and 27 days.
    pub recency: Recency,
    /// Days from referral to plan. Without `[referral_to_plan]` the contract does not
    /// measure them, and boards say "no data".
    pub referral_to_plan: Option<ReferralToPlan>,
    /// The funnel in file order, which is the order of the stages.
    pub stages: Vec<Stage>,
    /// The service standards, in file order.
    pub standards: Vec<Standard>,
    /// What is paid for or counted, in file order.
    pub outcomes: Vec<Outcome>,
    /// The most that is paid.
    pub caps: Vec<Cap>,
    /// The grades, the best first.
    pub grades: Vec<Grade>,
    /// The target profiles that stand side by side.
    pub profiles: Vec<String>,
    /// The reports that are due.
    pub reports: Reports,
    /// What one person may not do alone.
    pub duties: Duties,
    hash: String,
}

impl Rulebook {
    /// The parts that read otherwise in another version, by their keys.
    pub fn sections_that_differ(&self, other: &Self) -> Vec<&'static str> {
        let sections = [
            ("effective_from", self.effective_from != other.effective_from),
            ("applies_by", self.applies_by != other.applies_by),
            ("retroactive", self.retroactive != other.retroactive),
            ("currency", self.currency != other.currency),
            ("calendar", self.calendar != other.calendar),
            ("codes", self.codes != other.codes),
            ("attributes", self.attributes != other.attributes),
            ("labels", self.labels != other.labels),
            ("channels", self.channels != other.channels),
            ("referrals", (self.referrals, &self.default_area) != (other.referrals, &other.default_area)),
            ("recency", self.recency != other.recency),
            ("referral_to_plan", self.referral_to_plan != other.referral_to_plan),
            ("stage", self.stages != other.stages),
            ("standard", self.standards != other.standards),
            ("outcome", self.outcomes != other.outcomes),
            ("cap", self.caps != other.caps),
            ("grade", self.grades != other.grades),
            ("profile", self.profiles != other.profiles),
            ("duties", self.duties != other.duties),
            ("reports", self.reports != other.reports),
        ];
        let sections: Vec<&str> = sections.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect();
        // Two versions of the same rules have other names all the same.
        if sections.is_empty() { vec!["version"] } else { sections }
    }

    /// Reads a rulebook and reports everything wrong with it at once, in the order of
    /// its lines. A text that is not TOML, or of another grammar, is reported for that
    /// alone: nothing in it can be judged yet.
    pub fn parse(text: &str) -> Result<Self, Vec<RulebookError>> {
        parse::parse(text, parse::Reading::New)
    }

    /// Reads a rulebook that was published before, perhaps by an earlier build: what only a new one must not say is
    /// read as that build read it.
    pub fn published(text: &str) -> Result<Self, Vec<RulebookError>> {
        parse::parse(text, parse::Reading::Published)
    }

    /// The rulebook's name among all others: SHA-256 of its [`canonical_json`], in
    /// lower-case hex. Comments, layout and the order of keys do not change it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The working days of its division, by the bank holidays that are known.
    pub fn working_days(&self) -> &'static WorkingDays {
        let division = BankHolidays::known().division(&self.calendar.working_days);
        division.expect("a rulebook names a division that is known")
    }

    /// The working days by which the wait of an outcome is counted; none where it has no wait.
    pub fn bank_holidays_of(&self, outcome: &str) -> Option<&'static WorkingDays> {
        let waits = self.outcome(outcome).is_some_and(|outcome| outcome.claim.after_working_days > 0);
        waits.then(|| self.working_days())
    }

    /// The outcome of this code.
    pub fn outcome(&self, code: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.code == code)
    }
}

/// The date of a case that chooses which version of the rulebook judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliesBy {
    /// The date the referral was received.
    Referred,
    /// The date of the fact that the outcome begins with.
    Occurred,
    /// The date the outcome was achieved.
    Achieved,
    /// The date the claim was submitted.
    Submitted,
    /// The civil date, in the calendar's zone, on which that fact was recorded.
    Recorded,
}

/// When a referral is counted: in the month it is received, or once it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsWhen {
    /// As soon as it is received, also if it is declined later.
    Received,
    /// When the service takes it on its caseload.
    Accepted,
}

/// The contract's civil time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The zone of every civil date of the contract.
    pub zone: Tz,
    /// The bank-holiday division by which working days are counted.
    pub working_days: String,
    /// The first day of the financial year.
    pub financial_year: MonthDay,
    /// Stretches that an outcome may leave out of its count, such as school holidays.
    pub pauses: Vec<Pause>,
}

impl Calendar {
    /// The fewest and the most civil days that a wait of so many working days takes, over the years whose bank holidays
    /// are known; none where none of it is.
    pub(crate) fn waits(&self, working_days: u32) -> Option<(u32, u32)> {
        let days = BankHolidays::known().division(&self.working_days)?;
        days.waits(working_days)
    }
}

/// A day that every year has (29 February is none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthDay {
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

/// A named set of days that stand still for the outcomes that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The name by which an outcome calls it.
    pub name: String,
    /// Its stretches, in file order.
    pub ranges: Vec<Days>,
}

/// A stretch of civil days, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day inside.
    pub first: NaiveDate,
    /// The last day inside, never before `first`.
    pub last: NaiveDate,
}

/// Days since contact: whose contacts count, and the rows of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recency {
    /// The kinds of person a made contact must be with; by default client, family, carer.
    pub counts_with: Vec<String>,
    /// The rows; `none` is the row of journeys without any such contact.
    pub buckets: Buckets,
}

/// Days from the referral to the first plan of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralToPlan {
    /// The kind of plan that ends the wait.
    pub plan: String,
    /// The rows; `none` is the row of open journeys without such a plan.
    pub buckets: Buckets,
}

/// One step of the funnel, reached at the first fact that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its code, unique in the rulebook.
    pub code: String,
    /// What the board prints, such as `Housing Secured`.
    pub label: String,
    /// The fact that reaches it.
    pub when: StageWhen,
}

/// The fact that reaches a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageWhen {
    /// A fact such as outcomes begin with.
    Fact(Trigger),
    /// The referral is received or accepted.
    Referral(CountsWhen),
    /// One of these outcomes is achieved.
    Outcome {
        /// Their codes, at least one.
        codes: Vec<String>,
    },
}

#[cfg(test)]
mod tests;
