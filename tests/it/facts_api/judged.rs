//! Commands that are judged and not done: warnings, dry runs, and requests that no resolver sees.

use serde_json::{Value, json};

use super::{Work, at};
use crate::app::{MST, new_id, on_both_stores, other_manager, refusals, text, with};

#[tokio::test]
async fn a_close_with_open_tasks_warns_until_the_warning_is_accepted() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let set = work.so("setTask", "2018-02-01", json!({ "kind": "school_meeting", "dueOn": "2018-02-09" })).await;
        let close = json!({
            "commandId": new_id(), "journey": work.journey, "reason": "therapy_completed", "occurredOn": "2018-02-10",
        });
        let head = app.head().await;
        for unheard in [json!({}), json!({ "acceptWarnings": ["TASKS_DONE"] }), json!({ "dryRun": true })] {
            let payload = app.tell(&other_manager(), "closeJourney", with(close.clone(), unheard)).await;
            let problem = &payload["problems"][0];
            assert_eq!((&problem["code"], &problem["severity"]), (&json!("TASKS_OPEN"), &json!("WARNING")));
            assert_eq!(problem["facts"], json!([{ "event": set, "type": "TaskSet" }]));
            assert_eq!((&payload["events"], &payload["journey"]["onCaseload"]), (&json!([]), &json!(true)));
        }
        assert_eq!(app.head().await, head);
        let accepted = with(close, json!({ "acceptWarnings": ["TASKS_OPEN"] }));
        let payload = app.tell(&other_manager(), "closeJourney", accepted.clone()).await;
        assert_eq!((&payload["problems"], &payload["journey"]["onCaseload"]), (&json!([]), &json!(false)));
        // What was accepted is no part of what makes it this command: without it, it is the same one again.
        let again = with(accepted, json!({ "acceptWarnings": [] }));
        let payload = app.tell(&other_manager(), "closeJourney", again).await;
        assert_eq!((&payload["replayed"], &payload["problems"]), (&json!(true), &json!([])));
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_is_judged_like_the_real_thing_and_records_nothing() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let head = app.head().await;
        let command = new_id();
        let input = work.input("2018-02-01", json!({ "commandId": command, "kind": "self_harm" }));
        let dry = |input: &Value| with(input.clone(), json!({ "dryRun": true }));
        for _ in 0..2 {
            let payload = app.tell(&other_manager(), "raiseRisk", dry(&input)).await;
            let problem = &payload["problems"][0];
            assert_eq!(payload["problems"].as_array().map(Vec::len), Some(1));
            assert_eq!((&problem["code"], &problem["severity"]), (&json!("DRY_RUN"), &json!("WARNING")));
            assert!(text(&problem["message"]).contains("RiskRaised"), "{problem}");
            assert_eq!((&payload["events"], &payload["position"]), (&json!([]), &Value::Null));
            assert_eq!((&payload["replayed"], &payload["journey"]["version"]), (&json!(false), &json!(3)));
        }
        let begins = json!({ "contract": MST, "area": "mid", "dryRun": true });
        let payload = app.tell(&other_manager(), "receiveReferral", begins).await;
        assert!(text(&payload["problems"][0]["message"]).contains("SubjectRegistered, ReferralReceived"));
        assert_eq!(payload["journey"], Value::Null);
        let wrong = with(dry(&input), json!({ "kind": "boredom" }));
        let payload = app.tell(&other_manager(), "raiseRisk", wrong).await;
        assert_eq!(refusals(&payload), ["UNKNOWN_CODE"]);
        let late = with(dry(&input), json!({ "expectedVersion": 2 }));
        assert_eq!(refusals(&app.tell(&other_manager(), "raiseRisk", late).await), ["VERSION_CONFLICT"]);
        assert_eq!(app.head().await, head);

        // The id is free until the command is done; then a dry run answers with what it did.
        let done = app.done(&other_manager(), "raiseRisk", input.clone()).await;
        assert_eq!((&done["replayed"], &done["problems"]), (&json!(false), &json!([])));
        let again = app.tell(&other_manager(), "raiseRisk", dry(&input)).await;
        assert_eq!((&again["replayed"], &again["events"]), (&json!(true), &done["events"]));
        assert_eq!(app.head().await, head + 1);
    })
    .await;
}

#[tokio::test]
async fn a_number_beyond_an_int_is_refused_before_anything_is_done() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let head = app.head().await;
        let beyond = i64::from(i32::MAX) + 1;
        for changed in
            [json!({ "expectedVersion": beyond }), json!({ "minutes": beyond }), json!({ "minutes": i64::MIN })]
        {
            let input = with(work.input("2018-02-05", json!({ "channel": "phone" })), changed.clone());
            let answer = app.told(&other_manager(), "logContact", input).await;
            assert_eq!((answer.status.as_u16(), answer.codes()), (422, vec!["BAD_USER_INPUT".to_owned()]), "{changed}");
            assert!(answer.json().get("data").is_none(), "{}", answer.body);
        }
        let document = format!("{{ contract(code: \"mst-essex\") {{ caseload(first: {beyond}) {{ totalCount }} }} }}");
        let answer = app.answer(&other_manager(), &document, json!({})).await;
        assert_eq!(answer.codes(), ["GRAPHQL_VALIDATION_FAILED"], "{}", answer.body);
        let input = work.input("2018-02-05", json!({ "channel": "phone", "expectedVersion": i32::MAX }));
        let payload = app.tell(&other_manager(), "logContact", input).await;
        assert_eq!(refusals(&payload), ["VERSION_CONFLICT"]);
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_stands_twice_is_refused_whichever_list_it_is_in() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let twice = |one: Value, other: Value| json!([{ "name": "a", "value": one }, { "name": "a", "value": other }]);
        for (mutation, input) in [
            ("startSpell", json!({ "domain": "care", "attributes": twice("1".into(), "2".into()) })),
            ("changeSpell", json!({ "spell": new_id(), "attributes": twice("1".into(), "1".into()) })),
            ("assessEligibility", json!({ "result": "ELIGIBLE", "criteria": twice(true.into(), false.into()) })),
            ("assessEligibility", json!({ "result": "ELIGIBLE", "facts": twice("1".into(), "2".into()) })),
            ("scoreAssessment", json!({ "instrument": "sdq", "score": "1", "items": twice("1".into(), "2".into()) })),
        ] {
            let list = ["attributes", "criteria", "facts", "items"].into_iter().find(|list| input.get(list).is_some());
            let refused = work.no(mutation, "2018-02-05", input.clone()).await;
            assert_eq!(refused, at("INVALID_VALUE", &[list.expect("a list"), "1", "name"]), "{mutation}");
        }
    })
    .await;
}
