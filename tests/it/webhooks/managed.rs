//! What may be done with subscriptions, and by whom.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use throughline::access::Role;
use throughline::app::App;
use throughline::http::router;
use throughline::outbox;
use throughline_gateway::Terms;

use super::receiver::Receiver;
use super::{Sending, feed, happen, shown, subscribe, those_who_may, until_shown};
use crate::app::{
    MST, SHPS, TestApp, app_over, keyworker, manager, new_id, on_both_stores, other_manager, refusals, test_caller,
    text,
};

#[tokio::test]
async fn keys_are_replaced_without_a_gap() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({ "keys": ["HMAC"] })).await;
        let old = &subscribed.secrets[0];
        let old_id = text(&shown(app, &subscribed.id).await["keys"][0]["id"]);
        let of = |more: Value| crate::app::with(json!({ "subscription": subscribed.id }), more);

        let alone = app.tell(&manager(), "changeSubscription", of(json!({ "removeKey": old_id }))).await;
        assert_eq!(refusals(&alone), ["LAST_KEY"]);
        let added = app.done(&manager(), "changeSubscription", of(json!({ "addKey": "ED25519" }))).await;
        let new = text(&added["secrets"][0]);
        happen(app, 1).await;
        let before = feed(app, begins).await.len();
        receiver.has_taken(before).await;
        assert!(receiver.ledger().iter().all(|one| one.is_signed_by(old) && one.is_signed_by(&new)));

        app.done(&manager(), "changeSubscription", of(json!({ "removeKey": old_id }))).await;
        happen(app, 1).await;
        receiver.has_taken(feed(app, begins).await.len()).await;
        let after = receiver.ledger().split_off(before);
        assert!(!after.is_empty() && after.iter().all(|one| !one.is_signed_by(old) && one.is_signed_by(&new)));
        let unknown = app.tell(&manager(), "changeSubscription", of(json!({ "removeKey": old_id }))).await;
        assert_eq!(refusals(&unknown), ["KEY_NOT_FOUND"]);
        let keys = shown(app, &subscribed.id).await["keys"].clone();
        assert_eq!((&keys[0]["kind"], &keys[0]["publicKey"]), (&json!("ED25519"), &json!(new)));
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_paused_subscription_loses_nothing_and_an_ended_one_is_over() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        let of = |state: &str| json!({ "subscription": subscribed.id, "state": state });
        app.done(&manager(), "changeSubscription", of("PAUSED")).await;
        happen(app, 2).await;
        app.done(&manager(), "changeSubscription", of("ACTIVE")).await;
        let expected = feed(app, begins).await;
        receiver.has_taken(expected.len()).await;
        assert_eq!(receiver.positions(), expected);

        let end = json!({ "subscription": subscribed.id });
        app.done(&manager(), "endSubscription", end).await;
        happen(app, 1).await;
        let seen = until_shown(app, &subscribed.id, "it is over", |seen| seen["state"] == "ENDED").await;
        assert_eq!(seen["keys"], json!([]));
        assert!(seen["deliveries"]["totalCount"].as_i64() > Some(0), "its deliveries can still be read");
        let after = app.tell(&manager(), "changeSubscription", of("ACTIVE")).await;
        assert_eq!(refusals(&after), ["SUBSCRIPTION_ENDED"]);
        assert_eq!(receiver.requests().len(), expected.len());
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_sent_again_is_done_once() {
    on_both_stores(async |app| {
        let receiver = Receiver::with(&[]).await;
        let input = json!({ "commandId": new_id(), "contract": SHPS, "url": receiver.url });
        let made = app.done(&manager(), "createSubscription", input.clone()).await;
        let again = app.done(&manager(), "createSubscription", input.clone()).await;
        assert_eq!((&again["replayed"], &again["subscription"]["id"]), (&json!(true), &made["subscription"]["id"]));
        assert_eq!(again["secrets"], made["secrets"], "a lost answer is answered again");
        let other = crate::app::with(input.clone(), json!({ "types": ["ContactLogged"] }));
        let other = app.tell(&manager(), "createSubscription", other).await;
        assert_eq!(refusals(&other), ["COMMAND_ID_REUSED"]);

        let id = text(&made["subscription"]["id"]);
        app.it_is(&(app.fresh.clock.now() + chrono::TimeDelta::minutes(1)).to_rfc3339());
        let add = json!({ "commandId": new_id(), "subscription": id, "addKey": "HMAC" });
        app.done(&manager(), "changeSubscription", add.clone()).await;
        let later = app.done(&manager(), "createSubscription", input).await;
        assert_eq!(later["secrets"], made["secrets"], "the secret of a key that was added later is not among them");
        assert_eq!(app.done(&manager(), "changeSubscription", add).await["replayed"], true);
        assert_eq!(shown(app, &id).await["keys"].as_array().map(Vec::len), Some(2));
        let stale = json!({ "subscription": id, "addKey": "HMAC", "expectedVersion": 1 });
        assert_eq!(refusals(&app.tell(&manager(), "changeSubscription", stale).await), ["VERSION_CONFLICT"]);
        let tried = json!({ "subscription": id, "state": "PAUSED", "dryRun": true });
        app.done(&manager(), "changeSubscription", tried).await;
        assert_eq!(shown(app, &id).await["state"], "ACTIVE");
    })
    .await;
}

