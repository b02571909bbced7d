//! Checks whether the facts of a case can be true together.
//!
//! Pure. It checks facts with corrections applied, each at its own date, no matter who recorded them or in which order.
//! New facts, corrections and retractions are all checked by the facts that they would make invalid. Single values are
//! checked by `command::validate`.

mod alternation;
mod doubles;
mod invariants;
mod refusals;

use std::collections::HashMap;

use crate::fact::History;
use crate::fact::consistency::{self, Change, DatedFact, Violation};
use crate::fact::envelope::{EventId, Occurred};
use crate::fact::event::{Attendance, ContactLogged, Event};
use crate::fact::refusal::{DependentFact, Refusal};
use crate::fact::tracked::{self, Lifecycle};
use crate::journey::rules::invariants::Invariants;

/// The invalid facts of this history, in order. A history whose events were all decided here has none.
pub fn violations(history: &History) -> Vec<Violation> {
    let facts: Vec<DatedFact<'_>> = history.facts().iter().map(DatedFact::from).collect();
    Invariants::of(&facts).judge()
}

/// Refuses a change that would make a fact invalid: the fact that it records, or one that is already recorded.
pub fn check(history: &History, change: Change<'_>) -> Result<(), Vec<Refusal>> {
    consistency::check(history, change, |facts| Invariants::of(facts).judge())
}

/// A contact or plan dated more than this many days before the referral raises a warning.
const LONG_BEFORE_DAYS: i64 = 28;

/// The warnings before this fact is recorded: work that a close would leave undone, and values that are probably
/// mistakes.
pub(crate) fn warnings(history: &History, occurred: Occurred, event: &Event) -> Vec<Refusal> {
    let left = left_undone(history, occurred, event);
    let late = planned_after_close(history, occurred, event);
    left.into_iter().chain(late).chain(doubts(history, None, occurred, event)).collect()
}

/// The values of a fact that are probably mistakes, whether the fact is recorded or corrected. `own` is the event of
/// the fact, if it is already recorded.
pub(crate) fn doubts(history: &History, own: Option<EventId>, occurred: Occurred, event: &Event) -> Vec<Refusal> {
    let (contradictory, ahead) = match event {
        Event::ContactLogged(contact) => {
            (refusals::contradictory(contact), before_appointment(history, occurred, contact))
        }
        _ => (None, None),
    };
    let early = matches!(event, Event::ContactLogged(_) | Event::PlanAgreed(_) | Event::PlanReviewed(_));
    let early = early.then(|| long_before_referral(history, occurred)).flatten();
    let again = doubles::of(history, own, occurred, event).map(refusals::recorded_already);
    contradictory.into_iter().chain(ahead).chain(early).chain(again).map(Refusal::as_warning).collect()
}

/// Warns about a contact that says an appointment was kept or missed before its scheduled day.
fn before_appointment(history: &History, occurred: Occurred, contact: &ContactLogged) -> Option<Refusal> {
    let id = contact.appointment?;
    let may_be_known_ahead = matches!(
        contact.attendance,
        Attendance::CancelledByClient | Attendance::CancelledByService | Attendance::NotOffered
    );
    let journey = history.journey();
    let booked =
        journey.appointments.iter().find(|one| one.details.appointment == id).filter(|_| !may_be_known_ahead)?;
    let scheduled_on = booked.slot(occurred.latest()).on;
    (occurred.latest() < scheduled_on).then(|| refusals::before_appointment(scheduled_on, refusals::booked(booked)))
}

/// Warns about an appointment or task planned after the close, on the day of the close: it lapses at once.
fn planned_after_close(history: &History, occurred: Occurred, event: &Event) -> Option<Refusal> {
    if !matches!(event, Event::AppointmentBooked(_) | Event::AppointmentMoved(_) | Event::TaskSet(_)) {
        return None;
    }
    let facts: Vec<DatedFact<'_>> = history.facts().iter().map(DatedFact::from).collect();
    let stretches = alternation::closes(&facts, &mut HashMap::new());
    let close = stretches.last().filter(|last| last.reopened.is_none())?.close;
    let times = occurred.local_time().zip(close.occurred.local_time());
    let is_earlier = times.is_some_and(|(this, closed)| this < closed);
    let is_that_day = close.occurred.latest() == occurred.earliest() && !is_earlier;
    is_that_day.then(|| refusals::planned_after_close(&close).as_warning())
}

/// Warns about open tasks and appointments of a case that is closed or transferred.
fn left_undone(history: &History, occurred: Occurred, event: &Event) -> Vec<Refusal> {
    if !matches!(event, Event::JourneyClosed(_) | Event::JourneyTransferred(_)) {
        return Vec::new();
    }
    let journey = history.journey_as_of(occurred.latest());
    let tasks: Vec<DependentFact> =
        journey.tasks.iter().filter(|task| task.is_open()).map(refusals::task_set).collect();
    let booked = journey.appointments.iter().filter(|appointment| appointment.is_open());
    let booked: Vec<DependentFact> = booked.map(refusals::booked).collect();
    let tasks = (!tasks.is_empty()).then(|| refusals::tasks_open(tasks));
    let booked = (!booked.is_empty()).then(|| refusals::appointments_open(booked));
    tasks.into_iter().chain(booked).map(Refusal::as_warning).collect()
}

fn long_before_referral(history: &History, occurred: Occurred) -> Option<Refusal> {
    let facts = history.facts();
    let referral = facts.iter().find(|fact| matches!(fact.event, Event::ReferralReceived(_)))?;
    let received = referral.occurred.earliest();
    let days = (received - occurred.latest()).num_days();
    (days > LONG_BEFORE_DAYS).then(|| refusals::long_before_referral(received, days))
}

/// Refuses a correction that would make a fact about something else. A referral keeps its subject. An item that other
/// facts name by id keeps its id.
pub(crate) fn same_thing(fact: &Event, replacement: &Event) -> Result<(), Vec<Refusal>> {
    if let (Event::ReferralReceived(old), Event::ReferralReceived(new)) = (fact, replacement) {
        return if old.subject == new.subject { Ok(()) } else { Err(refusals::another_subject().alone()) };
    }
    match (tracked::item_of(fact), tracked::item_of(replacement)) {
        (Some((old, Lifecycle::Begins)), Some((new, Lifecycle::Begins))) if old != new => {
            Err(refusals::another_thing(old.kind).alone())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
