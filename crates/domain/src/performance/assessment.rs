//! Assessments of key performance indicators: which exist, and the grade that an assessment gets.
//!
//! Pure. The rulebook grades its own indicators. The parties grade the others, and may settle another grade with a
//! reason. Each month that fails counts with its own grade, and the third failing month in a row is a major failure.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::grade::graded;
use super::kpi::{Level, Levels};
use super::period::Month;
use crate::contract::rulebook::{CodeList, Grade, Rulebook, Standard};
use crate::contract::{Contract, ContractRecord};
use crate::fact::envelope::EventId;
use crate::fact::event::{Event, KpiAssessed, NoticeIssued, Period};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::fact::{Entry, History};

/// The grade of an indicator without a value.
const NO_DATA: &str = "no_data";

/// The assessment, with the grade that the rulebook in force on the last day of the period gives it. The parties may
/// settle another of its grades if they say why. If a correction repeats the recorded grade, the grade counts as left
/// out, unless it was one that they settled so.
pub(crate) fn assessed(
    stated: &KpiAssessed,
    history: &History,
    corrected: Option<EventId>,
    contract: &Contract,
) -> Result<KpiAssessed, Box<Refusal>> {
    let before = corrected.and_then(|target| history.fact(target)).and_then(|fact| match fact.event {
        Event::KpiAssessed(before) => Some(before),
        _ => None,
    });
    let rulebook = contract.rulebook_in_force(stated.period.last);
    if let Some(rulebook) = rulebook {
        is_known(rulebook, &stated.kpi)?;
        is_possible(rulebook, stated)?;
    }
    let facts = history.facts();
    let mut earlier = ContractRecord::fold(&facts).assessments;
    earlier.retain(|entry| Some(entry.event_id) != corrected);
    let follows = |of: &KpiAssessed| rulebook.and_then(|rulebook| grade_that_follows(rulebook, of, &earlier));
    let Some(grade) = follows(stated) else {
        return if stated.grade.is_empty() { Err(Box::new(no_grade(&stated.kpi))) } else { Ok(stated.clone()) };
    };
    let is_settled_so =
        |before: &KpiAssessed| before.reason.is_some() && follows(before).as_ref() != Some(&before.grade);
    let is_repeated = before.is_some_and(|before| before.grade == stated.grade && !is_settled_so(before));
    if stated.grade.is_empty() || is_repeated || stated.grade == grade {
        return Ok(KpiAssessed { grade, ..stated.clone() });
    }
    if stated.reason.is_none() {
        return Err(Box::new(other_grade(&stated.grade, &grade)));
    }
    let grades = rulebook.map(|rulebook| grades_of(rulebook, &stated.kpi)).unwrap_or_default();
    if grades.contains(&stated.grade) {
        Ok(stated.clone())
    } else {
        Err(Box::new(no_such_grade(&stated.grade, grades)))
    }
}

/// Refuses a notice that answers an indicator which no rulebook of the contract has.
pub(crate) fn answered(notice: &NoticeIssued, contract: &Contract) -> Result<(), Box<Refusal>> {
    let Some((kpi, newest)) = notice.kpi.as_ref().zip(contract.newest_rulebook()) else { return Ok(()) };
    let is_known_to_one = contract.rulebooks().iter().any(|published| is_known(&published.rulebook, kpi).is_ok());
    if is_known_to_one { Ok(()) } else { is_known(newest, kpi) }
}

/// The grade that follows from the value and the months before. None if the rulebook does not grade the indicator.
fn grade_that_follows(rulebook: &Rulebook, of: &KpiAssessed, earlier: &[Entry<KpiAssessed>]) -> Option<String> {
    let own = own_grade(rulebook, &of.kpi, of.value.map(|value| value.0))?;
    if own != Level::Minor.as_str() {
        return Some(own);
    }
    let failed = |period: Period| {
        let of_month = earlier.iter().rfind(|entry| entry.details.kpi == of.kpi && entry.details.period == period);
        let failing = [Level::Minor, Level::Major].map(Level::as_str);
        of_month.is_some_and(|entry| failing.contains(&entry.details.grade.as_str()))
    };
    let failed_before = (1..=2).take_while(|back| month_before(of.period, *back).is_some_and(failed)).count();
    Some(Level::Minor.after(failed_before).as_str().to_owned())
}

/// The grades that the rulebook can give an indicator.
fn grades_of(rulebook: &Rulebook, kpi: &str) -> Vec<String> {
    if levels_of(rulebook, kpi).is_some() {
        return [Level::Met, Level::Minor, Level::Major].map(|level| level.as_str().to_owned()).into();
    }
    rulebook.grades.iter().map(|grade| grade.code.clone()).collect()
}

/// The levels of an indicator, if it has some.
fn levels_of(rulebook: &Rulebook, kpi: &str) -> Option<Levels> {
    let own = rulebook.kpis.iter().find(|one| one.code == kpi).map(Levels::of_kpi);
    let of_standard = || rulebook.standards.iter().find(|standard| standard.code == kpi).and_then(Levels::of);
    own.or_else(of_standard)
}

