//! Obligations: the work that the standards of a rulebook require, in pages and as counts, at an as-of date.
//!
//! An open obligation belongs to the keyworker who holds the case on that day. A closed one belongs to the keyworker at
//! the time. Obligations of a case without a keyworker stay with the team of its last keyworker (domain.md §9).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::board::{self, Group};
use super::caseload_scope::whose;
use super::journeys::HeldBy;
use super::period::{BEGINNING, bound};
use crate::access::{CasesInScope, InScope};
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{JourneyId, TeamId, WorkerId};
use throughline_projections::CaseFacts;
use throughline_projections::FOREVER;
use throughline_projections::obligation::{self, State};

/// The status of an obligation at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Open, and due after that day.
    Due,
    /// Open, and due on that day.
    DueToday,
    /// Open, and due before that day.
    Overdue,
    /// Met in time.
    Met,
    /// Met late, or the case ended after the due date without it being met.
    Missed,
    /// The case ended by the due date.
    Cancelled,
}

impl Standing {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::Due, Self::DueToday, Self::Overdue, Self::Met, Self::Missed, Self::Cancelled];

    /// The status of an obligation with this state, due date and end date.
    pub fn of(state: State, due: NaiveDate, ended: Option<NaiveDate>, as_of: NaiveDate) -> Self {
        match (state, ended.is_none_or(|ended| ended <= due)) {
            (State::Owed, _) if due > as_of => Self::Due,
            (State::Owed, _) if due == as_of => Self::DueToday,
            (State::Owed, _) => Self::Overdue,
            (State::Met, true) => Self::Met,
            (State::Over, true) => Self::Cancelled,
            (State::Met | State::Over, false) => Self::Missed,
        }
    }

    /// The status as the statements write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::DueToday => "due_today",
            Self::Overdue => "overdue",
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The states of the table that this status may have.
    const fn states(self) -> &'static [State] {
        match self {
            Self::Due | Self::DueToday | Self::Overdue => &[State::Owed],
            Self::Met => &[State::Met],
            Self::Missed => &[State::Met, State::Over],
            Self::Cancelled => &[State::Over],
        }
    }
}

/// A filter of obligations. All given conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObligationFilter {
    /// One of these statuses. `None` for any.
    pub standing: Option<Vec<Standing>>,
    /// The standard, by code.
    pub standard: Option<String>,
    /// The keyworker.
    pub held: HeldBy,
    /// The workers whom the keyworker covers for. Their obligations are included.
    pub covered: BTreeSet<WorkerId>,
    /// The team: obligations of its keyworkers, and of cases that its keyworkers held last.
    pub team: Option<TeamId>,
    /// The service area.
    pub area: Option<String>,
    /// Due on this day or later.
    pub due_from: Option<NaiveDate>,
    /// Due on this day or earlier.
    pub due_to: Option<NaiveDate>,
}

/// The position of an obligation in the list, ordered by due date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The due date.
    pub due: NaiveDate,
    /// The journey.
    pub journey: JourneyId,
    /// The code of the standard.
    pub standard: String,
    /// The number of the obligation among those of the journey under this standard, in the order of their starts, from
    /// 0.
    pub nth: i64,
}

/// One obligation, read at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObligationRow {
    /// Its position, which identifies it.
    pub place: Place,
    /// Its status.
    pub standing: Standing,
    /// The day from which the days are counted.
    pub from: NaiveDate,
    /// The due date. `None` if the bank holidays of that year are not known.
    pub due: Option<NaiveDate>,
    /// The date on which it was met, or from which it could no longer be met.
    pub ended: Option<NaiveDate>,
    /// Its keyworker, or the keyworker when it ended.
    pub keyworker: Option<WorkerId>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObligationPage {
    /// The obligations, in order.
    pub rows: Vec<ObligationRow>,
    /// Whether more obligations follow.
    pub has_next: bool,
}

/// The grouping of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row for each keyworker, and one for obligations without a keyworker.
    Keyworker,
    /// One row for each team, one for keyworkers without a team, and one for obligations that never had a keyworker.
    Team,
    /// One row for each service area.
    Area,
    /// One row.
    Whole,
}

