//! `export`: tables for analysts as files, and what their columns mean.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use tempfile::NamedTempFile;

use super::board::{contract_view, message_of_parked, open_to_read};
use super::commands::unless_stopped;
use super::files;
use super::subject_access::{self, SubjectArguments};
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

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// Exports every event as NDJSON CloudEvents, one a line, in the order of the log.
    #[command(visible_alias = "events", after_help = "Example: throughline export ndjson > events.ndjson")]
    Ndjson {
        /// Only the events of this contract. Repeat for more contracts.
        #[arg(long = "contract")]
        contracts: Vec<String>,
    },
    /// Exports the cases of a contract: one row for each, with the date on which it first reached each stage.
    #[command(
        after_help = "Example: throughline export journeys --contract shps --format parquet --out journeys.parquet"
    )]
    Journeys(TableArguments),
    /// Exports the contacts and attempted contacts of a contract.
    #[command(after_help = "Example: throughline export contacts --contract shps --as-of 2018-02-23 --format csv \
            --out contacts.csv")]
    Contacts(TableArguments),
    /// Exports the spells of a contract (jobs, homes, placements and courses), with their attributes.
    #[command(after_help = "Example: throughline export spells --contract shps --format xlsx --out spells.xlsx")]
    Spells(TableArguments),
    /// Exports the obligations of a contract under its service standards.
    #[command(after_help = "Example: throughline export obligations --contract mhep --format parquet \
            --out obligations.parquet")]
    Obligations(TableArguments),
    /// Exports the claims of a contract.
    #[command(after_help = "Example: throughline export claims --contract mhep --format ndjson --out claims.ndjson")]
    Claims(TableArguments),
    /// Exports the batch lines, adjustments and receipts of a contract.
    #[command(after_help = "Example: throughline export payments --contract mhep --format csv --out payments.csv")]
    Payments(TableArguments),
    /// Exports all that is held about a subject, for that subject (UK GDPR, Article 15): one ZIP archive with the data, a
    /// page to read and the evidence files. Names and notes are opened. Look through it before you hand it over.
    #[command(
        after_help = "Example: throughline export subject 0190c3d2-7c1a-7000-8000-000000000001 --out subject.zip"
    )]
    Subject(SubjectArguments),
    /// Prints the description of a table: a JSON Schema with types, units and meanings.
    #[command(after_help = "Example: throughline export schema journeys --contract shps > journeys.schema.json")]
    Schema(SchemaArguments),
    /// Prints the page of exports: every table and column, as Markdown.
    #[command(after_help = "Example: throughline export reference > exports.md")]
    Reference,
}

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

/// Exports the log, a table, or all that is held about a subject.
pub(super) async fn run(places: &Places, command: ExportCommand) -> Result<Ending> {
    let (of, arguments) = match command {
        ExportCommand::Ndjson { contracts } => return files::export(places, contracts).await,
        ExportCommand::Subject(arguments) => return subject_access::run(places, &arguments).await,
        ExportCommand::Schema(arguments) => return describe(places, &arguments).await,
        ExportCommand::Reference => return page(),
        ExportCommand::Journeys(arguments) => (Table::Journeys, arguments),
        ExportCommand::Contacts(arguments) => (Table::Contacts, arguments),
        ExportCommand::Spells(arguments) => (Table::Spells, arguments),
        ExportCommand::Obligations(arguments) => (Table::Obligations, arguments),
        ExportCommand::Claims(arguments) => (Table::Claims, arguments),
        ExportCommand::Payments(arguments) => (Table::Payments, arguments),
    };
    table(places, of, arguments).await
}

/// Exports one table.
async fn table(places: &Places, table: Table, arguments: TableArguments) -> Result<Ending> {
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
    let redactions: &[Redaction] =
        if arguments.pseudonymous { &[Redaction::CaseNumbers, Redaction::SubjectIds] } else { &[] };
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
    let new = NewFile::beside(path)?;
    let rows = write_table(export, format, new.out()?).await?;
    new.complete()?;
    Ok(rows)
}

/// A file that appears only when it is complete.
pub(super) struct NewFile<'p> {
    file: NamedTempFile,
    path: &'p Path,
}

impl<'p> NewFile<'p> {
    /// A new file that will have this name. Until then only its owner can read it.
    pub(super) fn beside(path: &'p Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(|source| bad_file(path, source))?;
        Ok(Self { file, path })
    }

    /// What writes to it.
    pub(super) fn out(&self) -> Result<Output> {
        let file = self.file.as_file().try_clone().map_err(|source| bad_file(self.path, source))?;
        Ok(Box::new(io::BufWriter::new(file)))
    }

    /// Gives the file its name.
    pub(super) fn complete(self) -> Result<()> {
        let Self { file, path } = self;
        file.as_file().sync_all().map_err(|source| bad_file(path, source))?;
        file.persist(path).map_err(|error| bad_file(path, error.error))?;
        Ok(())
    }
}

fn bad_file(path: &Path, source: io::Error) -> BadFile {
    BadFile { doing: "write the export", path: path.to_owned(), source }
}

/// Prints the description of a table of a contract.
async fn describe(places: &Places, arguments: &SchemaArguments) -> Result<Ending> {
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
fn page() -> Result<Ending> {
    write!(terminal::out(), "{}", reference::markdown())?;
    Ok(Ending::Done)
}
