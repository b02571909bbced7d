//! The working day: appointments, tasks, what is owed, and what deserves a second look, on both stores.

use serde_json::{Value, json};
use throughline::access::Principal;

use crate::app::{SHPS, TestApp, call, keyworker, manager, new_id, on_both_stores, refusals, text, with};
use crate::relations::set_team;

/// A list of the contract's: its nodes with these fields, asked by somebody with these arguments.
async fn listed(app: &TestApp, who: &Principal, list: &str, arguments: &str, fields: &str) -> Vec<Value> {
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let document = format!(
        "{{ contract(code: \"{SHPS}\") {{ {list}{arguments} {{ nodes {{ {fields} journey {{ reference }} }} \
         totalCount edges {{ node {{ id }} }} }} }} }}"
    );
    let data = app.ask(who, &document, json!({})).await;
    let list = &data["contract"][list];
    let nodes = list["nodes"].as_array().expect("nodes").clone();
    assert_eq!(nodes.len(), list["edges"].as_array().map_or(0, Vec::len));
    assert_eq!(list["totalCount"], nodes.len());
    nodes
}

/// The references of the journeys of a diary, in its order.
async fn diary(app: &TestApp, who: &Principal, arguments: &str) -> Vec<String> {
    let nodes = listed(app, who, "diary", arguments, "scheduledOn").await;
    nodes.iter().map(|node| text(&node["journey"]["reference"])).collect()
}

async fn tasks(app: &TestApp, who: &Principal, arguments: &str) -> Vec<String> {
    let nodes = listed(app, who, "tasks", arguments, "kind").await;
    nodes.iter().map(|node| text(&node["kind"])).collect()
}

/// A case of a worker since 2 February.
async fn case(app: &TestApp, reference: &str, worker: &str) -> String {
    let journey = app.receive_referral("2018-02-01", reference).await;
    app.take_on(&journey, worker, "2018-02-02").await;
    journey
}

fn booking(journey: &str, appointment: &str, on: &str) -> Value {
    json!({ "journey": journey, "appointment": appointment, "scheduledOn": on, "channel": "face_to_face" })
}

