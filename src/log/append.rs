//! The append task: the one owner of every write transaction of this process.
//!
//! It takes the commands that wait, locks the head, loads the streams they touch, lets each decide against what the
//! ones before it did, inserts everything and commits once. No request ever owns a transaction, and this task knows
//! nothing of what the events mean.

mod failed_commit;
mod head;
mod look_back;
mod rehearsal;
mod reply;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serde_json::value::RawValue;
use sqlx::FromRow;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::read;
use super::{ClockOff, Head, Log, LogError, insert};
use crate::clock::{Chance, Clock};
use crate::store::{Conn, Sql, StoreError, doing, on};
use crate::telemetry::repeated::Repeated;
pub(super) use head::{lock_head, move_head};
pub use reply::Sent;
use reply::{answer, give_up, refuse};
use throughline_domain::fact::envelope::{Actor, CommandId, Envelope, EventId, Occurred, Position, Source, StreamId};
use throughline_domain::fact::moved::Moved;

static COMMANDS: Sql = Sql::new(
    "select c.actor, c.command_id, c.fingerprint, c.first_position, c.last_position from {commands $1} asked \
     join commands c on c.actor = asked.actor and c.command_id = asked.id limit $2",
);

static SECRET: Sql = Sql::new("select value from secrets where name = $1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&head::LOCK_HEAD, &COMMANDS, &head::MOVE_HEAD, &SECRET, &look_back::MOVED];

static BATCH_FAILED: Repeated = Repeated::warning("a batch failed; each of its commands is tried alone");

/// How many commands one transaction takes at most.
const BATCH: usize = 512;
/// How many commands may wait.
const WAITING: usize = 4_096;
/// How many streams' states are kept between batches.
const STATES_KEPT: usize = 8_192;
/// How long a command waits for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a stream's events amount to, as the one who decides sees it.
pub trait State: Send + Sync + 'static {
    /// The state of a stream before its first event.
    fn empty(stream: StreamId) -> Self;

    /// Takes the stream's next event; fails only for a payload that this build cannot read.
    fn evolve(&mut self, envelope: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// What a command requires of its first stream's version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    #[default]
    Any,
    /// The stream is not there yet.
    None,
    /// The stream is there.
    Exists,
    /// Exactly this version.
    Exact(i64),
}

impl Expected {
    pub(crate) const fn allows(self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::None => version == 0,
            Self::Exists => version > 0,
            Self::Exact(exact) => version == exact,
        }
    }
}

/// A new event before the log has given it position, version, ids and time.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The stream that it is appended to.
    pub stream: StreamId,
    /// The event's type.
    pub event_type: &'static str,
    /// The payload's schema version.
    pub schema_version: u16,
    /// The contract's code, where the stream belongs to one.
    pub contract: Option<String>,
    /// When it was so.
    pub occurred: Occurred,
    /// What was so.
    pub payload: Box<RawValue>,
}

/// The streams that a command asked for, as they stand before it.
pub struct Streams<'a, S> {
    states: &'a HashMap<StreamId, Loaded<S>>,
    moved: &'a Moved,
}

impl<'a, S> Streams<'a, S> {
    /// The streams that have moved since the position that the command looks back to, if it does.
    pub const fn moved(&self) -> &'a Moved {
        self.moved
    }

    /// The stream's state; none if it has no event.
    pub fn get(&self, stream: StreamId) -> Option<&'a S> {
        self.states.get(&stream).filter(|loaded| loaded.version > 0).map(|loaded| &loaded.state)
    }
}

