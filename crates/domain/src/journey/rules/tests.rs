//! Properties: no accepted command makes a fact invalid or drops it from the fold, and no command makes either fail.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::command::{Command, CorrectFact, RetractFacts};
use crate::fact::envelope::{EvidenceId, RiskId, SpellId, TaskId, WorkerId};
use crate::fact::event::{
    ContactLogged, EventType, EvidenceAttached, PlanAgreed, PlanClosed, PlanReviewed, ReferralAccepted, SpellStarted,
    WorkerAssigned, WorkerReleased,
};
use crate::fact::refusal::{RefusalCode, Severity};
use crate::journey::caseload;
use crate::journey::{AppointmentOver, Close, Journey, Task};
use crate::world::{
    ANN, APPOINTMENT, BOB, FLAT, HOME, OTHER_PIECE, OTHER_RISK, OTHER_TASK, PIECE, RISK, TASK, World, accepted,
    achieved, attached, booked, called_off, cancelled, changed, cleared, closed, contact, correct, day, declined,
    disengaged, done, eligible, ended, engaged, given, home, keyworker, measured, moved, nth, on, plan, plan_closed,
    raised, referral, rejected, released, reopened, retract, reviewed, scored, state, taken_back, task, transferred,
    verified, withdrawn,
};

fn any_worker() -> impl Strategy<Value = WorkerId> {
    prop_oneof![Just(ANN), Just(BOB)]
}

fn any_spell() -> impl Strategy<Value = SpellId> {
    prop_oneof![Just(HOME), Just(FLAT)]
}

fn any_task() -> impl Strategy<Value = TaskId> {
    prop_oneof![Just(TASK), Just(OTHER_TASK)]
}

fn any_risk() -> impl Strategy<Value = RiskId> {
    prop_oneof![Just(RISK), Just(OTHER_RISK)]
}

fn any_piece() -> impl Strategy<Value = EvidenceId> {
    prop_oneof![Just(PIECE), Just(OTHER_PIECE)]
}

/// Evidence that supports events and spells that may exist.
fn any_evidence() -> impl Strategy<Value = EvidenceAttached> {
    let any_id = prop_oneof![(1_u128..20).prop_map(|n| nth(n).0), any_spell().prop_map(|spell| spell.0)];
    (any_piece(), proptest::collection::btree_set(any_id, 0..3))
        .prop_map(|(piece, supports)| EvidenceAttached { supports: Vec::from_iter(supports), ..attached(piece) })
}

fn any_answer() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(referral().into()),
        6 => Just(ReferralAccepted {}.into()),
        1 => Just(declined().into()),
        1 => Just(withdrawn().into()),
        2 => Just(eligible().into()),
    ]
}

fn any_work() -> impl Strategy<Value = Event> {
    let mentor = || "mentor".to_owned();
    let other_plan = || "safety_plan".to_owned();
    prop_oneof![
        any_worker().prop_map(|worker| keyworker(worker).into()),
        any_worker().prop_map(|worker| released(worker).into()),
        any_worker().prop_map(|worker| WorkerAssigned { until: Some(day("2018-02-03")), ..keyworker(worker) }.into()),
        any_worker().prop_map(|worker| WorkerAssigned { until: Some(day("2018-02-15")), ..keyworker(worker) }.into()),
        any_worker().prop_map(move |worker| {
            WorkerAssigned { worker, role: mentor(), until: Some(day("2018-02-15")) }.into()
        }),
        any_worker().prop_map(move |worker| WorkerAssigned { worker, role: mentor(), until: None }.into()),
        any_worker().prop_map(move |worker| WorkerReleased { worker, role: mentor() }.into()),
        any_worker().prop_map(|worker| ContactLogged { worker: Some(worker), ..contact() }.into()),
        Just(engaged().into()),
        Just(plan().into()),
        Just(reviewed().into()),
        Just(plan_closed().into()),
        Just(PlanAgreed { kind: other_plan(), actions: Vec::new(), note: None }.into()),
        Just(PlanReviewed { kind: other_plan(), actions: Vec::new(), note: None }.into()),
        Just(PlanClosed { kind: other_plan(), reason: None, note: None }.into()),
        (20_u32..=28).prop_map(|day| booked(&format!("2018-03-{day:02}")).into()),
        (20_u32..=28).prop_map(|day| moved(&format!("2018-03-{day:02}")).into()),
        Just(called_off().into()),
        Just(ContactLogged { appointment: Some(APPOINTMENT), ..contact() }.into()),
        any_task().prop_map(|one| task(one).into()),
        any_task().prop_map(|one| done(one).into()),
        any_task().prop_map(|one| cancelled(one).into()),
    ]
}

