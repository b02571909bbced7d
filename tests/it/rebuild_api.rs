//! Views over the API: an administrator looks at them, replaces them and goes back; nobody else may, and each order is
//! carried out once.

use axum::http::StatusCode;
use serde_json::{Value, json};
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Position;

use crate::app::{SHPS, TestApp, administrator, manager, new_id, on_both_stores, refusals, text, with};
use crate::subscriber::{Server, Subscriber};
use crate::wait::until_views;

const VIEWS: &str = "{ views { live { number position definition rulebooks { contract version hash } } \
     building { number phase events of rate eta } previous parked { nodes { kind id version position error } } } }";

async fn views(app: &TestApp) -> Value {
    app.ask(&administrator(), VIEWS, json!({})).await["views"].clone()
}

/// Sends an order about the views.
async fn order(app: &TestApp, mutation: &str, input: &str, given: Value) -> Value {
    let document = format!(
        "mutation($input: {input}!) {{ {mutation}(input: $input) {{ views {{ live {{ number }} }} replayed position \
         events {{ id }} problems {{ __typename code severity message path }} }} }}"
    );
    let given = with(json!({ "commandId": new_id() }), given);
    app.ask(&administrator(), &document, json!({ "input": given })).await[mutation].clone()
}

pub(crate) async fn live_is(app: &TestApp, number: i64) {
    let is_live = async || views(app).await["live"]["number"] == number;
    until_views(&app.fresh.views, "it goes live", is_live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_rebuilds_and_goes_back_each_once() {
    on_both_stores(async |app| {
        let before = views(app).await;
        assert_eq!((&before["live"]["number"], &before["previous"]), (&json!(1), &Value::Null));
        assert_eq!((&before["building"], &before["parked"]["nodes"]), (&Value::Null, &json!([])));
        assert_eq!(before["live"]["rulebooks"].as_array().map(Vec::len), Some(2), "{before}");
        assert_eq!(before["live"]["definition"].as_str().map(str::len), Some(64));

        let again = json!({ "commandId": new_id() });
        let judged =
            order(app, "startRebuild", "StartRebuildInput", with(again.clone(), json!({ "dryRun": true }))).await;
        assert_eq!(judged["problems"][0]["code"], "DRY_RUN");
        for (mutation, refused) in [("rollbackView", "NO_PREVIOUS_VIEW"), ("cancelRebuild", "NO_REBUILD")] {
            let judged = order(app, mutation, "ViewInput", json!({ "dryRun": true })).await;
            assert_eq!(refusals(&judged), [refused], "{mutation}");
        }
        let behind = order(app, "startRebuild", "StartRebuildInput", json!({ "expectedVersion": 7 })).await;
        assert_eq!(refusals(&behind), ["VERSION_CONFLICT"]);
        assert!(text(&behind["problems"][0]["message"]).starts_with("the live view is number 1"), "{behind}");
        let begun = order(app, "startRebuild", "StartRebuildInput", with(again.clone(), json!({ "workers": 2 }))).await;
        assert_eq!((&begun["replayed"], refusals(&begun)), (&json!(false), Vec::new()));
        live_is(app, 2).await;
        let repeated =
            order(app, "startRebuild", "StartRebuildInput", with(again.clone(), json!({ "workers": 2 }))).await;
        assert_eq!((&repeated["replayed"], refusals(&repeated)), (&json!(true), Vec::new()));
        let other = order(app, "startRebuild", "StartRebuildInput", with(again, json!({ "workers": 3 }))).await;
        assert_eq!(refusals(&other), ["COMMAND_ID_REUSED"]);
        assert_eq!(refusals(&order(app, "cancelRebuild", "ViewInput", json!({})).await), ["NO_REBUILD"]);

        let judged = order(app, "rollbackView", "ViewInput", json!({ "dryRun": true })).await;
        assert_eq!((refusals(&judged), &views(app).await["live"]["number"]), (Vec::new(), &json!(2)));
        assert_eq!(refusals(&order(app, "rollbackView", "ViewInput", json!({})).await), Vec::<String>::new());
        let back = views(app).await;
        assert_eq!((&back["live"]["number"], &back["previous"]), (&json!(1), &json!(2)));
        assert_eq!(back["live"]["position"], app.head().await);
        for (given, missing) in [(json!({}), None), (json!({ "kind": "JOURNEY" }), Some("id"))] {
            let retried = order(app, "retryParked", "RetryParkedInput", given).await;
            assert_eq!(retried["problems"][0]["path"][0].as_str(), missing, "{retried}");
        }
        let retried = order(app, "retryParked", "RetryParkedInput", json!({ "id": new_id() })).await;
        assert_eq!(refusals(&retried), ["INVALID_VALUE"], "one stream is meant, and never all of them");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_follows_a_rebuild_until_its_view_is_live() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let document = "subscription { rebuildProgress { number phase events of rate eta } }";
        let mut peer = Subscriber::at(&server.address, &app.token(&administrator())).await;
        peer.begin("1", document, json!({})).await;
        order(app, "startRebuild", "StartRebuildInput", json!({})).await;
        let mut done = -1;
        let last = loop {
            let item = peer.item().await;
            let events = item["events"].as_i64().expect("a count");
            assert!(events >= done, "it never falls: {item}");
            done = events;
            if item["phase"] == "DONE" {
                break item;
            }
        };
        assert_eq!((&last["number"], &last["events"], &last["eta"]), (&json!(2), &last["of"], &Value::Null));
        drop(peer);
        server.end().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_else_may_look_at_the_views_or_replace_them() {
    on_both_stores(async |app| {
        assert_eq!(app.answer(&manager(), VIEWS, json!({})).await.codes(), ["FORBIDDEN"]);
        let document = "mutation($input: ViewInput!) { rollbackView(input: $input) { replayed } }";
        let variables = json!({ "input": { "commandId": new_id() } });
        assert_eq!(app.answer(&manager(), document, variables).await.codes(), ["FORBIDDEN"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rulebook_published_while_serving_is_applied_once_a_view_with_it_is_live() {
    on_both_stores(async |app| {
        let text = pack(SHPS).expect("a pack").text;
        let text = text.replace("2017-03-01", "2018-04-01").replace("\"2017-03\"", "\"2018-04\"");
        let input = json!({ "contract": SHPS, "rulebook": text });
        let published = app.done(&administrator(), "publishRulebook", input).await;
        live_is(app, 2).await;
        let version = |views: &Value| {
            let rulebooks = views["live"]["rulebooks"].as_array().expect("rulebooks").clone();
            let of = rulebooks.into_iter().find(|rulebook| rulebook["contract"] == SHPS).expect("the contract");
            of["version"].clone()
        };
        assert_eq!(version(&views(app).await), "2018-04");
        let position = Position(published["position"].as_i64().expect("a position"));
        assert!(*app.fresh.views.live().position().borrow() >= position);
        let board = "query($code: String!) { contract(code: $code) { view { rulebookVersion } } }";
        let shown = app.ask(&manager(), board, json!({ "code": SHPS })).await;
        assert_eq!(shown["contract"]["view"]["rulebookVersion"], "2018-04");
    })
    .await;
}

#[tokio::test]
async fn the_numbers_say_whether_a_stream_is_parked_and_how_far_a_rebuild_is() {
    on_both_stores(async |app| {
        let answer = app.send(crate::http::get("/metrics")).await;
        assert_eq!(answer.status, StatusCode::OK);
        for line in
            ["throughline_view_parked_streams 0", "throughline_rebuild_events 0", "throughline_view_generation 1"]
        {
            assert!(answer.body.lines().any(|found| found == line), "{line} is missing: {}", answer.body);
        }
    })
    .await;
}
