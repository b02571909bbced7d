//! Views: the content of the log in tables made for queries.
//!
//! The folds are in `projections/`. This module builds generations, updates them, replaces them and removes them. The
//! questions asked of a generation are in [`crate::queries`], which this module does not use. No function here writes
//! to the log.

pub mod admin_requests;
pub mod diff;
pub mod generation;
pub mod parked;
pub mod rebuild;
pub mod snapshots;

mod digest;
mod dump;
mod fold;
mod follower;
mod pointer;
mod project;
mod rows;
mod soundness;
mod standstill;
mod switch;
#[cfg(test)]
mod test_service;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::log::{Log, LogError};
use crate::store::{SoleBuilder, Sql, StoreError};
use admin_requests::{AdminRequest, AdminRequests, Known};
use generation::{Aside, Found, Generation};
use pointer::Pointer;
use project::Projector;
use rebuild::{Meter, Options, Phase, Progress, Wanted};
use snapshots::OnDemand;
use standstill::Standstill;
use throughline_domain::fact::envelope::{Position, StreamId};

pub use pointer::STATEMENTS as STATEMENTS_ON_THE_LOG;
pub use soundness::Depth;

/// An error in building or querying a view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no view to query, and this process may not build one.
    #[error(
        "the live view is being built, or belongs to another version of this program: try again when the server is \
            ready"
    )]
    NoView,
    /// The view cannot be used, and this process may not build another.
    #[error(
        "{view} is damaged: {why}. Rebuild it with `throughline rebuild`, or with the mutation startRebuild of a server"
    )]
    Damaged {
        /// The name of the view.
        view: String,
        /// What is damaged.
        why: String,
    },
    /// Another process or request is building or switching views.
    #[error(
        "a view is being built or switched at this moment: wait until that has ended and check which view is live, or \
            cancel the rebuild"
    )]
    Building,
    /// The view is being built and was not ready in time.
    #[error("the view for this knowledge date is being built: try again in a moment")]
    NotYet(Option<Progress>),
    /// This server is not building a view.
    #[error("this server is not building a view: use the server that is")]
    NotBuilding,
    /// There is no view to roll back to.
    #[error("there is no earlier view that this version of the program can update: rebuild instead")]
    NoPrevious,
    /// The rebuild was cancelled.
    #[error("the rebuild was cancelled; nothing was kept")]
    Cancelled,
    /// The new view does not contain the rows that were written to it.
    #[error(
        "the new view does not contain all rows written to it: {table} has {found} of {written}; the new view was \
            deleted"
    )]
    Unverified {
        /// The name of the table, or `events`.
        table: &'static str,
        /// The number written.
        written: u64,
        /// The number found.
        found: i64,
    },
    /// Another process moved the pointer, or the old view went past the new one.
    #[error("another process switched views meanwhile: try again")]
    Outrun,
    /// A view has applied more of a log than this log contains.
    #[error(
        "{view} has followed the log up to position {position}, but the log ends at {head}: the newest events were \
            lost, or this is another log. Restore a backup of the log, or find the log that the view belongs to. To \
            continue without the lost events, start `throughline serve --without-lost-events`: the view is then kept \
            beside the log under another name"
    )]
    Ahead {
        /// The name of the view.
        view: String,
        /// The position of the view.
        position: Position,
        /// The last position of the log.
        head: Position,
    },
    /// The records that a rebuild of a long log sets aside could not be stored.
    #[error(
        "the rebuild of a long log cannot store records in {}: free as much space there as the log takes, or set \
            TMPDIR to another directory; nothing was kept",
        directory.display()
    )]
    Spill {
        /// The directory.
        directory: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Part of a rebuild ended too early.
    #[error("part of the rebuild stopped early")]
    Stopped,
    /// Part of a rebuild panicked.
    #[error("part of the rebuild panicked, which is a fault of this program: see standard error")]
    Panicked,
    /// A record is not text.
    #[error("the log contains a record that is not text: run `throughline log verify`")]
    NotText,
}

