//! Claims and batches over GraphQL, on both stores: the sums and lines of the cases about money that cross claims.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{TestApp, administrator, from_the_instant, new_id, refusals, test_caller, text, with};

pub(crate) const CODE: &str = "claims";
const BEGINS: &str = "2018-03-01T09:00:00Z";

pub(crate) fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[CODE])
}

pub(crate) fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "commissioner", &[CODE])
}

/// Runs a test on both stores, on a contract whose cap is crossed and filled again in this way.
pub(crate) async fn on_both_stores(crossing: &str, refill: bool, test: impl AsyncFn(&TestApp)) {
    from_the_instant(BEGINS, async |app: &TestApp| {
        let rulebook = include_str!("rulebooks/claims.toml");
        let rulebook = rulebook.replace("CROSSING", crossing).replace("REFILL", &refill.to_string());
        let input = json!({ "code": CODE, "name": CODE, "startsOn": "2018-01-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        test(app).await;
    })
    .await;
}

pub(crate) async fn journey(app: &TestApp) -> String {
    let input = json!({ "contract": CODE, "area": "brent", "occurredOn": "2018-01-02" });
    text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"])
}

/// A journey with a plan agreed on a day; answers with the journey and the event.
pub(crate) async fn planned(app: &TestApp, on: &str) -> (String, String) {
    let journey = journey(app).await;
    let input = json!({ "journey": journey, "kind": "php", "occurredOn": on });
    let event = text(&app.done(&manager(), "agreePlan", input).await["events"][0]["id"]);
    (journey, event)
}

pub(crate) async fn open_batch(app: &TestApp) -> String {
    text(&app.done(&manager(), "openBatch", json!({ "contract": CODE })).await["batch"]["id"])
}

pub(crate) async fn submit(app: &TestApp, batch: &str, claims: &[String]) -> Value {
    app.done(&manager(), "submitBatch", json!({ "batch": batch, "claims": claims })).await
}

pub(crate) async fn decide(app: &TestApp, batch: &str, claims: &[String], decision: Value) -> Value {
    let input = with(json!({ "batch": batch, "claims": claims }), decision);
    app.done(&commissioner(), "decideClaim", input).await
}

pub(crate) async fn accept_and_pay(app: &TestApp, batch: &str, paid: &[(String, &str)]) {
    let claims: Vec<String> = paid.iter().map(|(claim, _)| claim.clone()).collect();
    decide(app, batch, &claims, json!({ "decision": "ACCEPT" })).await;
    let amounts: Vec<Value> = paid.iter().map(|(claim, sum)| json!({ "claim": claim, "amount": sum })).collect();
    app.done(&manager(), "recordPayment", json!({ "batch": batch, "amounts": amounts, "reference": "R-1" })).await;
}

pub(crate) async fn raise(app: &TestApp, batch: &str, proposed: &Value) -> Value {
    let input = json!({
        "batch": batch, "ofBatch": proposed["ofBatch"], "claim": proposed["claim"], "kind": proposed["kind"],
        "amount": proposed["amount"]["amount"], "reason": "as proposed",
    });
    app.done(&manager(), "raiseAdjustment", input).await
}

pub(crate) async fn read(app: &TestApp, who: &Principal, fields: &str) -> Value {
    app.ask(who, &format!("{{ contract(code: \"{CODE}\") {{ {fields} }} }}"), json!({})).await["contract"].clone()
}

/// The claims of an outcome, in the order of their days: id, status and amount.
pub(crate) async fn claims(app: &TestApp, outcome: &str) -> Vec<(String, String, Value)> {
    let fields = format!("claims(outcome: \"{outcome}\") {{ nodes {{ id status amount {{ amount currency }} }} }}");
    let read = read(app, &manager(), &fields).await;
    let nodes = read["claims"]["nodes"].as_array().expect("nodes").iter();
    nodes.map(|node| (text(&node["id"]), text(&node["status"]), node["amount"]["amount"].clone())).collect()
}

pub(crate) fn states(claims: &[(String, String, Value)]) -> Vec<(&str, &str)> {
    claims.iter().map(|(_, status, amount)| (status.as_str(), amount.as_str().unwrap_or("-"))).collect()
}

pub(crate) fn ids(claims: &[(String, String, Value)]) -> Vec<String> {
    claims.iter().map(|(id, ..)| id.clone()).collect()
}

/// What is used of the cap, what is left, and what claims lack because of it.
async fn cap(app: &TestApp) -> [String; 3] {
    let fields = "cap { scope limit { amount } used { amount } headroom { amount } capped { amount } }";
    let cap = read(app, &manager(), fields).await["cap"][0].clone();
    assert_eq!((&cap["scope"], &cap["limit"]["amount"]), (&json!("CONTRACT"), &json!("10000.00")));
    ["used", "headroom", "capped"].map(|what| text(&cap[what]["amount"]))
}

pub(crate) async fn proposed(app: &TestApp) -> Vec<Value> {
    let fields = "proposedAdjustments { claim ofBatch kind amount { amount } }";
    read(app, &manager(), fields).await["proposedAdjustments"].as_array().expect("a list").clone()
}

const BATCH: &str = "id version state due { amount } received { amount } excess { amount } claimed { amount } \
    submitted { on } preparedAt lines { totalCount nodes { claim journeyId outcome achievedOn amount { amount } rulebook \
    derivation submitted { on } attempt state paid { amount } outstanding { amount } } } \
    payments { reference received { event } amounts { claim amount { amount } } } adjustments { id amount { amount } }";

#[tokio::test]
async fn cap_10_000_four_claims_of_3_000_partial_then_the_second_is_clawed_back() {
    for refill in [true, false] {
        on_both_stores("partial", refill, async |app: &TestApp| {
            let mut journeys = Vec::new();
            for on in ["2018-01-05", "2018-01-06", "2018-01-07", "2018-01-08"] {
                journeys.push(planned(app, on).await);
            }
            let four = claims(app, "plan").await;
            let claimable = ["3000.00", "3000.00", "3000.00", "1000.00"].map(|amount| ("CLAIMABLE", amount));
            assert_eq!(states(&four), claimable);
            assert_eq!(cap(app).await, ["0.00", "10000.00", "2000.00"]);
            let batch = open_batch(app).await;
            let fields =
                "batches(state: OPEN) { nodes { id proposal { position claims { totalCount totalAmount { amount } } } } }";
            let open = read(app, &manager(), fields).await["batches"]["nodes"][0].clone();
            assert_eq!(open["proposal"]["claims"], json!({ "totalCount": 4, "totalAmount": { "amount": "10000.00" } }));
            let input = json!({ "batch": batch, "preparedAt": open["proposal"]["position"] });
            let submitted = app.done(&manager(), "submitBatch", input).await;
            assert_eq!(submitted["batch"]["state"], "SUBMITTED");
            assert_eq!(cap(app).await, ["10000.00", "0.00", "2000.00"]);
            let amounts = ["3000.00", "3000.00", "3000.00", "1000.00"];
            let paid: Vec<(String, &str)> = ids(&four).into_iter().zip(amounts).collect();
            accept_and_pay(app, &batch, &paid).await;
            assert_eq!(states(&claims(app, "plan").await)[1], ("PAID", "3000.00"));
            let settled = read(app, &manager(), &format!("batches {{ nodes {{ {BATCH} }} }}")).await["batches"]["nodes"][0].clone();
            assert_eq!(settled["state"], "SETTLED");
            let position = app.head().await;

            let (journey, plan) = &journeys[1];
            let input = json!({ "journey": journey, "targets": [plan], "reason": "never agreed" });
            app.done(&manager(), "retractFact", input).await;
            let clawback = proposed(app).await;
            let expected =
                json!([{ "claim": four[1].0, "ofBatch": batch, "kind": "CLAWBACK", "amount": { "amount": "-3000.00" } }]);
            assert_eq!(json!(clawback), expected, "a clawback that is only proposed frees nothing");
            assert_eq!(cap(app).await[0], "10000.00");
            let next = open_batch(app).await;
            raise(app, &next, &clawback[0]).await;
            if refill {
                assert_eq!(cap(app).await, ["7000.00", "3000.00", "0.00"]);
                let release = proposed(app).await;
                let expected = json!([
                    { "claim": four[3].0, "ofBatch": batch, "kind": "CAP_RELEASE", "amount": { "amount": "2000.00" } }
                ]);
                assert_eq!(json!(release), expected);
                raise(app, &next, &release[0]).await;
                assert_eq!(cap(app).await, ["9000.00", "1000.00", "0.00"]);
            } else {
                assert_eq!(cap(app).await, ["10000.00", "0.00", "2000.00"], "what was taken back stays used: 7,000 are due");
            }
            assert_eq!(proposed(app).await, Vec::<Value>::new());
            let now = read(app, &manager(), &format!("batches {{ nodes {{ {BATCH} }} }}")).await["batches"]["nodes"].clone();
            assert_eq!(now[0], settled, "the closed batch is unchanged");
            assert_eq!(now[1]["due"]["amount"], if refill { "-1000.00" } else { "-3000.00" });
            let document = format!(
                "{{ journey(id: \"{journey}\", at: {{ position: {position} }}) \
                 {{ claims(status: PAID) {{ id amount {{ amount }} batch {{ {BATCH} }} }} }} }}"
            );
            let then = app.ask(&manager(), &document, json!({})).await["journey"]["claims"].clone();
            assert_eq!(then, json!([{ "id": four[1].0, "amount": { "amount": "3000.00" }, "batch": settled }]));
            let reversed = claims(app, "plan").await;
            let second = reversed.iter().find(|claim| claim.0 == four[1].0).expect("its claim");
            assert_eq!((second.1.as_str(), &second.2), ("REVERSED", &json!("0.00")));
        })
        .await;
    }
}

#[tokio::test]
async fn cap_10_000_four_claims_of_3_000_whole() {
    on_both_stores("whole", true, async |app: &TestApp| {
        for on in ["2018-01-05", "2018-01-06", "2018-01-07", "2018-01-08"] {
            planned(app, on).await;
        }
        let four = claims(app, "plan").await;
        assert_eq!(states(&four)[2..], [("CLAIMABLE", "3000.00"), ("CAPPED", "3000.00")]);
        assert_eq!(cap(app).await, ["0.00", "10000.00", "3000.00"]);
        let batch = open_batch(app).await;
        let refused = app.tell(&manager(), "submitBatch", json!({ "batch": batch, "claims": ids(&four) })).await;
        assert_eq!(refusals(&refused), ["CLAIM_NOT_CLAIMABLE"]);
        assert_eq!(refused["problems"][0]["path"], json!(["claims", "3"]));
        submit(app, &batch, &ids(&four)[..3]).await;
        assert_eq!(cap(app).await, ["9000.00", "1000.00", "3000.00"]);
    })
    .await;
}

#[tokio::test]
async fn lower_paid_higher_achieved_then_rejected() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let journey = journey(app).await;
        let achieve = async |level: &str, on: &str| {
            let input = json!({ "journey": journey, "code": "qualification", "level": level, "occurredOn": on });
            app.done(&manager(), "recordAchievement", input).await;
        };
        achieve("entry", "2018-01-10").await;
        let lower = claims(app, "lower").await;
        assert_eq!(states(&lower), [("CLAIMABLE", "900.00")]);
        let first = open_batch(app).await;
        submit(app, &first, &ids(&lower)).await;
        accept_and_pay(app, &first, &[(lower[0].0.clone(), "900.00")]).await;
        achieve("1", "2018-02-10").await;
        let higher = claims(app, "higher").await;
        assert_eq!(states(&higher), [("CLAIMABLE", "600.00")], "the difference");
        let second = open_batch(app).await;
        submit(app, &second, &ids(&higher)).await;
        accept_and_pay(app, &second, &[(higher[0].0.clone(), "600.00")]).await;
        assert_eq!(proposed(app).await, Vec::<Value>::new());
        decide(app, &second, &ids(&higher), json!({ "decision": "REJECT", "defect": "not_eligible" })).await;
        let expected = json!([
            { "claim": higher[0].0, "ofBatch": second, "kind": "CLAWBACK", "amount": { "amount": "-600.00" } }
        ]);
        let difference = proposed(app).await;
        assert_eq!(json!(difference), expected);
        assert_eq!(states(&claims(app, "lower").await), [("PAID", "900.00")], "the lower stands");
        let third = open_batch(app).await;
        raise(app, &third, &difference[0]).await;
        assert_eq!(proposed(app).await, Vec::<Value>::new());
    })
    .await;
}