#[tokio::test]
async fn an_appointment_is_booked_moved_and_kept_or_missed_by_the_contact_that_names_it() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let who = keyworker("kw-ann");
        let [kept, missed, off, past] = [new_id(), new_id(), new_id(), new_id()];
        let one = case(app, "A", &ann).await;
        let input = with(booking(&one, &kept, "2018-03-05"), json!({ "time": "10:30", "worker": ann }));
        app.done(&who, "bookAppointment", input).await;
        app.done(&who, "bookAppointment", booking(&one, &missed, "2018-03-02")).await;
        app.done(&who, "bookAppointment", booking(&one, &off, "2018-03-06")).await;
        let before = with(booking(&one, &past, "2018-02-20"), json!({ "occurredOn": "2018-02-10" }));
        app.done(&who, "bookAppointment", before).await;
        let input =
            json!({ "journey": one, "appointment": kept, "scheduledOn": "2018-03-01", "channel": "home_visit" });
        app.done(&who, "moveAppointment", input).await;
        let fields = "id scheduledOn time channel state worker { label } moves { occurred { on } }";
        let ahead = listed(app, &who, "diary", "state: [BOOKED]", fields).await;
        let order: Vec<&Value> = ahead.iter().map(|node| &node["id"]).collect();
        assert_eq!(order, [&json!(kept), &json!(missed), &json!(off)]);
        let expected = json!({
            "id": kept, "scheduledOn": "2018-03-01", "time": "10:30:00", "channel": "home_visit", "state": "BOOKED",
            "worker": { "label": "KW-ANN" }, "moves": [{ "occurred": { "on": "2018-03-01" } }],
            "journey": { "reference": "A" },
        });
        assert_eq!(ahead[0], expected);
        assert_eq!(ahead[1]["worker"], json!({ "label": "KW-ANN" }), "left out, it is the keyworker");
        let unsaid = listed(app, &who, "diary", "state: [UNRECORDED]", "id").await;
        assert_eq!(unsaid[0]["id"], json!(past));

        let met = json!({ "journey": one, "appointment": kept, "channel": "home_visit", "attendance": "ATTENDED" });
        app.done(&who, "logContact", met.clone()).await;
        app.it_is("2018-03-02T09:00:00Z");
        let away =
            json!({ "journey": one, "appointment": missed, "channel": "home_visit", "attendance": "DID_NOT_ATTEND" });
        app.done(&who, "logContact", away).await;
        let input = json!({ "journey": one, "appointment": off, "by": "CLIENT", "reason": "a job interview" });
        app.done(&who, "cancelAppointment", input).await;
        let fields = "id state cancelledBy cancelled { reason } contact { attendance faceToFace appointment { id } }";
        let over = listed(app, &who, "diary", "state: [KEPT, MISSED, CANCELLED]", fields).await;
        let became: Vec<(&Value, &Value)> = over.iter().map(|node| (&node["id"], &node["state"])).collect();
        let expected =
            [(&kept, "KEPT"), (&missed, "MISSED"), (&off, "CANCELLED")].map(|(id, state)| (json!(id), json!(state)));
        assert_eq!(became, expected.iter().map(|(id, state)| (id, state)).collect::<Vec<_>>());
        assert_eq!(
            over[0]["contact"],
            json!({ "attendance": "ATTENDED", "faceToFace": true, "appointment": { "id": kept } })
        );
        assert_eq!(over[1]["contact"]["faceToFace"], false, "nobody was seen");
        assert_eq!(
            (&over[2]["cancelledBy"], &over[2]["cancelled"]["reason"]),
            (&json!("CLIENT"), &json!("a job interview"))
        );

        for (mutation, input, code) in [
            ("logContact", with(met.clone(), json!({ "minutes": 5 })), "APPOINTMENT_ALREADY_OVER"),
            ("logContact", with(met, json!({ "appointment": new_id() })), "APPOINTMENT_NOT_FOUND"),
            (
                "moveAppointment",
                json!({ "journey": one, "appointment": off, "scheduledOn": "2018-03-09" }),
                "APPOINTMENT_ALREADY_OVER",
            ),
            ("bookAppointment", booking(&one, &off, "2018-03-09"), "APPOINTMENT_EXISTS"),
            ("bookAppointment", booking(&one, &new_id(), "2018-03-01"), "INVALID_VALUE"),
            (
                "bookAppointment",
                with(booking(&one, &new_id(), "2018-03-09"), json!({ "channel": "pigeon" })),
                "UNKNOWN_CODE",
            ),
        ] {
            let payload = app.tell(&who, mutation, input).await;
            assert_eq!(refusals(&payload), [code], "{mutation}: {payload:#}");
        }
        let document =
            "query($id: UUID!) { journey(id: $id) { appointments(state: [KEPT]) { id } timeline { event { type } } } }";
        let read = app.ask(&who, document, json!({ "id": one })).await["journey"].clone();
        assert_eq!(read["appointments"], json!([{ "id": kept }]));
        let types = read["timeline"].to_string();
        for event in ["AppointmentBooked", "AppointmentMoved", "AppointmentCancelled"] {
            assert!(types.contains(event), "{types}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_diary_and_the_tasks_are_found_by_keyworker_team_due_and_state() {
    on_both_stores(async |app| {
        let [ann, bob, cal] =
            [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await, app.add_worker("kw-cal").await];
        set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
        set_team(app, 2, "2018-01-01", &[&cal]).await;
        let [a, b, c] = [case(app, "A", &ann).await, case(app, "B", &bob).await, case(app, "C", &cal).await];
        for (journey, day, more) in [
            (&a, "2018-03-01", json!({ "time": "14:00" })),
            (&b, "2018-03-01", json!({ "time": "09:00" })),
            (&c, "2018-03-02", json!({})),
            (&a, "2018-03-09", json!({ "worker": bob })),
        ] {
            app.done(&manager(), "bookAppointment", with(booking(journey, &new_id(), day), more)).await;
        }
        let who = manager();
        assert_eq!(diary(app, &who, "").await, ["B", "A", "C", "A"], "by day and time");
        assert_eq!(diary(app, &who, "due: { first: \"2018-03-01\", last: \"2018-03-01\" }").await, ["B", "A"]);
        assert_eq!(diary(app, &who, &format!("keyworker: \"{bob}\"")).await, ["B", "A"], "also what he keeps for Ann");
        assert_eq!(diary(app, &who, &format!("worker: \"{ann}\"")).await, ["A"]);
        assert_eq!(diary(app, &keyworker("kw-ann"), "").await, ["B", "A", "A"], "the other team's is not hers to see");

        for (journey, kind, due, more) in [
            (&a, "letter", "2018-03-05", json!({})),
            (&a, "form", "2018-02-20", json!({ "owner": bob })),
            (&c, "call", "2018-03-01", json!({})),
        ] {
            let input = json!({ "journey": journey, "kind": kind, "dueOn": due, "occurredOn": "2018-02-10" });
            app.done(&who, "setTask", with(input, more)).await;
        }
        assert_eq!(tasks(app, &who, "").await, ["form", "call", "letter"]);
        assert_eq!(tasks(app, &who, &format!("keyworker: \"{ann}\"")).await, ["form", "letter"]);
        assert_eq!(tasks(app, &who, &format!("keyworker: \"{bob}\"")).await, ["form"]);
        assert_eq!(tasks(app, &who, &format!("owner: \"{bob}\"")).await, ["form"]);
        assert_eq!(tasks(app, &who, "due: { first: \"2018-03-01\", last: \"2018-03-04\" }").await, ["call"]);
        let document = "{ contract(code: \"shps\") { tasks(state: OPEN) { nodes { id kind overdue } } } }";
        let open = app.ask(&who, document, json!({})).await["contract"]["tasks"]["nodes"].clone();
        assert_eq!(open[0]["overdue"], true);
        let input = json!({ "journey": a, "task": open[0]["id"] });
        app.done(&who, "completeTask", input).await;
        assert_eq!(tasks(app, &who, "state: [DONE, CANCELLED]").await, ["form"]);
        let close =
            json!({ "journey": c, "reason": "moved_away", "acceptWarnings": ["TASKS_OPEN", "APPOINTMENTS_OPEN"] });
        app.done(&who, "closeJourney", close).await;
        assert_eq!(tasks(app, &who, "state: LAPSED").await, ["call"]);
        assert_eq!(tasks(app, &who, "state: OPEN").await, ["letter"]);
        assert_eq!(diary(app, &who, "state: LAPSED").await, ["C"]);
        let document = "{ contract(code: \"shps\", at: { asOf: \"2018-02-28\" }) { diary { nodes { state } } } }";
        let then = app.ask(&who, document, json!({})).await;
        assert_eq!(then["contract"]["diary"]["nodes"], json!([]), "nothing was booked by then");
    })
    .await;
}

#[tokio::test]
async fn the_diary_is_read_page_by_page() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        for hour in 9..14 {
            let at = json!({ "time": format!("{hour:02}:00") });
            app.done(&manager(), "bookAppointment", with(booking(&journey, &new_id(), "2018-03-05"), at)).await;
        }
        let document = "query($after: String) { contract(code: \"shps\") { diary(first: 2, after: $after) { \
                        nodes { time } pageInfo { endCursor hasNextPage } } tasks(first: 1, after: $after) { nodes { id } } } }";
        let only = document.replace(" tasks(first: 1, after: $after) { nodes { id } }", "");
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = app.ask(&manager(), &only, json!({ "after": after })).await["contract"]["diary"].clone();
            seen.extend(page["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["time"])));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(seen, ["09:00:00", "10:00:00", "11:00:00", "12:00:00", "13:00:00"]);
        let answer = app.answer(&manager(), document, json!({ "after": after })).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "a cursor of the diary is none of the tasks: {}", answer.body);
    })
    .await;
}

