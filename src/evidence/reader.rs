//! Reads an uploaded file as if it were open on disk: its parts are fetched and opened one at a time.
//!
//! It blocks, so it belongs on a blocking thread. It never holds more than one part.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use tokio::runtime::Handle;
use uuid::Uuid;

use super::objects::{ObjectError, Objects};
use super::seal::{self, Damaged, Place, Secret};

/// The parts of a file, and what opens them.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) objects: Arc<Objects>,
    pub(super) secret: Secret,
    /// The place of the file's objects; its number is left to each part.
    pub(super) place: Place,
    /// The objects, in the order of the parts.
    pub(super) ids: Vec<Uuid>,
    pub(super) part_size: u64,
    /// The size of the whole file.
    pub(super) size: u64,
}

/// A fault while a part was read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The evidence store failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The part does not open.
    #[error("part {number} of the evidence file {file} is damaged")]
    Damaged {
        /// The file.
        file: Uuid,
        /// The number of the part.
        number: u32,
    },
}

impl Parts {
    /// Fetches and opens the part at this index, from 0. It has exactly the bytes that it should have.
    pub(super) async fn part(&self, index: usize) -> Result<Vec<u8>, PartError> {
        let number = u32::try_from(index + 1).expect("a file has few parts");
        let damaged = |_: Damaged| PartError::Damaged { file: self.place.file, number };
        let sealed = self.objects.get(self.ids[index]).await?;
        let clear = seal::open(self.secret, Place { number, ..self.place }, sealed).map_err(damaged)?;
        if clear.len() as u64 == self.length(index) { Ok(clear) } else { Err(damaged(Damaged)) }
    }

    fn length(&self, index: usize) -> u64 {
        let before = self.part_size * index as u64;
        self.part_size.min(self.size.saturating_sub(before))
    }
}

/// Reads the parts in any order, on a blocking thread.
pub(super) struct PartReader {
    parts: Parts,
    runtime: Handle,
    position: u64,
    /// The part in memory, with its index.
    held: Option<(usize, Vec<u8>)>,
    /// The fault that ended reading, if one did.
    pub(super) fault: Option<PartError>,
}

impl PartReader {
    pub(super) const fn new(parts: Parts, runtime: Handle) -> Self {
        Self { parts, runtime, position: 0, held: None, fault: None }
    }

    fn hold(&mut self, index: usize) -> io::Result<()> {
        if self.held.as_ref().is_none_or(|(held, _)| *held != index) {
            // The part before is dropped first, so that never two are held.
            self.held = None;
            match self.runtime.block_on(self.parts.part(index)) {
                Ok(part) => self.held = Some((index, part)),
                Err(fault) => {
                    self.fault = Some(fault);
                    return Err(io::Error::other("a part of the file cannot be read"));
                }
            }
        }
        Ok(())
    }
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.parts.size || buffer.is_empty() {
            return Ok(0);
        }
        let index = usize::try_from(self.position / self.parts.part_size).map_err(io::Error::other)?;
        self.hold(index)?;
        let Some((_, part)) = &self.held else { return Ok(0) };
        let from = usize::try_from(self.position % self.parts.part_size).map_err(io::Error::other)?;
        let read = buffer.len().min(part.len().saturating_sub(from));
        buffer[..read].copy_from_slice(&part[from..from + read]);
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for PartReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.parts.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
