//! Writes the response of a request, for every transport.
//!
//! It must never include `data` if nothing was executed: clients use it to tell whether a mutation may have run.

use std::collections::BTreeMap;

use async_graphql::{Name, Response as Outcome, ServerError, Value};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{ERRORS_MAX, negotiation::Media};
use crate::code::Code;
use crate::guard::Cost;

/// The result of a request.
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

/// A response that is still to be written in a media type.
pub(super) struct Answer {
    stage: Stage,
    errors: Vec<ServerError>,
    extensions: BTreeMap<String, Value>,
}

impl Answer {
    /// The body is not a request.
    pub(super) fn malformed(error: ServerError) -> Self {
        Self::new(Stage::Malformed, vec![error])
    }

    /// The document is not GraphQL.
    pub(super) fn unparsed(errors: Vec<ServerError>) -> Self {
        Self::new(Stage::Unparsed, errors)
    }

    /// The operation was refused.
    pub(super) fn refused(errors: Vec<ServerError>) -> Self {
        Self::new(Stage::Refused, errors)
    }

    /// The operation was executed, with or without errors, at this cost.
    pub(super) fn executed(outcome: Outcome, cost: Cost) -> Self {
        let mut answer =
            Self::new(Stage::Executed { data: outcome.data, headers: outcome.http_headers }, outcome.errors);
        answer.extensions.extend(outcome.extensions);
        let cost = [("requested", cost.requested), ("allowed", cost.allowed)];
        let cost = cost.map(|(name, fields)| (Name::new(name), Value::from(fields)));
        answer.extensions.insert("cost".to_owned(), Value::Object(cost.into_iter().collect()));
        answer
    }

    /// Whether anything was executed.
    pub(super) const fn is_executed(&self) -> bool {
        matches!(self.stage, Stage::Executed { .. })
    }

    /// The errors to write.
    pub(super) fn errors(&self) -> &[ServerError] {
        &self.errors
    }

    /// The errors to write, for adding their codes.
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

    /// The status does not depend on the media type, so that monitoring does not count a refused request as a success.
    fn status(&self) -> StatusCode {
        match &self.stage {
            Stage::Malformed | Stage::Unparsed => StatusCode::BAD_REQUEST,
            Stage::Refused if self.has(Code::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
            Stage::Refused if self.has(Code::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Stage::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Stage::Executed { .. } if !self.errors.is_empty() => partial_success(),
            Stage::Executed { .. } => StatusCode::OK,
        }
    }

    fn has(&self, code: Code) -> bool {
        self.errors.iter().any(|error| code.is_in(error.extensions.as_ref()))
    }

    /// The number of seconds after which to retry, if an error has one.
    fn retry_after(&self) -> Option<u64> {
        let waits = self.errors.iter().filter_map(|error| error.extensions.as_ref()?.get("retryAfterMs"));
        let waits = waits.filter_map(|wait| match wait {
            Value::Number(millis) => millis.as_u64(),
            _ => None,
        });
        waits.max().map(|millis| millis.div_ceil(1000))
    }

    /// Writes the response as the body of an HTTP response.
    pub(super) fn into_response(self, media: Media) -> Response {
        let body = serde_json::to_vec(&self).expect("a GraphQL response serialises to JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let retry_after = self.retry_after();
        let headers = response.headers_mut();
        if let Stage::Executed { headers: set, .. } = self.stage {
            headers.extend(set);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // A response holds the data that one caller may see at one moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_map(None)?;
        if !self.errors.is_empty() {
            answer.serialize_entry("errors", &self.errors)?;
        }
        if let Stage::Executed { data, .. } = &self.stage {
            answer.serialize_entry("data", data)?;
        }
        if !self.extensions.is_empty() {
            answer.serialize_entry("extensions", &self.extensions)?;
        }
        answer.end()
    }
}

/// 294 Partial Success: executed, and at least one field failed.
fn partial_success() -> StatusCode {
    StatusCode::from_u16(294).expect("294 is between 100 and 999")
}
