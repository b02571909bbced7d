//! Subscriptions: live updates, from any position in the log.
//!
//! Each subscription follows the log by position, so that every event is delivered exactly once. Before each item it
//! checks that the subscriber still has access. An item that clients look up in the live view is sent only after the
//! view has applied its position.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use chrono::NaiveDate;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;

use super::context::{OrFault as _, RequestContext as _};
use super::event::Event;
use super::filter_checks;
use super::journey::{CaseHistory, Journey};
use super::point_in_time::KnownUpTo;
use super::query::EventFilter;
use super::scalars::{Id, Position};
use super::views::RebuildProgress;
use crate::access::policy::{Action, is_bound_to_cases, policy};
use crate::access::relation::{Case, Holders, Relation, Standing};
use crate::access::{Principal, Scope};
use crate::app::App;
use crate::log::read::PAGE_SIZE;
use crate::log::{LogError, Pages};
use crate::queries;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::views::rebuild::Progress;
use throughline_domain::contract::Contract;
use throughline_domain::fact::envelope::{self, Envelope, JourneyId, StreamId, StreamKind, WorkerId};
use throughline_domain::fact::event::KEYWORKER;
use throughline_domain::journey::caseload;
use throughline_domain::journey::{Assignment, Journey as Folded};
use throughline_gateway::Code;

/// The number of events read at once while some of them match. A slow reader holds up this many.
const STEP: i64 = 50;
/// The longest single wait for the live view. Then the view is looked up again, because it may have been replaced.
const LOOK: Duration = Duration::from_secs(1);

/// The subscription root: live updates.
pub struct Subscription;

/// An event, with the position to resume from.
#[derive(SimpleObject)]
pub struct RecordedEvent {
    /// The position of the event. Pass it as `after` to resume after this event.
    position: Position,
    /// The event.
    event: Event,
}

/// A case that has changed.
#[derive(SimpleObject)]
pub struct ChangedJourney {
    /// The position of the latest event behind the change. Pass it as `after` to resume after this change.
    position: Position,
    /// The case with the events up to that position, as of today.
    journey: Journey,
}

/// A case that has changed, has joined the caseload or has left it.
#[derive(SimpleObject)]
pub struct ChangedCase {
    /// The position of the latest event behind the change. Pass it as `after` to resume after this change.
    position: Position,
    /// The id of the case.
    journey_id: ID,
    /// The case with the events up to that position, as of today. Null if you may no longer read it.
    journey: Option<Journey>,
    /// Whether the case is on the caseload at that position and you may read it. If true, add it to your list; if
    /// false, remove it.
    on_caseload: bool,
}

/// The subscription root: live updates. Each item carries its position. Subscribe again with `after` set to that
/// position to continue without gaps or repeats. A subscription completes when you lose access to what it follows.
#[Subscription]
impl Subscription {
    /// Every event that you may see, in the order of the log, exactly once. If your scope is limited to single
    /// contracts, you receive the events of a subject, worker or team while it has no case anywhere, and afterwards
    /// only if it has a case in one of your contracts. Events recorded while all its cases were in other contracts are
    /// not sent later: read them once with `events` and its id as `stream`.
    async fn event_recorded(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Return only events after this position in the log. Default: only new events, from now on.")]
        after: Option<Position>,
        #[graphql(desc = "Which events to return.")] filter: Option<EventFilter>,
    ) -> Result<impl Stream<Item = Result<RecordedEvent>>> {
        entitled(ctx, Action::ReadEvents)?;
        let filter = filter.unwrap_or_default();
        filter.check(ctx)?;
        let follower = Follower::of(ctx);
        let steps = follower.steps(after).await?;
        Ok(items_of(Recorded { follower, filter, steps, read: VecDeque::new() }))
    }

