//! Grades in the API: the grade of a period, and what may follow it.
//!
//! The rulebook sets the tests. Indicators are in [`super::kpis`]. What the parties settled is in
//! [`super::contract_record`].

use async_graphql::{Context, Result, SimpleObject};

use super::fault::fault;
use super::figures;
use super::money::Money;
use super::performance::Asker;
use super::scalars::Decimal;
use super::small_counts;
use crate::queries::grades;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::grade::FailedTest;
use throughline_domain::performance::period::Period;
use throughline_domain::performance::small_counts::is_of_few;

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
    /// The value, to at most six decimal places. Null if there is none: that passes no test. Null too if it is hidden
    /// because it counts few people.
    value: Option<Decimal>,
}

/// The grade of a period. None if the rulebook has no grades.
pub(super) async fn grade(ctx: &Context<'_>, asker: &Asker<'_>, period: Period) -> Result<Option<PerformanceGrade>> {
    let record = asker.record();
    let (generation, scope) = asker.view();
    let found = grades::grade((generation, scope), asker.of_contract(&record), (period, asker.source.as_of)).await;
    let Some(found) = found.map_err(|error| figures::refused(&error))? else { return Ok(None) };
    let are_hidden = small_counts::are_hidden(ctx, scope.contract(), asker.rulebook);
    let few = found.tested.iter().filter(|of| {
        let is_few = of.rows.iter().any(|row| is_of_few(&row.figure, &of.measure));
        are_hidden && is_few
    });
    let few: Vec<&str> = few.map(|of| of.measure.code.as_str()).collect();
    let failed = found.given.failed.iter().map(|failed| FailedGradeTest::of(failed, &few)).collect::<Result<_, _>>();
    Ok(Some(PerformanceGrade {
        code: found.grade().map(|grade| grade.code.clone()),
        failed: failed.map_err(|error: OutOfRange| fault(&error))?,
        withheld: found.withheld.map(|amount| Money::of(amount, &asker.rulebook.currency)),
        missing: found.missing,
    }))
}

impl FailedGradeTest {
    /// A test, without the value of a measure that is among those hidden.
    fn of(failed: &FailedTest<'_>, hidden: &[&str]) -> Result<Self, OutOfRange> {
        let value = failed.value.filter(|_| !hidden.contains(&failed.test.measure.as_str()));
        Ok(Self {
            grade: failed.grade.code.clone(),
            measure: failed.test.measure.clone(),
            test: failed.test.passes.in_words(),
            value: value.map(figures::exact).transpose()?,
        })
    }
}
