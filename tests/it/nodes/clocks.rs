//! A machine's clock that is off, or jumps under load: it is named, beyond five minutes nothing is recorded by it, and no
//! event is ever recorded at an earlier time than the one before it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use throughline::clock::Clock;
use throughline::log::Log;
use throughline::store::{Dialect, Mode, Store};
use throughline_domain::fact::envelope::JourneyId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::writers::Writers;
use super::{Node, journeys, token, until};
use crate::client::{self, Client};
use crate::crash::{Ledger, assert_all_is_there};
use crate::field::{Field, is_full, whole};
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;

/// How often the clock jumps ahead and back.
const JUMPS: usize = 3;
const JUMPS_FULL: usize = 100;
const WRITERS: usize = 8;
/// How far what is said of a clock may be from what it was set to, in seconds: it takes a moment to ask.
const NEAR: i64 = 20;

/// A clock for programs that are started with it.
struct Off {
    directory: TempDir,
    library: PathBuf,
    file: PathBuf,
    seconds: File,
}

impl Off {
    fn make() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (library, file) = (directory.path().join("clock.so"), directory.path().join("seconds"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/nodes/clock.c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(made.expect("a C compiler, `cc`, as SQLite needs one").success(), "the clock compiles");
        std::fs::write(&file, 0_i64.to_ne_bytes()).expect("it is written");
        let seconds = File::options().write(true).open(&file).expect("it opens");
        Self { directory, library, file, seconds }
    }

    /// Sets it so many seconds ahead of the machine's.
    fn set(&self, seconds: i64) {
        self.seconds.write_all_at(&(seconds * 1_000_000_000).to_ne_bytes(), 0).expect("it is written");
    }

    fn variables(&self) -> [(&str, &OsStr); 2] {
        [("LD_PRELOAD", self.library.as_os_str()), ("THROUGHLINE_TEST_CLOCK", self.file.as_os_str())]
    }

    /// A node that goes by it, with a token from long enough ago to be good before and after every jump.
    async fn node(&self, place: &Place) -> Node {
        self.set(-7_200);
        let token = token(place.url(), self.directory.path(), &self.variables());
        self.set(0);
        Node::serve((place.url(), self.directory.path()), &self.variables(), token).await
    }
}

/// What is said of the clock: how far it is off, where it is named.
fn named(ready: &Value) -> Option<i64> {
    ready["clock"]["offBySeconds"].as_i64()
}

async fn recorded(node: &Node, journey: JourneyId, command: Uuid) -> Value {
    let mut client = Client::to(&node.address).await.expect("it listens");
    client.send(&client::log_contact(&node.token, journey, command)).await.expect("it reads");
    client.answer().await.expect("it answers").1
}

/// The gauge of the clock.
async fn gauge(node: &Node) -> f64 {
    let mut stream = TcpStream::connect(&node.address).await.expect("it listens");
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("it answers");
    let gauge = text.lines().find_map(|line| line.strip_prefix("throughline_clock_off_seconds "));
    gauge.unwrap_or_else(|| panic!("{text}")).parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_more_than_a_minute_off_is_named_and_beyond_five_nothing_is_recorded_by_it() {
    let (place, field, off) = (Place::on(Dialect::Postgres).await, Field::of("clock off"), Off::make());
    let journey = journeys(&place, &field, 1).await[0];
    let node = off.node(&place).await;
    for seconds in [0, 30, 100, -100, 250, -250, 400, -400, 7_000, 0] {
        off.set(seconds);
        let (status, ready) = node.readiness().await.expect("it answers");
        let is_near = |said: i64| (said - seconds).abs() < NEAR;
        let command = field.id();
        let answer = recorded(&node, journey, command).await;
        let measured = gauge(&node).await;
        assert!((measured - f64::from(i32::try_from(seconds).expect("a few"))).abs() < 20.0, "{seconds}: {measured}");
        if seconds.abs() < 300 {
            // Control: by a clock that is near enough everything is recorded.
            assert_eq!(status, 200, "{seconds}: {ready}");
            assert_eq!(answer["data"]["logContact"]["replayed"], false, "{seconds}: {answer}");
            if seconds.abs() < 60 {
                assert_eq!(named(&ready), None, "{seconds}: {ready}");
            } else {
                assert!(named(&ready).is_some_and(is_near), "{seconds}: {ready}");
            }
            continue;
        }
        let side = if seconds > 0 { "s ahead of the database's" } else { "s behind the database's" };
        assert_eq!(status, 503, "{seconds}: {ready}");
        let detail = ready["detail"].as_str().expect("it says why");
        assert!(detail.contains("this server's clock is") && detail.contains(side), "{detail}");
        let refused = &answer["errors"][0];
        assert_eq!(refused["extensions"]["code"], "UNAVAILABLE", "{answer}");
        assert_eq!(refused["extensions"]["commandInDoubt"], json!(false), "{answer}");
        assert!(refused["message"].as_str().is_some_and(|said| said.contains(side)), "{answer}");
        off.set(0);
        let again = recorded(&node, journey, command).await;
        assert_eq!(again["data"]["logContact"]["replayed"], false, "nothing was recorded before: {again}");
    }
    assert!(node.stop().await.success(), "it ends in order");
    place.remove().await;
}

/// Whether the times never go back.
fn in_order(times: &[DateTime<Utc>]) -> bool {
    times.windows(2).all(|pair| pair[0] <= pair[1])
}

async fn jumps_under_load(dialect: Dialect) {
    let (place, field, off) = (Place::on(dialect).await, Field::of("clock that jumps"), Off::make());
    let ledger = off.directory.path().join("ledger");
    let journeys = journeys(&place, &field, 16).await;
    let node = off.node(&place).await;
    let mut writers = Writers::new(field, journeys, &ledger);
    let heard = writers.write_to(&node, WRITERS);
    let jumps = if is_full() { JUMPS_FULL } else { JUMPS };
    // On Postgres further than this nothing is recorded.
    let most = if dialect == Dialect::Postgres { 290 } else { 3_000 };
    for jump in 0..jumps {
        let seconds = |end: u64| 70 + i64::try_from(writers.below(end)).expect("a few");
        off.set(seconds(most - 70));
        heard.goes_on().await;
        off.set(-seconds(most - 70));
        // Control: the program sees its clock go back under it.
        let goes_back =
            async || node.readiness().await.and_then(|(_, ready)| named(&ready)).is_some_and(|off| off < -60);
        until("the clock is seen to go back", goes_back).await;
        heard.goes_on().await;
        if dialect == Dialect::Postgres && jump % 3 == 0 {
            let before = heard.not_recorded.load(Ordering::Relaxed);
            off.set(if jump % 2 == 0 { 3_000 } else { -3_000 });
            until("it is refused", async || heard.not_recorded.load(Ordering::Relaxed) > before).await;
            off.set(0);
            heard.goes_on().await;
        }
    }
    off.set(0);
    heard.goes_on().await;
    writers.stop().await;
    eprintln!("{dialect:?}: {jumps} jumps ahead and back: {}", heard.told());
    assert!(node.stop().await.success(), "it ends in order");

    assert_all_is_there(&place, &Ledger::read(&ledger)).await;
    let store = Store::open(place.url(), Mode::Read).await.expect("the store opens");
    let log = Log::open(Arc::new(store)).await.expect("the log opens");
    let mut times: Vec<_> = whole(&log).await.iter().map(|event| event.recorded_at).collect();
    assert!(in_order(&times), "recorded times never go back");
    let latest = Clock::Machine.now() + TimeDelta::seconds(i64::try_from(most).expect("a few"));
    assert!(times.last() <= Some(&latest), "nothing is recorded by a clock that is too far off");
    // Control: two times the wrong way round are found.
    let last = times.len() - 1;
    times.swap(0, last);
    assert!(!in_order(&times), "the check finds nothing");
    log.store().close().await;
    assert_rebuilt_alike(&place).await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_under_load_changes_no_order_and_loses_nothing_on_sqlite() {
    jumps_under_load(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_under_load_changes_no_order_and_loses_nothing_on_postgres() {
    jumps_under_load(Dialect::Postgres).await;
}
