//! Callers as the gateway sees them: the key to count requests by, and the time left on a token.
//!
//! Token expiry uses the machine's clock, even if the service's clock is set to another day.

use std::time::Duration;

use throughline_gateway::{Caller, CallerKey, TokenRefusal};

use crate::access::token::{InvalidToken, Login, Remedy};
use crate::clock::Clock;

impl Caller for Login {
    /// The role and the key of the login, so that different spellings of one login count together.
    fn key(&self) -> CallerKey {
        let (role, login) = self.principal.key();
        CallerKey::new(format!("{role} {login}"))
    }

    fn time_left(&self) -> Duration {
        (self.expires_at - Clock::Machine.now()).to_std().unwrap_or_default()
    }

    async fn barred(&self) {
        self.rights_change().await;
    }
}

impl TokenRefusal for InvalidToken {
    fn reason(&self) -> &'static str {
        self.reason()
    }

    fn has_expired(&self) -> bool {
        self.has_expired()
    }

    fn is_too_many(&self) -> bool {
        matches!(self.remedy(), Remedy::Wait(_))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use throughline_gateway::Budget;

    use super::*;
    use crate::access::{Principal, Role, Scope};

    fn login(subject: &str, role: Role, expires_at: DateTime<Utc>) -> Login {
        let principal = Principal { subject: subject.to_owned(), role, scope: Scope::Deployment };
        Login::until(expires_at, principal, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn spellings_of_one_login_share_a_budget_and_roles_do_not() {
        let manager = |subject: &str| login(subject, Role::Manager, Clock::Machine.now()).key();
        let budget = Budget::per_minute(60);
        assert_eq!(budget.spend(&manager("Zo\u{e9}"), 60), Ok(()));
        for written in ["zo\u{e9}", "ZOE\u{301}"] {
            assert!(budget.spend(&manager(written), 60).is_err(), "{written}");
        }
        assert_eq!(budget.spend(&manager("zoe"), 60), Ok(()));
        let auditor = login("Zo\u{e9}", Role::Auditor, Clock::Machine.now()).key();
        assert_eq!(budget.spend(&auditor, 60), Ok(()));
    }

    #[test]
    fn a_token_has_time_left_until_it_expires() {
        let now = Clock::Machine.now();
        let left = |lasting| login("ann", Role::Manager, now + lasting).time_left();
        assert_eq!(left(TimeDelta::minutes(-1)), Duration::ZERO);
        assert_eq!(left(TimeDelta::zero()), Duration::ZERO);
        let left = left(TimeDelta::minutes(1));
        assert!(left > Duration::from_secs(30) && left <= Duration::from_mins(1), "{left:?}");
    }
}
