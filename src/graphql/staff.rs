//! Lists of workers and teams, in pages, ordered by label.
//!
//! The contract or scope is passed in. A worker or team outside it is never in a page or a count.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use chrono::NaiveDate;
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, PAGE_BEFORE};
use super::page::{self, Listed, More, Page};
use super::people::Worker;
use super::point_in_time::KnownUpTo;
use super::team::Team;
use crate::access::InScope;
use crate::queries;
use crate::queries::people::{LabelledTeam, WorkerRow};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_gateway::Code;

/// The contract or scope of a list of staff, and the as-of date.
#[derive(Clone)]
pub(super) struct StaffOf {
    /// The code of the contract; none for everyone in the caller's scope.
    pub(super) contract: Option<String>,
    pub(super) as_of: NaiveDate,
    /// The view that answers.
    pub(super) generation: Arc<Generation>,
    /// The last log position to use.
    pub(super) known: KnownUpTo,
}

impl StaffOf {
    /// The cursors of a list of workers or teams.
    fn cursors(&self, kind: &str) -> Cursors {
        Cursors::filtered(kind, &format!("{:?} {}", self.contract, self.as_of), PAGE_BEFORE)
    }

    fn scope<'c>(&'c self, ctx: &'c Context<'_>) -> Result<Option<InScope<'c>>> {
        let Some(code) = &self.contract else { return Ok(None) };
        let scope = ctx.in_scope(code);
        scope.map(Some).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))
    }
}

impl Listed for Worker {
    type Totals = WorkerTotals;
    const PAGE: &'static str = "A page of workers, by label.";
    const EDGE: &'static str = "A worker with their cursor.";
    const ONE: &'static str = "worker";
    const MANY: &'static str = "workers";
}

/// A list of workers as a whole.
pub struct WorkerTotals(StaffOf);

#[Object]
impl WorkerTotals {
    /// The number of workers on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let Some(scope) = self.0.scope(ctx)? else { return Ok(0) };
        queries::people::worker_count_of_contract(&self.0.generation, scope, self.0.as_of).await.or_fault()
    }
}

impl Listed for Team {
    type Totals = TeamTotals;
    const PAGE: &'static str = "A page of teams, by label.";
    const EDGE: &'static str = "A team with its cursor.";
    const ONE: &'static str = "team";
    const MANY: &'static str = "teams";
}

/// A list of teams as a whole.
pub struct TeamTotals(StaffOf);

#[Object]
impl TeamTotals {
    /// The number of teams on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let of = &self.0;
        let counted = match of.scope(ctx)? {
            Some(scope) => queries::people::team_count_of_contract(&of.generation, scope, of.as_of).await,
            None => queries::people::team_count(&of.generation, &ctx.caller().principal.scope, of.as_of).await,
        };
        counted.or_fault()
    }
}

/// A page of the workers of a contract.
pub(super) async fn workers(
    ctx: &Context<'_>,
    of: StaffOf,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<Worker>> {
    let cursors = of.cursors("workers");
    let begins = place(&cursors, after.as_deref())?;
    let begins = begins.as_ref().map(|(label, id)| (label.as_str(), WorkerId(*id)));
    let mut rows: Vec<WorkerRow> = match of.scope(ctx)? {
        Some(scope) => {
            queries::people::workers_of_contract(&of.generation, scope, of.as_of, (begins, first.rows() + 1))
                .await
                .or_fault()?
        }
        None => Vec::new(),
    };
    let more = More { before: after.is_some(), after: page::cut(&mut rows, first.count()) };
    let row = |row: WorkerRow| (cursor(&cursors, &row.label, row.worker.0), Some(Worker::as_known(row, of.known)));
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    Ok(Page::of(rows, more, WorkerTotals(of)))
}

/// A page of the teams of a contract, or of those that the caller may see.
pub(super) async fn teams(
    ctx: &Context<'_>,
    of: StaffOf,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<Team>> {
    let cursors = of.cursors("teams");
    let begins = place(&cursors, after.as_deref())?;
    let begins = begins.as_ref().map(|(label, id)| (label.as_str(), TeamId(*id)));
    let most = first.rows() + 1;
    let found = match of.scope(ctx)? {
        Some(scope) => queries::people::teams_of_contract(&of.generation, scope, of.as_of, (begins, most)).await,
        None => queries::people::teams(&of.generation, &ctx.caller().principal.scope, of.as_of, (begins, most)).await,
    };
    let mut teams: Vec<LabelledTeam> = found.or_fault()?;
    let more = More { before: after.is_some(), after: page::cut(&mut teams, first.count()) };
    let row = |found: &LabelledTeam| {
        (cursor(&cursors, &found.label, found.team.0), Some(Team::as_of(found.team, of.as_of, of.known)))
    };
    let rows: Vec<_> = teams.iter().map(row).collect();
    Ok(Page::of(rows, more, TeamTotals(of)))
}

fn cursor(cursors: &Cursors, label: &str, id: Uuid) -> String {
    cursors.cursor(format_args!("{id}\n{label}"))
}

fn place(cursors: &Cursors, cursor: Option<&str>) -> Result<Option<(String, Uuid)>> {
    cursors.place(cursor, |parts| {
        let id = parts.part()?;
        Some((parts.text()?, id))
    })
}
