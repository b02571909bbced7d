//! Reads workbooks, row by row. The first row of a sheet that is not blank is its header.
//!
//! A workbook is an archive. It is looked through once before it is opened: an archive that grows too much, or that
//! holds a value without an end, is refused while it is still a file. What formulas computed is read; nothing is
//! computed here.

use std::fs::File;
use std::io::{BufReader, Seek as _};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};

use super::archive::look_through;
use super::flat::{Columns, is_blank};
use super::{Found, Take, Unfit, Wanted};

/// The most columns of a sheet.
const COLUMNS_MAX: usize = 16_384;

pub(super) fn read(name: &str, file: File, wanted: &Wanted, take: &mut Take<'_>) -> Result<Found, Unfit> {
    let mut workbook = open(file)?;
    let mut found = Found::default();
    // Tables without a sheet are the first one. A file may hold several sheets and so several tables.
    let is_divided = wanted.tables.iter().any(|table| table.sheet.is_some());
    let tables = if is_divided { (0..wanted.tables.len()).collect() } else { vec![super::table_of(name, wanted)?] };
    for at in tables {
        let table = &wanted.tables[at];
        let sheet = sheet(&workbook, table.sheet.as_deref())?;
        let mut columns: Option<Columns> = None;
        let ended = rows(&mut workbook, &sheet, &mut |line, fields| {
            if is_blank(&fields) {
                return Ok(true);
            }
            if let Some(columns) = &columns {
                // Empty cells at the end of a row are not in the file.
                let mut fields = fields;
                fields.resize(fields.len().max(columns.count()), String::new());
                Ok(take(columns.row(line, &fields)).is_continue())
            } else {
                let of = Columns::of(line, &fields, (at, table))?;
                of.add_to(&mut found, &fields, table);
                columns = Some(of);
                Ok(true)
            }
        })?;
        if columns.is_none() {
            return Err(Unfit::wrong(format!("the sheet {sheet} is empty: give a sheet with a header")));
        }
        if !ended {
            break;
        }
    }
    Ok(found)
}

pub(super) fn header(file: File, wanted: &Wanted) -> Result<Vec<String>, Unfit> {
    let mut workbook = open(file)?;
    let sheet = sheet(&workbook, wanted.tables.first().and_then(|table| table.sheet.as_deref()))?;
    let mut header = Vec::new();
    rows(&mut workbook, &sheet, &mut |_, fields| {
        if is_blank(&fields) {
            return Ok(true);
        }
        header = fields;
        Ok(false)
    })?;
    Ok(header)
}

fn open(mut file: File) -> Result<Xlsx<BufReader<File>>, Unfit> {
    let size = file.metadata().map_err(|source| Unfit::of(0, source))?.len();
    look_through(&mut file, size)?;
    file.rewind().map_err(|source| Unfit::of(0, source))?;
    Xlsx::new(BufReader::new(file)).map_err(|error| not_a_workbook(&error))
}

fn not_a_workbook(error: &XlsxError) -> Unfit {
    match error {
        XlsxError::Password => Unfit::wrong("the workbook is protected by a password: save it without one"),
        _ => Unfit::wrong("this is not a workbook that can be read: save it again as .xlsx"),
    }
}

/// The name of the sheet to read.
fn sheet(workbook: &Xlsx<BufReader<File>>, wanted: Option<&str>) -> Result<String, Unfit> {
    let names = workbook.sheet_names();
    let found = match wanted {
        None => names.first(),
        Some(wanted) => names.iter().find(|name| name.eq_ignore_ascii_case(wanted)),
    };
    found.cloned().ok_or_else(|| {
        let wanted = wanted.unwrap_or("1");
        Unfit::wrong(format!(
            "the workbook has no sheet {wanted}, but {}: correct `sheet` in the mapping",
            names.join(", ")
        ))
    })
}

/// Gives the fields of each row of a sheet with its number, until `take` ends it. Returns whether it went to the end.
fn rows(
    workbook: &mut Xlsx<BufReader<File>>,
    sheet: &str,
    take: &mut dyn FnMut(u64, Vec<String>) -> Result<bool, Unfit>,
) -> Result<bool, Unfit> {
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(|error| not_a_workbook(&error))?;
    let mut fields: Vec<String> = Vec::new();
    let mut row = 0_u32;
    while let Some(cell) = cells.next_cell().map_err(|_| broken(row))? {
        let (of, column) = cell.get_position();
        if of != row {
            if !take(u64::from(row) + 1, std::mem::take(&mut fields))? {
                return Ok(false);
            }
            row = of;
        }
        let column = usize::try_from(column).unwrap_or(COLUMNS_MAX);
        if column >= COLUMNS_MAX {
            return Err(broken(of));
        }
        if fields.len() <= column {
            fields.resize(column + 1, String::new());
        }
        fields[column] = text(cell.get_value());
    }
    take(u64::from(row) + 1, fields)
}

fn broken(row: u32) -> Unfit {
    let message = "the sheet cannot be read from this row on: save the workbook again";
    Unfit::on_line(u64::from(row) + 1, message)
}

