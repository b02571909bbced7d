//! Any object by its id. An id that the caller may not see is treated as one that does not exist.
//!
//! Each kind of object is looked up once, however many ids are requested.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Result};
use uuid::Uuid;

use super::batch::Batch;
use super::claim::Claim;
use super::context::{OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::event::Event;
use super::import_job::ImportJob;
use super::journey::appointment::Appointment;
use super::journey::evidence::Evidence;
use super::journey::spell::Spell;
use super::journey::work::{Risk, Task};
use super::journey::{self, CaseHistory, Journey};
use super::offer::{self, OfferedReferral};
use super::people::{Subject, Worker};
use super::point_in_time::KnownUpTo;
use super::query::visible;
use super::team::Team;
use super::webhook::WebhookSubscription;
use crate::access::policy::{Action, Redaction};
use crate::jobs::job::Job;
use crate::outbox::subscription::Subscription;
use crate::queries;
use throughline_domain::fact::envelope::{
    BatchId, ClaimId, Envelope, EventId, JourneyId, OfferId, StreamId, StreamKind, SubjectId, TeamId, WorkerId,
};

/// Any object with an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The id, unique across the whole API."))]
pub enum Node {
    /// A contract.
    Contract(Contract),
    /// A case.
    Journey(Journey),
    /// An event.
    Event(Box<Event>),
    /// A worker.
    Worker(Worker),
    /// A subject.
    Subject(Subject),
    /// A team.
    Team(Team),
    /// A batch of claims.
    Batch(Batch),
    /// A claim, as of today.
    Claim(Box<Claim>),
    /// A spell: a job, home, placement or course.
    Spell(Box<Spell>),
    /// An appointment with the client.
    Appointment(Box<Appointment>),
    /// A task.
    Task(Box<Task>),
    /// A risk.
    Risk(Risk),
    /// A piece of evidence.
    Evidence(Box<Evidence>),
    /// A webhook subscription.
    WebhookSubscription(Box<WebhookSubscription>),
    /// An import that another system sent.
    ImportJob(Box<ImportJob>),
    /// A referral that a partner offered.
    OfferedReferral(Box<OfferedReferral>),
}

/// The objects with these ids, in this order; none for an id that does not exist or that the caller may not see.
pub(super) async fn find(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let ids: Vec<Option<Uuid>> = ids.iter().map(|id| id.parse().ok()).collect();
    let wanted: Vec<Uuid> = ids.iter().flatten().copied().collect();
    let found = Found::among(ctx, &wanted).await?;
    let mut nodes = Vec::with_capacity(ids.len());
    for id in ids {
        nodes.push(match id {
            Some(id) => found.node(ctx, id).await?,
            None => None,
        });
    }
    Ok(nodes)
}

/// The result of looking up several ids.
struct Found {
    stories: HashMap<JourneyId, Arc<CaseHistory>>,
    /// The cases that contain an item with the id.
    things: BTreeMap<Uuid, Vec<JourneyId>>,
    subjects: BTreeSet<SubjectId>,
    workers: BTreeSet<WorkerId>,
    teams: BTreeSet<TeamId>,
    events: HashMap<EventId, Envelope>,
    contracts: HashMap<Uuid, String>,
    /// The contract of each batch.
    batches: HashMap<BatchId, String>,
    subscriptions: HashMap<Uuid, Subscription>,
    imports: HashMap<Uuid, Job>,
    offers: HashMap<OfferId, OfferedReferral>,
}

impl Found {
    async fn among(ctx: &Context<'_>, ids: &[Uuid]) -> Result<Self> {
        let caller = ctx.caller();
        let (scope, generation) = (&caller.principal.scope, &caller.generation);
        let (mut stories, mut subjects, mut events) = (HashMap::new(), BTreeSet::new(), HashMap::new());
        let mut things = BTreeMap::new();
        if ctx.may(Action::ReadJourneys) {
            things = queries::tracked_items::journeys_of(generation, ids).await.or_fault()?;
            let named: BTreeSet<JourneyId> =
                ids.iter().map(|id| JourneyId(*id)).chain(things.values().flatten().copied()).collect();
            stories = journey::case_histories(ctx, named.into_iter(), KnownUpTo::ALL).await?;
            // Those who see pseudonyms find a subject through its cases only.
            let finds = !ctx.redacts(Redaction::SubjectIds);
            let known: Vec<SubjectId> = ids.iter().filter(|_| finds).map(|id| SubjectId(*id)).collect();
            let today = ctx.deployment_today();
            subjects = queries::caseload_scope::readable_subjects(generation, &caller.principal, today, &known)
                .await
                .or_fault()?;
        }
        let known: Vec<WorkerId> = ids.iter().map(|id| WorkerId(*id)).collect();
        let workers = queries::people::visible_workers(generation, scope, &known).await.or_fault()?;
        let known: Vec<TeamId> = ids.iter().map(|id| TeamId(*id)).collect();
        let teams = queries::people::visible_teams(generation, scope, &known).await.or_fault()?;
        if ctx.may(Action::ReadEvents) || ctx.may(Action::ReadJourneys) {
            let known: Vec<EventId> = ids.iter().map(|id| EventId(*id)).collect();
            let mut read = ctx.app().log.events(&known).await.or_fault()?;
            if !ctx.may(Action::ReadEvents) {
                // A caller who may read a case sees its events in the timeline.
                read.retain(|event| event.stream.kind == StreamKind::Journey);
            }
            let visible = visible(ctx, &read).await?;
            events = read.into_iter().filter(|event| visible(event)).map(|event| (event.event_id, event)).collect();
        }
        let contracts = queries::contracts::all(generation, scope).await.or_fault()?.into_iter();
        let contracts = contracts.map(|row| (StreamId::contract(&row.code).id, row.code)).collect();
        let mut batches = HashMap::new();
        if ctx.may(Action::ReadBatches) {
            let streams = ids.iter().map(|id| (StreamId::batch(BatchId(*id)), 0));
            let read = ctx.app().log.streams(streams).await.or_fault()?;
            let of = |event: Envelope| Some((BatchId(event.stream.id), event.contract?));
            batches = read.into_iter().filter_map(of).collect();
        }
        let mut subscriptions = HashMap::new();
        if ctx.may(Action::ManageSubscriptions) {
            let read = ctx.app().outbox.find_all(scope, ids).await.or_fault()?;
            subscriptions = read.into_iter().map(|of| (of.id, of)).collect();
        }
        let mut imports = HashMap::new();
        if ctx.may(Action::ImportRecords) {
            let read = ctx.app().imports.find_all(scope, ids).await.or_fault()?;
            imports = read.into_iter().map(|job| (job.id, job)).collect();
        }
        let offers = offer::find(ctx, &ids.iter().map(|id| OfferId(*id)).collect::<Vec<_>>()).await?;
        Ok(Self {
            stories,
            things,
            subjects,
            workers,
            teams,
            events,
            contracts,
            batches,
            subscriptions,
            imports,
            offers,
        })
    }

    async fn node(&self, ctx: &Context<'_>, id: Uuid) -> Result<Option<Node>> {
        if let Some(story) = self.stories.get(&JourneyId(id)) {
            return Ok(Journey::today(ctx, JourneyId(id), Arc::clone(story)).map(Node::Journey));
        }
        for journey in self.things.get(&id).into_iter().flatten() {
            let story = self.stories.get(journey).map(Arc::clone);
            let journey = story.and_then(|story| Journey::today(ctx, *journey, story));
            if let Some(item) = journey.and_then(|journey| journey.item(id)) {
                return Ok(Some(item));
            }
        }
        if self.subjects.contains(&SubjectId(id)) {
            return Ok(Some(Node::Subject(Subject::today(SubjectId(id)))));
        }
        if self.workers.contains(&WorkerId(id)) {
            return Ok(Worker::load(ctx, WorkerId(id), KnownUpTo::ALL).await.transpose()?.map(Node::Worker));
        }
        if self.teams.contains(&TeamId(id)) {
            return Ok(Some(Node::Team(Team::as_of(TeamId(id), ctx.deployment_today(), KnownUpTo::ALL))));
        }
        if let Some(event) = self.events.get(&EventId(id)) {
            return Ok(Some(Node::Event(Box::new(Event(event.clone())))));
        }
        if let Some(code) = self.batches.get(&BatchId(id)) {
            return Ok(Batch::of_contract(ctx, code, BatchId(id)).await?.map(Node::Batch));
        }
        let scoped = self.contracts.get(&id).and_then(|code| ctx.in_scope(code));
        if let Some(contract) = scoped.and_then(|scoped| Contract::today(ctx, scoped)) {
            return Ok(Some(Node::Contract(contract)));
        }
        if let Some(subscription) = self.subscriptions.get(&id) {
            return Ok(Some(Node::WebhookSubscription(Box::new(WebhookSubscription(subscription.clone())))));
        }
        if let Some(job) = self.imports.get(&id) {
            return Ok(Some(Node::ImportJob(Box::new(ImportJob(job.clone())))));
        }
        if let Some(offer) = self.offers.get(&OfferId(id)) {
            return Ok(Some(Node::OfferedReferral(Box::new(offer.clone()))));
        }
        // The id of a claim is a UUID of version 5, derived from the case or scope. Ids of other objects are not.
        if id.get_version_num() == 5 && ctx.may(Action::ReadJourneys) {
            return Ok(Claim::today(ctx, ClaimId(id)).await?.map(Box::new).map(Node::Claim));
        }
        Ok(None)
    }
}
