//! Overload: contacts at the highest rate that the service reaches, then at five times that rate in an open loop; how
//! soon the service recovers; and contacts beside sockets that replay the whole log.
//!
//! The service is a separate process, because its memory is measured. Clients share the machine with it. They count
//! answers: any answer that is neither the expected one nor a 503 with Retry-After is a failure, and no failures are
//! allowed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::child::Serving;
use super::client::{Connection, Request};
use super::generate::{CONTRACT, LAST_DAY};
use super::ground::{Ground, size};
use super::over_http::{LOG_CONTACT, token};
use super::report::{Figure, Limit, number, percentile, rate};
use crate::access::Role;
use crate::access::token::LocalKey;
use crate::clock::{Chance, Clock};
use crate::store::Dialect;
use throughline_gateway::REQUESTS;

/// The default number of events in the log: enough for long replays, and for cases that do not get long.
const EVENTS: u64 = 500_000;
/// The number of connections in the closed loop, which finds the highest rate: as many as the service has places.
const CLOSED: usize = REQUESTS;
/// The number of connections in the open loop.
const OPEN: usize = 1_024;
/// The rate of the open loop, as a multiple of the highest rate.
const TIMES: f64 = 5.0;
/// The number of logins that log contacts.
const LOGINS: usize = 8;
/// The number of sockets that replay the log.
const REPLAYS: usize = 64;
/// How long each load lasts: one second for this many events, up to a maximum.
const EVENTS_A_SECOND: u64 = 50_000;
const LASTS_MOST: Duration = Duration::from_secs(20);
/// The share of the highest rate at which the service counts as recovered.
const BACK: f64 = 0.9;
/// The length of a window in which recovery is checked.
const WINDOW: Duration = Duration::from_millis(500);
/// How long recovery is checked.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// How long a client waits after a refusal.
const PAUSE: Duration = Duration::from_millis(20);

const CASES: &str = "query Cases($contract: String!, $asOf: Date, $after: String) { \
     contract(code: $contract, at: { asOf: $asOf }) { \
     caseload(first: 200, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } } }";
const REPLAY: &str = "subscription { eventRecorded(after: 0) { position event { id type } } }";

/// Runs all measurements on one store, each round on its own log and service, because cases grow with each contact.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let journeys = ground.journeys(EVENTS);
    let key_file = ground.scratch("key");
    let key = LocalKey::read_or_make(&key_file)?;
    let lasts = Duration::from_secs((size(journeys).events / EVENTS_A_SECOND).max(1)).min(LASTS_MOST);
    let mut rounds = Vec::new();
    for round in 1..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "measuring overload");
        let place = ground.log_of_this_run(store, journeys).await?;
        let serving = Serving::start(&place.url, &key_file).await?;
        rounds.push(Work::prepared(serving.address, &key, lasts).await?.round(&serving).await?);
    }
    Ok(figures(&rounds, journeys).into_iter().map(|figure| figure.on(store)).collect())
}

/// The results of a round.
#[derive(Debug)]
struct Round {
    reached: f64,
    over: Counted,
    /// The duration of the load, in seconds.
    lasted: f64,
    back_after: f64,
    memory: Option<(f64, f64)>,
    beside_replays: f64,
    replayed: f64,
}

fn figures(rounds: &[Round], journeys: u64) -> Vec<Figure> {
    let size = size(journeys);
    let all = |of: fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(of).collect() };
    let mean = |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>() / number(rounds.len() as u64);
    let (reached, name) = (all(|round| round.reached), "contacts at capacity");
    let mut figures = vec![
        Figure::new("contacts at five times capacity", "contacts/s", size, all(Round::accepted))
            .against(name, &reached)
            .within(Limit::at_least_times(BACK))
            .beside("asked for a second", mean(|round| number(round.over.sent) / round.lasted))
            .beside("turned away a second", mean(|round| number(round.over.turned_away) / round.lasted)),
        Figure::new("accepted at five times capacity, p99", "ms", size, all(|round| round.over.slowest()))
            .within(Limit::at_most(1_000.0)),
        Figure::new("failures at five times capacity", "requests", size, all(|round| number(round.over.failed)))
            .within(Limit::at_most(0.0)),
        Figure::new("back to nine tenths after", "s", size, all(|round| round.back_after)).within(Limit::at_most(5.0)),
        Figure::new("contacts beside 64 replaying sockets", "contacts/s", size, all(|round| round.beside_replays))
            .against(name, &reached)
            .within(Limit::at_least_times(0.5))
            .beside("events replayed a second", mean(|round| round.replayed)),
    ];
    let memory: Option<Vec<(f64, f64)>> = rounds.iter().map(|round| round.memory).collect();
    if let Some(memory) = memory {
        let (before, most): (Vec<f64>, Vec<f64>) = memory.into_iter().unzip();
        figures
            .push(Figure::new("peak memory at five times capacity", "MiB", size, most).against("at capacity", &before));
    }
    figures
}

