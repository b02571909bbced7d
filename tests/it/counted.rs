//! Counted tables say what the dated ones say: every board, put to the same view, is the same from either.
//!
//! The tables are reached past the service here and nowhere else: what is said to be newer than everything sends every
//! question to the dated tables.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use throughline::access::{InScope, Scope};
use throughline::queries;
use throughline::queries::period::Period;
use throughline::queries::{exits, performance, recency, referral_to_plan};
use throughline::views::generation::Generation;
use throughline::views::rebuild::Options;
use throughline_domain::command::{Command, CorrectFact, RetractFacts};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{
    EventId, JourneyId, Occurred, Precision, StreamId, SubjectId, TeamId, WorkerId,
};
use throughline_domain::fact::event::{
    Attendance, ContactLogged, Disengaged, Event, JourneyClosed, JourneyReopened, KEYWORKER, PlanAgreed,
    ReferralAccepted, ReferralDeclined, ReferralReceived, SubjectKind, TeamSet, WorkerAssigned, WorkerJoined,
    WorkerLeft,
};
use throughline_domain::performance::period::{Month, Months};
use throughline_domain::world;
use uuid::Uuid;

use crate::stores::{Fresh, STORES};

const CONTRACT: &str = "shps";
const JOURNEYS: u64 = 30;
const WORKERS: u64 = 4;

/// The tables of the live view.
enum Tables {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Tables {
    async fn of(fresh: &Fresh) -> Self {
        let number = fresh.views.live().number;
        if let Some(log) = fresh.place().file() {
            let url = format!("sqlite:{}-g{number}", log.display());
            return Self::Sqlite(SqliteConnection::connect(&url).await.expect("the view's file"));
        }
        let mut conn = PgConnection::connect(fresh.url()).await.expect("the server answers");
        let (schema,): (String,) =
            sqlx::query_as("select current_schema()::text").fetch_one(&mut conn).await.expect("a schema");
        conn.execute(AssertSqlSafe(format!("set search_path = {schema}_g{number}"))).await.expect("the view's schema");
        Self::Postgres(conn)
    }

    async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(conn) => conn.execute(sql).await.map(drop),
            Self::Postgres(conn) => conn.execute(sql).await.map(drop),
        }
        .expect("the statement is run");
    }
}

/// What is asked of a view.
struct Asked<'a> {
    view: &'a Generation,
    scope: InScope<'a>,
    rulebook: &'a Rulebook,
}

impl Asked<'_> {
    /// Every board of a day, in words.
    async fn boards(&self, as_of: NaiveDate) -> String {
        let Asked { view, scope, rulebook } = *self;
        let mut told = String::new();
        let mut tell = |board: &dyn std::fmt::Debug| writeln!(told, "{as_of}: {board:?}").expect("memory");
        for by in [recency::By::Keyworker, recency::By::Team, recency::By::Area, recency::By::Whole] {
            for measure in [recency::Measure::Anyone, recency::Measure::Keyworker] {
                tell(&recency::rows(view, scope, as_of, rulebook, (by, measure)).await.expect("a board"));
            }
        }
        tell(&queries::caseload::by_keyworker(view, scope, as_of).await.expect("a board"));
        let month = |day: &str| Month::of(day.parse().expect("a day"));
        let some = Months::from_to(month("2018-01-01"), month("2018-02-01")).expect("in order");
        for period in [Period::ToDate, Period::Months(some), Period::Months(Months::one(month("2018-02-01")))] {
            for by in [referral_to_plan::By::Area, referral_to_plan::By::Whole] {
                tell(&referral_to_plan::rows(view, scope, as_of, rulebook, (by, period)).await.expect("a board"));
            }
            for by in [exits::By::Reason, exits::By::Area] {
                tell(&exits::in_period(view, scope, as_of, rulebook, (by, period)).await.expect("a board"));
            }
        }
        for months in [some, Months::one(month("2018-02-01"))] {
            for by in [performance::By::Area, performance::By::Whole] {
                tell(&performance::in_months(view, scope, as_of, rulebook, (by, months)).await.expect("a board"));
            }
        }
        told
    }

    /// Compares the boards of days as they are answered with what the dated tables alone say of them.
    async fn compare(&self, tables: &mut Tables, days: &[NaiveDate]) {
        let mut answered = Vec::new();
        for day in days {
            answered.push(self.boards(*day).await);
        }
        tables.run(&format!("insert into newest_day values ('{CONTRACT}', '9999-12-30', 1)")).await;
        for (day, answered) in days.iter().zip(answered) {
            assert_eq!(answered, self.boards(*day).await);
        }
        tables.run("delete from newest_day where day = '9999-12-30'").await;
    }
}

