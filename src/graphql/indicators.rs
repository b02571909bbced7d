//! Indicators and grades in the API: how well the service standards were met in each month, and the grade of a period.
//!
//! The rulebook sets the levels and the tests. What the parties settled is in [`super::contract_record`].

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{Enum, Result, SimpleObject};

use super::fault::fault;
use super::figures::{self, Figure, MeasureDefinition, Shown};
use super::performance::Asker;
use super::period::FigurePeriod;
use super::scalars::Decimal;
use crate::queries::measures::{self, Dimension, MeasureFigures};
use throughline_domain::contract::rulebook::Standard;
use throughline_domain::contract::rulebook::terms::Passes;
use throughline_domain::performance::figure::State;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::grade::{FailedTest, graded};
use throughline_domain::performance::kpi::{Level, Levels};
use throughline_domain::performance::measure::{self, Measure, Unit};
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
///
/// A run of failing months may have begun before the period, so all months since the start of the contract are read.
pub(super) async fn kpis(asker: &Asker<'_>, period: Period) -> Result<Vec<Kpi>> {
    let all = measure::measures(asker.rulebook);
    let is_share = |code: &str| all.iter().any(|one| one.code == code && one.unit == Unit::Percent);
    let has_levels = |standard: &&Standard| Levels::of(standard).is_some() && is_share(&standard.code);
    let standards: Vec<&Standard> = asker.rulebook.standards.iter().filter(has_levels).collect();
    let Some(since_start) = asker.to_date(period.last()).filter(|_| !standards.is_empty()) else {
        return Ok(Vec::new());
    };
    let codes: Vec<String> = standards.iter().map(|standard| standard.code.clone()).collect();
    let found = asker.figures_of(&codes, &[Dimension::Month], since_start).await?;
    standards.into_iter().zip(found).map(|(standard, found)| Kpi::of(standard, found, &period, asker)).collect()
}

/// The grade of a period. None if the rulebook has no grades.
pub(super) async fn grade(asker: &Asker<'_>, period: Period) -> Result<Option<PerformanceGrade>> {
    let grades = &asker.rulebook.grades;
    if grades.is_empty() || !asker.sees_all() {
        return Ok(None);
    }
    let known = measure::measures(asker.rulebook);
    let tested = grades.iter().flat_map(|grade| &grade.all_of).map(|test| &test.measure);
    let mut codes: Vec<String> = tested.filter(|code| known.iter().any(|one| one.code == **code)).cloned().collect();
    codes.sort_unstable();
    codes.dedup();
    let found = asker.figures_of(&codes, &[], period).await?;
    let value = |found: &MeasureFigures| Some((found.measure.code.clone(), in_units(found)?));
    let values: BTreeMap<String, Fraction> = found.iter().filter_map(value).collect();
    let tested = grades.iter().flat_map(|grade| &grade.all_of).map(|test| &test.measure);
    let missing: BTreeSet<&String> = tested.filter(|code| !values.contains_key(*code)).collect();
    let given = graded(grades, &values);
    let failed = given.failed.iter().map(FailedGradeTest::of).collect::<Result<_, _>>();
    Ok(Some(PerformanceGrade {
        code: given.grade.filter(|_| missing.is_empty()).map(|grade| grade.code.clone()),
        failed: failed.map_err(|error: OutOfRange| fault(&error))?,
        missing: missing.into_iter().cloned().collect(),
    }))
}

/// The value of the only figure, in percent for a share.
fn in_units(found: &MeasureFigures) -> Option<Fraction> {
    let value = found.rows.first()?.figure.value()?;
    if found.measure.unit == Unit::Percent { value.in_percent().ok() } else { Some(value) }
}

impl Kpi {
    fn of(standard: &Standard, found: MeasureFigures, period: &Period, asker: &Asker<'_>) -> Result<Self> {
        let MeasureFigures { measure, rows } = found;
        // A month under way has no level yet.
        let percent = |row: &measures::FigureRow| {
            let is_over = row.figure.state() == State::Value;
            row.figure.value().filter(|_| is_over).map(Fraction::in_percent).transpose()
        };
        let is_asked =
            |row: &measures::FigureRow| row.period.last() >= period.first() && row.period.first() <= period.last();
        let build = || -> Result<Self, OutOfRange> {
            let percents = rows.iter().map(percent).collect::<Result<Vec<_>, _>>()?;
            let levels = Levels::of(standard).map(|levels| levels.run(percents)).unwrap_or_default();
            let months = rows.iter().zip(levels).filter(|(row, _)| is_asked(row));
            let months = months.map(|(row, level)| KpiMonth::of(row, level, &measure, asker));
            Ok(Self {
                measure: (&measure).into(),
                minimum_level: standard.minimum_level.map(Decimal),
                lower_level: standard.lower_level.map(Decimal),
                months: months.collect::<Result<_, _>>()?,
            })
        };
        build().map_err(|error| fault(&error))
    }
}

impl KpiMonth {
    fn of(
        row: &measures::FigureRow,
        level: Option<Level>,
        measure: &Measure,
        asker: &Asker<'_>,
    ) -> Result<Self, OutOfRange> {
        Ok(Self {
            period: FigurePeriod::of(&row.period, asker.source.as_of),
            figure: Shown::of(measure).figure(&row.figure, measure.places)?,
            level: level.map(Into::into),
        })
    }
}

impl FailedGradeTest {
    fn of(failed: &FailedTest<'_>) -> Result<Self, OutOfRange> {
        let test = match failed.test.passes {
            Passes::AtLeast(bound) => format!("at least {bound}"),
            Passes::AtMost(bound) => format!("at most {bound}"),
            Passes::Below(bound) => format!("below {bound}"),
        };
        Ok(Self {
            grade: failed.grade.code.clone(),
            measure: failed.test.measure.clone(),
            test,
            value: failed.value.map(figures::exact).transpose()?,
        })
    }
}
