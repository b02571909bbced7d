//! Writes a rebuild's rows into a new `SQLite` file.
//!
//! The file has no journal while it is being filled. If the process is killed, the file is never read, and the next
//! start deletes it. The file is on disk before it can become the live view.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::super::ViewError;
use super::super::fold::Stop;
use super::super::generation::definitions;
use super::super::rows;
use super::progress::Phase;
use super::sink::{self, Finished, PARKED, Sink};
use crate::store::{Dialect, StoreError};
use throughline_domain::fact::envelope::StreamId;
use throughline_projections::{TABLES, Type, Value};

/// Cache for pages while the file is filled and its indexes are sorted, in KiB.
const CACHE: i64 = 64 * 1024;

/// The number of threads that sort an index, besides the one that writes it.
const SORTERS: u32 = 2;

/// A file that is being filled, in one transaction.
pub(super) struct SqliteSink {
    conn: Connection,
    inserts: Vec<String>,
}

fn doing(doing: &'static str) -> impl Fn(rusqlite::Error) -> ViewError {
    move |source| StoreError::Sqlite { doing, source }.into()
}

impl SqliteSink {
    /// Creates a file with empty tables.
    pub(super) fn create(path: &Path) -> Result<Self, ViewError> {
        let fault = doing("create a view");
        let conn = Connection::open(path).map_err(&fault)?;
        conn.pragma_update(None, "journal_mode", "off").map_err(&fault)?;
        conn.pragma_update(None, "synchronous", "off").map_err(&fault)?;
        conn.pragma_update(None, "locking_mode", "exclusive").map_err(&fault)?;
        conn.pragma_update(None, "cache_size", -CACHE).map_err(&fault)?;
        conn.pragma_update(None, "threads", SORTERS).map_err(&fault)?;
        conn.execute_batch("begin").map_err(&fault)?;
        for table in definitions(Dialect::Sqlite).0 {
            conn.execute_batch(&table).map_err(&fault)?;
        }
        let inserts = TABLES.iter().map(|table| insert(table.name, table.columns)).collect();
        Ok(Self { conn, inserts })
    }

    /// Creates the indexes, writes the checkpoint, and flushes the file to disk.
    pub(super) fn finish(self, path: &Path, finished: &Finished<'_>) -> Result<(), ViewError> {
        let fault = doing("finish a view");
        for index in definitions(Dialect::Sqlite).1 {
            finished.meter.check()?;
            self.conn.execute_batch(&index).map_err(&fault)?;
        }
        finished.meter.enters(Phase::Verifying);
        for (table, wanted) in TABLES.iter().zip(&finished.written.rows) {
            let count = format!("select count(*) from {}", table.name);
            let found = self.conn.query_row(&count, (), |row| row.get(0)).map_err(doing("count a view's rows"))?;
            sink::compare(table.name, *wanted, found)?;
        }
        let checkpoint = "insert into checkpoint (id, position, rulebooks_upto, definition, log_event) \
                          values (1, ?1, ?2, ?3, ?4)";
        let (upto, rulebooks_upto) = (finished.upto.0, finished.rulebooks_upto.0);
        let log_event = finished.log_event.as_ref().map(uuid::Uuid::as_bytes);
        self.conn.execute(checkpoint, (upto, rulebooks_upto, rows::DEFINITION.as_str(), log_event)).map_err(&fault)?;
        self.conn.execute_batch("commit").map_err(&fault)?;
        self.conn.close().map_err(|(_, source)| fault(source))?;
        let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|source| StoreError::Database { doing: "write a view to disk", source: source.into() })?;
        Ok(())
    }
}

fn insert(table: &str, columns: &[(&str, Type)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let binds: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    format!("insert into {table} ({}) values ({})", names.join(", "), binds.join(", "))
}

impl Sink for SqliteSink {
    /// Encodes the cell as sqlx binds it, so that it is read alike: an id as bytes, a date as ISO text. A tag comes
    /// first, then the length if the type has one.
    fn encode(cell: &Value, to: &mut Vec<u8>) {
        let mut sized = |tag: u8, bytes: &[u8]| {
            to.push(tag);
            to.extend(u32::try_from(bytes.len()).expect("a cell is small").to_be_bytes());
            to.extend(bytes);
        };
        match cell {
            Value::Null => to.push(NULL),
            Value::Text(text) => sized(TEXT, text.as_bytes()),
            Value::Uuid(id) => sized(BLOB, id.as_bytes()),
            Value::Date(date) => sized(TEXT, date.to_string().as_bytes()),
            Value::Int(number) => {
                to.push(INTEGER);
                to.extend(number.to_be_bytes());
            }
        }
    }

    fn rows(&mut self, table: usize, rows: &mut dyn Iterator<Item = &[u8]>) -> Result<u64, ViewError> {
        let fault = doing("write view rows");
        let mut insert = self.conn.prepare_cached(&self.inserts[table]).map_err(&fault)?;
        let mut count = 0;
        for row in rows {
            for (at, cell) in (1..).zip(cells(row)) {
                insert.raw_bind_parameter(at, Cell(cell)).map_err(&fault)?;
            }
            insert.raw_execute().map_err(&fault)?;
            count += 1;
        }
        Ok(count)
    }

    fn park(&mut self, stream: StreamId, stop: &Stop) -> Result<(), ViewError> {
        let park = insert("parked", PARKED);
        let (kind, id) = (stream.kind.as_str(), stream.id.as_bytes());
        let parked = self.conn.execute(&park, (kind, id, stop.version, stop.position.0, &stop.error));
        parked.map(drop).map_err(doing("park a stream"))
    }

    fn end(&mut self) -> Result<(), ViewError> {
        Ok(())
    }
}

const NULL: u8 = 0;
const TEXT: u8 = 1;
const BLOB: u8 = 2;
const INTEGER: u8 = 3;

/// The cells of a row, in the form to bind.
fn cells(mut row: &[u8]) -> impl Iterator<Item = ValueRef<'_>> {
    std::iter::from_fn(move || {
        let (tag, rest) = row.split_first()?;
        let sized = |rest: &'_ [u8]| rest.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
        let (cell, rest) = match *tag {
            NULL => (ValueRef::Null, rest),
            INTEGER => {
                let (number, rest) = rest.split_first_chunk()?;
                (ValueRef::Integer(i64::from_be_bytes(*number)), rest)
            }
            tag => {
                let (cell, rest) = rest.get(4..)?.split_at_checked(sized(rest))?;
                (if tag == TEXT { ValueRef::Text(cell) } else { ValueRef::Blob(cell) }, rest)
            }
        };
        row = rest;
        Some(cell)
    })
}

struct Cell<'c>(ValueRef<'c>);

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
