//! Writes what became of a request as an HTTP response.
//!
//! It must never leave an entry `data` where nothing was executed: clients tell by it whether a
//! mutation may have happened.

use std::collections::BTreeMap;

use async_graphql::{Response as Outcome, ServerError, Value};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use super::{ERRORS_MAX, accept::Media};

/// What became of a request.
enum Stage {
    /// It is not JSON or not shaped like a request.
    Malformed,
    /// Its document is not GraphQL.
    Unparsed,
    /// It was refused before execution.
    Refused,
    /// It was executed.
    Executed { data: Value, headers: HeaderMap },
}

/// An answer that is still to be written in a media type.
pub(super) struct Answer {
    stage: Stage,
    errors: Vec<ServerError>,
    extensions: BTreeMap<String, Value>,
}

impl Answer {
    /// The request is not one.
    pub(super) fn malformed(error: ServerError) -> Self {
        Self::new(Stage::Malformed, vec![error])
    }

    /// The document is not GraphQL.
    pub(super) fn unparsed(errors: Vec<ServerError>) -> Self {
        Self::new(Stage::Unparsed, errors)
    }

    /// The operation must not be executed.
    pub(super) fn refused(errors: Vec<ServerError>) -> Self {
        Self::new(Stage::Refused, errors)
    }

    /// The operation was executed, with errors or without.
    pub(super) fn executed(outcome: Outcome) -> Self {
        let mut answer =
            Self::new(Stage::Executed { data: outcome.data, headers: outcome.http_headers }, outcome.errors);
        answer.extensions.extend(outcome.extensions);
        answer
    }

    /// The errors that will be written, to be given their codes.
    pub(super) fn errors_mut(&mut self) -> &mut [ServerError] {
        &mut self.errors
    }

    fn new(stage: Stage, mut errors: Vec<ServerError>) -> Self {
        let mut extensions = BTreeMap::new();
        let omitted = errors.len().saturating_sub(ERRORS_MAX);
        if omitted > 0 {
            errors.truncate(ERRORS_MAX);
            extensions.insert("errorsOmitted".to_owned(), omitted.into());
        }
        Self { stage, errors, extensions }
    }

    fn status(&self, media: Media) -> StatusCode {
        match (&self.stage, media) {
            (Stage::Malformed, _) | (Stage::Unparsed, Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
            (Stage::Refused, Media::GraphqlResponse) => StatusCode::UNPROCESSABLE_ENTITY,
            (Stage::Executed { .. }, Media::GraphqlResponse) if !self.errors.is_empty() => partial_success(),
            (Stage::Executed { .. }, Media::GraphqlResponse) | (_, Media::Json) => StatusCode::OK,
        }
    }

    /// Writes the answer.
    pub(super) fn into_response(self, media: Media) -> Response {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            errors: Option<&'a [ServerError]>,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<&'a Value>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            extensions: &'a BTreeMap<String, Value>,
        }
        let written = Written {
            errors: Some(&self.errors[..]).filter(|errors| !errors.is_empty()),
            data: match &self.stage {
                Stage::Executed { data, .. } => Some(data),
                _ => None,
            },
            extensions: &self.extensions,
        };
        let body = serde_json::to_vec(&written).expect("a GraphQL answer holds nothing but JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status(media);
        let headers = response.headers_mut();
        if let Stage::Executed { headers: set, .. } = self.stage {
            headers.extend(set);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        // An answer holds what one caller may see at one moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// 294 Partial Success: executed, and at least one field failed.
fn partial_success() -> StatusCode {
    StatusCode::from_u16(294).expect("294 lies between 100 and 999")
}
