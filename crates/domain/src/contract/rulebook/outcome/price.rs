//! The grammar of prices: `[[outcome.tariff]]`.
//!
//! It never accepts two prices for the same case, nor a price without an amount.

use rust_decimal::Decimal;

use super::super::reader::{Report, Section};
use super::super::{CodeList, Codes};
use super::Tariff;
use super::trigger::code;

pub(super) fn tariffs(outcome: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Vec<Tariff> {
    let mut tariffs: Vec<Tariff> = Vec::new();
    for section in outcome.sections("tariff", report) {
        let Some(tariff) = tariff(&section, codes, report) else { continue };
        let same = |earlier: &Tariff| {
            (&earlier.area, &earlier.cohort, earlier.from, earlier.up_to)
                == (&tariff.area, &tariff.cohort, tariff.from, tariff.up_to)
        };
        if tariffs.iter().any(same) {
            report.add(
                section.at.clone(),
                Some(&section.path),
                "a price for the same area, cohort, first day and volume stands above already",
                "give it another area, cohort, from or up_to, or take one of the two out",
            );
        }
        tariffs.push(tariff);
    }
    tariffs
}

fn tariff(section: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<Tariff> {
    section.only(
        &["amount", "from", "to", "area", "cohort", "multiplier", "up_to", "round_unit_price", "illustrative"],
        report,
    );
    let amount = section.required("amount", "\"1500.00\"", report).and_then(|item| item.money(report));
    let from = section.optional("from", "2022-04-01").and_then(|item| item.date(report));
    let to = section.optional("to", "2023-03-31").and_then(|item| item.date(report));
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        report.add(section.at.clone(), Some(&section.path), "it ends before it begins", "write to on or after from");
    }
    let mut named =
        |key, example, list| section.has(key).then(|| code(section, key, example, list, codes, report)).flatten();
    let area = named("area", "\"tower-hamlets\"", CodeList::Areas);
    let cohort = named("cohort", "\"a_cohort\"", CodeList::Cohorts);
    let multiplier =
        section.optional("multiplier", "1.25").map_or(Some(Decimal::ONE), |item| item.not_negative(report));
    let up_to = section.optional("up_to", "100").and_then(|item| item.positive(report));
    let mut flag = |key| section.optional(key, "true").and_then(|item| item.flag(report)).unwrap_or(false);
    let (round_unit_price, illustrative) = (flag("round_unit_price"), flag("illustrative"));
    let (amount, multiplier) = (amount?, multiplier?);
    Some(Tariff { amount, from, to, area, cohort, multiplier, up_to, round_unit_price, illustrative })
}
