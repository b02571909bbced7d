//! Caseload: the keyworker of each case over time, from acceptance to close, and again after a reopening.
//!
//! A case without a keyworker is on the caseload too, in a row of its own.

use super::{CaseFacts, Rows, Value, table};
use throughline_domain::journey::caseload::stretches;

table!("caseload", key 2, [
    "journey": Uuid, "from_on": Date, "to_on": Date, "contract": Text, "area": Text, "keyworker": Uuid,
    "reference": Text, "received_on": Date,
]);

/// The rows of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    for stretch in stretches(case.journey) {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::Date(stretch.from),
                Value::Date(stretch.to),
                Value::text(case.contract),
                Value::text(&case.referral.area),
                stretch.keyworker.map_or(Value::Null, |worker| Value::Uuid(worker.0)),
                Value::Text(case.reference()),
                Value::Date(case.received.earliest()),
            ],
        );
    }
}
