//! The tables of import jobs and of their quarantined records. The only code that names them.
//!
//! It stores and reads. It decides nothing, and reads no clock. Every change runs in a task of its own: a client that
//! hangs up leaves no open transaction.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::job::{Counts, End, Job, NewJob, Progress, Quarantined, State};
use crate::access::Role;
use crate::store::{Conn, Sql, Store, StoreError, columns, doing, on};
use throughline_domain::fact::envelope::Position;

/// The columns of a job.
macro_rules! jobs {
    ($rest:literal) => {
        concat!(
            "select id, number, source, contract, form, files, digest, size, sender, role, state, is_cancelled, reason, \
             attempts, recorded, corrected, already_there, refused, unreadable, missing, retracted, journeys, file, line, \
             not_compared, position, created_at, started_at, ended_at from import_jobs ",
            $rest
        )
    };
}

static FIND: Sql = Sql::new(jobs!("where id = $1"));
static FIND_ALL: Sql = Sql::new(jobs!("where id in {uuids $1} order by id limit $2"));
static OF_REQUEST: Sql = Sql::new(jobs!("where sender = $1 and role = $2 and request = $3"));
static NEWEST: Sql = Sql::new(jobs!("where source = $1 and contract = $2 order by number desc limit 1"));
static OF_SOURCE: Sql =
    Sql::new(jobs!("where source = $1 and contract = $2 and number < $3 order by number desc limit $4"));
static COUNT: Sql = Sql::new("select count(*) as count from import_jobs where source = $1 and contract = $2");
static COUNT_WAITING: Sql = Sql::new(
    "select count(*) as count from import_jobs where source = $1 and contract = $2 and state in ('waiting', 'running')",
);
static UNFINISHED: Sql = Sql::new(jobs!("where state in ('waiting', 'running') order by number limit $1"));
static INSERT: Sql = Sql::new(
    "insert into import_jobs (id, number, source, contract, form, files, digest, size, sender, role, request, state, \
     is_cancelled, attempts, recorded, corrected, already_there, refused, unreadable, missing, retracted, journeys, \
     created_at) \
     select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, 0, 0, 0, 0, 0, 0, 0, \
     0, 0, $12 from import_jobs where true on conflict do nothing",
);
static BEGIN: Sql = Sql::new(
    "update import_jobs set state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, $2), \
     recorded = 0, corrected = 0, already_there = 0, refused = 0, unreadable = 0, missing = 0, retracted = 0, \
     journeys = 0, file = null, line = null where id = $1 and state in ('waiting', 'running')",
);
static PROGRESS: Sql = Sql::new(
    "update import_jobs set recorded = $2, corrected = $3, already_there = $4, refused = $5, unreadable = $6, \
     missing = $7, retracted = $8, journeys = $9, file = $10, line = $11, position = coalesce($12, position) \
     where id = $1 and state = 'running'",
);
static END: Sql = Sql::new(
    "update import_jobs set state = $2, reason = $3, not_compared = $4, ended_at = $5 \
     where id = $1 and state in ('waiting', 'running')",
);
static CANCEL: Sql =
    Sql::new("update import_jobs set is_cancelled = $2 where id = $1 and state in ('waiting', 'running')");
static IS_CANCELLED: Sql = Sql::new("select is_cancelled from import_jobs where id = $1");
static QUARANTINE: Sql = Sql::new(
    "insert into import_quarantine (job, number, file, line, record, outcome, code, place, message) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
);
static RELEASE: Sql = Sql::new("delete from import_quarantine where job = $1");
static RELEASE_OLD: Sql = Sql::new(
    "delete from import_quarantine where job in (select q.job from import_quarantine q join import_jobs j on \
     j.id = q.job where j.ended_at < $1 order by q.job, q.number limit $2)",
);
static QUARANTINED: Sql = Sql::new(
    "select number, file, line, record, outcome, code, place, message from import_quarantine \
     where job = $1 and number > $2 order by number limit $3",
);
static COUNT_QUARANTINED: Sql = Sql::new("select count(*) as count from import_quarantine where job = $1");

