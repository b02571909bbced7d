//! The two stores behind one type: connection pools, migration, and statements that both understand.
//!
//! It knows how to reach a database, but not its content: no table is named here.

mod apart;
mod check;
mod columns;
mod frozen;
mod grants;
mod growth;
mod leases;
mod migrations;
mod pg_copy;
mod room;
mod session;
mod sessions;
mod sqlite;
mod wal;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _, Sqlite, SqlitePool};

pub(crate) use apart::{Apart, IfMissing, PlaceApart, read_only_file};
pub use check::is_corrupt;
pub(crate) use check::{check_postgres, findings};
pub(crate) use frozen::look_at;
pub(crate) use growth::Growth;
use leases::Leases;
pub(crate) use leases::{Lease, SoleImporter, SoleSender};
pub(crate) use pg_copy::CopyDecoder;
pub use session::Session;
pub use sessions::Sessions;
pub(crate) use sqlite::{VIEW, sqlite_pools};
pub(crate) use wal::is_failed_disk;

/// Runs one Rust body on either store. The body is compiled once for each store.
macro_rules! on {
    ($store:expr, $db:ident => $body:expr) => {
        match $store {
            $crate::store::On::Sqlite($db) => $body,
            $crate::store::On::Postgres($db) => $body,
        }
    };
}
pub(crate) use columns::columns;
pub(crate) use on;

/// A value with a different type for each store.
#[derive(Debug, Clone)]
pub enum On<L, P> {
    /// On `SQLite`.
    Sqlite(L),
    /// On Postgres.
    Postgres(P),
}

/// A connection pool.
pub type Pool = On<SqlitePool, Sessions>;
/// One connection taken from a pool.
pub type Conn = On<PoolConnection<Sqlite>, Session>;

/// The kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `SQLite`.
    Sqlite,
    /// Postgres.
    Postgres,
}

