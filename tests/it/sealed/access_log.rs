//! The access log, on both stores: exactly what was opened, who may read it, and how long it is kept.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use throughline::access::Role;
use throughline::keys::access_log::KEPT_FOR_DAYS;

use super::{CANARY, CASE, Case, case, identity, note, seen_by};
use crate::app::{
    SHPS, TODAY, TestApp, administrator, call, keyworker, manager, on_both_stores_with_keys, test_caller, text, with,
};
use crate::subscriber::{Server, Subscriber};

const LOG: &str = "query($subject: UUID, $who: String, $from: DateTime, $to: DateTime, $first: Int, $after: String) { \
    accessLog(subject: $subject, who: $who, from: $from, to: $to, first: $first, after: $after) { totalCount \
    pageInfo { hasNextPage endCursor } nodes { openedAt login role subjectId kinds requestId revealId } } }";

/// A page of the access log.
async fn page(app: &TestApp, filter: Value) -> Value {
    app.ask(&administrator(), LOG, filter).await["accessLog"].clone()
}

/// The whole access log, newest first: who opened what.
pub(super) async fn opened(app: &TestApp) -> Vec<Value> {
    let page = page(app, json!({ "first": 200 })).await;
    let nodes = page["nodes"].as_array().expect("entries").clone();
    assert_eq!(page["totalCount"], json!(nodes.len()));
    nodes.iter().map(|entry| json!([entry["login"], entry["subjectId"], entry["kinds"]])).collect()
}

/// A further case with an identity, and the id of its subject.
async fn another(app: &TestApp) -> Case {
    let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "identity": identity(),
        "acceptWarnings": ["POSSIBLE_DUPLICATE"] });
    let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
    let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
    let found = app.ask(&manager(), document, json!({ "id": journey })).await;
    Case { subject: text(&found["journey"]["subject"]["id"]), journey }
}

