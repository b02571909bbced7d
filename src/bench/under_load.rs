//! A view that is rebuilt under load: writers log contacts, readers read a board and pages of cases, all over HTTP
//! without pause, until it has been replaced several times.
//!
//! No request may fail, go back in position or be answered from an incomplete view. A contact neither begins nor closes
//! a case, so the counts in all answers are known beforehand. An answer with any other count comes from an incomplete
//! view.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Connection, Request};
use super::generate::{CONTRACT, Generated, LAST_DAY, SEED, login};
use super::ground::{Ground, size};
use super::over_http::{LOG_CONTACT, Server, token};
use super::reads::CASELOAD;
use super::report::{Figure, Limit, number};
use crate::access::Role;
use crate::access::token::LocalKey;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::http;
use crate::store::Dialect;
use crate::views::Views;
use crate::views::rebuild::Options;
use throughline_gateway::Terms;

/// The default number of events in the log.
const EVENTS: u64 = 1_000_000;
/// The number of writers.
const WRITERS: usize = 3;
/// The number of readers.
const READERS: usize = 2;
/// The most keyworkers whose cases are read and worked on.
const KEYWORKERS: usize = 40;
/// The most characters of a wrong answer that are logged.
const SHOWN_MAX: usize = 400;

/// Three boards and the size of the caseload, all of which must come from one view.
const BOARD: &str = "query Board($contract: String!, $asOf: Date) { contract(code: $contract, at: { asOf: $asOf }) { \
     view { position } caseload(first: 1) { totalCount nodes { id } } \
     anyone: contactRecency(by: KEYWORKER, measure: ANYONE) { total } \
     keyworker: contactRecency(by: AREA, measure: KEYWORKER) { total } \
     toPlan: referralToPlan(by: AREA) { total } } }";
const START: &str =
    "mutation Start($input: StartRebuildInput!) { startRebuild(input: $input) { problems { message } } }";
/// The code in the answer to a recorded contact that lists do not show yet.
const VIEW_BEHIND: &str = "VIEW_BEHIND";

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let journeys = ground.journeys(EVENTS);
    // The run records contacts, so it uses a log of its own. A kept log must not change.
    let place = ground.log_of_this_run(store, journeys).await?;
    let deployment = ground.deployed(&place).await?;
    let key = Arc::new(LocalKey::read_or_make(&ground.scratch("key"))?);
    let server = Server::of(http::router(deployment.app(), Arc::clone(&key), Terms::without_budget())).await?;
    let measured = measured(ground, &deployment, server.address, &key, journeys).await;
    server.stop().await;
    deployment.close().await;
    Ok(measured?.into_iter().map(|figure| figure.on(store)).collect())
}

async fn measured(
    ground: &Ground,
    deployment: &Deployment,
    address: SocketAddr,
    key: &LocalKey,
    journeys: u64,
) -> Result<Vec<Figure>> {
    let tally = Arc::new(Tally::default());
    let mut administrator = Peer::of(address, &tally);
    let (questions, cases) = prepared(&mut administrator, key, journeys).await?;
    let work = Work { address, questions, cases, token: token(key, Role::Manager, "bench"), tally: Arc::clone(&tally) };
    let working = work.begun();
    let began = Instant::now();
    let orders = token(key, Role::Administrator, "bench");
    let mut rebuilds = Vec::new();
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "rebuilding under load");
        let took = rebuilt_by_mutation(&mut administrator, &orders, &deployment.views).await?;
        if round > 0 {
            rebuilds.push(took);
        }
    }
    tally.is_over.store(true, Ordering::SeqCst);
    working.join_all().await;
    let took = began.elapsed().as_secs_f64();
    let compared = Compared::over(&deployment.views).await?;
    let size = size(journeys);
    let figure = |name, unit, value: u64| Figure::new(name, unit, size, vec![number(value)]);
    let none = Limit::at_most(0.0);
    let [answers, failed, back, partial, contacts, behind] = tally.counts();
    Ok(vec![
        Figure::new("rebuild under load", "s", size, rebuilds)
            .beside("with nobody at work, s", compared.all)
            .beside("by one worker, s", compared.one),
        figure("answers to readers", "answers", answers).beside("a second", number(answers) / took),
        figure("contacts recorded", "contacts", contacts)
            .beside("a second", number(contacts) / took)
            .beside("answered before lists show them", number(behind)),
        figure("requests that failed", "requests", failed).within(none),
        figure("answers that went back in position", "answers", back).within(none),
        figure("answers from a part of a view", "answers", partial).within(none),
        figure("digests that differ: live, one worker, all", "digests", compared.differ).within(none),
    ])
}

/// The shared counts.
#[derive(Debug, Default)]
struct Tally {
    answers: AtomicU64,
    failed: AtomicU64,
    back: AtomicU64,
    partial: AtomicU64,
    contacts: AtomicU64,
    behind: AtomicU64,
    /// The newest position in any answer so far. The answer to a later query must not have an earlier position.
    shown: AtomicI64,
    is_over: AtomicBool,
}

