//! Who is due to be erased, on both stores: over the API and in the command line, with holds, other contracts, linked
//! records, proposals and roles.

use std::process::Command;

use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};

use crate::app::{
    MST, SHPS, TestApp, administrator, keyworker, manager, new_id, on_both_stores, other_manager, refusals,
    test_caller, text,
};

const DUE: &str = "query($contract: String!, $on: Date, $first: Int, $after: String) { \
    retentionDue(contract: $contract, on: $on, first: $first, after: $after) { totalCount pageInfo { endCursor \
    hasNextPage } nodes { subject endedOn over { class overSince months source illustrative } \
    keptBy { contract because until } holds { placedOn reason } erasable proposed { event ground proposedOn } } } }";

/// A manager who answers for every contract.
fn everywhere() -> Principal {
    test_caller(Role::Manager, "everywhere", &[])
}

/// Registers a person; answers with the id.
async fn person(app: &TestApp) -> String {
    let subject = new_id();
    app.done(&everywhere(), "registerSubject", json!({ "subject": subject, "occurredOn": "2018-02-01" })).await;
    subject
}

/// A case of a person in a contract, on the caseload.
async fn case(app: &TestApp, subject: &str, contract: &str) -> String {
    let area = if contract == SHPS { "brent" } else { "mid" };
    let input = json!({ "contract": contract, "area": area, "subject": subject, "occurredOn": "2018-02-01" });
    let journey = text(&app.done(&everywhere(), "receiveReferral", input).await["journey"]["id"]);
    let input = json!({ "journey": journey, "occurredOn": "2018-02-02" });
    app.done(&everywhere(), "acceptReferral", input).await;
    journey
}

async fn close(app: &TestApp, journey: &str, on: &str) {
    let input = json!({ "journey": journey, "reason": "moved_away", "occurredOn": on });
    app.done(&everywhere(), "closeJourney", input).await;
}

/// A person whose only case in the first contract ended on a day.
async fn closed(app: &TestApp, on: &str) -> String {
    let subject = person(app).await;
    close(app, &case(app, &subject, SHPS).await, on).await;
    subject
}

async fn due(app: &TestApp, who: &Principal, on: &str) -> Vec<Value> {
    let found = app.ask(who, DUE, json!({ "contract": SHPS, "on": on, "first": 200 })).await["retentionDue"].clone();
    let nodes = found["nodes"].as_array().expect("people").clone();
    assert_eq!(found["totalCount"], nodes.len());
    nodes
}

fn subjects(due: &[Value]) -> Vec<String> {
    due.iter().map(|one| text(&one["subject"])).collect()
}

#[tokio::test]
async fn a_person_is_due_when_the_period_after_the_last_case_is_over() {
    on_both_stores(async |app| {
        let subject = closed(app, "2018-02-10").await;
        let again = case(app, &subject, SHPS).await;
        assert_eq!(due(app, &manager(), "2044-02-10").await.len(), 0, "a case is open");
        close(app, &again, "2018-02-20").await;
        assert_eq!(due(app, &manager(), "2024-02-19").await.len(), 0, "the last case counts");
        let found = due(app, &manager(), "2024-02-20").await;
        let over = |class: &str| {
            json!({
                "class": class, "overSince": "2024-02-20", "months": 72, "source": null, "illustrative": true,
            })
        };
        let expected = json!({
            "subject": subject, "endedOn": "2018-02-20", "over": [over("IDENTITY"), over("SPECIAL")], "keptBy": [],
            "holds": [], "erasable": true, "proposed": null,
        });
        assert_eq!(found, [expected]);
    })
    .await;
}

#[tokio::test]
async fn another_contract_keeps_the_person_and_is_named_to_those_who_may_see_it() {
    on_both_stores(async |app| {
        let subject = closed(app, "2018-02-10").await;
        let there = case(app, &subject, MST).await;
        let open = |contract: Value| json!([{ "contract": contract, "because": "OPEN_CASE", "until": null }]);
        for (who, named) in [(manager(), Value::Null), (everywhere(), json!(MST))] {
            let found = due(app, &who, "2024-03-01").await;
            assert_eq!((&found[0]["keptBy"], &found[0]["erasable"]), (&open(named), &json!(false)));
        }
        close(app, &there, "2018-02-28").await;
        let found = due(app, &everywhere(), "2024-02-27").await;
        let runs = json!([{ "contract": MST, "because": "PERIOD_RUNS", "until": "2024-02-28" }]);
        assert_eq!((&found[0]["keptBy"], &found[0]["erasable"]), (&runs, &json!(false)));
        let found = due(app, &everywhere(), "2024-02-28").await;
        assert_eq!((&found[0]["keptBy"], &found[0]["erasable"]), (&json!([]), &json!(true)));
    })
    .await;
}

