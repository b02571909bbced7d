//! GraphQL over HTTP, over server-sent events and over a WebSocket: one guard and one executor behind all three.
//!
//! A thin layer of our own over `Schema::execute` and `execute_stream`, after the GraphQL-over-HTTP draft of August
//! 2026 with what `application/json` clients of older days expect, GraphQL over SSE (distinct connections) and
//! `graphql-transport-ws`. It must never run an operation that came by any method but POST or as any type but JSON (a
//! form of a foreign page could send those), and never show text from inside: a fault leaves as `INTERNAL` with a
//! request id.
//!
//! | what happened | status, whatever the client accepts |
//! | --- | --- |
//! | not JSON, or not shaped like a request | 400 |
//! | not GraphQL | 400 |
//! | refused by guard, validation, operation name or variables | 422 |
//! | the caller has spent what a login may, or it took too long | 429, 503, with `Retry-After` |
//! | executed, with errors (`data` null or not) | 294 |
//! | executed | 200 |
//!
//! Where no GraphQL answer can be given (405, 406, 413, 415) the body is a problem document. As events everything else
//! is 200. The draft asks for 422 where JSON is not shaped like a request; 400 is what its public audits and older
//! clients look for.

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
pub use self::caller::{Caller, CallerKey, TokenRefusal, bearer};
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

/// The most bytes of a request's body or of a message on a socket, variables included: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most errors in one answer; how many more there were stands in `extensions.errorsOmitted`.
pub const ERRORS_MAX: usize = 20;

/// What the transports ask of the service that they belong to.
pub trait Host: Clone + Send + Sync + 'static {
    /// An authenticated caller, in the service's own type.
    type Caller: Caller;
    /// Why the service does not accept a token.
    type TokenRefusal: TokenRefusal;
    /// Who a token says that somebody is, and for how long.
    fn verify(&self, token: &str) -> Result<Self::Caller, Self::TokenRefusal>;
    /// What resolvers need for one answer to somebody: who asks, the loaders and the view of this moment.
    fn data(&self, caller: &Self::Caller) -> Data;
}

/// How long the transports wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first message on a socket, which says who is there (5 s).
    pub init: Duration,
    /// For an answer on a socket that is not a subscription's (30 s).
    pub answer: Duration,
    /// Between two signs of life that are sent where nothing else is (12 s).
    pub heartbeat: Duration,
    /// For a sign of life of whoever holds a socket (40 s).
    pub silence: Duration,
    /// For the other side to close after us (5 s).
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

/// What an endpoint allows.
#[derive(Debug, Default)]
pub struct Terms {
    /// What a document may ask for.
    pub limits: Limits,
    /// What is dear in the schema.
    pub weights: &'static [Weight],
    /// What each caller may spend over time.
    pub budget: Arc<Budget>,
    /// How much is worked on at once.
    pub capacity: Arc<Capacity>,
    /// Which documents are answered to.
    pub documents: Documents,
    /// The origins beside the service's own whose pages may ask and open a socket, such as `https://cases.example.org`.
    pub origins: Vec<String>,
    /// Whether the page to explore the API with is there.
    pub explorer: Explorer,
    /// How long to wait.
    pub patience: Patience,
}

impl Terms {
    /// The usual terms, under which nobody's budget ends: to measure the service.
    pub fn without_budget() -> Self {
        Self { budget: Arc::new(Budget::per_minute(0)), ..Self::default() }
    }
}

/// The page to explore the API with, `GET /graphiql`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explorer {
    /// Everybody who reaches the service may load it: it holds no data.
    #[default]
    Served,
    /// There is no such page.
    Absent,
}

/// A request as the transports take it.
pub struct Arrival {
    /// The request itself.
    pub http: Request,
    /// What a caller may quote from an `INTERNAL` error to find the log entry.
    pub request_id: Arc<str>,
    /// Tells when to stop.
    pub stopping: Stopping,
}

/// A schema behind the three transports, under terms.
pub struct Endpoint<Q, M, S, H> {
    schema: Schema<Q, M, S>,
    /// The same schema, which makes every item of a subscription anew. Kept apart, for it makes every field slower.
    followed: Schema<Q, M, S>,
    /// The same schema, which validates a document and executes nothing.
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

    /// Answers one HTTP request of somebody, whatever it is: at once, or as events for as long as they may listen.
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
            Err(refused) => return self.single(*refused, accepted, (caller, stopping)),
        };
        if operation.kind != OperationType::Subscription {
            let executed = self.execute_in_time(operation, caller).await;
            return self.single(executed, accepted, (caller, stopping));
        }
        if accepted.events == Taken::No {
            return self.single(without_events(), accepted, (caller, stopping));
        }
        let answers = self.follow(operation, caller, None);
        self.events(answers.map(|(answer, _)| answer).boxed(), (caller, stopping))
    }

    /// Sends the only answer as the client prefers it.
    fn single(&self, answer: Answer, accepted: Accepted, until: (&H::Caller, Stopping)) -> Response {
        match accepted {
            Accepted { single: Some(media), events: Taken::No | Taken::IfNeeded } => answer.into_response(media),
            _ => self.events(stream::once(std::future::ready(answer)).boxed(), until),
        }
    }

    fn events(&self, answers: BoxStream<'static, Answer>, (caller, stopping): (&H::Caller, Stopping)) -> Response {
        let keep_alive = self.patience.heartbeat;
        sse::response(answers, sse::Sending { caller: caller.clone(), stopping, keep_alive })
    }
}

/// Says that only POST runs anything, in the way that HTTP asks for.
fn method_not_allowed() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "send operations by POST as application/json");
    ([(header::ALLOW, "POST")], problem).into_response()
}

fn not_acceptable() -> Response {
    let detail = "accept application/graphql-response+json, application/json or text/event-stream";
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail).into_response()
}

/// Subscriptions need a transport that can send more than one answer.
fn without_events() -> Answer {
    let message = "a single answer cannot carry a subscription: accept text/event-stream, or open a WebSocket";
    Answer::refused(vec![Code::OperationResolutionFailure.refusal(message)])
}

#[cfg(test)]
mod tests;
