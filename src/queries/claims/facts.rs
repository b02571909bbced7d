//! The facts that claims depend on: the facts of a contract's journeys that outcomes use, every link of subjects and
//! every batch, and the cached results.
//!
//! They are brought up to a position by applying newer events, and never go back. The cached results are the same as
//! those of an evaluation from scratch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::answer::{Batches, Beside, Claims, settled};
use super::duties::{StepsBy, has_a_duty};
use super::judged::JudgedAsOf;
use super::{ClaimsQuery, Purpose};
use crate::log::{Log, LogError};
use throughline_domain::contract::Contract;
use throughline_domain::contract::batch::Batch;
use throughline_domain::contract::batch::ledger::Ledger;
use throughline_domain::contract::outcome::{People, is_looked_at};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Actor, BatchId, Envelope, JourneyId, Position, StreamId, StreamKind};
use throughline_domain::fact::event::{Event, EventType};

/// The number of cached answers. They share the results of journeys and differ only in the settlement.
const ANSWERS: usize = 6;
/// The number of days and sets of rules for which results of journeys are cached.
const DAYS: usize = 3;

/// The facts of one contract up to a position, with the latest results.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) position: Position,
    pub(super) journeys: BTreeMap<JourneyId, History>,
    /// The journeys with evidence that somebody verified.
    verified: BTreeSet<JourneyId>,
    subjects: HashMap<Uuid, History>,
    batches: BTreeMap<BatchId, OfBatch>,
    /// Streams with an event that this build cannot read. Their state is that before the event, as in every view.
    stopped: HashSet<StreamId>,
    /// The position of the last event that claims depend on.
    moved_at: Position,
    /// The results of journeys, for the days that were queried last.
    days: VecDeque<JudgedAsOf>,
    answers: VecDeque<Answer>,
}

/// A batch: its events and its state.
#[derive(Debug, Default)]
struct OfBatch {
    history: History,
    folded: Arc<Batch>,
    /// The last date of its events.
    last_on: NaiveDate,
}

/// An answer, and the positions for which it is valid.
#[derive(Debug)]
struct Answer {
    asked: ClaimsQuery,
    claims: Arc<Claims>,
    /// The position of the last event that it depends on.
    since: Position,
    /// The position of the first event that it does not include, once there is one.
    until: Option<Position>,
}

impl Facts {
    /// Applies the events up to a position.
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
                tracing::warn!(%stream, %error, "claims are judged without this event and later ones of its stream");
                self.stopped.insert(stream);
            }
        }
        Ok(())
    }

    /// Applies an event that claims depend on. Claims do not depend on who recorded it, so that is not kept. Who
    /// may submit them and decide on them depends on who did the steps before.
    pub(super) fn learn(&mut self, stream: StreamId, recorded: Recorded) {
        self.moved_at = recorded.position;
        for answer in self.answers.iter_mut().filter(|answer| answer.until.is_none()) {
            answer.until = Some(recorded.position);
        }
        let nobody = Actor { subject: String::new(), role: String::new(), on_behalf_of: None };
        let actor = if has_a_duty(&recorded.event) { recorded.actor } else { nobody };
        let recorded = Recorded { contract: None, actor, ..recorded };
        match stream.kind {
            StreamKind::Journey => {
                let journey = JourneyId(stream.id);
                self.days.iter_mut().for_each(|day| day.moved(journey));
                if matches!(recorded.event, Event::EvidenceVerified(_)) {
                    self.verified.insert(journey);
                }
                self.journeys.entry(journey).or_default().evolve(recorded);
            }
            StreamKind::Subject => self.subjects.entry(stream.id).or_default().evolve(recorded),
            StreamKind::Batch => self.batches.entry(BatchId(stream.id)).or_default().evolve(recorded),
            StreamKind::Contract
            | StreamKind::Worker
            | StreamKind::Team
            | StreamKind::Deployment
            | StreamKind::Offer
            | StreamKind::Import => {}
        }
    }

    /// The batches, in the order in which they were opened.
    fn batches(&self, asked: &ClaimsQuery) -> Batches {
        let mut batches: Vec<(&BatchId, &OfBatch)> = self.batches.iter().collect();
        batches.sort_by_key(|(_, batch)| batch.history.events().first().map(|opened| opened.position));
        let batches = batches.into_iter().map(|(id, batch)| match asked.purpose {
            Purpose::Look => (*id, batch.as_of(asked.as_of)),
            Purpose::Submit { .. } => (*id, Arc::clone(&batch.folded)),
        });
        Arc::new(batches.filter(|(_, batch)| batch.opened.is_some()).collect())
    }

    /// The claims that follow from these facts.
    pub(super) fn claims(&mut self, contract: &Arc<Contract>, asked: ClaimsQuery) -> Arc<Claims> {
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

    /// The claims under these rules. The results are not cached.
    pub(super) fn claims_by(&self, contract: &Arc<Contract>, asked: &ClaimsQuery) -> Claims {
        let mut judged = JudgedAsOf::new(contract, asked.as_of, &self.journeys);
        self.settled(&mut judged, contract, asked)
    }

    /// The cached answer, if it is valid at a position.
    pub(super) fn known(&self, contract: &Contract, asked: &ClaimsQuery, at: Position) -> Option<Arc<Claims>> {
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

    fn settled(&self, judged: &mut JudgedAsOf, contract: &Arc<Contract>, asked: &ClaimsQuery) -> Claims {
        let batches = self.batches(asked);
        let ledger = Ledger::of(&batches);
        judged.bring_up(&self.journeys, &ledger);
        let people = People::of(&self.subjects, asked.as_of);
        let batches_by_id = self.batches.iter().map(|(id, batch)| (*id, &batch.history));
        let verified = self.verified.iter().filter_map(|journey| self.journeys.get(journey));
        let steps_by = Arc::new(StepsBy::of(verified, batches_by_id));
        settled(
            judged,
            contract,
            asked,
            &Beside { position: self.position, batches: &batches, ledger: &ledger, people, steps_by },
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
