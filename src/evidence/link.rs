//! Short-lived links to evidence files: signed, for one object and one caller.
//!
//! A link holds an id, an instant and a signature, and nothing about a person. It opens nothing by itself: the caller
//! still sends a token, and their rights are read again.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// The longest life of a link, in seconds.
pub const LIFE_MAX: u16 = 300;
const LABEL: &[u8] = b"throughline link to an evidence file 1";

/// The object that a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The file itself.
    File,
    /// Its small picture.
    Thumbnail,
}

impl Wanted {
    const fn path(self) -> &'static str {
        match self {
            Self::File => "",
            Self::Thumbnail => "/thumbnail",
        }
    }
}

/// What a link says beside the file.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// When it ends, in seconds since 1970.
    pub(super) expires: i64,
    /// The signature.
    pub(super) signature: String,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({}, ..)", self.expires)
    }
}

/// The key that signs links.
pub(super) struct LinkKey(hmac::Key);

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

impl LinkKey {
    /// The key that follows from the secret of a deployment, so that every server of it knows every link.
    pub(super) fn of(secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), LABEL);
        Self(hmac::Key::new(HMAC_SHA256, derived.as_ref()))
    }

    /// A link for this sender, from now on for so many seconds.
    pub(super) fn link(
        &self,
        (file, wanted): (Uuid, Wanted),
        sender: &str,
        now: DateTime<Utc>,
        seconds: u16,
    ) -> String {
        let expires = (now + TimeDelta::seconds(i64::from(seconds.min(LIFE_MAX)))).timestamp();
        let signature = hmac::sign(&self.0, &message((file, wanted), sender, expires));
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("/evidence/files/{file}{}?expires={expires}&signature={signature}", wanted.path())
    }

    /// Whether a link is of this deployment, for this object and sender, and has not ended.
    pub(super) fn accepts(&self, of: (Uuid, Wanted), signed: &Signed, sender: &str, now: DateTime<Utc>) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(&signed.signature) else { return false };
        now.timestamp() < signed.expires
            && hmac::verify(&self.0, &message(of, sender, signed.expires), &signature).is_ok()
    }
}

fn message((file, wanted): (Uuid, Wanted), sender: &str, expires: i64) -> Vec<u8> {
    let mut message = file.as_bytes().to_vec();
    message.extend(expires.to_be_bytes());
    message.extend(wanted.path().as_bytes());
    message.push(0);
    message.extend(sender.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2018-03-01T09:00:00Z".parse().expect("an instant")
    }

    fn signed(link: &str) -> Signed {
        let (_, query) = link.split_once("?expires=").expect("a query");
        let (expires, signature) = query.split_once("&signature=").expect("a signature");
        Signed { expires: expires.parse().expect("seconds"), signature: signature.to_owned() }
    }

    #[test]
    fn a_link_is_for_one_object_one_caller_and_a_short_time() {
        let key = LinkKey::of(b"secret");
        let of = (Uuid::from_u128(1), Wanted::File);
        let link = key.link(of, "keyworker ann", now(), 60);
        assert!(link.starts_with("/evidence/files/00000000-0000-0000-0000-000000000001?expires="), "{link}");
        assert!(!link.contains("ann"), "{link}");
        let signed = signed(&link);
        assert!(key.accepts(of, &signed, "keyworker ann", now()));
        assert!(!key.accepts(of, &signed, "manager ann", now()));
        assert!(!key.accepts((of.0, Wanted::Thumbnail), &signed, "keyworker ann", now()));
        assert!(!key.accepts((Uuid::from_u128(2), Wanted::File), &signed, "keyworker ann", now()));
        assert!(!key.accepts(of, &signed, "keyworker ann", now() + TimeDelta::seconds(60)));
        assert!(!LinkKey::of(b"other").accepts(of, &signed, "keyworker ann", now()));
        let longer = Signed { expires: signed.expires + 60, ..signed.clone() };
        assert!(!key.accepts(of, &longer, "keyworker ann", now()));
        for signature in ["", "not base64 !", "AAAA"] {
            let forged = Signed { signature: signature.to_owned(), ..signed.clone() };
            assert!(!key.accepts(of, &forged, "keyworker ann", now()), "{signature}");
        }
    }

    #[test]
    fn no_link_lives_longer_than_five_minutes() {
        let key = LinkKey::of(b"secret");
        let link = key.link((Uuid::from_u128(1), Wanted::File), "keyworker ann", now(), u16::MAX);
        assert_eq!(signed(&link).expires, now().timestamp() + 300);
    }
}
