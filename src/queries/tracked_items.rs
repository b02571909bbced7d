//! Tracked items of journeys by their ids: spells, appointments, tasks, risks and evidence.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::JourneyId;

/// The journeys of the tracked items with these ids.
static JOURNEYS_OF_ITEMS: Sql =
    Sql::new("select id, journey from tracked_item where id in {uuids $1} order by id, journey limit $2");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&JOURNEYS_OF_ITEMS];

/// The journeys of the spells, appointments, tasks, risks and evidence with these ids. The caller must check who
/// may read the journeys.
pub async fn journeys_of(generation: &Generation, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<JourneyId>>, StoreError> {
    let mut journeys: BTreeMap<Uuid, Vec<JourneyId>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(journeys);
    }
    let sql = JOURNEYS_OF_ITEMS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid, Uuid)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(ids).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    for (id, journey) in found.map_err(doing("find tracked items by their ids"))? {
        journeys.entry(id).or_default().push(JourneyId(journey));
    }
    Ok(journeys)
}
