//! The schema as it is published: printed, described, and used by the documents that the README shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::app::{SHPS, TODAY, call, keyworker, manager, new_id, on_both_stores, text, with};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const INTROSPECTION: &str = "{ __schema { types { kind name description specifiedByURL \
     fields(includeDeprecated: true) { name description isDeprecated deprecationReason args { name description } } \
     inputFields { name description } enumValues(includeDeprecated: true) { name description } } } }";

#[test]
fn the_printed_schema_is_the_one_that_is_served() {
    let path = Path::new(ROOT).join("schema/schema.graphql");
    let printed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        printed == throughline::graphql::sdl(),
        "schema/schema.graphql is not the schema that is served: look whether the change keeps the promise to \
         clients, then refresh it with `cargo run -- schema > schema/schema.graphql`"
    );
}

/// What lacks a description beneath a type: its own, those of fields, arguments, inputs and enum values.
fn undescribed(of: &Value) -> Vec<String> {
    let name = text(&of["name"]);
    let mut missing = Vec::new();
    let mut look = |path: String, thing: &Value| {
        if thing["description"].as_str().is_none_or(|words| words.trim().len() < 4) {
            missing.push(path);
        }
    };
    look(name.clone(), of);
    for list in ["fields", "inputFields", "enumValues"] {
        for part in of[list].as_array().into_iter().flatten() {
            let path = format!("{name}.{}", text(&part["name"]));
            look(path.clone(), part);
            for argument in part["args"].as_array().into_iter().flatten() {
                look(format!("{path}({})", text(&argument["name"])), argument);
            }
        }
    }
    missing
}

#[tokio::test]
async fn everything_in_the_schema_has_a_description_and_every_scalar_a_specification() {
    on_both_stores(async |app| {
        let data = app.ask(&manager(), INTROSPECTION, json!({})).await;
        let types = data["__schema"]["types"].as_array().expect("types");
        let built_in = ["Boolean", "Float", "ID", "Int", "String"];
        let is_own = |name: &str| !name.starts_with("__") && !built_in.contains(&name);
        let own: Vec<&Value> = types.iter().filter(|of| is_own(&text(&of["name"]))).collect();
        assert!(own.len() > 50, "the schema is read");
        let missing: Vec<String> = own.iter().flat_map(|of| undescribed(of)).collect();
        assert!(missing.is_empty(), "describe for keyworkers and integrators: {missing:#?}");

        let scalars = own.iter().filter(|of| of["kind"] == "SCALAR");
        let (with, without): (Vec<&&Value>, Vec<&&Value>) = scalars.partition(|of| of["specifiedByURL"].is_string());
        assert!(without.is_empty(), "say which specification these follow: {without:#?}");
        for name in ["Date", "DateTime", "Decimal", "Position", "UUID"] {
            assert!(with.iter().any(|of| of["name"] == name), "{name} is a scalar");
        }
        let deprecated = own.iter().flat_map(|of| of["fields"].as_array().into_iter().flatten());
        let mut deprecated = deprecated.filter(|field| field["isDeprecated"] == true);
        assert!(deprecated.all(|field| field["deprecationReason"].is_string()));
    })
    .await;
}

/// The documents of `schema/operations`, by name.
fn operations() -> BTreeMap<String, String> {
    let folder = Path::new(ROOT).join("schema/operations");
    let files = fs::read_dir(folder).expect("schema/operations");
    let read = files.map(|entry| {
        let path = entry.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("a document"))
    });
    // Subscriptions are followed by the tests of subscriptions.
    read.filter(|(_, document)| !document.lines().any(|line| line.starts_with("subscription"))).collect()
}

