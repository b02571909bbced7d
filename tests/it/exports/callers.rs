//! Tables over HTTP: who gets which rows, and how an export ends.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use tower::ServiceExt as _;

use super::lines;
use crate::app::{
    Answer, MST, SHPS, TestApp, administrator, call, keyworker, manager, on_both_stores, other_manager, test_caller,
};
use crate::wait::until;

const TABLES: [&str; 6] = ["journeys", "contacts", "spells", "obligations", "claims", "payments"];

async fn get(app: &TestApp, who: &Principal, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {}", app.token(who)));
    app.send(request.body(Body::empty()).expect("a request")).await
}

/// The rows of a table that somebody gets.
async fn rows(app: &TestApp, who: &Principal, table: &str) -> Vec<Value> {
    let answer = get(app, who, &format!("/export/{table}?contract={SHPS}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    lines(answer.body.as_bytes())
}

/// Two cases in Brent and one in Enfield, each with a contact and a home.
async fn cases(app: &TestApp) -> Vec<String> {
    let worker = app.add_worker("kw-07").await;
    let mut cases =
        vec![app.receive_referral("2018-02-01", "BR-1").await, app.receive_referral("2018-02-02", "BR-2").await];
    let elsewhere = json!({
        "contract": SHPS, "area": "enfield", "occurredOn": "2018-02-03",
        "externalReferences": [{ "system": "council", "id": "EN-1" }],
    });
    cases.push(crate::app::text(&app.done(&manager(), "receiveReferral", elsewhere).await["journey"]["id"]));
    for case in &cases {
        app.take_on(case, &worker, "2018-02-05").await;
        app.log_contact(&keyworker("kw-07"), call(case, "2018-02-06")).await;
    }
    cases
}

fn borough(area: &str) -> Principal {
    let scope = Scope::Areas { contracts: [SHPS.to_owned()].into(), areas: [area.to_owned()].into() };
    Principal { subject: area.to_owned(), role: Role::Commissioner, scope }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_gets_the_rows_of_their_lists_and_a_commissioner_no_case_numbers() {
    on_both_stores(async |app| {
        let cases = cases(app).await;
        app.journey_elsewhere().await;
        let references = |rows: &[Value]| {
            let mut found: Vec<Value> = rows.iter().map(|row| row["reference"].clone()).collect();
            found.sort_by_key(ToString::to_string);
            found
        };
        assert_eq!(references(&rows(app, &manager(), "journeys").await), ["BR-1", "BR-2", "EN-1"]);
        let integrator = test_caller(Role::Integrator, "feed", &[SHPS]);
        assert_eq!(references(&rows(app, &integrator, "journeys").await), ["BR-1", "BR-2", "EN-1"]);
        let commissioner = test_caller(Role::Commissioner, "payer", &[SHPS]);
        let pseudonymous = rows(app, &commissioner, "journeys").await;
        assert_eq!(references(&pseudonymous), [Value::Null, Value::Null, Value::Null]);
        let ids = |rows: &[Value]| rows.iter().map(|row| row["journey"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&pseudonymous), ids(&rows(app, &manager(), "journeys").await));

        for table in TABLES {
            let mine = rows(app, &borough("enfield"), table).await;
            let all = rows(app, &manager(), table).await;
            let theirs: Vec<&Value> = all.iter().filter(|row| row["journey"] == cases[2].as_str()).collect();
            assert_eq!(ids(&mine), theirs.iter().map(|row| row["journey"].clone()).collect::<Vec<_>>(), "{table}");
            let may_be_empty = ["spells", "obligations", "payments"].contains(&table);
            assert!(may_be_empty || !mine.is_empty(), "{table} has rows");
        }
        // As known before the last case came in, rights are still those of now.
        let before = get(app, &borough("enfield"), &format!("/export/contacts?contract={SHPS}&asOf=2018-02-05")).await;
        assert_eq!((before.status, before.body.as_str()), (StatusCode::OK, ""));
        assert_eq!(before.header("throughline-as-of"), "2018-02-05");
        assert_eq!(before.header("throughline-position"), app.head().await.to_string());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_exported_is_refused_and_says_what_to_do() {
    on_both_stores(async |app| {
        cases(app).await;
        for who in [keyworker("kw-07"), administrator()] {
            let answer = get(app, &who, &format!("/export/journeys?contract={SHPS}")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        }
        let unsigned =
            Request::get(format!("/export/journeys?contract={SHPS}")).body(Body::empty()).expect("a request");
        assert_eq!(app.send(unsigned).await.status, StatusCode::UNAUTHORIZED);
        // Another contract's code behaves like one that does not exist.
        let foreign = get(app, &other_manager(), &format!("/export/journeys?contract={SHPS}")).await;
        let unknown = get(app, &other_manager(), "/export/journeys?contract=none").await;
        assert_eq!((foreign.status, unknown.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        assert_eq!(foreign.body.replace(SHPS, "none"), unknown.body);
        assert_eq!(
            get(app, &other_manager(), &format!("/export/journeys?contract={MST}")).await.status,
            StatusCode::OK
        );
        for (path, status, says) in [
            ("cases?contract=shps", StatusCode::NOT_FOUND, "there is no table"),
            ("journeys", StatusCode::BAD_REQUEST, "use /export/TABLE?contract=CODE"),
            ("journeys?contract=shps&format=pdf", StatusCode::BAD_REQUEST, "use ndjson, csv, xlsx or parquet"),
            ("journeys?contract=shps&asOf=yesterday", StatusCode::BAD_REQUEST, "asOf"),
            ("journeys?contract=shps&asOf=%2B12345-01-01", StatusCode::BAD_REQUEST, "asOf: use a date"),
            ("journeys?contract=shps&knownAt=soon", StatusCode::BAD_REQUEST, "neither a date nor an instant"),
            ("journeys?contract=shps&colour=red", StatusCode::BAD_REQUEST, "colour"),
            ("journeys?contract=shps&knownAt=2016-01-01", StatusCode::NOT_FOUND, "was not open yet"),
        ] {
            let answer = get(app, &manager(), &format!("/export/{path}")).await;
            assert!(answer.status == status && answer.body.contains(says), "{path}: {} {}", answer.status, answer.body);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_gives_its_place_back() {
    on_both_stores(async |app| {
        cases(app).await;
        let request = || {
            let request = Request::get(format!("/export/contacts?contract={SHPS}&format=parquet"));
            let request = request.header("authorization", format!("Bearer {}", app.token(&manager())));
            request.body(Body::empty()).expect("a request")
        };
        let answer = app.router().oneshot(request()).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "application/vnd.apache.parquet");
        // It leaves before the first part.
        drop(answer);
        until("the place is free again", async || {
            let answer = app.router().oneshot(request()).await.expect("an answer");
            let is_free = answer.status() == StatusCode::OK;
            assert!(is_free || answer.status() == StatusCode::TOO_MANY_REQUESTS, "{}", answer.status());
            let mut parts = answer.into_body().into_data_stream();
            let mut bytes = Vec::new();
            while let Some(part) = parts.next().await {
                bytes.extend_from_slice(&part.expect("a part"));
            }
            is_free && bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")
        })
        .await;
    })
    .await;
}
