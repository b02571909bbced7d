//! Durable appends of the log, beside raw inserts of the same rows in the same run: `make bench`.
//!
//! Every round measures every figure once, one after the other, so that what the machine does meanwhile touches all of
//! them; a ratio is taken within a round, and medians are printed. docs/performance.md says what the figures mean.

mod raw;

use std::collections::HashSet;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;
use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use throughline::access::{Principal, Role, Scope};
use throughline::clock::{Chance, Clock};
use throughline::contract::command::OpenContract;
use throughline::contract::rulebook::packs::pack;
use throughline::journey::command::{Command, ReceiveReferral};
use throughline::journey::event::{
    Attendance, ContactLogged, ContactWith, ContractOpened, Direction, ReferralAccepted, ReferralReceived, SubjectKind,
};
use throughline::log::Log;
use throughline::log::append::Expected;
use throughline::log::envelope::{CommandId, Envelope, JourneyId, Occurred, Position, StreamId, SubjectId};
use throughline::record::{Instruction, Recorder};
use throughline::store::{Mode, Store};
use throughline::views::Views;

use raw::{Connections, OneByOne, Raw, Row, Rows, rate};

/// Journeys that are there before anything is measured, and their events.
const JOURNEYS: usize = 2_000;
const EVENTS_EACH: usize = 25;
/// Callers of the busy figures.
const CALLERS: usize = 64;
/// Appends that a round measures with one caller, with all of them, and through a head row in single transactions.
const ALONE: usize = 300;
const TOGETHER: usize = 100 * CALLERS;
const BY_HEAD: usize = 10 * CALLERS;
/// Rounds whose figures count; one before them only warms up.
const ROUNDS: usize = 7;

fn main() -> Result<()> {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let mut figures = sqlite().await.context("on SQLite")?;
        figures.extend(postgres().await.context("on Postgres")?);
        anyhow::Ok(figures)
    })?;
    let mut out = std::io::stdout().lock();
    for figure in &figures {
        if as_json { writeln!(out, "{}", figure.json())? } else { writeln!(out, "{}", figure.line())? }
    }
    Ok(())
}

/// One measured figure, round by round.
struct Figure {
    name: &'static str,
    store: &'static str,
    unit: &'static str,
    rounds: Vec<f64>,
    /// What it is compared with.
    against: Option<Against>,
}

/// Another figure of the same rounds.
struct Against {
    name: &'static str,
    ratios: Vec<f64>,
    /// How many times the other it is to be, where that is asked of it.
    at_least: Option<f64>,
}

fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

impl Figure {
    fn new(name: &'static str, store: &'static str, rounds: &[f64]) -> Self {
        Self { name, store, unit: "events/s", rounds: rounds.to_vec(), against: None }
    }

    /// Compares it with another figure of the same rounds.
    fn against(mut self, name: &'static str, other: &[f64], at_least: Option<f64>) -> Self {
        let ratios = self.rounds.iter().zip(other).map(|(one, other)| one / other).collect();
        self.against = Some(Against { name, ratios, at_least });
        self
    }

    fn json(&self) -> serde_json::Value {
        let limit = self.against.as_ref().map(|other| match other.at_least {
            Some(at_least) => format!(">= {at_least} x {}", other.name),
            None => format!("printed beside {}", other.name),
        });
        let ratio = self.against.as_ref().map(|other| (median(&other.ratios) * 100.0).round() / 100.0);
        json!({
            "figure": self.name, "store": self.store, "value": (median(&self.rounds) * 10.0).round() / 10.0,
            "unit": self.unit, "limit": limit, "ratio": ratio,
        })
    }

