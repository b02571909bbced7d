//! The test world at work: a contract, cases and contacts in any number, and what they leave in the log.
//!
//! Every choice follows from one seed, which is printed, and taken from `THROUGHLINE_TEST_SEED` where that is set.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use throughline::access::{Principal, Role, Scope};
use throughline::clock::Chance;
use throughline::log::Log;
use throughline::log::append::Expected;
use throughline::record::{CommandRequest, Recorder};
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{CommandId, Envelope, JourneyId, Occurred, Position, StreamId, SubjectId};
use throughline_domain::fact::event::{
    ContactLogged, Event, ReferralAccepted, ReferralReceived, SubjectKind, SubjectRegistered,
};
use throughline_domain::world;
use uuid::Uuid;

use crate::stores::Place;

/// The seed of a run, where it is to be repeated.
const SEED: &str = "THROUGHLINE_TEST_SEED";
/// The contract that all of it is in.
pub(crate) const CONTRACT: &str = "shps";

/// Whether the longer runs are asked for.
pub(crate) fn is_full() -> bool {
    std::env::var_os("THROUGHLINE_TEST_FULL").is_some_and(|full| !full.is_empty() && full != "0")
}

/// The moment at which a test's clock stands.
pub(crate) fn now() -> DateTime<Utc> {
    "2018-02-01T09:00:00Z".parse().expect("an instant")
}

/// The day on which everything happens.
const DAY: &str = "2018-01-15";

/// The same as a date.
pub(crate) fn day() -> NaiveDate {
    world::day(DAY)
}

/// A caller with this role, for the whole deployment.
pub(crate) fn principal(role: Role) -> Principal {
    Principal { subject: "tester".to_owned(), role, scope: Scope::Deployment }
}

/// Where commands, ids and chance come from.
pub(crate) struct Field {
    chance: Chance,
}

impl Field {
    /// A field of its own for a test.
    pub(crate) fn of(test: &str) -> Self {
        let given = std::env::var(SEED).ok().map(|seed| seed.parse().expect("a seed is a whole number"));
        let seed = given.unwrap_or_else(|| u64::from_be_bytes(Chance::System.bytes()));
        eprintln!("{test}: {SEED}={seed}");
        Self { chance: Chance::seeded(seed) }
    }

    /// A new id.
    pub(crate) fn id(&self) -> Uuid {
        self.chance.id_at(now())
    }

    /// A number below another.
    pub(crate) fn below(&self, end: u64) -> u64 {
        u64::from_be_bytes(self.chance.bytes()) % end
    }

    /// A command with an id of its own, from somebody who may.
    pub(crate) fn instruct(&self, command: Command) -> CommandRequest {
        let role = if matches!(command, Command::OpenContract(_) | Command::PublishRulebook(_)) {
            Role::Administrator
        } else {
            Role::Manager
        };
        CommandRequest {
            accept_warnings: throughline_domain::fact::refusal::RefusalCode::WARNINGS
                .iter()
                .map(|code| code.as_str().to_owned())
                .collect(),
            dry_run: false,
            principal: principal(role),
            command_id: CommandId(self.id()),
            body: Vec::new(),
            expected: Expected::Any,
            source: None,
            command,
        }
    }

    /// A contact with the client of a journey.
    pub(crate) fn contact(&self, journey: JourneyId) -> CommandRequest {
        let fact = ContactLogged { minutes: Some(15), worker: None, ..world::contact() };
        self.instruct(dated(journey, fact))
    }

    /// A subject who becomes known: the smallest command there is.
    pub(crate) fn subject(&self) -> CommandRequest {
        self.instruct(Command::record_fact(
            StreamId::subject(SubjectId(self.id())),
            Occurred::on(day()),
            SubjectRegistered { kind: SubjectKind::Person },
        ))
    }

    /// Opens the contract and takes on so many clients.
    pub(crate) async fn journeys(&self, recorder: &Recorder, count: usize) -> Vec<JourneyId> {
        let fact = world::opened(CONTRACT, DAY);
        let contract = world::open(Occurred::on(day()), fact, pack(CONTRACT).expect("it ships").text);
        recorder.append(self.instruct(contract)).await.expect("the contract opens");
        self.further_journeys(recorder, count).await
    }

    /// Takes on so many more clients.
    pub(crate) async fn further_journeys(&self, recorder: &Recorder, count: usize) -> Vec<JourneyId> {
        let journeys: Vec<JourneyId> = (0..count).map(|_| JourneyId(self.id())).collect();
        let began = journeys.iter().map(|journey| self.begin(recorder, *journey));
        join_all(began).await;
        journeys
    }

