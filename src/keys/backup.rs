//! Backups of the key store: one `SQLite` file with every key, still wrapped, with both lists of erased people, and with
//! the access log.
//!
//! It never holds a key-encryption key. Restoring one brings back no key of a person who was erased: those whom the key
//! store, the backup or the log lists as erased stay erased.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::erased::{ADD_ERASED, ADD_SUPPRESSED, ERASED, Erased, ErasedRow};
use super::{KeyError, KeyPlaces, KeyStore, KeysOf, prepare};
use crate::clock::Clock;
use crate::store::{Conn, IfMissing, PlaceApart, Pool, Sql, Store, columns, doing, on, read_only_file};
use throughline_domain::fact::envelope::SubjectId;

pub(super) static ROWS: Sql = Sql::new(
    "select subject, class, version, wrapped_by, wrapped, created_at, destroyed_at from keys \
     where (subject, class, version) > ($1, $2, $3) order by subject, class, version limit $4",
);
pub(super) static ADD_ROW: Sql = Sql::new(
    "insert into keys (subject, class, version, wrapped_by, wrapped, created_at, destroyed_at) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (subject, class, version) do nothing",
);
pub(super) static RECORDS: Sql =
    Sql::new("select entry, made_at from suppressed where entry > $1 order by entry limit $2");
pub(super) static ENTRIES: Sql = Sql::new(
    "select response, subject, opened_at, request, role, login, login_key, identity, notes, evidence, reveal \
     from access_log where (opened_at, response, subject) > ($1, $2, $3) order by opened_at, response, subject limit $4",
);
pub(super) static ADD_ENTRY: Sql = Sql::new(
    "insert into access_log (response, subject, opened_at, request, role, login, login_key, identity, notes, evidence, \
     reveal) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (response, subject) do nothing",
);
pub(super) static MARK: Sql = Sql::new("insert into key_backup (taken_at) values ($1)");
pub(super) static MARKED: Sql = Sql::new("select taken_at from key_backup order by taken_at desc limit 1");

/// How long a backup of keys is kept: an erased person's keys are in it until then.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(35);
/// No version of the spelling of names: an index with it is built anew.
const NO_SPELLING: i64 = 0;
/// The number of rows that are read at once.
const PAGE: usize = 500;

columns! {
    /// A key with its dates.
    struct DatedRow {
        subject: Uuid,
        class: String,
        version: i64,
        wrapped_by: Option<String>,
        wrapped: Option<Vec<u8>>,
        created_at: DateTime<Utc>,
        destroyed_at: Option<DateTime<Utc>>,
    }
}

columns! {
    /// A record that is never registered again.
    struct RecordRow {
        entry: String,
        made_at: DateTime<Utc>,
    }
}

