//! Obligations in the API: what a service standard requires, the due date, and whether it was met.
//!
//! This module does not decide whose obligations may be listed; the caller's access scope is passed in.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::boards::Group;
use super::bounds::PageLength;
use super::context::{self, OrFault as _};
use super::cursor::{Cursors, SAME_FILTER};
use super::filter_checks;
use super::journey::{self, Journey};
use super::list::Source;
use super::page::{Listed, More, Page};
use super::people::Worker;
use super::point_in_time::KnownUpTo;
use super::scalars::Date;
use crate::access::relation as access;
use crate::queries::obligations::{self, ObligationFilter, ObligationRow, Place, StandardCounts, Standing};
use crate::queries::small_counts::StandingCounts;
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_gateway::Code;
use throughline_projections::CaseFacts;

/// The state of an obligation at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Standing")]
pub enum ObligationState {
    /// Not met yet, and the due date is later than that day.
    Due,
    /// Not met yet, and the due date is that day.
    DueToday,
    /// Not met yet, and the due date has passed.
    Overdue,
    /// Met on or before the due date.
    Met,
    /// Met after the due date, or overdue when the case ended.
    Missed,
    /// The case, or the item that the obligation was about, ended before the due date.
    Cancelled,
}

/// How to break down counts of obligations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "obligations::By")]
pub enum ObligationsBy {
    /// One row for each keyworker, and one for obligations without a keyworker.
    Keyworker,
    /// One row for each team, one for keyworkers who were never in a team, and one for cases that never had a
    /// keyworker. An obligation on an unassigned case stays with the team of its last keyworker.
    Team,
    /// One row for each service area.
    Area,
    /// One row for the whole contract.
    Whole,
}

/// An obligation: an action for a client that a service standard of the rulebook requires within a number of days.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Obligation {
    /// The code of the service standard.
    standard: String,
    /// The state of the obligation.
    pub(super) state: ObligationState,
    /// The day from which the days are counted.
    from: Date,
    /// The due date: the last day in time. Null if the standard counts working days and the bank holidays of that year
    /// are not known.
    due_on: Option<Date>,
    /// The day on which it was met, in time or late, or on which the case ended first.
    ended_on: Option<Date>,
    /// The case.
    journey: Journey,
    #[graphql(skip)]
    nth: usize,
    #[graphql(skip)]
    keyworker: Option<WorkerId>,
    #[graphql(skip)]
    worker_on: NaiveDate,
}

#[ComplexObject]
impl Obligation {
    /// The id of the event that started the clock.
    async fn started_by(&self) -> Option<ID> {
        let started_by = self.journey.starts_obligation(&self.standard, self.nth)?;
        Some(ID(started_by.to_string()))
    }

    /// The keyworker responsible now, or when the obligation ended. Null if the case was unassigned.
    async fn keyworker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        let holder = Worker::load(ctx, self.keyworker?, self.journey.known()).await?;
        let is_here = |worker: &Worker| worker.row.left_on.is_none_or(|left| left > self.worker_on);
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
            worker_on: row.ended.unwrap_or(as_of),
        }
    }

    /// The obligations of one case at the end of a day, the earliest due date first.
    pub(super) fn of_journey(input: &CaseFacts<'_>, as_of: NaiveDate, journey: impl Fn() -> Journey) -> Vec<Self> {
        obligations::of_journey(input, as_of).iter().map(|row| Self::of(row, journey(), as_of)).collect()
    }
}

impl Listed for Obligation {
    type Totals = ObligationTotals;
    const PAGE: &'static str = "A page of obligations, by due date.";
    const EDGE: &'static str = "An obligation with its cursor.";
    const ONE: &'static str = "obligation";
    const MANY: &'static str = "obligations";
}

/// A list of obligations as a whole.
pub struct ObligationTotals {
    source: Source,
    filter: ObligationFilter,
    standing: access::Standing,
    among: Option<BTreeSet<JourneyId>>,
}

#[Object]
impl ObligationTotals {
    /// The number of obligations on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let Self { source, filter, standing, among } = self;
        let cases = source.cases(ctx, standing, among.as_ref())?;
        obligations::count(&source.generation, cases, source.as_of, filter).await.or_fault()
    }
}

