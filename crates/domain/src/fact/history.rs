//! The history of one stream: its events in order, with corrections and retractions resolved.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::fact::envelope::{Actor, Envelope, EventId, Occurred, Position, Record};
use crate::fact::event::{DecodeError, Event, EventType, FactCorrected};

/// One recorded event of a stream, decoded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The id of the event.
    pub event_id: EventId,
    /// The position of the event in the log.
    pub position: Position,
    /// The version of the event in its stream.
    pub version: i64,
    /// The code of the contract that the event belongs to.
    pub contract: Option<String>,
    /// When the log recorded the event.
    pub recorded_at: DateTime<Utc>,
    /// Who recorded the event.
    pub actor: Actor,
    /// The date of the fact.
    pub occurred: Occurred,
    /// The fact.
    pub event: Event,
}

impl Recorded {
    /// Decodes an envelope.
    pub fn decode(envelope: &Envelope) -> Result<Self, DecodeError> {
        Ok(Self {
            event_id: envelope.event_id,
            position: envelope.position,
            version: envelope.version,
            contract: envelope.contract.clone(),
            recorded_at: envelope.recorded_at,
            actor: envelope.actor.clone(),
            occurred: envelope.occurred,
            event: Event::decode(&envelope.event_type, envelope.schema_version, envelope.payload.get())?,
        })
    }

    /// Decodes a record that is not used afterwards.
    pub fn decode_once(record: Record<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            event: Event::decode(&record.event_type, record.schema_version, record.payload.get())?,
            occurred: record.occurred(),
            event_id: record.event_id,
            position: record.position,
            version: record.version,
            contract: record.contract.map(Cow::into_owned),
            recorded_at: record.recorded_at,
            actor: record.actor.into_owned(),
        })
    }
}

/// A fact with its last correction applied.
#[derive(Debug, Clone, Copy)]
pub struct Fact<'a> {
    /// The original event.
    pub original: &'a Recorded,
    /// The event that gives the current values: the original or its last correction.
    pub reading: &'a Recorded,
    /// The date of the fact.
    pub occurred: Occurred,
    /// The fact.
    pub event: &'a Event,
}

/// A fact with its date and original event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    /// The event that first recorded it.
    pub event_id: EventId,
    /// When it was so.
    pub occurred: Occurred,
    /// The fact.
    pub details: T,
}

impl<T: Clone> Entry<T> {
    /// The entry of a fact with these details.
    pub(crate) fn of(fact: &Fact<'_>, details: &T) -> Self {
        Self { event_id: fact.original.event_id, occurred: fact.occurred, details: details.clone() }
    }
}

/// All events of one stream, of any kind, in order, with corrections applied as they arrive.
#[derive(Debug, Clone, Default)]
pub struct History {
    events: Vec<Recorded>,
    amendments: HashMap<EventId, Amendment>,
}

/// A correction or retraction of a fact.
#[derive(Debug, Clone)]
enum Amendment {
    Corrected { by: usize, occurred: Occurred, event: Box<Event> },
    Retracted { by: usize },
}

impl History {
    /// Builds the history from these events.
    pub fn of(events: impl IntoIterator<Item = Recorded>) -> Self {
        let mut history = Self::default();
        for event in events {
            history.evolve(event);
        }
        history
    }

    /// Adds the next event of the stream. Never fails: a correction that cannot be read leaves its target unchanged.
    pub fn evolve(&mut self, recorded: Recorded) {
        let by = self.events.len();
        match &recorded.event {
            Event::FactCorrected(correction) => self.correct(by, correction),
            Event::FactRetracted(retraction) => {
                self.amendments.insert(retraction.target, Amendment::Retracted { by });
            }
            _ => {}
        }
        self.events.push(recorded);
    }

    fn correct(&mut self, by: usize, correction: &FactCorrected) {
        let Some(target) = self.events.iter().find(|event| event.event_id == correction.target) else { return };
        if matches!(self.amendments.get(&correction.target), Some(Amendment::Retracted { .. })) {
            return;
        }
        if let Ok(event) = correction.replacement(target.event.event_type()) {
            let amendment = Amendment::Corrected { by, occurred: correction.occurred(), event: Box::new(event) };
            self.amendments.insert(correction.target, amendment);
        }
    }

