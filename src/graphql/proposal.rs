//! What is proposed for lines of batches because of what is known now: adjustments and withdrawals.
//!
//! It shows proposals; nothing here is paid, taken back or withdrawn.

use async_graphql::{Enum, ID, SimpleObject};

use super::batch::AdjustmentKind;
use super::money::Money;
use crate::views::claims::{self, Claims, Proposed};
use throughline_domain::contract::outcome::settle::Reason;

/// A proposal to pay more or less than a closed line says, because of what is known now. Nothing is paid or taken back
/// without a decision: raise it in an open batch.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedAdjustment {
    /// The claim, by its id.
    claim: ID,
    /// The batch with its line, by its id.
    of_batch: ID,
    /// As what it would be raised.
    kind: AdjustmentKind,
    /// How much more is due; less than nothing: how much less. It is what the claim entitles to now, less what is due for
    /// it as decided so far.
    amount: Money,
    /// Why.
    reason: ProposalReason,
}

/// A proposal to withdraw a claim that was submitted and not decided, because nothing is due for it any more:
/// `withdrawClaim` does it.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedWithdrawal {
    /// The claim, by its id.
    claim: ID,
    /// The batch with its line, by its id.
    of_batch: ID,
    /// What it was submitted for.
    amount: Money,
    /// Why.
    reason: ProposalReason,
}

/// Why a line of a batch should be more or less than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Reason")]
pub enum ProposalReason {
    /// It was rejected after it was paid.
    Rejected,
    /// The facts do not show the outcome any more.
    NotAchieved,
    /// The evidence that showed it does not count any more.
    EvidenceMissing,
    /// Another claim of its group or person has the payment.
    PaidElsewhere,
    /// The lower outcome that it takes up is paid otherwise than it was.
    Conversion,
    /// There is room under a cap again.
    RoomUnderCap,
    /// What was taken back is due again: the facts show the outcome anew.
    AchievedAgain,
    /// Lines before it leave it less under a cap: two people are one, or the cap is lower than it was.
    BeyondCap,
    /// Its price has changed, as the facts or rules now read.
    PriceChanged,
}

impl ProposedWithdrawal {
    /// What a contract's claims propose.
    pub(super) fn all(claims: &Claims) -> Vec<Self> {
        let proposed = |of: &claims::ProposedWithdrawal| Self {
            claim: ID(of.claim.to_string()),
            of_batch: ID(of.batch.to_string()),
            amount: Money::of(of.amount, claims.currency()),
            reason: of.reason.into(),
        };
        claims.withdrawals.iter().map(proposed).collect()
    }
}

impl ProposedAdjustment {
    /// What a contract's claims propose.
    pub(super) fn all(told: &Claims) -> Vec<Self> {
        let proposed = |of: &Proposed| Self {
            claim: ID(of.claim.to_string()),
            of_batch: ID(of.batch.to_string()),
            kind: of.kind.into(),
            amount: Money::of(of.amount, told.currency()),
            reason: of.reason.into(),
        };
        told.proposed.iter().map(proposed).collect()
    }
}
