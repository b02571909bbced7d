//! Views on the command line: rebuilding them, and parked streams that could not be folded.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tokio::sync::watch;

use super::commands::{record, stop_signal};
use super::rulebook::{NamedRulebook, read};
use super::terminal::{self, ProgressLine, message};
use super::{Ending, Places};
use crate::clock::{Chance, Clock};
use crate::log::Log;
use crate::record::Recorder;
use crate::store::{Mode, SoleBuilder, Store};
use crate::views::rebuild::{Options, Phase, Progress};
use crate::views::{ViewError, Views};
use throughline_domain::command::contracts::PublishRulebook;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::Position;

/// The number of parked streams to read at once.
const PARKED: i64 = 1_000;

/// Opens the live view, to replace or repair it.
pub(super) async fn open(places: &Places) -> Result<Views> {
    Store::must_exist(places.database())?;
    let store = Arc::new(Store::open(places.database(), Mode::Write).await?);
    Ok(Views::open(Log::open(store).await?, crate::queries::statements).await?)
}

pub(super) async fn close(views: Views) {
    views.close().await;
    views.log().store().close().await;
}

/// Rebuilds the view, with a further rulebook if one is given. Prints position and digest, old and new.
pub(super) async fn rebuild(places: &Places, rulebook: Option<&Path>, workers: Option<u16>) -> Result<Ending> {
    let rulebook = match rulebook {
        Some(path) => match NamedRulebook::of(&path.display().to_string(), read(path)?) {
            Ok(rulebook) => Some(rulebook),
            Err(wrong) => return Ok(wrong),
        },
        None => None,
    };
    let views = open(places).await?;
    // Take the right to build before publishing, so that a server which sees the new rulebook does not build too.
    let right = views.right_to_build().await?;
    let is_published = rulebook.is_some();
    if let Some(rulebook) = rulebook {
        let contract = rulebook.rulebook.contract.clone();
        let published = publish(&views, &contract, rulebook).await?;
        if published != Ending::Done {
            right.release().await;
            close(views).await;
            return Ok(published);
        }
    }
    // A view built when this command started is new, unless a rulebook was published since.
    let old = if views.is_fresh() && !is_published { None } else { Some(position_and_digest(&views).await) };
    if old.is_some() {
        let workers = workers.map_or(Options::default().workers, usize::from);
        build(&views, right, Options { workers, ..Options::default() }).await?;
    }
    let new = position_and_digest(&views).await?;
    let mut out = terminal::out();
    let old = match &old {
        None => "no view that this build can read".to_owned(),
        Some(Ok(old)) => old.clone(),
        // An unreadable old view does not prevent a new one.
        Some(Err(error)) => format!("cannot be read: {error:#}"),
    };
    writeln!(out, "old  {old}")?;
    writeln!(out, "new  {new}")?;
    drop(out);
    close(views).await;
    Ok(Ending::Done)
}

async fn position_and_digest(views: &Views) -> Result<String> {
    let (position, digest) = views.position_and_digest().await?;
    Ok(format!("position {position}  digest {digest}"))
}

/// Builds a view and switches to it, unless a signal to stop arrives.
pub(super) async fn build(views: &Views, right: SoleBuilder, options: Options) -> Result<(), ViewError> {
    views.start_rebuild(right, options);
    let shown = tokio::spawn(show_progress(views.progress()));
    let ended = tokio::select! {
        ended = views.rebuild_ended() => ended,
        () = stop_signal() => {
            // An error means that the rebuild has just ended, which is fine too.
            let _ = views.cancel_rebuild().await;
            Err(ViewError::Cancelled)
        }
    };
    shown.abort();
    ended
}

/// Shows the progress of a rebuild on a terminal.
pub(super) async fn show_progress(mut progress: watch::Receiver<Option<Progress>>) {
    let Some(mut line) = ProgressLine::on_terminal() else { return };
    while progress.changed().await.is_ok() {
        let Some(progress) = *progress.borrow_and_update() else { continue };
        let doing = match progress.phase {
            Phase::Preparing => "preparing",
            Phase::Folding => "folding",
            Phase::Indexing => "indexing",
            Phase::Verifying => "verifying",
            Phase::CatchingUp => "catching up",
            Phase::Switching => "switching",
            Phase::Done | Phase::Cancelled | Phase::Failed => {
                line.clear();
                continue;
            }
        };
        let Progress { events, of, rate, eta, .. } = progress;
        let eta = eta.map(|eta| format!(", {} s to go", eta.as_secs())).unwrap_or_default();
        line.show(format_args!("{doing}: {events} of {of} events, {rate:.0} a second{eta}"));
    }
}

/// Publishes a further rulebook. The live view does not follow, because it is about to be replaced.
pub(super) async fn publish(views: &Views, contract: &str, rulebook: NamedRulebook) -> Result<Ending> {
    let NamedRulebook { name, text, rulebook } = rulebook;
    let clock = Arc::new(Clock::Machine);
    let (recorder, appending) =
        Recorder::start(views.log().clone(), views.clone(), Arc::clone(&clock), Arc::new(Chance::System)).await?;
    let done = format!("published {name}, version {}, for {contract}", rulebook.version);
    let contract = contract.to_owned();
    let command = Command::PublishRulebook(PublishRulebook { contract, when: When::TODAY, rulebook: text });
    let ending = record(&recorder, &clock, command, &done).await;
    drop(recorder);
    appending.await?;
    ending
}

/// Prints the parked streams. Fails the check if there are any.
pub(super) async fn list_parked(places: &Places) -> Result<Ending> {
    let views = super::board::open_to_read(places).await?;
    let parked = print_parked(&views).await?;
    Ok(if parked == 0 { Ending::Done } else { Ending::CheckFailed })
}

/// Tries the parked streams again and prints those that are still parked.
pub(super) async fn retry_parked(places: &Places) -> Result<Ending> {
    let views = open(places).await?;
    views.retry_parked(None).await?;
    let parked = print_parked(&views).await?;
    close(views).await;
    Ok(if parked == 0 { Ending::Done } else { Ending::CheckFailed })
}

async fn print_parked(views: &Views) -> Result<usize> {
    let (live, mut after, mut count) = (views.live(), Position::default(), 0);
    loop {
        let parked = live.parked(after, PARKED).await?;
        let mut out = terminal::out();
        for parked in &parked {
            writeln!(
                out,
                "{}  as of version {}  position {}  {}",
                parked.stream, parked.version, parked.position, parked.error
            )?;
        }
        count += parked.len();
        match parked.last() {
            Some(last) => after = last.position,
            None => break,
        }
    }
    if count == 0 {
        message("no streams are parked");
    }
    Ok(count)
}
