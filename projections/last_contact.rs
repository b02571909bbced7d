//! Last contacts: the open cases after all events in the log, counted by keyworker and by the date of the last contact:
//! by anyone, and by the keyworker.
//!
//! The date is an ISO day, or the first and last possible day, or an empty text if there was no contact.

use chrono::NaiveDate;

use super::{Between, DaySpan, Row, Rows, Value, countable, counted, held, last_contact_by_area};
use throughline_domain::contract::rulebook::Recency;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::journey::{Contact, Journey};

counted!("last_contact", ["contract": Text, "keyworker": Uuid, "area": Text, "last": Text, "own": Text]);

/// Whether a contact counts: it was made, and with one of the kinds of people that the rulebook counts.
pub fn counts(contact: &Contact, recency: &Recency) -> bool {
    let with = contact.details.with.as_str();
    contact.details.is_made() && recency.counts_with.iter().any(|counted| counted == with)
}

/// The contacts of a case that count, in order.
pub fn made<'a>(journey: &'a Journey, recency: &'a Recency) -> impl Iterator<Item = &'a Contact> {
    journey.contacts.iter().filter(|contact| counts(contact, recency))
}

/// The contacts made by this worker, including those before the case was theirs.
pub fn made_by<'a>(journey: &'a Journey, recency: &'a Recency, worker: WorkerId) -> impl Iterator<Item = &'a Contact> {
    made(journey, recency).filter(move |contact| contact.details.worker == Some(worker))
}

/// The last of these dates of contacts: the latest and, of that date, the most precise. The statements over the dated
/// rows of boards choose the same one (`order by day desc, latest`).
pub fn last(contacts: impl Iterator<Item = Between>) -> Option<Between> {
    contacts.max_by_key(|(day, latest)| (*day, std::cmp::Reverse(*latest)))
}

/// The days from the last of these contacts to a day. None if no contact was made by then.
pub fn days_since<'a>(contacts: impl Iterator<Item = &'a Contact>, as_of: NaiveDate) -> Option<DaySpan> {
    let dates = contacts.map(|contact| (contact.occurred.earliest(), contact.occurred.latest()));
    last(dates.filter(|(day, _)| *day <= as_of)).map(|between| DaySpan::since(between, as_of))
}

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
fn last_of(rows: &Rows, counts: impl Fn(&Row<'_>) -> bool) -> Option<Between> {
    let is_made =
        |row: &Row<'_>| countable::CONTACTS.iter().any(|kind| *row.cell("kind") == Value::text(kind.as_str()));
    let contacts = rows.of(&countable::TABLE).filter(|row| is_made(row) && counts(row));
    last(contacts.filter_map(|row| row.day("day").zip(row.day("latest"))))
}

/// Counts the case of these rows, here and by area only.
pub fn count(contract: &str, rows: &mut Rows) {
    let open = held::open(rows).map(|case| (case.id("keyworker"), case.cell("area").clone()));
    let Some((keyworker, area)) = open else { return };
    let anyones = written(last_of(rows, |_| true));
    let own = written(last_of(rows, |row| keyworker.is_some() && row.id("worker") == keyworker));
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
