//! The role that serving connections use on Postgres, and its privileges.
//!
//! A migration creates the role once. A dump contains no roles and may be restored without privileges. So each opening
//! for writing checks, and grants what is missing. If nothing is missing, nothing is written, because many nodes may
//! start at once.

use sqlx::{Executor as _, PgConnection};

use super::{StoreError, doing};

const GRANTS: &str = include_str!("grants.sql");

/// Grants the serving role the privileges that it lacks in the connection's schema.
pub(super) async fn give(owner: &mut PgConnection) -> Result<(), StoreError> {
    owner.execute(sqlx::raw_sql(GRANTS)).await.map(drop).map_err(doing("give the role throughline_app its privileges"))
}
