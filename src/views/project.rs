//! Project: the one step that brings a generation up to the log, whether live, after a crash or in a rebuild.
//!
//! A short transaction of its own, apart from the append: it locks the checkpoint, reads what comes after it, refolds
//! the streams touched and writes the difference. It must never hold the log's lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::ViewError;
use super::generation::{ADVANCE_CHECKPOINT, Generation, LOCK_CHECKPOINT};
use super::rows::Changes;
use crate::contract::Contract;
use crate::journey::{History, Recorded};
use crate::log::Log;
use crate::log::envelope::{Envelope, JourneyId, Position, StreamId, StreamKind};
use crate::projections::{self, Rows};
use crate::store::{Conn, doing, on};

/// Events that one step takes at most, where nothing else is said.
const STEP: i64 = 10_000;
/// Events that are kept decoded between steps at most.
const EVENTS_KEPT: usize = 400_000;

/// Brings one generation up to the log, step by step.
pub(super) struct Projector {
    log: Log,
    generation: Arc<Generation>,
    contracts: BTreeMap<String, Contract>,
    /// The contracts' events up to here are folded; ahead of the checkpoint while a generation is built.
    contracts_upto: Position,
    histories: HashMap<StreamId, History>,
    events_kept: usize,
    /// Events that one step takes at most.
    step: i64,
}

impl Projector {
    /// A projector of a generation. A fresh generation applies the rulebooks published so far, one that has rows
    /// those that it was built with.
    pub(super) async fn new(log: Log, generation: Arc<Generation>) -> Result<Self, ViewError> {
        let checkpoint = *generation.position().borrow();
        let upto = if checkpoint == Position::default() { log.head().await?.position } else { checkpoint };
        let mut projector = Self {
            log,
            generation,
            contracts: BTreeMap::new(),
            contracts_upto: Position::default(),
            histories: HashMap::new(),
            events_kept: 0,
            step: STEP,
        };
        projector.take_contracts_upto(upto).await?;
        Ok(projector)
    }

    /// Folds the contracts' events that come before a position and that this projector has not seen: another process
    /// may have projected them.
    async fn take_contracts_upto(&mut self, upto: Position) -> Result<(), ViewError> {
        if upto > self.contracts_upto {
            for envelope in self.log.contracts_between(self.contracts_upto, upto).await? {
                self.take_contract(&envelope)?;
            }
            self.contracts_upto = upto;
        }
        Ok(())
    }

    /// Takes one step; true if there may be more to do. After a fault it is of no more use.
    pub(super) async fn step(&mut self) -> Result<bool, ViewError> {
        let generation = Arc::clone(&self.generation);
        let mut conn = Conn::begun(&generation.writer).await.map_err(doing("begin to project"))?;
        let projected = self.project(&mut conn).await;
        match projected {
            Ok(Some((position, more))) => {
                if let Err(source) = conn.commit().await {
                    conn.rollback().await;
                    return Err(doing("commit to the view")(source).into());
                }
                generation.announce(position);
                Ok(more)
            }
            Ok(None) => {
                conn.rollback().await;
                Ok(false)
            }
            Err(error) => {
                conn.rollback().await;
                Err(error)
            }
        }
    }

    async fn project(&mut self, conn: &mut Conn) -> Result<Option<(Position, bool)>, ViewError> {
        let sql = LOCK_CHECKPOINT.text(conn.dialect());
        let (checkpoint,): (i64,) = on!(&mut *conn, conn => sqlx::query_as(sql).fetch_one(&mut **conn).await)
            .map_err(doing("lock the view's checkpoint"))?;
        let events = self.log.page_of(Position(checkpoint), Position(i64::MAX), self.step).await?;
        let Some(last) = events.last() else {
            self.generation.announce(Position(checkpoint));
            return Ok(None);
        };
        self.take_contracts_upto(Position(checkpoint)).await?;
        let (upto, more) = (last.position, i64::try_from(events.len()).is_ok_and(|read| read == self.step));
        let changes = self.changes(events, upto).await?;
        changes.write(conn).await.map_err(doing("write view rows"))?;
        let sql = ADVANCE_CHECKPOINT.text(conn.dialect());
        on!(conn, conn => sqlx::query(sql).bind(upto.0).execute(&mut **conn).await.map(drop))
            .map_err(doing("advance the view's checkpoint"))?;
        Ok(Some((upto, more)))
    }

