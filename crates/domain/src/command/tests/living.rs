//! Facts about the client: spells and their changes, measures, achievements, assessments and risks.

use super::*;
use crate::fact::event::{AchievementRecorded, AssessmentScored, MeasureRecorded, Period, RiskRaised, SpellChanged};
use crate::world::at;
use crate::world::{OTHER_RISK, RISK, World, achieved, changed, cleared, measured, raised, scored};

fn working(hours: i64) -> SpellStarted {
    let attributes = BTreeMap::from([("secured_as".to_owned(), Attribute::Text("new".to_owned()))]);
    SpellStarted { hours_per_week: Some(Quantity(hours.into())), attributes, ..home(HOME) }
}

fn hours(hours: i64) -> SpellChanged {
    SpellChanged { spell: HOME, hours_per_week: Some(Quantity(hours.into())), attributes: BTreeMap::new(), note: None }
}

fn housed() -> World {
    accepted().and(&state("2018-02-01", working(12)))
}

#[test]
fn a_change_applies_from_its_day_on_and_keeps_the_other_values() {
    let rent = BTreeMap::from([("rent".to_owned(), Attribute::Quantity(Quantity(500.into())))]);
    let story = housed()
        .and(&state("2018-02-20", changed(HOME)))
        .and(&state("2018-02-10", hours(20)))
        .and(&state("2018-02-15", SpellChanged { spell: HOME, hours_per_week: None, attributes: rent, note: None }));
    let spell = &story.case().journey().spells[0];
    let hours = |on: &str| spell.hours_on(day(on)).map(|hours| hours.to_string());
    assert_eq!(
        [hours("2018-02-01"), hours("2018-02-09"), hours("2018-02-10"), hours("2018-02-28")],
        ["12", "12", "20", "20"].map(|hours| Some(hours.to_owned()))
    );
    let shown = |on: &str| {
        let attributes = spell.attributes_on(day(on));
        attributes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(shown("2018-02-14"), ["secured_as=new"]);
    assert_eq!(shown("2018-02-15"), ["rent=500", "secured_as=new"]);
    assert_eq!(shown("2018-02-20"), ["rent=500", "secured_as=kept"]);
    assert_eq!(spell.details, working(12), "the details at the start do not change");
    assert_eq!(story.case().journey_as_of(day("2018-02-14")).spells[0].changes.len(), 1);
}

#[test]
fn a_spell_changes_between_its_start_and_end() {
    let refusal = housed().when(state("2018-02-10", changed(FLAT))).refused(Code::SpellNotFound);
    assert_eq!(refusal.allowed, [HOME.to_string()]);
    let refusal = housed().when(state("2018-01-31", changed(HOME))).refused(Code::OutsideSpell);
    assert!(refusal.message.contains("the spell started on 2018-02-01"), "{}", refusal.message);
    housed().when(state("2018-02-01", changed(HOME))).accepted();
    let over = || housed().and(&state("2018-02-20", ended(HOME)));
    over().when(state("2018-02-19", changed(HOME))).accepted();
    over().when(state("2018-02-20", changed(HOME))).refused(Code::OutsideSpell);
    over().when(state("2018-02", changed(HOME))).accepted();
    let refusal = housed()
        .and(&state("2018-02-15", changed(HOME)))
        .when(state("2018-02-15", ended(HOME)))
        .refused(Code::FactHasDependents);
    assert_eq!(refusal.facts[0].event_type.as_str(), "SpellChanged");
}

#[test]
fn a_spell_is_retracted_with_its_changes_or_not_at_all() {
    let story = || housed().and(&state("2018-02-10", changed(HOME)));
    assert_eq!(story().when(retract(&[3])).refused(Code::FactHasDependents).facts[0].event_id, nth(4));
    story().when(retract(&[3, 4])).accepted();
    story().when(correct(3, "2018-02-11", working(12))).refused(Code::FactHasDependents);
}

#[test]
fn a_change_must_change_something_and_be_in_range() {
    let nothing = SpellChanged { spell: HOME, hours_per_week: None, attributes: BTreeMap::new(), note: None };
    housed().when(state("2018-02-10", nothing)).refused(Code::MissingValue);
    housed().when(state("2018-02-10", hours(-1))).refused(Code::InvalidValue);
    let landlord = BTreeMap::from([("landlord".to_owned(), Attribute::Text("07700 900123".to_owned()))]);
    let odd = SpellChanged { attributes: landlord, ..hours(169) };
    housed()
        .when(state("2018-02-10", odd))
        .refused_each(&[(Code::InvalidValue, "hours_per_week"), (Code::PersonalData, "attributes.landlord")]);
}

#[test]
fn a_measure_has_a_listed_code_and_a_period_that_is_over() {
    let period = |first: &str, last: &str| Some(Period { first: day(first), last: day(last) });
    let january = MeasureRecorded { period: period("2018-01-01", "2018-01-31"), ..measured() };
    accepted().when(state("2018-02-01", january)).accepted();
    let backwards = MeasureRecorded { period: period("2018-01-31", "2018-01-01"), ..measured() };
    let refusal = accepted().when(state("2018-02-01", backwards)).refused(Code::InvalidValue);
    assert_eq!(refusal.path, Some("period.last".into()));
    let odd = MeasureRecorded {
        code: "height".to_owned(),
        value: Quantity(rust_decimal::Decimal::MAX),
        unit: Some("a.client@example.org".to_owned()),
        period: period("0001-01-01", "2018-03-01"),
    };
    accepted().when(state("2018-02-01", odd)).refused_each(&[
        (Code::UnknownCode, "code"),
        (Code::InputTooLong, "value"),
        (Code::PersonalData, "unit"),
        (Code::InvalidValue, "period.first"),
        (Code::DatedInFuture, "period.last"),
    ]);
    let loss = MeasureRecorded { value: Quantity((-12).into()), code: "earnings".to_owned(), ..measured() };
    accepted().when(state("2018-01-05", loss)).accepted();
}

#[test]
fn an_achievement_has_a_listed_code_and_may_have_a_level() {
    let odd = AchievementRecorded { code: "medal".to_owned(), level: Some("l".repeat(65)) };
    accepted()
        .when(state("2018-02-01", odd))
        .refused_each(&[(Code::UnknownCode, "code"), (Code::InputTooLong, "level")]);
    accepted().when(state("2018-01-05", achieved())).accepted();
}

#[test]
fn an_assessment_has_an_instrument_and_items_within_bounds() {
    let odd = AssessmentScored {
        instrument: "QQ123456C".to_owned(),
        items: BTreeMap::from([("restless".to_owned(), Quantity(rust_decimal::Decimal::MAX))]),
        score: Quantity(rust_decimal::Decimal::MIN),
    };
    accepted().when(state("2018-02-01", odd)).refused_each(&[
        (Code::PersonalData, "instrument"),
        (Code::InputTooLong, "items.restless"),
        (Code::InputTooLong, "score"),
    ]);
    let items = (0..201).map(|n| (format!("i{n}"), Quantity(n.into()))).collect();
    accepted().when(state("2018-02-01", AssessmentScored { items, ..scored() })).refused(Code::InputTooLong);
}

fn at_risk() -> World {
    accepted().and(&state("2018-02-01", raised(RISK)))
}

#[test]
fn a_risk_is_cleared_once_on_or_after_the_day_it_was_raised() {
    let refusal = at_risk().when(state("2018-02-10", cleared(OTHER_RISK))).refused(Code::RiskNotFound);
    assert_eq!(refusal.allowed, [RISK.to_string()]);
    at_risk().when(state("2018-01-31", cleared(RISK))).refused(Code::EndedBeforeStart);
    at_risk().when(state("2018-02-01", cleared(RISK))).accepted();
    at_risk().when(state("2018-02-10", raised(RISK))).refused(Code::RiskExists);
    let over = || at_risk().and(&state("2018-02-10", cleared(RISK)));
    over().when(state("2018-02-20", cleared(RISK))).refused(Code::RiskAlreadyCleared);
    over().when(state("2018-02-05", cleared(RISK))).refused(Code::RiskAlreadyCleared);
    over().when(retract(&[3])).refused(Code::FactHasDependents);
    over().when(correct(3, "2018-02-11", raised(RISK))).refused(Code::FactHasDependents);
    over().when(correct(3, "2018-02-01", raised(OTHER_RISK))).refused(Code::FixedField);
    over().when(correct(3, "2018-02-01", RiskRaised { kind: "rent_arrears".to_owned(), ..raised(RISK) })).accepted();
}

#[test]
fn a_risk_applies_from_the_day_it_was_raised_until_it_is_cleared() {
    let story = at_risk().and(&state("2018-02-10", cleared(RISK)));
    let risk = &story.case().journey().risks[0];
    assert_eq!((risk.raised, at(risk.cleared.as_ref())), (when("2018-02-01"), Some(when("2018-02-10"))));
    assert_eq!(story.case().journey_as_of(day("2018-02-09")).risks[0].cleared, None);
    assert!(story.case().journey_as_of(day("2018-01-31")).risks.is_empty());
}
