//! Imports over HTTP: `POST /import/{source}` takes files and events, and `/import/jobs/{id}` says what became of them.
//!
//! Every request carries a token. A source or job of a contract that the caller may not see has the same answer as one
//! that does not exist. Nothing here reads a row.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tower_http::timeout::TimeoutLayer;
use uuid::Uuid;

use super::{PATIENCE, Service, authenticate, unauthenticated};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::access::token::Login;
use crate::causes;
use crate::jobs::form::Form;
use crate::jobs::job::{Job, Quarantined};
use crate::jobs::sources::Source;
use crate::jobs::{NotCancelled, SentBody, TakeError};
use crate::store::StoreError;
use crate::telemetry::repeated::Repeated;
use throughline_gateway::{Caller as _, Problem};

static UNREAD: Repeated = Repeated::of("an import cannot be taken or read");

/// The most time for a body, on a slow line.
const BODY_WITHIN: Duration = Duration::from_mins(15);
/// The cost of an import in a login's budget, in the unit of events read.
const COST: u64 = 100_000;
/// The quarantined records in the answer about a job. The others are in the result file.
const QUARANTINE_SHOWN: u32 = 100;
/// The bytes of one part of a result file.
const PART: usize = 64 * 1024;
/// When to send again if the database is away.
const AGAIN: Duration = Duration::from_secs(10);

/// The routes, each with its own limit of time.
pub(super) fn routes() -> Router<Service> {
    let within = |patience| TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, patience);
    let short = Router::new()
        .route("/import/jobs/{id}", get(job).delete(cancel))
        .route("/import/jobs/{id}/results", get(results))
        .layer(within(PATIENCE));
    short.merge(Router::new().route("/import/{source}", post(take)).layer(within(BODY_WITHIN)))
}

/// The parameters of an import.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The name of the file, for mappings of several tables.
    file: Option<String>,
}

/// An answer that stands in the way.
struct Refused(Box<Response>);

fn because(problem: Problem) -> Refused {
    Refused(Box::new(problem.into_response()))
}

/// Lets the sender of a request in, if their role may import. The request is read at once, because it cannot be kept
/// while the token is verified.
fn importer<'s>(
    service: &'s Service,
    request: &Request,
) -> impl Future<Output = Result<Login, Refused>> + Send + use<'s> {
    let authenticated = authenticate(&service.gate, request);
    async move {
        let login = authenticated.await.map_err(|refused| Refused(Box::new(unauthenticated(&refused))))?;
        policy(&login.principal, Action::ImportRecords, Relation::Contract)
            .map_err(|denied| because(Problem::new(StatusCode::FORBIDDEN, denied.to_string())))?;
        Ok(login)
    }
}

