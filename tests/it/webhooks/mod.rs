//! Webhooks against a real receiver, on both stores: whatever it does, its ledger is complete, in order and signed.

mod delivery;
mod managed;
mod node;
pub(crate) mod receiver;

use serde_json::{Value, json};
use throughline::access::Role;

use crate::app::{SHPS, TestApp, administrator, instant, manager, test_caller, text, with};
use crate::wait::until;
use receiver::Receiver;

/// The task that sends the webhooks of a test. It ends when it is dropped.
pub(crate) struct Sending(tokio::task::JoinHandle<()>);

impl Sending {
    pub(crate) fn begun(app: &TestApp) -> Self {
        Self(tokio::spawn(app.fresh.outbox.clone().keep_sending()))
    }

    /// Ends it, and waits until it has.
    pub(crate) async fn end(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A subscription to the first contract, as its manager makes it.
pub(crate) struct Subscribed {
    pub(crate) id: String,
    pub(crate) secrets: Vec<String>,
}

/// Subscribes a receiver to the events after a position, with a key of each kind.
pub(crate) async fn subscribe(app: &TestApp, receiver: &Receiver, more: Value) -> Subscribed {
    let input =
        json!({ "contract": SHPS, "url": receiver.url, "keys": ["HMAC", "ED25519"], "after": app.head().await });
    let made = app.done(&manager(), "createSubscription", with(input, more)).await;
    let secrets = made["secrets"].as_array().expect("secrets").iter().map(text).collect();
    Subscribed { id: text(&made["subscription"]["id"]), secrets }
}

/// What the manager reads of a subscription.
pub(crate) async fn shown(app: &TestApp, subscription: &str) -> Value {
    let document = "query($id: ID!) { node(id: $id) { ... on WebhookSubscription { id state reason position lag version \
                    attempts failingSince nextAttempt url types identity createdBy contract { code } \
                    keys { id kind publicKey } \
                    deliveries(first: 100) { totalCount nodes { number event type position attempt delivered status \
                    problem nextAttempt gaveUp } } \
                    deadLetters { totalCount nodes { number event position attempt problem gaveUp } } } } }";
    app.ask(&manager(), document, json!({ "id": subscription })).await["node"].clone()
}

/// Waits until a subscription is shown like this.
pub(crate) async fn until_shown(
    app: &TestApp,
    subscription: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    let mut newest = Value::Null;
    until(what, async || {
        newest = shown(app, subscription).await;
        holds(&newest)
    })
    .await;
    newest
}

/// Moves the clock from one due attempt to the next until the receiver has taken so many events.
pub(crate) async fn with_time(app: &TestApp, subscribed: &Subscribed, receiver: &Receiver, count: usize) {
    while receiver.ledger().len() < count {
        let seen = until_shown(app, &subscribed.id, "an attempt", |seen| {
            let is_due_later = seen["nextAttempt"].as_str().is_some_and(|due| instant(due) > app.fresh.clock.now());
            receiver.ledger().len() >= count || is_due_later || seen["state"] != "ACTIVE"
        })
        .await;
        assert_eq!(seen["state"], "ACTIVE", "{seen:#}");
        if let Some(due) = seen["nextAttempt"].as_str() {
            app.it_is(due);
        }
    }
}

/// Records this many referrals; answers with the position of the newest event.
pub(crate) async fn happen(app: &TestApp, count: usize) -> i64 {
    let begins = app.head().await;
    for number in 0..count {
        app.receive_referral("2018-02-01", &format!("BR-{begins}-{number}")).await;
    }
    app.head().await
}

/// The positions of the events that an integrator of the contract reads in the feed after a position.
pub(crate) async fn feed(app: &TestApp, after: i64) -> Vec<i64> {
    let who = test_caller(Role::Integrator, "integrator", &[SHPS]);
    let path = format!("/events?after={after}&limit=10000");
    let request = axum::http::Request::get(path).header("authorization", format!("Bearer {}", app.token(&who)));
    let answer = app.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    let lines = answer.body.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    lines.map(|line| text(&line["sequence"]).parse().expect("digits")).collect()
}

/// Those who may manage the webhooks of the first contract.
pub(crate) fn those_who_may() -> [throughline::access::Principal; 3] {
    [manager(), test_caller(Role::Integrator, "integrator", &[SHPS]), administrator()]
}
