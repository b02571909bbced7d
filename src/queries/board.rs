//! Boards: the groups of a table and the order of its rows.
//!
//! Pure. A row must never be left out because its count is zero.

use std::collections::BTreeMap;

use serde_json::json;

use crate::access::InScope;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{TeamId, WorkerId};

/// A keyworker, as named on a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The worker's id.
    pub worker: WorkerId,
    /// The label on boards, such as `KW-07`.
    pub label: String,
}

/// A team, as named on a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTeam {
    /// The team's id.
    pub team: TeamId,
    /// The label on boards.
    pub label: String,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// The whole contract.
    Whole,
    /// A service area, by code.
    Area(String),
    /// The cases of a keyworker.
    Keyworker(Holder),
    /// The cases of a team's keyworkers.
    Team(NamedTeam),
    /// The cases of keyworkers without a team.
    NoTeam,
    /// The cases without a keyworker.
    Unassigned,
    /// The cases that ended for a reason, by code.
    Reason(String),
}

impl Group {
    /// The label at the start of the row.
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

/// A code as a title: `tower-hamlets` becomes Tower Hamlets.
fn title(code: &str) -> String {
    code.split(['-', '_', ' ']).map(capitalised).collect::<Vec<_>>().join(" ")
}

/// A code as a phrase: `lost_contact` becomes Lost contact.
fn sentence(code: &str) -> String {
    capitalised(&code.replace(['-', '_'], " "))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Rows by code: all codes in the rulebook, in its order, even with a count of zero, then any other code found.
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

/// The rows without those of areas outside a scope.
pub(super) fn in_scope<T>(scope: InScope<'_>, rows: Vec<(Group, T)>) -> Vec<(Group, T)> {
    let is_within = |(group, _): &(Group, T)| match group {
        Group::Area(code) => scope.has_area(code),
        _ => true,
    };
    rows.into_iter().filter(is_within).collect()
}

/// The areas of a scope in the form that a statement binds. `None` for the whole contract.
pub(super) fn areas(scope: InScope<'_>) -> Option<String> {
    scope.areas().map(|areas| json!(areas).to_string())
}

/// Rows by keyworker in the order of their labels, then always a row of cases without a keyworker.
pub(super) fn by_keyworker<T: Default>(mut found: BTreeMap<Option<(String, WorkerId)>, T>) -> Vec<(Group, T)> {
    let unassigned = found.remove(&None).unwrap_or_default();
    let held = found.into_iter().filter_map(|(holder, row)| {
        let (label, worker) = holder?;
        Some((Group::Keyworker(Holder { worker, label }), row))
    });
    held.chain([(Group::Unassigned, unassigned)]).collect()
}

/// Rows by team in the order of their labels, then always a row of keyworkers without a team and a row of cases without
/// a keyworker.
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

/// A count from SQL.
pub(super) fn count(rows: i64) -> u64 {
    u64::try_from(rows).expect("a count is never negative")
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
