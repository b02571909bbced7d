//! Finds duplicates: a fact that repeats a recorded fact, apart from ids.
//!
//! Pure. It only warns: the same thing may have happened twice, and the sender can say so.

use uuid::Uuid;

use crate::fact::History;
use crate::fact::consistency::DatedFact;
use crate::fact::envelope::{
    ActionId, AppointmentId, CoverId, EventId, EvidenceId, HoldId, NoticeId, Occurred, RiskId, SpellId, TaskId,
    VacancyId,
};
use crate::fact::event::{AppointmentMoved, Event, EvidenceAttached, TaskSet};
use crate::fact::refusal::DependentFact;
use crate::journey::{Journey, Slot};

/// The recorded fact that this one repeats. For a correction, `besides` is the fact that is corrected.
pub(super) fn of(
    history: &History,
    besides: Option<EventId>,
    occurred: Occurred,
    event: &Event,
) -> Option<DependentFact> {
    let open = match event {
        Event::AppointmentBooked(_)
        | Event::AppointmentMoved(_)
        | Event::TaskSet(_)
        | Event::EvidenceAttached(EvidenceAttached { sha256: Some(_), .. }) => {
            still_open(&history.journey(), besides, occurred, event)
        }
        _ => None,
    };
    let facts = history.facts();
    let stated = || facts.iter().map(DatedFact::from).filter(|fact| Some(fact.id) != besides);
    if let Some(open) = open {
        return stated().find(|fact| fact.id == open).map(|fact| fact.fact());
    }
    let same = |fact: &DatedFact<'_>| fact.occurred == occurred && is_alike(fact.event, event);
    // A repeated appointment or task only counts while the earlier one is open.
    let is_known_open = matches!(event, Event::AppointmentBooked(_) | Event::TaskSet(_));
    stated().find(|fact| !is_known_open && same(fact)).map(|fact| fact.fact())
}

/// The event that recorded the same appointment, task or document, if it is still open, on whatever day it was
/// recorded.
fn still_open(journey: &Journey, besides: Option<EventId>, occurred: Occurred, event: &Event) -> Option<EventId> {
    let other = |id: EventId| Some(id) != besides;
    match event {
        Event::AppointmentBooked(booked) => {
            let (on, time, channel, worker) = (booked.scheduled_on, booked.time, &*booked.channel, booked.worker);
            let slot = Slot { on, time, channel, worker };
            taken(journey, booked.appointment, slot).filter(|id| other(*id))
        }
        Event::AppointmentMoved(moved) => {
            let own = journey.appointments.iter().find(|one| one.details.appointment == moved.appointment)?;
            let before = own.slot(occurred.latest());
            let AppointmentMoved { scheduled_on, time, channel, .. } = moved;
            let channel = channel.as_deref().unwrap_or(before.channel);
            let (on, time) = (scheduled_on.unwrap_or(before.on), time.over(before.time));
            taken(journey, moved.appointment, Slot { on, time, channel, ..before })
        }
        Event::TaskSet(set) => {
            let what = |task: &TaskSet| (task.kind.clone(), task.due_on, task.owner);
            let mut open = journey.tasks.iter().filter(|task| task.is_open() && other(task.event_id));
            open.find(|task| what(&task.details) == what(set)).map(|task| task.event_id)
        }
        Event::EvidenceAttached(attached) => {
            let mut standing = journey.evidence.iter().filter(|piece| piece.counts() && other(piece.event_id));
            let is_same = |piece: &&crate::journey::Evidence| piece.details.sha256 == attached.sha256;
            standing.find(is_same).map(|piece| piece.event_id)
        }
        _ => None,
    }
}

/// The booking of another appointment for this day, time and channel, with whatever worker.
fn taken(journey: &Journey, own: AppointmentId, wanted: Slot<'_>) -> Option<EventId> {
    let mut others = journey.appointments.iter().filter(|other| other.is_open() && other.details.appointment != own);
    let same = |slot: Slot<'_>| Slot { worker: wanted.worker, ..slot } == wanted;
    others.find(|other| same(other.slot(chrono::NaiveDate::MAX))).map(|other| other.event_id)
}

/// Whether two facts are equal apart from the ids of the items that they create.
fn is_alike(one: &Event, other: &Event) -> bool {
    one.event_type() == other.event_type() && (one == other || without_id(one) == without_id(other))
}

/// The fact without the id of the item that it creates, and without its notes: the same text is never sealed alike.
fn without_id(event: &Event) -> Event {
    let (mut event, none) = (event.clone(), Uuid::nil());
    match &mut event {
        Event::ContactLogged(fact) => fact.note = None,
        Event::PlanAgreed(fact) => (fact.actions, fact.note) = (Vec::new(), None),
        Event::PlanReviewed(fact) => (fact.actions, fact.note) = (Vec::new(), None),
        Event::PlanClosed(fact) => fact.note = None,
        Event::TaskDone(fact) => fact.note = None,
        Event::TaskCancelled(fact) => fact.note = None,
        Event::SpellChanged(fact) => fact.note = None,
        Event::SpellEnded(fact) => fact.note = None,
        Event::SpellStarted(fact) => (fact.spell, fact.note) = (SpellId(none), None),
        Event::AppointmentBooked(fact) => fact.appointment = AppointmentId(none),
        Event::TaskSet(fact) => (fact.task, fact.note) = (TaskId(none), None),
        Event::RiskRaised(fact) => fact.risk = RiskId(none),
        Event::EvidenceAttached(fact) => fact.evidence = EvidenceId(none),
        Event::LegalHoldPlaced(fact) => fact.hold = HoldId(none),
        Event::VacancyOpened(fact) => fact.vacancy = VacancyId(none),
        Event::CoverStarted(fact) => fact.cover = CoverId(none),
        Event::NoticeIssued(fact) => fact.notice = NoticeId(none),
        Event::ActionAgreed(fact) => fact.action = ActionId(none),
        _ => {}
    }
    event
}
