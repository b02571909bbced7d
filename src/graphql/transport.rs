//! GraphQL over HTTP, server-sent events and WebSocket. All three share one guard and one executor.
//!
//! A thin layer over `Schema::execute` and `execute_stream`. It follows the GraphQL-over-HTTP draft of August 2026,
//! with the behaviour that older `application/json` clients expect, GraphQL over SSE (distinct connections mode) and
//! `graphql-transport-ws`. Two rules protect it. An operation runs only if it was sent by POST as JSON, because a form
//! on a foreign page could send other methods and types. Internal error text is never shown: a fault becomes `INTERNAL`
//! with a request id.
//!
//! | result | status, whatever the client accepts |
//! | --- | --- |
//! | not JSON, or not shaped like a request | 400 |
//! | not GraphQL | 400 |
//! | refused by guard, validation, operation name or variables | 422 |
//! | over the login's limit, or timed out | 429, 503, with `Retry-After` |
//! | executed, with errors (`data` null or not) | 294 |
//! | executed | 200 |
//!
//! If no GraphQL response is possible (405, 406, 413, 415), the body is a problem document. For event streams all other
//! results are 200. For JSON that is not shaped like a request the draft asks for 422; 400 is what its public audits
//! and older clients expect.

mod accept;
mod answer;
mod body;
mod budget;
mod capacity;
mod documents;
mod operation;
mod problem;
mod room;
mod socket;
mod sse;
mod turns;
mod until;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, ObjectType, Schema, SchemaBuilder, SubscriptionType};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use self::accept::{Accepted, Taken};
use self::answer::Answer;
pub use self::budget::{Budget, Overspent, PER_MINUTE};
pub use self::capacity::{Capacity, Full, REQUESTS, Taken as TakenPlace};
pub use self::documents::Documents;
pub use self::operation::Recorded;
use self::operation::{EachItem, OnlyChecked};
pub use self::problem::Problem;
pub use self::socket::wants_socket;
use self::turns::Turns;
pub use self::until::Stopping;
use super::{
    code::Code,
    guard::{Guard, Limits, Weight},
};
use crate::access::Principal;
use crate::access::token::{InvalidToken, Login};
use crate::causes;
use crate::log::LogError;
use crate::store;
use crate::telemetry::repeated::Repeated;

static CANNOT_ANSWER: Repeated = Repeated::of("the store cannot answer");

/// The maximum size of a request body or a socket message, variables included: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most errors in one response. `extensions.errorsOmitted` has the number of further errors.
pub const ERRORS_MAX: usize = 20;

/// How long a client should wait before it retries when the store is unavailable.
const STORE_AGAIN: Duration = Duration::from_secs(5);

/// What the transports need from the service.
pub trait Host: Clone + Send + Sync + 'static {
    /// Verifies a token: whose it is and how long it is valid.
    fn verify(&self, token: &str) -> Result<Login, InvalidToken>;
    /// The context of one response: the caller, the loaders and the current view.
    fn data(&self, principal: &Principal) -> Data;
}

/// The timeouts of the transports.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Wait for the first message on a socket, which authenticates the client (5 s).
    pub init: Duration,
    /// Wait for a response on a socket, except for a subscription (30 s).
    pub answer: Duration,
    /// Interval between heartbeats while nothing else is sent (12 s).
    pub heartbeat: Duration,
    /// Wait for any sign of life from the client of a socket (40 s).
    pub silence: Duration,
    /// Wait for the client to close after the server has closed (5 s).
    pub farewell: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            heartbeat: Duration::from_secs(12),
            silence: Duration::from_secs(40),
            farewell: Duration::from_secs(5),
        }
    }
}

