//! The evidence store: sealed objects under random ids, in a folder or in a bucket of an S3-compatible service.
//!
//! It only ever sees sealed bytes. No name of a person, case or file is in the name of an object.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use uuid::Uuid;

/// The most time that a bucket may take for one object, with all attempts.
const ANSWERS_WITHIN: Duration = Duration::from_secs(25);
/// The most attempts after the first.
const ATTEMPTS: usize = 3;

/// Where evidence files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// In a folder, which is made when the first file arrives.
    Folder(PathBuf),
    /// In a bucket, under a prefix.
    Bucket { url: String, prefix: String },
}

/// A fault of the evidence store.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no room left.
    #[error("the evidence store has no room left")]
    Full(#[source] object_store::Error),
    /// It does not answer, or refuses.
    #[error("the evidence store cannot be used")]
    Away(#[source] object_store::Error),
    /// The folder cannot be made.
    #[error("cannot make the folder {} of the evidence store", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// An object is not there.
    #[error("the object {0} is missing from the evidence store")]
    Missing(Uuid),
    /// The place is not one that can be used.
    #[error("cannot use the evidence store {0:?}: write file:///FOLDER or s3://BUCKET/PREFIX")]
    Place(String),
}

/// The evidence store. It is opened when it is first needed.
#[derive(Debug)]
pub(super) struct Objects {
    place: Place,
    opened: OnceLock<Arc<dyn ObjectStore>>,
}

impl Objects {
    /// The store in a folder.
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self::at(Place::Folder(folder.to_owned()))
    }

    /// The store that a URL names: `file:///FOLDER` or `s3://BUCKET/PREFIX`. The endpoint and the credentials of a
    /// bucket are in the environment.
    pub(super) fn of_url(url: &str) -> Result<Self, ObjectError> {
        let wrong = || ObjectError::Place(url.to_owned());
        if let Some(folder) = url.strip_prefix("file://") {
            let folder = Path::new(folder);
            return if folder.is_absolute() { Ok(Self::in_folder(folder)) } else { Err(wrong()) };
        }
        let bucket = url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        if bucket.is_empty() || bucket.contains(['?', '#', '@']) || prefix.contains(['?', '#']) {
            return Err(wrong());
        }
        let objects = Self::at(Place::Bucket { url: format!("s3://{bucket}"), prefix: prefix.to_owned() });
        objects.open()?;
        Ok(objects)
    }

    fn at(place: Place) -> Self {
        Self { place, opened: OnceLock::new() }
    }

    /// Opens the store. A folder that does not exist is made, readable by its owner only.
    fn open(&self) -> Result<&Arc<dyn ObjectStore>, ObjectError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let store: Arc<dyn ObjectStore> = match &self.place {
            Place::Folder(folder) => {
                make_private(folder).map_err(|source| ObjectError::Folder { path: folder.clone(), source })?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(ObjectError::of)?;
                Arc::new(store.with_fsync(true))
            }
            Place::Bucket { url, prefix } => {
                let retry =
                    RetryConfig { max_retries: ATTEMPTS, retry_timeout: ANSWERS_WITHIN, ..RetryConfig::default() };
                let bucket = AmazonS3Builder::from_env().with_url(url).with_retry(retry);
                // `with_client_options` would drop what the environment says, such as AWS_ALLOW_HTTP.
                let timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
                let bucket = bucket.with_config(timeout, format!("{} s", ANSWERS_WITHIN.as_secs()));
                Arc::new(PrefixStore::new(bucket.build().map_err(ObjectError::of)?, prefix.as_str()))
            }
        };
        Ok(self.opened.get_or_init(|| store))
    }

    /// Stores an object. It is on disk when this returns.
    pub(super) async fn put(&self, id: Uuid, sealed: Vec<u8>) -> Result<(), ObjectError> {
        self.open()?.put(&path(id), PutPayload::from(sealed)).await.map_err(ObjectError::of)?;
        Ok(())
    }

    /// Reads an object.
    pub(super) async fn get(&self, id: Uuid) -> Result<Vec<u8>, ObjectError> {
        let missing = |error| match error {
            object_store::Error::NotFound { .. } => ObjectError::Missing(id),
            error => ObjectError::of(error),
        };
        let found = self.open()?.get(&path(id)).await.map_err(missing)?;
        Ok(found.bytes().await.map_err(missing)?.into())
    }

    /// Deletes an object. One that is not there counts as deleted.
    pub(super) async fn delete(&self, id: Uuid) -> Result<(), ObjectError> {
        match self.open()?.delete(&path(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(ObjectError::of(error)),
        }
    }
}

impl ObjectError {
    fn of(error: object_store::Error) -> Self {
        let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
        let is_full = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<std::io::Error>().is_some_and(|error| full.contains(&error.kind()))
        };
        let this: &(dyn std::error::Error + 'static) = &error;
        let mut causes = std::iter::successors(Some(this), |error| error.source());
        if causes.any(is_full) { Self::Full(error) } else { Self::Away(error) }
    }
}

fn path(id: Uuid) -> ObjectPath {
    ObjectPath::from(id.simple().to_string())
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut making = std::fs::DirBuilder::new();
    making.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut making, 0o700);
    making.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        let folder = Objects::of_url("file:///var/lib/throughline/evidence").expect("a folder");
        assert_eq!(folder.place, Place::Folder(PathBuf::from("/var/lib/throughline/evidence")));
        for wrong in ["", "evidence", "file://evidence", "s3://", "https://example.org/bucket", "s3://key@bucket"] {
            assert!(matches!(Objects::of_url(wrong), Err(ObjectError::Place(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn an_object_is_read_as_it_was_stored_and_gone_once_deleted() {
        let directory = tempfile::tempdir().expect("a directory");
        let objects = Objects::in_folder(&directory.path().join("evidence"));
        let id = Uuid::from_u128(7);
        assert!(matches!(objects.get(id).await, Err(ObjectError::Missing(missing)) if missing == id));
        objects.put(id, vec![1, 2, 3]).await.expect("stored");
        assert_eq!(objects.get(id).await.expect("read"), [1, 2, 3]);
        objects.delete(id).await.expect("deleted");
        objects.delete(id).await.expect("deleted again");
        assert!(matches!(objects.get(id).await, Err(ObjectError::Missing(_))));
    }
}
