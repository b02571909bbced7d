//! The messages of `graphql-transport-ws`, read and written.
//!
//! Reading must cost little: the payload of an operation is left as text until there is a place for it.

use std::borrow::Cow;

use async_graphql::ServerError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::body::{self, Asked};

/// The longest id of an operation, in bytes.
const ID_BYTES_MAX: usize = 256;

/// What came.
pub(super) enum Incoming<'a> {
    /// Who is there, with credentials such as `Bearer TOKEN` if they are sent so.
    Init(Option<String>),
    /// A question whether we are there, with what the answer is to repeat.
    Ping(Option<&'a RawValue>),
    /// An answer to such a question.
    Pong,
    /// An operation.
    Subscribe(Cow<'a, str>, Payload<'a>),
    /// The end of an operation.
    Complete(Cow<'a, str>),
}

/// What an operation asks, not yet looked at.
pub(super) struct Payload<'a>(&'a RawValue);

impl Payload<'_> {
    /// Reads it.
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
    /// Reads a message, or says in a few words what is wrong with it.
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
            ("complete", None, _) => Err("say by its id which operation is complete"),
            _ => Err("this type of message is not known here"),
        }
    }
}

/// The value of `authorization` in the first message, however the name is capitalised.
fn credentials(payload: &RawValue) -> Result<Option<String>, &'static str> {
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(payload.get()).map_err(|_| "the payload must be an object")?;
    let given = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    Ok(given.map(|(_, value)| value.as_str().unwrap_or_default().to_owned()))
}

/// A message of our own.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    /// Operations may come.
    ConnectionAck,
    /// We are there.
    Pong {
        /// What the question had.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    },
    /// An answer.
    Next {
        /// Of which operation.
        id: &'a str,
        /// The answer.
        payload: &'a Answer,
    },
    /// Why an operation was not executed; its last message.
    Error {
        /// Which operation.
        id: &'a str,
        /// Why.
        payload: &'a [ServerError],
    },
    /// An operation has no more answers.
    Complete {
        /// Which operation.
        id: &'a str,
    },
}

impl Outgoing<'_> {
    /// The message as it is sent.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).expect("a message holds nothing but JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_told_why() {
        for (text, why) in [
            ("", "send messages as JSON objects with a type"),
            ("[]", "send messages as JSON objects with a type"),
            ("{\"type\":1}", "send messages as JSON objects with a type"),
            ("{\"id\":\"1\"}", "send messages as JSON objects with a type"),
            ("{\"type\":\"ping\"} x", "send messages as JSON objects with a type"),
            ("{\"type\":\"start\",\"id\":\"1\",\"payload\":{}}", "this type of message is not known here"),
            ("{\"type\":\"next\",\"id\":\"1\",\"payload\":{}}", "this type of message is not known here"),
            ("{\"type\":\"ping\",\"payload\":1}", "the payload must be an object"),
            ("{\"type\":\"connection_init\",\"payload\":\"x\"}", "the payload must be an object"),
            ("{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":[]}", "the payload must be an object"),
            ("{\"type\":\"subscribe\",\"payload\":{}}", "an operation must have an id of 1 to 256 bytes"),
            ("{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{}}", "an operation must have an id of 1 to 256 bytes"),
            ("{\"type\":\"subscribe\",\"id\":\"1\"}", "an operation must have a payload"),
            ("{\"type\":\"complete\"}", "say by its id which operation is complete"),
        ] {
            assert_eq!(Incoming::read(text).err(), Some(why), "{text}");
        }
        let long = format!("{{\"type\":\"complete\",\"id\":\"{}\"}}", "x".repeat(257));
        assert!(Incoming::read(&long).is_err());
    }

    #[test]
    fn credentials_are_found_however_their_name_is_capitalised() {
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
    fn messages_are_written_as_the_protocol_has_them() {
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
