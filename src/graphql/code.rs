//! The codes of top-level GraphQL errors: a promise to clients, so never renamed.
//!
//! Only faults, access and limits are top-level errors. A refusal of the domain is data in the
//! payload of its mutation and must never be raised through this module.

use async_graphql::{Error, ErrorExtensionValues};

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
    /// The caller is not known, or no longer.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// Something failed inside; the request id leads to the log.
    Internal,
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
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::Internal => "INTERNAL",
        }
    }

    /// An error that a resolver may return: its message is shown to the caller as it stands.
    pub fn error(self, message: impl Into<String>) -> Error {
        let mut error = Error::new(message);
        error.extensions = Some(self.extensions());
        error
    }

    /// `{ code }`, ready for more keys.
    pub(super) fn extensions(self) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.as_str());
        values
    }
}
