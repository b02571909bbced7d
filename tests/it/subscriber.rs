//! A subscriber: a client of `graphql-transport-ws` that can break off wherever it likes, one of server-sent events,
//! and a server for both.

use axum::Router;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use throughline::http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::wait::PATIENCE;

/// A server in this process.
pub(crate) struct Server {
    pub(crate) address: String,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Serves these routes.
    pub(crate) async fn of(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            http::serve(listener, http::CONNECTIONS, router, async { drop(stopped.await) }).await;
        });
        Self { address, stop, task }
    }

    /// Tells it to stop, and waits until it has: as long as it waits for a subscriber who is there and says nothing.
    pub(crate) async fn end(self) {
        self.stop.send(()).expect("it serves");
        self.task.await.expect("it stops");
    }
}

/// One socket, on which its owner has shown a token.
pub(crate) struct Subscriber {
    socket: WebSocketStream<TcpStream>,
}

impl Subscriber {
    /// Connects and shows a token.
    pub(crate) async fn at(address: &str, token: &str) -> Self {
        let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(address).await.expect("it listens");
        let (socket, _) = client_async(request, stream).await.expect("a socket");
        let mut subscriber = Self { socket };
        let authorization = format!("Bearer {token}");
        subscriber.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        assert_eq!(subscriber.hear().await, json!({ "type": "connection_ack" }));
        subscriber
    }

    /// Begins an operation.
    pub(crate) async fn begin(&mut self, id: &str, document: &str, variables: Value) {
        let payload = json!({ "query": document, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// Ends an operation.
    pub(crate) async fn complete(&mut self, id: &str) {
        self.say(json!({ "type": "complete", "id": id })).await;
    }

    async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    /// The next message that is not a sign of life; none when the server closes.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message in time");
            match next?.expect("no failure") {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Close(_) => {
                    // The farewell is written with whatever is sent next: without one the server waits for it.
                    let _ = self.socket.flush().await;
                    return None;
                }
                _ => {}
            }
        }
    }

    /// The code and the reason with which the server closes, after whatever it still says.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message in time");
            match next.expect("a close").expect("no failure") {
                Message::Close(Some(frame)) => {
                    let _ = self.socket.flush().await;
                    return (frame.code.into(), frame.reason.to_string());
                }
                Message::Close(None) => panic!("no reason"),
                _ => {}
            }
        }
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Value {
        self.message().await.expect("it is not closed")
    }

    /// The next item of a subscription: what its root field gives.
    pub(crate) async fn item(&mut self) -> Value {
        let message = self.hear().await;
        assert!(message["type"] == "next" && message["payload"]["errors"].is_null(), "{message}");
        let data = message["payload"]["data"].as_object().expect("data");
        data.values().next().expect("one root field").clone()
    }
}

/// One stream of server-sent events.
pub(crate) struct Events {
    stream: TcpStream,
    read: String,
}

impl Events {
    /// Asks for them.
    pub(crate) async fn at(address: &str, token: &str, document: &str, variables: Value) -> Self {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\naccept: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        Self { stream, read: String::new() }
    }

    /// The data of the next event; none when there are no more. An event never spans two chunks of the response.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((before, rest)) = self.read.split_once("event: next\ndata: ")
                && let Some((data, rest)) = rest.split_once("\n\n")
            {
                assert!(!before.contains("event:"), "{before}");
                let (data, rest) = (serde_json::from_str(data).expect("JSON"), rest.to_owned());
                self.read = rest;
                return Some(data);
            }
            let mut bytes = vec![0; 16 * 1024];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("an event in time");
            match read.expect("no failure") {
                0 => return None,
                count => self.read.push_str(std::str::from_utf8(&bytes[..count]).expect("text")),
            }
        }
    }
}
