//! Durable appends to the log, compared with raw inserts of the same rows; with the live view being projected; and over
//! HTTP, compared with a mutation that does nothing.
//!
//! Every round measures every figure once, in order, so that other load on the machine affects all of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::NaiveDate;
use futures_util::future::{join_all, try_join_all};
use tokio::task::JoinHandle;

use super::generate::{CONTRACT, EVENTS_EACH};
use super::ground::Ground;
use super::over_http::OverHttp;
use super::raw::{Connections, OneByOne, Raw, Row, Rows};
use super::report::{Figure, Limit, Size, median, number, rate};
use crate::access::{Principal, Role, Scope};
use crate::app::App;
use crate::clock::{Chance, Clock};
use crate::keys::KeyPlaces;
use crate::record::CommandRequest;
use crate::store::Dialect;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::command::{Command, ReceiveReferral};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{CommandId, Envelope, JourneyId, Occurred, Position, StreamId, SubjectId};
use throughline_domain::fact::event::{
    Attendance, ContactLogged, ContactWith, ContractOpened, Direction, ReferralAccepted, ReferralReceived, SubjectKind,
};

/// The default number of events in the log before the measurement.
const EVENTS: u64 = 50_000;
/// The number of callers in the concurrent figures.
pub(super) const CALLERS: usize = 64;

/// The most time that the live view may take to catch up before a measurement.
pub(super) const FOLLOWS_WITHIN: Duration = Duration::from_mins(10);
/// The most time for the last step of a view that has caught up.
const LAST_STEP: Duration = Duration::from_millis(300);

/// The number of appends in a round.
#[derive(Debug, Clone, Copy)]
struct Counts {
    /// With one caller.
    alone: usize,
    /// With all callers.
    together: usize,
    /// Through a head row in single transactions.
    by_head: usize,
}

impl Counts {
    /// The counts for a log of this many journeys. A small log must not grow to many times its size.
    fn of(journeys: u64) -> Self {
        let each = usize::try_from(journeys / 20).unwrap_or(usize::MAX).clamp(2, 100);
        Self { alone: 3 * each, together: each * CALLERS, by_head: each.min(10) * CALLERS }
    }
}

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let place = ground.empty(store).await?;
    let journeys = ground.journeys(EVENTS);
    let one = Node::open(&place.url).await?;
    let log = Filled::with(one, journeys).await?;
    let other = if store == Dialect::Postgres { Some(Node::open(&place.url).await?) } else { None };
    let mut raw = match store {
        Dialect::Sqlite => Raw::sqlite(&ground.scratch("raw.db")).await?,
        Dialect::Postgres => Raw::postgres(&ground.server()?.options([("search_path", &place.schema)])).await?,
    };
    raw.preload(&Row::all(&log.after(Position::default()).await?)).await?;
    let http = OverHttp::over(log.node.app.clone(), &ground.scratch("key")).await?;
    let connections = match store {
        Dialect::Sqlite => None,
        Dialect::Postgres => {
            let options = ground.server()?.options([("search_path", &place.schema)]);
            Some(Connections::open(&options, CALLERS).await?)
        }
    };
    let run = Arc::new(Run { log, other, http, connections, counts: Counts::of(journeys) });
    let mut measured = Measured::default();
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "appending");
        run.round(&mut raw, &mut measured).await?;
        if round == 0 {
            measured = Measured::default();
        }
    }
    let Run { log, other, http, .. } = Arc::into_inner(run).context("every caller has ended")?;
    http.stop().await;
    for node in [Some(log.node), other].into_iter().flatten() {
        node.close().await;
    }
    let size = Size { journeys, events: journeys * EVENTS_EACH };
    Ok(measured.figures(store, size))
}

/// One process that appends. The view follows only on request.
struct Node {
    app: App,
}

impl Node {
    async fn open(url: &str) -> Result<Self> {
        let (app, _) =
            App::open(url, &KeyPlaces::default(), Arc::new(Clock::Machine), Arc::new(Chance::System)).await?;
        Ok(Self { app })
    }

    /// Makes the live view follow the log from now on, once it has caught up.
    async fn follow(&self) -> Result<JoinHandle<()>> {
        let keeping_up = tokio::spawn(self.app.views.clone().keep_up());
        let head = self.app.log.head().await?.position;
        let is_there = self.app.views.passed(head, FOLLOWS_WITHIN).await;
        anyhow::ensure!(is_there, "the live view did not follow the log");
        Ok(keeping_up)
    }

    /// Stops the live view from following. On Postgres an interrupted step holds its lock for a minute, so the last
    /// step gets time to end.
    async fn leave(&self, keeping_up: JoinHandle<()>) -> Result<()> {
        let head = self.app.log.head().await?.position;
        let is_there = self.app.views.passed(head, FOLLOWS_WITHIN).await;
        anyhow::ensure!(is_there, "the live view did not follow the log");
        tokio::time::sleep(LAST_STEP).await;
        keeping_up.abort();
        // It was aborted on purpose.
        let _ = keeping_up.await;
        Ok(())
    }

