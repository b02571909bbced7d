//! Finds journeys by a case number of another system.
//!
//! It does not check who may see a journey. The caller does.

use uuid::Uuid;

use super::generation::Generation;
use crate::store::{Sql, StoreError, doing, on};
use throughline_domain::fact::envelope::JourneyId;

static OF_NUMBER: Sql = Sql::new(
    "select journey from external_reference where contract = $1 and system = $2 and id = $3 order by journey limit $4",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&OF_NUMBER];

/// The most journeys to read for one case number. There should be one.
const JOURNEYS_MAX: i64 = 50;

impl Generation {
    /// The journeys of a contract with this case number of another system.
    pub async fn journeys_of_case_number(
        &self,
        contract: &str,
        (system, id): (&str, &str),
    ) -> Result<Vec<JourneyId>, StoreError> {
        let sql = OF_NUMBER.text(self.reader.dialect());
        let found: sqlx::Result<Vec<(Uuid,)>> = on!(&self.reader, pool => {
            sqlx::query_as(sql).bind(contract).bind(system).bind(id).bind(JOURNEYS_MAX).fetch_all(pool).await
        });
        let found = found.map_err(doing("find the journeys of a case number"))?;
        Ok(found.into_iter().map(|(journey,)| JourneyId(journey)).collect())
    }
}
