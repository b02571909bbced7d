//! Assignments: the workers who held a case, their roles and the days.
//!
//! The current holders of a case may see it. A worker is visible to those who may see a case that the worker ever held.

use super::FOREVER;
use super::{CaseFacts, Rows, Value, table};

table!("assignment", key 4, [
    "journey": Uuid, "worker": Uuid, "role": Text, "counts_from": Date, "to_on": Date, "contract": Text,
]);

/// The rows of a case: one for each range of days `[counts_from, to_on)`. Of several that start on the same day, the
/// last one applies.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    for held in &case.journey.assignments {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::Uuid(held.worker.0),
                Value::text(&held.role),
                Value::Date(held.from.max(case.received.earliest())),
                Value::Date(held.to.unwrap_or(FOREVER)),
                Value::text(case.contract),
            ],
        );
    }
}
