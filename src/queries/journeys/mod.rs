//! Lists of journeys: the caseload and the search, in pages, filtered and sorted.
//!
//! A page is one statement, however many rows it has, and so is a count. Every list takes the cases that the caller may
//! see. There is no way to query a list without them.

mod texts;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use serde_json::json;
use uuid::Uuid;

use super::board;
use super::caseload_scope::whose;
use super::period::{BEGINNING, END, bound};
use crate::access::CasesInScope;
use crate::access::relation::Cases;
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use texts::{CASELOAD, CASELOAD_HELD, JOURNEYS, JOURNEYS_FOUND, Texts, WHOLE};
use throughline_domain::contract::rulebook::Buckets;
use throughline_domain::fact::envelope::{JourneyId, SubjectId, TeamId, WorkerId};
use throughline_projections::DaySpan;
use throughline_projections::state::State;

/// Every statement of this module.
pub fn statements() -> Vec<&'static Sql> {
    let texts = [&CASELOAD, &CASELOAD_HELD, &JOURNEYS, &JOURNEYS_FOUND].into_iter().flat_map(Texts::all);
    texts.chain(&WHOLE).collect()
}

/// The journeys that a list covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// Journeys on the caseload: accepted and not closed.
    Caseload,
    /// All journeys that were referred.
    Journeys,
}

/// A filter by keyworker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeldBy {
    /// With any keyworker or none.
    #[default]
    Any,
    /// Without a keyworker.
    Unassigned,
    /// With this keyworker.
    Keyworker(WorkerId),
}

impl HeldBy {
    /// The keyworker of the filter, if it names one.
    pub(crate) const fn keyworker(self) -> Option<WorkerId> {
        match self {
            Self::Keyworker(worker) => Some(worker),
            Self::Any | Self::Unassigned => None,
        }
    }

    /// The keyworkers to select, including those whom they cover for, in the form that a statement binds.
    pub(super) fn keyworkers(self, covered: &BTreeSet<WorkerId>) -> Option<String> {
        match self {
            Self::Keyworker(worker) => Some(json!(covered.iter().chain([&worker]).collect::<Vec<_>>()).to_string()),
            Self::Any | Self::Unassigned => None,
        }
    }
}

/// A filter by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InState {
    /// Referred and not decided yet, or on the caseload.
    Open,
    /// This state.
    Only(State),
}

/// A filter by the time since the last made contact by anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinceContact {
    /// There was no contact.
    Never,
    /// Certainly within this number of days, both limits included. Without an upper limit if `to` is `None`.
    Days {
        /// The smallest number of days.
        from: u32,
        /// The largest number of days.
        to: Option<u32>,
    },
}

impl SinceContact {
    /// The filter for a row of the rulebook's board. `None` if no row has this label.
    pub fn labelled(buckets: &Buckets, label: &str) -> Option<Self> {
        if buckets.none == label {
            return Some(Self::Never);
        }
        let row = buckets.labels.iter().position(|known| known == label)?;
        let below = row.checked_sub(1).and_then(|row| buckets.upper.get(row));
        Some(Self::Days { from: below.map_or(0, |edge| edge + 1), to: buckets.upper.get(row).copied() })
    }
}

/// A case number of another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseNumber {
    /// The other system's name.
    pub system: String,
    /// The case number in that system.
    pub id: String,
}

/// A filter of journeys. All given conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JourneyFilter {
    /// The keyworker.
    pub held: HeldBy,
    /// The workers whom the keyworker covers for. Their journeys are included.
    pub covered: BTreeSet<WorkerId>,
    /// The team of the keyworker.
    pub team: Option<TeamId>,
    /// The service area.
    pub area: Option<String>,
    /// The cohort.
    pub cohort: Option<String>,
    /// The current stage.
    pub stage: Option<String>,
    /// The state.
    pub state: Option<InState>,
    /// Received on this day or later.
    pub received_from: Option<NaiveDate>,
    /// Received on this day or earlier.
    pub received_to: Option<NaiveDate>,
    /// The time since the last contact.
    pub since_contact: Option<SinceContact>,
    /// The exact case number.
    pub case_number: Option<CaseNumber>,
    /// The start of the reference.
    pub reference_begins: String,
    /// The subject.
    pub subject: Option<SubjectId>,
}

