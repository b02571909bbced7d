//! Given these facts of subjects, workers and teams, when a command records another, then these events or this refusal.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::subject::{Subject, links, reached};
use super::team::Team;
use super::worker::Worker;
use crate::command::Command;
use crate::fact::envelope::{CoverId, HoldId, StreamId, SubjectId, TeamId, VacancyId, WorkerId};
use crate::fact::event::{
    AbsenceRecorded, AssessmentScored, CapacitySet, ConsentGiven, ConsentWithdrawn, CoverEnded, CoverStarted,
    ErasureApproved, ErasureGround, ErasureProposed, Event, LegalHoldLifted, LegalHoldPlaced, Quantity, SubjectKind,
    SubjectRegistered, SubjectsLinked, SubjectsUnlinked, TeamSet, VacancyFilled, VacancyOpened, WorkerJoined,
    WorkerLeft, WorkerReleased, WteSet,
};
use crate::fact::refusal::RefusalCode as Code;
use crate::people::town::{CAT, FAMILY, OTHER, TEAM, THIRD, corrected, fact_of, referred, retracted, town};
use crate::story::{ANN, BOB, JOURNEY, SUBJECT, contact, day, keyworker};

const REASON: &str = "one case number in both systems";

fn subject() -> StreamId {
    StreamId::subject(SUBJECT)
}

fn ann() -> StreamId {
    StreamId::worker(ANN)
}

fn team() -> StreamId {
    StreamId::team(TEAM)
}

fn quantity(text: &str) -> Quantity {
    Quantity(text.parse().expect("a decimal"))
}

mod linking {
    use super::*;

    fn linked(with: SubjectId) -> SubjectsLinked {
        SubjectsLinked { with, reason: REASON.to_owned() }
    }

    fn unlinked(with: SubjectId) -> SubjectsUnlinked {
        SubjectsUnlinked { with, reason: "two people of one household".to_owned() }
    }

    #[test]
    fn a_link_is_recorded_in_both_streams_on_the_same_day() {
        let command = fact_of(subject(), "2018-02-01", linked(OTHER));
        assert_eq!(command.names(), [StreamId::subject(OTHER)]);
        let events = town().decide(&command).expect("accepted");
        let got: Vec<(StreamId, Event)> = events.iter().map(|new| (new.stream, new.event.clone())).collect();
        assert_eq!(got, [(subject(), linked(OTHER).into()), (StreamId::subject(OTHER), linked(SUBJECT).into())]);
        assert!(events.iter().all(|new| new.contract.is_none() && new.occurred == events[0].occurred));
    }

    #[test]
    fn only_two_known_subjects_of_one_kind_are_linked() {
        town().refuses_fact(subject(), "2018-02-01", linked(SUBJECT), Code::SameSubject);
        town().refuses_fact(subject(), "2018-02-01", linked(FAMILY), Code::OtherKind);
        let stranger = SubjectId(Uuid::from_u128(0x29));
        let refusal = town().refuses_fact(subject(), "2018-02-01", linked(stranger), Code::SubjectNotFound);
        assert_eq!(refusal.path, Some("with".into()));
        town().refuses_fact(StreamId::subject(stranger), "2018-02-01", linked(SUBJECT), Code::SubjectNotFound);
        town().refuses_fact(subject(), "2018-03-01", linked(OTHER), Code::DatedInFuture);
    }

    #[test]
    fn a_link_and_its_end_alternate_whichever_of_the_two_is_named() {
        let linked_once = || town().and(subject(), "2018-02-01", linked(OTHER));
        linked_once().refuses_fact(subject(), "2018-02-02", linked(OTHER), Code::AlreadyLinked);
        linked_once().refuses_fact(StreamId::subject(OTHER), "2018-02-02", linked(SUBJECT), Code::AlreadyLinked);
        town().refuses_fact(subject(), "2018-02-02", unlinked(OTHER), Code::NotLinked);
        linked_once().refuses_fact(subject(), "2018-01-31", unlinked(OTHER), Code::NotLinked);
        let parted = || linked_once().and(StreamId::subject(OTHER), "2018-02-10", unlinked(SUBJECT));
        parted().refuses_fact(subject(), "2018-02-11", unlinked(OTHER), Code::NotLinked);
        parted().and(subject(), "2018-02-12", linked(OTHER));
        let refusal = linked_once().refuses_fact(subject(), "2018-01-15", linked(OTHER), Code::AlreadyLinked);
        assert_eq!(refusal.facts[0].event_type.as_str(), "SubjectsLinked");
    }