#[tokio::test]
async fn bad_input_is_refused_with_its_place() {
    on_both_stores(async |app| {
        let with = |more: Value| crate::app::with(json!({ "contract": SHPS, "url": "https://8.8.8.8/in" }), more);
        for (more, code, path) in [
            (json!({ "url": "example.org" }), "INVALID_VALUE", json!(["url"])),
            (json!({ "url": "ftp://example.org/" }), "INVALID_VALUE", json!(["url"])),
            (json!({ "types": [] }), "INVALID_VALUE", json!(["types"])),
            (json!({ "types": ["ContactLogged", "Contact"] }), "INVALID_VALUE", json!(["types", "1"])),
            (json!({ "keys": [] }), "INVALID_VALUE", json!(["keys"])),
            (json!({ "after": 999_999 }), "INVALID_VALUE", json!(["after"])),
            (json!({ "identity": true }), "INVALID_VALUE", json!(["identity"])),
            (json!({ "contract": "nowhere" }), "CONTRACT_NOT_FOUND", json!(["contract"])),
        ] {
            let refused = app.tell(&manager(), "createSubscription", with(more.clone())).await;
            assert_eq!(refusals(&refused), [code], "{more}");
            assert_eq!(refused["problems"][0]["path"], path, "{more}");
        }
        assert_eq!(listed(app, SHPS).await["totalCount"], 0);
    })
    .await;
}

async fn listed(app: &TestApp, contract: &str) -> Value {
    let document = "query($code: String!) { subscriptions(contract: $code) { totalCount nodes { id } } }";
    app.ask(&manager(), document, json!({ "code": contract })).await["subscriptions"].clone()
}

#[tokio::test]
async fn a_server_sends_to_public_addresses_only_unless_it_was_started_otherwise() {
    on_both_stores(async |app| {
        let receiver = Receiver::with(&[]).await;
        let strict = app.fresh.outbox.clone().under(outbox::Terms::default());
        let server = App { outbox: strict.clone(), ..app_over(&app.fresh) };
        let keys = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(keys.path().join("key"), app.key_pem()).expect("a key");
        let key = throughline::access::token::LocalKey::read_or_make(&keys.path().join("key")).expect("a key");
        let server = router(server, std::sync::Arc::new(key), Terms::default());
        let document = "mutation($input: CreateSubscriptionInput!) { createSubscription(input: $input) { \
                        problems { code path } } }";
        let private = receiver.url.replace("http:", "https:");
        for url in [private.as_str(), "https://localhost/in", "https://169.254.169.254/", "https://[fd00:ec2::254]/"] {
            let input = json!({ "commandId": new_id(), "contract": SHPS, "url": url });
            let made = app.ask_of(&server, &manager(), document, json!({ "input": input })).await;
            let problem = &made["createSubscription"]["problems"][0];
            assert_eq!((&problem["code"], &problem["path"]), (&json!("ADDRESS_NOT_ALLOWED"), &json!(["url"])), "{url}");
        }

        // What was allowed when it was made is checked again when it is sent.
        let localhost = private.replace("127.0.0.1", "localhost");
        let (plain, named) =
            (subscribe(app, &receiver, json!({})).await, subscribe(app, &receiver, json!({ "url": localhost })).await);
        let sending = tokio::spawn(strict.keep_sending());
        happen(app, 1).await;
        for (subscribed, problem) in [(&plain, "must begin with https://"), (&named, "is not a public address")] {
            let seen = until_shown(app, &subscribed.id, "an attempt", |seen| seen["attempts"] == 1).await;
            let found = text(&seen["deliveries"]["nodes"][0]["problem"]);
            assert!(found.contains(problem), "{found}");
        }
        assert_eq!(receiver.requests().len(), 0);
        sending.abort();
        let _ = sending.await;
    })
    .await;
}

