//! The law: whatever is accepted leaves nothing without ground, and nothing that is stated makes the folds fail.

use proptest::prelude::*;

use super::*;
use crate::journey::command::Command;
use crate::journey::event::{ContactLogged, EventType, ReferralAccepted, SpellStarted, WorkerAssigned};
use crate::journey::refusal::RefusalCode;
use crate::journey::story::{
    ANN, BOB, FLAT, HOME, accepted, closed, contact, correct, declined, disengaged, ended, given, home, keyworker, on,
    plan, referral, retract, state,
};

fn any_fact() -> impl Strategy<Value = Event> {
    let worker = prop_oneof![Just(ANN), Just(BOB)];
    let spell = prop_oneof![Just(HOME), Just(FLAT)];
    prop_oneof![
        Just(referral().into()),
        Just(ReferralAccepted {}.into()),
        Just(declined().into()),
        worker.clone().prop_map(|worker| keyworker(worker).into()),
        worker.clone().prop_map(|worker| WorkerAssigned { worker, role: "mentor".to_owned() }.into()),
        worker.prop_map(|worker| ContactLogged { worker: Some(worker), ..contact() }.into()),
        Just(plan().into()),
        spell.clone().prop_map(|spell| home(spell).into()),
        spell.clone().prop_map(|spell| SpellStarted { employer_ref: Some("L-1".to_owned()), ..home(spell) }.into()),
        spell.prop_map(|spell| ended(spell).into()),
        Just(disengaged().into()),
        Just(closed().into()),
    ]
}

/// A day of four weeks, some with a time, or their month or year.
fn any_date() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (1_u32..=29).prop_map(|day| format!("2018-02-{:02}", day.min(28))),
        2 => (1_u32..=28, 8_u32..18).prop_map(|(day, hour)| format!("2018-02-{day:02} {hour:02}:00")),
        1 => Just("2018-02".to_owned()),
        1 => Just("2018".to_owned()),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => (any_date(), any_fact()).prop_map(|(date, fact)| state(&date, fact)),
        3 => (1_u128..20, any_date(), any_fact()).prop_map(|(target, date, fact)| correct(target, &date, fact)),
        1 => proptest::collection::vec(1_u128..20, 1..5).prop_map(|targets| retract(&targets)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_accepted_leaves_nothing_without_ground(
        begun: bool,
        commands in proptest::collection::vec(any_command(), 1..60)
    ) {
        let mut story = if begun { accepted() } else { given([]) };
        for command in &commands {
            let outcome = story.tell(command);
            let found = groundless(&story.history);
            prop_assert!(found.is_empty(), "{command:?} gave {outcome:?} and left {found:#?}");
            if let Err(refusals) = outcome {
                prop_assert!(!refusals.is_empty());
            }
        }
        let journey = story.history.journey();
        let known = journey.spells.iter().filter(|spell| spell.ended.is_some()).count();
        let ends = story.history.facts().iter().filter(|fact| matches!(fact.event, Event::SpellEnded(_))).count();
        prop_assert_eq!(known, ends, "each end has found its spell");
    }

    #[test]
    fn a_file_of_any_facts_in_any_order_is_read_and_judged_without_panic(
        facts in proptest::collection::vec((any_date(), any_fact()), 0..40),
        commands in proptest::collection::vec(any_command(), 1..10)
    ) {
        let mut story = given(facts.iter().map(|(date, fact)| on(date, fact.clone())));
        let before = groundless(&story.history).len();
        for command in &commands {
            let _ = story.tell(command);
        }
        prop_assert!(groundless(&story.history).len() <= before, "a command never leaves more without ground");
        let _ = story.history.journey();
    }
}

#[test]
fn a_restored_history_may_hold_what_no_command_would_give() {
    let story = given([on("2018-02-01", contact()), on("2018-02-02", closed())]);
    let found = groundless(&story.history);
    let codes: Vec<RefusalCode> = found.iter().map(|found| found.refusal.code).collect();
    assert_eq!(codes, [RefusalCode::NotReferred, RefusalCode::NotReferred]);
    assert_eq!(found[0].fact.event_type, EventType::ContactLogged);
}

#[test]
fn what_stood_without_ground_before_does_not_stop_what_is_recorded_now() {
    let story = given([on("2018-01-10", referral()), on("2018-01-20", closed()), on("2018-02-01", contact())]);
    assert_eq!(groundless(&story.history).len(), 1);
    story.and(&state("2018-01-15", contact()));
}
