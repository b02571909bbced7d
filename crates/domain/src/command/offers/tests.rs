//! Given an offered referral, when staff or its partner act on it, then these facts or this refusal.

use super::*;
use crate::command::Command;
use crate::fact::envelope::OfferKey;
use crate::fact::event::{ErasureGround, Patched, ReferralReceived, SubjectErased, SubjectRegistered};
use crate::fact::sealed::PersonalText;
use crate::offer::OfferState;
use crate::world::{JOURNEY, OTHER, SUBJECT, World, closed, on, referral, service, state, when};

const RECORD: &str = "R-1042";

fn id() -> OfferId {
    OfferId::of(OfferKey { contract: "shps", partner: "advice-centre", source: "advice", record: RECORD })
}

fn fact() -> ReferralOffered {
    ReferralOffered {
        partner: "advice-centre".to_owned(),
        source: "advice".to_owned(),
        record: RECORD.to_owned(),
        subject: id().subject(),
        area: "brent".to_owned(),
        cohort: None,
        referrer: None,
        service: Some("help to keep a home".to_owned()),
        external_references: Vec::new(),
        identity_digest: None,
    }
}

fn of(when: When, act: OfferAct) -> Command {
    Command::Offer(OfferCommand { offer: id(), when, act })
}

fn offer(at: &str, fact: ReferralOffered) -> Command {
    let new = OfferReferral { contract: "shps".to_owned(), identity: None, fact };
    of(when(at).into(), OfferAct::Offer(Box::new(new)))
}

fn act(at: &str, act: OfferAct) -> Command {
    of(when(at).into(), act)
}

fn declined() -> OfferAct {
    OfferAct::Decline(OfferDeclined { reason: "not_eligible".to_owned(), remark: None })
}

fn withdrawn() -> OfferAct {
    OfferAct::Withdraw(OfferWithdrawn { reason: "lost_contact".to_owned() })
}

fn offered() -> World {
    service().and(&offer("2018-01-10", fact()))
}

fn state_of(world: &World) -> OfferState {
    Offer::of(world.history(StreamId::offer(id()))).state()
}

#[test]
fn two_partners_never_share_an_offer() {
    let key = |partner, source, record| OfferId::of(OfferKey { contract: "shps", partner, source, record });
    assert_eq!(key("a", "b", "c"), key("a", "b", "c"));
    assert_ne!(key("a", "b", "c"), key("x", "b", "c"));
    assert_ne!(key("a", "b", "c"), key("a", "bc", ""), "parts do not run into each other");
}

#[test]
fn an_offer_registers_its_person_once_and_says_nothing_twice() {
    let registered = SubjectRegistered { kind: SubjectKind::Person };
    service().when(offer("2018-01-10", fact())).then([on("2018-01-10", fact()), on("2018-01-10", registered)]);
    offered().when(offer("2018-01-10", fact())).then([]);
    let new = OfferReferral { contract: "shps".to_owned(), identity: None, fact: fact() };
    offered().when(of(When::TODAY, OfferAct::Offer(Box::new(new)))).then([]);
    let moved = ReferralOffered { area: "ealing".to_owned(), ..fact() };
    offered().when(offer("2018-01-10", moved.clone())).then([on("2018-01-10", moved)]);
}

#[test]
fn who_the_person_is_is_recorded_once_for_each_digest() {
    let telephone = Patched::Becomes(PersonalText::identity("020 7946 0000".to_owned()));
    let identity = IdentitySealed { telephone, ..IdentitySealed::default() };
    let with = |digest: Option<&str>| {
        let fact = ReferralOffered { identity_digest: digest.map(str::to_owned), ..fact() };
        let new = OfferReferral { contract: "shps".to_owned(), identity: Some(identity.clone()), fact };
        act("2018-01-10", OfferAct::Offer(Box::new(new)))
    };
    let world = service().and(&with(Some("d1")));
    let count = |command: &Command| world.decide(command).expect("accepted").len();
    assert_eq!(count(&with(Some("d1"))), 0, "the same person");
    assert_eq!(count(&with(Some("d2"))), 2, "the offer and the identity");
    assert_eq!(count(&with(None)), 2, "without a digest nothing can be compared");
    assert_eq!(count(&offer("2018-01-10", fact())), 0, "what is left out stays as it was");
}

#[test]
fn an_accepted_offer_opens_its_case_with_the_number_of_the_record() {
    let opened = fact().referral(id().subject());
    assert_eq!(opened.external_references[0].id, RECORD);
    let accepted = OfferAccepted { journey: id().journey() };
    offered().when(act("2018-01-12", OfferAct::Accept)).then([on("2018-01-12", accepted), on("2018-01-10", opened)]);
}

