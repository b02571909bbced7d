//! Sessions that the database ends, and a database that is restarted, under load: the service goes on by itself, and
//! what was acknowledged is there once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use throughline::store::Dialect;
use throughline_domain::fact::envelope::JourneyId;
use uuid::Uuid;

use super::cluster::Cluster;
use super::writers::Writers;
use super::{Node, PATIENCE, assert_nothing_is_missing_and_a_forgery_would_be, journeys, until};
use crate::client::{self, Client};
use crate::crash::{Ledger, assert_all_is_there};
use crate::field::{Field, RawDb, is_full};
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;

/// How many sessions are ended.
const ENDED: usize = 20;
const ENDED_FULL: usize = 200;
/// How often the database is restarted in each way.
const RESTARTS: usize = 1;
const RESTARTS_FULL: usize = 10;
const WRITERS: usize = 16;

/// Ends one session of a test's place, whichever it is; false where there is none at this moment.
async fn end_one(conn: &mut PgConnection, name: &str) -> bool {
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 \
               order by random() limit 1";
    let ended: Option<(bool,)> =
        sqlx::query_as(end).bind(name).fetch_optional(conn).await.expect("a superuser may end it");
    ended.is_some_and(|(ended,)| ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_ended_under_load_lose_nothing_and_the_service_continues() {
    let (place, field) = (Place::on(Dialect::Postgres).await, Field::of("ended sessions"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = directory.path().join("ledger");
    let journeys = journeys(&place, &field, 16).await;
    let node = Node::start(place.url(), directory.path(), &[]).await;
    let mut writers = Writers::new(field, journeys, &ledger);
    let heard = writers.write_to(&node, WRITERS);
    heard.goes_on().await;

    let mut conn = PgConnection::connect(&Place::server()).await.expect("the server answers");
    let (_, name) = place.url().rsplit_once("application_name=").expect("a test has its own name");
    let mut ended = 0;
    while ended < if is_full() { ENDED_FULL } else { ENDED } {
        // This is what is tested: sessions end at any moment.
        tokio::time::sleep(Duration::from_millis(writers.below(60))).await;
        ended += usize::from(end_one(&mut conn, name).await);
    }
    heard.goes_on().await;
    until("it is ready", async || node.readiness().await.is_some_and(|(status, _)| status == 200)).await;
    writers.stop().await;
    eprintln!("{ended} sessions ended: {}", heard.told());
    // Control: the writers have met it.
    let met = [&heard.in_doubt, &heard.not_recorded].map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
    assert!(!is_full() || met.iter().sum::<u64>() > 0, "nobody noticed");
    assert!(node.stop().await.success(), "it ends in order");
    assert_all_is_there(&place, &Ledger::read(&ledger)).await;
    assert_rebuilt_alike(&place).await;
    place.remove().await;
}

/// The contact that is recorded while the view stands still, and whose journey then cannot be read for the answer.
async fn recorded_and_not_answered(node: &Node, place: &Place, (journey, command): (JourneyId, Uuid)) -> Option<Value> {
    let (mut still, mut locked) = (RawDb::at(place).await, RawDb::at(place).await);
    let view = still.live_view().await;
    let (_, name) = place.url().rsplit_once("application_name=").expect("a test has its own name");
    let mut conn = PgConnection::connect(place.url()).await.expect("the server answers");
    let head = async |conn: &mut PgConnection| {
        let head: sqlx::Result<(i64,)> = sqlx::query_as("select position from log_head").fetch_one(conn).await;
        head.expect("the head is read").0
    };
    let before = head(&mut conn).await;
    still.run(&format!("begin; update {name}_g{view}.checkpoint set position = position")).await;
    let mut client = Client::to(&node.address).await.expect("it listens");
    client.send(&client::log_contact(&node.token, journey, command)).await.expect("it reads");
    // Whoever records waits a second for the view before it reads what it answers with.
    until("the contact is recorded", async || head(&mut conn).await > before).await;
    locked.run("begin; lock table events in access exclusive mode").await;
    let waiting = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 \
                   and wait_event_type = 'Lock' and query like '%events%' and query not like 'lock%'";
    let began = Instant::now();
    let mut ended = 0;
    while ended == 0 && began.elapsed() < Duration::from_secs(5) {
        ended = sqlx::query(waiting).bind(name).execute(&mut conn).await.expect("it is ended").rows_affected();
        // Another process's session: nothing announces that it waits, and it may not.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    still.run("rollback").await;
    locked.run("rollback").await;
    let (_, answer) = client.answer().await.expect("it answers");
    let problems = answer["data"]["logContact"]["problems"].as_array();
    let is_unread = problems.is_none_or(|all| all.iter().any(|problem| problem["code"] == "NOT_READABLE_NOW"));
    (ended > 0 && is_unread).then_some(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_recorded_is_said_to_be_where_the_store_then_fails() {
    let (place, field) = (Place::on(Dialect::Postgres).await, Field::of("recorded and not answered"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journey = journeys(&place, &field, 1).await[0];
    let node = Node::start(place.url(), directory.path(), &[]).await;
    let began = Instant::now();
    // On a busy machine it may come too late.
    let (command, answer) = loop {
        assert!(began.elapsed() < PATIENCE, "its answer is always read in time");
        let command = field.id();
        if let Some(answer) = recorded_and_not_answered(&node, &place, (journey, command)).await {
            break (command, answer);
        }
    };
    let told = &answer["data"]["logContact"];
    assert!(told["position"].is_string() || told["position"].is_number(), "it is denied: {answer}");
    assert_eq!((&told["replayed"], &answer["errors"]), (&json!(false), &Value::Null), "{answer}");
    // Control: it is in the log.
    let mut client = Client::to(&node.address).await.expect("it listens");
    client.send(&client::log_contact(&node.token, journey, command)).await.expect("it reads");
    let (_, again) = client.answer().await.expect("it answers");
    assert_eq!(again["data"]["logContact"]["replayed"], true, "{again}");
    assert!(node.stop().await.success(), "it ends in order");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_under_load_loses_nothing_and_the_service_continues() {
    let cluster = Cluster::start().await;
    let (place, field) = (Place::at(cluster.url()).await, Field::of("restarted database"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = directory.path().join("ledger");
    let journeys = journeys(&place, &field, 16).await;
    let node = Node::start(place.url(), directory.path(), &[]).await;
    let mut writers = Writers::new(field, journeys, &ledger);
    let heard = writers.write_to(&node, WRITERS);

    let mut longest = Duration::ZERO;
    let restarts = if is_full() { RESTARTS_FULL } else { RESTARTS };
    for _ in 0..restarts {
        for mode in ["fast", "immediate"] {
            heard.goes_on().await;
            // This is what is tested: a restart comes at any moment.
            tokio::time::sleep(Duration::from_millis(writers.below(300))).await;
            cluster.restart(mode);
            let began = Instant::now();
            heard.goes_on().await;
            longest = longest.max(began.elapsed());
        }
    }
    until("it is ready", async || node.readiness().await.is_some_and(|(status, _)| status == 200)).await;
    writers.stop().await;
    eprintln!("{restarts} restarts of each kind: writes go on {longest:?} after it at most; {}", heard.told());
    assert!(node.stop().await.success(), "it ends in order");
    assert_nothing_is_missing_and_a_forgery_would_be(&place, &ledger).await;
}
