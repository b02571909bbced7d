//! Queries: where a client enters.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, Result, SimpleObject};

use super::at::{ContractAt, JourneyAt, Known};
use super::bounds::{FIRST_MAX, PageLength};
use super::compare::{ViewComparison, ViewPoint};
use super::context::{Asked as _, OrFault as _};
use super::contract::Contract;
use super::event::{Event, StreamKind};
use super::journey::{self, Journey, Story};
use super::known;
use super::list::{self, JourneyConnection, JourneyFilterInput, JourneyOrder, PageInfo};
use super::node::{self, Node};
use super::people::Worker;
use super::preview::{self, RulebookPreview};
use super::rulebook::RulebookVersionConnection;
use super::scalars::{Date, Id, Instant, Position};
use super::staff::{StaffOf, TeamConnection};
use super::team::Team;
use super::views::Views;
use crate::access::Scope;
use crate::log::read::Lane;
use crate::views::journeys::Population;
use throughline_domain::fact::envelope::{self, Envelope, JourneyId, StreamId, TeamId};
use throughline_domain::fact::event::EventType;
use throughline_gateway::Code;

/// Where a client enters.
pub struct Query;

/// Who is asking.
pub struct Viewer;

/// Who is asking.
#[Object]
impl Viewer {
    /// The login, as the token says it.
    async fn subject<'c>(&self, ctx: &'c Context<'_>) -> &'c str {
        &ctx.caller().principal.subject
    }

    /// The role in which you act.
    async fn role(&self, ctx: &Context<'_>) -> &'static str {
        ctx.caller().principal.role.as_str()
    }

    /// The worker whose login yours is and who is here today, if there is one.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        let caller = ctx.caller();
        let (login, today) = (&caller.principal.subject, ctx.deployment_today());
        let found = caller.generation.worker_of_login(login, today).await.or_fault();
        found.map(|own| own.map(Worker::now)).transpose()
    }
}

/// Where the log stands.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct LogHead {
    /// The position of the newest event.
    position: Position,
    /// When that was recorded.
    recorded_at: Instant,
}

/// Which events are wanted; everything given must fit.
#[derive(Debug, Clone, Default, InputObject)]
pub struct EventFilter {
    /// Of this contract.
    pub contract: Option<String>,
    /// Of these types, such as `ContactLogged`.
    pub types: Option<Vec<String>>,
    /// Of streams of this kind.
    pub stream_kind: Option<StreamKind>,
    /// Of the stream of this id.
    pub stream: Option<Id>,
    /// Of this journey.
    pub journey: Option<Id>,
}

impl EventFilter {
    /// Refuses a contract that the caller cannot see, and a type that no event has.
    pub(super) fn check(&self, ctx: &Context<'_>) -> Result<()> {
        known::contract(ctx, self.contract.as_deref())?;
        match self.types.iter().flatten().find(|name| EventType::named(name).is_none()) {
            Some(name) => {
                Err(Code::BadUserInput.error(format!("unknown event type {name:?}: write one such as ContactLogged")))
            }
            None => Ok(()),
        }
    }

    /// The parts of the log that hold every event that fits and that somebody may see: the smallest that an index leads
    /// through.
    pub(super) fn lanes(&self, scope: &Scope) -> Vec<Lane> {
        let named = |name: &String| EventType::named(name).map(EventType::as_str);
        if let Some(types) = &self.types {
            let types: BTreeSet<&'static str> = types.iter().filter_map(named).collect();
            return self.lanes_of_types(types, scope);
        }
        // Of the other kinds there is little beside what journeys record.
        if let Some(kind) = self.stream_kind.filter(|kind| *kind != StreamKind::Journey) {
            let kind = envelope::StreamKind::from(kind);
            let of_kind = EventType::ALL.iter().filter(|of| of.stream_kinds().contains(&kind));
            return self.lanes_of_types(of_kind.map(|of| of.as_str()).collect(), scope);
        }
        match (&self.contract, scope) {
            (Some(code), _) => vec![Lane::Contract(code.clone())],
            (None, Scope::Deployment) => vec![Lane::Whole],
            (None, Scope::Contracts(_) | Scope::Areas { .. }) => lanes_of(scope),
        }
    }

