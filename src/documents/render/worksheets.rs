//! The sheets of a workbook: what is written into which cell.
//!
//! The title of a sheet is in A1, its period and point of view in A2, what a reader should know in A3, and the heads of
//! its columns in row 4. Words stay words: no cell is a formula.

use std::collections::BTreeSet;

use rust_xlsxwriter::{
    Chart as Drawing, ChartFormat, ChartLine, ChartLineDashType, ChartMarker, ChartMarkerType, ChartPatternFill,
    ChartPatternFillType, ChartSolidFill, ChartType, ColNum, Format, FormatAlign, RowNum, Table as MarkedTable,
    TableColumn, TableStyle, Url, Worksheet, XlsxError,
};

use super::sheet_names::shortened;
use super::wording;
use crate::documents::{Cell, Chart, ChartKind, Document, Missing, Number, NumberUnit, Table};

/// The row of the heads of columns.
const HEADS: RowNum = 3;
/// The longest alternative text, in units of UTF-16.
const ALTERNATIVE_MAX: usize = 255;
/// The colours of series, from the palette of the Government Analysis Function.
const COLOURS: [u32; 4] = [0x12_436D, 0x28_A197, 0x80_1650, 0xF4_6A25];
const PATTERNS: [Option<ChartPatternFillType>; 4] = [
    None,
    Some(ChartPatternFillType::DiagonalStripesWideUpwards),
    Some(ChartPatternFillType::Dotted20Percent),
    Some(ChartPatternFillType::HorizontalStripesNarrow),
];
const DASHES: [ChartLineDashType; 4] =
    [ChartLineDashType::Solid, ChartLineDashType::Dash, ChartLineDashType::RoundDot, ChartLineDashType::DashDot];
const MARKERS: [ChartMarkerType; 4] =
    [ChartMarkerType::Circle, ChartMarkerType::Square, ChartMarkerType::Triangle, ChartMarkerType::Diamond];

type Written = Result<(), XlsxError>;

/// A sheet in the list of contents.
pub(super) struct Listed {
    pub(super) sheet: String,
    pub(super) title: String,
    /// Empty if it is about all sections.
    pub(super) section: String,
}

/// What is above the heads of a sheet.
struct Opening<'a> {
    title: &'a str,
    note: String,
    widths: Vec<usize>,
}

/// The first sheet: the list of all others.
pub(super) fn contents(sheet: &mut Worksheet, document: &Document, list: &[Listed]) -> Written {
    sheet.set_name("Contents")?;
    open(
        sheet,
        document,
        &Opening { title: &wording::title(document), note: wording::contract(document), widths: vec![34, 60, 40] },
    )?;
    heads(sheet, HEADS, &["Sheet", "Title", "Section"])?;
    for (row, listed) in (HEADS + 1..).zip(list) {
        let link = format!("internal:'{}'!A1", listed.sheet);
        sheet.write_url(row, 0, Url::new(link).set_text(&listed.sheet))?;
        words(sheet, At { row, column: 1 }, &listed.title)?;
        words(sheet, At { row, column: 2 }, if listed.section.is_empty() { "All" } else { &listed.section })?;
    }
    Ok(())
}

/// The sheet of the commentary on all sections.
pub(super) fn commentary(sheet: &mut Worksheet, document: &Document) -> Written {
    sheet.set_name("Commentary")?;
    let note = "What was recorded in words beside the numbers.".to_owned();
    open(sheet, document, &Opening { title: "Commentary", note, widths: vec![40, 20, 80] })?;
    heads(sheet, HEADS, &["Section", "Date", "Commentary"])?;
    let all = document.sections.iter().flat_map(|section| section.commentary.iter().map(move |said| (section, said)));
    for (row, (section, commentary)) in (HEADS + 1..).zip(all) {
        line(sheet, row, &[&section.title, &wording::day(commentary.on), &commentary.text])?;
    }
    Ok(())
}

