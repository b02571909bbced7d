//! A correction as people send it: only what should read otherwise.
//!
//! Pure. What a patch leaves out stays as the fact has it, a null clears it, and the event records the whole result. It
//! is laid over the fact as it reads when the command is decided, so that of two corrections sent at once neither undoes
//! the other. Objects are merged and lists replaced, as RFC 7396 has it. It never decides whether the result may be so.

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

/// What should read otherwise of when a fact was so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatchedDate {
    /// The day.
    pub on: Option<NaiveDate>,
    /// How exactly it is known.
    pub precision: Option<Precision>,
    /// The time of that day.
    pub local_time: Patched<NaiveTime>,
}

/// A fact was recorded wrongly: this of it should read otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchFact {
    /// Whose fact.
    pub stream: StreamId,
    /// The original event.
    pub target: EventId,
    /// What should read otherwise of when it was so.
    pub occurred: PatchedDate,
    /// The type of fact that the sender takes it for; none where only its date should read otherwise.
    pub of: Option<EventType>,
    /// What should read otherwise of its payload.
    pub payload: Map<String, Value>,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// The fields of payloads that name other streams which a correction may change.
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
    /// The other streams that the patch itself names; those that stay the fact names.
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

    /// The login that the patch gives to a worker.
    pub fn login(&self) -> Option<&str> {
        self.payload.get("login").and_then(Value::as_str).filter(|_| self.of == Some(EventType::WorkerJoined))
    }

    /// The whole correction of a fact as it now reads.
    pub(super) fn of_fact(&self, fact: &Fact<'_>, contract: &Contract) -> Result<CorrectFact, Vec<Refusal>> {
        let occurred = self.occurred.of(fact.occurred)?;
        let mut replacement = self.replacement(fact.event)?;
        if let (Event::ContactLogged(old), Event::ContactLogged(new)) = (fact.event, &mut replacement) {
            self.follow_the_channel(old, new, (fact.occurred, contract));
        }
        let (stream, target, reason) = (self.stream, self.target, self.reason.clone());
        Ok(CorrectFact { stream, target, occurred, replacement, reason })
    }

    fn replacement(&self, fact: &Event) -> Result<Event, Vec<Refusal>> {
        let event_type = fact.event_type();
        if let Some(of) = self.of.filter(|of| *of != event_type) {
            let message = format!(
                "the fact is a {} and the replacement a {}: retract the one and record the other",
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
                    let message = "the fact always has this: leave it out to keep it, or give another value";
                    Refusal::new(RefusalCode::MissingValue, message).at(Path::from(path.join(".")).beneath("payload"))
                })
                .collect();
            if !needed.is_empty() {
                return needed;
            }
            let message = format!("the fact cannot read like this: {error}");
            Refusal::new(RefusalCode::InvalidValue, message).at("payload").alone()
        })
    }

    /// Whether a corrected contact is face to face follows what its channel and attendance say then, if it was what they
    /// said before: nobody said otherwise.
    fn follow_the_channel(&self, old: &ContactLogged, new: &mut ContactLogged, on: (Occurred, &Contract)) {
        let (occurred, contract) = on;
        let by_channel = contract.is_face_to_face(&old.channel, occurred.earliest());
        let says_so = (by_channel && !old.is_missed()) == old.is_face_to_face();
        let moves = (&old.channel, old.attendance) != (&new.channel, new.attendance);
        if moves && !self.payload.contains_key("face_to_face") && says_so {
            new.face_to_face = None;
        }
    }
}

impl PatchedDate {
    /// When the fact was so, of which this should read otherwise.
    fn of(self, reads: Occurred) -> Result<Occurred, Vec<Refusal>> {
        let precision = self.precision.unwrap_or(reads.precision());
        let day = self.on.unwrap_or(reads.earliest());
        let occurred = Occurred::within(day, precision);
        if self.on.is_some() && self.precision.is_none() && occurred.earliest() != day {
            let message = format!(
                "the day of this fact is known by its {} alone: write precision DAY if it was on {day}",
                if precision == Precision::Year { "year" } else { "month" }
            );
            return Err(Refusal::new(RefusalCode::MissingValue, message).at("precision").alone());
        }
        if precision != Precision::Day && matches!(self.local_time, Patched::Becomes(_)) {
            let message = "a time is of a day, and this is known by its month or year alone: leave the time out";
            return Err(Refusal::new(RefusalCode::InvalidValue, message).at("local_time").alone());
        }
        Ok(occurred.at(match self.local_time {
            Patched::Stays => reads.local_time(),
            Patched::Cleared => None,
            Patched::Becomes(time) => Some(time),
        }))
    }
}

/// The fact with a patch laid over it.
fn read(fact: &Event, patch: &Map<String, Value>) -> Result<Event, DecodeError> {
    let mut payload = serde_json::from_str(fact.payload().get()).expect("a payload is JSON");
    merge(&mut payload, patch);
    Event::decode(fact.event_type().as_str(), fact.event_type().schema_version(), &payload.to_string())
}

/// Lays a patch over an object: RFC 7396.
fn merge(onto: &mut Value, patch: &Map<String, Value>) {
    if !onto.is_object() {
        *onto = Value::Object(Map::new());
    }
    let Value::Object(fields) = onto else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(fields.remove(name)),
            Value::Object(inner) => merge(fields.entry(name.clone()).or_insert(Value::Null), inner),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
}

/// The ways to what a patch clears, at most two fields deep: no payload goes deeper.
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

/// The patch that clears this and nothing else.
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
