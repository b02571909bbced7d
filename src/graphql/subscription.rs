//! Subscriptions: what may be followed live, from any position on.
//!
//! Each follows the log by position, so that none is missed and none told twice, and asks before each item whether
//! whoever follows still may. Nothing here may tell of a position that the live view has not passed, where what is told
//! can be asked of the view.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use chrono::NaiveDate;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;

use super::at::Known;
use super::context::{Asked as _, OrFault as _, Parts};
use super::event::Event;
use super::journey::{Journey, Story};
use super::known;
use super::query::EventFilter;
use super::scalars::{Id, Position};
use super::views::RebuildProgress;
use crate::access::policy::{Action, is_bound_to_cases, policy};
use crate::access::relation::{Case, Holders, Relation, Standing};
use crate::access::{Principal, Scope};
use crate::log::read::PAGE_SIZE;
use crate::log::{LogError, Pages};
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::views::rebuild::Progress;
use throughline_domain::contract::Contract;
use throughline_domain::fact::envelope::{self, Envelope, JourneyId, StreamId, StreamKind, WorkerId};
use throughline_domain::fact::event::KEYWORKER;
use throughline_domain::journey::caseload;
use throughline_domain::journey::{Assignment, Journey as Folded};
use throughline_gateway::Code;

/// Events that are read at once while some of them are told: what a slow reader holds up.
const STEP: i64 = 50;
/// How long one wait for the live view lasts before it is asked for again: it may have been replaced.
const LOOK: Duration = Duration::from_secs(1);

/// What may be followed live.
pub struct Subscription;

/// An event, and where to go on after it.
#[derive(SimpleObject)]
pub struct RecordedEvent {
    /// The event's position: give it as `after` to go on from here.
    position: Position,
    /// The event.
    event: Event,
}

/// A journey that has changed.
#[derive(SimpleObject)]
pub struct ChangedJourney {
    /// The position of the newest event behind the change: give it as `after` to go on from here.
    position: Position,
    /// The journey as it is known at that position, read as of today.
    journey: Journey,
}

/// A case of a caseload that has changed, has come to it or has left it.
#[derive(SimpleObject)]
pub struct ChangedCase {
    /// The position of the newest event behind the change: give it as `after` to go on from here.
    position: Position,
    /// The id of the journey that changed.
    journey_id: ID,
    /// The journey as it is known at that position, read as of today; none if you may no longer read it.
    journey: Option<Journey>,
    /// Whether the case is on that caseload at that position and you may read it: put it on the list, or take it off.
    on_caseload: bool,
}

/// What may be followed live. Each item carries its position; a subscription that is opened again `after` it goes on
/// without a gap and without a repeat. Losing the right to what is followed completes the subscription.
#[Subscription]
impl Subscription {
    /// Every event that you may see, in the order of the log: each once, none missed. Whoever sees single contracts sees
    /// the events of a subject, worker or team as long as it has no journey or case anywhere, and then where it has one.
    /// So what was recorded of somebody while all their cases were elsewhere is not told again when they come to a
    /// contract of yours: read it once, by `events` with their id as `stream`.
    async fn event_recorded(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only events after this position; those to come if left out.")] after: Option<Position>,
        #[graphql(desc = "Which events.")] filter: Option<EventFilter>,
    ) -> Result<impl Stream<Item = Result<RecordedEvent>>> {
        entitled(ctx, Action::ReadEvents)?;
        let filter = filter.unwrap_or_default();
        filter.check(ctx)?;
        let follower = Follower::of(ctx);
        let steps = follower.steps(after).await?;
        Ok(told(Recorded { follower, filter, steps, read: VecDeque::new() }))
    }

