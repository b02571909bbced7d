//! The boards counted by hand from the oracle's cases, and compared with what a view answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use rust_decimal::Decimal;
use throughline::access::InScope;
use throughline::access::relation::Standing;
use throughline::queries;
use throughline::queries::board::Group;
use throughline::queries::journeys::{
    CaseNumber, HeldBy, InState, JourneyFilter, Key, Order, Population, SinceContact, Sort,
};
use throughline::queries::period::Period;
use throughline::queries::{exits, performance, recency, referral_to_plan};
use throughline::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::performance::period::{Month, Months};
use throughline_projections::DaySpan;
use throughline_projections::state::State;
use uuid::Uuid;

use crate::oracle::{self, Case, Rules, STAGES};

/// The areas of the tests' rulebook, in its order.
const AREAS: [&str; 3] = ["brent", "ealing", "hackney"];
const SINCE_CONTACT: [i64; 4] = [7, 14, 21, 27];
const TO_PLAN: [i64; 4] = [7, 14, 21, 28];

/// What is asked of which view.
pub(crate) struct Asked<'a> {
    pub(crate) view: &'a Generation,
    pub(crate) scope: InScope<'a>,
    pub(crate) rulebook: &'a Rulebook,
    pub(crate) as_of: NaiveDate,
}

/// A row of counts under the name of its group.
type Counted = BTreeMap<String, Vec<u64>>;

pub(crate) fn span(span: DaySpan) -> (i64, i64) {
    (i64::from(span.lowest), i64::from(span.highest))
}

fn name(group: &Group) -> String {
    match group {
        Group::Whole => "whole".to_owned(),
        Group::Area(code) | Group::Reason(code) => code.clone(),
        Group::Keyworker(holder) => holder.worker.to_string(),
        Group::Team(named) => named.team.to_string(),
        Group::NoTeam => "no team".to_owned(),
        Group::Unassigned => "unassigned".to_owned(),
    }
}

/// Compares every board of a day with what these cases make of it.
pub(crate) async fn compare(asked: &Asked<'_>, cases: &[Case], rules: Rules) -> Result<(), TestCaseError> {
    lists(asked, cases).await?;
    held(asked, cases).await?;
    since_contact(asked, cases).await?;
    to_plan(asked, cases, rules).await?;
    reached(asked, cases).await?;
    left(asked, cases).await
}

/// A row of a list: journey, reference, area, keyworker, stage, days since contact.
type Listed = (Uuid, String, String, Option<Uuid>, Option<String>, Option<(i64, i64)>);

/// What the recency board prints, and the number of days in each of its rows.
const ROWS: [SinceContact; 6] = [
    SinceContact::Days { from: 0, to: Some(7) },
    SinceContact::Days { from: 8, to: Some(14) },
    SinceContact::Days { from: 15, to: Some(21) },
    SinceContact::Days { from: 22, to: Some(27) },
    SinceContact::Days { from: 28, to: None },
    SinceContact::Never,
];

/// Filters of every kind, of which some cases pass some.
fn filters(cases: &[Case]) -> Vec<JourneyFilter> {
    let mut filters =
        vec![JourneyFilter::default(), JourneyFilter { held: HeldBy::Unassigned, ..JourneyFilter::default() }];
    let states = [State::Waiting, State::OnCaseload, State::Closed, State::Declined, State::Withdrawn];
    filters.extend(states.map(|state| JourneyFilter { state: Some(InState::Only(state)), ..JourneyFilter::default() }));
    filters.push(JourneyFilter { state: Some(InState::Open), ..JourneyFilter::default() });
    filters.extend(ROWS.map(|row| JourneyFilter { since_contact: Some(row), ..JourneyFilter::default() }));
    for (at, case) in cases.iter().enumerate() {
        let held = case.keyworker.map_or(HeldBy::Any, |worker| HeldBy::Keyworker(WorkerId(worker)));
        let number = CaseNumber { system: "council".to_owned(), id: case.reference.clone() };
        filters.extend([
            JourneyFilter { held, area: Some(case.area.clone()), ..JourneyFilter::default() },
            JourneyFilter { held, stage: case.stage().map(str::to_owned), ..JourneyFilter::default() },
            JourneyFilter { received_from: Some(case.received.0), ..JourneyFilter::default() },
            JourneyFilter { received_to: Some(case.received.0), ..JourneyFilter::default() },
            JourneyFilter { case_number: Some(number), ..JourneyFilter::default() },
            JourneyFilter { reference_begins: case.reference[..at % 4].to_owned(), ..JourneyFilter::default() },
            JourneyFilter { cohort: Some("autumn".to_owned()), ..JourneyFilter::default() },
            JourneyFilter { since_contact: Some(ROWS[at % 6]), held, ..JourneyFilter::default() },
        ]);
    }
    filters
}

