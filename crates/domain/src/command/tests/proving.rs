//! Evidence: attaching it, what it supports, and its checks.

use super::*;
use crate::fact::event::{EvidenceAttached, EvidenceRejected};
use crate::world::at;
use crate::world::{OTHER_PIECE, PIECE, World, attached, rejected, taken_back, verified};

fn proved() -> World {
    accepted().and(&state("2018-02-05", attached(PIECE)))
}

fn supporting(ids: &[Uuid]) -> EvidenceAttached {
    EvidenceAttached { supports: ids.to_vec(), ..attached(PIECE) }
}

#[test]
fn evidence_supports_facts_and_spells_that_were_not_retracted() {
    let housed = || accepted().and(&state("2018-02-01", home(HOME))).and(&state("2018-02-02", contact()));
    housed().when(state("2018-02-05", supporting(&[HOME.0, nth(3).0, nth(4).0]))).accepted();
    let refusal = housed().when(state("2018-02-05", supporting(&[HOME.0, FLAT.0]))).refused(Code::SupportNotFound);
    assert_eq!(refusal.path, Some("supports.1".into()));
    let gone = housed().and(&retract(&[4]));
    gone.when(state("2018-02-05", supporting(&[nth(4).0]))).refused(Code::SupportNotFound);
    let amended = housed().and(&correct(4, "2018-02-03", contact()));
    amended.when(state("2018-02-05", supporting(&[nth(5).0]))).refused(Code::SupportNotFound);
    let twice = housed().when(state("2018-02-05", supporting(&[HOME.0, HOME.0]))).refused(Code::InvalidValue);
    assert_eq!(twice.path, Some("supports.1".into()));
    housed().when(state("2018-02-05", supporting(&[Uuid::nil()]))).refused(Code::SupportNotFound);
}

#[test]
fn evidence_does_not_support_itself() {
    proved().when(correct(3, "2018-02-05", supporting(&[nth(3).0]))).refused(Code::SupportNotFound);
    proved().when(correct(3, "2018-02-05", supporting(&[nth(2).0]))).accepted();
}

#[test]
fn a_fact_that_evidence_supports_is_retracted_with_it_or_not_at_all() {
    let story = || accepted().and(&state("2018-02-01", home(HOME))).and(&state("2018-02-05", supporting(&[HOME.0])));
    assert_eq!(story().when(retract(&[3])).refused(Code::FactHasDependents).facts[0].event_id, nth(4));
    story().when(retract(&[3, 4])).accepted();
    story().when(correct(3, "2018-02-02", home(HOME))).accepted();
    let checked = story().and(&state("2018-02-10", verified(PIECE)));
    let refusal = checked.when(retract(&[3])).refused(Code::FactHasDependents);
    assert_eq!(refusal.facts.len(), 1, "the verification still has its evidence");
    let checked = story().and(&state("2018-02-10", verified(PIECE)));
    checked.when(retract(&[3, 4, 5])).accepted();
}

#[test]
fn a_document_is_dated_obtained_and_attached_in_this_order() {
    let dated = |dated: &str, obtained: Option<&str>| EvidenceAttached {
        dated_on: day(dated),
        obtained_on: obtained.map(day),
        ..attached(PIECE)
    };
    let attach = |piece| accepted().when(state("2018-02-10", piece));
    attach(dated("2018-02-10", Some("2018-02-10"))).accepted();
    attach(dated("2009-05-01", Some("2018-02-09"))).accepted();
    attach(dated("2018-02-11", None)).refused_each(&[(Code::InvalidValue, "dated_on")]);
    attach(dated("2018-02-10", Some("2018-02-09"))).refused_each(&[(Code::InvalidValue, "dated_on")]);
    attach(dated("2018-02-10", Some("2018-02-11"))).refused_each(&[(Code::InvalidValue, "obtained_on")]);
    attach(dated("2018-03-01", Some("2018-03-02")))
        .refused_each(&[(Code::DatedInFuture, "dated_on"), (Code::DatedInFuture, "obtained_on")]);
    accepted().when(state("2018-02", dated("2018-02-28", None))).accepted();
}

#[test]
fn evidence_has_a_digest_codes_and_a_bounded_list() {
    let odd = EvidenceAttached {
        kind: "rumour".to_owned(),
        sha256: Some("0A".repeat(32)),
        obtained_how: Some("07700 900123".to_owned()),
        ..supporting(&(1..=201).map(Uuid::from_u128).collect::<Vec<_>>())
    };
    accepted().when(state("2018-02-05", odd)).refused_each(&[
        (Code::UnknownCode, "kind"),
        (Code::InvalidValue, "sha256"),
        (Code::PersonalData, "obtained_how"),
        (Code::InputTooLong, "supports"),
    ]);
    let unfiled = EvidenceAttached { sha256: None, ..attached(PIECE) };
    accepted().when(state("2018-02-05", unfiled)).accepted();
}

#[test]
fn evidence_is_withdrawn_or_rejected_once_and_verified_before() {
    proved().when(state("2018-02-10", verified(OTHER_PIECE))).refused(Code::EvidenceNotFound);
    proved().when(state("2018-02-10", attached(PIECE))).refused(Code::EvidenceExists);
    let checked = || proved().and(&state("2018-02-10", verified(PIECE)));
    checked().when(state("2018-02-11", verified(PIECE))).refused(Code::EvidenceAlreadyVerified);
    let refused = || checked().and(&state("2018-02-15", rejected(PIECE)));
    refused().when(state("2018-02-20", taken_back(PIECE))).refused(Code::EvidenceNoLongerCounts);
    refused().when(state("2018-02-12", rejected(PIECE))).refused(Code::EvidenceNoLongerCounts);
    let withdrawn = || proved().and(&state("2018-02-15", taken_back(PIECE)));
    let refusal = withdrawn().when(state("2018-02-16", verified(PIECE))).refused(Code::EvidenceNoLongerCounts);
    assert!(refusal.message.contains("withdrawn on 2018-02-15"), "{}", refusal.message);
    withdrawn().when(state("2018-02-15", verified(PIECE))).accepted();
    checked().when(state("2018-02-09", rejected(PIECE))).refused(Code::FactHasDependents);
    checked().when(retract(&[3])).refused(Code::FactHasDependents);
    checked().when(correct(3, "2018-02-11", attached(PIECE))).refused(Code::FactHasDependents);
    checked().when(correct(3, "2018-02-05", attached(OTHER_PIECE))).refused(Code::FixedField);
}

#[test]
fn a_piece_counts_until_it_is_rejected_or_withdrawn() {
    let story = proved()
        .and(&state("2018-02-10", verified(PIECE)))
        .and(&state("2018-02-15", EvidenceRejected { defect: "remarks_on_form".to_owned(), ..rejected(PIECE) }));
    let piece = |on: &str| story.case().journey_as_of(day(on)).evidence[0].clone();
    let verified = |on| at(piece(on).verified.as_ref());
    assert_eq!([verified("2018-02-09"), verified("2018-02-14")], [None, Some(when("2018-02-10"))]);
    assert_eq!((piece("2018-02-14").counts(), piece("2018-02-15").counts()), (true, false));
    let found = piece("2018-02-15").rejected.expect("it was rejected");
    assert_eq!((found.occurred, found.details.defect.as_str()), (when("2018-02-15"), "remarks_on_form"));
}
