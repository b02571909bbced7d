//! The codes of top-level GraphQL errors: a promise to clients, so never renamed.
//!
//! Only faults, access and limits are top-level errors. A refusal of the domain is data in the
//! payload of its mutation and must never be raised through this module.

use std::time::Duration;

use async_graphql::{Error, ErrorExtensionValues, ServerError};

/// The stable `extensions.code` that every top-level error carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The document is not GraphQL.
    ParseFailed,
    /// The document is GraphQL, but the schema does not offer what it asks.
    ValidationFailed,
    /// The request or one of its variables has the wrong shape, or a required one is missing.
    BadUserInput,
    /// The operation to run is unknown, ambiguous, or not offered on this transport.
    OperationResolutionFailure,
    /// The document asks for more than the guard allows.
    QueryTooComplex,
    /// No document of this hash is remembered: send its text along with the hash.
    PersistedQueryNotFound,
    /// The service answers to documents that it was given beforehand, and this is none of them.
    UntrustedDocument,
    /// The caller is not known, or no longer.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The caller asks for more at once than a connection is given, or more over time than one login may: ask again,
    /// when `retryAfterMs` says.
    RateLimited,
    /// The service cannot answer in time: ask again.
    Unavailable,
    /// Something failed inside; the request id leads to the log.
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

    /// An error that a resolver may return: its message is shown to the caller as it stands.
    pub fn error(self, message: impl Into<String>) -> Error {
        let mut error = Error::new(message);
        error.extensions = Some(self.extensions());
        error
    }

    /// Whether an error that a resolver returned is of this code.
    pub fn is_of(self, error: &Error) -> bool {
        self.is_in(error.extensions.as_ref())
    }

    /// Whether the code of an error with these extensions is this one.
    pub(super) fn is_in(self, extensions: Option<&ErrorExtensionValues>) -> bool {
        extensions.and_then(|all| all.get("code")).is_some_and(|code| *code == self.as_str().into())
    }

    /// An error of a request that is not executed.
    pub(super) fn refusal(self, message: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(message, None);
        error.extensions = Some(self.extensions());
        error
    }

    /// The same, for something that may be asked again after a while.
    pub(super) fn refusal_for_now(self, message: impl Into<String>, after: Duration) -> ServerError {
        let mut error = self.refusal(message);
        error.extensions.get_or_insert_default().set("retryAfterMs", millis(after));
        error
    }

    /// An error that a resolver may return, for something that may be asked again after a while.
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
    // Rounded up: whoever comes back then is not a moment too early.
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
