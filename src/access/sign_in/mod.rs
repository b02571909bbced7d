//! Sign-in: whose a token is, and which rights they have now.
//!
//! Tokens are from identity providers, from the local key, or are keys of machines. Rights are from the claims of a
//! token or from the grants of this deployment. A caller is never let in without a role, and no part of a token is ever
//! logged.

mod claims;
mod failures;
mod issuers;
mod jwt;
mod keys;
mod rights;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::watch;

use super::token::{InvalidToken, LocalKey, Login, Remedy, scope_of};
use super::{Principal, Role, api_key};
use crate::app::App;
use crate::clock::Clock;
use crate::log::Log;
use crate::record::{DEPLOYMENT_ZONE, civil_day, end_of_day};
use crate::telemetry::repeated::Repeated;
use failures::Failures;
pub use issuers::IssuersError;
use issuers::{IssuerTerms, RolesFrom};
use jwt::{Expected, Unverified};
use keys::Keys;
pub use keys::{FetchError, KeySet};
use rights::Rights;
use throughline_domain::access::Access;
use throughline_domain::fact::envelope::ApiKeyId;
use throughline_gateway::Remote;

static NOT_NOTED: Repeated = Repeated::warning("the use of a key could not be recorded");

/// How often the use of a key is recorded at most.
const USE_NOTED_EVERY: Duration = Duration::from_mins(1);

/// Whose tokens are accepted.
pub struct SignIn {
    local: Option<Arc<LocalKey>>,
    issuers: Vec<IssuerTerms>,
    client: Option<reqwest::Client>,
    proxies: Vec<IpAddr>,
}

/// Why the settings for signing in cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The file cannot be read.
    #[error("cannot read the issuers in {path}: check the name and your permissions")]
    File {
        /// The path of the file.
        path: String,
        /// The error from the operating system.
        source: std::io::Error,
    },
    /// The file has an error.
    #[error("{path}, {source}")]
    Content {
        /// The path of the file.
        path: String,
        /// The error.
        source: IssuersError,
    },
    /// Nobody could sign in.
    #[error("nobody could sign in: give --issuers, or leave --no-local-tokens out")]
    Nobody,
    /// The client for identity providers cannot be made.
    #[error("cannot prepare connections to identity providers: check the certificates of this machine")]
    Client(#[from] reqwest::Error),
}

impl From<Arc<LocalKey>> for SignIn {
    /// Tokens of the local key and keys of machines.
    fn from(key: Arc<LocalKey>) -> Self {
        Self { local: Some(key), issuers: Vec::new(), client: None, proxies: Vec::new() }
    }
}

/// What is found at the provider of an issuer.
pub struct Checked {
    /// The URL of the issuer.
    pub issuer: String,
    /// The address of its keys and the keys, or why they cannot be fetched.
    pub found: Result<(String, KeySet), FetchError>,
}

impl SignIn {
    /// The settings of a server: the local key, unless its tokens are not accepted, and the file of issuers, if there is
    /// one.
    pub fn read(local: Option<Arc<LocalKey>>, issuers: Option<&Path>) -> Result<Self, SignInError> {
        let (issuers, client) = match issuers {
            Some(file) => (issuers_in(file)?, Some(keys::client()?)),
            None => (Vec::new(), None),
        };
        if local.is_none() && issuers.is_empty() {
            return Err(SignInError::Nobody);
        }
        Ok(Self { local, issuers, client, proxies: Vec::new() })
    }

    /// The same settings for a server behind these proxies. Their statement of where a request is from is believed.
    #[must_use]
    pub fn behind(self, proxies: &[IpAddr]) -> Self {
        Self { proxies: proxies.iter().map(IpAddr::to_canonical).collect(), ..self }
    }

    /// The trusted proxies before the server.
    pub fn proxies(&self) -> &[IpAddr] {
        &self.proxies
    }

