//! A correction as people send it: only the values that change.
//!
//! Pure. A field that a patch leaves out keeps its value, and null clears it. The event records the whole result. The
//! patch is applied to the state of the fact when the command is decided, so that of two corrections sent at once
//! neither undoes the other. Objects are merged and lists are replaced (RFC 7396). This module does not decide whether
//! the result is valid.

use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::CorrectFact;
use crate::contract::Contract;
use crate::fact::Fact;
use crate::fact::envelope::{EventId, Occurred, Precision, StreamId, StreamKind};
pub use crate::fact::event::Patched;
use crate::fact::event::{ContactLogged, DecodeError, Event, EventType};
use crate::fact::path::Path;
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::fact::sealed::{WithoutClearText, is_clear_text};

/// The changes to the date of a fact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatchedDate {
    /// The day.
    pub on: Option<NaiveDate>,
    /// The precision of the date.
    pub precision: Option<Precision>,
    /// The time of that day.
    pub local_time: Patched<NaiveTime>,
}

/// A correction that gives only the values that change. Clear text never shows in debug output.
#[derive(Clone, PartialEq)]
pub struct PatchFact {
    /// The stream of the fact.
    pub stream: StreamId,
    /// The original event.
    pub target: EventId,
    /// The changes to its date.
    pub occurred: PatchedDate,
    /// The type of fact that the sender expects. None if only the date changes.
    pub of: Option<EventType>,
    /// The changes to its payload.
    pub payload: Map<String, Value>,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

impl fmt::Debug for PatchFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = Value::Object(self.payload.clone());
        f.debug_struct("PatchFact")
            .field("stream", &self.stream)
            .field("target", &self.target)
            .field("occurred", &self.occurred)
            .field("of", &self.of)
            .field("payload", &WithoutClearText(&payload))
            .field("reason", &self.reason)
            .finish()
    }
}

/// The payload fields that name other streams and that a correction may change.
const NAMES: [(&str, StreamKind); 8] = [
    ("subject", StreamKind::Subject),
    ("worker", StreamKind::Worker),
    ("owner", StreamKind::Worker),
    ("absent", StreamKind::Worker),
    ("by", StreamKind::Worker),
    ("members", StreamKind::Worker),
    ("journey", StreamKind::Journey),
    ("other", StreamKind::Journey),
];

impl PatchFact {
    /// The other streams that the patch itself names. Fields that it leaves out are not included.
    pub(super) fn names(&self) -> Vec<StreamId> {
        let ids = |value: &Value| -> Vec<Uuid> {
            match value {
                Value::Array(values) => values.iter().filter_map(id_of).collect(),
                value => id_of(value).into_iter().collect(),
            }
        };
        let named = NAMES.iter().filter_map(|(field, kind)| Some((*kind, self.payload.get(*field)?)));
        named.flat_map(|(kind, value)| ids(value).into_iter().map(move |id| StreamId { kind, id })).collect()
    }

    /// The new login of a worker, if the patch changes it.
    pub fn login(&self) -> Option<&str> {
        self.payload.get("login").and_then(Value::as_str).filter(|_| self.of == Some(EventType::WorkerJoined))
    }

    /// The whole correction of a present fact.
    pub(super) fn of_fact(&self, fact: &Fact<'_>, contract: &Contract) -> Result<CorrectFact, Vec<Refusal>> {
        let occurred = self.occurred.of(fact.occurred)?;
        let mut replacement = self.replacement(fact.event)?;
        if let (Event::ContactLogged(old), Event::ContactLogged(new)) = (fact.event, &mut replacement) {
            self.follow_the_channel(old, new, fact.occurred, contract);
        }
        let (stream, target, reason) = (self.stream, self.target, self.reason.clone());
        Ok(CorrectFact { stream, target, occurred, replacement, reason })
    }

