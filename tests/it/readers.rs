//! What other programs make of documents: every page of every pack is valid HTML by the validator of `tests/pages`, and
//! in the longer runs `LibreOffice` opens every workbook, cell for cell.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use calamine::{Data, Reader as _, Xlsx, open_workbook};
use serde_json::json;
use throughline::access::Role;
use throughline_domain::contract::rulebook::packs::packs;

use crate::app::{SHPS, TestApp, administrator, from_the_instant, test_caller, text};
use crate::field::is_full;

/// Where the validator is.
const VALIDATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages");

/// The documents of all reports of all packs, by the name of a file: with a case in the first one, and a month that has
/// just begun.
async fn documents(app: &TestApp, format: &str) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for pack in packs() {
        let chief = test_caller(Role::Manager, "chief", &[pack.code]);
        let asked = format!("{{ contract(code: \"{}\") {{ reports {{ code }} }} }}", pack.code);
        let reports = app.ask(&chief, &asked, json!({})).await["contract"]["reports"].clone();
        for report in reports.as_array().expect("reports").iter().map(|report| text(&report["code"])) {
            let asked = format!(
                "{{ contract(code: \"{}\") {{ report(code: \"{report}\", on: \"2022-02-10\") {{ content(format: {format}) \
                 }} }} }}",
                pack.code
            );
            let found = app.ask(&chief, &asked, json!({})).await;
            documents.insert(format!("{}-{report}", pack.code), text(&found["contract"]["report"]["content"]));
        }
    }
    assert!(documents.len() > packs().len(), "packs have several reports");
    documents
}

/// Opens a contract with each pack.
async fn open_packs(app: &TestApp) {
    for pack in packs() {
        let input = json!({ "code": pack.code, "name": pack.code, "startsOn": "2021-04-01", "rulebook": pack.text });
        app.done(&administrator(), "openContract", input).await;
    }
    let chief = test_caller(Role::Manager, "chief", &[SHPS]);
    for n in 1..=7 {
        let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": format!("2022-01-{n:02}") });
        app.done(&chief, "receiveReferral", input).await;
    }
    let period = json!({ "first": "2022-02-01", "last": "2022-02-28" });
    let said = json!({
        "contract": SHPS, "report": "monthly", "period": period, "section": "funnel", "text": "slow & <steady>",
        "occurredOn": "2022-02-10",
    });
    app.done(&chief, "recordCommentary", said).await;
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the validator says of the pages in a folder, and whether it found no fault.
pub(crate) fn validated(folder: &Path) -> (bool, String) {
    assert!(
        Path::new(VALIDATOR).join("node_modules").exists(),
        "the validator of pages is not installed: run `make node-packages`"
    );
    let mut node = Command::new("node");
    let ran = node.arg(Path::new(VALIDATOR).join("check.mjs")).arg(folder).output();
    let ran = ran.expect("node is missing: install Node.js 20.19 or later");
    assert!(matches!(ran.status.code(), Some(0 | 1)), "the validator did not run: {}", said(&ran));
    (ran.status.success(), said(&ran))
}

#[tokio::test]
async fn every_page_of_every_pack_is_valid_html() {
    from_the_instant("2022-03-02T09:00:00Z", async |app: &TestApp| {
        open_packs(app).await;
        let folder = tempfile::tempdir().expect("a folder");
        for (name, page) in documents(app, "HTML").await {
            std::fs::write(folder.path().join(format!("{name}.html")), page).expect("a page");
        }
        let (is_valid, words) = validated(folder.path());
        assert!(is_valid, "{words}");
    })
    .await;
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>A page</title></head><body><h1>A \
        page</h1><p id=\"a\">One<p id=\"a\">Two</p><img src=\"a.png\"></body></html>";
    std::fs::write(folder.path().join("wrong.html"), page).expect("a page");
    let (is_valid, words) = validated(folder.path());
    assert!(!is_valid && words.contains("Duplicate ID \"a\"") && words.contains("wrong.html:1:"), "{words}");
    assert!(words.contains("alt"), "a picture without an alternative: {words}");
}

/// The sheets of a workbook as `LibreOffice` writes them: the cells of each by its name, as they are shown.
fn opened_by_libreoffice(workbook: &Path) -> BTreeMap<String, Vec<Vec<String>>> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut office = Command::new("soffice");
    let profile = format!("-env:UserInstallation=file://{}", folder.path().join("profile").display());
    let csv = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";
    office.args([profile.as_str(), "--headless", "--convert-to", csv, "--outdir"]);
    let ran = office.arg(folder.path()).arg(workbook).output();
    let ran = ran.expect("LibreOffice is missing: install Debian's libreoffice-calc-nogui, or its like");
    assert!(ran.status.success(), "LibreOffice does not open {}: {}", workbook.display(), said(&ran));
    let stem = workbook.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut sheets = BTreeMap::new();
    for file in std::fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file").path()) {
        let Some(name) = sheet_of(&file, &stem) else { continue };
        let lines = std::fs::read_to_string(&file).expect("a sheet");
        sheets.insert(name, records(&lines));
    }
    sheets
}

/// The sheet that a file holds, by its name.
fn sheet_of(file: &Path, stem: &str) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    Some(name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(".csv")?.to_owned())
}

/// The records of a text of comma-separated values.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut letters, mut is_quoted) = (text.chars().peekable(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    records
}

/// The words that a cell shows. None for a number, which is shown in its own format.
fn words_of(cell: &Data) -> Option<String> {
    match cell {
        Data::String(words) => Some(words.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn libreoffice_opens_every_workbook_and_shows_every_cell() {
    if !is_full() {
        return;
    }
    from_the_instant("2022-03-02T09:00:00Z", async |app: &TestApp| {
        open_packs(app).await;
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in documents(app, "XLSX").await {
            let path = folder.path().join(format!("{name}.xlsx"));
            std::fs::write(&path, BASE64_STANDARD.decode(content).expect("base64")).expect("a workbook");
            let shown = opened_by_libreoffice(&path);
            let mut book: Xlsx<_> = open_workbook(&path).expect("a workbook");
            assert_eq!(shown.len(), book.sheet_names().len(), "{name}: {:?}", shown.keys());
            for sheet in book.sheet_names() {
                let cells = book.worksheet_range(&sheet).expect("a sheet");
                let rows = &shown[&sheet];
                for (row, column, cell) in cells.used_cells() {
                    let found = &rows[row][column];
                    let is_same = match words_of(cell) {
                        Some(words) => *found == words,
                        None => found.chars().any(|letter| letter.is_ascii_digit()),
                    };
                    assert!(is_same, "{name}, {sheet}, row {row}, column {column}: {found:?} is not {cell:?}");
                }
            }
        }
    })
    .await;
}

#[test]
fn records_are_read_with_their_quotes() {
    let expected = [vec!["a".to_owned(), "b, \"c\"".to_owned()], vec![String::new(), "d".to_owned()]];
    assert_eq!(records("a,\"b, \"\"c\"\"\"\n,d\n"), expected);
    assert!(records("").is_empty());
}
