//! The ground on which facts stand: the one mechanism that says whether facts can be true together.
//!
//! Pure. It judges facts as they now read, each at its own date, whoever recorded them and in whatever order. New
//! facts, corrections and retractions are all judged by what they would leave without ground. It never asks whether a
//! single value is well formed: that is the business of the shape checks.

use std::collections::HashMap;

use crate::journey::event::{Event, EventType, KEYWORKER, SpellEnded, WorkerAssigned};
use crate::journey::refusal::{DependentFact, Refusal, RefusalCode};
use crate::journey::{Fact, History, in_order};
use crate::log::envelope::{EventId, Occurred, Precision, SpellId};

/// A fact that stands without ground, and the refusal that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groundless {
    /// The fact.
    pub fact: DependentFact,
    /// Why it cannot be so beside the others.
    pub refusal: Refusal,
}

/// The facts of this history that stand without ground, in their order; none in any history that was decided here.
pub fn groundless(history: &History) -> Vec<Groundless> {
    Ground::of(&stated(history)).judge()
}

/// What a command would do to a history.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// Adds a fact.
    Record(Occurred, &'a Event),
    /// Makes a fact read otherwise.
    Correct(EventId, Occurred, &'a Event),
    /// Takes facts away.
    Retract(&'a [EventId]),
}

/// Refuses a change that would leave a fact without ground: the fact that it states, or facts that are recorded.
pub(crate) fn check(history: &History, change: Change<'_>) -> Result<(), Vec<Refusal>> {
    let facts = stated(history);
    let before = Ground::of(&facts).judge();
    let known = |found: &Groundless| {
        before.iter().any(|old| old.fact.event_id == found.fact.event_id && old.refusal.code == found.refusal.code)
    };
    let changed = changed(facts, history.version() + 1, change);
    let mut found = Ground::of(&changed).judge();
    found.retain(|found| !known(found));
    let subject = match change {
        Change::Record(..) => Some(NEW),
        Change::Correct(target, ..) => Some(target),
        Change::Retract(_) => None,
    };
    if let Some(own) = found.iter().find(|found| Some(found.fact.event_id) == subject) {
        return Err(own.refusal.clone().alone());
    }
    match found.as_slice() {
        [] => Ok(()),
        [first, rest @ ..] => Err(has_dependents(change, first, rest).alone()),
    }
}

/// The id of a fact that has none yet.
const NEW: EventId = EventId(uuid::Uuid::nil());

/// A fact as it now reads, and who said so first and last.
#[derive(Debug, Clone, Copy)]
struct Stated<'a> {
    id: EventId,
    /// The version of the original event, which orders facts of a day.
    version: i64,
    /// The version of the event that gives the present reading: of facts that exclude each other, the one said last
    /// is the one to refuse.
    said: i64,
    occurred: Occurred,
    event: &'a Event,
}

impl<'a> From<&Fact<'a>> for Stated<'a> {
    fn from(fact: &Fact<'a>) -> Self {
        Self {
            id: fact.original.event_id,
            version: fact.original.version,
            said: fact.reading.version,
            occurred: fact.occurred,
            event: fact.event,
        }
    }
}

impl Stated<'_> {
    fn fact(&self) -> DependentFact {
        DependentFact { event_id: self.id, event_type: self.event.event_type(), occurred: self.occurred }
    }

    /// Whether this fact cannot have been so on or after the day of the other.
    fn is_before(&self, other: &Self) -> bool {
        self.occurred.latest() < other.occurred.earliest()
    }

    /// Whether this fact cannot have been so on or before the day of the other.
    fn is_after(&self, other: &Self) -> bool {
        other.is_before(self)
    }

    fn day(&self) -> String {
        shown(self.occurred)
    }
}

fn stated(history: &History) -> Vec<Stated<'_>> {
    history.facts().iter().map(Stated::from).collect()
}

