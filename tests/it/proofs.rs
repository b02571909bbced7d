//! Evidence and attributes over GraphQL, on both stores: what would count for nothing is said before it is recorded,
//! and every piece of evidence says for each claim whether it counts.

use serde_json::{Value, json};

use throughline::access::Role;

use crate::app::{TestApp, manager, new_id, on_both_stores, other_manager, refusals, test_caller, text, with};

/// A home that began in a journey; answers with the spell.
async fn home(app: &TestApp, journey: &str, secured_as: &str, on: &str) -> String {
    let spell = new_id();
    let input = json!({
        "journey": journey, "spell": spell, "domain": "accommodation", "occurredOn": on,
        "attributes": [{ "name": "secured_as", "value": secured_as }],
    });
    app.done(&manager(), "startSpell", input).await;
    spell
}

/// Attaches a piece of evidence; answers with the payload.
async fn attach(app: &TestApp, journey: &str, piece: Value) -> Value {
    let input =
        json!({ "journey": journey, "kind": "tenancy_agreement", "datedOn": "2018-01-10", "occurredOn": "2018-02-01" });
    app.tell(&manager(), "attachEvidence", with(input, piece)).await
}

async fn read(app: &TestApp, journey: &str, fields: &str) -> Value {
    app.ask(&manager(), &format!("{{ journey(id: \"{journey}\") {{ {fields} }} }}"), json!({})).await["journey"].clone()
}

/// The first problem of a payload with a code.
fn problem(payload: &Value, code: &str) -> Value {
    let problems = payload["problems"].as_array().expect("problems");
    problems.iter().find(|problem| problem["code"] == code).unwrap_or_else(|| panic!("no {code}: {payload:#}")).clone()
}

/// The claim of an outcome of a journey.
async fn claim(app: &TestApp, journey: &str, outcome: &str, fields: &str) -> Value {
    let claims = read(app, journey, &format!("claims {{ outcome {fields} }}")).await["claims"].clone();
    claims.as_array().expect("claims").iter().find(|claim| claim["outcome"] == outcome).expect("the claim").clone()
}

#[tokio::test]
async fn a_home_that_would_earn_nothing_is_refused_with_what_is_allowed() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-02", "BR-1").await;
        let start = async |attributes: Value| {
            let input = json!({
                "journey": journey, "domain": "accommodation", "occurredOn": "2018-01-10", "attributes": attributes,
            });
            app.tell(&manager(), "startSpell", input).await
        };
        let nothing = problem(&start(json!([])).await, "MISSING_VALUE");
        assert_eq!(nothing["path"], json!(["attributes"]));
        assert_eq!(nothing["rule"], "attributes.accommodation.secured_as");
        assert_eq!(nothing["allowed"], json!(["kept", "new", "temporary"]));
        let typo = problem(&start(json!([{ "name": "secured_as", "value": "neww" }])).await, "UNKNOWN_CODE");
        assert_eq!(typo["path"], json!(["attributes", "0", "value"]));
        assert_eq!(typo["allowed"], json!(["kept", "new", "temporary"]));
        let name = start(json!([{ "name": "secured_as", "value": "new" }, { "name": "colour", "value": "red" }])).await;
        let name = problem(&name, "UNKNOWN_CODE");
        assert_eq!(
            (&name["allowed"], &name["rule"]),
            (&json!(["rent", "secured_as", "tenure"]), &json!("attributes.accommodation"))
        );
        let started = start(json!([{ "name": "secured_as", "value": "new" }])).await;
        assert_eq!(started["problems"], json!([]));

        let spell = text(&read(app, &journey, "spells { id }").await["spells"][0]["id"]);
        let change = json!({
            "journey": journey, "spell": spell, "occurredOn": "2018-01-20",
            "attributes": [{ "name": "tenure", "value": "castle" }],
        });
        let changed = problem(&app.tell(&manager(), "changeSpell", change.clone()).await, "UNKNOWN_CODE");
        assert_eq!(changed["allowed"], json!(["private_rented", "social_rented", "supported", "owned"]));
        let change = with(change, json!({ "attributes": [{ "name": "tenure", "value": "supported" }] }));
        assert_eq!(app.tell(&manager(), "changeSpell", change).await["problems"], json!([]));
        let correction = json!({
            "journey": journey, "target": started["events"][0]["id"], "reason": "a slip",
            "replacement": { "spell": {
                "spell": spell, "domain": "accommodation", "attributes": [{ "name": "secured_as", "value": "neww" }],
            } },
        });
        assert_eq!(refusals(&app.tell(&manager(), "correctFact", correction).await), ["UNKNOWN_CODE"]);
        // Where the rulebook lists nothing for a domain, anything may be said.
        let elsewhere = app.journey_elsewhere().await;
        let free = json!({
            "journey": elsewhere, "domain": "education", "occurredOn": "2018-02-10",
            "attributes": [{ "name": "colour", "value": "red" }],
        });
        app.done(&other_manager(), "startSpell", free).await;
    })
    .await;
}

