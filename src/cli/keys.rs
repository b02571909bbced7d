//! The commands on the key store: create one for a log that has never had one, and rotate what wraps its keys.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;

use super::files::read_log;
use super::terminal::{self, message};
use super::{Ending, KeyCommand, Misuse, Places};
use crate::clock::Clock;
use crate::keys::{KeyStore, KeysOf};
use crate::store::{Mode, Store};
use throughline_domain::fact::envelope::Position;

pub(super) async fn run(places: &Places, command: &KeyCommand) -> Result<Ending> {
    match command {
        KeyCommand::Create { anew: false } => create(places, IfSealed::Refuse).await,
        KeyCommand::Create { anew: true } => create(places, IfSealed::StaySealed).await,
        KeyCommand::Rotate => rotate(places).await,
    }
}

/// Opens the key store of the database, beside servers that run.
async fn opened(places: &Places, of: KeysOf) -> Result<(Store, KeyStore)> {
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
    closed(&store, &keys, Ending::Done).await
}

async fn closed(store: &Store, keys: &KeyStore, ending: Ending) -> Result<Ending> {
    keys.close().await;
    store.close().await;
    Ok(ending)
}
