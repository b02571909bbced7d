//! Who is away and who does their work meanwhile: cover, cases held for some days, and leaving; on both stores.

use serde_json::{Value, json};
use throughline::access::Principal;

use crate::app::{SHPS, TODAY, TestApp, keyworker, manager, on_both_stores, refusals, text, with};
use crate::relations::set_team;

const TEAM: &str = "00000000-0000-0000-0000-000000007ea1";

async fn case(app: &TestApp, reference: &str, worker: &str) -> String {
    let journey = app.receive_referral("2018-02-01", reference).await;
    app.take_on(&journey, worker, "2018-02-02").await;
    journey
}

/// The references of the cases in a list of the contract, with these arguments.
async fn listed(app: &TestApp, who: &Principal, list: &str, arguments: &str) -> Vec<String> {
    let document = format!(
        "{{ contract(code: \"{SHPS}\") {{ {list}{arguments} {{ totalCount nodes {{ journey {{ reference }} }} }} }} }}"
    );
    let found = app.ask(who, &document, json!({})).await["contract"][list].clone();
    let nodes = found["nodes"].as_array().expect("nodes");
    assert_eq!(found["totalCount"], nodes.len());
    nodes.iter().map(|node| text(&node["journey"]["reference"])).collect()
}

#[tokio::test]
async fn the_diary_and_tasks_of_a_stand_in_have_what_the_absent_worker_is_to_do() {
    on_both_stores(async |app| {
        let [ann, cat] = [app.add_worker("kw-ann").await, app.add_worker("kw-cat").await];
        set_team(app, 1, "2018-01-01", &[&ann]).await;
        set_team(app, 2, "2018-01-01", &[&cat]).await;
        for (reference, worker) in [("A", &ann), ("B", &cat)] {
            let journey = case(app, reference, worker).await;
            let booking = json!({ "journey": journey, "scheduledOn": "2018-03-09", "channel": "phone" });
            app.done(&manager(), "bookAppointment", booking).await;
            let task = json!({ "journey": journey, "kind": "letter", "dueOn": "2018-03-09" });
            app.done(&manager(), "setTask", task).await;
        }
        let cover =
            json!({ "team": TEAM, "absent": ann, "by": cat, "occurredOn": "2018-03-05", "until": "2018-03-10" });
        app.done(&manager(), "startCover", cover).await;
        let own = format!("(keyworker: \"{cat}\")");
        let sees = async |who: &Principal, arguments: &str| {
            let [diary, tasks] =
                [listed(app, who, "diary", arguments).await, listed(app, who, "tasks", arguments).await];
            assert_eq!(diary, tasks);
            diary
        };
        let (who, both) = (keyworker("kw-cat"), ["A", "B"]);
        assert_eq!(sees(&who, &own).await, ["B"], "the cover is still to come");
        for day in ["2018-03-05", "2018-03-09"] {
            app.it_is(&format!("{day}T09:00:00Z"));
            let mut found = sees(&who, &own).await;
            found.sort();
            assert_eq!(found, both, "{day}: one's own list has what one covers");
            assert_eq!(sees(&who, &format!("(keyworker: \"{cat}\", covered: false)")).await, ["B"]);
            assert_eq!(sees(&manager(), &own).await, ["B"], "and a board's number its own cases alone");
            assert_eq!(sees(&manager(), &format!("(keyworker: \"{cat}\", covered: true)")).await.len(), 2);
        }
        app.it_is("2018-03-10T09:00:00Z");
        assert_eq!(sees(&who, &own).await, ["B"], "the first day without it");
    })
    .await;
}

