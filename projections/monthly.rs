//! Month by month: how many journeys reached a stage, were declined, were closed or were marked as disengaged, by the
//! stage or reason, the area and the month.

use super::stage::month_of;
use super::{Rows, Table, Value, counted, disengagement, exit, journey, stage};

counted!("monthly", ["contract": Text, "board": Text, "code": Text, "area": Text, "month": Date]);

/// Of each table what its rows are counted as, under which of its columns, and by which day.
static COUNTED: &[(&Table, &str, Option<&str>, &str)] = &[
    (&disengagement::TABLE, "disengaged", Some("reason"), "marked_on"),
    (&exit::TABLE, "closed", Some("reason"), "closed_on"),
    (&journey::TABLE, "declined", None, "declined_on"),
    (&stage::TABLE, "reached", Some("stage"), "month"),
];

/// Counts a journey of these rows.
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
