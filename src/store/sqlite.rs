//! Opens `SQLite` files: those of the log, of views and of backups.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _, SqlitePool};

use super::{Mode, On, Place, Pool, READERS, STATEMENTS_KEPT, Store, StoreError};
use super::{claim, doing, frozen, is_locked, migrations, private, sibling, wal};

/// The text between the name of a log's file and the number of a view in the name of the view's file.
pub(crate) const VIEW: &str = "-g";

impl Store {
    pub(super) async fn open_sqlite(path: &Path, mode: Mode) -> Result<Self, StoreError> {
        let claim = match mode {
            Mode::Write => Some(claim(path)?),
            Mode::Read => {
                must_be_there(path)?;
                frozen::must_be_whole(path)?;
                None
            }
        };
        let mut is_made = false;
        if mode == Mode::Write {
            // Files that SQLite creates beside it get the mode of this file.
            match private().write(true).create_new(true).open(path) {
                Ok(_) => is_made = true,
                Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(StoreError::Claim { path: path.to_owned(), source }),
            }
        }
        let options = match mode {
            Mode::Read => options_to_read(path),
            Mode::Write => sqlite_options(path),
        };
        let options = options.synchronous(SqliteSynchronous::Full);
        let writer = options.clone().create_if_missing(mode == Mode::Write).pragma("wal_autocheckpoint", "0");
        let writer = sqlite_writer(writer);
        if mode == Mode::Write {
            wal::rewrite(path, &writer).await?;
            migrations::of_sqlite().run(&writer).await.map_err(|error| unmigrated(error, path))?;
        }
        let reader = sqlite_readers(options);
        Ok(Self::of_file(path, mode, writer, reader, Mutex::new(claim), is_made))
    }

    fn of_file(
        path: &Path,
        mode: Mode,
        writer: SqlitePool,
        reader: SqlitePool,
        claim: Mutex<Option<std::fs::File>>,
        is_made: bool,
    ) -> Self {
        let place = Place::Sqlite { path: path.to_owned() };
        let (writer, reader) = (On::Sqlite(writer), On::Sqlite(reader));
        let (building, leases, growth) = (Arc::default(), Arc::default(), Arc::default());
        Self { writer, reader, place, mode, is_made, claim, building, leases, growth }
    }

    /// Opens an `SQLite` file that no one writes to, such as a backup, only to read it. The file does not change.
    pub fn open_file(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Missing(path.display().to_string()));
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let options = options.immutable(frozen::is_frozen(path));
        let (writer, reader) = (sqlite_writer(options.clone()), sqlite_readers(options));
        Ok(Self::of_file(path, Mode::Read, writer, reader, Mutex::new(None), false))
    }

    /// Creates an `SQLite` file, or opens an existing one for writing.
    pub async fn make_file(path: &Path) -> Result<Self, StoreError> {
        Self::open_sqlite(path, Mode::Write).await
    }

    /// Turns an `SQLite` store into one plain file and closes it, so that it can be copied and read.
    pub async fn into_one_file(&self) -> Result<(), StoreError> {
        let (On::Sqlite(writer), On::Sqlite(reader)) = (&self.writer, &self.reader) else { return Ok(()) };
        reader.close().await;
        let plain = "pragma wal_checkpoint(truncate); pragma journal_mode = delete";
        writer.execute(sqlx::raw_sql(plain)).await.map_err(doing("make one file of the store"))?;
        self.close().await;
        Ok(())
    }

    /// Closes a store that is not needed after all, and deletes its file if this opening created it. No other process
    /// has written to it, because the claim is held until the file is gone.
    pub(crate) async fn take_back(&self) {
        let Place::Sqlite { path } = &self.place else { return };
        if !self.is_made {
            return;
        }
        super::on!(&self.reader, pool => pool.close().await);
        super::on!(&self.writer, pool => pool.close().await);
        for ending in ["-wal", "-shm", ""] {
            // A file that does not exist needs no deletion.
            let _ = std::fs::remove_file(sibling(path, ending));
        }
        self.close().await;
    }
}

