//! Metrics of the service: `GET /metrics`, in the `OpenMetrics` text that Prometheus reads.
//!
//! No metric is about a person, a contract or a caller, so no token is needed.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::{READY_WITHIN, Service};
use crate::log::{Head, LogError};
use crate::outbox::Outbox;
use crate::outbox::subscription::{self, Tally};
use throughline_gateway::Problem;

/// The media type of `OpenMetrics` text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The bucket edges for the time until an answer begins, in seconds.
const EDGES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The route and how the request was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: String,
    status: u16,
}

/// The route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// The state of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

/// The metrics of webhooks.
struct WebhookMeters {
    delivered: Counter,
    failed: Counter,
    subscriptions: Family<InState, Gauge>,
    failing: Gauge,
    lag: Gauge,
}

impl WebhookMeters {
    fn registered(registry: &mut Registry) -> Self {
        let (delivered, failed) = (Counter::default(), Counter::default());
        let (failing, lag) = (Gauge::default(), Gauge::default());
        let subscriptions = Family::<InState, Gauge>::default();
        let what = "Webhooks that their receivers took, sent by this server";
        registry.register("webhooks_delivered", what, delivered.clone());
        let what = "Attempts to send a webhook that failed, by this server";
        registry.register("webhooks_failed", what, failed.clone());
        let what = "Webhook subscriptions, by state";
        registry.register("webhook_subscriptions", what, subscriptions.clone());
        let what = "Active webhook subscriptions whose next event was not taken yet";
        registry.register("webhook_subscriptions_failing", what, failing.clone());
        let what = "Positions of the log by which the slowest active webhook subscription is behind";
        registry.register("webhook_lag_events", what, lag.clone());
        Self { delivered, failed, subscriptions, failing, lag }
    }

    fn set(&self, outbox: &Outbox, tally: &[Tally]) {
        let attempts = outbox.attempts();
        self.delivered.inc_by(attempts.delivered.saturating_sub(self.delivered.get()));
        self.failed.inc_by(attempts.failed.saturating_sub(self.failed.get()));
        let of = |state| tally.iter().find(|tally| tally.state == state);
        for state in subscription::State::ALL {
            let count = of(state).map_or(0, |tally| tally.subscriptions);
            self.subscriptions.get_or_create(&InState { state: state.as_str() }).set(count);
        }
        let active = of(subscription::State::Active);
        self.failing.set(active.map_or(0, |active| active.failing));
        self.lag.set(active.map_or(0, |active| outbox.lag(active.position)));
    }
}

/// The metrics of one service.
pub(super) struct Meters {
    registry: Registry,
    answered: Family<Answered, Counter>,
    took: Family<Route, Histogram>,
    places: Gauge,
    under_way: Gauge,
    turned_away: Counter,
    sign_ins_failed: Counter,
    sign_ins_unread: Counter,
    clock_off: Gauge<f64, AtomicU64>,
    log_position: Gauge,
    view_position: Gauge,
    view_generation: Gauge,
    lag: Gauge<f64, AtomicU64>,
    parked: Gauge,
    rebuild_events: Gauge,
    rebuild_rate: Gauge<f64, AtomicU64>,
    rebuild_left: Gauge<f64, AtomicU64>,
    webhooks: WebhookMeters,
}

