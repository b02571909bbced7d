//! The caseload: the cases accepted and not closed at the end of a day, page by page and by keyworker.
//!
//! A page is one statement, however many rows it has. A case without a keyworker is never left out.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::board::{self, Group};
use super::generation::Generation;
use super::period::bound;
use crate::access::InScope;
use crate::log::envelope::{JourneyId, WorkerId};
use crate::projections::DaySpan;
use crate::store::{Pool, Sql, StoreError, doing, on};

/// The stage of the case `c` at the end of the day `$2`.
macro_rules! stage {
    () => {
        "(select s.stage from stage s where s.journey = c.journey and s.counts_from <= $2 \
         order by s.ordinal desc limit 1)"
    };
}

/// The cases of a contract that pass a filter, of which `$keyworker` is the part that is worth a text of its own.
macro_rules! cases {
    ($keyworker:literal) => {
        concat!(
            " from caseload c where c.contract = $1 and c.from_on <= $2 and c.to_on > $2 ",
            "and (c.area = $3 or $3 is null) and (",
            stage!(),
            " = $4 or $4 is null)",
            $keyworker
        )
    };
}

macro_rules! page {
    ($keyworker:literal) => {
        concat!(
            "select p.journey, p.reference, p.area, p.keyworker, p.stage, p.day, ",
            "(select min(k.latest) from contact k where k.journey = p.journey and k.day = p.day) as latest, ",
            "j.cohort, j.received_on, j.received_latest, j.accepted_on from (select c.journey, c.reference, c.area, c.keyworker, ",
            stage!(),
            " as stage, (select max(k.day) from contact k where k.journey = c.journey and k.day <= $2) as day",
            cases!($keyworker),
            " and (c.reference, c.journey) > ($5, $6) order by c.reference, c.journey limit $7",
            ") p join journey j on j.id = p.journey order by p.reference, p.journey"
        )
    };
}

static PAGE: Sql = Sql::new(page!(""));
static PAGE_UNASSIGNED: Sql = Sql::new(page!(" and c.keyworker is null"));
static PAGE_OF_KEYWORKER: Sql = Sql::new(page!(" and c.keyworker = $8"));
static COUNT: Sql = Sql::new(concat!("select count(*)", cases!("")));
static COUNT_UNASSIGNED: Sql = Sql::new(concat!("select count(*)", cases!(" and c.keyworker is null")));
static COUNT_OF_KEYWORKER: Sql = Sql::new(concat!("select count(*)", cases!(" and c.keyworker = $5")));

static BY_KEYWORKER: Sql = Sql::new(concat!(
    "select r.keyworker, w.label, r.stage, count(*) as journeys from (select c.keyworker, ",
    stage!(),
    " as stage from caseload c where c.contract = $1 and c.from_on <= $2 and c.to_on > $2) r ",
    "left join worker w on w.id = r.keyworker group by r.keyworker, w.label, r.stage"
));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] =
    &[&PAGE, &PAGE_UNASSIGNED, &PAGE_OF_KEYWORKER, &COUNT, &COUNT_UNASSIGNED, &COUNT_OF_KEYWORKER, &BY_KEYWORKER];

/// Whose cases are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeldBy {
    /// Everybody's and nobody's.
    #[default]
    Any,
    /// Those without a keyworker.
    Unassigned,
    /// Those of one keyworker.
    Keyworker(WorkerId),
}

/// Which cases are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseloadFilter {
    /// Whose.
    pub keyworker: HeldBy,
    /// Only those of this service area.
    pub area: Option<String>,
    /// Only those that stand at this stage.
    pub stage: Option<String>,
}

/// The place of a case in the order of the caseload: by reference, then by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What people call the journey.
    pub reference: String,
    /// Its id.
    pub journey: JourneyId,
}

/// One case on the caseload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseloadRow {
    /// Which journey.
    pub journey: JourneyId,
    /// What people call it.
    pub reference: String,
    /// The service area.
    pub area: String,
    /// The cohort, if it is of one.
    pub cohort: Option<String>,
    /// The first and the last day on which the referral may have been received: one day, if it is known.
    pub received: (NaiveDate, NaiveDate),
    /// The day it was accepted.
    pub accepted_on: NaiveDate,
    /// Who holds the case.
    pub keyworker: Option<WorkerId>,
    /// The furthest stage that it has reached, by code.
    pub stage: Option<String>,
    /// Days since the last made contact by anyone; none if there was none.
    pub since_contact: Option<DaySpan>,
}

impl CaseloadRow {
    /// Its place in the order, after which the next page begins.
    pub fn place(&self) -> Place {
        Place { reference: self.reference.clone(), journey: self.journey }
    }
}

/// A page of the caseload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseloadPage {
    /// Its cases, in order.
    pub rows: Vec<CaseloadRow>,
    /// Whether there are more after it.
    pub has_next: bool,
}

/// How many cases a keyworker holds, or how many nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// Whose.
    pub group: Group,
    /// How many.
    pub journeys: u64,
    /// How many at each stage, by code; those that have reached none are only in the whole.
    pub by_stage: BTreeMap<String, u64>,
}

