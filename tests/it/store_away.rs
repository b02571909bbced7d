//! A store that is away, and one that is only busy: who is told what, and how soon.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use throughline::access::Role;
use throughline::access::token::LocalKey;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::http;
use throughline::store::Dialect;
use throughline_domain::fact::envelope::JourneyId;
use throughline_gateway::Terms;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::app::{Answer, TestApp};
use crate::field::{Field, RawDb, day, now, principal};
use crate::stores::Place;
use crate::wait::{until, until_within};

/// What is told in a second or two, on a machine that does much else.
const SOON: Duration = Duration::from_secs(10);

/// The way to a Postgres server, which can be cut or go silent.
pub(crate) struct Wire {
    address: String,
    server: String,
    is_silent: watch::Sender<bool>,
    is_cut: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// A way to the server of a place, and the place's URL over it.
    pub(crate) async fn to(place: &Place) -> (Self, String) {
        let options = PgConnectOptions::from_str(place.url()).expect("a URL");
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let (is_silent, is_cut) = (watch::Sender::new(false), watch::Sender::new(false));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let accepting = tokio::spawn(accept(listener, server.clone(), is_silent.subscribe(), is_cut.subscribe()));
        let url = place.url().replace(&server, &address);
        assert_ne!(url, place.url(), "the URL names the server as {server}");
        (Self { address, server, is_silent, is_cut, accepting }, url)
    }

    /// As when the server's process is stopped: nothing comes back, and nothing is refused.
    fn silence(&self, is_silent: bool) {
        self.is_silent.send_replace(is_silent);
    }

    /// As when the server has ended: connections break off, and new ones are refused.
    pub(crate) async fn cut(&mut self) {
        self.is_cut.send_replace(true);
        self.accepting.abort();
        until("nothing listens", async || TcpStream::connect(&self.address).await.is_err()).await;
    }

    pub(crate) async fn mend(&mut self) {
        self.is_cut.send_replace(false);
        let listener = TcpListener::bind(&self.address).await.expect("the same port");
        let (silent, cut) = (self.is_silent.subscribe(), self.is_cut.subscribe());
        self.accepting = tokio::spawn(accept(listener, self.server.clone(), silent, cut));
    }
}

async fn accept(listener: TcpListener, server: String, silent: watch::Receiver<bool>, cut: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, silent, mut cut) = (server.clone(), silent.clone(), cut.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(&server).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                () = pump(from_client, to_server, silent.clone()) => {}
                () = pump(from_server, to_client, silent) => {}
                _ = cut.wait_for(|is_cut| *is_cut) => {}
            }
        });
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut silent: watch::Receiver<bool>,
) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if silent.wait_for(|is_silent| !*is_silent).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

/// A service in this process, and who asks it.
struct Service {
    deployment: Deployment,
    router: Router,
    token: String,
    journey: JourneyId,
}

impl Service {
    async fn at(url: &str) -> Self {
        let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
        let deployment = Deployment::open(url, clock, chance).await.expect("it opens");
        let journey = Field::of("away").journeys(&deployment.recorder, 1).await[0];
        let directory = tempfile::tempdir().expect("a temporary directory");
        let key = LocalKey::read_or_make(&directory.path().join("key")).expect("a key");
        let token = key.issue(&principal(Role::Manager), Clock::Machine.now(), TimeDelta::hours(1), Uuid::nil());
        let router = http::router(deployment.app(), Arc::new(key), Terms::default());
        Self { deployment, router, token, journey }
    }

    async fn end(self, place: Place) {
        // What serves holds on to the deployment.
        drop(self.router);
        self.deployment.close().await;
        place.remove().await;
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.token));
        soon(path, TestApp::send_to(&self.router, request.body(Body::empty()).expect("a request"))).await
    }

    /// Waits until it is ready again.
    async fn is_ready_soon(&self) {
        let is_ready = async || self.get("/readyz").await.status == StatusCode::OK;
        until_within(SOON, "it is ready again", is_ready).await;
    }

    async fn ask(&self, document: &str, variables: Value) -> Answer {
        let body = json!({ "query": document, "variables": variables }).to_string();
        TestApp::send_to(&self.router, TestApp::post(&self.token).body(Body::from(body)).expect("a request")).await
    }

    async fn log_contact(&self, command: Uuid) -> Answer {
        let input = json!({
            "commandId": command, "journey": self.journey, "occurredOn": day(), "channel": "phone", "twoWay": true,
            "acceptWarnings": ["RECORDED_ALREADY"],
        });
        let document =
            "mutation($input: LogContactInput!) { logContact(input: $input) { replayed problems { code } } }";
        self.ask(document, json!({ "input": input })).await
    }
}

async fn soon<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = doing.await;
    let took = began.elapsed();
    assert!(took < SOON, "{what} took {took:?}");
    done
}

