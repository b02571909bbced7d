//! The baselines: the rows that the log wrote, inserted as fast as the same driver and durability allow, without
//! decisions, JSON or triggers.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::try_join_all;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool, QueryBuilder, SqliteConnection};
use throughline_domain::fact::envelope::{Envelope, leaf_hash};
use uuid::Uuid;

use super::report::rate;

/// An event's row, ready to bind, with the values for its command's row.
#[derive(Clone)]
pub(super) struct Row {
    position: i64,
    event_id: Uuid,
    stream_kind: &'static str,
    stream_id: Uuid,
    version: i64,
    event_type: String,
    contract: Option<String>,
    occurred_on: NaiveDate,
    recorded_at: DateTime<Utc>,
    actor: String,
    command_id: Uuid,
    record: String,
    hash: Vec<u8>,
    /// Whether it is the last event of its command.
    ends_command: bool,
}

impl Row {
    /// The rows of consecutive events.
    pub(super) fn all(events: &[Envelope]) -> Vec<Self> {
        let after = events.iter().skip(1).map(|event| Some(event.command_id)).chain([None]);
        events.iter().zip(after).map(|(event, after)| Self::of(event, after != Some(event.command_id))).collect()
    }

    fn of(event: &Envelope, ends_command: bool) -> Self {
        let record = event.to_record();
        Self {
            position: event.position.0,
            event_id: event.event_id.0,
            stream_kind: event.stream.kind.as_str(),
            stream_id: event.stream.id,
            version: event.version,
            event_type: event.event_type.clone(),
            contract: event.contract.clone(),
            occurred_on: event.occurred.earliest(),
            recorded_at: event.recorded_at,
            actor: event.actor.subject.clone(),
            command_id: event.command_id.0,
            hash: leaf_hash(&record).to_vec(),
            record,
            ends_command,
        }
    }
}

/// The rows that a transaction inserts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// The events and their commands: everything that an append writes except the head.
    EventsAndCommands,
    /// Only the events.
    Events,
}

/// Tables with the columns and indexes of the log, but without its triggers.
pub(super) enum Raw {
    /// On `SQLite`, in a separate file.
    Sqlite(SqliteConnection),
    /// On Postgres, in the log's own schema.
    Postgres(PgConnection),
}

const EVENT_COLUMNS: &str = "(position, event_id, stream_kind, stream_id, version, type, contract, occurred_on, \
     recorded_at, actor, command_id, record, hash)";
const COMMAND_COLUMNS: &str = "(actor, command_id, fingerprint, first_position, last_position)";

/// The tables of each baseline.
fn tables(text: &str, bytes: &str, uuid: &str, date: &str, instant: &str) -> String {
    let all = ["both", "alone", "seq", "head"].map(|name| {
        format!(
            "create table {name}_events (position bigint not null primary key, event_id {uuid} not null unique, \
             stream_kind {text} not null, stream_id {uuid} not null, version bigint not null, type {text} not null, \
             contract {text}, occurred_on {date} not null, recorded_at {instant} not null, actor {text} not null, \
             command_id {uuid} not null, record {text} not null, hash {bytes} not null, \
             unique (stream_id, stream_kind, version)); \
             create index {name}_events_of_contracts on {name}_events (position) where stream_kind = 'contract'; \
             create table {name}_commands (actor {text} not null, command_id {uuid} not null, fingerprint {bytes}, \
             first_position bigint not null, last_position bigint not null, primary key (actor, command_id));"
        )
    });
    all.concat()
}

