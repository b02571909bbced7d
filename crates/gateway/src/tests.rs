//! The rules of GraphQL over HTTP, one by one, through a router and a small schema.

mod small;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request as HttpRequest};
use axum::routing::any;
use futures_util::stream;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

pub(super) use self::small::{Behind, EXPIRED, endpoint, executed, token};
use self::small::{Small, caller_for};
use super::*;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// Routes everything to an endpoint, with a caller whose token has this lifetime.
fn router_of(endpoint: Small, lasting: Duration, stopping: Stopping) -> Router {
    let caller = caller_for(lasting);
    let answer = move |http: Request| {
        let (endpoint, caller) = (endpoint.clone(), caller.clone());
        let arrival = Arrival { http, request_id: "r-1".into(), stopping: stopping.clone() };
        async move { endpoint.answer(arrival, &caller).await }
    };
    Router::new().route("/graphql", any(answer))
}

fn router() -> Router {
    router_of(endpoint(Behind::default(), Terms::default()), Duration::from_mins(5), Stopping::default())
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Json,
}

impl Answered {
    fn media(&self) -> &str {
        self.headers["content-type"].to_str().expect("text")
    }

    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {}", self.body))
    }

    fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().expect("text")
    }
}

async fn send(request: HttpRequest<Body>) -> Answered {
    send_to(router(), request).await
}

async fn send_to(router: Router, request: HttpRequest<Body>) -> Answered {
    let response = router.oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("bytes");
    Answered {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Json::Null),
    }
}

/// A request with a JSON body.
fn posted(accept: &str, body: impl Into<Body>) -> HttpRequest<Body> {
    HttpRequest::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", accept)
        .body(body.into())
        .expect("a request")
}

async fn post(accept: &str, body: impl Into<Body>) -> Answered {
    send(posted(accept, body)).await
}

async fn ask(query: &str) -> Answered {
    post(GRAPHQL, json!({ "query": query }).to_string()).await
}

async fn ask_with(query: &str, variables: Json) -> Answered {
    let body = json!({ "query": query, "variables": variables });
    post(GRAPHQL, body.to_string()).await
}

#[tokio::test]
async fn an_operation_is_answered_in_the_type_that_was_asked_for() {
    let body = json!({ "query": "{ hello }" }).to_string();
    for (accept, media) in [
        (GRAPHQL, "application/graphql-response+json; charset=utf-8"),
        (JSON, "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
    ] {
        let answered = post(accept, body.clone()).await;
        assert_eq!(answered.status, 200);
        assert_eq!(answered.media(), media);
        assert_eq!(answered.headers["cache-control"], "no-store");
        assert_eq!(answered.body, executed(&json!({ "hello": "hello you" }), 1));
    }
}

#[tokio::test]
async fn only_post_runs_anything() {
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        let request = HttpRequest::builder()
            .method(method)
            .uri("/graphql?query=mutation%7BlogContact(minutes:1)%7D")
            .header("content-type", "application/json")
            .body(Body::from(json!({ "query": "{ hello }" }).to_string()))
            .expect("a request");
        let answered = send(request).await;
        assert_eq!(answered.status, 405, "{method}");
        assert_eq!(answered.headers["allow"], "POST", "{method}");
        assert_eq!(answered.media(), "application/problem+json", "{method}");
    }
}

#[tokio::test]
async fn a_type_that_is_not_offered_is_a_problem_document() {
    let answered = post("text/html", json!({ "query": "{ hello }" }).to_string()).await;
    assert_eq!(answered.status, 406);
    assert_eq!(answered.media(), "application/problem+json");
    assert_eq!(answered.body["status"], 406);
    assert_eq!(answered.body["title"], "Not Acceptable");
    assert_eq!(answered.body["type"], "about:blank");
    assert!(answered.body["detail"].is_string());
}

#[tokio::test]
async fn content_types_that_a_form_can_send_are_refused() {
    for media in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/graphql"),
    ] {
        let mut request = HttpRequest::post("/graphql");
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        let body = Body::from(json!({ "query": "{ hello }" }).to_string());
        let answered = send(request.body(body).expect("a request")).await;
        assert_eq!(answered.status, 415, "{media:?}");
        assert_eq!(answered.media(), "application/problem+json");
    }
}

