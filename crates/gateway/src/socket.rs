//! Opens web sockets: `graphql-transport-ws` on the same path, for pages of our own origin and for clients that are not
//! pages.
//!
//! A browser sends a WebSocket handshake from any page without a preflight request. Pages of foreign origins are
//! therefore refused here, whatever their token.

mod message;
mod session;

use std::sync::Arc;

use async_graphql::{ObjectType, SubscriptionType};
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tracing::Instrument as _;

use self::session::{Served, Session};
use super::body::Asked;
use super::operation::Made;
use super::{Arrival, BODY_BYTES_MAX, Endpoint, Host, Patience, Problem};
use crate::backpressure::Room;
use crate::caller::Remote;

/// The protocol of the socket.
const PROTOCOL: &str = "graphql-transport-ws";
/// The size of the read and write buffers. The library's default of 128 KiB each would be kept for every socket.
const BUFFER: usize = 16 * 1024;

/// Whether a request asks for a WebSocket.
pub fn wants_socket(http: &axum::extract::Request) -> bool {
    let upgrades = http.headers().get_all(header::UPGRADE).iter();
    let mut upgrades = upgrades.filter_map(|upgrade| upgrade.to_str().ok()).flat_map(|upgrade| upgrade.split(','));
    http.method() == Method::GET && upgrades.any(|upgrade| upgrade.trim().eq_ignore_ascii_case("websocket"))
}

impl<Q, M, S, H> Endpoint<Q, M, S, H>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
    H: Host,
{
    /// Opens a WebSocket. A client that sent a token with the handshake need not send one in the first message.
    pub async fn open(&self, arrival: Arrival, caller: Option<H::Caller>) -> Response {
        let (mut parts, _) = arrival.http.into_parts();
        if !may_open(&parts.headers, &self.origins) {
            return Problem::new(StatusCode::FORBIDDEN, "pages of this origin may not open a socket here")
                .into_response();
        }
        let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => upgrade.protocols([PROTOCOL]),
            Err(refused) => return Problem::new(refused.status(), refused.body_text()).into_response(),
        };
        if upgrade.selected_protocol().is_none() {
            return Problem::new(StatusCode::BAD_REQUEST, "speak the protocol graphql-transport-ws").into_response();
        }
        let served = Served {
            service: Arc::new(self.clone()),
            request_id: arrival.request_id,
            stopping: arrival.stopping,
            from: parts.extensions.get::<Remote>().copied(),
            patience: self.patience,
        };
        let span = tracing::Span::current();
        let mut response = upgrade
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            // A little more than the limit, so that a client that exceeds it gets a reason.
            .max_message_size(2 * BODY_BYTES_MAX)
            .max_frame_size(2 * BODY_BYTES_MAX)
            .on_upgrade(move |socket| Session::new(socket, served, caller).attend().instrument(span));
        // These hold the original case of header names. Some clients find the protocol only in the case they used.
        response.extensions_mut().extend(parts.extensions);
        response
    }
}

/// The endpoint as a session needs it, for any schema.
trait Service<H: Host>: Send + Sync {
    /// Verifies a token that arrived from an address.
    fn verify<'a>(&'a self, token: &'a str, from: Option<Remote>) -> BoxFuture<'a, Result<H::Caller, H::TokenRefusal>>;
    /// Runs a request when there is room for its responses.
    fn run(&self, asked: Asked, caller: H::Caller, request_id: Arc<str>, room: Room) -> BoxStream<'static, Made>;
}

impl<Q, M, S, H> Service<H> for Endpoint<Q, M, S, H>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
    H: Host,
{
    fn verify<'a>(&'a self, token: &'a str, from: Option<Remote>) -> BoxFuture<'a, Result<H::Caller, H::TokenRefusal>> {
        self.host.verify(token, from).boxed()
    }

    fn run(&self, asked: Asked, caller: H::Caller, request_id: Arc<str>, room: Room) -> BoxStream<'static, Made> {
        self.clone().run(asked, caller, request_id, room)
    }
}

/// Whether a client may open a socket: one that is not a page, or a page of our own host or of an allowed origin.
fn may_open(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let is_allowed = |allowed: &String| origin.eq_ignore_ascii_case(allowed.trim_end_matches('/'));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    allowed.iter().any(is_allowed) || host.is_some_and(|host| is_of_host(origin, host))
}

/// Whether an origin belongs to a host, whichever scheme a proxy in front has removed.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let without_port = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    without_port(authority) == without_port(host)
}

#[cfg(test)]
mod tests;
