//! The facts of a batch: the claims that are submitted together, the decision on each, and the payments.
//!
//! Only data. The meaning of a payload never changes. A new shape is a new schema version. A submitted line is frozen:
//! later knowledge never changes it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::fact::envelope::{AdjustmentId, BatchId, ClaimId, JourneyId, Position, TeamId, WorkerId};
use crate::fact::money::Money;

/// A batch of claims was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchOpened {
    /// The parties' name for it, such as `2021-22 Q3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The period that it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The selection of claims that it is for. None if it is for all claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimSelection>,
}

/// A selection of claims. A claim must match every part that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSelection {
    /// The outcomes, by code. Empty means all outcomes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<String>,
    /// The range of days on which they were achieved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved: Option<Period>,
    /// The service area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// The keyworker of their cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyworker: Option<WorkerId>,
    /// The team of the keyworkers of their cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
}

impl ClaimSelection {
    /// Whether the selection includes all claims.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The claims of a batch were submitted to the commissioner. Each line is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSubmitted {
    /// The position of the log that the claims were prepared from.
    pub prepared_at: Position,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// The claims, in the order in which they use up a cap.
    pub lines: Vec<ClaimLine>,
}

/// One claim as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLine {
    /// The claim.
    pub claim: ClaimId,
    /// The case or cases that the claim is about.
    pub about: ClaimAbout,
    /// The outcome, by its code in the rulebook.
    pub outcome: String,
    /// The repeat of the outcome, from 1.
    pub repeat: u32,
    /// The day on which the outcome was achieved.
    pub achieved_on: NaiveDate,
    /// The claimed amount.
    pub amount: Money,
    /// The hash of the rulebook that judged the claim.
    pub rulebook: String,
    /// SHA-256 of the derivation: the facts, days counted, gaps, hours and evidence that the claim is based on.
    pub derivation: String,
}

/// The case or cases that a claim is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimAbout {
    /// One case.
    Journey(JourneyId),
    /// Many cases together.
    Many(ManyAbout),
}

impl ClaimAbout {
    /// The case, if it is a single one.
    pub const fn journey(&self) -> Option<JourneyId> {
        match self {
            Self::Journey(journey) => Some(*journey),
            Self::Many(_) => None,
        }
    }
}

/// Many cases over a period: those of a cohort, site or area.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManyAbout {
    /// The code of the cohort or area, or the id of the site. Empty for cases without a cohort.
    pub of: String,
    /// The first day of the period.
    pub first: NaiveDate,
    /// The last day of the period.
    pub last: NaiveDate,
}

/// The commissioner accepted a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimAccepted {
    /// The claim.
    pub claim: ClaimId,
}

/// The commissioner queried a claim before deciding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimQueried {
    /// The claim.
    pub claim: ClaimId,
    /// The question: at most 200 characters, no personal data.
    pub remark: String,
}

/// The commissioner rejected a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRejected {
    /// The claim.
    pub claim: ClaimId,
    /// The defect: a code of the rulebook.
    pub defect: String,
    /// A remark: at most 200 characters, no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A queried or rejected claim was submitted again. The new line is frozen as the claim is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimResubmitted {
    /// The position of the log that the claim was prepared from.
    pub prepared_at: Position,
    /// The present claim.
    pub line: ClaimLine,
}

/// A claim was withdrawn before it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimWithdrawn {
    /// The claim.
    pub claim: ClaimId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// A payment was received for a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentReceived {
    /// The number of the remittance, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The amount for each claim, never more than was due.
    #[serde(default)]
    pub amounts: Vec<AmountPaid>,
    /// The adjustments of the batch that were settled with it, each in full.
    #[serde(default)]
    pub adjustments: Vec<AdjustmentId>,
    /// The amount beyond everything due. It belongs to the payer until an adjustment settles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<Money>,
}

/// The amount paid for one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountPaid {
    /// The claim.
    pub claim: ClaimId,
    /// The amount.
    pub amount: Money,
}

/// The reason for an adjustment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// A paid amount is taken back, because the claim is no longer valid.
    Clawback,
    /// The lower outcome that is included in a claim is paid differently from before.
    Conversion,
    /// The lower outcome that a claim converts from is paid differently from before.
    Overpayment,
    /// A cap has room again.
    CapRelease,
    /// The result of a sample is applied to all claims that the sample was drawn from.
    Extrapolation,
    /// The price changed with the facts or rules.
    Restatement,
}

/// It was decided to pay more or less than a closed line says. The adjustment is due with the batch that records it.
/// The line does not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentRaised {
    /// The id of the adjustment.
    pub adjustment: AdjustmentId,
    /// The reason.
    pub kind: AdjustmentKind,
    /// The batch whose line or excess it settles. None if it is about neither a batch nor a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The claim. None for an excess or a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimId>,
    /// The additional amount due. A negative amount lowers what is due.
    pub amount: Money,
    /// The part of the amount that was decided by hand and not proposed. A reduction by hand stays, whatever the facts
    /// entitle to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<Money>,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}
