//! Access: who a caller is, and what they may see and do.
//!
//! The policy is pure. No caller is anonymous, no read is possible without a [`Scope`], and no list of cases without
//! the caller's access to cases.

pub mod api_key;
pub mod fields;
pub mod offers;
pub mod policy;
pub mod pseudonym;
pub mod relation;
pub mod sign_in;
pub mod token;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use relation::{Cases, Standing};
use throughline_domain::fact::envelope::JourneyId;
pub use throughline_domain::fact::role::{Role, UnknownRole};

/// The contracts that a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every contract of the deployment.
    Deployment,
    /// These contracts, by code.
    Contracts(BTreeSet<String>),
    /// These service areas of these contracts, such as a borough: their cases, their part of the boards, their claims
    /// and their batch lines.
    Areas {
        /// The contracts, by code.
        contracts: BTreeSet<String>,
        /// The areas, by code.
        areas: BTreeSet<String>,
    },
}

impl Scope {
    /// The contract with this code, if it is in scope.
    pub fn contract<'a>(&'a self, code: &'a str) -> Option<InScope<'a>> {
        let within = match self {
            Self::Deployment => true,
            Self::Contracts(codes) | Self::Areas { contracts: codes, .. } => codes.contains(code),
        };
        within.then_some(InScope { contract: code, areas: self.areas() })
    }

    /// The service areas that the scope is limited to; none for whole contracts.
    pub const fn areas(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::Areas { areas, .. } => Some(areas),
            Self::Deployment | Self::Contracts(_) => None,
        }
    }

    /// Whether a caller with this scope may see a subject, worker or team. They may if it has or had a case in one of
    /// their contracts, or has no case in any contract yet. A caller without contracts sees none. `contracts` are the
    /// contracts in which it has or had a case.
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

/// The code of a contract that a caller may see. Only a [`Scope`] creates it, and every read requires it.
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

    /// The service areas that the scope is limited to; none for the whole contract.
    pub const fn areas(self) -> Option<&'a BTreeSet<String>> {
        self.areas
    }

    /// Whether a service area of the contract is in scope.
    pub fn has_area(self, area: &str) -> bool {
        self.areas.is_none_or(|areas| areas.contains(area))
    }

    /// The cases of the contract that a caller with this access may see.
    pub const fn cases(self, standing: &'a Standing) -> CasesInScope<'a> {
        CasesInScope { scope: self, standing, among: None }
    }
}

/// The cases of a contract that a caller may see. Every list of cases requires it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CasesInScope<'a> {
    scope: InScope<'a>,
    standing: &'a Standing,
    among: Option<&'a BTreeSet<JourneyId>>,
}

impl<'a> CasesInScope<'a> {
    /// The same, limited to a set of cases that was looked up before. Needed for a view of an earlier knowledge date,
    /// which knows only the assignments of that time, while access follows those of now.
    #[must_use]
    pub const fn among(self, journeys: Option<&'a BTreeSet<JourneyId>>) -> Self {
        Self { among: journeys, ..self }
    }

    /// The code of the contract.
    pub const fn contract(self) -> &'a str {
        self.scope.contract
    }

    /// Which of its cases.
    pub fn cases(self) -> Cases {
        match self.among {
            Some(journeys) => Cases::Among(journeys.clone()),
            None => self.standing.cases(self.contract()),
        }
    }

    /// The day on which the access was read.
    pub const fn on(self) -> NaiveDate {
        self.standing.on()
    }
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The login, or the machine's name.
    pub subject: String,
    /// The role.
    pub role: Role,
    /// The contracts that they may see.
    pub scope: Scope,
}

impl Principal {
    /// The key of the caller for limits: the role and the normalised login, so that spelling variants are the same
    /// caller.
    pub fn key(&self) -> (Role, String) {
        (self.role, throughline_domain::people::login::key(&self.subject))
    }

    /// The caller as the log records them.
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
    fn people_are_visible_where_they_have_a_case_and_newcomers_in_every_contract() {
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
