//! Claims of a large contract: the first read, a second read, and a read after an event. Also a batch of the largest
//! size, over HTTP, from its proposal to its payment, with the memory that it takes.
//!
//! The contract is the generated one. An eighth of its journeys can be claimed on its last day, because a plan may be
//! claimed for a year.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::child::highest_mark;
use super::client::{Connection, Request};
use super::generate::{CONTRACT, LAST_DAY};
use super::ground::{Ground, size};
use super::over_http::{Server, token};
use super::report::{Figure, Limit, Size, number};
use crate::access::Role;
use crate::access::token::LocalKey;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::http;
use crate::store::Dialect;
use throughline_domain::command::batches::CLAIMS_MAX;
use throughline_gateway::Terms;

/// The default number of events in the log: enough for a batch of the largest size.
const EVENTS: u64 = 2_100_000;
/// The number of claims in a page.
const PAGE: usize = 200;
/// The most seconds for submitting a batch of the largest size.
const SUBMITTED_WITHIN: f64 = 5.0;

const CLAIMABLE: &str = "query Claimable($code: String!, $at: ContractAt, $first: Int!, $after: String) { \
     contract(code: $code, at: $at) { claims(status: [CLAIMABLE], first: $first, after: $after) { totalCount \
     nodes { id journey { id } amount { amount } } pageInfo { hasNextPage endCursor } } } }";
const PLAN: &str =
    "mutation Plan($input: AgreePlanInput!) { agreePlan(input: $input) { position problems { message } } }";
const OPEN: &str =
    "mutation Open($input: OpenBatchInput!) { openBatch(input: $input) { batch { id } problems { message } } }";
const SUBMIT: &str = "mutation Submit($input: SubmitBatchInput!) { submitBatch(input: $input) { batch { state \
     claimed { amount } lines(first: 200) { totalCount nodes { claim } } } problems { message } } }";
const DECIDE: &str = "mutation Decide($input: DecideClaimInput!) { decideClaim(input: $input) { batch { state } \
     problems { message } } }";
const PAY: &str = "mutation Pay($input: RecordPaymentInput!) { recordPayment(input: $input) { batch { state \
     received { amount } } problems { message } } }";

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let journeys = ground.journeys(EVENTS);
    // The run submits claims, so it uses a log of its own. A kept log must not change.
    let place = ground.log_of_this_run(store, journeys).await?;
    let deployment = ground.deployed(&place).await?;
    let following = tokio::spawn(deployment.views.clone().keep_up());
    let measured = measured(ground, &deployment, size(journeys)).await;
    stop(following).await;
    deployment.close().await;
    Ok(measured?.into_iter().map(|figure| figure.on(store)).collect())
}

async fn stop(following: JoinHandle<()>) {
    following.abort();
    // Aborted on purpose. An interrupted step rolls back and runs again.
    let _ = following.await;
}

async fn measured(ground: &Ground, deployment: &Deployment, size: Size) -> Result<Vec<Figure>> {
    let office = Office::over(deployment, &ground.scratch("key")).await?;
    let read = read(&office, ground.rounds(), size).await;
    let batch = match &read {
        Ok(_) => batch(&office, size).await,
        Err(_) => Ok(Vec::new()),
    };
    office.server.stop().await;
    Ok([read?, batch?].concat())
}

/// A server over the log, and the tokens of its clients.
struct Office {
    server: Server,
    manager: String,
    commissioner: String,
    chance: Chance,
}

/// A claim as a client knows it.
struct Known {
    id: String,
    journey: String,
    amount: String,
}

impl Office {
    async fn over(deployment: &Deployment, key: &Path) -> Result<Self> {
        let key = Arc::new(LocalKey::read_or_make(key)?);
        let (manager, commissioner) = (token(&key, Role::Manager, "bench"), token(&key, Role::Commissioner, "payer"));
        let server = Server::of(http::router(deployment.app(), key, Terms::without_budget())).await?;
        Ok(Self { server, manager, commissioner, chance: Chance::System })
    }

    async fn ask(&self, document: &str, variables: &Value, holds: &'static str) -> Result<(Value, f64)> {
        self.ask_as(&self.manager, document, variables, holds).await
    }

    /// An answer, and the seconds until it arrived.
    async fn ask_as(&self, who: &str, document: &str, variables: &Value, holds: &'static str) -> Result<(Value, f64)> {
        let request = Request::graphql(who, document, variables, holds);
        let mut connection = Connection::to(self.server.address).await?;
        let began = Instant::now();
        let answer = connection.ask(&request).await?;
        let took = began.elapsed().as_secs_f64();
        Ok((serde_json::from_slice(answer)?, took))
    }

    /// Sends a command that must succeed. Returns the answer and the seconds that it took.
    async fn tell(&self, who: &str, document: &str, mut input: Value) -> Result<(Value, f64)> {
        input["commandId"] = json!(self.chance.id_at(Clock::Machine.now()));
        self.ask_as(who, document, &json!({ "input": input }), "\"problems\":[]").await
    }

