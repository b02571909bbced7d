//! Exits: when and why a case left the caseload, once. A disengagement alone is no exit.

use super::{Rows, Told, Value, table};

table!("exit", key 1, [
    "journey": Uuid, "contract": Text, "area": Text, "reason": Text, "closed_on": Date, "counts_from": Date,
]);

/// The row of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    if let Some(close) = &told.journey.closed {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::text(told.contract),
                Value::text(&told.referral.area),
                Value::text(&close.reason),
                Value::Date(close.occurred.earliest()),
                Value::Date(told.counts_from(close.occurred)),
            ],
        );
    }
}
