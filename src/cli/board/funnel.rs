//! The funnel of a contract by area: its stages in a month, to date and month by month, beside targets and the mean of
//! the three months before.
//!
//! Nothing is counted or compared here: every number is a figure of [`crate::queries::measures`].

use anyhow::Result;

use super::super::table::{Table, columns};
use super::{Reading, cells};
use crate::queries::measures::{CompareWith, Dimension, FigureRow, FiguresError, FiguresQuery, MeasureFigures, Member};
use throughline_domain::contract::rulebook::Labels;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::measure::{FactKind, Facts, Formula, Measure, measures};
use throughline_domain::performance::period::{Month, Months, Period};

/// The most months that a month-by-month table shows.
const MONTHS_SHOWN: usize = 12;

/// The figures of one period, with the words for it.
struct Counted<'c> {
    /// The stages in the order of the rulebook, then declined referrals.
    figures: Vec<MeasureFigures>,
    /// The number of stages.
    stages: usize,
    labels: &'c Labels,
    /// The period, such as `February 2018`.
    period: String,
    /// What a title says of a month that is not over.
    provisional: &'static str,
}

/// The tables of the funnel.
pub(super) async fn tables(of: Reading<'_>) -> Result<Vec<Table>> {
    let (month, measures) = (Month::of(of.as_of), stages_and_declined(of.rulebook));
    let name = month.first().format("%B %Y").to_string();
    let counted = |figures: Vec<MeasureFigures>, period: String| Counted {
        figures,
        stages: of.rulebook.stages.len(),
        labels: &of.rulebook.labels,
        period,
        provisional: if month.is_provisional(of.as_of) { ", provisional" } else { "" },
    };
    let in_month = counted(by_area(of, &measures, Period::month(month)).await?, name.clone());
    let mut tables = vec![in_month.counts(&format!("In {name}"))?];
    let mut compared = in_month.against_targets()?;
    // A contract that starts later has nothing to date.
    if let Some(period) = of.to_date() {
        let to_date = format!("From the start of the contract to {name}");
        let to_date = counted(by_area(of, &measures, period).await?, to_date);
        tables.push(to_date.counts(&to_date.period)?);
        compared.extend(to_date.against_targets()?);
    }
    tables.extend(compared);
    tables.push(in_month.against_three_months()?);
    tables.extend(by_month(of, &measures[..measures.len().min(in_month.stages)]).await?);
    Ok(tables)
}

/// The stages of a rulebook, then declined referrals.
fn stages_and_declined(rulebook: &Rulebook) -> Vec<Measure> {
    let all = measures(rulebook);
    let declined = Formula::Count(Facts::all(FactKind::Declined));
    let stages = rulebook.stages.iter().filter_map(|stage| all.iter().find(|measure| measure.code == stage.code));
    stages.chain(all.iter().find(|measure| measure.formula == declined)).cloned().collect()
}

async fn by_area(of: Reading<'_>, measures: &[Measure], period: Period) -> Result<Vec<MeasureFigures>, FiguresError> {
    let compare = CompareWith { targets: true, three_months: true, ..CompareWith::default() };
    of.figures(&FiguresQuery { measures, by: &[Dimension::Area], period, compare, as_of: of.as_of }).await
}

