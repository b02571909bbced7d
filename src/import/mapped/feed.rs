//! The rows of files, one after the other, read on a thread of their own while earlier ones are recorded.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::import::read::{self, Cell, Found, Inspected, Row, Unfit, Wanted};

/// The rows that wait between the two threads.
const AHEAD: usize = 4096;
/// The most rows of a table that other tables join. They are kept in memory.
const JOINED_MAX: usize = 2_000_000;

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
    /// For each table: the row of each key. `None` for a key that several rows have.
    by_key: HashMap<usize, HashMap<String, Option<Vec<Cell>>>>,
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
            let mut count = 0;
            for (file, inspected) in files {
                let named = |unfit| (file.name.clone(), unfit);
                let opened = file.open().map_err(|source| named(Unfit::File { line: 0, source }))?;
                read::read(&file.name, opened, &inspected, &wanted, &mut |row| {
                    count += usize::from(joined.keep(row, &keys));
                    if count > JOINED_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
                .map_err(named)?;
                if count > JOINED_MAX {
                    let message = format!(
                        "the tables that others join have more than {JOINED_MAX} rows: join them before the export"
                    );
                    return Err(named(Unfit::Wrong { line: None, message }));
                }
            }
            Ok(joined)
        })
        .await
    }

    /// Keeps a row, if its table is joined.
    fn keep(&mut self, row: Row, keys: &HashMap<usize, usize>) -> bool {
        let (Some(table), Ok(cells)) = (row.table, row.cells) else { return false };
        let Some(Cell::Text(key)) = keys.get(&table).and_then(|key| cells.get(*key)) else { return false };
        let key = key.clone();
        let rows = self.by_key.entry(table).or_default();
        let is_new = !rows.contains_key(&key);
        rows.insert(key, is_new.then_some(cells));
        is_new
    }

    /// The row of a table with this key, if exactly one has it.
    pub(super) fn row(&self, table: usize, key: &Cell) -> Option<&[Cell]> {
        let Cell::Text(key) = key else { return None };
        self.by_key.get(&table)?.get(key)?.as_deref()
    }
}

/// Does work that may wait for the disk, away from the tasks that answer.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("a reader does not panic")
}
