//! A database apart from the log, with migrations of its own: the one of keys.
//!
//! It has no serving role: all who connect own it. What is deleted from it does not stay in its file.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::sqlite::{sqlite_options, sqlite_readers, sqlite_writer};
use super::{On, Place, Pool, Store, StoreError, doing, migrations, postgres_readers, postgres_writer, private};
use super::{sibling, unmigrated, without_password};

/// What to do where the database does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Create it.
    Create,
    /// Leave it missing.
    Leave,
}

/// The place of a database apart from the log.
#[derive(Debug, Clone)]
pub(crate) enum PlaceApart {
    /// A file.
    Sqlite(PathBuf),
    /// A schema, or the one that the connection's search path names.
    Postgres { options: Box<PgConnectOptions>, schema: Option<String> },
}

/// An open database apart from the log.
#[derive(Debug, Clone)]
pub(crate) struct Apart {
    pub(crate) reader: Pool,
    pub(crate) writer: Pool,
}

impl PlaceApart {
    /// The place that a URL names.
    pub(crate) fn of_url(url: &str) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Url(without_password(url));
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(|_| unreadable())?;
            return Ok(Self::Postgres { options: Box::new(options), schema: None });
        }
        if !url.starts_with("sqlite:") {
            return Err(unreadable());
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|_| unreadable())?;
        Ok(Self::Sqlite(options.get_filename().to_owned()))
    }

    /// The place beside a store: a file whose name ends with `.ENDING`, or a schema whose name ends with `_ENDING`.
    pub(crate) fn beside(store: &Store, ending: &str) -> Self {
        match store.place() {
            Place::Sqlite { path } => Self::Sqlite(sibling(path, &format!(".{ending}"))),
            Place::Postgres { options, schema } => {
                Self::Postgres { options: options.clone(), schema: Some(format!("{schema}_{ending}")) }
            }
        }
    }

    /// The place, for messages. It never contains a password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres { schema: Some(schema), .. } => format!("the schema {schema}"),
            Self::Postgres { options, schema: None } => format!("the Postgres server {}", options.get_host()),
        }
    }

    /// Opens the database of keys and brings its tables up to date. `None` if it is missing.
    pub(crate) async fn open(&self, if_missing: IfMissing) -> Result<Option<Apart>, StoreError> {
        match self {
            Self::Sqlite(path) => open_sqlite(path, if_missing).await,
            Self::Postgres { options, schema } => open_postgres(options, schema.as_deref(), if_missing).await,
        }
    }
}

async fn open_sqlite(path: &Path, if_missing: IfMissing) -> Result<Option<Apart>, StoreError> {
    if !path.exists() {
        if if_missing == IfMissing::Leave {
            return Ok(None);
        }
        match private().write(true).create_new(true).open(path) {
            Ok(_) => {}
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(StoreError::Claim { path: path.to_owned(), source }),
        }
    }
    // What is deleted is overwritten.
    let options = sqlite_options(path).synchronous(SqliteSynchronous::Full).pragma("secure_delete", "on");
    let writer = sqlite_writer(options.clone());
    let migrated = migrations::of_keys_on_sqlite().run(&writer).await;
    migrated.map_err(|error| unmigrated(error, path.display().to_string()))?;
    Ok(Some(Apart { reader: On::Sqlite(sqlite_readers(options)), writer: On::Sqlite(writer) }))
}

async fn open_postgres(
    options: &PgConnectOptions,
    schema: Option<&str>,
    if_missing: IfMissing,
) -> Result<Option<Apart>, StoreError> {
    let options = match schema {
        Some(schema) => options.clone().options([("search_path", quoted(schema))]),
        None => options.clone(),
    };
    let mut owner = PgConnection::connect_with(&options).await.map_err(doing("connect to the database of keys"))?;
    let place = schema.unwrap_or("the database of keys").to_owned();
    let known = "select current_schema() is not null, to_regclass('keys') is not null";
    let row = owner.fetch_one(known).await.map_err(doing("look for the tables of keys"))?;
    let (has_schema, has_tables): (bool, bool) = (row.get(0), row.get(1));
    if !has_tables && if_missing == IfMissing::Leave {
        owner.close().await.map_err(doing("close the connection to the database of keys"))?;
        return Ok(None);
    }
    match schema {
        Some(schema) if !has_schema => {
            // Of several nodes that start at once, one creates it, and the others find it there. The lock ends with the
            // transaction that these statements are.
            let lock = "select pg_advisory_xact_lock(hashtextextended('throughline keys', 4))";
            let create = format!("{lock}; create schema if not exists {}", quoted(schema));
            let created = owner.execute(sqlx::raw_sql(AssertSqlSafe(create))).await;
            created.map_err(doing("create the schema of keys"))?;
        }
        None if !has_schema => return Err(StoreError::Schema),
        _ => {}
    }
    let migrated = migrations::of_keys_on_postgres().run(&mut owner).await;
    migrated.map_err(|error| unmigrated(error, place))?;
    owner.close().await.map_err(doing("close the connection to the database of keys"))?;
    let growth = Arc::default();
    // A key must be on disk before anything is sealed with it.
    let durable = options.clone().options([("synchronous_commit", "on")]);
    let writer = On::Postgres(postgres_writer(durable, &growth));
    Ok(Some(Apart { reader: On::Postgres(postgres_readers(options, &growth)), writer }))
}

/// An `SQLite` file that nothing writes to, such as a backup. Nothing is created beside it.
pub(crate) fn read_only_file(path: &Path) -> Pool {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    On::Sqlite(sqlite_readers(options))
}

/// A name as SQL quotes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Apart {
    /// Lets nothing of what was deleted stay in the files, as far as the database allows. On Postgres, what the server
    /// keeps of old pages and in its own log is out of reach: such remains are wrapped.
    pub(crate) async fn forget_what_was_deleted(&self) -> Result<(), StoreError> {
        match &self.writer {
            On::Sqlite(pool) => {
                let (busy, _, _): (i64, i64, i64) = sqlx::query_as("pragma wal_checkpoint(truncate)")
                    .fetch_one(pool)
                    .await
                    .map_err(doing("clear the write-ahead log of keys"))?;
                if busy != 0 {
                    tracing::warn!(
                        "the write-ahead log of keys is in use and could not be cleared: it is cleared later"
                    );
                }
                Ok(())
            }
            On::Postgres(pool) => {
                let vacuum = sqlx::query("vacuum keys, search_token, possible_duplicate").execute(pool).await;
                vacuum.map(drop).map_err(doing("remove what was deleted from the tables of keys"))
            }
        }
    }

    /// Makes one file of an `SQLite` database and closes it.
    pub(crate) async fn into_one_file(self) -> Result<(), StoreError> {
        let mut made = Ok(());
        super::on!(&self.reader, pool => pool.close().await);
        if let On::Sqlite(writer) = &self.writer {
            let plain = "pragma wal_checkpoint(truncate); pragma journal_mode = delete";
            made = writer.execute(sqlx::raw_sql(plain)).await.map(drop).map_err(doing("make one file of a database"));
        }
        super::on!(&self.writer, pool => pool.close().await);
        made
    }

    /// Closes the pools.
    pub(crate) async fn close(&self) {
        super::on!(&self.reader, pool => pool.close().await);
        super::on!(&self.writer, pool => pool.close().await);
    }
}
