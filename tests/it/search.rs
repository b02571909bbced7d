//! The search for journeys: filters against every journey read one by one, orders, pages without repeats or gaps, and
//! wrong questions, over HTTP on both stores. The law that covers the rest is in `as_of`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use throughline::access::Role;

use crate::app::{
    Answer, MST, SHPS, TestApp, call, keyworker, manager, on_both_stores, other_manager, test_caller, text, with,
};
use crate::relations::set_team;

const SEARCH: &str = "query($filter: JourneyFilter, $orderBy: JourneyOrder, $first: Int = 200, $after: String) { \
     journeys(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { totalCount nodes { id reference \
     contract area received { on } keyworker { id } stage { code } onCaseload daysSinceContact subject { id } \
     accepted { on } declined { reason } closed { reason } } pageInfo { endCursor hasNextPage hasPreviousPage } } }";

async fn search(app: &TestApp, variables: Value) -> Value {
    app.ask(&manager(), SEARCH, variables).await["journeys"].clone()
}

fn references(list: &Value) -> Vec<String> {
    list["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["reference"])).collect()
}

/// Journeys in every state, area, team and row of the board.
async fn field(app: &TestApp) -> Vec<String> {
    let mut workers = Vec::new();
    for login in ["kw-1", "kw-2", "kw-3"] {
        workers.push(app.add_worker(login).await);
    }
    set_team(app, 1, "2018-01-01", &[&workers[0], &workers[1]]).await;
    set_team(app, 2, "2018-01-01", &[&workers[2]]).await;
    for n in 0..24_usize {
        let input = json!({
            "contract": SHPS, "area": (["brent", "hackney", "ealing"])[n % 3], "occurredOn": format!("2018-01-{:02}", 2 + n),
            "externalReferences": [{ "system": (["council", "portal"])[n % 2], "id": format!("{}-{n:02}", (["A", "B"])[n % 2]) }],
        });
        let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
        let of = |rest: Value| with(json!({ "journey": journey, "occurredOn": "2018-02-01" }), rest);
        match n % 8 {
            0 => continue,
            1 => {
                app.done(&manager(), "declineReferral", of(json!({ "reason": "not_eligible" }))).await;
                continue;
            }
            _ => app.done(&manager(), "acceptReferral", of(json!({}))).await,
        };
        if n % 8 > 2 {
            app.done(&manager(), "assignWorker", of(json!({ "worker": workers[n % 3] }))).await;
        }
        if n % 5 > 0 {
            app.done(&manager(), "logContact", call(&journey, &format!("2018-02-{:02}", 1 + n))).await;
        }
        if n % 4 == 3 {
            app.done(&manager(), "agreePlan", of(json!({ "kind": "php" }))).await;
        }
        if n % 8 == 7 {
            app.done(
                &manager(),
                "closeJourney",
                json!({ "journey": journey, "reason": "housed", "occurredOn": "2018-02-27" }),
            )
            .await;
        }
    }
    workers
}

/// Whether a journey of the answer is one that a filter asks for.
type Fits<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
/// By what a list is ordered, as its answer has it.
type Key = fn(&Value) -> Value;

#[tokio::test]
async fn a_filter_gives_the_journeys_that_fit_it_and_counts_them() {
    on_both_stores(async |app| {
        let workers = field(app).await;
        let every = search(app, json!({})).await;
        let every: Vec<Value> = every["nodes"].as_array().expect("nodes").clone();
        assert_eq!(every.len(), 24);
        let of_worker = |node: &Value, workers: &[&String]| workers.iter().any(|id| node["keyworker"]["id"] == id.as_str());
        let days = |node: &Value| node["daysSinceContact"].as_i64();
        let subject = every[7]["subject"]["id"].clone();
        let filters: Vec<(Value, Fits<'_>)> = vec![
            (json!({ "area": "hackney" }), Box::new(|node| node["area"] == "hackney")),
            (json!({ "stage": "php_complete" }), Box::new(|node| node["stage"]["code"] == "php_complete")),
            (json!({ "keyworker": workers[1] }), Box::new(|node| of_worker(node, &[&workers[1]]))),
            (json!({ "unassigned": true }), Box::new(|node| node["keyworker"].is_null())),
            (json!({ "team": "00000000-0000-0000-0000-000000007ea1" }), Box::new(|node| of_worker(node, &[&workers[0], &workers[1]]))),
            (json!({ "state": "OPEN" }), Box::new(|node| node["declined"].is_null() && node["closed"].is_null())),
            (json!({ "state": "WAITING" }), Box::new(|node| node["accepted"].is_null() && node["declined"].is_null())),
            (json!({ "state": "ON_CASELOAD" }), Box::new(|node| node["onCaseload"] == true)),
            (json!({ "state": "CLOSED" }), Box::new(|node| !node["closed"].is_null())),
            (json!({ "state": "DECLINED" }), Box::new(|node| !node["declined"].is_null())),
            (json!({ "state": "WITHDRAWN" }), Box::new(|_| false)),
            (json!({ "receivedFrom": "2018-01-10", "receivedTo": "2018-01-12" }), Box::new(|node| {
                ("2018-01-10"..="2018-01-12").contains(&node["received"]["on"].as_str().expect("a day"))
            })),
            (json!({ "externalReference": { "system": "council", "id": "A-06" } }), Box::new(|node| node["reference"] == "A-06")),
            (json!({ "externalReference": { "system": "portal", "id": "A-06" } }), Box::new(|_| false)),
            (json!({ "referenceBegins": "B-1" }), Box::new(|node| text(&node["reference"]).starts_with("B-1"))),
            (json!({ "referenceBegins": "b-1" }), Box::new(|_| false)),
            (json!({ "subject": subject }), Box::new(|node| node["subject"]["id"] == subject)),
            (json!({ "recency": "1 week or less" }), Box::new(|node| days(node).is_some_and(|days| days <= 7))),
            (json!({ "recency": "1-2 weeks" }), Box::new(|node| days(node).is_some_and(|days| (8..=14).contains(&days)))),
            (json!({ "recency": "No contact yet" }), Box::new(|node| node["daysSinceContact"].is_null())),
            (json!({ "contract": SHPS }), Box::new(|_| true)),
            (json!({ "area": "brent", "state": "ON_CASELOAD", "keyworker": workers[0], "recency": "1-2 weeks" }), Box::new(|node| {
                node["area"] == "brent" && node["onCaseload"] == true && of_worker(node, &[&workers[0]])
                    && days(node).is_some_and(|days| (8..=14).contains(&days))
            })),
        ];
        for (filter, fits) in filters {
            let fitting: Vec<String> =
                every.iter().filter(|node| fits(node)).map(|node| text(&node["reference"])).collect();
            let found = search(app, json!({ "filter": filter })).await;
            assert_eq!(references(&found), fitting, "{filter}");
            assert_eq!(found["totalCount"], fitting.len(), "{filter}");
            // The caseload is the same list of fewer journeys.
            let document = "query($filter: JourneyFilter) { contract(code: \"shps\") { caseload(filter: $filter, first: 200) { \
                            totalCount nodes { reference } } } }";
            let caseload = app.ask(&manager(), document, json!({ "filter": filter })).await;
            let on_caseload = every.iter().filter(|node| node["onCaseload"] == true && fits(node));
            let on_caseload: Vec<String> = on_caseload.map(|node| text(&node["reference"])).collect();
            assert_eq!(references(&caseload["contract"]["caseload"]), on_caseload, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn journeys_come_in_the_order_that_is_asked_for() {
    on_both_stores(async |app| {
        field(app).await;
        let node = |list: &Value, key: &dyn Fn(&Value) -> Value| -> Vec<Value> {
            list["nodes"].as_array().expect("nodes").iter().map(key).collect()
        };
        // No contact yet is longer than any number of days.
        let days: Key = |node| node["daysSinceContact"].as_i64().unwrap_or(i64::MAX).into();
        let orders: [(&str, Key); 3] = [
            ("REFERENCE", |node| node["reference"].clone()),
            ("RECEIVED", |node| node["received"]["on"].clone()),
            ("DAYS_SINCE_CONTACT", days),
        ];
        for (by, key) in orders {
            let mut expected: Option<Vec<Value>> = None;
            for direction in ["ASC", "DESC"] {
                let mut found =
                    node(&search(app, json!({ "orderBy": { "by": by, "direction": direction } })).await, &key);
                assert_eq!(found.len(), 24);
                if direction == "DESC" {
                    found.reverse();
                }
                let sorted = found.windows(2).all(|pair| {
                    pair[0]
                        .as_i64()
                        .zip(pair[1].as_i64())
                        .map_or_else(|| pair[0].as_str() <= pair[1].as_str(), |(one, other)| one <= other)
                });
                assert!(sorted, "{by} {direction}: {found:?}");
                assert_eq!(expected.get_or_insert_with(|| found.clone()), &found, "{by} {direction}");
            }
        }
    })
    .await;
}

/// Reads a list to its end, page by page, doing something after each page.
async fn pages(app: &TestApp, variables: &Value, between: impl AsyncFn(usize)) -> Vec<String> {
    let (mut found, mut after, mut turn) = (Vec::new(), Value::Null, 0);
    loop {
        let page = search(app, with(variables.clone(), json!({ "after": after }))).await;
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        found.extend(references(&page));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return found;
        }
        between(turn).await;
        turn += 1;
    }
}

#[tokio::test]
async fn a_list_is_paged_without_repeats_or_gaps_while_cases_are_added() {
    on_both_stores(async |app| {
        field(app).await;
        let orders =
            [Value::Null, json!({ "by": "RECEIVED", "direction": "DESC" }), json!({ "by": "DAYS_SINCE_CONTACT" })];
        for (nth, order) in orders.into_iter().enumerate() {
            let variables = json!({ "orderBy": order, "first": 5 });
            let before = references(&search(app, json!({ "orderBy": order })).await);
            assert_eq!(pages(app, &variables, async |_| ()).await, before);
            let found = pages(app, &variables, async |turn| {
                app.receive_referral("2018-01-15", &format!("A-0{turn}-new-{nth}")).await;
                app.receive_referral("2018-02-15", &format!("Z-{turn}-new-{nth}")).await;
            })
            .await;
            let once: BTreeSet<&String> = found.iter().collect();
            assert_eq!(once.len(), before.len() + found.iter().filter(|reference| !before.contains(reference)).count());
            let old: Vec<&String> = found.iter().filter(|reference| before.contains(reference)).collect();
            assert_eq!(old, before.iter().collect::<Vec<_>>(), "none is left out and none comes twice");
        }
    })
    .await;
}

#[tokio::test]
async fn one_search_goes_over_every_contract_in_scope() {
    on_both_stores(async |app| {
        for (n, contract) in [(1, SHPS), (2, MST), (3, SHPS), (4, MST), (5, MST)] {
            let who = if contract == SHPS { manager() } else { other_manager() };
            let input = json!({
                "contract": contract, "area": if contract == SHPS { "brent" } else { "mid" }, "occurredOn": format!("2018-02-0{n}"),
                "externalReferences": [{ "system": "council", "id": format!("N-{n}") }],
            });
            app.done(&who, "receiveReferral", input).await;
        }
        let both = test_caller(Role::Manager, "both", &[SHPS, MST]);
        for (order, expected) in [
            (Value::Null, ["N-1", "N-2", "N-3", "N-4", "N-5"]),
            (json!({ "by": "RECEIVED", "direction": "DESC" }), ["N-5", "N-4", "N-3", "N-2", "N-1"]),
        ] {
            let (mut found, mut after) = (Vec::new(), Value::Null);
            loop {
                let variables = json!({ "orderBy": order, "first": 2, "after": after });
                let page = app.ask(&both, SEARCH, variables).await["journeys"].clone();
                assert_eq!(page["totalCount"], 5);
                found.extend(references(&page));
                after = page["pageInfo"]["endCursor"].clone();
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            assert_eq!(found, expected);
        }
        assert_eq!(references(&search(app, json!({})).await), ["N-1", "N-3"]);
        let of = async |code: &str| app.answer(&manager(), SEARCH, json!({ "filter": { "contract": code } })).await;
        let (elsewhere, nowhere) = (of(MST).await, of("nothing").await);
        assert_eq!((elsewhere.codes(), elsewhere.body), (vec!["BAD_USER_INPUT".to_owned()], nowhere.body));
        // A row of one contract's board: the other contract's journeys are in none of that name.
        let of_both = app.ask(&both, SEARCH, json!({ "filter": { "recency": "No contact yet" } })).await;
        assert!(of_both["journeys"]["totalCount"].as_i64() >= Some(2));
    })
    .await;
}

#[tokio::test]
async fn a_list_of_a_past_day_is_as_it_was() {
    on_both_stores(async |app| {
        field(app).await;
        let document = "query($asOf: Date!) { contract(code: \"shps\", at: { asOf: $asOf }) { \
                        journeys(first: 200) { totalCount nodes { reference asOf stage { code } onCaseload } } \
                        closed: journeys(filter: { state: CLOSED }) { totalCount } caseload { totalCount } } }";
        let on = async |day: &str| app.ask(&manager(), document, json!({ "asOf": day })).await["contract"].clone();
        let early = on("2018-01-04").await;
        let nodes = early["journeys"]["nodes"].as_array().expect("nodes");
        assert_eq!((nodes.len(), &nodes[0]["asOf"]), (3, &json!("2018-01-04")));
        assert!(nodes.iter().all(|node| node["onCaseload"] == false && node["stage"]["code"] == "referral"));
        let (before, after) = (on("2018-02-26").await, on("2018-02-27").await);
        assert_eq!((&before["closed"]["totalCount"], &after["closed"]["totalCount"]), (&json!(0), &json!(3)));
        let count = |board: &Value| board["caseload"]["totalCount"].as_i64().expect("a count");
        assert_eq!(count(&before), count(&after) + 3);
    })
    .await;
}

fn refused(answer: &Answer, code: &str, words: &str) {
    assert_eq!(answer.codes(), [code], "{}", answer.body);
    assert!(answer.body.contains(words), "{words}: {}", answer.body);
}

#[tokio::test]
async fn a_wrong_question_says_what_to_ask_instead() {
    on_both_stores(async |app| {
        for n in 0..3 {
            app.receive_referral("2018-02-01", &format!("BR-{n}")).await;
        }
        let ask = async |variables: Value| app.answer(&manager(), SEARCH, variables).await;
        let page = search(app, json!({ "first": 1 })).await;
        let cursor = page["pageInfo"]["endCursor"].clone();
        assert_eq!(search(app, json!({ "first": 1, "after": cursor })).await["nodes"][0]["reference"], "BR-1");
        let other_lists = [
            json!({ "after": "nonsense" }),
            json!({ "after": "" }),
            json!({ "after": cursor, "filter": { "area": "brent" } }),
            json!({ "after": cursor, "orderBy": { "by": "RECEIVED" } }),
            json!({ "after": cursor, "orderBy": { "by": "REFERENCE", "direction": "DESC" } }),
        ];
        for variables in other_lists {
            refused(&ask(variables).await, "BAD_USER_INPUT", "this cursor belongs to a different list");
        }
        let document = "query($after: String) { contract(code: \"shps\") { caseload(after: $after) { totalCount } } }";
        let foreign = app.answer(&manager(), document, json!({ "after": cursor })).await;
        refused(&foreign, "BAD_USER_INPUT", "this cursor belongs to a different list");
        for first in [0, 201, -1] {
            assert_eq!(ask(json!({ "first": first })).await.codes(), ["BAD_USER_INPUT"], "{first}");
        }
        assert_eq!(ask(json!({ "first": 200 })).await.codes(), Vec::<String>::new());
        refused(&ask(json!({ "filter": { "recency": "soon" } })).await, "BAD_USER_INPUT", "1 week or less");
        refused(&ask(json!({ "filter": { "area": "b\u{0}" } })).await, "BAD_USER_INPUT", "NUL");
        let keyworker = json!({ "filter": { "unassigned": true, "keyworker": crate::app::new_id() } });
        refused(&ask(keyworker).await, "BAD_USER_INPUT", "not both");
        let twice =
            "{ contract(code: \"shps\") { caseload(area: \"brent\", filter: { area: \"brent\" }) { totalCount } } }";
        refused(&app.answer(&manager(), twice, json!({})).await, "BAD_USER_INPUT", "given twice");
        let elsewhere = "{ contract(code: \"shps\") { journeys(filter: { contract: \"mst-essex\" }) { totalCount } } }";
        refused(&app.answer(&manager(), elsewhere, json!({})).await, "BAD_USER_INPUT", "leave contract out");
    })
    .await;
}

#[tokio::test]
async fn a_commissioner_lists_by_pseudonyms_alone() {
    on_both_stores(async |app| {
        for (n, reference) in [(3, "SECRET-1"), (1, "SECRET-2"), (2, "SECRET-3")] {
            app.receive_referral(&format!("2018-02-0{n}"), reference).await;
        }
        let who = test_caller(Role::Commissioner, "commissioner", &[SHPS]);
        let found = app.answer(&who, SEARCH, json!({ "first": 2 })).await;
        assert_eq!(found.codes(), Vec::<String>::new(), "{}", found.body);
        let list = found.json()["data"]["journeys"].clone();
        let received: Vec<&Value> =
            list["nodes"].as_array().expect("nodes").iter().map(|node| &node["received"]["on"]).collect();
        assert_eq!(received, ["2018-02-01", "2018-02-02"]);
        assert!(list["nodes"][0]["reference"].is_null() && !list["nodes"][0]["id"].is_null());
        let told = app
            .answer(
                &who,
                "{ journeys { edges { cursor node { timeline { event { payload record actor { subject } \
             source { recordId } type } } } } } }",
                json!({}),
            )
            .await;
        assert_eq!(told.codes(), Vec::<String>::new(), "{}", told.body);
        let edges = told.json()["data"]["journeys"]["edges"].clone();
        for edge in edges.as_array().expect("edges") {
            use base64::Engine as _;
            let cursor =
                base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text(&edge["cursor"])).expect("base 64");
            assert!(!String::from_utf8_lossy(&cursor).contains("SECRET"), "a cursor tells the reference");
            assert_eq!(edge["node"]["timeline"][0]["event"]["type"], "ReferralReceived");
        }
        assert!(!told.body.contains("SECRET") && !told.body.contains("manager"), "{}", told.body);
        for variables in [
            json!({ "filter": { "referenceBegins": "SECRET" } }),
            json!({ "filter": { "externalReference": { "system": "council", "id": "SECRET-1" } } }),
            json!({ "orderBy": { "by": "REFERENCE" } }),
        ] {
            refused(&app.answer(&who, SEARCH, variables).await, "FORBIDDEN", "you may not see case numbers");
        }
    })
    .await;
}

#[tokio::test]
async fn whose_cases_a_keyworker_lists_does_not_depend_on_how_they_ask() {
    on_both_stores(async |app| {
        let workers = field(app).await;
        let who = keyworker("kw-3");
        let every = app.ask(&manager(), SEARCH, json!({})).await["journeys"]["nodes"].clone();
        let sees = |node: &Value| node["keyworker"].is_null() || node["keyworker"]["id"] == workers[2].as_str();
        let own: Vec<String> = every
            .as_array()
            .expect("nodes")
            .iter()
            .filter(|node| sees(node))
            .map(|node| text(&node["reference"]))
            .collect();
        assert!(own.len() > 6 && own.len() < 24);
        for variables in [
            json!({}),
            json!({ "orderBy": { "by": "DAYS_SINCE_CONTACT" } }),
            json!({ "orderBy": { "by": "RECEIVED", "direction": "DESC" } }),
        ] {
            let found = app.ask(&who, SEARCH, variables).await["journeys"].clone();
            assert_eq!(found["totalCount"], own.len());
            let found: BTreeSet<String> = references(&found).into_iter().collect();
            assert_eq!(found, own.iter().cloned().collect());
        }
        let of_another = json!({ "filter": { "keyworker": workers[0] } });
        assert_eq!(app.ask(&who, SEARCH, of_another).await["journeys"]["totalCount"], 0);
    })
    .await;
}
