//! HTTP: authentication, limits and routes. It knows nothing about cases.

mod connection;
mod descriptors;
mod evidence;
mod export;
mod feed;
mod import;
mod inbox;
mod metrics;
mod remote;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router, middleware};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, info_span};

use crate::access::sign_in::{Gate, SignIn};
use crate::access::token::{Login, Remedy};
use crate::app::App;
use crate::graphql::{Api, graphiql};
use crate::log::ClockOff;
use crate::telemetry::repeated::Repeated;
pub use connection::CONNECTIONS;
pub use descriptors::connections_within;
use metrics::Meters;
use throughline_gateway::{
    Arrival, Budget, Caller as _, Capacity, Explorer, Problem, Remote, Stopping, TakenPlace, Terms, bearer,
    wants_socket,
};

static NOT_READY: Repeated = Repeated::of("not ready");

/// The most time from a request to the start of its answer: a little more than the time limit of GraphQL. Streams of
/// events and sockets continue after that.
const PATIENCE: Duration = Duration::from_secs(35);

/// The path of GraphQL.
const GRAPHQL: &str = "/graphql";

/// The most time that the store may take to answer the readiness check.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// The wait until the next readiness check.
const READY_AGAIN: Duration = Duration::from_secs(1);

/// How long a browser may cache a preflight answer (CORS).
const PREFLIGHT_HOLDS: Duration = Duration::from_mins(10);

/// The state that the routes share.
#[derive(Clone)]
pub struct Service {
    api: Api,
    app: App,
    gate: Arc<Gate>,
    budget: Arc<Budget>,
    capacity: Arc<Capacity>,
    meters: Arc<Meters>,
    exports: Arc<export::Exports>,
}

/// Every route of the service, with its limits. Accepts the tokens that the settings for signing in name, such as those
/// of the local key alone.
pub fn router(app: App, sign_in: impl Into<SignIn>, terms: Terms) -> Router {
    let (meters, budget, explorer) = (Meters::new(), Arc::clone(&terms.budget), terms.explorer);
    let capacity = Arc::clone(&terms.capacity);
    let foreign_pages = of_origins(&terms.origins);
    let sign_in: SignIn = sign_in.into();
    let proxies: Arc<[IpAddr]> = sign_in.proxies().into();
    let gate = Gate::of(&app, sign_in);
    let api = Api::new(app.clone(), Arc::clone(&gate), terms);
    let (held, counted, exports) = (Arc::clone(&capacity), Arc::clone(&meters), Arc::default());
    let service = Service { api, app, gate, budget, capacity: held, meters: counted, exports };
    let page = match explorer {
        Explorer::Served => graphiql::routes(),
        Explorer::Absent => Router::new(),
    };
    let traced = TraceLayer::new_for_http().make_span_with(|request: &Request| {
        let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or("");
        info_span!("request", id, method = %request.method(), path = request.uri().path())
    });
    // The code that answers "unavailable" has already logged the reason.
    let traced = traced.on_failure(|failure: ServerErrorsFailureClass, latency: Duration, _: &Span| match failure {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => {}
        failure => tracing::error!(classification = %failure, latency = ?latency, "response failed"),
    });
    Router::new()
        .route(GRAPHQL, any(graphql))
        .route("/events", get(feed::events))
        .route("/export/{table}", get(export::export))
        .route("/export/subject/{id}", get(export::subject))
        .route("/livez", get(livez))
        .route("/metrics", get(metrics::metrics))
        .route("/readyz", get(readyz))
        .merge(inbox::routes())
        .merge(page)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PATIENCE))
        .merge(evidence::routes())
        .merge(import::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(service)
        .layer(option_layer(foreign_pages))
        .layer(middleware::from_fn_with_state(meters, metrics::count))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(traced)
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware::from_fn_with_state(capacity, admit_if_there_is_a_place))
        .layer(middleware::from_fn_with_state(proxies, remote::of_client))
}

/// Admits a request to GraphQL if there is a free place, and otherwise refuses it before any work is done. A socket or
/// a stream of answers gives its place back once it is open. The feed takes a place itself, because it may wait. Probes
/// and GraphiQL are always answered.
async fn admit_if_there_is_a_place(
    State(capacity): State<Arc<Capacity>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().path() != GRAPHQL || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let place = match capacity.enter() {
        Ok(place) => Arc::new(place),
        Err(full) => return full.response(&request),
    };
    request.extensions_mut().insert(Arc::clone(&place));
    let answer = next.run(request).await;
    drop(place);
    answer
}

