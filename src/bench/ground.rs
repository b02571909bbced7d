//! The places where a run creates its logs. They are deleted after the run, unless the generated logs are to be kept.
//!
//! Files are created in a directory. On Postgres each log gets a schema. It never touches a schema that it has not
//! named itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use tempfile::TempDir;

use super::generate::{Generated, SEED, SHAPE};
use super::report::{Size, rate};
use super::{Asked, generate, load};
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::import::read::Format;
use crate::log::Log;
use crate::log::restore::Order;
use crate::store::{Dialect, Mode, Store};
use throughline_domain::fact::envelope::Position;

/// The resources of a run.
#[derive(Debug)]
pub struct Ground {
    asked: Asked,
    scratch: TempDir,
    /// Schemas to drop when the run ends.
    schemas: Mutex<Vec<String>>,
}

/// A place for one log.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The URL of its database.
    pub(super) url: String,
    /// Its file, on `SQLite`.
    pub(super) file: PathBuf,
    /// Its schema, on Postgres.
    pub(super) schema: String,
}

impl Ground {
    /// Prepares a run.
    pub fn prepare(asked: Asked) -> io::Result<Self> {
        std::fs::create_dir_all(&asked.directory)?;
        let scratch = TempDir::with_prefix_in("throughline-bench-", &asked.directory)?;
        Ok(Self { asked, scratch, schemas: Mutex::default() })
    }

    /// Deletes what the run has created and need not keep.
    pub async fn clear(self) -> Result<()> {
        let schemas = self.schemas.into_inner().expect("no panic while holding it");
        let Some(server) = self.asked.postgres.filter(|_| !schemas.is_empty()) else { return Ok(()) };
        // A process of an interrupted run may still use a schema. Do not wait for it without limit.
        let mut conn = options(&server)?.options([("lock_timeout", "30s")]).connect().await?;
        for schema in schemas {
            drop_all_of(&mut conn, &schema).await?;
        }
        Ok(())
    }

    /// The stores to measure on.
    pub(super) fn stores(&self) -> Vec<Dialect> {
        self.asked.stores.clone()
    }

    /// The number of rounds that count.
    pub(super) fn rounds(&self) -> usize {
        self.asked.rounds
    }

    /// The number of journeys for the requested number of events, or for this default.
    pub(super) fn journeys(&self, events: u64) -> u64 {
        (self.asked.events.unwrap_or(events) / generate::EVENTS_EACH).max(1)
    }

    /// The number of rows to import: as requested, or this default.
    pub(super) fn rows(&self, default: u64) -> u64 {
        self.asked.rows.unwrap_or(default)
    }

    /// Whether imports of this format are measured.
    pub(super) fn measures(&self, format: Format) -> bool {
        self.asked.formats.is_empty() || self.asked.formats.contains(&format)
    }

    /// A file of this run with this name.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The connection options of the Postgres server.
    pub(super) fn server(&self) -> Result<PgConnectOptions> {
        options(self.asked.postgres.as_deref().context("no Postgres server was given")?)
    }

    /// A place for a new log.
    pub(super) async fn empty(&self, store: Dialect) -> Result<Place> {
        let name = format!("bench_{:032x}", u128::from_be_bytes(Chance::System.bytes()));
        self.place(store, &name, Lasting::Run).await
    }

    /// A place with a generated log of this many journeys.
    pub(super) async fn log_of(&self, store: Dialect, journeys: u64) -> Result<Place> {
        let (name, lasting) = if self.asked.keep {
            (format!("bench_{journeys}_v{SHAPE}"), Lasting::Kept)
        } else {
            // Other runs on the same server have other names.
            let run = self.scratch.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            (format!("{}_{journeys}", run.replace('-', "_")), Lasting::Run)
        };
        let place = self.place(store, &name, lasting).await?;
        self.generate_log(store, &place, journeys).await?;
        Ok(place)
    }

    /// A place with a generated log of this many journeys that no other run uses.
    pub(super) async fn log_of_this_run(&self, store: Dialect, journeys: u64) -> Result<Place> {
        let place = self.empty(store).await?;
        self.generate_log(store, &place, journeys).await?;
        Ok(place)
    }

