//! Comparing one contract at two points in time.
//!
//! Access follows the caller's rights of now: a case that the caller may not read never appears.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use uuid::Uuid;

use super::boards::Group;
use super::bounds::PageLength;
use super::claim::{self, Claim};
use super::context::{self, OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::cursor::{Cursors, Parts};
use super::event::Event;
use super::journey::{CaseHistory, Journey};
use super::money::Money;
use super::page::{self, Listed, More, Page};
use super::point_in_time::{ContractAt, KnownUpTo, Snapshot};
use super::point_of_view::PointOfView;
use super::preview::ClaimMoved;
use super::scalars::{Date, Instant, Position};
use super::small_counts;
use crate::queries::claims::{self, Claims, Shift};
use crate::queries::compare::{self, NumberDifference as Differs, Side};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::is_looked_at;
use throughline_domain::fact::envelope::{ClaimId, Envelope, EventId, JourneyId, StreamId, StreamKind};
use throughline_domain::fact::event::EventType;
use throughline_gateway::Code;

/// The number of cases read at once.
const READ: usize = 200;
/// The number of cases after which one page stops looking for more differences.
const LOOKED_AT: usize = 5_000;

/// One side of a comparison: as-of date, knowledge date and rulebook, or a kept view by its number. Give at most one of
/// `knownAt`, `knownOn` and `position`.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ViewPoint {
    /// The as-of date: count facts dated up to the end of this day. Default: today in the contract's time zone.
    pub as_of: Option<Date>,
    /// The knowledge date as an instant: use only what was recorded by then.
    pub known_at: Option<Instant>,
    /// The knowledge date as a day: use only what was recorded by the end of this day in the contract's time zone.
    pub known_on: Option<Date>,
    /// The knowledge date as a log position: use only events up to this position.
    pub position: Option<Position>,
    /// The version of the contract's rulebook to apply, whenever it was published. Default: the latest version
    /// published by the knowledge date.
    pub rulebook: Option<String>,
    /// The number of a kept view: the live view or the one before it. Only `asOf` may be given with it.
    pub view: Option<i32>,
}

/// A board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "compare::Board")]
pub enum Board {
    /// The number of cases of each keyworker.
    CaseloadByKeyworker,
    /// Days since the last contact with any worker, by keyworker.
    ContactRecencyByKeyworker,
    /// Days since the last contact with the keyworker, by keyworker.
    OwnContactRecencyByKeyworker,
    /// Days since the last contact with any worker, by area.
    ContactRecencyByArea,
    /// Days from referral to plan, to date, by area.
    ReferralToPlanByArea,
    /// Cases that reached each stage, by area: month by month, and to date.
    PerformanceByArea,
    /// Declined referrals by area: month by month, and to date.
    DeclinedByArea,
    /// Exits to date, by reason.
    ExitsByReason,
    /// Disengagements to date, by reason.
    DisengagementsByReason,
    /// Obligations by state, by keyworker.
    ObligationsByKeyworker,
}

/// A board figure that differs.
#[derive(SimpleObject)]
pub struct NumberDifference {
    /// The board.
    board: Board,
    /// The row.
    group: Group,
    /// The column, by its label on the board.
    column: String,
    /// The first day of the month that the figure counts. Null if it counts everything to date.
    month: Option<Date>,
    /// The figure on side `a`. Null if small counts of the contract are hidden from you: beside other figures, any number
    /// here could give one away.
    a: Option<u64>,
    /// The figure on side `b`. Null where `a` is.
    b: Option<u64>,
}

/// A case whose rows on boards and lists differ.
#[derive(SimpleObject)]
pub struct JourneyDifference {
    /// The id of the case.
    id: ID,
    /// The events that explain the difference, in the order of the log. Empty if only the rules differ.
    events: Vec<Event>,
    /// The case on side `a`. Null if it was not known there.
    a: Option<Journey>,
    /// The case on side `b`. Null if it was not known there.
    b: Option<Journey>,
}

