//! Runs one job: imports its files, stores how far it is, and ends it.
//!
//! What a job may record is decided for each command, as for any other. Commands go to the recorder in portions, so that
//! those of other people are not held up.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::form::EVENTS_STORED;
use super::job::{End, Job, Progress, State};
use super::results::Results;
use super::{ImportJobs, Terms};
use crate::access::{Principal, Scope};
use crate::causes;
use crate::import::mapped::{RowResult, SourceFile};
use crate::import::read::Unfit;
use crate::import::{Import, ImportError};
use crate::log::LogError;
use crate::record::Recorder;
use crate::store::is_outage;
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::event::RunEnd;

static CANNOT_STORE: Repeated = Repeated::of("the progress of an import cannot be stored");
static INTERRUPTED: Repeated = Repeated::warning("an import was interrupted, and is begun anew");

/// How often the progress of a job is stored.
const STORE_AGAIN: Duration = Duration::from_millis(500);
/// The wait before an interrupted job is begun anew.
const BEGIN_AGAIN: Duration = Duration::from_secs(10);
/// The most commands of a job that wait for the append task at the same time.
const PORTION: usize = 32;

/// Why a job could not be imported to its end.
#[derive(Debug, thiserror::Error)]
enum RunError {
    /// The import stopped.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The folder cannot be read or written.
    #[error("the folder of imports cannot be used")]
    Folder(#[from] io::Error),
    /// The mapping of the source is gone.
    #[error("this server has no mapping of the source any more: send the file again when it has one")]
    NoMapping,
}

impl RunError {
    /// Whether the same job may succeed later.
    fn is_interruption(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if is_outage(error) {
                return true;
            }
            cause = error.source();
        }
        matches!(
            self,
            Self::Import(ImportError::Log(LogError::NotBegun | LogError::Unreachable | LogError::ClockOff(_)))
        )
    }

    /// What the sender reads about it.
    fn reason(&self) -> String {
        match self {
            Self::Import(ImportError::Unfit { file, unfit: unfit @ Unfit::Wrong { .. } }) => format!("{file}: {unfit}"),
            Self::Import(ImportError::NoContract(code)) => format!("the contract {code:?} is not open"),
            Self::Import(ImportError::Area { .. }) => {
                "the rows name no area, and the rulebook has no default_area: give the mapping an area".to_owned()
            }
            Self::Folder(error) if error.kind() == io::ErrorKind::NotFound => {
                "the file of this import is not in the folder of the server that runs imports: give all servers the \
                 same folder, and send the file again"
                    .to_owned()
            }
            Self::NoMapping => self.to_string(),
            Self::Import(_) | Self::Folder(_) => "internal error: see the log of the service".to_owned(),
        }
    }

    /// Whether the sender cannot help it.
    fn is_fault(&self) -> bool {
        match self {
            Self::Import(error) => !matches!(
                error,
                ImportError::NoContract(_)
                    | ImportError::Area { .. }
                    | ImportError::Unfit { unfit: Unfit::Wrong { .. }, .. }
            ),
            Self::Folder(_) => true,
            Self::NoMapping => false,
        }
    }
}

/// What was found at the end of an import.
#[derive(Debug, Default)]
struct Imported {
    journeys: i64,
    not_compared: Option<String>,
}

/// Runs a job until it is over, or interrupted by the store. An interrupted job does not change, and is begun anew.
pub(super) async fn run(jobs: ImportJobs, terms: Arc<Terms>, recorder: Recorder, job: Job) {
    let tables = &jobs.shared.tables;
    match tables.begin(job.id, jobs.shared.clock.now()).await {
        Ok(true) => {}
        Ok(false) => return jobs.announce(),
        Err(error) => {
            CANNOT_STORE.met(&error);
            tokio::time::sleep(BEGIN_AGAIN).await;
            return jobs.announce();
        }
    }
    let progress = Arc::new(Mutex::new(Progress::default()));
    let imported = imported(&jobs, &terms, &recorder, (&job, &progress)).await;
    let mut end = End { state: State::Finished, reason: None, not_compared: None, at: jobs.shared.clock.now() };
    match imported {
        Some(Ok(imported)) => {
            progress.lock().expect("no panic while counting").counts.journeys = imported.journeys;
            end.not_compared = imported.not_compared;
        }
        None => end.state = State::Cancelled,
        Some(Err(error)) if error.is_interruption() => {
            INTERRUPTED.met(&error);
            tokio::time::sleep(BEGIN_AGAIN).await;
            return jobs.announce();
        }
        Some(Err(error)) => {
            if error.is_fault() {
                tracing::error!(job = %job.id, error = causes::in_words(&error), "an import failed");
            }
            (end.state, end.reason) = (State::Failed, Some(error.reason()));
        }
    }
    let last = taken(&progress);
    match tables.store_progress(job.id, last, Some(end)).await {
        Ok(()) => terms.spool.remove_inputs(job.id),
        Err(error) => {
            // The job stays as running, and doing it again records nothing.
            CANNOT_STORE.met(&error);
            tokio::time::sleep(BEGIN_AGAIN).await;
        }
    }
    jobs.announce();
}

