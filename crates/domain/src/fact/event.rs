//! Every fact that Throughline records: the payloads, their names, and how older versions are read.
//!
//! Pure. The meaning of a payload never changes. A new shape is a new schema version with an upcast and a golden file.

mod access;
mod batch;
mod contract;
mod facts;
mod imports;
mod offer;
mod people;
mod value;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;
use serde_json::value::RawValue;

pub use self::access::*;
pub use self::batch::*;
pub use self::contract::*;
pub use self::facts::*;
pub use self::imports::*;
pub use self::offer::*;
pub use self::people::*;
pub use self::value::*;
use crate::fact::envelope::StreamKind;
use crate::fact::identity::Part;
use crate::fact::sealed::PersonalText;

/// Declares the closed list of events: the variant (also the name of the type), the kinds of stream that hold it, and
/// its schema version.
macro_rules! events {
    ($($name:ident: $($kind:ident)|+ v $version:literal;)*) => {
        /// A fact of one of the listed types.
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
            /// Every type, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in records, such as `ContactLogged`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The kinds of stream that hold events of this type.
            pub const fn stream_kinds(self) -> &'static [StreamKind] {
                match self { $(Self::$name => &[$(StreamKind::$kind),+],)* }
            }

            /// The current schema version of the payload.
            pub const fn schema_version(self) -> u16 {
                match self { $(Self::$name => $version,)* }
            }

            /// Reads a payload of the current schema version.
            pub fn read<'de, D: serde::Deserializer<'de>>(self, from: D) -> Result<Event, D::Error> {
                match self { $(Self::$name => serde::Deserialize::deserialize(from).map(Event::$name),)* }
            }

            fn decode_present(self, payload: &str) -> serde_json::Result<Event> {
                let mut from = serde_json::Deserializer::from_str(payload);
                let event = self.read(&mut from)?;
                from.end().map(|()| event)
            }
        }

        impl Event {
            /// The type of this event.
            pub const fn event_type(&self) -> EventType {
                match self { $(Self::$name(_) => EventType::$name,)* }
            }

            /// The stored payload.
            pub fn payload(&self) -> Box<RawValue> {
                match self { $(Self::$name(payload) => serde_json::value::to_raw_value(payload),)* }
                    .expect("every payload can be written as JSON")
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
    ReferralReceived: Journey v 1;
    ReferralAccepted: Journey v 1;
    ReferralDeclined: Journey v 1;
    ReferralWithdrawn: Journey v 1;
    EligibilityAssessed: Journey v 1;
    WorkerAssigned: Journey v 1;
    WorkerReleased: Journey v 1;
    AppointmentBooked: Journey v 1;
    AppointmentMoved: Journey v 1;
    AppointmentCancelled: Journey v 1;
    ContactLogged: Journey v 2;
    EngagementStarted: Journey v 1;
    PlanAgreed: Journey v 2;
    PlanReviewed: Journey v 2;
    PlanClosed: Journey v 2;
    TaskSet: Journey v 2;
    TaskDone: Journey v 2;
    TaskCancelled: Journey v 2;
    AssessmentScored: Journey | Worker v 1;
    SpellStarted: Journey v 2;
    SpellChanged: Journey v 2;
    SpellEnded: Journey v 2;
    MeasureRecorded: Journey | Contract v 1;
    AchievementRecorded: Journey v 1;
    RiskRaised: Journey v 1;
    RiskCleared: Journey v 1;
    EvidenceAttached: Journey v 1;
    EvidenceWithdrawn: Journey v 1;
    EvidenceVerified: Journey v 1;
    EvidenceRejected: Journey v 1;
    Disengaged: Journey v 1;
    JourneyClosed: Journey v 1;
    JourneyReopened: Journey v 1;
    JourneyTransferred: Journey v 1;
    FactCorrected: Journey | Subject | Contract | Worker | Team v 1;
    FactRetracted: Journey | Subject | Contract | Worker | Team v 1;
    SubjectRegistered: Subject v 1;
    IdentitySealed: Subject v 1;
    IdentityRevealed: Subject v 1;
    RevealEnded: Subject v 1;
    SubjectsLinked: Subject v 1;
    SubjectsUnlinked: Subject v 1;
    DuplicateDismissed: Subject v 1;
    ConsentGiven: Subject v 1;
    ConsentWithdrawn: Subject v 1;
    LegalHoldPlaced: Subject v 1;
    LegalHoldLifted: Subject v 1;
    ErasureProposed: Subject v 1;
    ErasureApproved: Subject v 1;
    SubjectErased: Subject v 1;
    ContractOpened: Contract v 1;
    ContractVaried: Contract v 1;
    ContractEnded: Contract v 1;
    RulebookPublished: Contract v 1;
    TargetsPublished: Contract v 3;
    CommentaryRecorded: Contract v 1;
    PeriodClosed: Contract v 2;
    ReportSubmitted: Contract v 1;
    KpiAssessed: Contract v 2;
    NoticeIssued: Contract v 2;
    ActionAgreed: Contract v 1;
    ActionCompleted: Contract v 1;
    DoubleFundingDismissed: Contract v 1;
    BatchOpened: Batch v 1;
    BatchSubmitted: Batch v 1;
    ClaimAccepted: Batch v 1;
    ClaimQueried: Batch v 1;
    ClaimRejected: Batch v 1;
    ClaimResubmitted: Batch v 1;
    ClaimWithdrawn: Batch v 1;
    PaymentReceived: Batch v 1;
    AdjustmentRaised: Batch v 1;
    WorkerJoined: Worker v 1;
    WorkerLeft: Worker v 1;
    WteSet: Worker v 1;
    AbsenceRecorded: Worker v 1;
    TeamSet: Team v 1;
    CapacitySet: Worker | Team v 1;
    VacancyOpened: Team v 1;
    VacancyFilled: Team v 1;
    CoverStarted: Team v 1;
    CoverEnded: Team v 1;
    RoleGranted: Deployment v 1;
    RoleRevoked: Deployment v 1;
    SessionsRevoked: Deployment v 1;
    ApiKeyIssued: Deployment v 1;
    ApiKeyRevoked: Deployment v 1;
    ReferralOffered: Offer v 1;
    OfferAccepted: Offer v 1;
    OfferLinked: Offer v 1;
    OfferDeclined: Offer v 1;
    OfferWithdrawn: Offer v 1;
    SourceRegistered: Import v 1;
    ImportRun: Import v 1;
    RowMissing: Import v 1;
    RowReturned: Import v 1;
}

/// A text about a person, with the path of its field.
pub type FieldText<'a> = (Cow<'static, str>, &'a PersonalText);

/// Converts the payload of one schema version into that of the next.
pub type Upcast = fn(Value) -> Value;

/// The upcasts of earlier schema versions: the type, the version it reads, and the conversion to the next version.
///
/// The first version of targets gave every series by month, as the second still may. The first version of a closed
/// period had no documents, as the second still may. The first version of the facts below had no note and no agreed
/// actions, as the second still may. Cohorts of targets, reasons of assessments and indicators of notices came later too.
pub const UPCASTS: &[(EventType, u16, Upcast)] = &[
    (EventType::TargetsPublished, 1, |by_month| by_month),
    (EventType::TargetsPublished, 2, |of_no_cohort| of_no_cohort),
    (EventType::PeriodClosed, 1, |undocumented| undocumented),
    (EventType::KpiAssessed, 1, |without_reason| without_reason),
    (EventType::NoticeIssued, 1, |of_no_indicator| of_no_indicator),
    (EventType::ContactLogged, 1, |without_note| without_note),
    (EventType::PlanAgreed, 1, |without_note| without_note),
    (EventType::PlanReviewed, 1, |without_note| without_note),
    (EventType::PlanClosed, 1, |without_note| without_note),
    (EventType::TaskSet, 1, |without_note| without_note),
    (EventType::TaskDone, 1, |without_note| without_note),
    (EventType::TaskCancelled, 1, |without_note| without_note),
    (EventType::SpellStarted, 1, |without_note| without_note),
    (EventType::SpellChanged, 1, |without_note| without_note),
    (EventType::SpellEnded, 1, |without_note| without_note),
];

impl EventType {
    /// The type with this name, if this build knows it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event_type| event_type.as_str() == name)
    }

    /// The `CloudEvents` type of such an event in a stream of this kind, such as
    /// `throughline.journey.contact_logged.v1`.
    pub fn cloud_event_type(self, kind: StreamKind, schema_version: u16) -> String {
        format!("throughline.{}.{}.v{schema_version}", kind.as_str(), self.snake_case())
    }

    /// Reads a `CloudEvents` type name back into type, kind of stream and schema version.
    pub fn from_cloud_event_type(name: &str) -> Option<(Self, StreamKind, u16)> {
        let (stem, version) = name.strip_prefix("throughline.")?.rsplit_once(".v")?;
        let version: u16 = version.parse().ok()?;
        let (kind, snake_case) = stem.split_once('.')?;
        let kind: StreamKind = kind.parse().ok()?;
        let known =
            |event_type: &&Self| event_type.stream_kinds().contains(&kind) && event_type.snake_case() == snake_case;
        Self::ALL.iter().find(known).map(|event_type| (*event_type, kind, version))
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

    /// Whether an event of this type may be corrected or retracted.
    ///
    /// A later decision supersedes rulebooks, targets, periods and batches. Unlinking undoes a link, and a link a
    /// dismissal. An erasure is decided by two people. A right is granted anew or revoked, and a reveal is ended. A
    /// partner sends a referral again, and the next run of an import says what has changed. A new correction supersedes
    /// the earlier one.
    pub const fn is_correctable(self) -> bool {
        !matches!(
            self,
            Self::FactCorrected
                | Self::FactRetracted
                | Self::RulebookPublished
                | Self::TargetsPublished
                | Self::PeriodClosed
                | Self::SubjectsLinked
                | Self::SubjectsUnlinked
                | Self::DuplicateDismissed
                | Self::ErasureProposed
                | Self::ErasureApproved
                | Self::IdentityRevealed
                | Self::RevealEnded
                | Self::SubjectErased
                | Self::BatchOpened
                | Self::BatchSubmitted
                | Self::ClaimAccepted
                | Self::ClaimQueried
                | Self::ClaimRejected
                | Self::ClaimResubmitted
                | Self::ClaimWithdrawn
                | Self::PaymentReceived
                | Self::AdjustmentRaised
                | Self::RoleGranted
                | Self::RoleRevoked
                | Self::SessionsRevoked
                | Self::ApiKeyIssued
                | Self::ApiKeyRevoked
                | Self::ReferralOffered
                | Self::OfferAccepted
                | Self::OfferLinked
                | Self::OfferDeclined
                | Self::OfferWithdrawn
                | Self::SourceRegistered
                | Self::ImportRun
                | Self::RowMissing
                | Self::RowReturned
        )
    }
}

impl Event {
    /// The texts about a person in this fact, each with the path of its field.
    pub fn personal_texts(&self) -> Vec<FieldText<'_>> {
        fn note(note: Option<&PersonalText>) -> Vec<FieldText<'_>> {
            note.into_iter().map(|text| (Cow::Borrowed("note"), text)).collect()
        }
        fn plan<'a>(actions: &'a [PersonalText], own: Option<&'a PersonalText>) -> Vec<FieldText<'a>> {
            let actions = actions.iter().enumerate();
            let actions = actions.map(|(index, text)| (Cow::Owned(format!("actions.{index}")), text));
            actions.chain(note(own)).collect()
        }
        match self {
            Self::ContactLogged(fact) => note(fact.note.as_ref()),
            Self::PlanAgreed(fact) => plan(&fact.actions, fact.note.as_ref()),
            Self::PlanReviewed(fact) => plan(&fact.actions, fact.note.as_ref()),
            Self::PlanClosed(fact) => note(fact.note.as_ref()),
            Self::TaskSet(fact) => note(fact.note.as_ref()),
            Self::TaskDone(fact) => note(fact.note.as_ref()),
            Self::TaskCancelled(fact) => note(fact.note.as_ref()),
            Self::SpellStarted(fact) => note(fact.note.as_ref()),
            Self::SpellChanged(fact) => note(fact.note.as_ref()),
            Self::SpellEnded(fact) => note(fact.note.as_ref()),
            Self::IdentitySealed(fact) => {
                let said = Part::ALL.iter().map(|part| (part.field(), fact.part(*part)));
                said.filter_map(|(field, said)| match said {
                    Patched::Becomes(text) => Some((Cow::Borrowed(field), text)),
                    Patched::Stays | Patched::Cleared => None,
                })
                .collect()
            }
            _ => Vec::new(),
        }
    }

    /// The contract of a fact about an import.
    pub fn contract_of_import(&self) -> Option<&str> {
        match self {
            Self::SourceRegistered(fact) => Some(&fact.contract),
            Self::ImportRun(fact) => Some(&fact.contract),
            Self::RowMissing(fact) => Some(&fact.contract),
            Self::RowReturned(fact) => Some(&fact.contract),
            _ => None,
        }
    }

    /// Reads a recorded payload and converts earlier schema versions.
    pub fn decode(name: &str, schema_version: u16, payload: &str) -> Result<Self, DecodeError> {
        let event_type = EventType::named(name).ok_or_else(|| DecodeError::UnknownType(name.to_owned()))?;
        let fault = |source| DecodeError::Payload { event_type, schema_version, source };
        if schema_version == event_type.schema_version() {
            return event_type.decode_present(payload).map_err(fault);
        }
        let old = serde_json::from_str(payload).map_err(fault)?;
        let present = carry_forward(UPCASTS, event_type, schema_version..event_type.schema_version(), old)
            .ok_or(DecodeError::UnknownVersion { event_type, schema_version })?;
        event_type.decode_present(&present.to_string()).map_err(fault)
    }
}

