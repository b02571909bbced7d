//! A correction is a patch over the API: what is left out stays, an explicit null clears, on both stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{
    MST, TestApp, keyworker, manager, new_id, on_both_stores, other_manager, refusals, test_caller, with,
};
use crate::staff::accepted;

/// The contacts of a journey, with all that a correction might lose.
async fn contacts(app: &TestApp, journey: &str) -> Value {
    let document = "query($id: UUID!) { journey(id: $id) { daysSinceContact contacts { channel attendance direction \
                    faceToFace twoWay group minutes scheduledOn worker { label } occurred { on precision localTime } } } }";
    app.ask(&manager(), document, json!({ "id": journey })).await["journey"]["contacts"].clone()
}

fn correction(journey: &str, target: &Value, more: Value) -> Value {
    with(json!({ "journey": journey, "target": target, "reason": "a slip" }), more)
}

#[tokio::test]
async fn a_correction_keeps_what_it_leaves_out_and_null_clears() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        let met = json!({
            "journey": journey, "channel": "phone", "attendance": "ATTENDED", "direction": "OUTGOING", "twoWay": true,
            "group": true, "minutes": 45, "scheduledOn": "2018-02-22", "occurredOn": "2018-02-23", "localTime": "14:30",
        });
        let event = app.log_contact(&keyworker("kw-07"), met).await["events"][0]["id"].clone();
        let whole = json!({
            "channel": "phone", "attendance": "ATTENDED", "direction": "OUTGOING", "faceToFace": false, "twoWay": true,
            "group": true, "minutes": 45, "scheduledOn": "2018-02-22", "worker": { "label": "KW-07" },
            "occurred": { "on": "2018-02-23", "precision": "DAY", "localTime": "14:30:00" },
        });
        assert_eq!(contacts(app, &journey).await, json!([whole]));

        let by_home = json!({ "replacement": { "contact": { "channel": "home_visit" } } });
        app.done(&manager(), "correctFact", correction(&journey, &event, by_home)).await;
        let whole = with(whole, json!({ "channel": "home_visit", "faceToFace": true }));
        assert_eq!(contacts(app, &journey).await, json!([whole]), "all else stays, the worker above all");

        app.done(&manager(), "correctFact", correction(&journey, &event, json!({ "occurredOn": "2018-02-24" }))).await;
        let occurred = json!({ "on": "2018-02-24", "precision": "DAY", "localTime": "14:30:00" });
        let whole = with(whole, json!({ "occurred": occurred }));
        assert_eq!(contacts(app, &journey).await, json!([whole]), "a day alone is a correction too");

        let nulls = json!({
            "localTime": null,
            "replacement": { "contact": { "worker": null, "minutes": null, "direction": null, "scheduledOn": null } },
        });
        app.done(&manager(), "correctFact", correction(&journey, &event, nulls)).await;
        let occurred = json!({ "on": "2018-02-24", "precision": "DAY", "localTime": null });
        let cleared = json!({
            "worker": null, "minutes": null, "direction": null, "scheduledOn": null, "occurred": occurred
        });
        assert_eq!(contacts(app, &journey).await, json!([with(whole, cleared)]));

        let never = json!({ "occurredOn": null, "replacement": { "contact": { "channel": null } } });
        let payload = app.tell(&manager(), "correctFact", correction(&journey, &event, never)).await;
        assert_eq!(payload["problems"][0]["path"], json!(["occurredOn"]), "{payload:#}");
        let never = json!({ "replacement": { "contact": { "channel": null } } });
        let payload = app.tell(&manager(), "correctFact", correction(&journey, &event, never)).await;
        assert_eq!(refusals(&payload), ["MISSING_VALUE"]);
        assert_eq!(payload["problems"][0]["path"], json!(["replacement", "contact", "channel"]));
    })
    .await;
}

