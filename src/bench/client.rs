//! A client that sends prepared requests over persistent connections and measures the time to each answer.
//!
//! It supports only the HTTP that our own server uses: a status, a length and a body.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::report::rate;

/// A request as bytes, and a text that its answer must contain.
#[derive(Debug, Clone)]
pub(super) struct Request {
    bytes: Vec<u8>,
    /// The text that shows that the answer is the expected one.
    holds: &'static str,
}

impl Request {
    /// A GraphQL operation with a token.
    pub(super) fn graphql(token: &str, document: &str, variables: &Value, holds: &'static str) -> Self {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: \
             application/json\r\naccept: application/graphql-response+json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { bytes: [head.into_bytes(), body.into_bytes()].concat(), holds }
    }

    /// Whether this is the body of the expected answer.
    pub(super) fn is_answered_by(&self, body: &[u8]) -> bool {
        holds(body, self.holds.as_bytes())
    }

    /// A GET request for a path.
    pub(super) fn get(path: &str, holds: &'static str) -> Self {
        Self { bytes: format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes(), holds }
    }
}

/// One connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    /// The offset of the body in the newest answer.
    body: usize,
}

impl Connection {
    /// Connects.
    pub(super) async fn to(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new(), body: 0 })
    }

    /// Sends a request and returns the body of its answer, which must be the expected one.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<&[u8]> {
        let (status, answer) = self.exchange(request).await?;
        let is_good = status == 200 && request.is_answered_by(answer);
        ensure!(is_good, "not the expected answer: {}", String::from_utf8_lossy(&self.read));
        let body = self.body;
        Ok(&self.read[body..])
    }

    /// Sends a request and returns status and body of any answer.
    pub(super) async fn exchange(&mut self, request: &Request) -> Result<(u16, &[u8])> {
        self.read.clear();
        self.stream.write_all(&request.bytes).await?;
        let body = loop {
            self.more().await?;
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let length = length_of(&self.read[..body])?;
        while self.read.len() < body + length {
            self.more().await?;
        }
        self.body = body;
        Ok((status_of(&self.read[..body])?, &self.read[body..]))
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the server hung up");
        Ok(())
    }
}

/// The status in a response head.
fn status_of(head: &[u8]) -> Result<u16> {
    let digits = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("the answer has no status")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}

/// The body length in a response head.
fn length_of(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    Ok(length.context("the answer has no length")?.trim().parse()?)
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// Sends all requests, shared among connections that each wait for their answers. Returns requests per second.
pub(super) async fn throughput(address: SocketAddr, connections: usize, requests: Vec<Request>) -> Result<f64> {
    let mut shares = Vec::new();
    for nth in 0..connections {
        let share: Vec<Request> = requests.iter().skip(nth).step_by(connections).cloned().collect();
        shares.push((Connection::to(address).await?, share));
    }
    let began = Instant::now();
    let tasks = shares.into_iter().map(|(mut connection, share)| {
        tokio::spawn(async move {
            for request in &share {
                connection.ask(request).await?;
            }
            anyhow::Ok(())
        })
    });
    try_join_all(tasks).await?.into_iter().collect::<Result<()>>()?;
    Ok(rate(requests.len() as u64, began.elapsed()))
}

/// The number of samples and the time limit. Slow requests need fewer samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampling {
    /// The most samples.
    pub(super) most: usize,
    /// The least number of samples, however long they take.
    pub(super) least: usize,
    /// How long to continue after the least number.
    pub(super) patience: Duration,
}

/// Sends requests one after the other, repeatedly, and returns the time of each answer in milliseconds.
pub(super) async fn latencies(
    connection: &mut Connection,
    requests: &[Request],
    sampling: Sampling,
) -> Result<Vec<f64>> {
    let (mut took, began) = (Vec::new(), Instant::now());
    for request in requests.iter().cycle().take(sampling.most) {
        if took.len() >= sampling.least && began.elapsed() > sampling.patience {
            break;
        }
        let asked = Instant::now();
        connection.ask(request).await?;
        took.push(asked.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_found_in_any_letter_case() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(length_of(head).expect("a length"), 12);
        assert!(length_of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn an_answer_holds_a_text_or_does_not() {
        assert!(holds(b"{\"problems\":[]}", b"\"problems\":[]"));
        assert!(!holds(b"{}", b"\"problems\":[]"));
        assert!(holds(b"", b""));
    }
}
