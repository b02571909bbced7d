//! Documents in the API: the reports of a contract, as data and as text.
//!
//! What a document says is built in [`crate::documents`]. This module only shapes the response, and hides small counts
//! from those for whom a report hides them.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::NaiveDate;

use super::context::{OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::figures;
use super::scalars::{Date, Decimal, Instant, Position};
use crate::access::policy::sees_small_counts;
use crate::documents::build::{self, Source};
use crate::documents::{self, render};
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope;
use throughline_domain::performance::report::{self, CommentaryNeed, SmallCounts};
use throughline_gateway::Code;

/// A report of a contract: what it shows for each period.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportDefinition {
    /// The code.
    code: String,
    /// The title.
    title: String,
    /// The period that each document is about.
    every: ReportEvery,
    /// Whether counts of one to four people are hidden from commissioners.
    hide_small_counts: bool,
    /// The sections, in order.
    sections: Vec<ReportSectionDefinition>,
}

/// A section of a report.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportSectionDefinition {
    /// The code, for `recordCommentary`.
    code: String,
    /// The title.
    title: String,
    /// Whether the report must have commentary for it.
    commentary_required: bool,
}

/// How often a report is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "report::Every")]
pub enum ReportEvery {
    /// Every ISO week.
    Week,
    /// Every calendar month.
    Month,
    /// Every quarter of the rulebook's financial year.
    Quarter,
    /// Every financial year of the rulebook.
    Year,
}

impl ReportDefinition {
    /// The reports of a rulebook, in its order.
    pub(super) fn all(rulebook: &Rulebook) -> Vec<Self> {
        report::reports(rulebook).iter().map(Self::of).collect()
    }

    fn of(report: &report::ReportDefinition) -> Self {
        let section = |section: &report::SectionDefinition| ReportSectionDefinition {
            code: section.code.clone(),
            title: section.title.clone(),
            commentary_required: section.commentary == CommentaryNeed::Required,
        };
        Self {
            code: report.code.clone(),
            title: report.title.clone(),
            every: report.every.into(),
            hide_small_counts: report.small_counts == SmallCounts::Hidden,
            sections: report.sections.iter().map(section).collect(),
        }
    }
}

/// A format of a document as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ContentFormat {
    /// Text with aligned columns, as the command line prints it.
    Text,
    /// Comma-separated values, one line for each cell.
    Csv,
    /// The document as JSON.
    Json,
    /// A page to print, with charts.
    Html,
    /// A workbook with a sheet for each table: the bytes of the file in base64 (RFC 4648), as the command line writes
    /// them.
    Xlsx,
}

impl ContentFormat {
    /// A document in this format.
    pub(super) fn content(self, document: &documents::Document) -> Result<String> {
        match self {
            Self::Text => Ok(render::text(document)),
            Self::Csv => Ok(render::csv(document)),
            Self::Json => serde_json::to_string(document).or_fault(),
            Self::Html => Ok(render::page(document)),
            Self::Xlsx => {
                let workbook = render::workbook(document);
                let bytes = workbook.map_err(|error| Code::BadUserInput.error(error.to_string()))?;
                Ok(BASE64_STANDARD.encode(bytes))
            }
        }
    }
}

/// A report for a period, as data.
pub struct Document(documents::Document);

impl From<documents::Document> for Document {
    fn from(document: documents::Document) -> Self {
        Self(document)
    }
}

impl Document {
    /// The document of a report of this code, for the period that holds a day, as the caller may see it.
    pub(super) async fn built(ctx: &Context<'_>, of: &Contract, (code, day): (&str, NaiveDate)) -> Result<Self> {
        let (rulebook, source) = (of.rules()?, of.source());
        let wrong_use = |error: report::UnknownReport| Code::BadUserInput.error(error.to_string());
        let report = report::report(rulebook, code).map_err(wrong_use)?;
        let position = *of.generation().position().borrow();
        let built = build::document(
            Source {
                view: of.generation(),
                scope: of.scope(ctx)?,
                contract: &source.contract_state,
                rulebook,
                as_of: of.day(),
                recorded_through: ctx.app().log.recorded_at(position).await.or_fault()?,
            },
            &report,
            day,
        );
        let built = built.await.map_err(|error| figures::refused(&error))?;
        Ok(as_seen(ctx, built).into())
    }
}

