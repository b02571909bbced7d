//! The write side: the commands about a case, subject, worker, team or contract, and the decision whether each may be
//! recorded.
//!
//! Pure and synchronous. A decision never reads a clock or a store: everything it needs is in [`Given`]. It returns
//! events or refusals, never both, and changes nothing. For every kind of stream a fact takes the same steps: check its
//! values (`validate`), check it with the other facts (the `rules` of its kind of stream), build its events.

mod amend;
mod atomic;
mod attributes;
pub mod batches;
pub mod contracts;
mod duties;
mod erasure;
mod evidence;
mod many;
mod names;
pub mod offers;
mod patch;
mod personal;
pub mod validate;
mod when;

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;
use uuid::Uuid;

use self::names::named;
pub use self::names::not_found;
pub use self::patch::{PatchFact, Patched, PatchedDate};
pub use self::when::When;
use crate::access;
use crate::command::batches::{BatchAct, BatchCommand};
use crate::command::contracts::{OpenContract, PublishRulebook};
use crate::command::offers::OfferCommand;
use crate::command::validate::Validator;
pub use crate::command::validate::check_source;
use crate::contract::{self, Contract};
use crate::fact::History;
use crate::fact::changed::ChangedStreams;
use crate::fact::consistency::{self, Change};
use crate::fact::envelope::{EventId, JourneyId, Occurred, Position, StreamId, StreamKind, SubjectId};
use crate::fact::event::{
    ContactLogged, Event, EventType, IdentitySealed, KEYWORKER, ReferralReceived, SubjectKind, SubjectRegistered,
    WorkerAssigned, WorkerReleased,
};
use crate::fact::refusal::{self, Refusal, RefusalCode};
use crate::journey::rules;
use crate::people::{subject, subject_exists, team, worker};
use crate::performance::assessment;

/// An event that a decision asks the log to append. The log adds the id, version, salt and time.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// The code of the contract. None if the stream belongs to the deployment.
    pub contract: Option<String>,
    /// The date of the fact.
    pub occurred: Occurred,
    /// The fact, correction or retraction.
    pub event: Event,
}

/// Everything that a decision may read besides the history of its stream.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The day on which the command is decided: the civil date in the contract's time zone. A command without a date
    /// gets this one.
    pub today: NaiveDate,
    /// The contract that the stream belongs to, with all rulebooks published so far. An empty contract if the stream
    /// belongs to the deployment.
    pub contract: &'a Contract,
    /// The login of the sender.
    pub sender: &'a str,
    /// The history of another stream that the command names, if it exists and the sender may know of it.
    pub history: &'a dyn Fn(StreamId) -> Option<&'a History>,
    /// The codes of the warnings that the sender accepts.
    pub accepted: &'a BTreeSet<String>,
    /// The streams that have changed since the position that the command was prepared from, if it was prepared from
    /// one.
    pub changed: &'a ChangedStreams,
}

impl Given<'_> {
    /// Whether a stream that the command names exists and the sender may know of it.
    pub fn knows(&self, stream: StreamId) -> bool {
        (self.history)(stream).is_some()
    }
}

/// A fact to record, with its date.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordFact {
    /// The case, subject, worker, team or contract that the fact is about.
    pub stream: StreamId,
    /// The date of the fact.
    pub when: When,
    /// The fact.
    pub fact: Event,
}

/// A referral to record, and whether to register its subject.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiveReferral {
    /// The new case.
    pub journey: JourneyId,
    /// The code of the contract.
    pub contract: String,
    /// The date on which the referral was received.
    pub when: When,
    /// The kind of subject to register with the referral. None if the subject is already registered.
    pub register: Option<SubjectKind>,
    /// Who the subject is, to record with the referral.
    pub identity: Option<IdentitySealed>,
    /// The referral.
    pub fact: ReferralReceived,
}

