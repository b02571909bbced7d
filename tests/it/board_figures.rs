//! `throughline board` beside targets and earlier months, and the figures of any measures that it prints.

use std::process::Command;

use serde_json::{Value, json};

use crate::app::{SHPS, TestApp, administrator, manager, on_both_stores, text};

/// Two referrals to Brent in January and three in February, against 4.5 a month, and 1 in the first month.
async fn record_referrals(app: &TestApp) {
    let years = json!([{ "year": "2016-04-01", "target": "12" }, { "year": "2017-04-01", "target": "54" }]);
    let series = json!([{ "measure": "referral", "area": "brent", "years": years }]);
    let input = json!({ "contract": SHPS, "profile": "contract", "series": series, "occurredOn": "2018-02-01" });
    app.done(&administrator(), "publishTargets", input).await;
    for (at, on) in ["2018-01-15", "2018-01-22", "2018-02-05", "2018-02-12", "2018-02-19"].iter().enumerate() {
        app.receive_referral(on, &format!("BR-{at}")).await;
    }
}

/// The status of `throughline board`, what it prints, and its messages.
async fn board(app: &TestApp, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["--database", app.fresh.url(), "board", "--contract", SHPS, "--as-of", "2018-02-28"]);
    program.args(arguments);
    // This thread also keeps the service's view up to date.
    let ran = tokio::task::spawn_blocking(move || program.output());
    let output = ran.await.expect("it runs").expect("the program starts");
    let said = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), said(output.stdout), said(output.stderr))
}

/// The tables that it prints as JSON.
async fn tables(app: &TestApp, arguments: &[&str]) -> Vec<Value> {
    let (status, printed, said) = board(app, &[&["--format", "json"][..], arguments].concat()).await;
    assert_eq!(status, Some(0), "{said}");
    serde_json::from_str(&printed).expect("JSON")
}

/// The first row of the table with this title.
fn first_row<'t>(tables: &'t [Value], title: &str) -> &'t Value {
    let titles: Vec<String> = tables.iter().map(|table| text(&table["title"])).collect();
    let table = tables.iter().find(|table| table["title"] == title);
    &table.unwrap_or_else(|| panic!("no table {title:?} among {titles:#?}"))["rows"][0]
}

#[tokio::test]
async fn the_board_compares_the_stages_with_targets_and_with_three_months() {
    on_both_stores(async |app| {
        let has_targets = |tables: &[Value]| tables.iter().any(|table| text(&table["title"]).contains("the target"));
        assert!(!has_targets(&tables(app, &[]).await), "there are no targets yet");
        record_referrals(app).await;
        let tables = tables(app, &[]).await;
        assert_eq!(
            first_row(&tables, "February 2018 against the target (contract)"),
            &json!({ "Area": "Brent", "Measure": "Referrals", "Actual": 3, "Target": 5, "%": 67, "Trend": "up" })
        );
        assert_eq!(
            first_row(&tables, "From the start of the contract to February 2018 against the target (contract)"),
            &json!({ "Area": "Brent", "Measure": "Referrals", "Actual": 5, "Target": 51, "%": 10, "Trend": "up" })
        );
        assert_eq!(
            first_row(&tables, "February 2018 against the mean of the three months before"),
            &json!({ "Area": "Brent", "Measure": "Referrals", "Actual": 3, "Mean": 1, "%": 450 })
        );
    })
    .await;
}

#[tokio::test]
async fn any_measure_is_printed_by_its_dimensions_beside_what_it_is_compared_with() {
    on_both_stores(async |app| {
        record_referrals(app).await;
        let asked = ["--measures", "referral", "--by", "area,month", "--period", "2018-01", "--to", "2018-02"];
        let found = tables(app, &[&asked[..], &["--compare", "targets,previous"][..]].concat()).await;
        assert_eq!(
            first_row(&found, "Referrals, 2018-01-01 to 2018-02-28"),
            &json!({ "Area": "Brent", "Month": "2018-01", "Figure": 2, "contract": 5, "% of contract": 44,
                "contract met": "no", "Previous": 0, "% of previous": null })
        );
        let found = tables(app, &["--measures", "referral,declined", "--period", "2018-02"]).await;
        assert_eq!(found.len(), 2);
        assert_eq!(first_row(&found, "Referrals, February 2018"), &json!({ "Contract": SHPS, "Figure": 3 }));
        let (status, printed, _) = board(app, &["--list-measures", "--format", "csv"]).await;
        assert!(status == Some(0) && printed.contains("Measures of shps,referral,Referrals,cases,"), "{printed}");
    })
    .await;
}

#[tokio::test]
async fn outcomes_and_prices_are_printed_beside_the_cap() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-15", "BR-1").await;
        let plan = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-01-22" });
        app.done(&manager(), "agreePlan", plan).await;
        let asked = ["--outcomes", "area", "--period", "2018-01"];
        let found = tables(app, &asked).await;
        let row = first_row(&found, "Outcomes, January 2018");
        assert_eq!((&row["Group"], &row["Submitted"], &row["Rate"]), (&json!("Brent"), &json!(0), &Value::Null));
        let amounts = found.iter().find(|table| text(&table["title"]).starts_with("All outcomes in GBP"));
        assert_eq!(amounts.expect("a table of amounts")["rows"][0]["Amount"], "Achieved");
        let prices = tables(app, &["--prices", "--period", "2018-01"]).await;
        let row = first_row(&prices, "Prices in GBP on 2018-02-28, units of January 2018");
        assert_eq!(row["Tariff"], row["Unit price"], "{row}");
    })
    .await;
}

#[tokio::test]
async fn a_question_that_has_no_answer_names_what_is_allowed() {
    on_both_stores(async |app| {
        for (asked, named) in [
            (&["--measures", "happiness"][..], "use one of referral, php_complete"),
            (&["--measures", "referral", "--by", "colour"][..], "keyworker"),
            (&["--league", "areas"][..], "there is no league \"areas\": the rulebook has none"),
            (&["--league", "areas", "--prices"][..], "cannot be used with"),
            (&["--measures", "referral", "--by", "area,area"][..], "name each dimension once"),
            (&["--measures", "referral", "--period", "2018-02", "--to", "2018-01"][..], "give a --to"),
            (&["--measures", "referral", "--period", "2018-02", "--period-kind", "days"][..], "give both"),
            (
                &["--measures", "referral", "--period", "2018-02-05", "--period-kind", "week", "--by", "month"][..],
                "whole months",
            ),
        ] {
            let (status, printed, said) = board(app, asked).await;
            assert_eq!((status, printed.as_str()), (Some(2), ""), "{asked:?}: {said}");
            assert!(said.contains(named), "{asked:?}: {said}");
        }
    })
    .await;
}
