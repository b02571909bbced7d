//! Views: what the log amounts to, in tables made to be asked.
//!
//! The fold is in `projections/`; here is what keeps a generation up to date, replaces it and asks it. Every question
//! needs a scope, and no function here writes to the log.

pub mod agenda;
pub mod board;
mod case_numbers;
pub mod caseload;
pub mod claims;
pub mod compare;
pub mod diff;
pub mod durations;
pub mod exits;
pub mod generation;
pub mod journeys;
pub mod known;
pub mod obligations;
pub mod orders;
pub mod parked;
pub mod people;
pub mod performance;
pub mod period;
pub mod rebuild;
pub mod recency;
pub mod references;
pub mod referral_to_plan;
pub mod standing;
pub mod visible;

mod counted;
mod digest;
mod fold;
mod keeper;
mod pointer;
mod project;
mod rows;
mod soundness;
mod standstill;
mod switch;
mod whole;

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
use generation::{Aside, Found, Generation};
use known::OnDemand;
use orders::{Known, Order, Orders};
use pointer::Pointer;
use project::Projector;
use rebuild::{Meter, Options, Phase, Progress, Wanted};
use standstill::Standstill;
use throughline_domain::fact::envelope::{Position, StreamId};

pub use pointer::STATEMENTS as STATEMENTS_ON_THE_LOG;
pub use soundness::Depth;

/// A fault in building or asking a view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no view to ask, and this process may not build one.
    #[error(
        "the live view is being built, or is of another version of this program: try again when the server is ready"
    )]
    NoView,
    /// The view cannot be lived on, and this process may not build another.
    #[error("{view} is damaged: {why}. Build it anew: `throughline rebuild`, or the mutation startRebuild of a server")]
    Damaged {
        /// What the view is called.
        view: String,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody is building or switching views already.
    #[error(
        "a view is being built, or another one made the live one, at this moment: wait until that is done and look \
         which view is live, or cancel the rebuild"
    )]
    Building,
    /// It is being built, and was not ready in time.
    #[error("what was known then is being put together: ask again in a moment")]
    NotYet(Option<Progress>),
    /// Nobody is building a view here.
    #[error("no view is being built by this server: ask the one that builds it")]
    NotBuilding,
    /// There is no view to go back to.
    #[error("there is no earlier view that this version of the program can keep up: rebuild instead")]
    NoPrevious,
    /// The rebuild was told to stop.
    #[error("the rebuild was cancelled; nothing of it is left")]
    Cancelled,
    /// Something that was built is not what was to be built.
    #[error(
        "the new view does not hold what was written to it: {table} has {found} of {written}; nothing of it is left"
    )]
    Unverified {
        /// The table, or `events`.
        table: &'static str,
        /// How many were written.
        written: u64,
        /// How many there are.
        found: i64,
    },
    /// Another process moved the pointer, or the view before went on.
    #[error("another process switched views meanwhile: try again")]
    Outrun,
    /// A view has followed some log further than this one goes.
    #[error(
        "{view} has followed the log up to position {position}, and the log ends at {head}: its end was lost, or it is \
         another log. Restore a backup of the log, or find the one that the view is of. To go on without what was lost, \
         start `throughline serve --without-lost-events`: the view is then kept beside, under another name"
    )]
    Ahead {
        /// What the view is called.
        view: String,
        /// Where it stands.
        position: Position,
        /// Where the log ends.
        head: Position,
    },
    /// What a rebuild of a long log sets aside could not be kept.
    #[error(
        "the rebuild of a long log sets its records aside in {}, and cannot: make as much room there as the log has, or \
         name another directory as TMPDIR; nothing of it is left",
        directory.display()
    )]
    Spill {
        /// Where.
        directory: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A part of a rebuild ended before it was done.
    #[error("a part of the rebuild stopped early")]
    Stopped,
    /// A part of a rebuild panicked.
    #[error("a part of the rebuild panicked, which is a fault of this program: standard error says where")]
    Panicked,
    /// A record is no text.
    #[error("the log holds a record that is no text: run `throughline log verify`")]
    NotText,
}

impl ViewError {
    /// Whether it says that there is no view that this process can use.
    pub fn is_no_view_to_use(&self) -> bool {
        matches!(self, Self::NoView) || soundness::is_of_the_view(self)
    }
}

