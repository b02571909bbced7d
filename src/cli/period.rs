//! `period`: closes a period of a contract with the documents of its reports, and lists the closed periods.
//!
//! The same fact and the same documents as those of the mutation `closePeriod`.

use std::time::Duration;

use anyhow::{Result, bail};
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::board::{ContractView, contract_view, open_to_read};
use super::commands::{open, record_as, unless_stopped};
use super::report::refused;
use super::table::{self, Table, columns};
use super::terminal;
use super::{Ending, Format, Places, day};
use crate::access::{Role, Scope};
use crate::deployment::Deployment;
use crate::documents::build::Source;
use crate::documents::frozen;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{Envelope, StreamId};
use throughline_domain::fact::event::{ClosedDocument, Period, PeriodClosed};
use throughline_domain::performance::period::Month;

/// How long closing waits for the live view to have applied the whole log.
const PATIENCE: Duration = Duration::from_mins(10);

#[derive(Debug, Subcommand)]
pub(super) enum PeriodCommand {
    /// Closes a period: its figures are settled, and the documents of the reports of exactly this period are kept as
    /// they are.
    #[command(after_help = "Examples: throughline period close --contract shps --period 2018-02\n          \
            throughline period close --contract stoke-psychology --period 2018-07-01..2018-09-30\n\nOn Postgres, servers \
            keep running meanwhile and follow. If a server holds an SQLite file, use its mutation `closePeriod` instead.")]
    Close(CloseArguments),
    /// Lists the closed periods of a contract: when each was closed and by whom, and the reports that were kept.
    #[command(after_help = "Example: throughline period list --contract shps")]
    List(ListArguments),
}

/// The period to close.
#[derive(Debug, Args)]
pub(super) struct CloseArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The period: a month as YYYY-MM, or its first and last day as YYYY-MM-DD..YYYY-MM-DD.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    period: Period,
}

/// The contract whose periods are listed.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(places: &Places, command: &PeriodCommand) -> Result<Ending> {
    match command {
        PeriodCommand::Close(arguments) => {
            let deployment = open(places).await?;
            let ending = unless_stopped(Box::pin(close(&deployment, arguments))).await;
            deployment.close().await;
            ending
        }
        PeriodCommand::List(arguments) => list(places, arguments).await,
    }
}

/// Closes a period, with the documents that the view gives once it has applied the whole log.
async fn close(deployment: &Deployment, CloseArguments { contract: code, period }: &CloseArguments) -> Result<Ending> {
    let head = deployment.log.head().await?.position;
    if !deployment.views.passed(head, PATIENCE).await {
        bail!("the live view has not applied the whole log yet, so nothing was recorded: try again");
    }
    let Some(documents) = documents(deployment, code, *period).await? else { return Ok(Ending::WrongUse) };
    let kept: Vec<&str> = documents.iter().map(|document| document.report.as_str()).collect();
    let kept = if kept.is_empty() { "no report is of exactly this period".to_owned() } else { kept.join(", ") };
    let done = format!("closed {} to {} of {code}; documents kept: {kept}", period.first, period.last);
    let fact = PeriodClosed { period: *period, documents };
    let command = Command::record_fact(StreamId::contract(code), When::TODAY, fact);
    record_as(Role::Manager, deployment, command, &done).await
}

/// The documents to keep. None, after a message, if the contract is not open. A period that is not over has none, and is
/// refused.
async fn documents(deployment: &Deployment, code: &str, period: Period) -> Result<Option<Vec<ClosedDocument>>> {
    let scope = Scope::Deployment;
    let Some((scoped, seen)) = contract_view(&deployment.views, &scope, (code, None)).await? else { return Ok(None) };
    let ContractView { view, contract, today } = seen;
    let Some(rulebook) = contract.newest_rulebook().filter(|_| period.last <= today) else {
        return Ok(Some(Vec::new()));
    };
    let position = *view.position().borrow();
    let recorded_through = deployment.log.recorded_at(position).await?;
    let as_of = period.last;
    let source = Source { view: &view, scope: scoped, contract: &contract, rulebook, as_of, recorded_through };
    Ok(Some(frozen::closing(source, period).await.map_err(refused)?))
}

/// Prints the closed periods, in the order in which they were closed.
async fn list(places: &Places, arguments: &ListArguments) -> Result<Ending> {
    let views = unless_stopped(open_to_read(places)).await?;
    let scope = Scope::Deployment;
    let code = arguments.contract.as_str();
    let found = match contract_view(&views, &scope, (code, None)).await? {
        Some((_, ContractView { contract, .. })) => {
            let closed = contract.contract_record(NaiveDate::MAX).closed;
            let ids: Vec<_> = closed.iter().map(|entry| entry.event_id).collect();
            Some((closed, views.log().events(&ids).await?))
        }
        None => None,
    };
    views.close().await;
    let Some((closed, events)) = found else { return Ok(Ending::WrongUse) };
    let table = Table {
        title: format!("Closed periods of {code}"),
        columns: columns(&["First", "Last", "Closed", "Recorded", "By", "Reports kept", "Event"]),
        rows: closed.iter().map(|entry| row(entry, &events)).collect(),
    };
    table::print(&mut terminal::out(), &[table], arguments.format)?;
    Ok(Ending::Done)
}

fn row(entry: &Entry<PeriodClosed>, events: &[Envelope]) -> Vec<String> {
    let PeriodClosed { period, documents } = &entry.details;
    let reports: Vec<&str> = documents.iter().map(|document| document.report.as_str()).collect();
    let event = events.iter().find(|event| event.event_id == entry.event_id);
    let [recorded, by] = event.map_or_else(Default::default, |event| {
        let recorded = event.recorded_at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        [recorded, format!("{} ({})", event.actor.subject, event.actor.role)]
    });
    vec![
        period.first.to_string(),
        period.last.to_string(),
        entry.occurred.earliest().to_string(),
        recorded,
        by,
        reports.join(", "),
        entry.event_id.to_string(),
    ]
}

/// A month, or the first and the last day of a period.
fn period(text: &str) -> Result<Period, &'static str> {
    const USE: &str = "use a month as YYYY-MM, or the first and the last day as YYYY-MM-DD..YYYY-MM-DD";
    if let Some((first, last)) = text.split_once("..") {
        let [first, last] = [first, last].map(|text| day(text).map_err(|_| USE));
        let (first, last) = (first?, last?);
        return if first <= last { Ok(Period { first, last }) } else { Err("the last day is before the first") };
    }
    let first = day(&format!("{text}-01")).map_err(|_| USE)?;
    Ok(Period { first, last: Month::of(first).last() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_month_or_two_days() {
        let read = |text: &str| period(text).map(|of| format!("{} {}", of.first, of.last));
        assert_eq!(read("2018-02"), Ok("2018-02-01 2018-02-28".to_owned()));
        assert_eq!(read("2018-07-01..2018-09-30"), Ok("2018-07-01 2018-09-30".to_owned()));
        assert_eq!(read("2018-09-30..2018-07-01"), Err("the last day is before the first"));
        for wrong in ["2018", "2018-02-10", "2018-02-01..", "February", "2018-02-30..2018-03-01"] {
            assert!(read(wrong).is_err_and(|message| message.starts_with("use a month")), "{wrong}");
        }
    }
}