fn state(case: &Case) -> State {
    match (case.declined, case.withdrawn) {
        (Some(declined), Some(withdrawn)) if withdrawn.0 < declined.0 => State::Withdrawn,
        (Some(_), _) => State::Declined,
        (None, Some(_)) => State::Withdrawn,
        (None, None) if case.is_closed => State::Closed,
        (None, None) if case.accepted.is_some() => State::OnCaseload,
        (None, None) => State::Waiting,
    }
}

/// Whether a case passes, each part of the filter for itself.
fn passes(case: &Case, filter: &JourneyFilter, as_of: NaiveDate) -> bool {
    let held = match filter.held {
        HeldBy::Any => true,
        HeldBy::Unassigned => case.keyworker.is_none(),
        HeldBy::Keyworker(worker) => case.keyworker == Some(worker.0),
    };
    let state = state(case);
    let in_state = filter.state.is_none_or(|wanted| match wanted {
        InState::Open => matches!(state, State::Waiting | State::OnCaseload),
        InState::Only(wanted) => wanted == state,
    });
    let since = case.since_contact(false, as_of);
    let in_row = filter.since_contact.is_none_or(|row| {
        let wanted = ROWS.iter().position(|known| *known == row);
        since.map_or(Some(5), |days| oracle::bucket(days, SINCE_CONTACT)) == wanted
    });
    let own = crate::oracle::own_reference(case.journey);
    held && in_state
        && in_row
        && filter.area.as_ref().is_none_or(|area| *area == case.area)
        && filter.cohort.is_none()
        && filter.stage.as_deref().is_none_or(|stage| case.stage() == Some(stage))
        && filter.received_from.is_none_or(|day| case.received.0 >= day)
        && filter.received_to.is_none_or(|day| case.received.0 <= day)
        && filter.case_number.as_ref().is_none_or(|number| case.reference != own && number.id == case.reference)
        && case.reference.starts_with(&filter.reference_begins)
}

async fn lists(asked: &Asked<'_>, cases: &[Case]) -> Result<(), TestCaseError> {
    let standing = Standing::contract_wide(asked.as_of);
    let scope = asked.scope.cases(&standing);
    let every = [Sort::Reference, Sort::Received, Sort::LastContact];
    let orders: Vec<Order> =
        every.iter().flat_map(|by| [false, true].map(|falling| Order { by: *by, falling })).collect();
    let mut orders = orders.into_iter().cycle();
    for population in [Population::Caseload, Population::Journeys] {
        for filter in filters(cases) {
            let order = orders.next().expect("they go round");
            let of = |case: &&Case| population == Population::Journeys || state(case) == State::OnCaseload;
            let mut expected: Vec<(Key, Listed)> = cases
                .iter()
                .filter(of)
                .filter(|case| passes(case, &filter, asked.as_of))
                .map(|case| (key(case, order), listed(case, asked.as_of)))
                .collect();
            expected.sort_by(|one, other| (&one.0, one.1.0).cmp(&(&other.0, other.1.0)));
            if order.falling {
                expected.reverse();
            }
            let expected: Vec<Listed> = expected.into_iter().map(|(_, listed)| listed).collect();
            let mut found: Vec<Listed> = Vec::new();
            let mut after = None;
            loop {
                let how = (population, &filter, order);
                let page = queries::journeys::page(asked.view, scope, asked.as_of, how, (after.as_ref(), 2))
                    .await
                    .expect("a page");
                after = page.rows.last().map(|row| row.place.clone());
                found.extend(page.rows.into_iter().map(|row| {
                    let keyworker = row.keyworker.map(|worker| worker.0);
                    let since = row.since_contact.map(span);
                    (row.journey.0, row.reference, row.area, keyworker, row.stage, since)
                }));
                if !page.has_next {
                    break;
                }
            }
            let counted =
                queries::journeys::count(asked.view, scope, asked.as_of, population, &filter).await.expect("a count");
            prop_assert_eq!(counted, found.len() as u64);
            prop_assert_eq!(found, expected, "{:?} on {} by {:?} {:?}", population, asked.as_of, filter, order);
        }
    }
    Ok(())
}

