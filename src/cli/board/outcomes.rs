//! Outcomes and prices on the terminal.
//!
//! Nothing is computed here: the numbers are those of [`crate::queries::claims_by_outcome`] and
//! [`crate::queries::prices`].

use anyhow::Result;
use rust_decimal::Decimal;

use super::super::table::{Table, columns};
use super::Reading;
use super::question::{OutcomesBy, refused};
use crate::queries::board::Group;
use crate::queries::claims::{CapOf, Claims};
use crate::queries::claims_by_outcome::{self, By, OutcomeRow, OutcomeRows, OutcomeTable};
use crate::queries::prices;
use throughline_domain::contract::rulebook::Cap;
use throughline_domain::fact::money::Money;
use throughline_domain::performance::comparison::Comparison;
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::period::Period;

/// The numbers of each outcome, its value, what it is compared with, and all amounts beside the caps.
pub(super) async fn tables(
    of: Reading<'_>,
    claims: &Claims,
    (by, period): (OutcomesBy, &Period),
) -> Result<Vec<Table>> {
    let by = match by {
        OutcomesBy::Cohort => By::Cohort,
        OutcomesBy::Area => By::Area,
        OutcomesBy::Month => By::Month,
        OutcomesBy::Whole => By::Whole,
    };
    let record = of.contract_record();
    let contract = of.of_contract(&record);
    let found = claims_by_outcome::table(of.view, of.scope, contract, claims, (by, *period)).await.map_err(refused)?;
    let provisional = if period.is_provisional(of.as_of) { ", provisional" } else { "" };
    let period = format!("{}{provisional}", period.in_words());
    let mut tables = vec![numbers(of, &found, &period)?, values(of, &found, &period)];
    tables.extend(against_targets(of, &found, &period)?);
    tables.push(amounts(of, &found, claims, &period));
    Ok(tables)
}

/// Each row of each outcome, with its first two cells.
fn rows<'t>(of: Reading<'t>, found: &'t OutcomeTable) -> impl Iterator<Item = (Vec<String>, &'t OutcomeRow)> {
    let head = move |outcome: &OutcomeRows, row: &OutcomeRow| {
        vec![outcome.title.clone(), row.group.label(&of.rulebook.labels)]
    };
    found.outcomes.iter().flat_map(move |outcome| outcome.rows.iter().map(move |row| (head(outcome, row), row)))
}

fn numbers(of: Reading<'_>, found: &OutcomeTable, period: &str) -> Result<Table> {
    let mut lines = Vec::new();
    for (mut line, row) in rows(of, found) {
        let counts = row.counts;
        let numbers =
            [counts.achieved, counts.submitted, counts.rejected, counts.accepted, counts.paid, counts.reversed];
        line.extend(numbers.map(|number| number.to_string()));
        line.push(base(row.base)?);
        line.extend([percent(row.rate)?, percent(row.rate_without_rejected)?]);
        lines.push(line);
    }
    let heads = [
        "Outcome",
        "Group",
        "Achieved",
        "Submitted",
        "Rejected",
        "Accepted",
        "Paid",
        "Taken back",
        "Of",
        "Rate",
        "Rate without rejected",
    ];
    Ok(Table { title: format!("Outcomes, {period}"), columns: columns(&heads), rows: lines })
}

fn base(figure: Option<Figure>) -> Result<String, OutOfRange> {
    let number = figure.map(|figure| figure.rounded(0)).transpose()?.flatten();
    Ok(number.map(|number| number.to_string()).unwrap_or_default())
}

fn percent(figure: Option<Figure>) -> Result<String, OutOfRange> {
    let number = figure.map(|figure| figure.percent(0)).transpose()?.flatten();
    Ok(number.map(|number| format!("{number} %")).unwrap_or_default())
}

fn values(of: Reading<'_>, found: &OutcomeTable, period: &str) -> Table {
    let lines = rows(of, found).map(|(mut line, row)| {
        let amounts = row.amounts;
        let shown = [amounts.achieved, amounts.evidenced, amounts.entitled, amounts.received];
        line.extend(shown.map(|amount| money(of, amount)));
        line
    });
    let heads = ["Outcome", "Group", "Achieved", "Evidenced", "Entitled", "Received"];
    let title = format!("Value of outcomes in {}, {period}", of.rulebook.currency);
    Table { title, columns: columns(&heads), rows: lines.collect() }
}

/// An amount with all digits of the currency.
fn money(of: Reading<'_>, amount: Money) -> String {
    Money::of(amount.amount(), &of.rulebook.currency).to_string()
}