    fn line(&self) -> String {
        let (low, high) = self.rounds.iter().fold((f64::MAX, 0.0_f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let figure = format!("{:<9}{:<44}{:>9.0} {:<10}", self.store, self.name, median(&self.rounds), self.unit);
        let spread = format!("{figure} ({low:.0} to {high:.0})");
        let Some(Against { name, ratios, at_least }) = &self.against else { return spread };
        let ratio = median(ratios);
        let compared = format!("{spread:<86}{ratio:>7.2} x {name}");
        match at_least {
            None => compared,
            Some(at_least) if ratio >= *at_least => format!("{compared}, at least {at_least}: kept"),
            Some(at_least) => format!("{compared}, at least {at_least}: MISSED"),
        }
    }
}

/// A log with journeys in it and its write side; no view follows it.
struct Bench {
    log: Log,
    recorder: Recorder,
    journeys: Vec<JourneyId>,
    chance: Arc<Chance>,
}

impl Bench {
    async fn open(url: &str) -> Result<Self> {
        let store = Store::open(url, Mode::Write).await?;
        let log = Log::open(Arc::new(store)).await?;
        let views = Views::open(log.clone()).await?;
        let (recorder, _) =
            Recorder::start(log.clone(), views, Arc::new(Clock::Machine), Arc::new(Chance::System)).await?;
        let chance = Arc::new(Chance::seeded(1));
        let journeys = (0..JOURNEYS).map(|_| JourneyId(chance.id_at(Clock::Machine.now()))).collect();
        let bench = Self { log, recorder, journeys, chance };
        bench.fill().await?;
        Ok(bench)
    }

    async fn fill(&self) -> Result<()> {
        let contract = Command::OpenContract(OpenContract {
            occurred: Occurred::on(day()),
            fact: ContractOpened {
                code: "shps".to_owned(),
                name: "Single Homelessness Prevention Service".to_owned(),
                parties: Vec::new(),
                starts_on: day(),
                ends_on: None,
            },
            rulebook: pack("shps").context("it ships")?.text.to_owned(),
        });
        self.append(Role::Administrator, contract).await;
        for journeys in self.journeys.chunks(250) {
            join_all(journeys.iter().map(|journey| self.fill_journey(*journey))).await;
        }
        Ok(())
    }

    async fn fill_journey(&self, journey: JourneyId) {
        let referral = ReceiveReferral {
            journey,
            contract: "shps".to_owned(),
            occurred: Occurred::on(day()),
            register: Some(SubjectKind::Person),
            fact: ReferralReceived {
                subject: SubjectId(self.chance.id_at(Clock::Machine.now())),
                area: "brent".to_owned(),
                cohort: None,
                referrer: None,
                external_references: Vec::new(),
            },
        };
        let accept = Command::state(StreamId::journey(journey), Occurred::on(day()), ReferralAccepted {});
        self.append(Role::Manager, Command::ReceiveReferral(referral)).await;
        self.append(Role::Manager, accept).await;
        for _ in 2..EVENTS_EACH {
            self.append(Role::Manager, contact(journey)).await;
        }
    }

    /// Durable when it returns.
    async fn append(&self, role: Role, command: Command) {
        let instruction = Instruction {
            accept_warnings: std::collections::BTreeSet::new(),
            dry_run: false,
            principal: Principal { subject: "bench".to_owned(), role, scope: Scope::Deployment },
            command_id: CommandId(self.chance.id_at(Clock::Machine.now())),
            body: b"what a client's request would be known by".to_vec(),
            expected: Expected::Any,
            source: None,
            command,
        };
        let done = self.recorder.append(instruction).await.expect("the log takes it");
        assert!(!done.replayed, "every command is new");
    }

    /// So many single-event appends by so many callers; gives events per second.
    async fn appends(self: &Arc<Self>, callers: usize, appends: usize) -> f64 {
        let began = Instant::now();
        let tasks = (0..callers).map(|nth| {
            let bench = Arc::clone(self);
            tokio::spawn(async move {
                for at in (nth..appends).step_by(callers) {
                    // Spread over the journeys by a step that has no factor in common with their number.
                    let journey = bench.journeys[at * 7_919 % JOURNEYS];
                    bench.append(Role::Manager, contact(journey)).await;
                }
            })
        });
        try_join_all(tasks).await.expect("a caller ends well");
        rate(appends, began)
    }

    async fn after(&self, position: Position) -> Result<Vec<Envelope>> {
        let mut events: Vec<Envelope> = Vec::new();
        loop {
            let after = events.last().map_or(position, |event| event.position);
            let page = self.log.page(after, Position(i64::MAX)).await?;
            if page.is_empty() {
                return Ok(events);
            }
            events.extend(page);
        }
    }

    async fn head(&self) -> Result<Position> {
        Ok(self.log.head().await?.position)
    }
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 1, 15).expect("a day")
}

/// A contact with a payload of about 130 bytes.
fn contact(journey: JourneyId) -> Command {
    let fact = ContactLogged {
        channel: "phone".to_owned(),
        direction: Some(Direction::Outgoing),
        with: ContactWith::Client,
        attendance: Attendance::None,
        face_to_face: false,
        two_way: true,
        group: false,
        minutes: Some(15),
        scheduled_on: Some(day()),
        worker: None,
    };
    Command::state(StreamId::journey(journey), Occurred::on(day()), fact)
}

/// What every store measures, round by round.
#[derive(Default)]
struct Measured {
    alone: Vec<f64>,
    together: Vec<f64>,
    raw_alone: Vec<f64>,
    raw_together: Vec<f64>,
    raw_events: Vec<f64>,
    batches: Vec<f64>,
    payload: usize,
}

impl Measured {
    /// One round; gives the rows that the log wrote with all callers.
    async fn round(&mut self, bench: &Arc<Bench>, raw: &mut Raw) -> Result<Vec<Row>> {
        let before = bench.head().await?;
        let alone = bench.appends(1, ALONE).await;
        let between = bench.head().await?;
        let together = bench.appends(CALLERS, TOGETHER).await;
        let events = bench.after(before).await?;
        let (one, many) = events.split_at(usize::try_from(between.0 - before.0)?);
        let transactions: HashSet<_> = many.iter().map(|event| event.recorded_at).collect();
        self.payload = many[0].payload.get().len();
        let (one, many) = (Row::all(one), Row::all(many));
        self.alone.push(alone);
        self.together.push(together);
        self.batches.push(f64::from(u32::try_from(many.len())?) / f64::from(u32::try_from(transactions.len())?));
        self.raw_alone.push(raw.insert(&one, 1, Rows::EventsAndCommands).await?);
        self.raw_together.push(raw.insert(&many, CALLERS, Rows::EventsAndCommands).await?);
        raw.insert(&one, ALONE, Rows::Events).await?;
        self.raw_events.push(raw.insert(&many, CALLERS, Rows::Events).await?);
        Ok(many)
    }

