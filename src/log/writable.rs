//! Whether the log can be written to. The append task reports its results. After a failure, an occasional check looks
//! again.
//!
//! While writes succeed, there is no check. A check changes nothing: it takes disk space and frees it, and writes the
//! head unchanged.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Log;
use super::append::lock_head;
use crate::causes;
use crate::store::{Conn, StoreError, doing};

/// The least time between two checks.
const AGAIN: Duration = Duration::from_secs(1);

/// The state of writability.
#[derive(Debug, Clone, Default)]
pub(super) struct Writable(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Why the last attempt to write failed.
    why: Option<String>,
    /// When the last check began.
    looked: Option<Instant>,
    is_looking: bool,
}

impl Writable {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while holding the state")
    }
}

impl Log {
    /// Reports a successful write.
    pub(super) fn was_written(&self) {
        self.writable.state().why = None;
    }

    /// Reports a failed write.
    pub(super) fn was_not_written(&self, why: &(dyn std::error::Error + 'static)) {
        self.writable.state().why = Some(causes::in_words(why));
    }

    /// Why the log cannot be written to, if the newest write failed and no check has succeeded since. Starts a new
    /// check if it is time, and waits for its result at most `patience`.
    pub async fn unwritable(&self, patience: Duration) -> Option<String> {
        if self.begins_check(Instant::now()) {
            let log = self.clone();
            let looking = tokio::spawn(async move {
                let seen = log.look().await;
                log.writable.state().is_looking = false;
                match seen {
                    Ok(()) => log.was_written(),
                    Err(error) => log.was_not_written(&error),
                }
            });
            // A later call gets the result.
            let _ = tokio::time::timeout(patience, looking).await;
        }
        self.writable.state().why.clone()
    }

    fn begins_check(&self, now: Instant) -> bool {
        let mut state = self.writable.state();
        let is_early = state.looked.is_some_and(|looked| now.duration_since(looked) < AGAIN);
        if state.why.is_none() || state.is_looking || is_early {
            return false;
        }
        (state.looked, state.is_looking) = (Some(now), true);
        true
    }

    async fn look(&self) -> Result<(), StoreError> {
        self.store.has_room().await?;
        let conn = Conn::begun_at_once(&self.store.writer).await;
        let mut conn = conn.map_err(doing("begin to write"))?;
        let written = async {
            lock_head(&mut conn).await?;
            conn.write_what_is_there().await.map_err(doing("write to the log"))?;
            conn.commit().await.map_err(doing("commit to the log"))
        };
        let written = written.await;
        if written.is_err() {
            conn.rollback().await;
        }
        written
    }
}
