//! Small counts: the answers of questions as those see them who may not see counts of one to four people.
//!
//! Pure. The rule is in [`throughline_domain::performance::small_counts`]. It hides within one answer, so that the whole,
//! which another question may show, and the rest of the answer do not give away what is hidden.

use std::collections::{BTreeMap, BTreeSet};

use super::board::Group;
use super::caseload::HeldRow;
use super::claims_by_outcome::{Counts, OutcomeRow, OutcomeRows};
use super::exits::Exits;
use super::forecast::OutcomeForecast;
use super::kpis::{KpiFigure, KpiMonths};
use super::league::LeagueTable;
use super::measures::{FigureRow, MeasureFigures};
use super::obligations::{self, Standing};
use super::performance::MonthsRow;
use super::prices::{AtPrice, PriceRow};
use super::recency::RecencyRow;
use super::referral_to_plan::ReferralToPlanRow;
use throughline_domain::performance::comparison::Beside;
use throughline_domain::performance::figure::{Figure, State};
use throughline_domain::performance::fraction::Fraction;
use throughline_domain::performance::measure::Measure;
use throughline_domain::performance::period::Period;
use throughline_domain::performance::small_counts::{Countable, complete, is_few, is_of_few, shown, sum};

/// The figures without small counts. Numerators and denominators of shares and rates are left out, because they are
/// counts of other measures.
pub fn figures(found: Vec<MeasureFigures>) -> Vec<MeasureFigures> {
    let of_measure = |of: MeasureFigures| MeasureFigures { rows: rows(of.rows, &of.measure), ..of };
    found.into_iter().map(of_measure).collect()
}

/// What a row may be compared with.
const OTHERS: [fn(&FigureRow) -> Option<&Beside>; 3] = [
    |row| row.comparison.previous.as_ref(),
    |row| row.comparison.three_months.as_ref(),
    |row| row.comparison.year_before.as_ref(),
];

fn rows(mut rows: Vec<FigureRow>, of: &Measure) -> Vec<FigureRow> {
    let lines = lines(&rows);
    let hidden = |figures: Vec<Option<Figure>>| -> Vec<bool> {
        let number = |figure: Option<Figure>| {
            figure.map_or(Countable { size: None, is_hidden: false }, |figure| Countable::figure(&figure, of))
        };
        let mut numbers: Vec<Countable> = figures.into_iter().map(number).collect();
        complete(&mut numbers, &lines);
        numbers.into_iter().map(|number| number.is_hidden).collect()
    };
    let now = hidden(rows.iter().map(|row| Some(row.figure)).collect());
    let others = OTHERS.map(|other| hidden(rows.iter().map(|row| other(row).map(|beside| beside.base)).collect()));
    for (at, row) in rows.iter_mut().enumerate() {
        let [previous, three_months, year_before] = [&others[0][at], &others[1][at], &others[2][at]];
        let comparison = &mut row.comparison;
        for (beside, is_hidden) in [
            (&mut comparison.previous, previous),
            (&mut comparison.three_months, three_months),
            (&mut comparison.year_before, year_before),
        ] {
            *beside = beside.map(|beside| if *is_hidden { beside.without_base() } else { beside.without_parts() });
        }
        if now[at] {
            *comparison = comparison.without_figure();
        }
        row.figure = if now[at] { row.figure.hidden() } else { row.figure.without_parts() };
    }
    rows
}

/// The lines of a table of figures: the rows that differ in one dimension, or in the month, alone.
fn lines(rows: &[FigureRow]) -> Vec<Vec<usize>> {
    let dimensions = rows.first().map_or(0, |row| row.members.len());
    let mut lines: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        for left_out in 0..=dimensions {
            let members = row.members.iter().enumerate().filter(|(nth, _)| *nth != left_out);
            let members: Vec<_> = members.map(|(_, member)| member).collect();
            let period = (left_out != dimensions).then_some(&row.period);
            lines.entry((left_out, format!("{members:?} {period:?}"))).or_default().push(at);
        }
    }
    lines.into_values().collect()
}

