//! The payload of a mutation: the changed object, its events, and the problems.

use async_graphql::{Context, ID, Interface, Result, SimpleObject};

use crate::causes;
use crate::erasure::Erasures;
use crate::graphql::batch::Batch;
use crate::graphql::context::OrFault as _;
use crate::graphql::contract::Contract;
use crate::graphql::event::{Event, OccurredOn};
use crate::graphql::journey::Journey;
use crate::graphql::mutation::input::amend::FactOwner;
use crate::graphql::mutation::input_path::SentInput;
use crate::graphql::offer::{self, OfferedReferral};
use crate::graphql::people::{Subject, Worker};
use crate::graphql::scalars::Position;
use crate::graphql::team::Team;
use crate::graphql::views::Views;
use crate::graphql::webhook::WebhookSubscription;
use crate::log::append::Draft;
use crate::record::{RecordError, RecordedCommand};
use throughline_domain::fact::envelope::{BatchId, Envelope, JourneyId, OfferId, SubjectId, TeamId, WorkerId};
use throughline_domain::fact::refusal::{self, DependentFact};
use throughline_gateway::Code;

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(remote = "refusal::Severity")]
pub enum Severity {
    /// The command was refused and nothing was recorded.
    Error,
    /// A warning. If nothing was recorded, check the warning and send the command again with its code in
    /// `acceptWarnings`.
    Warning,
}

/// A problem with a command: a refusal, a warning or a notice.
#[expect(clippy::duplicated_attributes, reason = "fields of an interface share types")]
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&String", desc = "The stable code of the problem, such as `DATED_IN_FUTURE`."),
    field(name = "severity", ty = "&Severity", desc = "Whether the problem is an error or a warning."),
    field(name = "message", ty = "&String", desc = "What is wrong and what to do next."),
    field(
        name = "path",
        ty = "&Vec<String>",
        desc = "The path to the input field with the problem, outermost field first."
    ),
    field(
        name = "rule",
        ty = "&Option<String>",
        desc = "The rule behind the problem: a rule of the domain, or a key of the rulebook."
    ),
    field(name = "allowed", ty = "&Vec<String>", desc = "The values that are allowed, if these can be listed.")
)]
pub enum Problem {
    /// The command was refused.
    Refusal(Refusal),
    /// The stream has changed since the version that the command expected.
    VersionConflict(VersionConflict),
    /// A notice about an accepted command.
    Notice(Notice),
}

/// The reason why the domain's rules refuse a command.
#[derive(Debug, Clone, SimpleObject)]
pub struct Refusal {
    /// The stable code of the refusal.
    code: String,
    /// Whether the problem is an error or a warning.
    severity: Severity,
    /// What is wrong and what to do next.
    message: String,
    /// The path to the input field with the problem, outermost field first.
    path: Vec<String>,
    /// The rule behind the refusal: a rule of the domain, or a key of the rulebook.
    rule: Option<String>,
    /// The values that are allowed, if these can be listed.
    allowed: Vec<String>,
    /// The recorded facts that conflict with the command.
    facts: Vec<BlockingFact>,
}

/// The stream is not at the version that the command expected.
#[derive(Debug, Clone, SimpleObject)]
pub struct VersionConflict {
    /// Always `VERSION_CONFLICT`.
    code: String,
    /// Whether the problem is an error or a warning.
    severity: Severity,
    /// What is wrong and what to do next.
    message: String,
    /// The path to the input field: `expectedVersion`.
    path: Vec<String>,
    /// The rule behind the problem.
    rule: Option<String>,
    /// The version to expect instead.
    allowed: Vec<String>,
    /// The current version of the stream.
    actual_version: i64,
    /// The events recorded since the expected version.
    events: Vec<Event>,
}

/// A notice about a command that was accepted.
#[derive(Debug, Clone, SimpleObject)]
pub struct Notice {
    /// The stable code of the notice.
    code: String,
    /// Whether the problem is an error or a warning.
    severity: Severity,
    /// What happened and what to do next.
    message: String,
    /// The path to the input field, outermost field first.
    path: Vec<String>,
    /// The rule behind the notice.
    rule: Option<String>,
    /// The values that are allowed, if these can be listed.
    allowed: Vec<String>,
}

/// A recorded fact that conflicts with a command.
#[derive(Debug, Clone, SimpleObject)]
pub struct BlockingFact {
    /// The id of the original event.
    event: ID,
    /// The type of the event, such as `ContactLogged`.
    #[graphql(name = "type")]
    event_type: String,
    /// The date of the fact, with corrections applied.
    occurred: OccurredOn,
}

