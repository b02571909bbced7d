//! Duties that one person may not combine, with claims of a pack that ships: who verified evidence does not submit the
//! claim, and who submitted does not decide; on both stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::contract::rulebook::packs::pack;

use crate::app::{
    SHPS, TestApp, administrator, call, from_the_instant, keyworker, manager, new_id, on_both_stores, refusals,
    test_caller, text, with,
};

fn chief() -> Principal {
    test_caller(Role::Manager, "Chief", &[SHPS])
}

fn commissioner(login: &str) -> Principal {
    test_caller(Role::Commissioner, login, &[SHPS])
}

/// A home that was secured, with its evidence attached by a keyworker and verified by somebody; answers with the claim.
async fn secured(app: &TestApp, worker: &str, verifier: Option<&Principal>) -> String {
    let journey = app.receive_referral("2018-02-01", &new_id()[..8]).await;
    app.take_on(&journey, worker, "2018-02-02").await;
    app.log_contact(&manager(), call(&journey, "2018-02-05")).await;
    let (spell, evidence) = (new_id(), new_id());
    let start = json!({
        "journey": journey, "spell": spell, "domain": "accommodation", "occurredOn": "2018-02-10",
        "attributes": [{ "name": "secured_as", "value": "new" }],
    });
    app.done(&keyworker("kw-ann"), "startSpell", start).await;
    let attach = json!({
        "journey": journey, "evidence": evidence, "kind": "tenancy_agreement", "datedOn": "2018-02-10",
        "occurredOn": "2018-02-12", "supports": [spell],
    });
    app.done(&keyworker("kw-ann"), "attachEvidence", attach).await;
    if let Some(verifier) = verifier {
        let verify = json!({ "journey": journey, "evidence": evidence, "occurredOn": "2018-02-13" });
        app.done(verifier, "verifyEvidence", verify).await;
    }
    claim_of(app, &journey).await
}

async fn claim_of(app: &TestApp, journey: &str) -> String {
    let document = format!("{{ journey(id: \"{journey}\") {{ claims {{ id outcome status }} }} }}");
    let claims = app.ask(&manager(), &document, json!({})).await["journey"]["claims"].clone();
    let mut claims = claims.as_array().expect("claims").iter();
    let claim = claims.find(|claim| claim["outcome"] == "housing_secured").expect("a claim");
    assert_eq!(claim["status"], "CLAIMABLE", "{claim}");
    text(&claim["id"])
}

/// What somebody may do with a claim.
async fn may(app: &TestApp, who: &Principal, claim: &str, what: &str) -> (bool, String) {
    let document = format!(
        "{{ contract(code: \"{SHPS}\") {{ claims {{ nodes {{ id viewerCan {{ {what} {{ allowed reason }} }} }} }} }} }}"
    );
    let found = app.ask(who, &document, json!({})).await["contract"]["claims"]["nodes"].clone();
    let found = found.as_array().expect("nodes").iter().find(|node| node["id"] == claim).expect("the claim").clone();
    let permission = &found["viewerCan"][what];
    (permission["allowed"] == true, permission["reason"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn who_verified_evidence_does_not_submit_the_claim() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let (own, other) = (secured(app, &ann, Some(&manager())).await, secured(app, &ann, Some(&chief())).await);
        let unverified = secured(app, &ann, None).await;
        let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": SHPS })).await["batch"]["id"]);
        let submit = |claims: &[&String]| json!({ "batch": batch, "claims": claims });
        let refused = app.tell(&manager(), "submitBatch", submit(&[&unverified, &own])).await;
        assert_eq!(refusals(&refused), ["SAME_PERSON"]);
        let problem = &refused["problems"][0];
        assert_eq!(
            (&problem["path"], &problem["rule"]),
            (&json!(["claims", "1"]), &json!("duties.separate: verify/submit"))
        );
        assert_eq!(may(app, &manager(), &other, "submitBatch").await, (true, String::new()));
        let (allowed, reason) = may(app, &manager(), &own, "submitBatch").await;
        assert!(!allowed && reason == text(&problem["message"]), "{reason}");
        app.done(&manager(), "submitBatch", submit(&[&unverified, &other])).await;
        // Another manager submits it. A spelling of the login is no other person.
        let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": SHPS })).await["batch"]["id"]);
        let submit = json!({ "batch": batch, "claims": [own] });
        let spelled = test_caller(Role::Manager, "MANAGER", &[SHPS]);
        assert_eq!(refusals(&app.tell(&spelled, "submitBatch", submit.clone()).await), ["SAME_PERSON"]);
        app.done(&chief(), "submitBatch", submit).await;
    })
    .await;
}

#[tokio::test]
async fn a_verification_is_not_moved_to_a_piece_by_the_person_who_attached_it() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &ann, "2018-02-02").await;
        let (own, other) = (new_id(), new_id());
        for (who, evidence) in [(keyworker("kw-ann"), &own), (manager(), &other)] {
            let attach = json!({
                "journey": journey, "evidence": evidence, "kind": "tenancy_agreement", "datedOn": "2018-02-10",
                "occurredOn": "2018-02-12", "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING", "RECORDED_ALREADY"],
            });
            app.done(&who, "attachEvidence", attach).await;
        }
        let verify = json!({ "journey": journey, "evidence": other, "occurredOn": "2018-02-13" });
        let verified = app.done(&chief(), "verifyEvidence", verify).await["events"][0]["id"].clone();
        let correct = json!({
            "journey": journey, "target": verified, "replacement": { "evidenceVerification": { "evidence": own } },
            "reason": "the other piece was meant",
        });
        let refused = app.tell(&keyworker("kw-ann"), "correctFact", correct.clone()).await;
        assert_eq!(refusals(&refused), ["SAME_PERSON"], "{refused}");
        app.done(&chief(), "correctFact", correct).await;
    })
    .await;
}

