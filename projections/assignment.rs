//! Assignments: which workers ever held a case, in whatever role, and since when.
//!
//! Who holds it on a day is the caseload's question; this one answers to whom a worker is visible.

use super::{Rows, Told, Value, table};

table!("assignment", key 2, ["journey": Uuid, "worker": Uuid, "contract": Text, "counts_from": Date]);

/// The rows of a journey: one for each worker, from the first day.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    for held in told.journey.assignments.iter().rev() {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::Uuid(held.worker.0),
                Value::text(told.contract),
                Value::Date(held.from.max(told.received.earliest())),
            ],
        );
    }
}