#[tokio::test]
async fn a_body_has_at_most_one_mebibyte_with_or_without_a_content_length() {
    let fitting = |bytes: usize| {
        let frame = r#"{"query":"{ hello }","pad":""}"#.len();
        json!({ "query": "{ hello }", "pad": "x".repeat(bytes - frame) }).to_string()
    };
    assert_eq!(post(JSON, fitting(BODY_BYTES_MAX)).await.status, 200);
    let long = fitting(BODY_BYTES_MAX + 1);
    let chunks: Vec<_> = long.as_bytes().chunks(4096).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    for answered in [post(JSON, long).await, post(JSON, Body::from_stream(stream::iter(chunks))).await] {
        assert_eq!(answered.status, 413);
        assert_eq!(answered.media(), "application/problem+json");
    }
}

#[tokio::test]
async fn a_body_announced_too_long_is_not_even_read() {
    let request = HttpRequest::post("/graphql")
        .header("content-type", "application/json")
        .header("content-length", BODY_BYTES_MAX + 1)
        .body(Body::from_stream(stream::pending::<std::io::Result<Vec<u8>>>()))
        .expect("a request");
    assert_eq!(send(request).await.status, 413);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_problem_of_the_client() {
    let broken = stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("gone"))]);
    assert_eq!(post(JSON, Body::from_stream(broken)).await.status, 400);
}

#[tokio::test]
async fn a_body_that_is_not_a_request_is_refused_in_both_types() {
    for body in ["", "NONSENSE", "{\"qeury\":\"{ hello }\"}", "[]", "{\"query\":7}"] {
        for accept in [GRAPHQL, JSON] {
            let answered = post(accept, body).await;
            assert_eq!(answered.status, 400, "{accept} {body}");
            assert!(answered.media().starts_with(accept));
            assert_eq!(answered.code(), "BAD_USER_INPUT");
            assert!(answered.body.get("data").is_none());
        }
    }
}

