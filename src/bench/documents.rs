//! All reports of a contract, built from one view: time and peak memory, on logs of several sizes in the same run. Also
//! boards by three dimensions beside two comparisons, over HTTP.
//!
//! The reports are those of the generated contract, and further ones that ask for what the longest reports of the packs
//! ask for: figures of keyworkers, waits of cases, months to date. They are built as they are when a period is closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::child::highest_mark;
use super::client::{Connection, Request, Sampling, latencies};
use super::generate::{CONTRACT, EVENTS_EACH, LAST_DAY};
use super::ground::{Ground, size};
use super::over_http::{Server, token};
use super::reads::{FIGURES, sizes};
use super::report::{Figure, Limit, median, number, percentile};
use crate::access::token::LocalKey;
use crate::access::{Role, Scope};
use crate::deployment::Deployment;
use crate::documents::build::{self, Source};
use crate::documents::render;
use crate::http;
use crate::store::Dialect;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::performance::report::reports;
use throughline_gateway::Terms;

/// The default number of journeys in the largest log.
const JOURNEYS: u64 = 100_000;
/// The reports that the measured contract has beside those of its pack.
const REPORTS: &str = include_str!("reports.toml");
/// The most samples of a board in a round.
const SAMPLES: usize = 200;

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let pack = pack(CONTRACT).context("it ships")?;
    let rulebook = Rulebook::parse(&[pack.text, REPORTS].concat());
    let rulebook = rulebook.ok().context("the reports fit the rulebook of the generated contract")?;
    let mut sites = Vec::new();
    for journeys in sizes(ground.journeys(JOURNEYS * EVENTS_EACH)) {
        sites.push(Site::open(ground, store, journeys).await?);
    }
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "building documents");
        for site in &mut sites {
            let measured = site.round(&rulebook).await?;
            if round > 0 {
                site.rounds.push(measured);
            }
        }
    }
    let mut figures: Vec<Figure> = sites.iter().flat_map(Site::figures).collect();
    if let [smallest, .., largest] = sites.as_slice() {
        figures.extend(growth(smallest, largest));
    }
    for site in sites {
        site.close().await;
    }
    Ok(figures.into_iter().map(|figure| figure.on(store)).collect())
}

/// How much more the largest log takes than the smallest. Documents of a contract that is ten times as large take ten
/// times as long at most, and the memory that they take grows no faster.
fn growth(smallest: &Site, largest: &Site) -> Vec<Figure> {
    let times = number(largest.journeys) / number(smallest.journeys);
    let (size, limit) = (size(largest.journeys), Limit::at_most_times(times));
    let seconds = Figure::new("all reports, beside the smallest log", "s", size, largest.each(|one| one.seconds));
    let seconds = seconds.against("the same on the smallest log", &smallest.each(|one| one.seconds));
    let mut figures = vec![seconds.within(limit)];
    if let (Some(ours), Some(theirs)) = (largest.memory(), smallest.memory()) {
        let memory = Figure::new("peak memory of all reports, beside the smallest log", "MiB", size, ours);
        figures.push(memory.against("the same on the smallest log", &theirs).within(limit));
    }
    figures
}

/// A log with a server over it.
struct Site {
    journeys: u64,
    deployment: Deployment,
    server: Server,
    /// The boards: one that a counted table answers, and one that dated rows answer.
    boards: [Request; 2],
    rounds: Vec<Round>,
}

/// The measurements of a round.
#[derive(Debug)]
struct Round {
    /// The time for all documents.
    seconds: f64,
    /// The time for the slowest of them.
    slowest: f64,
    documents: u64,
    /// The bytes of all documents as JSON.
    bytes: u64,
    /// The peak memory of the process while it built them, and before, in mebibytes. None if the system does not give it.
    memory: Option<(f64, f64)>,
    /// The 99th percentile of the answers to each board, in milliseconds.
    boards: [f64; 2],
    samples: u64,
}

impl Site {
    async fn open(ground: &Ground, store: Dialect, journeys: u64) -> Result<Self> {
        let place = ground.log_of(store, journeys).await?;
        let deployment = ground.deployed(&place).await?;
        let key = Arc::new(LocalKey::read_or_make(&ground.scratch("key"))?);
        let manager = token(&key, Role::Manager, "bench");
        let server = Server::of(http::router(deployment.app(), key, Terms::without_budget())).await?;
        let board = |measures: &[&str], by: [&str; 3]| {
            let variables = json!({
                "contract": CONTRACT, "measures": measures, "by": by, "compareWith": ["PREVIOUS", "YEAR_BEFORE"],
                "period": { "from": "2024-03-01", "to": "2025-02-01" },
            });
            Request::graphql(&manager, FIGURES, &variables, "\"yearBefore\"")
        };
        let boards = [
            board(&["referral", "php_complete", "exits", "contacts"], ["AREA", "CODE", "MONTH"]),
            board(&["referral", "php_complete"], ["AREA", "TEAM", "MONTH"]),
        ];
        Ok(Self { journeys, deployment, server, boards, rounds: Vec::new() })
    }