    async fn begin(&self, recorder: &Recorder, journey: JourneyId) {
        let fact = ReferralReceived { subject: SubjectId(self.id()), ..world::referral() };
        let referral = world::refer(journey, CONTRACT, Occurred::on(day()), Some(SubjectKind::Person), fact);
        let accepted = dated(journey, ReferralAccepted {});
        for command in [referral, accepted] {
            recorder.append(self.instruct(command)).await.expect("the client is taken on");
        }
    }
}

fn dated(journey: JourneyId, fact: impl Into<Event>) -> Command {
    Command::record_fact(StreamId::journey(journey), Occurred::on(day()), fact)
}

/// The whole log, read page by page.
pub(crate) async fn whole(log: &Log) -> Vec<Envelope> {
    let mut events: Vec<Envelope> = Vec::new();
    loop {
        let after = events.last().map_or(Position::default(), |event| event.position);
        let page = log.page(after, Position(i64::MAX)).await.expect("the log is read");
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

/// Positions from 1 and every stream's versions from 1, none missing and none twice.
pub(crate) fn assert_gapless(events: &[Envelope]) {
    let mut versions: std::collections::HashMap<StreamId, i64> = std::collections::HashMap::new();
    for (expected, event) in (1..).zip(events) {
        assert_eq!(event.position, Position(expected), "positions leave none out");
        let version = versions.entry(event.stream).or_default();
        *version += 1;
        assert_eq!(event.version, *version, "versions of {} leave none out", event.stream);
    }
}

/// Every record, hash, column and command is as it was written.
pub(crate) async fn assert_verified(log: &Log) {
    let readable = |event: &Envelope| Recorded::decode(event).map(drop).map_err(Into::into);
    let verified = log.verify(readable).await.expect("the log is read");
    assert_eq!(verified.findings, [], "the log is as it was written");
}

/// A connection to the same database beside the program.
pub(crate) enum RawDb {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl RawDb {
    /// Connects beside the program.
    pub(crate) async fn at(place: &Place) -> Self {
        let url = place.url();
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(url).await.expect("the file opens"))
        } else {
            let url = url.replace("application_name=t_", "application_name=raw_db_");
            Self::Postgres(PgConnection::connect(&url).await.expect("the server answers"))
        }
    }

    /// Runs statements.
    pub(crate) async fn run(&mut self, sql: &str) {
        self.try_run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Runs statements, which may fail.
    pub(crate) async fn try_run(&mut self, sql: &str) -> sqlx::Result<()> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(conn) => conn.execute(sql).await.map(drop),
            Self::Postgres(conn) => conn.execute(sql).await.map(drop),
        }
    }

    /// The numbers of the generations that have a schema, on Postgres.
    pub(crate) async fn generations(&mut self) -> Vec<i64> {
        let Self::Postgres(conn) = self else { panic!("only Postgres has schemas") };
        let named = "select substr(nspname::text, length(current_schema()) + 3)::bigint from pg_namespace \
                     where starts_with(nspname, current_schema() || '_g')";
        let rows: Vec<(i64,)> = sqlx::query_as(named).fetch_all(conn).await.expect("the schemas are listed");
        rows.into_iter().map(|(number,)| number).collect()
    }

    /// The number of the live view.
    pub(crate) async fn live_view(&mut self) -> i64 {
        let live = "select generation from live_view";
        let live: sqlx::Result<(i64,)> = match self {
            Self::Sqlite(conn) => sqlx::query_as(live).fetch_one(conn).await,
            Self::Postgres(conn) => sqlx::query_as(live).fetch_one(conn).await,
        };
        live.expect("there is one").0
    }

    /// How many of the program's sessions stand in a transaction, on Postgres; their last statement says what they did.
    pub(crate) async fn sessions(&mut self, place: &Place, state: &str) -> Vec<String> {
        let Self::Postgres(conn) = self else { panic!("only Postgres has sessions") };
        let (_, name) = place.url().rsplit_once("application_name=").expect("a test has its own name");
        let sessions = "select query from pg_stat_activity where application_name = $1 and state like $2";
        let rows: Vec<(String,)> =
            sqlx::query_as(sessions).bind(name).bind(state).fetch_all(conn).await.expect("the sessions are listed");
        rows.into_iter().map(|(query,)| query).collect()
    }
}
