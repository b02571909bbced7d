//! The views of the log: one fold and one table for each question.
//!
//! Pure: rows are derived only from the events of one stream and the contract's rulebook. No fold reads another stream,
//! a clock or a database. All tables can be dropped and built again at any time.

pub mod agenda;
pub mod assignment;
pub mod case_profile;
pub mod caseload;
pub mod contract;
pub mod countable;
pub mod cover;
pub mod erasure;
pub mod external_reference;
pub mod held;
pub mod journey;
pub mod last_contact;
pub mod last_contact_by_area;
pub mod monthly;
pub mod newest_day;
pub mod obligation;
pub mod offered_referral;
pub mod privacy;
pub mod referral_to_plan;
pub mod staffing;
pub mod stage;
pub mod state;
pub mod subject;
pub mod subject_link;
pub mod team;
pub mod team_member;
pub mod tracked_item;
pub mod wait;
pub mod worker;
pub mod wte;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use throughline_domain::contract::Rulebook;
use throughline_domain::fact::Entry;
use throughline_domain::fact::Fact;
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{
    JourneyId, Occurred, OfferId, StreamId, StreamKind, SubjectId, TeamId, WorkerId,
};
use throughline_domain::fact::event::ReferralReceived;
use throughline_domain::journey::Journey;
pub use throughline_domain::journey::caseload::FOREVER;
use throughline_domain::offer::Offer;
use throughline_domain::people::subject::{Subject, links};
use throughline_domain::people::team::Team;
use throughline_domain::people::worker::Worker;

/// A cell of a view table. Money is in minor units, other decimals in millionths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value.
    Null,
    /// A text.
    Text(String),
    /// An id.
    Uuid(Uuid),
    /// A civil date.
    Date(NaiveDate),
    /// A number.
    Int(i64),
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A text, compared bytewise.
    Text,
    /// An id.
    Uuid,
    /// A civil date.
    Date,
    /// A number.
    Int,
}

/// A view table: its columns, the first of which are its natural key.
#[derive(Debug)]
pub struct Table {
    /// The name.
    pub name: &'static str,
    /// The number of key columns.
    pub key: usize,
    /// The columns, in the order of the rows.
    pub columns: &'static [(&'static str, Type)],
    /// The definition, one text for both stores. `{text}` is a text compared bytewise.
    pub ddl: &'static str,
    /// Whether the table counts the rows of many cases: the last column is the count, and all others are the key.
    pub is_counted: bool,
}

/// All view tables. The index of a table here is its number in [`Rows`].
pub static TABLES: &[&Table] = &[
    &agenda::TABLE,
    &assignment::TABLE,
    &case_profile::TABLE,
    &caseload::TABLE,
    &contract::TABLE,
    &countable::TABLE,
    &cover::TABLE,
    &erasure::TABLE,
    &external_reference::TABLE,
    &held::TABLE,
    &journey::TABLE,
    &last_contact::TABLE,
    &last_contact_by_area::TABLE,
    &monthly::TABLE,
    &newest_day::TABLE,
    &obligation::TABLE,
    &offered_referral::TABLE,
    &referral_to_plan::TABLE,
    &staffing::TABLE,
    &stage::TABLE,
    &state::TABLE,
    &subject::TABLE,
    &subject_link::TABLE,
    &team::TABLE,
    &team_member::TABLE,
    &tracked_item::TABLE,
    &wait::TABLE,
    &worker::TABLE,
    &wte::TABLE,
];

/// The rows of one stream, by table and key, and its contributions to counted tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    rows: BTreeMap<&'static str, BTreeMap<Vec<Value>, Vec<Value>>>,
    counts: Counts,
}

