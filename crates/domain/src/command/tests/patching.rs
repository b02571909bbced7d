//! Corrections as patches: a field that is left out keeps its value, and null clears it.

use serde_json::{Map, Value, json};

use super::*;
use crate::command::{PatchFact, Patched, PatchedDate};
use crate::fact::event::{Attendance, Direction, EventType, MeasureRecorded, Period, SpellChanged};
use crate::world::{APPOINTMENT, World, booked, measured};

/// The command that patches the n-th event.
fn patch(target: u128, of: EventType, payload: Value) -> PatchFact {
    let Value::Object(payload) = payload else { panic!("an object") };
    PatchFact {
        stream: StreamId::journey(JOURNEY),
        target: nth(target),
        occurred: PatchedDate::default(),
        of: Some(of),
        payload,
        reason: "typed wrongly".to_owned(),
    }
}

/// The n-th event of a test case after the patch is accepted.
fn corrected(story: World, command: PatchFact) -> (Occurred, Event) {
    let target = command.target;
    let story = story.and(&Command::PatchFact(command));
    let fact = story.case().fact(target).expect("it is recorded");
    (fact.occurred, fact.event.clone())
}

fn full() -> ContactLogged {
    ContactLogged {
        direction: Some(Direction::Outgoing),
        minutes: Some(25),
        scheduled_on: Some(day("2018-02-09")),
        group: true,
        ..contact()
    }
}

#[test]
fn a_patch_keeps_the_fields_that_it_leaves_out() {
    let story = || accepted().and(&state("2018-02-10 09:30", full()));
    let said = corrected(story(), patch(3, EventType::ContactLogged, json!({ "channel": "face_to_face" })));
    let expected = ContactLogged { channel: "face_to_face".to_owned(), face_to_face: Some(true), ..full() };
    assert_eq!(said, on("2018-02-10 09:30", expected), "worker, minutes, direction, appointment and time too");
    let moved = PatchFact {
        of: None,
        payload: Map::new(),
        occurred: PatchedDate { on: Some(day("2018-02-11")), ..PatchedDate::default() },
        ..patch(3, EventType::ContactLogged, json!({}))
    };
    assert_eq!(corrected(story(), moved), on("2018-02-11 09:30", full()), "only the day moves");
}

#[test]
fn an_explicit_null_clears_but_required_fields_cannot_be_cleared() {
    let story = || accepted().and(&state("2018-02-10 09:30", full()));
    let nulls = json!({ "worker": null, "minutes": null, "direction": null, "scheduled_on": null, "group": null });
    let cleared = PatchFact {
        occurred: PatchedDate { local_time: Patched::Cleared, ..PatchedDate::default() },
        ..patch(3, EventType::ContactLogged, nulls)
    };
    assert_eq!(corrected(story(), cleared), on("2018-02-10", ContactLogged { worker: None, ..contact() }));
    for field in ["channel", "with", "attendance"] {
        let command = patch(3, EventType::ContactLogged, json!({ field: null, "minutes": null }));
        let refusal = story().when(Command::PatchFact(command)).refused(Code::MissingValue);
        assert_eq!(refusal.path, Some(format!("payload.{field}").into()));
    }
}

#[test]
fn objects_are_merged_and_lists_replaced() {
    let period = Period { first: day("2018-01-01"), last: day("2018-01-31") };
    let story = accepted().and(&state("2018-02-10", MeasureRecorded { period: Some(period), ..measured() }));
    let said = corrected(story, patch(3, EventType::MeasureRecorded, json!({ "period": { "first": "2018-01-08" } })));
    let period = Some(Period { first: day("2018-01-08"), ..period });
    assert_eq!(said.1, MeasureRecorded { period, ..measured() }.into());

    let known = |names: &[(&str, &str)]| {
        let named = names.iter().map(|(name, value)| ((*name).to_owned(), Attribute::Text((*value).to_owned())));
        named.collect::<BTreeMap<_, _>>()
    };
    let start = SpellStarted { attributes: known(&[("secured_as", "new"), ("rent", "high")]), ..home(HOME) };
    let story = accepted().and(&state("2018-02-01", start));
    let change = json!({ "attributes": { "secured_as": "kept", "rent": null, "rooms": "two" } });
    let said = corrected(story, patch(3, EventType::SpellStarted, change));
    let attributes = known(&[("secured_as", "kept"), ("rooms", "two")]);
    assert_eq!(said.1, SpellStarted { attributes, ..home(HOME) }.into());

    let reference = |id: &str| ExternalReference { system: "council".to_owned(), id: id.to_owned() };
    let referred = ReferralReceived {
        external_references: vec![reference("1"), reference("2")],
        referrer: Some(Referrer { organisation: Some("a clinic".to_owned()), kind: None }),
        ..referral()
    };
    let story = given([on("2018-01-10", referred.clone())]);
    let change = json!({
        "external_references": [{ "system": "council", "id": "3" }], "referrer": { "kind": "self" }
    });
    let sent_by = Some(Referrer { organisation: Some("a clinic".to_owned()), kind: Some("self".to_owned()) });
    let said = corrected(story, patch(1, EventType::ReferralReceived, change));
    let expected = ReferralReceived { external_references: vec![reference("3")], referrer: sent_by, ..referred };
    assert_eq!(said.1, expected.into());
}

