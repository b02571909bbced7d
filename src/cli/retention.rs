//! `retention`: who is due to be erased under the retention periods of a contract.
//!
//! It only lists. An erasure is proposed and approved by two people.

use anyhow::Result;
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::board::{contract_view, message_of_parked, open_to_read};
use super::commands::unless_stopped;
use super::table::{self, Table, columns};
use super::terminal::{self, message};
use super::{Ending, Format, Places, day};
use crate::access::Scope;
use crate::queries::retention::{self, Due, KeptBy};
use crate::views::Views;
use throughline_domain::contract::retention::Keeps;

#[derive(Debug, Subcommand)]
pub(super) enum RetentionCommand {
    /// Lists the people whose data is due to be erased on a day, why, and what stands against it: legal holds, and
    /// contracts that still keep the data.
    #[command(after_help = "Example: throughline retention due --contract shps --on 2024-04-01 --format csv")]
    Due(DueArguments),
}

/// The contract and the day.
#[derive(Debug, Args)]
pub(super) struct DueArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The day. Default: today.
    #[arg(long, value_parser = day)]
    on: Option<NaiveDate>,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(places: &Places, command: &RetentionCommand) -> Result<Ending> {
    let RetentionCommand::Due(arguments) = command;
    let views = unless_stopped(open_to_read(places)).await?;
    let listed = unless_stopped(Box::pin(due(&views, arguments))).await;
    views.close().await;
    listed
}

async fn due(views: &Views, DueArguments { contract: code, on, format }: &DueArguments) -> Result<Ending> {
    let scope = Scope::Deployment;
    let Some((scoped, seen)) = contract_view(views, &scope, (code, None)).await? else { return Ok(Ending::WrongUse) };
    let on = on.unwrap_or(seen.today);
    let rulebook = seen.contract.newest_rulebook().filter(|rulebook| !rulebook.retention.is_empty());
    let Some(rulebook) = rulebook else {
        message(format_args!(
            "contract {code:?} has no retention periods, so nobody is due: write [[retention]] in its rulebook"
        ));
        return Ok(Ending::WrongUse);
    };
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let from = (views.log(), &*seen.view);
        let part = retention::due(from, (scoped, rulebook), on, (after, usize::MAX)).await?;
        rows.extend(part.people.iter().map(|(_, due)| row(due)));
        after = part.searched_to;
        if !part.has_more {
            break;
        }
    }
    let title = format!("Due to be erased under the retention periods of {code} on {on}");
    let heads = ["Subject", "Last case ended", "Over", "Kept by", "Legal holds", "Erasable", "Proposed"];
    table::print(&mut terminal::out(), &[Table { title, columns: columns(&heads), rows }], *format)?;
    if rulebook.retention.iter().any(|period| period.illustrative) {
        message("a period of this contract is illustrative: no source states it, so erase nobody by it");
    }
    message_of_parked(&seen.view).await?;
    Ok(Ending::Done)
}

fn row(due: &Due) -> Vec<String> {
    let over = due.over.iter().map(|of| format!("{} since {}", of.period.class.as_str(), of.over_on));
    let holds =
        due.holds.iter().map(|hold| format!("{} from {}", hold.placed.details.hold, hold.placed.occurred.earliest()));
    let proposed = due.proposed.as_ref();
    vec![
        due.subject.to_string(),
        due.ended_on.to_string(),
        over.collect::<Vec<_>>().join(", "),
        due.kept_by.iter().map(kept).collect::<Vec<_>>().join(", "),
        holds.collect::<Vec<_>>().join(", "),
        if due.may_be_erased() { "yes" } else { "no" }.to_owned(),
        proposed.map(|erasure| erasure.proposed.event_id.to_string()).unwrap_or_default(),
    ]
}

fn kept(KeptBy { contract, keeps }: &KeptBy) -> String {
    match keeps {
        Keeps::OpenCase => format!("{contract}: open case or referral"),
        Keeps::NoPeriod => format!("{contract}: no period for a class"),
        Keeps::Until(day) => format!("{contract}: until {day}"),
    }
}
