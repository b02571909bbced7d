//! Reads over HTTP as clients send them, one after the other over a persistent connection: a keyworker's page of cases,
//! compared with a query of one field, and a manager's dashboards. They run on logs of several sizes in the same run.
//!
//! For the server it is the last day of the generated data, because a query without a date is about today.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::client::{Connection, Request, Sampling, latencies};
use super::generate::{CONTRACT, EVENTS_EACH, Generated, SEED, login};
use super::ground::{Ground, size};
use super::over_http::{Server, token};
use super::report::{Figure, Limit, median, number, percentile};
use crate::access::Role;
use crate::access::token::LocalKey;
use crate::deployment::Deployment;
use crate::http;
use crate::store::Dialect;
use throughline_gateway::Terms;

/// The default number of journeys in the largest log.
const JOURNEYS: u64 = 100_000;
/// The sizes to measure besides the largest, if they are smaller.
const SIZES: [u64; 2] = [10_000, 100_000];
/// The most keyworkers whose pages are read in turn.
const ASKING: usize = 50;
/// The most samples of a query in a round.
const SAMPLES: usize = 400;

/// The clients' own operations, where there is one.
pub(super) const CASELOAD: &str = include_str!("../../schema/operations/caseload.graphql");
const RECENCY: &str = include_str!("../../schema/operations/contact_recency.graphql");
const TO_PLAN: &str = include_str!("../../schema/operations/referral_to_plan.graphql");
const FUNNEL: &str = include_str!("../../schema/operations/performance.graphql");
pub(super) const FIGURES: &str = include_str!("../../schema/operations/figures.graphql");
const ONE_FIELD: &str = "{ viewer { role } }";

/// A query that is sent repeatedly.
#[derive(Debug)]
struct Question {
    name: &'static str,
    limit: Option<Limit>,
    requests: Vec<Request>,
}

/// The indexes of the query of one field and of the page of cases.
const FLOOR: usize = 0;
const PAGE: usize = 1;

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let mut sites = Vec::new();
    for journeys in sizes(ground.journeys(JOURNEYS * EVENTS_EACH)) {
        sites.push(Site::open(ground, store, journeys).await?);
    }
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "asking");
        for site in &mut sites {
            site.round().await?;
            if round == 0 {
                site.measured.iter_mut().for_each(|measured| *measured = Measured::default());
            }
        }
    }
    let mut figures: Vec<Figure> = sites.iter().flat_map(Site::figures).collect();
    if let [smallest, .., largest] = sites.as_slice() {
        let (name, other) =
            ("page of a keyworker's cases, p99, beside the smallest log", "the same on the smallest log");
        let figure = Figure::new(name, "ms", size(largest.journeys), largest.measured[PAGE].p99.clone());
        figures.push(figure.against(other, &smallest.measured[PAGE].p99).within(Limit::at_most_times(1.5)));
    }
    for site in sites {
        site.close().await;
    }
    Ok(figures.into_iter().map(|figure| figure.on(store)).collect())
}

/// The sizes to measure, in journeys, in ascending order.
pub(super) fn sizes(largest: u64) -> Vec<u64> {
    let smaller = SIZES.into_iter().filter(|size| *size < largest);
    let mut sizes: Vec<u64> = smaller.chain([largest]).collect();
    if sizes.len() == 1 {
        // At least enough journeys for open cases on the last day.
        sizes.insert(0, (largest / 10).max(10));
    }
    sizes
}

/// A log with a server over it.
struct Site {
    journeys: u64,
    deployment: Deployment,
    server: Server,
    questions: Vec<Question>,
    /// The measurements of each query.
    measured: Vec<Measured>,
}

/// The measurements of a query, round by round.
#[derive(Debug, Default)]
struct Measured {
    p50: Vec<f64>,
    p99: Vec<f64>,
    samples: usize,
    /// The length of an answer.
    bytes: usize,
}

impl Site {
    async fn open(ground: &Ground, store: Dialect, journeys: u64) -> Result<Self> {
        let place = ground.log_of(store, journeys).await?;
        let deployment = ground.deployed(&place).await?;
        let key = Arc::new(LocalKey::read_or_make(&ground.scratch("key"))?);
        let questions = questions(&key, journeys);
        let server = Server::of(http::router(deployment.app(), key, Terms::without_budget())).await?;
        let measured = questions.iter().map(|_| Measured::default()).collect();
        Ok(Self { journeys, deployment, server, questions, measured })
    }

