//! Record: the one write use case. It hands a command to the append task and waits for the live view to pass it.
//!
//! It joins what is pure (who may, what follows) with what is not (the log, the view), and decides nothing itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::access::Principal;
use crate::access::policy::{Action, Denied, policy};
use crate::clock::{Chance, Clock};
use crate::contract::Contract;
use crate::contract::command::{self as contracts, ContractCommand};
use crate::journey::command::{self as journeys, Given, JourneyCommand, NewEvent};
use crate::journey::people::{self, PeopleCommand};
use crate::journey::refusal::Refusal;
use crate::journey::{History, Recorded};
use crate::log::append::{Appended, Appender, Decide, Draft, Expected, Rejection, Request, State, Streams};
use crate::log::envelope::{CommandId, Envelope, Source, StreamId, StreamKind};
use crate::log::{Log, LogError};
use crate::views::Views;

/// The zone of days that belong to no contract.
pub const DEPLOYMENT_ZONE: Tz = chrono_tz::Europe::London;
/// How long a command waits for the live view.
const PATIENCE: Duration = Duration::from_secs(1);

/// What somebody wants recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// About a journey.
    Journey(JourneyCommand),
    /// About a contract.
    Contract(ContractCommand),
    /// About a subject or worker.
    People(PeopleCommand),
}

impl Command {
    /// The stream that it is about; its expected version is this one's.
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Journey(command) => StreamId::journey(command.journey()),
            Self::Contract(command) => command.stream(),
            Self::People(command) => command.stream(),
        }
    }

    /// What is said of a journey or contract that the caller may not know of: the same as of one that is not there.
    fn not_found(&self) -> Refusal {
        match self {
            Self::Journey(JourneyCommand::ReceiveReferral(_)) | Self::Contract(_) => Refusal::contract_not_found(),
            Self::Journey(_) | Self::People(_) => Refusal::journey_not_found(),
        }
    }

    const fn action(&self) -> Action {
        match self {
            Self::Journey(JourneyCommand::ReceiveReferral(_)) => Action::ReceiveReferral,
            Self::Journey(JourneyCommand::CorrectFact(_) | JourneyCommand::RetractFacts(_)) => Action::CorrectFacts,
            Self::Journey(_) => Action::RecordFacts,
            Self::Contract(_) => Action::RuleContracts,
            Self::People(PeopleCommand::RegisterSubject { .. }) => Action::RegisterSubject,
            Self::People(PeopleCommand::AddWorker { .. }) => Action::AddWorker,
        }
    }
}

/// A command with everything that comes with it.
#[derive(Debug, Clone)]
pub struct Instruction {
    /// Who sends it.
    pub principal: Principal,
    /// The id under which it is done once.
    pub command_id: CommandId,
    /// Everything that makes it this command and no other; empty skips the comparison on a replay.
    pub body: Vec<u8>,
    /// What is required of its stream's version.
    pub expected: Expected,
    /// Where its facts came from.
    pub source: Option<Source>,
    /// The warnings that the sender accepts, by code.
    pub accept_warnings: BTreeSet<String>,
    /// Whether the command is only to be judged.
    pub dry_run: bool,
    /// What is to be recorded.
    pub command: Command,
}

/// What became of an accepted command.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its events, and whether they were there before.
    pub appended: Appended,
    /// Whether the live view shows them already.
    pub shown: bool,
}

/// Why a command was not accepted.
#[derive(Debug)]
pub enum NotDone {
    /// The role may not.
    Denied(Denied),
    /// The domain says no.
    Refused(Vec<Refusal>),
    /// The command id belongs to another command.
    CommandIdReused,
    /// The stream has moved on since the version that was expected.
    Conflict {
        /// Where the stream is.
        actual: i64,
        /// The events since.
        since: Vec<Envelope>,
    },
    /// It would have been done, with these events, but was only to be judged.
    DryRun(Vec<Draft>),
    /// Something failed.
    Fault(LogError),
}

/// The write side, ready for commands.
#[derive(Clone)]
pub struct Recorder {
    log: Log,
    views: Views,
    appender: Appender<Decision, StreamState>,
}

impl Recorder {
    /// Starts the append task; the handle ends when the last recorder is dropped and what waits is done.
    pub async fn start(
        log: Log,
        views: Views,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), LogError> {
        let (appender, task) = Appender::start(log.clone(), clock, chance).await?;
        Ok((Self { log, views, appender }, task))
    }

    /// Records a command and waits, a second at most, until the live view shows it.
    pub async fn record(&self, instruction: Instruction) -> Result<Done, NotDone> {
        let appended = self.append(instruction).await?;
        let shown = self.views.passed(appended.position(), PATIENCE).await;
        Ok(Done { appended, shown })
    }

    /// Records a command without waiting for the view, for loads that wait for it once at the end.
    pub async fn append(&self, instruction: Instruction) -> Result<Appended, NotDone> {
        let Instruction { principal, command_id, body, expected, source, accept_warnings, dry_run, command } =
            instruction;
        let stream = command.stream();
        let actor = principal.actor();
        let (caller, action, not_found) = (principal.clone(), command.action(), command.not_found());
        let decide = Decision { principal, accept_warnings, command };
        let request = Request { actor, command_id, body, expected, source, correlation_id: None, dry_run, decide };
        match self.appender.append(request).await {
            Ok(appended) if appended.replayed => {
                // The log looks for a replay before anything else; what it shows is for whoever may still see it.
                policy(&caller, action).map_err(NotDone::Denied)?;
                let mut codes = appended.events.iter().filter_map(|event| event.contract.as_deref());
                if codes.all(|code| caller.scope.contract(code).is_some()) {
                    Ok(appended)
                } else {
                    Err(NotDone::Refused(not_found.alone()))
                }
            }
            Ok(appended) => Ok(appended),
            Err(Rejection::Refused(not_done)) => Err(not_done),
            Err(Rejection::CommandIdReused) => Err(NotDone::CommandIdReused),
            Err(Rejection::DryRun(events)) => Err(NotDone::DryRun(events)),
            Err(Rejection::Fault(fault)) => Err(NotDone::Fault(fault)),
            Err(Rejection::Conflict { expected, actual }) => Err(self.conflict(stream, expected, actual).await),
        }
    }