    async fn close(&self) {
        self.app.views.close().await;
        self.app.keys.close().await;
        self.app.log.store().close().await;
    }
}

/// A log with open journeys.
struct Filled {
    node: Node,
    journeys: Vec<JourneyId>,
    chance: Chance,
}

/// What an append waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The append is durable.
    Durable,
    /// The live view shows it too.
    Shown,
}

impl Filled {
    async fn with(node: Node, journeys: u64) -> Result<Self> {
        let chance = Chance::seeded(1);
        let journeys = (0..journeys).map(|_| JourneyId(chance.id_at(Clock::Machine.now()))).collect();
        let filled = Self { node, journeys, chance };
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
        filled.append(&filled.node, contract, Until::Durable).await;
        for journeys in filled.journeys.chunks(250) {
            join_all(journeys.iter().map(|journey| filled.fill(*journey))).await;
        }
        Ok(filled)
    }

    async fn fill(&self, journey: JourneyId) {
        let referral = Command::ReceiveReferral(ReceiveReferral {
            journey,
            contract: CONTRACT.to_owned(),
            when: Occurred::on(day()).into(),
            register: Some(SubjectKind::Person),
            identity: None,
            fact: ReferralReceived {
                subject: SubjectId(self.chance.id_at(Clock::Machine.now())),
                area: "brent".to_owned(),
                cohort: None,
                referrer: None,
                external_references: Vec::new(),
            },
        });
        let accept = Command::record_fact(StreamId::journey(journey), Occurred::on(day()), ReferralAccepted {});
        self.append(&self.node, referral, Until::Durable).await;
        self.append(&self.node, accept, Until::Durable).await;
        for _ in 2..EVENTS_EACH {
            self.append(&self.node, contact(journey), Until::Durable).await;
        }
    }

    async fn append(&self, node: &Node, command: Command, until: Until) {
        let role = if matches!(command, Command::OpenContract(_)) { Role::Administrator } else { Role::Manager };
        let principal = Principal { subject: "bench".to_owned(), role, scope: Scope::Deployment };
        let id = CommandId(self.chance.id_at(Clock::Machine.now()));
        let request = CommandRequest::new(principal, id, command).with_body(b"the body of a client's request".to_vec());
        // The same contact is measured repeatedly.
        let request = request.accepting_every_warning();
        let is_replayed = match until {
            Until::Durable => node.app.recorder.append(request).await.map(|done| done.replayed),
            Until::Shown => node.app.recorder.record(request).await.map(|done| done.appended.replayed),
        };
        assert!(!is_replayed.expect("the log accepts it"), "every command is new");
    }

    /// The journey for the next append. The step between journeys has no common factor with their number, so all are
    /// used.
    fn turn(&self, at: usize) -> JourneyId {
        self.journeys[at * 7_919 % self.journeys.len()]
    }

    async fn after(&self, position: Position) -> Result<Vec<Envelope>> {
        let mut events: Vec<Envelope> = Vec::new();
        loop {
            let after = events.last().map_or(position, |event| event.position);
            let page = self.node.app.log.page(after, Position(i64::MAX)).await?;
            if page.is_empty() {
                return Ok(events);
            }
            events.extend(page);
        }
    }

    async fn head(&self) -> Result<Position> {
        Ok(self.node.app.log.head().await?.position)
    }
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 1, 15).expect("a day")
}

/// A contact with a payload of about 130 bytes.
fn contact(journey: JourneyId) -> Command {
    let fact = ContactLogged {
        appointment: None,
        channel: "phone".to_owned(),
        direction: Some(Direction::Outgoing),
        with: ContactWith::Client,
        attendance: Attendance::None,
        face_to_face: Some(false),
        two_way: true,
        group: false,
        minutes: Some(15),
        scheduled_on: Some(day()),
        worker: None,
        note: None,
    };
    Command::record_fact(StreamId::journey(journey), Occurred::on(day()), fact)
}

/// The state that every round uses.
struct Run {
    log: Filled,
    /// A second process on the same store.
    other: Option<Node>,
    http: OverHttp,
    /// The connections that append one event in each transaction.
    connections: Option<Connections>,
    counts: Counts,
}

