//! A command is done once, and says which state of its stream it expects: over the API, on both stores.

use serde_json::{Value, json};
use throughline::access::Role;

use crate::app::{
    MST, SHPS, TODAY, TestApp, call, keyworker, manager, new_id, on_both_stores, other_manager, refusals, test_caller,
    text, with,
};

/// A journey that is on the caseload of `kw-07` since 2 February.
async fn case(app: &TestApp) -> String {
    let worker = app.add_worker("kw-07").await;
    let journey = app.receive_referral("2018-02-01", "BR-1").await;
    app.take_on(&journey, &worker, "2018-02-02").await;
    journey
}

fn event_ids(payload: &Value) -> Vec<String> {
    payload["events"].as_array().expect("events").iter().map(|event| text(&event["id"])).collect()
}

#[tokio::test]
async fn the_same_command_again_is_a_replay_and_adds_nothing() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let who = keyworker("kw-07");
        // Neither a day nor a worker is named: what the service fills in is no part of the command.
        let command = json!({
            "commandId": new_id(), "journey": journey, "channel": "phone", "twoWay": true, "expectedVersion": 3,
        });
        let first = app.log_contact(&who, command.clone()).await;
        let head = app.head().await;
        let again = app.log_contact(&who, command.clone()).await;
        assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
        assert_eq!(event_ids(&first), event_ids(&again));
        assert_eq!(first["position"], again["position"]);

        app.it_is("2018-03-02T09:00:00Z");
        let next_day = app.log_contact(&who, command.clone()).await;
        assert_eq!(next_day["replayed"], true);
        assert_eq!(event_ids(&first), event_ids(&next_day));
        // The journey is shown as it now is, a day later.
        assert_eq!(next_day["journey"]["daysSinceContact"], 1);

        // Another expectation, a null where nothing was, the id in capitals: still the same command.
        let upper = text(&command["commandId"]).to_uppercase();
        for changed in
            [json!({ "expectedVersion": 1 }), json!({ "expectedVersion": null }), json!({ "minutes": null }), {
                json!({ "commandId": upper })
            }]
        {
            let replay = app.log_contact(&who, with(command.clone(), changed.clone())).await;
            assert_eq!(replay["replayed"], true, "{changed}");
        }
        assert_eq!(app.head().await, head);
    })
    .await;
}

/// The dates of a case's contacts.
async fn contact_dates(app: &TestApp, journey: &str) -> Vec<String> {
    let document = "query($id: UUID!) { journey(id: $id) { contacts { occurred { on } } } }";
    let data = app.ask(&manager(), document, json!({ "id": journey })).await;
    let contacts = data["journey"]["contacts"].as_array().expect("contacts");
    let mut dates: Vec<String> = contacts.iter().map(|contact| text(&contact["occurred"]["on"])).collect();
    dates.sort();
    dates
}

#[tokio::test]
async fn a_command_without_a_date_that_comes_again_after_midnight_keeps_its_first_date() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let who = keyworker("kw-07");
        // In summer, midnight in London is an hour before midnight in UTC.
        app.it_is("2018-03-31T22:59:00Z");
        let command = json!({ "commandId": new_id(), "journey": journey, "channel": "phone", "twoWay": true });
        let first = app.log_contact(&who, command.clone()).await;
        assert_eq!(first["replayed"], false);
        let head = app.head().await;

        app.it_is("2018-03-31T23:01:00Z");
        let again = app.log_contact(&who, command.clone()).await;
        assert_eq!(again["replayed"], true);
        assert_eq!(event_ids(&first), event_ids(&again));
        assert_eq!(app.head().await, head);
        assert_eq!(contact_dates(app, &journey).await, ["2018-03-31"]);
        // The date that the first one got was no part of it.
        let dated = with(command.clone(), json!({ "occurredOn": "2018-03-31" }));
        assert_eq!(refusals(&app.tell(&who, "logContact", dated).await), ["COMMAND_ID_REUSED"]);

        let dry = with(command.clone(), json!({ "commandId": new_id(), "dryRun": true }));
        assert_eq!(refusals(&app.tell(&who, "logContact", dry).await), [""; 0]);
        app.log_contact(&who, with(command, json!({ "commandId": new_id() }))).await;
        assert_eq!(contact_dates(app, &journey).await, ["2018-03-31", "2018-04-01"]);
    })
    .await;
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let who = keyworker("kw-07");
        let command = with(call(&journey, TODAY), json!({ "commandId": new_id() }));
        app.log_contact(&who, command.clone()).await;
        let head = app.head().await;
        for changed in [json!({ "channel": "text" }), json!({ "occurredOn": "2018-02-28" }), json!({ "minutes": 5 })] {
            let payload = app.tell(&who, "logContact", with(command.clone(), changed)).await;
            assert_eq!(refusals(&payload), ["COMMAND_ID_REUSED"]);
            assert_eq!(payload["problems"][0]["path"], json!(["commandId"]));
            assert_eq!(payload["events"], json!([]));
            assert_eq!(payload["position"], Value::Null);
        }
        let other = json!({ "commandId": command["commandId"], "journey": journey, "kind": "php" });
        assert_eq!(refusals(&app.tell(&who, "agreePlan", other).await), ["COMMAND_ID_REUSED"]);
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn the_same_id_of_another_actor_is_another_command() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        app.add_worker("kw-08").await;
        let again = json!({ "commandId": new_id(), "acceptWarnings": ["RECORDED_ALREADY"] });
        let command = with(call(&journey, TODAY), again);
        let one = app.log_contact(&keyworker("kw-07"), command.clone()).await;
        let other = app.log_contact(&keyworker("kw-08"), command).await;
        assert_eq!((&one["replayed"], &other["replayed"]), (&json!(false), &json!(false)));
        assert_ne!(event_ids(&one), event_ids(&other));
    })
    .await;
}

