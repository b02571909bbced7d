//! `bench` on logs that are far too small to mean anything: every figure is there by its name, on both stores, nothing is
//! left behind, and what cannot be measured is refused. No figure itself is asserted.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

const SERVER: &str = "THROUGHLINE_TEST_POSTGRES";
/// Events of a log that is rebuilt, and its journeys, by which its schemas are known.
const REBUILT: &str = "3000";
const ITS_JOURNEYS: &str = "120";

fn bench(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.arg("bench").args(arguments).env("RUST_LOG", "info");
    program
}

fn text(of: &[u8]) -> String {
    String::from_utf8(of.to_vec()).expect("text")
}

/// What a run that ended well has printed, figure by figure.
fn figures(ran: &Output) -> Vec<Value> {
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    text(&ran.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// One round on a small log in this directory.
fn measured(what: &str, directory: &Path) -> Vec<Value> {
    let directory = directory.to_str().expect("a path of text");
    let events = if what == "rebuild" { REBUILT } else { "2000" };
    let arguments = [what, "--events", events, "--rounds", "1", "--json", "--directory", directory];
    figures(&bench(&arguments).output().expect("it runs"))
}

/// Every figure has what is promised of it, and these are all there are.
fn assert_figures(found: &[Value], expected: &[(&str, &[&str])]) {
    for figure in found {
        let is_counted_faults = figure["limit"]["at_most"] == 0.0;
        assert!(figure["ours"].as_f64().is_some_and(|ours| ours > 0.0 || is_counted_faults), "{figure}");
        assert_eq!(figure["rounds"].as_array().map(Vec::len), Some(1), "{figure}");
        assert_eq!(figure["against"].is_null(), figure["ratio"].is_null(), "{figure}");
        assert_eq!(figure["limit"].is_null(), figure["kept"].is_null(), "{figure}");
        assert!(figure["unit"].is_string() && figure["journeys"].is_u64() && figure["events"].is_u64(), "{figure}");
    }
    let name = |figure: &Value| format!("{}: {}", figure["store"].as_str().expect("a store"), figure["figure"]);
    let found: BTreeSet<String> = found.iter().map(name).collect();
    let both = expected.iter().flat_map(|(figure, stores)| stores.iter().map(move |store| (figure, store)));
    let expected: BTreeSet<String> = both.map(|(figure, store)| format!("{store}: {figure:?}")).collect();
    assert_eq!(found, expected);
}

const BOTH: &[&str] = &["SQLite", "Postgres"];
const POSTGRES: &[&str] = &["Postgres"];

#[test]
fn appends_are_measured_on_both_stores_and_nothing_is_left() {
    let directory = tempfile::tempdir().expect("a directory");
    let expected = [
        ("append, 1 caller", BOTH),
        ("append, 64 callers", BOTH),
        ("append, 64 callers, beside events alone", BOTH),
        ("append, 64 callers, beside an unsafe sequence", POSTGRES),
        ("append, 64 callers, beside a head row", POSTGRES),
        ("append with the live view, 64 callers", BOTH),
        ("append with the live view, two nodes, 64 callers", POSTGRES),
        ("logContact over HTTP GraphQL, 64 connections", BOTH),
    ];
    assert_figures(&measured("append", directory.path()), &expected);
    assert_eq!(directory.path().read_dir().expect("it is there").count(), 0);
}

#[test]
fn sealing_is_measured_on_both_stores() {
    let directory = tempfile::tempdir().expect("a directory");
    let expected = [
        ("append with a note, 64 callers", BOTH),
        ("a page of 50 names opened", BOTH),
        ("a page of 50 names noted and opened", BOTH),
    ];
    assert_figures(&measured("sealing", directory.path()), &expected);
    assert_eq!(directory.path().read_dir().expect("it is there").count(), 0);
}

#[test]
fn searches_for_people_are_measured_on_both_stores() {
    let directory = tempfile::tempdir().expect("a directory");
    let expected = [("search by whole name, p99", BOTH), ("search by family name, p99", BOTH)];
    assert_figures(&measured("people", directory.path()), &expected);
    assert_eq!(directory.path().read_dir().expect("it is there").count(), 0);
}

#[tokio::test]
async fn rebuilds_are_measured_on_both_stores_and_the_schemas_of_a_run_go_with_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut expected = vec![("rebuild", BOTH), ("rebuild, by journeys", BOTH), ("start to ready", BOTH)];
    if cfg!(target_os = "linux") {
        expected.push(("peak memory of a rebuild", BOTH));
    }
    let found = measured("rebuild", directory.path());
    assert_figures(&found, &expected);
    let server = std::env::var(SERVER).expect("run the tests by `tests/with-postgres`");
    let mut conn = PgConnection::connect(&server).await.expect("the server answers");
    let made = "select nspname::text from pg_namespace where starts_with(nspname, 'throughline_bench_')";
    let mut left: Vec<(String,)> = sqlx::query_as(made).fetch_all(&mut conn).await.expect("the schemas are listed");
    // A schema is named after the run and its journeys; no other test generates a log of as many.
    left.retain(|(name,)| name.split('_').nth(3) == Some(ITS_JOURNEYS));
    assert_eq!(left, []);
}

#[test]
fn nothing_fails_goes_back_or_is_half_seen_while_a_view_is_built_under_load_on_both_stores() {
    let directory = tempfile::tempdir().expect("a directory");
    let found = measured("load", directory.path());
    let expected = [
        ("rebuild under load", BOTH),
        ("answers to readers", BOTH),
        ("contacts recorded", BOTH),
        ("requests that failed", BOTH),
        ("answers that went back in position", BOTH),
        ("answers from a part of a view", BOTH),
        ("digests that differ: live, one worker, all", BOTH),
    ];
    assert_figures(&found, &expected);
    // These are no measurements but promises, on a log of any size.
    assert!(found.iter().all(|figure| figure["limit"].is_null() || figure["kept"] == true), "{found:?}");
}

#[test]
fn overload_is_measured_on_both_stores_and_nobody_is_answered_anything_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let found = measured("overload", directory.path());
    let mut expected = vec![
        ("contacts at five times capacity", BOTH),
        ("accepted at five times capacity, p99", BOTH),
        ("failures at five times capacity", BOTH),
        ("back to nine tenths after", BOTH),
        ("contacts beside 64 replaying sockets", BOTH),
    ];
    if cfg!(target_os = "linux") {
        expected.push(("peak memory at five times capacity", BOTH));
    }
    assert_figures(&found, &expected);
    let failures = found.iter().filter(|figure| figure["figure"] == "failures at five times capacity");
    assert!(failures.clone().count() == 2 && failures.clone().all(|figure| figure["kept"] == true), "{found:?}");
}

