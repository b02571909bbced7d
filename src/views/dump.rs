//! Every row of a generation, table by table in the order of their keys. Both stores give the same result for the same
//! rows.
//!
//! It reads everything, so it bypasses the pools: on `SQLite` it steps the statement, on Postgres it uses COPY. It
//! reads the generation at one moment, whatever is projected meanwhile.

use chrono::{NaiveDate, TimeDelta};
use futures_util::TryStreamExt as _;
use rusqlite::types::ValueRef;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::mpsc;

use super::rebuild::POSTGRES_EPOCH;
use crate::store::{CopyDecoder, Pool, Sessions, StoreError, doing, look_at};
use throughline_projections::{TABLES, Table, Type};

/// The approximate number of bytes of rows in one lot.
const LOT: usize = 256 * 1024;
/// The number of lots that may wait for the reader.
const LOTS: usize = 4;

/// Rows of one table, in order.
///
/// A row is a sequence of cells. A cell is a tag, a length and bytes, so that different rows never have the same bytes.
#[derive(Debug)]
pub(super) struct Lot {
    /// The index of the table in [`TABLES`].
    pub(super) table: usize,
    /// The rows.
    pub(super) bytes: Vec<u8>,
    /// The end of each row.
    pub(super) ends: Vec<usize>,
}

/// A cell of a row: its bytes. `None` for null.
pub(super) type Cell<'a> = Option<&'a [u8]>;

impl Lot {
    fn of(table: usize) -> Self {
        Self { table, bytes: Vec::with_capacity(LOT + LOT / 4), ends: Vec::new() }
    }

    fn add(&mut self, of_type: Type, cell: Cell<'_>) {
        let tag = match of_type {
            _ if cell.is_none() => 0,
            Type::Text => 1,
            Type::Uuid => 2,
            Type::Date => 3,
            Type::Int => 4,
        };
        let bytes = cell.unwrap_or_default();
        self.bytes.push(tag);
        self.bytes.extend((bytes.len() as u64).to_be_bytes());
        self.bytes.extend(bytes);
    }

    fn end_row(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// The cells of a row of a lot.
pub(super) fn cells(mut row: &[u8]) -> impl Iterator<Item = Cell<'_>> {
    std::iter::from_fn(move || {
        let (tag, rest) = row.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (cell, rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        row = rest;
        Some((*tag != 0).then_some(cell))
    })
}

/// Reads every row of this pool's generation, in the background. Each table begins with its own lot, which may be
/// empty. An error comes last.
pub(super) fn read(pool: &Pool) -> mpsc::Receiver<Result<Lot, StoreError>> {
    let (lots, receiver) = mpsc::channel(LOTS);
    match pool {
        Pool::Sqlite(pool) => {
            let path = pool.connect_options().get_filename().to_owned();
            tokio::task::spawn_blocking(move || {
                if let Err(source) = of_sqlite(&path, &lots) {
                    let _ = lots.blocking_send(Err(StoreError::Sqlite { doing: "read a view whole", source }));
                }
            });
        }
        Pool::Postgres(pool) => {
            let pool = pool.clone();
            tokio::spawn(async move {
                if let Err(source) = of_postgres(&pool, &lots).await {
                    let _ = lots.send(Err(doing("read a view whole")(source))).await;
                }
            });
        }
    }
    receiver
}

fn of_sqlite(path: &std::path::Path, lots: &mpsc::Sender<Result<Lot, StoreError>>) -> rusqlite::Result<()> {
    let conn = look_at(path)?;
    conn.execute_batch("begin")?;
    for (number, table) in TABLES.iter().enumerate() {
        let mut lot = Lot::of(number);
        let mut select = conn.prepare(&ordered(table))?;
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            for (at, (_, of_type)) in table.columns.iter().enumerate() {
                match row.get_ref(at)? {
                    ValueRef::Integer(number) => lot.add(*of_type, Some(&number.to_be_bytes())),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => lot.add(*of_type, Some(bytes)),
                    ValueRef::Null | ValueRef::Real(_) => lot.add(*of_type, None),
                }
            }
            lot.end_row();
            if lot.bytes.len() >= LOT {
                let full = std::mem::replace(&mut lot, Lot::of(number));
                // The receiver is gone.
                if lots.blocking_send(Ok(full)).is_err() {
                    return Ok(());
                }
            }
        }
        if lots.blocking_send(Ok(lot)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn of_postgres(pool: &Sessions, lots: &mpsc::Sender<Result<Lot, StoreError>>) -> sqlx::Result<()> {
    // The reader may stop in the middle of a table. After that, the connection must not be used again.
    let mut conn = pool.acquire().await?.detach();
    conn.execute("begin isolation level repeatable read read only").await?;
    for (number, table) in TABLES.iter().enumerate() {
        let mut lot = Lot::of(number);
        let copy = format!("copy ({}) to stdout (format binary)", ordered(table));
        let mut pieces = conn.copy_out_raw(&copy).await?;
        let mut decoder = CopyDecoder::default();
        while let Some(piece) = pieces.try_next().await? {
            decoder.take(&piece);
            while let Some(fields) = decoder.next_row() {
                for ((_, of_type), field) in table.columns.iter().zip(fields) {
                    match (of_type, field) {
                        (Type::Date, Some(days)) => lot.add(Type::Date, Some(date(days).as_bytes())),
                        (of_type, field) => lot.add(*of_type, field),
                    }
                }
                lot.end_row();
            }
            if lot.bytes.len() >= LOT {
                let full = std::mem::replace(&mut lot, Lot::of(number));
                if lots.send(Ok(full)).await.is_err() {
                    return Ok(());
                }
            }
        }
        drop(pieces);
        if lots.send(Ok(lot)).await.is_err() {
            return Ok(());
        }
    }
    conn.close().await
}

/// The error if the rows ended before the last table.
pub(super) fn broken_off() -> StoreError {
    doing("read a view whole")(sqlx::Error::WorkerCrashed)
}

/// A date in Postgres's binary format, as ISO text.
fn date(days: &[u8]) -> String {
    let days = days.first_chunk().map_or(0, |days| i32::from_be_bytes(*days));
    let day: NaiveDate = POSTGRES_EPOCH + TimeDelta::days(days.into());
    day.to_string()
}

fn ordered(table: &Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    format!("select {} from {} order by {}", columns.join(", "), table.name, columns[..table.key].join(", "))
}