impl Tally {
    fn counts(&self) -> [u64; 6] {
        [&self.answers, &self.failed, &self.back, &self.partial, &self.contacts, &self.behind]
            .map(|count| count.load(Ordering::SeqCst))
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn count(of: &AtomicU64) {
        of.fetch_add(1, Ordering::SeqCst);
    }

    fn has_shown(&self, position: i64) {
        self.shown.fetch_max(position, Ordering::SeqCst);
    }

    fn failed(&self, what: &dyn std::fmt::Display) {
        let text: String = what.to_string().chars().take(SHOWN_MAX).collect();
        tracing::warn!(text, "a request failed");
        Self::count(&self.failed);
    }
}

/// A client with its own connection.
struct Peer {
    address: SocketAddr,
    connection: Option<Connection>,
    tally: Arc<Tally>,
}

impl Peer {
    fn of(address: SocketAddr, tally: &Arc<Tally>) -> Self {
        Self { address, connection: None, tally: Arc::clone(tally) }
    }

    /// The answer to a request. If it failed in any way, counts the failure and returns `None`.
    async fn ask(&mut self, request: &Request) -> Option<Value> {
        match self.answer(request).await {
            Ok(answer) if answer["errors"].is_null() => Some(answer),
            Ok(answer) => {
                self.tally.failed(&answer);
                None
            }
            Err(error) => {
                // The rest of the failed answer may still arrive on it.
                self.connection = None;
                self.tally.failed(&format!("{error:#}"));
                None
            }
        }
    }

    async fn answer(&mut self, request: &Request) -> Result<Value> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::to(self.address).await?),
        };
        Ok(serde_json::from_slice(connection.ask(request).await?)?)
    }
}

/// A query of the readers, and the counts that every answer to it must have.
struct Question {
    request: Request,
    counts: [u64; 5],
}

/// The position of an answer's view, and the answer's counts.
fn shown(answer: &Value) -> Option<(i64, [u64; 5])> {
    let contract = &answer["data"]["contract"];
    let position = contract["view"]["position"].as_i64()?;
    let nodes = contract["caseload"]["nodes"].as_array()?.len();
    let total = |board: &str| {
        let rows = contract[board].as_array().into_iter().flatten();
        rows.filter_map(|row| row["total"].as_u64()).sum()
    };
    let cases = contract["caseload"]["totalCount"].as_u64()?;
    Some((position, [cases, u64::try_from(nodes).ok()?, total("anyone"), total("keyworker"), total("toPlan")]))
}

/// The readers' queries with their counts before the load, and the cases to work on.
async fn prepared(peer: &mut Peer, key: &LocalKey, journeys: u64) -> Result<(Arc<[Question]>, Vec<Value>)> {
    let board = json!({ "contract": CONTRACT, "asOf": LAST_DAY });
    let mut requests = vec![Request::graphql(&token(key, Role::Manager, "bench"), BOARD, &board, "\"toPlan\"")];
    let generated = Generated::of(journeys, SEED);
    requests.extend(generated.keyworkers().iter().enumerate().take(KEYWORKERS).map(|(nth, worker)| {
        let variables = json!({ "contract": CONTRACT, "asOf": LAST_DAY, "keyworker": worker.0, "first": 50 });
        Request::graphql(&token(key, Role::Keyworker, &login(nth)), CASELOAD, &variables, "\"nodes\"")
    }));
    let (mut questions, mut cases) = (Vec::new(), Vec::new());
    for (nth, request) in requests.into_iter().enumerate() {
        let answer = peer.answer(&request).await?;
        let (_, counts) = shown(&answer).context("a contract is answered with its counts")?;
        if nth > 0 {
            let nodes = answer["data"]["contract"]["caseload"]["nodes"].as_array().into_iter().flatten();
            cases.extend(nodes.map(|case| case["id"].clone()));
        }
        questions.push(Question { request, counts });
    }
    ensure!(cases.len() >= WRITERS, "too few cases are open: ask for more events, with --events");
    Ok((questions.into(), cases))
}

/// The load during the rebuild.
struct Work {
    address: SocketAddr,
    questions: Arc<[Question]>,
    cases: Vec<Value>,
    /// The token of the writers.
    token: String,
    tally: Arc<Tally>,
}

impl Work {
    /// Starts all clients, until the end.
    fn begun(&self) -> JoinSet<()> {
        let mut working = JoinSet::new();
        for nth in 0..WRITERS {
            let cases: Vec<Value> = self.cases.iter().skip(nth).step_by(WRITERS).cloned().collect();
            working.spawn(log_contacts(Peer::of(self.address, &self.tally), self.token.clone(), cases));
        }
        for nth in 0..READERS {
            working.spawn(read(Peer::of(self.address, &self.tally), Arc::clone(&self.questions), nth));
        }
        working
    }
}

