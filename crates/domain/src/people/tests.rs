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
    DuplicateDismissed, ErasureApproved, ErasureGround, ErasureProposed, Event, LegalHoldLifted, LegalHoldPlaced,
    Quantity, SubjectErased, SubjectKind, SubjectRegistered, SubjectsLinked, SubjectsUnlinked, TeamSet, VacancyFilled,
    VacancyOpened, WorkerJoined, WorkerLeft, WorkerReleased, WteSet,
};
use crate::fact::refusal::RefusalCode as Code;
use crate::world::{
    ANN, BOB, CAT, FAMILY, JOURNEY, OTHER, SUBJECT, TEAM, THIRD, contact, corrected, day, fact_of, keyworker, referred,
    retracted, service, shps, when,
};

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
        let events = service().decide(&command).expect("accepted");
        let got: Vec<(StreamId, Event)> = events.iter().map(|new| (new.stream, new.event.clone())).collect();
        assert_eq!(got, [(subject(), linked(OTHER).into()), (StreamId::subject(OTHER), linked(SUBJECT).into())]);
        assert!(events.iter().all(|new| new.contract.is_none() && new.occurred == events[0].occurred));
    }

    #[test]
    fn only_two_known_subjects_of_one_kind_are_linked() {
        service().when(fact_of(subject(), "2018-02-01", linked(SUBJECT))).refused(Code::SameSubject);
        service().when(fact_of(subject(), "2018-02-01", linked(FAMILY))).refused(Code::OtherKind);
        let stranger = SubjectId(Uuid::from_u128(0x29));
        let refusal = service().when(fact_of(subject(), "2018-02-01", linked(stranger))).refused(Code::SubjectNotFound);
        assert_eq!(refusal.path, Some("with".into()));
        service()
            .when(fact_of(StreamId::subject(stranger), "2018-02-01", linked(SUBJECT)))
            .refused(Code::SubjectNotFound);
        service().when(fact_of(subject(), "2018-03-01", linked(OTHER))).refused(Code::DatedInFuture);
    }

    #[test]
    fn a_link_and_its_end_alternate_whichever_of_the_two_is_named() {
        let linked_once = || service().and(&fact_of(subject(), "2018-02-01", linked(OTHER)));
        linked_once().when(fact_of(subject(), "2018-02-02", linked(OTHER))).refused(Code::AlreadyLinked);
        linked_once()
            .when(fact_of(StreamId::subject(OTHER), "2018-02-02", linked(SUBJECT)))
            .refused(Code::AlreadyLinked);
        service().when(fact_of(subject(), "2018-02-02", unlinked(OTHER))).refused(Code::NotLinked);
        linked_once().when(fact_of(subject(), "2018-01-31", unlinked(OTHER))).refused(Code::NotLinked);
        let parted = || linked_once().and(&fact_of(StreamId::subject(OTHER), "2018-02-10", unlinked(SUBJECT)));
        parted().when(fact_of(subject(), "2018-02-11", unlinked(OTHER))).refused(Code::NotLinked);
        parted().when(fact_of(subject(), "2018-02-12", linked(OTHER))).accepted();
        let refusal = linked_once().when(fact_of(subject(), "2018-01-15", linked(OTHER))).refused(Code::AlreadyLinked);
        assert_eq!(refusal.facts[0].event_type.as_str(), "SubjectsLinked");
    }

    #[test]
    fn a_link_is_undone_by_unlinking_and_never_corrected() {
        let world = service().and(&fact_of(subject(), "2018-02-01", linked(OTHER)));
        let both =
            [subject(), StreamId::subject(OTHER)].map(|stream| (stream, world.history(stream).events()[1].event_id));
        for (stream, event) in both {
            world.when(corrected(stream, event, "2018-02-02", linked(THIRD))).refused(Code::NotCorrectable);
            world.when(retracted(stream, &[event])).refused(Code::NotCorrectable);
        }
        let unlinked = world.and(&fact_of(subject(), "2018-02-03", unlinked(OTHER)));
        let last = unlinked.history(subject()).events()[2].event_id;
        unlinked.when(corrected(subject(), last, "2018-02-02", self::unlinked(OTHER))).refused(Code::NotCorrectable);
    }

    fn dismissed(other: SubjectId) -> DuplicateDismissed {
        DuplicateDismissed { other, reason: "two people of one household".to_owned() }
    }

    #[test]
    fn a_pair_is_dismissed_once_in_both_streams_until_it_is_linked() {
        let command = fact_of(subject(), "2018-02-01", dismissed(OTHER));
        assert_eq!(command.names(), [StreamId::subject(OTHER)]);
        let events = service().decide(&command).expect("accepted");
        let got: Vec<(StreamId, Event)> = events.iter().map(|new| (new.stream, new.event.clone())).collect();
        assert_eq!(got, [(subject(), dismissed(OTHER).into()), (StreamId::subject(OTHER), dismissed(SUBJECT).into())]);
        service().when(fact_of(subject(), "2018-02-01", dismissed(SUBJECT))).refused(Code::SameSubject);
        let stranger = SubjectId(Uuid::from_u128(0x29));
        let refusal =
            service().when(fact_of(subject(), "2018-02-01", dismissed(stranger))).refused(Code::SubjectNotFound);
        assert_eq!(refusal.path, Some("other".into()));
        let once = || service().and(&command);
        let again = fact_of(StreamId::subject(OTHER), "2018-02-02", dismissed(SUBJECT));
        once().when(again.clone()).refused(Code::AlreadyDismissed);
        once().when(fact_of(subject(), "2018-02-02", dismissed(THIRD))).accepted();
        let linked = || once().and(&fact_of(subject(), "2018-02-03", linked(OTHER)));
        linked().when(again.clone()).refused(Code::AlreadyLinked);
        let parted = linked().and(&fact_of(subject(), "2018-02-04", unlinked(OTHER)));
        parted.when(fact_of(subject(), "2018-02-05", dismissed(OTHER))).accepted();
    }

    #[test]
    fn each_stream_alone_has_the_days_of_its_links() {
        let world = service()
            .and(&fact_of(subject(), "2018-02-01", linked(OTHER)))
            .and(&fact_of(subject(), "2018-02-10", unlinked(OTHER)))
            .and(&fact_of(subject(), "2018-02-20", linked(OTHER)))
            .and(&fact_of(subject(), "2018-02-21", linked(THIRD)));
        let with = |on: &str| Subject::fold(&world.history(subject()).facts_as_of(day(on))).linked;
        assert_eq!(with("2018-01-31"), BTreeSet::new());
        assert_eq!(with("2018-02-09"), BTreeSet::from([OTHER]));
        assert_eq!(with("2018-02-10"), BTreeSet::new());
        assert_eq!(with("2018-02-21"), BTreeSet::from([OTHER, THIRD]));
        let spans: Vec<(NaiveDate, Option<NaiveDate>)> =
            links(&world.history(StreamId::subject(OTHER)).facts()).iter().map(|link| (link.from, link.to)).collect();
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
        let world = service();
        let first = world.history(subject()).events()[0].event_id;
        let free = world.and(&corrected(subject(), first, "2018-01-02", family.clone()));
        assert_eq!(Subject::fold(&free.history(subject()).facts()).kind(), Some(SubjectKind::Family));
        let linked = super::service().and(&fact_of(subject(), "2018-02-01", linked(OTHER)));
        let refusal = linked.when(corrected(subject(), first, "2018-01-02", family)).refused(Code::FactHasDependents);
        assert_eq!(refusal.facts[0].event_type.as_str(), "SubjectsLinked");
        let earlier = SubjectRegistered { kind: SubjectKind::Person };
        linked.when(corrected(subject(), first, "2018-01-01", earlier)).accepted();
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
        service().when(fact_of(subject(), "2018-01-05", person())).refused(Code::SubjectExists);
        let new = StreamId::subject(SubjectId(Uuid::from_u128(0x2a)));
        let world = service().and(&fact_of(new, "2018-01-05", person()));
        world.when(retracted(new, &[world.last()])).refused(Code::NotCorrectable);
        world.when(fact_of(new, "2018-03-01", person())).refused(Code::DatedInFuture);
    }

    #[test]
    fn a_consent_is_given_withdrawn_and_given_again() {
        let given = || ConsentGiven { purpose: "evaluation".to_owned() };
        let withdrawn = || ConsentWithdrawn { purpose: "evaluation".to_owned() };
        service().when(fact_of(subject(), "2018-02-01", withdrawn())).refused(Code::NotConsented);
        let world = service().and(&fact_of(subject(), "2018-02-01", given()));
        let first = world.last();
        world.when(fact_of(subject(), "2018-02-02", given())).refused(Code::AlreadyConsented);
        let world = world.and(&fact_of(subject(), "2018-02-03", withdrawn()));
        world.when(fact_of(subject(), "2018-02-04", withdrawn())).refused(Code::NotConsented);
        world.when(retracted(subject(), &[first])).refused(Code::FactHasDependents);
        let withdrawal = world.last();
        let world = world.and(&corrected(subject(), withdrawal, "2018-02-05", withdrawn()));
        let world = world.and(&fact_of(subject(), "2018-02-06", given()));
        let consents = Subject::fold(&world.history(subject()).facts()).consents;
        assert_eq!(consents.len(), 2);
        assert_eq!(consents[0].withdrawn.as_ref().expect("withdrawn").occurred.earliest(), day("2018-02-05"));
        let other = |purpose: &str| ConsentGiven { purpose: purpose.to_owned() };
        world.when(corrected(subject(), first, "2018-02-01", other("research"))).refused(Code::FactHasDependents);
        world.when(fact_of(subject(), "2018-02-07", other("ring 020 7946 0958"))).refused(Code::PersonalData);
    }

    #[test]
    fn a_hold_is_lifted_once_by_its_id() {
        service().when(fact_of(subject(), "2018-02-01", lifted())).refused(Code::HoldNotFound);
        let world = service().and(&fact_of(subject(), "2018-02-01", placed()));
        let placing = world.last();
        world.when(fact_of(subject(), "2018-02-02", placed())).refused(Code::HoldExists);
        world.when(fact_of(subject(), "2018-01-31", lifted())).refused(Code::EndedBeforeStart);
        let other = LegalHoldPlaced { hold: HoldId(Uuid::from_u128(0x62)), ..placed() };
        world.when(corrected(subject(), placing, "2018-02-01", other)).refused(Code::FixedField);
        let world = world.and(&fact_of(subject(), "2018-02-10", lifted()));
        world.when(fact_of(subject(), "2018-02-11", lifted())).refused(Code::HoldAlreadyLifted);
        let lifting = world.last();
        world.when(corrected(subject(), placing, "2018-02-11", placed())).refused(Code::FactHasDependents);
        let world = world.and(&corrected(subject(), lifting, "2018-02-12", lifted()));
        let world = world.and(&corrected(subject(), placing, "2018-02-11", placed()));
        let holds = Subject::fold(&world.history(subject()).facts()).holds;
        assert_eq!(holds[0].placed.occurred.earliest(), day("2018-02-11"));
        assert_eq!(holds[0].lifted.as_ref().expect("lifted").occurred.earliest(), day("2018-02-12"));
        let odd = LegalHoldPlaced { hold: HoldId(Uuid::from_u128(0x63)), reason: "QQ123456C".to_owned() };
        world.when(fact_of(subject(), "2018-02-01", odd)).refused(Code::PersonalData);
    }

    #[test]
    fn an_erasure_is_decided_by_two_people() {
        let world = service().and(&fact_of(subject(), "2018-02-01", proposed()));
        let approved = ErasureApproved { proposal: world.last() };
        let refusal = world.when(fact_of(subject(), "2018-02-02", approved.clone())).refused(Code::SamePerson);
        assert_eq!(refusal.path, Some("proposal".into()));
        world.when(fact_of(subject(), "2018-02-02", proposed())).refused(Code::ErasureAlreadyProposed);
        let world = world.says("bob");
        world.when(fact_of(subject(), "2018-01-31", approved.clone())).refused(Code::ErasureNotProposed);
        let of_nothing = ErasureApproved { proposal: world.history(subject()).events()[0].event_id };
        world.when(fact_of(subject(), "2018-02-02", of_nothing)).refused(Code::ErasureNotProposed);
        let proposal = world.last();
        let world = world.and(&fact_of(subject(), "2018-02-02", approved.clone()));
        world.when(fact_of(subject(), "2018-02-03", approved)).refused(Code::ErasureAlreadyApproved);
        let again = ErasureProposed { ground: ErasureGround::RetentionEnded };
        world.when(fact_of(subject(), "2018-02-03", again)).refused(Code::ErasureAlreadyApproved);
        world.when(retracted(subject(), &[proposal])).refused(Code::NotCorrectable);
        world.when(retracted(subject(), &[world.last()])).refused(Code::NotCorrectable);
        let erasures = Subject::fold(&world.history(subject()).facts()).erasures;
        assert_eq!((erasures[0].proposed_by.as_str(), erasures[0].approved_by.as_deref()), ("ann", Some("bob")));
    }

    #[test]
    fn after_an_approval_no_hold_is_placed_and_the_end_is_recorded_once() {
        let world = service().and(&fact_of(subject(), "2018-02-01", proposed()));
        let proposal = world.last();
        let world = world.says("bob").and(&fact_of(subject(), "2018-02-02", ErasureApproved { proposal }));
        let approval = world.last();
        let refusal = world.when(fact_of(subject(), "2018-02-01", placed())).refused(Code::ErasureAlreadyApproved);
        assert_eq!(refusal.facts[0].event_type.as_str(), "ErasureApproved");
        let end = |approval| SubjectErased { ground: ErasureGround::SubjectRequest, approval };
        world.when(fact_of(subject(), "2018-02-03", end(Some(proposal)))).refused(Code::ErasureNotProposed);
        let done = world.and(&fact_of(subject(), "2018-02-03", end(Some(approval))));
        done.when(fact_of(subject(), "2018-02-03", end(Some(approval)))).refused(Code::SubjectErased);
        done.when(retracted(subject(), &[done.last()])).refused(Code::NotCorrectable);
        let folded = Subject::fold(&done.history(subject()).facts());
        assert_eq!(folded.erased.expect("erased").details.approval, Some(approval));
        // A log that was restored from before the erasure has no approval.
        let restored = service().and(&fact_of(subject(), "2018-02-03", end(None)));
        restored.when(fact_of(subject(), "2018-02-04", placed())).refused(Code::ErasureAlreadyApproved);
        restored.when(fact_of(subject(), "2018-02-04", proposed())).refused(Code::ErasureAlreadyApproved);
    }

    #[test]
    fn a_legal_hold_prevents_every_erasure_whatever_its_date() {
        let held = || service().and(&fact_of(subject(), "2018-02-05", placed()));
        let refusal = held().when(fact_of(subject(), "2018-02-06", proposed())).refused(Code::LegalHold);
        assert_eq!(refusal.path, Some("subject".into()));
        assert_eq!(refusal.facts[0].event_type.as_str(), "LegalHoldPlaced");
        held().when(fact_of(subject(), "2018-02-04", proposed())).refused(Code::LegalHold);
        let freed = held().and(&fact_of(subject(), "2018-02-10", lifted()));
        freed.when(fact_of(subject(), "2018-02-09", proposed())).refused(Code::LegalHold);
        freed.when(fact_of(subject(), "2018-02-10", proposed())).accepted();
        let world = service().and(&fact_of(subject(), "2018-02-01", proposed()));
        let approved = ErasureApproved { proposal: world.last() };
        // A hold placed after a proposal prevents its approval, and is never refused itself.
        let world = world.and(&fact_of(subject(), "2018-01-20", placed())).says("bob");
        world.when(fact_of(subject(), "2018-02-02", approved.clone())).refused(Code::LegalHold);
        world
            .and(&fact_of(subject(), "2018-02-03", lifted()))
            .when(fact_of(subject(), "2018-02-03", approved))
            .accepted();
    }
}