/// The obligations of one journey at the end of a day, from all its facts by then, ordered by due date. The caller must
/// check whether a keyworker has left by then.
pub fn of_journey(case: &CaseFacts<'_>, as_of: NaiveDate) -> Vec<ObligationRow> {
    let mut rows: Vec<ObligationRow> = Vec::new();
    for standard in &case.rulebook.standards {
        for (nth, owed) in (0..).zip(obligation::obligations(case, standard)) {
            let stretches = owed.stretches(case.journey);
            let Some(now) = stretches.iter().find(|one| one.from <= as_of && as_of < one.to) else { continue };
            rows.push(ObligationRow {
                place: Place { due: owed.due, journey: case.id, standard: standard.code.clone(), nth },
                standing: Standing::of(now.state, owed.due, now.ended, as_of),
                from: owed.from,
                due: (owed.due < FOREVER).then_some(owed.due),
                ended: now.ended,
                keyworker: now.keyworker,
            });
        }
    }
    rows.sort_by(|one, other| one.place.cmp(&other.place));
    rows
}

/// The number of obligations with each status.
pub type Counts = BTreeMap<Standing, u64>;

/// The counts of one standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardCounts {
    /// The standard's code.
    pub standard: String,
    /// Its rows.
    pub rows: Vec<(Group, Counts)>,
}

static PAGE: Sql = Sql::new(include_str!("obligations/page.sql"));
/// The number of obligations on all pages: the page from the start, without a limit.
static COUNT: Sql = Sql::new(concat!("select count(*) from (", include_str!("obligations/page.sql"), ") listed"));
static BY_KEYWORKER: Sql = Sql::new(include_str!("obligations/by_keyworker.sql"));
static BY_TEAM: Sql = Sql::new(include_str!("obligations/by_team.sql"));
static BY_AREA: Sql = Sql::new(include_str!("obligations/by_area.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&PAGE, &COUNT, &BY_KEYWORKER, &BY_TEAM, &BY_AREA];

columns! {
    struct Row {
        journey: Uuid,
        standard: String,
        nth: i64,
        state: String,
        from_on: NaiveDate,
        due_on: NaiveDate,
        ended_on: Option<NaiveDate>,
        keyworker: Option<Uuid>,
    }
}

impl Row {
    fn shown(self, as_of: NaiveDate) -> ObligationRow {
        let state = State::ALL.into_iter().find(|state| state.as_str() == self.state).expect("the fold wrote it");
        ObligationRow {
            place: Place { due: self.due_on, journey: JourneyId(self.journey), standard: self.standard, nth: self.nth },
            standing: Standing::of(state, self.due_on, self.ended_on, as_of),
            from: self.from_on,
            due: (self.due_on < FOREVER).then_some(self.due_on),
            ended: self.ended_on,
            keyworker: self.keyworker.map(WorkerId),
        }
    }
}

columns! {
    struct Counted {
        standard: String,
        standing: String,
        /// Set only if the counts are by keyworker, like the label.
        keyworker [default]: Option<Uuid>,
        /// Set only if the counts are by team, like the label.
        last_keyworker [default]: Option<Uuid>,
        team [default]: Option<Uuid>,
        label [default]: Option<String>,
        /// Set only if the counts are by area.
        area [default]: String,
        obligations: i64,
    }
}

/// The binds of the page and of the count.
macro_rules! bind {
    ($query:expr, $scope:expr, $as_of:expr, $filter:expr, $page:expr) => {{
        let (scope, as_of, filter, (after, most)) = ($scope, $as_of, $filter, $page);
        let (whose, by, unassigned) = whose(scope.cases());
        let (states, standing_of) = wanted(filter.standing.as_deref());
        let keyworkers = filter.held.keyworkers(&filter.covered);
        let (due, journey, standard, nth) = after.map_or((BEGINNING, Uuid::nil(), "", 0), |place| {
            (place.due, place.journey.0, place.standard.as_str(), place.nth)
        });
        $query
            .bind(scope.contract())
            .bind(bound(scope.on()))
            .bind(whose)
            .bind(by)
            .bind(unassigned)
            .bind(bound(as_of))
            .bind(states[0])
            .bind(states[1])
            .bind(states[2])
            .bind(filter.due_from.map_or(BEGINNING, bound))
            .bind(filter.due_to.map_or(FOREVER, bound))
            .bind(standing_of)
            .bind(filter.standard.as_deref())
            .bind(filter.area.as_deref())
            .bind(keyworkers)
            .bind(filter.held == HeldBy::Unassigned)
            .bind(filter.team.map(|team| team.0))
            .bind(due.clamp(BEGINNING, FOREVER))
            .bind(journey)
            .bind(standard)
            .bind(nth)
            .bind(most)
    }};
}

/// A page of the obligations of a contract at the end of a day, ordered by due date: at most `first` after a
/// position.
pub async fn page(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    filter: &ObligationFilter,
    (after, first): (Option<&Place>, u32),
) -> Result<ObligationPage, StoreError> {
    let sql = PAGE.text(generation.reader.dialect());
    let page = (after, i64::from(first) + 1);
    let rows: sqlx::Result<Vec<Row>> = on!(&generation.reader, pool => {
        bind!(sqlx::query_as(sql), scope, as_of, filter, page).fetch_all(pool).await
    });
    let rows = rows.map_err(doing("read a page of obligations"))?;
    let first = usize::try_from(first).expect("a page is smaller than memory");
    let has_next = rows.len() > first;
    Ok(ObligationPage { rows: rows.into_iter().take(first).map(|row| row.shown(as_of)).collect(), has_next })
}

/// The number of obligations of a contract at the end of a day, on all pages.
pub async fn count(
    generation: &Generation,
    scope: CasesInScope<'_>,
    as_of: NaiveDate,
    filter: &ObligationFilter,
) -> Result<u64, StoreError> {
    let sql = COUNT.text(generation.reader.dialect());
    let all = (None::<&Place>, i64::MAX);
    let counted: sqlx::Result<i64> = on!(&generation.reader, pool => {
        bind!(sqlx::query_scalar(sql), scope, as_of, filter, all).fetch_one(pool).await
    });
    Ok(board::count(counted.map_err(doing("count obligations"))?))
}

/// The counts of a contract's obligations by status at the end of a day, for those due in a period, both ends
/// included: a table for each standard, in the order of the rulebook.
pub async fn counts(
    generation: &Generation,
    scope: InScope<'_>,
    as_of: NaiveDate,
    rulebook: &Rulebook,
    (by, due): (By, Option<(NaiveDate, NaiveDate)>),
) -> Result<Vec<StandardCounts>, StoreError> {
    let statement = match by {
        By::Keyworker => &BY_KEYWORKER,
        By::Team => &BY_TEAM,
        By::Area | By::Whole => &BY_AREA,
    };
    let sql = statement.text(generation.reader.dialect());
    let due = due.map_or((BEGINNING, FOREVER), |(from, to)| (bound(from), bound(to)));
    let found: sqlx::Result<Vec<Counted>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql)
            .bind(scope.contract())
            .bind(bound(as_of))
            .bind(due.0)
            .bind(due.1)
            .bind(board::areas(scope))
            .fetch_all(pool)
            .await
    });
    let found = found.map_err(doing("count obligations"))?;
    let table = |standard: &str| {
        let of: Vec<&Counted> = found.iter().filter(|found| found.standard == standard).collect();
        StandardCounts { standard: standard.to_owned(), rows: board::in_scope(scope, rows(&of, by, rulebook)) }
    };
    Ok(rulebook.standards.iter().map(|standard| table(&standard.code)).collect())
}

