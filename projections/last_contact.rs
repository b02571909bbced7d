//! Last contacts: the cases that are open once everything has happened that the log tells of, counted by who holds them
//! and by the day of their last contact: anyone's, and the keyworker's own.
//!
//! The day of a contact that there never was is the day after every day.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Between, FOREVER, Rows, Value, contact, counted, held, last_contact_by_area};

counted!("last_contact", [
    "contract": Text, "keyworker": Uuid, "area": Text, "day": Date, "latest": Date, "own_day": Date,
    "own_latest": Date,
]);

/// The last contact of these rows, the best known of its day.
fn last(rows: &Rows, counts: impl Fn(Uuid) -> bool) -> Between {
    let contacts = rows.of(&contact::TABLE).filter(|row| row.id("worker").is_some_and(&counts));
    let days = contacts.filter_map(|row| row.day("day").zip(row.day("latest")));
    let last = days.max_by_key(|(day, latest): &(NaiveDate, NaiveDate)| (*day, std::cmp::Reverse(*latest)));
    last.unwrap_or((FOREVER, FOREVER))
}

/// Counts a journey of these rows, here and by its area alone.
pub fn count(contract: &str, rows: &mut Rows) {
    let open = held::open(rows).map(|case| (case.id("keyworker"), case.cell("area").clone()));
    let Some((keyworker, area)) = open else { return };
    let (day, latest) = last(rows, |_| true);
    let (own_day, own_latest) = last(rows, |worker| keyworker == Some(worker));
    let [day, latest, own_day, own_latest] = [day, latest, own_day, own_latest].map(Value::Date);
    let contract = Value::text(contract);
    rows.count(&last_contact_by_area::TABLE, [contract.clone(), area.clone(), day.clone(), latest.clone()]);
    let keyworker = Value::Uuid(keyworker.unwrap_or(held::NOBODY));
    rows.count(&TABLE, [contract, keyworker, area, day, latest, own_day, own_latest]);
}