#[test]
fn one_of_two_decisions_is_refused_and_names_the_other() {
    let world = offered().and(&act("2018-01-12", OfferAct::Accept));
    for late in [OfferAct::Accept, declined(), withdrawn(), OfferAct::Link(LinkTo::Person(SUBJECT))] {
        let refusal = world.when(act("2018-01-13", late)).refused(Code::OfferAlreadyDecided);
        assert!(refusal.message.contains("accepted on 2018-01-12"), "{}", refusal.message);
        assert_eq!(refusal.facts[0].event_type.as_str(), "OfferAccepted");
    }
    service().when(act("2018-01-12", OfferAct::Accept)).refused(Code::OfferNotFound);
}

#[test]
fn an_offer_is_linked_to_a_known_person_and_opens_a_case_for_them() {
    let events = offered().decide(&act("2018-01-12", OfferAct::Link(LinkTo::Person(SUBJECT)))).expect("accepted");
    let types: Vec<&str> = events.iter().map(|event| event.event.event_type().as_str()).collect();
    assert_eq!(types, ["OfferLinked", "ReferralReceived", "SubjectsLinked", "SubjectsLinked"]);
    let Event::ReferralReceived(opened) = &events[1].event else { panic!("a referral") };
    assert_eq!(opened.subject, SUBJECT);
    let own = act("2018-01-12", OfferAct::Link(LinkTo::Person(id().subject())));
    offered().when(own).refused(Code::SameSubject);
    let nobody = SubjectId(uuid::Uuid::from_u128(0x99));
    offered().when(act("2018-01-12", OfferAct::Link(LinkTo::Person(nobody)))).refused(Code::SubjectNotFound);
}

#[test]
fn an_offer_is_linked_to_an_open_case_only() {
    let open = || offered().and(&state("2018-01-05", ReferralReceived { subject: OTHER, ..referral() }));
    let link = || act("2018-01-12", OfferAct::Link(LinkTo::Case(JOURNEY)));
    let events = open().decide(&link()).expect("accepted");
    assert_eq!(events[0].event, OfferLinked { subject: OTHER, journey: JOURNEY }.into());
    assert_eq!(events.len(), 3, "it opens no case");
    open().and(&state("2018-01-11", closed())).when(link()).refused(Code::JourneyClosed);
    offered().when(link()).refused(Code::JourneyNotFound);
}

#[test]
fn a_change_of_a_declined_offer_is_an_offer_again_and_one_of_an_accepted_offer_is_only_shown() {
    let moved = || offer("2018-01-10", ReferralOffered { area: "ealing".to_owned(), ..fact() });
    for turned_down in [declined(), withdrawn()] {
        let world = offered().and(&act("2018-01-12", turned_down));
        assert_ne!(state_of(&world), OfferState::Offered);
        world.when(offer("2018-01-10", fact())).then([]);
        assert_eq!(state_of(&world.and(&moved())), OfferState::Offered);
    }
    let world = offered().and(&act("2018-01-12", OfferAct::Accept)).and(&moved());
    let offer = Offer::of(world.history(StreamId::offer(id())));
    assert_eq!((offer.state(), offer.is_changed_since), (OfferState::Accepted, true));
    assert_eq!(
        world.history(StreamId::journey(id().journey())).journey().referral.expect("a case").details.area,
        "brent"
    );
}

#[test]
fn values_are_checked_as_for_any_referral() {
    let late = offer("2018-01-10", ReferralOffered { area: "leeds".to_owned(), ..fact() });
    assert_eq!(service().when(late).refused(Code::UnknownCode).path, Some("area".into()));
    let national = ReferralOffered { record: "QQ123456C".to_owned(), service: Some(String::new()), ..fact() };
    service()
        .when(offer("2018-01-10", national))
        .refused_each(&[(Code::PersonalData, "record"), (Code::MissingValue, "service")]);
    let early = act("2018-01-09", OfferAct::Accept);
    assert_eq!(offered().when(early).refused(Code::InvalidValue).path, Some("occurred_on".into()));
    let why = OfferAct::Decline(OfferDeclined { reason: "because".to_owned(), remark: None });
    offered().when(act("2018-01-12", why)).refused(Code::UnknownCode);
}

#[test]
fn an_offer_of_an_erased_person_is_neither_sent_again_nor_decided_for_them() {
    let end = SubjectErased { ground: ErasureGround::SubjectRequest, approval: None };
    let erased = Command::record_fact(StreamId::subject(id().subject()), when("2018-02-03"), end);
    let world = offered().and(&erased);
    let moved = ReferralOffered { area: "ealing".to_owned(), ..fact() };
    for again in [fact(), moved] {
        let refusal = world.when(offer("2018-01-10", again)).refused(Code::SubjectErased);
        assert_eq!(refusal.path, Some("subject".into()));
    }
    world.when(act("2018-02-04", OfferAct::Accept)).refused(Code::SubjectErased);
    world.when(act("2018-02-04", declined())).accepted();
}