impl Listed for JourneyDifference {
    type Totals = JourneyDifferenceTotals;
    const PAGE: &'static str = "A page of cases that differ, in the order of their ids.";
    const EDGE: &'static str = "A case that differs, with its cursor.";
    const ONE: &'static str = "case";
    const MANY: &'static str = "cases";
    const OTHERWISE: &'static [(&'static str, &'static str)] = &[(
        "nodes",
        "The cases of this page. A page can be empty although `hasNextPage` is true: ask again with \
         `after: endCursor`.",
    )];
}

/// A list of cases that differ as a whole.
pub struct JourneyDifferenceTotals(ViewComparison);

#[Object]
impl JourneyDifferenceTotals {
    /// The number of differing cases on all pages. It is counted only when this field is requested, and then compares
    /// every case that may differ.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let (mut count, mut place) = (0, JourneyId(Uuid::nil()));
        loop {
            let candidates = self.0.candidates(ctx, place).await?;
            let Some(last) = candidates.last() else { return Ok(count) };
            place = *last;
            for read in candidates.chunks(READ) {
                count += self.0.differences(ctx, read).await?.len();
            }
        }
    }
}

/// A claim that differs.
#[derive(SimpleObject)]
pub struct ClaimDifference {
    /// The id of the claim.
    id: ID,
    /// How the claim changes from side `a` to side `b`.
    moved: ClaimMoved,
    /// The claim on side `a`. Null if it does not exist there.
    a: Option<Claim>,
    /// The claim on side `b`. Null if it does not exist there.
    b: Option<Claim>,
    /// The difference in money, side `b` minus side `a`, including the adjustments proposed for its line.
    delta: Money,
    /// The events in which its case, its subject and its batch differ, in the order of the log. Empty if only rules,
    /// dates or other claims explain the difference, and for a claim that covers many cases.
    events: Vec<Event>,
    /// The rulebook keys of the outcome that differ, such as `hours`. Empty if both sides use the same rules.
    rules: Vec<&'static str>,
}

impl Listed for ClaimDifference {
    type Totals = ClaimDifferenceTotals;
    const PAGE: &'static str = "A page of claims that differ, in the order of their ids.";
    const EDGE: &'static str = "A claim that differs, with its cursor.";
    const ONE: &'static str = "claim";
    const MANY: &'static str = "claims";
}

/// A list of claims that differ as a whole.
#[derive(SimpleObject)]
pub struct ClaimDifferenceTotals {
    /// The number of differing claims on all pages.
    total_count: usize,
    /// The difference in money over all pages, side `b` minus side `a`.
    delta: Money,
}

/// The comparison of one contract at two points in time.
#[derive(Clone)]
pub struct ViewComparison {
    a: Arc<Contract>,
    b: Arc<Contract>,
}

impl ViewComparison {
    /// Compares two points in time of a contract; none if it was not known to be open at one of them.
    pub(super) async fn of(ctx: &Context<'_>, code: &str, a: ViewPoint, b: ViewPoint) -> Result<Option<Self>> {
        let (Some(a), Some(b)) = (contract(ctx, code, a).await?, contract(ctx, code, b).await?) else {
            return Ok(None);
        };
        Ok(Some(Self { a: Arc::new(a), b: Arc::new(b) }))
    }
}

async fn contract(ctx: &Context<'_>, code: &str, point: ViewPoint) -> Result<Option<Contract>> {
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let ViewPoint { as_of, known_at, known_on, position, rulebook, view } = point;
    let Some(view) = view else {
        return Contract::at(ctx, scope, &ContractAt { as_of, known_at, known_on, position, rulebook }).await;
    };
    if known_at.is_some() || known_on.is_some() || position.is_some() || rulebook.is_some() {
        return Err(
            Code::BadUserInput.error("a view number has its own knowledge date and rulebook: give only asOf with it")
        );
    }
    let found = ctx.app().views.numbered(view.into()).await.or_fault()?;
    let none = || {
        Code::BadUserInput
            .error(format!("there is no view with the number {view}: use the live one or the one before it"))
    };
    let generation = found.ok_or_else(none)?;
    let known = KnownUpTo(*generation.position().borrow());
    Ok(Contract::seen(ctx, scope, Snapshot { generation, known, known_at: None }, as_of.map(|day| day.0)))
}