    /// A conflict with the events since the version that was expected.
    async fn conflict(&self, stream: StreamId, expected: Expected, actual: i64) -> NotDone {
        let after = match expected {
            Expected::Exact(version) => version.max(0),
            Expected::Any | Expected::None | Expected::Exists => 0,
        };
        match self.log.streams([(stream, after)].into_iter()).await {
            Ok(since) => NotDone::Conflict { actual, since },
            Err(fault) => NotDone::Fault(fault),
        }
    }
}

/// What a stream's events amount to, for whoever decides.
pub struct StreamState {
    stream: StreamKind,
    history: History,
    contract: Contract,
}

impl State for StreamState {
    fn empty(stream: StreamId) -> Self {
        Self { stream: stream.kind, history: History::default(), contract: Contract::default() }
    }

    fn evolve(&mut self, envelope: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self.stream {
            StreamKind::Journey => self.history.evolve(Recorded::decode(envelope)?),
            StreamKind::Contract => self.contract.evolve(&Recorded::decode(envelope)?)?,
            // That they exist is all that anybody decides by.
            StreamKind::Subject | StreamKind::Worker | StreamKind::Team => {}
        }
        Ok(())
    }
}

/// A command and who sends it, as the append task sees it.
struct Decision {
    principal: Principal,
    accept_warnings: BTreeSet<String>,
    command: Command,
}

impl Decision {
    /// The contract that the command is in, as far as the loaded streams tell.
    fn contract_code<'a>(&'a self, streams: &Streams<'a, StreamState>) -> Option<&'a str> {
        match &self.command {
            Command::Journey(JourneyCommand::ReceiveReferral(command)) => Some(&command.contract),
            Command::Journey(command) => history(streams, command).and_then(History::contract),
            Command::Contract(command) => Some(command.contract()),
            Command::People(_) => None,
        }
    }

    fn events(&self, streams: &Streams<'_, StreamState>, now: DateTime<Utc>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let known = |stream| streams.get(stream).is_some();
        let code = self.contract_code(streams);
        let none = Contract::default();
        let contract =
            code.and_then(|code| streams.get(StreamId::contract(code))).map_or(&none, |state| &state.contract);
        let today = civil_day(now, contract.zone().unwrap_or(DEPLOYMENT_ZONE));
        match &self.command {
            Command::Journey(command) => {
                let given = Given { today, contract, known: &known, accepted: &self.accept_warnings };
                let none = History::default();
                journeys::decide(history(streams, command).unwrap_or(&none), command, &given)
            }
            Command::Contract(command) => contracts::decide(contract, command, today),
            Command::People(command) => people::decide(command, today, &known),
        }
    }
}

fn history<'a>(streams: &Streams<'a, StreamState>, command: &JourneyCommand) -> Option<&'a History> {
    streams.get(StreamId::journey(command.journey())).map(|state| &state.history)
}

/// The civil date of an instant in a zone.
pub fn civil_day(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

impl Decide<StreamState> for Decision {
    type Refusal = NotDone;

    fn streams(&self) -> Vec<StreamId> {
        let others = match &self.command {
            Command::Journey(command) => command.names(),
            Command::Contract(_) | Command::People(_) => Vec::new(),
        };
        std::iter::once(self.command.stream()).chain(others).collect()
    }

    fn also(&self, streams: &Streams<'_, StreamState>) -> Vec<StreamId> {
        self.contract_code(streams).map(StreamId::contract).into_iter().collect()
    }

    fn admit(&self, streams: &Streams<'_, StreamState>) -> Result<(), NotDone> {
        policy(&self.principal, self.command.action()).map_err(NotDone::Denied)?;
        let visible = |code: &str| self.principal.scope.contract(code).is_some();
        match (&self.command, self.contract_code(streams)) {
            (Command::People(_), _) => Ok(()),
            (Command::Journey(command @ JourneyCommand::ReceiveReferral(_)), Some(code)) if visible(code) => {
                // The id may be that of a journey of another contract: nothing is said of that one.
                match history(streams, command).and_then(History::contract) {
                    Some(code) if !visible(code) => Err(NotDone::Refused(Refusal::journey_not_found().alone())),
                    _ => Ok(()),
                }
            }
            (_, Some(code)) if visible(code) => Ok(()),
            _ => Err(NotDone::Refused(self.command.not_found().alone())),
        }
    }

    fn decide(&self, streams: &Streams<'_, StreamState>, now: DateTime<Utc>) -> Result<Vec<Draft>, NotDone> {
        let events = self.events(streams, now).map_err(NotDone::Refused)?;
        Ok(events.into_iter().map(draft).collect())
    }
}

fn draft(new: NewEvent) -> Draft {
    Draft {
        stream: new.stream,
        event_type: new.event.event_type().as_str(),
        schema_version: new.event.event_type().schema_version(),
        contract: new.contract,
        occurred: new.occurred,
        payload: new.event.payload(),
    }
}