/// The figures of an indicator without small counts. A count over several months is hidden with that of a month in it:
/// the other months would give it away. Levels stay, because a level names a band and no number.
pub fn kpi(found: KpiMonths) -> KpiMonths {
    let KpiMonths { kpi, measure, parts, mut months } = found;
    let figures = months.iter().flat_map(|month| &month.figures);
    let few: Vec<Period> = figures.filter(|one| is_of_few(&one.figure, &measure)).map(|one| one.period).collect();
    let contains = |one: &Period, other: &Period| one.first() <= other.first() && other.last() <= one.last();
    let is_hidden = |one: &KpiFigure| {
        let is_count = one.figure.denominator().is_none();
        is_of_few(&one.figure, &measure) || is_count && few.iter().any(|few| contains(&one.period, few))
    };
    for one in months.iter_mut().flat_map(|month| &mut month.figures) {
        one.figure = if is_hidden(one) { one.figure.hidden() } else { one.figure.without_parts() };
    }
    KpiMonths { kpi, measure, parts, months }
}

/// A league without small counts. Points, sides and ranks stay, because they name a band and no number.
pub fn league(found: LeagueTable) -> LeagueTable {
    let LeagueTable { columns, mut rows } = found;
    for (at, column) in columns.iter().enumerate() {
        let figures = rows.iter().map(|row| Countable::figure(&row.cells[at].figure, &column.measure));
        let mut numbers: Vec<Countable> = figures.collect();
        complete(&mut numbers, &[(0..rows.len()).collect()]);
        for (row, number) in rows.iter_mut().zip(&numbers) {
            let cell = &mut row.cells[at];
            cell.figure = if number.is_hidden { cell.figure.hidden() } else { cell.figure.without_parts() };
            cell.index = cell.index.map(Figure::without_parts);
        }
    }
    LeagueTable { columns, rows }
}

/// What was achieved at each price, without small numbers of units. The prices of one outcome are a line.
pub fn prices(found: Vec<(PriceRow<'_>, Option<AtPrice>)>) -> Vec<(PriceRow<'_>, Option<AtPrice>)> {
    let number = |at_price: &AtPrice| {
        let units = Fraction::from(at_price.units);
        Countable { size: Some(units), is_hidden: is_few(units) }
    };
    let none = Countable { size: None, is_hidden: false };
    let mut numbers: Vec<Countable> =
        found.iter().map(|(_, at_price)| at_price.as_ref().map_or(none, number)).collect();
    let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, (row, _)) in found.iter().enumerate() {
        lines.entry(row.outcome).or_default().push(at);
    }
    complete(&mut numbers, &lines.into_values().collect::<Vec<_>>());
    let rows = found.into_iter().zip(numbers);
    rows.map(|((row, at_price), number)| (row, at_price.filter(|_| !number.is_hidden))).collect()
}

/// The counts of a row of days since contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecencyCounts {
    /// The buckets of the rulebook.
    pub buckets: Vec<Option<u64>>,
    /// Without a contact that counts.
    pub none: Option<u64>,
    /// With an imprecise date.
    pub date_imprecise: Option<u64>,
    /// Without a keyworker.
    pub unassigned: Option<u64>,
    /// Of areas without supply.
    pub no_data: Option<u64>,
    /// All of them.
    pub total: Option<u64>,
}

impl RecencyCounts {
    /// All counts of a row. What an area does not supply is not known.
    pub fn of(row: &RecencyRow) -> Self {
        let known = |count: u64| Some(count).filter(|_| !row.is_without_supply);
        Self {
            buckets: row.buckets.iter().copied().map(known).collect(),
            none: known(row.none),
            date_imprecise: known(row.date_imprecise),
            unassigned: Some(row.unassigned),
            no_data: Some(row.no_data),
            total: Some(row.total()),
        }
    }

    /// The counts of a board without small ones.
    pub fn without_small(board: &[RecencyRow]) -> Vec<Self> {
        let parts = |row: &RecencyRow| -> Vec<u64> {
            let rest = [row.none, row.date_imprecise, row.unassigned, row.no_data];
            row.buckets.iter().copied().chain(rest).collect()
        };
        let found = shown(&board.iter().map(parts).collect::<Vec<_>>());
        board.iter().zip(found).map(|(row, parts)| Self::of(row).keeping(&parts)).collect()
    }