/// Counts by table and key.
pub type Counts = BTreeMap<(&'static str, Vec<Value>), i64>;

impl Rows {
    /// Adds a row. A row with the same key is replaced.
    pub fn add<const N: usize>(&mut self, table: &'static Table, row: [Value; N]) {
        debug_assert_eq!(N, table.columns.len(), "a row of {} has all its columns", table.name);
        let mut key = Vec::from(row);
        let rest = key.split_off(table.key);
        self.rows.entry(table.name).or_default().insert(key, rest);
    }

    /// Adds one to the count under this key of a counted table.
    pub fn count<const N: usize>(&mut self, table: &'static Table, key: [Value; N]) {
        debug_assert!(table.is_counted && N == table.key, "a key of {} has all its columns", table.name);
        *self.counts.entry((table.name, Vec::from(key))).or_default() += 1;
    }

    /// All rows, by table and key.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[Value], &[Value])> {
        let tables = self.rows.iter();
        tables.flat_map(|(table, rows)| rows.iter().map(|(key, rest)| (*table, key.as_slice(), rest.as_slice())))
    }

    /// The number of rows and of contributions to counted tables.
    pub fn len(&self) -> usize {
        self.rows.values().map(BTreeMap::len).sum::<usize>() + self.counts.len()
    }

    /// Whether there are no rows and no contributions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of one table.
    pub fn of(&self, table: &'static Table) -> impl Iterator<Item = Row<'_>> {
        let rows = self.rows.get(table.name).into_iter().flatten();
        rows.map(move |(key, rest)| Row { table, key, rest })
    }

    /// The contributions to counted tables.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Removes and returns the contributions to counted tables.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }
}

/// One row, whose cells are read by column name.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    table: &'static Table,
    key: &'r [Value],
    rest: &'r [Value],
}

impl<'r> Row<'r> {
    /// The cell of a column.
    pub fn cell(&self, column: &str) -> &'r Value {
        let at = self.table.columns.iter().position(|(name, _)| *name == column).expect("a column of the table");
        self.key.iter().chain(self.rest).nth(at).expect("a row has all its columns")
    }

    /// The day in a cell, if there is one.
    pub fn day(&self, column: &str) -> Option<NaiveDate> {
        match self.cell(column) {
            Value::Date(day) => Some(*day),
            _ => None,
        }
    }

    /// The id in a cell, if there is one.
    pub fn id(&self, column: &str) -> Option<Uuid> {
        match self.cell(column) {
            Value::Uuid(id) => Some(*id),
            _ => None,
        }
    }
}

/// All rows of one case, from its facts under its contract's rulebook.
///
/// A case whose referral was retracted has none.
pub fn rows_of_journey(id: JourneyId, contract: &str, facts: &[Fact<'_>], rulebook: &Rulebook) -> Rows {
    let mut rows = Rows::default();
    if let Some(case) = CaseFacts::of(id, contract, &Journey::fold(facts), rulebook) {
        journey::rows(&case, &mut rows);
        assignment::rows(&case, &mut rows);
        case_profile::rows(&case, &mut rows);
        caseload::rows(&case, &mut rows);
        referral_to_plan::rows(&case, &mut rows);
        let stages = stage::all_reached(&case, facts);
        stage::rows(&case, &stages, &mut rows);
        countable::rows(&case, facts, &stages, &mut rows);
        external_reference::rows(&case, &mut rows);
        state::rows(&case, &mut rows);
        obligation::rows(&case, &mut rows);
        tracked_item::rows(&case, &mut rows);
        agenda::rows(&case, &mut rows);
        newest_day::count(contract, &mut rows);
        held::count(contract, &mut rows);
        last_contact::count(contract, &mut rows);
        monthly::count(contract, &mut rows);
        wait::count(contract, &mut rows);
    }
    rows
}

/// All rows of one stream of the deployment (a subject, worker or team), from its facts.
pub fn rows_of_the_deployment(stream: StreamId, history: &History) -> Rows {
    let (facts, mut rows) = (history.facts(), Rows::default());
    match stream.kind {
        StreamKind::Subject => {
            let folded = Subject::fold(&facts);
            subject::rows(SubjectId(stream.id), &folded, &mut rows);
            erasure::rows(SubjectId(stream.id), &folded, &mut rows);
            subject_link::rows(SubjectId(stream.id), &links(&facts), &mut rows);
        }
        StreamKind::Worker => {
            let worker = Worker::fold(&facts);
            worker::rows(WorkerId(stream.id), &worker, &mut rows);
            wte::rows(WorkerId(stream.id), &worker, &mut rows);
            staffing::rows_of_worker(WorkerId(stream.id), &worker, &mut rows);
        }
        StreamKind::Team => {
            let team = Team::fold(&facts);
            team::rows(TeamId(stream.id), &team, &mut rows);
            team_member::rows(TeamId(stream.id), &team, &mut rows);
            cover::rows(TeamId(stream.id), &team, &mut rows);
            staffing::rows_of_team(TeamId(stream.id), &team, &mut rows);
        }
        StreamKind::Journey
        | StreamKind::Contract
        | StreamKind::Batch
        | StreamKind::Deployment
        | StreamKind::Offer
        | StreamKind::Import => {}
    }
    rows
}

/// All rows of an offered referral, from its events.
pub fn rows_of_an_offer(id: OfferId, history: &History) -> Rows {
    let mut rows = Rows::default();
    if let Some(contract) = history.contract() {
        offered_referral::rows(id, contract, &Offer::of(history), &mut rows);
    }
    rows
}

/// The input of every fold of a case.
#[derive(Debug, Clone, Copy)]
pub struct CaseFacts<'a> {
    /// The case.
    pub id: JourneyId,
    /// The code of its contract.
    pub contract: &'a str,
    /// The case, with all its facts folded.
    pub journey: &'a Journey,
    /// The rulebook that the view applies.
    pub rulebook: &'a Rulebook,
    /// The date on which the referral was received.
    pub received: Occurred,
    /// The referral.
    pub referral: &'a ReferralReceived,
}

