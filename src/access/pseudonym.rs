//! Pseudonyms of subjects: what auditors and commissioners see in place of their ids.
//!
//! Pure. A pseudonym is the same for a subject in all of one contract. In another contract it is another one, and only
//! the service can see that both are of one person. It cannot be turned back into an id: it is found by trying the
//! subjects of a contract.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use uuid::{Builder, Uuid};

use throughline_domain::fact::envelope::SubjectId;

/// What the key is derived for.
const LABEL: &[u8] = b"throughline pseudonyms of subjects";

/// Makes the pseudonyms of a deployment.
#[derive(Clone)]
pub struct Pseudonyms(hmac::Key);

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(secret)")
    }
}

impl Pseudonyms {
    /// The pseudonyms under a secret of the deployment.
    pub fn under(secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), LABEL);
        Self(hmac::Key::new(HMAC_SHA256, derived.as_ref()))
    }

    /// The pseudonym of a subject in a context, such as the code of a contract.
    pub fn of(&self, context: &str, subject: SubjectId) -> Uuid {
        let message = [context.as_bytes(), b"\0", subject.0.as_bytes()].concat();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hmac::sign(&self.0, &message).as_ref()[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// The subject with this pseudonym in a context, if it is among these.
    pub fn find(&self, context: &str, pseudonym: Uuid, among: &[SubjectId]) -> Option<SubjectId> {
        among.iter().copied().find(|subject| self.of(context, *subject) == pseudonym)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: SubjectId = SubjectId(Uuid::from_u128(1));
    const BOB: SubjectId = SubjectId(Uuid::from_u128(2));

    #[test]
    fn a_pseudonym_is_the_same_in_one_contract_and_another_in_each_other() {
        let ours = Pseudonyms::under(&[7; 32]);
        let ann = ours.of("shps", ANN);
        assert_eq!(ann, Pseudonyms::under(&[7; 32]).of("shps", ANN));
        for other in [ours.of("mhep", ANN), ours.of("shps", BOB), Pseudonyms::under(&[8; 32]).of("shps", ANN), ANN.0] {
            assert_ne!(ann, other);
        }
        assert_eq!(ann.get_version_num(), 8, "it is no id of a claim or an event");
    }

    #[test]
    fn a_pseudonym_is_found_among_the_subjects_of_its_contract_only() {
        let ours = Pseudonyms::under(&[7; 32]);
        let bob = ours.of("shps", BOB);
        assert_eq!(ours.find("shps", bob, &[ANN, BOB]), Some(BOB));
        assert_eq!(ours.find("shps", bob, &[ANN]), None);
        assert_eq!(ours.find("mhep", bob, &[ANN, BOB]), None);
        assert_eq!(ours.find("shps", BOB.0, &[ANN, BOB]), None);
    }
}
