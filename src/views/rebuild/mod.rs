//! Rebuilding: a new generation from the whole log, beside the live one, while writes and reads go on.
//!
//! It never holds the log's write lock and touches no generation but its own. Whatever ends it before the switch, nothing
//! of it is left.

mod load;
mod postgres;
mod progress;
mod sink;
mod sqlite;

use std::sync::Arc;

use super::generation::{self, Found, Generation};
use super::pointer::Pointer;
use super::project::Projector;
use super::{ViewError, statements};
use crate::log::Log;
pub(super) use postgres::EPOCH as POSTGRES_EPOCH;
pub(super) use progress::Meter;
pub use progress::{Phase, Progress};

/// Events that one pass over the log holds in memory; a longer log is read more than once.
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

/// Builds a generation from the whole log, caught up with it but not yet live. Whoever calls has the sole right to.
pub(super) async fn build(
    log: &Log,
    pointer: Pointer,
    options: Options,
    meter: &Arc<Meter>,
) -> Result<Projector, ViewError> {
    let store = log.store();
    let there = generation::numbers(store).await?.into_iter().chain([pointer.live, pointer.previous]).max();
    let number = there.unwrap_or_default() + 1;
    // Held before there is anything, so that nobody takes it for what a killed rebuild left.
    let held = generation::hold(store, number).await?;
    let built = fill(log, number, options, meter).await;
    held.release().await;
    if built.is_err() {
        // Postgres may need a moment to notice that its last session ended; then the sweep removes it.
        if let Err(error) = generation::remove(store, number).await {
            tracing::warn!(error = ?error, number, "what a rebuild left could not be removed yet");
        }
    }
    built
}

async fn fill(log: &Log, number: i64, options: Options, meter: &Arc<Meter>) -> Result<Projector, ViewError> {
    let upto = log.head().await?.position;
    meter.builds(number, upto.0);
    let workers = options.workers.max(1);
    let plan = load::Plan { number, upto, rulebooks_upto: upto, workers, held: options.held };
    tracing::info!(generation = number, %upto, workers, "building a view");
    load::load(log, &plan, meter).await?;
    let Found::Ours(generation) = Generation::open(log.store(), number).await? else {
        return Err(ViewError::NoView);
    };
    let generation = Arc::new(generation);
    let caught_up = catch_up(log, &generation, meter).await;
    if caught_up.is_err()
        && let Some(generation) = Arc::into_inner(generation)
    {
        generation.end().await;
    }
    caught_up
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
        load::load(log, plan, &meter).await.expect("it is filled");
        let opened = Generation::open(log.store(), plan.number).await.expect("it opens");
        opened.ours().expect("a generation of this build")
    }
}
