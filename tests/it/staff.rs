//! Whom somebody may know of: workers, teams and subjects of other contracts do not exist, newcomers are anybody's to
//! take on, and what is amended is judged by what it says; on both stores.

use std::io::Cursor;

use futures_util::future::join_all;
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::import::{Import, Outcome, Row};
use throughline::log::append::Expected;
use throughline::record::CommandRequest;
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::{CommandId, Occurred, StreamId, WorkerId};
use throughline_domain::fact::event::WorkerJoined;
use uuid::Uuid;

use crate::app::{
    MST, SHPS, TODAY, TestApp, administrator, call, keyworker, manager, new_id, on_both_stores, other_manager,
    test_caller, text, with,
};
use crate::relations::id;
use crate::subscriber::{Server, Subscriber};

/// Sends a mutation and asks for what is of every payload.
async fn send(app: &TestApp, who: &Principal, mutation: &str, input: Value) -> String {
    let (first, rest) = mutation.split_at(1);
    let document = format!(
        "mutation($input: {}{rest}Input!) {{ {mutation}(input: $input) {{ position events {{ id type }} problems {{ \
         __typename code message path allowed ... on Refusal {{ facts {{ event }} }} \
         ... on VersionConflict {{ actualVersion }} }} }} }}",
        first.to_uppercase()
    );
    let input = with(json!({ "commandId": new_id() }), input);
    let answer = app.answer(who, &document, json!({ "input": input })).await;
    let payload = answer.json()["data"][mutation].clone();
    if let Some(position) = payload["position"].as_i64() {
        let position = throughline_domain::fact::envelope::Position(position);
        assert!(app.fresh.views.passed(position, std::time::Duration::from_mins(1)).await, "the view follows");
    }
    answer.body
}

/// The same, which must be accepted; answers with the id of the last event.
pub(crate) async fn accepted(app: &TestApp, who: &Principal, mutation: &str, input: Value) -> String {
    let body = send(app, who, mutation, input).await;
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let events = answer["data"][mutation]["events"].as_array().unwrap_or_else(|| panic!("{mutation}: {body}")).clone();
    text(&events.last().unwrap_or_else(|| panic!("{mutation} was refused: {body}"))["id"])
}

/// Sends a mutation that must be refused so, at this path; answers with the body.
async fn refused(app: &TestApp, who: &Principal, mutation: &str, input: Value, (code, at): (&str, &[&str])) -> String {
    let body = send(app, who, mutation, input).await;
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let problem = &answer["data"][mutation]["problems"][0];
    assert_eq!((&problem["code"], &problem["path"]), (&json!(code), &json!(at)), "{mutation}: {body}");
    assert!(answer["data"][mutation]["events"].as_array().is_some_and(Vec::is_empty), "{mutation}: {body}");
    body
}

/// A manager who answers for every contract.
fn everywhere() -> Principal {
    test_caller(Role::Manager, "everywhere", &[])
}

/// People of the other contract: a worker with a case there, their team, the case and its subject.
struct Elsewhere {
    worker: String,
    joined: String,
    team: String,
    set: String,
    subject: String,
}

impl Elsewhere {
    async fn of(app: &TestApp) -> Self {
        let worker = app.add_worker("kw-mst").await;
        let journey = app.journey_elsewhere().await;
        let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-03" });
        app.done(&other_manager(), "assignWorker", input).await;
        let team = new_id();
        let input = json!({ "team": team, "label": "Team MST", "members": [worker, app.add_worker("kw-new").await] });
        let set = accepted(app, &other_manager(), "setTeam", with(input, json!({ "occurredOn": "2018-02-01" }))).await;
        let document = "query($id: UUID!, $worker: UUID!) { journey(id: $id) { subject { id } } \
                        events(filter: { stream: $worker }) { nodes { id } } }";
        let read = app.ask(&other_manager(), document, json!({ "id": journey, "worker": worker })).await;
        let joined = text(&read["events"]["nodes"][0]["id"]);
        let subject = text(&read["journey"]["subject"]["id"]);
        Self { worker, joined, team, set, subject }
    }
}

