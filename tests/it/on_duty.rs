//! Who works here, who is away and who does what: logins, leave and cover, many assignments at once, duties kept apart
//! and periods that are settled; on both stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::record::CommandRequest;
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{CommandId, StreamId, WorkerId};
use throughline_domain::fact::event::WorkerLeft;

use crate::app::{
    MST, SHPS, TODAY, TestApp, administrator, call, keyworker, manager, new_id, on_both_stores, other_manager,
    refusals, test_caller, text, with,
};
use crate::relations::set_team;

/// The codes of the warnings of a payload.
fn warnings(payload: &Value) -> Vec<String> {
    let problems = payload["problems"].as_array().unwrap_or_else(|| panic!("no payload: {payload}"));
    let warnings = problems.iter().filter(|problem| problem["severity"] == "WARNING");
    warnings.map(|problem| text(&problem["code"])).collect()
}

/// The same input, with these warnings accepted.
fn accepting(input: &Value, warning: &str) -> Value {
    with(input.clone(), json!({ "acceptWarnings": [warning] }))
}

/// The pack of a contract as a further version, in force from another day.
fn another_version(contract: &str, from: &str) -> String {
    let pack = throughline_domain::contract::rulebook::packs::pack(contract).expect("a pack").text;
    let line = |line: &str| match line.split(" = ").next() {
        Some("version") => "version = \"another\"".to_owned(),
        Some("effective_from") => format!("effective_from = {from}"),
        _ => line.to_owned(),
    };
    pack.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

async fn case(app: &TestApp, reference: &str, worker: &str) -> String {
    let journey = app.receive_referral("2018-02-01", reference).await;
    app.take_on(&journey, worker, "2018-02-02").await;
    journey
}

/// The references on the caseload that somebody is listed, with these arguments.
async fn listed(app: &TestApp, who: &Principal, arguments: &str) -> Vec<String> {
    let document =
        format!("{{ contract(code: \"{SHPS}\") {{ caseload{arguments} {{ totalCount nodes {{ reference }} }} }} }}");
    let list = app.ask(who, &document, json!({})).await["contract"]["caseload"].clone();
    let found: Vec<String> =
        list["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["reference"])).collect();
    assert_eq!(list["totalCount"], found.len());
    found
}

#[tokio::test]
async fn logins_compare_by_nfc_and_case_folding() {
    on_both_stores(async |app| {
        let worker = app.add_worker("Zo\u{eb}-01").await;
        let journey = case(app, "BR-1", &worker).await;
        for login in ["zo\u{eb}-01", "ZOE\u{308}-01", "Zoe\u{308}-01"] {
            let who = keyworker(login);
            let viewer = app.ask(&who, "{ viewer { worker { id login } } }", json!({})).await;
            let known = json!({ "id": worker, "login": "Zo\u{eb}-01" });
            assert_eq!(viewer["viewer"]["worker"], known, "the login is kept as it was given");
            let logged = app.log_contact(&who, call(&journey, "2018-02-20")).await;
            assert_eq!(logged["journey"]["daysSinceContact"], 9);
            let taken = json!({ "label": "KW-X", "login": login, "occurredOn": "2018-01-01" });
            assert_eq!(refusals(&app.tell(&administrator(), "addWorker", taken).await), ["LOGIN_TAKEN"], "{login}");
        }
        assert_eq!(listed(app, &keyworker("ZO\u{cb}-01"), "").await, ["BR-1"]);
        let own = "query($id: UUID!) { journey(id: $id) { contacts { worker { id } } } }";
        let contacts = app.ask(&manager(), own, json!({ "id": journey })).await["journey"]["contacts"].clone();
        assert!(
            contacts.as_array().expect("contacts").iter().all(|contact| contact["worker"]["id"] == worker.as_str())
        );
    })
    .await;
}

#[tokio::test]
async fn once_a_team_exists_workers_in_none_see_only_their_own_and_unassigned_cases() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        case(app, "BR-1", &ann).await;
        case(app, "BR-2", &bob).await;
        app.receive_referral("2018-02-01", "BR-3").await;
        let both = ["BR-1", "BR-2"];
        assert_eq!(listed(app, &keyworker("kw-ann"), "").await, both);
        // A team of the other contract does not matter here.
        let elsewhere = app.add_worker("kw-mst").await;
        let journey = app.journey_elsewhere().await;
        let input = json!({ "journey": journey, "worker": elsewhere, "occurredOn": "2018-02-03" });
        app.done(&other_manager(), "assignWorker", input).await;
        set_team(app, 7, "2018-02-03", &[&elsewhere]).await;
        assert_eq!(listed(app, &keyworker("kw-ann"), "").await, both);
        assert_eq!(listed(app, &keyworker("kw-bob"), "").await, both);
        set_team(app, 1, "2018-02-03", &[&ann]).await;
        assert_eq!(listed(app, &keyworker("kw-bob"), "").await, ["BR-2"]);
        let document = "{ journeys { nodes { reference } } }";
        let all = app.ask(&keyworker("kw-bob"), document, json!({})).await;
        assert_eq!(all["journeys"]["nodes"], json!([{ "reference": "BR-2" }, { "reference": "BR-3" }]));
    })
    .await;
}