fn any_life() -> impl Strategy<Value = Event> {
    let employer = |spell| SpellStarted { employer_ref: Some("L-1".to_owned()), ..home(spell) };
    prop_oneof![
        2 => any_spell().prop_map(|spell| home(spell).into()),
        1 => any_spell().prop_map(move |spell| employer(spell).into()),
        2 => any_spell().prop_map(|spell| changed(spell).into()),
        2 => any_spell().prop_map(|spell| ended(spell).into()),
        2 => any_risk().prop_map(|risk| raised(risk).into()),
        2 => any_risk().prop_map(|risk| cleared(risk).into()),
        1 => Just(scored().into()),
        1 => Just(measured().into()),
        1 => Just(achieved().into()),
        3 => any_evidence().prop_map(Event::from),
        2 => any_piece().prop_map(|piece| verified(piece).into()),
        1 => any_piece().prop_map(|piece| rejected(piece).into()),
        1 => any_piece().prop_map(|piece| taken_back(piece).into()),
    ]
}

fn any_leaving() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(disengaged().into()),
        2 => Just(closed().into()),
        1 => Just(transferred().into()),
        5 => Just(reopened().into()),
    ]
}

fn any_fact() -> impl Strategy<Value = Event> {
    prop_oneof![2 => any_answer(), 10 => any_work(), 10 => any_life(), 3 => any_leaving()]
}

/// A day of four weeks, sometimes with a time, or the month or year of one.
fn any_date() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (1_u32..=28).prop_map(|day| format!("2018-02-{day:02}")),
        2 => (1_u32..=28, 8_u32..18).prop_map(|(day, hour)| format!("2018-02-{day:02} {hour:02}:00")),
        1 => Just("2018-02".to_owned()),
        1 => Just("2018".to_owned()),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => (any_date(), any_fact()).prop_map(|(date, fact)| state(&date, fact)),
        2 => (0_u128..48, any_date(), any_fact()).prop_map(|(target, date, fact)| correct(target, &date, fact)),
        1 => proptest::collection::vec(0_u128..48, 1..5).prop_map(|targets| retract(&targets)),
    ]
}

/// Aims the command at events that mostly exist, and at facts of their own type. A correction whose replacement has
/// another type keeps the fact and moves its day.
fn aimed(story: &World, command: &Command) -> Command {
    let version = u128::try_from(story.case().version()).expect("versions are positive");
    // One in twelve misses.
    let aim = |target: EventId| match target.0.as_u128() {
        astray if astray % 12 == 0 || version == 0 => target,
        n => nth(1 + n % version),
    };
    match command {
        Command::CorrectFact(correction) => {
            let mut correction = CorrectFact { target: aim(correction.target), ..correction.clone() };
            if let Some(fact) = story.case().fact(correction.target)
                && fact.event.event_type() != correction.replacement.event_type()
            {
                correction.replacement = fact.event.clone();
            }
            Command::CorrectFact(correction)
        }
        Command::RetractFacts(retraction) => {
            let targets: BTreeSet<EventId> = retraction.targets.iter().copied().map(aim).collect();
            Command::RetractFacts(RetractFacts { targets: targets.into_iter().collect(), ..retraction.clone() })
        }
        other => other.clone(),
    }
}

/// The number of facts that this fold shows.
fn shown(journey: &Journey) -> usize {
    let Journey {
        referral,
        accepted,
        declined,
        withdrawn,
        eligibility,
        assignments,
        appointments,
        contacts,
        engagements,
        plans,
        tasks,
        assessments,
        spells,
        measures,
        achievements,
        risks,
        evidence,
        disengagements,
        closes,
    } = journey;
    let some = |is: &[bool]| is.iter().filter(|is| **is).count();
    some(&[referral.is_some(), accepted.is_some(), declined.is_some(), withdrawn.is_some()])
        + [eligibility.len(), contacts.len(), engagements.len(), assessments.len(), measures.len()]
            .iter()
            .sum::<usize>()
        + [achievements.len(), disengagements.len()].iter().sum::<usize>()
        // An assignment that a temporary one interrupts appears twice.
        + assignments.iter().map(|held| held.event_id).collect::<BTreeSet<_>>().len()
        + assignments.iter().filter(|held| held.released.is_some()).count()
        + plans.iter().map(|plan| 1 + plan.reviews.len() + some(&[plan.closed.is_some()])).sum::<usize>()
        // A contact with the result of an appointment is counted among the contacts.
        + appointments
            .iter()
            .map(|one| 1 + one.moves.len() + some(&[matches!(one.over, Some(AppointmentOver::Cancelled(_)))]))
            .sum::<usize>()
        + tasks.iter().map(|task: &Task| 1 + some(&[task.over.is_some()])).sum::<usize>()
        + spells.iter().map(|spell| 1 + spell.changes.len() + some(&[spell.ended.is_some()])).sum::<usize>()
        + risks.iter().map(|risk| 1 + some(&[risk.cleared.is_some()])).sum::<usize>()
        + evidence
            .iter()
            .map(|one| 1 + some(&[one.verified.is_some(), one.rejected.is_some(), one.withdrawn.is_some()]))
            .sum::<usize>()
        + closes.iter().map(|close: &Close| 1 + some(&[close.reopened.is_some()])).sum::<usize>()
}

