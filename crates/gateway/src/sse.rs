//! Responses as server-sent events: the distinct connections mode of the GraphQL over SSE protocol.
//!
//! The connection requests the next response only when it can write it, so nothing is made for a client that does not
//! read.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::answer::Answer;
use super::deadline::{self, Over, Stopping};
use crate::caller::Caller;
use crate::code::Code;

/// Keeps proxies from closing an idle connection, and shows whether the client is still there.
const KEEP_ALIVE: &str = ":\n\n";

/// How long to send events, and how often to send at least a heartbeat.
pub(super) struct Sending<C> {
    pub(super) caller: C,
    pub(super) stopping: Stopping,
    pub(super) keep_alive: Duration,
}

/// Sends each response as an event, and a completion event at the end.
pub(super) fn response<C: Caller>(answers: BoxStream<'static, Answer>, sending: Sending<C>) -> Response {
    let events = stream::unfold(Some((answers, sending)), |open| async {
        let (mut answers, mut sending) = open?;
        let event = tokio::select! {
            biased;
            () = sending.stopping.requested() => return None,
            over = deadline::over(Some(&sending.caller)) => return Some((ended(over), None)),
            answer = answers.next() => match answer {
                Some(answer) => next(&answer),
                None => return Some((complete(), None)),
            },
            () = tokio::time::sleep(sending.keep_alive) => KEEP_ALIVE.to_owned(),
        };
        Some((event, Some((answers, sending))))
    });
    // Some clients consider the response begun only when part of its body has arrived.
    let begun = stream::once(std::future::ready(KEEP_ALIVE.to_owned()));
    let mut response = Response::new(Body::from_stream(begun.chain(events).map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks a proxy in front to pass on each event at once.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn next(answer: &Answer) -> String {
    let data = serde_json::to_string(answer).expect("a GraphQL response serialises to JSON");
    format!("event: next\ndata: {data}\n\n")
}

fn complete() -> String {
    "event: complete\ndata: \n\n".to_owned()
}

fn ended(over: Over) -> String {
    let error = Code::Unauthenticated.refusal(match over {
        Over::Expired => "the token has expired: get a new one and resume after the last position",
        Over::Barred => "your rights have changed: sign in again and resume after the last position",
    });
    next(&Answer::refused(vec![error])) + &complete()
}