/// What a command does, in the words of whoever sends it.
pub trait Decide<S>: Send + Sync + 'static {
    /// Why it may be refused.
    type Refusal: Send + 'static;

    /// The streams it must see; the first is the one that `Expected` speaks of.
    fn streams(&self) -> Vec<StreamId>;

    /// Further streams that it turns out to need once the first ones are known, such as a journey's contract.
    fn also(&self, streams: &Streams<'_, S>) -> Vec<StreamId>;

    /// The position since which it asks what has moved, if it does.
    fn since(&self) -> Option<Position> {
        None
    }

    /// Whether the actor may do this at all; comes before any word about versions.
    fn admit(&self, streams: &Streams<'_, S>) -> Result<(), Self::Refusal>;

    /// The events that follow. Must be pure: it may be called again if the batch has to be retried.
    fn decide(&self, streams: &Streams<'_, S>, now: DateTime<Utc>) -> Result<Vec<Draft>, Self::Refusal>;
}

/// A command on its way to the log.
pub struct Request<D> {
    /// Who sends it.
    pub actor: Actor,
    /// The id under which it is done once.
    pub command_id: CommandId,
    /// Everything that makes it this command and no other, as bytes; none skips the comparison on a replay.
    pub body: Vec<u8>,
    /// What is required of its first stream.
    pub expected: Expected,
    /// Where its facts came from.
    pub source: Option<Source>,
    /// What it belongs together with.
    pub correlation_id: Option<Uuid>,
    /// Whether it is only to be judged.
    pub dry_run: bool,
    /// What it does.
    pub decide: D,
}

/// What became of an accepted command.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Its events, as the log holds them.
    pub events: Vec<Envelope>,
    /// Whether they were there before, from the first time this command came.
    pub replayed: bool,
}

impl Appended {
    /// The position of its last event; zero if it made none.
    pub fn position(&self) -> Position {
        self.events.last().map_or(Position::default(), |event| event.position)
    }
}

/// Why a command was not accepted.
#[derive(Debug)]
pub enum Rejection<R> {
    /// The domain says no.
    Refused(R),
    /// The command id belongs to a command with another body.
    CommandIdReused,
    /// The stream is not at the version that was expected.
    Conflict {
        /// What was expected.
        expected: Expected,
        /// Where the stream is.
        actual: i64,
    },
    /// It would have been accepted, with these events, but was only to be judged.
    DryRun(Vec<Draft>),
    /// Something failed.
    Fault(LogError),
}

struct Waiting<D: Decide<S>, S> {
    request: Request<D>,
    reply: oneshot::Sender<Result<Answer, Rejection<D::Refusal>>>,
}

/// What the append task answers an accepted command with.
pub enum Answer {
    /// The events that it made.
    New(Vec<Envelope>),
    /// The first and the last position of the events that it made before: whoever asks reads them, for the append task
    /// has other commands to write.
    Before(Position, Position),
    /// It was rehearsed before, and nothing stands in the log.
    Rehearsed,
}

/// A handle to the append task.
pub struct Appender<D: Decide<S>, S> {
    queue: mpsc::Sender<Waiting<D, S>>,
    log: Log,
}

impl<D: Decide<S>, S> Clone for Appender<D, S> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), log: self.log.clone() }
    }
}

impl<D: Decide<S>, S: State> Appender<D, S> {
    /// Starts the task. It ends when the last handle is dropped and what waits is done.
    pub async fn start(
        log: Log,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), LogError> {
        let key = fingerprint_key(&log).await?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let (states, left_at, alone_since) = (HashMap::new(), None, Position::default());
        let task = AppendTask { log: log.clone(), clock, chance, key, states, left_at, alone_since };
        Ok((Self { queue, log }, tokio::spawn(task.run(waiting))))
    }

    /// Sends a command and waits for what becomes of it. Giving up waiting does not stop the command.
    pub async fn append(&self, request: Request<D>) -> Result<Appended, Rejection<D::Refusal>> {
        match self.send(request).await?.answer().await? {
            Answer::New(events) => Ok(Appended { events, replayed: false }),
            Answer::Before(first, last) => {
                let events = self.log.page_of(Position(first.0 - 1), last, i64::MAX).await;
                Ok(Appended { events: events.map_err(Rejection::Fault)?, replayed: true })
            }
            Answer::Rehearsed => Ok(Appended { events: Vec::new(), replayed: true }),
        }
    }