    /// Forgets a round that only warmed up.
    fn forget(&mut self) {
        *self = Self { payload: self.payload, ..Self::default() };
    }

    fn figures(&self, store: &'static str, at_least: Option<f64>) -> Vec<Figure> {
        let batches =
            Figure { unit: "events", ..Figure::new("events in one transaction, 64 callers", store, &self.batches) };
        vec![
            Figure::new("raw insert, events and commands, 1 at a time", store, &self.raw_alone),
            Figure::new("append, 1 caller", store, &self.alone).against("raw, 1 at a time", &self.raw_alone, None),
            Figure::new("raw insert, events and commands, 64 at once", store, &self.raw_together),
            Figure::new("append, 64 callers", store, &self.together).against(
                "raw, 64 at once",
                &self.raw_together,
                at_least,
            ),
            Figure::new("raw insert, events alone, 64 at once", store, &self.raw_events),
            Figure::new("append, 64 callers", store, &self.together).against(
                "raw events alone, 64 at once",
                &self.raw_events,
                at_least,
            ),
            batches,
        ]
    }
}

fn say(what: std::fmt::Arguments<'_>) {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        // Nobody to tell if standard error is closed.
        let _ = writeln!(err, "{what}");
    }
}

async fn sqlite() -> Result<Vec<Figure>> {
    let directory = tempfile::tempdir()?;
    let bench = Arc::new(Bench::open(&format!("sqlite:{}", directory.path().join("log.db").display())).await?);
    let mut raw = Raw::sqlite(&directory.path().join("raw.db")).await?;
    raw.preload(&Row::all(&bench.after(Position::default()).await?)).await?;
    let mut measured = Measured::default();
    for round in 0..=ROUNDS {
        say(format_args!("SQLite, round {round} of {ROUNDS}"));
        measured.round(&bench, &mut raw).await?;
        if round == 0 {
            measured.forget();
        }
    }
    say(format_args!("payloads of {} bytes", measured.payload));
    Ok(measured.figures("SQLite", Some(0.5)))
}

async fn postgres() -> Result<Vec<Figure>> {
    let server = std::env::var("THROUGHLINE_TEST_POSTGRES")
        .context("THROUGHLINE_TEST_POSTGRES names no Postgres server: run `make bench`")?;
    let schema = format!("bench_{:032x}", u128::from_be_bytes(Chance::System.bytes()));
    let options: PgConnectOptions = server.parse()?;
    let mut owner = options.connect().await?;
    owner.execute(AssertSqlSafe(format!("create schema {schema}"))).await?;
    let options = options.options([("search_path", &schema)]);
    let joint = if server.contains('?') { '&' } else { '?' };
    let bench = Arc::new(Bench::open(&format!("{server}{joint}options[search_path]={schema}")).await?);
    let mut raw = Raw::postgres(&options).await?;
    raw.preload(&Row::all(&bench.after(Position::default()).await?)).await?;
    let callers = Connections::open(&options, CALLERS).await?;
    let (mut measured, mut sequence, mut head) = (Measured::default(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        say(format_args!("Postgres, round {round} of {ROUNDS}"));
        let rows = Arc::new(measured.round(&bench, &mut raw).await?);
        sequence.push(callers.append(&rows, OneByOne::Sequence).await?);
        let few = Arc::new(rows[..BY_HEAD].to_vec());
        head.push(callers.append(&few, OneByOne::Head).await?);
        if round == 0 {
            measured.forget();
            sequence.clear();
            head.clear();
        }
    }
    let store = "Postgres";
    let mut figures = measured.figures(store, None);
    figures.extend([
        Figure::new("a transaction each, unsafe sequence, 64 callers", store, &sequence),
        Figure::new("append, 64 callers", store, &measured.together).against("unsafe sequence", &sequence, Some(2.0)),
        Figure::new("a transaction each, head row, 64 callers", store, &head),
        Figure::new("append, 64 callers", store, &measured.together).against("head row each", &head, Some(10.0)),
    ]);
    Ok(figures)
}
