//! Checks for free disk space beside an `SQLite` file: enough for a few commands, not only for pages that the file
//! already has.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::{Place, Store, StoreError, is_outage, private, sibling};

/// The space that a few commands need.
const ROOM: usize = 256 * 1024;

impl Store {
    /// Fails if the disk that holds an `SQLite` file is full. It does not check whether the file itself can be written
    /// to.
    pub(crate) async fn has_room(&self) -> Result<(), StoreError> {
        let Place::Sqlite { path } = &self.place else { return Ok(()) };
        let beside = sibling(path, "-room");
        let taken = tokio::task::spawn_blocking(move || taken(&beside)).await.expect("it does not panic");
        match taken {
            Err(source) if is_outage(&source) => {
                Err(StoreError::Database { doing: "make space beside the log", source: sqlx::Error::Io(source) })
            }
            _ => Ok(()),
        }
    }
}

/// Takes the space and frees it.
fn taken(beside: &Path) -> io::Result<()> {
    let taken = private().create(true).truncate(true).write(true).open(beside).and_then(fill);
    // If the file was not created, there is nothing to delete.
    let _ = std::fs::remove_file(beside);
    taken
}

fn fill(mut file: File) -> io::Result<()> {
    file.write_all(&vec![0; ROOM])?;
    file.sync_all()
}