#[tokio::test]
async fn a_refused_command_may_come_again_with_its_id() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let command = with(call(&journey, "2018-03-02"), json!({ "commandId": new_id() }));
        let early = app.tell(&keyworker("kw-07"), "logContact", command.clone()).await;
        assert_eq!(refusals(&early), ["DATED_IN_FUTURE"]);
        app.it_is("2018-03-02T09:00:00Z");
        let in_time = app.log_contact(&keyworker("kw-07"), command.clone()).await;
        assert_eq!(in_time["replayed"], false);
        assert_eq!(app.log_contact(&keyworker("kw-07"), command).await["replayed"], true);
    })
    .await;
}

#[tokio::test]
async fn a_referral_sent_twice_makes_one_subject_and_one_journey() {
    on_both_stores(async |app| {
        let input = json!({ "commandId": new_id(), "contract": SHPS, "area": "brent" });
        let one = app.done(&manager(), "receiveReferral", input.clone()).await;
        let head = app.head().await;
        let two = app.done(&manager(), "receiveReferral", input).await;
        assert_eq!(two["replayed"], true);
        assert_eq!(one["journey"]["id"], two["journey"]["id"]);
        assert_eq!(event_ids(&one), event_ids(&two));
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn a_replay_shows_nothing_to_those_who_may_no_longer_see_it() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let command = with(call(&journey, TODAY), json!({ "commandId": new_id() }));
        app.log_contact(&keyworker("kw-07"), command.clone()).await;
        let moved = test_caller(Role::Keyworker, "kw-07", &[MST]);
        let payload = app.tell(&moved, "logContact", command.clone()).await;
        assert_eq!(refusals(&payload), ["JOURNEY_NOT_FOUND"]);
        assert_eq!((&payload["journey"], &payload["events"]), (&Value::Null, &json!([])));
        let promoted = test_caller(Role::Auditor, "kw-07", &[SHPS]);
        assert_eq!(app.told(&promoted, "logContact", command).await.codes(), ["FORBIDDEN"]);
    })
    .await;
}

#[tokio::test]
async fn an_expected_version_is_any_none_or_exact() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let who = keyworker("kw-07");
        // Referred, accepted, assigned: version 3.
        let any = app.log_contact(&who, call(&journey, TODAY)).await;
        assert_eq!(any["journey"]["version"], 4);
        let exact =
            app.log_contact(&who, with(call(&journey, TODAY), json!({ "minutes": 5, "expectedVersion": 4 }))).await;
        assert_eq!(exact["journey"]["version"], 5);
        let new = json!({ "contract": SHPS, "area": "brent", "journey": new_id(), "expectedVersion": 0 });
        assert_eq!(app.done(&manager(), "receiveReferral", new.clone()).await["journey"]["version"], 1);
        let twice = app.tell(&manager(), "receiveReferral", new).await;
        assert_eq!(refusals(&twice), ["VERSION_CONFLICT"]);
        let negative =
            app.tell(&who, "logContact", with(call(&journey, TODAY), json!({ "expectedVersion": -1 }))).await;
        assert_eq!(refusals(&negative), ["INVALID_VALUE"]);
        assert_eq!(negative["problems"][0]["path"], json!(["expectedVersion"]));
    })
    .await;
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_with_the_events_since() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let who = keyworker("kw-07");
        app.log_contact(&who, call(&journey, "2018-02-20")).await;
        app.done(&who, "agreePlan", json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-21" })).await;
        let head = app.head().await;
        let stale = with(call(&journey, TODAY), json!({ "expectedVersion": 3 }));
        let payload = app.tell(&who, "logContact", stale).await;
        let problem = &payload["problems"][0];
        assert_eq!(problem["__typename"], "VersionConflict");
        assert_eq!(problem["code"], "VERSION_CONFLICT");
        assert_eq!(problem["path"], json!(["expectedVersion"]));
        assert_eq!(problem["allowed"], json!(["5"]));
        assert_eq!(problem["actualVersion"], 5);
        let since = problem["events"].as_array().expect("events");
        let since: Vec<_> = since.iter().map(|event| (text(&event["type"]), &event["version"])).collect();
        assert_eq!(since, [("ContactLogged".to_owned(), &json!(4)), ("PlanAgreed".to_owned(), &json!(5))]);
        // The journey is there as it now is, so that whoever sent the command can decide anew.
        assert_eq!(payload["journey"]["version"], 5);
        assert_eq!(payload["events"], json!([]));

        // A version that the stream has not reached is a conflict with nothing since.
        let early = with(call(&journey, TODAY), json!({ "expectedVersion": 9 }));
        let payload = app.tell(&who, "logContact", early).await;
        assert_eq!(payload["problems"][0]["events"], json!([]));
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn a_conflict_shows_nothing_of_another_contract() {
    on_both_stores(async |app| {
        let elsewhere = app.journey_elsewhere().await;
        let taken = json!({ "contract": SHPS, "area": "brent", "journey": elsewhere, "expectedVersion": 0 });
        let payload = app.tell(&manager(), "receiveReferral", taken).await;
        assert_eq!(refusals(&payload), ["JOURNEY_NOT_FOUND"]);
        assert_eq!(payload["journey"], Value::Null);

        let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
        let data = app.ask(&other_manager(), document, json!({ "id": elsewhere })).await;
        let subject = &data["journey"]["subject"]["id"];
        let known = json!({ "subject": subject, "expectedVersion": 0 });
        let payload = app.tell(&manager(), "registerSubject", known).await;
        assert_eq!(refusals(&payload), ["SUBJECT_NOT_FOUND"]);
        assert_eq!(payload["problems"][0]["facts"], json!([]));
    })
    .await;
}
