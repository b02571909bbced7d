//! The journey itself: one row with what lists and filters ask for. It must hold nothing that only a day can tell.

use super::{Rows, Told, Value, table};
use crate::journey::event::ReferralReceived;
use crate::log::envelope::JourneyId;

table!("journey", key 1, [
    "id": Uuid, "contract": Text, "reference": Text, "subject": Uuid, "area": Text, "cohort": Text,
    "received_on": Date, "received_latest": Date, "accepted_on": Date, "declined_on": Date,
]);

/// The row of a journey.
pub fn rows(told: &Told<'_>, rows: &mut Rows) {
    let declined = told.journey.declined.as_ref().map(|declined| declined.occurred.earliest());
    rows.add(
        &TABLE,
        [
            Value::Uuid(told.id.0),
            Value::text(told.contract),
            Value::Text(told.reference()),
            Value::Uuid(told.referral.subject.0),
            Value::text(&told.referral.area),
            told.referral.cohort.as_deref().map_or(Value::Null, Value::text),
            Value::Date(told.received.earliest()),
            Value::Date(told.received.latest()),
            Value::date(told.journey.accepted.as_ref().map(|accepted| accepted.occurred.earliest())),
            Value::date(declined),
        ],
    );
}

/// What people call the journey: the first case number it came with, else the last eight digits of its id.
pub fn reference(id: JourneyId, referral: &ReferralReceived) -> String {
    let id = id.0.simple().to_string();
    referral.external_references.first().map_or_else(|| id[24..].to_uppercase(), |reference| reference.id.clone())
}
