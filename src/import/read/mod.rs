//! Readers of files from other systems: CSV, XLSX, XML and JSON. All give the same rows: a table, a line and one cell
//! for each column that a mapping uses.
//!
//! Nothing in a file is trusted. Every reader works through the file once, in bounded memory, and refuses what would
//! need more: an archive that grows too much, a document type, deep nesting, a value without an end. No message repeats
//! a value, which may be personal. Readers do not know facts or the log.

mod archive;
mod csv;
mod flat;
mod json;
pub(super) mod records;
mod text;
mod tree;
mod xlsx;
mod xml;

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;

use crate::cloud_event::LineError;
pub use text::{Character, Inspected};

/// The most bytes of text in the cells of one row. Many rows are in memory at the same time.
const ROW_MAX: usize = 64 * 1024;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of values with a separator.
    Csv,
    /// A workbook.
    Xlsx,
    /// Elements.
    Xml,
    /// Objects: in an array, under a key, or one a line.
    Json,
}

impl Format {
    /// The word for the format, as mappings and the command line write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }

    /// Whether the format has columns with a header, rather than nested values.
    pub const fn is_flat(self) -> bool {
        matches!(self, Self::Csv | Self::Xlsx)
    }
}

/// What to read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The format of the file.
    pub format: Format,
    /// The tables, in order.
    pub tables: Vec<Table>,
    /// In XML, the path of the element that repeats; in JSON, the key of the list. `None` in JSON: the file is a list,
    /// or has one object a line.
    pub record: Option<String>,
    /// The separator of a CSV file.
    pub separator: u8,
    /// The encoding of the file, if the mapping declares it.
    pub character: Option<Character>,
}

/// A table to read: rows with the same columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The name of the table in the mapping.
    pub name: String,
    /// The pattern of the names of its files, with `*` for any text. `None`: every file.
    pub file: Option<String>,
    /// The sheet of a workbook. `None`: the first one.
    pub sheet: Option<String>,
    /// The path of its elements beneath the element that repeats. Empty: that element itself.
    pub element: Vec<String>,
    /// The columns, in the order of the cells of a row.
    pub columns: Vec<Column>,
}

/// A column to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the header, or the path of an element.
    pub name: String,
    /// Whether a file may lack it. Then the file says nothing about it.
    pub is_optional: bool,
}

/// The value of a row in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// The file does not have the column.
    Absent,
    /// The text, without spaces around it. It may be empty.
    Text(String),
    /// The element is there so many times, so that no one value can be taken.
    Repeated(usize),
}

impl Cell {
    /// The bytes of its text.
    pub const fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Absent | Self::Repeated(_) => 0,
        }
    }
}

/// A row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The index of its table among the wanted ones. `None` if it is of none.
    pub table: Option<usize>,
    /// The line on which it begins, from 1; in a workbook, the row of the sheet.
    pub line: u64,
    /// A cell for each wanted column, or why the row cannot be read.
    pub cells: Result<Vec<Cell>, LineError>,
}

impl Row {
    /// The row, or the same row without its cells if they are too long.
    fn within_limit(self) -> Self {
        let bytes: usize = self.cells.iter().flatten().map(Cell::bytes).sum();
        if bytes <= ROW_MAX {
            return self;
        }
        let message = format!(
            "the columns that are read have more than {} KiB: check for a missing quotation mark",
            ROW_MAX >> 10
        );
        Self { cells: Err(LineError::line(message)), ..self }
    }
}

/// What was found beside the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The columns that no mapping uses, as far as their names may be shown.
    pub left_out: Vec<String>,
    /// The optional columns that the file does not have.
    pub absent: Vec<String>,
    /// The tables that the file holds, by index.
    pub tables: Vec<usize>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The system could not read it.
    #[error("the file cannot be read after line {line}")]
    File {
        /// The number of the last line read.
        line: u64,
        /// The system's error.
        source: io::Error,
    },
    /// It is not what the mapping describes, or it is not safe to read.
    #[error("{}", Placed(*line, message))]
    Wrong {
        /// The line, from 1, if one is meant.
        line: Option<u64>,
        /// What is wrong and what to do.
        message: String,
    },
}

struct Placed<'a>(Option<u64>, &'a str);

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "line {line}: {}", self.1),
            None => f.write_str(self.1),
        }
    }
}

impl Unfit {
    fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong { line: None, message: message.into() }
    }

    fn on_line(line: u64, message: impl Into<String>) -> Self {
        Self::Wrong { line: Some(line), message: message.into() }
    }

    /// An error of the system, or what a reader in between has to say about the text.
    fn of(line: u64, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::InvalidData {
            Self::on_line(line.max(1), source.to_string())
        } else {
            Self::File { line, source }
        }
    }
}