fn key(case: &Case, order: Order) -> Key {
    let last = case.contacts.iter().map(|(days, _)| days.0).max();
    match order.by {
        Sort::Reference => Key::Text(case.reference.clone()),
        Sort::Received => Key::Day(case.received.0),
        Sort::LastContact => Key::Day(last.unwrap_or(NaiveDate::MIN)),
    }
}

fn listed(case: &Case, as_of: NaiveDate) -> Listed {
    let stage = case.stage().map(str::to_owned);
    let since = case.since_contact(false, as_of);
    (case.journey, case.reference.clone(), case.area.clone(), case.keyworker, stage, since)
}

fn holder(case: &Case) -> String {
    case.keyworker.map_or("unassigned".to_owned(), |worker| worker.to_string())
}

async fn held(asked: &Asked<'_>, cases: &[Case]) -> Result<(), TestCaseError> {
    let mut expected: BTreeMap<String, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    expected.insert("unassigned".to_owned(), Default::default());
    for case in cases.iter().filter(|case| case.is_on_caseload()) {
        let (journeys, stages) = expected.entry(holder(case)).or_default();
        *journeys += 1;
        if let Some(stage) = case.stage() {
            *stages.entry(stage.to_owned()).or_default() += 1;
        }
    }
    let found = queries::caseload::by_keyworker(asked.view, asked.scope, asked.as_of).await.expect("a board");
    let found = found.into_iter().map(|row| (name(&row.group), (row.journeys, row.by_stage))).collect();
    prop_assert_eq!(expected, found);
    Ok(())
}

/// Puts a case into its row: five buckets, none, imprecise, unassigned.
fn put(rows: &mut Counted, row: &str, place: usize, places: usize) {
    rows.entry(row.to_owned()).or_insert_with(|| vec![0; places])[place] += 1;
}

/// Empty rows for the areas of the rulebook.
fn areas(places: usize) -> Counted {
    AREAS.iter().map(|area| ((*area).to_owned(), vec![0; places])).collect()
}

async fn since_contact(asked: &Asked<'_>, cases: &[Case]) -> Result<(), TestCaseError> {
    for measure in [recency::Measure::Anyone, recency::Measure::Keyworker] {
        let by_keyworker = measure == recency::Measure::Keyworker;
        let place = |case: &Case| {
            if by_keyworker && case.keyworker.is_none() {
                return 7;
            }
            let Some(days) = case.since_contact(by_keyworker, asked.as_of) else { return 5 };
            oracle::bucket(days, SINCE_CONTACT).unwrap_or(6)
        };
        for by in [recency::By::Keyworker, recency::By::Team, recency::By::Area, recency::By::Whole] {
            let mut expected = match by {
                recency::By::Keyworker => Counted::from([("unassigned".to_owned(), vec![0; 8])]),
                recency::By::Team => ["no team", "unassigned"].map(|row| (row.to_owned(), vec![0; 8])).into(),
                recency::By::Area => areas(8),
                recency::By::Whole => Counted::from([("whole".to_owned(), vec![0; 8])]),
            };
            for case in cases.iter().filter(|case| case.is_on_caseload()) {
                let row = match by {
                    recency::By::Keyworker => holder(case),
                    recency::By::Team if case.keyworker.is_some() => "no team".to_owned(),
                    recency::By::Team => "unassigned".to_owned(),
                    recency::By::Area => case.area.clone(),
                    recency::By::Whole => "whole".to_owned(),
                };
                put(&mut expected, &row, place(case), 8);
            }
            let rows = recency::rows(asked.view, asked.scope, asked.as_of, asked.rulebook, (by, measure)).await;
            let rows = rows.expect("a board").into_iter();
            let found: Counted = rows
                .map(|row| {
                    let beside = [row.none, row.date_imprecise, row.unassigned];
                    (name(&row.group), row.buckets.iter().copied().chain(beside).collect())
                })
                .collect();
            prop_assert_eq!(expected, found, "{:?} by {:?} on {}", measure, by, asked.as_of);
        }
    }
    Ok(())
}

