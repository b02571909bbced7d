//! A batch of more claims than a page shows, over GraphQL on both stores: proposed, submitted, accepted and paid.

use futures_util::future::join_all;
use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{SHPS, TestApp, manager, on_both_stores, test_caller, text};

/// More than one page, and more than judging keeps in one piece.
const CLAIMS: usize = 300;

fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "commissioner", &[SHPS])
}

/// A journey whose plan can be claimed.
async fn planned(app: &TestApp, nth: usize) {
    let journey = app.receive_referral("2018-01-02", &format!("HB-{nth:05}")).await;
    let input = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-01-09" });
    app.done(&manager(), "agreePlan", input).await;
}

/// What stands in the pages of a list of the contract, all of it.
async fn all(app: &TestApp, list: impl Fn(&str) -> String, within: impl Fn(&Value) -> Value) -> Vec<Value> {
    let (mut nodes, mut after) = (Vec::new(), "null".to_owned());
    loop {
        let page = format!("first: 200, after: {after}");
        let answer =
            app.ask(&manager(), &format!("{{ contract(code: \"{SHPS}\") {{ {} }} }}", list(&page)), json!({})).await;
        let page = within(&answer["contract"]);
        nodes.extend(page["nodes"].as_array().expect("nodes").iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            assert_eq!(page["totalCount"], nodes.len());
            return nodes;
        }
        after = page["pageInfo"]["endCursor"].to_string();
    }
}

#[tokio::test]
async fn more_claims_than_a_page_shows_go_in_one_batch_and_are_paid() {
    on_both_stores(async |app: &TestApp| {
        join_all((0..CLAIMS).map(|nth| planned(app, nth))).await;
        let paged = "pageInfo { hasNextPage endCursor } totalCount";
        let claimable = all(
            app,
            |page| format!("claims(status: [CLAIMABLE], {page}) {{ nodes {{ id amount {{ amount }} }} {paged} }}"),
            |contract| contract["claims"].clone(),
        );
        let claims = claimable.await;
        let ids: Vec<&Value> = claims.iter().map(|claim| &claim["id"]).collect();
        assert_eq!(ids.len(), CLAIMS);
        let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": SHPS })).await["batch"]["id"]);
        let submitted = app.done(&manager(), "submitBatch", json!({ "batch": batch, "claims": ids })).await;
        assert_eq!(submitted["batch"]["state"], "SUBMITTED");
        let lines = all(
            app,
            |page| format!("batches {{ nodes {{ lines({page}) {{ nodes {{ claim state }} {paged} }} }} }}"),
            |contract| contract["batches"]["nodes"][0]["lines"].clone(),
        );
        let lines = lines.await;
        let claimed: Vec<&Value> = lines.iter().map(|line| &line["claim"]).collect();
        assert_eq!(claimed, ids, "in the order in which they were named");
        let accept = json!({ "batch": batch, "claims": ids, "decision": "ACCEPT" });
        app.done(&commissioner(), "decideClaim", accept).await;
        let amount = |claim: &Value| json!({ "claim": claim["id"], "amount": claim["amount"]["amount"] });
        let amounts: Vec<Value> = claims.iter().map(amount).collect();
        let paid = app.done(&manager(), "recordPayment", json!({ "batch": batch, "amounts": amounts })).await;
        assert_eq!(paid["batch"]["state"], "SETTLED");
        let after =
            "claims(status: [CLAIMABLE, PAID], first: 1) { nodes { status history { claim state } } totalCount }";
        let answer = app.ask(&manager(), &format!("{{ contract(code: \"{SHPS}\") {{ {after} }} }}"), json!({})).await;
        let of_contract = &answer["contract"]["claims"];
        assert_eq!((&of_contract["totalCount"], &of_contract["nodes"][0]["status"]), (&json!(CLAIMS), &json!("PAID")));
        assert_eq!(of_contract["nodes"][0]["history"][0]["state"], "ACCEPTED");
    })
    .await;
}
