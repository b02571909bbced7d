//! The diary and the task list of a contract, in pages.
//!
//! This module does not decide whose appointments and tasks may be listed; the caller's access scope is passed in.

use std::collections::BTreeSet;

use async_graphql::{Context, Object, Result};
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::{self, OrFault as _};
use super::cursor::{Cursors, SAME_FILTER};
use super::filter_checks;
use super::journey::appointment::{Appointment, AppointmentState};
use super::journey::work::{Task, TaskState};
use super::journey::{self, Journey};
use super::list::Source;
use super::mutation::input::DayPeriodInput;
use super::page::{Listed, More, Page};
use super::scalars::Id;
use crate::access::relation as access;
use crate::queries;
use crate::queries::agenda::{AgendaFilter, Place, Standing};
use crate::queries::journeys::HeldBy;
use throughline_domain::fact::envelope::{AppointmentId, JourneyId, TaskId, TeamId, WorkerId};
use throughline_gateway::Code;
use throughline_projections::agenda::{Kind, State};

impl Listed for Appointment {
    type Totals = AppointmentTotals;
    const PAGE: &'static str = "A page of appointments, by day and time.";
    const EDGE: &'static str = "An appointment with its cursor.";
    const ONE: &'static str = "appointment";
    const MANY: &'static str = "appointments";
}

/// A list of appointments as a whole.
pub struct AppointmentTotals(List);

#[Object]
impl AppointmentTotals {
    /// The number of appointments on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        self.0.count(ctx).await
    }
}

impl Listed for Task {
    type Totals = TaskTotals;
    const PAGE: &'static str = "A page of tasks, by due date.";
    const EDGE: &'static str = "A task with its cursor.";
    const ONE: &'static str = "task";
    const MANY: &'static str = "tasks";
}

/// A list of tasks as a whole.
pub struct TaskTotals(List);

#[Object]
impl TaskTotals {
    /// The number of tasks on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        self.0.count(ctx).await
    }
}

impl AppointmentState {
    /// The state in the agenda view.
    pub(super) const fn standing(self) -> Standing {
        match self {
            Self::Booked => Standing::Ahead,
            Self::Unrecorded => Standing::Overdue,
            Self::Kept => Standing::Over(State::Done),
            Self::Missed => Standing::Over(State::Missed),
            Self::Cancelled => Standing::Over(State::Cancelled),
            Self::Lapsed => Standing::Over(State::Lapsed),
        }
    }
}

impl TaskState {
    /// The states in the agenda view. An open task may be overdue.
    pub(super) const fn standings(self) -> &'static [Standing] {
        match self {
            Self::Open => &[Standing::Ahead, Standing::Overdue],
            Self::Done => &[Standing::Over(State::Done)],
            Self::Cancelled => &[Standing::Over(State::Cancelled)],
            Self::Lapsed => &[Standing::Over(State::Lapsed)],
        }
    }
}

/// The filter of a list: by keyworker and the workers they cover, by named worker, team, area and days.
pub(super) fn filter(
    kind: Kind,
    standing: Option<Vec<Standing>>,
    (held, covered): (HeldBy, BTreeSet<WorkerId>),
    (worker, team): (Option<Id>, Option<Id>),
    (area, due): (Option<String>, Option<DayPeriodInput>),
) -> AgendaFilter {
    AgendaFilter {
        kind,
        standing,
        held,
        covered,
        worker: worker.map(|id| WorkerId(id.0)),
        team: team.map(|id| TeamId(id.0)),
        area,
        from: due.map(|due| due.first.0),
        to: due.map(|due| due.last.0),
    }
}

/// A page of a contract's appointments, on cases that the caller may see.
pub(super) async fn diary(
    ctx: &Context<'_>,
    source: Source,
    filter: AgendaFilter,
    asked: (PageLength, Option<String>),
) -> Result<Page<Appointment>> {
    let appointment = |journey: &Journey, id| journey.appointment(AppointmentId(id));
    page(ctx, (source, filter), asked, appointment, AppointmentTotals).await
}

/// A page of a contract's tasks, on cases that the caller may see.
pub(super) async fn tasks(
    ctx: &Context<'_>,
    source: Source,
    filter: AgendaFilter,
    asked: (PageLength, Option<String>),
) -> Result<Page<Task>> {
    let task = |journey: &Journey, id| journey.task(TaskId(id));
    page(ctx, (source, filter), asked, task, TaskTotals).await
}

/// The contents of a list.
struct List {
    source: Source,
    filter: AgendaFilter,
    standing: access::Standing,
    among: Option<BTreeSet<JourneyId>>,
}

impl List {
    /// The number of items on all pages.
    async fn count(&self, ctx: &Context<'_>) -> Result<u64> {
        let Self { source, filter, standing, among } = self;
        let cases = source.cases(ctx, standing, among.as_ref())?;
        queries::agenda::count(&source.generation, cases, source.as_of, filter).await.or_fault()
    }
}

/// A page of the agenda, with items found in their cases by id.
async fn page<T: Listed>(
    ctx: &Context<'_>,
    (source, filter): (Source, AgendaFilter),
    (first, after): (PageLength, Option<String>),
    find: fn(&Journey, Uuid) -> Option<T>,
    totals: fn(List) -> T::Totals,
) -> Result<Page<T>> {
    if filter.area.as_ref().is_some_and(|area| area.contains('\0')) {
        return Err(
            Code::BadUserInput.error("a filter contains a NUL character, which no recorded value has: remove it")
        );
    }
    filter_checks::area([&*source.contract_state], filter.area.as_deref())?;
    filter_checks::days("the days", filter.from, filter.to)?;
    filter_checks::worker(ctx, filter.held.keyworker()).await?;
    filter_checks::worker(ctx, filter.worker).await?;
    filter_checks::team(ctx, filter.team).await?;
    let cursors = Cursors::filtered("agenda", &format!("{filter:?}"), SAME_FILTER);
    let after = cursors.place(after.as_deref(), |parts| {
        let (due, journey, item) = (parts.part()?, parts.part()?, parts.part()?);
        Some(Place { due, at: parts.text()?, journey, item })
    })?;
    let standing = context::standing(ctx).await?;
    let asked = (after.as_ref(), first.rows());
    let among = source.shown_now(ctx, &standing).await?;
    let cases = source.cases(ctx, &standing, among.as_ref())?;
    let page = queries::agenda::page(&source.generation, cases, source.as_of, &filter, asked).await.or_fault()?;
    let stories = journey::case_histories(ctx, page.items.iter().map(|item| item.journey), source.known).await?;
    let row = |place: &Place| {
        let Place { due, at, journey, item } = place;
        let story = stories.get(journey).cloned();
        let case = story.map(|story| Journey::beneath(&source, *journey, story));
        let cursor = cursors.cursor(format_args!("{due}\n{journey}\n{item}\n{at}"));
        (cursor, case.and_then(|case| find(&case, *item)))
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let more = More { before: after.is_some(), after: page.has_next };
    Ok(Page::of(rows, more, totals(List { source, filter, standing, among })))
}

/// The cases of a keyworker, the unassigned cases, or all cases.
pub(super) fn held_by(keyworker: Option<Id>, unassigned: bool) -> Result<HeldBy> {
    match keyworker {
        Some(_) if unassigned => Err(Code::BadUserInput.error("give keyworker or unassigned, not both")),
        Some(id) => Ok(HeldBy::Keyworker(WorkerId(id.0))),
        None if unassigned => Ok(HeldBy::Unassigned),
        None => Ok(HeldBy::Any),
    }
}