/// A correction that gives the whole fact.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectFact {
    /// The stream of the fact.
    pub stream: StreamId,
    /// The original event.
    pub target: EventId,
    /// The right date.
    pub occurred: Occurred,
    /// The right fact, of the target's type.
    pub replacement: Event,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// Facts to retract together.
#[derive(Debug, Clone, PartialEq)]
pub struct RetractFacts {
    /// The stream of the facts.
    pub stream: StreamId,
    /// The original events.
    pub targets: Vec<EventId>,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// Assigns a worker to many cases of one contract: to all of them, or to none.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignMany {
    /// The cases.
    pub journeys: Vec<JourneyId>,
    /// The first day.
    pub when: When,
    /// The worker, the role and the end date.
    pub fact: WorkerAssigned,
}

/// Several commands about one stream that are recorded together or not at all, such as a spell with its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Atomic {
    /// The stream that all commands are about.
    pub stream: StreamId,
    /// The commands, each decided after the ones before it.
    pub commands: Vec<Command>,
}

/// A command: a request to record something.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Records a referral, which creates a case.
    ReceiveReferral(ReceiveReferral),
    /// Opens a contract with its first rulebook.
    OpenContract(OpenContract),
    /// Publishes a further version of a contract's rulebook.
    PublishRulebook(PublishRulebook),
    /// Records a fact of any other type, except corrections and retractions. A link of two subjects names one of them
    /// and is recorded in both streams.
    RecordFact(RecordFact),
    /// Corrects a fact by giving the whole fact.
    CorrectFact(CorrectFact),
    /// Corrects a fact by giving only the values that change.
    PatchFact(PatchFact),
    /// Retracts facts.
    RetractFacts(RetractFacts),
    /// Several commands: all of them, or none.
    Atomic(Atomic),
    /// Does something with a batch of claims.
    Batch(BatchCommand),
    /// Assigns a worker to many cases.
    AssignMany(AssignMany),
    /// Offers a referral, or decides on one that was offered.
    Offer(OfferCommand),
}

impl Command {
    /// The command that records a fact.
    pub fn record_fact(stream: StreamId, when: impl Into<When>, fact: impl Into<Event>) -> Self {
        Self::RecordFact(RecordFact { stream, when: when.into(), fact: fact.into() })
    }

    /// The stream that the command is about. Its expected version is that of this stream.
    pub fn stream(&self) -> StreamId {
        match self {
            Self::ReceiveReferral(command) => StreamId::journey(command.journey),
            Self::OpenContract(command) => StreamId::contract(&command.fact.code),
            Self::PublishRulebook(command) => StreamId::contract(&command.contract),
            Self::RecordFact(command) => command.stream,
            Self::CorrectFact(command) => command.stream,
            Self::PatchFact(command) => command.stream,
            Self::RetractFacts(command) => command.stream,
            Self::Atomic(atomic) => atomic.stream,
            Self::Batch(command) => StreamId::batch(command.batch),
            Self::Offer(command) => StreamId::offer(command.offer),
            // `AssignMany` has no expected version, and no command is refused before the list is checked.
            Self::AssignMany(command) => {
                StreamId::journey(command.journeys.first().copied().unwrap_or(JourneyId(Uuid::nil())))
            }
        }
    }

