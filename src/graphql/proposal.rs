//! Adjustments and withdrawals proposed for batch lines, because of what is known now.
//!
//! This module only shows proposals. It pays, takes back and withdraws nothing.

use async_graphql::{Enum, ID, SimpleObject};

use super::batch::AdjustmentKind;
use super::money::Money;
use crate::queries::claims::{self, Claims, Proposed};
use throughline_domain::contract::outcome::settle::Reason;

/// A proposal to pay more or less than a submitted line says, because of what is known now. Nothing is paid or taken
/// back without a decision: raise the adjustment in an open batch.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedAdjustment {
    /// The id of the claim.
    claim: ID,
    /// The id of the batch with the claim's line.
    of_batch: ID,
    /// The kind of adjustment to raise.
    kind: AdjustmentKind,
    /// The change in the amount due: what the claim is entitled to now, less what is due by the decisions so far.
    /// Negative: less is due.
    amount: Money,
    /// The reason.
    reason: ProposalReason,
}

/// A proposal to withdraw a claim that was submitted and not yet decided, because nothing is due for it any more. Use
/// `withdrawClaim`.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProposedWithdrawal {
    /// The id of the claim.
    claim: ID,
    /// The id of the batch with the claim's line.
    of_batch: ID,
    /// The amount submitted.
    amount: Money,
    /// The reason.
    reason: ProposalReason,
}

/// The reason why a line of a batch should change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Reason")]
pub enum ProposalReason {
    /// It was rejected after it was paid.
    Rejected,
    /// The facts no longer show the outcome.
    NotAchieved,
    /// The evidence for it no longer counts.
    EvidenceMissing,
    /// Another claim of its group or person has the payment.
    PaidElsewhere,
    /// The payment for the lower outcome that the claim converts has changed.
    Conversion,
    /// There is room under a cap again.
    RoomUnderCap,
    /// A payment was taken back, but the facts show the outcome again.
    AchievedAgain,
    /// Earlier lines leave less for it under a cap, because two people were linked as one or the cap was lowered.
    BeyondCap,
    /// Its price has changed, because of changed facts or rules.
    PriceChanged,
}

impl ProposedWithdrawal {
    /// The proposals from a contract's claims.
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
    /// The proposals from a contract's claims.
    pub(super) fn all(contract_claims: &Claims) -> Vec<Self> {
        let proposed = |of: &Proposed| Self {
            claim: ID(of.claim.to_string()),
            of_batch: ID(of.batch.to_string()),
            kind: of.kind.into(),
            amount: Money::of(of.amount, contract_claims.currency()),
            reason: of.reason.into(),
        };
        contract_claims.proposed.iter().map(proposed).collect()
    }
}
