//! Opens sockets: `graphql-transport-ws` on the same path, for pages of our own origin and for whoever is no page.
//!
//! A browser sends a WebSocket handshake from any page and asks nobody, so a page of a foreign origin is refused here,
//! whatever token it has.

mod message;
mod session;

use std::sync::Arc;

use async_graphql::{ObjectType, SubscriptionType};
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::BoxStream;
use tracing::Instrument as _;

use self::session::{Served, Session};
use super::body::Asked;
use super::operation::Made;
use super::{Arrival, BODY_BYTES_MAX, Endpoint, Host, Patience, Problem};
use crate::backpressure::Room;

/// The protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// What a socket reads and writes at once. The library's own 128 KiB each would be kept for every socket.
const BUFFER: usize = 16 * 1024;

/// Whether a request asks for a socket.
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
    /// Opens the socket that a request asks for. Whoever has shown a token with it need not show one in the first
    /// message.
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
            patience: self.patience,
        };
        let span = tracing::Span::current();
        let mut response = upgrade
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            // A little more than is taken, so that who sends too much can be told.
            .max_message_size(2 * BODY_BYTES_MAX)
            .max_frame_size(2 * BODY_BYTES_MAX)
            .on_upgrade(move |socket| Session::new(socket, served, caller).attend().instrument(span));
        // With them goes the case in which the headers came: some clients find the protocol only as they wrote it.
        response.extensions_mut().extend(parts.extensions);
        response
    }
}

/// What a session asks of the endpoint, whatever its schema.
trait Service<H: Host>: Send + Sync {
    /// Who a token says that somebody is.
    fn verify(&self, token: &str) -> Result<H::Caller, H::TokenRefusal>;
    /// Does what is asked, as there is room for the answers.
    fn run(&self, asked: Asked, caller: H::Caller, request_id: Arc<str>, room: Room) -> BoxStream<'static, Made>;
}

impl<Q, M, S, H> Service<H> for Endpoint<Q, M, S, H>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
    H: Host,
{
    fn verify(&self, token: &str) -> Result<H::Caller, H::TokenRefusal> {
        self.host.verify(token)
    }

    fn run(&self, asked: Asked, caller: H::Caller, request_id: Arc<str>, room: Room) -> BoxStream<'static, Made> {
        self.clone().run(asked, caller, request_id, room)
    }
}

/// Whether somebody may open a socket: no page at all, a page of our own host, or one of an origin that is allowed.
fn may_open(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let is_allowed = |allowed: &String| origin.eq_ignore_ascii_case(allowed.trim_end_matches('/'));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    allowed.iter().any(is_allowed) || host.is_some_and(|host| is_of_host(origin, host))
}

/// Whether an origin is of a host, whichever scheme a proxy in front has taken off.
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
