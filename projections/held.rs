//! Cases held: how many cases a keyworker holds at each stage, once everything has happened that the log tells of.
//!
//! A case that nobody holds is counted under the nil id.

use uuid::Uuid;

use super::FOREVER;
use super::{Row, Rows, Value, caseload, counted, stage};

counted!("held", ["contract": Text, "keyworker": Uuid, "stage": Text]);

/// Whoever holds a case that nobody holds.
pub const NOBODY: Uuid = Uuid::nil();

/// The row of the caseload that has not ended.
pub(super) fn open(rows: &Rows) -> Option<Row<'_>> {
    rows.of(&caseload::TABLE).find(|row| row.day("to_on") == Some(FOREVER))
}

/// Counts a journey of these rows: at the furthest stage that it reached, or at the empty one.
pub fn count(contract: &str, rows: &mut Rows) {
    let Some(keyworker) = open(rows).map(|case| case.id("keyworker").unwrap_or(NOBODY)) else { return };
    let furthest = rows.of(&stage::TABLE).max_by_key(|row| row.cell("ordinal"));
    let stage = furthest.map_or_else(|| Value::text(""), |row| row.cell("stage").clone());
    rows.count(&TABLE, [Value::text(contract), Value::Uuid(keyworker), stage]);
}
