//! The people, ids, dates, facts and commands of the test world.
//!
//! Ids are small numbers in the order of recording, so that a test can name the n-th event.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::command::contracts::OpenContract;
use crate::command::{Command, CorrectFact, ReceiveReferral, RetractFacts};
use crate::contract::Contract;
use crate::fact::Entry;
use crate::fact::Recorded;
use crate::fact::envelope::{
    Actor, AppointmentId, EventId, EvidenceId, JourneyId, Occurred, Position, Precision, RiskId, SpellId, StreamId,
    SubjectId, TaskId, TeamId, WorkerId,
};
use crate::fact::event::{
    AchievementRecorded, AppointmentBooked, AppointmentCancelled, AppointmentMoved, AssessmentScored, Attendance,
    Attribute, CancelledBy, ContactLogged, ContactWith, ContractOpened, Disengaged, Eligibility, EligibilityAssessed,
    EngagementStarted, Event, EvidenceAttached, EvidenceRejected, EvidenceVerified, EvidenceWithdrawn, JourneyClosed,
    JourneyReopened, JourneyTransferred, KEYWORKER, MeasureRecorded, Patched, PlanAgreed, PlanClosed, PlanReviewed,
    Quantity, ReferralDeclined, ReferralReceived, ReferralWithdrawn, RiskCleared, RiskRaised, RulebookPublished,
    SpellChanged, SpellEnded, SpellStarted, SubjectKind, TaskCancelled, TaskDone, TaskSet, WorkerAssigned,
    WorkerReleased,
};

/// Today, in every test case.
pub const TODAY: &str = "2018-02-28";

/// A small rulebook: two boroughs, no cohorts, one kind of plan.
pub const RULES: &str = r#"rulebook = 1
contract = "shps"
version = "2017-03"
title = "Single Homelessness Prevention Service"
effective_from = 2017-03-01
applies_by = "achieved"
retroactive = false
currency = "GBP"

[calendar]
zone = "Europe/London"
working_days = "england-and-wales"
financial_year = "04-01"

[codes]
areas = ["brent", "ealing"]
cohorts = []
referrer_kinds = ["self", "prison"]
plan_kinds = ["php", "safety_plan"]
contact_channels = ["face_to_face", "phone"]
spell_domains = ["accommodation"]
evidence_kinds = ["payslip", "landlord_letter"]
risk_kinds = ["homelessness", "rent_arrears"]
achievement_codes = ["qualification", "tenancy_training"]
measure_codes = ["attendance", "earnings"]
disengage_reasons = ["no_contact"]
close_reasons = ["housed", "lost_contact", "not_eligible"]
defect_codes = ["illegible", "remarks_on_form"]
"#;

/// The case that every story is about.
pub const JOURNEY: JourneyId = JourneyId(Uuid::from_u128(0x10));
/// Its subject.
pub const SUBJECT: SubjectId = SubjectId(Uuid::from_u128(0x20));
/// A worker.
pub const ANN: WorkerId = WorkerId(Uuid::from_u128(0x31));
/// Another worker.
pub const BOB: WorkerId = WorkerId(Uuid::from_u128(0x32));
/// A third worker.
pub const CAT: WorkerId = WorkerId(Uuid::from_u128(0x33));
/// The team of Ann and Bob.
pub const TEAM: TeamId = TeamId(Uuid::from_u128(0x51));
/// Another person.
pub const OTHER: SubjectId = SubjectId(Uuid::from_u128(0x21));
/// A third person.
pub const THIRD: SubjectId = SubjectId(Uuid::from_u128(0x22));
/// A family.
pub const FAMILY: SubjectId = SubjectId(Uuid::from_u128(0x23));
/// A spell in a home.
pub const HOME: SpellId = SpellId(Uuid::from_u128(0x41));
/// Another spell.
pub const FLAT: SpellId = SpellId(Uuid::from_u128(0x42));
/// An appointment.
pub const APPOINTMENT: AppointmentId = AppointmentId(Uuid::from_u128(0x81));
/// A task.
pub const TASK: TaskId = TaskId(Uuid::from_u128(0x51));
/// Another task.
pub const OTHER_TASK: TaskId = TaskId(Uuid::from_u128(0x52));
/// A risk.
pub const RISK: RiskId = RiskId(Uuid::from_u128(0x61));
/// Another risk.
pub const OTHER_RISK: RiskId = RiskId(Uuid::from_u128(0x62));
/// A piece of evidence.
pub const PIECE: EvidenceId = EvidenceId(Uuid::from_u128(0x71));
/// Another piece of evidence.
pub const OTHER_PIECE: EvidenceId = EvidenceId(Uuid::from_u128(0x72));