    /// The commands by stream: only itself, unless it is about many streams.
    pub fn of_each_stream(&self) -> Vec<Cow<'_, Self>> {
        let Self::AssignMany(AssignMany { journeys, when, fact }) = self else { return vec![Cow::Borrowed(self)] };
        let one = |journey: &JourneyId| Self::record_fact(StreamId::journey(*journey), *when, fact.clone());
        journeys.iter().map(one).map(Cow::Owned).collect()
    }

    /// Whether the command creates its stream, so that the stream may be empty.
    pub fn begins(&self) -> bool {
        match self {
            Self::ReceiveReferral(_) | Self::OpenContract(_) => true,
            Self::RecordFact(command) => begins_a_stream(&command.fact),
            Self::Atomic(atomic) => atomic.commands.first().is_some_and(Self::begins),
            Self::Batch(command) => matches!(command.act, BatchAct::Open(..)),
            Self::Offer(command) => command.contract().is_some(),
            Self::PublishRulebook(_)
            | Self::CorrectFact(_)
            | Self::PatchFact(_)
            | Self::RetractFacts(_)
            | Self::AssignMany(_) => false,
        }
    }

    /// The single commands: only itself, unless it combines several.
    pub fn each(&self) -> Vec<&Self> {
        match self {
            Self::Atomic(atomic) => atomic.commands.iter().flat_map(Self::each).collect(),
            single => vec![single],
        }
    }

    /// The code of the contract that the command names.
    pub fn contract(&self) -> Option<&str> {
        match self {
            Self::ReceiveReferral(command) => Some(&command.contract),
            Self::OpenContract(command) => Some(&command.fact.code),
            Self::PublishRulebook(command) => Some(&command.contract),
            Self::Atomic(atomic) => atomic.commands.iter().find_map(Self::contract),
            Self::Batch(command) => command.contract(),
            Self::Offer(command) => command.contract(),
            Self::RecordFact(_)
            | Self::CorrectFact(_)
            | Self::PatchFact(_)
            | Self::RetractFacts(_)
            | Self::AssignMany(_) => None,
        }
    }

    /// The time zone of the contract that the command opens.
    pub fn zone_of_new_contract(&self) -> Option<Tz> {
        match self {
            Self::OpenContract(command) => command.zone(),
            _ => None,
        }
    }

    /// The other streams that the command names: subjects, workers, cases and, for a referral, the contract.
    pub fn names(&self) -> Vec<StreamId> {
        match self {
            Self::ReceiveReferral(command) => {
                vec![StreamId::contract(&command.contract), StreamId::subject(command.fact.subject)]
            }
            Self::RecordFact(command) => named(&command.fact).into_iter().map(|named| named.stream).collect(),
            Self::CorrectFact(command) => named(&command.replacement).into_iter().map(|named| named.stream).collect(),
            Self::PatchFact(command) => command.names(),
            Self::Atomic(atomic) => atomic.commands.iter().flat_map(Self::names).collect(),
            Self::Batch(command) => command.names(),
            Self::Offer(command) => command.names(),
            Self::AssignMany(command) => {
                let others = command.journeys.iter().map(|journey| StreamId::journey(*journey));
                others.chain([StreamId::worker(command.fact.worker)]).collect()
            }
            Self::OpenContract(_) | Self::PublishRulebook(_) | Self::RetractFacts(_) => Vec::new(),
        }
    }

    /// The other streams that a patch depends on without naming them: those that the patched fact names.
    pub fn names_beside(&self, history: &History) -> Vec<StreamId> {
        match self {
            Self::PatchFact(command) => {
                let fact = history.fact(command.target);
                fact.map(|fact| named(fact.event).into_iter().map(|named| named.stream).collect()).unwrap_or_default()
            }
            Self::Atomic(atomic) => atomic.commands.iter().flat_map(|one| one.names_beside(history)).collect(),
            _ => Vec::new(),
        }
    }

    /// The other streams that a command depends on through one that it names: the subject of the case that an offered
    /// referral is linked to.
    pub fn names_behind<'h>(&self, history: impl Fn(StreamId) -> Option<&'h History>) -> Option<StreamId> {
        let Self::Offer(command) = self else { return None };
        let case = history(StreamId::journey(command.linked_case()?))?;
        case.journey().subject().map(StreamId::subject)
    }

    /// The position that the command was prepared from. Nothing that it depends on may have changed since.
    pub const fn since(&self) -> Option<Position> {
        match self {
            Self::Batch(command) => command.since(),
            _ => None,
        }
    }
}

