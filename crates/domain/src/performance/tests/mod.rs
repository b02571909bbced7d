//! Printed tables of real programmes, held against the arithmetic: every cell that what is printed determines.
//!
//! The tables are in `../printed`. A cell that cannot be derived, or that is misprinted, is named where it is met.

mod innovation_fund;
mod mhep;
mod sehatmandi;
mod shps;
mod stoke;
mod targets;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::fraction::tests::fraction;

/// The rows of a table, by the names of its columns.
pub(super) fn rows(table: &'static str) -> Vec<BTreeMap<&'static str, &'static str>> {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().expect("the names of the columns").split(',').collect();
    let row = |line: &'static str| names.iter().copied().zip(line.split(',')).collect();
    lines.map(row).collect()
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn count(text: &str) -> u64 {
    text.parse().expect("a count")
}
