//! Who may see an offered referral: the staff of its contract and area, and the partner who sent it.
//!
//! Pure. For everybody else it is as if the offer did not exist.

use super::Principal;
use super::policy::{Action, policy};
use super::relation::Relation;
use throughline_domain::people::login;

/// What decides who may see an offered referral.
#[derive(Debug, Clone, Copy)]
pub struct OfferAccess<'a> {
    /// The code of the contract.
    pub contract: &'a str,
    /// The service area.
    pub area: &'a str,
    /// The key of the partner's login.
    pub partner: &'a str,
}

impl OfferAccess<'_> {
    /// The relation of a caller to the offer. A machine knows only the offers that it sent.
    pub fn relation(self, principal: &Principal) -> Relation {
        let is_within = principal.scope.contract(self.contract).is_some_and(|scope| scope.has_area(self.area));
        let reads_all = policy(principal, Action::ReadInbox, Relation::Contract).is_ok();
        if is_within && (reads_all || self.is_own(principal)) { Relation::Contract } else { Relation::Outside }
    }

    /// Whether the caller is the partner who sent it.
    pub fn is_own(self, principal: &Principal) -> bool {
        login::key(&principal.subject) == self.partner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, Scope};

    fn relation(subject: &str, role: Role, scope: Scope) -> Relation {
        let principal = Principal { subject: subject.to_owned(), role, scope };
        OfferAccess { contract: "shps", area: "brent", partner: "advice-centre" }.relation(&principal)
    }

    #[test]
    fn a_partner_knows_its_own_offers_and_staff_know_those_of_their_contract_and_area() {
        let shps = || Scope::Contracts(["shps".to_owned()].into());
        let areas =
            |area: &str| Scope::Areas { contracts: ["shps".to_owned()].into(), areas: [area.to_owned()].into() };
        let known = Relation::Contract;
        assert_eq!(relation("Advice-Centre", Role::Integrator, shps()), known, "logins compare by key");
        assert_eq!(relation("other-centre", Role::Integrator, shps()), Relation::Outside);
        assert_eq!(relation("other-centre", Role::Integrator, Scope::Deployment), Relation::Outside);
        assert_eq!(relation("ann", Role::Keyworker, shps()), known);
        assert_eq!(relation("ann", Role::Manager, areas("brent")), known);
        assert_eq!(relation("ann", Role::Manager, areas("ealing")), Relation::Outside);
        assert_eq!(relation("ann", Role::Manager, Scope::Contracts(["mhep".to_owned()].into())), Relation::Outside);
        assert_eq!(relation("fund", Role::Commissioner, shps()), Relation::Outside);
    }
}
