//! Import and export of files, and verification of the log.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use super::commands::{COMMAND_LINE, open, stop_signal};
use super::results::{Results, in_one_row, remark};
use super::terminal::{self, message};
use super::{BadFile, Ending, Misuse, Places};
use crate::access::{Principal, Role, Scope};
use crate::causes;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use crate::export::ndjson::{self as exported, Zones};
use crate::import::as_recorded::as_recorded;
use crate::import::ssda903::{self, Return, RowResult, Unfit};
use crate::import::{Import, Mark, Outcome, Problem, Row};
use crate::keys::{KeyStore, KeysOf};
use crate::log::verify::{Damage, FINDINGS_KEPT, Finding, Unread, Verified};
use crate::log::{Log, LogError};
use crate::record::Recorder;
use crate::store::{Mode, Store, is_corrupt};
use crate::views::Views;
use throughline_domain::fact::envelope::{Envelope, Position, StreamId};
use throughline_domain::fact::event::Event;

/// The most time that an import waits at its end for the live view.
const PATIENCE: Duration = Duration::from_mins(10);

/// The principal that imports, as the log and the access policy see it.
pub(super) fn importer() -> Principal {
    Principal { subject: COMMAND_LINE.to_owned(), role: Role::Integrator, scope: Scope::Deployment }
}

pub(super) async fn read_log(places: &Places) -> Result<Log> {
    let store = Store::open(places.database(), Mode::Read).await?;
    Ok(Log::open(Arc::new(store)).await?)
}

pub(super) async fn verify(places: &Places, all: bool) -> Result<Ending> {
    let verified = verified_at(places, if all { usize::MAX } else { FINDINGS_KEPT }).await?;
    print_findings(&verified)?;
    let verdict = if verified.is_sound() { "sound" } else { "DAMAGED" };
    writeln!(terminal::out(), "{} events up to position {}: {verdict}", verified.events, verified.position)?;
    Ok(if verified.is_sound() { Ending::Done } else { Ending::CheckFailed })
}

/// Verifies the log of a database, which may be damaged. Lists at most `most` findings.
pub(super) async fn verified_at(places: &Places, most: usize) -> Result<Verified> {
    let verified = async {
        let store = Store::open(places.database(), Mode::Read).await?;
        let log = Log::open_to_verify(Arc::new(store)).await?;
        anyhow::Ok(log.verify_naming(most, readable).await?)
    };
    match verified.await {
        // The file is no longer a database, so there are no further findings.
        Err(error) if is_damage(&error) => {
            let finding = Finding { position: None, damage: Damage::Index(causes::in_words(&*error)) };
            Ok(Verified { events: 0, position: Position::default(), findings: vec![finding], found: 1 })
        }
        verified => verified,
    }
}

/// Whether an error means that stored data is damaged.
pub(super) fn is_damage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_corrupt) || of_log(cause))
}

fn of_log(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(LogError::Store(error)) if is_corrupt(error))
}

/// Reads a whole log again and decodes every payload.
pub(super) async fn verified(log: &Log) -> Result<Verified> {
    Ok(log.verify(readable).await?)
}

/// Whether this build can decode an event's payload.
fn readable(envelope: &Envelope) -> Result<(), Unread> {
    let event = Event::decode(&envelope.event_type, envelope.schema_version, envelope.payload.get());
    event.map(drop).map_err(Into::into)
}

/// Prints the findings about a log, one a line.
pub(super) fn print_findings(verified: &Verified) -> std::io::Result<()> {
    let mut out = terminal::out();
    for finding in &verified.findings {
        writeln!(out, "{finding}")?;
    }
    let left_out = verified.found - verified.findings.len() as u64;
    if left_out > 0 {
        writeln!(out, "and {left_out} more")?;
    }
    Ok(())
}