/// The comparison of one contract at two points in time.
#[Object]
impl ViewComparison {
    /// The point in time of side `a`.
    async fn a(&self, ctx: &Context<'_>) -> Result<PointOfView> {
        self.a.point_of_view(ctx).await
    }

    /// The point in time of side `b`.
    async fn b(&self, ctx: &Context<'_>) -> Result<PointOfView> {
        self.b.point_of_view(ctx).await
    }

    /// The board figures that differ, each side read on its own day and under its own rules.
    async fn numbers(&self, ctx: &Context<'_>) -> Result<Vec<NumberDifference>> {
        let (one, other) = (self.a.side()?, self.b.side()?);
        let (of_one, of_other) = (self.a.whole_contract(), self.b.whole_contract());
        let (seen, then) = (self.a.generation(), self.b.generation());
        let scope = self.a.scope(ctx)?;
        let found = compare::numbers_that_differ(seen, scope, (&one, of_one), then, (&other, of_other)).await;
        let known = self.b.source().known;
        let is_hidden = |rulebook: &Rulebook| small_counts::are_hidden(ctx, scope.contract(), rulebook);
        let are_hidden = is_hidden(self.a.rules()?) || is_hidden(self.b.rules()?);
        let number = |number: u64| Some(number).filter(|_| !are_hidden);
        let shown = found.or_fault()?.into_iter().map(|Differs { board, group, column, month, one, other }| {
            let (group, month) = (Group::known(group, known), month.map(|month| Date(month.first())));
            NumberDifference { board: board.into(), group, column, month, a: number(one), b: number(other) }
        });
        Ok(shown.collect())
    }

    /// The cases that differ, among those you may see, with the events that explain the difference.
    async fn journeys(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<JourneyDifference>> {
        let cursors = Cursors::of("journeys that differ");
        let begins = cursors.place(after.as_deref(), Parts::part)?;
        let (mut place, most) = (begins.unwrap_or(JourneyId(Uuid::nil())), first.count());
        let candidates = self.candidates(ctx, place).await?;
        let (mut found, mut has_next_page) = (Vec::new(), candidates.len() == LOOKED_AT);
        for read in candidates.chunks(READ) {
            if found.len() == most {
                has_next_page = true;
                break;
            }
            place = read.last().copied().unwrap_or(place);
            for (id, difference) in self.differences(ctx, read).await? {
                if found.len() == most {
                    has_next_page = true;
                    break;
                }
                place = if found.len() + 1 == most { id } else { place };
                found.push((cursors.cursor(id), Some(difference)));
            }
        }
        let more = More { before: after.is_some(), after: has_next_page };
        let searched_to = (!candidates.is_empty()).then(|| cursors.cursor(place));
        Ok(Page::of(found, more, JourneyDifferenceTotals(self.clone())).searched_to(searched_to))
    }

    /// The claims that differ, among those you may see, with the events and rules that explain the difference.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<ClaimDifference>> {
        let cursors = Cursors::of("claims that differ");
        let after: Option<ClaimId> = cursors.place(after.as_deref(), Parts::part)?;
        let (a, b) = (self.a.contract_claims(ctx).await?, self.b.contract_claims(ctx).await?);
        let (mut shifts, _) = claims::shifts(a, b);
        shifts.retain(|of| is_known(a, of.claim) || is_known(b, of.claim));
        let journeys = shifts.iter().filter_map(|of| journey_of(a, b, of.claim));
        let readable = claim::readable(ctx, &self.a.source().code, journeys).await?;
        shifts.retain(|of| {
            readable.as_ref().is_none_or(|all| journey_of(a, b, of.claim).is_some_and(|id| all.contains(&id)))
        });
        let skipped = after.map_or(0, |after| shifts.partition_point(|of| of.claim <= after));
        let (shown, more) = page::part(&shifts, skipped, first);
        let nodes = self.claims_that_differ(ctx, a, b, shown).await?;
        let row = |node: ClaimDifference| (cursors.cursor(node.id.as_str()), Some(node));
        let totals = ClaimDifferenceTotals {
            total_count: shifts.len(),
            delta: Money::of(shifts.iter().map(|of| of.delta).sum(), b.currency()),
        };
        Ok(Page::of(nodes.into_iter().map(row), more, totals))
    }
}