/// The sort key of a list. Ties are sorted by the journey's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The reference.
    #[default]
    Reference,
    /// The date on which the referral was received.
    Received,
    /// The date of the last made contact by anyone. Journeys without a contact come before all others.
    LastContact,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// The sort key.
    pub by: Sort,
    /// Whether the order is descending.
    pub falling: bool,
}

/// The value of a journey's sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A reference, compared by its bytes.
    Text(String),
    /// A date.
    Day(NaiveDate),
}

/// The position of a journey in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The value of the sort key.
    pub key: Key,
    /// The journey.
    pub journey: JourneyId,
}

/// One journey of a list, read at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyRow {
    /// The journey.
    pub journey: JourneyId,
    /// Its reference.
    pub reference: String,
    /// The service area.
    pub area: String,
    /// Its keyworker, unless they have left.
    pub keyworker: Option<WorkerId>,
    /// The furthest stage that it has reached, by code.
    pub stage: Option<String>,
    /// Days since the last made contact by anyone. `None` if there was none.
    pub since_contact: Option<DaySpan>,
    /// Its position in the list.
    pub place: Place,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyPage {
    /// Its journeys, in order.
    pub rows: Vec<JourneyRow>,
    /// Whether more journeys follow.
    pub has_next: bool,
}

/// The date that stands for "no contact" when sorting by the last contact.
const NO_CONTACT: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 2).expect("a real day");
/// Longer than any reference, in characters.
const LONGER_THAN_ANY: usize = 256;

impl Order {
    /// The position before all others.
    fn beginning(self) -> Place {
        let (text, day, id) = if self.falling {
            (char::MAX.to_string().repeat(LONGER_THAN_ANY), END, Uuid::max())
        } else {
            (String::new(), BEGINNING, Uuid::nil())
        };
        let key = match self.by {
            Sort::Reference => Key::Text(text),
            Sort::Received | Sort::LastContact => Key::Day(day),
        };
        Place { key, journey: JourneyId(id) }
    }

    /// Which of two positions comes first.
    pub fn compare(self, one: &Place, other: &Place) -> Ordering {
        if self.falling { other.cmp(one) } else { one.cmp(other) }
    }

    fn text(self, texts: &'static Texts) -> &'static Sql {
        let both = match self.by {
            Sort::Reference => &texts.by_reference,
            Sort::Received => &texts.by_received,
            Sort::LastContact => &texts.by_contact,
        };
        &both[usize::from(self.falling)]
    }
}

columns! {
    struct Row {
        journey: Uuid,
        reference: String,
        area: String,
        received_on: NaiveDate,
        keyworker: Option<Uuid>,
        stage: Option<String>,
        day: Option<NaiveDate>,
        latest: Option<NaiveDate>,
    }
}

impl Row {
    fn shown(self, as_of: NaiveDate, order: Order) -> JourneyRow {
        let key = match order.by {
            Sort::Reference => Key::Text(self.reference.clone()),
            Sort::Received => Key::Day(self.received_on),
            Sort::LastContact => Key::Day(self.day.unwrap_or(NO_CONTACT)),
        };
        let journey = JourneyId(self.journey);
        JourneyRow {
            journey,
            reference: self.reference,
            area: self.area,
            keyworker: self.keyworker.map(WorkerId),
            stage: self.stage,
            since_contact: self.day.zip(self.latest).map(|between| DaySpan::since(between, as_of)),
            place: Place { key, journey },
        }
    }
}

/// A filter in the form that its statement binds.
struct Bound<'a> {
    contract: &'a str,
    read_on: NaiveDate,
    whose: &'static str,
    by: String,
    unassigned: bool,
    filter: &'a JourneyFilter,
    states: Option<(&'static str, &'static str)>,
    references_to: Option<String>,
    as_of: NaiveDate,
    contact: Option<(NaiveDate, NaiveDate)>,
}

