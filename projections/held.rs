//! Cases held: the number of cases of each keyworker at each stage, after all events in the log.
//!
//! Cases without a keyworker are counted under the nil id.

use uuid::Uuid;

use super::FOREVER;
use super::{Row, Rows, Value, caseload, counted, stage};

counted!("held", ["contract": Text, "keyworker": Uuid, "stage": Text]);

/// The keyworker id of cases without a keyworker.
pub const NOBODY: Uuid = Uuid::nil();

/// The caseload row that has not ended.
pub(super) fn open(rows: &Rows) -> Option<Row<'_>> {
    rows.of(&caseload::TABLE).find(|row| row.day("to_on") == Some(FOREVER))
}

/// Counts the case of these rows: at the furthest stage that it reached, or with an empty stage.
pub fn count(contract: &str, rows: &mut Rows) {
    let Some(keyworker) = open(rows).map(|case| case.id("keyworker").unwrap_or(NOBODY)) else { return };
    let furthest = rows.of(&stage::TABLE).max_by_key(|row| row.cell("ordinal"));
    let stage = furthest.map_or_else(|| Value::text(""), |row| row.cell("stage").clone());
    rows.count(&TABLE, [Value::text(contract), Value::Uuid(keyworker), stage]);
}
