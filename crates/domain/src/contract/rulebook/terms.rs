//! Caps, service standards, grades, duties and reports of a contract, as valid values.
//!
//! Only values: nothing is decided here.

pub(super) mod parse;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::kpi::{Consequences, Withholding};

/// A limit on what is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// What the limit is for.
    pub scope: CapScope,
    /// The outcomes whose payments count towards the limit; if empty, all outcomes.
    pub outcomes: Vec<String>,
    /// The limit, in the currency of the rulebook.
    pub amount: Decimal,
    /// What happens to a claim that does not fit completely.
    pub crossing: Crossing,
    /// Whether an amount that is paid back can be paid again.
    pub refill: bool,
}

/// What a cap is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapScope {
    /// The contract as a whole.
    Contract,
    /// Each financial year, by the date of achievement.
    Year,
    /// Each person.
    Person,
    /// Each outcome.
    Outcome,
}

/// What happens to a claim that does not fit completely under a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// It gets what is left.
    Partial,
    /// It gets nothing. Smaller later claims are still tried.
    Whole,
}

/// A service standard: what must be done within a number of days of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standard {
    /// Its code, unique among the standards.
    pub code: String,
    /// The event that starts the clock.
    pub from: StandardFrom,
    /// The time allowed.
    pub within: Within,
    /// What meets it.
    pub met_by: MetBy,
    /// The share in percent at which the standard is met; below it is a minor failure.
    pub minimum_level: Option<Decimal>,
    /// The share in percent below which the failure is major.
    pub lower_level: Option<Decimal>,
    /// What may follow a failure to reach a level.
    pub consequences: Consequences,
}

/// The event that starts the clock of a standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandardFrom {
    /// The referral is received.
    ReferralReceived,
    /// The referral is accepted.
    ReferralAccepted,
    /// An appointment is missed.
    MissedContact,
    /// A plan is agreed.
    PlanAgreed,
    /// A plan is agreed or reviewed, whichever is later.
    LastReview,
    /// A spell of this domain starts.
    SpellStarted(String),
}

/// The time allowed to meet a standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Calendar days.
    Days(u32),
    /// Working days of the contract's bank-holiday division, counted from the day after.
    WorkingDays(u32),
}

/// What meets a standard. Everything that is named is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetBy {
    /// The number of contacts that must be made; 0 if none is needed.
    pub contacts: u32,
    /// Whether these contacts must be face to face.
    pub face_to_face: bool,
    /// A plan of this kind is agreed.
    pub plan: Option<String>,
    /// A plan of this kind is reviewed.
    pub review: Option<String>,
    /// A task of this kind is done.
    pub task: Option<String>,
    /// An attempt at contact is enough, whether the contact is made or not.
    pub attempt: bool,
}

/// A grade such as green, amber or red.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// Its code, unique among the grades.
    pub code: String,
    /// The tests that must all pass; if empty, the grade of all values without a better grade.
    pub all_of: Vec<GradeTest>,
    /// What may be withheld for a period with this grade.
    pub withhold: Option<Withholding>,
}

/// A test of a grade: a measure with a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradeTest {
    /// The code of the measure.
    pub measure: String,
    /// The values that pass.
    pub passes: Passes,
}

/// The values that pass a test of a grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// This value and greater ones.
    AtLeast(Decimal),
    /// This value and smaller ones.
    AtMost(Decimal),
    /// Smaller values.
    Below(Decimal),
}

impl Passes {
    /// The bound in words, such as `at least 80`.
    pub fn in_words(&self) -> String {
        match self {
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
            Self::Below(bound) => format!("below {bound}"),
        }
    }
}

/// Duties that one person may not combine. Without `[duties]`: all three pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duties {
    /// Whether the person who attached evidence may not verify it.
    pub attach_verify: bool,
    /// Whether the person who verified evidence may not submit the claims that rest on it.
    pub verify_submit: bool,
    /// Whether the person who submitted claims may not decide on them.
    pub submit_decide: bool,
}

impl Default for Duties {
    fn default() -> Self {
        Self { attach_verify: true, verify_submit: true, submit_decide: true }
    }
}

/// The reports that are due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The days on which a report is due, earliest first.
    pub due: Vec<NaiveDate>,
    /// Whether counts of one to four people are hidden from commissioners, in every report and in every other answer.
    pub hide_small_counts: bool,
}
