//! Records that are folded later wait in a file without a name until their share is processed.
//!
//! Only this process can open the file. Whatever ends the process, the file is gone.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use tokio::sync::mpsc;

use super::super::ViewError;
use super::progress::Meter;
use crate::log::scan::Lot;

/// The waiting records.
pub(super) struct Spill {
    directory: PathBuf,
    /// `None` until something is set aside.
    file: Option<File>,
    /// The locations of the lots of each share, in order of arrival.
    shares: Vec<Vec<Lies>>,
}

/// The location of a lot.
struct Lies {
    lane: usize,
    count: u32,
    at: u64,
    length: usize,
}

impl Spill {
    /// Sets incoming lots aside, for this number of shares.
    pub(super) fn taking(
        directory: PathBuf,
        shares: usize,
        mut lots: mpsc::Receiver<Lot>,
        meter: &Meter,
    ) -> Result<Self, ViewError> {
        let shares = (0..shares).map(|_| Vec::new()).collect();
        let (mut spill, mut end) = (Self { directory, file: None, shares }, 0);
        while let Some(lot) = lots.blocking_recv() {
            meter.check()?;
            let lies = Lies { lane: lot.lane, count: lot.count, at: end, length: lot.bytes.len() };
            spill.write(&lot.bytes).map_err(|source| spill.failed(source))?;
            end += lot.bytes.len() as u64;
            spill.shares[lot.share].push(lies);
            meter.has_read(lot.count.into());
        }
        Ok(spill)
    }

    /// Sends the lots of a share to its lanes. Ends early if the receivers are gone.
    pub(super) fn give(&mut self, share: usize, lanes: &[mpsc::Sender<Lot>]) -> Result<(), ViewError> {
        for lies in std::mem::take(&mut self.shares[share]) {
            let bytes = self.read(&lies).map_err(|source| self.failed(source))?;
            let lot = Lot { share, lane: lies.lane, count: lies.count, bytes };
            if lanes[lies.lane].blocking_send(lot).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.directory)?),
        };
        file.write_all(bytes)
    }

    fn read(&mut self, lies: &Lies) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; lies.length];
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(lies.at))?;
            file.read_exact(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn failed(&self, source: io::Error) -> ViewError {
        ViewError::Spill { directory: self.directory.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    /// Sets lots of these shares aside. The bytes of each lot are its index.
    async fn set_aside(directory: PathBuf, of: &[usize]) -> Result<Spill, ViewError> {
        let (later, lots) = mpsc::channel(of.len().max(1));
        for (place, share) in (0..).zip(of) {
            let lot = Lot { share: *share, lane: 0, count: 1, bytes: vec![place; 3] };
            later.send(lot).await.expect("there is room");
        }
        drop(later);
        let meter = Meter::new(watch::Sender::new(None));
        tokio::task::spawn_blocking(move || Spill::taking(directory, 4, lots, &meter)).await.expect("it ends")
    }

    #[tokio::test]
    async fn a_share_is_returned_complete_and_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut spill = set_aside(directory.path().to_owned(), &[1, 3, 1, 1]).await.expect("there is room");
        let left = std::fs::read_dir(directory.path()).expect("it is there").count();
        assert_eq!(left, 0, "the file has no name");
        for (share, wanted) in [(1, vec![0, 2, 3]), (2, vec![]), (3, vec![1])] {
            let (lane, mut lots) = mpsc::channel(4);
            let given = tokio::task::spawn_blocking(move || spill.give(share, &[lane]).map(|()| spill));
            spill = given.await.expect("it ends").expect("it is read");
            let mut came = Vec::new();
            while let Some(lot) = lots.recv().await {
                assert_eq!((lot.share, lot.bytes.len()), (share, 3));
                came.push(lot.bytes[0]);
            }
            assert_eq!(came, wanted);
        }
    }

    #[tokio::test]
    async fn an_unusable_directory_is_named_with_the_remedy() {
        let nowhere = tempfile::tempdir().expect("a directory").path().join("gone");
        let refused = set_aside(nowhere.clone(), &[1]).await.err().expect("there is no such place").to_string();
        assert!(refused.contains(&*nowhere.to_string_lossy()) && refused.contains("TMPDIR"), "{refused}");
        assert!(set_aside(nowhere, &[]).await.is_ok(), "no file is created if nothing is set aside");
    }
}
