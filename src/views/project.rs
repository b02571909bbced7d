//! Project: the step that brings a generation up to the log, whether live, after a crash or in a rebuild.
//!
//! It is a short transaction of its own, separate from the append: it locks the checkpoint, reads the events after it,
//! folds the affected streams again and writes the differences. It must never hold the log's lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::ViewError;
use super::fold::{Gathered, Rules, Stop};
use super::generation::{ADVANCE_CHECKPOINT, Generation, LOCK_CHECKPOINT};
use super::parked::{self, Parked};
use super::rows::Changes;
use crate::log::Log;
use crate::store::{Conn, doing, on};
use throughline_domain::fact::envelope::{Envelope, Position, StreamId, StreamKind};
use throughline_projections::Rows;

/// The default for the most events in one step.
const STEP: i64 = 10_000;
/// The most decoded events cached between steps.
const EVENTS_KEPT: usize = 400_000;
/// The most rows cached between steps.
const ROWS_KEPT: usize = 200_000;
/// The number of parked streams retried in one transaction.
const RETRIED: i64 = 256;

/// Brings one generation up to the log, step by step.
pub(super) struct Projector {
    log: Log,
    generation: Arc<Generation>,
    rules: Rules,
    /// The contracts' own streams, complete.
    contracts: BTreeMap<StreamId, Gathered>,
    /// The position up to which the contracts' events are folded.
    contracts_upto: Position,
    /// The newest rulebook in the log that the rules leave out.
    left_out: Option<Position>,
    gathered: HashMap<StreamId, Gathered>,
    events_kept: usize,
    /// The rows that the tables hold of streams, each with the version up to which they are valid.
    written: HashMap<StreamId, (i64, Rows)>,
    rows_kept: usize,
    /// The most events in one step.
    step: i64,
}

/// The state of a generation's checkpoint, read under its lock.
#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    position: Position,
    parked: i64,
}

/// The result of a step or a retry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stepped {
    /// The position up to which the generation has applied the log.
    pub(super) position: Position,
    /// Whether there may be more to do.
    pub(super) more: bool,
    /// Whether something was written.
    has_written: bool,
}

impl Projector {
    /// A projector of a generation.
    pub(super) async fn new(log: Log, generation: Arc<Generation>) -> Result<Self, ViewError> {
        let rules = Rules { upto: generation.rulebooks_upto, ..Rules::default() };
        let checkpoint = *generation.position().borrow();
        let mut projector = Self {
            log,
            generation,
            rules,
            contracts: BTreeMap::new(),
            contracts_upto: Position::default(),
            left_out: None,
            gathered: HashMap::new(),
            events_kept: 0,
            written: HashMap::new(),
            rows_kept: 0,
            step: STEP,
        };
        projector.take_contracts_upto(checkpoint).await?;
        projector.generation.tell(Arc::clone(&projector.rules.contracts));
        Ok(projector)
    }

    /// The generation that it updates.
    pub(super) const fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// The newest rulebook in the log that the generation does not apply.
    pub(super) const fn newest_rulebook_left_out(&self) -> Option<Position> {
        self.left_out
    }

    /// Folds the contracts' events before a position that this projector has not read, because another process may have
    /// projected them.
    async fn take_contracts_upto(&mut self, upto: Position) -> Result<(), ViewError> {
        if upto > self.contracts_upto {
            let mut touched = BTreeSet::new();
            for envelope in self.log.contracts_between(self.contracts_upto, upto).await? {
                self.contracts.entry(envelope.stream).or_default().take(&envelope);
                touched.insert(envelope.stream);
            }
            for stream in touched {
                self.rule(stream);
            }
            self.contracts_upto = upto;
        }
        Ok(())
    }

