//! Whether the log can be written, as far as is known: what the append task has met, and, where that was a failure, a look
//! of its own now and then.
//!
//! While writes succeed nobody looks. A look changes nothing: it takes room on the disk and gives it back, and writes the
//! head as it is.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Log;
use super::append::lock_head;
use crate::causes;
use crate::store::{Conn, StoreError, doing};

/// How long nobody looks again after a look was begun.
const AGAIN: Duration = Duration::from_secs(1);

/// What is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Writable(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Why it could not be written the last time that somebody tried.
    why: Option<String>,
    /// When somebody began to look.
    looked: Option<Instant>,
    is_looking: bool,
}

impl Writable {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding what is known")
    }
}

impl Log {
    /// Somebody has written.
    pub(super) fn was_written(&self) {
        self.writable.state().why = None;
    }

    /// Somebody could not write.
    pub(super) fn was_not_written(&self, why: &(dyn std::error::Error + 'static)) {
        self.writable.state().why = Some(causes::in_words(why));
    }

    /// Why the log cannot be written, where the newest write failed and it has not been seen to be mended since; looks
    /// again if it is time, and waits for what it sees for so long at most.
    pub async fn unwritable(&self, patience: Duration) -> Option<String> {
        if self.begins_to_look(Instant::now()) {
            let log = self.clone();
            let looking = tokio::spawn(async move {
                let seen = log.look().await;
                log.writable.state().is_looking = false;
                match seen {
                    Ok(()) => log.was_written(),
                    Err(error) => log.was_not_written(&error),
                }
            });
            // Whoever comes later hears what it sees.
            let _ = tokio::time::timeout(patience, looking).await;
        }
        self.writable.state().why.clone()
    }

    fn begins_to_look(&self, now: Instant) -> bool {
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
