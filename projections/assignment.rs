//! Assignments: which workers held a case, in which role and over which days.
//!
//! Who may see a case follows from who holds it now; to whom a worker is visible, from whose cases they ever held.

use super::FOREVER;
use super::{Rows, Told, Value, table};

table!("assignment", key 4, [
    "journey": Uuid, "worker": Uuid, "role": Text, "counts_from": Date, "to_on": Date, "contract": Text,
]);

/// The rows of a journey: one for each stretch of days `[counts_from, to_on)`. Of several that begin on the same day,
/// the last one stands.
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
