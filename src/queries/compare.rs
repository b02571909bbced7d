//! Compares two points in time of one contract, and finds the events behind the differences.
//!
//! A journey is compared by the rows that follow from its facts, a board by its numbers. Nothing here decides what a
//! caller may see.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::board::Group;
use super::performance::MonthsRow;
use super::period::Period;
use super::recency::{self, Measure};
use super::{caseload, exits, obligations, performance, referral_to_plan};
use crate::access::InScope;
use crate::store::{Sql, StoreError, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, EventId, JourneyId, Position};
use throughline_domain::performance::period::{Month, Months};
use throughline_projections::{Rows, rows_of_journey};

static JOURNEYS: Sql = Sql::new("select id from journey where contract = $1 and id > $2 order by id limit $3");

static NAMED: Sql = Sql::new("select id, contract, reference from journey where id in {uuids $1}");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&JOURNEYS, &NAMED];

/// The number of journeys looked up in one statement.
const NAMED_AT_ONCE: usize = 500;

/// One of the two sides.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The as-of date: facts are read at the end of this day.
    pub as_of: NaiveDate,
    /// The position of the log up to which events count.
    pub upto: Position,
    /// The rules that are applied.
    pub rulebook: &'a Rulebook,
}

impl Side<'_> {
    /// Whether the two sides can differ only because of events recorded in between.
    pub fn differs_by_events_alone(&self, other: &Self) -> bool {
        self.as_of == other.as_of && self.rulebook.hash() == other.rulebook.hash()
    }
}

/// The facts of a stream on one side.
struct Facts {
    history: History,
    /// The facts that count: the original event of each, and the event with its current content.
    counted: BTreeMap<EventId, EventId>,
}

impl Facts {
    fn of(events: &[Recorded], side: &Side<'_>) -> Self {
        let history = History::of(events.iter().filter(|event| event.position <= side.upto).cloned());
        let facts = history.facts_as_of(side.as_of);
        let counted = facts.iter().map(|fact| (fact.original.event_id, fact.reading.event_id)).collect();
        Self { history, counted }
    }
}

/// A journey on one side.
struct CaseState {
    facts: Facts,
    rows: Rows,
}

impl CaseState {
    fn of(id: JourneyId, contract: &str, events: &[Recorded], side: &Side<'_>) -> Self {
        let facts = Facts::of(events, side);
        let rows = rows_of_journey(id, contract, &facts.history.facts_as_of(side.as_of), side.rulebook);
        Self { facts, rows }
    }
}

/// The events that made the rows of a journey differ, in the order of the log. Empty if the rows are equal, or if only
/// the rules differ.
pub fn difference(
    (id, contract): (JourneyId, &str),
    stream: &[Envelope],
    one: &Side<'_>,
    other: &Side<'_>,
) -> Option<Vec<EventId>> {
    let events = readable(stream);
    let (a, b) = (CaseState::of(id, contract, &events, one), CaseState::of(id, contract, &events, other));
    (a.rows != b.rows).then(|| made(&events, (&a.facts, one), (&b.facts, other)))
}

/// The events by which the effective facts of a stream differ, in the order of the log.
pub fn events_that_differ(stream: &[Envelope], one: &Side<'_>, other: &Side<'_>) -> Vec<EventId> {
    let events = readable(stream);
    let (a, b) = (Facts::of(&events, one), Facts::of(&events, other));
    made(&events, (&a, one), (&b, other))
}

/// An event that cannot be read, and all events after it, are left out on both sides.
fn readable(stream: &[Envelope]) -> Vec<Recorded> {
    stream.iter().map_while(|event| Recorded::decode(event).ok()).collect()
}

fn made(events: &[Recorded], (a, one): (&Facts, &Side<'_>), (b, other): (&Facts, &Side<'_>)) -> Vec<EventId> {
    let between = one.upto.min(other.upto)..=one.upto.max(other.upto);
    let mut made: BTreeSet<EventId> = BTreeSet::new();
    // A journey may have tens of thousands of facts.
    let by_id: HashMap<EventId, &Recorded> = events.iter().map(|event| (event.event_id, event)).collect();
    for original in a.counted.keys().chain(b.counted.keys()) {
        let readings = [a.counted.get(original), b.counted.get(original)];
        if readings[0] == readings[1] {
            continue;
        }
        let amended = [a.history.amended_by(*original), b.history.amended_by(*original)];
        let said = by_id.get(original).copied().into_iter().chain(amended.into_iter().flatten());
        let new = said.filter(|event| event.position > *between.start() && event.position <= *between.end());
        let new: Vec<EventId> = new.map(|event| event.event_id).collect();
        // No event about this fact was recorded in between: the fact counts on only one of the two days.
        if new.is_empty() { made.extend(readings.into_iter().flatten()) } else { made.extend(new) }
    }
    events.iter().map(|event| event.event_id).filter(|event| made.contains(event)).collect()
}

