//! Views at a knowledge date: generations of part of the log, or under other rules, built on request.
//!
//! A few are cached for later requests. One is built at a time, independently of rebuilds, so that neither delays the
//! other. Each caller has one place in the queue, and requests of one caller do not push out the views of another.
//! Nothing here takes a generation beyond the requested position.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{OwnedMutexGuard, watch};

use super::generation::{self, Generation};
use super::rebuild::{self, Meter, Options, Phase, Progress, Wanted};
use super::{ViewError, Views, caught_up};
use crate::log::Log;
use crate::store::{Place, Store, StoreError};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::Position;

/// The number of cached generations, including the one being built.
const KEPT: usize = 4;

/// The requested part of the log, and the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPart {
    /// Every event up to this position. `None` for all events.
    pub upto: Option<Position>,
    /// The rulebooks published up to this position, even after `upto`.
    pub rulebooks_upto: Position,
}

/// The generations built on request, and the one being built.
#[derive(Debug)]
pub(super) struct OnDemand {
    place: Place,
    /// The folder of the place, if it is separate from the live view's.
    apart: Option<TempDir>,
    /// The cached generations. The most recently used comes last.
    kept: Mutex<Vec<Kept>>,
    /// Held while one is built. Waiting requests get it in order.
    slot: Arc<tokio::sync::Mutex<()>>,
    /// Held by the request of a caller that waits for the slot, one for each caller.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// Whether no more generations are to be built.
    is_ending: AtomicBool,
    meter: Mutex<Option<Arc<Meter>>>,
    progress: watch::Sender<Option<Progress>>,
}

/// A cached generation.
#[derive(Debug)]
struct Kept {
    /// The request. `None` for a generation built for one query only, which no other request finds.
    asked: Option<KnownPart>,
    /// The caller who requested it first. `None` for the command line.
    who: Option<String>,
    generation: Arc<Generation>,
}

impl OnDemand {
    /// Beside the live view, which this process maintains.
    pub(super) fn beside(store: &Store) -> Self {
        Self::at(store.place().clone(), None)
    }

    /// In a separate place. On `SQLite`, the process that maintains the live view deletes generations that it does not
    /// know.
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
        let (kept, slot, turns, is_ending, meter) = Default::default();
        Self { place, apart, kept, slot, turns, is_ending, meter, progress: watch::Sender::new(None) }
    }

    /// Builds one before any other request, and caches it.
    pub(super) async fn built_alone(&self, log: &Log, wanted: Wanted) -> Result<Arc<Generation>, ViewError> {
        let meter = Arc::new(Meter::new(self.progress.clone()));
        let built = rebuild::made(log, (&self.place, 1), wanted, Options::default(), &meter).await?;
        let generation = Arc::new(built);
        self.kept().push(Kept { asked: None, who: None, generation: Arc::clone(&generation) });
        Ok(generation)
    }

    /// The numbers of those cached in the live view's place.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let number = |kept: &Kept| kept.generation.number;
        if self.apart.is_some() { Vec::new() } else { self.kept().iter().map(number).collect() }
    }

    /// The cached generation for a request. It becomes the most recently used.
    fn find(&self, asked: KnownPart) -> Option<Arc<Generation>> {
        let mut kept = self.kept();
        let at = kept.iter().position(|known| known.asked == Some(asked))?;
        let found = kept.remove(at);
        let generation = Arc::clone(&found.generation);
        kept.push(found);
        Some(generation)
    }

    /// Drops the least recently used generations until one more fits, taking them from the caller with the most.
    fn drop_least_recent(&self) {
        let mut kept = self.kept();
        while kept.len() + 1 > KEPT {
            let of = |who: &Option<String>| kept.iter().filter(|other| other.who == *who).count();
            let most = kept.iter().map(|known| of(&known.who)).max().unwrap_or_default();
            let oldest = kept.iter().position(|known| of(&known.who) == most).unwrap_or_default();
            kept.remove(oldest);
        }
    }

    /// The turn of a caller. One of their requests holds it at a time.
    fn turn_of(&self, who: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().expect("no panic while holding the turns");
        if let Some(turn) = turns.get(who).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(who.to_owned(), Arc::downgrade(&turn));
        turn
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().expect("no panic while holding it")
    }

    fn meter(&self) -> std::sync::MutexGuard<'_, Option<Arc<Meter>>> {
        self.meter.lock().expect("no panic while holding it")
    }
}

impl Views {
    /// The generation for a request, built unless it is cached. If the caller stops waiting, it is still built and
    /// found later.
    pub async fn as_known(&self, asked: KnownPart, patience: Option<Duration>) -> Result<Arc<Generation>, ViewError> {
        let found = self.find_or_build(asked, None);
        let Some(patience) = patience else { return found.await };
        self.in_time(found, patience).await
    }

    /// The same for a caller, who has one place in the queue whatever they request. While one of their requests is
    /// being built or waits, their others wait behind it, and all other callers come first. A caller that stops waiting
    /// keeps the place.
    pub async fn as_known_by(
        &self,
        who: &str,
        asked: KnownPart,
        patience: Duration,
    ) -> Result<Arc<Generation>, ViewError> {
        self.in_time(self.find_or_build(asked, Some(who)), patience).await
    }

