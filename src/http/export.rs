//! Tables for analysts over HTTP: `GET /export/{table}` streams the rows that the caller may see.
//!
//! Rows are made while the client reads. A client that goes away, or takes nothing for a minute, ends the work. An
//! answer that breaks off has no last chunk, so that a client does not take it for a whole one.

mod subject;

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{Datelike as _, NaiveDate};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

pub(super) use self::subject::subject;
use super::{Service, authenticate, unauthenticated};
use crate::access::policy::{Action, Allow, policy};
use crate::access::relation::Relation;
use crate::access::token::Login;
use crate::export::formats::Format;
use crate::export::run::{ExportFailed, run};
use crate::export::table::{Description, Export, Question, TableError};
use crate::export::tables::Table;
use crate::log::LogError;
use crate::queries;
use crate::record::{DEPLOYMENT_ZONE, civil_day, end_of_day};
use crate::store::StoreError;
use crate::telemetry::repeated::Repeated;
use crate::try_out::KnownAt;
use crate::views::ViewError;
use crate::views::generation::Generation;
use crate::views::snapshots::KnownPart;
use throughline_domain::contract::Contract;
use throughline_gateway::{Caller as _, CallerKey, Problem, Stopping};

static FAILED: Repeated = Repeated::of("an export failed");

/// The exports at the same time.
const AT_ONCE: usize = 4;
/// The cost of an export in a login's budget, in the unit of events read.
const COST: u64 = 100_000;
/// The bytes of one part of an answer.
const PART: usize = 64 * 1024;
/// The parts that wait for the client.
const PARTS: usize = 4;
/// The longest time that a client may take for one part.
const SLOWEST: Duration = Duration::from_mins(1);
/// How long a request waits for the view of a knowledge date that has to be built.
const PATIENCE: Duration = Duration::from_secs(2);
/// When to ask again after another export, a view that is being built, or a fault.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// The headers with the as-of date and the position of the log.
const AS_OF: HeaderName = HeaderName::from_static("throughline-as-of");
const POSITION: HeaderName = HeaderName::from_static("throughline-position");
/// The header with the number of streams that could not be applied to the view.
const PARKED: HeaderName = HeaderName::from_static("throughline-parked");

/// The exports that are running, by login.
#[derive(Debug, Default)]
pub(super) struct Exports(Mutex<HashSet<CallerKey>>);

/// The place of an export. It is free again when it is dropped.
struct Place {
    exports: Arc<Exports>,
    login: CallerKey,
}

impl Exports {
    /// A place for the export of a login.
    fn enter(self: &Arc<Self>, login: CallerKey) -> Result<Place, Problem> {
        let mut running = self.0.lock().expect("no panic while holding the exports");
        if running.contains(&login) {
            let detail = "this login already has an export: wait until it has ended";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(ASK_AGAIN));
        }
        if running.len() >= AT_ONCE {
            let detail = "other exports are running: try again after Retry-After";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(ASK_AGAIN));
        }
        running.insert(login.clone());
        Ok(Place { exports: Arc::clone(self), login })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.exports.0.lock().expect("no panic while holding the exports").remove(&self.login);
    }
}

/// The parameters of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    /// The contract's code.
    contract: String,
    /// The as-of date. Default: today in the contract's zone.
    as_of: Option<NaiveDate>,
    /// The knowledge date: a day or an instant. Default: now.
    known_at: Option<String>,
    /// The format. Default: NDJSON.
    format: Option<String>,
}

/// Why an export cannot begin.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The rows of a table.
pub(super) async fn export(State(service): State<Service>, Path(table): Path<String>, request: Request) -> Response {
    let login = match authenticate(&service.gate, &request).await {
        Ok(login) => login,
        Err(refused) => return unauthenticated(&refused),
    };
    let allow = match policy(&login.principal, Action::ExportTables, Relation::Contract) {
        Ok(allow) => allow,
        Err(denied) => return Problem::new(StatusCode::FORBIDDEN, denied.to_string()).into_response(),
    };
    let stopping = request.extensions().get::<Stopping>().cloned().unwrap_or_default();
    let wanted = table.parse::<Table>().map_err(|error| Problem::new(StatusCode::NOT_FOUND, error.to_string()));
    let begun = match wanted.and_then(|table| Ok((table, Wanted::of(&request)?))) {
        Ok((table, wanted)) => begin(&service, &login, allow, (table, wanted)).await,
        Err(problem) => return problem.into_response(),
    };
    match begun {
        Ok(Ok(begun)) => begun.stream(stopping),
        Ok(Err(problem)) => problem.into_response(),
        Err(fault) => {
            FAILED.met(&fault);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the export cannot begin: try again after Retry-After")
                .after(ASK_AGAIN)
                .into_response()
        }
    }
}

