//! HTTP end to end: statuses, media types and the pages beside GraphQL, through the whole router, on both stores.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::app::{GRAPHQL, TestApp, manager, on_both_stores};

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn asking(document: &str) -> String {
    json!({ "query": document }).to_string()
}

#[tokio::test]
async fn every_status_of_the_transport_is_the_one_that_is_promised() {
    on_both_stores(async |app| {
        let token = app.token(&manager());
        let post = || TestApp::post(&token);
        let plain = |media: &str, accept: &str| {
            Request::post("/graphql")
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", media)
                .header("accept", accept)
        };
        let good = asking("{ viewer { subject } }");
        let json = "application/json";
        for (what, request, body, status) in [
            ("a question", post(), good.clone(), 200),
            ("text", plain("text/plain", json), good.clone(), 415),
            ("a form", plain("application/x-www-form-urlencoded", json), good.clone(), 415),
            ("multipart", plain("multipart/form-data; boundary=x", json), good.clone(), 415),
            ("wants HTML", plain(json, "text/html"), good.clone(), 406),
            ("no JSON", post(), "{".to_owned(), 400),
            ("a batch", post(), format!("[{good}]"), 400),
            ("no document", post(), "{}".to_owned(), 400),
            ("no GraphQL", post(), asking("{ viewer "), 400),
            ("an unknown field", post(), asking("{ viewer { password } }"), 422),
            ("a missing variable", post(), asking("query($id: UUID!) { journey(id: $id) { id } }"), 422),
            ("too much", post(), asking(&format!("{{ {} }}", "viewer { subject } ".repeat(60))), 422),
            ("too long", post(), asking(&" ".repeat(1_100_000)), 413),
            ("data with errors", post(), asking("{ events(filter: { types: [\"X\"] }) { nodes { id } } }"), 294),
            ("an unknown field, of old", plain(json, json), asking("{ viewer { password } }"), 200),
        ] {
            let answer = app.send(request.body(Body::from(body)).expect("a request")).await;
            assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
            let problem = matches!(status, 406 | 413 | 415);
            assert_eq!(answer.header("content-type") == "application/problem+json", problem, "{what}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_post_runs_anything_and_nothing_runs_without_a_token() {
    on_both_stores(async |app| {
        let token = app.token(&manager());
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let request = Request::builder().method(method).uri("/graphql?query=%7Bviewer%7Bsubject%7D%7D");
            let request = request.header("authorization", format!("Bearer {token}"));
            let answer = app.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(answer.header("allow"), "POST", "{method}");
        }
        // Who is asking comes before what is asked, how long it is and in which type.
        for (media, body) in [("text/plain", "x".to_owned()), ("application/json", "{".repeat(2_000_000))] {
            let request = Request::post("/graphql").header("content-type", media).header("accept", "text/html");
            let answer = app.send(request.body(Body::from(body)).expect("a request")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
        }
        assert_eq!(app.send(get("/graphql")).await.status, StatusCode::UNAUTHORIZED);
        let posted = app.send(Request::post("/readyz").body(Body::empty()).expect("a request")).await;
        assert_eq!((posted.status, posted.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
        assert_eq!(posted.json()["status"], 405);
    })
    .await;
}

#[tokio::test]
async fn the_service_says_that_it_lives_and_whether_it_is_ready() {
    on_both_stores(async |app| {
        let alive = app.send(get("/livez")).await;
        assert_eq!((alive.status, alive.body.as_str()), (StatusCode::OK, "alive\n"));
        app.receive_referral("2018-02-01", "BR-1").await;
        let ready = app.send(get("/readyz")).await;
        assert_eq!((ready.status, ready.header("content-type")), (StatusCode::OK, "application/json"));
        let head = app.head().await;
        let expected = json!({
            "version": env!("CARGO_PKG_VERSION"), "log": { "position": head },
            "view": { "generation": 1, "position": head }, "lag": 0,
        });
        assert_eq!(ready.json(), expected);
    })
    .await;
}

#[tokio::test]
async fn graphiql_comes_whole_from_the_service_and_names_no_other_place() {
    on_both_stores(async |app| {
        let page = app.send(get("/graphiql")).await;
        assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
        assert!(!page.body.contains("//"), "the page names another place");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
        let quoted = page.body.split('"');
        let files: Vec<&str> = quoted.filter(|text| text.starts_with("graphiql/")).collect();
        assert!(files.len() >= 5, "{files:?}");
        for file in files {
            assert_eq!(app.send(get(&format!("/{file}"))).await.status, StatusCode::OK, "{file}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_document() {
    on_both_stores(async |app| {
        for path in ["/", "/graphqlx", "/graphiql/none.js", "/metric"] {
            let answer = app.send(get(path)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            assert_eq!(answer.json()["status"], 404, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_keeps_the_one_it_was_given() {
    on_both_stores(async |app| {
        let given = Request::get("/livez").header("x-request-id", "r-4711").body(Body::empty()).expect("a request");
        assert_eq!(app.send(given).await.header("x-request-id"), "r-4711");
        let (one, other) = (app.send(get("/livez")).await, app.send(get("/graphql")).await);
        let ids = [one.header("x-request-id"), other.header("x-request-id")];
        assert!(ids.iter().all(|id| id.len() == 36) && ids[0] != ids[1], "{ids:?}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_has_the_media_type_that_was_asked_for() {
    on_both_stores(async |app| {
        let token = app.token(&manager());
        for (accept, media) in [
            (Some(GRAPHQL), "application/graphql-response+json; charset=utf-8"),
            (Some("application/json"), "application/json; charset=utf-8"),
            (Some("*/*"), "application/json; charset=utf-8"),
            (None, "application/json; charset=utf-8"),
        ] {
            let mut request = Request::post("/graphql")
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json");
            if let Some(accept) = accept {
                request = request.header("accept", accept);
            }
            let answer = app.send(request.body(Body::from(asking("{ viewer { role } }"))).expect("a request")).await;
            assert_eq!(answer.header("content-type"), media, "{accept:?}");
            assert_eq!(answer.json(), json!({ "data": { "viewer": { "role": "manager" } } }));
            assert_eq!(answer.json()["errors"], Value::Null);
        }
    })
    .await;
}