/// The property that holds for every history that was decided here.
fn holds(story: &World) -> Result<(), TestCaseError> {
    let found = violations(story.case());
    prop_assert!(found.is_empty(), "invalid facts: {found:#?}");
    let (journey, facts) = (story.case().journey(), story.case().facts().len());
    prop_assert_eq!(shown(&journey), facts, "the fold shows every fact: {:#?}", journey);
    Ok(())
}

/// Checks that the rows, the fold of a day and the history read again agree.
fn agree(story: &World) -> Result<(), TestCaseError> {
    let journey = story.case().journey();
    let anew = History::of(story.case().events().iter().cloned());
    prop_assert_eq!(format!("{:?}", anew.journey()), format!("{:?}", journey));
    let stretches = caseload::stretches(&journey);
    for on in ["2018-01-01", "2018-01-11", "2018-02-01", "2018-02-05", "2018-02-14", "2018-02-27", "2018-02-28"] {
        let then = story.case().journey_as_of(day(on));
        let stretch = stretches.iter().find(|stretch| stretch.from <= day(on) && day(on) < stretch.to);
        prop_assert_eq!(then.is_on_caseload(), stretch.is_some(), "on {}: {:#?}", on, journey);
        prop_assert_eq!(then.closed().is_some(), journey.is_closed_on(day(on)), "on {}: {:#?}", on, journey);
        if let Some(stretch) = stretch {
            prop_assert_eq!(then.keyworker_on(day(on)), stretch.keyworker, "on {}: {:#?}", on, journey);
        }
    }
    Ok(())
}

/// The number of random sequences: 100,000 in the long form.
fn sequences() -> u32 {
    let full = std::env::var_os("THROUGHLINE_TEST_FULL").is_some_and(|full| !full.is_empty() && full != "0");
    if full { 100_000 } else { 3_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sequences(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_accepted_command_leaves_only_valid_facts_that_the_fold_shows(
        begun in proptest::bool::weighted(0.9),
        warned: bool,
        commands in proptest::collection::vec(any_command(), 1..60)
    ) {
        let story = if begun { accepted() } else { given([]) };
        let mut story = if warned { story } else { story.accepting_all() };
        for command in &commands {
            let command = aimed(&story, command);
            match story.tell(&command) {
                Ok(events) => {
                    prop_assert!(!events.is_empty());
                    holds(&story)?;
                }
                Err(refusals) => {
                    prop_assert!(!refusals.is_empty());
                    let warns = refusals.iter().any(|refusal| refusal.severity == Severity::Warning);
                    prop_assert!(warned || !warns, "an accepted warning is not returned: {refusals:#?}");
                }
            }
        }
        agree(&story)?;
    }
}

proptest! {
    #[test]
    fn a_file_of_any_facts_in_any_order_is_read_and_judged_without_panic(
        facts in proptest::collection::vec((any_date(), any_fact()), 0..40),
        commands in proptest::collection::vec(any_command(), 1..10)
    ) {
        let mut story = given(facts.iter().map(|(date, fact)| on(date, fact.clone())));
        let before = violations(story.case()).len();
        for command in &commands {
            let _ = story.tell(&aimed(&story, command));
        }
        prop_assert!(violations(story.case()).len() <= before, "a command never makes more facts invalid");
        agree(&story)?;
    }
}

#[test]
fn a_restored_history_may_hold_what_no_command_would_give() {
    let story = given([on("2018-02-01", contact()), on("2018-02-02", closed())]);
    let found = violations(story.case());
    let codes: Vec<RefusalCode> = found.iter().map(|found| found.refusal.code).collect();
    assert_eq!(codes, [RefusalCode::NotReferred, RefusalCode::NotReferred]);
    assert_eq!(found[0].fact.event_type, EventType::ContactLogged);
}

#[test]
fn facts_that_were_invalid_before_do_not_block_new_ones() {
    let story = given([on("2018-01-10", referral()), on("2018-01-20", closed()), on("2018-02-01", contact())]);
    assert_eq!(violations(story.case()).len(), 1);
    let _ = story.and(&state("2018-01-15", contact()));
}

#[test]
fn evidence_of_a_restored_history_may_support_nothing() {
    let nothing = EvidenceAttached { supports: vec![Uuid::from_u128(0x99)], ..attached(PIECE) };
    let story = given([on("2018-01-10", referral()), on("2018-02-01", nothing)]);
    assert_eq!(violations(story.case())[0].refusal.code, RefusalCode::SupportNotFound);
    let _ = story.and(&state("2018-02-10", verified(PIECE)));
}
