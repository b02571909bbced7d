//! The append task: the only owner of write transactions in this process.
//!
//! It takes the waiting commands, locks the head, loads the streams that they touch, decides each command on the state
//! left by the ones before it, inserts all events and commits once. Requests never own a transaction, and this task
//! does not know what events mean.

mod changed;
mod dry_run;
mod failed_commit;
mod head;
mod payload;
mod reply;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::read;
use super::secrets;
use super::{ClockOff, Head, Log, LogError, insert};
use crate::clock::{Chance, Clock};
use crate::store::{Conn, Sql, StoreError, columns, doing, on};
use crate::telemetry::repeated::Repeated;
pub(super) use head::{lock_head, move_head};
pub use payload::{Payload, Unsealed};
pub use reply::Sent;
use reply::{answer, give_up, refuse};
use throughline_domain::fact::changed::ChangedStreams;
use throughline_domain::fact::envelope::{Actor, CommandId, Envelope, EventId, Occurred, Position, Source, StreamId};

static COMMANDS: Sql = Sql::new(
    "select c.actor, c.command_id, c.fingerprint, c.first_position, c.last_position from {commands $1} asked \
     join commands c on c.actor = asked.actor and c.command_id = asked.id limit $2",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] =
    &[&head::LOCK_HEAD, &COMMANDS, &head::MOVE_HEAD, &secrets::SECRET, &changed::CHANGED];

static BATCH_FAILED: Repeated = Repeated::warning("a batch failed; its commands are retried one at a time");

/// The most commands in one transaction.
const BATCH: usize = 512;
/// The most commands that may wait.
const WAITING: usize = 4_096;
/// The number of streams whose states are cached between batches.
const STATES_KEPT: usize = 8_192;
/// The most time that a command waits for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// The state of a stream, as decisions use it.
pub trait State: Send + Sync + 'static {
    /// The state of a stream before its first event.
    fn empty(stream: StreamId) -> Self;

    /// Applies the stream's next event. Fails only for a payload that this build cannot read.
    fn evolve(&mut self, envelope: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// The required version of a command's first stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expected {
    /// Any version.
    #[default]
    Any,
    /// The stream must not exist yet.
    None,
    /// The stream must exist.
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

/// A new event, before the log has given it a position, a version, ids and a time.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The stream to which it is appended.
    pub stream: StreamId,
    /// The event's type.
    pub event_type: &'static str,
    /// The payload's schema version.
    pub schema_version: u16,
    /// The contract's code, if the stream belongs to a contract.
    pub contract: Option<String>,
    /// The date of the fact.
    pub occurred: Occurred,
    /// The payload.
    pub payload: Payload,
}

/// The streams that a command asked for, in their state before it.
pub struct Streams<'a, S> {
    states: &'a HashMap<StreamId, Loaded<S>>,
    changed: &'a ChangedStreams,
}

impl<'a, S> Streams<'a, S> {
    /// The streams that have changed since the position that the command was prepared from, if it names one.
    pub const fn changed(&self) -> &'a ChangedStreams {
        self.changed
    }

    /// The stream's state. `None` if the stream has no event.
    pub fn get(&self, stream: StreamId) -> Option<&'a S> {
        self.states.get(&stream).filter(|loaded| loaded.version > 0).map(|loaded| &loaded.state)
    }
}

