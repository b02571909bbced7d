//! Days since contact: how long ago the cases on the caseload were last really in touch.
//!
//! The population is the caseload at the end of a day; a case that no bucket holds has a row of its own.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::board::{self, Group};
use super::generation::Generation;
use super::period::bound;
use crate::access::InScope;
use crate::contract::Rulebook;
use crate::contract::rulebook::Buckets;
use crate::log::envelope::{TeamId, WorkerId};
use crate::projections::DaySpan;
use crate::store::{Sql, StoreError, doing, on};

/// The counts of cases by `$columns` and the day of their last contact, of those contacts that `$counts` leaves.
macro_rules! last_contacts {
    ($columns:literal, $counts:literal, $join:literal) => {
        concat!(
            "select ",
            $columns,
            ", r.held, r.day, r.latest, count(*) as journeys from (",
            "select c.keyworker, c.keyworker is not null as held, c.area, c.day, ",
            "(select min(k.latest) from contact k where k.journey = c.journey and k.day = c.day",
            $counts,
            ") as latest from (",
            "select c.journey, c.keyworker, c.area, ",
            "(select k.day from contact k where k.journey = c.journey and k.day <= $2",
            $counts,
            " order by k.day desc limit 1) as day from (",
            "select c.journey, case when d.id is null then c.keyworker end as keyworker, c.area from caseload c ",
            "left join worker d on d.id = c.keyworker and d.left_on <= $2 ",
            "where c.contract = $1 and c.from_on <= $2 and c.to_on > $2",
            ") c) c) r",
            $join,
            " group by ",
            $columns,
            ", r.held, r.day, r.latest"
        )
    };
}

macro_rules! by_keyworker {
    ($counts:literal) => {
        last_contacts!("r.keyworker, w.label", $counts, " left join worker w on w.id = r.keyworker")
    };
}

/// A case of a keyworker who is in several teams is in the row of each.
macro_rules! by_team {
    ($counts:literal) => {
        last_contacts!(
            "m.team, t.label",
            $counts,
            " left join team_member m on m.worker = r.keyworker and m.from_on <= $2 and m.to_on > $2 \
             left join team t on t.id = m.team and t.from_on <= $2 and t.to_on > $2"
        )
    };
}

macro_rules! by_area {
    ($counts:literal) => {
        last_contacts!("r.area", $counts, "")
    };
}

static ANYONE_BY_KEYWORKER: Sql = Sql::new(by_keyworker!(""));
static ANYONE_BY_TEAM: Sql = Sql::new(by_team!(""));
static ANYONE_BY_AREA: Sql = Sql::new(by_area!(""));
static KEYWORKER_BY_KEYWORKER: Sql = Sql::new(by_keyworker!(" and k.worker = c.keyworker"));
static KEYWORKER_BY_TEAM: Sql = Sql::new(by_team!(" and k.worker = c.keyworker"));
static KEYWORKER_BY_AREA: Sql = Sql::new(by_area!(" and k.worker = c.keyworker"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[
    &ANYONE_BY_KEYWORKER,
    &ANYONE_BY_TEAM,
    &ANYONE_BY_AREA,
    &KEYWORKER_BY_KEYWORKER,
    &KEYWORKER_BY_TEAM,
    &KEYWORKER_BY_AREA,
];

/// What boards print for cases without a contact by their keyworker; the rulebook names the row for anyone's contacts.
pub const NO_CONTACT_BY_KEYWORKER: &str = "No contact by keyworker";

/// By what days since contact are broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row for each keyworker, and one for cases without.
    Keyworker,
    /// One row for each team of keyworkers, one for cases of keyworkers in none, and one for cases without.
    Team,
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// Whose contacts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Anyone's.
    Anyone,
    /// Only those of the keyworker who holds the case on the day, also from before they took it. Cases without a
    /// keyworker stand apart.
    Keyworker,
}

/// One row of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecencyRow {
    /// Whose cases these are.
    pub group: Group,
    /// How many cases are in each bucket of the rulebook, in its order.
    pub buckets: Vec<u64>,
    /// How many have had no contact that counts.
    pub none: u64,
    /// How many had a contact whose date is not known well enough for one bucket.
    pub date_imprecise: u64,
    /// How many have no keyworker whose contacts could count.
    pub unassigned: u64,
}

impl RecencyRow {
    /// All cases of this row.
    pub fn total(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.none + self.date_imprecise + self.unassigned
    }
}

