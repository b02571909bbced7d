//! What a contract says beside its outcomes: caps, service standards, grades, targets and reports.
//!
//! It decides nothing, but for which grade a set of values has.

pub(super) mod parse;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// The most that is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// For what it is the most.
    pub scope: CapScope,
    /// The only outcomes whose payments it counts; none named: all.
    pub outcomes: Vec<String>,
    /// The amount.
    pub amount: Decimal,
    /// What becomes of a claim that does not fit in whole.
    pub crossing: Crossing,
    /// Whether what is paid back may be paid again.
    pub refill: bool,
}

/// For what a cap is the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapScope {
    /// The contract as a whole.
    Contract,
    /// Each financial year, by the day an outcome was achieved.
    Year,
    /// Each person.
    Person,
    /// Each outcome.
    Outcome,
}

/// What becomes of a claim that does not fit under a cap in whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// It gets the rest.
    Partial,
    /// It gets nothing; smaller later ones are still tried.
    Whole,
}

/// A service standard: what must be done within so many days of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standard {
    /// Its code, unique in the rulebook.
    pub code: String,
    /// What starts the clock.
    pub from: StandardFrom,
    /// How long there is.
    pub within: Within,
    /// What meets it.
    pub met_by: MetBy,
    /// The share in percent at which the standard is met; below it is a minor failure.
    pub minimum_level: Option<Decimal>,
    /// The share in percent below which the failure is major.
    pub lower_level: Option<Decimal>,
}

/// What starts a standard's clock.
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
    /// A plan is agreed or reviewed, whichever was last.
    LastReview,
    /// A spell of this domain starts.
    SpellStarted(String),
}

/// How long there is to meet a standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Calendar days.
    Days(u32),
    /// Working days of the contract's division, counted from the day after.
    WorkingDays(u32),
}

/// What meets a standard: everything that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetBy {
    /// So many made contacts.
    pub contacts: u32,
    /// Whether these contacts must be face to face.
    pub face_to_face: bool,
    /// A plan of this kind is agreed.
    pub plan: Option<String>,
    /// A plan of this kind is reviewed.
    pub review: Option<String>,
    /// A task of this kind is done.
    pub task: Option<String>,
    /// A contact is attempted, made or not.
    pub attempt: bool,
}

/// A grade such as green, amber or red.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// Its code, unique in the rulebook.
    pub code: String,
    /// What must all be so; nothing: it is the grade of whatever has no better one.
    pub all_of: Vec<GradeTest>,
}

/// What a value must be for a grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradeTest {
    /// The measure.
    pub measure: String,
    /// Which values pass.
    pub passes: Passes,
}

/// Which values pass a test of a grade.
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
    /// Whether this value passes.
    pub fn passes(self, value: Decimal) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Below(edge) => value < edge,
        }
    }
}

/// The grade of these values, top down: the first of which every test passes. A value in the gap between two grades
/// fails the upper one and so has the lower. A measure without a value passes no test.
pub fn graded<'g>(grades: &'g [Grade], values: &BTreeMap<String, Decimal>) -> Option<&'g Grade> {
    let passes = |test: &GradeTest| values.get(&test.measure).is_some_and(|value| test.passes.passes(*value));
    grades.iter().find(|grade| grade.all_of.iter().all(passes))
}

/// What one person may not do alone. Without `[duties]`: who attached evidence may not verify it.
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
        Self { attach_verify: true, verify_submit: false, submit_decide: false }
    }
}

/// The reports that are due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The days on which one is due, in order.
    pub due: Vec<NaiveDate>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(code: &str, least: Option<i64>) -> Grade {
        let test = |least: i64| GradeTest { measure: "kpi".to_owned(), passes: Passes::AtLeast(Decimal::from(least)) };
        Grade { code: code.to_owned(), all_of: least.map(test).into_iter().collect() }
    }

    #[test]
    fn a_value_in_a_gap_has_the_lower_grade() {
        let grades = [grade("green", Some(100)), grade("amber", Some(80)), grade("red", None)];
        let of = |value: &str| {
            let values = [("kpi".to_owned(), value.parse().expect("a number"))].into();
            graded(&grades, &values).map(|grade| grade.code.clone())
        };
        let found: Vec<_> = ["79.9", "80", "90", "95", "100"].into_iter().filter_map(of).collect();
        assert_eq!(found, ["red", "amber", "amber", "amber", "green"]);
        assert_eq!(graded(&grades[..2], &BTreeMap::new()), None);
    }
}
