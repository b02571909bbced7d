//! Import as recorded: loads a whole exported log into an empty one, for restore, audit and tests.
//!
//! It keeps ids, positions, times, actors, commands and payloads as written, and the salts and hashes of a file from
//! `export ndjson`. If the file is part of a log, positions are renumbered without gaps. The import checks shape and
//! order: known types, readable payloads, contracts opened before use, and rulebooks that this build can read and whose
//! hash matches. It does not decide anything again. If one line is wrong, nothing is loaded.

use std::collections::HashMap;
use std::io::{self, Read};

use chrono::{DateTime, Datelike as _, Utc};
use chrono_tz::Tz;

use super::lines::Lines;
use crate::clock::{Chance, Clock};
use crate::cloud_event::{self, CloudEvent, Kept, LineError};
use crate::log::restore::{Disorder, NotLoaded, Order, Ordered};
use crate::log::{Log, LogError};
use crate::record::DEPLOYMENT_ZONE;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{
    Actor, CommandId, Envelope, EventId, Position, StreamId, StreamKind, leaf_hash,
};
use throughline_domain::fact::event::{Event, EventType};
use throughline_domain::fact::sealed::holds_clear_text;

/// Why nothing was loaded.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A line is wrong.
    #[error("line {line}: {error}; nothing was loaded")]
    Line {
        /// The line number, from 1.
        line: u64,
        /// What is wrong and how to fix it.
        error: LineError,
    },
    /// The file could not be read.
    #[error("the file cannot be read after line {line}; nothing was loaded")]
    File {
        /// The number of the last line read.
        line: u64,
        /// The system's error.
        source: io::Error,
    },
    /// The log could not store the events.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The result of an import as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The position of the last event.
    pub position: Position,
    /// Whether the file was part of a log. If so, its events have new positions here.
    pub is_part: bool,
    /// Whether the lines carried the salts of the log that they were exported from.
    pub is_salted: bool,
}

/// Loads exported lines into an empty log.
///
/// Fields of `data` that an export always writes may be missing: `version` is then the next one in the stream,
/// `command_id` is the event's own id, and the actor is `otherwise`. A recording time after now is refused, because
/// every later event would have to follow it. The file is read a page at a time while the log is locked. The live view
/// does not change: open the views afterwards.
pub async fn as_recorded(
    log: &Log,
    clock: &Clock,
    chance: &Chance,
    otherwise: &Actor,
    file: impl Read,
) -> Result<Restored, RestoreError> {
    let mut checked = Checked {
        lines: Lines::of(file),
        line: 0,
        now: clock.now(),
        otherwise,
        order: Order::default(),
        contracts: Vec::new(),
        within: HashMap::new(),
        is_salted: true,
    };
    let position = log.load(chance, &mut checked).await.map_err(|error| match error {
        NotLoaded::Event(error) => error,
        NotLoaded::Log(error) => RestoreError::Log(error),
    })?;
    Ok(Restored { position, is_part: checked.order.is_part(), is_salted: checked.is_salted })
}

/// A contract that an earlier line opened.
struct Opened {
    code: String,
    /// The zone of the contract's dates, from its first rulebook.
    zone: Option<Tz>,
}

/// The lines of a file as checked events, ready to load.
struct Checked<'a, R> {
    lines: Lines<R>,
    line: u64,
    now: DateTime<Utc>,
    otherwise: &'a Actor,
    order: Order,
    contracts: Vec<Opened>,
    /// The contract of each journey and batch, as an index into the contracts.
    within: HashMap<StreamId, usize>,
    /// Whether every line so far carried its salt.
    is_salted: bool,
}

impl<R: Read> Iterator for Checked<'_, R> {
    type Item = Result<Ordered, RestoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match self.lines.next_line() {
            Ok(None) => return None,
            Ok(Some((line, text))) => {
                self.line = line;
                text.and_then(cloud_event::from_line)
            }
            Err(source) => return Some(Err(RestoreError::File { line: self.line, source })),
        };
        let line = self.line;
        Some(read.and_then(|event| self.check(event)).map_err(|error| RestoreError::Line { line, error }))
    }
}