fn changed<'a>(mut facts: Vec<Stated<'a>>, next: i64, change: Change<'a>) -> Vec<Stated<'a>> {
    match change {
        Change::Record(occurred, event) => facts.push(Stated { id: NEW, version: next, said: next, occurred, event }),
        Change::Correct(target, occurred, event) => {
            for fact in facts.iter_mut().filter(|fact| fact.id == target) {
                *fact = Stated { said: next, occurred, event, ..*fact };
            }
        }
        Change::Retract(targets) => facts.retain(|fact| !targets.contains(&fact.id)),
    }
    in_order(&mut facts, |fact| (fact.occurred, fact.version));
    facts
}

/// What facts rest on: the few of which a journey has one.
struct Ground<'a> {
    facts: &'a [Stated<'a>],
    referral: Option<Stated<'a>>,
    accepted: Option<Stated<'a>>,
    declined: Option<Stated<'a>>,
    closed: Option<Stated<'a>>,
    started: HashMap<SpellId, Stated<'a>>,
    ended: HashMap<SpellId, Stated<'a>>,
    repeated: HashMap<EventId, Stated<'a>>,
}

impl<'a> Ground<'a> {
    fn of(facts: &'a [Stated<'a>]) -> Self {
        let first = |of: EventType| {
            facts.iter().filter(|fact| fact.event.event_type() == of).min_by_key(|fact| fact.said).copied()
        };
        let mut ground = Self {
            facts,
            referral: first(EventType::ReferralReceived),
            accepted: first(EventType::ReferralAccepted),
            declined: first(EventType::ReferralDeclined),
            closed: first(EventType::JourneyClosed),
            started: HashMap::new(),
            ended: HashMap::new(),
            repeated: repeated_assignments(facts),
        };
        for fact in facts {
            match fact.event {
                Event::SpellStarted(start) => keep_first(&mut ground.started, start.spell, fact),
                Event::SpellEnded(end) => keep_first(&mut ground.ended, end.spell, fact),
                _ => {}
            }
        }
        ground
    }

    fn judge(&self) -> Vec<Groundless> {
        let found = |fact: &Stated<'a>| self.refusal(fact).map(|refusal| Groundless { fact: fact.fact(), refusal });
        self.facts.iter().filter_map(found).collect()
    }

    /// Why this fact cannot be so beside the others, if it cannot.
    fn refusal(&self, fact: &Stated<'a>) -> Option<Refusal> {
        let Some(referral) = &self.referral else { return Some(not_referred()) };
        let own = match fact.event {
            Event::ReferralReceived(_) if referral.id != fact.id => Some(already_referred(referral)),
            Event::ReferralReceived(_) => return None,
            Event::ReferralAccepted(_) => self.acceptance(fact, referral),
            Event::ReferralDeclined(_) => self.decline(fact, referral),
            Event::WorkerAssigned(assigned) => {
                before_referral(fact, referral).or_else(|| self.assignment(fact, assigned))
            }
            Event::SpellStarted(start) => {
                self.started.get(&start.spell).filter(|other| other.id != fact.id).map(spell_exists)
            }
            Event::SpellEnded(end) => self.end_of_spell(fact, end),
            Event::Disengaged(_) => before_referral(fact, referral),
            Event::JourneyClosed(_) => self.close(fact, referral),
            _ => None,
        };
        own.or_else(|| self.after_decline(fact)).or_else(|| self.after_close(fact))
    }

    fn acceptance(&self, fact: &Stated<'a>, referral: &Stated<'a>) -> Option<Refusal> {
        if let Some(accepted) = self.accepted.filter(|accepted| accepted.id != fact.id) {
            return Some(already_accepted(&accepted));
        }
        if let Some(declined) = self.declined.filter(|declined| declined.said < fact.said) {
            return Some(referral_declined(&declined));
        }
        before_referral(fact, referral)
    }

    fn decline(&self, fact: &Stated<'a>, referral: &Stated<'a>) -> Option<Refusal> {
        if let Some(declined) = self.declined.filter(|declined| declined.id != fact.id) {
            return Some(referral_declined(&declined));
        }
        if let Some(accepted) = self.accepted.filter(|accepted| accepted.said < fact.said) {
            return Some(already_accepted(&accepted));
        }
        if let Some(closed) = self.closed.filter(|closed| closed.said < fact.said) {
            return Some(already_closed(&closed));
        }
        before_referral(fact, referral)
    }

    fn close(&self, fact: &Stated<'a>, referral: &Stated<'a>) -> Option<Refusal> {
        if let Some(closed) = self.closed.filter(|closed| closed.id != fact.id) {
            return Some(already_closed(&closed));
        }
        if let Some(declined) = self.declined.filter(|declined| declined.said < fact.said) {
            return Some(referral_declined(&declined));
        }
        before_referral(fact, referral)
    }

    fn assignment(&self, fact: &Stated<'a>, assigned: &WorkerAssigned) -> Option<Refusal> {
        self.repeated.get(&fact.id).map(|held| already_assigned(held, &assigned.role))
    }

    fn end_of_spell(&self, fact: &Stated<'a>, end: &SpellEnded) -> Option<Refusal> {
        let Some(start) = self.started.get(&end.spell) else { return Some(self.spell_not_found()) };
        if let Some(other) = self.ended.get(&end.spell).filter(|other| other.id != fact.id) {
            return Some(spell_already_ended(other));
        }
        let ends_earlier_that_day = fact.occurred.earliest() == start.occurred.earliest()
            && fact.occurred.local_time().zip(start.occurred.local_time()).is_some_and(|(end, start)| end < start);
        (fact.is_before(start) || ends_earlier_that_day).then(|| ended_before_start(start))
    }

    /// Nothing follows a decline.
    fn after_decline(&self, fact: &Stated<'a>) -> Option<Refusal> {
        let declined = self.declined.filter(|declined| declined.id != fact.id && fact.is_after(declined))?;
        Some(referral_declined(&declined))
    }

    /// Spells may follow the close; of what this build records, nothing else may.
    fn after_close(&self, fact: &Stated<'a>) -> Option<Refusal> {
        if matches!(fact.event, Event::SpellStarted(_) | Event::SpellEnded(_)) {
            return None;
        }
        let closed = self.closed.filter(|closed| closed.id != fact.id && fact.is_after(closed))?;
        Some(journey_closed(&closed))
    }

    fn spell_not_found(&self) -> Refusal {
        let open = self.started.keys().filter(|spell| !self.ended.contains_key(spell));
        let mut open: Vec<String> = open.map(ToString::to_string).collect();
        open.sort();
        let message = "this journey has no spell of this id: start it first, or name one of its open spells";
        Refusal::new(RefusalCode::SpellNotFound, message).at("spell").allowing(open)
    }
}

