//! Closed periods: what was kept stays as it was, byte for byte, and what changed since is listed with its events.

use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline::store::Dialect;
use throughline::views::rebuild::Options;
use throughline_domain::contract::rulebook::canonical::sha256_hex;
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::envelope::StreamId;

use crate::app::{
    SHPS, TODAY, TestApp, administrator, call, from_the_instant, manager, new_id, on_both_stores, refusals,
    test_caller, text, with,
};
use crate::every_event::restored;

/// The closed periods of the first contract with everything that they show.
const CLOSED: &str = "{ contract(code: \"shps\") { periods(last: 2) { period { first last } documents { report title digest \
    content(format: JSON) document { position } \
    restated { document { position } differences { section table row column was { value words } is { value words } } \
    corrections { totalCount events { id type } } } } } } }";

/// The input that closes February.
pub(crate) fn february() -> Value {
    json!({ "contract": SHPS, "period": { "first": "2018-02-01", "last": "2018-02-28" } })
}

/// The closed documents of the first closed period.
async fn documents(app: &TestApp) -> Vec<Value> {
    let contract = app.ask(&manager(), CLOSED, json!({})).await["contract"].clone();
    contract["periods"][0]["documents"].as_array().unwrap_or_else(|| panic!("no documents: {contract}")).clone()
}

/// The bytes that were kept.
fn kept(documents: &[Value]) -> Vec<(String, String)> {
    documents.iter().map(|document| (text(&document["digest"]), text(&document["content"]))).collect()
}

/// A case that has its plan in February; answers with its id and the event of the plan.
pub(crate) async fn planned(app: &TestApp, reference: &str) -> (String, Value) {
    let ann = app.add_worker("kw-ann").await;
    let journey = app.receive_referral("2018-02-01", reference).await;
    app.take_on(&journey, &ann, "2018-02-02").await;
    let plan = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-20" });
    let agreed = app.done(&manager(), "agreePlan", plan).await;
    (journey, agreed["events"][0]["id"].clone())
}

/// Moves a plan of February to January, although February is closed; answers with the event of the correction.
async fn move_plan(app: &TestApp, (journey, plan): (&str, &Value)) -> Value {
    let input = json!({
        "journey": journey, "target": plan, "replacement": { "plan": { "kind": "php" } }, "reason": "typed wrongly",
        "occurredOn": "2018-02-05", "acceptWarnings": ["PERIOD_CLOSED"],
    });
    app.done(&manager(), "correctFact", input).await["events"][0]["id"].clone()
}

