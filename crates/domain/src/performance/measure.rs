//! Measures: what each number of a contract counts, and by which formula.
//!
//! Pure. The list is part of the rulebook, which may add measures of its own. Here is how the values of months make
//! those of longer periods.

pub use crate::contract::rulebook::measure::{
    Basis, FactKind, Facts, Formula, Measure, Unit, Work, measure, measures, of_kind,
};

use super::target::Nature;

impl Measure {
    /// Whether its values of months add up to those of longer periods.
    pub const fn nature(&self) -> Nature {
        match self.formula {
            Formula::Count(_) | Formula::Sum(_) | Formula::OfContract(_) | Formula::Work(Work::TasksDue) => {
                Nature::Flow
            }
            Formula::Caseload | Formula::Work(_) | Formula::Wte | Formula::Ratio { .. } => Nature::Level,
        }
    }
}