/// What a reader gives its rows to. It may ask to stop.
pub type Take<'a> = dyn FnMut(Row) -> ControlFlow<()> + 'a;

/// Reads a file and gives every row to `take`, in the order of the file.
pub fn read(
    name: &str,
    file: File,
    inspected: &Inspected,
    wanted: &Wanted,
    take: &mut Take<'_>,
) -> Result<Found, Unfit> {
    let mut take = |row: Row| take(row.within_limit());
    match wanted.format {
        Format::Csv => csv::read(name, file, inspected, wanted, &mut take),
        Format::Xlsx => xlsx::read(name, file, wanted, &mut take),
        Format::Xml => xml::read(file, inspected, wanted, &mut take),
        Format::Json => json::read(file, inspected, wanted, &mut take),
    }
}

/// The names of the columns of a CSV file or workbook, as its header gives them.
pub fn header(file: File, inspected: &Inspected, wanted: &Wanted) -> Result<Vec<String>, Unfit> {
    match wanted.format {
        Format::Csv => csv::header(file, inspected, wanted),
        Format::Xlsx => xlsx::header(file, wanted),
        Format::Xml | Format::Json => Err(Unfit::wrong(
            "only CSV files and workbooks have a header: write the mapping from an example in docs/integrate.md",
        )),
    }
}

/// The index of the table that a file with this name holds.
fn table_of(name: &str, wanted: &Wanted) -> Result<usize, Unfit> {
    let fits = |table: &Table| table.file.as_deref().is_none_or(|pattern| matches_pattern(pattern, name));
    let mut fitting = (0..wanted.tables.len()).filter(|at| fits(&wanted.tables[*at]));
    let patterns = || {
        let patterns = wanted.tables.iter().map(|table| table.file.as_deref().unwrap_or("*"));
        patterns.collect::<Vec<_>>().join(", ")
    };
    match (fitting.next(), fitting.next()) {
        (Some(table), None) => Ok(table),
        (None, _) => {
            let message =
                format!("no table of the mapping reads a file of this name: rename it to one of {}", patterns());
            Err(Unfit::wrong(message))
        }
        (Some(_), Some(_)) => {
            let message = format!(
                "several tables of the mapping read a file of this name: make `file` of each different ({})",
                patterns()
            );
            Err(Unfit::wrong(message))
        }
    }
}

/// Whether a name has the form of a pattern, in which `*` stands for any text. Case does not matter.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    /// A file with this content.
    pub(crate) fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("written");
        file.rewind().expect("at its beginning");
        file
    }

    /// A table with these columns.
    pub(crate) fn table(name: &str, columns: &[&str]) -> Table {
        let column = |name: &&str| Column { name: (*name).to_owned(), is_optional: false };
        let columns = columns.iter().map(column).collect();
        Table { name: name.to_owned(), file: None, sheet: None, element: Vec::new(), columns }
    }

    pub(crate) fn wanted(format: Format, tables: Vec<Table>) -> Wanted {
        Wanted { format, tables, record: None, separator: b',', character: None }
    }

    /// What is read of a file: the rows in short, and what was found beside them.
    pub(crate) fn rows(content: &[u8], wanted: &Wanted) -> Result<(Vec<String>, Found), Unfit> {
        let mut file = file(content);
        let inspected = Inspected::of(&mut file, wanted.character).map_err(|error| Unfit::of(0, error))?;
        file.rewind().expect("at its beginning");
        let mut rows = Vec::new();
        let found = read("file", file, &inspected, wanted, &mut |row| {
            rows.push(shown(&row));
            ControlFlow::Continue(())
        })?;
        Ok((rows, found))
    }

    fn shown(row: &Row) -> String {
        let table = row.table.map_or_else(|| "-".to_owned(), |table| table.to_string());
        let cells = match &row.cells {
            Ok(cells) => {
                let cell = |cell: &Cell| match cell {
                    Cell::Absent => "?".to_owned(),
                    Cell::Text(text) => text.clone(),
                    Cell::Repeated(times) => format!("x{times}"),
                };
                cells.iter().map(cell).collect::<Vec<_>>().join("|")
            }
            Err(error) => format!("! {error}"),
        };
        format!("{table} {}: {cells}", row.line)
    }

    #[test]
    fn a_pattern_stands_for_any_text_at_each_star() {
        for (pattern, name) in [
            ("*", "a.csv"),
            ("referrals*.csv", "Referrals-2024.csv"),
            ("a.csv", "A.csv"),
            ("*_cases_*.csv", "x_cases_1.csv"),
        ] {
            assert!(matches_pattern(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("referrals*.csv", "contacts.csv"), ("a.csv", "ba.csv"), ("*a*a", "a")] {
            assert!(!matches_pattern(pattern, name), "{pattern} {name}");
        }
    }
}