/// Every statement of the jobs.
pub static STATEMENTS: &[&Sql] = &[
    &FIND,
    &FIND_ALL,
    &OF_REQUEST,
    &NEWEST,
    &OF_SOURCE,
    &COUNT,
    &COUNT_WAITING,
    &UNFINISHED,
    &INSERT,
    &BEGIN,
    &PROGRESS,
    &END,
    &CANCEL,
    &IS_CANCELLED,
    &QUARANTINE,
    &RELEASE,
    &RELEASE_OLD,
    &QUARANTINED,
    &COUNT_QUARANTINED,
];

/// The most unfinished jobs that are looked at, and the most quarantined records that are looked at to remove old ones.
const JOBS_MAX: i64 = 1_000;
/// How often a number is taken anew because another server took it first.
const ATTEMPTS: usize = 8;

columns! {
    struct Row {
        id: Uuid,
        number: i64,
        source: String,
        contract: String,
        form: String,
        files: String,
        digest: String,
        size: i64,
        sender: String,
        role: String,
        state: String,
        is_cancelled: bool,
        reason: Option<String>,
        attempts: i64,
        recorded: i64,
        corrected: i64,
        already_there: i64,
        refused: i64,
        unreadable: i64,
        missing: i64,
        retracted: i64,
        journeys: i64,
        file: Option<String>,
        line: Option<i64>,
        not_compared: Option<String>,
        position: Option<i64>,
        created_at: DateTime<Utc>,
        started_at: Option<DateTime<Utc>>,
        ended_at: Option<DateTime<Utc>>,
    }
}

columns! {
    struct QuarantinedRow {
        number: i64,
        file: Option<String>,
        line: Option<i64>,
        record: Option<String>,
        outcome: String,
        code: Option<String>,
        place: Option<String>,
        message: String,
    }
}

/// What became of a job that was to be stored.
#[derive(Debug)]
pub(super) enum Stored {
    /// It is stored.
    New(Box<Job>),
    /// The sender's request was stored before, as this job.
    Before(Box<Job>),
}

/// The tables of one store. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    store: Arc<Store>,
    /// Held while writing, so that the append task always finds another connection.
    writing: Arc<Mutex<()>>,
}

/// Runs statements in one transaction of the writer, to its end.
macro_rules! written {
    ($tables:expr, $doing:literal, ($conn:ident, $dialect:ident) => $body:expr) => {{
        let tables = $tables.clone();
        detached(async move {
            let _alone = tables.writing.lock().await;
            let fault = doing($doing);
            let $dialect = tables.store.dialect();
            let mut conn = Conn::begun(&tables.store.writer).await.map_err(&fault)?;
            let written: sqlx::Result<_> = on!(&mut conn, $conn => async { $body }.await);
            match written {
                Ok(written) => conn.commit().await.map(|()| written).map_err(&fault),
                Err(error) => {
                    conn.rollback().await;
                    Err(fault(error))
                }
            }
        })
        .await
    }};
}

/// Reads rows with one statement.
macro_rules! found {
    ($tables:expr, $doing:literal, $fetch:ident, $sql:expr, $($bind:expr),*) => {{
        let reader = &$tables.store.reader;
        let sql = $sql.text(reader.dialect());
        on!(reader, pool => sqlx::query_as(sql)$(.bind($bind))*.$fetch(pool).await).map_err(doing($doing))
    }};
}

/// Runs a change to its end, even if nobody waits for it any more.
async fn detached<T: Send + 'static>(
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = tokio::spawn(change).await;
    ended.unwrap_or_else(|_| Err(doing("change the import jobs")(sqlx::Error::WorkerCrashed)))
}

impl Tables {
    pub(super) fn of(store: Arc<Store>) -> Self {
        Self { store, writing: Arc::default() }
    }

    pub(super) const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(super) async fn find(&self, id: Uuid) -> Result<Option<Job>, StoreError> {
        let row: Option<Row> = found!(self, "find an import", fetch_optional, FIND, id)?;
        Ok(row.map(Into::into))
    }