impl Counted<'_> {
    /// The counts of all stages and of declined referrals.
    fn counts(&self, title: &str) -> Result<Table> {
        let mut columns = columns(&["Area"]);
        columns.extend(self.figures.iter().map(|of| of.measure.title.clone()));
        let mut rows = Vec::new();
        for area in areas(&self.figures) {
            let mut cells = vec![label(area, self.labels)];
            for of in &self.figures {
                // An area that is not in the rulebook has rows only of the measures that count something there.
                let cell = row_of(of, area).map(|row| cells::figure(&row.figure, &of.measure)).transpose()?;
                cells.push(cell.unwrap_or_else(|| "0".to_owned()));
            }
            rows.push(cells);
        }
        Ok(Table { title: format!("{title}{}", self.provisional), columns, rows })
    }

    /// The stages against the targets of each profile that has one for them.
    fn against_targets(&self) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for (at, profile) in self.profiles().into_iter().enumerate() {
            let (mut rows, mut has_target) = (Vec::new(), false);
            for (measure, row) in self.rows_of_stages() {
                let Some(against) = row.comparison.targets.get(at) else { continue };
                has_target |= against.beside.base.value().is_some();
                let mut cells = self.actual(measure, row)?;
                cells.extend(cells::beside(&against.beside, measure)?);
                cells.push(cells::trend(against.arrow));
                rows.push(cells);
            }
            if has_target {
                tables.push(Table {
                    title: format!("{} against the target ({profile}){}", self.period, self.provisional),
                    columns: columns(&["Area", "Measure", "Actual", "Target", "%", "Trend"]),
                    rows,
                });
            }
        }
        Ok(tables)
    }

    /// The stages beside the mean of the three months before.
    fn against_three_months(&self) -> Result<Table> {
        let mut rows = Vec::new();
        for (measure, row) in self.rows_of_stages() {
            let mut cells = self.actual(measure, row)?;
            match &row.comparison.three_months {
                Some(mean) => cells.extend(cells::beside(mean, measure)?),
                None => cells.extend([String::new(), String::new()]),
            }
            rows.push(cells);
        }
        Ok(Table {
            title: format!("{} against the mean of the three months before{}", self.period, self.provisional),
            columns: columns(&["Area", "Measure", "Actual", "Mean", "%"]),
            rows,
        })
    }

    /// The first cells of a row: the area, the measure and its figure.
    fn actual(&self, measure: &Measure, row: &FigureRow) -> Result<Vec<String>, OutOfRange> {
        let area = label(&row.members, self.labels);
        Ok(vec![area, measure.title.clone(), cells::figure(&row.figure, measure)?])
    }

    /// The profiles that each row is compared with, in order.
    fn profiles(&self) -> Vec<&str> {
        let first = self.figures.iter().flat_map(|of| &of.rows).next();
        let targets = first.into_iter().flat_map(|row| &row.comparison.targets);
        targets.map(|against| against.profile.as_str()).collect()
    }

    /// The rows of the stages, area by area, each with its measure.
    fn rows_of_stages(&self) -> Vec<(&Measure, &FigureRow)> {
        let stages = &self.figures[..self.figures.len().min(self.stages)];
        let rows = areas(stages)
            .into_iter()
            .flat_map(|area| stages.iter().filter_map(move |of| Some((&of.measure, row_of(of, area)?))));
        rows.collect()
    }
}

/// The areas of some figures, in the order of their rows.
fn areas(figures: &[MeasureFigures]) -> Vec<&[Member]> {
    let mut areas: Vec<&[Member]> = Vec::new();
    for row in figures.iter().flat_map(|of| &of.rows) {
        let area = row.members.as_slice();
        if !areas.contains(&area) {
            areas.push(area);
        }
    }
    areas
}

/// The row of an area.
fn row_of<'f>(of: &'f MeasureFigures, area: &[Member]) -> Option<&'f FigureRow> {
    of.rows.iter().find(|row| row.members.as_slice() == area)
}

fn label(area: &[Member], labels: &Labels) -> String {
    area.first().map(|area| area.label(labels)).unwrap_or_default()
}

/// Each stage month by month.
async fn by_month(of: Reading<'_>, stages: &[Measure]) -> Result<Vec<Table>> {
    let months = last_months(of.contract, Month::of(of.as_of));
    let Some(period) = Period::days(months.first().first(), months.last().last()) else { return Ok(Vec::new()) };
    let (by, compare) = (&[Dimension::Area, Dimension::Month], CompareWith::default());
    let found = of.figures(&FiguresQuery { measures: stages, by, period, compare, as_of: of.as_of }).await?;
    found.iter().map(|stage| month_by_month(stage, months, &of.rulebook.labels)).collect()
}

/// One stage month by month. Its rows are in the order of areas, then months.
fn month_by_month(stage: &MeasureFigures, months: Months, labels: &Labels) -> Result<Table> {
    let mut columns = columns(&["Area"]);
    columns.extend(months.iter().map(|month| month.to_string()));
    let mut rows = Vec::new();
    for of_area in stage.rows.chunk_by(|one, next| one.members == next.members) {
        let mut cells = vec![label(&of_area[0].members, labels)];
        for row in of_area {
            cells.push(cells::figure(&row.figure, &stage.measure)?);
        }
        rows.push(cells);
    }
    Ok(Table { title: format!("{} by month", stage.measure.title), columns, rows })
}

/// The last months of the contract, at most 12.
fn last_months(contract: &Contract, last: Month) -> Months {
    let from_start = contract.starts_on().and_then(|starts_on| Months::from_to(Month::of(starts_on), last));
    let months: Vec<Month> = from_start.unwrap_or(Months::one(last)).iter().collect();
    let first = months[months.len().saturating_sub(MONTHS_SHOWN)];
    Months::from_to(first, last).unwrap_or(Months::one(last))
}
