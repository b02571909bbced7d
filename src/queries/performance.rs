//! Performance: how many journeys reached each stage, by area and by the month of the first qualifying fact.
//!
//! Referrals that are declined later stay counted. Declined referrals have their own table.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::board::{self, Group};
use super::period::bound;
use super::{contracts, rollups};
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::performance::period::{Month, Months};

static REACHED: Sql = Sql::new(include_str!("performance/reached.sql"));
static DECLINED: Sql = Sql::new(include_str!("performance/declined.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&REACHED, &DECLINED];

/// The grouping of performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// The board for a range of months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performance {
    /// The months that the rows count.
    pub months: Months,
    /// A table for each stage, in the rulebook's order.
    pub stages: Vec<StageTable>,
    /// The referrals declined, by the month of the decline.
    pub declined: Vec<MonthsRow>,
}

/// The number of journeys that reached one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTable {
    /// The stage's code.
    pub code: String,
    /// The label on the board, such as `Housing Secured`.
    pub label: String,
    /// Its rows.
    pub rows: Vec<MonthsRow>,
}

/// One row: counts by month, and the total since the contract started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthsRow {
    /// The group of journeys.
    pub group: Group,
    /// The count of each month, in order.
    pub by_month: Vec<u64>,
    /// The total from the month in which the contract started to the last of these months.
    pub cumulative: u64,
}

impl MonthsRow {
    /// The total of these months.
    pub fn total(&self) -> u64 {
        self.by_month.iter().sum()
    }
}

columns! {
    struct Reached {
        code: String,
        area: String,
        /// A day in each month.
        days: String,
        /// The number in each month.
        counts: String,
    }
}

/// Counts by month.
type ByMonth = BTreeMap<Month, u64>;

/// The number of journeys that had reached each stage by the end of a day, by the month of the first qualifying
/// fact.
pub async fn in_months(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
    rulebook: &Rulebook,
    (by, months): (By, Months),
) -> Result<Performance, StoreError> {
    let contract = contracts::find(generation, scope).await?;
    let start = contract.map_or(months.first(), |contract| Month::of(contract.starts_on));
    let days = (start.min(months.first()).first(), months.last().last());
    let declined = reached(generation, &DECLINED, (scope, as_of), days).await?;
    let reached = reached(generation, &REACHED, (scope, as_of), days).await?;
    let rows = |areas: BTreeMap<String, ByMonth>| -> Vec<MonthsRow> {
        let rows = match by {
            By::Area => board::in_scope(scope, board::by_area(rulebook, areas)),
            By::Whole => vec![(Group::Whole, whole(areas))],
        };
        rows.into_iter().map(|(group, counts)| row(group, &counts, months, start)).collect()
    };
    let stages = rulebook.stages.iter().map(|stage| StageTable {
        code: stage.code.clone(),
        label: stage.label.clone(),
        rows: rows(by_area(reached.iter().filter(|reached| reached.code == stage.code))),
    });
    Ok(Performance { months, stages: stages.collect(), declined: rows(by_area(declined.iter())) })
}

async fn reached(
    generation: &Generation,
    statement: &'static Sql,
    (scope, as_of): (InScope<'_>, NaiveDate),
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<Reached>, StoreError> {
    let sql = statement.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Reached>> = on!(&generation.reader, pool => {
        let reached = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
        reached.bind(bound(first)).bind(bound(last)).fetch_all(pool).await
    });
    let mut found = found.map_err(doing("count the journeys that reached a stage"))?;
    found.retain(|reached| scope.has_area(&reached.area));
    Ok(found)
}

fn by_area<'a>(found: impl Iterator<Item = &'a Reached>) -> BTreeMap<String, ByMonth> {
    let mut areas: BTreeMap<String, ByMonth> = BTreeMap::new();
    for reached in found {
        let months = areas.entry(reached.area.clone()).or_default();
        for (day, journeys) in rollups::unpacked(&reached.days, &reached.counts) {
            *months.entry(Month::of(day.parse().expect("a day"))).or_default() += journeys;
        }
    }
    areas
}

fn whole(areas: BTreeMap<String, ByMonth>) -> ByMonth {
    let mut whole = ByMonth::new();
    for (month, count) in areas.into_values().flatten() {
        *whole.entry(month).or_default() += count;
    }
    whole
}

fn row(group: Group, counts: &ByMonth, months: Months, start: Month) -> MonthsRow {
    let by_month = months.iter().map(|month| counts.get(&month).copied().unwrap_or(0)).collect();
    let cumulative = counts.iter().filter(|(month, _)| **month >= start).map(|(_, count)| count).sum();
    MonthsRow { group, by_month, cumulative }
}
