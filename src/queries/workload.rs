//! What a worker holds on a day, and how much they may hold.

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::board::count;
use super::period::bound;
use crate::access::Scope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_domain::performance::fraction::{Fraction, OutOfRange};
use throughline_projections::staffing;

/// The open cases that the worker `$1` holds as keyworker on the day `$2`, by contract and service area, without the
/// cases `$3`.
static CASES: Sql = Sql::new(
    "select c.contract, c.area, count(distinct c.journey) as cases from assignment a \
     join caseload c on c.journey = a.journey and c.keyworker = a.worker \
     where a.worker = $1 and a.role = 'keyworker' and a.counts_from <= $2 and a.to_on > $2 \
     and c.from_on <= $2 and c.to_on > $2 and c.journey not in {uuids $3} \
     group by c.contract, c.area order by c.contract, c.area limit $4",
);
/// The full-time equivalent of the worker `$1` on the day `$2`, and the cases that a full-time post of theirs, or of
/// each of their teams, may hold.
static TERMS: Sql = Sql::new(
    "select 'wte' as kind, t.wte as amount from wte t where t.worker = $1 and t.from_on <= $2 and t.to_on > $2 \
     union all \
     select 'capacity' as kind, f.amount from staffing f \
     where f.holder = $1 and f.kind = 'capacity' and f.from_on <= $2 and f.to_on > $2 \
     union all \
     select 'team_capacity' as kind, f.amount from team_member m \
     join staffing f on f.holder = m.team and f.kind = 'team_capacity' and f.from_on <= $2 and f.to_on > $2 \
     where m.worker = $1 and m.from_on <= $2 and m.to_on > $2 order by amount limit $3",
);
/// The keyworker of the case `$1` on the day `$2`, if they have not left.
static KEYWORKER: Sql = Sql::new(
    "select a.worker from assignment a left join worker w on w.id = a.worker and w.left_on <= $2 \
     where a.journey = $1 and a.role = 'keyworker' and a.counts_from <= $2 and a.to_on > $2 and w.id is null \
     order by a.counts_from desc, a.worker limit 1",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CASES, &TERMS, &KEYWORKER];

/// The workload of a worker on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// The open cases that they hold as keyworker, by contract.
    pub cases: Vec<OfContract>,
    /// Their full-time equivalent. None if none was set.
    pub wte: Option<Fraction>,
    /// The cases that they may hold, whether they are absent or not. None if no number was set.
    pub slots: Option<Fraction>,
}

columns! {
    /// The open cases of one contract and service area.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OfContract {
        /// The code of the contract.
        pub contract: String,
        /// The service area.
        pub area: String,
        /// The number of cases.
        cases: i64,
    }
}

impl Workload {
    /// The number of open cases.
    pub fn open(&self) -> u64 {
        self.cases.iter().map(|one| count(one.cases)).sum()
    }

    /// The number of open cases of one contract.
    pub fn open_in(&self, contract: &str) -> u64 {
        self.cases.iter().filter(|one| one.contract == contract).map(|one| count(one.cases)).sum()
    }
}

/// Why a workload cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The view could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A number is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// The workload of a worker at the end of a day, as far as the scope reaches, without some cases.
pub async fn of(
    generation: &Generation,
    scope: &Scope,
    (worker, day): (WorkerId, NaiveDate),
    without: &[JourneyId],
) -> Result<Workload, WorkloadError> {
    let dialect = generation.reader.dialect();
    let cases: sqlx::Result<Vec<OfContract>> = on!(&generation.reader, pool => {
        let read = sqlx::query_as(CASES.text(dialect)).bind(worker.0).bind(bound(day));
        read.bind(json!(without).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    let terms: sqlx::Result<Vec<(String, i64)>> = on!(&generation.reader, pool => {
        sqlx::query_as(TERMS.text(dialect)).bind(worker.0).bind(bound(day)).bind(i64::MAX).fetch_all(pool).await
    });
    let mut cases = cases.map_err(doing("count the cases that a worker holds"))?;
    cases.retain(|one| scope.contract(&one.contract).is_some_and(|contract| contract.has_area(&one.area)));
    let terms = terms.map_err(doing("read how many cases a worker may hold"))?;
    let highest = |kind: &str| {
        let amounts = terms.iter().filter(|(of, _)| of == kind).map(|(_, amount)| Fraction::millionths(*amount));
        amounts.max()
    };
    let (wte, capacity) = (highest("wte"), highest(staffing::CAPACITY).or_else(|| highest(staffing::TEAM_CAPACITY)));
    let slots = wte.zip(capacity).map(|(wte, capacity)| wte.times(capacity)).transpose()?;
    Ok(Workload { cases, wte, slots })
}

/// The keyworker of a case at the end of a day.
pub async fn keyworker(
    generation: &Generation,
    journey: JourneyId,
    day: NaiveDate,
) -> Result<Option<WorkerId>, StoreError> {
    let sql = KEYWORKER.text(generation.reader.dialect());
    let found: sqlx::Result<Option<Uuid>> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(journey.0).bind(bound(day)).fetch_optional(pool).await
    });
    Ok(found.map_err(doing("find the keyworker of a case"))?.map(WorkerId))
}
