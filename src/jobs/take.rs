//! Takes a body: streams it to a file, looks at its form, and stores a job, unless it is one that was sent before.
//!
//! It reads no row. What it refuses leaves no file and no job.

use std::fs::{self, File};
use std::io;
use std::time::Duration;

use futures_util::Stream;
use uuid::Uuid;

use super::form::{EVENTS_STORED, Form};
use super::job::{Job, NewJob};
use super::multipart::{self, SplitError, plain_name};
use super::sources::Source;
use super::spool::{ReceiveError, Spool};
use super::tables::Stored;
use super::{ImportJobs, events};
use crate::access::Principal;
use crate::clock::Chance;
use crate::import::lines::digest_of;
use crate::store::StoreError;

/// When to send again if the source has too many jobs, or too many bodies arrive.
const AGAIN: Duration = Duration::from_secs(30);
/// The most characters of the key of a request.
const KEY_MAX: usize = 200;

/// What is sent with a body.
#[derive(Debug, Clone)]
pub struct SentBody<'a> {
    /// The sender.
    pub principal: &'a Principal,
    /// The form of the body.
    pub form: Form,
    /// The header `Content-Type`, which has the boundary of several files.
    pub content_type: &'a str,
    /// The name of the file, if it was given.
    pub name: Option<&'a str>,
    /// The key of the request, if it was given. The same key is the same job.
    pub request: Option<&'a str>,
    /// The bytes that the body says it has.
    pub length: Option<u64>,
}

/// A job that was taken.
#[derive(Debug)]
pub struct Taken {
    /// The job.
    pub job: Job,
    /// Whether it had been taken before.
    pub is_repeated: bool,
}

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// This server takes none.
    #[error("this server takes no imports: start it with --import-folder")]
    NoFolder,
    /// The source has too many jobs that are not over.
    #[error("this source has {0} imports that are not over: wait for one of them, then send this again")]
    Waiting(i64),
    /// Too many bodies arrive at this moment.
    #[error("other imports are arriving: send this again after Retry-After")]
    Busy,
    /// The body is too large.
    #[error("the body has more than {} MiB: send it in several parts, or import the file on the command line", .0 >> 20)]
    TooLarge(u64),
    /// The sender went away.
    #[error("the body was cut off: send it again")]
    Broken,
    /// The body is not what its type says.
    #[error("{0}")]
    Unfit(String),
    /// The key of the request is too long, or no text.
    #[error("Idempotency-Key has 1 to {} characters: use a UUID", KEY_MAX)]
    Key,
    /// The key of the request was used for another body.
    #[error("this Idempotency-Key was used for another import: give every import a new key")]
    KeyReused,
    /// The folder is full.
    #[error("there is no room for the body: ask the operator of this server")]
    Full,
    /// The folder cannot be written.
    #[error("the body cannot be stored")]
    Folder(#[source] io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TakeError {
    /// When to send again, if that may help.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Waiting(_) | Self::Busy | Self::Store(_) | Self::Full => Some(AGAIN),
            _ => None,
        }
    }
}

impl From<io::Error> for TakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Folder(error),
        }
    }
}

impl ImportJobs {
    /// Takes a body of a source as a job. A key that the sender used before gives the job of that time. So does a body
    /// that is the same as that of the source's newest job, as long as that one is not over.
    pub async fn take<B: AsRef<[u8]>, E>(
        &self,
        source: &Source,
        sent: SentBody<'_>,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<Taken, TakeError> {
        let terms = self.terms.as_ref().ok_or(TakeError::NoFolder)?;
        let request = sent.request.map(key).transpose()?;
        let most = if sent.form.is_events() { terms.limits.events } else { terms.limits.files };
        if sent.length.is_some_and(|length| length > most) {
            return Err(TakeError::TooLarge(most));
        }
        let tables = &self.shared.tables;
        let waiting = tables.count_waiting((&source.name, &source.contract)).await?;
        if waiting >= terms.limits.waiting {
            return Err(TakeError::Waiting(waiting));
        }
        let _place = terms.receiving.try_acquire().map_err(|_| TakeError::Busy)?;
        let now = self.shared.clock.now();
        let id = Chance::System.id_at(now);
        let held = terms.spool.hold(id);
        let size = terms.spool.receive(id, body, most).await.map_err(|error| match error {
            ReceiveError::TooLarge => TakeError::TooLarge(most),
            ReceiveError::Broken => TakeError::Broken,
            ReceiveError::Io(error) => error.into(),
        })?;
        let name = sent.name.and_then(plain_name).unwrap_or_else(|| format!("{}.{}", source.name, sent.form.as_str()));
        let unpacking = Unpacking { spool: terms.spool.clone(), job: id, form: sent.form, name };
        let content_type = sent.content_type.to_owned();
        let unpacked = tokio::task::spawn_blocking(move || unpacking.unpack(&content_type)).await;
        let (files, digest) = unpacked.map_err(|_| TakeError::Broken)??;
        let new = NewJob {
            id,
            source: source.name.clone(),
            contract: source.contract.clone(),
            form: sent.form.as_str(),
            files,
            digest,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            sender: sent.principal.subject.clone(),
            role: sent.principal.role.as_str(),
            request,
            created_at: now,
        };
        if let Some(before) = self.taken_before(&new).await? {
            return Ok(Taken { job: before, is_repeated: true });
        }
        match tables.insert(&new).await? {
            Stored::New(job) => {
                held.keep();
                self.announce();
                Ok(Taken { job: *job, is_repeated: false })
            }
            Stored::Before(job) => Ok(Taken { job: same(*job, &new)?, is_repeated: true }),
        }
    }

