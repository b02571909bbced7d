//! Import jobs: files and events that other systems send to a running server, imported in the background.
//!
//! A body is streamed to a file in the folder that the operator names, and a job is stored. One process of all runs the
//! jobs: those of one source one after the other, in the order in which they were taken. A job that was interrupted is
//! begun anew, which records nothing twice. It never interprets a row (the import does), and never keeps a body once its
//! job is over.

pub mod form;
pub mod job;
pub mod sources;

mod events;
mod multipart;
mod results;
mod run;
mod spool;
mod tables;
mod take;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::access::{InScope, Scope};
use crate::clock::Clock;
use crate::log::Log;
use crate::record::Recorder;
use crate::store::{SoleImporter, StoreError};
use crate::telemetry::repeated::Repeated;
use crate::views::Views;
use job::{End, Job, Progress, Quarantined, State};
use sources::{Source, Sources};
use spool::Spool;
use tables::Tables;

pub use tables::STATEMENTS;
pub use take::{SentBody, TakeError, Taken};

static CANNOT_LIST: Repeated = Repeated::of("the imports cannot be read");
static CANNOT_ASK: Repeated = Repeated::of("the right to run imports cannot be taken");

/// How often jobs are looked up that another process may have taken, and the right to run them is checked.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often old files are removed.
const TIDY_AGAIN: Duration = Duration::from_hours(1);
/// The most jobs at the same time, each of another source.
const AT_ONCE: usize = 2;

/// How much other systems may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a body of files.
    pub files: u64,
    /// The most bytes of a body of events.
    pub events: u64,
    /// The most jobs of a source that are not over.
    pub waiting: i64,
    /// The most bodies that arrive at the same time.
    pub receiving: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 512 << 20, events: 64 << 20, waiting: 20, receiving: 4 }
    }
}

/// Where a server keeps bodies, and from which sources it takes them.
#[derive(Debug)]
pub struct Terms {
    spool: Spool,
    sources: Sources,
    limits: Limits,
    receiving: Semaphore,
}

impl Terms {
    /// The terms with this folder for bodies, which is made if it does not exist.
    pub fn of(folder: &Path, sources: Sources, limits: Limits) -> io::Result<Self> {
        Ok(Self { spool: Spool::at(folder)?, sources, limits, receiving: Semaphore::new(limits.receiving) })
    }
}

/// The import jobs of a deployment. Clones are handles to the same.
#[derive(Clone)]
pub struct ImportJobs {
    shared: Arc<Shared>,
    /// None: this server takes none.
    terms: Option<Arc<Terms>>,
}

struct Shared {
    views: Views,
    clock: Arc<Clock>,
    tables: Tables,
    /// Counts changes of jobs by this process.
    changed: watch::Sender<u64>,
}

/// A task that ends when it is dropped.
struct Task {
    job: Uuid,
    running: JoinHandle<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Why a job was not cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCancelled {
    /// No job of a contract in scope has this id.
    NotFound,
    /// The job is over.
    Ended,
}

impl ImportJobs {
    /// The jobs of an open store. None are taken until there are terms, and none are run until
    /// [`ImportJobs::keep_running`] does.
    pub fn of(log: &Log, views: &Views, clock: &Arc<Clock>) -> Self {
        let shared = Shared {
            views: views.clone(),
            clock: Arc::clone(clock),
            tables: Tables::of(Arc::clone(log.store())),
            changed: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared), terms: None }
    }

    /// The same jobs, taken under these terms.
    #[must_use]
    pub fn under(self, terms: Terms) -> Self {
        Self { terms: Some(Arc::new(terms)), ..self }
    }

    /// The source with this name, if its contract is open and in scope.
    pub fn source(&self, scope: &Scope, name: &str) -> Option<Source> {
        let mapped = self.terms.as_ref().and_then(|terms| terms.sources.find(name));
        // A source of another contract, with the name of this one, does not stand in the way.
        let mapped = mapped.filter(|mapped| scope.contract(&mapped.contract).is_some()).cloned();
        let source = mapped.unwrap_or_else(|| Source::of_contract(name));
        let scoped = scope.contract(&source.contract)?;
        self.shared.views.live().contract_state(scoped)?;
        Some(source)
    }

    /// The job with this id, if its contract is in scope.
    pub async fn find(&self, scope: &Scope, id: Uuid) -> Result<Option<Job>, StoreError> {
        let found = self.shared.tables.find(id).await?;
        Ok(found.filter(|found| scope.contract(&found.contract).is_some()))
    }

    /// Those with these ids whose contract is in scope.
    pub async fn find_all(&self, scope: &Scope, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
        let mut found = self.shared.tables.find_all(ids).await?;
        found.retain(|found| scope.contract(&found.contract).is_some());
        Ok(found)
    }

