//! Tables for terminals, scripts and spreadsheets.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::Format;
use crate::rows::{Side, aligned, csv_row};

/// A table of texts with a title. The first column holds words, the others hold numbers or words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Prints the table with aligned columns: words to the left, numbers to the right.
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let side = |at: usize| if self.has_words(at) { Side::Left } else { Side::Right };
        let sides: Vec<Side> = (0..self.columns.len()).map(side).collect();
        let rows: Vec<&Vec<String>> = std::iter::once(&self.columns).chain(&self.rows).collect();
        writeln!(out, "{}", self.title)?;
        aligned(&rows, &sides).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        writeln!(out)
    }

    /// Whether a column has words only: the first one, and any whose filled cells all begin with a letter.
    fn has_words(&self, at: usize) -> bool {
        let cells = self.rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty());
        let begins: Vec<bool> = cells.map(|cell| cell.starts_with(char::is_alphabetic)).collect();
        at == 0 || !begins.is_empty() && begins.iter().all(|is_letter| *is_letter)
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<String>| {
            let cells = self.columns.iter().zip(row).enumerate().map(|(at, (name, cell))| {
                // The first column is text, even if it holds digits, such as a case number.
                let value = if at == 0 && !cell.is_empty() { cell.as_str().into() } else { number_or_text(cell) };
                (name.clone(), value)
            });
            Value::Object(cells.collect::<Map<_, _>>())
        };
        json!({ "title": self.title, "rows": self.rows.iter().map(object).collect::<Vec<_>>() })
    }

    fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let rows = std::iter::once(&self.columns).chain(&self.rows);
        rows.into_iter().try_for_each(|row| csv_row(out, std::iter::once(&self.title).chain(row)))
    }
}

/// The heads of columns.
pub(crate) fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
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

/// A cell as JSON: a number if it is a whole number, null if it is blank, else text.
fn number_or_text(cell: &str) -> Value {
    match cell.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) if cell.is_empty() => Value::Null,
        Err(_) => cell.into(),
    }
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
    fn numbers_are_right_aligned() {
        assert_eq!(
            printed(Format::Table),
            "Counts\n  Area         Referrals\n  Brent               55\n  North, east\n\n"
        );
    }

    #[test]
    fn words_are_left_aligned_in_every_column() {
        let cells = |row: [&str; 3]| row.map(str::to_owned).to_vec();
        let rows = vec![cells(["Brent", "Referrals", "7"]), cells(["Brent", "Homes", "12"]), cells(["Ealing", "", ""])];
        let table = Table { title: "Counts".to_owned(), columns: cells(["Area", "Measure", "Actual"]), rows };
        let mut out = Vec::new();
        print(&mut out, &[table], Format::Table).expect("memory takes everything");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "Counts\n  Area    Measure    Actual\n  Brent   Referrals       7\n  \
             Brent   Homes          12\n  Ealing\n\n"
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
