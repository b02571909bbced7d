//! Text about a person: clear in a command, sealed in the log.
//!
//! Pure types. This module never seals and never opens: the service does, with the key of the person. Clear text never
//! shows in debug output. The spelling of [`Sealed`] must never change, because it stands in records.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fact::envelope::{EventId, SubjectId};

/// What a key of a person opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Who the person is: names, birth date, contact details, identifiers.
    Identity,
    /// What is said about the person: notes and needs.
    Special,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 2] = [Self::Identity, Self::Special];

    /// The class, as written in records and in the key store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Special => "special",
        }
    }
}

/// The version of a person's key, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyVersion(pub u32);

/// The name of one key: the person, what it opens, and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// The person.
    pub subject: SubjectId,
    /// What the key opens.
    pub class: Class,
    /// The version of the key.
    pub version: KeyVersion,
}

/// The place that a sealed text belongs to. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The event that the text was sealed for.
    pub event: EventId,
    /// The path of the field in the payload of that event.
    pub field: &'a str,
    /// The key.
    pub key: KeyName,
}

impl Place<'_> {
    /// The bytes that sealing binds a text to: event, field, person and version of the key.
    pub fn binding(&self) -> Vec<u8> {
        let length = u32::try_from(self.field.len()).expect("a path of a field is short");
        let mut bytes = Vec::with_capacity(16 + 4 + self.field.len() + 16 + 4);
        bytes.extend_from_slice(self.event.0.as_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.field.as_bytes());
        bytes.extend_from_slice(self.key.subject.0.as_bytes());
        bytes.extend_from_slice(&self.key.version.0.to_be_bytes());
        bytes
    }
}

/// A sealed text, as records hold it. It names all that opens it, so that a correction can copy it unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The event that it was sealed for.
    pub event: EventId,
    /// The path of the field in the payload of that event, such as `note` or `actions.0.note`.
    pub field: String,
    /// The person whose key opens it.
    pub subject: SubjectId,
    /// The class of the key.
    pub class: Class,
    /// The version of the key.
    pub key: KeyVersion,
    /// Nonce, sealed text and tag of AES-256-GCM, in base64.
    pub sealed: String,
    /// A commitment to the key: SHA-256 over a label and the key, in lower-case hexadecimal.
    pub commitment: String,
}

impl Sealed {
    /// The name of the key that opens it.
    pub const fn key_name(&self) -> KeyName {
        KeyName { subject: self.subject, class: self.class, version: self.key }
    }

    /// The place that it belongs to.
    pub fn place(&self) -> Place<'_> {
        Place { event: self.event, field: &self.field, key: self.key_name() }
    }
}

/// A text about a person that is not sealed yet. Only commands hold it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearText {
    clear_text: String,
    class: Class,
}

impl ClearText {
    /// A text that is sealed under the key of this class.
    pub const fn new(text: String, class: Class) -> Self {
        Self { clear_text: text, class }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.clear_text
    }

    /// The class of the key that seals it.
    pub const fn class(&self) -> Class {
        self.class
    }
}

impl fmt::Debug for ClearText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClearText(secret)")
    }
}

/// The field by which clear text in a payload is found. No attribute has this name.
pub(crate) const CLEAR: &str = "clear_text";

/// A text about a person in a payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PersonalText {
    /// As the log holds it.
    Sealed(Box<Sealed>),
    /// As a command gives it.
    Clear(Box<ClearText>),
}

impl PersonalText {
    /// A note, or another text of the class `special`.
    pub fn special(text: String) -> Self {
        Self::Clear(Box::new(ClearText::new(text, Class::Special)))
    }

    /// A text that says who the person is.
    pub fn identity(text: String) -> Self {
        Self::Clear(Box::new(ClearText::new(text, Class::Identity)))
    }

    /// The sealed text, if it is sealed.
    pub fn sealed(&self) -> Option<&Sealed> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            Self::Clear(_) => None,
        }
    }

    /// The clear text, if it is not sealed.
    pub fn clear(&self) -> Option<&ClearText> {
        match self {
            Self::Sealed(_) => None,
            Self::Clear(clear) => Some(clear),
        }
    }
}

/// Whether a value of a payload is clear text.
pub fn is_clear_text(value: &Value) -> bool {
    value.get(CLEAR).is_some()
}

/// Whether a payload holds clear text. It must be sealed before it becomes a record.
pub fn holds_clear_text(payload: &str) -> bool {
    payload.contains("\"clear_text\"")
        && serde_json::from_str(payload).is_ok_and(|payload: Value| !classes_of(&payload).is_empty())
}

