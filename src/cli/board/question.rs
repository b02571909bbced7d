//! The figures of any measures of a contract: by any dimensions, for any period, beside what they are compared with.
//!
//! The same question as that for the figures of the API, with the same answer.

use anyhow::Result;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::super::table::{Table, columns};
use super::super::{Misuse, day};
use super::{Reading, cells, league, outcomes};
use crate::queries::claims::Claims;
use crate::queries::measures::{self, Dimension, FigureRow, FiguresError, FiguresQuery, MeasureFigures};
use throughline_domain::performance::asked::{self, PeriodAsked, PeriodFault, to_date};
use throughline_domain::performance::measure;
use throughline_domain::performance::period::{MONTHS_MAX, Month, Period};
use throughline_domain::performance::report::ContractCalendar;

/// The figures to print instead of the performance tables.
#[derive(Debug, Args)]
pub(super) struct QuestionArguments {
    /// Print the figures of these measures instead, by code, separated by commas.
    #[arg(long, value_name = "CODES", value_delimiter = ',', group = "asked")]
    measures: Vec<String>,
    /// Print this league of the rulebook instead, by code.
    #[arg(long, value_name = "CODE", group = "asked")]
    league: Option<String>,
    /// Print the prices in force instead, with the units and amounts of the period.
    #[arg(long, group = "asked")]
    prices: bool,
    /// Print the outcomes instead, broken down by this: claims achieved, submitted, rejected and paid, their rates and
    /// their value.
    #[arg(long, value_name = "BY", value_enum, group = "asked")]
    outcomes: Option<OutcomesBy>,
    /// Print the list of the contract's measures instead: code, title, unit and formula.
    #[arg(long, conflicts_with = "asked")]
    list_measures: bool,
    /// What the figures are broken down by, separated by commas: area, cohort, referrer, keyworker, team, code, month, or
    /// attribute:CODE for an attribute of cases that the rulebook names. Default: one figure for the whole contract.
    #[arg(long, value_parser = dimension, value_delimiter = ',', requires = "measures")]
    by: Vec<Dimension>,
    /// The period: a month as YYYY-MM, or a day in it as YYYY-MM-DD. Default: from the start of the contract to the end
    /// of the month of the as-of date.
    #[arg(long, value_name = "DATE", value_parser = month_or_day, requires = "asked")]
    period: Option<MonthOrDay>,
    /// The kind of period. Default: the months from `--period` to `--to`.
    #[arg(long, value_enum, requires = "period")]
    period_kind: Option<PeriodKind>,
    /// The last month, or the last day of a period of days. Default: the month of `--period`.
    #[arg(long, value_name = "DATE", value_parser = month_or_day, requires = "period")]
    to: Option<MonthOrDay>,
    /// What the figures are compared with, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', requires = "measures")]
    compare: Vec<CompareWith>,
}

/// What outcomes are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutcomesBy {
    /// The cohort of the case.
    Cohort,
    /// The service area of the case.
    Area,
    /// The month of the achievement, or of the first submission.
    Month,
    /// The whole contract.
    Whole,
}

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PeriodKind {
    /// The ISO week that holds the day.
    Week,
    /// The calendar month.
    Month,
    /// The quarter of the rulebook's financial year.
    Quarter,
    /// The rulebook's financial year.
    FinancialYear,
    /// The year from January to December.
    CalendarYear,
    /// From the start of the financial year to the end of the month.
    YearToDate,
    /// From the start of the contract to the end of the month.
    ContractToDate,
    /// The days from `--period` to `--to`, both included.
    Days,
}

/// What figures are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CompareWith {
    /// The targets in force of every profile.
    Targets,
    /// The period before.
    Previous,
    /// The mean of the three months before. Only for a month.
    ThreeMonths,
    /// The same period a year before.
    YearBefore,
}

/// A month or a day, as its first and last day.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct MonthOrDay {
    pub(in super::super) first: NaiveDate,
    pub(in super::super) last: NaiveDate,
}

pub(in super::super) fn month_or_day(text: &str) -> Result<MonthOrDay, &'static str> {
    if let Ok(day) = day(text) {
        return Ok(MonthOrDay { first: day, last: day });
    }
    let first = day(&format!("{text}-01")).map_err(|_| "use a month as YYYY-MM, or a date as YYYY-MM-DD")?;
    Ok(MonthOrDay { first, last: Month::of(first).last() })
}

