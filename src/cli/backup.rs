//! Backup of the log while servers write to it, and restore of a backup into an empty database.
//!
//! A backup is one `SQLite` file, whichever store holds the log. It contains no view, because views are built from the
//! log, and no signing key. The file gets its final name only after it is complete, verified and flushed to disk. Every
//! file with that name can be restored.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::files::{is_damage, print_findings, read_log, verified, verified_at};
use super::terminal::{self, message};
use super::{BadFile, Ending, Misuse, Places};
use crate::clock::Clock;
use crate::evidence::copy_registry;
use crate::keys::{KeyStore, KeysOf};
use crate::log::Log;
use crate::log::copy::{Copied, Mark};
use crate::log::verify::FINDINGS_KEPT;
use crate::store::{Mode, Store, sibling};
use crate::views::Views;

/// The files that `SQLite` and the backup keep beside a file while it is being written.
const BESIDE: [&str; 5] = ["", "-wal", "-shm", "-journal", "-lock"];

/// A file under its working name. Dropping the value deletes the file.
pub(super) struct Part {
    path: PathBuf,
}

impl Part {
    pub(super) fn of(path: &Path) -> Self {
        let part = Self { path: sibling(path, ".part") };
        // A backup that was killed may have left files behind.
        part.clear();
        part
    }

    fn clear(&self) {
        for ending in BESIDE {
            // A file that does not exist needs no deletion.
            let _ = std::fs::remove_file(sibling(&self.path, ending));
        }
    }

    /// The working name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its final name. Call it once all of the file is on disk.
    pub(super) fn becomes(self, path: &Path) -> std::io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        // A hard link never replaces an existing file, even one created since the check.
        std::fs::hard_link(&self.path, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Copies the current log to a file and verifies the copy.
pub(super) async fn backup(places: &Places, to: &Path) -> Result<Ending> {
    if to.exists() {
        return Err(Misuse(format!("{} already exists: give another name, or move the file away", to.display())).into());
    }
    let part = Part::of(to);
    let (log, copied) = match copied_from(places, &part.path).await {
        Err(error) if is_damage(&error) => {
            print_findings(&verified_at(places, FINDINGS_KEPT).await?)?;
            message("the log is DAMAGED and cannot be copied completely: keep earlier backups");
            return Ok(Ending::CheckFailed);
        }
        copied => copied?,
    };
    let written = Arc::new(Store::open_file(&part.path)?);
    let found = verified(&Log::open(Arc::clone(&written)).await?).await?;
    written.close().await;
    log.store().close().await;
    print_findings(&found)?;
    if found.position != copied.position {
        bail!(
            "the copy ends at position {}, not {}: the copy was deleted, run the backup again",
            found.position,
            copied.position
        );
    }
    part.becomes(to).map_err(|source| BadFile { doing: "write", path: to.to_owned(), source })?;
    let Copied { position, digest } = copied;
    let verdict = if found.is_sound() { "sound" } else { "DAMAGED: see above, and keep earlier backups" };
    writeln!(
        terminal::out(),
        "{} events up to position {position} in {}, digest {digest}: {verdict}",
        found.events,
        to.display()
    )?;
    Ok(if found.is_sound() { Ending::Done } else { Ending::CheckFailed })
}

async fn copied_from(places: &Places, to: &Path) -> Result<(Log, Copied)> {
    let log = read_log(places).await?;
    let copied = copied(&log, to).await?;
    Ok((log, copied))
}

async fn copied(log: &Log, to: &Path) -> Result<Copied> {
    let store = Arc::new(Store::make_file(to).await.map_err(|error| unwritable(error, to))?);
    let copy = Log::open(Arc::clone(&store)).await?;
    let copied = copy.copy_from(log).await?;
    copy_registry(log.store(), &store).await?;
    copy.mark(&copied).await?;
    store.into_one_file().await?;
    Ok(copied)
}

fn unwritable(error: crate::store::StoreError, to: &Path) -> anyhow::Error {
    match error {
        crate::store::StoreError::Claim { source, .. } => {
            BadFile { doing: "write", path: to.to_owned(), source }.into()
        }
        error => error.into(),
    }
}

/// Restores the log of a backup into an empty database, verifies it there and builds its view.
pub(super) async fn restore(places: &Places, from: &Path) -> Result<Ending> {
    let no_log = || Misuse(format!("{} holds no log: give a file that `throughline backup` wrote", from.display()));
    File::open(from).map_err(|source| BadFile { doing: "read", path: from.to_owned(), source })?;
    let backup = Arc::new(Store::open_file(from)?);
    let kept = Log::open(Arc::clone(&backup)).await.map_err(|error| {
        tracing::debug!(error = ?error, "no log");
        no_log()
    })?;
    let Mark::Of(marked) = kept.marked().await? else {
        let message = format!(
            "{} was not written by `throughline backup`: a copy of a database file may lack the newest events. Take a \
                backup with `throughline backup` while the server runs, or with THROUGHLINE_DATABASE set to this file",
            from.display()
        );
        return Err(Misuse(message).into());
    };
    let found = verified(&kept).await?;
    let held = kept.digest().await?;
    if found.is_sound() && (found.position, &held) != (marked.position, &marked) {
        let Copied { position, digest } = marked;
        message(format_args!(
            "{} was written as a backup of events up to position {position}, digest {digest}, but holds different \
                events, up to position {}: nothing was restored; use an earlier backup",
            from.display(),
            found.position
        ));
        return Ok(Ending::CheckFailed);
    }
    if !found.is_sound() {
        print_findings(&found)?;
        message(format_args!("{} is DAMAGED: nothing was restored; use an earlier backup", from.display()));
        return Ok(Ending::CheckFailed);
    }
    let store = Arc::new(Store::open(places.database(), Mode::Write).await?);
    let log = Log::open(Arc::clone(&store)).await?;
    if let Some((number, position, _)) = Views::ahead(&log).await? {
        let view = Views::called(&log, number);
        let message = format!(
            "{view} is the view of another log, up to position {position}: restore to another place, or move this view \
                away"
        );
        return Err(Misuse(message).into());
    }
    let copied = log.copy_from(&kept).await?;
    if log.digest().await? != copied || !verified(&log).await?.is_sound() {
        bail!("the restored log differs from the backup: do not use it, and run `throughline log verify`");
    }
    copy_registry(&backup, &store).await?;
    // The keys are not in the backup, and only the key store knows who was erased since.
    let keys = KeyStore::open(&store, &places.key_places(), KeysOf::KnownLog, Arc::new(Clock::Machine)).await;
    if let Some(away) = keys.why_away() {
        message(format_args!(
            "the key store is away, so nobody's name or note is shown, and it is not known who was erased since the \
                backup: {away}"
        ));
    }
    keys.close().await;
    let views = Views::open(log, crate::queries::statements)
        .await
        .context("the log was restored, but its view cannot be built")?;
    let (at, view) = views.position_and_digest().await?;
    views.close().await;
    store.close().await;
    backup.close().await;
    let Copied { position, digest } = copied;
    writeln!(
        terminal::out(),
        "restored {} events up to position {position}, digest {digest}; view at {at}, digest {view}",
        found.events
    )?;
    Ok(Ending::Done)
}
