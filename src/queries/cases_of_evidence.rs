//! The subject and the contract of a case, for the files of its evidence.
//!
//! It does not say who may see the case: its caller asks that next.

use uuid::Uuid;

use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, SubjectId};

static CASE: Sql = Sql::new("select subject, contract from journey where id = $1 limit 1");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CASE];

/// The subject of a case and the code of its contract. `None` if there is no such case.
pub async fn subject_and_contract(
    generation: &Generation,
    journey: JourneyId,
) -> Result<Option<(SubjectId, String)>, StoreError> {
    let sql = CASE.text(generation.reader.dialect());
    let found: sqlx::Result<Option<(Uuid, String)>> =
        on!(&generation.reader, pool => sqlx::query_as(sql).bind(journey.0).fetch_optional(pool).await);
    let found = found.map_err(doing("find the case of an evidence file"))?;
    Ok(found.map(|(subject, contract)| (SubjectId(subject), contract)))
}
