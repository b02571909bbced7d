//! Evidence files over HTTP: uploads in parts, and downloads by short-lived links.
//!
//! Every request carries a token, and the rights of its caller are read again. An upload of somebody else, a file that
//! the caller may not open and an id that does not exist have the same answer.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tower_http::request_id::RequestId;
use tower_http::timeout::TimeoutLayer;
use uuid::Uuid;

use super::{PATIENCE, Service, authenticate, unauthenticated};
use crate::access::policy::Action;
use crate::access::token::Login;
use crate::causes;
use crate::evidence::link::{Signed, Wanted};
use crate::evidence::{CaseOfEvidence, EvidenceError, EvidenceFiles, File, NewUpload, State as UploadState, case_of};
use crate::keys::access_log::{self, Kind, Opener};
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use throughline_domain::fact::envelope::JourneyId;
use throughline_gateway::Problem;

/// The most time for one part, on a slow line.
const PART_WITHIN: Duration = Duration::from_mins(5);
/// The most time to look at a whole file.
const CHECK_WITHIN: Duration = Duration::from_mins(2);
/// The most bytes of a request that opens an upload.
const OPENING_MAX: usize = 16 * 1024;
/// The wait before a request is tried again when a store is away.
const AGAIN: Duration = Duration::from_secs(10);

/// The routes, each with its own limit of time.
pub(super) fn routes() -> Router<Service> {
    let within = |patience| TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, patience);
    let short = Router::new()
        .route("/evidence/uploads", post(open))
        .route("/evidence/uploads/{id}", get(there).delete(remove))
        .route("/evidence/files/{id}", get(file))
        .route("/evidence/files/{id}/thumbnail", get(thumbnail))
        .layer(within(PATIENCE));
    let parts = Router::new().route("/evidence/uploads/{id}/parts/{number}", put(part)).layer(within(PART_WITHIN));
    let checks = Router::new().route("/evidence/uploads/{id}/complete", post(complete)).layer(within(CHECK_WITHIN));
    short.merge(parts).merge(checks)
}

/// A request to open an upload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    journey: Uuid,
    name: String,
    size: u64,
    r#type: String,
}

/// An upload, as its sender sees it. The name of the file is not repeated.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    upload: Uuid,
    journey: Uuid,
    size: u64,
    r#type: &'static str,
    part_size: u64,
    /// The number of parts that the file has.
    parts: u32,
    /// The numbers of the parts that are there.
    stored: Vec<u32>,
    state: &'static str,
    sha256: Option<String>,
}

impl Shown {
    async fn of(files: &EvidenceFiles, file: &File) -> Result<Self, EvidenceError> {
        let (state, sha256) = match &file.state {
            UploadState::Open => ("open", None),
            UploadState::Checking => ("checking", None),
            UploadState::Complete { sha256, .. } => ("complete", Some(sha256.clone())),
        };
        Ok(Self {
            upload: file.id,
            journey: file.journey.0,
            size: file.size,
            r#type: file.media.as_str(),
            part_size: file.part_size,
            parts: file.parts(),
            stored: files.parts_there(file).await?,
            state,
            sha256,
        })
    }
}

/// Authenticates a request and answers it, or says what is wrong.
macro_rules! answered {
    ($service:expr, $request:expr, |$login:ident| $answer:expr) => {{
        match authenticate(&$service.gate, &$request).await {
            Ok($login) => {
                let answer: Result<Response, EvidenceError> = async { $answer }.await;
                answer.unwrap_or_else(|error| problem(&error))
            }
            Err(refused) => unauthenticated(&refused),
        }
    }};
}

