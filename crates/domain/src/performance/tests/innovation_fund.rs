//! Innovation Fund (Teens & Toddlers): outcomes as a share of those who started, rejected ones included.
//!
//! One cell is misprinted: 184 of 246 is 75 %, not 76 %.

use super::{count, rows};
use crate::performance::figure::Figure;

#[test]
fn the_rate_of_each_outcome_and_cohort_is_what_arithmetic_gives() {
    let mut misprinted = Vec::new();
    for row in rows(include_str!("../printed/innovation_fund_outcome_rates.csv")) {
        let share = Figure::share(count(row["submitted"]), count(row["starts"])).expect("in range");
        let shown = share.percent(0).expect("in range").expect("a value").to_string();
        assert_eq!(shown, row["pct_starts_incl_rejected"], "{row:?}");
        if shown != row["pct_printed"] {
            assert_eq!(row["ok"], "PRINTED_INCONSISTENT");
            misprinted.push((row["outcome"], row["cohort"], row["pct_printed"]));
        }
    }
    assert_eq!(misprinted, [("qcf_entry", "3", "76")]);
}
