//! The other streams that a fact names (workers, subjects, cases), and whether it may name them.
//!
//! Pure. The history of a named stream is only read.

use chrono::NaiveDate;

use super::Given;
use crate::command::batches::batch_not_found;
use crate::command::offers;
use crate::command::validate::Validator;
use crate::fact::envelope::{JourneyId, Occurred, StreamId, StreamKind, SubjectId, WorkerId};
use crate::fact::event::{EVERY_CONTRACT, Event};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::people::worker;

/// Another stream that a fact names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The stream.
    pub(super) stream: StreamId,
    /// The payload field that names it.
    path: String,
    /// The statement of the fact about it.
    says: Says,
    /// The day of that statement, if it is not the date of the fact.
    on: Option<NaiveDate>,
}

/// A statement about a named stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// The worker does something on that day, so they must not have left.
    Works,
    /// The worker is in a team on that day, so they must also have joined.
    Belongs,
    /// The case belongs to the contract.
    IsOurs,
    /// The stream exists.
    IsThere,
}

/// The other streams that a fact names.
pub(super) fn named(fact: &Event) -> Vec<Named> {
    let works = |path: &str, id: WorkerId| Named::new(path, StreamId::worker(id), Says::Works);
    let there = |path: &str, stream: StreamId| Named::new(path, stream, Says::IsThere);
    let subject = |path: &str, id: SubjectId| there(path, StreamId::subject(id));
    let journey = |path: &str, id: JourneyId, says| Named::new(path, StreamId::journey(id), says);
    match fact {
        Event::WorkerAssigned(assigned) => vec![works("worker", assigned.worker)],
        Event::WorkerReleased(released) => vec![there("worker", StreamId::worker(released.worker))],
        Event::AppointmentBooked(booked) => {
            let works = |by| Named { on: Some(booked.scheduled_on), ..works("worker", by) };
            booked.worker.map(works).into_iter().collect()
        }
        Event::AppointmentMoved(moved) => {
            let works = |by| Named { on: moved.scheduled_on, ..works("worker", by) };
            moved.worker.becomes().map(works).into_iter().collect()
        }
        Event::ContactLogged(contact) => contact.worker.map(|by| works("worker", by)).into_iter().collect(),
        Event::TaskSet(task) => task.owner.map(|owner| works("owner", owner)).into_iter().collect(),
        Event::TeamSet(set) => {
            let members = set.members.iter().enumerate();
            let belongs = |(index, member): (usize, &WorkerId)| {
                Named::new(&format!("members.{index}"), StreamId::worker(*member), Says::Belongs)
            };
            members.map(belongs).collect()
        }
        Event::CoverStarted(cover) => {
            vec![there("absent", StreamId::worker(cover.absent)), works("by", cover.by)]
        }
        Event::VacancyFilled(filled) => filled.worker.map(|by| works("worker", by)).into_iter().collect(),
        Event::SubjectsLinked(link) => vec![subject("with", link.with)],
        Event::SubjectsUnlinked(link) => vec![subject("with", link.with)],
        Event::DuplicateDismissed(dismissal) => vec![subject("other", dismissal.other)],
        Event::IdentityRevealed(revealed) => vec![there("contract", StreamId::contract(&revealed.contract))],
        Event::RoleGranted(granted) => contracts(&granted.contracts),
        Event::ApiKeyIssued(issued) => contracts(&issued.contracts),
        Event::SourceRegistered(of) => vec![there("contract", StreamId::contract(&of.contract))],
        Event::ImportRun(of) => vec![there("contract", StreamId::contract(&of.contract))],
        Event::RowMissing(of) => of_an_import(&of.contract, of.journey),
        Event::RowReturned(of) => of_an_import(&of.contract, of.journey),
        Event::DoubleFundingDismissed(dismissed) => {
            vec![journey("journey", dismissed.journey, Says::IsOurs), journey("other", dismissed.other, Says::IsThere)]
        }
        _ => Vec::new(),
    }
}

/// The contracts that a right is for.
fn contracts(codes: &[String]) -> Vec<Named> {
    let named = codes.iter().enumerate().filter(|(_, code)| *code != EVERY_CONTRACT);
    let there = |(index, code): (usize, &String)| {
        Named::new(&format!("contracts.{index}"), StreamId::contract(code), Says::IsThere)
    };
    named.map(there).collect()
}

/// The contract and the case of a record that is gone or has returned.
fn of_an_import(contract: &str, journey: JourneyId) -> Vec<Named> {
    vec![
        Named::new("contract", StreamId::contract(contract), Says::IsThere),
        Named::new("journey", StreamId::journey(journey), Says::IsThere),
    ]
}

/// The refusal of a run or a return of a source that is not registered.
fn source_not_found() -> Refusal {
    let message = "no such source is registered: its first import registers it";
    Refusal::new(RefusalCode::SourceNotFound, message)
}

/// The refusal to revoke something while no right was ever recorded.
fn nothing_granted() -> Refusal {
    let message = "no role was granted and no key was issued yet: there is nothing to revoke";
    Refusal::new(RefusalCode::GrantNotFound, message)
}

impl Named {
    fn new(path: &str, stream: StreamId, says: Says) -> Self {
        Self { stream, path: path.to_owned(), says, on: None }
    }

    /// The refusal where a fact of this date may not name it.
    fn refusal(&self, occurred: Occurred, given: &Given<'_>) -> Option<Refusal> {
        let occurred = self.on.map_or(occurred, Occurred::on);
        let refusal = match ((given.history)(self.stream), self.says) {
            (None, _) => Some(not_found(self.stream.kind)),
            (Some(history), Says::Works) => worker::gone_by(history, occurred),
            (Some(history), Says::Belongs) => {
                worker::joins_after(history, occurred).or_else(|| worker::gone_by(history, occurred))
            }
            (Some(history), Says::IsOurs) if history.contract() != given.contract.code() => {
                Some(not_found(self.stream.kind))
            }
            (Some(_), _) => None,
        };
        refusal.map(|refusal| refusal.at(self.path.as_str()))
    }
}

/// Refuses a fact that names another stream that it may not name, such as an unknown worker or one who has left. A
/// correction does not check again the names that the fact already had for the same day.
pub(super) fn check(
    validator: &mut Validator,
    occurred: Occurred,
    fact: &Event,
    before: Option<(Occurred, &Event)>,
    given: &Given<'_>,
) {
    let said = before.filter(|(on, _)| *on == occurred).map(|(_, event)| named(event)).unwrap_or_default();
    for named in
        named(fact).iter().filter(|named| !said.iter().any(|said| (said.stream, said.on) == (named.stream, named.on)))
    {
        if let Some(refusal) = named.refusal(occurred, given) {
            validator.refuse(refusal);
        }
    }
}

/// The refusal where a stream does not exist, or the sender may not know of it. The message is the same for both.
pub fn not_found(kind: StreamKind) -> Refusal {
    match kind {
        StreamKind::Journey => Refusal::journey_not_found(),
        StreamKind::Contract => Refusal::contract_not_found(),
        StreamKind::Subject => Refusal::subject_not_found(),
        StreamKind::Worker => Refusal::worker_not_found(),
        StreamKind::Team => Refusal::team_not_found(),
        StreamKind::Batch => batch_not_found(),
        StreamKind::Deployment => nothing_granted(),
        StreamKind::Offer => offers::not_found(),
        StreamKind::Import => source_not_found(),
    }
}