impl<R> Checked<'_, R> {
    fn check(&mut self, read: CloudEvent) -> Result<Ordered, LineError> {
        let event = read.event()?;
        if holds_clear_text(read.data.payload.get()) {
            let message = "holds a text about a person that is not sealed, which no log does: import the file without \
                --as-recorded, so that the text is sealed";
            return Err(LineError::at("data.payload", message));
        }
        cloud_event::check_numbers(&event)?;
        let (contract, zone) = self.contract(&read, &event)?;
        let occurred = read.occurred(zone)?;
        if !(1..=9999).contains(&occurred.earliest().year()) {
            return Err(LineError::at("time", "is out of range: use a year of four digits"));
        }
        if let Some(later) = read.recorded_at.filter(|recorded_at| *recorded_at > self.now) {
            let message = format!("{later} is later than now, {}: use a time in the past", self.now);
            return Err(LineError::at("recordedtime", message));
        }
        let missing = |key: &str| LineError::at(key, "missing: to load a file as recorded, export a whole log");
        let envelope = Envelope {
            position: read.sequence.ok_or_else(|| missing("sequence"))?,
            event_id: EventId(read.id),
            stream: read.stream,
            version: read.data.version.unwrap_or_else(|| self.order.due(read.stream)),
            event_type: read.event_type.as_str().to_owned(),
            schema_version: read.schema_version,
            contract,
            occurred,
            recorded_at: read.recorded_at.ok_or_else(|| missing("recordedtime"))?,
            actor: read.data.actor.map_or_else(|| Ok(self.otherwise.clone()), known_actor)?,
            source: read.data.source,
            command_id: read.data.command_id.unwrap_or(CommandId(read.id)),
            correlation_id: read.data.correlation_id,
            causation_id: read.data.causation_id,
            payload: read.data.payload,
            salt: read.kept.map_or([0; 16], |kept| kept.salt),
        };
        self.is_salted &= read.kept.is_some();
        let ordered = match read.kept {
            None => self.order.admit(envelope),
            Some(kept) => self.kept(envelope, event, kept)?,
        };
        ordered.map_err(|disorder| {
            let key = match disorder {
                Disorder::Position { .. } => "sequence",
                Disorder::After { .. } => "aftersequence",
                Disorder::Earlier { .. } => "recordedtime",
                Disorder::Version { .. } => "data.version",
            };
            LineError::at(key, disorder.to_string())
        })
    }

    /// An event with its original salt. The record built from it must hash to the exported hash. If the file is part of
    /// a log, the event gets a new position, and so do the positions in its payload.
    fn kept(
        &mut self,
        mut envelope: Envelope,
        event: Event,
        kept: Kept,
    ) -> Result<Result<Ordered, Disorder>, LineError> {
        if leaf_hash(&envelope.to_record()) != kept.hash {
            let message = "does not match this line: the line was changed after the export, or the log was changed \
                before it";
            return Err(LineError::at("recordhash", message));
        }
        if self.order.leaves_out(envelope.position) {
            let moved = match event {
                Event::BatchSubmitted(mut submitted) => {
                    submitted.prepared_at = self.order.stands(submitted.prepared_at);
                    Some(Event::from(submitted))
                }
                Event::ClaimResubmitted(mut resubmitted) => {
                    resubmitted.prepared_at = self.order.stands(resubmitted.prepared_at);
                    Some(Event::from(resubmitted))
                }
                _ => None,
            };
            if let Some(moved) = moved {
                (envelope.payload, envelope.schema_version) = (moved.payload(), moved.event_type().schema_version());
            }
        }
        Ok(self.order.admit_kept(envelope, kept.after))
    }

    /// The contract that the event belongs to, and the zone of its date.
    fn contract(&mut self, read: &CloudEvent, event: &Event) -> Result<(Option<String>, Option<Tz>), LineError> {
        let written = read.data.contract.as_deref();
        let begins = self.order.due(read.stream) == 1;
        if let Some(first) = opening(read.stream.kind).filter(|first| begins && read.event_type != *first) {
            let message = format!("a {} must begin with {}", read.stream.kind.as_str(), first.as_str());
            return Err(LineError::at("type", message));
        }
        match read.stream.kind {
            kind if kind.belongs_to_deployment() && written.is_some() => {
                let message =
                    format!("a {} does not belong to a contract: leave out the key", read.stream.kind.as_str());
                Err(LineError::at("data.contract", message))
            }
            StreamKind::Subject
            | StreamKind::Worker
            | StreamKind::Team
            | StreamKind::Deployment
            | StreamKind::Import => Ok((None, Some(DEPLOYMENT_ZONE))),
            StreamKind::Contract => self.of_contract(read, event, written),
            StreamKind::Journey | StreamKind::Batch | StreamKind::Offer => {
                let at = match (self.within.get(&read.stream), written) {
                    (Some(at), None) => *at,
                    (Some(at), Some(code)) if self.contracts[*at].code == code => *at,
                    (Some(at), Some(_)) => {
                        let kind = read.stream.kind.as_str();
                        let message = format!("the {kind} belongs to {}: use that code", self.contracts[*at].code);
                        return Err(LineError::at("data.contract", message));
                    }
                    (None, _) => self.opened(written)?,
                };
                self.within.insert(read.stream, at);
                let Opened { code, zone } = &self.contracts[at];
                if zone.is_none() {
                    let message = format!("{code} has no rulebook yet: publish one on an earlier line");
                    return Err(LineError::at("data.contract", message));
                }
                Ok((Some(code.clone()), *zone))
            }
        }
    }

    /// The index of a contract that an earlier line opened.
    fn opened(&self, written: Option<&str>) -> Result<usize, LineError> {
        let key = "data.contract";
        let code = written.ok_or_else(|| LineError::at(key, "missing: write the contract's code"))?;
        self.contracts.iter().position(|opened| opened.code == code).ok_or_else(|| {
            LineError::at(key, format!("no earlier line opens {code:?}: start with its ContractOpened and rulebook"))
        })
    }

    fn of_contract(
        &mut self,
        read: &CloudEvent,
        event: &Event,
        written: Option<&str>,
    ) -> Result<(Option<String>, Option<Tz>), LineError> {
        let at = match event {
            Event::ContractOpened(opened) => {
                if opened.code.is_empty() || opened.code.chars().any(char::is_control) {
                    return Err(LineError::at(
                        "data.payload.code",
                        "is not a valid code: use letters, digits and hyphens",
                    ));
                }
                if self.contracts.iter().any(|known| known.code == opened.code) {
                    return Err(LineError::at(
                        "data.payload.code",
                        "opened by an earlier line: open a contract only once",
                    ));
                }
                self.contracts.push(Opened { code: opened.code.clone(), zone: None });
                self.contracts.len() - 1
            }
            _ => self.opened(written)?,
        };
        let Opened { code, zone } = &mut self.contracts[at];
        if written.is_some_and(|written| written != code) {
            return Err(LineError::at("data.contract", format!("this line opens {code:?}: use that code")));
        }
        if read.stream != StreamId::contract(code) {
            let message = format!("is not the stream of {code:?}: use {}", StreamId::contract(code));
            return Err(LineError::at("subject", message));
        }
        if let Event::RulebookPublished(published) = event {
            let rulebook = rulebook(&published.content)?;
            if rulebook.hash() != published.hash {
                let message = format!("is not the hash of this rulebook: use {}", rulebook.hash());
                return Err(LineError::at("data.payload.hash", message));
            }
            if rulebook.contract != *code {
                let message = format!("is a rulebook of {:?}, not of {code:?}", rulebook.contract);
                return Err(LineError::at("data.payload.content", message));
            }
            *zone = Some(rulebook.calendar.zone);
        }
        Ok((Some(code.clone()), *zone))
    }
}

/// The event type with which streams of a kind begin. None if they may begin with any.
const fn opening(kind: StreamKind) -> Option<EventType> {
    Some(match kind {
        StreamKind::Contract => EventType::ContractOpened,
        StreamKind::Journey => EventType::ReferralReceived,
        StreamKind::Subject => EventType::SubjectRegistered,
        StreamKind::Worker => EventType::WorkerJoined,
        StreamKind::Team => EventType::TeamSet,
        StreamKind::Batch => EventType::BatchOpened,
        StreamKind::Offer => EventType::ReferralOffered,
        StreamKind::Deployment | StreamKind::Import => return None,
    })
}

fn rulebook(content: &str) -> Result<Rulebook, LineError> {
    Rulebook::parse(content).map_err(|errors| {
        let message = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        LineError::at("data.payload.content", message)
    })
}

fn known_actor(actor: Actor) -> Result<Actor, LineError> {
    if actor.subject.trim().is_empty() || actor.subject.chars().any(char::is_control) {
        return Err(LineError::at(
            "data.actor.subject",
            "is not a valid login: use the login of the person who recorded the event",
        ));
    }
    Ok(actor)
}
