//! Views: what the log amounts to, in tables made to be asked.
//!
//! The fold is in `projections/`; here is what keeps a generation up to date and asks it. Every question needs a
//! scope, and no function here writes to the log.

pub mod board;
pub mod caseload;
pub mod durations;
pub mod exits;
pub mod generation;
pub mod journeys;
pub mod obligations;
pub mod people;
pub mod performance;
pub mod period;
pub mod recency;
pub mod referral_to_plan;
pub mod standing;
pub mod visible;

mod project;
mod rows;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::watch;

use crate::access::InScope;
use crate::contract::{Contract, UnreadableRulebook};
use crate::journey::event::DecodeError;
use crate::log::envelope::{Position, StreamId};
use crate::log::{Log, LogError};
use crate::store::{Sql, Store, StoreError, doing, on};
use generation::Generation;
use project::Projector;

static LIVE: Sql = Sql::new("select generation from live_view where id = 1");
static SWITCH: Sql = Sql::new("update live_view set generation = $1 where id = 1 and generation < $1");

/// The statements that say which generation is live, which stands beside the log.
pub static STATEMENTS_ON_THE_LOG: &[&Sql] = &[&LIVE, &SWITCH];

/// How often a node looks for what another node has appended.
const POLL: Duration = Duration::from_millis(200);
/// How long a projector that failed waits before it tries again.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);

/// A fault in building or asking a view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A payload cannot be read.
    #[error("the event at position {position} cannot be read: run `throughline log verify`")]
    Payload {
        /// Where it is.
        position: Position,
        /// Why.
        source: DecodeError,
    },
    /// There is no view to ask, and this process may not build one.
    #[error(
        "the live view is being built, or is of another version of this program: try again when the server is ready"
    )]
    NoView,
    /// A published rulebook cannot be read.
    #[error(transparent)]
    Rulebook(#[from] UnreadableRulebook),
    /// A journey's contract has no rulebook.
    #[error("{stream} belongs to a contract without a rulebook: the log begins with `throughline contract open`")]
    NoRulebook {
        /// The journey.
        stream: StreamId,
    },
    /// A further rulebook stands in the log, and the live view was built without it.
    #[error("contract {contract} has a further rulebook: run `throughline rebuild`")]
    RulebookPublished {
        /// The contract's code.
        contract: String,
    },
}

/// A contract as its stream tells it up to a position, or further.
type Told = (Arc<Contract>, Position);

/// The live view and what keeps it so.
#[derive(Debug, Clone)]
pub struct Views {
    log: Log,
    live: Arc<RwLock<Arc<Generation>>>,
    contracts: Arc<RwLock<HashMap<String, Told>>>,
}

/// What a rebuild found and made.
#[derive(Debug)]
pub struct Rebuilt {
    /// Position and digest of the view before, if there was one.
    pub old: Option<(Position, String)>,
    /// Position and digest of the new one.
    pub new: (Position, String),
}

impl Views {
    /// Opens the live view, caught up with the log; builds it first if there is none that this build can use.
    pub async fn open(log: Log) -> Result<Self, ViewError> {
        let store = Arc::clone(log.store());
        store.prepare(STATEMENTS_ON_THE_LOG).await?;
        // Of several processes that start together one builds, and the others find what it built.
        let sole = store.sole_builder().await?;
        let generation = match usable(&log, &store).await? {
            Some(generation) => Arc::new(generation),
            None => build(&log, &store).await?,
        };
        let generation = match caught_up(&log, &generation).await {
            Ok(()) => generation,
            Err(ViewError::RulebookPublished { contract }) => {
                tracing::warn!(contract, "a further rulebook was published; the view is built anew");
                build(&log, &store).await?
            }
            Err(error) => return Err(error),
        };
        release(sole).await;
        crate::store::prepare(&generation.reader, &statements()).await?;
        Ok(Self { log, live: Arc::new(RwLock::new(generation)), contracts: Arc::default() })
    }

    /// Opens the live view that another process keeps up, only to ask it.
    pub async fn open_to_read(log: Log) -> Result<Self, ViewError> {
        let generation = usable(&log, log.store()).await?.ok_or(ViewError::NoView)?;
        Ok(Self { log, live: Arc::new(RwLock::new(Arc::new(generation))), contracts: Arc::default() })
    }

    /// The contract as its own stream tells it now, with every rulebook that this view applies.
    ///
    /// What was read once is kept and only what came since is read again: rulebooks are published while nothing
    /// serves, terms and targets at any time.
    pub async fn contract(&self, scope: InScope<'_>) -> Result<Option<Arc<Contract>>, ViewError> {
        let upto = (*self.log.newest().borrow()).max(*self.live().position().borrow());
        let known = self.known_contract(scope);
        if let Some((contract, read)) = &known
            && *read >= upto
        {
            return Ok(Some(Arc::clone(contract)));
        }
        let mut contract = known.map(|(contract, _)| contract).unwrap_or_default();
        let since = (StreamId::contract(scope.contract()), contract.history().version());
        for envelope in self.log.streams(std::iter::once(since)).await? {
            Arc::make_mut(&mut contract).evolve(&project::decoded(&envelope)?)?;
        }
        if contract.opened().is_none() {
            return Ok(None);
        }
        let mut known = self.contracts.write().expect("nobody panics while holding the contracts");
        known.insert(scope.contract().to_owned(), (Arc::clone(&contract), upto));
        Ok(Some(contract))
    }

