//! The inputs of batches: which claims, which decision, which payment.

use async_graphql::{Enum, InputObject};

use super::DayPeriodInput;
use super::convert::{Conversion, IntoDomain as _};
use crate::graphql::batch::AdjustmentKind;
use crate::graphql::scalars::{Decimal, Id, Position};
use throughline_domain::command::batches::{ClaimDecision, Payment};
use throughline_domain::fact::envelope::{AdjustmentId, ClaimId, TeamId, WorkerId};
use throughline_domain::fact::event::{AmountPaid, BatchOpened, ClaimSelection};
use throughline_domain::fact::money::Money;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The commissioner's decision on claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Verdict {
    /// The claims are accepted.
    Accept,
    /// The commissioner has a question. Put it in `remark`.
    Query,
    /// The claims are rejected. Put the code of the defect in `defect`.
    Reject,
}

/// The amount paid for one claim.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AmountPaidInput {
    /// The id of the claim.
    pub claim: Id,
    /// The amount, in the currency of the contract.
    pub amount: Decimal,
}

/// Which claims to include. A claim must match every condition that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ClaimSelectionInput {
    /// Only claims for these outcomes, by code.
    pub outcomes: Option<Vec<String>>,
    /// Only claims achieved in this period, including its first and last day.
    pub achieved: Option<DayPeriodInput>,
    /// Only claims in this service area, by code.
    pub area: Option<String>,
    /// Only claims of this cohort, by code.
    pub cohort: Option<String>,
    /// Only claims of cases that this keyworker holds.
    pub keyworker: Option<Id>,
    /// Only claims of cases that the keyworkers of this team hold.
    pub team: Option<Id>,
}

impl From<ClaimSelectionInput> for ClaimSelection {
    fn from(input: ClaimSelectionInput) -> Self {
        Self {
            outcomes: input.outcomes.unwrap_or_default(),
            achieved: input.achieved.map(Into::into),
            area: input.area,
            cohort: input.cohort,
            keyworker: input.keyworker.map(|worker| WorkerId(worker.0)),
            team: input.team.map(|team| TeamId(team.0)),
        }
    }
}

