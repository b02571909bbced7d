//! The refusals of facts that cannot be true together, each with its message and remedy.
//!
//! Pure. This module decides nothing: it only builds the refusals.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::fact::consistency::DatedFact;
use crate::fact::event::{Attendance, ContactLogged, Event, EventType};
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};
use crate::fact::tracked::{Kind, Lifecycle};
use crate::journey::rules::alternation::Closed;
use crate::journey::{Appointment, Task};

/// The rule about facts that are dated while a case is closed.
const NOTHING_WHILE_CLOSED: &str = "contacts, plans, tasks and assignments cannot be dated while a case is closed";

pub(super) fn not_referred() -> Refusal {
    let message = "the referral of this case was retracted: record the referral again first";
    Refusal::new(Code::NotReferred, message).by("every fact of a case needs its referral")
}

pub(super) fn already_referred(referral: &DatedFact<'_>) -> Refusal {
    let message = format!(
        "this case already has a referral, received on {}: correct that referral, or start another case",
        referral.day()
    );
    Refusal::new(Code::AlreadyReferred, message).at("journey").by("a case has one referral").naming([referral.fact()])
}

pub(super) fn before_referral(referral: &DatedFact<'_>) -> Refusal {
    let message = format!(
        "the referral was received on {}: use that day or a later one, or correct the referral first",
        referral.day()
    );
    Refusal::new(Code::BeforeReferral, message)
        .at("occurred_on")
        .by("the service cannot act on a referral before it is received")
        .naming([referral.fact()])
}

/// The refusal where the referral was already accepted, declined or withdrawn.
pub(super) fn answered(answer: &DatedFact<'_>) -> Refusal {
    let day = answer.day();
    let (code, message, rule) = match answer.event {
        Event::ReferralAccepted(_) => (
            Code::AlreadyAccepted,
            format!(
                "the referral was accepted on {day}: close the case, or correct or retract that fact if it is wrong"
            ),
            "a referral is accepted, declined or withdrawn once",
        ),
        Event::ReferralWithdrawn(_) => (
            Code::ReferralWithdrawn,
            format!(
                "the referral was withdrawn on {day}: retract the withdrawal if it is wrong, or start another case"
            ),
            "no fact may follow the withdrawal of a referral",
        ),
        _ => (
            Code::ReferralDeclined,
            format!("the referral was declined on {day}: retract the decline if it is wrong, or start another case"),
            "no fact may follow the decline of a referral",
        ),
    };
    Refusal::new(code, message).by(rule).naming([answer.fact()])
}

pub(super) fn already_closed(close: &DatedFact<'_>) -> Refusal {
    let message = format!(
        "the case was {} on {}: reopen it first, or correct or retract that fact if it is wrong",
        closed_or_transferred(close),
        close.day()
    );
    Refusal::new(Code::AlreadyClosed, message)
        .by("a closed case must be reopened before it is closed again")
        .naming([close.fact()])
}

pub(super) fn never_closed() -> Refusal {
    let message = "the case is not closed on that day: date the reopening on or after the close";
    Refusal::new(Code::NotClosed, message).at("occurred_on").by("only a closed case can be reopened")
}

pub(super) fn reopened_already(reopening: &DatedFact<'_>) -> Refusal {
    let message = format!(
        "the case was already reopened on {}: close it first, or correct the reopening if its date is wrong",
        reopening.day()
    );
    Refusal::new(Code::NotClosed, message).by("only a closed case can be reopened").naming([reopening.fact()])
}

pub(super) fn journey_closed(closed: &Closed<'_>) -> Refusal {
    let (left, day) = (closed_or_transferred(&closed.close), closed.close.day());
    let message = match &closed.reopened {
        None => {
            format!("the case was {left} on {day}: use that day or an earlier one, or reopen the case first")
        }
        Some(reopened) => format!(
            "the case was {left} on {day} and reopened on {}: use a date outside those days, or correct them first",
            reopened.day()
        ),
    };
    Refusal::new(Code::JourneyClosed, message)
        .at("occurred_on")
        .by(NOTHING_WHILE_CLOSED)
        .naming([closed.close].iter().chain(&closed.reopened).map(DatedFact::fact))
}