/// A document of a present view as the caller may see it. Small counts are hidden by the rule that it was built with,
/// and by the rule of its report now: a question about an earlier rulebook shows no more.
pub(super) fn as_seen(ctx: &Context<'_>, document: documents::Document) -> documents::Document {
    let live = ctx.in_scope(&document.contract).and_then(|scope| ctx.caller().generation.contract_state(scope));
    let report = live.and_then(|contract| report::report(contract.newest_rulebook()?, &document.report).ok());
    let hides_now = report.is_some_and(|report| report.small_counts == SmallCounts::Hidden);
    if hides_now && !sees_small_counts(ctx.caller().principal.role) {
        return document.without_small_counts();
    }
    kept_as_seen(ctx, document)
}

/// A kept document as the caller may see it. Only its own rule hides small counts, whatever its report says now.
pub(super) fn kept_as_seen(ctx: &Context<'_>, document: documents::Document) -> documents::Document {
    let is_hidden = document.hides_small_counts && !sees_small_counts(ctx.caller().principal.role);
    if is_hidden { document.without_small_counts() } else { document }
}

/// A report for a period: tables, charts, commentary and definitions.
#[Object]
impl Document {
    /// The code of the contract.
    async fn contract(&self) -> &str {
        &self.0.contract
    }

    /// The title of the contract.
    async fn contract_title(&self) -> &str {
        &self.0.contract_title
    }

    /// The code of the report.
    async fn report(&self) -> &str {
        &self.0.report
    }

    /// The title of the report.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The first day of its period.
    async fn first(&self) -> Date {
        Date(self.0.first_day)
    }

    /// The last day of its period.
    async fn last(&self) -> Date {
        Date(self.0.last_day)
    }

    /// The period in words, such as `February 2018`.
    async fn period(&self) -> &str {
        &self.0.period
    }

    /// Whether the period was not over at `asOf`, so that figures may still change.
    async fn provisional(&self) -> bool {
        self.0.is_provisional
    }

    /// The as-of date.
    async fn as_of(&self) -> Date {
        Date(self.0.as_of)
    }

    /// The position in the log up to which facts were known.
    async fn position(&self) -> Position {
        Position(envelope::Position(i64::try_from(self.0.position).unwrap_or(i64::MAX)))
    }

    /// When the last of these facts was recorded. Null if there was none.
    async fn recorded_through(&self) -> Option<Instant> {
        self.0.recorded_through.map(Instant)
    }

    /// The version of the rulebook.
    async fn rulebook_version(&self) -> &str {
        &self.0.rulebook_version
    }

    /// The sections, in order.
    async fn sections(&self) -> Vec<DocumentSection> {
        self.0.sections.iter().map(Into::into).collect()
    }

    /// The definitions of all measures in it, in the order of their first use.
    async fn definitions(&self) -> Vec<DocumentDefinition> {
        self.0.definitions.iter().map(Into::into).collect()
    }

    /// What a reader should know, such as areas that supply no data.
    async fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The document as text. A workbook is its bytes in base64.
    #[expect(clippy::unused_async, reason = "a resolver must be async")]
    async fn content(&self, #[graphql(desc = "The format.")] format: ContentFormat) -> Result<String> {
        format.content(&self.0)
    }
}

/// A section of a document.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentSection {
    /// The code, unique in the document.
    code: String,
    /// The title.
    title: String,
    /// The commentary recorded for it, oldest first.
    commentary: Vec<DocumentCommentary>,
    /// The tables, in order.
    tables: Vec<DocumentTable>,
    /// The charts, in order.
    charts: Vec<DocumentChart>,
}

impl From<&documents::Section> for DocumentSection {
    fn from(section: &documents::Section) -> Self {
        let commentary = section.commentary.iter();
        Self {
            code: section.code.clone(),
            title: section.title.clone(),
            commentary: commentary
                .map(|said| DocumentCommentary { on: Date(said.on), text: said.text.clone() })
                .collect(),
            tables: section.tables.iter().map(Into::into).collect(),
            charts: section.charts.iter().map(Into::into).collect(),
        }
    }
}

/// What was recorded in words beside the numbers of a section.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentCommentary {
    /// The date of the commentary.
    on: Date,
    /// The text.
    text: String,
}

/// A table of a document.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentTable {
    /// The title, unique in the document.
    title: String,
    /// The heads of the columns.
    columns: Vec<String>,
    /// The rows, each as long as the columns.
    rows: Vec<Vec<DocumentCell>>,
}

impl From<&documents::Table> for DocumentTable {
    fn from(table: &documents::Table) -> Self {
        let rows = table.rows.iter().map(|row| row.iter().cloned().map(Into::into).collect());
        Self { title: table.title.clone(), columns: table.columns.clone(), rows: rows.collect() }
    }
}

