//! Import of NDJSON: each line is a command, decided as the API would decide it.
//!
//! The `id` of a line is its command id, so importing the same file again adds nothing. Targets of corrections and the
//! events that evidence supports are translated from the file's ids to the log's. Several events that one command
//! recorded become one command again: facts retracted together, or a link of two subjects. A bad line is reported and
//! the others continue. Lines are read in windows: one query reads from the log everything that a window's lines need,
//! then the lines are sent in order, and the append task keeps that order.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek};

use chrono_tz::Tz;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::lines::{Lines, digest_of};
use super::{Import, ImportError, Outcome, Problem, Row, Summary, not_by_import};
use crate::cloud_event::{self, CloudEvent, LineError, payload_error};
use crate::log::append::Appended;
use crate::record::{CommandRequest, RecordError};
use throughline_domain::command::{
    Command, CorrectFact, PatchFact, Patched, PatchedDate, ReceiveReferral, RetractFacts, check_source,
};
use throughline_domain::fact::envelope::{
    CommandId, Envelope, EventId, JourneyId, Occurred, Source, StreamId, StreamKind, SubjectId,
};
use throughline_domain::fact::event::{Event, EventType, FactCorrected, SubjectKind};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The number of lines that are sent together: as many as one transaction takes.
const WINDOW: usize = 512;
/// The most retractions in one command.
const JOINED: usize = 1_000;
/// The system of the source, if a line does not name one that can be stored.
const SYSTEM: &str = "ndjson";