#[tokio::test]
async fn each_opening_of_a_person_is_one_entry_and_nothing_else_is() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("all is well"))).await;
        assert_eq!(opened(app).await, Vec::<Value>::new(), "recording opens nothing");
        let closed = "query($id: UUID!) { journey(id: $id) { reference timeline { event { type } } \
            contacts { note { sealed } } subject { id kind identity { sealed parts { part event } } } } }";
        app.ask(&manager(), closed, json!({ "id": case.journey })).await;
        let empty = "query($id: UUID!) { journey(id: $id) { subject { identity { email upn } } } }";
        app.ask(&manager(), empty, json!({ "id": case.journey })).await;
        for role in [Role::Commissioner, Role::Auditor, Role::Integrator] {
            seen_by(app, &test_caller(role, "other", &[SHPS]), &case).await;
        }
        assert_eq!(opened(app).await, Vec::<Value>::new(), "nothing was shown");

        seen_by(app, &keyworker("KW-07"), &case).await;
        let names = "query($id: UUID!) { journey(id: $id) { subject { identity { names { given } \
            again: names { family } nino } } same: subject { identity { birthDate } } } }";
        app.ask(&manager(), names, json!({ "id": case.journey })).await;
        // All is at one instant, so the order of the entries is any.
        let mut entries = opened(app).await;
        entries.sort_by_key(ToString::to_string);
        let expected =
            [json!(["KW-07", case.subject, ["IDENTITY", "NOTES"]]), json!(["manager", case.subject, ["IDENTITY"]])];
        assert_eq!(entries, expected);
        let notes = "query($id: UUID!) { journey(id: $id) { contacts { note { text } } } }";
        app.ask(&manager(), notes, json!({ "id": case.journey })).await;
        assert!(opened(app).await.contains(&json!(["manager", case.subject, ["NOTES"]])));
        assert_eq!(opened(app).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_list_has_an_entry_for_each_person_and_two_requests_at_once_have_their_own() {
    on_both_stores_with_keys(async |app| {
        let (one, other) = (case(app).await, another(app).await);
        let list = "{ journeys { nodes { subject { identity { names { given } } } } } }";
        let (manager, colleague) = (manager(), test_caller(Role::Manager, "colleague", &[SHPS]));
        let (first, second) = tokio::join!(app.ask(&manager, list, json!({})), app.ask(&colleague, list, json!({})));
        assert_eq!(first, second);
        assert_eq!(first.to_string().matches(CANARY).count(), 2);
        let mut entries = opened(app).await;
        entries.sort_by_key(ToString::to_string);
        let mut expected: Vec<Value> = ["manager", "colleague"]
            .iter()
            .flat_map(|login| [&one, &other].map(|case| json!([login, case.subject, ["IDENTITY"]])))
            .collect();
        expected.sort_by_key(ToString::to_string);
        assert_eq!(entries, expected);
        let nodes = page(app, json!({ "who": "MANAGER" })).await["nodes"].clone();
        assert_eq!(nodes[0]["requestId"], nodes[1]["requestId"], "one request opened both");
        assert_eq!((&nodes[0]["role"], &nodes[0]["revealId"]), (&json!("manager"), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn the_log_is_filtered_by_person_login_and_time_and_read_page_by_page() {
    on_both_stores_with_keys(async |app| {
        let (one, other) = (case(app).await, another(app).await);
        for (at, case) in [("2018-03-01T10:00:00Z", &one), ("2018-03-02T10:00:00Z", &other)] {
            app.it_is(at);
            seen_by(app, &manager(), case).await;
        }
        app.it_is("2018-03-03T10:00:00Z");
        seen_by(app, &keyworker("kw-07"), &one).await;
        let count = async |filter: Value| page(app, filter).await["totalCount"].clone();
        assert_eq!(count(json!({ "subject": one.subject })).await, 2);
        assert_eq!(count(json!({ "subject": one.subject, "who": "kw-07" })).await, 1);
        assert_eq!(count(json!({ "who": "kw-99" })).await, 0);
        assert_eq!(count(json!({ "from": "2018-03-02T10:00:00Z" })).await, 2);
        assert_eq!(count(json!({ "to": "2018-03-02T10:00:00Z" })).await, 1);
        assert_eq!(count(json!({ "from": "2018-03-02T10:00:00.000001Z", "to": "2018-03-04T00:00:00Z" })).await, 1);
        let (mut after, mut seen) = (Value::Null, Vec::new());
        loop {
            let page = page(app, json!({ "first": 1, "after": after })).await;
            seen.extend(page["nodes"].as_array().expect("entries").iter().map(|entry| text(&entry["openedAt"])));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == json!(false) {
                break;
            }
        }
        assert_eq!(seen.len(), 3);
        assert!(seen.is_sorted_by(|one, other| one > other), "newest first: {seen:?}");
        let of_another = app.answer(&administrator(), LOG, json!({ "who": "kw-07", "after": after })).await;
        assert_eq!(of_another.codes(), ["BAD_USER_INPUT"], "a cursor belongs to its filter");
    })
    .await;
}

#[tokio::test]
async fn only_an_administrator_of_the_deployment_reads_the_access_log() {
    on_both_stores_with_keys(async |app| {
        for role in Role::ALL {
            let login = if role == Role::Keyworker { "kw-07" } else { "reader" };
            let who = test_caller(role, login, if role == Role::Administrator { &[SHPS] } else { &[] });
            for document in ["{ accessLog { totalCount } }", "{ reveals { totalCount } }"] {
                assert_eq!(app.answer(&who, document, json!({})).await.codes(), ["FORBIDDEN"], "{role} {document}");
            }
        }
        let server = app.without_keys();
        let answer = TestApp::ask_of_with(&server, &app.token(&administrator()), LOG, json!({})).await;
        assert_eq!(answer.codes(), ["UNAVAILABLE"], "an empty list would say that nothing was opened");
    })
    .await;
}

#[tokio::test]
async fn entries_are_removed_when_they_are_too_old_and_not_sooner() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.it_is("2018-03-01T10:00:00Z");
        seen_by(app, &manager(), &case).await;
        app.it_is("2018-03-02T10:00:00Z");
        seen_by(app, &manager(), &case).await;
        // 2,192 days after 1 March 2018, and a second more.
        for (at, left) in [("2024-03-01T10:00:00Z", 2), ("2024-03-01T10:00:01Z", 1), ("2024-03-02T10:00:01Z", 0)] {
            app.it_is(at);
            app.fresh.keys.prune_access_log(KEPT_FOR_DAYS).await.expect("it is pruned");
            assert_eq!(opened(app).await.len(), left, "{at}");
        }
    })
    .await;
}

/// Renames the table of the access log, as an operator could who breaks it.
async fn rename(app: &TestApp, from: &str, to: &str) {
    let statement = format!("alter table {from} rename to {to}");
    if let Some(file) = app.fresh.place().file() {
        let url = format!("sqlite:{}.keys", file.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the key store");
        conn.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.expect("it is renamed");
        return;
    }
    let mut conn = sqlx::PgConnection::connect(app.fresh.url()).await.expect("the server answers");
    let (schema,): (String,) = sqlx::query_as("select current_schema()").fetch_one(&mut conn).await.expect("a schema");
    let path = format!("set search_path to \"{schema}_keys\"; {statement}");
    conn.execute(sqlx::raw_sql(AssertSqlSafe(path))).await.expect("it is renamed");
}

#[tokio::test]
async fn nothing_is_opened_while_the_access_log_cannot_be_written() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("all is well"))).await;
        rename(app, "access_log", "access_log_away").await;
        let seen = app.answer(&manager(), CASE, json!({ "id": case.journey })).await;
        assert!(!seen.body.contains("Canary"), "{}", seen.body);
        let answered = seen.json();
        let journey = &answered["data"]["journey"];
        assert_eq!(journey["contacts"][0]["note"]["text"], Value::Null);
        assert_eq!(journey["subject"]["identity"]["names"], Value::Null);
        rename(app, "access_log_away", "access_log").await;
        assert_eq!(opened(app).await, Vec::<Value>::new());
        let seen = seen_by(app, &manager(), &case).await;
        assert_eq!(seen["subject"]["identity"]["names"]["given"], CANARY);
        assert_eq!(opened(app).await.len(), 1);
    })
    .await;
}