#[derive(sqlx::FromRow)]
struct Case {
    journey: Uuid,
    reference: String,
    area: String,
    cohort: Option<String>,
    received_on: NaiveDate,
    received_latest: NaiveDate,
    accepted_on: NaiveDate,
    keyworker: Option<Uuid>,
    stage: Option<String>,
    day: Option<NaiveDate>,
    latest: Option<NaiveDate>,
}

#[derive(sqlx::FromRow)]
struct Held {
    keyworker: Option<Uuid>,
    label: Option<String>,
    stage: Option<String>,
    journeys: i64,
}

impl Case {
    fn row(self, as_of: NaiveDate) -> CaseloadRow {
        CaseloadRow {
            journey: JourneyId(self.journey),
            reference: self.reference,
            area: self.area,
            cohort: self.cohort,
            received: (self.received_on, self.received_latest),
            accepted_on: self.accepted_on,
            keyworker: self.keyworker.map(WorkerId),
            stage: self.stage,
            since_contact: self.day.zip(self.latest).map(|between| DaySpan::since(between, as_of)),
        }
    }
}

impl Generation {
    /// A page of the caseload at the end of a day: at most `first` cases after a place, ordered by reference and id.
    pub async fn caseload(
        &self,
        scope: InScope<'_>,
        as_of: NaiveDate,
        filter: &CaseloadFilter,
        (after, first): (Option<&Place>, u32),
    ) -> Result<CaseloadPage, StoreError> {
        let (statement, worker) = match filter.keyworker {
            HeldBy::Any => (&PAGE, None),
            HeldBy::Unassigned => (&PAGE_UNASSIGNED, None),
            HeldBy::Keyworker(worker) => (&PAGE_OF_KEYWORKER, Some(worker.0)),
        };
        let sql = statement.text(self.reader.dialect());
        // No reference is empty, so every case comes after this place.
        let (reference, journey) = after.map_or(("", Uuid::nil()), |after| (&after.reference, after.journey.0));
        let cases: sqlx::Result<Vec<Case>> = on!(&self.reader, pool => {
            let page = sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of));
            let page = page.bind(filter.area.as_deref()).bind(filter.stage.as_deref());
            let page = page.bind(reference).bind(journey).bind(i64::from(first) + 1);
            match worker {
                Some(worker) => page.bind(worker).fetch_all(pool).await,
                None => page.fetch_all(pool).await,
            }
        });
        let cases = cases.map_err(doing("read a page of the caseload"))?;
        let first = usize::try_from(first).expect("a page is smaller than memory");
        let has_next = cases.len() > first;
        Ok(CaseloadPage { rows: cases.into_iter().take(first).map(|case| case.row(as_of)).collect(), has_next })
    }

    /// How many cases of the caseload pass a filter.
    pub async fn caseload_count(
        &self,
        scope: InScope<'_>,
        as_of: NaiveDate,
        filter: &CaseloadFilter,
    ) -> Result<u64, StoreError> {
        let (statement, worker) = match filter.keyworker {
            HeldBy::Any => (&COUNT, None),
            HeldBy::Unassigned => (&COUNT_UNASSIGNED, None),
            HeldBy::Keyworker(worker) => (&COUNT_OF_KEYWORKER, Some(worker.0)),
        };
        let counted = count_of(&self.reader, statement, (scope, as_of), (filter, worker)).await;
        Ok(board::count(counted.map_err(doing("count the caseload"))?))
    }

    /// How many cases each keyworker holds at the end of a day, in the order of their labels; the unassigned last.
    pub async fn caseload_by_keyworker(
        &self,
        scope: InScope<'_>,
        as_of: NaiveDate,
    ) -> Result<Vec<HeldRow>, StoreError> {
        let sql = BY_KEYWORKER.text(self.reader.dialect());
        let found: sqlx::Result<Vec<Held>> = on!(&self.reader, pool => {
            sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of)).fetch_all(pool).await
        });
        let mut holders: BTreeMap<_, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
        for held in found.map_err(doing("count the caseload by keyworker"))? {
            let holder = held.keyworker.map(|worker| (held.label.unwrap_or_default(), WorkerId(worker)));
            let (journeys, by_stage) = holders.entry(holder).or_default();
            let cases = board::count(held.journeys);
            *journeys += cases;
            if let Some(stage) = held.stage {
                *by_stage.entry(stage).or_default() += cases;
            }
        }
        let rows = board::by_keyworker(holders).into_iter();
        Ok(rows.map(|(group, (journeys, by_stage))| HeldRow { group, journeys, by_stage }).collect())
    }
}

async fn count_of(
    reader: &Pool,
    statement: &'static Sql,
    (scope, as_of): (InScope<'_>, NaiveDate),
    (filter, worker): (&CaseloadFilter, Option<Uuid>),
) -> sqlx::Result<i64> {
    let sql = statement.text(reader.dialect());
    on!(reader, pool => {
        let count = sqlx::query_scalar(sql).bind(scope.contract()).bind(bound(as_of));
        let count = count.bind(filter.area.as_deref()).bind(filter.stage.as_deref());
        match worker {
            Some(worker) => count.bind(worker).fetch_one(pool).await,
            None => count.fetch_one(pool).await,
        }
    })
}
