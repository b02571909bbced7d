//! As known then: generations of a part of the log, or under other rules, built when somebody asks for one.
//!
//! A few are kept, for whoever asks next. One is built at a time, apart from rebuilds, so that no question holds one up.
//! Nothing here takes a generation beyond the position that was asked for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{OwnedMutexGuard, watch};

use super::generation::{self, Generation};
use super::rebuild::{self, Meter, Options, Phase, Progress, Wanted};
use super::{ViewError, Views, caught_up};
use crate::contract::Rulebook;
use crate::log::envelope::Position;
use crate::store::{Place, Store, StoreError};

/// How many are kept, the one that is being built among them.
const KEPT: usize = 4;

/// How much of the log is asked for, and under which rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Every event up to here; none is for all that there are.
    pub upto: Option<Position>,
    /// With the rulebooks that were published up to here, even after that position.
    pub rulebooks_upto: Position,
}

/// The generations that were asked for, and the one that is being built.
#[derive(Debug)]
pub(super) struct OnDemand {
    place: Place,
    /// The folder that the place is in, where it is not that of the live view.
    apart: Option<TempDir>,
    /// Whoever was asked for last comes last; what was built for one question alone is never found by another.
    kept: Mutex<Vec<(Option<Asked>, Arc<Generation>)>>,
    /// Held by whoever builds one.
    slot: Arc<tokio::sync::Mutex<()>>,
    meter: Mutex<Option<Arc<Meter>>>,
    progress: watch::Sender<Option<Progress>>,
}

impl OnDemand {
    /// Beside the live view, which this process looks after.
    pub(super) fn beside(store: &Store) -> Self {
        Self::at(store.place().clone(), None)
    }

    /// Apart from the live view, where on `SQLite` another process looks after that and removes what it does not know.
    pub(super) fn apart(store: &Store) -> Result<Self, StoreError> {
        let place = store.place().clone();
        if let Place::Postgres { .. } = place {
            return Ok(Self::at(place, None));
        }
        let fault = |source: std::io::Error| StoreError::Database { doing: "make a folder", source: source.into() };
        let apart = tempfile::tempdir().map_err(fault)?;
        Ok(Self::at(Place::Sqlite { path: apart.path().join("views") }, Some(apart)))
    }

    fn at(place: Place, apart: Option<TempDir>) -> Self {
        let (kept, slot, meter) = Default::default();
        Self { place, apart, kept, slot, meter, progress: watch::Sender::new(None) }
    }

    /// The numbers of those that are kept where the live view is.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let number = |(_, generation): &(Option<Asked>, Arc<Generation>)| generation.number;
        if self.apart.is_some() { Vec::new() } else { self.kept().iter().map(number).collect() }
    }

    /// The one that was asked for, if it is kept; it is now the last that goes.
    fn find(&self, asked: Asked) -> Option<Arc<Generation>> {
        let mut kept = self.kept();
        let at = kept.iter().position(|(known, _)| *known == Some(asked))?;
        let found = kept.remove(at);
        let generation = Arc::clone(&found.1);
        kept.push(found);
        Some(generation)
    }

    /// Lets go of those that were not asked for the longest, until one more may be kept.
    fn make_room(&self) {
        let mut kept = self.kept();
        let too_many = (kept.len() + 1).saturating_sub(KEPT);
        kept.drain(..too_many);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<(Option<Asked>, Arc<Generation>)>> {
        self.kept.lock().expect("nobody panics while holding it")
    }

    fn meter(&self) -> std::sync::MutexGuard<'_, Option<Arc<Meter>>> {
        self.meter.lock().expect("nobody panics while holding it")
    }
}

impl Views {
    /// The generation of so much of the log, built unless it is kept. Whoever runs out of patience finds it later: it is
    /// built to its end.
    pub async fn as_known(&self, asked: Asked, patience: Option<Duration>) -> Result<Arc<Generation>, ViewError> {
        let found = self.find_or_build(asked);
        let Some(patience) = patience else { return found.await };
        let not_yet = || ViewError::NotYet(*self.shared.on_demand.progress.borrow());
        tokio::time::timeout(patience, found).await.unwrap_or_else(|_| Err(not_yet()))
    }

    /// How far the generation is that is being built because somebody asked for it, or was built last.
    pub fn known_progress(&self) -> watch::Receiver<Option<Progress>> {
        self.shared.on_demand.progress.subscribe()
    }