    /// Fetches the keys of every issuer in a file, to see whether its tokens could be verified.
    pub async fn check(file: &Path) -> Result<Vec<Checked>, SignInError> {
        let (issuers, client) = (issuers_in(file)?, keys::client()?);
        let mut checked = Vec::new();
        for terms in issuers {
            let found = terms.source.fetch(&client).await;
            checked.push(Checked { issuer: terms.source.issuer, found });
        }
        Ok(checked)
    }
}

fn issuers_in(file: &Path) -> Result<Vec<IssuerTerms>, SignInError> {
    let path = || file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|source| SignInError::File { path: path(), source })?;
    issuers::read(&text).map_err(|source| SignInError::Content { path: path(), source })
}

/// What the rights of a caller rest on, and the rights as they are now.
#[derive(Clone)]
pub(super) struct Basis {
    rights: watch::Receiver<Arc<Access>>,
    day: NaiveDate,
    /// The first day without the rights, as it was then.
    until: Option<NaiveDate>,
    kind: Arc<Kind>,
}

impl fmt::Debug for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Basis")
    }
}

impl Basis {
    /// Completes when the caller would no longer be let in with the same rights, or not for as long.
    pub(super) async fn changes(&self, principal: &Principal) {
        let mut rights = self.rights.clone();
        let lasts = |until: Option<NaiveDate>| until.unwrap_or(NaiveDate::MAX);
        let differ = |access: &Arc<Access>| match self.kind.rights(access, self.day) {
            Ok(now) => now.principal != *principal || lasts(now.until) < lasts(self.until),
            Err(_) => true,
        };
        if rights.wait_for(differ).await.is_err() {
            // Nothing can change any more.
            std::future::pending::<()>().await;
        }
    }
}

/// What the rights of a caller rest on.
enum Kind {
    /// The claims of a token.
    Stated { principal: Principal, issued_at: DateTime<Utc> },
    /// The grants of this deployment, or else the claims of the token if they may count.
    Granted { login: String, issuer: String, issued_at: DateTime<Utc>, otherwise: Option<Principal> },
    /// A key of a machine, by its digest.
    Key { digest: String },
}

/// A caller with their rights, and the first day without them.
struct Rightful {
    principal: Principal,
    until: Option<NaiveDate>,
    key: Option<ApiKeyId>,
}

impl Kind {
    fn rights(&self, access: &Access, day: NaiveDate) -> Result<Rightful, InvalidToken> {
        let ended = |login: &str, issued_at: DateTime<Utc>| {
            let why = InvalidToken::because("the sessions of the login were ended after the token was issued");
            if access.is_ended(login, issued_at) { Err(why) } else { Ok(()) }
        };
        let lasting = |principal: &Principal| Rightful { principal: principal.clone(), until: None, key: None };
        match self {
            Self::Stated { principal, issued_at } => {
                ended(&principal.subject, *issued_at)?;
                Ok(lasting(principal))
            }
            Self::Granted { login, issuer, issued_at, otherwise } => {
                ended(login, *issued_at)?;
                let Some(grant) = access.grant_of(login, issuer, day) else {
                    return otherwise.as_ref().map(lasting).ok_or_else(InvalidToken::without_role);
                };
                let (role, areas) = (grant.details.role, grant.details.areas.clone());
                let areas = Some(areas).filter(|areas| !areas.is_empty());
                let scope = scope_of(role, grant.details.contracts.clone(), areas).map_err(InvalidToken::because)?;
                let principal = Principal { subject: login.clone(), role, scope };
                Ok(Rightful { principal, until: grant.details.until, key: None })
            }
            Self::Key { digest } => {
                let key = access.key_of(digest, day);
                let key = key.ok_or(InvalidToken::because("there is no such key, or it is no longer accepted"))?;
                let areas = Some(key.details.areas.clone()).filter(|areas| !areas.is_empty());
                let scope = scope_of(Role::Integrator, key.details.contracts.clone(), areas);
                let scope = scope.map_err(InvalidToken::because)?;
                let principal = Principal { subject: key.details.label.clone(), role: Role::Integrator, scope };
                Ok(Rightful { principal, until: Some(key.ends_on), key: Some(key.details.key) })
            }
        }
    }
}