/// The three binds for the states of the table that these statuses may have (a state may be repeated to fill them), and
/// the statuses as a set of texts.
fn wanted(standing: Option<&[Standing]>) -> ([&'static str; 3], Option<String>) {
    let Some(wanted) = standing else { return (State::ALL.map(State::as_str), None) };
    let found: Vec<State> = wanted.iter().flat_map(|standing| standing.states()).copied().collect();
    let first = found.first().copied().unwrap_or(State::Owed);
    let states = State::ALL.map(|state| if found.contains(&state) { state } else { first });
    let texts: Vec<&str> = wanted.iter().map(|standing| standing.as_str()).collect();
    (states.map(State::as_str), Some(json!(texts).to_string()))
}

/// The rows of one standard's table.
fn rows(found: &[&Counted], by: By, rulebook: &Rulebook) -> Vec<(Group, Counts)> {
    let named = |found: &Counted| found.label.clone().unwrap_or_default();
    match by {
        By::Keyworker => board::by_keyworker(counted(found, |one| Some((named(one), WorkerId(one.keyworker?))))),
        By::Team => {
            let team = |one: &Counted| Some((named(one), TeamId(one.team?)));
            board::by_team(counted(found, |one| one.last_keyworker.map(|_| team(one))))
        }
        By::Area => board::by_area(rulebook, counted(found, |one| one.area.clone())),
        By::Whole => {
            let mut whole = counted(found, |_| ());
            vec![(Group::Whole, whole.remove(&()).unwrap_or_default())]
        }
    }
}

fn counted<K: Ord>(found: &[&Counted], key: impl Fn(&Counted) -> K) -> BTreeMap<K, Counts> {
    let mut groups: BTreeMap<K, Counts> = BTreeMap::new();
    for one in found {
        let standing = Standing::ALL.into_iter().find(|known| known.as_str() == one.standing);
        let standing = standing.expect("the statement says one of them");
        *groups.entry(key(one)).or_default().entry(standing).or_default() += board::count(one.obligations);
    }
    groups
}
