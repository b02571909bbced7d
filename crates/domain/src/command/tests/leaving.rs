//! How a case is closed, transferred and reopened, and which facts each range of days allows.

use super::*;
use crate::fact::event::{JourneyReopened, JourneyTransferred};
use crate::fact::refusal::Severity;
use crate::journey::{Close, HowClosed};
use crate::world::{
    OTHER_TASK, PIECE, RISK, TASK, World, achieved, attached, cancelled, changed, cleared, done, eligible, engaged,
    measured, plan_closed, raised, rejected, released, reopened, reviewed, scored, task, transferred, verified,
    withdrawn,
};

/// Closed on 10 February.
fn over() -> World {
    accepted().and(&state("2018-02-10", closed()))
}

/// Closed on 10 February, reopened on the 20th.
fn again() -> World {
    over().and(&state("2018-02-20", reopened()))
}

/// With a keyworker, plan, task, home, risk and payslip from before the close: events 3 to 8. The close is event 9.
fn in_full() -> World {
    let facts: [Event; 6] = [
        keyworker(ANN).into(),
        plan().into(),
        task(TASK).into(),
        home(HOME).into(),
        raised(RISK).into(),
        attached(PIECE).into(),
    ];
    let story = facts.iter().fold(accepted(), |story, fact| story.and(&state("2018-02-05", fact.clone())));
    story.accepting(Code::TasksOpen).and(&state("2018-02-10", closed()))
}

/// Facts about the service's work, which end with the caseload.
fn the_services() -> [Event; 13] {
    [
        contact().into(),
        plan().into(),
        reviewed().into(),
        plan_closed().into(),
        task(OTHER_TASK).into(),
        done(TASK).into(),
        cancelled(TASK).into(),
        keyworker(BOB).into(),
        released(ANN).into(),
        engaged().into(),
        eligible().into(),
        disengaged().into(),
        transferred().into(),
    ]
}

#[test]
fn facts_about_the_service_end_with_the_close() {
    for fact in the_services() {
        let code = if matches!(fact, Event::JourneyTransferred(_)) { Code::AlreadyClosed } else { Code::JourneyClosed };
        let refusal = in_full().when(state("2018-02-11", fact.clone())).refused(code);
        assert!(refusal.message.contains("reopen"), "{}", refusal.message);
        if code == Code::JourneyClosed {
            in_full().accepting_all().when(state("2018-02-10", fact)).accepted();
        }
    }
}

#[test]
fn facts_about_the_client_may_follow_the_close() {
    let facts: [Event; 10] = [
        home(FLAT).into(),
        changed(HOME).into(),
        ended(HOME).into(),
        cleared(RISK).into(),
        achieved().into(),
        measured().into(),
        scored().into(),
        verified(PIECE).into(),
        rejected(PIECE).into(),
        attached(crate::world::OTHER_PIECE).into(),
    ];
    for fact in facts {
        in_full().accepting_all().when(state("2018-02-11", fact)).accepted();
    }
}

#[test]
fn a_reopened_case_continues_from_that_day() {
    for fact in the_services() {
        let story = || in_full().and(&state("2018-02-20", reopened()));
        story().when(state("2018-02-20", fact.clone())).accepted();
        if !matches!(fact, Event::JourneyTransferred(_)) {
            let refusal = story().when(state("2018-02-19", fact)).refused(Code::JourneyClosed);
            assert!(refusal.message.contains("closed on 2018-02-10 and reopened on 2018-02-20"), "{}", refusal.message);
            assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(9), nth(10)]);
        }
    }
    again().when(state("2018-02", contact())).accepted();
    over().when(state("2018-02-21", contact())).refused(Code::JourneyClosed);
}

#[test]
fn only_a_closed_case_is_reopened_and_only_once() {
    over().when(state("2018-02-10", reopened())).then([on("2018-02-10", reopened())]);
    accepted().when(state("2018-02-10", reopened())).refused(Code::NotClosed);
    over().when(state("2018-02-09", reopened())).refused(Code::NotClosed);
    let refusal = again().when(state("2018-02-21", reopened())).refused(Code::NotClosed);
    assert_eq!(refusal.facts[0].event_id, nth(4));
    again().when(state("2018-02-15", reopened())).refused(Code::NotClosed);
    let reason = JourneyReopened { reason: "x".repeat(201) };
    over().when(state("2018-02-20", reason)).refused(Code::InputTooLong);
    let reason = JourneyReopened { reason: "she rang from 07700 900123".to_owned() };
    over().when(state("2018-02-20", reason)).refused(Code::PersonalData);
}

#[test]
fn a_case_is_closed_again_after_it_was_reopened() {
    again().when(state("2018-02-25", closed())).accepted();
    again().when(state("2018-02-20", transferred())).accepted();
    again().when(state("2018-02-15", closed())).refused(Code::AlreadyClosed);
    again().when(state("2018-02-09", closed())).refused(Code::AlreadyClosed);
    let twice = again().and(&state("2018-02-25", closed()));
    twice.when(state("2018-02-26", closed())).refused(Code::AlreadyClosed);
}