    /// Adds a contract's stream, as far as it can be folded, to the rules.
    fn rule(&mut self, stream: StreamId) {
        let Some(gathered) = self.contracts.get(&stream) else { return };
        self.left_out = self.left_out.max(gathered.newest_rulebook_after(self.rules.upto));
        let version = gathered.fold(stream, &self.rules).version;
        let contract = gathered.contract(version, &self.rules);
        if let Some(code) = contract.code().map(str::to_owned) {
            Arc::make_mut(&mut self.rules.contracts).insert(code, Arc::new(contract));
        }
    }

    /// Takes one step. Returns whether there may be more to do. After an error, the projector cannot be used any more.
    pub(super) async fn step(&mut self) -> Result<bool, ViewError> {
        let mut conn = self.begun().await?;
        let projected = self.project(&mut conn).await;
        Ok(self.ended(conn, projected).await?.more)
    }

    /// Retries all parked streams, or only this one.
    pub(super) async fn retry(&mut self, alone: Option<StreamId>) -> Result<(), ViewError> {
        let mut after = Position::default();
        loop {
            let parked = self.generation.parked(after, RETRIED).await?;
            let Some(last) = parked.last() else { return Ok(()) };
            after = last.position;
            let wanted = parked.iter().map(|parked| parked.stream);
            let wanted: Vec<StreamId> = wanted.filter(|stream| alone.is_none_or(|alone| alone == *stream)).collect();
            if wanted.is_empty() {
                continue;
            }
            let mut conn = self.begun().await?;
            let retried = self.refold(&mut conn, wanted).await;
            self.ended(conn, retried).await?;
        }
    }

    async fn begun(&self) -> Result<Conn, ViewError> {
        Ok(Conn::begun(&self.generation.writer).await.map_err(doing("begin to project"))?)
    }

    async fn ended(&mut self, mut conn: Conn, done: Result<Stepped, ViewError>) -> Result<Stepped, ViewError> {
        match done {
            Ok(stepped) if !stepped.has_written => {
                conn.rollback().await;
                self.announce(stepped.position);
                Ok(stepped)
            }
            Ok(stepped) => {
                if let Err(source) = conn.commit().await {
                    conn.rollback().await;
                    return Err(doing("commit to the view")(source).into());
                }
                self.announce(stepped.position);
                Ok(stepped)
            }
            Err(error) => {
                conn.rollback().await;
                Err(error)
            }
        }
    }

    /// Announces to readers of the generation the position that was committed.
    pub(super) fn announce(&self, position: Position) {
        self.generation.tell(Arc::clone(&self.rules.contracts));
        self.generation.announce(position);
    }

    async fn lock(&mut self, conn: &mut Conn) -> Result<Checkpoint, ViewError> {
        let sql = LOCK_CHECKPOINT.text(conn.dialect());
        let (position, parked): (i64, i64) = on!(&mut *conn, conn => sqlx::query_as(sql).fetch_one(&mut **conn).await)
            .map_err(doing("lock the view's checkpoint"))?;
        self.take_contracts_upto(Position(position)).await?;
        Ok(Checkpoint { position: Position(position), parked })
    }

    /// Applies the next events within an open transaction. The caller that commits it must then call `announce`.
    pub(super) async fn project(&mut self, conn: &mut Conn) -> Result<Stepped, ViewError> {
        let checkpoint = self.lock(conn).await?;
        let page = self.log.page_of(checkpoint.position, Position(i64::MAX), self.step);
        let events = conn.meanwhile(page).await.map_err(doing("hold the view's checkpoint"))??;
        let Some(last) = events.last() else {
            return Ok(Stepped { position: checkpoint.position, more: false, has_written: false });
        };
        let log_event = last.event_id.0;
        let (position, more) = (last.position, i64::try_from(events.len()).is_ok_and(|read| read == self.step));
        let mut touched: BTreeMap<StreamId, Vec<Envelope>> = BTreeMap::new();
        for event in events {
            touched.entry(event.stream).or_default().push(event);
        }
        conn.meanwhile(self.remember(&touched)).await.map_err(doing("hold the view's checkpoint"))??;
        self.change(conn, checkpoint, &touched).await?;
        self.contracts_upto = self.contracts_upto.max(position);
        let sql = ADVANCE_CHECKPOINT.text(conn.dialect());
        on!(conn, conn => sqlx::query(sql).bind(position.0).bind(log_event).execute(&mut **conn).await.map(drop))
            .map_err(doing("advance the view's checkpoint"))?;
        Ok(Stepped { position, more, has_written: true })
    }