/// What a request wants, checked.
struct Wanted {
    contract: String,
    as_of: Option<NaiveDate>,
    known_at: Option<KnownAt>,
    format: Format,
}

impl Wanted {
    fn of(request: &Request) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        let Query(asked): Query<Asked> = Query::try_from_uri(request.uri()).map_err(|error| {
            let why = error.body_text();
            bad(format!("{why}: use /export/TABLE?contract=CODE&asOf=DATE&knownAt=WHEN&format=FORMAT"))
        })?;
        let known_at = asked.known_at.map(|text| text.parse::<KnownAt>()).transpose();
        let known_at = known_at.map_err(|error| bad(format!("knownAt: {error}")))?;
        if asked.as_of.is_some_and(|day| !(1..=9999).contains(&day.year())) {
            return Err(bad("asOf: use a date as YYYY-MM-DD".to_owned()));
        }
        let named = asked.format.as_deref().unwrap_or(Format::Ndjson.as_str());
        let format = Format::named(named)
            .ok_or_else(|| bad(format!("format: {named:?} is no format: use ndjson, csv, xlsx or parquet")))?;
        Ok(Self { contract: asked.contract, as_of: asked.as_of, known_at, format })
    }
}

/// An export that is ready to stream.
struct Begun {
    export: Export,
    format: Format,
    place: Place,
}

/// Reads what the export needs before its first row.
async fn begin(
    service: &Service,
    login: &Login,
    allow: Allow,
    (table, wanted): (Table, Wanted),
) -> Result<Result<Begun, Problem>, Fault> {
    let place = match service.exports.enter(login.key()) {
        Ok(place) => place,
        Err(problem) => return Ok(Err(problem)),
    };
    if let Err(overspent) = service.budget.spend(&login.key(), COST) {
        let detail = "this login has used its budget: try again after Retry-After";
        return Ok(Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(overspent.retry_after)));
    }
    let live = service.app.views.live();
    let scope = login.principal.scope.contract(&wanted.contract);
    let known = scope.and_then(|scope| live.contract_state(scope).map(|contract| (scope, contract)));
    let Some((scope, contract)) = known else { return Ok(Err(not_found(&wanted.contract))) };
    let view = match view_of(service, login, &contract, wanted.known_at).await? {
        Ok(view) => view,
        Err(problem) => return Ok(Err(problem)),
    };
    let now = service.app.clock.now();
    let today = civil_day(now, contract.zone().unwrap_or(DEPLOYMENT_ZONE));
    let on = civil_day(now, DEPLOYMENT_ZONE);
    let standing = queries::caseload_scope::standing(&live, &login.principal, on).await?;
    let question = Question {
        table,
        view,
        live,
        scope,
        standing: &standing,
        redactions: allow.redactions,
        as_of: wanted.as_of.unwrap_or(today),
        today,
    };
    let export = Export::open(&service.app.log, question).await?;
    Ok(Ok(Begun { export, format: wanted.format, place }))
}

/// The view at a knowledge date.
async fn view_of(
    service: &Service,
    login: &Login,
    contract: &Contract,
    known_at: Option<KnownAt>,
) -> Result<Result<Arc<Generation>, Problem>, Fault> {
    let views = &service.app.views;
    let Some(known_at) = known_at else { return Ok(Ok(views.live())) };
    let instant = match known_at {
        KnownAt::Day(day) => end_of_day(day, contract.zone().unwrap_or(DEPLOYMENT_ZONE)),
        KnownAt::Instant(instant) => instant,
    };
    let position = service.app.log.recorded_by(instant).await?;
    if !contract.is_open_at(position) {
        let detail = "the contract was not open yet at this knownAt: use a later one";
        return Ok(Err(Problem::new(StatusCode::NOT_FOUND, detail)));
    }
    if position >= *views.live().position().borrow() {
        return Ok(Ok(views.live()));
    }
    let (role, subject) = login.principal.key();
    let part = KnownPart { upto: Some(position), rulebooks_upto: position };
    match views.as_known_by(&format!("{role} {subject}"), part, PATIENCE).await {
        Ok(view) => Ok(Ok(view)),
        Err(ViewError::NotYet(_)) => {
            let detail = "the view for this knowledge date is being built: try again after Retry-After";
            Ok(Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(ASK_AGAIN)))
        }
        Err(error) => Err(error.into()),
    }
}

