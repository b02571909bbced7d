//! Why facts cannot be true together, in words: the refusals of the ground, each with what to do next.
//!
//! Pure. It decides nothing.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::fact::consistency::Stated;
use crate::fact::event::{Attendance, ContactLogged, Event, EventType};
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};
use crate::fact::tracked::{Kind, Part};
use crate::journey::rules::alternation::Closed;
use crate::journey::{Appointment, Task};

pub(super) fn not_referred() -> Refusal {
    let message = "the journey has no referral that stands: receive the referral first";
    Refusal::new(Code::NotReferred, message).by("domain §4: every fact of a journey needs its referral")
}

pub(super) fn already_referred(referral: &Stated<'_>) -> Refusal {
    let message = format!(
        "the referral was received on {}: correct that fact, or begin another journey for another episode",
        referral.day()
    );
    Refusal::new(Code::AlreadyReferred, message)
        .at("journey")
        .by("domain §3: a journey is one referral episode")
        .naming([referral.fact()])
}

pub(super) fn before_referral(referral: &Stated<'_>) -> Refusal {
    let message = format!(
        "the referral was received on {}: date this on or after that day, or correct the referral first",
        referral.day()
    );
    Refusal::new(Code::BeforeReferral, message)
        .at("occurred_on")
        .by("domain §4: the service acts on a referral once it is received")
        .naming([referral.fact()])
}

/// What the referral was answered with, in the way of another answer or of what would follow.
pub(super) fn answered(answer: &Stated<'_>) -> Refusal {
    let day = answer.day();
    let (code, message, rule) = match answer.event {
        Event::ReferralAccepted(_) => (
            Code::AlreadyAccepted,
            format!("the referral was accepted on {day}: close the journey, or correct that fact if it was not so"),
            "domain §4: a referral is accepted, declined or withdrawn, once",
        ),
        Event::ReferralWithdrawn(_) => (
            Code::ReferralWithdrawn,
            format!("the referral was withdrawn on {day}: retract that if it was not so, or begin another journey"),
            "domain §4: nothing follows a withdrawal",
        ),
        _ => (
            Code::ReferralDeclined,
            format!(
                "the referral was declined on {day}: retract the decline if it was not so, or begin another journey"
            ),
            "domain §4: nothing follows a decline",
        ),
    };
    Refusal::new(code, message).by(rule).naming([answer.fact()])
}

pub(super) fn already_closed(close: &Stated<'_>) -> Refusal {
    let message = format!(
        "the journey was {} on {}: reopen it first, or correct or retract that fact if it was not so",
        left(close),
        close.day()
    );
    Refusal::new(Code::AlreadyClosed, message)
        .by("domain §4: a journey is closed once, and again once it was reopened")
        .naming([close.fact()])
}

pub(super) fn never_closed() -> Refusal {
    let message = "the journey is not closed on that day: date the reopening on or after the close";
    Refusal::new(Code::NotClosed, message).at("occurred_on").by("domain §4: what is reopened was closed")
}

pub(super) fn reopened_already(reopening: &Stated<'_>) -> Refusal {
    let message = format!(
        "the journey was reopened on {}: close it first, or correct that fact if the day was another",
        reopening.day()
    );
    Refusal::new(Code::NotClosed, message).by("domain §4: what is reopened was closed").naming([reopening.fact()])
}

pub(super) fn journey_closed(closed: &Closed<'_>) -> Refusal {
    let (left, day) = (left(&closed.close), closed.close.day());
    let message = match &closed.reopened {
        None => {
            format!("the journey was {left} on {day}: date this on or before that day, or reopen the journey first")
        }
        Some(reopened) => format!(
            "the journey was {left} on {day} and reopened on {}: date this outside those days, or correct them first",
            reopened.day()
        ),
    };
    Refusal::new(Code::JourneyClosed, message)
        .at("occurred_on")
        .by("domain §4: closing ends the caseload; contacts, plans, tasks and assignments do not follow it")
        .naming([closed.close].iter().chain(&closed.reopened).map(Stated::fact))
}

fn left(close: &Stated<'_>) -> &'static str {
    if matches!(close.event, Event::JourneyTransferred(_)) { "transferred" } else { "closed" }
}

pub(super) fn already_assigned(held: &Stated<'_>, role: &str) -> Refusal {
    let message =
        format!("the worker holds the case as {role} from {}: correct that fact if the day was another", held.day());
    Refusal::new(Code::AlreadyAssigned, message).at("worker").naming([held.fact()])
}

pub(super) fn not_assigned(role: &str, released: Option<&Stated<'_>>) -> Refusal {
    let since = released.map(|released| format!(", from which they were released on {}", released.day()));
    let message = format!(
        "the worker does not hold the case as {role} on that day{}: date this while they do, or assign them first",
        since.unwrap_or_default()
    );
    Refusal::new(Code::NotAssigned, message).at("worker").naming(released.map(Stated::fact))
}

pub(super) fn plan_not_found(open: &[&str], closed: Option<&Stated<'_>>) -> Refusal {
    let since = closed.map(|closed| format!(", it was closed on {}", closed.day()));
    let message = format!(
        "no plan of this kind is open on that day{}: agree it first, or name one of those that are",
        since.unwrap_or_default()
    );
    Refusal::new(Code::PlanNotFound, message).at("kind").allowing(open).naming(closed.map(Stated::fact))
}

/// The field by which facts name such a thing.
const fn field(kind: Kind) -> &'static str {
    match kind {
        Kind::Spell => "spell",
        Kind::Appointment => "appointment",
        Kind::Task => "task",
        Kind::Risk => "risk",
        Kind::Evidence => "evidence",
    }
}

