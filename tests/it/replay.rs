//! An auditor's replay of one journey: the answer as of a day, as it was known on another (domain §9), on both stores.

use serde_json::{Value, json};
use throughline::access::Role;
use throughline::demo::{self, CONTINUES_AT, SEED, Size, Story, documented_journey};

use crate::app::{SHPS, TestApp, call, from_the_instant, keyworker, manager, test_caller, text};

const DOCUMENT: &str = include_str!("../../schema/operations/journey_replay.graphql");

/// The answer about a journey at a point of view.
async fn at(app: &TestApp, journey: &str, point: Value) -> Value {
    let auditor = test_caller(Role::Auditor, "auditor", &[SHPS]);
    app.ask(&auditor, DOCUMENT, crate::app::with(json!({ "journey": journey }), point)).await["journey"].clone()
}

/// Days since contact as of 23 February.
async fn days(app: &TestApp, journey: &str, known: Value) -> Value {
    let point = crate::app::with(json!({ "asOf": "2018-02-23" }), known);
    at(app, journey, point).await["daysSinceContact"].clone()
}

/// Contacts of 1 and 10 February, the second recorded on the 25th and retracted on the 26th. Answers with the journey
/// and the events of the second contact and its retraction.
async fn tell(app: &TestApp) -> (String, Value, Value) {
    app.open_contract(SHPS).await;
    let worker = app.add_worker("kw-07").await;
    let journey = app.receive_referral("2018-01-02", "BR-1").await;
    app.take_on(&journey, &worker, "2018-01-03").await;
    app.it_is("2018-02-01T15:00:00Z");
    app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-01")).await;
    app.it_is("2018-02-25T11:00:00Z");
    let late = app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-10")).await["events"][0].clone();
    app.it_is("2018-02-26T10:00:00Z");
    let input = json!({ "journey": journey, "targets": [late["id"]], "reason": "it stands in the wrong case" });
    let retraction = app.done(&manager(), "retractFact", input).await["events"][0].clone();
    app.it_is("2018-03-01T09:00:00Z");
    (journey, late, retraction)
}

#[tokio::test]
async fn a_contact_recorded_late_and_retracted_is_known_between_and_not_before_or_after() {
    from_the_instant("2018-01-05T09:00:00Z", async |app| {
        let (journey, late, retraction) = tell(app).await;
        for (known, expected) in [
            (json!({ "knownOn": "2018-02-23" }), 22),
            (json!({ "knownOn": "2018-02-24" }), 22),
            (json!({ "knownOn": "2018-02-25" }), 13),
            (json!({ "knownOn": "2018-02-26" }), 22),
            (json!({}), 22),
            (json!({ "knownAt": "2018-02-25T10:59:59.999999Z" }), 22),
            (json!({ "knownAt": "2018-02-25T11:00:00Z" }), 13),
            (json!({ "knownAt": "2018-02-25T12:00:00+01:00" }), 13),
            (json!({ "knownAt": "2018-02-26T09:59:59.999999Z" }), 13),
            (json!({ "knownAt": "2018-02-26T10:00:00Z" }), 22),
            (json!({ "position": late["position"].as_i64().expect("a position") - 1 }), 22),
            (json!({ "position": late["position"] }), 13),
            (json!({ "position": retraction["position"] }), 22),
            (json!({ "position": 1_000_000 }), 22),
        ] {
            assert_eq!(days(app, &journey, known.clone()).await, expected, "{known}");
        }
    })
    .await;
}