/// A board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Board {
    /// The number of cases of each keyworker.
    CaseloadByKeyworker,
    /// Days since contact by anyone, by keyworker.
    ContactRecencyByKeyworker,
    /// Days since contact by the keyworker, by keyworker.
    OwnContactRecencyByKeyworker,
    /// Days since contact by anyone, by area.
    ContactRecencyByArea,
    /// Days from referral to plan, to date, by area.
    ReferralToPlanByArea,
    /// The funnel by area: by month, and to date.
    PerformanceByArea,
    /// Declined referrals by area: by month, and to date.
    DeclinedByArea,
    /// Exits to date, by reason.
    ExitsByReason,
    /// Disengagements to date, by reason.
    DisengagementsByReason,
    /// The status of obligations, by keyworker.
    ObligationsByKeyworker,
}

impl Board {
    /// The title of the board.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CaseloadByKeyworker => "caseload by keyworker",
            Self::ContactRecencyByKeyworker => "days since contact by keyworker",
            Self::OwnContactRecencyByKeyworker => "days since own contact by keyworker",
            Self::ContactRecencyByArea => "days since contact by area",
            Self::ReferralToPlanByArea => "referral to plan by area",
            Self::PerformanceByArea => "funnel by area",
            Self::DeclinedByArea => "declined by area",
            Self::ExitsByReason => "exits by reason",
            Self::DisengagementsByReason => "disengagements by reason",
            Self::ObligationsByKeyworker => "obligations by keyworker",
        }
    }
}

/// The key of a number on a board.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    board: Board,
    row: String,
    column: String,
    month: Option<Month>,
}

/// Numbers, each with its row.
type Numbers = BTreeMap<Key, (Group, u64)>;

/// A number that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberDifference {
    /// The board.
    pub board: Board,
    /// The row.
    pub group: Group,
    /// The column, as printed on boards.
    pub column: String,
    /// The month. `None` for the number to date.
    pub month: Option<Month>,
    /// The number on one side.
    pub one: u64,
    /// The number on the other side.
    pub other: u64,
}

fn add(
    numbers: &mut Numbers,
    board: Board,
    group: &Group,
    cells: impl IntoIterator<Item = (String, Option<Month>, u64)>,
) {
    let row = match group {
        Group::Keyworker(holder) => holder.worker.to_string(),
        other => other.label(),
    };
    for (column, month, count) in cells {
        numbers.insert(Key { board, row: row.clone(), column, month }, (group.clone(), count));
    }
}

fn labelled<'a>(labels: &'a [String], counts: &'a [u64]) -> impl Iterator<Item = (String, Option<Month>, u64)> + 'a {
    labels.iter().zip(counts).map(|(label, count)| (label.clone(), None, *count))
}

/// Adds the numbers of a board to date and by month.
fn by_month(numbers: &mut Numbers, board: Board, column: &str, months: Months, rows: &[MonthsRow]) {
    for row in rows {
        let each = months.iter().zip(&row.by_month).map(|(month, count)| (column.to_owned(), Some(month), *count));
        add(numbers, board, &row.group, each.chain([(column.to_owned(), None, row.cumulative)]));
    }
}

/// The next journeys of a contract after one, in the order of their ids.
pub async fn journeys_after(
    generation: &Generation,
    scope: InScope<'_>,
    place: JourneyId,
    most: i64,
) -> Result<Vec<JourneyId>, StoreError> {
    let sql = JOURNEYS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid,)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(scope.contract()).bind(place.0).bind(most).fetch_all(pool).await
    });
    let found = found.map_err(doing("list the journeys of a contract"))?;
    Ok(found.into_iter().map(|(id,)| JourneyId(id)).collect())
}