/// A thing, and how it began.
const fn began(kind: Kind) -> (&'static str, &'static str) {
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
            "this journey has no spell of this id: start it first, or name one of its open spells",
        ),
        Kind::Appointment => (
            Code::AppointmentNotFound,
            "this journey has no appointment of this id: book it first, or name one of its open appointments",
        ),
        Kind::Task => {
            (Code::TaskNotFound, "this journey has no task of this id: set it first, or name one of its open tasks")
        }
        Kind::Risk => {
            (Code::RiskNotFound, "this journey has no risk of this id: raise it first, or name one of its open risks")
        }
        Kind::Evidence => (
            Code::EvidenceNotFound,
            "this journey has no evidence of this id: attach it first, or name one that it has",
        ),
    };
    Refusal::new(code, message).at(field(kind)).allowing(open)
}

pub(super) fn exists(kind: Kind, begun: &Stated<'_>) -> Refusal {
    let code = match kind {
        Kind::Spell => Code::SpellExists,
        Kind::Appointment => Code::AppointmentExists,
        Kind::Task => Code::TaskExists,
        Kind::Risk => Code::RiskExists,
        Kind::Evidence => Code::EvidenceExists,
    };
    let (thing, verb) = began(kind);
    let message =
        format!("{thing} of this id {verb} on {}: give the new one a new id, or correct that fact", begun.day());
    Refusal::new(code, message).at(field(kind)).naming([begun.fact()])
}

pub(super) fn already_over(kind: Kind, over: &Stated<'_>) -> Refusal {
    let code = match kind {
        Kind::Spell => Code::SpellAlreadyEnded,
        Kind::Appointment => Code::AppointmentAlreadyOver,
        Kind::Task => Code::TaskAlreadyOver,
        Kind::Risk => Code::RiskAlreadyCleared,
        Kind::Evidence => Code::EvidenceNoLongerCounts,
    };
    let how = match over.event {
        Event::AppointmentCancelled(_) => "the appointment was cancelled",
        Event::ContactLogged(_) => "what became of the appointment was recorded",
        Event::TaskDone(_) => "the task was done",
        Event::TaskCancelled(_) => "the task was cancelled",
        Event::RiskCleared(_) => "the risk was cleared",
        Event::EvidenceRejected(_) => "the evidence was rejected",
        Event::EvidenceWithdrawn(_) => "the evidence was withdrawn",
        _ => "the spell ended",
    };
    let message = format!("{how} on {}: correct or retract that fact if it was not so", over.day());
    Refusal::new(code, message).at(field(kind)).naming([over.fact()])
}

pub(super) fn before_it_began(kind: Kind, part: Part, begun: &Stated<'_>) -> Refusal {
    let (code, rule) = match (kind, part) {
        (Kind::Spell, Part::GoesOn) => (Code::OutsideSpell, "domain §4: a spell changes while it holds"),
        (Kind::Spell, _) => (
            Code::EndedBeforeStart,
            "domain §6: spells are half-open, an end is the first day on which the spell no longer held",
        ),
        (Kind::Evidence, _) => (Code::BeforeAttached, "domain §4: what is checked is there"),
        (Kind::Appointment | Kind::Task | Kind::Risk, _) => (Code::EndedBeforeStart, "domain §4: what ends has begun"),
    };
    let (_, verb) = began(kind);
    let message = format!(
        "the {} {verb} on {}: date this on or after that day, or correct that fact first",
        field(kind),
        begun.day()
    );
    Refusal::new(code, message).at("occurred_on").by(rule).naming([begun.fact()])
}

pub(super) fn after_the_spell(end: &Stated<'_>) -> Refusal {
    let message =
        format!("the spell no longer held on {}: date the change before that day, or correct the end first", end.day());
    Refusal::new(Code::OutsideSpell, message)
        .at("occurred_on")
        .by("domain §6: spells are half-open, an end is the first day on which the spell no longer held")
        .naming([end.fact()])
}

pub(super) fn already_verified(verified: &Stated<'_>) -> Refusal {
    let message =
        format!("the evidence was verified on {}: correct or retract that fact if it was not so", verified.day());
    Refusal::new(Code::EvidenceAlreadyVerified, message).at("evidence").naming([verified.fact()])
}

