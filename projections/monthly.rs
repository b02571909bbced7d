//! Counts by month: how many cases reached a stage, were declined, closed or disengaged, by stage or reason, area and
//! month.

use super::stage::month_of;
use super::{Rows, Table, Value, counted, disengagement, exit, journey, stage};

counted!("monthly", ["contract": Text, "board": Text, "code": Text, "area": Text, "month": Date]);

/// For each table: the name under which its rows are counted, the column with the code, and the column with the day.
static COUNTED: &[(&Table, &str, Option<&str>, &str)] = &[
    (&disengagement::TABLE, "disengaged", Some("reason"), "marked_on"),
    (&exit::TABLE, "closed", Some("reason"), "closed_on"),
    (&journey::TABLE, "declined", None, "declined_on"),
    (&stage::TABLE, "reached", Some("stage"), "month"),
];

/// Counts the case of these rows.
pub fn count(contract: &str, rows: &mut Rows) {
    let mut found = Vec::new();
    for (table, board, code, day) in COUNTED {
        found.extend(rows.of(table).filter_map(|row| {
            let code = code.map_or_else(|| Value::text(""), |column| row.cell(column).clone());
            let month = Value::Date(month_of(row.day(day)?));
            Some([Value::text(contract), Value::text(board), code, row.cell("area").clone(), month])
        }));
    }
    for key in found {
        rows.count(&TABLE, key);
    }
}
