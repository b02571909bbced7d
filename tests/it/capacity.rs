//! More than the service takes on: whoever comes then hears at once when to come back, nothing of theirs is done, and
//! those who were let in are answered.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use futures_util::stream;
use serde_json::{Value, json};
use throughline::http;
use throughline_gateway::{Capacity, Terms};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::app::{Answer, TestApp, keyworker, manager, on_both_stores};
use crate::subscriber::{Server, Subscriber};
use crate::wait::until;

const ASKED: &str = "{ viewer { role } }";

fn of(places: usize) -> (Arc<Capacity>, Terms) {
    let capacity = Arc::new(Capacity::of(places));
    (Arc::clone(&capacity), Terms { capacity, ..Terms::default() })
}

/// A request that takes its place and keeps it until the sender is dropped or has sent the rest of its body.
fn slow(app: &TestApp, router: &axum::Router, who: &throughline::access::Principal) -> Slow {
    let (send, rest) = oneshot::channel::<Bytes>();
    let body = json!({ "query": ASKED }).to_string();
    let (first, last) = body.split_at(5);
    let (first, last) = (Bytes::from(first.to_owned()), Bytes::from(last.to_owned()));
    let chunks = stream::unfold((Some(first), Some(rest)), |(first, rest)| async {
        match (first, rest) {
            (Some(first), rest) => Some((Ok::<_, std::io::Error>(first), (None, rest))),
            (None, Some(rest)) => Some((rest.await.map_err(|_| std::io::ErrorKind::BrokenPipe.into()), (None, None))),
            (None, None) => None,
        }
    });
    let request = TestApp::post(&app.token(who));
    let request = request.body(Body::from_stream(chunks)).expect("a request");
    let router = router.clone();
    let answer = tokio::spawn(async move { TestApp::send_to(&router, request).await });
    Slow { send, last, answer }
}

struct Slow {
    send: oneshot::Sender<Bytes>,
    last: Bytes,
    answer: tokio::task::JoinHandle<Answer>,
}

impl Slow {
    async fn ends(self) -> Answer {
        self.send.send(self.last).expect("it waits");
        self.answer.await.expect("it is answered")
    }
}

async fn taken(capacity: &Capacity, wanted: usize) {
    until("so many places are taken", async || capacity.load().taken == wanted).await;
}

async fn asked(app: &TestApp, router: &axum::Router, who: &throughline::access::Principal) -> Answer {
    let body = json!({ "query": ASKED }).to_string();
    let request = TestApp::post(&app.token(who)).body(Body::from(body)).expect("a request");
    TestApp::send_to(router, request).await
}

