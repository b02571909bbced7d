//! Reads the body of a request: JSON in UTF-8, of bounded size and depth, shaped like a request.
//!
//! It must never accept a content type that a form on a foreign page can send without a preflight request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, ServerError, Value, Variables};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use futures_util::StreamExt;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{BODY_BYTES_MAX, Problem, negotiation::is_utf8};
use crate::{code::Code, guard::shortened};

/// The time within which the body must arrive. Until then the request occupies a place.
const COMES_WITHIN: Duration = Duration::from_secs(10);

/// Reads the whole body, unless its type or its size is refused.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the request as application/json in UTF-8 with no content encoding",
        ));
    }
    let announced: Option<usize> =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(too_long());
    }
    let read = tokio::time::timeout(COMES_WITHIN, whole(body)).await;
    read.map_err(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time: send the request again")
    })?
}

async fn whole(body: Body) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body broke off: send the request again"))?;
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_long() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("send at most {BODY_BYTES_MAX} bytes in one request"))
}

/// Whether the headers announce plain JSON in UTF-8, exactly once.
fn is_json(headers: &HeaderMap) -> bool {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let mut announced = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media), None) = (announced.next(), announced.next()) else {
        return false;
    };
    let Ok(media) = media.to_str() else {
        return false;
    };
    let mut parts = media.split(';').map(str::trim);
    let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let foreign = parts
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(key, value)| key.trim().eq_ignore_ascii_case("charset") && !is_utf8(value.trim().trim_matches('"')));
    named && !foreign && !encoded
}

/// One request.
#[derive(Debug)]
pub(super) struct Asked {
    /// The document.
    pub(super) document: Sought,
    /// The name of the operation to run; none for the only one.
    pub(super) operation_name: Option<String>,
    /// The variables.
    pub(super) variables: Variables,
}

/// How a request gives its document: by text, by SHA-256 in lower-case hexadecimal, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// The text only.
    Text(String),
    /// The hash of a document given before.
    Hash(String),
    /// The text, and the hash under which the service should remember it.
    Both {
        /// The text.
        text: String,
        /// The hash according to the client.
        hash: String,
    },
}

/// Marks a request that gives a key twice. It is refused, but on a socket the connection stays open.
#[derive(Debug)]
pub(super) struct GivenTwice;

/// The text that marks such errors.
const TWICE: &str = "is given twice, so give it once";

/// Parses the body as one request, or reports the expected shape.
pub(super) fn parse(bytes: &[u8]) -> Result<Asked, ServerError> {
    let body = serde_json::from_slice::<Json>(bytes).map_err(|error| {
        let what = if error.is_data() { "the body is no request" } else { "the body is not JSON" };
        let said = shortened_of(&error);
        let is_twice = error.is_data() && said.contains(TWICE);
        let mut error = malformed(format!("{what}: {said}"));
        error.source = is_twice.then(|| Arc::new(GivenTwice) as Arc<_>);
        error
    })?;
    match body {
        Json::Object(parameters) => parameters.asked(),
        Json::List => Err(malformed("batching is not offered: send one operation in one request")),
        Json::Other => Err(malformed("the body must be a JSON object")),
    }
}

fn shortened_of(error: &serde_json::Error) -> String {
    shortened(&error.to_string())
}

fn malformed(message: impl Into<String>) -> ServerError {
    Code::BadUserInput.refusal(message)
}

/// The body as JSON. Unknown keys are ignored.
enum Json {
    Object(Box<Parameters>),
    List,
    Other,
}

/// The parameters of a request, before their types are checked.
#[derive(Default)]
struct Parameters {
    query: Option<Value>,
    document_id: Option<Value>,
    operation_name: Option<Value>,
    variables: Option<Value>,
    extensions: Option<Value>,
}

impl Parameters {
    fn asked(self) -> Result<Asked, ServerError> {
        let extensions = match self.extensions {
            None | Some(Value::Null) => None,
            Some(Value::Object(extensions)) => Some(extensions),
            Some(_) => return Err(malformed("extensions must be an object or null")),
        };
        let named = document_id(self.document_id)?;
        let persisted = persisted_query(extensions.as_ref().and_then(|extensions| extensions.get("persistedQuery")))?;
        let hash = match (named, persisted) {
            (Some(named), Some(persisted)) if named != persisted => {
                return Err(malformed("documentId and persistedQuery name different documents: send only one of them"));
            }
            (named, persisted) => named.or(persisted),
        };
        let document = match (self.query, hash) {
            (Some(Value::String(text)), None) => Sought::Text(text),
            (Some(Value::String(text)), Some(hash)) => Sought::Both { text, hash },
            (None | Some(Value::Null), Some(hash)) => Sought::Hash(hash),
            _ => return Err(malformed("query is required and must be a string")),
        };
        let operation_name = match self.operation_name {
            None | Some(Value::Null) => None,
            // Some clients send an empty name for the only operation.
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(_) => return Err(malformed("operationName must be a string or null")),
        };
        let variables = match self.variables {
            None | Some(Value::Null) => Variables::default(),
            Some(variables @ Value::Object(_)) => Variables::from_value(variables),
            Some(_) => return Err(malformed("variables must be an object or null")),
        };
        Ok(Asked { document, operation_name, variables })
    }
}

