//! As known then: generations of a part of the log, or under other rules, built when somebody asks for one.
//!
//! A few are kept, for whoever asks next. One is built at a time, apart from rebuilds, so that no question holds one up.
//! Each caller has one place in the line and loses no generation to somebody who asks for many. Nothing here takes a
//! generation beyond the position that was asked for.

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
    /// The one that was asked for last comes last.
    kept: Mutex<Vec<Kept>>,
    /// Held by whoever builds one; it goes round in the order of those who wait.
    slot: Arc<tokio::sync::Mutex<()>>,
    /// Held by whoever waits for the slot, one for each caller.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// Whether nothing is to be built any more.
    is_ending: AtomicBool,
    meter: Mutex<Option<Arc<Meter>>>,
    progress: watch::Sender<Option<Progress>>,
}

/// A generation that is kept.
#[derive(Debug)]
struct Kept {
    /// What was asked for; what was built for one question alone is never found by another.
    asked: Option<Asked>,
    /// Who asked for it first; none is the command line.
    who: Option<String>,
    generation: Arc<Generation>,
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
        let (kept, slot, turns, is_ending, meter) = Default::default();
        Self { place, apart, kept, slot, turns, is_ending, meter, progress: watch::Sender::new(None) }
    }

    /// Builds one before anybody else asks, and keeps it.
    pub(super) async fn built_alone(&self, log: &Log, wanted: Wanted) -> Result<Arc<Generation>, ViewError> {
        let meter = Arc::new(Meter::new(self.progress.clone()));
        let built = rebuild::made(log, (&self.place, 1), wanted, Options::default(), &meter).await?;
        let generation = Arc::new(built);
        self.kept().push(Kept { asked: None, who: None, generation: Arc::clone(&generation) });
        Ok(generation)
    }

    /// The numbers of those that are kept where the live view is.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let number = |kept: &Kept| kept.generation.number;
        if self.apart.is_some() { Vec::new() } else { self.kept().iter().map(number).collect() }
    }

    /// The one that was asked for, if it is kept; it is now the last that goes.
    fn find(&self, asked: Asked) -> Option<Arc<Generation>> {
        let mut kept = self.kept();
        let at = kept.iter().position(|known| known.asked == Some(asked))?;
        let found = kept.remove(at);
        let generation = Arc::clone(&found.generation);
        kept.push(found);
        Some(generation)
    }

    /// Drops those that nobody asked for the longest, until one more may be kept: of whoever has most of them.
    fn make_room(&self) {
        let mut kept = self.kept();
        while kept.len() + 1 > KEPT {
            let of = |who: &Option<String>| kept.iter().filter(|other| other.who == *who).count();
            let most = kept.iter().map(|known| of(&known.who)).max().unwrap_or_default();
            let oldest = kept.iter().position(|known| of(&known.who) == most).unwrap_or_default();
            kept.remove(oldest);
        }
    }

    /// The turn of a caller, which one question of theirs has at a time.
    fn turn_of(&self, who: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().expect("nobody panics while holding the turns");
        if let Some(turn) = turns.get(who).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(who.to_owned(), Arc::downgrade(&turn));
        turn
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
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
        let found = self.find_or_build(asked, None);
        let Some(patience) = patience else { return found.await };
        self.in_time(found, patience).await
    }

    /// The same for a caller, who has one place in the line whatever they ask for: while theirs is being built or waits
    /// to be, the rest that they ask for waits behind it, and everybody else comes first. A place in the line is kept for
    /// whoever runs out of patience.
    pub async fn as_known_by(&self, who: &str, asked: Asked, patience: Duration) -> Result<Arc<Generation>, ViewError> {
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

    /// How far the generation is that is being built because somebody asked for it, or was built last.
    pub fn known_progress(&self) -> watch::Receiver<Option<Progress>> {
        self.shared.on_demand.progress.subscribe()
    }

    async fn find_or_build(&self, asked: Asked, who: Option<&str>) -> Result<Arc<Generation>, ViewError> {
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

    /// Builds one for a caller once nothing else of theirs waits, even if they go away after that.
    async fn build_in_turn(&self, asked: Asked, who: &str) -> Result<Arc<Generation>, ViewError> {
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

    /// Builds one when it is its turn, unless somebody else has by then.
    async fn wait_and_build(&self, asked: Asked, who: Option<String>) -> Result<Arc<Generation>, ViewError> {
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
        self.build_to_its_end(slot, (wanted, options), (Some(asked), who)).await
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
        self.build_to_its_end(slot, (Wanted { upto, rulebooks_upto, draft }, options), (None, None)).await
    }

    /// Builds one, though whoever asked for it goes away.
    async fn build_to_its_end(
        &self,
        slot: OwnedMutexGuard<()>,
        how: (Wanted, Options),
        asked: (Option<Asked>, Option<String>),
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

    /// Builds one and keeps it; whoever calls holds the slot.
    async fn build_known(
        &self,
        (wanted, options): (Wanted, Options),
        (asked, who): (Option<Asked>, Option<String>),
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
            Ok(generation) => on_demand.kept().push(Kept { asked, who, generation: Arc::clone(generation) }),
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
            // What somebody still holds goes at the next start.
            if let Err(error) = generation::remove(self.shared.log.store(), &on_demand.place, number).await {
                tracing::warn!(error = ?error, number, "a view that was asked for could not be removed yet");
            }
        }
    }
}