/// The indicators of a rulebook: its standards, its `[[kpi]]`, the measures that its grades use, and its measures. None if it leaves
/// them to the parties.
pub fn indicators(rulebook: &Rulebook) -> Option<Vec<String>> {
    let standards = rulebook.standards.iter().map(|standard| standard.code.as_str());
    let kpis = rulebook.kpis.iter().map(|kpi| kpi.code.as_str());
    let tested = rulebook.grades.iter().flat_map(|grade| &grade.all_of).map(|test| test.measure.as_str());
    let measures = rulebook.codes.listed(CodeList::MeasureCodes).into_iter().flatten().map(String::as_str);
    let mut codes: Vec<&str> = standards.chain(kpis).chain(tested).chain(measures).collect();
    codes.sort_unstable();
    codes.dedup();
    let is_left_open = codes.is_empty() && rulebook.codes.listed(CodeList::MeasureCodes).is_none();
    (!is_left_open).then(|| codes.into_iter().map(str::to_owned).collect())
}

/// A rulebook without measures, standards and grades leaves the indicators to the parties, as it does with a list that
/// is left out.
fn is_known(rulebook: &Rulebook, kpi: &str) -> Result<(), Box<Refusal>> {
    let Some(codes) = indicators(rulebook) else { return Ok(()) };
    if codes.iter().any(|code| code == kpi) {
        return Ok(());
    }
    let remedy = if codes.is_empty() { "publish a version that has it" } else { "use one of the allowed indicators" };
    let message = format!("the rulebook {} has no indicator with this code: {remedy}", rulebook.version);
    Err(Box::new(Refusal::new(Code::UnknownIndicator, message).at("kpi").allowing(codes)))
}

/// The value of a standard with levels is a share in percent, from 0 to 100.
fn is_possible(rulebook: &Rulebook, given: &KpiAssessed) -> Result<(), Box<Refusal>> {
    let is_share = |standard: &Standard| standard.code == given.kpi && Levels::of(standard).is_some();
    let possible = Decimal::ZERO..=Decimal::ONE_HUNDRED;
    match given.value {
        Some(value) if rulebook.standards.iter().any(is_share) && !possible.contains(&value.0) => {
            let message = format!("{} is out of range: give a percentage from 0 to 100", value.0);
            Err(Box::new(Refusal::new(Code::InvalidValue, message).at("value")))
        }
        _ => Ok(()),
    }
}

/// The grade of a value on its own. None if the rulebook does not grade it.
fn own_grade(rulebook: &Rulebook, kpi: &str, value: Option<Decimal>) -> Option<String> {
    let levels = levels_of(rulebook, kpi);
    let tests_it = |grade: &Grade| grade.all_of.iter().any(|test| test.measure == kpi);
    let by_grades = rulebook.grades.iter().any(tests_it);
    if levels.is_none() && !by_grades {
        return None;
    }
    let Some(value) = value else { return Some(NO_DATA.to_owned()) };
    if let Some(levels) = levels {
        return Some(levels.level(value.into()).as_str().to_owned());
    }
    let values = BTreeMap::from([(kpi.to_owned(), value.into())]);
    graded(&rulebook.grades, &values).grade.map(|grade| grade.code.clone())
}

/// The calendar month this many months before a period that is a calendar month.
fn month_before(period: Period, back: u32) -> Option<Period> {
    let days = |month: Month| Period { first: month.first(), last: month.last() };
    let month = Month::of(period.first);
    if days(month) == period { month.back(back).map(days) } else { None }
}

fn no_grade(kpi: &str) -> Refusal {
    let message = format!("the rulebook does not grade {kpi:?}: give the grade that the parties agreed");
    Refusal::new(Code::MissingValue, message).at("grade")
}

fn other_grade(given: &str, follows: &str) -> Refusal {
    let message = format!(
        "the rulebook gives the grade {follows}, not {given}: leave the grade out, check the value, or give the reason \
         why the parties settled another grade"
    );
    Refusal::new(Code::OtherGrade, message).at("grade").allowing([follows])
}

fn no_such_grade(given: &str, grades: Vec<String>) -> Refusal {
    let message = format!("the rulebook has no grade {given} for this indicator: use one of the allowed grades");
    Refusal::new(Code::OtherGrade, message).at("grade").allowing(grades)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(first: &str, last: &str) -> Period {
        Period { first: first.parse().expect("a day"), last: last.parse().expect("a day") }
    }

    #[test]
    fn only_a_calendar_month_has_months_before_it() {
        let march = period("2018-03-01", "2018-03-31");
        assert_eq!(month_before(march, 1), Some(period("2018-02-01", "2018-02-28")));
        assert_eq!(month_before(march, 2), Some(period("2018-01-01", "2018-01-31")));
        assert_eq!(month_before(period("2018-01-01", "2018-03-31"), 1), None);
        assert_eq!(month_before(period("2018-03-02", "2018-03-31"), 1), None);
    }
}
