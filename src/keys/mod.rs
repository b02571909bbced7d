//! The key store: one key for each person and class, apart from the log, so that no byte of the log changes when a key
//! is destroyed.
//!
//! Keys are stored wrapped by a key-encryption key that is kept elsewhere. No key is cached: one that is destroyed
//! opens nothing from then on, on every node. A key never shows in debug output, errors or logs. Without a key store
//! nothing is opened and nothing new is sealed; everything else works.

pub mod access_log;
mod away;
mod backup;
mod erased;
mod rotate;
mod seal;
pub(crate) mod search;
mod subject_key;
mod wrapper;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::away::Away;
pub use self::backup::{KEPT_FOR, KeysCopied, prune};
pub use self::erased::{Erased, RecordOfSource};
pub use self::rotate::Rotated;
pub use self::seal::{NotSealed, Opened, key_of, open_text, seal_event};
pub use self::search::{Likeness, Pair, Token};
pub use self::subject_key::{NotOpened, SubjectKey};
pub use self::wrapper::{Bound, KekSource, KeyWrapper, LocalKek, Wrapped};
use crate::clock::{Chance, Clock};
use crate::store::{Apart, Conn, IfMissing, PlaceApart, Sql, Store, StoreError, columns, doing, on, prepare};
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::envelope::SubjectId;
pub use throughline_domain::fact::sealed::{Class, KeyName, KeyVersion};

static KEYS: Sql = Sql::new(
    "select subject, class, version, wrapped_by, wrapped from keys where subject in {uuids $1} \
     order by subject, class, version limit $2",
);

static ADD: Sql = Sql::new(
    "insert into keys (subject, class, version, wrapped_by, wrapped, created_at) values ($1, $2, $3, $4, $5, $6) \
     on conflict (subject, class, version) do nothing",
);

static REWRAP: Sql = Sql::new(
    "update keys set wrapped_by = $1, wrapped = $2 where subject = $3 and class = $4 and version = $5 \
     and wrapped_by = $6",
);

static BURY: Sql = Sql::new(
    "insert into keys (subject, class, version, created_at, destroyed_at) values ($1, $2, 1, $3, $3) \
     on conflict (subject, class, version) do update set wrapped_by = null, wrapped = null, destroyed_at = $3 \
     where keys.wrapped is not null",
);

static BURY_OTHERS: Sql = Sql::new(
    "update keys set wrapped_by = null, wrapped = null, destroyed_at = $2 \
     where subject = $1 and class <> 'deployment' and wrapped is not null",
);

static IS_EMPTY: Sql = Sql::new("select count(*) from (select 1 from keys limit 1) found");

/// Every statement of the database of keys.
pub fn statements() -> Vec<&'static Sql> {
    [STATEMENTS, access_log::STATEMENTS, search::STATEMENTS].concat()
}

static STATEMENTS: &[&Sql] = &[
    &KEYS,
    &ADD,
    &REWRAP,
    &BURY,
    &BURY_OTHERS,
    &IS_EMPTY,
    &rotate::WRAPPED_OTHERWISE,
    &erased::ERASED,
    &erased::ADD_ERASED,
    &erased::ADD_SUPPRESSED,
    &erased::HAS_ERASED,
    &erased::IS_SUPPRESSED,
    &backup::ROWS,
    &backup::ADD_ROW,
    &backup::RECORDS,
    &backup::ENTRIES,
    &backup::ADD_ENTRY,
    &backup::MARK,
    &backup::MARKED,
];

static LEFT_OUT: Repeated = Repeated::warning("a key cannot be unwrapped, and what it seals stays sealed");

/// The class under which the deployment's own key is stored. It belongs to no person.
const DEPLOYMENT: &str = "deployment";
/// The first version of a key.
const FIRST: KeyVersion = KeyVersion(1);