    /// The events of these types, of the contract that is asked for or of those in scope, unless these are many.
    fn lanes_of_types(&self, types: BTreeSet<&'static str>, scope: &Scope) -> Vec<Lane> {
        let (contracts, beside): (Vec<&String>, bool) = match (&self.contract, scope) {
            (Some(code), _) => (vec![code], false),
            (None, Scope::Contracts(codes) | Scope::Areas { contracts: codes, .. }) => (codes.iter().collect(), true),
            (None, Scope::Deployment) => (Vec::new(), false),
        };
        if (contracts.is_empty() && !beside) || types.len() * contracts.len() > LANES_MAX {
            return types.into_iter().map(Lane::Type).collect();
        }
        let of_type = |name: &'static str| {
            let of_contracts = contracts.iter().map(move |code| Lane::TypeOfContract(name, (*code).clone()));
            of_contracts.chain(beside.then_some(Lane::TypeOfNoContract(name)))
        };
        types.into_iter().flat_map(of_type).collect()
    }

    /// Whether an event fits.
    pub(super) fn fits(&self, envelope: &Envelope) -> bool {
        self.contract.as_ref().is_none_or(|code| envelope.contract.as_ref() == Some(code))
            && self.types.as_ref().is_none_or(|types| types.contains(&envelope.event_type))
            && self.stream_kind.is_none_or(|kind| StreamKind::from(envelope.stream.kind) == kind)
            && self.stream.is_none_or(|id| envelope.stream.id == id.0)
            && self.journey.is_none_or(|id| envelope.stream == StreamId::journey(JourneyId(id.0)))
    }
}

/// The parts of the log that hold every event that somebody of this scope may see.
pub fn lanes_of(scope: &Scope) -> Vec<Lane> {
    match scope {
        Scope::Deployment => vec![Lane::Whole],
        Scope::Contracts(codes) | Scope::Areas { contracts: codes, .. } => {
            codes.iter().cloned().map(Lane::Contract).chain([Lane::NoContract]).collect()
        }
    }
}

/// Events in the order of the log.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct EventConnection {
    /// The events of this page, each with its cursor.
    edges: Vec<EventEdge>,
    /// The events of this page.
    nodes: Vec<Event>,
    /// Where the page begins and ends. `endCursor` is the position up to which the page has looked, whether or not the
    /// last events there fit: a page may be empty though there are more.
    page_info: PageInfo,
    #[graphql(skip)]
    filter: EventFilter,
}

#[ComplexObject]
impl EventConnection {
    /// How many there are in the whole log; counted only when asked for. Without the id of a stream or journey that
    /// reads the log from its beginning.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        count(ctx, &self.filter).await
    }
}

/// An event and where it stands.
#[derive(SimpleObject)]
pub struct EventEdge {
    /// The event's position, as text: give it as `after` to go on from here.
    cursor: String,
    /// The event.
    node: Event,
}

/// Parts of the log that are read beside one another at most, where a type and a contract name each.
const LANES_MAX: usize = 32;
/// Positions of the log among which one statement looks for events of a type and a contract.
const REACH: i64 = 200_000;
/// Positions among which one page looks at most.
const REACH_MAX: i64 = 2_000_000;
/// Events that one page looks at first; twice as many each time that too few of them fit.
const LOOKED_AT_FIRST: usize = 100;
/// Events that one page has looked at when it gives up looking for more that fit.
const LOOKED_AT: usize = 5_000;
/// Events that are read at once while they are counted.
const COUNTED_AT_ONCE: i64 = 5_000;

/// What may be asked.
#[Object]
impl Query {
    /// Who is asking.
    async fn viewer(&self) -> Viewer {
        Viewer
    }

    /// Where the log stands.
    async fn log(&self, ctx: &Context<'_>) -> Result<LogHead> {
        let head = ctx.parts().log.head().await.or_fault()?;
        Ok(LogHead { position: Position(head.position), recorded_at: Instant(head.recorded_at) })
    }

    /// The views behind the boards: which is live, what is being built, what could not be taken in.
    async fn views(&self) -> Views {
        Views
    }

    /// The contracts that you may see, by code.
    async fn contracts(&self, ctx: &Context<'_>) -> Result<Vec<Contract>> {
        contracts(ctx).await
    }

