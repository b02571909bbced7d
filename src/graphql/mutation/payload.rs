//! What a mutation answers: the thing as it now is, its events, and the problems that stood in the way.

use async_graphql::{Context, ID, Interface, Result, SimpleObject};

use crate::graphql::at::Known;
use crate::graphql::batch::Batch;
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::graphql::contract::Contract;
use crate::graphql::event::{Event, OccurredOn};
use crate::graphql::journey::{self, Journey};
use crate::graphql::mutation::input::amend::Whose;
use crate::graphql::mutation::sent::Sent;
use crate::graphql::people::{Subject, Worker};
use crate::graphql::query;
use crate::graphql::scalars::Position;
use crate::graphql::team::Team;
use crate::graphql::views::Views;
use crate::log::append::Draft;
use crate::record::{Done, NotDone};
use throughline_domain::fact::envelope::{BatchId, Envelope, JourneyId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::refusal::{self, DependentFact};
use throughline_gateway::Code;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(remote = "refusal::Severity")]
pub enum Severity {
    /// It stands in the way: nothing was recorded.
    Error,
    /// Worth a second look. Where nothing was recorded, send the command again with the code in `acceptWarnings`.
    Warning,
}

/// Something that stood in the way of a command, or is worth knowing about it.
#[expect(clippy::duplicated_attributes, reason = "fields of an interface share types")]
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&String", desc = "The stable code, such as `DATED_IN_FUTURE`."),
    field(name = "severity", ty = "&Severity", desc = "How much it weighs."),
    field(name = "message", ty = "&String", desc = "What is wrong and what to do next."),
    field(name = "path", ty = "&Vec<String>", desc = "The field of the input that it is about, outermost first."),
    field(
        name = "rule",
        ty = "&Option<String>",
        desc = "The rule behind it: of the domain, or a key of the rulebook."
    ),
    field(name = "allowed", ty = "&Vec<String>", desc = "What would be allowed, where that is a list.")
)]
pub enum Problem {
    /// The domain says no.
    Refusal(Refusal),
    /// The stream has moved on.
    VersionConflict(VersionConflict),
    /// Worth knowing.
    Notice(Notice),
}

/// The domain says no, and why.
#[derive(Debug, Clone, SimpleObject)]
pub struct Refusal {
    /// The stable code.
    code: String,
    /// How much it weighs.
    severity: Severity,
    /// What is wrong and what to do next.
    message: String,
    /// The field of the input that it is about, outermost first.
    path: Vec<String>,
    /// The rule behind it.
    rule: Option<String>,
    /// What would be allowed.
    allowed: Vec<String>,
    /// The recorded facts that stand in the way.
    facts: Vec<FactInTheWay>,
}

/// The stream is not at the version that the command expected.
#[derive(Debug, Clone, SimpleObject)]
pub struct VersionConflict {
    /// Always `VERSION_CONFLICT`.
    code: String,
    /// How much it weighs.
    severity: Severity,
    /// What is wrong and what to do next.
    message: String,
    /// The field of the input: `expectedVersion`.
    path: Vec<String>,
    /// The rule behind it.
    rule: Option<String>,
    /// The version that would be allowed.
    allowed: Vec<String>,
    /// The version at which the stream is.
    actual_version: i64,
    /// The events since the version that was expected.
    events: Vec<Event>,
}

/// Something worth knowing about a command that was accepted.
#[derive(Debug, Clone, SimpleObject)]
pub struct Notice {
    /// The stable code.
    code: String,
    /// How much it weighs.
    severity: Severity,
    /// What it is and what to do next.
    message: String,
    /// The field of the input that it is about.
    path: Vec<String>,
    /// The rule behind it.
    rule: Option<String>,
    /// What would be allowed.
    allowed: Vec<String>,
}

/// A recorded fact that stands in the way of a command.
#[derive(Debug, Clone, SimpleObject)]
pub struct FactInTheWay {
    /// Its original event.
    event: ID,
    /// Its type.
    #[graphql(name = "type")]
    event_type: String,
    /// When it was so, as it now reads.
    occurred: OccurredOn,
}

impl From<&DependentFact> for FactInTheWay {
    fn from(fact: &DependentFact) -> Self {
        Self {
            event: ID(fact.event_id.to_string()),
            event_type: fact.event_type.as_str().to_owned(),
            occurred: fact.occurred.into(),
        }
    }
}

impl Problem {
    /// The domain says no to what was sent.
    pub(in crate::graphql) fn of(refused: refusal::Refusal, sent: &Sent) -> Self {
        let path = refused.path.as_ref().map(|path| sent.way(path)).unwrap_or_default();
        Self::Refusal(Refusal {
            code: refused.code.as_str().to_owned(),
            severity: refused.severity.into(),
            message: refused.message,
            path,
            rule: refused.rule,
            allowed: refused.allowed,
            facts: refused.facts.iter().map(Into::into).collect(),
        })
    }
}