impl Import<'_> {
    /// Imports a file. Calls `report` with the result of each row, in the order of the file.
    pub async fn ndjson(
        &self,
        mut file: impl Read + Seek,
        mut report: impl FnMut(&Row),
    ) -> Result<Summary, ImportError> {
        let zone = self.contract().await?.zone().ok_or_else(|| self.no_contract())?;
        let unread = |source| ImportError::File { line: 0, source };
        let digest = digest_of(&mut file).map_err(unread)?;
        file.rewind().map_err(unread)?;
        let reader = Reader { contract: self.contract, zone, digest };
        let mut lines = Lines::of(file);
        let mut window = Window::default();
        let mut in_dry_run = Known::default();
        let mut summary = Summary::default();
        loop {
            let next = next_line(&mut lines, &reader, window.last)?;
            let is_last = next.is_none();
            if is_last || next.as_ref().is_some_and(|next| window.must_be_sent_before(next)) {
                let mut rows = Vec::with_capacity(window.lines.len());
                let sent = self.send(std::mem::take(&mut window), &mut in_dry_run, &mut rows).await;
                for row in &rows {
                    summary.count(&row.outcome);
                    report(row);
                }
                sent?;
            }
            match next {
                Some(next) => window.add(next),
                None => return Ok(summary),
            }
        }
    }

    /// Sends a window's statements in order and adds the result of every row, in order. A row whose sending failed has
    /// no result.
    async fn send(&self, window: Window, in_dry_run: &mut Known, rows: &mut Vec<Row>) -> Result<(), ImportError> {
        let known = self.known(&window, in_dry_run).await?;
        let recorder = self.recorder.trusted();
        let (mut sent, mut waiting) = (Vec::with_capacity(window.lines.len()), Vec::new());
        for line in window.lines {
            sent.push(match line {
                Line::Finished(row) => Sent::Finished(row),
                Line::Stated(stated) => match command(&stated, self.contract, &known) {
                    Ok(command) => {
                        let rows = stated.rows();
                        let is_sent = match recorder.prepare(self.request(*stated, command)).await {
                            Ok(prepared) => prepared.send().await,
                            Err(error) => Err(error),
                        };
                        match is_sent {
                            Ok(one) => {
                                waiting.push(one);
                                Sent::Waiting(rows)
                            }
                            Err(error) => Sent::Answered(rows, error),
                        }
                    }
                    Err(outcome) => Sent::Finished(rows_with(stated.rows(), &outcome)),
                },
            });
        }
        let mut answers = recorder.answers(waiting).await.into_iter();
        let mut failed = Ok(());
        for sent in sent {
            let (of, answer) = match sent {
                Sent::Finished(finished) => {
                    rows.extend(finished);
                    continue;
                }
                Sent::Answered(of, error) => (of, Err(error)),
                Sent::Waiting(of) => (of, answers.next().expect("what was sent has an answer")),
            };
            if let (Ok(done), true) = (&answer, self.recorder.is_dry_run()) {
                done.events.iter().for_each(|event| in_dry_run.learn(event));
            }
            match outcome(answer) {
                Ok(outcome) => rows.extend(rows_with(of, &outcome)),
                Err(fault) => failed = failed.and(Err(fault)),
            }
        }
        failed
    }

    fn request(&self, stated: Stated, command: Command) -> CommandRequest {
        CommandRequest::new(self.principal_here(), CommandId(stated.id), command)
            .with_body(stated.body())
            .from_source(Some(stated.source))
            .accepting_every_warning()
    }

    /// What the window's statements need to know of the log, and of the events that a dry run would have recorded.
    async fn known(&self, window: &Window, in_dry_run: &Known) -> Result<Known, ImportError> {
        let stated = || window.lines.iter().filter_map(Line::stated);
        let subjects = stated().filter_map(|stated| match &stated.event {
            Event::ReferralReceived(referral) => Some(referral.subject),
            _ => None,
        });
        let subjects: HashSet<_> = subjects.collect();
        let mut known = Known::default();
        if !subjects.is_empty() {
            let streams = subjects.iter().map(|subject| (StreamId::subject(*subject), 0));
            let registered = self.recorder.log().streams(streams).await?;
            known.subjects.extend(registered.iter().map(|envelope| SubjectId(envelope.stream.id)));
            known.subjects.extend(subjects.intersection(&in_dry_run.subjects));
        }
        known.subjects.extend(stated().filter_map(|stated| match stated.event {
            Event::SubjectRegistered(_) => Some(SubjectId(stated.stream.id)),
            _ => None,
        }));
        let named: Vec<CommandId> = stated().flat_map(Stated::named).map(|event| CommandId(event.0)).collect();
        if !named.is_empty() {
            for envelope in self.recorder.log().of_commands(&self.principal.subject, &named).await? {
                known.by_command.insert((envelope.command_id.0, envelope.stream), Target::of(&envelope));
            }
        }
        let corrected: Vec<EventId> = stated().filter_map(Stated::corrected).collect();
        if !corrected.is_empty() {
            for envelope in self.recorder.log().events(&corrected).await? {
                known.by_event.insert((envelope.event_id, envelope.stream), Target::of(&envelope));
            }
        }
        let named = stated().flat_map(|stated| stated.named().into_iter().map(|event| (event.0, stated.stream)));
        let named = named.filter_map(|key| in_dry_run.by_command.get(&key).map(|target| (key, *target)));
        known.by_command.extend(named);
        Ok(known)
    }
}

type Answer = Result<Appended, RecordError>;

/// A statement that was sent. Its result applies to all its rows.
enum Sent {
    Finished(Vec<Row>),
    Answered(Vec<(u64, Uuid)>, RecordError),
    Waiting(Vec<(u64, Uuid)>),
}

fn rows_with(rows: Vec<(u64, Uuid)>, outcome: &Outcome) -> Vec<Row> {
    rows.into_iter().map(|(line, id)| Row { line, id: Some(id), outcome: outcome.clone() }).collect()
}

fn outcome(answer: Answer) -> Result<Outcome, ImportError> {
    Ok(match answer {
        Ok(done) if done.replayed => Outcome::Replayed(done.position()),
        Ok(done) => Outcome::Recorded(done.position()),
        Err(RecordError::Refused(refusals)) => refusals_of(refusals),
        Err(RecordError::Denied(denied)) => refused("FORBIDDEN", &not_by_import(denied)),
        Err(RecordError::CommandIdReused) => {
            let message = "this id was imported before with different content: give the line a new id";
            refused("COMMAND_ID_REUSED", message)
        }
        Err(RecordError::Conflict { actual, .. }) => {
            refused("VERSION_CONFLICT", &format!("the stream is at version {actual}: import the file again"))
        }
        Err(RecordError::DryRun(_)) => unreachable!("an import never asks for a dry run of a single command"),
        Err(RecordError::Fault(fault)) => return Err(fault.into()),
    })
}

