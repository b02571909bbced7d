//! Closed periods in the API: the documents that were kept when a period was closed, and the same documents as they
//! read now.
//!
//! What was kept is shown as it was. It is of the whole contract, so a caller who sees some areas does not see it.

use std::sync::{Arc, OnceLock};

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::context::{OrFault as _, RequestContext as _};
use super::document::{ContentFormat, Document, DocumentCell, as_seen, kept_as_seen};
use super::event::Event;
use super::fault::fault;
use super::figures;
use super::journey::Occurrence;
use super::journey::work::DayPeriod;
use super::list::{NOT_IN_SCOPE, Source};
use super::point_in_time::caught_up_for_command;
use super::query::visible;
use crate::access::InScope;
use crate::access::policy::{Action, policy, sees_small_counts};
use crate::access::relation::Relation;
use crate::documents;
use crate::documents::build;
use crate::documents::corrections::{self, Since};
use crate::documents::differences::{Difference, differences};
use crate::documents::frozen;
use crate::views::generation::Generation;
use throughline_domain::contract::Contract;
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{CommandId, Position};
use throughline_domain::fact::event;
use throughline_gateway::Code;

/// The most events that explain a document in one answer.
const EVENTS_MAX: usize = 200;

/// A closed period: its figures are settled, and the documents of its reports are kept. Facts dated in it can still be
/// recorded. They give the warning `PERIOD_CLOSED`, and boards read afterwards count them.
pub struct ClosedPeriod {
    source: Arc<Source>,
    entry: Entry<event::PeriodClosed>,
}

impl ClosedPeriod {
    /// The closed periods of a contract.
    pub(super) fn all(source: Source, closed: &[Entry<event::PeriodClosed>]) -> Vec<Self> {
        let source = Arc::new(source);
        closed.iter().map(|entry| Self { source: Arc::clone(&source), entry: entry.clone() }).collect()
    }
}

/// A closed period: its figures are settled, and the documents of its reports are kept. Facts dated in it can still be
/// recorded. They give the warning `PERIOD_CLOSED`, and boards read afterwards count them.
#[Object]
impl ClosedPeriod {
    /// The period.
    async fn period(&self) -> DayPeriod {
        self.entry.details.period.into()
    }

    /// When it was closed.
    async fn closed(&self) -> Occurrence {
        Occurrence::of(&self.entry)
    }

    /// The documents of the reports of exactly this period, as they were when it was closed. They never change. Null
    /// for those who see only some service areas, because a document is of the whole contract.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only the document of this report, by code.")] report: Option<String>,
    ) -> Option<Result<Vec<ClosedDocument>>> {
        let is_of_areas = scope(ctx, &self.source).map(|scope| scope.areas().is_some());
        match is_of_areas {
            Ok(true) => None,
            Ok(false) => {
                let asked = self.entry.details.documents.iter();
                let asked = asked.filter(|document| report.as_ref().is_none_or(|report| document.report == *report));
                Some(Ok(asked.map(|document| ClosedDocument::of(&self.source, document)).collect()))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// The documents to keep when a command closes a period of a contract, as the view knows them once it has applied the
/// whole log, for which it waits. None if the caller may know of no such contract. Empty for a command that the log has,
/// and for a period that is not over: that command is refused anyway.
pub(super) async fn to_keep(
    ctx: &Context<'_>,
    command: CommandId,
    (code, period): (&str, event::Period),
) -> Result<Option<Vec<event::ClosedDocument>>> {
    let (log, principal) = (&ctx.app().log, &ctx.caller().principal);
    policy(principal, Action::AccountForContract, Relation::Contract)
        .map_err(|denied| Code::Forbidden.error(denied.to_string()))?;
    if !log.of_commands(&principal.subject, &[command]).await.or_fault()?.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let head = log.head().await.or_fault()?.position;
    let generation = caught_up_for_command(ctx, head).await?;
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    // The last day may end before the decision, so a period that ends today has its documents too.
    if period.last > ctx.today(&contract) {
        return Ok(Some(Vec::new()));
    }
    let Some(source) = built_from(ctx, (&generation, scope), &contract, period.last).await? else {
        return Ok(None);
    };
    frozen::closing(source, period).await.map(Some).map_err(|error| figures::refused(&error))
}

/// What documents of a contract are built from. None if it has no rulebook.
async fn built_from<'s>(
    ctx: &Context<'_>,
    (view, scope): (&'s Generation, InScope<'s>),
    contract: &'s Contract,
    as_of: NaiveDate,
) -> Result<Option<build::Source<'s>>> {
    let Some(rulebook) = contract.newest_rulebook() else { return Ok(None) };
    let position = *view.position().borrow();
    let recorded_through = ctx.app().log.recorded_at(position).await.or_fault()?;
    Ok(Some(build::Source { view, scope, contract, rulebook, as_of, recorded_through }))
}

fn scope<'c>(ctx: &'c Context<'_>, source: &'c Source) -> Result<InScope<'c>> {
    ctx.in_scope(&source.code).ok_or_else(|| Code::Forbidden.error(NOT_IN_SCOPE))
}

