//! Reads prices: `[[outcome.tariff]]`.
//!
//! It refuses two prices for the same case.

use super::super::grammar::outcome::UNIT_ROUNDINGS;
use super::super::reader::{Report, Section};
use super::{Tariff, UnitRounding};

pub(super) fn tariffs(outcome: &Section<'_>, report: &mut Report<'_>) -> Vec<Tariff> {
    let mut tariffs: Vec<Tariff> = Vec::new();
    for section in outcome.sections("tariff") {
        let mut wrong =
            |problem: &str, remedy: &str| report.add(section.at.clone(), Some(&section.path), problem, remedy);
        if let (Some(from), Some(to)) = (section.date("from"), section.date("to"))
            && to < from
        {
            wrong("it ends before it begins", "write to on or after from");
        }
        let Some(tariff) = tariff(&section) else { continue };
        let same = |earlier: &Tariff| {
            (&earlier.area, &earlier.cohort, earlier.from, earlier.up_to)
                == (&tariff.area, &tariff.cohort, tariff.from, tariff.up_to)
        };
        if tariffs.iter().any(same) {
            wrong(
                "a price for the same area, cohort, first day and volume is already defined above",
                "give it another area, cohort, from or up_to, or take one of the two out",
            );
        }
        tariffs.push(tariff);
    }
    tariffs
}

fn tariff(section: &Section<'_>) -> Option<Tariff> {
    Some(Tariff {
        amount: section.money("amount")?,
        from: section.date("from"),
        to: section.date("to"),
        area: section.text("area"),
        cohort: section.text("cohort"),
        multiplier: section.decimal("multiplier")?,
        up_to: section.whole("up_to"),
        round_unit_price: rounding(section)?,
        illustrative: section.flag("illustrative")?,
    })
}

/// True stands for the minor unit.
fn rounding(section: &Section<'_>) -> Option<UnitRounding> {
    let is_rounded = |is_rounded| if is_rounded { UnitRounding::MinorUnit } else { UnitRounding::Exact };
    let word = section.word("round_unit_price", &UNIT_ROUNDINGS);
    word.or_else(|| section.flag("round_unit_price").map(is_rounded))
}
