//! The role that serving connections act in on Postgres, and what it may do.
//!
//! A migration makes it once. A dump holds no roles, and may be restored without privileges: so each opening for writing
//! looks, and gives what is missing. Where nothing is missing nothing is written, for many nodes may start at once.

use sqlx::{Executor as _, PgConnection};

use super::{StoreError, doing};

const GRANTS: &str = include_str!("grants.sql");

/// Gives the serving role what it lacks in the connection's schema.
pub(super) async fn give(owner: &mut PgConnection) -> Result<(), StoreError> {
    owner.execute(sqlx::raw_sql(GRANTS)).await.map(drop).map_err(doing("give the role throughline_app its privileges"))
}
