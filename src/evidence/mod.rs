//! Evidence files: uploads in parts, their checks, and the sealed objects that hold them.
//!
//! A file is sealed under the key of the person whom its case is about, so it is gone when that key is destroyed. The
//! log has only its SHA-256. No clear byte of a file is written to disk, no name of a file is in a log line, a URL or a
//! plain column, and no more than one part of a file is in memory.

mod archive;
mod content;
mod copy;
mod download;
mod erasure;
mod error;
mod file_name;
mod left_over;
pub mod link;
mod media;
mod objects;
mod reader;
mod registry;
mod rights;
mod seal;
mod thumbnail;
mod upload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

pub use self::copy::copy_registry;
pub use self::download::OpenedFile;
pub use self::error::EvidenceError;
pub use self::file_name::FileName;
pub use self::left_over::Removed;
use self::link::{LinkKey, Wanted};
pub use self::media::Media;
pub use self::objects::ObjectError;
use self::objects::Objects;
use self::reader::Parts;
use self::registry::Registry;
pub use self::registry::{File, State};
pub use self::rights::{CaseOfEvidence, case_of};
use self::seal::{Place, Secret};
pub use self::upload::NewUpload;
use crate::access::Principal;
use crate::clock::Clock;
use crate::keys::{Class, KeyName, KeyStore, KeyVersion, SubjectKey};
use crate::store::{self, Sql, Store, StoreError};
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

/// The most bytes of a file.
pub const FILE_MAX: u64 = 100 * 1024 * 1024;
/// The bytes of each part but the last.
pub const PART_SIZE: u64 = 8 * 1024 * 1024;
/// The most uploads of one login that are not complete.
pub const OPEN_MAX: i64 = 20;
/// The most parts in memory at the same time, over all uploads.
const PARTS_HELD: usize = 8;
/// The most files that are looked at, at the same time.
const CHECKS: usize = 2;
/// The most files that are downloaded at the same time. Each has one part in memory while its reader takes it.
const DOWNLOADS: usize = 32;
/// The purpose for which the secret of a person's files is derived from their key.
const PURPOSE: &str = "evidence";

/// The evidence files of a deployment. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct EvidenceFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    /// None: this server keeps no files.
    objects: Option<Arc<Objects>>,
    keys: KeyStore,
    clock: Arc<Clock>,
    link_key: OnceCell<LinkKey>,
    parts: Semaphore,
    checks: Semaphore,
    downloads: Arc<Semaphore>,
}

/// Every statement of the files of evidence.
pub fn statements() -> Vec<&'static Sql> {
    [registry::STATEMENTS, copy::STATEMENTS].concat()
}

impl EvidenceFiles {
    /// The files of a store, in the folder beside an `SQLite` file. On Postgres there is no such folder, so no files
    /// are kept until a place is given.
    pub fn beside(store: &Arc<Store>, keys: KeyStore, clock: Arc<Clock>) -> Self {
        let objects = match store.place() {
            store::Place::Sqlite { path } => Some(Objects::in_folder(&store::sibling(path, ".evidence"))),
            store::Place::Postgres { .. } => None,
        };
        Self::of(Registry::of(Arc::clone(store)), objects, keys, clock)
    }

    /// The same files, with their objects at the place that a URL names.
    pub fn at(&self, url: &str) -> Result<Self, ObjectError> {
        let Inner { registry, keys, clock, .. } = &*self.0;
        Ok(Self::of(registry.clone(), Some(Objects::of_url(url)?), keys.clone(), Arc::clone(clock)))
    }

    fn of(registry: Registry, objects: Option<Objects>, keys: KeyStore, clock: Arc<Clock>) -> Self {
        Self(Arc::new(Inner {
            registry,
            objects: objects.map(Arc::new),
            keys,
            clock,
            link_key: OnceCell::new(),
            parts: Semaphore::new(PARTS_HELD),
            checks: Semaphore::new(CHECKS),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
        }))
    }

    /// Prepares every statement, so that one which the store does not understand is found before the service starts.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.0.registry.prepare(&statements()).await
    }

    /// The complete files with these digests, by case and digest.
    pub async fn files_of(
        &self,
        wanted: &[(JourneyId, String)],
    ) -> Result<BTreeMap<(JourneyId, String), File>, StoreError> {
        self.0.registry.files_of(wanted).await
    }

    /// A link to a file or its small picture for a caller, for so many seconds.
    pub async fn link(&self, of: (Uuid, Wanted), principal: &Principal, seconds: u16) -> Result<String, EvidenceError> {
        let now = self.0.clock.now();
        Ok(self.link_key().await?.link(of, &sender(principal), now, seconds))
    }

    async fn link_key(&self) -> Result<&LinkKey, StoreError> {
        let read = || async { Ok(LinkKey::of(&self.0.registry.secret().await?)) };
        self.0.link_key.get_or_try_init(read).await
    }

    fn objects(&self) -> Result<&Arc<Objects>, EvidenceError> {
        self.0.objects.as_ref().ok_or(EvidenceError::NoStore)
    }

    /// The key under which a file was sealed.
    async fn key_of(&self, file: &File) -> Result<SubjectKey, EvidenceError> {
        let mut keys = self.0.keys.keys(&BTreeSet::from([file.subject])).await?;
        let version = KeyVersion(file.key_version);
        keys.remove(&KeyName { subject: file.subject, class: CLASS, version }).ok_or(EvidenceError::Erased)
    }

    /// The parts of a file whose upload has all of them.
    async fn parts(&self, file: &File, key: &SubjectKey) -> Result<Parts, EvidenceError> {
        let stored = self.0.registry.stored(file.id).await?;
        let missing: Vec<u32> = (1..=file.parts()).filter(|number| !stored.contains_key(number)).collect();
        if !missing.is_empty() {
            return Err(EvidenceError::Missing(missing));
        }
        let ids = stored.into_iter().filter(|(number, _)| *number > 0).map(|(_, id)| id).collect();
        let (objects, secret) = (Arc::clone(self.objects()?), secret(key));
        Ok(Parts { objects, secret, place: place(file, 0), ids, part_size: file.part_size, size: file.size })
    }
}

/// The class of the keys of files: what they show may be of any kind.
const CLASS: Class = Class::Special;

fn secret(key: &SubjectKey) -> Secret {
    Secret(key.derive(PURPOSE))
}

fn place(file: &File, number: u32) -> Place {
    Place { file: file.id, subject: file.subject, key_version: file.key_version, number }
}

/// The place of the sealed name of a file.
fn place_of_name(file: Uuid, subject: SubjectId) -> Vec<u8> {
    [b"throughline evidence name 1\0".as_slice(), file.as_bytes(), subject.0.as_bytes()].concat()
}

/// A caller, as uploads and links name them: the role and the key of the login.
fn sender(principal: &Principal) -> String {
    let (role, login) = principal.key();
    format!("{role} {login}")
}