impl From<&DependentFact> for BlockingFact {
    fn from(fact: &DependentFact) -> Self {
        Self {
            event: ID(fact.event_id.to_string()),
            event_type: fact.event_type.as_str().to_owned(),
            occurred: fact.occurred.into(),
        }
    }
}

impl Problem {
    /// The refusal of a command, with its path in the input as sent.
    pub(in crate::graphql) fn of(refused: refusal::Refusal, sent: &SentInput) -> Self {
        let path = refused.path.as_ref().map(|path| sent.input_path(path)).unwrap_or_default();
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
        message: "this commandId was used for another command: give every command a new id".to_owned(),
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
    notice("VIEW_BEHIND", "recorded, but lists and counts do not show it yet: read them again in a moment".to_owned())
}

fn erasure_unfinished() -> Problem {
    let message = "approved, but not erased yet: the service finishes it as soon as keys and files can be reached";
    notice("ERASURE_UNFINISHED", message.to_owned())
}

fn not_readable_now() -> Problem {
    let message = "recorded, but the changed object cannot be read now: query it in a moment";
    notice("NOT_READABLE_NOW", message.to_owned())
}

fn dry_run(events: &[Draft]) -> Problem {
    let types: Vec<&str> = events.iter().map(|event| event.event_type).collect();
    notice("DRY_RUN", format!("nothing was recorded; without dryRun this would be recorded: {}", types.join(", ")))
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

/// The result of a command, ready for any payload.
pub struct Outcome {
    events: Vec<Envelope>,
    replayed: bool,
    problems: Vec<Problem>,
}

impl Outcome {
    /// Reads the answer of the recorder: a refusal becomes data, access errors and faults become GraphQL errors.
    pub fn of(answer: Result<RecordedCommand, RecordError>, sent: &SentInput) -> Result<Self> {
        let unrecorded = |problems| Ok(Self::unrecorded(false, problems));
        match answer {
            Ok(done) => Ok(Self {
                replayed: done.appended.replayed,
                problems: if done.shown { Vec::new() } else { vec![view_behind()] },
                events: done.appended.events,
            }),
            Err(RecordError::Refused(refusals)) => Ok(Self::refused(refusals, sent)),
            Err(RecordError::CommandIdReused) => unrecorded(vec![command_id_reused()]),
            Err(RecordError::Conflict { actual, since }) => {
                let remedy = "check the events recorded since, then send the command again";
                let message = format!("the stream is at version {actual}: {remedy}");
                unrecorded(vec![conflict(actual, message, since)])
            }
            Err(RecordError::DryRun(events)) => unrecorded(vec![dry_run(&events)]),
            Err(RecordError::Denied(denied)) => Err(Code::Forbidden.error(denied.to_string())),
            Err(RecordError::Fault(fault)) => Err(fault).or_fault(),
        }
    }

    /// A command with an invalid input.
    pub fn refused(refusals: Vec<refusal::Refusal>, sent: &SentInput) -> Self {
        let problems = refusal::limited(refusals).into_iter().map(|refusal| Problem::of(refusal, sent)).collect();
        Self::unrecorded(false, problems)
    }

    /// The result of an order that the log does not record.
    pub(in crate::graphql) fn unrecorded(replayed: bool, problems: Vec<Problem>) -> Self {
        Self { events: Vec::new(), replayed, problems }
    }

    /// The same, with a notice if the contact was recorded for a worker whose login differs in spelling from the
    /// caller's.
    #[must_use]
    pub fn spelt_otherwise(mut self, login: &str, spelt: Option<&str>) -> Self {
        if let Some(spelt) = spelt.filter(|_| self.accepted()) {
            let message =
                format!("recorded for the worker with the login {spelt:?}, which is the same login as {login:?}");
            self.problems.push(notice("LOGIN_SPELT_OTHERWISE", message));
        }
        self
    }

    /// The same, after the erasure of the subject that it approved, with a warning if that is not done yet.
    pub async fn erased(mut self, erasures: &Erasures, subject: SubjectId) -> Self {
        let Some(approved_at) = self.events.last().map(|approval| approval.position) else { return self };
        if let Err(error) = erasures.finish(subject, approved_at).await {
            tracing::warn!(
                error = causes::in_words(&error),
                "an approved erasure could not be finished; it is tried again"
            );
            self.problems.push(erasure_unfinished());
        }
        self
    }

    fn position(&self) -> Option<Position> {
        self.events.last().map(|event| Position(event.position))
    }

    fn accepted(&self) -> bool {
        !self.events.is_empty()
    }

    /// Reads the object of a payload. If the store is unavailable after the command was accepted, the payload leaves
    /// the object out and says so in a notice. An error instead would hide that the command was recorded.
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

/// Declares a payload with one object, or with several optional objects of which a command concerns one.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            $($(#[$field_doc])* $field: Option<$type>,)+
            /// The events that the command recorded. Empty if it was refused.
            events: Vec<Event>,
            /// The position of the last of these events in the log. A later query can wait for it.
            position: Option<Position>,
            /// Whether the command had already been recorded: then these are the events of the first time.
            replayed: bool,
            /// Refusals, warnings and notices. An error means that nothing was recorded.
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
    /// The result of a command on a case.
    JourneyPayload {
        /// The case as of today. Null if you may not see it.
        journey: Journey
    }
}

payload! {
    /// The result of a command on many cases.
    AssignmentsPayload {
        /// The cases as of today, limited to those that you may see.
        journeys: Vec<Journey>
    }
}

payload! {
    /// The result of recording an assessment score.
    AssessmentPayload {
        /// The case as of today, if a client was scored.
        journey: Journey,
        /// The worker, if a worker was scored.
        worker: Worker,
    }
}

payload! {
    /// The result of recording a measurement.
    MeasurePayload {
        /// The case as of today, if a client was measured.
        journey: Journey,
        /// The contract, if the whole contract was measured.
        contract: Contract,
    }
}

payload! {
    /// The result of a command on a contract.
    ContractPayload {
        /// The present contract. Null if it is not open.
        contract: Contract
    }
}

payload! {
    /// The result of a command on a batch.
    BatchPayload {
        /// The present batch. Null if it does not exist.
        batch: Batch
    }
}

payload! {
    /// The result of a command on a worker.
    WorkerPayload {
        /// The worker. Null if the command was refused or you may not see the worker.
        worker: Worker
    }
}

payload! {
    /// The result of a command on a team.
    TeamPayload {
        /// The team as of today. Null if the command was refused or you may not see the team.
        team: Team
    }
}

payload! {
    /// The result of setting a capacity.
    CapacityPayload {
        /// The worker, if the capacity of a worker was set.
        worker: Worker,
        /// The team as of today, if the capacity of a team was set.
        team: Team,
    }
}

payload! {
    /// The result of a correction or retraction.
    AmendmentPayload {
        /// The case as of today, if the facts belong to a case.
        journey: Journey,
        /// The subject, if the facts belong to a subject.
        subject: Subject,
        /// The worker, if the facts belong to a worker.
        worker: Worker,
        /// The team as of today, if the facts belong to a team.
        team: Team,
        /// The present contract, if the facts belong to a contract.
        contract: Contract,
    }
}

payload! {
    /// The result of a command on a subject.
    SubjectPayload {
        /// The subject. Null if the command was refused or you may not see the subject. An administrator may not, even
        /// if the command was accepted.
        subject: Subject
    }
}

payload! {
    /// The result of an order on the views. The log does not record such orders, so `events` is always empty.
    ViewsPayload {
        /// The views as they are now.
        views: Views
    }
}

payload! {
    /// The result of an order on a webhook subscription. The log does not record such orders, so `events` is always
    /// empty.
    SubscriptionPayload {
        /// The subscription. Null if the command was refused.
        subscription: WebhookSubscription,
        /// What the receiver needs to verify the signatures of each new key: a shared secret (`whsec_…`) or a public key
        /// (`whpk_…`). A shared secret is shown only here.
        secrets: Vec<String>,
    }
}

impl SubscriptionPayload {
    /// The payload of an order on a subscription, with what the receiver needs of its new keys.
    pub fn of(managed: Option<(WebhookSubscription, Vec<String>)>, outcome: Outcome) -> Self {
        let (subscription, secrets) = managed.unzip();
        Self::with(subscription, secrets, outcome)
    }
}

mod access;
mod imports;
mod present;

pub use access::{ApiKeyPayload, RevealPayload, RoleGrantPayload, SessionsPayload};
pub use imports::{ImportPayload, UpsertPayload};
use present::{contract, journey, journeys, subject, team, worker};

payload! {
    /// The result of a command on an offered referral.
    OfferPayload {
        /// The present offered referral. Null if it does not exist, or you may not see it.
        offer: OfferedReferral
    }
}

impl OfferPayload {
    /// The payload of a command on this offer.
    pub async fn of(ctx: &Context<'_>, id: OfferId, mut outcome: Outcome) -> Result<Self> {
        let read = offer::one(ctx, id).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl ViewsPayload {
    /// The payload of an order on the views.
    pub fn of(outcome: Outcome) -> Self {
        Self::with(Some(Views), outcome)
    }
}

impl JourneyPayload {
    /// The payload of a command on this case.
    pub async fn of(ctx: &Context<'_>, id: JourneyId, mut outcome: Outcome) -> Result<Self> {
        Ok(Self::with(outcome.about(journey(ctx, id).await)?, outcome))
    }
}

impl AssignmentsPayload {
    /// The payload of a command on these cases, in their order.
    pub async fn of(ctx: &Context<'_>, ids: &[JourneyId], mut outcome: Outcome) -> Result<Self> {
        Ok(Self::with(outcome.about(journeys(ctx, ids).await.map(Some))?, outcome))
    }
}

impl AssessmentPayload {
    /// The payload of a command on this case or worker; without an object if none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&FactOwner>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { journey, worker, .. } = outcome.about(read)?;
        Ok(Self::with(journey, worker, outcome))
    }
}

impl MeasurePayload {
    /// The payload of a command on this case or contract; without an object if none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&FactOwner>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { journey, contract, .. } = outcome.about(read)?;
        Ok(Self::with(journey, contract, outcome))
    }
}

impl ContractPayload {
    /// The payload of a command on the contract with this code.
    pub fn of(ctx: &Context<'_>, code: &str, outcome: Outcome) -> Self {
        Self::with(contract(ctx, code), outcome)
    }
}

impl BatchPayload {
    /// The payload of a command on this batch.
    pub async fn of(ctx: &Context<'_>, id: BatchId, mut outcome: Outcome) -> Result<Self> {
        Ok(Self::with(outcome.about(Batch::today(ctx, id).await)?, outcome))
    }
}

impl WorkerPayload {
    /// The payload of a command on this worker.
    pub async fn of(ctx: &Context<'_>, id: WorkerId, mut outcome: Outcome) -> Result<Self> {
        let read = worker(ctx, id, &outcome).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl SubjectPayload {
    /// The payload of a command on this subject.
    pub async fn of(ctx: &Context<'_>, id: SubjectId, mut outcome: Outcome) -> Result<Self> {
        let read = subject(ctx, id, &outcome).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl TeamPayload {
    /// The payload of a command on this team.
    pub async fn of(ctx: &Context<'_>, id: TeamId, mut outcome: Outcome) -> Result<Self> {
        let read = team(ctx, id, &outcome).await;
        Ok(Self::with(outcome.about(read)?, outcome))
    }
}

impl CapacityPayload {
    /// The payload of a command on this worker or team; without an object if none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&FactOwner>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { worker, team, .. } = outcome.about(read)?;
        Ok(Self::with(worker, team, outcome))
    }
}

impl AmendmentPayload {
    /// The payload of a correction or retraction of facts in this stream; without an object if none was named.
    pub async fn of(ctx: &Context<'_>, whose: Option<&FactOwner>, mut outcome: Outcome) -> Result<Self> {
        let read = Things::of(ctx, whose, &outcome).await;
        let Things { journey, subject, worker, team, contract } = outcome.about(read)?;
        Ok(Self::with(journey, subject, worker, team, contract, outcome))
    }
}

/// The one object that a command concerns, in its present state.
#[derive(Default)]
struct Things {
    journey: Option<Journey>,
    subject: Option<Subject>,
    worker: Option<Worker>,
    team: Option<Team>,
    contract: Option<Contract>,
}

impl Things {
    async fn of(ctx: &Context<'_>, whose: Option<&FactOwner>, outcome: &Outcome) -> Result<Self> {
        let mut things = Self::default();
        match whose {
            Some(FactOwner::Journey(id)) => things.journey = journey(ctx, *id).await?,
            Some(FactOwner::Subject(id)) => things.subject = subject(ctx, *id, outcome).await?,
            Some(FactOwner::Worker(id)) => things.worker = worker(ctx, *id, outcome).await?,
            Some(FactOwner::Team(id)) => things.team = team(ctx, *id, outcome).await?,
            Some(FactOwner::Contract(code)) => things.contract = contract(ctx, code),
            None => {}
        }
        Ok(things)
    }
}