/// The hash in a document id: the hash itself, or with the prefix `sha256:`.
fn document_id(id: Option<Value>) -> Result<Option<String>, ServerError> {
    match id {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => {
            let id = id.to_ascii_lowercase();
            Ok(Some(id.strip_prefix("sha256:").unwrap_or(&id).to_owned()))
        }
        Some(_) => Err(malformed("documentId must be a string or null")),
    }
}

/// The hash in `extensions.persistedQuery`.
fn persisted_query(persisted: Option<&Value>) -> Result<Option<String>, ServerError> {
    let fields = match persisted {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(malformed("persistedQuery must be an object or null")),
    };
    match (fields.get("version"), fields.get("sha256Hash")) {
        (Some(version), Some(Value::String(hash))) if *version == Value::from(1) => Ok(Some(hash.to_ascii_lowercase())),
        _ => Err(malformed("persistedQuery must have version 1 and a sha256Hash")),
    }
}

/// A value in which no object has a key twice. Duplicates are refused because it is unclear which was meant.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = IndexMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let Unique(value) = map.next_value()?;
            let message = format!("{} {TWICE}", shortened(&key));
            if fields.insert(Name::new(key), value).is_some() {
                return Err(serde::de::Error::custom(message));
            }
        }
        Ok(Value::Object(fields))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut parameters = Box::<Parameters>::default();
        while let Some(key) = map.next_key::<String>()? {
            let slot = match key.as_str() {
                "query" => &mut parameters.query,
                "documentId" => &mut parameters.document_id,
                "operationName" => &mut parameters.operation_name,
                "variables" => &mut parameters.variables,
                "extensions" => &mut parameters.extensions,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            // A duplicate is refused because it is unclear which was meant.
            if slot.is_some() {
                return Err(serde::de::Error::custom(format!("{key} {TWICE}")));
            }
            *slot = Some(map.next_value::<Unique>()?.0);
        }
        Ok(Json::Object(parameters))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::List)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        for media in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; profile=x",
        ] {
            assert!(is_json(&headers(&[(header::CONTENT_TYPE, media)])), "{media}");
        }
        for media in [
            "",
            "text/plain",
            "application/graphql",
            "application/graphql+json",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=iso-8859-1",
            "application/json; charset=utf-16",
            "text/plain, application/json",
        ] {
            assert!(!is_json(&headers(&[(header::CONTENT_TYPE, media)])), "{media}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_repeated_type_or_an_encoding_is_refused() {
        let json = (header::CONTENT_TYPE, "application/json");
        assert!(!is_json(&headers(&[json.clone(), (header::CONTENT_TYPE, "text/plain")])));
        assert!(!is_json(&headers(&[json.clone(), (header::CONTENT_ENCODING, "gzip")])));
        assert!(is_json(&headers(&[json, (header::CONTENT_ENCODING, "identity")])));
    }

    #[test]
    fn a_request_is_read_despite_unknown_keys() {
        let request = parse(
            br#"{"id":[{}],"query":"{ b }","id":7,"variables":{"n":1},
                "operationName":"","extensions":{"x":1}}"#,
        )
        .expect("a request");
        assert_eq!(request.document, Sought::Text("{ b }".to_owned()));
        assert_eq!(request.operation_name, None);
        assert_eq!(request.variables["n"], Value::from(1));
    }

    #[test]
    fn a_document_may_be_named_by_its_hash() {
        let hash = "AB".repeat(32);
        let (sought, text) = (hash.to_ascii_lowercase(), "{ a }".to_owned());
        let persisted = format!("\"extensions\":{{\"persistedQuery\":{{\"version\":1,\"sha256Hash\":\"{hash}\"}}}}");
        for (body, document) in [
            (format!("{{{persisted}}}"), Sought::Hash(sought.clone())),
            (format!("{{\"query\":null,\"documentId\":\"{hash}\"}}"), Sought::Hash(sought.clone())),
            (format!("{{\"documentId\":\"sha256:{hash}\",{persisted}}}"), Sought::Hash(sought.clone())),
            (format!("{{\"query\":\"{text}\",{persisted}}}"), Sought::Both { text: text.clone(), hash: sought }),
            (format!("{{\"query\":\"{text}\",\"documentId\":null}}"), Sought::Text(text)),
        ] {
            assert_eq!(parse(body.as_bytes()).expect(&body).document, document, "{body}");
        }
    }

    #[test]
    fn a_body_of_another_shape_gets_the_expected_shape() {
        for (body, expected) in [
            ("", "the body is not JSON"),
            ("{\"query\":", "the body is not JSON"),
            ("{} x", "the body is not JSON"),
            ("NONSENSE", "the body is not JSON"),
            ("[{\"query\":\"{ a }\"}]", "batching is not offered"),
            ("[]", "batching is not offered"),
            ("null", "the body must be a JSON object"),
            ("true", "the body must be a JSON object"),
            ("-1", "the body must be a JSON object"),
            ("1.5", "the body must be a JSON object"),
            ("\"{ a }\"", "the body must be a JSON object"),
            ("{}", "query is required"),
            ("{\"query\":null}", "query is required"),
            ("{\"query\":1}", "query is required"),
            ("{\"query\":\"{ a }\",\"variables\":[]}", "variables must"),
            ("{\"query\":\"{ a }\",\"variables\":\"{}\"}", "variables must"),
            ("{\"query\":\"{ a }\",\"operationName\":1}", "operationName must"),
            ("{\"query\":\"{ a }\",\"extensions\":true}", "extensions must"),
            ("{\"documentId\":7}", "documentId must"),
            ("{\"query\":7,\"documentId\":\"ab\"}", "query is required"),
            ("{\"extensions\":{\"persistedQuery\":[]}}", "persistedQuery must be an object"),
            ("{\"extensions\":{\"persistedQuery\":{\"version\":2,\"sha256Hash\":\"a\"}}}", "persistedQuery must have"),
            ("{\"extensions\":{\"persistedQuery\":{\"version\":1}}}", "persistedQuery must have"),
            (
                "{\"documentId\":\"a\",\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"b\"}}}",
                "documentId and persistedQuery name different",
            ),
        ] {
            let error = parse(body.as_bytes()).expect_err(body);
            assert!(error.message.starts_with(expected), "{body}: {}", error.message);
        }
    }

    #[test]
    fn a_parameter_that_is_given_twice_is_refused() {
        for body in [
            r#"{"query":"{ a }","query":"{ b }"}"#,
            r#"{"query":"{ a }","query":null}"#,
            r#"{"query":null,"query":"{ a }"}"#,
            r#"{"query":"{ a }","variables":{"n":1},"variables":{"n":2}}"#,
            r#"{"query":"{ a }","variables":{"n":1,"n":2}}"#,
            r#"{"query":"{ a }","variables":{"n":{"m":[{"o":1,"o":1}]}}}"#,
            r#"{"query":"{ a }","operationName":"A","operationName":"B"}"#,
            r#"{"query":"{ a }","extensions":{},"extensions":{}}"#,
            r#"{"query":"{ a }","extensions":{"persistedQuery":1,"persistedQuery":2}}"#,
            r#"{"documentId":"a","documentId":"b"}"#,
        ] {
            let error = parse(body.as_bytes()).expect_err(body);
            assert!(error.message.contains("is given twice"), "{body}: {}", error.message);
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert!(parse(b"{\"query\":\"\xff\"}").is_err());
        assert!(parse(b"{\"query\":\"\\ud800\"}").is_err());
    }

    #[test]
    fn depth_in_json_is_bounded_where_it_is_kept() {
        let deep = "[".repeat(100_000);
        let objects = "{\"a\":".repeat(100_000);
        for body in [
            format!("{{\"query\":\"{{ a }}\",\"variables\":{{\"a\":{deep}"),
            format!("{{\"query\":{deep}"),
            format!("{{\"variables\":{objects}"),
            format!("{{\"extensions\":{objects}"),
        ] {
            let error = parse(body.as_bytes()).expect_err("too deep");
            assert!(error.message.contains("recursion limit"), "{}", error.message);
        }
    }

    #[test]
    fn depth_in_json_that_is_ignored_costs_no_stack() {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(format!("{open}{close}").as_bytes()).is_err());
        let beside = format!("{{\"query\":\"{{ a }}\",\"x\":{open}{close}}}");
        assert!(parse(beside.as_bytes()).is_ok());
    }

    #[test]
    fn json_inside_a_string_stays_a_string() {
        let request = parse(br#"{"query":"{ a }","variables":{"v":{"$serde_json::private::RawValue":"[[1]]"}}}"#)
            .expect("a request");
        let Value::Object(inner) = &request.variables["v"] else {
            panic!("not an object");
        };
        assert!(inner.values().all(|value| matches!(value, Value::String(_))));
    }
}
