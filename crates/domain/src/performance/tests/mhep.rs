//! MHEP, Tower Hamlets: percentages of the targets of several profiles, and rates of a mean number of specialists.
//!
//! The average printed is 7; the rates printed beside it are those of 43/6. Of the rates themselves only the interval
//! is known that they leave for the average. Its ends are those of 24 shown as 3.3 and of 85 shown as 11.9.

use serde_json::Value;

use super::fraction;
use crate::performance::comparison::{Actuals, Aim, Comparison, Met};
use crate::performance::figure::Figure;
use crate::performance::fraction::Fraction;

fn printed() -> Value {
    serde_json::from_str(include_str!("../printed/mhep_tower_hamlets.json")).expect("JSON")
}

fn numbers(of: &Value) -> Vec<Option<u64>> {
    of.as_array().expect("a list").iter().map(Value::as_u64).collect()
}

#[test]
fn a_percentage_of_each_profile_is_as_printed() {
    let printed = printed();
    let tables = [
        ("ytd", "abp_target", "abp_pct_printed"),
        ("ytd", "contract_target", "contract_pct_printed"),
        ("contract_to_date", "investor_base", "investor_pct_printed"),
    ];
    for (period, profile, percentages) in tables {
        let [actuals, targets, expected] =
            ["actual", profile, percentages].map(|column| numbers(&printed[period][column]));
        assert_eq!((actuals.len(), targets.len(), expected.len()), (4, 4, 4));
        for ((actual, target), expected) in actuals.into_iter().zip(targets).zip(expected) {
            let count = |number: Option<u64>| Figure::count(number.expect("a number"));
            let now = Actuals { now: count(actual), previous: None, three_months: None, year_before: None };
            // What is printed as 0 of 0 is no target: its percentage is blank.
            let aim = Aim { profile: profile.to_owned(), now: count(target), previous: Figure::not_applicable() };
            let row = Comparison::of(&now, vec![aim]).expect("in range").targets.remove(0);
            assert_eq!(
                row.beside.ratio.percent(0),
                Ok(expected.map(Into::into)),
                "{profile}: {actual:?} of {target:?}"
            );
            let is_met = actual >= target;
            assert_eq!(row.met, if is_met { Met::Met } else { Met::NotMet });
        }
    }
}

#[test]
fn the_mean_over_the_days_of_the_quarter_is_inside_what_the_printed_rates_leave() {
    let wte = &printed()["wte"];
    // 90 days: 75 with 7 specialists and 15 with 8.
    let days: Vec<Fraction> =
        [(75, 7_u64), (15, 8)].iter().flat_map(|(days, wte)| vec![Fraction::from(*wte); *days]).collect();
    let mean = Fraction::mean(&days).expect("in range").expect("there are days");
    assert_eq!(mean, fraction(wte["simplest"].as_str().expect("a text")));
    let ends = wte["implied_interval_open_closed"].as_array().expect("two ends");
    let end = |at: usize| ends[at].as_str().expect("a text");
    assert!(fraction(end(0)) < mean && mean <= fraction(end(1)));
    let ends_of_rates =
        [fraction("24/3.35"), fraction("85/11.85")].map(|end| end.rounded(5).expect("in range").to_string());
    assert_eq!(ends_of_rates, [end(0), end(1)]);
    let target = Figure::amount(fraction(&wte["target"].to_string()));
    let aim = Aim { profile: "minimum_service".to_owned(), now: target, previous: Figure::not_applicable() };
    let now = Actuals { now: Figure::amount(mean), previous: None, three_months: None, year_before: None };
    let met = Comparison::of(&now, vec![aim]).expect("in range").targets.remove(0).met;
    assert_eq!(met == Met::Met, wte["minimum_service_level_met"].as_bool().expect("it is said"));
}

#[test]
fn a_rate_is_taken_of_the_unrounded_mean() {
    let rate = |cases: u64, wte: &str| {
        let rate = Figure::rate(cases, fraction(wte)).expect("in range").rounded(1);
        rate.expect("in range").expect("a value").to_string()
    };
    assert_eq!((rate(24, "43/6"), rate(85, "43/6")), ("3.3".to_owned(), "11.9".to_owned()));
    assert_eq!(
        (rate(24, "7"), rate(85, "7")),
        ("3.4".to_owned(), "12.1".to_owned()),
        "as the printed average would give"
    );
}
