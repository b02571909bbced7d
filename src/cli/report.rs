//! The reports of a contract: a list of them, and the document of one for a period.
//!
//! The same document as that of the API. Nothing is counted or laid out here.

mod closed;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use self::closed::{ClosedArguments, OfClosed};
use super::board::{ContractView, MonthOrDay, contract_view, message_of_parked, month_or_day, open_to_read};
use super::commands::unless_stopped;
use super::table::{self, Table, columns};
use super::terminal::{self, message};
use super::{BadFile, Ending, Format, Misuse, Places, day};
use crate::access::Scope;
use crate::documents::build::{self, Source};
use crate::documents::{Document, render};
use crate::queries::measures::FiguresError;
use crate::try_out::KnownAt;
use crate::views::Views;
use throughline_domain::contract::Rulebook;
use throughline_domain::performance::report::{ReportDefinition, report, reports};

/// The contract, the report and its period, and the form in which it is written.
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The report's code. `--list` lists the reports.
    #[arg(long, required_unless_present_any = ["list", "due"])]
    report: Option<String>,
    /// List the reports of the contract instead: code, title, period and sections.
    #[arg(long, conflicts_with_all = ["report", "period", "output"])]
    list: bool,
    /// The period: a month as YYYY-MM, or any day of the period as YYYY-MM-DD. Default: the period of the as-of date.
    #[arg(long, value_name = "DATE", value_parser = month_or_day)]
    period: Option<MonthOrDay>,
    /// The as-of date: facts are read at the end of this day. Default: the last day of the period, or today if that is
    /// earlier.
    #[arg(long, value_parser = day)]
    as_of: Option<NaiveDate>,
    /// The knowledge date: only events recorded by then count. A day (until its end in the contract's zone), or an
    /// instant with its offset.
    #[arg(long)]
    known_at: Option<KnownAt>,
    #[command(flatten)]
    closed: ClosedArguments,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: DocumentFormat,
    /// The file to write. Default: standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The format of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum DocumentFormat {
    /// Aligned columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Comma-separated values, one line for each cell.
    Csv,
    /// A workbook, with a sheet for each table.
    Xlsx,
    /// A page to print, with charts.
    Html,
}

pub(super) async fn run(places: &Places, arguments: &ReportArguments) -> Result<Ending> {
    let is_to_terminal = arguments.output.is_none() && std::io::stdout().is_terminal();
    if arguments.format == DocumentFormat::Xlsx && arguments.is_of_document() && is_to_terminal {
        return Err(Misuse("a workbook is not text: give --output FILE, or redirect the output".to_owned()).into());
    }
    let views = unless_stopped(open_to_read(places)).await?;
    let shown = unless_stopped(Box::pin(show(&views, arguments))).await;
    views.close().await;
    shown
}

async fn show(views: &Views, arguments: &ReportArguments) -> Result<Ending> {
    let (scope, code) = (Scope::Deployment, arguments.contract.as_str());
    let Some((scoped, seen)) = contract_view(views, &scope, (code, arguments.known_at)).await? else {
        return Ok(Ending::WrongUse);
    };
    let ContractView { view, contract, today } = seen;
    let Some(rulebook) = contract.newest_rulebook() else {
        message(format_args!("contract {code:?} has no rulebook yet, so it has no reports: publish one"));
        return Ok(Ending::WrongUse);
    };
    let position = *view.position().borrow();
    let recorded_through = views.log().recorded_at(position).await?;
    let as_of = arguments.as_of.unwrap_or(today);
    let source = Source { view: &view, scope: scoped, contract: &contract, rulebook, as_of, recorded_through };
    if let (Some(period), Some(named)) = (arguments.period, &arguments.report)
        && let Ok(asked) = report(rulebook, named)
    {
        check_one_period(period, &asked, rulebook)?;
    }
    if arguments.closed.due {
        return closed::due(arguments, source);
    }
    if let Some(asked) = arguments.closed.of_closed() {
        return closed::show(views, arguments, asked, source).await;
    }
    let Some(named) = &arguments.report else { return list(code, rulebook, arguments.format) };
    let asked = report(rulebook, named).map_err(|error| Misuse(error.to_string()))?;
    let on = arguments.period.map_or(arguments.as_of.unwrap_or(today), |period| period.first);
    let last = asked.period(on, rulebook.calendar.financial_year).last();
    let as_of = arguments.as_of.unwrap_or(today.min(last));
    if as_of > today {
        message("this is a forecast, because --as-of is in the future: open spells are assumed to continue");
    }
    let document = build::document(Source { as_of, ..source }, &asked, on).await.map_err(refused)?;
    write(&shown(&document, arguments.format)?, arguments.output.as_deref())?;
    message_of_parked(&view).await?;
    Ok(Ending::Done)
}

