//! A keyworker who would hold more cases than they may: the warning at an assignment, at an acceptance, in a trial run,
//! and once it is accepted; on both stores.

use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::contract::rulebook::packs::pack;

use crate::app::{SHPS, TestApp, administrator, manager, on_both_stores, test_caller, text, with};
use crate::relations::set_team;

const ON: &str = "2018-02-05";

/// A worker, full-time, with this number of cases for a full-time post.
async fn worker(app: &TestApp, login: &str, cases: Option<&str>) -> String {
    let worker = app.add_worker(login).await;
    let since = json!({ "worker": worker, "occurredOn": "2017-03-01" });
    app.done(&manager(), "setWte", with(since.clone(), json!({ "wte": "1" }))).await;
    if let Some(cases) = cases {
        app.done(&manager(), "setCapacity", with(since, json!({ "casesPerWte": cases }))).await;
    }
    worker
}

/// A case that was accepted and that nobody holds.
async fn accepted(app: &TestApp, reference: &str) -> String {
    let journey = app.receive_referral("2018-02-01", reference).await;
    app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
    journey
}

fn assign(journey: &str, worker: &str) -> Value {
    json!({ "journey": journey, "worker": worker, "occurredOn": ON })
}

/// The problems that are more than the notice of a trial run.
fn problems(payload: &Value) -> Vec<Value> {
    let all = payload["problems"].as_array().unwrap_or_else(|| panic!("no payload: {payload}"));
    all.iter().filter(|problem| problem["code"] != "DRY_RUN").cloned().collect()
}

/// The message of the only problem, which is the warning and has recorded nothing.
fn warned(payload: &Value) -> String {
    let problems = problems(payload);
    let [problem] = problems.as_slice() else { panic!("not one problem: {payload:#}") };
    assert_eq!((&problem["code"], &problem["severity"]), (&json!("CASELOAD_LIMIT"), &json!("WARNING")), "{payload:#}");
    assert_eq!(payload["position"], Value::Null, "{payload:#}");
    text(&problem["message"])
}

async fn caseload(app: &TestApp, worker: &str) -> Value {
    let document =
        "query($id: ID!, $on: Date!) { node(id: $id) { ... on Worker { caseload(on: $on) { open slots } } } }";
    app.ask(&manager(), document, json!({ "id": worker, "on": ON })).await["node"]["caseload"].clone()
}

#[tokio::test]
async fn one_case_more_than_there_are_slots_warns_until_the_warning_is_accepted() {
    on_both_stores(async |app| {
        let ann = worker(app, "kw-ann", Some("1")).await;
        let [first, second] = [accepted(app, "A").await, accepted(app, "B").await];
        assert_eq!(problems(&app.done(&manager(), "assignWorker", assign(&first, &ann)).await), Vec::<Value>::new());
        assert_eq!(caseload(app, &ann).await, json!({ "open": 1, "slots": "1" }));
        let trial = app.tell(&manager(), "assignWorker", with(assign(&second, &ann), json!({ "dryRun": true }))).await;
        let expected = "this worker would hold 2 open cases on 2018-02-05 and has 1 slots: assign another worker, or \
                        accept this warning";
        assert_eq!(warned(&trial), expected);
        let payload = app.tell(&manager(), "assignWorker", assign(&second, &ann)).await;
        assert_eq!(warned(&payload), expected);
        assert_eq!(problems(&payload)[0]["path"], json!(["worker"]));
        assert_eq!(caseload(app, &ann).await["open"], 1, "nothing was recorded");
        let accepting = with(assign(&second, &ann), json!({ "acceptWarnings": ["CASELOAD_LIMIT"] }));
        assert_eq!(problems(&app.done(&manager(), "assignWorker", accepting).await), Vec::<Value>::new());
        assert_eq!(caseload(app, &ann).await, json!({ "open": 2, "slots": "1" }));
    })
    .await;
}