    /// One contract; everything beneath is read from the same point of view. What was known earlier may have to be put
    /// together first: then the error `VIEW_BUILDING` says when to ask again.
    async fn contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract's code, such as `shps`.")] code: String,
        #[graphql(desc = "From when it is read, and what was known by then.")] at: Option<ContractAt>,
    ) -> Option<Result<Contract>> {
        Contract::at(ctx, ctx.in_scope(&code)?, &at.unwrap_or_default()).await.transpose()
    }

    /// Every version of a contract's rules, in the order of publication.
    async fn rulebooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract's code, such as `shps`.")] contract: String,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Option<Result<RulebookVersionConnection>> {
        let told = ctx.caller().generation.told(ctx.in_scope(&contract)?)?;
        Some(RulebookVersionConnection::of(&told, (first, after)))
    }

    /// What differs between two points of view of one contract: numbers of boards, and journeys with the events that made
    /// them differ.
    async fn compare_views(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract's code, such as `shps`.")] contract: String,
        #[graphql(desc = "The first point of view.")] a: ViewPoint,
        #[graphql(desc = "The second point of view.")] b: ViewPoint,
    ) -> Option<Result<ViewComparison>> {
        ViewComparison::of(ctx, &contract, a, b).await.transpose()
    }

    /// What a draft of a rulebook would move among the claims of a contract; nothing is stored.
    async fn preview_rulebook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract's code, such as `shps`.")] contract: String,
        #[graphql(desc = "The draft, as TOML.")] rulebook: String,
        #[graphql(
            desc = "The day at whose end the facts are read, such as the first on which the draft is in force; \
            today in the contract's zone if left out."
        )]
        as_of: Option<Date>,
    ) -> Option<Result<RulebookPreview>> {
        preview::preview(ctx, (&contract, &rulebook), as_of.map(|day| day.0)).await.transpose()
    }

    /// One journey, as of a day and as known then: an auditor's replay of a single stream.
    async fn journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The journey's id.")] id: Id,
        #[graphql(desc = "From when it is read, and what was known by then.")] at: Option<JourneyAt>,
    ) -> Option<Result<Journey>> {
        journey(ctx, JourneyId(id.0), at.unwrap_or_default()).await.transpose()
    }

    /// The journeys of every contract in your scope, open and ended, of those that you may see, each as of today in its
    /// contract; in the order of their references, unless you ask for another.
    async fn journeys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which journeys.")] filter: Option<JourneyFilterInput>,
        #[graphql(desc = "In which order.")] order_by: Option<JourneyOrder>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<JourneyConnection> {
        let filter = filter.unwrap_or_default();
        let contracts = match &filter.contract {
            Some(code) => match ctx.in_scope(code) {
                Some(scoped) => Contract::today(ctx, scoped).into_iter().collect(),
                None => Vec::new(),
            },
            None => contracts(ctx).await?,
        };
        let sources = contracts.iter().map(Contract::source).collect();
        let asked = list::Asked { population: Population::Journeys, filter, order: order_by, first, after };
        list::page(ctx, sources, asked).await
    }

    /// Events in the order of the log, from any position: an ordered, resumable feed.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only events after this position; a cursor is one.")] after: Option<Position>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Which events.")] filter: Option<EventFilter>,
    ) -> Result<EventConnection> {
        let after = after.map_or(envelope::Position::default(), |after| after.0);
        events(ctx, after, first.count(), &filter.unwrap_or_default()).await
    }

    /// The teams that you may see, in the order of their labels: those of whose members, at whatever time, one has or had
    /// a case in a contract of yours, or none has or had any anywhere.
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day as of which they are read; today if left out.")] as_of: Option<Date>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<TeamConnection> {
        let as_of = as_of.map_or_else(|| ctx.deployment_today(), |date| date.0);
        let generation = std::sync::Arc::clone(&ctx.caller().generation);
        let of = StaffOf { contract: None, as_of, generation, known: Known::ALL };
        TeamConnection::page(ctx, of, (first, after)).await
    }

    /// One team.
    async fn team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The team's id.")] id: Id,
        #[graphql(desc = "The day as of which it is read; today if left out.")] as_of: Option<Date>,
    ) -> Option<Result<Team>> {
        team(ctx, TeamId(id.0), as_of).await.transpose()
    }

    /// Anything by its id.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Option<Result<Node>> {
        let found = node::find(ctx, &[id]).await;
        found.map(|nodes| nodes.into_iter().next().flatten()).transpose()
    }

    /// Several things by their ids, in the order asked; none where there is no such thing.
    async fn nodes(&self, ctx: &Context<'_>, #[graphql(desc = "The ids.")] ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > usize::try_from(FIRST_MAX).unwrap_or_default() {
            return Err(
                Code::BadUserInput.error(format!("{} ids are too many: ask for at most {FIRST_MAX}", ids.len()))
            );
        }
        node::find(ctx, &ids).await
    }
}

