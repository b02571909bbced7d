//! Events and records from outside: what each format brings, and what became of every row.
//!
//! Nothing here writes to the log except through commands, as the API does, or, into an empty log, as recorded.

pub mod as_recorded;
pub mod lines;
pub mod ndjson;
pub mod ssda903;

use std::io;

use crate::access::Principal;
use crate::access::policy::Denied;
use crate::cloud_event::LineError;
use crate::log::{Log, LogError};
use crate::record::Recorder;
use throughline_domain::contract::{Contract, UnreadableRulebook};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Position, StreamId};
use throughline_domain::fact::event::DecodeError;
use throughline_domain::fact::refusal::Refusal;

/// An import into one contract. With a recorder that rehearses it is a dry run: every row is told what would become of
/// it, and nothing is recorded.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    /// The log, for what was recorded before.
    pub log: &'a Log,
    /// The write side.
    pub recorder: &'a Recorder,
    /// Who imports.
    pub principal: &'a Principal,
    /// The code of the contract.
    pub contract: &'a str,
}

impl Import<'_> {
    /// The contract, if it is open and within the scope of whoever imports.
    async fn contract(&self) -> Result<Contract, ImportError> {
        self.principal.scope.contract(self.contract).ok_or_else(|| self.no_contract())?;
        let mut contract = Contract::default();
        for envelope in self.log.stream(StreamId::contract(self.contract)).await? {
            contract.evolve(&Recorded::decode(&envelope)?)?;
        }
        if contract.opened().is_some() { Ok(contract) } else { Err(self.no_contract()) }
    }

    fn no_contract(&self) -> ImportError {
        ImportError::NoContract(self.contract.to_owned())
    }
}

/// What became of one row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Its id, as far as it could be read.
    pub id: Option<uuid::Uuid>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log now; its last event stands at this position.
    Recorded(Position),
    /// It was in the log before; its last event stands at this position.
    Replayed(Position),
    /// It may not be recorded.
    Refused(Vec<Problem>),
    /// It is not what a row must be.
    Unreadable(LineError),
}

/// Why a row may not be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// The field, in the payload's names.
    pub path: Option<String>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code.as_str(), message: refusal.message, path: refusal.path.map(|path| path.to_string()) }
    }
}

/// What is said of a row that an import may not bring, whatever it is about.
fn not_by_import(denied: Denied) -> String {
    match denied {
        Denied::Role { what, .. } => format!("an import may not {what}: record this over the API, in a role that may"),
        Denied::Areas { .. } | Denied::Outside => denied.to_string(),
    }
}

/// What became of a file, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that are in the log now.
    pub recorded: u64,
    /// Rows that were in the log before.
    pub replayed: u64,
    /// Rows that may not be recorded.
    pub refused: u64,
    /// Rows that are not what a row must be.
    pub unreadable: u64,
    /// The position of the newest event that a row made; wait for the live view to pass it.
    pub position: Position,
}

impl Summary {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Recorded(position) => {
                self.recorded += 1;
                self.position = self.position.max(*position);
            }
            Outcome::Replayed(_) => self.replayed += 1,
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Unreadable(_) => self.unreadable += 1,
        }
    }
}

/// Why an import ended before its file did. What was recorded until then stays; the same file again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The contract is not open, or is outside the scope of whoever imports.
    #[error("no contract {0:?} is open: open it with `throughline contract open`, or name another")]
    NoContract(String),
    /// No area is named for journeys that begin, or one that no rulebook lists.
    #[error("{}: {}", named_area(named.as_deref()), allowed_areas(allowed))]
    Area {
        /// What was named.
        named: Option<String>,
        /// The areas that the newest rulebook lists.
        allowed: Vec<String>,
    },
    /// The contract's rulebook cannot be read.
    #[error(transparent)]
    Rulebook(#[from] UnreadableRulebook),
    /// The file could not be read.
    #[error("the file cannot be read after line {line}")]
    File {
        /// The last line that was read.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A recorded event cannot be read.
    #[error("the log holds an event that cannot be read: run `throughline log verify`")]
    Payload(#[from] DecodeError),
}

fn named_area(named: Option<&str>) -> String {
    named.map_or_else(
        || "the file names no area and the contract does not have just one".to_owned(),
        |named| format!("no rulebook of the contract lists the area {named:?}"),
    )
}

fn allowed_areas(allowed: &[String]) -> String {
    if allowed.is_empty() {
        "give the area of the children's journeys with --area".to_owned()
    } else {
        format!("give --area, one of {}", allowed.join(", "))
    }
}
