//! Given these facts, when a command records another, then these events or this refusal.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use uuid::Uuid;

use super::*;
use crate::fact::envelope::{Precision, SpellId, WorkerId};
use crate::fact::event::{
    Attribute, ContactLogged, Disengaged, ExternalReference, FactCorrected, FactRetracted, JourneyClosed, KEYWORKER,
    PlanAgreed, Quantity, ReferralAccepted, ReferralDeclined, Referrer, SpellEnded, SpellStarted, WorkerAssigned,
};
use crate::fact::refusal::RefusalCode as Code;
use crate::world::{
    ANN, BOB, FLAT, HOME, JOURNEY, RULES, SUBJECT, accepted, closed, contact, correct, day, declined, disengaged,
    ended, given, home, keyworker, nth, on, open_contract, plan, referral, retract, state, when,
};

mod answering;
mod every_type;
mod importing;
mod leaving;
mod living;
mod patching;
mod proving;
mod sealing;
mod working;

const NOBODY: WorkerId = WorkerId(Uuid::from_u128(0x39));
const STRANGER: SubjectId = SubjectId(Uuid::from_u128(0x29));

mod receiving {
    use super::*;

    #[test]
    fn a_referral_begins_the_journey() {
        given([]).when(state("2018-01-10", referral())).then([on("2018-01-10", referral())]);
    }

    #[test]
    fn a_new_subject_is_registered_along_with_the_referral() {
        let command = Command::ReceiveReferral(ReceiveReferral {
            journey: JOURNEY,
            contract: "shps".to_owned(),
            when: when("2018-01-10").into(),
            register: Some(SubjectKind::Person),
            identity: None,
            fact: ReferralReceived { subject: STRANGER, ..referral() },
        });
        assert_eq!(command.names(), [StreamId::contract("shps"), StreamId::subject(STRANGER)]);
        let events = given([]).decide(&command).expect("accepted");
        assert_eq!(
            events.iter().map(|event| event.stream).collect::<Vec<_>>(),
            [StreamId::subject(STRANGER), StreamId::journey(JOURNEY)]
        );
        assert_eq!(events[0].contract, None, "a subject belongs to the deployment");
        assert_eq!(events[1].contract.as_deref(), Some("shps"));
    }

    #[test]
    fn a_subject_is_known_or_registered_never_both_or_neither() {
        let unknown = ReferralReceived { subject: STRANGER, ..referral() };
        given([]).when(state("2018-01-10", unknown)).refused(Code::SubjectNotFound);
        let Command::ReceiveReferral(command) = state("2018-01-10", referral()) else { panic!("a referral") };
        let again = ReceiveReferral { register: Some(SubjectKind::Person), ..command };
        given([]).when(Command::ReceiveReferral(again)).refused(Code::SubjectExists);
    }

    #[test]
    fn a_referral_needs_its_contract() {
        let Command::ReceiveReferral(command) = state("2018-01-10", referral()) else { panic!("a referral") };
        let elsewhere = ReceiveReferral { contract: "mst-essex".to_owned(), ..command.clone() };
        given([]).when(Command::ReceiveReferral(elsewhere)).refused(Code::ContractNotFound);
        let mut nothing_open = given([]);
        nothing_open.contract = Contract::default();
        nothing_open.when(Command::ReceiveReferral(command)).refused(Code::ContractNotFound);
    }

    #[test]
    fn a_journey_has_one_referral_also_if_the_second_is_dated_earlier() {
        let refusal = accepted().when(state("2018-01-05", referral())).refused(Code::AlreadyReferred);
        assert_eq!(refusal.facts[0].event_id, nth(1));
        assert!(refusal.message.contains("2018-01-10"));
    }

