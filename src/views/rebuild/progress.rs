//! The progress of a rebuild, for callers that wait, and the signal to cancel it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::ViewError;

/// How often watchers get an update.
const EVERY: Duration = Duration::from_millis(100);

/// The phase of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for the right to build, and finds out what to do.
    Preparing,
    /// It reads the log and writes rows.
    Folding,
    /// It creates the indexes of the new tables.
    Indexing,
    /// It compares the rows written with the rows in the tables.
    Verifying,
    /// It applies events recorded meanwhile.
    CatchingUp,
    /// It makes the new view live.
    Switching,
    /// The new view is live.
    Done,
    /// It was cancelled. Nothing was kept.
    Cancelled,
    /// It failed. Nothing was kept, and the log of the service has the reason.
    Failed,
}

impl Phase {
    /// Whether the rebuild has ended.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// The progress of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The number of the generation being built. Zero until it has one.
    pub generation: i64,
    /// The current phase.
    pub phase: Phase,
    /// Half of the number of events read plus half of the number of events whose rows are written.
    pub events: i64,
    /// The total number of events.
    pub of: i64,
    /// Events a second so far.
    pub rate: f64,
    /// The remaining time at this rate. `None` before there is a rate.
    pub eta: Option<Duration>,
}

/// Counts the work done in a rebuild and informs watchers.
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
    reported_at: Instant,
}

impl Meter {
    /// A meter at the start of a rebuild.
    pub(in super::super) fn new(watched: watch::Sender<Option<Progress>>) -> Self {
        let began = Instant::now();
        let state = Mutex::new(State { generation: 0, phase: Phase::Preparing, of: 0, reported_at: began });
        let (read, written, is_cancelled) = (AtomicI64::new(0), AtomicI64::new(0), AtomicBool::new(false));
        let meter = Self { watched, began, state, read, written, is_cancelled };
        meter.enters(Phase::Preparing);
        meter
    }

    /// Cancels the rebuild.
    pub(in super::super) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns an error once the rebuild was cancelled.
    pub(in super::super) fn check(&self) -> Result<(), ViewError> {
        if self.is_cancelled.load(Ordering::Relaxed) { Err(ViewError::Cancelled) } else { Ok(()) }
    }

    /// Sets the generation being built and its number of events.
    pub(super) fn builds(&self, generation: i64, of: i64) {
        let mut state = self.state();
        (state.generation, state.of) = (generation, of);
    }

    /// Enters another phase.
    pub(in super::super) fn enters(&self, phase: Phase) {
        self.state().phase = phase;
        self.tell();
    }

    pub(super) fn has_read(&self, events: i64) {
        self.read.fetch_add(events, Ordering::Relaxed);
        self.tell_at_intervals();
    }

    pub(super) fn has_written(&self, events: i64) {
        self.written.fetch_add(events, Ordering::Relaxed);
        self.tell_at_intervals();
    }

    fn tell_at_intervals(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && state.reported_at.elapsed() >= EVERY
        {
            state.reported_at = Instant::now();
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
        self.state.lock().expect("no panic while holding it")
    }
}