#[tokio::test]
async fn who_submitted_claims_does_not_decide_on_them() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let claim = secured(app, &ann, None).await;
        let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": SHPS })).await["batch"]["id"]);
        app.done(&manager(), "submitBatch", json!({ "batch": batch, "claims": [claim] })).await;
        let accept = json!({ "batch": batch, "claims": [claim], "decision": "ACCEPT" });
        let refused = app.tell(&commissioner("Manager"), "decideClaim", accept.clone()).await;
        assert_eq!(refusals(&refused), ["SAME_PERSON"], "whatever their role");
        assert!(!may(app, &commissioner("manager"), &claim, "decideClaim").await.0);
        assert!(may(app, &commissioner("council"), &claim, "decideClaim").await.0);
        app.done(&commissioner("council"), "decideClaim", accept).await;
    })
    .await;
}

#[tokio::test]
async fn a_rulebook_may_leave_the_steps_to_one_person() {
    from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        let lenient = format!("{}\n[duties]\nseparate = []\n", pack(SHPS).expect("a pack").text);
        let input = json!({ "code": SHPS, "name": SHPS, "startsOn": "2017-03-01", "rulebook": lenient });
        app.done(&administrator(), "openContract", input).await;
        let ann = app.add_worker("kw-ann").await;
        let claim = secured(app, &ann, Some(&manager())).await;
        assert_eq!(may(app, &manager(), &claim, "submitBatch").await, (true, String::new()));
        let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": SHPS })).await["batch"]["id"]);
        app.done(&manager(), "submitBatch", json!({ "batch": batch, "claims": [claim] })).await;
        let accept = json!({ "batch": batch, "claims": [claim], "decision": "ACCEPT" });
        app.done(&commissioner("manager"), "decideClaim", accept).await;
    })
    .await;
}

#[tokio::test]
async fn evidence_without_a_digest_does_not_count_where_the_rulebook_requires_one() {
    on_both_stores(async |app| {
        let pack = pack(SHPS).expect("a pack").text;
        let any = "\"council_tax_bill\", \"housing_benefit_letter\"] }";
        assert_eq!(pack.matches(any).count(), 1);
        let strict = pack.replace(any, "\"council_tax_bill\", \"housing_benefit_letter\"], digest = \"required\" }");
        let strict = strict.replace("contract = \"shps\"", "contract = \"strict\"");
        let input = json!({ "code": "strict", "name": "strict", "startsOn": "2017-03-01", "rulebook": strict });
        app.done(&administrator(), "openContract", input).await;
        let who = test_caller(Role::Manager, "strict-manager", &["strict"]);
        let input = json!({ "contract": "strict", "area": "brent", "occurredOn": "2018-02-01" });
        let journey = text(&app.done(&who, "receiveReferral", input).await["journey"]["id"]);
        app.done(&who, "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
        let spell = new_id();
        let start = json!({
            "journey": journey, "spell": spell, "domain": "accommodation", "occurredOn": "2018-02-10",
            "attributes": [{ "name": "secured_as", "value": "new" }],
        });
        app.done(&who, "startSpell", start).await;
        let attach = json!({
            "journey": journey, "kind": "council_tax_bill", "datedOn": "2018-02-10", "occurredOn": "2018-02-12",
            "supports": [spell],
        });
        let document = format!(
            "{{ journey(id: \"{journey}\") {{ claims {{ outcome status untilPayable {{ evidence {{ digest }} }} }} \
             evidence {{ claims(outcome: \"housing_secured\") {{ counts reasons }} }} }} }}"
        );
        let seen = async || {
            let journey = app.ask(&who, &document, json!({})).await["journey"].clone();
            let claims = journey["claims"].as_array().expect("claims").clone();
            let claim = claims.into_iter().find(|claim| claim["outcome"] == "housing_secured").expect("a claim");
            (text(&claim["status"]), claim["untilPayable"]["evidence"]["digest"].clone(), journey["evidence"].clone())
        };
        // A utility bill would count elsewhere, so only this kind is warned of.
        let bare = with(attach.clone(), json!({ "kind": "tenancy_agreement" }));
        let warned = app.tell(&who, "attachEvidence", bare.clone()).await;
        assert_eq!(warned["problems"][0]["code"], "EVIDENCE_WITHOUT_DIGEST", "{warned}");
        let accepted = with(bare, json!({ "acceptWarnings": ["EVIDENCE_WITHOUT_DIGEST"] }));
        app.done(&who, "attachEvidence", accepted).await;
        let (status, digest, evidence) = seen().await;
        assert_eq!((status.as_str(), digest), ("EVIDENCE_MISSING", Value::Bool(true)));
        assert_eq!(evidence[0]["claims"][0], json!({ "counts": false, "reasons": ["NO_DIGEST"] }));
        let whole = with(attach, json!({ "kind": "tenancy_agreement", "sha256": "ab".repeat(32) }));
        app.done(&who, "attachEvidence", whole).await;
        assert_eq!(seen().await.0, "CLAIMABLE");
    })
    .await;
}
