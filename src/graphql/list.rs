//! Lists of cases: a filter, an order, and pages with opaque cursors.
//!
//! A cursor belongs to its list: a list with another filter or order refuses it. This module does not decide which
//! cases may be listed; the caller's access scope is passed in. A page of cases is read either from view rows or by
//! replaying streams, never a mix.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject, Object, Result, SelectionField};
use chrono::NaiveDate;

use super::bounds::PageLength;
use super::context::{self, OrFault as _, RequestContext as _};
use super::cursor::{Cursors, SAME_FILTER_AND_ORDER};
use super::filter_checks;
use super::journey::{self, CaseHistory, Journey};
use super::mutation::input::referral::ExternalReferenceInput;
use super::page::{self, Listed, More, Page};
use super::people::Worker;
use super::point_in_time::KnownUpTo;
use super::reveal;
use super::scalars::{Date, Id};
use crate::access::CasesInScope;
use crate::access::policy::{Action, Redaction};
use crate::access::relation::Standing;
use crate::queries;
use crate::queries::journeys::{
    CaseNumber, HeldBy, InState, JourneyFilter, JourneyRow, Key, Order, Place, Population, SinceContact, Sort,
};
use crate::views::generation::Generation;
use throughline_domain::contract;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{JourneyId, SubjectId, TeamId, WorkerId};
use throughline_gateway::Code;
use throughline_projections::state::State;

/// The error message for a contract outside the caller's scope.
pub(super) const NOT_IN_SCOPE: &str = "this contract is not in your scope";

/// The state of a case at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum JourneyState {
    /// Still open: waiting for a decision, or on the caseload.
    Open,
    /// Referred, but not yet accepted or declined.
    Waiting,
    /// Accepted and not closed.
    OnCaseload,
    /// Closed, or transferred to another service.
    Closed,
    /// The service declined the referral.
    Declined,
    /// The referral was withdrawn.
    Withdrawn,
}

impl From<JourneyState> for InState {
    fn from(state: JourneyState) -> Self {
        match state {
            JourneyState::Open => Self::Open,
            JourneyState::Waiting => Self::Only(State::Waiting),
            JourneyState::OnCaseload => Self::Only(State::OnCaseload),
            JourneyState::Closed => Self::Only(State::Closed),
            JourneyState::Declined => Self::Only(State::Declined),
            JourneyState::Withdrawn => Self::Only(State::Withdrawn),
        }
    }
}

/// Which cases to return. A case must match every condition at the end of the as-of date.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "JourneyFilter")]
pub struct JourneyFilterInput {
    /// Only cases of this contract, by code.
    pub contract: Option<String>,
    /// Only cases of this keyworker.
    pub keyworker: Option<Id>,
    /// Whether to include the cases of workers whom this keyworker covers on the as-of date. Default: true if the
    /// keyworker is you, otherwise false.
    pub covered: Option<bool>,
    /// Only cases without a keyworker. A worker who has left holds no cases.
    #[graphql(default)]
    pub unassigned: bool,
    /// Only cases whose keyworker is in this team.
    pub team: Option<Id>,
    /// Only cases in this service area, by code.
    pub area: Option<String>,
    /// Only cases of this cohort, by code.
    pub cohort: Option<String>,
    /// Only cases at this stage, by code.
    pub stage: Option<String>,
    /// Only cases in this state.
    pub state: Option<JourneyState>,
    /// Only cases in this row of the contact recency board (days since the last contact with any worker), by the row's
    /// label. The label for "no contact yet" also works. A last contact with too imprecise a date is in no row.
    pub recency: Option<String>,
    /// Only cases received on or after this day.
    pub received_from: Option<Date>,
    /// Only cases received on or before this day.
    pub received_to: Option<Date>,
    /// Only cases with exactly this case number of another system.
    pub external_reference: Option<ExternalReferenceInput>,
    /// Only cases whose reference begins with this text. Case-sensitive.
    pub reference_begins: Option<String>,
    /// Only cases of this subject, by its id as you see it.
    pub subject: Option<Id>,
}

