//! Measures: what each number of a contract counts, and by which formula.
//!
//! Pure. The list is part of the rulebook, which may add measures of its own. Here is how the values of months make
//! those of longer periods.

pub use crate::contract::rulebook::measure::case_value::{
    Band, CaseValue, ContractValues, Each, OfCases, Share, Take, TakeOfContract,
};
pub use crate::contract::rulebook::measure::{
    Basis, FactKind, Facts, Formula, Measure, Unit, Work, Workforce, measure, measures, of_kind, of_workforce,
};

use super::fraction::{Fraction, OutOfRange};
use super::target::Nature;

impl Measure {
    /// A value of it in its unit: a share in percent. Levels and the tests of grades compare such values.
    pub fn in_units(&self, value: Fraction) -> Result<Fraction, OutOfRange> {
        if self.unit == Unit::Percent { value.in_percent() } else { Ok(value) }
    }

    /// Whether its values of months add up to those of longer periods.
    pub const fn nature(&self) -> Nature {
        match self.formula {
            Formula::Count(_)
            | Formula::Sum(_)
            | Formula::Work(Work::TasksDue)
            | Formula::OfContract(ContractValues { take: TakeOfContract::Sum, .. }) => Nature::Flow,
            Formula::Workforce(of) if of.adds_up() => Nature::Flow,
            Formula::OfContract(_)
            | Formula::OfCases(_)
            | Formula::Share(_)
            | Formula::Caseload
            | Formula::CaseloadThroughout
            | Formula::Work(_)
            | Formula::Wte
            | Formula::Workforce(_)
            | Formula::Supervision(_)
            | Formula::Ratio { .. } => Nature::Level,
        }
    }
}
