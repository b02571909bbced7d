//! What is read of a journey by its story or by its row, and whether anybody has read it before: the answer is the
//! same, whoever appended meanwhile. Over HTTP on both stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{
    SHPS, TestApp, call, keyworker, manager, new_id, on_both_stores, other_manager, test_caller, text, with,
};
use crate::relations::leaves;

const JOURNEY: &str = "query($id: UUID!, $at: JourneyAt) { journey(id: $id, at: $at) { version position daysSinceContact \
     timeline { event { id version type } amendedBy { id } } viewerCan { logContact { allowed } } } }";
const LOG: &str = "mutation($input: LogContactInput!) { logContact(input: $input) { position journey { version } \
     problems { code } } }";

#[tokio::test]
async fn a_cached_case_follows_the_events_that_any_server_appends() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-1").await;
        let journey = app.receive_referral("2018-02-01", "A-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        let servers = [app.router(), app.another()];
        let (who, mut earlier) = (manager(), Vec::new());
        for nth in 0..6_usize {
            // All of them have read it, and remember it if they remember anything.
            let mut answers = Vec::new();
            for server in servers.iter().chain([&app.another()]) {
                answers.push(app.ask_of(server, &who, JOURNEY, json!({ "id": journey })).await["journey"].clone());
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
            let version = answers[0]["version"].as_i64().expect("a version");
            let input = with(json!({ "commandId": new_id() }), call(&journey, &format!("2018-02-{:02}", 10 + nth)));
            let logged =
                app.ask_of(&servers[nth % 2], &who, LOG, json!({ "input": input })).await["logContact"].clone();
            assert_eq!(logged["journey"]["version"], version + 1, "{logged}");
            earlier.push(answers.swap_remove(0));
        }
        for then in earlier {
            let at = json!({ "position": then["position"] });
            for server in &servers {
                let again = app.ask_of(server, &who, JOURNEY, json!({ "id": journey, "at": at })).await;
                assert_eq!(again["journey"], then, "as it was known then");
            }
        }
        for server in &servers {
            let outside = app.ask_of(server, &other_manager(), JOURNEY, json!({ "id": journey })).await;
            assert_eq!(outside["journey"], Value::Null, "to be remembered is not to be shown");
        }
    })
    .await;
}

/// All that rows hold of a journey.
const HELD: &str = "id contract asOf reference area stage { code label } keyworker { id label } daysSinceContact \
     anyone: daysSinceContact(measure: ANYONE) timeSinceContact { atLeast atMost }";

/// The nodes of both lists of a contract on a day, by a selection.
async fn listed(app: &TestApp, who: &Principal, (as_of, nodes): (&str, &str)) -> Vec<Value> {
    let document = format!(
        "query($code: String!, $asOf: Date!) {{ contract(code: $code, at: {{ asOf: $asOf }}) {{ \
         caseload(first: 200) {{ {nodes} }} journeys(first: 200) {{ {nodes} }} }} }}"
    );
    let contract = app.ask(who, &document, json!({ "code": SHPS, "asOf": as_of })).await["contract"].clone();
    let lists = ["caseload", "journeys"].map(|list| contract[list].clone());
    lists.into_iter().flat_map(|list| list["nodes"].as_array().expect("nodes").clone()).collect()
}

#[tokio::test]
async fn a_page_read_from_view_rows_equals_the_page_read_by_replaying() {
    on_both_stores(async |app| {
        let workers = [app.add_worker("kw-1").await, app.add_worker("kw-2").await];
        for nth in 0..9_usize {
            let journey = app.receive_referral(&format!("2018-01-{:02}", 3 + nth), &format!("A-{nth}")).await;
            if nth % 4 > 0 {
                app.take_on(&journey, &workers[nth % 2], &format!("2018-01-{:02}", 12 + nth)).await;
            }
            if nth % 3 > 0 {
                app.log_contact(&manager(), call(&journey, &format!("2018-02-{:02}", 3 + nth))).await;
            }
            if nth % 4 == 1 {
                let input = json!({ "journey": journey, "occurredOn": "2018-02-20", "kind": "php" });
                app.done(&manager(), "agreePlan", input).await;
            }
        }
        leaves(app, &workers[1], "2018-02-16").await;
        let commissioner = test_caller(Role::Commissioner, "council", &[SHPS]);
        for who in [manager(), keyworker("kw-1"), commissioner] {
            for as_of in ["2018-01-05", "2018-01-20", "2018-02-10", "2018-02-21", "2018-03-01"] {
                let by_rows = listed(app, &who, (as_of, &format!("nodes {{ {HELD} }}"))).await;
                assert!(!by_rows.is_empty());
                // Each of these asks for more than a row holds.
                for more in ["version", "stage { reached { on } }", "own: daysSinceContact(measure: KEYWORKER)"] {
                    let mut by_stories = listed(app, &who, (as_of, &format!("nodes {{ {HELD} {more} }}"))).await;
                    for node in &mut by_stories {
                        let node = node.as_object_mut().expect("a journey");
                        node.retain(|name, _| !["version", "own"].contains(&name.as_str()));
                        if let Some(stage) = node["stage"].as_object_mut() {
                            stage.remove("reached");
                        }
                    }
                    assert_eq!(by_stories, by_rows, "{more} on {as_of}");
                }
                let spread = format!("edges {{ node {{ ... on Journey {{ version }} }} }} nodes {{ {HELD} }}");
                assert_eq!(listed(app, &who, (as_of, &spread)).await, by_rows, "with edges on {as_of}");
            }
        }
        let kept = listed(app, &manager(), ("2018-03-01", "nodes { id keyworker { id } stage { code } }")).await;
        assert!(kept.iter().any(|node| text(&node["stage"]["code"]) != "referral"));
        assert!(kept.iter().all(|node| node["keyworker"]["id"] != json!(workers[1])), "who has left holds nothing");
    })
    .await;
}