    fn known_contract(&self, scope: InScope<'_>) -> Option<Told> {
        let known = self.contracts.read().expect("nobody panics while holding the contracts");
        known.get(scope.contract()).cloned()
    }

    /// Builds a new generation from the whole log and makes it the live one.
    pub async fn rebuild(log: &Log) -> Result<Rebuilt, ViewError> {
        let store = Arc::clone(log.store());
        let sole = store.sole_builder().await?;
        let old = match Generation::open(&store, live_number(&store).await?).await? {
            Some(generation) => {
                let (position, digest) = (*generation.position().borrow(), generation.digest().await?);
                generation.close().await;
                Some((position, digest))
            }
            None => None,
        };
        let generation = build(log, &store).await?;
        release(sole).await;
        let new = (*generation.position().borrow(), generation.digest().await?);
        generation.close().await;
        Ok(Rebuilt { old, new })
    }

    /// The live generation. A request takes it once and keeps it.
    pub fn live(&self) -> Arc<Generation> {
        Arc::clone(&self.live.read().expect("nobody panics while holding the pointer"))
    }

    /// Keeps the live view up to the log for as long as it is polled.
    pub async fn keep_up(self) {
        let mut newest = self.log.newest();
        loop {
            // A fold that panics must not end this task in silence.
            let ended = AssertUnwindSafe(self.project(&mut newest)).catch_unwind().await;
            let error = ended.map_or_else(|_| "a fold panicked".to_owned(), |error| format!("{error:?}"));
            tracing::error!(error, "the live view does not follow the log");
            tokio::time::sleep(AFTER_A_FAULT).await;
        }
    }

    /// Projects until something fails.
    async fn project(&self, newest: &mut watch::Receiver<Position>) -> ViewError {
        match Projector::new(self.log.clone(), self.live()).await {
            Ok(mut projector) => loop {
                newest.mark_unchanged();
                if let Err(error) = catch_up(&mut projector).await {
                    return error;
                }
                if let Err(error) = self.more(newest).await {
                    return error;
                }
            },
            Err(error) => error,
        }
    }

    /// Waits until the log has events that the live view has not; asks the log now and then, for another node may
    /// have appended them.
    async fn more(&self, newest: &mut watch::Receiver<Position>) -> Result<(), ViewError> {
        while tokio::time::timeout(POLL, newest.changed()).await.is_err() {
            if self.log.head().await?.position > *self.live().position().borrow() {
                break;
            }
        }
        Ok(())
    }

    /// Waits until the live view has passed a position; false if it has not in time.
    pub async fn passed(&self, position: Position, patience: Duration) -> bool {
        let mut known = self.live().position();
        let passed = known.wait_for(|known| *known >= position);
        matches!(tokio::time::timeout(patience, passed).await, Ok(Ok(_)))
    }
}

/// Every statement that asks or advances a generation.
pub fn statements() -> Vec<&'static Sql> {
    [
        generation::STATEMENTS,
        caseload::STATEMENTS,
        exits::STATEMENTS,
        &journeys::statements(),
        obligations::STATEMENTS,
        people::STATEMENTS,
        performance::STATEMENTS,
        recency::STATEMENTS,
        referral_to_plan::STATEMENTS,
        standing::STATEMENTS,
    ]
    .concat()
}

/// Lets other processes build; a connection that is broken has let them already.
async fn release(sole: Option<PgConnection>) {
    if let Some(conn) = sole {
        let _ = conn.close().await;
    }
}

async fn caught_up(log: &Log, generation: &Arc<Generation>) -> Result<(), ViewError> {
    catch_up(&mut Projector::new(log.clone(), Arc::clone(generation)).await?).await
}

async fn catch_up(projector: &mut Projector) -> Result<(), ViewError> {
    while projector.step().await? {}
    Ok(())
}

async fn live_number(store: &Store) -> Result<i64, StoreError> {
    let sql = LIVE.text(store.dialect());
    let (number,): (i64,) =
        on!(&store.reader, pool => sqlx::query_as(sql).fetch_one(pool).await).map_err(doing("find the live view"))?;
    Ok(number)
}

/// The live generation, if it is there, made by this build's definition and rulebooks, and not ahead of the log.
async fn usable(log: &Log, store: &Store) -> Result<Option<Generation>, ViewError> {
    let Some(generation) = Generation::open(store, live_number(store).await?).await? else { return Ok(None) };
    let (head, position) = (log.head().await?.position, *generation.position().borrow());
    if position > head {
        tracing::warn!(%position, %head, "the live view is ahead of the log; it is built anew");
        return Ok(None);
    }
    Ok(Some(generation))
}

/// Builds a generation from the whole log, switches to it and removes the one before.
async fn build(log: &Log, store: &Store) -> Result<Arc<Generation>, ViewError> {
    let old = live_number(store).await?;
    let generation = Arc::new(Generation::create(store, old + 1).await?);
    tracing::info!(generation = generation.number, "building the view");
    caught_up(log, &generation).await?;
    let sql = SWITCH.text(store.dialect());
    on!(&store.writer, pool => sqlx::query(sql).bind(generation.number).execute(pool).await.map(drop))
        .map_err(doing("switch to the new view"))?;
    generation::remove(store, old).await?;
    Ok(generation)
}
