//! A result that nobody takes: a node asks for much while it holds the log's head, and then takes nothing any more, as
//! when its machine is paused or the way to it is cut. The others go on.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::store::Dialect;
use throughline_domain::command::Command;
use throughline_domain::command::contracts::PublishRulebook;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Occurred;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::{Node, PATIENCE, until};
use crate::client::{self, Client};
use crate::field::{CONTRACT, Field, RawDb, day, now};
use crate::stores::Place;

/// Rulebooks of the contract, and how long each is made: together more than what lies between two sockets.
const RULEBOOKS: usize = 30;
const LENGTH: usize = 240 * 1024;
/// The longest that others may be held up: five seconds, on a machine that has other things to do.
const HELD_UP_MAX: Duration = Duration::from_secs(10);
/// By these words a session is known that holds the head; one that only prepares statements begins nothing.
const LOCKS: [&[u8]; 2] = [b"begin isolation level", b"update log_head set epoch"];
/// What is taken of an answer on such a session.
const TAKEN: usize = 64 * 1024;

/// A way to the server on which sessions that hold the head take only the beginning of a long answer.
struct Clogged {
    address: String,
    stuck: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Clogged {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let stuck = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&stuck)));
        Self { address, stuck, accepting }
    }
}

async fn accept(listener: TcpListener, server: String, clogged: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Or the system itself takes megabytes that nobody has asked for yet.
        socket.set_recv_buffer_size(u32::try_from(TAKEN).expect("little")).expect("a small buffer");
        let Ok(server) = socket.connect(server.parse().expect("an address")).await else { return };
        tokio::spawn(carry(client, server, Arc::clone(&clogged)));
    }
}

async fn carry(client: TcpStream, server: TcpStream, clogged: Arc<AtomicUsize>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // How much of the present answer may be taken; all of it where the head is not held.
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    tokio::select! {
        () = ask(from_client, to_server, Arc::clone(&left)) => {}
        () = answer(from_server, to_client, left, clogged) => {}
    }
}

async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: Arc<AtomicUsize>) {
    let (mut bytes, mut said) = (vec![0; 64 * 1024], [false; LOCKS.len()]);
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        for (said, words) in said.iter_mut().zip(LOCKS) {
            *said |= bytes[..read].windows(words.len()).any(|here| here == words);
        }
        if said.iter().all(|said| *said) {
            left.store(TAKEN, Ordering::Relaxed);
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: Arc<AtomicUsize>, clogged: Arc<AtomicUsize>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let before = left.load(Ordering::Relaxed);
        if before < read {
            clogged.fetch_add(1, Ordering::Relaxed);
            return std::future::pending().await;
        }
        if before != usize::MAX {
            left.store(before - read, Ordering::Relaxed);
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

/// How long it takes until another can lock the head.
async fn waits(raw_db: &mut RawDb) -> Duration {
    let began = Instant::now();
    let locked = raw_db.run("begin; update log_head set epoch = epoch where id = 1; rollback");
    tokio::time::timeout(PATIENCE, locked).await.expect("the head is free again");
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_holds_the_others_up_for_seconds() {
    let (place, field) = (Place::on(Dialect::Postgres).await, Field::of("unread answer"));
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journey = field.journeys(&deployment.recorder, 1).await[0];
    let text = pack(CONTRACT).expect("it ships").text;
    let remark = "# What is said here at length changes nothing.\n".repeat((LENGTH - text.len()) / 48);
    for version in 0..RULEBOOKS {
        let rulebook = text.replace("version = \"2017-03\"", &format!("version = \"2017-03-{version}\"")) + &remark;
        let published = PublishRulebook { contract: CONTRACT.to_owned(), when: Occurred::on(day()).into(), rulebook };
        let command = field.instruct(Command::PublishRulebook(published));
        deployment.recorder.append(command).await.expect("it is published");
    }
    deployment.close().await;

    let options = PgConnectOptions::from_str(place.url()).expect("a URL");
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let way = Clogged::to(server.clone()).await;
    let url = place.url().replace(&server, &way.address);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(&url, directory.path(), &[]).await;
    assert_eq!(way.stuck.load(Ordering::Relaxed), 0, "nothing is held while it starts");

    // Its first command on the journey reads the whole contract, under the head's lock.
    let request = client::log_contact(&node.token, journey, field.id());
    let mut client = Client::to(&node.address).await.expect("it listens");
    client.send(&request).await.expect("it reads");
    until("the answer is not taken", async || way.stuck.load(Ordering::Relaxed) > 0).await;
    let mut raw_db = RawDb::at(&place).await;
    let waited = waits(&mut raw_db).await;
    eprintln!("an answer that nobody takes: the others waited {waited:?}");
    assert!(waited < HELD_UP_MAX, "the others waited {waited:?}");
    drop(node);

    // Control: a session that the server does not end holds everybody up in the same way.
    let mut other = PgConnection::connect(&url).await.expect("the server answers");
    let before = way.stuck.load(Ordering::Relaxed);
    let asked = tokio::spawn(async move {
        let much = "begin isolation level read committed; update log_head set epoch = epoch where id = 1; select record from events";
        sqlx::Executor::execute(&mut other, sqlx::raw_sql(much)).await.map(drop)
    });
    until("the answer is not taken", async || way.stuck.load(Ordering::Relaxed) > before).await;
    let freed = tokio::time::timeout(HELD_UP_MAX, waits(&mut raw_db)).await;
    assert!(freed.is_err(), "nobody was held up: {freed:?}");
    asked.abort();
    way.accepting.abort();
    drop(raw_db);
    let (_, name) = place.url().rsplit_once("application_name=").expect("a test has its own name");
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1";
    let mut conn = PgConnection::connect(&Place::server()).await.expect("the server answers");
    sqlx::query(end).bind(name).execute(&mut conn).await.expect("a superuser may end it");
    place.remove().await;
}