#[tokio::test]
async fn absences_and_leavings_may_lie_ahead() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let leave =
            json!({ "worker": ann, "kind": "annual_leave", "occurredOn": "2018-07-02", "backOn": "2018-07-16" });
        app.done(&manager(), "recordAbsence", leave.clone()).await;
        let back = with(leave, json!({ "occurredOn": "2018-08-01" }));
        assert_eq!(refusals(&app.tell(&manager(), "recordAbsence", back).await), ["INVALID_VALUE"]);
        let document =
            "query($id: ID!) { node(id: $id) { ... on Worker { absences { kind occurred { on } backOn } } } }";
        let shown = app.ask(&manager(), document, json!({ "id": ann })).await;
        let known = json!([{ "kind": "annual_leave", "occurred": { "on": "2018-07-02" }, "backOn": "2018-07-16" }]);
        assert_eq!(shown["node"]["absences"], known);
        // What was done is still not dated in the future.
        let wte = json!({ "worker": ann, "wte": "0.5", "occurredOn": "2018-07-02" });
        assert_eq!(refusals(&app.tell(&manager(), "setWte", wte).await), ["DATED_IN_FUTURE"]);
        app.done(&manager(), "leaveWorker", json!({ "worker": ann, "lastDay": "2018-03-30" })).await;
        let viewer = "{ viewer { worker { label } } }";
        assert_eq!(app.ask(&keyworker("kw-ann"), viewer, json!({})).await["viewer"]["worker"]["label"], "KW-ANN");
        let again = json!({ "label": "KW-2", "login": "kw-ann", "occurredOn": TODAY });
        assert_eq!(refusals(&app.tell(&administrator(), "addWorker", again).await), ["LOGIN_TAKEN"]);
        app.it_is("2018-03-31T09:00:00Z");
        assert!(app.ask(&keyworker("kw-ann"), viewer, json!({})).await["viewer"]["worker"].is_null());
    })
    .await;
}

#[tokio::test]
async fn a_leaving_is_the_first_day_no_longer_here_and_warns_of_later_facts() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        let journey = case(app, "BR-1", &ann).await;
        app.log_contact(&keyworker("kw-ann"), call(&journey, "2018-02-20")).await;
        let leaves = |on: Value| with(json!({ "worker": ann }), on);
        let both = leaves(json!({ "lastDay": "2018-02-20", "occurredOn": "2018-02-21" }));
        assert_eq!(refusals(&app.tell(&manager(), "leaveWorker", both).await), ["INVALID_VALUE"]);
        let early = leaves(json!({ "lastDay": "2018-02-19" }));
        let warned = app.tell(&manager(), "leaveWorker", early.clone()).await;
        assert_eq!(warnings(&warned), ["WORKER_HAS_LATER_FACTS"], "{warned}");
        assert!(warned["position"].is_null() && text(&warned["problems"][0]["message"]).contains("2018-02-20"));
        app.done(&manager(), "leaveWorker", leaves(json!({ "lastDay": "2018-02-20" }))).await;
        let document = "query($id: ID!) { node(id: $id) { ... on Worker { left { occurred { on } } } } }";
        assert_eq!(
            app.ask(&manager(), document, json!({ "id": ann })).await["node"]["left"],
            json!({ "occurred": { "on": "2018-02-21" } })
        );
        // An assignment that begins later is one, too, and an accepted warning is no obstacle.
        let other = case(app, "BR-2", &bob).await;
        let early = json!({ "worker": bob, "occurredOn": "2018-02-01" });
        assert_eq!(warnings(&app.tell(&manager(), "leaveWorker", early.clone()).await), ["WORKER_HAS_LATER_FACTS"]);
        app.done(&manager(), "leaveWorker", accepting(&early, "WORKER_HAS_LATER_FACTS")).await;
        assert!(listed(app, &manager(), "(unassigned: true)").await.contains(&"BR-2".to_owned()), "{other}");
    })
    .await;
}

#[tokio::test]
async fn a_leaving_without_a_date_is_dated_on_the_day_of_the_decision_and_warns_as_of_that_day() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "BR-1", &ann).await;
        // In summer, midnight in London is an hour before midnight in UTC.
        app.it_is("2018-03-31T22:59:00Z");
        app.log_contact(&keyworker("kw-ann"), call(&journey, "2018-03-31")).await;
        let warned = app.tell(&manager(), "leaveWorker", json!({ "worker": ann })).await;
        assert_eq!(warnings(&warned), ["WORKER_HAS_LATER_FACTS"], "{warned}");
        let worker = WorkerId(ann.parse().expect("an id"));
        let command = Command::record_fact(StreamId::worker(worker), When::TODAY, WorkerLeft {});
        let id = CommandId(new_id().parse().expect("an id"));
        let request = CommandRequest::new(manager(), id, command);
        let prepared = app.fresh.recorder.prepare(request).await.expect("it can be decided");
        app.it_is("2018-03-31T23:01:00Z");
        let appended = prepared.append().await.expect("there is no contact on that day or later");
        assert_eq!(appended.events[0].occurred.earliest().to_string(), "2018-04-01");
    })
    .await;
}

