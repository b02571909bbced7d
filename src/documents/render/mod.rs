//! The formats of a document: text for a terminal, CSV, a workbook, and a page to print.
//!
//! Pure: a format shows what the document holds. It computes no number, reads no clock, and the same document always
//! gives the same bytes.

mod chart;
mod csv;
pub(crate) mod markup;
mod page;
mod sheet_names;
mod text;
mod wording;
mod workbook;
mod worksheets;

#[cfg(test)]
mod tests;

pub use self::csv::csv;
pub use self::page::page;
pub use self::text::{shown, text};
pub use self::workbook::{WorkbookError, workbook};

use super::{Cell, Table};

impl Table {
    /// Whether a column has numbers to compare, so that its cells are moved to the right.
    fn has_numbers(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).peekable();
        let is_empty = cells.peek().is_none();
        let (mut has_number, mut has_words) = (false, false);
        for cell in cells {
            has_number |= matches!(cell, Cell::Number(_));
            has_words |= matches!(cell, Cell::Words(_));
        }
        column > 0 && (is_empty || has_number || !has_words)
    }

    /// How many of its first columns say what a row is about: those with words only, but never all columns.
    fn row_heads(&self) -> usize {
        let is_words = |column: &usize| {
            let mut cells = self.rows.iter().map(|row| row.get(*column));
            cells.all(|cell| matches!(cell, Some(Cell::Words(_))))
        };
        let heads = (0..self.columns.len()).take_while(is_words).count();
        if heads < self.columns.len() { heads } else { heads.min(1) }
    }
}
