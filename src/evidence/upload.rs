//! Uploads: opened, filled part by part in any order, looked at when all parts are there, and then complete.
//!
//! What is stored of an upload is in the registry, so it continues after a broken connection, after a restart, and on
//! another server. Only its sender sees it.

use std::fmt;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::content;
use super::error::EvidenceError;
use super::file_name::FileName;
use super::media::Media;
use super::reader::PartReader;
use super::registry::{File, NewFile, NewObject, State};
use super::rights::CaseOfEvidence;
use super::seal::Sealer;
use super::{
    CLASS, EvidenceFiles, FILE_MAX, OPEN_MAX, PART_SIZE, place, place_of_name, seal, secret, sender, thumbnail,
};
use crate::access::Principal;
use crate::clock::Chance;
use throughline_domain::fact::envelope::JourneyId;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The longest pause between two pieces of a part.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// The most time that a part waits until there is room for it in memory.
const ROOM_WITHIN: Duration = Duration::from_secs(20);

/// A file that a caller wants to upload. Its name never shows in debug output.
#[derive(Clone)]
pub struct NewUpload<'a> {
    /// The name of the file.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its declared type.
    pub media: &'a str,
}

impl fmt::Debug for NewUpload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewUpload({} bytes)", self.size)
    }
}

impl EvidenceFiles {
    /// Opens an upload for a case.
    pub async fn open_upload(
        &self,
        principal: &Principal,
        case: CaseOfEvidence,
        new: NewUpload<'_>,
    ) -> Result<File, EvidenceError> {
        self.objects()?;
        let media = Media::named(new.media).ok_or(EvidenceError::Type)?;
        let name = FileName::read(new.name)?;
        media.fits(&name)?;
        match new.size {
            0 => return Err(EvidenceError::Empty),
            size if size > FILE_MAX => return Err(EvidenceError::TooLarge { most: FILE_MAX }),
            _ => {}
        }
        let sender = sender(principal);
        let key = self.0.keys.key_or_new(case.subject, CLASS).await?;
        let at = self.0.clock.now();
        let id = Chance::System.id_at(at);
        let sealed_name = key.seal(&place_of_name(id, case.subject), name.as_str());
        let file = NewFile {
            id,
            journey: case.journey,
            subject: case.subject,
            sender,
            name: sealed_name,
            media,
            size: new.size,
            part_size: PART_SIZE,
            key_version: key.version().0,
            at,
        };
        if !self.0.registry.add(file, OPEN_MAX).await? {
            return Err(EvidenceError::TooMany { most: OPEN_MAX });
        }
        self.0.registry.file(id).await?.ok_or(EvidenceError::NoUpload)
    }

    /// The upload with this id, if the caller opened it.
    pub async fn upload(&self, principal: &Principal, id: Uuid) -> Result<File, EvidenceError> {
        let found = self.0.registry.file(id).await?;
        found.filter(|file| file.sender == sender(principal)).ok_or(EvidenceError::NoUpload)
    }

    /// The numbers of the parts that are there.
    pub async fn parts_there(&self, file: &File) -> Result<Vec<u32>, EvidenceError> {
        Ok(self.0.registry.stored(file.id).await?.into_keys().filter(|number| *number > 0).collect())
    }