fn months() -> [Period; 3] {
    let month = |month| Month::of(NaiveDate::from_ymd_opt(2018, month, 9).expect("a day"));
    [Period::ToDate, Period::Months(Months::one(month(1))), Period::Months(Months::one(month(2)))]
}

fn is_within(day: NaiveDate, period: Period) -> bool {
    match period {
        Period::ToDate => true,
        Period::Months(months) => {
            (day.year(), day.month()) == (months.first().first().year(), months.first().first().month())
        }
    }
}

async fn to_plan(asked: &Asked<'_>, cases: &[Case], rules: Rules) -> Result<(), TestCaseError> {
    for (by, period) in months()
        .into_iter()
        .flat_map(|period| [(referral_to_plan::By::Area, period), (referral_to_plan::By::Whole, period)])
    {
        let whole = by == referral_to_plan::By::Whole;
        let mut expected = if whole { Counted::from([("whole".to_owned(), vec![0; 9])]) } else { areas(9) };
        let mut waits: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for case in cases {
            let Some(from) = case.clock(rules).filter(|from| is_within(from.0, period)) else { continue };
            let row = if whole { "whole".to_owned() } else { case.area.clone() };
            let Some(plan) = case.plan() else {
                put(&mut expected, &row, if case.is_closed { 6 } else { 5 }, 9);
                continue;
            };
            let days = oracle::days(from, plan);
            put(&mut expected, &row, oracle::bucket(days, TO_PLAN).unwrap_or(7), 9);
            if plan.1 < from.0 {
                put(&mut expected, &row, 8, 9);
            }
            // Whatever is known only by month or year tells no mean anything.
            if from.0 == from.1 && plan.0 == plan.1 {
                waits.entry(row).or_default().push(days.0);
            }
        }
        let rows = referral_to_plan::rows(asked.view, asked.scope, asked.as_of, asked.rulebook, (by, period)).await;
        let rows = rows.expect("a board").expect("the rulebook measures it");
        for row in &rows {
            let mut days = waits.remove(&name(&row.group)).unwrap_or_default();
            days.sort_unstable();
            // Half the sum of the two in the middle, in tenths.
            let middle = |days: &[i64]| Decimal::new((days[(days.len() - 1) / 2] + days[days.len() / 2]) * 5, 1);
            prop_assert_eq!((!days.is_empty()).then(|| middle(&days)), row.days.median());
            prop_assert_eq!(row.days.count(), days.len() as u64);
        }
        let found: Counted = rows
            .into_iter()
            .map(|row| {
                let beside = [row.no_plan_yet, row.closed_without_plan, row.date_imprecise, row.plan_before_referral];
                (name(&row.group), row.buckets.into_iter().chain(beside).collect())
            })
            .collect();
        prop_assert_eq!(expected, found, "referral to plan by {:?} in {:?} on {}", by, period, asked.as_of);
    }
    Ok(())
}

