//! Reports as documents: the API and `throughline report` show the same one, and its numbers are those of the figures.

use std::collections::BTreeMap;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::command::Command as Fact;
use throughline_domain::fact::envelope::StreamId;
use throughline_domain::fact::event::{MeasureRecorded, Quantity};
use throughline_domain::world::when;

use crate::app::{SHPS, TestApp, administrator, from_the_instant, manager, on_both_stores, test_caller, text, with};

const CELLS: &str = "sections { code commentary { on text } charts { title kind inWords series { title values } }
    tables { title columns rows { words value unit missing } } }";
/// The as-of date of most documents.
const FEBRUARY_ENDS: &str = "2018-02-28";

/// Five referrals to Brent in January and eleven in February, against 4.5 a month. Ealing has a target of 0 and no
/// referral.
async fn record_referrals(app: &TestApp) {
    let months = json!([{ "month": "2018-01-01", "target": "0" }, { "month": "2018-02-01", "target": "0" }]);
    let series = json!([
        { "measure": "referral", "area": "brent", "years": [{ "year": "2017-04-01", "target": "54" }] },
        { "measure": "referral", "area": "ealing", "months": months },
    ]);
    let input = json!({ "contract": SHPS, "profile": "contract", "series": series, "occurredOn": "2018-01-01" });
    app.done(&administrator(), "publishTargets", input).await;
    for (month, count) in [("2018-01", 5), ("2018-02", 11)] {
        for n in 1..=count {
            app.receive_referral(&format!("{month}-{n:02}"), &format!("BR-{month}-{n}")).await;
        }
    }
}

/// The document of a report for the period that holds a day.
async fn document(app: &TestApp, who: &Principal, (contract, report, on): (&str, &str, &str)) -> Value {
    let asked = format!(
        "query($at: ContractAt) {{ contract(code: \"{contract}\", at: $at) {{ report(code: \"{report}\", on: \"{on}\") \
         {{ title period first last provisional notes definitions {{ code }} {CELLS} content(format: JSON) }} }} }}"
    );
    let data = app.ask(who, &asked, json!({ "at": { "asOf": FEBRUARY_ENDS } })).await;
    data["contract"]["report"].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn section<'v>(document: &'v Value, code: &str) -> &'v Value {
    let found = list(&document["sections"]).iter().find(|section| section["code"] == code);
    found.unwrap_or_else(|| panic!("no section {code}: {document:#}"))
}

fn table<'v>(document: &'v Value, title: &str) -> &'v Value {
    let tables: Vec<&Value> = list(&document["sections"]).iter().flat_map(|section| list(&section["tables"])).collect();
    let titles: Vec<String> = tables.iter().map(|table| text(&table["title"])).collect();
    let found = tables.into_iter().find(|table| table["title"] == title);
    found.unwrap_or_else(|| panic!("no table {title:?} among {titles:#?}"))
}

/// The rows of a table whose first words are these, each cell by the head of its column: words, a number, or the reason
/// why there is none.
fn rows(table: &Value, first: &[&str]) -> Vec<BTreeMap<String, String>> {
    let begins = |row: &&Value| first.iter().enumerate().all(|(at, words)| row[at]["words"] == *words);
    let cell = |cell: &Value| {
        let filled = ["words", "value", "missing"].into_iter().find(|key| !cell[key].is_null());
        text(&cell[filled.unwrap_or_else(|| panic!("an empty cell: {table}"))])
    };
    let heads = || list(&table["columns"]).iter().map(text);
    let found = list(&table["rows"]).iter().filter(begins);
    found.map(|row| heads().zip(list(row).iter().map(cell)).collect()).collect()
}

/// The only row that begins with these words.
fn row(table: &Value, first: &[&str]) -> BTreeMap<String, String> {
    let mut found = rows(table, first);
    assert_eq!(found.len(), 1, "{first:?}: {table:#}");
    found.remove(0)
}

fn cells(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(head, cell)| ((*head).to_owned(), (*cell).to_owned())).collect()
}

