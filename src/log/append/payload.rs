//! The payload of a new event: ready, or with parts that are sealed once the event has its id.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use throughline_domain::fact::envelope::EventId;

/// A fault while a payload is completed.
type Fault = Box<dyn std::error::Error + Send + Sync>;

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
    /// The payload of the event with this id.
    pub(super) fn complete(self, event: EventId) -> Result<Box<RawValue>, Fault> {
        match self {
            Self::Ready(payload) => Ok(payload),
            Self::Unsealed(unsealed) => unsealed.payload(event),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(payload) => f.write_str(payload.get()),
            Self::Unsealed(_) => f.write_str("Unsealed(secret)"),
        }
    }
}