/// What is owed that somebody is listed, by the reference of the case.
async fn owed(app: &TestApp, who: &Principal, arguments: &str) -> Vec<String> {
    let document = format!(
        "{{ contract(code: \"mhep\") {{ obligations{arguments} {{ totalCount nodes {{ journey {{ reference }} }} }} }} }}"
    );
    let list = app.ask(who, &document, json!({})).await["contract"]["obligations"].clone();
    let nodes = list["nodes"].as_array().expect("nodes");
    assert_eq!(list["totalCount"], nodes.len());
    let mut found: Vec<String> = nodes.iter().map(|node| text(&node["journey"]["reference"])).collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn cover_from_a_day_to_a_day_gives_sight_list_and_obligations() {
    on_both_stores(async |app| {
        app.open_contract("mhep").await;
        let chief = test_caller(Role::Manager, "chief", &[]);
        let cat = test_caller(Role::Keyworker, "kw-cat", &[]);
        let [ann, cat_id] = [app.add_worker("kw-ann").await, app.add_worker("kw-cat").await];
        set_team(app, 1, "2018-01-01", &[&ann]).await;
        set_team(app, 2, "2018-01-01", &[&cat_id]).await;
        let mut journeys = Vec::new();
        for (reference, worker) in [("M-1", &ann), ("M-2", &cat_id)] {
            let references = json!([{ "system": "trust", "id": reference }]);
            let input = json!({
                "contract": "mhep", "area": "tower-hamlets", "occurredOn": "2018-02-26", "externalReferences": references,
            });
            let journey = text(&app.done(&chief, "receiveReferral", input).await["journey"]["id"]);
            app.done(&chief, "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-26" })).await;
            let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-26" });
            app.done(&chief, "assignWorker", input).await;
            journeys.push(journey);
        }
        let sees = async |day: &str| {
            app.it_is(&format!("{day}T09:00:00Z"));
            let document = "query($id: UUID!) { journey(id: $id) { reference } contract(code: \"mhep\") { \
                            caseload { nodes { reference } } } }";
            let data = app.ask(&cat, document, json!({ "id": journeys[0] })).await;
            let listed = data["contract"]["caseload"]["nodes"].as_array().expect("nodes").len();
            let logged = app.tell(&cat, "logContact", with(call(&journeys[0], day), json!({ "dryRun": true }))).await;
            let sight = !data["journey"].is_null();
            assert_eq!(refusals(&logged).is_empty(), sight, "{logged}");
            assert_eq!(listed, if sight { 2 } else { 1 });
            sight
        };
        assert!(!sees("2018-03-01").await);
        let team = "00000000-0000-0000-0000-000000007ea1";
        let cover = json!({
            "team": team, "absent": ann, "by": cat_id, "occurredOn": "2018-03-05", "until": "2018-03-10",
        });
        app.done(&chief, "startCover", cover).await;
        assert!(!sees("2018-03-04").await, "it is still to come");
        assert!(sees("2018-03-05").await);
        let own = format!("(keyworker: \"{cat_id}\")");
        let theirs = format!("(keyworker: \"{cat_id}\", covered: false)");
        assert_eq!(owed(app, &cat, &own).await, ["M-1", "M-2"], "a keyworker's own list has what they cover");
        assert_eq!(owed(app, &cat, &theirs).await, ["M-2"]);
        assert_eq!(owed(app, &chief, &own).await, ["M-2"], "and a board's number its own cases alone");
        assert_eq!(owed(app, &chief, &format!("(keyworker: \"{cat_id}\", covered: true)")).await, ["M-1", "M-2"]);
        let covering = "query($id: ID!) { node(id: $id) { ... on Worker { covering(on: \"2018-03-06\") { label } } } }";
        let covering = app.ask(&chief, covering, json!({ "id": cat_id })).await;
        assert_eq!(covering["node"]["covering"], json!([{ "label": "KW-ANN" }]));
        let caseload = "query($keyworker: UUID!, $covered: Boolean) { contract(code: \"mhep\") { \
                        caseload(keyworker: $keyworker, covered: $covered) { totalCount } } }";
        for (who, covered, count) in
            [(&cat, Value::Null, 2), (&cat, json!(false), 1), (&chief, Value::Null, 1), (&chief, json!(true), 2)]
        {
            let data = app.ask(who, caseload, json!({ "keyworker": cat_id, "covered": covered })).await;
            assert_eq!(data["contract"]["caseload"]["totalCount"], count);
        }
        assert!(sees("2018-03-09").await);
        assert!(!sees("2018-03-10").await, "the first day without it");
        // One may be ended before its time.
        let next = json!({ "team": team, "absent": ann, "by": cat_id, "cover": new_id(), "occurredOn": "2018-03-12" });
        let id = next["cover"].clone();
        app.done(&chief, "startCover", next).await;
        assert!(sees("2018-03-12").await);
        app.done(&chief, "endCover", json!({ "team": team, "cover": id, "occurredOn": "2018-03-13" })).await;
        assert!(!sees("2018-03-13").await);
    })
    .await;
}

