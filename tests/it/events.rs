//! The log over the API: an ordered, resumable feed of what the caller may see, on both stores.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::fact::envelope::{Envelope, Position, StreamKind};

use crate::app::{SHPS, TestApp, administrator, call, keyworker, manager, on_both_stores, test_caller, text};

const DOCUMENT: &str = include_str!("../../schema/operations/events.graphql");

/// Whether an event is one that a filter asks for.
type Fits<'a> = &'a dyn Fn(&Envelope) -> bool;

/// Six journeys in this contract and one in the other, with workers who hold cases here, there and nowhere.
async fn fill(app: &TestApp) {
    let (here, there) = (app.add_worker("kw-07").await, app.add_worker("kw-08").await);
    app.add_worker("kw-09").await;
    for number in 1..=6 {
        let journey = app.receive_referral("2018-02-01", &format!("BR-{number}")).await;
        app.take_on(&journey, &here, "2018-02-02").await;
        app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-03")).await;
    }
    let elsewhere = app.journey_elsewhere().await;
    let input = json!({ "journey": elsewhere, "worker": there, "occurredOn": "2018-02-03" });
    app.done(&crate::app::other_manager(), "assignWorker", input).await;
    let journey = app.receive_referral("2018-02-01", "BR-7").await;
    let input = json!({ "journey": journey, "reason": "not_eligible", "occurredOn": "2018-02-02" });
    app.done(&manager(), "declineReferral", input).await;
}

/// Pages through the feed to its end. Answers with the nodes and how many pages it took.
async fn through(app: &TestApp, first: usize, filter: Value) -> (Vec<Value>, usize) {
    let (mut nodes, mut after, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let variables = json!({ "after": after, "first": first, "filter": filter });
        let data = app.ask(&manager(), DOCUMENT, variables).await;
        let page = &data["events"];
        let read = page["nodes"].as_array().expect("nodes");
        assert!(read.len() <= first);
        nodes.extend(read.iter().cloned());
        pages += 1;
        assert!(pages < 1_000, "the feed does not end");
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return (nodes, pages);
        }
    }
}

/// The events of the log that belong to the first contract, or to a subject or worker of a journey of it or of none.
async fn in_scope(app: &TestApp) -> Vec<Envelope> {
    let every = app.fresh.log.page(Position(0), Position(i64::MAX)).await.expect("the log");
    let ours = |event: &&Envelope| event.contract.as_deref() == Some(SHPS);
    let named = |event: &Envelope| {
        let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
        match event.event_type.as_str() {
            "ReferralReceived" => Some(text(&payload["subject"])),
            "WorkerAssigned" => Some(text(&payload["worker"])),
            _ => None,
        }
    };
    let named_here: BTreeSet<String> = every.iter().filter(ours).filter_map(named).collect();
    let named_anywhere: BTreeSet<String> = every.iter().filter_map(named).collect();
    let theirs = |event: &Envelope| {
        let who = event.stream.id.to_string();
        matches!(event.stream.kind, StreamKind::Subject | StreamKind::Worker)
            && (named_here.contains(&who) || !named_anywhere.contains(&who))
    };
    every.iter().filter(|event| ours(event) || theirs(event)).cloned().collect()
}

#[tokio::test]
async fn paging_to_the_end_gives_every_event_in_scope_once_and_in_order() {
    on_both_stores(async |app| {
        fill(app).await;
        let expected: Vec<i64> = in_scope(app).await.iter().map(|event| event.position.0).collect();
        assert!(expected.len() > 30 && expected.len() + 6 < usize::try_from(app.head().await).expect("a count"));
        for first in [1, 7, 200] {
            let (nodes, _) = through(app, first, Value::Null).await;
            let read: Vec<i64> = nodes.iter().map(|node| node["position"].as_i64().expect("a position")).collect();
            assert_eq!(read, expected, "in pages of {first}");
        }
        let every = test_caller(Role::Auditor, "auditor", &[]);
        let data = app.ask(&every, DOCUMENT, json!({ "first": 200 })).await;
        let count = data["events"]["nodes"].as_array().expect("nodes").len();
        assert_eq!(i64::try_from(count).expect("a count"), app.head().await);
    })
    .await;
}

