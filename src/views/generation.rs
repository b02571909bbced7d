//! A generation: one complete set of view tables with its own checkpoint, in its own file or schema.
//!
//! This module finds, opens and deletes generations, and does not know what their rows mean. [`super::rebuild`] fills
//! them.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::watch;
use uuid::Uuid;

use super::soundness::is_no_view;
use super::{digest, rows};
use crate::access::{InScope, Scope};
use crate::log::{Log, LogError};
use crate::store::{self, Dialect, Growth, Lease, On, Place, Pool, Sql, Store, StoreError, doing, on};
use throughline_domain::contract::Contract;
use throughline_domain::fact::envelope::Position;
use throughline_projections::TABLES;

static CHECKPOINT: Sql =
    Sql::new("select position, rulebooks_upto, definition, log_event from checkpoint where id = 1");
pub(super) static LOCK_CHECKPOINT: Sql = Sql::new(
    "update checkpoint set position = position where id = 1 \
     returning position, (select count(*) from parked) as parked",
);
pub(super) static HOLD_CHECKPOINT: Sql =
    Sql::new("update checkpoint set position = position where id = 1 returning position");
pub(super) static ADVANCE_CHECKPOINT: Sql =
    Sql::new("update checkpoint set position = $1, log_event = $2 where id = 1");

/// Its position, the rulebooks that it applies, its definition, and the event at its position.
type CheckpointRow = (i64, i64, String, Option<Uuid>);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CHECKPOINT, &LOCK_CHECKPOINT, &HOLD_CHECKPOINT, &ADVANCE_CHECKPOINT];

/// The tables of every generation besides its views: the checkpoint (its position, and the event at that position) and
/// the streams that could not be folded.
pub(super) const OWN_TABLES: [&str; 2] = [
    "create table checkpoint (id bigint not null primary key, position bigint not null, \
     rulebooks_upto bigint not null, definition {text} not null, log_event uuid)",
    "create table parked (kind {text} not null, id uuid not null, version bigint not null, position bigint not null, \
     error {text} not null, primary key (kind, id))",
];

/// On Postgres: how long the deletion of a generation waits for locks on its tables, and the error code when it times
/// out.
const LOCKED: &str = "1s";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The error codes of Postgres when a schema with this name exists or is being created at the same moment.
const TAKEN: [&str; 2] = ["42P06", "23505"];

/// Contracts by code.
pub(super) type Contracts = BTreeMap<String, Arc<Contract>>;

/// One set of view tables.
#[derive(Debug)]
pub struct Generation {
    /// Its number. A higher number is newer.
    pub number: i64,
    /// It applies the rulebooks published up to this position, and the first rulebook of a contract opened later.
    pub rulebooks_upto: Position,
    pub(super) writer: Pool,
    pub(crate) reader: Pool,
    position: watch::Sender<Position>,
    /// The event at its position when it was opened. `None` before the first event.
    log_event: Option<Uuid>,
    growth: Arc<Growth>,
    contracts: RwLock<Arc<Contracts>>,
    /// What questions cache with this generation, by type. It lives as long as the generation.
    cached: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    pub(super) place: Place,
    /// Whether it was found to be damaged. A damaged generation is never rolled back to.
    is_damaged: AtomicBool,
    lease: Lease,
}

/// What was found in the place of a generation.
pub(super) enum Found {
    /// A generation that this build can update.
    Ours(Generation),
    /// A generation made with another definition.
    Foreign(Generation),
    /// None, or one that was never completed.
    Nothing,
}

impl Found {
    /// The generation, if this build can update it.
    pub(super) fn ours(self) -> Option<Generation> {
        match self {
            Self::Ours(generation) => Some(generation),
            Self::Foreign(_) | Self::Nothing => None,
        }
    }
}

