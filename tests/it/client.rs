//! A client that speaks HTTP by hand, so that it can hang up wherever it likes.

use std::io;

use serde_json::{Value, json};
use throughline_domain::fact::envelope::JourneyId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::field::day;

const LOG_CONTACT: &str = "mutation Log($input: LogContactInput!) { \
     logContact(input: $input) { position replayed problems { code } } }";

/// The request that logs a contact, as bytes.
pub(crate) fn log_contact(token: &str, journey: JourneyId, command: Uuid) -> Vec<u8> {
    let input = json!({
        "commandId": command, "journey": journey, "occurredOn": day(), "channel": "phone", "twoWay": true,
        "acceptWarnings": ["RECORDED_ALREADY"],
    });
    let body = json!({ "query": LOG_CONTACT, "variables": { "input": input } }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// A request that asks whether the service is ready.
pub(crate) fn ready() -> Vec<u8> {
    b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec()
}

/// One connection to a server.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects.
    pub(crate) async fn to(address: &str) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await? })
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads one answer: its status and its JSON.
    pub(crate) async fn answer(&mut self) -> io::Result<(u16, Value)> {
        let (head, json) = self.whole_answer().await?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        Ok((status, json))
    }

    /// Reads one answer: its head in small letters, and its JSON.
    pub(crate) async fn whole_answer(&mut self) -> io::Result<(String, Value)> {
        let mut read = Vec::new();
        let head = loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut read).await?;
        };
        let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        while read.len() < head + length {
            self.more(&mut read).await?;
        }
        let json = serde_json::from_slice(&read[head..head + length]).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok((text, json))
    }

    async fn more(&mut self, read: &mut Vec<u8>) -> io::Result<()> {
        if self.stream.read_buf(read).await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Logs a contact: true when it was acknowledged.
    pub(crate) async fn log_contact(&mut self, request: &[u8]) -> io::Result<bool> {
        self.send(request).await?;
        let (status, answer) = self.answer().await?;
        Ok(status == 200 && !answer["data"]["logContact"]["position"].is_null())
    }
}
