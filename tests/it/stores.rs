//! A fresh log for each test, on each of the two stores.
//!
//! `SQLite` in a temporary directory, Postgres in a schema of its own. It never falls back to one store alone.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use throughline::access::{Principal, Role, Scope};
use throughline::clock::{Chance, Clock};
use throughline::evidence::EvidenceFiles;
use throughline::jobs::ImportJobs;
use throughline::keys::{KeyPlaces, KeyStore, KeysOf};
use throughline::log::Log;
use throughline::log::append::{Appended, Expected};
use throughline::outbox::addresses::Reach;
use throughline::outbox::{self, Outbox};
use throughline::record::{CommandRequest, RecordError, Recorder};
use throughline::search::PeopleSearch;
use throughline::store::{Dialect, Mode, Store};
use throughline::views::Views;
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::CommandId;
use throughline_domain::fact::refusal::Refusal;
use throughline_domain::fact::refusal::RefusalCode;

use crate::wait::PATIENCE;

/// The variable that names a Postgres server on which tests may create schemas.
const SERVER: &str = "THROUGHLINE_TEST_POSTGRES";

/// A service over an empty log, with a clock that stands until it is set.
pub(crate) struct Fresh {
    pub(crate) log: Log,
    pub(crate) views: Views,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Arc<Clock>,
    /// The keys of people; away, unless a test asks for them.
    pub(crate) keys: KeyStore,
    key_folder: Option<tempfile::TempDir>,
    /// The search for people; it finds nobody, unless a test asks for keys.
    pub(crate) search: PeopleSearch,
    /// Webhooks, to receivers on this machine too.
    pub(crate) outbox: Outbox,
    /// The imports of other systems: none are taken, unless a test gives them a folder.
    pub(crate) imports: ImportJobs,
    pub(crate) evidence: EvidenceFiles,
    /// The folder of the evidence store.
    pub(crate) files: tempfile::TempDir,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    place: Place,
}

/// Where a store is, so that it goes when the test is over.
pub(crate) struct Place {
    url: String,
    kind: Kind,
}

enum Kind {
    Directory { _held: tempfile::TempDir },
    Schema { server: String, name: String },
}

/// The terms under which tests send webhooks: to this machine, and without much patience.
pub(crate) const WEBHOOKS: outbox::Terms =
    outbox::Terms { reach: Reach::Private, patience: Duration::from_secs(2), at_once: 8 };

/// The two stores.
pub(crate) const STORES: [Dialect; 2] = [Dialect::Sqlite, Dialect::Postgres];

impl Fresh {
    /// A service over an empty log on this store, at this instant.
    pub(crate) async fn on(dialect: Dialect, now: DateTime<Utc>) -> Self {
        let place = Place::on(dialect).await;
        let store = Arc::new(Store::open(place.url(), Mode::Write).await.expect("the store opens"));
        let log = Log::open(store).await.expect("the log opens");
        let views = Views::open(log.clone(), throughline::queries::statements).await.expect("the view opens");
        let clock = Arc::new(Clock::standing_at(now));
        let started = Recorder::start(log.clone(), views.clone(), Arc::clone(&clock), Arc::new(Chance::System));
        let (recorder, appender) = started.await.expect("the recorder starts");
        let keeper = tokio::spawn(views.clone().keep_up());
        let (keys, tasks) = (KeyStore::none(), vec![appender, keeper]);
        let outbox = Outbox::of(&log, &views, &clock).under(WEBHOOKS);
        let imports = ImportJobs::of(&log, &views, &clock);
        let files = tempfile::tempdir().expect("a temporary directory");
        let evidence = evidence_in(&files, &log, &keys, &clock);
        evidence.prepare().await.expect("the store understands the statements");
        let search = PeopleSearch::of(&log, &keys);
        Self {
            log,
            views,
            recorder,
            clock,
            keys,
            key_folder: None,
            search,
            evidence,
            files,
            outbox,
            imports,
            tasks,
            place,
        }
    }

    /// The same with a key store, whose key-encryption key is in a folder of its own.
    pub(crate) async fn with_keys(dialect: Dialect, now: DateTime<Utc>) -> Self {
        let fresh = Self::on(dialect, now).await;
        let folder = tempfile::tempdir().expect("a temporary directory");
        let fresh = Self { key_folder: Some(folder), ..fresh };
        let keys = fresh.open_keys(KeysOf::NewLog).await;
        assert_eq!(keys.why_away(), None);
        let evidence = evidence_in(&fresh.files, &fresh.log, &keys, &fresh.clock);
        let search = PeopleSearch::of(&fresh.log, &keys);
        let recorder = fresh.recorder.clone().sealing_with(keys.clone()).looking_in(search.clone());
        let mut fresh = Self { recorder, keys, search, evidence, ..fresh };
        fresh.tasks.push(tokio::spawn(fresh.search.clone().keep_up()));
        fresh
    }