/// The case of a claim, on either side.
fn journey_of(a: &Claims, b: &Claims, claim: ClaimId) -> Option<JourneyId> {
    a.get(claim).or_else(|| b.get(claim))?.about.journey()
}

/// Whether a side knows the case of a claim on its day. A case not yet referred has no claims.
fn is_known(of: &Claims, claim: ClaimId) -> bool {
    let is_known = |of: &claims::Claim| of.about.journey().is_none() || of.subject.is_some() || of.batch.is_some();
    of.get(claim).is_some_and(is_known)
}

/// The rulebook keys of a claim's outcome that differ; none if one side does not know its case.
fn rules(a: &Claims, b: &Claims, claim: ClaimId) -> Vec<&'static str> {
    let judges = |of: &Claims| of.contract.newest_rulebook().is_some_and(|rulebook| !rulebook.outcomes.is_empty());
    let is_new = |of: &Claims, journey| of.of_journey(journey).is_empty() && judges(of);
    match journey_of(a, b, claim) {
        Some(journey) if is_new(a, journey) || is_new(b, journey) => Vec::new(),
        _ => claims::rules_that_differ(a.get(claim), b.get(claim)),
    }
}

impl ViewComparison {
    /// The next cases that may differ, at most [`LOOKED_AT`]: those with events recorded in between, or every case of
    /// either side if the days or the rules differ.
    async fn candidates(&self, ctx: &Context<'_>, place: JourneyId) -> Result<Vec<JourneyId>> {
        let (one, other, most) = (self.a.side()?, self.b.side()?, i64::try_from(LOOKED_AT).unwrap_or(i64::MAX));
        if one.differs_by_events_alone(&other) {
            let (after, upto) = (one.upto.min(other.upto), one.upto.max(other.upto));
            let code = &self.a.source().code;
            return ctx.app().log.journeys_between(code, after, upto, place, most).await.or_fault();
        }
        let mut known = BTreeSet::new();
        for side in [&self.a, &self.b] {
            known.extend(compare::journeys_after(side.generation(), side.scope(ctx)?, place, most).await.or_fault()?);
        }
        Ok(known.into_iter().take(LOOKED_AT).collect())
    }

