//! Files in and out, and the log looked at from outside.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_stream::StreamExt as _;

use super::commands::{COMMAND_LINE, complain, open, told_to_stop};
use super::table::csv_row;
use super::{BadFile, Ending, Places};
use crate::access::{Principal, Role, Scope};
use crate::clock::Chance;
use crate::export::ndjson::{self as exported, Zones};
use crate::import::as_recorded::as_recorded;
use crate::import::ndjson::Import;
use crate::import::{Outcome, Row};
use crate::journey::event::Event;
use crate::log::Log;
use crate::log::envelope::Position;
use crate::store::{Mode, Store};
use crate::views::Views;

/// How long an import waits at its end for the live view.
const PATIENCE: Duration = Duration::from_mins(10);

/// Who imports, in the log and before the policy.
fn importer() -> Principal {
    Principal { subject: COMMAND_LINE.to_owned(), role: Role::Integrator, scope: Scope::Deployment }
}

async fn read_log(places: &Places) -> Result<Log> {
    let store = Store::open(places.database(), Mode::Read).await?;
    Ok(Log::open(Arc::new(store)).await?)
}

pub(super) async fn verify(places: &Places) -> Result<Ending> {
    let log = read_log(places).await?;
    let readable = |envelope: &crate::log::envelope::Envelope| {
        Event::decode(&envelope.event_type, envelope.schema_version, envelope.payload.get())
            .map(drop)
            .map_err(Into::into)
    };
    let verified = log.verify(readable).await?;
    let mut out = std::io::stdout().lock();
    for finding in &verified.findings {
        writeln!(out, "{finding}")?;
    }
    let left_out = verified.found - verified.findings.len() as u64;
    if left_out > 0 {
        writeln!(out, "and {left_out} more")?;
    }
    let verdict = if verified.is_sound() { "sound" } else { "NOT as it was written" };
    writeln!(out, "{} events up to position {}: {verdict}", verified.events, verified.position)?;
    Ok(if verified.is_sound() { Ending::Done } else { Ending::CheckFailed })
}

pub(super) async fn tail(places: &Places, after: Option<i64>) -> Result<Ending> {
    let log = read_log(places).await?;
    let after = match after {
        Some(after) => Position(after),
        None => log.head().await?.position,
    };
    let mut zones = Zones::load(&log, after).await?;
    let mut events = Box::pin(log.follow(after));
    let mut stop = Box::pin(told_to_stop());
    loop {
        tokio::select! {
            () = &mut stop => return Ok(Ending::Done),
            event = events.next() => match event {
                Some(event) => writeln!(std::io::stdout().lock(), "{}", zones.line(&event?)?)?,
                None => return Ok(Ending::Done),
            }
        }
    }
}

pub(super) async fn export(places: &Places, contracts: Vec<String>) -> Result<Ending> {
    let log = read_log(places).await?;
    let scope =
        if contracts.is_empty() { Scope::Deployment } else { Scope::Contracts(contracts.into_iter().collect()) };
    let mut out = BufWriter::new(std::io::stdout());
    let written = exported::ndjson(&log, &scope, &mut out).await?;
    out.flush()?;
    tracing::info!(events = written, "exported");
    Ok(Ending::Done)
}

pub(super) async fn restore(places: &Places, path: &Path) -> Result<Ending> {
    let file = opened(path)?;
    let store = Arc::new(Store::open(places.database(), Mode::Write).await?);
    let log = Log::open(Arc::clone(&store)).await?;
    let position = as_recorded(&log, &Chance::System, &importer().actor(), BufReader::new(file)).await?;
    let views = Views::open(log).await.context("the events are in the log, but the view cannot be built")?;
    let digest = views.live().digest().await?;
    writeln!(std::io::stdout().lock(), "restored {position} events as recorded; view at {position}, digest {digest}")?;
    views.live().close().await;
    store.close().await;
    Ok(Ending::Done)
}

pub(super) async fn import(places: &Places, path: &Path, contract: &str, results: Option<PathBuf>) -> Result<Ending> {
    let file = opened(path)?;
    let results = results.unwrap_or_else(|| crate::store::sibling(path, ".results.csv"));
    let written = File::create(&results);
    let written = written.map_err(|source| BadFile { doing: "write", path: results.clone(), source })?;
    let mut written = BufWriter::new(written);
    let heads = ["line", "id", "outcome", "position", "code", "path", "message"].map(str::to_owned);
    csv_row(&mut written, heads.iter())?;
    let deployment = open(places).await?;
    let principal = importer();
    let import = Import { log: &deployment.log, recorder: &deployment.recorder, principal: &principal, contract };
    let mut unwritten = Ok(());
    let summary = import.ndjson(BufReader::new(file), |row| {
        if unwritten.is_ok() {
            unwritten = cells(row).iter().try_for_each(|cells| csv_row(&mut written, cells.iter()));
        }
    });
    let summary = summary.await?;
    unwritten.and_then(|()| written.flush()).with_context(|| format!("cannot write {}", results.display()))?;
    if !deployment.views.passed(summary.position, PATIENCE).await {
        complain("recorded, but the live view has not caught up yet: it will at the next start");
    }
    deployment.close().await;
    writeln!(
        std::io::stdout().lock(),
        "{} recorded, {} there before, {} refused, {} unreadable; each row in {}",
        summary.recorded,
        summary.replayed,
        summary.refused,
        summary.unreadable,
        results.display()
    )?;
    let whole = summary.refused + summary.unreadable == 0;
    Ok(if whole { Ending::Done } else { Ending::CheckFailed })
}

fn opened(path: &Path) -> Result<File> {
    let opened = File::open(path);
    Ok(opened.map_err(|source| BadFile { doing: "read", path: path.to_owned(), source })?)
}

/// What became of a row: one line of cells for each thing to say of it.
fn cells(row: &Row) -> Vec<[String; 7]> {
    let id = row.id.map(|id| id.to_string()).unwrap_or_default();
    let line = |outcome: &str, position: String, code: &str, path: &str, message: &str| {
        let [outcome, code, path, message] = [outcome, code, path, message].map(str::to_owned);
        [row.line.to_string(), id.clone(), outcome, position, code, path, message]
    };
    match &row.outcome {
        Outcome::Recorded(position) => vec![line("recorded", position.to_string(), "", "", "")],
        Outcome::Replayed(position) => vec![line("replayed", position.to_string(), "", "", "")],
        Outcome::Refused(problems) => {
            let path = |path: &Option<String>| path.clone().unwrap_or_default();
            let told = problems.iter();
            told.map(|told| line("refused", String::new(), told.code, &path(&told.path), &told.message)).collect()
        }
        Outcome::Unreadable(error) => {
            vec![line("unreadable", String::new(), "", error.key.as_deref().unwrap_or_default(), &error.message)]
        }
    }
}