    fn keeping(self, parts: &[Option<u64>]) -> Self {
        let (buckets, rest) = parts.split_at(self.buckets.len());
        Self {
            buckets: self.buckets.iter().zip(buckets).map(|(count, shown)| count.and(*shown)).collect(),
            none: self.none.and(rest[0]),
            date_imprecise: self.date_imprecise.and(rest[1]),
            unassigned: rest[2],
            no_data: rest[3],
            total: self.total.and_then(|total| sum(total, parts)),
        }
    }
}

/// The counts of a row of days from referral to plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanCounts {
    /// The buckets of the rulebook.
    pub buckets: Vec<Option<u64>>,
    /// Open without a plan.
    pub no_plan_yet: Option<u64>,
    /// Closed without a plan.
    pub closed_without_plan: Option<u64>,
    /// With an imprecise date.
    pub date_imprecise: Option<u64>,
    /// With a plan before the referral.
    pub plan_before_referral: Option<u64>,
    /// Of areas without supply.
    pub no_data: Option<u64>,
    /// With a plan.
    pub with_plan: Option<u64>,
    /// All of them.
    pub total: Option<u64>,
    /// Whether a median or mean says too much about few people.
    pub hides_days: bool,
}

impl PlanCounts {
    /// All counts of a row. What an area does not supply is not known.
    pub fn of(row: &ReferralToPlanRow) -> Self {
        let known = |count: u64| Some(count).filter(|_| !row.is_without_supply);
        Self {
            buckets: row.buckets.iter().copied().map(known).collect(),
            no_plan_yet: known(row.no_plan_yet),
            closed_without_plan: known(row.closed_without_plan),
            date_imprecise: known(row.date_imprecise),
            plan_before_referral: known(row.plan_before_referral),
            no_data: Some(row.no_data),
            with_plan: known(row.with_plan()),
            total: Some(row.total()),
            hides_days: false,
        }
    }

    /// The counts of a board without small ones.
    pub fn without_small(board: &[ReferralToPlanRow]) -> Vec<Self> {
        let parts = |row: &ReferralToPlanRow| -> Vec<u64> {
            let rest = [row.date_imprecise, row.no_plan_yet, row.closed_without_plan, row.no_data];
            row.buckets.iter().copied().chain(rest).collect()
        };
        let found = shown(&board.iter().map(parts).collect::<Vec<_>>());
        board.iter().zip(found).map(|(row, parts)| Self::of(row).keeping(row, &parts)).collect()
    }

    fn keeping(self, row: &ReferralToPlanRow, parts: &[Option<u64>]) -> Self {
        let (buckets, rest) = parts.split_at(self.buckets.len());
        let with_plan = &parts[..=buckets.len()];
        let is_whole = with_plan.iter().all(Option::is_some);
        Self {
            buckets: self.buckets.iter().zip(buckets).map(|(count, shown)| count.and(*shown)).collect(),
            date_imprecise: self.date_imprecise.and(rest[0]),
            no_plan_yet: self.no_plan_yet.and(rest[1]),
            closed_without_plan: self.closed_without_plan.and(rest[2]),
            no_data: rest[3],
            plan_before_referral: self.plan_before_referral.and_then(|count| sum(count, &[])).filter(|_| is_whole),
            with_plan: self.with_plan.and_then(|count| sum(count, with_plan)),
            total: self.total.and_then(|total| sum(total, parts)),
            hides_days: sum(row.days.count(), &[]).is_none(),
        }
    }
}

/// The counts of exits by group, None where they are hidden, and their sum.
pub type GroupCounts = (Vec<(Group, Option<u64>)>, Option<u64>);

