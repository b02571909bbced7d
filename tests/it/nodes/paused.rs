//! Two nodes on one Postgres schema, under load: one is paused while it holds what everybody needs, or is killed. The
//! other goes on, and nothing that was acknowledged is lost.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use throughline::store::Dialect;

use super::writers::Writers;
use super::{Node, PATIENCE, assert_nothing_is_missing_and_a_forgery_would_be, journeys, named};
use crate::crash::{Ledger, assert_all_is_there};
use crate::field::{Field, RawDb, is_full};
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;

/// The longest that others may be held up: five seconds, on a machine that has other things to do.
const HELD_UP_MAX: Duration = Duration::from_secs(10);
/// How often a node is caught with each of what it can hold.
const CAUGHT: usize = 1;
const CAUGHT_FULL: usize = 20;
/// How often a node is killed.
const KILLS: usize = 2;
const KILLS_FULL: usize = 20;
/// Who writes to each node.
const WRITERS: usize = 8;

/// What a node can hold, and where others see whether it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Head,
    View,
}

/// Somebody who looks on, beside the nodes.
struct Observer {
    conn: PgConnection,
    name: String,
}

impl Observer {
    async fn at(place: &Place) -> Self {
        let live = RawDb::at(place).await.live_view().await;
        let (_, schema) = place.url().rsplit_once("application_name=").expect("a test has its own name");
        let conn = PgConnection::connect(place.url()).await.expect("the server answers");
        Self { conn, name: format!("{schema}_g{live}") }
    }

    /// What a stopped node's sessions hold, in a transaction in which nothing goes on.
    async fn held_by(&mut self, node: &str) -> Option<Holds> {
        let held = "select c.relname::text from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.granted \
                    join pg_class c on c.oid = l.relation where a.application_name = $1 \
                    and a.state like 'idle in transaction%' and l.mode = 'RowExclusiveLock' \
                    and c.relname in ('log_head', 'checkpoint') limit 1";
        let held: Option<(String,)> =
            sqlx::query_as(held).bind(node).fetch_optional(&mut self.conn).await.expect("locks are listed");
        held.map(|(table,)| if table == "log_head" { Holds::Head } else { Holds::View })
    }

    /// Where the log or its view stands.
    async fn position(&mut self, of: Holds) -> i64 {
        let look = match of {
            Holds::Head => "select position from log_head".to_owned(),
            Holds::View => format!("select position from {}.checkpoint", self.name),
        };
        let (position,): (i64,) =
            sqlx::query_as(AssertSqlSafe(look)).fetch_one(&mut self.conn).await.expect("the position is read");
        position
    }

