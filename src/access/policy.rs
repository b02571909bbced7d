//! The policy: who may do what. Pure, and the only place that says so.

use super::{Principal, Role};

/// Something that somebody may want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read counts and tables over a contract.
    ReadPerformance,
    /// Read caseloads and single journeys.
    ReadJourneys,
    /// Read the log's events.
    ReadEvents,
    /// Record facts about a client: referrals, contacts, plans, spells, closes.
    RecordFacts,
    /// Receive a referral.
    ReceiveReferral,
    /// Correct or retract what was recorded.
    CorrectFacts,
    /// Register a subject.
    RegisterSubject,
    /// Add a member of staff.
    AddWorker,
    /// Open a contract or publish its rules.
    RuleContracts,
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the role {role} may not {what}: ask for a token of another role")]
pub struct Denied {
    role: Role,
    what: &'static str,
}

/// Whether somebody may do something, apart from which contract it is in.
pub fn policy(principal: &Principal, action: Action) -> Result<(), Denied> {
    use Role::{Administrator, Auditor, Commissioner, Integrator, Keyworker, Manager};
    let (what, roles): (_, &[Role]) = match action {
        Action::ReadPerformance => ("read performance", &[Keyworker, Manager, Commissioner, Auditor, Administrator]),
        Action::ReadJourneys => ("read journeys", &[Keyworker, Manager, Commissioner, Auditor, Integrator]),
        Action::ReadEvents => ("read events", &[Manager, Auditor, Integrator]),
        Action::RecordFacts => ("record facts", &[Keyworker, Manager, Integrator]),
        Action::ReceiveReferral => ("receive referrals", &[Keyworker, Manager, Integrator]),
        Action::CorrectFacts => ("correct facts", &[Keyworker, Manager, Integrator]),
        Action::RegisterSubject => ("register subjects", &[Keyworker, Manager, Integrator]),
        Action::AddWorker => ("add workers", &[Manager, Integrator, Administrator]),
        Action::RuleContracts => ("open contracts or publish rulebooks", &[Administrator]),
    };
    if roles.contains(&principal.role) { Ok(()) } else { Err(Denied { role: principal.role, what }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

    fn may(role: Role, action: Action) -> bool {
        policy(&Principal { subject: String::new(), role, scope: Scope::Deployment }, action).is_ok()
    }

    #[test]
    fn an_auditor_reads_everything_and_changes_nothing() {
        for action in [Action::ReadPerformance, Action::ReadJourneys, Action::ReadEvents] {
            assert!(may(Role::Auditor, action));
        }
        for action in [Action::RecordFacts, Action::CorrectFacts, Action::AddWorker, Action::RuleContracts] {
            assert!(!may(Role::Auditor, action));
        }
    }

    #[test]
    fn an_administrator_rules_contracts_and_sees_no_journey() {
        assert!(may(Role::Administrator, Action::RuleContracts));
        assert!(!may(Role::Administrator, Action::ReadJourneys));
        assert!(!may(Role::Manager, Action::RuleContracts));
    }
}
