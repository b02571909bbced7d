//! The policy: who may do what to what. Pure, and the only place that says so.

use super::relation::Relation;
use super::{Principal, Role};

/// Something that somebody may want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Look around: who they are, which contracts there are for them, what came of their own commands.
    LookAround,
    /// Know a contract, its terms and who works in it.
    KnowContract,
    /// Read recorded events that reached them: of a journey that they may read, or of their own commands.
    ReadRecords,
    /// Read counts and tables over a contract.
    ReadPerformance,
    /// Read caseloads and single journeys.
    ReadJourneys,
    /// Read the log's events.
    ReadEvents,
    /// Record facts about a client: contacts, plans, spells, closes.
    RecordFacts,
    /// Receive a referral.
    ReceiveReferral,
    /// Correct or retract what was recorded of a journey.
    CorrectFacts,
    /// Correct or retract what was recorded of anything: who may for the one thing is judged there.
    Amend,
    /// Register a subject.
    RegisterSubject,
    /// Record what a subject agrees to.
    RecordConsent,
    /// Say which records are of one person.
    LinkSubjects,
    /// Say what of a subject must be kept and what is to be erased.
    RetainSubjects,
    /// Say who works here, how much, and in which team: whose cases somebody sees follows from it.
    ManageStaff,
    /// Read when members of staff are away and how they are scored.
    ReadStaff,
    /// Account for a contract: commentaries, reports, closed periods, measures.
    AccountForContract,
    /// Hold somebody to a contract: indicators, notices, agreed actions.
    HoldToContract,
    /// See what a draft of the rules would move, in counts and sums.
    PreviewRules,
    /// Read batches and what is proposed to be paid or taken back.
    ReadBatches,
    /// Read how much of the caps is used, over all areas.
    ReadCaps,
    /// Open batches, submit claims, submit them again or take them back.
    ClaimOutcomes,
    /// Accept, query or reject claims.
    DecideClaims,
    /// Record what was paid for claims, and decide to pay more or less.
    SettleClaims,
    /// Open, vary or end a contract, publish its rules and targets.
    RuleContracts,
    /// Look at the views themselves, replace them and mend them.
    TendViews,
}

/// What is not shown to somebody who may read the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Redaction {
    /// Case numbers of other systems, and whatever holds them.
    CaseNumbers,
    /// Logins of those who record.
    Logins,
}

/// Somebody may, but for what is not shown to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allow {
    /// What is not shown.
    pub redactions: &'static [Redaction],
}

impl Allow {
    /// Whether this is kept back.
    pub fn redacts(self, redaction: Redaction) -> bool {
        self.redactions.contains(&redaction)
    }
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Their role may not, whatever it is about.
    #[error("the role {role} may not {what}: ask for a token of another role")]
    Role {
        /// Their role.
        role: Role,
        /// What it may not.
        what: &'static str,
    },
    /// Their token is limited to service areas, and this is about the whole of a contract.
    #[error("a token for some areas may not {what}, which is about a whole contract: ask for a token without areas")]
    Areas {
        /// What it may not.
        what: &'static str,
    },
    /// It is none of theirs: to be answered like something that does not exist.
    #[error("there is no such thing")]
    Outside,
}

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The deployment as such.
    Deployment,
    /// A contract as a whole, and who works in it.
    Contract,
    /// One journey, or a subject by its journeys.
    Journey,
}

