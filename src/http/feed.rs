//! The feed: `GET /events`, every event that the caller may see, in the order of the log, one CloudEvents object a
//! line.
//!
//! A client can continue from any position. An answer arrives within the requested wait. The feed never skips an event:
//! events that the live view has not applied yet wait for the next request, because only the view knows who may see
//! them.

use std::time::{Duration, Instant};

use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Service, authenticate, unauthenticated};
use crate::access::Principal;
use crate::access::policy::{Action, policy};
use crate::access::relation::Relation;
use crate::access::token::Login;
use crate::export::ndjson::{ExportError, Zones};
use crate::graphql::query::lanes_of;
use crate::log::LogError;
use crate::queries;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::StoreError;
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::envelope::{Envelope, Position};
use throughline_gateway::{Caller as _, Problem};

static UNREAD: Repeated = Repeated::of("the feed cannot be read");

/// The default number of events in one answer, and its maximum.
const LIMIT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
/// The longest wait for events, in seconds. It is shorter than a request may take.
const WAIT_MAX: u64 = 25;
/// The most events of the log that one answer reads when the caller may see few of them.
const LOOKED_AT: usize = 50_000;
/// The number of events that are read at once.
const PAGE: i64 = 2_000;
/// The wait after a failed read of the log.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The header with the position after which the next request continues.
pub(super) const NEXT: HeaderName = HeaderName::from_static("throughline-next");

/// The parameters of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The position after which to begin. 0 is before the first event.
    #[serde(default)]
    after: u64,
    /// The most events.
    #[serde(default = "usual_limit")]
    limit: usize,
    /// The most seconds to wait if there are no events yet.
    #[serde(default)]
    wait: u64,
}

const fn usual_limit() -> usize {
    LIMIT
}

/// Why the feed cannot be given.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Line(#[from] ExportError),
}

/// Part of the feed, and the position after which the next part begins.
struct Part {
    events: Vec<Envelope>,
    next: Position,
}

/// The events after a position, one a line.
pub(super) async fn events(State(service): State<Service>, request: Request) -> Response {
    let login = match authenticate(&service.gate, &request).await {
        Ok(login) => login,
        Err(refused) => return unauthenticated(&refused),
    };
    if let Err(denied) = policy(&login.principal, Action::ReadEvents, Relation::Contract) {
        return Problem::new(StatusCode::FORBIDDEN, denied.to_string()).into_response();
    }
    let asked = match asked(&request) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    // The budget is charged before the read, so smaller requests can be repeated sooner.
    if let Err(overspent) = service.budget.spend(&login.key(), u64::try_from(asked.limit).unwrap_or(u64::MAX)) {
        let detail = "this login has used its budget: try again after Retry-After";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
        return problem.after(overspent.retry_after).into_response();
    }
    match answer(&service, &login, &asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => problem.into_response(),
        Err(fault) => {
            UNREAD.met(&fault);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the log cannot be read: try again after Retry-After")
                .after(ASK_AGAIN)
                .into_response()
        }
    }
}

fn asked(request: &Request) -> Result<Asked, Problem> {
    let Query(asked): Query<Asked> = Query::try_from_uri(request.uri()).map_err(|error| {
        let why = error.body_text();
        Problem::new(StatusCode::BAD_REQUEST, format!("{why}: use /events?after=POSITION&limit=EVENTS&wait=SECONDS"))
    })?;
    if i64::try_from(asked.after).is_err() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "after must be a position of the log: use the position of your last event",
        ));
    }
    if asked.limit == 0 || asked.limit > LIMIT_MAX {
        let remedy = format!("limit must be from 1 to {LIMIT_MAX}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, remedy));
    }
    if asked.wait > WAIT_MAX {
        let remedy = format!("wait must be at most {WAIT_MAX} seconds: send another request after that");
        return Err(Problem::new(StatusCode::BAD_REQUEST, remedy));
    }
    Ok(asked)
}

async fn answer(service: &Service, login: &Login, asked: &Asked) -> Result<Result<Response, Problem>, Fault> {
    let until = Instant::now() + Duration::from_secs(asked.wait);
    let after = Position(i64::try_from(asked.after).unwrap_or(i64::MAX));
    if let Err(elsewhere) = service.app.log.within(after).await? {
        return Ok(Err(Problem::new(StatusCode::CONFLICT, elsewhere.to_string())));
    }
    let mut part = Part { events: Vec::new(), next: after };
    // A request that waits for an event holds no place meanwhile.
    let _place = loop {
        let place = match service.capacity.enter_by(&login.key()) {
            Ok(place) => place,
            Err(full) => return Ok(Err(full.into())),
        };
        part = further(service, &login.principal, part.next, asked.limit).await?;
        let left = until.saturating_duration_since(Instant::now());
        if !part.events.is_empty() || left.is_zero() {
            break place;
        }
        drop(place);
        service.app.views.passed(part.next.next(), left).await;
    };
    let mut zones = Zones::load(&service.app.log, part.next).await?;
    let mut body = String::new();
    for event in &part.events {
        body.push_str(&zones.line(event)?);
        body.push('\n');
    }
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (NEXT, part.next.to_string())];
    Ok(Ok((headers, body).into_response()))
}

/// The events that the caller may see after a position, as far as the live view has applied the log.
async fn further(service: &Service, principal: &Principal, after: Position, limit: usize) -> Result<Part, Fault> {
    let live = service.app.views.live();
    let upto = *live.position().borrow();
    let today = civil_day(service.app.clock.now(), DEPLOYMENT_ZONE);
    let mut part = Part { events: Vec::new(), next: after };
    let mut looked_at = 0;
    let lanes = lanes_of(&principal.scope);
    while part.next < upto && part.events.len() < limit && looked_at < LOOKED_AT {
        let page = service.app.log.page_among(&lanes, part.next, upto, PAGE).await?;
        // A page that is not full is the last one.
        let is_full = i64::try_from(page.len()).is_ok_and(|read| read >= PAGE);
        let last = page.last().map(|last| last.position).filter(|_| is_full).unwrap_or(upto);
        let visible = queries::event_visibility::filter(&live, principal, today, &page).await?;
        looked_at += page.len();
        let room = limit - part.events.len();
        part.events.extend(page.into_iter().filter(|event| visible(event)).take(room));
        let full = part.events.len() == limit;
        part.next = part.events.last().filter(|_| full).map_or(last, |event| event.position);
    }
    Ok(part)
}
