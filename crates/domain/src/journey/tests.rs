//! How facts combine: order, precision, corrections, retractions, and the knowledge date.

use super::*;
use crate::fact::envelope::{Occurred, WorkerId};
use crate::fact::event::{ContactLogged, FactCorrected, FactRetracted, PlanAgreed, ReferralAccepted, WorkerAssigned};
use crate::world::{
    ANN, BOB, FLAT, HOME, accepted, contact, correct, day, ended, given, home, keyworker, nth, on, plan, referral,
    retract, state,
};

fn by(worker: WorkerId) -> ContactLogged {
    ContactLogged { worker: Some(worker), ..contact() }
}

/// The workers of the contacts, in the order of the fold.
fn in_turn(history: &History) -> Vec<Option<WorkerId>> {
    history.journey().contacts.iter().map(|contact| contact.details.worker).collect()
}

/// The days from the last made contact to this day.
fn days_since_contact(history: &History, as_of: &str) -> i64 {
    let journey = history.journey_as_of(day(as_of));
    let last = journey.contacts.iter().rfind(|contact| contact.details.is_made()).expect("a contact");
    (day(as_of) - last.occurred.earliest()).num_days()
}

/// The history as known after this many events.
fn known_at(history: &History, events: usize) -> History {
    History::of(history.events().iter().take(events).cloned())
}

#[test]
fn a_late_note_takes_its_place_by_its_own_day() {
    let story = accepted().and(&state("2018-02-10", by(ANN))).and(&state("2018-02-01", by(BOB)));
    assert_eq!(in_turn(story.case()), [Some(BOB), Some(ANN)]);
    assert_eq!(days_since_contact(story.case(), "2018-02-12"), 2);
}

#[test]
fn facts_of_a_month_or_a_year_stand_at_its_first_day() {
    let story = given([
        on("2017-12-20", referral()),
        on("2018-01-01", by(ANN)),
        on("2018-01", by(BOB)),
        on("2017-12-31", PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }),
        on("2018", ContactLogged { worker: None, ..contact() }),
    ]);
    let days: Vec<String> = story.case().facts().iter().map(|fact| fact.occurred.earliest().to_string()).collect();
    assert_eq!(days, ["2017-12-20", "2017-12-31", "2018-01-01", "2018-01-01", "2018-01-01"]);
    assert_eq!(in_turn(story.case()), [Some(ANN), Some(BOB), None], "facts of one day are in the order of recording");
    assert_eq!(story.case().journey_as_of(day("2018-01-01")).contacts.len(), 3);
    assert_eq!(story.case().journey_as_of(day("2017-12-31")).contacts.len(), 0);
}

#[test]
fn two_timed_facts_of_a_day_follow_the_clock_and_untimed_ones_the_recording() {
    let story = given([
        on("2018-01-10", referral()),
        on("2018-02-10 15:00", by(ANN)),
        on("2018-02-10", ContactLogged { worker: None, ..contact() }),
        on("2018-02-10 09:00", by(BOB)),
    ]);
    assert_eq!(in_turn(story.case()), [Some(BOB), None, Some(ANN)]);
}

#[test]
fn the_last_correction_wins_and_names_the_original() {
    let story = accepted().and(&state("2018-02-10", by(ANN))).and(&correct(3, "2018-02-11", by(ANN))).and(&correct(
        3,
        "2018-02-12",
        by(BOB),
    ));
    let contacts = story.case().journey().contacts;
    assert_eq!(contacts.len(), 1);
    assert_eq!((contacts[0].event_id, contacts[0].occurred), (nth(3), Occurred::on(day("2018-02-12"))));
    assert_eq!(contacts[0].details.worker, Some(BOB));
    assert_eq!(story.case().amended_by(nth(3)).map(|event| event.event_id), Some(nth(5)));
    let before = known_at(story.case(), 4);
    assert_eq!(before.journey().contacts[0].occurred, Occurred::on(day("2018-02-11")));
}

#[test]
fn a_retraction_takes_the_fact_with_its_corrections() {
    let story =
        accepted().and(&state("2018-02-10", by(ANN))).and(&correct(3, "2018-02-11", by(BOB))).and(&retract(&[3]));
    assert!(story.case().journey().contacts.is_empty());
    assert!(story.case().is_retracted(nth(3)));
    let anew = story.and(&state("2018-02-11", by(BOB)));
    assert_eq!(anew.case().journey().contacts.len(), 1, "recorded again, not revived");
}

