//! Warnings about a rulebook: rules that are valid but probably not meant, and parts that the program does not use yet.
//!
//! A warning never refuses a rulebook; a fault of the parser does.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::{is_of_every_contract, measures};
use super::outcome::{AchievedBy, Trigger};
use super::retention::class_without_period;
use super::{CodeList, Outcome, Rulebook};
use crate::contract::calendar::BankHolidays;

/// Every warning about a rulebook, in sentences.
pub(super) fn of(rulebook: &Rulebook) -> Vec<String> {
    let mut warnings: Vec<String> =
        rulebook.outcomes.iter().filter_map(|outcome| narrow_window(rulebook, outcome)).collect();
    warnings.extend(smaller_first(rulebook));
    warnings.extend(unlisted_attributes(rulebook));
    warnings.extend(hidden_measures(rulebook));
    warnings.extend(grades_of_unknown_measures(rulebook));
    warnings.extend(reports_on_days_off(rulebook));
    warnings.extend(class_without_period(&rulebook.retention).map(|class| {
        let class = class.as_str();
        format!(
            "[[retention]]: the class {class} has no period, so nobody becomes due for erasure. Write a period for it"
        )
    }));
    warnings
}

/// A claim window that ends before the wait is over, for some days of achievement.
fn narrow_window(rulebook: &Rulebook, outcome: &Outcome) -> Option<String> {
    let (within, wait) = (outcome.claim.within_days?, outcome.claim.after_working_days);
    let (_, longest) = rulebook.calendar.waits(wait)?;
    let code = &outcome.code;
    (within < longest).then(|| {
        format!(
            "{code}: a wait of {wait} working days takes up to {longest} days, but the window ends after {within}. An \
             outcome achieved before some weekends and bank holidays can never be claimed. Write within_days of at \
             least {longest}"
        )
    })
}

/// Two outcomes of a group where the smaller, once submitted, prevents the greater from being paid.
fn smaller_first(rulebook: &Rulebook) -> Vec<String> {
    let prices = |outcome: &Outcome| {
        let amounts = outcome.tariffs.iter().map(|tariff| tariff.amount.saturating_mul(tariff.multiplier));
        let (least, most) = (amounts.clone().min()?, amounts.max()?);
        Some((least, most))
    };
    let takes_up = |outcome: &Outcome, lower: &str| {
        let from = |code: &str| rulebook.outcome(code)?.convert_from.as_deref();
        std::iter::successors(from(&outcome.code), |code| from(code)).any(|code| code == lower)
    };
    let warning = |smaller: &Outcome, greater: &Outcome| {
        let ((least, _), (_, most)) = (prices(smaller)?, prices(greater)?);
        let (small, great, group) = (&smaller.code, &greater.code, greater.group.as_deref()?);
        let is_lost = smaller.code != greater.code && smaller.group == greater.group && least < most;
        (is_lost && !takes_up(greater, small)).then(|| {
            format!(
                "{great}: in group {group}, a claim of {small} that is submitted first keeps {great} excluded, \
                 although {great} pays up to {most} and {small} from {least}. Write convert = {{ from = \"{small}\" }} \
                 in {great} to pay the difference"
            )
        })
    };
    let outcomes = &rulebook.outcomes;
    outcomes.iter().flat_map(|greater| outcomes.iter().filter_map(move |smaller| warning(smaller, greater))).collect()
}

/// Attributes that outcomes ask for in a domain without a list: a mistyped value pays nothing, and nobody notices.
fn unlisted_attributes(rulebook: &Rulebook) -> Vec<String> {
    let triggers = rulebook.outcomes.iter().filter_map(|outcome| match &outcome.achieved_by {
        AchievedBy::Journey(terms) => Some(&terms.trigger),
        AchievedBy::Many(_) => None,
    });
    let mut asked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for trigger in triggers {
        let Trigger::Spell { domains, attributes } = trigger else { continue };
        for domain in domains.iter().filter(|domain| rulebook.attributes.of(domain).is_none()) {
            asked.entry(domain).or_default().extend(attributes.keys().map(String::as_str));
        }
    }
    let warning = |(domain, names): (&str, BTreeSet<&str>)| {
        let names: Vec<&str> = names.into_iter().collect();
        format!(
            "[attributes.{domain}] is missing, and outcomes ask for {}. A mistyped value is accepted and pays nothing. \
             List the allowed values there",
            names.join(", ")
        )
    };
    asked.into_iter().filter(|(_, names)| !names.is_empty()).map(warning).collect()
}

/// Stages, standards, outcomes and recorded values that have the code of a measure that every contract has: theirs is
/// then the only measure of that code.
fn hidden_measures(rulebook: &Rulebook) -> Vec<String> {
    let stages = rulebook.stages.iter().map(|stage| ("[[stage]]", &stage.code));
    let standards = rulebook.standards.iter().map(|standard| ("[[standard]]", &standard.code));
    let outcomes = rulebook.outcomes.iter().filter(|outcome| matches!(outcome.achieved_by, AchievedBy::Journey(_)));
    let outcomes = outcomes.map(|outcome| ("[[outcome]]", &outcome.code));
    let recorded = rulebook.codes.listed(CodeList::MeasureCodes).into_iter().flatten();
    let recorded = recorded.map(|code| ("codes.measure_codes", code));
    let named = stages.chain(standards).chain(outcomes).chain(recorded);
    let hiding = named.filter(|(_, code)| is_of_every_contract(code));
    hiding
        .map(|(place, code)| {
            format!(
                "{place}: the code {code:?} hides the measure {code:?} that every contract has. Give it another code if \
                 boards or reports need that measure"
            )
        })
        .collect()
}

/// Measures that grades test and that neither the rulebook has nor a command may record.
fn grades_of_unknown_measures(rulebook: &Rulebook) -> Vec<String> {
    if rulebook.grades.is_empty() {
        return Vec::new();
    }
    let known = measures(rulebook);
    let tests = rulebook.grades.iter().flat_map(|grade| &grade.all_of);
    let tested: BTreeSet<&str> = tests.map(|test| test.measure.as_str()).collect();
    let is_unknown = |code: &str| {
        let is_recorded = rulebook.codes.check(CodeList::MeasureCodes, code).is_ok();
        !is_recorded && known.iter().all(|measure| measure.code != code)
    };
    let warning = |code: &str| {
        format!(
            "[[grade]]: a grade tests {code:?}, which is neither a measure of this rulebook nor in \
             codes.measure_codes. Only an assessment can give it a value. Write a [[measure]] of that code, or test \
             another measure"
        )
    };
    tested.into_iter().filter(|code| is_unknown(code)).map(warning).collect()
}

fn reports_on_days_off(rulebook: &Rulebook) -> Vec<String> {
    let Some(days) = BankHolidays::known().division(&rulebook.calendar.working_days) else { return Vec::new() };
    let warning = |day: &chrono::NaiveDate| match days.is_working(*day) {
        Ok(true) => None,
        Ok(false) => Some(format!("{day} is not a working day")),
        Err(beyond) => Some(beyond.to_string()),
    };
    rulebook.reports.due.iter().filter_map(warning).collect()
}