/// The limits and options of an endpoint.
#[derive(Debug, Default)]
pub struct Terms {
    /// The limits of a document.
    pub limits: Limits,
    /// The expensive parts of the schema.
    pub weights: &'static [Weight],
    /// The limits over time for each login.
    pub budget: Arc<Budget>,
    /// The limits on concurrent work.
    pub capacity: Arc<Capacity>,
    /// The documents that are accepted.
    pub documents: Documents,
    /// The origins besides the service's own whose pages may send requests and open sockets, such as
    /// `https://cases.example.org`.
    pub origins: Vec<String>,
    /// Whether the page for exploring the API is served.
    pub explorer: Explorer,
    /// The timeouts.
    pub patience: Patience,
}

impl Terms {
    /// The default options without limits over time, for measuring the service.
    pub fn without_budget() -> Self {
        Self { budget: Arc::new(Budget::per_minute(0)), ..Self::default() }
    }
}

/// The page for exploring the API, `GET /graphiql`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explorer {
    /// Anyone who can reach the service can load the page. It holds no data.
    #[default]
    Served,
    /// The page does not exist.
    Absent,
}

/// A request as the transports receive it.
pub struct Arrival {
    /// The HTTP request.
    pub http: Request,
    /// The request id. A caller can quote it from an `INTERNAL` error to find the log entry.
    pub request_id: Arc<str>,
    /// Signals when to stop.
    pub stopping: Stopping,
}

/// A schema behind the three transports.
pub struct Endpoint<Q, M, S, H> {
    schema: Schema<Q, M, S>,
    /// The same schema with the extension that re-evaluates every item of a subscription. Separate, because it slows
    /// down every field.
    followed: Schema<Q, M, S>,
    /// The same schema for validating a document without running it.
    checked: Schema<Q, M, S>,
    guard: Arc<Guard>,
    documents: Arc<Documents>,
    budget: Arc<Budget>,
    capacity: Arc<Capacity>,
    turns: Arc<Turns>,
    origins: Arc<[String]>,
    patience: Patience,
    host: H,
}

impl<Q, M, S, H: Clone> Clone for Endpoint<Q, M, S, H> {
    fn clone(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            followed: self.followed.clone(),
            checked: self.checked.clone(),
            budget: Arc::clone(&self.budget),
            capacity: Arc::clone(&self.capacity),
            turns: Arc::clone(&self.turns),
            guard: Arc::clone(&self.guard),
            documents: Arc::clone(&self.documents),
            origins: Arc::clone(&self.origins),
            patience: self.patience,
            host: self.host.clone(),
        }
    }
}

