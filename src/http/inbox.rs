//! The referral inbox over HTTP, for a partner's system: `POST /referrals/{source}` with one referral as JSON, and
//! `GET /referrals/{source}/{record}` for what became of it.
//!
//! A partner sees what it sent and nothing else: another partner's record gets the answer of one that does not exist. No
//! answer repeats who the person is.

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{NotLetIn, Service, authenticate, unauthenticated};
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::access::token::Login;
use crate::access::{Principal, Scope};
use crate::causes;
use crate::clock::Chance;
use crate::inbox::received::ReceivedReferral;
use crate::inbox::{self, KnownOffer, Record};
use crate::record::{CommandRequest, RecordError};
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::envelope::{CommandId, OfferId, Source};
use throughline_domain::fact::refusal::{Refusal, RefusalCode, Severity};
use throughline_domain::offer::Decision;
use throughline_gateway::{Caller as _, Problem};

static AWAY: Repeated = Repeated::of("the referral inbox cannot be read or written");

/// The most bytes of one referral.
const REFERRAL_MAX: usize = 64 * 1024;
/// What one request costs of the budget of a login, in fields.
const COST: u64 = 50;
/// The wait before a request is tried again when the store is away.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The answer to a request that is refused.
type Refused = Box<Response>;

/// The routes.
pub(super) fn routes() -> Router<Service> {
    Router::new().route("/referrals/{source}", post(offer)).route("/referrals/{source}/{record}", get(sent))
}

/// The parameters of a request for one record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The contract's code. Default: the only contract of the caller.
    contract: Option<String>,
}

/// An offered referral, as its partner sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: Uuid,
    contract: &'a str,
    source: &'a str,
    record: &'a str,
    state: &'static str,
    referred_on: Option<NaiveDate>,
    decided_on: Option<NaiveDate>,
    reason: Option<&'a str>,
    remark: Option<&'a str>,
    /// The case, if the partner may read cases of the contract.
    journey: Option<Uuid>,
    changed_since_decision: bool,
    version: i64,
}

impl<'a> Shown<'a> {
    fn of(known: &'a KnownOffer, principal: &Principal) -> Option<Self> {
        let (offer, offered) = (&known.offer, known.offer.details()?);
        let decided = offer.decision.as_ref();
        let decision = decided.map(|decided| &decided.decision);
        let remark = match decision {
            Some(Decision::Declined(declined)) => declined.remark.as_deref(),
            _ => None,
        };
        // A case that a token for some areas may not see could be in another area.
        let reads_cases = policy(principal, Action::ReadJourneys, Relation::Contract).is_ok();
        let may_know = reads_cases && principal.scope.areas().is_none();
        Some(Self {
            id: known.id.0,
            contract: &known.contract,
            source: &offered.source,
            record: &offered.record,
            state: offer.state().as_str(),
            referred_on: offer.received().map(|on| on.earliest()),
            decided_on: decided.map(|decided| decided.fact.occurred.earliest()),
            reason: decision.and_then(Decision::reason),
            remark,
            journey: decision.and_then(Decision::journey).filter(|_| may_know).map(|journey| journey.0),
            changed_since_decision: offer.is_changed_since,
            version: offer.version,
        })
    }
}

/// The caller, if the role may offer referrals and there is room for the request.
async fn partner(
    service: &Service,
    verified: impl Future<Output = Result<Login, NotLetIn>> + Send,
) -> Result<Login, Refused> {
    let login = verified.await.map_err(|refused| Box::new(unauthenticated(&refused)))?;
    if let Err(denied) = policy(&login.principal, Action::OfferReferrals, Relation::Contract) {
        return Err(boxed(Problem::new(StatusCode::FORBIDDEN, denied.to_string())));
    }
    if let Err(overspent) = service.budget.spend(&login.key(), COST) {
        let detail = "this login has used its budget: try again after Retry-After";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
        return Err(boxed(problem.after(overspent.retry_after)));
    }
    Ok(login)
}

/// The contract of a request: the one that it names, or the only one of the caller.
fn contract(named: Option<String>, login: &Login) -> Result<String, Refused> {
    let only = match &login.principal.scope {
        Scope::Contracts(codes) | Scope::Areas { contracts: codes, .. } if codes.len() == 1 => codes.first().cloned(),
        _ => None,
    };
    named.or(only).ok_or_else(|| {
        let detail = "your token is for several contracts: name the contract";
        boxed(Problem::new(StatusCode::BAD_REQUEST, detail))
    })
}

fn boxed(problem: Problem) -> Refused {
    Box::new(problem.into_response())
}

/// Offers a referral, or sends one again.
async fn offer(State(service): State<Service>, Path(source): Path<String>, request: Request) -> Response {
    match offered(&service, source, request).await {
        Ok(answer) => answer,
        Err(refused) => *refused,
    }
}

