//! Rebuilding: builds a new generation from the whole log, beside the live one, while writes and reads continue.
//!
//! It never holds the log's write lock and touches no other generation. Whatever ends it before the switch, nothing is
//! left behind.

mod load;
mod postgres;
mod progress;
mod sink;
mod spill;
mod sqlite;

use std::sync::Arc;

use super::generation::{self, Found, Generation};
use super::pointer::Pointer;
use super::project::Projector;
use super::{Questions, ViewError, prepare};
use crate::log::Log;
use crate::parallel::processors;
use crate::store::Place;
pub(super) use postgres::EPOCH as POSTGRES_EPOCH;
pub(super) use progress::Meter;
pub use progress::{Phase, Progress};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::Position;

/// The number of events in memory at once. If a log is longer, the others wait in a file.
const HELD: i64 = 2_000_000;

/// Options of a rebuild. They do not affect the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The number of threads that decode and fold.
    pub workers: usize,
    /// The approximate number of events in memory at once.
    pub held: i64,
}

impl Default for Options {
    fn default() -> Self {
        let workers = processors();
        Self { workers, held: HELD }
    }
}

/// The part of the log from which a generation is made, and the rules.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Every event up to this position.
    pub(super) upto: Position,
    /// The rulebooks up to this position.
    pub(super) rulebooks_upto: Position,
    /// An unpublished version of a contract's rules to apply as well.
    pub(super) draft: Option<Arc<Rulebook>>,
}

/// Builds a generation from the whole log, caught up with it but not live yet. The caller must have the right to build.
pub(super) async fn build(
    log: &Log,
    pointer: Pointer,
    questions: Questions,
    options: Options,
    meter: &Arc<Meter>,
) -> Result<Projector, ViewError> {
    let place = log.store().place();
    let upto = log.head().await?.position;
    let least = pointer.live.max(pointer.previous) + 1;
    let generation =
        made(log, (place, least), Wanted { upto, rulebooks_upto: upto, draft: None }, options, meter).await?;
    let (number, generation) = (generation.number, Arc::new(generation));
    let caught_up = catch_up(log, &generation, questions, meter).await;
    if caught_up.is_err() {
        if let Some(generation) = Arc::into_inner(generation) {
            generation.end().await;
        }
        delete_remains(log, place, number).await;
    }
    caught_up
}

/// Builds a generation from exactly this part of the log, in a place, with a number of at least this one.
pub(super) async fn made(
    log: &Log,
    (place, least): (&Place, i64),
    wanted: Wanted,
    options: Options,
    meter: &Arc<Meter>,
) -> Result<Generation, ViewError> {
    let (number, held) = generation::claim(log.store(), place, least).await?;
    let made = fill(log, (place, number), wanted, options, meter).await;
    held.release().await;
    if made.is_err() {
        delete_remains(log, place, number).await;
    }
    made
}

/// Deletes the remains of a failed rebuild.
async fn delete_remains(log: &Log, place: &Place, number: i64) {
    // Postgres may need a moment to notice that its last session has ended. Then a later cleanup deletes it.
    if let Err(error) = generation::remove(log.store(), place, number).await {
        tracing::warn!(error = ?error, number, "the remains of a rebuild could not be removed yet");
    }
}

async fn fill(
    log: &Log,
    (place, number): (&Place, i64),
    Wanted { upto, rulebooks_upto, draft }: Wanted,
    options: Options,
    meter: &Arc<Meter>,
) -> Result<Generation, ViewError> {
    meter.builds(number, upto.0);
    let workers = options.workers.max(1);
    let plan = load::Plan { number, upto, rulebooks_upto, draft, workers, held: options.held };
    tracing::info!(generation = number, %upto, workers, "building a view");
    let contracts = load::load(log, place, &plan, meter).await?;
    let Found::Ours(generation) = Generation::open(log.store(), place, number).await? else {
        return Err(ViewError::NoView);
    };
    generation.tell(contracts);
    Ok(generation)
}

async fn catch_up(
    log: &Log,
    generation: &Arc<Generation>,
    questions: Questions,
    meter: &Meter,
) -> Result<Projector, ViewError> {
    prepare(generation, questions).await?;
    meter.enters(Phase::CatchingUp);
    let mut projector = Projector::new(log.clone(), Arc::clone(generation)).await?;
    while projector.step().await? {
        meter.check()?;
    }
    meter.check()?;
    Ok(projector)
}

#[cfg(test)]
pub(super) mod tests {
    //! Support for tests of views: a generation from exactly this part of a log.

    use std::sync::Arc;

    use tokio::sync::watch;

    pub(crate) use super::load::Plan;
    use super::*;

    /// A generation filled as planned, and not caught up.
    pub(crate) async fn built(log: &Log, plan: &Plan) -> Generation {
        let meter = Arc::new(Meter::new(watch::Sender::new(None)));
        let (store, place) = (log.store(), log.store().place());
        assert!(generation::make(place, plan.number).await.expect("it is made"), "the number is free");
        load::load(log, place, plan, &meter).await.expect("it is filled");
        let opened = Generation::open(store, place, plan.number).await.expect("it opens");
        opened.ours().expect("a generation of this build")
    }
}
