//! What the log of a server says of a store that is away: the first failure at once, and the many that follow by
//! number.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::store::Dialect;

use crate::client::{self, Client};
use crate::field::{Field, day, now};
use crate::store_away::Wire;
use crate::stores::Place;
use crate::wait::until;

/// How many read and how many record while the store is away.
const READS: usize = 60;
const COMMANDS: usize = 30;

/// The program, serving, with all that it says; it is gone when the test is.
struct Program {
    child: Child,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Program {
    fn start(url: &str, directory: &std::path::Path) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
        program.env("THROUGHLINE_DATABASE", url).env("THROUGHLINE_KEY", directory.join("key")).env("RUST_LOG", "info");
        program.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().expect("the program starts");
        let (lines, said) = (BufReader::new(child.stderr.take().expect("its log")).lines(), Arc::default());
        let heard: Arc<Mutex<Vec<Value>>> = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().expect("nobody panicked").extend(serde_json::from_str::<Value>(&line));
            }
        });
        Self { child, said }
    }

    fn said(&self) -> Vec<Value> {
        self.said.lock().expect("nobody panicked").clone()
    }

    async fn address(&self) -> String {
        let url = || self.said().iter().find_map(|line| line["url"].as_str().map(str::to_owned));
        until("it says where it listens", async || url().is_some()).await;
        url().expect("it said so").strip_prefix("http://").expect("a URL").to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn token(url: &str, directory: &std::path::Path) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", url).env("THROUGHLINE_KEY", directory.join("key"));
    let said = program.args(["token", "--role", "manager", "--subject", "tester"]).output().expect("a token");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("a token is text").trim().to_owned()
}

/// A request to the API, as bytes.
fn request(token: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// Sends one request on a connection of its own; the code of its first error, if it has one.
async fn code(address: &str, request: Vec<u8>) -> Option<String> {
    let mut client = Client::to(address).await.expect("it listens");
    client.send(&request).await.expect("it reads");
    let (_, answer) = client.answer().await.expect("it answers");
    answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_store_that_is_away_the_first_failure_is_logged_and_the_others_are_counted() {
    let (place, field) = (Place::on(Dialect::Postgres).await, Field::of("failures"));
    let (clock, chance) = (Arc::new(Clock::standing_at(now())), Arc::new(Chance::System));
    let deployment = Deployment::open(place.url(), clock, chance).await.expect("it opens");
    let journey = field.journeys(&deployment.recorder, 1).await[0];
    deployment.close().await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let token = token(place.url(), directory.path());
    let (mut wire, url) = Wire::to(&place).await;
    let program = Program::start(&url, directory.path());
    let address = program.address().await;
    let contact = || client::log_contact(&token, journey, field.id());
    assert_eq!(code(&address, contact()).await, None);

    wire.cut().await;
    let read = request(&token, &json!({ "query": "{ log { position } }" }));
    let reads = join_all((0..READS).map(|_| code(&address, read.clone())));
    // It asks nothing of the view, and comes as far as the append task.
    let plan = || {
        let input = json!({ "commandId": field.id(), "journey": journey, "kind": "php", "occurredOn": day() });
        let query = "mutation Plan($input: AgreePlanInput!) { agreePlan(input: $input) { position } }";
        request(&token, &json!({ "query": query, "variables": { "input": input } }))
    };
    let commands = join_all((0..COMMANDS).map(|_| code(&address, plan())));
    let probes = join_all((0..5).map(|_| async {
        let mut client = Client::to(&address).await.expect("it listens");
        client.send(&client::ready()).await.expect("it reads");
        client.answer().await.expect("it answers").0
    }));
    let began = Instant::now();
    let (reads, commands, probes) = tokio::join!(reads, commands, probes);
    let away = began.elapsed();
    eprintln!("{READS} reads and {COMMANDS} commands were answered within {away:?}");
    wire.mend().await;

    // Control: there was something to log for each of them.
    assert!(reads.iter().chain(&commands).all(|code| code.as_deref() == Some("UNAVAILABLE")), "{reads:?} {commands:?}");
    assert_eq!(probes, [503; 5]);
    until("it comes back", async || code(&address, contact()).await.is_none()).await;
    let (said, lines_max) = (program.said(), 1 + usize::try_from(away.as_secs() / 10).expect("a short while") + 1);
    let of = |message: &str| {
        let lines = said.iter().filter(|line| line["message"] == message && line["level"] == "ERROR");
        lines.map(|line| line["times"].as_u64().expect("how often")).collect::<Vec<_>>()
    };
    for message in ["the store cannot answer", "the log cannot be written", "not ready"] {
        let times = of(message);
        assert!(!times.is_empty() && times.len() <= lines_max, "{message}: {times:?}");
    }
    let errors: Vec<_> = said.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(errors.len() < (READS + COMMANDS) / 3, "{errors:#?}");
    assert!(!said.iter().any(|line| line["message"] == "response failed"), "{said:#?}");
    drop(program);
    place.remove().await;
}
