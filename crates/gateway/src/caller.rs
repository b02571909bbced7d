//! What the gateway knows of a caller: a key to count their requests by, and how long their token is still valid.
//!
//! It must never know who a caller is or what they may do. That is for the service.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// An authenticated caller, in the service's own type.
pub trait Caller: Clone + Send + Sync + 'static {
    /// The key of this caller. Budgets, places, turns and remembered documents are counted by it.
    fn key(&self) -> CallerKey;
    /// How long the token is still valid, by the service's clock. Zero once it has expired.
    fn time_left(&self) -> Duration;
    /// Completes when the caller may no longer act as they were let in, such as when their role was taken away. Never,
    /// unless the service says otherwise.
    fn barred(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// The address at which a request arrived, as the server knows it: an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote(pub IpAddr);

/// Identifies a caller among others. The gateway compares keys and reads nothing from them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CallerKey(Arc<str>);

impl CallerKey {
    /// A key from a text. The service must give different callers different texts.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may contain a login, which does not belong in a log.
        f.write_str("CallerKey(…)")
    }
}

/// Why the service does not accept a token.
pub trait TokenRefusal: fmt::Debug + Send {
    /// The reason, for the log. It must not repeat anything from the token.
    fn reason(&self) -> &'static str;
    /// Whether the token was valid and has expired.
    fn has_expired(&self) -> bool;
    /// Whether it was refused unread, because too many before it were not valid.
    fn is_too_many(&self) -> bool {
        false
    }
}

/// The token in credentials of the form `Bearer TOKEN` (RFC 6750), if they have it.
pub fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::CallerKey;

    /// A key for tests.
    pub(crate) fn key(name: &str) -> CallerKey {
        CallerKey::new(name)
    }
}
