//! Record: the one use case that writes. It hands a command to the append task and waits until the live view has
//! applied the result.
//!
//! It connects the pure parts (access policy, decisions) with the log and the view, and decides nothing itself.

mod admission;
mod leaving;
mod login;
mod same_case;
mod sending;
mod unseen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::access::policy::Denied;
use crate::access::{InScope, Principal};
use crate::clock::{Chance, Clock};
use crate::log::append::{Appended, Appender, Decide, Draft, Expected, Request, State, Streams};
use crate::log::{Log, LogError};
use crate::views::{ViewError, Views};
use admission::Admission;
use throughline_domain::command::{Command, Given, NewEvent, decide};
use throughline_domain::contract::Contract;
pub use throughline_domain::contract::civil_day::{civil_day, end_of_day};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{
    CommandId, Envelope, JourneyId, Position, Source, StreamId, StreamKind, WorkerId,
};
use throughline_domain::fact::refusal::{Refusal, Severity};

pub use sending::{Ready, Sent};

/// The zone of dates that do not belong to a contract.
pub const DEPLOYMENT_ZONE: Tz = chrono_tz::Europe::London;
/// The most time that a command waits for the live view.
const PATIENCE: Duration = Duration::from_secs(1);

/// A command with everything that is sent with it.
#[derive(Debug, Clone)]
pub struct Instruction {
    /// The sender.
    pub principal: Principal,
    /// The command id. A command is recorded once per id.
    pub command_id: CommandId,
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
    /// The command.
    pub command: Command,
}

/// The result of an accepted command.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its events, and whether they were already recorded.
    pub appended: Appended,
    /// Whether the live view shows them already.
    pub shown: bool,
}

/// Why a command was not recorded.
#[derive(Debug)]
pub enum NotDone {
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

/// Takes commands and records them.
#[derive(Clone)]
pub struct Recorder {
    log: Log,
    clock: Arc<Clock>,
    appender: Appender<Decision, StreamState>,
    /// The views that follow the log. `None` in a dry run.
    views: Option<Views>,
    /// Whether all senders may know every subject, worker and team of the deployment, whatever their contracts.
    knows_everybody: bool,
}

impl Recorder {
    /// Starts the append task. The handle ends when the last recorder is dropped and all waiting commands are done.
    pub async fn start(
        log: Log,
        views: Views,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), LogError> {
        let (appender, task) = Appender::start(log.clone(), Arc::clone(&clock), chance).await?;
        Ok((Self { log, clock, appender, views: Some(views), knows_everybody: false }, task))
    }

    /// A recorder for a sequence of commands from one source. Everyone named in it is taken to belong to the whole
    /// contract, so the view is not asked. Commands are queued in the order in which they are polled.
    #[must_use]
    pub fn in_order_of_telling(&self) -> Self {
        Self { views: None, ..self.knowing_everybody() }
    }

    /// A recorder for a sender that may know the whole deployment, such as a file on this machine. No subject, worker
    /// or team is hidden from it.
    #[must_use]
    pub fn knowing_everybody(&self) -> Self {
        Self { knows_everybody: true, ..self.clone() }
    }

