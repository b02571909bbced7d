//! Writes a generated log into an `SQLite` file past the append task, so that one of many millions of events is there in
//! minutes and needs no second copy of itself on the disk.
//!
//! It must write what a restore would, byte for byte: `throughline log verify` finds nothing in such a log.

use std::path::Path;

use anyhow::Result;
use chrono::SecondsFormat;
use rusqlite::{Connection, params};

use crate::store::{Mode, Store};
use throughline_domain::fact::envelope::{Envelope, leaf_hash};

const EVENT: &str = "insert into events (position, event_id, stream_kind, stream_id, version, type, contract, \
     occurred_on, recorded_at, actor, command_id, record, hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const COMMAND: &str =
    "insert into commands (actor, command_id, fingerprint, first_position, last_position) values (?, ?, null, ?3, ?3)";
const HEAD: &str = "update log_head set position = ?, recorded_at = ? where id = 1";
/// Events after which somebody who wants to stop is heard.
const AT_ONCE: usize = 10_000;

/// Makes the file with a log in it. It has its name only when it is whole.
pub(super) async fn into_file(file: &Path, story: impl Iterator<Item = Envelope>) -> Result<()> {
    let beside = |ending: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        std::path::PathBuf::from(name)
    };
    let part = beside(".part");
    if part.exists() {
        std::fs::remove_file(&part)?;
    }
    Store::open(&format!("sqlite:{}", part.display()), Mode::Write).await?.close().await;
    let conn = Connection::open(&part)?;
    // Nothing to undo it by: what is not whole is thrown away.
    for (pragma, value) in [("journal_mode", "delete"), ("journal_mode", "off"), ("synchronous", "off")] {
        conn.pragma_update(None, pragma, value)?;
    }
    conn.pragma_update(None, "cache_size", -262_144)?;
    conn.execute_batch("begin exclusive")?;
    fill(&conn, story).await?;
    conn.execute_batch("commit")?;
    conn.close().map_err(|(_, error)| error)?;
    std::fs::File::open(&part)?.sync_all()?;
    std::fs::rename(&part, file)?;
    Ok(std::fs::remove_file(beside(".part-lock"))?)
}

async fn fill(conn: &Connection, story: impl Iterator<Item = Envelope>) -> Result<()> {
    let (mut event, mut command) = (conn.prepare(EVENT)?, conn.prepare(COMMAND)?);
    let mut head = None;
    for (nth, told) in story.enumerate() {
        let record = told.to_record();
        let (recorded_at, command_id) =
            (told.recorded_at.to_rfc3339_opts(SecondsFormat::AutoSi, false), told.command_id.0);
        event.execute(params![
            told.position.0,
            told.event_id.0.as_bytes(),
            told.stream.kind.as_str(),
            told.stream.id.as_bytes(),
            told.version,
            told.event_type,
            told.contract,
            told.occurred.earliest().to_string(),
            recorded_at,
            told.actor.subject,
            command_id.as_bytes(),
            record,
            leaf_hash(&record),
        ])?;
        command.execute(params![told.actor.subject, command_id.as_bytes(), told.position.0])?;
        head = Some((told.position.0, recorded_at));
        if nth % AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
    if let Some(head) = head {
        conn.execute(HEAD, head)?;
    }
    Ok(())
}
