//! Access to the deployment: the roles that were granted to logins, the keys of machines, and the sessions that were
//! ended.
//!
//! Pure. It says which rights the log gives. Whether a token is genuine is not checked here.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::fact::consistency::{DatedFact, Violation, judged};
use crate::fact::envelope::{ApiKeyId, GrantId};
use crate::fact::event::{ApiKeyIssued, Event, RoleGranted};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::fact::{Fact, History};
use crate::people::login;
use crate::people::open_close::{Pairs, Part, Words};

/// Everything that the log says about access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// All grants, in the order in which they were recorded.
    pub grants: Vec<Grant>,
    /// All keys, in the order in which they were recorded.
    pub keys: Vec<ApiKey>,
    grants_of: HashMap<String, Vec<usize>>,
    key_of: HashMap<String, usize>,
    sessions: HashMap<String, DateTime<Utc>>,
}

/// When something was recorded, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// When.
    pub at: DateTime<Utc>,
    /// The login of the person, or the name of the machine.
    pub by: String,
}

impl Author {
    fn of(fact: &Fact<'_>) -> Self {
        Self { at: fact.original.recorded_at, by: fact.original.actor.subject.clone() }
    }
}

/// A role that was granted to a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What was granted.
    pub details: RoleGranted,
    /// Who granted it.
    pub granted: Author,
    /// Who revoked it, if someone did.
    pub revoked: Option<Author>,
}

impl Grant {
    /// Whether the role may be used on a day.
    pub fn is_in_force(&self, day: NaiveDate) -> bool {
        self.revoked.is_none() && self.details.until.is_none_or(|until| day < until)
    }
}

/// A key of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What was issued.
    pub details: ApiKeyIssued,
    /// Who issued it.
    pub issued: Author,
    /// Who revoked it, if someone did.
    pub revoked: Option<Author>,
    /// The key that replaces it, if there is one.
    pub replaced_by: Option<ApiKeyId>,
    /// The first day on which it is no longer accepted.
    pub ends_on: NaiveDate,
}

impl ApiKey {
    /// Whether the key is accepted on a day.
    pub fn is_in_force(&self, day: NaiveDate) -> bool {
        self.revoked.is_none() && day < self.ends_on
    }
}

impl Access {
    /// Reads the history of the deployment's stream.
    pub fn of(history: &History) -> Self {
        let mut access = Self::default();
        // A right begins and ends when it is recorded, whatever its date. So the order is that of the stream.
        let mut facts = history.facts();
        facts.sort_by_key(|fact| fact.original.version);
        for fact in &facts {
            access.apply(fact);
        }
        access
    }

    fn apply(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::RoleGranted(details) => {
                self.grants_of.entry(login::key(&details.login)).or_default().push(self.grants.len());
                self.grants.push(Grant { details: details.clone(), granted: Author::of(fact), revoked: None });
            }
            Event::RoleRevoked(revoked) => {
                let own = self.grants.iter_mut().find(|grant| grant.details.grant == revoked.grant);
                if let Some(grant) = own {
                    grant.revoked.get_or_insert_with(|| Author::of(fact));
                }
            }
            Event::SessionsRevoked(revoked) => {
                let ended = self.sessions.entry(login::key(&revoked.login)).or_insert(revoked.issued_before);
                *ended = revoked.issued_before.max(*ended);
            }
            Event::ApiKeyIssued(details) => self.issue(details, Author::of(fact)),
            Event::ApiKeyRevoked(revoked) => {
                if let Some(key) = self.keys.iter_mut().find(|key| key.details.key == revoked.key) {
                    key.revoked.get_or_insert_with(|| Author::of(fact));
                }
            }
            _ => {}
        }
    }

    fn issue(&mut self, details: &ApiKeyIssued, issued: Author) {
        if let Some(old) = self.keys.iter_mut().find(|key| Some(key.details.key) == details.replaces) {
            old.replaced_by = Some(details.key);
            old.ends_on = details.replaced_until.unwrap_or(old.ends_on).min(old.ends_on);
        }
        self.key_of.insert(details.digest.clone(), self.keys.len());
        let (ends_on, details) = (details.expires_on, details.clone());
        self.keys.push(ApiKey { details, issued, revoked: None, replaced_by: None, ends_on });
    }

    /// The role that is granted on a day to a login of an issuer. A grant for this issuer alone comes before one for
    /// every issuer.
    pub fn grant_of(&self, login: &str, issuer: &str, day: NaiveDate) -> Option<&Grant> {
        let own = self.grants_of.get(&login::key(login)).into_iter().flatten().map(|at| &self.grants[*at]);
        let own = own.filter(|grant| grant.is_in_force(day));
        let of_issuer = |grant: &&Grant| grant.details.issuer.as_deref().is_none_or(|only| only == issuer);
        own.filter(of_issuer).max_by_key(|grant| grant.details.issuer.is_some())
    }

    /// The key with this digest that is accepted on a day.
    pub fn key_of(&self, digest: &str, day: NaiveDate) -> Option<&ApiKey> {
        self.key_of.get(digest).map(|at| &self.keys[*at]).filter(|key| key.is_in_force(day))
    }

    /// Whether the sessions of a login were ended after a token was issued to it.
    pub fn is_ended(&self, login: &str, issued_at: DateTime<Utc>) -> bool {
        !self.sessions.is_empty() && self.sessions.get(&login::key(login)).is_some_and(|ended| issued_at < *ended)
    }

    /// The grant with this id.
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.details.grant == id)
    }

    /// The key with this id.
    pub fn key(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.keys.iter().find(|key| key.details.key == id)
    }
}

