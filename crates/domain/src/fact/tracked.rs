//! What a journey's facts name by an id of its own: spells, appointments, tasks, risks and pieces of
//! evidence.
//!
//! Pure. It says which fact begins such a thing and which speak of it later, so that nobody else has to list them.

use uuid::Uuid;

use super::event::{ContactLogged, Event};

/// A kind of thing that lasts and is named by its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Spell,
    Appointment,
    Task,
    Risk,
    Evidence,
}

/// One such thing of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Thing {
    /// What kind of thing.
    pub(crate) kind: Kind,
    /// Its own id.
    pub(crate) id: Uuid,
}

/// What a fact says of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It begins: it starts, is set, raised or attached.
    Begins,
    /// It goes on, otherwise than before.
    GoesOn,
    /// It is over: it ends, is done, cancelled, cleared, withdrawn or rejected.
    Ends,
}

/// The thing that this fact speaks of by its id, and what it says of it.
pub(crate) const fn told_by(event: &Event) -> Option<(Thing, Part)> {
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