columns! {
    /// An entry of the access log.
    struct EntryRow {
        response: Uuid,
        subject: Uuid,
        opened_at: DateTime<Utc>,
        request: String,
        role: String,
        login: String,
        login_key: String,
        identity: bool,
        notes: bool,
        evidence: bool,
        reveal: Option<Uuid>,
    }
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeysCopied {
    /// The number of keys.
    pub keys: usize,
    /// The number of people who are listed as erased.
    pub erased: usize,
    /// The number of entries of the access log.
    pub openings: usize,
}

impl KeyStore {
    /// Copies every key, still wrapped, the lists of erased people and the access log into a new file, also while servers
    /// run.
    pub async fn back_up(&self, to: &Path) -> Result<KeysCopied, KeyError> {
        let here = self.here()?;
        let made = PlaceApart::Sqlite(to.to_owned()).open(IfMissing::Create).await?;
        let copy = made.expect("a file that is missing is created");
        // The list of erased people is copied last and counts more than a key: it has those who are erased meanwhile.
        let copied: Result<KeysCopied, KeyError> = async {
            let (keys, _) = copy_keys((&here.database.reader, &copy.writer), &BTreeMap::new()).await?;
            copy_records((&here.database.reader, &copy.writer)).await?;
            let openings = copy_access_log((&here.database.reader, &copy.writer)).await?;
            let listed = listed(&here.database.reader).await?;
            let erased = listed.len();
            list(&copy.writer, &listed).await?;
            mark(&copy.writer, here.clock.now()).await?;
            Ok(KeysCopied { keys, erased, openings })
        }
        .await;
        copy.into_one_file().await?;
        copied
    }

    /// Brings the keys and the access log of a backup into the key store of a log, which is made if there is none. Keys
    /// and entries that are there stay as they are. No key of a person comes back who is listed as erased there, in the
    /// backup, or here in `known`.
    pub async fn restore(
        store: &Store,
        places: &KeyPlaces,
        (from, known): (&Path, &[Erased]),
        clock: Arc<Clock>,
    ) -> Result<KeysCopied, KeyError> {
        let backup = read_only_file(from);
        let is_backup = marked(&backup).await.is_ok_and(|taken_at| taken_at.is_some());
        if !is_backup {
            return Err(KeyError::NoBackup(from.to_owned()));
        }
        let place = match &places.keys {
            Some(url) => PlaceApart::of_url(url)?,
            None => PlaceApart::beside(store, "keys"),
        };
        let present = place.open(IfMissing::Create).await?.expect("a database that is missing is created");
        let copied = async {
            prepare(&present.reader, super::STATEMENTS).await?;
            let mut erased: BTreeMap<Uuid, ErasedRow> = BTreeMap::new();
            let (here, there) = (listed(&present.reader).await?, listed(&backup).await?);
            let of_log = known.iter().map(|who| ErasedRow::of(*who, clock.now()));
            for row in here.into_iter().chain(there).chain(of_log) {
                erased.entry(row.subject).or_insert(row);
            }
            let pools = (&backup, &present.writer);
            let (keys, destroyed) = copy_keys(pools, &erased).await?;
            copy_records(pools).await?;
            let openings = copy_access_log(pools).await?;
            let erased: Vec<ErasedRow> = erased.into_values().collect();
            list(&present.writer, &erased).await?;
            Ok::<_, KeyError>((keys, destroyed, erased, openings))
        }
        .await;
        present.close().await;
        on!(&backup, pool => pool.close().await);
        let (keys, destroyed, erased, openings) = copied?;
        let restored = Self::open(store, places, KeysOf::KnownLog, clock).await;
        let people = erased.iter().map(ErasedRow::read).collect::<Result<Vec<Erased>, KeyError>>()?;
        let ended: Result<KeysCopied, KeyError> = async {
            restored.keep_erased(&people).await?;
            for subject in destroyed {
                restored.destroy(SubjectId(subject)).await?;
            }
            if restored.why_away().is_none() {
                // People whose keys came back are found again.
                restored.restart_search(restored.search_cursor().await?, NO_SPELLING).await?;
            }
            Ok(KeysCopied { keys, erased: people.len(), openings })
        }
        .await;
        restored.close().await;
        ended
    }
}

/// Copies keys, but none of these people. Returns their number, and the people whose keys the source has destroyed.
async fn copy_keys(
    (from, to): (&Pool, &Pool),
    but: &BTreeMap<Uuid, ErasedRow>,
) -> Result<(usize, BTreeSet<Uuid>), KeyError> {
    let sql = ROWS.text(from.dialect());
    let (mut after, mut copied, mut destroyed) = ((Uuid::nil(), String::new(), 0_i64), 0, BTreeSet::new());
    loop {
        let page: sqlx::Result<Vec<DatedRow>> = on!(from, pool => {
            let rows = sqlx::query_as(sql).bind(after.0).bind(after.1.as_str()).bind(after.2);
            rows.bind(rows_of_a_page()).fetch_all(pool).await
        });
        let page = page.map_err(doing("read keys to copy"))?;
        let Some(last) = page.last() else { return Ok((copied, destroyed)) };
        after = (last.subject, last.class.clone(), last.version);
        destroyed.extend(page.iter().filter(|row| row.wrapped.is_none()).map(|row| row.subject));
        let rows: Vec<&DatedRow> = page.iter().filter(|row| !but.contains_key(&row.subject)).collect();
        let keys = rows.iter().filter(|row| row.wrapped.is_some()).count();
        let mut conn = Conn::begun(to).await.map_err(doing("begin to copy keys"))?;
        let add = ADD_ROW.text(conn.dialect());
        let added: sqlx::Result<()> = on!(&mut conn, conn => async {
            for row in rows {
                let add = sqlx::query(add).bind(row.subject).bind(&row.class).bind(row.version).bind(&row.wrapped_by);
                let add = add.bind(&row.wrapped).bind(row.created_at).bind(row.destroyed_at);
                add.execute(&mut **conn).await?;
            }
            Ok(())
        }
        .await);
        ended(conn, added).await?;
        copied += keys;
    }
}

/// Copies the hashes of records that are never registered again.
async fn copy_records((from, to): (&Pool, &Pool)) -> Result<(), KeyError> {
    let sql = RECORDS.text(from.dialect());
    let mut after = String::new();
    loop {
        let page: sqlx::Result<Vec<RecordRow>> = on!(from, pool => {
            sqlx::query_as(sql).bind(after.as_str()).bind(rows_of_a_page()).fetch_all(pool).await
        });
        let page = page.map_err(doing("read records of erased people to copy"))?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.entry);
        let mut conn = Conn::begun(to).await.map_err(doing("begin to copy keys"))?;
        let add = ADD_SUPPRESSED.text(conn.dialect());
        let added: sqlx::Result<()> = on!(&mut conn, conn => async {
            for row in &page {
                sqlx::query(add).bind(&row.entry).bind(row.made_at).execute(&mut **conn).await?;
            }
            Ok(())
        }
        .await);
        ended(conn, added).await?;
    }
}

