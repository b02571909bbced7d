//! Targets by month, by year and as ratios, by area and of the whole contract.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{day, fraction};
use crate::fact::event::{Quantity, TargetRatio, TargetSeries, TargetsPublished};
use crate::performance::figure::{Figure, State};
use crate::performance::fraction::Fraction;
use crate::performance::period::{Period, Unit};
use crate::performance::target::{Nature, Part, Profile, TargetError, faulty_ratios, in_force};
use crate::world::{fact_of, service, shps};

const FLOW: Nature = Nature::Flow;

fn quantity(text: &str) -> Quantity {
    Quantity(text.parse().expect("a decimal"))
}

fn series(measure: &str, area: Option<&str>) -> TargetSeries {
    TargetSeries { measure: measure.to_owned(), area: area.map(str::to_owned), ..TargetSeries::default() }
}

/// A series that gives these months of 2018 a target.
fn months(measure: &str, area: Option<&str>, targets: &[(u32, &str)]) -> TargetSeries {
    let month = |(month, target): &(u32, &str)| (day(&format!("2018-{month:02}-01")), quantity(target));
    TargetSeries { months: targets.iter().map(month).collect(), ..series(measure, area) }
}

fn year(measure: &str, area: Option<&str>, first: &str, target: &str) -> TargetSeries {
    TargetSeries { years: BTreeMap::from([(day(first), quantity(target))]), ..series(measure, area) }
}

fn ratio(measure: &str, area: Option<&str>, of: &str, factor: &str) -> TargetSeries {
    let ratio = TargetRatio { of: of.to_owned(), factor: quantity(factor) };
    TargetSeries { ratio: Some(ratio), ..series(measure, area) }
}

fn published(series: Vec<TargetSeries>) -> TargetsPublished {
    TargetsPublished { profile: "contract".to_owned(), series }
}

fn profile(series: Vec<TargetSeries>) -> Profile {
    Profile::of(&published(series), (Some(&["brent", "enfield"].map(str::to_owned)), None))
}

fn month(on: &str) -> Period {
    Period::of(Unit::Month, day(on))
}

fn to_date(from: &str, on: &str) -> Period {
    Period::to_date(day(from), Unit::Month, day(on)).expect("in order")
}

fn target(profile: &Profile, measure: &str, area: Option<&str>, period: &Period) -> Option<Fraction> {
    let part = area.map_or(Part::Whole, Part::area);
    profile.target((measure, FLOW), &part, period).expect("a target or none").value()
}

#[test]
fn a_yearly_target_is_spread_evenly_over_the_twelve_months_of_its_year() {
    let profile = profile(vec![year("referral", Some("enfield"), "2017-04-01", "500")]);
    let of = |period: &Period| target(&profile, "referral", Some("enfield"), period);
    assert_eq!(of(&month("2017-04-30")), Some(fraction("500/12")));
    assert_eq!(of(&month("2018-03-01")), Some(fraction("500/12")));
    assert_eq!(of(&to_date("2017-04-01", "2018-03-31")), Some(fraction("500")));
    assert_eq!((of(&month("2017-03-31")), of(&month("2018-04-01"))), (None, None));
}

#[test]
fn a_ratio_follows_the_other_measure_of_the_same_area() {
    let profile = profile(vec![
        months("referral", Some("brent"), &[(1, "60"), (2, "63")]),
        year("referral", Some("enfield"), "2017-04-01", "500"),
        ratio("php_complete", Some("brent"), "referral", "0.85"),
        ratio("php_complete", Some("enfield"), "referral", "0.88"),
        ratio("housing_secured", Some("brent"), "php_complete", "0.5"),
    ]);
    let february = month("2018-02-01");
    let of = |measure: &str, area: &str| target(&profile, measure, Some(area), &february);
    assert_eq!(of("php_complete", "brent"), Some(fraction("53.55")));
    assert_eq!(of("php_complete", "enfield"), Some(fraction("440/12")));
    assert_eq!(of("housing_secured", "brent"), Some(fraction("26.775")));
    assert_eq!(of("housing_secured", "enfield"), None);
    assert_eq!(
        target(&profile, "php_complete", Some("brent"), &to_date("2018-01-01", "2018-02-28")),
        Some(fraction("104.55"))
    );
}