inputs! {
    /// Opens a batch.
    OpenBatchInput {
        /// The code of the contract.
        contract: String,
        /// The id of the batch. Default: a new id.
        batch: Option<Id>,
        /// The reference that the parties use for the batch, such as `2021-22 Q3`.
        reference: Option<String>,
        /// The period of the batch.
        period: Option<DayPeriodInput>,
        /// Which claims the batch is for. Its proposal and its submission are limited to them. Default: all claims of
        /// the contract.
        claims: Option<ClaimSelectionInput>,
    }
    /// Submits the claims of a batch to the commissioner.
    SubmitBatchInput {
        /// The id of the batch.
        batch: Id,
        /// The ids of the claims. Default: all claims that can be claimed.
        claims: Option<Vec<Id>>,
        /// The position of the log at which you checked the claims: `position` of the batch's proposal. The command is
        /// refused if anything about them has changed since. Default: the claims are submitted as they are now.
        prepared_at: Option<Position>,
    }
    /// Submits queried or rejected claims again, as they are now.
    ResubmitClaimInput {
        /// The id of the batch.
        batch: Id,
        /// The ids of the claims.
        claims: Vec<Id>,
        /// The position of the log at which you checked the claims. The command is refused if anything about them has
        /// changed since. Default: the claims are submitted as they are now.
        prepared_at: Option<Position>,
    }
    /// Records the commissioner's decision on claims.
    DecideClaimInput {
        /// The id of the batch.
        batch: Id,
        /// The ids of the claims.
        claims: Vec<Id>,
        /// The decision.
        decision: Verdict,
        /// The code of the defect in the rulebook. Only for rejected claims.
        defect: Option<String>,
        /// The question or a remark: at most 200 characters, without personal data.
        remark: Option<String>,
    }
    /// Withdraws claims before they are decided.
    WithdrawClaimInput {
        /// The id of the batch.
        batch: Id,
        /// The ids of the claims.
        claims: Vec<Id>,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// Records a payment for a batch.
    RecordPaymentInput {
        /// The id of the batch.
        batch: Id,
        /// The reference number of the remittance, if there is one.
        reference: Option<String>,
        /// The amounts by claim. An amount beyond what is due counts as excess.
        #[graphql(default)]
        amounts: Vec<AmountPaidInput>,
        /// The ids of the batch's adjustments that this payment settles, each in full.
        #[graphql(default)]
        adjustments: Vec<Id>,
        /// The amount paid without naming a claim or adjustment.
        excess: Option<Decimal>,
    }
    /// Raises an adjustment: a decision to pay more or less than a submitted line says.
    RaiseAdjustmentInput {
        /// The id of the open batch with which the adjustment is due.
        batch: Id,
        /// The id of the adjustment. Default: a new id.
        adjustment: Option<Id>,
        /// The kind of adjustment.
        kind: AdjustmentKind,
        /// The id of the batch whose line or excess payment it settles.
        of_batch: Option<Id>,
        /// The id of the claim. Leave it out for an excess payment or a sample.
        claim: Option<Id>,
        /// The change in the amount due. Negative: less is due.
        amount: Decimal,
        /// Why it was decided: at most 200 characters, without personal data.
        reason: String,
        /// The position of the log at which you checked the proposal. The command is refused if anything about it has
        /// changed since. Default: the adjustment is raised as things are now.
        prepared_at: Option<Position>,
    }
}

/// An amount as given. The decision checks it against the currency.
pub fn money(given: Decimal) -> Money {
    Money::exactly(given.0)
}

/// Claims by their ids.
pub fn claims(ids: &[Id]) -> Vec<ClaimId> {
    ids.iter().map(|id| ClaimId(id.0)).collect()
}

impl OpenBatchInput {
    /// The event to record.
    pub fn opened(&self, conversion: &mut Conversion) -> BatchOpened {
        let period = self.period.into_domain(conversion);
        let claims = self.claims.clone().map(ClaimSelection::from).filter(|claims| !claims.is_empty());
        BatchOpened { reference: self.reference.clone(), period, claims }
    }
}

impl DecideClaimInput {
    /// The decision. Refused if a field is given that does not belong to it, or one that belongs to it is missing.
    pub fn decided(&self) -> Result<ClaimDecision, Vec<Refusal>> {
        let missing = |path: &str, message| Err(Refusal::new(RefusalCode::MissingValue, message).at(path).alone());
        let defect = self.defect.clone();
        match (self.decision, defect, self.remark.clone()) {
            (Verdict::Accept, None, None) => Ok(ClaimDecision::Accept),
            (Verdict::Accept | Verdict::Query, Some(_), _) => {
                let message = "a defect is only for rejected claims: leave it out";
                Err(Refusal::new(RefusalCode::InvalidValue, message).at("defect").alone())
            }
            (Verdict::Accept, None, Some(_)) => {
                let message = "accepted claims cannot have a remark: leave it out";
                Err(Refusal::new(RefusalCode::InvalidValue, message).at("remark").alone())
            }
            (Verdict::Query, None, Some(remark)) => Ok(ClaimDecision::Query { remark }),
            (Verdict::Query, None, None) => missing("remark", "a query needs a remark: write the question"),
            (Verdict::Reject, Some(defect), remark) => Ok(ClaimDecision::Reject { defect, remark }),
            (Verdict::Reject, None, _) => missing("defect", "a rejection needs a defect: give its code"),
        }
    }
}

impl RecordPaymentInput {
    /// The payment as the remittance says.
    pub fn payment(&self) -> Payment {
        let paid = |paid: &AmountPaidInput| AmountPaid { claim: ClaimId(paid.claim.0), amount: money(paid.amount) };
        Payment {
            reference: self.reference.clone(),
            amounts: self.amounts.iter().map(paid).collect(),
            adjustments: self.adjustments.iter().map(|id| AdjustmentId(id.0)).collect(),
            excess: self.excess.map(money),
        }
    }
}
