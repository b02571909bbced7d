//! Import of events and records from files: the formats, and the result of each row.
//!
//! Imports write to the log only through commands, as the API does. The exception is an import as recorded, into an
//! empty log.

pub mod as_recorded;
pub mod lines;
pub mod mapped;
pub mod mapping;
pub mod ndjson;
pub mod read;
pub mod ssda903;

use std::io;

use crate::access::policy::Denied;
use crate::access::{Principal, Scope};
use crate::cloud_event::LineError;
use crate::log::LogError;
use crate::record::Recorder;
use throughline_domain::contract::{Contract, UnreadableRulebook};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{EventId, Position, StreamId};
use throughline_domain::fact::event::DecodeError;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// An import into one contract. With a dry-run recorder, it reports the result of every row and records nothing.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    /// The recorder for the commands. Earlier events are read from its log.
    pub recorder: &'a Recorder,
    /// The principal that imports.
    pub principal: &'a Principal,
    /// The code of the contract.
    pub contract: &'a str,
}

impl Import<'_> {
    /// The contract, if it is open and within the principal's scope.
    async fn contract(&self) -> Result<Contract, ImportError> {
        self.principal.scope.contract(self.contract).ok_or_else(|| self.no_contract())?;
        let mut contract = Contract::default();
        for envelope in self.recorder.log().stream(StreamId::contract(self.contract)).await? {
            contract.evolve(&Recorded::decode(&envelope)?)?;
        }
        if contract.opened().is_some() { Ok(contract) } else { Err(self.no_contract()) }
    }

    /// The principal that imports, limited to the contract. One who is limited to areas stays so.
    fn principal_here(&self) -> Principal {
        let contracts = [self.contract.to_owned()].into();
        let scope = match &self.principal.scope {
            Scope::Areas { areas, .. } => Scope::Areas { contracts, areas: areas.clone() },
            Scope::Deployment | Scope::Contracts(_) => Scope::Contracts(contracts),
        };
        Principal { scope, ..self.principal.clone() }
    }

    fn no_contract(&self) -> ImportError {
        ImportError::NoContract(self.contract.to_owned())
    }
}

/// The position of an event in the log, and its id.
pub type Mark = (Position, EventId);

/// The result of one row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's number in the file, from 1.
    pub line: u64,
    /// The row's id, if it could be read.
    pub id: Option<uuid::Uuid>,
    /// The result.
    pub outcome: Outcome,
}

/// The result of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The row was recorded. The position is that of its last event.
    Recorded(Position),
    /// The row was already recorded. The position is that of its last event.
    Replayed(Position),
    /// The row was refused.
    Refused(Vec<Problem>),
    /// The row could not be read.
    Unreadable(LineError),
}

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong and how to fix it.
    pub message: String,
    /// The field, named as in the payload.
    pub path: Option<String>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        // A file of results has no column for the codes, and who sends a file does not have the rulebook.
        let message = if refusal.code == RefusalCode::UnknownCode && !refusal.allowed.is_empty() {
            format!("{}: {}", refusal.message, refusal.allowed.join(", "))
        } else {
            refusal.message
        };
        Self { code: refusal.code.as_str(), message, path: refusal.path.map(|path| path.to_string()) }
    }
}

/// The message for a row that an import may not record.
fn not_by_import(denied: Denied) -> String {
    match denied {
        Denied::Role { what, .. } => {
            format!("an import may not {what}: record this through the API, in a role that may")
        }
        Denied::Areas { .. } | Denied::Contracts { .. } | Denied::Outside => denied.to_string(),
    }
}

/// The number of rows with each result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows recorded by this import.
    pub recorded: u64,
    /// Rows that were already recorded.
    pub replayed: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// The position of the newest event recorded. To see all rows, wait until the live view reaches it.
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

/// Why an import stopped before the end of the file. Recorded rows stay recorded. Importing the same file again
/// continues.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The contract is not open, or is outside the principal's scope.
    #[error("contract {0:?} is not open: open it with `throughline contract open`, or name another contract")]
    NoContract(String),
    /// No area was given for new cases, or no rulebook lists the area.
    #[error("{}: {}", named_area(named.as_deref()), allowed_areas(allowed))]
    Area {
        /// The area that was given.
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
        /// The number of the last line read.
        line: u64,
        /// The system's error.
        source: io::Error,
    },
    /// A file is not what its mapping describes, or is not safe to read.
    #[error("{file}: {unfit}")]
    Unfit {
        /// The name of the file.
        file: String,
        /// What is wrong.
        #[source]
        unfit: read::Unfit,
    },
    /// The files were imported, but the run, or the absence of records, could not be recorded.
    #[error("the rows were imported, but the run could not be recorded: {0}")]
    NotNoted(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A recorded event cannot be read.
    #[error("the log contains an event that cannot be read: run `throughline log verify`")]
    Payload(#[from] DecodeError),
}

impl ImportError {
    fn unfit(file: &str, unfit: read::Unfit) -> Self {
        Self::Unfit { file: file.to_owned(), unfit }
    }
}

fn named_area(named: Option<&str>) -> String {
    named.map_or_else(
        || "no area was given, and the contract does not have exactly one".to_owned(),
        |named| format!("no rulebook of the contract lists the area {named:?}"),
    )
}

fn allowed_areas(allowed: &[String]) -> String {
    if allowed.is_empty() {
        "give the area of new cases with --area".to_owned()
    } else {
        format!("give --area, one of {}", allowed.join(", "))
    }
}
