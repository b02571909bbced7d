//! Stoke: the quarters that reports are about.
//!
//! The days on which reports are due are a list, and are not computed: two of those printed follow no rule.

use chrono::{Datelike, Weekday};

use super::{day, rows};
use crate::contract::rulebook::MonthDay;
use crate::performance::period::{Period, Unit};

#[test]
fn the_printed_periods_are_the_quarters_of_the_financial_year() {
    let quarters = Unit::Quarter(MonthDay { month: 4, day: 1 });
    let table = rows(include_str!("../printed/stoke_report_dates.csv"));
    let mut otherwise = Vec::new();
    for (row, next) in table.iter().zip(table.iter().skip(1).map(Some).chain([None])) {
        let quarter = Period::of(quarters, day(row["period_start"]));
        assert_eq!((quarter.first(), quarter.last()), (day(row["period_start"]), day(row["period_end"])));
        if let Some(next) = next {
            let next = Period::of(quarters, day(next["period_start"]));
            assert_eq!(next.previous(), Some(quarter));
        }
        let due = day(row["due_printed"]);
        assert_eq!(due.format("%a").to_string(), row["weekday"]);
        let second_friday =
            quarter.last().succ_opt().expect("a day").iter_days().filter(|day| day.weekday() == Weekday::Fri).nth(1);
        assert_eq!(second_friday, Some(day(row["second_friday_of_month_after_period"])));
        if second_friday != Some(due) {
            otherwise.push(row["due_printed"]);
        }
    }
    assert_eq!(otherwise, ["2018-10-13", "2021-06-30"]);
}
