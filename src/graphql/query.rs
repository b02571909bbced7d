//! The query root: everything that a client can read.

mod exchange;

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, MergedObject, Object, Result, SimpleObject};

use super::access::{self, ApiKey, RoleGrant};
use super::access_log::{self, AccessEntry, AccessQuery};
use super::bounds::{FIRST_MAX, PageLength};
use super::compare::{ViewComparison, ViewPoint};
use super::context::{OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::event::{Event, StreamKind};
use super::figures::MeasureDefinition;
use super::filter_checks;
use super::journey::{self, CaseHistory, Journey};
use super::list::{self, JourneyFilterInput, JourneyOrder};
use super::node::{self, Node};
use super::page::{self, Listed, More, Page};
use super::people::{Subject, Worker};
use super::performance;
use super::person_search::{self, PersonSearch, PossibleDuplicate};
use super::point_in_time::{ContractAt, JourneyAt, KnownUpTo};
use super::preview::{self, RulebookPreview};
use super::retention::{self, RetentionDue};
use super::reveal::{self, Reveal};
use super::rulebook::{self, RulebookVersion};
use super::scalars::{Date, Id, Instant, Position};
use super::staff::{self, StaffOf};
use super::team::Team;
use super::views::Views;
use crate::access::Scope;
use crate::log::read::Lane;
use crate::queries;
use crate::queries::journeys::Population;
use exchange::ExchangeQueries;
use throughline_domain::fact::envelope::{self, Envelope, JourneyId, StreamId, TeamId};
use throughline_domain::fact::event::EventType;
use throughline_gateway::Code;

/// The query root: everything that a client can read.
#[derive(Default, MergedObject)]
pub struct Query(CaseQueries, ExchangeQueries);

/// The queries about cases, contracts and people, and about the service itself.
#[derive(Default)]
pub struct CaseQueries;

/// The user or machine that makes the request.
pub struct Viewer;

/// The user or machine that makes the request.
#[Object]
impl Viewer {
    /// The login, from the access token.
    async fn subject<'c>(&self, ctx: &'c Context<'_>) -> &'c str {
        &ctx.caller().principal.subject
    }

    /// Your role.
    async fn role(&self, ctx: &Context<'_>) -> &'static str {
        ctx.caller().principal.role.as_str()
    }

    /// The worker who has your login and works here today; null if there is none.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        let caller = ctx.caller();
        let (login, today) = (&caller.principal.subject, ctx.deployment_today());
        let found = queries::people::worker_of_login(&caller.generation, login, today).await.or_fault();
        found.map(|own| own.map(Worker::now)).transpose()
    }
}

/// The newest event of the log.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct LogHead {
    /// The position of the newest event. Positions count from 1, without gaps.
    position: Position,
    /// When the newest event was recorded.
    recorded_at: Instant,
}

/// Which events to return. An event must match every condition that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct EventFilter {
    /// Only events of this contract, by code.
    pub contract: Option<String>,
    /// Only events of these types, such as `ContactLogged`.
    pub types: Option<Vec<String>>,
    /// Only events of this kind of stream.
    pub stream_kind: Option<StreamKind>,
    /// Only events of the stream with this id.
    pub stream: Option<Id>,
    /// Only events of the case (journey) with this id.
    pub journey: Option<Id>,
}

impl EventFilter {
    /// Refuses a contract outside the caller's scope and an event type that does not exist.
    pub(super) fn check(&self, ctx: &Context<'_>) -> Result<()> {
        filter_checks::contract(ctx, self.contract.as_deref())?;
        match self.types.iter().flatten().find(|name| EventType::named(name).is_none()) {
            Some(name) => {
                Err(Code::BadUserInput.error(format!("unknown event type {name:?}: use a type such as ContactLogged")))
            }
            None => Ok(()),
        }
    }

