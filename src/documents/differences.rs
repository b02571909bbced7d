//! What differs between the document of a closed period and the same document built again: cell by cell.
//!
//! Pure. It compares what a reader sees: tables, commentary and definitions. Charts show numbers of the tables and are
//! not compared. It does not explain a difference: the events of [`super::corrections`] do.

use std::collections::HashMap;

use super::{Cell, Commentary, Definition, Document, Section};

/// A cell that reads differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The title of the section, or `Definitions`.
    pub section: String,
    /// The title of the table, or `Commentary`.
    pub table: String,
    /// The words with which the row begins.
    pub row: String,
    /// The head of the column.
    pub column: String,
    /// The cell in the closed document. None if it had no such cell.
    pub was: Option<Cell>,
    /// The cell now. None if there is none any more.
    pub is: Option<Cell>,
}

/// The cells that differ, in the order of the closed document; what is new comes last in its section.
///
/// Sections are matched by their code, tables by their title, rows by the words with which they begin, and columns by
/// their head. Of several that are alike, the first is matched with the first.
pub fn differences(closed: &Document, restated: &Document) -> Vec<Difference> {
    let (were, are) = (tables(closed), tables(restated));
    let mut found = Vec::new();
    for (was, is) in matched(&were, &are, |table| (&table.section_code, &table.title)) {
        compare(was, is, &mut found);
    }
    found
}

/// Something of a document that has rows and columns.
struct Grid<'d> {
    section_code: &'d str,
    section: &'d str,
    title: &'d str,
    columns: Vec<&'d str>,
    rows: Vec<Vec<Cell>>,
}

/// Everything of a document that is compared, in order.
fn tables(document: &Document) -> Vec<Grid<'_>> {
    let sections = document.sections.iter().flat_map(of_section);
    sections.chain([definitions(&document.definitions)]).collect()
}

fn of_section(section: &Section) -> impl Iterator<Item = Grid<'_>> {
    let said = |said: &Commentary| vec![words(&said.on.to_string()), words(&said.text)];
    let commentary = Grid {
        section_code: &section.code,
        section: &section.title,
        title: "Commentary",
        columns: vec!["Date", "Text"],
        rows: section.commentary.iter().map(said).collect(),
    };
    let tables = section.tables.iter().map(|table| Grid {
        section_code: &section.code,
        section: &section.title,
        title: &table.title,
        columns: table.columns.iter().map(String::as_str).collect(),
        rows: table.rows.clone(),
    });
    std::iter::once(commentary).chain(tables)
}

fn definitions(definitions: &[Definition]) -> Grid<'_> {
    let row = |of: &Definition| {
        let version = of.version.as_deref().unwrap_or_default();
        [of.code.as_str(), &of.title, &of.prose, &of.formula, version].map(words).into()
    };
    Grid {
        section_code: "",
        section: "Definitions",
        title: "Definitions",
        columns: vec!["Code", "Title", "Meaning", "Formula", "Version"],
        rows: definitions.iter().map(row).collect(),
    }
}

fn words(text: &str) -> Cell {
    Cell::Words(text.to_owned())
}

/// Compares a table with its successor. At least one of them is there.
fn compare(was: Option<&Grid<'_>>, is: Option<&Grid<'_>>, found: &mut Vec<Difference>) {
    let Some(either) = was.or(is) else { return };
    let filled = [was, is].into_iter().flatten().filter(|grid| !grid.rows.is_empty());
    let leading = filled.map(leading_words).min().unwrap_or_default();
    let rows = |grid: Option<&Grid<'_>>| -> Vec<(String, Vec<Cell>)> {
        let rows = grid.into_iter().flat_map(|grid| &grid.rows).enumerate();
        rows.map(|(at, row)| (name_of(row, leading, at), row.clone())).collect()
    };
    let columns = |grid: Option<&Grid<'_>>| -> Vec<(String, usize)> {
        let columns = grid.into_iter().flat_map(|grid| grid.columns.iter().enumerate());
        columns.map(|(at, head)| ((*head).to_owned(), at)).filter(|(_, at)| *at >= leading).collect()
    };
    let (rows_were, rows_are) = (rows(was), rows(is));
    let (columns_were, columns_are) = (columns(was), columns(is));
    for (row_was, row_is) in matched(&rows_were, &rows_are, |(name, _)| name) {
        for (column_was, column_is) in matched(&columns_were, &columns_are, |(head, _)| head) {
            let was = row_was.zip(column_was).and_then(|((_, cells), (_, at))| cells.get(*at));
            let is = row_is.zip(column_is).and_then(|((_, cells), (_, at))| cells.get(*at));
            if !reads_alike(was, is) {
                found.push(Difference {
                    section: either.section.to_owned(),
                    table: either.title.to_owned(),
                    row: row_was.or(row_is).map(|(name, _)| name.clone()).unwrap_or_default(),
                    column: column_was.or(column_is).map(|(head, _)| head.clone()).unwrap_or_default(),
                    was: was.cloned(),
                    is: is.cloned(),
                });
            }
        }
    }
}

