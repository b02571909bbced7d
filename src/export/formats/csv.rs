//! A table as CSV (RFC 4180), in UTF-8, with a line of names.
//!
//! It is for programs: a text is written unchanged, even if a spreadsheet would run it as a formula, so that it reads
//! back unchanged. In a workbook, a text is never a formula. No value is an empty field, an empty text is `""`.

use std::io::Write as _;

use super::{Output, TableWriter, WriteError, text};
use crate::export::table::Description;
use crate::export::tables::{Cell, Row};

/// A file of comma-separated values.
pub(super) struct Csv {
    out: Output,
}

impl Csv {
    pub(super) fn of(described: &Description, mut out: Output) -> Result<Self, WriteError> {
        let names: Vec<String> = described.columns.iter().map(|head| quoted(&head.name)).collect();
        write!(out, "{}\r\n", names.join(","))?;
        Ok(Self { out })
    }
}

impl TableWriter for Csv {
    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        for row in rows {
            let fields: Vec<String> = row.iter().map(field).collect();
            write!(self.out, "{}\r\n", fields.join(","))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.out.flush()?)
    }
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => quoted(text),
        other => text(other).unwrap_or_default(),
    }
}

/// A text in quotation marks, if it needs them.
fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
