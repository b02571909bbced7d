//! The facts of the deployment about access: roles that were granted, sessions that were ended, keys for machines.
//!
//! Only data. A login is stored as it was given. Of a key for a machine only the digest is stored, never the key.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::fact::envelope::{ApiKeyId, GrantId};
use crate::fact::role::Role;

/// The word for every contract of the deployment.
pub const EVERY_CONTRACT: &str = "*";

/// A role was granted to a login, for some contracts. It takes effect at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleGranted {
    /// The id of the grant. The fact that revokes it names this id.
    pub grant: GrantId,
    /// The login, as the identity provider spells it.
    pub login: String,
    /// The URL of the only issuer whose tokens count. None: those of every issuer that the server trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The role.
    pub role: Role,
    /// The contracts, by code; `*` for every contract.
    pub contracts: Vec<String>,
    /// The service areas that the role is limited to, by code. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<String>,
    /// The first day without the role, if it is known in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// A granted role was taken away. It takes effect at once, whatever its date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRevoked {
    /// The grant.
    pub grant: GrantId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// All sessions of a login were ended: tokens that were issued to it before an instant are no longer accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsRevoked {
    /// The login.
    pub login: String,
    /// The instant, by the clock that tokens use.
    pub issued_before: DateTime<Utc>,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}

/// A key for a machine was issued. The machine signs in with the key and has the role integrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyIssued {
    /// The id of the key.
    pub key: ApiKeyId,
    /// The name of the machine. Records name it as their author.
    pub label: String,
    /// The SHA-256 of the key, in lower-case hexadecimal.
    pub digest: String,
    /// The contracts, by code; `*` for every contract.
    pub contracts: Vec<String>,
    /// The service areas that the key is limited to, by code. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<String>,
    /// The first day on which the key is no longer accepted.
    pub expires_on: NaiveDate,
    /// The key that this one replaces, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ApiKeyId>,
    /// The first day on which the replaced key is no longer accepted. Until then both are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_until: Option<NaiveDate>,
}

/// A key for a machine was revoked. It takes effect at once, whatever its date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRevoked {
    /// The key.
    pub key: ApiKeyId,
    /// The reason: at most 200 characters, no personal data.
    pub reason: String,
}
