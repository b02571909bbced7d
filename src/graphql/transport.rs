//! GraphQL over HTTP: one POST, one operation, one answer.
//!
//! A thin layer of our own over `Schema::execute`, after the GraphQL-over-HTTP draft of August
//! 2026 with what `application/json` clients of older days expect. It must never run an operation
//! that came by any method but POST or as any type but JSON (a form of a foreign page could send
//! those), and never show text from inside: a fault leaves as `INTERNAL` with a request id.
//!
//! | what happened | `application/graphql-response+json` | `application/json` |
//! | --- | --- | --- |
//! | not JSON, or not shaped like a request | 400 | 400 |
//! | not GraphQL | 400 | 200 |
//! | refused by guard, validation, operation name or variables | 422 | 200 |
//! | executed, with errors (`data` null or not) | 294 | 200 |
//! | executed | 200 | 200 |
//!
//! Where no GraphQL answer can be given (405, 406, 413, 415) the body is a problem document. The
//! draft asks for 422 where JSON is not shaped like a request; 400 is what its public audits and
//! older clients look for.

mod accept;
mod answer;
mod body;
mod problem;

use std::collections::HashSet;

use async_graphql::{
    ObjectType, Pos, Request, Response as Outcome, Schema, ServerError, SubscriptionType, parser::types::OperationType,
};
use axum::{
    extract,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use self::answer::Answer;
pub use self::problem::Problem;
use super::{
    code::Code,
    guard::{self, Admitted, Limits, Refusal},
};

/// The most bytes of a request's body, variables included: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most errors in one answer; how many more there were stands in `extensions.errorsOmitted`.
pub const ERRORS_MAX: usize = 20;

/// A schema with the limits under which it answers.
pub struct Endpoint<Q, M, S> {
    schema: Schema<Q, M, S>,
    limits: Limits,
}

impl<Q, M, S> Clone for Endpoint<Q, M, S> {
    fn clone(&self) -> Self {
        Self { schema: self.schema.clone(), limits: self.limits.clone() }
    }
}

impl<Q, M, S> Endpoint<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// Serves a schema under limits.
    pub fn new(schema: Schema<Q, M, S>, limits: Limits) -> Self {
        Self { schema, limits }
    }

    /// Answers one HTTP request, whatever it is.
    ///
    /// `request_id` is what a caller may quote from an `INTERNAL` error to find the log entry.
    /// `attach` puts the actor, the loaders and whatever else resolvers need into the request; it
    /// is called only for an operation that will be executed. Who may ask at all is decided
    /// before.
    pub async fn answer(
        &self,
        http: extract::Request,
        request_id: &str,
        attach: impl FnOnce(Request) -> Request,
    ) -> Response {
        let (parts, http_body) = http.into_parts();
        if parts.method != Method::POST {
            return method_not_allowed();
        }
        let Some(media) = accept::negotiate(&parts.headers) else {
            return Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                "accept application/graphql-response+json or application/json",
            )
            .into_response();
        };
        let bytes = match body::read(&parts.headers, http_body).await {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
        let answer = match body::parse(&bytes) {
            Ok(asked) => self.execute(asked, request_id, attach).await,
            Err(malformed) => Answer::malformed(malformed),
        };
        answer.into_response(media)
    }

    /// Guards and executes one operation.
    async fn execute(&self, mut asked: Request, request_id: &str, attach: impl FnOnce(Request) -> Request) -> Answer {
        let admitted = guard::admit(&asked.query, asked.operation_name.as_deref(), &asked.variables, &self.limits)
            .and_then(without_subscription);
        let (document, fed_by_variables) = match admitted {
            Ok(admitted) => admitted.into_parts(),
            Err(refusals) => return refused(refusals),
        };
        asked.set_parsed_query(document);
        let outcome = self.schema.execute(attach(asked)).await;
        judged(outcome, &fed_by_variables, request_id)
    }
}