    fn replacement(&self, fact: &Event) -> Result<Event, Vec<Refusal>> {
        let event_type = fact.event_type();
        if let Some(of) = self.of.filter(|of| *of != event_type) {
            let message = format!(
                "the fact is a {} and the replacement is a {}: retract the fact and record the other one",
                event_type.as_str(),
                of.as_str()
            );
            let refusal = Refusal::new(RefusalCode::OtherType, message).at("payload");
            return Err(refusal.allowing([event_type.as_str()]).alone());
        }
        let read = |patch: &Map<String, Value>| read(fact, patch);
        read(&self.payload).map_err(|error| {
            let needed: Vec<Refusal> = cleared(&self.payload)
                .filter(|path| read(&clearing(path)).is_err())
                .map(|path| {
                    let message = "this field is required: leave it out to keep its value, or give another value";
                    Refusal::new(RefusalCode::MissingValue, message).at(Path::from(path.join(".")).beneath("payload"))
                })
                .collect();
            if !needed.is_empty() {
                return needed;
            }
            let message = format!("the corrected fact is not valid: {error}");
            Refusal::new(RefusalCode::InvalidValue, message).at("payload").alone()
        })
    }

    /// If the face-to-face value of a contact was the one that follows from its channel and attendance, it keeps
    /// following them after the correction, unless the patch sets it.
    fn follow_the_channel(
        &self,
        old: &ContactLogged,
        new: &mut ContactLogged,
        occurred: Occurred,
        contract: &Contract,
    ) {
        let by_channel = contract.is_face_to_face(&old.channel, occurred.earliest());
        let says_so = (by_channel && !old.is_missed()) == old.is_face_to_face();
        let moves = (&old.channel, old.attendance) != (&new.channel, new.attendance);
        if moves && !self.payload.contains_key("face_to_face") && says_so {
            new.face_to_face = None;
        }
    }
}

impl PatchedDate {
    /// Applies the changes to the date of a fact.
    fn of(self, reads: Occurred) -> Result<Occurred, Vec<Refusal>> {
        let precision = self.precision.unwrap_or(reads.precision());
        let day = self.on.unwrap_or(reads.earliest());
        let occurred = Occurred::within(day, precision);
        if self.on.is_some() && self.precision.is_none() && occurred.earliest() != day {
            let message = format!(
                "only the {} of this fact is known: set the precision to DAY if it was on {day}",
                if precision == Precision::Year { "year" } else { "month" }
            );
            return Err(Refusal::new(RefusalCode::MissingValue, message).at("precision").alone());
        }
        if precision != Precision::Day && matches!(self.local_time, Patched::Becomes(_)) {
            let message = "only the month or year of this fact is known, so it cannot have a time: leave the time out";
            return Err(Refusal::new(RefusalCode::InvalidValue, message).at("local_time").alone());
        }
        Ok(occurred.at(match self.local_time {
            Patched::Stays => reads.local_time(),
            Patched::Cleared => None,
            Patched::Becomes(time) => Some(time),
        }))
    }
}

/// The fact with a patch applied.
fn read(fact: &Event, patch: &Map<String, Value>) -> Result<Event, DecodeError> {
    let mut payload = serde_json::from_str(fact.payload().get()).expect("a payload is JSON");
    merge(&mut payload, patch);
    Event::decode(fact.event_type().as_str(), fact.event_type().schema_version(), &payload.to_string())
}

/// Applies a patch to an object (RFC 7396).
fn merge(onto: &mut Value, patch: &Map<String, Value>) {
    if !onto.is_object() {
        *onto = Value::Object(Map::new());
    }
    let Value::Object(fields) = onto else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(fields.remove(name)),
            // A clear text replaces the sealed one as a whole.
            text if is_clear_text(text) => drop(fields.insert(name.clone(), text.clone())),
            Value::Object(inner) => merge(fields.entry(name.clone()).or_insert(Value::Null), inner),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
}

/// The paths of the fields that a patch clears, at most two fields deep: no payload is deeper.
fn cleared(patch: &Map<String, Value>) -> impl Iterator<Item = Vec<&str>> {
    patch.iter().flat_map(|(name, value)| match value {
        Value::Null => vec![vec![name.as_str()]],
        Value::Object(inner) => {
            let nulls = inner.iter().filter(|(_, value)| value.is_null());
            nulls.map(|(field, _)| vec![name.as_str(), field.as_str()]).collect()
        }
        _ => Vec::new(),
    })
}

/// The patch that only clears this field.
fn clearing(path: &[&str]) -> Map<String, Value> {
    let innermost = |value: Value, name: &&str| Value::Object(Map::from_iter([((*name).to_owned(), value)]));
    match path.iter().rev().fold(Value::Null, innermost) {
        Value::Object(whole) => whole,
        _ => Map::new(),
    }
}

fn id_of(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}
