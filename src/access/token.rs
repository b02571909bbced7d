//! Tokens: a short-lived statement of who a caller is, signed with a local key.
//!
//! A token's own statement of its signature algorithm is never trusted, and no key or token is ever logged.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sign_in::Basis;
use super::{Principal, Role, Scope};
use crate::clock::Clock;
use throughline_domain::fact::event::EVERY_CONTRACT;

/// The issuer and the audience of tokens from the local key.
const ISSUER: &str = "throughline";
/// The type of an access token (RFC 9068).
const TYPE: &str = "at+jwt";
/// The longest lifetime of a token, for every issuer.
const LIFE_MAX: TimeDelta = TimeDelta::days(1);
/// How far the issuer's clock may be ahead of this service's clock.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(1);

/// The local signing key.
pub struct LocalKey {
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKey(secret)")
    }
}

/// A fault with the key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or created.
    #[error("cannot use the key file {path}")]
    File {
        /// The path of the file.
        path: String,
        /// The error from the operating system.
        source: std::io::Error,
    },
    /// The file does not contain a key.
    #[error("{path} has no Ed25519 key in PEM format: give another --key, or move the file away to create a key")]
    Content {
        /// The path of the file.
        path: String,
    },
}

/// The reason why a token is not accepted. The caller gets little detail; the log has the rest.
#[derive(Debug, thiserror::Error)]
#[error("the token is not valid here: get a new one")]
pub struct InvalidToken(Flaw);

/// What the sender of a refused token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Get another token.
    AnotherToken,
    /// Ask for a role: the token is genuine, and its login has none here.
    AskForRole,
    /// Wait: too many tokens from there were not valid.
    Wait(Duration),
    /// Try again: the service cannot read the rights of its callers now.
    Later,
}

/// The fault of a token.
#[derive(Debug)]
enum Flaw {
    /// It cannot be read, was not signed with this key, or is not valid now.
    Signed(jsonwebtoken::errors::Error),
    /// It is signed, but its content is not acceptable.
    Within(&'static str),
    /// It was valid once.
    Expired,
    /// It is genuine, but its login has no role here.
    NoRole,
    /// It was not read, because too many from there were not valid.
    TooMany(Duration),
    /// It may be valid, but the rights of callers cannot be read.
    Unjudged,
}

impl InvalidToken {
    /// A token with this fault. The text must have no part of the token.
    pub(super) const fn because(reason: &'static str) -> Self {
        Self(Flaw::Within(reason))
    }

    /// A token that was valid once.
    pub(super) const fn expired() -> Self {
        Self(Flaw::Expired)
    }

    /// A genuine token of a login without a role here.
    pub(super) const fn without_role() -> Self {
        Self(Flaw::NoRole)
    }

    /// A token that is not read before this time has passed.
    pub(super) const fn unread(wait: Duration) -> Self {
        Self(Flaw::TooMany(wait))
    }

    /// A token that cannot be judged, because the rights of callers cannot be read.
    pub(super) const fn unjudged() -> Self {
        Self(Flaw::Unjudged)
    }

    /// What its sender may do.
    pub const fn remedy(&self) -> Remedy {
        match &self.0 {
            Flaw::Signed(_) | Flaw::Within(_) | Flaw::Expired => Remedy::AnotherToken,
            Flaw::NoRole => Remedy::AskForRole,
            Flaw::TooMany(wait) => Remedy::Wait(*wait),
            Flaw::Unjudged => Remedy::Later,
        }
    }

    /// Whether it was valid once and has expired.
    pub fn has_expired(&self) -> bool {
        match &self.0 {
            Flaw::Signed(error) => matches!(error.kind(), ErrorKind::ExpiredSignature),
            Flaw::Expired => true,
            Flaw::Within(_) | Flaw::NoRole | Flaw::TooMany(_) | Flaw::Unjudged => false,
        }
    }

    /// The fault, for the log. It never contains anything from the token.
    pub fn reason(&self) -> &'static str {
        match &self.0 {
            Flaw::Within(reason) => reason,
            Flaw::Expired => "the token has expired",
            Flaw::NoRole => "the login has no role here",
            Flaw::TooMany(_) => "too many tokens from this address were not valid",
            Flaw::Unjudged => "the rights of the deployment cannot be read",
            Flaw::Signed(error) => match error.kind() {
                ErrorKind::ExpiredSignature => "the token has expired",
                ErrorKind::ImmatureSignature => "the token is not valid yet",
                ErrorKind::InvalidSignature => "the token was signed with another key",
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
                    "the token is signed with an algorithm that is not accepted"
                }
                ErrorKind::InvalidIssuer => "the token is from another issuer",
                ErrorKind::InvalidAudience => "the token is for another service",
                ErrorKind::MissingRequiredClaim(_) => "the token lacks a required claim",
                _ => "the token cannot be read",
            },
        }
    }
}

