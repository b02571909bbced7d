//! `SQLite` files that are only read, also in a read-only folder or on a read-only medium.
//!
//! A file that keeps its newest part in a journal beside it (`FILE-wal`) is read through a third file, which the reader
//! creates. If that file cannot be created, only the main file is read. It is complete if there is no journal.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, sibling};

/// The characters to escape in a file name that is used as a URL.
const ESCAPED: [(char, &str); 4] = [('%', "%25"), ('?', "%3f"), ('#', "%23"), ('\\', "%5c")];

/// Whether neither this user nor anyone else writes to a file. Then it is read without creating files beside it.
pub(super) fn is_frozen(path: &Path) -> bool {
    !may_write(path) && !sibling(path, "-shm").exists() && !has_journal(path)
}

/// Refuses a file whose newest part is in a journal that cannot be read in a read-only folder.
pub(super) fn must_be_whole(path: &Path) -> Result<(), StoreError> {
    let is_cut_off = has_journal(path) && !may_write(path) && !sibling(path, "-shm").exists();
    if is_cut_off { Err(StoreError::CutOff(path.to_owned())) } else { Ok(()) }
}

fn has_journal(path: &Path) -> bool {
    std::fs::metadata(sibling(path, "-wal")).is_ok_and(|journal| journal.len() > 0)
}

/// Whether this user may write to a file and create another beside it. The files are not opened, because closing them
/// would release this process's locks on them.
#[cfg(unix)]
pub(super) fn may_write(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    access(path, Access::WRITE_OK).is_ok() && access(folder, Access::WRITE_OK).is_ok()
}

/// The same on systems where only an attempt to write can tell.
#[cfg(not(unix))]
pub(super) const fn may_write(_: &Path) -> bool {
    true
}

/// Opens a file without the pools, only to read it.
pub(crate) fn look_at(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = if is_frozen(path) {
        Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    conn.busy_timeout(Duration::from_secs(10))?;
    Ok(conn)
}

fn immutable(path: &Path) -> String {
    let mut name = String::new();
    for letter in path.display().to_string().chars() {
        match ESCAPED.iter().find(|(escaped, _)| *escaped == letter) {
            Some((_, by)) => name.push_str(by),
            None => name.push(letter),
        }
    }
    format!("file:{name}?immutable=1")
}
