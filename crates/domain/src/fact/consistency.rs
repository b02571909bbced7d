//! Checks whether the facts of a stream can be true together after a command.
//!
//! Pure. New facts, corrections and retractions are all checked by the facts that they would make invalid. Each kind of
//! stream supplies its own rules. This module knows none of them.

use crate::fact::Fact;
use crate::fact::History;
use crate::fact::envelope::{EventId, Occurred, Precision};
use crate::fact::event::Event;
use crate::fact::history::in_order;
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode};

/// An invalid fact, and the refusal that explains why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The fact.
    pub fact: DependentFact,
    /// Why it cannot be true with the other facts.
    pub refusal: Refusal,
}

/// The effect of a command on a history.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// Adds a fact.
    Record(Occurred, &'a Event),
    /// Changes a fact.
    Correct(EventId, Occurred, &'a Event),
    /// Removes facts.
    Retract(&'a [EventId]),
}

/// The id of a fact that is not recorded yet.
const NEW: EventId = EventId(uuid::Uuid::nil());

/// A fact with corrections applied, and the versions at which it was first recorded and last changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatedFact<'a> {
    /// The original event of the fact.
    pub(crate) id: EventId,
    /// The version of the original event. It orders the facts of one day.
    version: i64,
    /// The version of the event that gives the current values. Of facts that exclude each other, the one with the
    /// higher version is refused.
    pub(crate) latest_version: i64,
    /// The date of the fact.
    pub(crate) occurred: Occurred,
    /// The fact itself.
    pub(crate) event: &'a Event,
}

impl<'a> From<&Fact<'a>> for DatedFact<'a> {
    fn from(fact: &Fact<'a>) -> Self {
        Self {
            id: fact.original.event_id,
            version: fact.original.version,
            latest_version: fact.reading.version,
            occurred: fact.occurred,
            event: fact.event,
        }
    }
}

impl DatedFact<'_> {
    /// The two facts in the order in which they were recorded.
    pub(crate) const fn in_order_recorded(self, other: Self) -> (Self, Self) {
        if self.latest_version < other.latest_version { (self, other) } else { (other, self) }
    }

    /// Whether this fact is certainly before the day of the other.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        self.occurred.latest() < other.occurred.earliest()
    }

    /// Whether this fact is certainly after the day of the other.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        other.is_before(self)
    }

    /// The day of the fact, for messages.
    pub(crate) fn day(&self) -> String {
        shown(self.occurred)
    }

    /// How a refusal names the fact.
    pub(crate) fn fact(&self) -> DependentFact {
        DependentFact { event_id: self.id, event_type: self.event.event_type(), occurred: self.occurred }
    }
}

/// Refuses a change that would make a fact invalid: the fact that it records, or facts already recorded. `judge`
/// returns the invalid facts of a stream, in order.
pub(crate) fn check(
    history: &History,
    change: Change<'_>,
    judge: impl Fn(&[DatedFact<'_>]) -> Vec<Violation>,
) -> Result<(), Vec<Refusal>> {
    let facts: Vec<DatedFact<'_>> = history.facts().iter().map(DatedFact::from).collect();
    let before = judge(&facts);
    let known = |found: &Violation| {
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

/// The facts for which `refusal` returns a refusal, in order.
pub(crate) fn judged<'a>(
    facts: &[DatedFact<'a>],
    refusal: impl Fn(&DatedFact<'a>) -> Option<Refusal>,
) -> Vec<Violation> {
    let found = |fact: &DatedFact<'a>| refusal(fact).map(|refusal| Violation { fact: fact.fact(), refusal });
    facts.iter().filter_map(found).collect()
}

fn changed<'a>(mut facts: Vec<DatedFact<'a>>, next: i64, change: Change<'a>) -> Vec<DatedFact<'a>> {
    match change {
        Change::Record(occurred, event) => {
            facts.push(DatedFact { id: NEW, version: next, latest_version: next, occurred, event });
        }
        Change::Correct(target, occurred, event) => {
            for fact in facts.iter_mut().filter(|fact| fact.id == target) {
                *fact = DatedFact { latest_version: next, occurred, event, ..*fact };
            }
        }
        Change::Retract(targets) => facts.retain(|fact| !targets.contains(&fact.id)),
    }
    in_order(&mut facts, |fact| (fact.occurred, fact.version));
    facts
}

/// The date of a fact, for messages: a day, a month or a year.
pub(crate) fn shown(occurred: Occurred) -> String {
    let format = match occurred.precision() {
        Precision::Day => "%Y-%m-%d",
        Precision::Month => "%Y-%m",
        Precision::Year => "%Y",
    };
    occurred.earliest().format(format).to_string()
}

fn has_dependents(change: Change<'_>, first: &Violation, rest: &[Violation]) -> Refusal {
    let also = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    let remedy = match change {
        Change::Record(..) => "use another date, or correct or retract these facts first",
        Change::Correct(..) => "correct or retract these facts first",
        Change::Retract(_) => "retract these facts in the same command, or correct them first",
    };
    let message = format!(
        "{} of {}{also} would no longer be valid ({}): {remedy}",
        first.fact.event_type.as_str(),
        shown(first.fact.occurred),
        first.refusal.code,
    );
    Refusal::new(RefusalCode::FactHasDependents, message)
        .by("a change must not make other recorded facts invalid")
        .naming(std::iter::once(first).chain(rest).map(|found| found.fact))
}
