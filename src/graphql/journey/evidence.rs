//! Evidence in the API: what it proves, and the result of checks.

use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};

use super::evidence_file::{EvidenceFile, FilesOfEvidence};
use super::{Journey, Occurrence};
use crate::graphql::claim::Claim;
use crate::graphql::event::OccurredOn;
use crate::graphql::fault::fault;
use crate::graphql::filter_checks;
use crate::graphql::scalars::Date;
use throughline_domain::contract::outcome::Case;
use throughline_domain::contract::outcome::proof::WhyNot;
use throughline_domain::fact::envelope::EvidenceId;
use throughline_domain::journey;

/// The state of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EvidenceState {
    /// Not checked yet. It counts.
    Attached,
    /// Checked and accepted. It counts.
    Verified,
    /// Checked and found to have a defect. It does not count.
    Rejected,
    /// Withdrawn. It does not count.
    Withdrawn,
}

/// The reason why a piece of evidence does not count for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "WhyNot")]
pub enum EvidenceReason {
    /// The outcome requires no evidence.
    NothingAsked,
    /// The outcome is not for this client.
    ForOthers,
    /// The outcome has not begun, so there is nothing to prove yet.
    NotBegun,
    /// The outcome requires other kinds of evidence.
    OtherKind,
    /// The piece was withdrawn.
    Withdrawn,
    /// The piece was checked and rejected.
    Rejected,
    /// The outcome requires verified evidence, and the piece is not verified.
    NotVerified,
    /// The outcome requires the SHA-256 of the file, and the piece has none.
    NoDigest,
    /// The piece is dated before the dates that the outcome allows.
    DatedTooEarly,
    /// The piece is dated after the dates that the outcome allows.
    DatedTooLate,
    /// The piece names nothing in `supports`.
    SupportsNothing,
    /// The piece supports a different spell or fact than the claim rests on.
    SupportsOther,
}

/// Whether a piece of evidence counts for a claim.
#[derive(Clone, SimpleObject)]
pub struct EvidenceForClaim {
    /// The claim.
    claim: Claim,
    /// The piece of evidence.
    evidence: Evidence,
    /// Whether it counts. For a maturing claim: whether it will count if the outcome is achieved as forecast.
    counts: bool,
    /// The reasons why it does not count. Empty if it counts.
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

/// A piece of evidence. Its file is uploaded to this service, or stays on paper or in another system.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct Evidence {
    /// The id of the evidence. Use it to verify, reject or withdraw the evidence.
    #[graphql(owned)]
    pub(in crate::graphql) id: ID,
    /// The id of the event that first recorded it. Use it as the target of a correction or retraction.
    event: ID,
    /// The kind of evidence: a code of the rulebook, such as `payslip`.
    kind: String,
    /// When it was attached.
    attached: OccurredOn,
    /// SHA-256 of the file, in lower-case hexadecimal.
    sha256: Option<String>,
    /// The date on the document.
    dated_on: Date,
    /// The day on which the service obtained it.
    obtained_on: Option<Date>,
    /// How the service obtained it, by code.
    obtained_how: Option<String>,
    /// The ids of the events or spells of the case that it proves.
    supports: Vec<ID>,
    /// The state at the end of the as-of date.
    pub(super) state: EvidenceState,
    /// The check that accepted it, if there was one.
    verified: Option<Occurrence>,
    /// The check that found a defect, if there was one.
    rejected: Option<Occurrence>,
    /// The defect: a code of the rulebook.
    defect: Option<String>,
    /// The withdrawal, if it was withdrawn.
    withdrawn: Option<Occurrence>,
    #[graphql(skip)]
    pub(in crate::graphql) own: EvidenceId,
    #[graphql(skip)]
    of: Arc<Journey>,
}

#[ComplexObject]
impl Evidence {
    /// The case.
    async fn journey(&self) -> Journey {
        self.of.again()
    }

    /// The file, if it was uploaded to this service.
    async fn file(&self, ctx: &Context<'_>) -> Option<Result<EvidenceFile>> {
        let sha256 = self.sha256.clone()?;
        let loader: &DataLoader<FilesOfEvidence, HashMapCache> = ctx.data_unchecked();
        let found = loader.load_one((self.of.id, sha256)).await.map_err(|error| fault(&*error));
        let contract = || self.of.contract.code().unwrap_or_default().to_owned();
        found.map(|file| file.map(|file| EvidenceFile::of(file, contract()))).transpose()
    }

    /// Every claim of the case: whether this piece counts for it and, if not, why.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only claims for this outcome, by code.")] outcome: Option<String>,
    ) -> Result<Vec<EvidenceForClaim>> {
        let contract_claims = self.of.contract_claims(ctx).await?;
        filter_checks::outcome([&*contract_claims.contract], outcome.as_deref())?;
        let facts = self.of.story().history().facts_as_of(self.of.as_of);
        let case = Case::of(&facts);
        let claims = Claim::of_journey(&contract_claims, self.of.id, self.of.story()).into_iter();
        let wanted = claims.filter(|claim| outcome.as_ref().is_none_or(|outcome| claim.is_of(outcome)));
        let judged = wanted.filter_map(|claim| {
            let proof = claim.proofs(&case).into_iter().find(|proof| proof.evidence == self.own)?;
            Some(EvidenceForClaim::of(&claim, self, &proof.why_not))
        });
        Ok(judged.collect())
    }
}

impl Evidence {
    /// A piece of evidence of a case.
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
            verified: piece.verified.as_ref().map(Occurrence::of),
            rejected: piece.rejected.as_ref().map(Occurrence::of),
            defect: piece.rejected.as_ref().map(|rejected| rejected.details.defect.clone()),
            withdrawn: withdrawn.map(|withdrawn| Occurrence::why(withdrawn, withdrawn.details.reason.as_deref())),
            own: details.evidence,
            of: Arc::clone(of),
        }
    }
}

/// The state of a piece of evidence: a withdrawal overrides a defect, and a defect overrides a verification.
const fn state(piece: &journey::Evidence) -> EvidenceState {
    match (&piece.withdrawn, &piece.rejected, &piece.verified) {
        (Some(_), _, _) => EvidenceState::Withdrawn,
        (None, Some(_), _) => EvidenceState::Rejected,
        (None, None, Some(_)) => EvidenceState::Verified,
        (None, None, None) => EvidenceState::Attached,
    }
}
