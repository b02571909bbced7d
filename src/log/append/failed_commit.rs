//! A commit that returned an error: whether the batch is in the log, as far as that can be known.
//!
//! It confirms only what is certain to be on disk.

use super::{AppendTask, Batch, Failed, NewCommand, State, commands_of, lock_head};
use crate::store::{StoreError, is_failed_disk};

impl<S: State> AppendTask<S> {
    /// After an error at COMMIT, the batch may or may not be in the log. Before any caller gets an answer, the batch's
    /// ids are read back under the head's lock, so that a commit still in progress has ended.
    ///
    /// After a disk error under `SQLite`, reading back does not help: the batch is no longer visible, but stays in the
    /// write-ahead log until the next batch overwrites it.
    pub(super) async fn after_a_failed_commit(&self, batch: &Batch, source: sqlx::Error) -> Result<(), Failed> {
        if is_failed_disk(&source) {
            return Err(Failed::Unreachable(StoreError::Database { doing: "commit to the log", source }));
        }
        let mut conn = self.begun().await.map_err(Failed::Unreachable)?;
        let ids: Vec<_> = batch.commands.iter().map(|command| (command.actor.as_str(), command.command_id)).collect();
        let found = match lock_head(&mut conn).await {
            Ok(_) => commands_of(&mut conn, &ids).await,
            Err(error) => Err(error),
        };
        conn.rollback().await;
        let found = found.map_err(Failed::Unreachable)?;
        let is_in = |command: &NewCommand| {
            let id = (command.actor.clone(), command.command_id);
            found.get(&id).is_some_and(|known| known.first == command.known.first)
        };
        if batch.commands.iter().all(is_in) {
            tracing::warn!(error = %source, "a commit reported an error, but the batch is in the log");
            return Ok(());
        }
        Err(StoreError::Database { doing: "commit to the log", source }.into())
    }
}
