//! The append-only log: the source of truth, and the only code that names the events table.
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
pub mod key_uses;
pub(crate) mod scan;
mod secrets;
mod writable;

pub use clock_off::{ClockOff, Witness};
pub use follow::Pages;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{OnceCell, watch};

use crate::access::pseudonym::Pseudonyms;
use crate::store::{Dialect, Sql, Store, StoreError};
use throughline_domain::fact::envelope::{EnvelopeError, Position};
use writable::Writable;

/// The state of the log's head.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Head {
    /// The position of the newest event; zero for an empty log.
    pub position: Position,
    /// When that event was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Increased when another node takes over.
    pub epoch: i64,
    /// The database's time when the head was read, if the database has its own clock.
    pub database_time: Option<DateTime<Utc>>,
}

/// The database's time is not part of the head's state.
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
    /// The newest position that this process knows.
    newest: watch::Sender<Position>,
    /// Whether the log can be written to.
    writable: Writable,
    /// What auditors and commissioners see in place of the ids of subjects. Read when it is first needed.
    pseudonyms: Arc<OnceCell<Pseudonyms>>,
}

/// An error in reading or writing the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored record is not an envelope: run `throughline log verify`.
    #[error("the log contains a record that cannot be read: run `throughline log verify`")]
    Envelope(#[from] EnvelopeError),
    /// A stored payload is unknown to this build.
    #[error("the log contains a payload that cannot be read")]
    Payload(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The append task has ended.
    #[error("the log accepts no more events: the service is stopping")]
    Stopped,
    /// The database does not answer, is locked or full, and nothing of the command was recorded.
    #[error(
        "the log's database does not answer, is locked or full, and nothing was recorded: repeat the command in a moment"
    )]
    NotBegun,
    /// The database does not answer, so it is unknown whether the command was recorded.
    #[error("the log's database does not answer: repeat the command under the same id in a moment")]
    Unreachable,
    /// The clock is too far off to record events, and nothing was recorded.
    #[error("{0}: nothing is recorded until the clock is corrected; try again after that")]
    ClockOff(ClockOff),
    /// Deciding a command panicked. Nothing of the command was recorded.
    #[error("deciding the command panicked, which is a fault of this program: see standard error")]
    Panicked,
    /// The queue of waiting commands is full.
    #[error("too many commands are waiting: try again in a moment")]
    Busy,
    /// The log's state does not permit the bulk load.
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

    /// The log of a store that may be damaged, only for verification: its head may be unreadable.
    pub async fn open_to_verify(store: Arc<Store>) -> Result<Self, LogError> {
        store.prepare(&statements(store.dialect())).await?;
        Ok(Self::of(store))
    }

    fn of(store: Arc<Store>) -> Self {
        let (newest, pseudonyms) = (watch::Sender::new(Position::default()), Arc::default());
        Self { store, newest, writable: Writable::default(), pseudonyms }
    }

    /// The store beneath.
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The newest position that this process knows, with a way to wait for the next.
    pub fn newest(&self) -> watch::Receiver<Position> {
        self.newest.subscribe()
    }

    /// Announces to all followers that the log has reached this position.
    pub(crate) fn announce(&self, position: Position) {
        self.store.reaches(position.0);
        self.newest.send_if_modified(|known| {
            let further = position > *known;
            *known = position.max(*known);
            further
        });
    }
}
