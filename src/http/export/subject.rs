//! All that is held about a subject, for that subject: `GET /export/subject/{id}` streams a ZIP archive.
//!
//! What is opened is read before the answer begins. A subject of others, an id that does not exist and a text that is no
//! id have the same answer.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::super::evidence::{SAFE, id_of};
use super::super::{Service, authenticate, unauthenticated};
use super::{ASK_AGAIN, COST, FAILED, PART, PARTS, Parts, Place, broken_off};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::access::token::Login;
use crate::subject_access::{self, Contents, Sources, SubjectAccessError};
use throughline_domain::fact::envelope::SubjectId;
use throughline_gateway::{Caller as _, Problem, Stopping};

/// The archive of a subject.
pub(in super::super) async fn subject(
    State(service): State<Service>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let login = match authenticate(&service.gate, &request).await {
        Ok(login) => login,
        Err(refused) => return unauthenticated(&refused),
    };
    let stopping = request.extensions().get::<Stopping>().cloned().unwrap_or_default();
    let request_id = id_of(&request);
    match begin(&service, &login, (&id, &request_id)).await {
        Ok((contents, place)) => stream(&service, (contents, place), stopping),
        Err(problem) => problem.into_response(),
    }
}

/// Gathers what the archive holds.
async fn begin(service: &Service, login: &Login, (id, request): (&str, &str)) -> Result<(Contents, Place), Problem> {
    let place = service.exports.enter(login.key())?;
    if let Err(overspent) = service.budget.spend(&login.key(), COST) {
        let detail = "this login has used its budget: try again after Retry-After";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(overspent.retry_after));
    }
    let app = &service.app;
    let live = app.views.live();
    let from = Sources { log: &app.log, view: &live, keys: &app.keys, evidence: &app.evidence };
    let may = policy(&login.principal, Action::ExportSubject, Relation::Own);
    may.map_err(|denied| problem(&SubjectAccessError::Denied(denied)))?;
    let subject = id.parse().map(SubjectId).map_err(|_| problem(&SubjectAccessError::NoSubject))?;
    let gathered = subject_access::gather(from, &login.principal, subject, (request, app.clock.now())).await;
    gathered.map(|contents| (contents, place)).map_err(|error| problem(&error))
}

fn problem(error: &SubjectAccessError) -> Problem {
    match error {
        SubjectAccessError::Denied(_) => Problem::new(StatusCode::FORBIDDEN, error.to_string()),
        SubjectAccessError::NoSubject => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
        fault => {
            FAILED.met(fault);
            let detail = "the export cannot begin: try again after Retry-After";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(ASK_AGAIN)
        }
    }
}

/// The answer, which is written while it is read.
fn stream(service: &Service, (contents, place): (Contents, Place), mut stopping: Stopping) -> Response {
    let name = format!("attachment; filename=\"subject-access-{}.zip\"", contents.made_on());
    let (send, receive) = mpsc::channel(PARTS);
    let parts = Parts { send: send.clone(), runtime: Handle::current(), part: Vec::with_capacity(PART) };
    let evidence = service.app.evidence.clone();
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = subject_access::write(contents, evidence, Box::new(parts)) => ended.map(drop),
            () = stopping.requested() => Err(SubjectAccessError::Write(broken_off("the service is stopping"))),
        };
        // A client that has gone away is no failure.
        if let (Err(error), false) = (ended, send.is_closed()) {
            FAILED.met(&error);
            // If the client takes nothing, it has an archive without an index, which no program takes for a whole one.
            let _ = send.try_send(Err(broken_off("the export failed")));
        }
        drop(place);
        drop(send);
    });
    let headers = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, SAFE, Body::from_stream(ReceiverStream::new(receive))).into_response()
}