impl ViewError {
    /// Whether the error means that this process has no usable view.
    pub fn is_no_view_to_use(&self) -> bool {
        matches!(self, Self::NoView) || soundness::is_of_the_view(self)
    }
}

/// The live view and the state for maintaining it.
#[derive(Debug, Clone)]
pub struct Views {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    questions: Questions,
    live: watch::Sender<Arc<Generation>>,
    /// Whether the live view belongs to another version of the program, so that this build cannot update it.
    is_foreign: AtomicBool,
    /// Held while the generation that is live here changes.
    switching: tokio::sync::Mutex<()>,
    progress: watch::Sender<Option<Progress>>,
    /// The rebuild that this process started last.
    rebuild: Mutex<Running>,
    /// Whether this view was built when it was opened, because there was no usable one.
    is_fresh: bool,
    /// How often parked streams were retried.
    retries: AtomicU64,
    standstill: Standstill,
    admin_requests: AdminRequests,
    /// The generations built on request, beside the live view.
    on_demand: OnDemand,
}

/// A rebuild that this process started: the means to cancel it, and its result until it is read.
#[derive(Debug, Default)]
struct Running {
    meter: Option<Arc<Meter>>,
    ended: Option<JoinHandle<Result<(), ViewError>>>,
}

/// The result of a rebuild.
#[derive(Debug)]
pub struct Rebuilt {
    /// Position and digest of the old view.
    pub old: Option<(Position, String)>,
    /// Position and digest of the new view.
    pub new: (Position, String),
}

/// The current generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    /// The live generation.
    pub live: i64,
    /// The generation that was live before, kept for a rollback.
    pub previous: Option<i64>,
}

impl Views {
    /// Opens the live view, caught up with the log. If this build has no usable view, it builds one first. Returns an
    /// error if a view has applied more of the log than there is, because that shows that events were lost.
    ///
    /// Every view that is taken up has to understand the statements of these questions. One that does not is rebuilt.
    pub async fn open(log: Log, questions: Questions) -> Result<Self, ViewError> {
        log.store().prepare(STATEMENTS_ON_THE_LOG).await?;
        pointer::mend(log.store()).await?;
        if let Some((view, position, head)) = Self::ahead(&log).await? {
            let view = Self::called(&log, view);
            // If there was no log at all, leave none behind.
            if head == Position::default() {
                log.store().take_back().await;
            }
            return Err(ViewError::Ahead { view, position, head });
        }
        let (live, is_fresh) = match taken_up(&log, questions).await? {
            Some(live) => (live, false),
            None => built_alone(&log, questions).await?,
        };
        let on_demand = OnDemand::beside(log.store());
        let views = Self::over(log, questions, live, is_fresh, on_demand);
        if let Err(error) = views.sweep().await {
            tracing::warn!(error = ?error, "earlier views could not be removed yet");
        }
        Ok(views)
    }

    /// The name of the view with this number: its file or its schema.
    pub fn called(log: &Log, number: i64) -> String {
        generation::name(log.store().place(), number)
    }

    /// Renames every view that has applied more of the log than there is, so that it is no longer taken for a view of
    /// this log. Returns the new names.
    pub async fn set_aside(log: &Log) -> Result<Vec<String>, ViewError> {
        let (store, mut aside) = (log.store(), Vec::new());
        while let Some((number, position, _)) = Self::ahead(log).await? {
            aside.push(generation::set_aside(store.place(), number, (Aside::Ahead, position)).await?);
        }
        Ok(aside)
    }

    /// A view beside the log that has applied more of a log than this log contains, if there is one: its number, its
    /// position and the last position of the log.
    pub async fn ahead(log: &Log) -> Result<Option<(i64, Position, Position)>, ViewError> {
        let store = log.store();
        for number in generation::numbers(store, store.place()).await? {
            // A view that cannot be opened says nothing about the log.
            let Ok(Found::Ours(view) | Found::Foreign(view)) = Generation::open(store, store.place(), number).await
            else {
                continue;
            };
            let position = *view.position().borrow();
            view.end().await;
            // The log is read after the view. Otherwise events appended and applied in between would make the view look
            // ahead.
            let head = pointer::read(store).await?.head;
            if position > head {
                return Ok(Some((number, position, head)));
            }
        }
        Ok(None)
    }

