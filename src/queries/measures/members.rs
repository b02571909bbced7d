//! The facts behind a figure: each fact or case that it counts, in pages.
//!
//! The caller sees only those of cases that they may see. For a caller who may see all cases they count to the figure.

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::super::board::count as counted;
use super::super::caseload_scope::whose;
use super::super::period::{BEGINNING, bound};
use super::Member;
use super::tallies::workforce::seen_since;
use super::tallies::{Span, codes, words};
use crate::access::CasesInScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_domain::performance::measure::Facts;
use throughline_domain::performance::period::Period;

static PAGE: Sql = Sql::new(include_str!("members.sql"));
/// The number of facts on all pages: the page from the start, without a limit.
static COUNT: Sql = Sql::new(concat!("select count(*) from (", include_str!("members.sql"), ") listed"));
static CASELOAD: Sql = Sql::new(include_str!("caseload_members.sql"));
/// The number of cases on all pages.
static CASELOAD_COUNT: Sql =
    Sql::new(concat!("select count(*) from (", include_str!("caseload_members.sql"), ") listed"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&PAGE, &COUNT, &CASELOAD, &CASELOAD_COUNT];

/// What is counted behind a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountedBy {
    /// These facts, in the period; only those whose case has one of the others too, if there are others.
    Facts {
        /// The facts.
        facts: Facts,
        /// The others.
        with: Option<Facts>,
    },
    /// The cases on the caseload at the end of the period.
    Caseload,
    /// Those of them with a contact made within this many days.
    Seen {
        /// The most days since the last contact.
        within_days: u32,
    },
}

impl CountedBy {
    /// The first day of a contact that is in time on a day. None if no contact is asked for.
    fn seen_since(&self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Seen { within_days } => Some(seen_since(day, *within_days)),
            Self::Facts { .. } | Self::Caseload => None,
        }
    }
}

/// A question for the facts behind a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembersQuery {
    /// What is counted.
    pub counted: CountedBy,
    /// The period.
    pub period: Period,
    /// The group of the figure.
    pub members: Vec<Member>,
    /// The workers of the group, if it is that of a team.
    pub workers: Vec<WorkerId>,
    /// The as-of date.
    pub as_of: NaiveDate,
}

/// One fact behind a figure: its place in the list identifies it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The day of the fact.
    pub day: NaiveDate,
    /// The case.
    pub journey: JourneyId,
    /// The word of the kind.
    pub kind: String,
    /// The code.
    pub code: String,
    /// The number of the fact among those of the case with this kind and code, from 0.
    pub nth: i64,
}

/// One fact behind a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedFact {
    /// Its place.
    pub place: Place,
    /// Its quantity in millionths, if it has one.
    pub quantity: Option<i64>,
}

columns! {
    struct Row {
        journey: Uuid,
        kind: String,
        code: String,
        nth: i64,
        day: NaiveDate,
        quantity: Option<i64>,
    }
}

impl From<Row> for CountedFact {
    fn from(row: Row) -> Self {
        let Row { journey, kind, code, nth, day, quantity } = row;
        Self { place: Place { day, journey: JourneyId(journey), kind, code, nth }, quantity }
    }
}

/// The filters of a group, as a statement binds them.
#[derive(Default)]
struct Filters {
    area: Option<String>,
    cohort: Option<String>,
    referrer: Option<String>,
    keyworkers: Option<String>,
    unassigned: bool,
    code: Option<String>,
}

impl Filters {
    fn of(query: &MembersQuery) -> Self {
        let mut filters = Self::default();
        for member in &query.members {
            match member {
                Member::Area(code) => filters.area = Some(code.clone()),
                Member::Cohort(code) => filters.cohort = Some(code.clone()),
                Member::Referrer(code) => filters.referrer = Some(code.clone()),
                Member::Code(code) => filters.code = Some(code.clone()),
                Member::Keyworker(_, worker) => filters.keyworkers = Some(json!([worker]).to_string()),
                Member::Team(..) | Member::NoTeam => filters.keyworkers = Some(json!(query.workers).to_string()),
                Member::Unassigned => filters.unassigned = true,
            }
        }
        filters
    }

    /// The codes that are counted in the group: those of the facts, or of these that of the row alone.
    fn codes(&self, facts: &Facts) -> Option<String> {
        match &self.code {
            None => codes(facts),
            Some(code) if facts.codes.is_empty() || facts.codes.contains(code) => Some(json!([code]).to_string()),
            Some(_) => Some(json!([]).to_string()),
        }
    }
}

