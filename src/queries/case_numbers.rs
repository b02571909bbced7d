//! Case numbers of other systems: the external references of journeys.

use uuid::Uuid;

use crate::access::InScope;
use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::JourneyId;

/// The journeys of the contract `$1` with the case number `$3` of the system `$2`.
static OF_NUMBER: Sql = Sql::new(
    "select journey from external_reference where contract = $1 and system = $2 and id = $3 order by journey limit $4",
);

/// Every case number of the system `$2` in the contract `$1`.
static OF_SYSTEM: Sql =
    Sql::new("select distinct id from external_reference where contract = $1 and system = $2 order by id limit $3");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&OF_NUMBER, &OF_SYSTEM];

/// The most journeys to read for one case number. There should be one.
const JOURNEYS_MAX: i64 = 50;

/// The journeys of a contract with this case number of another system. The caller must check who may read the journeys.
pub async fn journeys_with(
    generation: &Generation,
    contract: &str,
    (system, id): (&str, &str),
) -> Result<Vec<JourneyId>, StoreError> {
    let sql = OF_NUMBER.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid,)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(contract).bind(system).bind(id).bind(JOURNEYS_MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("find the journeys of a case number"))?;
    Ok(found.into_iter().map(|(journey,)| JourneyId(journey)).collect())
}

/// Every case number of a system in a contract.
pub async fn of_system(generation: &Generation, scope: InScope<'_>, system: &str) -> Result<Vec<String>, StoreError> {
    let sql = OF_SYSTEM.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(String,)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(scope.contract()).bind(system).bind(i64::MAX).fetch_all(pool).await
    });
    Ok(found.map_err(doing("read the case numbers of another system"))?.into_iter().map(|(id,)| id).collect())
}