    /// A journey, each time that something is recorded of it and the live view shows it. Changes that come at once are
    /// told as one.
    async fn journey_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The journey's id.")] id: Id,
        #[graphql(desc = "Only changes after this position; those to come if left out.")] after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<ChangedJourney>>> {
        entitled(ctx, Action::ReadJourneys)?;
        let (follower, journey) = (Follower::of(ctx), JourneyId(id.0));
        let events = follower.parts.log.stream(StreamId::journey(journey)).await.or_fault()?;
        let unknown = || Code::BadUserInput.error("no journey of this id is known: check the id");
        let newest = events.last().map(|event| event.position).ok_or_else(unknown)?;
        let contract = events.into_iter().next().and_then(|first| first.contract).ok_or_else(unknown)?;
        // Who holds it is known by the view, which may be a moment behind.
        follower.shown(newest).await;
        if !follower.may_follow(Root::Journey(journey, &contract)).await? {
            return Err(unknown());
        }
        let steps = follower.steps(after).await?;
        Ok(told(OfJourney { follower, contract, journey, steps }))
    }

    /// The cases of a caseload, each time that something is recorded of one that is on it, comes to it or leaves it, and
    /// the live view shows it. Changes that come at once are told as one for each case. A case that you could read and no
    /// longer may has left; one that you never could is not told.
    async fn caseload_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract's code.")] contract: String,
        #[graphql(desc = "Whose caseload; everybody's and nobody's if left out.")] keyworker: Option<Id>,
        #[graphql(desc = "Only changes after this position; those to come if left out.")] after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<ChangedCase>>> {
        entitled(ctx, Action::ReadJourneys)?;
        let follower = Follower::of(ctx);
        if follower.contract(&contract).is_none() {
            return Err(Code::BadUserInput.error("no contract of this code is open: check the code"));
        }
        let steps = follower.steps(after).await?;
        let keyworker = keyworker.map(|id| WorkerId(id.0));
        known::worker(ctx, keyworker).await?;
        Ok(told(OfCaseload { follower, contract, keyworker, steps, changed: VecDeque::new() }))
    }

    /// How far the rebuild of the views is that this server does, each time that it goes on; the last one first, if there
    /// was one. Steps that come at once are told as one.
    #[expect(clippy::unused_async, reason = "subscriptions are asked for so")]
    async fn rebuild_progress(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<RebuildProgress>>> {
        entitled(ctx, Action::TendViews)?;
        let follower = Follower::of(ctx);
        let mut progress = follower.parts.views.progress();
        progress.mark_changed();
        Ok(told(OfRebuild { follower, progress }))
    }
}

/// Refuses a caller whose role may not do this, whatever it is about.
fn entitled(ctx: &Context<'_>, action: Action) -> Result<()> {
    let judged = policy(&ctx.caller().principal, action, Relation::Own);
    judged.map(drop).map_err(|denied| Code::Forbidden.error(denied.to_string()))
}

/// Something that is told item by item.
trait Told: Send + 'static {
    type Item: Send;

    /// The next item; none when whoever follows may no longer.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Item>>> + Send;
}

/// Tells all of it. A fault is told and ends it: whoever follows goes on after the last position.
fn told<T: Told>(telling: T) -> impl Stream<Item = Result<T::Item>> {
    unfold(Some(telling), |telling| async {
        let mut telling = telling?;
        match telling.next().await {
            Ok(Some(item)) => Some((Ok(item), Some(telling))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    })
}

/// How far a rebuild is.
struct OfRebuild {
    follower: Follower,
    progress: watch::Receiver<Option<Progress>>,
}

impl Told for OfRebuild {
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
                return Ok(Some(RebuildProgress::read(self.follower.parts.clock.now(), progress)));
            }
        }
    }
}