/// An issuer whose tokens are accepted.
struct Issuer {
    terms: IssuerTerms,
    keys: Arc<Keys>,
}

impl Issuer {
    /// Verifies a token of this issuer. Returns what the rights of its holder rest on, and when it expires.
    async fn verify(&self, token: Unverified<'_>) -> Result<(Kind, DateTime<Utc>), InvalidToken> {
        let terms = &self.terms;
        let (id, algorithm) = token.key(&terms.types).map_err(InvalidToken::because)?;
        let key = self.keys.find(id, algorithm).await;
        let key = key.ok_or(InvalidToken::because("the token was signed with another key"))?;
        let claims = token.verified(&key, algorithm).map_err(InvalidToken::because)?;
        let expected = Expected {
            issuer: &terms.source.issuer,
            audiences: &terms.audiences,
            leeway: terms.leeway,
            life_max: terms.life_max,
        };
        let times = jwt::check(&claims, &expected, Clock::Machine.now()).map_err(|reason| match reason {
            jwt::EXPIRED => InvalidToken::expired(),
            reason => InvalidToken::because(reason),
        })?;
        let login = terms.mapping.login(&claims).map_err(InvalidToken::because)?;
        let stated = terms.mapping.principal(&login, &claims).map_err(InvalidToken::because)?;
        let (issuer, issued_at) = (terms.source.issuer.clone(), times.issued_at);
        let kind = match (terms.roles_from, stated) {
            (RolesFrom::Claims, Some(principal)) => Kind::Stated { principal, issued_at },
            (RolesFrom::Claims, None) => return Err(InvalidToken::without_role()),
            (RolesFrom::Deployment | RolesFrom::Both, otherwise) => {
                Kind::Granted { login, issuer, issued_at, otherwise }
            }
        };
        Ok((kind, times.expires_at))
    }
}

/// How many sign-ins failed.
#[derive(Debug, Default)]
pub struct Tally {
    failed: AtomicU64,
    unread: AtomicU64,
}

impl Tally {
    /// The number of tokens that were not valid, and of those that were not read because of too many of these.
    pub fn read(&self) -> (u64, u64) {
        (self.failed.load(Ordering::Relaxed), self.unread.load(Ordering::Relaxed))
    }
}

/// Lets callers in, by their tokens and by the rights of now.
pub struct Gate {
    local: Option<Arc<LocalKey>>,
    issuers: Vec<Issuer>,
    rights: Arc<Rights>,
    failures: Failures,
    uses: Mutex<HashMap<ApiKeyId, Instant>>,
    tally: Tally,
    log: Log,
    clock: Arc<Clock>,
}

impl Gate {
    /// The gate of an application. Fetches the keys of the issuers in the background.
    pub fn of(app: &App, sign_in: SignIn) -> Arc<Self> {
        let SignIn { local, issuers, client, proxies: _ } = sign_in;
        let client = client.unwrap_or_default();
        let issuer = |terms: IssuerTerms| {
            let keys = Arc::new(Keys::of(terms.source.clone(), client.clone(), terms.pace));
            let first = Arc::clone(&keys);
            tokio::spawn(async move { first.renew().await });
            Issuer { terms, keys }
        };
        let rights = Arc::new(Rights::of(app.log.clone()));
        tokio::spawn(rights::keep_up(Arc::downgrade(&rights), app.log.newest()));
        Arc::new(Self {
            local,
            issuers: issuers.into_iter().map(issuer).collect(),
            rights,
            failures: Failures::default(),
            uses: Mutex::default(),
            tally: Tally::default(),
            log: app.log.clone(),
            clock: Arc::clone(&app.clock),
        })
    }

