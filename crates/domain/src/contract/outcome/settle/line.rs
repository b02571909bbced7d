//! A claim that was submitted, as settling takes it, with what is due for it as things were decided.
//!
//! It adds up decisions and makes none.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{CapUse, Party, Status};
use crate::fact::envelope::{ClaimId, SubjectId};
use crate::fact::money::Money;

/// A claim that was submitted.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The claim.
    pub claim: ClaimId,
    /// The journey that it is about, or the cohort, site or area.
    pub holder: Uuid,
    /// The one person behind linked records.
    pub person: Option<SubjectId>,
    /// The outcome, by its number in the terms.
    pub outcome: usize,
    /// The day on which it was achieved, as it was submitted.
    pub achieved_on: NaiveDate,
    /// The amount, as it was submitted.
    pub amount: Money,
    /// The adjustments raised since, added up.
    pub adjusted: Money,
    /// What of them was taken back and not given again, as an amount above nothing.
    pub taken_back: Money,
    /// What of them is a deliberate reduction, as an amount below nothing: decided by hand, or extrapolated from a sample.
    /// It is not proposed back.
    pub reduced: Money,
    /// What of them was taken back in other batches that are still open, as an amount above nothing: until those are
    /// submitted it frees nothing.
    pub pending: Money,
    /// What was paid for it.
    pub paid: Money,
    /// What became of it.
    pub state: LineState,
    /// The day on which it was rejected, if it was.
    pub rejected_on: Option<NaiveDate>,
}

/// What became of a submitted claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Nobody has decided.
    Submitted,
    /// Somebody asked about it.
    Queried,
    /// It was accepted.
    Accepted,
    /// It was paid.
    Paid,
    /// It was rejected.
    Rejected,
    /// It was taken back before it was decided.
    Withdrawn,
    /// It was paid and taken back.
    Reversed,
}

impl LineState {
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Submitted | Self::Queried | Self::Accepted | Self::Paid)
    }

    /// Whether nobody has accepted or rejected it: it cannot be adjusted, but it can be withdrawn.
    pub(super) const fn is_undecided(self) -> bool {
        matches!(self, Self::Submitted | Self::Queried)
    }

    /// What the claim is by it; what was taken back before it was decided is as if it were submitted still.
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
    /// What is due for it as things were decided: of what was rejected, only what was paid is still to be settled.
    pub fn current(&self) -> Money {
        match self.state {
            LineState::Rejected | LineState::Withdrawn => self.paid + self.adjusted,
            _ => self.amount + self.adjusted,
        }
    }

    /// Whether anything is due for it, or was paid and is not taken back.
    pub(super) fn has_money(&self) -> bool {
        self.current().is_positive()
    }

    /// Whether it comes before the lines that were taken back.
    pub(super) fn keeps_its_turn(&self) -> bool {
        self.has_money() || self.reduced < Money::ZERO
    }

    /// What holds a place, a tier and room under the caps: what is due for it, and what is taken back in a batch that is
    /// still open.
    pub(super) fn held(&self) -> Money {
        self.current() + self.pending
    }

    /// Whether what its claim entitles to is due by it: it was neither rejected nor withdrawn. What was taken back is due
    /// again when its ground stands again.
    pub(super) const fn stands(&self) -> bool {
        self.state.is_live() || matches!(self.state, LineState::Reversed)
    }

    /// What was paid or due for it once and is not any more.
    pub(super) fn given_up(&self) -> Money {
        match self.state {
            LineState::Rejected | LineState::Withdrawn => (self.paid - self.current()).max(Money::ZERO),
            _ => self.taken_back,
        }
    }

    /// Whether it was taken back whole.
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