/// Who holds a case over which days, as its assignments say.
async fn held(app: &TestApp, journey: &str) -> Vec<(String, String, Option<String>)> {
    let document = "query($id: UUID!) { journey(id: $id) { assignments { worker { label } from to } } }";
    let found = app.ask(&manager(), document, json!({ "id": journey })).await["journey"]["assignments"].clone();
    let day = |of: &Value| of.as_str().map(str::to_owned);
    let held = found.as_array().expect("assignments").iter();
    held.map(|one| (text(&one["worker"]["label"]), text(&one["from"]), day(&one["to"]))).collect()
}

#[tokio::test]
async fn assign_workers_reassigns_many_all_or_none_and_for_some_days() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        let (one, other) = (case(app, "BR-1", &ann).await, case(app, "BR-2", &ann).await);
        let loose = app.receive_referral("2018-02-01", "BR-3").await;
        app.done(&manager(), "acceptReferral", json!({ "journey": loose, "occurredOn": "2018-02-02" })).await;
        let theirs = case(app, "BR-4", &bob).await;
        let to_bob = |journeys: &[&str]| json!({ "journeys": journeys, "worker": bob, "occurredOn": "2018-02-20" });
        let head = app.head().await;
        // Bob has one of them already, and one is elsewhere: none is assigned.
        let elsewhere = app.journey_elsewhere().await;
        let after = app.head().await;
        assert!(after > head);
        for (journeys, code, path) in [
            (vec![one.as_str(), &theirs], "ALREADY_ASSIGNED", json!(["journeys", "1"])),
            (vec![&one, &other, &elsewhere], "JOURNEY_NOT_FOUND", json!(["journeys", "2"])),
            (vec![&one, &one], "INVALID_VALUE", json!(["journeys", "1"])),
        ] {
            let refused = app.tell(&manager(), "assignWorkers", to_bob(&journeys)).await;
            assert_eq!(refusals(&refused), [code], "{refused}");
            assert_eq!(refused["problems"][0]["path"], path, "{refused}");
        }
        let none = app.tell(&manager(), "assignWorkers", to_bob(&[])).await;
        assert_eq!(refusals(&none), ["MISSING_VALUE"]);
        let chief = test_caller(Role::Manager, "chief", &[]);
        let across = app.tell(&chief, "assignWorkers", to_bob(&[&one, &elsewhere])).await;
        assert_eq!(refusals(&across), ["INVALID_VALUE"], "one contract at a time: {across}");
        assert!(text(&across["problems"][0]["message"]).contains("belongs to another contract"), "{across}");
        assert_eq!(app.head().await, after, "nothing was recorded");

        let for_days = with(to_bob(&[&one, &other, &loose]), json!({ "until": "2018-02-26", "commandId": new_id() }));
        let done = app.done(&manager(), "assignWorkers", for_days.clone()).await;
        assert_eq!(
            (done["events"].as_array().map(Vec::len), done["journeys"].as_array().map(Vec::len)),
            (Some(3), Some(3))
        );
        assert_eq!(app.tell(&manager(), "assignWorkers", for_days).await["replayed"], true);
        let stretch =
            |label: &str, from: &str, to: Option<&str>| (label.to_owned(), from.to_owned(), to.map(str::to_owned));
        let back = [
            stretch("KW-ANN", "2018-02-02", Some("2018-02-20")),
            stretch("KW-BOB", "2018-02-20", Some("2018-02-26")),
            stretch("KW-ANN", "2018-02-26", None),
        ];
        assert_eq!(held(app, &one).await, back);
        assert_eq!(held(app, &loose).await, [stretch("KW-BOB", "2018-02-20", Some("2018-02-26"))]);
        let board = async |day: &str| {
            let document = format!(
                "{{ contract(code: \"{SHPS}\", at: {{ asOf: \"{day}\" }}) {{ caseloadByKeyworker {{ group {{ label }} \
                 journeys }} journeys(filter: {{ keyworker: \"{ann}\" }}) {{ totalCount }} }} }}"
            );
            let contract = app.ask(&manager(), &document, json!({})).await["contract"].clone();
            let rows = contract["caseloadByKeyworker"].as_array().expect("rows").clone();
            let of = |label: &str| {
                let row = rows.iter().find(|row| row["group"]["label"] == label);
                row.and_then(|row| row["journeys"].as_u64()).unwrap_or(0)
            };
            let ann = of("KW-ANN");
            assert_eq!(contract["journeys"]["totalCount"], ann, "{day}: {contract}");
            (ann, of("KW-BOB"))
        };
        assert_eq!(board("2018-02-19").await, (2, 1));
        assert_eq!(board("2018-02-20").await, (0, 4));
        assert_eq!(board("2018-02-26").await, (2, 1));
        // The former keyworker, who has the case again, is released as ever.
        app.done(&manager(), "releaseWorker", json!({ "journey": one, "worker": ann, "occurredOn": "2018-02-27" }))
            .await;
        assert_eq!(board("2018-02-28").await, (1, 1));
        // For good, and with nobody in between.
        app.done(&manager(), "assignWorkers", with(to_bob(&[&one, &other]), json!({ "occurredOn": TODAY }))).await;
        assert_eq!(board(TODAY).await, (0, 3));
    })
    .await;
}