#[tokio::test]
async fn the_event_of_a_correction_records_the_whole_fact() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let plan = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-10", "localTime": "09:00" });
        app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
        let home = json!({
            "journey": journey, "domain": "accommodation", "employerRef": "L-1", "occurredOn": "2018-02-12",
            "attributes": [{ "name": "secured_as", "value": "new" }, { "name": "tenure", "value": "owned" }],
        });
        app.done(&manager(), "agreePlan", plan).await;
        let event = app.done(&manager(), "startSpell", home).await["events"][0]["id"].clone();
        let kept = json!({ "replacement": { "spell": { "attributes": [
            { "name": "secured_as", "value": "kept" }, { "name": "tenure", "value": null },
        ] } } });
        let corrected = app.done(&manager(), "correctFact", correction(&journey, &event, kept)).await;
        let auditor = test_caller(Role::Auditor, "auditor", &[]);
        let document = "query($id: ID!) { node(id: $id) { ... on Event { payload } } }";
        let read = app.ask(&auditor, document, json!({ "id": corrected["events"][0]["id"] })).await;
        let payload = &read["node"]["payload"];
        let payload: Value =
            payload.as_str().map_or_else(|| payload.clone(), |it| serde_json::from_str(it).expect("JSON"));
        assert_eq!(payload["occurred_on"], "2018-02-12");
        assert_eq!(payload["payload"]["domain"], "accommodation");
        assert_eq!(payload["payload"]["employer_ref"], "L-1");
        assert_eq!(payload["payload"]["attributes"], json!({ "secured_as": "kept" }));
    })
    .await;
}

#[tokio::test]
async fn the_facts_of_workers_teams_and_contracts_are_patched_too() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        let who: Principal = manager();
        let leave = json!({
            "worker": ann, "kind": "annual_leave", "occurredOn": "2018-02-10", "backOn": "2018-02-20"
        });
        let event = accepted(app, &who, "recordAbsence", leave).await;
        let sick = json!({ "worker": ann, "target": event, "reason": "a slip",
            "replacement": { "absence": { "kind": "sickness" } } });
        accepted(app, &who, "correctFact", sick).await;
        let id = new_id();
        let team = json!({ "team": id, "label": "West", "members": [ann, bob], "occurredOn": "2018-01-01" });
        let set = accepted(app, &who, "setTeam", team).await;
        let named = json!({ "team": id, "target": set, "reason": "a slip",
            "replacement": { "team": { "label": "North" } } });
        accepted(app, &who, "correctFact", named).await;
        let document = "query($worker: ID!, $team: ID!) { \
                        worker: node(id: $worker) { ... on Worker { absences { kind backOn } } } \
                        team: node(id: $team) { ... on Team { label members { label } } } }";
        let read = app.ask(&who, document, json!({ "worker": ann, "team": id })).await;
        assert_eq!(read["worker"]["absences"][0], json!({ "kind": "sickness", "backOn": "2018-02-20" }));
        assert_eq!(read["team"]["label"], "North");
        assert_eq!(read["team"]["members"].as_array().map(Vec::len), Some(2), "nobody fell out of the team");
        let measure = json!({
            "contract": MST, "code": "sdq_total", "value": "12.5", "unit": "points", "occurredOn": "2018-02-28",
            "period": { "first": "2018-01-01", "last": "2018-01-31" },
        });
        let event = accepted(app, &other_manager(), "recordMeasure", measure).await;
        let value = json!({ "contract": MST, "target": event, "reason": "a slip",
            "replacement": { "measure": { "value": "13", "period": { "first": "2018-01-08" } } } });
        accepted(app, &other_manager(), "correctFact", value).await;
        let document = "{ contract(code: \"mst-essex\") { measures { value unit period { first last } } } }";
        let read = app.ask(&other_manager(), document, json!({})).await;
        let period = json!({ "first": "2018-01-08", "last": "2018-01-31" });
        assert_eq!(read["contract"]["measures"], json!([{ "value": "13", "unit": "points", "period": period }]));
    })
    .await;
}