    pub(super) async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
        let (wanted, most) = (serde_json::json!(ids).to_string(), i64::try_from(ids.len()).unwrap_or(i64::MAX));
        let rows: Vec<Row> = found!(self, "find imports", fetch_all, FIND_ALL, &wanted, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The job of a sender's request.
    pub(super) async fn of_request(&self, of: &NewJob) -> Result<Option<Job>, StoreError> {
        let Some(request) = &of.request else { return Ok(None) };
        let row: Option<Row> =
            found!(self, "find the import of a request", fetch_optional, OF_REQUEST, &of.sender, of.role, request)?;
        Ok(row.map(Into::into))
    }

    /// The newest job of a source.
    pub(super) async fn newest(&self, of: &NewJob) -> Result<Option<Job>, StoreError> {
        let row: Option<Row> =
            found!(self, "find the newest import of a source", fetch_optional, NEWEST, &of.source, &of.contract)?;
        Ok(row.map(Into::into))
    }

    /// The jobs of a source before a number, newest first.
    pub(super) async fn of_source(
        &self,
        (source, contract): (&str, &str),
        before: i64,
        most: i64,
    ) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Row> = found!(self, "list imports", fetch_all, OF_SOURCE, source, contract, before, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    pub(super) async fn count(&self, (source, contract): (&str, &str)) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count imports", fetch_one, COUNT, source, contract)?;
        Ok(count)
    }

    /// The jobs of a source that are not over.
    pub(super) async fn count_waiting(&self, (source, contract): (&str, &str)) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count imports that wait", fetch_one, COUNT_WAITING, source, contract)?;
        Ok(count)
    }

    /// The jobs that are not over, in order.
    pub(super) async fn unfinished(&self) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Row> = found!(self, "list what is to be imported", fetch_all, UNFINISHED, JOBS_MAX)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Stores a new job at the end of the queue, unless the sender's request was stored before.
    pub(super) async fn insert(&self, new: &NewJob) -> Result<Stored, StoreError> {
        let files = serde_json::to_string(&new.files).expect("names can be written as JSON");
        for _ in 0..ATTEMPTS {
            let (row, files) = (new.clone(), files.clone());
            let is_new = written!(self, "store an import", (conn, dialect) => {
                let insert = sqlx::query(INSERT.text(dialect)).bind(row.id).bind(&row.source).bind(&row.contract);
                let insert = insert.bind(row.form).bind(&files).bind(&row.digest).bind(row.size).bind(&row.sender);
                let insert = insert.bind(row.role).bind(&row.request).bind(false).bind(row.created_at);
                insert.execute(&mut **conn).await.map(|done| done.rows_affected() == 1)
            })?;
            if is_new && let Some(job) = self.find(new.id).await? {
                return Ok(Stored::New(Box::new(job)));
            }
            if let Some(before) = self.of_request(new).await? {
                return Ok(Stored::Before(Box::new(before)));
            }
            // Another server took the number first.
        }
        Err(doing("store an import")(sqlx::Error::WorkerCrashed))
    }

    /// Begins a job anew. Returns `false` if it is over.
    pub(super) async fn begin(&self, id: Uuid, at: DateTime<Utc>) -> Result<bool, StoreError> {
        written!(self, "begin an import", (conn, dialect) => {
            let begun = sqlx::query(BEGIN.text(dialect)).bind(id).bind(at).execute(&mut **conn).await?;
            let is_begun = begun.rows_affected() == 1;
            // The records of a job that is over stay in quarantine.
            if is_begun {
                sqlx::query(RELEASE.text(dialect)).bind(id).execute(&mut **conn).await?;
            }
            Ok(is_begun)
        })
    }

