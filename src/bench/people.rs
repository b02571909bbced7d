//! The search for people over HTTP, as a manager sends it: by a whole name and by a family name alone, with the names of
//! the page opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::{Days, NaiveDate};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::client::{Connection, Request, Sampling, latencies};
use super::generate::{CONTRACT, EVENTS_EACH};
use super::ground::Ground;
use super::over_http::{Server, token};
use super::report::{Figure, Limit, Size, median, number, percentile, rate};
use crate::access::token::LocalKey;
use crate::access::{Principal, Role, Scope};
use crate::app::App;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::http;
use crate::keys::KeyPlaces;
use crate::record::CommandRequest;
use crate::store::Dialect;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{CommandId, JourneyId, Occurred, SubjectId};
use throughline_domain::fact::event::{ContractOpened, IdentitySealed, Patched, ReferralReceived, SubjectKind};
use throughline_domain::fact::sealed::PersonalText;
use throughline_gateway::Terms;

/// The default number of people.
const PEOPLE: u64 = 100_000;
/// The number of callers who record people.
const CALLERS: usize = 64;
/// The number of different searches of each kind.
const SEARCHES: u64 = 100;
/// The most samples of a search in a round.
const SAMPLES: usize = 400;
/// The most time that the index may take.
const PATIENCE: Duration = Duration::from_mins(30);
/// The syllables of made-up names.
const SYLLABLES: [&str; 16] =
    ["ba", "du", "fe", "go", "ki", "lam", "mer", "nol", "par", "rus", "sev", "tan", "vil", "wen", "zor", "chi"];

const DOCUMENT: &str = "query People($search: PersonSearch!) { people(search: $search, first: 20) { \
    nodes { id identity { names { given family } } } pageInfo { hasNextPage } } }";

/// A kind of search, and what each round measured.
struct Question {
    name: &'static str,
    requests: Vec<Request>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    samples: usize,
}

/// Runs the measurement on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let place = ground.empty(store).await?;
    let people = ground.journeys(PEOPLE * EVENTS_EACH).max(10);
    let keys = KeyPlaces { kek_file: Some(ground.scratch("bench.kek")), ..KeyPlaces::default() };
    let (clock, chance) = (Arc::new(Clock::Machine), Arc::new(Chance::System));
    let deployment = Deployment::open_with_keys(&place.url, &keys, clock, chance).await?;
    anyhow::ensure!(deployment.keys.why_away().is_none(), "the key store is away: {:?}", deployment.keys.why_away());
    let began = Instant::now();
    register(&deployment.app(), people).await?;
    let head = deployment.log.head().await?.position;
    anyhow::ensure!(deployment.search.passed(head, PATIENCE).await, "the index does not follow the log");
    let recorded = rate(people, began.elapsed());
    let key = Arc::new(LocalKey::read_or_make(&ground.scratch("key"))?);
    let mut questions = questions(&key, people);
    let server = Server::of(http::router(deployment.app(), key, Terms::without_budget())).await?;
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "searching");
        for question in &mut questions {
            question.round(&server).await?;
            if round == 0 {
                question.forget();
            }
        }
    }
    server.stop().await;
    deployment.close().await;
    let size = Size { journeys: people, events: people * 3 };
    let figure = |question: Question| {
        let figure = Figure::new(question.name, "ms", size, question.p99).on(store).within(Limit::at_most(50.0));
        let figure = figure.beside("p50", median(&question.p50)).beside("samples", number(question.samples as u64));
        figure.beside("people recorded and indexed a second", recorded)
    };
    Ok(questions.into_iter().map(figure).collect())
}

impl Question {
    fn new(name: &'static str, requests: Vec<Request>) -> Self {
        Self { name, requests, p50: Vec::new(), p99: Vec::new(), samples: 0 }
    }

    async fn round(&mut self, server: &Server) -> Result<()> {
        let sampling = Sampling { most: SAMPLES, least: 10, patience: Duration::from_secs(20) };
        let mut connection = Connection::to(server.address).await?;
        let took = latencies(&mut connection, &self.requests, sampling).await?;
        self.samples += took.len();
        self.p50.push(percentile(&took, 50));
        self.p99.push(percentile(&took, 99));
        Ok(())
    }

    /// Forgets the warm-up.
    fn forget(&mut self) {
        self.p50.clear();
        self.p99.clear();
        self.samples = 0;
    }
}