/// A sheet of a table.
pub(super) fn table(sheet: &mut Worksheet, document: &Document, table: &Table) -> Written {
    open(sheet, document, &Opening { title: &table.title, note: note_on(table), widths: widths(table) })?;
    head_of_table(sheet, &table.columns, table.rows.len())?;
    for (row, cells) in (HEADS + 1..).zip(&table.rows) {
        for (column, cell) in (0..).zip(cells) {
            let at = At { row, column };
            match cell {
                Cell::Words(text) => words(sheet, at, text)?,
                Cell::Number(value) => number(sheet, at, value)?,
                Cell::Missing(reason) => mark(sheet, at, *reason)?,
            }
        }
    }
    Ok(())
}

/// A sheet of a chart: its numbers as a table, and the drawing beside it.
pub(super) fn chart(sheet: &mut Worksheet, document: &Document, chart: &Chart) -> Written {
    let has_gap = chart.series.iter().any(|series| series.values.iter().any(Option::is_none));
    let gaps = if has_gap { " An empty cell has no value." } else { "" };
    let longest = chart.categories.iter().map(|category| width_of(category)).max().unwrap_or(0);
    let titles = chart.series.iter().map(|series| width_of(&series.title));
    let widths = std::iter::once(longest.max(20)).chain(titles).collect();
    open(sheet, document, &Opening { title: &chart.title, note: format!("{}{gaps}", chart.in_words), widths })?;
    let titles = chart.series.iter().map(|series| series.title.clone());
    let columns: Vec<String> = std::iter::once("Category".to_owned()).chain(titles).collect();
    head_of_table(sheet, &columns, chart.categories.len())?;
    for (row, (at, category)) in (HEADS + 1..).zip(chart.categories.iter().enumerate()) {
        words(sheet, At { row, column: 0 }, category)?;
        for (column, series) in (1..).zip(&chart.series) {
            if let Some(value) = series.values.get(at).copied().flatten() {
                number(sheet, At { row, column }, &value)?;
            }
        }
    }
    if chart.series.is_empty() || chart.categories.is_empty() {
        return Ok(());
    }
    let beside = column_number(columns.len() + 1)?;
    let drawing = drawing(chart, &sheet.name())?;
    sheet.insert_chart(HEADS, beside, &drawing)?;
    Ok(())
}

/// The last sheet: the marks, the notes, and the definitions of measures.
pub(super) fn notes(sheet: &mut Worksheet, document: &Document) -> Written {
    sheet.set_name("Notes and definitions")?;
    let note = "The marks of cells without a number, notes, and what each measure counts.".to_owned();
    open(sheet, document, &Opening { title: "Notes and definitions", note, widths: vec![34, 40, 60, 50, 20] })?;
    heads(sheet, HEADS, &["Mark", "Meaning"])?;
    let mut row = HEADS + 1;
    for reason in wording::REASONS {
        line(sheet, row, &[wording::mark(reason), wording::meaning(reason)])?;
        row += 1;
    }
    if !document.notes.is_empty() {
        heads(sheet, row + 1, &["Notes"])?;
        row += 2;
        for text in &document.notes {
            plain(sheet, At { row, column: 0 }, text)?;
            row += 1;
        }
    }
    heads(sheet, row + 1, &["Measure", "Title", "What it counts", "Formula", "Rulebook version"])?;
    row += 2;
    for (row, definition) in (row..).zip(&document.definitions) {
        let version = definition.version.as_deref().unwrap_or("every contract");
        line(sheet, row, &[&definition.code, &definition.title, &definition.prose, &definition.formula, version])?;
    }
    Ok(())
}

/// A cell of a sheet.
#[derive(Clone, Copy)]
struct At {
    row: RowNum,
    column: ColNum,
}