fn closed_or_transferred(close: &DatedFact<'_>) -> &'static str {
    if matches!(close.event, Event::JourneyTransferred(_)) { "transferred" } else { "closed" }
}

pub(super) fn already_assigned(held: &DatedFact<'_>, role: &str) -> Refusal {
    let message = format!(
        "the worker already holds the case as {role} from {}: correct that fact if its date is wrong",
        held.day()
    );
    Refusal::new(Code::AlreadyAssigned, message).at("worker").naming([held.fact()])
}

pub(super) fn not_assigned(role: &str, released: Option<&DatedFact<'_>>) -> Refusal {
    let since = released.map(|released| format!(" (they were released on {})", released.day()));
    let message = format!(
        "the worker does not hold the case as {role} on that day{}: use a day on which they do, or assign them first",
        since.unwrap_or_default()
    );
    Refusal::new(Code::NotAssigned, message).at("worker").naming(released.map(DatedFact::fact))
}

pub(super) fn plan_not_found(open: &[&str], closed: Option<&DatedFact<'_>>) -> Refusal {
    let since = closed.map(|closed| format!(" (it was closed on {})", closed.day()));
    let message = format!(
        "no plan of this kind is open on that day{}: agree the plan first, or name a kind that is open",
        since.unwrap_or_default()
    );
    Refusal::new(Code::PlanNotFound, message).at("kind").allowing(open).naming(closed.map(DatedFact::fact))
}

/// The field by which facts name an item of this kind.
const fn field(kind: Kind) -> &'static str {
    match kind {
        Kind::Spell => "spell",
        Kind::Appointment => "appointment",
        Kind::Task => "task",
        Kind::Risk => "risk",
        Kind::Evidence => "evidence",
    }
}

/// The item with its article, and the verb for how it starts.
const fn item_and_verb(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Spell => ("a spell", "started"),
        Kind::Appointment => ("an appointment", "was booked"),
        Kind::Task => ("a task", "was set"),
        Kind::Risk => ("a risk", "was raised"),
        Kind::Evidence => ("evidence", "was attached"),
    }
}

pub(super) fn not_found(kind: Kind, open: BTreeSet<Uuid>) -> Refusal {
    let (code, message) = match kind {
        Kind::Spell => (
            Code::SpellNotFound,
            "this case has no spell with this id: start the spell first, or name one of the open spells",
        ),
        Kind::Appointment => (
            Code::AppointmentNotFound,
            "this case has no appointment with this id: book it first, or name one of the open appointments",
        ),
        Kind::Task => {
            (Code::TaskNotFound, "this case has no task with this id: set it first, or name one of the open tasks")
        }
        Kind::Risk => {
            (Code::RiskNotFound, "this case has no risk with this id: raise it first, or name one of the open risks")
        }
        Kind::Evidence => (
            Code::EvidenceNotFound,
            "this case has no evidence with this id: attach it first, or name evidence that the case has",
        ),
    };
    Refusal::new(code, message).at(field(kind)).allowing(open)
}

pub(super) fn exists(kind: Kind, begun: &DatedFact<'_>) -> Refusal {
    let code = match kind {
        Kind::Spell => Code::SpellExists,
        Kind::Appointment => Code::AppointmentExists,
        Kind::Task => Code::TaskExists,
        Kind::Risk => Code::RiskExists,
        Kind::Evidence => Code::EvidenceExists,
    };
    let (item, verb) = item_and_verb(kind);
    let message = format!("{item} with this id {verb} on {}: use a new id, or correct that fact", begun.day());
    Refusal::new(code, message).at(field(kind)).naming([begun.fact()])
}

