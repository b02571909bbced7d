//! The facts that claims rest on: of a contract's journeys what outcomes look at, every link of subjects, every batch.
//!
//! They are brought up to a position by the events since, and never go back.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use super::answer::{Claims, judge};
use super::{Asked, Purpose};
use crate::contract::Contract;
use crate::contract::batch::Batch;
use crate::contract::outcome::is_looked_at;
use crate::journey::event::EventType;
use crate::journey::{History, Recorded};
use crate::log::envelope::{BatchId, Envelope, JourneyId, Position, StreamId, StreamKind};
use crate::log::{Log, LogError};

/// How many answers are kept.
const ANSWERS: usize = 8;

/// The facts of one contract up to a position, and what was last asked of them.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) position: Position,
    pub(super) journeys: BTreeMap<JourneyId, History>,
    pub(super) subjects: HashMap<Uuid, History>,
    batches: BTreeMap<BatchId, History>,
    /// Streams with an event that this build cannot read: they stand as of the one before it, as in every view.
    stopped: HashSet<StreamId>,
    answers: VecDeque<(Asked, Arc<Claims>)>,
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
        let recorded = match Recorded::decode(envelope) {
            Ok(recorded) => recorded,
            // A line that is not counted may be paid twice.
            Err(error) if is_of_batch => return Err(LogError::Payload(Box::new(error))),
            Err(error) => {
                tracing::warn!(%stream, %error, "claims are judged without the events from here on");
                self.stopped.insert(stream);
                return Ok(());
            }
        };
        self.answers.clear();
        match stream.kind {
            StreamKind::Journey => self.journeys.entry(JourneyId(stream.id)).or_default().evolve(recorded),
            StreamKind::Subject => self.subjects.entry(stream.id).or_default().evolve(recorded),
            StreamKind::Batch => self.batches.entry(BatchId(stream.id)).or_default().evolve(recorded),
            StreamKind::Contract | StreamKind::Worker | StreamKind::Team => {}
        }
        Ok(())
    }

    /// The batches, in the order in which they were opened.
    pub(super) fn batches(&self, asked: &Asked) -> Vec<(BatchId, Batch)> {
        let of = |history: &History| match asked.purpose {
            Purpose::Look => Batch::as_of(history, asked.as_of),
            Purpose::Submit(_) => Batch::of(history),
        };
        let mut histories: Vec<(&BatchId, &History)> = self.batches.iter().collect();
        histories.sort_by_key(|(_, history)| history.events().first().map(|opened| opened.position));
        let batches = histories.into_iter().map(|(id, history)| (*id, of(history)));
        batches.filter(|(_, batch)| batch.opened.is_some()).collect()
    }

    /// The claims that they amount to.
    pub(super) fn claims(&mut self, contract: &Arc<Contract>, asked: Asked) -> Arc<Claims> {
        let is_of_these_rules = |claims: &Claims| {
            let hashes = |of: &Contract| {
                of.rulebooks().iter().map(|published| published.rulebook.hash().to_owned()).collect::<Vec<_>>()
            };
            Arc::ptr_eq(&claims.contract, contract) || hashes(&claims.contract) == hashes(contract)
        };
        let known = self.answers.iter().find(|(of, claims)| *of == asked && is_of_these_rules(claims));
        if let Some((_, claims)) = known {
            return claims.known_at(self.position);
        }
        let claims = Arc::new(judge(self, contract, &asked));
        self.answers.push_front((asked, Arc::clone(&claims)));
        self.answers.truncate(ANSWERS);
        claims
    }
}