/// The value by which cases are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum JourneySort {
    /// By the case's reference.
    Reference,
    /// By the day on which the referral was received.
    Received,
    /// By the days since the last made contact with any worker. A case without a contact counts as the longest.
    DaysSinceContact,
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum SortDirection {
    /// Ascending: first, earliest or smallest value first.
    #[default]
    Asc,
    /// Descending: last, latest or largest value first.
    Desc,
}

/// The order of cases. Cases with equal values are sorted by id.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct JourneyOrder {
    /// The value to sort by.
    pub by: JourneySort,
    /// The direction of the sort.
    #[graphql(default)]
    pub direction: SortDirection,
}

impl From<JourneyOrder> for Order {
    fn from(order: JourneyOrder) -> Self {
        let falling = order.direction == SortDirection::Desc;
        match order.by {
            JourneySort::Reference => Self { by: Sort::Reference, falling },
            JourneySort::Received => Self { by: Sort::Received, falling },
            // More days since contact means an earlier last contact, so the direction is reversed.
            JourneySort::DaysSinceContact => Self { by: Sort::LastContact, falling: !falling },
        }
    }
}

/// The arguments of a list.
pub(super) struct JourneyList {
    pub(super) population: Population,
    pub(super) filter: JourneyFilterInput,
    pub(super) order: Option<JourneyOrder>,
    pub(super) first: PageLength,
    pub(super) after: Option<String>,
}

/// A contract in a list, at a point in time.
pub(super) struct Source {
    pub(super) contract_state: Arc<contract::Contract>,
    pub(super) code: String,
    pub(super) as_of: NaiveDate,
    /// The view that answers.
    pub(super) generation: Arc<Generation>,
    /// The last log position to use for its cases.
    pub(super) known: KnownUpTo,
}

impl Source {
    /// Which cases the caller may see. Needed only if the caller does not see all cases and the view is not the live
    /// one, because an older view holds older assignments, while access follows those of now.
    pub(super) async fn shown_now(
        &self,
        ctx: &Context<'_>,
        standing: &Standing,
    ) -> Result<Option<BTreeSet<JourneyId>>> {
        let live = &ctx.caller().generation;
        if live.number == self.generation.number {
            return Ok(None);
        }
        queries::caseload_scope::shown(live, self.cases(ctx, standing, None)?).await.or_fault()
    }

    /// The cases of the contract that the caller may see, of these if some are given.
    pub(super) fn cases<'c>(
        &'c self,
        ctx: &'c Context<'_>,
        standing: &'c Standing,
        among: Option<&'c BTreeSet<JourneyId>>,
    ) -> Result<CasesInScope<'c>> {
        let scope = ctx.in_scope(&self.code).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
        Ok(scope.cases(standing).among(among))
    }
}

/// The part of a list that belongs to one contract.
struct Part {
    source: Source,
    filter: JourneyFilter,
    among: Option<BTreeSet<JourneyId>>,
}

impl Part {
    fn cases<'c>(&'c self, ctx: &'c Context<'_>, standing: &'c Standing) -> Result<CasesInScope<'c>> {
        self.source.cases(ctx, standing, self.among.as_ref())
    }
}

impl Listed for Journey {
    type Totals = JourneyTotals;
    const PAGE: &'static str = "A page of cases, in the order requested.";
    const EDGE: &'static str = "A case with its cursor.";
    const ONE: &'static str = "case";
    const MANY: &'static str = "cases";
}

/// A list of cases as a whole.
pub struct JourneyTotals {
    parts: Vec<Part>,
    population: Population,
    standing: Standing,
}

#[Object]
impl JourneyTotals {
    /// The number of cases on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let mut count = 0;
        for part in &self.parts {
            let (cases, source) = (part.cases(ctx, &self.standing)?, &part.source);
            let counted =
                queries::journeys::count(&source.generation, cases, source.as_of, self.population, &part.filter);
            count += counted.await.or_fault()?;
        }
        Ok(count)
    }
}