    /// Hands a command to the append task, which takes commands in the order in which they were handed over.
    pub async fn send(&self, request: Request<D>) -> Result<Sent<D::Refusal>, Rejection<D::Refusal>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.queue.send_timeout(Waiting { request, reply }, PATIENCE).await;
        sent.map_err(|error| {
            Rejection::Fault(match error {
                SendTimeoutError::Timeout(_) => LogError::Busy,
                SendTimeoutError::Closed(_) => LogError::Stopped,
            })
        })?;
        Ok(Sent(answer))
    }
}

async fn fingerprint_key(log: &Log) -> Result<hmac::Key, LogError> {
    let reader = &log.store.reader;
    let sql = SECRET.text(reader.dialect());
    let (secret,): (Vec<u8>,) = on!(reader, pool => {
        sqlx::query_as(sql).bind("command_fingerprint").fetch_one(pool).await
    })
    .map_err(doing("read the key of command fingerprints"))?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

/// A stream's state, as of a version of it.
struct Loaded<S> {
    version: i64,
    state: S,
    /// Where the log's head stood when this was the stream's newest version.
    as_of: Position,
}

struct AppendTask<S> {
    log: Log,
    clock: Arc<Clock>,
    chance: Arc<Chance>,
    key: hmac::Key,
    /// A baseline only: what another node has appended since is read before anything is decided.
    states: HashMap<StreamId, Loaded<S>>,
    /// Where this task left the head. If it is still there, nobody else has appended meanwhile.
    left_at: Option<Position>,
    /// Nobody else has appended since the head stood here: a state as of here or later is the newest there is.
    alone_since: Position,
}

/// A command that was accepted before.
#[derive(FromRow)]
struct CommandRow {
    actor: String,
    command_id: Uuid,
    fingerprint: Option<Vec<u8>>,
    first_position: i64,
    last_position: i64,
}

/// What a batch has come to so far, before it is written.
pub(super) struct Batch {
    pub(super) head: Head,
    known: HashMap<(String, CommandId), Known>,
    pub(super) events: Vec<Envelope>,
    pub(super) commands: Vec<NewCommand>,
    moved: Moved,
}

/// An accepted command, from before or from earlier in this batch.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) fingerprint: Option<Vec<u8>>,
    pub(super) first: Position,
    pub(super) last: Position,
}

pub(super) struct NewCommand {
    pub(super) actor: String,
    pub(super) command_id: CommandId,
    pub(super) known: Known,
}

/// What one command of a batch came to.
enum Verdict<R> {
    /// It made so many of the batch's events, which stand in the order of the commands.
    Accepted(usize),
    /// It was accepted before, with the events of these positions.
    Replayed(Position, Position),
    Rejected(Rejection<R>),
}

/// Why a batch was not written.
enum Failed {
    /// No transaction could be begun, whatever the commands are: nothing of them was sent.
    NotBegun(StoreError),
    /// The database does not answer, and may have recorded them.
    Unreachable(StoreError),
    /// The clock is too far off to record by.
    ClockOff(ClockOff),
    /// It may be the doing of one command.
    Faulted(LogError),
}

impl Failed {
    /// What the store met, where it is away.
    fn outage(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotBegun(error) | Self::Unreachable(error) => Some(error),
            Self::Faulted(error) if error.is_outage() => Some(error),
            Self::Faulted(_) | Self::ClockOff(_) => None,
        }
    }

    /// Whether no session could be had within the time in which a server answers.
    const fn is_of_nobody_there(&self) -> bool {
        matches!(self, Self::NotBegun(StoreError::Database { source: sqlx::Error::PoolTimedOut, .. }))
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Faulted(error.into())
    }
}

