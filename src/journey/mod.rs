//! One client's journey from referral to what lasted: how its facts combine.
//!
//! Pure: no SQL, HTTP, GraphQL, clock or randomness. `evolve` never fails; what may be recorded is decided in
//! [`command`].

pub mod command;
pub mod event;
pub mod ground;
pub mod people;
pub mod personal;
pub mod refusal;
pub(crate) mod shape;
pub(crate) mod stated;
#[cfg(test)]
pub(crate) mod story;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::log::envelope::{Actor, Envelope, EventId, Occurred, Position, SpellId, SubjectId, WorkerId};
use event::{
    ContactLogged, ContactWith, DecodeError, Event, EventType, FactCorrected, KEYWORKER, ReferralReceived, SpellStarted,
};

/// One recorded event of a stream, decoded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its own id.
    pub event_id: EventId,
    /// Its place in the log.
    pub position: Position,
    /// Its place in the stream.
    pub version: i64,
    /// The code of the contract that it belongs to.
    pub contract: Option<String>,
    /// When the log took it.
    pub recorded_at: DateTime<Utc>,
    /// Who recorded it.
    pub actor: Actor,
    /// When it was so.
    pub occurred: Occurred,
    /// What was so.
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
}

/// A fact as it now reads: the original event with its last correction applied.
#[derive(Debug, Clone, Copy)]
pub struct Fact<'a> {
    /// The original event.
    pub original: &'a Recorded,
    /// The event that gives the present reading: the original or its last correction.
    pub reading: &'a Recorded,
    /// When it was so.
    pub occurred: Occurred,
    /// What was so.
    pub event: &'a Event,
}

/// Everything recorded in one stream, of whatever kind, in order, with corrections resolved as they come.
#[derive(Debug, Clone, Default)]
pub struct History {
    events: Vec<Recorded>,
    amendments: HashMap<EventId, Amendment>,
}

/// What is known about a fact beyond its original event.
#[derive(Debug, Clone)]
enum Amendment {
    Corrected { by: usize, occurred: Occurred, event: Box<Event> },
    Retracted { by: usize },
}

impl History {
    /// The history that these events make.
    pub fn of(events: impl IntoIterator<Item = Recorded>) -> Self {
        let mut history = Self::default();
        for event in events {
            history.evolve(event);
        }
        history
    }

    /// Takes the next event of the stream. Never fails: a correction that cannot be read leaves its target as it was.
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

    /// Every event, in the order of the stream.
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// The code of the contract that the stream belongs to; none where it belongs to the deployment.
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

    /// The event of this id.
    pub fn event(&self, id: EventId) -> Option<&Recorded> {
        self.events.iter().find(|event| event.event_id == id)
    }

    /// Which event corrected or retracted this one last, if any did.
    pub fn amended_by(&self, id: EventId) -> Option<&Recorded> {
        self.amendments.get(&id).map(|amendment| match amendment {
            Amendment::Corrected { by, .. } | Amendment::Retracted { by } => &self.events[*by],
        })
    }

    /// Whether this event was retracted.
    pub fn is_retracted(&self, id: EventId) -> bool {
        matches!(self.amendments.get(&id), Some(Amendment::Retracted { .. }))
    }

    /// The fact that this event recorded, as it now reads; none where it was retracted or is itself said of another fact.
    pub fn fact(&self, id: EventId) -> Option<Fact<'_>> {
        self.event(id).and_then(|original| self.reading_of(original))
    }

    /// The facts as they now read, ordered by day, local time where both have one, and the original's version.
    pub fn facts(&self) -> Vec<Fact<'_>> {
        let mut facts: Vec<Fact<'_>> = self.events.iter().filter_map(|original| self.reading_of(original)).collect();
        in_order(&mut facts, |fact| (fact.occurred, fact.original.version));
        facts
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

    /// The journey as these facts tell it, all of them.
    pub fn journey(&self) -> Journey {
        Journey::fold(&self.facts())
    }

    /// The journey at the end of this day: the fold of the facts that were so by then.
    pub fn journey_as_of(&self, day: NaiveDate) -> Journey {
        let facts: Vec<Fact<'_>> = self.facts().into_iter().filter(|fact| fact.occurred.earliest() <= day).collect();
        Journey::fold(&facts)
    }
}

/// Orders facts by day; within a day by version, with timed facts in the order of their times. `stands` says when a
/// fact was so and the version of its original event.
///
/// "Local time where both have one" alone is no order (an untimed fact may stand between two timed ones that run
/// backwards), so each untimed fact keeps the place that its version gives it and the timed ones are sorted among the
/// places that they hold.
fn in_order<T: Copy>(facts: &mut [T], stands: impl Fn(&T) -> (Occurred, i64)) {
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
    /// When the corrected fact was so.
    pub fn occurred(&self) -> Occurred {
        Occurred::within(self.occurred_on, self.precision).at(self.local_time)
    }

    /// The replacement as an event of the target's type.
    pub fn replacement(&self, of: EventType) -> Result<Event, DecodeError> {
        Event::decode(of.as_str(), self.schema_version, &self.payload.to_string())
    }
}

/// A journey at some point of view: what its facts, folded in order, amount to.
#[derive(Debug, Clone, Default)]
pub struct Journey {
    /// The referral, if it stands.
    pub referral: Option<(Occurred, ReferralReceived)>,
    /// When the service took the client on.
    pub accepted: Option<Occurred>,
    /// When and why it did not.
    pub declined: Option<(Occurred, String)>,
    /// Who held the case in which role, in order.
    pub assignments: Vec<Assignment>,
    /// Every contact and attempt, in order.
    pub contacts: Vec<Contact>,
    /// Every plan, in order.
    pub plans: Vec<Plan>,
    /// Every spell, in order of start.
    pub spells: Vec<Spell>,
    /// Every dated mark of disengagement, in order.
    pub disengagements: Vec<Exit>,
    /// The close, if the case is closed.
    pub closed: Option<Exit>,
    /// Ends that stand before the start of their spell, as one of a whole month may.
    early_ends: HashMap<SpellId, (Occurred, Option<String>)>,
}

