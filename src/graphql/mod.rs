//! The GraphQL interface: what is asked over HTTP or a socket, guarded, executed and answered.
//!
//! Nothing here decides a fact: a mutation hands a command on, a query reads a view.

pub mod boards;
pub mod code;
pub mod context;
pub mod contract;
pub mod event;
pub mod graphiql;
pub mod guard;
mod int;
pub mod journey;
pub mod mutation;
pub mod node;
pub mod people;
pub mod query;
pub mod scalars;
pub mod subscription;
pub mod transport;

use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::runtime::TokioTimer;
use async_graphql::{Data, Schema, SchemaBuilder};
use axum::response::Response;
use futures_util::task::{FutureObj, Spawn, SpawnError};
use tracing::Instrument as _;

use crate::access::Principal;
use crate::access::token::{InvalidToken, LocalKey, Login};
use context::{Caller, Parts};
use int::Int;
use mutation::Mutation;
use people::Workers;
use query::Query;
use subscription::Subscription;
use transport::{Arrival, Endpoint, Host, Terms};

/// The API over a deployment.
#[derive(Clone)]
pub struct Api {
    endpoint: Endpoint<Query, Mutation, Subscription, Behind>,
}

impl Api {
    /// The API over these parts, for whoever shows a token of this key, under these terms.
    pub fn new(parts: Parts, key: Arc<LocalKey>, terms: Terms) -> Self {
        let schema = || schema().data(parts.clone());
        Self { endpoint: Endpoint::new(schema, Behind { parts: parts.clone(), key }, terms) }
    }

    /// Answers one HTTP request of somebody who has shown who they are.
    pub async fn answer(&self, arrival: Arrival, login: &Login) -> Response {
        self.endpoint.answer(arrival, login).await
    }

    /// Opens a socket for somebody who may have shown who they are, and must on the socket if not.
    pub async fn open(&self, arrival: Arrival, login: Option<Login>) -> Response {
        self.endpoint.open(arrival, login).await
    }
}

fn schema() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation::default(), Subscription).register_input_type::<Int>()
}

/// The schema as clients read it.
pub fn sdl() -> String {
    schema().finish().sdl()
}

/// What stands behind the transports.
#[derive(Clone)]
struct Behind {
    parts: Parts,
    key: Arc<LocalKey>,
}

impl Host for Behind {
    fn verify(&self, token: &str) -> Result<Login, InvalidToken> {
        self.key.verify(token)
    }

    /// The generation that is live at the start of an answer gives all of it.
    fn data(&self, principal: &Principal) -> Data {
        let generation = self.parts.views.live();
        let workers = Workers(Arc::clone(&generation));
        let workers = DataLoader::with_cache(workers, InTheSpan, TokioTimer::default(), HashMapCache::default());
        let mut data = Data::default();
        data.insert(workers);
        data.insert(Caller { principal: principal.clone(), generation });
        data
    }
}

/// Spawns within the span of whoever asks, so that what a loader logs names its request too.
struct InTheSpan;

impl Spawn for InTheSpan {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        tokio::spawn(future.in_current_span());
        Ok(())
    }
}