impl<S: State> AppendTask<S> {
    async fn run<D: Decide<S>>(mut self, mut waiting: mpsc::Receiver<Waiting<D, S>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            gather(&mut waiting, &mut batch).await;
            match self.write(std::mem::take(&mut batch)).await {
                Ok(()) => {}
                Err((Failed::Faulted(error), batch)) => self.one_at_a_time(&error, batch).await,
                // Whoever came meanwhile would wait for the same server as long again.
                Err((failed @ Failed::NotBegun(_), batch)) if failed.is_of_nobody_there() => {
                    give_up(&failed, batch, std::iter::from_fn(|| waiting.try_recv().ok()));
                }
                Err((failed, batch)) => give_up(&failed, batch, []),
            }
            // Whoever waited has been answered.
            self.log.store.fold_long_wal().await;
        }
    }

    /// A batch that failed is tried again one command at a time, so that one bad command harms no other.
    async fn one_at_a_time<D: Decide<S>>(&mut self, error: &LogError, batch: Vec<Waiting<D, S>>) {
        BATCH_FAILED.met(error);
        let mut rest = batch.into_iter();
        while let Some(waiting) = rest.next() {
            match self.write(vec![waiting]).await {
                Ok(()) => {}
                Err((Failed::Faulted(error), alone)) => refuse(error, alone),
                Err((failed, alone)) => return give_up(&failed, alone, rest),
            }
        }
    }

    /// Writes a batch in one transaction and answers everybody; gives the batch back if it was not written.
    async fn write<D: Decide<S>>(&mut self, batch: Vec<Waiting<D, S>>) -> Result<(), (Failed, Vec<Waiting<D, S>>)> {
        match self.transact(&batch).await {
            Ok((done, verdicts)) => {
                if self.states.len() > STATES_KEPT {
                    self.states.clear();
                }
                self.left_at = Some(done.head.position);
                self.log.announce(done.head.position);
                if !done.commands.is_empty() {
                    self.log.was_written();
                }
                answer(batch, done, verdicts);
                Ok(())
            }
            Err(failed) => {
                // They hold what was not written.
                self.states.clear();
                self.left_at = None;
                if let Some(error) = failed.outage() {
                    self.log.was_not_written(error);
                }
                Err((failed, batch))
            }
        }
    }

    async fn begun(&self) -> Result<Conn, StoreError> {
        Conn::begun(&self.log.store.writer).await.map_err(doing("begin to append"))
    }

    async fn transact<D: Decide<S>>(
        &mut self,
        waiting: &[Waiting<D, S>],
    ) -> Result<(Batch, Vec<Verdict<D::Refusal>>), Failed> {
        let mut conn = self.begun().await.map_err(Failed::NotBegun)?;
        // A command whose decision panics is refused as a fault; the task, and everybody else's commands, go on.
        let decided = AssertUnwindSafe(self.decide_and_insert(&mut conn, waiting)).catch_unwind().await;
        match decided.unwrap_or(Err(Failed::Faulted(LogError::Panicked))) {
            Ok((batch, verdicts)) if batch.commands.is_empty() => {
                conn.rollback().await;
                Ok((batch, verdicts))
            }
            Ok((batch, verdicts)) => {
                if let Err(source) = conn.commit().await {
                    conn.rollback().await;
                    drop(conn);
                    self.after_a_failed_commit(&batch, source).await?;
                }
                Ok((batch, verdicts))
            }
            Err(failed) => {
                conn.rollback().await;
                Err(failed)
            }
        }
    }

    async fn decide_and_insert<D: Decide<S>>(
        &mut self,
        conn: &mut Conn,
        waiting: &[Waiting<D, S>],
    ) -> Result<(Batch, Vec<Verdict<D::Refusal>>), Failed> {
        let head = lock_head(conn).await?;
        // Read once: a clock that jumps after the check must not stamp the events.
        let now = self.clock.now();
        if let Some(off) = head.clock_off(&self.clock, now).filter(ClockOff::is_refused) {
            return Err(Failed::ClockOff(off));
        }
        let ids: Vec<_> = waiting
            .iter()
            .map(|waiting| (waiting.request.actor.subject.as_str(), waiting.request.command_id))
            .collect();
        let known = commands_of(conn, &ids).await?;
        if self.left_at != Some(head.position) {
            self.alone_since = head.position;
        }
        let moved = self.moved(conn, head.position, waiting).await?;
        self.load(conn, (head.position, &moved), waiting).await?;
        let now = now.max(head.recorded_at);
        let mut batch = Batch { head, known, events: Vec::new(), commands: Vec::new(), moved };
        let mut verdicts = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            verdicts.push(self.judge(&mut batch, &waiting.request, now).map_err(Failed::Faulted)?);
        }
        if !batch.events.is_empty() {
            batch.head.recorded_at = now;
        }
        insert::batch(conn, &batch).await?;
        Ok((batch, verdicts))
    }

    /// Brings the states of every stream that the batch touches up to the log: in one statement, or in two where a
    /// stream that is new here shows that a further one is needed.
    async fn load<D: Decide<S>>(
        &mut self,
        conn: &mut Conn,
        (head, moved): (Position, &Moved),
        waiting: &[Waiting<D, S>],
    ) -> Result<(), StoreError> {
        let named = waiting.iter().flat_map(|waiting| waiting.request.decide.streams());
        let loaded: HashSet<StreamId> = named.chain(self.further(moved, waiting)).collect();
        self.bring_up(conn, head, &loaded).await?;
        let missing: HashSet<StreamId> = self.further(moved, waiting).difference(&loaded).copied().collect();
        self.bring_up(conn, head, &missing).await
    }

    fn further<D: Decide<S>>(&self, moved: &Moved, waiting: &[Waiting<D, S>]) -> HashSet<StreamId> {
        let streams = Streams { states: &self.states, moved };
        waiting.iter().flat_map(|waiting| waiting.request.decide.also(&streams)).collect()
    }

    async fn bring_up(
        &mut self,
        conn: &mut Conn,
        head: Position,
        streams: &HashSet<StreamId>,
    ) -> Result<(), StoreError> {
        let is_newest = |loaded: &Loaded<S>| loaded.as_of >= self.alone_since;
        let is_old = |stream: &StreamId| !self.states.get(stream).is_some_and(is_newest);
        let old: Vec<StreamId> = streams.iter().copied().filter(is_old).collect();
        if old.is_empty() {
            return Ok(());
        }
        let known = |stream: &StreamId| self.states.get(stream).map_or(0, |loaded| loaded.version);
        let wanted = read::wanted(old.iter().map(|stream| (*stream, known(stream))));
        let sql = read::STREAMS.text(conn.dialect());
        let records = on!(conn, conn => sqlx::query_as(sql).bind(&wanted).bind(i64::MAX).fetch_all(&mut **conn).await);
        let records = records.map_err(doing("load streams"))?;
        for envelope in read::envelopes(records).map_err(decoding)? {
            self.take(&envelope).map_err(decoding)?;
        }
        for stream in &old {
            if let Some(loaded) = self.states.get_mut(stream) {
                loaded.as_of = head;
            }
        }
        Ok(())
    }

    fn take(&mut self, envelope: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let stream = envelope.stream;
        let new = || Loaded { version: 0, state: S::empty(stream), as_of: Position::default() };
        let loaded = self.states.entry(stream).or_insert_with(new);
        loaded.version = envelope.version;
        loaded.as_of = envelope.position;
        loaded.state.evolve(envelope)
    }

    /// Judges one command: replay first, then access, expected version, and what the domain says.
    ///
    /// A fault gives up the whole batch, for half of a command's events may be among its events already.
    fn judge<D: Decide<S>>(
        &mut self,
        batch: &mut Batch,
        request: &Request<D>,
        now: DateTime<Utc>,
    ) -> Result<Verdict<D::Refusal>, LogError> {
        let fingerprint = (!request.body.is_empty()).then(|| self.fingerprint(&request.body));
        let id = (request.actor.subject.clone(), request.command_id);
        if let Some(known) = batch.known.get(&id) {
            let same = known.fingerprint.is_none() || fingerprint.is_none() || known.fingerprint == fingerprint;
            return Ok(if same {
                Verdict::Replayed(known.first, known.last)
            } else {
                Verdict::Rejected(Rejection::CommandIdReused)
            });
        }
        let drafts = match self.decided(&batch.moved, request, now) {
            Ok(drafts) => drafts,
            Err(rejection) => return Ok(Verdict::Rejected(rejection)),
        };
        if request.dry_run {
            return Ok(Verdict::Rejected(Rejection::DryRun(drafts)));
        }
        let (before, count) = (batch.head.position, drafts.len());
        for draft in drafts {
            self.admit_event(batch, request, draft, now).map_err(LogError::Payload)?;
        }
        let known = Known { fingerprint, first: before.next(), last: batch.head.position };
        batch.known.insert(id.clone(), known.clone());
        batch.commands.push(NewCommand { actor: id.0, command_id: id.1, known });
        Ok(Verdict::Accepted(count))
    }

    fn decided<D: Decide<S>>(
        &self,
        moved: &Moved,
        request: &Request<D>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Draft>, Rejection<D::Refusal>> {
        let streams = Streams { states: &self.states, moved };
        request.decide.admit(&streams).map_err(Rejection::Refused)?;
        let first = request.decide.streams().first().copied();
        let actual = first.and_then(|stream| self.states.get(&stream)).map_or(0, |loaded| loaded.version);
        if !request.expected.allows(actual) {
            return Err(Rejection::Conflict { expected: request.expected, actual });
        }
        request.decide.decide(&streams, now).map_err(Rejection::Refused)
    }

    /// Gives a new event its place and its ids, and lets its stream's state take it.
    fn admit_event<D>(
        &mut self,
        batch: &mut Batch,
        request: &Request<D>,
        draft: Draft,
        now: DateTime<Utc>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let position = batch.head.position.next();
        let version = self.states.get(&draft.stream).map_or(0, |loaded| loaded.version) + 1;
        let envelope = Envelope {
            position,
            event_id: EventId(self.chance.id_at(now)),
            stream: draft.stream,
            version,
            event_type: draft.event_type.to_owned(),
            schema_version: draft.schema_version,
            contract: draft.contract,
            occurred: draft.occurred,
            recorded_at: now,
            actor: request.actor.clone(),
            source: request.source.clone(),
            command_id: request.command_id,
            correlation_id: request.correlation_id,
            causation_id: None,
            payload: draft.payload,
            salt: self.chance.bytes(),
        };
        self.take(&envelope)?;
        batch.head.position = position;
        batch.moved.take(envelope.stream, position);
        batch.events.push(envelope);
        Ok(())
    }

    fn fingerprint(&self, body: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, body).as_ref().to_vec()
    }
}

