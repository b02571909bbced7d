//! The policy: who may do what. It is pure, and the only place that decides this.

use super::relation::Relation;
use super::{Principal, Role, Scope};

/// An action that a caller may want to perform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// See who they are, which contracts they may see, and the results of their own commands.
    LookAround,
    /// See a contract, its terms and its workers.
    KnowContract,
    /// Read recorded events that a query returned: of a case that they may read, or of their own commands.
    ReadRecords,
    /// Read counts and tables of a contract.
    ReadPerformance,
    /// Read caseloads and single cases.
    ReadJourneys,
    /// Read the feed of events.
    ReadEvents,
    /// Export tables of cases, claims and payments.
    ExportTables,
    /// Open the files of evidence of a case.
    OpenEvidence,
    /// Record facts about a client: contacts, plans, spells, closes.
    RecordFacts,
    /// Record a referral.
    ReceiveReferral,
    /// Record a run of an import, its source, and the records that are gone from it.
    RecordImports,
    /// Correct or retract facts about a case.
    CorrectFacts,
    /// Correct or retract facts of any kind. Whether they may for the particular stream is checked there.
    Amend,
    /// Register a subject.
    RegisterSubject,
    /// Record who a subject is.
    SealIdentity,
    /// Open names, notes and other sealed texts of a case or subject.
    OpenIdentity,
    /// See who a subject is for a limited time, with a reason, where the role otherwise sees a pseudonym.
    RevealIdentity,
    /// End a reveal early.
    EndReveal,
    /// Read the access log and the reveals.
    ReadAccessLog,
    /// Record consents of a subject.
    RecordConsent,
    /// Link and unlink records of a subject.
    LinkSubjects,
    /// Place and lift legal holds, propose and approve erasures.
    RetainSubjects,
    /// Read who is due to be erased under the retention periods of a contract.
    ReadRetention,
    /// Export all that is held about a subject, for that subject.
    ExportSubject,
    /// Record workers, their WTE and teams. Access to cases depends on these.
    ManageStaff,
    /// Read absences and assessment scores of staff.
    ReadStaff,
    /// Report on a contract: commentary, reports, closed periods, measures.
    AccountForContract,
    /// Supervise a contract: assessments of indicators, notices, agreed actions.
    HoldToContract,
    /// Preview a draft rulebook, as counts and sums.
    PreviewRules,
    /// Read batches and proposed adjustments and withdrawals.
    ReadBatches,
    /// Read the use of caps, across all areas.
    ReadCaps,
    /// Open batches; submit, resubmit and withdraw claims.
    ClaimOutcomes,
    /// Accept, query or reject claims.
    DecideClaims,
    /// Record payments and raise adjustments.
    SettleClaims,
    /// Open, vary or end a contract; publish its rulebooks and targets.
    RuleContracts,
    /// Read, rebuild and repair views.
    TendViews,
    /// Make, change, read and end the webhooks of a contract.
    ManageSubscriptions,
    /// Send files and events of other systems to be imported, and watch and cancel these imports.
    ImportRecords,
    /// Grant and revoke roles, end sessions, issue and revoke keys of machines, and read these.
    ManageAccess,
    /// Offer referrals to a contract, read what became of one's own, and withdraw them.
    OfferReferrals,
    /// Read the referral inbox of a contract.
    ReadInbox,
    /// Read an offered referral: from the inbox, or one's own.
    ReadOffers,
    /// Accept, link or decline offered referrals.
    DecideOffers,
}

/// Data that is hidden from a caller who may read the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Redaction {
    /// Case numbers of other systems, and fields that contain them.
    CaseNumbers,
    /// Logins of those who record.
    Logins,
    /// Ids of subjects, in place of which a pseudonym of the contract is shown.
    SubjectIds,
}

/// The caller may perform the action, except for what is hidden from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allow {
    /// The hidden data.
    pub redactions: &'static [Redaction],
}

impl Allow {
    /// Whether this data is hidden.
    pub fn redacts(self, redaction: Redaction) -> bool {
        self.redactions.contains(&redaction)
    }
}

