//! What a batch's stream records: the claims that go to the commissioner together, what is decided of each, and the
//! money that comes for them.
//!
//! Pure shapes. A payload's meaning never changes: a new shape is a new schema version. A line that was submitted is
//! frozen: nothing that is learned later is written into it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::fact::envelope::{AdjustmentId, BatchId, ClaimId, JourneyId, Position, TeamId, WorkerId};
use crate::fact::money::Money;

/// A batch of claims is begun.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchOpened {
    /// What the parties call it, such as `2021-22 Q3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The period that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Which claims it is for, where it is for some alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimSelection>,
}

/// Which claims are wanted; everything given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSelection {
    /// Those of these outcomes, by code; none named: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<String>,
    /// Those achieved on these days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved: Option<Period>,
    /// Those of this service area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// Those of this cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Those of the cases of this keyworker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyworker: Option<WorkerId>,
    /// Those of the cases of the keyworkers of this team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
}

impl ClaimSelection {
    /// Whether it narrows nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The claims of a batch go to the commissioner, each frozen as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSubmitted {
    /// The position of the log that the claims were prepared from.
    pub prepared_at: Position,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// The claims, in the order in which they use what is left under a cap.
    pub lines: Vec<ClaimLine>,
}

/// One claim as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLine {
    /// The claim.
    pub claim: ClaimId,
    /// What it is about.
    pub about: ClaimAbout,
    /// The outcome, by its code in the rulebook.
    pub outcome: String,
    /// Which time it is that the outcome was achieved, from 1.
    pub repeat: u32,
    /// The day on which it was achieved.
    pub achieved_on: NaiveDate,
    /// The amount that is claimed.
    pub amount: Money,
    /// The hash of the rulebook by which it was judged.
    pub rulebook: String,
    /// SHA-256 of the derivation: the facts it rests on, the days counted, gaps, hours and evidence.
    pub derivation: String,
}

/// What a claim is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimAbout {
    /// One journey.
    Journey(JourneyId),
    /// Many journeys together.
    Many(ManyAbout),
}

impl ClaimAbout {
    /// The journey, where it is one alone.
    pub const fn journey(&self) -> Option<JourneyId> {
        match self {
            Self::Journey(journey) => Some(*journey),
            Self::Many(_) => None,
        }
    }
}

/// Many journeys over a period: those of a cohort, site or area.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManyAbout {
    /// The cohort or area by its code, the site by its id; empty for journeys without a cohort.
    pub of: String,
    /// The first day of the period.
    pub first: NaiveDate,
    /// The last day of the period.
    pub last: NaiveDate,
}

/// The commissioner accepts a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimAccepted {
    /// Which claim.
    pub claim: ClaimId,
}

/// The commissioner asks about a claim before deciding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimQueried {
    /// Which claim.
    pub claim: ClaimId,
    /// What is asked: at most 200 characters, nothing personal.
    pub remark: String,
}

/// The commissioner rejects a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRejected {
    /// Which claim.
    pub claim: ClaimId,
    /// What is wrong with it, by the rulebook's code.
    pub defect: String,
    /// What else there is to say: at most 200 characters, nothing personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A queried or rejected claim goes to the commissioner again, frozen anew as it now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimResubmitted {
    /// The position of the log that the claim was prepared from.
    pub prepared_at: Position,
    /// The claim as it now is.
    pub line: ClaimLine,
}

/// A claim is taken back before it is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimWithdrawn {
    /// Which claim.
    pub claim: ClaimId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Money came for a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentReceived {
    /// The remittance's own number, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What of it is for which claim: never more than was due.
    #[serde(default)]
    pub amounts: Vec<AmountPaid>,
    /// The adjustments of the batch that were settled with it, each whole.
    #[serde(default)]
    pub adjustments: Vec<AdjustmentId>,
    /// What came beyond everything due: it belongs to whoever paid it until an adjustment settles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<Money>,
}

/// What was paid for one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountPaid {
    /// Which claim.
    pub claim: ClaimId,
    /// How much.
    pub amount: Money,
}

/// Why more or less is due than a closed line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// What was paid is taken back: there is no ground for it any more.
    Clawback,
    /// The lower outcome that a claim took up is paid otherwise than it was.
    Conversion,
    /// More was paid than was due, and is settled.
    Overpayment,
    /// There is room under a cap again.
    CapRelease,
    /// What a sample showed is taken as so of all that it was drawn from.
    Extrapolation,
    /// The price is another, as the facts or rules now read.
    Restatement,
}

/// It is decided to pay more or less than a closed line says. It is due with the batch that records it; the line stays
/// as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentRaised {
    /// The adjustment's own id.
    pub adjustment: AdjustmentId,
    /// Why.
    pub kind: AdjustmentKind,
    /// The batch whose line or excess it settles; none where it is about a batch as little as about a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The claim that it is about; none for an excess or a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimId>,
    /// How much more is due; less than nothing: how much less.
    pub amount: Money,
    /// What of the amount was decided by hand: nothing had proposed it. A reduction by hand stays, whatever the facts
    /// entitle to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<Money>,
    /// Why it was decided: at most 200 characters, nothing personal.
    pub reason: String,
}
