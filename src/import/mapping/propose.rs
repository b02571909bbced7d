//! A first mapping for a file: a guess from its header and first rows, to be corrected by hand.
//!
//! It never repeats a value of a row. What a guess is, the text says.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::value::{DateForm, date};
use crate::import::read::{Cell, Format, Row};

/// The forms of dates that are tried.
const FORMS: [&str; 7] = ["DD/MM/YYYY", "DD-MM-YYYY", "DD.MM.YYYY", "DD Mon YYYY", "DD-Mon-YYYY", "MM/YYYY", "YYYY"];
/// The parts of column names by which an id, a date of a referral or an area is guessed.
const IDS: [&str; 5] = ["id", "ref", "number", "no", "child"];
const RECEIVED: [&str; 4] = ["referral", "referred", "received", "start"];
const AREAS: [&str; 5] = ["area", "borough", "locality", "district", "ward"];

/// What the first rows say about a column.
struct Guess<'a> {
    name: &'a str,
    form: Option<&'static str>,
    is_distinct: bool,
}

/// The text of a first mapping for a file with this header and these first rows.
pub fn propose(format: Format, separator: u8, header: &[String], rows: &[Row]) -> String {
    let guesses: Vec<Guess<'_>> = header.iter().enumerate().map(|(at, name)| guess(name, at, rows)).collect();
    let id = named(&guesses, &IDS, |guess| guess.is_distinct && guess.form.is_none())
        .or_else(|| guesses.iter().find(|guess| guess.is_distinct && guess.form.is_none()));
    let received = named(&guesses, &RECEIVED, |guess| guess.form.is_some())
        .or_else(|| guesses.iter().find(|guess| guess.form.is_some()));
    let area = named(&guesses, &AREAS, |guess| guess.form.is_none());
    let forms: BTreeSet<&str> =
        guesses.iter().filter_map(|guess| guess.form).filter(|form| *form != "YYYY-MM-DD").collect();
    let (id, received) = (id.map_or("COLUMN", |guess| guess.name), received.map_or("COLUMN", |guess| guess.name));
    let mut text = String::new();
    let _ = writeln!(
        text,
        "# A first mapping, guessed from the header and the first {} rows: check every line.",
        rows.len()
    );
    let _ = writeln!(
        text,
        "mapping = 1\n\n[source]\n# The name of the other system, as every fact keeps it.\nsystem = \"other-system\""
    );
    let _ = writeln!(
        text,
        "# \"full\" if every file has all records, so that a missing one is gone.\nsnapshot = \"delta\""
    );
    let _ = writeln!(text, "\n[read]\nformat = \"{}\"", format.as_str());
    if format == Format::Csv && separator != b',' {
        let _ = writeln!(text, "separator = {}", quoted(&char::from(separator).to_string()));
    }
    let _ = writeln!(text, "dates = [{}]", forms.iter().map(|form| quoted(form)).collect::<Vec<_>>().join(", "));
    let _ = writeln!(text, "# Values that say that nothing is known.\nabsent = [\"Don't know\", \"N/K\"]");
    let _ = writeln!(text, "\n[[table]]\nname = \"rows\"");
    let _ = writeln!(text, "\n[[record]]\ntable = \"rows\"\nid = {}\ncase = {}", template(id), template(id));
    let _ = writeln!(text, "\n[[record.fact]]\ntype = \"referral_received\"\non = {}", quoted(received));
    if let Some(area) = area {
        let _ = writeln!(text, "area = {}", quoted(area.name));
    }
    let left: Vec<&Guess<'_>> = guesses
        .iter()
        .filter(|guess| guess.name != id && guess.name != received && area.is_none_or(|area| area.name != guess.name))
        .collect();
    if !left.is_empty() {
        let _ = writeln!(text, "\n# Columns that are not used yet:");
        for guess in left {
            let what = guess.form.map(|form| format!(" ({form})")).unwrap_or_default();
            let _ = writeln!(text, "# {}{what}", guess.name.replace(['\n', '\r'], " "));
        }
    }
    text
}

/// The first column whose name has one of these parts.
fn named<'g, 'a>(guesses: &'g [Guess<'a>], parts: &[&str], fits: impl Fn(&Guess<'a>) -> bool) -> Option<&'g Guess<'a>> {
    parts.iter().find_map(|part| guesses.iter().find(|guess| guess.name.to_lowercase().contains(part) && fits(guess)))
}

fn guess<'a>(name: &'a str, at: usize, rows: &[Row]) -> Guess<'a> {
    let texts: Vec<&str> = rows
        .iter()
        .filter_map(|row| match row.cells.as_ref().ok()?.get(at)? {
            Cell::Text(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let distinct: BTreeSet<&str> = texts.iter().copied().collect();
    // A wrong date, or a word for an unknown one, does not make the column another one.
    let are_dates =
        |forms: &[DateForm]| texts.iter().filter(|text| date(text, forms).is_some()).count() * 2 > texts.len();
    let fits = |form: &&&'static str| {
        let read = DateForm::read(form).map(|form| [form]);
        read.is_some_and(|form| are_dates(&form))
    };
    let iso = || are_dates(&[]).then_some("YYYY-MM-DD");
    let form = iso().or_else(|| FORMS.iter().find(fits).copied());
    Guess { name, form, is_distinct: !texts.is_empty() && distinct.len() == texts.len() && texts.len() == rows.len() }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn template(column: &str) -> String {
    quoted(&format!("{{{column}}}"))
}

#[cfg(test)]
mod tests {
    use super::super::Mapping;
    use super::*;

    fn row(cells: &[&str]) -> Row {
        let cells = cells.iter().map(|text| Cell::Text((*text).to_owned())).collect();
        Row { table: Some(0), line: 2, cells: Ok(cells) }
    }

    #[test]
    fn a_first_mapping_is_one_that_can_be_read_and_repeats_no_value() {
        let header = ["Borough", "Case \"ref\"", "Date referred", "Hours", "Left"].map(str::to_owned);
        let rows = [
            row(&["mid", "A-1", "31/01/2018", "16", "2018-02-01"]),
            row(&["mid", "A-2", "01/02/2018", "16", ""]),
            row(&["mid", "A-3", "31/02/2018", "16", ""]),
        ];
        let text = propose(Format::Csv, b';', &header, &rows);
        let mapping = Mapping::parse(&text).expect(&text);
        assert_eq!(mapping.wanted.separator, b';');
        let columns = &mapping.wanted.tables[0].columns;
        assert!(columns.iter().any(|column| column.name == "Case \"ref\""), "{text}");
        for expected in
            ["on = \"Date referred\"", "area = \"Borough\"", "dates = [\"DD/MM/YYYY\"]", "# Left (YYYY-MM-DD)"]
        {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("A-1") && !text.contains("\"mid\""));
    }

    #[test]
    fn a_file_without_rows_gives_a_mapping_to_fill_in() {
        let text = propose(Format::Xlsx, b',', &["Name".to_owned()], &[]);
        assert!(Mapping::parse(&text).is_ok() && text.contains("{COLUMN}"), "{text}");
    }
}
