//! The facts of a case, from referral to exit, and the corrections of facts.
//!
//! Only data. Free text about a person is a [`PersonalText`], which is sealed before it becomes a record.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Attribute, Patched, Period, Quantity};
use crate::fact::envelope::{
    AppointmentId, EventId, EvidenceId, Precision, RiskId, SpellId, SubjectId, TaskId, WorkerId,
};
use crate::fact::sealed::{PersonalText, WithoutClearText};

/// The person or organisation that referred the client.
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

/// A case number in another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalReference {
    /// The name of the other system.
    pub system: String,
    /// The case number there: a pseudonym, never a national identifier.
    pub id: String,
}

/// A client was referred. This creates the case. It sets the area and cohort: only a correction changes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralReceived {
    /// The subject who was referred.
    pub subject: SubjectId,
    /// The service area, a code of the rulebook.
    pub area: String,
    /// The cohort, a code of the rulebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// The referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Referrer>,
    /// Case numbers in other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
}

/// The service accepted the referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralAccepted {}

/// The service declined the referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralDeclined {
    /// The reason: a code of the rulebook's close reasons.
    pub reason: String,
}

/// The client or the referrer withdrew the referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralWithdrawn {
    /// The reason: a code of the rulebook's close reasons.
    pub reason: String,
}

/// Whether the contract is meant for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// The client is eligible.
    Eligible,
    /// The client is not eligible.
    NotEligible,
}

/// The eligibility of the client was assessed. It keeps the facts of that day: outcomes use them, even if they change
/// later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibilityAssessed {
    /// The result.
    pub result: Eligibility,
    /// The criteria, by code, and whether each was met.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, bool>,
    /// The facts of that day, such as age, round or benefit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Attribute>,
}

impl EligibilityAssessed {
    /// Everything that it states, by name: its facts, then its criteria, then the result. Of the same name, the first
    /// applies.
    pub fn stated(&self) -> impl Iterator<Item = (&str, Attribute)> {
        let result = if self.result == Eligibility::Eligible { "eligible" } else { "not_eligible" };
        let criteria = self.criteria.iter().map(|(name, met)| (name.as_str(), Attribute::Flag(*met)));
        let facts = self.facts.iter().map(|(name, value)| (name.as_str(), value.clone()));
        facts.chain(criteria).chain([("eligibility", Attribute::Text(result.to_owned()))])
    }
}

/// The role of the worker whose caseload the case belongs to.
pub const KEYWORKER: &str = "keyworker";

/// A worker was assigned to the case. A new keyworker releases the former one on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerAssigned {
    /// The worker.
    pub worker: WorkerId,
    /// The role: `keyworker` or another.
    pub role: String,
    /// The first day on which they no longer hold the case, for a temporary assignment. The former keyworker holds it
    /// again from that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// A worker was released from the case. `occurred_on` is the first day on which they no longer held it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerReleased {
    /// The worker.
    pub worker: WorkerId,
    /// The role.
    pub role: String,
}

/// An appointment was booked for a later day. A contact that names it records whether it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentBooked {
    /// The id of the appointment. Facts that move, cancel, keep or miss it name this id.
    pub appointment: AppointmentId,
    /// The day of the appointment.
    pub scheduled_on: NaiveDate,
    /// The time of that day in the contract's time zone, if one was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<NaiveTime>,
    /// The channel: a code of the rulebook, such as `face_to_face`.
    pub channel: String,
    /// The worker who meets the client. None if it is the keyworker of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
}

/// An appointment was moved to another day, time, channel or worker. A field that is left out keeps its value. Null
/// removes the time, or gives the appointment to the keyworker of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentMoved {
    /// The appointment.
    pub appointment: AppointmentId,
    /// The new day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_on: Option<NaiveDate>,
    /// The new time of that day.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub time: Patched<NaiveTime>,
    /// The new channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The new worker who meets the client.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub worker: Patched<WorkerId>,
}

/// Who cancelled an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The client.
    Client,
    /// The service.
    Service,
}

/// An appointment was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentCancelled {
    /// The appointment.
    pub appointment: AppointmentId,
    /// Who cancelled it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CancelledBy>,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who started a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The service contacted the other side.
    Outgoing,
    /// The other side contacted the service.
    Incoming,
}

/// The other side of a contact.
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
    /// The value as rulebooks spell it.
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

/// The result of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// The client attended.
    Attended,
    /// The client did not attend and gave no notice.
    DidNotAttend,
    /// The client cancelled.
    CancelledByClient,
    /// The service cancelled.
    CancelledByService,
    /// No appointment was offered.
    NotOffered,
    /// There was no appointment, as with a call or a letter.
    None,
}

/// A contact, or an attempt at one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactLogged {
    /// The appointment that this contact is the result of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<AppointmentId>,
    /// The channel: a code of the rulebook, such as `phone`.
    pub channel: String,
    /// Who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The other side.
    pub with: ContactWith,
    /// The result of the appointment.
    pub attendance: Attendance,
    /// Whether both sides saw each other. If a command leaves it out, it follows from the channel and is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_to_face: Option<bool>,
    /// Whether both sides spoke or wrote.
    #[serde(default)]
    pub two_way: bool,
    /// Whether it was a group session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub group: bool,
    /// The length in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// The day that the appointment was booked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_on: Option<NaiveDate>,
    /// The worker. None if no particular worker had the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// The client started to engage with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngagementStarted {
    /// The evidence of engagement, by code.
    pub basis: String,
}

