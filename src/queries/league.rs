//! Leagues: service areas, teams or keyworkers, with the score of each indicator, their total and their rank.
//!
//! Every number is a figure of [`super::measures`]. Points and ranks are computed in
//! [`throughline_domain::performance::league`].

use chrono::NaiveDate;

use super::measures::{
    self, CompareWith, Dimension, FigureRow, FiguresError, FiguresQuery, MeasureFigures, Member, OfContract,
};
use crate::access::InScope;
use crate::views::generation::Generation;
use throughline_domain::contract::rulebook::league::{Index, Indicator, League, LeagueBy};
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::fraction::Fraction;
use throughline_domain::performance::league::{Score, Scored, Side, score, standings};
use throughline_domain::performance::measure::{Formula, Measure, Unit, Workforce};
use throughline_domain::performance::period::Period;
use throughline_domain::performance::ranking::ranked;

/// The measure that shows which teams and keyworkers hold cases.
const HOLDS_CASES: &str = "caseload";

/// A league for one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeagueTable {
    /// What the members are compared by, in the order of the rulebook.
    pub columns: Vec<Column>,
    /// The members, first the one of rank 1.
    pub rows: Vec<LeagueRow>,
}

/// One indicator, or the measure of a league by one measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The measure.
    pub measure: Measure,
    /// The title on the board.
    pub title: String,
    /// How many members lie below and above the index. None in a league by one measure.
    pub sides: Option<Sides>,
}

/// How many scores lie below and above the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sides {
    /// Below it.
    pub below: usize,
    /// Above it.
    pub above: usize,
}

/// One member of the league.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeagueRow {
    /// The area, team or keyworker.
    pub member: Member,
    /// From 1. None if an indicator has no score, or the measure no value.
    pub rank: Option<usize>,
    /// The points. None in a league by one measure.
    pub points: Option<Points>,
    /// Its values, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// The points of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points {
    /// Their sum. None if no indicator has a score.
    pub total: Option<u32>,
    /// The most that it could be.
    pub out_of: u32,
    /// How many indicators lie below and above the index.
    pub sides: Sides,
}

/// One value of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The value.
    pub figure: Figure,
    /// The index that it is held against. None in a league by one measure.
    pub index: Option<Figure>,
    /// The score. None without a value.
    pub score: Option<Score>,
}

impl LeagueTable {
    /// How many scores of all members lie below and above the index. None in a league by one measure.
    pub fn sides(&self) -> Option<Sides> {
        let all = self.columns.iter().map(|column| column.sides);
        all.sum::<Option<Sides>>().filter(|_| !self.columns.is_empty())
    }
}

impl std::iter::Sum for Sides {
    fn sum<I: Iterator<Item = Self>>(sides: I) -> Self {
        sides.fold(Self::default(), |sum, one| Self { below: sum.below + one.below, above: sum.above + one.above })
    }
}

impl Sides {
    fn of(scores: impl Iterator<Item = Option<Score>>) -> Self {
        let one = |score: Score| Self {
            below: usize::from(score.side == Side::Below),
            above: usize::from(score.side == Side::Above),
        };
        scores.flatten().map(one).sum()
    }
}

/// A league of a contract for a period. None for a caller who sees only some service areas: a rank among these would be
/// another one than that among all.
pub async fn table(
    generation: &Generation,
    scope: InScope<'_>,
    of: OfContract<'_>,
    league: &League,
    (period, as_of): (Period, NaiveDate),
) -> Result<Option<LeagueTable>, FiguresError> {
    if scope.areas().is_some() {
        return Ok(None);
    }
    let dimension = match league.by {
        LeagueBy::Area => Dimension::Area,
        LeagueBy::Team => Dimension::Team,
        LeagueBy::Keyworker => Dimension::Keyworker,
    };
    let mut codes = league.measures();
    let compared = codes.len();
    // Who holds cases and has no such fact has no row of it, and must not be missing.
    if dimension != Dimension::Area && !codes.iter().any(|code| code == HOLDS_CASES) {
        codes.push(HOLDS_CASES.to_owned());
    }
    let measures = measures::named(of.rulebook, &codes)?;
    let has_target = |indicator: &Indicator| matches!(indicator.index, Index::Target(_));
    let targets = league.indicators().is_some_and(|indicators| indicators.iter().any(has_target));
    let compare = CompareWith { targets, ..CompareWith::default() };
    let query = FiguresQuery { measures: &measures, by: &[dimension], period, compare, as_of };
    let found = measures::figures(generation, scope, of, &query).await?;
    let (members, found) = (members(&found), &found[..compared]);
    let names: Vec<String> = members.iter().map(|member| member.label(&of.rulebook.labels)).collect();
    let field = Field { members, names, found, asked: (period, as_of) };
    match league.indicators() {
        Some(indicators) => field.by_score(indicators).map(Some),
        None => Ok(Some(field.by_measure())),
    }
}

