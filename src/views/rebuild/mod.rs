//! Rebuilding: a new generation from the whole log, beside the live one, while writes and reads go on.
//!
//! It never holds the log's write lock and touches no generation but its own. Whatever ends it before the switch, nothing
//! of it is left.

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
use super::{ViewError, statements};
use crate::log::Log;
use crate::store::Place;
pub(super) use postgres::EPOCH as POSTGRES_EPOCH;
pub(super) use progress::Meter;
pub use progress::{Phase, Progress};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::Position;

/// Events that are held in memory at once; of a longer log the others wait in a file.
const HELD: i64 = 2_000_000;

/// How a rebuild goes about it. What comes out is the same however it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Threads that decode and fold.
    pub workers: usize,
    /// Events that are held in memory at once, more or less.
    pub held: i64,
}

impl Default for Options {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { workers, held: HELD }
    }
}

/// How much of the log a generation is made of, and by which rules.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Every event up to here.
    pub(super) upto: Position,
    /// With the rulebooks up to here.
    pub(super) rulebooks_upto: Position,
    /// With this version of a contract's rules too, which nobody has published.
    pub(super) draft: Option<Arc<Rulebook>>,
}

/// Builds a generation from the whole log, caught up with it but not yet live. Whoever calls has the sole right to.
pub(super) async fn build(
    log: &Log,
    pointer: Pointer,
    options: Options,
    meter: &Arc<Meter>,
) -> Result<Projector, ViewError> {
    let place = log.store().place();
    let upto = log.head().await?.position;
    let least = pointer.live.max(pointer.previous) + 1;
    let generation =
        made(log, (place, least), Wanted { upto, rulebooks_upto: upto, draft: None }, options, meter).await?;
    let (number, generation) = (generation.number, Arc::new(generation));
    let caught_up = catch_up(log, &generation, meter).await;
    if caught_up.is_err() {
        if let Some(generation) = Arc::into_inner(generation) {
            generation.end().await;
        }
        leave_nothing(log, place, number).await;
    }
    caught_up
}

/// Builds a generation of just so much of the log, in a place and of a number that is at least this.
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
        leave_nothing(log, place, number).await;
    }
    made
}

/// Removes what a rebuild that failed has left.
async fn leave_nothing(log: &Log, place: &Place, number: i64) {
    // Postgres may need a moment to notice that its last session ended; then the sweep removes it.
    if let Err(error) = generation::remove(log.store(), place, number).await {
        tracing::warn!(error = ?error, number, "what a rebuild left could not be removed yet");
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

async fn catch_up(log: &Log, generation: &Arc<Generation>, meter: &Meter) -> Result<Projector, ViewError> {
    crate::store::prepare(&generation.reader, &statements()).await?;
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
    //! What other tests of views need: a generation of just this much of a log.

    use std::sync::Arc;

    use tokio::sync::watch;

    pub(crate) use super::load::Plan;
    use super::*;

    /// A generation that is filled as the plan says, and not caught up.
    pub(crate) async fn built(log: &Log, plan: &Plan) -> Generation {
        let meter = Arc::new(Meter::new(watch::Sender::new(None)));
        let (store, place) = (log.store(), log.store().place());
        assert!(generation::make(place, plan.number).await.expect("it is made"), "the number is free");
        load::load(log, place, plan, &meter).await.expect("it is filled");
        let opened = Generation::open(store, place, plan.number).await.expect("it opens");
        opened.ours().expect("a generation of this build")
    }
}