fn refused(code: &'static str, message: &str) -> Outcome {
    Outcome::Refused(vec![Problem { code, message: message.to_owned(), path: None }])
}

fn refusals_of(refusals: Vec<Refusal>) -> Outcome {
    Outcome::Refused(refusals.into_iter().map(Problem::from).collect())
}

/// What was recorded before, as far as a window needs it.
#[derive(Default)]
struct Known {
    subjects: HashSet<SubjectId>,
    by_command: HashMap<(Uuid, StreamId), Target>,
    by_event: HashMap<(EventId, StreamId), Target>,
}

/// A recorded event that a line names.
#[derive(Clone, Copy)]
struct Target {
    event_id: EventId,
    event_type: Option<EventType>,
}

impl Target {
    fn of(envelope: &Envelope) -> Self {
        Self { event_id: envelope.event_id, event_type: EventType::named(&envelope.event_type) }
    }
}

impl Known {
    /// Adds an event that a dry run would have recorded.
    fn learn(&mut self, envelope: &Envelope) {
        if envelope.stream.kind == StreamKind::Subject {
            self.subjects.insert(SubjectId(envelope.stream.id));
        }
        self.by_command.insert((envelope.command_id.0, envelope.stream), Target::of(envelope));
    }

    /// The recorded event for an id of the file: the event recorded from the line with that id, else the log's event
    /// with that id.
    fn target(&self, named: EventId, stream: StreamId) -> Option<Target> {
        self.by_command.get(&(named.0, stream)).or_else(|| self.by_event.get(&(named, stream))).copied()
    }

    /// The log's id of an event that a file names. An id that is not one of the file's lines does not change.
    fn translated(&self, named: Uuid, stream: StreamId) -> Uuid {
        self.by_command.get(&(named, stream)).map_or(named, |known| known.event_id.0)
    }

    /// Replaces the file's event ids in a patch with the log's.
    fn translate(&self, patch: &mut Map<String, Value>, stream: StreamId) {
        let Some(Value::Array(supports)) = patch.get_mut("supports") else { return };
        for supported in supports {
            if let Some(id) = supported.as_str().and_then(|id| id.parse().ok()) {
                *supported = Value::String(self.translated(id, stream).to_string());
            }
        }
    }

    /// The fact with the log's ids of the events that it names.
    fn fact(&self, mut fact: Event, stream: StreamId) -> Event {
        match &mut fact {
            Event::EvidenceAttached(attached) => {
                for supported in &mut attached.supports {
                    *supported = self.translated(*supported, stream);
                }
            }
            Event::ErasureApproved(approved) => {
                approved.proposal = EventId(self.translated(approved.proposal.0, stream));
            }
            _ => {}
        }
        fact
    }
}

/// The statement of one line, or of several lines that were one command.
struct Stated {
    line: u64,
    id: Uuid,
    stream: StreamId,
    occurred: Occurred,
    event: Event,
    /// For a correction that no log has recorded yet: the date of the fact, as far as the line gives it. Fields that
    /// such a line leaves out do not change.
    patched: Option<PatchedDate>,
    source: Source,
    /// The command that once recorded it.
    by_command: Option<CommandId>,
    /// The further lines of the same command.
    also: Vec<Also>,
}

/// A further line of a command.
struct Also {
    line: u64,
    id: Uuid,
    /// The fact that it retracts, by the file's id. `None` for the other side of a link.
    target: Option<EventId>,
}

impl Stated {
    fn rows(&self) -> Vec<(u64, Uuid)> {
        let also = self.also.iter().map(|also| (also.line, also.id));
        std::iter::once((self.line, self.id)).chain(also).collect()
    }

    /// The facts that it retracts, by the file's ids.
    fn retracted(&self) -> Vec<EventId> {
        let Event::FactRetracted(retraction) = &self.event else { return Vec::new() };
        let also = self.also.iter().filter_map(|also| also.target);
        std::iter::once(retraction.target).chain(also).collect()
    }