/// The date of an entry, if there is one.
pub fn at<T>(entry: Option<&Entry<T>>) -> Option<Occurred> {
    entry.map(|entry| entry.occurred)
}

/// The date of each entry.
pub fn days<T>(entries: &[Entry<T>]) -> Vec<Occurred> {
    entries.iter().map(|entry| entry.occurred).collect()
}

/// A date as tests write it.
pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// The date of a fact: `2018-02-10`, `2018-02-10 09:30`, `2018-02` or `2018`.
pub fn when(text: &str) -> Occurred {
    match text.len() {
        4 => Occurred::within(day(&format!("{text}-01-01")), Precision::Year),
        7 => Occurred::within(day(&format!("{text}-01")), Precision::Month),
        10 => Occurred::on(day(text)),
        _ => {
            let (date, time) = text.split_once(' ').expect("a date, a space, a time");
            Occurred::on(day(date)).at(Some(NaiveTime::parse_from_str(time, "%H:%M").expect("a time")))
        }
    }
}

/// The id of the n-th recorded event, from 1.
pub fn nth(n: u128) -> EventId {
    EventId(Uuid::from_u128(n))
}

/// A plain [`ReferralReceived`].
pub fn referral() -> ReferralReceived {
    ReferralReceived {
        subject: SUBJECT,
        area: "brent".to_owned(),
        cohort: None,
        referrer: None,
        external_references: Vec::new(),
    }
}

/// A plain [`ContactLogged`].
pub fn contact() -> ContactLogged {
    ContactLogged {
        appointment: None,
        channel: "phone".to_owned(),
        direction: None,
        with: ContactWith::Client,
        attendance: Attendance::None,
        face_to_face: Some(false),
        two_way: true,
        group: false,
        minutes: None,
        scheduled_on: None,
        worker: Some(ANN),
        note: None,
    }
}

/// A plain [`SpellStarted`].
pub fn home(spell: SpellId) -> SpellStarted {
    SpellStarted {
        spell,
        domain: "accommodation".to_owned(),
        employer_ref: None,
        hours_per_week: None,
        attributes: BTreeMap::new(),
        note: None,
    }
}

/// A plain [`WorkerAssigned`].
pub fn keyworker(worker: WorkerId) -> WorkerAssigned {
    WorkerAssigned { worker, role: KEYWORKER.to_owned(), until: None }
}

/// A plain [`ReferralDeclined`].
pub fn declined() -> ReferralDeclined {
    ReferralDeclined { reason: "not_eligible".to_owned() }
}

/// A plain [`PlanAgreed`].
pub fn plan() -> PlanAgreed {
    PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }
}

/// A plain [`SpellEnded`].
pub fn ended(spell: SpellId) -> SpellEnded {
    SpellEnded { spell, reason: None, note: None }
}

/// A plain [`Disengaged`].
pub fn disengaged() -> Disengaged {
    Disengaged { reason: "no_contact".to_owned(), last_seen_on: None }
}

/// A plain [`JourneyClosed`].
pub fn closed() -> JourneyClosed {
    JourneyClosed { reason: "housed".to_owned(), destination: None }
}

/// A plain [`ReferralWithdrawn`].
pub fn withdrawn() -> ReferralWithdrawn {
    ReferralWithdrawn { reason: "lost_contact".to_owned() }
}

/// A plain [`EligibilityAssessed`].
pub fn eligible() -> EligibilityAssessed {
    EligibilityAssessed {
        result: Eligibility::Eligible,
        criteria: BTreeMap::from([("homeless".to_owned(), true)]),
        facts: BTreeMap::from([("age".to_owned(), Attribute::Quantity(Quantity(34.into())))]),
    }
}

/// A plain [`WorkerReleased`].
pub fn released(worker: WorkerId) -> WorkerReleased {
    WorkerReleased { worker, role: KEYWORKER.to_owned() }
}

/// A plain [`EngagementStarted`].
pub fn engaged() -> EngagementStarted {
    EngagementStarted { basis: "second_meeting".to_owned() }
}

/// A plain [`PlanReviewed`].
pub fn reviewed() -> PlanReviewed {
    PlanReviewed { kind: "php".to_owned(), actions: Vec::new(), note: None }
}

