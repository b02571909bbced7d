//! The formats of exported tables: NDJSON, CSV, XLSX and Parquet.
//!
//! A writer takes rows in portions and holds only what its format needs: a line, or a group of rows. The same rows give
//! the same bytes. Nothing here knows what a row means.

mod csv;
mod lines;
mod parquet;
mod workbook;

use std::io::{self, Write};

use ::parquet::errors::ParquetError;
use clap::ValueEnum;
use rust_decimal::Decimal;
use rust_xlsxwriter::XlsxError;

use super::table::Description;
use super::tables::{Cell, Kind, Row};
use throughline_domain::fact::money::minor_digits;

/// The format of an exported table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values (RFC 4180), for programs: texts are written unchanged.
    Csv,
    /// A workbook.
    Xlsx,
    /// Parquet, for `DuckDB`, pandas and Spark.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Ndjson, Self::Csv, Self::Xlsx, Self::Parquet];

    /// The name in commands and the ending of file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Parquet => "parquet",
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The format with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output does not take more.
    #[error("the rows cannot be written")]
    Io(#[from] io::Error),
    /// The Parquet file cannot be made.
    #[error("the rows cannot be written as Parquet")]
    Parquet(#[from] ParquetError),
    /// The workbook cannot be made.
    #[error("the rows do not fit into a workbook: use Parquet or CSV instead")]
    Workbook(#[from] XlsxError),
    /// A number has more digits than its column.
    #[error(
        "column {column}: {value} has more digits than a Parquet decimal with {scale} after the point: use NDJSON or \
            CSV instead"
    )]
    Digits {
        /// The column.
        column: String,
        /// The number.
        value: Decimal,
        /// The digits after the point.
        scale: u32,
    },
    /// The rows ended before the export did.
    #[error("the export ended early: its file is not complete")]
    Unfinished,
    /// The writing ended in an unexpected way.
    #[error("writing the rows ended early")]
    Panicked,
}

/// Where a file goes.
pub type Output = Box<dyn Write + Send>;

/// Writes a table, portion by portion.
pub(super) trait TableWriter {
    /// Writes further rows.
    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError>;
    /// Writes what comes after the last row.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// The writer of a format. It writes what comes before the first row.
pub(super) fn writer(format: Format, described: &Description, out: Output) -> Result<Box<dyn TableWriter>, WriteError> {
    Ok(match format {
        Format::Ndjson => Box::new(lines::Lines::of(described, out)),
        Format::Csv => Box::new(csv::Csv::of(described, out)?),
        Format::Xlsx => Box::new(workbook::Sheets::of(described, out)?),
        Format::Parquet => Box::new(parquet::Groups::of(described, out)?),
    })
}

/// The most digits after the point of a decimal.
const DECIMAL_DIGITS: u32 = 6;

/// The digits after the point of the numbers in a column of this type.
pub(super) fn scale(kind: Kind, currency: &str) -> u32 {
    if kind == Kind::Money { minor_digits(currency) } else { DECIMAL_DIGITS }
}

/// A value as text: a decimal with all its digits, an ISO date, an instant in UTC. None if there is no value.
fn text(cell: &Cell) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        Cell::Decimal(number) => number.normalize().to_string(),
        Cell::Money(amount) => amount.to_string(),
        Cell::Date(day) => day.to_string(),
        Cell::Instant(at) => at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        Cell::Uuid(id) => id.to_string(),
        Cell::Boolean(flag) => flag.to_string(),
    })
}

#[cfg(test)]
mod tests;