    /// A recorder for a dry run: it decides everything and writes nothing. Each command sees what earlier ones would
    /// have recorded. The ids and positions of the events are made up.
    pub async fn rehearsing(log: Log, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, LogError> {
        let appender = Appender::rehearsing(log.clone(), Arc::clone(&clock), chance).await?;
        Ok(Self { log, clock, appender, views: None, knows_everybody: true })
    }

    /// Whether this recorder never writes.
    pub const fn is_rehearsing(&self) -> bool {
        self.views.is_none()
    }

    /// The case numbers of another system for the journeys of a contract. Empty if there is no view to ask.
    pub async fn references(&self, scope: InScope<'_>, system: &str) -> Result<Vec<String>, LogError> {
        let views = match &self.views {
            Some(views) => views.clone(),
            None => match Views::open_to_read(self.log.clone()).await {
                Ok(views) => views,
                Err(ViewError::Log(error)) => return Err(error),
                Err(ViewError::Store(error)) => return Err(error.into()),
                Err(_) => return Ok(Vec::new()),
            },
        };
        Ok(views.live().references(scope, system).await?)
    }

    /// Records a command and waits at most a second until the live view shows it.
    pub async fn record(&self, instruction: Instruction) -> Result<Done, NotDone> {
        let appended = self.append(instruction).await?;
        let shown = match &self.views {
            Some(views) => views.passed(appended.position(), PATIENCE).await,
            None => false,
        };
        Ok(Done { appended, shown })
    }

    /// Records a command without waiting for the view. A bulk load waits once at its end.
    pub async fn append(&self, instruction: Instruction) -> Result<Appended, NotDone> {
        self.ready(instruction).await?.append().await
    }

    /// Prepares a command for the append task: asks the view everything that the decision needs.
    pub async fn ready(&self, instruction: Instruction) -> Result<Ready<'_>, NotDone> {
        let Instruction { principal, command_id, body, expected, source, accept_warnings, dry_run, command } =
            instruction;
        let today = civil_day(self.clock.now(), DEPLOYMENT_ZONE);
        let actor = principal.actor();
        let namesakes = match &self.views {
            Some(views) => login::namesakes(views, &command).await.map_err(NotDone::Fault)?,
            None => Vec::new(),
        };
        let same_case = match &self.views {
            Some(views) => same_case::candidates(views, (&principal, today), &command, &accept_warnings)
                .await
                .map_err(NotDone::Fault)?,
            None => Vec::new(),
        };
        let warnings = match &self.views {
            Some(views) => view_warnings(views, (&principal, today), &command).await.map_err(NotDone::Fault)?,
            None => Vec::new(),
        };
        let admission = Admission::read(self.asked(), principal, today, &command).await.map_err(NotDone::Fault)?;
        let (sender, again) = ((admission.principal.clone(), today), command.clone());
        let decide = Decision { admission, namesakes, same_case, warnings, accept_warnings, command };
        let request = Request { actor, command_id, body, expected, source, correlation_id: None, dry_run, decide };
        Ok(Ready::new(self, sender, again, request))
    }

    /// The views that say who may know whom. `None` if everyone may know everyone.
    fn asked(&self) -> Option<&Views> {
        self.views.as_ref().filter(|_| !self.knows_everybody)
    }

    /// A conflict, with the events since the expected version.
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

/// A warning that follows from the live view.
struct ViewWarning {
    /// The only day of the decision for which it holds. None: whichever day it is.
    decided_on: Option<NaiveDate>,
    warning: Refusal,
}

/// The warnings that follow from the live view when a command arrives.
async fn view_warnings(
    views: &Views,
    (sender, today): (&Principal, NaiveDate),
    command: &Command,
) -> Result<Vec<ViewWarning>, LogError> {
    let unseen = unseen::warnings(views, (sender, today), command).await?.into_iter();
    let unseen = unseen.map(|warning| ViewWarning { decided_on: None, warning });
    Ok(unseen.chain(leaving::warnings(views, today, command).await?).collect())
}

/// The state of a stream, for a decision.
pub enum StreamState {
    /// A contract, with its rulebooks parsed.
    Contract(Contract),
    /// Any other stream.
    Other(History),
}

impl StreamState {
    const fn history(&self) -> &History {
        match self {
            Self::Contract(contract) => contract.history(),
            Self::Other(history) => history,
        }
    }
}

impl State for StreamState {
    fn empty(stream: StreamId) -> Self {
        match stream.kind {
            StreamKind::Contract => Self::Contract(Contract::default()),
            _ => Self::Other(History::default()),
        }
    }

    fn evolve(&mut self, envelope: &Envelope) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let recorded = Recorded::decode(envelope)?;
        match self {
            Self::Contract(contract) => contract.evolve(&recorded)?,
            Self::Other(history) => history.evolve(recorded),
        }
        Ok(())
    }
}

/// A command and its sender, as the append task sees them.
struct Decision {
    admission: Admission,
    /// The workers who have or had the login that the command gives to a worker.
    namesakes: Vec<WorkerId>,
    /// The journeys that share a case number with the referral in the command.
    same_case: Vec<JourneyId>,
    /// The warnings that follow from the view.
    warnings: Vec<ViewWarning>,
    accept_warnings: BTreeSet<String>,
    command: Command,
}

impl Decision {
    /// The contract of the command, if the loaded streams say it.
    fn contract_code<'a>(&'a self, streams: &Streams<'a, StreamState>) -> Option<&'a str> {
        self.command.contract().or_else(|| history(streams, self.command.stream()).and_then(History::contract))
    }

