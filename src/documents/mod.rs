//! Documents: what a contract reports for a period, as data that every format shows.
//!
//! A [`Document`] is built once, from the figures of [`crate::queries`], and then only shown: in the terminal, as JSON,
//! CSV, a workbook or a page to print. No format computes a number. What it says stays as it was when its period is
//! closed, because the whole document is kept, not the question. It names no person.

pub mod build;
pub mod corrections;
pub mod differences;
pub mod frozen;
pub mod render;
mod small_counts;
mod words;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use throughline_domain::fact::money::Currency;

/// The version of the shape of [`Document`]. It rises when a closed document of an earlier shape could no longer be
/// read.
pub const SHAPE: u32 = 1;

/// A report of a contract for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of its shape.
    pub shape: u32,
    /// The code of the contract.
    pub contract: String,
    /// The title of the contract.
    pub contract_title: String,
    /// The code of the report.
    pub report: String,
    /// The title of the report.
    pub title: String,
    /// The first day of its period.
    pub first_day: NaiveDate,
    /// The last day of its period.
    pub last_day: NaiveDate,
    /// The period in words, such as `February 2018`.
    pub period: String,
    /// Whether the period was not over on the as-of date, so that figures may still change.
    pub is_provisional: bool,
    /// Whether its report hides counts of one to four people from commissioners.
    pub hides_small_counts: bool,
    /// The as-of date.
    pub as_of: NaiveDate,
    /// The position in the log up to which facts were known.
    pub position: u64,
    /// When the last of these facts was recorded. None of an empty log.
    pub recorded_through: Option<DateTime<Utc>>,
    /// The version of the rulebook.
    pub rulebook_version: String,
    /// The sections, in order.
    pub sections: Vec<Section>,
    /// The definitions of all measures in it, in the order of their first use.
    pub definitions: Vec<Definition>,
    /// What a reader should know, such as areas that supply no data.
    pub notes: Vec<String>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its code, unique in the document.
    pub code: String,
    /// Its title.
    pub title: String,
    /// The commentary recorded for it, oldest first.
    pub commentary: Vec<Commentary>,
    /// Its tables, in order.
    pub tables: Vec<Table>,
    /// Its charts, in order.
    pub charts: Vec<Chart>,
}

/// What was recorded in words beside the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commentary {
    /// The date of the commentary.
    pub on: NaiveDate,
    /// The text.
    pub text: String,
}

/// A table of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its title, unique in the document.
    pub title: String,
    /// The heads of its columns. The first columns are words.
    pub columns: Vec<String>,
    /// Its rows, each as long as the columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Cell {
    /// Words, such as the name of an area, `up` or `met`.
    Words(String),
    /// A number.
    Number(Number),
    /// No number, and why.
    Missing(Missing),
}

/// A number of a table, rounded once, in the form that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The number, with exactly the decimal places that are shown. In percent for a percentage.
    pub value: Decimal,
    /// What it is a number of.
    pub unit: NumberUnit,
    /// Whether it counts, or is made of, fewer than five people but not none. Who may not see so few reads
    /// [`Missing::Suppressed`] instead.
    pub is_of_few: bool,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberUnit {
    /// Without a unit.
    Plain,
    /// In percent.
    Percent,
    /// In days.
    Days,
    /// As money in this currency.
    Money(Currency),
}

/// Why a cell has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// There is nothing to give a number of: no target, or a share of nothing.
    NotApplicable,
    /// The facts are not supplied. This is not 0.
    NoData,
    /// It is hidden because it counts few people.
    Suppressed,
}

/// A chart of a section: its data, and what it shows in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Its title, unique in the document.
    pub title: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// What it shows, in a sentence, for those who do not see it.
    pub in_words: String,
    /// The categories along its axis.
    pub categories: Vec<String>,
    /// Its series.
    pub series: Vec<Series>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// Bars beside each other.
    Bars,
    /// Lines over time.
    Lines,
}

/// A series of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its title.
    pub title: String,
    /// Its value for each category. None if there is none.
    pub values: Vec<Option<Number>>,
}

/// What a measure of the document counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The code of the measure.
    pub code: String,
    /// Its title.
    pub title: String,
    /// What it counts, in a sentence.
    pub prose: String,
    /// Its formula.
    pub formula: String,
    /// The version of the rulebook that defines it. None if every contract has it.
    pub version: Option<String>,
}