    /// How many sign-ins failed here.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Verifies a token that arrived from an address: who the caller is, what they may do, and how long.
    pub async fn verify(&self, token: &str, from: Option<Remote>) -> Result<Login, InvalidToken> {
        let beginning = api_key::beginning(token);
        let unverified = if beginning.is_some() { None } else { Some(Unverified::read(token)) };
        let subject = unverified.as_ref().and_then(|read| read.as_ref().ok()?.subject());
        let name = beginning.or(subject).map(str::to_owned);
        if let Some(wait) = self.failures.wait(from, name.as_deref(), token) {
            self.tally.unread.fetch_add(1, Ordering::Relaxed);
            return Err(InvalidToken::unread(wait));
        }
        let judged = match unverified {
            None => self.let_in(Kind::Key { digest: api_key::digest_of(token) }, None).await,
            Some(Ok(read)) => self.by_issuer(read, token).await,
            Some(Err(reason)) => Err(InvalidToken::because(reason)),
        };
        match &judged {
            Ok(_) => self.failures.accepted(token),
            Err(error) => self.count(error, from, name.as_deref()),
        }
        judged
    }

    fn count(&self, error: &InvalidToken, from: Option<Remote>, name: Option<&str>) {
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
        // A token that has expired, or that gives no role, was genuine.
        if error.has_expired() || error.remedy() != Remedy::AnotherToken {
            return;
        }
        if self.failures.count(from, name) {
            let address = from.map(|Remote(address)| address.to_string()).unwrap_or_default();
            tracing::warn!(address, "too many sign-ins failed: tokens from this address must wait");
        }
    }

    /// Verifies a token of the issuer that it names.
    async fn by_issuer(&self, read: Unverified<'_>, token: &str) -> Result<Login, InvalidToken> {
        let named = self.issuers.iter().find(|issuer| Some(issuer.terms.source.issuer.as_str()) == read.issuer());
        if let Some(issuer) = named {
            let (kind, expires_at) = issuer.verify(read).await?;
            return self.let_in(kind, Some(expires_at)).await;
        }
        let Some(local) = &self.local else { return Err(InvalidToken::because("the token is from another issuer")) };
        let login = local.verify(token)?;
        let kind = Kind::Stated { principal: login.principal, issued_at: login.issued_at };
        self.let_in(kind, Some(login.expires_at)).await
    }

    /// Lets a caller in, if they have rights now.
    async fn let_in(&self, kind: Kind, expires_at: Option<DateTime<Utc>>) -> Result<Login, InvalidToken> {
        let access = self.rights.current().await.ok_or(InvalidToken::unjudged())?;
        let (now, here) = (Clock::Machine.now(), self.clock.now());
        let day = civil_day(here, DEPLOYMENT_ZONE);
        let Rightful { principal, until, key } = kind.rights(&access, day)?;
        if let Some(key) = key {
            self.note_use(key, here);
        }
        // Rights end by the clock of the service, and tokens by that of the machine.
        let ends = until.and_then(|day| day.pred_opt()).map(|last| now + (end_of_day(last, DEPLOYMENT_ZONE) - here));
        let issued_at = match &kind {
            Kind::Stated { issued_at, .. } | Kind::Granted { issued_at, .. } => *issued_at,
            Kind::Key { .. } => now,
        };
        let expires_at = expires_at.into_iter().chain(ends).min().unwrap_or(now);
        let basis = Basis { rights: self.rights.follow(), day, until, kind: Arc::new(kind) };
        Ok(Login { principal, issued_at, expires_at, basis: Some(basis) })
    }

    /// Records the use of a key, unless that was done within the last minute.
    fn note_use(&self, key: ApiKeyId, at: DateTime<Utc>) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.get(&key).is_some_and(|noted| noted.elapsed() < USE_NOTED_EVERY) {
            return;
        }
        uses.insert(key, Instant::now());
        drop(uses);
        let log = self.log.clone();
        tokio::spawn(async move {
            if let Err(error) = log.key_used(key, at).await {
                NOT_NOTED.met(&error);
            }
        });
    }
}
