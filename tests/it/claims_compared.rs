//! Claims from two points of view: which differ, by how much, and which events or rules made them.

use serde_json::{Value, json};

use crate::app::{TestApp, administrator};
use crate::claims::{CODE, claims, manager, on_both_stores, open_batch, planned, submit};
use crate::known::switched;

async fn compared(app: &TestApp, a: &Value, b: &Value, first: u32, after: Option<&str>) -> Value {
    let document = "query($code: String!, $a: ViewPoint!, $b: ViewPoint!, $first: Int!, $after: String) { \
         compareViews(contract: $code, a: $a, b: $b) { claims(first: $first, after: $after) { totalCount \
         delta { amount currency } pageInfo { hasNextPage endCursor } nodes { id moved a { status } b { status } \
         delta { amount } events { type } rules } } } }";
    let variables = json!({ "code": CODE, "a": a, "b": b, "first": first, "after": after });
    app.ask(&manager(), document, variables).await["compareViews"]["claims"].clone()
}

fn states(node: &Value) -> [&Value; 4] {
    [&node["moved"], &node["a"]["status"], &node["b"]["status"], &node["delta"]["amount"]]
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_differ_are_named_with_the_events_or_the_rules_that_made_them() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let (journey, plan) = planned(app, "2018-01-05").await;
        planned(app, "2018-01-06").await;
        let before = json!({ "position": app.head().await });
        let [first, second] = [0, 1].map(async |at| claims(app, "plan").await[at].0.clone());
        let (first, second) = (first.await, second.await);
        let retract = json!({ "journey": journey, "targets": [plan], "reason": "never agreed" });
        app.done(&manager(), "retractFact", retract).await;
        let batch = open_batch(app).await;
        submit(app, &batch, std::slice::from_ref(&second)).await;
        let after = json!({ "position": app.head().await });

        let found = compared(app, &before, &after, 10, None).await;
        assert_eq!(found["totalCount"], 2, "{found:#}");
        assert_eq!(found["delta"], json!({ "amount": "-3000.00", "currency": "GBP" }));
        let of = |claim: &str| {
            let nodes = found["nodes"].as_array().expect("nodes").iter();
            nodes.clone().find(|node| node["id"] == claim).expect("it differs").clone()
        };
        let (lost, moved) = (of(&first), of(&second));
        assert_eq!(states(&lost), [&json!("LOST"), &json!("CLAIMABLE"), &json!("NOT_STARTED"), &json!("-3000.00")]);
        assert_eq!((&lost["events"], &lost["rules"]), (&json!([{ "type": "FactRetracted" }]), &json!([])));
        assert_eq!(states(&moved), [&json!("CHANGED"), &json!("CLAIMABLE"), &json!("SUBMITTED"), &json!("0.00")]);
        assert_eq!((&moved["events"], &moved["rules"]), (&json!([{ "type": "BatchSubmitted" }]), &json!([])));

        let page = compared(app, &before, &after, 1, None).await;
        assert_eq!((&page["nodes"][0], &page["totalCount"]), (&found["nodes"][0], &json!(2)));
        let rest = compared(app, &before, &after, 1, page["pageInfo"]["endCursor"].as_str()).await;
        assert_eq!((&rest["nodes"][0], &rest["pageInfo"]["hasNextPage"]), (&found["nodes"][1], &json!(false)));
        assert_eq!(compared(app, &after, &after, 10, None).await["nodes"], json!([]));

        let rulebook = include_str!("rulebooks/claims.toml").replace("CROSSING", "partial").replace("REFILL", "true");
        let rulebook = rulebook.replace("\"2018-01\"", "\"2018-02\"").replace("= 2018-01-01", "= 2018-02-01");
        let rulebook = rulebook.replace("3000.00", "2500.00").replace("retroactive = false", "retroactive = true");
        app.done(&administrator(), "publishRulebook", json!({ "contract": CODE, "rulebook": rulebook })).await;
        planned(app, "2018-02-06").await;
        let named = |version: &str| json!({ "rulebook": version, "asOf": "2018-02-28" });
        let found = compared(app, &named("2018-01"), &named("2018-02"), 10, None).await;
        let nodes = found["nodes"].as_array().expect("nodes");
        let new = nodes.iter().find(|node| node["id"] != first && node["id"] != second).expect("the new one");
        assert_eq!((&new["rules"], &new["delta"]["amount"]), (&json!(["tariff"]), &json!("-500.00")), "{found:#}");
        assert_eq!(new["events"], json!([]), "only the rules differ");
        switched(app, CODE, "2018-02").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_one_side_does_not_know_differs_by_its_own_events_and_by_no_rule() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        let before = app.head().await;
        planned(app, "2018-01-06").await;

        let (a, b) = (json!({ "position": before, "asOf": "2018-03-01" }), json!({ "asOf": "2018-03-01" }));
        let found = compared(app, &a, &b, 10, None).await;
        let nodes = found["nodes"].as_array().expect("nodes");
        assert!(!nodes.is_empty());
        for node in nodes {
            assert_eq!((&node["a"], &node["rules"]), (&Value::Null, &json!([])), "{node}");
            assert_eq!(node["events"][0]["type"], "ReferralReceived", "{node}");
        }
        // On a day before its referral there is no such case, whatever is known by now.
        let (a, b) = (json!({ "position": before, "asOf": "2018-01-01" }), json!({ "asOf": "2018-01-01" }));
        assert_eq!(compared(app, &a, &b, 10, None).await["totalCount"], 0);
    })
    .await;
}
