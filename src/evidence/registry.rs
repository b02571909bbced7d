//! The registry of evidence files: what was uploaded by whom for which case, and which objects hold it.
//!
//! It cannot be rebuilt from the log, so it is beside the log. The name of a file is only ever here as sealed bytes.
//! Every change runs in a task of its own: a client that hangs up leaves no open transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::media::Media;
use crate::store::{Conn, Sql, Store, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

macro_rules! file {
    ($rest:literal) => {
        concat!(
            "select id, journey, subject, sender, name, media_type, size, part_size, key_version, state, sha256, \
             thumbnail, touched_at from evidence_files where ",
            $rest
        )
    };
}

static FILE: Sql = Sql::new(file!("id = $1"));
static FILES_OF: Sql = Sql::new(file!(
    "state = 'complete' and journey in {uuids $1} and sha256 in {texts $2} order by journey, sha256, opened_at, id \
     limit $3"
));
static LEFT_OVER: Sql = Sql::new(file!("not is_kept and touched_at < $1 order by touched_at, id limit $2"));
static OF_PERSON: Sql = Sql::new(file!("subject = $1 and id > $2 order by id limit $3"));
static OPEN_OF_SENDER: Sql =
    Sql::new("select count(*) from evidence_files where sender = $1 and sha256 is null and state <> 'complete'");
static ADD_FILE: Sql = Sql::new(
    "insert into evidence_files (id, journey, subject, sender, name, media_type, size, part_size, key_version, state, \
     is_kept, opened_at, touched_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $11, $11)",
);
static CHECK: Sql = Sql::new(
    "update evidence_files set state = 'checking', touched_at = $2 where id = $1 and state in ('open', 'checking')",
);
static COMPLETE: Sql = Sql::new(
    "update evidence_files set state = 'complete', sha256 = $2, touched_at = $4, thumbnail = \
     (select o.id from evidence_objects o where o.file = evidence_files.id and o.number = 0 and o.is_stored = $3 \
     order by o.made_at, o.id limit 1) where id = $1 and state = 'checking'",
);
static TOUCH: Sql = Sql::new("update evidence_files set touched_at = $2 where id = $1 and state = 'complete'");
static KEEP: Sql = Sql::new("update evidence_files set is_kept = $2 where id = $1");
static REMOVE: Sql = Sql::new("delete from evidence_files where id = $1 and touched_at = $2 and not is_kept");
static ERASE: Sql = Sql::new("delete from evidence_files where id = $1");
static STORED: Sql = Sql::new(
    "select number, id from evidence_objects where file = $1 and is_stored = $2 order by number, made_at, id limit $3",
);
static OBJECTS: Sql = Sql::new("select number, id from evidence_objects where file = $1 order by number, id limit $2");
static GARBAGE: Sql = Sql::new(
    "select o.id from evidence_objects o left join evidence_files f on f.id = o.file \
     where o.made_at < $1 and (f.id is null or o.is_stored = $2) order by o.made_at, o.id limit $3",
);
static ADD_OBJECT: Sql =
    Sql::new("insert into evidence_objects (id, file, number, is_stored, made_at) values ($1, $2, $3, $4, $5)");
static REPLACE: Sql = Sql::new(
    "update evidence_objects set is_stored = $4 where file = $1 and number = $2 and id <> $3 and is_stored <> $4",
);
static TAKE: Sql = Sql::new("update evidence_files set touched_at = $3 where id = $1 and state = $2");
static STORE: Sql = Sql::new("update evidence_objects set is_stored = $2 where id = $1");
static FORGET: Sql = Sql::new("delete from evidence_objects where id = $1");
static SECRET: Sql = Sql::new("select value from secrets where name = $1");

/// Every statement of the registry.
pub(super) static STATEMENTS: &[&Sql] = &[
    &FILE,
    &FILES_OF,
    &LEFT_OVER,
    &OF_PERSON,
    &OPEN_OF_SENDER,
    &ADD_FILE,
    &CHECK,
    &COMPLETE,
    &TOUCH,
    &KEEP,
    &REMOVE,
    &ERASE,
    &STORED,
    &OBJECTS,
    &GARBAGE,
    &ADD_OBJECT,
    &REPLACE,
    &TAKE,
    &STORE,
    &FORGET,
    &SECRET,
];

/// The most objects of one file.
const OBJECTS_MAX: i64 = 100_000;

columns! {
    struct Row {
        id: Uuid,
        journey: Uuid,
        subject: Uuid,
        sender: String,
        name: Vec<u8>,
        media_type: String,
        size: i64,
        part_size: i64,
        key_version: i64,
        state: String,
        sha256: Option<String>,
        thumbnail: Option<Uuid>,
        touched_at: DateTime<Utc>,
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Parts may arrive.
    Open,
    /// All parts are there and are being looked at.
    Checking,
    /// It is whole and good.
    Complete {
        /// SHA-256 of the file, in lower-case hexadecimal.
        sha256: String,
        /// The object of its small picture, if it has one.
        thumbnail: Option<Uuid>,
    },
}

/// An uploaded file.
#[derive(Debug, Clone)]
pub struct File {
    /// The id of the upload, and then of the file.
    pub id: Uuid,
    /// The case.
    pub journey: JourneyId,
    /// The person whom the case is about.
    pub subject: SubjectId,
    /// Who opened the upload: the role and the key of the login.
    pub(super) sender: String,
    /// The sealed name.
    pub(super) name: Vec<u8>,
    /// The type.
    pub media: Media,
    /// The size in bytes.
    pub size: u64,
    /// The size of each part but the last.
    pub part_size: u64,
    /// The version of the person's key.
    pub(super) key_version: u32,
    /// How far the upload is.
    pub state: State,
    /// When it was last changed or used.
    pub(super) touched_at: DateTime<Utc>,
}

impl File {
    /// The number of parts.
    pub fn parts(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_size)).unwrap_or(u32::MAX)
    }

    /// The size of the part with this number, from 1. `None` if there is no such part.
    pub fn part_length(&self, number: u32) -> Option<u64> {
        let before = self.part_size * u64::from(number.checked_sub(1)?);
        (before < self.size).then(|| self.part_size.min(self.size - before))
    }
}

