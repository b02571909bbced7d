//! Facts as a command would leave them: the one mechanism that judges whether the facts of a stream can be so together.
//!
//! Pure. New facts, corrections and retractions are all judged by what they would leave without ground. What the
//! ground is, the kind of stream says; this must never know one.

use crate::fact::Fact;
use crate::fact::History;
use crate::fact::envelope::{EventId, Occurred, Precision};
use crate::fact::event::Event;
use crate::fact::history::in_order;
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode};

/// A fact that stands without ground, and the refusal that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groundless {
    /// The fact.
    pub fact: DependentFact,
    /// Why it cannot be so beside the others.
    pub refusal: Refusal,
}

/// What a command would do to a history.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// Adds a fact.
    Record(Occurred, &'a Event),
    /// Makes a fact read otherwise.
    Correct(EventId, Occurred, &'a Event),
    /// Takes facts away.
    Retract(&'a [EventId]),
}

/// The id of a fact that has none yet.
const NEW: EventId = EventId(uuid::Uuid::nil());

/// A fact as it now reads, and who said so first and last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stated<'a> {
    /// Its original event.
    pub(crate) id: EventId,
    /// The version of the original event, which orders facts of a day.
    version: i64,
    /// The version of the event that gives the present reading: of facts that exclude each other, the one said last
    /// is the one to refuse.
    pub(crate) said: i64,
    /// When it was so.
    pub(crate) occurred: Occurred,
    /// What was so.
    pub(crate) event: &'a Event,
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
    /// The one of two facts that was said first, and the other.
    pub(crate) const fn in_turn_of_saying(self, other: Self) -> (Self, Self) {
        if self.said < other.said { (self, other) } else { (other, self) }
    }

    /// Whether this fact cannot have been so on or after the day of the other.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        self.occurred.latest() < other.occurred.earliest()
    }

    /// Whether this fact cannot have been so on or before the day of the other.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        other.is_before(self)
    }

    /// Its day, as a sentence shows it.
    pub(crate) fn day(&self) -> String {
        shown(self.occurred)
    }

    /// How a refusal names it.
    pub(crate) fn fact(&self) -> DependentFact {
        DependentFact { event_id: self.id, event_type: self.event.event_type(), occurred: self.occurred }
    }
}

/// Refuses a change that would leave a fact without ground: the fact that it states, or facts that are recorded.
/// `judge` gives the facts of a stream that stand without ground, in their order.
pub(crate) fn check(
    history: &History,
    change: Change<'_>,
    judge: impl Fn(&[Stated<'_>]) -> Vec<Groundless>,
) -> Result<(), Vec<Refusal>> {
    let facts: Vec<Stated<'_>> = history.facts().iter().map(Stated::from).collect();
    let before = judge(&facts);
    let known = |found: &Groundless| {
        before.iter().any(|old| old.fact.event_id == found.fact.event_id && old.refusal.code == found.refusal.code)
    };
    let mut found = judge(&changed(facts, history.version() + 1, change));
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

/// Those of these facts that `refusal` finds fault with, in their order.
pub(crate) fn judged<'a>(facts: &[Stated<'a>], refusal: impl Fn(&Stated<'a>) -> Option<Refusal>) -> Vec<Groundless> {
    let found = |fact: &Stated<'a>| refusal(fact).map(|refusal| Groundless { fact: fact.fact(), refusal });
    facts.iter().filter_map(found).collect()
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

/// When a fact was so, as a sentence shows it: a day, a month or a year.
pub(crate) fn shown(occurred: Occurred) -> String {
    let format = match occurred.precision() {
        Precision::Day => "%Y-%m-%d",
        Precision::Month => "%Y-%m",
        Precision::Year => "%Y",
    };
    occurred.earliest().format(format).to_string()
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
