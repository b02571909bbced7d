//! Tables for the terminal, for scripts and for spreadsheets.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::Format;

/// A titled table of texts; the first column is words, the others are numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Prints it with aligned columns.
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).chain(self.columns.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        writeln!(out, "{}", self.title)?;
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        writeln!(out)
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<String>| {
            let cells = self.columns.iter().zip(row).map(|(name, cell)| (name.clone(), number_or_text(cell)));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        json!({ "title": self.title, "rows": self.rows.iter().map(object).collect::<Vec<_>>() })
    }

    fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let rows = std::iter::once(&self.columns).chain(&self.rows);
        rows.into_iter().try_for_each(|row| csv_row(out, std::iter::once(&self.title).chain(row)))
    }
}

/// Prints tables in a format.
pub(crate) fn print(out: &mut impl Write, tables: &[Table], format: Format) -> io::Result<()> {
    match format {
        Format::Table => tables.iter().try_for_each(|table| table.print(out)),
        Format::Json => {
            let tables: Vec<Value> = tables.iter().map(Table::json).collect();
            writeln!(out, "{:#}", Value::Array(tables))
        }
        Format::Csv => tables.iter().try_for_each(|table| table.csv(out)),
    }
}

/// Writes one row as RFC 4180 wants it.
pub(crate) fn csv_row<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a String>) -> io::Result<()> {
    let cells: Vec<String> = cells.map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell as JSON: a whole number where it is one, nothing where it is blank.
fn number_or_text(cell: &str) -> Value {
    match cell.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) if cell.is_empty() => Value::Null,
        Err(_) => cell.into(),
    }
}

/// A cell as RFC 4180 wants it.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            title: "Counts".to_owned(),
            columns: vec!["Area".to_owned(), "Referrals".to_owned()],
            rows: vec![vec!["Brent".to_owned(), "55".to_owned()], vec!["North, east".to_owned(), String::new()]],
        }
    }

    fn printed(format: Format) -> String {
        let mut out = Vec::new();
        print(&mut out, &[table()], format).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn numbers_stand_to_the_right() {
        assert_eq!(
            printed(Format::Table),
            "Counts\n  Area         Referrals\n  Brent               55\n  North, east\n\n"
        );
    }

    #[test]
    fn a_comma_in_a_cell_is_quoted_for_spreadsheets() {
        assert!(printed(Format::Csv).ends_with("Counts,\"North, east\",\r\n"));
    }

    #[test]
    fn a_blank_is_no_value_and_never_zero() {
        let json: Value = serde_json::from_str(&printed(Format::Json)).expect("JSON");
        assert_eq!(json[0]["rows"][0]["Referrals"], 55);
        assert_eq!(json[0]["rows"][1]["Referrals"], Value::Null);
    }
}
