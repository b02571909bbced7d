//! Writes rows of any view table. It must never know what a row means.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use sqlx::QueryBuilder;

use super::generation;
use crate::store::{Conn, on, portions};
use throughline_domain::contract::calendar::BankHolidays;
use throughline_domain::fact::envelope::hex;
use throughline_projections::{Counts, Rows, TABLES, Table, Type, Value};

/// The changes to the view tables.
#[derive(Debug, Default)]
pub(super) struct Changes {
    tables: BTreeMap<&'static str, TableChanges>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct TableChanges {
    gone: Vec<Vec<Value>>,
    new: Vec<Vec<Value>>,
}

impl Changes {
    /// Adds the changes from a stream's old rows to its new rows.
    pub(super) fn add(&mut self, before: &Rows, after: &Rows) {
        for (old, new) in side_by_side(before.iter(), after.iter(), |(table, key, _)| (*table, *key)) {
            if old.map(|(_, _, rest)| rest) == new.map(|(_, _, rest)| rest) {
                continue;
            }
            if let Some((table, key, _)) = old {
                self.tables.entry(table).or_default().gone.push(key.to_vec());
            }
            if let Some((table, key, rest)) = new {
                self.tables.entry(table).or_default().new.push([key, rest].concat());
            }
        }
        for (old, new) in side_by_side(before.counts().iter(), after.counts().iter(), |(key, _)| *key) {
            let change = new.map_or(0, |(_, count)| *count) - old.map_or(0, |(_, count)| *count);
            if let Some((key, _)) = old.or(new).filter(|_| change != 0) {
                *self.counts.entry(key.clone()).or_default() += change;
            }
        }
    }

    /// Writes the changes.
    pub(super) async fn write(self, conn: &mut Conn) -> sqlx::Result<()> {
        for (name, changes) in self.tables {
            let table = named(name);
            for keys in portions(&changes.gone) {
                delete(conn, table, keys).await?;
            }
            for rows in portions(&changes.new) {
                insert(conn, table, rows).await?;
            }
        }
        let mut counts: BTreeMap<&'static str, TableCounts> = BTreeMap::new();
        for ((name, key), count) in self.counts.into_iter().filter(|(_, count)| *count != 0) {
            let counts = counts.entry(name).or_default();
            if count < 0 {
                counts.fallen.push(key.clone());
            }
            counts.changes.push(key.into_iter().chain([Value::Int(count)]).collect());
        }
        for (name, counts) in counts {
            let table = named(name);
            for rows in portions(&counts.changes) {
                add(conn, table, rows).await?;
            }
            for keys in portions(&counts.fallen) {
                delete(conn, table, keys).await?;
            }
        }
        Ok(())
    }
}

/// The items of two sorted sequences in their order, those with the same key together.
fn side_by_side<T, K: Ord>(
    first: impl Iterator<Item = T>,
    second: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> impl Iterator<Item = (Option<T>, Option<T>)> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || {
        let order = match (first.peek(), second.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => key(one).cmp(&key(other)),
        };
        Some((first.next_if(|_| order.is_le()), second.next_if(|_| order.is_ge())))
    })
}

/// The changes to a counted table.
#[derive(Default)]
struct TableCounts {
    /// Keys, each with the amount to add to its count.
    changes: Vec<Vec<Value>>,
    /// The keys whose counts decrease and may reach zero.
    fallen: Vec<Vec<Value>>,
}

fn named(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).expect("rows name a known table")
}

/// Binds a cell with its column's type, so that the store knows the type of a null too.
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

/// Builds an insert of these rows, to which more text may be added.
macro_rules! insert {
    ($table:expr, $rows:expr) => {{
        let columns: Vec<&str> = $table.columns.iter().map(|(name, _)| *name).collect();
        let mut insert = QueryBuilder::new(format!("insert into {} ({}) ", $table.name, columns.join(", ")));
        insert.push_values($rows, |mut row, cells| {
            for ((_, of_type), cell) in $table.columns.iter().zip(cells) {
                bind!(row, of_type, cell);
            }
        });
        insert
    }};
}

async fn insert(conn: &mut Conn, table: &'static Table, rows: &[Vec<Value>]) -> sqlx::Result<()> {
    on!(conn, conn => insert!(table, rows).build().execute(&mut **conn).await.map(drop)?);
    Ok(())
}

/// Adds to the counts of these keys.
async fn add(conn: &mut Conn, table: &'static Table, rows: &[Vec<Value>]) -> sqlx::Result<()> {
    on!(conn, conn => {
        let mut add = insert!(table, rows);
        let (name, key) = (table.name, key_of(table));
        add.push(format!(" on conflict ({key}) do update set journeys = {name}.journeys + excluded.journeys"));
        add.build().execute(&mut **conn).await?;
    });
    Ok(())
}

fn key_of(table: &Table) -> String {
    let columns: Vec<&str> = table.columns[..table.key].iter().map(|(name, _)| *name).collect();
    columns.join(", ")
}

/// Deletes the rows with these keys. In a counted table, only those with a count of zero.
async fn delete(conn: &mut Conn, table: &'static Table, keys: &[Vec<Value>]) -> sqlx::Result<()> {
    on!(conn, conn => {
        let empty = if table.is_counted { "journeys = 0 and " } else { "" };
        let mut delete = QueryBuilder::new(format!("delete from {} where {empty}({}) in (", table.name, key_of(table)));
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

/// The version of the folds, which decide the rows that follow from events. Raise it with every change that makes
/// different rows from the same log. Deployments then rebuild their views. `tests/it/fold_version.rs` fails when it
/// must be raised.
///
/// Version 5: offered referrals and erased people have rows (`offered_referral`, `erasure`).
pub(super) const FOLD_VERSION: u32 = 5;

/// The digest of everything from which a generation is made: the version of the folds, the definitions of its tables,
/// and the known bank holidays.
pub(super) static DEFINITION: LazyLock<String> = LazyLock::new(|| {
    let mut whole = digest::Context::new(&digest::SHA256);
    whole.update(&FOLD_VERSION.to_be_bytes());
    for text in TABLES.iter().map(|table| table.ddl).chain(generation::OWN_TABLES) {
        whole.update(&(text.len() as u64).to_be_bytes());
        whole.update(text.as_bytes());
    }
    whole.update(BankHolidays::known().hash().as_bytes());
    hex(whole.finish().as_ref())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_the_same_key_stand_side_by_side() {
        let (first, second) = ([(1, 'a'), (3, 'b'), (4, 'c')], [(2, 'd'), (3, 'e')]);
        let found: Vec<_> = side_by_side(first.iter(), second.iter(), |(key, _)| *key).collect();
        let expected = [
            (Some(&(1, 'a')), None),
            (None, Some(&(2, 'd'))),
            (Some(&(3, 'b')), Some(&(3, 'e'))),
            (Some(&(4, 'c')), None),
        ];
        assert_eq!(found, expected);
    }
}
