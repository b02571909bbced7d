//! Things: in which journey a spell, appointment, task, risk or piece of evidence is, by its own id.
//!
//! The ids are chosen by whoever records them, so that two journeys may each have a thing of one id.

use super::{Rows, Told, Value, table};

table!("thing", key 2, ["id": Uuid, "journey": Uuid]);

/// The rows of a journey: one for each thing that it names.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    let journey = told.journey;
    let spells = journey.spells.iter().map(|spell| spell.details.spell.0);
    let appointments = journey.appointments.iter().map(|appointment| appointment.details.appointment.0);
    let tasks = journey.tasks.iter().map(|task| task.details.task.0);
    let risks = journey.risks.iter().map(|risk| risk.details.risk.0);
    let evidence = journey.evidence.iter().map(|piece| piece.details.evidence.0);
    for id in spells.chain(appointments).chain(tasks).chain(risks).chain(evidence) {
        rows.add(&TABLE, [Value::Uuid(id), Value::Uuid(told.id.0)]);
    }
}
