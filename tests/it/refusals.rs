//! Refusals as clients read them: code, path, rule and what is allowed, over the API, on both stores.

use serde_json::{Value, json};

use crate::app::{TODAY, TestApp, call, keyworker, manager, on_both_stores, refusals, with};

/// A journey that is on the caseload of `kw-07` since 2 February, and the worker.
async fn case(app: &TestApp) -> (String, String) {
    let worker = app.add_worker("kw-07").await;
    let journey = app.receive_referral("2018-02-01", "BR-1").await;
    app.take_on(&journey, &worker, "2018-02-02").await;
    (journey, worker)
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
async fn a_contact_in_the_future_is_refused_and_says_which_day_it_is() {
    on_both_stores(async |app| {
        let (journey, _) = case(app).await;
        let problem = refused(app, "logContact", call(&journey, "2018-03-02")).await;
        assert_eq!(problem["code"], "DATED_IN_FUTURE");
        assert_eq!(problem["path"], json!(["occurredOn"]));
        assert_eq!(problem["rule"], "a fact cannot be dated in the future");
        assert_eq!(problem["message"], "2018-03-02 is after today, 2018-03-01: use a date up to today");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_code_is_refused_and_says_what_is_allowed() {
    on_both_stores(async |app| {
        let (journey, _) = case(app).await;
        let input = with(call(&journey, TODAY), json!({ "channel": "pigeon" }));
        let problem = refused(app, "logContact", input).await;
        assert_eq!(problem["code"], "UNKNOWN_CODE");
        assert_eq!(problem["path"], json!(["channel"]));
        assert_eq!(problem["rule"], "codes.contact_channels");
        let channels = ["face_to_face", "home_visit", "phone", "video", "text", "email", "letter"];
        assert_eq!(problem["allowed"], json!(channels));

        let several = json!({ "contract": "shps", "area": "leeds", "referrer": { "kind": "oracle" } });
        let payload = app.tell(&manager(), "receiveReferral", several).await;
        let paths: Vec<_> =
            payload["problems"].as_array().expect("problems").iter().map(|problem| problem["path"].clone()).collect();
        assert_eq!(paths, [json!(["area"]), json!(["referrer", "kind"])]);
    })
    .await;
}

#[tokio::test]
async fn after_the_close_a_contact_is_refused_and_on_the_day_of_the_close_it_is_not() {
    on_both_stores(async |app| {
        let (journey, _) = case(app).await;
        let input = json!({ "journey": journey, "reason": "housed", "occurredOn": "2018-02-20" });
        let close = app.done(&manager(), "closeJourney", input).await["events"][0].clone();
        let problem = refused(app, "logContact", call(&journey, "2018-02-21")).await;
        assert_eq!(problem["code"], "JOURNEY_CLOSED");
        assert_eq!(problem["path"], json!(["occurredOn"]));
        assert!(problem["message"].as_str().expect("a message").contains("2018-02-20"));
        assert_eq!(problem["facts"], json!([{ "event": close["id"], "type": "JourneyClosed" }]));
        app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-20")).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_follows_a_decline() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let input = json!({ "journey": journey, "reason": "not_eligible", "occurredOn": "2018-02-03" });
        app.done(&manager(), "declineReferral", input).await;
        let problem = refused(app, "logContact", call(&journey, TODAY)).await;
        assert_eq!(problem["code"], "REFERRAL_DECLINED");
        assert_eq!(problem["rule"], "no fact may follow the decline of a referral");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_would_make_later_facts_invalid_is_refused_and_names_them() {
    on_both_stores(async |app| {
        let (journey, worker) = case(app).await;
        let contact = app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-05")).await["events"][0].clone();
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } timeline { event { id type } } } }";
        let read = app.ask(&manager(), document, json!({ "id": journey })).await;
        let event = |kind: &str| {
            let entries = read["journey"]["timeline"].as_array().expect("entries");
            let found = entries.iter().find(|entry| entry["event"]["type"] == kind);
            found.expect("an event of this type")["event"]["id"].clone()
        };
        let input = json!({
            "journey": journey, "target": event("ReferralReceived"), "occurredOn": "2018-02-04", "reason": "a slip",
            "replacement": { "referral": { "subject": read["journey"]["subject"]["id"], "area": "brent",
                "externalReferences": [{ "system": "council", "id": "BR-1" }] } },
        });
        let problem = refused(app, "correctFact", input.clone()).await;
        assert_eq!(problem["code"], "FACT_HAS_DEPENDENTS");
        assert_eq!(problem["rule"], "a change must not make other recorded facts invalid");
        let named: Vec<_> = problem["facts"].as_array().expect("facts").iter().map(|fact| &fact["event"]).collect();
        assert!(named.contains(&&event("ReferralAccepted")), "{problem:#}");
        assert!(!named.contains(&&contact["id"]), "a contact of the day after stands: {problem:#}");
        // To a day on which nothing had followed yet, the referral may be corrected.
        app.done(&manager(), "correctFact", with(input, json!({ "occurredOn": "2018-02-02" }))).await;

        let input = json!({ "journey": journey, "targets": [event("ReferralReceived")], "reason": "a slip" });
        let problem = refused(app, "retractFact", input).await;
        assert_eq!(problem["code"], "FACT_HAS_DEPENDENTS");
        assert_eq!(problem["facts"].as_array().expect("facts").len(), 3, "{problem:#}");
        assert!(!worker.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_looks_personal_is_refused_wherever_words_go_and_never_repeated() {
    on_both_stores(async |app| {
        let (journey, _) = case(app).await;
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
        let (journey, _) = case(app).await;
        let head = app.head().await;
        for changed in [
            json!({ "occurredOn": "2018-02-30" }),
            json!({ "occurredOn": "23/02/2018" }),
            json!({ "journey": "BR-1" }),
            json!({ "commandId": "1" }),
            json!({ "localTime": "25:00" }),
            json!({ "minutes": "ten" }),
            json!({ "with": "FRIEND" }),
            json!({ "note": "free text has no place yet" }),
        ] {
            let answer = app.told(&manager(), "logContact", with(call(&journey, TODAY), changed.clone())).await;
            let codes = answer.codes();
            assert_eq!(codes, ["BAD_USER_INPUT"], "{changed}: {}", answer.body);
        }
        assert_eq!(app.head().await, head);
    })
    .await;
}
