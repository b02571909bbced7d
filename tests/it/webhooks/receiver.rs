//! A receiver of webhooks: a server that answers as a script says, and keeps a ledger of what it took.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::wait::PATIENCE;

/// What the receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Answers with this status.
    Status(u16),
    /// Is too busy, and says for how many seconds.
    RetryAfter(u32),
    /// Sends the sender elsewhere.
    Redirect,
    /// Closes the connection without an answer.
    Lose,
    /// Says nothing until the sender has gone.
    Hang,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) body: String,
    /// Whether it was answered with 2xx.
    pub(crate) is_taken: bool,
}

impl Received {
    /// The event.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("a CloudEvents object")
    }

    /// The position of the event.
    pub(crate) fn sequence(&self) -> i64 {
        self.event()["sequence"].as_str().expect("a sequence").parse().expect("digits")
    }

    /// Whether one of its signatures is by this key.
    pub(crate) fn is_signed_by(&self, key: &str) -> bool {
        let signatures: Vec<&str> = self.signature.split(' ').collect();
        if let Some(public) = key.strip_prefix("whpk_") {
            let public = UnparsedPublicKey::new(&ED25519, BASE64.decode(public).expect("base64"));
            let message = format!("{}.{}.{}", self.id, self.timestamp, self.body);
            let of_pairs = signatures.iter().filter_map(|one| BASE64.decode(one.strip_prefix("v1a,")?).ok());
            return of_pairs.into_iter().any(|signature| public.verify(message.as_bytes(), &signature).is_ok());
        }
        let other = Webhook::new(key).expect("a secret that the other side reads");
        let theirs = other.sign(&self.id, self.timestamp, self.body.as_bytes()).expect("a signature");
        signatures.contains(&theirs.as_str())
    }
}

/// A server in this process.
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    script: Mutex<VecDeque<Step>>,
    otherwise: Mutex<Step>,
    requests: watch::Sender<Vec<Received>>,
}

impl Receiver {
    /// A receiver that first does what the script says, and takes everything after it.
    pub(crate) async fn with(script: &[Step]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/in?for=throughline", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            script: Mutex::new(script.iter().copied().collect()),
            otherwise: Mutex::new(Step::Status(204)),
            requests: watch::Sender::new(Vec::new()),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&serving)));
            }
        });
        Self { url, shared, task }
    }

    /// What it does from now on when the script is over.
    pub(crate) fn otherwise(&self, step: Step) {
        *self.shared.otherwise.lock().expect("no panic") = step;
    }

    /// What it was sent, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.shared.requests.borrow().clone()
    }

    /// What it took.
    pub(crate) fn ledger(&self) -> Vec<Received> {
        self.requests().into_iter().filter(|request| request.is_taken).collect()
    }

    /// The positions of what it took.
    pub(crate) fn positions(&self) -> Vec<i64> {
        self.ledger().iter().map(Received::sequence).collect()
    }

    /// Waits until it was sent so many requests.
    pub(crate) async fn is_sent(&self, count: usize) {
        let mut requests = self.shared.requests.subscribe();
        let sent = requests.wait_for(|requests| requests.len() >= count);
        let sent = tokio::time::timeout(PATIENCE, sent).await;
        assert!(sent.is_ok(), "{} requests came, not {count}", self.requests().len());
    }

    /// Waits until it took so many events.
    pub(crate) async fn has_taken(&self, count: usize) {
        let mut requests = self.shared.requests.subscribe();
        let taken = requests.wait_for(|requests| requests.iter().filter(|one| one.is_taken).count() >= count);
        let taken = tokio::time::timeout(PATIENCE, taken).await;
        assert!(taken.is_ok(), "it took {:?}, not {count} events", self.positions());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read(&mut stream).await else { return };
    let step = shared.script.lock().expect("no panic").pop_front();
    let step = step.unwrap_or_else(|| *shared.otherwise.lock().expect("no panic"));
    let is_taken = matches!(step, Step::Status(200..=299));
    shared.requests.send_modify(|requests| requests.push(Received { is_taken, ..request }));
    let status = match step {
        Step::Status(status) => format!("{status} Answer\r\n"),
        Step::RetryAfter(seconds) => format!("503 Busy\r\nretry-after: {seconds}\r\n"),
        Step::Redirect => "307 Elsewhere\r\nlocation: http://127.0.0.1:9/\r\n".to_owned(),
        Step::Lose => return,
        Step::Hang => {
            // It ends when the sender closes the connection.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
    };
    // More than anybody needs to read.
    let body = if status.starts_with('5') { "x".repeat(100_000) } else { String::new() };
    let length = if status.starts_with("204") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let text = format!("HTTP/1.1 {status}{length}connection: close\r\n\r\n{body}");
    // The sender may close the connection before it has read all.
    let _ = stream.write_all(text.as_bytes()).await;
}

/// Reads one request.
async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = std::str::from_utf8(&bytes).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length: usize = header(head, "content-length").parse().ok()?;
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    assert!(head.starts_with("POST /in?for=throughline HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "content-type"), "application/cloudevents+json");
    Some(Received {
        id: header(&head, "webhook-id").to_owned(),
        timestamp: header(&head, "webhook-timestamp").parse().expect("seconds"),
        signature: header(&head, "webhook-signature").to_owned(),
        body,
        is_taken: false,
    })
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
}
