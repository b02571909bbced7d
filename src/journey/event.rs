//! Every fact that Throughline records: the payloads, their names and how old shapes are read.
//!
//! Pure. A payload's meaning never changes: a new shape is a new schema version with an upcast and a golden file.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::log::envelope::{EventId, Precision, SpellId, StreamKind, SubjectId, WorkerId};

/// Declares the closed list of events: variant (also the type's name), stream kind and schema version.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident: $kind:ident v $version:literal;)*) => {
        /// A fact, as one of the closed list of types.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant carries the payload of the same name, documented there")]
        pub enum Event {
            $($name($name),)*
        }

        /// The name of an event type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each variant names the payload of the same name, documented there")]
        pub enum EventType {
            $($name,)*
        }

        impl EventType {
            /// Every type, in the order of the domain's table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in records, such as `ContactLogged`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The kind of stream that holds events of this type.
            pub const fn stream_kind(self) -> StreamKind {
                match self { $(Self::$name => StreamKind::$kind,)* }
            }

            /// The payload's present schema version.
            pub const fn schema_version(self) -> u16 {
                match self { $(Self::$name => $version,)* }
            }

            fn decode_present(self, payload: &str) -> serde_json::Result<Event> {
                match self { $(Self::$name => serde_json::from_str(payload).map(Event::$name),)* }
            }
        }

        impl Event {
            /// The type of this event.
            pub const fn event_type(&self) -> EventType {
                match self { $(Self::$name(_) => EventType::$name,)* }
            }

            /// The payload as it is stored.
            pub fn payload(&self) -> Box<RawValue> {
                match self { $(Self::$name(payload) => serde_json::value::to_raw_value(payload),)* }
                    .expect("payloads hold only what JSON can say")
            }
        }

        $(impl From<$name> for Event {
            fn from(payload: $name) -> Self {
                Self::$name(payload)
            }
        })*
    };
}

events! {
    ContractOpened: Contract v 1;
    RulebookPublished: Contract v 1;
    SubjectRegistered: Subject v 1;
    WorkerJoined: Worker v 1;
    ReferralReceived: Journey v 1;
    ReferralAccepted: Journey v 1;
    ReferralDeclined: Journey v 1;
    WorkerAssigned: Journey v 1;
    ContactLogged: Journey v 1;
    PlanAgreed: Journey v 1;
    SpellStarted: Journey v 1;
    SpellEnded: Journey v 1;
    Disengaged: Journey v 1;
    JourneyClosed: Journey v 1;
    FactCorrected: Journey v 1;
    FactRetracted: Journey v 1;
}

/// Turns the payload of one schema version into the next one's.
pub type Upcast = fn(Value) -> Value;

/// How payloads of earlier schema versions are read: (type, from version, to the next one).
///
/// Empty while every type stands at its first version.
pub const UPCASTS: &[(EventType, u16, Upcast)] = &[];

impl EventType {
    /// The type of this name, if this build knows it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event_type| event_type.as_str() == name)
    }

    /// The type's `CloudEvents` name, such as `throughline.journey.contact_logged.v1`.
    pub fn cloud_event_type(self, schema_version: u16) -> String {
        let kind = self.stream_kind().as_str();
        format!("throughline.{kind}.{}.v{schema_version}", self.snake_case())
    }

    /// Reads a `CloudEvents` type name back into type and schema version.
    pub fn from_cloud_event_type(name: &str) -> Option<(Self, u16)> {
        let (stem, version) = name.rsplit_once(".v")?;
        let version: u16 = version.parse().ok()?;
        let known = |event_type: &&Self| {
            let kind = event_type.stream_kind().as_str();
            stem.strip_prefix("throughline.")
                .and_then(|rest| rest.strip_prefix(kind))
                .and_then(|rest| rest.strip_prefix('.'))
                == Some(event_type.snake_case().as_str())
        };
        Self::ALL.iter().find(known).map(|event_type| (*event_type, version))
    }

    /// The name in snake case, such as `contact_logged`.
    pub fn snake_case(self) -> String {
        let mut name = String::new();
        for letter in self.as_str().chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// Whether a recorded event of this type may be corrected or retracted.
    ///
    /// Rulebooks are superseded, never corrected; a correction is itself superseded by the next one.
    pub const fn is_correctable(self) -> bool {
        matches!(self.stream_kind(), StreamKind::Journey) && !matches!(self, Self::FactCorrected | Self::FactRetracted)
    }
}

impl Event {
    /// Reads a recorded payload, carrying earlier schema versions forward.
    pub fn decode(name: &str, schema_version: u16, payload: &str) -> Result<Self, DecodeError> {
        let event_type = EventType::named(name).ok_or_else(|| DecodeError::UnknownType(name.to_owned()))?;
        let fault = |source| DecodeError::Payload { event_type, schema_version, source };
        if schema_version == event_type.schema_version() {
            return event_type.decode_present(payload).map_err(fault);
        }
        let old = serde_json::from_str(payload).map_err(fault)?;
        let present = carry_forward(UPCASTS, (event_type, event_type.schema_version()), schema_version, old)
            .ok_or(DecodeError::UnknownVersion { event_type, schema_version })?;
        event_type.decode_present(&present.to_string()).map_err(fault)
    }
}