    /// A case, each time an event is recorded for it and the live view shows the change. Changes that arrive together
    /// are sent as one item.
    async fn journey_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the case.")] id: Id,
        #[graphql(
            desc = "Return only changes after this position in the log. Default: only new changes, from now on."
        )]
        after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<ChangedJourney>>> {
        entitled(ctx, Action::ReadJourneys)?;
        let (follower, journey) = (Follower::of(ctx), JourneyId(id.0));
        let events = follower.app.log.stream(StreamId::journey(journey)).await.or_fault()?;
        let unknown = || Code::BadUserInput.error("there is no case with this id: check the id");
        let newest = events.last().map(|event| event.position).ok_or_else(unknown)?;
        let contract = events.into_iter().next().and_then(|first| first.contract).ok_or_else(unknown)?;
        // The view knows the holder of the case, and may lag a moment behind.
        follower.shown(newest).await;
        if !follower.may_follow(Root::Journey(journey, &contract)).await? {
            return Err(unknown());
        }
        let steps = follower.steps(after).await?;
        Ok(items_of(OfJourney { follower, contract, journey, steps }))
    }

    /// The cases of a caseload: one item each time an event is recorded for a case that is on the caseload, joins it or
    /// leaves it, and the live view shows the change. Changes that arrive together are sent as one item per case. A
    /// case that you may no longer read counts as having left; a case that you never could read is not sent.
    async fn caseload_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract.")] contract: String,
        #[graphql(desc = "The id of the keyworker. Default: the whole caseload, including unassigned cases.")]
        keyworker: Option<Id>,
        #[graphql(
            desc = "Return only changes after this position in the log. Default: only new changes, from now on."
        )]
        after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<ChangedCase>>> {
        entitled(ctx, Action::ReadJourneys)?;
        let follower = Follower::of(ctx);
        if follower.contract(&contract).is_none() {
            return Err(Code::BadUserInput.error("there is no open contract with this code: check the code"));
        }
        let steps = follower.steps(after).await?;
        let keyworker = keyworker.map(|id| WorkerId(id.0));
        filter_checks::worker(ctx, keyworker).await?;
        Ok(items_of(OfCaseload { follower, contract, keyworker, steps, changed: VecDeque::new() }))
    }

    /// The progress of the rebuild that this server runs, each time it advances. The last known progress, if any, is
    /// sent first. Steps that arrive together are sent as one item.
    #[expect(clippy::unused_async, reason = "a subscription must be async")]
    async fn rebuild_progress(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<RebuildProgress>>> {
        entitled(ctx, Action::TendViews)?;
        let follower = Follower::of(ctx);
        let mut progress = follower.app.views.progress();
        progress.mark_changed();
        Ok(items_of(OfRebuild { follower, progress }))
    }
}

/// Refuses a caller whose role does not allow this action at all.
fn entitled(ctx: &Context<'_>, action: Action) -> Result<()> {
    let judged = policy(&ctx.caller().principal, action, Relation::Own);
    judged.map(drop).map_err(|denied| Code::Forbidden.error(denied.to_string()))
}

/// A source of items for a subscription.
trait ItemSource: Send + 'static {
    type Item: Send;

    /// The next item; none when the subscriber has lost access.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Item>>> + Send;
}