    /// Opens the live view that another process maintains, only to query it.
    pub async fn open_to_read(log: Log) -> Result<Self, ViewError> {
        let views = Self::open_unchecked(log).await?;
        views.live().must_be_sound(Depth::Opened).await?;
        Ok(views)
    }

    /// Opens the live view only to inspect it, in any state.
    pub async fn open_unchecked(log: Log) -> Result<Self, ViewError> {
        let live = Arc::new(usable(&log).await?.ok_or(ViewError::NoView)?);
        let (view, position) = (Self::called(&log, live.number), *live.position().borrow());
        let head = log.head().await?.position;
        if position > head {
            return Err(ViewError::Ahead { view, position, head });
        }
        if !live.is_of(&log).await? {
            return Err(ViewError::Damaged { view, why: "it belongs to another log".to_owned() });
        }
        // This folds the contracts up to the view's position.
        Projector::new(log.clone(), Arc::clone(&live)).await?;
        let on_demand = OnDemand::apart(log.store())?;
        Ok(Self::over(log, Vec::new, live, false, on_demand))
    }

    /// Builds a view for this process only, for a log without a readable view.
    pub async fn open_apart(log: Log) -> Result<Self, ViewError> {
        let on_demand = OnDemand::apart(log.store())?;
        let upto = log.head().await?.position;
        let wanted = Wanted { upto, rulebooks_upto: upto, draft: None };
        let live = on_demand.built_alone(&log, wanted).await?;
        Ok(Self::over(log, Vec::new, live, true, on_demand))
    }

