//! Measurements of a whole process: the same program, started again on a log that no other process uses.

use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::client::{Connection, Request};

/// How often the memory of a process is read. The system itself keeps the peak.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process that ends when the value is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This program, with arguments, on a database.
fn this(database: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program itself")?);
    command.args(arguments).env("THROUGHLINE_DATABASE", database).env("RUST_LOG", "info");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

/// A service on a log. It runs until the value is dropped.
pub(super) struct Serving {
    running: Running,
    /// The address on which it listens.
    pub(super) address: SocketAddr,
}

impl Serving {
    /// Starts the service and waits until it is ready. No budget for logins applies.
    pub(super) async fn start(database: &str, key: &Path) -> Result<Self> {
        let mut command = this(database, &["serve", "--listen", "127.0.0.1:0", "--budget", "0"])?;
        command.env("THROUGHLINE_KEY", key).stderr(Stdio::piped());
        let mut running = Running(command.spawn().context("cannot start the service")?);
        let said = running.0.stderr.take().context("its standard error is ours")?;
        let address = tokio::task::spawn_blocking(move || {
            let mut said = BufReader::new(said);
            let address = listening_at(&mut said);
            // The service would block if its log were not read.
            std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
            address
        })
        .await??;
        Connection::to(address).await?.ask(&Request::get("/readyz", "\"lag\"")).await?;
        Ok(Self { running, address })
    }

    /// The peak memory since the last call, in mebibytes. `None` if the system does not provide it.
    pub(super) fn memory(&self) -> Option<f64> {
        let process = format!("/proc/{}", self.running.0.id());
        let highest = high_water_mark(&std::fs::read_to_string(format!("{process}/status")).ok()?);
        // If the peak cannot be reset, it is that of the whole run.
        let _ = std::fs::write(format!("{process}/clear_refs"), "5");
        highest
    }
}

/// The time from the start of the service until it reports that it is ready.
pub(super) async fn start_to_ready(database: &str, key: &Path) -> Result<Duration> {
    let began = Instant::now();
    Serving::start(database, key).await?;
    Ok(began.elapsed())
}

/// The address that a service logs when it starts. Its log is JSON lines if it is not on a terminal.
fn listening_at(log: impl std::io::BufRead) -> Result<SocketAddr> {
    let mut lines = Vec::new();
    for line in log.lines() {
        let line = line?;
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = entry["url"].as_str().and_then(|url| url.strip_prefix("http://")) {
            return Ok(address.parse()?);
        }
        lines.push(line);
    }
    bail!("the service did not start: {}", lines.join("\n"))
}

/// The peak memory of `throughline rebuild`, in mebibytes. `None` if the system does not provide it.
pub(super) async fn memory_of_a_rebuild(database: &str) -> Result<Option<f64>> {
    let mut command = this(database, &["rebuild"])?;
    command.stderr(Stdio::null());
    tokio::task::spawn_blocking(move || {
        let mut running = Running(command.spawn().context("cannot start a rebuild")?);
        watched(&mut running)
    })
    .await?
}

/// Waits until a process has ended well. Returns its peak memory in mebibytes, if the system provides it.
fn watched(running: &mut Running) -> Result<Option<f64>> {
    let status = format!("/proc/{}/status", running.0.id());
    let mut highest = None;
    let ended = loop {
        highest = std::fs::read_to_string(&status).ok().and_then(|status| high_water_mark(&status)).or(highest);
        if let Some(ended) = running.0.try_wait()? {
            break ended;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    ensure!(ended.success(), "the process did not end well: {ended}");
    Ok(highest)
}

/// An export by a process of its own.
pub(super) struct Exported {
    /// The time from its start to its end.
    pub(super) took: Duration,
    /// The rows, as it logs them.
    pub(super) rows: u64,
    /// Its peak memory in mebibytes, if the system provides it.
    pub(super) memory: Option<f64>,
}

/// Runs `throughline export` with these arguments.
pub(super) async fn an_export(database: &str, arguments: &[&str]) -> Result<Exported> {
    let mut command = this(database, arguments)?;
    command.stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut running = Running(command.spawn().context("cannot start an export")?);
        let said = running.0.stderr.take().context("its standard error is ours")?;
        // The process would block if its log were not read.
        let reading = std::thread::spawn(move || std::io::read_to_string(said));
        let memory = watched(&mut running)?;
        let took = began.elapsed();
        let said = reading.join().expect("reading does not panic")?;
        let rows = said.lines().find_map(rows_logged).context("the export did not log its rows")?;
        Ok(Exported { took, rows, memory })
    })
    .await?
}

/// A process that ran to its end.
pub(super) struct Ran {
    /// The time from its start to its end.
    pub(super) took: Duration,
    /// Its peak memory in mebibytes, if the system provides it.
    pub(super) memory: Option<f64>,
}

/// Runs `throughline import` with these arguments. It fails if a row was not recorded.
pub(super) async fn an_import(database: &str, arguments: &[&str]) -> Result<Ran> {
    let mut command = this(database, arguments)?;
    command.stderr(Stdio::null());
    tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut running = Running(command.spawn().context("cannot start an import")?);
        let memory = watched(&mut running)?;
        Ok(Ran { took: began.elapsed(), memory })
    })
    .await?
}

/// The rows that a line of an export's log names.
fn rows_logged(line: &str) -> Option<u64> {
    serde_json::from_str::<Value>(line).ok()?["rows"].as_u64()
}

/// The peak memory of this process since the last call, in mebibytes. `None` if the system does not provide it.
pub(super) fn highest_mark() -> Option<f64> {
    let highest = high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?);
    // If the peak cannot be reset, it is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    highest
}

/// The peak memory of a process on Linux, in mebibytes.
fn high_water_mark(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_memory_is_read_in_mebibytes() {
        let status = "Name:\tthroughline\nVmHWM:\t  524288 kB\nVmRSS:\t 1000 kB\n";
        assert_eq!(high_water_mark(status).map(f64::round), Some(512.0));
        assert_eq!(high_water_mark("Name:\tgone\n"), None);
    }

    #[test]
    fn the_rows_of_an_export_are_taken_from_its_log() {
        assert_eq!(rows_logged("{\"message\":\"exported\",\"rows\":120}"), Some(120));
        assert_eq!([rows_logged("{\"message\":\"opening\"}"), rows_logged("rows: 7")], [None, None]);
    }

    #[test]
    fn the_address_is_taken_from_the_log_of_the_service() {
        let log = b"{\"message\":\"opening\"}\n{\"url\":\"http://127.0.0.1:4567\",\"message\":\"serving\"}\n";
        assert_eq!(listening_at(&log[..]).expect("an address").port(), 4567);
        assert!(listening_at(&b"error: no\n"[..]).is_err());
    }
}