/// Opens an upload.
async fn open(State(service): State<Service>, request: Request) -> Response {
    answered!(service, request, |login| {
        let opening = match opening(request.into_body()).await {
            Ok(opening) => opening,
            Err(problem) => return Ok(problem.into_response()),
        };
        let case = case(&service, &login, Action::RecordFacts, JourneyId(opening.journey)).await?;
        let new = NewUpload { name: &opening.name, size: opening.size, media: &opening.r#type };
        let file = service.app.evidence.open_upload(&login.principal, case, new).await?;
        let at = [(header::LOCATION, format!("/evidence/uploads/{}", file.id))];
        Ok((StatusCode::CREATED, at, Json(Shown::of(&service.app.evidence, &file).await?)).into_response())
    })
}

async fn opening(body: Body) -> Result<Opening, Problem> {
    let usage = "send JSON with journey, name, size and type";
    let Ok(bytes) = to_bytes(body, OPENING_MAX).await else {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, usage));
    };
    // The error of the parser may repeat what was sent, and the name of a file is personal.
    serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Problem::new(StatusCode::BAD_REQUEST, format!("the request cannot be read at {place}: {usage}"))
    })
}

/// The upload and which of its parts are there.
async fn there(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    answered!(service, request, |login| {
        let file = own(&service, &login, &id).await?;
        Ok(Json(Shown::of(&service.app.evidence, &file).await?).into_response())
    })
}

/// Stores a part.
async fn part(
    State(service): State<Service>,
    Path((id, number)): Path<(String, String)>,
    request: Request,
) -> Response {
    answered!(service, request, |login| {
        let file = own(&service, &login, &id).await?;
        let number = number.parse().map_err(|_| EvidenceError::NoPart { parts: file.parts() })?;
        let body = request.into_body().into_data_stream();
        service.app.evidence.put_part(&file, number, body).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// Looks at an upload that has all its parts, and completes it.
async fn complete(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    answered!(service, request, |login| {
        let file = own(&service, &login, &id).await?;
        let file = service.app.evidence.complete(&file).await?;
        Ok(Json(Shown::of(&service.app.evidence, &file).await?).into_response())
    })
}

/// Removes an upload.
async fn remove(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    answered!(service, request, |login| {
        let file = own(&service, &login, &id).await?;
        service.app.evidence.remove_upload(&service.app.log, &file).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// The file that a link is for.
async fn file(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    let link = signed(&request);
    let request_id = id_of(&request);
    answered!(service, request, |login| {
        let file = linked(&service, &login, (&id, Wanted::File), link).await?;
        let opened = service.app.evidence.open_file(&file).await?;
        noted(&service, &login, &request_id, &file).await?;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(file.media.as_str())),
            (header::CONTENT_LENGTH, opened.size.into()),
            (header::CONTENT_DISPOSITION, disposition(opened.name.as_str(), file.media.ending())),
        ];
        Ok((headers, SAFE, Body::from_stream(opened.into_stream())).into_response())
    })
}

/// The small picture that a link is for.
async fn thumbnail(State(service): State<Service>, Path(id): Path<String>, request: Request) -> Response {
    let link = signed(&request);
    let request_id = id_of(&request);
    answered!(service, request, |login| {
        let file = linked(&service, &login, (&id, Wanted::Thumbnail), link).await?;
        let picture = service.app.evidence.open_thumbnail(&file).await?;
        noted(&service, &login, &request_id, &file).await?;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("image/png")),
            (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"thumbnail.png\"")),
        ];
        Ok((headers, SAFE, picture).into_response())
    })
}

/// What keeps a browser from running a file, from guessing its type and from storing it.
pub(super) const SAFE: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store, private")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-site")),
];

/// A digit of a byte in a URL.
fn hex_digit(of: u8) -> char {
    char::from_digit(u32::from(of), 16).expect("four bits are a digit").to_ascii_uppercase()
}

