//! Lists of workers and teams, in pages, ordered by label.
//!
//! The contract or scope is passed in. A worker or team outside it is never in a page or a count.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Result, SimpleObject};
use chrono::NaiveDate;
use uuid::Uuid;

use super::at::Known;
use super::bounds::PageLength;
use super::context::{Asked as _, OrFault as _};
use super::cursor;
use super::list::PageInfo;
use super::people::Worker;
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
    pub(super) known: Known,
}

impl StaffOf {
    /// The name of a list of workers or teams, for its cursors.
    fn list(&self, kind: &str) -> String {
        cursor::named(kind, &format!("{:?} {}", self.contract, self.as_of))
    }

    fn scope<'c>(&'c self, ctx: &'c Context<'_>) -> Result<Option<InScope<'c>>> {
        let Some(code) = &self.contract else { return Ok(None) };
        let scope = ctx.in_scope(code);
        scope.map(Some).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))
    }
}

/// A worker with their cursor.
#[derive(SimpleObject)]
pub struct WorkerEdge {
    /// The cursor of this worker. Pass it as `after` to get the workers that follow.
    cursor: String,
    /// The worker.
    node: Worker,
}

/// A page of workers, by label.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct WorkerConnection {
    /// The workers of this page, each with its cursor.
    edges: Vec<WorkerEdge>,
    /// The workers of this page.
    nodes: Vec<Worker>,
    /// The cursors of this page, and whether there are more pages.
    page_info: PageInfo,
    #[graphql(skip)]
    of: StaffOf,
}

#[ComplexObject]
impl WorkerConnection {
    /// The number of workers on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let Some(scope) = self.of.scope(ctx)? else { return Ok(0) };
        queries::people::worker_count_of_contract(&self.of.generation, scope, self.of.as_of).await.or_fault()
    }
}

impl WorkerConnection {
    /// A page of the workers of a contract.
    pub(super) async fn page(
        ctx: &Context<'_>,
        of: StaffOf,
        (first, after): (PageLength, Option<String>),
    ) -> Result<Self> {
        let list = of.list("workers");
        let begins = after.as_deref().map(|after| place(after, &list)).transpose()?;
        let begins = begins.as_ref().map(|(label, id)| (label.as_str(), WorkerId(*id)));
        let mut rows: Vec<WorkerRow> = match of.scope(ctx)? {
            Some(scope) => {
                queries::people::workers_of_contract(&of.generation, scope, of.as_of, (begins, first.rows() + 1))
                    .await
                    .or_fault()?
            }
            None => Vec::new(),
        };
        let has_next_page = rows.len() > first.count();
        rows.truncate(first.count());
        let cursors: Vec<String> = rows.iter().map(|row| cursor(&row.label, row.worker.0, &list)).collect();
        let page_info = PageInfo::of(&cursors, has_next_page, after.is_some());
        let nodes: Vec<Worker> = rows.into_iter().map(|row| Worker::as_known(row, of.known)).collect();
        let edges = cursors.into_iter().zip(nodes.clone()).map(|(cursor, node)| WorkerEdge { cursor, node });
        Ok(Self { edges: edges.collect(), nodes, page_info, of })
    }
}

/// A team with its cursor.
#[derive(SimpleObject)]
pub struct TeamEdge {
    /// The cursor of this team. Pass it as `after` to get the teams that follow.
    cursor: String,
    /// The team.
    node: Team,
}

/// A page of teams, by label.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TeamConnection {
    /// The teams of this page, each with its cursor.
    edges: Vec<TeamEdge>,
    /// The teams of this page.
    nodes: Vec<Team>,
    /// The cursors of this page, and whether there are more pages.
    page_info: PageInfo,
    #[graphql(skip)]
    of: StaffOf,
}

#[ComplexObject]
impl TeamConnection {
    /// The number of teams on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let counted = match self.of.scope(ctx)? {
            Some(scope) => queries::people::team_count_of_contract(&self.of.generation, scope, self.of.as_of).await,
            None => {
                queries::people::team_count(&self.of.generation, &ctx.caller().principal.scope, self.of.as_of).await
            }
        };
        counted.or_fault()
    }
}

impl TeamConnection {
    /// A page of the teams of a contract, or of those that the caller may see.
    pub(super) async fn page(
        ctx: &Context<'_>,
        of: StaffOf,
        (first, after): (PageLength, Option<String>),
    ) -> Result<Self> {
        let list = of.list("teams");
        let begins = after.as_deref().map(|after| place(after, &list)).transpose()?;
        let begins = begins.as_ref().map(|(label, id)| (label.as_str(), TeamId(*id)));
        let most = first.rows() + 1;
        let found = match of.scope(ctx)? {
            Some(scope) => queries::people::teams_of_contract(&of.generation, scope, of.as_of, (begins, most)).await,
            None => {
                queries::people::teams(&of.generation, &ctx.caller().principal.scope, of.as_of, (begins, most)).await
            }
        };
        let mut teams: Vec<LabelledTeam> = found.or_fault()?;
        let has_next_page = teams.len() > first.count();
        teams.truncate(first.count());
        let cursors: Vec<String> = teams.iter().map(|team| cursor(&team.label, team.team.0, &list)).collect();
        let page_info = PageInfo::of(&cursors, has_next_page, after.is_some());
        let nodes: Vec<Team> = teams.iter().map(|team| Team::as_of(team.team, of.as_of, of.known)).collect();
        let edges = cursors.into_iter().zip(nodes.clone()).map(|(cursor, node)| TeamEdge { cursor, node });
        Ok(Self { edges: edges.collect(), nodes, page_info, of })
    }
}

fn cursor(label: &str, id: Uuid, list: &str) -> String {
    cursor::of(list, format_args!("{id}\n{label}"))
}

fn place(cursor: &str, list: &str) -> Result<(String, Uuid)> {
    cursor::place(cursor, list, cursor::PAGE_BEFORE, |place| {
        let (id, label) = place.split_once('\n')?;
        Some((Some(label.to_owned()).filter(|label| !label.contains('\0'))?, id.parse().ok()?))
    })
}
