//! The feed over HTTP: every event that the caller may see, once and in order, resumed from any position; and the
//! numbers of the service.

use std::process::Command;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::fact::envelope::Position;

use crate::app::{
    Answer, SHPS, TestApp, administrator, call, keyworker, manager, on_both_stores, other_manager, test_caller,
};

async fn get(app: &TestApp, who: &Principal, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {}", app.token(who)));
    app.send(request.body(Body::empty()).expect("a request")).await
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    answer.body.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn sequence(line: &Value) -> i64 {
    line["sequence"].as_str().expect("a sequence").parse().expect("a number")
}

/// The whole feed, so many lines at a time.
async fn whole(app: &TestApp, who: &Principal, limit: usize) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let answer = get(app, who, &format!("/events?after={after}&limit={limit}")).await;
        let part = lines(&answer);
        if part.is_empty() && answer.header("throughline-next") == after {
            return all;
        }
        all.extend(part);
        answer.header("throughline-next").clone_into(&mut after);
    }
}

#[tokio::test]
async fn the_feed_gives_each_event_once_and_in_order_in_pages_of_any_size() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        for number in 1..=4 {
            let journey = app.receive_referral("2018-02-01", &format!("BR-{number}")).await;
            app.take_on(&journey, &worker, "2018-02-02").await;
            app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-03")).await;
        }
        app.journey_elsewhere().await;
        let auditor = test_caller(Role::Auditor, "auditor", &[]);
        let everything = whole(app, &auditor, 10_000).await;
        let sequences: Vec<i64> = everything.iter().map(sequence).collect();
        assert_eq!(sequences, (1..=app.head().await).collect::<Vec<_>>());
        assert_eq!(whole(app, &auditor, 3).await, everything);

        let ours = whole(app, &manager(), 2).await;
        let of_contract = |line: &&Value| line["data"]["contract"] == SHPS;
        assert_eq!(ours.iter().filter(of_contract).count(), everything.iter().filter(of_contract).count());
        let foreign = |line: &Value| !line["data"]["contract"].is_null() && line["data"]["contract"] != SHPS;
        assert!(!ours.iter().any(foreign), "nothing of another contract");
        assert!(whole(app, &other_manager(), 5).await.iter().all(|line| line["data"]["contract"] != SHPS));
    })
    .await;
}

#[tokio::test]
async fn a_waiting_client_is_answered_as_soon_as_an_event_is_recorded() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let head = app.head().await;
        let path = format!("/events?after={head}&wait=20");
        let who = manager();
        let waiting = get(app, &who, &path);
        let happening = async {
            tokio::task::yield_now().await;
            app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
        };
        let (answer, ()) = tokio::time::timeout(Duration::from_secs(15), async { tokio::join!(waiting, happening) })
            .await
            .expect("an answer before the wait is over");
        let told = lines(&answer);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["type"], "throughline.journey.referral_accepted.v1");
        assert_eq!(answer.header("throughline-next"), (head + 1).to_string());

        let nothing = get(app, &manager(), &format!("/events?after={}&wait=0", head + 1)).await;
        assert!(lines(&nothing).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_position_that_the_log_does_not_have_is_answered_at_once_and_not_waited_for() {
    on_both_stores(async |app| {
        let head = app.head().await;
        for after in [head + 1, 99_999_999_999] {
            let answer = get(app, &manager(), &format!("/events?after={after}&wait=20")).await;
            assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let detail = format!(
                "the log ends at position {head}: {after} belongs to another log, or is not recorded \
                yet"
            );
            assert_eq!(answer.json()["detail"], detail);
        }
        assert!(lines(&get(app, &manager(), &format!("/events?after={head}")).await).is_empty());
    })
    .await;
}

#[test]
fn following_a_log_on_the_command_line_from_after_its_end_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
        program.current_dir(directory.path()).env_remove("THROUGHLINE_DATABASE").args(arguments.split(' '));
        let output = program.output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    assert_eq!(run("contract open --rulebook shps").0, Some(0));
    let (status, said) = run("log tail --after 99");
    assert!(status == Some(2) && said.contains("the log ends at position 2: 99 belongs to another log"), "{said}");
}

#[tokio::test]
async fn the_feed_is_for_those_who_read_events_and_says_what_it_wants() {
    on_both_stores(async |app| {
        for who in [keyworker("kw-07"), administrator()] {
            let answer = get(app, &who, "/events").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        let stranger = Request::get("/events").body(Body::empty()).expect("a request");
        assert_eq!(app.send(stranger).await.status, StatusCode::UNAUTHORIZED);
        for query in
            ["after=-1", "after=x", "after=18446744073709551615", "limit=0", "limit=10001", "wait=26", "from=1"]
        {
            let answer = get(app, &manager(), &format!("/events?{query}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_service_serves_its_metrics() {
    on_both_stores(async |app| {
        let head = app.head().await;
        app.fresh.views.passed(Position(head), Duration::from_mins(1)).await;
        app.send(Request::get("/nowhere/9434765919").body(Body::empty()).expect("a request")).await;
        let answer = app.send(Request::get("/metrics").body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
        let has = |line: &str| assert!(answer.body.lines().any(|found| found == line), "{line}\n{}", answer.body);
        has(&format!("throughline_log_position {head}"));
        has(&format!("throughline_view_position {head}"));
        has("throughline_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1");
        has("# EOF");
        assert!(!answer.body.contains("9434765919"), "what was asked for is no label");
    })
    .await;
}