/// The numbers of a contract's boards that differ in another view, each view read on its own day, under its own
/// rules and over its own months.
pub async fn numbers_that_differ(
    generation: &Generation,
    scope: InScope<'_>,
    (one, of_one): (&Side<'_>, Months),
    other: &Generation,
    (another, of_other): (&Side<'_>, Months),
) -> Result<Vec<NumberDifference>, StoreError> {
    let (one, mut other) =
        (numbers(generation, scope, one, of_one).await?, numbers(other, scope, another, of_other).await?);
    let mut found: BTreeMap<Key, (Group, u64, u64)> = BTreeMap::new();
    for (key, (group, count)) in one {
        let (group, then) = other.remove(&key).unwrap_or((group, 0));
        found.insert(key, (group, count, then));
    }
    found.extend(other.into_iter().map(|(key, (group, count))| (key, (group, 0, count))));
    let differ = found.into_iter().filter(|(_, (_, one, other))| one != other);
    let differ = differ.map(|(Key { board, column, month, .. }, (group, one, other))| NumberDifference {
        board,
        group,
        column,
        month,
        one,
        other,
    });
    let mut differ: Vec<_> = differ.collect();
    // Sorted by row, as people read boards.
    differ.sort_by_cached_key(|number| (number.board, number.group.label()));
    Ok(differ)
}

async fn numbers(
    generation: &Generation,
    scope: InScope<'_>,
    side: &Side<'_>,
    months: Months,
) -> Result<Numbers, StoreError> {
    let (mut numbers, as_of, rulebook) = (Numbers::new(), side.as_of, side.rulebook);
    for row in caseload::by_keyworker(generation, scope, as_of).await? {
        add(&mut numbers, Board::CaseloadByKeyworker, &row.group, [("Cases".to_owned(), None, row.journeys)]);
    }
    recency_numbers(generation, &mut numbers, scope, side).await?;
    let by = performance::By::Area;
    let board = performance::in_months(generation, scope, as_of, rulebook, (by, months)).await?;
    for stage in &board.stages {
        by_month(&mut numbers, Board::PerformanceByArea, &stage.label, months, &stage.rows);
    }
    by_month(&mut numbers, Board::DeclinedByArea, "Declined", months, &board.declined);
    let by = (referral_to_plan::By::Area, Period::ToDate);
    if let Some(measured) = &rulebook.referral_to_plan {
        for row in referral_to_plan::rows(generation, scope, as_of, rulebook, by).await?.unwrap_or_default() {
            let rest = [
                (measured.buckets.none.clone(), None, row.no_plan_yet),
                ("Closed without plan".to_owned(), None, row.closed_without_plan),
                ("Date imprecise".to_owned(), None, row.date_imprecise),
                ("No data".to_owned(), None, row.no_data),
            ];
            let cells = labelled(&measured.buckets.labels, &row.buckets).chain(rest);
            add(&mut numbers, Board::ReferralToPlanByArea, &row.group, cells);
        }
    }
    let left = exits::in_period(generation, scope, as_of, rulebook, (exits::By::Reason, Period::ToDate)).await?;
    for (board, rows) in [(Board::ExitsByReason, left.closed), (Board::DisengagementsByReason, left.disengaged)] {
        for row in rows {
            add(&mut numbers, board, &row.group, [("Cases".to_owned(), None, row.journeys)]);
        }
    }
    let owed = obligations::counts(generation, scope, as_of, rulebook, (obligations::By::Keyworker, None)).await?;
    for standard in owed {
        for (group, counts) in standard.rows {
            let cells = counts
                .into_iter()
                .map(|(stands, count)| (format!("{}: {}", standard.standard, stands.as_str()), None, count));
            add(&mut numbers, Board::ObligationsByKeyworker, &group, cells);
        }
    }
    Ok(numbers)
}

async fn recency_numbers(
    generation: &Generation,
    numbers: &mut Numbers,
    scope: InScope<'_>,
    side: &Side<'_>,
) -> Result<(), StoreError> {
    let buckets = &side.rulebook.recency.buckets;
    for (board, by, measure) in [
        (Board::ContactRecencyByKeyworker, recency::By::Keyworker, Measure::Anyone),
        (Board::OwnContactRecencyByKeyworker, recency::By::Keyworker, Measure::Keyworker),
        (Board::ContactRecencyByArea, recency::By::Area, Measure::Anyone),
    ] {
        let none = match measure {
            Measure::Anyone => buckets.none.as_str(),
            Measure::Keyworker => recency::NO_CONTACT_BY_KEYWORKER,
        };
        for row in recency::rows(generation, scope, side.as_of, side.rulebook, (by, measure)).await? {
            let rest = [
                (none, row.none),
                ("Date imprecise", row.date_imprecise),
                ("No keyworker", row.unassigned),
                ("No data", row.no_data),
            ];
            let rest = rest.map(|(column, count)| (column.to_owned(), None, count));
            add(numbers, board, &row.group, labelled(&buckets.labels, &row.buckets).chain(rest));
        }
    }
    Ok(())
}

/// The contracts and references of these journeys, as far as the view knows them.
pub async fn names(
    generation: &Generation,
    journeys: impl IntoIterator<Item = JourneyId>,
) -> Result<BTreeMap<JourneyId, (String, String)>, StoreError> {
    let (sql, mut names) = (NAMED.text(generation.reader.dialect()), BTreeMap::new());
    let mut journeys = journeys.into_iter().peekable();
    while journeys.peek().is_some() {
        let some = json!(journeys.by_ref().take(NAMED_AT_ONCE).collect::<Vec<_>>()).to_string();
        let found: sqlx::Result<Vec<(Uuid, String, String)>> =
            on!(&generation.reader, pool => sqlx::query_as(sql).bind(some).fetch_all(pool).await);
        let found = found.map_err(doing("name journeys"))?.into_iter();
        names.extend(found.map(|(id, contract, reference)| (JourneyId(id), (contract, reference))));
    }
    Ok(names)
}
