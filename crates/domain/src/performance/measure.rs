//! Measures: what each number of a contract counts, and by which formula.
//!
//! Pure. The list is part of the rulebook, which may add measures of its own. Here is how the values of months make
//! those of longer periods.

pub use crate::contract::rulebook::measure::{
    Basis, FactKind, Facts, Formula, Measure, Unit, Workforce, measure, measures, of_kind,
    of_workforce,
};

use super::target::Nature;

impl Measure {
    /// Whether its values of months add up to those of longer periods.
    pub const fn nature(&self) -> Nature {
        match self.formula {
            Formula::Count(_) | Formula::Sum(_) | Formula::OfContract(_) => Nature::Flow,
            Formula::Workforce(of) if of.adds_up() => Nature::Flow,
            Formula::Caseload
            | Formula::Wte
            | Formula::Workforce(_)
            | Formula::Supervision(_)
            | Formula::Ratio { .. } => Nature::Level,
        }
    }
}
