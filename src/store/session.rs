//! A Postgres session that writes: one that is given back in the middle of a transaction is closed instead, whatever
//! gave it back.
//!
//! What is known here need not be asked of the server: no transaction is begun on top of another, and none is given up
//! that is not there, which the server would put down as a warning each time.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::sessions::Borrowed;
use super::{Conn, On, Pool, is_locked};

/// How long a transaction of ours may stand still, should this process be paused or cut off in the middle of one: the
/// head and the view are everybody's, and everybody else waits. Then the server ends the session, and what it locked is
/// free.
const STANDSTILL: Duration = Duration::from_secs(4);
/// How long whoever loads a log into an empty database may read in between: nobody else writes to it.
const STANDSTILL_OF_A_LOAD: &str = "set local idle_in_transaction_session_timeout = '60s'";

/// Options of sessions whose transactions the server ends when they stand still: when nothing comes from here, and when
/// nobody here takes what it sends.
pub(super) fn never_standing_still(options: PgConnectOptions) -> PgConnectOptions {
    let millis = STANDSTILL.as_millis().to_string();
    uncompiled(options).options([("idle_in_transaction_session_timeout", &millis), ("tcp_user_timeout", &millis)])
}

/// Options of sessions whose plans the server does not compile: a statement of ours is over before that is done, however
/// many rows the planner expects.
pub(super) fn uncompiled(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("jit", "off")])
}

impl Conn {
    /// Begins a transaction that may write as [`Conn::begun`] does, but does not wait for another program that holds the
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

    /// Has this transaction write what is there already. `SQLite` leaves a page alone that an update finds as it is, but not
    /// the one with the number that a program may give its file.
    pub(crate) async fn write_what_is_there(&mut self) -> sqlx::Result<()> {
        let On::Sqlite(conn) = self else { return Ok(()) };
        let number: (i64,) = sqlx::query_as("pragma user_version").fetch_one(&mut **conn).await?;
        conn.execute(AssertSqlSafe(format!("pragma user_version = {}", number.0))).await.map(drop)
    }

    /// Waits for something else in the middle of a transaction, and lets the server know meanwhile that this process goes
    /// on.
    pub(crate) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> sqlx::Result<T> {
        let mut other = std::pin::pin!(other);
        loop {
            match tokio::time::timeout(STANDSTILL / 4, &mut other).await {
                Ok(done) => return Ok(done),
                Err(_) => self.is_there().await?,
            }
        }
    }

    /// Fails where the server has ended the session, and with it the transaction and its locks.
    pub(crate) async fn is_there(&mut self) -> sqlx::Result<()> {
        match self {
            On::Sqlite(_) => Ok(()),
            On::Postgres(session) => session.execute("select 1").await.map(drop),
        }
    }

    /// Lets this transaction stand still while what it loads is read.
    pub(crate) async fn loads(&mut self) -> sqlx::Result<()> {
        match self {
            On::Sqlite(_) => Ok(()),
            On::Postgres(session) => session.execute(STANDSTILL_OF_A_LOAD).await.map(drop),
        }
    }
}

/// A session that was taken from a pool.
#[derive(Debug)]
pub struct Session {
    conn: Borrowed,
    /// Whether a transaction may be open: from before it is begun until the server has said that it ended.
    is_open: bool,
}

impl Session {
    /// A session outside of any transaction.
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
