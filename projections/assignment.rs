//! Assignments: the workers who held a case, their roles and the days.
//!
//! The current holders of a case may see it. A worker is visible to those who may see a case that the worker ever held.

use super::FOREVER;
use super::{Rows, Told, Value, table};

table!("assignment", key 4, [
    "journey": Uuid, "worker": Uuid, "role": Text, "counts_from": Date, "to_on": Date, "contract": Text,
]);

/// The rows of a case: one for each range of days `[counts_from, to_on)`. Of several that start on the same day, the
/// last one applies.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    for held in &told.journey.assignments {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::Uuid(held.worker.0),
                Value::text(&held.role),
                Value::Date(held.from.max(told.received.earliest())),
                Value::Date(held.to.unwrap_or(FOREVER)),
                Value::text(told.contract),
            ],
        );
    }
}
