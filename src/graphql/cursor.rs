//! Opaque cursors: the place after which a page of a list begins. A cursor belongs to its list, and another refuses it.

use std::fmt::Display;

use async_graphql::Result;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use throughline_domain::fact::envelope::hex;
use throughline_gateway::Code;

/// What to do about a cursor of a list that takes no filter.
pub(super) const PAGE_BEFORE: &str = "take endCursor of the page before";
/// The same of one that does.
pub(super) const SAME_FILTER: &str = "take endCursor of the page before, and ask with the same filter";

/// The name of a list, of its kind and a digest of what it was asked with.
pub(super) fn named(kind: &str, asked: &str) -> String {
    format!("{kind} {}", hex(&digest::digest(&digest::SHA256, asked.as_bytes()).as_ref()[..8]))
}

/// The cursor of a place in the list of this name, which is one line.
pub(super) fn of(list: &str, place: impl Display) -> String {
    BASE64.encode(format!("{list}\n{place}"))
}

/// The place in the list of this name that a cursor leads to, read from what was told of it; else what to do.
pub(super) fn place<T>(cursor: &str, list: &str, remedy: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = BASE64.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let told = text.as_ref().and_then(|text| text.split_once('\n')).filter(|(of, _)| *of == list);
    told.and_then(|(_, place)| read(place))
        .ok_or_else(|| Code::BadUserInput.error(format!("this cursor is none of this list: {remedy}")))
}
