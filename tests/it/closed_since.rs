//! What has changed since a period was closed: facts that belong to no contract, and what the parties said and settled
//! afterwards; on both stores.

use serde_json::{Value, json};

use crate::app::{SHPS, TestApp, manager, on_both_stores, text, with};
use crate::closed_periods::{february, planned};

/// The events that may explain what reads differently, each with who recorded it.
async fn corrections(app: &TestApp) -> Vec<Value> {
    let document = "{ contract(code: \"shps\") { periods(last: 2) { documents { restated { corrections { totalCount \
        events { id type recordedAt actor { subject role } } } } } } } }";
    let found = app.ask(&manager(), document, json!({})).await["contract"]["periods"][0]["documents"].clone();
    let corrections = found[0]["restated"]["corrections"].clone();
    let events = corrections["events"].as_array().unwrap_or_else(|| panic!("no events: {found}")).clone();
    assert_eq!(corrections["totalCount"], events.len(), "{corrections}");
    events
}

fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["type"])).collect()
}

#[tokio::test]
async fn facts_of_workers_and_links_of_subjects_since_a_closing_are_listed_with_who_recorded_them() {
    on_both_stores(async |app| {
        let (journey, _) = planned(app, "BR-1").await;
        let other = app.receive_referral("2018-02-02", "BR-2").await;
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } keyworker { id } } }";
        let of = async |id: &str| app.ask(&manager(), document, json!({ "id": id })).await["journey"].clone();
        let (first, second) = (of(&journey).await, of(&other).await);
        app.done(&manager(), "closePeriod", february()).await;
        assert_eq!(corrections(app).await, Vec::<Value>::new());

        let worker = json!({ "worker": first["keyworker"]["id"] });
        let wte = |on: &str| with(worker.clone(), json!({ "wte": "0.5", "occurredOn": on }));
        app.done(&manager(), "setWte", wte("2018-02-10")).await;
        let link = json!({
            "subject": first["subject"]["id"], "with": second["subject"]["id"], "reason": "one person",
            "occurredOn": "2018-02-10",
        });
        app.done(&manager(), "linkSubjects", link).await;
        app.it_is("2018-03-05T09:00:00Z");
        app.done(&manager(), "setWte", wte("2018-03-01")).await;
        let found = corrections(app).await;
        assert_eq!(types(&found), ["WteSet", "SubjectsLinked", "SubjectsLinked"], "both records have the link");
        for event in &found {
            assert_eq!(event["actor"]["subject"], "manager", "{event}");
            assert!(event["recordedAt"].is_string(), "{event}");
        }
    })
    .await;
}

#[tokio::test]
async fn commentary_and_assessments_after_the_period_are_listed_and_so_are_their_corrections() {
    on_both_stores(async |app| {
        planned(app, "BR-1").await;
        app.done(&manager(), "closePeriod", february()).await;
        app.it_is("2018-04-10T09:00:00Z");
        let about = |last: &str| {
            let period = json!({ "first": format!("{}01", &last[..8]), "last": last });
            json!({ "contract": SHPS, "report": "monthly", "section": "funnel", "period": period })
        };
        let said = |last: &str, text: &str| with(about(last), json!({ "text": text, "occurredOn": "2018-03-09" }));
        let on_february = app.done(&manager(), "recordCommentary", said("2018-02-28", "a slow month")).await;
        app.done(&manager(), "recordCommentary", said("2018-03-31", "a better month")).await;
        let correct = json!({
            "contract": SHPS, "target": on_february["events"][0]["id"], "reason": "typed wrongly",
            "replacement": { "commentary": { "text": "a slow month, with snow" } },
        });
        app.done(&manager(), "correctFact", correct).await;
        assert_eq!(types(&corrections(app).await), ["CommentaryRecorded", "FactCorrected"]);
    })
    .await;
}
