//! Last contacts: the cases that are open once everything has happened that the log tells of, counted by who holds them
//! and by when their last contact was: anyone's, and the keyworker's own.
//!
//! When it was is an ISO day, or the first and the last day on which it may have been, or nothing where there was none.

use uuid::Uuid;

use super::{Between, Rows, Value, contact, counted, held, last_contact_by_area};

counted!("last_contact", ["contract": Text, "keyworker": Uuid, "area": Text, "last": Text, "own": Text]);

/// When something was, as the tables write it. The statements over the dated tables write the same.
fn written(between: Option<Between>) -> Value {
    Value::Text(match between {
        None => String::new(),
        Some((day, latest)) if day == latest => day.to_string(),
        Some((day, latest)) => format!("{day}/{latest}"),
    })
}

/// When something was that the tables have written; none where they say that it was not.
pub fn read(written: &str) -> Option<Between> {
    let day = |text: &str| text.parse().expect("the tables write days");
    match written.split_once('/') {
        None if written.is_empty() => None,
        None => Some((day(written), day(written))),
        Some((from, to)) => Some((day(from), day(to))),
    }
}

/// The last contact of these rows, the best known of its day.
fn last(rows: &Rows, counts: impl Fn(Uuid) -> bool) -> Option<Between> {
    let contacts = rows.of(&contact::TABLE).filter(|row| row.id("worker").is_some_and(&counts));
    let days = contacts.filter_map(|row| row.day("day").zip(row.day("latest")));
    days.max_by_key(|(day, latest)| (*day, std::cmp::Reverse(*latest)))
}

/// Counts a journey of these rows, here and by its area alone.
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
    fn what_is_written_of_a_day_a_month_and_no_day_is_read_again() {
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