impl TryFrom<Row> for File {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = |what: &str| {
            doing("read the registry of evidence files")(sqlx::Error::Decode(format!("{what} is unknown").into()))
        };
        let state = match (row.state.as_str(), row.sha256) {
            ("open", _) => State::Open,
            ("checking", _) => State::Checking,
            (_, Some(sha256)) => State::Complete { sha256, thumbnail: row.thumbnail },
            (_, None) => return Err(unreadable("the state")),
        };
        Ok(Self {
            id: row.id,
            journey: JourneyId(row.journey),
            subject: SubjectId(row.subject),
            sender: row.sender,
            name: row.name,
            media: Media::named(&row.media_type).ok_or_else(|| unreadable("the type"))?,
            size: row.size.unsigned_abs(),
            part_size: row.part_size.unsigned_abs().max(1),
            key_version: u32::try_from(row.key_version).map_err(|_| unreadable("the key version"))?,
            state,
            touched_at: row.touched_at,
        })
    }
}

/// A file that is being opened.
#[derive(Debug, Clone)]
pub(super) struct NewFile {
    pub(super) id: Uuid,
    pub(super) journey: JourneyId,
    pub(super) subject: SubjectId,
    pub(super) sender: String,
    pub(super) name: Vec<u8>,
    pub(super) media: Media,
    pub(super) size: u64,
    pub(super) part_size: u64,
    pub(super) key_version: u32,
    pub(super) at: DateTime<Utc>,
}

/// A new object of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewObject {
    pub(super) id: Uuid,
    pub(super) file: Uuid,
    pub(super) number: u32,
    pub(super) at: DateTime<Utc>,
}

/// The registry of a store. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct Registry {
    store: Arc<Store>,
    /// One change at a time, so that the append task never waits for more than one.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// A transaction of the registry.
struct Writing {
    conn: Conn,
    what: &'static str,
    _alone: tokio::sync::OwnedMutexGuard<()>,
}

