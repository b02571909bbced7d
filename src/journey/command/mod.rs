//! The write side of a journey: what somebody wants recorded, and the decision whether it may be.
//!
//! Pure and synchronous. A decision never looks at a clock or a store: all it may know is handed to it in [`Given`].
//! It gives events or refusals, never both, and never changes anything.

mod amend;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::contract::Contract;
use crate::journey::History;
use crate::journey::event::{Event, ReferralReceived, SubjectKind, SubjectRegistered};
use crate::journey::ground::{self, Change};
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::journey::shape::Shape;
pub use crate::journey::shape::check_source;
use crate::log::envelope::{EventId, JourneyId, Occurred, StreamId, SubjectId, WorkerId};

/// An event that a decision asks the log to take. Ids, versions, salts and instants are the log's to give.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// The code of its contract; none where the stream belongs to the deployment.
    pub contract: Option<String>,
    /// When the fact was so.
    pub occurred: Occurred,
    /// What was so.
    pub event: Event,
}

/// All that a decision about a journey may know beside its history.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Today's civil date in the contract's zone.
    pub today: NaiveDate,
    /// The contract of the journey, with every rulebook published so far.
    pub contract: &'a Contract,
    /// Whether a stream that the command names exists, for this caller.
    pub known: &'a dyn Fn(StreamId) -> bool,
    /// The warnings that the sender accepts, by code.
    pub accepted: &'a BTreeSet<String>,
}

/// A fact that somebody states about a journey, with its date.
#[derive(Debug, Clone, PartialEq)]
pub struct Dated {
    /// Which journey.
    pub journey: JourneyId,
    /// When it was so.
    pub occurred: Occurred,
    /// What was so.
    pub fact: Event,
}

/// A referral that somebody received, and whether its subject is new.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiveReferral {
    /// The journey that begins.
    pub journey: JourneyId,
    /// The code of the contract.
    pub contract: String,
    /// When it was received.
    pub occurred: Occurred,
    /// The kind of subject to register along with it; none where the subject is known already.
    pub register: Option<SubjectKind>,
    /// The referral.
    pub fact: ReferralReceived,
}

/// The whole fact as it should read.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectFact {
    /// Which journey.
    pub journey: JourneyId,
    /// The original event.
    pub target: EventId,
    /// When it was really so.
    pub occurred: Occurred,
    /// What was really so, of the target's type.
    pub replacement: Event,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Facts that never were so, taken away together.
#[derive(Debug, Clone, PartialEq)]
pub struct RetractFacts {
    /// Which journey.
    pub journey: JourneyId,
    /// The original events.
    pub targets: Vec<EventId>,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// What somebody wants recorded about a journey.
#[derive(Debug, Clone, PartialEq)]
pub enum JourneyCommand {
    /// The journey begins.
    ReceiveReferral(ReceiveReferral),
    /// Something was so: any fact of a journey but its referral and what is said of other facts.
    State(Dated),
    /// A fact was recorded wrongly.
    CorrectFact(CorrectFact),
    /// Facts never were so.
    RetractFacts(RetractFacts),
}

impl JourneyCommand {
    /// The journey that it is about.
    pub const fn journey(&self) -> JourneyId {
        match self {
            Self::ReceiveReferral(command) => command.journey,
            Self::State(command) => command.journey,
            Self::CorrectFact(command) => command.journey,
            Self::RetractFacts(command) => command.journey,
        }
    }

    /// The other streams that it names: subject, worker and, for a referral, the contract.
    pub fn names(&self) -> Vec<StreamId> {
        match self {
            Self::ReceiveReferral(command) => {
                vec![StreamId::contract(&command.contract), StreamId::subject(command.fact.subject)]
            }
            Self::State(command) => worker_of(&command.fact).map(StreamId::worker).into_iter().collect(),
            Self::CorrectFact(command) => worker_of(&command.replacement).map(StreamId::worker).into_iter().collect(),
            Self::RetractFacts(_) => Vec::new(),
        }
    }
}

/// The worker whom a fact names, if it names one.
const fn worker_of(fact: &Event) -> Option<WorkerId> {
    match fact {
        Event::WorkerAssigned(assigned) => Some(assigned.worker),
        Event::WorkerReleased(released) => Some(released.worker),
        Event::ContactLogged(contact) => contact.worker,
        Event::TaskSet(task) => task.owner,
        _ => None,
    }
}

/// Decides a command: the events that the log should take, or every refusal that is found.
pub fn decide(history: &History, command: &JourneyCommand, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    match command {
        JourneyCommand::ReceiveReferral(command) => receive(history, command, given),
        JourneyCommand::State(command) => record(history, command, given),
        JourneyCommand::CorrectFact(command) => amend::correct(history, command, given),
        JourneyCommand::RetractFacts(command) => amend::retract(history, command, given),
    }
}

fn record(history: &History, command: &Dated, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let Dated { journey, occurred, fact } = command;
    exists(history)?;
    let mut shape = Shape::new(given.today);
    shape.fact(*occurred, fact, given.contract);
    known_worker(&mut shape, fact, given);
    shape.done()?;
    ground::check(history, Change::Record(*occurred, fact))?;
    Ok(vec![of_journey(*journey, history, *occurred, fact.clone())])
}

fn receive(history: &History, command: &ReceiveReferral, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let ReceiveReferral { journey, contract, occurred, register, fact } = command;
    if given.contract.code() != Some(contract) {
        return Err(Refusal::contract_not_found().alone());
    }
    if history.contract().is_some_and(|known| known != contract) {
        return Err(Refusal::journey_not_found().alone());
    }
    let event = Event::from(fact.clone());
    let mut shape = Shape::new(given.today);
    shape.fact(*occurred, &event, given.contract);
    match ((given.known)(StreamId::subject(fact.subject)), register) {
        (false, None) => shape.refuse(Refusal::subject_not_found()),
        (true, Some(_)) => shape.refuse(subject_exists()),
        (true, None) | (false, Some(_)) => {}
    }
    shape.done()?;
    ground::check(history, Change::Record(*occurred, &event))?;
    let registered = register.map(|kind| registered(fact.subject, *occurred, kind));
    let received =
        NewEvent { stream: StreamId::journey(*journey), contract: Some(contract.clone()), occurred: *occurred, event };
    Ok(registered.into_iter().chain([received]).collect())
}

/// The event by which a subject is known from here on.
pub(crate) fn registered(subject: SubjectId, occurred: Occurred, kind: SubjectKind) -> NewEvent {
    let event = SubjectRegistered { kind }.into();
    NewEvent { stream: StreamId::subject(subject), contract: None, occurred, event }
}

/// The refusal to register a subject twice.
pub(crate) fn subject_exists() -> Refusal {
    let message = "a subject of this id is registered already: leave the registration out, or give another id";
    Refusal::new(RefusalCode::SubjectExists, message).at("subject")
}

fn exists(history: &History) -> Result<(), Vec<Refusal>> {
    if history.events().is_empty() { Err(Refusal::journey_not_found().alone()) } else { Ok(()) }
}

fn known_worker(shape: &mut Shape, event: &Event, given: &Given<'_>) {
    if worker_of(event).is_some_and(|worker| !(given.known)(StreamId::worker(worker))) {
        shape.refuse(Refusal::worker_not_found());
    }
}

fn of_journey(journey: JourneyId, history: &History, occurred: Occurred, event: Event) -> NewEvent {
    NewEvent { stream: StreamId::journey(journey), contract: history.contract().map(str::to_owned), occurred, event }
}

#[cfg(test)]
mod tests;
