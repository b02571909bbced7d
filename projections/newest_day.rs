//! The newest day: for each case the last day on which anything starts or ends, counted by day.
//!
//! Counted tables hold the values at the end of that day and of every later one. A question about a day may use them
//! only if no case has anything after it.

use chrono::NaiveDate;

use super::{FOREVER, Rows, Table, Value, caseload, countable, counted, journey, referral_to_plan};

counted!("newest_day", ["contract": Text, "day": Date]);

/// The date columns that a question about a day compares, of each table from which counts are made. Those of countable
/// facts are added below: not all of them are counted.
static DATED: &[(&Table, &[&str])] = &[
    (&caseload::TABLE, &["from_on", "to_on"]),
    (&journey::TABLE, &["received_on", "declined_on"]),
    (&referral_to_plan::TABLE, &["counts_from", "counts_to", "plan_on"]),
];

/// The last of these days. Something that has not ended has no end day.
fn newest(rows: &Rows) -> Option<NaiveDate> {
    let days = DATED.iter().flat_map(|(table, columns)| {
        rows.of(table).flat_map(|row| columns.iter().filter_map(move |column| row.day(column)))
    });
    let countable = countable::counted(rows).flat_map(|row| [row.day("counts_from"), row.day("counts_to")]).flatten();
    days.chain(countable).filter(|day| *day < FOREVER).max()
}

/// Counts the case of these rows.
pub fn count(contract: &str, rows: &mut Rows) {
    if let Some(day) = newest(rows) {
        rows.count(&TABLE, [Value::text(contract), Value::Date(day)]);
    }
}