/// The members of all rows, in order. Cases without a keyworker or a team are no member.
fn members(found: &[MeasureFigures]) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    for member in found.iter().flat_map(|of| &of.rows).filter_map(|row| row.members.first()) {
        let ranks = !matches!(member, Member::NoTeam | Member::Unassigned);
        if ranks && !members.contains(member) {
            members.push(member.clone());
        }
    }
    members
}

/// Everything that a league is made of.
struct Field<'f> {
    members: Vec<Member>,
    /// The label of each member.
    names: Vec<String>,
    /// The figures of each measure.
    found: &'f [MeasureFigures],
    /// The period and the as-of date.
    asked: (Period, NaiveDate),
}

impl Field<'_> {
    fn by_measure(&self) -> LeagueTable {
        let figures: Vec<Figure> = self.found.first().map(|of| self.figures(of)).unwrap_or_default();
        let values = self.names.iter().zip(figures).enumerate();
        let places = ranked(values.map(|(at, (name, figure))| (name.clone(), figure.value(), (at, figure))));
        let row = |(rank, (at, figure)): (Option<usize>, (usize, Figure))| LeagueRow {
            member: self.members[at].clone(),
            rank,
            points: None,
            cells: vec![Cell { figure, index: None, score: None }],
        };
        let rows = places.into_iter().map(|place| row((place.rank, place.of))).collect();
        let column =
            |of: &MeasureFigures| Column { measure: of.measure.clone(), title: of.measure.title.clone(), sides: None };
        LeagueTable { columns: self.found.iter().map(column).collect(), rows }
    }

    fn by_score(&self, indicators: &[Indicator]) -> Result<LeagueTable, FiguresError> {
        let columns: Vec<Vec<Cell>> = indicators
            .iter()
            .zip(self.found)
            .map(|(indicator, of)| self.column(indicator, of))
            .collect::<Result<_, _>>()?;
        let cells = |at: usize| -> Vec<Cell> { columns.iter().map(|column| column[at]).collect() };
        let scored: Vec<Scored> = self
            .names
            .iter()
            .enumerate()
            .map(|(at, name)| Scored { name: name.clone(), scores: cells(at).iter().map(|cell| cell.score).collect() })
            .collect();
        let rows = standings(indicators, &scored).into_iter().map(|standing| LeagueRow {
            member: self.members[standing.member].clone(),
            rank: standing.rank,
            points: Some(Points {
                total: standing.total,
                out_of: standing.out_of,
                sides: Sides { below: standing.below, above: standing.above },
            }),
            cells: cells(standing.member),
        });
        let rows = rows.collect();
        let heads = indicators.iter().zip(self.found).zip(&columns).map(|((indicator, of), cells)| Column {
            measure: of.measure.clone(),
            title: indicator.title.clone().unwrap_or_else(|| of.measure.title.clone()),
            sides: Some(Sides::of(cells.iter().map(|cell| cell.score))),
        });
        Ok(LeagueTable { columns: heads.collect(), rows })
    }

    /// The cells of one indicator, in the order of the members.
    fn column(&self, indicator: &Indicator, of: &MeasureFigures) -> Result<Vec<Cell>, FiguresError> {
        let figures = self.figures(of);
        let values: Vec<Fraction> = figures.iter().filter_map(Figure::value).collect();
        let mean = Fraction::mean(&values)?.map_or(Figure::not_applicable(), Figure::amount);
        let cell = |(member, figure): (&Member, &Figure)| {
            let index = match &indicator.index {
                Index::Mean => mean,
                Index::Number(number) => {
                    let number = Figure::amount((*number).into());
                    let is_percent = of.measure.unit == Unit::Percent;
                    if is_percent { number.divided_by(&Figure::amount(100.into()))? } else { number }
                }
                Index::Target(profile) => {
                    row_of(of, member).map_or(Figure::not_applicable(), |row| target(row, profile))
                }
            };
            Ok(Cell { figure: *figure, index: Some(index), score: score(indicator, figure, &index)? })
        };
        self.members.iter().zip(&figures).map(cell).collect()
    }

    /// The figures of one measure, in the order of the members.
    fn figures(&self, of: &MeasureFigures) -> Vec<Figure> {
        let figure = |member: &Member| match row_of(of, member) {
            Some(row) => row.figure,
            None if self.asked.0.is_provisional(self.asked.1) => without_facts(&of.measure, self.asked).provisional(),
            None => without_facts(&of.measure, self.asked),
        };
        self.members.iter().map(figure).collect()
    }
}