#[tokio::test]
async fn a_subscription_of_another_contract_is_like_one_that_does_not_exist() {
    on_both_stores(async |app| {
        let receiver = Receiver::with(&[]).await;
        let ours = subscribe(app, &receiver, json!({})).await;
        let (theirs, unknown) = (other_manager(), new_id());
        let documents = [
            "query($id: ID!) { node(id: $id) { id } }".to_owned(),
            "query($id: ID!) { nodes(ids: [$id]) { id } }".to_owned(),
        ];
        for document in &documents {
            let asked = async |id: &str| app.answer(&theirs, document, json!({ "id": id })).await.body;
            assert_eq!(asked(&ours.id).await, asked(&unknown).await);
        }
        for (mutation, more) in [
            ("changeSubscription", json!({ "state": "PAUSED" })),
            ("replaySubscription", json!({ "after": 0 })),
            ("endSubscription", json!({})),
        ] {
            let asked = async |id: &str| {
                let input = crate::app::with(json!({ "subscription": id }), more.clone());
                app.told(&theirs, mutation, input).await.body
            };
            let answer = asked(&ours.id).await;
            assert!(answer.contains("SUBSCRIPTION_NOT_FOUND"), "{answer}");
            assert_eq!(answer, asked(&unknown).await);
        }
        let document = "query($code: String!) { subscriptions(contract: $code) { totalCount } }";
        let asked = async |code: &str| app.answer(&theirs, document, json!({ "code": code })).await.body;
        assert_eq!(asked(SHPS).await, asked("nowhere").await);
        assert!(asked(MST).await.contains("\"totalCount\":0"));
        assert_eq!(shown(app, &ours.id).await["state"], "ACTIVE");
    })
    .await;
}

#[tokio::test]
async fn managers_integrators_and_administrators_manage_webhooks_and_nobody_else() {
    on_both_stores(async |app| {
        let receiver = Receiver::with(&[]).await;
        for who in those_who_may() {
            let input = json!({ "contract": SHPS, "url": receiver.url });
            let made = app.done(&who, "createSubscription", input).await;
            app.done(&who, "endSubscription", json!({ "subscription": made["subscription"]["id"] })).await;
        }
        app.add_worker("kw-07").await;
        let others = [Role::Commissioner, Role::Auditor].map(|role| test_caller(role, "other", &[SHPS]));
        for who in others.into_iter().chain([keyworker("kw-07")]) {
            let input = json!({ "contract": SHPS, "url": receiver.url });
            let answer = app.told(&who, "createSubscription", input).await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{}", answer.body);
        }
    })
    .await;
}

#[tokio::test]
async fn the_metrics_count_subscriptions_and_attempts() {
    on_both_stores(async |app| {
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 1).await;
        receiver.has_taken(1).await;
        until_shown(app, &subscribed.id, "nothing waits", |seen| seen["lag"] == 0).await;
        let answer = app.send(Request::get("/metrics").body(Body::empty()).expect("a request")).await;
        let delivered = receiver.ledger().len();
        for line in [
            format!("throughline_webhooks_delivered_total {delivered}"),
            "throughline_webhooks_failed_total 0".to_owned(),
            "throughline_webhook_subscriptions{state=\"active\"} 1".to_owned(),
            "throughline_webhook_subscriptions_failing 0".to_owned(),
            "throughline_webhook_lag_events 0".to_owned(),
        ] {
            assert!(answer.body.contains(&line), "{line}\n{}", answer.body);
        }
        sending.end().await;
    })
    .await;
}

/// What the program prints for a command on a database, and its status.
fn program(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"));
    let output = program.env("THROUGHLINE_DATABASE", url).arg("webhook").args(arguments).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[tokio::test]
async fn the_command_line_manages_webhooks_like_the_mutations() {
    for dialect in crate::stores::STORES {
        let place = crate::stores::Place::on(dialect).await;
        let url = place.url().to_owned();
        let opened = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"))
            .env("THROUGHLINE_DATABASE", &url)
            .args(["contract", "open", "--rulebook", SHPS])
            .output()
            .expect("it runs");
        assert!(opened.status.success(), "{opened:?}");
        let done = |arguments: &[&str]| {
            let (status, printed) = program(&url, arguments);
            assert_eq!(status, Some(0), "{arguments:?}: {printed}");
            printed
        };
        let at = "https://8.8.8.8/in";
        let made =
            done(&["create", "--contract", SHPS, "--url", at, "--sign-with", "ed25519", "--type", "ContactLogged"]);
        assert!(made.contains(": active, after position") && made.contains("whpk_"), "{made}");
        let id = made.split_whitespace().nth(1).and_then(|id| id.strip_suffix(':')).expect("an id").to_owned();
        assert!(done(&["list", "--contract", SHPS]).contains("ContactLogged"));
        let added = done(&["keys", &id, "--add", "hmac"]);
        assert!(added.contains("whsec_"), "{added}");
        let keys = done(&["keys", &id]);
        assert!(!keys.contains("whsec_") && keys.contains("hmac") && keys.contains("whpk_"), "{keys}");
        assert!(done(&["change", &id, "--pause"]).contains(": paused"));
        assert!(done(&["replay", &id, "--after", "1"]).contains("after position 1"));
        done(&["deliveries", &id, "--dead", "--format", "json"]);
        assert!(done(&["end", &id]).contains(": ended"));
        for wrong in [
            vec!["create", "--contract", SHPS, "--url", "https://127.0.0.1/"],
            vec!["create", "--contract", "nowhere", "--url", at],
            vec!["change", &id, "--resume"],
            vec!["deliveries", "0190c3d2-7c1a-7000-8000-000000000001"],
        ] {
            assert_eq!(program(&url, &wrong).0, Some(2), "{wrong:?}");
        }
        place.remove().await;
    }
}
