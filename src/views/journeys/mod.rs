//! Lists of journeys: the caseload and the search, page by page, filtered and in an order.
//!
//! A page is one statement, however many rows it has, and so is a count. Every list says whose cases it may show: there
//! is no other way to ask for one.

mod texts;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use serde_json::json;
use uuid::Uuid;

use super::board;
use super::generation::Generation;
use super::period::{BEGINNING, END, bound};
use super::standing::whose;
use crate::access::CasesInScope;
use crate::access::relation::Cases;
use crate::store::{Sql, StoreError, doing, on};
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

/// Of which journeys a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// Those on the caseload: accepted and not closed.
    Caseload,
    /// All that were referred.
    Journeys,
}

/// Whose journeys are wanted.
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

impl HeldBy {
    /// The keyworker that is named, if one is.
    pub(crate) const fn keyworker(self) -> Option<WorkerId> {
        match self {
            Self::Keyworker(worker) => Some(worker),
            Self::Any | Self::Unassigned => None,
        }
    }

    /// The keyworkers whose journeys are wanted, with those for whom they stand in, as a statement binds them.
    pub(super) fn keyworkers(self, covered: &BTreeSet<WorkerId>) -> Option<String> {
        match self {
            Self::Keyworker(worker) => Some(json!(covered.iter().chain([&worker]).collect::<Vec<_>>()).to_string()),
            Self::Any | Self::Unassigned => None,
        }
    }
}

/// In which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InState {
    /// Waiting for an answer, or on the caseload.
    Open,
    /// In this one.
    Only(State),
}

/// How long since the last contact that counts as made, by anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinceContact {
    /// There was none.
    Never,
    /// Surely this many days, both inside; without end where there is no upper one.
    Days {
        /// The fewest.
        from: u32,
        /// The most.
        to: Option<u32>,
    },
}

impl SinceContact {
    /// What a row of a rulebook's board holds; none where it has no row of this label.
    pub fn labelled(buckets: &Buckets, label: &str) -> Option<Self> {
        if buckets.none == label {
            return Some(Self::Never);
        }
        let row = buckets.labels.iter().position(|known| known == label)?;
        let below = row.checked_sub(1).and_then(|row| buckets.upper.get(row));
        Some(Self::Days { from: below.map_or(0, |edge| edge + 1), to: buckets.upper.get(row).copied() })
    }
}

/// The case number of another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseNumber {
    /// The other system's name.
    pub system: String,
    /// The case number there.
    pub id: String,
}

/// Which journeys are wanted; everything given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JourneyFilter {
    /// Whose.
    pub held: HeldBy,
    /// The workers for whom the keyworker stands in, whose journeys are wanted too.
    pub covered: BTreeSet<WorkerId>,
    /// Those whose keyworker is in this team.
    pub team: Option<TeamId>,
    /// Of this service area.
    pub area: Option<String>,
    /// Of this cohort.
    pub cohort: Option<String>,
    /// That stand at this stage.
    pub stage: Option<String>,
    /// In this state.
    pub state: Option<InState>,
    /// Received on or after this day.
    pub received_from: Option<NaiveDate>,
    /// Received on or before this day.
    pub received_to: Option<NaiveDate>,
    /// So long since the last contact.
    pub since_contact: Option<SinceContact>,
    /// Known by exactly this case number.
    pub case_number: Option<CaseNumber>,
    /// Whose reference begins so.
    pub reference_begins: String,
    /// Of this subject.
    pub subject: Option<SubjectId>,
}

/// By what a list is ordered; ties by the journey's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By what people call the journey.
    #[default]
    Reference,
    /// By the day on which the referral was received.
    Received,
    /// By the day of the last contact that counts as made, by anyone; no contact comes before every contact.
    LastContact,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: Sort,
    /// Whether the last come first.
    pub falling: bool,
}

/// What a list is ordered by, of one journey.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A reference, compared bytewise.
    Text(String),
    /// A day.
    Day(NaiveDate),
}

/// The place of a journey in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What the list is ordered by.
    pub key: Key,
    /// Which journey.
    pub journey: JourneyId,
}