#[derive(sqlx::FromRow)]
struct LastContacts {
    /// Only where they are counted by keyworker, as is the label.
    #[sqlx(default)]
    keyworker: Option<Uuid>,
    /// Only where they are counted by team, as is the label.
    #[sqlx(default)]
    team: Option<Uuid>,
    #[sqlx(default)]
    label: Option<String>,
    /// Only where they are counted by area.
    #[sqlx(default)]
    area: String,
    /// Whether the cases have a keyworker.
    held: bool,
    day: Option<NaiveDate>,
    latest: Option<NaiveDate>,
    journeys: i64,
}

/// The counts of a row while it is being made.
#[derive(Default)]
struct Counts {
    buckets: BTreeMap<usize, u64>,
    none: u64,
    date_imprecise: u64,
    unassigned: u64,
}

impl Counts {
    fn add(&mut self, found: &LastContacts, measure: Measure, buckets: &Buckets, as_of: NaiveDate) {
        let cases = board::count(found.journeys);
        if measure == Measure::Keyworker && !found.held {
            self.unassigned += cases;
            return;
        }
        let Some(between) = found.day.zip(found.latest) else {
            self.none += cases;
            return;
        };
        let since = DaySpan::since(between, as_of);
        match buckets.holding(since.lowest, since.highest) {
            Some(bucket) => *self.buckets.entry(bucket).or_default() += cases,
            None => self.date_imprecise += cases,
        }
    }

    fn row(&self, group: Group, buckets: &Buckets) -> RecencyRow {
        let buckets = (0..buckets.labels.len()).map(|bucket| self.buckets.get(&bucket).copied().unwrap_or(0)).collect();
        let Self { none, date_imprecise, unassigned, .. } = *self;
        RecencyRow { group, buckets, none, date_imprecise, unassigned }
    }
}

impl Generation {
    /// The caseload of a contract at the end of a day by days since the last made contact, in the rulebook's buckets.
    pub async fn contact_recency(
        &self,
        scope: InScope<'_>,
        as_of: NaiveDate,
        rulebook: &Rulebook,
        (by, measure): (By, Measure),
    ) -> Result<Vec<RecencyRow>, StoreError> {
        let statement = match (measure, by) {
            (Measure::Anyone, By::Keyworker) => &ANYONE_BY_KEYWORKER,
            (Measure::Anyone, By::Team) => &ANYONE_BY_TEAM,
            (Measure::Anyone, By::Area | By::Whole) => &ANYONE_BY_AREA,
            (Measure::Keyworker, By::Keyworker) => &KEYWORKER_BY_KEYWORKER,
            (Measure::Keyworker, By::Team) => &KEYWORKER_BY_TEAM,
            (Measure::Keyworker, By::Area | By::Whole) => &KEYWORKER_BY_AREA,
        };
        let sql = statement.text(self.reader.dialect());
        let found: sqlx::Result<Vec<LastContacts>> = on!(&self.reader, pool => {
            sqlx::query_as(sql).bind(scope.contract()).bind(bound(as_of)).fetch_all(pool).await
        });
        let found = found.map_err(doing("count days since contact"))?;
        let buckets = &rulebook.recency.buckets;
        let rows = match by {
            By::Keyworker => {
                let holder = |found: &LastContacts| {
                    found.keyworker.map(|worker| (found.label.clone().unwrap_or_default(), WorkerId(worker)))
                };
                board::by_keyworker(counted(&found, holder, measure, buckets, as_of))
            }
            By::Team => {
                let team = |found: &LastContacts| {
                    let named = found.team.map(|team| (found.label.clone().unwrap_or_default(), TeamId(team)));
                    found.held.then_some(named)
                };
                board::by_team(counted(&found, team, measure, buckets, as_of))
            }
            By::Area => board::by_area(rulebook, counted(&found, |found| found.area.clone(), measure, buckets, as_of)),
            By::Whole => {
                let mut whole = counted(&found, |_| (), measure, buckets, as_of);
                vec![(Group::Whole, whole.remove(&()).unwrap_or_default())]
            }
        };
        Ok(rows.into_iter().map(|(group, counts)| counts.row(group, buckets)).collect())
    }
}

fn counted<K: Ord>(
    found: &[LastContacts],
    key: impl Fn(&LastContacts) -> K,
    measure: Measure,
    buckets: &Buckets,
    as_of: NaiveDate,
) -> BTreeMap<K, Counts> {
    let mut groups: BTreeMap<K, Counts> = BTreeMap::new();
    for found in found {
        groups.entry(key(found)).or_default().add(found, measure, buckets, as_of);
    }
    groups
}