pub(super) async fn tail(places: &Places, after: Option<i64>) -> Result<Ending> {
    let log = read_log(places).await?;
    let after = match after.map(Position) {
        None => log.head().await?.position,
        Some(after) => {
            log.within(after).await?.map_err(|elsewhere| Misuse(elsewhere.to_string()))?;
            after
        }
    };
    let mut zones = Zones::load(&log, after).await?;
    let mut events = Box::pin(log.follow(after));
    let mut stop = Box::pin(stop_signal());
    loop {
        tokio::select! {
            () = &mut stop => return Ok(Ending::Done),
            event = events.next() => match event {
                Some(event) => writeln!(terminal::out(), "{}", zones.line(&event?)?)?,
                None => return Ok(Ending::Done),
            }
        }
    }
}

pub(super) async fn export(places: &Places, contracts: Vec<String>) -> Result<Ending> {
    let log = read_log(places).await?;
    let scope =
        if contracts.is_empty() { Scope::Deployment } else { Scope::Contracts(contracts.into_iter().collect()) };
    if let Scope::Contracts(codes) = &scope {
        for code in codes {
            if log.streams(std::iter::once((StreamId::contract(code), 0))).await?.is_empty() {
                return Err(
                    Misuse(format!("contract {code:?} was never opened in this database: check the code")).into()
                );
            }
        }
    }
    let mut out = BufWriter::new(terminal::out());
    let written = exported::ndjson(&log, &scope, &mut out).await?;
    out.flush()?;
    tracing::info!(events = written, "exported");
    Ok(Ending::Done)
}

pub(super) async fn restore(places: &Places, path: &Path) -> Result<Ending> {
    let file = opened(path)?;
    let store = Arc::new(Store::open(places.database(), Mode::Write).await?);
    let log = Log::open(Arc::clone(&store)).await?;
    let restored =
        as_recorded(&log, &Clock::Machine, &Chance::System, &importer().actor(), BufReader::new(file)).await?;
    let views = Views::open(log, crate::queries::statements)
        .await
        .context("the events are in the log, but the view cannot be built")?;
    let digest = views.live().digest().await?;
    let (position, mut out) = (restored.position, terminal::out());
    writeln!(out, "restored {position} events as recorded; view at {position}, digest {digest}")?;
    if restored.is_part {
        writeln!(out, "the file holds part of a log: its events have new positions here, and therefore new hashes")?;
    } else if !restored.is_salted {
        writeln!(
            out,
            "the file has no salts: its events have different hashes here than in the log that they were exported from"
        )?;
    }
    drop(out);
    views.live().close().await;
    store.close().await;
    Ok(Ending::Done)
}

/// The store for an import, or for a dry run of one.
pub(super) enum Importing {
    Live(Deployment),
    DryRun(Recorder),
}

impl Importing {
    pub(super) async fn open(places: &Places, is_dry_run: bool) -> Result<Self> {
        if !is_dry_run {
            Store::must_exist(places.database())?;
            return Ok(Self::Live(open(places).await?));
        }
        let log = read_log(places).await?;
        let clock = Arc::new(Clock::Machine);
        // It says who was erased. Nothing is sealed, so no key is read.
        let keys = KeyStore::open(log.store(), &places.key_places(), KeysOf::KnownLog, Arc::clone(&clock)).await;
        let recorder = Recorder::dry_run(log.clone(), clock, Arc::new(Chance::System)).await?.sealing_with(keys);
        // A log without a view as new as itself has none to ask: then the dry run does not know of taken logins.
        let head = log.head().await?.position;
        let views = Views::open_to_read(log).await.ok().filter(|views| *views.live().position().borrow() == head);
        Ok(Self::DryRun(match views {
            Some(views) => recorder.asking(views),
            None => recorder,
        }))
    }