/// The reason why a caller may not perform an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The role does not allow the action at all.
    #[error("the role {role} may not {what}: use a token with another role")]
    Role {
        /// The role.
        role: Role,
        /// The action, as text for the message.
        what: &'static str,
    },
    /// The token is limited to service areas, but the action concerns whole contracts.
    #[error("a token for some areas may not {what}, because this concerns a whole contract: use a token without areas")]
    Areas {
        /// The action, as text for the message.
        what: &'static str,
    },
    /// The token is limited to some contracts, but the action concerns the whole deployment.
    #[error("a token for some contracts may not {what}, because this concerns all contracts: use a token for all")]
    Contracts {
        /// The action, as text for the message.
        what: &'static str,
    },
    /// The object is outside the caller's access. The response must be the same as for an object that does not exist.
    #[error("not found")]
    Outside,
}

/// The kind of object that an action concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The deployment.
    Deployment,
    /// A whole contract and its workers.
    Contract,
    /// One case, or a subject through its cases.
    Journey,
    /// The person behind a case. Keyworkers open it only for cases that they or their team hold.
    Person,
}

/// Whether a caller may perform an action on an object with this relation.
pub fn policy(principal: &Principal, action: Action, relation: Relation) -> Result<Allow, Denied> {
    use Role::{Administrator, Auditor, Commissioner, Integrator, Keyworker, Manager};
    let (what, about, roles): (_, _, &[Role]) = match action {
        Action::LookAround => ("look around", About::Deployment, &Role::ALL),
        Action::KnowContract => ("see contracts", About::Contract, &Role::ALL),
        Action::ReadRecords => ("read records", About::Journey, &Role::ALL),
        Action::ReadPerformance => {
            ("read performance", About::Contract, &[Keyworker, Manager, Commissioner, Auditor, Administrator])
        }
        Action::ReadJourneys => {
            ("read cases", About::Journey, &[Keyworker, Manager, Commissioner, Auditor, Integrator])
        }
        Action::ReadEvents => ("read events", About::Contract, &[Manager, Auditor, Integrator]),
        Action::ExportTables => ("export tables", About::Contract, &[Manager, Commissioner, Auditor, Integrator]),
        // A file shows who the client is, like names and notes.
        Action::OpenEvidence => ("open evidence files", About::Person, &[Keyworker, Manager]),
        Action::RecordFacts => ("record facts", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::ReceiveReferral => ("receive referrals", About::Contract, &[Keyworker, Manager, Integrator]),
        Action::RecordImports => ("record runs of imports", About::Contract, &[Manager, Integrator]),
        Action::CorrectFacts => ("correct facts", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::Amend => {
            ("amend facts", About::Journey, &[Keyworker, Manager, Commissioner, Integrator, Administrator])
        }
        Action::RegisterSubject => ("register subjects", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::SealIdentity => ("record who a subject is", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::OpenIdentity => ("open names and notes", About::Person, &[Keyworker, Manager]),
        Action::RevealIdentity => ("reveal who a subject is", About::Journey, &[Commissioner, Auditor]),
        Action::EndReveal => ("end reveals", About::Journey, &[Commissioner, Auditor, Administrator]),
        Action::ReadAccessLog => ("read the access log", About::Deployment, &[Administrator]),
        Action::RecordConsent => ("record consents", About::Journey, &[Keyworker, Manager, Integrator]),
        Action::LinkSubjects => ("link subjects", About::Journey, &[Manager, Integrator]),
        Action::RetainSubjects => ("place holds or handle erasures", About::Journey, &[Manager, Administrator]),
        Action::ReadRetention => ("read who is due to be erased", About::Contract, &[Manager, Administrator]),
        // It opens everything at once, so it is not for keyworkers, who open what they work with.
        Action::ExportSubject => ("export all about a subject", About::Person, &[Manager]),
        Action::ManageStaff => ("manage staff", About::Contract, &[Manager, Integrator, Administrator]),
        Action::ReadStaff => ("read details of staff", About::Contract, &[Manager, Auditor, Integrator]),
        Action::AccountForContract => ("report on contracts", About::Contract, &[Manager, Integrator]),
        Action::HoldToContract => ("supervise contracts", About::Contract, &[Manager, Commissioner]),
        Action::PreviewRules => {
            ("preview rules", About::Contract, &[Manager, Commissioner, Auditor, Integrator, Administrator])
        }
        Action::ReadBatches => ("read batches", About::Contract, &[Manager, Commissioner, Auditor, Integrator]),
        Action::ReadCaps => ("read caps", About::Contract, &[Manager, Commissioner, Auditor, Integrator]),
        Action::ClaimOutcomes => ("claim outcomes", About::Contract, &[Manager]),
        Action::DecideClaims => ("decide on claims", About::Contract, &[Commissioner]),
        Action::SettleClaims => ("settle claims", About::Contract, &[Manager, Commissioner]),
        Action::RuleContracts => ("set the terms, rules or targets of contracts", About::Contract, &[Administrator]),
        Action::TendViews => ("manage the views", About::Deployment, &[Administrator]),
        Action::ManageSubscriptions => ("manage webhooks", About::Contract, &[Manager, Integrator, Administrator]),
        Action::ImportRecords => ("import records", About::Contract, &[Manager, Integrator]),
        Action::ManageAccess => ("manage access", About::Deployment, &[Administrator]),
        Action::OfferReferrals => ("offer referrals", About::Contract, &[Manager, Integrator]),
        Action::ReadInbox => ("read the referral inbox", About::Contract, &[Keyworker, Manager, Auditor]),
        Action::ReadOffers => ("read offered referrals", About::Contract, &[Keyworker, Manager, Auditor, Integrator]),
        Action::DecideOffers => ("decide on offered referrals", About::Contract, &[Keyworker, Manager]),
    };
    let role = principal.role;
    if !roles.contains(&role) {
        return Err(Denied::Role { role, what });
    }
    // Someone who gives rights in some contracts only could give themselves rights in others.
    if matches!(action, Action::ManageAccess | Action::ReadAccessLog) && principal.scope != Scope::Deployment {
        return Err(Denied::Contracts { what });
    }
    if principal.scope.areas().is_some() && is_of_whole_contracts(action) {
        return Err(Denied::Areas { what });
    }
    let outside = match about {
        About::Deployment => false,
        About::Contract => relation == Relation::Outside,
        About::Journey => is_outside(role, relation),
        About::Person => is_outside(role, relation) || is_bound_to_cases(role) && relation == Relation::Unassigned,
    };
    if outside { Err(Denied::Outside) } else { Ok(Allow { redactions: redactions(role) }) }
}

/// Whether the action concerns all areas of a contract, or several contracts, so that a token limited to areas is not
/// enough.
const fn is_of_whole_contracts(action: Action) -> bool {
    matches!(
        action,
        Action::ManageStaff
            | Action::ReadRetention
            | Action::AccountForContract
            | Action::HoldToContract
            | Action::PreviewRules
            | Action::ReadCaps
            | Action::ClaimOutcomes
            | Action::SettleClaims
            | Action::RuleContracts
            | Action::TendViews
            | Action::ManageSubscriptions
            | Action::ImportRecords
    )
}

/// Whether a case or subject must be treated as non-existent for this role and relation.
pub fn is_outside(role: Role, relation: Relation) -> bool {
    relation == Relation::Outside || is_bound_to_cases(role) && relation == Relation::Contract
}

/// Whether the rights of a role depend on who holds a case. For other roles the relation need not be read.
pub const fn is_bound_to_cases(role: Role) -> bool {
    matches!(role, Role::Keyworker)
}

/// The data hidden from a role.
const fn redactions(role: Role) -> &'static [Redaction] {
    match role {
        Role::Commissioner => &[Redaction::CaseNumbers, Redaction::Logins, Redaction::SubjectIds],
        // An auditor verifies records byte for byte, and these have the ids of subjects. Everything else shows pseudonyms.
        Role::Auditor => &[Redaction::SubjectIds],
        Role::Keyworker | Role::Manager | Role::Integrator | Role::Administrator => &[],
    }
}

/// Whether a role sees counts of one to four people in a report that hides them from its readers. Those who work for the
/// service see the cases anyway, and auditors verify records byte for byte.
pub const fn sees_small_counts(role: Role) -> bool {
    !matches!(role, Role::Commissioner)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_administrator_manages_contracts_and_sees_no_case() {
        assert!(may(Role::Administrator, Action::RuleContracts));
        for relation in Relation::ALL {
            let denied = judged(Role::Administrator, Action::ReadJourneys, relation);
            assert!(matches!(denied, Err(Denied::Role { .. })), "{relation:?}");
        }
        assert!(!may(Role::Manager, Action::RuleContracts));
    }

    #[test]
    fn a_keyworker_works_with_own_cases_team_cases_and_unassigned_cases() {
        for action in [Action::ReadJourneys, Action::RecordFacts, Action::CorrectFacts] {
            for relation in [Relation::Own, Relation::Team, Relation::Unassigned] {
                assert!(judged(Role::Keyworker, action, relation).is_ok(), "{action:?} {relation:?}");
            }
            for relation in [Relation::Contract, Relation::Outside] {
                assert_eq!(judged(Role::Keyworker, action, relation), Err(Denied::Outside), "{action:?} {relation:?}");
            }
        }
        for action in [Action::OpenIdentity, Action::OpenEvidence] {
            for relation in [Relation::Own, Relation::Team] {
                assert!(judged(Role::Keyworker, action, relation).is_ok(), "{action:?} {relation:?}");
            }
            for relation in [Relation::Unassigned, Relation::Contract, Relation::Outside] {
                assert_eq!(judged(Role::Keyworker, action, relation), Err(Denied::Outside), "{action:?} {relation:?}");
            }
        }
        assert!(judged(Role::Keyworker, Action::ReceiveReferral, Relation::Contract).is_ok());
        assert!(judged(Role::Keyworker, Action::ReadPerformance, Relation::Contract).is_ok());
    }

    #[test]
    fn nobody_may_do_anything_outside_their_scope() {
        for role in Role::ALL {
            for action in [Action::ReadJourneys, Action::RecordFacts, Action::ReadPerformance, Action::ReceiveReferral]
            {
                assert!(judged(role, action, Relation::Outside).is_err(), "{role} {action:?}");
            }
        }
    }

    #[test]
    fn a_token_for_some_areas_reads_cases_and_decides_claims_but_not_whole_contracts() {
        let areas = || ["brent".to_owned()].into();
        let scope = Scope::Areas { contracts: ["shps".to_owned()].into(), areas: areas() };
        let borough = Principal { subject: String::new(), role: Role::Commissioner, scope };
        for action in [
            Action::ReadJourneys,
            Action::ReadPerformance,
            Action::ExportTables,
            Action::ReadBatches,
            Action::DecideClaims,
        ] {
            assert!(policy(&borough, action, Relation::Contract).is_ok(), "{action:?}");
        }
        for action in [Action::ReadCaps, Action::HoldToContract, Action::PreviewRules, Action::SettleClaims] {
            assert!(may(Role::Commissioner, action), "{action:?}");
            let denied = policy(&borough, action, Relation::Contract);
            assert!(matches!(denied, Err(Denied::Areas { .. })), "{action:?}");
        }
    }

    #[test]
    fn only_an_administrator_of_the_whole_deployment_manages_access() {
        let within = |role, scope| {
            policy(&Principal { subject: String::new(), role, scope }, Action::ManageAccess, Relation::Contract)
        };
        for role in Role::ALL {
            assert_eq!(within(role, Scope::Deployment).is_ok(), role == Role::Administrator, "{role}");
        }
        let some = Scope::Contracts(["shps".to_owned()].into());
        assert!(matches!(within(Role::Administrator, some), Err(Denied::Contracts { .. })));
    }

    #[test]
    fn names_are_opened_by_a_role_or_by_a_reveal_and_never_by_both() {
        for role in Role::ALL {
            let (opens, reveals) =
                (judged(role, Action::OpenIdentity, Relation::Own), may(role, Action::RevealIdentity));
            assert!(!(opens.is_ok() && reveals), "{role}");
            let is_of_the_case = matches!(role, Role::Keyworker | Role::Manager);
            let is_outside_the_service = matches!(role, Role::Commissioner | Role::Auditor);
            assert_eq!((opens.is_ok(), reveals), (is_of_the_case, is_outside_the_service), "{role}");
            assert_eq!(may(role, Action::ReadAccessLog), role == Role::Administrator, "{role}");
        }
    }

    #[test]
    fn small_counts_are_hidden_from_commissioners_and_from_nobody_else() {
        let hidden: Vec<Role> = Role::ALL.into_iter().filter(|role| !sees_small_counts(*role)).collect();
        assert_eq!(hidden, [Role::Commissioner]);
    }

    #[test]
    fn a_commissioner_reads_under_pseudonyms() {
        let allow = judged(Role::Commissioner, Action::ReadJourneys, Relation::Contract).expect("allowed");
        assert!(allow.redacts(Redaction::CaseNumbers) && allow.redacts(Redaction::Logins));
        let allow = judged(Role::Auditor, Action::ReadJourneys, Relation::Contract).expect("allowed");
        assert_eq!(allow.redactions, [Redaction::SubjectIds]);
        let allow = judged(Role::Manager, Action::ReadJourneys, Relation::Contract).expect("allowed");
        assert_eq!(allow.redactions, []);
    }
}