#[tokio::test]
async fn before_anything_was_known_of_it_a_journey_is_not_there() {
    from_the_instant("2018-01-05T09:00:00Z", async |app| {
        let (journey, ..) = tell(app).await;
        for known in [json!({ "knownOn": "2018-01-04" }), json!({ "position": 0 })] {
            assert_eq!(at(app, &journey, known.clone()).await, Value::Null, "{known}");
        }
        // Known, but not yet so: the journey is there and says nothing.
        let early = at(app, &journey, json!({ "asOf": "2018-01-01" })).await;
        assert_eq!((&early["stage"], &early["daysSinceContact"]), (&Value::Null, &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn the_timeline_links_a_retraction_with_what_it_retracts() {
    from_the_instant("2018-01-05T09:00:00Z", async |app| {
        let (journey, late, retraction) = tell(app).await;
        let entry = |read: &Value, event: &Value| {
            let entries = read["timeline"].as_array().expect("entries");
            entries.iter().find(|entry| entry["event"]["id"] == event["id"]).cloned()
        };
        let now = at(app, &journey, json!({})).await;
        let contact = entry(&now, &late).expect("the contact");
        assert_eq!((&contact["stands"], &contact["amendedBy"]["id"]), (&json!(false), &retraction["id"]));
        let taken_back = entry(&now, &retraction).expect("the retraction");
        assert_eq!((&taken_back["stands"], &taken_back["amends"]["id"]), (&json!(false), &late["id"]));

        let then = at(app, &journey, json!({ "knownOn": "2018-02-25" })).await;
        let contact = entry(&then, &late).expect("the contact");
        assert_eq!((&contact["stands"], &contact["amendedBy"]), (&json!(true), &Value::Null));
        assert_eq!(entry(&then, &retraction), None);
        assert_eq!(then["position"], late["position"]);
        assert_eq!(then["version"], late["version"]);
    })
    .await;
}

#[tokio::test]
async fn a_correction_moves_the_day_and_the_timeline_keeps_both() {
    from_the_instant("2018-01-05T09:00:00Z", async |app| {
        let (journey, ..) = tell(app).await;
        let logged = app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-20")).await["events"][0].clone();
        let input = json!({
            "journey": journey, "target": logged["id"], "occurredOn": "2018-02-19", "reason": "the wrong day",
            "replacement": { "contact": { "channel": "phone", "twoWay": true } },
        });
        let corrected = app.done(&keyworker("kw-07"), "correctFact", input).await["events"][0].clone();
        assert_eq!(days(app, &journey, json!({})).await, 4);
        assert_eq!(days(app, &journey, json!({ "position": logged["position"] })).await, 3);
        let read = at(app, &journey, json!({})).await;
        let entries = read["timeline"].as_array().expect("entries");
        let original = entries.iter().find(|entry| entry["event"]["id"] == logged["id"]).expect("the original");
        assert_eq!((&original["stands"], &original["amendedBy"]["id"]), (&json!(true), &corrected["id"]));
    })
    .await;
}

#[tokio::test]
async fn two_ways_to_say_what_was_known_are_refused() {
    from_the_instant("2018-01-05T09:00:00Z", async |app| {
        app.open_contract(SHPS).await;
        let journey = app.receive_referral("2018-01-02", "BR-1").await;
        let (on, at, position) = (
            json!({ "knownOn": "2018-02-25" }),
            json!({ "knownAt": "2018-02-25T11:00:00Z" }),
            json!({ "position": 3 }),
        );
        for (one, other) in [(&on, &at), (&on, &position), (&at, &position)] {
            let known = crate::app::with(one.clone(), other.clone());
            let variables = crate::app::with(json!({ "journey": journey }), known);
            let answer = app.answer(&manager(), DOCUMENT, variables).await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{}", answer.body);
            assert_eq!(answer.json()["data"], json!({ "journey": null }));
        }
    })
    .await;
}

#[tokio::test]
async fn the_demos_documented_journey_gives_the_three_answers() {
    from_the_instant(&CONTINUES_AT.to_rfc3339(), async |app| {
        let story = Story::new(SEED, Size::OneIn(40));
        let played = demo::play(&app.fresh.recorder, &app.fresh.clock, &story).await.expect("the story is played");
        assert_eq!(app.head().await, played.position.0);
        app.fresh.clock.set(CONTINUES_AT);
        let journey = documented_journey().to_string();
        for (known_on, expected) in [("2018-02-23", 22), ("2018-02-25", 13), ("2018-02-26", 22)] {
            assert_eq!(days(app, &journey, json!({ "knownOn": known_on })).await, expected, "{known_on}");
        }
        let read = at(app, &journey, json!({ "asOf": "2018-02-23" })).await;
        assert_eq!(text(&read["reference"]), demo::DOCUMENTED_REFERENCE);
    })
    .await;
}