#[tokio::test]
async fn an_open_case_under_a_linked_record_keeps_both() {
    on_both_stores(async |app| {
        let (one, other) = (closed(app, "2018-02-10").await, person(app).await);
        let there = case(app, &other, SHPS).await;
        assert_eq!(subjects(&due(app, &manager(), "2024-03-01").await), std::slice::from_ref(&one));
        let link = json!({ "subject": one, "with": other, "reason": "the same person", "occurredOn": "2018-03-01" });
        app.done(&everywhere(), "linkSubjects", link).await;
        assert_eq!(due(app, &manager(), "2024-03-01").await.len(), 0);
        close(app, &there, "2018-03-01").await;
        let found = due(app, &manager(), "2024-03-01").await;
        let mut expected = [one, other];
        expected.sort();
        let mut listed = subjects(&found);
        listed.sort();
        assert_eq!(listed, expected, "each record is erased by itself");
        assert!(found.iter().all(|one| one["endedOn"] == "2018-03-01"), "{found:?}");
    })
    .await;
}

/// A partner offers a referral; answers with the ids of the offer and of the offered person.
async fn offered(app: &TestApp, record: &str) -> (String, String) {
    let partner = test_caller(Role::Integrator, "advice-centre", &[SHPS]);
    let input = json!({
        "contract": SHPS, "source": "advice", "record": record, "area": "brent", "occurredOn": "2018-02-10",
    });
    let offer = text(&app.done(&partner, "offerReferral", input).await["offer"]["id"]);
    let document = "query($id: UUID!) { offeredReferral(id: $id) { subject { id } } }";
    let found = app.ask(&manager(), document, json!({ "id": offer })).await;
    let subject = text(&found["offeredReferral"]["subject"]["id"]);
    (offer, subject)
}

#[tokio::test]
async fn an_offered_person_is_due_after_the_decision_and_not_while_one_waits() {
    on_both_stores(async |app| {
        let (declined, subject) = offered(app, "R-1").await;
        let (linked, other) = offered(app, "R-2").await;
        assert_eq!(due(app, &manager(), "2044-03-01").await.len(), 0, "both wait for a decision");
        app.done(&manager(), "declineOffer", json!({ "offer": declined, "reason": "not_eligible" })).await;
        let known = person(app).await;
        let there = case(app, &known, SHPS).await;
        app.done(&manager(), "linkOffer", json!({ "offer": linked, "journey": there })).await;
        assert_eq!(due(app, &manager(), "2024-02-29").await.len(), 0, "the period begins with the decision");
        let found = due(app, &manager(), "2024-03-01").await;
        assert_eq!(subjects(&found), [subject], "the linked person has an open case");
        assert_eq!((&found[0]["endedOn"], &found[0]["erasable"]), (&json!("2018-03-01"), &json!(true)));
        close(app, &there, "2018-03-01").await;
        let listed = subjects(&due(app, &manager(), "2024-03-01").await);
        assert!(listed.len() == 3 && listed.contains(&other) && listed.contains(&known), "{listed:?}");
    })
    .await;
}

#[tokio::test]
async fn a_legal_hold_stands_against_it_until_it_is_lifted() {
    on_both_stores(async |app| {
        let subject = closed(app, "2018-02-10").await;
        let hold = new_id();
        let placed = json!({ "subject": subject, "hold": hold, "reason": "a claim", "occurredOn": "2018-02-15" });
        app.done(&manager(), "placeHold", placed).await;
        let found = due(app, &manager(), "2024-03-01").await;
        assert_eq!(found[0]["holds"], json!([{ "placedOn": "2018-02-15", "reason": "a claim" }]));
        assert_eq!(found[0]["erasable"], false);
        let propose = json!({ "subject": subject, "ground": "RETENTION_ENDED" });
        assert_eq!(refusals(&app.tell(&manager(), "proposeErasure", propose).await), ["LEGAL_HOLD"]);
        let lifted = json!({ "subject": subject, "hold": hold, "reason": "settled", "occurredOn": "2018-03-01" });
        app.done(&manager(), "liftHold", lifted).await;
        let found = due(app, &manager(), "2024-03-01").await;
        assert_eq!((&found[0]["holds"], &found[0]["erasable"]), (&json!([]), &json!(true)));
    })
    .await;
}