    /// The lanes of the log to read: the smallest set with an index that holds every matching event the caller may see.
    pub(super) fn lanes(&self, scope: &Scope) -> Vec<Lane> {
        let named = |name: &String| EventType::named(name).map(EventType::as_str);
        if let Some(types) = &self.types {
            let types: BTreeSet<&'static str> = types.iter().filter_map(named).collect();
            return self.lanes_of_types(types, scope);
        }
        // The other kinds of stream have few events compared with cases.
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

    /// The lanes for these event types, by contract. The contracts are the one in the filter, or else those in scope;
    /// with too many lanes, the types alone.
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

    /// Whether an event matches the filter.
    pub(super) fn fits(&self, envelope: &Envelope) -> bool {
        self.contract.as_ref().is_none_or(|code| envelope.contract.as_ref() == Some(code))
            && self.types.as_ref().is_none_or(|types| types.contains(&envelope.event_type))
            && self.stream_kind.is_none_or(|kind| StreamKind::from(envelope.stream.kind) == kind)
            && self.stream.is_none_or(|id| envelope.stream.id == id.0)
            && self.journey.is_none_or(|id| envelope.stream == StreamId::journey(JourneyId(id.0)))
    }
}

/// The lanes that hold every event visible in this scope.
pub fn lanes_of(scope: &Scope) -> Vec<Lane> {
    match scope {
        Scope::Deployment => vec![Lane::Whole],
        Scope::Contracts(codes) | Scope::Areas { contracts: codes, .. } => {
            codes.iter().cloned().map(Lane::Contract).chain([Lane::NoContract]).collect()
        }
    }
}

impl Listed for Event {
    type Totals = EventTotals;
    const PAGE: &'static str = "A page of events, in the order of the log.";
    const EDGE: &'static str = "An event with its cursor.";
    const ONE: &'static str = "event";
    const MANY: &'static str = "events";
    const OTHERWISE: &'static [(&'static str, &'static str)] = &[
        ("cursor", "The position of the event, as text. Pass it as `after` to get the events that follow."),
        (
            "pageInfo",
            "The cursors of this page. `endCursor` is the position up to which the page has searched, whether or not \
             the last\nevents there match the filter. A page can be empty although `hasNextPage` is true: ask again \
             with `after:\nendCursor`.",
        ),
    ];
}

/// A list of events as a whole.
pub struct EventTotals(EventFilter);

#[Object]
impl EventTotals {
    /// The number of matching events in the whole log. It is counted only when this field is requested. Unless the
    /// filter names a stream or a case, the count reads the log from its beginning.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        count(ctx, &self.0).await
    }
}

/// The most lanes read side by side, one for each pair of type and contract.
const LANES_MAX: usize = 32;
/// The number of log positions that one statement searches for events of a type and a contract.
const REACH: i64 = 200_000;
/// The most log positions that one page searches.
const REACH_MAX: i64 = 2_000_000;
/// The number of events that a page examines first. It doubles each time too few of them match.
const LOOKED_AT_FIRST: usize = 100;
/// The number of events after which a page stops looking for more matches.
const LOOKED_AT: usize = 5_000;
/// The number of events read at once while counting.
const COUNTED_AT_ONCE: i64 = 5_000;

#[Object]
impl CaseQueries {
    /// The user or machine that makes the request.
    async fn viewer(&self) -> Viewer {
        Viewer
    }

    /// The newest event of the log: its position and time.
    async fn log(&self, ctx: &Context<'_>) -> Result<LogHead> {
        let head = ctx.app().log.head().await.or_fault()?;
        Ok(LogHead { position: Position(head.position), recorded_at: Instant(head.recorded_at) })
    }

    /// The views behind the boards: which generation is live, which is being built, and which streams could not be
    /// applied.
    async fn views(&self) -> Views {
        Views
    }

    /// The contracts in your scope, by code.
    async fn contracts(&self, ctx: &Context<'_>) -> Result<Vec<Contract>> {
        contracts(ctx).await
    }