impl<'a> Bound<'a> {
    /// `None` if no journey can match.
    fn of(
        scope: CasesInScope<'a>,
        population: Population,
        as_of: NaiveDate,
        filter: &'a JourneyFilter,
    ) -> Option<Self> {
        let (whose, by, unassigned) = whose(scope.cases());
        let on_caseload = (State::OnCaseload, State::OnCaseload);
        let states = match (filter.state, population) {
            (None, Population::Journeys) => None,
            (None | Some(InState::Open | InState::Only(State::OnCaseload)), Population::Caseload) => Some(on_caseload),
            (Some(InState::Only(_)), Population::Caseload) => return None,
            (Some(InState::Open), Population::Journeys) => Some((State::Waiting, State::OnCaseload)),
            (Some(InState::Only(state)), Population::Journeys) => Some((state, state)),
        };
        let contact = match filter.since_contact {
            None | Some(SinceContact::Never) => None,
            // If 0 days match, a last contact with month precision may lie in a month that is not over.
            Some(SinceContact::Days { from: 0, to }) => Some((ago(as_of, to), END)),
            Some(SinceContact::Days { from, to }) => Some((ago(as_of, to), ago(as_of, Some(from)))),
        };
        Some(Self {
            contract: scope.contract(),
            read_on: bound(scope.on()),
            whose,
            by,
            unassigned,
            filter,
            states: states.map(|(one, other)| (one.as_str(), other.as_str())),
            references_to: first_after_prefix(&filter.reference_begins),
            as_of: bound(as_of),
            contact,
        })
    }
}

/// The date that many days before a day. Before all dates if there is no number.
fn ago(day: NaiveDate, days: Option<u32>) -> NaiveDate {
    let ago = days.and_then(|days| day.checked_sub_days(Days::new(days.into())));
    bound(ago.unwrap_or(BEGINNING))
}

/// The first text, in the order of bytes, after all texts with this start. `None` if no text comes after them.
fn first_after_prefix(beginning: &str) -> Option<String> {
    let mut letters: Vec<char> = beginning.chars().collect();
    while let Some(last) = letters.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

/// The binds of every statement of a list, `$1` to `$24`.
macro_rules! bind {
    ($query:expr, $bound:expr) => {{
        let Bound { contract, read_on, whose, by, unassigned, filter, states, references_to, as_of, contact } = $bound;
        let keyworkers = filter.held.keyworkers(&filter.covered);
        let number = filter.case_number.as_ref();
        $query
            .bind(*contract)
            .bind(*read_on)
            .bind(*whose)
            .bind(by.as_str())
            .bind(*unassigned)
            .bind(filter.area.as_deref())
            .bind(filter.cohort.as_deref())
            .bind(filter.stage.as_deref())
            .bind(keyworkers)
            .bind(filter.held == HeldBy::Unassigned)
            .bind(filter.team.map(|team| team.0))
            .bind(filter.received_from.map(bound))
            .bind(filter.received_to.map(bound))
            .bind(states.map(|(one, _)| one))
            .bind(states.map(|(_, other)| other))
            .bind(number.map(|number| number.system.as_str()))
            .bind(number.map(|number| number.id.as_str()))
            .bind(filter.reference_begins.as_str())
            .bind(references_to.as_deref())
            .bind(*as_of)
            .bind(contact.map(|(from, _)| from))
            .bind(contact.map(|(_, to)| to))
            .bind(filter.subject.map(|subject| subject.0))
            .bind(filter.since_contact == Some(SinceContact::Never))
    }};
}

impl Population {
    /// The statements with the fastest access to the rows.
    const fn texts(self, filter: &JourneyFilter) -> &'static Texts {
        let of_worker = matches!(filter.held, HeldBy::Keyworker(_)) || filter.team.is_some();
        match self {
            _ if filter.case_number.is_some() || filter.subject.is_some() => &JOURNEYS_FOUND,
            Self::Caseload if of_worker => &CASELOAD_HELD,
            Self::Caseload => &CASELOAD,
            Self::Journeys if of_worker => &JOURNEYS_FOUND,
            Self::Journeys => &JOURNEYS,
        }
    }
}

