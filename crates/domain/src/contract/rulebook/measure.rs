//! Measures: what each number of a contract counts, and by which formula.
//!
//! Pure. Every number that is shown is a measure of this list: those that the program has for every kind of fact, those
//! that follow from the rulebook's stages, standards and outcomes, and those that a rulebook puts together in
//! `[[measure]]`. The list says what a measure is. It counts nothing.

pub mod case_value;
pub(super) mod known;
mod list;
mod money;
pub(super) mod parse;
mod workforce;

use std::fmt;

use self::case_value::{CaseValue, ContractValues, OfCases, Share, TakeOfContract};
pub use self::list::{is_of_every_contract, measure, measures, of_kind};
pub use self::workforce::{Workforce, of_workforce};
use super::CodeList;
use crate::fact::money::Currency;

/// A kind of fact that measures count. Its word is part of the codes of measures, such as `exits:lost_contact`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// A case reached a stage for the first time. The code is the stage.
    Stages,
    /// A case achieved an outcome for the first time. The code is the outcome.
    Achieved,
    /// A referral was declined. The code is the reason.
    Declined,
    /// A referral was withdrawn.
    Withdrawn,
    /// A case left the caseload for the first time. The code is the reason.
    Exits,
    /// A case was marked as disengaged for the first time for a reason. The code is the reason.
    Disengaged,
    /// A contact was made face to face. The code is the channel.
    FaceToFace,
    /// A contact was made in another way. The code is the channel.
    Remote,
    /// An appointment was missed by the client. The code is the channel.
    Missed,
    /// A session was offered. The code is `group` or `single`.
    SessionsOffered,
    /// A session was attended. The code is `group` or `single`.
    SessionsAttended,
    /// A plan was agreed. The code is its kind.
    Plans,
    /// A plan was reviewed. The code is its kind.
    Reviews,
    /// A spell started. The code is its domain.
    Starts,
    /// A spell ended. The code is its domain.
    Ends,
    /// An achievement was recorded. The code is the achievement.
    Achievements,
    /// A value was recorded for a case. The code is the measure, the quantity its value.
    Recorded,
    /// An assessment was scored. The code is the instrument, the quantity the score.
    Assessments,
    /// A risk was raised. The code is its kind.
    Risks,
    /// A task was set. The code is its kind.
    TasksSet,
    /// A task was completed. The code is its kind.
    TasksDone,
    /// An obligation was due on the day. The code is the standard.
    Due,
    /// An obligation that was due on the day was met in time. The code is the standard.
    InTime,
}

