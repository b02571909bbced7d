//! The gateway: documents that a library reads wrongly, what one login may ask for over time, pages of other origins,
//! and filters that name what there is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_gateway::{Budget, Explorer, Terms};

use crate::app::{SHPS, TestApp, call, keyworker, manager, new_id, on_both_stores, test_caller, text, with};

/// How many contacts a journey has.
async fn contacts(app: &TestApp, journey: &str) -> usize {
    let query = "query($id: UUID!) { journey(id: $id) { contacts { event } } }";
    let answer = app.ask(&manager(), query, json!({ "id": journey })).await;
    answer["journey"]["contacts"].as_array().expect("contacts").len()
}

/// A contact with a command of its own, and unlike every other.
fn contact(journey: &str) -> Value {
    static MINUTES: AtomicUsize = AtomicUsize::new(1);
    let minutes = MINUTES.fetch_add(1, Ordering::Relaxed);
    with(call(journey, "2018-02-03"), json!({ "commandId": new_id(), "minutes": minutes }))
}

/// A journey on the caseload.
async fn case(app: &TestApp) -> String {
    let journey = app.receive_referral("2018-02-01", &new_id()[..8]).await;
    app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
    journey
}

#[tokio::test]
async fn the_defaults_of_variables_decide_what_is_skipped_and_absent_ones_leave_the_defaults_of_arguments() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let document = "mutation($i: LogContactInput!, $go: Boolean = true, $stop: Boolean = true) {
            logContact(input: $i) @include(if: $go) { position }
            b: logContact(input: $i) @skip(if: $stop) { position } }";
        let answer = app.ask(&manager(), document, json!({ "i": contact(&journey) })).await;
        assert!(answer["logContact"]["position"].is_i64() && answer.get("b").is_none(), "{answer}");
        assert_eq!(contacts(app, &journey).await, 1);
        let none = "mutation($i: LogContactInput!, $go: Boolean! = true) {
            logContact(input: $i) @include(if: $go) { position } }";
        let answer = app.ask(&manager(), none, json!({ "i": contact(&journey), "go": false })).await;
        assert_eq!((answer, contacts(app, &journey).await), (json!({}), 1));
        let page = "query($n: Int, $area: String) { contract(code: \"shps\") {
            journeys(first: $n, filter: { area: $area, unassigned: true }) { totalCount nodes { id } } } }";
        let answer = app.ask(&manager(), page, json!({})).await;
        assert_eq!(answer["contract"]["journeys"]["totalCount"], 1);
        let dated = "mutation($i: UUID!, $c: UUID!, $on: Date, $minutes: Int) { logContact(input: {
            commandId: $c, journey: $i, channel: \"phone\", twoWay: true, occurredOn: $on, minutes: $minutes }) { position } }";
        let answer = app.ask(&manager(), dated, json!({ "i": journey, "c": new_id() })).await;
        assert!(answer["logContact"]["position"].is_i64(), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_document_with_a_bad_variable_or_value_does_nothing_at_all() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let two = |second: &str, place: &str| {
            format!(
                "mutation($a: LogContactInput!, $x: {second}) {{ a: logContact(input: $a) {{ position }}
                 b: logContact(input: {place}) {{ position }} }}"
            )
        };
        let input = "{ commandId: \"0190c3d2-7c1a-7000-8000-000000000001\", journey: \"JOURNEY\", channel: \"phone\", \
                     twoWay: true, minutes: $x }";
        let input = input.replace("JOURNEY", &journey);
        for (what, document, x) in [
            ("may be null where it must not be", two("LogContactInput", "$x"), Value::Null),
            ("is a text where an object is wanted", two("LogContactInput!", "$x"), json!("no object")),
            ("is of another type", two("AgreePlanInput!", "$x"), json!({})),
            ("a field of it is unknown", two("LogContactInput!", "$x"), json!({ "what": 1 })),
            ("a text where an Int is wanted", two("Int", &input), json!("5")),
            ("half an Int", two("Int", &input), json!(5.5)),
            ("an Int that is too long", two("Int", &input), json!(2_147_483_648_i64)),
            ("a String variable for an Int", two("String", &input), json!("5")),
            ("a literal where an object is wanted", two("Int", "\"text\"").replace(", $x: Int", ""), Value::Null),
        ] {
            let variables = json!({ "a": contact(&journey), "x": x });
            let answer = app.answer(&manager(), &document, variables).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", answer.body);
            assert!(answer.json().get("data").is_none(), "{what}: {}", answer.body);
            assert_eq!(contacts(app, &journey).await, 0, "{what}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_mutation_field_selected_twice_is_done_once() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        for document in [
            "mutation($i: LogContactInput!) { logContact(input: $i) { position } ...B }
             fragment B on Mutation { logContact(input: $i) { replayed } }",
            "mutation($i: LogContactInput!, $go: Boolean! = true) { logContact(input: $i) @include(if: $go) { position }
             logContact(input: $i) @skip(if: $go) { position } ... @include(if: $go) { logContact(input: $i) { replayed } } }",
            "mutation($i: LogContactInput!) { logContact(input: $i) { position } logContact(input: $i) { replayed } }",
            "mutation($i: LogContactInput!) { ... { ... on Mutation { logContact(input: $i) { replayed } } }
             logContact(input: $i) { replayed position } }",
        ] {
            let answer = app.ask(&manager(), document, json!({ "i": contact(&journey) })).await;
            assert_eq!(answer["logContact"]["replayed"], false, "{document}");
        }
        assert_eq!(contacts(app, &journey).await, 4);
        let conflict = "mutation($i: LogContactInput!, $j: LogContactInput!) { logContact(input: $i) { position }
            ... on Mutation { logContact(input: $j) { position } } }";
        let variables = json!({ "i": contact(&journey), "j": contact(&journey) });
        assert_eq!(app.answer(&manager(), conflict, variables).await.codes(), ["GRAPHQL_VALIDATION_FAILED"]);
        assert_eq!(contacts(app, &journey).await, 4);
    })
    .await;
}

