//! Access: who somebody is, and what they may see and do.
//!
//! The policy is pure. Nobody is anonymous, no read is possible without a [`Scope`], and no list of journeys without
//! saying whose.

pub mod fields;
pub mod policy;
pub mod relation;
pub mod token;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;

use relation::{Cases, Standing};
use throughline_domain::fact::envelope::JourneyId;

/// What somebody is to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Works with clients.
    Keyworker,
    /// Allocates and watches caseloads, prepares claims.
    Manager,
    /// Reads performance, decides claims, pays.
    Commissioner,
    /// Replays history; changes nothing.
    Auditor,
    /// A machine that brings referrals and snapshots.
    Integrator,
    /// Opens contracts, publishes rulebooks, manages access.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Keyworker, Self::Manager, Self::Commissioner, Self::Auditor, Self::Integrator, Self::Administrator];

    /// Whether a token for this role may be for some service areas alone. A keyworker's cases follow from who holds them,
    /// and an administrator sees none.
    pub const fn may_be_limited_to_areas(self) -> bool {
        !matches!(self, Self::Keyworker | Self::Administrator)
    }

    /// The role as tokens and records spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keyworker => "keyworker",
            Self::Manager => "manager",
            Self::Commissioner => "commissioner",
            Self::Auditor => "auditor",
            Self::Integrator => "integrator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// The role is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0:?}: write keyworker, manager, commissioner, auditor, integrator or administrator")]
pub struct UnknownRole(String);

/// Which contracts somebody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every contract of the deployment.
    Deployment,
    /// These contracts, by code.
    Contracts(BTreeSet<String>),
    /// These service areas of these contracts, such as a borough: its cases, its part of the boards, its claims and its
    /// lines of the batches.
    Areas {
        /// The contracts, by code.
        contracts: BTreeSet<String>,
        /// The areas, by code.
        areas: BTreeSet<String>,
    },
}

impl Scope {
    /// The contract of this code, as somebody of this scope may name it; none where it is outside.
    pub fn contract<'a>(&'a self, code: &'a str) -> Option<InScope<'a>> {
        let within = match self {
            Self::Deployment => true,
            Self::Contracts(codes) | Self::Areas { contracts: codes, .. } => codes.contains(code),
        };
        within.then_some(InScope { contract: code, areas: self.areas() })
    }

    /// The service areas to which it is limited; none where it is whole contracts.
    pub const fn areas(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::Areas { areas, .. } => Some(areas),
            Self::Deployment | Self::Contracts(_) => None,
        }
    }

    /// Whether somebody of this scope may know of a subject, worker or team: of one who has, or had, a journey or a case
    /// in one of their contracts, and of one who has none in any contract yet and is nobody else's. Who may see no
    /// contract may see nobody.
    pub fn knows_of(&self, contracts: &BTreeSet<String>) -> bool {
        match self {
            Self::Deployment => true,
            Self::Contracts(codes) | Self::Areas { contracts: codes, .. } => {
                if contracts.is_empty() {
                    !codes.is_empty()
                } else {
                    !codes.is_disjoint(contracts)
                }
            }
        }
    }
}

/// The code of a contract that somebody may see. Only a [`Scope`] gives it out, and every read asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InScope<'a> {
    contract: &'a str,
    areas: Option<&'a BTreeSet<String>>,
}

impl<'a> InScope<'a> {
    /// The code.
    pub const fn contract(self) -> &'a str {
        self.contract
    }

    /// The service areas to which it is limited; none where it is the whole contract.
    pub const fn areas(self) -> Option<&'a BTreeSet<String>> {
        self.areas
    }

    /// Whether a service area of the contract is within it.
    pub fn has_area(self, area: &str) -> bool {
        self.areas.is_none_or(|areas| areas.contains(area))
    }

    /// The journeys of the contract that somebody of this standing may be shown.
    pub const fn cases(self, standing: &'a Standing) -> CasesInScope<'a> {
        CasesInScope { scope: self, standing, among: None }
    }
}

/// The journeys of a contract that somebody may be shown: every list of journeys asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CasesInScope<'a> {
    scope: InScope<'a>,
    standing: &'a Standing,
    among: Option<&'a BTreeSet<JourneyId>>,
}

impl<'a> CasesInScope<'a> {
    /// The same where it was looked up before which these are: a view of what was known then knows only who held a case
    /// then, and rights are those of now.
    #[must_use]
    pub const fn among(self, journeys: Option<&'a BTreeSet<JourneyId>>) -> Self {
        Self { among: journeys, ..self }
    }

    /// The contract's code.
    pub const fn contract(self) -> &'a str {
        self.scope.contract
    }

    /// Which of its journeys.
    pub fn cases(self) -> Cases {
        match self.among {
            Some(journeys) => Cases::Among(journeys.clone()),
            None => self.standing.cases(self.contract()),
        }
    }

    /// The day on which that was read.
    pub const fn on(self) -> NaiveDate {
        self.standing.on()
    }
}

/// Somebody who has shown who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Their login, or the machine's name.
    pub subject: String,
    /// What they are.
    pub role: Role,
    /// Which contracts they may see.
    pub scope: Scope,
}

impl Principal {
    /// By what their requests are told from those of others: the role, and the key of the login, however that is written.
    pub fn key(&self) -> (Role, String) {
        (self.role, throughline_domain::people::login::key(&self.subject))
    }

    /// How the log names them.
    pub fn actor(&self) -> throughline_domain::fact::envelope::Actor {
        throughline_domain::fact::envelope::Actor {
            subject: self.subject.clone(),
            role: self.role.as_str().to_owned(),
            on_behalf_of: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_where_they_have_a_case_and_newcomers_to_all_who_see_a_contract() {
        let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<BTreeSet<_>>();
        let scope = |of: &[&str]| Scope::Contracts(codes(of));
        for (scope, contracts, known) in [
            (scope(&["shps"]), &["shps", "kmc"][..], true),
            (scope(&["shps"]), &["kmc"], false),
            (scope(&["shps"]), &[], true),
            (scope(&[]), &[], false),
            (scope(&[]), &["shps"], false),
            (Scope::Deployment, &["shps"], true),
            (Scope::Deployment, &[], true),
        ] {
            assert_eq!(scope.knows_of(&codes(contracts)), known, "{scope:?} {contracts:?}");
        }
    }
}
