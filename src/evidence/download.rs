//! Downloads: a file or its small picture, opened for a caller with a link of their own.
//!
//! Each part is checked before a byte of it is given away, and the digest of the whole before the last one. The first
//! part is opened before the answer begins, so that a damaged or unreadable file is a clear problem.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::error::EvidenceError;
use super::file_name::FileName;
use super::link::{Signed, Wanted};
use super::reader::{PartError, Parts};
use super::registry::{File, State};
use super::{EvidenceFiles, place, place_of_name, seal, secret, sender};
use crate::access::Principal;
use throughline_domain::fact::envelope::hex;

/// A file whose first part is open. Its content never shows in debug output.
pub struct OpenedFile {
    /// The name.
    pub name: FileName,
    /// The size in bytes.
    pub size: u64,
    first: Vec<u8>,
    parts: Parts,
    sha256: String,
    /// One of the places for downloads.
    place: OwnedSemaphorePermit,
}

impl fmt::Debug for OpenedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedFile({} bytes)", self.size)
    }
}

impl EvidenceFiles {
    /// The complete file that a link of the caller is for.
    pub async fn linked(
        &self,
        principal: &Principal,
        (id, wanted): (Uuid, Wanted),
        signed: &Signed,
    ) -> Result<File, EvidenceError> {
        let now = self.0.clock.now();
        if !self.link_key().await?.accepts((id, wanted), signed, &sender(principal), now) {
            return Err(EvidenceError::NoFile);
        }
        let found = self.0.registry.file(id).await?;
        found.filter(|file| matches!(file.state, State::Complete { .. })).ok_or(EvidenceError::NoFile)
    }

    /// Opens a complete file.
    pub async fn open_file(&self, file: &File) -> Result<OpenedFile, EvidenceError> {
        let State::Complete { sha256, .. } = &file.state else { return Err(EvidenceError::NoFile) };
        let place = Arc::clone(&self.0.downloads).try_acquire_owned().map_err(|_| EvidenceError::Busy)?;
        let key = self.key_of(file).await?;
        let name = key.open(&place_of_name(file.id, file.subject), &file.name);
        let name = name.map_err(|_| EvidenceError::damaged(file.id, 0)(seal::Damaged))?;
        let parts = self.parts(file, &key).await.map_err(|error| match error {
            EvidenceError::Missing(missing) => {
                EvidenceError::damaged(file.id, missing.first().copied().unwrap_or(0))(seal::Damaged)
            }
            error => error,
        })?;
        let first = parts.part(0).await?;
        Ok(OpenedFile { name: FileName::known(name), size: file.size, first, parts, sha256: sha256.clone(), place })
    }

    /// Opens the small picture of a file, as PNG.
    pub async fn open_thumbnail(&self, file: &File) -> Result<Vec<u8>, EvidenceError> {
        let State::Complete { thumbnail: Some(object), .. } = file.state else { return Err(EvidenceError::NoFile) };
        let key = self.key_of(file).await?;
        let sealed = self.objects()?.get(object).await?;
        seal::open(secret(&key), place(file, 0), sealed).map_err(EvidenceError::damaged(file.id, 0))
    }
}

/// How far a file has been read.
struct Reading {
    parts: Parts,
    digest: Context,
    sha256: String,
    next: usize,
    first: Option<Vec<u8>>,
    /// Given back when the download ends, however it ends.
    _place: OwnedSemaphorePermit,
}

impl OpenedFile {
    /// The bytes of the file, part by part. It ends with an error at a damaged part.
    pub fn into_stream(self) -> impl Stream<Item = Result<Vec<u8>, PartError>> + Send + use<> {
        let Self { first, parts, sha256, place, .. } = self;
        let digest = Context::new(&SHA256);
        let reading = Reading { parts, digest, sha256, next: 0, first: Some(first), _place: place };
        stream::try_unfold(reading, |mut reading| async move {
            let part = reading.read().await.inspect_err(|error| {
                tracing::error!(%error, "an evidence file could not be read to its end");
            })?;
            Ok(part.map(|part| (part, reading)))
        })
    }
}

impl Reading {
    /// The next part. The last one only if the digest of the whole is right.
    async fn read(&mut self) -> Result<Option<Vec<u8>>, PartError> {
        if self.next == self.parts.ids.len() {
            return Ok(None);
        }
        let part = match self.first.take() {
            Some(first) => first,
            None => self.parts.part(self.next).await?,
        };
        self.digest.update(&part);
        self.next += 1;
        if self.next == self.parts.ids.len() && self.digest_so_far() != self.sha256 {
            let number = u32::try_from(self.next).expect("a file has few parts");
            return Err(PartError::Damaged { file: self.parts.place.file, number });
        }
        Ok(Some(part))
    }

    fn digest_so_far(&self) -> String {
        hex(self.digest.clone().finish().as_ref())
    }
}
