//! What a journey's stream records, from referral to exit, and how such facts are corrected.
//!
//! Pure shapes. Free text about a person is in none of them until it can be sealed.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Attribute, Patched, Period, Quantity};
use crate::fact::envelope::{
    AppointmentId, EventId, EvidenceId, Precision, RiskId, SpellId, SubjectId, TaskId, WorkerId,
};

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

/// Whoever referred the client, or the client, takes the referral back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralWithdrawn {
    /// Why, a code of the rulebook's close reasons.
    pub reason: String,
}

/// Whether a client is one whom the contract is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// They are.
    Eligible,
    /// They are not.
    NotEligible,
}

/// Somebody judged whether the client is eligible, with the facts as they stood that day; outcomes look at these
/// facts, whatever becomes of them later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibilityAssessed {
    /// What was found.
    pub result: Eligibility,
    /// The criteria that were looked at, by code, and whether each was met.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub criteria: BTreeMap<String, bool>,
    /// The facts of that day, such as age, round or benefit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Attribute>,
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
    /// The first day on which they no longer hold it, where it is for some days alone: the former keyworker holds it
    /// again from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// A worker no longer holds the case: `occurred_on` is the first day on which they did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerReleased {
    /// Who lets go.
    pub worker: WorkerId,
    /// Of which role.
    pub role: String,
}

/// A client is to be seen or called on a day to come. A contact that names the appointment says what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentBooked {
    /// The appointment's own id, by which it is moved, cancelled, kept or missed.
    pub appointment: AppointmentId,
    /// The day it is for.
    pub scheduled_on: NaiveDate,
    /// The time of that day in the contract's zone, where one was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<NaiveTime>,
    /// How the client is to be met: a code of the rulebook, such as `face_to_face`.
    pub channel: String,
    /// Who is to meet the client; none where it is the keyworker of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
}

/// An appointment is for another day, time, channel or worker; what is left out stays as it was, and null leaves the time
/// open or the worker to be the keyworker of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentMoved {
    /// Which appointment.
    pub appointment: AppointmentId,
    /// The day it is for from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_on: Option<NaiveDate>,
    /// The time of that day.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub time: Patched<NaiveTime>,
    /// How the client is to be met, where that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Who is to meet the client, where that changes.
    #[serde(default, skip_serializing_if = "Patched::stays")]
    pub worker: Patched<WorkerId>,
}

/// Who called an appointment off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The client.
    Client,
    /// The service.
    Service,
}

/// An appointment will not take place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentCancelled {
    /// Which appointment.
    pub appointment: AppointmentId,
    /// Who called it off, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CancelledBy>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
    /// The appointment of which this is what became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment: Option<AppointmentId>,
    /// How: a code of the rulebook, such as `phone`.
    pub channel: String,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// With whom.
    pub with: ContactWith,
    /// What became of the appointment.
    pub attendance: Attendance,
    /// Whether they saw each other. A command may leave it out: then the channel says, and the record has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_to_face: Option<bool>,
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

/// The client engages with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngagementStarted {
    /// What shows it, by code.
    pub basis: String,
}

/// Client and keyworker agree a plan, such as a Personal Housing Plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanAgreed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
}

/// Client and keyworker went through a plan again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanReviewed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
}

/// A plan no longer guides the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanClosed {
    /// The kind of plan, a code of the rulebook.
    pub kind: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something is to be done by a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSet {
    /// The task's own id, by which it is done or cancelled.
    pub task: TaskId,
    /// What is to be done, by code.
    pub kind: String,
    /// By when.
    pub due_on: NaiveDate,
    /// Whose task it is; none where it is the team's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<WorkerId>,
}

/// A task is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDone {
    /// Which task.
    pub task: TaskId,
}

/// A task is no longer to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskCancelled {
    /// Which task.
    pub task: TaskId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A client, or a worker under supervision, was scored with an instrument such as the SDQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssessmentScored {
    /// The instrument, by code.
    pub instrument: String,
    /// The score of each item, by code, where they are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, Quantity>,
    /// The whole score.
    pub score: Quantity,
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

/// What is known of a spell is otherwise from this day on; what is left out stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellChanged {
    /// Which spell.
    pub spell: SpellId,
    /// Hours of work a week from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_per_week: Option<Quantity>,
    /// The attributes that change, each with its new value.
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

/// Something was measured: of a client, such as attendance or earnings, or of a contract, such as spend or complaints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureRecorded {
    /// What was measured, a code of the rulebook.
    pub code: String,
    /// The value.
    pub value: Quantity,
    /// The unit it is in, such as `percent` or `GBP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The days that it speaks of, where it is not of the one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

/// The client achieved something, such as a qualification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AchievementRecorded {
    /// What, a code of the rulebook.
    pub code: String,
    /// At which level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// The client is at risk from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRaised {
    /// The risk's own id, by which it is cleared.
    pub risk: RiskId,
    /// What kind of risk, a code of the rulebook.
    pub kind: String,
}

/// A risk is over: `occurred_on` is the first day without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskCleared {
    /// Which risk.
    pub risk: RiskId,
}

/// Something shows that what is claimed was so. The file itself is kept elsewhere; its digest stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceAttached {
    /// The evidence's own id.
    pub evidence: EvidenceId,
    /// What it is, a code of the rulebook, such as `payslip`.
    pub kind: String,
    /// SHA-256 of the file, lower-case hexadecimal; read in either case.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lower_case")]
    pub sha256: Option<String>,
    /// The date on the document.
    pub dated_on: NaiveDate,
    /// The day on which the service got hold of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obtained_on: Option<NaiveDate>,
    /// How it did, by code, such as `from_client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obtained_how: Option<String>,
    /// What it shows: events or spells of the journey, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<Uuid>,
}

/// A piece of evidence is taken back: it no longer counts from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceWithdrawn {
    /// Which piece.
    pub evidence: EvidenceId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Somebody checked a piece of evidence and found it good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceVerified {
    /// Which piece.
    pub evidence: EvidenceId,
}

/// Somebody checked a piece of evidence and found a defect: it no longer counts from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRejected {
    /// Which piece.
    pub evidence: EvidenceId,
    /// What is wrong with it, a code of the rulebook.
    pub defect: String,
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

/// A closed case goes on: it is on the caseload again from this day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JourneyReopened {
    /// Why: at most 200 characters, nothing personal.
    pub reason: String,
}

/// The case goes to another contract or service: it leaves the caseload, and the receiving contract begins its own
/// journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JourneyTransferred {
    /// Why, a code of the rulebook's close reasons.
    pub reason: String,
    /// Where it goes: the contract's code or the service's name.
    pub destination: String,
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

/// Digits that mean the same in either case.
fn lower_case<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let digits = Option::<String>::deserialize(deserializer)?;
    Ok(digits.map(|digits| digits.to_ascii_lowercase()))
}
