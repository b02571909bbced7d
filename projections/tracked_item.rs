//! Items: the case of each spell, appointment, task, risk and piece of evidence, by the item's id.
//!
//! The sender of a command chooses the id, so two cases may each have an item with the same id.

use super::{CaseFacts, Rows, Value, table};

table!("tracked_item", key 2, ["id": Uuid, "journey": Uuid]);

/// The rows of a case: one for each item that it names.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let journey = case.journey;
    let spells = journey.spells.iter().map(|spell| spell.details.spell.0);
    let appointments = journey.appointments.iter().map(|appointment| appointment.details.appointment.0);
    let tasks = journey.tasks.iter().map(|task| task.details.task.0);
    let risks = journey.risks.iter().map(|risk| risk.details.risk.0);
    let evidence = journey.evidence.iter().map(|piece| piece.details.evidence.0);
    for id in spells.chain(appointments).chain(tasks).chain(risks).chain(evidence) {
        rows.add(&TABLE, [Value::Uuid(id), Value::Uuid(case.id.0)]);
    }
}
