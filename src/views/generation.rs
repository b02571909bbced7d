//! A generation: one complete set of view tables with its own checkpoint, in its own file or schema.
//!
//! It knows how to come into being and how to go, never what its rows mean.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteSynchronous;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio::sync::watch;

use super::rows;
use crate::log::envelope::Position;
use crate::projections::TABLES;
use crate::store::{self, Conn, On, Place, Pool, Sql, Store, StoreError, doing, on};

static CHECKPOINT: Sql = Sql::new("select position, definition from checkpoint where id = 1");
pub(super) static LOCK_CHECKPOINT: Sql =
    Sql::new("update checkpoint set position = position where id = 1 returning position");
pub(super) static ADVANCE_CHECKPOINT: Sql = Sql::new("update checkpoint set position = $1 where id = 1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CHECKPOINT, &LOCK_CHECKPOINT, &ADVANCE_CHECKPOINT];

const CHECKPOINT_TABLE: &str = "create table checkpoint (\
     id bigint not null primary key, position bigint not null, definition {text} not null)";

/// One set of view tables.
#[derive(Debug)]
pub struct Generation {
    /// Its number; a later one is newer.
    pub number: i64,
    pub(super) writer: Pool,
    pub(crate) reader: Pool,
    position: watch::Sender<Position>,
}

impl Generation {
    /// Makes the tables of a new generation, empty; what an interrupted attempt left under this number goes first.
    pub(super) async fn create(store: &Store, number: i64) -> Result<Self, StoreError> {
        remove(store, number).await?;
        match store.place() {
            Place::Sqlite { path } => {
                let generation = Self::over(number, sqlite_pools(&file(path, number), true));
                define(&generation).await?;
                Ok(generation)
            }
            Place::Postgres { options, schema } => {
                let schema = schema_name(schema, number);
                let mut owner = options.connect().await.map_err(doing("connect to Postgres"))?;
                make_schema(&mut owner, &schema).await.map_err(doing("create a view generation"))?;
                owner.close().await.map_err(doing("close the owner's connection"))?;
                let generation = Self::over(number, postgres_pools(options, &schema));
                define(&generation).await?;
                Ok(generation)
            }
        }
    }

    /// Opens an existing generation; none if it is not there or was made by another definition.
    pub(super) async fn open(store: &Store, number: i64) -> Result<Option<Self>, StoreError> {
        let pools = match store.place() {
            Place::Sqlite { path } if !file(path, number).exists() => return Ok(None),
            Place::Sqlite { path } => sqlite_pools(&file(path, number), false),
            Place::Postgres { options, schema } => postgres_pools(options, &schema_name(schema, number)),
        };
        let generation = Self::over(number, pools);
        let sql = CHECKPOINT.text(generation.reader.dialect());
        let found: sqlx::Result<Option<(i64, String)>> =
            on!(&generation.reader, pool => sqlx::query_as(sql).fetch_optional(pool).await);
        match found {
            Ok(Some((position, definition))) if definition == *rows::DEFINITION => {
                generation.announce(Position(position));
                Ok(Some(generation))
            }
            Ok(_) => {
                generation.close().await;
                Ok(None)
            }
            Err(source) if is_no_view(&source) => {
                generation.close().await;
                Ok(None)
            }
            Err(source) => Err(StoreError::Database { doing: "open the live view", source }),
        }
    }

    fn over(number: i64, (writer, reader): (Pool, Pool)) -> Self {
        Self { number, writer, reader, position: watch::Sender::new(Position::default()) }
    }

    /// The position up to which this view has taken the log, and a way to wait for more.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }

    pub(super) fn announce(&self, position: Position) {
        self.position.send_if_modified(|known| {
            let further = position > *known;
            *known = position.max(*known);
            further
        });
    }

    /// The digest of its rows.
    pub async fn digest(&self) -> Result<String, StoreError> {
        rows::digest_of(&self.reader).await.map_err(doing("digest a view"))
    }

    /// Closes its pools.
    pub async fn close(&self) {
        on!(&self.reader, pool => pool.close().await);
        on!(&self.writer, pool => pool.close().await);
    }
}

/// Whether the error says that there is no view to be read here, rather than that it cannot be read at the moment.
fn is_no_view(error: &sqlx::Error) -> bool {
    // Postgres: no such table. SQLite: no such table or column, a damaged file, no database at all.
    let codes = ["42P01", "1", "11", "26"];
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

async fn define(generation: &Generation) -> Result<(), StoreError> {
    let mut conn = Conn::begun(&generation.writer).await.map_err(doing("create a view generation"))?;
    let text = match conn.dialect() {
        store::Dialect::Sqlite => "text",
        store::Dialect::Postgres => "text collate \"C\"",
    };
    on!(&mut conn, conn => {
        for ddl in std::iter::once(CHECKPOINT_TABLE).chain(TABLES.iter().map(|table| table.ddl)) {
            let ddl = ddl.replace("{text}", text);
            conn.execute(sqlx::raw_sql(AssertSqlSafe(ddl))).await.map_err(doing("define the view tables"))?;
        }
        let first = "insert into checkpoint (id, position, definition) values (1, 0, $1)";
        sqlx::query(first).bind(rows::DEFINITION.as_str()).execute(&mut **conn).await.map_err(doing("define the view tables"))?;
    });
    conn.commit().await.map_err(doing("define the view tables"))
}

/// Removes a generation's file or schema, if it is there.
pub(super) async fn remove(store: &Store, number: i64) -> Result<(), StoreError> {
    match store.place() {
        Place::Sqlite { path } => {
            let file = file(path, number);
            for name in [file.clone(), store::sibling(&file, "-wal"), store::sibling(&file, "-shm")] {
                match std::fs::remove_file(&name) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::Database { doing: "remove a view generation", source: source.into() });
                    }
                    _ => {}
                }
            }
        }
        Place::Postgres { options, schema } => {
            let mut owner = options.connect().await.map_err(doing("connect to Postgres"))?;
            let drop = format!("drop schema if exists {} cascade", quoted(&schema_name(schema, number)));
            owner.execute(AssertSqlSafe(drop)).await.map_err(doing("remove a view generation"))?;
            owner.close().await.map_err(doing("close the owner's connection"))?;
        }
    }
    Ok(())
}

async fn make_schema(owner: &mut PgConnection, schema: &str) -> sqlx::Result<()> {
    let schema = quoted(schema);
    let make = format!("create schema {schema}; grant usage, create on schema {schema} to throughline_app");
    owner.execute(sqlx::raw_sql(AssertSqlSafe(make))).await.map(drop)
}

fn file(path: &Path, number: i64) -> std::path::PathBuf {
    store::sibling(path, &format!("-g{number}"))
}

fn schema_name(log_schema: &str, number: i64) -> String {
    format!("{log_schema}_g{number}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A view's commits need not reach the disk at once: it can always be caught up from the log.
fn sqlite_pools(path: &Path, create: bool) -> (Pool, Pool) {
    let options = store::sqlite_options(path).synchronous(SqliteSynchronous::Normal).create_if_missing(create);
    (On::Sqlite(store::sqlite_writer(options.clone())), On::Sqlite(store::sqlite_readers(options)))
}

fn postgres_pools(options: &PgConnectOptions, schema: &str) -> (Pool, Pool) {
    let serving = options.clone().options([("role", "throughline_app"), ("search_path", &quoted(schema))]);
    let unsynced = serving.clone().options([("synchronous_commit", "off")]);
    (On::Postgres(store::postgres_writer(unsynced)), On::Postgres(store::postgres_readers(serving)))
}
