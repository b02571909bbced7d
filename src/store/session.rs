//! A Postgres session that writes. A session returned to the pool in the middle of a transaction is closed, whatever
//! the reason.
//!
//! The session tracks its own transaction, so the server need not be asked: it never begins a transaction inside
//! another, and never rolls back one that does not exist, which the server would log as a warning each time.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::sessions::Borrowed;
use super::{Conn, On, Pool, is_locked};

/// The most time that a transaction may be idle, if this process is paused or cut off in the middle of one. The head
/// and the view are shared, so all others wait. After this time the server ends the session and releases its locks.
const STANDSTILL: Duration = Duration::from_secs(4);
/// The most time that a bulk load into an empty database may be idle while it reads. No one else writes to that
/// database.
const STANDSTILL_OF_A_LOAD: &str = "set local idle_in_transaction_session_timeout = '60s'";

/// Options of sessions whose idle transactions the server ends: when this process sends nothing, and when it does not
/// receive what the server sends.
pub(super) fn never_standing_still(options: PgConnectOptions) -> PgConnectOptions {
    let millis = STANDSTILL.as_millis().to_string();
    uncompiled(options).options([("idle_in_transaction_session_timeout", &millis), ("tcp_user_timeout", &millis)])
}

/// Options of sessions without JIT compilation: our statements finish before it would, however many rows the planner
/// expects.
pub(super) fn uncompiled(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("jit", "off")])
}

impl Conn {
    /// Begins a transaction that may write, like [`Conn::begun`], but does not wait for another program that holds the
    /// `SQLite` file.
    pub(crate) async fn begun_at_once(pool: &Pool) -> sqlx::Result<Self> {
        let On::Sqlite(sqlite) = pool else { return Self::begun(pool).await };
        let mut conn = sqlite.acquire().await?;
        let usually: (i64,) = sqlx::query_as("pragma busy_timeout").fetch_one(&mut *conn).await?;
        conn.execute("pragma busy_timeout = 0").await?;
        let begun = conn.execute("begin immediate").await;
        conn.execute(AssertSqlSafe(format!("pragma busy_timeout = {}", usually.0))).await?;
        match begun {
            Ok(_) => Ok(Self::Sqlite(conn)),
            Err(error) => {
                if !is_locked(&error) {
                    drop(conn.detach());
                }
                Err(error)
            }
        }
    }

    /// Makes this transaction write something without changing data. `SQLite` does not write a page that an update
    /// leaves unchanged, except the page with the number that a program may set for its file (`user_version`).
    pub(crate) async fn write_what_is_there(&mut self) -> sqlx::Result<()> {
        let On::Sqlite(conn) = self else { return Ok(()) };
        let number: (i64,) = sqlx::query_as("pragma user_version").fetch_one(&mut **conn).await?;
        conn.execute(AssertSqlSafe(format!("pragma user_version = {}", number.0))).await.map(drop)
    }

    /// Waits for something else in the middle of a transaction, and meanwhile lets the server know that this process is
    /// alive.
    pub(crate) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> sqlx::Result<T> {
        let mut other = std::pin::pin!(other);
        loop {
            match tokio::time::timeout(STANDSTILL / 4, &mut other).await {
                Ok(done) => return Ok(done),
                Err(_) => self.is_there().await?,
            }
        }
    }

    /// Fails if the server has ended the session, and with it the transaction and its locks.
    pub(crate) async fn is_there(&mut self) -> sqlx::Result<()> {
        match self {
            On::Sqlite(_) => Ok(()),
            On::Postgres(session) => session.execute("select 1").await.map(drop),
        }
    }

    /// Permits this transaction to be idle while a bulk load reads its input.
    pub(crate) async fn loads(&mut self) -> sqlx::Result<()> {
        match self {
            On::Sqlite(_) => Ok(()),
            On::Postgres(session) => session.execute(STANDSTILL_OF_A_LOAD).await.map(drop),
        }
    }
}

/// A session taken from a pool.
#[derive(Debug)]
pub struct Session {
    conn: Borrowed,
    /// Whether a transaction may be open: from before it begins until the server has confirmed its end.
    is_open: bool,
}

impl Session {
    /// A session without a transaction.
    pub(super) const fn new(conn: Borrowed) -> Self {
        Self { conn, is_open: false }
    }

    pub(super) async fn begin(&mut self) -> sqlx::Result<()> {
        self.is_open = true;
        // Each statement must see what others have committed, whatever the server's default is.
        self.conn.execute(sqlx::raw_sql("begin isolation level read committed")).await.map(drop)
    }

    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        self.conn.execute("commit").await?;
        self.is_open = false;
        Ok(())
    }

    pub(super) async fn rollback(&mut self) -> sqlx::Result<()> {
        if self.is_open {
            self.conn.execute("rollback").await?;
            self.is_open = false;
        }
        Ok(())
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &Self::Target {
        &self.conn
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.conn
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.is_open {
            self.conn.close_on_drop();
        }
    }
}