/// The answer says that the store is away, when to ask again, and that nothing was recorded.
fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.codes(), ["UNAVAILABLE"], "{what}: {}", answer.body);
    assert_eq!(answer.json()["errors"][0]["extensions"]["commandInDoubt"], json!(false), "{what}: {}", answer.body);
    assert!(answer.headers.contains_key("retry-after"), "{what}: {:?}", answer.headers);
}

const COUNT: &str = "{ contract(code: \"shps\") { journeys { totalCount } } }";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_learns_in_seconds_that_postgres_is_stopped_or_paused_and_nothing_is_in_doubt() {
    let place = Place::on(Dialect::Postgres).await;
    let (mut wire, url) = Wire::to(&place).await;
    let service = Service::at(&url).await;
    // Control: while it is there, all of it answers.
    assert_eq!(service.get("/readyz").await.status, StatusCode::OK);
    assert_eq!(service.get("/metrics").await.status, StatusCode::OK);
    assert_eq!(service.get("/events?after=0").await.status, StatusCode::OK);
    assert_eq!(service.log_contact(Uuid::from_u128(1)).await.codes(), Vec::<String>::new());
    for (nth, is_paused) in [(2, true), (3, false)] {
        if is_paused {
            wire.silence(true);
        } else {
            wire.cut().await;
        }
        let began = Instant::now();
        assert_eq!(service.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(began.elapsed() < Duration::from_secs(5), "readyz took {:?}", began.elapsed());
        let command = Uuid::from_u128(nth);
        // Many at once wait no longer than one.
        let many = futures_util::future::join_all((0..40).map(|_| service.ask(COUNT, json!({}))));
        for read in soon("forty reads", many).await {
            assert_unavailable("a read", &read);
        }
        assert_unavailable("a command", &soon("a command", service.log_contact(command)).await);
        for path in ["/events?after=0", "/metrics"] {
            let answer = service.get(path).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.body);
            assert!(answer.headers.contains_key("retry-after"), "{path}");
        }
        if is_paused {
            wire.silence(false);
        } else {
            wire.mend().await;
        }
        service.is_ready_soon().await;
        let again = service.log_contact(command).await;
        assert_eq!(again.json()["data"]["logContact"]["replayed"], json!(false), "{}", again.body);
    }
    service.end(place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_pool_makes_everybody_wait_and_fails_nobody() {
    let place = Place::on(Dialect::Postgres).await;
    let service = Service::at(place.url()).await;
    let mut raw_db = RawDb::at(&place).await;
    raw_db.run("begin; lock table log_head in access exclusive mode").await;
    let reads = futures_util::future::join_all((0..40).map(|_| service.ask("{ log { position } }", json!({}))));
    let freed = async {
        // This is what is tested: longer than a server that is away is waited for.
        tokio::time::sleep(Duration::from_secs(4)).await;
        raw_db.run("rollback").await;
    };
    let (reads, ()) = tokio::join!(reads, freed);
    for read in reads {
        assert_eq!(read.codes(), Vec::<String>::new(), "{}", read.body);
    }
    service.end(place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_could_not_begin_beside_a_locked_file_is_not_in_doubt() {
    let place = Place::on(Dialect::Sqlite).await;
    let service = Service::at(place.url()).await;
    let mut raw_db = RawDb::at(&place).await;
    raw_db.run("begin immediate").await;
    // Control: what nobody has met yet is not said.
    assert_eq!(service.get("/readyz").await.status, StatusCode::OK);
    let command = Uuid::from_u128(9);
    assert_unavailable("a command", &service.log_contact(command).await);
    let refused = service.get("/readyz").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
    assert!(refused.body.contains("the log cannot be written") && refused.body.contains("locked"), "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    raw_db.run("rollback").await;
    service.is_ready_soon().await;
    let again = service.log_contact(command).await;
    assert_eq!(again.json()["data"]["logContact"]["replayed"], json!(false), "{}", again.body);
    service.end(place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_beside_a_locked_file_says_that_it_is_locked() {
    let place = Place::on(Dialect::Sqlite).await;
    let deployment = Deployment::open(place.url(), Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    deployment.await.expect("it opens").close().await;
    let mut raw_db = RawDb::at(&place).await;
    raw_db.run("pragma locking_mode = exclusive; begin exclusive").await;
    let said = tokio::task::spawn_blocking({
        let url = place.url().to_owned();
        move || {
            let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"));
            program.env("THROUGHLINE_DATABASE", url).args(["rebuild"]).output().expect("the program runs")
        }
    });
    let said = said.await.expect("it ends");
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(text.contains("is locked by another process"), "{text}");
    assert!(!text.contains("cannot migrate"), "{text}");
    drop(raw_db);
    place.remove().await;
}
