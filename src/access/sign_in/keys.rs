//! The signing keys of an identity provider: found by discovery, kept in memory, and fetched again when a token names
//! an unknown key or the set has grown old.
//!
//! A fetch has bounds in time and size and follows no redirect. One runs at a time for each provider, and requests whose
//! key is known never wait for it. While the provider is away, the last good set remains.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use super::jwt::ALGORITHMS;

/// The most time for one fetch, connection and body included.
const FETCH_WITHIN: Duration = Duration::from_secs(5);
/// The longest document of a provider, in bytes.
const BYTES_MAX: usize = 512 * 1024;
/// The most keys that are kept.
const KEYS_MAX: usize = 100;
/// The most requests that wait for a fetch at the same time. Further ones are refused at once.
const WAITING_MAX: usize = 16;
/// The size of RSA keys below which they are not accepted, in bytes: 2,048 bits.
const RSA_BYTES_MIN: usize = 256;

/// How often the keys of a provider are fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The least time between two fetches, whatever tokens name.
    pub(super) apart: Duration,
    /// The age from which a set is fetched again.
    pub(super) age_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { apart: Duration::from_secs(30), age_max: Duration::from_hours(1) }
    }
}

/// Why the keys of a provider could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The provider does not answer, or answers too late.
    #[error("cannot fetch {url}: check the address, the network and the certificate")]
    Away {
        /// The address.
        url: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The provider answers with another status.
    #[error("{url} answers {status}: check the URL of the issuer")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// The document is too long.
    #[error("{url} sends more than {BYTES_MAX} bytes: check the URL of the issuer")]
    TooLong {
        /// The address.
        url: String,
    },
    /// The document is not what it should be.
    #[error("{url}: {what}")]
    Content {
        /// The address.
        url: String,
        /// What is wrong, and what to do.
        what: String,
    },
}

/// A key of a provider, and the algorithms that it may be used with.
struct Key {
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys of a provider, by id.
#[derive(Default)]
pub struct KeySet {
    keys: HashMap<String, Key>,
    /// The number of keys in the document that cannot be used here.
    unusable: usize,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySet({} keys)", self.keys.len())
    }
}

impl KeySet {
    /// Reads a set of keys. Keys for other uses or of other kinds are left out.
    fn read(document: &Value) -> Result<Self, &'static str> {
        let listed = document.get("keys").and_then(Value::as_array);
        let listed = listed.ok_or("there is no list \"keys\": check the address of the keys")?;
        let mut set = Self::default();
        for value in listed.iter().take(KEYS_MAX) {
            match serde_json::from_value::<Jwk>(value.clone()).ok().and_then(|jwk| usable(&jwk)) {
                Some((id, key)) => drop(set.keys.insert(id, key)),
                None => set.unusable += 1,
            }
        }
        if set.keys.is_empty() {
            return Err(
                "no key can be used: the provider must sign with RS256, PS256, ES256 or EdDSA and name its keys",
            );
        }
        Ok(set)
    }

    /// The key with this id, if it may be used with this algorithm.
    fn find(&self, id: &str, algorithm: Algorithm) -> Option<DecodingKey> {
        self.keys.get(id).filter(|key| key.algorithms.contains(&algorithm)).map(|key| key.key.clone())
    }

    /// The ids of the keys with their algorithms, in order, and the number of keys that cannot be used.
    pub fn listed(&self) -> (Vec<(String, Vec<&'static str>)>, usize) {
        let name = |of: &Algorithm| ALGORITHMS.iter().find(|(_, known)| known == of).map(|(name, _)| *name);
        let named = |key: &Key| key.algorithms.iter().filter_map(name).collect();
        let mut listed: Vec<_> = self.keys.iter().map(|(id, key)| (id.clone(), named(key))).collect();
        listed.sort();
        (listed, self.unusable)
    }
}