pub(in crate::graphql) fn command_id_reused() -> Problem {
    Problem::Refusal(Refusal {
        code: "COMMAND_ID_REUSED".to_owned(),
        severity: Severity::Error,
        message: "this commandId was used for another command: give every new command an id of its own".to_owned(),
        path: vec!["commandId".to_owned()],
        rule: None,
        allowed: Vec::new(),
        facts: Vec::new(),
    })
}

pub(in crate::graphql) fn conflict(actual: i64, message: String, since: Vec<Envelope>) -> Problem {
    Problem::VersionConflict(VersionConflict {
        code: "VERSION_CONFLICT".to_owned(),
        severity: Severity::Error,
        message,
        path: vec!["expectedVersion".to_owned()],
        rule: None,
        allowed: vec![actual.to_string()],
        actual_version: actual,
        events: since.into_iter().map(Event).collect(),
    })
}

fn view_behind() -> Problem {
    notice("VIEW_BEHIND", "recorded, but lists and counts do not show it yet: ask again in a moment".to_owned())
}

fn not_readable_now() -> Problem {
    let message = "recorded, but what it is about cannot be read now: ask for it in a moment";
    notice("NOT_READABLE_NOW", message.to_owned())
}

fn dry_run(events: &[Draft]) -> Problem {
    let types: Vec<&str> = events.iter().map(|event| event.event_type).collect();
    notice("DRY_RUN", format!("nothing was recorded; without dryRun it would be: {}", types.join(", ")))
}

pub(in crate::graphql) fn notice(code: &str, message: String) -> Problem {
    Problem::Notice(Notice {
        code: code.to_owned(),
        severity: Severity::Warning,
        message,
        path: Vec::new(),
        rule: None,
        allowed: Vec::new(),
    })
}

/// What became of a command, ready for any payload.
pub struct Outcome {
    events: Vec<Envelope>,
    replayed: bool,
    problems: Vec<Problem>,
}

impl Outcome {
    /// Reads what the write side answered: a refusal is data, access and faults are errors.
    pub fn of(answer: Result<Done, NotDone>, sent: &Sent) -> Result<Self> {
        let unrecorded = |problems| Ok(Self::unrecorded(false, problems));
        match answer {
            Ok(done) => Ok(Self {
                replayed: done.appended.replayed,
                problems: if done.shown { Vec::new() } else { vec![view_behind()] },
                events: done.appended.events,
            }),
            Err(NotDone::Refused(refusals)) => Ok(Self::refused(refusals, sent)),
            Err(NotDone::CommandIdReused) => unrecorded(vec![command_id_reused()]),
            Err(NotDone::Conflict { actual, since }) => {
                let told = "look at the events since, then send the command anew";
                let message = format!("the stream is at version {actual}: {told}");
                unrecorded(vec![conflict(actual, message, since)])
            }
            Err(NotDone::DryRun(events)) => unrecorded(vec![dry_run(&events)]),
            Err(NotDone::Denied(denied)) => Err(Code::Forbidden.error(denied.to_string())),
            Err(NotDone::Fault(fault)) => Err(fault).or_fault(),
        }
    }

    /// What was sent cannot be.
    pub fn refused(refusals: Vec<refusal::Refusal>, sent: &Sent) -> Self {
        let problems = refusal::told(refusals).into_iter().map(|refusal| Problem::of(refusal, sent)).collect();
        Self::unrecorded(false, problems)
    }

    /// What became of an order that the log does not record.
    pub(in crate::graphql) fn unrecorded(replayed: bool, problems: Vec<Problem>) -> Self {
        Self { events: Vec::new(), replayed, problems }
    }

    /// The same, saying so where it was recorded as that of a worker whose login is spelt otherwise than the sender's.
    #[must_use]
    pub fn spelt_otherwise(mut self, login: &str, spelt: Option<&str>) -> Self {
        if let Some(spelt) = spelt.filter(|_| self.accepted()) {
            let message = format!(
                "recorded as a contact of the worker who signs in as {spelt:?}, which {login:?} is the same as"
            );
            self.problems.push(notice("LOGIN_SPELT_OTHERWISE", message));
        }
        self
    }

    fn position(&self) -> Option<Position> {
        self.events.last().map(|event| Position(event.position))
    }

    fn accepted(&self) -> bool {
        !self.events.is_empty()
    }

