//! Claims as one view of the log shows them: what every outcome of a contract's journeys has come to, settled with its
//! batches.
//!
//! They are judged in memory and never stored: each journey once for a day and a set of rules, and again only when it
//! moves; what crosses journeys is settled when claims are read. What is told here is never later than the view that was
//! asked.

mod answer;
mod facts;
mod judged;
mod prepare;
mod preview;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;

use super::generation::Generation;
use crate::access::InScope;
use crate::log::{Log, LogError};
use throughline_domain::contract::Contract;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{BatchId, ClaimId, Position, StreamId};

pub use answer::{CapOf, CapUse, Claim, Claims, Excluded, Proposed, ProposedWithdrawal};
use facts::Facts;
pub use judged::{Counted, Ground, Shown};
pub use preview::{Cause, Move, Moved, Preview, Shift, Total, rules_that_differ, shifts};

/// How many contracts a generation keeps the facts of.
const CONTRACTS: usize = 16;

/// A question about the claims of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The day at whose end the facts are read.
    pub as_of: NaiveDate,
    /// The day of the question: after it nothing is claimable.
    pub today: NaiveDate,
    /// For what they are wanted.
    pub purpose: Purpose,
}

/// For what claims are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To be looked at: beside the batches as they were at the end of the day.
    Look,
    /// To be submitted: beside everything that was ever submitted.
    Submit {
        /// The batch that they go in: what it takes back makes way for them.
        batch: BatchId,
        /// Queried claims that are submitted again: as if they were not submitted.
        again: BTreeSet<ClaimId>,
    },
}

/// The facts of one contract, which one reader at a time brings up to date.
type Shared = Arc<tokio::sync::Mutex<Facts>>;

/// The facts of contracts by their codes, those asked for last in front.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<VecDeque<(String, Shared)>>);

impl Kept {
    fn facts(&self, code: &str) -> Shared {
        let mut kept = self.0.lock().expect("nobody panics while holding the facts");
        let at = kept.iter().position(|(of, _)| of == code);
        let found = at.and_then(|at| kept.remove(at)).unwrap_or_else(|| (code.to_owned(), Shared::default()));
        let facts = Arc::clone(&found.1);
        kept.push_front(found);
        kept.truncate(CONTRACTS);
        facts
    }
}

impl Generation {
    /// The claims of a contract as this view shows them; none where the contract is not open.
    pub async fn claims(&self, log: &Log, scope: InScope<'_>, asked: Asked) -> Result<Option<Arc<Claims>>, LogError> {
        let position = *self.position().borrow();
        let Some(contract) = self.told(scope) else { return Ok(None) };
        let mut facts = self.claims.facts(scope.contract()).lock_owned().await;
        facts.catch_up(log, scope.contract(), position).await?;
        judged(move || facts.claims(&contract, asked)).await.map(Some)
    }

    /// The claims of a contract as this view showed them at a position that it has passed by since, for what was read
    /// there. None where the contract was not open.
    pub async fn claims_at(
        &self,
        log: &Log,
        scope: InScope<'_>,
        asked: Asked,
        position: Position,
    ) -> Result<Option<Arc<Claims>>, LogError> {
        let Some(contract) = self.told(scope) else { return Ok(None) };
        let mut facts = self.claims.facts(scope.contract()).lock_owned().await;
        if facts.position <= position {
            facts.catch_up(log, scope.contract(), position).await?;
            return judged(move || facts.claims(&contract, asked)).await.map(Some);
        }
        if let Some(known) = facts.known(&contract, &asked, position) {
            return Ok(Some(known));
        }
        drop(facts);
        as_known_at(log, scope.contract(), position, asked).await
    }
}

/// Judging many journeys takes a while and waits for nothing.
async fn judged<T: Send + 'static>(judge: impl FnOnce() -> T + Send + 'static) -> Result<T, LogError> {
    tokio::task::spawn_blocking(judge).await.map_err(|_| LogError::Panicked)
}

/// The claims of a contract as they were known at an earlier position: everything is read and judged for this one
/// question. None where the contract was not open then.
pub async fn as_known_at(
    log: &Log,
    code: &str,
    position: Position,
    asked: Asked,
) -> Result<Option<Arc<Claims>>, LogError> {
    let payload = |error: Box<dyn std::error::Error + Send + Sync>| LogError::Payload(error);
    let mut contract = Contract::default();
    let own = StreamId::contract(code);
    for envelope in log.contracts(position).await?.iter().filter(|envelope| envelope.stream == own) {
        let recorded = Recorded::decode(envelope).map_err(|error| payload(error.into()))?;
        contract.evolve(&recorded).map_err(|error| payload(error.into()))?;
    }
    if contract.opened().is_none() || contract.rulebooks().is_empty() {
        return Ok(None);
    }
    let (mut facts, contract) = (Facts::default(), Arc::new(contract));
    facts.catch_up(log, code, position).await?;
    judged(move || facts.claims(&contract, asked)).await.map(Some)
}

#[cfg(test)]
mod tests;
