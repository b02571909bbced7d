//! Seals the clear text of an event before it becomes a record, and opens it for those who may.
//!
//! It fetches no keys and decides no access.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::{Keys, SubjectKey};
use throughline_domain::fact::envelope::{EventId, hex};
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

/// A text in the form in which a caller may see it.
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
    Sealed {
        event: place.event,
        field: place.field.to_owned(),
        subject: place.key.subject,
        class: place.key.class,
        key: place.key.version,
        sealed: BASE64.encode(key.seal(&place.binding(), clear.text())),
        commitment: hex(&key.commitment()),
    }
}

/// The key that a text was sealed with, if it is among these. A key of the same name that the text is not committed to,
/// such as one of another key store, is not.
pub fn key_of<'a>(sealed: &Sealed, keys: &'a Keys) -> Option<&'a SubjectKey> {
    keys.get(&sealed.key_name()).filter(|key| hex(&key.commitment()) == sealed.commitment)
}

/// Opens a sealed text with the keys that were fetched.
pub fn open_text(sealed: &Sealed, keys: &Keys) -> Opened {
    let opened = key_of(sealed, keys).and_then(|key| {
        let bytes = BASE64.decode(&sealed.sealed).ok()?;
        key.open(&sealed.place().binding(), &bytes).ok()
    });
    opened.map_or(Opened::Sealed, Opened::Text)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use throughline_domain::fact::envelope::SubjectId;
    use throughline_domain::fact::sealed::{KeyName, KeyVersion};

    #[test]
    fn a_text_opens_only_with_the_key_that_it_is_committed_to() {
        let name = KeyName { subject: SubjectId(Uuid::from_u128(2)), class: Class::Special, version: KeyVersion(1) };
        let key = SubjectKey::new(name, [7; 32]);
        let place = Place { event: EventId(Uuid::from_u128(1)), field: "note", key: name };
        let text = sealed(place, &ClearText::new("canary".to_owned(), Class::Special), &key);
        let keys = Keys::from([(name, key)]);
        assert!(open_text(&text, &keys) == Opened::Text("canary".to_owned()));
        let of_another_store = Keys::from([(name, SubjectKey::new(name, [8; 32]))]);
        assert!(key_of(&text, &of_another_store).is_none());
        assert!(open_text(&text, &of_another_store) == Opened::Sealed);
        let changed = Sealed { commitment: "00".to_owned(), ..text };
        assert!(open_text(&changed, &keys) == Opened::Sealed, "the commitment is checked");
    }
}
