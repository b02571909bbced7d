//! The indicators and the grade of a period.

use super::super::{Cell, Missing, Table};
use super::{Draft, cells};
use crate::queries::indicators::{self, GradeOfPeriod};
use crate::queries::measures::FiguresError;
use throughline_domain::performance::grade::FailedTest;
use throughline_domain::performance::period::Month;

impl Draft<'_> {
    /// The service standards with levels, month by month.
    pub(super) async fn indicators(&mut self) -> Result<Table, FiguresError> {
        let view = (self.source.view, self.source.scope);
        let found = indicators::indicators(view, self.of_contract(), (self.period, self.source.as_of)).await?;
        let mut rows = Vec::new();
        for indicator in &found {
            self.define(&indicator.measure);
            for month in &indicator.months {
                let level =
                    month.level.map_or(Cell::Missing(Missing::NotApplicable), |level| cells::words(level.as_str()));
                rows.push(vec![
                    cells::words(&indicator.measure.title),
                    cells::words(&Month::of(month.period.first()).to_string()),
                    cells::level(indicator.standard.minimum_level),
                    cells::level(indicator.standard.lower_level),
                    cells::figure(&month.figure, &indicator.measure)?,
                    level,
                ]);
            }
        }
        let columns = ["Indicator", "Month", "Minimum level", "Lower level", "Met in time", "Level"];
        Ok(Table {
            title: format!("Indicators, {}", self.period_in_words(&self.period)),
            columns: columns.map(str::to_owned).into(),
            rows,
        })
    }

    /// The grade, and the tests that failed. None if the rulebook has no grades, and for a part of the contract.
    pub(super) async fn grade(&mut self) -> Result<Vec<Table>, FiguresError> {
        let view = (self.source.view, self.source.scope);
        let found = indicators::grade(view, self.of_contract(), (self.period, self.source.as_of)).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        for tested in &found.tested {
            self.define(&tested.measure);
        }
        if !found.missing.is_empty() {
            self.note(format!("No grade: there is no value of {}.", found.missing.join(", ")));
        }
        let labels = &self.source.rulebook.labels;
        let period = self.period_in_words(&self.period);
        let grade = found.grade().map_or(Cell::Missing(Missing::NoData), |grade| Cell::Words(labels.of(&grade.code)));
        let mut tables = vec![Table {
            title: format!("Grade, {period}"),
            columns: vec!["Grade".to_owned()],
            rows: vec![vec![grade]],
        }];
        if !found.given.failed.is_empty() {
            let failed = found.given.failed.iter().map(|failed| {
                Ok(vec![
                    Cell::Words(labels.of(&failed.grade.code)),
                    cells::words(&title(&found, failed)),
                    Cell::Words(failed.test.passes.in_words()),
                    value(&found, failed)?,
                ])
            });
            tables.push(Table {
                title: format!("Tests that failed, {period}"),
                columns: ["Grade not given", "Measure", "Test", "Value"].map(str::to_owned).into(),
                rows: failed.collect::<Result<_, FiguresError>>()?,
            });
        }
        Ok(tables)
    }
}

/// The title of a tested measure. One that the contract does not have is named by its code.
fn title(found: &GradeOfPeriod<'_>, failed: &FailedTest<'_>) -> String {
    let tested = found.tested.iter().find(|tested| tested.measure.code == failed.test.measure);
    tested.map_or_else(|| failed.test.measure.clone(), |tested| tested.measure.title.clone())
}

fn value(found: &GradeOfPeriod<'_>, failed: &FailedTest<'_>) -> Result<Cell, FiguresError> {
    let tested = found.tested.iter().find(|tested| tested.measure.code == failed.test.measure);
    let row = tested.and_then(|tested| Some((tested.rows.first()?, &tested.measure)));
    let cell = row.map(|(row, measure)| cells::figure(&row.figure, measure)).transpose()?;
    Ok(cell.unwrap_or(Cell::Missing(Missing::NoData)))
}
