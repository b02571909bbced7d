//! A small identity provider of our own: its keys, its tokens, and the ways in which it may fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use throughline::clock::Clock;
use tokio::net::TcpListener;

/// The algorithms that are accepted, each with the id of the key that signs with it.
pub(super) const ALGORITHMS: [(&str, &str); 4] = [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")];
/// The name of this service at the provider.
pub(super) const AUDIENCE: &str = "throughline";

/// A signing key.
pub(super) enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
}

/// RSA keys take long to make, so all providers share one.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| rsa_of(KeySize::Rsa2048));

fn rsa_of(size: KeySize) -> Vec<u8> {
    use aws_lc_rs::encoding::AsDer as _;
    let pair = RsaKeyPair::generate(size).expect("an RSA key");
    pair.as_der().expect("a new key can be written").as_ref().to_vec()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl SigningKey {
    pub(super) fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&RSA).expect("an RSA key")))
    }

    /// An RSA key that no other provider has.
    pub(super) fn another_rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&rsa_of(KeySize::Rsa2048)).expect("an RSA key")))
    }

    pub(super) fn ec() -> Self {
        Self::Ec(Box::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("an EC key")))
    }

    pub(super) fn ed() -> Self {
        Self::Ed(Box::new(Ed25519KeyPair::generate().expect("an Ed25519 key")))
    }

    /// The public half, under an id.
    pub(super) fn public(&self, id: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "kid": id, "use": "sig", "n": encoded(public.n), "e": encoded(public.e) })
            }
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": encoded(x), "y": encoded(y) })
            }
            Self::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": encoded(pair.public_key().as_ref()) })
            }
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding =
                    if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with this header and these claims.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let algorithm = header["alg"].as_str().unwrap_or_default();
        format!("{message}.{}", encoded(self.sign(algorithm, message.as_bytes())))
    }
}

/// How the provider answers when its keys are fetched.
pub(super) enum Answers {
    /// With these keys.
    Keys(Vec<Value>),
    /// With a status of failure.
    Status(StatusCode),
    /// Never.
    Never,
    /// With a document without an end.
    Endless,
    /// With another document.
    Nonsense,
}

#[derive(Clone)]
struct Served {
    url: String,
    answers: Arc<Mutex<Answers>>,
    fetched: Arc<AtomicUsize>,
}

/// The provider, until it is dropped.
pub(super) struct Provider {
    pub(super) url: String,
    rsa: SigningKey,
    ec: SigningKey,
    ed: SigningKey,
    served: Served,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (rsa, ec, ed) = (SigningKey::rsa(), SigningKey::ec(), SigningKey::ed());
        let keys = vec![rsa.public("rsa"), ec.public("ec"), ed.public("ed")];
        let served =
            Served { url: url.clone(), answers: Arc::new(Mutex::new(Answers::Keys(keys))), fetched: Arc::default() };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_of))
            .with_state(served.clone());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { url, rsa, ec, ed, served, task }
    }

    /// From now on it answers so.
    pub(super) fn answers(&self, answers: Answers) {
        *self.served.answers.lock().expect("no panic while holding it") = answers;
    }

    /// How often its keys were fetched.
    pub(super) fn fetched(&self) -> usize {
        self.served.fetched.load(Ordering::SeqCst)
    }

    pub(super) fn key(&self, id: &str) -> &SigningKey {
        match id {
            "rsa" => &self.rsa,
            "ec" => &self.ec,
            _ => &self.ed,
        }
    }

    /// The keys that it begins with.
    pub(super) fn public_keys(&self) -> Vec<Value> {
        ["rsa", "ec", "ed"].map(|id| self.key(id).public(id)).to_vec()
    }

    /// The claims of a good token of a manager.
    pub(super) fn claims(&self) -> Value {
        let now = Clock::Machine.now().timestamp();
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": "s-4711", "preferred_username": "ann", "iat": now - 1,
            "exp": now + 300, "realm_access": { "roles": ["offline_access", "tl-manager"] }, "groups": ["/tl/shps"],
        })
    }

    /// A good token of a manager, signed with an algorithm.
    pub(super) fn token(&self, (algorithm, id): (&str, &str)) -> String {
        self.key(id).token(&header(algorithm, id), &self.claims())
    }

    /// The file that trusts this provider, with further lines for the issuer.
    pub(super) fn trusted(&self, further: &str) -> String {
        format!("[[issuer]]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\nkeys_every_seconds = 0\n{further}\n", self.url)
    }
}

/// How the claims of this provider are read.
pub(super) const CLAIMS: &str = "
[issuer.claims]
login = \"preferred_username\"
roles = \"realm_access.roles\"
contracts = \"groups\"

[issuer.role_names]
tl-manager = \"manager\"
tl-keyworker = \"keyworker\"

[issuer.contract_names]
\"/tl/shps\" = \"shps\"
";

/// The header of a good token.
pub(super) fn header(algorithm: &str, id: &str) -> Value {
    json!({ "alg": algorithm, "typ": "at+jwt", "kid": id })
}

async fn discovery(State(served): State<Served>) -> Response {
    axum::Json(json!({ "issuer": served.url, "jwks_uri": format!("{}/keys", served.url) })).into_response()
}

async fn keys_of(State(served): State<Served>) -> Response {
    served.fetched.fetch_add(1, Ordering::SeqCst);
    let answer = match &*served.answers.lock().expect("no panic while holding it") {
        Answers::Keys(keys) => Some(axum::Json(json!({ "keys": keys })).into_response()),
        Answers::Status(status) => Some(status.into_response()),
        Answers::Nonsense => Some("<html>maintenance</html>".into_response()),
        Answers::Endless => {
            let part = Ok::<_, std::convert::Infallible>(vec![b' '; 64 * 1024]);
            let parts = futures_util::stream::repeat_with(move || part.clone());
            Some(axum::body::Body::from_stream(parts).into_response())
        }
        Answers::Never => None,
    };
    match answer {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}
