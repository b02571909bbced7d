//! What outcomes must be among each other: codes of their own, and conversions that lead somewhere.
//!
//! It looks only at outcomes that were read.

use std::collections::BTreeSet;

use super::super::Calendar;
use super::super::attributes::{Attributes, check_trigger};
use super::super::parse::check_outcome;
use super::super::reader::{Report, path_of};
use super::parse::Written;
use super::{AchievedBy, Outcome};

pub(in super::super) fn checked(written: Vec<Written<'_>>, codes: &[String], report: &mut Report<'_>) -> Vec<Outcome> {
    let mut seen = BTreeSet::new();
    for Written { outcome, section } in &written {
        let place = |key: &str| section.table.get(key).map_or(section.at.clone(), toml::Spanned::span);
        if !seen.insert(&outcome.code) {
            let problem = format!("an outcome {:?} stands above already", outcome.code);
            report.add(place("code"), Some(&path_of(&section.path, "code")), problem, "give it another code");
        }
        let Some(from) = &outcome.convert_from else { continue };
        let path = path_of(&section.path, "convert.from");
        check_outcome(codes, &(from.clone(), place("convert")), &path, report);
        if let Some(circle) = circle(&written, &outcome.code) {
            let problem = format!("the conversions run in a circle: {}", circle.join(" from "));
            report.add(place("convert"), Some(&path), problem, "take one of these conversions out");
        }
        let lower = written.iter().find(|other| other.outcome.code == *from);
        if let Some(lower) = lower
            && lower.outcome.group.is_some()
            && outcome.group.is_some()
            && lower.outcome.group != outcome.group
        {
            let problem = format!("{from:?} is of another group, so both could be paid");
            report.add(place("convert"), Some(&path), problem, "put both into one group");
        }
    }
    written.into_iter().map(|written| written.outcome).collect()
}

/// Reports outcomes whose claims would expire before anybody could make them, whatever the day of achievement.
pub(in super::super) fn claimable(written: &[Written<'_>], calendar: Option<&Calendar>, report: &mut Report<'_>) {
    let Some(calendar) = calendar else { return };
    for Written { outcome, section } in written {
        let Some(within) = outcome.claim.within_days else { continue };
        let wait = outcome.claim.after_working_days;
        let Some((shortest, _)) = calendar.waits(wait) else { continue };
        if within < shortest {
            let problem = format!(
                "the window ends {within} days after the outcome is achieved, before the wait of {wait} working days \
                 is over: no claim could ever be made"
            );
            let at = section.table.get("claim").map_or(section.at.clone(), toml::Spanned::span);
            let remedy = format!("write within_days of at least {shortest}, or a shorter wait");
            report.add(at, Some(&path_of(&section.path, "claim.within_days")), problem, remedy);
        }
    }
}

/// Reports outcomes that ask for attributes which no spell could have.
pub(in super::super) fn achievable(written: &[Written<'_>], attributes: &Attributes, report: &mut Report<'_>) {
    for Written { outcome, section } in written {
        if let AchievedBy::Journey(terms) = &outcome.achieved_by {
            check_trigger(&terms.trigger, attributes, section, report);
        }
    }
}

/// The conversions from an outcome back to itself, if there are.
fn circle(written: &[Written<'_>], start: &str) -> Option<Vec<String>> {
    let mut way = vec![start.to_owned()];
    while let Some(last) = way.last() {
        let from = written.iter().find(|other| other.outcome.code == *last)?.outcome.convert_from.as_deref()?;
        let closed = from == start;
        if !closed && way.iter().any(|code| code == from) {
            return None;
        }
        way.push(from.to_owned());
        if closed {
            return Some(way);
        }
    }
    None
}
