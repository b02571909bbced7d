//! What a contract's stream records: its terms, its rules and targets, and what is said and decided about it.
//!
//! Pure shapes. A payload's meaning never changes: a new shape is a new schema version.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Period, Quantity};
use crate::fact::envelope::{ActionId, JourneyId, NoticeId};

/// A contract between a commissioner and its providers begins here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractOpened {
    /// The short name in rulebooks, commands and URLs, such as `shps`.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Who is bound by it.
    #[serde(default)]
    pub parties: Vec<Party>,
    /// The first day of the contract.
    pub starts_on: NaiveDate,
    /// The last day of the contract, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
}

/// Somebody bound by a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "PartyForm")]
pub struct Party {
    /// The organisation.
    pub name: String,
    /// What it is in this contract: commissioner, provider, investor …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A party as it may be written: its name alone, or name and role.
#[derive(Deserialize)]
#[serde(untagged)]
enum PartyForm {
    Name(String),
    Whole { name: String, role: Option<String> },
}

impl From<PartyForm> for Party {
    fn from(form: PartyForm) -> Self {
        match form {
            PartyForm::Name(name) => Self { name, role: None },
            PartyForm::Whole { name, role } => Self { name, role },
        }
    }
}

/// A version of the contract's rules, whole, as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulebookPublished {
    /// The TOML text.
    pub content: String,
    /// SHA-256 over the RFC 8785 JSON of its parsed content, lower-case hexadecimal.
    pub hash: String,
}

/// The contract's terms change; what is left out stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractVaried {
    /// What people call it from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who is bound by it from here on, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<Vec<Party>>,
    /// The last day of the contract from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
    /// What was agreed: at most 200 characters, nothing personal.
    pub reason: String,
}

/// The contract is over: `occurred_on` is the first day on which it no longer held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractEnded {
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Targets for every month of some measures, in one of several profiles that stand side by side. A revision is a new
/// version of the profile, whole; the old one stays in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsPublished {
    /// The profile, such as `contract`, `business_plan` or `minimum_service`.
    pub profile: String,
    /// The series, one for each measure and area.
    pub series: Vec<TargetSeries>,
}

/// The targets of one measure, month by month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSeries {
    /// What is counted: a stage or measure of the rulebook, by code.
    pub measure: String,
    /// The service area; none for the whole contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The target of each month, by the month's first day.
    pub months: BTreeMap<NaiveDate, Quantity>,
}

/// Somebody explains a figure or a period, for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentaryRecorded {
    /// The report it is for, by code.
    pub report: String,
    /// The period it speaks of.
    pub period: Period,
    /// The section of the report, such as `highlights`.
    pub section: String,
    /// The commentary: at most 200 characters, nothing personal.
    pub text: String,
}

/// A period's figures are settled between the parties. It locks nothing: what is dated in it later is warned of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodClosed {
    /// The period.
    pub period: Period,
}

/// A report was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSubmitted {
    /// The report, by code.
    pub report: String,
    /// The period it is about.
    pub period: Period,
}

/// The parties settled how well a key performance indicator was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KpiAssessed {
    /// The indicator, by code.
    pub kpi: String,
    /// The period.
    pub period: Period,
    /// The value that was found; none where there was nothing to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// The grade, by code, such as `met`, `minor` or `major`.
    pub grade: String,
}

/// What kind of notice a commissioner gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The provider is to say how it will improve.
    ImprovementPlan,
    /// The provider is to follow a plan under the commissioner's eye.
    PerformancePlan,
    /// Part of the payment is held back.
    Withholding,
    /// Referrals are sent elsewhere or stopped.
    ReferralChange,
    /// The contract is to end.
    Termination,
}

impl NoticeKind {
    /// The kind as clients spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImprovementPlan => "IMPROVEMENT_PLAN",
            Self::PerformancePlan => "PERFORMANCE_PLAN",
            Self::Withholding => "WITHHOLDING",
            Self::ReferralChange => "REFERRAL_CHANGE",
            Self::Termination => "TERMINATION",
        }
    }
}

/// A commissioner gives formal notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeIssued {
    /// The notice's own id.
    pub notice: NoticeId,
    /// What kind of notice.
    pub kind: NoticeKind,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// The parties agree that something is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionAgreed {
    /// The action's own id.
    pub action: ActionId,
    /// The notice it answers, if it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<NoticeId>,
    /// What is to be done: at most 200 characters, nothing personal.
    pub text: String,
    /// Which party is to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// By when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<NaiveDate>,
}

/// An agreed action is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionCompleted {
    /// Which action.
    pub action: ActionId,
}

/// Somebody looked at journeys that seemed to be paid for twice and found that they are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubleFundingDismissed {
    /// The class of outcomes, such as `employment`.
    pub class: String,
    /// The journey of this contract.
    pub journey: JourneyId,
    /// The other journey.
    pub other: JourneyId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}
