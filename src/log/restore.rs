//! Restore: loads events recorded in another log into an empty one, all of them or none.
//!
//! It keeps positions, ids, times and, if given, salts, and therefore hashes. Events from part of a log get new
//! positions without gaps, and therefore new hashes. It checks that the events are in order, which is all that a log
//! can check. Commands are not decided again. It never adds to a log that contains events.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::append::{Known, NewCommand, lock_head, move_head};
use super::{Head, Log, LogError, insert};
use crate::clock::Chance;
use crate::store::{Conn, StoreError, doing};
use throughline_domain::fact::envelope::{Envelope, Position, StreamId};

/// The number of events written at once.
const PAGE: usize = 2_000;

/// An event that follows the ones before it. Only [`Order`] makes it.
#[derive(Debug, Clone)]
pub struct Ordered {
    envelope: Envelope,
    /// Whether it has the salt with which it was recorded.
    is_salted: bool,
}

/// Checks that events follow one another as the log would have recorded them.
#[derive(Debug, Default)]
pub struct Order {
    /// Whether events were left out, so that this is part of a log.
    is_part: bool,
    /// The original positions of the events of part of a log, in order.
    stood: Vec<Position>,
    /// The original position of the newest event.
    newest: Position,
    /// The position of the newest event here.
    position: Position,
    recorded_at: DateTime<Utc>,
    versions: HashMap<StreamId, i64>,
}

/// Why an event does not follow the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// The position is wrong.
    #[error("expected position {expected}, found {found}: positions start at 1 and have no gaps")]
    Position {
        /// The expected position.
        expected: Position,
        /// The position found.
        found: Position,
    },
    /// In part of a log, the event before this one is missing.
    #[error("this line follows position {after}, but the line before it has position {found}: lines are missing")]
    After {
        /// The original position of the event that it follows.
        after: Position,
        /// The original position of the event on the line before.
        found: Position,
    },
    /// The event before it was recorded later.
    #[error("recorded at {recorded_at}, before the previous event ({before}): recording times never decrease")]
    Earlier {
        /// When the event before it was recorded.
        before: DateTime<Utc>,
        /// When this event was recorded.
        recorded_at: DateTime<Utc>,
    },
    /// The version is wrong.
    #[error("expected version {expected} of {stream}, found {found}: versions start at 1 and have no gaps")]
    Version {
        /// The stream.
        stream: StreamId,
        /// The expected version.
        expected: i64,
        /// The version found.
        found: i64,
    },
}

impl Order {
    /// The next version of a stream.
    pub fn due(&self, stream: StreamId) -> i64 {
        self.versions.get(&stream).map_or(1, |version| version + 1)
    }

    /// The position here of the event with this original position, or of the last one before it. If no events were left
    /// out, positions do not change.
    pub fn stands(&self, stood: Position) -> Position {
        if !self.is_part {
            return stood;
        }
        let before = self.stood.partition_point(|known| *known <= stood);
        Position(i64::try_from(before).unwrap_or(i64::MAX))
    }

    /// Whether events were left out, so that this is part of a log.
    pub const fn is_part(&self) -> bool {
        self.is_part
    }

    /// Accepts the next event, without its original salt. Positions must have no gaps.
    pub fn admit(&mut self, envelope: Envelope) -> Result<Ordered, Disorder> {
        let (expected, found) = (self.newest.next(), envelope.position);
        if found != expected || self.is_part {
            return Err(Disorder::Position { expected, found });
        }
        self.follow(envelope, false)
    }

    /// Accepts the next event, with its original salt. `after` is the original position of the event before it: events
    /// between the two were left out on purpose.
    pub fn admit_kept(&mut self, envelope: Envelope, after: Position) -> Result<Ordered, Disorder> {
        let (found, position) = (self.newest, envelope.position);
        if after != found {
            return Err(Disorder::After { after, found });
        }
        if position <= after {
            return Err(Disorder::Position { expected: found.next(), found: position });
        }
        self.leaves_out(position);
        self.follow(envelope, true)
    }

    /// Whether events were left out before an event at this position or earlier.
    pub fn leaves_out(&mut self, position: Position) -> bool {
        if !self.is_part && position != self.newest.next() {
            self.stood = (1..=self.position.0).map(Position).collect();
            self.is_part = true;
        }
        self.is_part
    }

