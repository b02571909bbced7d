//! Each type of fact of a case is recorded, refused, corrected and retracted at least once.

use super::*;
use crate::fact::event::EventType;
use crate::fact::event::{
    AchievementRecorded, AssessmentScored, Eligibility, EligibilityAssessed, EngagementStarted, EvidenceAttached,
    EvidenceRejected, EvidenceWithdrawn, JourneyReopened, JourneyTransferred, MeasureRecorded, PlanClosed,
    ReferralWithdrawn, RiskRaised, SpellChanged, TaskCancelled, TaskSet, WorkerReleased,
};
use crate::world::{
    OTHER_TASK, PIECE, RISK, TASK, World, achieved, attached, booked, called_off, cancelled, changed, cleared, done,
    eligible, engaged, measured, moved, plan_closed, raised, rejected, released, reopened, reviewed, scored,
    taken_back, task, transferred, verified, withdrawn,
};

/// A test case for one type of fact.
struct Case {
    /// The facts recorded before.
    given: World,
    /// The fact.
    fact: (&'static str, Event),
    /// A fact of the same type that is refused instead, and the code.
    refused: (&'static str, Event, Code),
    /// The corrected fact.
    corrected: (&'static str, Event),
}

fn case(
    given: World,
    fact: (&'static str, impl Into<Event>),
    refused: (&'static str, impl Into<Event>, Code),
    corrected: (&'static str, impl Into<Event>),
) -> Case {
    Case {
        given,
        fact: (fact.0, fact.1.into()),
        refused: (refused.0, refused.1.into(), refused.2),
        corrected: (corrected.0, corrected.1.into()),
    }
}

fn received() -> World {
    given([on("2018-01-10", referral())])
}

fn with(facts: &[(&str, Event)]) -> World {
    facts.iter().fold(accepted(), |story, (at, fact)| story.and(&state(at, fact.clone())))
}

/// The test case of each type. None for types that no command about a case records.
fn case_of(of: EventType) -> Option<Case> {
    answers(of).or_else(|| work(of)).or_else(|| life(of)).or_else(|| proof(of)).or_else(|| leave(of))
}

fn answers(of: EventType) -> Option<Case> {
    Some(match of {
        EventType::ReferralReceived => case(
            given([]),
            ("2018-01-10", referral()),
            ("2018-01-10", ReferralReceived { area: "leeds".to_owned(), ..referral() }, Code::UnknownCode),
            ("2018-01-09", ReferralReceived { area: "ealing".to_owned(), ..referral() }),
        ),
        EventType::ReferralAccepted => case(
            received(),
            ("2018-01-11", ReferralAccepted {}),
            ("2018-01-09", ReferralAccepted {}, Code::BeforeReferral),
            ("2018-01-12", ReferralAccepted {}),
        ),
        EventType::ReferralDeclined => case(
            received(),
            ("2018-01-11", declined()),
            ("2018-01-11", ReferralDeclined { reason: "because".to_owned() }, Code::UnknownCode),
            ("2018-01-11", ReferralDeclined { reason: "housed".to_owned() }),
        ),
        EventType::ReferralWithdrawn => case(
            received(),
            ("2018-01-11", withdrawn()),
            ("2018-01-09", withdrawn(), Code::BeforeReferral),
            ("2018-01-11", ReferralWithdrawn { reason: "housed".to_owned() }),
        ),
        EventType::EligibilityAssessed => case(
            received(),
            ("2018-01-10", eligible()),
            ("2018-01-09", eligible(), Code::BeforeReferral),
            ("2018-01-10", EligibilityAssessed { result: Eligibility::NotEligible, ..eligible() }),
        ),
        _ => return None,
    })
}

fn work(of: EventType) -> Option<Case> {
    let held = || with(&[("2018-01-12", keyworker(ANN).into())]);
    let planned = || with(&[("2018-01-20", plan().into())]);
    let to_do = || with(&[("2018-01-20", task(TASK).into())]);
    Some(match of {
        EventType::WorkerAssigned => case(
            accepted(),
            ("2018-01-12", keyworker(ANN)),
            ("2018-01-09", keyworker(ANN), Code::BeforeReferral),
            ("2018-01-12", keyworker(BOB)),
        ),
        EventType::WorkerReleased => case(
            held(),
            ("2018-02-01", released(ANN)),
            ("2018-02-01", WorkerReleased { role: "mentor".to_owned(), ..released(ANN) }, Code::NotAssigned),
            ("2018-02-02", released(ANN)),
        ),
        EventType::AppointmentBooked => case(
            accepted(),
            ("2018-02-01", booked("2018-03-05")),
            ("2018-02-01", booked("2018-01-31"), Code::InvalidValue),
            ("2018-02-01", booked("2018-03-06")),
        ),
        EventType::AppointmentMoved => case(
            with(&[("2018-02-01", booked("2018-03-05").into())]),
            ("2018-02-02", moved("2018-03-06")),
            ("2018-01-31", moved("2018-03-06"), Code::EndedBeforeStart),
            ("2018-02-02", moved("2018-03-07")),
        ),
        EventType::AppointmentCancelled => case(
            with(&[("2018-02-01", booked("2018-03-05").into())]),
            ("2018-02-02", called_off()),
            ("2018-01-31", called_off(), Code::EndedBeforeStart),
            ("2018-02-03", called_off()),
        ),
        EventType::ContactLogged => case(
            accepted(),
            ("2018-02-10", contact()),
            ("2018-03-01", contact(), Code::DatedInFuture),
            ("2018-02-10", ContactLogged { minutes: Some(20), ..contact() }),
        ),
        EventType::EngagementStarted => case(
            accepted(),
            ("2018-01-20", engaged()),
            ("2018-01-09", engaged(), Code::BeforeReferral),
            ("2018-01-20", EngagementStarted { basis: "first_meeting".to_owned() }),
        ),
        EventType::PlanAgreed => case(
            accepted(),
            ("2018-01-20", plan()),
            (
                "2018-01-20",
                PlanAgreed { kind: "employment_plan".to_owned(), actions: Vec::new(), note: None },
                Code::UnknownCode,
            ),
            ("2018-01-21", plan()),
        ),
        EventType::PlanReviewed => case(
            planned(),
            ("2018-02-10", reviewed()),
            ("2018-01-19", reviewed(), Code::PlanNotFound),
            ("2018-02-11", reviewed()),
        ),
        EventType::PlanClosed => case(
            planned(),
            ("2018-02-10", plan_closed()),
            ("2018-01-19", plan_closed(), Code::PlanNotFound),
            ("2018-02-10", PlanClosed { reason: Some("every action is done".to_owned()), ..plan_closed() }),
        ),
        EventType::TaskSet => case(
            accepted(),
            ("2018-01-20", task(TASK)),
            ("2018-01-20", TaskSet { due_on: day("2018-01-19"), ..task(TASK) }, Code::InvalidValue),
            ("2018-01-20", TaskSet { due_on: day("2018-03-06"), ..task(TASK) }),
        ),
        EventType::TaskDone => case(
            to_do(),
            ("2018-02-01", done(TASK)),
            ("2018-02-01", done(OTHER_TASK), Code::TaskNotFound),
            ("2018-02-02", done(TASK)),
        ),
        EventType::TaskCancelled => case(
            to_do(),
            ("2018-02-01", cancelled(TASK)),
            ("2018-01-19", cancelled(TASK), Code::EndedBeforeStart),
            ("2018-02-01", TaskCancelled { reason: Some("the landlord rang".to_owned()), ..cancelled(TASK) }),
        ),
        _ => return None,
    })
}

fn life(of: EventType) -> Option<Case> {
    let housed = || with(&[("2018-01-20", home(HOME).into())]);
    let at_risk = || with(&[("2018-01-20", raised(RISK).into())]);
    Some(match of {
        EventType::AssessmentScored => case(
            accepted(),
            ("2018-01-20", scored()),
            ("2018-01-20", AssessmentScored { instrument: String::new(), ..scored() }, Code::MissingValue),
            ("2018-01-20", AssessmentScored { score: Quantity(12.into()), ..scored() }),
        ),
        EventType::SpellStarted => case(
            accepted(),
            ("2018-01-20", home(HOME)),
            ("2018-01-20", SpellStarted { domain: "boat".to_owned(), ..home(HOME) }, Code::UnknownCode),
            ("2018-01-21", home(HOME)),
        ),
        EventType::SpellChanged => case(
            housed(),
            ("2018-02-01", changed(HOME)),
            ("2018-02-01", changed(FLAT), Code::SpellNotFound),
            ("2018-02-01", SpellChanged { hours_per_week: Some(Quantity(20.into())), ..changed(HOME) }),
        ),
        EventType::SpellEnded => case(
            housed(),
            ("2018-02-01", ended(HOME)),
            ("2018-01-19", ended(HOME), Code::EndedBeforeStart),
            ("2018-02-01", SpellEnded { reason: Some("moved on".to_owned()), ..ended(HOME) }),
        ),
        EventType::MeasureRecorded => case(
            accepted(),
            ("2018-01-31", measured()),
            ("2018-01-31", MeasureRecorded { code: "height".to_owned(), ..measured() }, Code::UnknownCode),
            ("2018-01-31", MeasureRecorded { value: Quantity(95.into()), ..measured() }),
        ),
        EventType::AchievementRecorded => case(
            accepted(),
            ("2018-01-31", achieved()),
            ("2018-01-31", AchievementRecorded { code: "medal".to_owned(), ..achieved() }, Code::UnknownCode),
            ("2018-01-31", AchievementRecorded { level: None, ..achieved() }),
        ),
        EventType::RiskRaised => case(
            accepted(),
            ("2018-01-20", raised(RISK)),
            ("2018-01-20", RiskRaised { kind: "weather".to_owned(), ..raised(RISK) }, Code::UnknownCode),
            ("2018-01-20", RiskRaised { kind: "rent_arrears".to_owned(), ..raised(RISK) }),
        ),
        EventType::RiskCleared => case(
            at_risk(),
            ("2018-02-01", cleared(RISK)),
            ("2018-01-19", cleared(RISK), Code::EndedBeforeStart),
            ("2018-02-02", cleared(RISK)),
        ),
        _ => return None,
    })
}

fn proof(of: EventType) -> Option<Case> {
    let proved = || with(&[("2018-02-05", attached(PIECE).into())]);
    Some(match of {
        EventType::EvidenceAttached => case(
            accepted(),
            ("2018-02-05", attached(PIECE)),
            ("2018-02-05", EvidenceAttached { kind: "rumour".to_owned(), ..attached(PIECE) }, Code::UnknownCode),
            ("2018-02-05", EvidenceAttached { kind: "landlord_letter".to_owned(), ..attached(PIECE) }),
        ),
        EventType::EvidenceWithdrawn => case(
            proved(),
            ("2018-02-10", taken_back(PIECE)),
            ("2018-02-04", taken_back(PIECE), Code::BeforeAttached),
            ("2018-02-10", EvidenceWithdrawn { reason: Some("somebody else's".to_owned()), ..taken_back(PIECE) }),
        ),
        EventType::EvidenceVerified => case(
            proved(),
            ("2018-02-10", verified(PIECE)),
            ("2018-02-04", verified(PIECE), Code::BeforeAttached),
            ("2018-02-11", verified(PIECE)),
        ),
        EventType::EvidenceRejected => case(
            proved(),
            ("2018-02-10", rejected(PIECE)),
            ("2018-02-10", EvidenceRejected { defect: "ugly".to_owned(), ..rejected(PIECE) }, Code::UnknownCode),
            ("2018-02-10", EvidenceRejected { defect: "remarks_on_form".to_owned(), ..rejected(PIECE) }),
        ),
        _ => return None,
    })
}

fn leave(of: EventType) -> Option<Case> {
    Some(match of {
        EventType::Disengaged => case(
            accepted(),
            ("2018-02-10", disengaged()),
            ("2018-01-09", disengaged(), Code::BeforeReferral),
            ("2018-02-10", Disengaged { last_seen_on: Some(day("2018-02-01")), ..disengaged() }),
        ),
        EventType::JourneyClosed => case(
            accepted(),
            ("2018-02-10", closed()),
            ("2018-01-09", closed(), Code::BeforeReferral),
            ("2018-02-10", JourneyClosed { reason: "lost_contact".to_owned(), ..closed() }),
        ),
        EventType::JourneyReopened => case(
            with(&[("2018-02-10", closed().into())]),
            ("2018-02-20", reopened()),
            ("2018-02-09", reopened(), Code::NotClosed),
            ("2018-02-20", JourneyReopened { reason: "the close was for another client".to_owned() }),
        ),
        EventType::JourneyTransferred => case(
            accepted(),
            ("2018-02-10", transferred()),
            ("2018-02-10", JourneyTransferred { destination: " ".to_owned(), ..transferred() }, Code::MissingValue),
            ("2018-02-10", JourneyTransferred { destination: "kmc".to_owned(), ..transferred() }),
        ),
        _ => return None,
    })
}

/// The types of facts that can be recorded for a case.
fn stated() -> impl Iterator<Item = EventType> {
    let of_journeys = |of: &EventType| of.stream_kinds().contains(&crate::fact::envelope::StreamKind::Journey);
    EventType::ALL.iter().copied().filter(of_journeys).filter(|of| of.is_correctable())
}

#[test]
fn every_type_has_a_case() {
    for of in stated() {
        let case = case_of(of).unwrap_or_else(|| panic!("{} has no case", of.as_str()));
        for (event, role) in
            [(&case.fact.1, "fact"), (&case.refused.1, "refused fact"), (&case.corrected.1, "corrected fact")]
        {
            assert_eq!(event.event_type(), of, "the {role} of {}", of.as_str());
        }
    }
}

#[test]
fn a_fact_of_every_type_is_recorded_on_its_day() {
    for case in stated().filter_map(case_of) {
        let (at, fact) = case.fact;
        case.given.when(state(at, fact.clone())).then([(when(at), fact)]);
    }
}

#[test]
fn a_fact_of_every_type_is_refused() {
    for case in stated().filter_map(case_of) {
        let (at, fact, code) = case.refused;
        let refusal = case.given.when(state(at, fact)).refused(code);
        assert!(!refusal.message.ends_with('.') && !refusal.message.starts_with(char::is_uppercase), "{refusal:?}");
    }
}

#[test]
fn a_fact_of_every_type_is_corrected_whole() {
    for case in stated().filter_map(case_of) {
        let ((at, fact), (corrected_at, corrected)) = (case.fact, case.corrected);
        let story = case.given.and(&state(at, fact.clone()));
        let recorded = u128::try_from(story.case().version()).expect("versions are positive");
        let before = format!("{:?}", story.case().journey());
        let story = story.and(&correct(recorded, corrected_at, corrected.clone()));
        let reads = story.case().fact(nth(recorded)).expect("it is recorded");
        assert_eq!((reads.occurred, reads.event), (when(corrected_at), &corrected));
        assert_ne!(format!("{:?}", story.case().journey()), before, "the fold shows it: {corrected:?}");
        story.when(correct(recorded, corrected_at, corrected)).refused(Code::NothingToCorrect);
    }
}

#[test]
fn a_fact_of_every_type_is_retracted_and_recorded_again() {
    for case in stated().filter_map(case_of) {
        let (at, fact) = case.fact;
        let before = format!("{:?}", case.given.case().journey());
        let story = case.given.and(&state(at, fact.clone()));
        let recorded = u128::try_from(story.case().version()).expect("versions are positive");
        assert_ne!(format!("{:?}", story.case().journey()), before, "the fold shows it: {fact:?}");
        let story = story.and(&retract(&[recorded]));
        assert!(story.case().fact(nth(recorded)).is_none());
        assert_eq!(format!("{:?}", story.case().journey()), before, "as if it had never been recorded: {fact:?}");
        story.when(state(at, fact)).accepted();
    }
}

#[test]
fn corrections_and_retractions_cannot_be_corrected() {
    let story = || accepted().and(&correct(2, "2018-01-12", ReferralAccepted {})).and(&retract(&[2]));
    for amendment in [3, 4] {
        let refusal = story().when(retract(&[amendment])).refused(Code::NotCorrectable);
        assert_eq!(refusal.allowed, [nth(2).to_string()]);
    }
}
