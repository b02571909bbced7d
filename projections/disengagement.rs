//! Disengagements, shown beneath the exits. The case stays on the caseload until it is closed.
//!
//! A board counts a case once for each reason, by the date of the first disengagement.

use super::{CaseFacts, Rows, Value, table};

table!("disengagement", key 2, [
    "journey": Uuid, "reason": Text, "contract": Text, "area": Text, "marked_on": Date, "counts_from": Date,
]);

/// The rows of a case: the first disengagement of each reason.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let mut marks: Vec<_> = case.journey.disengagements.iter().collect();
    marks.sort_by_key(|mark| std::cmp::Reverse(mark.occurred.earliest()));
    for mark in marks {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::text(&mark.details.reason),
                Value::text(case.contract),
                Value::text(&case.referral.area),
                Value::Date(mark.occurred.earliest()),
                Value::Date(case.counts_from(mark.occurred)),
            ],
        );
    }
}