/// What somebody follows.
#[derive(Debug, Clone, Copy)]
enum Root<'a> {
    /// Events of the log.
    Events,
    /// A journey, which is one of this contract.
    Journey(JourneyId, &'a str),
    /// A caseload of this contract.
    Caseload(&'a str),
}

/// Who follows, and what is asked for them.
struct Follower {
    parts: Parts,
    principal: Principal,
}

impl Follower {
    fn of(ctx: &Context<'_>) -> Self {
        Self { parts: ctx.parts().clone(), principal: ctx.caller().principal.clone() }
    }

    /// Whether they may follow this at this moment: asked before each item, and before any is looked for.
    async fn may_follow(&self, root: Root<'_>) -> Result<bool> {
        let may = |action| policy(&self.principal, action, Relation::Own).is_ok();
        Ok(match root {
            Root::Events => may(Action::ReadEvents),
            Root::Journey(journey, contract) => self.readable(&[(journey, contract)]).await?.contains(&journey),
            Root::Caseload(contract) => {
                // Whoever has left the service could not even read a case that nobody has.
                let in_scope = self.principal.scope.contract(contract).is_some();
                in_scope && may(Action::ReadJourneys) && !self.standing().await?.is_nobodys()
            }
        })
    }

    /// Which of these journeys they may read at this moment.
    async fn readable(&self, journeys: &[(JourneyId, &str)]) -> Result<BTreeSet<JourneyId>> {
        self.parts.views.live().readable(&self.principal, self.deployment_today(), journeys).await.or_fault()
    }

    /// Whose cases their rights reach at this moment.
    async fn standing(&self) -> Result<Standing> {
        self.parts.views.live().standing(&self.principal, self.deployment_today()).await.or_fault()
    }

    /// Whether a caller of this standing could read a case of a contract of theirs, as it was.
    fn could_read(&self, standing: &Standing, contract: &str, journey: &Folded) -> bool {
        let holders = holders(journey, standing.on());
        let area = journey.referral.as_ref().map(|referral| referral.details.area.as_str()).unwrap_or_default();
        let relation = standing.relation(Case { contract, area, holders: &holders });
        policy(&self.principal, Action::ReadJourneys, relation).is_ok()
    }

    fn deployment_today(&self) -> NaiveDate {
        civil_day(self.parts.clock.now(), DEPLOYMENT_ZONE)
    }

    /// The log after a position, or from now on.
    async fn steps(&self, after: Option<Position>) -> Result<Steps> {
        let after = match after {
            None => self.parts.log.head().await.or_fault()?.position,
            Some(Position(after)) => {
                let found = self.parts.log.within(after).await.or_fault()?;
                found.map_err(|elsewhere| Code::BadUserInput.error(elsewhere.to_string()))?;
                after
            }
        };
        Ok(Steps { pages: self.parts.log.pages(after), step: STEP })
    }

    /// Waits until the live view has passed a position.
    async fn shown(&self, position: envelope::Position) {
        while !self.parts.views.passed(position, LOOK).await {}
    }

    /// Whether they may know of an event: of a subject's or a worker's, as the journeys stand that are about or with
    /// them.
    async fn may_see(&self, event: &Envelope) -> Result<bool> {
        // Where nobody's cases matter, a contract's events are judged by its code alone, and all of them by none.
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
        // What was recorded together with it says whom it concerns, and is at or before the head.
        self.shown(self.parts.log.head().await.or_fault()?.position).await;
        let live = self.parts.views.live();
        let visible = live
            .visible_events(&self.principal, self.deployment_today(), std::slice::from_ref(event))
            .await
            .or_fault()?;
        Ok(visible(event))
    }

    fn contract(&self, code: &str) -> Option<Arc<Contract>> {
        self.principal.scope.contract(code).and_then(|scoped| self.parts.views.live().told(scoped))
    }

    fn today(&self, contract: &Contract) -> NaiveDate {
        civil_day(self.parts.clock.now(), contract.zone().unwrap_or(DEPLOYMENT_ZONE))
    }
}

/// The log in steps that are small while what is read is told, and long while nothing fits.
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

impl Told for Recorded {
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

/// A journey as it changes.
struct OfJourney {
    follower: Follower,
    contract: String,
    journey: JourneyId,
    steps: Steps,
}

impl Told for OfJourney {
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
        let events = self.follower.parts.log.stream(StreamId::journey(self.journey)).await.or_fault()?;
        let story = Story::of(events, Known(position)).or_fault()?;
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

/// A case that concerns a caseload, before it is asked whether it may be read.
struct Changed {
    journey: JourneyId,
    story: Arc<Story>,
    position: envelope::Position,
    /// Whether it was on the caseload before, and could be read by whoever follows.
    was_on: bool,
    is_on: bool,
}

impl Told for OfCaseload {
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
                    return Ok(Some(changed.told(contract, today, may_read)));
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
    /// The cases that these events concern, in the order of the last of each: those that are on the caseload after them,
    /// and those that were before.
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
        for event in self.follower.parts.log.streams(streams).await.or_fault()? {
            recorded.entry(JourneyId(event.stream.id)).or_default().push(event);
        }
        let mut concerned = Vec::new();
        for (journey, events) in recorded {
            let position = newest[&journey];
            let earlier = Story::of(events.clone(), Known(before)).or_fault()?;
            let Some(story) = Story::of(events, Known(position)).or_fault()? else { continue };
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
    fn told(self, contract: Arc<Contract>, today: NaiveDate, may_read: bool) -> ChangedCase {
        let journey = may_read.then(|| Journey::of(self.journey, contract, today, self.story));
        let (position, journey_id) = (Position(self.position), ID(self.journey.to_string()));
        ChangedCase { position, journey_id, journey, on_caseload: self.is_on && may_read }
    }
}

/// Who holds a case on a day.
fn holders(journey: &Folded, on: NaiveDate) -> Holders {
    let held = journey.assignments.iter().filter(|held| held.is_on(on));
    let (keyworkers, others): (Vec<_>, Vec<_>) = held.partition(|held| held.role == KEYWORKER);
    let workers = |held: Vec<&Assignment>| held.into_iter().map(|held| held.worker).collect();
    Holders { keyworkers: workers(keyworkers), others: workers(others) }
}