/// A cell of a table: words, a number, or the reason why there is no number.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentCell {
    /// Words, such as the name of an area, `up` or `met`.
    words: Option<String>,
    /// A number, rounded once, with the decimal places that are shown. In percent for a percentage.
    value: Option<Decimal>,
    /// How the number is written.
    unit: Option<DocumentUnit>,
    /// The ISO 4217 code of the currency. Null if the number is no money.
    currency: Option<String>,
    /// Why there is no number.
    missing: Option<DocumentMissing>,
}

impl From<documents::Cell> for DocumentCell {
    fn from(cell: documents::Cell) -> Self {
        let empty = Self { words: None, value: None, unit: None, currency: None, missing: None };
        match cell {
            documents::Cell::Words(words) => Self { words: Some(words), ..empty },
            documents::Cell::Number(number) => Self {
                value: Some(Decimal(number.value)),
                unit: Some(number.unit.into()),
                currency: currency(number.unit),
                ..empty
            },
            documents::Cell::Missing(why) => Self { missing: Some(why.into()), ..empty },
        }
    }
}

/// How a number of a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum DocumentUnit {
    /// Without a unit.
    Plain,
    /// In percent.
    Percent,
    /// In days.
    Days,
    /// As money: `currency` says in which one.
    Money,
}

impl From<documents::NumberUnit> for DocumentUnit {
    fn from(unit: documents::NumberUnit) -> Self {
        match unit {
            documents::NumberUnit::Plain => Self::Plain,
            documents::NumberUnit::Percent => Self::Percent,
            documents::NumberUnit::Days => Self::Days,
            documents::NumberUnit::Money(_) => Self::Money,
        }
    }
}

/// The code of the currency, if numbers are money.
fn currency(unit: documents::NumberUnit) -> Option<String> {
    match unit {
        documents::NumberUnit::Money(currency) => Some(currency.as_str().to_owned()),
        _ => None,
    }
}

/// Why a cell has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "documents::Missing")]
pub enum DocumentMissing {
    /// There is nothing to give a number of: no target, or a share of nothing.
    NotApplicable,
    /// The facts are not supplied. This is not 0.
    NoData,
    /// It is hidden because it counts few people.
    Suppressed,
}

/// A chart of a document: its data, and what it shows in words.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentChart {
    /// The title, unique in the document.
    title: String,
    /// How it is drawn.
    kind: DocumentChartKind,
    /// What it shows, in a sentence, for those who do not see it.
    in_words: String,
    /// The categories along its axis.
    categories: Vec<String>,
    /// The series.
    series: Vec<DocumentSeries>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "documents::ChartKind")]
pub enum DocumentChartKind {
    /// Bars beside each other.
    Bars,
    /// Lines over time.
    Lines,
}

/// A series of a chart.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentSeries {
    /// The title.
    title: String,
    /// How its numbers are written. Null if it has none.
    unit: Option<DocumentUnit>,
    /// The ISO 4217 code of the currency. Null if its numbers are no money.
    currency: Option<String>,
    /// The value for each category. Null where there is none.
    values: Vec<Option<Decimal>>,
}

impl From<&documents::Chart> for DocumentChart {
    fn from(chart: &documents::Chart) -> Self {
        let series = chart.series.iter().map(|series| {
            let unit = series.values.iter().flatten().next().map(|number| number.unit);
            DocumentSeries {
                title: series.title.clone(),
                unit: unit.map(Into::into),
                currency: unit.and_then(currency),
                values: series.values.iter().map(|value| value.map(|number| Decimal(number.value))).collect(),
            }
        });
        Self {
            title: chart.title.clone(),
            kind: chart.kind.into(),
            in_words: chart.in_words.clone(),
            categories: chart.categories.clone(),
            series: series.collect(),
        }
    }
}

/// What a measure of a document counts.
#[derive(Debug, Clone, SimpleObject)]
pub struct DocumentDefinition {
    /// The code of the measure.
    code: String,
    /// The title.
    title: String,
    /// What it counts, in a sentence.
    prose: String,
    /// The formula.
    formula: String,
    /// The version of the rulebook that defines it. Null if every contract has it.
    version: Option<String>,
}

impl From<&documents::Definition> for DocumentDefinition {
    fn from(definition: &documents::Definition) -> Self {
        let documents::Definition { code, title, prose, formula, version } = definition.clone();
        Self { code, title, prose, formula, version }
    }
}
