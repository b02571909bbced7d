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

mod answer;
mod backpressure;
mod body;
mod budget;
mod caller;
mod capacity;
mod code;
mod deadline;
pub mod guard;
mod negotiation;
mod operation;
mod persisted_documents;
mod problem;
mod socket;
mod sse;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, ObjectType, Schema, SchemaBuilder, SubscriptionType};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use self::answer::Answer;
pub use self::budget::{Budget, Overspent, PER_MINUTE};
pub use self::caller::{Caller, CallerKey, Remote, TokenRefusal, bearer};
pub use self::capacity::{Capacity, Full, REQUESTS, Taken as TakenPlace};
pub use self::code::Code;
pub use self::deadline::Stopping;
use self::guard::{Guard, Limits, Weight};
use self::negotiation::{Accepted, Taken};
pub use self::operation::Recorded;
use self::operation::{EachItem, OnlyChecked};
pub use self::persisted_documents::Documents;
pub use self::problem::Problem;
pub use self::socket::wants_socket;
use self::turns::Turns;

/// The maximum size of a request body or a socket message, variables included: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most errors in one response. `extensions.errorsOmitted` has the number of further errors.
pub const ERRORS_MAX: usize = 20;

/// What the transports need from the service.
pub trait Host: Clone + Send + Sync + 'static {
    /// An authenticated caller, in the service's own type.
    type Caller: Caller;
    /// Why the service does not accept a token.
    type TokenRefusal: TokenRefusal;
    /// Verifies a token that arrived from an address: whose it is and how long it is valid.
    fn verify(
        &self,
        token: &str,
        from: Option<Remote>,
    ) -> impl Future<Output = Result<Self::Caller, Self::TokenRefusal>> + Send;
    /// The context of one response: the caller, the loaders and the current view. The id is that of the HTTP request.
    fn data(&self, caller: &Self::Caller, request_id: &str) -> Data;
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
    pub async fn answer(&self, arrival: Arrival, caller: &H::Caller) -> Response {
        let Arrival { http, request_id, stopping } = arrival;
        let (parts, http_body) = http.into_parts();
        if parts.method != Method::POST {
            return method_not_allowed();
        }
        let Some(accepted) = negotiation::negotiate(&parts.headers) else {
            return not_acceptable();
        };
        let bytes = match body::read(&parts.headers, http_body).await {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
        let asked = body::parse(&bytes).map_err(|error| Box::new(Answer::malformed(error)));
        let operation = match asked {
            Ok(asked) => self.admit(asked, caller, &request_id).await,
            Err(malformed) => Err(malformed),
        };
        let operation = match operation {
            Ok(operation) => operation,
            Err(refused) => return self.single(*refused, accepted, caller, stopping),
        };
        if operation.kind != OperationType::Subscription {
            let executed = self.execute_in_time(operation, caller).await;
            return self.single(executed, accepted, caller, stopping);
        }
        if accepted.events == Taken::No {
            return self.single(without_events(), accepted, caller, stopping);
        }
        let answers = self.follow(operation, caller, None);
        self.events(answers.map(|(answer, _)| answer).boxed(), caller, stopping)
    }

    /// Sends the only response in the format that the client prefers.
    fn single(&self, answer: Answer, accepted: Accepted, caller: &H::Caller, stopping: Stopping) -> Response {
        match accepted {
            Accepted { single: Some(media), events: Taken::No | Taken::IfNeeded } => answer.into_response(media),
            _ => self.events(stream::once(std::future::ready(answer)).boxed(), caller, stopping),
        }
    }

    fn events(&self, answers: BoxStream<'static, Answer>, caller: &H::Caller, stopping: Stopping) -> Response {
        let keep_alive = self.patience.heartbeat;
        sse::response(answers, sse::Sending { caller: caller.clone(), stopping, keep_alive })
    }
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
