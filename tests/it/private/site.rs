//! The program as a process of its own, what it is asked over HTTP, and everything that it leaves behind.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use throughline::store::Dialect;
use throughline_domain::contract::rulebook::packs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{SHPS, new_id, refusals, with};
use crate::stores::Place;
use crate::wait::until;

/// A place for a log, with keys and files beside it.
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) directory: tempfile::TempDir,
    /// What is logged, as `RUST_LOG` says it.
    level: &'static str,
    /// Further variables of the program.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// The program, serving; it is gone when the test is.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
    /// All that it has logged.
    pub(crate) log: PathBuf,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// A header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Site {
    /// A new place on this store.
    pub(crate) async fn on(dialect: Dialect, level: &'static str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { place: Place::on(dialect).await, directory, level, variables: Vec::new() }
    }

    /// A file or folder beside the log.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The file of the key-encryption key.
    pub(crate) fn kek_file(&self) -> PathBuf {
        self.beside("test.kek")
    }

    /// The program on this place.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
        program
            .env("THROUGHLINE_DATABASE", self.place.url())
            .env("THROUGHLINE_KEY", self.beside("signing.key"))
            .env("THROUGHLINE_KEK_FILE", self.kek_file())
            .env("THROUGHLINE_EVIDENCE", format!("file://{}", self.beside("evidence").display()))
            .env("RUST_LOG", self.level)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .args(arguments);
        program
    }

    /// Runs the program to its end, which must be a good one.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.program(arguments).output().expect("the program runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// A token for a role and a login, for all contracts.
    pub(crate) fn token(&self, role: &str, subject: &str) -> String {
        let asked = ["token", "--role", role, "--subject", subject, "--minutes", "600"];
        String::from_utf8(self.run(&asked).stdout).expect("a token is text").trim().to_owned()
    }

    /// Serves, and waits until it is ready.
    pub(crate) async fn serve(&self) -> Serving {
        std::fs::create_dir_all(self.beside("evidence")).expect("a folder");
        // A log of its own for each start: the address is in it.
        let log = self.beside(&format!("log-{}.jsonl", new_id()));
        let stderr = File::options().create(true).append(true).open(&log).expect("a file for its log");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--allow-private-webhooks", "--budget", "0"];
        let mut program = self.program(&arguments);
        let child = program.stdout(Stdio::null()).stderr(stderr).spawn().expect("the program starts");
        let mut address = None;
        until("it listens", async || {
            address = listening(&log);
            address.is_some()
        })
        .await;
        let serving = Serving { child, address: address.expect("it listens"), log };
        until("it is ready", async || serving.send("GET", "/readyz", "", b"").await.status == 200).await;
        serving
    }

    /// Opens the contract of a pack that ships.
    pub(crate) async fn open_contract(&self, serving: &Serving) {
        let rulebook = packs::pack(SHPS).expect("a pack").text;
        let input = json!({ "code": SHPS, "name": SHPS, "startsOn": "2017-03-01", "rulebook": rulebook });
        let token = self.token("administrator", "administrator");
        serving.done(&token, "openContract", "contract { code }", input).await;
    }
}

/// Where the program says that it listens.
fn listening(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let mut lines = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line["url"].as_str()?.strip_prefix("http://").map(str::to_owned))
}

impl Serving {
    /// Sends a request on a connection of its own.
    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, body: &[u8]) -> Answer {
        self.send_as(method, path, token, "application/json", body).await
    }

    /// The same with a body of another type.
    pub(crate) async fn send_as(&self, method: &str, path: &str, token: &str, media: &str, body: &[u8]) -> Answer {
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: {media}\r\n");
        exchange(&self.address, &format!("{method} {path}"), &headers, body).await
    }

    /// Asks GraphQL, whatever the answer is.
    pub(crate) async fn answer(&self, token: &str, document: &str, variables: Value) -> Answer {
        let body = json!({ "query": document, "variables": variables }).to_string();
        self.send("POST", "/graphql", token, body.as_bytes()).await
    }

    /// Asks GraphQL; errors fail the test.
    pub(crate) async fn ask(&self, token: &str, document: &str, variables: Value) -> Value {
        let answer = self.answer(token, document, variables).await.json();
        assert!(answer["errors"].is_null(), "{document}: {answer}");
        answer["data"].clone()
    }

    /// Sends a mutation with an input, asking for something of its payload, and answers with the payload.
    pub(crate) async fn done(&self, token: &str, mutation: &str, thing: &str, input: Value) -> Value {
        let (first, rest) = mutation.split_at(1);
        let of = format!("{}{rest}Input", first.to_uppercase());
        let document = format!(
            "mutation($input: {of}!) {{ {mutation}(input: $input) {{ {thing} position \
             problems {{ code severity message }} }} }}"
        );
        let input = with(json!({ "commandId": new_id() }), input);
        let payload = self.ask(token, &document, json!({ "input": input })).await[mutation].clone();
        assert!(refusals(&payload).is_empty(), "{mutation} was refused: {payload:#}");
        payload
    }

    /// Ends it at once.
    pub(crate) fn end(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        // Who ended it before has waited for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a request with these headers, on a connection of its own.
pub(crate) async fn exchange(address: &str, request: &str, headers: &str, body: &[u8]) -> Answer {
    let head = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\n{headers}accept: */*\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("it reads");
    let mut answer = Vec::new();
    // A server that refuses a body may close before all of it was read.
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { joined(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

/// A body that came in pieces, as one text.
fn joined(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        let Some(piece) = rest.get(..length).filter(|piece| !piece.is_empty()) else { break };
        whole.push_str(piece);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}
