//! Disengagements: dated marks shown beneath the exits. The case stays on the caseload until it is closed.

use super::{Rows, Told, Value, stage, table};

table!("disengagement", key 3, [
    "journey": Uuid, "day": Date, "reason": Text, "contract": Text, "area": Text, "month": Date,
]);

/// The rows of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    for mark in &told.journey.disengagements {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::Date(mark.occurred.earliest()),
                Value::text(&mark.reason),
                Value::text(told.contract),
                Value::text(told.area),
                Value::Date(stage::month_of(mark.occurred.earliest())),
            ],
        );
    }
}
