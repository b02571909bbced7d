//! Rows of text: aligned for a terminal, or as CSV.
//!
//! Text never becomes a formula when a spreadsheet opens the file.

use std::borrow::Cow;
use std::io::{self, Write};

/// The side that the cells of a column are moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows as lines in which the cells of a column stand below each other.
pub(crate) fn aligned(rows: &[&Vec<String>], sides: &[Side]) -> Vec<String> {
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let layout: Vec<(usize, Side)> =
        sides.iter().enumerate().map(|(at, side)| (width(at).unwrap_or(0), *side)).collect();
    let line = |row: &&Vec<String>| {
        let cells = row.iter().zip(&layout).map(|(cell, (width, side))| match side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Writes one row as RFC 4180 requires. Text never becomes a formula when a spreadsheet opens the file.
pub(crate) fn csv_row<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a String>) -> io::Result<()> {
    let cells: Vec<String> = cells.map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", cells.join(","))
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
}
