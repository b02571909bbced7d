//! Answers as server-sent events: the distinct connections of the GraphQL over SSE protocol.
//!
//! The connection takes what it can write and asks for no more, so nothing is made for a client that does not read.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::answer::Answer;
use super::deadline::{self, Stopping};
use crate::caller::Caller;
use crate::code::Code;

/// What keeps proxies from closing a connection on which nothing happens, and shows whether anybody is there.
const KEEP_ALIVE: &str = ":\n\n";

/// Until when events are sent, and how often at least something is.
pub(super) struct Sending<C> {
    pub(super) caller: C,
    pub(super) stopping: Stopping,
    pub(super) keep_alive: Duration,
}

/// Sends each answer as an event and completes with the last.
pub(super) fn response<C: Caller>(answers: BoxStream<'static, Answer>, sending: Sending<C>) -> Response {
    let events = stream::unfold(Some((answers, sending)), |open| async {
        let (mut answers, mut sending) = open?;
        let event = tokio::select! {
            biased;
            () = sending.stopping.told() => return None,
            () = deadline::expired(Some(&sending.caller)) => return Some((expired(), None)),
            answer = answers.next() => match answer {
                Some(answer) => next(&answer),
                None => return Some((complete(), None)),
            },
            () = tokio::time::sleep(sending.keep_alive) => KEEP_ALIVE.to_owned(),
        };
        Some((event, Some((answers, sending))))
    });
    // Some clients take the response for begun only when something of its body has come.
    let begun = stream::once(std::future::ready(KEEP_ALIVE.to_owned()));
    let mut response = Response::new(Body::from_stream(begun.chain(events).map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks a proxy in front to pass on each event as it comes.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn next(answer: &Answer) -> String {
    let data = serde_json::to_string(answer).expect("a GraphQL answer holds nothing but JSON");
    format!("event: next\ndata: {data}\n\n")
}

fn complete() -> String {
    "event: complete\ndata: \n\n".to_owned()
}

fn expired() -> String {
    let error = Code::Unauthenticated.refusal("the token has expired: go on after the last position with a new one");
    next(&Answer::refused(vec![error])) + &complete()
}