    pub(super) fn import<'a>(&'a self, principal: &'a Principal, contract: &'a str) -> Import<'a> {
        let recorder = match self {
            Self::Live(deployment) => &deployment.recorder,
            Self::DryRun(recorder) => recorder,
        };
        Import { recorder, principal, contract }
    }

    /// The position or id of an event to show, or null in a dry run, where they are made up.
    pub(super) fn shown(&self, mark: &impl ToString) -> Value {
        match self {
            Self::Live(_) => Value::String(mark.to_string()),
            Self::DryRun(_) => Value::Null,
        }
    }

    /// The positions and the ids of events to show, each in one cell.
    pub(super) fn marks(&self, marks: &[Mark]) -> [Value; 2] {
        let listed = |each: Vec<String>| if each.is_empty() { Value::Null } else { self.shown(&each.join(" ")) };
        [
            listed(marks.iter().map(|(position, _)| position.to_string()).collect()),
            listed(marks.iter().map(|(_, event)| event.to_string()).collect()),
        ]
    }

    /// The first words of the summary.
    pub(super) const fn prefix(&self) -> &'static str {
        match self {
            Self::Live(_) => "",
            Self::DryRun(_) => "dry run, nothing is recorded: ",
        }
    }

    /// Waits until the live view shows the recorded events, then closes the store.
    pub(super) async fn close(self, newest: Position) {
        match self {
            Self::Live(deployment) => {
                if !deployment.views.passed(newest, PATIENCE).await {
                    message("recorded, but the live view has not caught up yet: it catches up at the next start");
                }
                deployment.close().await;
            }
            Self::DryRun(recorder) => recorder.log().store().close().await,
        }
    }
}

/// The options that all imports share.
pub(super) struct ImportOptions {
    pub(super) contract: String,
    pub(super) is_dry_run: bool,
    pub(super) results: Option<PathBuf>,
}

pub(super) async fn import_ndjson(places: &Places, path: PathBuf, options: ImportOptions) -> Result<Ending> {
    let file = opened(&path)?;
    let heads = &["line", "id", "outcome", "position", "code", "path", "message"];
    let importing = Importing::open(places, options.is_dry_run).await?;
    let mut results = Results::begin(options.results, &[path], heads)?;
    let principal = importer();
    let import = importing.import(&principal, &options.contract);
    let report = |row: &Row| line_cells(row, &importing).into_iter().for_each(|cells| results.row(cells));
    let summary = import.ndjson(BufReader::new(file), report).await?;
    let (results, prefix) = (results.end()?, importing.prefix());
    importing.close(summary.position).await;
    writeln!(
        terminal::out(),
        "{prefix}{} recorded, {} already recorded, {} refused, {} unreadable; results of each row in {}",
        summary.recorded,
        summary.replayed,
        summary.refused,
        summary.unreadable,
        results.display()
    )?;
    Ok(ending(summary.refused + summary.unreadable))
}

pub(super) async fn import_ssda903(
    places: &Places,
    paths: Vec<PathBuf>,
    area: Option<String>,
    options: ImportOptions,
) -> Result<Ending> {
    let mut returns = Vec::with_capacity(paths.len());
    for path in &paths {
        match Return::read(BufReader::new(opened(path)?)) {
            Ok(read) => returns.push(read),
            Err(Unfit::File { source, .. }) => {
                return Err(BadFile { doing: "read", path: path.clone(), source }.into());
            }
            Err(unfit) => return Err(Misuse(format!("{}: {unfit}", path.display())).into()),
        }
    }
    for (path, read) in paths.iter().zip(&returns).filter(|(_, read)| !read.left_out().is_empty()) {
        message(format_args!("{}: these columns are not imported: {}", path.display(), read.left_out().join(", ")));
    }
    for (path, read) in paths.iter().zip(&returns).filter(|(_, read)| !read.absent().is_empty()) {
        let absent = read.absent().join(", ");
        message(format_args!(
            "{}: columns that the file does not have: {absent}. Their recorded values do not change",
            path.display()
        ));
    }
    let heads = &["file", "line", "child", "decom", "outcome", "positions", "events", "code", "column", "message"];
    let importing = Importing::open(places, options.is_dry_run).await?;
    let principal = importer();
    let import = importing.import(&principal, &options.contract);
    let area = import.area(area.as_deref()).await?;
    let mut results = Results::begin(options.results, &paths, heads)?;
    let report = |at: usize, result: &RowResult| results.row(episode_cells(&paths[at], result, &importing));
    let summary = import.ssda903(&returns, &area, report).await?;
    let (results, prefix) = (results.end()?, importing.prefix());
    importing.close(summary.position).await;
    writeln!(
        terminal::out(),
        "{prefix}{} recorded, {} corrected, {} already recorded, {} refused, {} unreadable; {} new cases; {} recorded \
            before but missing now; results of each row in {}",
        summary.recorded,
        summary.corrected,
        summary.there,
        summary.refused,
        summary.unreadable,
        summary.journeys,
        summary.missing,
        results.display()
    )?;
    Ok(ending(summary.refused + summary.unreadable))
}

