//! Reads from the `Accept` header what answers a client takes.
//!
//! It must never answer with a type that the client ruled out.

use axum::http::{HeaderMap, header};

/// What an answer can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells what happened.
    GraphqlResponse,
    /// `application/json`: what clients of older days read, and what a wildcard gets.
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

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The type of a single answer, if it takes one.
    pub(super) single: Option<Media>,
    /// Whether it takes a stream of events.
    pub(super) events: Taken,
}

/// How a client takes a stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Not at all.
    No,
    /// For what a single answer cannot carry.
    IfNeeded,
    /// Rather than a single answer.
    Rather,
}

/// How well a range fits a type: the more exact one decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anything,
    AnyOfKind,
    Exact,
}

/// What this client takes, or none if it takes nothing that is offered.
///
/// The greater weight decides. Between equals it is the new type of a single answer if the client names it, and
/// otherwise the old one, which is safe for whoever asks for anything; a stream only if the client names it and takes
/// nothing else as gladly.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Accepted> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        // A header that is not text names nothing that is offered.
        ranges.extend(value.to_str().unwrap_or("invalid").split(','));
    }
    ranges.retain(|range| !range.trim().is_empty());
    if ranges.is_empty() {
        return Some(Accepted { single: Some(Media::Json), events: Taken::No });
    }
    let new = preference(&ranges, ("application", "graphql-response+json"));
    let old = preference(&ranges, ("application", "json"));
    let events = preference(&ranges, ("text", "event-stream")).filter(|&(_, fit)| fit == Fit::Exact);
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

/// The weight in thousandths that the best fitting range gives to a type, unless it is nought.
fn preference(ranges: &[&str], media: (&str, &str)) -> Option<(u16, Fit)> {
    ranges
        .iter()
        .filter_map(|range| read(range, media))
        // Of two equally exact ranges the greater weight counts.
        .max_by_key(|&(weight, fit)| (fit, weight))
        .filter(|&(weight, _)| weight > 0)
}

/// What one range says of a type, if it fits and can be read.
fn read(range: &str, (kind, name): (&str, &str)) -> Option<(u16, Fit)> {
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

/// Whether a charset is the one that is spoken here.
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
    fn without_a_wish_the_old_type_is_written() {
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
    fn what_is_ruled_out_or_unreadable_is_not_written() {
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
    fn events_are_sent_where_they_are_named_and_preferred_or_nothing_else_will_do() {
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