impl FactKind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::Stages,
        Self::Achieved,
        Self::Declined,
        Self::Withdrawn,
        Self::Exits,
        Self::Disengaged,
        Self::FaceToFace,
        Self::Remote,
        Self::Missed,
        Self::SessionsOffered,
        Self::SessionsAttended,
        Self::Plans,
        Self::Reviews,
        Self::Starts,
        Self::Ends,
        Self::Achievements,
        Self::Recorded,
        Self::Assessments,
        Self::Risks,
        Self::TasksSet,
        Self::TasksDone,
        Self::Due,
        Self::InTime,
    ];

    /// Its word, as in `exits:lost_contact`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stages => "stages",
            Self::Achieved => "achieved",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Exits => "exits",
            Self::Disengaged => "disengaged",
            Self::FaceToFace => "face_to_face",
            Self::Remote => "remote",
            Self::Missed => "missed",
            Self::SessionsOffered => "sessions_offered",
            Self::SessionsAttended => "sessions_attended",
            Self::Plans => "plans",
            Self::Reviews => "reviews",
            Self::Starts => "starts",
            Self::Ends => "ends",
            Self::Achievements => "achievements",
            Self::Recorded => "recorded",
            Self::Assessments => "assessments",
            Self::Risks => "risks",
            Self::TasksSet => "tasks_set",
            Self::TasksDone => "tasks_done",
            Self::Due => "due",
            Self::InTime => "in_time",
        }
    }

    /// The kind with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The list of `[codes]` that its codes are from, if there is one.
    pub const fn codes(self) -> Option<CodeList> {
        match self {
            Self::Exits => Some(CodeList::CloseReasons),
            Self::Disengaged => Some(CodeList::DisengageReasons),
            Self::FaceToFace | Self::Remote | Self::Missed => Some(CodeList::ContactChannels),
            Self::Plans | Self::Reviews => Some(CodeList::PlanKinds),
            Self::Starts | Self::Ends => Some(CodeList::SpellDomains),
            Self::Achievements => Some(CodeList::AchievementCodes),
            Self::Recorded => Some(CodeList::MeasureCodes),
            Self::Risks => Some(CodeList::RiskKinds),
            _ => None,
        }
    }

    /// Whether a case has at most one such fact with a code, so that the number of facts is a number of cases.
    pub const fn is_once(self) -> bool {
        matches!(
            self,
            Self::Stages | Self::Achieved | Self::Declined | Self::Withdrawn | Self::Exits | Self::Disengaged
        )
    }

    /// Whether its facts are counted only by code.
    pub const fn needs_code(self) -> bool {
        matches!(self, Self::Stages | Self::Achieved)
    }

    /// What its facts are, and what their code is, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Stages => "cases that reached a stage, each for the first time (code: the stage)",
            Self::Achieved => "cases that achieved an outcome, each for the first time (code: the outcome)",
            Self::Declined => "referrals declined (code: the reason)",
            Self::Withdrawn => "referrals withdrawn",
            Self::Exits => "cases closed or transferred, each for the first time (code: the reason)",
            Self::Disengaged => "cases marked as disengaged, each for the first time for a reason (code: the reason)",
            Self::FaceToFace => "contacts made face to face (code: the channel)",
            Self::Remote => "contacts made in another way (code: the channel)",
            Self::Missed => "appointments that the client missed (code: the channel)",
            Self::SessionsOffered => "sessions offered to a person (code: group or single)",
            Self::SessionsAttended => "sessions that a person attended (code: group or single)",
            Self::Plans => "plans agreed (code: the kind of plan)",
            Self::Reviews => "reviews of plans (code: the kind of plan)",
            Self::Starts => "spells started, each one (code: the domain)",
            Self::Ends => "spells ended, each one (code: the domain)",
            Self::Achievements => "achievements recorded (code: the achievement)",
            Self::Recorded => "values recorded for a case (code: the measure)",
            Self::Assessments => "assessments scored (code: the instrument)",
            Self::Risks => "risks raised (code: the kind of risk)",
            Self::TasksSet => "tasks set (code: the kind of task)",
            Self::TasksDone => "tasks completed, by the day of completion (code: the kind of task)",
            Self::Due => "obligations that were due (code: the standard)",
            Self::InTime => "obligations that were due and met in time (code: the standard)",
        }
    }

    /// What its facts are called in a sentence, with the code in place of `{}`.
    const fn prose(self) -> (&'static str, &'static str) {
        match self {
            Self::Stages => ("", "Cases that reached the stage {}, each on the day of the first fact that fits."),
            Self::Achieved => ("", "Cases that achieved the outcome {}, each once, on the day it was achieved."),
            Self::Declined => ("Referrals declined.", "Referrals declined for the reason {}."),
            Self::Withdrawn => ("Referrals withdrawn.", ""),
            Self::Exits => (
                "Cases closed or transferred, each once, on the day of its first exit.",
                "Cases closed or transferred for the reason {}, each once, on the day of its first exit.",
            ),
            Self::Disengaged => (
                "Cases marked as disengaged, once for each reason. The case stays on the caseload until it is closed.",
                "Cases marked as disengaged for the reason {}, each once.",
            ),
            Self::FaceToFace => ("Contacts made face to face.", "Contacts made face to face, channel {}."),
            Self::Remote => ("Contacts made in another way than face to face.", "Contacts made by {}."),
            Self::Missed => ("Appointments that the client missed.", "Appointments that the client missed, by {}."),
            Self::SessionsOffered => ("Sessions offered to a person.", "Sessions offered to a person, {}."),
            Self::SessionsAttended => ("Sessions that a person attended.", "Sessions that a person attended, {}."),
            Self::Plans => ("Plans agreed.", "Plans agreed of the kind {}."),
            Self::Reviews => ("Reviews of plans.", "Reviews of plans of the kind {}."),
            Self::Starts => ("Spells started, each one.", "Spells of {} started, each one."),
            Self::Ends => ("Spells ended, each one.", "Spells of {} ended, each one."),
            Self::Achievements => ("Achievements recorded.", "Achievements of the kind {} recorded."),
            Self::Recorded => ("", "The sum of the values recorded for cases under {}."),
            Self::Assessments => ("Assessments scored.", "Assessments scored with {}."),
            Self::Risks => ("Risks raised.", "Risks of the kind {} raised."),
            Self::TasksSet => ("Tasks set.", "Tasks of the kind {} set."),
            Self::TasksDone => ("Tasks completed, by the day of completion.", "Tasks of the kind {} completed."),
            Self::Due => (
                "Obligations due by the end of the as-of date, less those cancelled because the case ended first.",
                "Obligations of the standard {} due, less those cancelled because the case ended first.",
            ),
            Self::InTime => (
                "Obligations due that were met by their due date.",
                "Obligations of the standard {} due that were met by their due date.",
            ),
        }
    }

    /// What a number of its facts is a number of.
    pub const fn unit(self) -> Unit {
        match self {
            Self::FaceToFace | Self::Remote => Unit::Contacts,
            _ if self.is_once() => Unit::Cases,
            _ => Unit::Facts,
        }
    }
}

