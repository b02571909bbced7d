//! Days since contact: how long ago the cases on the caseload had their last made contact.
//!
//! The population is the caseload at the end of a day. Cases that fit no bucket have a row of their own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::board::{self, Group};
use super::period::bound;
use super::rollups;
use crate::access::InScope;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::Buckets;
use throughline_domain::contract::rulebook::supply::{Supplied, SuppliedFacts};
use throughline_domain::fact::envelope::{TeamId, WorkerId};
use throughline_projections::held::NOBODY;
use throughline_projections::{DaySpan, last_contact};

static ANYONE_BY_KEYWORKER: Sql = Sql::new(include_str!("recency/anyone_by_keyworker.sql"));
static ANYONE_BY_TEAM: Sql = Sql::new(include_str!("recency/anyone_by_team.sql"));
static ANYONE_BY_AREA: Sql = Sql::new(include_str!("recency/anyone_by_area.sql"));
static KEYWORKER_BY_KEYWORKER: Sql = Sql::new(include_str!("recency/keyworker_by_keyworker.sql"));
static KEYWORKER_BY_TEAM: Sql = Sql::new(include_str!("recency/keyworker_by_team.sql"));
static KEYWORKER_BY_AREA: Sql = Sql::new(include_str!("recency/keyworker_by_area.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[
    &ANYONE_BY_KEYWORKER,
    &ANYONE_BY_TEAM,
    &ANYONE_BY_AREA,
    &KEYWORKER_BY_KEYWORKER,
    &KEYWORKER_BY_TEAM,
    &KEYWORKER_BY_AREA,
];

/// The label for cases without a contact by their keyworker. For contacts by anyone, the rulebook names the row.
pub const NO_CONTACT_BY_KEYWORKER: &str = "No contact by keyworker";

/// The grouping of days since contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row for each keyworker, and one for cases without a keyworker.
    Keyworker,
    /// One row for each team, one for cases of keyworkers without a team, and one for cases without a keyworker.
    Team,
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// Whose contacts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Contacts by anyone.
    Anyone,
    /// Only contacts by the keyworker who holds the case on the day, including those before the assignment. Cases
    /// without a keyworker are counted separately.
    Keyworker,
}

/// One row of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecencyRow {
    /// The group of cases.
    pub group: Group,
    /// The number of cases in each bucket of the rulebook, in its order.
    pub buckets: Vec<u64>,
    /// The number of cases without a contact that counts.
    pub none: u64,
    /// The number of cases whose last contact has a date that is too imprecise for one bucket.
    pub date_imprecise: u64,
    /// The number of cases without a keyworker.
    pub unassigned: u64,
    /// The number of cases of service areas that do not supply contacts on the day.
    pub no_data: u64,
    /// Whether it is the row of such an area: its other numbers are not known, and not 0.
    pub is_without_supply: bool,
}

impl RecencyRow {
    /// The total of this row.
    pub fn total(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.none + self.date_imprecise + self.unassigned + self.no_data
    }
}

columns! {
    struct LastContacts {
        /// Not set if contacts by anyone are counted by area. `None` or nil if the cases have no keyworker.
        keyworker [default]: Option<Uuid>,
        /// Set only if the counts are by team.
        team [default]: Option<Uuid>,
        /// The label of the keyworker or team, if the counts are by either.
        label [default]: Option<String>,
        /// Set only if the counts are by area.
        area [default]: String,
        /// The dates of the last contacts.
        days: String,
        /// The number of cases for each date.
        counts: String,
    }
}

impl LastContacts {
    fn keyworker(&self) -> Option<WorkerId> {
        self.keyworker.filter(|worker| *worker != NOBODY).map(WorkerId)
    }

    fn label(&self) -> String {
        self.label.clone().unwrap_or_default()
    }
}

/// The column in which cases with this date of last contact are counted.
#[derive(Debug, Clone, Copy)]
enum Column {
    Bucket(usize),
    None,
    DateImprecise,
}

/// The columns for dates of contact, computed on first use: there are many cases and few dates. Each day of a year has
/// its own slot, because comparing the slot's date costs less than hashing it.
struct Columns<'a> {
    buckets: &'a Buckets,
    as_of: NaiveDate,
    known: Vec<Option<(&'a str, Column)>>,
}