/// Decides a command: returns the events to append, or all refusals that were found.
pub fn decide(history: &History, command: &Command, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let decided = match command {
        Command::ReceiveReferral(command) => receive(history, command, given),
        Command::OpenContract(command) => contracts::open(given.contract, command, given.today),
        Command::PublishRulebook(command) => contracts::publish(given.contract, command, given.today),
        Command::RecordFact(command) => record_fact(history, command, given),
        Command::CorrectFact(command) => amend::correct(history, command, given),
        Command::PatchFact(command) => amend::patch(history, command, given),
        Command::RetractFacts(command) => amend::retract(history, command, given),
        Command::Atomic(atomic) => atomic::decide_each(history, atomic, given),
        Command::Batch(command) => batches::decide(history, command, given),
        Command::AssignMany(command) => many::assign(command, given),
        Command::Offer(command) => offers::decide(history, command, given),
    };
    decided.map_err(refusal::limited)
}

fn record_fact(history: &History, command: &RecordFact, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let RecordFact { stream, when, fact } = command;
    let occurred = when.decided_on(given.today);
    let fact = &completed(fact, occurred, given.contract);
    let is_stated = !matches!(
        fact.event_type(),
        EventType::FactCorrected | EventType::FactRetracted | EventType::RulebookPublished
    ) && !matches!(stream.kind, StreamKind::Batch | StreamKind::Offer);
    if !is_stated || !fact.event_type().stream_kinds().contains(&stream.kind) {
        let message =
            format!("a fact of this type cannot be recorded for a {}: use its own command", stream.kind.as_str());
        return Err(Refusal::new(RefusalCode::InvalidValue, message).alone());
    }
    if !begins_a_stream(fact) {
        exists(history, *stream)?;
    }
    let mut validator = Validator::new(given.today);
    values(&mut validator, occurred, fact, None, given);
    attributes::check(&mut validator, history, occurred, fact, given);
    validator.done()?;
    let fact = &graded(fact, history, None, given)?;
    subject::approved_by_another(history, fact, given.sender)?;
    access::granted_to_another(fact, given.sender)?;
    stands(history, stream.kind, Change::Record(occurred, fact))?;
    duties::verified_by_another(history, occurred, fact, given)?;
    let early = too_early(occurred, fact, given);
    let unproving = evidence::supports_nothing(history, fact, given).into_iter();
    let unproving = unproving.chain(evidence::without_digest(fact, given));
    let settled = settled(stream.kind, fact, &[occurred], given);
    let warnings = rules::warnings(history, occurred, fact).into_iter();
    require_accepted_warnings(warnings.chain(early).chain(unproving).chain(settled), given)?;
    let own = of_stream(*stream, history, occurred, fact.clone());
    let others = of_the_other(history, command, given)?;
    Ok(std::iter::once(own).chain(others).collect())
}

/// Completes the fact: whether a contact is face to face, by the rulebook of its day if the command leaves it out, and
/// the standard spelling of the keyworker role.
fn completed(fact: &Event, occurred: Occurred, contract: &Contract) -> Event {
    match fact {
        Event::ContactLogged(logged) if logged.face_to_face.is_none() => {
            let by_channel = contract.is_face_to_face(&logged.channel, occurred.earliest());
            let face_to_face = by_channel && !logged.is_missed();
            ContactLogged { face_to_face: Some(face_to_face), ..logged.clone() }.into()
        }
        Event::WorkerAssigned(assigned) if is_keyworker(&assigned.role) => {
            WorkerAssigned { role: KEYWORKER.to_owned(), ..assigned.clone() }.into()
        }
        Event::WorkerReleased(released) if is_keyworker(&released.role) => {
            WorkerReleased { role: KEYWORKER.to_owned(), ..released.clone() }.into()
        }
        fact => fact.clone(),
    }
}

/// Whether a role means keyworker, in any spelling: `Keyworker`, `key worker`, `key-worker`.
pub fn is_keyworker(role: &str) -> bool {
    let letters = role.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '_'));
    letters.flat_map(char::to_lowercase).eq(KEYWORKER.chars())
}

