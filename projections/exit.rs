//! Exits: when and why a case left the caseload, once. A disengagement alone is no exit.

use super::{Rows, Told, Value, stage, table};

table!("exit", key 1, [
    "journey": Uuid, "contract": Text, "area": Text, "closed_on": Date, "month": Date, "reason": Text,
]);

/// The row of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    if let Some(close) = &told.journey.closed {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::text(told.contract),
                Value::text(told.area),
                Value::Date(close.occurred.earliest()),
                Value::Date(stage::month_of(close.occurred.earliest())),
                Value::text(&close.reason),
            ],
        );
    }
}