impl Generation {
    /// Opens an existing generation. It is not deleted while it is held.
    pub(super) async fn open(store: &Store, place: &Place, number: i64) -> Result<Found, StoreError> {
        let lease = store.lease(name(place, number)).await?;
        let growth = Arc::<Growth>::default();
        let (writer, reader) = match place {
            Place::Sqlite { path } if !file(path, number).exists() => return Ok(Found::Nothing),
            Place::Sqlite { path } => store::sqlite_pools(&file(path, number), store.mode()),
            Place::Postgres { options, schema } => postgres_pools(options, &schema_name(schema, number), &growth),
        };
        if let Pool::Postgres(pool) = &reader {
            // Check first, because the server logs every failed statement.
            let there = sqlx::query_as("select to_regclass('checkpoint') is not null").fetch_one(pool).await;
            let (is_there,): (bool,) = there.map_err(doing("look for a view"))?;
            if !is_there {
                return Ok(Found::Nothing);
            }
        }
        let sql = CHECKPOINT.text(reader.dialect());
        let found: sqlx::Result<Option<CheckpointRow>> =
            on!(&reader, pool => sqlx::query_as(sql).fetch_optional(pool).await);
        match found {
            Ok(Some((position, upto, definition, log_event))) => {
                growth.reaches(position);
                let (position, rulebooks_upto) = (watch::Sender::new(Position(position)), Position(upto));
                let (contracts, cached) = (RwLock::default(), Mutex::default());
                let (place, is_damaged) = (place.clone(), AtomicBool::new(false));
                let generation = Self {
                    number,
                    rulebooks_upto,
                    writer,
                    reader,
                    position,
                    log_event,
                    growth,
                    contracts,
                    cached,
                    place,
                    is_damaged,
                    lease,
                };
                let is_ours = definition == *rows::DEFINITION;
                Ok(if is_ours { Found::Ours(generation) } else { Found::Foreign(generation) })
            }
            Ok(None) => Ok(Found::Nothing),
            Err(source) if is_no_view(&source) => Ok(Found::Nothing),
            Err(source) => Err(StoreError::Database { doing: "open a view", source }),
        }
    }

    /// The position up to which this view has applied the log, with a way to wait for more.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }

    /// The contract from its own stream, with the rulebooks that this view applies.
    pub fn contract_state(&self, scope: InScope<'_>) -> Option<Arc<Contract>> {
        let contracts = self.contracts.read().expect("no panic while holding the contracts");
        contracts.get(scope.contract()).filter(|contract| contract.opened().is_some()).cloned()
    }

    /// Every contract in scope, by code, with the rulebooks that this view applies.
    pub fn contract_states(&self, scope: &Scope) -> Vec<Arc<Contract>> {
        let contracts = self.contracts.read().expect("no panic while holding the contracts");
        contracts
            .iter()
            .filter(|(code, _)| scope.contract(code).is_some())
            .map(|(_, contract)| Arc::clone(contract))
            .collect()
    }

    /// What a question caches with this generation: one value of each type, empty at first.
    pub(crate) fn cached<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut cached = self.cached.lock().expect("no panic while holding the cached values");
        let value = Arc::clone(cached.entry(TypeId::of::<T>()).or_insert_with(|| Arc::<T>::default()));
        value.downcast().expect("a value is stored under its own type")
    }

    pub(super) fn tell(&self, contracts: Arc<Contracts>) {
        *self.contracts.write().expect("no panic while holding the contracts") = contracts;
    }

    pub(super) fn announce(&self, position: Position) {
        self.growth.reaches(position.0);
        self.position.send_if_modified(|known| {
            let further = position > *known;
            *known = position.max(*known);
            further
        });
    }

    /// The position of its tables, whichever process updated them.
    pub async fn stands_at(&self) -> Result<Position, StoreError> {
        let sql = CHECKPOINT.text(self.reader.dialect());
        let found: sqlx::Result<(i64, i64, String, Option<Uuid>)> =
            on!(&self.reader, pool => sqlx::query_as(sql).fetch_one(pool).await);
        found.map(|(position, ..)| Position(position)).map_err(doing("read a view's position"))
    }

    /// The digest of its rows.
    pub async fn digest(&self) -> Result<String, StoreError> {
        digest::digest_of(&self.reader).await
    }

    /// Whether this log contains the event that was at the view's position when the view was opened.
    pub(super) async fn is_of(&self, log: &Log) -> Result<bool, LogError> {
        let position = *self.position.borrow();
        Ok(log.event_at(position).await?.map(|event| event.0) == self.log_event)
    }

    /// Marks it as damaged. It answers until it is replaced, and is never rolled back to.
    pub(super) fn condemn(&self) {
        self.is_damaged.store(true, Ordering::Relaxed);
    }

    /// Whether it was found to be damaged.
    pub(super) fn is_condemned(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Closes its pools and releases it, so that it can be deleted at once.
    pub(super) async fn end(self) {
        self.close().await;
        self.lease.release().await;
    }

    /// Closes its pools.
    pub async fn close(&self) {
        on!(&self.reader, pool => pool.close().await);
        on!(&self.writer, pool => pool.close().await);
    }
}