/// The client and the keyworker agreed a plan, such as a Personal Housing Plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAgreed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
    /// The actions that they agreed, each a sealed text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<PersonalText>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// The client and the keyworker reviewed a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanReviewed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
    /// The actions that they agreed, each a sealed text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<PersonalText>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A plan was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanClosed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A task was set, with a due date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSet {
    /// The id of the task. Facts that complete or cancel it name this id.
    pub task: TaskId,
    /// The kind of task, by code.
    pub kind: String,
    /// The due date.
    pub due_on: NaiveDate,
    /// The worker who owns the task. None if it belongs to the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<WorkerId>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A task was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDone {
    /// The task.
    pub task: TaskId,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A task was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskCancelled {
    /// The task.
    pub task: TaskId,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A client, or a worker in supervision, was scored with an instrument such as the SDQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssessmentScored {
    /// The instrument, by code.
    pub instrument: String,
    /// The score of each item, by code, if known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, Quantity>,
    /// The total score.
    pub score: Quantity,
}

/// A spell started: a job, home, placement or course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellStarted {
    /// The id of the spell. Facts that change or end it name this id.
    pub spell: SpellId,
    /// The domain: a code of the rulebook, such as `accommodation`.
    pub domain: String,
    /// The employer or landlord, as a pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employer_ref: Option<String>,
    /// Working hours per week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_per_week: Option<Quantity>,
    /// Further attributes, such as `secured_as: kept`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A spell changed from this day on. A field that is left out keeps its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellChanged {
    /// The spell.
    pub spell: SpellId,
    /// The new working hours per week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_per_week: Option<Quantity>,
    /// The attributes that change, with their new values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A spell ended. `occurred_on` is the first day on which it no longer applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellEnded {
    /// The spell.
    pub spell: SpellId,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<PersonalText>,
}

/// A measure of a client, such as attendance or earnings, or of a contract, such as spend or complaints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureRecorded {
    /// The measure: a code of the rulebook.
    pub code: String,
    /// The value.
    pub value: Quantity,
    /// The unit of the value, such as `percent` or `GBP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The days that the value covers, if it covers more than the one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

/// The client achieved something, such as a qualification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AchievementRecorded {
    /// The achievement: a code of the rulebook.
    pub code: String,
    /// The level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// A risk to the client was raised. It applies from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRaised {
    /// The id of the risk. The fact that clears it names this id.
    pub risk: RiskId,
    /// The kind of risk: a code of the rulebook.
    pub kind: String,
}

/// A risk was cleared. `occurred_on` is the first day without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskCleared {
    /// The risk.
    pub risk: RiskId,
}

/// Evidence was attached. The file itself is stored elsewhere. The event holds its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceAttached {
    /// The id of the evidence.
    pub evidence: EvidenceId,
    /// The kind of document: a code of the rulebook, such as `payslip`.
    pub kind: String,
    /// SHA-256 of the file, in lower-case hexadecimal. Upper case is accepted when it is read.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lower_case")]
    pub sha256: Option<String>,
    /// The date on the document.
    pub dated_on: NaiveDate,
    /// The day on which the service obtained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obtained_on: Option<NaiveDate>,
    /// How the service obtained it, by code, such as `from_client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obtained_how: Option<String>,
    /// The ids of the events or spells of the case that it supports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<Uuid>,
}

/// A piece of evidence was withdrawn. It does not count from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceWithdrawn {
    /// The evidence.
    pub evidence: EvidenceId,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A piece of evidence was checked and accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceVerified {
    /// The evidence.
    pub evidence: EvidenceId,
}

/// A piece of evidence was checked and has a defect. It does not count from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRejected {
    /// The evidence.
    pub evidence: EvidenceId,
    /// The defect: a code of the rulebook.
    pub defect: String,
}

/// The client stopped engaging. The case stays on the caseload until it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disengaged {
    /// The reason: a code of the rulebook.
    pub reason: String,
    /// The day the client was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_on: Option<NaiveDate>,
}

/// The case was closed. It leaves the caseload. Its spells may continue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JourneyClosed {
    /// The reason: a code of the rulebook.
    pub reason: String,
    /// The destination of the client, in the service's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// A closed case was reopened. It is on the caseload again from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JourneyReopened {
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// The case was transferred to another contract or service. It leaves the caseload, and the receiving contract starts
/// its own case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JourneyTransferred {
    /// The reason: a code of the rulebook's close reasons.
    pub reason: String,
    /// The destination: the code of the contract or the name of the service.
    pub destination: String,
}

/// A fact was corrected. The event holds the whole corrected fact.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactCorrected {
    /// The original event, never another correction.
    pub target: EventId,
    /// The corrected date.
    pub occurred_on: NaiveDate,
    /// The precision of the corrected date.
    #[serde(default)]
    pub precision: Precision,
    /// The local time of that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_time: Option<NaiveTime>,
    /// The schema version of the replacement.
    #[serde(default = "first_version")]
    pub schema_version: u16,
    /// The whole replacement payload, of the target's type.
    pub payload: Value,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

impl fmt::Debug for FactCorrected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactCorrected")
            .field("target", &self.target)
            .field("occurred_on", &self.occurred_on)
            .field("precision", &self.precision)
            .field("local_time", &self.local_time)
            .field("schema_version", &self.schema_version)
            .field("payload", &WithoutClearText(&self.payload))
            .field("reason", &self.reason)
            .finish()
    }
}

const fn first_version() -> u16 {
    1
}

/// A fact was retracted, together with its corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactRetracted {
    /// The original event.
    pub target: EventId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// Hexadecimal digits in lower case.
fn lower_case<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let digits = Option::<String>::deserialize(deserializer)?;
    Ok(digits.map(|digits| digits.to_ascii_lowercase()))
}