    /// Where the keys are, and what wraps them.
    pub(crate) fn key_places(&self) -> KeyPlaces {
        let folder = self.key_folder.as_ref().expect("a log with keys");
        KeyPlaces { keys: None, kek_file: Some(folder.path().join("test.kek")), kek: None }
    }

    /// The key store of the log, opened once more.
    pub(crate) async fn open_keys(&self, of: KeysOf) -> KeyStore {
        KeyStore::open(self.log.store(), &self.key_places(), of, Arc::clone(&self.clock)).await
    }

    /// Records a command as somebody who may, and waits until the view shows it.
    pub(crate) async fn record(&self, command: Command) -> Result<Appended, Vec<Refusal>> {
        let role = if matches!(command, Command::OpenContract(_) | Command::PublishRulebook(_)) {
            Role::Administrator
        } else {
            Role::Manager
        };
        let instruction = CommandRequest {
            // Whoever tells a story has looked twice.
            accept_warnings: RefusalCode::WARNINGS.iter().map(|code| code.as_str().to_owned()).collect(),
            dry_run: false,
            principal: Principal { subject: "tester".to_owned(), role, scope: Scope::Deployment },
            command_id: CommandId(Chance::System.id_at(self.clock.now())),
            body: Vec::new(),
            expected: Expected::Any,
            source: None,
            command,
        };
        match self.recorder.record(instruction).await {
            Ok(done) => {
                let newest = done.appended.position();
                assert!(done.shown || self.views.passed(newest, PATIENCE).await, "the view does not follow the log");
                Ok(done.appended)
            }
            Err(RecordError::Refused(refusals)) => Err(refusals),
            Err(fault) => panic!("the command failed: {fault:?}"),
        }
    }

    /// Where the store is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> &str {
        self.place.url()
    }

    /// Ends the service and removes its store.
    pub(crate) async fn end(self) {
        for task in &self.tasks {
            task.abort();
        }
        self.views.live().close().await;
        self.keys.close().await;
        self.log.store().close().await;
        self.place.remove().await;
    }
}

impl Place {
    /// A place for a new store.
    pub(crate) async fn on(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => directory(),
            Dialect::Postgres => Self::at(Self::server()).await,
        }
    }

    /// The Postgres server that the tests run on.
    pub(crate) fn server() -> String {
        std::env::var(SERVER)
            .unwrap_or_else(|_| panic!("{SERVER} names no Postgres server: run the tests by `tests/with-postgres`"))
    }

    /// A schema for a new store on this Postgres server.
    pub(crate) async fn at(server: String) -> Self {
        let name = format!("t_{:032x}", u128::from_be_bytes(Chance::System.bytes()));
        let mut conn = PgConnection::connect(&server).await.expect("the server answers");
        conn.execute(AssertSqlSafe(format!("create schema {name}"))).await.expect("a schema of its own");
        let joint = if server.contains('?') { '&' } else { '?' };
        // The name of the application tells the sessions of one test from those of another.
        let url = format!("{server}{joint}options[search_path]={name}&application_name={name}");
        Self { url, kind: Kind::Schema { server, name } }
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The file that it is, on `SQLite`.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.url.strip_prefix("sqlite:").map(std::path::Path::new)
    }

    /// Removes what is there.
    pub(crate) async fn remove(self) {
        if let Kind::Schema { server, name } = self.kind {
            let mut conn = PgConnection::connect(&server).await.expect("the server answers");
            let schemas = "select nspname::text from pg_namespace where nspname in ($1, $1 || '_keys') or \
                 starts_with(nspname, $1 || '_g')";
            let schemas: Vec<(String,)> =
                sqlx::query_as(schemas).bind(&name).fetch_all(&mut conn).await.expect("the schemas are listed");
            for (schema,) in schemas {
                // The service may be removing a view of its own at that moment.
                let drop = format!("drop schema if exists \"{schema}\" cascade");
                conn.execute(AssertSqlSafe(drop)).await.expect("the schema goes");
            }
        }
    }
}

/// The files of evidence of a log, in a folder.
fn evidence_in(folder: &tempfile::TempDir, log: &Log, keys: &KeyStore, clock: &Arc<Clock>) -> EvidenceFiles {
    let files = EvidenceFiles::beside(log.store(), keys.clone(), Arc::clone(clock));
    files.at(&format!("file://{}", folder.path().display())).expect("a folder")
}

fn directory() -> Place {
    let held = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", held.path().join("log.db").display());
    Place { url, kind: Kind::Directory { _held: held } }
}