    #[test]
    fn every_remark_about_the_values_is_given_at_once() {
        let referral = ReferralReceived {
            area: "leeds".to_owned(),
            cohort: Some("2017".to_owned()),
            referrer: Some(Referrer {
                organisation: Some("ring 020 7946 0958".to_owned()),
                kind: Some("council".to_owned()),
            }),
            external_references: vec![
                ExternalReference { system: "hub".to_owned(), id: "CASE-2018/0042".to_owned() },
                ExternalReference { system: "hub".to_owned(), id: "QQ123456C".to_owned() },
            ],
            ..referral()
        };
        given([]).when(state("2018-03-01", referral)).refused_each(&[
            (Code::DatedInFuture, "occurred_on"),
            (Code::UnknownCode, "area"),
            (Code::UnknownCode, "cohort"),
            (Code::PersonalData, "referrer.organisation"),
            (Code::UnknownCode, "referrer.kind"),
            (Code::PersonalData, "external_references.1.id"),
        ]);
    }
}

mod accepting_and_declining {
    use super::*;

    #[test]
    fn a_referral_is_accepted_on_its_day_or_later() {
        let story = || given([on("2018-01-10", referral())]);
        story().when(state("2018-01-10", ReferralAccepted {})).then([on("2018-01-10", ReferralAccepted {})]);
        let refusal = story().when(state("2018-01-09", ReferralAccepted {})).refused(Code::BeforeReferral);
        assert_eq!(refusal.path, Some("occurred_on".into()));
        story().when(state("2018-01", ReferralAccepted {})).accepted();
        story().when(state("2017-12", ReferralAccepted {})).refused(Code::BeforeReferral);
    }

    #[test]
    fn a_referral_is_accepted_or_declined_once() {
        accepted().when(state("2018-01-12", ReferralAccepted {})).refused(Code::AlreadyAccepted);
        accepted().when(state("2018-01-12", declined())).refused(Code::AlreadyAccepted);
        accepted().when(state("2018-01-10", declined())).refused(Code::AlreadyAccepted);
        let turned_down = || given([on("2018-01-10", referral()), on("2018-01-12", declined())]);
        turned_down().when(state("2018-01-11", ReferralAccepted {})).refused(Code::ReferralDeclined);
        turned_down().when(state("2018-01-12", declined())).refused(Code::ReferralDeclined);
    }

    #[test]
    fn nothing_follows_a_decline() {
        let story = || given([on("2018-01-10", referral()), on("2018-01-12", declined())]);
        let facts: [Event; 7] = [
            contact().into(),
            plan().into(),
            keyworker(ANN).into(),
            home(HOME).into(),
            disengaged().into(),
            closed().into(),
            ReferralAccepted {}.into(),
        ];
        for fact in facts {
            story().when(state("2018-01-13", fact)).refused(Code::ReferralDeclined);
        }
        story().when(state("2018-01-12", contact())).accepted();
        let refusal = given([on("2018-01-10", referral()), on("2018-01-20", contact())])
            .when(state("2018-01-12", declined()))
            .refused(Code::FactHasDependents);
        assert_eq!(refusal.facts[0].event_id, nth(2));
    }

    #[test]
    fn a_decline_gives_a_reason_of_the_rulebook_and_no_closed_journey_is_declined() {
        let odd = ReferralDeclined { reason: "because".to_owned() };
        let refusal = given([on("2018-01-10", referral())]).when(state("2018-01-12", odd)).refused(Code::UnknownCode);
        assert_eq!(refusal.allowed, ["housed", "lost_contact", "not_eligible"]);
        assert_eq!(refusal.rule.as_deref(), Some("codes.close_reasons"));
        let over = given([on("2018-01-10", referral()), on("2018-01-12", closed())]);
        over.when(state("2018-01-12", declined())).refused(Code::AlreadyClosed);
    }

    #[test]
    fn an_unknown_journey_is_not_found() {
        given([]).when(state("2018-01-12", ReferralAccepted {})).refused(Code::JourneyNotFound);
        given([]).when(retract(&[1])).refused(Code::JourneyNotFound);
        given([]).when(correct(1, "2018-01-12", contact())).refused(Code::JourneyNotFound);
    }
}

mod assigning {
    use super::*;

    #[test]
    fn a_case_may_be_assigned_before_it_is_accepted_but_not_before_it_is_received() {
        let story = || given([on("2018-01-10", referral())]);
        story().when(state("2018-01-10", keyworker(ANN))).then([on("2018-01-10", keyworker(ANN))]);
        story().when(state("2018-01-09", keyworker(ANN))).refused(Code::BeforeReferral);
    }