    /// What these events change, stream by stream.
    async fn changes(&mut self, events: Vec<Envelope>, upto: Position) -> Result<Changes, ViewError> {
        let mut by_stream: BTreeMap<StreamId, Vec<Envelope>> = BTreeMap::new();
        for event in events {
            by_stream.entry(event.stream).or_default().push(event);
        }
        self.remember(&by_stream, upto).await?;
        let mut changes = Changes::default();
        for (stream, events) in by_stream {
            let (before, after) = match stream.kind {
                StreamKind::Journey => self.journey(JourneyId(stream.id), &events)?,
                StreamKind::Contract => self.contract(&events)?,
                StreamKind::Subject | StreamKind::Worker | StreamKind::Team => {
                    self.of_the_deployment(stream, &events)?
                }
            };
            changes.add(&before, &after);
        }
        self.contracts_upto = self.contracts_upto.max(upto);
        if self.events_kept > EVENTS_KEPT {
            self.histories.clear();
            self.events_kept = 0;
        }
        Ok(changes)
    }

    /// Loads the streams whose earlier events are not in memory, in one read; contracts are, all of them.
    async fn remember(&mut self, touched: &BTreeMap<StreamId, Vec<Envelope>>, upto: Position) -> Result<(), ViewError> {
        let mut missing = Vec::new();
        for (stream, events) in touched.iter().filter(|(stream, _)| stream.kind != StreamKind::Contract) {
            let before = events.first().map_or(0, |event| event.version - 1);
            let known = self.histories.get(stream).map_or(0, History::version);
            if known != before {
                self.histories.remove(stream);
                missing.push((*stream, 0));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        for envelope in self.log.streams(missing.into_iter()).await? {
            let new = touched.get(&envelope.stream).and_then(|events| events.first());
            let is_earlier = new.is_some_and(|first| envelope.version < first.version) && envelope.position <= upto;
            if is_earlier {
                self.histories.entry(envelope.stream).or_default().evolve(decoded(&envelope)?);
                self.events_kept += 1;
            }
        }
        Ok(())
    }

    fn journey(&mut self, id: JourneyId, events: &[Envelope]) -> Result<(Rows, Rows), ViewError> {
        let history = self.histories.entry(StreamId::journey(id)).or_default();
        let contract =
            history.contract().map(str::to_owned).or_else(|| events.first().and_then(|event| event.contract.clone()));
        let unruled = || ViewError::NoRulebook { stream: StreamId::journey(id) };
        let code = contract.ok_or_else(unruled)?;
        let rulebook = self.contracts.get(&code).and_then(Contract::newest_rulebook).ok_or_else(unruled)?;
        let before = projections::rows_of_journey(id, &code, &history.journey(), rulebook);
        for envelope in events {
            history.evolve(decoded(envelope)?);
            self.events_kept += 1;
        }
        Ok((before, projections::rows_of_journey(id, &code, &history.journey(), rulebook)))
    }

    fn of_the_deployment(&mut self, stream: StreamId, events: &[Envelope]) -> Result<(Rows, Rows), ViewError> {
        let history = self.histories.entry(stream).or_default();
        let before = projections::rows_of_the_deployment(stream, history);
        for envelope in events {
            history.evolve(decoded(envelope)?);
            self.events_kept += 1;
        }
        Ok((before, projections::rows_of_the_deployment(stream, history)))
    }

    fn contract(&mut self, events: &[Envelope]) -> Result<(Rows, Rows), ViewError> {
        let code = events.first().and_then(|event| event.contract.clone()).unwrap_or_default();
        let known = self.contracts_upto;
        let rows = |contracts: &BTreeMap<String, Contract>| {
            contracts.get(&code).map(projections::contract::rows).unwrap_or_default()
        };
        // While a generation is built, its first step writes what all the rulebooks make of the contract.
        let is_new = events.first().is_none_or(|first| first.version == 1);
        let before = if is_new { Rows::default() } else { rows(&self.contracts) };
        for envelope in events.iter().filter(|envelope| envelope.position > known) {
            let had_rulebook = self.contracts.get(&code).is_some_and(|contract| contract.newest_rulebook().is_some());
            if had_rulebook && envelope.event_type == "RulebookPublished" {
                return Err(ViewError::RulebookPublished { contract: code });
            }
            self.take_contract(envelope)?;
        }
        Ok((before, rows(&self.contracts)))
    }

    fn take_contract(&mut self, envelope: &Envelope) -> Result<(), ViewError> {
        let code = envelope.contract.clone().unwrap_or_default();
        Ok(self.contracts.entry(code).or_default().evolve(&decoded(envelope)?)?)
    }
}

pub(super) fn decoded(envelope: &Envelope) -> Result<Recorded, ViewError> {
    Recorded::decode(envelope).map_err(|source| ViewError::Payload { position: envelope.position, source })
}

#[cfg(test)]
mod two_nodes;

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::access::{Principal, Role, Scope};
    use crate::clock::{Chance, Clock};
    use crate::contract::command::{OpenContract, PublishRulebook, Publisher};
    use crate::contract::rulebook::packs::pack;
    use crate::journey::command::{Command, ReceiveReferral};
    use crate::journey::event::{
        ContractOpened, PlanAgreed, ReferralAccepted, ReferralReceived, SubjectKind, WorkerAssigned, WorkerJoined,
    };
    use crate::log::append::Expected;
    use crate::log::envelope::{CommandId, Occurred, SubjectId, WorkerId};
    use crate::record::{Instruction, Recorder};
    use crate::store::{Mode, Store};
    use crate::views::{Views, catch_up};

    fn commands() -> Vec<Command> {
        let day = |day| Occurred::on(NaiveDate::from_ymd_opt(2018, 1, day).expect("a day"));
        let id = uuid::Uuid::from_u128;
        let (journey, worker, text) = (JourneyId(id(1)), WorkerId(id(2)), pack("shps").expect("it ships").text);
        let fact = ContractOpened {
            code: "shps".to_owned(),
            name: "A service".to_owned(),
            parties: Vec::new(),
            starts_on: day(1).earliest(),
            ends_on: None,
        };
        let next = text.replace("2017-03\"", "2018-02\"").replace("= 2017-03-01", "= 2018-02-01");
        let open = Command::OpenContract(OpenContract { occurred: day(1), fact, rulebook: text.to_owned() });
        let publish = Command::PublishRulebook(PublishRulebook {
            contract: "shps".to_owned(),
            occurred: day(9),
            rulebook: next,
            publisher: Publisher::OfflineRebuild,
        });
        let joined = WorkerJoined { login: None, label: "KW-1".to_owned() };
        let referral = ReferralReceived {
            subject: SubjectId(id(3)),
            area: "brent".to_owned(),
            cohort: None,
            referrer: None,
            external_references: Vec::new(),
        };
        let received = ReceiveReferral {
            journey,
            contract: "shps".to_owned(),
            occurred: day(2),
            register: Some(SubjectKind::Person),
            fact: referral,
        };
        let (php, keyworker) = ("php".to_owned(), "keyworker".to_owned());
        vec![
            open,
            Command::state(StreamId::worker(worker), day(1), joined),
            Command::ReceiveReferral(received),
            Command::state(StreamId::journey(journey), day(3), ReferralAccepted {}),
            Command::state(StreamId::journey(journey), day(4), WorkerAssigned { worker, role: keyworker }),
            Command::state(StreamId::journey(journey), day(5), PlanAgreed { kind: php }),
            publish,
        ]
    }

    #[tokio::test]
    async fn the_rows_do_not_depend_on_where_a_view_was_interrupted() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", directory.path().join("log.db").display());
        let store = Arc::new(Store::open(&url, Mode::Write).await.expect("a store"));
        let log = Log::open(Arc::clone(&store)).await.expect("a log");
        let clock = Arc::new(Clock::standing_at("2018-03-01T09:00:00Z".parse().expect("an instant")));
        let chance = Arc::new(Chance::seeded(1));
        let views = Views::open(log.clone()).await.expect("a view");
        let (recorder, _) = Recorder::start(log.clone(), views, clock, chance).await.expect("a recorder");
        for (number, command) in (1_u128..).zip(commands()) {
            let role = if matches!(command, Command::OpenContract(_) | Command::PublishRulebook(_)) {
                Role::Administrator
            } else {
                Role::Manager
            };
            let instruction = Instruction {
                accept_warnings: std::collections::BTreeSet::new(),
                dry_run: false,
                principal: Principal { subject: "tester".to_owned(), role, scope: Scope::Deployment },
                command_id: CommandId(uuid::Uuid::from_u128(number)),
                body: Vec::new(),
                expected: Expected::Any,
                source: None,
                command,
            };
            recorder.append(instruction).await.expect("it is recorded");
        }
        let mut digests = Vec::new();
        for (number, step) in (2..).zip([1, 2, 3, STEP]) {
            let generation = Arc::new(Generation::create(&store, number).await.expect("a generation"));
            let mut projector = Projector::new(log.clone(), Arc::clone(&generation)).await.expect("a projector");
            projector.step = step;
            catch_up(&mut projector).await.expect("it catches up");
            assert_eq!(*generation.position().borrow(), log.head().await.expect("a head").position);
            digests.push(generation.digest().await.expect("a digest"));
        }
        digests.dedup();
        assert_eq!(digests.len(), 1);
    }
}
