//! Opens the sealed texts of a person's events: every text of an export passes here.
//!
//! A text that was sealed for another person stays sealed, even if it stands in a case of this one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::keys::access_log::Kind;
use crate::keys::{Keys, Opened, open_text};
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::fact::identity::Part;
use throughline_domain::fact::sealed::Sealed;

/// The fields whose text holds several values, as JSON.
const OF_SEVERAL_VALUES: [&str; 3] = ["names", "address", "needs"];

/// Opens texts with the keys of one person, and remembers which.
#[derive(Debug)]
pub(super) struct Opener {
    /// The records of the person.
    people: BTreeSet<SubjectId>,
    /// None if the keys are away.
    keys: Option<Keys>,
    opened: BTreeMap<SubjectId, BTreeSet<Kind>>,
}

impl Opener {
    pub(super) fn of(people: BTreeSet<SubjectId>, keys: Option<Keys>) -> Self {
        Self { people, keys, opened: BTreeMap::new() }
    }

    /// The records of the person.
    pub(super) const fn people(&self) -> &BTreeSet<SubjectId> {
        &self.people
    }

    /// Whether the keys are away.
    pub(super) const fn is_without_keys(&self) -> bool {
        self.keys.is_none()
    }

    /// Whether a key of this person is there, and with it what it seals.
    pub(super) fn has_keys_of(&self, subject: SubjectId) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.keys().any(|name| name.subject == subject))
    }

    /// What was opened, by record.
    pub(super) fn into_opened(self) -> BTreeMap<SubjectId, BTreeSet<Kind>> {
        self.opened
    }

    /// A text as the export shows it: `text`, or why it stays sealed.
    pub(super) fn shown(&mut self, sealed: &Sealed) -> Value {
        let stays = |because: &str| json!({ "sealed": true, "because": because });
        if !self.people.contains(&sealed.subject) {
            return stays("it was recorded for another person");
        }
        let Some(keys) = &self.keys else { return stays("the key store is away") };
        let Opened::Text(text) = open_text(sealed, keys) else { return stays("it was erased") };
        let is_of_identity = Part::ALL.iter().any(|part| part.field() == sealed.field);
        let kind = if is_of_identity { Kind::Identity } else { Kind::Notes };
        self.opened.entry(sealed.subject).or_default().insert(kind);
        let several = OF_SEVERAL_VALUES.contains(&sealed.field.as_str()).then(|| serde_json::from_str(&text).ok());
        json!({ "text": several.flatten().unwrap_or(Value::String(text)) })
    }

    /// Replaces every sealed text of a payload by what the export shows.
    pub(super) fn open_all(&mut self, payload: &mut Value) {
        if payload.get("commitment").is_some()
            && let Ok(sealed) = Sealed::deserialize(&*payload)
        {
            *payload = self.shown(&sealed);
            return;
        }
        match payload {
            Value::Object(fields) => fields.values_mut().for_each(|value| self.open_all(value)),
            Value::Array(items) => items.iter_mut().for_each(|value| self.open_all(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use uuid::Uuid;

    use super::*;
    use crate::keys::{Class, KeyName, KeyVersion, SubjectKey};
    use throughline_domain::fact::envelope::{EventId, hex};
    use throughline_domain::fact::sealed::Place;

    fn person(number: u128) -> SubjectId {
        SubjectId(Uuid::from_u128(number))
    }

    fn sealed(subject: SubjectId, field: &str, text: &str) -> (Sealed, Keys) {
        let name = KeyName { subject, class: Class::Special, version: KeyVersion(1) };
        let key = SubjectKey::new(name, [7; 32]);
        let place = Place { event: EventId(Uuid::from_u128(9)), field, key: name };
        let sealed = Sealed {
            event: place.event,
            field: field.to_owned(),
            subject,
            class: name.class,
            key: name.version,
            sealed: BASE64.encode(key.seal(&place.binding(), text)),
            commitment: hex(&key.commitment()),
        };
        (sealed, Keys::from([(name, key)]))
    }

    #[test]
    fn a_text_of_the_person_is_opened_wherever_it_stands() {
        let (note, keys) = sealed(person(1), "note", "canary");
        let mut opener = Opener::of([person(1)].into(), Some(keys));
        let mut payload = json!({ "target": "x", "payload": { "channel": "phone", "notes": [note] } });
        opener.open_all(&mut payload);
        assert_eq!(
            payload,
            json!({ "target": "x", "payload": { "channel": "phone", "notes": [{ "text": "canary" }] } })
        );
        assert_eq!(opener.into_opened(), BTreeMap::from([(person(1), BTreeSet::from([Kind::Notes]))]));
    }

    #[test]
    fn names_are_shown_as_their_values() {
        let (names, keys) = sealed(person(1), "names", r#"{"given":"canary"}"#);
        let mut opener = Opener::of([person(1)].into(), Some(keys));
        assert_eq!(opener.shown(&names), json!({ "text": { "given": "canary" } }));
        assert_eq!(opener.into_opened(), BTreeMap::from([(person(1), BTreeSet::from([Kind::Identity]))]));
    }

    #[test]
    fn a_text_of_another_person_stays_sealed_although_its_key_is_there() {
        let (note, keys) = sealed(person(2), "note", "canary");
        let mut opener = Opener::of([person(1)].into(), Some(keys));
        assert_eq!(opener.shown(&note), json!({ "sealed": true, "because": "it was recorded for another person" }));
        assert!(opener.into_opened().is_empty());
    }

    #[test]
    fn a_text_without_a_key_says_why_it_stays_sealed() {
        let (note, _) = sealed(person(1), "note", "canary");
        let because = |keys: Option<Keys>| Opener::of([person(1)].into(), keys).shown(&note)["because"].clone();
        assert_eq!(because(None), "the key store is away");
        assert_eq!(because(Some(Keys::new())), "it was erased");
    }
}