#[tokio::test]
async fn evidence_that_supports_nothing_warns() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-02", "BR-1").await;
        let plan = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-01-05" });
        let plan = app.done(&manager(), "agreePlan", plan).await["events"][0]["id"].clone();
        let spell = home(app, &journey, "new", "2018-01-10").await;
        for supports in [json!([]), json!([plan])] {
            let payload = attach(app, &journey, json!({ "supports": supports })).await;
            let warning = problem(&payload, "EVIDENCE_SUPPORTS_NOTHING");
            assert_eq!((&warning["severity"], &warning["path"]), (&json!("WARNING"), &json!(["supports"])));
            assert_eq!(payload["position"], Value::Null, "nothing is recorded");
            let accepted = json!({ "supports": supports, "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"] });
            assert_eq!(attach(app, &journey, accepted).await["problems"], json!([]));
        }
        let payload = attach(app, &journey, json!({ "supports": [spell] })).await;
        assert_eq!(payload["problems"], json!([]));
        // A correction that takes away what it showed warns, too.
        let correction = json!({
            "journey": journey, "target": payload["events"][0]["id"], "reason": "a slip",
            "replacement": { "evidence": {
                "evidence": read(app, &journey, "evidence { id }").await["evidence"][2]["id"],
                "kind": "tenancy_agreement", "datedOn": "2018-01-10", "supports": [],
            } },
        });
        let corrected = app.tell(&manager(), "correctFact", correction).await;
        assert_eq!(problem(&corrected, "EVIDENCE_SUPPORTS_NOTHING")["severity"], "WARNING");
    })
    .await;
}

