//! Tables for terminals, scripts and spreadsheets.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::Format;

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
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).chain(self.columns.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let layout: Vec<(usize, bool)> = (0..self.columns.len()).map(|at| (width(at), self.has_words(at))).collect();
        writeln!(out, "{}", self.title)?;
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            let cells = row.iter().zip(&layout).map(|(cell, (width, has_words))| {
                if *has_words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
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

/// Writes one row as RFC 4180 requires. Text never becomes a formula when a spreadsheet opens the file.
pub(crate) fn csv_row<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a String>) -> io::Result<()> {
    let cells: Vec<String> = cells.map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell as JSON: a number if it is a whole number, null if it is blank, else text.
fn number_or_text(cell: &str) -> Value {
    match cell.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) if cell.is_empty() => Value::Null,
        Err(_) => cell.into(),
    }
}

/// A cell as RFC 4180 requires. Some spreadsheets split cells at tabs and semicolons, so cells with them are quoted
/// too.
fn quoted(cell: &str) -> String {
    let cell = defused(cell);
    if cell.contains(['"', ',', ';', '\t', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.into_owned()
    }
}

/// Puts an apostrophe before a cell that a spreadsheet would run as a formula. A number keeps its sign.
fn defused(cell: &str) -> Cow<'_, str> {
    let starts_a_formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let is_live = cell.starts_with(['\t', '\r', '\n'])
        || cell.trim_start().starts_with(starts_a_formula) && !is_number(cell.trim());
    if is_live { format!("'{cell}").into() } else { cell.into() }
}

/// Whether a cell is a number with a sign: digits with commas and a decimal point, or a percentage.
fn is_number(cell: &str) -> bool {
    let Some(unsigned) = cell.strip_prefix(['+', '-']) else { return false };
    let digits = unsigned.strip_suffix('%').map_or(unsigned, str::trim_end);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.'))
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
    fn text_that_begins_a_formula_is_never_live_in_a_csv() {
        for live in [
            "=1+1",
            "+1+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            " =1",
            "＝1+1",
            "-",
            "+44 20 7946",
        ] {
            let cell = quoted(live);
            let cell = cell.trim_start_matches('"');
            assert!(cell.starts_with('\''), "{live:?} is written {cell}");
            assert!(cell.contains(live), "no character is lost: {cell}");
        }
        assert_eq!(quoted("=HYPERLINK(\"a\",\"b\")"), "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\"");
        assert_eq!(quoted("a;=1"), "\"a;=1\"", "it is still one cell where a semicolon separates cells");
        for plain in ["-5", "-1,234.50", "+3", "-5 %", "-12.5%", "KW-07", "1-2 weeks", "a@b", ""] {
            assert_eq!(quoted(plain).trim_matches('"'), plain);
        }
    }

    #[test]
    fn a_blank_is_no_value_and_never_zero() {
        let json: Value = serde_json::from_str(&printed(Format::Json)).expect("JSON");
        assert_eq!(json[0]["rows"][0]["Referrals"], 55);
        assert_eq!(json[0]["rows"][1]["Referrals"], Value::Null);
    }
}