impl Writing {
    /// Takes back what was done.
    async fn take_back(mut self) {
        self.conn.rollback().await;
    }

    /// Commits what was done, or takes it back.
    async fn end<T>(mut self, done: sqlx::Result<T>) -> Result<T, StoreError> {
        let ended = match done {
            Ok(done) => self.conn.commit().await.map(|()| done),
            Err(error) => Err(error),
        };
        if ended.is_err() {
            self.conn.rollback().await;
        }
        ended.map_err(doing(self.what))
    }
}

/// Runs one statement in a transaction of its own and gives the number of changed rows.
macro_rules! change {
    ($registry:expr, $what:literal, $sql:expr, $($value:expr),+) => {{
        let registry = $registry.clone();
        detached(async move {
            let mut writing = registry.begin($what).await?;
            let sql = $sql.text(registry.store.dialect());
            let done = on!(&mut writing.conn, conn => {
                sqlx::query(sql)$(.bind($value))+.execute(&mut **conn).await.map(|done| done.rows_affected())
            });
            writing.end(done).await
        })
        .await
    }};
}

/// Runs a change to its end, even if nobody waits for it any more.
async fn detached<T: Send + 'static>(
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = tokio::spawn(change).await;
    ended.unwrap_or_else(|_| Err(doing("change the registry of evidence files")(sqlx::Error::WorkerCrashed)))
}

impl Registry {
    pub(super) fn of(store: Arc<Store>) -> Self {
        Self { store, writing: Arc::default() }
    }