/// Facts of some kinds, all of them or those with one of some codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The kinds.
    pub kinds: Vec<FactKind>,
    /// The codes. If empty, any.
    pub codes: Vec<String>,
}

impl Facts {
    /// The facts of one kind with one code.
    pub fn one(kind: FactKind, code: &str) -> Self {
        Self { kinds: vec![kind], codes: vec![code.to_owned()] }
    }

    /// All facts of one kind.
    pub fn all(kind: FactKind) -> Self {
        Self { kinds: vec![kind], codes: Vec::new() }
    }

    /// Whether these are among the facts.
    pub fn hold(&self, kind: FactKind, code: &str) -> bool {
        self.kinds.contains(&kind) && (self.codes.is_empty() || self.codes.iter().any(|one| one == code))
    }

    /// Whether a case has at most one of them, so that their number is a number of cases.
    fn are_of_cases(&self) -> bool {
        match self.kinds.as_slice() {
            [FactKind::Declined | FactKind::Withdrawn | FactKind::Exits] => true,
            [kind] => kind.is_once() && self.codes.len() == 1,
            _ => false,
        }
    }

    /// What a number of them is a number of. Facts of kinds that differ in it are counted as facts.
    fn unit(&self) -> Unit {
        let mut units = self.kinds.iter().map(|kind| kind.unit());
        let first = units.next().unwrap_or(Unit::Facts);
        match first {
            Unit::Cases if !self.are_of_cases() => Unit::Facts,
            _ if units.all(|unit| unit == first) => first,
            _ => Unit::Facts,
        }
    }
}

/// Work that falls due in a period, or is open at its end. It is counted by the day that it is due, or by its state, and
/// not by the day of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Tasks due in the period.
    TasksDue,
    /// Tasks that are due before the end of the period and open at its end.
    TasksOverdue,
    /// Obligations that are due before the end of the period and owed at its end. The code is the standard.
    ObligationsOverdue,
    /// Cases on the caseload without the plan to which the rulebook measures the days.
    AwaitingPlan,
}

impl Work {
    /// Every kind of work.
    pub const ALL: [Self; 4] = [Self::TasksDue, Self::TasksOverdue, Self::ObligationsOverdue, Self::AwaitingPlan];

