//! The GraphQL interface. It guards, runs and answers operations sent over HTTP or a WebSocket.
//!
//! No domain decision is made here: a mutation passes a command on, a query reads a view.

pub mod access;
pub mod access_log;
pub mod agenda;
pub mod batch;
pub mod boards;
mod bounds;
mod caller;
pub mod claim;
pub mod closed_period;
mod codes;
pub mod compare;
pub mod context;
pub mod contract;
pub mod contract_record;
mod cursor;
pub mod data_quality;
pub mod document;
pub mod double_funding;
pub mod entry;
pub mod event;
mod fault;
mod field_access;
pub mod figures;
mod filter_checks;
pub mod forecast;
pub mod graphiql;
pub mod identity;
pub mod import_job;
pub mod import_orders;
pub mod imports;
pub mod indicators;
mod int;
pub mod journey;
pub mod kpis;
pub mod league;
pub mod list;
pub mod money;
pub mod mutation;
pub mod node;
pub mod obligation;
pub mod offer;
pub mod outcome_boards;
pub mod outcomes;
pub mod page;
pub mod people;
pub mod performance;
pub mod period;
pub mod permission;
pub mod person_search;
pub mod point_in_time;
pub mod point_of_view;
pub mod preview;
pub mod proposal;
pub mod query;
pub mod report_due;
pub mod retention;
pub mod reveal;
pub mod rulebook;
pub mod scalars;
pub mod sealed;
pub mod selection;
mod small_counts;
pub mod staff;
pub mod subscription;
pub mod table;
pub mod team;
pub mod value;
pub mod views;
mod waits;
pub mod webhook;
pub mod webhook_orders;
mod weights;

use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::runtime::TokioTimer;
use async_graphql::{Data, SDLExportOptions, Schema, SchemaBuilder};
use axum::response::Response;
use futures_util::task::{FutureObj, Spawn, SpawnError};
use tracing::Instrument as _;

use crate::access::fields;
use crate::access::sign_in::Gate;
use crate::access::token::{InvalidToken, Login};
use crate::app::App;
use crate::keys::access_log::Opener;
use context::{Caller, Relations};
use field_access::FieldAccess;
use int::Int;
use journey::CaseHistories;
use journey::evidence_file::FilesOfEvidence;
use mutation::Mutation;
use people::{Groups, Histories, TeamsOfWorkers, Visible, Workers};
use query::Query;
use sealed::{Openings, PersonKeys, SubjectRelations};
use subscription::Subscription;
use throughline_gateway::{Arrival, Endpoint, Host, Remote, Terms};

/// The GraphQL API of a deployment.
#[derive(Clone)]
pub struct Api {
    endpoint: Endpoint<Query, Mutation, Subscription, Behind>,
}

impl Api {
    /// Builds the API of an application. It serves those whom the gate lets in, within these limits.
    pub fn new(app: App, gate: Arc<Gate>, terms: Terms) -> Self {
        let (data, stories) = (app.clone(), Arc::new(CaseHistories::default()));
        let schema = move || schema().extension(FieldAccess::default()).data(data.clone()).data(Arc::clone(&stories));
        let terms = Terms { weights: &weights::WEIGHTS, ..terms };
        Self { endpoint: Endpoint::new(schema, Behind { app, gate }, terms) }
    }

    /// Answers one HTTP request from an authenticated caller.
    pub async fn answer(&self, arrival: Arrival, login: &Login) -> Response {
        self.endpoint.answer(arrival, login).await
    }

    /// Opens a WebSocket. A caller without a login must authenticate on the socket.
    pub async fn open(&self, arrival: Arrival, login: Option<Login>) -> Response {
        self.endpoint.open(arrival, login).await
    }
}

fn schema() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).register_input_type::<Int>()
}

/// A loader that reads each item once per request and batches items requested together into one statement.
fn each_once<L>(loader: L) -> DataLoader<L, HashMapCache> {
    DataLoader::with_cache(loader, InTheSpan, TokioTimer::default(), HashMapCache::default())
}

/// The schema in SDL, as clients see it.
pub fn sdl() -> String {
    schema().finish().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

/// The service behind the transports.
#[derive(Clone)]
struct Behind {
    app: App,
    gate: Arc<Gate>,
}

impl Host for Behind {
    type Caller = Login;
    type TokenRefusal = InvalidToken;

    async fn verify(&self, token: &str, from: Option<Remote>) -> Result<Login, InvalidToken> {
        self.gate.verify(token, from).await
    }

    /// The generation that is live when a response starts provides the whole response.
    fn data(&self, caller: &Login, request_id: &str) -> Data {
        let generation = self.app.views.live();
        let clock = || Arc::clone(&self.app.clock);
        let (who, view) = (|| caller.principal.clone(), || Arc::clone(&generation));
        let relations = Relations { principal: who(), generation: view(), clock: clock() };
        let to_subjects = SubjectRelations { principal: who(), generation: view(), clock: clock() };
        let visible = Visible { principal: who(), generation: view(), clock: clock() };
        let mut data = Data::default();
        data.insert(each_once(Workers(view())));
        data.insert(each_once(TeamsOfWorkers(view())));
        data.insert(each_once(Groups(view())));
        data.insert(each_once(visible));
        data.insert(each_once(Histories(self.app.log.clone())));
        data.insert(each_once(FilesOfEvidence(self.app.evidence.clone())));
        data.insert(each_once(PersonKeys(self.app.keys.clone())));
        data.insert(each_once(Openings { keys: self.app.keys.clone(), by: Opener::of(&caller.principal, request_id) }));
        data.insert(each_once(to_subjects));
        data.insert(DataLoader::new(relations, InTheSpan, TokioTimer::default()));
        data.insert(Caller { principal: who(), generation: view() });
        data
    }
}

/// The table of who may see which part of the schema.
pub fn access_table() -> String {
    let fields = field_access::fields_of(&sdl());
    fields::table(fields.iter().map(|(of, field)| (of.as_str(), field.as_str())))
}

/// Spawns tasks within the tracing span of the caller, so that log lines of a loader carry the request's id too.
struct InTheSpan;

impl Spawn for InTheSpan {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        tokio::spawn(future.in_current_span());
        Ok(())
    }
}