impl<Q, M, S, H> Endpoint<Q, M, S, H>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
    H: Host,
{
    /// Serves a schema.
    pub fn new(schema: impl Fn() -> SchemaBuilder<Q, M, S>, host: H, terms: Terms) -> Self {
        let followed = schema().extension(EachItem(host.clone())).finish();
        let checked = schema().extension(OnlyChecked).finish();
        let schema = schema().finish();
        Self {
            guard: Arc::new(Guard::new(&schema.sdl(), terms.limits, terms.weights)),
            budget: terms.budget,
            capacity: terms.capacity,
            turns: Arc::default(),
            documents: Arc::new(terms.documents),
            origins: terms.origins.into(),
            patience: terms.patience,
            schema,
            followed,
            checked,
            host,
        }
    }

    /// Answers one HTTP request: at once, or as an event stream for as long as the caller may listen.
    pub async fn answer(&self, arrival: Arrival, login: &Login) -> Response {
        let Arrival { http, request_id, stopping } = arrival;
        let (parts, http_body) = http.into_parts();
        if parts.method != Method::POST {
            return method_not_allowed();
        }
        let Some(accepted) = accept::negotiate(&parts.headers) else {
            return not_acceptable();
        };
        let bytes = match body::read(&parts.headers, http_body).await {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
        let asked = body::parse(&bytes).map_err(|error| Box::new(Answer::malformed(error)));
        let operation = match asked {
            Ok(asked) => self.admit(asked, &login.principal, &request_id).await,
            Err(malformed) => Err(malformed),
        };
        let operation = match operation {
            Ok(operation) => operation,
            Err(refused) => return self.single(*refused, accepted, (login, stopping)),
        };
        if operation.kind != OperationType::Subscription {
            let executed = self.execute_in_time(operation, &login.principal).await;
            return self.single(executed, accepted, (login, stopping));
        }
        if accepted.events == Taken::No {
            return self.single(without_events(), accepted, (login, stopping));
        }
        let answers = self.follow(operation, &login.principal, None);
        self.events(answers.map(|(answer, _)| answer).boxed(), (login, stopping))
    }

    /// Sends the only response in the format that the client prefers.
    fn single(&self, answer: Answer, accepted: Accepted, until: (&Login, Stopping)) -> Response {
        match accepted {
            Accepted { single: Some(media), events: Taken::No | Taken::IfNeeded } => answer.into_response(media),
            _ => self.events(stream::once(std::future::ready(answer)).boxed(), until),
        }
    }

    fn events(&self, answers: BoxStream<'static, Answer>, (login, stopping): (&Login, Stopping)) -> Response {
        let keep_alive = self.patience.heartbeat;
        sse::response(answers, sse::Sending { expires_at: login.expires_at, stopping, keep_alive })
    }
}

/// Handles a fault. The log gets the whole chain of causes; the caller gets "internal error" and a request id. If the
/// store is locked, full or unreachable, the message says so and when to retry.
pub fn fault(error: &(dyn std::error::Error + 'static)) -> async_graphql::Error {
    let chain = || std::iter::successors(Some(error), |error| error.source());
    let Some(outage) = chain().find_map(outage) else { return Code::Internal.error(causes::in_words(error)) };
    if !chain().any(is_logged) {
        CANNOT_ANSWER.met(&format_args!("{}", causes::in_words(error)));
    }
    let of_clock = chain().find_map(|cause| match cause.downcast_ref() {
        Some(off @ LogError::ClockOff(_)) => Some(off.to_string()),
        _ => None,
    });
    let message = of_clock.unwrap_or_else(|| {
        "the service cannot read or write its data now: try again in a moment, and send a mutation again with the \
         same commandId"
            .to_owned()
    });
    let mut unavailable = Code::Unavailable.error_for_now(message, STORE_AGAIN);
    let in_doubt = outage == Outage::InDoubt;
    unavailable.extensions.get_or_insert_default().set("commandInDoubt", in_doubt);
    unavailable
}

fn outage(error: &(dyn std::error::Error + 'static)) -> Option<Outage> {
    match error.downcast_ref::<LogError>() {
        Some(LogError::Unreachable) => return Some(Outage::InDoubt),
        Some(LogError::NotBegun | LogError::ClockOff(_) | LogError::Busy | LogError::Stopped) => {
            return Some(Outage::NothingDone);
        }
        _ => {}
    }
    store::is_outage(error).then_some(Outage::NothingDone)
}

/// Whether the failure was already logged where it occurred, with its cause and the number of commands affected.
fn is_logged(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(LogError::Unreachable | LogError::NotBegun | LogError::ClockOff(_)))
}

/// A store that is temporarily unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// Nothing was done.
    NothingDone,
    /// It is unknown whether the command was recorded.
    InDoubt,
}

/// The response for a method other than POST, with the headers that HTTP requires.
fn method_not_allowed() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "send operations by POST as application/json");
    ([(header::ALLOW, "POST")], problem).into_response()
}

fn not_acceptable() -> Response {
    let detail = "accept application/graphql-response+json, application/json or text/event-stream";
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail).into_response()
}

/// A subscription needs a transport that can send more than one response.
fn without_events() -> Answer {
    let message = "a single response cannot carry a subscription: accept text/event-stream, or open a WebSocket";
    Answer::refused(vec![Code::OperationResolutionFailure.refusal(message)])
}

#[cfg(test)]
mod tests;