async fn got(router: &axum::Router, path: &str, token: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    TestApp::send_to(router, request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn beyond_the_places_there_is_a_503_with_retry_after_and_probes_and_those_let_in_are_answered() {
    on_both_stores(async |app| {
        let (capacity, terms) = of(2);
        let router = app.router_under(terms);
        let first = slow(app, &router, &manager());
        let second = slow(app, &router, &keyworker("kw-07"));
        taken(&capacity, 2).await;

        let refused = asked(app, &router, &manager()).await;
        assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        let error = refused.json()["errors"][0].clone();
        assert_eq!(
            error["extensions"],
            json!({ "code": "UNAVAILABLE", "retryAfterMs": 1_000, "commandInDoubt": false })
        );
        let feed = got(&router, "/events", &app.token(&manager())).await;
        assert_eq!((feed.status, feed.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        assert_eq!(feed.header("content-type"), "application/problem+json");
        for probe in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(got(&router, probe, "").await.status, StatusCode::OK, "{probe}");
        }
        let metrics = got(&router, "/metrics", "").await.body;
        for line in ["throughline_http_places 2", "throughline_http_requests_under_way 2"] {
            assert!(metrics.lines().any(|found| found == line), "{metrics}");
        }
        assert!(metrics.contains("throughline_http_requests_turned_away_total 2"), "{metrics}");

        // A place that is given back is free, and whoever had one is answered.
        assert_eq!(first.ends().await.status, StatusCode::OK);
        taken(&capacity, 1).await;
        assert_eq!(asked(app, &router, &manager()).await.status, StatusCode::OK);
        assert_eq!(second.ends().await.status, StatusCode::OK);

        // The same with room enough: it is the places that make the difference.
        let (_, terms) = of(3);
        let router = app.router_under(terms);
        let held = [slow(app, &router, &manager()), slow(app, &router, &keyworker("kw-07"))];
        assert_eq!(asked(app, &router, &manager()).await.status, StatusCode::OK);
        for slow in held {
            assert_eq!(slow.ends().await.status, StatusCode::OK);
        }
    })
    .await;
}

#[tokio::test]
async fn one_login_does_not_take_every_place() {
    on_both_stores(async |app| {
        let (capacity, terms) = of(4);
        let router = app.router_under(terms);
        let mine: Vec<Slow> = (0..3).map(|_| slow(app, &router, &manager())).collect();
        taken(&capacity, 3).await;
        assert_eq!(asked(app, &router, &manager()).await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(asked(app, &router, &keyworker("kw-07")).await.status, StatusCode::OK);
        // Whoever hangs up gives the place back, too.
        for slow in mine {
            drop(slow.send);
            assert_eq!(slow.answer.await.expect("it ends").status, StatusCode::BAD_REQUEST);
        }
        taken(&capacity, 0).await;
    })
    .await;
}

#[tokio::test]
async fn an_operation_on_a_socket_takes_a_place_and_what_waits_for_events_takes_none() {
    on_both_stores(async |app| {
        let (capacity, terms) = of(1);
        let router = app.router_under(terms);
        let server = Server::of(router.clone()).await;
        let mut socket = Subscriber::at(&server.address, &app.token(&manager())).await;
        socket.begin("follows", "subscription { eventRecorded { position } }", json!({})).await;
        let head = app.head().await;
        let waiting = {
            let (router, token) = (router.clone(), app.token(&manager()));
            tokio::spawn(async move { got(&router, &format!("/events?after={head}&wait=20"), &token).await })
        };
        taken(&capacity, 0).await;
        socket.begin("asks", ASKED, json!({})).await;
        assert_eq!(socket.hear().await["payload"]["data"]["viewer"]["role"], "manager");
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "asks" }));

        let busy = slow(app, &router, &keyworker("kw-07"));
        taken(&capacity, 1).await;
        socket.begin("refused", ASKED, json!({})).await;
        let refused = socket.hear().await;
        assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("refused")));
        assert_eq!(refused["payload"][0]["extensions"]["code"], "UNAVAILABLE");
        assert_eq!(busy.ends().await.status, StatusCode::OK);

        app.receive_referral("2018-03-01", "A-1").await;
        assert_eq!(socket.hear().await["id"], "follows");
        assert_eq!(waiting.await.expect("it is answered").status, StatusCode::OK);
        drop(socket);
        server.end().await;
    })
    .await;
}

/// Opens a connection, asks whether the service is alive, and reads whatever comes until `until`.
async fn alive(stream: &mut TcpStream, until: &[u8]) -> String {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it is sent");
    let mut read = Vec::new();
    while !read.ends_with(until) {
        if stream.read_buf(&mut read).await.expect("it is read") == 0 {
            break;
        }
    }
    String::from_utf8(read).expect("text")
}

#[tokio::test]
async fn beyond_the_connections_one_hears_so_at_once_and_one_that_closes_makes_room() {
    on_both_stores(async |app| {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let router = app.router_under(Terms::default());
        let serving = tokio::spawn(http::serve(listener, 2, router, async { drop(stopped.await) }));
        let connect = || TcpStream::connect(address);
        let (mut first, mut second) = (connect().await.expect("a place"), connect().await.expect("a place"));
        for stream in [&mut first, &mut second] {
            assert!(alive(stream, b"alive\n").await.starts_with("HTTP/1.1 200 "));
        }
        let mut third = connect().await.expect("it is accepted");
        let refused = alive(&mut third, b"\n\n").await;
        let (head, body) = refused.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nretry-after: 1\r\n"), "{head}");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["status"], 503);
        drop(third);
        assert!(alive(&mut second, b"alive\n").await.starts_with("HTTP/1.1 200 "), "those who are in go on");
        drop(first);
        let is_answered = async || {
            let mut next = connect().await.expect("it is accepted");
            alive(&mut next, b"alive\n").await.starts_with("HTTP/1.1 200 ")
        };
        until("a place is free again", is_answered).await;
        drop(second);
        drop(stop);
        serving.await.expect("it stops");
    })
    .await;
}
