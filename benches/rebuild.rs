//! A rebuild beside what it cannot do without: a raw scan of the log and a bulk write of the same rows, in the same run.
//!
//! `cargo bench --bench rebuild -- [--journeys N] [--rounds N] [--directory DIR] [--workers N]`; Postgres where
//! `THROUGHLINE_TEST_POSTGRES` names a server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::TryStreamExt as _;
use rusqlite::types::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use throughline::bench::generate::Generated;
use throughline::clock::Chance;
use throughline::log::Log;
use throughline::projections::TABLES;
use throughline::store::{Mode, Store};
use throughline::views::Views;
use throughline::views::rebuild::Options;

/// What is asked for on the command line.
struct Asked {
    journeys: u64,
    rounds: usize,
    directory: PathBuf,
    options: Options,
    store: Option<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, otherwise: u64| given(name).map_or(Ok(otherwise), |text| text.parse());
    let asked = Asked {
        journeys: number("--journeys", 40_000)?,
        rounds: usize::try_from(number("--rounds", 5)?)?,
        directory: given("--directory").map_or_else(std::env::temp_dir, PathBuf::from),
        options: Options {
            workers: usize::try_from(number("--workers", Options::default().workers as u64)?)?,
            held: i64::try_from(number("--held", 2_000_000)?)?,
        },
        store: given("--store"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if asked.store.as_deref() != Some("postgres") {
            sqlite(&asked).await.context("on SQLite")?;
        }
        if asked.store.as_deref() != Some("sqlite") {
            postgres(&asked).await.context("on Postgres")?;
        }
        anyhow::Ok(())
    })
}

