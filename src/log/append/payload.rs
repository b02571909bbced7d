//! The payload of a new event: ready, or with parts that are sealed once the event has its id.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use throughline_domain::fact::envelope::EventId;
use throughline_domain::fact::sealed::holds_clear_text;

/// A fault while a payload is completed.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A payload with a text about a person that nobody sealed. It must not become a record.
#[derive(Debug, thiserror::Error)]
#[error("the payload of a new event holds a text about a person that is not sealed: this is a fault of the program")]
struct HoldsClearText;

/// A payload with parts that depend on the id of its event. It must be quick and must not wait for anything.
pub trait Unsealed: Send + Sync + 'static {
    /// The payload of the event with this id.
    fn payload(&self, event: EventId) -> Result<Box<RawValue>, Fault>;
}

/// The payload of a new event.
#[derive(Clone)]
pub enum Payload {
    /// It is complete.
    Ready(Box<RawValue>),
    /// It is completed when its event has an id. Its content never shows in debug output.
    Unsealed(Arc<dyn Unsealed>),
}

impl Payload {
    /// The payload of the event with this id. One that is ready never holds clear text about a person.
    pub(super) fn complete(self, event: EventId) -> Result<Box<RawValue>, Fault> {
        match self {
            Self::Ready(payload) if holds_clear_text(payload.get()) => Err(HoldsClearText.into()),
            Self::Ready(payload) => Ok(payload),
            Self::Unsealed(unsealed) => unsealed.payload(event),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(payload) if holds_clear_text(payload.get()) => f.write_str("Ready(secret)"),
            Self::Ready(payload) => f.write_str(payload.get()),
            Self::Unsealed(_) => f.write_str("Unsealed(secret)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn clear_text_never_becomes_a_record() {
        let complete = |payload: &str| {
            let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
            Payload::Ready(payload).complete(EventId(Uuid::nil()))
        };
        let fault = complete(r#"{"note":{"clear_text":"canary","class":"special"}}"#).expect_err("it is clear");
        assert!(!fault.to_string().contains("canary"));
        assert!(complete(r#"{"note":{"sealed":"AAAA","class":"special"}}"#).is_ok());
    }
}