    fn over(log: Log, questions: Questions, live: Arc<Generation>, is_fresh: bool, on_demand: OnDemand) -> Self {
        let shared = Shared {
            log,
            questions,
            live: watch::Sender::new(live),
            is_foreign: AtomicBool::new(false),
            switching: tokio::sync::Mutex::default(),
            progress: watch::Sender::new(None),
            rebuild: Mutex::default(),
            is_fresh,
            retries: AtomicU64::new(0),
            standstill: Standstill::default(),
            admin_requests: AdminRequests::default(),
            on_demand,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The log that the views follow.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// The live generation. A request reads it once and keeps using the same one.
    pub fn live(&self) -> Arc<Generation> {
        Arc::clone(&self.shared.live.borrow())
    }

    /// Whether this view was built when it was opened, because there was no usable one.
    pub fn is_fresh(&self) -> bool {
        self.shared.is_fresh
    }

    /// Whether this build can update the live view. If not, it answers from the view before, and clients should use
    /// another server.
    pub fn is_current(&self) -> bool {
        !self.shared.is_foreign.load(Ordering::Relaxed)
    }

    /// How long the live view has not moved although the log has more events, if that is longer than a step takes.
    pub fn stands_still(&self, head: Position) -> Option<Duration> {
        let position = *self.live().position().borrow();
        self.shared.standstill.look(position, head, Instant::now())
    }

    /// The current generations.
    pub async fn generations(&self) -> Result<Generations, ViewError> {
        let Pointer { live, previous, .. } = pointer::read(self.shared.log.store()).await?;
        Ok(Generations { live, previous: (previous > 0).then_some(previous) })
    }

    /// The progress of the rebuild that this process runs or ran last, with a way to wait for changes.
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.shared.progress.subscribe()
    }

    /// Waits until the live view has passed a position, whichever generation is live. Returns `false` if it has not in
    /// time.
    pub async fn passed(&self, position: Position, patience: Duration) -> bool {
        let mut live = self.shared.live.subscribe();
        let passed = async {
            loop {
                let mut known = live.borrow_and_update().position();
                tokio::select! {
                    // If the generation is gone, it has been replaced.
                    passed = known.wait_for(|known| *known >= position) => if passed.is_ok() { return true },
                    switched = live.changed() => if switched.is_err() { return false },
                }
            }
        };
        tokio::time::timeout(patience, passed).await.unwrap_or(false)
    }

    /// Rebuilds the view of a log that no other process updates meanwhile. Returns position and digest, old and new.
    pub async fn rebuild(log: &Log, questions: Questions) -> Result<Rebuilt, ViewError> {
        let views = Self::open(log.clone(), questions).await?;
        // An unreadable old view does not prevent a rebuild.
        let old = views.position_and_digest().await.ok();
        views.start_rebuild(views.right_to_build().await?, Options::default());
        views.rebuild_ended().await?;
        let rebuilt = Rebuilt { old, new: views.position_and_digest().await? };
        views.close().await;
        Ok(rebuilt)
    }

    /// Position and digest of the live view.
    pub async fn position_and_digest(&self) -> Result<(Position, String), ViewError> {
        let live = self.live();
        let position = *live.position().borrow();
        Ok((position, live.digest().await?))
    }

    /// The right to build and switch views. Returns an error while any process is building.
    pub async fn right_to_build(&self) -> Result<SoleBuilder, ViewError> {
        self.shared.log.store().sole_builder_now().await?.ok_or(ViewError::Building)
    }

    /// Builds a new generation beside the live one and switches to it, in the background.
    pub fn start_rebuild(&self, right: SoleBuilder, options: Options) {
        // Held until the rebuild can be cancelled.
        let mut running = self.running();
        let meter = Arc::new(Meter::new(self.shared.progress.clone()));
        let (views, reporting) = (self.clone(), Arc::clone(&meter));
        let ended = tokio::spawn(async move {
            let rebuilt = views.replace(right, options, &reporting).await;
            match &rebuilt {
                Ok(()) => {}
                Err(ViewError::Cancelled) => tracing::info!("a rebuild was cancelled; nothing was kept"),
                Err(error) => tracing::error!(error = ?error, "a rebuild ended without a new view"),
            }
            rebuilt
        });
        *running = Running { meter: Some(meter), ended: Some(ended) };
    }

    /// Waits until the rebuild that this process started last has ended. Returns its result once.
    pub async fn rebuild_ended(&self) -> Result<(), ViewError> {
        let ended = self.running().ended.take();
        ended.ok_or(ViewError::NotBuilding)?.await.map_err(|_| ViewError::Panicked)?
    }

    /// Cancels the rebuild that this process started, and waits until its remains are deleted.
    pub async fn cancel_rebuild(&self) -> Result<(), ViewError> {
        self.may_cancel()?;
        if let Some(meter) = &self.running().meter {
            meter.cancel();
        }
        let mut progress = self.progress();
        // The sender lives as long as these views.
        let _ = progress.wait_for(|progress| progress.is_none_or(|progress| progress.phase.is_over())).await;
        Ok(())
    }

    /// Builds a new generation beside the live one and switches to it. `meter` reports the progress.
    async fn replace(&self, right: SoleBuilder, options: Options, meter: &Arc<Meter>) -> Result<(), ViewError> {
        let log = &self.shared.log;
        let rebuilt = async {
            let pointer = pointer::read(log.store()).await?;
            let mut projector = rebuild::build(log, pointer, self.shared.questions, options, meter).await?;
            meter.enters(Phase::Switching);
            self.switch(&mut projector).await
        };
        // Waiting callers must learn of the end, whatever it is.
        let rebuilt = AssertUnwindSafe(rebuilt).catch_unwind().await.unwrap_or(Err(ViewError::Panicked));
        right.release().await;
        meter.enters(match &rebuilt {
            Ok(()) => Phase::Done,
            Err(ViewError::Cancelled) => Phase::Cancelled,
            Err(_) => Phase::Failed,
        });
        if let Err(error) = self.sweep().await {
            tracing::warn!(error = ?error, "earlier views could not be removed yet");
        }
        rebuilt
    }

    /// Rolls back to the generation that was live before, after catching it up.
    pub async fn roll_back(&self) -> Result<(), ViewError> {
        let right = self.right_to_build().await?;
        let switched = async {
            let mut projector = Projector::new(self.shared.log.clone(), Arc::new(self.previous().await?)).await?;
            self.switch(&mut projector).await
        };
        let switched = switched.await;
        right.release().await;
        switched
    }

    /// The generation that was live before.
    async fn previous(&self) -> Result<Generation, ViewError> {
        let store = self.shared.log.store();
        let number = pointer::read(store).await?.previous;
        let previous = Generation::open(store, store.place(), number).await?.ours().ok_or(ViewError::NoPrevious)?;
        previous.must_be_sound(Depth::Pages).await?;
        Ok(previous)
    }

    /// The live view or the one before it, by its number. `None` if no view with this number is kept.
    pub async fn numbered(&self, number: i64) -> Result<Option<Arc<Generation>>, ViewError> {
        let live = self.live();
        if live.number == number {
            return Ok(Some(live));
        }
        let (log, store) = (self.log(), self.log().store());
        if pointer::read(store).await?.previous != number {
            return Ok(None);
        }
        let Found::Ours(previous) = Generation::open(store, store.place(), number).await? else {
            return Ok(None);
        };
        let previous = Arc::new(previous);
        // This folds the contracts up to the view's position.
        Projector::new(log.clone(), Arc::clone(&previous)).await?;
        Ok(Some(previous))
    }

    /// Whether a rebuild could start now, or why not.
    pub async fn may_rebuild(&self) -> Result<(), ViewError> {
        self.right_to_build().await?.release().await;
        Ok(())
    }

    /// Whether there is a rebuild to cancel here, or why not.
    pub fn may_cancel(&self) -> Result<(), ViewError> {
        let is_under_way = self.shared.progress.borrow().is_some_and(|progress| !progress.phase.is_over());
        if is_under_way { Ok(()) } else { Err(ViewError::NotBuilding) }
    }

    /// Whether a rollback is possible now, or why not.
    pub async fn may_roll_back(&self) -> Result<(), ViewError> {
        self.may_rebuild().await?;
        self.previous().await?.end().await;
        Ok(())
    }

    /// Retries all parked streams of the live view, or only one. Afterwards, the streams that could be folded have
    /// their rows.
    pub async fn retry_parked(&self, alone: Option<StreamId>) -> Result<(), ViewError> {
        Projector::new(self.shared.log.clone(), self.live()).await?.retry(alone).await?;
        self.shared.retries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What is known about a request to manage the views.
    pub fn known(&self, request: &AdminRequest) -> Known {
        self.shared.admin_requests.known(request)
    }

    /// Stores a request that was carried out.
    pub fn remember(&self, request: AdminRequest) {
        self.shared.admin_requests.remember(request);
    }

    /// Makes a projector's generation live, for this process and all others. The caller must have the right to build.
    async fn switch(&self, projector: &mut Projector) -> Result<(), ViewError> {
        // Another process may have switched since the last check.
        self.adopt().await?;
        let _switching = self.shared.switching.lock().await;
        let (store, mine) = (self.shared.log.store(), self.live());
        let live = pointer::read(store).await?.live;
        let swap = |new| self.goes_live(new);
        if live == mine.number {
            return switch::switch(store, Some(&mine), projector, swap).await;
        }
        // The live view may belong to another version, and the view of this version may be the one kept for a rollback.
        let other = match Generation::open(store, store.place(), live).await? {
            Found::Ours(other) | Found::Foreign(other) => Some(other),
            Found::Nothing => None,
        };
        switch::switch(store, other.as_ref(), projector, swap).await
    }

    fn goes_live(&self, generation: Arc<Generation>) {
        self.shared.is_foreign.store(false, Ordering::Relaxed);
        self.shared.live.send_replace(generation);
    }

    /// Deletes every generation that is neither live nor the one before and that is not in use. Returns `false` if one
    /// is still in use.
    async fn sweep(&self) -> Result<bool, ViewError> {
        let log = &self.shared.log;
        let Pointer { live, previous, .. } = pointer::read(log.store()).await?;
        let mut is_clean = true;
        let (place, kept) = (log.store().place(), self.shared.on_demand.numbers());
        for number in generation::numbers(log.store(), place).await? {
            if number != live && number != previous && !kept.contains(&number) {
                is_clean &= generation::remove(log.store(), place, number).await?;
            }
        }
        Ok(is_clean)
    }

    /// Cancels a running rebuild, releases the live view and deletes generations that are no longer needed.
    pub async fn close(&self) {
        match self.cancel_rebuild().await {
            Ok(()) | Err(ViewError::NotBuilding) => {}
            Err(error) => tracing::error!(error = ?error, "a rebuild did not end well"),
        }
        self.forget_known().await;
        self.live().close().await;
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.shared.rebuild.lock().expect("no panic while holding it")
    }
}

/// The version of the folds of this build.
pub const fn fold_version() -> u32 {
    rows::FOLD_VERSION
}

/// The digest of everything from which this build makes a generation.
pub fn definition() -> &'static str {
    rows::DEFINITION.as_str()
}

/// Every statement by which views are checked and updated. Those of questions are in [`crate::queries`].
pub fn statements() -> Vec<&'static Sql> {
    [generation::STATEMENTS, parked::STATEMENTS].concat()
}