#[tokio::test]
async fn the_cells_of_a_document_are_the_figures_of_the_contract() {
    on_both_stores(async |app| {
        record_referrals(app).await;
        let document = document(app, &manager(), (SHPS, "monthly", "2018-02-10")).await;
        assert_eq!(
            [&document["title"], &document["period"], &document["first"], &document["last"]],
            ["Monthly board", "February 2018", "2018-02-01", FEBRUARY_ENDS]
        );
        assert_eq!(document["provisional"], false);
        let in_month = table(&document, "Month against base, February 2018");
        assert_eq!(
            row(in_month, &["Brent", "Referrals"]),
            cells(&[
                ("Area", "Brent"),
                ("Measure", "Referrals"),
                ("Figure", "11"),
                ("Target", "5"),
                ("% of target", "244"),
                ("Met", "met"),
                ("Trend", "up"),
            ]),
            "11 on 4.5, after 5 on 4.5"
        );
        assert_eq!(
            row(in_month, &["Ealing", "Referrals"])["% of target"],
            "NOT_APPLICABLE",
            "0 on 0 has no percentage, and is not 0"
        );
        assert_eq!(row(in_month, &["Ealing", "Referrals"])["Figure"], "0");
        let mean = table(&document, "Month against the mean of three months, February 2018");
        let brent = row(mean, &["Brent", "Referrals"]);
        assert_eq!([&brent["Mean of three months before"], &brent["% of mean"]], ["2", "660"], "11 on 5/3");

        let figures = "query($at: ContractAt) { contract(code: \"shps\", at: $at) { performance(by: [AREA],
            period: { from: \"2018-02-01\", kind: MONTH }, compareWith: [TARGETS]) {
            figures { measure { title } rows { group { label } figure { value } targets { percent } } } } } }";
        let figures = app.ask(&manager(), figures, json!({ "at": { "asOf": FEBRUARY_ENDS } })).await;
        let mut compared = 0;
        for of in list(&figures["contract"]["performance"]["figures"]) {
            for figure in list(&of["rows"]) {
                let (area, measure) = (text(&figure["group"][0]["label"]), text(&of["measure"]["title"]));
                let found = row(in_month, &[&area, &measure]);
                assert_eq!(found["Figure"], text(&figure["figure"]["value"]), "{area} {measure}");
                let percent = figure["targets"][0]["percent"].as_str().unwrap_or("NOT_APPLICABLE");
                assert_eq!(found["% of target"], percent, "{area} {measure}");
                compared += 1;
            }
        }
        assert_eq!(compared, 4 * 6, "four stages in six areas");
    })
    .await;
}

#[tokio::test]
async fn a_document_has_its_boards_a_chart_in_words_and_definitions() {
    on_both_stores(async |app| {
        record_referrals(app).await;
        let document = document(app, &manager(), (SHPS, "monthly", "2018-02-10")).await;
        let waits = table(&document, "Referral to plan, to date, at the end of 2018-02-28");
        assert_eq!([&row(waits, &["Brent"])["No plan yet"], &row(waits, &["All"])["Total"]], ["16", "16"]);
        let exits = table(&document, "Exits by reason, February 2018");
        assert_eq!(row(exits, &["All"]), cells(&[("Reason", "All"), ("In the period", "0"), ("To date", "0")]));
        assert_eq!(rows(exits, &[]).len(), 15, "14 reasons, though nobody left, and all of them");
        let funnel = section(&document, "funnel");
        let [chart] = list(&funnel["charts"]) else { panic!("{funnel:#}") };
        assert_eq!(chart["kind"], "LINES");
        let words = text(&chart["inWords"]);
        let begins = "Referrals: highest 11 (2018-02), lowest 0 (2017-03), last 11 (2018-02). PHP complete: ";
        assert!(words.starts_with(begins), "{words}");
        let defined: Vec<String> = list(&document["definitions"]).iter().map(|one| text(&one["code"])).collect();
        assert_eq!(
            defined,
            ["referral", "php_complete", "housing_secured", "housing_sustained", "exits", "disengaged"]
        );
        let notes: Vec<String> = list(&document["notes"]).iter().map(text).collect();
        assert!(notes.iter().any(|note| note.starts_with("Days since contact: ")), "{notes:#?}");
    })
    .await;
}

