//! One WebSocket, from its first message to its close.
//!
//! Each operation is a separate task, so that a peer that does not read never keeps its database connection busy. Its
//! responses queue for the one task that writes. Nothing runs for a client that is not authenticated.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::FutureExt as _;
use futures_util::stream::{BoxStream, StreamExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::message::{Incoming, Outgoing, Payload};
use super::{Patience, Service};
use crate::backpressure::{Place, Room};
use crate::body::GivenTwice;
use crate::caller::{Remote, TokenRefusal, bearer};
use crate::code::Code;
use crate::deadline::{self, Over, Stopping};
use crate::operation::Made;
use crate::{BODY_BYTES_MAX, Host};

/// The most operations at once on one socket.
const OPERATIONS_MAX: usize = 100;
/// The number of operations above that limit that are refused one by one before the socket is closed.
const REFUSED_MAX: usize = 100;
/// The number of responses on one socket that may be in progress or not yet written.
const PLACES: usize = 8;

/// The parts of the endpoint that a session uses.
pub(super) struct Served<H: Host> {
    pub(super) service: Arc<dyn Service<H>>,
    pub(super) request_id: Arc<str>,
    pub(super) stopping: Stopping,
    pub(super) from: Option<Remote>,
    pub(super) patience: Patience,
}

/// One WebSocket.
pub(super) struct Session<H: Host> {
    socket: WebSocket,
    served: Served<H>,
    stage: Stage<H::Caller>,
    operations: HashMap<String, Running>,
    /// The number of operations started so far. It separates a finished operation from a later one with the same id.
    begun: u64,
    refused: usize,
    places: Arc<Semaphore>,
    made: mpsc::Receiver<Written>,
    making: mpsc::Sender<Written>,
}

/// The stage of a socket.
enum Stage<C> {
    /// Waiting for the first message. The handshake may have had a token.
    Waiting(Option<C>),
    /// Authenticated: the client may start operations.
    Open(C),
}

/// A running operation. It ends when this is dropped.
struct Running {
    nth: u64,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A message of an operation, ready to be sent.
struct Written {
    id: Arc<str>,
    nth: u64,
    text: String,
    is_last: bool,
    /// Kept until the message is sent.
    _place: Option<Place>,
}

/// The reason for closing a socket.
#[derive(Debug)]
struct Close(u16, Cow<'static, str>);

/// The longest reason in a close frame, in bytes.
const REASON_BYTES_MAX: usize = 123;

impl Close {
    const GOING_AWAY: Self = Self::new(1001, "the service is stopping: connect again");
    const TOO_LONG: Self = Self::new(1009, "send messages of at most 1 MiB");
    const BINARY: Self = Self::new(4400, "send messages as text");
    const NO_INIT: Self = Self::new(4401, "Unauthorized: send connection_init first");
    const EXPIRED: Self = Self::new(4401, "Unauthorized: the token has expired");
    const BARRED: Self = Self::new(4401, "Unauthorized: your rights have changed, connect again");
    const FORBIDDEN: Self = Self::new(4403, "Forbidden: the token is not valid here");
    const NO_TOKEN: Self = Self::new(4403, "Forbidden: send {\"authorization\": \"Bearer …\"} in connection_init");
    const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    const ID_IN_USE: Self = Self::new(4409, "Subscriber for this id already exists");
    const SECOND_INIT: Self = Self::new(4429, "Too many initialisation requests");
    const TOO_MANY_TOKENS: Self = Self::new(4429, "too many sign-ins failed: try again in a minute");
    const TOO_MANY: Self = Self::new(4429, "too many operations: at most 100 at once");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self(code, Cow::Borrowed(reason))
    }

    const fn of(over: Over) -> Self {
        match over {
            Over::Expired => Self::EXPIRED,
            Over::Barred => Self::BARRED,
        }
    }

    fn malformed(why: &str) -> Self {
        let end = why.floor_char_boundary(REASON_BYTES_MAX);
        Self(4400, Cow::Owned(why[..end].to_owned()))
    }
}

/// How a socket ends: with a reason of the server, or closed by the client.
type Ended = Option<Close>;

impl<H: Host> Session<H> {
    pub(super) fn new(socket: WebSocket, served: Served<H>, caller: Option<H::Caller>) -> Self {
        let (making, made) = mpsc::channel(PLACES);
        Self {
            socket,
            served,
            stage: Stage::Waiting(caller),
            operations: HashMap::new(),
            begun: 0,
            refused: 0,
            places: Arc::new(Semaphore::new(PLACES)),
            made,
            making,
        }
    }

    /// Serves the socket until it is closed.
    pub(super) async fn attend(mut self) {
        let ended = self.until_ended().await;
        self.operations.clear();
        let farewell = self.served.patience.farewell;
        // If the peer does not respond in time, the socket is dropped.
        let _ = tokio::time::timeout(farewell, take_leave(&mut self.socket, ended)).await;
    }

    async fn until_ended(&mut self) -> Ended {
        let patience = self.served.patience;
        let no_init = tokio::time::sleep(patience.init);
        tokio::pin!(no_init);
        let mut heartbeat = tokio::time::interval_at(Instant::now() + patience.heartbeat, patience.heartbeat);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        loop {
            let is_waiting = matches!(self.stage, Stage::Waiting(_));
            let turn = tokio::select! {
                () = self.served.stopping.requested() => Err(Some(Close::GOING_AWAY)),
                over = deadline::over(self.stage.caller()) => Err(Some(Close::of(over))),
                () = &mut no_init, if is_waiting => Err(Some(Close::INIT_TIMEOUT)),
                received = self.socket.recv() => {
                    last_heard = Instant::now();
                    self.received(received).await
                }
                Some(written) = self.made.recv() => self.deliver(written).await,
                _ = heartbeat.tick() => {
                    if last_heard.elapsed() > patience.silence {
                        Err(None)
                    } else {
                        self.send(Message::Ping(Bytes::new())).await
                    }
                }
            };
            if let Err(ended) = turn {
                return ended;
            }
        }
    }

    /// Sends a message, unless the socket must be closed before the client takes it.
    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        tokio::select! {
            biased;
            () = self.served.stopping.requested() => Err(Some(Close::GOING_AWAY)),
            over = deadline::over(self.stage.caller()) => Err(Some(Close::of(over))),
            sent = self.socket.send(message) => sent.map_err(|_| None),
        }
    }

    async fn send_message(&mut self, message: &Outgoing<'_>) -> Result<(), Ended> {
        let text = message.written();
        self.send(Message::Text(text.into())).await
    }

    /// Sends a message of an operation, unless the operation has ended.
    async fn deliver(&mut self, written: Written) -> Result<(), Ended> {
        if self.operations.get(&*written.id).is_none_or(|running| running.nth != written.nth) {
            return Ok(());
        }
        if written.is_last {
            self.operations.remove(&*written.id);
        }
        self.send(Message::Text(written.text.into())).await
    }

    async fn received(&mut self, received: Option<Result<Message, axum::Error>>) -> Result<(), Ended> {
        match received {
            Some(Ok(Message::Text(text))) if text.len() > BODY_BYTES_MAX => Err(Some(Close::TOO_LONG)),
            Some(Ok(Message::Text(text))) => self.understood(&text).await,
            Some(Ok(Message::Binary(_))) => Err(Some(Close::BINARY)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(None),
            // The message is too long, or the frame is invalid. If the connection is gone, the close frame is lost.
            Some(Err(_)) => Err(Some(Close::TOO_LONG)),
        }
    }

    async fn understood(&mut self, text: &Utf8Bytes) -> Result<(), Ended> {
        match Incoming::read(text).map_err(|why| Some(Close::malformed(why)))? {
            Incoming::Init(credentials) => {
                self.open(credentials).await.map_err(Some)?;
                self.send_message(&Outgoing::ConnectionAck).await
            }
            Incoming::Ping(payload) => self.send_message(&Outgoing::Pong { payload }).await,
            Incoming::Pong => Ok(()),
            Incoming::Subscribe(id, payload) => self.subscribe(id.into_owned(), &payload).await,
            Incoming::Complete(id) => {
                self.operations.remove(&*id);
                Ok(())
            }
        }
    }

    /// Authenticates the client, by the token in the message or the one in the handshake.
    async fn open(&mut self, credentials: Option<String>) -> Result<(), Close> {
        let Stage::Waiting(shown_before) = &mut self.stage else { return Err(Close::SECOND_INIT) };
        let caller = match (credentials, shown_before.take()) {
            (Some(credentials), _) => {
                let Some(token) = bearer(&credentials) else {
                    tracing::warn!(reason = "there is no bearer token", "a sign-in failed");
                    return Err(Close::FORBIDDEN);
                };
                self.served.service.verify(token, self.served.from).await.map_err(|error| {
                    if !error.is_too_many() {
                        tracing::warn!(reason = error.reason(), "a sign-in failed");
                    }
                    refused(&error)
                })?
            }
            (None, Some(caller)) => caller,
            (None, None) => {
                tracing::warn!(reason = "there is no bearer token", "a sign-in failed");
                return Err(Close::NO_TOKEN);
            }
        };
        self.stage = Stage::Open(caller);
        Ok(())
    }

    /// Starts an operation, if the limit allows one more.
    async fn subscribe(&mut self, id: String, payload: &Payload<'_>) -> Result<(), Ended> {
        let Stage::Open(caller) = &self.stage else { return Err(Some(Close::NO_INIT)) };
        if self.operations.contains_key(&id) {
            return Err(Some(Close::ID_IN_USE));
        }
        if self.operations.len() >= OPERATIONS_MAX {
            self.refused += 1;
            if self.refused > REFUSED_MAX {
                return Err(Some(Close::TOO_MANY));
            }
            let message = format!("a socket has at most {OPERATIONS_MAX} operations at once: complete one first");
            return self
                .send_message(&Outgoing::Error { id: &id, payload: &[Code::RateLimited.refusal(message)] })
                .await;
        }
        let asked = match payload.asked() {
            Ok(asked) => asked,
            // The message follows the protocol, so only this operation is refused.
            Err(error) if error.source::<GivenTwice>().is_some() => {
                return self.send_message(&Outgoing::Error { id: &id, payload: &[error] }).await;
            }
            Err(error) => return Err(Some(Close::malformed(&error.message))),
        };
        self.begun += 1;
        let request_id = Arc::clone(&self.served.request_id);
        let room = Room::among(Arc::clone(&self.places));
        let answers = self.served.service.run(asked, caller.clone(), Arc::clone(&request_id), room);
        let operation = Operation { id: id.as_str().into(), nth: self.begun, request_id, making: self.making.clone() };
        let task = tokio::spawn(operation.tell(answers).in_current_span()).abort_handle();
        self.operations.insert(id, Running { nth: self.begun, task });
        Ok(())
    }
}

impl<C> Stage<C> {
    const fn caller(&self) -> Option<&C> {
        match self {
            Self::Waiting(caller) => caller.as_ref(),
            Self::Open(caller) => Some(caller),
        }
    }
}

/// An operation in its task.
struct Operation {
    id: Arc<str>,
    nth: u64,
    request_id: Arc<str>,
    making: mpsc::Sender<Written>,
}

impl Operation {
    /// Queues each response for sending, and a completion message at the end.
    async fn tell(self, mut answers: BoxStream<'static, Made>) {
        loop {
            // A resolver that panics must not leave the client waiting.
            let answer = AssertUnwindSafe(answers.next()).catch_unwind().await;
            let (text, is_last, place) = match answer {
                Ok(Some((answer, place))) if answer.is_executed() => {
                    (Outgoing::Next { id: &self.id, payload: &answer }.written(), false, place)
                }
                Ok(Some((refused, place))) => {
                    (Outgoing::Error { id: &self.id, payload: refused.errors() }.written(), true, place)
                }
                Ok(None) => (Outgoing::Complete { id: &self.id }.written(), true, None),
                Err(_) => (Outgoing::Error { id: &self.id, payload: &[self.panicked()] }.written(), true, None),
            };
            let written = Written { id: Arc::clone(&self.id), nth: self.nth, text, is_last, _place: place };
            // The channel is closed when the socket is gone.
            if self.making.send(written).await.is_err() || is_last {
                return;
            }
        }
    }

    fn panicked(&self) -> async_graphql::ServerError {
        let mut error = Code::Internal.refusal("internal error");
        error.extensions.get_or_insert_default().set("requestId", &*self.request_id);
        error
    }
}

fn refused(error: &impl TokenRefusal) -> Close {
    tracing::debug!(error = ?error, "a token was refused");
    match error {
        expired if expired.has_expired() => Close::EXPIRED,
        unread if unread.is_too_many() => Close::TOO_MANY_TOKENS,
        _ => Close::FORBIDDEN,
    }
}

/// Sends the reason for closing, and reads until the client closes, so that the reason is not lost on the way.
async fn take_leave(socket: &mut WebSocket, ended: Ended) {
    if let Some(Close(code, reason)) = ended {
        let reason = reason.into_owned().into();
        if socket.send(Message::Close(Some(CloseFrame { code, reason }))).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.recv().await {}
}
