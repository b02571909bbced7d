//! The rules of `graphql-transport-ws`, one by one, over real sockets and a small schema.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::caller::bearer;
use crate::tests::{Behind, EXPIRED, endpoint, executed, token};
use crate::{Arrival, Stopping, Terms};

/// A server that stops when this is dropped or used.
struct Server {
    address: SocketAddr,
    behind: Behind,
    stopping: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(terms: Terms) -> Server {
    let behind = Behind::default();
    let endpoint = endpoint(behind.clone(), terms);
    let (stopping, stopped) = watch::channel(false);
    let open = move |http: Request| {
        let (endpoint, stopping) = (endpoint.clone(), Stopping::when(stopped.clone()));
        let header = http.headers().get(header::AUTHORIZATION).and_then(|value| bearer(value.to_str().ok()?));
        let token = header.map(str::to_owned);
        let arrival = Arrival { http, request_id: "r-1".into(), stopping };
        async move {
            let caller = match token {
                Some(token) => Some(Behind::default().verify(&token, None).await.expect("a caller")),
                None => None,
            };
            endpoint.open(arrival, caller).await
        }
    };
    let router = Router::new().route("/graphql", any(open));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    Server { address, behind, stopping, task }
}

/// The client side of a socket.
struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn connect(server: &Server, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{}/graphql", server.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = TcpStream::connect(server.address).await.expect("it listens");
        client_async(request, stream).await.map(|(socket, _)| Self(socket))
    }

    /// Connects and sends nothing yet.
    async fn silent(server: &Server) -> Self {
        Self::connect(server, &[("sec-websocket-protocol", PROTOCOL)]).await.expect("a socket")
    }

    /// Connects and sends a token.
    async fn open(server: &Server) -> Self {
        Self::open_for(server, Duration::from_mins(5)).await
    }

    async fn open_for(server: &Server, lasting: Duration) -> Self {
        let mut peer = Self::silent(server).await;
        peer.send_json(init(&token(lasting))).await;
        assert_eq!(peer.receive().await, json!({ "type": "connection_ack" }));
        peer
    }

    async fn send_json(&mut self, message: Json) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.send_json(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    /// The next message other than a heartbeat.
    async fn receive(&mut self) -> Json {
        loop {
            match self.0.next().await.expect("a message").expect("no failure") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The close reason, skipping earlier messages.
    async fn closed(mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.0.next().await.expect("a close frame").expect("no failure") {
                let frame = frame.expect("a reason");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

fn init(token: &str) -> Json {
    json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })
}

fn next(id: &str, data: &Json) -> Json {
    json!({ "id": id, "type": "next", "payload": executed(data, 1) })
}

fn complete(id: &str) -> Json {
    json!({ "id": id, "type": "complete" })
}

#[tokio::test]
async fn operations_of_every_kind_are_answered_on_one_socket() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    peer.subscribe("1", "{ hello }").await;
    assert_eq!(peer.receive().await, next("1", &json!({ "hello": "hello you" })));
    assert_eq!(peer.receive().await, complete("1"));
    peer.subscribe("2", "mutation { logContact(minutes: 3) }").await;
    assert_eq!(peer.receive().await, next("2", &json!({ "logContact": 3 })));
    assert_eq!(peer.receive().await, complete("2"));
    // The id of a finished operation may be used again.
    peer.subscribe("1", "subscription { ticks(upto: 3) }").await;
    for nth in 1..=3 {
        assert_eq!(peer.receive().await, next("1", &json!({ "ticks": nth })));
    }
    assert_eq!(peer.receive().await, complete("1"));
}

#[tokio::test]
async fn a_token_in_the_handshake_is_enough() {
    let server = serve(Terms::default()).await;
    let credentials = format!("Bearer {}", token(Duration::from_mins(5)));
    let headers = [("sec-websocket-protocol", PROTOCOL), ("authorization", &credentials)];
    let mut peer = Peer::connect(&server, &headers).await.expect("a socket");
    peer.send_json(json!({ "type": "connection_init" })).await;
    assert_eq!(peer.receive().await, json!({ "type": "connection_ack" }));
}

#[tokio::test]
async fn a_refusal_is_an_error_and_ends_only_its_operation() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    let bomb = crate::guard::tests::bomb(30);
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ticks actor }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { hello }", "BAD_USER_INPUT"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        (&bomb, "QUERY_TOO_COMPLEX"),
        ("subscription { followed(who: \"nobody\") }", "FORBIDDEN"),
        ("subscription { followed(who: \"broken\") }", "INTERNAL"),
        ("subscription { panicking }", "INTERNAL"),
    ] {
        peer.subscribe("1", query).await;
        let error = peer.receive().await;
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("1")), "{query}: {error}");
        assert_eq!(error["payload"][0]["extensions"]["code"], code, "{query}: {error}");
    }
    // A failed field is part of a response.
    peer.subscribe("1", "{ hello broken }").await;
    let answer = peer.receive().await;
    assert_eq!(answer["payload"]["data"], json!({ "hello": "hello you", "broken": null }));
    assert_eq!(answer["payload"]["errors"][0]["extensions"]["requestId"], "r-1");
    assert_eq!(peer.receive().await, complete("1"));
}

