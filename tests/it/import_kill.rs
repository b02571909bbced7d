//! kill -9 in the middle of an import, again and again: in the end the log says what an undisturbed import says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::store::Dialect;
use throughline_domain::fact::envelope::{CommandId, Position, StreamId, StreamKind};
use throughline_domain::fact::{History, Recorded};
use throughline_domain::world;
use uuid::Uuid;

use crate::field::{Field, is_full, now, whole};
use crate::mapped::{MST, mst};
use crate::stores::Place;

/// The rows, and how many there are in the long form.
const ROWS: usize = 3_000;
const ROWS_FULL: usize = 1_000_000;
/// The rows of a case.
const ROWS_EACH: usize = 10;
/// How often the import is killed before it may end.
const KILLS: usize = 5;

const MAPPING: &str = r#"mapping = 1
[source]
system = "killed"
snapshot = "full"
[read]
format = "csv"
[[table]]
name = "contacts"
[[record]]
table = "contacts"
id = "{case}"
case = "{case}"
earliest = true
[[record.fact]]
type = "referral_received"
on = "received"
[[record.fact]]
type = "referral_accepted"
on = "received"
[[record]]
table = "contacts"
id = "{id}"
case = "{case}"
[[record.fact]]
type = "contact_logged"
on = "on"
channel = { value = "phone" }
with = { value = "client" }
attendance = { value = "none" }
"#;

async fn open(place: &Place) -> Deployment {
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    Deployment::open(place.url(), clock, chance).await.expect("it opens")
}

async fn with_contract(place: &Place) {
    let deployment = open(place).await;
    let open = world::open(world::when("2018-01-01"), world::opened(MST, "2010-04-01"), mst());
    let request = throughline::record::CommandRequest::new(
        crate::deployment::of_role(throughline::access::Role::Administrator),
        CommandId(Uuid::from_u128(1)),
        open,
    );
    deployment.recorder.record(request).await.expect("it is recorded");
    deployment.close().await;
}

fn importing(place: &Place, folder: &Path) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    let [file, mapping, results] = ["contacts.csv", "mapping.toml", "results.csv"].map(|name| folder.join(name));
    program.args(["import", "csv"]).arg(file).arg("--mapping").arg(mapping).arg("--results").arg(results);
    program.args(["--contract", MST]).env("THROUGHLINE_DATABASE", place.url()).stdin(Stdio::null());
    program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Every fact of every case and person, whatever the ids of their events, and the number of events.
async fn facts(place: &Place) -> (BTreeSet<String>, usize) {
    let deployment = open(place).await;
    let events = whole(&deployment.log).await;
    deployment.close().await;
    let of_cases: Vec<_> =
        events.iter().filter(|event| matches!(event.stream.kind, StreamKind::Journey | StreamKind::Subject)).collect();
    let streams: BTreeSet<StreamId> = of_cases.iter().map(|event| event.stream).collect();
    let mut histories: std::collections::BTreeMap<StreamId, History> =
        streams.into_iter().map(|stream| (stream, History::default())).collect();
    for event in &of_cases {
        let history = histories.get_mut(&event.stream).expect("its stream is there");
        history.evolve(Recorded::decode(event).expect("ours"));
    }
    let facts = histories.iter().flat_map(|(stream, history)| {
        history
            .facts()
            .into_iter()
            .map(move |fact| format!("{stream} {:?} {}", fact.occurred, fact.event.payload().get()))
    });
    (facts.collect(), of_cases.len())
}

async fn killed_again_and_again(dialect: Dialect) {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = if is_full() { ROWS_FULL } else { ROWS };
    let mut file = "id,case,received,on\n".to_owned();
    for row in 0..rows {
        writeln!(file, "K-{row},C-{},2018-01-05,2018-02-{:02}", row / ROWS_EACH, row % 28 + 1).expect("text");
    }
    std::fs::write(folder.path().join("contacts.csv"), file).expect("written");
    std::fs::write(folder.path().join("mapping.toml"), MAPPING).expect("written");

    let undisturbed = Place::on(dialect).await;
    with_contract(&undisturbed).await;
    let began = Instant::now();
    assert!(importing(&undisturbed, folder.path()).wait().expect("it ends").success());
    let takes = began.elapsed();
    let (expected, count) = facts(&undisturbed).await;
    assert_eq!(count, rows + 3 * rows.div_ceil(ROWS_EACH), "rows, and of each case its person and referral");
    undisturbed.remove().await;

    let (place, field) = (Place::on(dialect).await, Field::of("kill -9 in an import"));
    with_contract(&place).await;
    let (mut head, mut interrupted) = (Position(0), 0);
    for round in 0..KILLS {
        let mut child = importing(&place, folder.path());
        let most = u64::try_from(takes.as_micros()).expect("not that long");
        let after = Duration::from_micros(most / 8 + field.below(most / 3));
        // This is what is tested: the kill comes at that moment.
        tokio::time::sleep(after).await;
        // SIGKILL: nothing of it runs any more.
        child.kill().expect("it is killed");
        let has_ended = child.wait().expect("it is gone").success();
        let deployment = open(&place).await;
        let now = deployment.log.head().await.expect("a head").position;
        deployment.close().await;
        assert!(now >= head, "nothing is lost");
        interrupted += usize::from(!has_ended && now > head);
        head = now;
        eprintln!("{dialect:?}, kill {round} after {after:?} of {takes:?}: {head} events");
    }
    assert!(interrupted > 0, "no kill came in the middle");
    assert!(importing(&place, folder.path()).wait().expect("it ends").success());
    let (found, found_count) = facts(&place).await;
    assert_eq!(found_count, count, "nothing is there twice");
    assert!(found == expected, "the facts differ");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_is_finished_by_the_next_one_on_sqlite() {
    killed_again_and_again(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_is_finished_by_the_next_one_on_postgres() {
    killed_again_and_again(Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_server_on_sqlite_an_import_is_refused_with_the_way_out_and_a_dry_run_is_not() {
    let (place, folder) = (Place::on(Dialect::Sqlite).await, tempfile::tempdir().expect("a folder"));
    with_contract(&place).await;
    let file = "id,case,received,on\nK-1,C-1,2018-01-05,2018-02-01\n";
    std::fs::write(folder.path().join("contacts.csv"), file).expect("written");
    std::fs::write(folder.path().join("mapping.toml"), MAPPING).expect("written");
    let serving = open(&place).await;
    let run = |further: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
        let [file, mapping] = ["contacts.csv", "mapping.toml"].map(|name| folder.path().join(name));
        program.args(["import", "csv"]).arg(file).arg("--mapping").arg(mapping).args(["--contract", MST]);
        program.args(further).env("THROUGHLINE_DATABASE", place.url()).stdin(Stdio::null());
        program.output().expect("the program runs")
    };
    let refused = run(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("open for writing in another process"), "{said}");
    let dry = run(&["--dry-run"]);
    assert!(dry.status.success(), "{}", String::from_utf8_lossy(&dry.stderr));
    assert_eq!(serving.log.head().await.expect("a head").position, Position(2), "nothing was recorded");
    serving.close().await;
    place.remove().await;
}