    /// The fact that it corrects, by the file's id.
    fn corrected(&self) -> Option<EventId> {
        match &self.event {
            Event::FactCorrected(correction) => Some(correction.target),
            _ => None,
        }
    }

    /// The events that it names, by the file's ids. Evidence may support spells too, so some ids may be spells.
    fn named(&self) -> Vec<EventId> {
        match &self.event {
            Event::FactCorrected(correction) => {
                let supports = correction.payload.get("supports").and_then(Value::as_array).into_iter().flatten();
                let supports = supports.filter_map(|id| id.as_str()?.parse().ok());
                std::iter::once(correction.target).chain(supports).collect()
            }
            Event::FactRetracted(_) => self.retracted(),
            Event::EvidenceAttached(attached) => attached.supports.iter().map(|id| EventId(*id)).collect(),
            Event::ErasureApproved(approved) => vec![approved.proposal],
            _ => Vec::new(),
        }
    }

    /// The login that it gives to a worker.
    fn login(&self) -> Option<&str> {
        match &self.event {
            Event::WorkerJoined(joined) => joined.login.as_deref(),
            Event::FactCorrected(correction) => correction.payload.get("login").and_then(Value::as_str),
            _ => None,
        }
    }

    /// Whether it has a text about a person that has to be sealed.
    fn is_to_be_sealed(&self) -> bool {
        self.event.personal_texts().into_iter().any(|(_, text)| text.clear().is_some())
    }

    /// The content that identifies the statement when the same command id is sent again.
    fn body(&self) -> Vec<u8> {
        let also: Vec<EventId> = self.also.iter().filter_map(|also| also.target).collect();
        let (on, time) = (self.occurred.earliest(), self.occurred.local_time());
        let event_type = self.event.event_type().as_str();
        serde_json::to_vec(&(event_type, self.stream, on, self.occurred.precision(), time, self.event.payload(), also))
            .expect("a statement can be written as JSON")
    }
}

enum Line {
    Finished(Vec<Row>),
    Stated(Box<Stated>),
}

impl Line {
    fn stated(&self) -> Option<&Stated> {
        match self {
            Self::Finished(_) => None,
            Self::Stated(stated) => Some(stated),
        }
    }
}

/// Lines that are sent together.
#[derive(Default)]
struct Window {
    lines: Vec<Line>,
    ids: HashSet<Uuid>,
    referred: HashSet<SubjectId>,
    /// The cases that a line of the window begins.
    begun: HashSet<StreamId>,
    logins: HashSet<String>,
    last: u64,
}

impl Window {
    /// Whether the window must be sent before this line: the window is full, or the line depends on another line of the
    /// window.
    fn must_be_sent_before(&self, next: &Line) -> bool {
        let Some(stated) = next.stated() else { return self.lines.len() >= WINDOW };
        if self.is_joined_by(stated) {
            return false;
        }
        let stands_on_one = stated.named().iter().any(|event| self.ids.contains(&event.0));
        let is_referred_again =
            matches!(&stated.event, Event::ReferralReceived(referral) if self.referred.contains(&referral.subject));
        let is_given_again = stated.login().is_some_and(|login| self.logins.contains(login));
        // A text is sealed for the person whose case it is, so the case must be recorded first.
        let is_of_new_case = stated.is_to_be_sealed() && self.begun.contains(&stated.stream);
        self.lines.len() >= WINDOW || stands_on_one || is_referred_again || is_given_again || is_of_new_case
    }

    /// Whether the line belongs to the command of the line before: a further retraction, or the other side of a link.
    fn is_joined_by(&self, next: &Stated) -> bool {
        let Some(before) = self.lines.last().and_then(Line::stated) else { return false };
        if next.by_command.is_none() || before.by_command != next.by_command {
            return false;
        }
        let (one, other) = (before.stream, next.stream);
        match (&before.event, &next.event) {
            (Event::FactRetracted(first), Event::FactRetracted(further)) => {
                before.also.len() + 1 < JOINED && one == other && first.reason == further.reason
            }
            (first, further) => {
                let linked = |event: &Event, of| linked_with(event).is_some_and(|with| with == of);
                before.also.is_empty()
                    && first.event_type() == further.event_type()
                    && linked(first, other)
                    && linked(further, one)
            }
        }
    }

