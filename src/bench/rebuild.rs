//! A rebuild, compared with the least work that it needs, a raw scan of the log and a bulk write of the same rows, and
//! with the naive way: journey by journey through the public API. Also the memory of a process that only rebuilds.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::TryStreamExt as _;
use rusqlite::types::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};

use super::child;
use super::ground::{Ground, Place, size};
use super::naive::Naive;
use super::report::{Figure, Limit, median, number};
use crate::deployment::Deployment;
use crate::store::Dialect;
use crate::views::Views;
use crate::views::rebuild::Options;
use throughline_projections::TABLES;

/// The default number of events in the log.
const EVENTS: u64 = 1_000_000;
/// The number of rows held in memory between reading and writing a table.
const ROWS_HELD: usize = 100_000;
/// The number of bytes held in memory between reading and writing a copied table.
const BYTES_HELD: usize = 64 * 1024 * 1024;

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let journeys = ground.journeys(EVENTS);
    let place = ground.log_of(store, journeys).await?;
    let deployment = ground.deployed(&place).await?;
    let measured = compared(ground, store, &place, &deployment, journeys).await;
    deployment.close().await;
    let mut measured = measured?;
    let key = ground.scratch("key");
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "starting");
        let ready = child::start_to_ready(&place.url, &key).await?;
        if round > 0 {
            measured.ready.push(ready.as_secs_f64());
        }
    }
    let memory = child::memory_of_a_rebuild(&place.url).await?;
    let size = size(journeys);
    let mut figures = measured.figures(store, journeys);
    figures.push(Figure::new("start to ready", "s", size, measured.ready).on(store).within(Limit::at_most(2.0)));
    figures.extend(memory.map(|mebibytes| {
        let figure = Figure::new("peak memory of a rebuild", "MiB", size, vec![mebibytes]);
        figure.on(store).within(Limit::at_most(2_048.0))
    }));
    Ok(figures)
}

/// The measurements on one store, round by round, in seconds.
#[derive(Default)]
struct Measured {
    rebuild: Vec<f64>,
    scan: Vec<f64>,
    write: Vec<f64>,
    /// The time for one journey.
    naive: Vec<f64>,
    ready: Vec<f64>,
}

impl Measured {
    fn figures(&self, store: Dialect, journeys: u64) -> Vec<Figure> {
        let size = size(journeys);
        let figure = |name, unit, rounds| Figure::new(name, unit, size, rounds).on(store);
        let both: Vec<f64> = self.scan.iter().zip(&self.write).map(|(scan, write)| scan + write).collect();
        let against = match store {
            Dialect::Sqlite => "raw scan and bulk write of the same rows",
            Dialect::Postgres => "COPY out and COPY in of the same rows",
        };
        let per_second = |seconds: &f64| number(journeys) / seconds;
        let naive: Vec<f64> = self.naive.iter().map(|seconds| 1.0 / seconds).collect();
        vec![
            figure("rebuild", "s", self.rebuild.clone())
                .against(against, &both)
                .within(Limit::at_most_times(2.5).aiming_at(1.5))
                .beside("scan, s", median(&self.scan))
                .beside("write, s", median(&self.write)),
            figure("rebuild, by journeys", "journeys/s", self.rebuild.iter().map(per_second).collect())
                .against("journey by journey through the API, from a sample", &naive)
                .within(Limit::at_least_times(20.0).aiming_at(50.0)),
        ]
    }
}

async fn compared(
    ground: &Ground,
    store: Dialect,
    place: &Place,
    deployment: &Deployment,
    journeys: u64,
) -> Result<Measured> {
    let naive = Naive::over(deployment, &ground.scratch("key"), journeys).await?;
    let mut conn = match store {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some(ground.server()?.options([("search_path", &place.schema)]).connect().await?),
    };
    let mut measured = Measured::default();
    for round in 0..=ground.rounds() {
        tracing::info!(round, of = ground.rounds(), "rebuilding");
        let rebuild = rebuilt(&deployment.views).await?;
        let live = deployment.views.live().number;
        let (scan, write) = match &mut conn {
            None => {
                let mut view = place.file.clone().into_os_string();
                view.push(format!("-g{live}"));
                (scan_sqlite(&place.file)?, write_sqlite(Path::new(&view), &ground.scratch("raw-view.db"))?)
            }
            Some(conn) => (scan_postgres(conn).await?, write_postgres(ground, place, live).await?),
        };
        let naive = naive.of_one().await?;
        if round > 0 {
            measured.rebuild.push(rebuild.as_secs_f64());
            measured.scan.push(scan.as_secs_f64());
            measured.write.push(write.as_secs_f64());
            measured.naive.push(naive.as_secs_f64());
        }
    }
    naive.stop().await;
    Ok(measured)
}

async fn rebuilt(views: &Views) -> Result<Duration> {
    let began = Instant::now();
    views.start_rebuild(views.right_to_build().await?, Options::default());
    views.rebuild_ended().await?;
    Ok(began.elapsed())
}