/// Logs contacts for these cases, one after the other, repeatedly.
async fn log_contacts(mut peer: Peer, token: String, cases: Vec<Value>) {
    let tally = Arc::clone(&peer.tally);
    for case in cases.iter().cycle() {
        if tally.is_over() {
            break;
        }
        let input = json!({
            "commandId": Chance::System.id_at(Clock::Machine.now()), "journey": case, "occurredOn": LAST_DAY,
            "acceptWarnings": ["RECORDED_ALREADY"], "channel": "phone", "direction": "OUTGOING", "twoWay": true, "minutes": 15,
        });
        let request = Request::graphql(&token, LOG_CONTACT, &json!({ "input": input }), "\"logContact\"");
        let Some(answer) = peer.ask(&request).await else { continue };
        let logged = &answer["data"]["logContact"];
        let problems = logged["problems"].as_array();
        match (logged["position"].as_i64(), problems.map(Vec::as_slice)) {
            (Some(position), Some([])) => {
                tally.has_shown(position);
                Tally::count(&tally.contacts);
            }
            (Some(_), Some([problem])) if problem["code"] == VIEW_BEHIND => {
                Tally::count(&tally.contacts);
                Tally::count(&tally.behind);
            }
            _ => tally.failed(&answer),
        }
    }
}

/// Reads a board and a page of cases in turn.
async fn read(mut peer: Peer, questions: Arc<[Question]>, nth: usize) {
    let tally = Arc::clone(&peer.tally);
    let Some((board, pages)) = questions.split_first() else { return };
    for page in pages.iter().cycle().skip(nth * pages.len() / READERS) {
        for question in [board, page] {
            if tally.is_over() {
                return;
            }
            let least = tally.shown.load(Ordering::SeqCst);
            let Some(answer) = peer.ask(&question.request).await else { continue };
            Tally::count(&tally.answers);
            let Some((position, counts)) = shown(&answer) else {
                tally.failed(&answer);
                continue;
            };
            if position < least {
                tracing::warn!(position, least, "an answer went back in position");
                Tally::count(&tally.back);
            }
            if counts != question.counts {
                tracing::warn!(?counts, all = ?question.counts, position, "an answer comes from an incomplete view");
                Tally::count(&tally.partial);
            }
            tally.has_shown(position);
        }
    }
}

/// Starts a rebuild as an administrator does, and waits until the new view is live. Returns the seconds.
async fn rebuilt_by_mutation(administrator: &mut Peer, token: &str, views: &Views) -> Result<f64> {
    let input = json!({ "input": { "commandId": Chance::System.id_at(Clock::Machine.now()) } });
    let began = Instant::now();
    administrator.answer(&Request::graphql(token, START, &input, "\"problems\":[]")).await?;
    views.rebuild_ended().await?;
    Ok(began.elapsed().as_secs_f64())
}

/// The maintained view, compared with two that are built from the same log after the load.
struct Compared {
    /// The number of the two that differ from it.
    differ: u64,
    /// The time with one worker and with all, in seconds.
    one: f64,
    all: f64,
}

impl Compared {
    async fn over(views: &Views) -> Result<Self> {
        let head = views.log().head().await?.position;
        ensure!(views.passed(head, super::append::FOLLOWS_WITHIN).await, "the live view did not follow the log");
        let kept_up = views.position_and_digest().await?;
        let (mut took, mut differ) = ([0.0; 2], 0);
        for (took, workers) in took.iter_mut().zip([1, Options::default().workers]) {
            let began = Instant::now();
            views.start_rebuild(views.right_to_build().await?, Options { workers, ..Options::default() });
            views.rebuild_ended().await?;
            *took = began.elapsed().as_secs_f64();
            let rebuilt = views.position_and_digest().await?;
            tracing::info!(workers, position = rebuilt.0.0, digest = rebuilt.1, kept_up = kept_up.1, "rebuilt");
            differ += u64::from(rebuilt != kept_up);
        }
        let [one, all] = took;
        Ok(Self { differ, one, all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_a_board_and_from_a_page() {
        let board = json!({ "data": { "contract": {
            "view": { "position": 12 }, "caseload": { "totalCount": 5, "nodes": [{}] },
            "anyone": [{ "total": 2 }, { "total": 3 }], "keyworker": [{ "total": 5 }], "toPlan": [{ "total": 9 }],
        } } });
        assert_eq!(shown(&board), Some((12, [5, 1, 5, 5, 9])));
        let page = json!({ "data": { "contract": {
            "view": { "position": 13 }, "caseload": { "totalCount": 2, "nodes": [{}, {}] },
        } } });
        assert_eq!(shown(&page), Some((13, [2, 2, 0, 0, 0])));
        assert_eq!(shown(&json!({ "data": { "contract": null } })), None);
    }
}
