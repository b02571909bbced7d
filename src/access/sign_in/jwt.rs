//! JSON web tokens of an identity provider: their form, their header and their times.
//!
//! Pure. Nothing that a token says about its own verification is trusted: the algorithm must be one of the issuer's, and
//! the key is found by its id in the issuer's set. A key or an address inside a token is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token, in bytes.
pub(super) const BYTES_MAX: usize = 16 * 1024;
/// The algorithms that are accepted, with their names.
pub(super) const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("RS256", Algorithm::RS256),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
];
/// Parameters of a header that would choose the key or change how the token is read.
const FORBIDDEN_IN_HEADER: [&str; 9] = ["jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "enc", "cty"];

/// The reason why a token is not accepted. It never has a part of the token.
pub(super) type Reason = &'static str;

/// The reason for a token that was valid once.
pub(super) const EXPIRED: Reason = "the token has expired";

/// The header of a token.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A token in its parts, not verified yet.
pub(super) struct Unverified<'t> {
    message: &'t str,
    signature: &'t str,
    header: Header,
    claims: Map<String, Value>,
}

/// What an issuer's tokens must say.
pub(super) struct Expected<'a> {
    /// The issuer.
    pub(super) issuer: &'a str,
    /// The names of this service, of which a token names at least one.
    pub(super) audiences: &'a [String],
    /// How far the clocks may differ.
    pub(super) leeway: TimeDelta,
    /// The longest lifetime.
    pub(super) life_max: TimeDelta,
}

/// When a token was issued and when it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) issued_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
}

/// The claims of a token, for its signature to be checked and its rights to be read.
pub(super) type Claims = Map<String, Value>;

impl<'t> Unverified<'t> {
    /// Takes a token apart.
    pub(super) fn read(token: &'t str) -> Result<Self, Reason> {
        if token.len() > BYTES_MAX {
            return Err("the token is too long");
        }
        let unreadable = "the token cannot be read";
        let (message, signature) = token.rsplit_once('.').ok_or(unreadable)?;
        let (header, claims) = message.split_once('.').ok_or(unreadable)?;
        if claims.contains('.') || signature.is_empty() {
            return Err(unreadable);
        }
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable);
        let header = serde_json::from_slice(&decoded(header)?).map_err(|_| unreadable)?;
        let claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| unreadable)?;
        Ok(Self { message, signature, header, claims })
    }

    /// The issuer that the token names.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The subject that the token names.
    pub(super) fn subject(&self) -> Option<&str> {
        self.claims.get("sub").and_then(Value::as_str)
    }

    /// The id of the key, and the algorithm, if both are acceptable.
    pub(super) fn key(&self, types: &[String]) -> Result<(&str, Algorithm), Reason> {
        if FORBIDDEN_IN_HEADER.iter().any(|name| self.header.rest.contains_key(*name)) {
            return Err("the token's header has a parameter that is not accepted");
        }
        let of_type = self.header.typ.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
        let of_type = of_type.strip_prefix("application/").unwrap_or(&of_type);
        if !types.iter().any(|accepted| accepted == of_type) {
            return Err("the token has another type");
        }
        let algorithm = ALGORITHMS.iter().find(|(name, _)| *name == self.header.alg).map(|(_, algorithm)| *algorithm);
        let algorithm = algorithm.ok_or("the token is signed with an algorithm that is not accepted")?;
        let kid = self.header.kid.as_deref().filter(|kid| !kid.is_empty() && kid.len() <= 256);
        Ok((kid.ok_or("the token does not name its key")?, algorithm))
    }

    /// The claims, if the signature is by this key.
    pub(super) fn verified(self, key: &jsonwebtoken::DecodingKey, algorithm: Algorithm) -> Result<Claims, Reason> {
        let verdict = jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, algorithm);
        if verdict.unwrap_or(false) { Ok(self.claims) } else { Err("the token was signed with another key") }
    }
}

/// Checks who issued a token, for whom, for what use and for how long.
pub(super) fn check(claims: &Claims, expected: &Expected<'_>, now: DateTime<Utc>) -> Result<Times, Reason> {
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err("the token is from another issuer");
    }
    let is_ours =
        |audience: &Value| audience.as_str().is_some_and(|one| expected.audiences.iter().any(|our| our == one));
    let is_for_us = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().all(Value::is_string) && several.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    };
    if !is_for_us {
        return Err("the token is for another service");
    }
    is_access_token(claims)?;
    let issued_at = instant(claims, "iat")?.ok_or("the token lacks a required claim")?;
    let expires_at = instant(claims, "exp")?.ok_or("the token lacks a required claim")?;
    if expires_at + expected.leeway <= now {
        return Err(EXPIRED);
    }
    if instant(claims, "nbf")?.is_some_and(|begins| begins - expected.leeway > now) {
        return Err("the token is not valid yet");
    }
    if issued_at - expected.leeway > now {
        return Err("the token was issued in the future");
    }
    if expires_at < issued_at || expires_at - issued_at > expected.life_max {
        return Err("the token lives longer than the issuer's tokens may");
    }
    Ok(Times { issued_at, expires_at: expires_at + expected.leeway })
}