    /// How long the log or its view stands still from now on.
    async fn stands_still(&mut self, of: Holds) -> Duration {
        let (began, before) = (Instant::now(), self.position(of).await);
        while self.position(of).await == before {
            assert!(began.elapsed() < PATIENCE, "{of:?} does not move any more");
            // This is what is measured: the time until it moves.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }
}

/// Stops a node at random moments until it is caught with something, and measures how long the others wait for it.
async fn caught(node: &Node, name: &str, writers: &Writers, observer: &mut Observer) -> (Holds, Duration) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "the node is never caught in a transaction");
        // This is what is tested: it is stopped at any moment.
        tokio::time::sleep(Duration::from_millis(writers.below(40))).await;
        node.signal("STOP");
        let stopped = Instant::now();
        // What the server still does for it comes to its end.
        while stopped.elapsed() < Duration::from_millis(150) {
            if let Some(holds) = observer.held_by(name).await {
                let before = stopped.elapsed();
                let waited = observer.stands_still(holds).await;
                node.signal("CONT");
                return (holds, before + waited);
            }
            // Another process: nothing announces what the server still does for it.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        node.signal("CONT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_paused_in_a_transaction_holds_the_others_up_for_seconds_and_nothing_is_lost() {
    let (place, field) = (Place::on(Dialect::Postgres).await, Field::of("paused node"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = directory.path().join("ledger");
    let journeys = journeys(&place, &field, 16).await;
    let ((one, name), (other, _)) = (named(&place, "one"), named(&place, "other"));
    let one = Node::start(&one, directory.path(), &[]).await;
    let other = Node::start(&other, directory.path(), &[]).await;
    let mut writers = Writers::new(field, journeys, &ledger);
    let (heard_one, heard_other) = (writers.write_to(&one, WRITERS), writers.write_to(&other, WRITERS));
    heard_one.goes_on().await;
    heard_other.goes_on().await;

    let mut observer = Observer::at(&place).await;
    let enough = if is_full() { CAUGHT_FULL } else { CAUGHT };
    let mut held_up: Vec<(Holds, Duration)> = Vec::new();
    let times = |held_up: &[(Holds, Duration)], of| held_up.iter().filter(|(holds, _)| *holds == of).count();
    while times(&held_up, Holds::Head) < enough || times(&held_up, Holds::View) < enough {
        let (holds, waited) = caught(&one, &name, &writers, &mut observer).await;
        eprintln!("paused while it held {holds:?}: the others waited {waited:?}");
        assert!(waited < HELD_UP_MAX, "the others waited {waited:?} for {holds:?}");
        held_up.push((holds, waited));
        // The one that was paused goes on, too.
        heard_one.goes_on().await;
        heard_other.goes_on().await;
    }
    for of in [Holds::Head, Holds::View] {
        let longest = held_up.iter().filter(|(holds, _)| *holds == of).map(|(_, waited)| *waited).max();
        eprintln!("{of:?}: caught {} times, the others waited {longest:?} at most", times(&held_up, of));
    }

    // Control: the same held by a session that the server does not end is seen to hold everybody up.
    let mut raw_db = RawDb::at(&place).await;
    raw_db.run("set idle_in_transaction_session_timeout = 0").await;
    raw_db.run("begin; update log_head set epoch = epoch where id = 1").await;
    let held = async {
        // This is what is tested: longer than others may be held up.
        tokio::time::sleep(HELD_UP_MAX + Duration::from_secs(1)).await;
        raw_db.run("rollback").await;
    };
    let (waited, ()) = tokio::join!(observer.stands_still(Holds::Head), held);
    assert!(waited > HELD_UP_MAX, "nobody was held up: {waited:?}");

    heard_other.goes_on().await;
    writers.stop().await;
    eprintln!("paused: {}\nthe other: {}", heard_one.told(), heard_other.told());
    assert!(one.stop().await.success() && other.stop().await.success(), "they end in order");
    assert_all_is_there(&place, &Ledger::read(&ledger)).await;
    assert_rebuilt_alike(&place).await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_is_killed_and_the_other_continues_and_nothing_is_lost() {
    let (place, field) = (Place::on(Dialect::Postgres).await, Field::of("killed node"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = directory.path().join("ledger");
    let journeys = journeys(&place, &field, 16).await;
    let other = Node::start(&named(&place, "other").0, directory.path(), &[]).await;
    let mut writers = Writers::new(field, journeys, &ledger);
    let heard_other = writers.write_to(&other, WRITERS);
    let mut observer = Observer::at(&place).await;
    let mut longest = Duration::ZERO;
    let kills = if is_full() { KILLS_FULL } else { KILLS };
    for _ in 0..kills {
        let mut one = Node::start(&named(&place, "one").0, directory.path(), &[]).await;
        let heard_one = writers.write_to(&one, WRITERS);
        heard_one.goes_on().await;
        // This is what is tested: it is killed at any moment.
        tokio::time::sleep(Duration::from_millis(writers.below(200))).await;
        // SIGKILL: nothing of it runs any more.
        one.child.kill().expect("it is killed");
        longest = longest.max(observer.stands_still(Holds::Head).await);
        heard_other.goes_on().await;
        longest = longest.max(observer.stands_still(Holds::View).await);
    }
    writers.stop().await;
    eprintln!("{kills} kills: the other stood still for {longest:?} at most; {}", heard_other.told());
    assert!(longest < HELD_UP_MAX, "the other stood still for {longest:?}");
    assert!(other.stop().await.success(), "it ends in order");
    assert_nothing_is_missing_and_a_forgery_would_be(&place, &ledger).await;
    place.remove().await;
}