/// Sends all items. A fault is sent as an error and ends the subscription; the client resumes after the last position.
fn items_of<T: ItemSource>(source: T) -> impl Stream<Item = Result<T::Item>> {
    unfold(Some(source), |source| async {
        let mut source = source?;
        match source.next().await {
            Ok(Some(item)) => Some((Ok(item), Some(source))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    })
}

/// The progress of a rebuild.
struct OfRebuild {
    follower: Follower,
    progress: watch::Receiver<Option<Progress>>,
}

impl ItemSource for OfRebuild {
    type Item = RebuildProgress;

    async fn next(&mut self) -> Result<Option<RebuildProgress>> {
        loop {
            if self.progress.changed().await.is_err() {
                return Ok(None);
            }
            if policy(&self.follower.principal, Action::TendViews, Relation::Own).is_err() {
                return Ok(None);
            }
            if let Some(progress) = *self.progress.borrow_and_update() {
                return Ok(Some(RebuildProgress::read(self.follower.app.clock.now(), progress)));
            }
        }
    }
}

/// The object of a subscription.
#[derive(Debug, Clone, Copy)]
enum Root<'a> {
    /// Events of the log.
    Events,
    /// A case in this contract.
    Journey(JourneyId, &'a str),
    /// A caseload of this contract.
    Caseload(&'a str),
}

/// The subscriber, and the application needed to serve them.
struct Follower {
    app: App,
    principal: Principal,
}

impl Follower {
    fn of(ctx: &Context<'_>) -> Self {
        Self { app: ctx.app().clone(), principal: ctx.caller().principal.clone() }
    }

    /// Whether they have access now. Checked before each item and before any search for items.
    async fn may_follow(&self, root: Root<'_>) -> Result<bool> {
        let may = |action| policy(&self.principal, action, Relation::Own).is_ok();
        Ok(match root {
            Root::Events => may(Action::ReadEvents),
            Root::Journey(journey, contract) => self.readable(&[(journey, contract)]).await?.contains(&journey),
            Root::Caseload(contract) => {
                // A worker who has left the service may not even read unassigned cases.
                let in_scope = self.principal.scope.contract(contract).is_some();
                in_scope && may(Action::ReadJourneys) && !self.standing().await?.is_nobodys()
            }
        })
    }

    /// Which of these cases they may read now.
    async fn readable(&self, journeys: &[(JourneyId, &str)]) -> Result<BTreeSet<JourneyId>> {
        queries::caseload_scope::readable(&self.app.views.live(), &self.principal, self.deployment_today(), journeys)
            .await
            .or_fault()
    }

    /// The cases that their rights cover now.
    async fn standing(&self) -> Result<Standing> {
        queries::caseload_scope::standing(&self.app.views.live(), &self.principal, self.deployment_today())
            .await
            .or_fault()
    }

    /// Whether a caller with this access could read a case of their contract in this state.
    fn could_read(&self, standing: &Standing, contract: &str, journey: &Folded) -> bool {
        let holders = holders(journey, standing.on());
        let area = journey.referral.as_ref().map(|referral| referral.details.area.as_str()).unwrap_or_default();
        let relation = standing.relation(Case { contract, area, holders: &holders });
        policy(&self.principal, Action::ReadJourneys, relation).is_ok()
    }

    fn deployment_today(&self) -> NaiveDate {
        civil_day(self.app.clock.now(), DEPLOYMENT_ZONE)
    }

    /// The log after a position, or from now on.
    async fn steps(&self, after: Option<Position>) -> Result<Steps> {
        let after = match after {
            None => self.app.log.head().await.or_fault()?.position,
            Some(Position(after)) => {
                let found = self.app.log.within(after).await.or_fault()?;
                found.map_err(|elsewhere| Code::BadUserInput.error(elsewhere.to_string()))?;
                after
            }
        };
        Ok(Steps { pages: self.app.log.pages(after), step: STEP })
    }

    /// Waits until the live view has applied a position.
    async fn shown(&self, position: envelope::Position) {
        while !self.app.views.passed(position, LOOK).await {}
    }

    /// Whether they may see an event. For an event of a subject or worker this depends on the current cases connected
    /// with them.
    async fn may_see(&self, event: &Envelope) -> Result<bool> {
        // For a role whose rights do not depend on cases: a deployment-wide scope sees every event, and a scope of
        // contracts sees the events of its contracts by their code.
        if !is_bound_to_cases(self.principal.role) {
            if self.principal.scope == Scope::Deployment {
                return Ok(true);
            }
            if self.principal.scope.areas().is_none()
                && let (StreamKind::Contract | StreamKind::Journey, Some(code)) = (event.stream.kind, &event.contract)
            {
                return Ok(self.principal.scope.contract(code).is_some());
            }
        }
        // The events recorded together with it say whom it concerns. They are at or before the head.
        self.shown(self.app.log.head().await.or_fault()?.position).await;
        let live = self.app.views.live();
        let visible = queries::event_visibility::filter(
            &live,
            &self.principal,
            self.deployment_today(),
            std::slice::from_ref(event),
        )
        .await
        .or_fault()?;
        Ok(visible(event))
    }

    fn contract(&self, code: &str) -> Option<Arc<Contract>> {
        self.principal.scope.contract(code).and_then(|scoped| self.app.views.live().contract_state(scoped))
    }

    fn today(&self, contract: &Contract) -> NaiveDate {
        civil_day(self.app.clock.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE))
    }
}

/// Reads the log in small steps while events match, and in long steps while none does.
struct Steps {
    pages: Pages,
    step: i64,
}

impl Steps {
    async fn next(&mut self) -> Result<Vec<Envelope>, LogError> {
        self.pages.next(self.step).await
    }

    fn any_fits(&mut self, any: bool) {
        self.step = if any { STEP } else { (self.step * 2).min(PAGE_SIZE) };
    }
}

/// Events as they are recorded.
struct Recorded {
    follower: Follower,
    filter: EventFilter,
    steps: Steps,
    read: VecDeque<Envelope>,
}

impl ItemSource for Recorded {
    type Item = RecordedEvent;

    async fn next(&mut self) -> Result<Option<RecordedEvent>> {
        loop {
            if !self.follower.may_follow(Root::Events).await? {
                return Ok(None);
            }
            match self.read.pop_front() {
                Some(event) if self.follower.may_see(&event).await? => {
                    return Ok(Some(RecordedEvent { position: Position(event.position), event: Event(event) }));
                }
                Some(_) => {}
                None => {
                    let read = self.steps.next().await.or_fault()?;
                    self.read.extend(read.into_iter().filter(|event| self.filter.fits(event)));
                    self.steps.any_fits(!self.read.is_empty());
                }
            }
        }
    }
}

/// A case as it changes.
struct OfJourney {
    follower: Follower,
    contract: String,
    journey: JourneyId,
    steps: Steps,
}

impl ItemSource for OfJourney {
    type Item = ChangedJourney;

    async fn next(&mut self) -> Result<Option<ChangedJourney>> {
        loop {
            let read = self.steps.next().await.or_fault()?;
            let newest = read.iter().rev().find(|event| event.stream == StreamId::journey(self.journey));
            let newest = newest.map(|event| event.position);
            self.steps.any_fits(newest.is_some());
            self.follower.shown(self.steps.pages.after()).await;
            if !self.follower.may_follow(Root::Journey(self.journey, &self.contract)).await? {
                return Ok(None);
            }
            if let Some(position) = newest {
                return self.changed(position).await;
            }
        }
    }
}

impl OfJourney {
    async fn changed(&self, position: envelope::Position) -> Result<Option<ChangedJourney>> {
        let Some(contract) = self.follower.contract(&self.contract) else { return Ok(None) };
        let events = self.follower.app.log.stream(StreamId::journey(self.journey)).await.or_fault()?;
        let story = CaseHistory::of(events, KnownUpTo(position)).or_fault()?;
        let today = self.follower.today(&contract);
        Ok(story.map(|story| ChangedJourney {
            position: Position(position),
            journey: Journey::of(self.journey, contract, today, Arc::new(story)),
        }))
    }
}

/// A caseload as its cases change.
struct OfCaseload {
    follower: Follower,
    contract: String,
    keyworker: Option<WorkerId>,
    steps: Steps,
    changed: VecDeque<Changed>,
}

/// A case that may concern the caseload, before the check whether it may be read.
struct Changed {
    journey: JourneyId,
    story: Arc<CaseHistory>,
    position: envelope::Position,
    /// Whether it was on the caseload before, and the subscriber could read it.
    was_on: bool,
    is_on: bool,
}

impl ItemSource for OfCaseload {
    type Item = ChangedCase;

    async fn next(&mut self) -> Result<Option<ChangedCase>> {
        loop {
            if !self.follower.may_follow(Root::Caseload(&self.contract)).await? {
                return Ok(None);
            }
            let Some(contract) = self.follower.contract(&self.contract) else { return Ok(None) };
            let today = self.follower.today(&contract);
            if let Some(changed) = self.changed.pop_front() {
                let may_read = self.follower.may_follow(Root::Journey(changed.journey, &self.contract)).await?;
                if changed.was_on || changed.is_on && may_read {
                    return Ok(Some(changed.into_item(contract, today, may_read)));
                }
                continue;
            }
            let before = self.steps.pages.after();
            let read = self.steps.next().await.or_fault()?;
            self.follower.shown(self.steps.pages.after()).await;
            self.changed = self.concerned(&read, before, today).await?.into();
            self.steps.any_fits(!self.changed.is_empty());
        }
    }
}

impl OfCaseload {
    /// The cases that these events concern, ordered by the last event of each: cases on the caseload after the events,
    /// and cases on it before.
    async fn concerned(&self, read: &[Envelope], before: envelope::Position, today: NaiveDate) -> Result<Vec<Changed>> {
        let of_contract = |event: &&Envelope| event.contract.as_ref() == Some(&self.contract);
        let of_journeys = read.iter().filter(of_contract).filter(|event| event.stream.kind == StreamKind::Journey);
        let newest: HashMap<JourneyId, envelope::Position> =
            of_journeys.map(|event| (JourneyId(event.stream.id), event.position)).collect();
        if newest.is_empty() {
            return Ok(Vec::new());
        }
        let standing = self.follower.standing().await?;
        let streams = newest.keys().map(|id| (StreamId::journey(*id), 0));
        let mut recorded: HashMap<JourneyId, Vec<Envelope>> = HashMap::new();
        for event in self.follower.app.log.streams(streams).await.or_fault()? {
            recorded.entry(JourneyId(event.stream.id)).or_default().push(event);
        }
        let mut concerned = Vec::new();
        for (journey, events) in recorded {
            let position = newest[&journey];
            let earlier = CaseHistory::of(events.clone(), KnownUpTo(before)).or_fault()?;
            let Some(story) = CaseHistory::of(events, KnownUpTo(position)).or_fault()? else { continue };
            let was_on = earlier.is_some_and(|earlier| {
                let earlier = earlier.history().journey_as_of(today);
                self.is_on(&earlier, today) && self.follower.could_read(&standing, &self.contract, &earlier)
            });
            let is_on = self.is_on(&story.history().journey_as_of(today), today);
            if was_on || is_on {
                concerned.push(Changed { journey, story: Arc::new(story), position, was_on, is_on });
            }
        }
        concerned.sort_unstable_by_key(|changed| changed.position);
        Ok(concerned)
    }

    /// Whether a case is on the caseload at the end of a day.
    fn is_on(&self, journey: &Folded, day: NaiveDate) -> bool {
        let is_theirs = |held: Option<WorkerId>| self.keyworker.is_none_or(|worker| held == Some(worker));
        let mut stretches = caseload::stretches(journey).into_iter();
        stretches.any(|stretch| stretch.from <= day && day < stretch.to && is_theirs(stretch.keyworker))
    }
}

impl Changed {
    fn into_item(self, contract: Arc<Contract>, today: NaiveDate, may_read: bool) -> ChangedCase {
        let journey = may_read.then(|| Journey::of(self.journey, contract, today, self.story));
        let (position, journey_id) = (Position(self.position), ID(self.journey.to_string()));
        ChangedCase { position, journey_id, journey, on_caseload: self.is_on && may_read }
    }
}

/// The workers who hold a case on a day.
fn holders(journey: &Folded, on: NaiveDate) -> Holders {
    let held = journey.assignments.iter().filter(|held| held.is_on(on));
    let (keyworkers, others): (Vec<_>, Vec<_>) = held.partition(|held| held.role == KEYWORKER);
    let workers = |held: Vec<&Assignment>| held.into_iter().map(|held| held.worker).collect();
    Holders { keyworkers: workers(keyworkers), others: workers(others) }
}