async fn contracts(ctx: &Context<'_>) -> Result<Vec<Contract>> {
    let mut contracts = Vec::new();
    for row in ctx.caller().generation.contracts(&ctx.caller().principal.scope).await.or_fault()? {
        if let Some(scoped) = ctx.in_scope(&row.code) {
            contracts.extend(Contract::today(ctx, scoped));
        }
    }
    Ok(contracts)
}

/// The team of this id, where the caller may know of it.
pub(super) async fn team(ctx: &Context<'_>, id: TeamId, as_of: Option<Date>) -> Result<Option<Team>> {
    let caller = ctx.caller();
    let visible = caller.generation.visible_teams(&caller.principal.scope, &[id]).await.or_fault()?;
    let as_of = as_of.map_or_else(|| ctx.deployment_today(), |date| date.0);
    Ok(visible.contains(&id).then(|| Team::as_of(id, as_of, Known::ALL)))
}

async fn journey(ctx: &Context<'_>, id: JourneyId, at: JourneyAt) -> Result<Option<Journey>> {
    let whole = journey::stories(ctx, std::iter::once(id), Known::ALL).await?.remove(&id);
    let Some(whole) = whole else { return Ok(None) };
    let scoped = whole.contract().and_then(|code| ctx.in_scope(code));
    let Some(contract) = scoped.and_then(|scoped| ctx.caller().generation.told(scoped)) else { return Ok(None) };
    let zone = contract.zone().unwrap_or(crate::record::DEPLOYMENT_ZONE);
    let known = at.known(ctx, zone).await?;
    let as_of = at.as_of.map_or_else(|| ctx.today(&contract), |date| date.0);
    Ok(Story::as_known(&whole, known).map(|story| Journey::of(id, contract, as_of, story)))
}

async fn events(
    ctx: &Context<'_>,
    after: envelope::Position,
    first: usize,
    filter: &EventFilter,
) -> Result<EventConnection> {
    filter.check(ctx)?;
    let log = &ctx.parts().log;
    if let Some(id) = filter.stream.or(filter.journey) {
        return events_of_stream(ctx, id.0, (after, first), filter).await;
    }
    let upto = log.head().await.or_fault()?.position;
    let lanes = filter.lanes(&ctx.caller().principal.scope);
    let (mut end, mut looked_at, mut step) = (after, 0, LOOKED_AT_FIRST.max(first));
    let mut fitting: Vec<Envelope> = Vec::new();
    while end < upto && fitting.len() < first && looked_at < LOOKED_AT && end.0 - after.0 < REACH_MAX {
        let most = i64::try_from(step).unwrap_or(i64::MAX);
        // An index leads to the events of a type; those of one contract among them are looked for.
        let reach = upto.min(envelope::Position(end.0.saturating_add(REACH)));
        let read = log.page_among(&lanes, (end, reach), most).await.or_fault()?;
        // Fewer than could be are all that there are.
        let last = read.last().map(|last| last.position).filter(|_| read.len() >= step).unwrap_or(reach);
        let visible = visible(ctx, &read).await?;
        (looked_at, step) = (looked_at + read.len(), step * 2);
        let room = first - fitting.len();
        fitting.extend(read.into_iter().filter(|event| filter.fits(event) && visible(event)).take(room));
        end = if fitting.len() < first { last } else { fitting.last().map_or(last, |event| event.position) };
    }
    Ok(page(fitting, (after, end), end < upto, filter))
}

