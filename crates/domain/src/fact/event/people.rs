//! The facts of subjects, workers and teams.
//!
//! Only data. No personal data is stored unsealed here: a subject is a pseudonym, a worker has a label, and who a subject
//! is stands in [`IdentitySealed`], each part sealed by itself.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Patched, Quantity};
use crate::fact::envelope::{CoverId, EventId, HoldId, RevealId, SubjectId, VacancyId, WorkerId};
use crate::fact::sealed::PersonalText;

/// The kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// One person.
    Person,
    /// A family that the service works with as one.
    Family,
    /// A clinic, school or other place.
    Site,
    /// A district or province.
    Area,
}

/// A person, family, site or area was registered under a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectRegistered {
    /// The kind of subject.
    pub kind: SubjectKind,
}

/// Who the subject is, from this day on. Each part is sealed by itself. A part that is left out stays as it was, and null
/// clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySealed {
    /// The names.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub names: Patched<PersonalText>,
    /// The birth date.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub birth_date: Patched<PersonalText>,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub telephone: Patched<PersonalText>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub email: Patched<PersonalText>,
    /// The address, with its unique property reference number.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub address: Patched<PersonalText>,
    /// The National Insurance number.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub nino: Patched<PersonalText>,
    /// The NHS number.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub nhs_number: Patched<PersonalText>,
    /// The unique pupil number.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub upn: Patched<PersonalText>,
    /// The needs, such as an interpreter or step-free access.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub needs: Patched<PersonalText>,
}

/// A keyworker or another member of staff joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerJoined {
    /// The login in their tokens, if they sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The label that boards print, such as `KW-07`.
    pub label: String,
}

/// The sender may see who the subject is, for some minutes from the moment in which this was recorded. It counts for
/// their login and role only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityRevealed {
    /// The id of the reveal. The fact that ends it names this id.
    pub reveal: RevealId,
    /// The contract for which they need it, by code.
    pub contract: String,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
    /// The minutes for which it lasts, if it is not ended earlier.
    pub minutes: u16,
}

/// A reveal was ended before its time was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealEnded {
    /// The reveal.
    pub reveal: RevealId,
}

/// Two records were linked as one person. Recorded in the streams of both. Can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectsLinked {
    /// The other record.
    pub with: SubjectId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// Two records were unlinked: they are not one person. Recorded in the streams of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectsUnlinked {
    /// The other record.
    pub with: SubjectId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// Two records look like one person and are not. Recorded in the streams of both. A later link supersedes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateDismissed {
    /// The other record.
    pub other: SubjectId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// The subject consented to the use of their data for a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentGiven {
    /// The purpose, by code, such as `evaluation`.
    pub purpose: String,
}

/// The subject withdrew a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentWithdrawn {
    /// The purpose, by code.
    pub purpose: String,
}

/// A legal hold was placed: the data of the subject must be kept, even if it is due for erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalHoldPlaced {
    /// The id of the hold. The fact that lifts it names this id.
    pub hold: HoldId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// A legal hold was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalHoldLifted {
    /// The hold.
    pub hold: HoldId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// The reason for erasing the identifying data of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureGround {
    /// The retention period is over.
    RetentionEnded,
    /// The subject asked for it.
    SubjectRequest,
    /// The subject withdrew the consent that the data was held under.
    ConsentWithdrawn,
    /// The data should never have been held.
    UnlawfulProcessing,
}

impl ErasureGround {
    /// Every ground.
    pub const ALL: [Self; 4] =
        [Self::RetentionEnded, Self::SubjectRequest, Self::ConsentWithdrawn, Self::UnlawfulProcessing];

    /// The ground, as written in records and in the key store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetentionEnded => "retention_ended",
            Self::SubjectRequest => "subject_request",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::UnlawfulProcessing => "unlawful_processing",
        }
    }

    /// The ground with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.as_str() == name)
    }
}

/// The erasure of the identifying data of a subject was proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureProposed {
    /// The reason.
    pub ground: ErasureGround,
}

/// Another person approved a proposed erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureApproved {
    /// The event that proposed it.
    pub proposal: EventId,
}

/// The identifying data of a subject was erased: keys are destroyed and files are deleted. Only the service records
/// this, when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectErased {
    /// The reason.
    pub ground: ErasureGround,
    /// The event that approved the erasure. None if this log was restored from a backup that does not have the approval:
    /// then the key store remembers the erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<EventId>,
}

/// A worker left. `occurred_on` is the first day on which they no longer worked here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerLeft {}

/// The whole-time equivalent of the worker changed from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WteSet {
    /// Whole-time equivalent: 1 is a full-time post.
    pub wte: Quantity,
}

/// A worker was absent. This lowers capacity, not WTE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsenceRecorded {
    /// The reason, by code, such as `annual_leave` or `sickness`.
    pub kind: String,
    /// The first day back at work. None if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_on: Option<NaiveDate>,
}

/// The name and members of a team from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamSet {
    /// The name that boards print.
    pub label: String,
    /// All members.
    pub members: Vec<WorkerId>,
}

/// The most open cases for one full-time worker, from this day on. Set for a team or for one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacitySet {
    /// Cases per whole-time equivalent.
    pub cases_per_wte: Quantity,
}

/// A post in the team became vacant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VacancyOpened {
    /// The id of the vacancy. The fact that fills it names this id.
    pub vacancy: VacancyId,
    /// The post, by code, such as `keyworker`.
    pub role: String,
    /// The whole-time equivalent of the post.
    pub wte: Quantity,
}

/// A vacancy was filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VacancyFilled {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// The worker who fills it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
}

/// A worker started to cover for a member of the team who is away or has left, such as a therapist in waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverStarted {
    /// The id of the cover. The fact that ends it names this id.
    pub cover: CoverId,
    /// The worker who is away.
    pub absent: WorkerId,
    /// The worker who covers.
    pub by: WorkerId,
    /// The first day without the cover, if it is known in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// A cover ended. `occurred_on` is the first day without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverEnded {
    /// The cover.
    pub cover: CoverId,
}