impl Meters {
    /// Metrics that begin at zero.
    pub(super) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("throughline");
        let answered = Family::<Answered, Counter>::default();
        let took = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(EDGES));
        let (log_position, view_position, view_generation) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (clock_off, lag) = (Gauge::default(), Gauge::default());
        let (parked, rebuild_events) = (Gauge::default(), Gauge::default());
        let (rebuild_rate, rebuild_left) = (Gauge::default(), Gauge::default());
        let (places, under_way, turned_away) = (Gauge::default(), Gauge::default(), Counter::default());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of the program", build);
        registry.register("http_requests", "Requests answered, by route, method and status", answered.clone());
        let what = "Time from a request to the start of its answer, by route";
        registry.register_with_unit("http_request_duration", what, Unit::Seconds, took.clone());
        registry.register("http_places", "Requests that may be worked on at the same time", places.clone());
        registry.register("http_requests_under_way", "Requests in progress", under_way.clone());
        let what = "Requests refused with 503 because no place was free";
        registry.register("http_requests_turned_away", what, turned_away.clone());
        let (sign_ins_failed, sign_ins_unread) = (Counter::default(), Counter::default());
        registry.register("sign_ins_failed", "Tokens that were not valid here", sign_ins_failed.clone());
        let what = "Tokens that were not read because too many from their address were not valid";
        registry.register("sign_ins_unread", what, sign_ins_unread.clone());
        let what =
            "How far this server's clock is ahead of the database's; negative if it is behind that or the newest event";
        registry.register_with_unit("clock_off", what, Unit::Seconds, clock_off.clone());
        registry.register("log_position", "The position of the newest event of the log", log_position.clone());
        let what = "The position up to which the live view has applied the log";
        registry.register("view_position", what, view_position.clone());
        registry.register("view_generation", "The number of the live view", view_generation.clone());
        registry.register("view_lag_events", "Events that the live view has not applied yet", lag.clone());
        registry.register("view_parked_streams", "Streams that could not be applied to the live view", parked.clone());
        let what = "Events applied by the running rebuild; zero without one";
        registry.register("rebuild_events", what, rebuild_events.clone());
        let what = "Events a second of the running rebuild; zero without one";
        registry.register("rebuild_rate", what, rebuild_rate.clone());
        let what = "Remaining time of the running rebuild at this rate; zero without one";
        registry.register_with_unit("rebuild_left", what, Unit::Seconds, rebuild_left.clone());
        let webhooks = WebhookMeters::registered(&mut registry);
        Arc::new(Self {
            registry,
            answered,
            took,
            places,
            under_way,
            turned_away,
            sign_ins_failed,
            sign_ins_unread,
            clock_off,
            log_position,
            view_position,
            view_generation,
            lag,
            parked,
            rebuild_events,
            rebuild_rate,
            rebuild_left,
            webhooks,
        })
    }
}

/// Counts a request and the time until its answer begins.
pub(super) async fn count(State(meters): State<Arc<Meters>>, request: Request, next: Next) -> Response {
    // Only known routes are labels. Arbitrary paths would fill the memory of the monitoring system.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let began = Instant::now();
    let answer = next.run(request).await;
    meters.took.get_or_create(&Route { route: route.clone() }).observe(began.elapsed().as_secs_f64());
    meters.answered.get_or_create(&Answered { route, method, status: answer.status().as_u16() }).inc();
    answer
}

/// Metrics that need a read from the store.
async fn read(service: &Service) -> Result<(Head, i64, Vec<Tally>), LogError> {
    let (head, parked) = (service.app.log.head().await?, service.app.views.live().parked_count().await?);
    Ok((head, parked, service.app.outbox.tally().await?))
}

/// All metrics, as text.
pub(super) async fn metrics(State(service): State<Service>) -> Response {
    let live = service.app.views.live();
    let position = *live.position().borrow();
    let Ok(Ok((head, parked, tally))) = tokio::time::timeout(READY_WITHIN, read(&service)).await else {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the log or the live view cannot be read");
        return problem.after(READY_WITHIN).into_response();
    };
    let meters = &service.meters;
    let load = service.capacity.load();
    meters.places.set(i64::try_from(load.places).unwrap_or(i64::MAX));
    meters.under_way.set(i64::try_from(load.taken).unwrap_or(i64::MAX));
    meters.turned_away.inc_by(load.turned_away.saturating_sub(meters.turned_away.get()));
    let (failed, unread) = service.gate.tally().read();
    meters.sign_ins_failed.inc_by(failed.saturating_sub(meters.sign_ins_failed.get()));
    meters.sign_ins_unread.inc_by(unread.saturating_sub(meters.sign_ins_unread.get()));
    let clock = &service.app.clock;
    let off = head.compared(clock, clock.now()).map_or(0.0, |off| off.by.as_seconds_f64());
    meters.clock_off.set(off);
    meters.log_position.set(head.position.0);
    meters.view_position.set(position.0);
    meters.view_generation.set(live.number);
    let lag = u32::try_from((head.position.0 - position.0).max(0)).unwrap_or(u32::MAX);
    meters.lag.set(lag.into());
    meters.parked.set(parked);
    let progress = *service.app.views.progress().borrow();
    let progress = progress.filter(|progress| !progress.phase.is_over());
    meters.rebuild_events.set(progress.map_or(0, |progress| progress.events));
    meters.rebuild_rate.set(progress.map_or(0.0, |progress| progress.rate));
    meters.rebuild_left.set(progress.and_then(|progress| progress.eta).map_or(0.0, |eta| eta.as_secs_f64()));
    meters.webhooks.set(&service.app.outbox, &tally);
    let mut body = String::new();
    text::encode(&mut body, &meters.registry).expect("a String can always be written to");
    ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response()
}
