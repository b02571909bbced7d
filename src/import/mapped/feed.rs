//! The rows of files, one after the other, read on a thread of their own while earlier ones are recorded.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::import::mapping::{Join, Spot};
use crate::import::read::{self, Cell, Found, Inspected, Row, Unfit, Wanted};

/// The rows that wait between the two threads.
const AHEAD: usize = 1024;
/// The most rows of tables that other tables join, and the most bytes of their text. They are kept in memory.
const JOINED_MAX: usize = 2_000_000;
const JOINED_BYTES_MAX: usize = 512 << 20;

/// A file to import.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The name that patterns of the mapping are compared with, and that messages show.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl SourceFile {
    fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Reads the file once for its digest and encoding.
    pub(super) async fn inspect(&self, wanted: &Wanted) -> Result<Inspected, Unfit> {
        let (file, declared) = (self.clone(), wanted.character);
        blocking(move || {
            let inspected = file.open().and_then(|mut file| Inspected::of(&mut file, declared));
            inspected.map_err(|source| Unfit::File { line: 0, source })
        })
        .await
    }
}

/// The rows of one file.
pub(super) struct Rows {
    rows: mpsc::Receiver<Row>,
    reading: tokio::task::JoinHandle<Result<Found, Unfit>>,
}

impl Rows {
    /// Begins to read a file.
    pub(super) fn of(file: &SourceFile, inspected: &Inspected, wanted: &Arc<Wanted>) -> Self {
        let (sender, rows) = mpsc::channel(AHEAD);
        let (file, inspected, wanted) = (file.clone(), inspected.clone(), Arc::clone(wanted));
        let reading = tokio::task::spawn_blocking(move || {
            let mut opened = file.open().map_err(|source| Unfit::File { line: 0, source })?;
            opened.rewind().map_err(|source| Unfit::File { line: 0, source })?;
            read::read(&file.name, opened, &inspected, &wanted, &mut |row| match sender.blocking_send(row) {
                Ok(()) => ControlFlow::Continue(()),
                // Nobody waits for the rows any more.
                Err(_) => ControlFlow::Break(()),
            })
        });
        Self { rows, reading }
    }

    /// Adds the next rows to the list, up to so many. Adds none at the end of the file.
    pub(super) async fn next(&mut self, most: usize) -> Vec<Row> {
        let mut rows = Vec::with_capacity(most);
        while rows.len() < most {
            match self.rows.recv().await {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        rows
    }

    /// What was found in the file, or why it could not be read to its end.
    pub(super) async fn end(self) -> Result<Found, Unfit> {
        drop(self.rows);
        self.reading.await.expect("a reader does not panic")
    }
}

/// The rows of a table that others join, by their key.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// For each table: the row of each key. If rows with one key differ, none of them is taken: every cell says that it
    /// is there several times, so that no value is guessed and none is taken for empty.
    by_key: HashMap<usize, HashMap<String, Vec<Cell>>>,
    rows: usize,
    bytes: usize,
}

impl Joined {
    /// Keeps the rows of these tables, each by its key column.
    pub(super) async fn read(
        files: &[(SourceFile, Inspected)],
        wanted: &Arc<Wanted>,
        keys: HashMap<usize, usize>,
    ) -> Result<Self, (String, Unfit)> {
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let (files, wanted) = (files.to_vec(), Arc::clone(wanted));
        blocking(move || {
            let mut joined = Self::default();
            let first = files.first().map(|(file, _)| file.name.clone()).unwrap_or_default();
            let mut found = HashSet::new();
            for (file, inspected) in files {
                let named = |unfit| (file.name.clone(), unfit);
                let opened = file.open().map_err(|source| named(Unfit::File { line: 0, source }))?;
                let of_file = read::read(&file.name, opened, &inspected, &wanted, &mut |row| {
                    joined.keep(row, &keys);
                    if joined.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                found.extend(of_file.map_err(named)?.tables);
                if joined.is_full() {
                    let message = format!(
                        "the tables that others join have more than {JOINED_MAX} rows or {} MiB: join them before the \
                         export",
                        JOINED_BYTES_MAX >> 20
                    );
                    return Err(named(Unfit::Wrong { line: None, message }));
                }
            }
            // Without it, everything that it says would seem to be empty now.
            match keys.keys().find(|table| !found.contains(*table)) {
                None => Ok(joined),
                Some(table) => {
                    let name = &wanted.tables[*table].name;
                    let message = format!("other tables join the table {name}: give a file of it in the same import");
                    Err((first, Unfit::Wrong { line: None, message }))
                }
            }
        })
        .await
    }

    const fn is_full(&self) -> bool {
        self.rows > JOINED_MAX || self.bytes > JOINED_BYTES_MAX
    }

    /// Keeps a row, if its table is joined.
    fn keep(&mut self, row: Row, keys: &HashMap<usize, usize>) {
        let (Some(table), Ok(cells)) = (row.table, row.cells) else { return };
        let Some(Cell::Text(key)) = keys.get(&table).and_then(|key| cells.get(*key)) else { return };
        if key.is_empty() {
            return;
        }
        let rows = self.by_key.entry(table).or_default();
        match rows.get_mut(key) {
            Some(before) if *before == cells => {}
            Some(before) => *before = vec![Cell::Repeated(2); cells.len()],
            None => {
                self.rows += 1;
                self.bytes += key.len() + cells.iter().map(Cell::bytes).sum::<usize>();
                rows.insert(key.clone(), cells);
            }
        }
    }

    /// The rows that a row joins, each by a key of its own or of a row joined before.
    pub(super) fn rows(&self, joins: &[Join], own: &[Cell]) -> Vec<Option<&[Cell]>> {
        let mut rows: Vec<Option<&[Cell]>> = Vec::with_capacity(joins.len());
        for join in joins {
            let key = match join.column {
                Spot::Own(column) => own.get(column),
                Spot::Joined { join, column } => rows.get(join).copied().flatten().and_then(|row| row.get(column)),
            };
            rows.push(key.and_then(|key| self.row(join.table, key)));
        }
        rows
    }

    /// The row of a table with this key.
    fn row(&self, table: usize, key: &Cell) -> Option<&[Cell]> {
        let Cell::Text(key) = key else { return None };
        self.by_key.get(&table)?.get(key).map(Vec::as_slice)
    }
}

/// Does work that may wait for the disk, away from the tasks that answer.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("a reader does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Row {
        let cells = cells.iter().map(|text| Cell::Text((*text).to_owned())).collect();
        Row { table: Some(0), line: 2, cells: Ok(cells) }
    }

    #[test]
    fn rows_that_differ_about_one_key_are_not_taken_for_empty() {
        let (mut joined, keys) = (Joined::default(), HashMap::from([(0, 0)]));
        for cells in [["1", "mid"], ["2", "mid"], ["1", "mid"], ["2", "west"], ["", "west"]] {
            joined.keep(row(&cells), &keys);
        }
        let found = |key: &str| joined.row(0, &Cell::Text(key.to_owned())).map(|row| row[1].clone());
        assert_eq!(found("1"), Some(Cell::Text("mid".to_owned())), "the same row twice");
        assert_eq!(found("2"), Some(Cell::Repeated(2)));
        assert_eq!((found(""), found("3")), (None, None));
    }
}
