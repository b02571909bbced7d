//! Leagues in the API: service areas, teams or keyworkers by rank.
//!
//! The arithmetic is in [`crate::queries::league`]. This module only shapes the response.

use async_graphql::{Context, Enum, Result, SimpleObject};

use super::contract::Contract;
use super::fault::fault;
use super::figures::{self, Figure, FigureGroup, MeasureDefinition, Shown};
use super::list::Source;
use super::performance::{period_asked, starts_on};
use super::period::{FigurePeriod, PeriodInput};
use super::small_counts;
use crate::queries::league::{self, Column, LeagueRow as Row, LeagueTable};
use crate::queries::measures::{self, Dimension, OfContract};
use crate::queries::small_counts as hidden;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::league as domain;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::league::Side;
use throughline_domain::performance::period::Period;
use throughline_gateway::Code;

/// A league for one period.
#[derive(SimpleObject)]
pub struct League {
    /// The code of the league in the rulebook.
    code: String,
    /// The title on boards.
    title: String,
    /// The period.
    period: FigurePeriod,
    /// The indicators, or the measure that ranks the members.
    indicators: Vec<LeagueIndicator>,
    /// The members, first the one of rank 1. Those without a rank come last.
    rows: Vec<LeagueRow>,
    /// How many scores of all members lie below the index. Null in a league by one measure.
    below: Option<usize>,
    /// How many scores of all members lie above the index. Null in a league by one measure.
    above: Option<usize>,
}

/// An indicator of a league, or the measure that ranks its members.
#[derive(SimpleObject)]
pub struct LeagueIndicator {
    /// The measure.
    measure: MeasureDefinition,
    /// The title on boards.
    title: String,
    /// How many members lie below the index. Null in a league by one measure.
    below: Option<usize>,
    /// How many members lie above the index. Null in a league by one measure.
    above: Option<usize>,
}

/// A member of a league.
#[derive(SimpleObject)]
pub struct LeagueRow {
    /// The rank, from 1. Null if an indicator has no score: a sum over fewer indicators cannot be compared.
    rank: Option<usize>,
    /// The service area, team or keyworker.
    group: FigureGroup,
    /// The sum of the points. Null if no indicator has a score, and in a league by one measure.
    total: Option<u32>,
    /// The most that the sum could be, over the indicators with a score. Null in a league by one measure.
    out_of: Option<u32>,
    /// The number of indicators below the index. Null in a league by one measure.
    below: Option<usize>,
    /// The number of indicators above the index. Null in a league by one measure.
    above: Option<usize>,
    /// The value of each indicator, in their order.
    scores: Vec<LeagueScore>,
}

/// The value of one member for one indicator.
#[derive(SimpleObject)]
pub struct LeagueScore {
    /// The code of the measure.
    indicator: String,
    /// The value.
    figure: Figure,
    /// The index that it is held against. Null in a league by one measure.
    index: Option<Figure>,
    /// The points. Null if the value or the index has no value: this is not 0.
    points: Option<u32>,
    /// Whether the value lies below, round or above the index. Null without points.
    side: Option<IndexSide>,
}

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Side")]
pub enum IndexSide {
    /// In a band below that of the index.
    Below,
    /// In the band of the index.
    Within,
    /// In a band above that of the index.
    Above,
}

/// A league of a contract. None for a caller who sees only some service areas.
pub(super) async fn league(
    ctx: &Context<'_>,
    contract: &Contract,
    (code, period): (&str, Option<PeriodInput>),
) -> Result<Option<League>> {
    let (source, rulebook) = (contract.source(), contract.rules()?);
    let league = named(rulebook, code)?;
    if league.by != domain::LeagueBy::Area {
        let ranked_by = measures::named(rulebook, &league.measures()).map_err(|error| figures::refused(&error))?;
        figures::check_staff(ctx, &ranked_by, rulebook)?;
    }
    let period = period_asked(&source, rulebook, period)?;
    let record = source.contract_state.contract_record(source.as_of);
    let of = OfContract { rulebook, record: &record, starts_on: starts_on(&source) };
    let found = league::table(&source.generation, contract.scope(ctx)?, of, league, (period, source.as_of)).await;
    let Some(found) = found.map_err(|error| figures::refused(&error))? else { return Ok(None) };
    let are_hidden = small_counts::are_hidden(ctx, &source.code, rulebook);
    let found = if are_hidden { hidden::league(found) } else { found };
    League::of(&found, league, (&source, rulebook, &period)).map(Some).map_err(|error| fault(&error))
}

/// The league of a rulebook with this code.
fn named<'r>(rulebook: &'r Rulebook, code: &str) -> Result<&'r domain::League> {
    rulebook.leagues.iter().find(|league| league.code == code).ok_or_else(|| {
        let codes: Vec<&str> = rulebook.leagues.iter().map(|league| league.code.as_str()).collect();
        let remedy = if codes.is_empty() {
            "the rulebook has none".to_owned()
        } else {
            format!("use one of {}", codes.join(", "))
        };
        Code::BadUserInput.error(format!("there is no league {code:?}: {remedy}"))
    })
}

impl League {
    fn of(
        found: &LeagueTable,
        league: &domain::League,
        (source, rulebook, period): (&Source, &Rulebook, &Period),
    ) -> Result<Self, OutOfRange> {
        let sides = found.sides();
        let row = |row: &Row| LeagueRow::of(row, &found.columns, (league.by, rulebook, source));
        Ok(Self {
            code: league.code.clone(),
            title: league.title.clone(),
            period: FigurePeriod::of(period, source.as_of),
            indicators: found.columns.iter().map(Into::into).collect(),
            rows: found.rows.iter().map(row).collect::<Result<_, _>>()?,
            below: sides.map(|sides| sides.below),
            above: sides.map(|sides| sides.above),
        })
    }
}

impl From<&Column> for LeagueIndicator {
    fn from(column: &Column) -> Self {
        Self {
            measure: (&column.measure).into(),
            title: column.title.clone(),
            below: column.sides.map(|sides| sides.below),
            above: column.sides.map(|sides| sides.above),
        }
    }
}

impl LeagueRow {
    fn of(
        row: &Row,
        columns: &[Column],
        (by, rulebook, source): (domain::LeagueBy, &Rulebook, &Source),
    ) -> Result<Self, OutOfRange> {
        let dimension = match by {
            domain::LeagueBy::Area => Dimension::Area,
            domain::LeagueBy::Team => Dimension::Team,
            domain::LeagueBy::Keyworker => Dimension::Keyworker,
        };
        let scores = columns.iter().zip(&row.cells).map(|(Column { measure, .. }, cell)| {
            let shown = Shown::of(measure);
            Ok(LeagueScore {
                indicator: measure.code.clone(),
                figure: shown.figure(&cell.figure, measure.places)?,
                index: cell.index.map(|index| shown.figure(&index, measure.places)).transpose()?,
                points: cell.score.map(|score| score.points),
                side: cell.score.map(|score| score.side.into()),
            })
        });
        let points = row.points;
        Ok(Self {
            rank: row.rank,
            group: FigureGroup::of(&row.member, &dimension, &rulebook.labels, source.known),
            total: points.and_then(|points| points.total),
            out_of: points.map(|points| points.out_of),
            below: points.map(|points| points.sides.below),
            above: points.map(|points| points.sides.above),
            scores: scores.collect::<Result<_, _>>()?,
        })
    }
}
