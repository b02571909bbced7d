//! Reads and writes the messages of `graphql-transport-ws`.
//!
//! Reading must be cheap: the payload of an operation stays unparsed until there is a place for it.

use std::borrow::Cow;

use async_graphql::ServerError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::body::{self, Asked};

/// The longest id of an operation, in bytes.
const ID_BYTES_MAX: usize = 256;

/// A message from the client.
pub(super) enum Incoming<'a> {
    /// Authenticates the client, with credentials such as `Bearer TOKEN` if the message has them.
    Init(Option<String>),
    /// Asks whether the server is there, with a payload to repeat in the answer.
    Ping(Option<&'a RawValue>),
    /// The answer to a ping.
    Pong,
    /// Starts an operation.
    Subscribe(Cow<'a, str>, Payload<'a>),
    /// Ends an operation.
    Complete(Cow<'a, str>),
}

/// The request of an operation, not parsed yet.
pub(super) struct Payload<'a>(&'a RawValue);

impl Payload<'_> {
    /// Parses it.
    pub(super) fn asked(&self) -> Result<Asked, ServerError> {
        body::parse(self.0.get().as_bytes())
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    /// Reads a message, or returns a short description of the fault.
    pub(super) fn read(text: &'a str) -> Result<Self, &'static str> {
        let Envelope { kind, id, payload } =
            serde_json::from_str(text).map_err(|_| "send messages as JSON objects with a type")?;
        let is_object = payload.is_none_or(|payload| payload.get().starts_with('{'));
        let id = id.filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX);
        match (&*kind, id, payload) {
            ("connection_init" | "ping" | "pong" | "subscribe", ..) if !is_object => {
                Err("the payload must be an object")
            }
            ("connection_init", ..) => Ok(Self::Init(payload.map(credentials).transpose()?.flatten())),
            ("ping", ..) => Ok(Self::Ping(payload)),
            ("pong", ..) => Ok(Self::Pong),
            ("subscribe", Some(id), Some(payload)) => Ok(Self::Subscribe(id, Payload(payload))),
            ("subscribe", None, _) => Err("an operation must have an id of 1 to 256 bytes"),
            ("subscribe", _, None) => Err("an operation must have a payload"),
            ("complete", Some(id), _) => Ok(Self::Complete(id)),
            ("complete", None, _) => Err("complete needs the id of the operation"),
            _ => Err("unknown type of message"),
        }
    }
}

/// The value of `authorization` in the first message. The name is not case-sensitive.
fn credentials(payload: &RawValue) -> Result<Option<String>, &'static str> {
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(payload.get()).map_err(|_| "the payload must be an object")?;
    let given = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    Ok(given.map(|(_, value)| value.as_str().unwrap_or_default().to_owned()))
}

/// A message from the server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    /// The client may start operations.
    ConnectionAck,
    /// The answer to a ping.
    Pong {
        /// The payload of the ping.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    },
    /// A response of an operation.
    Next {
        /// The id of the operation.
        id: &'a str,
        /// The response.
        payload: &'a Answer,
    },
    /// The reasons why an operation was not executed. It is the operation's last message.
    Error {
        /// The id of the operation.
        id: &'a str,
        /// The reasons.
        payload: &'a [ServerError],
    },
    /// The operation has no more responses.
    Complete {
        /// The id of the operation.
        id: &'a str,
    },
}

impl Outgoing<'_> {
    /// The message as JSON text.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).expect("a message serialises to JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_message_gets_a_reason() {
        for (text, why) in [
            ("", "send messages as JSON objects with a type"),
            ("[]", "send messages as JSON objects with a type"),
            ("{\"type\":1}", "send messages as JSON objects with a type"),
            ("{\"id\":\"1\"}", "send messages as JSON objects with a type"),
            ("{\"type\":\"ping\"} x", "send messages as JSON objects with a type"),
            ("{\"type\":\"start\",\"id\":\"1\",\"payload\":{}}", "unknown type of message"),
            ("{\"type\":\"next\",\"id\":\"1\",\"payload\":{}}", "unknown type of message"),
            ("{\"type\":\"ping\",\"payload\":1}", "the payload must be an object"),
            ("{\"type\":\"connection_init\",\"payload\":\"x\"}", "the payload must be an object"),
            ("{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":[]}", "the payload must be an object"),
            ("{\"type\":\"subscribe\",\"payload\":{}}", "an operation must have an id of 1 to 256 bytes"),
            ("{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{}}", "an operation must have an id of 1 to 256 bytes"),
            ("{\"type\":\"subscribe\",\"id\":\"1\"}", "an operation must have a payload"),
            ("{\"type\":\"complete\"}", "complete needs the id of the operation"),
        ] {
            assert_eq!(Incoming::read(text).err(), Some(why), "{text}");
        }
        let long = format!("{{\"type\":\"complete\",\"id\":\"{}\"}}", "x".repeat(257));
        assert!(Incoming::read(&long).is_err());
    }

    #[test]
    fn credentials_are_found_whatever_the_case_of_their_name() {
        for (payload, found) in [
            ("{}", None),
            ("null", None),
            ("{\"authorization\":\"Bearer x\"}", Some("Bearer x")),
            ("{\"more\":1,\"Authorization\":\"Bearer x\"}", Some("Bearer x")),
            ("{\"authorization\":7}", Some("")),
        ] {
            let text = format!("{{\"type\":\"connection_init\",\"payload\":{payload}}}");
            let Ok(Incoming::Init(credentials)) = Incoming::read(&text) else { panic!("{text}") };
            assert_eq!(credentials.as_deref(), found, "{text}");
        }
    }

    #[test]
    fn messages_are_written_as_the_protocol_says() {
        let payload: Box<RawValue> = serde_json::from_str("{\"n\": 1}").expect("JSON");
        for (message, written) in [
            (Outgoing::ConnectionAck, r#"{"type":"connection_ack"}"#),
            (Outgoing::Pong { payload: None }, r#"{"type":"pong"}"#),
            (Outgoing::Pong { payload: Some(&payload) }, r#"{"type":"pong","payload":{"n": 1}}"#),
            (Outgoing::Complete { id: "1" }, r#"{"type":"complete","id":"1"}"#),
            (Outgoing::Error { id: "1", payload: &[] }, r#"{"type":"error","id":"1","payload":[]}"#),
        ] {
            assert_eq!(message.written(), written);
        }
    }
}
