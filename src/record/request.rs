//! A request to record a command, and its result.

use std::collections::BTreeSet;
use std::fmt;

use crate::access::Principal;
use crate::access::policy::Denied;
use crate::log::LogError;
use crate::log::append::{Appended, Draft, Expected};
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::{CommandId, Envelope, Source};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// A command with everything that is sent with it. Its content never shows in debug output, because it may hold notes.
#[derive(Clone)]
pub struct CommandRequest {
    /// The sender.
    pub principal: Principal,
    /// The command id. A command is recorded once per id.
    pub command_id: CommandId,
    /// The command.
    pub command: Command,
    /// The content that identifies this command when it is sent again. If empty, a repeat is not compared.
    pub body: Vec<u8>,
    /// The expected version of the stream.
    pub expected: Expected,
    /// The source of the facts.
    pub source: Option<Source>,
    /// The codes of the warnings that the sender accepts.
    pub accept_warnings: BTreeSet<String>,
    /// Whether to judge the command without recording it.
    pub dry_run: bool,
}

impl fmt::Debug for CommandRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandRequest")
            .field("principal", &self.principal)
            .field("command_id", &self.command_id)
            .field("command", &self.command)
            .field("body_bytes", &self.body.len())
            .field("expected", &self.expected)
            .field("source", &self.source)
            .field("accept_warnings", &self.accept_warnings)
            .field("dry_run", &self.dry_run)
            .finish()
    }
}

impl CommandRequest {
    /// A request to record a command at any version of its stream. It accepts no warnings, and a repeat is not
    /// compared.
    pub const fn new(principal: Principal, command_id: CommandId, command: Command) -> Self {
        Self {
            principal,
            command_id,
            command,
            body: Vec::new(),
            expected: Expected::Any,
            source: None,
            accept_warnings: BTreeSet::new(),
            dry_run: false,
        }
    }

    /// With the content that identifies the command when it is sent again.
    #[must_use]
    pub fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// Only if the stream is at this version.
    #[must_use]
    pub fn expecting(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// With the source of the facts.
    #[must_use]
    pub fn from_source(self, source: Option<Source>) -> Self {
        Self { source, ..self }
    }

    /// Accepts the warnings with these codes.
    #[must_use]
    pub fn accepting(self, codes: impl IntoIterator<Item = String>) -> Self {
        Self { accept_warnings: codes.into_iter().collect(), ..self }
    }

    /// Accepts every warning, for a source that states facts while nobody is present to confirm a warning.
    #[must_use]
    pub fn accepting_every_warning(self) -> Self {
        self.accepting(RefusalCode::WARNINGS.iter().map(|code| code.as_str().to_owned()))
    }

    /// Only judges the command, if this is a dry run.
    #[must_use]
    pub fn dry_run_if(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }
}

/// The result of an accepted command.
#[derive(Debug, Clone)]
pub struct RecordedCommand {
    /// Its events, and whether they were already recorded.
    pub appended: Appended,
    /// Whether the live view shows them already.
    pub shown: bool,
}

/// Why a command was not recorded.
#[derive(Debug)]
pub enum RecordError {
    /// The role does not permit it.
    Denied(Denied),
    /// The domain refused it.
    Refused(Vec<Refusal>),
    /// Another command was recorded under this command id.
    CommandIdReused,
    /// The stream is no longer at the expected version.
    Conflict {
        /// The current version of the stream.
        actual: i64,
        /// The events since the expected version.
        since: Vec<Envelope>,
    },
    /// The command would have been accepted with these events, but it was a dry run.
    DryRun(Vec<Draft>),
    /// The log or the view failed.
    Fault(LogError),
}
