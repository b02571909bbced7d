//! A soak: writers, readers and subscribers that come and go, for as long as it takes to see whether memory or
//! descriptors grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use throughline::store::Dialect;
use throughline_domain::fact::envelope::JourneyId;
use tokio::task::JoinSet;

use super::{Node, journeys};
use crate::client::{self, Client};
use crate::field::{Field, is_full};
use crate::stores::Place;
use crate::subscriber::Subscriber;

/// How long it warms up and how long it is watched, and in the long form.
const LASTS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(5));
const LASTS_FULL: (Duration, Duration) = (Duration::from_mins(2), Duration::from_mins(10));
/// How many of each there are.
const EACH: usize = 4;
/// How long a writer rests: what a log of any length takes is another question.
const REST: Duration = Duration::from_millis(100);
/// What may be added to half as much memory again as it had, in kilobytes.
const MEMORY_MORE: u64 = 32 * 1024;
/// How many descriptors it may have more.
const DESCRIPTORS_MORE: usize = 8;

const READ: &str = "{ contract(code: \"shps\") { journeys { totalCount } } log { position } }";
const FOLLOW: &str = "subscription { eventRecorded { position event { id type record } } }";

/// What a process takes.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Resident memory, in kilobytes.
    memory: u64,
    descriptors: usize,
}

impl Taken {
    fn by(id: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process is there");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let memory = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        let descriptors = std::fs::read_dir(format!("/proc/{id}/fd")).expect("its descriptors").count();
        Self { memory, descriptors }
    }

    /// What it takes once nobody asks anything any more and it has let go.
    async fn at_rest(id: u32) -> Self {
        let (mut least, mut still) = (Self::by(id), 0);
        while still < 20 {
            // This is what is measured: what it takes over time.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = Self::by(id);
            still = if now.descriptors < least.descriptors { 0 } else { still + 1 };
            least.descriptors = least.descriptors.min(now.descriptors);
            least.memory = now.memory;
        }
        least
    }

    /// Whether it has grown beyond what is allowed.
    fn has_outgrown(self, before: Self) -> bool {
        self.memory > before.memory * 3 / 2 + MEMORY_MORE || self.descriptors > before.descriptors + DESCRIPTORS_MORE
    }
}

/// What everybody who asks shares.
struct Asking {
    address: String,
    token: String,
    field: Field,
    journeys: Vec<JourneyId>,
    /// Nobody asks any more but those who write.
    is_over: AtomicBool,
    /// Nobody writes any more.
    is_still: AtomicBool,
    written: AtomicUsize,
    read: AtomicUsize,
    followed: AtomicUsize,
}

impl Asking {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    async fn write(self: Arc<Self>) {
        let mut client = Client::to(&self.address).await.expect("it listens");
        while !self.is_still.load(Ordering::Relaxed) {
            let at = usize::try_from(self.field.below(self.journeys.len() as u64)).expect("few journeys");
            let request = client::log_contact(&self.token, self.journeys[at], self.field.id());
            assert!(client.log_contact(&request).await.expect("it answers"), "a contact is recorded");
            self.written.fetch_add(1, Ordering::Relaxed);
            // This is the load: so many a second, and no more.
            tokio::time::sleep(REST).await;
        }
    }

    /// Each read on a connection of its own.
    async fn read(self: Arc<Self>) {
        let body = json!({ "query": READ }).to_string();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             accept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        while self.goes_on() {
            let mut client = Client::to(&self.address).await.expect("it listens");
            client.send(request.as_bytes()).await.expect("it reads");
            let (_, answer) = client.answer().await.expect("it answers");
            assert!(answer["data"]["log"]["position"].is_i64(), "{answer}");
            self.read.fetch_add(1, Ordering::Relaxed);
            // As above.
            tokio::time::sleep(REST / 4).await;
        }
    }

    /// Every other one leaves without a word.
    async fn follow(self: Arc<Self>) {
        let mut is_polite = false;
        while self.goes_on() {
            let mut subscriber = Subscriber::at(&self.address, &self.token).await;
            subscriber.begin("1", FOLLOW, json!({})).await;
            for _ in 0..3 {
                subscriber.item().await;
            }
            if is_polite {
                subscriber.complete("1").await;
            }
            is_polite = !is_polite;
            self.followed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of it for a while.
    async fn during(self: &Arc<Self>, lasts: Duration) {
        self.is_over.store(false, Ordering::Relaxed);
        self.is_still.store(false, Ordering::Relaxed);
        let (mut writers, mut others) = (JoinSet::new(), JoinSet::new());
        for _ in 0..EACH {
            writers.spawn(Arc::clone(self).write());
            others.spawn(Arc::clone(self).read());
            others.spawn(Arc::clone(self).follow());
        }
        let began = Instant::now();
        while began.elapsed() < lasts {
            // This is what is tested: it lasts so long.
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(writers.try_join_next().is_none() && others.try_join_next().is_none(), "nobody has ended");
        }
        self.is_over.store(true, Ordering::Relaxed);
        // Those who follow wait for events.
        while let Some(ended) = others.join_next().await {
            ended.expect("it was answered");
        }
        self.is_still.store(true, Ordering::Relaxed);
        while let Some(ended) = writers.join_next().await {
            ended.expect("it was answered");
        }
    }
}

async fn soaks(dialect: Dialect) {
    let (place, field) = (Place::on(dialect).await, Field::of("soak"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journeys = journeys(&place, &field, 200).await;
    let node = Node::start(place.url(), directory.path(), &[]).await;
    let id = node.child.id();
    let asking = Arc::new(Asking {
        address: node.address.clone(),
        token: node.token.clone(),
        field,
        journeys,
        is_over: AtomicBool::new(false),
        is_still: AtomicBool::new(false),
        written: AtomicUsize::new(0),
        read: AtomicUsize::new(0),
        followed: AtomicUsize::new(0),
    });
    let (warms_up, lasts) = if is_full() { LASTS_FULL } else { LASTS };
    asking.during(warms_up).await;
    let before = Taken::at_rest(id).await;
    asking.during(lasts).await;
    let after = Taken::at_rest(id).await;
    let [written, read, followed] =
        [&asking.written, &asking.read, &asking.followed].map(|count| count.load(Ordering::Relaxed));
    eprintln!(
        "{dialect:?}: {lasts:?} after {warms_up:?}: {written} written, {read} read, {followed} subscriptions; {before:?} \
         became {after:?}"
    );
    assert!(!after.has_outgrown(before), "{before:?} became {after:?}");

    // Control: connections that stay are seen to be held.
    let mut held = Vec::new();
    for _ in 0..=2 * DESCRIPTORS_MORE {
        held.push(Subscriber::at(&node.address, &node.token).await);
    }
    assert!(Taken::by(id).has_outgrown(before), "{} more connections are not seen", held.len());
    drop(held);
    assert!(node.stop().await.success(), "it ends in order");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_readers_and_subscribers_that_come_and_go_leave_nothing_behind_on_sqlite() {
    soaks(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_readers_and_subscribers_that_come_and_go_leave_nothing_behind_on_postgres() {
    soaks(Dialect::Postgres).await;
}