    /// Folds streams again that have no new event.
    async fn refold(&mut self, conn: &mut Conn, streams: Vec<StreamId>) -> Result<Stepped, ViewError> {
        let checkpoint = self.lock(conn).await?;
        for envelope in self.log.streams(streams.iter().map(|stream| (*stream, 0))).await? {
            if envelope.version == 1 {
                *self.gathered(envelope.stream) = Gathered::default();
            }
            if envelope.position <= checkpoint.position {
                self.gathered(envelope.stream).take(&envelope);
            }
        }
        let touched = streams.into_iter().map(|stream| (stream, Vec::new())).collect();
        self.change(conn, checkpoint, &touched).await?;
        Ok(Stepped { position: checkpoint.position, more: false, has_written: true })
    }

    fn gathered(&mut self, stream: StreamId) -> &mut Gathered {
        self.rules_and(stream).1
    }

    fn rules_and(&mut self, stream: StreamId) -> (&Rules, &mut Gathered) {
        let gathered = match stream.kind {
            StreamKind::Contract => self.contracts.entry(stream).or_default(),
            _ => self.gathered.entry(stream).or_default(),
        };
        (&self.rules, gathered)
    }

    /// Applies new events of streams and writes the changes, stream by stream, contracts first.
    async fn change(
        &mut self,
        conn: &mut Conn,
        checkpoint: Checkpoint,
        touched: &BTreeMap<StreamId, Vec<Envelope>>,
    ) -> Result<(), ViewError> {
        let parked: Vec<Parked> =
            if checkpoint.parked == 0 { Vec::new() } else { parked::among(conn, touched.keys().copied()).await? };
        let parked: HashMap<StreamId, Parked> = parked.into_iter().map(|parked| (parked.stream, parked)).collect();
        let mut changes = Changes::default();
        for (stream, events) in touched {
            let before = parked.get(stream);
            let stop = self.change_one(&mut changes, *stream, events, before);
            if let Some(stop) = &stop {
                tracing::error!(%stream, position = %stop.position, error = stop.error, "a stream is parked");
            }
            if before.is_some() || stop.is_some() {
                parked::park(conn, *stream, stop.as_ref()).await?;
            }
        }
        changes.write(conn).await.map_err(doing("write view rows"))?;
        if self.events_kept > EVENTS_KEPT {
            self.gathered.clear();
            self.events_kept = 0;
        }
        if self.rows_kept > ROWS_KEPT {
            self.written.clear();
            self.rows_kept = 0;
        }
        Ok(())
    }

    /// Applies new events of one stream. Returns where it stops, if it does.
    fn change_one(
        &mut self,
        changes: &mut Changes,
        stream: StreamId,
        events: &[Envelope],
        parked: Option<&Parked>,
    ) -> Option<Stop> {
        let written = self.written.remove(&stream);
        let (rules, gathered) = self.rules_and(stream);
        let stood = parked.map_or(gathered.seen(), |parked| parked.version);
        let before = match written {
            Some((version, rows)) if version == stood => Some(rows),
            _ => gathered.rows_at(stood, stream, rules),
        };
        for envelope in events {
            gathered.take(envelope);
        }
        let after = gathered.fold(stream, rules);
        let is_stopped = gathered.is_stopped();
        self.events_kept += events.len();
        if stream.kind == StreamKind::Contract {
            self.rule(stream);
        } else if is_stopped {
            // The next use reads it again. By then it may be readable.
            self.gathered.remove(&stream);
        }
        if let Some(before) = before.filter(|_| after.version >= stood) {
            changes.add(&before, &after.rows);
            self.rows_kept += after.rows.len();
            self.written.insert(stream, (after.version, after.rows));
            return after.stopped;
        }
        // The current rows can no longer be computed, so they stay unchanged until they can.
        let new = events.first().map(|event| event.position);
        let position = new.or(parked.map(|parked| parked.position)).unwrap_or_default();
        let error = after.stopped.map_or_else(|| "its current rows cannot be computed".to_owned(), |stop| stop.error);
        Some(Stop { version: stood, position, error })
    }