/// The only warning of a payload: its code and message.
fn warned(payload: &Value) -> (String, String) {
    let problems = payload["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 1, "{payload:#}");
    assert_eq!(problems[0]["severity"], "WARNING", "{payload:#}");
    (text(&problems[0]["code"]), text(&problems[0]["message"]))
}

#[tokio::test]
async fn a_leaving_warns_of_appointments_tasks_covers_and_loans_that_outlast_it_and_of_nothing_else() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        let journey = case(app, "A", &ann).await;
        let leaves = json!({ "worker": bob, "lastDay": "2018-03-05" });
        let nothing = with(leaves.clone(), json!({ "dryRun": true }));
        assert_eq!(refusals(&app.tell(&manager(), "leaveWorker", nothing.clone()).await), [""; 0]);
        let warning = async || warned(&app.tell(&manager(), "leaveWorker", leaves.clone()).await).1;
        let booking = json!({ "journey": journey, "scheduledOn": "2018-03-09", "channel": "phone", "worker": bob });
        app.done(&manager(), "bookAppointment", booking).await;
        let found = warning().await;
        assert!(found.contains("2018-03-06 or later, 1 planned appointment, the last on 2018-03-09"), "{found}");
        assert!(!found.contains("contacts") && !found.contains("assignment"), "{found}");
        let task = json!({ "journey": journey, "kind": "letter", "dueOn": "2018-03-08", "owner": bob });
        app.done(&manager(), "setTask", task).await;
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        let cover = json!({ "team": TEAM, "absent": ann, "by": bob, "until": "2018-03-10" });
        app.done(&manager(), "startCover", cover).await;
        let loan = json!({ "journeys": [journey], "worker": bob, "until": "2018-03-12" });
        app.done(&manager(), "assignWorkers", loan).await;
        let found = warning().await;
        for part in [
            "1 planned appointment",
            "1 open task",
            "1 cover of another worker",
            "1 temporarily held case that no worker would hold",
        ] {
            assert!(found.contains(part), "{found}");
        }
        let accepted = with(leaves.clone(), json!({ "acceptWarnings": ["WORKER_HAS_LATER_FACTS"] }));
        app.done(&manager(), "leaveWorker", accepted).await;
    })
    .await;
}

/// Who holds a case as keyworker on a day.
async fn holder(app: &TestApp, journey: &str, day: &str) -> Value {
    let document = "query($id: UUID!, $at: JourneyAt!) { journey(id: $id, at: $at) { keyworker { label } } }";
    let read = app.ask(&manager(), document, json!({ "id": journey, "at": { "asOf": day } })).await;
    read["journey"]["keyworker"]["label"].clone()
}

#[tokio::test]
async fn a_case_given_back_early_is_the_former_keyworkers_from_that_day_on() {
    on_both_stores(async |app| {
        let [ann, bob, cat] =
            [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await, app.add_worker("kw-cat").await];
        let journey = case(app, "A", &ann).await;
        let lend = |worker: &str, on: &str, until: &str| {
            json!({ "journeys": [journey], "worker": worker, "occurredOn": on, "until": until })
        };
        app.done(&manager(), "assignWorkers", lend(&bob, "2018-02-10", "2018-02-27")).await;
        app.done(&manager(), "assignWorkers", lend(&cat, "2018-02-15", "2018-02-22")).await;
        let release = |worker: &str, on: &str| json!({ "journey": journey, "worker": worker, "occurredOn": on });
        app.done(&manager(), "releaseWorker", release(&cat, "2018-02-18")).await;
        for (day, who) in [("2018-02-14", "KW-BOB"), ("2018-02-17", "KW-CAT"), ("2018-02-18", "KW-BOB")] {
            assert_eq!(holder(app, &journey, day).await, who, "{day}");
        }
        app.done(&manager(), "releaseWorker", release(&bob, "2018-02-20")).await;
        for (day, who) in [("2018-02-19", "KW-BOB"), ("2018-02-20", "KW-ANN"), (TODAY, "KW-ANN")] {
            assert_eq!(holder(app, &journey, day).await, who, "{day}");
        }
        let own = format!("(filter: {{ keyworker: \"{ann}\" }})");
        let document = format!("{{ contract(code: \"{SHPS}\") {{ journeys{own} {{ totalCount }} }} }}");
        assert_eq!(app.ask(&manager(), &document, json!({})).await["contract"]["journeys"]["totalCount"], 1);
        // Who has it back is released as ever, and who gave it back no longer.
        let again = app.tell(&manager(), "releaseWorker", release(&bob, "2018-02-24")).await;
        assert_eq!(refusals(&again), ["NOT_ASSIGNED"]);
        app.done(&manager(), "releaseWorker", release(&ann, "2018-02-25")).await;
        assert_eq!(holder(app, &journey, TODAY).await, Value::Null);
    })
    .await;
}
