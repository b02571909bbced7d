//! What was kept of a report when its period was closed, what reads differently now, and the due dates of reports.

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;

use super::super::Ending;
use super::super::table::{self, Table, columns};
use super::super::terminal::{self, message};
use super::{DocumentFormat, Misuse, ReportArguments, refused, shown, write};
use crate::documents::build::Source;
use crate::documents::corrections::{Since, corrections};
use crate::documents::differences::{Difference, differences};
use crate::documents::{Document, frozen, render};
use crate::views::Views;
use throughline_domain::fact::envelope::{Actor, Envelope, Position};
use throughline_domain::fact::event::ClosedDocument;
use throughline_domain::performance::due_date::{DueDate, DueState, check_report, due_dates};

/// The most events in the list of those that may explain a difference.
const EVENTS_MAX: usize = 200;

/// What to print instead of the report as it reads now.
#[derive(Debug, Args)]
pub(super) struct ClosedArguments {
    /// Print the document that was kept when the period was closed. As JSON it is byte for byte what was kept.
    #[arg(long, conflicts_with_all = ["as_of", "list"])]
    closed: bool,
    /// List what reads differently now from the document that was kept, and the events that may explain it.
    #[arg(long, conflicts_with_all = ["as_of", "list", "closed", "output"])]
    restated: bool,
    /// List the due dates of reports instead: submitted, late, missing or still due by the as-of date. With `--report`,
    /// only its submissions count.
    #[arg(long, conflicts_with_all = ["list", "closed", "restated", "period", "output"])]
    pub(super) due: bool,
}

/// What to print of a closed period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfClosed {
    /// The document that was kept.
    Kept,
    /// What reads differently now.
    Differences,
}

impl ClosedArguments {
    /// What to print of a closed period, if anything.
    pub(super) const fn of_closed(&self) -> Option<OfClosed> {
        match (self.closed, self.restated) {
            (true, _) => Some(OfClosed::Kept),
            (false, true) => Some(OfClosed::Differences),
            (false, false) => None,
        }
    }
}

/// Prints the due dates of a contract.
pub(super) fn due(arguments: &ReportArguments, source: Source<'_>) -> Result<Ending> {
    let record = source.contract.contract_record(source.as_of);
    let report = arguments.report.as_deref();
    if let Some(code) = report {
        let submitted = source.contract.contract_record(NaiveDate::MAX).reports;
        check_report(source.rulebook, &submitted, code).map_err(|error| Misuse(error.to_string()))?;
    }
    let submissions = record.reports.iter().filter(|one| report.is_none_or(|report| one.details.report == report));
    let dates = due_dates(&source.rulebook.reports.due, submissions, source.as_of);
    let table = Table {
        title: format!("Due dates of reports of {}, at the end of {}", source.scope.contract(), source.as_of),
        columns: columns(&["Due", "State", "Days late", "Submitted", "Report", "Period"]),
        rows: dates.iter().map(row_of_due).collect(),
    };
    table::print(&mut terminal::out(), &[table], arguments.format.of_tables()?)?;
    Ok(Ending::Done)
}

fn row_of_due(date: &DueDate<'_>) -> Vec<String> {
    let state = match date.state {
        DueState::Due => "due",
        DueState::Submitted => "submitted",
        DueState::Late => "late",
        DueState::Missing => "missing",
    };
    let [on, report, period] = date.submission.map_or_else(Default::default, |submission| {
        let details = &submission.details;
        let period = format!("{} to {}", details.period.first, details.period.last);
        [submission.occurred.earliest().to_string(), details.report.clone(), period]
    });
    vec![date.due_on.to_string(), state.to_owned(), date.days_late.to_string(), on, report, period]
}

