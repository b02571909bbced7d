//! The subjects whose names a caller may open: the limit of every answer about people who were searched for.
//!
//! It reads the same relations as the lists of cases, and has no statement of its own.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::caseload_scope::{journeys_of, relations, relations_to_subjects};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::access::{InScope, Principal};
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

/// The subjects among these whose names the caller may open on a day.
pub async fn subjects(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    subjects: &[SubjectId],
) -> Result<BTreeSet<SubjectId>, StoreError> {
    let to_subjects = relations_to_subjects(generation, principal, on, subjects).await?;
    let openable = to_subjects.into_iter().filter(|(_, relation)| opens(principal, *relation));
    Ok(openable.map(|(subject, _)| subject).collect())
}

/// The subjects among these of which a case of the contract lets the caller open the names.
pub async fn subjects_of_contract(
    generation: &Generation,
    principal: &Principal,
    (contract, on): (InScope<'_>, NaiveDate),
    subjects: &[SubjectId],
) -> Result<BTreeSet<SubjectId>, StoreError> {
    if subjects.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = journeys_of(generation, subjects).await?;
    let journeys: Vec<(SubjectId, JourneyId)> = found
        .into_iter()
        .filter(|(_, _, code)| code == contract.contract())
        .map(|(subject, journey, _)| (subject, journey))
        .collect();
    let named: Vec<(JourneyId, &str)> = journeys.iter().map(|(_, journey)| (*journey, contract.contract())).collect();
    let to_journeys = relations(generation, principal, on, &named).await?;
    let is_openable = |journey: &JourneyId| to_journeys.get(journey).is_some_and(|to| opens(principal, *to));
    Ok(journeys.into_iter().filter(|(_, journey)| is_openable(journey)).map(|(subject, _)| subject).collect())
}

fn opens(principal: &Principal, relation: Relation) -> bool {
    policy(principal, Action::OpenIdentity, relation).is_ok()
}
