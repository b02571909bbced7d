//! What claims are to each other and to whoever looks at them: the same days funded twice, and what one may do.

use serde_json::{Value, json};
use throughline::access::Role;

use crate::app::{TestApp, administrator, test_caller, text};
use crate::claims::{
    CODE, claims, commissioner, decide, ids, manager, on_both_stores, open_batch, planned, read, submit,
};

/// Whether somebody may do each thing with the claims of an outcome, and why not.
async fn can(app: &TestApp, who: &throughline::access::Principal, outcome: &str) -> Value {
    let each = ["submitBatch", "resubmitClaim", "withdrawClaim", "decideClaim", "recordPayment", "raiseAdjustment"];
    let each: Vec<String> = each.iter().map(|what| format!("{what} {{ allowed reason }}")).collect();
    let fields = format!("claims(outcome: \"{outcome}\") {{ nodes {{ viewerCan {{ {} }} }} }}", each.join(" "));
    read(app, who, &fields).await["claims"]["nodes"][0]["viewerCan"].clone()
}

fn allowed(can: &Value) -> Vec<&str> {
    let can = can.as_object().expect("permissions").iter();
    can.filter(|(_, may)| may["allowed"] == true).map(|(what, _)| what.as_str()).collect()
}

#[tokio::test]
async fn what_one_may_do_with_a_claim_follows_what_was_decided_of_it() {
    on_both_stores("partial", true, async |app: &TestApp| {
        planned(app, "2018-01-05").await;
        let (manager, commissioner) = (manager(), commissioner());
        let open = can(app, &manager, "plan").await;
        assert_eq!(allowed(&open), ["submitBatch"]);
        let said = text(&open["withdrawClaim"]["reason"]);
        assert!(said.ends_with("was not submitted: submit it in a batch first"), "{said}");
        let denied = text(&can(app, &commissioner, "plan").await["submitBatch"]["reason"]);
        assert!(denied.starts_with("the role commissioner may not claim outcomes"), "{denied}");
        let claim = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &claim).await;
        let submitted = can(app, &manager, "plan").await;
        assert_eq!(allowed(&submitted), ["withdrawClaim"]);
        assert!(text(&submitted["submitBatch"]["reason"]).contains("is already in the batch"), "{submitted:#}");
        assert_eq!(allowed(&can(app, &commissioner, "plan").await), ["decideClaim"]);
        decide(app, &batch, &claim, json!({ "decision": "QUERY", "remark": "which plan?" })).await;
        assert_eq!(allowed(&can(app, &manager, "plan").await), ["resubmitClaim", "withdrawClaim"]);
        decide(app, &batch, &claim, json!({ "decision": "ACCEPT" })).await;
        assert_eq!(allowed(&can(app, &manager, "plan").await), ["raiseAdjustment", "recordPayment"]);
        for attempts_left in [true, false] {
            decide(app, &batch, &claim, json!({ "decision": "REJECT", "defect": "no_payslip" })).await;
            let can = can(app, &manager, "plan").await;
            assert_eq!(can["resubmitClaim"]["allowed"], attempts_left, "{can:#}");
            if attempts_left {
                app.done(&manager, "resubmitClaim", json!({ "batch": batch, "claims": claim })).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn batches_come_page_by_page() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let mut opened = Vec::new();
        for _ in 0..3 {
            opened.push(open_batch(app).await);
        }
        let page = async |arguments: &str| {
            let fields = format!(
                "batches({arguments}) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage endCursor }} \
                edges {{ cursor node {{ id }} }} }}"
            );
            read(app, &manager(), &fields).await["batches"].clone()
        };
        let first = page("first: 2").await;
        assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
        assert_eq!(first["edges"][1]["node"]["id"], json!(opened[1]));
        let after = text(&first["pageInfo"]["endCursor"]);
        let rest = page(&format!("first: 2, after: \"{after}\"")).await;
        assert_eq!(rest["edges"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&rest["edges"][0]["node"]["id"], &rest["pageInfo"]["hasNextPage"]),
            (&json!(opened[2]), &json!(false))
        );
        let other =
            format!("{{ contract(code: \"{CODE}\") {{ batches(state: OPEN, after: \"{after}\") {{ totalCount }} }} }}");
        assert_eq!(
            app.answer(&manager(), &other, json!({})).await.codes(),
            ["BAD_USER_INPUT"],
            "a cursor is of its list"
        );
    })
    .await;
}

#[tokio::test]
async fn one_person_in_two_contracts_same_outcome_class_overlapping_counted_days() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let elsewhere = include_str!("rulebooks/claims.toml")
            .replace("CROSSING", "partial")
            .replace("REFILL", "true")
            .replace("contract = \"claims\"", "contract = \"elsewhere\"");
        let input = json!({ "code": "elsewhere", "name": "x", "startsOn": "2018-01-01", "rulebook": elsewhere });
        app.done(&administrator(), "openContract", input).await;
        let both = test_caller(Role::Manager, "both", &[CODE, "elsewhere"]);
        let mut journeys = Vec::new();
        for (contract, from) in [(CODE, "2018-01-05"), ("elsewhere", "2018-01-20")] {
            let input = json!({ "contract": contract, "area": "brent", "occurredOn": "2018-01-02" });
            let journey = text(&app.done(&both, "receiveReferral", input).await["journey"]["id"]);
            let input = json!({ "journey": journey, "domain": "employment", "hoursPerWeek": "20", "occurredOn": from });
            app.done(&both, "startSpell", input).await;
            let document = format!("{{ journey(id: \"{journey}\") {{ subject {{ id }} }} }}");
            let subject = text(&app.ask(&both, &document, json!({})).await["journey"]["subject"]["id"]);
            journeys.push((journey, subject));
        }
        let flagged = async |who: &throughline::access::Principal| {
            let fields = "claims(outcome: \"job\") { nodes { status doubleFunding { class contract journeyId status \
                days { first last } } } }";
            read(app, who, fields).await["claims"]["nodes"][0].clone()
        };
        assert_eq!(flagged(&both).await["doubleFunding"], json!([]), "two people, as far as is known");
        let link = json!({ "subject": journeys[0].1, "with": journeys[1].1, "reason": "one person", "occurredOn": "2018-01-02" });
        app.done(&both, "linkSubjects", link).await;
        let twice = flagged(&both).await;
        let expected = json!([{
            "class": "employment", "contract": "elsewhere", "journeyId": journeys[1].0, "status": "EVIDENCE_MISSING",
            "days": { "first": "2018-01-20", "last": "2018-02-01" },
        }]);
        assert_eq!((&twice["doubleFunding"], &twice["status"]), (&expected, &json!("EVIDENCE_MISSING")), "both evaluate");
        let nameless = json!([{
            "class": "employment", "contract": null, "journeyId": null, "status": null,
            "days": { "first": "2018-01-20", "last": "2018-02-01" },
        }]);
        for who in [manager(), commissioner()] {
            assert_eq!(flagged(&who).await["doubleFunding"], nameless, "who may not see the other hears class and days");
        }
        let auditor = test_caller(Role::Auditor, "auditor", &[CODE]);
        assert_eq!(flagged(&auditor).await["doubleFunding"], json!([]), "who neither claims nor pays hears nothing");
        let dismissal = json!({ "contract": CODE, "class": "employment", "journey": journeys[0].0, "other": journeys[1].0,
            "reason": "other hours of the week" });
        app.done(&both, "dismissDoubleFunding", dismissal).await;
        assert_eq!(flagged(&both).await["doubleFunding"], json!([]));
    })
    .await;
}