/// A log of that many journeys, with a view.
async fn told(url: &str, journeys: u64) -> Result<Views> {
    let store = Arc::new(Store::open(url, Mode::Write).await?);
    let log = Log::open(store).await?;
    let began = Instant::now();
    if log.head().await?.position.0 == 0 {
        let events = Generated::of(journeys, 7).map(Ok::<_, std::convert::Infallible>);
        log.load(&Chance::seeded(8), events).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        say(&format!("generated {} events in {:.1} s", Generated::events(journeys), began.elapsed().as_secs_f64()))?;
    }
    Ok(Views::open(log).await?)
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

async fn rebuilt(views: &Views, options: Options) -> Result<Duration> {
    let began = Instant::now();
    views.start_rebuild(views.right_to_build().await?, options);
    views.rebuild_ended().await?;
    Ok(began.elapsed())
}

/// One line for each round, and the median ratio.
fn report(store: &str, rounds: &[(Duration, Duration, Duration)]) -> Result<()> {
    let mut ratios = Vec::new();
    for (rebuild, scan, write) in rounds {
        let ratio = rebuild.as_secs_f64() / (*scan + *write).as_secs_f64();
        ratios.push(ratio);
        say(&format!(
            "{store}: rebuild {:.2} s, raw scan {:.2} s, bulk write {:.2} s: {ratio:.2} ×",
            rebuild.as_secs_f64(),
            scan.as_secs_f64(),
            write.as_secs_f64()
        ))?;
    }
    ratios.sort_by(f64::total_cmp);
    say(&format!("{store}: median {:.2} ×", ratios[ratios.len() / 2]))
}

async fn sqlite(asked: &Asked) -> Result<()> {
    let directory = tempfile::tempdir_in(&asked.directory)?;
    let file = directory.path().join("log.db");
    let views = told(&format!("sqlite:{}", file.display()), asked.journeys).await?;
    let mut rounds = Vec::new();
    for round in 0..=asked.rounds {
        let rebuild = rebuilt(&views, asked.options).await?;
        let view = directory.path().join(format!("log.db-g{}", views.live().number));
        let scan = scan_sqlite(&file)?;
        let write = write_sqlite(&view, &directory.path().join("raw.db"))?;
        if round > 0 {
            rounds.push((rebuild, scan, write));
        }
    }
    report("sqlite", &rounds)?;
    views.close().await;
    views.log().store().close().await;
    Ok(())
}

fn scan_sqlite(file: &Path) -> Result<Duration> {
    let conn = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let began = Instant::now();
    let mut scan = conn.prepare("select record from events order by position")?;
    let (mut rows, mut bytes) = (scan.query(())?, 0);
    while let Some(row) = rows.next()? {
        bytes += row.get_ref(0)?.as_bytes()?.len();
    }
    anyhow::ensure!(bytes > 0, "the log is read");
    Ok(began.elapsed())
}

/// The statements that make the tables, and their indexes.
fn definitions(text: &str) -> (Vec<String>, Vec<String>) {
    let statements = TABLES.iter().flat_map(|table| table.ddl.split(';')).map(str::trim);
    let statements =
        statements.filter(|statement| !statement.is_empty()).map(|statement| statement.replace("{text}", text));
    statements.partition(|statement| statement.starts_with("create table"))
}

fn write_sqlite(view: &Path, to: &Path) -> Result<Duration> {
    let from = rusqlite::Connection::open_with_flags(view, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut tables: Vec<Vec<Vec<Value>>> = Vec::new();
    for table in TABLES {
        let mut select = from.prepare(&format!("select * from {}", table.name))?;
        let columns = table.columns.len();
        let rows = select.query_map((), |row| (0..columns).map(|at| row.get(at)).collect())?;
        tables.push(rows.collect::<rusqlite::Result<_>>()?);
    }
    let _ = std::fs::remove_file(to);
    let began = Instant::now();
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
    for (table, rows) in TABLES.iter().zip(&tables) {
        let binds: Vec<String> = (1..=table.columns.len()).map(|at| format!("?{at}")).collect();
        let mut insert = conn.prepare(&format!("insert into {} values ({})", table.name, binds.join(", ")))?;
        for row in rows {
            insert.execute(rusqlite::params_from_iter(row))?;
        }
    }
    for statement in index {
        conn.execute_batch(&statement)?;
    }
    conn.execute_batch("commit")?;
    conn.close().map_err(|(_, error)| error)?;
    std::fs::File::open(to)?.sync_all()?;
    Ok(began.elapsed())
}

async fn postgres(asked: &Asked) -> Result<()> {
    let server = std::env::var("THROUGHLINE_TEST_POSTGRES").context("THROUGHLINE_TEST_POSTGRES names no server")?;
    let options: PgConnectOptions = server.parse()?;
    let mut conn = options.connect().await?;
    let schema = "bench_rebuild";
    conn.execute(AssertSqlSafe(format!("drop schema if exists {schema} cascade"))).await?;
    conn.execute(AssertSqlSafe(format!("create schema {schema}"))).await?;
    let joint = if server.contains('?') { '&' } else { '?' };
    let views = told(&format!("{server}{joint}options[search_path]={schema}"), asked.journeys).await?;
    conn.execute("vacuum analyze").await?;
    let mut rounds = Vec::new();
    for round in 0..=asked.rounds {
        let rebuild = rebuilt(&views, asked.options).await?;
        let scan = scan_postgres(&mut conn, schema).await?;
        let write = write_postgres(&mut conn, &format!("{schema}_g{}", views.live().number)).await?;
        if round > 0 {
            rounds.push((rebuild, scan, write));
        }
    }
    report("postgres", &rounds)?;
    let live = views.generations().await?;
    views.close().await;
    views.log().store().close().await;
    for schema in [Some(live.live), live.previous].into_iter().flatten().map(|number| format!("{schema}_g{number}")) {
        conn.execute(AssertSqlSafe(format!("drop schema if exists {schema} cascade"))).await?;
    }
    conn.execute(AssertSqlSafe(format!("drop schema {schema} cascade"))).await?;
    Ok(())
}

async fn scan_postgres(conn: &mut PgConnection, schema: &str) -> Result<Duration> {
    let began = Instant::now();
    let copy = format!("copy (select record from {schema}.events order by position) to stdout (format binary)");
    let mut copied = conn.copy_out_raw(&copy).await?;
    let mut bytes = 0;
    while let Some(piece) = copied.try_next().await? {
        bytes += piece.len();
    }
    anyhow::ensure!(bytes > 0, "the log is read");
    Ok(began.elapsed())
}

async fn write_postgres(conn: &mut PgConnection, view: &str) -> Result<Duration> {
    let mut tables = Vec::new();
    for table in TABLES {
        let copy = format!("copy {view}.{} to stdout (format binary)", table.name);
        let pieces: Vec<_> = conn.copy_out_raw(&copy).await?.try_collect().await?;
        tables.push(pieces.concat());
    }
    let set = "drop schema if exists bench_raw cascade; create schema bench_raw; set search_path = bench_raw; \
               set synchronous_commit = off; set maintenance_work_mem = '128MB'";
    conn.execute(sqlx::raw_sql(set)).await?;
    let began = Instant::now();
    let (make, index) = definitions("text collate \"C\"");
    for statement in make {
        conn.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    for (table, bytes) in TABLES.iter().zip(&tables) {
        let mut copy = conn.copy_in_raw(&format!("copy {} from stdin (format binary)", table.name)).await?;
        copy.send(bytes.as_slice()).await?;
        copy.finish().await?;
    }
    for statement in index {
        conn.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    let took = began.elapsed();
    conn.execute("drop schema bench_raw cascade").await?;
    Ok(took)
}
