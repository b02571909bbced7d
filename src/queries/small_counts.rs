//! Small counts: the answers of questions as those see them who may not see counts of one to four people.
//!
//! Pure. The rule is in [`throughline_domain::performance::small_counts`]. It hides within one answer, so that the whole,
//! which another question may show, and the rest of the answer do not give away what is hidden.

use std::collections::BTreeMap;

use super::board::Group;
use super::claims_by_outcome::{Counts, OutcomeRow, OutcomeRows};
use super::exits::Exits;
use super::measures::{FigureRow, MeasureFigures};
use super::performance::MonthsRow;
use super::recency::RecencyRow;
use super::referral_to_plan::ReferralToPlanRow;
use throughline_domain::performance::comparison::Beside;
use throughline_domain::performance::figure::{Figure, State};
use throughline_domain::performance::measure::Measure;
use throughline_domain::performance::small_counts::{Countable, complete, is_few, shown, sum};

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
        let of = |((row, by_month), cumulative): ((&MonthsRow, Vec<Option<u64>>), Vec<Option<u64>>)| {
            let (total, of_start) = (sum(row.total(), &by_month), sum(row.cumulative, &by_month));
            Self { by_month, total, cumulative: of_start.and(cumulative.first().copied().flatten()) }
        };
        table.iter().zip(found).zip(cumulative).map(of).collect()
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
    use crate::queries::measures::Member;
    use throughline_domain::performance::comparison::{Actuals, Aim, Comparison, Met};
    use throughline_domain::performance::measure::{FactKind, Facts, Formula, Unit};
    use throughline_domain::performance::period::{Period, Unit as Part};
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
    fn months_and_their_totals_hide_what_would_follow_from_them() {
        let row =
            |counts: [u64; 3], cumulative| MonthsRow { group: Group::Whole, by_month: counts.to_vec(), cumulative };
        let found = MonthsShown::without_small(&[row([3, 10, 12], 60)]);
        assert_eq!(found, [MonthsShown { by_month: vec![None, None, Some(12)], total: None, cumulative: None }]);
        let all = MonthsShown::without_small(&[row([5, 10, 12], 60)]);
        assert_eq!((all[0].total, all[0].cumulative), (Some(27), Some(60)));
    }
}
