//! The agenda: appointments and tasks of a contract's cases, page by page, at an as-of date.
//!
//! An open item belongs to the keyworker who holds the case on that day, and also to the worker named in it. A closed
//! item belongs to the keyworker who held the case when it was closed. Items of a case without a keyworker stay with
//! the team of its last keyworker.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::board;
use super::caseload_scope::whose;
use super::journeys::HeldBy;
use super::period::{BEGINNING, bound};
use crate::access::CasesInScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, TeamId, WorkerId};
use throughline_projections::FOREVER;
use throughline_projections::agenda::{Kind, State};

/// The status of an item at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Open, and due on that day or later.
    Ahead,
    /// Open, and due before that day.
    Overdue,
    /// Closed, with its final state.
    Over(State),
}

impl Standing {
    /// The status as the statement writes it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ahead => State::Open.as_str(),
            Self::Overdue => "overdue",
            Self::Over(state) => state.as_str(),
        }
    }
}

/// A filter of items. All given conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgendaFilter {
    /// The kind of item.
    pub kind: Kind,
    /// One of these statuses. `None` for any.
    pub standing: Option<Vec<Standing>>,
    /// Items of this keyworker's cases and those that name the worker, or items of cases without a keyworker.
    pub held: HeldBy,
    /// The workers whom the keyworker covers for. Their items are included.
    pub covered: BTreeSet<WorkerId>,
    /// Items of this worker: the worker named, or for an appointment without one, the keyworker.
    pub worker: Option<WorkerId>,
    /// Items of this team: those of its keyworkers' cases, of cases that its keyworkers held last, and those that name
    /// its members.
    pub team: Option<TeamId>,
    /// In this service area.
    pub area: Option<String>,
    /// On this day or later.
    pub from: Option<NaiveDate>,
    /// On this day or earlier.
    pub to: Option<NaiveDate>,
}

/// The position of an item in the list, ordered by date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The date.
    pub due: NaiveDate,
    /// The time of day. Empty if the item has none.
    pub at: String,
    /// The journey.
    pub journey: JourneyId,
    /// The id of the appointment or task.
    pub item: Uuid,
}

/// A page of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgendaPage {
    /// The items, in order.
    pub items: Vec<Place>,
    /// Whether more items follow.
    pub has_next: bool,
}

static PAGE: Sql = Sql::new(include_str!("agenda.sql"));
/// The number of items on all pages: the page from the start, without a limit.
static COUNT: Sql = Sql::new(concat!("select count(*) from (", include_str!("agenda.sql"), ") listed"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&PAGE, &COUNT];

columns! {
    struct Row {
        journey: Uuid,
        item: Uuid,
        due_on: NaiveDate,
        due_at: String,
    }
}

/// The binds of the page and of the count.
macro_rules! bind {
    ($query:expr, $scope:expr, $as_of:expr, $filter:expr, $page:expr) => {{
        let (scope, filter, (after, most)) = ($scope, $filter, $page);
        let (whose, by, unassigned) = whose(scope.cases());
        let spelt =
            |wanted: &Vec<Standing>| json!(wanted.iter().map(|one| one.as_str()).collect::<Vec<_>>()).to_string();
        let (due, at, journey, item) = after.map_or((BEGINNING, "", Uuid::nil(), Uuid::nil()), |place| {
            (place.due, place.at.as_str(), place.journey.0, place.item)
        });
        $query
            .bind(scope.contract())
            .bind(bound(scope.on()))
            .bind(whose)
            .bind(by)
            .bind(unassigned)
            .bind(filter.kind.as_str())
            .bind(bound($as_of))
            .bind(filter.from.map_or(BEGINNING, bound))
            .bind(filter.to.map_or(FOREVER, bound))
            .bind(filter.standing.as_ref().map(spelt))
            .bind(filter.area.as_deref())
            .bind(filter.held.keyworkers(&filter.covered))
            .bind(filter.held == HeldBy::Unassigned)
            .bind(filter.worker.map(|worker| worker.0))
            .bind(filter.team.map(|team| team.0))
            .bind(due.clamp(BEGINNING, FOREVER))
            .bind(at)
            .bind(journey)
            .bind(item)
            .bind(most)
    }};
}

/// A page of the agenda of a contract at the end of a day, ordered by date: at most `first` items after a position.
pub async fn page(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    filter: &AgendaFilter,
    (after, first): (Option<&Place>, u32),
) -> Result<AgendaPage, StoreError> {
    let sql = PAGE.text(generation.reader.dialect());
    let page = (after, i64::from(first) + 1);
    let rows: sqlx::Result<Vec<Row>> = on!(&generation.reader, pool => {
        bind!(sqlx::query_as(sql), scope, as_of, filter, page).fetch_all(pool).await
    });
    let rows = rows.map_err(doing("read a page of the agenda"))?;
    let first = usize::try_from(first).expect("a page is smaller than memory");
    let has_next = rows.len() > first;
    let place = |row: Row| Place { due: row.due_on, at: row.due_at, journey: JourneyId(row.journey), item: row.item };
    Ok(AgendaPage { items: rows.into_iter().take(first).map(place).collect(), has_next })
}

/// The number of items in the agenda of a contract at the end of a day, on all pages.
pub async fn count(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    filter: &AgendaFilter,
) -> Result<u64, StoreError> {
    let sql = COUNT.text(generation.reader.dialect());
    let all = (None::<&Place>, i64::MAX);
    let counted: sqlx::Result<i64> = on!(&generation.reader, pool => {
        bind!(sqlx::query_scalar(sql), scope, as_of, filter, all).fetch_one(pool).await
    });
    Ok(board::count(counted.map_err(doing("count the agenda"))?))
}