#[tokio::test]
async fn each_piece_of_evidence_says_for_each_claim_whether_it_counts_and_why_not() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-02", "BR-1").await;
        let hostel = home(app, &journey, "temporary", "2018-01-08").await;
        let secured = home(app, &journey, "new", "2018-01-10").await;
        let accept = json!({ "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"] });
        attach(app, &journey, with(accept, json!({ "supports": [] }))).await;
        attach(app, &journey, json!({ "supports": [hostel] })).await;
        attach(app, &journey, json!({ "supports": [secured], "kind": "utility_bill" })).await;
        let good = attach(app, &journey, json!({ "supports": [secured] })).await;
        assert_eq!(good["problems"], json!([]));
        let judged = async || {
            let fields = "evidence { id claims { counts reasons claim { outcome } evidence { id } } }";
            read(app, &journey, fields).await["evidence"].as_array().expect("a list").clone()
        };
        let of = |pieces: &[Value], at: usize, outcome: &str| {
            let claims = pieces[at]["claims"].as_array().expect("claims");
            let found = claims.iter().find(|judged| judged["claim"]["outcome"] == outcome).expect("the claim");
            assert_eq!(found["evidence"]["id"], pieces[at]["id"]);
            (found["counts"].clone(), found["reasons"].clone())
        };
        let pieces = judged().await;
        let no = |reasons: &[&str]| (json!(false), json!(reasons));
        assert_eq!(of(&pieces, 0, "housing_secured"), no(&["SUPPORTS_NOTHING"]));
        assert_eq!(of(&pieces, 1, "housing_secured"), no(&["SUPPORTS_OTHER"]));
        assert_eq!(of(&pieces, 2, "housing_secured"), no(&["OTHER_KIND"]));
        assert_eq!(of(&pieces, 3, "housing_secured"), (json!(true), json!([])));
        assert_eq!(of(&pieces, 3, "php_complete"), no(&["NOTHING_ASKED"]));
        assert_eq!(of(&pieces, 2, "housing_sustained"), no(&["DATED_TOO_EARLY"]), "it is to be dated near its day");
        let piece = pieces[3]["id"].clone();
        let reject = json!({ "journey": journey, "evidence": piece, "defect": "unsigned", "occurredOn": "2018-02-10" });
        app.done(&manager(), "rejectEvidence", reject).await;
        assert_eq!(of(&judged().await, 3, "housing_secured"), no(&["REJECTED"]));
        // The claim says the same of its evidence.
        let fields = "status evidence { counts reasons evidence { id kind } }";
        let secured = claim(app, &journey, "housing_secured", fields).await;
        assert_eq!(secured["status"], "EVIDENCE_MISSING");
        let reasons: Vec<&Value> =
            secured["evidence"].as_array().expect("a list").iter().map(|of| &of["reasons"][0]).collect();
        assert_eq!(reasons, ["SUPPORTS_NOTHING", "SUPPORTS_OTHER", "OTHER_KIND", "REJECTED"]);
        let listed =
            "{ contract(code: \"shps\") { claims(outcome: \"housing_secured\") { nodes { evidence { counts } } } } }";
        let listed = app.ask(&manager(), listed, json!({})).await;
        assert_eq!(listed["contract"]["claims"]["nodes"][0]["evidence"].as_array().map(Vec::len), Some(4));
    })
    .await;
}

#[tokio::test]
async fn a_maturing_claim_says_what_evidence_will_be_needed_and_a_claimable_one_until_when_it_can_be_claimed() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-02", "BR-1").await;
        let spell = home(app, &journey, "new", "2018-01-10").await;
        let needed = "status claimableFrom claimableUntil untilPayable { missing evidence { anyOf allOf verified datedFrom \
            datedUntil } }";
        let secured = claim(app, &journey, "housing_secured", needed).await;
        let kinds = json!(["tenancy_agreement", "landlord_letter", "council_tax_bill", "housing_benefit_letter"]);
        assert_eq!((&secured["status"], &secured["untilPayable"]["missing"]), (&json!("EVIDENCE_MISSING"), &kinds));
        let lacks = json!({ "anyOf": kinds, "allOf": [], "verified": false, "datedFrom": null, "datedUntil": null });
        assert_eq!(secured["untilPayable"]["evidence"], lacks);
        let sustained = claim(app, &journey, "housing_sustained", needed).await;
        assert_eq!((&sustained["status"], &sustained["untilPayable"]["missing"]), (&json!("MATURING"), &json!([])));
        let kinds = json!(["landlord_letter", "council_tax_bill", "housing_benefit_letter", "utility_bill"]);
        let needs = json!({ "anyOf": kinds, "allOf": [], "verified": false, "datedFrom": "2018-08-13", "datedUntil": null });
        assert_eq!(sustained["untilPayable"]["evidence"], needs, "eight months less 28 days");
        attach(app, &journey, json!({ "supports": [spell] })).await;
        let secured = claim(app, &journey, "housing_secured", needed).await;
        assert_eq!((&secured["status"], &secured["untilPayable"]), (&json!("CLAIMABLE"), &Value::Null));
        assert_eq!((&secured["claimableFrom"], &secured["claimableUntil"]), (&json!("2018-01-10"), &json!("2019-01-10")));
    })
    .await;
}

