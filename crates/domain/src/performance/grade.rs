//! Grades such as red, amber and green, from the values of several measures.
//!
//! Pure. The rulebook says which grades there are. A value is compared unrounded, and a missing one passes no test.

use std::collections::BTreeMap;

use super::fraction::Fraction;
use crate::contract::rulebook::Grade;
use crate::contract::rulebook::terms::{GradeTest, Passes};

/// The grade of some values, and why it is not a better one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graded<'g> {
    /// The grade. None if the rulebook has none for these values.
    pub grade: Option<&'g Grade>,
    /// The tests that failed of each better grade, in order.
    pub failed: Vec<FailedTest<'g>>,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTest<'g> {
    /// The grade that was therefore not given.
    pub grade: &'g Grade,
    /// The measure and its bound.
    pub test: &'g GradeTest,
    /// The value. None if there is none.
    pub value: Option<Fraction>,
}

/// The grade of these values: the first, from the top, of which every test passes. A value in the gap between two
/// grades gets the lower one, even if that one has an upper bound.
pub fn graded<'g>(grades: &'g [Grade], values: &BTreeMap<String, Fraction>) -> Graded<'g> {
    let mut failed = Vec::new();
    for (at, grade) in grades.iter().enumerate() {
        let before = failed.len();
        for test in &grade.all_of {
            let value = values.get(&test.measure).copied();
            let is_passed = value.is_some_and(|value| {
                passes(test.passes, value) || grades.iter().take(at).any(|better| is_towards(better, test))
            });
            if !is_passed {
                failed.push(FailedTest { grade, test, value });
            }
        }
        if failed.len() == before {
            return Graded { grade: Some(grade), failed };
        }
    }
    Graded { grade: None, failed }
}

fn passes(bound: Passes, value: Fraction) -> bool {
    match bound {
        Passes::AtLeast(least) => value >= least.into(),
        Passes::AtMost(most) => value <= most.into(),
        Passes::Below(edge) => value < edge.into(),
    }
}

/// Whether the bound of a test lies on the side of a better grade. A value beyond it that is not in the better grade is
/// in the gap between the two.
fn is_towards(better: &Grade, test: &GradeTest) -> bool {
    let mut of_measure = better.all_of.iter().filter(|other| other.measure == test.measure);
    of_measure.any(|other| match (test.passes, other.passes) {
        (Passes::AtMost(edge) | Passes::Below(edge), Passes::AtLeast(least)) => edge <= least,
        (Passes::AtLeast(edge), Passes::AtMost(most) | Passes::Below(most)) => most <= edge,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fraction::tests::fraction;
    use super::*;

    fn test(measure: &str, passes: fn(rust_decimal::Decimal) -> Passes, bound: i64) -> GradeTest {
        GradeTest { measure: measure.to_owned(), passes: passes(bound.into()) }
    }

    fn grade(code: &str, all_of: Vec<GradeTest>) -> Grade {
        Grade { code: code.to_owned(), all_of, withhold: None }
    }

    fn at_least(bound: i64) -> GradeTest {
        test("kpi", Passes::AtLeast, bound)
    }

    fn codes(grades: &[Grade], values: &[&str]) -> Vec<Option<String>> {
        let code = |value: &&str| {
            let values = BTreeMap::from([("kpi".to_owned(), fraction(value))]);
            graded(grades, &values).grade.map(|grade| grade.code.clone())
        };
        values.iter().map(code).collect()
    }

    const EDGES: [&str; 5] = ["79.9", "80", "90", "95", "100"];

    fn expected() -> Vec<Option<String>> {
        ["red", "amber", "amber", "amber", "green"].map(|code| Some(code.to_owned())).into()
    }

    #[test]
    fn a_value_in_a_gap_gets_the_lower_grade() {
        let grades = [grade("green", vec![at_least(100)]), grade("amber", vec![at_least(80)]), grade("red", vec![])];
        assert_eq!(codes(&grades, &EDGES), expected());
        assert_eq!(codes(&grades[..2], &["79.9"]), [None]);
    }

    #[test]
    fn an_upper_bound_towards_a_better_grade_leaves_no_gap_without_a_grade() {
        let amber = vec![at_least(80), test("kpi", Passes::AtMost, 90)];
        let red = vec![test("kpi", Passes::Below, 80)];
        let grades = [grade("green", vec![at_least(100)]), grade("amber", amber), grade("red", red)];
        assert_eq!(codes(&grades, &EDGES), expected());
        // The same for a measure that is better when it is smaller.
        let least = |bound| test("kpi", Passes::AtMost, bound);
        let amber = vec![least(15), at_least(10)];
        let grades = [grade("green", vec![least(5)]), grade("amber", amber), grade("red", vec![])];
        let found: Vec<String> = codes(&grades, &["5", "7", "10", "15", "15.1"]).into_iter().flatten().collect();
        assert_eq!(found, ["green", "amber", "amber", "amber", "red"]);
    }

    #[test]
    fn each_failed_test_is_named_with_its_measure_bound_and_value() {
        let green = vec![at_least(100), test("complaints", Passes::AtMost, 2), test("spend", Passes::AtMost, 15)];
        let grades = [grade("green", green), grade("amber", vec![at_least(80)]), grade("red", vec![])];
        let values = [("kpi", "90"), ("complaints", "2")].map(|(measure, value)| (measure.to_owned(), fraction(value)));
        let found = graded(&grades, &BTreeMap::from(values));
        assert_eq!(found.grade.map(|grade| grade.code.as_str()), Some("amber"));
        let failed: Vec<_> =
            found.failed.iter().map(|one| (one.grade.code.as_str(), one.test.measure.as_str(), one.value)).collect();
        assert_eq!(failed, [("green", "kpi", Some(fraction("90"))), ("green", "spend", None)]);
        assert_eq!(found.failed[0].test.passes, Passes::AtLeast(100.into()));
    }

    #[test]
    fn a_missing_value_passes_no_test() {
        let grades = [grade("green", vec![at_least(0)]), grade("red", vec![test("kpi", Passes::Below, 0)])];
        assert_eq!(graded(&grades, &BTreeMap::new()).grade, None);
        assert_eq!(graded(&grades, &BTreeMap::new()).failed.len(), 2);
    }
}
