//! The row differences between two generations: what a rebuild changes, before anyone switches to it.
//!
//! It reads both in the order of their keys and keeps only which journeys differ, and in which tables.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::dump::{self, Lot};
use super::generation::Generation;
use crate::store::StoreError;
use throughline_domain::fact::envelope::JourneyId;
use throughline_projections::{TABLES, Table, Type, journey};

/// The rows that differ between two generations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsDiffer {
    /// The number of rows that differ, for each table with differences.
    pub tables: BTreeMap<&'static str, RowCounts>,
    /// The journeys with such rows, and the tables.
    pub journeys: BTreeMap<JourneyId, BTreeSet<&'static str>>,
}

/// The number of rows of a table that differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Rows in the first generation only.
    pub only_one: u64,
    /// Rows in the second generation only.
    pub only_other: u64,
    /// Rows with the same key and different content.
    pub changed: u64,
}

impl Generation {
    /// The rows that differ in another generation. Each generation is read at one moment.
    pub async fn rows_that_differ(&self, other: &Self) -> Result<RowsDiffer, StoreError> {
        let (mut one, mut another) = (Rows::of(self).await?, Rows::of(other).await?);
        let mut found = RowsDiffer::default();
        loop {
            let order = match (one.peek(), another.peek()) {
                (None, None) => return Ok(found),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) if a == b => {
                    one.advance().await?;
                    another.advance().await?;
                    continue;
                }
                (Some(a), Some(b)) => by_key(a, b),
            };
            if let Some((table, row)) = if order == Ordering::Greater { another.peek() } else { one.peek() } {
                found.add(TABLES[table], row, order);
            }
            if order != Ordering::Greater {
                one.advance().await?;
            }
            if order != Ordering::Less {
                another.advance().await?;
            }
        }
    }
}

impl RowsDiffer {
    fn add(&mut self, table: &'static Table, row: &[u8], order: Ordering) {
        let counts = self.tables.entry(table.name).or_default();
        *match order {
            Ordering::Less => &mut counts.only_one,
            Ordering::Equal => &mut counts.changed,
            Ordering::Greater => &mut counts.only_other,
        } += 1;
        let is_of_journey = table.columns[0].0 == "journey" || table.name == journey::TABLE.name;
        let id = dump::cells(row).next().flatten().and_then(|id| Uuid::from_slice(id).ok());
        if let Some(id) = id.filter(|_| is_of_journey) {
            self.journeys.entry(JourneyId(id)).or_default().insert(table.name);
        }
    }
}

/// The order of two rows by table and key.
fn by_key((table, a): (usize, &[u8]), (other, b): (usize, &[u8])) -> Ordering {
    let number = |cell: &[u8]| i64::from_be_bytes(cell.try_into().unwrap_or_default());
    let of_type = |(at, cells): (usize, (dump::Cell<'_>, dump::Cell<'_>))| match (cells, TABLES[table].columns[at].1) {
        ((Some(a), Some(b)), Type::Int) => number(a).cmp(&number(b)),
        ((a, b), _) => a.cmp(&b),
    };
    let key = || dump::cells(a).zip(dump::cells(b)).take(TABLES[table].key).enumerate().map(of_type);
    table.cmp(&other).then_with(|| key().find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
}

/// The rows of a generation, in order.
struct Rows {
    lots: mpsc::Receiver<Result<Lot, StoreError>>,
    lot: Option<Lot>,
    /// The index of the next row in the lot.
    at: usize,
    /// The last table that has started.
    table: usize,
}

impl Rows {
    async fn of(generation: &Generation) -> Result<Self, StoreError> {
        let mut rows = Self { lots: dump::read(&generation.reader), lot: None, at: 0, table: 0 };
        rows.fill().await?;
        Ok(rows)
    }

    /// The next row with its table. `None` after the last.
    fn peek(&self) -> Option<(usize, &[u8])> {
        let lot = self.lot.as_ref()?;
        let begins = self.at.checked_sub(1).map_or(0, |before| lot.ends[before]);
        Some((lot.table, &lot.bytes[begins..lot.ends[self.at]]))
    }

    async fn advance(&mut self) -> Result<(), StoreError> {
        self.at += 1;
        if self.lot.as_ref().is_some_and(|lot| self.at == lot.ends.len()) {
            self.fill().await?;
        }
        Ok(())
    }

    /// Takes the next lot that has rows.
    async fn fill(&mut self) -> Result<(), StoreError> {
        (self.lot, self.at) = (None, 0);
        while let Some(lot) = self.lots.recv().await {
            let lot = lot?;
            self.table = lot.table;
            if !lot.ends.is_empty() {
                self.lot = Some(lot);
                return Ok(());
            }
        }
        if self.table + 1 == TABLES.len() { Ok(()) } else { Err(dump::broken_off()) }
    }
}