    /// All events, in the order of the stream.
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// The code of the contract that the stream belongs to. None if it belongs to the deployment.
    pub fn contract(&self) -> Option<&str> {
        self.events.first().and_then(|event| event.contract.as_deref())
    }

    /// The stream's version: the number of its events.
    pub fn version(&self) -> i64 {
        self.events.last().map_or(0, |event| event.version)
    }

    /// The log position of the newest event.
    pub fn position(&self) -> Position {
        self.events.last().map_or(Position::default(), |event| event.position)
    }

    /// The event with this id.
    pub fn event(&self, id: EventId) -> Option<&Recorded> {
        self.events.iter().find(|event| event.event_id == id)
    }

    /// The event that last corrected or retracted this one, if there is one.
    pub fn amended_by(&self, id: EventId) -> Option<&Recorded> {
        self.amendments.get(&id).map(|amendment| match amendment {
            Amendment::Corrected { by, .. } | Amendment::Retracted { by } => &self.events[*by],
        })
    }

    /// Whether this event was retracted.
    pub fn is_retracted(&self, id: EventId) -> bool {
        matches!(self.amendments.get(&id), Some(Amendment::Retracted { .. }))
    }

    /// The fact that this event recorded, with corrections applied. None if it was retracted, or if the event is itself
    /// a correction or retraction.
    pub fn fact(&self, id: EventId) -> Option<Fact<'_>> {
        self.event(id).and_then(|original| self.reading_of(original))
    }

    /// The facts with corrections applied, ordered by day, by local time where both have one, and by the version of the
    /// original event.
    pub fn facts(&self) -> Vec<Fact<'_>> {
        let mut facts: Vec<Fact<'_>> = self.events.iter().filter_map(|original| self.reading_of(original)).collect();
        in_order(&mut facts, |fact| (fact.occurred, fact.original.version));
        facts
    }

    /// The facts dated up to the end of this day.
    pub fn facts_as_of(&self, day: NaiveDate) -> Vec<Fact<'_>> {
        self.facts().into_iter().filter(|fact| fact.occurred.earliest() <= day).collect()
    }

    fn reading_of<'a>(&'a self, original: &'a Recorded) -> Option<Fact<'a>> {
        if matches!(original.event, Event::FactCorrected(_) | Event::FactRetracted(_)) {
            return None;
        }
        match self.amendments.get(&original.event_id).filter(|_| original.event.event_type().is_correctable()) {
            None => Some(Fact { original, reading: original, occurred: original.occurred, event: &original.event }),
            Some(Amendment::Corrected { by, occurred, event }) => {
                Some(Fact { original, reading: &self.events[*by], occurred: *occurred, event })
            }
            Some(Amendment::Retracted { .. }) => None,
        }
    }
}

/// Orders facts by day. Within a day they keep the order of their versions, and timed facts are sorted by time.
/// `stands` returns the date of a fact and the version of its original event.
///
/// "Local time where both have one" alone is not an order: an untimed fact may lie between two timed facts that run
/// backwards. So each untimed fact keeps the place that its version gives it, and the timed facts are sorted among the
/// places that they hold.
pub(crate) fn in_order<T: Copy>(facts: &mut [T], stands: impl Fn(&T) -> (Occurred, i64)) {
    let day = |fact: &T| stands(fact).0.earliest();
    let time = |fact: &T| stands(fact).0.local_time();
    let version = |fact: &T| stands(fact).1;
    facts.sort_by_key(|fact| (day(fact), version(fact)));
    for same_day in facts.chunk_by_mut(|a, b| day(a) == day(b)) {
        let timed: Vec<usize> = (0..same_day.len()).filter(|at| time(&same_day[*at]).is_some()).collect();
        let mut by_time: Vec<T> = timed.iter().map(|at| same_day[*at]).collect();
        by_time.sort_by_key(|fact| (time(fact), version(fact)));
        for (at, fact) in timed.into_iter().zip(by_time) {
            same_day[at] = fact;
        }
    }
}

impl FactCorrected {
    /// The date of the corrected fact.
    pub fn occurred(&self) -> Occurred {
        Occurred::within(self.occurred_on, self.precision).at(self.local_time)
    }

    /// The replacement as an event of the target's type.
    pub fn replacement(&self, of: EventType) -> Result<Event, DecodeError> {
        Event::decode(of.as_str(), self.schema_version, &self.payload.to_string())
    }
}
