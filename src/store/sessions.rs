//! The Postgres sessions of one pool: who may have one, and how soon a failure is noticed.
//!
//! There are two kinds of wait. Waiting for another borrower to return a session is normal in a busy service and may
//! take some time. Waiting for a server that does not answer is an outage, and all waiting callers get the answer within
//! seconds.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The most time that the server may take to open a session for a caller that has a place. It covers a short restart.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// The most time to wait for a place while the server answers.
const PLACE_WITHIN: Duration = Duration::from_secs(30);

/// A pool of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    pool: PgPool,
    /// One place for each session that the pool may have. A caller with a place waits for no other borrower.
    places: Arc<Semaphore>,
    /// The number of failures to get a session. Callers that wait for a place watch it.
    failures: watch::Sender<u64>,
}

/// A borrowed session.
#[derive(Debug)]
pub struct Borrowed {
    // Dropped before the place is.
    conn: PoolConnection<Postgres>,
    _place: OwnedSemaphorePermit,
}

impl Sessions {
    /// At most `most` sessions, opened as they are needed.
    pub(super) fn new(most: u32, pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let pool = pool.max_connections(most).acquire_timeout(ANSWERS_WITHIN).connect_lazy_with(options);
        let places = Arc::new(Semaphore::new(usize::try_from(most).expect("a few sessions")));
        Self { pool, places, failures: watch::Sender::new(0) }
    }

    /// Borrows a session.
    pub async fn acquire(&self) -> sqlx::Result<Borrowed> {
        let place = self.place().await?;
        match self.pool.acquire().await {
            Ok(conn) => Ok(Borrowed { conn, _place: place }),
            Err(error) => {
                self.failures.send_modify(|failures| *failures += 1);
                Err(error)
            }
        }
    }

    async fn place(&self) -> sqlx::Result<OwnedSemaphorePermit> {
        let mut failures = self.failures.subscribe();
        let places = Arc::clone(&self.places);
        tokio::select! {
            biased;
            place = places.acquire_owned() => place.map_err(|_| Error::PoolClosed),
            // A caller with a place waited for the server without success. All others would too, one after the other.
            _ = failures.changed() => Err(Error::PoolTimedOut),
            () = tokio::time::sleep(PLACE_WITHIN) => Err(Error::PoolTimedOut),
        }
    }

    /// Closes every session. No more can be borrowed.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Borrowed {
    /// Takes the session out of the pool for good. The pool opens another in its place.
    pub fn detach(self) -> PgConnection {
        self.conn.detach()
    }

    /// Has the session closed when it is returned.
    pub(super) fn close_on_drop(&mut self) {
        self.conn.close_on_drop();
    }
}

impl Deref for Borrowed {
    type Target = PgConnection;

    fn deref(&self) -> &Self::Target {
        &self.conn
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.conn
    }
}

/// A single statement runs on any available session.
impl<'p> Executor<'p> for &'p Sessions {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let sessions = self.clone();
        // The session is returned after the last row is read, not when a slow caller is done with the rows.
        let read = async move {
            let mut session = sessions.acquire().await?;
            session.fetch_many(query).try_collect::<Vec<_>>().await
        };
        stream::once(read).map_ok(|rows| stream::iter(rows).map(Ok)).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let sessions = self.clone();
        Box::pin(async move { sessions.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        let sessions = self.clone();
        Box::pin(async move { sessions.acquire().await?.prepare_with(sql, parameters).await })
    }
}
