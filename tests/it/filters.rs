//! What a filter names and nobody knows is an error, in every list and in the same words.

use axum::http::StatusCode;
use serde_json::json;
use throughline::access::Role;

use crate::app::{MST, SHPS, TestApp, call, manager, new_id, on_both_stores, other_manager, test_caller};

/// A case of somebody with a keyworker, and the keyworker.
async fn case(app: &TestApp) -> (String, String) {
    let worker = app.add_worker("kw-07").await;
    let journey = app.receive_referral("2018-01-08", "A-1").await;
    app.take_on(&journey, &worker, "2018-01-09").await;
    app.log_contact(&manager(), call(&journey, "2018-02-03")).await;
    (journey, worker)
}

/// Asks for a field of the contract as its manager; gives the codes and the text of the errors.
async fn of_contract(app: &TestApp, field: &str) -> (Vec<String>, String) {
    let query = format!("{{ contract(code: \"shps\") {{ {field} }} }}");
    let answer = app.answer(&manager(), &query, json!({})).await;
    assert!([StatusCode::OK, 294.try_into().expect("a status")].contains(&answer.status), "{query}: {}", answer.body);
    (answer.codes(), answer.body)
}

#[tokio::test]
async fn what_no_contract_knows_is_refused_by_every_list_and_what_is_known_is_not() {
    on_both_stores(async |app| {
        let (journey, _) = case(app).await;
        for (list, known, unknown) in [
            ("diary(FILTER) { totalCount }", "area: \"brent\"", "area: \"brnt\""),
            ("tasks(FILTER) { totalCount }", "area: \"brent\"", "area: \"brnt\""),
            ("obligations(FILTER) { totalCount }", "area: \"brent\"", "area: \"brnt\""),
            ("claims(FILTER) { totalCount }", "outcome: \"case_closed\"", "outcome: \"plam\""),
            ("claims(filter: { FILTER }) { totalCount }", "area: \"brent\"", "area: \"brnt\""),
            ("batches(filter: { FILTER }) { totalCount }", "area: \"brent\"", "outcomes: [\"plam\"]"),
            ("targets(FILTER) { profile }", "area: \"brent\"", "area: \"brnt\""),
            ("journeys(filter: { FILTER }) { totalCount }", "area: \"brent\"", "stage: \"nowhere\""),
        ] {
            let fine = if known.starts_with("outcome") { "first: 3" } else { known };
            let (codes, body) = of_contract(app, &list.replace("FILTER", fine)).await;
            assert_eq!(codes, Vec::<String>::new(), "{list} {fine}: {body}");
            let (codes, body) = of_contract(app, &list.replace("FILTER", unknown)).await;
            assert_eq!(codes, ["BAD_USER_INPUT"], "{list} {unknown}: {body}");
            assert!(body.contains("there is no ") && body.contains("use one of "), "{body}");
        }
        // A list that a rulebook does not have is not offered as one to choose from.
        for list in ["journeys", "claims", "batches", "caseload"] {
            let (codes, body) =
                of_contract(app, &format!("{list}(filter: {{ cohort: \"x\" }}) {{ totalCount }}")).await;
            assert!(codes == ["BAD_USER_INPUT"] && !body.contains("use one of \""), "{list}: {body}");
        }
        let evidence = json!({
            "journey": journey, "kind": "tenancy_agreement", "datedOn": "2018-02-01", "sha256": "ab".repeat(32),
            "occurredOn": "2018-02-02", "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"],
        });
        app.tell(&manager(), "attachEvidence", evidence).await;
        let query =
            format!("{{ journey(id: \"{journey}\") {{ evidence {{ claims(outcome: \"plam\") {{ counts }} }} }} }}");
        let answer = app.answer(&manager(), &query, json!({})).await;
        assert!(answer.codes().contains(&"BAD_USER_INPUT".to_owned()), "{}", answer.body);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_worker_or_team_is_refused_by_every_list() {
    on_both_stores(async |app| {
        let (_, worker) = case(app).await;
        let nobody = new_id();
        for (list, who) in [
            ("caseload", "keyworker"),
            ("caseload", "team"),
            ("obligations", "keyworker"),
            ("obligations", "team"),
            ("diary", "keyworker"),
            ("diary", "worker"),
            ("diary", "team"),
            ("tasks", "keyworker"),
            ("tasks", "owner"),
            ("tasks", "team"),
        ] {
            let (codes, body) = of_contract(app, &format!("{list}({who}: \"{nobody}\") {{ totalCount }}")).await;
            assert_eq!(codes, ["BAD_USER_INPUT"], "{list} {who}: {body}");
            if who != "team" {
                let (codes, body) = of_contract(app, &format!("{list}({who}: \"{worker}\") {{ totalCount }}")).await;
                assert_eq!(codes, Vec::<String>::new(), "{list} {who}: {body}");
            }
        }
        for list in ["journeys", "claims", "batches"] {
            for who in ["keyworker", "team"] {
                let field = format!("{list}(filter: {{ {who}: \"{nobody}\" }}) {{ totalCount }}");
                let (codes, body) = of_contract(app, &field).await;
                assert_eq!(codes, ["BAD_USER_INPUT"], "{field}: {body}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn days_that_end_before_they_begin_are_refused_by_every_list() {
    on_both_stores(async |app| {
        case(app).await;
        let reversed = "{ first: \"2018-02-01\", last: \"2018-01-01\" }";
        for field in [
            format!("obligations(due: {reversed}) {{ totalCount }}"),
            format!("obligationCounts(due: {reversed}) {{ standard }}"),
            format!("diary(due: {reversed}) {{ totalCount }}"),
            format!("tasks(due: {reversed}) {{ totalCount }}"),
            format!("claims(filter: {{ achieved: {reversed} }}) {{ totalCount }}"),
            format!("commentary(period: {reversed}) {{ text }}"),
            "journeys(filter: { receivedFrom: \"2018-02-01\", receivedTo: \"2018-01-01\" }) { totalCount }".to_owned(),
        ] {
            let (codes, body) = of_contract(app, &field).await;
            assert_eq!(codes, ["BAD_USER_INPUT"], "{field}: {body}");
            assert!(body.contains("end before they begin"), "{field}: {body}");
            let (codes, body) = of_contract(app, &field.replace("2018-01-01", "2018-02-01")).await;
            assert_eq!(codes, Vec::<String>::new(), "{field}: {body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_contract_out_of_scope_is_refused_like_one_that_is_not_there() {
    on_both_stores(async |app| {
        case(app).await;
        let auditor = test_caller(Role::Auditor, "auditor", &[SHPS]);
        for (who, list) in [
            (manager(), "journeys(filter: { contract: \"CODE\" }) { totalCount }"),
            (auditor, "events(filter: { contract: \"CODE\" }) { pageInfo { endCursor } }"),
        ] {
            let told = async |code: &str| {
                let query = format!("{{ {} }}", list.replace("CODE", code));
                let answer = app.answer(&who, &query, json!({})).await;
                (answer.codes(), answer.body.replace(code, "CODE"))
            };
            assert_eq!(told(SHPS).await.0, Vec::<String>::new(), "{list}");
            let (codes, hidden) = told(MST).await;
            assert_eq!(codes, ["BAD_USER_INPUT"], "{list}: {hidden}");
            assert_eq!(hidden, told("nothing").await.1, "{list}");
        }
        let theirs = "{ journeys(filter: { contract: \"mst-essex\" }) { totalCount } }";
        assert_eq!(app.answer(&other_manager(), theirs, json!({})).await.codes(), Vec::<String>::new());
    })
    .await;
}