    #[test]
    fn a_worker_who_holds_the_case_is_not_assigned_again() {
        let held = || accepted().and(&state("2018-01-12", keyworker(ANN)));
        held().when(state("2018-02-01", keyworker(ANN))).refused(Code::AlreadyAssigned);
        held().when(state("2018-01-11", keyworker(ANN))).refused(Code::AlreadyAssigned);
        held().and(&state("2018-02-01", keyworker(BOB))).when(state("2018-02-02", keyworker(ANN))).accepted();
        let other_role = WorkerAssigned { worker: ANN, role: "mentor".to_owned(), until: None };
        held().when(state("2018-02-01", other_role)).accepted();
    }

    #[test]
    fn a_fact_between_two_others_is_not_retracted_if_the_second_depends_on_it() {
        let story = accepted()
            .and(&state("2018-01-12", keyworker(ANN)))
            .and(&state("2018-01-20", keyworker(BOB)))
            .and(&state("2018-02-01", keyworker(ANN)));
        story.when(retract(&[4])).refused(Code::FactHasDependents);
    }

    #[test]
    fn the_worker_must_be_known_and_the_role_be_a_word() {
        accepted().when(state("2018-01-12", keyworker(NOBODY))).refused(Code::WorkerNotFound);
        let blank = WorkerAssigned { worker: ANN, role: "  ".to_owned(), until: None };
        let refusal = accepted().when(state("2018-01-12", blank)).refused(Code::MissingValue);
        assert_eq!(refusal.path, Some("role".into()));
        assert_eq!(state("2018-01-12", keyworker(ANN)).names(), [StreamId::worker(ANN)]);
    }
}

mod contacting {
    use super::*;

    #[test]
    fn a_contact_is_recorded_on_its_own_day() {
        accepted().when(state("2018-02-10 09:30", contact())).then([on("2018-02-10 09:30", contact())]);
        accepted().when(state("2018-01-05", contact())).accepted();
    }

    #[test]
    fn nothing_is_dated_in_the_future() {
        let refusal = accepted().when(state("2018-03-01", contact())).refused(Code::DatedInFuture);
        assert!(refusal.message.contains("today, 2018-02-28"), "{}", refusal.message);
        accepted().when(state("2018-02-28", contact())).accepted();
        accepted().when(state("2018-02", contact())).accepted();
        accepted().when(state("2018", contact())).accepted();
        accepted().when(state("2018-03", contact())).refused(Code::DatedInFuture);
        accepted().on_day("2018-03-01").when(state("2018-03-01", contact())).accepted();
    }

    #[test]
    fn a_channel_that_the_rulebook_does_not_list_is_refused_with_those_it_does() {
        let odd = ContactLogged { channel: "pigeon".to_owned(), ..contact() };
        let refusal = accepted().when(state("2018-02-10", odd)).refused(Code::UnknownCode);
        assert_eq!(refusal.path, Some("channel".into()));
        assert_eq!(refusal.rule.as_deref(), Some("codes.contact_channels"));
        assert_eq!(refusal.allowed, ["face_to_face", "phone"]);
    }

    #[test]
    fn a_fact_is_judged_by_the_rulebook_of_its_own_day() {
        let later = RULES
            .replace("\"2017-03\"", "\"2018-02\"")
            .replace("effective_from = 2017-03-01", "effective_from = 2018-02-01")
            .replace("\"phone\"]", "\"phone\", \"video\"]");
        let video = || ContactLogged { channel: "video".to_owned(), ..contact() };
        let story = || accepted().under(&[RULES, &later]);
        story().when(state("2018-02-01", video())).accepted();
        story().when(state("2018-01-31", video())).refused(Code::UnknownCode);
        let phoned = story().and(&state("2018-02-05", contact()));
        phoned.when(correct(3, "2018-01-31", video())).refused(Code::UnknownCode);
    }

