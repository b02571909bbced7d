//! Clients that hang up in the middle of a request leave nothing behind them and take nothing with them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use throughline::access::Role;
use throughline::access::token::LocalKey;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::http;
use throughline::store::Dialect;
use throughline_domain::fact::envelope::{CommandId, JourneyId};
use throughline_gateway::Terms;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::client::{self, Client};
use crate::field::{Field, RawDb, assert_gapless, now, principal, whole};
use crate::stores::{Place, STORES};
use crate::wait::{PATIENCE, until_within};

const REQUESTS: usize = 1_000;
/// One in so many waits for its answer.
const WAITS: usize = 10;
const AT_ONCE: usize = 100;

/// A server in this process.
struct Server {
    address: String,
    token: String,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(deployment: &Deployment) -> Server {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let key = LocalKey::read_or_make(&directory.path().join("key")).expect("a key");
    // Tokens go by the machine's clock.
    let token = key.issue(&principal(Role::Manager), Clock::Machine.now(), TimeDelta::hours(1), Uuid::nil());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let router = http::router(deployment.app(), Arc::new(key), Terms::default());
    let task = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        http::serve(listener, http::CONNECTIONS, router, stopped).await;
    });
    Server { address, token, stop, task }
}

/// Sends the request and hangs up at some point, unless it is one of those that wait: true if it was acknowledged.
async fn ask(server: &Server, field: &Field, (nth, journey, command): (usize, JourneyId, Uuid)) -> bool {
    let request = client::log_contact(&server.token, journey, command);
    let mut client = Client::to(&server.address).await.expect("the server listens");
    if nth.is_multiple_of(WAITS) {
        return client.log_contact(&request).await.expect("whoever waits is answered");
    }
    // Part of it, or all of it; at once, or when the server is at work on it.
    let all = u64::try_from(request.len()).expect("a short request");
    let part = usize::try_from(1 + field.below(2 * all)).expect("a short request").min(request.len());
    client.send(&request[..part]).await.expect("the server reads");
    for _ in 0..field.below(20) {
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_hundred_of_a_thousand_hang_up_and_nothing_stays_open_or_is_lost() {
    for dialect in STORES {
        let (place, field) = (Place::on(dialect).await, Field::of("hang-ups"));
        let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
        let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
        let journeys = field.journeys(&deployment.recorder, 10).await;
        let before = whole(&deployment.log).await.len();
        let server = serve(&deployment).await;

        let commands: Vec<(usize, JourneyId, Uuid)> =
            (0..REQUESTS).map(|nth| (nth, journeys[nth % journeys.len()], field.id())).collect();
        let asked = commands.iter().map(|command| ask(&server, &field, *command));
        let acknowledged: Vec<bool> = futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
        assert_eq!(acknowledged.iter().filter(|yes| **yes).count(), REQUESTS / WAITS, "whoever waits is acknowledged");

        // The queue is first come, first served: when this is done, so is everything that was left behind.
        let last = deployment.recorder.append(field.subject()).await.expect("appends go on").position();
        assert_nothing_is_open(&place, dialect).await;

        let events = whole(&deployment.log).await;
        assert_gapless(&events);
        let mut times: HashMap<CommandId, usize> = HashMap::new();
        for event in &events {
            *times.entry(event.command_id).or_default() += 1;
        }
        for ((nth, _, command), acknowledged) in commands.iter().zip(&acknowledged) {
            let found = times.get(&CommandId(*command)).copied().unwrap_or_default();
            assert!(found <= 1, "request {nth} is in the log {found} times");
            assert!(found == 1 || !acknowledged, "request {nth} was acknowledged and is not in the log");
        }
        let kept = events.len() - before - 1;
        eprintln!("{dialect:?}: {kept} of {REQUESTS} recorded");
        assert!(deployment.views.passed(last, PATIENCE).await, "the view follows");

        server.stop.send(()).expect("it serves");
        server.task.await.expect("it stops");
        deployment.close().await;
        crate::reopened::assert_rebuilt_alike(&place).await;
        place.remove().await;
    }
}

async fn assert_nothing_is_open(place: &Place, dialect: Dialect) {
    let mut raw_db = RawDb::at(place).await;
    match dialect {
        Dialect::Sqlite => {
            raw_db.run("pragma busy_timeout = 0").await;
            raw_db.run("begin immediate; rollback").await;
        }
        Dialect::Postgres => {
            // A session of the projector may be at work at this very moment, but none stays where it is.
            let none_is_open = async || raw_db.sessions(place, "idle in transaction%").await.is_empty();
            until_within(Duration::from_secs(2), "no session stays idle in a transaction", none_is_open).await;
        }
    }
}
