//! Caseload: the keyworker of each case over time, from acceptance to close, and again after a reopening.
//!
//! A case without a keyworker is on the caseload too, in a row of its own.

use super::{Rows, Told, Value, table};
use throughline_domain::journey::caseload::stretches;

table!("caseload", key 2, [
    "journey": Uuid, "from_on": Date, "to_on": Date, "contract": Text, "area": Text, "keyworker": Uuid,
    "reference": Text, "received_on": Date,
]);

/// The rows of a case.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    for stretch in stretches(told.journey) {
        rows.add(
            &TABLE,
            [
                Value::Uuid(told.id.0),
                Value::Date(stretch.from),
                Value::Date(stretch.to),
                Value::text(told.contract),
                Value::text(&told.referral.area),
                stretch.keyworker.map_or(Value::Null, |worker| Value::Uuid(worker.0)),
                Value::Text(told.reference()),
                Value::Date(told.received.earliest()),
            ],
        );
    }
}