/// An authenticated caller, for the lifetime of their token.
#[derive(Debug, Clone)]
pub struct Login {
    /// The caller.
    pub principal: Principal,
    /// When the token was issued.
    pub issued_at: DateTime<Utc>,
    /// The instant from which the token no longer counts.
    pub expires_at: DateTime<Utc>,
    /// What the rights of the caller rest on. None if nothing can end them before the token expires.
    pub(super) basis: Option<Basis>,
}

impl Login {
    /// A caller whose rights last as long as their token.
    pub const fn until(expires_at: DateTime<Utc>, principal: Principal, issued_at: DateTime<Utc>) -> Self {
        Self { principal, issued_at, expires_at, basis: None }
    }

    /// Completes when the rights of the caller are no longer those with which they were let in.
    pub async fn rights_change(&self) {
        match &self.basis {
            Some(basis) => basis.changes(&self.principal).await,
            None => std::future::pending().await,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    role: String,
    contracts: Vec<String>,
    /// Left out if the scope is not limited to areas.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    areas: Option<Vec<String>>,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// A value that may be left out but must not be null.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl LocalKey {
    /// Reads the key file. If it does not exist, creates it, readable only by its owner.
    pub fn read_or_make(path: &Path) -> Result<Self, KeyError> {
        let shown = || path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(pem) => Self::from_pem(&pem).ok_or_else(|| KeyError::Content { path: shown() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = write_secret(path, &new_pem()).and_then(|()| std::fs::read_to_string(path));
                let pem = made.map_err(|source| KeyError::File { path: shown(), source })?;
                Self::from_pem(&pem).ok_or_else(|| KeyError::Content { path: shown() })
            }
            Err(source) => Err(KeyError::File { path: shown(), source }),
        }
    }

    fn from_pem(pem: &str) -> Option<Self> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = BASE64.decode(body.trim()).ok()?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?;
        let signing = EncodingKey::from_ed_der(&der);
        let verifying = DecodingKey::from_ed_der(pair.public_key().as_ref());
        Some(Self { signing, verifying })
    }

    /// Issues a token for a caller, with a start and a lifetime.
    pub fn issue(&self, principal: &Principal, now: DateTime<Utc>, lasting: TimeDelta, id: Uuid) -> String {
        let contracts = match &principal.scope {
            Scope::Deployment => vec![EVERY_CONTRACT.to_owned()],
            Scope::Contracts(codes) | Scope::Areas { contracts: codes, .. } => codes.iter().cloned().collect(),
        };
        let areas = principal.scope.areas().map(|areas| areas.iter().cloned().collect());
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: principal.subject.clone(),
            role: principal.role.as_str().to_owned(),
            contracts,
            areas,
            iat: now.timestamp(),
            exp: (now + lasting).timestamp(),
            jti: id,
        };
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.signing).expect("an Ed25519 key can sign any claims")
    }

    /// Verifies a token: who the caller is and how long it is valid. It must be signed with this key and not be
    /// expired.
    pub fn verify(&self, token: &str) -> Result<Login, InvalidToken> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        // A token expires at the second that it names, not after it.
        validation.reject_tokens_expiring_in_less_than = 1;
        let data = jsonwebtoken::decode::<Claims>(token, &self.verifying, &validation);
        let data = data.map_err(|error| InvalidToken(Flaw::Signed(error)))?;
        let wrong = |reason| InvalidToken(Flaw::Within(reason));
        if data.header.typ.as_deref() != Some(TYPE) {
            return Err(wrong("the token has another type"));
        }
        // No critical extension is supported (RFC 7515 §4.1.11).
        if data.header.crit.is_some() || names_critical(token) {
            return Err(wrong("the token's header names an unknown critical extension"));
        }
        if data.claims.sub.trim().is_empty() {
            return Err(wrong("the token has no subject"));
        }
        let now = Clock::Machine.now();
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(wrong("the token has an invalid time"));
        let (issued_at, expires_at) = (instant(data.claims.iat)?, instant(data.claims.exp)?);
        if issued_at > now + AHEAD_MAX {
            return Err(wrong("the token was issued in the future"));
        }
        if expires_at - issued_at > LIFE_MAX {
            return Err(wrong("the token lives longer than a day"));
        }
        let role: Role = data.claims.role.parse().map_err(|_| wrong("the token has no valid role"))?;
        let scope = scope_of(role, data.claims.contracts, data.claims.areas).map_err(wrong)?;
        Ok(Login::until(expires_at, Principal { subject: data.claims.sub, role, scope }, issued_at))
    }
}