    /// The events that explain why these claims differ.
    async fn claims_that_differ(
        &self,
        ctx: &Context<'_>,
        a: &Arc<Claims>,
        b: &Arc<Claims>,
        shifts: &[Shift],
    ) -> Result<Vec<ClaimDifference>> {
        let (one, other) = (self.a.side()?, self.b.side()?);
        let streams = |claim: ClaimId| -> Vec<StreamId> {
            let sides = [a.get(claim), b.get(claim)].into_iter().flatten();
            let of = sides.flat_map(|of| {
                let subject = of.subject.filter(|_| of.about.journey().is_some());
                let journey = journey_of(a, b, claim).map(StreamId::journey);
                [journey, subject.map(StreamId::subject), of.batch.map(StreamId::batch)].into_iter().flatten()
            });
            of.collect::<BTreeSet<_>>().into_iter().collect()
        };
        let wanted: BTreeSet<StreamId> = shifts.iter().flat_map(|of| streams(of.claim)).collect();
        let mut events: HashMap<StreamId, Vec<Envelope>> = HashMap::new();
        for envelope in ctx.app().log.streams(wanted.into_iter().map(|stream| (stream, 0))).await.or_fault()? {
            events.entry(envelope.stream).or_default().push(envelope);
        }
        let differ = events.iter().map(|(id, stream)| (*id, compare::events_that_differ(stream, &one, &other)));
        let differ: HashMap<StreamId, HashSet<EventId>> =
            differ.map(|(id, made)| (id, made.into_iter().collect())).collect();
        let made = |claim: ClaimId| {
            let name = claim.to_string();
            let mut made: Vec<&Envelope> = Vec::new();
            for stream in streams(claim) {
                let (Some(events), Some(differ)) = (events.get(&stream), differ.get(&stream)) else { continue };
                let is_of_it = |event: &Envelope| match stream.kind {
                    // A batch event concerns many claims, each named by its id.
                    StreamKind::Batch => event.payload.get().contains(&name),
                    _ => EventType::named(&event.event_type).is_some_and(is_looked_at),
                };
                made.extend(events.iter().filter(|event| differ.contains(&event.event_id) && is_of_it(event)));
            }
            made.sort_by_key(|event| event.position);
            made.into_iter().cloned().map(Event).collect()
        };
        let difference = |shift: &Shift| ClaimDifference {
            id: ID(shift.claim.to_string()),
            moved: shift.how.into(),
            a: Claim::among(a, shift.claim),
            b: Claim::among(b, shift.claim),
            delta: Money::of(shift.delta, b.currency()),
            events: made(shift.claim),
            rules: rules(a, b, shift.claim),
        };
        Ok(shifts.iter().map(difference).collect())
    }

    /// The cases among these that differ and that the caller may read, in their order.
    async fn differences(&self, ctx: &Context<'_>, ids: &[JourneyId]) -> Result<Vec<(JourneyId, JourneyDifference)>> {
        let (one, other) = (self.a.side()?, self.b.side()?);
        let (a, b) = (self.a.source(), self.b.source());
        let named: Vec<(JourneyId, &str)> = ids.iter().map(|id| (*id, a.code.as_str())).collect();
        let readable = context::readable(ctx, &named).await?;
        let mut streams: HashMap<JourneyId, Vec<Envelope>> = HashMap::new();
        let wanted = ids.iter().filter(|id| readable.contains(id)).map(|id| (StreamId::journey(*id), 0));
        for envelope in ctx.app().log.streams(wanted).await.or_fault()? {
            streams.entry(JourneyId(envelope.stream.id)).or_default().push(envelope);
        }
        let mut found = Vec::new();
        for id in ids {
            let Some(stream) = streams.remove(id) else { continue };
            let Some(made) = compare::difference((*id, &a.code), &stream, &one, &other) else { continue };
            let made: HashSet<EventId> = made.into_iter().collect();
            let is_one = |event: &&Envelope| made.contains(&event.event_id);
            let events = stream.iter().filter(is_one).cloned().map(Event).collect();
            let story = |upto| CaseHistory::of(stream.clone(), KnownUpTo(upto)).or_fault();
            let journey_at =
                |source, story: Option<CaseHistory>| story.map(|story| Journey::beneath(source, *id, Arc::new(story)));
            let (one, other) = (journey_at(&a, story(one.upto)?), journey_at(&b, story(other.upto)?));
            found.push((*id, JourneyDifference { id: ID(id.to_string()), events, a: one, b: other }));
        }
        Ok(found)
    }
}

impl Contract {
    /// The contract as one side of the comparison.
    fn side(&self) -> Result<Side<'_>> {
        let upto = *self.generation().position().borrow();
        Ok(Side { as_of: self.day(), upto, rulebook: self.rules()? })
    }
}