/// Applies the upcasts from one version to the wanted one; none where a step is unknown.
fn carry_forward(
    upcasts: &[(EventType, u16, Upcast)],
    (event_type, wanted): (EventType, u16),
    from: u16,
    payload: Value,
) -> Option<Value> {
    if from > wanted {
        return None;
    }
    (from..wanted).try_fold(payload, |value, version| {
        let step = upcasts.iter().find(|(of, from, _)| *of == event_type && *from == version);
        step.map(|(_, _, upcast)| upcast(value))
    })
}

/// Why a recorded payload cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The type is none that this build knows.
    #[error("unknown event type {0:?}: this build is older than the log, or the file is not ours")]
    UnknownType(String),
    /// The version is none that this build knows.
    #[error("unknown schema version {schema_version} of {}: this build is older than the log", event_type.as_str())]
    UnknownVersion {
        /// The event's type.
        event_type: EventType,
        /// The version that was recorded.
        schema_version: u16,
    },
    /// The payload has another shape.
    #[error("payload of {} v{schema_version} cannot be read: {source}", event_type.as_str())]
    Payload {
        /// The event's type.
        event_type: EventType,
        /// The version that was recorded.
        schema_version: u16,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A contract between a commissioner and its providers begins here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractOpened {
    /// The short name in rulebooks, commands and URLs, such as `shps`.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Who is bound by it.
    #[serde(default)]
    pub parties: Vec<Party>,
    /// The first day of the contract.
    pub starts_on: NaiveDate,
    /// The last day of the contract, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
}

/// Somebody bound by a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "PartyForm")]
pub struct Party {
    /// The organisation.
    pub name: String,
    /// What it is in this contract: commissioner, provider, investor …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A party as it may be written: its name alone, or name and role.
#[derive(Deserialize)]
#[serde(untagged)]
enum PartyForm {
    Name(String),
    Whole { name: String, role: Option<String> },
}

impl From<PartyForm> for Party {
    fn from(form: PartyForm) -> Self {
        match form {
            PartyForm::Name(name) => Self { name, role: None },
            PartyForm::Whole { name, role } => Self { name, role },
        }
    }
}

/// A version of the contract's rules, whole, as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulebookPublished {
    /// The TOML text.
    pub content: String,
    /// SHA-256 over the RFC 8785 JSON of its parsed content, lower-case hexadecimal.
    pub hash: String,
}

/// What kind of subject a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// One person.
    Person,
    /// A family worked with as one.
    Family,
    /// A clinic, school or other place.
    Site,
    /// A district or province.
    Area,
}

/// A person, family, site or area is known to the deployment from here on, by a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectRegistered {
    /// What kind of subject it is.
    pub kind: SubjectKind,
}

/// A keyworker or other member of staff joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerJoined {
    /// The login in tokens, if they sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// What boards print, such as `KW-07`.
    pub label: String,
}

/// Who referred the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referrer {
    /// The organisation, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The kind of referrer, a code of the rulebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// The case number of another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalReference {
    /// The other system's name.
    pub system: String,
    /// The case number there: a pseudonym, never a national identifier.
    pub id: String,
}

/// A client is referred: the journey begins. Area and cohort are fixed here; only a correction changes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralReceived {
    /// Who is referred.
    pub subject: SubjectId,
    /// The service area, a code of the rulebook.
    pub area: String,
    /// The cohort, a code of the rulebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Who referred them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Referrer>,
    /// Case numbers of other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
}

/// The service takes the client on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralAccepted {}

/// The service does not take the client on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralDeclined {
    /// Why, a code of the rulebook's close reasons.
    pub reason: String,
}

/// The role in which a worker holds a case and that makes it their caseload.
pub const KEYWORKER: &str = "keyworker";

/// A worker takes the case; a new keyworker releases the former that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerAssigned {
    /// Who takes it.
    pub worker: WorkerId,
    /// In which role: `keyworker` and others.
    pub role: String,
}

/// Who began a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The service reached out.
    Outgoing,
    /// The service was reached.
    Incoming,
}

/// With whom a contact was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactWith {
    /// The client.
    Client,
    /// The client's family.
    Family,
    /// The client's carer.
    Carer,
    /// Another professional.
    Professional,
    /// The client's employer.
    Employer,
    /// The client's landlord.
    Landlord,
}

impl ContactWith {
    /// The kind as rulebooks spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Family => "family",
            Self::Carer => "carer",
            Self::Professional => "professional",
            Self::Employer => "employer",
            Self::Landlord => "landlord",
        }
    }
}

/// What became of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// They came.
    Attended,
    /// They did not come and had not said so.
    DidNotAttend,
    /// They called it off.
    CancelledByClient,
    /// The service called it off.
    CancelledByService,
    /// No appointment was offered.
    NotOffered,
    /// There was no appointment: a call, a letter.
    None,
}