    #[test]
    fn a_link_is_undone_by_unlinking_and_never_corrected() {
        let town = town().and(subject(), "2018-02-01", linked(OTHER));
        let both =
            [subject(), StreamId::subject(OTHER)].map(|stream| (stream, town.history(stream).events()[1].event_id));
        for (stream, event) in both {
            town.refuses(&corrected(stream, event, "2018-02-02", linked(THIRD)), Code::NotCorrectable);
            town.refuses(&retracted(stream, &[event]), Code::NotCorrectable);
        }
        let unlinked = town.and(subject(), "2018-02-03", unlinked(OTHER));
        let last = unlinked.history(subject()).events()[2].event_id;
        unlinked.refuses(&corrected(subject(), last, "2018-02-02", self::unlinked(OTHER)), Code::NotCorrectable);
    }

    #[test]
    fn each_stream_alone_has_the_days_of_its_links() {
        let town = town()
            .and(subject(), "2018-02-01", linked(OTHER))
            .and(subject(), "2018-02-10", unlinked(OTHER))
            .and(subject(), "2018-02-20", linked(OTHER))
            .and(subject(), "2018-02-21", linked(THIRD));
        let with = |on: &str| Subject::fold(&town.history(subject()).facts_as_of(day(on))).linked;
        assert_eq!(with("2018-01-31"), BTreeSet::new());
        assert_eq!(with("2018-02-09"), BTreeSet::from([OTHER]));
        assert_eq!(with("2018-02-10"), BTreeSet::new());
        assert_eq!(with("2018-02-21"), BTreeSet::from([OTHER, THIRD]));
        let spans: Vec<(NaiveDate, Option<NaiveDate>)> =
            links(&town.history(StreamId::subject(OTHER)).facts()).iter().map(|link| (link.from, link.to)).collect();
        assert_eq!(spans, [(day("2018-02-01"), Some(day("2018-02-10"))), (day("2018-02-20"), None)]);
    }

    #[test]
    fn a_group_is_every_subject_reached_over_links() {
        let links = BTreeMap::from([
            (SUBJECT, BTreeSet::from([OTHER])),
            (OTHER, BTreeSet::from([SUBJECT, THIRD])),
            (THIRD, BTreeSet::from([OTHER])),
        ]);
        assert_eq!(reached(THIRD, &links), BTreeSet::from([SUBJECT, OTHER, THIRD]));
        assert_eq!(reached(FAMILY, &links), BTreeSet::from([FAMILY]));
    }

    #[test]
    fn the_kind_of_a_linked_subject_cannot_change() {
        let family = SubjectRegistered { kind: SubjectKind::Family };
        let town = town();
        let first = town.history(subject()).events()[0].event_id;
        let free = town.tell(&corrected(subject(), first, "2018-01-02", family.clone()));
        assert_eq!(Subject::fold(&free.history(subject()).facts()).kind(), Some(SubjectKind::Family));
        let linked = super::town().and(subject(), "2018-02-01", linked(OTHER));
        let refusal = linked.refuses(&corrected(subject(), first, "2018-01-02", family), Code::FactHasDependents);
        assert_eq!(refusal.facts[0].event_type.as_str(), "SubjectsLinked");
        let earlier = SubjectRegistered { kind: SubjectKind::Person };
        linked.tell(&corrected(subject(), first, "2018-01-01", earlier));
    }
}

mod keeping {
    use super::*;

    const HOLD: HoldId = HoldId(Uuid::from_u128(0x61));