#[tokio::test]
async fn numbers_strings_and_doubled_names_are_read_as_the_specification_has_them() {
    on_both_stores(async |app| {
        let (one, other) = (case(app).await, case(app).await);
        let page = "query($n: Int!) { contract(code: \"shps\") { journeys(first: $n) { totalCount } } }";
        let floats = format!("{{\"query\": {}, \"variables\": {{\"n\": 30.0}}}}", json!(page));
        let request = TestApp::post(&app.token(&manager())).body(Body::from(floats)).expect("a request");
        let answer = app.send(request).await;
        assert_eq!(answer.json()["data"]["contract"]["journeys"]["totalCount"], 2, "{}", answer.body);
        let channel = |literal: &str| {
            format!(
                "mutation {{ logContact(input: {{ commandId: \"{}\", journey: \"{one}\", channel: {literal}, \
                 dryRun: true }}) {{ problems {{ message }} }} }}",
                new_id()
            )
        };
        for (literal, read) in
            [(r#""\ud83d\ude00""#, "😀"), (r#""\u{1F600}""#, "😀"), (r#""""a \""" b""""#, "a \\\"\\\"\\\" b")]
        {
            let answer = app.answer(&manager(), &channel(literal), json!({})).await;
            let told = answer.json()["data"]["logContact"]["problems"][0]["message"].to_string();
            let shown = told.replace("\\\\\\\"", "\\\"");
            assert!(shown.contains(read) || told.contains(read), "{literal}: {told}");
        }
        let doubled = format!(
            "mutation {{ logContact(input: {{ commandId: \"{}\", journey: \"{one}\", journey: \"{other}\", \
             channel: \"phone\", twoWay: true }}) {{ position }} }}",
            new_id()
        );
        let answer = app.answer(&manager(), &doubled, json!({})).await;
        assert_eq!(answer.codes(), ["GRAPHQL_VALIDATION_FAILED"]);
        let doubled = format!(
            "{{\"query\": \"mutation($i: LogContactInput!) {{ logContact(input: $i) {{ position }} }}\", \
             \"variables\": {{\"i\": {{\"commandId\": \"{}\", \"journey\": \"{one}\", \"journey\": \"{other}\", \
             \"channel\": \"phone\", \"twoWay\": true}}}}}}",
            new_id()
        );
        let request = TestApp::post(&app.token(&manager())).body(Body::from(doubled)).expect("a request");
        let answer = app.send(request).await;
        assert_eq!((answer.status, answer.codes()), (StatusCode::BAD_REQUEST, vec!["BAD_USER_INPUT".to_owned()]));
        assert_eq!((contacts(app, &one).await, contacts(app, &other).await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_is_dear_costs_more_and_a_login_that_spends_too_much_hears_when_to_come_back() {
    on_both_stores(async |app| {
        let cost = async |query: &str| {
            let answer = app.answer(&manager(), query, json!({})).await;
            answer.json()["extensions"]["cost"]["requested"].as_u64().unwrap_or_else(|| panic!("{}", answer.body))
        };
        let plain = cost("{ contract(code: \"shps\") { code } }").await;
        for (dear, least) in [
            ("{ contract(code: \"shps\") { claims { totalCount } } }", 500),
            ("{ contract(code: \"shps\") { batches { totalCount } } }", 500),
            ("{ contract(code: \"shps\") { exits(by: REASON) { total } } }", 200),
            ("{ contract(code: \"shps\") { a: caseloadByKeyworker { __typename } b: caseloadByKeyworker { __typename } } }", 400),
            ("{ contract(code: \"shps\", at: { position: 1000000 }) { code } }", 5_000),
        ] {
            let asked = cost(dear).await;
            assert!(asked >= plain + least, "{dear}: {asked}");
        }
        let terms = Terms { budget: Arc::new(Budget::per_minute(40)), ..Terms::default() };
        let server = app.router_under(terms);
        let ask = async |who: &Principal| {
            let body = json!({ "query": "{ viewer { subject role } log { position recordedAt } }" }).to_string();
            let request = TestApp::post(&app.token(who)).body(Body::from(body)).expect("a request");
            TestApp::send_to(&server, request).await
        };
        let mut last = ask(&manager()).await;
        for _ in 0..10 {
            last = ask(&manager()).await;
        }
        assert_eq!((last.status, last.codes()), (StatusCode::TOO_MANY_REQUESTS, vec!["RATE_LIMITED".to_owned()]));
        let wait: u64 = last.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(last.json()["errors"][0]["extensions"]["retryAfterMs"].is_u64());
        assert_eq!(ask(&keyworker("kw-07")).await.status, StatusCode::OK, "nobody else is held up");
        let feed = Request::get("/events?limit=1000").header("authorization", format!("Bearer {}", app.token(&manager())));
        let feed = TestApp::send_to(&server, feed.body(Body::empty()).expect("a request")).await;
        assert_eq!((feed.status, feed.header("retry-after").is_empty()), (StatusCode::TOO_MANY_REQUESTS, false));
    })
    .await;
}

#[tokio::test]
async fn pages_of_named_origins_may_ask_and_graphiql_may_be_absent() {
    on_both_stores(async |app| {
        let origins = vec!["https://cases.example.org".to_owned()];
        let server = app.router_under(Terms { origins, explorer: Explorer::Absent, ..Terms::default() });
        let preflight = |origin: &str| {
            let request = Request::builder().method("OPTIONS").uri("/graphql").header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            let request = request.header("access-control-request-headers", "authorization,content-type");
            request.body(Body::empty()).expect("a request")
        };
        let allowed = "access-control-allow-origin";
        let named = TestApp::send_to(&server, preflight("https://cases.example.org")).await;
        assert_eq!((named.status, named.header(allowed)), (StatusCode::OK, "https://cases.example.org"));
        assert!(named.header("access-control-allow-headers").contains("authorization"));
        let other = TestApp::send_to(&server, preflight("https://evil.example.org")).await;
        assert_eq!(other.header(allowed), "");
        let body = json!({ "query": "{ viewer { role } }" }).to_string();
        let asked = TestApp::post(&app.token(&manager())).header("origin", "https://cases.example.org");
        let asked = TestApp::send_to(&server, asked.body(Body::from(body)).expect("a request")).await;
        assert_eq!((asked.status, asked.header(allowed)), (StatusCode::OK, "https://cases.example.org"));
        for path in ["/graphiql", "/graphiql/start.js"] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            assert_eq!(TestApp::send_to(&server, request).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_code_in_a_filter_is_an_error_that_names_the_known_ones() {
    on_both_stores(async |app| {
        case(app).await;
        for filter in ["area: \"brnt\"", "stage: \"nowhere\"", "area: \"Brent\""] {
            for list in ["journeys", "caseload"] {
                let query =
                    format!("{{ contract(code: \"shps\") {{ {list}(filter: {{ {filter} }}) {{ totalCount }} }} }}");
                let answer = app.answer(&manager(), &query, json!({})).await;
                assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{query}: {}", answer.body);
            }
        }
        let answer = app.answer(&manager(), "{ journeys(filter: { area: \"brnt\" }) { totalCount } }", json!({})).await;
        assert!(answer.body.contains("brent"), "{}", answer.body);
        for filter in ["area: \"brnt\"", "standard: \"nothing\""] {
            let query = format!("{{ contract(code: \"shps\") {{ obligations({filter}) {{ totalCount }} }} }}");
            assert_eq!(app.answer(&manager(), &query, json!({})).await.codes(), ["BAD_USER_INPUT"], "{query}");
        }
        let known = "{ contract(code: \"shps\") { journeys(filter: { area: \"brent\" }) { totalCount } } }";
        assert_eq!(app.ask(&manager(), known, json!({})).await["contract"]["journeys"]["totalCount"], 1);
    })
    .await;
}

#[tokio::test]
async fn an_event_is_a_node_for_those_who_see_it_in_a_timeline() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        app.add_worker("kw-08").await;
        let journey = case(app).await;
        app.done(
            &manager(),
            "assignWorker",
            json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-02" }),
        )
        .await;
        let own = keyworker("kw-07");
        let logged = app.log_contact(&own, call(&journey, "2018-02-03")).await;
        let event = text(&logged["events"][0]["id"]);
        let query = "query($id: ID!) { node(id: $id) { __typename id ... on Event { type } } }";
        let found = app.ask(&own, query, json!({ "id": event })).await;
        assert_eq!(found["node"], json!({ "__typename": "Event", "id": event, "type": "ContactLogged" }));
        for nobody in
            [test_caller(Role::Keyworker, "kw-08", &["mst-essex"]), test_caller(Role::Administrator, "a", &[])]
        {
            assert_eq!(app.ask(&nobody, query, json!({ "id": event })).await["node"], Value::Null, "{nobody:?}");
        }
        let joined = "{ events(filter: { types: [\"WorkerJoined\"] }) { nodes { id } } }";
        let joined = app.ask(&manager(), joined, json!({})).await;
        let joined = text(&joined["events"]["nodes"][0]["id"]);
        assert_eq!(app.ask(&own, query, json!({ "id": joined })).await["node"], Value::Null, "no event of a journey");
    })
    .await;
}

#[tokio::test]
async fn events_with_a_filter_come_whole_in_one_page_however_few_fit() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        for _ in 0..3 {
            app.log_contact(&manager(), call(&journey, "2018-02-03")).await;
        }
        app.journey_elsewhere().await;
        let head = app.head().await;
        let auditor = test_caller(Role::Auditor, "auditor", &[]);
        let of = async |who: &Principal, filter: Value| {
            let query = "query($f: EventFilter!) { events(first: 200, filter: $f) {
                nodes { type contract position stream { kind } } pageInfo { endCursor hasNextPage } } }";
            let found = app.ask(who, query, json!({ "f": filter })).await["events"].clone();
            assert_eq!(found["pageInfo"], json!({ "endCursor": head.to_string(), "hasNextPage": false }), "{filter}");
            found["nodes"].as_array().expect("events").clone()
        };
        let everything = of(&auditor, json!({})).await;
        for (filter, fits) in [
            (json!({ "types": ["ContactLogged", "ReferralReceived"] }), "type"),
            (json!({ "contract": "mst-essex" }), "contract"),
            (json!({ "streamKind": "CONTRACT" }), "kind"),
            (json!({ "streamKind": "JOURNEY", "contract": "shps" }), "both"),
        ] {
            let expected: Vec<&Value> = everything
                .iter()
                .filter(|event| match fits {
                    "type" => ["ContactLogged", "ReferralReceived"].contains(&event["type"].as_str().expect("a type")),
                    "contract" => event["contract"] == "mst-essex",
                    "kind" => event["stream"]["kind"] == "CONTRACT",
                    _ => event["stream"]["kind"] == "JOURNEY" && event["contract"] == SHPS,
                })
                .collect();
            assert!(!expected.is_empty(), "{filter}");
            assert_eq!(of(&auditor, filter.clone()).await.iter().collect::<Vec<_>>(), expected, "{filter}");
        }
        let of_shps: Vec<Value> = of(&manager(), json!({})).await;
        assert!(of_shps.iter().all(|event| event["contract"] == SHPS || event["contract"].is_null()), "{of_shps:?}");
        assert!(of_shps.iter().any(|event| event["contract"] == SHPS));
    })
    .await;
}

#[tokio::test]
async fn a_digest_is_taken_in_either_case() {
    on_both_stores(async |app| {
        let journey = case(app).await;
        let input = json!({
            "journey": journey, "kind": "tenancy_agreement", "sha256": "0A".repeat(32), "datedOn": "2018-02-02",
            "occurredOn": "2018-02-03", "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"],
        });
        app.done(&manager(), "attachEvidence", input).await;
        let query = "query($id: UUID!) { journey(id: $id) { evidence { sha256 } } }";
        let found = app.ask(&manager(), query, json!({ "id": journey })).await;
        assert_eq!(found["journey"]["evidence"][0]["sha256"], "0a".repeat(32));
    })
    .await;
}
