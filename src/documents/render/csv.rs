//! A document as CSV: one table of all its numbers, which any program reads.
//!
//! Each line is one cell of a table, or one value of a chart, with all that is needed to understand it alone, so that
//! files of several documents can be put below each other. Commentary, notes and definitions are in the other formats.

use super::wording;
use crate::documents::{Cell, Chart, Document, Missing, Number, NumberUnit, Section, Table};
use crate::rows::csv_row;

/// The heads of the columns.
const HEADS: [&str; 17] = [
    "contract",
    "report",
    "first_day",
    "last_day",
    "is_provisional",
    "as_of",
    "position",
    "rulebook_version",
    "section",
    "kind",
    "title",
    "row",
    "row_title",
    "column",
    "value",
    "unit",
    "state",
];

/// A document as CSV, as RFC 4180 describes it. The first line holds the heads of the columns. A number is written
/// with a decimal point and without a sign for its unit; the unit of money is the code of its currency. `state` is
/// `value`, or says why there is none.
pub fn csv(document: &Document) -> String {
    let mut lines = Vec::new();
    let mut write = |row: &[String]| csv_row(&mut lines, row.iter()).expect("memory takes every line");
    write(&HEADS.map(str::to_owned));
    let about = about(document);
    for section in &document.sections {
        let cells = section.tables.iter().flat_map(|table| cells_of(section, table));
        for cell in cells.chain(section.charts.iter().flat_map(|chart| values_of(section, chart))) {
            write(&[about.as_slice(), cell.as_slice()].concat());
        }
    }
    String::from_utf8(lines).expect("lines of texts are text")
}

/// What all lines of a document begin with.
fn about(document: &Document) -> [String; 8] {
    [
        document.contract.clone(),
        document.report.clone(),
        document.first_day.to_string(),
        document.last_day.to_string(),
        document.is_provisional.to_string(),
        document.as_of.to_string(),
        document.position.to_string(),
        document.rulebook_version.clone(),
    ]
}

/// The lines of a table: row by row, cell by cell.
fn cells_of<'a>(section: &'a Section, table: &'a Table) -> impl Iterator<Item = [String; 9]> + 'a {
    let heads = table.row_heads();
    table.rows.iter().enumerate().flat_map(move |(at, row)| {
        let row_title = row.iter().take(heads).map(words_of).collect::<Vec<_>>().join(", ");
        row.iter().zip(&table.columns).map(move |(cell, column)| {
            let of: [&str; 6] = [&section.code, "table", &table.title, &(at + 1).to_string(), &row_title, column];
            line(of, parts(cell))
        })
    })
}

/// The lines of a chart: category by category, series by series.
fn values_of<'a>(section: &'a Section, chart: &'a Chart) -> impl Iterator<Item = [String; 9]> + 'a {
    chart.categories.iter().enumerate().flat_map(move |(at, category)| {
        chart.series.iter().map(move |series| {
            let of: [&str; 6] = [&section.code, "chart", &chart.title, &(at + 1).to_string(), category, &series.title];
            line(of, series.values.get(at).copied().flatten().map_or(ABSENT, |number| parts_of(&number)))
        })
    })
}

fn line(of: [&str; 6], value: Value) -> [String; 9] {
    let [section, kind, title, row, row_title, column] = of.map(str::to_owned);
    [section, kind, title, row, row_title, column, value.text, value.unit, value.state.to_owned()]
}

/// The last three columns of a line.
struct Value {
    text: String,
    /// The unit, for money the code of the currency.
    unit: String,
    state: &'static str,
}

/// A category of a chart without a value.
const ABSENT: Value = Value { text: String::new(), unit: String::new(), state: "not_available" };

fn parts(cell: &Cell) -> Value {
    match cell {
        Cell::Words(words) => Value { text: words.clone(), unit: "words".to_owned(), state: "value" },
        Cell::Number(number) => parts_of(number),
        Cell::Missing(reason) => Value { state: state(*reason), ..ABSENT },
    }
}

fn parts_of(number: &Number) -> Value {
    let unit = match number.unit {
        NumberUnit::Plain => "number".to_owned(),
        NumberUnit::Percent => "percent".to_owned(),
        NumberUnit::Days => "days".to_owned(),
        NumberUnit::Money(currency) => currency.as_str().to_owned(),
    };
    Value { text: number.value.to_string(), unit, state: "value" }
}

const fn state(reason: Missing) -> &'static str {
    match reason {
        Missing::NotApplicable => "not_applicable",
        Missing::NoData => "no_data",
        Missing::Suppressed => "suppressed",
    }
}

fn words_of(cell: &Cell) -> String {
    match cell {
        Cell::Words(words) => words.clone(),
        Cell::Number(number) => wording::number(number),
        Cell::Missing(reason) => wording::in_words(*reason).to_owned(),
    }
}