#[test]
fn reads_are_measured_on_both_stores_and_two_sizes() {
    let directory = tempfile::tempdir().expect("a directory");
    let found = measured("reads", directory.path());
    let expected = [
        ("query of one field, p99", BOTH),
        ("page of a keyworker's cases, p99", BOTH),
        ("page of a keyworker's cases, p99, beside the smallest log", BOTH),
        ("contact recency by keyworker, p99", BOTH),
        ("referral to plan, p99", BOTH),
        ("funnel by area and month, p99", BOTH),
        ("four measures by area, code and month, p99", BOTH),
        ("two measures by area, referrer and month, p99", BOTH),
        ("contact recency by keyworker, a year ago, p99", BOTH),
        ("referral to plan, a year ago, p99", BOTH),
        ("funnel by area and month, a year ago, p99", BOTH),
    ];
    assert_figures(&found, &expected);
    let sizes: BTreeSet<u64> = found.iter().filter_map(|figure| figure["journeys"].as_u64()).collect();
    assert_eq!(sizes, [10, 80].into());
}

#[test]
fn a_batch_of_claims_is_measured_on_both_stores() {
    let directory = tempfile::tempdir().expect("a directory");
    let names = |found: &[Value], store: &&str| -> BTreeSet<String> {
        let of_store = found.iter().filter(|figure| figure["store"] == *store);
        of_store.map(|figure| figure["figure"].as_str().expect("a name").to_owned()).collect()
    };
    let expected = [
        "claims, first read of the log",
        "claims, first read of another day",
        "claims, read again",
        "claims, read after an event",
        "batch, its proposal page by page",
        "batch, submitted",
        "batch, every claim accepted",
        "batch, paid",
        "claims, read after the batch",
        "peak memory of a batch",
    ];
    let found = measured("claims", directory.path());
    for store in BOTH {
        assert_eq!(names(&found, store), expected.map(str::to_owned).into());
    }
}

