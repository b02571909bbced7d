//! Reveals: for how long they count, for which login, and what is refused.

use super::*;
use crate::command::Command;
use crate::fact::envelope::{RevealId, StreamId, SubjectId};
use crate::fact::event::{RevealEnded, SubjectKind, SubjectRegistered};
use crate::world::{World, fact_of, service};

const REVEAL: RevealId = RevealId(Uuid::from_u128(0xe1));

fn subject() -> StreamId {
    StreamId::subject(SubjectId(Uuid::from_u128(0xe51)))
}

fn noted(fact: impl Into<Event>) -> Command {
    fact_of(subject(), "2018-02-01", fact)
}

fn revealed(minutes: u16) -> IdentityRevealed {
    let (contract, reason) = ("shps".to_owned(), "the claim names another birth year".to_owned());
    IdentityRevealed { reveal: REVEAL, contract, reason, minutes }
}

fn known() -> World {
    service().and(&noted(SubjectRegistered { kind: SubjectKind::Person }))
}

#[test]
fn a_reveal_counts_for_its_login_and_role_until_its_minutes_are_over() {
    let world = known().and(&noted(revealed(30)));
    let all = reveals(world.history(subject()));
    let [reveal] = all.as_slice() else { panic!("{all:?}") };
    let minutes = |minutes| reveal.at + TimeDelta::minutes(minutes);
    assert!(reveal.is_in_force(reveal.at) && reveal.is_in_force(minutes(29)));
    assert!(!reveal.is_in_force(minutes(30)));
    assert!(reveal.is_of(&reveal.role, &reveal.by.to_uppercase()));
    assert!(!reveal.is_of(&reveal.role, "kw-99") && !reveal.is_of("manager-of-none", &reveal.by));
}

#[test]
fn a_reveal_is_ended_once_and_counts_no_more() {
    let end = RevealEnded { reveal: REVEAL };
    known().when(noted(end.clone())).refused(Code::RevealNotFound);
    let world = known().and(&noted(revealed(30)));
    world.when(noted(revealed(10))).refused(Code::RevealExists);
    let world = world.and(&noted(end.clone()));
    let all = reveals(world.history(subject()));
    assert!(all[0].ended.is_some() && !all[0].is_in_force(all[0].at));
    world.when(noted(end)).refused(Code::RevealAlreadyEnded);
}

#[test]
fn a_reveal_has_a_reason_a_known_contract_and_at_most_a_working_day() {
    for minutes in [0, MINUTES_MAX + 1] {
        let refusal = known().when(noted(revealed(minutes))).refused(Code::InvalidValue);
        assert_eq!(refusal.path, Some("minutes".into()));
    }
    known().when(noted(revealed(MINUTES_MAX))).accepted();
    let unreasoned = IdentityRevealed { reason: " ".to_owned(), ..revealed(30) };
    known().when(noted(unreasoned)).refused(Code::MissingValue);
    let long = IdentityRevealed { reason: "x".repeat(201), ..revealed(30) };
    assert_eq!(known().when(noted(long)).refused(Code::InputTooLong).path, Some("reason".into()));
    let elsewhere = IdentityRevealed { contract: "kmc".to_owned(), ..revealed(30) };
    known().when(noted(elsewhere)).refused(Code::ContractNotFound);
    service().when(noted(revealed(30))).refused(Code::SubjectNotFound);
}