/// Refuses what an issuer signs for other purposes: identity tokens, refresh tokens, and tokens that only the holder of
/// a certain key may use, which a bearer does not show.
fn is_access_token(claims: &Claims) -> Result<(), Reason> {
    if claims.contains_key("cnf") {
        return Err("the token is bound to a key, which is not supported");
    }
    if claims.contains_key("at_hash") || claims.contains_key("c_hash") || claims.contains_key("nonce") {
        return Err("the token is an identity token, not an access token");
    }
    // Keycloak signs all kinds of tokens with one key; this claim separates them.
    match claims.get("typ") {
        None => Ok(()),
        Some(Value::String(of)) if of.eq_ignore_ascii_case("bearer") || of.eq_ignore_ascii_case("at+jwt") => Ok(()),
        Some(_) => Err("the token is not an access token"),
    }
}

/// The instant that a claim names, if it is there. It may have a fraction of a second, which is cut off.
fn instant(claims: &Claims, name: &str) -> Result<Option<DateTime<Utc>>, Reason> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let invalid = "the token has an invalid time";
    let seconds = match value.as_i64() {
        Some(seconds) => seconds,
        None => whole_seconds(value.as_f64().ok_or(invalid)?).ok_or(invalid)?,
    };
    // From 1970 to 9999.
    let seconds = Some(seconds).filter(|seconds| (0..=253_402_300_799).contains(seconds)).ok_or(invalid)?;
    DateTime::from_timestamp(seconds, 0).ok_or(invalid).map(Some)
}

fn whole_seconds(seconds: f64) -> Option<i64> {
    format!("{:.0}", seconds.floor()).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-01T09:00:00Z".parse().expect("an instant")
    }

    fn judged(change: &Value) -> Result<Times, Reason> {
        let mut claims = json!({
            "iss": "https://login.example.org", "aud": "throughline", "sub": "s-1",
            "iat": now().timestamp() - 10, "exp": now().timestamp() + 300,
        });
        let all = claims.as_object_mut().expect("claims");
        for (name, value) in change.as_object().expect("a change") {
            match value {
                Value::Null => drop(all.remove(name)),
                value => drop(all.insert(name.clone(), value.clone())),
            }
        }
        let expected = Expected {
            issuer: "https://login.example.org",
            audiences: &["throughline".to_owned(), "api://throughline".to_owned()],
            leeway: TimeDelta::seconds(30),
            life_max: TimeDelta::hours(24),
        };
        check(all, &expected, now())
    }

    #[test]
    fn times_count_with_a_small_leeway_and_in_either_kind_of_number() {
        let at = |seconds: i64| now().timestamp() + seconds;
        assert!(judged(&json!({})).is_ok());
        assert!(judged(&json!({ "iat": at(-60), "exp": at(-29) })).is_ok());
        assert_eq!(judged(&json!({ "iat": at(-60), "exp": at(-30) })), Err("the token has expired"));
        assert!(judged(&json!({ "nbf": at(30) })).is_ok());
        assert_eq!(judged(&json!({ "nbf": at(31) })), Err("the token is not valid yet"));
        assert!(judged(&json!({ "iat": at(30) })).is_ok());
        assert_eq!(judged(&json!({ "iat": at(31) })), Err("the token was issued in the future"));
        let late = judged(&json!({ "iat": at(-10), "exp": at(86_391) }));
        assert_eq!(late, Err("the token lives longer than the issuer's tokens may"));
        let exact = judged(&json!({ "exp": 1_772_356_000.75 })).expect("a token");
        assert_eq!(exact.expires_at.timestamp(), 1_772_356_030);
        for odd in [json!("2026"), json!(-1), json!(1e300), json!(true), json!([1])] {
            assert_eq!(judged(&json!({ "exp": odd })), Err("the token has an invalid time"), "{odd}");
        }
    }

    #[test]
    fn an_audience_is_one_of_ours_exactly() {
        assert!(judged(&json!({ "aud": ["account", "api://throughline"] })).is_ok());
        for other in [json!("Throughline"), json!("throughline "), json!([]), json!([1, "throughline"]), json!(null)] {
            assert_eq!(judged(&json!({ "aud": other })), Err("the token is for another service"), "{other}");
        }
    }

    #[test]
    fn only_access_tokens_of_a_bearer_are_accepted() {
        assert!(judged(&json!({ "typ": "Bearer" })).is_ok());
        for other in [
            json!({ "typ": "ID" }),
            json!({ "typ": "Refresh" }),
            json!({ "typ": 1 }),
            json!({ "nonce": "n" }),
            json!({ "at_hash": "h" }),
            json!({ "cnf": { "jkt": "x" } }),
        ] {
            assert!(judged(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_form_of_a_token_is_three_parts_of_base64() {
        for odd in ["", "a", "a.b", "a.b.c", "e30.e30.", "e30.e30.x.y", "bm8.e30.x", "e30=.e30.x"] {
            assert_eq!(Unverified::read(odd).err(), Some("the token cannot be read"), "{odd}");
        }
        let long = format!("{}.e30.x", "a".repeat(BYTES_MAX));
        assert_eq!(Unverified::read(&long).err(), Some("the token is too long"));
        // A parameter twice would let two readers see two headers.
        let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","alg":"none","typ":"JWT","kid":"k"}"#);
        assert!(Unverified::read(&format!("{twice}.e30.x")).is_err());
    }
}