/// A page of a list at the end of a day: at most `first` journeys after a position.
pub async fn page(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    (population, filter, order): (Population, &JourneyFilter, Order),
    (after, first): (Option<&Place>, u32),
) -> Result<JourneyPage, StoreError> {
    let none = JourneyPage { rows: Vec::new(), has_next: false };
    let Some(asked) = Bound::of(scope, population, as_of, filter) else { return Ok(none) };
    let sql = order.text(population.texts(filter)).text(generation.reader.dialect());
    let Place { key, journey } = after.cloned().unwrap_or_else(|| order.beginning());
    let rows: sqlx::Result<Vec<Row>> = on!(&generation.reader, pool => {
        let page = bind!(sqlx::query_as(sql), &asked);
        let page = match &key {
            Key::Text(text) => page.bind(text.as_str()),
            Key::Day(day) => page.bind(bound(*day)),
        };
        page.bind(journey.0).bind(i64::from(first) + 1).fetch_all(pool).await
    });
    let rows = rows.map_err(doing("read a page of journeys"))?;
    let first = usize::try_from(first).expect("a page is smaller than memory");
    let has_next = rows.len() > first;
    Ok(JourneyPage { rows: rows.into_iter().take(first).map(|row| row.shown(as_of, order)).collect(), has_next })
}

/// The number of journeys of a list that match a filter at the end of a day.
pub async fn count(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    population: Population,
    filter: &JourneyFilter,
) -> Result<u64, StoreError> {
    if scope.cases() == Cases::All && *filter == JourneyFilter::default() {
        return count_of_all(generation, scope, as_of, population).await;
    }
    let Some(asked) = Bound::of(scope, population, as_of, filter) else { return Ok(0) };
    let sql = population.texts(filter).count.text(generation.reader.dialect());
    let counted: sqlx::Result<i64> =
        on!(&generation.reader, pool => bind!(sqlx::query_scalar(sql), &asked).fetch_one(pool).await);
    Ok(board::count(counted.map_err(doing("count journeys"))?))
}

async fn count_of_all(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    population: Population,
) -> Result<u64, StoreError> {
    let sql = WHOLE[usize::from(population == Population::Journeys)].text(generation.reader.dialect());
    let counted: sqlx::Result<i64> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(scope.contract()).bind(bound(as_of)).fetch_one(pool).await
    });
    Ok(board::count(counted.map_err(doing("count journeys"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_board_is_found_by_its_label() {
        let labels = ["A week", "Two", "More"].map(str::to_owned).to_vec();
        let buckets = Buckets { upper: vec![7, 14], labels, none: "No contact yet".to_owned() };
        let found = |label| SinceContact::labelled(&buckets, label);
        assert_eq!(found("A week"), Some(SinceContact::Days { from: 0, to: Some(7) }));
        assert_eq!(found("Two"), Some(SinceContact::Days { from: 8, to: Some(14) }));
        assert_eq!(found("More"), Some(SinceContact::Days { from: 15, to: None }));
        assert_eq!(found("No contact yet"), Some(SinceContact::Never));
        assert_eq!(found("Three"), None);
    }

    #[test]
    fn texts_with_the_same_start_lie_between_two_texts() {
        for (beginning, after) in
            [("BR-1", "BR-2"), ("BR-\u{10FFFF}", "BR."), ("\u{D7FF}", "\u{E000}"), ("a\u{7F}", "a\u{80}")]
        {
            assert_eq!(first_after_prefix(beginning).as_deref(), Some(after));
            assert!(beginning < after && format!("{beginning}\u{10FFFF}").as_str() < after);
        }
        assert_eq!((first_after_prefix(""), first_after_prefix("\u{10FFFF}")), (None, None));
    }
}