#[test]
fn a_correction_moves_a_fact_to_another_day_and_out_of_an_earlier_answer() {
    let story = accepted().and(&state("2018-02-03", plan())).and(&correct(3, "2018-02-20", plan()));
    assert!(story.case().journey_as_of(day("2018-02-19")).plans.is_empty());
    assert_eq!(story.case().journey_as_of(day("2018-02-20")).plans.len(), 1);
    let uncorrected = known_at(story.case(), 3);
    assert_eq!(uncorrected.journey_as_of(day("2018-02-03")).plans.len(), 1, "as known before the correction");
}

#[test]
fn a_corrected_fact_keeps_its_place_among_those_of_its_day() {
    let story = accepted().and(&state("2018-02-10", by(ANN))).and(&state("2018-02-10", by(BOB))).and(&correct(
        3,
        "2018-02-10",
        ContactLogged { minutes: Some(20), ..by(ANN) },
    ));
    assert_eq!(in_turn(story.case()), [Some(ANN), Some(BOB)]);
}

#[test]
fn the_contact_of_10_february_recorded_late_and_retracted_is_known_in_between_only() {
    // The contact of 10 February is recorded on the 25th and retracted on the 26th. The contact before it was on 1
    // February. The as-of date is 23 February.
    let story = accepted().and(&state("2018-02-01", by(ANN))).and(&state("2018-02-10", by(ANN))).and(&retract(&[4]));
    let answers: Vec<i64> =
        (3..=5).map(|events| days_since_contact(&known_at(story.case(), events), "2018-02-23")).collect();
    assert_eq!(answers, [22, 13, 22]);
}

#[test]
fn a_new_keyworker_releases_the_former_that_day_and_other_roles_stand_beside() {
    let story = accepted()
        .and(&state("2018-01-12", keyworker(ANN)))
        .and(&state("2018-01-13", WorkerAssigned { worker: ANN, role: "therapist".to_owned(), until: None }))
        .and(&state("2018-02-01", keyworker(BOB)));
    let journey = story.case().journey();
    assert_eq!(journey.keyworker_on(day("2018-12-31")), Some(BOB));
    let held: Vec<(WorkerId, &str, Option<NaiveDate>)> =
        journey.assignments.iter().map(|held| (held.worker, held.role.as_str(), held.to)).collect();
    assert_eq!(held, [(ANN, "keyworker", Some(day("2018-02-01"))), (ANN, "therapist", None), (BOB, "keyworker", None)]);
    assert_eq!(story.case().journey_as_of(day("2018-01-31")).keyworker_on(day("2018-01-31")), Some(ANN));
}

#[test]
fn a_home_that_ended_in_the_month_of_its_start_is_ended() {
    let story = accepted()
        .and(&state("2018-02-10", home(HOME)))
        .and(&state("2018-02-12", home(FLAT)))
        .and(&state("2018-02", ended(HOME)));
    let spells = story.case().journey().spells;
    let ends: Vec<bool> = spells.iter().map(|spell| spell.ended.is_some()).collect();
    assert_eq!(ends, [true, false]);
}

#[test]
fn an_amendment_that_names_nothing_changes_nothing() {
    let mut story = accepted();
    let facts = story.case().facts().len();
    let nowhere = FactCorrected {
        target: nth(99),
        occurred_on: day("2018-02-01"),
        precision: crate::fact::envelope::Precision::Day,
        local_time: None,
        schema_version: 1,
        payload: serde_json::json!({}),
        reason: "a file of another system".to_owned(),
    };
    let unreadable = FactCorrected { target: nth(2), payload: serde_json::json!({"odd": 1}), ..nowhere.clone() };
    let (occurred, event) = on("2018-02-01", nowhere);
    story.record(occurred, event);
    let (occurred, event) = on("2018-02-01", unreadable);
    story.record(occurred, event);
    let (occurred, event) = on("2018-02-01", FactRetracted { target: nth(98), reason: "nothing".to_owned() });
    story.record(occurred, event);
    assert_eq!(story.case().facts().len(), facts);
    assert_eq!(*story.case().fact(nth(2)).expect("the acceptance").event, ReferralAccepted {}.into());
}