impl<L, P> On<L, P> {
    /// The kind of database.
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

/// One statement, with one text for both stores and `$1` binds.
///
/// A set is bound as JSON text and unpacked by a marker that differs between stores: `{uuids $n}`, a set of UUIDs for
/// `in`, `{texts $n}`, a set of texts, `{streams $n}`, rows of (kind, id, version), `{commands $n}`, rows of (actor, id),
/// `{pairs $n}`, rows of (one, other), two UUIDs, and `{spans $n}`, rows of (`first_on`, `last_on`), each with its number
/// from 0 as nth.
///
/// A column that may hold damaged values is read without trusting its type: `{raw_text c}`, `{raw_uuid c}`, `{raw_date
/// c}`, `{raw_instant c}` and `{raw_bytes c}` give bytes or null, `{raw_int c}` a whole number or null.
///
/// `{clock c}` is the database's current time as a column, null if the database has no clock of its own.
#[derive(Debug)]
pub struct Sql {
    text: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Sql {
    /// A statement with this text.
    pub const fn new(text: &'static str) -> Self {
        Self { text, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// The text for this database.
    pub fn text(&'static self, dialect: Dialect) -> &'static str {
        let cell = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        cell.get_or_init(|| unfold(self.text, dialect))
    }
}

fn unfold(text: &str, dialect: Dialect) -> String {
    let mut unfolded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (marker, after) = after.split_once('}').expect("a marker in a statement is closed");
        let (set, bind) = marker.split_once(' ').expect("a marker names a set and its bind");
        unfolded.push_str(before);
        unfolded.push_str(&words(set, bind, dialect));
        rest = after;
    }
    unfolded.push_str(rest);
    unfolded
}

/// The text that replaces a marker on one store.
fn words(set: &str, bind: &str, dialect: Dialect) -> String {
    match (set, dialect) {
        ("uuids", Dialect::Sqlite) => format!("(select unhex(value, '-') from json_each({bind}))"),
        ("uuids", Dialect::Postgres) => format!("(select value::uuid from json_array_elements_text({bind}::json))"),
        ("texts", Dialect::Sqlite) => format!("(select value from json_each({bind}))"),
        ("texts", Dialect::Postgres) => format!("(select value from json_array_elements_text({bind}::json))"),
        ("streams", Dialect::Sqlite) => format!(
            "(select value ->> 0 as kind, unhex(value ->> 1, '-') as id, value ->> 2 as version from json_each({bind}))"
        ),
        ("streams", Dialect::Postgres) => format!(
            "(select value ->> 0 as kind, (value ->> 1)::uuid as id, (value ->> 2)::bigint as version \
             from json_array_elements({bind}::json))"
        ),
        ("commands", Dialect::Sqlite) => {
            format!("(select value ->> 0 as actor, unhex(value ->> 1, '-') as id from json_each({bind}))")
        }
        ("commands", Dialect::Postgres) => {
            format!("(select value ->> 0 as actor, (value ->> 1)::uuid as id from json_array_elements({bind}::json))")
        }
        ("pairs", Dialect::Sqlite) => {
            format!("(select unhex(value ->> 0, '-') as one, unhex(value ->> 1, '-') as other from json_each({bind}))")
        }
        ("pairs", Dialect::Postgres) => format!(
            "(select (value ->> 0)::uuid as one, (value ->> 1)::uuid as other from json_array_elements({bind}::json))"
        ),
        ("spans", Dialect::Sqlite) => {
            format!("(select key as nth, value ->> 0 as first_on, value ->> 1 as last_on from json_each({bind}))")
        }
        ("spans", Dialect::Postgres) => format!(
            "(select nth - 1 as nth, (value ->> 0)::date as first_on, (value ->> 1)::date as last_on \
             from json_array_elements({bind}::json) with ordinality as span (value, nth))"
        ),
        ("clock", Dialect::Sqlite) => format!("null as {bind}"),
        ("clock", Dialect::Postgres) => format!("clock_timestamp() as {bind}"),
        ("raw_int", Dialect::Sqlite) => format!("cast({bind} as integer)"),
        ("raw_int" | "raw_bytes", Dialect::Postgres) => bind.to_owned(),
        ("raw_text" | "raw_uuid" | "raw_date" | "raw_instant" | "raw_bytes", Dialect::Sqlite) => {
            format!("cast({bind} as blob)")
        }
        ("raw_text", Dialect::Postgres) => format!("convert_to({bind}, 'UTF8')"),
        ("raw_uuid", Dialect::Postgres) => format!("uuid_send({bind})"),
        ("raw_date", Dialect::Postgres) => format!("convert_to(to_char({bind}, 'YYYY-MM-DD'), 'UTF8')"),
        ("raw_instant", Dialect::Postgres) => {
            format!("convert_to(to_char({bind} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'UTF8')")
        }
        _ => panic!("a statement names an unknown marker {set:?}"),
    }
}

/// What a process will do with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Append, project and rebuild: on `SQLite` one process at a time, on Postgres several.
    Write,
    /// Only read. A process must have opened the store for writing before.
    Read,
}

/// An open store: the log's pools, and the means to open a generation's pools.
#[derive(Debug)]
pub struct Store {
    /// For the append task only.
    pub(crate) writer: Pool,
    /// For all code that reads the log.
    pub(crate) reader: Pool,
    place: Place,
    mode: Mode,
    /// Whether opening it created the file.
    is_made: bool,
    /// Held while this process may write to an `SQLite` file.
    claim: Mutex<Option<File>>,
    /// Held while a view is built in this process.
    building: Arc<tokio::sync::Mutex<()>>,
    leases: Arc<Leases>,
    growth: Arc<Growth>,
}

/// The right to build and switch views. One process of all has it at a time. It ends when it is dropped.
#[derive(Debug)]
pub struct SoleBuilder {
    _here: tokio::sync::OwnedMutexGuard<()>,
    session: Option<PgConnection>,
}

impl SoleBuilder {
    /// Gives the right back at once. If it is only dropped, the database notices a moment later.
    pub(crate) async fn release(self) {
        if let Some(session) = self.session {
            // A broken session has already given the right back.
            let _ = session.close().await;
        }
    }
}

/// The place of the store, as far as needed to open more of it.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Sqlite { path: PathBuf },
    Postgres { options: Box<PgConnectOptions>, schema: String },
}

/// Whether a cause of an error is that the store is locked, full or out of reach. Then the request was correct and may
/// be repeated.
pub fn is_outage(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<sqlx::Error>() {
        return match error {
            sqlx::Error::Database(database_error) => database_error.code().is_some_and(|code| is_outage_code(&code)),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                true
            }
            _ => false,
        };
    }
    if let Some(rusqlite::Error::SqliteFailure(database_error, _)) = error.downcast_ref() {
        return is_outage_of_sqlite(database_error.extended_code);
    }
    let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
    error.downcast_ref::<std::io::Error>().is_some_and(|error| full.contains(&error.kind()))
}

/// Whether the error means that another process holds the `SQLite` file.
fn is_locked(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// The code as the database gives it: a number from `SQLite`, five characters from Postgres.
fn is_outage_code(code: &str) -> bool {
    if let (true, Ok(number)) = (code.len() < 5, code.parse()) {
        return is_outage_of_sqlite(number);
    }
    // Classes: connections, resources, operator intervention, disk errors, lock timeouts, standby servers, and
    // transactions that were idle too long.
    ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class))
        || matches!(code, "55P03" | "40001" | "40P01" | "25006" | "25P03" | "57014")
}