pub(super) fn already_over(kind: Kind, over: &DatedFact<'_>) -> Refusal {
    let code = match kind {
        Kind::Spell => Code::SpellAlreadyEnded,
        Kind::Appointment => Code::AppointmentAlreadyOver,
        Kind::Task => Code::TaskAlreadyOver,
        Kind::Risk => Code::RiskAlreadyCleared,
        Kind::Evidence => Code::EvidenceNoLongerCounts,
    };
    let how = match over.event {
        Event::AppointmentCancelled(_) => "the appointment was cancelled",
        Event::ContactLogged(_) => "the appointment was kept or missed",
        Event::TaskDone(_) => "the task was done",
        Event::TaskCancelled(_) => "the task was cancelled",
        Event::RiskCleared(_) => "the risk was cleared",
        Event::EvidenceRejected(_) => "the evidence was rejected",
        Event::EvidenceWithdrawn(_) => "the evidence was withdrawn",
        _ => "the spell ended",
    };
    let message = format!("{how} on {}: correct or retract that fact if it is wrong", over.day());
    Refusal::new(code, message).at(field(kind)).naming([over.fact()])
}

pub(super) fn before_it_began(kind: Kind, part: Lifecycle, begun: &DatedFact<'_>) -> Refusal {
    let (code, rule) = match (kind, part) {
        (Kind::Spell, Lifecycle::Changes) => {
            (Code::OutsideSpell, "a spell can only change between its start and its end")
        }
        (Kind::Spell, _) => (Code::EndedBeforeStart, "a spell ends on the first day on which it no longer applies"),
        (Kind::Evidence, _) => (Code::BeforeAttached, "evidence is attached before it is checked"),
        (Kind::Appointment | Kind::Task | Kind::Risk, _) => {
            (Code::EndedBeforeStart, "an end cannot be dated before its start")
        }
    };
    let (_, verb) = item_and_verb(kind);
    let message = format!(
        "the {} {verb} on {}: use that day or a later one, or correct that fact first",
        field(kind),
        begun.day()
    );
    Refusal::new(code, message).at("occurred_on").by(rule).naming([begun.fact()])
}

pub(super) fn after_the_spell(end: &DatedFact<'_>) -> Refusal {
    let message =
        format!("the spell ended on {}: date the change before that day, or correct the end first", end.day());
    Refusal::new(Code::OutsideSpell, message)
        .at("occurred_on")
        .by("a spell ends on the first day on which it no longer applies")
        .naming([end.fact()])
}

pub(super) fn already_verified(verified: &DatedFact<'_>) -> Refusal {
    let message =
        format!("the evidence was verified on {}: correct or retract the verification if it is wrong", verified.day());
    Refusal::new(Code::EvidenceAlreadyVerified, message).at("evidence").naming([verified.fact()])
}

pub(super) fn support_not_found(at: usize) -> Refusal {
    let message =
        "this case has no fact or spell with this id, or it was retracted: name events or spells of this case";
    Refusal::new(Code::SupportNotFound, message)
        .at(format!("supports.{at}"))
        .by("evidence supports events or spells of its own case")
}

pub(super) fn task_set(task: &Task) -> DependentFact {
    DependentFact { event_id: task.event_id, event_type: EventType::TaskSet, occurred: task.set }
}

pub(super) fn tasks_open(open: Vec<DependentFact>) -> Refusal {
    let message = match open.len() {
        1 => "a task is still open: complete or cancel it first, or accept this warning".to_owned(),
        many => format!("{many} tasks are still open: complete or cancel them first, or accept this warning"),
    };
    Refusal::new(Code::TasksOpen, message).by("tasks cannot be completed after the case is closed").naming(open)
}

pub(super) fn booked(appointment: &Appointment) -> DependentFact {
    let (event_id, occurred) = (appointment.event_id, appointment.booked);
    DependentFact { event_id, event_type: EventType::AppointmentBooked, occurred }
}

pub(super) fn appointments_open(open: Vec<DependentFact>) -> Refusal {
    let message = match open.len() {
        1 => "an appointment is still open: cancel it, record whether it was kept, or accept this warning".to_owned(),
        many => {
            format!(
                "{many} appointments are still open: cancel them, record whether they were kept, or accept this warning"
            )
        }
    };
    Refusal::new(Code::AppointmentsOpen, message)
        .by("appointments cannot be kept after the case is closed")
        .naming(open)
}