impl<'a> Columns<'a> {
    fn on(as_of: NaiveDate, buckets: &'a Buckets) -> Self {
        Self { buckets, as_of, known: vec![None; PLACES] }
    }

    fn of(&mut self, days: &'a str) -> Column {
        match &mut self.known[place(days)] {
            Some((known, column)) if *known == days => *column,
            other => {
                let column = column(days, self.as_of, self.buckets);
                *other = Some((days, column));
                column
            }
        }
    }
}

/// The number of slots: more days than a month has, for more months than a year has.
const PLACES: usize = 32 * 16;

/// The slot for the month and day at the end of a date.
fn place(days: &str) -> usize {
    let digit = |of: &u8| usize::from(of & 0x0f);
    match days.as_bytes() {
        [.., tens, month, _, ten, day] => {
            (32 * (10 * digit(tens) + digit(month)) + 10 * digit(ten) + digit(day)) % PLACES
        }
        _ => 0,
    }
}

fn column(days: &str, as_of: NaiveDate, buckets: &Buckets) -> Column {
    let Some(between) = last_contact::read(days) else { return Column::None };
    let since = DaySpan::since(between, as_of);
    buckets.holding(since.lowest, since.highest).map_or(Column::DateImprecise, Column::Bucket)
}

/// The counts of a row under construction.
#[derive(Default)]
struct Counts {
    /// Only as long as the highest bucket with a case.
    buckets: Vec<u64>,
    none: u64,
    date_imprecise: u64,
    unassigned: u64,
    no_data: u64,
}

impl Counts {
    fn add(&mut self, column: Column, cases: u64) {
        match column {
            Column::Bucket(bucket) => {
                if self.buckets.len() <= bucket {
                    self.buckets.resize(bucket + 1, 0);
                }
                self.buckets[bucket] += cases;
            }
            Column::None => self.none += cases,
            Column::DateImprecise => self.date_imprecise += cases,
        }
    }

    fn row(self, group: Group, of: &Buckets, without: &[String]) -> RecencyRow {
        let Self { mut buckets, none, date_imprecise, unassigned, no_data } = self;
        buckets.resize(of.labels.len(), 0);
        let is_without_supply = matches!(&group, Group::Area(code) if without.contains(code));
        RecencyRow { group, buckets, none, date_imprecise, unassigned, no_data, is_without_supply }
    }
}

/// The caseload of a contract at the end of a day by days since the last made contact, in the rulebook's buckets.
pub async fn rows(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
    rulebook: &Rulebook,
    (by, measure): (By, Measure),
) -> Result<Vec<RecencyRow>, StoreError> {
    let without = without_supply(rulebook, scope, as_of);
    let reader = Reader { generation, scope, as_of, by, measure };
    let json = |areas: &[String]| (!areas.is_empty()).then(|| json!(areas).to_string());
    let mut found = reader.read(board::areas(scope), json(&without)).await?;
    let supplied = found.len();
    if !without.is_empty() {
        found.extend(reader.read(json(&without), None).await?);
    }
    let buckets = &rulebook.recency.buckets;
    let mut columns = Columns::on(as_of, buckets);
    let found = Found { supplied: &found[..supplied], others: &found[supplied..], measure };
    let rows = match by {
        By::Keyworker => {
            let holder = |found: &LastContacts| found.keyworker().map(|worker| (found.label(), worker));
            board::by_keyworker(found.by(holder, &mut columns))
        }
        By::Team => {
            let team =
                |found: &LastContacts| found.keyworker().map(|_| found.team.map(|team| (found.label(), TeamId(team))));
            board::by_team(found.by(team, &mut columns))
        }
        By::Area => board::by_area(rulebook, found.by(|found| found.area.clone(), &mut columns)),
        By::Whole => {
            let mut whole = found.by(|_| (), &mut columns);
            vec![(Group::Whole, whole.remove(&()).unwrap_or_default())]
        }
    };
    let rows = board::in_scope(scope, rows);
    Ok(rows.into_iter().map(|(group, counts)| counts.row(group, buckets, &without)).collect())
}