/// Imports the files of a job. `None` if it was cancelled.
async fn imported(
    jobs: &ImportJobs,
    terms: &Terms,
    recorder: &Recorder,
    (job, progress): (&Job, &Arc<Mutex<Progress>>),
) -> Option<Result<Imported, RunError>> {
    let is_stopped = AtomicBool::new(false);
    let mut importing = Box::pin(import(terms, recorder, (job, &is_stopped), progress));
    loop {
        tokio::select! {
            done = &mut importing => return done.transpose(),
            () = tokio::time::sleep(STORE_AGAIN) => {}
        }
        let so_far = taken(progress);
        let quarantined = so_far.quarantined.clone();
        if let Err(error) = jobs.shared.tables.store_progress(job.id, so_far, None).await {
            CANNOT_STORE.met(&error);
            progress.lock().expect("no panic while counting").quarantined.splice(0..0, quarantined);
        }
        if jobs.shared.tables.is_cancelled(job.id).await.is_ok_and(|is_cancelled| is_cancelled) {
            if job.form == EVENTS_STORED {
                return None;
            }
            // Files are a run, which is recorded as stopped.
            is_stopped.store(true, Ordering::Relaxed);
        }
    }
}

/// Imports the files of a job. `None` if it was stopped.
async fn import(
    terms: &Terms,
    recorder: &Recorder,
    (job, is_stopped): (&Job, &AtomicBool),
    progress: &Arc<Mutex<Progress>>,
) -> Result<Option<Imported>, RunError> {
    let contracts = BTreeSet::from([job.contract.clone()]);
    let principal = Principal { subject: job.sender.clone(), role: job.role, scope: Scope::Contracts(contracts) };
    let recorder = recorder.in_portions(PORTION);
    let import = Import { recorder: &recorder, principal: &principal, contract: &job.contract };
    let path = terms.spool.results(job.id);
    let mut results = Results::begin(&path, job.files.clone(), Arc::clone(progress))?;
    let imported = if job.form == EVENTS_STORED {
        let file = File::open(terms.spool.input(job.id, 0))?;
        import.ndjson(file, |row| results.of_event(row)).await?;
        Some(Imported::default())
    } else {
        let source = terms.sources.find(&job.source).filter(|source| source.contract == job.contract);
        let mapping = source.and_then(|source| source.mapping.clone()).ok_or(RunError::NoMapping)?;
        let named = job.files.iter().enumerate();
        let files: Vec<SourceFile> =
            named.map(|(nth, name)| SourceFile { name: name.clone(), path: terms.spool.input(job.id, nth) }).collect();
        let report = |result: &RowResult| results.of_record(result);
        let summary = import.mapped_until(is_stopped, &mapping, (files.as_slice(), None), report).await;
        let (summary, ended) = summary.map_err(|error| match error {
            // The file itself is away, not the text in it.
            ImportError::Unfit { unfit: Unfit::File { source, .. }, .. } => RunError::Folder(source),
            other => other.into(),
        })?;
        let journeys = i64::try_from(summary.journeys).unwrap_or(i64::MAX);
        (ended == RunEnd::Completed).then_some(Imported { journeys, not_compared: summary.not_compared })
    };
    results.end()?;
    Ok(imported)
}

/// What is to be stored: the counts, and the quarantined records that are not stored yet.
fn taken(progress: &Mutex<Progress>) -> Progress {
    let mut progress = progress.lock().expect("no panic while counting");
    let quarantined = std::mem::take(&mut progress.quarantined);
    Progress { quarantined, ..progress.clone() }
}