#[test]
fn a_month_is_not_mistaken_for_a_day_nor_a_day_for_a_month() {
    let story = || accepted().and(&state("2018-02", contact()));
    let on_day = |precision| PatchFact {
        occurred: PatchedDate { on: Some(day("2018-02-05")), precision, ..PatchedDate::default() },
        ..patch(3, EventType::ContactLogged, json!({}))
    };
    let refusal = story().when(Command::PatchFact(on_day(None))).refused(Code::MissingValue);
    assert_eq!(refusal.path, Some("precision".into()));
    assert_eq!(corrected(story(), on_day(Some(Precision::Day))), on("2018-02-05", contact()));
    let other = PatchFact {
        occurred: PatchedDate { on: Some(day("2018-01-01")), ..PatchedDate::default() },
        ..patch(3, EventType::ContactLogged, json!({}))
    };
    assert_eq!(corrected(story(), other), on("2018-01", contact()), "a month still");
}

#[test]
fn two_patches_sent_at_once_do_not_undo_each_other() {
    let story = accepted().and(&state("2018-02-10", full()));
    let minutes = patch(3, EventType::ContactLogged, json!({ "minutes": 40 }));
    let story = story.and(&Command::PatchFact(minutes));
    let said = corrected(story, patch(3, EventType::ContactLogged, json!({ "group": false })));
    assert_eq!(said.1, ContactLogged { minutes: Some(40), group: false, ..full() }.into());
}

#[test]
fn a_patch_of_another_type_or_without_a_change_is_refused() {
    let story = || accepted().and(&state("2018-02-10", full()));
    let other = patch(3, EventType::PlanAgreed, json!({ "kind": "php" }));
    story().when(Command::PatchFact(other)).refused(Code::OtherType);
    story()
        .when(Command::PatchFact(patch(3, EventType::ContactLogged, json!({ "minutes": 25 }))))
        .refused(Code::NothingToCorrect);
    let story = accepted().and(&state("2018-02-01", home(HOME)));
    let other = patch(3, EventType::SpellStarted, json!({ "spell": FLAT.0 }));
    let refusal = story.when(Command::PatchFact(other)).refused(Code::FixedField);
    assert_eq!(refusal.path, Some("payload.spell".into()));
}

#[test]
fn a_named_worker_is_checked_when_the_patch_names_them_or_moves_the_day() {
    let command = patch(3, EventType::ContactLogged, json!({ "worker": NOBODY.0 }));
    assert_eq!(Command::PatchFact(command.clone()).names(), [StreamId::worker(NOBODY)]);
    let story = accepted().and(&state("2018-02-10", contact()));
    assert_eq!(Command::PatchFact(patch(3, EventType::ContactLogged, json!({}))).names(), []);
    let silent = Command::PatchFact(patch(3, EventType::ContactLogged, json!({})));
    assert_eq!(silent.names_beside(story.case()), [StreamId::worker(ANN)]);
    let refusal = story.when(Command::PatchFact(command)).refused(Code::WorkerNotFound);
    assert_eq!(refusal.path, Some("payload.worker".into()));
}