/// The number of columns at the start that hold words in every row. They name the row. If all columns hold words, the
/// first one does.
fn leading_words(grid: &Grid<'_>) -> usize {
    let is_of_words = |at: usize| grid.rows.iter().all(|row| matches!(row.get(at), Some(Cell::Words(_))));
    let leading = (0..grid.columns.len()).take_while(|at| is_of_words(*at)).count();
    if leading == grid.columns.len() { leading.min(1) } else { leading }
}

/// The words with which a row begins, or its number, from 1, if it begins with none.
fn name_of(row: &[Cell], leading: usize, at: usize) -> String {
    let words = row.iter().take(leading).filter_map(|cell| match cell {
        Cell::Words(words) => Some(words.as_str()),
        Cell::Number(_) | Cell::Missing(_) => None,
    });
    if leading == 0 { format!("row {}", at + 1) } else { words.collect::<Vec<_>>().join(", ") }
}

/// Whether a reader sees the same. Whether a number is of few people is not shown.
fn reads_alike(was: Option<&Cell>, is: Option<&Cell>) -> bool {
    match (was, is) {
        (Some(Cell::Number(was)), Some(Cell::Number(is))) => (was.value, was.unit) == (is.value, is.unit),
        (was, is) => was == is,
    }
}

/// Pairs of what is alike in two lists, in the order of the first; what is only in the second comes last.
fn matched<'l, T, K: Eq + std::hash::Hash + 'l>(
    were: &'l [T],
    are: &'l [T],
    key: impl Fn(&'l T) -> K,
) -> Vec<(Option<&'l T>, Option<&'l T>)> {
    let mut by_key: HashMap<K, Vec<usize>> = HashMap::new();
    for (at, one) in are.iter().enumerate().rev() {
        by_key.entry(key(one)).or_default().push(at);
    }
    let mut pairs = Vec::with_capacity(were.len());
    let mut is_matched = vec![false; are.len()];
    for was in were {
        let is = by_key.get_mut(&key(was)).and_then(Vec::pop);
        if let Some(at) = is {
            is_matched[at] = true;
        }
        pairs.push((Some(was), is.map(|at| &are[at])));
    }
    let new = are.iter().zip(is_matched).filter(|(_, is_matched)| !is_matched);
    pairs.extend(new.map(|(is, _)| (None, Some(is))));
    pairs
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use rust_decimal::Decimal;

    use super::*;
    use crate::documents::{Missing, Number, NumberUnit, SHAPE, Table};

    fn number(value: i64) -> Cell {
        let is_of_few = (1..5).contains(&value);
        Cell::Number(Number { value: Decimal::from(value), unit: NumberUnit::Plain, is_of_few })
    }

    fn table(title: &str, columns: &[&str], rows: &[&[Cell]]) -> Table {
        Table {
            title: title.to_owned(),
            columns: columns.iter().map(|head| (*head).to_owned()).collect(),
            rows: rows.iter().map(|row| row.to_vec()).collect(),
        }
    }

    fn document(tables: Vec<Table>) -> Document {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let section = Section {
            code: "funnel".to_owned(),
            title: "Funnel".to_owned(),
            commentary: Vec::new(),
            tables,
            charts: Vec::new(),
        };
        Document {
            shape: SHAPE,
            contract: "shps".to_owned(),
            contract_title: "SHPS".to_owned(),
            report: "monthly".to_owned(),
            title: "Monthly".to_owned(),
            first_day: day("2018-02-01"),
            last_day: day("2018-02-28"),
            period: "February 2018".to_owned(),
            is_provisional: false,
            hides_small_counts: false,
            as_of: day("2018-02-28"),
            position: 1,
            recorded_through: None,
            rulebook_version: "2017-03".to_owned(),
            sections: vec![section],
            definitions: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What differs, each as its row, column, cell before and cell now.
    fn shown(was: Vec<Table>, is: Vec<Table>) -> Vec<(String, String, Option<Cell>, Option<Cell>)> {
        let found = differences(&document(was), &document(is));
        assert!(found.iter().all(|one| (one.section.as_str(), one.table.as_str()) == ("Funnel", "Areas")), "{found:?}");
        found.into_iter().map(|one| (one.row, one.column, one.was, one.is)).collect()
    }

    fn areas(rows: &[&[Cell]]) -> Vec<Table> {
        vec![table("Areas", &["Area", "Referrals", "Plans"], rows)]
    }

    fn cell(
        row: &str,
        column: &str,
        was: Option<Cell>,
        is: Option<Cell>,
    ) -> (String, String, Option<Cell>, Option<Cell>) {
        (row.to_owned(), column.to_owned(), was, is)
    }

    #[test]
    fn a_document_does_not_differ_from_itself() {
        let rows: &[&[Cell]] = &[&[words("Brent"), number(3), Cell::Missing(Missing::NoData)]];
        assert_eq!(shown(areas(rows), areas(rows)), []);
        assert_eq!(shown(Vec::new(), Vec::new()), []);
    }

    #[test]
    fn a_cell_is_named_by_the_words_of_its_row_and_the_head_of_its_column() {
        let was = areas(&[&[words("Brent"), number(3), number(2)], &[words("Ealing"), number(7), number(0)]]);
        let is = areas(&[
            &[words("Ealing"), number(8), number(0)],
            &[words("Brent"), number(3), Cell::Missing(Missing::NoData)],
        ]);
        let expected = [
            cell("Brent", "Plans", Some(number(2)), Some(Cell::Missing(Missing::NoData))),
            cell("Ealing", "Referrals", Some(number(7)), Some(number(8))),
        ];
        assert_eq!(shown(was, is), expected, "the order of rows does not matter");
    }

    #[test]
    fn rows_columns_and_tables_that_went_or_came_are_listed_cell_by_cell() {
        let was = areas(&[&[words("Brent"), number(3), number(2)], &[words("Ealing"), number(7), number(5)]]);
        let is = vec![table(
            "Areas",
            &["Area", "Referrals", "Exits"],
            &[&[words("Brent"), number(3), number(1)], &[words("Hackney"), number(9), number(6)]],
        )];
        let expected = [
            cell("Brent", "Plans", Some(number(2)), None),
            cell("Brent", "Exits", None, Some(number(1))),
            cell("Ealing", "Referrals", Some(number(7)), None),
            cell("Ealing", "Plans", Some(number(5)), None),
            cell("Hackney", "Referrals", None, Some(number(9))),
            cell("Hackney", "Exits", None, Some(number(6))),
        ];
        assert_eq!(shown(was.clone(), is), expected);
        assert_eq!(shown(was, Vec::new()).len(), 4);
    }

    #[test]
    fn rows_that_begin_alike_are_matched_in_order_and_a_word_that_changes_is_no_new_row() {
        let columns = ["Area", "Keyworker", "Cases", "Trend"];
        let row = |cases: i64, trend: &str| [words("Brent"), words("KW-1"), number(cases), words(trend)];
        let was = vec![table("Areas", &columns, &[&row(1, "up"), &row(2, "up")])];
        let is = vec![table("Areas", &columns, &[&row(1, "up"), &row(2, "down"), &row(4, "up")])];
        let expected = [
            cell("Brent, KW-1", "Trend", Some(words("up")), Some(words("down"))),
            cell("Brent, KW-1", "Cases", None, Some(number(4))),
            cell("Brent, KW-1", "Trend", None, Some(words("up"))),
        ];
        assert_eq!(shown(was, is), expected);
        let levels = |level: &str| vec![table("Areas", &["Indicator", "Level"], &[&[words("First"), words(level)]])];
        assert_eq!(
            shown(levels("met"), levels("minor")),
            [cell("First", "Level", Some(words("met")), Some(words("minor")))]
        );
    }

    #[test]
    fn rows_without_words_are_matched_by_their_number() {
        let of = |value: i64| vec![table("Areas", &["Cases"], &[&[number(1)], &[number(value)]])];
        assert_eq!(shown(of(2), of(3)), [cell("row 2", "Cases", Some(number(2)), Some(number(3)))]);
    }

    #[test]
    fn commentary_and_definitions_are_compared_too() {
        let (was, mut is) = (document(Vec::new()), document(Vec::new()));
        let on = was.last_day;
        is.sections[0].commentary.push(Commentary { on, text: "two homes were counted twice".to_owned() });
        is.definitions.push(Definition {
            code: "referral".to_owned(),
            title: "Referrals".to_owned(),
            prose: "Counts referrals.".to_owned(),
            formula: "count(referral)".to_owned(),
            version: Some("2018-04".to_owned()),
        });
        let found = differences(&was, &is);
        let named: Vec<_> =
            found.iter().map(|one| (one.table.as_str(), one.row.as_str(), one.column.as_str())).collect();
        let expected = [
            ("Commentary", "2018-02-28", "Text"),
            ("Definitions", "referral", "Title"),
            ("Definitions", "referral", "Meaning"),
            ("Definitions", "referral", "Formula"),
            ("Definitions", "referral", "Version"),
        ];
        assert_eq!(named, expected);
        assert!(found.iter().all(|one| one.was.is_none() && one.is.is_some()));
    }
}
