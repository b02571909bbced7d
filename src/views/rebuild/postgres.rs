//! Writes a rebuild's rows into a new Postgres schema, by binary COPY over several connections.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::NaiveDate;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::super::ViewError;
use super::super::fold::Stop;
use super::super::generation::{definitions, postgres_options};
use super::super::rows;
use super::progress::Phase;
use super::sink::{self, Finished, PARKED, Sink};
use crate::store::{Dialect, doing};
use throughline_domain::fact::envelope::StreamId;
use throughline_projections::{TABLES, Type, Value};

/// The number of connections that write at once.
const WRITERS: usize = 3;
/// The number of bytes of rows in one COPY.
const COPY: usize = 512 * 1024;
/// Memory for sorting each index.
const SORTING: &str = "128MB";
/// The signature of binary COPY, its flags and the length of an unused extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The number of fields that marks the end of the rows.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// A COPY statement and its data.
type Copy = (Arc<str>, Vec<u8>);

/// Takes rows and passes them to the connections that copy them.
pub(super) struct PostgresSink {
    tables: Vec<Rows>,
    parked: Rows,
    copies: mpsc::Sender<Copy>,
}

/// The connections that copy rows into a schema that is not in use yet.
pub(super) struct Copying(JoinSet<sqlx::Result<PgConnection>>);

/// Rows on their way into a table.
struct Rows {
    copy: Arc<str>,
    columns: &'static [(&'static str, Type)],
    bytes: Vec<u8>,
}

/// Creates empty tables in an empty schema, and the sink to fill them.
pub(super) async fn create(options: &PgConnectOptions, schema: &str) -> Result<(PostgresSink, Copying), ViewError> {
    let fault = doing("create a view");
    let options = postgres_options(options, schema);
    let mut first = options.connect().await.map_err(&fault)?;
    let tables = definitions(Dialect::Postgres).0.join(";");
    first.execute(sqlx::raw_sql(AssertSqlSafe(tables))).await.map_err(&fault)?;
    let (copies, waiting) = mpsc::channel(2 * WRITERS);
    let waiting = Arc::new(Mutex::new(waiting));
    let mut copying = JoinSet::new();
    copying.spawn(copy(first, Arc::clone(&waiting)));
    for _ in 1..WRITERS {
        let conn = options.connect().await.map_err(&fault)?;
        copying.spawn(copy(conn, Arc::clone(&waiting)));
    }
    let tables = TABLES.iter().map(|table| Rows::into(table.name, table.columns)).collect();
    let sink = PostgresSink { tables, parked: Rows::into("parked", PARKED), copies };
    Ok((sink, Copying(copying)))
}

/// Copies waiting data until no more arrives.
async fn copy(mut conn: PgConnection, waiting: Arc<Mutex<mpsc::Receiver<Copy>>>) -> sqlx::Result<PgConnection> {
    loop {
        let Some((statement, bytes)) = waiting.lock().await.recv().await else { return Ok(conn) };
        let copied = async {
            let mut copy = conn.copy_in_raw(&statement).await?;
            copy.send(bytes).await?;
            copy.finish().await
        };
        if let Err(error) = copied.await {
            // Nothing may wait for a connection that is gone.
            waiting.lock().await.close();
            return Err(error);
        }
    }
}

impl Copying {
    /// Waits until everything is copied, creates the indexes, and writes the checkpoint.
    pub(super) async fn finish(self, finished: &Finished<'_>) -> Result<(), ViewError> {
        let mut conns = self.copied().await?;
        let indexes = definitions(Dialect::Postgres).1;
        let sorting = format!("set maintenance_work_mem = '{SORTING}'");
        for conn in &mut conns {
            let set = sqlx::raw_sql(AssertSqlSafe(sorting.clone()));
            conn.execute(set).await.map_err(doing("finish a view"))?;
        }
        let conns = each(conns, indexes, finished).await?;
        // Without ANALYZE, Postgres plans queries as if the table were empty.
        let analyse = TABLES.iter().map(|table| format!("analyze {}", table.name)).collect();
        let mut conns = each(conns, analyse, finished).await?;
        finished.meter.enters(Phase::Verifying);
        let conn = conns.first_mut().expect("there are writers");
        for (table, wanted) in TABLES.iter().zip(&finished.written.rows) {
            let count = AssertSqlSafe(format!("select count(*) from {}", table.name));
            let found: i64 =
                sqlx::query_scalar(count).fetch_one(&mut *conn).await.map_err(doing("count a view's rows"))?;
            sink::compare(table.name, *wanted, found)?;
        }
        let checkpoint =
            "insert into checkpoint (id, position, rulebooks_upto, definition, log_event) values (1, $1, $2, $3, $4)";
        let checkpoint = sqlx::query(checkpoint);
        let checkpoint = checkpoint.bind(finished.upto.0).bind(finished.rulebooks_upto.0);
        let checkpoint = checkpoint.bind(rows::DEFINITION.as_str()).bind(finished.log_event);
        let checkpoint = checkpoint.execute(&mut *conn).await;
        Ok(checkpoint.map(drop).map_err(doing("finish a view"))?)
    }

