//! Claims as one view of the log shows them: what every outcome of a contract's journeys has come to, settled with its
//! batches.
//!
//! They are judged when they are read and kept in memory, never stored: facts by the position up to which they were
//! taken, answers by the question. What is told here is never later than the view that was asked.

mod answer;
mod facts;
mod prepare;
mod preview;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;

use super::generation::Generation;
use crate::access::InScope;
use crate::contract::Contract;
use crate::journey::Recorded;
use crate::log::envelope::{ClaimId, Position, StreamId};
use crate::log::{Log, LogError};

pub use answer::{CapOf, CapUse, Claim, Claims, Excluded, Ground, Proposed};
use facts::Facts;
pub use preview::{Cause, Move, Moved, Preview};

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
    /// To be submitted: beside everything that was ever submitted, and as if these, which were queried, were not.
    Submit(BTreeSet<ClaimId>),
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
        // Judging many journeys takes a while and waits for nothing.
        let judged = tokio::task::spawn_blocking(move || facts.claims(&contract, asked));
        Ok(Some(judged.await.map_err(|_| LogError::Panicked)?))
    }
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
    let judged = tokio::task::spawn_blocking(move || facts.claims(&contract, asked));
    judged.await.map(Some).map_err(|_| LogError::Panicked)
}