/// The service areas of the scope that do not supply contacts on a day.
fn without_supply(rulebook: &Rulebook, scope: InScope<'_>, day: NaiveDate) -> Vec<String> {
    let declared: BTreeSet<&String> = rulebook.supply.iter().map(|one| &one.area).collect();
    let is_without = |area: &&&String| rulebook.supplied(area, SuppliedFacts::Contacts, (day, day)) == Supplied::Never;
    let without = declared.iter().filter(|area| scope.has_area(area)).filter(is_without);
    without.map(|area| (*area).clone()).collect()
}

/// One view, read for one question.
struct Reader<'r> {
    generation: &'r Generation,
    scope: InScope<'r>,
    as_of: NaiveDate,
    by: By,
    measure: Measure,
}

impl Reader<'_> {
    /// The last contacts of the cases in some areas, less those in others.
    async fn read(&self, areas: Option<String>, without: Option<String>) -> Result<Vec<LastContacts>, StoreError> {
        let statement = match (self.measure, self.by) {
            (Measure::Anyone, By::Keyworker) => &ANYONE_BY_KEYWORKER,
            (Measure::Anyone, By::Team) => &ANYONE_BY_TEAM,
            (Measure::Anyone, By::Area | By::Whole) => &ANYONE_BY_AREA,
            (Measure::Keyworker, By::Keyworker) => &KEYWORKER_BY_KEYWORKER,
            (Measure::Keyworker, By::Team) => &KEYWORKER_BY_TEAM,
            (Measure::Keyworker, By::Area | By::Whole) => &KEYWORKER_BY_AREA,
        };
        let sql = statement.text(self.generation.reader.dialect());
        let found: sqlx::Result<Vec<LastContacts>> = on!(&self.generation.reader, pool => {
            let counted = sqlx::query_as(sql).bind(self.scope.contract()).bind(bound(self.as_of));
            counted.bind(areas).bind(without).fetch_all(pool).await
        });
        found.map_err(doing("count days since contact"))
    }
}

/// The last contacts that were read.
struct Found<'f> {
    supplied: &'f [LastContacts],
    /// Those of areas without supply.
    others: &'f [LastContacts],
    measure: Measure,
}

impl<'f> Found<'f> {
    /// The counts of each group.
    fn by<K: Ord>(&self, key: impl Fn(&LastContacts) -> K, columns: &mut Columns<'f>) -> BTreeMap<K, Counts> {
        let mut groups: BTreeMap<K, Counts> = BTreeMap::new();
        let is_held = |found: &LastContacts| self.measure == Measure::Anyone || found.keyworker().is_some();
        for found in self.supplied {
            let counts = groups.entry(key(found)).or_default();
            for (days, cases) in rollups::unpacked(&found.days, &found.counts) {
                if is_held(found) {
                    counts.add(columns.of(days), cases);
                } else {
                    counts.unassigned += cases;
                }
            }
        }
        for found in self.others {
            let counts = groups.entry(key(found)).or_default();
            let cases: u64 = rollups::unpacked(&found.days, &found.counts).map(|(_, cases)| cases).sum();
            if is_held(found) {
                counts.no_data += cases;
            } else {
                counts.unassigned += cases;
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_share_a_slot_are_counted_apart() {
        let buckets = Buckets {
            upper: vec![7, 28],
            labels: ["a week", "a month", "longer"].map(str::to_owned).to_vec(),
            none: "none".to_owned(),
        };
        let as_of = NaiveDate::from_ymd_opt(2018, 3, 1).expect("a day");
        let mut columns = Columns::on(as_of, &buckets);
        for _ in 0..2 {
            for (days, expected) in [
                ("2018-02-25", "Bucket(0)"),
                ("2017-02-25", "Bucket(2)"),
                ("2018-02-05/2018-02-20", "Bucket(1)"),
                ("2018-01-01/2018-02-25", "DateImprecise"),
                ("", "None"),
            ] {
                assert_eq!(format!("{:?}", columns.of(days)), expected, "{days}");
            }
        }
    }
}
