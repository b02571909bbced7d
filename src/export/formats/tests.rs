//! Every format gives back what was written, whatever is in it, and the same bytes for the same rows.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::record::Field;
use calamine::{Data, Reader as _, Xlsx};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::parquet::Groups;
use super::workbook::Sheets;
use super::{Format, TableWriter, WriteError, writer};
use crate::export::table::Description;
use crate::export::tables::{Cell, Head, Kind, Row, Table};
use throughline_domain::fact::envelope::Position;
use throughline_domain::fact::money::Money;
use throughline_domain::world::day;

/// An output that can be read afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while writing").clone()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while writing").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const KINDS: [(&str, Kind); 8] = [
    ("id", Kind::Uuid),
    ("label", Kind::Text),
    ("count", Kind::Integer),
    ("hours", Kind::Decimal),
    ("amount", Kind::Money),
    ("on", Kind::Date),
    ("at", Kind::Instant),
    ("flag", Kind::Boolean),
];

/// A table with a column of each type, once with a value in every row and once not.
fn described() -> Description {
    let head = |(name, kind): &(&str, Kind), is_optional: bool| Head {
        name: if is_optional { format!("optional_{name}") } else { (*name).to_owned() },
        kind: *kind,
        unit: None,
        meaning: format!("the \"{name}\""),
        is_optional,
        hidden_by: None,
    };
    let columns = KINDS.iter().map(|kind| head(kind, false)).chain(KINDS.iter().map(|kind| head(kind, true)));
    Description {
        table: Table::Spells,
        columns: columns.collect(),
        contract: "shps".to_owned(),
        title: "SHPS".to_owned(),
        rulebook: "2017".to_owned(),
        currency: "GBP".to_owned(),
        as_of: day("2018-02-28"),
        position: Position(7),
        is_pseudonymous: false,
        parked: 0,
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn values(nth: u128, text: &str) -> Row {
    vec![
        Cell::Uuid(Uuid::from_u128(nth)),
        Cell::Text(text.to_owned()),
        Cell::Integer(-42),
        Cell::Decimal(decimal("37.5")),
        Cell::Money(Money::of(decimal("-1234.5"), "GBP")),
        Cell::Date(day("1969-12-31")),
        Cell::Instant("2018-03-01T09:00:00.000001Z".parse().expect("an instant")),
        Cell::Boolean(true),
    ]
}

/// Rows with texts that formats must not change, with and without values.
fn rows() -> Vec<Row> {
    let nulls = || vec![Cell::Null; KINDS.len()];
    let texts = ["", "=1+1", "a \"quoted\", text\r\nof two lines", "é 🏠", "@SUM(A1)", "'"];
    let row = |(nth, text): (u128, &str)| {
        let rest = if nth % 2 == 0 { values(nth + 100, text) } else { nulls() };
        [values(nth, text), rest].concat()
    };
    (0..).zip(texts).map(row).collect()
}

fn written(make: impl FnOnce(Box<Kept>) -> Result<Box<dyn TableWriter>, WriteError>) -> Vec<u8> {
    let kept = Kept::default();
    let mut writer = make(Box::new(kept.clone())).expect("a writer");
    let rows = rows();
    let (first, second) = rows.split_at(2);
    writer.rows(first).expect("written");
    writer.rows(&[]).expect("written");
    writer.rows(second).expect("written");
    writer.finish().expect("finished");
    kept.bytes()
}

fn in_format(format: Format) -> Vec<u8> {
    written(|out| writer(format, &described(), out))
}

/// The JSON of a value, as lines write it.
fn json_of(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => json!(number),
        Cell::Boolean(flag) => json!(flag),
        other => json!(super::text(other)),
    }
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    for format in Format::ALL {
        assert!(in_format(format) == in_format(format), "{format:?}");
        assert_eq!(Format::named(format.as_str()), Some(format));
    }
}

#[test]
fn lines_are_objects_with_every_column_in_order() {
    let text = String::from_utf8(in_format(Format::Ndjson)).expect("text");
    assert!(
        text.starts_with("{\"id\":\"00000000-0000-0000-0000-000000000000\",\"label\":\"\",\"count\":-42,"),
        "{text}"
    );
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (heads, rows) = (described().columns, rows());
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(&rows) {
        for (head, cell) in heads.iter().zip(row) {
            assert_eq!(line[&head.name], json_of(cell), "{}", head.name);
        }
    }
    assert_eq!(lines[0]["amount"], "-1234.50");
    assert_eq!(lines[0]["at"], "2018-03-01T09:00:00.000001Z");
}

/// The fields of a CSV, each with whether it was in quotation marks.
fn fields(text: &str) -> Vec<Vec<(String, bool)>> {
    let (mut lines, mut line, mut field, mut quoted, mut inside) =
        (Vec::new(), Vec::new(), String::new(), false, false);
    let mut rest = text.chars().peekable();
    while let Some(sign) = rest.next() {
        match sign {
            '"' if inside && rest.peek() == Some(&'"') => field.extend(rest.next()),
            '"' => (inside, quoted) = (!inside, true),
            ',' | '\n' if !inside => {
                line.push((std::mem::take(&mut field), std::mem::take(&mut quoted)));
                if sign == '\n' {
                    lines.push(std::mem::take(&mut line));
                }
            }
            '\r' if !inside => {}
            sign => field.push(sign),
        }
    }
    assert!(line.is_empty() && field.is_empty(), "the last line ends");
    lines
}

#[test]
fn a_csv_reads_back_unchanged_and_an_empty_text_is_not_the_same_as_no_value() {
    let lines = fields(&String::from_utf8(in_format(Format::Csv)).expect("text"));
    let names: Vec<&str> = lines[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, described().columns.iter().map(|head| head.name.as_str()).collect::<Vec<_>>());
    for (line, row) in lines[1..].iter().zip(rows()) {
        let found: Vec<Option<String>> =
            line.iter().map(|(field, quoted)| (*quoted || !field.is_empty()).then(|| field.clone())).collect();
        assert_eq!(found, row.iter().map(super::text).collect::<Vec<_>>());
    }
}

/// A field of a Parquet file as lines write it.
fn of_parquet(field: &Field, kind: Kind) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => json!(flag),
        Field::Long(number) => json!(number),
        Field::Str(text) => json!(text),
        Field::Bytes(bytes) => json!(Uuid::from_slice(bytes.data()).expect("an id").to_string()),
        Field::Date(days) => json!((day("1970-01-01") + chrono::TimeDelta::days((*days).into())).to_string()),
        Field::TimestampMicros(micros) => {
            let at = chrono::DateTime::from_timestamp_micros(*micros).expect("an instant");
            json!(super::text(&Cell::Instant(at)))
        }
        Field::Decimal(number) => {
            let units = i64::from_be_bytes(number.data().try_into().expect("64 bits"));
            let number = Decimal::new(units, u32::try_from(number.scale()).expect("a scale"));
            let cell = if kind == Kind::Money { Cell::Money(Money::exactly(number)) } else { Cell::Decimal(number) };
            json!(super::text(&cell))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn parquet_reads_back_with_its_types_in_groups_and_says_what_it_is() {
    let bytes = written(|out| Ok(Box::new(Groups::with(&described(), out, 4)?)));
    let reader = SerializedFileReader::new(axum::body::Bytes::from(bytes)).expect("a Parquet file");
    let metadata = reader.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    let pairs = metadata.file_metadata().key_value_metadata().expect("a description");
    let of = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    let schema: Value = serde_json::from_str(&of("throughline").expect("the table")).expect("JSON");
    assert_eq!(schema["x-columns"][1], "label");
    assert_eq!(of("throughline.column.label").as_deref(), Some("the \"label\""));
    let read: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
    let (heads, rows) = (described().columns, rows());
    assert_eq!(read.len(), rows.len());
    for (found, row) in read.iter().zip(&rows) {
        for ((head, cell), (name, field)) in heads.iter().zip(row).zip(found.get_column_iter()) {
            assert_eq!((name, of_parquet(field, head.kind)), (&head.name, json_of(cell)));
        }
    }
}

#[test]
fn a_workbook_reads_back_cell_for_cell_in_as_many_sheets_as_it_needs() {
    let bytes = written(|out| Ok(Box::new(Sheets::with(&described(), out, 5)?)));
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    assert_eq!(book.sheet_names(), ["spells", "spells 2", "columns"]);
    let first = book.worksheet_range("spells").expect("a sheet");
    let second = book.worksheet_range("spells 2").expect("a sheet");
    assert_eq!(second.get_value((0, 0)), Some(&Data::String("id".to_owned())));
    let shown = |range: &calamine::Range<Data>, at: (u32, u32)| range.get_value(at).cloned().unwrap_or_default();
    for (nth, row) in (0_u32..).zip(rows()) {
        let (sheet, line) = if nth < 4 { (&first, nth + 1) } else { (&second, nth - 3) };
        for (column, cell) in (0_u32..).zip(&row) {
            let found = shown(sheet, (line, column));
            let is_same = match (&found, cell) {
                (Data::Empty, Cell::Null) => true,
                // An empty text is an empty cell.
                (Data::Empty, Cell::Text(text)) => text.is_empty(),
                (Data::Bool(found), Cell::Boolean(flag)) => found == flag,
                (Data::DateTime(found), Cell::Date(day)) => {
                    found.as_f64().to_string() == (day_number(*day)).to_string()
                }
                (Data::Float(found), number) => {
                    Some(found.to_string()) == super::text(number).map(|text| shortest(&text))
                }
                (Data::Int(found), number) => Some(found.to_string()) == super::text(number),
                (Data::String(found), other) => {
                    Some(found.replace(['\r', '\n'], ""))
                        == super::text(other).map(|text| text.replace(['\r', '\n'], ""))
                }
                _ => false,
            };
            assert!(is_same, "{nth} {column}: {found:?} {cell:?}");
        }
    }
    let columns = book.worksheet_range("columns").expect("a sheet");
    assert!(columns.rows().any(|row| row[0] == Data::String("optional_flag".to_owned())));
}

/// A day as a spreadsheet counts it.
fn day_number(on: chrono::NaiveDate) -> i64 {
    (on - day("1899-12-30")).num_days()
}

/// A number without the zeros at its end.
fn shortest(text: &str) -> String {
    decimal(text).normalize().to_string()
}

#[test]
fn a_number_with_too_many_digits_for_a_spreadsheet_is_a_text_and_for_parquet_refused() {
    let head = Head {
        name: "hours".to_owned(),
        kind: Kind::Decimal,
        unit: None,
        meaning: String::new(),
        is_optional: false,
        hidden_by: None,
    };
    let described = Description { columns: vec![head], ..described() };
    let long = "1234567890.1234567";
    let kept = Kept::default();
    let mut sheets = writer(Format::Xlsx, &described, Box::new(kept.clone())).expect("a writer");
    sheets.rows(&[vec![Cell::Decimal(decimal(long))]]).expect("written");
    sheets.finish().expect("finished");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(kept.bytes())).expect("a workbook");
    let range = book.worksheet_range("spells").expect("a sheet");
    assert_eq!(range.get_value((1, 0)), Some(&Data::String(long.to_owned())));
    let mut groups = writer(Format::Parquet, &described, Box::new(Kept::default())).expect("a writer");
    let refused = groups.rows(&[vec![Cell::Decimal(decimal(long))]]).expect_err("too many digits");
    assert!(refused.to_string().starts_with("column hours: 1234567890.1234567 has more digits"), "{refused}");
}
