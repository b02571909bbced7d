//! Content negotiation: reads the `Accept` header.
//!
//! It must never choose a media type that the client ruled out.

use axum::http::{HeaderMap, header};

/// The media type of a single response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status code shows the result.
    GraphqlResponse,
    /// `application/json`: for older clients, and for wildcards.
    Json,
}

impl Media {
    /// The value of `Content-Type`.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// The responses that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The media type of a single response, if the client accepts one.
    pub(super) single: Option<Media>,
    /// Whether it accepts an event stream.
    pub(super) events: Taken,
}

/// Whether a client accepts an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// No.
    No,
    /// Only for results that a single response cannot carry.
    IfNeeded,
    /// In preference to a single response.
    Rather,
}

/// How well a media range fits a type. The more specific range decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anything,
    AnyOfKind,
    Exact,
}

/// The responses that the client accepts; none if it accepts nothing on offer.
///
/// The greater weight decides. With equal weights, a single response uses the new media type if the client names it,
/// otherwise the old one, which is safe for clients that accept anything. An event stream is chosen only if the client
/// names it and no single type has the same weight.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Accepted> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        // A header that is not text names nothing on offer.
        ranges.extend(value.to_str().unwrap_or("invalid").split(','));
    }
    ranges.retain(|range| !range.trim().is_empty());
    if ranges.is_empty() {
        return Some(Accepted { single: Some(Media::Json), events: Taken::No });
    }
    let new = preference(&ranges, "application/graphql-response+json");
    let old = preference(&ranges, "application/json");
    let events = preference(&ranges, "text/event-stream").filter(|&(_, fit)| fit == Fit::Exact);
    let single = match (new, old) {
        (Some((new, fit)), Some((old, _))) => {
            let named = fit == Fit::Exact;
            Some(if new > old || (new == old && named) { Media::GraphqlResponse } else { Media::Json })
        }
        (Some(_), None) => Some(Media::GraphqlResponse),
        (None, Some(_)) => Some(Media::Json),
        (None, None) => None,
    };
    let gladly = new.max(old).map_or(0, |(weight, _)| weight);
    let events = match events {
        None => Taken::No,
        Some((weight, _)) if weight > gladly => Taken::Rather,
        Some(_) => Taken::IfNeeded,
    };
    (single.is_some() || events != Taken::No).then_some(Accepted { single, events })
}

/// The weight, in thousandths, that the most specific range gives to a type; none if it is zero.
fn preference(ranges: &[&str], media: &str) -> Option<(u16, Fit)> {
    ranges
        .iter()
        .filter_map(|range| read(range, media))
        // Of equally specific ranges the greater weight counts.
        .max_by_key(|&(weight, fit)| (fit, weight))
        .filter(|&(weight, _)| weight > 0)
}

/// The weight and fit of one range for a type, if it fits and can be read.
fn read(range: &str, media: &str) -> Option<(u16, Fit)> {
    let (kind, name) = media.split_once('/')?;
    let mut parts = range.split(';').map(str::trim);
    let (of_kind, named) = parts.next()?.split_once('/')?;
    let fit = match (of_kind, named) {
        ("*", "*") => Fit::Anything,
        (of_kind, _) if !of_kind.eq_ignore_ascii_case(kind) => return None,
        (_, "*") => Fit::AnyOfKind,
        (_, named) if named.eq_ignore_ascii_case(name) => Fit::Exact,
        _ => return None,
    };
    let mut weight = 1000;
    for parameter in parts {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        if key.trim().eq_ignore_ascii_case("q") {
            weight = thousandths(value)?;
        } else if key.trim().eq_ignore_ascii_case("charset") && !is_utf8(value) {
            return None;
        }
    }
    Some((weight, fit))
}

/// Whether a charset is UTF-8.
pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// A weight between 0 and 1 with at most three decimals.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header value"));
        negotiate(&headers)
    }

    fn chosen(accept: &str) -> Option<Media> {
        accepted(accept)?.single
    }

    #[test]
    fn without_a_preference_the_old_type_is_written() {
        assert_eq!(negotiate(&HeaderMap::new()), Some(Accepted { single: Some(Media::Json), events: Taken::No }));
        for accept in ["", "*/*", "application/*", "text/html, */*;q=0.1"] {
            assert_eq!(chosen(accept), Some(Media::Json), "{accept}");
        }
    }

    #[test]
    fn the_new_type_is_preferred_when_it_is_named() {
        for accept in [
            "application/graphql-response+json",
            "Application/GraphQL-Response+JSON; charset=UTF-8",
            "application/graphql-response+json, application/json;q=0.9",
            "application/json, application/graphql-response+json",
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            "application/graphql-response+json;q=0.5, */*;q=0.1",
            "application/json;q=0, */*",
            "multipart/mixed, application/graphql-response+json, application/json",
        ] {
            assert_eq!(chosen(accept), Some(Media::GraphqlResponse), "{accept}");
        }
    }

    #[test]
    fn the_greater_weight_decides() {
        for accept in [
            "application/json",
            "application/json, text/plain, */*",
            "application/json, application/graphql-response+json;q=0.999",
            "application/graphql-response+json;q=0, */*",
            "application/graphql-response+json; charset=utf-16, application/json;q=0.1",
        ] {
            assert_eq!(chosen(accept), Some(Media::Json), "{accept}");
        }
    }

    #[test]
    fn types_that_are_ruled_out_or_unreadable_are_not_written() {
        for accept in [
            "text/html",
            "application/xml, text/*",
            "*/*;q=0",
            "application/json;q=0, application/graphql-response+json;q=0.000",
            "application/json;charset=iso-8859-1",
            "application/json;q=2",
            "application/json;q=high",
            "application/json;q=0.1234",
        ] {
            assert_eq!(accepted(accept), None, "{accept}");
        }
    }

    #[test]
    fn events_are_sent_if_named_and_preferred_or_nothing_else_fits() {
        let taken = |accept| accepted(accept).map_or(Taken::No, |accepted| accepted.events);
        for accept in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            "text/event-stream, application/json;q=0.9",
            "text/event-stream, */*;q=0.1",
        ] {
            assert_eq!(taken(accept), Taken::Rather, "{accept}");
        }
        let every = "application/graphql-response+json, application/graphql+json, application/json, \
                     text/event-stream, multipart/mixed";
        for accept in [every, "application/json, text/event-stream;q=0.5", "text/event-stream, */*"] {
            assert_eq!(taken(accept), Taken::IfNeeded, "{accept}");
        }
        for accept in ["*/*", "text/*", "application/json", "application/json, text/event-stream;q=0"] {
            assert_eq!(taken(accept), Taken::No, "{accept}");
        }
        assert_eq!(chosen("text/event-stream"), None);
    }

    #[test]
    fn several_headers_count_as_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "text/html".parse().expect("a value"));
        headers.append(header::ACCEPT, "application/graphql-response+json".parse().expect("a value"));
        assert_eq!(negotiate(&headers).and_then(|accepted| accepted.single), Some(Media::GraphqlResponse));
    }
}
