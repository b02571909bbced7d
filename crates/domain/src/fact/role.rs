//! The roles of callers, as tokens, grants and records name them.
//!
//! Pure. What a role may do is decided by the access policy of the service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The role of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works with clients.
    Keyworker,
    /// Allocates and monitors caseloads, prepares claims.
    Manager,
    /// Reads performance, decides claims, pays.
    Commissioner,
    /// Replays history. Changes nothing.
    Auditor,
    /// A machine that imports referrals and snapshots.
    Integrator,
    /// Opens contracts, publishes rulebooks, manages access.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Keyworker, Self::Manager, Self::Commissioner, Self::Auditor, Self::Integrator, Self::Administrator];

    /// Whether a token for this role may be limited to some service areas. A keyworker's access depends on who holds a
    /// case, and an administrator sees no cases.
    pub const fn may_be_limited_to_areas(self) -> bool {
        !matches!(self, Self::Keyworker | Self::Administrator)
    }

    /// The role's name in tokens and records.
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

/// The role does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0:?}: write keyworker, manager, commissioner, auditor, integrator or administrator")]
pub struct UnknownRole(String);