async fn offered(service: &Service, source: String, request: Request) -> Result<Response, Refused> {
    let login = partner(service, authenticate(&service.gate, &request)).await?;
    let _place = service.capacity.enter_by(&login.key()).map_err(|full| boxed(full.into()))?;
    let mut received = received(request.into_body()).await.map_err(boxed)?;
    let contract = contract(received.contract.take(), &login)?;
    let sent = received.sent(contract, source);
    let id = sent.offer(&login.principal);
    let from = Source {
        system: sent.source.clone(),
        record_id: Some(sent.record.clone()).filter(|record| !record.is_empty()),
        file_digest: None,
        row: None,
    };
    // What is sent twice is recorded once, because nothing in it is new. So every request is a command of its own.
    let command_id = CommandId(Chance::System.id_at(service.app.clock.now()));
    let principal = login.principal.clone();
    let command = sent.command(&principal);
    let request = CommandRequest::new(principal, command_id, command).from_source(Some(from));
    let recorded = service.app.recorder.record(request).await.map_err(|error| Box::new(refused(&error)))?;
    let is_new = !recorded.appended.events.is_empty();
    shown(service, &login, id, if is_new { StatusCode::ACCEPTED } else { StatusCode::OK }).await
}

async fn received(body: Body) -> Result<ReceivedReferral, Problem> {
    let usage = "send one referral as JSON, with record, area and what else is known of contract, referredOn (such as \
                 2018-02-20), cohort, service, referrer, externalReferences and identity: see docs/integrate.md";
    let Ok(bytes) = to_bytes(body, REFERRAL_MAX).await else {
        let detail = format!("a referral has at most {REFERRAL_MAX} bytes: {usage}");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    };
    // The error of the parser may repeat what was sent.
    serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Problem::new(StatusCode::BAD_REQUEST, format!("the referral cannot be read at {place}: {usage}"))
    })
}

/// What became of a record that the caller sent.
async fn sent(
    State(service): State<Service>,
    Path((source, record)): Path<(String, String)>,
    request: Request,
) -> Response {
    match state_of(&service, Record { source: &source, record: &record }, request).await {
        Ok(answer) => answer,
        Err(refused) => *refused,
    }
}

async fn state_of(service: &Service, of: Record<'_>, request: Request) -> Result<Response, Refused> {
    let login = partner(service, authenticate(&service.gate, &request)).await?;
    let asked = Query::<Asked>::try_from_uri(request.uri()).map_err(|error| {
        let detail = format!("{}: use /referrals/SOURCE/RECORD?contract=CODE", error.body_text());
        boxed(Problem::new(StatusCode::BAD_REQUEST, detail))
    })?;
    let _place = service.capacity.enter_by(&login.key()).map_err(|full| boxed(full.into()))?;
    let contract = contract(asked.0.contract, &login)?;
    let id = inbox::offer_of(&login.principal, &contract, of);
    shown(service, &login, id, StatusCode::OK).await
}

async fn shown(service: &Service, login: &Login, id: OfferId, status: StatusCode) -> Result<Response, Refused> {
    let known = inbox::known(&service.app.log, &login.principal, &[id]).await.map_err(|fault| {
        AWAY.met(&fault);
        boxed(away())
    })?;
    let shown = known.get(&id).and_then(|known| Shown::of(known, &login.principal));
    let Some(shown) = shown else {
        let detail = "you sent no referral with this record: check the source, the record and the contract";
        return Err(boxed(Problem::new(StatusCode::NOT_FOUND, detail)));
    };
    Ok((status, Json(shown)).into_response())
}

fn away() -> Problem {
    let detail = "the service cannot read or write its data now: send the referral again after Retry-After";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(AGAIN)
}

/// The answer to a referral that was not recorded.
fn refused(error: &RecordError) -> Response {
    match error {
        RecordError::Denied(denied) => Problem::new(StatusCode::FORBIDDEN, denied.to_string()).into_response(),
        RecordError::Refused(refusals) => problems(refusals),
        RecordError::Fault(fault) if fault.is_outage() => {
            AWAY.met(fault);
            away().into_response()
        }
        RecordError::Fault(fault) => {
            tracing::error!(error = causes::in_words(fault), "a referral could not be recorded");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response()
        }
        RecordError::CommandIdReused | RecordError::Conflict { .. } | RecordError::DryRun(_) => {
            Problem::new(StatusCode::CONFLICT, "send the referral again").into_response()
        }
    }
}

/// The fields of a referral that the request names otherwise than the fact.
const SPELLED: [(&str, &str); 4] = [
    ("occurred_on", "referredOn"),
    ("external_references", "externalReferences"),
    ("birth_date", "birthDate"),
    ("nhs_number", "nhsNumber"),
];

/// The place of a refusal, in the spelling of the request.
fn place(path: &str) -> String {
    let steps = path.split('.');
    let as_sent = steps.map(|step| SPELLED.iter().find(|(fact, _)| *fact == step).map_or(step, |(_, sent)| *sent));
    as_sent.collect::<Vec<_>>().join(".")
}

/// A problem document with each refusal of a referral: the code, the field and what to do.
fn problems(refusals: &[Refusal]) -> Response {
    let code = |code| refusals.iter().any(|refusal: &Refusal| refusal.code == code);
    let status = if code(RefusalCode::ContractNotFound) {
        StatusCode::NOT_FOUND
    } else if code(RefusalCode::KeysAway) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let one = |refusal: &Refusal| {
        json!({
            "code": refusal.code.as_str(),
            "severity": if refusal.severity == Severity::Error { "ERROR" } else { "WARNING" },
            "message": refusal.message,
            "path": refusal.path.as_ref().map(|path| place(&path.to_string())),
            "allowed": refusal.allowed,
        })
    };
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": "the referral was not recorded: see problems",
        "problems": refusals.iter().map(one).collect::<Vec<_>>(),
    });
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
    let mut answer = (status, headers, body.to_string()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, AGAIN.as_secs().into());
    }
    answer
}
