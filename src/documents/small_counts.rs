//! Hides small counts of a document from those who may not see them.
//!
//! What is hidden must not follow from what is left: a total over a hidden count is hidden too, and so are the words
//! beside it.

use super::words::in_words;
use super::{Cell, Chart, Document, Missing, Section, Series, Table};

/// The head of a column that is the sum of those before it.
pub(super) const TOTAL: &str = "Total";
/// The first word of a row that is the sum of those above it.
pub(super) const ALL: &str = "All";

impl Document {
    /// The same document without the counts of one to four people.
    #[must_use]
    pub fn without_small_counts(&self) -> Self {
        let section = |section: &Section| Section {
            tables: section.tables.iter().map(hidden_in_table).collect(),
            charts: section.charts.iter().map(hidden_in_chart).collect(),
            ..section.clone()
        };
        Self { sections: self.sections.iter().map(section).collect(), ..self.clone() }
    }
}

fn hidden_in_table(table: &Table) -> Table {
    let mut rows: Vec<Vec<Cell>> = table.rows.iter().map(|row| row.iter().map(without_few).collect()).collect();
    for row in &mut rows {
        hide_beside(row, &table.columns);
    }
    let is_hidden = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(is_suppressed));
    let columns: Vec<bool> = (0..table.columns.len()).map(is_hidden).collect();
    for row in rows.iter_mut().filter(|row| row.first() == Some(&Cell::Words(ALL.to_owned()))) {
        for (cell, _) in row.iter_mut().zip(&columns).filter(|(cell, is_hidden)| **is_hidden && is_number(cell)) {
            *cell = Cell::Missing(Missing::Suppressed);
        }
    }
    Table { rows, ..table.clone() }
}

/// Hides what would say something about a hidden number of the row: its total, and the words after the numbers.
fn hide_beside(row: &mut [Cell], heads: &[String]) {
    let Some(first) = row.iter().position(is_suppressed) else { return };
    for (at, (cell, head)) in row.iter_mut().zip(heads).enumerate() {
        let is_sum = head == TOTAL && is_number(cell);
        let is_about = at > first && matches!(cell, Cell::Words(_));
        if is_sum || is_about {
            *cell = Cell::Missing(Missing::Suppressed);
        }
    }
}

fn without_few(cell: &Cell) -> Cell {
    match cell {
        Cell::Number(number) if number.is_of_few => Cell::Missing(Missing::Suppressed),
        other => other.clone(),
    }
}

const fn is_suppressed(cell: &Cell) -> bool {
    matches!(cell, Cell::Missing(Missing::Suppressed))
}

const fn is_number(cell: &Cell) -> bool {
    matches!(cell, Cell::Number(_))
}

fn hidden_in_chart(chart: &Chart) -> Chart {
    let series = |series: &Series| Series {
        values: series.values.iter().map(|value| value.filter(|number| !number.is_of_few)).collect(),
        ..series.clone()
    };
    let series: Vec<Series> = chart.series.iter().map(series).collect();
    // The words name the lowest value, so they are written anew.
    let in_words = in_words(chart.kind, &chart.categories, &series);
    Chart { in_words, series, ..chart.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{ChartKind, Number, NumberUnit};
    use super::*;

    fn words(words: &str) -> Cell {
        Cell::Words(words.to_owned())
    }

    fn number(value: i64) -> Number {
        Number { value: value.into(), unit: NumberUnit::Plain, is_of_few: (1..5).contains(&value) }
    }

    fn shown(cells: &[Cell]) -> String {
        let cell = |cell: &Cell| match cell {
            Cell::Words(words) => words.clone(),
            Cell::Number(number) => number.value.to_string(),
            Cell::Missing(Missing::Suppressed) => "[c]".to_owned(),
            Cell::Missing(_) => String::new(),
        };
        cells.iter().map(cell).collect::<Vec<_>>().join("|")
    }

    fn hidden(columns: &[&str], rows: &[Vec<Cell>]) -> Vec<String> {
        let columns = columns.iter().map(|head| (*head).to_owned()).collect();
        let table = hidden_in_table(&Table { title: String::new(), columns, rows: rows.to_vec() });
        table.rows.iter().map(|row| shown(row)).collect()
    }

    #[test]
    fn a_total_over_a_hidden_count_is_hidden_and_one_over_none_is_not() {
        let row = |name: &str, counts: [i64; 3]| {
            std::iter::once(words(name)).chain(counts.map(|count| Cell::Number(number(count)))).collect::<Vec<_>>()
        };
        let rows = [row("Brent", [4, 20, 24]), row("Ealing", [0, 7, 7]), row("All", [4, 27, 31])];
        assert_eq!(
            hidden(&["Area", "1 week", "2 weeks", TOTAL], &rows),
            ["Brent|[c]|20|[c]", "Ealing|0|7|7", "All|[c]|27|[c]"]
        );
    }

    #[test]
    fn no_word_is_said_about_a_hidden_number() {
        let of =
            |count| vec![words("Brent"), words("Homes"), Cell::Number(number(count)), words("not met"), words("up")];
        let heads = ["Area", "Measure", "Figure", "Met", "Trend"];
        assert_eq!(hidden(&heads, &[of(3), of(8)]), ["Brent|Homes|[c]|[c]|[c]", "Brent|Homes|8|not met|up"]);
    }

    #[test]
    fn a_chart_in_words_names_no_hidden_value() {
        let values = [3, 8, 5].map(|value| Some(number(value))).into();
        let series = vec![Series { title: "Homes".to_owned(), values }];
        let categories = ["Brent", "Ealing", "Enfield"].map(str::to_owned).to_vec();
        let in_words = in_words(ChartKind::Bars, &categories, &series);
        assert!(in_words.contains("lowest 3 (Brent)"), "{in_words}");
        let title = "Homes".to_owned();
        let chart = hidden_in_chart(&Chart { title, kind: ChartKind::Bars, in_words, categories, series });
        assert_eq!(chart.series[0].values[0], None);
        assert_eq!(
            chart.in_words,
            "Homes: highest 8 (Ealing), lowest 5 (Enfield). Where there is no number, nothing is drawn."
        );
    }
}