/// The figures that were asked for, a table for each measure, or the list of measures, a league, prices or outcomes.
pub(super) async fn tables(of: Reading<'_>, asked: &QuestionArguments, claims: Option<&Claims>) -> Result<Vec<Table>> {
    if asked.list_measures {
        return Ok(vec![list(of)]);
    }
    let period = asked.period(of)?;
    if let Some(code) = &asked.league {
        return league::tables(of, code, &period).await;
    }
    if let (Some(by), Some(claims)) = (asked.outcomes, claims) {
        return outcomes::tables(of, claims, (by, &period)).await;
    }
    if let (true, Some(claims)) = (asked.prices, claims) {
        return Ok(vec![outcomes::prices(of, claims, &period)]);
    }
    let measures = measures::named(of.rulebook, &asked.measures).map_err(refused)?;
    let by = asked.dimensions()?;
    let query = FiguresQuery { measures: &measures, by, period, compare: asked.compared(), as_of: of.as_of };
    let found = of.figures(&query).await.map_err(refused)?;
    found.iter().map(|found| table(of, &query, found)).collect()
}

/// Figures that cannot be computed because of the question, or a fault.
pub(super) fn refused(error: FiguresError) -> anyhow::Error {
    match error {
        FiguresError::Store(fault) => fault.into(),
        wrong => Misuse(wrong.to_string()).into(),
    }
}

impl QuestionArguments {
    /// Whether anything is asked for instead of the performance tables.
    pub(super) fn is_asked(&self) -> bool {
        let is_for_a_board = self.league.is_some() || self.needs_claims();
        self.list_measures || is_for_a_board || !self.measures.is_empty()
    }

    /// Whether claims are needed for the answer.
    pub(super) fn needs_claims(&self) -> bool {
        self.prices || self.outcomes.is_some()
    }

    fn dimensions(&self) -> Result<&[Dimension], Misuse> {
        if self.by.iter().enumerate().any(|(at, one)| self.by[..at].contains(one)) {
            return Err(Misuse("name each dimension once in --by".to_owned()));
        }
        Ok(&self.by)
    }

    fn period(&self, of: Reading<'_>) -> Result<Period, Misuse> {
        let Some(MonthOrDay { first: from, .. }) = self.period else { return Ok(to_date(of.starts_on(), of.as_of)) };
        let calendar =
            ContractCalendar { financial_year: of.rulebook.calendar.financial_year, starts_on: of.starts_on() };
        let kind = self.period_kind.map(PeriodKind::of_figures);
        PeriodAsked { kind, from, to: self.to.map(|to| to.last) }.period(calendar).map_err(out_of_place)
    }

    fn compared(&self) -> measures::CompareWith {
        let has = |with| self.compare.contains(&with);
        measures::CompareWith {
            targets: has(CompareWith::Targets),
            previous: has(CompareWith::Previous),
            three_months: has(CompareWith::ThreeMonths),
            year_before: has(CompareWith::YearBefore),
        }
    }
}

impl PeriodKind {
    const fn of_figures(self) -> asked::PeriodKind {
        match self {
            Self::Week => asked::PeriodKind::Week,
            Self::Month => asked::PeriodKind::Month,
            Self::Quarter => asked::PeriodKind::Quarter,
            Self::FinancialYear => asked::PeriodKind::FinancialYear,
            Self::CalendarYear => asked::PeriodKind::CalendarYear,
            Self::YearToDate => asked::PeriodKind::YearToDate,
            Self::ContractToDate => asked::PeriodKind::ContractToDate,
            Self::Days => asked::PeriodKind::Days,
        }
    }
}

/// Why a period is refused, in the words of the command line.
fn out_of_place(fault: PeriodFault) -> Misuse {
    Misuse(match fault {
        PeriodFault::EndsTwice => {
            "the kind of period says where it ends: leave out --to, or use --period-kind days".to_owned()
        }
        PeriodFault::NoMonths => format!(
            "the period runs backwards or is longer than {MONTHS_MAX} months: give a --to that is not before --period, \
             and a shorter period"
        ),
        PeriodFault::BeforeContract(starts_on) => {
            format!("the contract starts on {starts_on}, after the period: give a later --period")
        }
        PeriodFault::NoDays => "a period of days needs a --to that is not before --period: give both".to_owned(),
    })
}

