//! The newest day: for each journey the last day on which anything of it begins or ends, counted by day.
//!
//! Counted tables tell how things stand at the end of that day and of every later one. They may be asked about a day only
//! where no journey has anything after it.

use chrono::NaiveDate;

use super::{
    FOREVER, Rows, Table, Value, caseload, contact, counted, disengagement, exit, journey, referral_to_plan, stage,
};

counted!("newest_day", ["contract": Text, "day": Date]);

/// The columns with which a question about a day compares that day, of every table that is counted.
static DATED: &[(&Table, &[&str])] = &[
    (&caseload::TABLE, &["from_on", "to_on"]),
    (&contact::TABLE, &["day"]),
    (&disengagement::TABLE, &["counts_from"]),
    (&exit::TABLE, &["counts_from"]),
    (&journey::TABLE, &["received_on", "declined_on"]),
    (&referral_to_plan::TABLE, &["counts_from", "counts_to", "plan_on"]),
    (&stage::TABLE, &["counts_from"]),
];

/// The last of these days; what has not ended has no day.
fn newest(rows: &Rows) -> Option<NaiveDate> {
    let days = DATED.iter().flat_map(|(table, columns)| {
        rows.of(table).flat_map(|row| columns.iter().filter_map(move |column| row.day(column)))
    });
    days.filter(|day| *day < FOREVER).max()
}

/// Counts a journey of these rows.
pub fn count(contract: &str, rows: &mut Rows) {
    if let Some(day) = newest(rows) {
        rows.count(&TABLE, [Value::text(contract), Value::Date(day)]);
    }
}
