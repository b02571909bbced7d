//! A deployment: one open store with its log, its live view and its recorder.
//!
//! The server, the demo and the command line share it. It holds the parts together and has no logic of its own.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::clock::{Chance, Clock};
use crate::log::Log;
use crate::queries;
use crate::record::Recorder;
use crate::store::{Mode, Store};
use crate::views::{ViewError, Views};

/// A store that this process may write to, with its tasks running.
pub struct Deployment {
    /// The log.
    pub log: Log,
    /// The live view.
    pub views: Views,
    /// The recorder, which takes commands.
    pub recorder: Recorder,
    /// The clock.
    pub clock: Arc<Clock>,
    appending: JoinHandle<()>,
    projecting: JoinHandle<()>,
}

impl Deployment {
    /// Opens the store at a URL, migrates it, brings its live view up to date with the log and starts the append task.
    pub async fn open(url: &str, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, ViewError> {
        let store = Arc::new(Store::open(url, Mode::Write).await?);
        let log = Log::open(store).await?;
        let views = Views::open(log.clone()).await?;
        queries::prepare(&views.live()).await?;
        let (recorder, appending) = Recorder::start(log.clone(), views.clone(), Arc::clone(&clock), chance).await?;
        let projecting = tokio::spawn(views.clone().keep_up());
        Ok(Self { log, views, recorder, clock, appending, projecting })
    }

    /// Stops the append task after all waiting commands are done, and closes the store.
    pub async fn close(self) {
        drop(self.recorder);
        if let Err(error) = self.appending.await {
            tracing::error!(%error, "the append task did not end well");
        }
        self.projecting.abort();
        // The task is aborted on purpose. An interrupted step rolls back and runs again at the next start.
        let _ = self.projecting.await;
        self.views.close().await;
        self.log.store().close().await;
    }
}