/// The header that has a browser save a file under its name (RFC 6266).
fn disposition(name: &str, ending: &str) -> HeaderValue {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    let value = format!("attachment; filename=\"evidence.{ending}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&value).expect("it has only printable characters of ASCII")
}

/// The upload of the caller with this id. The caller must still be allowed to record facts about its case.
async fn own(service: &Service, login: &Login, id: &str) -> Result<File, EvidenceError> {
    let id = id.parse().map_err(|_| EvidenceError::NoUpload)?;
    let file = service.app.evidence.upload(&login.principal, id).await?;
    let case = case(service, login, Action::RecordFacts, file.journey).await;
    case.map(|_| file).map_err(|error| match error {
        EvidenceError::NoCase => EvidenceError::NoUpload,
        error => error,
    })
}

/// Notes in the access log that a caller opened a file. If it cannot be written, nothing of the file is sent.
async fn noted(service: &Service, login: &Login, request_id: &str, file: &File) -> Result<(), EvidenceError> {
    let opening = access_log::Opening { subject: file.subject, kind: Kind::Evidence, reveal: None };
    Ok(service.app.keys.note_openings(&Opener::of(&login.principal, request_id), &[opening]).await?)
}

/// The id of a request.
pub(super) fn id_of(request: &Request) -> String {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    id.unwrap_or_default().to_owned()
}

/// What the link of a request says. `None` if it is no link.
fn signed(request: &Request) -> Option<Signed> {
    Query::try_from_uri(request.uri()).ok().map(|Query(signed)| signed)
}

/// The file that a link of the caller is for. The caller must still be allowed to open it.
async fn linked(
    service: &Service,
    login: &Login,
    (id, wanted): (&str, Wanted),
    signed: Option<Signed>,
) -> Result<File, EvidenceError> {
    let id = id.parse().map_err(|_| EvidenceError::NoFile)?;
    let signed = signed.ok_or(EvidenceError::NoFile)?;
    let file = service.app.evidence.linked(&login.principal, (id, wanted), &signed).await?;
    let case = case(service, login, Action::OpenEvidence, file.journey).await;
    case.map(|_| file).map_err(|error| match error {
        EvidenceError::NoCase | EvidenceError::Denied(_) => EvidenceError::NoFile,
        error => error,
    })
}

async fn case(
    service: &Service,
    login: &Login,
    action: Action,
    journey: JourneyId,
) -> Result<CaseOfEvidence, EvidenceError> {
    let on = civil_day(service.app.clock.now(), DEPLOYMENT_ZONE);
    case_of(&service.app.views.live(), (&login.principal, action), on, journey).await
}

/// The problem document for an error. A fault is logged, here and nowhere else.
fn problem(error: &EvidenceError) -> Response {
    if error.is_fault() {
        tracing::error!(error = causes::in_words(error), "an evidence file could not be stored or opened");
    }
    let status = status(error);
    let problem = Problem::new(status, error.to_string());
    match error {
        EvidenceError::Keys(_)
        | EvidenceError::Away(_)
        | EvidenceError::Full(_)
        | EvidenceError::Database(_)
        | EvidenceError::Busy => problem.after(AGAIN).into_response(),
        _ => problem.into_response(),
    }
}

const fn status(error: &EvidenceError) -> StatusCode {
    match error {
        EvidenceError::NoUpload | EvidenceError::NoFile | EvidenceError::NoCase | EvidenceError::NoPart { .. } => {
            StatusCode::NOT_FOUND
        }
        EvidenceError::Denied(_) => StatusCode::FORBIDDEN,
        EvidenceError::Name(_) | EvidenceError::Empty | EvidenceError::PartSize { .. } | EvidenceError::Broken => {
            StatusCode::BAD_REQUEST
        }
        EvidenceError::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        EvidenceError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        EvidenceError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        EvidenceError::Closed | EvidenceError::Missing(_) | EvidenceError::InUse => StatusCode::CONFLICT,
        EvidenceError::Content(_) => StatusCode::UNPROCESSABLE_ENTITY,
        EvidenceError::Erased => StatusCode::GONE,
        EvidenceError::NoStore => StatusCode::NOT_IMPLEMENTED,
        EvidenceError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        EvidenceError::Keys(_) | EvidenceError::Away(_) | EvidenceError::Database(_) | EvidenceError::Busy => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        EvidenceError::Damaged(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_in_a_header_has_no_character_that_ends_it() {
        let header = disposition("tenancy \"2018\"; März.pdf", "pdf");
        let expected =
            "attachment; filename=\"evidence.pdf\"; filename*=UTF-8''tenancy%20%222018%22%3B%20M%C3%A4rz.pdf";
        assert_eq!(header.to_str().expect("text"), expected);
    }
}
