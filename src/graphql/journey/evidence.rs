//! Evidence as clients read it: what shows that something was so, and what a check of it found.

use async_graphql::{Enum, ID, SimpleObject};

use super::Step;
use crate::graphql::event::OccurredOn;
use crate::graphql::scalars::Date;
use crate::journey;

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

/// A piece of evidence. The file itself is kept elsewhere; its digest stands here.
#[derive(Debug, Clone, SimpleObject)]
pub struct Evidence {
    /// The evidence's own id, by which it is verified, rejected or withdrawn.
    id: ID,
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
}

impl From<&journey::Evidence> for Evidence {
    fn from(piece: &journey::Evidence) -> Self {
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