#[tokio::test]
async fn every_committed_document_runs_as_it_stands() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-05", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-06").await;
        let plan = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-15" });
        app.done(&manager(), "agreePlan", plan).await;
        let closed = app.receive_referral("2018-02-01", "BR-2").await;
        app.take_on(&closed, &worker, "2018-02-02").await;
        let close = json!({ "journey": closed, "reason": "housed", "occurredOn": "2018-02-20" });
        app.done(&manager(), "closeJourney", close).await;

        let mut input = call(&journey, TODAY);
        input["commandId"] = new_id().into();
        let board = json!({ "contract": SHPS, "asOf": "2018-02-28", "from": "2018-02-01", "month": "2018-02-01" });
        let mut documents = operations();
        let mut run = async |name: &str, variables: &Value| {
            let document = documents.remove(name).unwrap_or_else(|| panic!("schema/operations/{name}.graphql"));
            app.ask(&manager(), &document, variables.clone()).await
        };

        let logged = run("log_contact", &json!({ "input": input })).await;
        assert_eq!(logged["logContact"]["journey"]["daysSinceContact"], 0);
        let caseload = run("caseload", &board).await;
        let nodes = &caseload["contract"]["caseload"]["nodes"];
        assert_eq!((&nodes[0]["reference"], &nodes[0]["stage"]["code"]), (&json!("BR-1"), &json!("php_complete")));
        assert_eq!(nodes[0]["keyworker"]["label"], "KW-07");
        let recency = run("contact_recency", &board).await;
        assert_eq!(recency["contract"]["anyone"][0]["none"], 1);
        let waited = run("referral_to_plan", &board).await;
        let to_date = &waited["contract"]["toDate"][0];
        assert_eq!((&to_date["withPlan"], &to_date["closedWithoutPlan"]), (&json!(1), &json!(1)));
        assert_eq!((&to_date["buckets"][1]["journeys"], &to_date["medianDays"]), (&json!(1), &json!("10")));
        let performance = run("performance", &board).await;
        let referrals = &performance["contract"]["performance"]["stages"][0];
        let brent = referrals["rows"].as_array().expect("rows").iter().find(|row| row["group"]["area"] == "brent");
        assert_eq!(brent.expect("Brent")["total"], 2);
        let figures = json!({
            "contract": SHPS, "asOf": "2018-02-28", "measures": ["referral"], "by": ["AREA"],
            "period": { "from": "2018-02-01" }, "compareWith": ["TARGETS", "YEAR_BEFORE"],
        });
        let figures = run("figures", &figures).await["contract"]["performance"]["figures"].clone();
        let rows = figures[0]["rows"].as_array().expect("rows");
        let brent = rows.iter().find(|row| row["group"][0]["label"] == "Brent").expect("Brent");
        assert_eq!(brent["figure"], json!({ "state": "VALUE", "value": "2" }));
        let exits = run("exits", &board).await;
        assert_eq!(exits["contract"]["exits"]["closed"][0]["group"]["reason"], "housed");
        let replay = run("journey_replay", &json!({ "journey": journey, "knownOn": TODAY })).await;
        assert_eq!(replay["journey"]["daysSinceContact"], 0);
        let events = run("events", &json!({ "first": 3, "filter": { "contract": SHPS } })).await;
        assert_eq!(events["events"]["nodes"][0]["type"], "ContractOpened");
        run_the_documents_of_money(&mut run).await;
        let workers = run("workers", &board).await["contract"]["workers"].clone();
        assert_eq!(workers["nodes"][0]["label"], "KW-07");
        run_the_keyworkers_documents(&journey, &mut run).await;
        assert!(documents.is_empty(), "these documents are run by no test: {:?}", documents.keys());
    })
    .await;
}

/// What a manager asks of claims and does with them, and what another rulebook would move.
async fn run_the_documents_of_money(run: &mut impl AsyncFnMut(&str, &Value) -> Value) {
    let claims = run("claims", &json!({ "contract": SHPS, "status": ["CLAIMABLE"] })).await;
    let claims = claims["contract"]["claims"].clone();
    assert!(claims["totalCount"].as_u64().is_some_and(|count| count > 0), "{claims}");
    assert_eq!(claims["nodes"][0]["status"], "CLAIMABLE");
    let input = json!({ "commandId": new_id(), "contract": SHPS, "reference": "2018-02" });
    let opened = run("open_batch", &json!({ "input": input })).await["openBatch"].clone();
    assert_eq!((&opened["problems"], &opened["batch"]["state"]), (&json!([]), &json!("OPEN")));
    let batches = run("batches", &json!({ "contract": SHPS })).await["contract"]["batches"].clone();
    assert_eq!(batches["nodes"][0]["id"], opened["batch"]["id"]);
    let rulebook = throughline_domain::contract::rulebook::packs::pack(SHPS).expect("a pack").text;
    let previewed = run("preview_rulebook", &json!({ "contract": SHPS, "rulebook": rulebook })).await;
    let previewed = previewed["previewRulebook"].clone();
    assert_eq!((&previewed["gained"], &previewed["lost"]), (&json!(0), &json!(0)), "{previewed}");
}

