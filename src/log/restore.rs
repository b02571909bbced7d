//! Restore: loads events that another log recorded into an empty one, all of them or none.
//!
//! It keeps positions, ids, times and, where they are given, salts, and with them the hashes. Events of a part of a log
//! get positions without gaps, and with them other hashes. It checks that the events are in order, which is all that a log
//! can know; whether they could have been decided is not asked again. It never adds to a log that holds anything.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::append::{Known, NewCommand, lock_head, move_head};
use super::{Head, Log, LogError, insert};
use crate::clock::Chance;
use crate::store::{Conn, StoreError, doing};
use throughline_domain::fact::envelope::{Envelope, Position, StreamId};

/// Events that are written at once.
const PAGE: usize = 2_000;

/// An event that follows the ones before it. Only [`Order`] gives it out.
#[derive(Debug, Clone)]
pub struct Ordered {
    envelope: Envelope,
    /// Whether it comes with the salt that it was recorded with.
    is_salted: bool,
}

/// Sees to it that events follow one another as the log would have recorded them.
#[derive(Debug, Default)]
pub struct Order {
    /// Whether events were left out: it is a part of a log.
    is_part: bool,
    /// Where the events of a part of a log stood there, in order.
    stood: Vec<Position>,
    /// Where the newest stood.
    newest: Position,
    /// Where the newest stands here.
    position: Position,
    recorded_at: DateTime<Utc>,
    versions: HashMap<StreamId, i64>,
}

/// How an event does not follow the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// Another position is due.
    #[error("position {expected} is due, not {found}: positions begin at 1 and leave none out")]
    Position {
        /// The one that is due.
        expected: Position,
        /// The one that came.
        found: Position,
    },
    /// Another event of a part of a log came before it.
    #[error(
        "this line follows the one of position {after}, and the line above is of position {found}: lines are missing"
    )]
    After {
        /// Where the event stood that it follows.
        after: Position,
        /// Where the event above stood.
        found: Position,
    },
    /// The event in front was recorded later.
    #[error("{recorded_at} is before {before}, when the event in front was recorded: times never go back")]
    Earlier {
        /// When the event in front was recorded.
        before: DateTime<Utc>,
        /// When this one was.
        recorded_at: DateTime<Utc>,
    },
    /// Another version of the stream is due.
    #[error("version {expected} of {stream} is due, not {found}: versions begin at 1 and leave none out")]
    Version {
        /// Which stream.
        stream: StreamId,
        /// The version that is due.
        expected: i64,
        /// The version that came.
        found: i64,
    },
}

impl Order {
    /// The version that is due in a stream.
    pub fn due(&self, stream: StreamId) -> i64 {
        self.versions.get(&stream).map_or(1, |version| version + 1)
    }

    /// Where an event of a part of a log stands here that stood at this position there, or the last one before it. Where
    /// nothing was left out, it stands where it stood.
    pub fn stands(&self, stood: Position) -> Position {
        if !self.is_part {
            return stood;
        }
        let before = self.stood.partition_point(|known| *known <= stood);
        Position(i64::try_from(before).unwrap_or(i64::MAX))
    }

    /// Whether events were left out: it is a part of a log.
    pub const fn is_part(&self) -> bool {
        self.is_part
    }

    /// Takes the next event, without the salt that it was recorded with: positions must leave none out.
    pub fn admit(&mut self, envelope: Envelope) -> Result<Ordered, Disorder> {
        let (expected, found) = (self.newest.next(), envelope.position);
        if found != expected || self.is_part {
            return Err(Disorder::Position { expected, found });
        }
        self.follow(envelope, false)
    }

    /// Takes the next event, with the salt that it was recorded with, which says where the event before it stood: what
    /// stood between the two was left out on purpose.
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

    /// Whether something was left out before an event of this position, or before an earlier one.
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
    /// One of the events could not be given.
    Event(E),
    /// The log could not take them.
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
    /// Loads events into this log, which must be empty, in one transaction; gives the position of the last.
    ///
    /// The log's head is locked meanwhile, so nothing is appended in between. Commands are remembered without their
    /// fingerprint, so that a repetition of one is answered with its events.
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

/// Events and commands on their way into the log.
#[derive(Default)]
struct Page {
    events: Vec<Envelope>,
    commands: Vec<NewCommand>,
    /// The command whose events come at the moment.
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
        let between = (first.position, last.position);
        let inserted = insert::events(conn, &self.events).await;
        let inserted = match inserted {
            Ok(()) => insert::commands(conn, &self.commands).await,
            Err(error) => Err(error),
        };
        inserted.map_err(|error| refused(error, between))?;
        self.events.clear();
        self.commands.clear();
        Ok(())
    }
}

/// The database's own word on what stands twice: ids are unique there, and asking first would ask a million times.
fn refused(error: sqlx::Error, (first, last): (Position, Position)) -> LogError {
    let is_repeated = error.as_database_error().is_some_and(|error| {
        error.is_unique_violation() || error.message().starts_with("the log is append-only: this ")
    });
    if is_repeated {
        return LogError::Restore(format!(
            "between positions {first} and {last} stands an event id that stood before, or an event whose command's \
             other events do not stand beside it: give each event its own id and each command's events in one piece"
        ));
    }
    StoreError::Database { doing: "load events", source: error }.into()
}
