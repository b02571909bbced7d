//! Made contacts: the days on which there was contact with the client, by worker.
//!
//! Only contacts that the rulebook counts are here. Attempts and missed appointments are not.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Between, CaseFacts, DaySpan, Rows, Value, table};
use throughline_domain::contract::rulebook::Recency;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::journey::{Contact, Journey};

table!("contact", key 3, ["journey": Uuid, "day": Date, "worker": Uuid, "latest": Date]);

/// The worker of a contact without a worker.
pub const NOBODY: Uuid = Uuid::nil();

/// Whether a contact counts: it was made, and with somebody whom the rulebook counts.
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

/// The rows of a case: one for each day and worker, with the most precise contact of that day.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let mut contacts: Vec<&Contact> = made(case.journey, &case.rulebook.recency).collect();
    contacts.sort_by_key(|contact| std::cmp::Reverse(contact.occurred.latest()));
    for contact in contacts {
        rows.add(
            &TABLE,
            [
                Value::Uuid(case.id.0),
                Value::Date(contact.occurred.earliest()),
                Value::Uuid(contact.details.worker.map_or(NOBODY, |worker| worker.0)),
                Value::Date(contact.occurred.latest()),
            ],
        );
    }
}