#[tokio::test]
async fn what_is_proposed_is_shown_and_what_is_approved_is_no_longer_due() {
    on_both_stores(async |app| {
        let subject = closed(app, "2018-02-10").await;
        let propose = json!({ "subject": subject, "ground": "RETENTION_ENDED" });
        let proposed = app.done(&manager(), "proposeErasure", propose).await;
        let event = text(&proposed["events"][0]["id"]);
        let found = due(app, &manager(), "2024-03-01").await;
        let expected = json!({ "event": event, "ground": "RETENTION_ENDED", "proposedOn": "2018-03-01" });
        assert_eq!(found[0]["proposed"], expected);
        app.done(&everywhere(), "approveErasure", json!({ "subject": subject, "proposal": event })).await;
        assert_eq!(due(app, &manager(), "2024-03-01").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_list_comes_in_pages_and_leaves_out_places() {
    on_both_stores(async |app| {
        let mut expected = Vec::new();
        for day in ["2018-02-10", "2018-02-11", "2018-02-11"] {
            expected.push(closed(app, day).await);
        }
        expected[1..].sort();
        let area = new_id();
        let registered = json!({ "subject": area, "kind": "AREA", "occurredOn": "2018-02-01" });
        app.done(&everywhere(), "registerSubject", registered).await;
        close(app, &case(app, &area, SHPS).await, "2018-02-10").await;
        let (mut listed, mut after) = (Vec::new(), Value::Null);
        loop {
            let asked = json!({ "contract": SHPS, "on": "2024-03-01", "first": 1, "after": after });
            let page = app.ask(&manager(), DUE, asked).await["retentionDue"].clone();
            listed.extend(subjects(page["nodes"].as_array().expect("people")));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(listed, expected);
        let other = json!({ "contract": SHPS, "on": "2024-03-02", "after": after });
        assert_eq!(app.answer(&manager(), DUE, other).await.codes(), ["BAD_USER_INPUT"], "of another day");
    })
    .await;
}

#[tokio::test]
async fn managers_and_administrators_see_who_is_due_and_nobody_else() {
    on_both_stores(async |app| {
        let subject = closed(app, "2018-02-10").await;
        for who in [manager(), everywhere(), administrator()] {
            assert_eq!(subjects(&due(app, &who, "2024-03-01").await), std::slice::from_ref(&subject), "{who:?}");
        }
        let asked = || json!({ "contract": SHPS, "on": "2024-03-01" });
        assert_eq!(app.ask(&other_manager(), DUE, asked()).await["retentionDue"], Value::Null);
        app.add_worker("kw-07").await;
        let scope = Scope::Areas { contracts: [SHPS.to_owned()].into(), areas: ["brent".to_owned()].into() };
        let borough = Principal { subject: "borough".to_owned(), role: Role::Manager, scope };
        let refused = [Role::Commissioner, Role::Auditor, Role::Integrator].map(|role| test_caller(role, "x", &[SHPS]));
        for who in refused.into_iter().chain([keyworker("kw-07"), borough]) {
            assert_eq!(app.answer(&who, DUE, asked()).await.codes(), ["FORBIDDEN"], "{who:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_command_line_lists_who_is_due_beside_the_service() {
    on_both_stores(async |app| {
        let subject = closed(app, "2018-02-10").await;
        let there = case(app, &subject, MST).await;
        let run = async |arguments: &[&str]| {
            let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
            program.args(["--database", app.fresh.url(), "retention", "due"]).args(arguments);
            tokio::task::spawn_blocking(move || program.output()).await.expect("it runs").expect("the program starts")
        };
        let listed = run(&["--contract", SHPS, "--on", "2024-03-01", "--format", "json"]).await;
        assert!(listed.status.success(), "{listed:?}");
        let printed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        let row = printed.to_string();
        for words in [subject.as_str(), "identity since 2024-02-10", "mst-essex: open case", "\"Erasable\":\"no\""] {
            assert!(row.contains(words), "{words}: {row}");
        }
        assert!(String::from_utf8_lossy(&listed.stderr).contains("illustrative"), "{listed:?}");
        close(app, &there, "2018-02-10").await;
        let listed = run(&["--contract", SHPS, "--on", "2024-03-01", "--format", "json"]).await;
        assert!(String::from_utf8_lossy(&listed.stdout).contains("yes"), "{listed:?}");
        assert_eq!(run(&["--contract", "none"]).await.status.code(), Some(2));
    })
    .await;
}

#[tokio::test]
async fn a_contract_without_a_period_keeps_its_people() {
    on_both_stores(async |app| {
        let shps = throughline_domain::contract::rulebook::packs::pack(SHPS).expect("a pack").text;
        let (without, _) = shps.split_once("[[retention]]").expect("it has periods");
        let opening = json!({ "code": "bare", "name": "bare", "startsOn": "2017-03-01", "rulebook": without
            .replacen("contract = \"shps\"", "contract = \"bare\"", 1) });
        app.done(&administrator(), "openContract", opening).await;
        let subject = closed(app, "2018-02-10").await;
        let input = json!({ "contract": "bare", "area": "brent", "subject": subject, "occurredOn": "2018-02-01" });
        let journey = text(&app.done(&everywhere(), "receiveReferral", input).await["journey"]["id"]);
        let decline = json!({ "journey": journey, "reason": "not_eligible", "occurredOn": "2018-02-02" });
        app.done(&everywhere(), "declineReferral", decline).await;
        let found = due(app, &everywhere(), "2099-03-01").await;
        let expected = json!([{ "contract": "bare", "because": "NO_PERIOD", "until": null }]);
        assert_eq!((&found[0]["keptBy"], &found[0]["erasable"]), (&expected, &json!(false)));
        let asked = json!({ "contract": "bare", "on": "2099-03-01" });
        assert_eq!(app.ask(&everywhere(), DUE, asked).await["retentionDue"]["nodes"], json!([]));
    })
    .await;
}