    #[test]
    fn a_contact_after_the_close_says_when_the_journey_was_closed() {
        let story = || accepted().and(&state("2018-02-10", closed()));
        let refusal = story().when(state("2018-02-11", contact())).refused(Code::JourneyClosed);
        assert!(refusal.message.contains("closed on 2018-02-10: use that day or an earlier one"));
        assert_eq!(refusal.facts[0].event_id, nth(3));
        story().when(state("2018-02-10", contact())).accepted();
        story().when(state("2018-02", contact())).accepted();
    }

    #[test]
    fn a_worker_of_ours_must_be_known_and_minutes_fit_in_a_day() {
        let odd = ContactLogged {
            worker: Some(NOBODY),
            minutes: Some(1_441),
            scheduled_on: Some(NaiveDate::MAX),
            ..contact()
        };
        accepted().when(state("2018-02-10", odd)).refused_each(&[
            (Code::InvalidValue, "minutes"),
            (Code::InvalidValue, "scheduled_on"),
            (Code::WorkerNotFound, "worker"),
        ]);
        let nobody_of_ours = ContactLogged { worker: None, ..contact() };
        assert_eq!(state("2018-02-10", nobody_of_ours.clone()).names(), []);
        accepted().when(state("2018-02-10", nobody_of_ours)).accepted();
        let to_come = ContactLogged { scheduled_on: Some(day("2018-03-05")), ..contact() };
        accepted().when(state("2018-02-10", to_come)).accepted();
    }
}

mod planning_and_leaving {
    use super::*;

    #[test]
    fn a_plan_is_of_a_kind_that_the_rulebook_lists() {
        accepted().when(state("2018-01-05", plan())).then([on("2018-01-05", plan())]);
        let odd = PlanAgreed { kind: "employment_plan".to_owned(), actions: Vec::new(), note: None };
        assert_eq!(
            accepted().when(state("2018-02-10", odd)).refused(Code::UnknownCode).allowed,
            ["php", "safety_plan"]
        );
        let closed = accepted().and(&state("2018-02-01", closed()));
        closed.when(state("2018-02-10", plan())).refused(Code::JourneyClosed);
    }

    #[test]
    fn a_disengagement_is_a_dated_mark_within_the_case() {
        accepted().when(state("2018-02-10", disengaged())).then([on("2018-02-10", disengaged())]);
        accepted().when(state("2018-01-09", disengaged())).refused(Code::BeforeReferral);
        let closed = accepted().and(&state("2018-02-01", closed()));
        closed.when(state("2018-02-10", disengaged())).refused(Code::JourneyClosed);
        let odd = Disengaged { reason: "bored".to_owned(), last_seen_on: Some(day("2018-02-11")) };
        accepted()
            .when(state("2018-02-10", odd))
            .refused_each(&[(Code::UnknownCode, "reason"), (Code::InvalidValue, "last_seen_on")]);
        let unseen = Disengaged { last_seen_on: Some(day("2018-03-01")), ..disengaged() };
        accepted().when(state("2018-02-10", unseen)).refused(Code::DatedInFuture);
    }

    #[test]
    fn a_journey_is_closed_once_and_not_before_its_referral() {
        accepted().when(state("2018-02-10", closed())).then([on("2018-02-10", closed())]);
        accepted().when(state("2018-01-09", closed())).refused(Code::BeforeReferral);
        let over = || accepted().and(&state("2018-02-10", closed()));
        over().when(state("2018-02-20", closed())).refused(Code::AlreadyClosed);
        over().when(state("2018-02-01", closed())).refused(Code::AlreadyClosed);
        let odd = JourneyClosed { reason: "gone".to_owned(), destination: Some("a.client@example.org".to_owned()) };
        accepted()
            .when(state("2018-02-10", odd))
            .refused_each(&[(Code::UnknownCode, "reason"), (Code::PersonalData, "destination")]);
    }

    #[test]
    fn a_close_before_later_contacts_names_them() {
        let story = accepted()
            .and(&state("2018-02-10", contact()))
            .and(&state("2018-02-20", plan()))
            .and(&state("2018-02-15", home(HOME)));
        let refusal = story.when(state("2018-02-09", closed())).refused(Code::FactHasDependents);
        let named: Vec<EventId> = refusal.facts.iter().map(|fact| fact.event_id).collect();
        assert_eq!(named, [nth(3), nth(4)], "the spell may follow the close");
        assert!(refusal.message.contains("ContactLogged of 2018-02-10 and 1 more"), "{}", refusal.message);
    }
}

