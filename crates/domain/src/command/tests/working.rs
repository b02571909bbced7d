//! Facts about the service's work: assignments, engagement, plans and tasks.

use super::*;
use crate::fact::event::{EngagementStarted, PlanClosed, PlanReviewed, TaskCancelled, TaskSet, WorkerReleased};
use crate::journey::TaskOver;
use crate::world::{OTHER_TASK, TASK, World, cancelled, done, engaged, plan_closed, released, reviewed, task};
use crate::world::{at, days};

fn held() -> World {
    accepted().and(&state("2018-01-12", keyworker(ANN)))
}

#[test]
fn only_a_worker_who_holds_the_case_is_released_and_only_once() {
    held().when(state("2018-02-01", released(ANN))).then([on("2018-02-01", released(ANN))]);
    let refusal = held().when(state("2018-02-01", released(BOB))).refused(Code::NotAssigned);
    assert_eq!(refusal.path, Some("worker".into()));
    held().when(state("2018-01-11", released(ANN))).refused(Code::NotAssigned);
    let mentor = WorkerReleased { role: "mentor".to_owned(), ..released(ANN) };
    held().when(state("2018-02-01", mentor)).refused(Code::NotAssigned);
    let gone = || held().and(&state("2018-02-01", released(ANN)));
    let refusal = gone().when(state("2018-02-10", released(ANN))).refused(Code::NotAssigned);
    assert_eq!(refusal.facts[0].event_id, nth(4));
    assert!(refusal.message.contains("(they were released on 2018-02-01)"), "{}", refusal.message);
    gone().when(state("2018-01-20", released(ANN))).refused(Code::NotAssigned);
    gone().when(state("2018-02-10", keyworker(ANN))).accepted();
}

#[test]
fn a_released_case_is_unassigned_until_another_worker_is_assigned() {
    let story = held().and(&state("2018-02-01", released(ANN))).and(&state("2018-02-10", keyworker(BOB)));
    let keyworker = |on: &str| story.case().journey_as_of(day(on)).keyworker_on(day(on));
    assert_eq!(
        [keyworker("2018-01-31"), keyworker("2018-02-01"), keyworker("2018-02-10")],
        [Some(ANN), None, Some(BOB)]
    );
    let held: Vec<Option<NaiveDate>> = story.case().journey().assignments.iter().map(|held| held.to).collect();
    assert_eq!(held, [Some(day("2018-02-01")), None]);
}

#[test]
fn a_replaced_keyworker_cannot_be_released() {
    let handed_over = held().and(&state("2018-01-20", keyworker(BOB)));
    handed_over.when(state("2018-02-01", released(ANN))).refused(Code::NotAssigned);
    let refusal = held()
        .and(&state("2018-02-01", released(ANN)))
        .when(state("2018-01-20", keyworker(BOB)))
        .refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_id, nth(4));
}

#[test]
fn retracting_the_release_between_two_assignments_is_refused() {
    let story = || held().and(&state("2018-02-01", released(ANN))).and(&state("2018-02-10", keyworker(ANN)));
    let refusal = story().when(retract(&[4])).refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_id, nth(5));
    story().when(retract(&[4, 5])).accepted();
    story().when(retract(&[3])).refused(Code::FactHasDependents);
    story().when(correct(4, "2018-02-11", released(ANN))).refused(Code::FactHasDependents);
    story().when(correct(4, "2018-01-11", released(ANN))).refused(Code::NotAssigned);
}

#[test]
fn a_temporary_assignment_that_ends_early_returns_the_case_to_the_former_keyworker() {
    let lent = WorkerAssigned { until: Some(day("2018-02-20")), ..keyworker(BOB) };
    let story = held().and(&state("2018-02-01", lent)).and(&state("2018-02-10", released(BOB)));
    let holder = |on: &str| story.case().journey().keyworker_on(day(on));
    assert_eq!(["2018-02-01", "2018-02-09", "2018-02-10", "2018-02-25"].map(holder), [BOB, BOB, ANN, ANN].map(Some));
    assert!(crate::journey::rules::violations(story.case()).is_empty());
    story.when(state("2018-02-15", released(ANN))).accepted();
}