    fn placed() -> LegalHoldPlaced {
        LegalHoldPlaced { hold: HOLD, reason: "open complaint".to_owned() }
    }

    fn lifted() -> LegalHoldLifted {
        LegalHoldLifted { hold: HOLD, reason: "complaint closed".to_owned() }
    }

    fn proposed() -> ErasureProposed {
        ErasureProposed { ground: ErasureGround::SubjectRequest }
    }

    #[test]
    fn a_subject_is_registered_once_and_its_registration_cannot_be_retracted() {
        let person = || SubjectRegistered { kind: SubjectKind::Person };
        town().refuses_fact(subject(), "2018-01-05", person(), Code::SubjectExists);
        let new = StreamId::subject(SubjectId(Uuid::from_u128(0x2a)));
        let town = town().and(new, "2018-01-05", person());
        town.refuses(&retracted(new, &[town.last()]), Code::NotCorrectable);
        town.refuses_fact(new, "2018-03-01", person(), Code::DatedInFuture);
    }

    #[test]
    fn a_consent_is_given_withdrawn_and_given_again() {
        let given = || ConsentGiven { purpose: "evaluation".to_owned() };
        let withdrawn = || ConsentWithdrawn { purpose: "evaluation".to_owned() };
        town().refuses_fact(subject(), "2018-02-01", withdrawn(), Code::NotConsented);
        let town = town().and(subject(), "2018-02-01", given());
        let first = town.last();
        town.refuses_fact(subject(), "2018-02-02", given(), Code::AlreadyConsented);
        let town = town.and(subject(), "2018-02-03", withdrawn());
        town.refuses_fact(subject(), "2018-02-04", withdrawn(), Code::NotConsented);
        town.refuses(&retracted(subject(), &[first]), Code::FactHasDependents);
        let withdrawal = town.last();
        let town = town.tell(&corrected(subject(), withdrawal, "2018-02-05", withdrawn()));
        let town = town.and(subject(), "2018-02-06", given());
        let consents = Subject::fold(&town.history(subject()).facts()).consents;
        assert_eq!(consents.len(), 2);
        assert_eq!(consents[0].withdrawn.as_ref().expect("withdrawn").occurred.earliest(), day("2018-02-05"));
        let other = |purpose: &str| ConsentGiven { purpose: purpose.to_owned() };
        town.refuses(&corrected(subject(), first, "2018-02-01", other("research")), Code::FactHasDependents);
        town.refuses_fact(subject(), "2018-02-07", other("ring 020 7946 0958"), Code::PersonalData);
    }

    #[test]
    fn a_hold_is_lifted_once_by_its_id() {
        town().refuses_fact(subject(), "2018-02-01", lifted(), Code::HoldNotFound);
        let town = town().and(subject(), "2018-02-01", placed());
        let placing = town.last();
        town.refuses_fact(subject(), "2018-02-02", placed(), Code::HoldExists);
        town.refuses_fact(subject(), "2018-01-31", lifted(), Code::EndedBeforeStart);
        let other = LegalHoldPlaced { hold: HoldId(Uuid::from_u128(0x62)), ..placed() };
        town.refuses(&corrected(subject(), placing, "2018-02-01", other), Code::FixedField);
        let town = town.and(subject(), "2018-02-10", lifted());
        town.refuses_fact(subject(), "2018-02-11", lifted(), Code::HoldAlreadyLifted);
        let lifting = town.last();
        town.refuses(&corrected(subject(), placing, "2018-02-11", placed()), Code::FactHasDependents);
        let town = town.tell(&corrected(subject(), lifting, "2018-02-12", lifted()));
        let town = town.tell(&corrected(subject(), placing, "2018-02-11", placed()));
        let holds = Subject::fold(&town.history(subject()).facts()).holds;
        assert_eq!(holds[0].placed.occurred.earliest(), day("2018-02-11"));
        assert_eq!(holds[0].lifted.as_ref().expect("lifted").occurred.earliest(), day("2018-02-12"));
        let odd = LegalHoldPlaced { hold: HoldId(Uuid::from_u128(0x63)), reason: "QQ123456C".to_owned() };
        town.refuses_fact(subject(), "2018-02-01", odd, Code::PersonalData);
    }