#[tokio::test]
async fn commentary_stands_beside_its_section_and_what_is_missing_is_named() {
    on_both_stores(async |app| {
        let said = |section: &str, text: &str| {
            let period = json!({ "first": "2018-02-01", "last": FEBRUARY_ENDS });
            let about = json!({ "contract": SHPS, "report": "monthly", "period": period, "occurredOn": FEBRUARY_ENDS });
            with(about, json!({ "section": section, "text": text }))
        };
        app.done(&manager(), "recordCommentary", said("funnel", "a slow month")).await;
        app.done(&manager(), "recordCommentary", said("weather", "it rained")).await;
        let february = document(app, &manager(), (SHPS, "monthly", "2018-02-10")).await;
        let expected = json!([{ "on": FEBRUARY_ENDS, "text": "a slow month" }]);
        assert_eq!(section(&february, "funnel")["commentary"], expected);
        assert_eq!(section(&february, "exits")["commentary"], json!([]));
        let notes: Vec<String> = list(&february["notes"]).iter().map(text).collect();
        let unknown = "There is commentary for the section weather, which the report does not have.";
        assert!(notes.iter().any(|note| note == unknown), "{notes:#?}");
        let january = document(app, &manager(), (SHPS, "monthly", "2018-01-10")).await;
        assert_eq!(section(&january, "funnel")["commentary"], json!([]), "it is about exactly its period");

        let of_mst = test_caller(Role::Manager, "another", &["mst-essex"]);
        let required = document(app, &of_mst, ("mst-essex", "monthly", "2018-02-10")).await;
        let notes: Vec<String> = list(&required["notes"]).iter().map(text).collect();
        let missing = "Commentary: the commentary that the report requires is not recorded.";
        assert!(notes.iter().any(|note| note == missing), "{notes:#?}");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_report_is_refused_with_those_that_there_are() {
    on_both_stores(async |app| {
        let asked = "{ contract(code: \"shps\") { reports { code every sections { code } }
            report(code: \"weekly\") { title } } }";
        let answer = app.answer(&manager(), asked, json!({})).await;
        let body = answer.json();
        assert_eq!(body["errors"][0]["message"], "unknown report \"weekly\": use one of monthly");
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"]);
        let [monthly] = list(&body["data"]["contract"]["reports"]) else { panic!("{body:#}") };
        assert_eq!(
            [&monthly["code"], &monthly["every"], &monthly["sections"][0]["code"]],
            ["monthly", "MONTH", "funnel"]
        );
    })
    .await;
}

#[tokio::test]
async fn small_counts_are_hidden_from_a_commissioner_where_the_report_says_so() {
    from_the_instant("2018-03-01T09:00:00Z", async |app| {
        for code in [SHPS, "dwp-cep"] {
            app.open_contract(code).await;
        }
        let caller = |role| test_caller(role, "somebody", &[SHPS, "dwp-cep"]);
        for (area, count) in [("north", 3), ("south", 7)] {
            for n in 1..=count {
                let input = json!({ "contract": "dwp-cep", "area": area, "occurredOn": format!("2018-02-{n:02}") });
                app.done(&caller(Role::Manager), "receiveReferral", input).await;
            }
        }
        app.receive_referral("2018-02-05", "BR-1").await;
        let title = "Attachments and starts, February 2018";
        let asked = ("dwp-cep", "monthly", "2018-02-10");
        let whole = document(app, &caller(Role::Manager), asked).await;
        assert_eq!(row(table(&whole, title), &["North", "Referrals"])["Figure"], "3");
        let of_auditor = document(app, &caller(Role::Auditor), asked).await;
        assert_eq!(row(table(&of_auditor, title), &["North", "Referrals"])["Figure"], "3", "auditors verify records");
        let hidden = document(app, &caller(Role::Commissioner), asked).await;
        let north = row(table(&hidden, title), &["North", "Referrals"]);
        assert_eq!([&north["Figure"], &north["% of period before"]], ["SUPPRESSED", "NOT_APPLICABLE"]);
        assert_eq!(row(table(&hidden, title), &["South", "Referrals"])["Figure"], "7");
        assert_eq!(row(table(&hidden, title), &["Central", "Referrals"])["Figure"], "0", "none is not few");
        let content: Value = serde_json::from_str(&text(&hidden["content"])).expect("JSON");
        assert!(!content.to_string().contains("\"is_of_few\":true"), "no format shows what is hidden");
        let shown = document(app, &caller(Role::Commissioner), (SHPS, "monthly", "2018-02-10")).await;
        let brent = row(table(&shown, "Month against base, February 2018"), &["Brent", "Referrals"]);
        assert_eq!(brent["Figure"], "1", "this board prints small counts");
    })
    .await;
}

/// The status of `throughline report`, what it prints, and its messages.
async fn report(app: &TestApp, arguments: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["--database", app.fresh.url(), "report", "--contract", SHPS]);
    program.args(arguments);
    // This thread also keeps the service's view up to date.
    let ran = tokio::task::spawn_blocking(move || program.output());
    let output = ran.await.expect("it runs").expect("the program starts");
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).expect("text"))
}

#[tokio::test]
async fn the_command_line_and_the_api_have_the_same_document() {
    on_both_stores(async |app| {
        record_referrals(app).await;
        let of_api = document(app, &manager(), (SHPS, "monthly", "2018-02-10")).await;
        let of_api: Value = serde_json::from_str(&text(&of_api["content"])).expect("JSON");
        let asked = ["--report", "monthly", "--period", "2018-02"];
        let (status, printed, said) = report(app, &[&asked[..], &["--format", "json"]].concat()).await;
        assert_eq!(status, Some(0), "{said}");
        let printed: Value = serde_json::from_slice(&printed).expect("JSON");
        assert_eq!(printed, of_api, "by default as of the last day of the period");
        assert_eq!(printed["contract"], SHPS);

        let (status, printed, said) = report(app, &asked).await;
        let printed = String::from_utf8(printed).expect("text");
        assert_eq!(status, Some(0), "{said}");
        assert!(printed.contains("Month against base, February 2018"), "{printed}");
        let folder = tempfile::tempdir().expect("a folder");
        let workbook = folder.path().join("shps.xlsx");
        let path = workbook.to_str().expect("a path");
        let (status, ..) = report(app, &[&asked[..], &["--format", "xlsx", "--output", path]].concat()).await;
        assert_eq!(status, Some(0));
        let written = std::fs::read(&workbook).expect("the workbook");
        assert!(written.starts_with(b"PK"), "a workbook is a ZIP file");
        let (status, piped, _) = report(app, &[&asked[..], &["--format", "xlsx"]].concat()).await;
        assert!(status == Some(0) && piped == written, "the same bytes where the output is redirected");
        let document = "query($at: ContractAt) { contract(code: \"shps\", at: $at) { report(code: \"monthly\", on: \
            \"2018-02-10\") { content(format: XLSX) } } }";
        let found = app.ask(&manager(), document, json!({ "at": { "asOf": FEBRUARY_ENDS } })).await;
        let bytes = BASE64_STANDARD.decode(text(&found["contract"]["report"]["content"])).expect("base64");
        assert!(bytes == written, "the API has the same workbook");
    })
    .await;
}

#[tokio::test]
async fn money_is_a_unit_of_its_own_in_every_format() {
    from_the_instant("2018-10-01T09:00:00Z", async |app: &TestApp| {
        let stoke = "stoke-psychology";
        let rulebook = throughline_domain::contract::rulebook::packs::pack(stoke).expect("a pack").text;
        let input = json!({ "code": stoke, "name": stoke, "startsOn": "2018-07-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        for (code, value) in [("spend", "1234.5"), ("forecast", "1000")] {
            let value = Quantity(value.parse().expect("a decimal"));
            let fact = MeasureRecorded { code: code.to_owned(), value, unit: None, period: None };
            let command = Fact::record_fact(StreamId::contract(stoke), when("2018-08-01"), fact);
            app.fresh.record(command).await.expect("a value");
        }
        let of_stoke = test_caller(Role::Manager, "manager", &[stoke]);
        let cells = "sections { code tables { columns rows { words value unit currency } } }";
        let document = format!(
            "{{ contract(code: \"{stoke}\") {{ report(code: \"quarterly\", on: \"2018-09-30\") {{ {cells} text: content(format: TEXT) csv: content(format: CSV) html: \
             content(format: HTML) }} }} }}"
        );
        let found = app.ask(&of_stoke, &document, json!({})).await["contract"]["report"].clone();
        let table = &section(&found, "spend")["tables"][0];
        let column = list(&table["columns"]).iter().position(|head| head == "Figure").unwrap_or(1);
        let spend = &table["rows"][0][column];
        let expected = json!({ "words": null, "value": "1234.50", "unit": "MONEY", "currency": "GBP" });
        assert_eq!(spend, &expected, "{table:#}");
        assert!(text(&found["text"]).contains("£1,234.50") && text(&found["html"]).contains("£1,234.50"));
        assert!(text(&found["csv"]).contains(",1234.50,GBP,value"), "{}", found["csv"]);
        assert!(text(&found["text"]).contains("123 %"), "a share of money is no money");
    })
    .await;
}

#[tokio::test]
async fn the_command_line_lists_reports_and_refuses_unknown_ones() {
    on_both_stores(async |app| {
        let (status, printed, said) = report(app, &["--list", "--format", "csv"]).await;
        assert_eq!(status, Some(0), "{said}");
        let printed = String::from_utf8(printed).expect("text");
        assert!(printed.contains("Reports of shps,monthly,Monthly board,month,"), "{printed}");
        let (status, _, said) = report(app, &["--report", "weekly"]).await;
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("unknown report \"weekly\": use one of monthly"), "{said}");
        let (status, _, said) = report(app, &["--list", "--format", "html"]).await;
        assert!(status == Some(2) && said.contains("use --format table, json or csv"), "{said}");
        let (status, _, said) = report(app, &["--due", "--report", "weekly"]).await;
        assert!(status == Some(2) && said.contains("unknown report \"weekly\": use one of monthly"), "{said}");
        let (status, ..) = report(app, &[]).await;
        assert_eq!(status, Some(2), "a report must be named");
    })
    .await;
}