/// The live view and what keeps it so.
#[derive(Debug, Clone)]
pub struct Views {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    live: watch::Sender<Arc<Generation>>,
    /// The live view is one that this build cannot keep up: another version of the program has switched.
    is_foreign: AtomicBool,
    /// Held by whoever changes which generation is live here.
    switching: tokio::sync::Mutex<()>,
    progress: watch::Sender<Option<Progress>>,
    /// The rebuild that this process began last.
    rebuild: Mutex<Running>,
    /// This view was built when it was opened, for there was none that could be used.
    is_fresh: bool,
    /// How often parked streams were tried again.
    retries: AtomicU64,
    standstill: Standstill,
    orders: Orders,
    /// What was asked for beside the live view.
    on_demand: OnDemand,
}

/// A rebuild that this process has begun: the way to stop it, and what became of it until somebody has asked.
#[derive(Debug, Default)]
struct Running {
    meter: Option<Arc<Meter>>,
    ended: Option<JoinHandle<Result<(), ViewError>>>,
}

/// What a rebuild found and made.
#[derive(Debug)]
pub struct Rebuilt {
    /// Position and digest of the view before.
    pub old: Option<(Position, String)>,
    /// Position and digest of the new one.
    pub new: (Position, String),
}

/// Which generations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    /// The live one.
    pub live: i64,
    /// The one that was live before, kept for going back.
    pub previous: Option<i64>,
}

impl Views {
    /// Opens the live view, caught up with the log; builds it first if there is none that this build can use. Refuses
    /// where a view has followed the log further than it goes: that is evidence of what was lost.
    pub async fn open(log: Log) -> Result<Self, ViewError> {
        log.store().prepare(STATEMENTS_ON_THE_LOG).await?;
        pointer::mend(log.store()).await?;
        if let Some((view, position, head)) = Self::ahead(&log).await? {
            let view = Self::called(&log, view);
            // Where there was no log at all, none is left behind.
            if head == Position::default() {
                log.store().take_back().await;
            }
            return Err(ViewError::Ahead { view, position, head });
        }
        let (live, is_fresh) = match taken_up(&log).await? {
            Some(live) => (live, false),
            None => built_alone(&log).await?,
        };
        crate::store::prepare(&live.reader, &statements()).await?;
        let on_demand = OnDemand::beside(log.store());
        let views = Self::over(log, live, is_fresh, on_demand);
        if let Err(error) = views.sweep().await {
            tracing::warn!(error = ?error, "earlier views could not be removed yet");
        }
        Ok(views)
    }

    /// What a view of this number is called: its file or its schema.
    pub fn called(log: &Log, number: i64) -> String {
        generation::name(log.store().place(), number)
    }

    /// Sets aside every view that has followed the log further than it goes, under a name by which nobody takes it for a
    /// view of this log; says what they are called now.
    pub async fn set_aside(log: &Log) -> Result<Vec<String>, ViewError> {
        let (store, mut aside) = (log.store(), Vec::new());
        while let Some((number, position, _)) = Self::ahead(log).await? {
            aside.push(generation::set_aside(store.place(), number, (Aside::Ahead, position)).await?);
        }
        Ok(aside)
    }

    /// A view beside a log that has followed some log further than this one goes, if there is one: its number, where it
    /// stands, and where the log ends.
    pub async fn ahead(log: &Log) -> Result<Option<(i64, Position, Position)>, ViewError> {
        let store = log.store();
        for number in generation::numbers(store, store.place()).await? {
            // One that cannot be opened says nothing of the log.
            let Ok(Found::Ours(view) | Found::Foreign(view)) = Generation::open(store, store.place(), number).await
            else {
                continue;
            };
            let position = *view.position().borrow();
            view.end().await;
            // The log is asked after the view: what a busy node appends and projects meanwhile makes nobody seem ahead.
            let head = pointer::read(store).await?.head;
            if position > head {
                return Ok(Some((number, position, head)));
            }
        }
        Ok(None)
    }

    /// Opens the live view that another process keeps up, only to ask it.
    pub async fn open_to_read(log: Log) -> Result<Self, ViewError> {
        let views = Self::open_as_it_is(log).await?;
        views.live().must_be_sound(Depth::Opened).await?;
        Ok(views)
    }

