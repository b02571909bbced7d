//! Import by mapping: takes files, checks mappings, proposes a first one.

mod progress;

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use progress::Progress;

use super::files::{ImportOptions, Importing, ending, importer};
use super::results::{Results, in_one_row, remark};
use super::terminal::{self, message};
use super::{BadFile, Ending, ImportHow, Misuse, Places};
use crate::import::Mark;
use crate::import::mapped::{Outcome, RowResult, SourceFile, Summary};
use crate::import::mapping::{Mapping, json_schema, propose, shipped};
use crate::import::read::{self, Column, Format, Inspected, Row, Table, Unfit, Wanted};

/// The most rows that `--sample` looks at.
const SAMPLED: usize = 200;
/// The most faults of rows that `check` prints.
const FAULTS_SHOWN: u64 = 50;

/// Files, a mapping and a contract.
#[derive(Debug, Args)]
pub(super) struct MappedArguments {
    /// The files, in order.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The mapping's file, or the name of one that ships: `referrals`, `allocations`, `ssda903`, `ssda903-xml`,
    /// `cin-census`, `workforce-census`.
    #[arg(long)]
    mapping: String,
    /// The contract of the cases.
    #[arg(long)]
    contract: String,
    /// The area of new cases whose row names none, a code of the rulebook. Default: the rulebook's `default_area`.
    #[arg(long)]
    area: Option<String>,
    #[command(flatten)]
    how: ImportHow,
}

/// Imports files of this format.
pub(super) async fn run(places: &Places, format: Format, arguments: MappedArguments) -> Result<Ending> {
    let MappedArguments { files: paths, mapping: named, contract, area, how } = arguments;
    let Some(mapping) = read_mapping(&named)? else { return Ok(Ending::WrongUse) };
    if mapping.format() != format {
        let of = mapping.format().as_str();
        return Err(Misuse(format!("{named}: this mapping reads {of} files: use `throughline import {of}`")).into());
    }
    let options = ImportOptions { contract, is_dry_run: how.dry_run, results: how.results };
    let files = source_files(&paths)?;
    let heads = &["file", "line", "table", "record", "outcome", "positions", "events", "code", "column", "message"];
    let importing = Importing::open(places, options.is_dry_run).await?;
    let principal = importer();
    let import = importing.import(&principal, &options.contract);
    let mut results = Results::begin(options.results, &paths, heads)?;
    let mut progress = Progress::of(&paths, format);
    let report = |result: &RowResult| {
        results.row(cells(&paths, result, &importing));
        progress.take(result);
    };
    let summary = import.mapped(&mapping, &files, area.as_deref(), report).await?;
    drop(progress);
    let (results, prefix) = (results.end()?, importing.prefix());
    importing.close(summary.position).await;
    print_found(&paths, &summary);
    writeln!(
        terminal::out(),
        "{prefix}{} recorded, {} corrected, {} already recorded, {} refused, {} unreadable; {} gone and reported, {} \
            gone and retracted; {} new cases; results of each record in {}",
        summary.recorded,
        summary.corrected,
        summary.there,
        summary.refused,
        summary.unreadable,
        summary.missing,
        summary.retracted,
        summary.journeys,
        results.display()
    )?;
    Ok(ending(summary.refused + summary.unreadable))
}

fn print_found(paths: &[PathBuf], summary: &Summary) {
    for (path, found) in paths.iter().zip(&summary.found) {
        if !found.left_out.is_empty() {
            message(format_args!("{}: these columns are not imported: {}", path.display(), found.left_out.join(", ")));
        }
        if !found.absent.is_empty() {
            let absent = found.absent.join(", ");
            message(format_args!(
                "{}: columns that the file does not have: {absent}. Their recorded values do not change",
                path.display()
            ));
        }
    }
    if let Some(reason) = &summary.not_compared {
        message(format_args!("records that are gone were not looked for: {reason}"));
    }
}

/// Checks a mapping, and files under it.
pub(super) async fn check(named: &str, paths: &[PathBuf]) -> Result<Ending> {
    let Some(mapping) = read_mapping(named)? else { return Ok(Ending::CheckFailed) };
    let tables = mapping.wanted.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
    writeln!(
        terminal::out(),
        "{named}: reads {} files of {}: {tables}",
        mapping.format().as_str(),
        mapping.source.system
    )?;
    if paths.is_empty() {
        return Ok(Ending::Done);
    }
    let mut shown = 0;
    let checked = mapping
        .check(&source_files(paths)?, |at, line, error| {
            shown += 1;
            if shown <= FAULTS_SHOWN {
                message(format_args!("{}: line {line}: {error}", paths[at].display()));
            }
        })
        .await;
    let checked = checked.map_err(|(file, unfit)| wrong(Path::new(&file), unfit))?;
    for (path, found) in paths.iter().zip(&checked.found).filter(|(_, found)| !found.left_out.is_empty()) {
        message(format_args!("{}: these columns are not imported: {}", path.display(), found.left_out.join(", ")));
    }
    writeln!(
        terminal::out(),
        "{} rows with {} records and {} facts, {} unreadable",
        checked.rows,
        checked.records,
        checked.facts,
        checked.unreadable
    )?;
    Ok(ending(checked.unreadable))
}

