//! SIGTERM and SIGINT at any moment, from the start of the program on: it ends in order, and the next start is ready.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use throughline::store::Dialect;

use super::writers::Writers;
use super::{Node, ended, journeys, program, signal, until};
use crate::crash::{Ledger, assert_all_is_there, the_server_has_noticed};
use crate::field::{Field, RawDb, is_full};
use crate::rebuild::generations;
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;

/// How often it is stopped while it starts, on each store.
const STARTS: usize = 6;
const STARTS_FULL: usize = 200;
/// How often it is stopped under load, on each store.
const UNDER_LOAD: usize = 2;
const UNDER_LOAD_FULL: usize = 20;
const WRITERS: usize = 8;
/// The longest that it may take to end while it starts, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(20);

/// By itself with status 0, or by the very signal, before it had begun anything: a shell says 143 or 130.
fn is_in_order(status: ExitStatus) -> bool {
    status.success() || matches!(status.signal(), Some(2 | 15))
}

/// Whether whoever started the tests has them ignore SIGINT, as a shell does in the background: what they start
/// inherits it, until it listens itself.
fn is_interrupt_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process is there");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("its signals");
    u64::from_str_radix(ignored.trim(), 16).expect("a mask") & 0b10 != 0
}

/// What a start finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No log yet.
    Nothing,
    /// A log, and no view: it builds one.
    NoView,
    /// A log and its view.
    View,
}

const FOUND: [Found; 3] = [Found::NoView, Found::Nothing, Found::View];

/// Starts it, sends the signal after a while, and waits for its end: how, how long it took, and what it said.
async fn stopped(
    place: &Place,
    directory: &std::path::Path,
    (after, name): (Duration, &str),
) -> (ExitStatus, Duration) {
    let path = directory.join("said");
    let said = File::create(&path).expect("a file");
    let mut serve = program(place.url(), directory, &[]);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(said);
    let mut child = serve.spawn().expect("the program starts");
    // This is what is tested: a signal comes at any moment.
    tokio::time::sleep(after).await;
    let began = Instant::now();
    signal(&child, name);
    let said = || std::fs::read_to_string(&path).unwrap_or_default();
    let Ok(status) = tokio::time::timeout(SOON, ended(&mut child)).await else {
        child.kill().expect("it is killed");
        panic!("SIG{name} after {after:?}: it does not end: {}", said());
    };
    let took = began.elapsed();
    assert!(is_in_order(status), "SIG{name} after {after:?}: {status}: {}", said());
    (status, took)
}

/// Nothing is left beside the log's file of one that ended in order.
fn assert_folded(place: &Place) {
    if let Some(file) = place.file() {
        let journal = format!("{}-wal", file.display());
        let left = std::fs::metadata(&journal).map(|journal| journal.len());
        assert!(left.is_err(), "{journal} is left: {left:?}");
    }
}

async fn stopped_while_it_starts(dialect: Dialect) {
    let (place, field) = (Place::on(dialect).await, Field::of("SIGTERM while it starts"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journeys = journeys(&place, &field, 200).await;
    assert_eq!(journeys.len(), 200);
    let began = Instant::now();
    let node = Node::start(place.url(), directory.path(), &[]).await;
    let takes = u64::try_from(began.elapsed().as_millis()).expect("not that long");
    assert!(node.stop().await.success(), "it ends in order");

    let (mut at_once, mut slowest) = (0, Duration::ZERO);
    let starts = if is_full() { STARTS_FULL } else { STARTS };
    for round in 0..starts {
        let found = FOUND[round % FOUND.len()];
        let fresh = if found == Found::Nothing { Some(Place::on(dialect).await) } else { None };
        let at = fresh.as_ref().unwrap_or(&place);
        if found == Found::NoView {
            let mut raw_db = RawDb::at(at).await;
            raw_db.run("update live_view set generation = 0, previous = 0").await;
        }
        // Every other one in the very beginning.
        let within = if round % 2 == 0 { takes * 3 / 2 } else { takes / 10 + 1 };
        let after = Duration::from_millis(field.below(within));
        let name = if round % 4 == 3 && !is_interrupt_ignored() { "INT" } else { "TERM" };
        let (status, took) = stopped(at, directory.path(), (after, name)).await;
        at_once += usize::from(!status.success());
        slowest = slowest.max(took);
        // The next start is ready, and leaves nothing but what it is to leave.
        let node = Node::start(at.url(), directory.path(), &[]).await;
        until("what was begun is removed", async || generations(at).await.len() <= 2).await;
        assert!(node.stop().await.success(), "it ends in order");
        assert_folded(at);
        if let Some(fresh) = fresh {
            fresh.remove().await;
        }
    }
    eprintln!(
        "{dialect:?}: {starts} signals within 1.5 times the {takes} ms of a start: {at_once} before anything was begun, \
         the slowest end took {slowest:?}"
    );
    assert_rebuilt_alike(&place).await;
    place.remove().await;
}

async fn stopped_under_load(dialect: Dialect) {
    let (place, field) = (Place::on(dialect).await, Arc::new(Field::of("SIGTERM under load")));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = directory.path().join("ledger");
    let mut known = journeys(&place, &field, 16).await;
    let mut slowest = Duration::ZERO;
    let times = if is_full() { UNDER_LOAD_FULL } else { UNDER_LOAD };
    for round in 0..=times {
        let mut node = Node::start(place.url(), directory.path(), &[]).await;
        let mut writers = Writers::new(Arc::clone(&field), known.clone(), &ledger);
        let heard = writers.write_to(&node, WRITERS);
        heard.goes_on().await;
        // This is what is tested: a signal comes at any moment.
        tokio::time::sleep(Duration::from_millis(field.below(200))).await;
        let began = Instant::now();
        // Control: at last it is killed instead, and what is in order is not.
        let is_control = round == times;
        node.signal(if is_control { "KILL" } else { ["TERM", "INT"][round % 2] });
        let status = ended(&mut node.child).await;
        if is_control {
            assert!(!is_in_order(status), "{status}");
            if let Some(file) = place.file() {
                let journal = format!("{}-wal", file.display());
                assert!(std::path::Path::new(&journal).exists(), "what is killed folds nothing");
            } else {
                the_server_has_noticed(&place).await;
            }
        } else {
            slowest = slowest.max(began.elapsed());
            assert!(status.success(), "round {round}: {status}");
            assert_folded(&place);
        }
        writers.stop().await;
        assert_all_is_there(&place, &Ledger::read(&ledger)).await;
        known.rotate_left(1);
    }
    eprintln!("{dialect:?}: stopped {times} times under load: the slowest end took {slowest:?}");
    assert_rebuilt_alike(&place).await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_at_any_moment_of_the_start_ends_it_in_order_and_the_next_start_is_ready_on_sqlite() {
    stopped_while_it_starts(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_at_any_moment_of_the_start_ends_it_in_order_and_the_next_start_is_ready_on_postgres() {
    stopped_while_it_starts(Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_under_load_ends_it_in_order_and_what_was_acknowledged_is_there_on_sqlite() {
    stopped_under_load(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_under_load_ends_it_in_order_and_what_was_acknowledged_is_there_on_postgres() {
    stopped_under_load(Dialect::Postgres).await;
}