const FOLLOWED: &str = "subscription($id: UUID!, $after: Position) { journeyChanged(id: $id, after: $after) { \
    journey { subject { identity { names { given } } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn each_item_of_a_subscription_that_opens_a_name_is_an_entry() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let server = Server::of(app.router()).await;
        let begun = app.head().await;
        let (auditor, reader) = (test_caller(Role::Auditor, "auditor", &[SHPS]), keyworker("kw-07"));
        let mut outside = Subscriber::at(&server.address, &app.token(&auditor)).await;
        let mut inside = Subscriber::at(&server.address, &app.token(&reader)).await;
        for peer in [&mut outside, &mut inside] {
            peer.begin("1", FOLLOWED, json!({ "id": case.journey, "after": begun })).await;
        }
        for day in ["2018-02-20", "2018-02-21"] {
            app.log_contact(&manager(), call(&case.journey, day)).await;
            let names = async |peer: &mut Subscriber| {
                peer.item().await["journey"]["subject"]["identity"]["names"]["given"].clone()
            };
            assert_eq!(names(&mut inside).await, CANARY);
            assert_eq!(names(&mut outside).await, Value::Null);
        }
        let entry = json!(["kw-07", case.subject, ["IDENTITY"]]);
        assert_eq!(opened(app).await, [entry.clone(), entry]);
        drop((inside, outside));
        server.end().await;
    })
    .await;
}