    fn add(&mut self, line: Line) {
        let Line::Stated(stated) = line else {
            self.lines.push(line);
            return;
        };
        self.last = stated.line;
        self.ids.insert(stated.id);
        if let Event::ReferralReceived(referral) = &stated.event {
            self.referred.insert(referral.subject);
            self.begun.insert(stated.stream);
        }
        self.logins.extend(stated.login().map(str::to_owned));
        let joins = self.is_joined_by(&stated);
        match self.lines.last_mut() {
            Some(Line::Stated(before)) if joins => {
                let target = match &stated.event {
                    Event::FactRetracted(retraction) => Some(retraction.target),
                    _ => None,
                };
                before.also.push(Also { line: stated.line, id: stated.id, target });
            }
            _ => self.lines.push(Line::Stated(stated)),
        }
    }
}

/// The subject that this event links to its own, or unlinks from it.
fn linked_with(event: &Event) -> Option<StreamId> {
    match event {
        Event::SubjectsLinked(link) => Some(StreamId::subject(link.with)),
        Event::SubjectsUnlinked(link) => Some(StreamId::subject(link.with)),
        Event::DuplicateDismissed(dismissal) => Some(StreamId::subject(dismissal.other)),
        _ => None,
    }
}

/// Reads lines as statements about one contract.
struct Reader<'a> {
    contract: &'a str,
    zone: Tz,
    digest: String,
}

fn next_line<R: Read>(lines: &mut Lines<R>, reader: &Reader<'_>, last: u64) -> Result<Option<Line>, ImportError> {
    let next = lines.next_line().map_err(|source: io::Error| ImportError::File { line: last, source })?;
    let Some((line, text)) = next else { return Ok(None) };
    let (id, stated) = match text.map(|text| (text, cloud_event::from_line(text))) {
        Ok((_, Ok(read))) => (Some(read.id), reader.stated(line, &read)),
        Ok((text, Err(error))) => (cloud_event::id_of(text), Err(Outcome::Unreadable(error))),
        Err(error) => (None, Err(Outcome::Unreadable(error))),
    };
    Ok(Some(match stated {
        Ok(stated) => Line::Stated(Box::new(stated)),
        Err(outcome) => Line::Finished(vec![Row { line, id, outcome }]),
    }))
}

impl Reader<'_> {
    fn stated(&self, line: u64, read: &CloudEvent) -> Result<Stated, Outcome> {
        let event = read.event().map_err(Outcome::Unreadable)?;
        let written = read.data.contract.as_deref().filter(|_| !read.stream.kind.belongs_to_deployment());
        if let Some(other) = written.filter(|written| *written != self.contract) {
            let message = format!(
                "the line belongs to {other:?}, but this import is for {:?}: import the line into {other:?}",
                self.contract
            );
            let refusal = Refusal::new(RefusalCode::ContractNotFound, message).at("contract");
            return Err(refusals_of(refusal.alone()));
        }
        let occurred = read.occurred(Some(self.zone)).map_err(Outcome::Unreadable)?;
        let source = self.source(line, read).map_err(refusals_of)?;
        let (id, stream, by_command) = (read.id, read.stream, read.data.command_id);
        // An exported line has a position in its log and holds the whole fact.
        let patched = match &event {
            Event::FactCorrected(correction) if read.sequence.is_none() => Some(patched(read, correction)),
            _ => None,
        };
        Ok(Stated { line, id, stream, occurred, event, patched, source, by_command, also: Vec::new() })
    }

    /// The source of the fact: the system and record that the line names, and this row of this file.
    fn source(&self, line: u64, read: &CloudEvent) -> Result<Source, Vec<Refusal>> {
        let of = |system: &str, record_id| Source {
            system: system.to_owned(),
            record_id,
            file_digest: Some(self.digest.clone()),
            row: Some(line),
        };
        if let Some(source) = &read.data.source {
            let source = of(&source.system, source.record_id.clone());
            check_source(&source)?;
            return Ok(source);
        }
        // A CloudEvents source may be an address of any length, so it is not stored.
        let source = of(&read.source, None);
        Ok(if check_source(&source).is_ok() { source } else { of(SYSTEM, None) })
    }
}