/// The measures of a contract.
fn list(of: Reading<'_>) -> Table {
    let rows = measure::measures(of.rulebook).into_iter().map(|measure| {
        let formula = measure.formula.to_string();
        vec![measure.code, measure.title, measure.unit.as_str().to_owned(), formula]
    });
    Table {
        title: format!("Measures of {}", of.scope.contract()),
        columns: columns(&["Code", "Title", "Unit", "Formula"]),
        rows: rows.collect(),
    }
}

/// The figures of one measure.
fn table(of: Reading<'_>, query: &FiguresQuery<'_>, found: &MeasureFigures) -> Result<Table> {
    let provisional = if query.period.is_provisional(of.as_of) { ", provisional" } else { "" };
    let rows = found.rows.iter().map(|row| row_of(of, query, found, row));
    Ok(Table {
        title: format!("{}, {}{provisional}", found.measure.title, query.period.in_words()),
        columns: heads(of, query, found),
        rows: rows.collect::<Result<_>>()?,
    })
}

/// The heads of the columns: the dimensions, the figure, and what it is compared with.
fn heads(of: Reading<'_>, query: &FiguresQuery<'_>, found: &MeasureFigures) -> Vec<String> {
    let dimensions = query.by.iter().filter(|by| **by != Dimension::Month);
    let mut heads: Vec<String> = dimensions.map(|by| by.head(of.rulebook)).collect();
    if query.by.contains(&Dimension::Month) {
        heads.push(Dimension::Month.head(of.rulebook));
    }
    if heads.is_empty() {
        heads.push("Contract".to_owned());
    }
    heads.push("Figure".to_owned());
    let targets = found.rows.first().into_iter().flat_map(|row| &row.comparison.targets);
    for profile in targets.map(|against| &against.profile) {
        heads.extend([profile.clone(), format!("% of {profile}"), format!("{profile} met")]);
    }
    for (is_asked, names) in [
        (query.compare.previous, ["Previous", "% of previous"]),
        (query.compare.three_months, ["Mean of 3 months", "% of mean"]),
        (query.compare.year_before, ["Year before", "% of year before"]),
    ] {
        if is_asked {
            heads.extend(columns(&names));
        }
    }
    if lacks_supply(found) {
        heads.push("Not all supplied by".to_owned());
    }
    heads
}

/// Whether a figure has a value although an area did not supply all of its facts.
fn lacks_supply(found: &MeasureFigures) -> bool {
    found.rows.iter().any(|row| row.figure.value().is_some() && !row.without_supply.is_empty())
}

/// A word that figures are broken down by.
fn dimension(word: &str) -> Result<Dimension, String> {
    Dimension::named(word).ok_or_else(|| format!("use one of {}", Dimension::words()))
}

/// The cells of a row, in the order of the heads.
fn row_of(of: Reading<'_>, query: &FiguresQuery<'_>, found: &MeasureFigures, row: &FigureRow) -> Result<Vec<String>> {
    let measure = &found.measure;
    let mut cells: Vec<String> = row.members.iter().map(|member| member.label(&of.rulebook.labels)).collect();
    if query.by.contains(&Dimension::Month) {
        cells.push(Month::of(row.period.first()).to_string());
    }
    if cells.is_empty() {
        cells.push(of.scope.contract().to_owned());
    }
    cells.push(cells::figure(&row.figure, measure)?);
    let compared = &row.comparison;
    for against in &compared.targets {
        cells.extend(cells::beside(&against.beside, measure)?);
        cells.push(cells::met(against.met));
    }
    for other in [compared.previous, compared.three_months, compared.year_before].iter().flatten() {
        cells.extend(cells::beside(other, measure)?);
    }
    if lacks_supply(found) {
        cells.push(row.without_supply.join(", "));
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::world::day as on;

    #[test]
    fn a_month_is_its_first_and_last_day() {
        let ends = |text: &str| month_or_day(text).map(|given| (given.first, given.last));
        assert_eq!(ends("2018-02"), Ok((on("2018-02-01"), on("2018-02-28"))));
        assert_eq!(ends("2018-02-05"), Ok((on("2018-02-05"), on("2018-02-05"))));
        for text in ["2018", "2018-13", "2018-2", "February", ""] {
            assert!(ends(text).is_err(), "{text}");
        }
    }
}
