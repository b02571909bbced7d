//! Record: the one use case that writes. It hands a command to the append task and waits until the live view has
//! applied the result.
//!
//! It connects the pure parts (access policy, decisions) with the log and the view, and decides nothing itself.

mod authorization;
mod caseload_limit;
mod erased;
mod leaving;
mod login_uniqueness;
mod mode;
mod possible_duplicate;
mod request;
mod same_case;
mod sealing;
mod sending;
mod unseen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use tokio::sync::Semaphore;

use crate::access::{InScope, Principal};
use crate::clock::{Chance, Clock};
use crate::keys::KeyStore;
use crate::log::append::{Appended, Appender, Decide, Draft, Expected, Request, State, Streams};
use crate::log::{Log, LogError};
use crate::queries;
use crate::search::PeopleSearch;
use crate::views::{ViewError, Views};
use authorization::Authorization;
use caseload_limit::Assigned;
pub(crate) use erased::references_in;
use mode::Mode;
pub use request::{CommandRequest, RecordError, RecordedCommand};
use sealing::CommandKeys;
pub use sending::{PreparedCommand, Sent};
use throughline_domain::command::{Command, Given, NewEvent, decide};
use throughline_domain::contract::Contract;
pub use throughline_domain::contract::civil_day::{civil_day, end_of_day};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, JourneyId, Position, StreamId, StreamKind, WorkerId};
use throughline_domain::fact::refusal::{Refusal, Severity};

/// The zone of dates that do not belong to a contract.
pub const DEPLOYMENT_ZONE: Tz = chrono_tz::Europe::London;
/// The most time that a command waits for the live view.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes commands and records them.
#[derive(Clone)]
pub struct Recorder {
    log: Log,
    clock: Arc<Clock>,
    appender: Appender<Decision, StreamState>,
    mode: Mode,
    keys: KeyStore,
    search: PeopleSearch,
    /// The commands that this sender may have waiting at the same time. None: as many as it likes.
    places: Option<Arc<Semaphore>>,
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
        let (mode, keys) = (Mode::Live(views), KeyStore::none());
        let search = PeopleSearch::of(&log, &keys);
        Ok((Self { log, clock, appender, mode, keys, search, places: None }, task))
    }

    /// A recorder for a dry run: it decides everything and writes nothing. Each command sees what earlier ones would
    /// have recorded. The ids and positions of the events are made up.
    pub async fn dry_run(log: Log, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, LogError> {
        let appender = Appender::dry_run(log.clone(), Arc::clone(&clock), chance).await?;
        let (mode, keys) = (Mode::DryRun(None), KeyStore::none());
        let search = PeopleSearch::of(&log, &keys);
        Ok(Self { log, clock, appender, mode, keys, search, places: None })
    }

    /// A dry run that asks this view which logins and case numbers are taken, and what to warn of. The view must be as
    /// new as the log.
    #[must_use]
    pub fn asking(self, views: Views) -> Self {
        let mode = if self.is_dry_run() { Mode::DryRun(Some(views)) } else { self.mode };
        Self { mode, ..self }
    }

    /// A recorder that seals texts about people with the keys of this store.
    #[must_use]
    pub fn sealing_with(self, keys: KeyStore) -> Self {
        Self { keys, ..self }
    }

    /// A recorder that compares people with those whom this search knows.
    #[must_use]
    pub fn looking_in(self, search: PeopleSearch) -> Self {
        Self { search, ..self }
    }

    /// A recorder for a sequence of commands from one source. Everyone named in it is taken to belong to the whole
    /// contract, so the view is not asked. Commands are queued in the order in which they are polled.
    #[must_use]
    pub fn ordered(&self) -> Self {
        Self { mode: self.mode.ordered(), ..self.clone() }
    }

    /// A recorder for a sender that may know the whole deployment, such as a file on this machine. No subject, worker
    /// or team is hidden from it.
    #[must_use]
    pub fn trusted(&self) -> Self {
        Self { mode: self.mode.trusted(), ..self.clone() }
    }

    /// A recorder for many commands of one sender who is limited to a contract, however much the code that sends them
    /// trusts it. At most so many wait at the same time, so that the commands of others are not held up.
    #[must_use]
    pub fn in_portions(&self, most: usize) -> Self {
        Self { mode: self.mode.limited(), places: Some(Arc::new(Semaphore::new(most))), ..self.clone() }
    }

    /// Whether this recorder never writes.
    pub const fn is_dry_run(&self) -> bool {
        self.mode.is_dry_run()
    }

    /// The present time, by the clock of this recorder.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The log that this recorder writes to.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The case numbers of another system for the journeys of a contract. Empty if there is no view to ask.
    pub async fn references(&self, scope: InScope<'_>, system: &str) -> Result<Vec<String>, LogError> {
        let views = match self.mode.view() {
            Some(views) => views.clone(),
            None => match Views::open_to_read(self.log.clone()).await {
                Ok(views) => views,
                Err(ViewError::Log(error)) => return Err(error),
                Err(ViewError::Store(error)) => return Err(error.into()),
                Err(_) => return Ok(Vec::new()),
            },
        };
        Ok(queries::case_numbers::of_system(&views.live(), scope, system).await?)
    }

    /// Records a command and waits at most a second until the live view shows it.
    pub async fn record(&self, request: CommandRequest) -> Result<RecordedCommand, RecordError> {
        let appended = self.append(request).await?;
        let shown = match self.mode.view() {
            Some(views) => views.passed(appended.position(), PATIENCE).await,
            None => false,
        };
        Ok(RecordedCommand { appended, shown })
    }

    /// Records a command without waiting for the view. A bulk load waits once at its end.
    pub async fn append(&self, request: CommandRequest) -> Result<Appended, RecordError> {
        let _place = match &self.places {
            Some(places) => Some(places.acquire().await.expect("nothing closes it")),
            None => None,
        };
        self.prepare(request).await?.append().await
    }

    /// Prepares a command for the append task: asks the view everything that the decision needs.
    pub async fn prepare(&self, request: CommandRequest) -> Result<PreparedCommand<'_>, RecordError> {
        let CommandRequest { principal, command_id, body, expected, source, accept_warnings, dry_run, command } =
            request;
        let actor = principal.actor();
        let sender = Sender { principal, today: civil_day(self.clock.now(), DEPLOYMENT_ZONE) };
        let found = match self.mode.view() {
            Some(views) => Found::read(views, &sender, &command, &accept_warnings).await.map_err(RecordError::Fault)?,
            None => Found::default(),
        };
        let found = self.compared(found, (&sender, &command), &accept_warnings).await.map_err(RecordError::Fault)?;
        let authorization = Authorization::read(self.mode.limiting_view(), sender.clone(), &command).await;
        let authorization = authorization.map_err(RecordError::Fault)?;
        let again = command.clone();
        let keys = if dry_run {
            self.keys_of_dry_run(&command).await.map_err(RecordError::Fault)?
        } else if !command.personal_classes().is_empty() && authorization.bars(&command) {
            CommandKeys::OfNobody
        } else {
            self.keys_for(&command).await.map_err(RecordError::Fault)?
        };
        let erased = self.of_erased(&command, source.as_ref()).await;
        let (body, command) = (keys.keyed(body), keys.digested(command));
        let decide = Decision { authorization, found, accept_warnings, command, keys, erased };
        let request = Request { actor, command_id, body, expected, source, correlation_id: None, dry_run, decide };
        Ok(PreparedCommand::new(self, sender, again, request))
    }

    /// What was found, with the warnings for people who may be known already.
    async fn compared(
        &self,
        mut found: Found,
        (sender, command): (&Sender, &Command),
        accepted: &BTreeSet<String>,
    ) -> Result<Found, LogError> {
        if let Some(views) = self.mode.limiting_view() {
            let alike = possible_duplicate::warnings(views, &self.search, sender, command, accepted).await?;
            found.warnings.extend(alike);
        }
        Ok(found)
    }

    /// A conflict, with the events since the expected version.
    async fn conflict(&self, stream: StreamId, expected: Expected, actual: i64) -> RecordError {
        let after = match expected {
            Expected::Exact(version) => version.max(0),
            Expected::Any | Expected::None | Expected::Exists => 0,
        };
        match self.log.streams([(stream, after)].into_iter()).await {
            Ok(since) => RecordError::Conflict { actual, since },
            Err(fault) => RecordError::Fault(fault),
        }
    }
}