#[tokio::test]
async fn a_filter_gives_what_fits_it_and_ends() {
    on_both_stores(async |app| {
        fill(app).await;
        let every = in_scope(app).await;
        let journey = every.iter().find(|event| event.event_type == "ReferralReceived").expect("one").stream.id;
        let cases: [(Value, Fits<'_>); 7] = [
            (json!({ "types": ["ReferralDeclined"] }), &|event| event.event_type == "ReferralDeclined"),
            (json!({ "types": ["ContactLogged", "WorkerAssigned"] }), &|event| {
                ["ContactLogged", "WorkerAssigned"].contains(&event.event_type.as_str())
            }),
            (json!({ "streamKind": "WORKER" }), &|event| event.stream.kind == StreamKind::Worker),
            (json!({ "stream": journey }), &|event| event.stream.id == journey),
            (json!({ "contract": SHPS, "streamKind": "JOURNEY", "types": ["PlanAgreed"] }), &|_| false),
            (json!({ "types": [] }), &|_| false),
            (json!({}), &|_| true),
        ];
        for (filter, fits) in cases {
            let (nodes, pages) = through(app, 5, filter.clone()).await;
            let read: Vec<String> = nodes.iter().map(|node| text(&node["id"])).collect();
            let fitting = every.iter().filter(|event| fits(event)).map(|event| event.event_id.to_string());
            let fitting: Vec<String> = fitting.collect();
            assert_eq!(read, fitting, "{filter}");
            assert!(pages <= fitting.len() / 5 + 2, "{filter}: {pages} pages for {} events", fitting.len());
        }
        let variables = json!({ "filter": { "types": ["ContactMade"] } });
        let answer = app.answer(&manager(), DOCUMENT, variables).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{}", answer.body);
    })
    .await;
}

#[tokio::test]
async fn a_page_has_at_least_one_and_at_most_two_hundred() {
    on_both_stores(async |app| {
        for (first, code) in [
            (json!(0), "BAD_USER_INPUT"),
            (json!(-1), "BAD_USER_INPUT"),
            (json!(201), "BAD_USER_INPUT"),
            (json!(1_000_000), "QUERY_TOO_COMPLEX"),
        ] {
            let answer = app.answer(&manager(), DOCUMENT, json!({ "first": first })).await;
            assert_eq!(answer.codes(), [code], "{first}: {}", answer.body);
        }
        let beyond = app.ask(&manager(), DOCUMENT, json!({ "after": 1_000_000 })).await;
        let page_info = json!({ "endCursor": "1000000", "hasNextPage": false });
        assert_eq!(beyond["events"], json!({ "nodes": [], "pageInfo": page_info }));
    })
    .await;
}

#[tokio::test]
async fn a_subject_or_worker_shows_through_a_journey_or_assignment_in_scope_or_where_they_have_none() {
    on_both_stores(async |app| {
        fill(app).await;
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }";
        let every = app.fresh.log.page(Position(0), Position(i64::MAX)).await.expect("the log");
        let of = |kind| every.iter().filter(move |event| event.stream.kind == kind).map(|event| event.stream.id);
        let ids: Vec<_> = of(StreamKind::Worker).chain(of(StreamKind::Subject)).collect();
        let data = app.ask(&manager(), document, json!({ "ids": ids })).await;
        let seen = data["nodes"].as_array().expect("nodes").iter().filter(|node| !node.is_null()).count();
        // All workers and subjects but those of the other contract.
        assert_eq!(seen, 3 - 1 + of(StreamKind::Subject).count() - 1);
        let data = app.ask(&administrator(), document, json!({ "ids": ids })).await;
        let workers = data["nodes"].as_array().expect("nodes").iter().filter(|node| node["__typename"] == "Worker");
        assert_eq!(workers.count(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_record_hashes_to_the_hash_beside_it_and_says_what_the_fields_say() {
    on_both_stores(async |app| {
        fill(app).await;
        let (nodes, _) = through(app, 50, Value::Null).await;
        for node in nodes {
            let record = text(&node["record"]);
            let sum = digest(&SHA256, &[&[0], record.as_bytes()].concat());
            let sum = sum.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            assert_eq!(text(&node["hash"]), sum);
            let record: Value = serde_json::from_str(&record).expect("a record is JSON");
            assert_eq!(record["position"], node["position"]);
            assert_eq!(record["event_id"], node["id"]);
            assert_eq!(record["type"], node["type"]);
            assert_eq!(record["contract"], node["contract"]);
            assert_eq!(record["command_id"], node["commandId"]);
            let payload: Value = serde_json::from_str(&text(&node["payload"])).expect("a payload is JSON");
            assert_eq!(record["payload"], payload);
        }
    })
    .await;
}
