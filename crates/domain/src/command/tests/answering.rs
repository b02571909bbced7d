//! The answer to a referral (accepted, declined or withdrawn), and eligibility.

use super::*;
use crate::fact::event::{EligibilityAssessed, ReferralWithdrawn};
use crate::world::{
    PIECE, RISK, TASK, World, attached, eligible, engaged, measured, raised, reopened, task, transferred, withdrawn,
};

fn received() -> World {
    given([on("2018-01-10", referral())])
}

fn taken_back() -> World {
    received().and(&state("2018-01-12", withdrawn()))
}

#[test]
fn a_referral_is_withdrawn_until_it_is_accepted() {
    received().when(state("2018-01-12", withdrawn())).then([on("2018-01-12", withdrawn())]);
    let refusal = accepted().when(state("2018-01-12", withdrawn())).refused(Code::AlreadyAccepted);
    assert!(refusal.message.contains("accepted on 2018-01-11: close the case"), "{}", refusal.message);
    accepted().when(state("2018-01-10", withdrawn())).refused(Code::AlreadyAccepted);
    let story = taken_back();
    assert!(!story.case().journey().is_on_caseload());
    assert_eq!(story.case().journey().turned_away(), Some(when("2018-01-12")));
}

#[test]
fn a_referral_is_answered_once() {
    taken_back().when(state("2018-01-12", ReferralAccepted {})).refused(Code::ReferralWithdrawn);
    taken_back().when(state("2018-01-11", ReferralAccepted {})).refused(Code::ReferralWithdrawn);
    taken_back().when(state("2018-01-12", declined())).refused(Code::ReferralWithdrawn);
    taken_back().when(state("2018-01-12", withdrawn())).refused(Code::ReferralWithdrawn);
    let turned_down = received().and(&state("2018-01-12", declined()));
    turned_down.when(state("2018-01-12", withdrawn())).refused(Code::ReferralDeclined);
    let over = received().and(&state("2018-01-12", closed()));
    over.when(state("2018-01-12", withdrawn())).refused(Code::AlreadyClosed);
}

#[test]
fn nothing_follows_a_withdrawal() {
    let facts: [Event; 10] = [
        contact().into(),
        engaged().into(),
        task(TASK).into(),
        home(HOME).into(),
        raised(RISK).into(),
        attached(PIECE).into(),
        measured().into(),
        closed().into(),
        transferred().into(),
        reopened().into(),
    ];
    for fact in facts {
        taken_back().when(state("2018-02-05", fact)).refused(Code::ReferralWithdrawn);
    }
    taken_back().when(state("2018-01-12", contact())).accepted();
    taken_back().when(state("2018-01-12", closed())).refused(Code::ReferralWithdrawn);
    let seen = received().and(&state("2018-01-20", contact()));
    let refusal = seen.when(state("2018-01-12", withdrawn())).refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_id, nth(2));
}

#[test]
fn a_withdrawal_gives_a_reason_of_the_rulebook() {
    let odd = ReferralWithdrawn { reason: "ring 020 7946 0958".to_owned() };
    received().when(state("2018-01-12", odd)).refused(Code::PersonalData);
    let odd = ReferralWithdrawn { reason: "because".to_owned() };
    let refusal = received().when(state("2018-01-12", odd)).refused(Code::UnknownCode);
    assert_eq!(refusal.rule.as_deref(), Some("codes.close_reasons"));
}

#[test]
fn eligibility_is_assessed_as_often_as_wanted_and_the_newest_stands() {
    let later = EligibilityAssessed { facts: BTreeMap::new(), ..eligible() };
    let story = received().and(&state("2018-01-20", later.clone())).and(&state("2018-01-10", eligible()));
    let journey = story.case().journey();
    assert_eq!(journey.eligibility.len(), 2);
    assert_eq!(journey.newest_eligibility().map(|one| &one.details), Some(&later));
    let earlier = story.case().journey_as_of(day("2018-01-19"));
    assert_eq!(earlier.newest_eligibility().map(|one| &one.details), Some(&eligible()));
    story.and(&state("2018-02-10", closed())).when(state("2018-02-11", eligible())).refused(Code::JourneyClosed);
}

#[test]
fn what_eligibility_rests_on_is_neither_personal_nor_endless() {
    let odd = EligibilityAssessed {
        criteria: BTreeMap::from([("QQ123456C".to_owned(), true), (String::new(), false)]),
        facts: BTreeMap::from([
            ("age".to_owned(), Attribute::Quantity(Quantity(rust_decimal::Decimal::MAX))),
            ("carer".to_owned(), Attribute::Text("a.client@example.org".to_owned())),
        ]),
        ..eligible()
    };
    received().when(state("2018-01-10", odd)).refused_each(&[
        (Code::MissingValue, "criteria"),
        (Code::PersonalData, "criteria"),
        (Code::InputTooLong, "facts.age"),
        (Code::PersonalData, "facts.carer"),
    ]);
    let criteria = (0..33).map(|n| (format!("c{n}"), true)).collect();
    let refusal = received()
        .when(state("2018-01-10", EligibilityAssessed { criteria, ..eligible() }))
        .refused(Code::InputTooLong);
    assert_eq!(refusal.path, Some("criteria".into()));
}