/// The exits and the disengagements of a period without small counts.
pub fn exits(found: Exits) -> (GroupCounts, GroupCounts) {
    let of = |rows: Vec<super::exits::ExitRow>| -> GroupCounts {
        let counts = shown(&rows.iter().map(|row| vec![row.journeys]).collect::<Vec<_>>());
        let counts: Vec<Option<u64>> = counts.into_iter().flatten().collect();
        let total = sum(rows.iter().map(|row| row.journeys).sum(), &counts);
        (rows.into_iter().map(|row| row.group).zip(counts).collect(), total)
    };
    (of(found.closed), of(found.disengaged))
}

/// The counts of a keyworker's cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCounts {
    /// All of them.
    pub journeys: Option<u64>,
    /// Those at each stage, by code.
    pub by_stage: Vec<(String, Option<u64>)>,
}

impl HeldCounts {
    /// All counts of a row.
    pub fn of(row: &HeldRow) -> Self {
        let by_stage = row.by_stage.iter().map(|(stage, journeys)| (stage.clone(), Some(*journeys)));
        Self { journeys: Some(row.journeys), by_stage: by_stage.collect() }
    }

    /// The counts of a board without small ones. Each row then has every stage: a stage that is left out would be one of
    /// no cases.
    pub fn without_small(board: &[HeldRow]) -> Vec<Self> {
        let stages: BTreeSet<&String> = board.iter().flat_map(|row| row.by_stage.keys()).collect();
        let parts = |row: &HeldRow| -> Vec<u64> {
            let before_any = row.journeys.saturating_sub(row.by_stage.values().sum());
            let at = |stage: &&String| row.by_stage.get(*stage).copied().unwrap_or(0);
            stages.iter().map(at).chain([before_any]).collect()
        };
        let found = shown(&board.iter().map(parts).collect::<Vec<_>>());
        let counts = |(row, parts): (&HeldRow, Vec<Option<u64>>)| Self {
            journeys: sum(row.journeys, &parts),
            by_stage: stages.iter().map(|stage| (*stage).clone()).zip(parts).collect(),
        };
        board.iter().zip(found).map(counts).collect()
    }
}

/// The numbers of obligations in each state, in the order of [`Standing::ALL`].
pub type StandingCounts = [Option<u64>; Standing::ALL.len()];

/// The numbers of obligations of each row of a standard.
pub fn standings(rows: &[(Group, obligations::Counts)]) -> Vec<StandingCounts> {
    rows.iter().map(|(_, counts)| of_each(counts).map(Some)).collect()
}

/// The same without small ones.
pub fn standings_without_small(rows: &[(Group, obligations::Counts)]) -> Vec<StandingCounts> {
    let all: Vec<Vec<u64>> = rows.iter().map(|(_, counts)| of_each(counts).to_vec()).collect();
    let row = |counts: Vec<Option<u64>>| std::array::from_fn(|at| counts.get(at).copied().flatten());
    shown(&all).into_iter().map(row).collect()
}

fn of_each(counts: &obligations::Counts) -> [u64; Standing::ALL.len()] {
    Standing::ALL.map(|standing| counts.get(&standing).copied().unwrap_or(0))
}

/// The numbers of claims of a forecast, None where they are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastCounts {
    /// Those under way of each month.
    pub maturing: Vec<Option<u64>>,
    /// Those of the past that were achieved. None without a past, too.
    pub achieved: Option<u64>,
    /// Whether what is expected is hidden everywhere: with the number under way it would give away those of the past.
    pub hides_expected: bool,
}

impl ForecastCounts {
    /// All numbers of a forecast.
    pub fn of(found: &OutcomeForecast) -> Self {
        let maturing = found.months.iter().map(|(_, month)| Some(month.maturing)).collect();
        let achieved = found.past.as_ref().map(|(_, past)| past.achieved);
        Self { maturing, achieved, hides_expected: false }
    }

    /// The numbers of a forecast without small ones.
    pub fn without_small(found: &OutcomeForecast) -> Self {
        let months: Vec<u64> = found.months.iter().map(|(_, month)| month.maturing).collect();
        let maturing = shown(&[months]).into_iter().flatten().collect();
        let past = found.past.as_ref().map(|(_, past)| [past.achieved, past.past.saturating_sub(past.achieved)]);
        let hides_expected = past.is_some_and(|counts| counts.into_iter().any(|count| is_few(count.into())));
        let achieved = past.map(|[achieved, _]| achieved).filter(|_| !hides_expected);
        Self { maturing, achieved, hides_expected }
    }
}