/// What is drawn, the same each time.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn occurred(&mut self, from: u64, days: u64) -> Occurred {
        let day = day(from + self.below(days));
        if self.below(8) == 0 { Occurred::within(day, Precision::Month) } else { Occurred::on(day) }
    }
}

fn day(nth: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2017, 12, 20).expect("a day") + Days::new(nth)
}

fn id(of: u128, nth: u64) -> Uuid {
    Uuid::from_u128((of << 64) + u128::from(nth))
}

fn worker(nth: u64) -> WorkerId {
    WorkerId(id(1, nth))
}

fn contact(worker: Option<WorkerId>, is_made: bool) -> ContactLogged {
    let attendance = if is_made { Attendance::Attended } else { Attendance::DidNotAttend };
    ContactLogged { attendance, two_way: false, worker, ..world::contact() }
}

/// Opens a contract with a few workers in teams, of whom one leaves.
async fn open(fresh: &Fresh, rulebook: &str) {
    let occurred = Occurred::on(day(0));
    let open = world::open(occurred, world::opened(CONTRACT, &day(0).to_string()), rulebook);
    fresh.record(open).await.expect("the contract opens");
    for nth in 0..WORKERS {
        let joined = WorkerJoined { login: None, label: format!("KW-{nth}") };
        let join = Command::record_fact(StreamId::worker(worker(nth)), occurred, joined);
        fresh.record(join).await.expect("the worker joins");
    }
    for (nth, members) in [(0, vec![worker(0), worker(1)]), (1, vec![worker(1), worker(2)])] {
        let set = TeamSet { label: format!("Team {nth}"), members };
        let team = StreamId::team(TeamId(id(4, nth)));
        fresh.record(Command::record_fact(team, Occurred::on(day(3)), set)).await.expect("the team is set");
    }
    let left = Command::record_fact(StreamId::worker(worker(2)), Occurred::on(day(60)), WorkerLeft {});
    fresh.record(left).await.expect("the worker leaves");
}

async fn refer(fresh: &Fresh, nth: u64, occurred: Occurred, area: &str) {
    let fact = ReferralReceived { subject: SubjectId(id(3, nth)), area: area.to_owned(), ..world::referral() };
    let refer = world::refer(JourneyId(id(2, nth)), CONTRACT, occurred, Some(SubjectKind::Person), fact);
    fresh.record(refer).await.expect("the referral is received");
}

/// Tells a journey: what is refused of it is left out. Some facts are corrected to another day, or never were.
async fn tell(fresh: &Fresh, nth: u64, drawn: &mut Drawn) {
    let begins = drawn.below(40);
    let area = ["brent", "ealing"][usize::from(drawn.below(2) == 0)];
    refer(fresh, nth, drawn.occurred(begins, 1), area).await;
    let stream = StreamId::journey(JourneyId(id(2, nth)));
    let mut recorded: Vec<(EventId, Event)> = Vec::new();
    for step in 0..12 {
        let at = drawn.occurred(begins, 70 - begins);
        let by = worker(drawn.below(WORKERS));
        let fact: Event = match (step, drawn.below(16)) {
            (0, 0) => ReferralDeclined { reason: "not_eligible".to_owned() }.into(),
            (0, _) => ReferralAccepted {}.into(),
            (_, 0..=2) => WorkerAssigned { worker: by, role: KEYWORKER.to_owned(), until: None }.into(),
            (_, 3..=4) => PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }.into(),
            (_, 5) => JourneyClosed { reason: "housed".to_owned(), destination: None }.into(),
            (_, 6) => JourneyReopened { reason: "they came back".to_owned() }.into(),
            (_, 7) => Disengaged { reason: "no_contact".to_owned(), last_seen_on: None }.into(),
            (_, 8) => contact(None, true).into(),
            (_, which) => contact(Some(by), which > 9).into(),
        };
        if let Ok(appended) = fresh.record(Command::record_fact(stream, at, fact.clone())).await {
            recorded.push((appended.events[0].event_id, fact));
        }
    }
    for (target, fact) in recorded {
        let reason = "it was otherwise".to_owned();
        let command = match drawn.below(5) {
            0 => Command::RetractFacts(RetractFacts { stream, targets: vec![target], reason }),
            1 => {
                let occurred = drawn.occurred(begins, 70 - begins);
                Command::CorrectFact(CorrectFact { stream, target, occurred, replacement: fact, reason })
            }
            _ => continue,
        };
        // What others rest upon stays as it is.
        let _ = fresh.record(command).await;
    }
}