fn keep_first<'a>(spells: &mut HashMap<SpellId, Stated<'a>>, spell: SpellId, fact: &Stated<'a>) {
    let kept = spells.entry(spell).or_insert(*fact);
    if fact.said < kept.said {
        *kept = *fact;
    }
}

/// The assignments that say what another one says already, each with that other one: of a keyworker who holds the
/// case, of any other role that the worker holds beside the rest. Of the two, the one said last is named.
fn repeated_assignments<'a>(facts: &[Stated<'a>]) -> HashMap<EventId, Stated<'a>> {
    let mut holders: HashMap<&str, Vec<(&WorkerAssigned, Stated<'a>)>> = HashMap::new();
    let mut repeated = HashMap::new();
    for fact in facts {
        let Event::WorkerAssigned(assigned) = fact.event else { continue };
        let held = holders.entry(&assigned.role).or_default();
        if let Some((_, holder)) = held.iter().find(|(holder, _)| holder.worker == assigned.worker) {
            let (earlier, later) = if holder.said < fact.said { (holder, fact) } else { (fact, holder) };
            repeated.insert(later.id, *earlier);
        }
        if assigned.role == KEYWORKER {
            held.clear();
        }
        held.push((assigned, *fact));
    }
    repeated
}

/// When a fact was so, as a sentence shows it: a day, a month or a year.
fn shown(occurred: Occurred) -> String {
    let format = match occurred.precision() {
        Precision::Day => "%Y-%m-%d",
        Precision::Month => "%Y-%m",
        Precision::Year => "%Y",
    };
    occurred.earliest().format(format).to_string()
}

fn not_referred() -> Refusal {
    let message = "the journey has no referral that stands: receive the referral first";
    Refusal::new(RefusalCode::NotReferred, message).by("domain §4: every fact of a journey needs its referral")
}