/// Where the keys are, and what wraps them.
#[derive(Debug, Clone, Default)]
pub struct KeyPlaces {
    /// The URL of the database of keys. None: beside the database of the log.
    pub keys: Option<String>,
    /// The file of the key-encryption key. None: beside the database of the log, on `SQLite`.
    pub kek_file: Option<PathBuf>,
    /// The key-encryption keys themselves, in base64, the current one first. They take precedence over a file.
    pub kek: Option<Kek>,
}

/// Key-encryption keys as text. They never show in debug output.
#[derive(Clone)]
pub struct Kek(pub String);

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kek(secret)")
    }
}

/// Whether to create a key store where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysOf {
    /// The log is new, so its key store is created with it.
    NewLog,
    /// The log has events, so a missing key store is lost or elsewhere. It is never replaced by an empty one.
    KnownLog,
}

/// The keys of people. Clones are handles to the same store.
#[derive(Debug, Clone)]
pub struct KeyStore(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Here(Here),
    Away(Away),
}

/// An open key store.
#[derive(Debug)]
struct Here {
    database: Apart,
    wrapper: Box<dyn KeyWrapper>,
    clock: Arc<Clock>,
}

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key store is not there.
    #[error("the key store is away: {0}")]
    Away(Away),
    /// The keys of this person were destroyed.
    #[error("the keys of subject {0} were destroyed: nothing can be sealed for an erased person")]
    Destroyed(SubjectId),
    /// A key is wrapped by a key-encryption key that is not given.
    #[error("a key is wrapped by the key-encryption key {0}, which is not given: give it, or restore its file")]
    UnknownKek(String),
    /// A key cannot be unwrapped, because its row was changed.
    #[error("the key {class} of subject {subject} is damaged: restore the key store from a backup")]
    Damaged {
        /// The person.
        subject: Uuid,
        /// The class.
        class: String,
    },
    /// The key-encryption key cannot be read or written.
    #[error("cannot use the key-encryption key in {place}: {reason}")]
    Kek {
        /// The file or variable.
        place: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A file is not a backup of keys.
    #[error("{} is no backup of keys: give a file that `throughline key backup` wrote", .0.display())]
    NoBackup(PathBuf),
    /// A row of the list of erased people cannot be read.
    #[error("the list of erased people has an unknown ground {0:?}: use the version of the program that wrote it")]
    Ground(String),
    /// The database of keys failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

columns! {
    /// A key as stored.
    struct Row {
        subject: Uuid,
        class: String,
        version: i64,
        wrapped_by: Option<String>,
        wrapped: Option<Vec<u8>>,
    }
}

impl Row {
    fn wrapped(&self) -> Option<Wrapped> {
        Some(Wrapped { by: self.wrapped_by.clone()?, bytes: self.wrapped.clone()? })
    }

    fn bound(&self) -> Bound<'_> {
        Bound { subject: self.subject, class: &self.class, version: self.version }
    }

    fn name(&self) -> Option<KeyName> {
        let class = Class::ALL.into_iter().find(|class| class.as_str() == self.class)?;
        let version = KeyVersion(u32::try_from(self.version).ok()?);
        Some(KeyName { subject: SubjectId(self.subject), class, version })
    }
}

/// The keys of several people.
pub type Keys = HashMap<KeyName, SubjectKey>;

impl KeyStore {
    /// Opens the key store of a log. If it is missing, or what wraps the keys is, it is away, which is no error: the
    /// reason is given by [`KeyStore::why_away`].
    pub async fn open(store: &Store, places: &KeyPlaces, of: KeysOf, clock: Arc<Clock>) -> Self {
        let opened = Self::opened(store, places, of, clock).await;
        Self(Arc::new(opened.unwrap_or_else(Inner::Away)))
    }