/// The scope of a role for these contracts, limited to these areas if there are any.
pub(super) fn scope_of(role: Role, contracts: Vec<String>, areas: Option<Vec<String>>) -> Result<Scope, &'static str> {
    let everywhere = contracts.iter().any(|code| code == EVERY_CONTRACT);
    let contracts = contracts.into_iter().collect();
    match (everywhere, areas) {
        (true, None) => Ok(Scope::Deployment),
        (false, None) => Ok(Scope::Contracts(contracts)),
        // An empty list of areas is refused, because its meaning is unclear.
        (_, Some(areas)) if areas.is_empty() => Err("the token is limited to areas but has none"),
        // Areas need named contracts and a role that may be limited to areas.
        (false, Some(areas)) if role.may_be_limited_to_areas() => {
            Ok(Scope::Areas { contracts, areas: areas.into_iter().collect() })
        }
        (_, Some(_)) => Err("the token's role or scope cannot be limited to areas"),
    }
}

/// Whether the header of a token has the parameter `crit`, even if it is null.
fn names_critical(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<serde_json::Value>(&header).ok());
    header.is_none_or(|header| header.get("crit").is_some())
}

fn new_pem() -> String {
    let pair = Ed25519KeyPair::generate().expect("the system has random bytes");
    let der = pair.to_pkcs8v1().expect("a new key can be written");
    let der: &[u8] = der.as_ref();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(der))
}

/// Writes a secret to a new file, completely or not at all, readable only by its owner. If several processes start
/// together, the first one writes, and the others read its file.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(taken) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(failed) => Err(failed.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_failed_sign_in_does_not_contain_the_token() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let key = |name: &str| LocalKey::read_or_make(&folder.path().join(name)).expect("a key");
        let (key, other) = (key("one"), key("other"));
        let principal = Principal { subject: "kw-07".to_owned(), role: Role::Keyworker, scope: Scope::Deployment };
        let now = Clock::Machine.now();
        let issued = |from: DateTime<Utc>, lasting| key.issue(&principal, from, lasting, Uuid::nil());
        for (token, reason) in [
            (issued(now - TimeDelta::hours(2), TimeDelta::hours(1)), "the token has expired"),
            (issued(now, TimeDelta::hours(25)), "the token lives longer than a day"),
            (issued(now + TimeDelta::hours(1), TimeDelta::hours(1)), "the token was issued in the future"),
            (other.issue(&principal, now, TimeDelta::hours(1), Uuid::nil()), "the token was signed with another key"),
            ("eyJ.x.y".to_owned(), "the token cannot be read"),
        ] {
            let refused = key.verify(&token).expect_err(reason);
            assert_eq!(refused.reason(), reason);
            assert!(!format!("{refused} {refused:?}").contains(&token), "{reason}");
        }
        assert!(key.verify(&issued(now, TimeDelta::days(1))).is_ok());
    }

    #[test]
    fn a_token_with_empty_or_null_areas_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let key = LocalKey::read_or_make(&folder.path().join("key")).expect("a key");
        let now = Clock::Machine.now().timestamp();
        let signed = |header: serde_json::Value, more: serde_json::Value| {
            let mut claims = serde_json::json!({
                "iss": ISSUER, "aud": ISSUER, "sub": "anna", "role": "manager", "contracts": ["shps"],
                "iat": now, "exp": now + 60, "jti": Uuid::nil(),
            });
            claims.as_object_mut().expect("claims").extend(more.as_object().expect("claims").clone());
            let part = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
            let message = format!("{}.{}", part(&header), part(&claims));
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.signing, Algorithm::EdDSA);
            format!("{message}.{}", signature.expect("a signature"))
        };
        let header = serde_json::json!({ "alg": "EdDSA", "typ": TYPE });
        let areas = |areas: serde_json::Value| serde_json::json!({ "areas": areas });
        let fine = [serde_json::json!({}), areas(serde_json::json!(["brent"]))];
        for more in fine {
            assert!(key.verify(&signed(header.clone(), more.clone())).is_ok(), "{more}");
        }
        for more in [areas(serde_json::json!([])), areas(serde_json::Value::Null)] {
            assert!(key.verify(&signed(header.clone(), more.clone())).is_err(), "{more}");
        }
        for crit in [serde_json::Value::Null, serde_json::json!([]), serde_json::json!(["exp"])] {
            let header = serde_json::json!({ "alg": "EdDSA", "typ": TYPE, "crit": crit });
            assert!(key.verify(&signed(header, serde_json::json!({}))).is_err(), "{crit}");
        }
    }
}