/// The warning where a referral is dated before the contract starts.
fn too_early(occurred: Occurred, fact: &Event, given: &Given<'_>) -> Option<Refusal> {
    if matches!(fact, Event::ReferralReceived(_)) { given.contract.not_begun_by(occurred) } else { None }
}

/// The warning where a fact of a case, or a measure, is dated in a closed period.
fn settled(kind: StreamKind, fact: &Event, dates: &[Occurred], given: &Given<'_>) -> Option<Refusal> {
    let is_counted = match kind {
        StreamKind::Journey => true,
        StreamKind::Contract => matches!(fact, Event::MeasureRecorded(_)),
        _ => false,
    };
    if is_counted { given.contract.closed_at(dates) } else { None }
}

/// Adds the grade of an indicator, where it follows from the rulebook, and refuses a notice that answers an indicator
/// which no rulebook has.
fn graded(
    fact: &Event,
    history: &History,
    corrected: Option<EventId>,
    given: &Given<'_>,
) -> Result<Event, Vec<Refusal>> {
    match fact {
        Event::KpiAssessed(assessed) => assessment::assessed(assessed, history, corrected, given.contract)
            .map(Event::from)
            .map_err(|refusal| refusal.alone()),
        Event::NoticeIssued(notice) => match assessment::answered(notice, given.contract) {
            Ok(()) => Ok(fact.clone()),
            Err(refusal) => Err(refusal.alone()),
        },
        other => Ok(other.clone()),
    }
}

/// Refuses the command with its warnings, unless the sender accepts all of them.
pub(crate) fn require_accepted_warnings(
    warnings: impl IntoIterator<Item = Refusal>,
    given: &Given<'_>,
) -> Result<(), Vec<Refusal>> {
    let mut unheeded: Vec<Refusal> = warnings.into_iter().collect();
    unheeded.retain(|warning| !given.accepted.contains(warning.code.as_str()));
    if unheeded.is_empty() { Ok(()) } else { Err(unheeded) }
}

/// Whether a fact may be the first of its stream.
const fn begins_a_stream(fact: &Event) -> bool {
    matches!(
        fact,
        Event::SubjectRegistered(_)
            | Event::WorkerJoined(_)
            | Event::TeamSet(_)
            | Event::RoleGranted(_)
            | Event::SessionsRevoked(_)
            | Event::ApiKeyIssued(_)
            | Event::SourceRegistered(_)
            | Event::RowMissing(_)
    )
}

/// A fact about two subjects is recorded in the streams of both.
fn of_the_other(history: &History, command: &RecordFact, given: &Given<'_>) -> Result<Option<NewEvent>, Vec<Refusal>> {
    let RecordFact { stream, when, fact } = command;
    let occurred = when.decided_on(given.today);
    let Some((other, mirrored)) = subject::of_the_other(SubjectId(stream.id), fact) else { return Ok(None) };
    let (path, is_link) = match fact {
        Event::DuplicateDismissed(_) => ("other", false),
        _ => ("with", true),
    };
    if other == *stream {
        let message = "a subject cannot be a pair with itself: name the other record";
        return Err(Refusal::new(RefusalCode::SameSubject, message).at(path).alone());
    }
    let theirs = (given.history)(other).ok_or_else(|| not_found(other.kind).at(path).alone())?;
    if is_link {
        subject::may_be_linked(history, theirs)?;
    }
    stands(theirs, other.kind, Change::Record(occurred, &mirrored))?;
    Ok(Some(of_stream(other, theirs, occurred, mirrored)))
}