/// The counts of a row by month: each month, their total, and the total from the start of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthsShown {
    /// Each month.
    pub by_month: Vec<Option<u64>>,
    /// The total of the months.
    pub total: Option<u64>,
    /// The total from the start.
    pub cumulative: Option<u64>,
}

impl MonthsShown {
    /// All counts of a row.
    pub fn of(row: &MonthsRow) -> Self {
        let by_month = row.by_month.iter().copied().map(Some).collect();
        Self { by_month, total: Some(row.total()), cumulative: Some(row.cumulative) }
    }

    /// The counts of a table without small ones.
    pub fn without_small(table: &[MonthsRow]) -> Vec<Self> {
        let found = shown(&table.iter().map(|row| row.by_month.clone()).collect::<Vec<_>>());
        let cumulative = shown(&table.iter().map(|row| vec![row.cumulative]).collect::<Vec<_>>());
        let mut rows = Vec::with_capacity(table.len());
        for ((row, by_month), cumulative) in table.iter().zip(found).zip(cumulative) {
            let (total, of_start) = (sum(row.total(), &by_month), sum(row.cumulative, &by_month));
            rows.push(Self { by_month, total, cumulative: of_start.and(cumulative.first().copied().flatten()) });
        }
        rows
    }
}

/// The numbers of claims of a row, None where they are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Achieved by the facts.
    pub achieved: Option<u64>,
    /// Submitted.
    pub submitted: Option<u64>,
    /// Rejected.
    pub rejected: Option<u64>,
    /// Accepted.
    pub accepted: Option<u64>,
    /// Paid in full.
    pub paid: Option<u64>,
    /// Paid and taken back.
    pub reversed: Option<u64>,
    /// Whether rates and comparisons are hidden.
    pub is_hidden: bool,
}

impl OutcomeCounts {
    /// The numbers of the rows of an outcome, without small ones if they are hidden. Submitted claims are the sum of what
    /// was decided and what was not: if one of these numbers is hidden, so are the others.
    pub fn of(outcome: &OutcomeRows, hides_small_counts: bool) -> Vec<Self> {
        if !hides_small_counts {
            return outcome.rows.iter().map(|row| Self::all(&row.counts)).collect();
        }
        let decided = |of: &Counts| [of.submitted, of.rejected, of.accepted, of.paid, of.reversed];
        let achieved = shown(&outcome.rows.iter().map(|row| vec![row.counts.achieved]).collect::<Vec<_>>());
        let achieved = achieved.into_iter().flatten();
        let number = |row: &OutcomeRow| Countable {
            size: Some(row.counts.submitted.into()),
            is_hidden: decided(&row.counts).into_iter().any(|count| is_few(count.into())),
        };
        let mut numbers: Vec<Countable> = outcome.rows.iter().map(number).collect();
        complete(&mut numbers, &[(0..outcome.rows.len()).collect()]);
        let row = |((row, achieved), number): ((&OutcomeRow, Option<u64>), &Countable)| {
            let is_hidden = number.is_hidden;
            let all = Self::all(&row.counts);
            let few_starters = row.base.is_some_and(|base| base.suppressed().state() == State::Suppressed);
            let of = |count: Option<u64>| count.filter(|_| !is_hidden);
            Self {
                achieved,
                submitted: of(all.submitted),
                rejected: of(all.rejected),
                accepted: of(all.accepted),
                paid: of(all.paid),
                reversed: of(all.reversed),
                is_hidden: is_hidden || achieved.is_none() || few_starters,
            }
        };
        outcome.rows.iter().zip(achieved).zip(&numbers).map(row).collect()
    }

    const fn all(of: &Counts) -> Self {
        let Counts { achieved, submitted, rejected, accepted, paid, reversed } = *of;
        Self {
            achieved: Some(achieved),
            submitted: Some(submitted),
            rejected: Some(rejected),
            accepted: Some(accepted),
            paid: Some(paid),
            reversed: Some(reversed),
            is_hidden: false,
        }
    }