/// A page of cases from several contracts, limited to those the caller may see.
pub(super) async fn page(ctx: &Context<'_>, sources: Vec<Source>, asked: JourneyList) -> Result<Page<Journey>> {
    let JourneyList { population, filter, order, first, after } = asked;
    let asked_covered = filter.covered;
    check(ctx, &filter, order)?;
    let order = order.map_or_else(|| usual_order(ctx), Order::from);
    let cursors = cursors(order, &format!("{population:?} {filter:?}"));
    let after = place(&cursors, order, after.as_deref())?;
    check_known(ctx, &sources, &filter).await?;
    let mut parts = parts(sources, &filter)?;
    let standing = context::standing(ctx).await?;
    let mut rows: Vec<(usize, JourneyRow)> = Vec::new();
    let mut has_next_page = false;
    for (at, part) in parts.iter_mut().enumerate() {
        if let Some(subject) = part.filter.subject {
            let contract = part.source.contract_state.code().unwrap_or_default();
            part.filter.subject = Some(reveal::named_subject(ctx, subject.0, contract).await?);
        }
        part.among = part.source.shown_now(ctx, &standing).await?;
        let (generation, held) = (&part.source.generation, part.filter.held);
        part.filter.covered = covered(generation, &standing, held, (part.source.as_of, asked_covered)).await?;
        let cases = part.cases(ctx, &standing)?;
        let (how, page) = ((population, &part.filter, order), (after.as_ref(), first.rows()));
        let page =
            queries::journeys::page(&part.source.generation, cases, part.source.as_of, how, page).await.or_fault()?;
        has_next_page |= page.has_next;
        rows.extend(page.rows.into_iter().map(|row| (at, row)));
    }
    rows.sort_by(|(_, one), (_, other)| order.compare(&one.place, &other.place));
    has_next_page |= page::cut(&mut rows, first.count());
    let rows: Vec<(usize, Arc<JourneyRow>)> = rows.into_iter().map(|(at, row)| (at, Arc::new(row))).collect();
    let wanted = Wanted::of(ctx);
    let stories = wanted.case_histories(ctx, &parts, &rows).await?;
    let journey = |(at, row): &(usize, Arc<JourneyRow>)| {
        let source = &parts[*at].source;
        match &stories {
            None => Some(Journey::listed(source, row)),
            Some(stories) => Some(Journey::beneath(source, row.journey, Arc::clone(stories.get(&row.journey)?))),
        }
    };
    let rows: Vec<_> = rows.iter().map(|row| (cursor(&cursors, &row.1.place), journey(row))).collect();
    let more = More { before: after.is_some(), after: has_next_page };
    Ok(Page::of(rows, more, JourneyTotals { parts, population, standing }))
}

/// The requested fields of the cases, as far as they decide how a page is read.
#[derive(Default)]
struct Wanted {
    keyworkers: bool,
    /// Fields that view rows do not hold.
    stories: bool,
}

impl Wanted {
    fn of(ctx: &Context<'_>) -> Self {
        let mut wanted = Self::default();
        for field in ctx.field().selection_set() {
            match field.name() {
                "nodes" => wanted.take(&field),
                "edges" => field.selection_set().filter(|of| of.name() == "node").for_each(|node| wanted.take(&node)),
                _ => {}
            }
        }
        wanted
    }

    fn take(&mut self, journey: &SelectionField<'_>) {
        self.stories |= !journey::row::holds(journey);
        self.keyworkers |= journey.selection_set().any(|field| field.name() == "keyworker");
    }

    /// The replayed streams of a page, if it needs fields that its rows do not hold; for a page read from rows, the
    /// objects its cases refer to. All cases come from rows, or all from streams.
    async fn case_histories(
        &self,
        ctx: &Context<'_>,
        parts: &[Part],
        rows: &[(usize, Arc<JourneyRow>)],
    ) -> Result<Option<HashMap<JourneyId, Arc<CaseHistory>>>> {
        // A list is either of one contract or of the current knowledge.
        let known = parts.first().map_or(KnownUpTo::ALL, |part| part.source.known);
        if self.stories {
            return journey::case_histories(ctx, rows.iter().map(|(_, row)| row.journey), known).await.map(Some);
        }
        // Lists show only cases that the caller may read, except for roles that read no cases.
        if !ctx.may(Action::ReadJourneys) {
            return Ok(Some(HashMap::new()));
        }
        if self.keyworkers && known == KnownUpTo::ALL {
            Worker::load_ahead(ctx, &rows.iter().filter_map(|(_, row)| row.keyworker).collect()).await?;
        }
        Ok(None)
    }
}