/// Prints what was kept of a report, or what reads differently now. The as-of date of the source is today.
pub(super) async fn show(
    views: &Views,
    arguments: &ReportArguments,
    asked: OfClosed,
    source: Source<'_>,
) -> Result<Ending> {
    let kept = kept(arguments, source)?;
    if asked == OfClosed::Kept {
        // The kept text is printed unread, also if this build cannot read its shape.
        let content = match arguments.format {
            DocumentFormat::Json => kept.content.as_str().as_bytes().to_owned(),
            format => shown(&frozen::read(&kept)?, format)?,
        };
        write(&content, arguments.output.as_deref())?;
        return Ok(Ending::Done);
    }
    let closed = frozen::read(&kept)?;
    let again = frozen::again(Source { as_of: closed.as_of, ..source }, &closed).await.map_err(refused)?;
    let again = again.ok_or_else(|| {
        let message = "the rulebook no longer has this report: --closed prints the document that was kept";
        Misuse(message.to_owned())
    })?;
    let events = explaining(views, &closed, source).await?;
    let tables = [table_of_differences(&closed, &differences(&closed, &again)), table_of_events(&events)];
    table::print(&mut terminal::out(), &tables, arguments.format.of_tables()?)?;
    Ok(Ending::Done)
}

/// The document of a report that was kept: of the period that holds the day or month of `--period`, or else of the one
/// that was closed last.
fn kept(arguments: &ReportArguments, source: Source<'_>) -> Result<ClosedDocument, Misuse> {
    let report = arguments.report.as_deref().unwrap_or_default();
    let asked = arguments.period;
    let holds =
        |first: NaiveDate, last: NaiveDate| asked.is_none_or(|asked| first <= asked.first && asked.last <= last);
    let record = source.contract.contract_record(source.as_of);
    let closed = record.closed.into_iter().rev().map(|entry| entry.details);
    let closed = closed.filter(|closed| holds(closed.period.first, closed.period.last));
    let mut documents = closed.flat_map(|closed| closed.documents);
    documents.find(|document| document.report == report).ok_or_else(|| {
        Misuse(format!(
            "no document of the report {report:?} was kept for this period: close the period first, or give another \
             --period"
        ))
    })
}

/// The events since a document was kept that may explain what reads differently.
async fn explaining(views: &Views, closed: &Document, source: Source<'_>) -> Result<Vec<Envelope>> {
    let since = Since {
        view: source.view,
        scope: source.scope,
        last_day: closed.last_day,
        after: Position(i64::try_from(closed.position)?),
        upto: *source.view.position().borrow(),
    };
    let found = corrections(views.log(), since).await?;
    let mut events = found.events;
    if found.is_cut || events.len() > EVENTS_MAX {
        message(format_args!("only the first {EVENTS_MAX} events are listed"));
        events.truncate(EVENTS_MAX);
    }
    Ok(events)
}

fn table_of_differences(closed: &Document, differences: &[Difference]) -> Table {
    let cell = |cell: &Option<_>| cell.as_ref().map(render::shown).unwrap_or_default();
    let row = |of: &Difference| {
        let Difference { section, table, row, column, .. } = of.clone();
        vec![section, table, row, column, cell(&of.was), cell(&of.is)]
    };
    Table {
        title: format!("{}, {}: what reads differently now", closed.title, closed.period),
        columns: columns(&["Section", "Table", "Row", "Column", "Closed", "Now"]),
        rows: differences.iter().map(row).collect(),
    }
}

fn table_of_events(events: &[Envelope]) -> Table {
    let row = |event: &Envelope| {
        let (occurred, recorded) = (event.occurred.earliest(), event.recorded_at.format("%Y-%m-%d %H:%M:%S UTC"));
        let about = format!("{} {}", event.stream.kind.as_str(), event.stream.id);
        let Actor { subject, role, .. } = &event.actor;
        vec![
            event.event_id.to_string(),
            event.event_type.clone(),
            occurred.to_string(),
            recorded.to_string(),
            format!("{subject} ({role})"),
            about,
        ]
    };
    Table {
        title: "Events since that may explain it".to_owned(),
        columns: columns(&["Event", "Type", "Date", "Recorded", "By", "About"]),
        rows: events.iter().map(row).collect(),
    }
}
