//! The keys that sign webhooks, by Standard Webhooks 1.0: HMAC-SHA256 (`v1`) and Ed25519 (`v1a`).
//!
//! Pure, except for the random bytes of a new key. A secret is never in a message, a log line or a debug text.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::clock::Chance;

/// The number of bytes of a secret: of an HMAC key, and of the seed of an Ed25519 key.
const SECRET_BYTES: usize = 32;

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A secret that sender and receiver share.
    Hmac,
    /// A key pair. The receiver has only the public key and cannot sign itself.
    Ed25519,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Hmac, Self::Ed25519];

    /// The kind's name in tables and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A key that signs the webhooks of one subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The id of the key.
    pub id: Uuid,
    /// Its kind.
    pub kind: KeyKind,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    secret: [u8; SECRET_BYTES],
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {}, secret)", self.id, self.kind.as_str())
    }
}

impl SigningKey {
    /// A new key from the system's random numbers, also where everything else comes from a seed.
    pub fn new(kind: KeyKind, created_at: DateTime<Utc>) -> Self {
        let secret = Chance::System.bytes();
        Self { id: Chance::System.id_at(created_at), kind, created_at, secret }
    }

    /// A stored key. `None` if the secret has another length.
    pub(super) fn stored(id: Uuid, kind: KeyKind, created_at: DateTime<Utc>, secret: &[u8]) -> Option<Self> {
        Some(Self { id, kind, created_at, secret: secret.try_into().ok()? })
    }

    /// The secret, to be stored.
    pub(super) const fn secret(&self) -> &[u8; SECRET_BYTES] {
        &self.secret
    }

    /// What the receiver needs to verify: the shared secret (`whsec_…`), or the public key (`whpk_…`).
    pub fn for_the_receiver(&self) -> String {
        match self.kind {
            KeyKind::Hmac => format!("whsec_{}", BASE64.encode(self.secret)),
            KeyKind::Ed25519 => format!("whpk_{}", BASE64.encode(self.pair().public_key().as_ref())),
        }
    }

    /// What anybody may see: the public key, if there is one.
    pub fn public(&self) -> Option<String> {
        (self.kind == KeyKind::Ed25519).then(|| self.for_the_receiver())
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.secret).expect("any 32 bytes are a seed")
    }

    /// The signature of a message, with its version.
    fn sign(&self, message: &[u8]) -> String {
        match self.kind {
            KeyKind::Hmac => {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret), message);
                format!("v1,{}", BASE64.encode(tag.as_ref()))
            }
            KeyKind::Ed25519 => format!("v1a,{}", BASE64.encode(self.pair().sign(message).as_ref())),
        }
    }
}

/// The header `webhook-signature`: a signature by each key, separated by spaces. The receiver accepts the message if one
/// of them is right, so that keys can be replaced without a gap.
pub fn signatures(keys: &[SigningKey], (id, timestamp): (Uuid, i64), body: &str) -> String {
    let message = format!("{id}.{timestamp}.{body}");
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(message.as_bytes())).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use standardwebhooks::Webhook;

    use super::*;

    fn key(kind: KeyKind) -> SigningKey {
        SigningKey::new(kind, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn the_other_side_computes_the_same_hmac() {
        let (key, id) = (key(KeyKind::Hmac), Uuid::from_u128(7));
        let other = Webhook::new(&key.for_the_receiver()).expect("a secret that the other side reads");
        let theirs = other.sign(&id.to_string(), 1_519_894_800, b"{\"specversion\":\"1.0\"}").expect("a signature");
        assert_eq!(signatures(&[key], (id, 1_519_894_800), "{\"specversion\":\"1.0\"}"), theirs);
    }

    #[test]
    fn the_public_key_verifies_the_ed25519_signature_and_no_other_message() {
        let (key, id) = (key(KeyKind::Ed25519), Uuid::from_u128(7));
        let signed = signatures(std::slice::from_ref(&key), (id, 12), "body");
        let signature = BASE64.decode(signed.strip_prefix("v1a,").expect("version 1a")).expect("base64");
        let public = key.public().expect("a public key");
        let public = BASE64.decode(public.strip_prefix("whpk_").expect("a prefix")).expect("base64");
        let public = UnparsedPublicKey::new(&ED25519, public);
        assert!(public.verify(format!("{id}.12.body").as_bytes(), &signature).is_ok());
        assert!(public.verify(format!("{id}.12.bodi").as_bytes(), &signature).is_err());
    }

    #[test]
    fn while_keys_are_replaced_each_of_them_signs() {
        let keys = [key(KeyKind::Hmac), key(KeyKind::Ed25519), key(KeyKind::Hmac)];
        let signed = signatures(&keys, (Uuid::from_u128(1), 1), "x");
        let versions: Vec<&str> = signed.split(' ').filter_map(|one| one.split(',').next()).collect();
        assert_eq!(versions, ["v1", "v1a", "v1"]);
        let of_each = keys.map(|key| signatures(&[key], (Uuid::from_u128(1), 1), "x"));
        assert_eq!(signed, of_each.join(" "));
    }

    #[test]
    fn no_debug_text_has_the_secret_and_nobody_sees_a_shared_one() {
        let key = key(KeyKind::Hmac);
        let secret = key.for_the_receiver();
        assert!(!format!("{key:?}").contains(secret.trim_start_matches("whsec_")));
        assert_eq!(key.public(), None);
        assert_ne!(SigningKey::new(KeyKind::Hmac, DateTime::UNIX_EPOCH).for_the_receiver(), secret);
    }
}