/// The end of an import or a check with so many bad rows.
pub(super) const fn ending(bad_rows: u64) -> Ending {
    if bad_rows == 0 { Ending::Done } else { Ending::CheckFailed }
}

pub(super) fn opened(path: &Path) -> Result<File> {
    let opened = File::open(path);
    Ok(opened.map_err(|source| BadFile { doing: "read", path: path.to_owned(), source })?)
}

/// The result of a line: one row of cells for each problem or warning.
fn line_cells(row: &Row, importing: &Importing) -> Vec<[Value; 7]> {
    let id = row.id.map(|id| id.to_string());
    let cells = |outcome: &str, position: Value, code: Option<&str>, path: Option<&str>, message: Option<&str>| {
        [json!(row.line), json!(id), json!(outcome), position, json!(code), json!(path), json!(message)]
    };
    match &row.outcome {
        Outcome::Recorded(position) => vec![cells("recorded", importing.shown(position), None, None, None)],
        Outcome::Replayed(position) => vec![cells("replayed", importing.shown(position), None, None, None)],
        Outcome::Refused(problems) => {
            let problem = |problem: &Problem| {
                cells("refused", Value::Null, Some(problem.code), problem.path.as_deref(), Some(&problem.message))
            };
            problems.iter().map(problem).collect()
        }
        Outcome::Unreadable(error) => {
            vec![cells("unreadable", Value::Null, None, error.key.as_deref(), Some(&error.message))]
        }
    }
}

/// The result of a row of a return: one row of cells.
fn episode_cells(file: &Path, result: &RowResult, importing: &Importing) -> [Value; 10] {
    use ssda903::Outcome;
    let none: &[Mark] = &[];
    let (outcome, marks) = match &result.outcome {
        Outcome::Recorded(marks) => ("recorded", marks.as_slice()),
        Outcome::Corrected(marks) => ("corrected", marks.as_slice()),
        Outcome::There(marks) => ("already there", marks.as_slice()),
        Outcome::Refused(_) => ("refused", none),
        Outcome::Unreadable(_) => ("unreadable", none),
        Outcome::Missing => ("missing", none),
    };
    let (code, column, message) = match &result.outcome {
        Outcome::Refused(problems) => in_one_row(problems),
        Outcome::Unreadable(error) => (None, error.key.clone(), Some(error.message.clone())),
        Outcome::Missing => (
            None,
            None,
            Some("recorded before, but not in any readable row of this file: the record does not change".to_owned()),
        ),
        Outcome::Recorded(_) | Outcome::Corrected(_) | Outcome::There(_) => (None, None, None),
    };
    let [positions, events] = importing.marks(marks);
    [
        json!(file.display().to_string()),
        json!(result.line),
        json!(result.child),
        json!(result.began_on),
        json!(outcome),
        positions,
        events,
        json!(code),
        json!(column),
        json!(remark(message, result.note.as_deref())),
    ]
}