    /// Whether no number of the row is hidden.
    pub const fn are_whole(&self) -> bool {
        !self.is_hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::claims_by_outcome::{Amounts, ClaimGroup};
    use crate::queries::kpis::KpiMonth;
    use crate::queries::league::{Cell, Column, LeagueRow};
    use crate::queries::measures::Member;
    use crate::queries::prices::in_force;
    use throughline_domain::contract::Rulebook;
    use throughline_domain::contract::rulebook::kpi::{Consequences, Direction, Kpi, KpiPeriod};
    use throughline_domain::contract::rulebook::packs::pack;
    use throughline_domain::performance::comparison::{Actuals, Aim, Comparison, Met};
    use throughline_domain::performance::forecast::{Expected, Retention};
    use throughline_domain::performance::measure::{FactKind, Facts, Formula, Unit};
    use throughline_domain::performance::period::{Month, Unit as Part};
    use throughline_domain::world::day;

    fn measure() -> Measure {
        let (code, title, prose) = ("exits".to_owned(), "Exits".to_owned(), String::new());
        let formula = Formula::Count(Facts::all(FactKind::Exits));
        Measure { code, title, prose, unit: Unit::Cases, places: 0, formula, version: None }
    }

    fn row(area: &str, now: u64, previous: u64) -> FigureRow {
        let previous = Some(Figure::count(previous));
        let actuals = Actuals { now: Figure::count(now), previous, three_months: None, year_before: None };
        let not_applicable = Figure::not_applicable();
        let aim = Aim { profile: "contract".to_owned(), now: Figure::amount(4.into()), previous: not_applicable };
        FigureRow {
            members: vec![Member::Area(area.to_owned())],
            by: Vec::new(),
            workers: Vec::new(),
            profiles: Vec::new(),
            period: Period::of(Part::Month, day("2018-02-01")),
            figure: actuals.now,
            comparison: Comparison::of(&actuals, vec![aim]).expect("in range"),
            without_supply: Vec::new(),
        }
    }

    fn states(rows: &[FigureRow]) -> Vec<State> {
        rows.iter().map(|row| row.figure.state()).collect()
    }

    #[test]
    fn a_hidden_figure_hides_the_smallest_other_one_and_all_that_is_said_about_it() {
        let given = vec![row("brent", 3, 30), row("ealing", 20, 30), row("enfield", 9, 30)];
        let found = figures(vec![MeasureFigures { measure: measure(), parts: None, rows: given }]);
        let [brent, ealing, _] = found[0].rows.as_slice() else { panic!("{found:?}") };
        assert_eq!(states(&found[0].rows), [State::Suppressed, State::Value, State::Suppressed]);
        let against = &brent.comparison.targets[0];
        assert_eq!(against.met, Met::Unknown(State::Suppressed));
        assert_eq!((against.beside.difference.value(), against.beside.ratio.value()), (None, None));
        assert_eq!(against.beside.base.value(), Some(4.into()), "a target counts no people");
        assert_eq!(ealing.comparison.targets[0].met, Met::Met);
    }

    #[test]
    fn a_small_count_of_another_period_is_hidden_beside_a_figure_that_is_shown() {
        let given = vec![row("brent", 30, 3), row("ealing", 20, 30), row("enfield", 9, 12)];
        let found = figures(vec![MeasureFigures { measure: measure(), parts: None, rows: given }]);
        let previous: Vec<State> =
            found[0].rows.iter().filter_map(|row| row.comparison.previous).map(|one| one.base.state()).collect();
        assert_eq!(previous, [State::Suppressed, State::Value, State::Suppressed]);
        assert_eq!(states(&found[0].rows), [State::Value; 3]);
        let difference = found[0].rows[0].comparison.previous.map(|one| one.difference.value());
        assert_eq!(difference, Some(None));
    }

    fn outcome(counts: &[(u64, u64, u64)]) -> OutcomeRows {
        let nothing = Comparison { targets: Vec::new(), previous: None, three_months: None, year_before: None };
        let row = |(achieved, submitted, rejected): &(u64, u64, u64)| OutcomeRow {
            group: ClaimGroup::Whole,
            counts: Counts { achieved: *achieved, submitted: *submitted, rejected: *rejected, ..Counts::default() },
            amounts: Amounts::default(),
            base: None,
            rate: None,
            rate_without_rejected: None,
            targets: nothing.clone(),
            target_values: nothing.clone(),
        };
        OutcomeRows { code: "home".to_owned(), title: "Home".to_owned(), rows: counts.iter().map(row).collect() }
    }

    #[test]
    fn a_few_rejected_claims_hide_what_they_follow_from() {
        let found = OutcomeCounts::of(&outcome(&[(30, 20, 2), (40, 30, 0), (50, 25, 9)]), true);
        let submitted: Vec<Option<u64>> = found.iter().map(|row| row.submitted).collect();
        assert_eq!(submitted, [None, Some(30), None], "with one more row, so that the whole says nothing");
        assert_eq!((found[0].achieved, found[0].rejected, found[0].are_whole()), (Some(30), None, false));
        assert!(found[1].are_whole() && !found[2].are_whole());
        let few = OutcomeCounts::of(&outcome(&[(3, 0, 0), (40, 30, 0), (9, 8, 0)]), true);
        let achieved: Vec<Option<u64>> = few.iter().map(|row| row.achieved).collect();
        assert_eq!(achieved, [None, Some(40), None], "the smallest other one is hidden too");
        let all = OutcomeCounts::of(&outcome(&[(3, 2, 1)]), false);
        assert_eq!((all[0].achieved, all[0].rejected, all[0].are_whole()), (Some(3), Some(1), true));
    }

    #[test]
    fn the_cases_of_few_at_a_stage_hide_another_stage_and_their_sum() {
        let row = |stages: &[(&str, u64)], journeys| HeldRow {
            group: Group::Whole,
            journeys,
            by_stage: stages.iter().map(|(stage, cases)| ((*stage).to_owned(), *cases)).collect(),
        };
        let board = [row(&[("plan", 3), ("referral", 20)], 23), row(&[("referral", 9)], 9)];
        let found = HeldCounts::without_small(&board);
        let cases = |row: usize| found[row].by_stage.iter().map(|(_, cases)| *cases).collect::<Vec<_>>();
        assert_eq!((cases(0), found[0].journeys), (vec![None, None], None));
        assert_eq!((cases(1), found[1].journeys), (vec![None, None], None), "a column gives none away either");
        let all = HeldCounts::of(&board[0]);
        assert_eq!((all.journeys, all.by_stage[0].1), (Some(23), Some(3)));
    }

    #[test]
    fn a_few_obligations_are_hidden_with_another_number_of_their_row() {
        let counts: obligations::Counts = [(Standing::Due, 30), (Standing::Overdue, 3), (Standing::Met, 8)].into();
        let rows = [(Group::Whole, counts)];
        let found = standings_without_small(&rows);
        assert_eq!(found, [[Some(30), Some(0), None, None, Some(0), Some(0)]]);
        assert_eq!(standings(&rows)[0][2], Some(3));
    }

    #[test]
    fn a_forecast_of_few_and_what_rests_on_few_of_the_past_are_hidden() {
        let forecast = |achieved: u64, months: &[u64]| {
            let share = Fraction::from(achieved).over(20.into()).expect("in range").expect("not over 0");
            let past = Retention { past: 20, achieved, share, band: None };
            let first = Month::of(day("2018-03-01"));
            let month = |(ahead, maturing): (u32, &u64)| {
                let expected = Expected::of(*maturing, Some(&past)).expect("in range");
                (first.ahead(ahead).expect("a month"), expected)
            };
            let (outcome, title) = ("job".to_owned(), "Job".to_owned());
            let months = (0..).zip(months).map(month).collect();
            OutcomeForecast { outcome, title, past: Some((day("2017-03-01"), past)), months }
        };
        let found = ForecastCounts::without_small(&forecast(12, &[30, 4, 9]));
        assert_eq!((found.maturing, found.achieved), (vec![Some(30), None, None], Some(12)));
        assert!(!found.hides_expected);
        for achieved in [3, 17] {
            let found = ForecastCounts::without_small(&forecast(achieved, &[30]));
            assert_eq!((found.maturing, found.achieved, found.hides_expected), (vec![Some(30)], None, true));
        }
        assert_eq!(ForecastCounts::of(&forecast(3, &[4])).maturing, [Some(4)]);
    }

    #[test]
    fn a_league_keeps_the_ranks_of_hidden_values() {
        let row = |rank: usize, area: &str, cases: u64| LeagueRow {
            member: Member::Area(area.to_owned()),
            rank: Some(rank),
            points: None,
            cells: vec![Cell { figure: Figure::count(cases), index: None, score: None }],
        };
        let columns = vec![Column { measure: measure(), title: String::new(), sides: None }];
        let rows = vec![row(1, "ealing", 20), row(2, "enfield", 9), row(3, "brent", 3)];
        let found = league(LeagueTable { columns, rows });
        let seen: Vec<(Option<usize>, State)> =
            found.rows.iter().map(|row| (row.rank, row.cells[0].figure.state())).collect();
        assert_eq!(seen, [(Some(1), State::Value), (Some(2), State::Suppressed), (Some(3), State::Suppressed)]);
    }

    #[test]
    fn a_few_units_at_a_price_are_hidden_with_their_amount() {
        let rulebook = Rulebook::parse(pack("shps").expect("a pack").text).expect("a rulebook");
        let at = |units: u64| AtPrice { units: units.into(), ..AtPrice::default() };
        let rows = in_force(&rulebook, day("2018-02-01")).into_iter().zip([3, 20]);
        let found = prices(rows.map(|(row, units)| (row, Some(at(units)))).collect());
        let are_shown: Vec<bool> = found.iter().map(|(_, at_price)| at_price.is_some()).collect();
        assert_eq!(are_shown, [false, true]);
    }

    #[test]
    fn a_count_over_months_is_hidden_with_that_of_a_month_in_it() {
        let month = |day_of: &str, now: u64, to_date: u64| {
            let (month, from) = (Period::of(Part::Month, day(day_of)), day("2018-01-01"));
            let since = Period::days(from, month.last()).expect("in order");
            let figure = |over, period, count| KpiFigure { over, period, figure: Figure::count(count), level: None };
            KpiMonth {
                period: month,
                figures: vec![figure(KpiPeriod::Month, month, now), figure(KpiPeriod::SinceStart, since, to_date)],
                computed: None,
                level: None,
                assessed: None,
                notices: Vec::new(),
                withheld: None,
            }
        };
        let kpi = Kpi {
            code: "exits".to_owned(),
            title: "Exits".to_owned(),
            measure: "exits".to_owned(),
            direction: Direction::AtMost,
            minimum_level: None,
            lower_level: None,
            period: KpiPeriod::Month,
            consequences: Consequences::default(),
        };
        let months = vec![month("2018-01-10", 10, 10), month("2018-02-10", 3, 13), month("2018-03-10", 8, 21)];
        let found = super::kpi(KpiMonths { kpi, measure: measure(), parts: None, months });
        let states =
            |nth: usize| -> Vec<State> { found.months.iter().map(|month| month.figures[nth].figure.state()).collect() };
        assert_eq!(states(0), [State::Value, State::Suppressed, State::Value]);
        assert_eq!(states(1), [State::Value, State::Suppressed, State::Suppressed]);
    }

    #[test]
    fn months_and_their_totals_hide_what_would_follow_from_them() {
        let row =
            |counts: [u64; 3], cumulative| MonthsRow { group: Group::Whole, by_month: counts.to_vec(), cumulative };
        let found = MonthsShown::without_small(&[row([3, 10, 12], 60)]);
        assert_eq!(found, [MonthsShown { by_month: vec![None, None, Some(12)], total: None, cumulative: None }]);
        let all = MonthsShown::without_small(&[row([5, 10, 12], 60)]);
        assert_eq!((all[0].total, all[0].cumulative), (Some(27), Some(60)));
    }
}