#[tokio::test]
async fn a_fact_dated_in_a_closed_period_warns() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "BR-1", &ann).await;
        let early = app.log_contact(&manager(), call(&journey, "2018-02-10")).await["events"][0]["id"].clone();
        let period = json!({ "first": "2018-02-01", "last": "2018-02-28" });
        app.done(&manager(), "closePeriod", json!({ "contract": SHPS, "period": period, "occurredOn": TODAY })).await;
        app.done(&manager(), "logContact", call(&journey, TODAY)).await;
        let correction = |on: &str| {
            let replacement = json!({ "contact": { "channel": "phone", "twoWay": true } });
            let reason = "typed wrongly";
            json!({ "journey": journey, "target": early, "replacement": replacement, "occurredOn": on, "reason": reason })
        };
        let referral = json!({ "contract": SHPS, "area": "brent", "occurredOn": "2018-02-20" });
        let retraction = json!({ "journey": journey, "targets": [early], "reason": "another client's" });
        for (mutation, input) in [
            ("logContact", call(&journey, "2018-02-28")),
            ("logContact", with(call(&journey, "2018-02-01"), json!({ "precision": "MONTH" }))),
            ("receiveReferral", referral),
            ("agreePlan", json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-20" })),
            ("retractFact", retraction),
        ] {
            let warned = app.tell(&manager(), mutation, input.clone()).await;
            assert_eq!(warnings(&warned), ["PERIOD_CLOSED"], "{mutation}: {warned}");
            assert!(warned["position"].is_null());
            assert_eq!(warned["problems"][0]["facts"][0]["type"], "PeriodClosed");
            if mutation != "retractFact" {
                app.done(&manager(), mutation, accepting(&input, "PERIOD_CLOSED")).await;
            }
        }
        // To move a fact out of the period is to change the period.
        let out = with(correction("2018-03-01"), json!({ "localTime": "10:00" }));
        let warned = app.tell(&manager(), "correctFact", out.clone()).await;
        assert_eq!(warnings(&warned), ["PERIOD_CLOSED"], "{warned}");
        app.done(&manager(), "correctFact", accepting(&out, "PERIOD_CLOSED")).await;
        let vague = with(call(&journey, "2018-03-01"), json!({ "precision": "YEAR", "occurredOn": "2018-01-01" }));
        let warned = app.tell(&manager(), "logContact", vague).await;
        assert!(text(&warned["problems"][0]["message"]).starts_with("2018 may be in the period 2018-02-01"), "{warned}");
    })
    .await;
}

