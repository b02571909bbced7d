//! The GraphQL interface: what is asked over HTTP, guarded, executed and answered.
//!
//! Nothing here decides a fact: a mutation hands a command on, a query reads a view.

pub mod boards;
pub mod code;
pub mod context;
pub mod contract;
pub mod dealings;
pub mod event;
pub mod graphiql;
pub mod guard;
mod int;
pub mod journey;
pub mod list;
pub mod mutation;
pub mod node;
pub mod people;
pub mod permission;
pub mod query;
pub mod scalars;
pub mod team;
pub mod transport;
mod wall;

use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::runtime::TokioTimer;
use async_graphql::{EmptySubscription, Schema, SchemaBuilder};
use axum::extract::Request;
use axum::response::Response;
use futures_util::task::{FutureObj, Spawn, SpawnError};
use tracing::Instrument as _;

use crate::access::{Principal, fields};
use context::{Caller, Parts, Relations};
use guard::Limits;
use int::Int;
use mutation::Mutation;
use people::{Groups, Histories, TeamsOfWorkers, Visible, Workers};
use query::Query;
use transport::Endpoint;
use wall::Wall;

/// The API over a deployment.
#[derive(Clone)]
pub struct Api {
    endpoint: Endpoint<Query, Mutation, EmptySubscription>,
    parts: Parts,
}

impl Api {
    /// The API over these parts.
    pub fn new(parts: Parts) -> Self {
        let schema = schema().extension(Wall::default()).data(parts.clone()).finish();
        Self { endpoint: Endpoint::new(schema, Limits::default()), parts }
    }

    /// Answers one HTTP request of somebody who has shown who they are. The generation that is live at its start
    /// answers all of it.
    pub async fn answer(&self, http: Request, request_id: &str, principal: Principal) -> Response {
        let generation = self.parts.views.live();
        let attach = |request: async_graphql::Request| {
            let clock = || Arc::clone(&self.parts.clock);
            let (who, view) = (|| principal.clone(), || Arc::clone(&generation));
            let relations = Relations { principal: who(), generation: view(), clock: clock() };
            let visible = Visible { principal: who(), generation: view(), clock: clock() };
            let request = request
                .data(each_once(Workers(Arc::clone(&generation))))
                .data(each_once(TeamsOfWorkers(Arc::clone(&generation))))
                .data(each_once(Groups(Arc::clone(&generation))))
                .data(each_once(visible))
                .data(each_once(Histories(self.parts.log.clone())))
                .data(DataLoader::new(relations, InTheSpan, TokioTimer::default()));
            request.data(Caller { principal, generation })
        };
        self.endpoint.answer(http, request_id, attach).await
    }
}

/// A loader that reads each thing once in a request, and those that are asked for together in one statement.
fn each_once<L>(loader: L) -> DataLoader<L, HashMapCache> {
    DataLoader::with_cache(loader, InTheSpan, TokioTimer::default(), HashMapCache::default())
}

/// The schema as clients read it.
pub fn sdl() -> String {
    schema().finish().sdl()
}

fn schema() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation::default(), EmptySubscription).register_input_type::<Int>()
}

/// The table of who sees what of the schema.
pub fn access_table() -> String {
    let fields = wall::fields_of(&sdl());
    fields::table(fields.iter().map(|(of, field)| (of.as_str(), field.as_str())))
}

/// Spawns within the span of whoever asks, so that what a loader logs names its request too.
struct InTheSpan;

impl Spawn for InTheSpan {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        tokio::spawn(future.in_current_span());
        Ok(())
    }
}