/// Records in the request's place which login it belongs to. Returns a refusal if the login already has too many
/// places.
fn refuse_login_over_its_share(http: &Request, login: &Login) -> Option<Response> {
    let place = http.extensions().get::<Arc<TakenPlace>>();
    place.and_then(|place| place.by(&login.key()).err()).map(|full| full.response(http))
}

/// Lets pages of these origins send requests with a token and read the answers (CORS). `None` if there are no origins.
///
/// No cookies are used, so a page gets no more access than its own script already has.
fn of_origins(origins: &[String]) -> Option<CorsLayer> {
    let named: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| origin.trim_end_matches('/').parse().ok()).collect();
    let layer = CorsLayer::new()
        .allow_origin(named.clone())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([
            header::CONTENT_DISPOSITION,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            feed::NEXT,
        ])
        .max_age(PREFLIGHT_HOLDS);
    (!named.is_empty()).then_some(layer)
}

/// Serves at most `connections` connections until it is asked to stop. Then it ends streams and sockets, and lets
/// requests in progress finish.
pub async fn serve(listener: TcpListener, connections: usize, router: Router, stop: impl Future<Output = ()>) {
    let (tell, stopping) = watch::channel(false);
    let stopping = Stopping::when(stopping);
    let router = router.layer(Extension(stopping.clone()));
    let serving = async {
        connection::serve(listener, connections, router, stopping).await;
        // Each socket holds its end of the channel while it is open.
        tell.closed().await;
    };
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        () = &mut serving => return,
        () = stop => tell.send_replace(true),
    };
    if tokio::time::timeout(PATIENCE, serving).await.is_err() {
        tracing::warn!("some connections did not end in time and were dropped");
    }
}

/// The URL at which a client on this machine reaches a listener.
pub fn url_of(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if address.is_ipv6() && !address.ip().is_unspecified() { format!("[{host}]") } else { host };
    format!("http://{host}:{}", address.port())
}

async fn graphql(State(service): State<Service>, http: Request) -> Response {
    let is_socket = wants_socket(&http);
    // A client that cannot send a token with the handshake sends it on the socket.
    let login = if is_socket && !http.headers().contains_key(header::AUTHORIZATION) {
        None
    } else {
        match authenticate(&service.gate, &http).await {
            Ok(login) => match refuse_login_over_its_share(&http, &login) {
                None => Some(login),
                Some(refused) => return refused,
            },
            Err(refused) => return unauthenticated(&refused),
        }
    };
    let stopping = http.extensions().get::<Stopping>().cloned().unwrap_or_default();
    let id = http.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or("");
    let arrival = Arrival { request_id: id.into(), stopping, http };
    match login {
        Some(login) if !is_socket => service.api.answer(arrival, &login).await,
        login => service.api.open(arrival, login).await,
    }
}

/// Why a request is not authenticated: what to do next, and the challenge of RFC 6750.
struct NotLetIn {
    detail: &'static str,
    challenge: &'static str,
    status: StatusCode,
    wait: Option<Duration>,
}

const NO_TOKEN: NotLetIn = NotLetIn {
    detail: "send a token: Authorization: Bearer …",
    challenge: "Bearer realm=\"throughline\"",
    status: StatusCode::UNAUTHORIZED,
    wait: None,
};
const BAD_TOKEN: NotLetIn = NotLetIn {
    detail: "the token is not valid here, or has expired: get a new one",
    challenge: "Bearer realm=\"throughline\", error=\"invalid_token\"",
    status: StatusCode::UNAUTHORIZED,
    wait: None,
};
const NO_ROLE: NotLetIn = NotLetIn {
    detail: "this login has no role here: ask an administrator to grant it one",
    challenge: "Bearer realm=\"throughline\", error=\"insufficient_scope\"",
    status: StatusCode::FORBIDDEN,
    wait: None,
};

/// The answer while nobody's rights can be read.
const NOT_JUDGED: NotLetIn = NotLetIn {
    detail: "the service cannot read the rights of its callers: try again after Retry-After",
    challenge: "Bearer realm=\"throughline\"",
    status: StatusCode::SERVICE_UNAVAILABLE,
    wait: Some(READY_AGAIN),
};