#[tokio::test]
async fn counted_tables_say_what_the_dated_ones_say_live_and_rebuilt() {
    let text = include_str!("rulebooks/as_of.toml").replace("CONTRACT", CONTRACT).replace("COUNTS_WHEN", "accepted");
    let rulebook = Rulebook::parse(&text).expect("our own rulebook");
    let scope = Scope::Deployment;
    let scope = scope.contract(CONTRACT).expect("in scope");
    let days: Vec<NaiveDate> = [20, 45, 60, 66, 68, 69, 70, 71, 75, 100, 4_000].map(day).to_vec();
    for dialect in STORES {
        let fresh = Fresh::on(dialect, "2018-03-01T09:00:00Z".parse().expect("an instant")).await;
        open(&fresh, &text).await;
        let mut drawn = Drawn(0x7412_95ab_33c1_0d5f);
        for nth in 0..JOURNEYS {
            tell(&fresh, nth, &mut drawn).await;
        }
        let live = fresh.views.live();
        let held = queries::caseload::by_keyworker(&live, scope, day(100)).await.expect("a board");
        assert!(held.len() > 3 && held.iter().all(|row| row.journeys > 0), "everybody but who left holds some");
        let mut tables = Tables::of(&fresh).await;
        Asked { view: &live, scope, rulebook: &rulebook }.compare(&mut tables, &days).await;
        let told = fresh.views.position_and_digest().await.expect("a digest");
        fresh.views.start_rebuild(fresh.views.right_to_build().await.expect("nobody builds"), Options::default());
        fresh.views.rebuild_ended().await.expect("it is rebuilt");
        assert_eq!(fresh.views.position_and_digest().await.expect("a digest"), told, "{dialect:?}");
        let rebuilt = fresh.views.live();
        let asked = Asked { view: &rebuilt, scope, rulebook: &rulebook };
        asked.compare(&mut Tables::of(&fresh).await, &days).await;
        drop((live, rebuilt));
        fresh.end().await;
    }
}

#[tokio::test]
async fn counted_tables_answer_on_the_newest_day_and_after_it_and_never_before() {
    let text = include_str!("rulebooks/as_of.toml").replace("CONTRACT", CONTRACT).replace("COUNTS_WHEN", "received");
    for dialect in STORES {
        let fresh = Fresh::on(dialect, "2018-03-01T09:00:00Z".parse().expect("an instant")).await;
        open(&fresh, &text).await;
        for nth in 0..2 {
            refer(&fresh, nth, Occurred::on(day(10)), "brent").await;
            let stream = StreamId::journey(JourneyId(id(2, nth)));
            let accept = Command::record_fact(stream, Occurred::on(day(12)), ReferralAccepted {});
            fresh.record(accept).await.expect("it is accepted");
        }
        let stream = StreamId::journey(JourneyId(id(2, 0)));
        let seen = Command::record_fact(stream, Occurred::on(day(20)), contact(None, true));
        let seen = fresh.record(seen).await.expect("it is logged").events[0].event_id;
        let view = fresh.views.live();
        let scope = Scope::Deployment;
        let scope = scope.contract(CONTRACT).expect("in scope");
        // Whoever reads the counted table now is given away.
        Tables::of(&fresh).await.run("update held set journeys = journeys + 100").await;
        let held = async |nth| {
            let rows = queries::caseload::by_keyworker(&view, scope, day(nth)).await.expect("a board");
            rows.iter().map(|row| row.journeys).sum::<u64>()
        };
        assert_eq!([held(11).await, held(12).await, held(19).await], [0, 2, 2], "{dialect:?}");
        assert_eq!([held(20).await, held(21).await, held(4_000).await], [102; 3], "{dialect:?}");
        let never = RetractFacts { stream, targets: vec![seen], reason: "it never was".to_owned() };
        fresh.record(Command::RetractFacts(never)).await.expect("it is retracted");
        assert_eq!([held(11).await, held(12).await, held(19).await], [0, 102, 102], "{dialect:?}");
        fresh.end().await;
    }
}
