//! What a caller may do with the evidence files of a case, read anew for each request.

use chrono::NaiveDate;

use super::error::EvidenceError;
use crate::access::Principal;
use crate::access::policy::{Action, Denied, policy};
use crate::access::relation::Relation;
use crate::queries;
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

/// A case that a caller may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseOfEvidence {
    /// The case.
    pub journey: JourneyId,
    /// The person whom it is about.
    pub subject: SubjectId,
}

/// The case, if the caller may take this action on it on a day. A case outside their access is the same as none.
pub async fn case_of(
    generation: &Generation,
    (principal, action): (&Principal, Action),
    on: NaiveDate,
    journey: JourneyId,
) -> Result<CaseOfEvidence, EvidenceError> {
    let denied = |denied| match denied {
        Denied::Outside => EvidenceError::NoCase,
        denied => EvidenceError::Denied(denied),
    };
    // A role that may never do this is refused before any case is looked for.
    policy(principal, action, Relation::Own).map_err(denied)?;
    let found = queries::cases_of_evidence::subject_and_contract(generation, journey).await?;
    let (subject, contract) = found.ok_or(EvidenceError::NoCase)?;
    let known = [(journey, contract.as_str())];
    let relations = queries::caseload_scope::relations(generation, principal, on, &known).await?;
    let relation = relations.get(&journey).copied().unwrap_or(Relation::Outside);
    policy(principal, action, relation).map_err(denied)?;
    Ok(CaseOfEvidence { journey, subject })
}