/// A page of a contract's obligations, on cases that the caller may see.
pub(super) async fn page(
    ctx: &Context<'_>,
    source: Source,
    filter: ObligationFilter,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<Obligation>> {
    if [&filter.standard, &filter.area].into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(
            Code::BadUserInput.error("a filter contains a NUL character, which no recorded value has: remove it")
        );
    }
    filter_checks::area([&*source.contract_state], filter.area.as_deref())?;
    filter_checks::code([&*source.contract_state], "standard", filter.standard.as_deref(), |rules| {
        Some(rules.standards.iter().map(|standard| standard.code.clone()).collect())
    })?;
    filter_checks::days("the due dates", filter.due_from, filter.due_to)?;
    filter_checks::worker(ctx, filter.held.keyworker()).await?;
    filter_checks::team(ctx, filter.team).await?;
    let cursors = Cursors::filtered("obligations", &format!("{filter:?}"), SAME_FILTER);
    let after = cursors.place(after.as_deref(), |parts| {
        let (due, journey, nth) = (parts.part()?, parts.part()?, parts.part()?);
        Some(Place { due, journey, standard: parts.text()?, nth })
    })?;
    let standing = context::standing(ctx).await?;
    let asked = (after.as_ref(), first.rows());
    let among = source.shown_now(ctx, &standing).await?;
    let cases = source.cases(ctx, &standing, among.as_ref())?;
    let page = obligations::page(&source.generation, cases, source.as_of, &filter, asked).await.or_fault()?;
    let stories = journey::case_histories(ctx, page.rows.iter().map(|row| row.place.journey), source.known).await?;
    let row = |row: &ObligationRow| {
        let Place { due, journey, standard, nth } = &row.place;
        let story = stories.get(journey).cloned();
        let case = story.map(|story| Journey::beneath(&source, *journey, story));
        let cursor = cursors.cursor(format_args!("{due}\n{journey}\n{nth}\n{standard}"));
        (cursor, case.map(|case| Obligation::of(row, case, source.as_of)))
    };
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    let more = More { before: after.is_some(), after: page.has_next };
    Ok(Page::of(rows, more, ObligationTotals { source, filter, standing, among }))
}

/// The number of obligations in each state under one service standard.
#[derive(SimpleObject)]
pub struct StandardObligations {
    /// The code of the service standard.
    standard: String,
    /// The rows, by keyworker, team or area as requested.
    rows: Vec<ObligationCounts>,
}

/// The number of obligations in each state.
#[derive(SimpleObject)]
pub struct ObligationCounts {
    /// The keyworker, team or area that the row counts.
    group: Group,
    /// Not met yet, due later than the as-of date. This and the other numbers of the row are null where they are hidden
    /// because they count few people, or would say something about them.
    due: Option<u64>,
    /// Not met yet, due on the as-of date.
    due_today: Option<u64>,
    /// Not met yet, and the due date has passed.
    overdue: Option<u64>,
    /// Met in time.
    met: Option<u64>,
    /// Met late, or overdue when the case ended.
    missed: Option<u64>,
    /// Ended before the due date without being met.
    cancelled: Option<u64>,
}

impl StandardObligations {
    /// One standard with the numbers of each row, and with keyworkers as known at the knowledge date.
    pub(super) fn of((standard, numbers): (StandardCounts, Vec<StandingCounts>), known: KnownUpTo) -> Self {
        let StandardCounts { standard, rows } = standard;
        let row = |((group, _), numbers): ((crate::queries::board::Group, _), StandingCounts)| {
            let number = |standing| {
                let mut all = Standing::ALL.into_iter().zip(numbers);
                all.find(|(one, _)| *one == standing).and_then(|(_, number)| number)
            };
            ObligationCounts {
                group: Group::known(group, known),
                due: number(Standing::Due),
                due_today: number(Standing::DueToday),
                overdue: number(Standing::Overdue),
                met: number(Standing::Met),
                missed: number(Standing::Missed),
                cancelled: number(Standing::Cancelled),
            }
        };
        Self { standard, rows: rows.into_iter().zip(numbers).map(row).collect() }
    }
}
