//! Insert: the only statements that add events and commands to the log.
//!
//! It must never decide what to add. On Postgres the rows are bound as one array for each column, so one statement
//! takes any number of rows. `SQLite` has no arrays and takes portions of rows, so that few statements are prepared.

use sqlx::postgres::PgArguments;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::append::{Batch, NewCommand, move_head};
use crate::store::{Conn, Dialect, On, Sql, StoreError, doing, portions};
use throughline_domain::fact::envelope::{Envelope, leaf_hash};

/// Inserts the events whose columns are the first thirteen arrays.
macro_rules! events {
    () => {
        "insert into events (position, event_id, stream_kind, stream_id, version, type, contract, occurred_on, \
         recorded_at, actor, command_id, record, hash) select n.position, n.event_id, n.stream_kind, n.stream_id, \
         n.version, n.type, n.contract, n.occurred_on, n.recorded_at, n.actor, n.command_id, n.record, n.hash \
         from unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], \
         $8::date[], $9::timestamptz[], $10::text[], $11::uuid[], $12::text[], $13::bytea[]) as n (position, \
         event_id, stream_kind, stream_id, version, type, contract, occurred_on, recorded_at, actor, command_id, \
         record, hash)"
    };
}

/// Inserts the commands whose columns are these arrays.
macro_rules! commands {
    ($actor:literal, $id:literal, $fingerprint:literal, $first:literal, $last:literal) => {
        concat!(
            "insert into commands (actor, command_id, fingerprint, first_position, last_position) \
             select n.actor, n.command_id, n.fingerprint, n.first_position, n.last_position from unnest(",
            $actor,
            "::text[], ",
            $id,
            "::uuid[], ",
            $fingerprint,
            "::bytea[], ",
            $first,
            "::bigint[], ",
            $last,
            "::bigint[]) as n (actor, command_id, fingerprint, first_position, last_position)"
        )
    };
}

static EVENTS: Sql = Sql::new(events!());
static COMMANDS: Sql = Sql::new(commands!("$1", "$2", "$3", "$4", "$5"));
/// All writes of a batch in one statement. On a server, each further statement is another round trip under the head's
/// lock.
static BATCH: Sql = Sql::new(concat!(
    "with new_events as (",
    events!(),
    "), new_commands as (",
    commands!("$14", "$15", "$16", "$17", "$18"),
    ") update log_head set position = $19, recorded_at = $20 where id = 1"
));

/// Every statement of this module on Postgres. On `SQLite` the statements' texts depend on the number of rows.
pub(super) static POSTGRES_STATEMENTS: &[&Sql] = &[&EVENTS, &COMMANDS, &BATCH];

/// Writes a batch.
pub(super) async fn batch(conn: &mut Conn, batch: &Batch) -> Result<(), StoreError> {
    let Batch { head, events: new, commands: done, .. } = batch;
    if new.is_empty() {
        return commands(conn, done).await.map_err(doing("insert commands"));
    }
    match conn {
        On::Postgres(conn) => {
            let (records, hashes) = records(new);
            let batch = bind_events(sqlx::query(BATCH.text(Dialect::Postgres)), new, &records, &hashes);
            let batch = bind_commands(batch, done).bind(head.position.0).bind(head.recorded_at);
            batch.execute(&mut **conn).await.map(drop).map_err(doing("insert a batch"))
        }
        On::Sqlite(_) => {
            events(conn, new).await.map_err(doing("insert events"))?;
            commands(conn, done).await.map_err(doing("insert commands"))?;
            move_head(conn, head).await
        }
    }
}

/// Each event's record, and the record's hash.
fn records(events: &[Envelope]) -> (Vec<String>, Vec<Vec<u8>>) {
    let records: Vec<String> = events.iter().map(Envelope::to_record).collect();
    let hashes = records.iter().map(|record| leaf_hash(record).to_vec()).collect();
    (records, hashes)
}

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

