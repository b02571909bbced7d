//! What deserves a second look, or is refused because it would be lost: doubles, work of those who never see it, roles
//! and dates that are slips; on both stores.

use serde_json::{Value, json};

use crate::app::{SHPS, TODAY, TestApp, call, keyworker, manager, new_id, on_both_stores, refusals, text, with};
use crate::relations::set_team;

async fn case(app: &TestApp, reference: &str, worker: &str) -> String {
    let journey = app.receive_referral("2018-02-01", reference).await;
    app.take_on(&journey, worker, "2018-02-02").await;
    journey
}

/// What a mutation by the manager is told: each problem's code and path.
async fn told(app: &TestApp, mutation: &str, input: &Value) -> Vec<(String, String)> {
    let payload = app.tell(&manager(), mutation, input.clone()).await;
    let problems = payload["problems"].as_array().expect("problems").clone();
    let path = |problem: &Value| {
        let steps = problem["path"].as_array().cloned().unwrap_or_default();
        steps.iter().map(text).collect::<Vec<_>>().join(".")
    };
    let said = problems.iter().filter(|problem| problem["code"] != "DRY_RUN");
    said.map(|problem| (text(&problem["code"]), path(problem))).collect()
}

/// A mutation of the manager's that is recorded, and of which nothing is to be looked at.
async fn done(app: &TestApp, mutation: &str, input: Value) -> Value {
    let payload = app.done(&manager(), mutation, input).await;
    let said = payload["problems"].as_array().expect("problems").iter().filter(|problem| problem["code"] != "DRY_RUN");
    assert_eq!(said.count(), 0, "{mutation}: {payload:#}");
    payload
}

async fn codes(app: &TestApp, mutation: &str, input: &Value) -> Vec<String> {
    told(app, mutation, input).await.into_iter().map(|(code, _)| code).collect()
}

