//! Evidence as clients read it: what shows that something was so, and what a check of it found.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::{Journey, Step};
use crate::graphql::claim::Claim;
use crate::graphql::event::OccurredOn;
use crate::graphql::known;
use crate::graphql::scalars::Date;
use throughline_domain::contract::outcome::Case;
use throughline_domain::contract::outcome::proof::WhyNot;
use throughline_domain::fact::envelope::EvidenceId;
use throughline_domain::journey;

/// What became of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EvidenceState {
    /// Nobody has checked it yet: it counts.
    Attached,
    /// It was checked and found good: it counts.
    Verified,
    /// It was checked and has a defect: it does not count.
    Rejected,
    /// It was taken back: it does not count.
    Withdrawn,
}

/// Why a piece of evidence does not count for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "WhyNot")]
pub enum EvidenceReason {
    /// The outcome asks for no evidence.
    NothingAsked,
    /// The outcome is for other clients than this one.
    ForOthers,
    /// The outcome has not begun, so there is nothing to show yet.
    NotBegun,
    /// The outcome asks for other kinds of evidence.
    OtherKind,
    /// The piece was withdrawn.
    Withdrawn,
    /// The piece was checked and rejected.
    Rejected,
    /// The outcome asks for verified evidence, and nobody has verified the piece.
    NotVerified,
    /// The piece is dated before the days that the outcome takes.
    DatedTooEarly,
    /// The piece is dated after the days that the outcome takes.
    DatedTooLate,
    /// The piece names nothing in `supports`.
    SupportsNothing,
    /// The piece supports another spell or fact than this claim rests on.
    SupportsOther,
}

/// A piece of evidence and a claim: whether the one counts for the other.
#[derive(Clone, SimpleObject)]
pub struct EvidenceForClaim {
    /// The claim.
    claim: Claim,
    /// The piece of evidence.
    evidence: Evidence,
    /// Whether it counts; while the claim matures, whether it will if the outcome is achieved as foreseen.
    counts: bool,
    /// Every reason why it does not count; empty where it does.
    reasons: Vec<EvidenceReason>,
}

impl EvidenceForClaim {
    pub(in crate::graphql) fn of(claim: &Claim, evidence: &Evidence, why_not: &[WhyNot]) -> Self {
        Self {
            claim: claim.clone(),
            evidence: evidence.clone(),
            counts: why_not.is_empty(),
            reasons: why_not.iter().copied().map(Into::into).collect(),
        }
    }
}

/// A piece of evidence. The file itself is kept elsewhere; its digest stands here.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct Evidence {
    /// The evidence's own id, by which it is verified, rejected or withdrawn.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The event that recorded it first: what a correction or retraction names as its target.
    event: ID,
    /// What it is: a code of the rulebook, such as `payslip`.
    kind: String,
    /// When it was attached.
    attached: OccurredOn,
    /// SHA-256 of the file, in lower-case hexadecimal.
    sha256: Option<String>,
    /// The date on the document.
    dated_on: Date,
    /// The day on which the service got hold of it.
    obtained_on: Option<Date>,
    /// How it did, by code.
    obtained_how: Option<String>,
    /// What it shows: events or spells of the journey, by id.
    supports: Vec<ID>,
    /// What became of it, by the day as of which this is read.
    pub(super) state: EvidenceState,
    /// The check that found it good, if one did.
    verified: Option<Step>,
    /// The check that found a defect, if one did.
    rejected: Option<Step>,
    /// The defect that was found: a code of the rulebook.
    defect: Option<String>,
    /// Its withdrawal, if it was taken back.
    withdrawn: Option<Step>,
    #[graphql(skip)]
    pub(in crate::graphql) own: EvidenceId,
    #[graphql(skip)]
    of: Arc<Journey>,
}

#[ComplexObject]
impl Evidence {
    /// The journey that it was attached to.
    async fn journey(&self) -> Journey {
        self.of.again()
    }

    /// Every claim of the journey: whether this piece counts for it, and why not.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this outcome, by code.")] outcome: Option<String>,
    ) -> Result<Vec<EvidenceForClaim>> {
        let told = self.of.told_claims(ctx).await?;
        known::outcome([&*told.contract], outcome.as_deref())?;
        let facts = self.of.story().history().facts_as_of(self.of.as_of);
        let case = Case::of(&facts);
        let claims = Claim::of_journey(&told, self.of.id, self.of.story()).into_iter();
        let wanted = claims.filter(|claim| outcome.as_ref().is_none_or(|outcome| claim.is_of(outcome)));
        let judged = wanted.filter_map(|claim| {
            let proof = claim.proofs(&case).into_iter().find(|proof| proof.evidence == self.own)?;
            Some(EvidenceForClaim::of(&claim, self, &proof.why_not))
        });
        Ok(judged.collect())
    }
}

impl Evidence {
    /// A piece of a journey's evidence.
    pub(in crate::graphql) fn of(piece: &journey::Evidence, of: &Arc<Journey>) -> Self {
        let details = &piece.details;
        let withdrawn = piece.withdrawn.as_ref();
        Self {
            id: ID(details.evidence.to_string()),
            event: ID(piece.event_id.to_string()),
            kind: details.kind.clone(),
            attached: piece.attached.into(),
            sha256: details.sha256.clone(),
            dated_on: Date(details.dated_on),
            obtained_on: details.obtained_on.map(Date),
            obtained_how: details.obtained_how.clone(),
            supports: details.supports.iter().map(|id| ID(id.to_string())).collect(),
            state: state(piece),
            verified: piece.verified.as_ref().map(Step::of),
            rejected: piece.rejected.as_ref().map(Step::of),
            defect: piece.rejected.as_ref().map(|rejected| rejected.details.defect.clone()),
            withdrawn: withdrawn.map(|withdrawn| Step::why(withdrawn, withdrawn.details.reason.as_deref())),
            own: details.evidence,
            of: Arc::clone(of),
        }
    }
}

/// What is taken back or has a defect stays so, whatever was found before.
const fn state(piece: &journey::Evidence) -> EvidenceState {
    match (&piece.withdrawn, &piece.rejected, &piece.verified) {
        (Some(_), _, _) => EvidenceState::Withdrawn,
        (None, Some(_), _) => EvidenceState::Rejected,
        (None, None, Some(_)) => EvidenceState::Verified,
        (None, None, None) => EvidenceState::Attached,
    }
}
