//! An import job: what was sent, how far it is, and which records were not recorded.
//!
//! Pure data.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::access::Role;
use throughline_domain::fact::envelope::Position;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It waits for an earlier one of its source, or for a free place.
    Waiting,
    /// It is being imported.
    Running,
    /// Everything in it was read.
    Finished,
    /// It could not be read to its end. What was recorded before stays.
    Failed,
    /// It was cancelled. What was recorded before stays.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Finished, Self::Failed, Self::Cancelled];

    /// The word for it, in the table and over HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word. The table allows no other words.
    pub(super) fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Failed)
    }

    /// Whether the job is over.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }
}

/// The number of records with each result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that recorded something new.
    pub recorded: i64,
    /// Records that corrected what the source had stated before.
    pub corrected: i64,
    /// Records that were already recorded.
    pub there: i64,
    /// Records that a rule refused.
    pub refused: i64,
    /// Rows and records that could not be read.
    pub unreadable: i64,
    /// Records that are gone from a full snapshot and stay.
    pub missing: i64,
    /// Records that are gone from a full snapshot and were retracted.
    pub retracted: i64,
    /// New cases. They are counted at the end.
    pub journeys: i64,
}

/// An import job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Its number, in the order in which jobs were taken.
    pub number: i64,
    /// The name of the source.
    pub source: String,
    /// The code of the contract.
    pub contract: String,
    /// The word for what was sent.
    pub(super) form: String,
    /// The names of the files.
    pub files: Vec<String>,
    /// SHA-256 of what was sent.
    pub digest: String,
    /// The bytes that were sent.
    pub size: i64,
    /// The login that sent it.
    pub sender: String,
    /// The role of that login.
    pub role: Role,
    /// How far it is.
    pub state: State,
    /// Whether it is to be cancelled.
    pub(super) is_cancelled: bool,
    /// Why it failed.
    pub reason: Option<String>,
    /// How often it was begun. More than once: the server was stopped meanwhile, and records of the earlier attempts
    /// count as already recorded.
    pub attempts: i64,
    /// The results so far.
    pub counts: Counts,
    /// The file that is being read.
    pub file: Option<String>,
    /// The line that was read last.
    pub line: Option<i64>,
    /// Why records that are gone were not looked for, although the source sends full snapshots.
    pub not_compared: Option<String>,
    /// The position of the newest event that it recorded.
    pub position: Option<Position>,
    /// When it was taken.
    pub created_at: DateTime<Utc>,
    /// When it was first begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A job that is being taken.
#[derive(Debug, Clone)]
pub(super) struct NewJob {
    pub(super) id: Uuid,
    pub(super) source: String,
    pub(super) contract: String,
    pub(super) form: &'static str,
    pub(super) files: Vec<String>,
    pub(super) digest: String,
    pub(super) size: i64,
    pub(super) sender: String,
    pub(super) role: &'static str,
    pub(super) request: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// A record that was not recorded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number among those of its job, from 1.
    pub number: i64,
    /// The name of the file.
    pub file: Option<String>,
    /// The line on which its row begins.
    pub line: Option<i64>,
    /// The id of the record in the source, if it could be read and may be shown.
    pub record: Option<String>,
    /// The result: refused, unreadable or missing.
    pub outcome: String,
    /// The codes of what is wrong, with spaces between them.
    pub code: Option<String>,
    /// The columns, with spaces between them.
    pub place: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What is stored of a running job.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) counts: Counts,
    pub(super) file: Option<String>,
    pub(super) line: Option<i64>,
    pub(super) position: Option<i64>,
    /// The quarantined records that are not stored yet.
    pub(super) quarantined: Vec<Quarantined>,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) state: State,
    pub(super) reason: Option<String>,
    pub(super) not_compared: Option<String>,
    pub(super) at: DateTime<Utc>,
}