/// A keyworker or colleague was, or tried to be, in touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactLogged {
    /// How: a code of the rulebook, such as `phone`.
    pub channel: String,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// With whom.
    pub with: ContactWith,
    /// What became of the appointment.
    pub attendance: Attendance,
    /// Whether they saw each other.
    #[serde(default)]
    pub face_to_face: bool,
    /// Whether both sides spoke or wrote.
    #[serde(default)]
    pub two_way: bool,
    /// Whether it was a group session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub group: bool,
    /// How long it took, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// The day the appointment had been made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_on: Option<NaiveDate>,
    /// Which worker; none where it was nobody of ours in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
}

/// Client and keyworker agree a plan, such as a Personal Housing Plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAgreed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
}

/// A decimal that JSON shows as a number, such as hours per week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(pub Decimal);

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(from)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            other => return Err(serde::de::Error::custom(format!("expected a decimal, found {other}"))),
        };
        let decimal = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
        decimal.map(Self).map_err(|_| serde::de::Error::custom(format!("{text:?} is not a decimal")))
    }
}

/// The value of a spell's attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    /// Yes or no.
    Flag(bool),
    /// A word or code.
    Text(String),
    /// A quantity.
    Quantity(Quantity),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Quantity(quantity) => quantity.fmt(f),
        }
    }
}

/// A job, home, placement or course begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellStarted {
    /// The spell's own id, by which it is ended.
    pub spell: SpellId,
    /// What it is a spell of: a code of the rulebook, such as `accommodation`.
    pub domain: String,
    /// The employer or landlord, by a pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employer_ref: Option<String>,
    /// Hours of work a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_per_week: Option<Quantity>,
    /// What else is known of it, such as `secured_as: kept`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
}

/// A spell no longer holds: `occurred_on` is the first day on which it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellEnded {
    /// Which spell.
    pub spell: SpellId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The client is no longer engaging: a dated mark, the case stays on the caseload until it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disengaged {
    /// Why, a code of the rulebook.
    pub reason: String,
    /// When they were last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_on: Option<NaiveDate>,
}

/// The case is closed: it leaves the caseload, its spells may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JourneyClosed {
    /// Why, a code of the rulebook.
    pub reason: String,
    /// Where the client went, in the service's own words for destinations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// What was recorded was not so: here is the whole fact as it should read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactCorrected {
    /// The original event, never another correction.
    pub target: EventId,
    /// When it was really so.
    pub occurred_on: NaiveDate,
    /// How exactly that day is known.
    #[serde(default)]
    pub precision: Precision,
    /// The local time of that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_time: Option<NaiveTime>,
    /// The version of the replacement's shape.
    #[serde(default = "first_version")]
    pub schema_version: u16,
    /// The whole replacement payload, of the target's type.
    pub payload: Value,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

const fn first_version() -> u16 {
    1
}

/// What was recorded never was so: the fact goes, with its corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactRetracted {
    /// The original event.
    pub target: EventId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_event_type_reads_back() {
        for event_type in EventType::ALL {
            let name = event_type.cloud_event_type(1);
            assert_eq!(EventType::from_cloud_event_type(&name), Some((*event_type, 1)));
        }
        assert_eq!(EventType::ContactLogged.cloud_event_type(1), "throughline.journey.contact_logged.v1");
        assert_eq!(EventType::from_cloud_event_type("throughline.contract.contact_logged.v1"), None);
    }

    #[test]
    fn an_earlier_shape_is_carried_forward_step_by_step() {
        let upcasts: &[(EventType, u16, Upcast)] = &[
            (EventType::PlanAgreed, 2, |old| serde_json::json!({ "kind": old["plan_kind"] })),
            (EventType::PlanAgreed, 1, |old| serde_json::json!({ "plan_kind": old["plan"] })),
        ];
        let carry = |from| carry_forward(upcasts, (EventType::PlanAgreed, 3), from, serde_json::json!({"plan": "php"}));
        assert_eq!(carry(1), Some(serde_json::json!({"kind": "php"})));
        assert_eq!(carry(0), None, "a step that nobody wrote");
        assert_eq!(carry(4), None, "a shape from the future");
    }

    #[test]
    fn a_type_or_version_of_a_later_build_is_named() {
        let later = Event::decode("PlanAgreed", 2, r#"{"kind":"php"}"#);
        assert!(matches!(later, Err(DecodeError::UnknownVersion { schema_version: 2, .. })));
        assert!(matches!(Event::decode("PlanShredded", 1, "{}"), Err(DecodeError::UnknownType(_))));
    }

    #[test]
    fn hours_are_a_number_in_json_and_exact_here() {
        let quantity: Quantity = serde_json::from_str("16.31").expect("a decimal");
        assert_eq!(serde_json::to_string(&quantity).expect("a number"), "16.31");
        assert_eq!(quantity.0, Decimal::new(1631, 2));
    }
}
