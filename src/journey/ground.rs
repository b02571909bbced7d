//! Checks whether the facts of a case can be true together.
//!
//! Pure. It checks facts with corrections applied, each at its own date, no matter who recorded them or in which order.
//! New facts, corrections and retractions are all checked by the facts that they would make invalid. Single values are
//! checked by `shape`.

mod because;
mod doubles;
mod footing;
mod turns;

use std::collections::HashMap;

use self::footing::Footing;
use crate::journey::History;
use crate::journey::event::{Attendance, ContactLogged, Event};
use crate::journey::refusal::{DependentFact, Refusal};
use crate::journey::stated::{self, Stated};
use crate::journey::thing::{self, Part};
use crate::log::envelope::{EventId, Occurred};

/// An invalid fact, and the refusal that explains why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groundless {
    /// The fact.
    pub fact: DependentFact,
    /// Why it cannot be true with the other facts.
    pub refusal: Refusal,
}

/// The invalid facts of this history, in order. A history whose events were all decided here has none.
pub fn groundless(history: &History) -> Vec<Groundless> {
    let facts: Vec<Stated<'_>> = history.facts().iter().map(Stated::from).collect();
    Footing::of(&facts).judge()
}

/// The effect of a command on a history.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// Adds a fact.
    Record(Occurred, &'a Event),
    /// Changes a fact.
    Correct(EventId, Occurred, &'a Event),
    /// Removes facts.
    Retract(&'a [EventId]),
}

/// Refuses a change that would make a fact invalid: the fact that it records, or one that is already recorded.
pub(crate) fn check(history: &History, change: Change<'_>) -> Result<(), Vec<Refusal>> {
    stated::check(history, change, |facts| Footing::of(facts).judge())
}

/// A contact or plan dated more than this many days before the referral raises a warning.
const LONG_BEFORE_DAYS: i64 = 28;

/// The warnings before this fact is recorded: work that a close would leave undone, and values that are probably
/// mistakes.
pub(crate) fn warnings(history: &History, occurred: Occurred, event: &Event) -> Vec<Refusal> {
    let left = left_undone(history, occurred, event);
    let late = planned_after_close(history, occurred, event);
    left.into_iter().chain(late).chain(doubts(history, None, (occurred, event))).collect()
}

/// The values of a fact that are probably mistakes, whether the fact is recorded or corrected. `own` is the event of
/// the fact, if it is already recorded.
pub(crate) fn doubts(history: &History, own: Option<EventId>, (occurred, event): (Occurred, &Event)) -> Vec<Refusal> {
    let (contradictory, ahead) = match event {
        Event::ContactLogged(contact) => {
            (because::contradictory(contact), before_appointment(history, occurred, contact))
        }
        _ => (None, None),
    };
    let early = matches!(event, Event::ContactLogged(_) | Event::PlanAgreed(_) | Event::PlanReviewed(_));
    let early = early.then(|| long_before_referral(history, occurred)).flatten();
    let again = doubles::of(history, own, (occurred, event)).map(because::recorded_already);
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
    (occurred.latest() < scheduled_on).then(|| because::before_appointment(scheduled_on, because::booked(booked)))
}

/// Warns about an appointment or task planned after the close, on the day of the close: it lapses at once.
fn planned_after_close(history: &History, occurred: Occurred, event: &Event) -> Option<Refusal> {
    if !matches!(event, Event::AppointmentBooked(_) | Event::AppointmentMoved(_) | Event::TaskSet(_)) {
        return None;
    }
    let facts: Vec<Stated<'_>> = history.facts().iter().map(Stated::from).collect();
    let stretches = turns::closes(&facts, &mut HashMap::new());
    let close = stretches.last().filter(|last| last.reopened.is_none())?.close;
    let times = occurred.local_time().zip(close.occurred.local_time());
    let is_earlier = times.is_some_and(|(this, closed)| this < closed);
    let is_that_day = close.occurred.latest() == occurred.earliest() && !is_earlier;
    is_that_day.then(|| because::planned_after_close(&close).as_warning())
}

/// Warns about open tasks and appointments of a case that is closed or transferred.
fn left_undone(history: &History, occurred: Occurred, event: &Event) -> Vec<Refusal> {
    if !matches!(event, Event::JourneyClosed(_) | Event::JourneyTransferred(_)) {
        return Vec::new();
    }
    let journey = history.journey_as_of(occurred.latest());
    let tasks: Vec<DependentFact> = journey.tasks.iter().filter(|task| task.is_open()).map(because::task_set).collect();
    let booked = journey.appointments.iter().filter(|appointment| appointment.is_open());
    let booked: Vec<DependentFact> = booked.map(because::booked).collect();
    let tasks = (!tasks.is_empty()).then(|| because::tasks_open(tasks));
    let booked = (!booked.is_empty()).then(|| because::appointments_open(booked));
    tasks.into_iter().chain(booked).map(Refusal::as_warning).collect()
}

fn long_before_referral(history: &History, occurred: Occurred) -> Option<Refusal> {
    let facts = history.facts();
    let referral = facts.iter().find(|fact| matches!(fact.event, Event::ReferralReceived(_)))?;
    let received = referral.occurred.earliest();
    let days = (received - occurred.latest()).num_days();
    (days > LONG_BEFORE_DAYS).then(|| because::long_before_referral(received, days))
}

/// Refuses a correction that would make a fact about something else. A referral keeps its subject. An item that other
/// facts name by id keeps its id.
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
