//! The folder in which bodies wait to be imported, and in which the results of each record are kept.
//!
//! A body may hold personal data: the operator names the folder, only this user can read the files, and each is removed
//! when its job is over. Results hold no more than ids of records and messages. No name of a sender's file is a name
//! here.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use uuid::Uuid;

use crate::store::private;

/// How long the results of a job are kept.
pub(super) const RESULTS_KEPT: Duration = Duration::from_hours(30 * 24);
/// The longest pause of a sender.
const SLOWEST: Duration = Duration::from_secs(30);
/// How long a body that belongs to no job is kept: it may be arriving at another server.
const LEFT_OVER: Duration = Duration::from_hours(1);

/// The folder. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct Spool(Arc<Path>);

/// Why a body was not received.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReceiveError {
    /// It is larger than allowed.
    #[error("the body is too large")]
    TooLarge,
    /// The sender went away, or sent something that is no HTTP.
    #[error("the body was cut off")]
    Broken,
    /// The folder cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The files of a job that is being taken. They are removed with it unless they are kept.
#[derive(Debug)]
pub(super) struct Held {
    spool: Spool,
    job: Uuid,
    is_kept: bool,
}

impl Held {
    /// Keeps the files for the job.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_kept {
            self.spool.remove_inputs(self.job);
        }
    }
}

impl Spool {
    /// The folder at this path, which is made if it does not exist.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path)?;
        Ok(Self(path.into()))
    }

    /// The files of a new job.
    pub(super) fn hold(&self, job: Uuid) -> Held {
        Held { spool: self.clone(), job, is_kept: false }
    }

    /// Where the body of a job is before it is split into files.
    pub(super) fn body(&self, job: Uuid) -> PathBuf {
        self.0.join(format!("{job}.body"))
    }

    /// Where a file of a job is.
    pub(super) fn input(&self, job: Uuid, nth: usize) -> PathBuf {
        self.0.join(format!("{job}.{nth}.input"))
    }

    /// Where the results of a job are.
    pub(super) fn results(&self, job: Uuid) -> PathBuf {
        self.0.join(format!("{job}.results.csv"))
    }

    /// Makes a file that only this user can read.
    pub(super) fn new_file(path: &Path) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::new(private().write(true).create(true).truncate(true).open(path)?))
    }

    /// Writes a body to its file as it arrives. Returns its size.
    pub(super) async fn receive<B: AsRef<[u8]>, E>(
        &self,
        job: Uuid,
        body: impl Stream<Item = Result<B, E>>,
        most: u64,
    ) -> Result<u64, ReceiveError> {
        let file = private().write(true).create(true).truncate(true).open(self.body(job))?;
        let mut file = tokio::io::BufWriter::new(tokio::fs::File::from_std(file));
        let mut body = std::pin::pin!(body);
        let mut received = 0;
        // Places for bodies are few, so a sender who stops is not waited for.
        while let Some(piece) = timeout(SLOWEST, body.next()).await.map_err(|_| ReceiveError::Broken)? {
            let piece = piece.map_err(|_| ReceiveError::Broken)?;
            received += piece.as_ref().len() as u64;
            if received > most {
                return Err(ReceiveError::TooLarge);
            }
            file.write_all(piece.as_ref()).await?;
        }
        file.flush().await?;
        Ok(received)
    }

    /// A file of a job, to be read. From here on it is there after a power cut.
    pub(super) fn settled(&self, job: Uuid, nth: usize) -> io::Result<File> {
        let file = File::open(self.input(job, nth))?;
        file.sync_all()?;
        // A folder has its names for good only once it was synced itself.
        #[cfg(unix)]
        File::open(&self.0)?.sync_all()?;
        Ok(file)
    }

    /// Removes the body and the files of a job. What cannot be removed now is removed by [`Self::tidy`].
    pub(super) fn remove_inputs(&self, job: Uuid) {
        for path in self.files() {
            if job_of(&path) == Some(job) && !is_results(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Removes what belongs to no unfinished job and is old.
    pub(super) fn tidy(&self, unfinished: &HashSet<Uuid>, now: SystemTime) {
        for path in self.files() {
            let Some(job) = job_of(&path) else { continue };
            let kept = if is_results(&path) { RESULTS_KEPT } else { LEFT_OVER };
            let modified = fs::metadata(&path).and_then(|of| of.modified());
            let age = modified.ok().and_then(|at| now.duration_since(at).ok());
            if !unfinished.contains(&job) && age.is_some_and(|age| age > kept) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(&self.0).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
        listed.unwrap_or_default()
    }
}

/// The job to which a file of the folder belongs. `None` for what is not ours.
fn job_of(path: &Path) -> Option<Uuid> {
    let name = path.file_name()?.to_str()?;
    let (job, rest) = name.split_once('.')?;
    let is_ours = rest == "body" || rest == "results.csv" || ending_of(path) == Some("input");
    job.parse().ok().filter(|_| is_ours)
}

fn ending_of(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

fn is_results(path: &Path) -> bool {
    ending_of(path) == Some("csv")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("a file").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_or_breaks_off_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::at(folder.path()).expect("it is there");
        let job = Uuid::from_u128(1);
        let pieces = || futures_util::stream::iter([Ok::<_, ()>(vec![1_u8; 10]), Ok(vec![2; 10])]);
        {
            let _held = spool.hold(job);
            assert!(matches!(spool.receive(job, pieces(), 19).await, Err(ReceiveError::TooLarge)));
            let broken = futures_util::stream::iter([Ok(vec![1_u8]), Err(())]);
            assert!(matches!(spool.receive(job, broken, 19).await, Err(ReceiveError::Broken)));
        }
        assert_eq!(names(folder.path()), Vec::<String>::new());
        let held = spool.hold(job);
        assert_eq!(spool.receive(job, pieces(), 20).await.expect("it fits"), 20);
        held.keep();
        assert_eq!(names(folder.path()), [format!("{job}.body")]);
    }

    #[cfg(unix)]
    #[test]
    fn only_this_user_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("imports");
        let spool = Spool::at(&inner).expect("it is made");
        let path = spool.input(Uuid::from_u128(1), 0);
        drop(Spool::new_file(&path).expect("a file"));
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&inner)), (0o600, 0o700));
    }

    #[test]
    fn only_old_files_of_jobs_that_are_over_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::at(folder.path()).expect("it is there");
        let (over, waits) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for path in [spool.input(over, 0), spool.results(over), spool.input(waits, 0), folder.path().join("notes.csv")]
        {
            fs::write(path, "x").expect("written");
        }
        let unfinished = HashSet::from([waits]);
        let now = SystemTime::from(Clock::Machine.now());
        let after = |time: Duration| now + time;
        spool.tidy(&unfinished, now);
        assert_eq!(names(folder.path()).len(), 4);
        spool.tidy(&unfinished, after(LEFT_OVER * 2));
        assert!(!spool.input(over, 0).exists() && spool.results(over).exists());
        spool.tidy(&unfinished, after(RESULTS_KEPT * 2));
        assert_eq!(names(folder.path()), [format!("{waits}.0.input"), "notes.csv".to_owned()]);
    }
}