async fn reached(asked: &Asked<'_>, cases: &[Case]) -> Result<(), TestCaseError> {
    let january = Month::of(NaiveDate::from_ymd_opt(2018, 1, 1).expect("a day"));
    let february = january.ahead(1).expect("a month");
    // February alone has January in its cumulative count; December is before the contract.
    for months in [Months::one(february), Months::from_to(january, february).expect("in order")] {
        for by in [performance::By::Area, performance::By::Whole] {
            let found =
                performance::in_months(asked.view, asked.scope, asked.as_of, asked.rulebook, (by, months)).await;
            let found = found.expect("a board");
            let declined = |case: &Case| case.declined.map(|days| days.0);
            let expected = counted_by_month(cases, by, months, declined);
            prop_assert_eq!(expected, by_month(&found.declined), "declined on {}", asked.as_of);
            let codes: Vec<&str> = found.stages.iter().map(|stage| stage.code.as_str()).collect();
            prop_assert_eq!(codes, STAGES);
            for (at, stage) in found.stages.iter().enumerate() {
                let expected = counted_by_month(cases, by, months, |case| case.reached[at]);
                prop_assert_eq!(expected, by_month(&stage.rows), "{} on {}", stage.code, asked.as_of);
            }
        }
    }
    Ok(())
}

fn by_month(rows: &[performance::MonthsRow]) -> Counted {
    let row = |row: &performance::MonthsRow| {
        (name(&row.group), row.by_month.iter().copied().chain([row.cumulative]).collect())
    };
    rows.iter().map(row).collect()
}

/// Counts by month, and since January 2018 in which the contract starts.
fn counted_by_month(
    cases: &[Case],
    by: performance::By,
    months: Months,
    day: impl Fn(&Case) -> Option<NaiveDate>,
) -> Counted {
    let months: Vec<NaiveDate> = months.iter().map(Month::first).collect();
    let places = months.len() + 1;
    let whole = by == performance::By::Whole;
    let mut rows = if whole { Counted::from([("whole".to_owned(), vec![0; places])]) } else { areas(places) };
    for case in cases {
        let Some(day) = day(case) else { continue };
        let row = if whole { "whole" } else { &case.area };
        if let Some(place) = months.iter().position(|first| (first.year(), first.month()) == (day.year(), day.month()))
        {
            put(&mut rows, row, place, places);
        }
        if day.year() == 2018 && day.month() <= 2 {
            put(&mut rows, row, places - 1, places);
        }
    }
    rows
}

async fn left(asked: &Asked<'_>, cases: &[Case]) -> Result<(), TestCaseError> {
    for (by, period) in months().into_iter().flat_map(|period| [(exits::By::Reason, period), (exits::By::Area, period)])
    {
        let found = exits::in_period(asked.view, asked.scope, asked.as_of, asked.rulebook, (by, period))
            .await
            .expect("a board");
        let (mut closed, mut disengaged) = (BTreeMap::new(), BTreeMap::new());
        for case in cases {
            let row = |reason: &str| if by == exits::By::Area { case.area.clone() } else { reason.to_owned() };
            if let Some((days, reason)) = case.exit.as_ref().filter(|(days, _)| is_within(days.0, period)) {
                debug_assert!(days.0 <= asked.as_of);
                *closed.entry(row(reason)).or_insert(0) += 1;
            }
            for (reason, _) in case.disengaged.iter().filter(|(_, day)| is_within(**day, period)) {
                *disengaged.entry(row(reason)).or_insert(0) += 1;
            }
        }
        let some = |rows: &[exits::ExitRow]| -> BTreeMap<String, u64> {
            rows.iter().filter(|row| row.journeys > 0).map(|row| (name(&row.group), row.journeys)).collect()
        };
        prop_assert_eq!(closed, some(&found.closed), "exits by {:?} in {:?} on {}", by, period, asked.as_of);
        prop_assert_eq!(disengaged, some(&found.disengaged));
        let groups: BTreeSet<String> = found.closed.iter().map(|row| name(&row.group)).collect();
        prop_assert_eq!(groups.len(), 3, "no reason and no area is left out");
    }
    Ok(())
}
