//! The write-ahead log of an `SQLite` file: that what it says is on the disk.
//!
//! A sync that fails may leave pages that can be read and never get to the disk, and the next sync says that all is
//! well. So nothing may rest on such pages: they are written again, or the process ends (docs/decisions/0030).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use sqlx::SqlitePool;

use super::{Conn, On, Store, StoreError, doing, is_locked, sibling};
use crate::telemetry::repeated::Repeated;

static UNKNOWN: Repeated = Repeated::warning("the length of the write-ahead log is not known");
static GROWS: Repeated = Repeated::warning("the write-ahead log cannot be brought into its file, and grows");

/// From so many pages on the write-ahead log is brought into its file, as `SQLite` would by itself.
const PAGES_MAX: i64 = 1_000;
/// A disk that could not be written or synced, as `SQLite` says it: an error of the disk, and which.
const DISK_ERROR: i32 = 0x0a;
const SYNC_ERROR: i32 = 0x040a;
/// How much is written again at once.
const PORTION: usize = 1 << 20;

/// Whether the disk failed under `SQLite`, so that nobody knows what of a commit is on it.
pub(crate) fn is_failed_disk(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code & 0xff == DISK_ERROR)
}

/// `SQLite`'s own number of an error; those of Postgres are five characters.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    if code.len() < 5 { code.parse().ok() } else { None }
}

/// Writes a write-ahead log that was left behind once more, before anything is added to it: what a sync failed to
/// bring to the disk could be in memory alone. Nobody else changes it meanwhile.
pub(super) async fn rewrite(path: &Path, writer: &SqlitePool) -> Result<(), StoreError> {
    // SQLite keeps it beside the file that a link leads to.
    let Ok(file) = path.canonicalize() else { return Ok(()) };
    let log = sibling(&file, "-wal");
    if !log.metadata().is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let begun = Conn::begun(&On::Sqlite(writer.clone())).await;
    let mut conn = begun.map_err(|error| {
        if is_locked(&error) { StoreError::Locked(path.to_owned()) } else { doing("begin to recover the log")(error) }
    })?;
    let written = write_again(&log);
    conn.rollback().await;
    written.map_err(|source| doing("write the write-ahead log again")(source.into()))
}

fn write_again(path: &Path) -> io::Result<()> {
    let mut file = match File::options().read(true).write(true).open(path) {
        // It belonged to a file that is no longer there, and SQLite has removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut portion = Vec::with_capacity(PORTION);
    loop {
        portion.clear();
        let at = file.stream_position()?;
        if (&mut file).take(PORTION as u64).read_to_end(&mut portion)? == 0 {
            return file.sync_all();
        }
        file.seek(io::SeekFrom::Start(at))?;
        file.write_all(&portion)?;
    }
}

impl Store {
    /// Brings the write-ahead log into the file once it is long; `SQLite` would do so by itself, and say nothing of a sync
    /// that failed. Nothing that was committed rests on it.
    ///
    /// # Aborts
    ///
    /// Where pages of an earlier part may be lost: `SQLite` takes those for done, and would not write them again. Closing
    /// the file would make that good for ever; the next process to open it begins at the first page.
    pub(crate) async fn fold_long_wal(&self) {
        let On::Sqlite(writer) = &self.writer else { return };
        let (pages, _) = match checkpoint(writer, "pragma wal_checkpoint(noop)").await {
            Ok(far) => far,
            Err(error) => return UNKNOWN.met(&error),
        };
        if pages < PAGES_MAX {
            return;
        }
        let Err(error) = checkpoint(writer, "pragma wal_checkpoint(passive)").await else { return };
        if code(&error) != Some(SYNC_ERROR) {
            return GROWS.met(&error);
        }
        if let Ok((_, 0)) = checkpoint(writer, "pragma wal_checkpoint(noop)").await {
            return tracing::error!(%error, "a sync of the log's file failed; everything is written again");
        }
        tracing::error!(%error, "a sync of the log's file failed: this process ends, and the next recovers it");
        std::process::abort();
    }
}

/// How many pages the write-ahead log has, and how many of them `SQLite` takes for brought into the file.
async fn checkpoint(writer: &SqlitePool, pragma: &'static str) -> sqlx::Result<(i64, i64)> {
    let (_, pages, done): (i64, i64, i64) = sqlx::query_as(pragma).fetch_one(writer).await?;
    Ok((pages, done))
}