#[tokio::test]
async fn an_operation_with_a_repeated_key_is_refused_and_the_socket_stays_open() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    for payload in [
        r#"{"query":"{ hello }","variables":{"a":1,"a":2}}"#,
        r#"{"query":"{ hello }","query":"{ broken }"}"#,
        r#"{"query":"{ hello }","variables":{},"variables":{}}"#,
    ] {
        let message = format!(r#"{{"id":"1","type":"subscribe","payload":{payload}}}"#);
        peer.0.send(Message::text(message)).await.expect("it is sent");
        let answer = peer.receive().await;
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!("1")), "{payload}: {answer}");
        assert_eq!(answer["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{payload}: {answer}");
    }
    peer.subscribe("1", "{ hello }").await;
    assert_eq!(peer.receive().await["payload"]["data"], json!({ "hello": "hello you" }));
}

#[tokio::test]
async fn a_breach_of_the_protocol_closes_the_socket() {
    let server = serve(Terms::default()).await;
    let ping = json!({ "type": "ping", "payload": 1 });
    for (sent, why) in [("NONSENSE", 4400), ("[]", 4400), ("{\"type\":\"start\"}", 4400), (&ping.to_string(), 4400)] {
        let mut peer = Peer::silent(&server).await;
        peer.0.send(Message::text(sent)).await.expect("it is sent");
        assert_eq!(peer.closed().await.0, why, "{sent}");
    }
    for payload in
        [json!({}), json!({ "query": 1 }), json!([]), json!(null), json!({ "query": "{ a }", "variables": 1 })]
    {
        let mut peer = Peer::open(&server).await;
        peer.send_json(json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
        assert_eq!(peer.closed().await.0, 4400, "{payload}");
    }
    let mut peer = Peer::open(&server).await;
    peer.0.send(Message::binary(init("x").to_string())).await.expect("it is sent");
    assert_eq!(peer.closed().await.0, 4400);
    let mut peer = Peer::open(&server).await;
    peer.send_json(init("x")).await;
    assert_eq!(peer.closed().await, (4429, "Too many initialisation requests".to_owned()));
    let mut peer = Peer::open(&server).await;
    for _ in 0..2 {
        peer.subscribe("1", "subscription { silence }").await;
    }
    assert_eq!(peer.closed().await.0, 4409);
}

#[tokio::test]
async fn nothing_runs_for_an_unauthenticated_client() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::silent(&server).await;
    peer.subscribe("1", "mutation { logContact(minutes: 3) }").await;
    assert_eq!(peer.closed().await.0, 4401);
    for (message, code) in [
        (json!({ "type": "connection_init" }), 4403),
        (json!({ "type": "connection_init", "payload": { "authorization": 7 } }), 4403),
        (json!({ "type": "connection_init", "payload": { "authorization": "Basic x" } }), 4403),
        (init("nonsense"), 4403),
        (init(EXPIRED), 4401),
    ] {
        let mut peer = Peer::silent(&server).await;
        peer.send_json(message.clone()).await;
        assert_eq!(peer.closed().await.0, code, "{message}");
    }
}

#[tokio::test]
async fn a_client_that_sends_no_first_message_is_disconnected() {
    let patience = Patience { init: Duration::from_millis(50), ..Patience::default() };
    let server = serve(Terms { patience, ..Terms::default() }).await;
    let mut peer = Peer::silent(&server).await;
    peer.send_json(json!({ "type": "ping" })).await;
    assert_eq!(peer.closed().await.0, 4408);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::silent(&server).await;
    peer.send_json(json!({ "type": "ping" })).await;
    assert_eq!(peer.receive().await, json!({ "type": "pong" }));
    peer.send_json(json!({ "type": "pong" })).await;
    peer.send_json(json!({ "type": "ping", "payload": { "at": [1, 2] } })).await;
    assert_eq!(peer.receive().await, json!({ "type": "pong", "payload": { "at": [1, 2] } }));
}

