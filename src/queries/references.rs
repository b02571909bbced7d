//! External references: the case numbers of another system for the journeys of a contract.

use super::generation::Generation;
use crate::access::InScope;
use crate::store::{Sql, StoreError, doing, on};

static OF_SYSTEM: Sql =
    Sql::new("select distinct id from external_reference where contract = $1 and system = $2 order by id limit $3");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&OF_SYSTEM];

impl Generation {
    /// Every case number of a system in a contract.
    pub async fn references(&self, scope: InScope<'_>, system: &str) -> Result<Vec<String>, StoreError> {
        let sql = OF_SYSTEM.text(self.reader.dialect());
        let found: sqlx::Result<Vec<(String,)>> = on!(&self.reader, pool => {
            sqlx::query_as(sql).bind(scope.contract()).bind(system).bind(i64::MAX).fetch_all(pool).await
        });
        Ok(found.map_err(doing("read the case numbers of another system"))?.into_iter().map(|(id,)| id).collect())
    }
}
