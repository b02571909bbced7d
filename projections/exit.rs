//! Exits: when and why a case first left the caseload, whether it was closed or transferred. A disengagement alone is
//! no exit.
//!
//! A board counts a journey once, by its first close, also if it was reopened since: a past month never falls
//! (domain.md §5).

use super::{Rows, Told, Value, table};

table!("exit", key 1, [
    "journey": Uuid, "contract": Text, "area": Text, "reason": Text, "closed_on": Date, "counts_from": Date,
]);

/// The row of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    if let Some(close) = told.journey.closes.first() {
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