    /// A key store that cannot be used, for this reason.
    pub fn away(reason: &(dyn std::error::Error + 'static)) -> Self {
        Self(Arc::new(Inner::Away(Away::failed(reason))))
    }

    /// A key store that is away.
    pub fn none() -> Self {
        Self(Arc::new(Inner::Away(Away::NotOpened)))
    }

    async fn opened(store: &Store, places: &KeyPlaces, of: KeysOf, clock: Arc<Clock>) -> Result<Inner, Away> {
        let source = KekSource::of(store, places)?;
        let place = match &places.keys {
            Some(url) => PlaceApart::of_url(url),
            None => Ok(PlaceApart::beside(store, "keys")),
        };
        let place = place.map_err(|error| Away::failed(&error))?;
        let if_missing = match of {
            KeysOf::NewLog => IfMissing::Create,
            KeysOf::KnownLog => IfMissing::Leave,
        };
        let database = place.open(if_missing).await.map_err(|error| Away::failed(&error))?;
        let database = database.ok_or_else(|| Away::Missing(place.shown()))?;
        let here = Self::unwrapping(database.clone(), source, clock).await;
        if here.is_err() {
            database.close().await;
        }
        here.map(Inner::Here).map_err(Away::of)
    }

    /// The open store, once the deployment's key shows that the key-encryption key is the right one.
    async fn unwrapping(database: Apart, source: KekSource, clock: Arc<Clock>) -> Result<Here, KeyError> {
        prepare(&database.reader, &statements()).await?;
        let sql = IS_EMPTY.text(database.reader.dialect());
        let (rows,): (i64,) = on!(&database.reader, pool => sqlx::query_as(sql).fetch_one(pool).await)
            .map_err(doing("look whether there are keys"))?;
        if rows == 0 {
            source.make_if_missing()?;
        }
        let here = Here { database, wrapper: Box::new(LocalKek::read(source)?), clock };
        here.deployment_key().await?;
        Ok(here)
    }

    /// Why the key store is away, if it is.
    pub fn why_away(&self) -> Option<&Away> {
        match &*self.0 {
            Inner::Here(_) => None,
            Inner::Away(away) => Some(away),
        }
    }

    fn here(&self) -> Result<&Here, KeyError> {
        match &*self.0 {
            Inner::Here(here) => Ok(here),
            Inner::Away(away) => Err(KeyError::Away(away.clone())),
        }
    }

    /// The newest key of a person. `None` if there is none, or if it was destroyed.
    pub async fn key(&self, subject: SubjectId, class: Class) -> Result<Option<SubjectKey>, KeyError> {
        match self.here()?.newest(subject, class).await? {
            Newest::Key(key) => Ok(Some(key)),
            Newest::Destroyed | Newest::None => Ok(None),
        }
    }

    /// The newest key of a person, made if there is none. It is on disk before this returns. Refused if the keys of the
    /// person were destroyed.
    pub async fn key_or_new(&self, subject: SubjectId, class: Class) -> Result<SubjectKey, KeyError> {
        let here = self.here()?;
        if let Newest::None = here.newest(subject, class).await? {
            here.add(Bound { subject: subject.0, class: class.as_str(), version: FIRST.0.into() }).await?;
        } else {
            return here.existing(subject, class).await;
        }
        // Another node may have made one at the same moment, or destroyed it.
        here.existing(subject, class).await
    }

    /// The keys of these people, every class and version, read by one statement. People without keys, or whose keys
    /// were destroyed, are left out.
    pub async fn keys(&self, subjects: &BTreeSet<SubjectId>) -> Result<Keys, KeyError> {
        let here = self.here()?;
        match here.keys(subjects).await {
            // A rotation ended after the rows were read and before they were unwrapped.
            Err(KeyError::UnknownKek(_)) => here.keys_that_unwrap(subjects).await,
            read => read,
        }
    }

    /// Destroys every key of a person, for good: no new one is made.
    pub async fn destroy(&self, subject: SubjectId) -> Result<(), KeyError> {
        let here = self.here()?;
        here.bury(subject).await?;
        Ok(here.database.forget_what_was_deleted().await?)
    }

    /// The deployment's key for blind indexes. It belongs to no person.
    pub async fn index_key(&self) -> Result<[u8; 32], KeyError> {
        Ok(self.here()?.deployment_key().await?.derive("blind index"))
    }

    /// Closes the key store.
    pub async fn close(&self) {
        if let Inner::Here(here) = &*self.0 {
            here.database.close().await;
        }
    }
}

/// The state of a person's newest key.
enum Newest {
    Key(SubjectKey),
    Destroyed,
    None,
}

impl Here {
    async fn rows(&self, subjects: &BTreeSet<SubjectId>) -> Result<Vec<Row>, StoreError> {
        let reader = &self.database.reader;
        let sql = KEYS.text(reader.dialect());
        let wanted = serde_json::json!(subjects).to_string();
        on!(reader, pool => sqlx::query_as(sql).bind(&wanted).bind(i64::MAX).fetch_all(pool).await)
            .map_err(doing("read keys"))
    }