    /// Prepares these statements.
    pub(super) async fn prepare(&self, statements: &[&'static Sql]) -> Result<(), StoreError> {
        self.store.prepare(statements).await
    }

    async fn begin(&self, what: &'static str) -> Result<Writing, StoreError> {
        let alone = Arc::clone(&self.writing).lock_owned().await;
        let conn = Conn::begun(&self.store.writer).await.map_err(doing(what))?;
        Ok(Writing { conn, what, _alone: alone })
    }

    /// The key of this deployment from which the key of links follows.
    pub(super) async fn secret(&self) -> Result<Vec<u8>, StoreError> {
        let sql = SECRET.text(self.store.dialect());
        let found: sqlx::Result<(Vec<u8>,)> =
            on!(&self.store.reader, pool => sqlx::query_as(sql).bind("command_fingerprint").fetch_one(pool).await);
        Ok(found.map_err(doing("read the key of links to evidence files"))?.0)
    }

    /// The file with this id.
    pub(super) async fn file(&self, id: Uuid) -> Result<Option<File>, StoreError> {
        let sql = FILE.text(self.store.dialect());
        let found: sqlx::Result<Option<Row>> =
            on!(&self.store.reader, pool => sqlx::query_as(sql).bind(id).fetch_optional(pool).await);
        found.map_err(doing("read an evidence file"))?.map(File::try_from).transpose()
    }

    /// The complete files with these digests, by case and digest. Of several with one digest, the first.
    pub(super) async fn files_of(
        &self,
        wanted: &[(JourneyId, String)],
    ) -> Result<BTreeMap<(JourneyId, String), File>, StoreError> {
        let sql = FILES_OF.text(self.store.dialect());
        let journeys = json!(wanted.iter().map(|(journey, _)| journey).collect::<Vec<_>>()).to_string();
        let digests = json!(wanted.iter().map(|(_, digest)| digest).collect::<Vec<_>>()).to_string();
        let found: sqlx::Result<Vec<Row>> = on!(&self.store.reader, pool => {
            sqlx::query_as(sql).bind(&journeys).bind(&digests).bind(i64::MAX).fetch_all(pool).await
        });
        let mut files = BTreeMap::new();
        for row in found.map_err(doing("find evidence files"))? {
            let file = File::try_from(row)?;
            if let State::Complete { sha256, .. } = &file.state {
                files.entry((file.journey, sha256.clone())).or_insert(file);
            }
        }
        Ok(files)
    }

    /// Adds a file whose parts may arrive, unless its sender has so many uploads that are not complete. Returns whether
    /// it was added. They are counted in the same transaction, so that uploads opened at once do not pass the limit.
    pub(super) async fn add(&self, new: NewFile, most: i64) -> Result<bool, StoreError> {
        let size = i64::try_from(new.size).unwrap_or(i64::MAX);
        let part_size = i64::try_from(new.part_size).unwrap_or(i64::MAX);
        let registry = self.clone();
        detached(async move {
            let mut writing = registry.begin("open an upload").await?;
            let dialect = registry.store.dialect();
            let done: sqlx::Result<bool> = on!(&mut writing.conn, conn => async {
                let open = sqlx::query_as(OPEN_OF_SENDER.text(dialect)).bind(new.sender.as_str());
                let (open,): (i64,) = open.fetch_one(&mut **conn).await?;
                if open >= most {
                    return Ok(false);
                }
                let add = sqlx::query(ADD_FILE.text(dialect)).bind(new.id).bind(new.journey.0).bind(new.subject.0);
                let add = add.bind(new.sender.as_str()).bind(new.name.as_slice()).bind(new.media.as_str());
                let add = add.bind(size).bind(part_size).bind(i64::from(new.key_version)).bind(false).bind(new.at);
                add.execute(&mut **conn).await?;
                Ok(true)
            }
            .await);
            writing.end(done).await
        })
        .await
    }

    /// Adds an object before it is stored, so that nothing in the evidence store is unknown here.
    pub(super) async fn add_object(&self, new: NewObject) -> Result<(), StoreError> {
        let what = (new.id, new.file, i64::from(new.number), new.at);
        change!(self, "add a part of an upload", ADD_OBJECT, what.0, what.1, what.2, false, what.3).map(drop)
    }

    /// Counts an object as stored in place of an earlier one with its number. Returns the ids that it replaces, or
    /// `None` if the file no longer takes it.
    pub(super) async fn store(&self, of: NewObject) -> Result<Option<Vec<Uuid>>, StoreError> {
        let replaced: Vec<Uuid> =
            self.stored(of.file).await?.remove(&of.number).into_iter().filter(|id| *id != of.id).collect();
        // A small picture is made while the file is looked at.
        let while_in = if of.number == 0 { "checking" } else { "open" };
        let registry = self.clone();
        let stored = detached(async move {
            let mut writing = registry.begin("store a part of an upload").await?;
            let dialect = registry.store.dialect();
            let done: sqlx::Result<u64> = on!(&mut writing.conn, conn => async {
                // This holds the file's row, so that another server cannot begin to look at the parts meanwhile.
                let take = sqlx::query(TAKE.text(dialect)).bind(of.file).bind(while_in).bind(of.at);
                if take.execute(&mut **conn).await?.rows_affected() == 0 {
                    return Ok(0);
                }
                let replace = sqlx::query(REPLACE.text(dialect)).bind(of.file).bind(i64::from(of.number)).bind(of.id);
                replace.bind(false).execute(&mut **conn).await?;
                let store = sqlx::query(STORE.text(dialect)).bind(of.id).bind(true);
                Ok(store.execute(&mut **conn).await?.rows_affected())
            }
            .await);
            if matches!(done, Ok(0)) {
                // The state changed meanwhile, so nothing is replaced either.
                writing.take_back().await;
                return Ok(0);
            }
            writing.end(done).await
        })
        .await?;
        Ok((stored == 1).then_some(replaced))
    }

    /// The stored objects of a file, by number.
    pub(super) async fn stored(&self, file: Uuid) -> Result<BTreeMap<u32, Uuid>, StoreError> {
        let sql = STORED.text(self.store.dialect());
        let found: sqlx::Result<Vec<(i64, Uuid)>> = on!(&self.store.reader, pool => {
            sqlx::query_as(sql).bind(file).bind(true).bind(OBJECTS_MAX).fetch_all(pool).await
        });
        Ok(by_number(found.map_err(doing("read the parts of an evidence file"))?))
    }

    /// Closes an upload to further parts, because they are looked at. Returns whether it was not complete.
    pub(super) async fn check(&self, file: Uuid, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(change!(self, "check an upload", CHECK, file, at)? == 1)
    }

    /// Completes an upload, with the small picture that is stored for it. Returns whether it was being checked.
    pub(super) async fn complete(&self, file: Uuid, sha256: String, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(change!(self, "complete an upload", COMPLETE, file, sha256.as_str(), true, at)? == 1)
    }

    /// Records that a complete file is used, so that it is not removed as left over for another day.
    pub(super) async fn touch(&self, file: Uuid, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(change!(self, "use an evidence file", TOUCH, file, at)? == 1)
    }

    /// Records that the log names a file, so that it stays.
    pub(super) async fn keep(&self, file: Uuid) -> Result<(), StoreError> {
        change!(self, "keep an evidence file", KEEP, file, true).map(drop)
    }

    /// Removes a file that nobody has used since it was read. Returns its objects, which are then nobody's.
    pub(super) async fn remove(&self, file: &File) -> Result<Option<Vec<Uuid>>, StoreError> {
        let objects = self.objects_of(file.id).await?;
        let (id, touched_at) = (file.id, file.touched_at);
        let removed = change!(self, "remove an evidence file", REMOVE, id, touched_at)?;
        Ok((removed == 1).then_some(objects))
    }

    /// Every object of a file, stored or not.
    pub(super) async fn objects_of(&self, file: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let sql = OBJECTS.text(self.store.dialect());
        let objects: sqlx::Result<Vec<(i64, Uuid)>> = on!(&self.store.reader, pool => {
            sqlx::query_as(sql).bind(file).bind(OBJECTS_MAX).fetch_all(pool).await
        });
        let objects = objects.map_err(doing("read the objects of an evidence file"))?;
        Ok(objects.into_iter().map(|(_, id)| id).collect())
    }

    /// Files that were sealed for a person, from after this id on.
    pub(super) async fn of_person(
        &self,
        subject: SubjectId,
        (after, most): (Uuid, i64),
    ) -> Result<Vec<File>, StoreError> {
        let sql = OF_PERSON.text(self.store.dialect());
        let found: sqlx::Result<Vec<Row>> = on!(&self.store.reader, pool => {
            sqlx::query_as(sql).bind(subject.0).bind(after).bind(most).fetch_all(pool).await
        });
        found.map_err(doing("find the evidence files of a person"))?.into_iter().map(File::try_from).collect()
    }

    /// Removes a file whose objects are deleted, also if it was used since it was read.
    pub(super) async fn erase(&self, file: Uuid) -> Result<(), StoreError> {
        change!(self, "erase an evidence file", ERASE, file).map(drop)
    }

    /// Files that nobody has used since an instant and that are not known to be kept.
    pub(super) async fn left_over(&self, before: DateTime<Utc>, most: i64) -> Result<Vec<File>, StoreError> {
        let sql = LEFT_OVER.text(self.store.dialect());
        let found: sqlx::Result<Vec<Row>> =
            on!(&self.store.reader, pool => sqlx::query_as(sql).bind(before).bind(most).fetch_all(pool).await);
        found.map_err(doing("find left-over uploads"))?.into_iter().map(File::try_from).collect()
    }

    /// Objects made before an instant that belong to no file or were replaced.
    pub(super) async fn garbage(&self, before: DateTime<Utc>, most: i64) -> Result<Vec<Uuid>, StoreError> {
        let sql = GARBAGE.text(self.store.dialect());
        let found: sqlx::Result<Vec<(Uuid,)>> = on!(&self.store.reader, pool => {
            sqlx::query_as(sql).bind(before).bind(false).bind(most).fetch_all(pool).await
        });
        Ok(found.map_err(doing("find objects of no file"))?.into_iter().map(|(id,)| id).collect())
    }

    /// Forgets an object that was deleted.
    pub(super) async fn forget(&self, object: Uuid) -> Result<(), StoreError> {
        change!(self, "forget an object of no file", FORGET, object).map(drop)
    }
}

fn by_number(found: Vec<(i64, Uuid)>) -> BTreeMap<u32, Uuid> {
    found.into_iter().filter_map(|(number, id)| Some((u32::try_from(number).ok()?, id))).collect()
}