    /// The code of the measure.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TasksDue => "tasks_due",
            Self::TasksOverdue => "tasks_overdue",
            Self::ObligationsOverdue => "overdue",
            Self::AwaitingPlan => "awaiting_plan",
        }
    }

    const fn unit(self) -> Unit {
        match self {
            Self::TasksDue | Self::TasksOverdue | Self::ObligationsOverdue => Unit::Facts,
            Self::AwaitingPlan => Unit::Cases,
        }
    }

    const fn formula(self) -> &'static str {
        match self {
            Self::TasksDue => "tasks due in the period",
            Self::TasksOverdue => "tasks overdue at the end",
            Self::ObligationsOverdue => "obligations overdue at the end",
            Self::AwaitingPlan => "cases on the caseload without a plan at the end",
        }
    }

    /// The title and the sentence of the measure.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::TasksDue => (
                "Tasks due",
                "Tasks due in the period, by the end of the as-of date, less those cancelled or lapsed by their due date.",
            ),
            Self::TasksOverdue => {
                ("Tasks overdue", "Tasks whose due date is past and that are open at the end of the period.")
            }
            Self::ObligationsOverdue => (
                "Obligations overdue",
                "Obligations whose due date is past and that are not met at the end of the period.",
            ),
            Self::AwaitingPlan => (
                "Awaiting a plan",
                "Cases accepted and not closed at the end of the period without the plan to which the rulebook measures \
                 the days from referral.",
            ),
        }
    }
}

/// How the value of a measure is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// The number of these facts dated in the period.
    Count(Facts),
    /// The sum of the quantities of these facts dated in the period.
    Sum(Facts),
    /// The values that were recorded for the contract as a whole, under a code, in the period.
    OfContract(ContractValues),
    /// One number of the values of cases.
    OfCases(OfCases),
    /// The share of cases whose value is in a band.
    Share(Share),
    /// The number of cases on the caseload at the end of the period.
    Caseload,
    /// The number of cases that were on the caseload on every day of the period.
    CaseloadThroughout,
    /// Work that falls due in the period, or is open at its end.
    Work(Work),
    /// The number of full-time equivalents of the contract's workers, as the mean over the days of the period.
    Wte,
    /// A number about the workers, the posts or the cases that they hold.
    Workforce(Workforce),
    /// The mean of the scores that the contract's workers got in the period under supervision, with this instrument.
    Supervision(String),
    /// One measure divided by another.
    Ratio {
        /// The measure above.
        of: String,
        /// The measure below.
        over: String,
        /// Which facts above count.
        basis: Basis,
        /// Whether it is shown in percent.
        percent: bool,
    },
}

impl Formula {
    /// What its value is a number of.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Count(facts) => facts.unit(),
            Self::Sum(_) | Self::OfContract(_) | Self::Supervision(_) => Unit::Amount,
            Self::Caseload | Self::CaseloadThroughout => Unit::Cases,
            Self::Work(work) => work.unit(),
            Self::Wte => Unit::Wte,
            Self::Workforce(of) => of.unit(),
            Self::OfCases(of) => of.value.unit(),
            Self::Share(_) | Self::Ratio { percent: true, .. } => Unit::Percent,
            Self::Ratio { percent: false, .. } => Unit::Each,
        }
    }

    /// Whether its value is a number of cases, each counted by a fact that it has once.
    pub fn counts_cases(&self) -> bool {
        matches!(self, Self::Count(facts) if facts.are_of_cases())
    }

    /// The codes of the measures that it is made of: those above and below in a ratio.
    pub fn parts(&self) -> Vec<&String> {
        match self {
            Self::Ratio { of, over, .. } => vec![of, over],
            _ => Vec::new(),
        }
    }

    /// The values of cases that it is made of.
    pub const fn case_value(&self) -> Option<&CaseValue> {
        match self {
            Self::OfCases(OfCases { value, .. }) | Self::Share(Share { value, .. }) => Some(value),
            _ => None,
        }
    }

    /// The formula as a sentence.
    pub fn in_words(&self) -> String {
        match self {
            Self::Ratio { .. } => format!("The ratio {self}."),
            _ => format!("The {self}."),
        }
    }
}