    async fn keys(&self, subjects: &BTreeSet<SubjectId>) -> Result<Keys, KeyError> {
        let mut keys = Keys::new();
        for row in self.rows(subjects).await? {
            if let (Some(name), Some(wrapped)) = (row.name(), row.wrapped()) {
                let bytes = self.wrapper.unwrap(row.bound(), &wrapped).await?;
                keys.insert(name, SubjectKey::new(name, bytes));
            }
        }
        Ok(keys)
    }

    /// The keys of these people without those that no key-encryption key opens. One such key, which a server was adding
    /// when it was killed during a rotation, does not keep the keys of others away.
    async fn keys_that_unwrap(&self, subjects: &BTreeSet<SubjectId>) -> Result<Keys, KeyError> {
        // If this one cannot be unwrapped either, the key-encryption key is not the right one.
        self.deployment_key().await?;
        let mut keys = Keys::new();
        for row in self.rows(subjects).await? {
            let (Some(name), Some(wrapped)) = (row.name(), row.wrapped()) else { continue };
            match self.wrapper.unwrap(row.bound(), &wrapped).await {
                Ok(bytes) => drop(keys.insert(name, SubjectKey::new(name, bytes))),
                Err(error @ KeyError::UnknownKek(_)) => LEFT_OUT.met(&error),
                Err(error) => return Err(error),
            }
        }
        Ok(keys)
    }

    async fn newest(&self, subject: SubjectId, class: Class) -> Result<Newest, KeyError> {
        match self.newest_read(subject, class).await {
            // A rotation ended after the row was read and before it was unwrapped.
            Err(KeyError::UnknownKek(_)) => self.newest_read(subject, class).await,
            read => read,
        }
    }

    async fn newest_read(&self, subject: SubjectId, class: Class) -> Result<Newest, KeyError> {
        let rows = self.rows(&BTreeSet::from([subject])).await?;
        let Some(row) = rows.into_iter().rev().find(|row| row.class == class.as_str()) else {
            return Ok(Newest::None);
        };
        let (Some(name), Some(wrapped)) = (row.name(), row.wrapped()) else { return Ok(Newest::Destroyed) };
        Ok(Newest::Key(SubjectKey::new(name, self.wrapper.unwrap(row.bound(), &wrapped).await?)))
    }

    async fn existing(&self, subject: SubjectId, class: Class) -> Result<SubjectKey, KeyError> {
        match self.newest(subject, class).await? {
            Newest::Key(key) => Ok(key),
            Newest::Destroyed => Err(KeyError::Destroyed(subject)),
            Newest::None => Err(KeyError::Damaged { subject: subject.0, class: class.as_str().to_owned() }),
        }
    }

    /// The key that belongs to no person, made at the first start.
    async fn deployment_key(&self) -> Result<SubjectKey, KeyError> {
        let subject = Uuid::nil();
        let bound = Bound { subject, class: DEPLOYMENT, version: FIRST.0.into() };
        let of_deployment = |rows: Vec<Row>| rows.into_iter().find(|row| row.class == DEPLOYMENT);
        let nobody = BTreeSet::from([SubjectId(subject)]);
        let row = if let Some(row) = of_deployment(self.rows(&nobody).await?) {
            row
        } else {
            self.add(bound).await?;
            let made = of_deployment(self.rows(&nobody).await?);
            made.ok_or_else(|| KeyError::Damaged { subject, class: DEPLOYMENT.to_owned() })?
        };
        let damaged = || KeyError::Damaged { subject, class: DEPLOYMENT.to_owned() };
        let wrapped = row.wrapped().ok_or_else(damaged)?;
        let name = KeyName { subject: SubjectId(subject), class: Class::Identity, version: FIRST };
        Ok(SubjectKey::new(name, self.wrapper.unwrap(bound, &wrapped).await?))
    }

