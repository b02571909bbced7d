//! Indicators and grades: how well the service standards were met in each month, and the grade of a period.
//!
//! Every value is a figure of [`super::measures`]. The levels and the tests are those of the rulebook.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::measures::{
    self, CompareWith, Dimension, FigureRow, FiguresError, FiguresQuery, MeasureFigures, OfContract,
};
use crate::access::InScope;
use crate::views::generation::Generation;
use throughline_domain::contract::rulebook::{Grade, Standard};
use throughline_domain::performance::figure::{Figure, State};
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::grade::{Graded, graded};
use throughline_domain::performance::kpi::{Level, Levels};
use throughline_domain::performance::measure::{Measure, Unit, measures as all_measures};
use throughline_domain::performance::period::{Period, Unit as PeriodUnit};

/// A service standard with levels, month by month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// The standard.
    pub standard: Standard,
    /// The measure: the share of obligations met in time.
    pub measure: Measure,
    /// The months of the period, in order.
    pub months: Vec<IndicatorMonth>,
}

/// An indicator in one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndicatorMonth {
    /// The month.
    pub period: Period,
    /// The share met in time.
    pub figure: Figure,
    /// The level. None for a month under way, and without a value.
    pub level: Option<Level>,
}

/// The grade of a period.
#[derive(Debug, Clone)]
pub struct GradeOfPeriod<'r> {
    /// The grade that the values get, and the failed tests of better ones.
    pub given: Graded<'r>,
    /// The tested measures without a value, by code.
    pub missing: Vec<String>,
    /// The figures of the tested measures.
    pub tested: Vec<MeasureFigures>,
}

impl GradeOfPeriod<'_> {
    /// The grade. None if a tested measure has no value: no data is not a bad grade.
    pub fn grade(&self) -> Option<&Grade> {
        self.given.grade.filter(|_| self.missing.is_empty())
    }
}

/// The indicators of the rulebook over the months of a period.
///
/// A run of failing months may have begun before the period, so all months since the start of the contract are read.
pub async fn indicators(
    (generation, scope): (&Generation, InScope<'_>),
    of: OfContract<'_>,
    (period, as_of): (Period, NaiveDate),
) -> Result<Vec<Indicator>, FiguresError> {
    let all = all_measures(of.rulebook);
    let is_share = |code: &str| all.iter().any(|one| one.code == code && one.unit == Unit::Percent);
    let has_levels = |standard: &&Standard| Levels::of(standard).is_some() && is_share(&standard.code);
    let standards: Vec<&Standard> = of.rulebook.standards.iter().filter(has_levels).collect();
    let since_start = Period::to_date(of.starts_on, PeriodUnit::Month, period.last());
    let Some(since_start) = since_start.filter(|_| !standards.is_empty()) else { return Ok(Vec::new()) };
    let codes: Vec<String> = standards.iter().map(|standard| standard.code.clone()).collect();
    let query = FiguresQuery {
        measures: &measures::named(of.rulebook, &codes)?,
        by: &[Dimension::Month],
        period: since_start,
        compare: CompareWith::default(),
        as_of,
    };
    let found = measures::figures(generation, scope, of, &query).await?;
    let found = standards.into_iter().zip(found);
    Ok(found.map(|(standard, found)| Indicator::of(standard, found, &period)).collect::<Result<_, _>>()?)
}

/// The grade of a period, for a caller who sees the whole contract. None if the rulebook has no grades.
pub async fn grade<'r>(
    (generation, scope): (&Generation, InScope<'_>),
    of: OfContract<'r>,
    (period, as_of): (Period, NaiveDate),
) -> Result<Option<GradeOfPeriod<'r>>, FiguresError> {
    let grades = &of.rulebook.grades;
    if grades.is_empty() || scope.areas().is_some() {
        return Ok(None);
    }
    let known = all_measures(of.rulebook);
    let tests = || grades.iter().flat_map(|grade| &grade.all_of).map(|test| &test.measure);
    let codes: BTreeSet<&String> = tests().filter(|code| known.iter().any(|one| one.code == **code)).collect();
    let codes: Vec<String> = codes.into_iter().cloned().collect();
    let query = FiguresQuery {
        measures: &measures::named(of.rulebook, &codes)?,
        by: &[],
        period,
        compare: CompareWith::default(),
        as_of,
    };
    let tested = measures::figures(generation, scope, of, &query).await?;
    let value = |found: &MeasureFigures| Some((found.measure.code.clone(), in_units(found)?));
    let values: BTreeMap<String, Fraction> = tested.iter().filter_map(value).collect();
    let missing: BTreeSet<&String> = tests().filter(|code| !values.contains_key(*code)).collect();
    let missing = missing.into_iter().cloned().collect();
    Ok(Some(GradeOfPeriod { given: graded(grades, &values), missing, tested }))
}

/// The value of the only figure, in percent for a share.
fn in_units(found: &MeasureFigures) -> Option<Fraction> {
    let value = found.rows.first()?.figure.value()?;
    if found.measure.unit == Unit::Percent { value.in_percent().ok() } else { Some(value) }
}

impl Indicator {
    fn of(standard: &Standard, found: MeasureFigures, period: &Period) -> Result<Self, OutOfRange> {
        let MeasureFigures { measure, rows } = found;
        // A month under way has no level yet.
        let percent = |row: &FigureRow| {
            let is_over = row.figure.state() == State::Value;
            row.figure.value().filter(|_| is_over).map(Fraction::in_percent).transpose()
        };
        let percents = rows.iter().map(percent).collect::<Result<Vec<_>, _>>()?;
        let levels = Levels::of(standard).map(|levels| levels.run(percents)).unwrap_or_default();
        let is_asked = |row: &FigureRow| row.period.last() >= period.first() && row.period.first() <= period.last();
        let months = rows.iter().zip(levels).filter(|(row, _)| is_asked(row));
        let months = months.map(|(row, level)| IndicatorMonth { period: row.period, figure: row.figure, level });
        Ok(Self { standard: standard.clone(), months: months.collect(), measure })
    }
}