    fn follow(&mut self, mut envelope: Envelope, is_salted: bool) -> Result<Ordered, Disorder> {
        let (before, recorded_at) = (self.recorded_at, envelope.recorded_at);
        if recorded_at < before {
            return Err(Disorder::Earlier { before, recorded_at });
        }
        let (stream, expected, found) = (envelope.stream, self.due(envelope.stream), envelope.version);
        if found != expected {
            return Err(Disorder::Version { stream, expected, found });
        }
        self.newest = envelope.position;
        if self.is_part {
            self.stood.push(envelope.position);
        }
        self.position = self.position.next();
        envelope.position = self.position;
        self.recorded_at = recorded_at;
        self.versions.insert(stream, found);
        Ok(Ordered { envelope, is_salted })
    }
}

/// Why nothing was loaded.
#[derive(Debug)]
pub enum NotLoaded<E> {
    /// One of the events could not be read.
    Event(E),
    /// The log could not store the events.
    Log(LogError),
}

impl<E> From<LogError> for NotLoaded<E> {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl<E> From<StoreError> for NotLoaded<E> {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl Log {
    /// Loads events into this log, which must be empty, in one transaction. Returns the position of the last.
    ///
    /// The log's head is locked meanwhile, so nothing is appended in between. Commands are stored without a
    /// fingerprint, so a repeated command is answered with its events, without a comparison.
    pub async fn load<E>(
        &self,
        chance: &Chance,
        events: impl Iterator<Item = Result<Ordered, E>>,
    ) -> Result<Position, NotLoaded<E>> {
        let mut conn = Conn::begun(&self.store.writer).await.map_err(doing("begin to load the log"))?;
        match fill(&mut conn, chance, events).await {
            Ok(position) => {
                conn.commit().await.map_err(doing("commit the loaded log"))?;
                self.announce(position);
                Ok(position)
            }
            Err(error) => {
                conn.rollback().await;
                Err(error)
            }
        }
    }
}

async fn fill<E>(
    conn: &mut Conn,
    chance: &Chance,
    events: impl Iterator<Item = Result<Ordered, E>>,
) -> Result<Position, NotLoaded<E>> {
    let mut head = lock_head(conn).await?;
    conn.loads().await.map_err(doing("begin to load the log"))?;
    if head.position != Position::default() {
        let message = format!("the log holds events up to position {}: restore into an empty database", head.position);
        return Err(LogError::Restore(message).into());
    }
    let mut page = Page::default();
    for event in events {
        let Ordered { envelope: event, is_salted } = event.map_err(NotLoaded::Event)?;
        head = Head { position: event.position, recorded_at: event.recorded_at, ..head };
        page.take(if is_salted { event } else { Envelope { salt: chance.bytes(), ..event } });
        if page.events.len() == PAGE {
            page.write(conn).await?;
        }
    }
    page.close();
    page.write(conn).await?;
    move_head(conn, &head).await?;
    Ok(head.position)
}

/// Events and commands about to be written to the log.
#[derive(Default)]
struct Page {
    events: Vec<Envelope>,
    commands: Vec<NewCommand>,
    /// The command whose events are being read.
    open: Option<NewCommand>,
}

impl Page {
    fn take(&mut self, event: Envelope) {
        match &mut self.open {
            Some(open) if open.actor == event.actor.subject && open.command_id == event.command_id => {
                open.known.last = event.position;
            }
            _ => {
                self.close();
                let known = Known { fingerprint: None, first: event.position, last: event.position };
                self.open =
                    Some(NewCommand { actor: event.actor.subject.clone(), command_id: event.command_id, known });
            }
        }
        self.events.push(event);
    }

    fn close(&mut self) {
        self.commands.extend(self.open.take());
    }

    async fn write(&mut self, conn: &mut Conn) -> Result<(), LogError> {
        let (Some(first), Some(last)) = (self.events.first(), self.events.last()) else { return Ok(()) };
        let (first, last) = (first.position, last.position);
        let inserted = insert::events(conn, &self.events).await;
        let inserted = match inserted {
            Ok(()) => insert::commands(conn, &self.commands).await,
            Err(error) => Err(error),
        };
        inserted.map_err(|error| refused(error, first, last))?;
        self.events.clear();
        self.commands.clear();
        Ok(())
    }
}

/// The database reports duplicate ids, because they are unique there. Checking first would take a query for each event.
fn refused(error: sqlx::Error, first: Position, last: Position) -> LogError {
    let is_repeated = error.as_database_error().is_some_and(|error| {
        error.is_unique_violation() || error.message().starts_with("the log is append-only: this ")
    });
    if is_repeated {
        return LogError::Restore(format!(
            "between positions {first} and {last}, an event id occurs twice, or the events of a command are \
             not on consecutive lines: give each event its own id, and keep each command's events together"
        ));
    }
    StoreError::Database { doing: "load events", source: error }.into()
}