/// Refuses a file that does not exist.
pub(super) fn must_be_there(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    match view_beside(path) {
        Some(view) => Err(StoreError::Lost { log: path.to_owned(), view }),
        None => Err(StoreError::Missing(path.display().to_string())),
    }
}

fn view_beside(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begins = format!("{}{VIEW}", path.file_name()?.display());
    let mut names = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_view = |name: &String| name.strip_prefix(&begins).is_some_and(|number| number.parse::<i64>().is_ok());
    names.find(is_view).map(|name| folder.join(name))
}

/// Why an `SQLite` file could not be brought up to date.
fn unmigrated(error: sqlx::migrate::MigrateError, path: &Path) -> StoreError {
    use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
    match &error {
        Execute(source) | ExecuteMigration(source, _) if is_locked(source) => StoreError::Locked(path.to_owned()),
        _ => super::unmigrated(error, path.display().to_string()),
    }
}

/// The options that all `SQLite` connections share.
pub(crate) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(STATEMENTS_KEPT)
}

/// The options of a reader. If no one writes to the file, no files are created beside it.
fn options_to_read(path: &Path) -> SqliteConnectOptions {
    if frozen::is_frozen(path) {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        options.statement_cache_capacity(STATEMENTS_KEPT)
    } else {
        sqlite_options(path)
    }
}

/// The pools of a view, writer and readers. Its commits need not reach the disk at once, because it can always be
/// caught up from the log.
pub(crate) fn sqlite_pools(path: &Path, mode: Mode) -> (Pool, Pool) {
    let options = if mode == Mode::Read { options_to_read(path) } else { sqlite_options(path) };
    let options = options.synchronous(SqliteSynchronous::Normal);
    (On::Sqlite(sqlite_writer(options.clone())), On::Sqlite(sqlite_readers(options)))
}

/// A pool of `SQLite` readers that cannot write. A request dropped in the middle may leave a transaction open. The next
/// borrower must not inherit it, and gets another connection. This is checked here without waking the connection's own
/// thread for each borrower.
pub(crate) fn sqlite_readers(options: SqliteConnectOptions) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(READERS);
    let pool = pool.before_acquire(|conn, _| Box::pin(std::future::ready(Ok(!conn.is_in_transaction()))));
    pool.connect_lazy_with(options.pragma("query_only", "on"))
}

/// A pool of one `SQLite` connection, the only one that writes. Its transactions begin with
/// [`Conn::begun`](super::Conn::begun). A request dropped in the middle of one leaves it open, and with it the lock of
/// the file, so it is rolled back when the connection returns to the pool.
pub(crate) fn sqlite_writer(options: SqliteConnectOptions) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1).after_release(|conn, _| {
        Box::pin(async move {
            // Outside a transaction the statement fails and changes nothing.
            let _ = conn.execute("rollback").await;
            Ok(true)
        })
    });
    pool.connect_lazy_with(options)
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::super::{Conn, on};
    use super::*;

    #[tokio::test]
    async fn a_transaction_left_open_is_rolled_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = sqlite_options(&folder.path().join("any.db")).create_if_missing(true);
        let pool = On::Sqlite(sqlite_writer(options.clone()));
        let mut left = Conn::begun(&pool).await.expect("a transaction");
        let half = "create table half (one integer)";
        let changed = on!(&mut left, conn => sqlx::raw_sql(half).execute(&mut **conn).await.map(drop));
        changed.expect("a change");
        let options = options.busy_timeout(Duration::from_secs(5));
        let mut other = SqliteConnection::connect_with(&options).await.expect("another connection");
        drop(left);
        other.execute("begin immediate").await.expect("the lock is free");
        let tables: (i64,) =
            sqlx::query_as("select count(*) from sqlite_master").fetch_one(&mut other).await.expect("it");
        assert_eq!(tables.0, 0, "half a change was kept");
    }
}