/// The binds of a page of facts and of their count.
macro_rules! bind_facts {
    ($query:expr, $scope:expr, $asked:expr, ($facts:expr, $with:expr), $page:expr) => {{
        let (scope, asked, facts, with, (after, most)): (
            _,
            &MembersQuery,
            &Facts,
            Option<&Facts>,
            (Option<&Place>, _),
        ) = ($scope, $asked, $facts, $with, $page);
        let (whose, by, unassigned) = whose(scope.cases());
        let (filters, span) = (Filters::of(asked), Span::of(&asked.period));
        let codes_asked = filters.codes(facts);
        let (day, journey, kind, code, nth) = after.map_or((BEGINNING, Uuid::nil(), "", "", -1), |place| {
            (place.day, place.journey.0, place.kind.as_str(), place.code.as_str(), place.nth)
        });
        $query
            .bind(scope.contract())
            .bind(bound(scope.on()))
            .bind(whose)
            .bind(by)
            .bind(unassigned)
            .bind(bound(asked.as_of))
            .bind(bound(span.first))
            .bind(bound(span.last))
            .bind(words(&facts.kinds))
            .bind(codes_asked)
            .bind(filters.area)
            .bind(filters.cohort)
            .bind(filters.referrer)
            .bind(filters.keyworkers)
            .bind(filters.unassigned)
            .bind(with.map(|with| words(&with.kinds)))
            .bind(with.and_then(codes))
            .bind(bound(day))
            .bind(journey)
            .bind(kind)
            .bind(code)
            .bind(nth)
            .bind(most)
    }};
}

/// The binds of a page of the caseload and of its count.
macro_rules! bind_caseload {
    ($query:expr, $scope:expr, $asked:expr, $page:expr) => {{
        let (scope, asked, (after, most)): (_, &MembersQuery, (Option<&Place>, _)) = ($scope, $asked, $page);
        let (whose, by, unassigned) = whose(scope.cases());
        let filters = Filters::of(asked);
        let on = bound(asked.period.last().min(asked.as_of));
        let seen_since = asked.counted.seen_since(on);
        let (day, journey) = after.map_or((BEGINNING, Uuid::nil()), |place| (place.day, place.journey.0));
        $query
            .bind(scope.contract())
            .bind(bound(scope.on()))
            .bind(whose)
            .bind(by)
            .bind(unassigned)
            .bind(on)
            .bind(filters.code.is_none_or(|code| code.is_empty()) && asked.period.first() <= asked.as_of)
            .bind(filters.area)
            .bind(filters.cohort)
            .bind(filters.referrer)
            .bind(filters.keyworkers)
            .bind(filters.unassigned)
            .bind(bound(day))
            .bind(journey)
            .bind(most)
            .bind(seen_since.is_some())
            .bind(seen_since.unwrap_or(BEGINNING))
    }};
}

/// A page of the facts behind a figure, by date: at most `first` after a place, and whether there are more.
pub async fn page(
    generation: &Generation,
    scope: CasesInScope<'_>,
    asked: &MembersQuery,
    (after, first): (Option<&Place>, u32),
) -> Result<(Vec<CountedFact>, bool), StoreError> {
    let page = (after, i64::from(first) + 1);
    let dialect = generation.reader.dialect();
    let rows: sqlx::Result<Vec<Row>> = match &asked.counted {
        CountedBy::Facts { facts, with } => on!(&generation.reader, pool => {
            let query = sqlx::query_as(PAGE.text(dialect));
            bind_facts!(query, scope, asked, (facts, with.as_ref()), page).fetch_all(pool).await
        }),
        CountedBy::Caseload | CountedBy::Seen { .. } => on!(&generation.reader, pool => {
            bind_caseload!(sqlx::query_as(CASELOAD.text(dialect)), scope, asked, page).fetch_all(pool).await
        }),
    };
    let mut rows = rows.map_err(doing("read the facts behind a figure"))?;
    let first = usize::try_from(first).expect("a page is smaller than memory");
    let has_next = rows.len() > first;
    rows.truncate(first);
    Ok((rows.into_iter().map(Into::into).collect(), has_next))
}

/// The number of facts behind a figure, on all pages.
pub async fn count(generation: &Generation, scope: CasesInScope<'_>, asked: &MembersQuery) -> Result<u64, StoreError> {
    let (all, dialect) = ((None::<&Place>, i64::MAX), generation.reader.dialect());
    let found: sqlx::Result<i64> = match &asked.counted {
        CountedBy::Facts { facts, with } => on!(&generation.reader, pool => {
            let query = sqlx::query_scalar(COUNT.text(dialect));
            bind_facts!(query, scope, asked, (facts, with.as_ref()), all).fetch_one(pool).await
        }),
        CountedBy::Caseload | CountedBy::Seen { .. } => on!(&generation.reader, pool => {
            let query = sqlx::query_scalar(CASELOAD_COUNT.text(dialect));
            bind_caseload!(query, scope, asked, all).fetch_one(pool).await
        }),
    };
    Ok(counted(found.map_err(doing("count the facts behind a figure"))?))
}