fn questions(key: &LocalKey, people: u64) -> Vec<Question> {
    let manager = token(key, Role::Manager, "bench");
    let of = |name: fn(u64) -> String| {
        let asked = (0..SEARCHES).map(|nth| name(nth * 7_919 % people));
        let request =
            |name: String| Request::graphql(&manager, DOCUMENT, &json!({ "search": { "name": name } }), "\"given\"");
        asked.map(request).collect::<Vec<_>>()
    };
    vec![
        Question::new("search by whole name, p99", of(|person| format!("{} {}", family(person), given(person)))),
        Question::new("search by family name, p99", of(family)),
    ]
}

/// Records the people, each with a referral.
async fn register(app: &App, people: u64) -> Result<()> {
    let contract = Command::OpenContract(OpenContract {
        when: Occurred::on(day()).into(),
        fact: ContractOpened {
            code: CONTRACT.to_owned(),
            name: "Single Homelessness Prevention Service".to_owned(),
            parties: Vec::new(),
            starts_on: day(),
            ends_on: None,
        },
        rulebook: pack(CONTRACT).context("it ships")?.text.to_owned(),
    });
    append(app, Role::Administrator, contract).await?;
    let tasks = (0..CALLERS as u64).map(|nth| {
        let app = app.clone();
        tokio::spawn(async move {
            for person in (nth..people).step_by(CALLERS) {
                append(&app, Role::Integrator, referral(person)).await?;
            }
            Ok::<_, anyhow::Error>(())
        })
    });
    try_join_all(tasks).await?.into_iter().collect()
}

async fn append(app: &App, role: Role, command: Command) -> Result<()> {
    let principal = Principal { subject: "bench".to_owned(), role, scope: Scope::Deployment };
    let id = CommandId(Chance::System.id_at(Clock::Machine.now()));
    let appended = app.recorder.append(CommandRequest::new(principal, id, command)).await;
    appended.map(drop).map_err(|error| anyhow::anyhow!("a command was refused: {error:?}"))
}

fn referral(person: u64) -> Command {
    let id = || Chance::System.id_at(Clock::Machine.now());
    let text = |value: Value| Patched::Becomes(PersonalText::identity(value.to_string()));
    let names = text(json!({ "given": given(person), "family": family(person) }));
    let born = Patched::Becomes(PersonalText::identity(born(person).to_string()));
    Command::ReceiveReferral(ReceiveReferral {
        journey: JourneyId(id()),
        contract: CONTRACT.to_owned(),
        when: Occurred::on(day()).into(),
        register: Some(SubjectKind::Person),
        identity: Some(IdentitySealed { names, birth_date: born, ..IdentitySealed::default() }),
        fact: ReferralReceived {
            subject: SubjectId(id()),
            area: "brent".to_owned(),
            cohort: None,
            referrer: None,
            external_references: Vec::new(),
        },
    })
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 1, 15).expect("a day")
}

/// A made-up given name. A few are common: a third of the people have one of about fifty.
fn given(person: u64) -> String {
    made_up(skewed(person.wrapping_mul(0x9e37_79b9_7f4a_7c15), 500))
}

/// A made-up family name, of about two thousand.
fn family(person: u64) -> String {
    made_up(skewed(person.wrapping_mul(0xc2b2_ae3d_27d4_eb4f), 2_000) + 4_096)
}

fn born(person: u64) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(1950, 1, 1).expect("a day");
    first + Days::new((person.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 32) % 20_000)
}

/// A number below a limit; small ones are more frequent.
fn skewed(hash: u64, below: u64) -> u64 {
    let (one, other) = ((hash >> 32) % below, (hash >> 8) % below);
    one * other / below
}

fn made_up(number: u64) -> String {
    let syllable = |place: u32| SYLLABLES[usize::try_from(number >> (4 * place) & 15).expect("below 16")];
    let name: String = (0..if number < 4_096 { 3 } else { 4 }).map(syllable).collect();
    name[..1].to_uppercase() + &name[1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_people_have_many_names_and_some_are_common() {
        let names: Vec<String> = (0..10_000).map(family).collect();
        let mut counts = std::collections::BTreeMap::new();
        for name in &names {
            *counts.entry(name).or_insert(0) += 1;
        }
        let most = counts.values().max().copied().unwrap_or_default();
        assert!(counts.len() > 1_000, "{}", counts.len());
        assert!((20..500).contains(&most), "{most}");
    }
}