/// Which facts of the numerator of a ratio count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Those dated in the period, as those below.
    Period,
    /// Those of the cases that are counted below, until the as-of date. Both count cases.
    Cohort,
}

/// What the value of a measure is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Cases.
    Cases,
    /// Contacts.
    Contacts,
    /// Other facts.
    Facts,
    /// An amount of what was recorded.
    Amount,
    /// Full-time equivalents.
    Wte,
    /// Places for cases.
    Slots,
    /// Posts of a team.
    Posts,
    /// Days.
    Days,
    /// Weeks.
    Weeks,
    /// Percent.
    Percent,
    /// A number of one thing for each of another.
    Each,
    /// Money, also for each of something.
    Money(Currency),
}

impl Unit {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Contacts => "contacts",
            Self::Facts => "facts",
            Self::Amount => "amount",
            Self::Wte => "full-time equivalents",
            Self::Slots => "slots",
            Self::Posts => "posts",
            Self::Days => "days",
            Self::Weeks => "weeks",
            Self::Percent => "percent",
            Self::Each => "for each",
            Self::Money(_) => "money",
        }
    }
}

/// A measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Its code, unique among the measures of a rulebook: `php_complete`, `exits:lost_contact`.
    pub code: String,
    /// The title on boards.
    pub title: String,
    /// What it counts, in a sentence.
    pub prose: String,
    /// What its value is a number of.
    pub unit: Unit,
    /// The number of decimal places that are shown.
    pub places: u32,
    /// How its value is found.
    pub formula: Formula,
    /// The version of the rulebook that it is from. None if the program has it for every contract.
    pub version: Option<String>,
}

impl Measure {
    fn counted(code: String, title: String, facts: Facts) -> Self {
        let kind = facts.kinds[0];
        let (all, one) = kind.prose();
        let prose = facts.codes.first().map_or_else(|| all.to_owned(), |code| one.replace("{}", code));
        let is_sum = kind == FactKind::Recorded;
        let formula = if is_sum { Formula::Sum(facts) } else { Formula::Count(facts) };
        Self { code, title, prose, unit: formula.unit(), places: 0, formula, version: None }
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(facts) => write!(f, "count of {facts}"),
            Self::Sum(facts) => write!(f, "sum of {facts}"),
            Self::OfContract(ContractValues { code, take: TakeOfContract::Sum }) => {
                write!(f, "sum of {code} recorded for the contract")
            }
            Self::OfContract(ContractValues { code, take }) => {
                write!(f, "{} of the values of {code} recorded for the contract", take.as_str())
            }
            Self::OfCases(OfCases { value, take }) => write!(f, "{take} over cases of the {value}"),
            Self::Share(Share { value, band }) => write!(f, "share of cases whose {value} {} {band}", value.verb()),
            Self::Caseload => f.write_str("cases on the caseload at the end"),
            Self::CaseloadThroughout => f.write_str("cases on the caseload on every day"),
            Self::Work(work) => f.write_str(work.formula()),
            Self::Wte => f.write_str("mean full-time equivalents over the days"),
            Self::Workforce(of) => f.write_str(&of.in_words()),
            Self::Supervision(instrument) => write!(f, "mean score of workers with {instrument}"),
            Self::Ratio { of, over, basis: Basis::Period, .. } => write!(f, "{of} ÷ {over}"),
            Self::Ratio { of, over, basis: Basis::Cohort, .. } => write!(f, "{of} of the cases in {over} ÷ {over}"),
        }
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        f.write_str(&kinds.join(" and "))?;
        if self.codes.is_empty() { Ok(()) } else { write!(f, " with the code {}", self.codes.join(" or ")) }
    }
}

#[cfg(test)]
mod tests;
