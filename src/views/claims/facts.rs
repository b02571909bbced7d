//! The facts that claims rest on: of a contract's journeys what outcomes look at, every link of subjects, every batch;
//! and what they were last judged to amount to.
//!
//! They are brought up to a position by the events since, and never go back. What is kept of judging is what judging
//! everything from nothing would give.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::answer::{Batches, Beside, Claims, settled};
use super::judged::JudgedAsOf;
use super::{Asked, Purpose};
use crate::log::{Log, LogError};
use throughline_domain::contract::Contract;
use throughline_domain::contract::batch::Batch;
use throughline_domain::contract::batch::ledger::Ledger;
use throughline_domain::contract::outcome::{People, is_looked_at};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Actor, BatchId, Envelope, JourneyId, Position, StreamId, StreamKind};
use throughline_domain::fact::event::EventType;

/// How many answers are kept: with what journeys have come to they share all but what was settled.
const ANSWERS: usize = 6;
/// Of how many days and sets of rules it is kept what journeys have come to.
const DAYS: usize = 3;

/// The facts of one contract up to a position, and what was last asked of them.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) position: Position,
    pub(super) journeys: BTreeMap<JourneyId, History>,
    subjects: HashMap<Uuid, History>,
    batches: BTreeMap<BatchId, OfBatch>,
    /// Streams with an event that this build cannot read: they stand as of the one before it, as in every view.
    stopped: HashSet<StreamId>,
    /// The place of the last event that claims rest on.
    moved_at: Position,
    /// What journeys have come to, as of the days that were last asked for.
    days: VecDeque<JudgedAsOf>,
    answers: VecDeque<Answer>,
}

/// A batch as it is told, and folded.
#[derive(Debug, Default)]
struct OfBatch {
    history: History,
    folded: Arc<Batch>,
    /// The last day of its events.
    last_on: NaiveDate,
}

/// What was answered, and over which positions it holds.
#[derive(Debug)]
struct Answer {
    asked: Asked,
    claims: Arc<Claims>,
    /// The place of the last event that it rests on.
    since: Position,
    /// The place of the first event that it does not know of, once there is one.
    until: Option<Position>,
}

impl Facts {
    /// Takes the events up to a position.
    pub(super) async fn catch_up(&mut self, log: &Log, code: &str, upto: Position) -> Result<(), LogError> {
        while self.position < upto {
            let page = log.of_contract(code, self.position, upto).await?;
            let is_last = i64::try_from(page.len()).is_ok_and(|read| read < crate::log::read::PAGE_SIZE);
            for envelope in &page {
                self.take(envelope)?;
                self.position = envelope.position;
            }
            if is_last {
                self.position = upto;
            }
        }
        Ok(())
    }

    fn take(&mut self, envelope: &Envelope) -> Result<(), LogError> {
        let stream = envelope.stream;
        let is_of_batch = stream.kind == StreamKind::Batch;
        let is_wanted = is_of_batch || EventType::named(&envelope.event_type).is_none_or(is_looked_at);
        if !is_wanted || self.stopped.contains(&stream) {
            return Ok(());
        }
        match Recorded::decode(envelope) {
            Ok(recorded) => self.learn(stream, recorded),
            // A line that is not counted may be paid twice.
            Err(error) if is_of_batch => return Err(LogError::Payload(Box::new(error))),
            Err(error) => {
                tracing::warn!(%stream, %error, "claims are judged without the events from here on");
                self.stopped.insert(stream);
            }
        }
        Ok(())
    }

    /// Takes an event that claims rest on. Who recorded it does not matter to them, and is not kept.
    pub(super) fn learn(&mut self, stream: StreamId, recorded: Recorded) {
        self.moved_at = recorded.position;
        for answer in self.answers.iter_mut().filter(|answer| answer.until.is_none()) {
            answer.until = Some(recorded.position);
        }
        let nobody = Actor { subject: String::new(), role: String::new(), on_behalf_of: None };
        let recorded = Recorded { contract: None, actor: nobody, ..recorded };
        match stream.kind {
            StreamKind::Journey => {
                let journey = JourneyId(stream.id);
                self.days.iter_mut().for_each(|day| day.moved(journey));
                self.journeys.entry(journey).or_default().evolve(recorded);
            }
            StreamKind::Subject => self.subjects.entry(stream.id).or_default().evolve(recorded),
            StreamKind::Batch => self.batches.entry(BatchId(stream.id)).or_default().evolve(recorded),
            StreamKind::Contract | StreamKind::Worker | StreamKind::Team => {}
        }
    }

