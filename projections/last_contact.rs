//! Last contacts: the open cases after all events in the log, counted by keyworker and by the date of the last contact:
//! by anyone, and by the keyworker.
//!
//! The date is an ISO day, or the first and last possible day, or an empty text if there was no contact.

use uuid::Uuid;

use super::{Between, Rows, Value, contact, counted, held, last_contact_by_area};

counted!("last_contact", ["contract": Text, "keyworker": Uuid, "area": Text, "last": Text, "own": Text]);

/// A date as the tables store it. The statements over the dated tables produce the same form.
fn written(between: Option<Between>) -> Value {
    Value::Text(match between {
        None => String::new(),
        Some((day, latest)) if day == latest => day.to_string(),
        Some((day, latest)) => format!("{day}/{latest}"),
    })
}

/// Reads a date that the tables store. None if there is none.
pub fn read(written: &str) -> Option<Between> {
    let day = |text: &str| text.parse().expect("stored dates are ISO days");
    match written.split_once('/') {
        None if written.is_empty() => None,
        None => Some((day(written), day(written))),
        Some((from, to)) => Some((day(from), day(to))),
    }
}

/// The last contact of these rows.
fn last(rows: &Rows, counts: impl Fn(Uuid) -> bool) -> Option<Between> {
    let contacts = rows.of(&contact::TABLE).filter(|row| row.id("worker").is_some_and(&counts));
    let days = contacts.filter_map(|row| row.day("day").zip(row.day("latest")));
    contact::last(days)
}

/// Counts the case of these rows, here and by area only.
pub fn count(contract: &str, rows: &mut Rows) {
    let open = held::open(rows).map(|case| (case.id("keyworker"), case.cell("area").clone()));
    let Some((keyworker, area)) = open else { return };
    let anyones = written(last(rows, |_| true));
    let own = written(last(rows, |worker| keyworker == Some(worker)));
    let contract = Value::text(contract);
    rows.count(&last_contact_by_area::TABLE, [contract.clone(), area.clone(), anyones.clone()]);
    let keyworker = Value::Uuid(keyworker.unwrap_or(held::NOBODY));
    rows.count(&TABLE, [contract, keyworker, area, anyones, own]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_day_month_or_missing_date_is_read_back() {
        let day = |text: &str| text.parse().expect("a day");
        for (between, text) in [
            (None, ""),
            (Some((day("2018-01-31"), day("2018-01-31"))), "2018-01-31"),
            (Some((day("2018-01-01"), day("2018-01-31"))), "2018-01-01/2018-01-31"),
        ] {
            assert_eq!(written(between), Value::text(text));
            assert_eq!(read(text), between);
        }
    }
}