impl Raw {
    /// Tables in a new file, as durable as the log's.
    pub(super) async fn sqlite(file: &std::path::Path) -> sqlx::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut conn = options.connect().await?;
        let ddl = tables("text", "blob", "blob", "text", "text").replace("bigint", "integer");
        // As in the log: cell types are checked, and a command is found by its key alone.
        let ddl =
            ddl.replace("primary key (actor, command_id))", "primary key (actor, command_id)) strict, without rowid");
        let ddl = ddl.replace("stream_kind, version));", "stream_kind, version)) strict;");
        conn.execute(sqlx::raw_sql(AssertSqlSafe(ddl))).await?;
        Ok(Self::Sqlite(conn))
    }

    /// Tables beside the log's.
    pub(super) async fn postgres(options: &PgConnectOptions) -> sqlx::Result<Self> {
        let mut conn = options.connect().await?;
        let ddl = tables("text collate \"C\"", "bytea", "uuid", "date", "timestamptz");
        let more = "create sequence positions; create table head (id int primary key, position bigint not null) \
                    with (fillfactor = 10); insert into head (id, position) values (1, 0);";
        conn.execute(sqlx::raw_sql(AssertSqlSafe(ddl + more))).await?;
        Ok(Self::Postgres(conn))
    }

    /// Fills every table with the rows of the log, so that their indexes are as large.
    pub(super) async fn preload(&mut self, rows: &[Row]) -> sqlx::Result<()> {
        self.insert(rows, 1_000, Rows::EventsAndCommands).await?;
        self.insert(rows, 1_000, Rows::Events).await?;
        if let Self::Postgres(conn) = self {
            let copy = "insert into seq_events select * from both_events; \
                        insert into head_events select * from both_events; \
                        select setval('positions', max(position)) from both_events; \
                        update head set position = (select max(position) from both_events)";
            conn.execute(sqlx::raw_sql(copy)).await?;
            // Not the whole database, because others may use it.
            let tables = "vacuum analyze events, commands, both_events, both_commands, alone_events, seq_events, \
                          head_events";
            conn.execute(tables).await?;
        }
        Ok(())
    }

    /// Inserts rows, `batch` in a transaction. Returns rows per second.
    pub(super) async fn insert(&mut self, rows: &[Row], batch: usize, which: Rows) -> sqlx::Result<f64> {
        let began = Instant::now();
        for rows in rows.chunks(batch) {
            match self {
                Self::Sqlite(conn) => {
                    conn.execute("begin immediate").await?;
                    sqlite(conn, rows, which).await?;
                    conn.execute("commit").await?;
                }
                Self::Postgres(conn) => {
                    conn.execute("begin").await?;
                    postgres(conn, rows, which).await?;
                    conn.execute("commit").await?;
                }
            }
        }
        Ok(rate(rows.len() as u64, began.elapsed()))
    }
}

async fn sqlite(conn: &mut SqliteConnection, rows: &[Row], which: Rows) -> sqlx::Result<()> {
    let table = if which == Rows::Events { "alone" } else { "both" };
    let mut insert = QueryBuilder::new(format!("insert into {table}_events {EVENT_COLUMNS} "));
    insert.push_values(rows, |mut cells, row| {
        cells.push_bind(row.position).push_bind(row.event_id).push_bind(row.stream_kind).push_bind(row.stream_id);
        cells.push_bind(row.version).push_bind(&row.event_type).push_bind(&row.contract).push_bind(row.occurred_on);
        cells.push_bind(row.recorded_at).push_bind(&row.actor).push_bind(row.command_id);
        cells.push_bind(&row.record).push_bind(&row.hash);
    });
    insert.build().execute(&mut *conn).await?;
    if which == Rows::EventsAndCommands {
        let mut insert = QueryBuilder::new(format!("insert into both_commands {COMMAND_COLUMNS} "));
        insert.push_values(rows.iter().filter(|row| row.ends_command), |mut cells, row| {
            cells.push_bind(&row.actor).push_bind(row.command_id).push_bind(&row.hash);
            cells.push_bind(row.position).push_bind(row.position);
        });
        insert.build().execute(conn).await?;
    }
    Ok(())
}