mod spells {
    use super::*;

    #[test]
    fn a_spell_may_start_before_the_referral_and_after_the_close() {
        accepted().when(state("2017-06-01", home(HOME))).then([on("2017-06-01", home(HOME))]);
        let over = accepted().and(&state("2018-02-01", closed())).and(&state("2018-02-10", home(HOME)));
        over.when(state("2018-02-20", ended(HOME))).then([on("2018-02-20", ended(HOME))]);
    }

    #[test]
    fn a_spell_has_an_id_of_its_own() {
        let housed = accepted().and(&state("2018-02-01", home(HOME)));
        housed.when(state("2018-02-10", home(HOME))).refused(Code::SpellExists);
    }

    #[test]
    fn an_end_needs_its_spell_after_its_start_once() {
        let housed = || accepted().and(&state("2018-02-10 12:00", home(HOME)));
        let refusal = housed().when(state("2018-02-20", ended(FLAT))).refused(Code::SpellNotFound);
        assert_eq!(refusal.allowed, [HOME.to_string()]);
        housed().when(state("2018-02-09", ended(HOME))).refused(Code::EndedBeforeStart);
        housed().when(state("2018-02-10", ended(HOME))).accepted();
        housed().when(state("2018-02-10 11:00", ended(HOME))).refused(Code::EndedBeforeStart);
        housed().when(state("2018-02", ended(HOME))).accepted();
        let over = housed().and(&state("2018-02-20", ended(HOME)));
        over.when(state("2018-02-21", ended(HOME))).refused(Code::SpellAlreadyEnded);
    }

    #[test]
    fn what_is_known_of_a_spell_has_its_bounds() {
        let attributes = BTreeMap::from([
            ("secured_as".to_owned(), Attribute::Text("kept".to_owned())),
            ("landlord".to_owned(), Attribute::Text("07700 900123".to_owned())),
            ("rent".to_owned(), Attribute::Quantity(Quantity(rust_decimal::Decimal::MAX))),
            ("shared".to_owned(), Attribute::Flag(true)),
        ]);
        let odd = SpellStarted {
            domain: "boat".to_owned(),
            employer_ref: Some("QQ 12 34 56 C".to_owned()),
            hours_per_week: Some(Quantity(169.into())),
            attributes,
            ..home(HOME)
        };
        accepted().when(state("2018-02-10", odd)).refused_each(&[
            (Code::UnknownCode, "domain"),
            (Code::PersonalData, "employer_ref"),
            (Code::InvalidValue, "hours_per_week"),
            (Code::PersonalData, "attributes.landlord"),
            (Code::InputTooLong, "attributes.rent"),
        ]);
        let many = (0..33).map(|n| (format!("a{n}"), Attribute::Flag(true))).collect();
        let refusal = accepted()
            .when(state("2018-02-10", SpellStarted { attributes: many, ..home(HOME) }))
            .refused(Code::InputTooLong);
        assert_eq!(refusal.path, Some("attributes".into()));
        let reason = Some("evicted; ring 020 7946 0958".to_owned());
        let housed = accepted().and(&state("2018-02-01", home(HOME)));
        housed.when(state("2018-02-10", SpellEnded { spell: HOME, reason, note: None })).refused(Code::PersonalData);
    }
}

mod correcting {
    use super::*;

    #[test]
    fn a_correction_replaces_the_whole_fact_and_is_dated_today() {
        let story = accepted().and(&state("2018-02-10", contact()));
        let event = FactCorrected {
            target: nth(3),
            occurred_on: day("2018-02-11"),
            precision: Precision::Day,
            local_time: NaiveTime::from_hms_opt(9, 30, 0),
            schema_version: 2,
            payload: serde_json::to_value(contact()).expect("a contact is JSON"),
            reason: "typed wrongly".to_owned(),
        };
        story.when(correct(3, "2018-02-11 09:30", contact())).then([on("2018-02-28", event)]);
    }