/// A contract outside the caller's scope is answered like one that does not exist.
fn not_found(contract: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("contract {contract:?} is not open, or is not in your scope"))
}

impl Begun {
    /// The answer, whose rows are made while it is read.
    fn stream(self, mut stopping: Stopping) -> Response {
        let Self { export, format, place } = self;
        let described = export.description().clone();
        let (send, receive) = mpsc::channel(PARTS);
        let parts = Parts { send: send.clone(), runtime: Handle::current(), part: Vec::with_capacity(PART) };
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = run(export, format, Box::new(parts)) => ended,
                () = stopping.requested() => Err(ExportFailed::Write(broken_off("the service is stopping").into())),
            };
            // A client that has gone away is no failure.
            if let (Err(error), false) = (ended, send.is_closed()) {
                FAILED.met(&error);
                // If the client has gone away meanwhile, nobody needs to know.
                let _ = send.try_send(Err(broken_off("the export failed")));
            }
            // The answer ends with its last sender: by then the place is free.
            drop(place);
            drop(send);
        });
        headed(&described, format, Body::from_stream(ReceiverStream::new(receive)))
    }
}

fn broken_off(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why)
}

fn headed(described: &Description, format: Format, body: Body) -> Response {
    let name = format!("{}-{}-{}.{}", described.contract, described.table.as_str(), described.as_of, format.as_str());
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (AS_OF, described.as_of.to_string()),
        (POSITION, described.position.to_string()),
        (PARKED, described.parked.to_string()),
    ];
    (headers, body).into_response()
}

/// The output of an export: parts of an answer. Used on a blocking thread only.
struct Parts {
    send: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    part: Vec<u8>,
}

impl Parts {
    /// Hands the present part to the client, and waits while it has not taken the ones before.
    fn hand_over(&mut self) -> io::Result<()> {
        let part = Bytes::from(std::mem::replace(&mut self.part, Vec::with_capacity(PART)));
        let taken = self.runtime.block_on(tokio::time::timeout(SLOWEST, self.send.send(Ok(part))));
        match taken {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone away")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no more")),
        }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() { Ok(()) } else { self.hand_over() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> CallerKey {
        CallerKey::new(name.to_owned())
    }

    #[test]
    fn a_login_has_one_export_at_a_time_and_a_server_a_few() {
        let exports = Arc::new(Exports::default());
        let first = exports.enter(login("first")).map_err(drop).expect("free");
        assert!(exports.enter(login("first")).is_err(), "it has one");
        let others: Vec<Place> =
            (1..AT_ONCE).map(|nth| exports.enter(login(&nth.to_string())).map_err(drop).expect("free")).collect();
        assert!(exports.enter(login("late")).is_err(), "all places are taken");
        drop(first);
        assert!(exports.enter(login("late")).is_ok());
        drop(others);
        assert!(exports.0.lock().expect("no panic").is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_comes_in_parts_and_ends_when_the_client_goes_away() {
        let (send, mut receive) = mpsc::channel(PARTS);
        let mut parts = Parts { send, runtime: Handle::current(), part: Vec::new() };
        let writing = tokio::task::spawn_blocking(move || {
            parts.write_all(&vec![7; PART + 1]).expect("taken");
            parts.write_all(&[8]).expect("taken");
            parts.flush().expect("taken");
            parts
        });
        let mut taken = Vec::new();
        for _ in 0..2 {
            taken.extend(receive.recv().await.expect("a part").expect("bytes"));
        }
        assert_eq!((taken.len(), taken.last()), (PART + 2, Some(&8)));
        let mut parts = writing.await.expect("written");
        drop(receive);
        let gone = tokio::task::spawn_blocking(move || parts.write_all(&vec![7; PART])).await.expect("it ends");
        assert_eq!(gone.map_err(|error| error.kind()), Err(io::ErrorKind::BrokenPipe));
    }
}