    /// The first page of claimable claims, and the seconds that it took.
    async fn first_page(&self, as_of: Option<&str>) -> Result<(Vec<Known>, f64)> {
        let variables = json!({ "code": CONTRACT, "at": { "asOf": as_of }, "first": 10 });
        let (answer, took) = self.ask(CLAIMABLE, &variables, "\"totalCount\"").await?;
        Ok((known(&answer), took))
    }

    /// All claimable claims, as many as a batch may hold, page by page.
    async fn claimable(&self) -> Result<(Vec<Known>, f64)> {
        let (mut claims, mut after, mut took) = (Vec::new(), Value::Null, 0.0);
        while claims.len() < CLAIMS_MAX {
            let first = PAGE.min(CLAIMS_MAX - claims.len());
            let variables = json!({ "code": CONTRACT, "first": first, "after": after });
            let (answer, page_took) = self.ask(CLAIMABLE, &variables, "\"totalCount\"").await?;
            took += page_took;
            claims.extend(known(&answer));
            let page = &answer["data"]["contract"]["claims"]["pageInfo"];
            if page["hasNextPage"] != true {
                break;
            }
            after = page["endCursor"].clone();
        }
        Ok((claims, took))
    }
}

fn known(answer: &Value) -> Vec<Known> {
    let nodes = answer["data"]["contract"]["claims"]["nodes"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let claim = |node: &Value| Known {
        id: text(&node["id"]),
        journey: text(&node["journey"]["id"]),
        amount: text(&node["amount"]["amount"]),
    };
    nodes.map(claim).collect()
}

/// Measures reading claims.
async fn read(office: &Office, rounds: usize, size: Size) -> Result<Vec<Figure>> {
    // Reset the peak, so that the memory of the view does not count as memory of the claims.
    let _ = highest_mark();
    let (claims, first) = office.first_page(None).await?;
    let peak = highest_mark().unwrap_or_default();
    let journey = &claims.first().context("the contract has claims")?.journey;
    let earlier = LAST_DAY.pred_opt().context("a day before")?.to_string();
    let (_, another_day) = office.first_page(Some(&earlier)).await?;
    let (mut again, mut moved) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(5) {
        again.push(office.first_page(None).await?.1 * 1_000.0);
        // A second plan does not change what can be claimed, but the claims must be evaluated again.
        let plan = json!({ "journey": journey, "kind": "php", "acceptWarnings": ["RECORDED_ALREADY"] });
        office.tell(&office.manager, PLAN, plan).await?;
        moved.push(office.first_page(None).await?.1 * 1_000.0);
    }
    let figure = |name, unit, rounds| Figure::new(name, unit, size, rounds);
    Ok(vec![
        figure("claims, first read of the log", "s", vec![first]).beside("peak memory, MiB", peak),
        figure("claims, first read of another day", "s", vec![another_day]),
        figure("claims, read again", "ms", again),
        figure("claims, read after an event", "ms", moved).within(Limit::at_most(1_000.0)),
    ])
}

/// Measures a batch of all claims.
async fn batch(office: &Office, size: Size) -> Result<Vec<Figure>> {
    let (claims, proposed) = office.claimable().await?;
    ensure!(!claims.is_empty(), "there is something to claim");
    let (opened, _) = office.tell(&office.manager, OPEN, json!({ "contract": CONTRACT })).await?;
    let batch = &opened["data"]["openBatch"]["batch"]["id"];
    let resting = highest_mark().unwrap_or_default();
    let ids: Vec<&str> = claims.iter().map(|claim| claim.id.as_str()).collect();
    let named = json!({ "batch": batch, "claims": ids });
    let (answer, submitted) = office.tell(&office.manager, SUBMIT, named.clone()).await?;
    let lines = &answer["data"]["submitBatch"]["batch"]["lines"]["totalCount"];
    ensure!(lines.as_u64() == Some(claims.len() as u64), "{lines} lines, and not {}", claims.len());
    let mut accept = named;
    accept["decision"] = json!("ACCEPT");
    let (_, decided) = office.tell(&office.commissioner, DECIDE, accept).await?;
    let amounts: Vec<Value> = claims.iter().map(|claim| json!({ "claim": claim.id, "amount": claim.amount })).collect();
    let (answer, paid) = office.tell(&office.manager, PAY, json!({ "batch": batch, "amounts": amounts })).await?;
    let state = &answer["data"]["recordPayment"]["batch"]["state"];
    ensure!(state == "SETTLED", "the batch is {state}");
    let (_, after) = office.first_page(None).await?;
    let memory = highest_mark().unwrap_or_default();
    let of = number(claims.len() as u64);
    let figure = |name, unit, value| Figure::new(name, unit, size, vec![value]);
    Ok(vec![
        figure("batch, its proposal page by page", "s", proposed).beside("claims", of),
        figure("batch, submitted", "s", submitted).beside("claims", of).within(Limit::at_most(SUBMITTED_WITHIN)),
        figure("batch, every claim accepted", "s", decided).beside("claims", of),
        figure("batch, paid", "s", paid).beside("claims", of),
        figure("claims, read after the batch", "s", after),
        figure("peak memory of a batch", "MiB", memory).beside("before it, MiB", resting),
    ])
}
