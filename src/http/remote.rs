//! The address that a request is from: that of its connection, or the one that a trusted proxy names.
//!
//! What a header says of the address is believed only from a proxy that the operator named: anybody else could
//! write it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use throughline_gateway::Remote;

/// The header in which each proxy adds the address that it saw.
const FORWARDED: &str = "x-forwarded-for";

/// Replaces the address of a trusted proxy by that of its client.
pub(super) async fn of_client(State(proxies): State<Arc<[IpAddr]>>, mut request: Request, next: Next) -> Response {
    let connected = request.extensions().get::<Remote>().map(|Remote(address)| address.to_canonical());
    if connected.is_some_and(|address| proxies.contains(&address))
        && let Some(client) = client(request.headers(), &proxies)
    {
        request.extensions_mut().insert(Remote(client));
    }
    next.run(request).await
}

/// The last address in the header that is not a trusted proxy's. What stands before it may be invented. `None` if there
/// is none, or if it cannot be read.
fn client(headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let lines = headers.get_all(FORWARDED).iter().map(|line| line.to_str().unwrap_or_default());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    for text in named.into_iter().rev() {
        let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
        let address = text.parse::<IpAddr>().or_else(|_| with_port()).ok()?.to_canonical();
        if !proxies.contains(&address) {
            return Some(address);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        let proxies = [address("10.0.0.1"), address("10.0.0.2")];
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED, axum::http::HeaderValue::from_static(line));
            }
            client(&headers, &proxies)
        };
        assert_eq!(of(&["192.0.2.7"]), Some(address("192.0.2.7")));
        assert_eq!(of(&["198.51.100.9, 192.0.2.7, 10.0.0.2"]), Some(address("192.0.2.7")), "the first is invented");
        assert_eq!(of(&["198.51.100.9", "192.0.2.7:4711"]), Some(address("192.0.2.7")));
        assert_eq!(of(&["[2001:db8::1]:80"]), Some(address("2001:db8::1")));
        let nothing: &[&'static str] = &[];
        for none in [nothing, &[""], &["10.0.0.1"], &["192.0.2.7, unknown"]] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
