//! The database's own checks of its tables and indexes, if it has any.
//!
//! The caller says which tables to check.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::{Place, Store, StoreError, doing, look_at};

/// The codes with which Postgres reports an index that does not match its table.
const CORRUPTED: [&str; 2] = ["XX001", "XX002"];

impl Store {
    /// Faults in the database's own structure, at most `most`. On `SQLite` the whole file is checked. On Postgres the
    /// indexes of these tables are checked, if the extension `amcheck` is installed and may be used.
    pub(crate) async fn check_indexes(&self, tables: &[&str], most: usize) -> Result<Vec<String>, StoreError> {
        match self.place() {
            Place::Sqlite { path } => {
                let path = path.clone();
                let checked = tokio::task::spawn_blocking(move || check_sqlite(&path, most)).await;
                let checked = checked.map_err(|_| doing("check the database")(sqlx::Error::WorkerCrashed))?;
                checked.map_err(|source| StoreError::Sqlite { doing: "check the database", source })
            }
            Place::Postgres { options, .. } => check_postgres(options, tables).await,
        }
    }
}

fn check_sqlite(path: &Path, most: usize) -> rusqlite::Result<Vec<String>> {
    let conn = look_at(path)?;
    let most = most.min(i32::MAX as usize);
    let mut check = conn.prepare(&format!("pragma integrity_check({most})"))?;
    let said = check.query_map((), |row| row.get::<_, String>(0))?;
    // A check that cannot continue is a finding, too.
    let said = said.map(|said| said.unwrap_or_else(|error| error.to_string()));
    Ok(said.flat_map(|said| findings(&said)).collect())
}

/// The findings of an `SQLite` check in one row. The row has a heading with the name of the database, or says that all
/// is well.
pub(crate) fn findings(said: &str) -> Vec<String> {
    said.lines().filter(|line| *line != "ok" && !line.starts_with("***")).map(str::to_owned).collect()
}

/// Whether an error means that stored data is damaged: unreadable pages, or impossible rows.
pub fn is_corrupt(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source: sqlx::Error::Database(said), .. } => said.code().is_some_and(|code| {
            let of_sqlite = code.parse().ok().filter(|_| code.len() < 5);
            of_sqlite.map_or_else(|| CORRUPTED.contains(&&*code) || code == "58P01", is_corrupt_in_sqlite)
        }),
        StoreError::Database { source, .. } => {
            matches!(source, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })
        }
        StoreError::Sqlite { source: rusqlite::Error::SqliteFailure(said, _), .. } => {
            is_corrupt_in_sqlite(said.extended_code)
        }
        _ => false,
    }
}

/// Damaged, or not a database. Of the disk errors, only those from reading.
const fn is_corrupt_in_sqlite(code: i32) -> bool {
    matches!(code & 0xff, 11 | 26) || matches!(code, 266 | 522 | 8458)
}

/// Faults in the indexes of these tables of the connection's schema. The serving role may not use `amcheck`, but the
/// owner may.
pub(crate) async fn check_postgres(options: &PgConnectOptions, tables: &[&str]) -> Result<Vec<String>, StoreError> {
    let mut owner = options.connect().await.map_err(doing("connect to Postgres"))?;
    let wrong = amcheck(&mut owner, tables).await.map_err(doing("check the database"));
    owner.close().await.map_err(doing("check the database"))?;
    wrong
}

async fn amcheck(owner: &mut PgConnection, tables: &[&str]) -> sqlx::Result<Vec<String>> {
    let there = "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace \
                 where e.extname = 'amcheck'";
    let Some((schema,)) = sqlx::query_as::<_, (String,)>(there).fetch_optional(&mut *owner).await? else {
        tracing::info!("indexes are not checked: this database does not have the extension amcheck");
        return Ok(Vec::new());
    };
    let named = "select i.indexrelid::bigint, i.indexrelid::regclass::text from pg_index i \
                 join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
                 join pg_am a on a.oid = x.relam where a.amname = 'btree' \
                 and c.relnamespace = current_schema()::regnamespace and c.relname = any($1) order by 2";
    let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
    let indexes: Vec<(i64, String)> = sqlx::query_as(named).bind(tables).fetch_all(&mut *owner).await?;
    let check = format!("select {schema}.bt_index_check($1::oid::regclass, true)");
    let mut wrong = Vec::new();
    for (oid, name) in indexes {
        match sqlx::query(AssertSqlSafe(check.clone())).bind(oid).execute(&mut *owner).await {
            Ok(_) => {}
            Err(error) if is_corrupted(&error) => wrong.push(format!("{name}: {error}")),
            Err(error) => tracing::warn!(index = name, %error, "an index cannot be checked"),
        }
    }
    Ok(wrong)
}

fn is_corrupted(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| CORRUPTED.contains(&&*code))
}
