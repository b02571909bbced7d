//! A table as a workbook (XLSX): the rows, in further sheets if one is full, and a sheet that explains the columns.
//!
//! Rows go to a file in the folder for temporary files and are never held in memory. A text is always a text, never a
//! formula. A number with more than fifteen digits, which a spreadsheet would round, is written as text.

use std::io::Write as _;

use chrono::{Datelike as _, NaiveDate, NaiveTime};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, IntoCustomDateTime, Workbook, Worksheet, XlsxError};

use super::{Output, TableWriter, WriteError, scale, text};
use crate::export::table::Description;
use crate::export::tables::{Cell, Head, Kind, Row};

/// The rows of a sheet, with the line of names.
const ROWS_MAX: u32 = 1_048_576;
/// The largest number that a spreadsheet holds exactly: fifteen digits.
const EXACT: u64 = 999_999_999_999_999;
/// The widths of a column, in characters.
const WIDTHS: std::ops::RangeInclusive<usize> = 11..=38;

/// A workbook that is being written.
pub(super) struct Sheets {
    described: Description,
    book: Workbook,
    formats: Vec<Format>,
    /// The number of sheets of rows.
    begun: usize,
    /// The next row of the last sheet.
    next: u32,
    /// The rows of a sheet, with the line of names.
    most: u32,
    out: Output,
}

impl Sheets {
    pub(super) fn of(described: &Description, out: Output) -> Result<Self, WriteError> {
        Self::with(described, out, ROWS_MAX)
    }

    /// A workbook whose sheets have this number of rows, with the line of names.
    pub(super) fn with(described: &Description, out: Output, most: u32) -> Result<Self, WriteError> {
        let mut book = Workbook::new();
        book.set_properties(&properties(described));
        let formats = described.columns.iter().map(|head| format_of(head.kind, &described.currency)).collect();
        let described = described.clone();
        let mut sheets = Self { described, book, formats, begun: 0, next: 0, most, out };
        sheets.add_sheet()?;
        Ok(sheets)
    }

    /// Adds a sheet of rows, with the line of names.
    fn add_sheet(&mut self) -> Result<(), XlsxError> {
        self.begun += 1;
        let table = self.described.table.as_str();
        let name = if self.begun == 1 { table.to_owned() } else { format!("{table} {}", self.begun) };
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, head) in (0_u16..).zip(&self.described.columns) {
            let width = head.name.len().clamp(*WIDTHS.start(), *WIDTHS.end());
            sheet.set_column_width(column, f64::from(u8::try_from(width).unwrap_or(u8::MAX)))?;
        }
        write_names(sheet, &self.described.columns)?;
        self.next = 1;
        Ok(())
    }

    fn add_row(&mut self, row: &Row) -> Result<(), XlsxError> {
        if self.next == self.most {
            self.add_sheet()?;
        }
        let sheet = self.book.worksheet_from_index(self.begun - 1)?;
        for ((column, cell), format) in (0_u16..).zip(row).zip(&self.formats) {
            write_cell(sheet, (self.next, column), (cell, format))?;
        }
        self.next += 1;
        Ok(())
    }

    /// A sheet with what the file says about itself and its columns.
    fn add_columns(&mut self) -> Result<(), XlsxError> {
        let described = &self.described;
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name("columns")?;
        for (column, width) in [(0, 28.0), (1, 12.0), (2, 12.0), (3, 100.0)] {
            sheet.set_column_width(column, width)?;
        }
        let facts = [
            ("table", described.table.as_str().to_owned()),
            ("rows", described.table.meaning().to_owned()),
            ("contract", described.contract.clone()),
            ("rulebook", described.rulebook.clone()),
            ("as of", described.as_of.to_string()),
            ("position", described.position.to_string()),
        ];
        let mut next = 0;
        for (name, value) in facts {
            sheet.write_string(next, 0, name)?;
            sheet.write_string(next, 1, value)?;
            next += 1;
        }
        next += 1;
        let bold = Format::new().set_bold();
        for (column, name) in (0_u16..).zip(["column", "type", "unit", "meaning"]) {
            sheet.write_string_with_format(next, column, name, &bold)?;
        }
        for head in &described.columns {
            next += 1;
            sheet.write_string(next, 0, head.name.as_str())?;
            sheet.write_string(next, 1, head.kind.as_str())?;
            sheet.write_string(next, 2, head.unit.unwrap_or_default())?;
            sheet.write_string(next, 3, head.meaning.as_str())?;
        }
        Ok(())
    }
}

