//! A disk that is full, and one that cannot be written: commands are refused with what to do, reads still work, and once it
//! is well again so do the commands, without a new start.

use std::process::Command;

use serde_json::json;
use throughline::store::Dialect;
use uuid::Uuid;

use super::shim::{ALL, LOG, Order, Shim, VIEWS, WAL};
use super::{Acknowledged, Heard, Run, acknowledged, end, look, missing, unavailable, with_journeys};
use crate::field::{Field, is_full};
use crate::stores::Place;

const CLIENTS: usize = 8;
/// How often a fault comes and goes, and how often when all of it is asked for.
const ROUNDS: usize = 2;
const ROUNDS_FULL: usize = 25;
/// Single writes that fail, some moment or other.
const FAILURES: usize = 10;
const FAILURES_FULL: usize = 200;

/// The whole log is found by the program itself to be sound.
fn assert_verifies(place: &Place, run: &Run<'_>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", place.url()).args(["log", "verify", "--key"]);
    let said = program.arg(run.directory.path().join("key")).output().expect("it runs");
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

/// Somebody reads a list and the log, as if nothing had happened.
async fn assert_reads_work(run: &Run<'_>) {
    let query =
        json!({ "query": "{ log { position } contract(code: \"shps\") { journeys { totalCount } } }" }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         accept: application/json\r\ncontent-length: {}\r\n\r\n{query}",
        run.server.token,
        query.len()
    );
    let mut client = run.client().await;
    client.send(request.as_bytes()).await.expect("it reads");
    let (_, answer) = client.answer().await.expect("it answers");
    assert_eq!(answer["data"]["contract"]["journeys"]["totalCount"], run.journeys.len(), "{answer}");
}

/// Every acknowledged command is there once. Control: one that nobody sent is missed.
async fn assert_kept(place: &Place, field: &Field, known: &[Acknowledged]) {
    let times = look(place).await.expect("the log is whole");
    assert_eq!(missing(&times, known), Ok(0));
    assert_eq!(missing(&times, &[Acknowledged { command: field.id(), mark: 0 }]), Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_full_disk_commands_are_refused_and_reads_work_until_there_is_room() {
    let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("a full disk"));
    let journeys = with_journeys(&place, &field, 16).await;
    let shim = Shim::before(place.file().expect("a file"));
    let (child, run) = Run::start(&place, &shim, &field, &journeys).await;
    let (mut known, mut never) = (Vec::new(), Vec::<Uuid>::new());
    for round in 0..if is_full() { ROUNDS_FULL } else { ROUNDS } {
        known.extend(run.contacts(CLIENTS, 40).await);
        shim.order(Order::Room, field.below(200_000));
        let heard = loop {
            let heard = run.hear(CLIENTS, 10).await;
            known.extend(acknowledged(&heard));
            if !unavailable(&heard).is_empty() {
                break heard;
            }
        };
        assert_reads_work(&run).await;
        shim.order(Order::Room, ALL);
        // Half of them are sent again. Nothing is recorded of the others: their answers said so.
        let refused = unavailable(&heard);
        eprintln!("round {round}: {} of {} refused", refused.len(), heard.len());
        assert!(heard.iter().all(|(_, heard)| *heard != Heard::Unavailable { in_doubt: true }), "{heard:?}");
        known.extend(run.repeat(refused.iter().copied().step_by(2)).await);
        never.extend(refused.iter().skip(1).step_by(2));
        known.extend(run.contacts(CLIENTS, 40).await);
    }
    assert!(shim.failed() > 0);
    assert_verifies(&place, &run);
    end(child);
    assert_kept(&place, &field, &known).await;
    let times = look(&place).await.expect("the log is whole");
    let never: Vec<Acknowledged> = never.into_iter().map(|command| Acknowledged { command, mark: 0 }).collect();
    assert_eq!(missing(&times, &never), Ok(never.len()), "what was said not to be recorded is not");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_can_be_written_commands_are_in_doubt_and_reads_work_all_the_time() {
    let (place, field) = (Place::on(Dialect::Sqlite).await, Field::of("failing writes"));
    let journeys = with_journeys(&place, &field, 16).await;
    let shim = Shim::before(place.file().expect("a file"));
    let (child, run) = Run::start(&place, &shim, &field, &journeys).await;
    let mut known = run.contacts(CLIENTS, 40).await;
    for _ in 0..if is_full() { ROUNDS_FULL } else { ROUNDS } {
        shim.order(Order::Files, LOG | WAL);
        run.is_ready(200).await;
        shim.order(Order::FailWrites, ALL);
        let heard = run.hear(CLIENTS, 5).await;
        run.is_ready(503).await;
        assert_eq!(heard.len(), CLIENTS * 5, "everybody is answered");
        assert!(heard.iter().all(|(_, heard)| *heard == Heard::Unavailable { in_doubt: true }), "{heard:?}");
        assert_reads_work(&run).await;
        shim.order(Order::FailWrites, 0);
        run.is_ready(200).await;
        known.extend(run.repeat(unavailable(&heard)).await);
    }
    // One write or other, of whatever file, under load: a client in doubt sends the command again.
    shim.order(Order::Files, LOG | WAL | VIEWS);
    for _ in 0..if is_full() { FAILURES_FULL } else { FAILURES } {
        shim.order(Order::SkipWrites, field.below(60));
        shim.order(Order::FailWrites, 1);
        let heard = run.hear(CLIENTS, 3).await;
        known.extend(acknowledged(&heard));
        shim.order(Order::FailWrites, 0);
        known.extend(run.repeat(unavailable(&heard)).await);
    }
    eprintln!("{} writes failed, {} acknowledged", shim.failed(), known.len());
    assert_verifies(&place, &run);
    end(child);
    assert_kept(&place, &field, &known).await;
    place.remove().await;
}