const GRANTS: Words = Words {
    field: "grant",
    begins: "was recorded",
    ends: "was revoked",
    exists: Code::GrantExists,
    not_found: Code::GrantNotFound,
    over: Code::GrantAlreadyRevoked,
    is_final: true,
};

const KEYS: Words = Words {
    field: "key",
    begins: "was issued",
    ends: "was revoked",
    exists: Code::ApiKeyExists,
    not_found: Code::ApiKeyNotFound,
    over: Code::ApiKeyAlreadyRevoked,
    is_final: true,
};

fn part_of_grant(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::RoleGranted(granted) => Some((granted.grant.0, Part::Begins)),
        Event::RoleRevoked(revoked) => Some((revoked.grant.0, Part::Ends)),
        _ => None,
    }
}

fn part_of_key(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::ApiKeyIssued(issued) => Some((issued.key.0, Part::Begins)),
        Event::ApiKeyRevoked(revoked) => Some((revoked.key.0, Part::Ends)),
        _ => None,
    }
}

/// The facts of the deployment's stream that cannot be true with the others, in order.
pub(crate) fn judge(facts: &[DatedFact<'_>]) -> Vec<Violation> {
    let grants = Pairs::of(facts, part_of_grant, GRANTS);
    let keys = Pairs::of(facts, part_of_key, KEYS);
    judged(facts, |fact| {
        let paired = grants.refusal(fact).or_else(|| keys.refusal(fact));
        paired.or_else(|| second_role(fact, &grants)).or_else(|| key_refused(fact, &keys))
    })
}

/// The refusal of a second role for a login that has one.
fn second_role(fact: &DatedFact<'_>, grants: &Pairs<'_>) -> Option<Refusal> {
    let Event::RoleGranted(granted) = fact.event else { return None };
    let open = grants.all().filter(|(_, revoked)| revoked.is_none()).map(|(begun, _)| begun);
    let earlier = open.filter(|begun| begun.latest_version < fact.latest_version).find(|begun| match begun.event {
        Event::RoleGranted(other) => {
            let same_issuer = other.issuer == granted.issuer;
            let over = other.until.is_some_and(|until| until <= fact.occurred.earliest());
            same_issuer && !over && login::is_same(&other.login, &granted.login)
        }
        _ => false,
    })?;
    let message = format!(
        "this login was granted a role on {}: a login has one role for each issuer; revoke that grant first",
        earlier.day()
    );
    Some(Refusal::new(Code::RoleAlreadyGranted, message).at("login").naming([earlier.fact()]))
}

/// The refusal of a key whose name is taken, or that replaces no key that can be replaced.
fn key_refused(fact: &DatedFact<'_>, keys: &Pairs<'_>) -> Option<Refusal> {
    let Event::ApiKeyIssued(issued) = fact.event else { return None };
    // A revocation counts from its place in the stream: it leaves alone what was issued, or replaced, before.
    let open = keys.all().filter(|(begun, revoked)| {
        begun.latest_version < fact.latest_version
            && revoked.is_none_or(|revoked| fact.latest_version < revoked.latest_version)
    });
    let open: Vec<_> = open
        .filter_map(|(begun, _)| match begun.event {
            Event::ApiKeyIssued(other) => Some((begun, other)),
            _ => None,
        })
        .collect();
    if let Some(replaces) = issued.replaces {
        let is_replaced = open.iter().any(|(_, other)| other.replaces == Some(replaces));
        let old = open.iter().find(|(_, other)| other.key == replaces && other.label == issued.label);
        let message = "this key was revoked, or another key has replaced it: rotate that one, or issue a new key";
        let refusal = || Refusal::new(Code::ApiKeyNotFound, message).at("key");
        return (old.is_none() || is_replaced).then(refusal);
    }
    let day = fact.occurred.earliest();
    let (taken, _) = open.iter().find(|(_, other)| other.label == issued.label && day < other.expires_on)?;
    let message = format!(
        "a key with this label was issued on {}: rotate that key, revoke it, or use another label",
        taken.day()
    );
    Some(Refusal::new(Code::LabelTaken, message).at("label").naming([taken.fact()]))
}

/// Refuses a sender who would grant a role to themselves.
pub(crate) fn granted_to_another(fact: &Event, sender: &str) -> Result<(), Vec<Refusal>> {
    match fact {
        Event::RoleGranted(granted) if login::is_same(&granted.login, sender) => {
            let message = "this is your own login: ask another administrator to grant it a role";
            Err(Refusal::new(Code::OwnRole, message).at("login").by("nobody grants a role to themselves").alone())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
