//! Writes a generated log into an `SQLite` file without the append task, so that many millions of events take minutes
//! and no second copy on disk.
//!
//! It must write the same bytes as a restore: `throughline log verify` finds nothing in such a log.

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
/// The number of events between two checks whether the user wants to stop.
const AT_ONCE: usize = 10_000;

/// Creates the file with a log in it. The file gets its final name only when it is complete.
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
    // No rollback is needed: an incomplete file is deleted.
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
    let (mut insert_event, mut insert_command) = (conn.prepare(EVENT)?, conn.prepare(COMMAND)?);
    let mut head = None;
    for (nth, event) in story.enumerate() {
        let record = event.to_record();
        let (recorded_at, command_id) =
            (event.recorded_at.to_rfc3339_opts(SecondsFormat::AutoSi, false), event.command_id.0);
        insert_event.execute(params![
            event.position.0,
            event.event_id.0.as_bytes(),
            event.stream.kind.as_str(),
            event.stream.id.as_bytes(),
            event.version,
            event.event_type,
            event.contract,
            event.occurred.earliest().to_string(),
            recorded_at,
            event.actor.subject,
            command_id.as_bytes(),
            record,
            leaf_hash(&record),
        ])?;
        insert_command.execute(params![event.actor.subject, command_id.as_bytes(), event.position.0])?;
        head = Some((event.position.0, recorded_at));
        if nth % AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
    if let Some(head) = head {
        conn.execute(HEAD, head)?;
    }
    Ok(())
}