#[test]
fn the_whole_contract_has_its_own_series_or_the_sum_of_all_areas() {
    let (brent, enfield) = (Some("brent"), Some("enfield"));
    let areas = vec![months("referral", brent, &[(1, "60"), (2, "63")]), months("referral", enfield, &[(1, "40")])];
    let january = month("2018-01-01");
    let of = |series: Vec<TargetSeries>, measure: &str, on: &str| target(&profile(series), measure, None, &month(on));
    assert_eq!(of(areas.clone(), "referral", "2018-01-01"), Some(fraction("100")));
    assert_eq!(of(areas.clone(), "referral", "2018-02-01"), None, "Enfield has none in February");
    assert_eq!(of(areas[..1].to_vec(), "referral", "2018-01-01"), None, "Enfield has none at all");
    let with = |further: TargetSeries| areas.iter().cloned().chain([further]).collect::<Vec<_>>();
    assert_eq!(of(with(months("referral", None, &[(1, "90")])), "referral", "2018-01-01"), Some(fraction("90")));
    assert_eq!(
        of(with(ratio("php_complete", None, "referral", "0.88")), "php_complete", "2018-01-01"),
        Some(fraction("88"))
    );
    // Without a list of areas, those count that the targets name.
    let open = Profile::of(&published(areas[..1].to_vec()), (None, None));
    assert_eq!(target(&open, "referral", None, &january), Some(fraction("60")));
}

#[test]
fn a_month_without_a_target_is_not_applicable_and_not_nothing() {
    let profile = profile(vec![months("referral", None, &[(1, "0"), (2, "63")])]);
    let figure = |period: &Period| profile.target(("referral", FLOW), &Part::Whole, period).expect("no ratio");
    assert_eq!(figure(&month("2018-01-01")), Figure::amount(Fraction::ZERO));
    assert_eq!(figure(&month("2018-03-01")).state(), State::NotApplicable);
    assert_eq!(figure(&to_date("2018-01-01", "2018-02-28")).value(), Some(fraction("63")));
    assert_eq!(figure(&to_date("2018-01-01", "2018-03-31")).state(), State::NotApplicable, "March has none");
    assert_eq!(figure(&Period::of(Unit::Week, day("2018-02-07"))).state(), State::NotApplicable, "a week has none");
}

#[test]
fn what_does_not_add_up_has_the_mean_of_its_months() {
    let profile = profile(vec![
        year("wte", None, "2017-04-01", "6"),
        months("seen_in_time", Some("brent"), &[(1, "90"), (2, "95"), (3, "95")]),
        months("seen_in_time", Some("enfield"), &[(1, "90")]),
    ]);
    let level = |measure, part: &Part, period| {
        profile.target((measure, Nature::Level), part, &period).expect("no ratio").value()
    };
    assert_eq!(level("wte", &Part::Whole, month("2018-02-01")), Some(fraction("6")));
    assert_eq!(level("wte", &Part::Whole, to_date("2017-04-01", "2018-03-31")), Some(fraction("6")));
    let quarter = Period::days(day("2018-01-01"), day("2018-03-31")).expect("in order");
    assert_eq!(level("seen_in_time", &Part::area("brent"), quarter), Some(fraction("280/3")));
    assert_eq!(level("seen_in_time", &Part::Whole, month("2018-01-01")), None, "shares of areas do not add up");
}

#[test]
fn a_ratio_of_itself_or_of_nothing_is_named_with_its_measure_and_profile() {
    let given = published(vec![
        ratio("a", None, "b", "0.5"),
        ratio("b", None, "a", "0.5"),
        ratio("c", None, "a", "0.5"),
        ratio("d", Some("brent"), "e", "0.5"),
        ratio("f", None, "g", "0.5"),
        months("g", Some("brent"), &[(1, "1")]),
        ratio("h", None, "h", "1"),
    ]);
    let faults: Vec<(usize, String)> =
        faulty_ratios(&given).into_iter().map(|(at, fault)| (at, fault.to_string())).collect();
    assert_eq!(faults.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 3, 6]);
    assert_eq!(
        faults[0].1,
        r#"the targets of "a" in the profile "contract" are a ratio of themselves: give them by month or year"#
    );
    assert_eq!(
        faults[2].1,
        r#"the targets of "d" in the profile "contract" are a ratio of "e", which has none there: give these too"#
    );
    // What was recorded elsewhere without this check is not computed either.
    let profile = profile(given.series);
    let fault =
        |measure: &str, part: Part| profile.target((measure, FLOW), &part, &month("2018-01-01")).expect_err("a fault");
    assert!(matches!(fault("c", Part::Whole), TargetError::RatioOfItself { measure, .. } if measure == "c"));
    assert!(matches!(fault("d", Part::area("brent")), TargetError::RatioOfNothing { of, .. } if of == "e"));
}

