//! HTTP end to end: statuses, media types and the pages beside GraphQL, through the whole router, on both stores.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{GRAPHQL, TestApp, manager, on_both_stores};
use crate::client::Client;
use crate::subscriber::Server;

pub(crate) fn get(path: &str) -> Request<Body> {
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
            ("an unknown field, of old", plain(json, json), asking("{ viewer { password } }"), 422),
            ("no GraphQL, of old", plain(json, "*/*"), asking("{ viewer "), 400),
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
            "keys": { "warning": "the key store is away, so names and notes are neither shown nor recorded: see the log of \
                                  this server" },
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
        for path in ["/", "/graphqlx", "/graphiql/none.js", "/nothing"] {
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
            assert_eq!(answer.json()["data"], json!({ "viewer": { "role": "manager" } }));
            assert_eq!(answer.json()["extensions"]["cost"], json!({ "requested": 2, "allowed": 100_000 }));
            assert_eq!(answer.json()["errors"], Value::Null);
        }
    })
    .await;
}

/// Fragments that spread the next one twice: 2^30 leaves in 2 kB.
fn bomb() -> String {
    let fragments = (0..30).map(|level| {
        let next = level + 1;
        format!("fragment F{level} on Query {{ ...F{next} ...F{next} }} ")
    });
    format!("{{ ...F0 }} {}fragment F30 on Query {{ __typename }}", fragments.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_do_harm_is_refused_at_once_over_a_real_connection() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let token = app.token(&manager());
        let mutation = "mutation { registerSubject(input: { commandId: \"0190c3d2-7c1a-7000-8000-000000000001\" }) \
                        { replayed } }";
        let missing = "query($id: UUID!) { journey(id: $id) { id } }";
        let pages =
            "{ contracts { caseload(first: 200) { nodes { timeline { event { id type hash record payload } } } } } }";
        let subscription = "subscription { eventRecorded { position } }";
        let before = app.head().await;
        let json = "application/json";
        for (what, line, media, body, status) in [
            ("a mutation by GET", "GET /graphql?query=mutation%7B__typename%7D", json, asking(mutation), 405),
            ("a mutation as text", "POST /graphql", "text/plain", asking(mutation), 415),
            ("a mutation of a form", "POST /graphql", "multipart/form-data; boundary=x", asking(mutation), 415),
            ("a fragment bomb", "POST /graphql", json, asking(&bomb()), 422),
            ("a missing variable", "POST /graphql", json, asking(missing), 422),
            ("a subscription without a stream", "POST /graphql", json, asking(subscription), 422),
            ("pages below pages", "POST /graphql", json, asking(pages), 422),
        ] {
            let mut client = Client::to(&server.address).await.expect("it listens");
            let request = format!(
                "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: {media}\r\n\
                 accept: {GRAPHQL}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let began = Instant::now();
            client.send(request.as_bytes()).await.expect("it reads");
            let (answered, answer) = client.answer().await.expect("it answers");
            assert_eq!(answered, status, "{what}: {answer}");
            assert!(began.elapsed() < Duration::from_secs(2), "{what} took {:?}", began.elapsed());
            assert!(answer.get("data").is_none(), "{what}: {answer}");
        }
        assert_eq!(app.head().await, before, "nothing was recorded");
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_opened_for_those_who_may_have_one() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let token = app.token(&manager());
        let own = format!("origin: http://{}\r\n", server.address);
        let protocol = "sec-websocket-protocol: graphql-transport-ws\r\n";
        let bearer = format!("authorization: Bearer {token}\r\n");
        for (what, headers, status) in [
            ("no page and no token yet", protocol.to_owned(), 101),
            ("a token with the handshake", format!("{protocol}{bearer}"), 101),
            ("a page of our own", format!("{protocol}{own}"), 101),
            ("a page of another origin", format!("{protocol}origin: https://evil.example.org\r\n{bearer}"), 403),
            ("a token that is none", format!("{protocol}authorization: Bearer x\r\n"), 401),
            ("another protocol", "sec-websocket-protocol: graphql-ws\r\n".to_owned(), 400),
        ] {
            let mut stream = TcpStream::connect(&server.address).await.expect("it listens");
            let request = format!(
                "GET /graphql HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
                server.address
            );
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut read = [0; 12];
            stream.read_exact(&mut read).await.expect("it answers");
            assert_eq!(String::from_utf8_lossy(&read), format!("HTTP/1.1 {status}"), "{what}");
        }
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_answered_in_the_case_in_which_it_was_asked() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        for name in ["Sec-WebSocket-Protocol", "sec-websocket-protocol"] {
            let mut stream = TcpStream::connect(&server.address).await.expect("it listens");
            let request = format!(
                "GET /graphql HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 {name}: graphql-transport-ws\r\n\r\n",
                server.address
            );
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut read = String::new();
            while !read.ends_with("\r\n\r\n") {
                read.push(stream.read_u8().await.expect("it answers").into());
            }
            assert!(read.starts_with("HTTP/1.1 101 "), "{read}");
            assert!(read.contains(&format!("\r\n{name}: graphql-transport-ws\r\n")), "{read}");
        }
        server.end().await;
    })
    .await;
}

#[test]
fn a_folder_of_trusted_documents_must_hold_some_that_can_be_read() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let serve = |documents: &Path| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
        program.current_dir(folder.path()).arg("serve").arg("--trusted-documents").arg(documents);
        let output = program.output().expect("the program runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let (status, said) = serve(&empty);
    assert!(status == Some(2) && said.contains("contains no *.graphql files"), "{said}");
    std::fs::write(empty.join("broken.graphql"), "{ viewer {").expect("a file");
    let (status, said) = serve(&empty);
    assert!(status == Some(2) && said.contains("broken.graphql: syntax error at 1:"), "{said}");
    let (status, said) = serve(&folder.path().join("nowhere"));
    assert!(status == Some(2) && said.contains("cannot read the trusted documents in"), "{said}");
}