/// Why a generation is set aside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aside {
    /// It has applied more of the log than there is.
    Ahead,
    /// It belongs to another log.
    Foreign,
}

/// Renames a generation so that it is no longer found as one. Returns the new name.
pub(super) async fn set_aside(
    place: &Place,
    number: i64,
    (why, position): (Aside, Position),
) -> Result<String, StoreError> {
    let why = match why {
        Aside::Ahead => "ahead",
        Aside::Foreign => "foreign",
    };
    match place {
        Place::Sqlite { path } => {
            let own = file(path, number);
            let aside = store::sibling(&own, &format!(".{why}-{position}"));
            for ending in ["-wal", "-shm", ""] {
                match std::fs::rename(store::sibling(&own, ending), store::sibling(&aside, ending)) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::Database { doing: "set a view aside", source: source.into() });
                    }
                    _ => {}
                }
            }
            Ok(aside.display().to_string())
        }
        Place::Postgres { options, schema } => {
            let aside = format!("{schema}_{why}_{position}_{number}");
            let fault = doing("set a view aside");
            let mut owner = options.connect().await.map_err(&fault)?;
            let text = format!("alter schema {} rename to {}", quoted(&schema_name(schema, number)), quoted(&aside));
            owner.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map_err(&fault)?;
            owner.close().await.map_err(&fault)?;
            Ok(aside)
        }
    }
}

/// The statements that create a generation's tables, and those that are better run once the tables are filled.
pub(super) fn definitions(dialect: Dialect) -> (Vec<String>, Vec<String>) {
    let text = match dialect {
        Dialect::Sqlite => "text",
        Dialect::Postgres => "text collate \"C\"",
    };
    let views = TABLES.iter().flat_map(|table| {
        table.ddl.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(move |statement| {
            // A counted table is read along its key, which is nearly the whole row.
            let lies = if table.is_counted && dialect == Dialect::Sqlite { " without rowid" } else { "" };
            format!("{statement}{lies}")
        })
    });
    let statements = OWN_TABLES.into_iter().map(str::to_owned).chain(views);
    let statements = statements.map(|statement| statement.replace("{text}", text));
    statements.partition(|statement| statement.starts_with("create table"))
}

