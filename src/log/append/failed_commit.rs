//! A commit that answered with an error: whether the batch is in, as far as anybody can know.
//!
//! It acknowledges only what is certain to be on the disk.

use super::{AppendTask, Batch, Failed, NewCommand, State, commands_of, lock_head};
use crate::store::{StoreError, is_failed_disk};

impl<S: State> AppendTask<S> {
    /// An error at COMMIT leaves it open whether the batch is in: its ids are read back before anybody is answered,
    /// under the head's lock, so that a commit still under way has come to its end.
    ///
    /// A disk that failed under `SQLite` leaves it open whatever is read: the batch is no longer seen here, and stands in
    /// the write-ahead log until the next one is written over it.
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
            tracing::warn!(error = %source, "commit answered with an error, but the batch is in the log");
            return Ok(());
        }
        Err(StoreError::Database { doing: "commit to the log", source }.into())
    }
}
