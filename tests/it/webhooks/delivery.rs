//! How events arrive: in order, signed, and whatever the receiver does.

use chrono::TimeDelta;
use serde_json::json;
use standardwebhooks::Webhook;
use throughline::clock::Clock;

use super::receiver::{Receiver, Step};
use super::{Sending, feed, happen, shown, subscribe, until_shown, with_time};
use crate::app::{MST, SHPS, TestApp, from_the_instant, instant, keyworker, manager, on_both_stores};

/// The ledger is what the feed gives, in its order, and each entry is signed by each key.
async fn is_complete(app: &TestApp, receiver: &Receiver, secrets: &[String], after: i64) {
    assert_eq!(receiver.positions(), feed(app, after).await);
    for request in receiver.requests() {
        assert!(secrets.iter().all(|key| request.is_signed_by(key)), "{request:?}");
        assert_eq!(request.event()["id"], request.id.as_str());
    }
}

#[tokio::test]
async fn the_other_side_verifies_the_signature_time_and_body_of_a_webhook() {
    let now = Clock::Machine.now().to_rfc3339();
    from_the_instant(&now, async |app: &TestApp| {
        app.open_contract(SHPS).await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 1).await;
        receiver.has_taken(1).await;
        let request = receiver.ledger().remove(0);
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("webhook-id", request.id.parse().expect("a header"));
        headers.insert("webhook-timestamp", request.timestamp.into());
        headers.insert("webhook-signature", request.signature.parse().expect("a header"));
        let other = Webhook::new(&subscribed.secrets[0]).expect("a secret");
        other.verify(request.body.as_bytes(), &headers).expect("it verifies");
        let altered = format!("{} ", request.body);
        assert!(other.verify(altered.as_bytes(), &headers).is_err());
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_gets_what_the_feed_gives_an_integrator_and_nothing_of_another_contract() {
    on_both_stores(async |app| {
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({ "after": 0 })).await;
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        app.journey_elsewhere().await;
        app.log_contact(&keyworker("kw-07"), crate::app::call(&journey, "2018-02-03")).await;
        let expected = feed(app, 0).await;
        receiver.has_taken(expected.len()).await;
        is_complete(app, &receiver, &subscribed.secrets, 0).await;
        assert!(receiver.ledger().iter().all(|request| request.event()["data"]["contract"] != MST));
        until_shown(app, &subscribed.id, "nothing waits", |seen| seen["lag"] == 0).await;
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_fails_hangs_redirects_and_loses_still_gets_everything_in_order() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let script = [Step::Status(500), Step::Redirect, Step::Status(400), Step::Lose, Step::Hang, Step::Status(200)];
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&script).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 3).await;
        let expected = feed(app, begins).await;
        with_time(app, &subscribed, &receiver, expected.len()).await;
        is_complete(app, &receiver, &subscribed.secrets, begins).await;
        let first: Vec<String> = receiver.requests().iter().take(6).map(|request| request.id.clone()).collect();
        assert!(first.iter().all(|id| *id == first[0]), "the same event until it is taken: {first:?}");

        let seen = until_shown(app, &subscribed.id, "it is stored", |seen| seen["lag"] == 0).await;
        let deliveries = seen["deliveries"]["nodes"].as_array().expect("deliveries").clone();
        let oldest: Vec<_> = deliveries.iter().rev().take(6).map(|one| one["status"].clone()).collect();
        assert_eq!(oldest, [json!(500), json!(307), json!(400), json!(null), json!(null), json!(200)]);
        let hung = &deliveries[deliveries.len() - 5];
        assert_eq!(hung["problem"], "no answer within 2000 ms: answer first and work afterwards");
        assert_eq!((&seen["attempts"], &seen["failingSince"]), (&json!(0), &json!(null)));
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_loses_every_third_delivery_has_a_complete_ledger() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let script: Vec<Step> =
            (1..60).map(|number| if number % 3 == 0 { Step::Lose } else { Step::Status(204) }).collect();
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&script).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 8).await;
        let expected = feed(app, begins).await;
        with_time(app, &subscribed, &receiver, expected.len()).await;
        is_complete(app, &receiver, &subscribed.secrets, begins).await;
        assert!(receiver.requests().len() > expected.len());
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_was_down_for_an_hour_gets_what_it_missed() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        receiver.otherwise(Step::Status(503));
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 2).await;
        let over = app.fresh.clock.now() + TimeDelta::hours(1);
        while app.fresh.clock.now() < over {
            let now = app.fresh.clock.now();
            let seen = until_shown(app, &subscribed.id, "a failed attempt", |seen| {
                seen["nextAttempt"].as_str().is_some_and(|due| instant(due) > now)
            })
            .await;
            app.it_is(seen["nextAttempt"].as_str().expect("an instant"));
        }
        assert_eq!(receiver.positions(), Vec::<i64>::new());
        happen(app, 2).await;
        receiver.otherwise(Step::Status(204));
        let expected = feed(app, begins).await;
        with_time(app, &subscribed, &receiver, expected.len()).await;
        is_complete(app, &receiver, &subscribed.secrets, begins).await;
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn retry_after_is_respected() {
    on_both_stores(async |app| {
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[Step::RetryAfter(1_800)]).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 1).await;
        let seen = until_shown(app, &subscribed.id, "a failed attempt", |seen| seen["nextAttempt"].is_string()).await;
        let due = instant(seen["nextAttempt"].as_str().expect("an instant"));
        assert_eq!(due, app.fresh.clock.now() + TimeDelta::minutes(30));
        app.fresh.clock.set(due - TimeDelta::seconds(1));
        happen(app, 1).await;
        assert_eq!(receiver.requests().len(), 1, "it is left alone until then");
        app.fresh.clock.set(due);
        receiver.has_taken(2).await;
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_sent_nothing_more_and_the_event_is_a_dead_letter_until_it_is_taken() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[Step::Status(410)]).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 2).await;
        let seen = until_shown(app, &subscribed.id, "it is stopped", |seen| seen["state"] == "DISABLED").await;
        assert_eq!(seen["reason"], "the receiver answered 410: it wants no more events");
        assert_eq!(seen["deadLetters"]["totalCount"], 1);
        assert_eq!(seen["deadLetters"]["nodes"][0]["position"], feed(app, begins).await[0]);
        assert_eq!(receiver.requests().len(), 1);

        let resume = json!({ "subscription": subscribed.id, "state": "ACTIVE" });
        app.done(&manager(), "changeSubscription", resume).await;
        let expected = feed(app, begins).await;
        receiver.has_taken(expected.len()).await;
        is_complete(app, &receiver, &subscribed.secrets, begins).await;
        let seen = until_shown(app, &subscribed.id, "it is stored", |seen| seen["lag"] == 0).await;
        assert_eq!((&seen["deadLetters"]["totalCount"], &seen["reason"]), (&json!(0), &json!(null)));
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_that_nobody_takes_for_three_days_stops_its_subscription_and_is_not_skipped() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        receiver.otherwise(Step::Status(500));
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 2).await;
        let began = app.fresh.clock.now();
        loop {
            let now = app.fresh.clock.now();
            let seen = until_shown(app, &subscribed.id, "what follows", |seen| {
                seen["state"] == "DISABLED" || seen["nextAttempt"].as_str().is_some_and(|due| instant(due) > now)
            })
            .await;
            match seen["nextAttempt"].as_str() {
                Some(due) => app.it_is(due),
                None => break,
            }
        }
        assert_eq!(app.fresh.clock.now() - began, TimeDelta::hours(72));
        let seen = shown(app, &subscribed.id).await;
        assert_eq!(seen["reason"], "one event was tried for 72 hours; the receiver answered 500: it failed");
        let first = &seen["deadLetters"]["nodes"][0];
        assert_eq!((&first["gaveUp"], &first["position"]), (&json!(true), &json!(feed(app, begins).await[0])));

        // A person decides to leave the event out.
        receiver.otherwise(Step::Status(200));
        let past = json!({ "subscription": subscribed.id, "after": first["position"] });
        app.done(&manager(), "replaySubscription", past).await;
        let expected = feed(app, begins).await;
        receiver.has_taken(expected.len() - 1).await;
        assert_eq!(receiver.positions(), expected[1..]);
        let seen = until_shown(app, &subscribed.id, "it is stored", |seen| seen["lag"] == 0).await;
        assert_eq!(seen["deadLetters"]["totalCount"], 1, "what was left out stays visible");
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_another() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, slow, fast) = (Sending::begun(app), Receiver::with(&[]).await, Receiver::with(&[]).await);
        slow.otherwise(Step::Hang);
        let stuck = subscribe(app, &slow, json!({})).await;
        let quick = subscribe(app, &fast, json!({})).await;
        happen(app, 1).await;
        slow.is_sent(1).await;
        happen(app, 5).await;
        let expected = feed(app, begins).await;
        fast.has_taken(expected.len()).await;
        is_complete(app, &fast, &quick.secrets, begins).await;
        slow.otherwise(Step::Status(200));
        with_time(app, &stuck, &slow, expected.len()).await;
        is_complete(app, &slow, &stuck.secrets, begins).await;
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_service_that_ends_in_the_middle_repeats_one_delivery_at_most() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let script = [Step::Status(200), Step::Status(200), Step::Hang];
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&script).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 3).await;
        receiver.is_sent(3).await;
        sending.end().await;
        happen(app, 2).await;
        let sending = Sending::begun(app);
        let expected = feed(app, begins).await;
        receiver.has_taken(expected.len()).await;
        is_complete(app, &receiver, &subscribed.secrets, begins).await;
        assert_eq!(receiver.requests().len(), expected.len() + 1, "only the one that was under way came twice");
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_replay_sends_the_same_events_under_the_same_ids() {
    on_both_stores(async |app| {
        let begins = app.head().await;
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({})).await;
        happen(app, 3).await;
        let expected = feed(app, begins).await;
        receiver.has_taken(expected.len()).await;
        until_shown(app, &subscribed.id, "nothing waits", |seen| seen["lag"] == 0).await;
        let replay = json!({ "subscription": subscribed.id, "after": expected[0] });
        app.done(&manager(), "replaySubscription", replay).await;
        receiver.has_taken(2 * expected.len() - 1).await;
        let ids: Vec<String> = receiver.ledger().into_iter().map(|request| request.id).collect();
        assert_eq!(ids[expected.len()..], ids[1..expected.len()]);

        let beyond = json!({ "subscription": subscribed.id, "after": app.head().await + 1 });
        let refused = app.tell(&manager(), "replaySubscription", beyond).await;
        assert_eq!(refused["problems"][0]["path"], json!(["after"]));
        sending.end().await;
    })
    .await;
}

#[tokio::test]
async fn only_the_types_that_were_asked_for_are_sent_and_the_others_count_as_passed() {
    on_both_stores(async |app| {
        let (sending, receiver) = (Sending::begun(app), Receiver::with(&[]).await);
        let subscribed = subscribe(app, &receiver, json!({ "types": ["ReferralAccepted"] })).await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        until_shown(app, &subscribed.id, "nothing waits", |seen| seen["lag"] == 0).await;
        assert_eq!(receiver.requests().len(), 0);
        let accept = json!({ "journey": journey, "occurredOn": "2018-02-02" });
        app.done(&manager(), "acceptReferral", accept).await;
        receiver.has_taken(1).await;
        assert_eq!(receiver.ledger()[0].event()["type"], "throughline.journey.referral_accepted.v1");

        let all = json!({ "subscription": subscribed.id, "types": null });
        app.done(&manager(), "changeSubscription", all).await;
        happen(app, 1).await;
        receiver.has_taken(2).await;
        sending.end().await;
    })
    .await;
}