    /// One contract. Every field below it is read at the same point in time. For an earlier knowledge date the view may
    /// have to be built first: then the error `VIEW_BUILDING` says when to ask again.
    async fn contract(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] code: String,
        #[graphql(desc = "The point in time to report on: as-of date and knowledge date. Default: now.")] at: Option<
            ContractAt,
        >,
    ) -> Option<Result<Contract>> {
        Contract::at(ctx, ctx.in_scope(&code)?, &at.unwrap_or_default()).await.transpose()
    }

    /// The measures of a contract: what each of its numbers counts, and by which formula.
    async fn measures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
    ) -> Option<Result<Vec<MeasureDefinition>>> {
        let contract_state = ctx.caller().generation.contract_state(ctx.in_scope(&contract)?)?;
        Some(performance::definitions(contract_state.newest_rulebook()))
    }

    /// Every version of a contract's rulebook, in the order of publication.
    async fn rulebooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<RulebookVersion>>> {
        let contract_state = ctx.caller().generation.contract_state(ctx.in_scope(&contract)?)?;
        Some(rulebook::versions(&contract_state, (first, after)))
    }

    /// Compares one contract at two points in time or under two rulebooks: board figures, cases and claims that differ,
    /// with the events that explain each difference.
    async fn compare_views(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(desc = "The first point in time and set of rules.")] a: ViewPoint,
        #[graphql(desc = "The second point in time and set of rules.")] b: ViewPoint,
    ) -> Option<Result<ViewComparison>> {
        ViewComparison::of(ctx, &contract, a, b).await.transpose()
    }

    /// Shows how a draft rulebook would change the claims of a contract. Nothing is stored.
    async fn preview_rulebook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(desc = "The draft rulebook, as TOML.")] rulebook: String,
        #[graphql(desc = "The as-of date: count facts dated up to the end of this day, such as the first day \
            the draft is in force. Default: today in the contract's time zone.")]
        as_of: Option<Date>,
    ) -> Option<Result<RulebookPreview>> {
        preview::preview(ctx, &contract, &rulebook, as_of.map(|day| day.0)).await.transpose()
    }

    /// One case, at any as-of date and knowledge date. An auditor can replay a single case with it.
    async fn journey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the case.")] id: Id,
        #[graphql(desc = "The point in time to report on: as-of date and knowledge date. Default: now.")] at: Option<
            JourneyAt,
        >,
    ) -> Option<Result<Journey>> {
        journey(ctx, JourneyId(id.0), at.unwrap_or_default()).await.transpose()
    }

    /// The cases of every contract in your scope, open and closed, that you may see. Each is read as of today in its
    /// contract's time zone. Default order: by reference.
    async fn journeys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which cases to return.")] filter: Option<JourneyFilterInput>,
        #[graphql(desc = "The order of the list.")] order_by: Option<JourneyOrder>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Journey>> {
        let filter = filter.unwrap_or_default();
        let contracts = match &filter.contract {
            Some(code) => match ctx.in_scope(code) {
                Some(scoped) => Contract::today(ctx, scoped).into_iter().collect(),
                None => Vec::new(),
            },
            None => contracts(ctx).await?,
        };
        let sources = contracts.iter().map(Contract::source).collect();
        let asked = list::JourneyList { population: Population::Journeys, filter, order: order_by, first, after };
        list::page(ctx, sources, asked).await
    }

    /// The people whom a search finds, limited to those whose names you may open: keyworkers find people of cases that
    /// they or their team hold, managers those in their scope. What you have just recorded is found; otherwise the error
    /// `STALE_READ` says when to ask again.
    async fn people(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who to look for.")] search: PersonSearch,
        #[graphql(desc = "Only people with a case of this contract that you may see, by code.")] contract: Option<
            String,
        >,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<Subject>>> {
        Some(person_search::people(ctx, search, contract, (first, after)).await)
    }

    /// Pairs of records that may be of one person, and were neither linked nor dismissed. You see a pair if you may open
    /// the names of both, and one has a case in this contract. Null if there is no contract with this code in your scope.
    async fn possible_duplicates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<PossibleDuplicate>>> {
        ctx.caller().generation.contract_state(ctx.in_scope(&contract)?)?;
        Some(person_search::possible_duplicates(ctx, &contract, (first, after)).await)
    }

    /// Events in the order of the log, from any position: an ordered feed that can be resumed.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Return only events after this position in the log. A cursor of this list is a position.")]
        after: Option<Position>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Which events to return.")] filter: Option<EventFilter>,
    ) -> Result<Page<Event>> {
        let after = after.map_or(envelope::Position::default(), |after| after.0);
        events(ctx, after, first.count(), &filter.unwrap_or_default()).await
    }

    /// The teams that you may see, by label. You see a team if one of its members, at any time, has or had a case in a
    /// contract in your scope, or if none of its members has ever had a case.
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The as-of date: count facts dated up to the end of this day. Default: today.")] as_of: Option<
            Date,
        >,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Team>> {
        let as_of = as_of.map_or_else(|| ctx.deployment_today(), |date| date.0);
        let generation = std::sync::Arc::clone(&ctx.caller().generation);
        let of = StaffOf { contract: None, as_of, generation, known: KnownUpTo::ALL };
        staff::teams(ctx, of, (first, after)).await
    }

    /// One team.
    async fn team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the team.")] id: Id,
        #[graphql(desc = "The as-of date: count facts dated up to the end of this day. Default: today.")] as_of: Option<
            Date,
        >,
    ) -> Option<Result<Team>> {
        team(ctx, TeamId(id.0), as_of).await.transpose()
    }

    /// The roles that this deployment granted to logins, revoked ones included, in the order in which they were granted.
    async fn grants(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<RoleGrant>> {
        access::grants(ctx, (first, after)).await
    }

    /// The keys with which machines sign in, revoked ones included, in the order in which they were issued.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<ApiKey>> {
        access::api_keys(ctx, (first, after)).await
    }

    /// The access log: who opened whose names, notes or files of evidence, and when, newest first. Each entry is what one
    /// response opened of one person.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the query")]
    async fn access_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this subject, by its id.")] subject: Option<Id>,
        #[graphql(desc = "Only of this login, in any spelling.")] who: Option<String>,
        #[graphql(desc = "Only from this instant on.")] from: Option<Instant>,
        #[graphql(desc = "Only before this instant.")] to: Option<Instant>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<AccessEntry>> {
        access_log::entries(ctx, AccessQuery { subject, who, from, to }, (first, after)).await
    }

    /// The reveals: which auditor or commissioner may see, or could see, who a subject is, until when and why. In the order
    /// in which they were recorded.
    async fn reveals(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Reveal>> {
        reveal::reveals(ctx, (first, after)).await
    }

    /// The people whose data is due to be erased on a day under the retention periods of a contract, with what stands
    /// against it. Nobody is erased by being listed: propose it with `proposeErasure`, and another person approves it.
    /// People whose erasure was approved are not listed. A page may have fewer people than asked for. Null if there is no
    /// contract with this code in your scope.
    async fn retention_due(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of the contract, such as `shps`.")] contract: String,
        #[graphql(desc = "The day. Default: today in the contract's time zone.")] on: Option<Date>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Option<Result<Page<RetentionDue>>> {
        retention::due(ctx, contract, on, (first, after)).await.transpose()
    }

    /// Any object, by its id.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Option<Result<Node>> {
        let found = node::find(ctx, &[id]).await;
        found.map(|nodes| nodes.into_iter().next().flatten()).transpose()
    }

    /// Several objects by their ids, in the order of the ids. Null for an id that does not exist or that you may not
    /// see.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids, 200 at most.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > usize::try_from(FIRST_MAX).unwrap_or_default() {
            return Err(Code::BadUserInput.error(format!("{} ids are too many: give at most {FIRST_MAX}", ids.len())));
        }
        node::find(ctx, &ids).await
    }
}

