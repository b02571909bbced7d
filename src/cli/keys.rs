//! The commands on the key store: create one for a log that has never had one, rotate what wraps its keys, back it up
//! and restore it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;

use super::backup::Part;
use super::files::read_log;
use super::terminal::{self, message};
use super::{BadFile, Ending, Misuse, Places};
use crate::clock::Clock;
use crate::erasure::erased_in;
use crate::keys::{KEPT_FOR, KeyError, KeyStore, KeysOf, prune};
use crate::store::{Mode, Store};
use throughline_domain::fact::envelope::Position;

/// The commands on the key store.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Creates the key store of a log that has never had one. A new log gets its key store by itself. Refused if the log
    /// has names or notes that were sealed: then its key store is lost or elsewhere.
    #[command(after_help = "Example: throughline key create")]
    Create {
        /// Create one although the log has names or notes that were sealed with other keys. They stay sealed for good.
        #[arg(long)]
        anew: bool,
    },
    /// Makes a new key-encryption key and wraps every key with it, also while servers run. Nothing is sealed again. It can
    /// be interrupted at any moment and run again. If the environment holds the key-encryption key, set it to NEW,OLD and
    /// restart the servers first.
    #[command(after_help = "Example: throughline key rotate")]
    Rotate,
    /// Copies the keys, wrapped as they are, the list of erased people and the access log to a file, also while servers
    /// run. It never copies the key-encryption key: without it nobody opens anything with the file. Keep such files
    /// apart from backups of the log, for 35 days at most.
    #[command(after_help = "Example: throughline key backup keys/2018-03-01.keys-backup --prune")]
    Backup {
        /// The file to write. It must not exist yet.
        file: PathBuf,
        /// Then delete the backups of keys in the same folder, with the same ending, that are older than 35 days.
        #[arg(long)]
        prune: bool,
    },
    /// Brings the keys and the access log of a backup back into the key store. What is there stays. The keys
    /// of people who were erased since stay destroyed: the log, the key store and the backup say who they are. Restore
    /// the log first, and stop the servers.
    #[command(after_help = "Example: throughline key restore keys/2018-03-01.keys-backup")]
    Restore {
        /// The file that `key backup` wrote.
        file: PathBuf,
    },
}

pub(super) async fn run(places: &Places, command: KeyCommand) -> Result<Ending> {
    match command {
        KeyCommand::Create { anew: false } => create(places, IfSealed::Refuse).await,
        KeyCommand::Create { anew: true } => create(places, IfSealed::StaySealed).await,
        KeyCommand::Rotate => rotate(places).await,
        KeyCommand::Backup { file, prune } => {
            back_up(places, &file).await?;
            if prune { prune_beside(&file).await } else { Ok(Ending::Done) }
        }
        KeyCommand::Restore { file } => restore(places, &file).await,
    }
}

/// Opens the key store of the database, beside servers that run.
pub(super) async fn opened(places: &Places, of: KeysOf) -> Result<(Store, KeyStore)> {
    let store = Store::open(places.database(), Mode::Read).await?;
    let keys = KeyStore::open(&store, &places.key_places(), of, Arc::new(Clock::Machine)).await;
    Ok((store, keys))
}

/// What becomes of texts that were sealed with the keys of a store that is lost.
#[derive(PartialEq, Eq)]
enum IfSealed {
    /// No new key store is created beside them.
    Refuse,
    /// They stay sealed.
    StaySealed,
}

async fn create(places: &Places, if_sealed: IfSealed) -> Result<Ending> {
    let (store, keys) = opened(places, KeysOf::KnownLog).await?;
    if keys.why_away().is_none() {
        message("there is a key store already: nothing was done");
        return closed(&store, &keys, Ending::Done).await;
    }
    keys.close().await;
    if if_sealed == IfSealed::Refuse && has_sealed_texts(places).await? {
        let refusal = "the log has names or notes that were sealed with keys: put its key store back, or name its place \
            with --keys. If it is lost for good, create a new one with --anew: those names and notes stay sealed";
        return Err(Misuse(refusal.to_owned()).into());
    }
    let (made_for, keys) = opened(places, KeysOf::NewLog).await?;
    store.close().await;
    if let Some(away) = keys.why_away() {
        return Err(Misuse(away.to_string()).into());
    }
    writeln!(terminal::out(), "created the key store: restart the servers, and back up the key-encryption key apart")?;
    closed(&made_for, &keys, Ending::Done).await
}