/// Busy, locked, out of memory, read-only, disk error, full, cannot be opened, with any extended code.
const fn is_outage_of_sqlite(code: i32) -> bool {
    matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14)
}

/// An error in opening or using a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is neither of `SQLite` nor of Postgres.
    #[error("cannot read the database URL {0:?}: use sqlite:FILE or postgres://USER@HOST/DATABASE")]
    Url(String),
    /// Another process has the file open for writing.
    #[error("{} is open for writing in another process: stop it, or use the mutations of its GraphQL API", .0.display())]
    Claimed(PathBuf),
    /// Another program holds a lock on the file, such as the `SQLite` shell.
    #[error("{} is locked by another process: stop that process, or wait, and try again", .0.display())]
    Locked(PathBuf),
    /// The lock file could not be locked.
    #[error("cannot claim {}", path.display())]
    Claim {
        /// The lock file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// There is no database yet.
    #[error(
        "there is no Throughline database at {0}: create it with `throughline contract open` or `throughline demo`"
    )]
    Missing(String),
    /// Postgres stores text in another encoding.
    #[error("the Postgres database has the encoding {0}: create a database with encoding UTF8")]
    Encoding(String),
    /// The connection's search path names no existing schema.
    #[error("the connection's search_path names no existing schema: create the schema first")]
    Schema,
    /// The schema could not be brought up to date.
    #[error("cannot migrate the database {place}")]
    Migrate {
        /// The database.
        place: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The newest events cannot be read because the folder is read-only.
    #[error(
        "{}-wal holds the newest events and cannot be read in a read-only folder: copy both files to a folder where \
            you may write, and use the copy", .0.display()
    )]
    CutOff(PathBuf),
    /// The log does not exist, but a view of it does.
    #[error(
        "there is no Throughline database at {}, but {} is a view of it: the log was lost. Find the log, or restore a \
            backup; do not open a contract", log.display(), view.display()
    )]
    Lost {
        /// The place of the missing log.
        log: PathBuf,
        /// The view.
        view: PathBuf,
    },
    /// The database returned an error.
    #[error("cannot {doing}")]
    Database {
        /// The operation that failed.
        doing: &'static str,
        /// The database's error.
        source: sqlx::Error,
    },
    /// `SQLite` returned an error to code that bypasses the pools for speed.
    #[error("cannot {doing}")]
    Sqlite {
        /// The operation that failed.
        doing: &'static str,
        /// `SQLite`'s error.
        source: rusqlite::Error,
    },
}

/// Adds the operation to a database error.
pub(crate) fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { doing, source }
}

/// The role of serving connections on Postgres.
pub(crate) const APP_ROLE: &str = "throughline_app";
/// The number of connections that write: one in use, and one to replace it.
const WRITERS: u32 = 2;
/// The number of connections that read.
const READERS: u32 = 8;
/// The number of prepared statements that an `SQLite` connection caches.
const STATEMENTS_KEPT: usize = 256;
/// The most rows in one statement, within the stores' limits on binds.
const ROWS_PER_STATEMENT: usize = 1_024;

