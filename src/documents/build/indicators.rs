//! The indicators and the grade of a period.

use super::super::{Cell, Missing, Table};
use super::{Draft, cells};
use crate::queries::grades::{self, GradeOfPeriod};
use crate::queries::kpis::{self, Figures, KpiMonths, KpiQuery};
use crate::queries::measures::FiguresError;
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::grade::FailedTest;
use throughline_domain::performance::period::Month;

impl Draft<'_> {
    /// The indicators, month by month.
    pub(super) async fn indicators(&mut self) -> Result<Table, FiguresError> {
        let (view, scope) = (self.source.view, self.source.scope);
        let asked = KpiQuery { period: self.period, figures: Figures::OfMonth, as_of: self.source.as_of };
        let found = kpis::levels(view, scope, self.of_contract(), asked).await?;
        let mut rows = Vec::new();
        for KpiMonths { kpi, measure, parts, months } in &found {
            self.define(measure, parts.as_ref());
            for month in months {
                let level =
                    month.level.map_or(Cell::Missing(Missing::NotApplicable), |level| cells::words(level.as_str()));
                let deciding = month.figures.iter().find(|one| one.over == kpi.period);
                let figure = deciding.map_or(Figure::not_applicable(), |one| one.figure);
                rows.push(vec![
                    cells::words(&kpi.title),
                    cells::words(&Month::of(month.period.first()).to_string()),
                    cells::level(kpi.minimum_level),
                    cells::level(kpi.lower_level),
                    cells::figure(&figure, measure)?,
                    level,
                ]);
            }
        }
        let columns = ["Indicator", "Month", "Minimum level", "Lower level", "Value", "Level"];
        Ok(Table {
            title: format!("Indicators, {}", self.period_in_words(&self.period)),
            columns: columns.map(str::to_owned).into(),
            rows,
        })
    }

    /// The grade, and the tests that failed. None if the rulebook has no grades, and for a part of the contract.
    pub(super) async fn grade(&mut self) -> Result<Vec<Table>, FiguresError> {
        let view = (self.source.view, self.source.scope);
        let found = grades::grade(view, self.of_contract(), (self.period, self.source.as_of)).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        for tested in &found.tested {
            self.define(&tested.measure, tested.parts.as_ref());
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
                    value(&found, failed)?,
                    Cell::Words(failed.test.passes.in_words()),
                ])
            });
            // The value comes before the test, so that what hides the value hides the test too.
            tables.push(Table {
                title: format!("Tests that failed, {period}"),
                columns: ["Grade not given", "Measure", "Value", "Test"].map(str::to_owned).into(),
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