    #[test]
    fn an_erasure_is_decided_by_two_people() {
        let town = town().and(subject(), "2018-02-01", proposed());
        let approved = ErasureApproved { proposal: town.last() };
        let refusal = town.refuses_fact(subject(), "2018-02-02", approved.clone(), Code::SamePerson);
        assert_eq!(refusal.path, Some("proposal".into()));
        town.refuses_fact(subject(), "2018-02-02", proposed(), Code::ErasureAlreadyProposed);
        let town = town.says("bob");
        town.refuses_fact(subject(), "2018-01-31", approved.clone(), Code::ErasureNotProposed);
        let of_nothing = ErasureApproved { proposal: town.history(subject()).events()[0].event_id };
        town.refuses_fact(subject(), "2018-02-02", of_nothing, Code::ErasureNotProposed);
        let proposal = town.last();
        let town = town.and(subject(), "2018-02-02", approved.clone());
        town.refuses_fact(subject(), "2018-02-03", approved, Code::ErasureAlreadyApproved);
        let again = ErasureProposed { ground: ErasureGround::RetentionEnded };
        town.refuses_fact(subject(), "2018-02-03", again, Code::ErasureAlreadyApproved);
        town.refuses(&retracted(subject(), &[proposal]), Code::NotCorrectable);
        town.refuses(&retracted(subject(), &[town.last()]), Code::NotCorrectable);
        let erasures = Subject::fold(&town.history(subject()).facts()).erasures;
        assert_eq!((erasures[0].proposed_by.as_str(), erasures[0].approved_by.as_deref()), ("ann", Some("bob")));
    }

    #[test]
    fn a_legal_hold_prevents_every_erasure_whatever_its_date() {
        let held = || town().and(subject(), "2018-02-05", placed());
        let refusal = held().refuses_fact(subject(), "2018-02-06", proposed(), Code::LegalHold);
        assert_eq!(refusal.path, Some("subject".into()));
        assert_eq!(refusal.facts[0].event_type.as_str(), "LegalHoldPlaced");
        held().refuses_fact(subject(), "2018-02-04", proposed(), Code::LegalHold);
        let freed = held().and(subject(), "2018-02-10", lifted());
        freed.refuses_fact(subject(), "2018-02-09", proposed(), Code::LegalHold);
        freed.and(subject(), "2018-02-10", proposed());
        let town = town().and(subject(), "2018-02-01", proposed());
        let approved = ErasureApproved { proposal: town.last() };
        // A hold placed after a proposal prevents its approval, and is never refused itself.
        let town = town.and(subject(), "2018-01-20", placed()).says("bob");
        town.refuses_fact(subject(), "2018-02-02", approved.clone(), Code::LegalHold);
        town.and(subject(), "2018-02-03", lifted()).and(subject(), "2018-02-03", approved);
    }
}

mod working {
    use super::*;

    #[test]
    fn a_worker_joins_once_with_a_label_and_cannot_be_retracted() {
        let joining = |label: &str| WorkerJoined { login: Some("dee@example.org".to_owned()), label: label.to_owned() };
        town().refuses_fact(ann(), "2018-01-05", joining("KW-07"), Code::WorkerExists);
        let dee = StreamId::worker(WorkerId(Uuid::from_u128(0x34)));
        town().refuses_fact(dee, "2018-01-05", joining("dee@example.org"), Code::PersonalData);
        let town = town().and(dee, "2018-01-05", joining("KW-07"));
        let first = town.last();
        town.refuses(&retracted(dee, &[first]), Code::NotCorrectable);
        let town = town.tell(&corrected(dee, first, "2018-01-04", joining("KW-08")));
        let worker = Worker::fold(&town.history(dee).facts());
        assert_eq!(worker.joined.expect("joined").details.label, "KW-08");
        let nobody = StreamId::worker(WorkerId(Uuid::from_u128(0x39)));
        town.refuses_fact(nobody, "2018-01-05", WorkerLeft {}, Code::WorkerNotFound);
    }