#[tokio::test]
async fn work_for_a_worker_who_does_not_see_the_case_warns() {
    on_both_stores(async |app| {
        let [ann, bob, eve] =
            [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await, app.add_worker("kw-eve").await];
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        set_team(app, 2, "2018-01-01", &[&eve]).await;
        let journey = case(app, "A", &ann).await;
        let (task, appointment) = (new_id(), new_id());
        let set = |owner: &str| {
            let due = json!({ "journey": journey, "kind": "letter", "dueOn": "2018-03-08" });
            with(due, json!({ "owner": owner }))
        };
        let book = |worker: &str, on: &str| {
            let slot = json!({ "journey": journey, "scheduledOn": on, "channel": "phone" });
            with(slot, json!({ "worker": worker }))
        };
        let warning = |path: &str| [("WORKER_DOES_NOT_SEE_CASE".to_owned(), path.to_owned())];
        assert_eq!(told(app, "setTask", &set(&eve)).await, warning("owner"));
        assert_eq!(told(app, "bookAppointment", &book(&eve, "2018-03-08")).await, warning("worker"));
        done(app, "setTask", with(set(&bob), json!({ "task": task }))).await;
        let booked = with(book(&bob, "2018-03-08"), json!({ "appointment": appointment }));
        done(app, "bookAppointment", booked).await;
        let moved = json!({ "journey": journey, "appointment": appointment, "worker": eve });
        assert_eq!(told(app, "moveAppointment", &moved).await, warning("worker"));
        let document = "query($id: UUID!) { journey(id: $id) { tasks { event } appointments { event } } }";
        let read = app.ask(&manager(), document, json!({ "id": journey })).await["journey"].clone();
        for (target, replacement, path) in [
            (&read["tasks"][0]["event"], json!({ "task": { "owner": eve } }), "replacement.task.owner"),
            (
                &read["appointments"][0]["event"],
                json!({ "appointment": { "worker": eve } }),
                "replacement.appointment.worker",
            ),
        ] {
            let patch = json!({ "journey": journey, "target": target, "reason": "a slip", "replacement": replacement });
            assert_eq!(told(app, "correctFact", &patch).await, warning(path));
        }
        // On the day that it is for they see the case, or they hold it in a role.
        let team = "00000000-0000-0000-0000-000000007ea1";
        let cover =
            json!({ "team": team, "absent": ann, "by": eve, "occurredOn": "2018-03-08", "until": "2018-03-10" });
        done(app, "startCover", cover).await;
        done(app, "bookAppointment", book(&eve, "2018-03-09")).await;
        assert_eq!(told(app, "bookAppointment", &book(&eve, "2018-03-12")).await, warning("worker"));
        let mentor = json!({ "journey": journey, "worker": eve, "role": "mentor" });
        done(app, "assignWorker", mentor).await;
        done(app, "bookAppointment", book(&eve, "2018-03-12")).await;
        let own = app.tell(&keyworker("kw-ann"), "setTask", with(set(&eve), json!({ "kind": "call" }))).await;
        assert_eq!(own["problems"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn an_exact_double_warns_whatever_its_id_on_every_stream() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        let journey = case(app, "A", &ann).await;
        let of = |more: Value| with(json!({ "journey": journey }), more);
        let digest = "ab".repeat(32);
        let evidence = json!({
            "kind": "tenancy_agreement", "datedOn": "2018-02-10", "sha256": digest,
            "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"],
        });
        let spell = json!({ "domain": "accommodation", "occurredOn": "2018-02-10", "attributes": [
            { "name": "secured_as", "value": "new" },
        ] });
        let team = "00000000-0000-0000-0000-000000007ea1";
        for (mutation, first, again) in [
            ("setTask", of(json!({ "kind": "letter", "dueOn": "2018-03-08" })), json!({ "occurredOn": "2018-02-28" })),
            (
                "bookAppointment",
                of(json!({ "scheduledOn": "2018-03-08", "channel": "phone", "time": "10:00" })),
                json!({ "worker": bob, "occurredOn": "2018-02-28" }),
            ),
            ("raiseRisk", of(json!({ "kind": "homelessness" })), json!({})),
            ("startSpell", of(spell), json!({})),
            ("attachEvidence", of(evidence), json!({ "datedOn": "2018-02-11", "occurredOn": "2018-02-28" })),
            ("recordAbsence", json!({ "worker": ann, "kind": "sickness", "backOn": "2018-03-08" }), json!({})),
            ("startCover", json!({ "team": team, "absent": ann, "by": bob, "until": "2018-03-08" }), json!({})),
        ] {
            done(app, mutation, first.clone()).await;
            let again = with(first, again);
            assert_eq!(codes(app, mutation, &again).await, ["RECORDED_ALREADY"], "{mutation}");
        }
        // What is over may be booked or set again, and what differs is another.
        let read = "query($id: UUID!) { journey(id: $id) { tasks { id } appointments { id } } }";
        let read = app.ask(&manager(), read, json!({ "id": journey })).await["journey"].clone();
        done(app, "completeTask", of(json!({ "task": read["tasks"][0]["id"] }))).await;
        done(app, "setTask", of(json!({ "kind": "letter", "dueOn": "2018-03-08" }))).await;
        let off = of(json!({ "appointment": read["appointments"][0]["id"], "by": "SERVICE" }));
        done(app, "cancelAppointment", off).await;
        let other = of(json!({ "scheduledOn": "2018-03-08", "channel": "phone", "time": "11:00" }));
        done(app, "bookAppointment", other).await;
        let slot = of(json!({ "scheduledOn": "2018-03-08", "channel": "phone", "time": "10:00" }));
        let id = new_id();
        done(app, "bookAppointment", with(slot, json!({ "appointment": id }))).await;
        let onto = of(json!({ "appointment": id, "time": "11:00" }));
        assert_eq!(codes(app, "moveAppointment", &onto).await, ["RECORDED_ALREADY"], "moved onto another one");
    })
    .await;
}

#[tokio::test]
async fn a_correction_that_makes_one_contact_another_warns_once() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        app.log_contact(&manager(), call(&journey, "2018-02-20")).await;
        let other = app.log_contact(&manager(), call(&journey, "2018-02-21")).await["events"][0]["id"].clone();
        let correct = |on: &str, more: Value| {
            let patch = json!({ "journey": journey, "target": other, "reason": "a slip", "occurredOn": on });
            with(patch, more)
        };
        assert_eq!(codes(app, "correctFact", &correct("2018-02-20", json!({}))).await, ["RECORDED_ALREADY"]);
        let accepted = correct("2018-02-20", json!({ "acceptWarnings": ["RECORDED_ALREADY"] }));
        done(app, "correctFact", accepted).await;
        let apart = json!({ "replacement": { "contact": { "minutes": 20 } } });
        done(app, "correctFact", correct("2018-02-20", apart)).await;
        // A warning leads through the input as it was sent.
        let contradictory = json!({ "replacement": { "contact": { "attendance": "DID_NOT_ATTEND" } } });
        let found = told(app, "correctFact", &correct("2018-02-20", contradictory)).await;
        assert_eq!(found, [("CONTACT_CONTRADICTORY".to_owned(), "replacement.contact.twoWay".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn a_keyworker_is_one_however_the_role_is_written() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let unassigned = format!("{{ contract(code: \"{SHPS}\") {{ caseload(unassigned: true) {{ totalCount }} }} }}");
        for (at, role) in ["Keyworker", "key worker", "KEY_WORKER", " key-worker "].into_iter().enumerate() {
            let journey = app.receive_referral("2018-02-01", &format!("R-{at}")).await;
            done(app, "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
            let many = json!({ "journeys": [journey], "worker": ann, "role": role, "occurredOn": "2018-02-02" });
            let one = json!({ "journey": journey, "worker": ann, "role": role, "occurredOn": "2018-02-02" });
            let (mutation, input) = if at % 2 == 0 { ("assignWorkers", many) } else { ("assignWorker", one) };
            done(app, mutation, input).await;
            let left = app.ask(&manager(), &unassigned, json!({})).await;
            assert_eq!(left["contract"]["caseload"]["totalCount"], 0, "{role:?}");
            let release = json!({ "journey": journey, "worker": ann, "role": role, "occurredOn": "2018-02-20" });
            done(app, "releaseWorker", with(release, json!({ "dryRun": true }))).await;
        }
        let journey = app.receive_referral("2018-02-01", "R-9").await;
        done(app, "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
        done(app, "assignWorker", json!({ "journey": journey, "worker": ann, "role": "mentor" })).await;
        let left = app.ask(&manager(), &unassigned, json!({})).await;
        assert_eq!(left["contract"]["caseload"]["totalCount"], 1, "another role is another role");
    })
    .await;
}

#[tokio::test]
async fn an_appointment_kept_or_missed_before_its_day_warns() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        let id = new_id();
        let booking = json!({
            "journey": journey, "appointment": id, "scheduledOn": "2018-03-08", "channel": "phone",
            "occurredOn": "2018-02-20",
        });
        done(app, "bookAppointment", booking).await;
        let contact = |attendance: &str| {
            json!({ "journey": journey, "appointment": id, "channel": "phone", "attendance": attendance, "dryRun": true })
        };
        for (attendance, warns) in
            [("ATTENDED", true), ("DID_NOT_ATTEND", true), ("CANCELLED_BY_CLIENT", false), ("CANCELLED_BY_SERVICE", false)]
        {
            let found = told(app, "logContact", &contact(attendance)).await;
            let expected = [("BEFORE_APPOINTMENT".to_owned(), "occurredOn".to_owned())];
            assert_eq!(found, if warns { expected.as_slice() } else { &[] }, "{attendance}");
        }
        app.it_is("2018-03-08T09:00:00Z");
        assert_eq!(codes(app, "logContact", &contact("ATTENDED")).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_is_planned_after_the_close_of_the_same_day_warns() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        let id = new_id();
        let of = |more: Value| with(json!({ "journey": journey }), more);
        let booking = |on: &str| of(json!({ "scheduledOn": on, "channel": "phone" }));
        done(app, "bookAppointment", with(booking("2018-03-08"), json!({ "appointment": id }))).await;
        let close = of(json!({ "reason": "moved_away", "acceptWarnings": ["APPOINTMENTS_OPEN"] }));
        done(app, "closeJourney", close).await;
        for (mutation, input) in [
            ("bookAppointment", booking("2018-03-09")),
            ("setTask", of(json!({ "kind": "letter", "dueOn": "2018-03-09" }))),
            ("moveAppointment", of(json!({ "appointment": id, "scheduledOn": "2018-03-09" }))),
        ] {
            assert_eq!(codes(app, mutation, &input).await, ["PLANNED_AFTER_CLOSE"], "{mutation}");
        }
        app.log_contact(&manager(), call(&journey, TODAY)).await;
        done(app, "reopenJourney", of(json!({ "reason": "they are back" }))).await;
        done(app, "bookAppointment", booking("2018-03-09")).await;
    })
    .await;
}

#[tokio::test]
async fn a_time_is_of_a_day_alone() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        let timed = |more: Value| with(call(&journey, "2018-02-20"), with(json!({ "localTime": "10:00" }), more));
        let wrong = [("INVALID_VALUE".to_owned(), "localTime".to_owned())];
        for precision in ["MONTH", "YEAR"] {
            assert_eq!(told(app, "logContact", &timed(json!({ "precision": precision }))).await, wrong);
        }
        let target = app.log_contact(&manager(), timed(json!({}))).await["events"][0]["id"].clone();
        let patch = json!({ "journey": journey, "target": target, "reason": "a slip", "precision": "MONTH" });
        assert_eq!(told(app, "correctFact", &with(patch.clone(), json!({ "localTime": "11:00" }))).await, wrong);
        done(app, "correctFact", patch).await;
    })
    .await;
}

