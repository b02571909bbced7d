//! kill -9 under load: what was acknowledged is there once, and the view is what the log says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::log::Log;
use throughline::store::{Dialect, Mode, Store};
use throughline_domain::fact::envelope::{CommandId, JourneyId};
use uuid::Uuid;

use crate::client::{self, Client};
use crate::field::{Field, RawDb, assert_gapless, assert_verified, is_full, now, whole};
use crate::reopened::assert_rebuilt_alike;
use crate::stores::Place;
use crate::wait::until;

/// How often the program is killed, and how often when all of it is asked for.
const KILLS: usize = 8;
const KILLS_FULL: usize = 110;
const CLIENTS: usize = 24;
/// How long the program may take from its start to its first answer, on a machine that has other things to do.
const READY: Duration = Duration::from_secs(20);

/// What the clients were told was done, on disk before they go on.
pub(crate) struct Ledger(Mutex<File>);

impl Ledger {
    /// A ledger in this file.
    pub(crate) fn at(path: &Path) -> Self {
        Self(Mutex::new(File::options().create(true).append(true).open(path).expect("a ledger")))
    }

    /// Puts a command down.
    pub(crate) fn acknowledged(&self, command: Uuid) {
        let mut file = self.0.lock().expect("nobody panics while writing");
        writeln!(file, "{command}").expect("the ledger is written");
        file.sync_data().expect("the ledger is on disk");
    }

    /// Every command that was put down.
    pub(crate) fn read(path: &Path) -> Vec<CommandId> {
        let text = std::fs::read_to_string(path).expect("the ledger is read");
        text.lines().map(|line| line.parse().expect("a command id")).collect()
    }
}

/// The program, serving.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) token: String,
    took: Duration,
}

impl Server {
    /// Starts it, with a token of a manager.
    pub(crate) async fn start(place: &Place, directory: &Path) -> (Child, Self) {
        Self::start_as(place, directory, |_| {}).await
    }

    /// Starts it with whatever else its process is to be given.
    pub(crate) async fn start_as(place: &Place, directory: &Path, give: impl FnOnce(&mut Command)) -> (Child, Self) {
        let program = || {
            let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
            program.env("THROUGHLINE_DATABASE", place.url()).env("THROUGHLINE_KEY", directory.join("key"));
            program.env("RUST_LOG", "info").stdin(Stdio::null());
            program
        };
        let token = program().args(["token", "--role", "manager", "--subject", "tester"]).output().expect("a token");
        assert!(token.status.success(), "{}", String::from_utf8_lossy(&token.stderr));
        let began = Instant::now();
        let mut serving = program();
        serving.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        give(&mut serving);
        let mut child = serving.spawn().expect("the program starts");
        let address = address(&mut child);
        let mut client = Client::to(&address).await.expect("it listens");
        client.send(&client::ready()).await.expect("it reads");
        let (status, ready) = client.answer().await.expect("it answers");
        assert_eq!((status, &ready["lag"]), (200, &Value::from(0)), "{ready}");
        let token = String::from_utf8(token.stdout).expect("a token is text").trim().to_owned();
        (child, Self { address, token, took: began.elapsed() })
    }
}

/// Where the program says that it listens; of the rest of what it says only its own faults are shown.
pub(crate) fn address(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stderr.take().expect("its standard error")).lines();
    let mut said = Vec::new();
    let address = loop {
        let Some(Ok(line)) = lines.next() else { panic!("the program ended: {said:#?}") };
        let url = serde_json::from_str::<Value>(&line).ok().and_then(|line| line["url"].as_str().map(str::to_owned));
        match url {
            Some(url) => break url.strip_prefix("http://").expect("a URL").to_owned(),
            None => said.push(line),
        }
    };
    std::thread::spawn(move || {
        let is_fault = |line: &String| line.contains("could not be resolved") || line.contains("panicked");
        lines.map_while(Result::ok).filter(is_fault).for_each(|line| eprintln!("{line}"));
    });
    address
}

/// Logs contacts until the server is gone.
async fn load(server: &Server, journeys: &[JourneyId], field: &Field, ledger: &Ledger) {
    let Ok(mut client) = Client::to(&server.address).await else { return };
    loop {
        let at = field.below(journeys.len() as u64);
        let (command, journey) = (field.id(), journeys[usize::try_from(at).expect("few journeys")]);
        match client.log_contact(&client::log_contact(&server.token, journey, command)).await {
            Ok(true) => ledger.acknowledged(command),
            Ok(false) => panic!("the server refused a contact"),
            Err(_) => return,
        }
    }
}

async fn killed_again_and_again(dialect: Dialect) {
    let (place, field) = (Place::on(dialect).await, Field::of("kill -9"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ledger");
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journeys = field.journeys(&deployment.recorder, 16).await;
    deployment.close().await;

    let mut slowest = Duration::ZERO;
    let ledger = Ledger::at(&path);
    let kills = if is_full() { KILLS_FULL } else { KILLS };
    for round in 1..=kills {
        let (mut child, server) = Server::start(&place, directory.path()).await;
        slowest = slowest.max(server.took);
        let after = Duration::from_millis(20 + field.below(400));
        let clients = (0..CLIENTS).map(|_| load(&server, &journeys, &field, &ledger));
        let killed = async {
            // Every other one comes while contacts are being recorded, however slow the machine is.
            let before = Ledger::read(&path).len();
            until("contacts are recorded", async || round % 2 == 1 || Ledger::read(&path).len() > before).await;
            // This is what is tested: it comes at any moment.
            tokio::time::sleep(after).await;
            // SIGKILL: nothing of it runs any more, and whoever waits for an answer never gets it.
            child.kill().expect("it is killed");
        };
        tokio::join!(futures_util::future::join_all(clients), killed);
        child.wait().expect("it is gone");
        if dialect == Dialect::Postgres {
            the_server_has_noticed(&place).await;
        }
        assert_all_is_there(&place, &Ledger::read(&path)).await;
        assert_rebuilt_alike(&place).await;
        eprintln!("{dialect:?}, kill {round} after {after:?}: ready in {:?}", server.took);
    }
    assert!(Ledger::read(&path).len() >= kills / 2, "the kills came under load");
    assert!(slowest < READY, "the program took {slowest:?} to be ready");
    place.remove().await;
}

/// Every acknowledged command is in the log, no contact twice, and the log is whole.
pub(crate) async fn assert_all_is_there(place: &Place, ledger: &[CommandId]) {
    let store = Store::open(place.url(), Mode::Write).await.expect("the store opens");
    let log = Log::open(Arc::new(store)).await.expect("the log opens");
    let events = whole(&log).await;
    assert_gapless(&events);
    assert_verified(&log).await;
    let mut times: HashMap<CommandId, usize> = HashMap::new();
    for event in events.iter().filter(|event| event.event_type == "ContactLogged") {
        *times.entry(event.command_id).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "no command is in the log twice");
    for command in ledger {
        assert!(times.contains_key(command), "{command} was acknowledged and is not in the log");
    }
    log.store().close().await;
}

/// Postgres ends a commit that was under way when its client died; then the session goes.
pub(crate) async fn the_server_has_noticed(place: &Place) {
    let mut raw_db = RawDb::at(place).await;
    until("its sessions have ended", async || raw_db.sessions(place, "%").await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_under_load_it_keeps_what_it_acknowledged_on_sqlite() {
    killed_again_and_again(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_under_load_it_keeps_what_it_acknowledged_on_postgres() {
    killed_again_and_again(Dialect::Postgres).await;
}
