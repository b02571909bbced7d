//! A submitted claim as input for settling, with the amount due by the decisions so far.
//!
//! It adds up decisions and makes none.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{CapUse, Party, Status};
use crate::fact::envelope::{ClaimId, SubjectId};
use crate::fact::money::Money;

/// A submitted claim.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The claim.
    pub claim: ClaimId,
    /// The case that it is about, or the cohort, site or area.
    pub holder: Uuid,
    /// The person behind linked records.
    pub person: Option<SubjectId>,
    /// The number of the outcome in the terms.
    pub outcome: usize,
    /// The day on which it was achieved, as submitted.
    pub achieved_on: NaiveDate,
    /// The submitted amount.
    pub amount: Money,
    /// The sum of the adjustments since.
    pub adjusted: Money,
    /// The part of the adjustments that was taken back and not given back. A positive amount.
    pub taken_back: Money,
    /// The part of the adjustments that is a deliberate reduction: decided by hand, or extrapolated from a sample. A
    /// negative amount. It is never proposed back.
    pub reduced: Money,
    /// The part of the adjustments that was taken back in other open batches. A positive amount. It frees nothing until
    /// those batches are submitted.
    pub pending: Money,
    /// The paid amount.
    pub paid: Money,
    /// Its state.
    pub state: LineState,
    /// The day on which it was rejected, if it was.
    pub rejected_on: Option<NaiveDate>,
}

/// The state of a submitted claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Not decided yet.
    Submitted,
    /// The commissioner queried it.
    Queried,
    /// It was accepted.
    Accepted,
    /// It was paid.
    Paid,
    /// It was rejected.
    Rejected,
    /// It was withdrawn before a decision.
    Withdrawn,
    /// It was paid and taken back.
    Reversed,
}

impl LineState {
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Submitted | Self::Queried | Self::Accepted | Self::Paid)
    }

    /// Whether it was neither accepted nor rejected. Such a line cannot be adjusted, but it can be withdrawn.
    pub(super) const fn is_undecided(self) -> bool {
        matches!(self, Self::Submitted | Self::Queried)
    }

    /// The status of the claim. A claim withdrawn before a decision counts as submitted.
    pub const fn status(self) -> Status {
        match self {
            Self::Submitted | Self::Withdrawn => Status::Submitted,
            Self::Queried => Status::Queried,
            Self::Accepted => Status::Accepted,
            Self::Paid => Status::Paid,
            Self::Rejected => Status::Rejected,
            Self::Reversed => Status::Reversed,
        }
    }
}

impl Line {
    /// The amount due by the decisions so far. For a rejected or withdrawn line: the paid amount that is still to be
    /// settled.
    pub fn current(&self) -> Money {
        match self.state {
            LineState::Rejected | LineState::Withdrawn => self.paid + self.adjusted,
            _ => self.amount + self.adjusted,
        }
    }

    /// Whether anything is due for it, or was paid and not taken back.
    pub(super) fn has_money(&self) -> bool {
        self.current().is_positive()
    }

    /// Whether it is ordered before the lines that were taken back.
    pub(super) fn keeps_its_turn(&self) -> bool {
        self.has_money() || self.reduced < Money::ZERO
    }

    /// The amount that uses a place, a tier and room under the caps: the amount due, and the amount that an open batch
    /// takes back.
    pub(super) fn held(&self) -> Money {
        self.current() + self.pending
    }

    /// Whether the claim's entitlement is due through this line: it was neither rejected nor withdrawn. An amount that
    /// was taken back is due again if the claim becomes valid again.
    pub(super) const fn stands(&self) -> bool {
        self.state.is_live() || matches!(self.state, LineState::Reversed)
    }

    /// The amount that was once paid or due for it and is not any more.
    pub(super) fn given_up(&self) -> Money {
        match self.state {
            LineState::Rejected | LineState::Withdrawn => (self.paid - self.current()).max(Money::ZERO),
            _ => self.taken_back,
        }
    }

    /// Whether it was taken back in full.
    pub(super) fn is_reversed(&self) -> bool {
        let rejected_and_settled =
            self.paid.is_positive() && self.taken_back.is_positive() && self.current() == Money::ZERO;
        self.state == LineState::Reversed || self.state == LineState::Rejected && rejected_and_settled
    }

    pub(super) const fn cap_use(&self) -> CapUse {
        CapUse { outcome: self.outcome, person: self.person, achieved_on: self.achieved_on }
    }

    pub(super) const fn party(&self) -> Party {
        Party { outcome: self.outcome, holder: self.holder, person: self.person }
    }
}