impl Round {
    fn accepted(&self) -> f64 {
        number(self.over.took.len() as u64) / self.lasted
    }
}

/// The counts of the open loop's clients.
#[derive(Debug, Default)]
struct Counted {
    sent: u64,
    turned_away: u64,
    failed: u64,
    /// The time to the answer of each accepted request, in milliseconds.
    took: Vec<f64>,
}

impl Counted {
    fn slowest(&self) -> f64 {
        if self.took.is_empty() { f64::INFINITY } else { percentile(&self.took, 99) }
    }

    fn with(mut self, other: Self) -> Self {
        self.sent += other.sent;
        self.turned_away += other.turned_away;
        self.failed += other.failed;
        self.took.extend(other.took);
        self
    }
}

/// The clients' tokens and cases.
struct Work {
    address: SocketAddr,
    tokens: Vec<String>,
    reader: String,
    cases: Arc<[Value]>,
    /// The case for the next contact.
    next: AtomicU64,
    lasts: Duration,
}

impl Work {
    async fn prepared(address: SocketAddr, key: &LocalKey, lasts: Duration) -> Result<Self> {
        let tokens: Vec<String> = (0..LOGINS).map(|nth| token(key, Role::Manager, &format!("bench-{nth}"))).collect();
        let (mut connection, mut cases, mut after) = (Connection::to(address).await?, Vec::new(), Value::Null);
        loop {
            let variables = json!({ "contract": CONTRACT, "asOf": LAST_DAY, "after": after });
            let answer = connection.ask(&Request::graphql(&tokens[0], CASES, &variables, "\"nodes\"")).await?;
            let page = serde_json::from_slice::<Value>(answer)?["data"]["contract"]["caseload"].take();
            cases.extend(page["nodes"].as_array().context("cases")?.iter().map(|node| node["id"].clone()));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
        }
        ensure!(!cases.is_empty(), "no case is open: ask for more events, with --events");
        let reader = token(key, Role::Manager, "bench-reader");
        Ok(Self { address, tokens, reader, cases: cases.into(), next: AtomicU64::new(0), lasts })
    }

    async fn round(&self, serving: &Serving) -> Result<Round> {
        let half = self.lasts / 2;
        let first = self.closed_loop(half).await?;
        let before = serving.memory();
        let began = Instant::now();
        let over = self.open_loop(first * TIMES).await?;
        let lasted = began.elapsed().as_secs_f64();
        let back_after = self.back_after(first * BACK).await?;
        // Contacts get slower with the number of earlier ones, so the highest rate is measured before and after.
        let second = self.closed_loop(half).await?;
        let reached = f64::midpoint(first, second);
        let memory = before.zip(serving.memory());
        let (replaying, is_over) = self.replaying().await?;
        let beside_replays = self.closed_loop(self.lasts).await?;
        is_over.store(true, Ordering::SeqCst);
        let events: u64 = replaying.join_all().await.into_iter().sum();
        let replayed = number(events) / self.lasts.as_secs_f64();
        Ok(Round { reached, over, lasted, back_after, memory, beside_replays, replayed })
    }

    fn request(&self, nth: usize) -> Request {
        let case = self.next.fetch_add(1, Ordering::Relaxed) % self.cases.len() as u64;
        let case = &self.cases[usize::try_from(case).expect("few cases")];
        let input = json!({
            "commandId": Chance::System.id_at(Clock::Machine.now()), "journey": case,
            "occurredOn": LAST_DAY, "acceptWarnings": ["RECORDED_ALREADY"], "channel": "phone", "direction": "OUTGOING",
            "twoWay": true, "minutes": 15,
        });
        let token = &self.tokens[nth % self.tokens.len()];
        Request::graphql(token, LOG_CONTACT, &json!({ "input": input }), "\"events\":[{")
    }

    /// Contacts per second over connections that wait for each answer.
    async fn closed_loop(&self, lasts: Duration) -> Result<f64> {
        let began = Instant::now();
        let logged = (0..CLOSED).map(|nth| async move {
            let mut connection = Connection::to(self.address).await?;
            let mut logged = 0_u64;
            while began.elapsed() < lasts {
                let request = self.request(nth);
                match connection.exchange(&request).await? {
                    (200, answer) if request.is_answered_by(answer) => logged += 1,
                    (503, _) => tokio::time::sleep(PAUSE).await,
                    (status, answer) => bail!("not the expected answer: {status} {}", String::from_utf8_lossy(answer)),
                }
            }
            anyhow::Ok(logged)
        });
        let logged: u64 = try_join_all(logged).await?.into_iter().sum();
        Ok(rate(logged, began.elapsed()))
    }