#[test]
fn documents_are_measured_on_both_stores_and_two_sizes() {
    let directory = tempfile::tempdir().expect("a directory");
    let found = measured("documents", directory.path());
    let mut expected = vec![
        ("all reports", BOTH),
        ("all reports, beside the smallest log", BOTH),
        ("board by area, code and month, two comparisons, p99", BOTH),
        ("board by area, team and month, two comparisons, p99", BOTH),
    ];
    if cfg!(target_os = "linux") {
        expected.push(("peak memory of all reports", BOTH));
        expected.push(("peak memory of all reports, beside the smallest log", BOTH));
    }
    assert_figures(&found, &expected);
    let reports = found.iter().filter(|figure| figure["figure"] == "all reports");
    assert!(reports.clone().count() == 4 && reports.clone().all(|figure| figure["beside"]["reports"] == 3.0));
}

#[test]
fn a_log_that_is_kept_is_generated_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("a path of text");
    let arguments =
        ["rebuild", "--events", "1000", "--rounds", "1", "--store", "sqlite", "--keep", "--directory", path];
    let generated = || {
        let ran = bench(&arguments).output().expect("it runs");
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        assert!(text(&ran.stdout).contains("peak memory") || !cfg!(target_os = "linux"), "{}", text(&ran.stdout));
        text(&ran.stderr).contains("generated a log")
    };
    assert!(generated());
    assert!(!generated());
    let log = format!("sqlite:{}", directory.path().join("bench_40_v1.db").display());
    let verified = Command::new(env!("CARGO_BIN_EXE_throughline")).args(["--database", &log, "log", "verify"]).output();
    let verified = verified.expect("it runs");
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let refused = |arguments: &[&str], word: &str| {
        let ran = bench(arguments).env_remove(SERVER).output().expect("it runs");
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(said.contains(word) && ran.stdout.is_empty(), "{said}");
    };
    refused(&["everything"], "append, rebuild, load, overload, reads");
    refused(&["append", "--events", "10"], "--events");
    refused(&["append", "--rounds", "0"], "--rounds");
    refused(&["reads", "--store", "postgres"], "--postgres URL");
    refused(&["reads", "--directory", "Cargo.toml/no"], "--directory");
}

#[test]
fn imports_are_measured_on_both_stores() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("a path of text");
    let arguments = ["import", "--rows", "400", "--format", "csv", "--format", "xlsx", "--json", "--directory", path];
    let mut expected = vec![("import of rows, CSV", BOTH), ("import of rows, XLSX", BOTH)];
    if cfg!(target_os = "linux") {
        expected.extend([("peak memory of an import, CSV", BOTH), ("peak memory of an import, XLSX", BOTH)]);
    }
    assert_figures(&figures(&bench(&arguments).output().expect("it runs")), &expected);
}

#[test]
fn exports_are_measured_on_both_stores() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut expected = vec![
        ("export of journeys, Parquet", BOTH),
        ("export of journeys, XLSX", BOTH),
        ("export of contacts, Parquet", BOTH),
        ("export of contacts, NDJSON", BOTH),
    ];
    if cfg!(target_os = "linux") {
        expected.extend([
            ("peak memory of an export of journeys, Parquet", BOTH),
            ("peak memory of an export of journeys, XLSX", BOTH),
            ("peak memory of an export of contacts, Parquet", BOTH),
            ("peak memory of an export of contacts, NDJSON", BOTH),
        ]);
    }
    assert_figures(&measured("export", directory.path()), &expected);
}