impl<'a> CaseFacts<'a> {
    /// The input of the folds for a case. None if its referral was retracted.
    pub fn of(id: JourneyId, contract: &'a str, journey: &'a Journey, rulebook: &'a Rulebook) -> Option<Self> {
        let Entry { occurred, details, .. } = journey.referral.as_ref()?;
        Some(Self { id, contract, journey, rulebook, received: *occurred, referral: details })
    }

    /// The reference of the case.
    pub fn reference(&self) -> String {
        journey::reference(self.id, self.referral)
    }

    /// The kind of organisation that referred the case, if it is known.
    pub fn referrer(&self) -> Option<&'a str> {
        self.referral.referrer.as_ref()?.kind.as_deref()
    }

    /// The first day at whose end this fact of the case counts. A case exists from its referral on, although a fact may
    /// be dated before it (a plan agreed earlier, or a date known only by its month).
    pub fn counts_from(&self, occurred: Occurred) -> NaiveDate {
        occurred.earliest().max(self.received.earliest())
    }
}

/// A duration in whole days. Only bounds are known if one of its ends is imprecise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaySpan {
    /// The fewest days.
    pub lowest: u32,
    /// The most days.
    pub highest: u32,
}

/// The first and last possible day of a date.
pub type Between = (NaiveDate, NaiveDate);

impl DaySpan {
    /// From one date to another, each known within bounds. Never below zero.
    pub fn between(from: Between, to: Between) -> Self {
        let days = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days()).unwrap_or(0);
        Self { lowest: days(from.1, to.0), highest: days(from.0, to.1) }
    }

    /// From a date, known within bounds, to the end of a day. Never below zero.
    pub fn since(from: Between, as_of: NaiveDate) -> Self {
        Self::between(from, (as_of, as_of))
    }

    /// The number of days, if it is known exactly.
    pub const fn exact(self) -> Option<u32> {
        if self.lowest == self.highest { Some(self.lowest) } else { None }
    }
}

impl Value {
    /// A text, copied.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) fn date(date: Option<NaiveDate>) -> Self {
        date.map_or(Self::Null, Self::Date)
    }
}

/// Declares the table of a projection in the file that defines it.
macro_rules! table {
    ($name:literal, key $key:literal, [$($column:literal: $type:ident),* $(,)?]) => {
        /// The table of this projection.
        pub static TABLE: crate::Table = crate::Table {
            name: $name,
            key: $key,
            columns: &[$(($column, crate::Type::$type)),*],
            ddl: include_str!(concat!($name, ".sql")),
            is_counted: false,
        };
    };
}
use table;

/// Declares a counted table in the file that defines it, with its key columns.
macro_rules! counted {
    ($name:literal, [$($column:literal: $type:ident),* $(,)?]) => {
        /// The counted table of this projection.
        pub static TABLE: crate::Table = crate::Table {
            name: $name,
            key: [$($column),*].len(),
            columns: &[$(($column, crate::Type::$type)),*, ("journeys", crate::Type::Int)],
            ddl: include_str!(concat!($name, ".sql")),
            is_counted: true,
        };
    };
}
use counted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_and_a_day_within_it_are_at_most_four_days_apart() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let span = DaySpan::between((day("2021-10-01"), day("2021-10-31")), (day("2021-10-05"), day("2021-10-05")));
        assert_eq!(span, DaySpan { lowest: 0, highest: 4 });
        assert_eq!(span.exact(), None);
    }

    #[test]
    fn tables_are_in_the_order_of_their_names() {
        let names: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        assert!(names.is_sorted());
    }
}
