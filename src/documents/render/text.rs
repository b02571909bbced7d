//! A document as text for a terminal.
//!
//! Words stand to the left, numbers to the right. A chart is its sentence. No line holds a control character, so that
//! no text can steer the terminal.

use super::wording;
use crate::documents::{Cell, Chart, Commentary, Document, Section, Table};
use crate::rows::{Side, aligned};

/// A document as text for a terminal.
pub fn text(document: &Document) -> String {
    let mut lines = vec![
        wording::title(document),
        wording::contract(document),
        wording::period(document),
        wording::point_of_view(document),
        String::new(),
    ];
    for section in &document.sections {
        lines.extend(lines_of(section));
    }
    if !document.notes.is_empty() {
        lines.extend(headed("Notes"));
        lines.extend(document.notes.iter().map(|note| format!("  {note}")));
        lines.push(String::new());
    }
    if !document.definitions.is_empty() {
        lines.extend(headed("Definitions"));
        lines.extend(document.definitions.iter().map(|definition| {
            format!("  {} ({}): {}", definition.title, definition.code, wording::definition(definition))
        }));
        lines.push(String::new());
    }
    lines.iter().map(|line| printable(line) + "\n").collect()
}

fn lines_of(section: &Section) -> Vec<String> {
    let mut lines = headed(&section.title);
    if !section.commentary.is_empty() {
        lines.extend(
            section.commentary.iter().map(|Commentary { on, text }| format!("  {}: {text}", wording::day(*on))),
        );
        lines.push(String::new());
    }
    for table in &section.tables {
        lines.push(table.title.clone());
        lines.extend(rows_of(table).into_iter().map(|line| format!("  {line}")));
        lines.push(String::new());
    }
    for Chart { title, in_words, .. } in &section.charts {
        lines.extend([format!("{title}: {in_words}"), String::new()]);
    }
    lines
}

/// A title with a line below it.
fn headed(title: &str) -> Vec<String> {
    vec![title.to_owned(), "=".repeat(title.chars().count())]
}

fn rows_of(table: &Table) -> Vec<String> {
    let side = |column| if table.has_numbers(column) { Side::Right } else { Side::Left };
    let sides: Vec<Side> = (0..table.columns.len()).map(side).collect();
    let cells = table.rows.iter().map(|row| row.iter().map(shown).collect());
    let rows: Vec<Vec<String>> = std::iter::once(table.columns.clone()).chain(cells).collect();
    aligned(&rows.iter().collect::<Vec<_>>(), &sides)
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Words(words) => words.clone(),
        Cell::Number(number) => wording::number(number),
        Cell::Missing(reason) => wording::in_words(*reason).to_owned(),
    }
}

/// A line without control characters: each is a space.
fn printable(line: &str) -> String {
    line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
