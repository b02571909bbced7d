//! Cases: one row for each case with the values that lists and filters need. Values that depend on a day do not belong
//! here.

use super::{CaseFacts, Rows, Value, table};
use throughline_domain::fact::envelope::JourneyId;
use throughline_domain::fact::event::ReferralReceived;

table!("journey", key 1, [
    "id": Uuid, "contract": Text, "reference": Text, "subject": Uuid, "area": Text, "cohort": Text,
    "referrer": Text, "received_on": Date, "received_latest": Date, "accepted_on": Date, "declined_on": Date,
]);

/// The row of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let declined = case.journey.declined.as_ref().map(|declined| declined.occurred.earliest());
    rows.add(
        &TABLE,
        [
            Value::Uuid(case.id.0),
            Value::text(case.contract),
            Value::Text(case.reference()),
            Value::Uuid(case.referral.subject.0),
            Value::text(&case.referral.area),
            case.referral.cohort.as_deref().map_or(Value::Null, Value::text),
            case.referrer().map_or(Value::Null, Value::text),
            Value::Date(case.received.earliest()),
            Value::Date(case.received.latest()),
            Value::date(case.journey.accepted.as_ref().map(|accepted| accepted.occurred.earliest())),
            Value::date(declined),
        ],
    );
}

/// The characters of our own case numbers: digits and letters that are not mistaken for each other when read out or
/// written down, so without I, L, O and U (Crockford's base 32).
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The reference of the case: its first case number from another system, or else one of our own, such as `4K7Q-9XM2`.
pub fn reference(id: JourneyId, referral: &ReferralReceived) -> String {
    referral.external_references.first().map_or_else(|| own_reference(id), |reference| reference.id.clone())
}

/// A case number derived from the case id: its last forty bits, in two groups of four characters.
fn own_reference(id: JourneyId) -> String {
    let id = id.0.as_u128();
    let sign = |nth: u32| char::from(SIGNS[usize::try_from((id >> (5 * nth)) & 31).expect("five bits")]);
    let group = |nths: std::ops::Range<u32>| nths.rev().map(sign).collect::<String>();
    format!("{}-{}", group(4..8), group(0..4))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use throughline_domain::fact::event::ExternalReference;
    use throughline_domain::world::{JOURNEY, referral};

    #[test]
    fn a_case_number_can_be_read_out_and_is_derived_from_the_id() {
        let of = |bits: u128| reference(JourneyId(Uuid::from_u128(bits)), &referral());
        assert_eq!(of(0), "0000-0000");
        assert_eq!(of((1 << 40) - 1), "ZZZZ-ZZZZ");
        assert_eq!(of([1, 2, 3, 4, 20, 21, 22, 23].iter().fold(0, |bits, sign| bits << 5 | sign)), "1234-MNPQ");
        assert_eq!(of(1), "0000-0001");
        assert_eq!(of(1 | 7 << 100), of(1), "only the last forty bits count");
        let council = ExternalReference { system: "council".to_owned(), id: "BR-1".to_owned() };
        let numbered = ReferralReceived { external_references: vec![council], ..referral() };
        assert_eq!(reference(JOURNEY, &numbered), "BR-1");
    }
}
