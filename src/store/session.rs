//! A Postgres session that writes: one that is given back in the middle of a transaction is closed instead, whatever
//! gave it back.
//!
//! What is known here need not be asked of the server: no transaction is begun on top of another, and none is given up
//! that is not there, which the server would put down as a warning each time.

use std::ops::{Deref, DerefMut};

use sqlx::{Executor as _, PgConnection};

use super::sessions::Borrowed;

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