    /// Loads the streams whose earlier events are not in memory, in one read.
    async fn remember(&mut self, touched: &BTreeMap<StreamId, Vec<Envelope>>) -> Result<(), ViewError> {
        let mut missing = Vec::new();
        for (stream, events) in touched {
            let before = events.first().map_or(0, |event| event.version - 1);
            let gathered = self.gathered(*stream);
            if gathered.seen() != before || gathered.is_stopped() {
                *gathered = Gathered::default();
                missing.push((*stream, 0));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        for envelope in self.log.streams(missing.into_iter()).await? {
            let new = touched.get(&envelope.stream).and_then(|events| events.first());
            if new.is_some_and(|first| envelope.version < first.version) {
                self.gathered(envelope.stream).take(&envelope);
                self.events_kept += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod two_nodes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::rebuild::tests::{Plan, built};
    use crate::views::test_service::TestService;
    use throughline_domain::command::Command;
    use throughline_domain::command::contracts::PublishRulebook;
    use throughline_domain::contract::rulebook::packs::pack;
    use throughline_domain::fact::event::{ReferralAccepted, SubjectKind, WorkerJoined};
    use throughline_domain::world::{
        ANN, JOURNEY, fact_of, keyworker, open, opened, plan, refer, referral, state, when,
    };

    fn commands() -> Vec<Command> {
        let text = pack("shps").expect("it ships").text;
        let next = text.replace("2017-03\"", "2018-02\"").replace("= 2017-03-01", "= 2018-02-01");
        let published =
            PublishRulebook { contract: "shps".to_owned(), when: when("2018-01-09").into(), rulebook: next };
        let publish = Command::PublishRulebook(published);
        let joined = WorkerJoined { login: None, label: "KW-1".to_owned() };
        vec![
            open(when("2018-01-01"), opened("shps", "2018-01-01"), text),
            fact_of(StreamId::worker(ANN), "2018-01-01", joined),
            refer(JOURNEY, "shps", when("2018-01-02"), Some(SubjectKind::Person), referral()),
            state("2018-01-03", ReferralAccepted {}),
            state("2018-01-04", keyworker(ANN)),
            state("2018-01-05", plan()),
            publish,
        ]
    }

    #[tokio::test]
    async fn the_rows_do_not_depend_on_where_a_view_was_interrupted() {
        let service = TestService::start().await;
        let log = &service.log;
        for (number, command) in (1_u128..).zip(commands()) {
            service.record(number, command).await;
        }
        let mut digests = Vec::new();
        for (number, (upto, step)) in (2..).zip([(2, 1), (2, 2), (4, 3), (7, STEP)]) {
            let plan =
                Plan { number, upto: Position(upto), rulebooks_upto: Position(2), draft: None, workers: 2, held: 3 };
            let generation = Arc::new(built(log, &plan).await);
            let mut projector = Projector::new(log.clone(), Arc::clone(&generation)).await.expect("a projector");
            projector.step = step;
            while projector.step().await.expect("it catches up") {}
            let head = log.head().await.expect("a head").position;
            assert_eq!(*generation.position().borrow(), head);
            assert!(projector.newest_rulebook_left_out().is_some(), "the second rulebook is another generation's");
            digests.push(generation.digest().await.expect("a digest"));
        }
        digests.dedup();
        assert_eq!(digests.len(), 1);
    }
}