/// Raises a fault: the whole chain of causes for the log, and for the caller no more than
/// "internal error" and a request id.
pub fn fault(error: &(dyn std::error::Error + 'static)) -> async_graphql::Error {
    let chain: Vec<_> = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    Code::Internal.error(chain.join(": "))
}

/// Says that only POST runs anything, in the way that HTTP asks for.
fn method_not_allowed() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "send operations by POST as application/json");
    ([(header::ALLOW, "POST")], problem).into_response()
}

/// Subscriptions need a transport that can send more than one answer.
fn without_subscription(admitted: Admitted) -> Result<Admitted, Vec<Refusal>> {
    if admitted.kind == OperationType::Subscription {
        return Err(vec![Refusal::Operation {
            message: "a single answer cannot carry a subscription: send a query or a mutation".to_owned(),
        }]);
    }
    Ok(admitted)
}

fn refused(refusals: Vec<Refusal>) -> Answer {
    let syntax = matches!(refusals[..], [Refusal::Syntax { .. }]);
    let errors = refusals.into_iter().map(Into::into).collect();
    if syntax { Answer::unparsed(errors) } else { Answer::refused(errors) }
}

/// Gives every error its code and keeps what is inside inside.
///
/// The executor says nothing about whether it came to execute; but an error of execution always
/// has the path of its field, and an error of validation never has one.
fn judged(outcome: Outcome, fed_by_variables: &HashSet<Pos>, request_id: &str) -> Answer {
    let executed = outcome.errors.is_empty()
        || outcome.data != async_graphql::Value::Null
        || outcome.errors.iter().any(|error| !error.path.is_empty());
    if !executed {
        let mut answer = Answer::refused(outcome.errors);
        for error in answer.errors_mut() {
            judge_validation(error, fed_by_variables);
        }
        return answer;
    }
    let mut answer = Answer::executed(outcome);
    for error in answer.errors_mut() {
        judge_execution(error, request_id);
    }
    answer
}

fn judge_validation(error: &mut ServerError, fed_by_variables: &HashSet<Pos>) {
    error.message = guard::shortened(&error.message);
    let bad_value = error.message.starts_with("Invalid value for argument");
    let code = if bad_value && error.locations.iter().any(|at| fed_by_variables.contains(at)) {
        Code::BadUserInput
    } else {
        Code::ValidationFailed
    };
    set_code(error, code);
}

fn judge_execution(error: &mut ServerError, request_id: &str) {
    let code = error.extensions.as_ref().and_then(|all| all.get("code"));
    let is_fault = code.is_none_or(|code| *code == Code::Internal.as_str().into());
    if !is_fault {
        return;
    }
    if code.is_none() && is_unusable_input(error) {
        set_code(error, Code::BadUserInput);
        return;
    }
    tracing::error!(
        request_id,
        path = %written(error),
        error = %error.message,
        "a field could not be resolved"
    );
    "internal error".clone_into(&mut error.message);
    let mut extensions = Code::Internal.extensions();
    extensions.set("requestId", request_id);
    error.extensions = Some(extensions);
}

/// Whether the executor could not read an argument that the validator had let through, such as
/// one below a bound: the words are the library's own, and a fault raised with `?` has a source.
fn is_unusable_input(error: &ServerError) -> bool {
    error.source.is_none()
        && (error.message.starts_with("Failed to parse \"") || error.message.starts_with("Expected input type \""))
}

fn set_code(error: &mut ServerError, code: Code) {
    error.extensions.get_or_insert_default().set("code", code.as_str());
}

/// The path of an error as one text: `contract.caseload.0.days`.
fn written(error: &ServerError) -> String {
    let segments: Vec<_> = error
        .path
        .iter()
        .map(|segment| match segment {
            async_graphql::PathSegment::Field(name) => name.clone(),
            async_graphql::PathSegment::Index(index) => index.to_string(),
        })
        .collect();
    segments.join(".")
}

#[cfg(test)]
mod tests;
