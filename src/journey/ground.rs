//! The ground on which facts stand: the one mechanism that says whether facts can be true together.
//!
//! Pure. It judges facts as they now read, each at its own date, whoever recorded them and in whatever order. New
//! facts, corrections and retractions are all judged by what they would leave without ground. It never asks whether a
//! single value is well formed: that is the business of the shape checks.

mod because;
mod footing;
mod turns;

use self::footing::Footing;
use crate::journey::History;
use crate::journey::event::Event;
use crate::journey::refusal::{DependentFact, Refusal};
use crate::journey::stated::{self, Stated};
use crate::journey::thing::{self, Part};
use crate::log::envelope::{EventId, Occurred};

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
    let facts: Vec<Stated<'_>> = history.facts().iter().map(Stated::from).collect();
    Footing::of(&facts).judge()
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
    stated::check(history, change, |facts| Footing::of(facts).judge())
}

/// What somebody should look at twice before this fact is recorded.
///
/// A case that is closed or transferred leaves nobody to do what is still to be done.
pub(crate) fn warnings(history: &History, occurred: Occurred, event: &Event) -> Vec<Refusal> {
    if !matches!(event, Event::JourneyClosed(_) | Event::JourneyTransferred(_)) {
        return Vec::new();
    }
    let journey = history.journey_as_of(occurred.latest());
    let open: Vec<DependentFact> = journey.tasks.iter().filter(|task| task.is_open()).map(because::task_set).collect();
    if open.is_empty() { Vec::new() } else { because::tasks_open(open).as_warning().alone() }
}

/// Refuses a correction that would make a fact speak of something else: a referral keeps its subject, and what others
/// name by its id keeps that id.
pub(crate) fn same_thing(fact: &Event, replacement: &Event) -> Result<(), Vec<Refusal>> {
    if let (Event::ReferralReceived(old), Event::ReferralReceived(new)) = (fact, replacement) {
        return if old.subject == new.subject { Ok(()) } else { Err(because::another_subject().alone()) };
    }
    match (thing::told_by(fact), thing::told_by(replacement)) {
        (Some((old, Part::Begins)), Some((new, Part::Begins))) if old != new => {
            Err(because::another_thing(old.kind).alone())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
