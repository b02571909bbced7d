//! Batches as mutations take them: which claims, what is decided of them, and the money that came.

use async_graphql::{Enum, InputObject};

use super::DayPeriodInput;
use super::reading::{Means as _, Reading};
use crate::graphql::batch::AdjustmentKind;
use crate::graphql::scalars::{Decimal, Id, Position};
use throughline_domain::command::batches::{ClaimDecision, Payment};
use throughline_domain::fact::envelope::{AdjustmentId, ClaimId, TeamId, WorkerId};
use throughline_domain::fact::event::{AmountPaid, BatchOpened, ClaimSelection};
use throughline_domain::fact::money::Money;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// What the commissioner decides of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Verdict {
    /// The claims are good.
    Accept,
    /// Something is asked first: say what in `remark`.
    Query,
    /// The claims are not good: say why in `defect`.
    Reject,
}

/// What was paid for one claim.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AmountPaidInput {
    /// The claim, by its id.
    pub claim: Id,
    /// How much, in the currency of the contract.
    pub amount: Decimal,
}

/// Which claims are wanted; everything given must fit.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ClaimSelectionInput {
    /// Only those of these outcomes, by code.
    pub outcomes: Option<Vec<String>>,
    /// Only those achieved on these days, both inside.
    pub achieved: Option<DayPeriodInput>,
    /// Only those of this service area.
    pub area: Option<String>,
    /// Only those of this cohort.
    pub cohort: Option<String>,
    /// Only those of the cases that this keyworker holds.
    pub keyworker: Option<Id>,
    /// Only those of the cases that the keyworkers of this team hold.
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
    /// A batch is begun.
    OpenBatchInput {
        /// The code of the contract.
        contract: String,
        /// The batch's own id; left out, one is made.
        batch: Option<Id>,
        /// What the parties call it, such as `2021-22 Q3`.
        reference: Option<String>,
        /// The period that it is for.
        period: Option<DayPeriodInput>,
        /// Which claims it is for; left out, all of the contract. Its proposal and its submission keep to them.
        claims: Option<ClaimSelectionInput>,
    }
    /// The claims of a batch go to the commissioner.
    SubmitBatchInput {
        /// Which batch.
        batch: Id,
        /// Which claims, by their ids; left out, everything that can be claimed.
        claims: Option<Vec<Id>>,
        /// The position of the log at which you have looked at them, as `position` of the proposal says: nothing of them
        /// may have moved since. Left out, they are submitted as they now are.
        prepared_at: Option<Position>,
    }
    /// Queried or rejected claims of a batch go again, as they now are.
    ResubmitClaimInput {
        /// Which batch.
        batch: Id,
        /// Which claims, by their ids.
        claims: Vec<Id>,
        /// The position of the log at which you have looked at them: nothing of them may have moved since. Left out, they
        /// are submitted as they now are.
        prepared_at: Option<Position>,
    }
    /// The commissioner decides on claims.
    DecideClaimInput {
        /// Which batch.
        batch: Id,
        /// Which claims, by their ids.
        claims: Vec<Id>,
        /// What is decided.
        decision: Verdict,
        /// What is wrong with them, by the rulebook's code, where they are rejected.
        defect: Option<String>,
        /// What is asked, or what else there is to say: at most 200 characters, nothing personal.
        remark: Option<String>,
    }
    /// Claims are taken back before they are decided.
    WithdrawClaimInput {
        /// Which batch.
        batch: Id,
        /// Which claims, by their ids.
        claims: Vec<Id>,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// Money came for a batch.
    RecordPaymentInput {
        /// Which batch.
        batch: Id,
        /// The remittance's own number, where it has one.
        reference: Option<String>,
        /// What it says is for which claim; what is more than is due counts as excess.
        #[graphql(default)]
        amounts: Vec<AmountPaidInput>,
        /// The adjustments of the batch that are settled with it, by their ids, each whole.
        #[graphql(default)]
        adjustments: Vec<Id>,
        /// What it names for nothing.
        excess: Option<Decimal>,
    }
    /// It is decided to pay more or less than a closed line says.
    RaiseAdjustmentInput {
        /// The open batch with which it is due.
        batch: Id,
        /// The adjustment's own id; left out, one is made.
        adjustment: Option<Id>,
        /// Why.
        kind: AdjustmentKind,
        /// The batch whose line or excess it settles.
        of_batch: Option<Id>,
        /// The claim that it is about; none for an excess or a sample.
        claim: Option<Id>,
        /// How much more is due; less than nothing: how much less.
        amount: Decimal,
        /// Why it was decided: at most 200 characters, nothing personal.
        reason: String,
        /// The position of the log at which you have looked at what is proposed: nothing of it may have moved since.
        /// Left out, it is raised as things now stand.
        prepared_at: Option<Position>,
    }
}

/// An amount as it was given, of which the decision says whether the currency has it.
pub fn money(given: Decimal) -> Money {
    Money::exactly(given.0)
}

/// Claims by their ids.
pub fn claims(ids: &[Id]) -> Vec<ClaimId> {
    ids.iter().map(|id| ClaimId(id.0)).collect()
}

impl OpenBatchInput {
    /// What is recorded of it.
    pub fn opened(&self, reading: &mut Reading) -> BatchOpened {
        let period = self.period.meant(reading);
        let claims = self.claims.clone().map(ClaimSelection::from).filter(|claims| !claims.is_empty());
        BatchOpened { reference: self.reference.clone(), period, claims }
    }
}

impl DecideClaimInput {
    /// What is decided; refused where something is said that does not belong to it, or not said that does.
    pub fn decided(&self) -> Result<ClaimDecision, Vec<Refusal>> {
        let missing = |path: &str, message| Err(Refusal::new(RefusalCode::MissingValue, message).at(path).alone());
        let defect = self.defect.clone();
        match (self.decision, defect, self.remark.clone()) {
            (Verdict::Accept, None, None) => Ok(ClaimDecision::Accept),
            (Verdict::Accept | Verdict::Query, Some(_), _) => {
                let message = "a defect is named only where claims are rejected: leave it out";
                Err(Refusal::new(RefusalCode::InvalidValue, message).at("defect").alone())
            }
            (Verdict::Accept, None, Some(_)) => {
                let message = "what is accepted takes no remark: leave it out";
                Err(Refusal::new(RefusalCode::InvalidValue, message).at("remark").alone())
            }
            (Verdict::Query, None, Some(remark)) => Ok(ClaimDecision::Query { remark }),
            (Verdict::Query, None, None) => missing("remark", "nothing is asked: say what"),
            (Verdict::Reject, Some(defect), remark) => Ok(ClaimDecision::Reject { defect, remark }),
            (Verdict::Reject, None, _) => missing("defect", "no defect is named: say what is wrong, by its code"),
        }
    }
}

impl RecordPaymentInput {
    /// The money as the remittance says.
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
