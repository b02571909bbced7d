//! Obligations as clients read them: what the rulebook's standards ask to be done, by when, and whether it was.
//!
//! Whose obligations may be listed is never asked here, but brought along with the standing of the caller.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};
use chrono::NaiveDate;

use super::at::Known;
use super::boards::Group;
use super::bounds::PageLength;
use super::context::{self, Asked as _, OrFault as _};
use super::cursor;
use super::journey::{self, Journey};
use super::known;
use super::list::{NOT_IN_SCOPE, PageInfo, Source};
use super::people::Worker;
use super::scalars::Date;
use crate::access::relation as access;
use crate::views::obligations::{self, Counts, ObligationFilter, ObligationRow, Place, StandardCounts, Standing};
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_gateway::Code;
use throughline_projections::Told;

/// How an obligation stands at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Standing")]
pub enum ObligationState {
    /// It is owed, and there is time after that day.
    Due,
    /// It is owed, and that day is the last in time.
    DueToday,
    /// It is owed, and no longer in time.
    Overdue,
    /// It was met in time.
    Met,
    /// It was met late, or was late when the case ended.
    Missed,
    /// The case ended, or what it was about did, while there was time.
    Cancelled,
}

/// By what obligations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "obligations::By")]
pub enum ObligationsBy {
    /// One row for each keyworker, and one for what is nobody's.
    Keyworker,
    /// One row for each team, one for keyworkers who never were in one, and one for cases that never had a keyworker. What
    /// is owed on a case that nobody holds stays with the team of its last keyworker.
    Team,
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// Something that a service standard of the rulebook asks to be done for a client within so many days.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Obligation {
    /// The standard, by code.
    standard: String,
    /// How it stands.
    pub(super) state: ObligationState,
    /// The day from which its days are counted.
    from: Date,
    /// The last day in time; none where it counts working days and the bank holidays of that year are not known.
    due_on: Option<Date>,
    /// The day on which it was met, late or not, or on which the case ended before it was.
    ended_on: Option<Date>,
    /// The journey that it is about.
    journey: Journey,
    #[graphql(skip)]
    nth: usize,
    #[graphql(skip)]
    keyworker: Option<WorkerId>,
    #[graphql(skip)]
    told_on: NaiveDate,
}

#[ComplexObject]
impl Obligation {
    /// The event that started its clock.
    async fn started_by(&self) -> Option<ID> {
        let started_by = self.journey.starts_obligation(&self.standard, self.nth)?;
        Some(ID(started_by.to_string()))
    }

    /// The keyworker whose it is, or whose it was when it ended; none where nobody held the case.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        let holder = Worker::load(ctx, self.keyworker?, self.journey.known()).await?;
        let is_here = |worker: &Worker| worker.row.left_on.is_none_or(|left| left > self.told_on);
        holder.map(|worker| Some(worker).filter(is_here)).transpose()
    }
}

impl Obligation {
    fn of(row: &ObligationRow, journey: Journey, as_of: NaiveDate) -> Self {
        Self {
            standard: row.place.standard.clone(),
            state: row.standing.into(),
            from: Date(row.from),
            due_on: row.due.map(Date),
            ended_on: row.ended.map(Date),
            journey,
            nth: usize::try_from(row.place.nth).unwrap_or(usize::MAX),
            keyworker: row.keyworker,
            told_on: row.ended.unwrap_or(as_of),
        }
    }

    /// The obligations of one journey as they stand at the end of a day, the earliest due first.
    pub(super) fn of_journey(told: &Told<'_>, as_of: NaiveDate, journey: impl Fn() -> Journey) -> Vec<Self> {
        obligations::of_journey(told, as_of).iter().map(|row| Self::of(row, journey(), as_of)).collect()
    }
}

/// An obligation and its place in the order.
#[derive(SimpleObject)]
pub struct ObligationEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The obligation.
    node: Obligation,
}

/// Obligations in the order in which they are due, page by page.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ObligationConnection {
    /// The obligations of this page, each with its cursor.
    edges: Vec<ObligationEdge>,
    /// The obligations of this page.
    nodes: Vec<Obligation>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    #[graphql(skip)]
    list: List,
}

/// What a page is of.
struct List {
    source: Source,
    filter: ObligationFilter,
    standing: access::Standing,
    among: Option<BTreeSet<JourneyId>>,
}

#[ComplexObject]
impl ObligationConnection {
    /// How many there are on all pages; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let List { source, filter, standing, among } = &self.list;
        let scope = ctx.in_scope(&source.code).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
        let cases = scope.cases(standing).among(among.as_ref());
        source.generation.obligation_count(cases, source.as_of, filter).await.or_fault()
    }
}

