//! What was recorded from a source in one stream: for each record and type of fact the original event, what the source
//! last said, and what is so now.
//!
//! Pure. It reads events and decides nothing.

use std::collections::{BTreeSet, HashMap};

use crate::import::mapping::StatedFact;
use throughline_domain::fact::envelope::{Envelope, EventId, Occurred, StreamKind};
use throughline_domain::fact::event::{DecodeError, Event, EventType, FactRetracted};
use throughline_domain::fact::{Fact, History, Recorded};

/// What was recorded in a stream.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) history: History,
    /// Whether the subject of the case is registered.
    pub(super) is_registered: bool,
    /// Whether the erasure of the subject was decided or done.
    pub(super) is_erased: bool,
    /// The records of this source from which events came.
    ours: HashMap<EventId, String>,
}

/// A fact that a record of the source stated.
#[derive(Debug)]
pub(super) struct KnownFact<'a> {
    /// The event that first recorded it.
    pub(super) original: &'a Recorded,
    /// What the source last said. `None` if it took the fact back.
    pub(super) said: Option<(Occurred, Event)>,
    /// What is so now. `None` if it was retracted.
    pub(super) now: Option<Fact<'a>>,
    /// The newest event about it.
    pub(super) newest: EventId,
}

impl KnownFact<'_> {
    /// Whether the fact is so now, exactly as the source last said it.
    pub(super) fn is_as_said(&self) -> bool {
        match (&self.said, &self.now) {
            (Some((occurred, event)), Some(now)) => *occurred == now.occurred && event == now.event,
            _ => false,
        }
    }
}

impl Known {
    /// Adds the next event of the stream, or an event of the subject of the case.
    pub(super) fn learn(&mut self, envelope: &Envelope, system: &str) -> Result<(), DecodeError> {
        if envelope.stream.kind == StreamKind::Subject {
            let decides = [EventType::ErasureApproved, EventType::SubjectErased];
            self.is_registered = true;
            self.is_erased |= decides.iter().any(|of| of.as_str() == envelope.event_type);
            return Ok(());
        }
        if let Some(source) = envelope.source.as_ref().filter(|source| source.system == system)
            && let Some(record) = &source.record_id
        {
            self.ours.insert(envelope.event_id, record.clone());
        }
        self.history.evolve(Recorded::decode(envelope)?);
        Ok(())
    }

    /// The fact of this type that a record stated last.
    pub(super) fn fact(&self, record: &str, of: EventType) -> Option<KnownFact<'_>> {
        let is_it = |event: &&Recorded| {
            event.event.event_type() == of && self.ours.get(&event.event_id).is_some_and(|from| from == record)
        };
        let original = self.history.events().iter().rev().find(is_it)?;
        let id = original.event_id;
        let amended = self.history.events().iter().filter(|event| match &event.event {
            Event::FactCorrected(correction) => correction.target == id,
            Event::FactRetracted(FactRetracted { target, .. }) => *target == id,
            _ => false,
        });
        let (mut said, mut newest) = (Some((original.occurred, original.event.clone())), id);
        for event in amended {
            newest = event.event_id;
            if !self.ours.contains_key(&event.event_id) {
                continue;
            }
            said = match &event.event {
                Event::FactCorrected(correction) => match correction.replacement(of) {
                    Ok(replacement) => Some((correction.occurred(), replacement)),
                    Err(_) => said,
                },
                _ => None,
            };
        }
        Some(KnownFact { original, said, now: self.history.fact(id), newest })
    }

    /// The types of facts that a record stated and that are so.
    pub(super) fn types(&self, record: &str) -> BTreeSet<EventType> {
        let theirs = self.history.events().iter().filter(|event| {
            self.ours.get(&event.event_id).is_some_and(|from| from == record)
                && event.event.event_type().is_correctable()
                && self.history.fact(event.event_id).is_some()
        });
        theirs.map(|event| event.event.event_type()).collect()
    }

    /// Whether anything that this record stated is so.
    pub(super) fn has(&self, record: &str) -> bool {
        !self.types(record).is_empty()
    }
}

/// A value that differs: its place in the payload, or the date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// The place. Empty: the date.
    pub(super) path: Vec<String>,
    /// What was there.
    pub(super) before: Option<serde_json::Value>,
    /// What the row says.
    pub(super) after: Option<serde_json::Value>,
}

/// Where a row says something else than this. Only what the source says is compared.
pub(super) fn differences(reads: (Occurred, &Event), stated: &StatedFact, is_earliest: bool) -> Vec<Difference> {
    let (occurred, event) = reads;
    let mut found = Vec::new();
    let key = |of: Occurred| (of.earliest(), of.precision(), of.local_time().filter(|_| stated.is_timed));
    let is_other = if is_earliest {
        stated.occurred.earliest() < occurred.earliest()
    } else {
        key(occurred) != key(stated.occurred)
    };
    if is_other {
        let (before, after) = (Some(day(occurred)), Some(day(stated.occurred)));
        found.push(Difference { path: Vec::new(), before, after });
    }
    let (before, after) = (payload(event), payload(&stated.event));
    for path in stated.said.keys() {
        let (before, after) = (at(&before, path), at(&after, path));
        if before != after {
            found.push(Difference { path: path.clone(), before: before.cloned(), after: after.cloned() });
        }
    }
    found
}

fn payload(event: &Event) -> serde_json::Value {
    serde_json::from_str(event.payload().get()).expect("a payload is JSON")
}

fn at<'v>(value: &'v serde_json::Value, path: &[String]) -> Option<&'v serde_json::Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// A date as a message shows it.
fn day(occurred: Occurred) -> serde_json::Value {
    let time = occurred.local_time().map(|time| format!(" {}", time.format("%H:%M"))).unwrap_or_default();
    serde_json::Value::String(format!("{}{time}", occurred.earliest()))
}
