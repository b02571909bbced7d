//! The codes of top-level GraphQL errors. Clients rely on them, so they are never renamed.
//!
//! Only faults, access errors and limits are top-level errors. A refusal by the domain is data in the payload of its
//! mutation and must never be raised through this module.

use std::time::Duration;

use async_graphql::{Error, ErrorExtensionValues, ServerError};

/// The stable `extensions.code` of a top-level error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The document is not valid GraphQL.
    ParseFailed,
    /// The document is valid GraphQL, but does not match the schema.
    ValidationFailed,
    /// The request or one of its variables has the wrong shape, or a required variable is missing.
    BadUserInput,
    /// The operation to run is unknown, ambiguous, or not available on this transport.
    OperationResolutionFailure,
    /// The document exceeds a limit of the guard.
    QueryTooComplex,
    /// The service has no document with this hash: send the full text together with the hash.
    PersistedQueryNotFound,
    /// The service accepts only documents registered beforehand, and this one is not registered.
    UntrustedDocument,
    /// The caller is not authenticated, or their authentication has expired.
    Unauthenticated,
    /// The caller is authenticated but not allowed to do this.
    Forbidden,
    /// The caller exceeds the limit of operations at once on a connection, or the limit over time for a login. Wait
    /// `retryAfterMs`, then try again.
    RateLimited,
    /// The service cannot answer in time. Try again.
    Unavailable,
    /// An internal error. The request id identifies it in the service's log.
    Internal,
    /// A code that the service defines for its own resolvers, in capitals with underscores.
    Host(&'static str),
}

impl Code {
    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::OperationResolutionFailure => "OPERATION_RESOLUTION_FAILURE",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::UntrustedDocument => "UNTRUSTED_DOCUMENT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
            Self::Host(code) => code,
        }
    }

    /// An error to return from a resolver. The caller sees its message unchanged.
    pub fn error(self, message: impl Into<String>) -> Error {
        let mut error = Error::new(message);
        error.extensions = Some(self.extensions());
        error
    }

    /// Whether an error from a resolver has this code.
    pub fn is_of(self, error: &Error) -> bool {
        self.is_in(error.extensions.as_ref())
    }

    /// Whether the code in these extensions is this one.
    pub(super) fn is_in(self, extensions: Option<&ErrorExtensionValues>) -> bool {
        extensions.and_then(|all| all.get("code")).is_some_and(|code| *code == self.as_str().into())
    }

    /// An error for a request that is not run.
    pub(super) fn refusal(self, message: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(message, None);
        error.extensions = Some(self.extensions());
        error
    }

    /// The same, for a request that may be repeated after a delay.
    pub(super) fn refusal_for_now(self, message: impl Into<String>, after: Duration) -> ServerError {
        let mut error = self.refusal(message);
        error.extensions.get_or_insert_default().set("retryAfterMs", millis(after));
        error
    }

    /// An error to return from a resolver, for a request that may be repeated after a delay.
    pub fn error_for_now(self, message: impl Into<String>, after: Duration) -> Error {
        let mut error = self.error(message);
        error.extensions.get_or_insert_default().set("retryAfterMs", millis(after));
        error
    }

    /// `{ code }`, ready for more keys.
    pub fn extensions(self) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.as_str());
        values
    }
}

fn millis(duration: Duration) -> u64 {
    // Rounded up, so that a client that waits exactly this long is not too early.
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
