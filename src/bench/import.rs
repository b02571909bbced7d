//! Imports by mapping: the rows a second and the peak memory of a process that only imports, for a file and for one of a
//! tenth of its size.
//!
//! The rows are contacts of generated cases, twenty for each. Each import goes into a log with an open contract and
//! little else. The number of rounds does not matter here: one file is one round, because a log takes it only once.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rust_xlsxwriter::Workbook;

use super::child::{self, Ran};
use super::generate::{CONTRACT, EVENTS_EACH};
use super::ground::Ground;
use super::report::{Figure, Limit, Size, rate};
use crate::import::read::Format;
use crate::store::Dialect;

/// The default number of rows.
const ROWS: u64 = 1_000_000;
/// The rows of a case.
const ROWS_EACH: u64 = 20;
/// The events of a row: its contact.
const EVENTS_OF_ROW: u64 = 1;
/// The events of a case beside its rows: the person, the referral and its acceptance.
const EVENTS_OF_CASE: u64 = 3;
/// The most memory of an import, in mebibytes, whatever its size.
const MEMORY: f64 = 768.0;
/// The columns of the file.
const COLUMNS: [&str; 5] = ["id", "case", "received", "on", "channel"];
/// How contacts are made.
const CHANNELS: [&str; 3] = ["phone", "face_to_face", "letter"];

/// A format, with the names of its figures.
struct Measured {
    format: Format,
    pace: &'static str,
    memory: &'static str,
}

const MEASURED: [Measured; 3] = [
    Measured { format: Format::Csv, pace: "import of rows, CSV", memory: "peak memory of an import, CSV" },
    Measured { format: Format::Xlsx, pace: "import of rows, XLSX", memory: "peak memory of an import, XLSX" },
    Measured { format: Format::Xml, pace: "import of rows, XML", memory: "peak memory of an import, XML" },
];

/// Runs all measurements on one store.
pub(super) async fn measure(ground: &Ground, store: Dialect) -> Result<Vec<Figure>> {
    let rows = ground.rows(ROWS);
    let mut figures = Vec::new();
    for Measured { format, pace, memory } in MEASURED {
        if !ground.measures(format) {
            continue;
        }
        let few = imported(ground, store, format, (rows / 10).max(1)).await?;
        let all = imported(ground, store, format, rows).await?;
        let per_second = |ran: &Ran, rows: u64| rate(rows, ran.took);
        let figure = Figure::new(pace, "rows/s", size(rows), vec![per_second(&all, rows)]).on(store);
        figures.push(figure.against("a tenth of the rows", &[per_second(&few, (rows / 10).max(1))]));
        if let (Some(most), Some(before)) = (all.memory, few.memory) {
            let figure = Figure::new(memory, "MiB", size(rows), vec![most]).on(store);
            figures.push(figure.against("a tenth of the rows", &[before]).within(Limit::at_most(MEMORY)));
        }
    }
    Ok(figures)
}

/// Imports a generated file into a log of its own.
async fn imported(ground: &Ground, store: Dialect, format: Format, rows: u64) -> Result<Ran> {
    let file = ground.scratch(&format!("contacts-{rows}.{}", format.as_str()));
    let mapping = ground.scratch(&format!("contacts-{}.toml", format.as_str()));
    std::fs::write(&mapping, mapping_of(format))?;
    written(format, rows, &file)?;
    let place = ground.log_of_this_run(store, 1).await?;
    ground.deployed(&place).await?.close().await;
    tracing::info!(rows, format = format.as_str(), "importing");
    let [file_text, mapping] = [&file, &mapping].map(|path: &PathBuf| path.to_string_lossy().into_owned());
    let arguments = ["import", format.as_str(), &file_text, "--mapping", &mapping, "--contract", CONTRACT];
    let ran = child::an_import(&place.url, &arguments).await?;
    std::fs::remove_file(&file)?;
    Ok(ran)
}

/// The size of a log with these rows.
const fn size(rows: u64) -> Size {
    let journeys = rows.div_ceil(ROWS_EACH);
    Size { journeys, events: EVENTS_EACH + rows * EVENTS_OF_ROW + journeys * EVENTS_OF_CASE }
}

/// The mapping of a generated file.
fn mapping_of(format: Format) -> String {
    let repeats = if format == Format::Xml { "record = \"Contacts/Contact\"\n" } else { "" };
    format!(
        "mapping = 1\n[source]\nsystem = \"bench\"\n[read]\nformat = \"{}\"\n{repeats}{}",
        format.as_str(),
        include_str!("import.toml")
    )
}

/// The cells of a row.
fn cells(row: u64) -> [String; COLUMNS.len()] {
    let channel = CHANNELS[usize::try_from(row % 3).expect("less than three")];
    let on = format!("2018-{:02}-{:02}", row % 12 + 1, row % 28 + 1);
    [format!("K-{row}"), format!("C-{}", row / ROWS_EACH), "2018-01-01".to_owned(), on, channel.to_owned()]
}

/// Writes a file, row by row.
fn written(format: Format, rows: u64, path: &Path) -> Result<()> {
    if format == Format::Xlsx {
        return written_as_workbook(rows, path);
    }
    let mut file = BufWriter::new(File::create(path)?);
    if format == Format::Xml {
        writeln!(file, "<Contacts>")?;
        for row in 0..rows {
            write!(file, "<Contact>")?;
            for (name, cell) in COLUMNS.into_iter().zip(cells(row)) {
                write!(file, "<{name}>{cell}</{name}>")?;
            }
            writeln!(file, "</Contact>")?;
        }
        writeln!(file, "</Contacts>")?;
    } else {
        writeln!(file, "{}", COLUMNS.join(","))?;
        for row in 0..rows {
            writeln!(file, "{}", cells(row).join(","))?;
        }
    }
    Ok(file.flush()?)
}

fn written_as_workbook(rows: u64, path: &Path) -> Result<()> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    for (column, name) in (0_u16..).zip(COLUMNS) {
        sheet.write_string(0, column, name)?;
    }
    for row in 0..rows {
        let line = u32::try_from(row + 1)?;
        for (column, cell) in (0_u16..).zip(cells(row)) {
            sheet.write_string(line, column, cell)?;
        }
    }
    Ok(book.save(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::mapped::SourceFile;
    use crate::import::mapping::Mapping;

    #[tokio::test]
    async fn every_row_of_a_generated_file_is_read_in_each_format() {
        let folder = tempfile::tempdir().expect("a folder");
        for format in [Format::Csv, Format::Xlsx, Format::Xml] {
            let path = folder.path().join(format!("contacts.{}", format.as_str()));
            written(format, 41, &path).expect("written");
            let mapping = Mapping::parse(&mapping_of(format)).unwrap_or_else(|errors| panic!("{errors:?}"));
            let file = SourceFile { name: "contacts".to_owned(), path };
            let checked = mapping.check(&[file], |_, line, error| panic!("line {line}: {error}")).await;
            let checked = checked.unwrap_or_else(|(file, unfit)| panic!("{file}: {unfit}"));
            assert_eq!((checked.rows, checked.records, checked.facts), (41, 82, 3 * 41), "{format:?}");
        }
    }
}