#[test]
fn face_to_face_follows_the_channel_unless_it_is_given() {
    let by = |channel: &str, face_to_face| ContactLogged { channel: channel.to_owned(), face_to_face, ..contact() };
    let recorded = |fact: ContactLogged| {
        let events = accepted().decide(&state("2018-02-10", fact)).expect("accepted");
        let Event::ContactLogged(logged) = &events[0].event else { panic!("a contact") };
        logged.face_to_face
    };
    assert_eq!(recorded(by("face_to_face", None)), Some(true));
    assert_eq!(recorded(by("phone", None)), Some(false));
    assert_eq!(recorded(by("phone", Some(true))), Some(true), "a given value is kept");
    let missed = ContactLogged { attendance: Attendance::DidNotAttend, two_way: false, ..by("face_to_face", None) };
    assert_eq!(recorded(missed), Some(false), "a client who did not attend was not seen");
    let rules = format!("{RULES}\n[channels]\nface_to_face = [\"phone\"]\n");
    let events = accepted().under(&[&rules]).decide(&state("2018-02-10", by("phone", None))).expect("accepted");
    let Event::ContactLogged(logged) = &events[0].event else { panic!("a contact") };
    assert_eq!(logged.face_to_face, Some(true), "as the rulebook says");

    let to_phone = patch(3, EventType::ContactLogged, json!({ "channel": "phone" }));
    let seen = accepted().and(&state("2018-02-10", by("face_to_face", None)));
    assert_eq!(corrected(seen, to_phone.clone()).1, by("phone", Some(false)).into());
    let said = accepted().and(&state("2018-02-10", by("face_to_face", Some(false))));
    assert_eq!(corrected(said, to_phone).1, by("phone", Some(false)).into());
}

mod doubts {
    use super::*;
    use crate::fact::refusal::Severity;

    #[test]
    fn a_contact_that_contradicts_itself_warns() {
        let odd = ContactLogged { attendance: Attendance::DidNotAttend, two_way: true, ..contact() };
        let refusal = accepted().when(state("2018-02-10", odd.clone())).refused(Code::ContactContradictory);
        assert_eq!((refusal.severity, refusal.path), (Severity::Warning, Some("two_way".into())));
        accepted().accepting(Code::ContactContradictory).when(state("2018-02-10", odd)).accepted();
        let seen = ContactLogged {
            attendance: Attendance::CancelledByClient,
            two_way: false,
            face_to_face: Some(true),
            ..contact()
        };
        accepted().when(state("2018-02-10", seen)).refused(Code::ContactContradictory);
        let story = accepted().and(&state("2018-02-10", contact()));
        let missed = patch(3, EventType::ContactLogged, json!({ "attendance": "did_not_attend" }));
        story.when(Command::PatchFact(missed)).refused(Code::ContactContradictory);
    }

    #[test]
    fn a_contact_or_plan_long_before_the_referral_warns() {
        accepted().when(state("2017-12-13", contact())).accepted();
        accepted().when(state("2017-12-12", contact())).refused(Code::LongBeforeReferral);
        accepted().when(state("2017-01-12", plan())).refused(Code::LongBeforeReferral);
        accepted().accepting(Code::LongBeforeReferral).when(state("2017-01-12", contact())).accepted();
        let story = accepted().and(&state("2018-01-12", contact()));
        let slip = PatchFact {
            occurred: PatchedDate { on: Some(day("2017-01-12")), ..PatchedDate::default() },
            ..patch(3, EventType::ContactLogged, json!({}))
        };
        story.when(Command::PatchFact(slip)).refused(Code::LongBeforeReferral);
    }

    #[test]
    fn an_exact_duplicate_warns_and_names_the_first() {
        let story = || accepted().and(&state("2018-02-10", contact()));
        let refusal = story().when(state("2018-02-10", contact())).refused(Code::RecordedAlready);
        assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(3)]);
        story().accepting(Code::RecordedAlready).when(state("2018-02-10", contact())).accepted();
        story().when(state("2018-02-10 10:00", contact())).accepted();
        story().when(state("2018-02-10", ContactLogged { minutes: Some(5), ..contact() })).accepted();
        story().and(&retract(&[3])).when(state("2018-02-10", contact())).accepted();
        let measured_once = accepted().and(&state("2018-02-10", measured()));
        measured_once.when(state("2018-02-10", measured())).refused(Code::RecordedAlready);
    }

    #[test]
    fn a_duplicate_is_found_whatever_its_own_id() {
        let lived = || accepted().and(&state("2018-02-10", home(HOME)));
        let refusal = lived().when(state("2018-02-10", home(FLAT))).refused(Code::RecordedAlready);
        assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(3)]);
        lived().when(state("2018-02-11", home(FLAT))).accepted();
        let twice = accepted().and(&state("2018-02-10", contact())).and(&state("2018-02-11", contact()));
        twice.when(correct(4, "2018-02-10", contact())).refused(Code::RecordedAlready);
    }
}

mod appointments {
    use super::*;
    use crate::world::{called_off, moved};

