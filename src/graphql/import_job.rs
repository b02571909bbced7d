//! Imports in the API: the jobs of a source, their counts, and the records that were not recorded.
//!
//! What was sent is never read here.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::cursor::Cursors;
use super::imports::ImportCounts;
use super::page::{self, Listed, More, Page};
use super::scalars::{Instant, Position};
use crate::jobs::job::{self, Job, State};
use throughline_gateway::Code;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "State")]
pub enum ImportState {
    /// It waits for an earlier import of its source, or for a free place.
    Waiting,
    /// It is being imported.
    Running,
    /// Everything in it was read. Its counts say what was recorded.
    Finished,
    /// It could not be read to its end; `reason` says why. What was recorded before stays.
    Failed,
    /// It was cancelled. What was recorded before stays.
    Cancelled,
}

/// A record that an import did not record, and why.
#[derive(Debug, Clone, SimpleObject)]
pub struct QuarantinedRecord {
    /// The number of the record among those of its import that were not recorded, from 1.
    number: i64,
    /// The name of the file. Null if the record is in none.
    file: Option<String>,
    /// The line on which its row begins, from 1. In a list of events, the number of the event.
    line: Option<i64>,
    /// The id of the record in the source. Null if it could not be read or may not be shown.
    record: Option<String>,
    /// The result: `refused`, `unreadable` or `missing`.
    outcome: String,
    /// The codes of the problems, with spaces between them.
    code: Option<String>,
    /// The columns or fields, with spaces between them.
    place: Option<String>,
    /// What is wrong and what to do.
    message: String,
}

impl From<job::Quarantined> for QuarantinedRecord {
    fn from(of: job::Quarantined) -> Self {
        let job::Quarantined { number, file, line, record, outcome, code, place, message } = of;
        Self { number, file, line, record, outcome, code, place, message }
    }
}

/// An import job: files or events that another system sent to this server, with its state, its counts and what was not
/// recorded.
#[derive(Debug, Clone)]
pub struct ImportJob(pub(super) Job);

impl ImportJob {
    /// The import with this id, if its contract is in the caller's scope.
    pub(super) async fn find(ctx: &Context<'_>, id: Uuid) -> Result<Option<Self>> {
        let scope = &ctx.caller().principal.scope;
        Ok(ctx.app().imports.find(scope, id).await.or_fault()?.map(Self))
    }
}

/// An import job: files or events that another system sent to this server, with its state, its counts and what was not
/// recorded.
#[Object]
impl ImportJob {
    /// The id of the import.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The number of the import, in the order in which imports arrived.
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// The name of the source, as in `POST /import/{source}`. The system of its mapping may have another name.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// The contract of the cases.
    async fn contract(&self, ctx: &Context<'_>) -> Option<Contract> {
        Contract::today(ctx, ctx.in_scope(&self.0.contract)?)
    }

    /// How far the import is.
    async fn state(&self) -> ImportState {
        self.0.state.into()
    }

    /// Why the import failed. Null if it did not.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The login that sent it.
    async fn sender(&self) -> &str {
        &self.0.sender
    }

    /// SHA-256 of what was sent. The same content has the same digest.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The number of bytes that were sent.
    async fn size(&self) -> i64 {
        self.0.size
    }

    /// How often the import was begun. More than once: the server was stopped meanwhile, and what was recorded before
    /// counts as already there.
    async fn attempts(&self) -> i64 {
        self.0.attempts
    }

    /// The number of records with each result, so far.
    async fn counts(&self) -> ImportCounts {
        self.0.counts.into()
    }

    /// The number of new cases. They are counted at the end of an import of files. Those of events are not counted.
    async fn journeys(&self) -> i64 {
        self.0.counts.journeys
    }

    /// The file that was read last.
    async fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The line of that file that was read last.
    async fn line(&self) -> Option<i64> {
        self.0.line
    }

    /// Why records that are gone were not looked for, although the source sends full snapshots. Null if they were.
    async fn not_compared(&self) -> Option<&str> {
        self.0.not_compared.as_deref()
    }

    /// The position of the newest event that the import recorded. A later query can wait for it.
    async fn position(&self) -> Option<Position> {
        self.0.position.map(Position)
    }

    /// When the import arrived.
    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    /// When the import was first begun.
    async fn started_at(&self) -> Option<Instant> {
        self.0.started_at.map(Instant)
    }

    /// When the import was over.
    async fn ended_at(&self) -> Option<Instant> {
        self.0.ended_at.map(Instant)
    }

    /// The path of the file with the result of each record, as CSV. Null while the import is not over. It is kept for 30
    /// days.
    async fn results(&self) -> Option<String> {
        self.0.state.is_ended().then(|| format!("/import/jobs/{}/results", self.0.id))
    }

    /// The records that were not recorded, in the order of the files: the first 10,000, for 30 days. The result file has
    /// them all.
    async fn quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<QuarantinedRecord>> {
        let cursors = Cursors::of(format!("quarantine {}", self.0.id));
        let place = cursors.place(after.as_deref(), super::cursor::Parts::part)?;
        let mut found = ctx.app().imports.quarantined(&self.0, place, first.rows() + 1).await.or_fault()?;
        let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
        let rows = found.into_iter().map(|one| (cursors.cursor(one.number), Some(one.into())));
        Ok(Page::of(rows, more, QuarantineTotals { of: self.0.clone() }))
    }
}

impl Listed for QuarantinedRecord {
    type Totals = QuarantineTotals;
    const PAGE: &'static str = "A page of records that an import did not record.";
    const EDGE: &'static str = "A record that was not recorded, with its cursor.";
    const ONE: &'static str = "record";
    const MANY: &'static str = "records";
}

/// A list of quarantined records as a whole.
pub struct QuarantineTotals {
    of: Job,
}

#[Object]
impl QuarantineTotals {
    /// The number of records on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        ctx.app().imports.count_quarantined(&self.of).await.or_fault()
    }
}

impl Listed for ImportJob {
    type Totals = ImportJobTotals;
    const PAGE: &'static str = "A page of imports, the newest first.";
    const EDGE: &'static str = "An import with its cursor.";
    const ONE: &'static str = "import";
    const MANY: &'static str = "imports";
}

/// A list of imports as a whole.
pub struct ImportJobTotals {
    source: String,
    contract: String,
}

#[Object]
impl ImportJobTotals {
    /// The number of imports on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let scope = ctx.in_scope(&self.contract);
        let scope = scope.ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))?;
        ctx.app().imports.count_of_source(&self.source, scope).await.or_fault()
    }
}

/// A page of the imports of a source; none if there is no such source in the caller's scope.
pub(super) async fn of_source(
    ctx: &Context<'_>,
    name: &str,
    (first, after): (PageLength, Option<String>),
) -> Result<Option<Page<ImportJob>>> {
    let imports = &ctx.app().imports;
    let Some(source) = imports.source(&ctx.caller().principal.scope, name) else { return Ok(None) };
    let Some(scope) = ctx.in_scope(&source.contract) else { return Ok(None) };
    let cursors = Cursors::of(format!("imports {} {name}", source.contract));
    let place = cursors.place(after.as_deref(), super::cursor::Parts::part)?;
    let mut found = imports.of_source((name, scope), place, first.rows() + 1).await.or_fault()?;
    let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
    let rows: Vec<_> = found.into_iter().map(|job| (cursors.cursor(job.number), Some(ImportJob(job)))).collect();
    let totals = ImportJobTotals { source: name.to_owned(), contract: source.contract.clone() };
    Ok(Some(Page::of(rows, more, totals)))
}