#[tokio::test]
async fn two_managers_submit_overlapping_batches_at_once() {
    on_both_stores("partial", true, async |app: &TestApp| {
        for on in ["2018-01-05", "2018-01-06", "2018-01-07"] {
            planned(app, on).await;
        }
        let three = ids(&claims(app, "plan").await);
        let (one, other) = (open_batch(app).await, open_batch(app).await);
        let who = manager();
        let (first, second) = tokio::join!(
            app.tell(&who, "submitBatch", json!({ "batch": one, "claims": three[..2] })),
            app.tell(&who, "submitBatch", json!({ "batch": other, "claims": three[1..] })),
        );
        let refused: Vec<String> = [&first, &second].into_iter().flat_map(refusals).collect();
        assert_eq!(refused, ["CLAIM_IN_BATCH"], "{first:#} {second:#}");
        let batches =
            read(app, &manager(), "batches { nodes { lines { nodes { claim } } } }").await["batches"]["nodes"].clone();
        let lines = |at: usize| batches[at]["lines"]["nodes"].as_array().expect("lines").len();
        assert_eq!(lines(0) + lines(1), 2);
    })
    .await;
}

#[tokio::test]
async fn a_claim_is_queried_and_rejected_and_goes_again_as_often_as_it_may() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        let claim = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &claim).await;
        let unsaid = json!({ "batch": batch, "claims": claim, "decision": "REJECT" });
        let unsaid = app.tell(&commissioner(), "decideClaim", unsaid).await;
        assert_eq!((refusals(&unsaid), &unsaid["problems"][0]["path"]), (vec!["MISSING_VALUE".to_owned()], &json!(["defect"])));
        let again = || async { app.tell(&manager(), "resubmitClaim", json!({ "batch": batch, "claims": claim })).await };
        decide(app, &batch, &claim, json!({ "decision": "QUERY", "remark": "which plan?" })).await;
        assert_eq!(refusals(&again().await), Vec::<String>::new());
        for left in [1, 0] {
            decide(app, &batch, &claim, json!({ "decision": "REJECT", "defect": "no_payslip" })).await;
            let expected = if left == 1 { vec![] } else { vec!["NO_ATTEMPTS_LEFT".to_owned()] };
            assert_eq!(refusals(&again().await), expected);
        }
        assert_eq!(states(&claims(app, "plan").await), [("REJECTED", "3000.00")]);
        let fields = "claims(outcome: \"plan\") { nodes { history { attempt state defect remark } } }";
        let history = read(app, &manager(), fields).await["claims"]["nodes"][0]["history"].clone();
        let line = |attempt, state: &str, defect: Value, remark: Value| {
            json!({ "attempt": attempt, "state": state, "defect": defect, "remark": remark })
        };
        let expected = json!([
            line(1, "REPLACED", Value::Null, Value::Null),
            line(2, "REJECTED", json!("no_payslip"), Value::Null),
            line(3, "REJECTED", json!("no_payslip"), Value::Null),
        ]);
        assert_eq!(history, expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_left_until_a_claim_is_payable_and_why_it_is_what_it_is() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let journey = journey(app).await;
        let input = json!({
            "journey": journey, "domain": "employment", "hoursPerWeek": "20", "occurredOn": "2018-02-15",
        });
        let started = text(&app.done(&manager(), "startSpell", input).await["events"][0]["id"]);
        let document = format!(
            "query($asOf: Date) {{ journey(id: \"{journey}\", at: {{ asOf: $asOf }}) {{ claims {{ outcome status \
             amount {{ amount currency }} achievedOn earliestOn \
             untilPayable {{ reason missing earliestOn daysLeft daysCounted daysNeeded countedFrom }} \
             derivation {{ rulebook {{ version }} events {{ id type }} daysCounted gaps {{ from }} hoursBasis hours \
             evidence {{ id }} }} }} }} }}"
        );
        let job = async |as_of: &str| {
            let read = app.ask(&manager(), &document, json!({ "asOf": as_of })).await["journey"]["claims"].clone();
            let all = read.as_array().expect("claims").clone();
            assert_eq!(all.len(), 4, "every outcome of the rulebook: {all:#?}");
            all.into_iter().find(|claim| claim["outcome"] == "job").expect("the job")
        };
        let now = job("2018-03-01").await;
        assert_eq!((&now["status"], &now["earliestOn"]), (&json!("MATURING"), &json!("2018-03-15")));
        let left = json!({
            "reason": null, "missing": [], "earliestOn": "2018-03-15", "daysLeft": 14, "daysCounted": 15,
            "daysNeeded": 28, "countedFrom": "2018-02-15",
        });
        assert_eq!(now["untilPayable"], left);
        assert_eq!(now["derivation"]["events"], json!([{ "id": started, "type": "SpellStarted" }]));
        let later = job("2018-03-20").await;
        assert_eq!((&later["status"], &later["achievedOn"]), (&json!("EVIDENCE_MISSING"), &json!("2018-03-15")));
        assert_eq!(later["untilPayable"]["missing"], json!(["payslip"]));
        let derivation = &later["derivation"];
        assert_eq!((&derivation["daysCounted"], &derivation["hours"]), (&json!(28), &json!("20.00")));
        assert_eq!((&derivation["hoursBasis"], &derivation["gaps"]), (&json!("AVERAGE"), &json!([])));

        app.it_is("2018-03-20T09:00:00Z");
        let input = json!({
            "journey": journey, "kind": "payslip", "datedOn": "2018-03-16", "occurredOn": "2018-03-16",
            "supports": [started],
        });
        app.done(&manager(), "attachEvidence", input).await;
        let shown = job("2018-03-20").await;
        assert_eq!((&shown["status"], &shown["untilPayable"]), (&json!("CLAIMABLE"), &Value::Null));
        assert_eq!(shown["amount"], json!({ "amount": "500.00", "currency": "GBP" }));
        assert_eq!(shown["derivation"]["evidence"].as_array().map(Vec::len), Some(1));
        assert_eq!(job("2018-03-21").await["status"], "ACHIEVED", "what is foreseen is not claimed");
        let document = format!(
            "{{ contract(code: \"{CODE}\", at: {{ asOf: \"2018-03-21\" }}) \
             {{ claims {{ totalCount forecast }} }} }}"
        );
        let ahead = app.ask(&manager(), &document, json!({})).await["contract"]["claims"].clone();
        assert_eq!(ahead, json!({ "totalCount": 4, "forecast": true }));
    })
    .await;
}

