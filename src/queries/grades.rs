//! Grades: the grade of a period, by the tests of the rulebook.
//!
//! Every value is a figure of [`super::measures`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::kpis;
use super::measures::{self, CompareWith, FiguresError, FiguresQuery, MeasureFigures, OfContract};
use crate::access::InScope;
use crate::views::generation::Generation;
use throughline_domain::contract::rulebook::Grade;
use throughline_domain::fact::money::Money;
use throughline_domain::performance::fraction::Fraction;
use throughline_domain::performance::grade::{Graded, graded};
use throughline_domain::performance::measure::measures as all_measures;
use throughline_domain::performance::period::Period;

/// The grade of a period.
#[derive(Debug, Clone)]
pub struct GradeOfPeriod<'r> {
    /// The grade that the values get, and the failed tests of better ones.
    pub given: Graded<'r>,
    /// The tested measures without a value, by code.
    pub missing: Vec<String>,
    /// The figures of the tested measures.
    pub tested: Vec<MeasureFigures>,
    /// What may be withheld for the grade. None if nothing is, or if the amount is not known.
    pub withheld: Option<Money>,
}

impl GradeOfPeriod<'_> {
    /// The grade. None if a tested measure has no value: no data is not a bad grade.
    pub fn grade(&self) -> Option<&Grade> {
        self.given.grade.filter(|_| self.missing.is_empty())
    }
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
    let mut found = GradeOfPeriod { given: graded(grades, &values), missing, tested, withheld: None };
    if let Some(withholding) = found.grade().and_then(|grade| grade.withhold.clone()) {
        found.withheld = kpis::withheld(generation, scope, of, (&withholding, period.last(), as_of)).await?;
    }
    Ok(Some(found))
}

/// The value of the only figure, in percent for a share.
fn in_units(found: &MeasureFigures) -> Option<Fraction> {
    let value = found.rows.first()?.figure.value()?;
    found.measure.in_units(value).ok()
}
