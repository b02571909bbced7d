//! Opaque cursors: the place after which a page of a list begins. A cursor belongs to its list; another list refuses
//! it.

use std::fmt::Display;

use async_graphql::Result;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use throughline_domain::fact::envelope::hex;
use throughline_gateway::Code;

/// The remedy for a cursor of a list without a filter.
pub(super) const PAGE_BEFORE: &str = "use endCursor of the previous page";
/// The remedy for a cursor of a list with a filter.
pub(super) const SAME_FILTER: &str = "use endCursor of the previous page, with the same filter";

/// The name of a list: its kind and a digest of its arguments.
pub(super) fn named(kind: &str, asked: &str) -> String {
    format!("{kind} {}", hex(&digest::digest(&digest::SHA256, asked.as_bytes()).as_ref()[..8]))
}

/// The cursor of a place in the list with this name. The place must be a single line.
pub(super) fn of(list: &str, place: impl Display) -> String {
    BASE64.encode(format!("{list}\n{place}"))
}

/// The place that a cursor points to in the list with this name. Refuses a cursor of another list, with this remedy.
pub(super) fn place<T>(cursor: &str, list: &str, remedy: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = BASE64.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let found = text.as_ref().and_then(|text| text.split_once('\n')).filter(|(of, _)| *of == list);
    found
        .and_then(|(_, place)| read(place))
        .ok_or_else(|| Code::BadUserInput.error(format!("this cursor belongs to a different list: {remedy}")))
}