    #[test]
    fn no_fact_of_a_worker_is_dated_before_they_join_or_from_the_day_they_left() {
        let facts: [Event; 4] = [
            WteSet { wte: quantity("0.8") }.into(),
            CapacitySet { cases_per_wte: quantity("12") }.into(),
            AbsenceRecorded { kind: "sickness".to_owned(), back_on: None }.into(),
            AssessmentScored { instrument: "supervision".to_owned(), items: BTreeMap::new(), score: quantity("0.8") }
                .into(),
        ];
        for fact in facts {
            town().refuses_fact(ann(), "2018-01-01", fact.clone(), Code::BeforeJoining);
            let left = || town().and(ann(), "2018-02-10", WorkerLeft {});
            let refusal = left().refuses_fact(ann(), "2018-02-10", fact.clone(), Code::WorkerLeft);
            assert_eq!(refusal.path, Some("occurred_on".into()));
            let town = left().and(ann(), "2018-02-09", fact.clone());
            let said = town.last();
            town.refuses(&corrected(ann(), said, "2018-02-11", fact.clone()), Code::WorkerLeft);
            let town = town.tell(&corrected(ann(), said, "2018-02-08", fact));
            town.tell(&retracted(ann(), &[said]));
        }
    }

    #[test]
    fn a_worker_leaves_once_and_not_while_they_are_still_at_work() {
        town().refuses_fact(ann(), "2018-01-01", WorkerLeft {}, Code::BeforeJoining);
        let town = town().and(ann(), "2018-02-10", WorkerLeft {});
        let leaving = town.last();
        town.refuses_fact(ann(), "2018-02-20", WorkerLeft {}, Code::WorkerLeft);
        let town = town.and(ann(), "2018-02-05", WteSet { wte: quantity("1") });
        town.refuses(&corrected(ann(), leaving, "2018-02-05", WorkerLeft {}), Code::FactHasDependents);
        let town = town.tell(&corrected(ann(), leaving, "2018-02-20", WorkerLeft {}));
        assert!(Worker::fold(&town.history(ann()).facts()).is_here(day("2018-02-19")));
        let town = town.tell(&retracted(ann(), &[leaving]));
        assert!(Worker::fold(&town.history(ann()).facts()).is_here(day("2018-02-28")));
    }

    #[test]
    fn booked_leave_does_not_prevent_a_leaving() {
        let absence = || AbsenceRecorded { kind: "annual_leave".to_owned(), back_on: None };
        let town = town().and(ann(), "2018-02-20", absence()).and(ann(), "2018-02-10", WorkerLeft {});
        let leaving = town.last();
        let town = town.tell(&corrected(ann(), leaving, "2018-02-05", WorkerLeft {}));
        town.refuses_fact(ann(), "2018-02-21", absence(), Code::WorkerLeft);
    }

    #[test]
    fn wte_applies_between_joining_and_leaving() {
        let town = town()
            .and(ann(), "2018-01-10", WteSet { wte: quantity("0.6") })
            .and(ann(), "2018-02-01", WteSet { wte: quantity("0.8") })
            .and(ann(), "2018-02-20", WorkerLeft {});
        let worker = Worker::fold(&town.history(ann()).facts());
        let wte = |on: &str| worker.wte_on(day(on)).map(|wte| wte.0);
        assert_eq!(wte("2018-01-01"), Some(Decimal::ZERO), "not joined yet");
        assert_eq!(wte("2018-01-05"), None, "joined, and no value was set");
        assert_eq!(wte("2018-01-31"), Some(Decimal::new(6, 1)));
        assert_eq!(wte("2018-02-19"), Some(Decimal::new(8, 1)));
        assert_eq!(wte("2018-02-20"), Some(Decimal::ZERO));
        for odd in ["-0.1", "2.5"] {
            town.refuses_fact(ann(), "2018-02-01", WteSet { wte: quantity(odd) }, Code::InvalidValue);
        }
        let back = AbsenceRecorded { kind: "annual_leave".to_owned(), back_on: Some(day("2018-02-01")) };
        town.refuses_fact(ann(), "2018-02-01", back, Code::InvalidValue);
    }

