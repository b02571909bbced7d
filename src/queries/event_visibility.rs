//! Which events of the log a caller may see.
//!
//! A subject, worker or team belongs to the deployment. It is visible to callers with one of its journeys or cases,
//! current or past, in their scope. While it has none anywhere, it is visible to all who may see a contract. So its
//! events may become visible later than they are recorded, or stop being visible, as the view changes. A reveal of a
//! subject is visible only where its contract is.
//!
//! An offered referral is visible to the staff of its contract and to the partner who sent it, and so is the subject that
//! stands for the offered person while there is no case.

use chrono::NaiveDate;

use super::{caseload_scope, offers, people};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::access::{Principal, Role, Scope};
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, JourneyId, OfferId, StreamKind, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::event::{Event, EventType};

/// The events among these that a caller may see on a day: those of contracts in scope, of journeys that they may
/// read, and of the subjects, workers and teams of such journeys.
pub async fn filter(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    events: &[Envelope],
) -> Result<impl Fn(&Envelope) -> bool + use<>, StoreError> {
    let reads_all = policy(principal, Action::ReadJourneys, Relation::Contract).is_ok();
    let sees_all = reads_all && principal.scope == Scope::Deployment;
    let audits_all = principal.role == Role::Auditor && principal.scope == Scope::Deployment;
    let of = |kind| events.iter().filter(move |event| !sees_all && event.stream.kind == kind);
    let subjects: Vec<SubjectId> = of(StreamKind::Subject).map(|event| SubjectId(event.stream.id)).collect();
    let workers: Vec<WorkerId> = of(StreamKind::Worker).map(|event| WorkerId(event.stream.id)).collect();
    let subjects = caseload_scope::readable_subjects(generation, principal, on, &subjects).await?;
    let workers = people::visible_workers(generation, &principal.scope, &workers).await?;
    let teams: Vec<TeamId> = of(StreamKind::Team).map(|event| TeamId(event.stream.id)).collect();
    let teams = people::visible_teams(generation, &principal.scope, &teams).await?;
    let of_contract = |event: &Envelope| Some((JourneyId(event.stream.id), event.contract.clone()?));
    let journeys: Vec<(JourneyId, String)> = of(StreamKind::Journey).filter_map(of_contract).collect();
    let journeys: Vec<(JourneyId, &str)> = journeys.iter().map(|(id, code)| (*id, code.as_str())).collect();
    let journeys = caseload_scope::readable(generation, principal, on, &journeys).await?;
    let offered = events.iter().filter(|event| event.stream.kind == StreamKind::Offer);
    let offered: Vec<OfferId> = offered.map(|event| OfferId(event.stream.id)).collect();
    let offers = offers::visible(generation, principal, &offered).await?;
    let scope = principal.scope.clone();
    // The lines of a batch and the documents of a closed period are from all areas.
    let sees_whole_contracts = scope.areas().is_none();
    let reads_imports = sees_whole_contracts && policy(principal, Action::ReadEvents, Relation::Contract).is_ok();
    Ok(move |event: &Envelope| match (event.stream.kind, &event.contract) {
        // Who may use the deployment is for those who audit all of it.
        (StreamKind::Deployment, _) => audits_all,
        (StreamKind::Offer, _) => offers.contains(&OfferId(event.stream.id)),
        (StreamKind::Import, _) if !reads_imports => false,
        _ if sees_all => true,
        (StreamKind::Import, _) => contract_of_import(event).is_some_and(|code| scope.contract(&code).is_some()),
        (StreamKind::Journey, _) => journeys.contains(&JourneyId(event.stream.id)),
        (StreamKind::Subject, _) => subjects.contains(&SubjectId(event.stream.id)) && !reveals_elsewhere(event, &scope),
        (StreamKind::Worker, _) => workers.contains(&WorkerId(event.stream.id)),
        (StreamKind::Team, _) => teams.contains(&TeamId(event.stream.id)),
        (StreamKind::Batch, _) if !sees_whole_contracts => false,
        (StreamKind::Contract, _) if !sees_whole_contracts && is_closing(event) => false,
        (_, Some(code)) => scope.contract(code).is_some(),
        (_, None) => false,
    })
}

/// The contract of a run of an import, its source, or a record that is gone.
fn contract_of_import(event: &Envelope) -> Option<String> {
    let fact = Recorded::decode(event).ok()?.event;
    fact.contract_of_import().map(str::to_owned)
}

/// Whether an event reveals a subject for a contract outside the scope. Its reason is of that contract, and names it.
fn reveals_elsewhere(event: &Envelope, scope: &Scope) -> bool {
    let is_reveal = event.event_type == EventType::IdentityRevealed.as_str();
    is_reveal
        && !Recorded::decode(event).is_ok_and(|recorded| match recorded.event {
            Event::IdentityRevealed(revealed) => scope.contract(&revealed.contract).is_some(),
            _ => false,
        })
}

/// Whether an event closes a period.
fn is_closing(event: &Envelope) -> bool {
    event.event_type == EventType::PeriodClosed.as_str()
}