    /// The job that a body is, if it was sent before.
    async fn taken_before(&self, new: &NewJob) -> Result<Option<Job>, TakeError> {
        if let Some(before) = self.shared.tables.of_request(new).await? {
            return same(before, new).map(Some);
        }
        if new.request.is_some() {
            return Ok(None);
        }
        let newest = self.shared.tables.newest(new).await?;
        Ok(newest.filter(|newest| {
            let is_same = newest.digest == new.digest && newest.form == new.form;
            is_same && newest.sender == new.sender && !newest.state.is_ended() && !newest.is_cancelled
        }))
    }
}

/// The job of a key, if it was used for the same body.
fn same(before: Job, new: &NewJob) -> Result<Job, TakeError> {
    let is_same = before.digest == new.digest && before.source == new.source && before.contract == new.contract;
    if is_same { Ok(before) } else { Err(TakeError::KeyReused) }
}

fn key(key: &str) -> Result<String, TakeError> {
    let is_plain = key.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if key.is_empty() || key.len() > KEY_MAX || !is_plain { Err(TakeError::Key) } else { Ok(key.to_owned()) }
}

/// A body that is being looked at.
struct Unpacking {
    spool: Spool,
    job: Uuid,
    form: Form,
    name: String,
}

impl Unpacking {
    /// Turns the body into the files that are imported. Returns their names, and a digest of names and contents.
    fn unpack(self, content_type: &str) -> Result<(Vec<String>, String), TakeError> {
        let (body, first) = (self.spool.body(self.job), self.spool.input(self.job, 0));
        let names = match self.form {
            Form::File(_) => {
                fs::rename(&body, &first)?;
                vec![self.name]
            }
            Form::Event | Form::Events => {
                let (from, mut to) = (File::open(&body)?, Spool::new_file(&first)?);
                let written = match self.form {
                    Form::Event => events::one(from, &mut to),
                    _ => events::batch(from, &mut to),
                };
                written.map_err(|error| match error {
                    events::LinesError::Io(error) => error.into(),
                    wrong @ events::LinesError::Json { .. } => TakeError::Unfit(wrong.to_string()),
                })?;
                vec![EVENTS_STORED.to_owned()]
            }
            Form::Files => {
                let boundary = multipart::boundary(content_type).ok_or_else(|| {
                    TakeError::Unfit(
                        "Content-Type names no boundary: let the client set it, as curl -F does".to_owned(),
                    )
                })?;
                let begin = |nth| Spool::new_file(&self.spool.input(self.job, nth));
                let split = multipart::split(File::open(&body)?, &boundary, begin);
                split.map_err(|error| match error {
                    SplitError::Io(error) => error.into(),
                    SplitError::Wrong(message) => TakeError::Unfit(message.to_owned()),
                })?
            }
        };
        if !matches!(self.form, Form::File(_)) {
            fs::remove_file(&body)?;
        }
        let mut contents = Vec::with_capacity(names.len());
        for (nth, name) in names.iter().enumerate() {
            contents.push((name, digest_of(self.spool.settled(self.job, nth)?)?));
        }
        let contents = serde_json::to_vec(&contents).expect("texts can be written as JSON");
        Ok((names, digest_of(contents.as_slice())?))
    }
}