/// A page of the obligations of a contract, of those on journeys that the caller may be shown.
pub(super) async fn page(
    ctx: &Context<'_>,
    source: Source,
    filter: ObligationFilter,
    (first, after): (PageLength, Option<String>),
) -> Result<ObligationConnection> {
    if [&filter.standard, &filter.area].into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(Code::BadUserInput.error("a filter holds a NUL, which nothing recorded does: leave it out"));
    }
    known::area([&*source.told], filter.area.as_deref())?;
    known::code([&*source.told], ("standard", filter.standard.as_deref()), |rules| {
        Some(rules.standards.iter().map(|standard| standard.code.clone()).collect())
    })?;
    known::days("the days on which they are due", filter.due_from, filter.due_to)?;
    known::worker(ctx, filter.held.keyworker()).await?;
    known::team(ctx, filter.team).await?;
    let list = format!("{filter:?}");
    let after = after.as_deref().map(|cursor| place(cursor, &list)).transpose()?;
    let scope = ctx.in_scope(&source.code).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
    let standing = context::standing(ctx).await?;
    let asked = (after.as_ref(), first.rows());
    let among = source.shown_now(ctx, &standing).await?;
    let cases = scope.cases(&standing).among(among.as_ref());
    let page = source.generation.obligations(cases, source.as_of, &filter, asked).await.or_fault()?;
    let stories = journey::stories(ctx, page.rows.iter().map(|row| row.place.journey), source.known).await?;
    let node = |row: &ObligationRow| {
        let story = Arc::clone(stories.get(&row.place.journey)?);
        let journey = Journey::beneath(&source, row.place.journey, story);
        Some(Obligation::of(row, journey, source.as_of))
    };
    let cursors: Vec<String> = page.rows.iter().map(|row| cursor(&row.place, &list)).collect();
    let page_info = PageInfo::of(&cursors, page.has_next, after.is_some());
    let edges = cursors.into_iter().zip(&page.rows);
    let edges = edges.filter_map(|(cursor, row)| Some(ObligationEdge { cursor, node: node(row)? })).collect();
    let nodes = page.rows.iter().filter_map(node).collect();
    Ok(ObligationConnection { edges, nodes, page_info, list: List { source, filter, standing, among } })
}

fn cursor(place: &Place, list: &str) -> String {
    let Place { due, journey, standard, nth } = place;
    cursor::of(&cursor::named("obligations", list), format_args!("{due}\n{journey}\n{nth}\n{standard}"))
}

fn place(cursor: &str, list: &str) -> Result<Place> {
    cursor::place(cursor, &cursor::named("obligations", list), cursor::SAME_FILTER, |place| {
        let mut parts = place.splitn(4, '\n');
        let (due, journey, nth) = (parts.next()?, parts.next()?, parts.next()?);
        let standard = Some(parts.next()?.to_owned()).filter(|standard| !standard.contains('\0'))?;
        let (journey, nth) = (JourneyId(journey.parse().ok()?), nth.parse().ok()?);
        Some(Place { due: due.parse().ok()?, journey, standard, nth })
    })
}

/// How many obligations under one standard stand how.
#[derive(SimpleObject)]
pub struct StandardObligations {
    /// The standard, by code.
    standard: String,
    /// Its rows.
    rows: Vec<ObligationCounts>,
}

/// How many obligations stand how.
#[derive(SimpleObject)]
pub struct ObligationCounts {
    /// Whose.
    group: Group,
    /// Owed, with time after the day.
    due: u64,
    /// Owed, and the day is the last in time.
    due_today: u64,
    /// Owed, and no longer in time.
    overdue: u64,
    /// Met in time.
    met: u64,
    /// Met late, or late when the case ended.
    missed: u64,
    /// No longer owed while there was time.
    cancelled: u64,
}

impl StandardObligations {
    /// The counts of one standard, with keyworkers as they were known then.
    pub(super) fn of(counts: StandardCounts, known: Known) -> Self {
        let row = |(group, counts): (crate::views::board::Group, Counts)| {
            let count = |standing| counts.get(&standing).copied().unwrap_or(0);
            ObligationCounts {
                group: Group::known(group, known),
                due: count(Standing::Due),
                due_today: count(Standing::DueToday),
                overdue: count(Standing::Overdue),
                met: count(Standing::Met),
                missed: count(Standing::Missed),
                cancelled: count(Standing::Cancelled),
            }
        };
        Self { standard: counts.standard, rows: counts.rows.into_iter().map(row).collect() }
    }
}