#[test]
fn the_keyworker_role_is_recognised_in_any_spelling() {
    for role in ["Keyworker", "key worker", "KEY_WORKER", "key-worker"] {
        let written = WorkerAssigned { role: role.to_owned(), ..keyworker(BOB) };
        let expected = [on("2018-02-01", keyworker(BOB))];
        accepted().when(state("2018-02-01", written)).then(expected);
    }
    let other = WorkerAssigned { role: "keyworkers' mentor".to_owned(), ..keyworker(BOB) };
    accepted().when(state("2018-02-01", other.clone())).then([on("2018-02-01", other)]);
}

#[test]
fn a_release_needs_a_known_worker_and_a_role() {
    held().when(state("2018-02-01", released(NOBODY))).refused(Code::WorkerNotFound);
    let blank = WorkerReleased { role: String::new(), ..released(ANN) };
    held().when(state("2018-02-01", blank)).refused(Code::MissingValue);
    held().and(&state("2018-02-10", closed())).when(state("2018-02-11", released(ANN))).refused(Code::JourneyClosed);
}

#[test]
fn an_engagement_starts_within_the_case() {
    accepted().when(state("2018-01-10", engaged())).accepted();
    let personal = EngagementStarted { basis: "QQ123456C".to_owned() };
    accepted().when(state("2018-01-20", personal)).refused(Code::PersonalData);
    let over = accepted().and(&state("2018-02-10", closed()));
    over.when(state("2018-02-11", engaged())).refused(Code::JourneyClosed);
    let twice = accepted().and(&state("2018-01-20", engaged())).and(&state("2018-02-20", engaged()));
    assert_eq!(twice.case().journey().engagements.len(), 2, "a client who disengaged may engage again");
}

fn planned() -> World {
    accepted().and(&state("2018-01-20", plan()))
}

#[test]
fn a_plan_is_reviewed_and_closed_while_it_is_open() {
    let story = planned().and(&state("2018-02-01", reviewed())).and(&state("2018-02-10", plan_closed()));
    let plan = &story.case().journey().plans[0];
    assert_eq!((days(&plan.reviews), at(plan.closed.as_ref())), (vec![when("2018-02-01")], Some(when("2018-02-10"))));
    let refusal = story.when(state("2018-02-11", reviewed())).refused(Code::PlanNotFound);
    assert!(refusal.allowed.is_empty());
    planned().when(state("2018-01-19", plan_closed())).refused(Code::PlanNotFound);
    let other = PlanReviewed { kind: "employment_plan".to_owned(), actions: Vec::new(), note: None };
    assert_eq!(planned().when(state("2018-02-01", other)).refused(Code::PlanNotFound).allowed, ["php"]);
}

#[test]
fn a_plan_is_closed_once_and_reviewed_only_before_that() {
    let over = || planned().and(&state("2018-02-10", plan_closed()));
    let refusal = over().when(state("2018-02-20", plan_closed())).refused(Code::PlanNotFound);
    assert_eq!(refusal.facts[0].event_id, nth(4));
    over().when(state("2018-02-01", plan_closed())).refused(Code::PlanNotFound);
    let refusal = planned()
        .and(&state("2018-02-10", reviewed()))
        .when(state("2018-02-09", plan_closed()))
        .refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_type.as_str(), "PlanReviewed");
    let refusal = over().when(retract(&[3])).refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_type.as_str(), "PlanClosed");
    over().when(retract(&[3, 4])).accepted();
}

#[test]
fn a_review_is_of_the_plan_agreed_last() {
    let story = planned()
        .and(&state("2018-02-10", plan()))
        .and(&state("2018-02-01", reviewed()))
        .and(&state("2018-02-15", reviewed()))
        .and(&state("2018-02-20", plan_closed()));
    let plans = story.case().journey().plans;
    assert_eq!(days(&plans[0].reviews), [when("2018-02-01")]);
    assert_eq!(days(&plans[1].reviews), [when("2018-02-15")]);
    assert_eq!((plans[0].closed.is_some(), plans[1].closed.is_some()), (false, true));
    story.when(state("2018-02-21", reviewed())).refused(Code::PlanNotFound);
}

