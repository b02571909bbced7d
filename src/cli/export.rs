//! `export`: tables for analysts as files, and what their columns mean.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;
use tempfile::NamedTempFile;

use super::board::{contract_view, message_of_parked, open_to_read};
use super::commands::unless_stopped;
use super::terminal::{self, message};
use super::{BadFile, Ending, Misuse, Places, day};
use crate::access::Scope;
use crate::access::policy::Redaction;
use crate::access::relation::Standing;
use crate::export::formats::{Format, Output};
use crate::export::run::run as write_table;
use crate::export::table::{Description, Export, Question};
use crate::export::tables::Table;
use crate::export::{reference, schema};
use crate::try_out::KnownAt;
use crate::views::Views;

/// The name of standard output.
const STANDARD_OUTPUT: &str = "-";

/// The contract, the points in time, and the file.
#[derive(Debug, Args)]
pub(super) struct TableArguments {
    /// The contract's code.
    #[arg(long)]
    contract: String,
    /// The as-of date: facts are read at the end of this day. Default: today.
    #[arg(long, value_parser = day)]
    as_of: Option<NaiveDate>,
    /// The knowledge date: only events recorded by then count. A day (until its end in the contract's zone), or an
    /// instant with its offset.
    #[arg(long)]
    known_at: Option<KnownAt>,
    /// The format of the file.
    #[arg(long, value_enum)]
    format: Format,
    /// The file to write, or `-` for standard output. An existing file is replaced once the new one is complete.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also write the table's description to this file: a JSON Schema with types, units and meanings.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Leave out case numbers of other systems.
    #[arg(long)]
    pseudonymous: bool,
}

/// The table whose description is printed.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// The table.
    #[arg(value_enum)]
    table: Table,
    /// The contract's code. Its rulebook decides the columns of stages and attributes.
    #[arg(long)]
    contract: String,
}

/// Exports one table.
pub(super) async fn table(places: &Places, table: Table, arguments: TableArguments) -> Result<Ending> {
    let views = unless_stopped(open_to_read(places)).await?;
    let exported = unless_stopped(Box::pin(export(&views, table, arguments))).await;
    views.close().await;
    exported
}

async fn export(views: &Views, table: Table, arguments: TableArguments) -> Result<Ending> {
    let scope = Scope::Deployment;
    let asked = (arguments.contract.as_str(), arguments.known_at);
    let Some((scoped, seen)) = contract_view(views, &scope, asked).await? else { return Ok(Ending::WrongUse) };
    let as_of = arguments.as_of.unwrap_or(seen.today);
    if as_of > seen.today {
        message("this is a forecast, because --as-of is in the future: open spells are assumed to continue");
    }
    let standing = Standing::contract_wide(seen.today);
    let redactions: &[Redaction] = if arguments.pseudonymous { &[Redaction::CaseNumbers] } else { &[] };
    let question = Question {
        table,
        view: seen.view.clone(),
        live: views.live(),
        scope: scoped,
        standing: &standing,
        redactions,
        as_of,
        today: seen.today,
    };
    let export = Export::open(views.log(), question).await?;
    let described = export.description().clone();
    let rows = if arguments.out == Path::new(STANDARD_OUTPUT) {
        write_table(export, arguments.format, Box::new(io::BufWriter::new(io::stdout()))).await?
    } else {
        to_file(export, arguments.format, &arguments.out).await?
    };
    if let Some(path) = &arguments.schema {
        let text = format!("{:#}\n", schema::of(&described));
        std::fs::write(path, text).map_err(|source| BadFile {
            doing: "write the schema",
            path: path.clone(),
            source,
        })?;
    }
    tracing::info!(table = table.as_str(), rows, position = described.position.0, "exported");
    message_of_parked(&seen.view).await?;
    Ok(Ending::Done)
}

/// Writes a table to a file, which appears only when it is complete.
async fn to_file(export: Export, format: Format, path: &Path) -> Result<u64> {
    let bad = |source| BadFile { doing: "write the export", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = NamedTempFile::new_in(folder).map_err(bad)?;
    let out: Output = Box::new(io::BufWriter::new(file.as_file().try_clone().map_err(bad)?));
    let rows = write_table(export, format, out).await?;
    file.as_file().sync_all().map_err(bad)?;
    file.persist(path).map_err(|error| bad(error.error))?;
    Ok(rows)
}

/// Prints the description of a table of a contract.
pub(super) async fn describe(places: &Places, arguments: &SchemaArguments) -> Result<Ending> {
    let views = unless_stopped(open_to_read(places)).await?;
    let described = described(&views, arguments).await;
    views.close().await;
    described
}

async fn described(views: &Views, arguments: &SchemaArguments) -> Result<Ending> {
    let scope = Scope::Deployment;
    let asked = (arguments.contract.as_str(), None);
    let Some((_, seen)) = contract_view(views, &scope, asked).await? else { return Ok(Ending::WrongUse) };
    let Some(rulebook) = seen.contract.newest_rulebook() else {
        let code = &arguments.contract;
        return Err(Misuse(format!("contract {code:?} has no rulebook yet, so it has no tables: publish one")).into());
    };
    let mut described = Description::of(arguments.table, &seen.contract, rulebook, seen.today);
    described.position = *seen.view.position().borrow();
    writeln!(terminal::out(), "{:#}", schema::of(&described))?;
    Ok(Ending::Done)
}

/// Prints the page of exports.
pub(super) fn page() -> Result<Ending> {
    write!(terminal::out(), "{}", reference::markdown())?;
    Ok(Ending::Done)
}
