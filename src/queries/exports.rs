//! What the tables for analysts are made of: the cases to export, and the names of workers and teams.
//!
//! The rows of cases do not come from here. They are made by replaying streams, so that a page is never a mix of both.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::caseload_scope::{may_be_shown, whose};
use super::period::bound;
use crate::access::CasesInScope;
use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, Position, WorkerId};

/// The journeys of the contract `$1` that were received by the day `$6` and that the caller may see, each with the
/// position of the view. A view without such journeys gives its position alone.
static CASES: Sql = Sql::new(concat!(
    "select c.position, j.id from checkpoint c \
     left join journey j on j.contract = $1 and j.received_on <= $6 and ",
    may_be_shown!("j.id"),
    " where c.id = 1 order by j.id limit $7"
));

static WORKERS: Sql = Sql::new("select id, label, left_on from worker order by id limit $1");

/// The labels of the teams of every worker on the day `$1`.
static TEAMS: Sql = Sql::new(
    "select m.worker, t.label from team_member m join team t on t.id = m.team and t.from_on <= $1 and t.to_on > $1 \
     where m.from_on <= $1 and m.to_on > $1 order by m.worker, t.label, t.id limit $2",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CASES, &WORKERS, &TEAMS];

/// The cases to export, and the position of the view that listed them. Both are of the same moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedCases {
    /// The position of the view.
    pub position: Position,
    /// The cases, in the order of their ids.
    pub cases: Vec<JourneyId>,
}

/// The names that exported rows show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staff {
    workers: BTreeMap<WorkerId, NamedWorker>,
}

/// A worker's label, the first day on which they no longer work here, and their teams.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedWorker {
    label: String,
    left_on: Option<NaiveDate>,
    teams: Vec<String>,
}

impl Staff {
    /// The worker, if they still work here at the end of a day.
    pub fn here_on(&self, worker: Option<WorkerId>, day: NaiveDate) -> Option<WorkerId> {
        let left_on = |worker: &WorkerId| self.workers.get(worker).and_then(|named| named.left_on);
        worker.filter(|worker| left_on(worker).is_none_or(|left| left > day))
    }

    /// The worker's label on boards.
    pub fn label(&self, worker: Option<WorkerId>) -> Option<&str> {
        self.workers.get(&worker?).map(|named| named.label.as_str())
    }

    /// The labels of the worker's teams on the as-of date, in order.
    pub fn teams(&self, worker: Option<WorkerId>) -> &[String] {
        worker.and_then(|worker| self.workers.get(&worker)).map_or(&[], |named| &named.teams)
    }
}

/// The cases of a contract that were received by a day and that the caller may see.
pub async fn cases(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
) -> Result<ListedCases, StoreError> {
    let sql = CASES.text(generation.reader.dialect());
    let (whose, ids, unassigned) = whose(scope.cases());
    let found: sqlx::Result<Vec<(i64, Option<Uuid>)>> = on!(&generation.reader, pool => {
        let listed = sqlx::query_as(sql).bind(scope.contract()).bind(bound(scope.on())).bind(whose).bind(ids);
        listed.bind(unassigned).bind(bound(as_of)).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("list the cases to export"))?;
    let position = found.first().map_or(Position::default(), |(position, _)| Position(*position));
    Ok(ListedCases { position, cases: found.into_iter().filter_map(|(_, id)| id).map(JourneyId).collect() })
}

/// The names of all workers, with their teams on a day.
pub async fn staff(generation: &Generation, as_of: NaiveDate) -> Result<Staff, StoreError> {
    let sql = WORKERS.text(generation.reader.dialect());
    let workers: sqlx::Result<Vec<(Uuid, String, Option<NaiveDate>)>> =
        on!(&generation.reader, pool => sqlx::query_as(sql).bind(i64::MAX).fetch_all(pool).await);
    let named = |(id, label, left_on)| (WorkerId(id), NamedWorker { label, left_on, teams: Vec::new() });
    let mut workers: BTreeMap<WorkerId, NamedWorker> =
        workers.map_err(doing("read the names of workers"))?.into_iter().map(named).collect();
    let sql = TEAMS.text(generation.reader.dialect());
    let teams: sqlx::Result<Vec<(Uuid, String)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(bound(as_of)).bind(i64::MAX).fetch_all(pool).await
    });
    for (worker, label) in teams.map_err(doing("read the names of teams"))? {
        if let Some(named) = workers.get_mut(&WorkerId(worker)) {
            named.teams.push(label);
        }
    }
    Ok(Staff { workers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::world::{ANN, BOB, day};

    #[test]
    fn a_worker_who_has_left_holds_nothing_from_that_day_on_and_keeps_the_label() {
        let left_on = Some(day("2018-02-01"));
        let ann = NamedWorker { label: "Ann".to_owned(), left_on, teams: vec!["North".to_owned()] };
        let staff = Staff { workers: [(ANN, ann)].into() };
        assert_eq!(staff.here_on(Some(ANN), day("2018-01-31")), Some(ANN));
        assert_eq!(staff.here_on(Some(ANN), day("2018-02-01")), None);
        assert_eq!(staff.label(Some(ANN)), Some("Ann"));
        assert_eq!(staff.teams(Some(ANN)), ["North"]);
        assert_eq!((staff.label(Some(BOB)), staff.teams(None).len()), (None, 0));
    }
}
