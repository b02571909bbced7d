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
pub(crate) struct TrackedItem {
    /// The kind of item.
    pub(crate) kind: Kind,
    /// The id of the item.
    pub(crate) id: Uuid,
}

/// What a fact does to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// Starts it: it is started, booked, set, raised or attached.
    Begins,
    /// Changes it while it lasts.
    Changes,
    /// Ends it: it is ended, kept, missed, done, cancelled, cleared, withdrawn or rejected.
    Ends,
}

/// The item that this fact is about, and what the fact does to it.
pub(crate) const fn item_of(event: &Event) -> Option<(TrackedItem, Lifecycle)> {
    let (kind, id, part) = match event {
        Event::SpellStarted(fact) => (Kind::Spell, fact.spell.0, Lifecycle::Begins),
        Event::SpellChanged(fact) => (Kind::Spell, fact.spell.0, Lifecycle::Changes),
        Event::SpellEnded(fact) => (Kind::Spell, fact.spell.0, Lifecycle::Ends),
        Event::AppointmentBooked(fact) => (Kind::Appointment, fact.appointment.0, Lifecycle::Begins),
        Event::AppointmentMoved(fact) => (Kind::Appointment, fact.appointment.0, Lifecycle::Changes),
        Event::AppointmentCancelled(fact) => (Kind::Appointment, fact.appointment.0, Lifecycle::Ends),
        Event::ContactLogged(ContactLogged { appointment: Some(appointment), .. }) => {
            (Kind::Appointment, appointment.0, Lifecycle::Ends)
        }
        Event::TaskSet(fact) => (Kind::Task, fact.task.0, Lifecycle::Begins),
        Event::TaskDone(fact) => (Kind::Task, fact.task.0, Lifecycle::Ends),
        Event::TaskCancelled(fact) => (Kind::Task, fact.task.0, Lifecycle::Ends),
        Event::RiskRaised(fact) => (Kind::Risk, fact.risk.0, Lifecycle::Begins),
        Event::RiskCleared(fact) => (Kind::Risk, fact.risk.0, Lifecycle::Ends),
        Event::EvidenceAttached(fact) => (Kind::Evidence, fact.evidence.0, Lifecycle::Begins),
        Event::EvidenceVerified(fact) => (Kind::Evidence, fact.evidence.0, Lifecycle::Changes),
        Event::EvidenceWithdrawn(fact) => (Kind::Evidence, fact.evidence.0, Lifecycle::Ends),
        Event::EvidenceRejected(fact) => (Kind::Evidence, fact.evidence.0, Lifecycle::Ends),
        _ => return None,
    };
    Some((TrackedItem { kind, id }, part))
}
