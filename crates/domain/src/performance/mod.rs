//! The arithmetic of performance: figures, periods, targets, comparisons, ranks, grades and levels.
//!
//! Pure, and without any count of its own: figures are passed in. Every number is exact until it is shown, and what has
//! no value says why. GraphQL, boards and documents show the same numbers because all of them come from here.

pub mod asked;
pub mod assessment;
pub mod case_value;
pub mod comparison;
pub mod due_date;
pub mod figure;
pub mod forecast;
pub mod fraction;
pub mod grade;
pub mod kpi;
pub mod league;
pub mod measure;
pub mod period;
pub mod ranking;
pub mod reference;
pub mod report;
pub mod small_counts;
pub mod target;
pub mod withholding;
pub mod workforce;

#[cfg(test)]
mod tests;
