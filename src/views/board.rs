//! Boards: by what a table is broken down, and its rows in the order in which people read them.
//!
//! Pure. It must never leave a row out because nothing was counted in it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::access::InScope;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{TeamId, WorkerId};

/// A keyworker as a board names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub worker: WorkerId,
    /// What boards print, such as `KW-07`.
    pub label: String,
}

/// A team as a board names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTeam {
    /// Which team.
    pub team: TeamId,
    /// What boards print.
    pub label: String,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// The whole contract.
    Whole,
    /// A service area, by code.
    Area(String),
    /// The cases that a keyworker holds.
    Keyworker(Holder),
    /// The cases that the keyworkers of a team hold.
    Team(NamedTeam),
    /// The cases of keyworkers who are in no team.
    NoTeam,
    /// The cases that no keyworker holds.
    Unassigned,
    /// The cases that ended for a reason, by code.
    Reason(String),
}

impl Group {
    /// What a board prints at the beginning of the row.
    pub fn label(&self) -> String {
        match self {
            Self::Whole => "All".to_owned(),
            Self::Area(code) => title(code),
            Self::Keyworker(holder) => holder.label.clone(),
            Self::Team(named) => named.label.clone(),
            Self::NoTeam => "No team".to_owned(),
            Self::Unassigned => "Unassigned".to_owned(),
            Self::Reason(code) => sentence(code),
        }
    }
}

/// A code as a name: `tower-hamlets` is Tower Hamlets.
fn title(code: &str) -> String {
    code.split(['-', '_', ' ']).map(capitalised).collect::<Vec<_>>().join(" ")
}

/// A code as a phrase: `lost_contact` is Lost contact.
fn sentence(code: &str) -> String {
    capitalised(&code.replace(['-', '_'], " "))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Rows by a code: those that the rulebook lists in its order, whether or not anything is counted in them, then any
/// other that was found.
pub(super) fn by_code<T: Default>(
    rulebook: &Rulebook,
    list: CodeList,
    group: impl Fn(String) -> Group,
    mut found: BTreeMap<String, T>,
) -> Vec<(Group, T)> {
    let listed = rulebook.codes.listed(list).unwrap_or_default();
    let mut rows: Vec<(Group, T)> =
        listed.iter().map(|code| (group(code.clone()), found.remove(code).unwrap_or_default())).collect();
    rows.extend(found.into_iter().map(|(code, row)| (group(code), row)));
    rows
}

/// Rows by service area.
pub(super) fn by_area<T: Default>(rulebook: &Rulebook, found: BTreeMap<String, T>) -> Vec<(Group, T)> {
    by_code(rulebook, CodeList::Areas, Group::Area, found)
}

/// Those of these rows that are not of an area beyond a scope.
pub(super) fn in_scope<T>(scope: InScope<'_>, rows: Vec<(Group, T)>) -> Vec<(Group, T)> {
    let is_within = |(group, _): &(Group, T)| match group {
        Group::Area(code) => scope.has_area(code),
        _ => true,
    };
    rows.into_iter().filter(is_within).collect()
}

/// The areas of a scope as a statement binds them: none where it is the whole contract.
pub(super) fn areas(scope: InScope<'_>) -> Option<String> {
    scope.areas().map(|areas| json!(areas).to_string())
}

/// Rows by keyworker in the order of their labels, then the unassigned cases, always.
pub(super) fn by_keyworker<T: Default>(mut found: BTreeMap<Option<(String, WorkerId)>, T>) -> Vec<(Group, T)> {
    let unassigned = found.remove(&None).unwrap_or_default();
    let held = found.into_iter().filter_map(|(holder, row)| {
        let (label, worker) = holder?;
        Some((Group::Keyworker(Holder { worker, label }), row))
    });
    held.chain([(Group::Unassigned, unassigned)]).collect()
}

/// Rows by team in the order of their labels, then the cases of keyworkers in none, then the unassigned, always.
#[expect(clippy::option_option, reason = "no keyworker, a keyworker in no team, a team")]
pub(super) fn by_team<T: Default>(mut found: BTreeMap<Option<Option<(String, TeamId)>>, T>) -> Vec<(Group, T)> {
    let unassigned = found.remove(&None).unwrap_or_default();
    let alone = found.remove(&Some(None)).unwrap_or_default();
    let teams = found.into_iter().filter_map(|(team, row)| {
        let (label, team) = team??;
        Some((Group::Team(NamedTeam { team, label }), row))
    });
    teams.chain([(Group::NoTeam, alone), (Group::Unassigned, unassigned)]).collect()
}

/// A count as SQL gives it.
pub(super) fn count(rows: i64) -> u64 {
    u64::try_from(rows).expect("nothing is counted below zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_printed_as_people_write_it() {
        assert_eq!(Group::Area("tower-hamlets".to_owned()).label(), "Tower Hamlets");
        assert_eq!(Group::Reason("lost_contact".to_owned()).label(), "Lost contact");
    }
}
