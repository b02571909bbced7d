//! The append-only log: the one truth, and the only code that names the events table.
//!
//! It knows envelopes, streams and positions. It must never know what a journey is.

pub mod append;
pub mod copy;
pub mod read;
pub mod restore;
pub mod verify;

mod clock_off;
mod follow;
mod insert;
pub(crate) mod scan;
mod writable;

pub use clock_off::{ClockOff, Witness};
pub use follow::Pages;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::store::{Dialect, Sql, Store, StoreError};
use throughline_domain::fact::envelope::{EnvelopeError, Position};
use writable::Writable;

/// Where the log stands.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Head {
    /// The position of the newest event; zero for an empty log.
    pub position: Position,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Raised when another node takes over.
    pub epoch: i64,
    /// What the database's own clock said as this was read, where it has one of its own.
    pub database_time: Option<DateTime<Utc>>,
}

/// What the database's clock said is no part of where the log stands.
impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        let stands = |head: &Self| (head.position, head.recorded_at, head.epoch);
        stands(self) == stands(other)
    }
}

/// The log of one store, for reading and following.
#[derive(Debug, Clone)]
pub struct Log {
    store: Arc<Store>,
    /// The newest position that this process knows of.
    newest: watch::Sender<Position>,
    /// Whether it can be written.
    writable: Writable,
}

/// A fault in reading or writing the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is no envelope: run `throughline log verify`.
    #[error("the log holds a record that cannot be read: run `throughline log verify`")]
    Envelope(#[from] EnvelopeError),
    /// What is stored has a payload that this build does not know.
    #[error("the log holds a payload that cannot be read")]
    Payload(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The append task has ended.
    #[error("the log takes no more events: the service is stopping")]
    Stopped,
    /// The database does not answer, is locked or full, and nothing of the command was recorded.
    #[error(
        "the log's database does not answer, is locked or full, and nothing was recorded: repeat the command in a moment"
    )]
    NotBegun,
    /// The database does not answer, so that nobody knows whether the command was recorded.
    #[error("the log's database does not answer: repeat the command under the same id in a moment")]
    Unreachable,
    /// The clock is too far off to record anything by, and nothing was.
    #[error("{0}: nothing is recorded until it is set right; ask again then")]
    ClockOff(ClockOff),
    /// Deciding a command panicked; nothing of it was recorded.
    #[error("deciding the command panicked, which is a fault of this program: standard error says where")]
    Panicked,
    /// More writers wait than the log will hold.
    #[error("the log has too much to do: try again in a moment")]
    Busy,
    /// The bulk load found the log in a state that it cannot load into.
    #[error("{0}")]
    Restore(String),
}

impl LogError {
    /// Whether the store is locked, full or out of reach.
    pub(crate) fn is_outage(&self) -> bool {
        let this: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(this), |error| error.source()).any(crate::store::is_outage)
    }
}

/// Every statement of the log, for preparing at start-up.
pub fn statements(dialect: Dialect) -> Vec<&'static Sql> {
    let inserts = match dialect {
        Dialect::Sqlite => &[],
        Dialect::Postgres => insert::POSTGRES_STATEMENTS,
    };
    [append::STATEMENTS, copy::STATEMENTS, inserts, read::STATEMENTS, scan::STATEMENTS, verify::STATEMENTS].concat()
}

impl Log {
    /// The log of this store.
    pub async fn open(store: Arc<Store>) -> Result<Self, LogError> {
        store.prepare(&statements(store.dialect())).await?;
        let log = Self::of(store);
        let head = log.head().await?;
        log.announce(head.position);
        Ok(log)
    }

    /// The log of a store that may be damaged, only to be verified: it need not say where it stands.
    pub async fn open_to_verify(store: Arc<Store>) -> Result<Self, LogError> {
        store.prepare(&statements(store.dialect())).await?;
        Ok(Self::of(store))
    }

    fn of(store: Arc<Store>) -> Self {
        Self { store, newest: watch::Sender::new(Position::default()), writable: Writable::default() }
    }

    /// The store beneath.
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The newest position that this process knows of, and a way to wait for the next.
    pub fn newest(&self) -> watch::Receiver<Position> {
        self.newest.subscribe()
    }

    /// Tells everybody who waits that the log has come this far.
    pub(crate) fn announce(&self, position: Position) {
        self.store.reaches(position.0);
        self.newest.send_if_modified(|known| {
            let further = position > *known;
            *known = position.max(*known);
            further
        });
    }
}