/// One journey of a list, read at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyRow {
    /// Which journey.
    pub journey: JourneyId,
    /// What people call it.
    pub reference: String,
    /// The service area.
    pub area: String,
    /// Who holds the case and has not left.
    pub keyworker: Option<WorkerId>,
    /// The furthest stage that it has reached, by code.
    pub stage: Option<String>,
    /// Days since the last contact that counts as made, by anyone; none if there was none.
    pub since_contact: Option<DaySpan>,
    /// Its place in the list.
    pub place: Place,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyPage {
    /// Its journeys, in order.
    pub rows: Vec<JourneyRow>,
    /// Whether there are more after it.
    pub has_next: bool,
}

/// The day of the last contact, in the order by it, of a journey without one.
const NO_CONTACT: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 2).expect("a real day");
/// More characters than a reference has.
const LONGER_THAN_ANY: usize = 256;

impl Order {
    /// The place before every other.
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

    /// Which of two places comes first.
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

#[derive(sqlx::FromRow)]
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

/// A filter as its statement binds it.
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
    /// None where nothing can pass.
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
            // Where it may be no days, even a month that is not over holds the day.
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
            references_to: after_all_that_begin(&filter.reference_begins),
            as_of: bound(as_of),
            contact,
        })
    }
}

/// So many days before a day; before every day where there is no number.
fn ago(day: NaiveDate, days: Option<u32>) -> NaiveDate {
    let ago = days.and_then(|days| day.checked_sub_days(Days::new(days.into())));
    bound(ago.unwrap_or(BEGINNING))
}

/// The first text, in the order of bytes, after all that begin like this; none where nothing comes after them.
fn after_all_that_begin(beginning: &str) -> Option<String> {
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

/// Binds what every text of a list has, `$1` to `$24`.
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
    /// The shortest way to the rows.
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

impl Generation {
    /// A page of a list at the end of a day: at most `first` journeys after a place.
    pub async fn journeys(
        &self,
        scope: CasesInScope<'_>,
        as_of: NaiveDate,
        (population, filter, order): (Population, &JourneyFilter, Order),
        (after, first): (Option<&Place>, u32),
    ) -> Result<JourneyPage, StoreError> {
        let none = JourneyPage { rows: Vec::new(), has_next: false };
        let Some(asked) = Bound::of(scope, population, as_of, filter) else { return Ok(none) };
        let sql = order.text(population.texts(filter)).text(self.reader.dialect());
        let Place { key, journey } = after.cloned().unwrap_or_else(|| order.beginning());
        let rows: sqlx::Result<Vec<Row>> = on!(&self.reader, pool => {
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

    /// How many journeys of a list pass a filter at the end of a day.
    pub async fn journey_count(
        &self,
        scope: CasesInScope<'_>,
        as_of: NaiveDate,
        population: Population,
        filter: &JourneyFilter,
    ) -> Result<u64, StoreError> {
        if scope.cases() == Cases::All && *filter == JourneyFilter::default() {
            return self.journey_count_of_all(scope, as_of, population).await;
        }
        let Some(asked) = Bound::of(scope, population, as_of, filter) else { return Ok(0) };
        let sql = population.texts(filter).count.text(self.reader.dialect());
        let counted: sqlx::Result<i64> =
            on!(&self.reader, pool => bind!(sqlx::query_scalar(sql), &asked).fetch_one(pool).await);
        Ok(board::count(counted.map_err(doing("count journeys"))?))
    }

    async fn journey_count_of_all(
        &self,
        scope: CasesInScope<'_>,
        as_of: NaiveDate,
        population: Population,
    ) -> Result<u64, StoreError> {
        let sql = WHOLE[usize::from(population == Population::Journeys)].text(self.reader.dialect());
        let counted: sqlx::Result<i64> = on!(&self.reader, pool => {
            sqlx::query_scalar(sql).bind(scope.contract()).bind(bound(as_of)).fetch_one(pool).await
        });
        Ok(board::count(counted.map_err(doing("count journeys"))?))
    }
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
    fn what_begins_alike_lies_between_two_texts() {
        for (beginning, after) in
            [("BR-1", "BR-2"), ("BR-\u{10FFFF}", "BR."), ("\u{D7FF}", "\u{E000}"), ("a\u{7F}", "a\u{80}")]
        {
            assert_eq!(after_all_that_begin(beginning).as_deref(), Some(after));
            assert!(beginning < after && format!("{beginning}\u{10FFFF}").as_str() < after);
        }
        assert_eq!((after_all_that_begin(""), after_all_that_begin("\u{10FFFF}")), (None, None));
    }
}
