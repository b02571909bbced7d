//! kill -9 in the middle of a rebuild and of a switch: the next start finds one live view, and nothing is left behind.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::store::Dialect;

use crate::field::{Field, RawDb, is_full, now};
use crate::rebuild::{generations, left};
use crate::stores::Place;

/// How often it is killed, and in the long form.
const KILLS: u64 = 4;
const KILLS_FULL: u64 = 50;

async fn open(place: &Place) -> Deployment {
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    Deployment::open(place.url(), clock, chance).await.expect("it opens")
}

fn rebuilding(place: &Place) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.arg("rebuild").env("THROUGHLINE_DATABASE", place.url()).stdin(Stdio::null());
    program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// How long a rebuild that is left alone takes from its first file or schema: until its view is live, and to its end.
async fn undisturbed(place: &Place) -> (u64, u64) {
    let (mut child, mut raw_db) = (rebuilding(place), RawDb::at(place).await);
    begun(&mut child, place, &[1]).await;
    let began = Instant::now();
    while raw_db.live_view().await == 1 {
        tokio::task::yield_now().await;
    }
    let switched = began.elapsed();
    assert!(child.wait().expect("it ends").success());
    let micros = |took: Duration| u64::try_from(took.as_micros()).expect("not that long");
    (micros(switched), micros(began.elapsed()))
}

/// Waits until the program has begun a generation, or has ended.
async fn begun(child: &mut Child, place: &Place, before: &[i64]) {
    while child.try_wait().expect("a child").is_none() && generations(place).await == before {
        tokio::task::yield_now().await;
    }
}

async fn killed_again_and_again(dialect: Dialect) {
    let (place, field) = (Place::on(dialect).await, Field::of("kill -9 in a rebuild"));
    let deployment = open(&place).await;
    let journeys = field.journeys(&deployment.recorder, 150).await;
    for _ in 0..10 {
        let contacts = journeys.iter().map(|journey| deployment.recorder.append(field.contact(*journey)));
        for done in futures_util::future::join_all(contacts).await {
            done.expect("it is recorded");
        }
    }
    deployment.close().await;

    let (mut switched, mut takes) = undisturbed(&place).await;
    let (mut told, mut interrupted) = (None, 0_u64);
    for round in 1..=if is_full() { KILLS_FULL } else { KILLS } {
        let before = generations(&place).await;
        let mut child = rebuilding(&place);
        begun(&mut child, &place, &before).await;
        // Every other one about the switch, the others at any moment.
        let within = if round % 2 == 0 { switched * 4 / 5..switched * 6 / 5 } else { 0..takes + takes / 8 };
        let after = Duration::from_micros(within.start + field.below(within.end - within.start));
        // This is what is tested: the kill comes at that moment.
        tokio::time::sleep(after).await;
        // SIGKILL: nothing of it runs any more.
        child.kill().expect("it is killed");
        if child.wait().expect("it is gone").success() {
            // The machine has become quicker than it was.
            (switched, takes) = (switched / 2 + 1, takes / 2 + 1);
        } else {
            interrupted += 1;
        }

        let deployment = open(&place).await;
        let standing = deployment.views.generations().await.expect("the pointer");
        let previous = standing.previous.expect("it was rebuilt before");
        let mut kept = [previous, standing.live];
        kept.sort_unstable();
        left(&place, &kept).await;
        let now = deployment.views.position_and_digest().await.expect("the live view answers");
        assert_eq!(told.get_or_insert_with(|| now.clone()), &now, "the live view is what the log says");
        deployment.close().await;
        eprintln!("{dialect:?}, kill {round} after {after:?} of {takes} µs: view {} is live", standing.live);
    }
    assert!(interrupted > 0, "no kill came in time");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_rebuild_the_next_start_has_one_live_view_on_sqlite() {
    killed_again_and_again(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_rebuild_the_next_start_has_one_live_view_on_postgres() {
    killed_again_and_again(Dialect::Postgres).await;
}