    async fn round(&mut self) -> Result<()> {
        // A small log needs fewer samples.
        let most = usize::try_from(self.journeys / 4)?.clamp(10, SAMPLES);
        let sampling = Sampling { most, least: 10, patience: Duration::from_secs(5) };
        // Connect again, because the server closes a connection that is idle while the other logs are measured.
        let mut connection = Connection::to(self.server.address).await?;
        for (question, measured) in self.questions.iter().zip(&mut self.measured) {
            measured.bytes = connection.ask(&question.requests[0]).await?.len();
            let took = latencies(&mut connection, &question.requests, sampling).await?;
            measured.samples += took.len();
            measured.p50.push(percentile(&took, 50));
            measured.p99.push(percentile(&took, 99));
        }
        Ok(())
    }

    fn figures(&self) -> Vec<Figure> {
        let asked = self.questions.iter().zip(&self.measured).enumerate();
        let figures = asked.map(|(at, (question, measured))| {
            let figure = Figure::new(question.name, "ms", size(self.journeys), measured.p99.clone());
            let figure = figure.within(question.limit);
            let figure = if at == PAGE {
                figure.against("a query of one field, p99", &self.measured[FLOOR].p99)
            } else {
                figure
            };
            let figure = figure.beside("p50", median(&measured.p50)).beside("samples", number(measured.samples as u64));
            figure.beside("KiB", number(measured.bytes as u64) / 1_024.0)
        });
        figures.collect()
    }

    async fn close(self) {
        self.server.stop().await;
        self.deployment.close().await;
    }
}

/// The queries for a log of this many journeys.
fn questions(key: &LocalKey, journeys: u64) -> Vec<Question> {
    let manager = token(key, Role::Manager, "bench");
    let (at_once, slowly) = (Limit::at_most(50.0).aiming_at(10.0), Limit::at_most(2_000.0).aiming_at(500.0));
    let one = |name, limit, document, variables: Value, holds| {
        let requests = vec![Request::graphql(&manager, document, &variables, holds)];
        Question { name, limit, requests }
    };
    let today = json!({ "contract": CONTRACT, "from": "2024-03-01", "to": "2025-02-01", "month": "2025-02-01" });
    let past = json!({
        "contract": CONTRACT, "asOf": "2024-02-29", "from": "2023-03-01", "to": "2024-02-01", "month": "2024-02-01",
    });
    let figures = |measures: Value, by: Value| {
        json!({
            "contract": CONTRACT, "measures": measures, "by": by, "compareWith": ["TARGETS", "YEAR_BEFORE"],
            "period": { "from": "2024-03-01", "to": "2025-02-01" },
        })
    };
    let by_code = figures(json!(["referral", "php_complete", "exits", "contacts"]), json!(["AREA", "CODE", "MONTH"]));
    let by_referrer = figures(json!(["referral", "php_complete"]), json!(["AREA", "REFERRER", "MONTH"]));
    let board = Some(Limit::at_most(100.0));
    vec![
        one("query of one field, p99", None, ONE_FIELD, json!({}), "\"role\""),
        Question {
            name: "page of a keyworker's cases, p99",
            limit: Some(Limit::at_most_times(3.0)),
            requests: pages(key, journeys),
        },
        one("contact recency by keyworker, p99", Some(at_once), RECENCY, today.clone(), "\"total\""),
        one("referral to plan, p99", Some(at_once), TO_PLAN, today.clone(), "\"withPlan\""),
        one("funnel by area and month, p99", Some(at_once), FUNNEL, today, "\"cumulative\""),
        one("four measures by area, code and month, p99", board, FIGURES, by_code, "\"yearBefore\""),
        one("two measures by area, referrer and month, p99", board, FIGURES, by_referrer, "\"yearBefore\""),
        one("contact recency by keyworker, a year ago, p99", Some(slowly), RECENCY, past.clone(), "\"total\""),
        one("referral to plan, a year ago, p99", Some(slowly), TO_PLAN, past.clone(), "\"withPlan\""),
        one("funnel by area and month, a year ago, p99", Some(slowly), FUNNEL, past, "\"cumulative\""),
    ]
}

/// The first fifty cases of keyworkers, each read with the keyworker's own token.
fn pages(key: &LocalKey, journeys: u64) -> Vec<Request> {
    let generated = Generated::of(journeys, SEED);
    let workers = generated.keyworkers();
    let step = workers.len().div_ceil(ASKING);
    let asked = workers.iter().enumerate().step_by(step).map(|(nth, worker)| {
        let variables = json!({ "contract": CONTRACT, "keyworker": worker.0, "first": 50 });
        Request::graphql(&token(key, Role::Keyworker, &login(nth)), CASELOAD, &variables, "\"daysSinceContact\"")
    });
    asked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_smaller_log_to_compare_with() {
        assert_eq!(sizes(1_000_000), [10_000, 100_000, 1_000_000]);
        assert_eq!(sizes(100_000), [10_000, 100_000]);
        assert_eq!(sizes(80), [10, 80]);
    }
}
