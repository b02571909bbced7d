//! The commands on the key store: create one for a log that has never had one, and rotate what wraps its keys.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;

use super::terminal::{self, message};
use super::{Ending, KeyCommand, Misuse, Places};
use crate::clock::Clock;
use crate::keys::{KeyStore, KeysOf};
use crate::store::{Mode, Store};

pub(super) async fn run(places: &Places, command: &KeyCommand) -> Result<Ending> {
    match command {
        KeyCommand::Create => create(places).await,
        KeyCommand::Rotate => rotate(places).await,
    }
}

/// Opens the key store of the database, beside servers that run.
async fn opened(places: &Places, of: KeysOf) -> Result<(Store, KeyStore)> {
    let store = Store::open(places.database(), Mode::Read).await?;
    let keys = KeyStore::open(&store, &places.key_places(), of, Arc::new(Clock::Machine)).await;
    Ok((store, keys))
}

async fn create(places: &Places) -> Result<Ending> {
    let (store, keys) = opened(places, KeysOf::KnownLog).await?;
    if keys.why_away().is_none() {
        message("there is a key store already: nothing was done");
        return closed(&store, &keys, Ending::Done).await;
    }
    keys.close().await;
    let (made_for, keys) = opened(places, KeysOf::NewLog).await?;
    store.close().await;
    if let Some(away) = keys.why_away() {
        return Err(Misuse(away.to_string()).into());
    }
    writeln!(terminal::out(), "created the key store: restart the servers, and back up the key-encryption key apart")?;
    closed(&made_for, &keys, Ending::Done).await
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
