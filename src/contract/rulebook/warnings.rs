//! What somebody should look at twice in a rulebook: what it can say and hardly means, and what nothing uses yet.
//!
//! It never refuses a rulebook; what cannot be is an error of reading it.

use super::{Outcome, Rulebook};
use crate::contract::calendar::BankHolidays;

/// Every warning about a rulebook, in sentences.
pub(super) fn of(rulebook: &Rulebook) -> Vec<String> {
    let mut warnings: Vec<String> =
        rulebook.outcomes.iter().filter_map(|outcome| narrow_window(rulebook, outcome)).collect();
    warnings.extend(reports_on_days_off(rulebook));
    warnings.extend(unused(rulebook));
    warnings
}

/// A claim window that is over, for some days of achievement, before the wait is.
fn narrow_window(rulebook: &Rulebook, outcome: &Outcome) -> Option<String> {
    let (within, wait) = (outcome.claim.within_days?, outcome.claim.after_working_days);
    let (_, longest) = rulebook.calendar.waits(wait)?;
    let code = &outcome.code;
    (within < longest).then(|| {
        format!(
            "{code}: a wait of {wait} working days takes up to {longest} days, but the window ends after {within}: what \
             is achieved before some weekends and bank holidays can never be claimed. Write within_days of at least \
             {longest}"
        )
    })
}

fn reports_on_days_off(rulebook: &Rulebook) -> Vec<String> {
    let Some(days) = BankHolidays::known().division(&rulebook.calendar.working_days) else { return Vec::new() };
    let warning = |day: &chrono::NaiveDate| match days.is_working(*day) {
        Ok(true) => None,
        Ok(false) => Some(format!("{day} is no working day")),
        Err(beyond) => Some(beyond.to_string()),
    };
    rulebook.reports.due.iter().filter_map(warning).collect()
}

/// What is read and kept, but does nothing in this build.
fn unused(rulebook: &Rulebook) -> Vec<String> {
    let has_levels =
        rulebook.standards.iter().any(|standard| standard.minimum_level.is_some() || standard.lower_level.is_some());
    let parts = [
        (!rulebook.grades.is_empty(), "[[grade]]", "no board gives grades yet"),
        (has_levels, "minimum_level and lower_level of a standard", "no board compares standards with them yet"),
        (!rulebook.reports.due.is_empty(), "[reports] due", "nothing reminds anybody of these days yet"),
        (!rulebook.profiles.is_empty(), "[targets] profiles", "no board compares with targets yet"),
    ];
    let said = parts.into_iter().filter(|(is_there, ..)| *is_there);
    said.map(|(_, part, why)| format!("{part}: {why}. It is kept, and changes nothing")).collect()
}
