//! Follows the log live from any position, without missing or repeating an event.
//!
//! It reads by position only. Positions are assigned under the head's lock, so no uncommitted position can be before a
//! committed one, and another transaction cannot delay a follower.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio_stream::Stream;

use super::read::PAGE_SIZE;
use super::{Log, LogError};
use throughline_domain::fact::envelope::{Envelope, Position};

/// How often a follower polls for events of other processes, if nothing else in this process does.
const POLL: Duration = Duration::from_millis(200);
/// How often it polls if another task reads the head all the time and announces it.
const SELDOM: Duration = Duration::from_secs(5);

/// The log after a position, page by page, as it grows.
#[derive(Debug)]
pub struct Pages {
    log: Log,
    newest: watch::Receiver<Position>,
    after: Position,
    poll: Duration,
}

impl Log {
    /// The existing and future events after a position, each once and in order.
    pub fn follow(&self, after: Position) -> impl Stream<Item = Result<Envelope, LogError>> + Send + use<> {
        let pages = Pages { poll: POLL, ..self.pages(after) };
        futures_util::stream::unfold((pages, VecDeque::new()), |(mut pages, mut read)| async {
            if read.is_empty() {
                match pages.next(PAGE_SIZE).await {
                    Ok(page) => read.extend(page),
                    Err(error) => return Some((Err(error), (pages, read))),
                }
            }
            let envelope = read.pop_front().expect("no page is empty");
            Some((Ok(envelope), (pages, read)))
        })
    }

    /// The same in pages, for many followers in a process that keeps a live view. Such a process reads the head all the
    /// time.
    pub fn pages(&self, after: Position) -> Pages {
        Pages { log: self.clone(), newest: self.newest(), after, poll: SELDOM }
    }
}

impl Pages {
    /// The next events, at least one and at most `most`. A cancelled call consumes no events.
    pub async fn next(&mut self, most: i64) -> Result<Vec<Envelope>, LogError> {
        loop {
            self.newest.mark_unchanged();
            let page = self.log.page_of(self.after, Position(i64::MAX), most).await?;
            if let Some(last) = page.last() {
                self.after = last.position;
                return Ok(page);
            }
            // A timeout triggers the poll for other processes. After the channel closes, only the poll remains.
            let _ = tokio::time::timeout(self.poll, self.newest.changed()).await;
        }
    }

    /// Where the next page begins: the position of the last event read.
    pub const fn after(&self) -> Position {
        self.after
    }
}