#[test]
fn the_limit_of_a_page_stands_in_its_description() {
    let sdl = throughline::graphql::sdl();
    let bounds: Vec<&str> = sdl
        .split("\"\"\"")
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[1].trim_start().starts_with("first: Int"))
        .map(|pair| pair[0].trim())
        .collect();
    assert!(bounds.len() > 15, "{bounds:?}");
    assert!(bounds.iter().all(|told| told.contains("200")), "{bounds:?}");
    assert!(sdl.contains("scalar Date @specifiedBy(url:"), "the committed schema names specifications");
}

/// What a keyworker records of a case: a home and its end, what shows it, the close, the reopening and a correction.
async fn run_the_keyworkers_documents(journey: &str, run: &mut impl AsyncFnMut(&str, &Value) -> Value) {
    let input = |input: Value| json!({ "input": with(json!({ "commandId": new_id(), "journey": journey }), input) });
    let secured = json!([{ "name": "secured_as", "value": "new" }]);
    let home = json!({ "domain": "accommodation", "occurredOn": "2018-02-16", "attributes": secured });
    let started = run("start_spell", &input(home)).await["startSpell"].clone();
    let spell = &started["journey"]["spells"][0]["id"];
    let end = json!({ "spell": spell, "reason": "moved on", "occurredOn": "2018-02-26" });
    let ended = run("end_spell", &input(end)).await["endSpell"]["journey"].clone();
    assert_eq!(ended["spells"][0]["ended"]["on"], "2018-02-26");
    let piece = json!({ "kind": "tenancy_agreement", "datedOn": "2018-02-16", "supports": [spell] });
    let shown = run("attach_evidence", &input(piece)).await["attachEvidence"]["journey"].clone();
    assert_eq!(shown["evidence"][0]["state"], "ATTACHED");
    let case = run("journey_case", &json!({ "journey": journey })).await["journey"].clone();
    assert_eq!((&case["evidence"][0]["supports"][0], &case["tasks"]), (spell, &json!([])));
    let close = json!({ "reason": "housed", "occurredOn": TODAY });
    let closed = run("close_journey", &input(close)).await["closeJourney"].clone();
    assert_eq!((&closed["problems"], &closed["journey"]["onCaseload"]), (&json!([]), &json!(false)));
    let correction = json!({
        "target": closed["journey"]["closed"]["event"], "replacement": { "close": { "reason": "home_kept" } },
        "reason": "the home was kept",
    });
    let corrected = run("correct_fact", &input(correction)).await["correctFact"]["journey"].clone();
    assert_eq!(corrected["timeline"].as_array().and_then(|all| all.last()).expect("an entry")["stands"], false);
    let back = json!({ "reason": "came back", "occurredOn": TODAY });
    let reopened = run("reopen_journey", &input(back)).await["reopenJourney"]["journey"].clone();
    assert_eq!((&reopened["onCaseload"], &reopened["closes"][0]["reason"]), (&json!(true), &json!("home_kept")));
    let meeting = json!({ "scheduledOn": "2018-03-06", "time": "10:30", "channel": "face_to_face" });
    let booked = run("book_appointment", &input(meeting)).await["bookAppointment"]["journey"].clone();
    let week = json!({ "first": TODAY, "last": "2018-03-07" });
    let diary = run("diary", &json!({ "contract": SHPS, "days": week })).await["contract"].clone();
    assert_eq!(diary["diary"]["nodes"][0]["id"], booked["appointments"][0]["id"]);
    assert_eq!(diary["tasks"]["nodes"], json!([]));
}

#[tokio::test]
async fn a_viewer_sees_who_they_are_and_where_the_log_stands() {
    on_both_stores(async |app| {
        let document = "{ viewer { subject role worker { label } } log { position recordedAt } }";
        app.add_worker("kw-07").await;
        let data = app.ask(&keyworker("kw-07"), document, json!({})).await;
        let viewer = json!({ "subject": "kw-07", "role": "keyworker", "worker": { "label": "KW-07" } });
        assert_eq!(data["viewer"], viewer);
        assert_eq!(data["log"], json!({ "position": app.head().await, "recordedAt": "2018-03-01T09:00:00Z" }));
    })
    .await;
}
