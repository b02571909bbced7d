//! Reads workbooks, row by row. The first row of a sheet that is not blank is its header.
//!
//! A workbook is an archive. It is looked through once before it is opened: an archive that grows too much, or that
//! holds a value without an end, is refused while it is still a file. What formulas computed is read; nothing is
//! computed here.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use zip::ZipArchive;

use super::flat::{Columns, is_blank};
use super::{Found, Take, Unfit, Wanted};

/// The most bytes of one part of a workbook that is kept in memory, such as its texts.
const KEPT_MAX: u64 = 256 << 20;
/// The most bytes of all parts.
const ALL_MAX: u64 = 8 << 30;
/// How many times larger than the archive its content may be, and from how many bytes this counts.
const GROWTH_MAX: u64 = 250;
const GROWTH_FROM: u64 = 64 << 20;
/// The longest text between two tags, in bytes. A cell of a workbook holds at most 32,767 characters.
const PIECE_MAX: u64 = 1 << 20;
/// The most columns of a sheet.
const COLUMNS_MAX: usize = 16_384;
/// The most parts of a workbook.
const PARTS_MAX: usize = 10_000;

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
            match &columns {
                Some(columns) => {
                    // Empty cells at the end of a row are not in the file.
                    let mut fields = fields;
                    fields.resize(fields.len().max(columns.count()), String::new());
                    Ok(take(columns.row(line, &fields)).is_continue())
                }
                None => {
                    let of = Columns::of(line, &fields, (at, table))?;
                    of.add_to(&mut found, &fields, table);
                    columns = Some(of);
                    Ok(true)
                }
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

/// Reads through every part of the archive and counts, without keeping anything.
fn look_through(file: &mut File, size: u64) -> Result<(), Unfit> {
    let wrong = || Unfit::wrong("this is not a workbook: save it as .xlsx");
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|_| wrong())?;
    if archive.len() > PARTS_MAX {
        return Err(Unfit::wrong(format!(
            "the workbook has more than {PARTS_MAX} parts: save the sheet as a workbook of its own"
        )));
    }
    let mut all = 0_u64;
    let mut buffer = vec![0; 1 << 16];
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).map_err(|_| wrong())?;
        let is_sheet = part.name().is_ok_and(|name| name.contains("worksheets/"));
        let (mut of_part, mut piece) = (0_u64, 0_u64);
        loop {
            let read = part.read(&mut buffer).map_err(|_| wrong())?;
            if read == 0 {
                break;
            }
            of_part += read as u64;
            all += read as u64;
            let kept = !is_sheet && of_part > KEPT_MAX;
            if kept || all > ALL_MAX || (all > GROWTH_FROM && all / size.max(1) > GROWTH_MAX) {
                let message =
                    "the workbook unpacks to far more than a workbook needs, and is not read: save the sheet as CSV";
                return Err(Unfit::wrong(message));
            }
            piece = longest(&buffer[..read], piece)?;
        }
    }
    Ok(())
}

/// Checks the text between tags. Returns the length of the piece that is not ended yet.
fn longest(part: &[u8], begun: u64) -> Result<u64, Unfit> {
    let mut piece = begun;
    for between in part.split_inclusive(|byte| *byte == b'<') {
        piece += between.len() as u64;
        if piece > PIECE_MAX {
            return Err(Unfit::wrong(
                "a cell of the workbook is longer than 1 MiB: shorten it, or save the sheet as CSV",
            ));
        }
        if between.ends_with(b"<") {
            piece = 0;
        }
    }
    Ok(piece)
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
    loop {
        let Some(cell) = cells.next_cell().map_err(|_| broken(row))? else { break };
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
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
        }
        DataRef::DateTime(length) => length.as_f64().to_string(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.trim().to_owned(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use rust_xlsxwriter::{ExcelDateTime, Format as Look, Workbook};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::tests::{rows, table, wanted};
    use super::super::{Format, Table};
    use super::*;

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

    #[test]
    fn an_archive_that_grows_without_end_is_refused() {
        let wanted = wanted(Format::Xlsx, vec![table("t", &["id"])]);
        let tags = std::io::repeat(b'<').take(100 << 20);
        let bomb = archive("xl/worksheets/sheet1.xml", &mut { tags });
        let error = rows(&bomb, &wanted).expect_err("refused").to_string();
        assert!(error.contains("unpacks to far more"), "{error}");
        let long = archive("xl/sharedStrings.xml", &mut std::io::repeat(b'x').take(4 << 20));
        assert!(rows(&long, &wanted).expect_err("refused").to_string().contains("longer than 1 MiB"));
        assert!(rows(b"id,area\n", &wanted).expect_err("refused").to_string().contains("not a workbook"));
        assert!(rows(&archive("a.txt", &mut "a".as_bytes()), &wanted).is_err());
    }
}
