//! The diary and the task list of a contract, in pages.
//!
//! This module does not decide whose appointments and tasks may be listed; the caller's access scope is passed in.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Result, SimpleObject};

use super::bounds::PageLength;
use super::context::{self, Asked as _, OrFault as _};
use super::cursor;
use super::journey::appointment::{Appointment, AppointmentState};
use super::journey::work::{Task, TaskState};
use super::journey::{self, Journey, Story};
use super::known;
use super::list::{NOT_IN_SCOPE, PageInfo, Source};
use super::mutation::input::DayPeriodInput;
use super::scalars::Id;
use crate::access::relation as access;
use crate::queries;
use crate::queries::agenda::{AgendaFilter, Place, Standing};
use crate::queries::journeys::HeldBy;
use throughline_domain::fact::envelope::{AppointmentId, JourneyId, TaskId, TeamId, WorkerId};
use throughline_gateway::Code;
use throughline_projections::agenda::{Kind, State};

/// An appointment with its cursor.
#[derive(SimpleObject)]
pub struct AppointmentEdge {
    /// The cursor of this appointment. Pass it as `after` to get the appointments that follow.
    cursor: String,
    /// The appointment.
    node: Appointment,
}

/// A page of appointments, by day and time.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct AppointmentConnection {
    /// The appointments of this page, each with its cursor.
    edges: Vec<AppointmentEdge>,
    /// The appointments of this page.
    nodes: Vec<Appointment>,
    /// The cursors of this page, and whether there are more pages.
    page_info: PageInfo,
    #[graphql(skip)]
    list: List,
}

#[ComplexObject]
impl AppointmentConnection {
    /// The number of appointments on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        self.list.count(ctx).await
    }
}

/// A task with its cursor.
#[derive(SimpleObject)]
pub struct TaskEdge {
    /// The cursor of this task. Pass it as `after` to get the tasks that follow.
    cursor: String,
    /// The task.
    node: Task,
}

/// A page of tasks, by due date.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TaskConnection {
    /// The tasks of this page, each with its cursor.
    edges: Vec<TaskEdge>,
    /// The tasks of this page.
    nodes: Vec<Task>,
    /// The cursors of this page, and whether there are more pages.
    page_info: PageInfo,
    #[graphql(skip)]
    list: List,
}

#[ComplexObject]
impl TaskConnection {
    /// The number of tasks on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        self.list.count(ctx).await
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
) -> Result<AppointmentConnection> {
    let page = Page::read(ctx, source, filter, asked).await?;
    let node = |at: usize| page.journey(at)?.appointment(AppointmentId(page.items[at].item));
    let edge = |at: usize| Some(AppointmentEdge { cursor: page.cursors[at].clone(), node: node(at)? });
    let places = 0..page.items.len();
    let (edges, nodes) = (places.clone().filter_map(edge).collect(), places.filter_map(node).collect());
    Ok(AppointmentConnection { edges, nodes, page_info: page.info(), list: page.list })
}

/// A page of a contract's tasks, on cases that the caller may see.
pub(super) async fn tasks(
    ctx: &Context<'_>,
    source: Source,
    filter: AgendaFilter,
    asked: (PageLength, Option<String>),
) -> Result<TaskConnection> {
    let page = Page::read(ctx, source, filter, asked).await?;
    let node = |at: usize| page.journey(at)?.task(TaskId(page.items[at].item));
    let edge = |at: usize| Some(TaskEdge { cursor: page.cursors[at].clone(), node: node(at)? });
    let places = 0..page.items.len();
    let (edges, nodes) = (places.clone().filter_map(edge).collect(), places.filter_map(node).collect());
    Ok(TaskConnection { edges, nodes, page_info: page.info(), list: page.list })
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
        let scope = ctx.in_scope(&source.code).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
        let cases = scope.cases(standing).among(among.as_ref());
        queries::agenda::count(&source.generation, cases, source.as_of, filter).await.or_fault()
    }
}

/// A page of the agenda, with the cases of its items.
struct Page {
    list: List,
    items: Vec<Place>,
    cursors: Vec<String>,
    stories: HashMap<JourneyId, Arc<Story>>,
    has_next: bool,
    has_previous: bool,
}

impl Page {
    async fn read(
        ctx: &Context<'_>,
        source: Source,
        filter: AgendaFilter,
        (first, after): (PageLength, Option<String>),
    ) -> Result<Self> {
        if filter.area.as_ref().is_some_and(|area| area.contains('\0')) {
            return Err(
                Code::BadUserInput.error("a filter contains a NUL character, which no recorded value has: remove it")
            );
        }
        known::area([&*source.contract_state], filter.area.as_deref())?;
        known::days("the days", filter.from, filter.to)?;
        known::worker(ctx, filter.held.keyworker()).await?;
        known::worker(ctx, filter.worker).await?;
        known::team(ctx, filter.team).await?;
        let list = format!("{filter:?}");
        let after = after.as_deref().map(|cursor| place(cursor, &list)).transpose()?;
        let scope = ctx.in_scope(&source.code).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))?;
        let standing = context::standing(ctx).await?;
        let asked = (after.as_ref(), first.rows());
        let among = source.shown_now(ctx, &standing).await?;
        let cases = scope.cases(&standing).among(among.as_ref());
        let page = queries::agenda::page(&source.generation, cases, source.as_of, &filter, asked).await.or_fault()?;
        let stories = journey::stories(ctx, page.items.iter().map(|item| item.journey), source.known).await?;
        let cursors = page.items.iter().map(|item| cursor(item, &list)).collect();
        let (has_next, has_previous) = (page.has_next, after.is_some());
        let list = List { source, filter, standing, among };
        Ok(Self { list, items: page.items, cursors, stories, has_next, has_previous })
    }

    /// The case of the item at this index.
    fn journey(&self, at: usize) -> Option<Journey> {
        let id = self.items[at].journey;
        Some(Journey::beneath(&self.list.source, id, Arc::clone(self.stories.get(&id)?)))
    }

    fn info(&self) -> PageInfo {
        PageInfo::of(&self.cursors, self.has_next, self.has_previous)
    }
}

fn cursor(place: &Place, list: &str) -> String {
    let Place { due, at, journey, item } = place;
    cursor::of(&cursor::named("agenda", list), format_args!("{due}\n{journey}\n{item}\n{at}"))
}

fn place(cursor: &str, list: &str) -> Result<Place> {
    cursor::place(cursor, &cursor::named("agenda", list), cursor::SAME_FILTER, |place| {
        let mut parts = place.splitn(4, '\n');
        let (due, journey, item) = (parts.next()?, parts.next()?, parts.next()?);
        let at = Some(parts.next()?.to_owned()).filter(|at| !at.contains('\0'))?;
        Some(Place { due: due.parse().ok()?, at, journey: JourneyId(journey.parse().ok()?), item: item.parse().ok()? })
    })
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