/// A worker held the case over a stretch of days: `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Who.
    pub worker: WorkerId,
    /// In which role.
    pub role: String,
    /// The first day.
    pub from: NaiveDate,
    /// The first day no longer, if it ended.
    pub to: Option<NaiveDate>,
}

/// One contact or attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The event that recorded it first.
    pub event_id: EventId,
    /// When it was.
    pub occurred: Occurred,
    /// What is known of it.
    pub details: ContactLogged,
}

impl ContactLogged {
    /// Whether the contact was made: attended, or both sides spoke and no appointment was missed (domain.md §7).
    pub const fn is_made(&self) -> bool {
        use event::Attendance;
        match self.attendance {
            Attendance::Attended => true,
            Attendance::None => self.two_way,
            Attendance::DidNotAttend
            | Attendance::CancelledByClient
            | Attendance::CancelledByService
            | Attendance::NotOffered => false,
        }
    }

    /// Whether the contact was with one of these.
    pub fn is_with(&self, kinds: &[ContactWith]) -> bool {
        kinds.contains(&self.with)
    }
}

/// A plan that was agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The event that recorded it first.
    pub event_id: EventId,
    /// When it was agreed.
    pub occurred: Occurred,
    /// The kind, a code of the rulebook.
    pub kind: String,
}

/// A job, home, placement or course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// The event that recorded its start first.
    pub event_id: EventId,
    /// When it began.
    pub started: Occurred,
    /// What is known of it.
    pub details: SpellStarted,
    /// When it no longer held, and why, if it ended.
    pub ended: Option<(Occurred, Option<String>)>,
}

/// The case left the caseload, or the client the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The event that recorded it first.
    pub event_id: EventId,
    /// When.
    pub occurred: Occurred,
    /// Why, a code of the rulebook.
    pub reason: String,
}

impl Journey {
    /// Folds facts that stand in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut journey = Self::default();
        for fact in facts {
            journey.apply(fact);
        }
        journey
    }

    /// Takes the next fact. Of those that a journey has only once the first stands, whatever a restored log may hold,
    /// so that what a past day shows never depends on a later fact.
    pub fn apply(&mut self, fact: &Fact<'_>) {
        let occurred = fact.occurred;
        let event_id = fact.original.event_id;
        let exit = |reason: &String| Exit { event_id, occurred, reason: reason.clone() };
        match fact.event {
            Event::ReferralReceived(referral) => {
                self.referral.get_or_insert_with(|| (occurred, referral.clone()));
            }
            Event::ReferralAccepted(_) => {
                self.accepted.get_or_insert(occurred);
            }
            Event::ReferralDeclined(declined) => {
                self.declined.get_or_insert_with(|| (occurred, declined.reason.clone()));
            }
            Event::WorkerAssigned(assigned) => self.assign(assigned.worker, &assigned.role, occurred.earliest()),
            Event::ContactLogged(details) => {
                self.contacts.push(Contact { event_id, occurred, details: details.clone() });
            }
            Event::PlanAgreed(plan) => self.plans.push(Plan { event_id, occurred, kind: plan.kind.clone() }),
            Event::SpellStarted(details) => {
                let ended = self.early_ends.remove(&details.spell);
                self.spells.push(Spell { event_id, started: occurred, details: details.clone(), ended });
            }
            Event::SpellEnded(end) => self.end_spell(end.spell, occurred, end.reason.clone()),
            Event::Disengaged(mark) => self.disengagements.push(exit(&mark.reason)),
            Event::JourneyClosed(close) => {
                self.closed.get_or_insert_with(|| exit(&close.reason));
            }
            _ => {}
        }
    }

    /// A new keyworker releases the former that day; other roles stand side by side.
    fn assign(&mut self, worker: WorkerId, role: &str, from: NaiveDate) {
        if role == KEYWORKER {
            for held in self.assignments.iter_mut().filter(|held| held.role == KEYWORKER && held.to.is_none()) {
                held.to = Some(from);
            }
        }
        self.assignments.push(Assignment { worker, role: role.to_owned(), from, to: None });
    }

    fn end_spell(&mut self, spell: SpellId, at: Occurred, reason: Option<String>) {
        let open = |known: &&mut Spell| known.details.spell == spell && known.ended.is_none();
        match self.spells.iter_mut().find(open) {
            Some(spell) => spell.ended = Some((at, reason)),
            None => {
                self.early_ends.insert(spell, (at, reason));
            }
        }
    }

    /// The keyworker who holds the case now, as these facts tell it.
    pub fn keyworker(&self) -> Option<WorkerId> {
        let mut held = self.assignments.iter().rev().filter(|held| held.role == KEYWORKER && held.to.is_none());
        held.next().map(|held| held.worker)
    }

    /// Who was referred.
    pub fn subject(&self) -> Option<SubjectId> {
        self.referral.as_ref().map(|(_, referral)| referral.subject)
    }

    /// Whether the case is on the caseload: accepted and not closed.
    pub const fn is_on_caseload(&self) -> bool {
        self.referral.is_some() && self.accepted.is_some() && self.closed.is_none()
    }
}

#[cfg(test)]
mod tests;