/// A plain [`PlanClosed`].
pub fn plan_closed() -> PlanClosed {
    PlanClosed { kind: "php".to_owned(), reason: None, note: None }
}

/// An appointment on this day, at the office.
pub fn booked(scheduled_on: &str) -> AppointmentBooked {
    AppointmentBooked {
        appointment: APPOINTMENT,
        scheduled_on: day(scheduled_on),
        time: None,
        channel: "face_to_face".to_owned(),
        worker: None,
    }
}

/// A plain [`AppointmentMoved`].
pub fn moved(scheduled_on: &str) -> AppointmentMoved {
    let scheduled_on = Some(day(scheduled_on));
    let (time, worker) = (Patched::Stays, Patched::Stays);
    AppointmentMoved { appointment: APPOINTMENT, scheduled_on, time, channel: None, worker }
}

/// A plain [`AppointmentCancelled`].
pub fn called_off() -> AppointmentCancelled {
    AppointmentCancelled { appointment: APPOINTMENT, by: Some(CancelledBy::Client), reason: None }
}

/// A task of Ann, due on 5 March.
pub fn task(task: TaskId) -> TaskSet {
    let kind = if task == OTHER_TASK { "call_council" } else { "call_landlord" };
    TaskSet { task, kind: kind.to_owned(), due_on: day("2018-03-05"), owner: Some(ANN), note: None }
}

/// A plain [`TaskDone`].
pub fn done(task: TaskId) -> TaskDone {
    TaskDone { task, note: None }
}

/// A plain [`TaskCancelled`].
pub fn cancelled(task: TaskId) -> TaskCancelled {
    TaskCancelled { task, reason: None, note: None }
}

/// A plain [`AssessmentScored`].
pub fn scored() -> AssessmentScored {
    AssessmentScored {
        instrument: "sdq".to_owned(),
        items: BTreeMap::from([("restless".to_owned(), Quantity(2.into()))]),
        score: Quantity(17.into()),
    }
}

/// The home becomes one that was kept.
pub fn changed(spell: SpellId) -> SpellChanged {
    let attributes = BTreeMap::from([("secured_as".to_owned(), Attribute::Text("kept".to_owned()))]);
    SpellChanged { spell, hours_per_week: None, attributes, note: None }
}

/// A plain [`MeasureRecorded`].
pub fn measured() -> MeasureRecorded {
    let value = Quantity(rust_decimal::Decimal::new(925, 1));
    MeasureRecorded { code: "attendance".to_owned(), value, unit: Some("percent".to_owned()), period: None }
}

/// A plain [`AchievementRecorded`].
pub fn achieved() -> AchievementRecorded {
    AchievementRecorded { code: "qualification".to_owned(), level: Some("2".to_owned()) }
}

/// A plain [`RiskRaised`].
pub fn raised(risk: RiskId) -> RiskRaised {
    RiskRaised { risk, kind: "homelessness".to_owned() }
}

/// A plain [`RiskCleared`].
pub fn cleared(risk: RiskId) -> RiskCleared {
    RiskCleared { risk }
}

/// A payslip of 31 January that supports nothing in particular.
pub fn attached(evidence: EvidenceId) -> EvidenceAttached {
    EvidenceAttached {
        evidence,
        kind: "payslip".to_owned(),
        sha256: Some("0a".repeat(32)),
        dated_on: day("2018-01-31"),
        obtained_on: None,
        obtained_how: None,
        supports: Vec::new(),
    }
}

/// A plain [`EvidenceVerified`].
pub fn verified(evidence: EvidenceId) -> EvidenceVerified {
    EvidenceVerified { evidence }
}

/// A plain [`EvidenceRejected`].
pub fn rejected(evidence: EvidenceId) -> EvidenceRejected {
    EvidenceRejected { evidence, defect: "illegible".to_owned() }
}

/// A plain [`EvidenceWithdrawn`].
pub fn taken_back(evidence: EvidenceId) -> EvidenceWithdrawn {
    EvidenceWithdrawn { evidence, reason: None }
}

/// A plain [`JourneyReopened`].
pub fn reopened() -> JourneyReopened {
    JourneyReopened { reason: "came back after a month".to_owned() }
}

/// A plain [`JourneyTransferred`].
pub fn transferred() -> JourneyTransferred {
    JourneyTransferred { reason: "housed".to_owned(), destination: "mhep".to_owned() }
}