    #[test]
    fn a_worker_who_has_left_takes_no_case_and_logs_no_contact_from_that_day_on() {
        let journey = StreamId::journey(JOURNEY);
        let town = town()
            .tell(&referred(JOURNEY, "2018-01-10"))
            .and(journey, "2018-01-11", crate::fact::event::ReferralAccepted {})
            .and(journey, "2018-01-11", keyworker(ANN))
            .and(journey, "2018-02-12", contact());
        let late = town.last();
        let town = town.and(ann(), "2018-02-10", WorkerLeft {});
        let refusal = town.refuses_fact(journey, "2018-02-10", contact(), Code::WorkerLeft);
        assert_eq!(refusal.path, Some("worker".into()));
        town.refuses_fact(journey, "2018-02-11", keyworker(ANN), Code::WorkerLeft);
        let town = town.and(journey, "2018-02-09", contact());
        // A fact recorded before the leaving was known may still be corrected.
        let minutes = crate::fact::event::ContactLogged { minutes: Some(20), ..contact() };
        let town = town.tell(&corrected(journey, late, "2018-02-12", minutes.clone()));
        town.refuses(&corrected(journey, late, "2018-02-13", minutes), Code::WorkerLeft);
        let release = WorkerReleased { worker: ANN, role: "keyworker".to_owned() };
        town.and(journey, "2018-02-12", release);
    }
}

mod teaming {
    use super::*;

    const POST: VacancyId = VacancyId(Uuid::from_u128(0x71));
    const STAND_IN: CoverId = CoverId(Uuid::from_u128(0x72));

    fn set(members: &[WorkerId]) -> TeamSet {
        TeamSet { label: "West".to_owned(), members: members.to_vec() }
    }

    fn opened() -> VacancyOpened {
        VacancyOpened { vacancy: POST, role: "keyworker".to_owned(), wte: quantity("0.5") }
    }

    fn filled(worker: Option<WorkerId>) -> VacancyFilled {
        VacancyFilled { vacancy: POST, worker }
    }

    fn started() -> CoverStarted {
        CoverStarted { cover: STAND_IN, absent: ANN, by: CAT, until: None }
    }

    fn ended() -> CoverEnded {
        CoverEnded { cover: STAND_IN }
    }

    #[test]
    fn a_team_begins_with_its_first_setting() {
        let new = StreamId::team(TeamId(Uuid::from_u128(0x52)));
        let town = town();
        town.refuses_fact(new, "2018-02-01", opened(), Code::TeamNotFound);
        let command = fact_of(new, "2018-02-01", set(&[ANN, CAT]));
        assert_eq!(command.names(), [ANN, CAT].map(StreamId::worker));
        let town = town.tell(&command);
        let first = town.last();
        town.refuses_fact(new, "2018-01-31", opened(), Code::BeforeTeam);
        let town = town.and(new, "2018-02-01", opened());
        let vacancy = town.last();
        town.refuses(&retracted(new, &[first]), Code::FactHasDependents);
        town.refuses(&corrected(new, first, "2018-02-02", set(&[ANN])), Code::FactHasDependents);
        let town = town.tell(&retracted(new, &[vacancy, first]));
        town.refuses_fact(new, "2018-02-01", opened(), Code::TeamNotFound);
        town.and(new, "2018-02-02", set(&[ANN]));
    }