fn open(sheet: &mut Worksheet, document: &Document, opening: &Opening) -> Written {
    for (column, width) in opening.widths.iter().enumerate() {
        let width = u32::try_from(*width).unwrap_or(u32::MAX);
        sheet.set_column_width(column_number(column)?, f64::from(width.clamp(10, 80)))?;
    }
    let title = Format::new().set_bold().set_font_size(15);
    sheet.write_string_with_format(0, 0, opening.title, &title)?;
    let view = format!("{} {}", wording::period(document), wording::point_of_view(document));
    plain(sheet, At { row: 1, column: 0 }, &view)?;
    plain(sheet, At { row: 2, column: 0 }, &opening.note)?;
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0).set_repeat_rows(HEADS, HEADS)?;
    Ok(())
}

/// What a reader of a table should know: which marks it has.
fn note_on(table: &Table) -> String {
    let has = |reason: &Missing| table.rows.iter().flatten().any(|cell| *cell == Cell::Missing(*reason));
    let marks = wording::REASONS.into_iter().filter(has);
    let marks: Vec<String> =
        marks.map(|reason| format!("{} {}", wording::mark(reason), wording::meaning(reason))).collect();
    if marks.is_empty() { "Every cell of the table has a value.".to_owned() } else { marks.join(" ") }
}

fn head_format() -> Format {
    Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Bottom)
}

fn heads(sheet: &mut Worksheet, row: RowNum, titles: &[&str]) -> Written {
    for (column, title) in (0..).zip(titles) {
        sheet.write_string_with_format(row, column, *title, &head_format())?;
    }
    Ok(())
}

/// The heads of a table that stay in sight. It is marked as a table, for those who have it read to them, unless two of
/// its columns have the same head, which spreadsheets refuse.
fn head_of_table(sheet: &mut Worksheet, columns: &[String], rows: usize) -> Written {
    heads(sheet, HEADS, &columns.iter().map(String::as_str).collect::<Vec<_>>())?;
    sheet.set_freeze_panes(HEADS + 1, 0)?;
    let distinct: BTreeSet<String> = columns.iter().map(|head| head.to_lowercase()).collect();
    let is_plain = |head: &String| !head.trim().is_empty() && !head.contains(char::is_control);
    if rows == 0 || distinct.len() < columns.len() || !columns.iter().all(is_plain) {
        return Ok(());
    }
    let Some(last) = columns.len().checked_sub(1) else { return Ok(()) };
    let heads: Vec<TableColumn> =
        columns.iter().map(|head| TableColumn::new().set_header(head).set_header_format(head_format())).collect();
    let marked = MarkedTable::new().set_columns(&heads).set_autofilter(false).set_style(TableStyle::None);
    let last_row = RowNum::try_from(rows).ok().and_then(|rows| HEADS.checked_add(rows));
    sheet.add_table(HEADS, 0, last_row.ok_or(XlsxError::RowColumnLimitError)?, column_number(last)?, &marked)?;
    Ok(())
}

fn line(sheet: &mut Worksheet, row: RowNum, texts: &[&str]) -> Written {
    (0..).zip(texts).try_for_each(|(column, text)| words(sheet, At { row, column }, text))
}

/// Words of a table: long ones are broken into lines.
fn words(sheet: &mut Worksheet, at: At, text: &str) -> Written {
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    sheet.write_string_with_format(at.row, at.column, text, &wrapped)?;
    Ok(())
}

/// Words that run over the cells beside them.
fn plain(sheet: &mut Worksheet, at: At, text: &str) -> Written {
    sheet.write_string(at.row, at.column, text)?;
    Ok(())
}

/// A number. One with more digits than spreadsheets keep is written as words, so that none is lost.
fn number(sheet: &mut Worksheet, at: At, number: &Number) -> Written {
    let format = Format::new().set_num_format(number_format(number)).set_align(FormatAlign::Top);
    match wording::float(number.value) {
        Some(value) => sheet.write_number_with_format(at.row, at.column, value, &format)?,
        None => sheet.write_string_with_format(at.row, at.column, number.value.to_string(), &format)?,
    };
    Ok(())
}