#[test]
fn a_plan_agreed_under_an_earlier_rulebook_may_still_be_closed() {
    let later = RULES
        .replace("\"2017-03\"", "\"2018-02\"")
        .replace("effective_from = 2017-03-01", "effective_from = 2018-02-01")
        .replace("plan_kinds = [\"php\", \"safety_plan\"]", "plan_kinds = [\"housing_plan\"]");
    planned().under(&[RULES, &later]).when(state("2018-02-10", plan_closed())).accepted();
    let odd = PlanClosed { kind: "QQ123456C".to_owned(), reason: Some("\u{202e}".to_owned()), note: None };
    planned()
        .when(state("2018-02-10", odd))
        .refused_each(&[(Code::PersonalData, "kind"), (Code::InvalidValue, "reason")]);
}

fn to_do() -> World {
    accepted().and(&state("2018-01-20 12:00", task(TASK)))
}

#[test]
fn a_task_is_done_or_cancelled_once_on_or_after_the_day_it_was_set() {
    let refusal = to_do().when(state("2018-02-01", done(OTHER_TASK))).refused(Code::TaskNotFound);
    assert_eq!(refusal.allowed, [TASK.to_string()]);
    to_do().when(state("2018-01-19", done(TASK))).refused(Code::EndedBeforeStart);
    to_do().when(state("2018-01-20 11:00", done(TASK))).refused(Code::EndedBeforeStart);
    to_do().when(state("2018-01-20", done(TASK))).accepted();
    to_do().when(state("2018-01", cancelled(TASK))).accepted();
    let over = || to_do().and(&state("2018-02-01", done(TASK)));
    let refusal = over().when(state("2018-02-01", cancelled(TASK))).refused(Code::TaskAlreadyOver);
    assert!(refusal.message.contains("the task was done on 2018-02-01"), "{}", refusal.message);
    over().when(state("2018-01-25", done(TASK))).refused(Code::TaskAlreadyOver);
    over().when(state("2018-02-10", task(TASK))).refused(Code::TaskExists);
    over().when(retract(&[3])).refused(Code::FactHasDependents);
    over().when(retract(&[3, 4])).accepted();
}

#[test]
fn a_task_shows_how_it_ended() {
    let story = to_do()
        .and(&state("2018-01-21", task(OTHER_TASK)))
        .and(&state("2018-02-01", done(TASK)))
        .and(&state("2018-02-02", TaskCancelled { reason: Some("moved away".to_owned()), ..cancelled(OTHER_TASK) }));
    let journey = story.case().journey();
    let [Some(TaskOver::Done(done)), Some(TaskOver::Cancelled(cancelled))] =
        [&journey.tasks[0].over, &journey.tasks[1].over]
    else {
        panic!("{:#?}", journey.tasks)
    };
    assert_eq!((done.occurred, cancelled.occurred), (when("2018-02-01"), when("2018-02-02")));
    assert_eq!(cancelled.details.reason.as_deref(), Some("moved away"));
    assert!(story.case().journey_as_of(day("2018-01-31")).tasks.iter().all(crate::journey::Task::is_open));
}

#[test]
fn a_task_may_be_due_in_the_future_and_its_owner_must_exist() {
    let odd = TaskSet { kind: " ".to_owned(), due_on: NaiveDate::MAX, owner: Some(NOBODY), ..task(TASK) };
    accepted().when(state("2018-02-10", odd)).refused_each(&[
        (Code::MissingValue, "kind"),
        (Code::InvalidValue, "due_on"),
        (Code::WorkerNotFound, "owner"),
    ]);
    let of_the_team = TaskSet { owner: None, due_on: day("2019-12-24"), ..task(TASK) };
    accepted().when(state("2018-02-10", of_the_team)).accepted();
    accepted().when(state("2018-02-28", TaskSet { due_on: day("2018-02-28"), ..task(TASK) })).accepted();
    accepted().when(state("2018-01-09", task(TASK))).refused(Code::BeforeReferral);
}

#[test]
fn a_task_keeps_its_id() {
    let story = to_do().and(&state("2018-02-01", done(TASK)));
    story.when(correct(3, "2018-01-20", task(OTHER_TASK))).refused(Code::FixedField);
    let both = to_do().and(&state("2018-01-20", task(OTHER_TASK))).and(&state("2018-02-01", done(TASK)));
    both.when(correct(5, "2018-02-01", done(OTHER_TASK))).accepted();
}