#[tokio::test]
async fn evidence_is_not_verified_by_the_person_who_attached_it() {
    on_both_stores(async |app| {
        app.add_worker("kw-ann").await;
        let ann = app.add_worker("kw-bob").await;
        let journey = case(app, "BR-1", &ann).await;
        let evidence = new_id();
        let attach = json!({
            "journey": journey, "evidence": evidence, "kind": "tenancy_agreement", "datedOn": "2018-02-10",
            "occurredOn": "2018-02-12",
        });
        let attached =
            app.tell(&keyworker("KW-Ann"), "attachEvidence", accepting(&attach, "EVIDENCE_SUPPORTS_NOTHING")).await;
        assert!(attached["position"].is_i64(), "{attached}");
        let verify = json!({ "journey": journey, "evidence": evidence, "occurredOn": "2018-02-13" });
        let own = test_caller(Role::Manager, "kw-ann", &[SHPS]);
        for who in [keyworker("kw-ann"), own] {
            let refused = app.tell(&who, "verifyEvidence", verify.clone()).await;
            assert_eq!(refusals(&refused), ["SAME_PERSON"], "whatever their role: {refused}");
        }
        app.done(&keyworker("kw-bob"), "verifyEvidence", verify.clone()).await;
        // What was verified is not exchanged afterwards: the document by nobody, what it shows not by who attached it.
        let target = attached["events"][0]["id"].clone();
        let contact =
            app.log_contact(&keyworker("kw-bob"), call(&journey, "2018-02-12")).await["events"][0]["id"].clone();
        let correct = |of: Value| {
            let replacement = json!({ "evidence": of });
            json!({ "journey": journey, "target": target, "replacement": replacement, "reason": "typed wrongly" })
        };
        for (who, of, code) in [
            ("kw-ann", json!({ "kind": "client_declaration" }), "FACT_HAS_DEPENDENTS"),
            ("kw-bob", json!({ "datedOn": "2018-02-09" }), "FACT_HAS_DEPENDENTS"),
            ("kw-bob", json!({ "sha256": "cd".repeat(32) }), "FACT_HAS_DEPENDENTS"),
            ("kw-ann", json!({ "supports": [contact] }), "SAME_PERSON"),
        ] {
            let refused = app.tell(&keyworker(who), "correctFact", correct(of)).await;
            assert_eq!(refusals(&refused), [code], "{refused}");
        }
        app.done(&keyworker("kw-ann"), "correctFact", correct(json!({ "obtainedOn": "2018-02-11" }))).await;
        // A rulebook may leave it to one person.
        let lenient = another_version(SHPS, "2018-02-01") + "\n[duties]\nseparate = []\n";
        let publish = json!({ "contract": SHPS, "rulebook": lenient });
        app.done(&administrator(), "publishRulebook", publish).await;
        let again = with(attach, json!({ "evidence": new_id(), "datedOn": "2018-02-11" }));
        app.tell(&keyworker("kw-ann"), "attachEvidence", accepting(&again, "EVIDENCE_SUPPORTS_NOTHING")).await;
        let verify = with(verify, json!({ "evidence": again["evidence"] }));
        app.done(&keyworker("kw-ann"), "verifyEvidence", verify).await;
    })
    .await;
}

#[tokio::test]
async fn a_manager_cannot_issue_a_termination() {
    on_both_stores(async |app| {
        let notice = |kind: &str| json!({ "contract": SHPS, "kind": kind, "reason": "targets were missed" });
        let commissioner = test_caller(Role::Commissioner, "commissioner", &[SHPS]);
        for (kind, is_theirs) in [
            ("IMPROVEMENT_PLAN", true),
            ("PERFORMANCE_PLAN", true),
            ("REFERRAL_CHANGE", true),
            ("WITHHOLDING", false),
            ("TERMINATION", false),
        ] {
            let told = app.tell(&manager(), "issueNotice", notice(kind)).await;
            let code = if is_theirs { vec![] } else { vec!["KIND_OF_ANOTHER_ROLE"] };
            assert_eq!(refusals(&told), code, "{kind}: {told}");
            let another = with(notice(kind), json!({ "reason": "reports were late" }));
            let issued = app.done(&commissioner, "issueNotice", another).await["events"][0]["id"].clone();
            let take_back = json!({ "contract": SHPS, "targets": [issued], "reason": "never was so" });
            let taken = app.tell(&manager(), "retractFact", take_back).await;
            assert_eq!(refusals(&taken), code, "nor is it theirs to take back: {taken}");
        }
    })
    .await;
}

#[tokio::test]
async fn assess_kpi_takes_what_the_rulebook_has_and_grades_it_itself() {
    on_both_stores(async |app| {
        app.open_contract("mhep").await;
        let chief = test_caller(Role::Manager, "chief", &[]);
        let document = "{ contract(code: \"mhep\") { kpiAssessments { kpi value grade } } }";
        let standard = "\n[[standard]]\ncode = \"quick_contact\"\nfrom = \"referral_received\"\nwithin = { days = 7 }\n\
                        met_by = { contact = { made = true } }\nminimum_level = 95\nlower_level = 85\n";
        let stricter = another_version("mhep", "2020-01-01") + standard;
        app.done(&administrator(), "publishRulebook", json!({ "contract": "mhep", "rulebook": stricter })).await;
        let month = |month: u32| {
            let last = ["31", "30", "31", "31", "30", "31", "30", "31"][month as usize - 5];
            json!({ "first": format!("2017-{month:02}-01"), "last": format!("2017-{month:02}-{last}") })
        };
        let found = |of: u32, value: Value| {
            json!({ "contract": "mhep", "kpi": "quick_contact", "period": month(of), "value": value })
        };
        let unknown = with(found(5, json!("90")), json!({ "kpi": "nothing_of_ours" }));
        let refused = app.tell(&chief, "assessKpi", unknown).await;
        assert_eq!(refusals(&refused), ["UNKNOWN_INDICATOR"], "{refused}");
        assert!(refused["problems"][0]["allowed"].as_array().expect("a list").contains(&json!("quick_contact")));
        let other = with(found(5, json!("84.9")), json!({ "grade": "met" }));
        let refused = app.tell(&chief, "assessKpi", other).await;
        assert_eq!((refusals(&refused), &refused["problems"][0]["allowed"]), (vec!["OTHER_GRADE".to_owned()], &json!(["major"])));
        for impossible in ["-5", "-0.01", "100.01", "101"] {
            let refused = app.tell(&chief, "assessKpi", found(5, json!(impossible))).await;
            assert_eq!(refusals(&refused), ["INVALID_VALUE"], "{impossible} is no share: {refused}");
        }
        for (of, value) in [(5, "95"), (6, "94.99"), (7, "85"), (8, "90"), (9, "96"), (10, "84.99")] {
            app.done(&chief, "assessKpi", found(of, json!(value))).await;
        }
        app.done(&chief, "assessKpi", found(11, Value::Null)).await;
        let shown = app.ask(&chief, document, json!({})).await["contract"]["kpiAssessments"].clone();
        let grades: Vec<String> = shown.as_array().expect("a list").iter().map(|one| text(&one["grade"])).collect();
        assert_eq!(grades, ["met", "minor", "minor", "major", "met", "major", "no_data"], "the third in a row is major");
    })
    .await;
}

