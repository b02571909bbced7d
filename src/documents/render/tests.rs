//! Tests of the formats: one document with every kind of cell, shown in each of them and read back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};

use calamine::{Data, Reader as _, Xlsx, open_workbook_from_rs};
use chrono::{DateTime, NaiveDate, Utc};
use csv_core::{ReadRecordResult, Reader as CsvReader};
use quick_xml::Reader;
use quick_xml::events::Event;
use rust_decimal::Decimal;
use throughline_domain::fact::money::Currency;

use super::page::STYLE;
use super::{csv, page, text, workbook};
use crate::documents::{
    Cell, Chart, ChartKind, Commentary, Definition, Document, Missing, Number, NumberUnit, SHAPE, Section, Series,
    Table,
};

const LIVE: &str = "=1+1";
const MARKUP: &str = "<script>alert(\"x\")</script>";

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn plain(text: &str, unit: NumberUnit) -> Number {
    Number { value: text.parse::<Decimal>().expect("a number"), unit, is_of_few: false }
}

fn number(text: &str) -> Cell {
    Cell::Number(plain(text, NumberUnit::Plain))
}

fn percent(text: &str) -> Cell {
    Cell::Number(plain(text, NumberUnit::Percent))
}

fn words(text: &str) -> Cell {
    Cell::Words(text.to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn referrals() -> Table {
    Table {
        title: "Referrals by area, in the month and to date".to_owned(),
        columns: texts(&["Area", "Measure", "Referrals", "%", "Trend"]),
        rows: vec![
            vec![words("Brent"), words("Referrals"), number("1234"), percent("63"), words("up")],
            vec![words("Ealing"), words(LIVE), number("0"), Cell::Missing(Missing::NotApplicable), words("")],
            vec![words("Hackney"), words(MARKUP), Cell::Missing(Missing::NoData), percent("-4.5"), words("down")],
            vec![words("Total"), words("a, \"b\""), Cell::Missing(Missing::Suppressed), percent("100"), words("flat")],
        ],
    }
}

fn payments() -> Table {
    let pounds = NumberUnit::Money(Currency::named("GBP").expect("a currency"));
    let paid = Cell::Number(plain("-1234567.50", pounds));
    Table {
        title: "Referrals by area, in the month and to come".to_owned(),
        columns: texts(&["Month", "Paid", "paid"]),
        rows: vec![vec![
            words("2018-02"),
            paid,
            Cell::Number(plain("79228162514264337593543950335", NumberUnit::Days)),
        ]],
    }
}

fn chart(kind: ChartKind) -> Chart {
    let values = |of: [Option<&str>; 3]| of.map(|value| value.map(|text| plain(text, NumberUnit::Plain))).to_vec();
    let series = |title: &str, of| Series { title: title.to_owned(), values: values(of) };
    Chart {
        title: format!("Actual & target: {kind:?}"),
        kind,
        in_words: format!("Brent is highest with 55 {MARKUP}."),
        categories: texts(&["Brent", "Ealing", "Waltham Forest <north> and all that is beside it"]),
        series: vec![
            series("Actual", [Some("55"), None, Some("-7.5")]),
            series("Target", [Some("50"), Some("40"), None]),
        ],
    }
}

fn document() -> Document {
    let definition = |code: &str, title: &str, version: Option<&str>| Definition {
        code: code.to_owned(),
        title: title.to_owned(),
        prose: "Cases referred in the period.".to_owned(),
        formula: "count of <referred>".to_owned(),
        version: version.map(str::to_owned),
    };
    Document {
        shape: SHAPE,
        contract: "shps".to_owned(),
        contract_title: "Supported housing & \"more\"".to_owned(),
        report: "board".to_owned(),
        title: "Board report".to_owned(),
        first_day: day("2018-02-01"),
        last_day: day("2018-02-28"),
        period: "February 2018".to_owned(),
        is_provisional: true,
        hides_small_counts: false,
        as_of: day("2018-02-20"),
        position: 12_345,
        recorded_through: Some("2018-02-21T09:30:00Z".parse::<DateTime<Utc>>().expect("an instant")),
        rulebook_version: "3".to_owned(),
        sections: vec![
            Section {
                code: "referrals".to_owned(),
                title: "Referrals <all>".to_owned(),
                commentary: vec![Commentary {
                    on: day("2018-03-05"),
                    text: format!("Two sites opened. {LIVE} {MARKUP}"),
                }],
                tables: vec![referrals()],
                charts: vec![chart(ChartKind::Bars), chart(ChartKind::Lines)],
            },
            Section {
                code: "payments".to_owned(),
                title: "Payments".to_owned(),
                commentary: Vec::new(),
                tables: vec![payments()],
                charts: Vec::new(),
            },
        ],
        definitions: vec![definition("stage:referred", "Referrals", Some("3")), definition("exits", "Exits", None)],
        notes: texts(&["Hackney supplies no contacts from 1 January 2018."]),
    }
}

/// A document with nothing in it.
fn empty() -> Document {
    Document { recorded_through: None, sections: Vec::new(), definitions: Vec::new(), notes: Vec::new(), ..document() }
}

#[test]
fn text_has_aligned_tables_and_the_sentences_of_charts() {
    let text = text(&document());
    let expected = "Board report: February 2018
Contract: Supported housing & \"more\" (shps).
Period: February 2018 (1 February 2018 to 28 February 2018). Provisional: the period was not over on the as-of date, \
so figures may still change.
As of 20 February 2018, with everything recorded by 21 February 2018, 09:30:00 UTC (position 12,345). Rulebook \
version 3.

Referrals <all>
===============
  5 March 2018: Two sites opened. =1+1 <script>alert(\"x\")</script>

Referrals by area, in the month and to date
  Area     Measure                      Referrals       %  Trend
  Brent    Referrals                        1,234    63 %  up
  Ealing   =1+1                                 0
  Hackney  <script>alert(\"x\")</script>    no data  -4.5 %  down
  Total    a, \"b\"                             [c]   100 %  flat

Actual & target: Bars: Brent is highest with 55 <script>alert(\"x\")</script>.
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("  2018-02  -£1,234,567.50  79,228,162,514,264,337,593,543,950,335\n"), "{text}");
    assert!(
        text.contains("\n  Referrals (stage:referred): Cases referred in the period. Formula: count of <referred>.")
    );
    assert!(text.contains("Notes\n=====\n  Hackney supplies no contacts"));
}

#[test]
fn no_text_can_steer_the_terminal() {
    let mut steering = document();
    steering.sections[0].commentary[0].text = "red \u{1b}[31m\r\n\u{9b}1m".to_owned();
    steering.sections[0].tables[0].rows[0][0] = words("B\nrent");
    let text = text(&steering);
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
    assert!(text.contains("  5 March 2018: red  [31m   1m\n") && text.contains("  B rent   Referrals "), "{text}");
}

/// All records of a CSV, as any reader finds them.
fn records(csv: &str) -> Vec<Vec<String>> {
    let (mut reader, mut input) = (CsvReader::new(), csv.as_bytes());
    let (mut fields, mut ends, mut records) = (vec![0; 65_536], vec![0; 64], Vec::new());
    loop {
        let (result, read, _, ended) = reader.read_record(input, &mut fields, &mut ends);
        input = &input[read..];
        match result {
            ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let of = |(start, end): (usize, usize)| String::from_utf8(fields[start..end].to_vec()).expect("text");
                records.push(starts.zip(ends[..ended].iter().copied()).map(of).collect());
            }
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::End => return records,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn csv_is_one_table_of_all_cells() {
    let records = records(&csv(&document()));
    assert!(records.iter().all(|record| record.len() == 17), "every line is as long as the first");
    assert_eq!(records.len(), 1 + 4 * 5 + 2 * 3 * 2 + 3);
    let of = |section: &str, kind: &str, row: &str, column: &str| -> Vec<String> {
        let is_it =
            |record: &&Vec<String>| record[8..10] == [section, kind] && record[11] == row && record[13] == column;
        records.iter().find(is_it).expect("the cell is there")[12..].to_vec()
    };
    assert_eq!(
        of("referrals", "table", "1", "Referrals"),
        ["Brent, Referrals", "Referrals", "1234", "number", "value"]
    );
    assert_eq!(of("referrals", "table", "2", "%")[2..], ["", "", "not_applicable"]);
    assert_eq!(of("referrals", "table", "3", "Referrals")[2..], ["", "", "no_data"]);
    assert_eq!(of("referrals", "table", "3", "%")[2..], ["-4.5", "percent", "value"], "a number keeps its sign");
    assert_eq!(of("referrals", "table", "4", "Referrals")[2..], ["", "", "suppressed"]);
    assert_eq!(of("referrals", "table", "4", "Measure")[2..], ["a, \"b\"", "words", "value"]);
    assert_eq!(of("referrals", "chart", "2", "Actual")[2..], ["", "", "not_available"]);
    assert_eq!(of("payments", "table", "1", "Paid")[2..], ["-1234567.50", "GBP", "value"]);
    let about = ["shps", "board", "2018-02-01", "2018-02-28", "true", "2018-02-20", "12345", "3"];
    assert!(records[1..].iter().all(|record| record[..8] == about));
}

#[test]
fn text_in_a_csv_is_never_a_formula() {
    let records = records(&csv(&document()));
    let measure = records.iter().find(|record| record[13] == "Measure" && record[11] == "2").expect("it is there");
    assert_eq!(measure[14], format!("'{LIVE}"));
    let is_live =
        |cell: &String| cell.starts_with(['=', '+', '@']) || cell.starts_with('-') && cell.parse::<f64>().is_err();
    assert!(!records.iter().flatten().any(is_live));
}

fn read(bytes: Vec<u8>) -> Xlsx<Cursor<Vec<u8>>> {
    open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook")
}

/// What a spreadsheet finds in a cell of a document.
fn expected(cell: &Cell) -> Data {
    let text = |text: &str| if text.is_empty() { Data::Empty } else { Data::String(text.to_owned()) };
    match cell {
        Cell::Words(words) => text(words),
        Cell::Number(number) if number.value == Decimal::MAX => text(&Decimal::MAX.to_string()),
        Cell::Number(number) => Data::Float(number.value.to_string().parse().expect("a number")),
        Cell::Missing(Missing::NoData) => text("[x]"),
        Cell::Missing(Missing::NotApplicable) => text("[z]"),
        Cell::Missing(Missing::Suppressed) => text("[c]"),
    }
}

#[test]
fn every_cell_of_a_table_is_read_back_from_the_workbook() {
    let document = document();
    let mut book = read(workbook(&document).expect("it fits"));
    let names = book.sheet_names();
    assert_eq!(
        names,
        [
            "Contents",
            "Commentary",
            "Referrals by area, in the month",
            "Actual & target Bars",
            "Actual & target Lines",
            "Referrals by area, in the mon 2",
            "Notes and definitions"
        ]
    );
    for (name, table) in [(&names[2], referrals()), (&names[5], payments())] {
        let sheet = book.worksheet_range(name).expect("the sheet is there");
        let at = |row: usize, column: usize| {
            let place = (u32::try_from(row).expect("few"), u32::try_from(column).expect("few"));
            sheet.get_value(place).cloned().unwrap_or_default()
        };
        assert_eq!(at(0, 0), Data::String(table.title.clone()));
        let Data::String(view) = at(1, 0) else { panic!("no point of view on {name}") };
        assert!(view.starts_with("Period: February 2018") && view.contains("As of 20 February 2018"), "{view}");
        for (column, head) in table.columns.iter().enumerate() {
            assert_eq!(at(3, column), Data::String(head.clone()));
        }
        for (row, cells) in table.rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                assert_eq!(at(row + 4, column), expected(cell), "{name}, row {row}, column {column}");
            }
        }
        assert_eq!(sheet.end().expect("cells").0, u32::try_from(3 + table.rows.len()).expect("few"));
        assert!(book.worksheet_formula(name).expect("it is there").is_empty(), "no cell is a formula");
    }
}

#[test]
fn money_has_its_currency_in_every_format() {
    let document = document();
    assert!(page(&document).contains("-£1,234,567.50"));
    let styles = part(&workbook(&document).expect("it fits"), "xl/styles.xml");
    assert!(styles.contains("&quot;£&quot;#,##0.00"), "{styles}");
    let json = serde_json::to_string(&document).expect("JSON");
    assert!(json.contains(r#""value":"-1234567.50","unit":{"money":"GBP"}"#), "{json}");
    assert_eq!(serde_json::from_str::<Document>(&json).expect("a document"), document);
}

#[test]
fn the_workbook_lists_its_sheets_and_explains_its_marks_and_measures() {
    let mut book = read(workbook(&document()).expect("it fits"));
    let mut cells = |name: &str| -> Vec<String> {
        let sheet = book.worksheet_range(name).expect("the sheet is there");
        sheet.used_cells().map(|(_, _, cell)| cell.to_string()).collect()
    };
    let contents = cells("Contents");
    for name in ["Commentary", "Actual & target Bars", "Referrals by area, in the mon 2", "Notes and definitions"] {
        assert!(contents.iter().any(|cell| cell == name), "{name} is not in {contents:?}");
    }
    let notes = cells("Notes and definitions");
    for text in ["[x]", "[z]", "[c]", "stage:referred", "count of <referred>", "every contract"] {
        assert!(notes.iter().any(|cell| cell == text), "{text} is not in {notes:?}");
    }
    assert!(notes.contains(&"Hackney supplies no contacts from 1 January 2018.".to_owned()));
    let marks = &cells("Referrals by area, in the month")[2];
    assert!(["[x]", "[z]", "[c]"].iter().all(|mark| marks.contains(mark)), "{marks}");
    assert!(cells("Commentary").iter().any(|cell| cell.starts_with("Two sites opened. =1+1")));
}

/// The text of a part of a workbook.
fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut text = String::new();
    archive.by_name(name).expect(name).read_to_string(&mut text).expect("text");
    text
}

#[test]
fn charts_of_a_workbook_have_alternative_text_that_fits() {
    let mut document = document();
    document.sections[0].charts[1].in_words = "ü".repeat(300);
    let bytes = workbook(&document).expect("it fits");
    let bars = part(&bytes, "xl/drawings/drawing1.xml");
    assert!(bars.contains("descr=\"Brent is highest with 55 &lt;script&gt;"), "{bars}");
    assert!(part(&bytes, "xl/drawings/drawing2.xml").contains(&format!("descr=\"{}…\"", "ü".repeat(254))));
    assert!(part(&bytes, "xl/charts/chart2.xml").contains("<c:lineChart>"));
    let mut book = read(bytes);
    let sheet = book.worksheet_range("Actual & target Lines").expect("the sheet is there");
    assert_eq!(sheet.get_value((2, 0)).map(ToString::to_string).unwrap_or_default().matches('ü').count(), 300);
    assert_eq!(sheet.get_value((5, 1)), Some(&Data::Empty), "text would be drawn as 0");
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let (one, other) = (workbook(&document()).expect("it fits"), workbook(&document()).expect("it fits"));
    assert!(one == other);
    assert!(part(&one, "docProps/core.xml").contains("2018-02-21T09:30:00Z"));
    assert!(part(&workbook(&empty()).expect("it fits"), "docProps/core.xml").contains("2018-02-28T00:00:00Z"));
    assert_eq!(page(&document()), page(&document()));
}

/// An element of a page.
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    is_in_svg: bool,
}

/// The elements of a page, in order. It must be well formed.
fn elements(page: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(page);
    let (mut open, mut found): (Vec<String>, Vec<Element>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().expect("it is well formed");
        if let Event::Start(start) | Event::Empty(start) = &event {
            let attributes = start.attributes().map(|attribute| {
                let attribute = attribute.expect("it is well formed");
                (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
            });
            let is_in_svg = open.iter().any(|name| name == "svg");
            found.push(Element { name: start.name().as_ref().to_owned(), attributes: attributes.collect(), is_in_svg });
        }
        match event {
            Event::Start(start) => open.push(start.name().as_ref().to_owned()),
            Event::End(_) => drop(open.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, Vec::<String>::new(), "every element is closed");
    found
}

/// The values of an attribute in all elements.
fn values<'a>(elements: &'a [Element], attribute: &'static str) -> Vec<&'a str> {
    elements.iter().filter_map(|element| element.attributes.get(attribute)).map(String::as_str).collect()
}

#[test]
fn a_page_is_well_formed_and_each_table_has_a_caption_and_each_chart_a_title() {
    for document in [document(), empty()] {
        let elements = elements(&page(&document));
        let of = |name: &str| elements.iter().filter(|element| element.name == name).count();
        let in_svg = |name: &str| elements.iter().filter(|found| found.name == name && found.is_in_svg).count();
        let charts: usize = document.sections.iter().map(|section| section.charts.len()).sum();
        let tables = charts + document.sections.iter().map(|section| section.tables.len()).sum::<usize>();
        assert_eq!((of("h1"), of("main"), of("table"), of("caption")), (1, 1, tables, tables));
        assert_eq!((of("svg"), in_svg("title"), in_svg("desc")), (charts, charts, charts));
        for Element { name, attributes, .. } in &elements {
            assert!(name != "th" || attributes.contains_key("scope"), "{attributes:?}");
            assert!(name != "svg" || attributes.get("role").is_some_and(|role| role == "img"), "{attributes:?}");
        }
    }
}

#[test]
fn ids_of_a_page_are_distinct_and_every_link_has_its_place() {
    let elements = elements(&page(&document()));
    let ids = values(&elements, "id");
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len());
    let links = values(&elements, "href").into_iter();
    let links: Vec<&str> = links.map(|link| link.strip_prefix('#').expect("no link leads elsewhere")).collect();
    let labels = values(&elements, "aria-labelledby").into_iter().flat_map(str::split_whitespace);
    let fills = values(&elements, "fill").into_iter().filter_map(|fill| fill.strip_prefix("url(#")?.strip_suffix(')'));
    for id in links.iter().copied().chain(labels).chain(fills) {
        assert!(distinct.contains(id), "{id} is nowhere");
    }
    assert_eq!(links.iter().filter(|link| **link == "definition-1").count(), 2, "a column and a row name the measure");
}

#[test]
fn a_page_asks_for_nothing_and_runs_nothing() {
    let page = page(&document());
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"));
    assert!(!page.contains("http") && !page.contains("@import") && !STYLE.contains("url("));
    for element in elements(&page) {
        assert!(!["script", "link", "img", "iframe", "object"].contains(&element.name.as_str()), "{}", element.name);
        let is_live = |name: &String| name.starts_with("on") || name == "src" || name == "style";
        assert!(!element.attributes.keys().any(is_live), "{:?}", element.attributes);
    }
    assert!(!STYLE.contains(['<', '>', '&', '"']), "in a style nothing is escaped");
}

#[test]
fn a_page_says_why_a_cell_has_no_number() {
    let page = page(&document());
    for mark in [">n/a</abbr>", ">no data</abbr>", ">[c]</abbr>"] {
        assert_eq!(page.matches(mark).count(), 2, "{mark}: in the table and in its explanation");
    }
    assert!(page.contains("no value"), "a chart says where it has none");
    assert!(page.contains("class=\"provisional\""));
}
