//! A league of the rulebook on the terminal: members by rank, with their points and values.
//!
//! Nothing is computed here: every number is that of [`crate::queries::league`].

use anyhow::Result;

use super::super::Misuse;
use super::super::table::Table;
use super::question::{in_words, refused};
use super::{Reading, cells};
use crate::queries::league::{self, LeagueRow, LeagueTable};
use throughline_domain::contract::rulebook::league::League;
use throughline_domain::performance::period::Period;

/// A league, and how many members lie below and above each index.
pub(super) async fn tables(of: Reading<'_>, code: &str, period: &Period) -> Result<Vec<Table>> {
    let league = named(of, code)?;
    let record = of.contract_record();
    let asked = (*period, of.as_of);
    let found = league::table(of.view, of.scope, of.of_contract(&record), league, asked).await.map_err(refused)?;
    let Some(found) = found else { return Ok(Vec::new()) };
    let provisional = if period.is_provisional(of.as_of) { ", provisional" } else { "" };
    let title = format!("{}, {}{provisional}", league.title, in_words(period));
    let mut tables = vec![ranks(of, league, &found, title.clone())?];
    if league.indicators().is_some() {
        tables.push(sides(&found, format!("{title}: below and above the index")));
    }
    Ok(tables)
}

fn named<'r>(of: Reading<'r>, code: &str) -> Result<&'r League, Misuse> {
    let leagues = &of.rulebook.leagues;
    leagues.iter().find(|league| league.code == code).ok_or_else(|| {
        let codes: Vec<&str> = leagues.iter().map(|league| league.code.as_str()).collect();
        let remedy = if codes.is_empty() {
            "the rulebook has none".to_owned()
        } else {
            format!("use one of {}", codes.join(", "))
        };
        Misuse(format!("there is no league {code:?}: {remedy}"))
    })
}

fn ranks(of: Reading<'_>, league: &League, found: &LeagueTable, title: String) -> Result<Table> {
    let mut columns = vec!["Member".to_owned(), "Rank".to_owned()];
    let has_points = league.indicators().is_some();
    if has_points {
        columns.extend(["Total", "Out of", "Below", "Above"].map(str::to_owned));
    }
    for column in &found.columns {
        columns.push(column.title.clone());
        if has_points {
            columns.push(format!("{}, points", column.title));
        }
    }
    let rows = found.rows.iter().map(|row| cells_of(of, found, row)).collect::<Result<_>>()?;
    Ok(Table { title, columns, rows })
}

fn cells_of(of: Reading<'_>, found: &LeagueTable, row: &LeagueRow) -> Result<Vec<String>> {
    let shown = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut line = vec![row.member.label(&of.rulebook.labels), shown(row.rank)];
    if let Some(points) = row.points {
        line.push(points.total.map(|total| total.to_string()).unwrap_or_default());
        line.push(points.out_of.to_string());
        line.extend([points.sides.below, points.sides.above].map(|number| number.to_string()));
    }
    for (column, cell) in found.columns.iter().zip(&row.cells) {
        line.push(cells::figure(&cell.figure, &column.measure)?);
        if row.points.is_some() {
            line.push(cell.score.map(|score| score.points.to_string()).unwrap_or_default());
        }
    }
    Ok(line)
}

fn sides(found: &LeagueTable, title: String) -> Table {
    let line = |name: &str, sides: Option<league::Sides>| {
        let sides = sides.unwrap_or_default();
        vec![name.to_owned(), sides.below.to_string(), sides.above.to_string()]
    };
    let mut rows: Vec<Vec<String>> = found.columns.iter().map(|column| line(&column.title, column.sides)).collect();
    rows.push(line("All", found.sides()));
    Table { title, columns: ["Indicator", "Below", "Above"].map(str::to_owned).into(), rows }
}
