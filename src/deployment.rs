//! A deployment: an open store that this process keeps running, with its tasks.
//!
//! It starts and ends the tasks and has no logic of its own.

use std::ops::Deref;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::app::App;
use crate::clock::{Chance, Clock};
use crate::erasure::Erasures;
use crate::evidence::ObjectError;
use crate::jobs;
use crate::keys::KeyPlaces;
use crate::outbox;
use crate::views::ViewError;

/// An application with its tasks running. It is used like the application itself.
pub struct Deployment {
    app: App,
    appending: JoinHandle<()>,
    projecting: JoinHandle<()>,
    tidying: JoinHandle<()>,
    indexing: JoinHandle<()>,
    erasing: JoinHandle<()>,
    /// Only a server removes old entries of the access log, because only it knows how long they are kept.
    pruning: Option<JoinHandle<()>>,
}

impl Deployment {
    /// Opens the store at a URL, with the key store beside it, starts the append task and lets the live view follow the
    /// log.
    pub async fn open(url: &str, clock: Arc<Clock>, chance: Arc<Chance>) -> Result<Self, ViewError> {
        Self::open_with_keys(url, &KeyPlaces::default(), clock, chance).await
    }

    /// The same with the key store at another place.
    pub async fn open_with_keys(
        url: &str,
        keys: &KeyPlaces,
        clock: Arc<Clock>,
        chance: Arc<Chance>,
    ) -> Result<Self, ViewError> {
        let (app, appending) = App::open(url, keys, clock, chance).await?;
        let projecting = tokio::spawn(app.views.clone().keep_up());
        let tidying = tokio::spawn(app.evidence.clone().keep_tidy(app.log.clone()));
        let indexing = tokio::spawn(app.search.clone().keep_up());
        let erasing = tokio::spawn(Erasures::of(&app).keep_finishing());
        Ok(Self { app, appending, projecting, tidying, indexing, erasing, pruning: None })
    }

    /// The same, with the files of evidence at the place that a URL names.
    pub fn with_evidence_at(mut self, url: &str) -> Result<Self, ObjectError> {
        self.app.evidence = self.app.evidence.at(url)?;
        self.tidying.abort();
        self.tidying = tokio::spawn(self.app.evidence.clone().keep_tidy(self.app.log.clone()));
        self.erasing.abort();
        self.erasing = tokio::spawn(Erasures::of(&self.app).keep_finishing());
        Ok(self)
    }

    /// The same deployment, with webhooks under these terms.
    #[must_use]
    pub fn with_webhooks(mut self, terms: outbox::Terms) -> Self {
        self.app.outbox = self.app.outbox.under(terms);
        self
    }

    /// The same deployment, with an access log whose entries are removed after so many days.
    #[must_use]
    pub fn keeping_access_log_for(mut self, days: u32) -> Self {
        if let Some(before) = self.pruning.replace(tokio::spawn(self.app.keys.clone().keep_access_log_for(days))) {
            before.abort();
        }
        self
    }

    /// The same deployment, which takes imports under these terms.
    #[must_use]
    pub fn with_imports(mut self, terms: jobs::Terms) -> Self {
        self.app.imports = self.app.imports.under(terms);
        self
    }

    /// A handle for what serves requests. Drop every handle before the deployment is closed.
    pub fn app(&self) -> App {
        self.app.clone()
    }

    /// Stops the append task after all waiting commands are done, and closes the store.
    pub async fn close(self) {
        let App { log, views, recorder, evidence, clock: _, keys, search, outbox: _, imports: _ } = self.app;
        drop(recorder);
        // It holds a recorder, so it ends first. What it was erasing is finished by a later start.
        self.erasing.abort();
        let _ = self.erasing.await;
        if let Err(error) = self.appending.await {
            tracing::error!(%error, "the append task did not end well");
        }
        self.projecting.abort();
        self.tidying.abort();
        self.indexing.abort();
        if let Some(pruning) = self.pruning {
            pruning.abort();
            let _ = pruning.await;
        }
        // All tasks are aborted on purpose. What one was removing is removed by a later round.
        let _ = self.tidying.await;
        // What a step of the index did not commit is done again at the next start.
        let _ = self.indexing.await;
        drop((evidence, search));
        // An interrupted step rolls back and runs again at the next start.
        let _ = self.projecting.await;
        views.close().await;
        keys.close().await;
        log.store().close().await;
    }
}

impl Deref for Deployment {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}