    async fn round(&self, rulebook: &Rulebook) -> Result<Round> {
        // The peak is counted from here on.
        let before = highest_mark();
        let resting = highest_mark().filter(|_| before.is_some());
        let (mut seconds, mut slowest, mut documents, mut bytes) = (0.0, 0.0_f64, 0, 0);
        for report in reports(rulebook).iter() {
            let began = Instant::now();
            let view = self.deployment.views.live();
            let scope = Scope::Deployment;
            let scoped = scope.contract(CONTRACT).context("a deployment has every contract")?;
            let contract = view.contract_state(scoped).context("the contract is open")?;
            let position = *view.position().borrow();
            let recorded_through = self.deployment.log.recorded_at(position).await?;
            let as_of = LAST_DAY;
            let source = Source { view: &view, scope: scoped, contract: &contract, rulebook, as_of, recorded_through };
            let document = build::document(source, report, LAST_DAY).await?;
            let content = serde_json::to_string(&document)?;
            let took = began.elapsed().as_secs_f64();
            ensure!(!render::text(&document).is_empty(), "the document {:?} is empty", report.code);
            (seconds, slowest) = (seconds + took, slowest.max(took));
            (documents, bytes) = (documents + 1, bytes + content.len() as u64);
        }
        let memory = highest_mark().zip(resting);
        let mut boards = [0.0; 2];
        let mut samples = 0;
        let sampling = Sampling { most: SAMPLES, least: 10, patience: Duration::from_secs(5) };
        // Connect again, because the server closes a connection that is idle while the other logs are measured.
        let mut connection = Connection::to(self.server.address).await?;
        for (board, found) in self.boards.iter().zip(&mut boards) {
            let took = latencies(&mut connection, std::slice::from_ref(board), sampling).await?;
            samples += took.len() as u64;
            *found = percentile(&took, 99);
        }
        Ok(Round { seconds, slowest, documents, bytes, memory, boards, samples })
    }

    fn each(&self, of: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.rounds.iter().map(of).collect()
    }

    /// The peak memory of each round. None if the system does not give it.
    fn memory(&self) -> Option<Vec<f64>> {
        self.rounds.iter().map(|one| one.memory.map(|(peak, _)| peak)).collect()
    }

    fn figures(&self) -> Vec<Figure> {
        let size = size(self.journeys);
        let figure = |name, unit, rounds| Figure::new(name, unit, size, rounds);
        let last = self.rounds.last();
        let of_last = |of: fn(&Round) -> u64| last.map_or(0.0, |one| number(of(one)));
        let reports = figure("all reports", "s", self.each(|one| one.seconds))
            .beside("reports", of_last(|one| one.documents))
            .beside("slowest, s", median(&self.each(|one| one.slowest)))
            .beside("KiB", of_last(|one| one.bytes) / 1_024.0);
        let memory = self.memory().map(|peaks| {
            let resting = self.each(|one| one.memory.map_or(0.0, |(_, resting)| resting));
            figure("peak memory of all reports", "MiB", peaks).beside("before them, MiB", median(&resting))
        });
        let board = |name, at: usize| {
            let figure = figure(name, "ms", self.each(|one| one.boards[at])).within(Limit::at_most(100.0));
            figure.beside("samples", of_last(|one| one.samples) / 2.0)
        };
        let boards = [
            board("board by area, code and month, two comparisons, p99", 0),
            board("board by area, team and month, two comparisons, p99", 1),
        ];
        std::iter::once(reports).chain(memory).chain(boards).collect()
    }

    async fn close(self) {
        self.server.stop().await;
        self.deployment.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_further_reports_are_read_with_the_rulebook_of_the_generated_contract() {
        let pack = pack(CONTRACT).expect("it ships");
        let rulebook = Rulebook::parse(&[pack.text, REPORTS].concat()).expect("a rulebook");
        let codes: Vec<String> = reports(&rulebook).iter().map(|report| report.code.clone()).collect();
        assert_eq!(codes, ["monthly", "measured_quarterly", "measured_yearly"]);
    }
}