fn bind_events<'q>(
    query: Query<'q>,
    events: &'q [Envelope],
    records: &'q [String],
    hashes: &'q [Vec<u8>],
) -> Query<'q> {
    let numbers = |of: fn(&Envelope) -> i64| events.iter().map(of).collect::<Vec<_>>();
    let ids = |of: fn(&Envelope) -> Uuid| events.iter().map(of).collect::<Vec<_>>();
    query
        .bind(numbers(|event| event.position.0))
        .bind(ids(|event| event.event_id.0))
        .bind(events.iter().map(|event| event.stream.kind.as_str()).collect::<Vec<_>>())
        .bind(ids(|event| event.stream.id))
        .bind(numbers(|event| event.version))
        .bind(events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.contract.as_deref()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.occurred.earliest()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.recorded_at).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.actor.subject.as_str()).collect::<Vec<_>>())
        .bind(ids(|event| event.command_id.0))
        .bind(records.iter().map(String::as_str).collect::<Vec<_>>())
        .bind(hashes)
}

fn bind_commands<'q>(query: Query<'q>, commands: &'q [NewCommand]) -> Query<'q> {
    query
        .bind(commands.iter().map(|command| command.actor.as_str()).collect::<Vec<_>>())
        .bind(commands.iter().map(|command| command.command_id.0).collect::<Vec<_>>())
        .bind(commands.iter().map(|command| command.known.fingerprint.as_deref()).collect::<Vec<_>>())
        .bind(commands.iter().map(|command| command.known.first.0).collect::<Vec<_>>())
        .bind(commands.iter().map(|command| command.known.last.0).collect::<Vec<_>>())
}

/// Inserts events, each with its record and the record's hash.
pub(super) async fn events(conn: &mut Conn, events: &[Envelope]) -> sqlx::Result<()> {
    let (records, hashes) = records(events);
    as_stored(conn, events, &records, &hashes).await
}

/// Inserts events with the records and hashes with which another log stored them.
pub(super) async fn as_stored(
    conn: &mut Conn,
    events: &[Envelope],
    records: &[String],
    hashes: &[Vec<u8>],
) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    match conn {
        On::Postgres(conn) => {
            let insert = bind_events(sqlx::query(EVENTS.text(Dialect::Postgres)), events, records, hashes);
            insert.execute(&mut **conn).await?;
        }
        On::Sqlite(conn) => {
            let stored = records.iter().zip(hashes);
            let rows: Vec<(&Envelope, (&String, &Vec<u8>))> = events.iter().zip(stored).collect();
            for portion in portions(&rows) {
                let mut insert = QueryBuilder::new(
                    "insert into events (position, event_id, stream_kind, stream_id, version, type, contract, \
                     occurred_on, recorded_at, actor, command_id, record, hash) ",
                );
                insert.push_values(portion, |mut row, (event, (record, hash))| {
                    row.push_bind(event.position.0)
                        .push_bind(event.event_id.0)
                        .push_bind(event.stream.kind.as_str())
                        .push_bind(event.stream.id)
                        .push_bind(event.version)
                        .push_bind(&event.event_type)
                        .push_bind(&event.contract)
                        .push_bind(event.occurred.earliest())
                        .push_bind(event.recorded_at)
                        .push_bind(&event.actor.subject)
                        .push_bind(event.command_id.0)
                        .push_bind(*record)
                        .push_bind(*hash);
                });
                insert.build().execute(&mut **conn).await?;
            }
        }
    }
    Ok(())
}

/// Inserts accepted commands.
pub(super) async fn commands(conn: &mut Conn, commands: &[NewCommand]) -> sqlx::Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    match conn {
        On::Postgres(conn) => {
            let insert = bind_commands(sqlx::query(COMMANDS.text(Dialect::Postgres)), commands);
            insert.execute(&mut **conn).await?;
        }
        On::Sqlite(conn) => {
            for portion in portions(commands) {
                let mut insert = QueryBuilder::new(
                    "insert into commands (actor, command_id, fingerprint, first_position, last_position) ",
                );
                insert.push_values(portion, |mut row, command| {
                    row.push_bind(&command.actor)
                        .push_bind(command.command_id.0)
                        .push_bind(&command.known.fingerprint)
                        .push_bind(command.known.first.0)
                        .push_bind(command.known.last.0);
                });
                insert.build().execute(&mut **conn).await?;
            }
        }
    }
    Ok(())
}
