//! A referral by its number in another system: created, corrected, or unchanged.

use serde_json::{Value, json};
use throughline::access::Role;

use super::{Server, council};
use crate::app::{MST, TestApp, on_both_stores, refusals, test_caller, text, with};

/// What the council states about a case.
fn stated(number: &str) -> Value {
    json!({
        "contract": MST, "externalReference": { "system": "council", "id": number }, "area": "mid",
        "occurredOn": "2018-02-01",
    })
}

async fn upsert(app: &TestApp, input: Value) -> Value {
    app.done(&council(), "upsertReferral", input).await
}

/// The result, and the types of the events.
fn result(payload: &Value) -> (String, Vec<String>) {
    let events = payload["events"].as_array().expect("events");
    (text(&payload["result"]), events.iter().map(|event| text(&event["type"])).collect())
}

fn one(event: &str) -> Vec<String> {
    vec![event.to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_is_created_once_and_corrected_where_it_differs() {
    on_both_stores(async |app| {
        let created = upsert(app, stated("U-1")).await;
        assert_eq!(
            result(&created),
            ("CREATED".to_owned(), vec!["SubjectRegistered".to_owned(), "ReferralReceived".to_owned()])
        );
        let journey = &created["journey"]["id"];
        let before = app.head().await;
        let again = upsert(app, stated("U-1")).await;
        assert_eq!((result(&again), &again["journey"]["id"]), (("UNCHANGED".to_owned(), Vec::new()), journey));
        // Without a date, the recorded one stays.
        let mut undated = stated("U-1");
        undated.as_object_mut().expect("an object").remove("occurredOn");
        assert_eq!(result(&upsert(app, undated).await).0, "UNCHANGED");
        assert_eq!(app.head().await, before, "the same again records nothing");

        let moved = upsert(app, with(stated("U-1"), json!({ "occurredOn": "2018-02-03" }))).await;
        assert_eq!(
            (result(&moved), &moved["journey"]["id"]),
            (("CORRECTED".to_owned(), one("FactCorrected")), journey)
        );
        let back = upsert(app, stated("U-1")).await;
        assert_eq!(result(&back), ("CORRECTED".to_owned(), one("FactCorrected")));
        let other = upsert(app, stated("U-2")).await;
        assert_eq!(result(&other).0, "CREATED");
        assert_ne!(&other["journey"]["id"], journey);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_again_has_its_first_result_and_another_one_under_its_id_is_refused() {
    on_both_stores(async |app| {
        let id = crate::app::new_id();
        let command = |input: Value| with(input, json!({ "commandId": id }));
        let first = upsert(app, command(stated("U-1"))).await;
        let again = upsert(app, command(stated("U-1"))).await;
        assert_eq!((&again["replayed"], result(&again)), (&json!(true), result(&first)));
        let changed = command(with(stated("U-1"), json!({ "occurredOn": "2018-02-03" })));
        let refused = app.tell(&council(), "upsertReferral", changed).await;
        assert_eq!(refusals(&refused), ["COMMAND_ID_REUSED"]);
        let id = crate::app::new_id();
        let moved = with(stated("U-1"), json!({ "occurredOn": "2018-02-03", "commandId": id }));
        let first = upsert(app, moved.clone()).await;
        let again = upsert(app, moved).await;
        assert_eq!((&again["replayed"], result(&again)), (&json!(true), result(&first)));
        let dry = with(stated("U-9"), json!({ "dryRun": true }));
        let before = app.head().await;
        let dry = app.tell(&council(), "upsertReferral", dry).await;
        assert_eq!((&dry["result"], app.head().await), (&Value::Null, before));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_made_here_is_not_overwritten_in_silence() {
    on_both_stores(async |app| {
        let created = upsert(app, stated("U-1")).await;
        let journey = created["journey"]["id"].clone();
        let referral = created["events"].as_array().expect("events").last().expect("a referral")["id"].clone();
        let manager = test_caller(Role::Manager, "manager", &[MST]);
        let here = json!({
            "journey": journey, "target": referral, "occurredOn": "2018-02-02", "reason": "the letter says so",
        });
        app.done(&manager, "correctFact", here).await;
        let before = app.head().await;
        let kept = app.tell(&council(), "upsertReferral", stated("U-1")).await;
        assert_eq!((&kept["result"], &kept["problems"][0]["code"]), (&json!("UNCHANGED"), &json!("CORRECTED_HERE")));
        let other = with(stated("U-1"), json!({ "occurredOn": "2018-02-05" }));
        let asked = app.tell(&council(), "upsertReferral", other.clone()).await;
        assert_eq!((&asked["problems"][0]["code"], app.head().await), (&json!("CORRECTED_HERE"), before));
        let message = text(&asked["problems"][0]["message"]);
        assert!(message.contains("here 2018-02-02, there 2018-02-05"), "{message}");
        let accepted = upsert(app, with(other, json!({ "acceptWarnings": ["CORRECTED_HERE"] }))).await;
        assert_eq!(result(&accepted).0, "CORRECTED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_with_the_number_is_found_however_it_was_created() {
    on_both_stores(async |app| {
        let manager = test_caller(Role::Manager, "manager", &[MST]);
        let by_hand = json!({
            "contract": MST, "area": "mid", "occurredOn": "2018-02-01",
            "externalReferences": [{ "system": "council", "id": "H-1" }],
        });
        let received = app.done(&manager, "receiveReferral", by_hand.clone()).await;
        let found = upsert(app, with(stated("H-1"), json!({ "occurredOn": "2018-02-03" }))).await;
        assert_eq!((result(&found).0.as_str(), &found["journey"]["id"]), ("CORRECTED", &received["journey"]["id"]));
        let twice = with(by_hand, json!({ "acceptWarnings": ["CASE_ALREADY_OPEN"] }));
        app.done(&manager, "receiveReferral", twice).await;
        let ambiguous = app.tell(&council(), "upsertReferral", stated("H-1")).await;
        assert_eq!(refusals(&ambiguous), ["REFERENCE_AMBIGUOUS"]);
        assert_eq!(ambiguous["problems"][0]["allowed"].as_array().map(Vec::len), Some(2));

        // By file, and then by mutation: one case.
        let server = Server::with_list(app);
        server.list(app, "F-1,2018-02-01,mid\n").await;
        assert_eq!(result(&upsert(app, stated("F-1")).await).0, "UNCHANGED");
        let moved = upsert(app, with(stated("F-1"), json!({ "occurredOn": "2018-02-04" }))).await;
        assert_eq!(result(&moved).0, "CORRECTED");
        let job = server.list(app, "F-1,2018-02-04,mid\n").await;
        assert_eq!(job["counts"]["alreadyThere"], 1, "{job}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_import_may_and_only_into_their_contracts() {
    on_both_stores(async |app| {
        upsert(app, stated("U-1")).await;
        let foreign = app.tell(&super::other_council(), "upsertReferral", stated("U-1")).await;
        assert_eq!(refusals(&foreign), ["CONTRACT_NOT_FOUND"]);
        let keyworker = test_caller(Role::Keyworker, "kw", &[MST]);
        let answer = app.told(&keyworker, "upsertReferral", stated("U-1")).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        let nameless = with(stated("U-1"), json!({ "externalReference": { "system": " ", "id": "U-1" } }));
        let refused = app.tell(&council(), "upsertReferral", nameless).await;
        assert_eq!(refusals(&refused), ["MISSING_VALUE"]);
        let personal = with(stated("U-1"), json!({ "externalReference": { "system": "nhs", "id": "943 476 5919" } }));
        let refused = app.tell(&council(), "upsertReferral", personal).await;
        let problem = &refused["problems"][0];
        assert_eq!((&problem["code"], &problem["path"]), (&json!("PERSONAL_DATA"), &json!(["externalReference"])));
    })
    .await;
}
