//! The items of a case that have their own id: spells, appointments, tasks, risks and pieces of evidence.
//!
//! Pure. It is the one list of the facts that start, change or end such an item.

use uuid::Uuid;

use super::event::{ContactLogged, Event};

/// A kind of item that lasts and has its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Spell,
    Appointment,
    Task,
    Risk,
    Evidence,
}

/// One item of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Thing {
    /// The kind of item.
    pub(crate) kind: Kind,
    /// The id of the item.
    pub(crate) id: Uuid,
}

/// What a fact does to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Starts it: it is started, booked, set, raised or attached.
    Begins,
    /// Changes it while it lasts.
    GoesOn,
    /// Ends it: it is ended, kept, missed, done, cancelled, cleared, withdrawn or rejected.
    Ends,
}

/// The item that this fact is about, and what the fact does to it.
pub(crate) const fn item_of(event: &Event) -> Option<(Thing, Part)> {
    let (kind, id, part) = match event {
        Event::SpellStarted(fact) => (Kind::Spell, fact.spell.0, Part::Begins),
        Event::SpellChanged(fact) => (Kind::Spell, fact.spell.0, Part::GoesOn),
        Event::SpellEnded(fact) => (Kind::Spell, fact.spell.0, Part::Ends),
        Event::AppointmentBooked(fact) => (Kind::Appointment, fact.appointment.0, Part::Begins),
        Event::AppointmentMoved(fact) => (Kind::Appointment, fact.appointment.0, Part::GoesOn),
        Event::AppointmentCancelled(fact) => (Kind::Appointment, fact.appointment.0, Part::Ends),
        Event::ContactLogged(ContactLogged { appointment: Some(appointment), .. }) => {
            (Kind::Appointment, appointment.0, Part::Ends)
        }
        Event::TaskSet(fact) => (Kind::Task, fact.task.0, Part::Begins),
        Event::TaskDone(fact) => (Kind::Task, fact.task.0, Part::Ends),
        Event::TaskCancelled(fact) => (Kind::Task, fact.task.0, Part::Ends),
        Event::RiskRaised(fact) => (Kind::Risk, fact.risk.0, Part::Begins),
        Event::RiskCleared(fact) => (Kind::Risk, fact.risk.0, Part::Ends),
        Event::EvidenceAttached(fact) => (Kind::Evidence, fact.evidence.0, Part::Begins),
        Event::EvidenceVerified(fact) => (Kind::Evidence, fact.evidence.0, Part::GoesOn),
        Event::EvidenceWithdrawn(fact) => (Kind::Evidence, fact.evidence.0, Part::Ends),
        Event::EvidenceRejected(fact) => (Kind::Evidence, fact.evidence.0, Part::Ends),
        _ => return None,
    };
    Some((Thing { kind, id }, part))
}