/// A key as it may be used, with its id.
fn usable(jwk: &Jwk) -> Option<(String, Key)> {
    let common = &jwk.common;
    let id = common.key_id.clone().filter(|id| !id.is_empty())?;
    if common.public_key_use.as_ref().is_some_and(|of| *of != PublicKeyUse::Signature) {
        return None;
    }
    if common.key_operations.as_ref().is_some_and(|of| !of.contains(&KeyOperations::Verify)) {
        return None;
    }
    let fitting: &[Algorithm] = match &jwk.algorithm {
        // Base64 has four characters for three bytes.
        AlgorithmParameters::RSA(rsa) if rsa.n.len() * 3 / 4 >= RSA_BYTES_MIN => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => return None,
    };
    let only = common.key_algorithm.map(|only| only.to_string());
    let name = |of: &Algorithm| {
        ALGORITHMS.iter().any(|(name, known)| known == of && only.as_deref().is_none_or(|one| one == *name))
    };
    let algorithms: Vec<Algorithm> = fitting.iter().copied().filter(|of| name(of)).collect();
    if algorithms.is_empty() {
        return None;
    }
    Some((id, Key { algorithms, key: DecodingKey::from_jwk(jwk).ok()? }))
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The URL of the issuer.
    pub(super) issuer: String,
    /// The URL of the keys, if it is given and not found by discovery.
    pub(super) keys: Option<String>,
}

/// What discovery says of a provider.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

/// Whether a URL may be fetched: over TLS, or on this machine.
pub(super) fn may_be_fetched(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    matches!((url.scheme(), url.host_str()), ("https", Some(_)) | ("http", Some("localhost" | "127.0.0.1" | "[::1]")))
}

impl Source {
    /// Fetches the keys.
    pub(super) async fn fetch(&self, client: &Client) -> Result<(String, KeySet), FetchError> {
        let url = match &self.keys {
            Some(url) => url.clone(),
            None => self.discover(client).await?,
        };
        let document = fetched(client, &url).await?;
        let content = |what: &str| FetchError::Content { url: url.clone(), what: what.to_owned() };
        let set = KeySet::read(&document).map_err(content)?;
        Ok((url, set))
    }

    async fn discover(&self, client: &Client) -> Result<String, FetchError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let document = fetched(client, &url).await?;
        let content = |what: String| FetchError::Content { url: url.clone(), what };
        let found: Discovered = serde_json::from_value(document)
            .map_err(|error| content(format!("{error}: check the URL of the issuer")))?;
        if found.issuer != self.issuer {
            return Err(content(format!("the issuer calls itself {:?}: write its URL exactly so", found.issuer)));
        }
        if !may_be_fetched(&found.jwks_uri) {
            return Err(content(format!("the keys are at {:?}, which is not https", found.jwks_uri)));
        }
        Ok(found.jwks_uri)
    }
}

/// Fetches a JSON document of bounded length.
async fn fetched(client: &Client, url: &str) -> Result<Value, FetchError> {
    let away = |source: reqwest::Error| FetchError::Away { url: url.to_owned(), source: source.without_url() };
    let mut answer = client.get(url).timeout(FETCH_WITHIN).send().await.map_err(away)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Status { url: url.to_owned(), status: answer.status().as_u16() });
    }
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(away)? {
        if body.len() + part.len() > BYTES_MAX {
            return Err(FetchError::TooLong { url: url.to_owned() });
        }
        body.extend_from_slice(&part);
    }
    let content =
        |error: serde_json::Error| FetchError::Content { url: url.to_owned(), what: format!("no JSON: {error}") };
    serde_json::from_slice(&body).map_err(content)
}

/// A client for providers.
pub(super) fn client() -> reqwest::Result<Client> {
    let agent = concat!("throughline/", env!("CARGO_PKG_VERSION"));
    let quiet = Client::builder().redirect(reqwest::redirect::Policy::none()).referer(false);
    quiet.connect_timeout(Duration::from_secs(3)).user_agent(agent).build()
}

/// The keys of one provider, as last fetched.
#[derive(Debug)]
pub(super) struct Keys {
    source: Source,
    client: Client,
    pace: Pace,
    known: Mutex<Known>,
    fetching: tokio::sync::Mutex<()>,
    waiting: tokio::sync::Semaphore,
}

#[derive(Debug, Default)]
struct Known {
    set: Arc<KeySet>,
    /// When the set was fetched.
    since: Option<Instant>,
    /// When a fetch last began.
    tried: Option<Instant>,
}