impl Run {
    async fn round(self: &Arc<Self>, raw: &mut Raw, measured: &mut Measured) -> Result<()> {
        let Counts { alone, together, by_head } = self.counts;
        let before = self.log.head().await?;
        measured.alone.push(self.appends(1, alone, Until::Durable, Nodes::One).await);
        let between = self.log.head().await?;
        measured.together.push(self.appends(CALLERS, together, Until::Durable, Nodes::One).await);
        let events = self.log.after(before).await?;
        let (one, many) = events.split_at(usize::try_from(between.0 - before.0)?);
        let transactions: HashSet<_> = many.iter().map(|event| event.recorded_at).collect();
        measured.batches.push(number(many.len() as u64) / number(transactions.len() as u64));
        let (one, many) = (Row::all(one), Row::all(many));
        measured.raw_alone.push(raw.insert(&one, 1, Rows::EventsAndCommands).await?);
        measured.raw_together.push(raw.insert(&many, CALLERS, Rows::EventsAndCommands).await?);
        raw.insert(&one, alone, Rows::Events).await?;
        measured.raw_events.push(raw.insert(&many, CALLERS, Rows::Events).await?);
        if let Some(connections) = &self.connections {
            let few = Arc::new(many[..by_head].to_vec());
            measured.sequence.push(connections.append(&Arc::new(many), OneByOne::Sequence).await?);
            measured.head.push(connections.append(&few, OneByOne::Head).await?);
        }
        self.shown(measured).await
    }

    /// The figures with a live view that follows the log.
    async fn shown(self: &Arc<Self>, measured: &mut Measured) -> Result<()> {
        let Counts { together, .. } = self.counts;
        let following = self.log.node.follow().await?;
        measured.shown.push(self.appends(CALLERS, together, Until::Shown, Nodes::One).await);
        let requests: Vec<JourneyId> = (0..together).map(|at| self.log.turn(at)).collect();
        measured.http.push(self.http.log_contacts(&requests).await?);
        measured.http_nothing.push(self.http.nothing(&requests).await?);
        if let Some(other) = &self.other {
            let also = other.follow().await?;
            measured.two_nodes.push(self.appends(CALLERS, together, Until::Shown, Nodes::Both).await);
            other.leave(also).await?;
        }
        self.log.node.leave(following).await
    }

    /// Makes single-event appends from several callers. Returns events per second.
    async fn appends(self: &Arc<Self>, callers: usize, appends: usize, until: Until, nodes: Nodes) -> f64 {
        let began = Instant::now();
        let tasks = (0..callers).map(|nth| {
            let run = Arc::clone(self);
            tokio::spawn(async move {
                let node = match (&run.other, nodes) {
                    (Some(other), Nodes::Both) if nth % 2 == 1 => other,
                    _ => &run.log.node,
                };
                for at in (nth..appends).step_by(callers) {
                    run.log.append(node, contact(run.log.turn(at)), until).await;
                }
            })
        });
        try_join_all(tasks).await.expect("a caller ends well");
        rate(appends as u64, began.elapsed())
    }
}

/// The processes that the callers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nodes {
    One,
    Both,
}

/// The measurements on one store, round by round.
#[derive(Default)]
struct Measured {
    alone: Vec<f64>,
    together: Vec<f64>,
    batches: Vec<f64>,
    raw_alone: Vec<f64>,
    raw_together: Vec<f64>,
    raw_events: Vec<f64>,
    sequence: Vec<f64>,
    head: Vec<f64>,
    shown: Vec<f64>,
    two_nodes: Vec<f64>,
    http: Vec<f64>,
    http_nothing: Vec<f64>,
}

impl Measured {
    fn figures(self, store: Dialect, size: Size) -> Vec<Figure> {
        let per_second = |name, rounds: &Vec<f64>| Figure::new(name, "events/s", size, rounds.clone()).on(store);
        let is_sqlite = store == Dialect::Sqlite;
        let on_sqlite = |limit: Limit| is_sqlite.then_some(limit);
        let of_raw = on_sqlite(Limit::at_least_times(0.5).aiming_at(0.8));
        let mut figures = vec![
            per_second("append, 1 caller", &self.alone).against("raw insert, 1 at a time", &self.raw_alone),
            per_second("append, 64 callers", &self.together)
                .against("raw insert of events and commands, 64 at once", &self.raw_together)
                .within(of_raw)
                .beside("events in a transaction", median(&self.batches)),
            per_second("append, 64 callers, beside events alone", &self.together)
                .against("raw insert of events alone, 64 at once", &self.raw_events)
                .within(of_raw),
        ];
        if !is_sqlite {
            figures.extend([
                per_second("append, 64 callers, beside an unsafe sequence", &self.together)
                    .against("a transaction each with an unsafe sequence, 64 callers", &self.sequence)
                    .within(Limit::at_least_times(2.0).aiming_at(4.0)),
                per_second("append, 64 callers, beside a head row", &self.together)
                    .against("a transaction each with a head row, 64 callers", &self.head)
                    .within(Limit::at_least_times(10.0).aiming_at(20.0)),
                per_second("append with the live view, two nodes, 64 callers", &self.two_nodes)
                    .against("append, 64 callers", &self.together),
            ]);
        }
        figures.extend([
            per_second("append with the live view, 64 callers", &self.shown)
                .against("append, 64 callers", &self.together),
            per_second("logContact over HTTP GraphQL, 64 connections", &self.http)
                .against("a mutation that does nothing, 64 connections", &self.http_nothing)
                .within(on_sqlite(Limit::at_least_times(0.4).aiming_at(0.7))),
        ]);
        figures
    }
}
