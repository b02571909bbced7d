//! The caseload by keyworker: how many cases each holds at the end of a day, and how many have no keyworker.
//!
//! A case without a keyworker is never left out. A worker who has left holds no cases.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::board::{self, Group};
use super::counted::{settled, unsettled};
use super::generation::Generation;
use super::period::bound;
use crate::access::InScope;
use crate::store::{Sql, StoreError, doing, on};
use throughline_domain::fact::envelope::WorkerId;
use throughline_projections::held::NOBODY;

/// The caseload on the day `$2`, counted from the dated table, for the cases selected by the argument.
macro_rules! dated {
    ($cases:expr) => {
        concat!(
            "select r.keyworker, w.label, r.stage, r.journeys from (\
             select r.keyworker, r.stage, count(*) as journeys from (\
             select case when d.id is null then c.keyworker end as keyworker, coalesce((select s.stage from stage s \
             where s.journey = c.journey and s.counts_from <= $2 order by s.ordinal desc limit 1), '') as stage \
             from caseload c left join worker d on d.id = c.keyworker and d.left_on <= $2 \
             where c.from_on <= $2 and c.to_on > $2 and c.contract = ",
            $cases,
            ") r group by r.keyworker, r.stage) r left join worker w on w.id = r.keyworker"
        )
    };
}

static BY_KEYWORKER: Sql = Sql::new(concat!(
    "select case when w.left_on <= $2 then null else c.keyworker end as keyworker, w.label, c.stage, c.journeys \
     from held c left join worker w on w.id = c.keyworker where c.contract = ",
    settled!(),
    " union all ",
    dated!(unsettled!())
));
/// The same for the service areas `$3`. No counted table is grouped by area.
static BY_KEYWORKER_IN_AREAS: Sql = Sql::new(dated!("$1 and c.area in {texts $3}"));

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

#[derive(sqlx::FromRow)]
struct Held {
    keyworker: Option<Uuid>,
    label: Option<String>,
    /// Empty for cases that have reached no stage.
    stage: String,
    journeys: i64,
}

impl Generation {
    /// The number of cases of each keyworker at the end of a day, in the order of their labels. Cases without a
    /// keyworker come last.
    pub async fn caseload_by_keyworker(
        &self,
        scope: InScope<'_>,
        as_of: NaiveDate,
    ) -> Result<Vec<HeldRow>, StoreError> {
        let areas = board::areas(scope);
        let statement = if areas.is_some() { &BY_KEYWORKER_IN_AREAS } else { &BY_KEYWORKER };
        let sql = statement.text(self.reader.dialect());
        let found: sqlx::Result<Vec<Held>> = on!(&self.reader, pool => {
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
}