/// The default order of a list: by reference, if the caller may see references.
fn usual_order(ctx: &Context<'_>) -> Order {
    let by = if ctx.redacts(Redaction::CaseNumbers) { Sort::Received } else { Sort::Reference };
    Order { by, falling: false }
}

/// Refuses an invalid filter, and one that would reveal data hidden from the caller.
fn check(ctx: &Context<'_>, filter: &JourneyFilterInput, order: Option<JourneyOrder>) -> Result<()> {
    if filter.keyworker.is_some() && filter.unassigned {
        return Err(Code::BadUserInput.error("give keyworker or unassigned, not both"));
    }
    let number = filter.external_reference.iter().flat_map(|number| [&number.system, &number.id]);
    let texts = [&filter.area, &filter.cohort, &filter.stage, &filter.recency, &filter.reference_begins];
    if texts.into_iter().flatten().chain(number).any(|text| text.contains('\0')) {
        return Err(
            Code::BadUserInput.error("a filter contains a NUL character, which no recorded value has: remove it")
        );
    }
    let by_reference = filter.external_reference.is_some() || filter.reference_begins.is_some();
    let ordered = order.is_some_and(|order| order.by == JourneySort::Reference);
    if (by_reference || ordered) && ctx.redacts(Redaction::CaseNumbers) {
        let message = "you may not see case numbers: use another filter, and order by RECEIVED";
        return Err(Code::Forbidden.error(message));
    }
    Ok(())
}

/// Refuses values that no contract of the list knows in any of its rulebooks, and workers unknown to the caller.
async fn check_known(ctx: &Context<'_>, sources: &[Source], filter: &JourneyFilterInput) -> Result<()> {
    let contracts = || sources.iter().map(|source| &*source.contract_state);
    filter_checks::contract(ctx, filter.contract.as_deref())?;
    filter_checks::area(contracts(), filter.area.as_deref())?;
    filter_checks::cohort(contracts(), filter.cohort.as_deref())?;
    let stages = |rules: &Rulebook| Some(rules.stages.iter().map(|stage| stage.code.clone()).collect());
    filter_checks::code(contracts(), "stage", filter.stage.as_deref(), stages)?;
    let received = (filter.received_from.map(|day| day.0), filter.received_to.map(|day| day.0));
    filter_checks::days("the days of referral", received.0, received.1)?;
    filter_checks::worker(ctx, filter.keyworker.map(|id| WorkerId(id.0))).await?;
    filter_checks::team(ctx, filter.team.map(|id| TeamId(id.0))).await
}

/// The parts of a list, each with the filter translated by its contract's rulebook. A contract whose rulebook has no
/// row with this label has no cases in the list. A label that no rulebook knows is refused.
fn parts(sources: Vec<Source>, filter: &JourneyFilterInput) -> Result<Vec<Part>> {
    let Some(label) = &filter.recency else {
        let part = |source| Part { filter: read(filter, None), source, among: None };
        return Ok(sources.into_iter().map(part).collect());
    };
    let mut known: Vec<String> = Vec::new();
    let mut parts = Vec::new();
    for source in sources {
        let Some(rulebook) = source.contract_state.newest_rulebook() else { continue };
        let buckets = &rulebook.recency.buckets;
        match SinceContact::labelled(buckets, label) {
            Some(since) => parts.push(Part { filter: read(filter, Some(since)), source, among: None }),
            None => known.extend(buckets.labels.iter().chain([&buckets.none]).cloned()),
        }
    }
    if parts.is_empty() && !known.is_empty() {
        known.sort();
        known.dedup();
        let known = known.join(", ");
        return Err(Code::BadUserInput.error(format!("no rulebook has a row {label:?}: use one of {known}")));
    }
    Ok(parts)
}