/// The sender of a command, on the day on which it arrives.
#[derive(Debug, Clone)]
struct Sender {
    principal: Principal,
    today: NaiveDate,
}

/// What the live view says about a command when it arrives.
#[derive(Default)]
struct Found {
    /// The workers who have or had the login that the command gives to a worker.
    namesakes: Vec<WorkerId>,
    /// The journeys that share a case number with the referral in the command.
    same_case: Vec<JourneyId>,
    /// The warnings that follow from the view.
    warnings: Vec<ViewWarning>,
    /// The workers who are given cases, and what they hold.
    assigned: Vec<Assigned>,
}

impl Found {
    async fn read(
        views: &Views,
        sender: &Sender,
        command: &Command,
        accepted: &BTreeSet<String>,
    ) -> Result<Self, LogError> {
        let namesakes = login_uniqueness::namesakes(views, command).await?;
        let same_case = same_case::candidates(views, sender, command, accepted).await?;
        let unseen = unseen::warnings(views, sender, command).await?.into_iter();
        let unseen = unseen.map(|warning| ViewWarning { decided_on: None, warning });
        let warnings = unseen.chain(leaving::warnings(views, sender.today, command).await?).collect();
        let assigned = caseload_limit::assigned(views, sender, command).await?;
        Ok(Self { namesakes, same_case, warnings, assigned })
    }
}

/// A warning that follows from the live view.
struct ViewWarning {
    /// The only day of the decision for which it holds. None: whichever day it is.
    decided_on: Option<NaiveDate>,
    warning: Refusal,
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
    authorization: Authorization,
    found: Found,
    accept_warnings: BTreeSet<String>,
    command: Command,
    /// The keys for the texts about a person in the command.
    keys: CommandKeys,
    /// Why the command would bring an erased person back, if it would.
    erased: Option<Refusal>,
}

