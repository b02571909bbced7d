//! One key of a person: seals, opens, commits, and derives further keys.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};

use throughline_domain::fact::sealed::{KeyName, KeyVersion};

/// The label of commitments, so that a commitment is no hash of anything else.
const COMMITMENT: &[u8] = b"throughline key commitment 1\0";
/// The salt from which the keys of each use are derived.
const SALT: &[u8] = b"throughline subject key 1";

/// A key of one person and class. Clones are handles to the same. The libraries overwrite the key when the last one is
/// dropped.
#[derive(Clone)]
pub struct SubjectKey(Arc<Parts>);

struct Parts {
    name: KeyName,
    sealing: RandomizedNonceKey,
    root: Prk,
    commitment: [u8; 32],
}

/// A text that a key does not open: it was sealed under another key or for another place, or it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text was sealed under another key or for another place, or it was changed")]
pub struct NotOpened;

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(secret)")
    }
}

impl SubjectKey {
    /// The key with these bytes, which are overwritten.
    pub(crate) fn new(name: KeyName, mut bytes: [u8; 32]) -> Self {
        let root = Salt::new(HKDF_SHA256, SALT).extract(&bytes);
        let mut committed = digest::Context::new(&digest::SHA256);
        committed.update(COMMITMENT);
        committed.update(&bytes);
        let commitment = committed.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        wipe(&mut bytes);
        let mut of_sealing = derived(&root, "sealing");
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, &of_sealing).expect("32 bytes are a key");
        wipe(&mut of_sealing);
        Self(Arc::new(Parts { name, sealing, root, commitment }))
    }

    /// The name of the key.
    pub fn name(&self) -> KeyName {
        self.0.name
    }

    /// The version of the key.
    pub fn version(&self) -> KeyVersion {
        self.0.name.version
    }

    /// Seals a text for a place: nonce, sealed text and tag.
    pub fn seal(&self, place: &[u8], clear: &str) -> Vec<u8> {
        let mut text = clear.as_bytes().to_vec();
        let nonce = self.0.sealing.seal_in_place_append_tag(Aad::from(place), &mut text);
        let nonce = nonce.expect("a text of a payload can be sealed");
        let nonce: &[u8; NONCE_LEN] = nonce.as_ref();
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len());
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(&text);
        sealed
    }

    /// Opens a text that was sealed for this place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<String, NotOpened> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(NotOpened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened)?;
        let mut text = text.to_vec();
        let clear = self.0.sealing.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| NotOpened)?;
        String::from_utf8(clear.to_vec()).map_err(|_| NotOpened)
    }

    /// The commitment to this key that stands in the log.
    pub fn commitment(&self) -> [u8; 32] {
        self.0.commitment
    }

    /// A further key for one use, such as the files of this person. It is lost when this key is destroyed.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        derived(&self.0.root, label)
    }
}

fn derived(root: &Prk, label: &str) -> [u8; 32] {
    let mut key = [0; 32];
    let label = [label.as_bytes()];
    let expanded = root.expand(&label, HKDF_SHA256).expect("a short label");
    expanded.fill(&mut key).expect("32 bytes are the length of this derivation");
    key
}

/// Overwrites bytes that are no longer needed.
pub(super) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use throughline_domain::fact::envelope::{EventId, SubjectId};
    use throughline_domain::fact::sealed::{Class, Place};

    fn name(subject: u128) -> KeyName {
        KeyName { subject: SubjectId(Uuid::from_u128(subject)), class: Class::Special, version: KeyVersion(1) }
    }

    fn place(field: &str) -> Place<'_> {
        Place { event: EventId(Uuid::from_u128(1)), field, key: name(2) }
    }

    #[test]
    fn a_sealed_text_opens_only_at_its_place_and_with_its_key() {
        let key = SubjectKey::new(name(2), [7; 32]);
        let other = SubjectKey::new(name(2), [8; 32]);
        let sealed = key.seal(&place("note").binding(), "canary");
        assert_eq!(key.open(&place("note").binding(), &sealed).as_deref(), Ok("canary"));
        assert_eq!(other.open(&place("note").binding(), &sealed), Err(NotOpened), "another key");
        assert_eq!(key.open(&place("reason").binding(), &sealed), Err(NotOpened), "another field");
        let of_another = Place { key: name(3), ..place("note") };
        assert_eq!(key.open(&of_another.binding(), &sealed), Err(NotOpened), "another person");
        let event = EventId(Uuid::from_u128(9));
        assert_eq!(key.open(&Place { event, ..place("note") }.binding(), &sealed), Err(NotOpened), "another event");
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(key.open(&place("note").binding(), &flipped), Err(NotOpened), "byte {at} flipped");
        }
        assert_eq!(key.open(&place("note").binding(), &sealed[..5]), Err(NotOpened), "cut off");
        assert_ne!(key.seal(&place("note").binding(), "canary"), sealed, "the same text is never sealed alike");
    }

    #[test]
    fn a_key_derives_and_commits_without_showing_itself() {
        let key = SubjectKey::new(name(2), [7; 32]);
        assert_eq!(key.derive("evidence"), SubjectKey::new(name(2), [7; 32]).derive("evidence"));
        assert_ne!(key.derive("evidence"), key.derive("import"));
        assert_ne!(key.commitment(), SubjectKey::new(name(2), [8; 32]).commitment());
        assert_eq!(format!("{key:?}"), "SubjectKey(secret)");
    }
}
