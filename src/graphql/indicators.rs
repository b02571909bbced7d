//! Grades in the API: the grade of a period, and what may follow it.
//!
//! The rulebook sets the tests. Indicators are in [`super::kpis`]. What the parties settled is in
//! [`super::contract_record`].

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{Result, SimpleObject};

use super::fault::fault;
use super::figures;
use super::money::Money;
use super::performance::Asker;
use super::scalars::Decimal;
use crate::queries::measures::MeasureFigures;
use throughline_domain::contract::rulebook::terms::Passes;
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_domain::performance::grade::{FailedTest, graded};
use throughline_domain::performance::measure::{self, Unit};
use throughline_domain::performance::period::Period;

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
    /// What may be withheld for the grade, by the rulebook: a part of the amount of the financial year in which the
    /// period ends. Null if the rulebook withholds nothing for it, or if that amount is not recorded.
    withheld: Option<Money>,
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
    let given_grade = given.grade.filter(|_| missing.is_empty());
    let withheld = match given_grade.and_then(|grade| grade.withhold.as_ref()) {
        Some(withholding) => asker.withheld(withholding, period.last()).await?,
        None => None,
    };
    Ok(Some(PerformanceGrade {
        code: given_grade.map(|grade| grade.code.clone()),
        failed: failed.map_err(|error: OutOfRange| fault(&error))?,
        missing: missing.into_iter().cloned().collect(),
        withheld: withheld.map(|amount| Money::of(amount, &asker.rulebook.currency)),
    }))
}

/// The value of the only figure, in percent for a share.
fn in_units(found: &MeasureFigures) -> Option<Fraction> {
    let value = found.rows.first()?.figure.value()?;
    if found.measure.unit == Unit::Percent { value.in_percent().ok() } else { Some(value) }
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