mod working {
    use super::*;

    #[test]
    fn a_worker_joins_once_with_a_label_and_cannot_be_retracted() {
        let joining = |label: &str| WorkerJoined { login: Some("dee@example.org".to_owned()), label: label.to_owned() };
        service().when(fact_of(ann(), "2018-01-05", joining("KW-07"))).refused(Code::WorkerExists);
        let dee = StreamId::worker(WorkerId(Uuid::from_u128(0x34)));
        service().when(fact_of(dee, "2018-01-05", joining("dee@example.org"))).refused(Code::PersonalData);
        let world = service().and(&fact_of(dee, "2018-01-05", joining("KW-07")));
        let first = world.last();
        world.when(retracted(dee, &[first])).refused(Code::NotCorrectable);
        let world = world.and(&corrected(dee, first, "2018-01-04", joining("KW-08")));
        let worker = Worker::fold(&world.history(dee).facts());
        assert_eq!(worker.joined.expect("joined").details.label, "KW-08");
        let nobody = StreamId::worker(WorkerId(Uuid::from_u128(0x39)));
        world.when(fact_of(nobody, "2018-01-05", WorkerLeft {})).refused(Code::WorkerNotFound);
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
            service().when(fact_of(ann(), "2018-01-01", fact.clone())).refused(Code::BeforeJoining);
            let left = || service().and(&fact_of(ann(), "2018-02-10", WorkerLeft {}));
            let refusal = left().when(fact_of(ann(), "2018-02-10", fact.clone())).refused(Code::WorkerLeft);
            assert_eq!(refusal.path, Some("occurred_on".into()));
            let world = left().and(&fact_of(ann(), "2018-02-09", fact.clone()));
            let said = world.last();
            world.when(corrected(ann(), said, "2018-02-11", fact.clone())).refused(Code::WorkerLeft);
            let world = world.and(&corrected(ann(), said, "2018-02-08", fact));
            world.when(retracted(ann(), &[said])).accepted();
        }
    }

    #[test]
    fn a_worker_leaves_once_and_not_while_they_are_still_at_work() {
        service().when(fact_of(ann(), "2018-01-01", WorkerLeft {})).refused(Code::BeforeJoining);
        let world = service().and(&fact_of(ann(), "2018-02-10", WorkerLeft {}));
        let leaving = world.last();
        world.when(fact_of(ann(), "2018-02-20", WorkerLeft {})).refused(Code::WorkerLeft);
        let world = world.and(&fact_of(ann(), "2018-02-05", WteSet { wte: quantity("1") }));
        world.when(corrected(ann(), leaving, "2018-02-05", WorkerLeft {})).refused(Code::FactHasDependents);
        let world = world.and(&corrected(ann(), leaving, "2018-02-20", WorkerLeft {}));
        assert!(Worker::fold(&world.history(ann()).facts()).is_here(day("2018-02-19")));
        let world = world.and(&retracted(ann(), &[leaving]));
        assert!(Worker::fold(&world.history(ann()).facts()).is_here(day("2018-02-28")));
    }

    #[test]
    fn booked_leave_does_not_prevent_a_leaving() {
        let absence = || AbsenceRecorded { kind: "annual_leave".to_owned(), back_on: None };
        let world =
            service().and(&fact_of(ann(), "2018-02-20", absence())).and(&fact_of(ann(), "2018-02-10", WorkerLeft {}));
        let leaving = world.last();
        let world = world.and(&corrected(ann(), leaving, "2018-02-05", WorkerLeft {}));
        world.when(fact_of(ann(), "2018-02-21", absence())).refused(Code::WorkerLeft);
    }

    #[test]
    fn wte_applies_between_joining_and_leaving() {
        let world = service()
            .and(&fact_of(ann(), "2018-01-10", WteSet { wte: quantity("0.6") }))
            .and(&fact_of(ann(), "2018-02-01", WteSet { wte: quantity("0.8") }))
            .and(&fact_of(ann(), "2018-02-20", WorkerLeft {}));
        let worker = Worker::fold(&world.history(ann()).facts());
        let wte = |on: &str| worker.wte_on(day(on)).map(|wte| wte.0);
        assert_eq!(wte("2018-01-01"), Some(Decimal::ZERO), "not joined yet");
        assert_eq!(wte("2018-01-05"), None, "joined, and no value was set");
        assert_eq!(wte("2018-01-31"), Some(Decimal::new(6, 1)));
        assert_eq!(wte("2018-02-19"), Some(Decimal::new(8, 1)));
        assert_eq!(wte("2018-02-20"), Some(Decimal::ZERO));
        for odd in ["-0.1", "2.5"] {
            world.when(fact_of(ann(), "2018-02-01", WteSet { wte: quantity(odd) })).refused(Code::InvalidValue);
        }
        let back = AbsenceRecorded { kind: "annual_leave".to_owned(), back_on: Some(day("2018-02-01")) };
        world.when(fact_of(ann(), "2018-02-01", back)).refused(Code::InvalidValue);
    }

    #[test]
    fn a_worker_who_has_left_takes_no_case_and_logs_no_contact_from_that_day_on() {
        let journey = StreamId::journey(JOURNEY);
        let world = service()
            .and(&referred(JOURNEY, "2018-01-10"))
            .and(&fact_of(journey, "2018-01-11", crate::fact::event::ReferralAccepted {}))
            .and(&fact_of(journey, "2018-01-11", keyworker(ANN)))
            .and(&fact_of(journey, "2018-02-12", contact()));
        let late = world.last();
        let world = world.and(&fact_of(ann(), "2018-02-10", WorkerLeft {}));
        let refusal = world.when(fact_of(journey, "2018-02-10", contact())).refused(Code::WorkerLeft);
        assert_eq!(refusal.path, Some("worker".into()));
        world.when(fact_of(journey, "2018-02-11", keyworker(ANN))).refused(Code::WorkerLeft);
        let world = world.and(&fact_of(journey, "2018-02-09", contact()));
        // A fact recorded before the leaving was known may still be corrected.
        let minutes = crate::fact::event::ContactLogged { minutes: Some(20), ..contact() };
        let world = world.and(&corrected(journey, late, "2018-02-12", minutes.clone()));
        world.when(corrected(journey, late, "2018-02-13", minutes)).refused(Code::WorkerLeft);
        let release = WorkerReleased { worker: ANN, role: "keyworker".to_owned() };
        world.when(fact_of(journey, "2018-02-12", release)).accepted();
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
        let world = service();
        world.when(fact_of(new, "2018-02-01", opened())).refused(Code::TeamNotFound);
        let command = fact_of(new, "2018-02-01", set(&[ANN, CAT]));
        assert_eq!(command.names(), [ANN, CAT].map(StreamId::worker));
        let world = world.and(&command);
        let first = world.last();
        world.when(fact_of(new, "2018-01-31", opened())).refused(Code::BeforeTeam);
        let world = world.and(&fact_of(new, "2018-02-01", opened()));
        let vacancy = world.last();
        world.when(retracted(new, &[first])).refused(Code::FactHasDependents);
        world.when(corrected(new, first, "2018-02-02", set(&[ANN]))).refused(Code::FactHasDependents);
        let world = world.and(&retracted(new, &[vacancy, first]));
        world.when(fact_of(new, "2018-02-01", opened())).refused(Code::TeamNotFound);
        world.when(fact_of(new, "2018-02-02", set(&[ANN]))).accepted();
    }

    #[test]
    fn the_members_of_a_team_are_known_workers_who_have_not_left_each_once() {
        let nobody = WorkerId(Uuid::from_u128(0x39));
        let refusal = service().when(fact_of(team(), "2018-02-01", set(&[ANN, nobody]))).refused(Code::WorkerNotFound);
        assert_eq!(refusal.path, Some("members.1".into()));
        let refusal = service().when(fact_of(team(), "2018-02-01", set(&[ANN, BOB, ANN]))).refused(Code::InvalidValue);
        assert_eq!(refusal.path, Some("members.2".into()));
        let left = service().and(&fact_of(ann(), "2018-02-01", WorkerLeft {}));
        left.when(fact_of(team(), "2018-02-01", set(&[ANN, BOB]))).refused(Code::WorkerLeft);
        let nameless = TeamSet { label: " ".to_owned(), members: Vec::new() };
        left.when(fact_of(team(), "2018-02-01", nameless)).refused(Code::MissingValue);
        left.when(fact_of(team(), "2018-02-01", set(&[]))).accepted();
    }

    #[test]
    fn the_days_of_each_membership_follow_from_the_settings() {
        let renamed = TeamSet { label: "West and North".to_owned(), members: vec![BOB, CAT] };
        let world = service()
            .and(&fact_of(team(), "2018-02-01", set(&[BOB])))
            .and(&fact_of(team(), "2018-02-10", set(&[BOB, CAT])))
            .and(&fact_of(team(), "2018-02-10", renamed));
        let state = Team::fold(&world.history(team()).facts());
        let members = state.memberships();
        assert_eq!(members[&ANN], [(day("2018-01-03"), Some(day("2018-02-01")))]);
        assert_eq!(members[&BOB], [(day("2018-01-03"), None)]);
        assert_eq!(members[&CAT], [(day("2018-02-10"), None)]);
        let labels =
            [("West", day("2018-01-03"), Some(day("2018-02-10"))), ("West and North", day("2018-02-10"), None)];
        assert_eq!(state.labels(), labels);
        let second = world.history(team()).events()[1].event_id;
        let world = world.and(&corrected(team(), second, "2018-02-05", set(&[BOB])));
        let state = Team::fold(&world.history(team()).facts());
        assert_eq!(state.memberships()[&ANN], [(day("2018-01-03"), Some(day("2018-02-05")))]);
    }

    #[test]
    fn a_vacancy_is_filled_once() {
        service().when(fact_of(team(), "2018-02-01", filled(None))).refused(Code::VacancyNotFound);
        let world = service().and(&fact_of(team(), "2018-02-01", opened()));
        let opening = world.last();
        world.when(fact_of(team(), "2018-02-02", opened())).refused(Code::VacancyExists);
        world.when(fact_of(team(), "2018-01-31", filled(None))).refused(Code::EndedBeforeStart);
        let refusal = world
            .when(fact_of(team(), "2018-02-02", filled(Some(WorkerId(Uuid::from_u128(0x39))))))
            .refused(Code::WorkerNotFound);
        assert_eq!(refusal.path, Some("worker".into()));
        let other = VacancyOpened { vacancy: VacancyId(Uuid::from_u128(0x73)), ..opened() };
        world.when(corrected(team(), opening, "2018-02-01", other)).refused(Code::FixedField);
        let world = world.and(&fact_of(team(), "2018-02-20", filled(Some(CAT))));
        world.when(fact_of(team(), "2018-02-21", filled(None))).refused(Code::VacancyAlreadyFilled);
        let filling = world.last();
        let world = world.and(&corrected(team(), filling, "2018-02-19", filled(Some(BOB))));
        let world =
            world.and(&corrected(team(), opening, "2018-02-01", VacancyOpened { wte: quantity("1"), ..opened() }));
        let vacancies = Team::fold(&world.history(team()).facts()).vacancies;
        assert_eq!(vacancies[0].opened.details.wte, quantity("1"));
        assert_eq!(vacancies[0].filled.as_ref().expect("filled").details.worker, Some(BOB));
    }

    #[test]
    fn a_cover_is_for_a_member_by_another_worker_and_ends_once() {
        let oneself = CoverStarted { by: ANN, ..started() };
        service().when(fact_of(team(), "2018-02-01", oneself)).refused(Code::CoverOfOneself);
        let stranger = CoverStarted { absent: CAT, by: ANN, ..started() };
        service().when(fact_of(team(), "2018-02-01", stranger)).refused(Code::NotAMember);
        let nobody = CoverStarted { by: WorkerId(Uuid::from_u128(0x39)), ..started() };
        service().when(fact_of(team(), "2018-02-01", nobody)).refused(Code::WorkerNotFound);
        service().when(fact_of(team(), "2018-02-01", ended())).refused(Code::CoverNotFound);
        let world = service().and(&fact_of(ann(), "2018-01-20", WorkerLeft {})).and(&fact_of(
            team(),
            "2018-01-20",
            set(&[BOB]),
        ));
        let world = world.and(&fact_of(team(), "2018-02-01", started()));
        let start = world.last();
        world.when(fact_of(team(), "2018-02-02", started())).refused(Code::CoverExists);
        world.when(fact_of(team(), "2018-01-31", ended())).refused(Code::EndedBeforeStart);
        let world = world.and(&fact_of(team(), "2018-02-10", ended()));
        let end = world.last();
        world.when(fact_of(team(), "2018-02-11", ended())).refused(Code::CoverAlreadyEnded);
        world.when(retracted(team(), &[start])).refused(Code::FactHasDependents);
        let world = world.and(&corrected(team(), start, "2018-02-02", CoverStarted { by: BOB, ..started() }));
        let world = world.and(&corrected(team(), end, "2018-02-12", ended()));
        let covers = Team::fold(&world.history(team()).facts()).covers;
        assert_eq!((covers[0].started.details.by, covers.len()), (BOB, 1));
        world.when(retracted(team(), &[end, start])).accepted();
    }

    #[test]
    fn nobody_is_in_a_team_before_they_join() {
        let dee = WorkerId(Uuid::from_u128(0x35));
        let joining = WorkerJoined { login: None, label: "KW-dee".to_owned() };
        let world = service().and(&fact_of(StreamId::worker(dee), "2018-02-05", joining));
        let set = TeamSet { label: "West".to_owned(), members: vec![ANN, dee] };
        let refusal = world.when(fact_of(team(), "2018-02-04", set.clone())).refused(Code::BeforeJoining);
        assert_eq!(refusal.path, Some("members.1".into()));
        world.when(fact_of(team(), "2018-02-05", set)).accepted();
    }

    #[test]
    fn a_vacant_post_has_a_wte_above_zero() {
        let vacant = |wte: &str| VacancyOpened {
            vacancy: VacancyId(Uuid::from_u128(0x77)),
            role: "keyworker".to_owned(),
            wte: quantity(wte),
        };
        for wte in ["0", "-0.1", "2.1"] {
            service().when(fact_of(team(), "2018-02-01", vacant(wte))).refused(Code::InvalidValue);
        }
        service().when(fact_of(team(), "2018-02-01", vacant("0.1"))).accepted();
    }

    #[test]
    fn a_team_has_a_capacity_from_a_day_on() {
        let capacity = |cases: &str| CapacitySet { cases_per_wte: quantity(cases) };
        service().when(fact_of(team(), "2018-01-02", capacity("25"))).refused(Code::BeforeTeam);
        service().when(fact_of(team(), "2018-02-01", capacity("1001"))).refused(Code::InvalidValue);
        let world = service().and(&fact_of(team(), "2018-02-01", capacity("25")));
        let set = world.last();
        let world = world.and(&corrected(team(), set, "2018-02-03", capacity("20")));
        let state = Team::fold(&world.history(team()).facts());
        assert_eq!(
            (state.capacity_on(day("2018-02-02")), state.capacity_on(day("2018-02-03"))),
            (None, Some(quantity("20")))
        );
    }
}

#[test]
fn a_fact_is_recorded_only_for_its_kind_of_stream() {
    let world = service();
    world
        .when(fact_of(ann(), "2018-02-01", ConsentGiven { purpose: "evaluation".to_owned() }))
        .refused(Code::InvalidValue);
    let amended = crate::fact::event::FactRetracted { target: world.last(), reason: "never".to_owned() };
    world.when(fact_of(team(), "2018-02-01", amended)).refused(Code::InvalidValue);
    let rules = crate::fact::event::RulebookPublished { content: String::new(), hash: String::new() };
    world.when(fact_of(shps(), "2018-02-01", rules)).refused(Code::InvalidValue);
    let command =
        Command::record_fact(StreamId::team(TeamId(Uuid::from_u128(0x59))), when("2018-02-01"), WorkerLeft {});
    world.when(command).refused(Code::InvalidValue);
}