impl Keys {
    pub(super) fn of(source: Source, client: Client, pace: Pace) -> Self {
        let waiting = tokio::sync::Semaphore::new(WAITING_MAX);
        Self { source, client, pace, known: Mutex::default(), fetching: tokio::sync::Mutex::default(), waiting }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // A panic elsewhere leaves the set whole: it is replaced at once.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key with this id. If it is not known, fetches the keys again, unless they were fetched just now. An old set is
    /// renewed in the background.
    pub(super) async fn find(self: &Arc<Self>, id: &str, algorithm: Algorithm) -> Option<DecodingKey> {
        if let Some(key) = self.find_known(id, algorithm) {
            if self.is_old() {
                let keys = Arc::clone(self);
                tokio::spawn(async move { keys.renew().await });
            }
            return Some(key);
        }
        let keys = Arc::clone(self);
        // In a task of its own: a client that hangs up must not end the fetch, which is not begun again for a while.
        let renewed = tokio::spawn(async move {
            let Ok(_place) = keys.waiting.try_acquire() else { return };
            keys.renew().await;
        });
        renewed.await.ok()?;
        self.find_known(id, algorithm)
    }

    fn find_known(&self, id: &str, algorithm: Algorithm) -> Option<DecodingKey> {
        let set = Arc::clone(&self.known().set);
        set.find(id, algorithm)
    }

    fn is_old(&self) -> bool {
        let known = self.known();
        known.since.is_some_and(|since| since.elapsed() > self.pace.age_max) && self.may_try(&known)
    }

    fn may_try(&self, known: &Known) -> bool {
        known.tried.is_none_or(|tried| tried.elapsed() >= self.pace.apart)
    }

    /// Fetches the keys, unless that was tried just now. Waits for a fetch in progress.
    pub(super) async fn renew(&self) {
        let _alone = self.fetching.lock().await;
        {
            let mut known = self.known();
            if !self.may_try(&known) {
                return;
            }
            known.tried = Some(Instant::now());
        }
        match self.source.fetch(&self.client).await {
            Ok((_, set)) => {
                let mut known = self.known();
                (known.set, known.since) = (Arc::new(set), Some(Instant::now()));
            }
            Err(error) => tracing::warn!(
                issuer = self.source.issuer,
                error = crate::causes::in_words(&error),
                "the keys of an identity provider could not be fetched; the last ones remain"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const N: &str = "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw";

    fn rsa(change: &Value) -> Value {
        let mut key = json!({ "kty": "RSA", "kid": "r1", "n": N, "e": "AQAB" });
        key.as_object_mut().expect("a key").extend(change.as_object().expect("a change").clone());
        key
    }

    fn read(keys: &[Value]) -> Result<KeySet, &'static str> {
        KeySet::read(&json!({ "keys": keys }))
    }

    #[test]
    fn a_key_is_used_only_for_signatures_of_its_algorithms() {
        let set = read(&[rsa(&json!({}))]).expect("a set");
        assert!(set.find("r1", Algorithm::RS256).is_some() && set.find("r1", Algorithm::PS256).is_some());
        assert!(set.find("r1", Algorithm::ES256).is_none() && set.find("r2", Algorithm::RS256).is_none());
        let only = read(&[rsa(&json!({ "alg": "PS256", "use": "sig" }))]).expect("a set");
        assert!(only.find("r1", Algorithm::RS256).is_none() && only.find("r1", Algorithm::PS256).is_some());
        for unusable in [
            rsa(&json!({ "use": "enc" })),
            rsa(&json!({ "key_ops": ["sign"] })),
            rsa(&json!({ "alg": "RS512" })),
            rsa(&json!({ "kid": "" })),
            rsa(&json!({ "n": &N[..160] })),
            json!({ "kty": "oct", "kid": "r1", "k": "c2VjcmV0" }),
            json!({ "kty": "EC", "kid": "r1", "crv": "P-384", "x": "AA", "y": "AA" }),
            json!({ "kty": "lattice", "kid": "r1" }),
            json!(7),
        ] {
            assert!(read(std::slice::from_ref(&unusable)).is_err(), "{unusable}");
            let set = read(&[unusable, rsa(&json!({ "kid": "r2" }))]).expect("the other key");
            assert_eq!(set.listed(), (vec![("r2".to_owned(), vec!["RS256", "PS256"])], 1));
        }
    }

    #[test]
    fn keys_are_fetched_over_tls_or_from_this_machine() {
        for url in ["https://login.example.org/keys", "http://127.0.0.1:9/x", "http://localhost/", "http://[::1]:80/"] {
            assert!(may_be_fetched(url), "{url}");
        }
        for url in ["http://login.example.org/", "http://127.0.0.1.example.org/", "file:///etc/keys", "keys", ""] {
            assert!(!may_be_fetched(url), "{url}");
        }
    }
}
