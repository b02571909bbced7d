//! Keys with which machines sign in: 256 random bits as text, of which only the digest is kept.
//!
//! The text is shown once, when the key is issued. It is never stored or logged.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Chance;
use throughline_domain::fact::envelope::hex;

/// How every key begins, so that scanners of leaked secrets find it.
pub const PREFIX: &str = "tl_";
/// The letters of a key by which failed sign-ins are counted.
const NAMED_BY: usize = 11;

/// A new key.
pub struct NewKey {
    /// The text that the machine sends as its token.
    pub secret: String,
    /// The digest that is recorded.
    pub digest: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewKey(secret)")
    }
}

impl NewKey {
    /// Makes a key.
    pub fn make(chance: &Chance) -> Self {
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(chance.bytes::<32>()));
        let digest = digest_of(&secret);
        Self { secret, digest }
    }
}

/// The digest of a key. It needs no salt and no slow function: nobody guesses 256 random bits.
pub fn digest_of(secret: &str) -> String {
    hex(digest(&SHA256, secret.as_bytes()).as_ref())
}

/// The beginning of a key, if the token is one.
pub(super) fn beginning(token: &str) -> Option<&str> {
    token.starts_with(PREFIX).then(|| token.get(..NAMED_BY).unwrap_or(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_random_and_found_by_its_digest() {
        let [one, other] = [NewKey::make(&Chance::System), NewKey::make(&Chance::System)];
        assert_ne!(one.secret, other.secret);
        assert_eq!((one.secret.len(), one.digest.len()), (46, 64));
        assert_eq!(digest_of(&one.secret), one.digest);
        assert!(!format!("{one:?}").contains(&one.secret));
        assert_eq!(beginning(&one.secret), Some(&one.secret[..11]));
        assert_eq!((beginning("tl_"), beginning("eyJ.e.s")), (Some("tl_"), None));
    }
}
