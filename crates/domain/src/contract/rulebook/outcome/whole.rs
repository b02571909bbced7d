//! Checks outcomes against each other and against the rest of the rulebook: unique codes, conversions without a circle,
//! claim windows and attributes.
//!
//! It looks only at outcomes that could be read.

use std::collections::BTreeSet;

use super::super::Calendar;
use super::super::attributes::{Attributes, check_trigger};
use super::super::reader::Report;
use super::parse::Written;
use super::{AchievedBy, Outcome};

pub(in super::super) fn checked(written: Vec<Written<'_>>, report: &mut Report<'_>) -> Vec<Outcome> {
    let mut seen = BTreeSet::new();
    for Written { outcome, section } in &written {
        if !seen.insert(&outcome.code) {
            let problem = format!("the outcome {:?} is already defined above", outcome.code);
            report.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
        }
        let Some(from) = &outcome.convert_from else { continue };
        let path = section.path_of("convert.from");
        if let Some(circle) = circle(&written, &outcome.code) {
            let problem = format!("the conversions run in a circle: {}", circle.join(" from "));
            report.add(section.place_of("convert"), Some(&path), problem, "take one of these conversions out");
        }
        let lower = written.iter().find(|other| other.outcome.code == *from);
        if let Some(lower) = lower
            && lower.outcome.group.is_some()
            && outcome.group.is_some()
            && lower.outcome.group != outcome.group
        {
            let problem = format!("{from:?} belongs to another group, so both could be paid");
            report.add(section.place_of("convert"), Some(&path), problem, "put both into one group");
        }
    }
    written.into_iter().map(|written| written.outcome).collect()
}

/// Reports outcomes whose claim window ends before the wait is over, whatever the day of achievement.
pub(in super::super) fn claimable(written: &[Written<'_>], calendar: Option<&Calendar>, report: &mut Report<'_>) {
    let Some(calendar) = calendar else { return };
    for Written { outcome, section } in written {
        let Some(within) = outcome.claim.within_days else { continue };
        let wait = outcome.claim.after_working_days;
        let Some((shortest, _)) = calendar.waits(wait) else { continue };
        if within < shortest {
            let problem = format!(
                "the window ends {within} days after the outcome is achieved, before the wait of {wait} working days \
                 is over, so no claim could ever be made"
            );
            let remedy = format!("write within_days of at least {shortest}, or a shorter wait");
            report.add(section.place_of("claim"), Some(&section.path_of("claim.within_days")), problem, remedy);
        }
    }
}

/// Reports outcomes that ask for attributes that no spell can have.
pub(in super::super) fn achievable(written: &[Written<'_>], attributes: &Attributes, report: &mut Report<'_>) {
    for Written { outcome, section } in written {
        if let AchievedBy::Journey(terms) = &outcome.achieved_by {
            check_trigger(&terms.trigger, attributes, section, report);
        }
    }
}

/// The conversions from an outcome back to itself; none if there is no such circle.
fn circle(written: &[Written<'_>], start: &str) -> Option<Vec<String>> {
    let mut path = vec![start.to_owned()];
    while let Some(last) = path.last() {
        let from = written.iter().find(|other| other.outcome.code == *last)?.outcome.convert_from.as_deref()?;
        let closed = from == start;
        if !closed && path.iter().any(|code| code == from) {
            return None;
        }
        path.push(from.to_owned());
        if closed {
            return Some(path);
        }
    }
    None
}
