//! What the streams of subjects, workers and teams record: who they are and when they can work.
//!
//! Pure shapes. Nothing personal is recorded here in the clear: a subject is a pseudonym, a worker a label.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Quantity;
use crate::fact::envelope::{CoverId, EventId, HoldId, SubjectId, VacancyId, WorkerId};

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

/// Two records are of one person, on the word of somebody: recorded in the streams of both. Reversible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectsLinked {
    /// The other record.
    pub with: SubjectId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Two records are not of one person after all: recorded in the streams of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectsUnlinked {
    /// The other record.
    pub with: SubjectId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// The subject agrees that what is known of them is used for a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentGiven {
    /// For what, by code, such as `evaluation`.
    pub purpose: String,
}

/// The subject no longer agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentWithdrawn {
    /// For what, by code.
    pub purpose: String,
}

/// What is known of the subject must be kept, whatever is due to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalHoldPlaced {
    /// The hold's own id, by which it is lifted.
    pub hold: HoldId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// A hold no longer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalHoldLifted {
    /// Which hold.
    pub hold: HoldId,
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// Why what identifies a subject is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureGround {
    /// The time for which it may be kept is over.
    RetentionEnded,
    /// The subject asked for it.
    SubjectRequest,
    /// The subject withdrew the consent on which it rested.
    ConsentWithdrawn,
    /// It should never have been held.
    UnlawfulProcessing,
}

/// Somebody proposes that what identifies the subject be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureProposed {
    /// On which ground.
    pub ground: ErasureGround,
}

/// Somebody else agrees to a proposed erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureApproved {
    /// The event that proposed it.
    pub proposal: EventId,
}

/// A worker has left: `occurred_on` is the first day on which they no longer worked here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerLeft {}

/// How much of a full-time post the worker fills from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WteSet {
    /// Whole-time equivalent: 1 is a full-time post.
    pub wte: Quantity,
}

/// A worker is away: it lowers capacity, not WTE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsenceRecorded {
    /// Why, by code, such as `annual_leave` or `sickness`.
    pub kind: String,
    /// The first day back at work; none while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_on: Option<NaiveDate>,
}

/// A team as it stands from this day on: what it is called and who is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamSet {
    /// What boards print.
    pub label: String,
    /// Everybody who is in it.
    pub members: Vec<WorkerId>,
}

/// How many open cases a full-time worker holds at most, from this day on: of a team, or this worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacitySet {
    /// Cases for one whole-time equivalent.
    pub cases_per_wte: Quantity,
}

/// A post in the team is vacant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VacancyOpened {
    /// The vacancy's own id, by which it is filled.
    pub vacancy: VacancyId,
    /// The post, by code, such as `keyworker`.
    pub role: String,
    /// How much of a full-time post it is.
    pub wte: Quantity,
}

/// A vacant post is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VacancyFilled {
    /// Which vacancy.
    pub vacancy: VacancyId,
    /// Who fills it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
}

/// Somebody stands in for a member of the team who is away or has left, such as a therapist in waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverStarted {
    /// The cover's own id, by which it is ended.
    pub cover: CoverId,
    /// Who is away.
    pub absent: WorkerId,
    /// Who stands in.
    pub by: WorkerId,
    /// The first day without it, where that is known beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// A cover is over: `occurred_on` is the first day without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverEnded {
    /// Which cover.
    pub cover: CoverId,
}