    fn events(&self, streams: &Streams<'_, StreamState>, now: DateTime<Utc>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let contract = self.contract_code(streams).and_then(|code| streams.get(StreamId::contract(code)));
        let none = Contract::default();
        let contract = match contract {
            Some(StreamState::Contract(contract)) => contract,
            _ => &none,
        };
        let zone = contract.zone().or_else(|| self.command.zone_of_new_contract());
        let given = Given {
            today: civil_day(now, zone.unwrap_or(DEPLOYMENT_ZONE)),
            contract,
            sender: &self.admission.principal.subject,
            history: &|stream| {
                history(streams, stream)
                    .filter(|history| history.contract().is_none_or(|code| self.admission.sees(code)))
                    .filter(|_| !self.admission.hides(stream))
            },
            accepted: &self.accept_warnings,
            moved: streams.moved(),
        };
        let none = History::default();
        decide(history(streams, self.command.stream()).unwrap_or(&none), &self.command, &given)
    }
}

fn history<'a>(streams: &Streams<'a, StreamState>, stream: StreamId) -> Option<&'a History> {
    streams.get(stream).map(StreamState::history)
}

impl Decide<StreamState> for Decision {
    type Refusal = NotDone;

    fn streams(&self) -> Vec<StreamId> {
        std::iter::once(self.command.stream()).chain(self.command.names()).collect()
    }

    fn also(&self, streams: &Streams<'_, StreamState>) -> Vec<StreamId> {
        let contract = self.contract_code(streams).map(StreamId::contract);
        let batches = streams.moved().streams().filter(|stream| stream.kind == StreamKind::Batch);
        let batches = batches.filter(|_| self.since().is_some());
        let namesakes = self.namesakes.iter().copied().map(StreamId::worker);
        let same_case = self.same_case.iter().copied().map(StreamId::journey);
        let holders = self.admission.streams(&self.command, streams);
        let beside = history(streams, self.command.stream()).map(|history| self.command.names_beside(history));
        let beside = beside.unwrap_or_default();
        contract.into_iter().chain(holders).chain(beside).chain(same_case).chain(namesakes).chain(batches).collect()
    }

    fn since(&self) -> Option<Position> {
        self.command.since()
    }

    fn admit(&self, streams: &Streams<'_, StreamState>) -> Result<(), NotDone> {
        self.admission.judge(&self.command, self.contract_code(streams), streams)
    }

    fn decide(&self, streams: &Streams<'_, StreamState>, now: DateTime<Utc>) -> Result<Vec<Draft>, NotDone> {
        let on = civil_day(now, DEPLOYMENT_ZONE);
        let history_of = |stream| history(streams, stream);
        login::is_free(&self.command, (&self.namesakes, on), history_of).map_err(NotDone::Refused)?;
        let warnings = self.warnings.iter().filter(|found| found.decided_on.is_none_or(|day| day == on));
        let warnings = warnings.map(|found| found.warning.clone());
        let unheeded: Vec<Refusal> =
            warnings.filter(|warning| !self.accept_warnings.contains(warning.code.as_str())).collect();
        let events = self.events(streams, now).map_err(|mut refusals| {
            // If there are only warnings, report all of them together.
            if refusals.iter().all(|refusal| refusal.severity == Severity::Warning) {
                refusals.extend(unheeded.iter().cloned());
            }
            NotDone::Refused(refusals)
        })?;
        let known = |stream| history(streams, stream);
        same_case::is_new(&self.command, &self.same_case, &self.accept_warnings, known).map_err(NotDone::Refused)?;
        if !unheeded.is_empty() {
            return Err(NotDone::Refused(unheeded));
        }
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