#[tokio::test]
async fn other_roles_closed_cases_and_workers_without_slots_do_not_warn() {
    on_both_stores(async |app| {
        let (ann, bob) = (worker(app, "kw-ann", Some("1")).await, worker(app, "kw-bob", None).await);
        let mut cases = Vec::new();
        for reference in ["A", "B", "C"] {
            cases.push(accepted(app, reference).await);
        }
        let quiet = async |mutation: &str, input: Value| {
            let payload = app.done(&manager(), mutation, input).await;
            assert_eq!(problems(&payload), Vec::<Value>::new(), "{payload:#}");
        };
        quiet("assignWorker", with(assign(&cases[0], &ann), json!({ "occurredOn": "2018-02-03" }))).await;
        quiet("assignWorker", with(assign(&cases[1], &ann), json!({ "role": "mentor" }))).await;
        quiet("closeJourney", json!({ "journey": cases[0], "reason": "lost_contact", "occurredOn": "2018-02-04" }))
            .await;
        quiet("assignWorker", assign(&cases[2], &ann)).await;
        quiet("assignWorker", assign(&cases[1], &bob)).await;
    })
    .await;
}

#[tokio::test]
async fn a_team_gives_slots_and_many_cases_at_once_are_counted_together() {
    on_both_stores(async |app| {
        let ann = worker(app, "kw-ann", None).await;
        set_team(app, 1, "2018-01-01", &[&ann]).await;
        let team = "00000000-0000-0000-0000-000000007ea1";
        let set = json!({ "team": team, "casesPerWte": "2", "occurredOn": "2018-01-01" });
        app.done(&manager(), "setCapacity", set).await;
        let journeys = [accepted(app, "A").await, accepted(app, "B").await, accepted(app, "C").await];
        let many = json!({ "journeys": journeys, "worker": ann, "occurredOn": ON });
        let message = warned(&app.tell(&manager(), "assignWorkers", many.clone()).await);
        assert!(message.starts_with("this worker would hold 3 open cases on 2018-02-05 and has 2 slots:"), "{message}");
        let two = with(many, json!({ "journeys": journeys[..2] }));
        assert_eq!(problems(&app.done(&manager(), "assignWorkers", two).await), Vec::<Value>::new());
        assert_eq!(caseload(app, &ann).await, json!({ "open": 2, "slots": "2" }));
    })
    .await;
}

#[tokio::test]
async fn a_case_of_a_full_keyworker_warns_when_it_is_accepted() {
    on_both_stores(async |app| {
        let ann = worker(app, "kw-ann", Some("1")).await;
        let waiting = app.receive_referral("2018-02-01", "A").await;
        app.done(&manager(), "assignWorker", assign(&waiting, &ann)).await;
        assert_eq!(caseload(app, &ann).await["open"], 0, "it is not on the caseload yet");
        let first = accepted(app, "B").await;
        app.done(&manager(), "assignWorker", assign(&first, &ann)).await;
        let payload = app.tell(&manager(), "acceptReferral", json!({ "journey": waiting, "occurredOn": ON })).await;
        assert!(warned(&payload).contains("would hold 2 open cases"), "{payload:#}");
    })
    .await;
}

#[tokio::test]
async fn the_limit_of_the_rulebook_counts_the_cases_of_its_contract() {
    on_both_stores(async |app| {
        let ann = worker(app, "kw-ann", None).await;
        let rules = pack(SHPS).expect("a pack").text;
        let version = rules.lines().find(|line| line.starts_with("version = ")).expect("a version");
        let limited = format!("{}\n[caseload]\nlimit = 1\n", rules.replace(version, "version = \"limited\""));
        app.done(&administrator(), "publishRulebook", json!({ "contract": SHPS, "rulebook": limited })).await;
        let [first, second] = [accepted(app, "A").await, accepted(app, "B").await];
        assert_eq!(problems(&app.done(&manager(), "assignWorker", assign(&first, &ann)).await), Vec::<Value>::new());
        let elsewhere = app.journey_elsewhere().await;
        app.done(&test_caller(Role::Manager, "everywhere", &[]), "assignWorker", assign(&elsewhere, &ann)).await;
        let message = warned(&app.tell(&manager(), "assignWorker", assign(&second, &ann)).await);
        let expected = "this worker would hold 2 open cases of the contract on 2018-02-05, and its limit is 1:";
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(
            caseload(app, &ann).await,
            json!({ "open": 1, "slots": null }),
            "cases outside the scope are not counted"
        );
    })
    .await;
}