/// Checks the values of a fact, and the other streams that it names. `before` is the fact before a correction, if it is
/// already recorded.
fn values(
    validator: &mut Validator,
    occurred: Occurred,
    fact: &Event,
    before: Option<(Occurred, &Event)>,
    given: &Given<'_>,
) {
    validator.fact(occurred, fact, given.contract);
    validator.of_people(occurred, fact);
    validator.personal(occurred, fact, before.map(|(_, fact)| fact));
    validator.of_access(occurred, fact);
    validator.of_imports(fact);
    validator.of_contract(occurred, fact, given.contract);
    names::check(validator, occurred, fact, before, given);
    let is_new = before.is_none_or(|(on, _)| on != occurred);
    if let (Event::ReferralReceived(_), true, Some(refusal)) = (fact, is_new, given.contract.over_by(occurred)) {
        validator.refuse(refusal);
    }
}

/// Checks whether the facts can be true together, by the rules of the kind of stream.
fn stands(history: &History, kind: StreamKind, change: Change<'_>) -> Result<(), Vec<Refusal>> {
    match kind {
        StreamKind::Journey => rules::check(history, change),
        StreamKind::Subject => consistency::check(history, change, subject::judge),
        StreamKind::Worker => consistency::check(history, change, worker::judge),
        StreamKind::Team => consistency::check(history, change, team::judge),
        StreamKind::Contract => consistency::check(history, change, contract::rules::judge),
        StreamKind::Deployment => consistency::check(history, change, access::judge),
        // No fact of a batch or an offer is recorded in this way, and their events cannot be corrected. The facts of
        // imports say what was so in one run, and nothing depends on them.
        StreamKind::Batch | StreamKind::Offer | StreamKind::Import => Ok(()),
    }
}

fn receive(history: &History, command: &ReceiveReferral, given: &Given<'_>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let ReceiveReferral { journey, contract, when, register, identity, fact } = command;
    let occurred = when.decided_on(given.today);
    if given.contract.code() != Some(contract) {
        return Err(Refusal::contract_not_found().alone());
    }
    if history.contract().is_some_and(|known| known != contract) {
        return Err(Refusal::journey_not_found().alone());
    }
    let event = Event::from(fact.clone());
    let mut validator = Validator::new(given.today);
    values(&mut validator, occurred, &event, None, given);
    match (given.knows(StreamId::subject(fact.subject)), register) {
        (false, None) => validator.refuse(Refusal::subject_not_found()),
        (true, Some(_)) => validator.refuse(subject_exists()),
        (true, None) | (false, Some(_)) => {}
    }
    let identity = identity.clone().map(Event::from);
    if let Some(identity) = &identity {
        validator.sealed_with(occurred, identity);
    }
    validator.done()?;
    erasure::not_of_erased(fact.subject, given)?;
    stands(history, StreamKind::Journey, Change::Record(occurred, &event))?;
    let settled = settled(StreamKind::Journey, &event, &[occurred], given);
    require_accepted_warnings(too_early(occurred, &event, given).into_iter().chain(settled), given)?;
    let registered = register.map(|kind| registered(fact.subject, occurred, kind));
    let received = NewEvent { stream: StreamId::journey(*journey), contract: Some(contract.clone()), occurred, event };
    let identified =
        identity.map(|event| NewEvent { stream: StreamId::subject(fact.subject), contract: None, occurred, event });
    Ok(registered.into_iter().chain(identified).chain([received]).collect())
}

/// The event that registers a subject.
fn registered(subject: SubjectId, occurred: Occurred, kind: SubjectKind) -> NewEvent {
    let event = SubjectRegistered { kind }.into();
    NewEvent { stream: StreamId::subject(subject), contract: None, occurred, event }
}

fn exists(history: &History, stream: StreamId) -> Result<(), Vec<Refusal>> {
    if history.events().is_empty() { Err(not_found(stream.kind).alone()) } else { Ok(()) }
}

fn of_stream(stream: StreamId, history: &History, occurred: Occurred, event: Event) -> NewEvent {
    NewEvent { stream, contract: history.contract().map(str::to_owned), occurred, event }
}

#[cfg(test)]
mod tests;
