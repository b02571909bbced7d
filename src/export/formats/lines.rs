//! A table as NDJSON: one object a line, with every column in order, also those without a value.
//!
//! Decimals and amounts are texts with all their digits, as in the API. JSON numbers would lose them.

use std::io::Write as _;

use serde_json::Value;

use super::{Output, TableWriter, WriteError, text};
use crate::export::table::Description;
use crate::export::tables::{Cell, Row};

/// A file of lines.
pub(super) struct Lines {
    /// The names of the columns, as JSON with what comes before them.
    names: Vec<String>,
    out: Output,
}

impl Lines {
    pub(super) fn of(described: &Description, out: Output) -> Self {
        let name = |(at, head): (usize, &crate::export::tables::Head)| {
            let before = if at == 0 { '{' } else { ',' };
            format!("{before}{}:", Value::String(head.name.clone()))
        };
        Self { names: described.columns.iter().enumerate().map(name).collect(), out }
    }
}

impl TableWriter for Lines {
    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        let mut line = String::new();
        for row in rows {
            line.clear();
            for (name, cell) in self.names.iter().zip(row) {
                line.push_str(name);
                line.push_str(&json(cell).to_string());
            }
            line.push_str("}\n");
            self.out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.out.flush()?)
    }
}

fn json(cell: &Cell) -> Value {
    match cell {
        Cell::Integer(number) => (*number).into(),
        Cell::Boolean(flag) => (*flag).into(),
        other => text(other).map_or(Value::Null, Value::String),
    }
}
