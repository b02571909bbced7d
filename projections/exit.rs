//! Exits: when and why a case first left the caseload, by a close or a transfer. A disengagement alone is not an exit.
//!
//! A board counts a case once, by its first close, even if it was reopened since, so that the number of a past month
//! never falls.

use super::{CaseFacts, Rows, Value, table};

table!("exit", key 1, [
    "journey": Uuid, "contract": Text, "area": Text, "reason": Text, "closed_on": Date, "counts_from": Date,
]);

/// The row of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    if let Some(close) = case.journey.closes.first() {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::text(case.contract),
                Value::text(&case.referral.area),
                Value::text(&close.reason),
                Value::Date(close.occurred.earliest()),
                Value::Date(case.counts_from(close.occurred)),
            ],
        );
    }
}