    #[test]
    fn the_members_of_a_team_are_known_workers_who_have_not_left_each_once() {
        let nobody = WorkerId(Uuid::from_u128(0x39));
        let refusal = town().refuses_fact(team(), "2018-02-01", set(&[ANN, nobody]), Code::WorkerNotFound);
        assert_eq!(refusal.path, Some("members.1".into()));
        let refusal = town().refuses_fact(team(), "2018-02-01", set(&[ANN, BOB, ANN]), Code::InvalidValue);
        assert_eq!(refusal.path, Some("members.2".into()));
        let left = town().and(ann(), "2018-02-01", WorkerLeft {});
        left.refuses_fact(team(), "2018-02-01", set(&[ANN, BOB]), Code::WorkerLeft);
        let nameless = TeamSet { label: " ".to_owned(), members: Vec::new() };
        left.refuses_fact(team(), "2018-02-01", nameless, Code::MissingValue);
        left.and(team(), "2018-02-01", set(&[]));
    }

    #[test]
    fn the_days_of_each_membership_follow_from_the_settings() {
        let renamed = TeamSet { label: "West and North".to_owned(), members: vec![BOB, CAT] };
        let town = town().and(team(), "2018-02-01", set(&[BOB])).and(team(), "2018-02-10", set(&[BOB, CAT])).and(
            team(),
            "2018-02-10",
            renamed,
        );
        let state = Team::fold(&town.history(team()).facts());
        let members = state.memberships();
        assert_eq!(members[&ANN], [(day("2018-01-03"), Some(day("2018-02-01")))]);
        assert_eq!(members[&BOB], [(day("2018-01-03"), None)]);
        assert_eq!(members[&CAT], [(day("2018-02-10"), None)]);
        let labels =
            [("West", day("2018-01-03"), Some(day("2018-02-10"))), ("West and North", day("2018-02-10"), None)];
        assert_eq!(state.labels(), labels);
        let second = town.history(team()).events()[1].event_id;
        let town = town.tell(&corrected(team(), second, "2018-02-05", set(&[BOB])));
        let state = Team::fold(&town.history(team()).facts());
        assert_eq!(state.memberships()[&ANN], [(day("2018-01-03"), Some(day("2018-02-05")))]);
    }

    #[test]
    fn a_vacancy_is_filled_once() {
        town().refuses_fact(team(), "2018-02-01", filled(None), Code::VacancyNotFound);
        let town = town().and(team(), "2018-02-01", opened());
        let opening = town.last();
        town.refuses_fact(team(), "2018-02-02", opened(), Code::VacancyExists);
        town.refuses_fact(team(), "2018-01-31", filled(None), Code::EndedBeforeStart);
        let refusal = town.refuses_fact(
            team(),
            "2018-02-02",
            filled(Some(WorkerId(Uuid::from_u128(0x39)))),
            Code::WorkerNotFound,
        );
        assert_eq!(refusal.path, Some("worker".into()));
        let other = VacancyOpened { vacancy: VacancyId(Uuid::from_u128(0x73)), ..opened() };
        town.refuses(&corrected(team(), opening, "2018-02-01", other), Code::FixedField);
        let town = town.and(team(), "2018-02-20", filled(Some(CAT)));
        town.refuses_fact(team(), "2018-02-21", filled(None), Code::VacancyAlreadyFilled);
        let filling = town.last();
        let town = town.tell(&corrected(team(), filling, "2018-02-19", filled(Some(BOB))));
        let town =
            town.tell(&corrected(team(), opening, "2018-02-01", VacancyOpened { wte: quantity("1"), ..opened() }));
        let vacancies = Team::fold(&town.history(team()).facts()).vacancies;
        assert_eq!(vacancies[0].opened.details.wte, quantity("1"));
        assert_eq!(vacancies[0].filled.as_ref().expect("filled").details.worker, Some(BOB));
    }