#[tokio::test]
async fn what_is_more_likely_a_slip_than_true_warns_with_a_code() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "HO-1", &ann).await;
        let who = keyworker("kw-ann");
        app.log_contact(&who, call(&journey, "2018-02-20")).await;
        let referral = json!({
            "contract": SHPS, "area": "brent", "externalReferences": [{ "system": "council", "id": "HO-1" }],
        });
        let doubtful = [
            (
                "logContact",
                with(call(&journey, "2018-02-21"), json!({ "attendance": "DID_NOT_ATTEND" })),
                "CONTACT_CONTRADICTORY",
            ),
            ("logContact", call(&journey, "2017-02-21"), "LONG_BEFORE_REFERRAL"),
            ("logContact", call(&journey, "2018-02-20"), "RECORDED_ALREADY"),
            ("receiveReferral", referral.clone(), "CASE_ALREADY_OPEN"),
        ];
        for (mutation, input, code) in doubtful {
            let who = if mutation == "receiveReferral" { manager() } else { who.clone() };
            let before = app.head().await;
            let payload = app.tell(&who, mutation, input.clone()).await;
            let problem = (&payload["problems"][0]["code"], &payload["problems"][0]["severity"]);
            assert_eq!(problem, (&json!(code), &json!("WARNING")), "{payload:#}");
            assert_eq!(app.head().await, before, "nothing is recorded until somebody has looked twice");
            let accepted = app.tell(&who, mutation, with(input, json!({ "acceptWarnings": [code] }))).await;
            assert_eq!(accepted["problems"], json!([]), "{accepted:#}");
            assert!(app.head().await > before);
        }
        let other = json!([{ "system": "council", "id": "HO-2" }]);
        let payload =
            app.tell(&manager(), "receiveReferral", with(referral, json!({ "externalReferences": other }))).await;
        assert_eq!(payload["problems"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_closed_case_does_not_stand_in_the_way_of_a_new_one_under_its_number() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "HO-1", &ann).await;
        app.done(&manager(), "closeJourney", json!({ "journey": journey, "reason": "moved_away" })).await;
        let payload = app.receive_referral("2018-03-01", "HO-1").await;
        assert_ne!(payload, journey);
    })
    .await;
}

#[tokio::test]
async fn face_to_face_left_out_follows_the_channel_as_the_rulebook_says() {
    on_both_stores(async |app| {
        let ann = app.add_worker("kw-ann").await;
        let journey = case(app, "A", &ann).await;
        for (nth, (channel, more)) in [
            ("home_visit", json!({})),
            ("phone", json!({})),
            ("phone", json!({ "faceToFace": true })),
            ("home_visit", json!({ "faceToFace": false })),
        ]
        .into_iter()
        .enumerate()
        {
            let input = with(call(&journey, &format!("2018-02-{:02}", nth + 10)), json!({ "channel": channel }));
            app.log_contact(&keyworker("kw-ann"), with(input, more)).await;
        }
        let document = "query($id: UUID!) { journey(id: $id) { contacts { faceToFace } } }";
        let read = app.ask(&manager(), document, json!({ "id": journey })).await;
        let expected = [true, false, true, false].map(|seen| json!({ "faceToFace": seen }));
        assert_eq!(read["journey"]["contacts"], json!(expected));
    })
    .await;
}
