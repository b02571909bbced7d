//! The rights that the log gives, kept in memory and read again as soon as the log has moved.
//!
//! A request is judged by every event that this server knows of, so a role that was taken away here is gone on the next
//! request. While the log cannot be read, the last known rights apply. Until they were read once, nobody is let in.

use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::log::{Log, LogError};
use crate::telemetry::repeated::Repeated;
use throughline_domain::access::Access;
use throughline_domain::fact::envelope::{Position, StreamId};
use throughline_domain::fact::{History, Recorded};

static NOT_READ: Repeated = Repeated::of("the rights of the deployment could not be read again");

/// The most time that a request waits for the rights to be read.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// The same before they were read once, when nobody can be let in without them.
const FIRST_READ_WITHIN: Duration = Duration::from_secs(10);
/// The wait before the next attempt after a failed one.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);
/// The least time between two reads for those who listen, so that a busy log does not keep them busy.
const BETWEEN: Duration = Duration::from_millis(50);

/// The rights, as this server knows them.
pub(super) struct Rights {
    log: Log,
    newest: watch::Receiver<Position>,
    known: watch::Sender<Arc<Access>>,
    read: tokio::sync::Mutex<Read>,
    upto: std::sync::Mutex<Upto>,
}

/// The history of the deployment's stream, as far as it was read.
#[derive(Default)]
struct Read {
    history: History,
}

/// How far the log was taken into account.
#[derive(Default, Clone, Copy)]
struct Upto {
    position: Option<Position>,
    failed: Option<Instant>,
}

impl std::fmt::Debug for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rights")
    }
}

impl Rights {
    /// The rights of a log. They are read when they are first asked for.
    pub(super) fn of(log: Log) -> Self {
        let newest = log.newest();
        let known = watch::Sender::new(Arc::default());
        Self { log, newest, known, read: tokio::sync::Mutex::default(), upto: std::sync::Mutex::default() }
    }

    /// The rights by every event that this server knows of. `None` if they could not be read yet: who is not known to
    /// have lost a right is not known to have it.
    pub(super) async fn current(self: &Arc<Self>) -> Option<Arc<Access>> {
        if !self.is_current() {
            let rights = Arc::clone(self);
            // In a task of its own, so that a request that is given up does not end the read for the others.
            let read = tokio::spawn(async move { rights.read_on().await });
            match read.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => NOT_READ.met(&error),
                Err(error) => NOT_READ.met(&error),
            }
        }
        let is_known = self.upto().position.is_some();
        is_known.then(|| Arc::clone(&self.known.borrow()))
    }

    /// Whether the last read failed.
    fn has_failed(&self) -> bool {
        self.upto().failed.is_some()
    }

    /// The rights, with a way to wait for others.
    pub(super) fn follow(&self) -> watch::Receiver<Arc<Access>> {
        self.known.subscribe()
    }

    fn upto(&self) -> std::sync::MutexGuard<'_, Upto> {
        self.upto.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_current(&self) -> bool {
        let (upto, newest) = (*self.upto(), *self.newest.borrow());
        let has_just_failed = upto.failed.is_some_and(|failed| failed.elapsed() < AFTER_A_FAULT);
        has_just_failed || upto.position.is_some_and(|position| position >= newest)
    }

    /// Reads the events since the last read. One read serves all who wait for it.
    async fn read_on(&self) -> Result<(), LogError> {
        let mut read = self.read.lock().await;
        if self.is_current() {
            return Ok(());
        }
        let newest = *self.newest.borrow();
        let wanted = (StreamId::deployment(), read.history.version());
        let within = if self.upto().position.is_some() { READ_WITHIN } else { FIRST_READ_WITHIN };
        let found = tokio::time::timeout(within, self.log.streams(std::iter::once(wanted))).await;
        let outcome = found.map_err(|_| LogError::Unreachable).and_then(|found| found).and_then(|events| {
            let is_new = !events.is_empty() || self.upto().position.is_none();
            for event in events {
                read.history.evolve(Recorded::decode(&event).map_err(|error| LogError::Payload(Box::new(error)))?);
            }
            Ok(is_new)
        });
        match outcome {
            Ok(is_new) => {
                if is_new {
                    self.known.send_replace(Arc::new(Access::of(&read.history)));
                }
                *self.upto() = Upto { position: Some(newest), failed: None };
                Ok(())
            }
            Err(error) => {
                self.upto().failed = Some(Instant::now());
                Err(error)
            }
        }
    }
}

/// Keeps the rights up to date for those who listen, until nobody holds them any more.
pub(super) async fn keep_up(rights: Weak<Rights>, mut newest: watch::Receiver<Position>) {
    loop {
        let has_failed = match rights.upgrade() {
            Some(rights) => {
                drop(rights.current().await);
                rights.has_failed()
            }
            None => return,
        };
        // Those who listen must not wait for the next event to learn of this one.
        if has_failed {
            tokio::time::sleep(AFTER_A_FAULT).await;
            continue;
        }
        tokio::time::sleep(BETWEEN).await;
        if newest.changed().await.is_err() {
            return;
        }
    }
}