    /// Opens the deployment of a generated log, with a clock at the end of its last day.
    pub(super) async fn deployed(&self, place: &Place) -> Result<Deployment> {
        let clock = Arc::new(Clock::going_on_from(generate::continues_at()));
        let began = Instant::now();
        let deployment = Deployment::open(&place.url, clock, Arc::new(Chance::System)).await?;
        tracing::info!(seconds = began.elapsed().as_secs(), "the log is open, with a view");
        Ok(deployment)
    }

    async fn place(&self, store: Dialect, name: &str, lasting: Lasting) -> Result<Place> {
        let folder: &Path = if lasting == Lasting::Kept { &self.asked.directory } else { self.scratch.path() };
        let file = folder.join(format!("{name}.db"));
        if store == Dialect::Sqlite {
            return Ok(Place { url: format!("sqlite:{}", file.display()), file, schema: String::new() });
        }
        let server = self.asked.postgres.as_deref().context("no Postgres server was given")?;
        let mut schemas = vec![name.to_owned()];
        schemas.retain(|_| lasting == Lasting::Run);
        self.schemas.lock().expect("no panic while holding it").append(&mut schemas);
        let mut conn = options(server)?.connect().await.context("cannot reach the Postgres server: see --postgres")?;
        conn.execute(AssertSqlSafe(format!("create schema if not exists {name}"))).await?;
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={name}");
        Ok(Place { url, file, schema: name.to_owned() })
    }

    /// Generates the log, unless it exists from an earlier run.
    async fn generate_log(&self, store: Dialect, place: &Place, journeys: u64) -> Result<()> {
        let (began, events) = (Instant::now(), Generated::events(journeys));
        let is_new = match store {
            Dialect::Sqlite if place.file.exists() => false,
            Dialect::Sqlite => {
                load::into_file(&place.file, Generated::of(journeys, SEED)).await?;
                true
            }
            Dialect::Postgres => self.generated_in_postgres(place, journeys).await?,
        };
        if is_new {
            let per_second = rate(events, began.elapsed()).round();
            tracing::info!(events, per_second, "generated a log");
        }
        Ok(())
    }

    /// Loads the log into its schema in one transaction, like a restore. Returns `false` if it exists.
    async fn generated_in_postgres(&self, place: &Place, journeys: u64) -> Result<bool> {
        let log = Log::open(Arc::new(Store::open(&place.url, Mode::Write).await?)).await?;
        let is_new = log.head().await?.position == Position::default();
        if is_new {
            let mut order = Order::default();
            let story = Generated::of(journeys, SEED).map(|event| order.admit(event));
            log.load(&Chance::seeded(SEED), story).await.map_err(|error| anyhow!("cannot load: {error:?}"))?;
        }
        log.store().close().await;
        if is_new {
            let options = self.server()?.options([("search_path", &place.schema)]);
            options.connect().await?.execute("vacuum analyze events, commands").await?;
        }
        Ok(is_new)
    }
}

/// How long the created data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// Until the end of the run.
    Run,
    /// For later runs too.
    Kept,
}

/// The size of a generated log.
pub(super) const fn size(journeys: u64) -> Size {
    Size { journeys, events: Generated::events(journeys) }
}

fn options(server: &str) -> Result<PgConnectOptions> {
    server.parse().context("give the Postgres server as a URL, such as postgres://me@localhost/test")
}

/// Drops a schema, the schemas of its generations and all others with the same prefix.
async fn drop_all_of(conn: &mut PgConnection, schema: &str) -> Result<()> {
    let named = "select nspname::text from pg_namespace where nspname = $1 or starts_with(nspname, $1 || '_')";
    let found: Vec<(String,)> = sqlx::query_as(named).bind(schema).fetch_all(&mut *conn).await?;
    for (name,) in found {
        conn.execute(AssertSqlSafe(format!("drop schema \"{name}\" cascade"))).await?;
    }
    Ok(())
}
