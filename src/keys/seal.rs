//! Seals the clear text of an event before it becomes a record, and opens it for those who may.
//!
//! It fetches no keys and decides no access.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::{Keys, SubjectKey};
use throughline_domain::fact::envelope::EventId;
use throughline_domain::fact::event::{DecodeError, Event};
use throughline_domain::fact::sealed::{Class, ClearText, Place, Sealed, each_clear_text};

/// Why the clear text of an event was not sealed. The event must then not become a record.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    /// No key of this class was fetched for the command.
    #[error("no key of the class {} was fetched for this command", .0.as_str())]
    NoKey(Class),
    /// The sealed payload cannot be read back.
    #[error("the sealed payload cannot be read back")]
    Decode(#[from] DecodeError),
    /// The payload cannot be read as JSON.
    #[error("the payload is not JSON")]
    Json(#[from] serde_json::Error),
}

/// A text as somebody may see it.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened {
    /// The text.
    Text(String),
    /// It stays sealed: its key was destroyed, or the key store is away.
    Sealed,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Opened(secret)",
            Self::Sealed => "Sealed",
        })
    }
}

/// The event with every clear text sealed for this event id, under these keys of one person.
pub fn seal_event(event: &Event, id: EventId, keys: &[SubjectKey]) -> Result<Event, NotSealed> {
    let mut payload: Value = serde_json::from_str(event.payload().get())?;
    each_clear_text(&mut payload, &mut |field, clear| {
        let key = keys.iter().find(|key| key.name().class == clear.class());
        let key = key.ok_or(NotSealed::NoKey(clear.class()))?;
        Ok::<_, NotSealed>(serde_json::to_value(sealed(Place { event: id, field, key: key.name() }, clear, key))?)
    })?;
    let event_type = event.event_type();
    Ok(Event::decode(event_type.as_str(), event_type.schema_version(), &payload.to_string())?)
}

fn sealed(place: Place<'_>, clear: &ClearText, key: &SubjectKey) -> Sealed {
    let commitment = key.commitment().iter().map(|byte| format!("{byte:02x}")).collect();
    Sealed {
        event: place.event,
        field: place.field.to_owned(),
        subject: place.key.subject,
        class: place.key.class,
        key: place.key.version,
        sealed: BASE64.encode(key.seal(&place.binding(), clear.text())),
        commitment,
    }
}

/// Opens a sealed text with the keys that were fetched.
pub fn open_text(sealed: &Sealed, keys: &Keys) -> Opened {
    let opened = keys.get(&sealed.key_name()).and_then(|key| {
        let bytes = BASE64.decode(&sealed.sealed).ok()?;
        key.open(&sealed.place().binding(), &bytes).ok()
    });
    opened.map_or(Opened::Sealed, Opened::Text)
}