impl Store {
    /// Opens the store at a database URL. For writing, brings its schema up to date first.
    pub async fn open(url: &str, mode: Mode) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Url(without_password(url)))?;
            Self::open_postgres(options, mode).await
        } else if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(|_| StoreError::Url(url.to_owned()))?;
            Self::open_sqlite(options.get_filename(), mode).await
        } else {
            Err(StoreError::Url(without_password(url)))
        }
    }

    /// Returns an error if there is no store at a URL, because opening it for writing would create one.
    pub fn must_exist(url: &str) -> Result<(), StoreError> {
        // Only a `sqlite:` URL names a file: sqlx would accept any text as a file name.
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url));
        let Some(Ok(options)) = options else { return Ok(()) };
        let path = options.get_filename();
        sqlite::must_be_there(path)
    }

    /// Whether this user may write to the file that a URL names. Other databases are asked when they are opened.
    pub fn may_write(url: &str) -> bool {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url));
        let Some(Ok(options)) = options else { return true };
        frozen::may_write(options.get_filename())
    }

    async fn open_postgres(options: PgConnectOptions, mode: Mode) -> Result<Self, StoreError> {
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("throughline"),
        };
        let mut owner = PgConnection::connect_with(&options).await.map_err(doing("connect to Postgres"))?;
        let known = "select current_schema()::text, current_setting('server_encoding'), \
                     current_setting('synchronous_commit') = 'off'";
        let row = owner.fetch_one(known).await.map_err(doing("read the connection's schema"))?;
        let (schema, encoding, unsynced): (Option<String>, String, bool) = (row.get(0), row.get(1), row.get(2));
        let schema = schema.ok_or(StoreError::Schema)?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding(encoding));
        }
        if mode == Mode::Write {
            let migrated = migrations::of_postgres().run(&mut owner).await;
            migrated.map_err(|error| unmigrated(error, schema.clone()))?;
            grants::give(&mut owner).await?;
        }
        owner.close().await.map_err(doing("close the owner's connection"))?;
        let serving = options.clone().options([("role", APP_ROLE)]);
        // The append task looks up rows by keys only. A plan made while the tables were small must not scan whole
        // tables later.
        let by_keys = [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off")];
        let durable = serving.clone().options(by_keys);
        // A confirmed event must be on disk, even if the server is set to confirm earlier.
        let durable = if unsynced { durable.options([("synchronous_commit", "on")]) } else { durable };
        let growth = Arc::<Growth>::default();
        let writer = postgres_writer(durable, &growth);
        let reader = postgres_readers(serving, &growth);
        let place = Place::Postgres { options: Box::new(options), schema };
        let (writer, reader) = (On::Postgres(writer), On::Postgres(reader));
        let (claim, building, leases) = (Mutex::new(None), Arc::default(), Arc::default());
        Ok(Self { writer, reader, place, mode, is_made: false, claim, building, leases, growth })
    }

    /// Records how many rows are in the store.
    pub(crate) fn reaches(&self, size: i64) {
        self.growth.reaches(size);
    }

    /// The kind of database.
    pub const fn dialect(&self) -> Dialect {
        self.writer.dialect()
    }

    /// What this process will do with the store.
    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    /// Waits until no other process builds a view, and takes the right to build.
    pub(crate) async fn sole_builder(&self) -> Result<SoleBuilder, StoreError> {
        let here = Arc::clone(&self.building).lock_owned().await;
        let Place::Postgres { options, schema } = &self.place else {
            return Ok(SoleBuilder { _here: here, session: None });
        };
        let mut session = options.connect().await.map_err(doing("connect to Postgres"))?;
        let lock = sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(schema);
        lock.execute(&mut session).await.map_err(doing("wait for another process to build the view"))?;
        Ok(SoleBuilder { _here: here, session: Some(session) })
    }

    /// Takes the right to build without waiting. `None` if another process is building.
    pub(crate) async fn sole_builder_now(&self) -> Result<Option<SoleBuilder>, StoreError> {
        let Ok(here) = Arc::clone(&self.building).try_lock_owned() else { return Ok(None) };
        let Place::Postgres { options, schema } = &self.place else {
            return Ok(Some(SoleBuilder { _here: here, session: None }));
        };
        let mut session = options.connect().await.map_err(doing("connect to Postgres"))?;
        let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))").bind(schema);
        let alone: bool = lock.fetch_one(&mut session).await.map_err(doing("ask whether a view is being built"))?;
        Ok(alone.then_some(SoleBuilder { _here: here, session: Some(session) }))
    }

    /// Prepares every statement, so that a statement which the store does not understand is found before the service
    /// starts.
    pub async fn prepare(&self, statements: &[&'static Sql]) -> Result<(), StoreError> {
        prepare(&self.reader, statements).await
    }

    /// Closes the pools and gives up the right to write. On `SQLite`, closing the last connection writes the
    /// write-ahead log back into the file.
    pub async fn close(&self) {
        on!(&self.reader, pool => pool.close().await);
        on!(&self.writer, pool => pool.close().await);
        let claim = self.claim.lock().expect("no panic while holding the claim").take();
        // A process that is being started at this moment holds a copy of the open file, and with it the lock. Closing
        // the file here would leave the lock to that copy.
        if let Some(Err(error)) = claim.map(|file| file.unlock()) {
            tracing::warn!(%error, "the right to write could not be given up before the file was closed");
        }
    }
}