/// The text of a cell: numbers in full, days as 2018-01-31.
fn text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
        }
        DataRef::DateTime(length) => length.as_f64().to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.trim().to_owned(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read, Write as _};

    use rust_xlsxwriter::{ExcelDateTime, Format as Look, Workbook};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::tests::{rows, table, wanted};
    use super::super::{Format, Table};

    fn book() -> Vec<u8> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet().set_name("Referrals").expect("a name");
        for (column, head) in ["id", "received", "hours", "area"].into_iter().enumerate() {
            sheet.write_string(1, u16::try_from(column).expect("few"), head).expect("written");
        }
        sheet.write_number(2, 0, 7.0).expect("written");
        let day = ExcelDateTime::from_ymd(2018, 1, 31).expect("a day");
        sheet.write_datetime_with_format(2, 1, &day, &Look::new().set_num_format("dd/mm/yyyy")).expect("written");
        sheet.write_number(2, 2, 16.5).expect("written");
        sheet.write_string(4, 0, " 8 ").expect("written");
        let other = workbook.add_worksheet().set_name("Workers").expect("a name");
        other.write_string(0, 0, "login").expect("written");
        other.write_string(1, 0, "kw-1").expect("written");
        workbook.save_to_buffer().expect("a workbook")
    }

    #[test]
    fn numbers_and_days_are_read_as_they_are_meant_and_empty_rows_are_left_out() {
        let wanted = wanted(Format::Xlsx, vec![table("referrals", &["area", "id", "received", "hours"])]);
        let (read, _) = rows(&book(), &wanted).expect("a workbook");
        assert_eq!(read, ["0 3: |7|2018-01-31|16.5", "0 5: |8||"]);
    }

    #[test]
    fn sheets_are_tables() {
        let of = |sheet: &str, columns: &[&str]| Table { sheet: Some(sheet.to_owned()), ..table(sheet, columns) };
        let both = wanted(Format::Xlsx, vec![of("Workers", &["login"]), of("Referrals", &["id"])]);
        assert_eq!(rows(&book(), &both).expect("a workbook").0, ["0 2: kw-1", "1 3: 7", "1 5: 8"]);
        let absent = wanted(Format::Xlsx, vec![of("Cases", &["id"])]);
        let error = rows(&book(), &absent).expect_err("no sheet").to_string();
        assert!(error.contains("no sheet Cases, but Referrals, Workers"), "{error}");
    }

    fn archive(name: &str, content: &mut dyn Read) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(name, SimpleFileOptions::default().large_file(true)).expect("a part");
        std::io::copy(content, &mut archive).expect("written");
        archive.flush().expect("written");
        archive.finish().expect("an archive").into_inner()
    }

    fn refused(name: &str, content: &mut dyn Read) -> String {
        let wanted = wanted(Format::Xlsx, vec![table("t", &["id"])]);
        rows(&archive(name, content), &wanted).expect_err("refused").to_string()
    }

    #[test]
    fn an_archive_that_grows_without_end_is_refused() {
        let wanted = wanted(Format::Xlsx, vec![table("t", &["id"])]);
        let cells = format!("<c r='{}'/>", "x".repeat(1_000)).repeat(100_000);
        let error = refused("xl/worksheets/sheet1.xml", &mut cells.as_bytes());
        assert!(error.contains("unpacks to far more"), "{error}");
        let error = refused("xl/media/image1.png", &mut std::io::repeat(0).take(100 << 20));
        assert!(error.contains("unpacks to far more"), "{error}");
        assert!(rows(b"id,area\n", &wanted).expect_err("refused").to_string().contains("not a workbook"));
        assert!(rows(&archive("a.txt", &mut "a".as_bytes()), &wanted).is_err());
    }

    #[test]
    fn a_value_without_an_end_is_refused_in_whatever_it_is_hidden() {
        let long = refused("xl/sharedStrings.xml", &mut std::io::repeat(b'x').take(4 << 20));
        assert!(long.contains("longer than 1 MiB"), "{long}");
        let runs = format!("<row><c><is>{}", format!("<r><t>{}</t></r>", "x".repeat(1_000)).repeat(2_000));
        let comment = format!("<row><!--{}-->", "<".repeat(4 << 20));
        let data = format!("<row><c><v><![CDATA[{}]]>", "<".repeat(4 << 20));
        let quoted = format!("<row r='{}'>", "<".repeat(4 << 20));
        for content in [runs, comment, data, quoted] {
            let error = refused("xl/worksheets/sheet1.xml", &mut content.as_bytes());
            assert!(error.contains("longer than 1 MiB"), "{error}");
        }
        for (content, expected) in [
            ("<row><c></row>".to_owned(), "not well-formed"),
            ("<a>".repeat(100_000), "nested too deep"),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><row/>".to_owned(), "document type"),
        ] {
            let error = refused("xl/worksheets/sheet1.xml", &mut content.as_bytes());
            assert!(error.contains(expected), "{error}");
        }
    }
}
