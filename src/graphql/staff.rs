//! Lists of workers and teams as clients page through them, in the order of their labels.
//!
//! Of which contract or scope they are is brought along; nobody outside it is ever in a page or a count.

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
use crate::views::generation::Generation;
use crate::views::people::{LabelledTeam, WorkerRow};
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_gateway::Code;

/// Whose staff a list is of, and as of which day.
#[derive(Clone)]
pub(super) struct StaffOf {
    /// The contract, by code; none where it is everybody in the caller's scope.
    pub(super) contract: Option<String>,
    pub(super) as_of: NaiveDate,
    /// The view that answers.
    pub(super) generation: Arc<Generation>,
    /// Until where in the log it is known.
    pub(super) known: Known,
}

impl StaffOf {
    /// The name of this list of some kind.
    fn list(&self, kind: &str) -> String {
        cursor::named(kind, &format!("{:?} {}", self.contract, self.as_of))
    }

    fn scope<'c>(&'c self, ctx: &'c Context<'_>) -> Result<Option<InScope<'c>>> {
        let Some(code) = &self.contract else { return Ok(None) };
        let scope = ctx.in_scope(code);
        scope.map(Some).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))
    }
}

/// A worker and their place in the order.
#[derive(SimpleObject)]
pub struct WorkerEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The worker.
    node: Worker,
}

/// Workers in the order of their labels, page by page.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct WorkerConnection {
    /// The workers of this page, each with its cursor.
    edges: Vec<WorkerEdge>,
    /// The workers of this page.
    nodes: Vec<Worker>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    #[graphql(skip)]
    of: StaffOf,
}

#[ComplexObject]
impl WorkerConnection {
    /// How many there are on all pages; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let Some(scope) = self.of.scope(ctx)? else { return Ok(0) };
        self.of.generation.worker_count_of_contract(scope, self.of.as_of).await.or_fault()
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
                of.generation.workers_of_contract(scope, of.as_of, (begins, first.rows() + 1)).await.or_fault()?
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

/// A team and its place in the order.
#[derive(SimpleObject)]
pub struct TeamEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The team.
    node: Team,
}

/// Teams in the order of their labels, page by page.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct TeamConnection {
    /// The teams of this page, each with its cursor.
    edges: Vec<TeamEdge>,
    /// The teams of this page.
    nodes: Vec<Team>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    #[graphql(skip)]
    of: StaffOf,
}

#[ComplexObject]
impl TeamConnection {
    /// How many there are on all pages; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        let counted = match self.of.scope(ctx)? {
            Some(scope) => self.of.generation.team_count_of_contract(scope, self.of.as_of).await,
            None => self.of.generation.team_count(&ctx.caller().principal.scope, self.of.as_of).await,
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
            Some(scope) => of.generation.teams_of_contract(scope, of.as_of, (begins, most)).await,
            None => of.generation.teams(&ctx.caller().principal.scope, of.as_of, (begins, most)).await,
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