    /// The connections, once no more data arrives.
    pub(super) async fn copied(mut self) -> Result<Vec<PgConnection>, ViewError> {
        let mut conns = Vec::new();
        while let Some(ended) = self.0.join_next().await {
            let copied = ended.map_err(|_| ViewError::Panicked)?;
            conns.push(copied.map_err(doing("copy view rows"))?);
        }
        Ok(conns)
    }
}

/// Runs statements, as many at a time as there are connections.
async fn each(
    conns: Vec<PgConnection>,
    statements: Vec<String>,
    finished: &Finished<'_>,
) -> Result<Vec<PgConnection>, ViewError> {
    let waiting = Mutex::new(VecDeque::from(statements));
    let one = async |mut conn: PgConnection| {
        loop {
            finished.meter.check()?;
            let Some(statement) = waiting.lock().await.pop_front() else { return Ok::<_, ViewError>(conn) };
            conn.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.map_err(doing("finish a view"))?;
        }
    };
    futures_util::future::try_join_all(conns.into_iter().map(one)).await
}

impl Rows {
    fn into(table: &str, columns: &'static [(&'static str, Type)]) -> Self {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let copy = format!("copy {table} ({}) from stdin (format binary)", names.join(", ")).into();
        Self { copy, columns, bytes: HEADER.to_vec() }
    }

    fn row(&mut self, cells: &[u8]) {
        let fields = i16::try_from(self.columns.len()).expect("a table has few columns");
        self.bytes.extend(fields.to_be_bytes());
        self.bytes.extend(cells);
    }

    /// The rows so far, if they are enough for one COPY. All of them if no more arrive.
    fn full(&mut self, at_least: usize) -> Option<Copy> {
        if self.bytes.len() < at_least.max(HEADER.len() + 1) {
            return None;
        }
        self.bytes.extend(TRAILER);
        let empty = [HEADER.as_slice()].concat();
        Some((Arc::clone(&self.copy), std::mem::replace(&mut self.bytes, empty)))
    }
}

/// The day from which Postgres counts dates.
pub(in crate::views) const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a real day");

impl Sink for PostgresSink {
    /// Writes the cell in Postgres's binary format: its length and its bytes.
    fn encode(cell: &Value, to: &mut Vec<u8>) {
        let mut field = |bytes: &[u8]| {
            to.extend(i32::try_from(bytes.len()).expect("a cell is small").to_be_bytes());
            to.extend(bytes);
        };
        match cell {
            Value::Null => to.extend((-1_i32).to_be_bytes()),
            Value::Text(text) => field(text.as_bytes()),
            Value::Uuid(id) => field(id.as_bytes()),
            Value::Date(date) => {
                let days = i32::try_from((*date - EPOCH).num_days()).expect("a civil date is within four million days");
                field(&days.to_be_bytes());
            }
            Value::Int(number) => field(&number.to_be_bytes()),
        }
    }

    fn rows(&mut self, table: usize, rows: &mut dyn Iterator<Item = &[u8]>) -> Result<u64, ViewError> {
        let into = &mut self.tables[table];
        let mut count = 0;
        for row in rows {
            into.row(row);
            count += 1;
        }
        if let Some(copy) = into.full(COPY) {
            self.copies.blocking_send(copy).map_err(|_| ViewError::Stopped)?;
        }
        Ok(count)
    }

    fn park(&mut self, stream: StreamId, stop: &Stop) -> Result<(), ViewError> {
        let cells = [
            Value::text(stream.kind.as_str()),
            Value::Uuid(stream.id),
            Value::Int(stop.version),
            Value::Int(stop.position.0),
            Value::text(&stop.error),
        ];
        let mut row = Vec::new();
        for cell in &cells {
            Self::encode(cell, &mut row);
        }
        self.parked.row(&row);
        Ok(())
    }

    fn end(&mut self) -> Result<(), ViewError> {
        for rows in self.tables.iter_mut().chain([&mut self.parked]) {
            if let Some(copy) = rows.full(0) {
                self.copies.blocking_send(copy).map_err(|_| ViewError::Stopped)?;
            }
        }
        Ok(())
    }
}