#[tokio::test]
async fn every_refusal_before_execution_has_its_code_and_no_data() {
    let two = "query A { hello } query B { hello }";
    for (query, status, code) in [
        ("{", 400, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello(name: 1) }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...F }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("query($v: Int) { hello }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("{ day(day: 9) }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("query($v: ID!) { hello }", 422, "BAD_USER_INPUT"),
        (two, 422, "OPERATION_RESOLUTION_FAILURE"),
        ("subscription { ticks }", 422, "OPERATION_RESOLUTION_FAILURE"),
        ("{ ...A } fragment A on Query { ...A }", 422, "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let answered = ask(query).await;
        assert_eq!(answered.status, status, "{query}: {}", answered.body);
        assert_eq!(answered.code(), code, "{query}");
        assert!(answered.body.get("data").is_none(), "{query}");
        let legacy = post(JSON, json!({ "query": query }).to_string()).await;
        assert_eq!(legacy.status, status, "{query}");
        assert_eq!(legacy.body, answered.body, "{query}");
    }
}

#[tokio::test]
async fn an_operation_is_chosen_by_its_name() {
    let body = |name: Json| {
        let query = "query A { hello } mutation B { logContact(minutes: 5) }";
        json!({ "query": query, "operationName": name }).to_string()
    };
    let query = post(GRAPHQL, body(json!("A"))).await;
    assert_eq!(query.body["data"], json!({ "hello": "hello you" }));
    let mutation = post(GRAPHQL, body(json!("B"))).await;
    assert_eq!(mutation.body["data"], json!({ "logContact": 5 }));
    for name in [json!("C"), json!(null), json!("")] {
        let answered = post(GRAPHQL, body(name)).await;
        assert_eq!(answered.status, 422);
        assert_eq!(answered.code(), "OPERATION_RESOLUTION_FAILURE");
    }
}

#[tokio::test]
async fn null_parameters_count_as_left_out_and_unknown_ones_are_ignored() {
    let answered = post(
        GRAPHQL,
        json!({ "query": "{ hello }", "variables": null, "operationName": null,
                "extensions": null, "doc": [1] })
        .to_string(),
    )
    .await;
    assert_eq!(answered.status, 200);
}

#[tokio::test]
async fn a_variable_of_the_wrong_type_never_reaches_a_resolver() {
    for (query, variables) in [
        ("query($n: String) { hello(name: $n) }", json!({ "n": 1 })),
        ("query($d: Weekday!) { day(day: $d) }", json!({ "d": 9 })),
        ("query($d: Weekday!) { day(day: $d) }", json!({ "d": null })),
        ("query($c: Contact!) { minutes(contact: $c) }", json!({ "c": { "stage": "GONE" } })),
        ("query($c: Contact!) { minutes(contact: $c) }", json!({ "c": {} })),
        ("query($c: Contact!) { minutes(contact: $c) }", json!({ "c": { "stage": "ENGAGED", "more": 1 } })),
        ("query($s: Stage!) { minutes(contact: { stage: $s }) }", json!({ "s": "GONE" })),
        ("mutation($m: Int!) { logContact(minutes: $m) }", json!({ "m": 3_000_000_000_u32 })),
    ] {
        let answered = ask_with(query, variables.clone()).await;
        assert_eq!(answered.status, 422, "{query} {variables}: {}", answered.body);
        assert_eq!(answered.code(), "BAD_USER_INPUT", "{query} {variables}");
        assert!(answered.body.get("data").is_none());
    }
    let contact = json!({ "c": { "stage": "ENGAGED", "minutes": 40 } });
    let answered = ask_with("query($c: Contact!) { minutes(contact: $c) }", contact).await;
    assert_eq!(answered.body, executed(&json!({ "minutes": 40 }), 1));
}

#[tokio::test]
async fn an_argument_out_of_bounds_is_an_error_of_the_caller_and_not_a_fault() {
    for query in ["{ bounded(first: 201) }", "{ short(first: 300) }"] {
        let answered = ask(query).await;
        assert_eq!(answered.status, 294);
        assert_eq!(answered.code(), "BAD_USER_INPUT", "{query}");
        assert_ne!(answered.message(), "internal error");
    }
}

#[tokio::test]
async fn a_field_that_fails_leaves_the_others() {
    let answered = ask("{ hello broken }").await;
    assert_eq!(answered.status, 294);
    assert_eq!(answered.body["data"], json!({ "hello": "hello you", "broken": null }));
    assert_eq!(answered.body["errors"][0]["path"], json!(["broken"]));
    let legacy = post(JSON, json!({ "query": "{ hello broken }" }).to_string()).await;
    assert_eq!(legacy.status, 294);
    assert_eq!(legacy.body, answered.body);
}

#[tokio::test]
async fn data_that_became_null_is_still_an_execution() {
    let answered = ask("{ hello needed }").await;
    assert_eq!(answered.status, 294);
    assert_eq!(answered.body["data"], Json::Null);
    assert!(answered.body.as_object().expect("an object").contains_key("data"));
    let legacy = post(JSON, json!({ "query": "{ needed }" }).to_string()).await;
    assert_eq!(legacy.status, 294);
}

#[tokio::test]
async fn internal_error_text_is_not_shown() {
    for field in ["broken", "careless", "needed"] {
        let answered = ask(&format!("{{ {field} }}")).await;
        assert_eq!(answered.message(), "internal error");
        assert_eq!(answered.body["errors"][0]["extensions"], json!({ "code": "INTERNAL", "requestId": "r-1" }));
    }
}

/// The log output while a test runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_fault_is_logged_once_with_its_causes() {
    let log = Log::default();
    let writer = log.clone();
    // With only one subscriber, another thread that logs here first would cache that nobody listens.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    ask("{ hello broken forbidden }").await;
    drop(guard);
    let written = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    assert_eq!(written.lines().count(), 1, "{written}");
    let entry: Json = serde_json::from_str(&written).expect("an entry");
    assert_eq!(entry["level"], "ERROR");
    assert_eq!(entry["fields"]["request_id"], "r-1");
    assert_eq!(entry["fields"]["path"], "broken");
    assert_eq!(entry["fields"]["error"], "cannot read the caseload: disk 7 is gone");
}

#[tokio::test]
async fn a_code_that_a_resolver_set_passes_through() {
    let answered = ask("{ forbidden }").await;
    assert_eq!(answered.code(), "FORBIDDEN");
    assert_eq!(answered.message(), "ask for the role of a manager");
}

#[tokio::test]
async fn a_mutation_that_fails_after_it_recorded_is_in_doubt_and_its_neighbours_are_not() {
    let answered = ask("mutation { a: cutOff(recorded: false) b: cutOff(recorded: true) c: cutOff(recorded: false) }");
    let errors = answered.await.body["errors"].as_array().expect("errors").clone();
    let in_doubt_by_path = errors.iter().map(|error| (&error["path"][0], &error["extensions"]["commandInDoubt"]));
    let in_doubt_by_path: Vec<_> =
        in_doubt_by_path.map(|(path, in_doubt)| (path.as_str(), in_doubt.as_bool())).collect();
    assert_eq!(in_doubt_by_path, [(Some("a"), Some(false)), (Some("b"), Some(true)), (Some("c"), Some(false))]);
}

