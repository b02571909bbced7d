//! Following the log live from any position, missing nothing and repeating nothing.
//!
//! It reads by position alone. Positions are given under the head's lock, so a committed position has no
//! uncommitted one before it, and no foreign transaction can hold a follower up.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio_stream::Stream;

use super::envelope::{Envelope, Position};
use super::{Log, LogError};

/// How often a follower looks for what another process has appended.
const POLL: Duration = Duration::from_millis(200);

struct Follower {
    log: Log,
    newest: watch::Receiver<Position>,
    after: Position,
    read: VecDeque<Envelope>,
}

impl Log {
    /// The events after a position, those there are and those to come, each once and in order.
    pub fn follow(&self, after: Position) -> impl Stream<Item = Result<Envelope, LogError>> + Send + use<> {
        let follower = Follower { log: self.clone(), newest: self.newest(), after, read: VecDeque::new() };
        futures_util::stream::unfold(follower, |mut follower| async {
            let next = follower.next().await;
            Some((next, follower))
        })
    }
}

impl Follower {
    async fn next(&mut self) -> Result<Envelope, LogError> {
        loop {
            if let Some(envelope) = self.read.pop_front() {
                self.after = envelope.position;
                return Ok(envelope);
            }
            self.newest.mark_unchanged();
            self.read.extend(self.log.page(self.after, Position(i64::MAX)).await?);
            if self.read.is_empty() {
                // A time-out is the poll for other processes; a closed channel leaves the poll alone.
                let _ = tokio::time::timeout(POLL, self.newest.changed()).await;
            }
        }
    }
}