    /// Sends contacts at a fixed rate, whatever the answers to earlier ones.
    async fn open_loop(&self, per_second: f64) -> Result<Counted> {
        let mut connections = Vec::new();
        for _ in 0..OPEN {
            connections.push(Connection::to(self.address).await?);
        }
        let every = Duration::from_secs_f64(number(OPEN as u64) / per_second);
        let began = Instant::now();
        let sending = connections.into_iter().enumerate().map(|(nth, mut connection)| async move {
            let mut counted = Counted::default();
            let mut at = began + every.mul_f64(number(nth as u64) / number(OPEN as u64));
            while at.duration_since(began) < self.lasts && began.elapsed() < self.lasts {
                tokio::time::sleep_until(at.into()).await;
                let (request, asked) = (self.request(nth), Instant::now());
                counted.sent += 1;
                match connection.exchange(&request).await {
                    Ok((200, answer)) if request.is_answered_by(answer) => {
                        counted.took.push(asked.elapsed().as_secs_f64() * 1_000.0);
                    }
                    Ok((503, _)) => counted.turned_away += 1,
                    answered => {
                        tracing::warn!(?answered, "a request failed");
                        counted.failed += 1;
                        connection = Connection::to(self.address).await?;
                    }
                }
                at += every;
            }
            anyhow::Ok(counted)
        });
        let counted = try_join_all(sending).await?;
        Ok(counted.into_iter().fold(Counted::default(), Counted::with))
    }

    /// The seconds until this many contacts per second were logged again, including the window that shows it.
    async fn back_after(&self, wanted: f64) -> Result<f64> {
        let began = Instant::now();
        loop {
            let reached = self.closed_loop(WINDOW).await?;
            let so_far = began.elapsed();
            if reached >= wanted || so_far > BACK_WITHIN {
                return Ok(so_far.as_secs_f64());
            }
        }
    }

    /// Opens the sockets that replay. Each returns the number of events that it received.
    async fn replaying(&self) -> Result<(JoinSet<u64>, Arc<AtomicBool>)> {
        let (is_over, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut replaying = JoinSet::new();
        for _ in 0..REPLAYS {
            let socket = Socket::replaying(self.address, &self.reader).await?;
            replaying.spawn(socket.count_events(Arc::clone(&is_over), Arc::clone(&begun)));
        }
        while begun.load(Ordering::SeqCst) < REPLAYS as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok((replaying, is_over))
    }
}

/// A WebSocket that supports only subscribing and counting events.
struct Socket(TcpStream);

impl Socket {
    async fn replaying(address: SocketAddr, token: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let handshake = format!(
            "GET /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: Upgrade\r\nupgrade: \
             websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(handshake.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(stream.read_buf(&mut head).await? > 0, "the server hung up");
        }
        ensure!(head.starts_with(b"HTTP/1.1 101 "), "no socket: {}", String::from_utf8_lossy(&head));
        stream.write_all(&frame(&json!({ "type": "connection_init" }).to_string())).await?;
        let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": REPLAY } });
        stream.write_all(&frame(&subscribe.to_string())).await?;
        Ok(Self(stream))
    }

    /// Counts the events until the end of the load.
    async fn count_events(mut self, is_over: Arc<AtomicBool>, begun: Arc<AtomicU64>) -> u64 {
        let (mut read, mut events) = (vec![0; 64 * 1_024], 0);
        while !is_over.load(Ordering::SeqCst) {
            let waited = tokio::time::timeout(Duration::from_millis(100), self.0.read(&mut read)).await;
            let count = match waited {
                Err(_) => continue,
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(count)) => count,
            };
            let is_first = events == 0;
            events += read[..count].windows(MARK.len()).filter(|part| *part == MARK).count() as u64;
            if is_first && events > 0 {
                begun.fetch_add(1, Ordering::SeqCst);
            }
        }
        events
    }
}

/// A text that occurs once in each event.
const MARK: &[u8] = b"\"position\"";

/// A text of fewer than 65,536 bytes as a client's frame.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text");
    let mut frame = vec![0x81];
    if length < 126 {
        frame.push(0x80 | length.to_be_bytes()[1]);
    } else {
        frame.push(0x80 | 0x7e);
        frame.extend(length.to_be_bytes());
    }
    // A mask of zeros is valid and changes nothing.
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_length_in_seven_bits_or_in_sixteen() {
        assert_eq!(frame("ab"), [0x81, 0x82, 0, 0, 0, 0, b'a', b'b']);
        assert_eq!(frame(&"a".repeat(300))[..4], [0x81, 0xfe, 1, 44]);
    }
}
