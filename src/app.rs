//! The application: the handles that every entrance to an open store shares, such as HTTP, GraphQL, the demo and the
//! command line.
//!
//! It is passed whole to what serves requests. A component that needs one handle gets that handle. Never here: anything
//! about one request or its sender, the settings of one entrance (keys, limits, addresses), anything optional, tasks,
//! and logic.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::clock::{Chance, Clock};
use crate::erasure;
use crate::evidence::EvidenceFiles;
use crate::jobs::{self, ImportJobs};
use crate::keys::{KeyPlaces, KeyStore, KeysOf};
use crate::log::{Log, key_uses};
use crate::outbox::{self, Outbox};
use crate::queries;
use crate::record::Recorder;
use crate::search::PeopleSearch;
use crate::store::{Mode, Store};
use crate::views::{ViewError, Views};
use throughline_domain::fact::envelope::Position;

/// An open store: its log, its live view and its recorder. Clones are handles to the same.
#[derive(Clone)]
pub struct App {
    /// The log.
    pub log: Log,
    /// The views. The live view follows the log only while a task keeps it up.
    pub views: Views,
    /// The recorder, which takes commands.
    pub recorder: Recorder,
    /// The files of evidence.
    pub evidence: EvidenceFiles,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The keys of people.
    pub keys: KeyStore,
    /// The search for people. Its index is kept up only while a task does so.
    pub search: PeopleSearch,
    /// The webhooks. They are sent only while a task sends them.
    pub outbox: Outbox,
    /// The imports that other systems send. They are run only while a task runs them.
    pub imports: ImportJobs,
}

impl App {
    /// Opens the store at a URL for writing, migrates it, brings its live view up to date with the log and starts the
    /// append task. The task ends when the last handle is dropped and all waiting commands are done.
    /// The key store of a new log is created with it. If it is away, everything works but names and notes.
    pub async fn open(
        url: &str,
        keys: &KeyPlaces,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<(Self, JoinHandle<()>), ViewError> {
        let log = Log::open(Arc::new(Store::open(url, Mode::Write).await?)).await?;
        let of = if log.head().await?.position == Position::default() { KeysOf::NewLog } else { KeysOf::KnownLog };
        let keys = KeyStore::open(log.store(), keys, of, Arc::clone(&clock)).await;
        log.store().prepare(outbox::STATEMENTS).await?;
        log.store().prepare(jobs::STATEMENTS).await?;
        log.store().prepare(key_uses::STATEMENTS).await?;
        let views = Views::open(log.clone(), queries::statements).await?;
        let keys = Self::without_keys_of_erased(&views, keys).await;
        let (recorder, appending) = Recorder::start(log.clone(), views.clone(), Arc::clone(&clock), chance).await?;
        let search = PeopleSearch::of(&log, &keys);
        let recorder = recorder.sealing_with(keys.clone()).looking_in(search.clone());
        let evidence = EvidenceFiles::beside(log.store(), keys.clone(), Arc::clone(&clock));
        evidence.prepare().await?;
        let outbox = Outbox::of(&log, &views, &clock);
        let imports = ImportJobs::of(&log, &views, &clock);
        Ok((Self { log, views, recorder, evidence, clock, keys, search, outbox, imports }, appending))
    }

    /// The key store, once it has no key of a person whom the log says to have been erased. If that cannot be known, it
    /// is away.
    async fn without_keys_of_erased(views: &Views, keys: KeyStore) -> KeyStore {
        if keys.why_away().is_some() {
            return keys;
        }
        match erasure::keep_erased(views, &keys).await {
            Ok(0) => keys,
            Ok(people) => {
                tracing::warn!(people, "keys of erased people had come back with the key store and were destroyed");
                keys
            }
            Err(error) => {
                keys.close().await;
                KeyStore::away(&error)
            }
        }
    }
}
