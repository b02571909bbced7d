//! Whether a view can be used: it has the tables that this build creates, and its pages and indexes are intact.
//!
//! A view holds no original data. A damaged one is rebuilt from the log. Nothing here repairs or deletes one.

use std::collections::BTreeSet;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::oneshot;

use super::ViewError;
use super::generation::{self, Generation, definitions};
use crate::causes;
use crate::store::{self, Dialect, Place, Pool, StoreError, doing};
use throughline_projections::{TABLES, Type};

/// The largest file of a view, in bytes, whose pages are checked before it is used: about 20 MB are checked in a
/// second, and a service of a million events must be ready in two. A server checks a larger file after it has started.
const CHECKED_AT_ONCE: u64 = 16 << 20;

/// Cache for pages while indexes are checked, in KiB. Every row of every table is looked up.
const CACHE: i64 = 64 * 1024;

/// The columns of a view's tables in the catalogue of Postgres.
const COLUMNS: &str = "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) \
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
     where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'";
/// Its valid indexes in the catalogue.
const INDEXES: &str = "select c.relname::text from pg_class c join pg_index i on i.indexrelid = c.oid \
     where c.relnamespace = current_schema()::regnamespace and i.indisvalid";

/// How thoroughly a view is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The check when it is opened: its tables and indexes, and on `SQLite` the pages of a small file.
    Opened,
    /// On `SQLite`, also every page of its file.
    Pages,
    /// Also whether each index matches its table.
    Indexes,
}

impl Generation {
    /// The faults in the view's tables, pages and indexes. Empty if the view can be used.
    pub async fn wrong(&self, depth: Depth) -> Result<Vec<String>, StoreError> {
        let (place, number) = (self.place.clone(), self.number);
        match (&self.reader, place) {
            (Pool::Sqlite(_), Place::Sqlite { path }) => {
                let file = generation::file(&path, number);
                let (begun, begins) = oneshot::channel();
                let looking = tokio::task::spawn_blocking(move || of_sqlite(&file, depth, begun));
                // If the caller no longer waits, the check ends.
                let _ends = begins.await.ok().map(Interrupted);
                let looked = looking.await.unwrap_or(Ok(vec!["it could not be checked".to_owned()]));
                looked.or_else(|source| {
                    let error = StoreError::Sqlite { doing: "check a view", source };
                    if is_damage(&error) { Ok(vec![causes::in_words(&error)]) } else { Err(error) }
                })
            }
            (Pool::Postgres(pool), Place::Postgres { options, schema }) => {
                let fault = doing("check a view");
                let columns: Vec<(String, String, String)> =
                    sqlx::query_as(COLUMNS).fetch_all(pool).await.map_err(&fault)?;
                let indexes: Vec<(String,)> = sqlx::query_as(INDEXES).fetch_all(pool).await.map_err(&fault)?;
                let mut wrong = of_postgres(columns, indexes.into_iter().map(|(name,)| name));
                if depth == Depth::Indexes && wrong.is_empty() {
                    let schema = generation::quoted(&generation::schema_name(&schema, number));
                    let within = options.options([("search_path", &schema)]);
                    let tables: Vec<&str> = TABLES.iter().map(|table| table.name).chain(["checkpoint"]).collect();
                    wrong = store::check_postgres(&within, &tables).await?;
                }
                Ok(wrong)
            }
            _ => unreachable!("the place says which store it is"),
        }
    }

    /// Returns an error for a view that cannot be used.
    pub(super) async fn must_be_sound(&self, depth: Depth) -> Result<(), ViewError> {
        match self.wrong(depth).await?.into_iter().next() {
            None => Ok(()),
            Some(why) => Err(ViewError::Damaged { view: generation::name(&self.place, self.number), why }),
        }
    }
}

/// Interrupts a connection's work once no caller waits for it.
struct Interrupted(InterruptHandle);

