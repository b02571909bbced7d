//! External references: the case numbers of a case in other systems.
//!
//! They are unsealed pseudonyms. Only those who may see them may search by them.

use super::{CaseFacts, Rows, Value, table};

table!("external_reference", key 3, ["journey": Uuid, "system": Text, "id": Text, "contract": Text]);

/// The rows of a case: one for each case number.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    for reference in &case.referral.external_references {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::text(&reference.system),
                Value::text(&reference.id),
                Value::text(case.contract),
            ],
        );
    }
}
