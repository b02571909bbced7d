//! Copies a whole stored log into an empty one. Backup and restore use it.
//!
//! Records and hashes are copied byte for byte. Nothing is decided, hashed or repaired, so damage is copied too. The
//! source log is only read, one page at a time. It may grow meanwhile, and events after its position at the start are
//! left out. Either all of it is copied, or nothing.

use aws_lc_rs::digest;
use uuid::Uuid;

use super::append::{Known, NewCommand, lock_head, move_head};
use super::{Head, Log, LogError, insert};
use crate::store::{Conn, On, Sql, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::{CommandId, Envelope, Position, hex};

static COMMANDS: Sql = Sql::new(
    "select actor, command_id, fingerprint, first_position, last_position from commands \
     where (command_id, actor) > ($1, $2) order by command_id, actor limit $3",
);
static SECRETS: Sql = Sql::new("select name, value from secrets order by name limit $1");
static KEEP_SECRET: Sql = Sql::new("update secrets set value = $1 where name = $2");
static KEEP_EPOCH: Sql = Sql::new("update log_head set epoch = $1 where id = 1");

/// A backup is always an `SQLite` file, and only a backup has this table. So these statements are not prepared.
const MAKE_MARK: &str = "create table backup (id integer not null primary key check (id = 1), position integer not null, digest text not null)";
const MARK: &str = "insert into backup (id, position, digest) values (1, $1, $2)";
const IS_MARKED: &str = "select 1 from sqlite_master where type = 'table' and name = 'backup' limit 1";
const READ_MARK: &str = "select position, digest from backup where id = 1";

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&COMMANDS, &SECRETS, &KEEP_SECRET, &KEEP_EPOCH];

/// The number of commands read at once.
const COMMANDS_AT_ONCE: i64 = 2_000;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The position of the last event.
    pub position: Position,
    /// SHA-256 over all hashes in order, in hexadecimal. Two logs with the same digest are equal.
    pub digest: String,
}

columns! {
    struct CommandRow {
        actor: String,
        command_id: Uuid,
        fingerprint: Option<Vec<u8>>,
        first_position: i64,
        last_position: i64,
    }
}

/// What a backup says it holds. A copy of a log's file made by other means has no such mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The file is a backup of this.
    Of(Copied),
    /// There is no mark.
    None,
}

impl Log {
    /// Writes into the file what it is a backup of. The log in it must not be written to afterwards.
    pub async fn mark(&self, copied: &Copied) -> Result<(), LogError> {
        let fault = doing("mark the backup");
        let mut conn = Conn::begun(&self.store.writer).await.map_err(&fault)?;
        let marked = on!(&mut conn, conn => async {
            sqlx::query(MAKE_MARK).execute(&mut **conn).await?;
            let mark = sqlx::query(MARK).bind(copied.position.0).bind(&copied.digest);
            mark.execute(&mut **conn).await.map(drop)
        }
        .await);
        marked.map_err(&fault)?;
        conn.commit().await.map_err(&fault)?;
        Ok(())
    }

    /// What the file says it is a backup of.
    pub async fn marked(&self) -> Result<Mark, LogError> {
        let On::Sqlite(pool) = &self.store.reader else { return Ok(Mark::None) };
        let fault = doing("read what the file is a backup of");
        let is_there: Option<(i64,)> = sqlx::query_as(IS_MARKED).fetch_optional(pool).await.map_err(&fault)?;
        if is_there.is_none() {
            return Ok(Mark::None);
        }
        let mark: Option<(i64, String)> = sqlx::query_as(READ_MARK).fetch_optional(pool).await.map_err(&fault)?;
        let copied = mark.map(|(position, digest)| Copied { position: Position(position), digest });
        Ok(copied.map_or(Mark::None, Mark::Of))
    }

    /// Copies another log, up to its current position, into this one, which must be empty.
    pub async fn copy_from(&self, other: &Self) -> Result<Copied, LogError> {
        let head = other.head().await?;
        let mut conn = Conn::begun(&self.store.writer).await.map_err(doing("begin to copy the log"))?;
        match fill(&mut conn, other, head).await {
            Ok(copied) => {
                conn.commit().await.map_err(doing("commit the copied log"))?;
                self.announce(copied.position);
                Ok(copied)
            }
            Err(error) => {
                conn.rollback().await;
                Err(error)
            }
        }
    }