    #[test]
    fn a_correction_names_the_original_event_that_stands() {
        let story = || accepted().and(&state("2018-02-10", contact())).and(&correct(3, "2018-02-11", contact()));
        let refusal = story().when(correct(4, "2018-02-12", contact())).refused(Code::NotCorrectable);
        assert_eq!(refusal.allowed, [nth(3).to_string()]);
        story().when(correct(9, "2018-02-12", contact())).refused(Code::FactNotFound);
        let gone = story().and(&retract(&[3]));
        gone.when(correct(3, "2018-02-12", contact())).refused(Code::AlreadyRetracted);
    }

    #[test]
    fn a_correction_keeps_type_subject_and_spell() {
        let story = || accepted().and(&state("2018-02-10", home(HOME))).and(&state("2018-02-11", home(FLAT)));
        let refusal = story().when(correct(3, "2018-02-10", contact())).refused(Code::OtherType);
        assert_eq!(refusal.allowed, ["SpellStarted"]);
        story().when(correct(3, "2018-02-10", home(FLAT))).refused(Code::FixedField);
        let other = ReferralReceived { subject: STRANGER, ..referral() };
        story().when(correct(1, "2018-01-10", other)).refused(Code::FixedField);
        let moved = ReferralReceived { area: "ealing".to_owned(), ..referral() };
        story().when(correct(1, "2018-01-10", moved)).accepted();
        let over = story().and(&state("2018-02-20", ended(HOME)));
        over.when(correct(5, "2018-02-20", ended(FLAT))).accepted();
    }

    #[test]
    fn of_two_facts_that_exclude_each_other_the_one_said_last_is_refused() {
        let story = accepted()
            .accepting(Code::RecordedAlready)
            .and(&state("2018-02-01", home(HOME)))
            .and(&state("2018-02-01", home(FLAT)))
            .and(&state("2018-02-20", ended(HOME)))
            .and(&state("2018-02-20", ended(FLAT)));
        story.when(correct(5, "2018-02-20", ended(FLAT))).refused(Code::SpellAlreadyEnded);
    }

    #[test]
    fn a_correction_that_changes_nothing_is_refused() {
        let story = accepted().and(&state("2018-02-10", contact())).and(&correct(3, "2018-02-11", contact()));
        story.when(correct(3, "2018-02-11", contact())).refused(Code::NothingToCorrect);
        let imprecise = accepted().and(&state("2018-02-01", contact()));
        imprecise.when(correct(3, "2018-02", contact())).accepted();
    }

    #[test]
    fn a_replacement_is_judged_like_a_fact_stated_anew() {
        let story = || accepted().and(&state("2018-02-10", contact())).and(&state("2018-02-20", closed()));
        story().when(correct(3, "2018-02-21", contact())).refused(Code::JourneyClosed);
        story().when(correct(3, "2018-03-01", contact())).refused(Code::DatedInFuture);
        let odd = ContactLogged { channel: "pigeon".to_owned(), worker: Some(NOBODY), ..contact() };
        let command = correct(3, "2018-02-10", odd);
        assert_eq!(command.names(), [StreamId::worker(NOBODY)]);
        story()
            .when(command)
            .refused_each(&[(Code::UnknownCode, "payload.channel"), (Code::WorkerNotFound, "payload.worker")]);
        let area = ReferralReceived { area: "leeds".to_owned(), ..referral() };
        story().when(correct(1, "2018-01-10", area)).refused(Code::UnknownCode);
    }