#[tokio::test]
async fn an_appointment_is_found_by_its_id() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        let id = new_id();
        let booking = json!({ "journey": journey, "appointment": id, "scheduledOn": "2018-03-08", "channel": "phone" });
        done(app, "bookAppointment", booking).await;
        let document = "query($id: ID!) { node(id: $id) { id ... on Appointment { scheduledOn journey { id } } } }";
        let found = app.ask(&manager(), document, json!({ "id": id })).await;
        let expected = json!({ "id": id, "scheduledOn": "2018-03-08", "journey": { "id": journey } });
        assert_eq!(found["node"], expected);
    })
    .await;
}

#[tokio::test]
async fn many_cases_are_of_one_contract_and_not_more_than_a_thousand() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journeys: Vec<String> = (0..1_001).map(|_| new_id()).collect();
        let payload = app.tell(&manager(), "assignWorkers", json!({ "journeys": journeys, "worker": ann })).await;
        assert_eq!(refusals(&payload), ["INPUT_TOO_LONG"], "{payload}");
        assert!(text(&payload["problems"][0]["message"]).contains("1000"), "{payload}");
    })
    .await;
}

#[tokio::test]
async fn a_move_leaves_out_what_stays_and_clears_what_is_null() {
    on_both_stores(async |app| {
        let [ann, bob] = [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await];
        let journey = case(app, "A", &ann).await;
        let id = new_id();
        let booking = json!({
            "journey": journey, "appointment": id, "scheduledOn": "2018-03-08", "channel": "phone", "time": "10:00",
            "worker": bob,
        });
        done(app, "bookAppointment", booking).await;
        let read = async || {
            let document =
                "query($id: ID!) { node(id: $id) { ... on Appointment { scheduledOn time worker { label } } } }";
            app.ask(&manager(), document, json!({ "id": id })).await["node"].clone()
        };
        let moves = |more: Value| with(json!({ "journey": journey, "appointment": id }), more);
        done(app, "moveAppointment", moves(json!({ "scheduledOn": "2018-03-09" }))).await;
        let expected = json!({ "scheduledOn": "2018-03-09", "time": "10:00:00", "worker": { "label": "KW-BOB" } });
        assert_eq!(read().await, expected);
        let cleared = moves(json!({ "worker": null, "time": null, "commandId": new_id() }));
        done(app, "moveAppointment", cleared.clone()).await;
        let expected = json!({ "scheduledOn": "2018-03-09", "time": null, "worker": { "label": "KW-ANN" } });
        assert_eq!(read().await, expected);
    })
    .await;
}