fn read(filter: &JourneyFilterInput, since_contact: Option<SinceContact>) -> JourneyFilter {
    let filter = filter.clone();
    let held = match filter.keyworker {
        Some(id) => HeldBy::Keyworker(WorkerId(id.0)),
        None if filter.unassigned => HeldBy::Unassigned,
        None => HeldBy::Any,
    };
    JourneyFilter {
        held,
        covered: BTreeSet::new(),
        team: filter.team.map(|id| TeamId(id.0)),
        area: filter.area,
        cohort: filter.cohort,
        stage: filter.stage,
        state: filter.state.map(InState::from),
        received_from: filter.received_from.map(|day| day.0),
        received_to: filter.received_to.map(|day| day.0),
        since_contact,
        case_number: filter.external_reference.map(|number| CaseNumber { system: number.system, id: number.id }),
        reference_begins: filter.reference_begins.unwrap_or_default(),
        subject: filter.subject.map(|id| SubjectId(id.0)),
    }
}

/// The cursors of a list in an order.
fn cursors(order: Order, list: &str) -> Cursors {
    let by = match order.by {
        Sort::Reference => "reference",
        Sort::Received => "received",
        Sort::LastContact => "contact",
    };
    let direction = if order.falling { "falling" } else { "rising" };
    Cursors::filtered(&format!("{by} {direction}"), list, SAME_FILTER_AND_ORDER)
}

fn cursor(cursors: &Cursors, place: &Place) -> String {
    let key = match &place.key {
        Key::Text(text) => text.clone(),
        Key::Day(day) => day.to_string(),
    };
    cursors.cursor(format_args!("{}\n{key}", place.journey))
}

fn place(cursors: &Cursors, order: Order, cursor: Option<&str>) -> Result<Option<Place>> {
    cursors.place(cursor, |parts| {
        let journey = parts.part()?;
        let key = match order.by {
            Sort::Reference => Key::Text(parts.text()?),
            Sort::Received | Sort::LastContact => Key::Day(parts.part()?),
        };
        Some(Place { key, journey })
    })
}

/// The workers whom the keyworker of a list covers on a day. Used if the client asks for it, or by default if the
/// caller is that keyworker.
pub(super) async fn covered(
    generation: &Generation,
    standing: &Standing,
    held: HeldBy,
    (on, asked): (NaiveDate, Option<bool>),
) -> Result<BTreeSet<WorkerId>> {
    match held {
        HeldBy::Keyworker(worker) if asked.unwrap_or_else(|| standing.is_of(worker)) => {
            queries::people::covered_by(generation, worker, on).await.or_fault()
        }
        _ => Ok(BTreeSet::new()),
    }
}

/// A value that may be given in one of two places. Giving it in both is refused.
pub(super) fn either<T>(name: &str, one: Option<T>, other: Option<T>) -> Result<Option<T>> {
    match (one, other) {
        (Some(_), Some(_)) => {
            Err(Code::BadUserInput.error(format!("{name} is given twice: leave it out of the filter")))
        }
        (one, other) => Ok(one.or(other)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_works_only_in_its_own_order() {
        let journey = JourneyId(Uuid::from_u128(7));
        let by_reference = Order { by: Sort::Reference, falling: false };
        let list = cursors(by_reference, "a list");
        let here = Place { key: Key::Text("BR-1\nodd".to_owned()), journey };
        let own_cursor = cursor(&list, &here);
        assert_eq!(place(&list, by_reference, Some(&own_cursor)).expect("its own cursor"), Some(here));
        let elsewhere = [
            (Order { falling: true, ..by_reference }, "a list"),
            (Order { by: Sort::Received, falling: false }, "a list"),
            (by_reference, "another list"),
        ];
        for (order, list) in elsewhere {
            assert!(place(&cursors(order, list), order, Some(&own_cursor)).is_err(), "{order:?} {list}");
        }
        let by_contact = Order { by: Sort::LastContact, falling: true };
        let list = cursors(by_contact, "a list");
        let here = Place { key: Key::Day(NaiveDate::from_ymd_opt(2018, 2, 3).expect("a day")), journey };
        let own_cursor = cursor(&list, &here);
        assert_eq!(place(&list, by_contact, Some(&own_cursor)).expect("its own cursor"), Some(here));
    }
}