/// Prepares statements on one connection of a pool.
pub(crate) async fn prepare(pool: &Pool, statements: &[&'static Sql]) -> Result<(), StoreError> {
    let dialect = pool.dialect();
    on!(pool, pool => {
        let mut conn = pool.acquire().await.map_err(doing("connect"))?;
        for statement in statements {
            use sqlx::SqlSafeStr as _;
            let text = statement.text(dialect).into_sql_str();
            conn.prepare(text).await.map_err(|source| {
                tracing::error!(statement = statement.text, "the store does not understand a statement");
                StoreError::Database { doing: "prepare every statement", source }
            })?;
        }
    });
    Ok(())
}

impl Conn {
    /// Takes a connection from a writer's pool and begins a transaction on it. A connection that was lost, or that is
    /// still in a transaction, is replaced.
    pub(crate) async fn begun(pool: &Pool) -> sqlx::Result<Self> {
        for _ in 0..WRITERS {
            let mut conn = Self::acquire(pool).await?;
            match conn.begin().await {
                Ok(()) => return Ok(conn),
                // This connection has already waited, and another one would wait just as long.
                Err(error) if is_locked(&error) || matches!(error, sqlx::Error::PoolTimedOut) => return Err(error),
                Err(_) => conn.discard(),
            }
        }
        let mut conn = Self::acquire(pool).await?;
        conn.begin().await?;
        Ok(conn)
    }

    /// Takes a connection from a pool.
    pub(crate) async fn acquire(pool: &Pool) -> sqlx::Result<Self> {
        Ok(match pool {
            On::Sqlite(pool) => Self::Sqlite(pool.acquire().await?),
            On::Postgres(pool) => Self::Postgres(Session::new(pool.acquire().await?)),
        })
    }

    /// Begins a transaction that may write. On `SQLite` it takes the write lock at once.
    async fn begin(&mut self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(conn) => conn.execute("begin immediate").await.map(drop),
            // This statement waits for no lock. A server that does not answer it answers nothing.
            Self::Postgres(session) => match tokio::time::timeout(sessions::ANSWERS_WITHIN, session.begin()).await {
                Ok(begun) => begun,
                Err(_) => Err(sqlx::Error::PoolTimedOut),
            },
        }
    }

    /// Commits the transaction.
    pub(crate) async fn commit(&mut self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(conn) => conn.execute("commit").await.map(drop),
            Self::Postgres(session) => session.commit().await,
        }
    }

    /// Closes the connection, so that it is not used again.
    fn discard(self) {
        match self {
            Self::Sqlite(conn) => drop(conn.detach()),
            // The session was about to begin a transaction, so dropping it closes it.
            Self::Postgres(session) => drop(session),
        }
    }

    /// Rolls the transaction back, if there is one. A broken connection has none.
    pub(crate) async fn rollback(&mut self) {
        let ended = match self {
            Self::Sqlite(conn) => conn.execute("rollback").await.map(drop),
            Self::Postgres(session) => session.rollback().await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "nothing to roll back");
        }
    }
}

