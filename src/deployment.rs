//! A deployment: one store opened, with its log, its live view and its write side.
//!
//! What the server, the demo and the command line share. It holds the parts together and does nothing of its own.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::clock::{Chance, Clock};
use crate::log::Log;
use crate::record::Recorder;
use crate::store::{Mode, Store};
use crate::views::{ViewError, Views};

/// A store that this process may write, with everything on it running.
pub struct Deployment {
    /// The log.
    pub log: Log,
    /// The live view.
    pub views: Views,
    /// The write side.
    pub recorder: Recorder,
    /// What tells the time.
    pub clock: Arc<Clock>,
    appending: JoinHandle<()>,
    projecting: JoinHandle<()>,
}

impl Deployment {
    /// Opens the store behind a URL, migrates it, brings its live view up to the log and starts the write side.
    pub async fn open(url: &str, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, ViewError> {
        let store = Arc::new(Store::open(url, Mode::Write).await?);
        let log = Log::open(store).await?;
        let views = Views::open(log.clone()).await?;
        let (recorder, appending) = Recorder::start(log.clone(), views.clone(), Arc::clone(&clock), chance).await?;
        let projecting = tokio::spawn(views.clone().keep_up());
        Ok(Self { log, views, recorder, clock, appending, projecting })
    }

    /// Ends the write side after what waits is done, and closes the store.
    pub async fn close(self) {
        drop(self.recorder);
        if let Err(error) = self.appending.await {
            tracing::error!(%error, "the append task did not end well");
        }
        self.projecting.abort();
        // Aborted on purpose: an interrupted step rolls back and is taken again at the next start.
        let _ = self.projecting.await;
        self.views.close().await;
        self.log.store().close().await;
    }
}