/// The decision of a command, supplied by its sender.
pub trait Decide<S>: Send + Sync + 'static {
    /// Why the command may be refused.
    type Refusal: Send + 'static;

    /// The streams that the decision needs. [`Expected`] applies to the first.
    fn streams(&self) -> Vec<StreamId>;

    /// Further streams that the first ones show to be needed, such as a journey's contract.
    fn also(&self, streams: &Streams<'_, S>) -> Vec<StreamId>;

    /// The position from which the decision asks for changed streams, if it does.
    fn since(&self) -> Option<Position> {
        None
    }

    /// Whether the actor may send the command at all. Runs before any check of versions.
    fn authorize(&self, streams: &Streams<'_, S>) -> Result<(), Self::Refusal>;

    /// The resulting events. Must be pure, because it is called again if the batch is retried.
    fn decide(&self, streams: &Streams<'_, S>, now: DateTime<Utc>) -> Result<Vec<Draft>, Self::Refusal>;
}

/// A command for the log.
pub struct Request<D> {
    /// The sender.
    pub actor: Actor,
    /// The command id. A command is recorded once per id.
    pub command_id: CommandId,
    /// The content that identifies the command, as bytes. If empty, a repeat is not compared.
    pub body: Vec<u8>,
    /// The required version of its first stream.
    pub expected: Expected,
    /// The source of its facts.
    pub source: Option<Source>,
    /// The correlation id, which related events share.
    pub correlation_id: Option<Uuid>,
    /// Whether to judge the command without recording it.
    pub dry_run: bool,
    /// The decision.
    pub decide: D,
}

/// The result of an accepted command.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Its events, as stored in the log.
    pub events: Vec<Envelope>,
    /// Whether they were already recorded when the command arrived.
    pub replayed: bool,
}

impl Appended {
    /// The position of its last event. Zero if it made none.
    pub fn position(&self) -> Position {
        self.events.last().map_or(Position::default(), |event| event.position)
    }
}

/// Why a command was not recorded.
#[derive(Debug)]
pub enum Rejection<R> {
    /// The domain refused it.
    Refused(R),
    /// A command with another body was recorded under this command id.
    CommandIdReused,
    /// The stream is not at the expected version.
    Conflict {
        /// The expected version.
        expected: Expected,
        /// The current version of the stream.
        actual: i64,
    },
    /// The command would have been accepted with these events, but it was a dry run.
    DryRun(Vec<Draft>),
    /// The log failed.
    Fault(LogError),
}

struct Waiting<D: Decide<S>, S> {
    request: Request<D>,
    reply: oneshot::Sender<Result<Answer, Rejection<D::Refusal>>>,
}

/// The append task's answer to an accepted command.
pub enum Answer {
    /// The events that it made.
    New(Vec<Envelope>),
    /// The first and last position of the events that it made earlier. The caller reads them, so that the append task
    /// can write other commands.
    Before(Position, Position),
    /// The command was already part of this dry run, so the log holds no events of it.
    RepeatedInDryRun,
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
    /// Starts the task. It ends when the last handle is dropped and all waiting commands are done.
    pub async fn start(
        log: Log,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), LogError> {
        let key = secrets::fingerprint_key(&log).await?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let (states, left_at, alone_since) = (HashMap::new(), None, Position::default());
        let task = AppendTask { log: log.clone(), clock, chance, key, states, left_at, alone_since };
        Ok((Self { queue, log }, tokio::spawn(task.run(waiting))))
    }

    /// Sends a command and waits for the result. If the caller stops waiting, the command still runs.
    pub async fn append(&self, request: Request<D>) -> Result<Appended, Rejection<D::Refusal>> {
        match self.send(request).await?.answer().await? {
            Answer::New(events) => Ok(Appended { events, replayed: false }),
            Answer::Before(first, last) => {
                let events = self.log.page_of(Position(first.0 - 1), last, i64::MAX).await;
                Ok(Appended { events: events.map_err(Rejection::Fault)?, replayed: true })
            }
            Answer::RepeatedInDryRun => Ok(Appended { events: Vec::new(), replayed: true }),
        }
    }

    /// Gives a command to the append task, which keeps the order in which commands arrive.
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

/// A stream's state at a version.
struct Loaded<S> {
    version: i64,
    state: S,
    /// The position of the head when this was the stream's newest version.
    as_of: Position,
}

struct AppendTask<S> {
    log: Log,
    clock: Arc<Clock>,
    chance: Arc<Chance>,
    key: hmac::Key,
    /// A cache only: events that another node has appended since are read before each decision.
    states: HashMap<StreamId, Loaded<S>>,
    /// The head after this task's last batch. If the head has not moved, no other process has appended.
    left_at: Option<Position>,
    /// No other process has appended since the head was here. A state as of this position or later is current.
    alone_since: Position,
}

columns! {
    /// A command that was accepted earlier.
    struct CommandRow {
        actor: String,
        command_id: Uuid,
        fingerprint: Option<Vec<u8>>,
        first_position: i64,
        last_position: i64,
    }
}

/// The events and commands of a batch so far, before they are written.
pub(super) struct Batch {
    pub(super) head: Head,
    known: HashMap<(String, CommandId), Known>,
    pub(super) events: Vec<Envelope>,
    pub(super) commands: Vec<NewCommand>,
    changed: ChangedStreams,
}

/// An accepted command, from an earlier batch or from this one.
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

/// The result of one command of a batch.
enum Verdict<R> {
    /// The number of the batch's events that belong to it. The events are in the order of the commands.
    Accepted(usize),
    /// The command was accepted earlier, with the events at these positions.
    Replayed(Position, Position),
    Rejected(Rejection<R>),
}

/// Why a batch was not written.
enum Failed {
    /// No transaction could be begun. Nothing was sent, so the commands are not the cause.
    NotBegun(StoreError),
    /// The database does not answer and may have recorded the batch.
    Unreachable(StoreError),
    /// The clock is too far off to record events.
    ClockOff(ClockOff),
    /// One of the commands may be the cause.
    Faulted(LogError),
}

impl Failed {
    /// The store's error, if the store is away.
    fn outage(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotBegun(error) | Self::Unreachable(error) => Some(error),
            Self::Faulted(error) if error.is_outage() => Some(error),
            Self::Faulted(_) | Self::ClockOff(_) => None,
        }
    }

    /// Whether no session was available in the time within which a server answers.
    const fn is_without_server(&self) -> bool {
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
                // Commands that arrived meanwhile would wait just as long for the same server.
                Err((failed @ Failed::NotBegun(_), batch)) if failed.is_without_server() => {
                    give_up(&failed, batch, std::iter::from_fn(|| waiting.try_recv().ok()));
                }
                Err((failed, batch)) => give_up(&failed, batch, []),
            }
            // All callers have their answers by now.
            self.log.store.fold_long_wal().await;
        }
    }

    /// Retries the commands of a failed batch one at a time, so that one bad command does not harm the others.
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

    /// Writes a batch in one transaction and answers all callers. Returns the batch if it was not written.
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
                // The states contain events that were not written.
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
        // A command whose decision panics is refused as a fault. The task and all other commands continue.
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
        let changed = self.changed(conn, head.position, waiting).await?;
        self.load(conn, head.position, &changed, waiting).await?;
        let now = now.max(head.recorded_at);
        let mut batch = Batch { head, known, events: Vec::new(), commands: Vec::new(), changed };
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

    /// Brings the states of all streams that the batch touches up to date with the log. This takes one statement, or
    /// two if a newly loaded stream shows that a further one is needed.
    async fn load<D: Decide<S>>(
        &mut self,
        conn: &mut Conn,
        head: Position,
        changed: &ChangedStreams,
        waiting: &[Waiting<D, S>],
    ) -> Result<(), StoreError> {
        let named = waiting.iter().flat_map(|waiting| waiting.request.decide.streams());
        let loaded: HashSet<StreamId> = named.chain(self.further(changed, waiting)).collect();
        self.bring_up(conn, head, &loaded).await?;
        let missing: HashSet<StreamId> = self.further(changed, waiting).difference(&loaded).copied().collect();
        self.bring_up(conn, head, &missing).await
    }

    fn further<D: Decide<S>>(&self, changed: &ChangedStreams, waiting: &[Waiting<D, S>]) -> HashSet<StreamId> {
        let streams = Streams { states: &self.states, changed };
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

    /// Judges one command: first whether it was already recorded, then access, then the expected version, then the
    /// decision.
    ///
    /// A fault ends the whole batch, because part of the command's events may already be among the batch's events.
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
        let drafts = match self.decided(&batch.changed, request, now) {
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
        changed: &ChangedStreams,
        request: &Request<D>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Draft>, Rejection<D::Refusal>> {
        let streams = Streams { states: &self.states, changed };
        request.decide.authorize(&streams).map_err(Rejection::Refused)?;
        let first = request.decide.streams().first().copied();
        let actual = first.and_then(|stream| self.states.get(&stream)).map_or(0, |loaded| loaded.version);
        if !request.expected.allows(actual) {
            return Err(Rejection::Conflict { expected: request.expected, actual });
        }
        request.decide.decide(&streams, now).map_err(Rejection::Refused)
    }

    /// Gives a new event its position and ids, and applies it to its stream's state.
    fn admit_event<D>(
        &mut self,
        batch: &mut Batch,
        request: &Request<D>,
        draft: Draft,
        now: DateTime<Utc>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (position, event_id) = (batch.head.position.next(), EventId(self.chance.id_at(now)));
        let version = self.states.get(&draft.stream).map_or(0, |loaded| loaded.version) + 1;
        let envelope = Envelope {
            position,
            event_id,
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
            payload: draft.payload.complete(event_id)?,
            salt: self.chance.bytes(),
        };
        self.take(&envelope)?;
        batch.head.position = position;
        batch.changed.take(envelope.stream, position);
        batch.events.push(envelope);
        Ok(())
    }

    fn fingerprint(&self, body: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, body).as_ref().to_vec()
    }
}

/// Lets all senders that are ready send before the batch is closed. Senders that the last batch answered are about to
/// send again, and would otherwise wait for a whole commit. It never waits for a sender that is not ready.
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

/// For the batch, an unreadable payload is a fault of the store.
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