    async fn find_or_build(&self, asked: Asked) -> Result<Arc<Generation>, ViewError> {
        let on_demand = &self.shared.on_demand;
        let found = match on_demand.find(asked) {
            Some(found) => found,
            None => self.wait_and_build(asked).await?,
        };
        match asked.upto {
            Some(_) => Ok(found),
            None => caught_up(&self.shared.log, found).await,
        }
    }

    /// Builds one when it is its turn, unless somebody else has by then.
    async fn wait_and_build(&self, asked: Asked) -> Result<Arc<Generation>, ViewError> {
        let slot = Arc::clone(&self.shared.on_demand.slot).lock_owned().await;
        if let Some(found) = self.shared.on_demand.find(asked) {
            return Ok(found);
        }
        let upto = match asked.upto {
            Some(upto) => upto,
            None => self.shared.log.head().await?.position,
        };
        let wanted = Wanted { upto, rulebooks_upto: asked.rulebooks_upto, draft: None };
        // Whoever writes and reads meanwhile is to have the other cores.
        let options = Options::default();
        let options = Options { workers: (options.workers / 2).max(1), ..options };
        self.build_to_its_end(slot, wanted, options, Some(asked)).await
    }

    /// A generation of the log up to a position under these rules and a draft of a contract's further ones, built for
    /// whoever asks alone.
    pub async fn foreseen(
        &self,
        (upto, rulebooks_upto): (Position, Position),
        draft: Option<Arc<Rulebook>>,
        options: Options,
    ) -> Result<Arc<Generation>, ViewError> {
        let slot = Arc::clone(&self.shared.on_demand.slot).lock_owned().await;
        self.build_to_its_end(slot, Wanted { upto, rulebooks_upto, draft }, options, None).await
    }

    /// Builds one, though whoever asked for it goes away.
    async fn build_to_its_end(
        &self,
        slot: OwnedMutexGuard<()>,
        wanted: Wanted,
        options: Options,
        asked: Option<Asked>,
    ) -> Result<Arc<Generation>, ViewError> {
        let views = self.clone();
        let building = tokio::spawn(async move {
            let built = views.build_known(wanted, options, asked).await;
            drop(slot);
            built
        });
        building.await.map_err(|_| ViewError::Panicked)?
    }

    /// Builds one and keeps it; whoever calls holds the slot.
    async fn build_known(
        &self,
        wanted: Wanted,
        options: Options,
        asked: Option<Asked>,
    ) -> Result<Arc<Generation>, ViewError> {
        let on_demand = &self.shared.on_demand;
        on_demand.make_room();
        let meter = Arc::new(Meter::new(on_demand.progress.clone()));
        *on_demand.meter() = Some(Arc::clone(&meter));
        let built = rebuild::made(&self.shared.log, (&on_demand.place, 1), wanted, options, &meter).await;
        let built = built.map(Arc::new);
        meter.enters(match &built {
            Ok(_) => Phase::Done,
            Err(ViewError::Cancelled) => Phase::Cancelled,
            Err(_) => Phase::Failed,
        });
        *on_demand.meter() = None;
        match &built {
            Ok(generation) => on_demand.kept().push((asked, Arc::clone(generation))),
            Err(ViewError::Cancelled) => {}
            Err(error) => tracing::error!(error = ?error, "what was known then could not be put together"),
        }
        if on_demand.apart.is_none()
            && let Err(error) = self.sweep().await
        {
            tracing::warn!(error = ?error, "earlier views could not be removed yet");
        }
        built
    }

    /// Lets go of everything that was asked for, and stops what is being built of it.
    pub(super) async fn forget_known(&self) {
        let on_demand = &self.shared.on_demand;
        if let Some(meter) = &*on_demand.meter() {
            meter.cancel();
        }
        let _slot = on_demand.slot.lock().await;
        let kept = std::mem::take(&mut *on_demand.kept());
        for (_, generation) in kept {
            generation.close().await;
            let number = generation.number;
            if let Some(alone) = Arc::into_inner(generation) {
                alone.end().await;
            }
            // What somebody still holds goes at the next start.
            if let Err(error) = generation::remove(self.shared.log.store(), &on_demand.place, number).await {
                tracing::warn!(error = ?error, number, "a view that was asked for could not be removed yet");
            }
        }
    }
}