impl Decision {
    /// The contract of the command, if the loaded streams say it.
    fn contract_code<'a>(&'a self, streams: &Streams<'a, StreamState>) -> Option<&'a str> {
        self.command.contract().or_else(|| history(streams, self.command.stream()).and_then(History::contract))
    }

    /// The contract of the command, as the loaded streams have it.
    fn contract<'a>(&'a self, streams: &Streams<'a, StreamState>) -> Option<&'a Contract> {
        let code = self.contract_code(streams)?;
        match streams.get(StreamId::contract(code)) {
            Some(StreamState::Contract(contract)) => Some(contract),
            _ => None,
        }
    }

    /// The warnings for workers who would hold more cases than they may.
    fn beyond_limits(&self, streams: &Streams<'_, StreamState>) -> Vec<Refusal> {
        let contract = self.contract(streams);
        let terms = contract.and_then(|one| Some((one.code()?, &one.newest_rulebook()?.caseload)));
        caseload_limit::warnings(&self.found.assigned, terms)
    }

    fn events(&self, streams: &Streams<'_, StreamState>, now: DateTime<Utc>) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let none = Contract::default();
        let contract = self.contract(streams).unwrap_or(&none);
        let zone = contract.zone().or_else(|| self.command.zone_of_new_contract());
        let given = Given {
            today: civil_day(now, zone.unwrap_or(DEPLOYMENT_ZONE)),
            contract,
            sender: &self.authorization.sender.principal.subject,
            history: &|stream| {
                history(streams, stream)
                    .filter(|history| history.contract().is_none_or(|code| self.authorization.sees(code)))
                    .filter(|_| !self.authorization.hides(stream))
            },
            accepted: &self.accept_warnings,
            changed: streams.changed(),
        };
        let none = History::default();
        decide(history(streams, self.command.stream()).unwrap_or(&none), &self.command, &given)
    }
}

fn history<'a>(streams: &Streams<'a, StreamState>, stream: StreamId) -> Option<&'a History> {
    streams.get(stream).map(StreamState::history)
}

impl Decide<StreamState> for Decision {
    type Refusal = RecordError;

    fn streams(&self) -> Vec<StreamId> {
        std::iter::once(self.command.stream()).chain(self.command.names()).collect()
    }

    fn also(&self, streams: &Streams<'_, StreamState>) -> Vec<StreamId> {
        let contract = self.contract_code(streams).map(StreamId::contract);
        let batches = streams.changed().streams().filter(|stream| stream.kind == StreamKind::Batch);
        let batches = batches.filter(|_| self.since().is_some());
        let namesakes = self.found.namesakes.iter().copied().map(StreamId::worker);
        let same_case = self.found.same_case.iter().copied().map(StreamId::journey);
        let holders = self.authorization.streams(&self.command, streams);
        let beside = history(streams, self.command.stream()).map(|history| self.command.names_beside(history));
        let beside = beside.unwrap_or_default().into_iter();
        let beside = beside.chain(self.command.names_behind(|stream| history(streams, stream)));
        contract.into_iter().chain(holders).chain(beside).chain(same_case).chain(namesakes).chain(batches).collect()
    }

    fn since(&self) -> Option<Position> {
        self.command.since()
    }

    fn authorize(&self, streams: &Streams<'_, StreamState>) -> Result<(), RecordError> {
        self.authorization.judge(&self.command, self.contract_code(streams), streams)
    }

    fn decide(&self, streams: &Streams<'_, StreamState>, now: DateTime<Utc>) -> Result<Vec<Draft>, RecordError> {
        if let Some(refusal) = &self.erased {
            return Err(RecordError::Refused(refusal.clone().alone()));
        }
        let on = civil_day(now, DEPLOYMENT_ZONE);
        let history_of = |stream| history(streams, stream);
        login_uniqueness::is_free(&self.command, &self.found.namesakes, on, history_of)
            .map_err(RecordError::Refused)?;
        let warnings = self.found.warnings.iter().filter(|found| found.decided_on.is_none_or(|day| day == on));
        let warnings = warnings.map(|found| found.warning.clone()).chain(self.beyond_limits(streams));
        let unheeded: Vec<Refusal> =
            warnings.filter(|warning| !self.accept_warnings.contains(warning.code.as_str())).collect();
        let events = self.events(streams, now).map_err(|mut refusals| {
            // If there are only warnings, report all of them together.
            if refusals.iter().all(|refusal| refusal.severity == Severity::Warning) {
                refusals.extend(unheeded.iter().cloned());
            }
            RecordError::Refused(refusals)
        })?;
        let same_case = &self.found.same_case;
        same_case::is_new(&self.command, same_case, &self.accept_warnings, history_of).map_err(RecordError::Refused)?;
        if !unheeded.is_empty() {
            return Err(RecordError::Refused(unheeded));
        }
        events.into_iter().map(|new| self.draft(new, streams)).collect()
    }
}