#[tokio::test]
async fn a_closed_february_stays_as_it_was_and_what_changed_since_is_listed_with_its_events() {
    on_both_stores(async |app| {
        let (journey, plan) = planned(app, "BR-1").await;
        app.done(&manager(), "closePeriod", february()).await;
        let before = documents(app).await;
        assert!(!before.is_empty(), "the monthly reports are kept");
        for document in &before {
            assert_eq!(sha256_hex(&text(&document["content"])), text(&document["digest"]));
            let content: Value = serde_json::from_str(&text(&document["content"])).expect("JSON");
            assert_eq!(
                (&content["report"], &content["position"]),
                (&document["report"], &document["document"]["position"])
            );
            assert_eq!(document["restated"]["differences"], json!([]), "nothing has changed: {document}");
            assert_eq!(document["restated"]["corrections"]["events"], json!([]));
        }

        // A referral comes in late, a plan is moved within the month, and a contact of March changes nothing.
        let late = json!({
            "contract": SHPS, "area": "brent", "occurredOn": "2018-02-20", "acceptWarnings": ["PERIOD_CLOSED"],
        });
        let late = app.done(&manager(), "receiveReferral", late).await;
        let received = late["events"].as_array().expect("events").iter().find(|of| of["type"] == "ReferralReceived");
        let received = received.expect("a referral")["id"].clone();
        let corrected = move_plan(app, (&journey, &plan)).await;
        app.log_contact(&manager(), call(&journey, TODAY)).await;

        let after = documents(app).await;
        assert_eq!(kept(&after), kept(&before));
        let restated = &after[0]["restated"];
        let differences = restated["differences"].as_array().expect("differences");
        let in_brent = |one: &&Value| {
            ["row", "column"].iter().any(|of| text(&one[*of]).contains("Brent")) && one["was"] != one["is"]
        };
        assert!(differences.iter().any(|one| in_brent(&one)), "{differences:#?}");
        let events: Vec<&Value> =
            restated["corrections"]["events"].as_array().expect("events").iter().map(|event| &event["id"]).collect();
        assert_eq!(events, [&received, &corrected]);
        assert_eq!(restated["corrections"]["totalCount"], 2);
        let position = |of: &Value| of["document"]["position"].as_i64();
        assert!(position(restated) > position(&after[0]));

        // A view that is built anew shows the same.
        let views = &app.fresh.views;
        views.start_rebuild(views.right_to_build().await.expect("nobody builds"), Options::default());
        views.rebuild_ended().await.expect("it is built");
        let rebuilt = documents(app).await;
        assert_eq!(kept(&rebuilt), kept(&before));
        assert_eq!(rebuilt[0]["restated"]["differences"], restated["differences"]);
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_is_moved_out_of_a_closed_month_explains_it() {
    on_both_stores(async |app| {
        let (journey, plan) = planned(app, "BR-1").await;
        app.done(&manager(), "closePeriod", february()).await;
        let out = |on: &str| {
            json!({
                "journey": journey, "target": plan, "replacement": { "plan": { "kind": "php" } }, "occurredOn": on,
                "reason": "typed wrongly", "acceptWarnings": ["PERIOD_CLOSED"],
            })
        };
        // What is moved within March afterwards is no fact of February any more.
        app.it_is("2018-03-05T09:00:00Z");
        let moved = app.done(&manager(), "correctFact", out("2018-03-01")).await["events"][0]["id"].clone();
        app.done(&manager(), "correctFact", out("2018-03-02")).await;
        let retraction = json!({ "journey": journey, "targets": [plan], "reason": "another client's" });
        app.done(&manager(), "retractFact", retraction).await;
        let restated = documents(app).await[0]["restated"].clone();
        let events = restated["corrections"]["events"].as_array().expect("events");
        assert_eq!(events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>(), [moved]);
    })
    .await;
}

#[tokio::test]
async fn a_period_is_closed_once_and_only_when_it_is_over() {
    from_the_instant("2018-02-28T12:00:00Z", async |app: &TestApp| {
        app.open_contract(SHPS).await;
        let early = app.tell(&manager(), "closePeriod", february()).await;
        assert_eq!(refusals(&early), ["INVALID_VALUE"], "{early}");
        assert_eq!(early["problems"][0]["path"], json!(["period", "last"]));
        app.it_is("2018-03-01T00:00:00Z");
        let id = json!({ "commandId": new_id() });
        let closed = app.done(&manager(), "closePeriod", with(february(), id.clone())).await;
        let replayed = app.done(&manager(), "closePeriod", with(february(), id)).await;
        assert_eq!((&replayed["replayed"], &replayed["events"]), (&json!(true), &closed["events"]));
        let again = app.tell(&manager(), "closePeriod", february()).await;
        assert_eq!(refusals(&again), ["PERIOD_ALREADY_CLOSED"]);
        // The documents of a month are those of its reports. Days that are no month have none.
        assert!(!documents(app).await.is_empty());
        let days = json!({ "contract": SHPS, "period": { "first": "2018-01-08", "last": "2018-01-17" } });
        app.done(&manager(), "closePeriod", days).await;
        let periods = app.ask(&manager(), CLOSED, json!({})).await["contract"]["periods"].clone();
        assert_eq!(periods[1]["documents"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn the_other_store_and_a_commissioner_of_one_area_read_what_they_may() {
    on_both_stores(async |app| {
        planned(app, "BR-1").await;
        app.done(&manager(), "closePeriod", february()).await;
        let closed = kept(&documents(app).await);

        let mut lines = Vec::new();
        let scope = Scope::Deployment;
        throughline::export::ndjson::ndjson(&app.fresh.log, &scope, &mut lines).await.expect("an export");
        let lines = String::from_utf8(lines).expect("text");
        for store in [Dialect::Sqlite, Dialect::Postgres] {
            let there = restored(store, lines.trim_end()).await;
            let events = there.log.stream(StreamId::contract(SHPS)).await.expect("the contract");
            let event = events.iter().find(|event| event.event_type == "PeriodClosed").expect("the closing");
            let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
            assert_eq!(kept(payload["documents"].as_array().expect("documents")), closed);
            there.end().await;
        }

        let mut borough = test_caller(Role::Commissioner, "borough", &[SHPS]);
        borough.scope = Scope::Areas { contracts: [SHPS.to_owned()].into(), areas: ["brent".to_owned()].into() };
        let document = "{ contract(code: \"shps\") { periods(last: 1) { period { first } documents { digest } } } }";
        let seen = app.ask(&borough, document, json!({})).await["contract"]["periods"].clone();
        assert_eq!(seen, json!([{ "period": { "first": "2018-02-01" }, "documents": null }]));

        // The event holds the same documents.
        let types = async |who: &Principal| {
            let page = app.ask(who, "{ events(first: 200) { nodes { type payload } } }", json!({})).await;
            let nodes = page["events"]["nodes"].as_array().expect("events").clone();
            nodes.iter().map(|event| (text(&event["type"]), text(&event["payload"]))).collect::<Vec<_>>()
        };
        let is_closing = |(of, payload): &(String, String)| of == "PeriodClosed" || payload.contains(&closed[0].0);
        assert!(types(&manager()).await.iter().any(is_closing));
        let of_area = types(&Principal { role: Role::Manager, ..borough }).await;
        assert!(of_area.iter().any(|(of, _)| of == "RulebookPublished") && !of_area.iter().any(is_closing));
    })
    .await;
}

#[tokio::test]
async fn a_closed_document_is_hidden_by_its_own_rule_and_then_has_no_digest() {
    from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        let code = "dwp-cep";
        app.open_contract(code).await;
        let caller = |role| test_caller(role, "somebody", &[code]);
        for n in 1..=3 {
            let input = json!({ "contract": code, "area": "north", "occurredOn": format!("2018-02-{n:02}") });
            app.done(&caller(Role::Manager), "receiveReferral", input).await;
        }
        app.done(&caller(Role::Manager), "closePeriod", with(february(), json!({ "contract": code }))).await;
        let asked = "{ contract(code: \"dwp-cep\") { periods { documents(report: \"monthly\") { digest \
            content(format: JSON) } } } }";
        let closed = async |role| {
            let found = app.ask(&caller(role), asked, json!({})).await["contract"]["periods"][0]["documents"].clone();
            found[0].clone()
        };
        let whole = closed(Role::Manager).await;
        let content: Value = serde_json::from_str(&text(&whole["content"])).expect("JSON");
        assert_eq!(content["hides_small_counts"], true);
        assert_eq!(sha256_hex(&text(&whole["content"])), text(&whole["digest"]));
        assert_eq!(closed(Role::Auditor).await, whole, "auditors verify records byte for byte");
        let hidden = closed(Role::Commissioner).await;
        assert_eq!(hidden["digest"], Value::Null);
        assert!(!text(&hidden["content"]).contains("\"is_of_few\":true"), "{hidden}");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_contract_is_not_found_and_a_command_id_closes_one_period() {
    from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        app.open_contract(SHPS).await;
        let everywhere = test_caller(Role::Manager, "everywhere", &[]);
        let nowhere = with(february(), json!({ "contract": "nowhere" }));
        assert_eq!(refusals(&app.tell(&everywhere, "closePeriod", nowhere).await), ["CONTRACT_NOT_FOUND"]);
        let id = json!({ "commandId": new_id() });
        app.done(&manager(), "closePeriod", with(february(), id.clone())).await;
        let january = json!({ "period": { "first": "2018-01-01", "last": "2018-01-31" } });
        let reused = app.tell(&manager(), "closePeriod", with(with(february(), january), id)).await;
        assert_eq!(refusals(&reused), ["COMMAND_ID_REUSED"]);
    })
    .await;
}

#[tokio::test]
async fn due_dates_say_which_reports_came_late_and_which_are_missing() {
    on_both_stores(async |app| {
        let stoke = "stoke-psychology";
        let rulebook = packs::pack(stoke).expect("a pack").text;
        app.it_is("2019-07-12T09:00:00Z");
        let input = json!({ "code": stoke, "name": stoke, "startsOn": "2018-07-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        let of_stoke = test_caller(Role::Manager, "manager", &[stoke]);
        for (first, last, on) in
            [("2018-07-01", "2018-09-30", "2018-10-15"), ("2019-01-01", "2019-03-31", "2019-04-12")]
        {
            let period = json!({ "first": first, "last": last });
            let input = json!({ "contract": stoke, "report": "quarterly", "period": period, "occurredOn": on });
            app.done(&of_stoke, "submitReport", input).await;
        }
        let document = "query($as: Date, $report: String) { contract(code: \"stoke-psychology\", at: { asOf: $as }) { \
            reportsDue(report: $report) { dueOn state daysLate submittedOn submission { report } } } }";
        let due = async |variables: Value| {
            let found = app.ask(&of_stoke, document, variables).await["contract"]["reportsDue"].clone();
            let rows = found.as_array().expect("due dates").iter();
            rows.map(|row| (text(&row["dueOn"]), text(&row["state"]), row["daysLate"].as_i64())).collect::<Vec<_>>()
        };
        let row = |on: &str, state: &str, late: i64| (on.to_owned(), state.to_owned(), Some(late));
        let now = due(json!({})).await;
        let expected = [
            row("2018-10-13", "LATE", 2),
            row("2019-01-11", "MISSING", 182),
            row("2019-04-12", "SUBMITTED", 0),
            row("2019-07-12", "DUE", 0),
        ];
        assert_eq!((now.len(), &now[..4]), (12, &expected[..]));
        assert_eq!(due(json!({ "as": "2018-10-14" })).await[0], row("2018-10-13", "MISSING", 1));
        let unknown = app.answer(&of_stoke, document, json!({ "report": "annual" })).await;
        assert_eq!(unknown.codes(), ["BAD_USER_INPUT"]);
        assert_eq!(unknown.json()["errors"][0]["message"], "unknown report \"annual\": use one of quarterly");
        let period = json!({ "first": "2018-07-01", "last": "2018-12-31" });
        let input = json!({
            "contract": stoke, "report": "annual", "period": period, "occurredOn": "2019-01-12",
        });
        app.done(&of_stoke, "submitReport", input).await;
        let of_annual = due(json!({ "report": "annual" })).await;
        assert_eq!(of_annual[1..3], [row("2019-01-11", "LATE", 1), row("2019-04-12", "MISSING", 91)]);
    })
    .await;
}