/// A fact and its date, as an event of the test case.
pub fn on(at: &str, fact: impl Into<Event>) -> (Occurred, Event) {
    (when(at), fact.into())
}

/// The stream of the contract `shps`.
pub fn shps() -> StreamId {
    StreamId::contract("shps")
}

/// The command that records this fact of the case.
pub fn state(at: &str, fact: impl Into<Event>) -> Command {
    match fact.into() {
        Event::ReferralReceived(fact) => refer(JOURNEY, "shps", when(at), None, fact),
        fact => fact_of(StreamId::journey(JOURNEY), at, fact),
    }
}

/// The command that records this fact of any stream.
pub fn fact_of(stream: StreamId, at: &str, fact: impl Into<Event>) -> Command {
    Command::record_fact(stream, when(at), fact)
}

/// The command that creates a case. If a kind of subject is given, it also registers the subject.
pub fn refer(
    journey: JourneyId,
    contract: &str,
    occurred: Occurred,
    register: Option<SubjectKind>,
    fact: ReferralReceived,
) -> Command {
    let contract = contract.to_owned();
    let when = occurred.into();
    Command::ReceiveReferral(ReceiveReferral { journey, contract, when, register, identity: None, fact })
}

/// The command that creates a case of the person.
pub fn referred(journey: JourneyId, at: &str) -> Command {
    refer(journey, "shps", when(at), None, referral())
}

/// The command that opens a contract with its first rulebook.
pub fn open(occurred: Occurred, fact: ContractOpened, rulebook: impl Into<String>) -> Command {
    Command::OpenContract(OpenContract { when: occurred.into(), fact, rulebook: rulebook.into() })
}

/// The command that corrects the n-th event, a fact of the case.
pub fn correct(target: u128, at: &str, fact: impl Into<Event>) -> Command {
    corrected(StreamId::journey(JOURNEY), nth(target), at, fact)
}

/// The command that corrects a fact of any stream.
pub fn corrected(stream: StreamId, target: EventId, at: &str, fact: impl Into<Event>) -> Command {
    let (occurred, replacement, reason) = (when(at), fact.into(), "typed wrongly".to_owned());
    Command::CorrectFact(CorrectFact { stream, target, occurred, replacement, reason })
}

/// The command that retracts these events, facts of the case.
pub fn retract(targets: &[u128]) -> Command {
    let targets: Vec<EventId> = targets.iter().copied().map(nth).collect();
    retracted(StreamId::journey(JOURNEY), &targets)
}

/// The command that retracts facts of any stream.
pub fn retracted(stream: StreamId, targets: &[EventId]) -> Command {
    Command::RetractFacts(RetractFacts { stream, targets: targets.to_vec(), reason: "never was so".to_owned() })
}

/// A contract that starts on this day.
pub fn opened(code: &str, starts_on: &str) -> ContractOpened {
    ContractOpened {
        code: code.to_owned(),
        name: "Single Homelessness Prevention Service".to_owned(),
        parties: Vec::new(),
        starts_on: day(starts_on),
        ends_on: None,
    }
}

/// A plain [`RulebookPublished`].
pub fn published(content: &str) -> RulebookPublished {
    RulebookPublished { content: content.to_owned(), hash: String::new() }
}

/// The contract `shps` with these rulebooks.
pub fn open_contract(rulebooks: &[&str]) -> Contract {
    let published = rulebooks.iter().map(|content| Event::from(published(content)));
    let events = std::iter::once(Event::from(opened("shps", "2017-03-01"))).chain(published);
    let recorded: Vec<Recorded> =
        (1..).zip(events).map(|(at, event)| recorded(at, when("2017-03-01"), event)).collect();
    Contract::of(&recorded).expect("the rulebooks can be read")
}

/// The n-th event of a stream, recorded n days after the start of 2018.
pub fn recorded(version: i64, occurred: Occurred, event: Event) -> Recorded {
    let began = "2018-01-01T09:00:00Z".parse::<DateTime<Utc>>().expect("an instant");
    Recorded {
        event_id: nth(version.try_into().expect("versions are positive")),
        position: Position(version),
        version,
        contract: Some("shps".to_owned()),
        recorded_at: began + TimeDelta::days(version),
        actor: Actor { subject: "ann".to_owned(), role: "keyworker".to_owned(), on_behalf_of: None },
        occurred,
        event,
    }
}
