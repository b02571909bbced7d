//! The digest of a generation: SHA-256 over every table's rows in the order of their keys. Both stores give the same for
//! the same rows.
//!
//! It reads every row there is, so it goes past the pools: by stepping the statement on `SQLite`, by COPY on Postgres.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{NaiveDate, TimeDelta};
use futures_util::TryStreamExt as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use sqlx::{Executor as _, PgPool};

use super::rebuild::POSTGRES_EPOCH;
use crate::log::envelope::hex;
use crate::projections::{TABLES, Table, Type};
use crate::store::{Copied, Pool, StoreError, doing};

/// The digest of the generation that this pool reads.
pub(super) async fn digest_of(pool: &Pool) -> Result<String, StoreError> {
    match pool {
        Pool::Sqlite(pool) => {
            let path = pool.connect_options().get_filename().to_owned();
            let fault = |source| StoreError::Sqlite { doing: "digest a view", source };
            let read = tokio::task::spawn_blocking(move || of_sqlite(&path)).await;
            read.unwrap_or(Err(rusqlite::Error::InvalidQuery)).map_err(fault)
        }
        Pool::Postgres(pool) => of_postgres(pool).await.map_err(doing("digest a view")),
    }
}

fn of_sqlite(path: &std::path::Path) -> rusqlite::Result<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(std::time::Duration::from_secs(10))?;
    // One view of all tables, whatever is projected meanwhile.
    conn.execute_batch("begin")?;
    let mut whole = Context::new(&SHA256);
    for table in TABLES {
        whole.update(table.name.as_bytes());
        let mut select = conn.prepare(&ordered(table))?;
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            for (at, (_, of_type)) in table.columns.iter().enumerate() {
                match row.get_ref(at)? {
                    ValueRef::Integer(number) => feed(&mut whole, *of_type, Some(&number.to_be_bytes())),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => feed(&mut whole, *of_type, Some(bytes)),
                    ValueRef::Null | ValueRef::Real(_) => feed(&mut whole, *of_type, None),
                }
            }
        }
    }
    Ok(hex(whole.finish().as_ref()))
}

async fn of_postgres(pool: &PgPool) -> sqlx::Result<String> {
    let mut conn = pool.acquire().await?;
    // One view of all tables, whatever is projected meanwhile.
    conn.execute("begin isolation level repeatable read read only").await?;
    let mut whole = Context::new(&SHA256);
    for table in TABLES {
        whole.update(table.name.as_bytes());
        let copy = format!("copy ({}) to stdout (format binary)", ordered(table));
        let mut pieces = conn.copy_out_raw(&copy).await?;
        let mut copied = Copied::default();
        while let Some(piece) = pieces.try_next().await? {
            copied.take(&piece);
            while let Some(fields) = copied.next_row() {
                for ((_, of_type), field) in table.columns.iter().zip(fields) {
                    match (of_type, field) {
                        (Type::Date, Some(days)) => feed(&mut whole, Type::Date, Some(date(days).as_bytes())),
                        (of_type, field) => feed(&mut whole, *of_type, field),
                    }
                }
            }
        }
    }
    conn.execute("commit").await?;
    Ok(hex(whole.finish().as_ref()))
}

/// A date as Postgres sends it, as its ISO text.
fn date(days: &[u8]) -> String {
    let days = days.first_chunk().map_or(0, |days| i32::from_be_bytes(*days));
    let day: NaiveDate = POSTGRES_EPOCH + TimeDelta::days(days.into());
    day.to_string()
}

fn ordered(table: &Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    format!("select {} from {} order by {}", columns.join(", "), table.name, columns[..table.key].join(", "))
}

/// Feeds a cell to a digest, each with a tag and its length, so that no two rows read alike.
fn feed(to: &mut Context, of_type: Type, cell: Option<&[u8]>) {
    let tag = match of_type {
        _ if cell.is_none() => 0,
        Type::Text => 1,
        Type::Uuid => 2,
        Type::Date => 3,
        Type::Int => 4,
    };
    let bytes = cell.unwrap_or_default();
    to.update(&[tag]);
    to.update(&(bytes.len() as u64).to_be_bytes());
    to.update(bytes);
}