/// Checks that a month as `--period` lies in one period of the report: a month holds several weeks.
fn check_one_period(asked: MonthOrDay, report: &ReportDefinition, rulebook: &Rulebook) -> Result<(), Misuse> {
    if asked.last <= report.period(asked.first, rulebook.calendar.financial_year).last() {
        return Ok(());
    }
    let every = report.every.as_str();
    Err(Misuse(format!("--period: a month does not name one {every}: give a day of the {every} as YYYY-MM-DD")))
}

/// A document that cannot be computed because of what was asked for, or a fault.
pub(super) fn refused(error: FiguresError) -> anyhow::Error {
    match error {
        FiguresError::Store(fault) => fault.into(),
        wrong => Misuse(wrong.to_string()).into(),
    }
}

/// The bytes of a document in a format.
fn shown(document: &Document, format: DocumentFormat) -> Result<Vec<u8>> {
    Ok(match format {
        DocumentFormat::Table => render::text(document).into_bytes(),
        DocumentFormat::Json => format!("{}\n", serde_json::to_string_pretty(document)?).into_bytes(),
        DocumentFormat::Csv => render::csv(document).into_bytes(),
        DocumentFormat::Xlsx => render::workbook(document)?,
        DocumentFormat::Html => render::page(document).into_bytes(),
    })
}

/// Writes to a file, or to standard output.
fn write(content: &[u8], output: Option<&Path>) -> Result<()> {
    let Some(path) = output else { return Ok(terminal::out().write_all(content)?) };
    if path.exists() {
        message(format_args!("{} already existed and was replaced", path.display()));
    }
    let file = crate::store::private().write(true).create(true).truncate(true).open(path);
    let written = file.and_then(|mut file| file.write_all(content));
    Ok(written.map_err(|source| BadFile { doing: "write", path: path.to_owned(), source })?)
}

/// Prints the reports of a contract.
fn list(code: &str, rulebook: &Rulebook, format: DocumentFormat) -> Result<Ending> {
    let reports = reports(rulebook);
    let rows = reports.iter().map(|report| {
        let sections: Vec<&str> = report.sections.iter().map(|section| section.code.as_str()).collect();
        vec![report.code.clone(), report.title.clone(), report.every.as_str().to_owned(), sections.join(", ")]
    });
    let title = format!("Reports of {code}");
    let table = Table { title, columns: columns(&["Code", "Title", "Every", "Sections"]), rows: rows.collect() };
    table::print(&mut terminal::out(), &[table], format.of_tables()?)?;
    Ok(Ending::Done)
}

impl ReportArguments {
    /// Whether a document is printed, not a list.
    fn is_of_document(&self) -> bool {
        !self.list && !self.closed.due && self.closed.of_closed() != Some(OfClosed::Differences)
    }
}

impl DocumentFormat {
    /// The format of a list.
    fn of_tables(self) -> Result<Format, Misuse> {
        match self {
            Self::Table => Ok(Format::Table),
            Self::Json => Ok(Format::Json),
            Self::Csv => Ok(Format::Csv),
            Self::Xlsx | Self::Html => Err(Misuse("a list is no document: use --format table, json or csv".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::rulebook::packs;

    #[test]
    fn a_month_names_a_monthly_report_and_no_weekly_one() {
        let rulebook = Rulebook::parse(packs::pack("dwp-cep").expect("a pack").text).expect("a rulebook");
        let checked = |period: &str, code: &str| {
            let asked = report(&rulebook, code).expect("a report");
            let period = month_or_day(period).expect("a month or a day");
            check_one_period(period, &asked, &rulebook).map_err(|Misuse(message)| message)
        };
        assert_eq!(checked("2018-02", "monthly"), Ok(()));
        assert_eq!(checked("2018-02-28", "weekly"), Ok(()));
        let message = "--period: a month does not name one week: give a day of the week as YYYY-MM-DD";
        assert_eq!(checked("2018-02", "weekly"), Err(message.to_owned()));
    }
}
