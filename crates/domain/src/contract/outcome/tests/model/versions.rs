//! Chooses the version of the rulebook that judges each claim of a case, by checking one version after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Day, number};
use super::judge::{Alone, Case, Is};
use crate::contract::rulebook::{AppliesBy, Rulebook};
use crate::fact::envelope::EventId;

/// The point in time from which versions are chosen.
pub(super) struct Sight<'a> {
    pub(super) submitted_on: &'a dyn Fn(&str, u32) -> Option<Day>,
    pub(super) recorded_on: &'a dyn Fn(EventId) -> Day,
}

/// The result of each outcome, with the index of the version that judges it.
pub(super) fn judged(case: &Case, versions: &[Rulebook], sight: &Sight<'_>) -> Vec<(usize, Alone)> {
    let mut by_version: Vec<BTreeMap<(&str, u32), Alone>> = Vec::new();
    for rules in versions {
        let key = |alone: &Alone| (rules.outcomes[alone.outcome].code.as_str(), alone.repeat);
        by_version.push(case.judged(rules).into_iter().map(|alone| (key(&alone), alone)).collect());
    }
    let claims: BTreeSet<(&str, u32)> = by_version.iter().flat_map(|rows| rows.keys().copied()).collect();
    let mut judged = Vec::new();
    for claim in claims {
        let version = applying(case, versions, &by_version, claim, sight);
        judged.extend(by_version[version].get(&claim).map(|alone| (version, alone.clone())));
    }
    judged
}

fn applying(
    case: &Case,
    versions: &[Rulebook],
    by_version: &[BTreeMap<(&str, u32), Alone>],
    claim: (&str, u32),
    sight: &Sight<'_>,
) -> usize {
    let begins = |version: usize| number(versions[version].effective_from);
    let in_force = |version: &usize| begins(*version) <= case.as_of;
    let row = |version: usize| by_version[version].get(&claim).map(|alone| &alone.is);
    let begun = |version: usize| match row(version) {
        Some(Is::Reached(of)) => Some((of.begun.0, of.begun.1)),
        Some(Is::Maturing(begun, _)) => Some(*begun),
        Some(Is::NotStarted) | None => None,
    };
    let achieved = |version: usize| match row(version) {
        Some(Is::Reached(of)) => Some(of.on),
        _ => None,
    };
    let chooses = |version: usize| match versions[version].applies_by {
        AppliesBy::Referred => case.client.received,
        AppliesBy::Occurred => begun(version).map(|(_, day)| day),
        AppliesBy::Achieved => achieved(version),
        AppliesBy::Submitted => Some((sight.submitted_on)(claim.0, claim.1).unwrap_or(case.as_of)),
        AppliesBy::Recorded => begun(version).map(|(event, _)| (sight.recorded_on)(event)),
    };
    let not_before = |day: Option<Day>, version: usize| day.is_none_or(|day| day >= begins(version));
    let retroactive = (0..versions.len()).filter(in_force).filter(|version| versions[*version].retroactive);
    let mut applying = retroactive.max().unwrap_or(0);
    for later in (0..versions.len()).filter(in_force) {
        if later > applying && not_before(chooses(applying), later) && not_before(chooses(later), later) {
            applying = later;
        }
    }
    applying
}