    /// Opens the live view only to look at it, in whatever state it is.
    pub async fn open_as_it_is(log: Log) -> Result<Self, ViewError> {
        let live = Arc::new(usable(&log).await?.ok_or(ViewError::NoView)?);
        let (view, position) = (Self::called(&log, live.number), *live.position().borrow());
        let head = log.head().await?.position;
        if position > head {
            return Err(ViewError::Ahead { view, position, head });
        }
        if !live.is_of(&log).await? {
            return Err(ViewError::Damaged { view, why: "it is the view of another log".to_owned() });
        }
        // It folds the contracts as of where the view stands.
        Projector::new(log.clone(), Arc::clone(&live)).await?;
        let on_demand = OnDemand::apart(log.store())?;
        Ok(Self::over(log, live, false, on_demand))
    }

    /// Builds a view of a log that has none to be read, for this process alone.
    pub async fn open_apart(log: Log) -> Result<Self, ViewError> {
        let on_demand = OnDemand::apart(log.store())?;
        let upto = log.head().await?.position;
        let wanted = Wanted { upto, rulebooks_upto: upto, draft: None };
        let live = on_demand.built_alone(&log, wanted).await?;
        Ok(Self::over(log, live, true, on_demand))
    }

    fn over(log: Log, live: Arc<Generation>, is_fresh: bool, on_demand: OnDemand) -> Self {
        let shared = Shared {
            log,
            live: watch::Sender::new(live),
            is_foreign: AtomicBool::new(false),
            switching: tokio::sync::Mutex::default(),
            progress: watch::Sender::new(None),
            rebuild: Mutex::default(),
            is_fresh,
            retries: AtomicU64::new(0),
            standstill: Standstill::default(),
            orders: Orders::default(),
            on_demand,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The log that the views follow.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// The live generation. A request takes it once and keeps it.
    pub fn live(&self) -> Arc<Generation> {
        Arc::clone(&self.shared.live.borrow())
    }

    /// Whether this view was built when it was opened, for there was none that could be used.
    pub fn is_fresh(&self) -> bool {
        self.shared.is_fresh
    }

    /// Whether this build can keep the live view up. Where it cannot, it answers from the one before, and whoever asks
    /// had better ask another server.
    pub fn is_current(&self) -> bool {
        !self.shared.is_foreign.load(Ordering::Relaxed)
    }

    /// For how long the live view has not moved although the log stands further, if that is longer than a step takes.
    pub fn stands_still(&self, head: Position) -> Option<Duration> {
        let position = *self.live().position().borrow();
        self.shared.standstill.look(position, head, Instant::now())
    }

    /// Which generations there are.
    pub async fn generations(&self) -> Result<Generations, ViewError> {
        let Pointer { live, previous, .. } = pointer::read(self.shared.log.store()).await?;
        Ok(Generations { live, previous: (previous > 0).then_some(previous) })
    }

    /// How far the rebuild is that this process does or did last, and a way to wait for more.
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.shared.progress.subscribe()
    }

    /// Waits until the live view has passed a position, whichever generation that is; false if it has not in time.
    pub async fn passed(&self, position: Position, patience: Duration) -> bool {
        let mut live = self.shared.live.subscribe();
        let passed = async {
            loop {
                let mut known = live.borrow_and_update().position();
                tokio::select! {
                    // A generation that is gone has been replaced.
                    passed = known.wait_for(|known| *known >= position) => if passed.is_ok() { return true },
                    switched = live.changed() => if switched.is_err() { return false },
                }
            }
        };
        tokio::time::timeout(patience, passed).await.unwrap_or(false)
    }

    /// Builds the view of a log anew, which nobody keeps up meanwhile, and says what there was and what it is now.
    pub async fn rebuild(log: &Log) -> Result<Rebuilt, ViewError> {
        let views = Self::open(log.clone()).await?;
        // One that cannot be read is no reason not to build another.
        let old = views.told().await.ok();
        views.start_rebuild(views.right_to_build().await?, Options::default());
        views.rebuild_ended().await?;
        let rebuilt = Rebuilt { old, new: views.told().await? };
        views.close().await;
        Ok(rebuilt)
    }

    /// Position and digest of the live view.
    pub async fn told(&self) -> Result<(Position, String), ViewError> {
        let live = self.live();
        let position = *live.position().borrow();
        Ok((position, live.digest().await?))
    }

    /// The right to build and switch views; refused while anybody builds, here or elsewhere.
    pub async fn right_to_build(&self) -> Result<SoleBuilder, ViewError> {
        self.shared.log.store().sole_builder_now().await?.ok_or(ViewError::Building)
    }

    /// Builds a new generation beside the live one and switches to it, in the background.
    pub fn start_rebuild(&self, right: SoleBuilder, options: Options) {
        // Held until whoever would cancel it can.
        let mut running = self.running();
        let meter = Arc::new(Meter::new(self.shared.progress.clone()));
        let (views, told) = (self.clone(), Arc::clone(&meter));
        let ended = tokio::spawn(async move {
            let rebuilt = views.replace(right, options, &told).await;
            match &rebuilt {
                Ok(()) => {}
                Err(ViewError::Cancelled) => tracing::info!("a rebuild was cancelled; nothing of it is left"),
                Err(error) => tracing::error!(error = ?error, "a rebuild ended without a new view"),
            }
            rebuilt
        });
        *running = Running { meter: Some(meter), ended: Some(ended) };
    }

    /// Waits until the rebuild that this process began last has ended; says what became of it once.
    pub async fn rebuild_ended(&self) -> Result<(), ViewError> {
        let ended = self.running().ended.take();
        ended.ok_or(ViewError::NotBuilding)?.await.map_err(|_| ViewError::Panicked)?
    }

    /// Stops the rebuild that this process has begun, and waits until nothing of it is left.
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

    /// Builds a new generation beside the live one and switches to it; `meter` is told how far it is.
    async fn replace(&self, right: SoleBuilder, options: Options, meter: &Arc<Meter>) -> Result<(), ViewError> {
        let log = &self.shared.log;
        let rebuilt = async {
            let pointer = pointer::read(log.store()).await?;
            let mut projector = rebuild::build(log, pointer, options, meter).await?;
            meter.enters(Phase::Switching);
            self.switch(&mut projector).await
        };
        // Whoever waits must hear of the end, whatever it is.
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

    /// Goes back to the generation that was live before, caught up first.
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

    /// Whether a new generation could be built now, or why not.
    pub async fn may_rebuild(&self) -> Result<(), ViewError> {
        self.right_to_build().await?.release().await;
        Ok(())
    }

    /// Whether there is a rebuild to be cancelled here, or why not.
    pub fn may_cancel(&self) -> Result<(), ViewError> {
        let is_under_way = self.shared.progress.borrow().is_some_and(|progress| !progress.phase.is_over());
        if is_under_way { Ok(()) } else { Err(ViewError::NotBuilding) }
    }

    /// Whether one could go back now to the generation that was live before, or why not.
    pub async fn may_roll_back(&self) -> Result<(), ViewError> {
        self.may_rebuild().await?;
        self.previous().await?.end().await;
        Ok(())
    }

    /// Tries parked streams of the live view again, or one alone; those that are mended have their rows when it is done.
    pub async fn retry_parked(&self, alone: Option<StreamId>) -> Result<(), ViewError> {
        Projector::new(self.shared.log.clone(), self.live()).await?.retry(alone).await?;
        self.shared.retries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What is known of an order about the views.
    pub fn known(&self, order: &Order) -> Known {
        self.shared.orders.known(order)
    }

    /// Remembers an order that was carried out.
    pub fn remember(&self, order: Order) {
        self.shared.orders.remember(order);
    }

    /// Makes a projector's generation the live one, here and for everybody. Whoever calls has the right to build.
    async fn switch(&self, projector: &mut Projector) -> Result<(), ViewError> {
        // Another process may have switched since this one looked.
        self.adopt().await?;
        let _switching = self.shared.switching.lock().await;
        let (store, mine) = (self.shared.log.store(), self.live());
        let live = pointer::read(store).await?.live;
        let swap = |new| self.goes_live(new);
        if live == mine.number {
            return switch::switch(store, Some(&mine), projector, swap).await;
        }
        // One that this build cannot keep up is live, and this one may be what is gone back to.
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

    /// Removes every generation that is neither live nor the one before and that nobody holds; false where somebody does.
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

    /// Stops a rebuild that is under way, lets go of the live view and removes what nobody needs any more.
    pub async fn close(&self) {
        match self.cancel_rebuild().await {
            Ok(()) | Err(ViewError::NotBuilding) => {}
            Err(error) => tracing::error!(error = ?error, "a rebuild did not end well"),
        }
        self.forget_known().await;
        self.live().close().await;
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.shared.rebuild.lock().expect("nobody panics while holding it")
    }
}

/// The version of the folds of this build.
pub const fn fold_version() -> u32 {
    rows::FOLD_VERSION
}

/// The digest of what this build makes a generation by.
pub fn definition() -> &'static str {
    rows::DEFINITION.as_str()
}

/// Every statement that asks or advances a generation.
pub fn statements() -> Vec<&'static Sql> {
    [
        generation::STATEMENTS,
        case_numbers::STATEMENTS,
        caseload::STATEMENTS,
        compare::STATEMENTS,
        diff::STATEMENTS,
        exits::STATEMENTS,
        &journeys::statements(),
        obligations::STATEMENTS,
        agenda::STATEMENTS,
        parked::STATEMENTS,
        people::STATEMENTS,
        performance::STATEMENTS,
        recency::STATEMENTS,
        references::STATEMENTS,
        referral_to_plan::STATEMENTS,
        standing::STATEMENTS,
    ]
    .concat()
}

async fn caught_up(log: &Log, generation: Arc<Generation>) -> Result<Arc<Generation>, ViewError> {
    let mut projector = Projector::new(log.clone(), Arc::clone(&generation)).await?;
    while projector.step().await? {}
    Ok(generation)
}

/// The live generation, if it is there and made by this build's definition.
async fn usable(log: &Log) -> Result<Option<Generation>, ViewError> {
    let Some(pointer) = pointer::find(log.store()).await? else { return Ok(None) };
    Ok(Generation::open(log.store(), log.store().place(), pointer.live).await?.ours())
}

/// The live generation, checked and caught up with the log, if this build can use it. One that is damaged is as good as
/// none.
async fn taken_up(log: &Log) -> Result<Option<Arc<Generation>>, ViewError> {
    let Some(generation) = usable(log).await? else { return Ok(None) };
    if !generation.is_of(log).await? {
        let (number, position) = (generation.number, *generation.position().borrow());
        generation.end().await;
        let aside = generation::set_aside(log.store().place(), number, (Aside::Foreign, position)).await?;
        tracing::warn!(kept = aside, %position, "what was the live view is of another log; one is built of this log");
        return Ok(None);
    }
    let generation = Arc::new(generation);
    let taken = async {
        generation.must_be_sound(Depth::Opened).await?;
        crate::store::prepare(&generation.reader, &statements()).await?;
        caught_up(log, Arc::clone(&generation)).await
    };
    match taken.await {
        Ok(generation) => Ok(Some(generation)),
        Err(error) if soundness::is_of_the_view(&error) => {
            tracing::warn!(generation = generation.number, error = ?error, "the live view is damaged; it is built anew");
            generation.close().await;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Builds the first view that this build can use, before anything is served. Of several processes that start together
/// one builds, and the others find what it built.
async fn built_alone(log: &Log) -> Result<(Arc<Generation>, bool), ViewError> {
    let sole = log.store().sole_builder().await?;
    let pointer = pointer::read(log.store()).await?;
    if let Some(live) = taken_up(log).await? {
        sole.release().await;
        return Ok((live, false));
    }
    let meter = Arc::new(Meter::new(watch::Sender::new(None)));
    let mut projector = rebuild::build(log, pointer, Options::default(), &meter).await?;
    // One of another definition may be kept up by servers of another version: nobody goes back in position.
    let old = match Generation::open(log.store(), log.store().place(), pointer.live).await? {
        Found::Foreign(old) => Some(old),
        // One that is damaged is of no use to anybody.
        Found::Ours(_) | Found::Nothing => None,
    };
    switch::switch(log.store(), old.as_ref(), &mut projector, drop).await?;
    sole.release().await;
    Ok((Arc::clone(projector.generation()), true))
}