async fn contracts(ctx: &Context<'_>) -> Result<Vec<Contract>> {
    let mut contracts = Vec::new();
    for row in queries::contracts::all(&ctx.caller().generation, &ctx.caller().principal.scope).await.or_fault()? {
        if let Some(scoped) = ctx.in_scope(&row.code) {
            contracts.extend(Contract::today(ctx, scoped));
        }
    }
    Ok(contracts)
}

/// The team with this id, if the caller may see it.
pub(super) async fn team(ctx: &Context<'_>, id: TeamId, as_of: Option<Date>) -> Result<Option<Team>> {
    let caller = ctx.caller();
    let visible =
        queries::people::visible_teams(&caller.generation, &caller.principal.scope, &[id]).await.or_fault()?;
    let as_of = as_of.map_or_else(|| ctx.deployment_today(), |date| date.0);
    Ok(visible.contains(&id).then(|| Team::as_of(id, as_of, KnownUpTo::ALL)))
}

async fn journey(ctx: &Context<'_>, id: JourneyId, at: JourneyAt) -> Result<Option<Journey>> {
    let whole = journey::case_histories(ctx, std::iter::once(id), KnownUpTo::ALL).await?.remove(&id);
    let Some(whole) = whole else { return Ok(None) };
    let scoped = whole.contract().and_then(|code| ctx.in_scope(code));
    let Some(contract) = scoped.and_then(|scoped| ctx.caller().generation.contract_state(scoped)) else {
        return Ok(None);
    };
    let zone = contract.zone().unwrap_or(crate::record::DEPLOYMENT_ZONE);
    let known = at.known(ctx, zone).await?;
    let as_of = at.as_of.map_or_else(|| ctx.today(&contract), |date| date.0);
    Ok(CaseHistory::as_known(&whole, known).map(|story| Journey::of(id, contract, as_of, story)))
}

