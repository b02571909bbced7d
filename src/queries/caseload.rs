//! The caseload by keyworker: how many cases each holds at the end of a day, and how many have no keyworker.
//!
//! A case without a keyworker is never left out. A worker who has left holds no cases.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::board::{self, Group};
use super::period::bound;
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::WorkerId;
use throughline_projections::held::NOBODY;

static BY_KEYWORKER: Sql = Sql::new(include_str!("caseload/by_keyworker.sql"));
static BY_KEYWORKER_IN_AREAS: Sql = Sql::new(include_str!("caseload/by_keyworker_in_areas.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&BY_KEYWORKER, &BY_KEYWORKER_IN_AREAS];

/// The cases of a keyworker, or those without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// The keyworker.
    pub group: Group,
    /// The number of cases.
    pub journeys: u64,
    /// The number of cases at each stage, by code. Cases that have reached no stage count only in `journeys`.
    pub by_stage: BTreeMap<String, u64>,
}

columns! {
    struct Held {
        keyworker: Option<Uuid>,
        label: Option<String>,
        /// Empty for cases that have reached no stage.
        stage: String,
        journeys: i64,
    }
}

/// The number of cases of each keyworker at the end of a day, in the order of their labels. Cases without a
/// keyworker come last.
pub async fn by_keyworker(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
) -> Result<Vec<HeldRow>, StoreError> {
    let areas = board::areas(scope);
    let statement = if areas.is_some() { &BY_KEYWORKER_IN_AREAS } else { &BY_KEYWORKER };
    let sql = statement.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Held>> = on!(&generation.reader, pool => {
        let counted = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
        match &areas {
            Some(areas) => counted.bind(areas).fetch_all(pool).await,
            None => counted.fetch_all(pool).await,
        }
    });
    let mut holders: BTreeMap<_, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for held in found.map_err(doing("count the caseload by keyworker"))? {
        let keyworker = held.keyworker.filter(|worker| *worker != NOBODY);
        let holder = keyworker.map(|worker| (held.label.unwrap_or_default(), WorkerId(worker)));
        let (journeys, by_stage) = holders.entry(holder).or_default();
        let cases = board::count(held.journeys);
        *journeys += cases;
        if !held.stage.is_empty() {
            *by_stage.entry(held.stage).or_default() += cases;
        }
    }
    let rows = board::by_keyworker(holders).into_iter();
    Ok(rows.map(|(group, (journeys, by_stage))| HeldRow { group, journeys, by_stage }).collect())
}