/// Applies the upcasts from one version to another. None if a step is missing.
fn carry_forward(
    upcasts: &[(EventType, u16, Upcast)],
    event_type: EventType,
    Range { start: from, end: wanted }: Range<u16>,
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
    /// This build does not know the type.
    #[error("unknown event type {0:?}: this build is older than the log, or the file is not from Throughline")]
    UnknownType(String),
    /// This build does not know the version.
    #[error("unknown schema version {schema_version} of {}: this build is older than the log", event_type.as_str())]
    UnknownVersion {
        /// The type of the event.
        event_type: EventType,
        /// The recorded version.
        schema_version: u16,
    },
    /// The payload has a different shape.
    #[error("payload of {} v{schema_version} cannot be read: {source}", event_type.as_str())]
    Payload {
        /// The type of the event.
        event_type: EventType,
        /// The recorded version.
        schema_version: u16,
        /// The parser's error.
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_event_type_reads_back() {
        for event_type in EventType::ALL {
            for kind in event_type.stream_kinds() {
                let name = event_type.cloud_event_type(*kind, 1);
                assert_eq!(EventType::from_cloud_event_type(&name), Some((*event_type, *kind, 1)));
            }
        }
        let name = EventType::ContactLogged.cloud_event_type(StreamKind::Journey, 1);
        assert_eq!(name, "throughline.journey.contact_logged.v1");
        assert_eq!(EventType::from_cloud_event_type("throughline.contract.contact_logged.v1"), None);
    }

    #[test]
    fn an_earlier_version_is_converted_step_by_step() {
        let upcasts: &[(EventType, u16, Upcast)] = &[
            (EventType::PlanAgreed, 2, |old| serde_json::json!({ "kind": old["plan_kind"] })),
            (EventType::PlanAgreed, 1, |old| serde_json::json!({ "plan_kind": old["plan"] })),
        ];
        let carry = |from| carry_forward(upcasts, EventType::PlanAgreed, from..3, serde_json::json!({"plan": "php"}));
        assert_eq!(carry(1), Some(serde_json::json!({"kind": "php"})));
        assert_eq!(carry(0), None, "a missing step");
        assert_eq!(carry(4), None, "a version that does not exist yet");
    }

    #[test]
    fn a_period_that_was_closed_before_documents_were_kept_has_none() {
        let payload = r#"{"period":{"first":"2018-02-01","last":"2018-02-28"}}"#;
        let Ok(Event::PeriodClosed(closed)) = Event::decode("PeriodClosed", 1, payload) else { panic!("a period") };
        assert_eq!(closed.documents, []);
        assert_eq!(Event::from(closed).payload().get(), payload);
    }

    #[test]
    fn a_type_or_version_of_a_later_build_is_named() {
        let later = Event::decode("PlanAgreed", 3, r#"{"kind":"php"}"#);
        assert!(matches!(later, Err(DecodeError::UnknownVersion { schema_version: 3, .. })));
        assert!(matches!(Event::decode("PlanShredded", 1, "{}"), Err(DecodeError::UnknownType(_))));
    }
}