async fn postgres(conn: &mut PgConnection, rows: &[Row], which: Rows) -> sqlx::Result<()> {
    let table = if which == Rows::Events { "alone" } else { "both" };
    let insert = format!(
        "insert into {table}_events {EVENT_COLUMNS} select * from unnest($1::bigint[], $2::uuid[], $3::text[], \
         $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::date[], $9::timestamptz[], $10::text[], $11::uuid[], \
         $12::text[], $13::bytea[])"
    );
    sqlx::query(AssertSqlSafe(insert))
        .bind(rows.iter().map(|row| row.position).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.event_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.stream_kind).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.stream_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.version).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.event_type.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.contract.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.occurred_on).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.recorded_at).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.actor.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.command_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.record.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.hash.as_slice()).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    if which == Rows::EventsAndCommands {
        let insert = format!(
            "insert into both_commands {COMMAND_COLUMNS} \
             select * from unnest($1::text[], $2::uuid[], $3::bytea[], $4::bigint[], $5::bigint[])"
        );
        let rows: Vec<&Row> = rows.iter().filter(|row| row.ends_command).collect();
        let positions: Vec<i64> = rows.iter().map(|row| row.position).collect();
        sqlx::query(AssertSqlSafe(insert))
            .bind(rows.iter().map(|row| row.actor.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.command_id).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.hash.as_slice()).collect::<Vec<_>>())
            .bind(&positions)
            .bind(&positions)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// How an append gets its position if every append is its own transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OneByOne {
    /// From a sequence, which leaves gaps and may show a later event before an earlier one.
    Sequence,
    /// From a head row, for which all appends wait.
    Head,
}

/// Connections that append one event in each transaction.
pub(super) struct Connections {
    pool: PgPool,
    callers: usize,
}

impl Connections {
    /// One connection for each caller.
    pub(super) async fn open(options: &PgConnectOptions, callers: usize) -> sqlx::Result<Self> {
        let most = u32::try_from(callers).expect("not so many");
        let pool = PgPoolOptions::new().max_connections(most).min_connections(most).test_before_acquire(false);
        Ok(Self { pool: pool.connect_with(options.clone()).await?, callers })
    }

    /// Appends rows from all connections at the same time. Returns rows per second.
    pub(super) async fn append(&self, rows: &Arc<Vec<Row>>, how: OneByOne) -> sqlx::Result<f64> {
        let mut conns = Vec::new();
        for _ in 0..self.callers {
            conns.push(self.pool.acquire().await?);
        }
        let began = Instant::now();
        let tasks = conns.into_iter().enumerate().map(|(nth, mut conn)| {
            let (rows, step) = (Arc::clone(rows), self.callers);
            tokio::spawn(async move {
                for row in rows.iter().skip(nth).step_by(step) {
                    one(&mut conn, row, how).await.expect("the row is new");
                }
            })
        });
        try_join_all(tasks).await.expect("a caller ends well");
        Ok(rate(rows.len() as u64, began.elapsed()))
    }
}

async fn one(conn: &mut PgConnection, row: &Row, how: OneByOne) -> sqlx::Result<()> {
    let values = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12";
    let (insert, position) = match how {
        // A single statement is a transaction.
        OneByOne::Sequence => {
            (format!("insert into seq_events {EVENT_COLUMNS} values (nextval('positions'), {values})"), None)
        }
        OneByOne::Head => {
            conn.execute("begin").await?;
            let bump = "update head set position = position + 1 where id = 1 returning position";
            let (position,): (i64,) = sqlx::query_as(bump).fetch_one(&mut *conn).await?;
            (format!("insert into head_events {EVENT_COLUMNS} values ($13, {values})"), Some(position))
        }
    };
    let insert = sqlx::query(AssertSqlSafe(insert))
        .bind(row.event_id)
        .bind(row.stream_kind)
        .bind(row.stream_id)
        .bind(row.version)
        .bind(&row.event_type)
        .bind(&row.contract)
        .bind(row.occurred_on)
        .bind(row.recorded_at)
        .bind(&row.actor)
        .bind(row.command_id)
        .bind(&row.record)
        .bind(&row.hash);
    match position {
        None => insert.execute(&mut *conn).await.map(drop),
        Some(position) => {
            insert.bind(position).execute(&mut *conn).await?;
            conn.execute("commit").await.map(drop)
        }
    }
}
