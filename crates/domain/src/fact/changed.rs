//! The streams that have changed in the log since a position.
//!
//! Pure. It knows that a stream has newer events, but not what they mean.

use std::collections::HashMap;

use super::envelope::{Position, StreamId};

/// The streams with events after a position, each with the position of its newest event.
#[derive(Debug, Clone, Default)]
pub struct ChangedStreams {
    since: Position,
    newest: HashMap<StreamId, Position>,
}

impl ChangedStreams {
    /// The streams that have changed since a position.
    pub fn since(since: Position, newest: impl IntoIterator<Item = (StreamId, Position)>) -> Self {
        Self { since, newest: newest.into_iter().collect() }
    }

    /// Adds an event.
    pub fn take(&mut self, stream: StreamId, position: Position) {
        self.newest.insert(stream, position);
    }

    /// Adds the streams found to have changed since another position.
    pub fn widen(&mut self, found: Self) {
        self.since = found.since;
        for (stream, position) in found.newest {
            let newest = self.newest.entry(stream).or_insert(position);
            *newest = position.max(*newest);
        }
    }

    /// Whether the changes since this position are known. They are not for a position too far in the past.
    pub fn reaches(&self, position: Position) -> bool {
        self.since <= position
    }

    /// Whether a stream has an event after this position.
    pub fn is_after(&self, position: Position, stream: StreamId) -> bool {
        self.newest.get(&stream).is_some_and(|newest| *newest > position)
    }

    /// Every stream that has changed.
    pub fn streams(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.newest.keys().copied()
    }
}
