//! A document as a workbook (XLSX): a sheet of contents, one sheet for each table and chart, and the notes.
//!
//! It follows what the Government Analysis Function asks of spreadsheets: a title in A1, one table a sheet, marks
//! instead of blank cells, alternative text for charts. The dates in the file are those of the document.

use chrono::{DateTime, NaiveTime, Utc};
use rust_xlsxwriter::{DocProperties, IntoCustomDateTime, Workbook, XlsxError};

use super::sheet_names::SheetNames;
use super::wording;
use super::worksheets::{self, Listed};
use crate::documents::{Chart, Document, Section, Table};

/// A document that no workbook holds.
#[derive(Debug, thiserror::Error)]
#[error("the sheet \"{sheet}\" does not fit into a workbook: ask for CSV instead")]
pub struct WorkbookError {
    sheet: String,
    #[source]
    source: XlsxError,
}

impl WorkbookError {
    fn of(sheet: &str) -> impl FnOnce(XlsxError) -> Self {
        move |source| Self { sheet: sheet.to_owned(), source }
    }
}

/// A sheet of a table or a chart, with the section that it belongs to.
struct Sheet<'a> {
    name: String,
    section: &'a Section,
    shows: Shows<'a>,
}

enum Shows<'a> {
    Table(&'a Table),
    Chart(&'a Chart),
}

impl Shows<'_> {
    fn title(&self) -> &str {
        match self {
            Self::Table(table) => &table.title,
            Self::Chart(chart) => &chart.title,
        }
    }
}

/// A document as a workbook: the bytes of an XLSX file.
pub fn workbook(document: &Document) -> Result<Vec<u8>, WorkbookError> {
    let mut names = SheetNames::new();
    let [contents, commentary, notes] =
        ["Contents", "Commentary", "Notes and definitions"].map(|title| names.name(title));
    let sheets = sheets_of(document, &mut names);
    let has_commentary = document.sections.iter().any(|section| !section.commentary.is_empty());

    let listed = |sheet: &Sheet| Listed {
        sheet: sheet.name.clone(),
        title: sheet.shows.title().to_owned(),
        section: sheet.section.title.clone(),
    };
    let on_all_sections =
        |sheet: &str| Listed { sheet: sheet.to_owned(), title: sheet.to_owned(), section: String::new() };
    let list: Vec<Listed> = (has_commentary.then(|| on_all_sections(&commentary)).into_iter())
        .chain(sheets.iter().map(listed))
        .chain([on_all_sections(&notes)])
        .collect();

    let mut book = Workbook::new();
    book.set_properties(&properties(document));
    worksheets::contents(book.add_worksheet(), document, &list).map_err(WorkbookError::of(&contents))?;
    if has_commentary {
        worksheets::commentary(book.add_worksheet(), document).map_err(WorkbookError::of(&commentary))?;
    }
    for sheet in &sheets {
        let worksheet = book.add_worksheet();
        worksheet.set_name(&sheet.name).map_err(WorkbookError::of(&sheet.name))?;
        let written = match sheet.shows {
            Shows::Table(table) => worksheets::table(worksheet, document, table),
            Shows::Chart(chart) => worksheets::chart(worksheet, document, chart),
        };
        written.map_err(WorkbookError::of(&sheet.name))?;
    }
    worksheets::notes(book.add_worksheet(), document).map_err(WorkbookError::of(&notes))?;
    book.save_to_buffer().map_err(WorkbookError::of(&contents))
}

fn sheets_of<'a>(document: &'a Document, names: &mut SheetNames) -> Vec<Sheet<'a>> {
    let mut sheets = Vec::new();
    for section in &document.sections {
        let shown = section.tables.iter().map(Shows::Table).chain(section.charts.iter().map(Shows::Chart));
        for shows in shown {
            sheets.push(Sheet { name: names.name(shows.title()), section, shows });
        }
    }
    sheets
}

/// What the file says of itself. Nothing in it depends on when the file is written.
fn properties(document: &Document) -> DocProperties {
    let end_of_period = document.last_day.and_time(NaiveTime::MIN).and_utc();
    DocProperties::new()
        .set_title(wording::title(document))
        .set_subject(wording::period(document))
        .set_company(&document.contract_title)
        .set_comment(wording::point_of_view(document))
        .set_creation_datetime(Made(document.recorded_through.unwrap_or(end_of_period)))
}

/// The date that a file has: when the last of the known facts was recorded.
struct Made(DateTime<Utc>);

impl IntoCustomDateTime for Made {
    fn utc_datetime(self) -> String {
        self.0.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