/// The date of a corrected fact, as far as a line gives it.
fn patched(read: &CloudEvent, correction: &FactCorrected) -> PatchedDate {
    let said: Map<String, Value> = serde_json::from_str(read.data.payload.get()).unwrap_or_default();
    PatchedDate {
        on: Some(correction.occurred_on),
        precision: said.contains_key("precision").then_some(correction.precision),
        local_time: match (said.contains_key("local_time"), correction.local_time) {
            (false, _) => Patched::Stays,
            (true, None) => Patched::Cleared,
            (true, Some(time)) => Patched::Becomes(time),
        },
    }
}

/// The command that records a statement.
fn command(stated: &Stated, contract: &str, known: &Known) -> Result<Command, Outcome> {
    let (stream, occurred) = (stated.stream, stated.occurred);
    Ok(match &stated.event {
        Event::ReferralReceived(fact) => Command::ReceiveReferral(ReceiveReferral {
            journey: JourneyId(stream.id),
            contract: contract.to_owned(),
            when: occurred.into(),
            register: (!known.subjects.contains(&fact.subject)).then_some(SubjectKind::Person),
            identity: None,
            fact: fact.clone(),
        }),
        Event::FactCorrected(correction) => correct(stated, correction, known)?,
        Event::FactRetracted(retraction) => {
            let translated = |target: EventId| EventId(known.translated(target.0, stream));
            let targets = stated.retracted().into_iter().map(translated).collect();
            Command::RetractFacts(RetractFacts { stream, targets, reason: retraction.reason.clone() })
        }
        Event::ContractOpened(_) | Event::RulebookPublished(_) => {
            let message = "an import cannot open a contract or publish a rulebook: use a command for that, and leave \
                out the line";
            return Err(refused("NOT_BY_IMPORT", message));
        }
        Event::SubjectErased(_) => {
            let message = "an import cannot say that a person was erased: propose and approve the erasure, and leave \
                out the line";
            return Err(refused("NOT_BY_IMPORT", message));
        }
        fact => Command::record_fact(stream, occurred, known.fact(fact.clone(), stream)),
    })
}

fn correct(stated: &Stated, correction: &FactCorrected, known: &Known) -> Result<Command, Outcome> {
    let refuse = |code, message: &str| refusals_of(Refusal::new(code, message).at("target").alone());
    let target = known.target(correction.target, stated.stream).ok_or_else(|| {
        refuse(
            RefusalCode::FactNotFound,
            "no earlier line and no event of the log has this id: use the id of the fact's line",
        )
    })?;
    let event_type = target.event_type.filter(|event_type| event_type.is_correctable()).ok_or_else(|| {
        refuse(
            RefusalCode::NotCorrectable,
            "this event cannot be corrected: it is itself a correction, or a newer event replaces it. Name the \
                original fact",
        )
    })?;
    if let Some(occurred) = stated.patched {
        let Value::Object(mut payload) = correction.payload.clone() else {
            let message = "write an object with the values to change, or {} to change only the date";
            return Err(Outcome::Unreadable(LineError::at("data.payload.payload", message)));
        };
        known.translate(&mut payload, stated.stream);
        let (stream, target, reason) = (stated.stream, target.event_id, correction.reason.clone());
        return Ok(Command::PatchFact(PatchFact { stream, target, occurred, of: Some(event_type), payload, reason }));
    }
    let replacement = correction.replacement(event_type).map_err(|error| {
        let LineError { key, message } = payload_error(error);
        let key = key.map(|key| key.replacen("data.payload", "data.payload.payload", 1));
        Outcome::Unreadable(LineError { key, message })
    })?;
    Ok(Command::CorrectFact(CorrectFact {
        stream: stated.stream,
        target: target.event_id,
        occurred: correction.occurred(),
        replacement: known.fact(replacement, stated.stream),
        reason: correction.reason.clone(),
    }))
}
