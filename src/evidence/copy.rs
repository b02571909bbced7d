//! Copies the registry of complete files into a backup, and back into a database.
//!
//! The objects themselves are not copied: they are in the evidence store, and never change. What was copied counts as
//! kept, so that a restored database removes no object that another one may still use.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::store::{Conn, Dialect, Sql, Store, StoreError, columns, doing, on};

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&FILES, &OBJECTS, &ADD_FILE, &ADD_OBJECT];

static FILES: Sql = Sql::new(
    "select id, journey, subject, sender, name, media_type, size, part_size, key_version, sha256, thumbnail, \
     opened_at, touched_at from evidence_files where state = 'complete' and id > $1 order by id limit $2",
);
static OBJECTS: Sql = Sql::new(
    "select id, number, made_at from evidence_objects where file = $1 and is_stored = $2 order by number, id limit $3",
);
static ADD_FILE: Sql = Sql::new(
    "insert into evidence_files (id, journey, subject, sender, name, media_type, size, part_size, key_version, state, \
     sha256, thumbnail, is_kept, opened_at, touched_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'complete', $10, $11, $12, $13, $14)",
);
static ADD_OBJECT: Sql =
    Sql::new("insert into evidence_objects (id, file, number, is_stored, made_at) values ($1, $2, $3, $4, $5)");

/// The number of files that are read at once.
const PAGE: i64 = 500;

columns! {
    struct FileRow {
        id: Uuid,
        journey: Uuid,
        subject: Uuid,
        sender: String,
        name: Vec<u8>,
        media_type: String,
        size: i64,
        part_size: i64,
        key_version: i64,
        sha256: String,
        thumbnail: Option<Uuid>,
        opened_at: DateTime<Utc>,
        touched_at: DateTime<Utc>,
    }
}

columns! {
    struct ObjectRow {
        id: Uuid,
        number: i64,
        made_at: DateTime<Utc>,
    }
}

/// Copies the complete files of one registry into another that has none. Returns their number. A database that no
/// version with evidence files has opened has none.
pub async fn copy_registry(from: &Store, to: &Store) -> Result<usize, StoreError> {
    let (mut after, mut copied) = (Uuid::nil(), 0);
    loop {
        let page = match page(from, after).await {
            Err(error) if copied == 0 && is_without_registry(&error, from.dialect()) => return Ok(0),
            page => page.map_err(doing("read the registry of evidence files"))?,
        };
        let Some(last) = page.last() else { return Ok(copied) };
        after = last.id;
        copied += page.len();
        let mut rows = Vec::with_capacity(page.len());
        for file in page {
            let objects = objects(from, file.id).await.map_err(doing("read the objects of evidence files"))?;
            rows.push((file, objects));
        }
        let fault = doing("copy the registry of evidence files");
        let mut conn = Conn::begun(&to.writer).await.map_err(&fault)?;
        match add(&mut conn, &rows).await {
            Ok(()) => conn.commit().await.map_err(&fault)?,
            Err(error) => {
                conn.rollback().await;
                return Err(fault(error));
            }
        }
    }
}

async fn page(from: &Store, after: Uuid) -> sqlx::Result<Vec<FileRow>> {
    let sql = FILES.text(from.dialect());
    on!(&from.reader, pool => sqlx::query_as(sql).bind(after).bind(PAGE).fetch_all(pool).await)
}

async fn objects(from: &Store, file: Uuid) -> sqlx::Result<Vec<ObjectRow>> {
    let sql = OBJECTS.text(from.dialect());
    on!(&from.reader, pool => sqlx::query_as(sql).bind(file).bind(true).bind(i64::MAX).fetch_all(pool).await)
}

async fn add(conn: &mut Conn, rows: &[(FileRow, Vec<ObjectRow>)]) -> sqlx::Result<()> {
    let (add_file, add_object) = (ADD_FILE.text(conn.dialect()), ADD_OBJECT.text(conn.dialect()));
    on!(conn, conn => async {
        for (file, objects) in rows {
            let add = sqlx::query(add_file).bind(file.id).bind(file.journey).bind(file.subject).bind(&file.sender);
            let add = add.bind(&file.name).bind(&file.media_type).bind(file.size).bind(file.part_size);
            let add = add.bind(file.key_version).bind(&file.sha256).bind(file.thumbnail).bind(true);
            add.bind(file.opened_at).bind(file.touched_at).execute(&mut **conn).await?;
            for object in objects {
                let add = sqlx::query(add_object).bind(object.id).bind(file.id).bind(object.number).bind(true);
                add.bind(object.made_at).execute(&mut **conn).await?;
            }
        }
        Ok(())
    }
    .await)
}

/// Whether the tables are missing.
fn is_without_registry(error: &sqlx::Error, dialect: Dialect) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    match dialect {
        Dialect::Sqlite => error.message().contains("no such table"),
        Dialect::Postgres => error.code().as_deref() == Some("42P01"),
    }
}