fn row_of<'f>(of: &'f MeasureFigures, member: &Member) -> Option<&'f FigureRow> {
    of.rows.iter().find(|row| row.members.first() == Some(member))
}

/// The target of a profile beside a figure.
fn target(row: &FigureRow, profile: &str) -> Figure {
    let against = row.comparison.targets.iter().find(|against| against.profile == profile);
    against.map_or(Figure::not_applicable(), |against| against.beside.base)
}

/// The figure of a team or keyworker without any fact of a measure: a count is then 0, a sum has no data, and a ratio
/// is one of nothing over nothing. The cases and the work at the end of a period are not known before it begins.
fn without_facts(measure: &Measure, (period, as_of): (Period, NaiveDate)) -> Figure {
    match measure.formula {
        Formula::Caseload
        | Formula::CaseloadThroughout
        | Formula::Work(_)
        | Formula::Workforce(Workforce::Seen { .. })
            if as_of < period.first() =>
        {
            Figure::no_data()
        }
        Formula::Count(_)
        | Formula::Caseload
        | Formula::CaseloadThroughout
        | Formula::Work(_)
        | Formula::Workforce(Workforce::Seen { .. }) => Figure::count(0),
        Formula::Sum(_) | Formula::OfCases(_) | Formula::Share(_) => Figure::no_data(),
        Formula::Ratio { .. }
        | Formula::OfContract(_)
        | Formula::Wte
        | Formula::Workforce(_)
        | Formula::Supervision(_) => Figure::not_applicable(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::performance::figure::State;
    use throughline_domain::performance::measure::{FactKind, Facts, Work};
    use throughline_domain::performance::period::Unit as Part;
    use throughline_domain::world::day;

    #[test]
    fn the_caseload_of_a_period_that_has_not_begun_is_not_known() {
        let states = |as_of: &str| {
            let formulas = [
                Formula::Caseload,
                Formula::CaseloadThroughout,
                Formula::Work(Work::TasksOverdue),
                Formula::Workforce(Workforce::Seen { within_days: 7 }),
                Formula::Count(Facts::all(FactKind::Exits)),
            ];
            formulas.map(|formula| {
                let (code, title, prose) = ("one".to_owned(), "One".to_owned(), String::new());
                let measure = Measure { code, title, prose, unit: Unit::Cases, places: 0, formula, version: None };
                without_facts(&measure, (Period::of(Part::Month, day("2018-03-01")), day(as_of))).state()
            })
        };
        assert_eq!(states("2018-03-01"), [State::Value; 5]);
        let [counted @ .., facts] = states("2018-02-28");
        assert_eq!((counted, facts), ([State::NoData; 4], State::Value), "no fact is dated in it yet");
    }
}