/// Copies the access log, which nothing else can bring back. Returns the number of its entries. The newest come last, so
/// that those which are noted meanwhile are copied too.
async fn copy_access_log((from, to): (&Pool, &Pool)) -> Result<usize, KeyError> {
    let sql = ENTRIES.text(from.dialect());
    let (mut after, mut copied) = ((DateTime::UNIX_EPOCH, Uuid::nil(), Uuid::nil()), 0);
    loop {
        let page: sqlx::Result<Vec<EntryRow>> = on!(from, pool => {
            let rows = sqlx::query_as(sql).bind(after.0).bind(after.1).bind(after.2);
            rows.bind(rows_of_a_page()).fetch_all(pool).await
        });
        let page = page.map_err(doing("read the access log to copy it"))?;
        let Some(last) = page.last() else { return Ok(copied) };
        after = (last.opened_at, last.response, last.subject);
        let mut conn = Conn::begun(to).await.map_err(doing("begin to copy the access log"))?;
        let add = ADD_ENTRY.text(conn.dialect());
        let added: sqlx::Result<()> = on!(&mut conn, conn => async {
            for row in &page {
                let add = sqlx::query(add).bind(row.response).bind(row.subject).bind(row.opened_at);
                let add = add.bind(&row.request).bind(&row.role).bind(&row.login).bind(&row.login_key);
                let add = add.bind(row.identity).bind(row.notes).bind(row.evidence).bind(row.reveal);
                add.execute(&mut **conn).await?;
            }
            Ok(())
        }
        .await);
        ended(conn, added).await?;
        copied += page.len();
    }
}

/// Everybody on the list of erased people.
async fn listed(pool: &Pool) -> Result<Vec<ErasedRow>, KeyError> {
    let sql = ERASED.text(pool.dialect());
    let found = on!(pool, pool => sqlx::query_as(sql).bind(Uuid::nil()).bind(i64::MAX).fetch_all(pool).await);
    Ok(found.map_err(doing("read the list of erased people"))?)
}

async fn list(to: &Pool, rows: &[ErasedRow]) -> Result<(), KeyError> {
    let mut conn = Conn::begun(to).await.map_err(doing("begin to copy keys"))?;
    let add = ADD_ERASED.text(conn.dialect());
    let added: sqlx::Result<()> = on!(&mut conn, conn => async {
        for row in rows {
            let add = sqlx::query(add).bind(row.subject).bind(&row.ground).bind(row.erased_at);
            add.execute(&mut **conn).await?;
        }
        Ok(())
    }
    .await);
    ended(conn, added).await
}

/// Commits what was copied, or takes it back.
async fn ended(mut conn: Conn, done: sqlx::Result<()>) -> Result<(), KeyError> {
    let ended = match done {
        Ok(()) => conn.commit().await,
        Err(error) => Err(error),
    };
    if ended.is_err() {
        conn.rollback().await;
    }
    Ok(ended.map_err(doing("copy keys"))?)
}

fn rows_of_a_page() -> i64 {
    i64::try_from(PAGE).expect("a page is counted in 64 bits")
}

async fn mark(to: &Pool, now: DateTime<Utc>) -> Result<(), KeyError> {
    let sql = MARK.text(to.dialect());
    let marked = on!(to, pool => sqlx::query(sql).bind(now).execute(pool).await.map(drop));
    Ok(marked.map_err(doing("complete a backup of keys"))?)
}

/// When a backup of keys was taken. `None` if it is a key store.
async fn marked(pool: &Pool) -> sqlx::Result<Option<DateTime<Utc>>> {
    let sql = MARKED.text(pool.dialect());
    let found: Option<(DateTime<Utc>,)> = on!(pool, pool => sqlx::query_as(sql).fetch_optional(pool).await)?;
    Ok(found.map(|(taken_at,)| taken_at))
}

/// Deletes the backups of keys that were taken too long ago, among the files in the folder of this one whose names end
/// alike. Returns which they were. A file that is no backup of keys stays.
pub async fn prune(like: &Path, now: DateTime<Utc>) -> std::io::Result<Vec<PathBuf>> {
    let folder = like.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut pruned = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() != like.extension() || !path.is_file() {
            continue;
        }
        let file = read_only_file(&path);
        let taken_at = marked(&file).await;
        on!(&file, pool => pool.close().await);
        if matches!(taken_at, Ok(Some(taken_at)) if taken_at + KEPT_FOR < now) {
            std::fs::remove_file(&path)?;
            pruned.push(path);
        }
    }
    pruned.sort();
    Ok(pruned)
}