/// Lets everybody who is ready to send do so before the batch is closed: those whom the last batch answered are about
/// to come back, and would otherwise wait for a whole commit. It waits for nobody who is not ready.
async fn gather<T>(waiting: &mut mpsc::Receiver<T>, batch: &mut Vec<T>) {
    loop {
        tokio::task::yield_now().await;
        let before = batch.len();
        while batch.len() < BATCH {
            let Ok(command) = waiting.try_recv() else { break };
            batch.push(command);
        }
        if batch.len() == before || batch.len() >= BATCH {
            return;
        }
    }
}

/// A payload that cannot be read is the store's fault as far as the batch is concerned.
fn decoding(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Database { doing: "read streams back", source: sqlx::Error::Decode(error.into()) }
}

async fn commands_of(
    conn: &mut Conn,
    ids: &[(&str, CommandId)],
) -> Result<HashMap<(String, CommandId), Known>, StoreError> {
    let sql = COMMANDS.text(conn.dialect());
    let wanted = serde_json::json!(ids).to_string();
    let rows: Vec<CommandRow> = on!(conn, conn => {
        sqlx::query_as(sql).bind(&wanted).bind(i64::MAX).fetch_all(&mut **conn).await
    })
    .map_err(doing("look command ids up"))?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            fingerprint: row.fingerprint,
            first: Position(row.first_position),
            last: Position(row.last_position),
        };
        ((row.actor, CommandId(row.command_id)), known)
    });
    Ok(known.collect())
}