impl TableWriter for Sheets {
    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        for row in rows {
            self.add_row(row)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.add_columns()?;
        self.book.save_to_writer(&mut self.out)?;
        Ok(self.out.flush()?)
    }
}

fn write_names(sheet: &mut Worksheet, columns: &[Head]) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    for (column, head) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(0, column, head.name.as_str(), &bold)?;
    }
    Ok(())
}

/// How the values of a column are shown.
fn format_of(kind: Kind, currency: &str) -> Format {
    match kind {
        Kind::Date => Format::new().set_num_format("yyyy-mm-dd"),
        Kind::Integer => Format::new().set_num_format("0"),
        Kind::Money => {
            let digits = usize::try_from(scale(kind, currency)).unwrap_or_default();
            let point = if digits == 0 { "" } else { "." };
            Format::new().set_num_format(format!("0{point}{}", "0".repeat(digits)))
        }
        Kind::Text | Kind::Decimal | Kind::Instant | Kind::Uuid | Kind::Boolean => Format::new(),
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    (cell, format): (&Cell, &Format),
) -> Result<(), XlsxError> {
    let number = match cell {
        Cell::Null => return Ok(()),
        Cell::Boolean(flag) => return sheet.write_boolean(row, column, *flag).map(drop),
        Cell::Date(day) => match excel_day(*day)? {
            Some(day) => return sheet.write_datetime_with_format(row, column, day, format).map(drop),
            None => None,
        },
        Cell::Integer(number) => exact(Decimal::from(*number)),
        Cell::Decimal(number) => exact(number.normalize()),
        Cell::Money(amount) => exact(amount.amount()),
        Cell::Text(_) | Cell::Instant(_) | Cell::Uuid(_) => None,
    };
    match number {
        Some(number) => sheet.write_number_with_format(row, column, number, format).map(drop),
        None => sheet.write_string(row, column, text(cell).unwrap_or_default()).map(drop),
    }
}

/// A day as a spreadsheet counts it. None before 1900, from where it counts.
fn excel_day(day: NaiveDate) -> Result<Option<ExcelDateTime>, XlsxError> {
    let Some(year) = u16::try_from(day.year()).ok().filter(|year| *year >= 1900) else { return Ok(None) };
    let [month, of_month] = [day.month(), day.day()].map(|part| u8::try_from(part).expect("a month or day"));
    ExcelDateTime::from_ymd(year, month, of_month).map(Some)
}

/// The number, if it has at most fifteen digits.
fn exact(number: Decimal) -> Option<f64> {
    let is_exact = number.mantissa().unsigned_abs() <= u128::from(EXACT);
    number.to_f64().filter(|_| is_exact)
}

/// What the file says of itself. Nothing in it depends on when the file is written.
fn properties(described: &Description) -> DocProperties {
    DocProperties::new()
        .set_title(format!("{}: {}", described.title, described.table.as_str()))
        .set_subject(format!("as of {}, as known at position {}", described.as_of, described.position))
        .set_creation_datetime(Made(described.as_of))
}

/// The date that a file has: its as-of date.
struct Made(NaiveDate);

impl IntoCustomDateTime for Made {
    fn utc_datetime(self) -> String {
        self.0.and_time(NaiveTime::MIN).and_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