    /// Adds a new key, unless there is one of this name. Key material is never reproducible, whatever the clock and
    /// randomness of the rest.
    async fn add(&self, bound: Bound<'_>) -> Result<(), KeyError> {
        let mut key: [u8; 32] = Chance::System.bytes();
        let added = self.add_this(bound, &key).await;
        subject_key::wipe(&mut key);
        added
    }

    /// Adds this key. A rotation may pass the row before it is there, and forget the key-encryption key that wraps it:
    /// then it is wrapped again from the key itself.
    async fn add_this(&self, bound: Bound<'_>, key: &[u8; 32]) -> Result<(), KeyError> {
        let mut wrapped = self.wrapper.wrap(bound, key).await?;
        if !self.insert(bound, &wrapped).await? {
            // Another node was first, and sees to its own row.
            return Ok(());
        }
        while self.wrapper.current().await? != wrapped.by {
            let again = self.wrapper.wrap(bound, key).await?;
            self.replace(bound, &wrapped.by, &again).await?;
            wrapped = again;
        }
        Ok(())
    }

    /// Inserts a row. False if there is one of this name.
    async fn insert(&self, bound: Bound<'_>, wrapped: &Wrapped) -> Result<bool, KeyError> {
        let now = self.clock.now();
        let writer = &self.database.writer;
        let sql = ADD.text(writer.dialect());
        let inserted = on!(writer, pool => {
            sqlx::query(sql)
                .bind(bound.subject)
                .bind(bound.class)
                .bind(bound.version)
                .bind(&wrapped.by)
                .bind(&wrapped.bytes)
                .bind(now)
                .execute(pool)
                .await
                .map(|done| done.rows_affected())
        });
        Ok(inserted.map_err(doing("add a key"))? == 1)
    }

    /// Replaces the wrapped key of a row that this key-encryption key still wraps.
    async fn replace(&self, bound: Bound<'_>, by: &str, new: &Wrapped) -> Result<(), KeyError> {
        let writer = &self.database.writer;
        let sql = REWRAP.text(writer.dialect());
        let replaced = on!(writer, pool => {
            let rewrap = sqlx::query(sql).bind(&new.by).bind(&new.bytes).bind(bound.subject).bind(bound.class);
            rewrap.bind(bound.version).bind(by).execute(pool).await.map(drop)
        });
        Ok(replaced.map_err(doing("wrap a new key again"))?)
    }

    async fn bury(&self, subject: SubjectId) -> Result<(), KeyError> {
        let now: DateTime<Utc> = self.clock.now();
        let mut conn = Conn::begun(&self.database.writer).await.map_err(doing("begin to destroy keys"))?;
        let buried = bury_in(&mut conn, subject, now).await;
        let done = match buried {
            Ok(()) => conn.commit().await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            conn.rollback().await;
        }
        Ok(done.map_err(doing("destroy keys"))?)
    }
}

/// Replaces every key of a person by a row without a key.
async fn bury_in(conn: &mut Conn, subject: SubjectId, now: DateTime<Utc>) -> sqlx::Result<()> {
    let (bury, others) = (BURY.text(conn.dialect()), BURY_OTHERS.text(conn.dialect()));
    for class in Class::ALL {
        on!(conn, conn => {
            sqlx::query(bury).bind(subject.0).bind(class.as_str()).bind(now).execute(&mut **conn).await.map(drop)
        })?;
    }
    on!(conn, conn => sqlx::query(others).bind(subject.0).bind(now).execute(&mut **conn).await.map(drop))?;
    search::remove_in(conn, subject).await
}
