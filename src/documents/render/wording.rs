//! The words that all formats share: dates, numbers, marks for missing numbers, and the point of view.
//!
//! A number is written with exactly the decimal places that it has.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::documents::{Definition, Document, Missing, Number, NumberUnit};

/// The reasons why a cell has no number, in the order in which they are explained.
pub(super) const REASONS: [Missing; 3] = [Missing::NoData, Missing::NotApplicable, Missing::Suppressed];

/// The mark of a cell without a number, as government statistics write it.
pub(super) const fn mark(reason: Missing) -> &'static str {
    match reason {
        Missing::NoData => "[x]",
        Missing::NotApplicable => "[z]",
        Missing::Suppressed => "[c]",
    }
}

/// What the mark of a cell without a number means.
pub(super) const fn meaning(reason: Missing) -> &'static str {
    match reason {
        Missing::NoData => "Not available: the facts are not supplied. This is not 0.",
        Missing::NotApplicable => "Not applicable: there is no target, or it is a share of nothing.",
        Missing::Suppressed => "Confidential: the number is hidden because it counts fewer than five people.",
    }
}

/// A cell without a number, where words are read.
pub(super) const fn in_words(reason: Missing) -> &'static str {
    match reason {
        Missing::NoData => "no data",
        Missing::NotApplicable => "",
        Missing::Suppressed => "[c]",
    }
}

/// A day, such as `5 March 2018`.
pub(super) fn day(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

/// The title of a document with its period, such as `Board report: February 2018`.
pub(super) fn title(document: &Document) -> String {
    format!("{}: {}", document.title, document.period)
}

/// The contract of a document.
pub(super) fn contract(document: &Document) -> String {
    format!("Contract: {} ({}).", document.contract_title, document.contract)
}

/// The period of a document, and whether its figures may still change.
pub(super) fn period(document: &Document) -> String {
    let period = format!("Period: {} ({} to {}).", document.period, day(document.first_day), day(document.last_day));
    if document.is_provisional {
        format!("{period} Provisional: the period was not over on the as-of date, so figures may still change.")
    } else {
        period
    }
}

/// The point in time that a document shows.
pub(super) fn point_of_view(document: &Document) -> String {
    let known = match document.recorded_through {
        Some(at) => format!("with everything recorded by {}", at.format("%-d %B %Y, %H:%M:%S UTC")),
        None => "with nothing recorded yet".to_owned(),
    };
    let position = in_thousands(&document.position.to_string());
    format!(
        "As of {}, {known} (position {position}). Rulebook version {}.",
        day(document.as_of),
        document.rulebook_version
    )
}

/// A number as people read it, such as `1,234.50`, `63 %` or `£1,234.50`.
pub(super) fn number(number: &Number) -> String {
    let digits = in_thousands(&number.value.to_string());
    match number.unit {
        NumberUnit::Percent => format!("{digits} %"),
        NumberUnit::Plain | NumberUnit::Days => digits,
        NumberUnit::Money(currency) => currency.written(&digits),
    }
}

/// A definition, without the title: `Referrals accepted. Formula: count of …. Rulebook version 3.`
pub(super) fn definition(definition: &Definition) -> String {
    let Definition { prose, formula, .. } = definition;
    format!("{prose} Formula: {formula}. {}", defined_in(definition))
}

/// Where a measure is defined.
pub(super) fn defined_in(definition: &Definition) -> String {
    match &definition.version {
        Some(version) => format!("Defined in rulebook version {version}."),
        None => "Defined for every contract.".to_owned(),
    }
}

/// The digits of a number with a comma between thousands.
pub(super) fn in_thousands(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, decimals) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + decimals
}

/// A number as spreadsheets and charts hold it. None if it has more digits than they keep.
pub(super) fn float(value: Decimal) -> Option<f64> {
    const KEPT: u128 = 1_000_000_000_000_000;
    if value.mantissa().unsigned_abs() >= KEPT {
        return None;
    }
    value.to_string().parse().ok()
}