/// Whether the log has a text about a person that was sealed.
async fn has_sealed_texts(places: &Places) -> Result<bool> {
    let log = read_log(places).await?;
    let (mut after, upto) = (Position::default(), log.head().await?.position);
    let mut found = false;
    while !found && after < upto {
        let page = log.page(after, upto).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        found = page.iter().any(|event| event.payload.get().contains("\"commitment\":\""));
    }
    log.store().close().await;
    Ok(found)
}

async fn rotate(places: &Places) -> Result<Ending> {
    let (store, keys) = opened(places, KeysOf::KnownLog).await?;
    if let Some(away) = keys.why_away() {
        return Err(Misuse(away.to_string()).into());
    }
    let rotated = keys.rotate().await?;
    writeln!(
        terminal::out(),
        "wrapped {} keys again; the key-encryption key is now {}: back it up apart, and destroy backups of the earlier one \
         once no backup of the key store needs it",
        rotated.keys,
        rotated.to
    )?;
    if rotated.left > 0 {
        message(format_args!(
            "{} keys are wrapped by a key-encryption key that is not given, and were left as they are: the log names them; \
             if you have that key-encryption key, add it as a further line or after a comma, and rotate again",
            rotated.left
        ));
    }
    closed(&store, &keys, Ending::Done).await
}

async fn back_up(places: &Places, to: &Path) -> Result<()> {
    if to.exists() {
        return Err(Misuse(format!("{} already exists: give another name, or move the file away", to.display())).into());
    }
    let (store, keys) = opened(places, KeysOf::KnownLog).await?;
    if let Some(away) = keys.why_away() {
        return Err(Misuse(away.to_string()).into());
    }
    let part = Part::of(to);
    let copied = keys.back_up(part.path()).await;
    closed(&store, &keys, Ending::Done).await?;
    let copied = copied?;
    part.becomes(to).map_err(|source| BadFile { doing: "write", path: to.to_owned(), source })?;
    writeln!(
        terminal::out(),
        "{} keys, wrapped, {} erased people and {} entries of the access log in {}: keep it for {} days at most, apart from \
         the key-encryption key",
        copied.keys,
        copied.erased,
        copied.openings,
        to.display(),
        KEPT_FOR.num_days()
    )?;
    Ok(())
}

async fn prune_beside(file: &Path) -> Result<Ending> {
    let pruned = prune(file, Clock::Machine.now()).await;
    let failed = |source| BadFile { doing: "delete old backups beside", path: file.to_owned(), source };
    for path in pruned.map_err(failed)? {
        writeln!(terminal::out(), "deleted {}, older than {} days", path.display(), KEPT_FOR.num_days())?;
    }
    Ok(Ending::Done)
}

async fn restore(places: &Places, from: &Path) -> Result<Ending> {
    std::fs::File::open(from).map_err(|source| BadFile { doing: "read", path: from.to_owned(), source })?;
    let log = read_log(places).await?;
    let known = erased_in(&log).await?;
    let restored = KeyStore::restore(log.store(), &places.key_places(), (from, &known), Arc::new(Clock::Machine)).await;
    log.store().close().await;
    let restored = match restored {
        Err(error @ (KeyError::NoBackup(_) | KeyError::Away(_))) => return Err(Misuse(error.to_string()).into()),
        restored => restored?,
    };
    writeln!(
        terminal::out(),
        "brought {} keys and {} entries of the access log back; {} people were erased and stay erased: restart the servers",
        restored.keys,
        restored.openings,
        restored.erased
    )?;
    Ok(Ending::Done)
}

async fn closed(store: &Store, keys: &KeyStore, ending: Ending) -> Result<Ending> {
    keys.close().await;
    store.close().await;
    Ok(ending)
}