fn already_referred(referral: &Stated<'_>) -> Refusal {
    let message = format!(
        "the referral was received on {}: correct that fact, or begin another journey for another episode",
        referral.day()
    );
    Refusal::new(RefusalCode::AlreadyReferred, message)
        .by("domain §3: a journey is one referral episode")
        .naming([referral.fact()])
}

fn before_referral(fact: &Stated<'_>, referral: &Stated<'_>) -> Option<Refusal> {
    fact.is_before(referral).then(|| {
        let message = format!(
            "the referral was received on {}: date this on or after that day, or correct the referral first",
            referral.day()
        );
        Refusal::new(RefusalCode::BeforeReferral, message)
            .at("occurred_on")
            .by("domain §4: the service acts on a referral once it is received")
            .naming([referral.fact()])
    })
}

fn already_accepted(accepted: &Stated<'_>) -> Refusal {
    let message =
        format!("the referral was accepted on {}: correct or retract that fact if it was not so", accepted.day());
    Refusal::new(RefusalCode::AlreadyAccepted, message)
        .by("domain §4: a referral is accepted or declined, once")
        .naming([accepted.fact()])
}

fn referral_declined(declined: &Stated<'_>) -> Refusal {
    let message = format!(
        "the referral was declined on {}: retract the decline if it was not so, or begin another journey",
        declined.day()
    );
    Refusal::new(RefusalCode::ReferralDeclined, message)
        .by("domain §4: nothing follows a decline")
        .naming([declined.fact()])
}

fn already_closed(closed: &Stated<'_>) -> Refusal {
    let message = format!("the journey was closed on {}: correct or retract the close if it was not so", closed.day());
    Refusal::new(RefusalCode::AlreadyClosed, message).by("domain §4: a journey is closed once").naming([closed.fact()])
}

fn journey_closed(closed: &Stated<'_>) -> Refusal {
    let message =
        format!("the journey was closed on {}: date this on or before that day, or correct the close", closed.day());
    Refusal::new(RefusalCode::JourneyClosed, message)
        .at("occurred_on")
        .by("domain §4: closing ends the caseload; spells may follow, other facts may not")
        .naming([closed.fact()])
}

fn already_assigned(held: &Stated<'_>, role: &str) -> Refusal {
    let message =
        format!("the worker holds the case as {role} from {}: correct that fact if the day was another", held.day());
    Refusal::new(RefusalCode::AlreadyAssigned, message).at("worker").naming([held.fact()])
}

fn spell_exists(start: &Stated<'_>) -> Refusal {
    let message =
        format!("a spell of this id started on {}: give a new spell a new id, or correct that fact", start.day());
    Refusal::new(RefusalCode::SpellExists, message).at("spell").naming([start.fact()])
}

fn spell_already_ended(end: &Stated<'_>) -> Refusal {
    let message = format!("the spell ended on {}: correct or retract that end if it was not so", end.day());
    Refusal::new(RefusalCode::SpellAlreadyEnded, message).at("spell").naming([end.fact()])
}

fn ended_before_start(start: &Stated<'_>) -> Refusal {
    let message =
        format!("the spell started on {}: date its end on or after that day, or correct the start first", start.day());
    Refusal::new(RefusalCode::EndedBeforeStart, message)
        .at("occurred_on")
        .by("domain §6: spells are half-open, an end is the first day on which the spell no longer held")
        .naming([start.fact()])
}

fn has_dependents(change: Change<'_>, first: &Groundless, rest: &[Groundless]) -> Refusal {
    let also = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    let remedy = match change {
        Change::Record(..) => "choose another date, or correct or retract these facts first",
        Change::Correct(..) => "correct or retract these facts first",
        Change::Retract(_) => "retract these facts in the same command, or correct them first",
    };
    let message = format!(
        "{} of {}{also} would be left without ground ({}): {remedy}",
        first.fact.event_type.as_str(),
        shown(first.fact.occurred),
        first.refusal.code,
    );
    Refusal::new(RefusalCode::FactHasDependents, message)
        .by("domain §4: what would leave later facts without ground is refused")
        .naming(std::iter::once(first).chain(rest).map(|found| found.fact))
}

#[cfg(test)]
mod tests;