/// The document of a report, as it was when its period was closed.
pub struct ClosedDocument {
    source: Arc<Source>,
    kept: event::ClosedDocument,
    /// The document, read when something of it is asked for.
    whole: OnceLock<Result<documents::Document, frozen::UnreadableDocument>>,
}

impl ClosedDocument {
    fn of(source: &Arc<Source>, kept: &event::ClosedDocument) -> Self {
        Self { source: Arc::clone(source), kept: kept.clone(), whole: OnceLock::new() }
    }

    /// The document as it was kept. A document of another shape cannot be read.
    fn whole(&self) -> Result<&documents::Document> {
        let whole = self.whole.get_or_init(|| frozen::read(&self.kept));
        whole.as_ref().map_err(|error| fault(error))
    }

    /// The document as the caller may see it.
    fn seen(&self, ctx: &Context<'_>) -> Result<documents::Document> {
        Ok(kept_as_seen(ctx, self.whole()?.clone()))
    }

    /// Whether nothing of it is hidden from the caller. If it cannot be read, only who sees everything may see its text.
    fn is_seen_whole(&self, ctx: &Context<'_>) -> bool {
        let is_unchanged = || self.whole().is_ok_and(|whole| kept_as_seen(ctx, whole.clone()) == *whole);
        sees_small_counts(ctx.caller().principal.role) || is_unchanged()
    }

    fn text(&self, ctx: &Context<'_>, format: ContentFormat) -> Result<String> {
        if format == ContentFormat::Json && self.is_seen_whole(ctx) {
            return Ok(self.kept.content.as_str().to_owned());
        }
        format.content(&self.seen(ctx)?)
    }

    async fn again(&self, ctx: &Context<'_>) -> Result<Option<RestatedDocument>> {
        let (whole, Source { generation, contract_state, .. }) = (self.whole()?, &*self.source);
        let scope = scope(ctx, &self.source)?;
        let built_from = built_from(ctx, (generation, scope), contract_state, whole.as_of).await?;
        let Some(built_from) = built_from else { return Ok(None) };
        let again = frozen::again(built_from, whole).await.map_err(|error| figures::refused(&error))?;
        let Some(document) = again.map(|document| as_seen(ctx, document)) else { return Ok(None) };
        let differences = differences(&self.seen(ctx)?, &document);
        let after = Position(i64::try_from(whole.position).or_fault()?);
        Ok(Some(RestatedDocument { source: Arc::clone(&self.source), document, differences, after }))
    }
}

/// The document of a report, as it was when its period was closed.
#[Object]
impl ClosedDocument {
    /// The report, by code.
    async fn report(&self) -> &str {
        &self.kept.report
    }