/// The warning where a contact is recorded as missed, and also as two-way or face to face.
pub(super) fn contradictory(contact: &ContactLogged) -> Option<Refusal> {
    if !contact.is_missed() {
        return None;
    }
    let (field, what) = match contact {
        contact if contact.two_way => ("two_way", "both sides spoke or wrote"),
        contact if contact.is_face_to_face() => ("face_to_face", "both sides saw each other"),
        _ => return None,
    };
    let message = format!(
        "the contact was {}, but also says that {what}: change one of them, or accept this warning if both are right",
        how_missed(contact.attendance)
    );
    Some(Refusal::new(Code::ContactContradictory, message).at(field))
}

/// How the message describes an appointment that was missed.
const fn how_missed(attendance: Attendance) -> &'static str {
    match attendance {
        Attendance::NotOffered => "not offered",
        Attendance::CancelledByClient | Attendance::CancelledByService => "cancelled",
        Attendance::DidNotAttend | Attendance::Attended | Attendance::None => "not attended",
    }
}

/// The warning where a fact is dated this many days before the referral. The month or year is probably wrong.
pub(super) fn long_before_referral(received: NaiveDate, days: i64) -> Refusal {
    let message = format!(
        "this is dated {days} days before the referral of {received}: check the month and year, or accept this warning"
    );
    Refusal::new(Code::LongBeforeReferral, message)
        .at("occurred_on")
        .by("facts from before the referral count towards the standards of the referral")
}

/// A warning where another fact records the same item.
pub(super) fn recorded_already(other: DependentFact) -> Refusal {
    let message = match other.event_type {
        EventType::AppointmentBooked => {
            "an appointment for this day, time and channel is already booked: use that one, or accept this warning"
        }
        EventType::TaskSet => "the same task is already open: use that one, or accept this warning",
        EventType::EvidenceAttached => "the same document is already attached: use that one, or accept this warning",
        _ => {
            "the same fact is already recorded for this day: leave it out, or accept this warning if it happened twice"
        }
    };
    Refusal::new(Code::RecordedAlready, message).naming([other])
}

/// The warning where the appointment is scheduled after the day of the contact.
pub(super) fn before_appointment(scheduled_on: NaiveDate, booked: DependentFact) -> Refusal {
    let message = format!(
        "the appointment is booked for {scheduled_on}, after the day of this contact: check both dates, move the \
         appointment first, or accept this warning"
    );
    Refusal::new(Code::BeforeAppointment, message).at("occurred_on").naming([booked])
}

/// The warning where an appointment or task is planned for a case that was closed that day.
pub(super) fn planned_after_close(close: &DatedFact<'_>) -> Refusal {
    let message = format!(
        "the case was {} on {}, so this appointment or task lapses at once: reopen the case first, or accept this \
         warning",
        closed_or_transferred(close),
        close.day()
    );
    Refusal::new(Code::PlannedAfterClose, message).at("occurred_on").by(NOTHING_WHILE_CLOSED).naming([close.fact()])
}

pub(super) fn another_subject() -> Refusal {
    fixed_field(
        "subject",
        "the subject of a case cannot change: retract its facts and record a referral for the other subject",
    )
}

pub(super) fn another_item(kind: Kind) -> Refusal {
    let message = match kind {
        Kind::Spell => "the id of a spell cannot change: retract this start and record the spell again",
        Kind::Appointment => "the id of an appointment cannot change: retract this booking and book it again",
        Kind::Task => "the id of a task cannot change: retract this one and set the task again",
        Kind::Risk => "the id of a risk cannot change: retract this one and raise the risk again",
        Kind::Evidence => "the id of evidence cannot change: retract this and attach the evidence again",
    };
    fixed_field(field(kind), message)
}

fn fixed_field(path: &str, message: &str) -> Refusal {
    Refusal::new(Code::FixedField, message).at(path)
}