/// A commissioner of one borough.
fn borough(app: &TestApp, area: &str) -> String {
    let scope =
        throughline::access::Scope::Areas { contracts: [SHPS.to_owned()].into(), areas: [area.to_owned()].into() };
    app.token(&Principal { subject: "commissioner".to_owned(), role: Role::Commissioner, scope })
}

/// Two cases in two boroughs, each with a plan that is paid for; answers with the journeys and their claims in a batch.
async fn two_boroughs(app: &TestApp) -> ([String; 2], String, [String; 2]) {
    let ann = app.add_worker("kw-ann").await;
    let mut journeys = Vec::new();
    for area in ["brent", "ealing"] {
        let input = json!({ "contract": SHPS, "area": area, "occurredOn": "2018-02-01" });
        let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
        app.take_on(&journey, &ann, "2018-02-02").await;
        app.log_contact(&manager(), call(&journey, "2018-02-05")).await;
        app.done(&manager(), "agreePlan", json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-06" }))
            .await;
        journeys.push(journey);
    }
    let claims = "{ contract(code: \"shps\") { claims(status: [CLAIMABLE]) { nodes { id journeyId } } } }";
    let found = app.ask(&manager(), claims, json!({})).await["contract"]["claims"]["nodes"].clone();
    let claim = |journey: &str| {
        let of = found.as_array().expect("claims").iter().find(|claim| claim["journeyId"] == journey);
        text(&of.unwrap_or_else(|| panic!("no claim of {journey}: {found}"))["id"])
    };
    let claims = [claim(&journeys[0]), claim(&journeys[1])];
    let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": SHPS })).await["batch"]["id"]);
    app.done(&manager(), "submitBatch", json!({ "batch": batch, "claims": claims })).await;
    (journeys.try_into().expect("two"), batch, claims)
}

#[tokio::test]
async fn a_boroughs_commissioner_sees_their_borough() {
    on_both_stores(async |app| {
        let ([brent, ealing], batch, claims) = two_boroughs(app).await;
        let token = borough(app, "brent");
        let ask = async |document: &str, variables: Value| {
            let answer = app.ask_with(&token, document, variables).await;
            let body = answer.json();
            assert!(body["errors"].is_null(), "{document}: {body}");
            assert!(!answer.body.contains(&ealing) && !answer.body.contains("ealing"), "{document}: {body}");
            body["data"].clone()
        };
        let seen = ask(
            "query($id: UUID!) { journey(id: $id) { id } journeys { totalCount nodes { id } } contract(code: \"shps\") { \
             caseload { totalCount } journeys { totalCount } caseloadByKeyworker { journeys group { label } } \
             byKeyworker: contactRecency { total group { label } } byArea: contactRecency(by: AREA) { total group { area } } \
             own: contactRecency(by: AREA, measure: KEYWORKER) { total } \
             referralToPlan { total group { area } } whole: referralToPlan(by: WHOLE) { total } \
             performance { stages { code rows { total group { area } } } } exits { total } \
             obligations { totalCount } obligationCounts(by: AREA) { rows { due group { area } } } } }",
            json!({ "id": brent }),
        )
        .await;
        assert_eq!(seen["journeys"], json!({ "totalCount": 1, "nodes": [{ "id": brent }] }));
        let contract = &seen["contract"];
        assert_eq!((&contract["caseload"]["totalCount"], &contract["journeys"]["totalCount"]), (&json!(1), &json!(1)));
        assert_eq!(contract["caseloadByKeyworker"][0]["journeys"], 1, "{contract}");
        assert_eq!(contract["byKeyworker"][0]["total"], 1);
        assert_eq!(contract["byArea"], json!([{ "total": 1, "group": { "area": "brent" } }]));
        assert_eq!(contract["own"], json!([{ "total": 1 }]));
        assert_eq!(contract["referralToPlan"], json!([{ "total": 1, "group": { "area": "brent" } }]));
        assert_eq!(contract["whole"], json!([{ "total": 1 }]));
        for stage in contract["performance"]["stages"].as_array().expect("stages") {
            let rows = stage["rows"].as_array().expect("rows");
            assert!(rows.len() == 1 && rows[0]["group"]["area"] == "brent", "{stage}");
        }
        let outside = ask("query($id: UUID!) { journey(id: $id) { id } }", json!({ "id": new_id() })).await;
        let there = app.ask_with(&token, "query($id: UUID!) { journey(id: $id) { id } }", json!({ "id": ealing })).await;
        assert_eq!(there.json()["data"], outside);
        // Their claims, their lines and what these come to.
        let money = ask(
            "{ contract(code: \"shps\") { claims { totalCount totalAmount { amount } nodes { journeyId } } \
             batches { totalCount nodes { claimed { amount } due { amount } lines { totalCount nodes { claim } } } } \
             proposedAdjustments { claim } } }",
            json!({}),
        )
        .await["contract"]
            .clone();
        let all = app
            .ask(&manager(), "{ contract(code: \"shps\") { claims { totalCount } batches { nodes { claimed { amount } } } } }", json!({}))
            .await["contract"]
            .clone();
        assert_eq!(money["batches"]["nodes"][0]["lines"], json!({ "totalCount": 1, "nodes": [{ "claim": claims[0] }] }));
        assert_eq!(all["batches"]["nodes"][0]["claimed"]["amount"], "360.00");
        assert_eq!(money["batches"]["nodes"][0]["claimed"]["amount"], "180.00");
        assert!(money["claims"]["totalCount"].as_u64() < all["claims"]["totalCount"].as_u64(), "{money} {all}");
        assert!(money["claims"]["nodes"].as_array().expect("claims").iter().all(|claim| claim["journeyId"] == brent.as_str()));
        // They decide on theirs, and on nothing else.
        let decide = async |claim: &str| {
            let document = "mutation($input: DecideClaimInput!) { decideClaim(input: $input) { position problems { code } } }";
            let input = json!({ "commandId": new_id(), "batch": batch, "claims": [claim], "decision": "ACCEPT" });
            app.ask_with(&token, document, json!({ "input": input })).await.json()["data"]["decideClaim"].clone()
        };
        assert_eq!(decide(&claims[1]).await["problems"], json!([{ "code": "CLAIM_NOT_FOUND" }]));
        let done = decide(&claims[0]).await;
        assert!(done["position"].is_i64(), "{done}");
        // What is about the whole contract is not theirs.
        for document in ["{ contract(code: \"shps\") { cap { used { amount } } } }",
            "mutation { issueNotice(input: { commandId: \"ID\", contract: \"shps\", kind: WITHHOLDING, reason: \"late\" }) { position } }"]
        {
            let answer = app.ask_with(&token, &document.replace("ID", &new_id()), json!({})).await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{document}: {}", answer.body);
        }
        let contract = "{ contract(code: \"mst-essex\") { code } contracts { code } }";
        let elsewhere = app.ask_with(&token, contract, json!({})).await.json();
        assert_eq!(elsewhere["data"], json!({ "contract": null, "contracts": [{ "code": SHPS }] }), "{MST}");
    })
    .await;
}

#[test]
fn a_token_is_for_contracts_and_areas_that_there_are() {
    let place = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"));
        program.args(arguments).current_dir(place.path()).env("THROUGHLINE_KEY", place.path().join("key"));
        let done = program.env("THROUGHLINE_DATABASE", "sqlite:it.db").output().expect("it runs");
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let token = |more: &[&str]| run(&[&["token", "--subject", "somebody"], more].concat());
    assert_ne!(token(&["--role", "manager", "--contract", "shps"]).0, Some(0), "there is no database to look it up in");
    assert_eq!(run(&["contract", "open", "--rulebook", "shps"]).0, Some(0));
    for (arguments, code) in [
        (&["--role", "manager"][..], 0),
        (&["--role", "manager", "--contract", "shps"], 0),
        (&["--role", "manager", "--contract", "nope"], 2),
        (&["--role", "manager", "--contract", "shps", "--contract", "nope"], 2),
        (&["--role", "commissioner", "--contract", "shps", "--area", "brent"], 0),
        (&["--role", "commissioner", "--contract", "shps", "--area", "atlantis"], 2),
        (&["--role", "commissioner", "--area", "brent"], 2),
        (&["--role", "keyworker", "--contract", "shps", "--area", "brent"], 2),
        (&["--role", "administrator", "--contract", "shps", "--area", "brent"], 2),
    ] {
        let (ended, told) = token(arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {told}");
        assert!(code == 0 || !told.is_empty(), "it says why");
    }
}
