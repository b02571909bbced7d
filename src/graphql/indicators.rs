//! Indicators and grades in the API: how well the service standards were met in each month, and the grade of a period.
//!
//! The rulebook sets the levels and the tests. What the parties settled is in [`super::contract_record`].

use async_graphql::{Enum, Result, SimpleObject};
use chrono::NaiveDate;

use super::fault::fault;
use super::figures::{self, Figure, MeasureDefinition, Shown};
use super::performance::Asker;
use super::period::FigurePeriod;
use super::scalars::Decimal;
use crate::queries::indicators::{self, Indicator, IndicatorMonth};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::grade::FailedTest;
use throughline_domain::performance::kpi::Level;
use throughline_domain::performance::measure::Measure;
use throughline_domain::performance::period::Period;

/// How well an indicator was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Level")]
pub enum KpiLevel {
    /// The share is at the minimum level or above.
    Met,
    /// It is below the minimum level.
    Minor,
    /// It is below the lower level, or below the minimum level for the third month in a row or longer.
    Major,
}

/// A service standard with levels, month by month.
#[derive(SimpleObject)]
pub struct Kpi {
    /// The measure: the share of obligations met in time.
    measure: MeasureDefinition,
    /// The share in percent at which it is met.
    minimum_level: Option<Decimal>,
    /// The share in percent below which the failure is major.
    lower_level: Option<Decimal>,
    /// The months of the period, in order.
    months: Vec<KpiMonth>,
}

/// An indicator in one month.
#[derive(SimpleObject)]
pub struct KpiMonth {
    /// The month.
    period: FigurePeriod,
    /// The share met in time.
    figure: Figure,
    /// The level. Null for a month under way, and without a value: such a month breaks a run of failures.
    level: Option<KpiLevel>,
}

/// The grade of a period.
#[derive(SimpleObject)]
pub struct PerformanceGrade {
    /// The grade, by its code in the rulebook. Null if the rulebook has none for these values, or if a tested measure has
    /// no value: no data is not a bad grade.
    code: Option<String>,
    /// The tests of each better grade that failed, in order.
    failed: Vec<FailedGradeTest>,
    /// The tested measures without a value in the period, by code.
    missing: Vec<String>,
}

/// A test of a grade that failed.
#[derive(SimpleObject)]
pub struct FailedGradeTest {
    /// The grade that was therefore not given.
    grade: String,
    /// The code of the measure.
    measure: String,
    /// The test, such as `at least 80`.
    test: String,
    /// The value, to at most six decimal places. Null if there is none: that passes no test.
    value: Option<Decimal>,
}

/// The indicators of the rulebook over the months of a period.
pub(super) async fn kpis(asker: &Asker<'_>, period: Period) -> Result<Vec<Kpi>> {
    let as_of = asker.source.as_of;
    let record = asker.source.contract_state.contract_record(as_of);
    let found = indicators::indicators(asker.view(), asker.of_contract(&record), (period, as_of)).await;
    let found = found.map_err(|error| figures::refused(&error))?;
    let kpis = found.into_iter().map(|found| Kpi::of(found, as_of)).collect::<Result<_, _>>();
    kpis.map_err(|error: OutOfRange| fault(&error))
}

/// The grade of a period. None if the rulebook has no grades.
pub(super) async fn grade(asker: &Asker<'_>, period: Period) -> Result<Option<PerformanceGrade>> {
    let as_of = asker.source.as_of;
    let record = asker.source.contract_state.contract_record(as_of);
    let found = indicators::grade(asker.view(), asker.of_contract(&record), (period, as_of)).await;
    let Some(found) = found.map_err(|error| figures::refused(&error))? else { return Ok(None) };
    let failed = found.given.failed.iter().map(FailedGradeTest::of).collect::<Result<_, _>>();
    Ok(Some(PerformanceGrade {
        code: found.grade().map(|grade| grade.code.clone()),
        failed: failed.map_err(|error: OutOfRange| fault(&error))?,
        missing: found.missing,
    }))
}

impl Kpi {
    fn of(found: Indicator, as_of: NaiveDate) -> Result<Self, OutOfRange> {
        let Indicator { standard, measure, months } = found;
        let months = months.iter().map(|month| KpiMonth::of(month, &measure, as_of));
        Ok(Self {
            measure: (&measure).into(),
            minimum_level: standard.minimum_level.map(Decimal),
            lower_level: standard.lower_level.map(Decimal),
            months: months.collect::<Result<_, _>>()?,
        })
    }
}

impl KpiMonth {
    fn of(month: &IndicatorMonth, measure: &Measure, as_of: NaiveDate) -> Result<Self, OutOfRange> {
        Ok(Self {
            period: FigurePeriod::of(&month.period, as_of),
            figure: Shown::of(measure).figure(&month.figure, measure.places)?,
            level: month.level.map(Into::into),
        })
    }
}

impl FailedGradeTest {
    fn of(failed: &FailedTest<'_>) -> Result<Self, OutOfRange> {
        Ok(Self {
            grade: failed.grade.code.clone(),
            measure: failed.test.measure.clone(),
            test: failed.test.passes.in_words(),
            value: failed.value.map(figures::exact).transpose()?,
        })
    }
}