async fn events(
    ctx: &Context<'_>,
    after: envelope::Position,
    first: usize,
    filter: &EventFilter,
) -> Result<Page<Event>> {
    filter.check(ctx)?;
    let log = &ctx.app().log;
    if let Some(id) = filter.stream.or(filter.journey) {
        return events_of_stream(ctx, id.0, (after, first), filter).await;
    }
    let upto = log.head().await.or_fault()?.position;
    let lanes = filter.lanes(&ctx.caller().principal.scope);
    let (mut end, mut looked_at, mut step) = (after, 0, LOOKED_AT_FIRST.max(first));
    let mut fitting: Vec<Envelope> = Vec::new();
    while end < upto && fitting.len() < first && looked_at < LOOKED_AT && end.0 - after.0 < REACH_MAX {
        let most = i64::try_from(step).unwrap_or(i64::MAX);
        // An index finds the events of a type; those of one contract among them are found by searching.
        let reach = upto.min(envelope::Position(end.0.saturating_add(REACH)));
        let read = log.page_among(&lanes, end, reach, most).await.or_fault()?;
        // Fewer events than the limit means that there are no more.
        let last = read.last().map(|last| last.position).filter(|_| read.len() >= step).unwrap_or(reach);
        let visible = visible(ctx, &read).await?;
        (looked_at, step) = (looked_at + read.len(), step * 2);
        let room = first - fitting.len();
        fitting.extend(read.into_iter().filter(|event| filter.fits(event) && visible(event)).take(room));
        end = if fitting.len() < first { last } else { fitting.last().map_or(last, |event| event.position) };
    }
    Ok(page(fitting, (after, end), end < upto, filter))
}

/// All events of one stream of any kind. Streams are short enough to read whole.
async fn events_of_stream(
    ctx: &Context<'_>,
    id: uuid::Uuid,
    (after, first): (envelope::Position, usize),
    filter: &EventFilter,
) -> Result<Page<Event>> {
    let streams = envelope::StreamKind::ALL.into_iter().map(|kind| (StreamId { kind, id }, 0));
    let mut found = ctx.app().log.streams(streams).await.or_fault()?;
    let visible = visible(ctx, &found).await?;
    found.retain(|event| event.position > after && filter.fits(event) && visible(event));
    let more = page::cut(&mut found, first);
    let end = found.last().map_or(after, |last| last.position);
    Ok(page(found, (after, end), more, filter))
}

fn page(
    events: Vec<Envelope>,
    (after, end): (envelope::Position, envelope::Position),
    has_next_page: bool,
    filter: &EventFilter,
) -> Page<Event> {
    let more = More { before: after > envelope::Position::default(), after: has_next_page };
    let rows = events.into_iter().map(|envelope| (envelope.position.to_string(), Some(Event(envelope))));
    Page::of(rows, more, EventTotals(filter.clone())).searched_to(Some(end.to_string()))
}

/// The number of events in the whole log that match and that the caller may see.
async fn count(ctx: &Context<'_>, filter: &EventFilter) -> Result<usize> {
    let log = &ctx.app().log;
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
        let read = log.page_among(&lanes, end, upto, COUNTED_AT_ONCE).await.or_fault()?;
        let Some(last) = read.last() else { break };
        end = last.position;
        let visible = visible(ctx, &read).await?;
        count += read.iter().filter(|event| filter.fits(event) && visible(event)).count();
    }
    Ok(count)
}

/// Which of these events the caller may see: those of contracts in scope, and those of subjects, workers and teams
/// connected with a case in scope or with no case at all.
pub(super) async fn visible(ctx: &Context<'_>, events: &[Envelope]) -> Result<impl Fn(&Envelope) -> bool + use<>> {
    let caller = ctx.caller();
    queries::event_visibility::filter(&caller.generation, &caller.principal, ctx.deployment_today(), events)
        .await
        .or_fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_on_contract_and_types_reads_one_lane_per_pair() {
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
