//! Exits: the number of journeys that left the caseload, by reason or area, and the disengagements.
//!
//! An exit counts once, in the period of its date. A disengagement is not an exit and is never added to exits.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::board::{self, Group};
use super::period::{Period, bound};
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;

static CLOSED: Sql = Sql::new(include_str!("exits/closed.sql"));
static DISENGAGED: Sql = Sql::new(include_str!("exits/disengaged.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CLOSED, &DISENGAGED];

/// The grouping of exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row for each reason.
    Reason,
    /// One row for each service area.
    Area,
}

/// The exits of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exits {
    /// Closed journeys.
    pub closed: Vec<ExitRow>,
    /// Disengaged journeys, each counted once for each reason, by its first disengagement.
    pub disengaged: Vec<ExitRow>,
}

impl Exits {
    /// The total of exits in the period.
    pub fn total(&self) -> u64 {
        self.closed.iter().map(|row| row.journeys).sum()
    }
}

/// The journeys in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitRow {
    /// The reason or the area.
    pub group: Group,
    /// The number of journeys.
    pub journeys: u64,
}

columns! {
    struct Left {
        reason: String,
        area: String,
        journeys: i64,
    }
}

/// The exits of a period, as known in this view at the end of a day.
pub async fn in_period(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
    rulebook: &Rulebook,
    (by, period): (By, Period),
) -> Result<Exits, StoreError> {
    let closed = left(generation, &CLOSED, scope, as_of, period).await?;
    let disengaged = left(generation, &DISENGAGED, scope, as_of, period).await?;
    Ok(Exits {
        closed: rows((closed, scope), by, rulebook, CodeList::CloseReasons),
        disengaged: rows((disengaged, scope), by, rulebook, CodeList::DisengageReasons),
    })
}

async fn left(
    generation: &Generation,
    statement: &'static Sql,
    scope: InScope<'_>,
    as_of: NaiveDate,
    period: Period,
) -> Result<Vec<Left>, StoreError> {
    let (first, last) = period.edges();
    let sql = statement.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Left>> = on!(&generation.reader, pool => {
        let left = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
        left.bind(first).bind(last).fetch_all(pool).await
    });
    let mut found = found.map_err(doing("count exits"))?;
    found.retain(|left| scope.has_area(&left.area));
    Ok(found)
}

fn rows((found, scope): (Vec<Left>, InScope<'_>), by: By, rulebook: &Rulebook, reasons: CodeList) -> Vec<ExitRow> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for Left { reason, area, journeys } in found {
        let code = match by {
            By::Reason => reason,
            By::Area => area,
        };
        *counts.entry(code).or_default() += board::count(journeys);
    }
    let rows = match by {
        By::Reason => board::by_code(rulebook, reasons, Group::Reason, counts),
        By::Area => board::in_scope(scope, board::by_area(rulebook, counts)),
    };
    rows.into_iter().map(|(group, journeys)| ExitRow { group, journeys }).collect()
}
