//! `logContact` over HTTP, compared with a mutation of the same size that does nothing, each behind a server on this
//! machine.
//!
//! The second mutation has the same listener, the same check of tokens and the same GraphQL transport, with a schema of
//! its own. It has no request ids, metrics and timeouts, which favours it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use async_graphql::{Data, EmptySubscription, InputObject, Object, Schema, SimpleObject};
use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use chrono::TimeDelta;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::append::CALLERS;
use super::client::{Request, throughput};
use super::generate::CONTRACT;
use crate::access::token::{InvalidToken, LocalKey, Login};
use crate::access::{Principal, Role, Scope};
use crate::app::App;
use crate::clock::{Chance, Clock};
use crate::http;
use throughline_domain::fact::envelope::JourneyId;
use throughline_gateway::{Arrival, Endpoint, Host, Remote, Stopping, Terms, bearer};

/// The document sent to both, so that both receive and answer the same amount.
pub(super) const LOG_CONTACT: &str = "mutation LogContact($input: LogContactInput!) { logContact(input: $input) { replayed position \
     journey { id reference version daysSinceContact } events { id type version } problems { code message } } }";
/// How long the tokens of a run are valid.
const TOKENS_LAST: TimeDelta = TimeDelta::hours(24);

/// A server on this machine. It runs until it is stopped.
#[derive(Debug)]
pub(super) struct Server {
    /// The address on which it listens.
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Serves these routes.
    pub(super) async fn of(routes: Router) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serving =
            tokio::spawn(http::serve(listener, http::CONNECTIONS, routes, async move { drop(stopped.await) }));
        Ok(Self { address, stop, serving })
    }

    /// Stops it.
    pub(super) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.serving.await {
            tracing::warn!(%error, "a server did not end well");
        }
    }
}

/// A token for a caller of the contract, valid for the whole run.
pub(super) fn token(key: &LocalKey, role: Role, subject: &str) -> String {
    let principal =
        Principal { subject: subject.to_owned(), role, scope: Scope::Contracts([CONTRACT.to_owned()].into()) };
    key.issue(&principal, Clock::Machine.now(), TOKENS_LAST, Uuid::nil())
}

/// Both servers and the client.
pub(super) struct OverHttp {
    ours: Server,
    nothing: Server,
    token: String,
    chance: Chance,
}

impl OverHttp {
    /// Starts both servers: one over the log, one that does nothing.
    pub(super) async fn over(app: App, key: &Path) -> Result<Self> {
        let key = Arc::new(LocalKey::read_or_make(key)?);
        let token = token(&key, Role::Manager, "bench");
        let ours = Server::of(http::router(app, Arc::clone(&key), Terms::without_budget())).await?;
        let nothing = Server::of(nothing(key)).await?;
        Ok(Self { ours, nothing, token, chance: Chance::seeded(2) })
    }

    /// Stops both.
    pub(super) async fn stop(self) {
        self.ours.stop().await;
        self.nothing.stop().await;
    }

    /// Logs a contact for each of these journeys. Returns contacts per second.
    pub(super) async fn log_contacts(&self, journeys: &[JourneyId]) -> Result<f64> {
        throughput(self.ours.address, CALLERS, self.requests(journeys)).await
    }

    /// Sends the same requests to the mutation that does nothing.
    pub(super) async fn nothing(&self, journeys: &[JourneyId]) -> Result<f64> {
        throughput(self.nothing.address, CALLERS, self.requests(journeys)).await
    }

    fn requests(&self, journeys: &[JourneyId]) -> Vec<Request> {
        let request = |journey: &JourneyId| {
            let command = self.chance.id_at(Clock::Machine.now());
            let input = json!({
                "commandId": command, "journey": journey.0, "occurredOn": "2018-01-15", "channel": "phone",
                "acceptWarnings": ["RECORDED_ALREADY"], "direction": "OUTGOING", "twoWay": true, "minutes": 15,
            });
            // The answer counts as soon as the contact is recorded, even if lists do not show it yet.
            Request::graphql(&self.token, LOG_CONTACT, &json!({ "input": input }), "\"events\":[{")
        };
        journeys.iter().map(request).collect()
    }
}

/// Routes to the mutation that does nothing.
fn nothing(key: Arc<LocalKey>) -> Router {
    let host = Nobody { key };
    let schema = || Schema::build(Query, Mutation, EmptySubscription);
    let endpoint: Nothing = Endpoint::new(schema, host.clone(), Terms::without_budget());
    Router::new().route("/graphql", any(answer)).with_state((endpoint, host))
}

type Nothing = Endpoint<Query, Mutation, EmptySubscription, Nobody>;

async fn answer(State((endpoint, host)): State<(Nothing, Nobody)>, http: HttpRequest) -> Response {
    let credentials = http.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(Ok(login)) = credentials.and_then(bearer).map(|token| host.key.verify(token)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let stopping = http.extensions().get::<Stopping>().cloned().unwrap_or_default();
    endpoint.answer(Arrival { http, request_id: "".into(), stopping }, &login).await
}

/// Checks tokens and does nothing else.
#[derive(Clone)]
struct Nobody {
    key: Arc<LocalKey>,
}

impl Host for Nobody {
    type Caller = Login;
    type TokenRefusal = InvalidToken;

    async fn verify(&self, token: &str, _: Option<Remote>) -> Result<Login, InvalidToken> {
        self.key.verify(token)
    }

    fn data(&self, _: &Login, _: &str) -> Data {
        Data::default()
    }
}

struct Query;

#[Object]
impl Query {
    async fn nothing(&self) -> bool {
        true
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn log_contact(&self, input: LogContactInput) -> Logged {
        let version = input.minutes + i32::from(input.two_way);
        Logged {
            replayed: false,
            position: 1_000_000,
            journey: Journey {
                id: input.journey,
                reference: "TL-0000-0000".to_owned(),
                version,
                days_since_contact: Some(0),
            },
            events: vec![Event { id: input.command_id, r#type: "ContactLogged", version }],
            problems: Vec::new(),
        }
    }
}

/// The fields that are sent, in the types that GraphQL itself has.
#[derive(InputObject)]
struct LogContactInput {
    command_id: String,
    accept_warnings: Vec<String>,
    journey: String,
    occurred_on: String,
    channel: String,
    direction: Direction,
    two_way: bool,
    minutes: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
enum Direction {
    Incoming,
    Outgoing,
}

#[derive(SimpleObject)]
struct Logged {
    replayed: bool,
    position: i64,
    journey: Journey,
    events: Vec<Event>,
    problems: Vec<Problem>,
}

#[derive(SimpleObject)]
struct Journey {
    id: String,
    reference: String,
    version: i32,
    days_since_contact: Option<i32>,
}

#[derive(SimpleObject)]
struct Event {
    id: String,
    r#type: &'static str,
    version: i32,
}

#[derive(SimpleObject)]
struct Problem {
    code: String,
    message: String,
}