    #[test]
    fn a_cover_is_for_a_member_by_another_worker_and_ends_once() {
        let oneself = CoverStarted { by: ANN, ..started() };
        town().refuses_fact(team(), "2018-02-01", oneself, Code::CoverOfOneself);
        let stranger = CoverStarted { absent: CAT, by: ANN, ..started() };
        town().refuses_fact(team(), "2018-02-01", stranger, Code::NotAMember);
        let nobody = CoverStarted { by: WorkerId(Uuid::from_u128(0x39)), ..started() };
        town().refuses_fact(team(), "2018-02-01", nobody, Code::WorkerNotFound);
        town().refuses_fact(team(), "2018-02-01", ended(), Code::CoverNotFound);
        let town = town().and(ann(), "2018-01-20", WorkerLeft {}).and(team(), "2018-01-20", set(&[BOB]));
        let town = town.and(team(), "2018-02-01", started());
        let start = town.last();
        town.refuses_fact(team(), "2018-02-02", started(), Code::CoverExists);
        town.refuses_fact(team(), "2018-01-31", ended(), Code::EndedBeforeStart);
        let town = town.and(team(), "2018-02-10", ended());
        let end = town.last();
        town.refuses_fact(team(), "2018-02-11", ended(), Code::CoverAlreadyEnded);
        town.refuses(&retracted(team(), &[start]), Code::FactHasDependents);
        let town = town.tell(&corrected(team(), start, "2018-02-02", CoverStarted { by: BOB, ..started() }));
        let town = town.tell(&corrected(team(), end, "2018-02-12", ended()));
        let covers = Team::fold(&town.history(team()).facts()).covers;
        assert_eq!((covers[0].started.details.by, covers.len()), (BOB, 1));
        town.tell(&retracted(team(), &[end, start]));
    }

    #[test]
    fn nobody_is_in_a_team_before_they_join() {
        let dee = WorkerId(Uuid::from_u128(0x35));
        let joining = WorkerJoined { login: None, label: "KW-dee".to_owned() };
        let town = town().and(StreamId::worker(dee), "2018-02-05", joining);
        let set = TeamSet { label: "West".to_owned(), members: vec![ANN, dee] };
        let refusal = town.refuses_fact(team(), "2018-02-04", set.clone(), Code::BeforeJoining);
        assert_eq!(refusal.path, Some("members.1".into()));
        town.and(team(), "2018-02-05", set);
    }

    #[test]
    fn a_vacant_post_has_a_wte_above_zero() {
        let vacant = |wte: &str| VacancyOpened {
            vacancy: VacancyId(Uuid::from_u128(0x77)),
            role: "keyworker".to_owned(),
            wte: quantity(wte),
        };
        for wte in ["0", "-0.1", "2.1"] {
            town().refuses_fact(team(), "2018-02-01", vacant(wte), Code::InvalidValue);
        }
        town().and(team(), "2018-02-01", vacant("0.1"));
    }

    #[test]
    fn a_team_has_a_capacity_from_a_day_on() {
        let capacity = |cases: &str| CapacitySet { cases_per_wte: quantity(cases) };
        town().refuses_fact(team(), "2018-01-02", capacity("25"), Code::BeforeTeam);
        town().refuses_fact(team(), "2018-02-01", capacity("1001"), Code::InvalidValue);
        let town = town().and(team(), "2018-02-01", capacity("25"));
        let set = town.last();
        let town = town.tell(&corrected(team(), set, "2018-02-03", capacity("20")));
        let state = Team::fold(&town.history(team()).facts());
        assert_eq!(
            (state.capacity_on(day("2018-02-02")), state.capacity_on(day("2018-02-03"))),
            (None, Some(quantity("20")))
        );
    }
}

#[test]
fn a_fact_is_recorded_only_for_its_kind_of_stream() {
    let town = town();
    town.refuses_fact(ann(), "2018-02-01", ConsentGiven { purpose: "evaluation".to_owned() }, Code::InvalidValue);
    let amended = crate::fact::event::FactRetracted { target: town.last(), reason: "never".to_owned() };
    town.refuses_fact(team(), "2018-02-01", amended, Code::InvalidValue);
    let rules = crate::fact::event::RulebookPublished { content: String::new(), hash: String::new() };
    town.refuses_fact(crate::people::town::shps(), "2018-02-01", rules, Code::InvalidValue);
    let command =
        Command::state(StreamId::team(TeamId(Uuid::from_u128(0x59))), crate::story::when("2018-02-01"), WorkerLeft {});
    town.refuses(&command, Code::InvalidValue);
}