#[tokio::test]
async fn claims_are_of_journeys_that_one_may_read_and_batches_are_not_for_keyworkers() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let worker = app.add_worker("kw-ann").await;
        let other = app.add_worker("kw-bob").await;
        crate::relations::set_team(app, 1, "2018-01-01", &[&worker]).await;
        crate::relations::set_team(app, 2, "2018-01-01", &[&other]).await;
        for (worker, on) in [(&worker, "2018-01-05"), (&other, "2018-01-06")] {
            let (journey, _) = planned(app, on).await;
            app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": on })).await;
            let input = json!({ "journey": journey, "worker": worker, "occurredOn": on });
            app.done(&manager(), "assignWorker", input).await;
        }
        let ann = test_caller(Role::Keyworker, "kw-ann", &[CODE]);
        let fields = "claims(status: CLAIMABLE, first: 1) \
            { totalCount pageInfo { hasNextPage endCursor } nodes { achievedOn journey { id reference } } }";
        let own = read(app, &ann, fields).await["claims"].clone();
        assert_eq!((&own["totalCount"], &own["nodes"][0]["achievedOn"]), (&json!(1), &json!("2018-01-05")));
        let seen = read(app, &commissioner(), fields).await["claims"].clone();
        assert_eq!((&seen["totalCount"], &seen["nodes"][0]["journey"]["reference"]), (&json!(2), &Value::Null));
        let after = text(&seen["pageInfo"]["endCursor"]);
        let rest = format!("claims(status: CLAIMABLE, after: \"{after}\") {{ nodes {{ achievedOn }} }}");
        assert_eq!(read(app, &commissioner(), &rest).await["claims"]["nodes"], json!([{ "achievedOn": "2018-01-06" }]));
        let answer = app
            .answer(&ann, &format!("{{ contract(code: \"{CODE}\") {{ batches {{ totalCount }} }} }}"), json!({}))
            .await;
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        let batch = open_batch(app).await;
        let elsewhere = test_caller(Role::Manager, "elsewhere", &["shps"]);
        let refused = app.tell(&elsewhere, "submitBatch", json!({ "batch": batch })).await;
        let unknown = app.tell(&elsewhere, "submitBatch", json!({ "batch": new_id() })).await;
        assert_eq!(refusals(&refused), ["BATCH_NOT_FOUND"]);
        assert_eq!(refused["problems"], unknown["problems"]);
    })
    .await;
}
