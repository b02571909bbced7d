//! Insert: the only statements that add events and commands to the log.
//!
//! It must never decide what is added. On Postgres the rows are bound as one array for each column: one statement,
//! whatever their number. `SQLite` has no arrays and takes rows of values, in portions, so that few texts are prepared.

use sqlx::QueryBuilder;
use uuid::Uuid;

use super::append::NewCommand;
use super::envelope::{Envelope, leaf_hash};
use crate::store::{Conn, Dialect, On, Sql, portions};

static EVENTS: Sql = Sql::new(
    "insert into events (position, event_id, stream_kind, stream_id, version, type, contract, occurred_on, \
     recorded_at, actor, command_id, record, hash) select n.position, n.event_id, n.stream_kind, n.stream_id, \
     n.version, n.type, n.contract, n.occurred_on, n.recorded_at, n.actor, n.command_id, n.record, n.hash \
     from unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::date[], \
     $9::timestamptz[], $10::text[], $11::uuid[], $12::text[], $13::bytea[]) as n (position, event_id, stream_kind, \
     stream_id, version, type, contract, occurred_on, recorded_at, actor, command_id, record, hash)",
);

static COMMANDS: Sql = Sql::new(
    "insert into commands (actor, command_id, fingerprint, first_position, last_position) \
     select n.actor, n.command_id, n.fingerprint, n.first_position, n.last_position \
     from unnest($1::text[], $2::uuid[], $3::bytea[], $4::bigint[], $5::bigint[]) \
     as n (actor, command_id, fingerprint, first_position, last_position)",
);

/// Every statement of this module, on Postgres; on `SQLite` their texts grow with the rows.
pub(super) static POSTGRES_STATEMENTS: &[&Sql] = &[&EVENTS, &COMMANDS];

/// Adds events, each with its record and the record's hash.
pub(super) async fn events(conn: &mut Conn, events: &[Envelope]) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let records: Vec<String> = events.iter().map(Envelope::to_record).collect();
    match conn {
        On::Postgres(conn) => {
            let all = |of: fn(&Envelope) -> i64| events.iter().map(of).collect::<Vec<_>>();
            let ids = |of: fn(&Envelope) -> Uuid| events.iter().map(of).collect::<Vec<_>>();
            sqlx::query(EVENTS.text(Dialect::Postgres))
                .bind(all(|event| event.position.0))
                .bind(ids(|event| event.event_id.0))
                .bind(events.iter().map(|event| event.stream.kind.as_str()).collect::<Vec<_>>())
                .bind(ids(|event| event.stream.id))
                .bind(all(|event| event.version))
                .bind(events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>())
                .bind(events.iter().map(|event| event.contract.as_deref()).collect::<Vec<_>>())
                .bind(events.iter().map(|event| event.occurred.earliest()).collect::<Vec<_>>())
                .bind(events.iter().map(|event| event.recorded_at).collect::<Vec<_>>())
                .bind(events.iter().map(|event| event.actor.subject.as_str()).collect::<Vec<_>>())
                .bind(ids(|event| event.command_id.0))
                .bind(&records)
                .bind(records.iter().map(|record| leaf_hash(record).to_vec()).collect::<Vec<_>>())
                .execute(&mut **conn)
                .await?;
        }
        On::Sqlite(conn) => {
            let rows: Vec<(&Envelope, &String)> = events.iter().zip(&records).collect();
            for portion in portions(&rows) {
                let mut insert = QueryBuilder::new(
                    "insert into events (position, event_id, stream_kind, stream_id, version, type, contract, \
                     occurred_on, recorded_at, actor, command_id, record, hash) ",
                );
                insert.push_values(portion, |mut row, (event, record)| {
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
                        .push_bind(leaf_hash(record).to_vec());
                });
                insert.build().execute(&mut **conn).await?;
            }
        }
    }
    Ok(())
}

/// Remembers accepted commands.
pub(super) async fn commands(conn: &mut Conn, commands: &[NewCommand]) -> sqlx::Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    match conn {
        On::Postgres(conn) => {
            sqlx::query(COMMANDS.text(Dialect::Postgres))
                .bind(commands.iter().map(|command| command.actor.as_str()).collect::<Vec<_>>())
                .bind(commands.iter().map(|command| command.command_id.0).collect::<Vec<_>>())
                .bind(commands.iter().map(|command| command.known.fingerprint.as_deref()).collect::<Vec<_>>())
                .bind(commands.iter().map(|command| command.known.first.0).collect::<Vec<_>>())
                .bind(commands.iter().map(|command| command.known.last.0).collect::<Vec<_>>())
                .execute(&mut **conn)
                .await?;
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
