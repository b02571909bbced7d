//! Reads the values of cases that a `[[measure]]` is made of.

use rust_decimal::Decimal;

use super::super::super::grammar::case_values::{EACH, TAKES};
use super::super::super::reader::{Report, Section};
use super::super::case_value::{Band, CaseValue, OfCases, Share, Take};
use super::Names;

/// One number of the values of cases.
pub(super) fn of_cases(names: &Names<'_>, section: &Section<'_>, report: &mut Report<'_>) -> Option<OfCases> {
    let value = value(names, section, report);
    let take = take(section, report);
    Some(OfCases { value: value?, take: take? })
}

/// The share of cases whose value is in a band.
pub(super) fn share(names: &Names<'_>, section: &Section<'_>, report: &mut Report<'_>) -> Option<Share> {
    let value = value(names, section, report);
    Some(Share { value: value?, band: band(section, report) })
}

fn value(names: &Names<'_>, section: &Section<'_>, report: &mut Report<'_>) -> Option<CaseValue> {
    if let Some(days) = section.section("days") {
        let [from, to] = ["from", "to"].map(|key| Some(names.facts(&days.section(key)?, report)));
        return Some(CaseValue::Days { from: from?, to: to? });
    }
    if let Some(values) = section.section("values") {
        let facts = names.facts(&values, report);
        return Some(CaseValue::Recorded { facts, each: values.word("each", &EACH)? });
    }
    let quotient = section.section("quotient")?;
    let [of, over] = ["of", "over"].map(|key| Some(names.facts(&quotient.section(key)?, report)));
    Some(CaseValue::Quotient { of: of?, over: over? })
}

/// How the values become one number. A percentile has its percent in a key of its own.
fn take(section: &Section<'_>, report: &mut Report<'_>) -> Option<Take> {
    let take = section.word("take", &TAKES)?;
    let percentile = section.item("percentile");
    let Some(item) = percentile else {
        if matches!(take, Take::Percentile(_)) {
            section.missing("percentile", report);
        }
        return Some(take);
    };
    if !matches!(take, Take::Percentile(_)) {
        let remedy = "leave percentile out, or write take = \"percentile\"";
        report.add(item.at.clone(), Some(&item.path), "no percentile is taken", remedy);
        return Some(take);
    }
    let percent = item.whole().ok()?;
    if percent > 100 {
        item.wrong(format!("{percent} is more than 100"), report);
    }
    Some(Take::Percentile(percent))
}

/// The limits. A lower limit above the upper one leaves no value between them.
fn band(section: &Section<'_>, report: &mut Report<'_>) -> Band {
    let limit = |key: &str| section.item(key).and_then(|item| item.decimal().ok());
    let band =
        Band { at_least: limit("at_least"), above: limit("above"), at_most: limit("at_most"), below: limit("below") };
    if is_empty(&band) {
        let remedy = "write a lower limit that is less than the upper one";
        report.add(section.at.clone(), Some(&section.path), "no value is in the band", remedy);
    }
    band
}

fn is_empty(band: &Band) -> bool {
    let beyond = |low: Option<Decimal>, high: Option<Decimal>| low.zip(high).is_some_and(|(low, high)| low > high);
    let reaches = |low: Option<Decimal>, high: Option<Decimal>| low.zip(high).is_some_and(|(low, high)| low >= high);
    beyond(band.at_least, band.at_most)
        || reaches(band.at_least, band.below)
        || reaches(band.above, band.at_most)
        || reaches(band.above, band.below)
}
