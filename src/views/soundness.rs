//! Whether a view can be lived on: its tables are those that this build makes, and its pages and indexes are whole.
//!
//! A view is evidence of nothing: one that is damaged is built anew from the log. Nothing here mends or removes one.

use std::collections::BTreeSet;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::oneshot;

use super::ViewError;
use super::generation::{self, Generation, definitions};
use crate::causes;
use crate::store::{self, Dialect, Place, Pool, StoreError, doing};
use throughline_projections::{TABLES, Type};

/// The longest file of a view whose pages are looked at before it is used, in bytes: some 20 MB are checked in a second,
/// and a service of a million events is to be ready in two. A server looks at a longer one once it has started.
const CHECKED_AT_ONCE: u64 = 16 << 20;

/// Memory for pages while indexes are looked at, in KiB: every row of every table is looked up.
const CACHE: i64 = 64 * 1024;

/// What the catalogue of Postgres says of a view's tables.
const COLUMNS: &str = "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) \
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
     where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'";
/// Its indexes that are whole, as far as the catalogue knows.
const INDEXES: &str = "select c.relname::text from pg_class c join pg_index i on i.indexrelid = c.oid \
     where c.relnamespace = current_schema()::regnamespace and i.indisvalid";

/// How closely a view is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// As it is opened: its tables and indexes, and on `SQLite` the pages of a file that is soon read.
    Opened,
    /// Every page of its file too, on `SQLite`.
    Pages,
    /// Whether each index says what its table says, too.
    Indexes,
}

impl Generation {
    /// What is wrong with the view's tables, pages and indexes; nothing where it can be lived on.
    pub async fn wrong(&self, depth: Depth) -> Result<Vec<String>, StoreError> {
        let (place, number) = (self.place.clone(), self.number);
        match (&self.reader, place) {
            (Pool::Sqlite(_), Place::Sqlite { path }) => {
                let file = generation::file(&path, number);
                let (begun, begins) = oneshot::channel();
                let looking = tokio::task::spawn_blocking(move || of_sqlite(&file, depth, begun));
                // A check that nobody waits for any more ends.
                let _ends = begins.await.ok().map(Interrupted);
                let looked = looking.await.unwrap_or(Ok(vec!["it could not be looked at".to_owned()]));
                looked.or_else(|source| {
                    let error = StoreError::Sqlite { doing: "look at a view", source };
                    if is_damage(&error) { Ok(vec![causes::in_words(&error)]) } else { Err(error) }
                })
            }
            (Pool::Postgres(pool), Place::Postgres { options, schema }) => {
                let fault = doing("look at a view");
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

    /// Refuses a view that cannot be lived on.
    pub(super) async fn must_be_sound(&self, depth: Depth) -> Result<(), ViewError> {
        match self.wrong(depth).await?.into_iter().next() {
            None => Ok(()),
            Some(why) => Err(ViewError::Damaged { view: generation::name(&self.place, self.number), why }),
        }
    }
}

/// Ends what a connection does once nobody waits for it.
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
    // Nobody may be waiting any more.
    let _ = begun.send(conn.get_interrupt_handle());
    let wrong = defined_otherwise(&conn)?;
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

/// What the file lacks of what this build defines: it keeps the text of each definition.
fn defined_otherwise(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut stored = conn.prepare("select sql from sqlite_schema where sql is not null")?;
    let stored = stored.query_map((), |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let stored: BTreeSet<String> = stored.into_iter().map(|text| text.to_lowercase()).collect();
    let (tables, indexes) = definitions(Dialect::Sqlite);
    let missing = tables.into_iter().chain(indexes).filter(|text| !stored.contains(&text.to_lowercase()));
    let shown = |text: &str| text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    Ok(missing.map(|text| format!("it is defined otherwise, or is missing: {}", shown(&text))).collect())
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

/// Whether the error says that there is no view to be read here, rather than that it cannot be read at the moment.
pub(super) fn is_no_view(error: &sqlx::Error) -> bool {
    let Some(code) = error.as_database_error().and_then(sqlx::error::DatabaseError::code) else { return false };
    if let (true, Ok(number)) = (code.len() < 5, code.parse()) {
        return is_damage_of_sqlite(number);
    }
    // No such table, column or operator, or no right to it; values that cannot be or contradict each other; damaged
    // pages; a file that is gone.
    ["22", "23", "42", "XX"].iter().any(|class| code.starts_with(class)) || code == "58P01"
}

/// No such table, not to be written, damaged, not to be opened, values that contradict each other, no database, whatever
/// else the code says; and of the errors of its disk those that come of reading.
const fn is_damage_of_sqlite(code: i32) -> bool {
    matches!(code & 0xff, 1 | 8 | 11 | 14 | 19 | 20 | 26) || matches!(code, 266 | 522 | 8458)
}

/// Whether an error that came of using a view says that there is none to be used, whatever its checkpoint said.
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

/// Whether a fault says that the view is damaged.
pub(super) fn is_of_the_view(error: &ViewError) -> bool {
    match error {
        ViewError::Store(error) => is_damage(error),
        ViewError::Damaged { .. } => true,
        _ => false,
    }
}