    /// The batches, in the order in which they were opened.
    fn batches(&self, asked: &Asked) -> Batches {
        let mut batches: Vec<(&BatchId, &OfBatch)> = self.batches.iter().collect();
        batches.sort_by_key(|(_, batch)| batch.history.events().first().map(|opened| opened.position));
        let batches = batches.into_iter().map(|(id, batch)| match asked.purpose {
            Purpose::Look => (*id, batch.as_of(asked.as_of)),
            Purpose::Submit { .. } => (*id, Arc::clone(&batch.folded)),
        });
        Arc::new(batches.filter(|(_, batch)| batch.opened.is_some()).collect())
    }

    /// The claims that they amount to.
    pub(super) fn claims(&mut self, contract: &Arc<Contract>, asked: Asked) -> Arc<Claims> {
        if let Some(known) = self.known(contract, &asked, self.position) {
            return known;
        }
        let kept = self.days.iter().position(|day| day.answers(contract, asked.as_of));
        let kept = kept.and_then(|at| self.days.remove(at));
        let mut judged = kept.unwrap_or_else(|| JudgedAsOf::new(contract, asked.as_of, &self.journeys));
        let claims = Arc::new(self.settled(&mut judged, contract, &asked));
        self.days.push_front(judged);
        self.days.truncate(DAYS);
        self.answers.push_front(Answer { asked, claims: Arc::clone(&claims), since: self.moved_at, until: None });
        self.answers.truncate(ANSWERS);
        claims
    }

    /// The claims by these rules, of which nothing is kept.
    pub(super) fn claims_by(&self, contract: &Arc<Contract>, asked: &Asked) -> Claims {
        let mut judged = JudgedAsOf::new(contract, asked.as_of, &self.journeys);
        self.settled(&mut judged, contract, asked)
    }

    /// What was answered before, if it holds at a position.
    pub(super) fn known(&self, contract: &Contract, asked: &Asked, at: Position) -> Option<Arc<Claims>> {
        let hashes = |of: &Contract| -> Vec<String> {
            of.rulebooks().iter().map(|published| published.rulebook.hash().to_owned()).collect()
        };
        let holds = |answer: &&Answer| {
            answer.asked == *asked
                && answer.since <= at
                && answer.until.is_none_or(|until| at < until)
                && (std::ptr::eq(&raw const *answer.claims.contract, contract)
                    || hashes(&answer.claims.contract) == hashes(contract))
        };
        self.answers.iter().find(holds).map(|answer| answer.claims.known_at(at))
    }

    fn settled(&self, judged: &mut JudgedAsOf, contract: &Arc<Contract>, asked: &Asked) -> Claims {
        let batches = self.batches(asked);
        let ledger = Ledger::of(&batches);
        judged.bring_up(&self.journeys, &ledger);
        let people = People::of(&self.subjects, asked.as_of);
        settled(
            judged,
            contract,
            asked,
            &Beside { position: self.position, batches: &batches, ledger: &ledger, people },
        )
    }
}

impl OfBatch {
    fn evolve(&mut self, recorded: Recorded) {
        self.last_on = self.last_on.max(recorded.occurred.earliest());
        Arc::make_mut(&mut self.folded).evolve(&recorded);
        self.history.evolve(recorded);
    }

    /// The batch at the end of a day.
    fn as_of(&self, day: NaiveDate) -> Arc<Batch> {
        if self.last_on <= day { Arc::clone(&self.folded) } else { Arc::new(Batch::as_of(&self.history, day)) }
    }
}