#[tokio::test]
async fn a_claim_a_task_a_spell_a_risk_and_a_piece_of_evidence_are_found_by_their_ids() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-02", "BR-1").await;
        let spell = home(app, &journey, "new", "2018-01-10").await;
        attach(app, &journey, json!({ "supports": [spell] })).await;
        let task = json!({ "journey": journey, "kind": "letter", "dueOn": "2018-02-23", "occurredOn": "2018-01-11" });
        app.done(&manager(), "setTask", task).await;
        let risk = json!({ "journey": journey, "kind": "rent_arrears", "occurredOn": "2018-01-12" });
        app.done(&manager(), "raiseRisk", risk).await;
        let fields = "spells { id } tasks { id } risks { id } evidence { id } claims { id }";
        let things = read(app, &journey, fields).await;
        let find = "query($id: ID!) { node(id: $id) { __typename id ... on Evidence { journey { id } } \
            ... on Claim { journey { id } outcome } ... on Spell { domain } ... on Task { kind } ... on Risk { kind } } }";
        for (list, typename) in
            [("spells", "Spell"), ("tasks", "Task"), ("risks", "Risk"), ("evidence", "Evidence"), ("claims", "Claim")]
        {
            let id = &things[list][0]["id"];
            let found = app.ask(&manager(), find, json!({ "id": id })).await["node"].clone();
            assert_eq!((&found["__typename"], &found["id"]), (&json!(typename), id));
            if found.get("journey").is_some() {
                assert_eq!(found["journey"]["id"], json!(journey), "{found}");
            }
            let hidden = app.ask(&other_manager(), find, json!({ "id": id })).await;
            assert_eq!(hidden["node"], Value::Null, "{typename} of another contract does not exist");
        }
        let retract = json!({ "journey": journey, "targets": [read(app, &journey, "tasks { event }").await["tasks"][0]["event"]],
            "reason": "never" });
        app.done(&manager(), "retractFact", retract).await;
        let gone = app.ask(&manager(), find, json!({ "id": things["tasks"][0]["id"] })).await;
        assert_eq!(gone["node"], Value::Null, "a task that was retracted is none");
    })
    .await;
}

#[tokio::test]
async fn an_outcome_for_other_clients_says_so() {
    on_both_stores(async |app| {
        app.open_contract("innovation-fund").await;
        let manager = test_caller(Role::Manager, "manager", &["innovation-fund"]);
        let claims = async |age: u32| {
            let input = json!({
                "contract": "innovation-fund", "area": "manchester", "cohort": "1", "occurredOn": "2018-01-08",
            });
            let journey = text(&app.done(&manager, "receiveReferral", input).await["journey"]["id"]);
            let on = json!({ "journey": journey, "occurredOn": "2018-01-09" });
            let facts = json!({ "result": "ELIGIBLE", "facts": [{ "name": "age", "value": age.to_string() }] });
            app.done(&manager, "assessEligibility", with(on, facts)).await;
            let document =
                "query($id: UUID!) { journey(id: $id) { claims { outcome status untilPayable { reason } } } }";
            let claims = app.ask(&manager, document, json!({ "id": journey })).await["journey"]["claims"].clone();
            let claims = claims.as_array().expect("claims").clone();
            claims.into_iter().find(|claim| claim["outcome"] == "attitude").expect("of the pack")
        };
        for (age, reason) in [(17, json!("other_clients")), (15, Value::Null)] {
            let claim = claims(age).await;
            assert_eq!((&claim["status"], &claim["untilPayable"]["reason"]), (&json!("NOT_STARTED"), &reason), "{age}");
        }
    })
    .await;
}