    /// The thing that a payload is about, as it was read. Where the store is away and the command was accepted, the
    /// payload goes without it and says so: an error in its place would deny what is recorded.
    fn about<T: Default>(&mut self, read: Result<T>) -> Result<T> {
        match read {
            Err(error) if self.accepted() && Code::Unavailable.is_of(&error) => {
                self.problems.push(not_readable_now());
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// Declares a payload around one thing, or around several of which a command is about one.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            $($(#[$field_doc])* $field: Option<$type>,)+
            /// The events that the command made; none if it was refused.
            events: Vec<Event>,
            /// The log position of the last of them: a later read may wait for it.
            position: Option<Position>,
            /// Whether the command had been done before: these are the events of the first time.
            replayed: bool,
            /// What stood in the way, or is worth knowing.
            problems: Vec<Problem>,
        }

        impl $name {
            fn with($($field: Option<$type>,)+ outcome: Outcome) -> Self {
                Self {
                    $($field,)+
                    position: outcome.position(),
                    events: outcome.events.into_iter().map(Event).collect(),
                    replayed: outcome.replayed,
                    problems: outcome.problems,
                }
            }
        }
    };
}

payload! {
    /// What a command about a journey answers.
    JourneyPayload {
        /// The journey as it now is, as of today; none if the caller may not know of it.
        journey: Journey
    }
}

payload! {
    /// What a command about many journeys answers.
    AssignmentsPayload {
        /// The journeys as they now are, as of today, of those that you may know of.
        journeys: Vec<Journey>
    }
}

payload! {
    /// What the scoring of an assessment answers.
    AssessmentPayload {
        /// The journey as it now is, as of today, if the client was scored.
        journey: Journey,
        /// The worker, if a worker was scored.
        worker: Worker,
    }
}

payload! {
    /// What the recording of a measure answers.
    MeasurePayload {
        /// The journey as it now is, as of today, if it was measured of a client.
        journey: Journey,
        /// The contract, if it was measured of the whole contract.
        contract: Contract,
    }
}

payload! {
    /// What a command about a contract answers.
    ContractPayload {
        /// The contract as it now is; none if it is not open.
        contract: Contract
    }
}

payload! {
    /// What a command about a batch answers.
    BatchPayload {
        /// The batch as it now is; none if there is no such batch.
        batch: Batch
    }
}

payload! {
    /// What a command about a worker answers.
    WorkerPayload {
        /// The worker; none if the command was refused or you may not know of them.
        worker: Worker
    }
}

payload! {
    /// What a command about a team answers.
    TeamPayload {
        /// The team as it stands today; none if the command was refused or you may not know of it.
        team: Team
    }
}

payload! {
    /// What the setting of a capacity answers.
    CapacityPayload {
        /// The worker, if it is theirs.
        worker: Worker,
        /// The team as it stands today, if it is the team's.
        team: Team,
    }
}

payload! {
    /// What a correction or retraction answers.
    AmendmentPayload {
        /// The journey as it now is, as of today, if the facts are of a journey.
        journey: Journey,
        /// The subject, if they are of a subject.
        subject: Subject,
        /// The worker, if they are of a worker.
        worker: Worker,
        /// The team as it stands today, if they are of a team.
        team: Team,
        /// The contract as it now is, if they are of a contract.
        contract: Contract,
    }
}

payload! {
    /// What a command about a subject answers.
    SubjectPayload {
        /// The subject; none if the command was refused or you may not know of it: an administrator sees none, also where
        /// the command was accepted.
        subject: Subject
    }
}

payload! {
    /// What an order about the views answers. The log records none of it, so there are never events.
    ViewsPayload {
        /// The views as they now are.
        views: Views
    }
}

impl ViewsPayload {
    /// The payload of an order about the views.
    pub fn of(outcome: Outcome) -> Self {
        Self::with(Some(Views), outcome)
    }
}

impl JourneyPayload {
    /// The payload of a command about this journey.
    pub async fn of(ctx: &Context<'_>, id: JourneyId, mut outcome: Outcome) -> Result<Self> {
        Ok(Self::with(outcome.about(journey(ctx, id).await)?, outcome))
    }
}

impl AssignmentsPayload {
    /// The payload of a command about these journeys, in their order.
    pub async fn of(ctx: &Context<'_>, ids: &[JourneyId], mut outcome: Outcome) -> Result<Self> {
        Ok(Self::with(outcome.about(journeys(ctx, ids).await.map(Some))?, outcome))
    }
}

impl AssessmentPayload {
    /// The payload of a command about this journey or worker; of neither where none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&Whose>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { journey, worker, .. } = outcome.about(read)?;
        Ok(Self::with(journey, worker, outcome))
    }
}

impl MeasurePayload {
    /// The payload of a command about this journey or contract; of neither where none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&Whose>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { journey, contract, .. } = outcome.about(read)?;
        Ok(Self::with(journey, contract, outcome))
    }
}

impl ContractPayload {
    /// The payload of a command about the contract of this code.
    pub fn of(ctx: &Context<'_>, code: &str, outcome: Outcome) -> Self {
        Self::with(contract(ctx, code), outcome)
    }
}

