//! Which measures are amounts of money: those of the codes that the rulebook lists as amounts in its currency.
//!
//! A sum, mean or last value of such amounts is money, and so is money for each of something else. A share of money is
//! none.

use super::case_value::{CaseValue, OfCases};
use super::{FactKind, Facts, Formula, Measure, Unit};
use crate::contract::rulebook::Rulebook;
use crate::fact::money::{Currency, minor_digits};

/// A measure as the rulebook shows it: in its currency, if its values are amounts of money. `find` finds the measures
/// that a ratio is made of.
pub(super) fn in_currency<'m>(
    rulebook: &Rulebook,
    measure: Measure,
    find: impl Fn(&str) -> Option<&'m Measure>,
) -> Measure {
    let is_money = match &measure.formula {
        Formula::Ratio { of, over, percent: false, .. } => {
            let [of, over] = [of, over].map(|code| find(code).is_some_and(|part| is_amount(rulebook, &part.formula)));
            of && !over
        }
        formula => is_amount(rulebook, formula),
    };
    let Some(currency) = Currency::named(&rulebook.currency).filter(|_| is_money) else { return measure };
    // The measures of a rulebook say themselves how many decimal places they show.
    let places = if measure.version.is_some() { measure.places } else { minor_digits(currency.as_str()) };
    Measure { unit: Unit::Money(currency), places, ..measure }
}

/// Whether the values of a formula that is no ratio are amounts of money.
fn is_amount(rulebook: &Rulebook, formula: &Formula) -> bool {
    match formula {
        Formula::OfContract(of) => rulebook.codes.is_money(&of.code),
        Formula::Sum(facts) | Formula::OfCases(OfCases { value: CaseValue::Recorded { facts, .. }, .. }) => {
            are_amounts(rulebook, facts)
        }
        _ => false,
    }
}

fn are_amounts(rulebook: &Rulebook, facts: &Facts) -> bool {
    let is_recorded = facts.kinds == [FactKind::Recorded] && !facts.codes.is_empty();
    is_recorded && facts.codes.iter().all(|code| rulebook.codes.is_money(code))
}
