//! The inputs about access to the deployment. They have no date: a right begins and ends when it is recorded.

use async_graphql::InputObject;

use super::Stamp;
use super::convert::Conversion;
use crate::graphql::access::Role;
use crate::graphql::scalars::{Date, Id, Instant};
use throughline_domain::fact::envelope::{ApiKeyId, GrantId};
use throughline_domain::fact::event::{ApiKeyRevoked, RoleGranted, RoleRevoked};

/// Grants a role to a login.
#[derive(Debug, Clone, InputObject)]
pub struct GrantRoleInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the grant. Default: a new id.
    pub grant: Option<Id>,
    /// The login, as the identity provider spells it, with the prefix of the issuer if it has one.
    pub login: String,
    /// The URL of the only issuer whose tokens count. Default: every issuer that the server trusts.
    pub issuer: Option<String>,
    /// The role.
    pub role: Role,
    /// The contracts, by code; `*` for every contract.
    pub contracts: Vec<String>,
    /// The service areas that the role is limited to, by code. Not for keyworkers and administrators.
    #[graphql(default)]
    pub areas: Vec<String>,
    /// The first day without the role, if it is known in advance.
    pub until: Option<Date>,
}

impl GrantRoleInput {
    /// The payload of the event.
    pub fn read(self, grant: GrantId) -> RoleGranted {
        RoleGranted {
            grant,
            login: self.login,
            issuer: self.issuer,
            role: self.role.into(),
            contracts: self.contracts,
            areas: self.areas,
            until: self.until.map(|day| day.0),
        }
    }
}

/// Revokes a granted role.
#[derive(Debug, Clone, InputObject)]
pub struct RevokeRoleInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the grant.
    pub grant: Id,
    /// The reason: at most 200 characters, without personal data.
    pub reason: String,
}

impl RevokeRoleInput {
    /// The payload of the event.
    pub fn read(self) -> RoleRevoked {
        RoleRevoked { grant: GrantId(self.grant.0), reason: self.reason }
    }
}

/// Ends all sessions of a login.
#[derive(Debug, Clone, InputObject)]
pub struct RevokeSessionsInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The login.
    pub login: String,
    /// Tokens issued before this instant are no longer accepted. Default: now.
    pub issued_before: Option<Instant>,
    /// The reason: at most 200 characters, without personal data.
    pub reason: String,
}

/// Issues a key with which a machine signs in.
#[derive(Debug, Clone, InputObject)]
pub struct IssueApiKeyInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the key. Default: a new id.
    pub key: Option<Id>,
    /// The name of the machine. Records name it as their author.
    pub label: String,
    /// The contracts, by code; `*` for every contract.
    pub contracts: Vec<String>,
    /// The service areas that the key is limited to, by code.
    #[graphql(default)]
    pub areas: Vec<String>,
    /// The first day on which the key is no longer accepted, at most two years from today.
    pub expires_on: Date,
}

/// Issues a key that replaces another one.
#[derive(Debug, Clone, InputObject)]
pub struct RotateApiKeyInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the key to replace.
    pub key: Id,
    /// The first day on which the new key is no longer accepted, at most two years from today.
    pub expires_on: Date,
    /// The first day on which the old key is no longer accepted. Until then both are. Default: a week from today.
    pub old_until: Option<Date>,
}

/// Revokes a key of a machine.
#[derive(Debug, Clone, InputObject)]
pub struct RevokeApiKeyInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The id of the key.
    pub key: Id,
    /// The reason: at most 200 characters, without personal data.
    pub reason: String,
}

impl RevokeApiKeyInput {
    /// The payload of the event.
    pub fn read(self) -> ApiKeyRevoked {
        ApiKeyRevoked { key: ApiKeyId(self.key.0), reason: self.reason }
    }
}

impl RevokeSessionsInput {
    /// Refuses an instant that lies ahead: it would also end sessions that have not begun.
    pub fn not_ahead(&self, now: chrono::DateTime<chrono::Utc>) -> Conversion {
        let mut conversion = Conversion::default();
        if self.issued_before.is_some_and(|before| before.0 > now) {
            let message = "this instant lies ahead: use one up to now, or leave it out";
            conversion.field("issued_before", |conversion| conversion.invalid(message));
        }
        conversion
    }
}
