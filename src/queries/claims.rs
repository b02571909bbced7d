//! Claims in one view of the log: the status of every outcome of a contract's journeys, settled with its batches.
//!
//! They are evaluated in memory and never stored. Each journey is evaluated once for a day and a set of rules, and
//! again only after a change. Rules across journeys are settled when claims are read. The result is never later than
//! the view that was asked.

mod answer;
mod batches;
mod duties;
mod facts;
mod judged;
mod prepare;
mod preview;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;

use crate::access::InScope;
use crate::log::{Log, LogError};
use crate::views::generation::Generation;
use throughline_domain::contract::Contract;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{BatchId, ClaimId, Position, StreamId};

pub use answer::{CapOf, CapUse, Claim, Claims, Excluded, Proposed, ProposedWithdrawal};
pub use batches::{CaseMoney, Receipts, batches};
use facts::Facts;
pub use judged::{Counted, Ground, Shown};
pub use preview::{Cause, Move, Moved, Preview, Shift, Total, preview, rules_that_differ, shifts};

/// The number of contracts whose facts a generation caches.
const CONTRACTS: usize = 16;

/// A query for the claims of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimsQuery {
    /// The as-of date: facts are read at the end of this day.
    pub as_of: NaiveDate,
    /// The date of the query. After it, nothing is claimable.
    pub today: NaiveDate,
    /// The purpose of the query.
    pub purpose: Purpose,
}

/// The purpose of a query for claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To view them: with the batches as they were at the end of the day.
    Look,
    /// To submit them: with everything that was ever submitted.
    Submit {
        /// The batch for which they are prepared. Withdrawals in it free the places of other claims.
        batch: BatchId,
        /// Queried claims that are submitted again. They count as not submitted.
        again: BTreeSet<ClaimId>,
    },
}

/// The facts of one contract. One reader at a time updates them.
type Shared = Arc<tokio::sync::Mutex<Facts>>;

/// The facts of contracts by code, the most recently used first.
#[derive(Debug, Default)]
struct FactsByContract(Mutex<VecDeque<(String, Shared)>>);

impl FactsByContract {
    fn facts(&self, code: &str) -> Shared {
        let mut kept = self.0.lock().expect("no panic while holding the facts");
        let at = kept.iter().position(|(of, _)| of == code);
        let found = at.and_then(|at| kept.remove(at)).unwrap_or_else(|| (code.to_owned(), Shared::default()));
        let facts = Arc::clone(&found.1);
        kept.push_front(found);
        kept.truncate(CONTRACTS);
        facts
    }
}

/// The claims of a contract in this view. `None` if the contract is not open.
pub async fn of_contract(
    generation: &Generation,
    log: &Log,
    scope: InScope<'_>,
    asked: ClaimsQuery,
) -> Result<Option<Arc<Claims>>, LogError> {
    let position = *generation.position().borrow();
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    let mut facts = generation.cached::<FactsByContract>().facts(scope.contract()).lock_owned().await;
    facts.catch_up(log, scope.contract(), position).await?;
    judged(move || facts.claims(&contract, asked)).await.map(Some)
}

/// The claims of a contract as this view showed them at an earlier position, for data that was read at that
/// position. `None` if the contract was not open.
pub async fn of_contract_at(
    generation: &Generation,
    log: &Log,
    scope: InScope<'_>,
    asked: ClaimsQuery,
    position: Position,
) -> Result<Option<Arc<Claims>>, LogError> {
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    let mut facts = generation.cached::<FactsByContract>().facts(scope.contract()).lock_owned().await;
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

/// Runs an evaluation on a blocking thread, because evaluating many journeys takes a while without waiting.
async fn judged<T: Send + 'static>(judge: impl FnOnce() -> T + Send + 'static) -> Result<T, LogError> {
    tokio::task::spawn_blocking(judge).await.map_err(|_| LogError::Panicked)
}

/// The claims of a contract as known at an earlier position. Everything is read and evaluated for this one query.
/// `None` if the contract was not open then.
pub async fn as_known_at(
    log: &Log,
    code: &str,
    position: Position,
    asked: ClaimsQuery,
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