#[test]
fn each_range_of_days_says_whether_the_case_is_on_the_caseload() {
    let story = again().and(&state("2018-02-25", transferred()));
    let on_caseload = |on: &str| story.case().journey_as_of(day(on)).is_on_caseload();
    let days = [
        "2018-01-10",
        "2018-01-11",
        "2018-02-09",
        "2018-02-10",
        "2018-02-19",
        "2018-02-20",
        "2018-02-24",
        "2018-02-25",
    ];
    assert_eq!(days.map(on_caseload), [false, true, true, false, false, true, true, false]);
    let journey = story.case().journey();
    for on in days.map(day) {
        assert_eq!(journey.is_closed_on(on), story.case().journey_as_of(on).closed().is_some(), "{on}");
    }
    let how: Vec<HowClosed> = journey.closes.iter().map(|close| close.how).collect();
    assert_eq!(how, [HowClosed::Closed, HowClosed::Transferred]);
    let Some(Close { destination, reopened: None, .. }) = journey.closed() else { panic!("it is closed") };
    assert_eq!(destination.as_deref(), Some("mhep"));
}

#[test]
fn a_close_is_retracted_with_its_reopening_or_not_at_all() {
    let refusal = again().when(retract(&[3])).refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_id, nth(4));
    again().when(retract(&[3, 4])).accepted();
    let seen = || again().and(&state("2018-02-22", contact()));
    assert_eq!(seen().when(retract(&[4])).refused(Code::FactHasDependents).facts[0].event_id, nth(5));
    seen().when(retract(&[4, 5])).accepted();
    seen().when(retract(&[3, 4])).accepted();
    seen().when(correct(4, "2018-02-23", reopened())).refused(Code::FactHasDependents);
    seen().when(correct(4, "2018-02-09", reopened())).refused(Code::NotClosed);
    let refusal = seen().when(correct(3, "2018-02-21", closed())).refused(Code::FactHasDependents);
    assert_eq!(refusal.facts.len(), 2, "the reopening, and the contact after the close: {refusal:#?}");
    let twice = || again().and(&state("2018-02-25", closed()));
    assert_eq!(twice().when(retract(&[4])).refused(Code::FactHasDependents).facts[0].event_id, nth(5));
    twice().when(retract(&[4, 5])).accepted();
    twice().when(retract(&[3, 4])).accepted();
}

#[test]
fn a_transfer_closes_the_journey() {
    let story = || accepted().and(&state("2018-02-10", transferred()));
    assert!(!story().case().journey().is_on_caseload());
    let refusal = story().when(state("2018-02-11", contact())).refused(Code::JourneyClosed);
    assert!(refusal.message.contains("transferred on 2018-02-10"), "{}", refusal.message);
    story().when(state("2018-02-12", transferred())).refused(Code::AlreadyClosed);
    story().when(state("2018-02-12", closed())).refused(Code::AlreadyClosed);
    story().when(state("2018-02-20", reopened())).accepted();
    accepted().when(state("2018-01-09", transferred())).refused(Code::BeforeReferral);
    let odd = JourneyTransferred { reason: "because".to_owned(), destination: "a.client@example.org".to_owned() };
    accepted()
        .when(state("2018-02-10", odd))
        .refused_each(&[(Code::UnknownCode, "reason"), (Code::PersonalData, "destination")]);
    let seen = accepted().and(&state("2018-02-20", contact()));
    seen.when(state("2018-02-10", transferred())).refused(Code::FactHasDependents);
}

#[test]
fn a_referral_that_was_never_accepted_may_be_declined_once_it_is_reopened() {
    let story = || {
        given([on("2018-01-10", referral())]).and(&state("2018-01-12", closed())).and(&state("2018-01-20", reopened()))
    };
    story().when(state("2018-01-21", declined())).accepted();
    story().when(state("2018-01-21", withdrawn())).accepted();
    story().when(state("2018-01-15", declined())).refused(Code::JourneyClosed);
    story().when(state("2018-01-11", declined())).refused(Code::FactHasDependents);
}

#[test]
fn a_case_with_open_tasks_is_closed_once_the_warning_is_accepted() {
    let busy = || accepted().and(&state("2018-02-01", task(TASK))).and(&state("2018-02-02", task(OTHER_TASK)));
    for leaves in [Event::from(closed()), transferred().into()] {
        let warning = busy().when(state("2018-02-10", leaves.clone())).refused(Code::TasksOpen);
        assert_eq!(warning.severity, Severity::Warning);
        assert_eq!(warning.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(3), nth(4)]);
        busy().accepting(Code::TasksOpen).when(state("2018-02-10", leaves.clone())).accepted();
        let half = busy().and(&state("2018-02-10", done(TASK)));
        let warning = half.when(state("2018-02-10", leaves.clone())).refused(Code::TasksOpen);
        assert_eq!(warning.facts.len(), 1);
        let all = busy().and(&state("2018-02-03", done(TASK))).and(&state("2018-02-03", cancelled(OTHER_TASK)));
        all.when(state("2018-02-10", leaves.clone())).accepted();
        let error =
            busy().accepting(Code::TasksOpen).when(state("2018-02-01", leaves)).refused(Code::FactHasDependents);
        assert_eq!(error.severity, Severity::Error, "an error is not accepted with a warning");
    }
    busy()
        .accepting(Code::TasksOpen)
        .and(&state("2018-02-10", closed()))
        .when(state("2018-02-11", done(TASK)))
        .refused(Code::JourneyClosed);
}
