//! Writing, reading back and digesting rows of any view table. It must never know what a row means.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use crate::log::envelope::hex;
use crate::projections::{Rows, TABLES, Table, Type, Value};
use crate::store::{Conn, Pool, on, portions};

/// What is to change in the view tables.
#[derive(Debug, Default)]
pub(super) struct Changes {
    tables: BTreeMap<&'static str, TableChanges>,
}

#[derive(Debug, Default)]
struct TableChanges {
    gone: Vec<Vec<Value>>,
    new: Vec<Vec<Value>>,
}

impl Changes {
    /// Adds what turns one stream's rows before into its rows after.
    pub(super) fn add(&mut self, before: &Rows, after: &Rows) {
        for (table, key, rest) in before.iter() {
            if after.get(table, key) != Some(rest) {
                self.tables.entry(table).or_default().gone.push(key.to_vec());
            }
        }
        for (table, key, rest) in after.iter() {
            if before.get(table, key) != Some(rest) {
                self.tables.entry(table).or_default().new.push([key, rest].concat());
            }
        }
    }

    /// Writes the changes.
    pub(super) async fn write(self, conn: &mut Conn) -> sqlx::Result<()> {
        for (name, changes) in self.tables {
            let table = TABLES.iter().find(|table| table.name == name).expect("rows name a known table");
            for keys in portions(&changes.gone) {
                delete(conn, table, keys).await?;
            }
            for rows in portions(&changes.new) {
                insert(conn, table, rows).await?;
            }
        }
        Ok(())
    }
}

/// Binds a cell as its column's type, so that the store knows the type of a null too.
macro_rules! bind {
    ($to:expr, $type:expr, $value:expr) => {
        match ($type, $value) {
            (Type::Text, Value::Text(text)) => $to.push_bind(Some(text.clone())),
            (Type::Text, _) => $to.push_bind(None::<String>),
            (Type::Uuid, Value::Uuid(id)) => $to.push_bind(Some(*id)),
            (Type::Uuid, _) => $to.push_bind(None::<uuid::Uuid>),
            (Type::Date, Value::Date(date)) => $to.push_bind(Some(*date)),
            (Type::Date, _) => $to.push_bind(None::<chrono::NaiveDate>),
            (Type::Int, Value::Int(number)) => $to.push_bind(Some(*number)),
            (Type::Int, _) => $to.push_bind(None::<i64>),
        }
    };
}

async fn insert(conn: &mut Conn, table: &'static Table, rows: &[Vec<Value>]) -> sqlx::Result<()> {
    on!(conn, conn => {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let mut insert = QueryBuilder::new(format!("insert into {} ({}) ", table.name, columns.join(", ")));
        insert.push_values(rows, |mut row, cells| {
            for ((_, of_type), cell) in table.columns.iter().zip(cells) {
                bind!(row, of_type, cell);
            }
        });
        insert.build().execute(&mut **conn).await?;
    });
    Ok(())
}

async fn delete(conn: &mut Conn, table: &'static Table, keys: &[Vec<Value>]) -> sqlx::Result<()> {
    on!(conn, conn => {
        let columns: Vec<&str> = table.columns[..table.key].iter().map(|(name, _)| *name).collect();
        let mut delete = QueryBuilder::new(format!("delete from {} where ({}) in (", table.name, columns.join(", ")));
        delete.push_values(keys, |mut row, cells| {
            for ((_, of_type), cell) in table.columns.iter().zip(cells) {
                bind!(row, of_type, cell);
            }
        });
        delete.push(")");
        delete.build().execute(&mut **conn).await?;
    });
    Ok(())
}

/// The digest of a whole generation: SHA-256 over every table's rows in the order of their keys.
///
/// Both stores give the same for the same rows.
pub(super) async fn digest_of(pool: &Pool) -> sqlx::Result<String> {
    let mut whole = digest::Context::new(&digest::SHA256);
    for table in TABLES {
        whole.update(table.name.as_bytes());
        on!(pool, pool => {
            let mut rows = sqlx::query(AssertSqlSafe(ordered(table))).fetch(pool);
            while let Some(row) = rows.try_next().await? {
                for (at, (_, of_type)) in table.columns.iter().enumerate() {
                    let cell = match of_type {
                        Type::Text => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
                        Type::Uuid => row.try_get::<Option<uuid::Uuid>, _>(at)?.map(Value::Uuid),
                        Type::Date => row.try_get::<Option<chrono::NaiveDate>, _>(at)?.map(Value::Date),
                        Type::Int => row.try_get::<Option<i64>, _>(at)?.map(Value::Int),
                    };
                    feed(&mut whole, &cell.unwrap_or(Value::Null));
                }
            }
        });
    }
    Ok(hex(whole.finish().as_ref()))
}

fn ordered(table: &Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    format!("select {} from {} order by {}", columns.join(", "), table.name, columns[..table.key].join(", "))
}

/// Feeds a cell to a digest, each with a tag and its length, so that no two rows read alike.
fn feed(to: &mut digest::Context, cell: &Value) {
    let (tag, bytes) = match cell {
        Value::Null => (0, Vec::new()),
        Value::Text(text) => (1, text.as_bytes().to_vec()),
        Value::Uuid(id) => (2, id.as_bytes().to_vec()),
        Value::Date(date) => (3, date.to_string().into_bytes()),
        Value::Int(number) => (4, number.to_be_bytes().to_vec()),
    };
    to.update(&[tag]);
    to.update(&(bytes.len() as u64).to_be_bytes());
    to.update(&bytes);
}

/// The digest of what a generation is made by: every table's definition and fold, and the fold of the journey.
pub(super) static DEFINITION: LazyLock<String> = LazyLock::new(|| {
    let mut whole = digest::Context::new(&digest::SHA256);
    let shared = [
        include_str!("../../projections/mod.rs"),
        include_str!("../journey/mod.rs"),
        include_str!("../journey/fold.rs"),
        include_str!("../journey/thing.rs"),
        include_str!("../journey/event.rs"),
        include_str!("../journey/event/facts.rs"),
        include_str!("../journey/event/people.rs"),
        include_str!("../journey/event/contract.rs"),
        include_str!("../journey/event/value.rs"),
        include_str!("../journey/people/subject.rs"),
        include_str!("../journey/people/team.rs"),
        include_str!("../journey/people/worker.rs"),
        include_str!("../contract/dealings.rs"),
    ];
    let tables = TABLES.iter().flat_map(|table| [table.ddl, table.fold]);
    for text in shared.into_iter().chain(tables) {
        whole.update(&(text.len() as u64).to_be_bytes());
        whole.update(text.as_bytes());
    }
    hex(whole.finish().as_ref())
});