    /// Stores how far a job is and, if it is over, how it ended.
    pub(super) async fn store_progress(
        &self,
        id: Uuid,
        progress: Progress,
        end: Option<End>,
    ) -> Result<(), StoreError> {
        written!(self, "store the progress of an import", (conn, dialect) => {
            let Progress { counts, file, line, position, quarantined } = &progress;
            let row = sqlx::query(PROGRESS.text(dialect)).bind(id).bind(counts.recorded).bind(counts.corrected);
            let row = row.bind(counts.there).bind(counts.refused).bind(counts.unreadable).bind(counts.missing);
            let row = row.bind(counts.retracted).bind(counts.journeys).bind(file).bind(*line).bind(*position);
            row.execute(&mut **conn).await?;
            for one in quarantined {
                let row = sqlx::query(QUARANTINE.text(dialect)).bind(id).bind(one.number).bind(&one.file);
                let row = row.bind(one.line).bind(&one.record).bind(&one.outcome).bind(&one.code);
                row.bind(&one.place).bind(&one.message).execute(&mut **conn).await?;
            }
            if let Some(end) = &end {
                let row = sqlx::query(END.text(dialect)).bind(id).bind(end.state.as_str()).bind(&end.reason);
                row.bind(&end.not_compared).bind(end.at).execute(&mut **conn).await?;
            }
            Ok(())
        })
    }

    /// Asks to cancel a job. Returns `false` if it is over.
    pub(super) async fn cancel(&self, id: Uuid) -> Result<bool, StoreError> {
        written!(self, "cancel an import", (conn, dialect) => {
            let row = sqlx::query(CANCEL.text(dialect)).bind(id).bind(true);
            row.execute(&mut **conn).await.map(|done| done.rows_affected() == 1)
        })
    }

    /// Whether a job is to be cancelled.
    pub(super) async fn is_cancelled(&self, id: Uuid) -> Result<bool, StoreError> {
        let found: Option<(bool,)> = found!(self, "read an import", fetch_optional, IS_CANCELLED, id)?;
        Ok(found.is_some_and(|(is_cancelled,)| is_cancelled))
    }

    /// Removes the quarantined records of jobs that ended before an instant.
    pub(super) async fn release_older(&self, than: DateTime<Utc>) -> Result<(), StoreError> {
        written!(self, "remove old quarantined records", (conn, dialect) => {
            let row = sqlx::query(RELEASE_OLD.text(dialect)).bind(than).bind(JOBS_MAX);
            row.execute(&mut **conn).await.map(drop)
        })
    }

    /// The quarantined records of a job after a number.
    pub(super) async fn quarantined(&self, id: Uuid, after: i64, most: i64) -> Result<Vec<Quarantined>, StoreError> {
        let rows: Vec<QuarantinedRow> =
            found!(self, "list quarantined records", fetch_all, QUARANTINED, id, after, most)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    pub(super) async fn count_quarantined(&self, id: Uuid) -> Result<i64, StoreError> {
        let (count,): (i64,) = found!(self, "count quarantined records", fetch_one, COUNT_QUARANTINED, id)?;
        Ok(count)
    }
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        let counts = Counts {
            recorded: row.recorded,
            corrected: row.corrected,
            there: row.already_there,
            refused: row.refused,
            unreadable: row.unreadable,
            missing: row.missing,
            retracted: row.retracted,
            journeys: row.journeys,
        };
        Self {
            id: row.id,
            number: row.number,
            source: row.source,
            contract: row.contract,
            form: row.form,
            files: serde_json::from_str(&row.files).unwrap_or_default(),
            digest: row.digest,
            size: row.size,
            sender: row.sender,
            role: row.role.parse().unwrap_or(Role::Integrator),
            state: State::named(&row.state),
            is_cancelled: row.is_cancelled,
            reason: row.reason,
            attempts: row.attempts,
            counts,
            file: row.file,
            line: row.line,
            not_compared: row.not_compared,
            position: row.position.map(Position),
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
        }
    }
}

impl From<QuarantinedRow> for Quarantined {
    fn from(row: QuarantinedRow) -> Self {
        let QuarantinedRow { number, file, line, record, outcome, code, place, message } = row;
        Self { number, file, line, record, outcome, code, place, message }
    }
}