/// The statements of the questions that will be asked of a view.
pub type Questions = fn() -> Vec<&'static Sql>;

/// Prepares every statement that a generation has to understand.
async fn prepare(generation: &Generation, questions: Questions) -> Result<(), StoreError> {
    crate::store::prepare(&generation.reader, &[statements(), questions()].concat()).await
}

async fn caught_up(log: &Log, generation: Arc<Generation>) -> Result<Arc<Generation>, ViewError> {
    let mut projector = Projector::new(log.clone(), Arc::clone(&generation)).await?;
    while projector.step().await? {}
    Ok(generation)
}

/// The live generation, if it exists and was made with this build's definition.
async fn usable(log: &Log) -> Result<Option<Generation>, ViewError> {
    let Some(pointer) = pointer::find(log.store()).await? else { return Ok(None) };
    Ok(Generation::open(log.store(), log.store().place(), pointer.live).await?.ours())
}

/// The live generation, checked and caught up with the log, if this build can use it. A damaged one counts as missing.
async fn taken_up(log: &Log, questions: Questions) -> Result<Option<Arc<Generation>>, ViewError> {
    let Some(generation) = usable(log).await? else { return Ok(None) };
    if !generation.is_of(log).await? {
        let (number, position) = (generation.number, *generation.position().borrow());
        generation.end().await;
        let aside = generation::set_aside(log.store().place(), number, (Aside::Foreign, position)).await?;
        tracing::warn!(kept = aside, %position, "the live view belongs to another log; a view of this log is built");
        return Ok(None);
    }
    let generation = Arc::new(generation);
    let taken = async {
        generation.must_be_sound(Depth::Opened).await?;
        prepare(&generation, questions).await?;
        caught_up(log, Arc::clone(&generation)).await
    };
    match taken.await {
        Ok(generation) => Ok(Some(generation)),
        Err(error) if soundness::is_of_the_view(&error) => {
            tracing::warn!(generation = generation.number, error = ?error, "the live view is damaged; it is rebuilt");
            generation.close().await;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Builds the first view that this build can use, before the server answers requests. If several processes start
/// together, one builds and the others use its view.
async fn built_alone(log: &Log, questions: Questions) -> Result<(Arc<Generation>, bool), ViewError> {
    let sole = log.store().sole_builder().await?;
    let pointer = pointer::read(log.store()).await?;
    if let Some(live) = taken_up(log, questions).await? {
        sole.release().await;
        return Ok((live, false));
    }
    let meter = Arc::new(Meter::new(watch::Sender::new(None)));
    let mut projector = rebuild::build(log, pointer, questions, Options::default(), &meter).await?;
    // A view with another definition may be maintained by servers of another version. The new view must not be behind
    // its position.
    let old = match Generation::open(log.store(), log.store().place(), pointer.live).await? {
        Found::Foreign(old) => Some(old),
        // A damaged view is of no use.
        Found::Ours(_) | Found::Nothing => None,
    };
    switch::switch(log.store(), old.as_ref(), &mut projector, drop).await?;
    sole.release().await;
    Ok((Arc::clone(projector.generation()), true))
}