impl Drop for Interrupted {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

fn of_sqlite(
    file: &std::path::Path,
    depth: Depth,
    begun: oneshot::Sender<InterruptHandle>,
) -> rusqlite::Result<Vec<String>> {
    let length = std::fs::metadata(file).map_or(0, |file| file.len());
    let conn = store::look_at(file)?;
    // The caller may no longer be waiting.
    let _ = begun.send(conn.get_interrupt_handle());
    let wrong = missing_definitions(&conn)?;
    if !wrong.is_empty() {
        return Ok(wrong);
    }
    let check = match depth {
        Depth::Opened if length > CHECKED_AT_ONCE => return Ok(Vec::new()),
        Depth::Opened | Depth::Pages => "pragma quick_check(1)",
        Depth::Indexes => "pragma integrity_check",
    };
    conn.pragma_update(None, "cache_size", -CACHE)?;
    let mut check = conn.prepare(check)?;
    let said = check.query_map((), |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(said.iter().flat_map(|said| store::findings(said)).collect())
}

/// Definitions of this build that the file lacks. `SQLite` stores the text of each definition.
fn missing_definitions(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut stored = conn.prepare("select sql from sqlite_schema where sql is not null")?;
    let stored = stored.query_map((), |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let stored: BTreeSet<String> = stored.into_iter().map(|text| text.to_lowercase()).collect();
    let (tables, indexes) = definitions(Dialect::Sqlite);
    let missing = tables.into_iter().chain(indexes).filter(|text| !stored.contains(&text.to_lowercase()));
    let shown = |text: &str| text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    Ok(missing.map(|text| format!("it has a different definition, or is missing: {}", shown(&text))).collect())
}

fn of_postgres(columns: Vec<(String, String, String)>, indexes: impl Iterator<Item = String>) -> Vec<String> {
    let columns: BTreeSet<_> = columns.into_iter().collect();
    let wanted = TABLES.iter().flat_map(|table| {
        table.columns.iter().map(|(name, of_type)| {
            let of_type = match of_type {
                Type::Text => "text",
                Type::Uuid => "uuid",
                Type::Date => "date",
                Type::Int => "bigint",
            };
            (table.name.to_owned(), (*name).to_owned(), of_type.to_owned())
        })
    });
    let wrong = wanted.filter(|column| !columns.contains(column));
    let wrong = wrong.map(|(table, name, of_type)| format!("the table {table} has no column {name} of type {of_type}"));
    let indexes: BTreeSet<String> = indexes.collect();
    let named = definitions(Dialect::Postgres).1;
    let missing = named.iter().filter_map(|text| text.split_once(" index ")?.1.split_whitespace().next());
    let missing = missing.filter(|name| !indexes.contains(*name)).map(|name| format!("the index {name} is missing"));
    wrong.chain(missing).collect()
}

/// Whether the error means that there is no readable view, and not only that it cannot be read at the moment.
pub(super) fn is_no_view(error: &sqlx::Error) -> bool {
    let Some(code) = error.as_database_error().and_then(sqlx::error::DatabaseError::code) else { return false };
    if let (true, Ok(number)) = (code.len() < 5, code.parse()) {
        return is_damage_of_sqlite(number);
    }
    // No such table, column or operator, or no right to it; impossible or contradictory values; damaged pages; a
    // missing file.
    ["22", "23", "42", "XX"].iter().any(|class| code.starts_with(class)) || code == "58P01"
}

/// No such table, read-only, damaged, cannot be opened, contradictory values, or not a database, with any extended
/// code. Of the disk errors, only those from reading.
const fn is_damage_of_sqlite(code: i32) -> bool {
    matches!(code & 0xff, 1 | 8 | 11 | 14 | 19 | 20 | 26) || matches!(code, 266 | 522 | 8458)
}

/// Whether an error from using a view means that the view is unusable, whatever its checkpoint says.
pub(super) fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source, .. } => {
            let is_other = matches!(
                source,
                sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::RowNotFound
                    | sqlx::Error::Decode(_)
            );
            is_other || is_no_view(source)
        }
        StoreError::Sqlite { source: rusqlite::Error::SqliteFailure(said, _), .. } => {
            is_damage_of_sqlite(said.extended_code)
        }
        StoreError::Sqlite { source, .. } => {
            matches!(source, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::Utf8Error(..))
        }
        _ => false,
    }
}

/// Whether an error means that the view is damaged.
pub(super) fn is_of_the_view(error: &ViewError) -> bool {
    match error {
        ViewError::Store(error) => is_damage(error),
        ViewError::Damaged { .. } => true,
        _ => false,
    }
}
