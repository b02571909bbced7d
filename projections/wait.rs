//! Waits: how many cases waited how long for their plan, by area and by the month in which their clock started, after
//! all events in the log.

use super::FOREVER;
use super::stage::month_of;
use super::{Rows, Value, counted, referral_to_plan};

counted!("wait", [
    "contract": Text, "area": Text, "state": Text, "lowest": Int, "highest": Int, "exact": Int, "early": Int,
    "month": Date,
]);

/// Counts the case of these rows. The wait is null while there is no plan.
pub fn count(contract: &str, rows: &mut Rows) {
    let last = rows.of(&referral_to_plan::TABLE).find(|row| row.day("counts_to") == Some(FOREVER));
    let Some((case, from)) = last.and_then(|case| Some((case, case.day("from_on")?))) else { return };
    let state = match (case.day("plan_on"), case.day("closed_on")) {
        (Some(_), _) => "planned",
        (None, Some(_)) => "closed",
        (None, None) => "waiting",
    };
    let [lowest, highest, exact, early] =
        ["lowest", "highest", "exact", "early"].map(|column| case.cell(column).clone());
    let (area, month) = (case.cell("area").clone(), Value::Date(month_of(from)));
    rows.count(&TABLE, [Value::text(contract), area, Value::text(state), lowest, highest, exact, early, month]);
}