/// A pool of Postgres connections that only read, each statement by itself and never in a transaction. Connections that
/// the server has closed, and those whose plans were made for another size of the store, are replaced before use.
pub(crate) fn postgres_readers(options: PgConnectOptions, growth: &Arc<Growth>) -> Sessions {
    let pool = PgPoolOptions::new().test_before_acquire(true);
    Sessions::new(READERS, replaced_as_it_grows(pool, growth), session::uncompiled(options))
}

/// A pool of Postgres connections for transactions, which begin with [`Conn::begun`].
pub(crate) fn postgres_writer(options: PgConnectOptions, growth: &Arc<Growth>) -> Sessions {
    let pool = PgPoolOptions::new().test_before_acquire(false);
    Sessions::new(WRITERS, replaced_as_it_grows(pool, growth), session::never_standing_still(options))
}

fn replaced_as_it_grows(pool: PgPoolOptions, growth: &Arc<Growth>) -> PgPoolOptions {
    let growth = Arc::clone(growth);
    pool.before_acquire(move |_, of| Box::pin(std::future::ready(Ok(growth.is_planned_for(of.age)))))
}

/// Splits rows into portions for statements with a place for each row. A portion's size is a power of two, so that
/// there are few such statements and they stay prepared.
pub(crate) fn portions<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let most = rest.len().min(ROWS_PER_STATEMENT);
        let (portion, after) = rest.split_at(1 << most.checked_ilog2()?);
        rest = after;
        Some(portion)
    })
}

/// Takes the right to write to this file, for as long as the returned file is held.
fn claim(path: &Path) -> Result<File, StoreError> {
    let beside = sibling(path, "-lock");
    let fault = |source| StoreError::Claim { path: beside.clone(), source };
    let file = private().create(true).truncate(false).write(true).open(&beside).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Claimed(path.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
    }
}

/// Why the schema could not be brought up to date: only the database's own error.
fn unmigrated(error: sqlx::migrate::MigrateError, place: String) -> StoreError {
    use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
    match error {
        Execute(source) | ExecuteMigration(source, _) => StoreError::Migrate { place, source: source.into() },
        error => StoreError::Migrate { place, source: error.into() },
    }
}

/// The options to open a file that, if it is created, only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file beside this one whose name ends with `ending`.
pub(crate) fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A URL without its password, for messages.
fn without_password(url: &str) -> String {
    match url.split_once('@') {
        Some((_, place)) => format!("…@{place}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_unpacked_by_the_text_of_each_store() {
        let text = "select 1 from t where id in {uuids $1} limit $2";
        let sqlite = unfold(text, Dialect::Sqlite);
        assert_eq!(sqlite, "select 1 from t where id in (select unhex(value, '-') from json_each($1)) limit $2");
        assert!(unfold(text, Dialect::Postgres).contains("json_array_elements_text($1::json)"));
    }

    #[test]
    fn rows_are_portioned_so_that_few_statements_are_ever_prepared() {
        let rows: Vec<u32> = (0..3_000).collect();
        let sizes: Vec<_> = portions(&rows).map(<[u32]>::len).collect();
        assert_eq!(sizes, [1_024, 1_024, 512, 256, 128, 32, 16, 8]);
        assert_eq!(portions(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(portions(&rows[..0]).count(), 0);
    }

    #[test]
    fn only_a_url_of_a_file_needs_an_existing_file() {
        assert!(matches!(Store::must_exist("sqlite:not-there.db"), Err(StoreError::Missing(_))));
        assert!(Store::must_exist("postgres://me@localhost/cases").is_ok());
        assert!(Store::must_exist("postgresql://me@localhost/cases?options=-csearch_path%3Dx").is_ok());
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        assert_eq!(without_password("mysql://me:secret@host/db"), "…@host/db");
    }
}
