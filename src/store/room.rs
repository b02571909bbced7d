//! Room on the disk of an `SQLite` file: for what a few commands write, and not only for what fits into pages that the file
//! has already.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::{Place, Store, StoreError, is_outage, private, sibling};

/// As much as a few commands write.
const ROOM: usize = 256 * 1024;

impl Store {
    /// Fails where the disk beside an `SQLite` file is full. Whether the file itself can be written it does not say.
    pub(crate) async fn has_room(&self) -> Result<(), StoreError> {
        let Place::Sqlite { path } = &self.place else { return Ok(()) };
        let beside = sibling(path, "-room");
        let taken = tokio::task::spawn_blocking(move || taken(&beside)).await.expect("it does not panic");
        match taken {
            Err(source) if is_outage(&source) => {
                Err(StoreError::Database { doing: "make room beside the log", source: sqlx::Error::Io(source) })
            }
            _ => Ok(()),
        }
    }
}

/// Takes the room and gives it back.
fn taken(beside: &Path) -> io::Result<()> {
    let taken = private().create(true).truncate(true).write(true).open(beside).and_then(fill);
    // Where it was not made there is nothing to remove.
    let _ = std::fs::remove_file(beside);
    taken
}

fn fill(mut file: File) -> io::Result<()> {
    file.write_all(&vec![0; ROOM])?;
    file.sync_all()
}
