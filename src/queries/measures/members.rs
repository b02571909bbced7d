//! The facts behind a figure: each fact or case that it counts, in pages.
//!
//! The caller sees only those of cases that they may see. For a caller who may see all cases they count to the figure.

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::super::board::count as counted;
use super::super::caseload_scope::whose;
use super::super::period::{BEGINNING, bound};
use super::tallies::workforce::seen_since;
use super::tallies::{Span, codes, state_day, words};
use super::{Dimension, FiguresError, Member, cases};
use crate::access::CasesInScope;
use crate::store::{Sql, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, WorkerId};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::measure::{Band, CaseValue, Facts, Work};
use throughline_domain::performance::period::Period;

static PAGE: Sql = Sql::new(include_str!("members.sql"));
/// The number of facts on all pages: the page from the start, without a limit.
static COUNT: Sql = Sql::new(concat!("select count(*) from (", include_str!("members.sql"), ") listed"));
static CASELOAD: Sql = Sql::new(include_str!("caseload_members.sql"));
/// The number of cases on all pages.
static CASELOAD_COUNT: Sql =
    Sql::new(concat!("select count(*) from (", include_str!("caseload_members.sql"), ") listed"));

static WORK: Sql = Sql::new(include_str!("work_members.sql"));
/// The number of tasks, obligations or cases on all pages.
static WORK_COUNT: Sql = Sql::new(concat!("select count(*) from (", include_str!("work_members.sql"), ") listed"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&PAGE, &COUNT, &CASELOAD, &CASELOAD_COUNT, &WORK, &WORK_COUNT];

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
    /// The cases on the caseload on every day of the period.
    CaseloadThroughout,
    /// The cases that have a value in the period.
    Cases {
        /// The value.
        value: CaseValue,
        /// Which of them.
        which: Which,
    },
    /// Work that falls due in the period, or is open at its end.
    Work(Work),
    /// The cases on the caseload at the end of the period with a contact made within this many days.
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
            _ => None,
        }
    }
}

/// Which of the cases that have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those whose value is known exactly.
    Exact,
    /// Those whose value is in this band.
    Within(Band),
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
    /// The profiles of cases in the group, if it is by attributes of cases.
    pub profiles: Vec<String>,
    /// The as-of date.
    pub as_of: NaiveDate,
}

impl MembersQuery {
    /// The dimensions of the group of which each fact must be known: its code, and the attributes of its case.
    pub(super) fn by(&self) -> Vec<Dimension> {
        let by = self.members.iter().filter_map(|member| match member {
            Member::Code(_) => Some(Dimension::Code),
            Member::Attribute(of) => Some(Dimension::Attribute(of.attribute.clone())),
            _ => None,
        });
        by.collect()
    }
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
    /// Its quantity in millionths, or the value of the case, if it has one.
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
    profiles: Option<String>,
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
                // A keyworker beside the team is the narrower filter.
                Member::Team(..) | Member::NoTeam => {
                    filters.keyworkers.get_or_insert_with(|| json!(query.workers).to_string());
                }
                Member::Unassigned => filters.unassigned = true,
                Member::Attribute(_) => filters.profiles = Some(json!(query.profiles).to_string()),
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
            .bind(filters.profiles)
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
            .bind(filters.profiles)
            .bind(bound(asked.as_of))
    }};
}

/// The binds of a page of work and of its count.
macro_rules! bind_work {
    ($query:expr, $scope:expr, $asked:expr, $work:expr, $page:expr) => {{
        let (scope, asked, work, (after, most)): (_, &MembersQuery, Work, (Option<&Place>, _)) =
            ($scope, $asked, $work, $page);
        let (whose, by, unassigned) = whose(scope.cases());
        let (filters, span) = (Filters::of(asked), Span::of(&asked.period));
        let last = span.last.min(asked.as_of);
        let has_begun = asked.period.first() <= asked.as_of;
        let code = filters.code.map(|code| json!([code]).to_string());
        let (day, journey, of, nth) = after.map_or((BEGINNING, Uuid::nil(), "", -1), |place| {
            (place.day, place.journey.0, place.code.as_str(), place.nth)
        });
        $query
            .bind(scope.contract())
            .bind(bound(scope.on()))
            .bind(whose)
            .bind(by)
            .bind(unassigned)
            .bind(bound(state_day(work, last, asked.as_of)))
            .bind(if has_begun { work.as_str() } else { "" })
            .bind(bound(span.first))
            .bind(bound(last))
            .bind(code)
            .bind(filters.area)
            .bind(filters.cohort)
            .bind(filters.referrer)
            .bind(filters.keyworkers)
            .bind(filters.unassigned)
            .bind(bound(day))
            .bind(journey)
            .bind(of)
            .bind(nth)
            .bind(most)
            .bind(filters.profiles)
            .bind(bound(asked.as_of))
    }};
}

/// A page of the facts behind a figure, by date: at most `first` after a place, and whether there are more.
pub async fn page(
    generation: &Generation,
    scope: CasesInScope<'_>,
    asked: &MembersQuery,
    (after, first): (Option<&Place>, u32),
) -> Result<(Vec<CountedFact>, bool), FiguresError> {
    let length = usize::try_from(first).expect("a page is smaller than memory");
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
        CountedBy::Cases { value, which } => {
            let listed = cases::listed(generation, scope, asked, (value, which)).await?;
            return Ok(page_of(listed, after, length));
        }
        CountedBy::CaseloadThroughout => {
            let listed = cases::listed_throughout(generation, scope, asked).await?;
            return Ok(page_of(listed, after, length));
        }
        CountedBy::Work(work) => on!(&generation.reader, pool => {
            bind_work!(sqlx::query_as(WORK.text(dialect)), scope, asked, *work, page).fetch_all(pool).await
        }),
    };
    let mut rows = rows.map_err(doing("read the facts behind a figure"))?;
    let has_next = rows.len() > length;
    rows.truncate(length);
    Ok((rows.into_iter().map(Into::into).collect(), has_next))
}

/// A page of a list in memory, and whether there is more.
fn page_of(listed: Vec<CountedFact>, after: Option<&Place>, length: usize) -> (Vec<CountedFact>, bool) {
    let mut left = listed.into_iter().filter(|one| after.is_none_or(|after| one.place > *after));
    let found = left.by_ref().take(length).collect();
    (found, left.next().is_some())
}

/// The number of facts behind a figure, on all pages.
pub async fn count(
    generation: &Generation,
    scope: CasesInScope<'_>,
    asked: &MembersQuery,
) -> Result<u64, FiguresError> {
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
        CountedBy::Cases { value, which } => {
            let listed = cases::listed(generation, scope, asked, (value, which)).await?;
            return Ok(u64::try_from(listed.len()).map_err(|_| OutOfRange)?);
        }
        CountedBy::CaseloadThroughout => {
            let listed = cases::listed_throughout(generation, scope, asked).await?;
            return Ok(u64::try_from(listed.len()).map_err(|_| OutOfRange)?);
        }
        CountedBy::Work(work) => on!(&generation.reader, pool => {
            let query = sqlx::query_scalar(WORK_COUNT.text(dialect));
            bind_work!(query, scope, asked, *work, all).fetch_one(pool).await
        }),
    };
    Ok(counted(found.map_err(doing("count the facts behind a figure"))?))
}