/// The classes of the clear texts in a value of a payload.
pub fn classes_of(value: &Value) -> BTreeSet<Class> {
    if is_clear_text(value)
        && let Ok(clear) = ClearText::deserialize(value)
    {
        return BTreeSet::from([clear.class]);
    }
    match value {
        Value::Object(fields) => fields.values().flat_map(classes_of).collect(),
        Value::Array(items) => items.iter().flat_map(classes_of).collect(),
        _ => BTreeSet::new(),
    }
}

/// A payload for debug output. Clear text is left out.
pub struct WithoutClearText<'a>(pub &'a Value);

impl fmt::Debug for WithoutClearText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        let hidden: Result<(), fmt::Error> = each_clear_text(&mut shown, &mut |_, _| Ok("secret".into()));
        hidden?;
        shown.fmt(f)
    }
}

/// Replaces every clear text of a payload. The function gets the path of the field and the text.
pub fn each_clear_text<E>(
    payload: &mut Value,
    replace: &mut impl FnMut(&str, &ClearText) -> Result<Value, E>,
) -> Result<(), E> {
    walk(payload, &mut String::new(), replace)
}

fn walk<E>(
    value: &mut Value,
    path: &mut String,
    replace: &mut impl FnMut(&str, &ClearText) -> Result<Value, E>,
) -> Result<(), E> {
    if is_clear_text(value)
        && let Ok(clear) = ClearText::deserialize(&*value)
    {
        *value = replace(path, &clear)?;
        return Ok(());
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields.iter_mut() {
                beneath(path, name, |path| walk(inner, path, replace))?;
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                beneath(path, &index.to_string(), |path| walk(inner, path, replace))?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn beneath<T>(path: &mut String, step: &str, then: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(step);
    let done = then(path);
    path.truncate(length);
    done
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn sealed() -> Sealed {
        Sealed {
            event: EventId(Uuid::from_u128(1)),
            field: "note".to_owned(),
            subject: SubjectId(Uuid::from_u128(2)),
            class: Class::Special,
            key: KeyVersion(1),
            sealed: "AAAA".to_owned(),
            commitment: "00".to_owned(),
        }
    }

    #[test]
    fn the_record_of_a_sealed_text_never_changes_its_bytes() {
        let text = serde_json::to_string(&PersonalText::Sealed(Box::new(sealed()))).expect("JSON");
        let golden = r#"{"event":"00000000-0000-0000-0000-000000000001","field":"note","subject":"00000000-0000-0000-0000-000000000002","class":"special","key":1,"sealed":"AAAA","commitment":"00"}"#;
        assert_eq!(text, golden);
        assert_eq!(
            serde_json::from_str::<PersonalText>(golden).expect("it reads back"),
            PersonalText::Sealed(Box::new(sealed()))
        );
    }

    #[test]
    fn clear_text_does_not_show_in_debug_output() {
        let note = PersonalText::special("canary".to_owned());
        assert!(!format!("{note:?}").contains("canary"));
    }

    #[test]
    fn every_clear_text_is_found_wherever_it_stands() {
        let note = |text: &str| serde_json::to_value(PersonalText::special(text.to_owned())).expect("JSON");
        let mut payload = json!({ "payload": { "actions": [{ "note": note("one") }], "note": note("two") }, "a": 1 });
        assert!(holds_clear_text(&payload.to_string()));
        assert_eq!(classes_of(&payload), [Class::Special].into());
        let mut found = Vec::new();
        let replaced: Result<(), ()> = each_clear_text(&mut payload, &mut |path, clear| {
            found.push((path.to_owned(), clear.text().to_owned()));
            Ok(Value::Null)
        });
        assert_eq!(replaced, Ok(()));
        let found: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(found, [("payload.actions.0.note", "one"), ("payload.note", "two")]);
        assert!(!holds_clear_text(&payload.to_string()));
        assert!(!holds_clear_text(r#"{"reason":"{\"clear_text\":\"a\"}","clear_text":5}"#), "nothing to seal");
        assert!(holds_clear_text(r#"{"note":{ "class" : "special", "clear_text" : "a" }}"#), "however it is written");
    }

    #[test]
    fn the_binding_names_event_field_person_and_version() {
        let sealed = sealed();
        let binding = |change: fn(&mut Sealed)| {
            let mut other = sealed.clone();
            change(&mut other);
            other.place().binding()
        };
        let same = binding(|_| {});
        for change in [
            (|other| other.event = EventId(Uuid::from_u128(9))) as fn(&mut Sealed),
            |other| other.field = "notes".to_owned(),
            |other| other.subject = SubjectId(Uuid::from_u128(9)),
            |other| other.key = KeyVersion(2),
        ] {
            assert_ne!(binding(change), same);
        }
    }
}
