//! Refusals that no scenario can show (tests/scenarios/refusals has the others): personal data, and values that do not
//! have their type. Over the API, on both stores.

use serde_json::{Value, json};

use crate::app::{TODAY, TestApp, call, keyworker, manager, on_both_stores, refusals, with};

/// A case on the caseload of `kw-07` since 2 February.
async fn case(app: &TestApp) -> String {
    let worker = app.add_worker("kw-07").await;
    let journey = app.receive_referral("2018-02-01", "BR-1").await;
    app.take_on(&journey, &worker, "2018-02-02").await;
    journey
}

/// The one problem of a mutation that must be refused and record nothing.
async fn refused(app: &TestApp, mutation: &str, input: Value) -> Value {
    let head = app.head().await;
    let payload = app.tell(&manager(), mutation, input).await;
    assert_eq!(refusals(&payload).len(), 1, "{payload:#}");
    assert_eq!((&payload["events"], &payload["position"]), (&json!([]), &Value::Null));
    assert_eq!(app.head().await, head, "a refused command moved the log");
    let problem = payload["problems"][0].clone();
    assert_eq!(problem["__typename"], "Refusal");
    problem
}

#[tokio::test]
async fn what_looks_personal_is_refused_wherever_words_go_and_never_repeated() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let contact = app.log_contact(&keyworker("kw-07"), call(&journey, TODAY)).await["events"][0].clone();
        for personal in ["QQ123456C rang", "her number is 943 476 5919", "07700 900123", "write to a.b@example.org"] {
            let input = json!({ "journey": journey, "targets": [contact["id"]], "reason": personal });
            let problem = refused(app, "retractFact", input).await;
            assert_eq!((&problem["code"], &problem["path"]), (&json!("PERSONAL_DATA"), &json!(["reason"])));
            assert!(!problem.to_string().contains(personal), "{problem}");
        }
        let input = json!({
            "contract": "shps", "area": "brent", "externalReferences": [{ "system": "council", "id": "QQ123456C" }],
        });
        let problem = refused(app, "receiveReferral", input).await;
        assert_eq!(problem["code"], "PERSONAL_DATA");
        assert_eq!(problem["path"], json!(["externalReferences", "0", "id"]));
        let input = with(call(&journey, TODAY), json!({ "channel": "07700 900123" }));
        let problem = refused(app, "logContact", input).await;
        assert_eq!(problem["code"], "PERSONAL_DATA");
    })
    .await;
}

#[tokio::test]
async fn a_bad_value_is_an_error_of_the_request_and_reaches_no_resolver() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let head = app.head().await;
        for changed in [
            json!({ "occurredOn": "2018-02-30" }),
            json!({ "occurredOn": "23/02/2018" }),
            json!({ "journey": "BR-1" }),
            json!({ "commandId": "1" }),
            json!({ "localTime": "25:00" }),
            json!({ "minutes": "ten" }),
            json!({ "with": "FRIEND" }),
            json!({ "notes": "there is one note" }),
        ] {
            let answer = app.told(&manager(), "logContact", with(call(&journey, TODAY), changed.clone())).await;
            let codes = answer.codes();
            assert_eq!(codes, ["BAD_USER_INPUT"], "{changed}: {}", answer.body);
        }
        assert_eq!(app.head().await, head);
    })
    .await;
}
