//! How far a rebuild is, for whoever waits for it, and the word to stop it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::ViewError;

/// How often whoever watches hears of it.
const EVERY: Duration = Duration::from_millis(100);

/// What a rebuild is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for the right to build, and finds out what there is to do.
    Preparing,
    /// It reads the log and writes rows.
    Folding,
    /// It makes the indexes of the new tables.
    Indexing,
    /// It compares what was written with what was read.
    Verifying,
    /// It takes in what was recorded meanwhile.
    CatchingUp,
    /// It makes the new view the live one.
    Switching,
    /// The new view is live.
    Done,
    /// It was told to stop; nothing of it is left.
    Cancelled,
    /// It failed; nothing of it is left, and the log of the service says why.
    Failed,
}

impl Phase {
    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The number of the generation that is built; zero until it has one.
    pub generation: i64,
    /// What it is at.
    pub phase: Phase,
    /// Events of the log that are read and whose rows are written, each half of the work.
    pub events: i64,
    /// How many there are to do.
    pub of: i64,
    /// Events a second, so far.
    pub rate: f64,
    /// How long the rest of them takes at this rate; none before there is a rate.
    pub eta: Option<Duration>,
}

/// Counts what a rebuild has done and tells whoever watches.
#[derive(Debug)]
pub(in super::super) struct Meter {
    watched: watch::Sender<Option<Progress>>,
    began: Instant,
    state: Mutex<State>,
    read: AtomicI64,
    written: AtomicI64,
    is_cancelled: AtomicBool,
}

#[derive(Debug)]
struct State {
    generation: i64,
    phase: Phase,
    of: i64,
    told: Instant,
}

impl Meter {
    /// A meter at the beginning of a rebuild.
    pub(in super::super) fn new(watched: watch::Sender<Option<Progress>>) -> Self {
        let began = Instant::now();
        let state = Mutex::new(State { generation: 0, phase: Phase::Preparing, of: 0, told: began });
        let (read, written, is_cancelled) = (AtomicI64::new(0), AtomicI64::new(0), AtomicBool::new(false));
        let meter = Self { watched, began, state, read, written, is_cancelled };
        meter.enters(Phase::Preparing);
        meter
    }

    /// Tells the rebuild to stop.
    pub(in super::super) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Fails once the rebuild was told to stop.
    pub(in super::super) fn check(&self) -> Result<(), ViewError> {
        if self.is_cancelled.load(Ordering::Relaxed) { Err(ViewError::Cancelled) } else { Ok(()) }
    }

    /// It builds this generation, out of so many events.
    pub(super) fn builds(&self, generation: i64, of: i64) {
        let mut state = self.state();
        (state.generation, state.of) = (generation, of);
    }

    /// It goes on to something else.
    pub(in super::super) fn enters(&self, phase: Phase) {
        self.state().phase = phase;
        self.tell();
    }

    pub(super) fn has_read(&self, events: i64) {
        self.read.fetch_add(events, Ordering::Relaxed);
        self.tell_now_and_then();
    }

    pub(super) fn has_written(&self, events: i64) {
        self.written.fetch_add(events, Ordering::Relaxed);
        self.tell_now_and_then();
    }

    fn tell_now_and_then(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && state.told.elapsed() >= EVERY
        {
            state.told = Instant::now();
            drop(state);
            self.tell();
        }
    }

    fn tell(&self) {
        let events = self.read.load(Ordering::Relaxed).midpoint(self.written.load(Ordering::Relaxed));
        let State { generation, phase, of, .. } = *self.state();
        let took = self.began.elapsed().as_secs_f64();
        let counted = |count: i64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let rate = if took > 0.0 { counted(events) / took } else { 0.0 };
        let eta = (rate > 0.0).then(|| Duration::from_secs_f64(counted(of - events) / rate));
        self.watched.send_replace(Some(Progress { generation, phase, events, of, rate, eta }));
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}
