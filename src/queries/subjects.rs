//! The subjects of a contract, and whether a caller may know one of them through a case of that contract.

use chrono::NaiveDate;
use uuid::Uuid;

use super::caseload_scope::{journeys_of, readable};
use crate::access::{InScope, Principal};
use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

/// The subjects that have or had a case in the contract `$1`.
static OF_CONTRACT: Sql =
    Sql::new("select distinct subject from journey where contract = $1 order by subject limit $2");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&OF_CONTRACT];

/// All subjects that have or had a case in a contract.
pub async fn of_contract(generation: &Generation, scope: InScope<'_>) -> Result<Vec<SubjectId>, StoreError> {
    let sql = OF_CONTRACT.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid,)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(scope.contract()).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("list the subjects of a contract"))?;
    Ok(found.into_iter().map(|(id,)| SubjectId(id)).collect())
}

/// Whether a caller may read a case of this subject in this contract on a day.
pub async fn is_readable_in(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    (subject, contract): (SubjectId, &str),
) -> Result<bool, StoreError> {
    let cases = journeys_of(generation, &[subject]).await?;
    let in_contract = cases.into_iter().filter(|(_, _, code)| code == contract);
    let cases: Vec<(JourneyId, &str)> = in_contract.map(|(_, journey, _)| (journey, contract)).collect();
    Ok(!readable(generation, principal, on, &cases).await?.is_empty())
}
