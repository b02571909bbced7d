//! A reader that takes nothing: the server makes nothing for it, and its memory stays where it was (as Linux tells).

use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::store::Dialect;

use crate::crash::Server;
use crate::field::{Field, now};
use crate::stores::Place;
use crate::subscriber::{Events, Subscriber};

/// Events in the log: what everybody who reads is told from the beginning.
const EVENTS: usize = 5_000;
/// Everything that an event has, several times over.
const EVERYTHING: &str = "subscription { eventRecorded(after: 0) { position event { id type payload a: record b: record \
     c: record d: record hash actor { subject role } stream { kind id } occurred { on precision } recordedAt } } }";
/// The most that the server's memory may grow.
const GROWTH_MAX: u64 = 64 * 1024 * 1024;

/// The memory that a process has, in bytes.
fn memory(child: &Child) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", child.id())).expect("the process is there");
    let pages: u64 = statm.split(' ').nth(1).expect("resident pages").parse().expect("a number");
    pages * 4096
}

/// The most memory that a process has until it takes no more for a while.
async fn settled(child: &Child) -> u64 {
    let (mut most, mut still) = (memory(child), 0);
    while still < 30 {
        // This is what is measured: the memory over time.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = memory(child);
        // A page or two more is no growth.
        still = if now > most + 64 * 1024 { 0 } else { still + 1 };
        most = most.max(now);
    }
    most
}

async fn grows_little(dialect: Dialect) {
    let (place, field) = (Place::on(dialect).await, Field::of("slow reader"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journeys = field.journeys(&deployment.recorder, 10).await;
    for _ in 0..EVENTS / 100 {
        let contacts = (0..100).map(|nth| field.contact(journeys[nth % journeys.len()]));
        for done in join_all(contacts.map(|contact| deployment.recorder.append(contact))).await {
            done.expect("it is appended");
        }
    }
    deployment.close().await;

    let (mut child, server) = Server::start(&place, directory.path()).await;
    // Whoever reads has been served before, so that what is kept for everybody is there.
    let mut reader = Subscriber::at(&server.address, &server.token).await;
    reader.begin("1", EVERYTHING, json!({})).await;
    for _ in 0..1_000 {
        reader.item().await;
    }
    drop(reader);
    let before = settled(&child).await;
    let mut slow = Subscriber::at(&server.address, &server.token).await;
    for nth in 0..100 {
        slow.begin(&nth.to_string(), EVERYTHING, json!({})).await;
    }
    let events = join_all((0..10).map(|_| Events::at(&server.address, &server.token, EVERYTHING, json!({})))).await;
    let after = settled(&child).await;
    let growth = after.saturating_sub(before);
    eprintln!("{dialect:?}: 100 subscriptions on a socket and 10 streams of events that nobody reads: {growth} bytes");
    assert!(growth <= GROWTH_MAX, "the server's memory grew by {growth} bytes");
    // Whoever comes after them is served.
    let mut reader = Subscriber::at(&server.address, &server.token).await;
    reader.begin("1", EVERYTHING, json!({})).await;
    assert_eq!(reader.item().await["position"], 1);
    drop((slow, events));
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_costs_little_memory_on_sqlite() {
    grows_little(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_costs_little_memory_on_postgres() {
    grows_little(Dialect::Postgres).await;
}