    fn names_it(attendance: Attendance) -> ContactLogged {
        let two_way = matches!(attendance, Attendance::Attended);
        ContactLogged { appointment: Some(APPOINTMENT), attendance, two_way, ..contact() }
    }

    fn story() -> World {
        accepted().accepting(Code::BeforeAppointment).and(&state("2018-02-01", booked("2018-03-20")))
    }

    #[test]
    fn it_cannot_be_kept_or_missed_before_its_day() {
        let story = || accepted().and(&state("2018-02-01", booked("2018-02-20")));
        let refusal =
            story().when(state("2018-02-19", names_it(Attendance::Attended))).refused(Code::BeforeAppointment);
        assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(3)]);
        story().when(state("2018-02-20", names_it(Attendance::DidNotAttend))).accepted();
        story().when(state("2018-02-19", names_it(Attendance::CancelledByClient))).accepted();
        let brought_forward = story().and(&state("2018-02-15", moved("2018-02-19")));
        brought_forward.when(state("2018-02-19", names_it(Attendance::Attended))).accepted();
    }

    #[test]
    fn an_appointment_may_lie_ahead_and_not_before_it_was_arranged() {
        story();
        let refusal = accepted().when(state("2018-02-10", booked("2018-02-09"))).refused(Code::InvalidValue);
        assert_eq!(refusal.path, Some("scheduled_on".into()));
        accepted().when(state("2018-01-09", booked("2018-02-09"))).refused(Code::BeforeReferral);
        story().when(state("2018-02-05", moved("2018-03-21"))).accepted();
        let nothing = crate::fact::event::AppointmentMoved { scheduled_on: None, ..moved("2018-03-21") };
        story().when(state("2018-02-05", nothing)).refused(Code::MissingValue);
    }

    #[test]
    fn it_is_kept_missed_or_cancelled_once() {
        for over in [
            Event::from(names_it(Attendance::Attended)),
            names_it(Attendance::DidNotAttend).into(),
            called_off().into(),
        ] {
            let after = || story().and(&state("2018-02-20", over.clone()));
            let later = ContactLogged { minutes: Some(1), ..names_it(Attendance::Attended) };
            after().when(state("2018-02-21", later)).refused(Code::AppointmentAlreadyOver);
            after().when(state("2018-02-21", called_off())).refused(Code::AppointmentAlreadyOver);
            after().when(state("2018-02-21", moved("2018-03-22"))).refused(Code::AppointmentAlreadyOver);
            after().when(state("2018-02-21", booked("2018-03-22"))).refused(Code::AppointmentExists);
            after().when(retract(&[3])).refused(Code::FactHasDependents);
        }
        accepted().when(state("2018-02-20", names_it(Attendance::Attended))).refused(Code::AppointmentNotFound);
        let moved_and_kept = story().and(&state("2018-02-20", moved("2018-02-20")));
        moved_and_kept.when(state("2018-02-20", names_it(Attendance::Attended))).accepted();
    }

    #[test]
    fn a_contact_that_names_it_records_its_result() {
        let refusal = story().when(state("2018-02-20", names_it(Attendance::None))).refused(Code::MissingValue);
        assert_eq!(refusal.path, Some("attendance".into()));
        story().when(state("2018-02-20", names_it(Attendance::NotOffered))).refused(Code::InvalidValue);
        let rang = ContactLogged { two_way: true, ..names_it(Attendance::None) };
        story().when(state("2018-02-20", rang)).accepted();
    }

    #[test]
    fn a_close_warns_of_open_appointments_and_they_may_be_cancelled_after_it() {
        let refusal = story().when(state("2018-02-20", closed())).refused(Code::AppointmentsOpen);
        assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(3)]);
        let left = || story().accepting(Code::AppointmentsOpen).and(&state("2018-02-20", closed()));
        left().when(state("2018-02-21", called_off())).accepted();
        left().when(state("2018-02-21", moved("2018-03-01"))).refused(Code::JourneyClosed);
    }

    #[test]
    fn the_attributes_of_a_spell_are_patched_too() {
        let story = accepted().and(&state("2018-02-01", home(HOME)));
        let hours = |hours: i64| Some(Quantity(hours.into()));
        let change = SpellChanged { spell: HOME, hours_per_week: hours(16), attributes: BTreeMap::new(), note: None };
        let story = story.and(&state("2018-02-10", change.clone()));
        let said = corrected(story, patch(4, EventType::SpellChanged, json!({ "hours_per_week": 20 })));
        assert_eq!(said, on("2018-02-10", SpellChanged { hours_per_week: hours(20), ..change }));
    }
}
