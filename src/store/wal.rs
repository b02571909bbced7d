//! The write-ahead log of an `SQLite` file: makes sure that its content is on disk.
//!
//! A failed sync may leave pages that can be read but never reach the disk, and the next sync reports success. So
//! nothing may depend on such pages: they are written again, or the process ends (docs/decisions/0030).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use sqlx::SqlitePool;

use super::{Conn, On, Store, StoreError, doing, is_locked, sibling};
use crate::telemetry::repeated::Repeated;

static UNKNOWN: Repeated = Repeated::warning("the length of the write-ahead log cannot be read");
static GROWS: Repeated = Repeated::warning("the write-ahead log cannot be moved into its file and grows");

/// The number of pages from which the write-ahead log is moved into its file, as `SQLite` would do by itself.
const PAGES_MAX: i64 = 1_000;
/// `SQLite`'s code for a disk that could not be written or synced. The extended code says which.
const DISK_ERROR: i32 = 0x0a;
const SYNC_ERROR: i32 = 0x040a;
/// The number of bytes written again at once.
const PORTION: usize = 1 << 20;

/// Whether the disk failed under `SQLite`, so that it is unknown which parts of a commit are on disk.
pub(crate) fn is_failed_disk(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code & 0xff == DISK_ERROR)
}

/// `SQLite`'s code of an error, a number. Codes of Postgres are five characters.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    if code.len() < 5 { code.parse().ok() } else { None }
}

/// Writes an existing write-ahead log once more before anything is added to it. After a failed sync, its pages could be
/// in memory only. No other process changes it meanwhile.
pub(super) async fn rewrite(path: &Path, writer: &SqlitePool) -> Result<(), StoreError> {
    // SQLite keeps it beside the file that a link points to.
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
        // It belonged to a file that no longer exists, and SQLite has removed it.
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
    /// Moves the write-ahead log into the file once it is long. `SQLite` would do this by itself, but would not report
    /// a failed sync. No committed data depends on it.
    ///
    /// # Aborts
    ///
    /// If pages from an earlier part may be lost: `SQLite` takes them as done and would not write them again. Closing
    /// the file would make the loss permanent. The next process to open the file starts at the first page.
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
        tracing::error!(%error, "a sync of the log's file failed: this process ends, and the next start recovers the \
            log");
        std::process::abort();
    }
}

/// The number of pages in the write-ahead log, and how many of them `SQLite` takes as moved into the file.
async fn checkpoint(writer: &SqlitePool, pragma: &'static str) -> sqlx::Result<(i64, i64)> {
    let (_, pages, done): (i64, i64, i64) = sqlx::query_as(pragma).fetch_one(writer).await?;
    Ok((pages, done))
}