    /// The title of the report. Null with an error if this version of the service cannot read the document.
    async fn title(&self) -> Option<Result<String>> {
        Some(self.whole().map(|whole| whole.title.clone()))
    }

    /// SHA-256 over the bytes of the kept document, in lower-case hexadecimal: of `content` as JSON. Null if something
    /// of the document is hidden from you.
    async fn digest(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_seen_whole(ctx).then_some(self.kept.digest.as_str())
    }

    /// The document. Null with an error if this version of the service cannot read it.
    async fn document(&self, ctx: &Context<'_>) -> Option<Result<Document>> {
        Some(self.seen(ctx).map(Into::into))
    }

    /// The document as text, a workbook as its bytes in base64. As JSON it is byte for byte what was kept, unless small
    /// counts are hidden from you. Null
    /// with an error in any other format if this version of the service cannot read the document.
    async fn content(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The format.")] format: ContentFormat,
    ) -> Option<Result<String>> {
        Some(self.text(ctx, format))
    }

    /// The same document as it reads now, with what changed. Null if the rulebook no longer has the report.
    async fn restated(&self, ctx: &Context<'_>) -> Option<Result<RestatedDocument>> {
        self.again(ctx).await.transpose()
    }
}

/// The document of a closed period as it reads now, beside what was kept.
pub struct RestatedDocument {
    source: Arc<Source>,
    document: documents::Document,
    differences: Vec<Difference>,
    /// The position up to which the kept document knew the log.
    after: Position,
}

/// The document of a closed period as it reads now, beside what was kept.
#[Object]
impl RestatedDocument {
    /// The document.
    async fn document(&self) -> Document {
        self.document.clone().into()
    }

    /// The cells that read differently, in the order of the document. Empty if nothing changed.
    async fn differences(&self) -> Vec<DocumentDifference> {
        self.differences.iter().map(Into::into).collect()
    }

    /// The events that may explain the differences: facts about the days up to the end of the period that were recorded
    /// late, also of workers and teams of the contract, links of its subjects, corrections and retractions of such facts,
    /// commentary, assessments of indicators and rulebooks, as far as you may see them. Each event says who recorded it
    /// and when.
    async fn corrections(&self, ctx: &Context<'_>) -> Result<DocumentCorrections> {
        let (view, scope) = (&*self.source.generation, scope(ctx, &self.source)?);
        let upto = *view.position().borrow();
        let since = Since { view, scope, last_day: self.document.last_day, after: self.after, upto };
        let found = corrections::corrections(&ctx.app().log, since).await.or_fault()?;
        let visible = visible(ctx, &found.events).await?;
        let mut events = found.events;
        events.retain(|event| visible(event));
        let total_count = if found.is_cut { None } else { i32::try_from(events.len()).ok() };
        events.truncate(EVENTS_MAX);
        Ok(DocumentCorrections { events: events.into_iter().map(Event).collect(), total_count })
    }
}

/// A cell that reads differently.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentDifference {
    /// The title of the section, or `Definitions`.
    section: String,
    /// The title of the table, or `Commentary`.
    table: String,
    /// The words with which the row begins.
    row: String,
    /// The head of the column.
    column: String,
    /// The cell when the period was closed. Null if there was none.
    was: Option<DocumentCell>,
    /// The cell now. Null if there is none any more.
    is: Option<DocumentCell>,
}

impl From<&Difference> for DocumentDifference {
    fn from(difference: &Difference) -> Self {
        let Difference { section, table, row, column, was, is } = difference.clone();
        Self { section, table, row, column, was: was.map(Into::into), is: is.map(Into::into) }
    }
}

/// The events that may explain what changed in a document.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentCorrections {
    /// The events, in the order of the log: at most 200.
    events: Vec<Event>,
    /// The number of these events. Null if more than 20,000 events would have to be looked at.
    total_count: Option<i32>,
}