pub(super) fn support_not_found(at: usize) -> Refusal {
    let message = "this journey has no standing fact or spell of this id: name original events, or spells, that stand";
    Refusal::new(Code::SupportNotFound, message)
        .at(format!("supports.{at}"))
        .by("domain §4: evidence supports events or spells of its journey")
}

pub(super) fn task_set(task: &Task) -> DependentFact {
    DependentFact { event_id: task.event_id, event_type: EventType::TaskSet, occurred: task.set }
}

pub(super) fn tasks_open(open: Vec<DependentFact>) -> Refusal {
    let message = match open.len() {
        1 => "a task is still open: do or cancel it first, or accept this warning".to_owned(),
        many => format!("{many} tasks are still open: do or cancel them first, or accept this warning"),
    };
    Refusal::new(Code::TasksOpen, message)
        .by("domain §4: tasks dated after the close are refused, so nobody could do them")
        .naming(open)
}

pub(super) fn booked(appointment: &Appointment) -> DependentFact {
    let (event_id, occurred) = (appointment.event_id, appointment.booked);
    DependentFact { event_id, event_type: EventType::AppointmentBooked, occurred }
}

pub(super) fn appointments_open(open: Vec<DependentFact>) -> Refusal {
    let message = match open.len() {
        1 => "an appointment is still open: cancel it, or record what became of it, or accept this warning".to_owned(),
        many => {
            format!(
                "{many} appointments are still open: cancel them, or record what became of them, or accept this warning"
            )
        }
    };
    Refusal::new(Code::AppointmentsOpen, message)
        .by("domain §4: contacts dated after the close are refused, so nobody could keep them")
        .naming(open)
}

/// A contact that was missed, and at which both sides spoke or saw each other all the same.
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
        "the contact was {} and yet {what}: say attended, or leave that out; accept this warning if both are right",
        missed(contact.attendance)
    );
    Some(Refusal::new(Code::ContactContradictory, message).at(field))
}

/// What became of an appointment to which nobody came, as a sentence has it.
const fn missed(attendance: Attendance) -> &'static str {
    match attendance {
        Attendance::NotOffered => "not offered",
        Attendance::CancelledByClient | Attendance::CancelledByService => "cancelled",
        Attendance::DidNotAttend | Attendance::Attended | Attendance::None => "not attended",
    }
}

/// A fact of so many days before the referral: more likely a slip of the year than true.
pub(super) fn long_before_referral(received: NaiveDate, days: i64) -> Refusal {
    let message = format!(
        "this is dated {days} days before the referral of {received}: check the month and the year, or accept this warning"
    );
    Refusal::new(Code::LongBeforeReferral, message)
        .at("occurred_on")
        .by("domain §10: what was done before the referral meets its standards too")
}

/// A fact that says what another one says.
pub(super) fn recorded_already(other: DependentFact) -> Refusal {
    let message = match other.event_type {
        EventType::AppointmentBooked => {
            "an appointment for this day, time and channel is booked already: use that one, or accept this warning"
        }
        EventType::TaskSet => "the same task is open already: use that one, or accept this warning",
        EventType::EvidenceAttached => "the same document is attached already: use that one, or accept this warning",
        _ => "the same is recorded for this day already: accept this warning if it was so twice",
    };
    Refusal::new(Code::RecordedAlready, message).naming([other])
}

/// An appointment whose day is still to come on the day of the contact.
pub(super) fn before_appointment(scheduled_on: NaiveDate, booked: DependentFact) -> Refusal {
    let message = format!(
        "the appointment is booked for {scheduled_on}, after the day of this contact: check both days, move the \
         appointment first, or accept this warning"
    );
    Refusal::new(Code::BeforeAppointment, message).at("occurred_on").naming([booked])
}

/// What is planned for a case that was closed that day.
pub(super) fn planned_after_close(close: &Stated<'_>) -> Refusal {
    let message = format!(
        "the journey was {} on {}: what is planned after that lapses at once: reopen the journey first, or accept this \
         warning",
        left(close),
        close.day()
    );
    Refusal::new(Code::PlannedAfterClose, message)
        .at("occurred_on")
        .by("domain §4: closing ends the caseload; contacts, plans, tasks and assignments do not follow it")
        .naming([close.fact()])
}

pub(super) fn another_subject() -> Refusal {
    fixed(
        "subject",
        "a journey stays with its subject: retract its facts and receive the referral for the other subject",
    )
}

pub(super) fn another_thing(kind: Kind) -> Refusal {
    let message = match kind {
        Kind::Spell => "a spell keeps its id: retract this start and record the spell anew",
        Kind::Appointment => "an appointment keeps its id: retract this booking and book it anew",
        Kind::Task => "a task keeps its id: retract this one and set the task anew",
        Kind::Risk => "a risk keeps its id: retract this one and raise the risk anew",
        Kind::Evidence => "evidence keeps its id: retract this and attach the piece anew",
    };
    fixed(field(kind), message)
}

fn fixed(path: &str, message: &str) -> Refusal {
    Refusal::new(Code::FixedField, message).at(path)
}