fn mark(sheet: &mut Worksheet, at: At, reason: Missing) -> Written {
    let right = Format::new().set_align(FormatAlign::Right).set_align(FormatAlign::Top);
    sheet.write_string_with_format(at.row, at.column, wording::mark(reason), &right)?;
    Ok(())
}

/// How a number is shown: with its decimal places, with a percent sign that does not change its value, and with the
/// currency of money.
fn number_format(number: &Number) -> String {
    let places = match number.value.scale() {
        0 => String::new(),
        places => format!(".{}", "0".repeat(usize::try_from(places).unwrap_or(0))),
    };
    match number.unit {
        NumberUnit::Percent => format!("#,##0{places}\" %\""),
        NumberUnit::Plain | NumberUnit::Days => format!("#,##0{places}"),
        NumberUnit::Money(currency) => format!("\"{}\"#,##0{places}", currency.prefix()),
    }
}

/// The widths of the columns of a table, in letters.
fn widths(table: &Table) -> Vec<usize> {
    let of_cell = |cell: &Cell| match cell {
        Cell::Words(words) => width_of(words),
        Cell::Number(number) => width_of(&wording::number(number)),
        Cell::Missing(reason) => width_of(wording::mark(*reason)),
    };
    let width = |(at, head): (usize, &String)| {
        let cells = table.rows.iter().filter_map(|row| row.get(at)).map(of_cell);
        cells.chain([width_of(head)]).max().unwrap_or(0)
    };
    table.columns.iter().enumerate().map(width).collect()
}

fn width_of(text: &str) -> usize {
    text.chars().count() + 2
}

fn column_number(column: usize) -> Result<ColNum, XlsxError> {
    ColNum::try_from(column).map_err(|_| XlsxError::RowColumnLimitError)
}

/// A drawing of the numbers on a sheet. Its words are those of the cells.
fn drawing(chart: &Chart, sheet: &str) -> Result<Drawing, XlsxError> {
    let last = RowNum::try_from(chart.categories.len()).ok().and_then(|rows| HEADS.checked_add(rows));
    let last = last.ok_or(XlsxError::RowColumnLimitError)?;
    let mut drawing = Drawing::new(match chart.kind {
        ChartKind::Bars => ChartType::Column,
        ChartKind::Lines => ChartType::Line,
    });
    for at in 0..chart.series.len() {
        let column = column_number(at + 1)?;
        let series = drawing.add_series();
        series.set_name((sheet, HEADS, column));
        series.set_categories((sheet, HEADS + 1, 0, last, 0)).set_values((sheet, HEADS + 1, column, last, column));
        let (colour, look) = (COLOURS[at % 4], (at + at / 4) % 4);
        match (chart.kind, PATTERNS[look]) {
            (ChartKind::Bars, Some(pattern)) => {
                let mut fill = ChartPatternFill::new();
                fill.set_pattern(pattern).set_foreground_color(colour).set_background_color(0xFF_FFFF);
                series.set_format(
                    ChartFormat::new().set_pattern_fill(&fill).set_border(ChartLine::new().set_color(colour)),
                );
            }
            (ChartKind::Bars, None) => {
                series.set_format(ChartSolidFill::new().set_color(colour));
            }
            (ChartKind::Lines, _) => {
                series.set_format(ChartLine::new().set_color(colour).set_dash_type(DASHES[look]));
                series.set_marker(ChartMarker::new().set_type(MARKERS[look]));
            }
        }
    }
    drawing.title().set_name((sheet, 0, 0));
    if chart.series.len() == 1 {
        drawing.legend().set_hidden();
    }
    drawing.set_width(720).set_height(380).set_alt_text(alternative(&chart.in_words));
    Ok(drawing)
}

/// A text as long as an alternative text may be. The whole text is on the sheet.
fn alternative(text: &str) -> String {
    match shortened(text, ALTERNATIVE_MAX) {
        whole if whole.len() == text.len() => text.to_owned(),
        _ => format!("{}…", shortened(text, ALTERNATIVE_MAX - 1)),
    }
}