impl BatchPayload {
    /// The payload of a command about this batch.
    pub async fn of(ctx: &Context<'_>, id: BatchId, mut outcome: Outcome) -> Result<Self> {
        Ok(Self::with(outcome.about(Batch::today(ctx, id).await)?, outcome))
    }
}

impl WorkerPayload {
    /// The payload of a command about this worker.
    pub async fn of(ctx: &Context<'_>, id: WorkerId, mut outcome: Outcome) -> Result<Self> {
        let read = worker(ctx, id, &outcome).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl SubjectPayload {
    /// The payload of a command about this subject.
    pub async fn of(ctx: &Context<'_>, id: SubjectId, mut outcome: Outcome) -> Result<Self> {
        let read = subject(ctx, id, &outcome).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl TeamPayload {
    /// The payload of a command about this team.
    pub async fn of(ctx: &Context<'_>, id: TeamId, mut outcome: Outcome) -> Result<Self> {
        let read = team(ctx, id, &outcome).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl CapacityPayload {
    /// The payload of a command about this worker or team; of neither where none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&Whose>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { worker, team, .. } = outcome.about(read)?;
        Ok(Self::with(worker, team, outcome))
    }
}

impl AmendmentPayload {
    /// The payload of a correction or retraction of facts of this thing; of nothing where none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&Whose>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { journey, subject, worker, team, contract } = outcome.about(read)?;
        Ok(Self::with(journey, subject, worker, team, contract, outcome))
    }
}

/// The one thing that a command is about, as it now is.
#[derive(Default)]
struct Things {
    journey: Option<Journey>,
    subject: Option<Subject>,
    worker: Option<Worker>,
    team: Option<Team>,
    contract: Option<Contract>,
}

impl Things {
    async fn of(ctx: &Context<'_>, whose: Option<&Whose>, outcome: &Outcome) -> Result<Self> {
        let mut things = Self::default();
        match whose {
            Some(Whose::Journey(id)) => things.journey = journey(ctx, *id).await?,
            Some(Whose::Subject(id)) => things.subject = subject(ctx, *id, outcome).await?,
            Some(Whose::Worker(id)) => things.worker = worker(ctx, *id, outcome).await?,
            Some(Whose::Team(id)) => things.team = team(ctx, *id, outcome).await?,
            Some(Whose::Contract(code)) => things.contract = contract(ctx, code),
            None => {}
        }
        Ok(things)
    }
}

/// The journey as it now is, as far as the caller may know of it.
async fn journey(ctx: &Context<'_>, id: JourneyId) -> Result<Option<Journey>> {
    let story = journey::stories(ctx, std::iter::once(id), Known::ALL).await?.remove(&id);
    Ok(story.and_then(|story| Journey::today(ctx, id, story)))
}

/// The journeys as they now are, in this order, of those that the caller may know of.
async fn journeys(ctx: &Context<'_>, ids: &[JourneyId]) -> Result<Vec<Journey>> {
    let mut stories = journey::stories(ctx, ids.iter().copied(), Known::ALL).await?;
    Ok(ids.iter().filter_map(|id| Journey::today(ctx, *id, stories.remove(id)?)).collect())
}

/// The contract as it now is, as far as the caller may know of it.
fn contract(ctx: &Context<'_>, code: &str) -> Option<Contract> {
    Contract::today(ctx, ctx.in_scope(code)?)
}

/// The worker, once a command about them was accepted, as far as the caller may know of them.
async fn worker(ctx: &Context<'_>, id: WorkerId, outcome: &Outcome) -> Result<Option<Worker>> {
    if !outcome.accepted() {
        return Ok(None);
    }
    let caller = ctx.caller();
    let visible = caller.generation.visible_workers(&caller.principal.scope, &[id]).await.or_fault()?;
    if visible.contains(&id) { Worker::load(ctx, id, Known::ALL).await.transpose() } else { Ok(None) }
}

/// The subject, once a command about it was accepted, as far as the caller may know of it.
async fn subject(ctx: &Context<'_>, id: SubjectId, outcome: &Outcome) -> Result<Option<Subject>> {
    if !outcome.accepted() {
        return Ok(None);
    }
    let (caller, today) = (ctx.caller(), ctx.deployment_today());
    let readable = caller.generation.readable_subjects(&caller.principal, today, &[id]).await.or_fault()?;
    Ok(readable.contains(&id).then(|| Subject::today(id)))
}

/// The team, once a command about it was accepted, as far as the caller may know of it.
async fn team(ctx: &Context<'_>, id: TeamId, outcome: &Outcome) -> Result<Option<Team>> {
    if outcome.accepted() { query::team(ctx, id, None).await } else { Ok(None) }
}