/// Takes a body as a job.
async fn take(State(service): State<Service>, Path(name): Path<String>, request: Request) -> Response {
    let login = match importer(&service, &request).await {
        Ok(login) => login,
        Err(refused) => return *refused.0,
    };
    let imports = &service.app.imports;
    let Some(source) = imports.source(&login.principal.scope, &name) else {
        let detail = "there is no source with this name in your contracts: ask the operator for its name";
        return Problem::new(StatusCode::NOT_FOUND, detail).into_response();
    };
    let asked = match Query::<Asked>::try_from_uri(request.uri()) {
        Ok(Query(asked)) => asked,
        Err(error) => {
            let detail = format!("{}: use /import/SOURCE?file=NAME", error.body_text());
            return Problem::new(StatusCode::BAD_REQUEST, detail).into_response();
        }
    };
    let headers = request.headers().clone();
    let content_type = text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let Some(form) = Form::of(media_type, &source) else { return unsupported(&source) };
    if let Some(encoding) = text(&headers, header::CONTENT_ENCODING.as_str()).filter(|of| *of != "identity") {
        let detail = format!("the body is encoded as {encoding:?}: send it without Content-Encoding");
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into_response();
    }
    if let Err(overspent) = service.budget.spend(&login.key(), COST) {
        let detail = "this login has used its budget: try again after Retry-After";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
        return problem.after(overspent.retry_after).into_response();
    }
    let sent = SentBody {
        principal: &login.principal,
        form,
        content_type,
        name: asked.file.as_deref(),
        // A key that is no text is refused like one that is too long.
        request: headers.get("idempotency-key").map(|key| key.to_str().unwrap_or_default()),
        length: text(&headers, header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok()),
    };
    match imports.take(&source, sent, request.into_body().into_data_stream()).await {
        Ok(taken) => {
            let status = if taken.is_repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
            let at = [(header::LOCATION, path_of(&taken.job))];
            (status, at, Json(shown(&taken.job, &[]))).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// The text of a header.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The answer to a body of a type that the source does not send.
fn unsupported(source: &Source) -> Response {
    let allowed = Form::allowed(source).join(", ");
    let detail = format!("send Content-Type, one of {allowed}");
    let mut response = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into_response();
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert("accept-post", allowed);
    }
    response
}

/// The problem document for a body that was not taken. A fault is logged, here and nowhere else.
fn refused(error: &TakeError) -> Response {
    let status = match error {
        TakeError::NoFolder => StatusCode::NOT_IMPLEMENTED,
        TakeError::Waiting(_) | TakeError::Busy => StatusCode::TOO_MANY_REQUESTS,
        TakeError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        TakeError::Broken | TakeError::Unfit(_) | TakeError::Key => StatusCode::BAD_REQUEST,
        TakeError::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        TakeError::Full => StatusCode::INSUFFICIENT_STORAGE,
        TakeError::Folder(_) => StatusCode::INTERNAL_SERVER_ERROR,
        TakeError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let detail = match error {
        TakeError::Folder(_) | TakeError::Store(_) => {
            UNREAD.met(&causes::in_words(error));
            "the import could not be stored: send it again".to_owned()
        }
        TakeError::Full => {
            UNREAD.met(&error);
            error.to_string()
        }
        _ => error.to_string(),
    };
    let problem = Problem::new(status, detail);
    match error.retry_after() {
        Some(wait) => problem.after(wait).into_response(),
        None => problem.into_response(),
    }
}

/// The job that a request names.
async fn own(service: &Service, login: &Login, id: &str) -> Result<Job, Refused> {
    let found = match id.parse::<Uuid>() {
        Ok(id) => service.app.imports.find(&login.principal.scope, id).await.map_err(|error| away(&error))?,
        Err(_) => None,
    };
    found.ok_or_else(not_found)
}

fn not_found() -> Refused {
    let detail = "there is no import with this id in your contracts: use the Location of your request";
    because(Problem::new(StatusCode::NOT_FOUND, detail))
}

fn away(error: &StoreError) -> Refused {
    UNREAD.met(&causes::in_words(error));
    let detail = "the import cannot be read: try again after Retry-After";
    because(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(AGAIN))
}

/// Answers with a response, or with the one that stands in its way.
macro_rules! answered {
    ($service:expr, $request:expr, |$login:ident| $answer:expr) => {{
        match importer(&$service, &$request).await {
            Ok($login) => {
                let answer: Result<Response, Refused> = async { $answer }.await;
                answer.unwrap_or_else(|refused| *refused.0)
            }
            Err(refused) => *refused.0,
        }
    }};
}

/// How far a job is.
async fn job(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    answered!(service, request, |login| {
        let job = own(&service, &login, &id).await?;
        let quarantined = service.app.imports.quarantined(&job, None, QUARANTINE_SHOWN).await;
        let quarantined = quarantined.map_err(|error| away(&error))?;
        Ok(Json(shown(&job, &quarantined)).into_response())
    })
}

/// Cancels a job.
async fn cancel(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    answered!(service, request, |login| {
        let job = own(&service, &login, &id).await?;
        let cancelled = service.app.imports.cancel(&login.principal.scope, job.id).await;
        match cancelled.map_err(|error| away(&error))? {
            Ok(job) => Ok((StatusCode::ACCEPTED, Json(shown(&job, &[]))).into_response()),
            Err(NotCancelled::NotFound) => Err(not_found()),
            Err(NotCancelled::Ended) => {
                let detail = "the import is over: there is nothing to cancel";
                Err(because(Problem::new(StatusCode::CONFLICT, detail)))
            }
        }
    })
}

/// The result of each record, as CSV.
async fn results(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    answered!(service, request, |login| {
        let job = own(&service, &login, &id).await?;
        if !job.state.is_ended() {
            let detail = "the import is not over: read its results when it is";
            return Err(because(Problem::new(StatusCode::CONFLICT, detail)));
        }
        let file = service.app.imports.results(&job).await.map_err(|error| {
            UNREAD.met(&error);
            because(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the results cannot be read: try again"))
        })?;
        let Some(file) = file else {
            let detail = "the results are not here: they are kept for 30 days, by the server that ran the import";
            return Err(because(Problem::new(StatusCode::NOT_FOUND, detail)));
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
            (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"results.csv\"")),
        ];
        Ok((headers, Body::from_stream(stream::try_unfold(file, part_of))).into_response())
    })
}

/// The next part of a file.
async fn part_of(mut file: File) -> std::io::Result<Option<(Vec<u8>, File)>> {
    let mut part = vec![0; PART];
    let read = file.read(&mut part).await?;
    part.truncate(read);
    Ok((read > 0).then_some((part, file)))
}

/// Where a job is found.
fn path_of(job: &Job) -> String {
    format!("/import/jobs/{}", job.id)
}

/// A job as its sender sees it.
fn shown(job: &Job, quarantined: &[Quarantined]) -> Value {
    let counts = &job.counts;
    let quarantined: Vec<Value> = quarantined
        .iter()
        .map(|one| {
            json!({
                "file": one.file,
                "line": one.line,
                "record": one.record,
                "outcome": one.outcome,
                "code": one.code,
                "place": one.place,
                "message": one.message,
            })
        })
        .collect();
    json!({
        "id": job.id,
        "source": job.source,
        "contract": job.contract,
        "state": job.state.as_str(),
        "reason": job.reason,
        "attempts": job.attempts,
        "size": job.size,
        "digest": job.digest,
        "files": job.files,
        "counts": {
            "recorded": counts.recorded,
            "corrected": counts.corrected,
            "alreadyThere": counts.there,
            "refused": counts.refused,
            "unreadable": counts.unreadable,
            "missing": counts.missing,
            "retracted": counts.retracted,
            "journeys": counts.journeys,
        },
        "file": job.file,
        "line": job.line,
        "notCompared": job.not_compared,
        "position": job.position.map(|position| position.0),
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "endedAt": job.ended_at,
        "quarantined": quarantined,
        "results": job.state.is_ended().then(|| format!("{}/results", path_of(job))),
    })
}
