//! The facts of imports: which sources send files, each run of an import, and records that are gone from a source.
//!
//! Only data. Files are named by their digests, because a name of a file may name a person. The record that a fact is
//! about is in the source of its event, as with every fact that came by an import.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fact::envelope::JourneyId;

/// A source sends files about a contract, on these terms. If the terms change, the source is registered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRegistered {
    /// The name of the source, as in its mapping.
    pub system: String,
    /// The contract, by code.
    pub contract: String,
    /// The source whose case numbers its files use: often itself.
    pub numbers: String,
    /// What one set of its files holds.
    pub holds: Holds,
    /// What counts where a fact was corrected here.
    pub leads: Leading,
    /// The most records of a hundred that are retracted because they are gone. None: gone records are only reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_most: Option<u8>,
}

/// What one set of files of a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Every record of the source.
    Everything,
    /// Only what is new or changed.
    Changes,
}

/// What counts where a fact of a source was corrected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leading {
    /// The correction.
    Correction,
    /// The source.
    Source,
}

/// Files of a source were imported into a contract. The run is recorded when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRun {
    /// The name of the source.
    pub system: String,
    /// The contract, by code.
    pub contract: String,
    /// The SHA-256 of the mapping's text, in lower-case hexadecimal.
    pub mapping: String,
    /// The SHA-256 of each file, in order.
    pub files: Vec<String>,
    /// The number of records with each result.
    pub counts: ImportCounts,
    /// When the run began.
    pub started_at: DateTime<Utc>,
    /// When the run ended.
    pub finished_at: DateTime<Utc>,
    /// How it ended.
    pub ended: RunEnd,
}

/// The number of records of a run with each result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportCounts {
    /// Records that were new, or had new facts.
    pub recorded: u64,
    /// Records that differed from what was recorded.
    pub corrected: u64,
    /// Records that said nothing new.
    pub there: u64,
    /// Records that were refused.
    pub refused: u64,
    /// Rows and records that could not be read.
    pub unreadable: u64,
    /// Records that are gone, and stay as they were recorded.
    pub missing: u64,
    /// Records that are gone, and were retracted.
    pub retracted: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Every file was read to its end.
    Completed,
    /// A file or the log could not be read any further, or the import was cancelled. What was recorded before stays.
    Stopped,
}

/// A record of a case is gone from a full snapshot of its source. What was recorded from it does not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowMissing {
    /// The name of the source.
    pub system: String,
    /// The contract, by code.
    pub contract: String,
    /// The case of the record.
    pub journey: JourneyId,
}

/// A record that was missing is in the snapshot of its source again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowReturned {
    /// The name of the source.
    pub system: String,
    /// The contract, by code.
    pub contract: String,
    /// The case of the record.
    pub journey: JourneyId,
}