#[tokio::test]
async fn at_most_twenty_errors_are_sent() {
    let declared: Vec<_> = (0..30).map(|n| format!("$v{n}: ID!")).collect();
    let variables = format!("query({}) {{ hello }}", declared.join(" "));
    for query in ["{ many }".to_owned(), format!("{{ {} }}", "nothing ".repeat(30)), variables] {
        let answered = ask(&query).await;
        let errors = answered.body["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), ERRORS_MAX, "{query}");
        assert_eq!(answered.body["extensions"]["errorsOmitted"], 10, "{query}");
        assert!(errors.iter().all(|error| error["extensions"]["code"].is_string()));
    }
}

#[tokio::test]
async fn an_error_does_not_repeat_a_long_name() {
    let answered = ask(&format!("{{ {} }}", "x".repeat(90_000))).await;
    assert_eq!(answered.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(answered.message().len() < 400);
}

#[tokio::test]
async fn attached_data_reaches_the_resolvers() {
    let answered = ask("{ actor }").await;
    assert_eq!(answered.body["data"], json!({ "actor": "kw-07" }));
}

#[tokio::test]
async fn headers_of_resolvers_are_sent_except_the_content_type() {
    let answered = ask("{ headed }").await;
    assert_eq!(answered.headers["x-lag"], "3");
    assert!(answered.media().starts_with(GRAPHQL));
    assert_eq!(answered.headers.get_all("content-type").iter().count(), 1);
}

#[tokio::test]
async fn the_guard_runs_before_the_validator() {
    let started = Instant::now();
    let answered = ask(&guard::tests::bomb(30)).await;
    assert!(started.elapsed() < Duration::from_millis(500));
    assert_eq!(answered.status, 422);
    assert_eq!(answered.code(), "QUERY_TOO_COMPLEX");
    assert_eq!(answered.body["errors"][0]["extensions"]["limit"], "selections");
}

#[tokio::test]
async fn the_introspection_of_graphiql_is_answered() {
    let answered = ask(guard::tests::INTROSPECTION).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    assert_eq!(answered.body["data"]["__schema"]["queryType"]["name"], "Query");
}

/// The events of a response until it ends, each with its data.
async fn events_of(router: Router, query: &str) -> (HeaderMap, Vec<(String, Json)>) {
    let request = posted("text/event-stream", json!({ "query": query }).to_string());
    let response = router.oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    assert_eq!(parts.status, 200);
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("bytes");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let events = text.split_terminator("\n\n").filter(|event| !event.starts_with(':')).map(|event| {
        let (name, data) = event.split_once('\n').expect("a name and data");
        let data = data.strip_prefix("data: ").expect("data");
        let name = name.strip_prefix("event: ").expect("a name");
        (name.to_owned(), serde_json::from_str(data).unwrap_or(Json::Null))
    });
    (parts.headers, events.collect())
}

fn next(data: &Json) -> (String, Json) {
    ("next".to_owned(), executed(data, 1))
}

fn complete() -> (String, Json) {
    ("complete".to_owned(), Json::Null)
}

#[tokio::test]
async fn a_subscription_is_sent_as_events_and_completes() {
    let (headers, events) = events_of(router(), "subscription { ticks(upto: 3) }").await;
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    let ticks = (1..=3).map(|nth| next(&json!({ "ticks": nth })));
    assert_eq!(events, ticks.chain([complete()]).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_stream_is_sent_if_requested() {
    let (_, events) = events_of(router(), "{ hello }").await;
    assert_eq!(events, [next(&json!({ "hello": "hello you" })), complete()]);
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { followed(who: \"nobody\") }", "FORBIDDEN"),
        ("subscription { followed(who: \"broken\") }", "INTERNAL"),
        (&guard::tests::bomb(30), "QUERY_TOO_COMPLEX"),
    ] {
        let (_, events) = events_of(router(), query).await;
        let [(name, answer), last] = &events[..] else { panic!("{query}: {events:?}") };
        assert_eq!((name.as_str(), last), ("next", &complete()), "{query}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{query}");
        assert!(answer.get("data").is_none(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn if_both_are_accepted_a_query_gets_a_single_response_and_a_subscription_events() {
    let accept = "application/graphql-response+json, application/json, text/event-stream";
    let answered = post(accept, json!({ "query": "{ hello }" }).to_string()).await;
    assert_eq!((answered.status, answered.media()), (200, "application/graphql-response+json; charset=utf-8"));
    let answered = post(accept, json!({ "query": "subscription { ticks }" }).to_string()).await;
    assert_eq!((answered.status, answered.media()), (200, "text/event-stream; charset=utf-8"));
    let refused = post(accept, json!({ "query": "subscription { ticks actor }" }).to_string()).await;
    assert_eq!((refused.status, refused.code()), (422, "GRAPHQL_VALIDATION_FAILED"));
}

#[tokio::test]
async fn a_fault_in_the_middle_is_sent_and_ends_the_events() {
    let (_, events) = events_of(router(), "subscription { followed(who: \"kw-07\") }").await;
    let [first, (_, fault), last] = &events[..] else { panic!("{events:?}") };
    assert_eq!((first, last), (&next(&json!({ "followed": "kw-07" })), &complete()));
    assert_eq!(fault["errors"][0]["message"], "internal error");
    assert_eq!(fault["errors"][0]["extensions"], json!({ "code": "INTERNAL", "requestId": "r-1" }));
}

#[tokio::test]
async fn an_item_with_a_failed_field_does_not_end_the_events() {
    let (_, events) = events_of(router(), "subscription { parts { hello broken } }").await;
    assert_eq!(events.len(), 3);
    for (_, answer) in &events[..2] {
        assert_eq!(answer["data"], json!({ "parts": { "hello": "hello you", "broken": null } }));
        assert_eq!(answer["errors"][0]["path"], json!(["parts", "broken"]));
    }
    let (_, events) = events_of(router(), "subscription { parts { needed } }").await;
    assert_eq!(events.iter().filter(|(_, answer)| answer["data"].is_null()).count(), 3, "{events:?}");
}

#[tokio::test]
async fn events_end_when_the_token_does() {
    let router = router_of(endpoint(Behind::default(), Terms::default()), Duration::from_secs(3), Stopping::default());
    let (_, events) = events_of(router, "subscription { silence }").await;
    let [(_, answer), last] = &events[..] else { panic!("{events:?}") };
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(last, &complete());
}

#[tokio::test]
async fn events_send_heartbeats_and_end_silently_when_the_service_stops() {
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let patience = Patience { heartbeat: Duration::from_millis(10), ..Patience::default() };
    let endpoint = endpoint(Behind::default(), Terms { patience, ..Terms::default() });
    let router = router_of(endpoint, Duration::from_mins(5), Stopping::when(stopped));
    let request = posted("text/event-stream", json!({ "query": "subscription { silence }" }).to_string());
    let mut body = router.oneshot(request).await.expect("an answer").into_body().into_data_stream();
    for _ in 0..3 {
        let sign = body.next().await.expect("a sign of life").expect("bytes");
        assert_eq!(&sign[..], b":\n\n");
    }
    stopping.send_replace(true);
    while let Some(rest) = body.next().await {
        assert_eq!(&rest.expect("bytes")[..], b":\n\n");
    }
}

#[tokio::test]
async fn the_cost_is_reported_and_too_high_a_cost_is_refused() {
    let answered = ask("{ hello actor }").await;
    assert_eq!(answered.body["extensions"]["cost"], json!({ "requested": 2, "allowed": 100_000 }));
    let terms = Terms { limits: Limits { cost_max: 1, ..Limits::default() }, ..Terms::default() };
    let router = router_of(endpoint(Behind::default(), terms), Duration::from_mins(5), Stopping::default());
    let request = posted(GRAPHQL, json!({ "query": "{ hello actor }" }).to_string());
    let answered = send_to(router, request).await;
    assert_eq!((answered.status, answered.code()), (422, "QUERY_TOO_COMPLEX"));
    let extensions = json!({ "code": "QUERY_TOO_COMPLEX", "limit": "cost", "asked": 2, "allowed": 1 });
    assert_eq!(answered.body["errors"][0]["extensions"], extensions);
}

/// The SHA-256 of a text, as a client computes it.
fn sha256_of(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[tokio::test]
async fn a_document_is_remembered_by_its_hash_once_it_is_admitted() {
    let router = router();
    let send = async |body: Json| {
        let request = posted(GRAPHQL, body.to_string());
        send_to(router.clone(), request).await
    };
    let hash = "a0f7a4d4ae4f4cd8f4c4d5f3eb9f1b3c8a1b0d7c6e5f4a3b2c1d0e9f8a7b6c5d";
    let unknown = send(json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })).await;
    assert_eq!((unknown.status, unknown.code()), (422, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(unknown.message(), "PersistedQueryNotFound");
    let wrong = send(json!({ "query": "{ hello }", "documentId": hash })).await;
    assert_eq!((wrong.status, wrong.code()), (422, "BAD_USER_INPUT"));
    // The SHA-256 of `{ hello }`.
    let hash = sha256_of("{ hello }");
    let persisted = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    assert_eq!(send(json!({ "query": "{ hello }", "extensions": persisted })).await.status, 200);
    for by_hash in [json!({ "extensions": persisted }), json!({ "documentId": format!("sha256:{hash}") })] {
        assert_eq!(send(by_hash).await.body["data"], json!({ "hello": "hello you" }));
    }
}

#[tokio::test]
async fn with_trusted_documents_all_others_are_refused() {
    let terms = Terms { documents: Documents::trusted(["{ hello }\n".to_owned()]), ..Terms::default() };
    let router = router_of(endpoint(Behind::default(), terms), Duration::from_mins(5), Stopping::default());
    for (query, code) in [("{ hello }", None), ("{ actor }", Some("UNTRUSTED_DOCUMENT"))] {
        let (_, events) = events_of(router.clone(), query).await;
        let code = code.map_or(Json::Null, Json::from);
        assert_eq!(events[0].1["errors"][0]["extensions"]["code"], code, "{query}");
    }
}

#[tokio::test]
async fn a_document_that_is_not_valid_is_not_remembered() {
    let router = router();
    let send = async |body: Json| {
        let request = posted(GRAPHQL, body.to_string());
        send_to(router.clone(), request).await
    };
    for text in ["{ nothing }", "{ hello(name: 1) }", "query($v: Int!) { hello(name: $v) }"] {
        let named = format!("SHA256:{}", sha256_of(text).to_uppercase());
        let refused = send(json!({ "query": text, "documentId": named, "variables": { "v": 1 } })).await;
        assert_eq!((refused.status, refused.code()), (422, "GRAPHQL_VALIDATION_FAILED"), "{text}");
        assert_eq!(send(json!({ "documentId": named })).await.code(), "PERSISTED_QUERY_NOT_FOUND", "{text}");
    }
    let named = format!("SHA256:{}", sha256_of("{ hello }").to_uppercase());
    assert_eq!(send(json!({ "query": "{ hello }", "documentId": named })).await.status, 200);
    assert_eq!(send(json!({ "documentId": named })).await.body["data"], json!({ "hello": "hello you" }));
}

#[tokio::test]
async fn a_login_over_its_limit_learns_when_to_retry() {
    let budget = Arc::new(Budget::per_minute(25));
    let terms = || Terms { budget: Arc::clone(&budget), ..Terms::default() };
    let ask = async |query: &str| {
        let router = router_of(endpoint(Behind::default(), terms()), Duration::from_mins(5), Stopping::default());
        let request = posted(JSON, json!({ "query": query }).to_string());
        send_to(router, request).await
    };
    assert_eq!(ask("{ hello actor }").await.status, 200);
    // Refused requests use up budget too.
    for _ in 0..2 {
        assert_eq!(ask("{ hello").await.status, 400);
    }
    let refused =
        ask(&format!("{{ {} }}", (0..20).map(|nth| format!("a{nth}: actor ")).collect::<Vec<_>>().concat())).await;
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"));
    let wait = refused.body["errors"][0]["extensions"]["retryAfterMs"].as_u64().expect("a wait");
    assert!((20_000..=41_000).contains(&wait), "{wait}");
    let seconds: u64 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert_eq!(seconds, wait.div_ceil(1_000));
}

#[tokio::test]
async fn a_field_selected_twice_is_executed_once_and_an_absent_variable_leaves_the_default() {
    let merged = "{ ...A actor ...A } fragment A on Query { actor many }";
    assert_eq!(ask(merged).await.body["errors"].as_array().map(Vec::len), Some(20), "thirty errors, not sixty");
    assert_eq!(ask(merged).await.body["extensions"]["errorsOmitted"], 10);
    let (_, events) = events_of(router(), "subscription($n: Int) { ticks(upto: $n) }").await;
    assert_eq!(events, [next(&json!({ "ticks": 1 })), complete()]);
    let query = "query($minutes: Int) { minutes(contact: { stage: ENGAGED, minutes: $minutes }) }";
    assert_eq!(ask(query).await.body["data"], json!({ "minutes": 1 }));
}