/// The answer to a token that was not read.
const fn too_many(wait: Duration) -> NotLetIn {
    NotLetIn {
        detail: "too many sign-ins failed: try again after Retry-After",
        status: StatusCode::TOO_MANY_REQUESTS,
        wait: Some(wait),
        ..BAD_TOKEN
    }
}

/// Lets the sender of a request in. The request is read at once, because it cannot be kept while the token is verified.
fn authenticate<'g>(gate: &'g Gate, http: &Request) -> impl Future<Output = Result<Login, NotLetIn>> + Send + use<'g> {
    let credentials = http.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = credentials.and_then(bearer).map(str::to_owned);
    let from = http.extensions().get::<Remote>().copied();
    async move {
        let Some(token) = token else {
            tracing::warn!(reason = "there is no bearer token", "a sign-in failed");
            return Err(NO_TOKEN);
        };
        gate.verify(&token, from).await.map_err(|error| match error.remedy() {
            // The gate has already logged once that the address must wait.
            Remedy::Wait(wait) => too_many(wait),
            remedy => {
                tracing::warn!(reason = error.reason(), "a sign-in failed");
                match remedy {
                    Remedy::AskForRole => NO_ROLE,
                    Remedy::Later => NOT_JUDGED,
                    Remedy::AnotherToken | Remedy::Wait(_) => BAD_TOKEN,
                }
            }
        })
    }
}

fn unauthenticated(refused: &NotLetIn) -> Response {
    let problem = Problem::new(refused.status, refused.detail);
    let mut response = match refused.wait {
        Some(wait) => problem.after(wait).into_response(),
        None => problem.into_response(),
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(refused.challenge));
    response
}

async fn not_found() -> Response {
    let known = "no such page: see /graphql, /events, /export/{table}, /export/subject/{id}, /import/{source}, \
                 /referrals/{source}, /evidence/uploads, /livez, /readyz and /metrics";
    Problem::new(StatusCode::NOT_FOUND, known).into_response()
}

async fn method_not_allowed() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "use a method that the Allow header lists").into_response()
}

/// Whether the process responds.
async fn livez() -> &'static str {
    "alive\n"
}

/// Whether the service can answer from its live view and can record. Also gives the view's lag behind the log. Reports
/// a wrong clock before the clock stops recording.
async fn readyz(State(service): State<Service>) -> Response {
    let unavailable =
        |detail: String| Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(READY_AGAIN).into_response();
    if !service.app.views.is_current() {
        return unavailable(
            "the live view belongs to another version of this program: use a server of that version".to_owned(),
        );
    }
    let head = match tokio::time::timeout(READY_WITHIN, service.app.log.head()).await {
        Ok(Ok(head)) => head,
        Ok(Err(error)) => {
            NOT_READY.met(&error);
            return unavailable("the log cannot be read".to_owned());
        }
        Err(_) => {
            let detail = "the log's database does not answer";
            NOT_READY.met(&detail);
            return unavailable(detail.to_owned());
        }
    };
    if let Some(why) = service.app.log.unwritable(READY_WITHIN).await {
        return unavailable(format!("the log cannot be written: {why}"));
    }
    let clock = &service.app.clock;
    let off = head.clock_off(clock, clock.now());
    if let Some(off) = off.filter(ClockOff::is_refused) {
        return unavailable(format!("{off}: nothing is recorded until the clock is corrected"));
    }
    let head = head.position;
    let live = service.app.views.live();
    let position = *live.position().borrow();
    if let Some(still) = service.app.views.stands_still(head) {
        return unavailable(format!(
            "the live view has been at position {position} for {} s, while the log is at {head}: new events \
             are safe but not shown; see the log of this server",
            still.as_secs()
        ));
    }
    let mut ready = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "log": { "position": head },
        "view": { "generation": live.number, "position": position },
        "lag": head.0 - position.0,
    });
    if let Some(off) = off {
        ready["clock"] = json!({ "offBySeconds": off.by.num_seconds(), "warning": off.to_string() });
    }
    if service.app.keys.why_away().is_some() {
        let warning = "the key store is away, so names and notes are neither shown nor recorded: see the log of this \
                       server";
        ready["keys"] = json!({ "warning": warning });
    }
    Json(ready).into_response()
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error: see the log of the service").into_response()
}