#[test]
fn a_target_too_large_is_out_of_range() {
    let most = "79228162514264337593543950335";
    let chain = ["b", "c", "d"].into_iter().zip(["a", "b", "c"]).map(|(measure, of)| ratio(measure, None, of, most));
    let profile = profile([months("a", None, &[(1, "1")])].into_iter().chain(chain).collect());
    let found = |measure: &str| profile.target((measure, FLOW), &Part::Whole, &month("2018-01-01"));
    assert!(found("b").is_ok());
    assert!(matches!(found("d"), Err(TargetError::OutOfRange(_))));
}

#[test]
fn the_last_published_version_of_each_profile_is_in_force() {
    let version = |profile: &str, target: &str| TargetsPublished {
        profile: profile.to_owned(),
        series: vec![months("attendance", None, &[(1, target)])],
    };
    let published = |on: &str, profile: &str, target: &str| fact_of(shps(), on, version(profile, target));
    let world = service()
        .and(&published("2018-01-05", "contract", "60"))
        .and(&published("2018-01-06", "business_plan", "63"))
        .and(&published("2018-02-01", "contract", "50"));
    let found = |on: &str, listed: &[&str]| -> Vec<(String, Option<Fraction>)> {
        let mut rulebook = world.contract.newest_rulebook().expect("a rulebook").as_ref().clone();
        rulebook.profiles = listed.iter().map(|profile| (*profile).to_owned()).collect();
        let profiles = in_force(&world.contract.contract_record(day(on)), &rulebook);
        let january = month("2018-01-01");
        profiles.iter().map(|of| (of.name().to_owned(), target(of, "attendance", None, &january))).collect()
    };
    let of = |profile: &str, target: &str| (profile.to_owned(), Some(fraction(target)));
    assert_eq!(found("2018-01-31", &["contract"]), [of("contract", "60"), of("business_plan", "63")]);
    assert_eq!(found("2018-02-28", &[]), [of("business_plan", "63"), of("contract", "50")]);
}

proptest! {
    #[test]
    fn a_target_to_date_is_the_sum_of_its_months(targets in proptest::collection::vec(0_u32..100_000, 1..12), yearly in any::<bool>()) {
        let given = |(month, target): (u32, &u32)| (day(&format!("2018-{month:02}-01")), Quantity((*target).into()));
        let series = if yearly {
            year("referral", None, "2018-01-01", &targets[0].to_string())
        } else {
            TargetSeries { months: (1..).zip(&targets).map(given).collect(), ..series("referral", None) }
        };
        let profile = profile(vec![series]);
        let last = format!("2018-{:02}-28", targets.len());
        let months = (1..=targets.len()).map(|at| target(&profile, "referral", None, &month(&format!("2018-{at:02}-01"))));
        let sum = months.collect::<Option<Vec<_>>>().map(Fraction::sum).transpose().expect("in range");
        prop_assert_eq!(target(&profile, "referral", None, &to_date("2018-01-01", &last)), sum);
    }
}

#[test]
fn cohorts_have_targets_of_their_own_and_the_whole_contract_has_their_sum() {
    let of_cohort = |measure: &str, cohort: &str, target: &str| TargetSeries {
        cohort: Some(cohort.to_owned()),
        ..months(measure, None, &[(1, target)])
    };
    let two = vec![of_cohort("referral", "1", "20"), of_cohort("referral", "2", "30")];
    let found = |profile: &Profile, part: &Part| {
        let target = profile.target(("referral", FLOW), part, &month("2018-01-01"));
        target.expect("a target or none").value()
    };
    let both = Profile::of(&published(two.clone()), (None, None));
    assert_eq!(found(&both, &Part::cohort("1")), Some(fraction("20")));
    assert_eq!(found(&both, &Part::Whole), Some(fraction("50")));
    assert_eq!(found(&both, &Part::area("1")), None, "a cohort is no area of the same code");
    let three = Profile::of(&published(two.clone()), (None, Some(&["1", "2", "3"].map(str::to_owned))));
    assert_eq!(found(&three, &Part::Whole), None, "the third cohort has none, and a target is never guessed");
    let with_areas = [two, vec![months("referral", Some("brent"), &[(1, "7")])]].concat();
    assert_eq!(found(&Profile::of(&published(with_areas), (None, None)), &Part::Whole), Some(fraction("7")));
    let half = TargetSeries { cohort: Some("1".to_owned()), ..ratio("starts", None, "referral", "0.5") };
    let by_ratio = Profile::of(&published(vec![of_cohort("referral", "1", "20"), half]), (None, None));
    let starts = by_ratio.target(("starts", FLOW), &Part::cohort("1"), &month("2018-01-01")).expect("a target");
    assert_eq!(starts.value(), Some(fraction("10")));
}