/// The events of one stream, whatever its kind, read as a whole: none is long.
async fn events_of_stream(
    ctx: &Context<'_>,
    id: uuid::Uuid,
    (after, first): (envelope::Position, usize),
    filter: &EventFilter,
) -> Result<EventConnection> {
    let streams = envelope::StreamKind::ALL.into_iter().map(|kind| (StreamId { kind, id }, 0));
    let mut found = ctx.parts().log.streams(streams).await.or_fault()?;
    let visible = visible(ctx, &found).await?;
    found.retain(|event| event.position > after && filter.fits(event) && visible(event));
    let more = found.len() > first;
    found.truncate(first);
    let end = found.last().map_or(after, |last| last.position);
    Ok(page(found, (after, end), more, filter))
}

fn page(
    events: Vec<Envelope>,
    (after, end): (envelope::Position, envelope::Position),
    has_next_page: bool,
    filter: &EventFilter,
) -> EventConnection {
    let cursor = |position: envelope::Position| position.0.to_string();
    let page_info = PageInfo {
        start_cursor: events.first().map(|first| cursor(first.position)),
        end_cursor: Some(cursor(end)),
        has_next_page,
        has_previous_page: after > envelope::Position::default(),
    };
    let edges =
        events.iter().map(|envelope| EventEdge { cursor: cursor(envelope.position), node: Event(envelope.clone()) });
    let (edges, filter) = (edges.collect(), filter.clone());
    EventConnection { edges, nodes: events.into_iter().map(Event).collect(), page_info, filter }
}

/// How many events of the whole log fit and may be seen.
async fn count(ctx: &Context<'_>, filter: &EventFilter) -> Result<usize> {
    let log = &ctx.parts().log;
    let (upto, mut end, mut count) = (log.head().await.or_fault()?.position, envelope::Position::default(), 0);
    let streams = filter
        .stream
        .or(filter.journey)
        .map(|id| envelope::StreamKind::ALL.into_iter().map(move |kind| (StreamId { kind, id: id.0 }, 0)));
    if let Some(streams) = streams {
        let found = log.streams(streams).await.or_fault()?;
        let visible = visible(ctx, &found).await?;
        return Ok(found.iter().filter(|event| filter.fits(event) && visible(event)).count());
    }
    let lanes = filter.lanes(&ctx.caller().principal.scope);
    while end < upto {
        let read = log.page_among(&lanes, (end, upto), COUNTED_AT_ONCE).await.or_fault()?;
        let Some(last) = read.last() else { break };
        end = last.position;
        let visible = visible(ctx, &read).await?;
        count += read.iter().filter(|event| filter.fits(event) && visible(event)).count();
    }
    Ok(count)
}

/// Which of these events the caller may know of: those of contracts in scope, and of the subjects, workers and teams whom
/// a journey in scope is or was about or with, or none anywhere.
pub(super) async fn visible(ctx: &Context<'_>, events: &[Envelope]) -> Result<impl Fn(&Envelope) -> bool + use<>> {
    let caller = ctx.caller();
    caller.generation.visible_events(&caller.principal, ctx.deployment_today(), events).await.or_fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_and_types_together_lead_to_the_events_that_are_of_both() {
        let types = |types: &[&str]| Some(types.iter().map(|&name| name.to_owned()).collect());
        let both = EventFilter {
            contract: Some("shps".to_owned()),
            types: types(&["ContactLogged", "PlanAgreed", "ContactLogged"]),
            ..EventFilter::default()
        };
        let of_both = ["ContactLogged", "PlanAgreed"].map(|name| Lane::TypeOfContract(name, "shps".to_owned()));
        assert_eq!(both.lanes(&Scope::Deployment), of_both);
        let types_alone = EventFilter { contract: None, ..both };
        assert_eq!(types_alone.lanes(&Scope::Deployment), ["ContactLogged", "PlanAgreed"].map(Lane::Type));
        let one = EventFilter { types: types(&["WorkerJoined"]), ..EventFilter::default() };
        let scoped = Scope::Contracts(["shps".to_owned()].into());
        let expected =
            [Lane::TypeOfContract("WorkerJoined", "shps".to_owned()), Lane::TypeOfNoContract("WorkerJoined")];
        assert_eq!(one.lanes(&scoped), expected);
        let nobody = Scope::Contracts(BTreeSet::new());
        assert_eq!(one.lanes(&nobody), [Lane::TypeOfNoContract("WorkerJoined")]);
    }
}