    async fn in_time(
        &self,
        found: impl Future<Output = Result<Arc<Generation>, ViewError>>,
        patience: Duration,
    ) -> Result<Arc<Generation>, ViewError> {
        let not_yet = || ViewError::NotYet(*self.shared.on_demand.progress.borrow());
        tokio::time::timeout(patience, found).await.unwrap_or_else(|_| Err(not_yet()))
    }

    /// The progress of the generation that is being built on request, or was built last.
    pub fn known_progress(&self) -> watch::Receiver<Option<Progress>> {
        self.shared.on_demand.progress.subscribe()
    }

    async fn find_or_build(&self, asked: KnownPart, who: Option<&str>) -> Result<Arc<Generation>, ViewError> {
        let on_demand = &self.shared.on_demand;
        let found = match (on_demand.find(asked), who) {
            (Some(found), _) => found,
            (None, None) => self.wait_and_build(asked, None).await?,
            (None, Some(who)) => self.build_in_turn(asked, who).await?,
        };
        match asked.upto {
            Some(_) => Ok(found),
            None => caught_up(&self.shared.log, found).await,
        }
    }

    /// Builds one for a caller once none of their other requests waits. It is built even if the caller stops waiting
    /// after that.
    async fn build_in_turn(&self, asked: KnownPart, who: &str) -> Result<Arc<Generation>, ViewError> {
        let turn = self.shared.on_demand.turn_of(who).lock_owned().await;
        if let Some(found) = self.shared.on_demand.find(asked) {
            return Ok(found);
        }
        let (views, who) = (self.clone(), who.to_owned());
        let building = tokio::spawn(async move {
            let built = views.wait_and_build(asked, Some(who)).await;
            drop(turn);
            built
        });
        building.await.map_err(|_| ViewError::Panicked)?
    }

    /// Builds one when its turn comes, unless it exists by then.
    async fn wait_and_build(&self, asked: KnownPart, who: Option<String>) -> Result<Arc<Generation>, ViewError> {
        let slot = Arc::clone(&self.shared.on_demand.slot).lock_owned().await;
        if let Some(found) = self.shared.on_demand.find(asked) {
            return Ok(found);
        }
        let upto = match asked.upto {
            Some(upto) => upto,
            None => self.shared.log.head().await?.position,
        };
        let wanted = Wanted { upto, rulebooks_upto: asked.rulebooks_upto, draft: None };
        // The other cores stay free for writes and reads.
        let options = Options::default();
        let options = Options { workers: (options.workers / 2).max(1), ..options };
        self.build_to_its_end(slot, (wanted, options), (Some(asked), who)).await
    }

    /// A generation of the log up to a position, with a draft of a contract's further rules, for the caller only.
    pub async fn foreseen(
        &self,
        (upto, rulebooks_upto): (Position, Position),
        draft: Option<Arc<Rulebook>>,
        options: Options,
    ) -> Result<Arc<Generation>, ViewError> {
        let slot = Arc::clone(&self.shared.on_demand.slot).lock_owned().await;
        self.build_to_its_end(slot, (Wanted { upto, rulebooks_upto, draft }, options), (None, None)).await
    }

    /// Builds one, even if the caller stops waiting.
    async fn build_to_its_end(
        &self,
        slot: OwnedMutexGuard<()>,
        how: (Wanted, Options),
        asked: (Option<KnownPart>, Option<String>),
    ) -> Result<Arc<Generation>, ViewError> {
        if self.shared.on_demand.is_ending.load(Ordering::Acquire) {
            return Err(ViewError::Cancelled);
        }
        let views = self.clone();
        let building = tokio::spawn(async move {
            let built = views.build_known(how, asked).await;
            drop(slot);
            built
        });
        building.await.map_err(|_| ViewError::Panicked)?
    }

    /// Builds one and caches it. The caller must hold the slot.
    async fn build_known(
        &self,
        (wanted, options): (Wanted, Options),
        (asked, who): (Option<KnownPart>, Option<String>),
    ) -> Result<Arc<Generation>, ViewError> {
        let on_demand = &self.shared.on_demand;
        on_demand.drop_least_recent();
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
            Ok(generation) => on_demand.kept().push(Kept { asked, who, generation: Arc::clone(generation) }),
            Err(ViewError::Cancelled) => {}
            Err(error) => tracing::error!(error = ?error, "the view for a knowledge date could not be built"),
        }
        if on_demand.apart.is_none()
            && let Err(error) = self.sweep().await
        {
            tracing::warn!(error = ?error, "earlier views could not be removed yet");
        }
        built
    }

    /// Releases all generations built on request, and stops the one being built.
    pub(super) async fn forget_known(&self) {
        let on_demand = &self.shared.on_demand;
        on_demand.is_ending.store(true, Ordering::Release);
        if let Some(meter) = &*on_demand.meter() {
            meter.cancel();
        }
        let _slot = on_demand.slot.lock().await;
        let kept = std::mem::take(&mut *on_demand.kept());
        for Kept { generation, .. } in kept {
            generation.close().await;
            let number = generation.number;
            if let Some(alone) = Arc::into_inner(generation) {
                alone.end().await;
            }
            // A generation still in use is deleted at the next start.
            if let Err(error) = generation::remove(self.shared.log.store(), &on_demand.place, number).await {
                tracing::warn!(error = ?error, number, "the view for a knowledge date could not be removed yet");
            }
        }
    }
}
