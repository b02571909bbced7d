//! Why an upload or a download does not work: what the caller can do, and faults of the stores beneath.

use super::content::BadContent;
use super::file_name::BadName;
use super::media::Media;
use super::objects::ObjectError;
use super::reader::PartError;
use super::seal::Damaged;
use crate::access::policy::Denied;
use crate::keys::KeyError;
use crate::log::LogError;
use crate::store::StoreError;

/// Why an evidence file cannot be uploaded or opened. A message never names a person or a file.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The caller has no such upload.
    #[error("you have no upload with this id: open one with POST /evidence/uploads")]
    NoUpload,
    /// There is no such file for the caller, or the link is not theirs or has ended.
    #[error("the link has expired, or is not yours: read Evidence.file again and use its new link")]
    NoFile,
    /// The caller may not do this, or knows no such case.
    #[error("{0}")]
    Denied(Denied),
    /// The caller knows no such case.
    #[error("journey: you have no case with this id")]
    NoCase,
    /// The name of the file is refused.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The declared type is not accepted.
    #[error("type: use one of {}", Media::ALL.map(Media::as_str).join(", "))]
    Type,
    /// The file is empty.
    #[error("size: the file is empty, so it shows nothing")]
    Empty,
    /// The file is too large.
    #[error("size: a file may have at most {most} bytes: save it with less detail, or in several files")]
    TooLarge {
        /// The most bytes.
        most: u64,
    },
    /// The sender has too many open uploads.
    #[error("{most} uploads of yours are open: complete or delete one first")]
    TooMany {
        /// The most open uploads.
        most: i64,
    },
    /// The file has no part with this number.
    #[error("this file has parts 1 to {parts}")]
    NoPart {
        /// The number of parts.
        parts: u32,
    },
    /// A part does not have its size.
    #[error("this part must have exactly {expected} bytes: send the whole part again")]
    PartSize {
        /// The size that it must have.
        expected: u64,
    },
    /// The connection broke while a part arrived, or the part arrived too slowly.
    #[error("the part did not arrive as a whole: send it again")]
    Broken,
    /// The upload takes no more parts.
    #[error("the upload takes no more parts: it is complete or being checked, or the part was sent twice at a time")]
    Closed,
    /// Parts are missing.
    #[error("these parts are missing: {}: send them, then complete the upload", listed(.0))]
    Missing(Vec<u32>),
    /// The content is refused, and with it the upload.
    #[error("{0}; the upload was removed")]
    Content(BadContent),
    /// A case names the file as evidence.
    #[error("the file is evidence of a case, so it stays: withdraw the evidence instead")]
    InUse,
    /// The keys of the person were destroyed.
    #[error("the person was erased: their files can no longer be opened, and no new ones are kept")]
    Erased,
    /// This server has no evidence store.
    #[error("this server keeps no evidence files: start it with --evidence-store URL")]
    NoStore,
    /// Too many files are sent or received at the same time.
    #[error("too many evidence files are being sent or received: try again after Retry-After")]
    Busy,
    /// The key store is away.
    #[error("the key store cannot be used, so evidence files cannot be sealed or opened: try again later")]
    Keys(#[source] KeyError),
    /// The evidence store has no room left.
    #[error("the evidence store has no room left: try again when the operator has made room")]
    Full(#[source] ObjectError),
    /// The evidence store does not answer.
    #[error("the evidence store cannot be used: try again later")]
    Away(#[source] ObjectError),
    /// An object is damaged or gone.
    #[error("the file is damaged in the evidence store: ask the operator to restore it from a backup")]
    Damaged(#[source] PartError),
    /// The database failed.
    #[error("the database cannot be used: try again later")]
    Database(#[source] LogError),
}

impl From<ObjectError> for EvidenceError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Full(_) => Self::Full(error),
            ObjectError::Missing(_) => Self::Damaged(PartError::Object(error)),
            ObjectError::Away(_) | ObjectError::Folder { .. } | ObjectError::Place(_) => Self::Away(error),
        }
    }
}

impl From<PartError> for EvidenceError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::Object(error) => error.into(),
            PartError::Damaged { .. } => Self::Damaged(error),
        }
    }
}

impl From<KeyError> for EvidenceError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Destroyed(_) => Self::Erased,
            error => Self::Keys(error),
        }
    }
}

impl From<StoreError> for EvidenceError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.into())
    }
}

impl From<LogError> for EvidenceError {
    fn from(error: LogError) -> Self {
        Self::Database(error)
    }
}

impl EvidenceError {
    /// A part of a file that does not open.
    pub(super) fn damaged(file: uuid::Uuid, number: u32) -> impl Fn(Damaged) -> Self {
        move |_| Self::Damaged(PartError::Damaged { file, number })
    }

    /// Whether it is a fault of a store rather than of the request.
    pub const fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Keys(_) | Self::Full(_) | Self::Away(_) | Self::Damaged(_) | Self::Database(_) | Self::NoStore
        )
    }
}

/// The first numbers of a list.
fn listed(numbers: &[u32]) -> String {
    const NAMED: usize = 20;
    let named: Vec<String> = numbers.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if numbers.len() > NAMED { " and others" } else { "" };
    format!("{}{more}", named.join(", "))
}