    #[test]
    fn a_corrected_date_may_not_make_other_facts_invalid() {
        let story = || accepted().and(&state("2018-02-10", contact())).and(&state("2018-02-20", closed()));
        let refusal = story().when(correct(4, "2018-02-09", closed())).refused(Code::FactHasDependents);
        assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(3)]);
        let refusal = story().when(correct(1, "2018-01-15", referral())).refused(Code::FactHasDependents);
        assert_eq!(refusal.facts[0].event_type.as_str(), "ReferralAccepted");
        story().when(correct(4, "2018-02-10", closed())).accepted();
    }

    #[test]
    fn a_reason_is_short_and_impersonal() {
        let story = || accepted().and(&state("2018-02-10", contact()));
        for (reason, code) in [
            ("", Code::MissingValue),
            ("client rang from 07700 900123", Code::PersonalData),
            ("NHS 943 476 5919", Code::PersonalData),
            ("was QQ123456C", Code::PersonalData),
            ("see a.client@example.org", Code::PersonalData),
            ("two\nlines", Code::InvalidValue),
            ("hidden \u{202e} order", Code::InvalidValue),
            ("nul \u{0}", Code::InvalidValue),
            (" led by a space", Code::InvalidValue),
        ] {
            let Command::CorrectFact(command) = correct(3, "2018-02-11", contact()) else { panic!("one") };
            let command = CorrectFact { reason: reason.to_owned(), ..command };
            let refusal = story().when(Command::CorrectFact(command)).refused(code);
            assert_eq!(refusal.path, Some("reason".into()));
            assert!(reason.is_empty() || !refusal.message.contains(reason), "a refusal does not repeat what it found");
        }
        for (length, code) in [(200, None), (201, Some(Code::InputTooLong))] {
            let Command::RetractFacts(command) = retract(&[3]) else { panic!("one") };
            let command = Command::RetractFacts(RetractFacts { reason: "é".repeat(length), ..command });
            match code {
                None => story().when(command).accepted(),
                Some(code) => drop(story().when(command).refused(code)),
            }
        }
    }
}

mod retracting {
    use super::*;

    #[test]
    fn a_fact_is_retracted_today() {
        let story = accepted().and(&state("2018-02-10", contact()));
        let event = FactRetracted { target: nth(3), reason: "never was so".to_owned() };
        story.when(retract(&[3])).then([on("2018-02-28", event)]);
    }

    #[test]
    fn a_fact_on_which_others_depend_is_retracted_with_them_or_not_at_all() {
        let story = || accepted().and(&state("2018-02-10", home(HOME))).and(&state("2018-02-20", ended(HOME)));
        let refusal = story().when(retract(&[3])).refused(Code::FactHasDependents);
        assert_eq!(refusal.facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>(), [nth(4)]);
        assert!(refusal.message.contains("retract these facts in the same command"));
        story().when(retract(&[3, 4])).accepted();
        story().when(retract(&[4])).accepted();
        let refusal = story().when(retract(&[1])).refused(Code::FactHasDependents);
        assert_eq!(refusal.facts.len(), 3, "every fact needs the referral");
        story().when(retract(&[4, 2, 3, 1])).accepted();
    }

    #[test]
    fn a_journey_whose_referral_was_retracted_may_begin_anew() {
        let story = || given([on("2018-01-10", referral())]).and(&retract(&[1]));
        story().when(state("2018-02-10", contact())).refused(Code::NotReferred);
        story().when(state("2018-02-10", referral())).accepted();
        let Command::ReceiveReferral(command) = state("2018-02-10", referral()) else { panic!("a referral") };
        let mut elsewhere = story();
        let code = "mst-essex".to_owned();
        elsewhere.contract = Contract::of(&[crate::world::recorded(
            1,
            when("2017-03-01"),
            crate::fact::event::ContractOpened {
                code: code.clone(),
                ..open_contract(&[]).opened().cloned().expect("open")
            }
            .into(),
        )])
        .expect("no rulebook");
        let command = ReceiveReferral { contract: code, ..command };
        elsewhere.when(Command::ReceiveReferral(command)).refused(Code::JourneyNotFound);
    }

    #[test]
    fn each_target_is_named_once_and_stands() {
        let story = || accepted().and(&state("2018-02-10", contact())).and(&retract(&[3]));
        story().when(retract(&[])).refused(Code::MissingValue);
        story().when(retract(&[2, 3, 4, 9, 2])).refused_each(&[
            (Code::AlreadyRetracted, "targets.1"),
            (Code::NotCorrectable, "targets.2"),
            (Code::FactNotFound, "targets.3"),
            (Code::InvalidValue, "targets.4"),
        ]);
        let many: Vec<u128> = (1..=1_001).collect();
        let refusals = story().decide(&retract(&many)).expect_err("too many");
        assert_eq!(refusals[0].code, Code::InputTooLong);
    }
}