#[tokio::test]
async fn a_completed_operation_sends_nothing_more() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    peer.subscribe("1", "subscription { flood(bytes: 10) }").await;
    assert_eq!(peer.receive().await["payload"]["data"]["flood"], "0 xxxxxxxxxx");
    peer.send_json(complete("1")).await;
    peer.send_json(complete("unknown")).await;
    peer.subscribe("2", "{ hello }").await;
    let mut received = peer.receive().await;
    while received["id"] == "1" {
        received = peer.receive().await;
    }
    assert_eq!(received, next("2", &json!({ "hello": "hello you" })));
    assert_eq!(peer.receive().await, complete("2"));
    let made = server.behind.made.load(Ordering::SeqCst);
    peer.subscribe("1", "{ hello }").await;
    assert_eq!(peer.receive().await, next("1", &json!({ "hello": "hello you" })));
    assert_eq!(server.behind.made.load(Ordering::SeqCst), made, "nothing more was made");
}

#[tokio::test]
async fn two_thousand_operations_on_a_socket_are_refused_cheaply() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    let began = Instant::now();
    // A payload without a place is not parsed.
    let payload = json!({ "query": crate::guard::tests::bomb(600) });
    for nth in 0..2_000 {
        let payload = if nth < 100 { &json!({ "query": "subscription { silence }" }) } else { &payload };
        let message = json!({ "id": nth.to_string(), "type": "subscribe", "payload": payload });
        if peer.0.send(Message::text(message.to_string())).await.is_err() {
            break;
        }
    }
    for nth in 100..200 {
        let error = peer.receive().await;
        assert_eq!((&error["id"], &error["type"]), (&json!(nth.to_string()), &json!("error")));
        assert_eq!(error["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    }
    assert_eq!(peer.closed().await, (4429, "too many operations: at most 100 at once".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_place_left_by_an_operation_can_be_taken_by_another() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    for nth in 0..101 {
        peer.subscribe(&nth.to_string(), "subscription { silence }").await;
    }
    assert_eq!(peer.receive().await["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    peer.send_json(complete("7")).await;
    peer.subscribe("again", "{ hello }").await;
    assert_eq!(peer.receive().await, next("again", &json!({ "hello": "hello you" })));
}

/// Waits until a number no longer changes.
async fn settled(number: impl Fn() -> usize) -> usize {
    let (mut seen, mut times) = (number(), 0);
    while times < 25 {
        // This is what is measured: that it stays the same over time.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = number();
        times = if now == seen { times + 1 } else { 0 };
        seen = now;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_item_is_made_for_a_peer_that_does_not_read_and_none_is_lost() {
    const BYTES: usize = 64 * 1024;
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    for nth in 0..50 {
        peer.subscribe(&nth.to_string(), &format!("subscription {{ flood(bytes: {BYTES}) }}")).await;
    }
    let made = settled(|| server.behind.made.load(Ordering::SeqCst)).await;
    eprintln!("{made} texts of {BYTES} bytes were made");
    // This includes what the operating system buffers for the connection.
    assert!(made * BYTES < 64 * 1024 * 1024, "{made} texts of {BYTES} bytes were made");
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < made {
        let text = peer.receive().await["payload"]["data"]["flood"].as_str().expect("a text").to_owned();
        let nth: usize = text.split(' ').next().expect("a number").parse().expect("a number");
        assert!(seen.insert(nth), "{nth} came twice");
    }
    while !(0..made).all(|nth| seen.contains(&nth)) {
        let text = peer.receive().await["payload"]["data"]["flood"].as_str().expect("a text").to_owned();
        seen.insert(text.split(' ').next().expect("a number").parse().expect("a number"));
    }
}

#[tokio::test]
async fn a_silent_client_is_disconnected() {
    let patience = Patience {
        heartbeat: Duration::from_millis(50),
        silence: Duration::from_millis(1_500),
        farewell: Duration::from_millis(20),
        ..Patience::default()
    };
    let server = serve(Terms { patience, ..Terms::default() }).await;
    let answering = {
        let mut peer = Peer::open(&server).await;
        tokio::spawn(async move {
            // A client that reads answers pings automatically.
            while let Some(Ok(_)) = peer.0.next().await {}
        })
    };
    let silent = Peer::open(&server).await;
    let before = server.stopping.receiver_count();
    while server.stopping.receiver_count() == before {
        // Nothing announces that a receiver has gone.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.stopping.receiver_count(), before - 1, "only one was left");
    assert!(!answering.is_finished());
    answering.abort();
    drop(silent);
}

#[tokio::test]
async fn a_socket_is_closed_when_the_token_expires() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open_for(&server, Duration::from_secs(3)).await;
    peer.subscribe("1", "subscription { flood(bytes: 10) }").await;
    assert_eq!(peer.receive().await["type"], "next");
    let closed = peer.closed().await;
    assert_eq!(closed, (4401, "Unauthorized: the token has expired".to_owned()));
}

#[tokio::test]
async fn sockets_are_closed_and_waited_for_when_the_service_stops() {
    let server = serve(Terms::default()).await;
    let mut peer = Peer::open(&server).await;
    peer.subscribe("1", "subscription { silence }").await;
    peer.subscribe("2", "{ hello }").await;
    assert_eq!(peer.receive().await["id"], "2");
    let before = server.stopping.receiver_count();
    server.stopping.send_replace(true);
    assert_eq!(peer.closed().await.0, 1001);
    while server.stopping.receiver_count() == before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_response_that_takes_too_long_is_abandoned() {
    let patience = Patience { answer: Duration::from_millis(20), ..Patience::default() };
    let server = serve(Terms { patience, ..Terms::default() }).await;
    let mut peer = Peer::open(&server).await;
    peer.subscribe("1", "{ never }").await;
    assert_eq!(peer.receive().await["payload"][0]["extensions"]["code"], "UNAVAILABLE");
}

#[tokio::test]
async fn a_message_has_the_same_limit_as_a_body() {
    let server = serve(Terms::default()).await;
    for bytes in [BODY_BYTES_MAX + 1, 3 * BODY_BYTES_MAX] {
        let mut peer = Peer::open(&server).await;
        let message = json!({ "type": "ping", "payload": { "x": "x".repeat(bytes) } });
        // The server may have closed before it receives all of it.
        let _ = peer.0.send(Message::text(message.to_string())).await;
        assert_eq!(peer.closed().await.0, 1009, "{bytes}");
    }
    let mut peer = Peer::open(&server).await;
    let message = json!({ "type": "ping", "payload": { "x": "x".repeat(BODY_BYTES_MAX - 100) } });
    peer.send_json(message).await;
    assert_eq!(peer.receive().await["type"], "pong");
}

/// The status of a refused handshake.
fn refused(handshake: Result<Peer, Error>) -> u16 {
    match handshake {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    }
}

#[tokio::test]
async fn pages_of_foreign_origins_and_other_protocols_are_refused_in_the_handshake() {
    let terms = Terms { origins: vec!["https://cases.example.org/".to_owned()], ..Terms::default() };
    let server = serve(terms).await;
    let own = format!("http://{}", server.address);
    for (origin, status) in [
        ("https://evil.example.org", 403),
        ("null", 403),
        ("http://127.0.0.1", 403),
        ("file://", 403),
        (&own, 101),
        ("https://cases.example.org", 101),
    ] {
        let headers = [("sec-websocket-protocol", PROTOCOL), ("origin", origin)];
        assert_eq!(refused(Peer::connect(&server, &headers).await), status, "{origin}");
    }
    assert_eq!(refused(Peer::connect(&server, &[]).await), 400);
    let several = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    assert_eq!(refused(Peer::connect(&server, &several).await), 101);
    let legacy = [("sec-websocket-protocol", "graphql-ws")];
    assert_eq!(refused(Peer::connect(&server, &legacy).await), 400);
}

#[test]
fn an_origin_matches_its_host_whatever_scheme_a_proxy_removed() {
    for (origin, host) in [
        ("http://example.org", "example.org"),
        ("https://Example.org", "example.org:443"),
        ("http://example.org:80", "example.org"),
        ("http://example.org:8080", "example.org:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
    ] {
        assert!(is_of_host(origin, host), "{origin} {host}");
    }
    for (origin, host) in [
        ("http://example.org", "example.org:8080"),
        ("http://example.org.evil.org", "example.org"),
        ("http://evil.org", "example.org"),
        ("example.org", "example.org"),
        ("ftp://example.org", "example.org"),
        ("null", "null"),
    ] {
        assert!(!is_of_host(origin, host), "{origin} {host}");
    }
}