/// The outcomes evidenced, and their value, against the targets of each profile. None without targets.
fn against_targets(of: Reading<'_>, found: &OutcomeTable, period: &str) -> Result<Option<Table>> {
    let mut lines = Vec::new();
    for (head, row) in rows(of, found) {
        let (numbers, values) = (&row.targets, &row.target_values);
        for (at, number) in numbers.targets.iter().enumerate() {
            let mut line = head.clone();
            line.push(number.profile.clone());
            line.push(row.counts.evidenced().to_string());
            line.extend(target(numbers, at, 0)?);
            line.push(money(of, row.amounts.evidenced));
            line.extend(target(values, at, 2)?);
            lines.push(line);
        }
    }
    let heads = ["Outcome", "Group", "Profile", "Evidenced", "Target", "%", "Value", "Target value", "% of value"];
    let title = format!("Outcomes against targets, {period}");
    Ok((!lines.is_empty()).then(|| Table { title, columns: columns(&heads), rows: lines }))
}

/// The target of a profile, and the percentage of it.
fn target(comparison: &Comparison, at: usize, places: u32) -> Result<[String; 2], OutOfRange> {
    let Some(against) = comparison.targets.get(at) else { return Ok([String::new(), String::new()]) };
    let number = against.beside.base.rounded(places)?;
    Ok([number.map(|number| number.to_string()).unwrap_or_default(), percent(Some(against.beside.ratio))?])
}

/// All amounts, what was received in excess, and the caps of the contract.
fn amounts(of: Reading<'_>, found: &OutcomeTable, claims: &Claims, period: &str) -> Table {
    let mut lines = vec![
        ("Achieved".to_owned(), found.amounts.achieved),
        ("Evidenced".to_owned(), found.amounts.evidenced),
        ("Entitled".to_owned(), found.amounts.entitled),
        ("Received".to_owned(), found.amounts.received),
        ("Received in excess, to date".to_owned(), found.overpaid),
    ];
    for used in claims.caps.iter().filter(|used| !matches!(used.of, CapOf::Person(_))) {
        let name = match &used.of {
            CapOf::Outcome(code) => format!("Cap of {code}"),
            CapOf::Year(first) => format!("Cap of the year from {first}{}", for_outcomes(&used.cap)),
            CapOf::Contract | CapOf::Person(_) => format!("Cap of the contract{}", for_outcomes(&used.cap)),
        };
        lines.push((name.clone(), used.limit));
        lines.push((format!("{name}, used to date"), used.used));
        lines.push((format!("{name}, beyond it"), used.capped));
    }
    let rows = lines.into_iter().map(|(name, amount)| vec![name, money(of, amount)]);
    let title = format!("All outcomes in {}, {period}", of.rulebook.currency);
    Table { title, columns: columns(&["Amount", "Value"]), rows: rows.collect() }
}

/// Which outcomes a cap is for, after its name. Nothing for a cap of all outcomes.
fn for_outcomes(cap: &Cap) -> String {
    if cap.outcomes.is_empty() { String::new() } else { format!(" for {}", cap.outcomes.join(", ")) }
}

/// A price with all its decimal places, and at least two.
fn in_full(price: Decimal) -> String {
    let price = price.normalize();
    if price.scale() < 2 { format!("{price:.2}") } else { price.to_string() }
}

/// The prices in force, with the units and amounts of a period.
pub(super) fn prices(of: Reading<'_>, claims: &Claims, period: &Period) -> Table {
    let rows = prices::in_force(of.rulebook, of.as_of).into_iter().map(|row| {
        let at_price = row.achieved(claims, period);
        let area = row.tariff.area.clone().map_or_else(String::new, |code| Group::Area(code).label());
        let cohort = row.tariff.cohort.as_deref().map(|code| of.rulebook.labels.of(code)).unwrap_or_default();
        vec![
            row.title.to_owned(),
            area,
            cohort,
            row.tariff.amount.to_string(),
            row.tariff.multiplier.to_string(),
            row.unit_price.map(in_full).unwrap_or_default(),
            row.tariff.up_to.map(|up_to| up_to.to_string()).unwrap_or_default(),
            at_price.map(|at_price| at_price.units.normalize().to_string()).unwrap_or_default(),
            at_price.map(|at_price| money(of, at_price.amount)).unwrap_or_default(),
        ]
    });
    let heads = ["Outcome", "Area", "Cohort", "Tariff", "Multiplier", "Unit price", "Up to", "Units", "Amount"];
    let provisional = if period.is_provisional(of.as_of) { ", provisional" } else { "" };
    Table {
        title: format!(
            "Prices in {} on {}, units of {}{provisional}",
            of.rulebook.currency,
            of.as_of,
            period.in_words()
        ),
        columns: columns(&heads),
        rows: rows.collect(),
    }
}