    /// The digest of this log up to its current position, the same as in a copy.
    pub async fn digest(&self) -> Result<Copied, LogError> {
        let (head, mut hashes) = (self.head().await?, digest::Context::new(&digest::SHA256));
        let mut after = Position::default();
        while after < head.position {
            let page = self.page_as_stored(after, head.position).await?;
            let Some(last) = page.last() else { break };
            after = last.envelope.position;
            for stored in &page {
                hashes.update(&stored.hash);
            }
        }
        Ok(Copied { position: after, digest: hex(hashes.finish().as_ref()) })
    }
}

async fn fill(conn: &mut Conn, other: &Log, head: Head) -> Result<Copied, LogError> {
    let here = lock_head(conn).await?;
    conn.loads().await.map_err(doing("begin to copy the log"))?;
    if here.position != Position::default() {
        let message = format!("the log holds events up to position {}: restore into an empty database", here.position);
        return Err(LogError::Restore(message));
    }
    let mut hashes = digest::Context::new(&digest::SHA256);
    let mut after = Position::default();
    while after < head.position {
        let page = other.page_as_stored(after, head.position).await?;
        let Some(last) = page.last() else { break };
        after = last.envelope.position;
        let (mut events, mut records, mut of_records): (Vec<Envelope>, Vec<String>, Vec<Vec<u8>>) = Default::default();
        for stored in page {
            hashes.update(&stored.hash);
            events.push(stored.envelope);
            records.push(stored.record);
            of_records.push(stored.hash);
        }
        insert::as_stored(conn, &events, &records, &of_records).await.map_err(doing("copy events"))?;
    }
    commands(conn, other, head.position).await?;
    move_head(conn, &head).await?;
    keep(conn, other, head).await?;
    Ok(Copied { position: after, digest: hex(hashes.finish().as_ref()) })
}

/// Copies the entries of the commands done by then.
async fn commands(conn: &mut Conn, other: &Log, upto: Position) -> Result<(), LogError> {
    let reader = &other.store.reader;
    let sql = COMMANDS.text(reader.dialect());
    let mut after = (Uuid::nil(), String::new());
    loop {
        let page: sqlx::Result<Vec<CommandRow>> = on!(reader, pool => {
            let page = sqlx::query_as(sql).bind(after.0).bind(&after.1).bind(COMMANDS_AT_ONCE);
            page.fetch_all(pool).await
        });
        let page = page.map_err(doing("read the commands to copy them"))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.command_id, last.actor.clone());
        let done = page.into_iter().filter(|row| row.first_position <= upto.0 && row.last_position <= upto.0);
        let done: Vec<NewCommand> = done
            .map(|row| NewCommand {
                actor: row.actor,
                command_id: CommandId(row.command_id),
                known: Known {
                    fingerprint: row.fingerprint,
                    first: Position(row.first_position),
                    last: Position(row.last_position),
                },
            })
            .collect();
        insert::commands(conn, &done).await.map_err(doing("copy commands"))?;
    }
}

/// Copies the log's other properties: its epoch, and the key with which repeated commands are compared.
async fn keep(conn: &mut Conn, other: &Log, head: Head) -> Result<(), StoreError> {
    let reader = &other.store.reader;
    let sql = SECRETS.text(reader.dialect());
    let secrets: sqlx::Result<Vec<(String, Vec<u8>)>> =
        on!(reader, pool => sqlx::query_as(sql).bind(i64::MAX).fetch_all(pool).await);
    let secrets = secrets.map_err(doing("read the log's own keys to copy them"))?;
    let fault = doing("store the log's own keys");
    if let On::Postgres(session) = conn {
        use sqlx::Executor as _;
        // The serving role may not change them. The owner of the database may.
        session.execute("set local role none").await.map_err(&fault)?;
    }
    let (keep, epoch) = (KEEP_SECRET.text(conn.dialect()), KEEP_EPOCH.text(conn.dialect()));
    for (name, value) in secrets {
        on!(&mut *conn, conn => sqlx::query(keep).bind(&value).bind(&name).execute(&mut **conn).await.map(drop))
            .map_err(&fault)?;
    }
    on!(&mut *conn, conn => sqlx::query(epoch).bind(head.epoch).execute(&mut **conn).await.map(drop)).map_err(&fault)
}