    /// Stores a part, in place of an earlier one with its number. Nothing is stored unless the whole part arrives.
    pub async fn put_part<B: AsRef<[u8]>, E>(
        &self,
        file: &File,
        number: u32,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<(), EvidenceError> {
        if file.state != State::Open {
            return Err(EvidenceError::Closed);
        }
        let expected = file.part_length(number).ok_or(EvidenceError::NoPart { parts: file.parts() })?;
        let wrong_size = || EvidenceError::PartSize { expected };
        let objects = self.objects()?;
        let key = self.key_of(file).await?;
        let room = tokio::time::timeout(ROOM_WITHIN, self.0.parts.acquire()).await;
        let _room = room.map_err(|_| EvidenceError::Busy)?.expect("nothing closes it");
        let capacity = usize::try_from(expected).expect("a part fits into memory");
        let mut sealer = Sealer::new(secret(&key), place(file, number), Chance::System.bytes(), capacity);
        let mut received = 0;
        let mut body = std::pin::pin!(body);
        while let Some(piece) = tokio::time::timeout(PAUSE_MAX, body.next()).await.map_err(|_| EvidenceError::Broken)? {
            let piece = piece.map_err(|_| EvidenceError::Broken)?;
            received += piece.as_ref().len() as u64;
            if received > expected {
                return Err(wrong_size());
            }
            sealer.push(piece.as_ref());
        }
        if received != expected {
            return Err(wrong_size());
        }
        let object = self.new_object(file, number).await?;
        objects.put(object.id, sealer.finish()).await?;
        if let Some(replaced) = self.0.registry.store(object).await? {
            self.discard(replaced).await;
            Ok(())
        } else {
            self.discard(vec![object.id]).await;
            Err(EvidenceError::Closed)
        }
    }

    async fn new_object(&self, file: &File, number: u32) -> Result<NewObject, EvidenceError> {
        let object =
            NewObject { id: Uuid::from_bytes(Chance::System.bytes()), file: file.id, number, at: self.0.clock.now() };
        self.0.registry.add_object(object).await?;
        Ok(object)
    }

    /// Looks at an upload that has all its parts, and completes it. A file whose content is refused is removed. Doing
    /// it again gives the same answer.
    pub async fn complete(&self, file: &File) -> Result<File, EvidenceError> {
        if matches!(file.state, State::Complete { .. }) {
            return Ok(file.clone());
        }
        let key = self.key_of(file).await?;
        self.parts(file, &key).await?;
        // From here on no part is replaced, so what is looked at is what is kept.
        if !self.0.registry.check(file.id, self.0.clock.now()).await? {
            return self.completed(file.id).await;
        }
        let parts = self.parts(file, &key).await?;
        let _room = self.0.checks.acquire().await.expect("nothing closes it");
        let (media, size) = (file.media, file.size);
        let mut reader = PartReader::new(parts, Handle::current());
        let looked = tokio::task::spawn_blocking(move || (content::look_at(&mut reader, size, media), reader)).await;
        let (looked, mut reader) = looked.map_err(|_| EvidenceError::damaged(file.id, 0)(seal::Damaged))?;
        if let Some(fault) = reader.fault.take() {
            return Err(fault.into());
        }
        let sha256 = match looked {
            Ok(sha256) => sha256,
            Err(fault) => {
                self.remove(&self.file(file.id).await?).await?;
                return Err(EvidenceError::Content(fault.into_content()));
            }
        };
        // A picture that its decoder cannot bear has no small picture, and is kept.
        let small = tokio::task::spawn_blocking(move || thumbnail::of(&mut reader, media)).await.unwrap_or_default();
        if let Some(small) = small {
            self.keep_thumbnail(file, &small).await?;
        }
        self.0.registry.complete(file.id, sha256, self.0.clock.now()).await?;
        self.completed(file.id).await
    }

    /// Seals and stores a small picture, unless the upload was completed meanwhile.
    async fn keep_thumbnail(&self, file: &File, picture: &[u8]) -> Result<(), EvidenceError> {
        let key = self.key_of(file).await?;
        let object = self.new_object(file, 0).await?;
        let mut sealer = Sealer::new(secret(&key), place(file, 0), Chance::System.bytes(), picture.len());
        sealer.push(picture);
        self.objects()?.put(object.id, sealer.finish()).await?;
        let unused = self.0.registry.store(object).await?.unwrap_or_else(|| vec![object.id]);
        self.discard(unused).await;
        Ok(())
    }

    async fn file(&self, id: Uuid) -> Result<File, EvidenceError> {
        self.0.registry.file(id).await?.ok_or(EvidenceError::NoUpload)
    }

    async fn completed(&self, id: Uuid) -> Result<File, EvidenceError> {
        let file = self.file(id).await?;
        if matches!(file.state, State::Complete { .. }) { Ok(file) } else { Err(EvidenceError::Closed) }
    }

    /// The SHA-256 of a complete upload of the caller for this case, to record it as evidence. The upload is not
    /// removed as left over for another day.
    pub async fn to_attach(
        &self,
        principal: &Principal,
        upload: Uuid,
        journey: JourneyId,
    ) -> Result<Result<String, Refusal>, EvidenceError> {
        let refused = |code, message: &str| Ok(Err(Refusal::new(code, message.to_owned()).at("upload")));
        let not_found = "you have no upload with this id for this case: upload the file first";
        let found = self.0.registry.file(upload).await?;
        let Some(file) = found.filter(|file| file.sender == sender(principal) && file.journey == journey) else {
            return refused(RefusalCode::UploadNotFound, not_found);
        };
        let State::Complete { sha256, .. } = file.state else {
            let message = "the upload is not complete: send its missing parts and complete it";
            return refused(RefusalCode::UploadNotComplete, message);
        };
        if !self.0.registry.touch(upload, self.0.clock.now()).await? {
            return refused(RefusalCode::UploadNotFound, not_found);
        }
        Ok(Ok(sha256))
    }
}