fn scan_sqlite(file: &Path) -> Result<Duration> {
    let conn = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let began = Instant::now();
    let mut scan = conn.prepare("select record from events order by position")?;
    let (mut rows, mut bytes) = (scan.query(())?, 0);
    while let Some(row) = rows.next()? {
        bytes += row.get_ref(0)?.as_bytes()?.len();
    }
    ensure!(bytes > 0, "the log is read");
    Ok(began.elapsed())
}

/// The statements that create the tables, and those that create their indexes.
fn definitions(text: &str) -> (Vec<String>, Vec<String>) {
    let statements = TABLES.iter().flat_map(|table| table.ddl.split(';')).map(str::trim);
    let statements =
        statements.filter(|statement| !statement.is_empty()).map(|statement| statement.replace("{text}", text));
    statements.partition(|statement| statement.starts_with("create table"))
}

/// Writes the rows of a view into a new file, as fast as possible. The time to read them does not count.
fn write_sqlite(view: &Path, to: &Path) -> Result<Duration> {
    let from = rusqlite::Connection::open_with_flags(view, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if to.exists() {
        std::fs::remove_file(to)?;
    }
    let mut began = Instant::now();
    let conn = rusqlite::Connection::open(to)?;
    for (pragma, value) in [("journal_mode", "off"), ("synchronous", "off"), ("locking_mode", "exclusive")] {
        conn.pragma_update(None, pragma, value)?;
    }
    conn.pragma_update(None, "cache_size", -65_536)?;
    conn.execute_batch("begin")?;
    let (make, index) = definitions("text");
    for statement in make {
        conn.execute_batch(&statement)?;
    }
    let mut took = began.elapsed();
    for table in TABLES {
        let binds: Vec<String> = (1..=table.columns.len()).map(|at| format!("?{at}")).collect();
        let mut insert = conn.prepare(&format!("insert into {} values ({})", table.name, binds.join(", ")))?;
        let mut select = from.prepare(&format!("select * from {}", table.name))?;
        let columns = table.columns.len();
        let mut rows = select.query_map((), |row| (0..columns).map(|at| row.get(at)).collect())?;
        loop {
            let held: Vec<Vec<Value>> = rows.by_ref().take(ROWS_HELD).collect::<rusqlite::Result<_>>()?;
            if held.is_empty() {
                break;
            }
            began = Instant::now();
            for row in &held {
                insert.execute(rusqlite::params_from_iter(row))?;
            }
            took += began.elapsed();
        }
    }
    began = Instant::now();
    for statement in index {
        conn.execute_batch(&statement)?;
    }
    conn.execute_batch("commit")?;
    conn.close().map_err(|(_, error)| error)?;
    std::fs::File::open(to)?.sync_all()?;
    Ok(took + began.elapsed())
}

async fn scan_postgres(conn: &mut PgConnection) -> Result<Duration> {
    let began = Instant::now();
    let copy = "copy (select record from events order by position) to stdout (format binary)";
    let mut copied = conn.copy_out_raw(copy).await?;
    let mut bytes = 0;
    while let Some(piece) = copied.try_next().await? {
        bytes += piece.len();
    }
    ensure!(bytes > 0, "the log is read");
    Ok(began.elapsed())
}

/// Copies the rows of a view into new tables. The time to read them does not count.
async fn write_postgres(ground: &Ground, place: &Place, live: i64) -> Result<Duration> {
    let (mut from, mut to) = (ground.server()?.connect().await?, ground.server()?.connect().await?);
    let (view, raw) = (format!("{}_g{live}", place.schema), format!("{}_raw", place.schema));
    let set = format!(
        "drop schema if exists {raw} cascade; create schema {raw}; set search_path = {raw}; \
         set synchronous_commit = off; set maintenance_work_mem = '128MB'"
    );
    to.execute(sqlx::raw_sql(AssertSqlSafe(set))).await?;
    let mut began = Instant::now();
    let (make, index) = definitions("text collate \"C\"");
    for statement in make {
        to.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    let mut took = began.elapsed();
    for table in TABLES {
        let copy = format!("copy {view}.{} to stdout (format binary)", table.name);
        let mut out = from.copy_out_raw(&copy).await?;
        let mut copy = to.copy_in_raw(&format!("copy {} from stdin (format binary)", table.name)).await?;
        let mut held = Vec::new();
        while let Some(piece) = out.try_next().await? {
            held.extend_from_slice(&piece);
            if held.len() > BYTES_HELD {
                began = Instant::now();
                copy.send(held.as_slice()).await?;
                took += began.elapsed();
                held.clear();
            }
        }
        began = Instant::now();
        copy.send(held.as_slice()).await?;
        copy.finish().await?;
        took += began.elapsed();
    }
    began = Instant::now();
    for statement in index {
        to.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    took += began.elapsed();
    to.execute(AssertSqlSafe(format!("drop schema {raw} cascade"))).await.context("cannot drop the written tables")?;
    Ok(took)
}