/// Every mutation about a worker or team, with the field that names it.
fn about_staff(elsewhere: &Elsewhere) -> Vec<(&'static str, &'static str, Value)> {
    let some = new_id();
    let correct =
        |target: &str, replacement: Value| json!({ "target": target, "replacement": replacement, "reason": "a slip" });
    let joining = json!({ "joining": { "label": "KW" } });
    let setting = json!({ "team": { "label": "T", "members": [] } });
    vec![
        ("leaveWorker", "worker", json!({})),
        ("setWte", "worker", json!({ "wte": "0.5" })),
        ("recordAbsence", "worker", json!({ "kind": "leave" })),
        ("setCapacity", "worker", json!({ "casesPerWte": "20" })),
        ("scoreAssessment", "worker", json!({ "instrument": "sdq", "score": "17" })),
        ("correctFact", "worker", correct(&elsewhere.joined, joining)),
        ("retractFact", "worker", json!({ "targets": [elsewhere.joined], "reason": "a slip" })),
        ("setCapacity", "team", json!({ "casesPerWte": "20" })),
        ("openVacancy", "team", json!({ "role": "keyworker", "wte": "1" })),
        ("fillVacancy", "team", json!({ "vacancy": some })),
        ("startCover", "team", json!({ "absent": elsewhere.worker, "by": some })),
        ("endCover", "team", json!({ "cover": some })),
        ("correctFact", "team", correct(&elsewhere.set, setting)),
        ("retractFact", "team", json!({ "targets": [elsewhere.set], "reason": "a slip" })),
    ]
}

