//! Record: the one write use case. It hands a command to the append task and waits for the live view to pass it.
//!
//! It joins what is pure (who may, what follows) with what is not (the log, the view), and decides nothing itself.

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

/// The zone of days that belong to no contract.
pub const DEPLOYMENT_ZONE: Tz = chrono_tz::Europe::London;
/// How long a command waits for the live view.
const PATIENCE: Duration = Duration::from_secs(1);

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
    clock: Arc<Clock>,
    appender: Appender<Decision, StreamState>,
    /// What follows the log; none where nothing is written.
    views: Option<Views>,
    /// Whether whoever sends commands here knows everybody of the deployment, whatever contracts they have to do with.
    knows_everybody: bool,
}

impl Recorder {
    /// Starts the append task; the handle ends when the last recorder is dropped and what waits is done.
    pub async fn start(
        log: Log,
        views: Views,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), LogError> {
        let (appender, task) = Appender::start(log.clone(), Arc::clone(&clock), chance).await?;
        Ok((Self { log, clock, appender, views: Some(views), knows_everybody: false }, task))
    }

    /// The same for a story that one hand tells: everybody in it is taken to be at home in the whole contract, so that
    /// nothing is asked of the view, and commands are queued in the order in which they are polled.
    #[must_use]
    pub fn in_order_of_telling(&self) -> Self {
        Self { views: None, ..self.knowing_everybody() }
    }

    /// The same for whoever has the whole deployment in hand, such as a file on the machine itself: of its subjects,
    /// workers and teams none is another's.
    #[must_use]
    pub fn knowing_everybody(&self) -> Self {
        Self { knows_everybody: true, ..self.clone() }
    }

    /// A recorder that decides everything and writes nothing. Each command sees what the ones before it would have
    /// recorded; the ids and positions of its events are made up.
    pub async fn rehearsing(log: Log, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, LogError> {
        let appender = Appender::rehearsing(log.clone(), Arc::clone(&clock), chance).await?;
        Ok(Self { log, clock, appender, views: None, knows_everybody: true })
    }

    /// Whether nothing is written.
    pub const fn is_rehearsing(&self) -> bool {
        self.views.is_none()
    }

    /// The case numbers by which another system knows the journeys of a contract, as far as there is a view that can be
    /// asked.
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

    /// Records a command and waits, a second at most, until the live view shows it.
    pub async fn record(&self, instruction: Instruction) -> Result<Done, NotDone> {
        let appended = self.append(instruction).await?;
        let shown = match &self.views {
            Some(views) => views.passed(appended.position(), PATIENCE).await,
            None => false,
        };
        Ok(Done { appended, shown })
    }

    /// Records a command without waiting for the view, for loads that wait for it once at the end.
    pub async fn append(&self, instruction: Instruction) -> Result<Appended, NotDone> {
        self.ready(instruction).await?.append().await
    }

    /// A command made ready for the append task: all that is asked of the view has been asked.
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
            Some(views) => warnings(views, (&principal, today), &command).await.map_err(NotDone::Fault)?,
            None => Vec::new(),
        };
        let admission = Admission::read(self.asked(), principal, today, &command).await.map_err(NotDone::Fault)?;
        let (sender, again) = ((admission.principal.clone(), today), command.clone());
        let decide = Decision { admission, namesakes, same_case, warnings, accept_warnings, command };
        let request = Request { actor, command_id, body, expected, source, correlation_id: None, dry_run, decide };
        Ok(Ready::new(self, sender, again, request))
    }

    /// The views that say who may know of whom, where anybody may not.
    fn asked(&self) -> Option<&Views> {
        self.views.as_ref().filter(|_| !self.knows_everybody)
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

/// What deserves a second look by what the live view knows when a command comes in.
async fn warnings(views: &Views, sender: (&Principal, NaiveDate), command: &Command) -> Result<Vec<Refusal>, LogError> {
    let mut warnings = unseen::warnings(views, sender, command).await?;
    warnings.extend(leaving::warning(views, command).await?);
    Ok(warnings)
}

/// What a stream's events amount to, for whoever decides.
pub enum StreamState {
    /// A contract, with its rules read.
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

/// A command and who sends it, as the append task sees it.
struct Decision {
    admission: Admission,
    /// Whoever has, or had, the login that the command gives to somebody.
    namesakes: Vec<WorkerId>,
    /// The journeys that have a case number of the referral that the command receives.
    same_case: Vec<JourneyId>,
    /// What deserves a second look by what the view knows.
    warnings: Vec<Refusal>,
    accept_warnings: BTreeSet<String>,
    command: Command,
}

impl Decision {
    /// The contract that the command is in, as far as the loaded streams tell.
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
        let given = Given {
            today: civil_day(now, contract.zone().unwrap_or(DEPLOYMENT_ZONE)),
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
        let told = |stream| history(streams, stream);
        login::is_free(&self.command, (&self.namesakes, on), told).map_err(NotDone::Refused)?;
        let is_unheeded = |warning: &&Refusal| !self.accept_warnings.contains(warning.code.as_str());
        let unheeded: Vec<Refusal> = self.warnings.iter().filter(is_unheeded).cloned().collect();
        let events = self.events(streams, now).map_err(|mut refusals| {
            // Whoever looks twice is told all that is to be looked at.
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
