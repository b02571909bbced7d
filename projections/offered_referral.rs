//! Offered referrals: the referral inbox of each contract, and who sent what.

use super::{Rows, Value, table};
use throughline_domain::fact::envelope::OfferId;
use throughline_domain::offer::Offer;

table!("offered_referral", key 1, [
    "id": Uuid, "contract": Text, "partner": Text, "source": Text, "area": Text, "subject": Uuid, "received_on": Date,
    "state": Text,
]);

/// The row of an offered referral.
pub fn rows(id: OfferId, contract: &str, offer: &Offer, rows: &mut Rows) {
    let (Some(offered), Some(received)) = (offer.details(), offer.received()) else { return };
    rows.add(
        &TABLE,
        [
            Value::Uuid(id.0),
            Value::text(contract),
            Value::text(&offered.partner),
            Value::text(&offered.source),
            Value::text(&offered.area),
            Value::Uuid(offered.subject.0),
            Value::Date(received.earliest()),
            Value::text(offer.state().as_str()),
        ],
    );
}