#[tokio::test]
async fn workers_and_teams_of_another_contract_are_answered_like_ones_that_do_not_exist() {
    on_both_stores(async |app| {
        let elsewhere = Elsewhere::of(app).await;
        let unknown = new_id();
        for (mutation, field, rest) in about_staff(&elsewhere) {
            let (there, code) = match field {
                "worker" => (&elsewhere.worker, "WORKER_NOT_FOUND"),
                _ => (&elsewhere.team, "TEAM_NOT_FOUND"),
            };
            for expected in [json!({}), json!({ "expectedVersion": 0 }), json!({ "expectedVersion": 7 })] {
                for who in [manager(), test_caller(Role::Administrator, "administrator", &[SHPS])] {
                    if mutation == "scoreAssessment" && who.role == Role::Administrator {
                        continue;
                    }
                    let input = |of: &str| with(with(rest.clone(), json!({ field: of })), expected.clone());
                    let known = refused(app, &who, mutation, input(there), (code, &[field])).await;
                    let nowhere = refused(app, &who, mutation, input(&unknown), (code, &[field])).await;
                    assert_eq!(known.replace(there, "ID"), nowhere.replace(&unknown, "ID"), "{mutation}");
                }
            }
        }
        // An id that is taken elsewhere is no way to learn of whom.
        let taken = json!({ "worker": elsewhere.worker, "label": "KW" });
        refused(app, &manager(), "addWorker", taken, ("WORKER_NOT_FOUND", &["worker"])).await;
        let taken = json!({ "team": elsewhere.team, "label": "T", "members": [] });
        refused(app, &manager(), "setTeam", taken, ("TEAM_NOT_FOUND", &["team"])).await;
        let document = "query($id: UUID!, $node: ID!) { team(id: $id) { id } node(id: $node) { id } teams { nodes { id } } \
                        contract(code: \"shps\") { teams { nodes { id } } workers { nodes { label } } } }";
        let data = app.ask(&manager(), document, json!({ "id": elsewhere.team, "node": elsewhere.team })).await;
        let none = json!({ "nodes": [] });
        let newcomers = json!({ "teams": none, "workers": { "nodes": [{ "label": "KW-NEW" }] } });
        assert_eq!(data, json!({ "team": null, "node": null, "teams": none, "contract": newcomers }));
        // Whoever they belong to changes them.
        for (mutation, field, of) in [("setWte", "worker", &elsewhere.worker), ("openVacancy", "team", &elsewhere.team)]
        {
            let input = json!({ field: of, "wte": "0.5", "role": "keyworker" });
            let mut input = input.as_object().expect("an object").clone();
            if mutation == "setWte" {
                input.remove("role");
            }
            accepted(app, &other_manager(), mutation, Value::Object(input.clone())).await;
            input.insert("wte".to_owned(), json!("0.6"));
            accepted(app, &everywhere(), mutation, Value::Object(input)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_worker_of_another_contract_is_named_in_no_fact() {
    on_both_stores(async |app| {
        let elsewhere = Elsewhere::of(app).await;
        let own = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &own, "2018-02-02").await;
        let (team, vacancy) = (new_id(), new_id());
        let set = json!({ "team": team, "label": "T", "members": [own], "occurredOn": "2018-02-01" });
        accepted(app, &manager(), "setTeam", set).await;
        let open = json!({ "team": team, "vacancy": vacancy, "role": "keyworker", "wte": "1" });
        accepted(app, &manager(), "openVacancy", open).await;
        let (there, unknown) = (&elsewhere.worker, new_id());
        let named = |of: &str| {
            let of_journey = json!({ "journey": journey });
            vec![
                ("assignWorker", vec!["worker"], with(of_journey.clone(), json!({ "worker": of }))),
                ("releaseWorker", vec!["worker"], with(of_journey.clone(), json!({ "worker": of }))),
                ("logContact", vec!["worker"], with(call(&journey, TODAY), json!({ "worker": of }))),
                (
                    "setTask",
                    vec!["owner"],
                    with(of_journey, json!({ "kind": "letter", "dueOn": "2018-03-09", "owner": of })),
                ),
                ("setTeam", vec!["members", "1"], json!({ "team": team, "label": "T", "members": [own, of] })),
                ("fillVacancy", vec!["worker"], json!({ "team": team, "vacancy": vacancy, "worker": of })),
                ("startCover", vec!["by"], json!({ "team": team, "absent": own, "by": of })),
                ("startCover", vec!["absent"], json!({ "team": team, "absent": of, "by": own })),
            ]
        };
        for ((mutation, at, known), (_, _, nowhere)) in named(there).into_iter().zip(named(&unknown)) {
            let known = refused(app, &manager(), mutation, known, ("WORKER_NOT_FOUND", &at)).await;
            let nowhere = refused(app, &manager(), mutation, nowhere, ("WORKER_NOT_FOUND", &at)).await;
            assert_eq!(known.replace(there, "ID"), nowhere.replace(&unknown, "ID"), "{mutation}");
        }
        // Nobody is hidden from themselves: who comes over from another contract logs their first contact here.
        let journey = app.receive_referral("2018-02-01", "BR-2").await;
        let own = app.tell(&keyworker("kw-mst"), "logContact", call(&journey, TODAY)).await;
        assert_eq!(own["events"][0]["type"], "ContactLogged", "{own}");
    })
    .await;
}

#[tokio::test]
async fn a_worker_without_any_case_yet_can_be_chosen() {
    on_both_stores(async |app| {
        let document = "mutation($id: UUID!) { addWorker(input: { commandId: $id, label: \"KW-01\", login: \"kw-01\", \
                        occurredOn: \"2018-02-01\" }) { worker { id label } problems { message } } }";
        let added = app.ask(&manager(), document, json!({ "id": new_id() })).await["addWorker"].clone();
        assert_eq!((&added["worker"]["label"], &added["problems"]), (&json!("KW-01"), &json!([])));
        let worker = text(&added["worker"]["id"]);
        let document = "mutation($id: UUID!, $members: [UUID!]!) { setTeam(input: { commandId: $id, label: \"West\", \
                        members: $members, occurredOn: \"2018-02-01\" }) { team { id members { label } } } }";
        let set = app.ask(&manager(), document, json!({ "id": new_id(), "members": [worker] })).await;
        let team = text(&set["setTeam"]["team"]["id"]);
        let listed = async |who: &Principal, code: &str, as_of: &str| {
            let document = "query($code: String!, $asOf: Date!, $worker: ID!, $team: ID!) { \
                            worker: node(id: $worker) { id } team: node(id: $team) { id } \
                            contract(code: $code, at: { asOf: $asOf }) { workers { nodes { id } } teams { nodes { id } } } }";
            let variables = json!({ "code": code, "asOf": as_of, "worker": worker, "team": team });
            let data = app.ask(who, document, variables).await;
            let is_listed = data["contract"]["workers"]["nodes"][0]["id"] == worker.as_str();
            assert_eq!(data["contract"]["teams"]["nodes"][0]["id"] == team.as_str(), is_listed, "{data}");
            (is_listed, data["worker"]["id"] == worker.as_str(), data["team"]["id"] == team.as_str())
        };
        assert_eq!(listed(&manager(), SHPS, TODAY).await, (true, true, true));
        assert_eq!(listed(&manager(), SHPS, "2018-01-31").await, (false, true, true), "they had not joined then");
        assert_eq!(listed(&other_manager(), MST, TODAY).await, (true, true, true));

        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-20").await;
        assert_eq!(listed(&other_manager(), MST, TODAY).await, (false, false, false));
        for as_of in ["2018-02-10", TODAY] {
            assert_eq!(listed(&manager(), SHPS, as_of).await, (true, true, true));
        }
        // Who had a case stays.
        let release = json!({ "journey": journey, "worker": worker, "role": "keyworker" });
        app.done(&manager(), "releaseWorker", release).await;
        assert_eq!(listed(&manager(), SHPS, TODAY).await, (true, true, true));
        assert_eq!(listed(&other_manager(), MST, TODAY).await, (false, false, false));
    })
    .await;
}

#[tokio::test]
async fn subjects_of_another_contract_are_answered_like_ones_that_do_not_exist() {
    on_both_stores(async |app| {
        let elsewhere = Elsewhere::of(app).await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
        let own = text(&app.ask(&manager(), document, json!({ "id": journey })).await["journey"]["subject"]["id"]);
        let newcomer = text(&app.done(&manager(), "registerSubject", json!({})).await["subject"]["id"]);
        let (there, unknown) = (&elsewhere.subject, new_id());
        let about = |of: &str| {
            let link = |one: &str, other: &str| json!({ "subject": one, "with": other, "reason": "the same" });
            let amend = json!({ "subject": of, "targets": [elsewhere.joined], "reason": "a slip" });
            let refer = json!({ "contract": SHPS, "area": "brent", "subject": of });
            vec![
                ("receiveReferral", "subject", refer),
                ("linkSubjects", "subject", link(of, &own)),
                ("linkSubjects", "with", link(&own, of)),
                ("unlinkSubjects", "subject", link(of, &own)),
                ("unlinkSubjects", "with", link(&own, of)),
                ("giveConsent", "subject", json!({ "subject": of, "purpose": "evaluation" })),
                ("withdrawConsent", "subject", json!({ "subject": of, "purpose": "evaluation" })),
                ("placeHold", "subject", json!({ "subject": of, "reason": "a claim" })),
                ("proposeErasure", "subject", json!({ "subject": of, "ground": "RETENTION_ENDED" })),
                ("retractFact", "subject", amend),
            ]
        };
        for ((mutation, at, known), (_, _, nowhere)) in about(there).into_iter().zip(about(&unknown)) {
            let own_version = at == "with" || mutation == "receiveReferral";
            let versions = if own_version { vec![json!({})] } else { vec![json!({}), json!({ "expectedVersion": 9 })] };
            for expected in versions {
                let code = ("SUBJECT_NOT_FOUND", [at]);
                let told = async |input: &Value| {
                    refused(app, &manager(), mutation, with(input.clone(), expected.clone()), (code.0, &code.1)).await
                };
                let (known, nowhere) = (told(&known).await, told(&nowhere).await);
                assert_eq!(known.replace(there, "ID"), nowhere.replace(&unknown, "ID"), "{mutation}");
            }
        }
        let taken = json!({ "subject": there });
        refused(app, &manager(), "registerSubject", taken, ("SUBJECT_NOT_FOUND", &["subject"])).await;
        // One without a journey is anybody's to refer, and one's own is referred again.
        for subject in [&newcomer, &own] {
            let refer = json!({ "contract": SHPS, "area": "brent", "subject": subject });
            accepted(app, &manager(), "receiveReferral", refer).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_amended_is_judged_by_what_it_says() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
        let read = app.ask(&manager(), document, json!({ "id": journey })).await;
        let subject = json!({ "subject": read["journey"]["subject"]["id"] });
        let [machine, commissioner] =
            [Role::Integrator, Role::Commissioner].map(|role| test_caller(role, "x", &[SHPS]));
        app.add_worker("kw-ann").await;
        let ann = keyworker("kw-ann");
        let reason = json!({ "reason": "a slip" });
        let may = async |who: &Principal, mutation: &str, input: Value| {
            let body = send(app, who, mutation, with(input, reason.clone())).await;
            match body.split("may not ").nth(1) {
                Some(rest) => Err(rest.split(':').next().unwrap_or_default().to_owned()),
                None => Ok(body),
            }
        };
        let retract = |of: &Value, targets: &[&String]| with(of.clone(), json!({ "targets": targets }));
        let of = |fact: Value| with(subject.clone(), fact);
        let hold = accepted(app, &administrator(), "placeHold", of(json!({ "reason": "a claim" }))).await;
        let consent = accepted(app, &ann, "giveConsent", of(json!({ "purpose": "evaluation" }))).await;
        let other = accepted(app, &ann, "giveConsent", of(json!({ "purpose": "research" }))).await;
        let (holds, consents) = ("place holds or handle erasures", "record consents");
        for who in [&machine, &ann] {
            let both = may(who, "retractFact", retract(&subject, &[&consent, &hold])).await;
            assert_eq!(both, Err(holds.to_owned()), "all of them must be allowed");
            let correct = json!({ "target": hold, "replacement": { "hold": { "hold": new_id(), "reason": "other" } } });
            let correct = with(subject.clone(), correct);
            assert_eq!(may(who, "correctFact", correct).await, Err(holds.to_owned()));
        }
        let denied = may(&administrator(), "retractFact", retract(&subject, &[&consent])).await;
        assert_eq!(denied, Err(consents.to_owned()));
        let taken = accepted(app, &ann, "retractFact", with(retract(&subject, &[&consent]), reason.clone())).await;
        accepted(app, &machine, "retractFact", with(retract(&subject, &[&other]), reason.clone())).await;
        accepted(app, &administrator(), "retractFact", with(retract(&subject, &[&hold]), reason.clone())).await;
        // A retraction is spoken of by whoever may speak of the fact.
        let denied = may(&administrator(), "retractFact", retract(&subject, &[&taken])).await;
        assert_eq!(denied, Err(consents.to_owned()));
        let nowhere = retract(&subject, &[&new_id()]);
        for who in [&ann, &machine, &manager(), &administrator()] {
            let body = may(who, "retractFact", nowhere.clone()).await.expect("no role is in the way");
            assert!(body.contains("FACT_NOT_FOUND"), "{body}");
        }

        let contract = json!({ "contract": SHPS });
        let of = |fact: Value| with(contract.clone(), fact);
        let period = json!({ "first": "2018-01-01", "last": "2018-01-31" });
        let commentary =
            json!({ "report": "monthly", "period": period, "section": "referrals", "text": "a slow month" });
        let commentary = accepted(app, &manager(), "recordCommentary", of(commentary)).await;
        let notice = json!({ "kind": "WITHHOLDING", "reason": "late reports" });
        let notice = accepted(app, &commissioner, "issueNotice", of(notice)).await;
        let (accounts, notices) = ("report on contracts", "supervise contracts");
        let denied = may(&commissioner, "retractFact", retract(&contract, &[&commentary])).await;
        assert_eq!(denied, Err(accounts.to_owned()));
        let denied = may(&machine, "retractFact", retract(&contract, &[&notice])).await;
        assert_eq!(denied, Err(notices.to_owned()));
        let denied = may(&administrator(), "retractFact", retract(&contract, &[&notice])).await;
        assert_eq!(denied, Err(notices.to_owned()));
        accepted(app, &manager(), "retractFact", with(retract(&contract, &[&commentary]), reason.clone())).await;
        accepted(app, &commissioner, "retractFact", with(retract(&contract, &[&notice]), reason.clone())).await;
    })
    .await;
}

async fn worker_of(app: &TestApp, login: &str) -> Value {
    app.ask(&keyworker(login), "{ viewer { worker { id } } }", json!({})).await["viewer"]["worker"]["id"].clone()
}

#[tokio::test]
async fn a_login_is_one_workers_at_a_time_and_a_returner_signs_in_again() {
    on_both_stores(async |app| {
        let first = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &first, "2018-02-02").await;
        let again = json!({ "label": "KW-07b", "login": "kw-07", "occurredOn": "2018-02-10" });
        let taken = ("LOGIN_TAKEN", &["login"][..]);
        refused(app, &manager(), "addWorker", again.clone(), taken).await;
        let other = app.add_worker("kw-08").await;
        let events = "query($id: UUID!) { events(filter: { stream: $id }) { nodes { id type } } }";
        let joined = async |worker: &str| {
            let read = app.ask(&everywhere(), events, json!({ "id": worker })).await;
            text(&read["events"]["nodes"][0]["id"])
        };
        let correct = async |worker: &str, label: &str, login: &str| {
            let target = joined(worker).await;
            json!({
                "worker": worker, "target": target, "reason": "a slip",
                "replacement": { "joining": { "label": label, "login": login } },
            })
        };
        let path = &["replacement", "joining", "login"][..];
        let input = correct(&other, "KW-08", "kw-07").await;
        refused(app, &manager(), "correctFact", input, ("LOGIN_TAKEN", path)).await;
        accepted(app, &manager(), "correctFact", correct(&first, "KW-7", "kw-07").await).await;

        let left = json!({ "worker": first, "occurredOn": "2018-02-09" });
        let left = accepted(app, &manager(), "leaveWorker", left).await;
        let back = text(&app.done(&manager(), "addWorker", again).await["worker"]["id"]);
        assert_eq!(worker_of(app, "kw-07").await, back.as_str());
        let contact = app.log_contact(&keyworker("kw-07"), call(&journey, TODAY)).await;
        let read = "query($id: UUID!) { journey(id: $id) { contacts { worker { id } } } }";
        let read = app.ask(&keyworker("kw-07"), read, json!({ "id": journey })).await;
        assert_eq!(read["journey"]["contacts"][0]["worker"]["id"], back.as_str(), "{contact}");
        // The first cannot come back to it, whichever way.
        let input = json!({ "worker": first, "targets": [left], "reason": "never left" });
        refused(app, &manager(), "retractFact", input, ("LOGIN_TAKEN", &["targets"])).await;
    })
    .await;
}

#[tokio::test]
async fn two_workers_who_were_given_one_login_at_once_are_distinguished_alike_everywhere() {
    on_both_stores(async |app| {
        let [early, late] = ["2018-01-01", "2018-02-01"].map(|on| (WorkerId(id(&new_id())), on));
        // Nothing is asked of the view, as if neither command had seen the other.
        let recorder = app.fresh.recorder.ordered();
        let instruct = |(worker, on): (WorkerId, &str)| {
            let occurred = Occurred::on(on.parse().expect("a day"));
            let fact = WorkerJoined { login: Some("kw-07".to_owned()), label: on.to_owned() };
            CommandRequest {
                principal: everywhere(),
                command_id: CommandId(id(&new_id())),
                body: Vec::new(),
                expected: Expected::Any,
                source: None,
                accept_warnings: std::collections::BTreeSet::new(),
                dry_run: false,
                command: Command::record_fact(StreamId::worker(worker), occurred, fact),
            }
        };
        let both = join_all([late, early].map(|of| recorder.append(instruct(of)))).await;
        assert!(both.iter().all(Result::is_ok), "{both:?}");
        // A command that waits for the view sees both of them.
        let again = json!({ "label": "KW", "login": "kw-07" });
        refused(app, &manager(), "addWorker", again, ("LOGIN_TAKEN", &["login"])).await;
        assert_eq!(worker_of(app, "kw-07").await, late.0.to_string().as_str());
        let worker = late.0.to_string();
        accepted(app, &manager(), "leaveWorker", json!({ "worker": worker })).await;
        assert_eq!(worker_of(app, "kw-07").await, early.0.to_string().as_str());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_subscription_and_a_replay_send_the_same_events() {
    const RECORDED: &str = "subscription($after: Position) { eventRecorded(after: $after) { \
                            position event { id type } } }";
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let begun = app.head().await;
        let follow = async |who: &Principal| {
            let mut peer = Subscriber::at(&server.address, &app.token(who)).await;
            peer.begin("1", RECORDED, json!({ "after": begun })).await;
            peer
        };
        let mut live = follow(&manager()).await;
        let mut told = Vec::new();
        for number in 1..=15 {
            let journey = app.receive_referral("2018-02-01", &format!("BR-{number}")).await;
            app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
            let worker = app.add_worker(&format!("kw-{number}")).await;
            // What is new is told before anything becomes of it.
            for _ in ["SubjectRegistered", "ReferralReceived", "ReferralAccepted", "WorkerJoined"] {
                told.push(live.item().await);
            }
            let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-02" });
            app.done(&manager(), "assignWorker", input).await;
            told.push(live.item().await);
        }
        let mut again = follow(&manager()).await;
        for item in &told {
            assert_eq!(&again.item().await, item);
        }
        assert_eq!(told.len(), 75);
        let document = "query($after: Position!) { events(after: $after, first: 200) { nodes { id type } } }";
        let feed = app.ask(&manager(), document, json!({ "after": begun })).await["events"]["nodes"].clone();
        assert_eq!(feed, told.iter().map(|item| item["event"].clone()).collect::<Value>());
        // To the other contract they were newcomers, and are so no more.
        let feed = app.ask(&other_manager(), document, json!({ "after": begun })).await["events"]["nodes"].clone();
        assert_eq!(feed, json!([]));
        drop((live, again));
        server.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_may_not_open_a_contract_of_this_code_reads_what_their_token_is_for() {
    on_both_stores(async |app| {
        let who = test_caller(Role::Administrator, "administrator", &[MST]);
        let open = |code: &str| json!({ "code": code, "name": code, "startsOn": "2018-01-01", "rulebook": "" });
        let not_mine = ("CONTRACT_NOT_FOUND", &["code"][..]);
        let there = refused(app, &who, "openContract", open(SHPS), not_mine).await;
        assert!(there.contains("your token does not cover this contract"), "{there}");
        assert_eq!(there, refused(app, &who, "openContract", open("nothing"), not_mine).await);
    })
    .await;
}

#[tokio::test]
async fn an_administrator_places_a_hold_and_is_not_shown_the_subject() {
    on_both_stores(async |app| {
        let subject = text(&app.done(&manager(), "registerSubject", json!({})).await["subject"]["id"]);
        let document = "mutation($id: UUID!, $subject: UUID!) { placeHold(input: { commandId: $id, subject: $subject, \
                        reason: \"a claim\" }) { subject { id } events { type } problems { code } } }";
        let data = app.ask(&administrator(), document, json!({ "id": new_id(), "subject": subject })).await;
        let told = json!({ "subject": null, "events": [{ "type": "LegalHoldPlaced" }], "problems": [] });
        assert_eq!(data["placeHold"], told);
    })
    .await;
}

/// A line of a worker's or a subject's stream.
fn line(number: u128, stream: &str, kind: &str, on: &str, payload: &Value) -> String {
    let of = stream.split('/').next().expect("a kind");
    json!({
        "specversion": "1.0", "id": Uuid::from_u128(number), "source": "staff-list", "subject": stream, "time": on,
        "type": format!("throughline.{of}.{kind}.v1"), "data": { "payload": payload },
    })
    .to_string()
}

#[tokio::test]
async fn a_file_keeps_logins_apart_knows_everybody_and_brings_no_decisions() {
    on_both_stores(async |app| {
        let elsewhere = Elsewhere::of(app).await;
        let [first, second, third] = [1, 2, 3].map(|number| format!("worker/{}", Uuid::from_u128(0x100 + number)));
        let joins = |label: &str| json!({ "label": label, "login": "kw-file" });
        let (there, subject) = (format!("worker/{}", elsewhere.worker), format!("subject/{}", elsewhere.subject));
        let hold = json!({ "hold": new_id(), "reason": "a claim" });
        let lines = [
            (line(1, &first, "worker_joined", "2018-01-01", &joins("A")), None),
            (line(2, &second, "worker_joined", "2018-01-02", &joins("B")), Some("LOGIN_TAKEN")),
            (line(3, &first, "worker_left", "2018-02-01", &json!({})), None),
            (line(4, &third, "worker_joined", "2018-02-01", &joins("C")), None),
            (line(5, &there, "wte_set", "2018-02-10", &json!({ "wte": 0.5 })), None),
            (line(6, &subject, "consent_given", "2018-02-10", &json!({ "purpose": "evaluation" })), None),
            (line(7, &subject, "legal_hold_placed", "2018-02-10", &hold), Some("FORBIDDEN")),
        ];
        let file = lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n");
        let principal = test_caller(Role::Integrator, "command line", &[]);
        let import = Import { recorder: &app.fresh.recorder, principal: &principal, contract: SHPS };
        let mut told = Vec::new();
        let report = |row: &Row| {
            told.push(match &row.outcome {
                Outcome::Refused(problems) => Some((problems[0].code, problems[0].message.clone())),
                Outcome::Recorded(_) => None,
                other => panic!("{other:?}"),
            });
        };
        import.ndjson(Cursor::new(file), report).await.expect("an import");
        let codes: Vec<Option<&str>> = told.iter().map(|told| told.as_ref().map(|(code, _)| *code)).collect();
        assert_eq!(codes, lines.iter().map(|(_, code)| *code).collect::<Vec<_>>(), "{told:?}");
        let (_, message) = told.pop().flatten().expect("a refusal");
        assert!(
            message.starts_with("an import may not place holds")
                && message.contains(
                    "through the \
            API"
                ),
            "{message}"
        );
    })
    .await;
}
