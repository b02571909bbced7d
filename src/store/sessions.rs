//! The Postgres sessions of one pool: who may have one, and how long it takes to find out that none can be had.
//!
//! Two waits are told apart. Waiting until somebody gives a session back is what a busy service does, and it may take
//! its time. Waiting for a server that does not answer is an outage, and everybody who waits learns of it in seconds.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How long a server may take to answer whoever has a place and wants a session: enough for a restart in passing.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait for a place while the server answers.
const PLACE_WITHIN: Duration = Duration::from_secs(30);

/// A pool of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    pool: PgPool,
    /// A place for each session that the pool may have: with a place, nobody waits for another borrower.
    places: Arc<Semaphore>,
    /// How often no session could be had: those who wait for a place meanwhile are told.
    failures: watch::Sender<u64>,
}

/// A session that is borrowed.
#[derive(Debug)]
pub struct Borrowed {
    // It goes back before the place does.
    conn: PoolConnection<Postgres>,
    _place: OwnedSemaphorePermit,
}

impl Sessions {
    /// At most so many sessions, opened as they are needed.
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
            // Whoever had a place waited for the server in vain, and so would everybody else, one after the other.
            _ = failures.changed() => Err(Error::PoolTimedOut),
            () = tokio::time::sleep(PLACE_WITHIN) => Err(Error::PoolTimedOut),
        }
    }

    /// Closes every session; nobody borrows one any more.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Borrowed {
    /// Keeps the session for good; the pool opens another in its place.
    pub fn detach(self) -> PgConnection {
        self.conn.detach()
    }

    /// Has it closed when it is given back.
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

/// A statement by itself is done on whichever session can be had.
impl<'p> Executor<'p> for &'p Sessions {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let sessions = self.clone();
        // The session goes back with the last row, not with whoever reads slowly.
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

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<sqlx::Describe<Postgres>>>
    where
        'p: 'e,
    {
        let sessions = self.clone();
        Box::pin(async move { sessions.acquire().await?.describe(sql).await })
    }
}