/// Prints a first mapping for a file.
pub(super) fn sample(path: &Path) -> Result<Ending> {
    let format = match path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
        Some("xlsx") => Format::Xlsx,
        Some("xml") => Format::Xml,
        Some("json" | "ndjson") => Format::Json,
        _ => Format::Csv,
    };
    let mut file = opened(path)?;
    let unread = |source| BadFile { doing: "read", path: path.to_owned(), source };
    let inspected = Inspected::of(&mut file, None).map_err(unread)?;
    let table = Table { name: "rows".to_owned(), file: None, sheet: None, element: Vec::new(), columns: Vec::new() };
    let mut wanted = Wanted { format, tables: vec![table], record: None, separator: b',', character: None };
    let mut header = read::header(opened(path)?, &inspected, &wanted).map_err(|unfit| wrong(path, unfit))?;
    // The separator is the one that divides the header most.
    for separator in [b';', b'\t', b'|'].into_iter().filter(|_| format == Format::Csv) {
        let other = Wanted { separator, ..wanted.clone() };
        let divided = read::header(opened(path)?, &inspected, &other).map_err(|unfit| wrong(path, unfit))?;
        if divided.len() > header.len() {
            (header, wanted) = (divided, other);
        }
    }
    let column = |name: &String| Column { name: name.clone(), is_optional: true };
    wanted.tables[0].columns = header.iter().map(column).collect();
    let mut rows: Vec<Row> = Vec::new();
    file.rewind().map_err(unread)?;
    read::read("sample", file, &inspected, &wanted, &mut |row| {
        rows.push(row);
        if rows.len() < SAMPLED { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
    })
    .map_err(|unfit| wrong(path, unfit))?;
    write!(terminal::out(), "{}", propose(format, wanted.separator, &header, &rows))?;
    Ok(Ending::Done)
}

/// Prints a mapping that ships.
pub(super) fn print(named: &str) -> Result<Ending> {
    write!(terminal::out(), "{}", text(named)?)?;
    Ok(Ending::Done)
}

/// Prints the JSON Schema of mappings.
pub(super) fn schema() -> Result<Ending> {
    write!(terminal::out(), "{}", json_schema())?;
    Ok(Ending::Done)
}

/// The text of a mapping: one that ships, or a file.
fn text(named: &str) -> Result<String> {
    if let Some(shipped) = shipped().iter().find(|shipped| shipped.name == named) {
        return Ok(shipped.text.to_owned());
    }
    std::fs::read_to_string(named).map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            let known: Vec<&str> = shipped().iter().map(|shipped| shipped.name).collect();
            let known = known.join(", ");
            return Misuse(format!("there is no mapping {named}: name its file, or one that ships: {known}")).into();
        }
        BadFile { doing: "read the mapping", path: named.into(), source }.into()
    })
}

/// The mapping, or none after printing its faults.
fn read_mapping(named: &str) -> Result<Option<Mapping>> {
    match Mapping::parse(&text(named)?) {
        Ok(mapping) => Ok(Some(mapping)),
        Err(errors) => {
            for error in errors {
                message(format_args!("{named}: {error}"));
            }
            Ok(None)
        }
    }
}

fn source_files(paths: &[PathBuf]) -> Result<Vec<SourceFile>> {
    let file = |path: &PathBuf| {
        opened(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(SourceFile { name, path: path.clone() })
    };
    paths.iter().map(file).collect()
}

fn opened(path: &Path) -> Result<File> {
    super::files::opened(path)
}

fn wrong(path: &Path, unfit: Unfit) -> anyhow::Error {
    match unfit {
        Unfit::File { source, .. } => BadFile { doing: "read", path: path.to_owned(), source }.into(),
        Unfit::Wrong { .. } => Misuse(format!("{}: {unfit}", path.display())).into(),
    }
}

/// The result of a record: one row of cells.
fn cells(paths: &[PathBuf], result: &RowResult, importing: &Importing) -> [Value; 10] {
    let none: &[Mark] = &[];
    let (outcome, marks) = match &result.outcome {
        Outcome::Recorded(marks) => ("recorded", marks.as_slice()),
        Outcome::Corrected(marks) => ("corrected", marks.as_slice()),
        Outcome::There(marks) => ("already there", marks.as_slice()),
        Outcome::Refused(_) => ("refused", none),
        Outcome::Unreadable(_) => ("unreadable", none),
        Outcome::Missing => ("missing", none),
        Outcome::Retracted(marks) => ("retracted", marks.as_slice()),
    };
    let (code, column, message) = match &result.outcome {
        Outcome::Refused(problems) => in_one_row(problems),
        Outcome::Unreadable(error) => (None, error.key.clone(), Some(error.message.clone())),
        Outcome::Missing => {
            (None, None, Some("recorded before, but gone from the snapshot: the record does not change".to_owned()))
        }
        Outcome::Recorded(_) | Outcome::Corrected(_) | Outcome::There(_) | Outcome::Retracted(_) => (None, None, None),
    };
    let [positions, events] = importing.marks(marks);
    [
        json!(result.file.map(|file| paths[file].display().to_string())),
        json!(result.line),
        json!(result.table),
        json!(result.record),
        json!(outcome),
        positions,
        events,
        json!(code),
        json!(column),
        json!(remark(message, result.note.as_deref())),
    ]
}
