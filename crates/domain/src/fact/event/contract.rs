//! The facts of a contract: its terms, rulebooks, targets, commentary and decisions.
//!
//! Only data. The meaning of a payload never changes. A new shape is a new schema version.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Period, Quantity};
use crate::fact::envelope::{ActionId, JourneyId, NoticeId};

/// A contract between a commissioner and its providers was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractOpened {
    /// The short code in rulebooks, commands and URLs, such as `shps`.
    pub code: String,
    /// The name of the contract.
    pub name: String,
    /// The parties to the contract.
    #[serde(default)]
    pub parties: Vec<Party>,
    /// The first day of the contract.
    pub starts_on: NaiveDate,
    /// The last day of the contract, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
}

/// A party to a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "PartyForm")]
pub struct Party {
    /// The organisation.
    pub name: String,
    /// The role in this contract: commissioner, provider, investor and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A party as it may be written: only a name, or a name and a role.
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

/// A version of the contract's rulebook was published, with its whole text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulebookPublished {
    /// The TOML text.
    pub content: String,
    /// SHA-256 over the RFC 8785 JSON of its parsed content, lower-case hexadecimal.
    pub hash: String,
}

/// The terms of the contract changed. A field that is left out keeps its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractVaried {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// All parties from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<Vec<Party>>,
    /// The new last day of the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
    /// The agreement: at most 200 characters, no personal data.
    pub reason: String,
}

/// The contract ended. `occurred_on` is the first day after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractEnded {
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// Targets of some measures were published, in one of several profiles that apply side by side. A revision is a whole
/// new version of the profile. The old version stays in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsPublished {
    /// The profile, such as `contract`, `business_plan` or `minimum_service`.
    pub profile: String,
    /// The series, one for each measure and area.
    pub series: Vec<TargetSeries>,
}

/// The targets of one measure: by month, by year, or as a ratio of the targets of another measure. Exactly one of the
/// three is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSeries {
    /// The measure: a stage or measure of the rulebook, by code.
    pub measure: String,
    /// The service area. None for a cohort or the whole contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The cohort. None for a service area or the whole contract. Versions 1 and 2 have no cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// The target of each month, by the first day of the month.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub months: BTreeMap<NaiveDate, Quantity>,
    /// The target of each financial year, by the first day of the year. Its months have equal parts of it: 500 a year
    /// are 500/12 a month.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub years: BTreeMap<NaiveDate, Quantity>,
    /// The targets of another measure, of the same profile and area or cohort, times a factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<TargetRatio>,
}

/// Targets that follow from those of another measure, such as 0.88 × referrals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRatio {
    /// The other measure, by code.
    pub of: String,
    /// The factor, above 0.
    pub factor: Quantity,
}

/// A comment on a figure or a period, for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentaryRecorded {
    /// The report, by code.
    pub report: String,
    /// The period that it is about.
    pub period: Period,
    /// The section of the report, such as `highlights`.
    pub section: String,
    /// The text: at most 200 characters, no personal data.
    pub text: String,
}

/// The parties settled the figures of a period. This locks nothing: facts dated in the period later raise a warning.
/// The documents of its reports are kept as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodClosed {
    /// The period.
    pub period: Period,
    /// The documents of its reports, in the order of the rulebook. None if no report has this period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<ClosedDocument>,
}

/// The document of a report, as it was when its period was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedDocument {
    /// The report, by code.
    pub report: String,
    /// SHA-256 over the bytes of the content, lower-case hexadecimal.
    pub digest: String,
    /// The document as JSON.
    pub content: DocumentText,
}

/// The text of a document. Copies share it, because every decision about a contract reads its closed periods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct DocumentText(Arc<str>);

impl DocumentText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for DocumentText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<DocumentText> for String {
    fn from(text: DocumentText) -> Self {
        text.0.as_ref().to_owned()
    }
}

/// A report was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSubmitted {
    /// The report, by code.
    pub report: String,
    /// The period that it covers.
    pub period: Period,
}

/// The parties assessed a key performance indicator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KpiAssessed {
    /// The indicator, by code.
    pub kpi: String,
    /// The period.
    pub period: Period,
    /// The value. None if there was nothing to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// The grade, by code, such as `met`, `minor` or `major`.
    pub grade: String,
    /// Why the parties settled it so: a code or words, at most 200 characters, no personal data. Version 1 has no reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The kind of notice that a commissioner gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The provider must say how it will improve.
    ImprovementPlan,
    /// The provider must follow a plan that the commissioner monitors.
    PerformancePlan,
    /// Part of the payment is withheld.
    Withholding,
    /// Referrals are redirected or stopped.
    ReferralChange,
    /// The contract will be terminated.
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

/// The commissioner gave formal notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeIssued {
    /// The id of the notice.
    pub notice: NoticeId,
    /// The kind of notice.
    pub kind: NoticeKind,
    /// The indicator that it answers, by code. None if it answers no single one. Version 1 has no indicator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kpi: Option<String>,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// The parties agreed an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionAgreed {
    /// The id of the action.
    pub action: ActionId,
    /// The notice that it answers, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<NoticeId>,
    /// The action: at most 200 characters, no personal data.
    pub text: String,
    /// The party that owns the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<NaiveDate>,
}

/// An agreed action was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionCompleted {
    /// The action.
    pub action: ActionId,
}

/// A suspicion of double funding was dismissed: the cases were checked, and they are not paid for twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubleFundingDismissed {
    /// The class of outcomes, such as `employment`.
    pub class: String,
    /// The case of this contract.
    pub journey: JourneyId,
    /// The other case.
    pub other: JourneyId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}