#[test]
fn a_source_names_its_record_by_a_pseudonym() {
    let source = crate::fact::envelope::Source {
        system: "council".to_owned(),
        record_id: Some("CASE-2018/0042".to_owned()),
        file_digest: Some("ab".repeat(32)),
        row: Some(7),
    };
    assert_eq!(check_source(&source), Ok(()));
    let odd = crate::fact::envelope::Source {
        system: String::new(),
        record_id: Some("H801200001234".to_owned()),
        file_digest: Some("AB".repeat(32)),
        row: Some(0),
    };
    let codes: Vec<Code> = check_source(&odd).expect_err("refused").iter().map(|refusal| refusal.code).collect();
    assert_eq!(codes, [Code::MissingValue, Code::PersonalData, Code::InvalidValue, Code::InvalidValue]);
}

#[test]
fn a_date_of_another_age_is_refused() {
    let mut command = state("2018-01-10", contact());
    if let Command::RecordFact(contact) = &mut command {
        contact.when = Occurred::on(NaiveDate::MIN).into();
    }
    let refusal = accepted().when(command).refused(Code::InvalidValue);
    assert_eq!(refusal.path, Some("occurred_on".into()));
    accepted().when(state("1899", contact())).refused(Code::InvalidValue);
}

#[test]
fn a_list_that_the_rulebook_leaves_out_allows_any_code_that_is_a_word() {
    let open = RULES.replace("contact_channels = [\"face_to_face\", \"phone\"]\n", "");
    let story = || accepted().under(&[&open]);
    let by = |channel: &str| ContactLogged { channel: channel.to_owned(), ..contact() };
    story().when(state("2018-02-10", by("pigeon"))).accepted();
    story().when(state("2018-02-10", by(""))).refused(Code::MissingValue);
    story().when(state("2018-02-10", by(&"p".repeat(65)))).refused(Code::InputTooLong);
    story().when(state("2018-02-10", by("a\tb"))).refused(Code::InvalidValue);
    story().when(state("2018-02-10", by("QQ123456C"))).refused(Code::PersonalData);
}

#[test]
fn a_refusal_never_repeats_what_looks_personal() {
    let number = "QQ123456C";
    let channel = ContactLogged { channel: number.to_owned(), ..contact() };
    let attributes = BTreeMap::from([(number.to_owned(), Attribute::Text("07700 900123".to_owned()))]);
    let commands = [
        state("2018-02-10", channel),
        state("2018-02-10", SpellStarted { attributes, ..home(HOME) }),
        state("2018-02-10", WorkerAssigned { worker: ANN, role: number.to_owned(), until: None }),
    ];
    for command in commands {
        let refusal = accepted().when(command).refused(Code::PersonalData);
        assert!(!format!("{refusal:?}").contains(number), "{refusal:?}");
    }
}

#[test]
fn what_is_decided_reads_back_from_its_record_as_it_was_said() {
    let attributes = BTreeMap::from([
        ("secured_as".to_owned(), Attribute::Text("new".to_owned())),
        ("rent".to_owned(), Attribute::Quantity(Quantity(rust_decimal::Decimal::new(123_456, 2)))),
    ]);
    let hours_per_week = Some(Quantity(rust_decimal::Decimal::new(165, 1)));
    let spell = SpellStarted { hours_per_week, attributes, ..home(SpellId(Uuid::from_u128(0x43))) };
    let events = accepted().decide(&state("2018-02-10", spell)).expect("accepted");
    for NewEvent { event, .. } in events {
        let (name, version) = (event.event_type().as_str(), event.event_type().schema_version());
        assert_eq!(Event::decode(name, version, event.payload().get()).expect("readable"), event);
    }
    assert_eq!(keyworker(ANN).role, KEYWORKER);
    assert_eq!(SUBJECT, referral().subject);
}
