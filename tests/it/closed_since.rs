//! What has changed since a period was closed: facts that belong to no contract, and what the parties said and settled
//! afterwards; on both stores.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use throughline::views::Views;

use crate::app::{SHPS, TestApp, manager, new_id, on_both_stores, text, with};
use crate::closed_periods::{february, planned};
use crate::stores::{Place, STORES};

/// The events that may explain what reads differently, each with who recorded it.
async fn corrections(app: &TestApp) -> Vec<Value> {
    let document = "{ contract(code: \"shps\") { periods(last: 2) { documents { restated { corrections { totalCount \
        events { id type recordedAt actor { subject role } } } } } } } }";
    let found = app.ask(&manager(), document, json!({})).await["contract"]["periods"][0]["documents"].clone();
    let corrections = found[0]["restated"]["corrections"].clone();
    let events = corrections["events"].as_array().unwrap_or_else(|| panic!("no events: {found}")).clone();
    assert_eq!(corrections["totalCount"], events.len(), "{corrections}");
    events
}

fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["type"])).collect()
}

#[tokio::test]
async fn facts_of_workers_and_links_of_subjects_since_a_closing_are_listed_with_who_recorded_them() {
    on_both_stores(async |app| {
        let (journey, _) = planned(app, "BR-1").await;
        let other = app.receive_referral("2018-02-02", "BR-2").await;
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } keyworker { id } } }";
        let of = async |id: &str| app.ask(&manager(), document, json!({ "id": id })).await["journey"].clone();
        let (first, second) = (of(&journey).await, of(&other).await);
        app.done(&manager(), "closePeriod", february()).await;
        assert_eq!(corrections(app).await, Vec::<Value>::new());

        let worker = json!({ "worker": first["keyworker"]["id"] });
        let wte = |on: &str| with(worker.clone(), json!({ "wte": "0.5", "occurredOn": on }));
        app.done(&manager(), "setWte", wte("2018-02-10")).await;
        let link = json!({
            "subject": first["subject"]["id"], "with": second["subject"]["id"], "reason": "one person",
            "occurredOn": "2018-02-10",
        });
        app.done(&manager(), "linkSubjects", link).await;
        app.it_is("2018-03-05T09:00:00Z");
        app.done(&manager(), "setWte", wte("2018-03-01")).await;
        let found = corrections(app).await;
        assert_eq!(types(&found), ["WteSet", "SubjectsLinked", "SubjectsLinked"], "both records have the link");
        for event in &found {
            assert_eq!(event["actor"]["subject"], "manager", "{event}");
            assert!(event["recordedAt"].is_string(), "{event}");
        }
    })
    .await;
}

#[tokio::test]
async fn commentary_and_assessments_after_the_period_are_listed_and_so_are_their_corrections() {
    on_both_stores(async |app| {
        planned(app, "BR-1").await;
        app.done(&manager(), "closePeriod", february()).await;
        app.it_is("2018-04-10T09:00:00Z");
        let about = |last: &str| {
            let period = json!({ "first": format!("{}01", &last[..8]), "last": last });
            json!({ "contract": SHPS, "report": "monthly", "section": "funnel", "period": period })
        };
        let said = |last: &str, text: &str| with(about(last), json!({ "text": text, "occurredOn": "2018-03-09" }));
        let on_february = app.done(&manager(), "recordCommentary", said("2018-02-28", "a slow month")).await;
        app.done(&manager(), "recordCommentary", said("2018-03-31", "a better month")).await;
        let correct = json!({
            "contract": SHPS, "target": on_february["events"][0]["id"], "reason": "typed wrongly",
            "replacement": { "commentary": { "text": "a slow month, with snow" } },
        });
        app.done(&manager(), "correctFact", correct).await;
        assert_eq!(types(&corrections(app).await), ["CommentaryRecorded", "FactCorrected"]);
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_a_view_that_is_behind() {
    on_both_stores(async |app| {
        // A server whose view does not follow yet.
        let views = Views::open(app.fresh.log.clone(), throughline::queries::statements).await.expect("it opens");
        let server = app.router_over(&views);
        planned(app, "BR-1").await;
        let later = views.clone();
        let following = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            later.keep_up().await;
        });
        let document = "mutation($input: ClosePeriodInput!) { closePeriod(input: $input) { problems { code } \
            events { type } contract { periods(last: 1) { documents { report } } } } }";
        let input = with(february(), json!({ "commandId": new_id() }));
        let who = manager();
        let closed = app.ask_of(&server, &who, document, json!({ "input": input })).await;
        following.abort();
        views.live().close().await;
        let closed = &closed["closePeriod"];
        assert_eq!(closed["events"], json!([{ "type": "PeriodClosed" }]));
        // On a slow machine the view may be behind again, which is said.
        let problems = closed["problems"].as_array().expect("problems");
        assert!(problems.iter().all(|problem| problem["code"] == "VIEW_BEHIND"), "{closed}");
        let kept = "{ contract(code: \"shps\") { periods(last: 1) { documents { report } } } }";
        let kept = app.ask(&manager(), kept, json!({})).await;
        assert_eq!(kept["contract"]["periods"][0]["documents"], json!([{ "report": "monthly" }]));
    })
    .await;
}

/// Runs the program on a database: its status, what it prints and its messages.
fn program(database: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["--database", database]).env("RUST_LOG", "warn").args(arguments);
    let output = program.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_closes_a_period_and_lists_it() {
    for store in STORES {
        let place = Place::on(store).await;
        let run = |arguments: &[&str]| program(place.url(), arguments);
        let close = |period: &'static str| run(&["period", "close", "--contract", SHPS, "--period", period]);
        assert_eq!(run(&["contract", "open", "--rulebook", SHPS]).0, Some(0));
        let (status, printed, said) = close("2018-02");
        assert_eq!(status, Some(0), "{store:?}: {said}");
        let begins = "closed 2018-02-01 to 2018-02-28 of shps; documents kept: monthly, at position ";
        assert!(printed.starts_with(begins), "{printed}");
        let (status, _, said) = close("2018-02");
        assert_eq!(status, Some(2), "a period is closed once");
        assert!(said.contains("closed"), "{said}");
        assert_eq!(close("2999-01").0, Some(2), "a period that is not over is not closed");
        let (status, printed, said) = close("2018-03-05..2018-03-11");
        assert_eq!(status, Some(0), "{said}");
        assert!(printed.contains("documents kept: no report is of exactly this period, at position"), "{printed}");
        let (status, printed, said) = run(&["period", "list", "--contract", SHPS, "--format", "csv"]);
        assert_eq!(status, Some(0), "{said}");
        let rows: Vec<&str> = printed.lines().filter(|line| line.contains("2018-")).collect();
        assert_eq!(rows.len(), 2, "{printed}");
        assert!(
            rows[0].contains("2018-02-01,2018-02-28,") && rows[0].contains("command-line (manager),monthly,"),
            "{printed}"
        );
        let (status, kept, said) = run(&[
            "report",
            "--contract",
            SHPS,
            "--report",
            "monthly",
            "--period",
            "2018-02",
            "--closed",
            "--format",
            "json",
        ]);
        assert_eq!(status, Some(0), "{said}");
        let kept: Value = serde_json::from_str(&kept).expect("JSON");
        assert_eq!((&kept["report"], &kept["as_of"]), (&json!("monthly"), &json!("2018-02-28")));
        assert_eq!(run(&["period", "list", "--contract", "nowhere"]).0, Some(2));
        place.remove().await;
    }
}