    /// The jobs of a source in a contract before a number, at most `most`, newest first.
    pub async fn of_source(
        &self,
        (source, scope): (&str, InScope<'_>),
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let of = (source, scope.contract());
        self.shared.tables.of_source(of, before.unwrap_or(i64::MAX), i64::from(most)).await
    }

    /// The number of jobs of a source in a contract.
    pub async fn count_of_source(&self, source: &str, scope: InScope<'_>) -> Result<i64, StoreError> {
        self.shared.tables.count((source, scope.contract())).await
    }

    /// The quarantined records of a job after a number. Those of a job that ended a month ago are gone.
    pub async fn quarantined(&self, of: &Job, after: Option<i64>, most: u32) -> Result<Vec<Quarantined>, StoreError> {
        self.shared.tables.quarantined(of.id, after.unwrap_or(0), i64::from(most)).await
    }

    /// The number of quarantined records of a job.
    pub async fn count_quarantined(&self, of: &Job) -> Result<i64, StoreError> {
        self.shared.tables.count_quarantined(of.id).await
    }

    /// The file with the result of each record of a job, if this server has it.
    pub async fn results(&self, of: &Job) -> io::Result<Option<tokio::fs::File>> {
        let Some(terms) = self.terms.as_ref().filter(|_| of.state.is_ended()) else { return Ok(None) };
        match tokio::fs::File::open(terms.spool.results(of.id)).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks to cancel a job. One that is running ends after the records that are being recorded.
    pub async fn cancel(&self, scope: &Scope, id: Uuid) -> Result<Result<Job, NotCancelled>, StoreError> {
        let Some(found) = self.find(scope, id).await? else { return Ok(Err(NotCancelled::NotFound)) };
        if !self.shared.tables.cancel(found.id).await? {
            return Ok(Err(NotCancelled::Ended));
        }
        self.announce();
        let now = self.shared.tables.find(found.id).await?;
        Ok(now.ok_or(NotCancelled::NotFound))
    }

    /// Runs what waits, for as long as it runs. If another process does, it waits until that one has ended. Without
    /// terms it ends at once.
    pub async fn keep_running(self, recorder: Recorder) {
        let Some(terms) = self.terms.clone() else { return };
        loop {
            match self.shared.tables.store().sole_importer_now().await {
                Ok(Some(right)) => self.run_with(right, &terms, &recorder).await,
                Ok(None) => {}
                Err(error) => CANNOT_ASK.met(&error),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Keeps a task for the first job of each source until the right is lost.
    async fn run_with(&self, mut right: SoleImporter, terms: &Arc<Terms>, recorder: &Recorder) {
        let mut tasks: HashMap<(String, String), Task> = HashMap::new();
        let mut changed = self.shared.changed.subscribe();
        let mut tidied: Option<Instant> = None;
        while right.is_held().await {
            changed.mark_unchanged();
            match self.shared.tables.unfinished().await {
                Ok(jobs) => {
                    if tidied.is_none_or(|at| at.elapsed() > TIDY_AGAIN) {
                        self.tidy(terms, &jobs).await;
                        tidied = Some(Instant::now());
                    }
                    self.start(jobs, &mut tasks, (terms, recorder)).await;
                }
                Err(error) => CANNOT_LIST.met(&error),
            }
            // A timeout is as good as a change: another process announces none.
            let _ = tokio::time::timeout(LOOK_AGAIN, changed.changed()).await;
        }
        tracing::warn!("the right to run imports was lost");
    }

    /// Starts the first job of each source that has none, and ends those that were cancelled while they waited.
    async fn start(
        &self,
        jobs: Vec<Job>,
        tasks: &mut HashMap<(String, String), Task>,
        (terms, recorder): (&Arc<Terms>, &Recorder),
    ) {
        tasks.retain(|_, task| !task.running.is_finished());
        for job in jobs {
            let of = (job.source.clone(), job.contract.clone());
            let is_running = tasks.get(&of).is_some_and(|task| task.job == job.id);
            if job.is_cancelled && !is_running {
                self.end_cancelled(terms, &job).await;
            } else if tasks.len() < AT_ONCE && !tasks.contains_key(&of) {
                let run = run::run(self.clone(), Arc::clone(terms), recorder.clone(), job.clone());
                tasks.insert(of, Task { job: job.id, running: tokio::spawn(run) });
            }
        }
    }

    /// Ends a job that was cancelled while it waited.
    async fn end_cancelled(&self, terms: &Terms, job: &Job) {
        let end = End { state: State::Cancelled, reason: None, not_compared: None, at: self.shared.clock.now() };
        // An earlier attempt may have recorded something: its counts stay.
        let so_far = Progress { counts: job.counts, file: job.file.clone(), line: job.line, ..Progress::default() };
        match self.shared.tables.store_progress(job.id, so_far, Some(end)).await {
            Ok(()) => terms.spool.remove_inputs(job.id),
            Err(error) => CANNOT_LIST.met(&error),
        }
    }

    /// Removes what is no longer needed.
    async fn tidy(&self, terms: &Arc<Terms>, unfinished: &[Job]) {
        let (spool, unfinished) = (terms.spool.clone(), unfinished.iter().map(|job| job.id).collect::<HashSet<_>>());
        let tidied = tokio::task::spawn_blocking(move || spool.tidy(&unfinished, Clock::Machine.now().into())).await;
        if let Err(error) = tidied {
            CANNOT_LIST.met(&error);
        }
        if let Err(error) = self.shared.tables.release_older(self.shared.clock.now() - spool::RESULTS_KEPT).await {
            CANNOT_LIST.met(&error);
        }
    }

    /// Lets the task that starts jobs look again.
    fn announce(&self) {
        self.shared.changed.send_modify(|changes| *changes += 1);
    }
}