/// The numbers of all generations in a place, complete or not.
pub(super) async fn numbers(store: &Store, place: &Place) -> Result<Vec<i64>, StoreError> {
    let mut numbers: Vec<i64> = match place {
        Place::Sqlite { path } => files(path)?.into_iter().map(|(number, _)| number).collect(),
        Place::Postgres { schema, .. } => {
            let Pool::Postgres(pool) = &store.reader else { unreachable!("the place says which store it is") };
            let begins = schema_name(schema, 0).trim_end_matches('0').to_owned();
            let listed = "select nspname::text from pg_namespace where starts_with(nspname, $1)";
            let rows: sqlx::Result<Vec<(String,)>> = sqlx::query_as(listed).bind(&begins).fetch_all(pool).await;
            let rows = rows.map_err(doing("list the views"))?;
            rows.iter().filter_map(|(name,)| name.strip_prefix(&begins)?.parse().ok()).collect()
        }
    };
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// Reserves a number, at least this one, that no generation in the place has. While it is held, no other process uses
/// the number or deletes what is created under it.
pub(super) async fn claim(store: &Store, place: &Place, smallest: i64) -> Result<(i64, Lease), StoreError> {
    let there = numbers(store, place).await?.last().copied().unwrap_or_default();
    for number in smallest.max(there + 1).. {
        // Hold the number before creating anything, so that no process takes it for the remains of a killed rebuild.
        let lease = store.lease(name(place, number)).await?;
        if make(place, number).await? {
            return Ok((number, lease));
        }
        lease.release().await;
    }
    unreachable!("there are more numbers than generations")
}

/// Creates the empty file or schema of a generation. Returns `false` if it exists already.
pub(super) async fn make(place: &Place, number: i64) -> Result<bool, StoreError> {
    match place {
        Place::Sqlite { path } => match store::private().write(true).create_new(true).open(file(path, number)) {
            Ok(_) => Ok(true),
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(StoreError::Database { doing: "create a view", source: source.into() }),
        },
        Place::Postgres { options, schema } => {
            let fault = doing("create a view");
            let mut owner = options.connect().await.map_err(&fault)?;
            let schema = quoted(&schema_name(schema, number));
            let text = format!("create schema {schema}; grant usage, create on schema {schema} to {}", store::APP_ROLE);
            let made = owner.execute(sqlx::raw_sql(AssertSqlSafe(text))).await;
            owner.close().await.map_err(&fault)?;
            let code = made.as_ref().err().and_then(sqlx::Error::as_database_error).and_then(DatabaseError::code);
            if code.is_some_and(|code| TAKEN.contains(&&*code)) {
                return Ok(false);
            }
            made.map(|_| true).map_err(fault)
        }
    }
}

/// The name of a generation: its file or its schema.
pub(super) fn name(place: &Place, number: i64) -> String {
    match place {
        Place::Sqlite { path } => file(path, number).display().to_string(),
        Place::Postgres { schema, .. } => schema_name(schema, number),
    }
}

/// Deletes a generation that is not in use. Returns `false` if it is in use.
pub(super) async fn remove(store: &Store, place: &Place, number: i64) -> Result<bool, StoreError> {
    if store.is_leased_here(&name(place, number)) {
        return Ok(false);
    }
    match place {
        Place::Sqlite { path } => {
            for (_, name) in files(path)?.into_iter().filter(|(of, _)| *of == number) {
                match std::fs::remove_file(&name) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::Database { doing: "remove a view", source: source.into() });
                    }
                    _ => {}
                }
            }
            Ok(true)
        }
        Place::Postgres { options, schema } => {
            let schema = schema_name(schema, number);
            let mut owner = options.connect().await.map_err(doing("connect to Postgres"))?;
            if !Store::lock_unused(&mut owner, &schema).await? {
                return Ok(false);
            }
            // The session of a killed process may still be creating an index there, and notices only afterwards.
            let drop = format!("set lock_timeout = '{LOCKED}'; drop schema if exists {} cascade", quoted(&schema));
            let dropped = owner.execute(sqlx::raw_sql(AssertSqlSafe(drop))).await;
            let code = dropped.as_ref().err().and_then(sqlx::Error::as_database_error).and_then(DatabaseError::code);
            if code.is_some_and(|code| code == LOCK_NOT_AVAILABLE) {
                return Ok(false);
            }
            dropped.map_err(doing("remove a view"))?;
            owner.close().await.map_err(doing("close the owner's connection"))?;
            Ok(true)
        }
    }
}

/// The files of all generations beside the log's file: the tables and remains of journals.
fn files(path: &Path) -> Result<Vec<(i64, PathBuf)>, StoreError> {
    let fault = |source: std::io::Error| StoreError::Database { doing: "list the views", source: source.into() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begins = format!("{}{}", path.file_name().unwrap_or_default().display(), store::VIEW);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        // A folder is not a view, and is left alone.
        if entry.file_type().map_err(fault)?.is_dir() {
            continue;
        }
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&begins)).and_then(|rest| {
            let rest = ["-wal", "-shm", "-journal"].iter().find_map(|ending| rest.strip_suffix(ending)).unwrap_or(rest);
            rest.parse().ok()
        });
        found.extend(number.map(|number| (number, folder.join(&name))));
    }
    Ok(found)
}

pub(super) fn file(path: &Path, number: i64) -> PathBuf {
    store::sibling(path, &format!("{}{number}", store::VIEW))
}

pub(super) fn schema_name(log_schema: &str, number: i64) -> String {
    format!("{log_schema}_g{number}")
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The options of connections that write to a generation's schema.
pub(super) fn postgres_options(options: &PgConnectOptions, schema: &str) -> PgConnectOptions {
    options.clone().options([
        ("role", store::APP_ROLE),
        ("search_path", &quoted(schema)),
        ("synchronous_commit", "off"),
    ])
}

fn postgres_pools(options: &PgConnectOptions, schema: &str, growth: &Arc<Growth>) -> (Pool, Pool) {
    let options = postgres_options(options, schema);
    let writer = store::postgres_writer(options.clone(), growth);
    (On::Postgres(writer), On::Postgres(store::postgres_readers(options, growth)))
}