/// Whether somebody may do something to what they stand in this relation to.
pub fn policy(principal: &Principal, action: Action, relation: Relation) -> Result<Allow, Denied> {
    use Role::{Administrator, Auditor, Commissioner, Integrator, Keyworker, Manager};
    let (what, about, roles): (_, _, &[Role]) = match action {
        Action::LookAround => ("look around", About::Deployment, &Role::ALL),
        Action::KnowContract => ("know a contract", About::Contract, &Role::ALL),
        Action::ReadRecords => ("read records", About::Journey, &Role::ALL),
        Action::ReadPerformance => {
            ("read performance", About::Contract, &[Keyworker, Manager, Commissioner, Auditor, Administrator])
        }
        Action::ReadJourneys => {
            ("read journeys", About::Journey, &[Keyworker, Manager, Commissioner, Auditor, Integrator])
        }
        Action::ReadEvents => ("read events", About::Contract, &[Manager, Auditor, Integrator]),
        Action::RecordFacts => ("record facts", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::ReceiveReferral => ("receive referrals", About::Contract, &[Keyworker, Manager, Integrator]),
        Action::CorrectFacts => ("correct facts", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::Amend => {
            ("amend facts", About::Journey, &[Keyworker, Manager, Commissioner, Integrator, Administrator])
        }
        Action::RegisterSubject => ("register subjects", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::RecordConsent => ("record consents", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::LinkSubjects => ("link subjects", About::Journey, &[Manager, Integrator]),
        Action::RetainSubjects => ("place holds or decide on erasures", About::Journey, &[Manager, Administrator]),
        Action::ManageStaff => ("manage staff", About::Contract, &[Manager, Integrator, Administrator]),
        Action::ReadStaff => ("read of staff", About::Contract, &[Manager, Auditor, Integrator]),
        Action::AccountForContract => ("account for a contract", About::Contract, &[Manager, Integrator]),
        Action::HoldToContract => ("hold anybody to a contract", About::Contract, &[Manager, Commissioner]),
        Action::PreviewRules => {
            ("preview rules", About::Contract, &[Manager, Commissioner, Auditor, Integrator, Administrator])
        }
        Action::ReadBatches => ("read batches", About::Contract, &[Manager, Commissioner, Auditor, Integrator]),
        Action::ReadCaps => ("read caps", About::Contract, &[Manager, Commissioner, Auditor, Integrator]),
        Action::ClaimOutcomes => ("claim outcomes", About::Contract, &[Manager]),
        Action::DecideClaims => ("decide on claims", About::Contract, &[Commissioner]),
        Action::SettleClaims => ("settle claims", About::Contract, &[Manager, Commissioner]),
        Action::RuleContracts => ("set the terms, rules or targets of contracts", About::Contract, &[Administrator]),
        Action::TendViews => ("look at or replace the views themselves", About::Deployment, &[Administrator]),
    };
    let role = principal.role;
    if !roles.contains(&role) {
        return Err(Denied::Role { role, what });
    }
    if principal.scope.areas().is_some() && is_of_whole_contracts(action) {
        return Err(Denied::Areas { what });
    }
    let outside = match about {
        About::Deployment => false,
        About::Contract => relation == Relation::Outside,
        About::Journey => is_outside(role, relation),
    };
    if outside { Err(Denied::Outside) } else { Ok(Allow { redactions: redactions(role) }) }
}

/// Whether it is about a contract with all of its areas, or beyond contracts, so that a token for some areas is not
/// enough.
const fn is_of_whole_contracts(action: Action) -> bool {
    matches!(
        action,
        Action::ManageStaff
            | Action::AccountForContract
            | Action::HoldToContract
            | Action::PreviewRules
            | Action::ReadCaps
            | Action::ClaimOutcomes
            | Action::SettleClaims
            | Action::RuleContracts
            | Action::TendViews
    )
}

/// Whether a journey, or a subject, does not exist for whoever acts in this role and stands in this relation to it.
pub fn is_outside(role: Role, relation: Relation) -> bool {
    relation == Relation::Outside || is_bound_to_cases(role) && relation == Relation::Contract
}

/// Whether the rights of a role depend on who holds a case. Of the others nobody needs to ask.
pub const fn is_bound_to_cases(role: Role) -> bool {
    matches!(role, Role::Keyworker)
}

/// What a role is never shown.
const fn redactions(role: Role) -> &'static [Redaction] {
    match role {
        Role::Commissioner => &[Redaction::CaseNumbers, Redaction::Logins],
        Role::Keyworker | Role::Manager | Role::Auditor | Role::Integrator | Role::Administrator => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

    fn judged(role: Role, action: Action, relation: Relation) -> Result<Allow, Denied> {
        policy(&Principal { subject: String::new(), role, scope: Scope::Deployment }, action, relation)
    }

    fn may(role: Role, action: Action) -> bool {
        judged(role, action, Relation::Contract).is_ok()
    }

    #[test]
    fn an_auditor_reads_everything_and_changes_nothing() {
        for action in [Action::ReadPerformance, Action::ReadJourneys, Action::ReadEvents] {
            assert!(may(Role::Auditor, action));
        }
        for action in [Action::RecordFacts, Action::CorrectFacts, Action::ManageStaff, Action::RuleContracts] {
            assert!(!may(Role::Auditor, action));
        }
    }

    #[test]
    fn an_administrator_rules_contracts_and_sees_no_journey() {
        assert!(may(Role::Administrator, Action::RuleContracts));
        for relation in Relation::ALL {
            let denied = judged(Role::Administrator, Action::ReadJourneys, relation);
            assert!(matches!(denied, Err(Denied::Role { .. })), "{relation:?}");
        }
        assert!(!may(Role::Manager, Action::RuleContracts));
    }

    #[test]
    fn a_keyworker_works_with_their_own_cases_their_teams_and_those_that_nobody_has() {
        for action in [Action::ReadJourneys, Action::RecordFacts, Action::CorrectFacts] {
            for relation in [Relation::Own, Relation::Team, Relation::Unassigned] {
                assert!(judged(Role::Keyworker, action, relation).is_ok(), "{action:?} {relation:?}");
            }
            for relation in [Relation::Contract, Relation::Outside] {
                assert_eq!(judged(Role::Keyworker, action, relation), Err(Denied::Outside), "{action:?} {relation:?}");
            }
        }
        assert!(judged(Role::Keyworker, Action::ReceiveReferral, Relation::Contract).is_ok());
        assert!(judged(Role::Keyworker, Action::ReadPerformance, Relation::Contract).is_ok());
    }

    #[test]
    fn outside_there_is_nothing_for_anybody() {
        for role in Role::ALL {
            for action in [Action::ReadJourneys, Action::RecordFacts, Action::ReadPerformance, Action::ReceiveReferral]
            {
                assert!(judged(role, action, Relation::Outside).is_err(), "{role} {action:?}");
            }
        }
    }

    #[test]
    fn a_token_for_some_areas_reads_cases_and_decides_claims_and_nothing_of_whole_contracts() {
        let areas = || ["brent".to_owned()].into();
        let scope = Scope::Areas { contracts: ["shps".to_owned()].into(), areas: areas() };
        let borough = Principal { subject: String::new(), role: Role::Commissioner, scope };
        for action in [Action::ReadJourneys, Action::ReadPerformance, Action::ReadBatches, Action::DecideClaims] {
            assert!(policy(&borough, action, Relation::Contract).is_ok(), "{action:?}");
        }
        for action in [Action::ReadCaps, Action::HoldToContract, Action::PreviewRules, Action::SettleClaims] {
            assert!(may(Role::Commissioner, action), "{action:?}");
            let denied = policy(&borough, action, Relation::Contract);
            assert!(matches!(denied, Err(Denied::Areas { .. })), "{action:?}");
        }
    }

    #[test]
    fn a_commissioner_reads_by_pseudonyms() {
        let allow = judged(Role::Commissioner, Action::ReadJourneys, Relation::Contract).expect("allowed");
        assert!(allow.redacts(Redaction::CaseNumbers) && allow.redacts(Redaction::Logins));
        let allow = judged(Role::Auditor, Action::ReadJourneys, Relation::Contract).expect("allowed");
        assert_eq!(allow.redactions, []);
    }
}
