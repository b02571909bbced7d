//! The main job over the API: a contact is logged and comes back in the caseload's recency, on both stores.

use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::envelope::StreamId;

use crate::app::{
    SHPS, TODAY, TestApp, administrator, call, keyworker, manager, on_both_stores, refusals, test_caller, text, with,
};

/// The days since contact of a journey, by anyone's contacts and by the keyworker's.
async fn days(app: &TestApp, journey: &str) -> (Value, Value) {
    let document = "query($id: UUID!) { journey(id: $id) { anyone: daysSinceContact keyworker: \
                    daysSinceContact(measure: KEYWORKER) } }";
    let data = app.ask(&manager(), document, json!({ "id": journey })).await;
    (data["journey"]["anyone"].clone(), data["journey"]["keyworker"].clone())
}

/// The row of a keyworker in the table of days since contact: the first bucket and those without contact.
async fn recency(app: &TestApp, measure: &str, label: &str) -> Value {
    let document = format!(
        "query($code: String!) {{ contract(code: $code) {{ contactRecency(by: KEYWORKER, measure: {measure}) {{ \
         group {{ label }} buckets {{ label journeys }} none noneLabel unassigned total }} }} }}"
    );
    let data = app.ask(&manager(), &document, json!({ "code": SHPS })).await;
    let rows = data["contract"]["contactRecency"].as_array().expect("rows").clone();
    rows.into_iter().find(|row| row["group"]["label"] == label).unwrap_or_else(|| panic!("no row {label}: {data}"))
}

#[tokio::test]
async fn a_contact_logged_today_is_zero_days_ago_and_shows_in_the_recency_of_its_keyworker() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        assert_eq!(days(app, &journey).await, (Value::Null, Value::Null));
        let before = recency(app, "ANYONE", "KW-07").await;
        assert_eq!((&before["none"], &before["total"]), (&json!(1), &json!(1)));
        assert_eq!(before["noneLabel"], "No contact yet");

        let payload = app.log_contact(&keyworker("kw-07"), call(&journey, TODAY)).await;
        assert_eq!(payload["journey"]["daysSinceContact"], 0);
        assert_eq!(payload["replayed"], false);
        assert_eq!(payload["events"][0]["type"], "ContactLogged");
        assert_eq!(payload["position"], payload["events"][0]["position"]);
        assert_eq!(payload["journey"]["version"], payload["events"][0]["version"]);

        assert_eq!(days(app, &journey).await, (json!(0), json!(0)));
        let after = recency(app, "ANYONE", "KW-07").await;
        assert_eq!(after["buckets"][0], json!({ "label": "1 week or less", "journeys": 1 }));
        assert_eq!((&after["none"], &after["total"]), (&json!(0), &json!(1)));
    })
    .await;
}

#[tokio::test]
async fn left_out_the_worker_is_the_one_whose_login_makes_the_call_and_the_day_is_today() {
    on_both_stores(async |app| {
        let own = app.add_worker("kw-07").await;
        let colleague = app.add_worker("kw-08").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &own, "2018-02-02").await;
        let input = json!({ "journey": journey, "channel": "phone", "twoWay": true });
        app.log_contact(&keyworker("kw-07"), input.clone()).await;
        app.log_contact(&keyworker("kw-07"), with(input.clone(), json!({ "worker": colleague }))).await;
        // A login that is no worker's names nobody.
        app.log_contact(&manager(), input).await;

        let document = "query($id: UUID!) { viewer { worker { id } } \
                        journey(id: $id) { contacts { worker { label } occurred { on } } } }";
        let data = app.ask(&keyworker("kw-07"), document, json!({ "id": journey })).await;
        assert_eq!(data["viewer"]["worker"]["id"], json!(own));
        let on = json!({ "on": TODAY });
        let expected = json!([
            { "worker": { "label": "KW-07" }, "occurred": on },
            { "worker": { "label": "KW-08" }, "occurred": on },
            { "worker": null, "occurred": on },
        ]);
        assert_eq!(data["journey"]["contacts"], expected);
    })
    .await;
}

#[tokio::test]
async fn today_is_the_contracts_civil_day_not_utcs() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &app.add_worker("kw-07").await, "2018-02-02").await;
        app.it_is("2018-03-31T23:30:00Z");
        let input = json!({ "journey": journey, "channel": "phone", "twoWay": true });
        let payload = app.log_contact(&keyworker("kw-07"), input).await;
        assert_eq!(payload["journey"]["asOf"], "2018-04-01");
        assert_eq!(payload["journey"]["daysSinceContact"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_contract_is_opened_on_the_civil_day_of_its_own_time_zone() {
    on_both_stores(async |app| {
        // Half past one in the night in Auckland.
        app.it_is("2018-03-01T12:30:00Z");
        let pack = packs::pack(SHPS).expect("a pack").text;
        let rulebook =
            pack.replace("contract = \"shps\"", "contract = \"far\"").replace("Europe/London", "Pacific/Auckland");
        let input = json!({ "code": "far", "name": "far", "startsOn": "2017-03-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        let opened = app.fresh.log.stream(StreamId::contract("far")).await.expect("the contract");
        assert_eq!(opened[0].occurred.earliest().to_string(), "2018-03-02");
    })
    .await;
}

#[tokio::test]
async fn a_missed_appointment_and_a_landlord_on_the_phone_do_not_move_last_contact() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &worker, "2018-02-02").await;
        app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-20")).await;
        for changed in [
            json!({ "attendance": "DID_NOT_ATTEND", "channel": "face_to_face", "faceToFace": true }),
            json!({ "attendance": "CANCELLED_BY_CLIENT" }),
            json!({ "attendance": "CANCELLED_BY_SERVICE" }),
            json!({ "attendance": "NOT_OFFERED" }),
            json!({ "twoWay": false, "channel": "letter" }),
            json!({ "with": "LANDLORD" }),
            json!({ "with": "PROFESSIONAL" }),
        ] {
            let accepted = json!({ "acceptWarnings": ["CONTACT_CONTRADICTORY"] });
            let input = with(with(call(&journey, TODAY), changed.clone()), accepted);
            let payload = app.log_contact(&keyworker("kw-07"), input).await;
            assert_eq!(payload["problems"], json!([]), "{changed}");
            assert_eq!(payload["journey"]["daysSinceContact"], 9, "{changed}");
        }
        // A contact that came later to the log, of an earlier day, moves nothing back.
        let payload = app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-10")).await;
        assert_eq!(payload["journey"]["daysSinceContact"], 9);
        // Attended is made, whether or not anybody ticked that both sides spoke.
        let met = json!({ "twoWay": false, "attendance": "ATTENDED", "channel": "home_visit" });
        let payload = app.log_contact(&keyworker("kw-07"), with(call(&journey, "2018-02-26"), met)).await;
        assert_eq!(payload["journey"]["daysSinceContact"], 3);
    })
    .await;
}

#[tokio::test]
async fn a_colleagues_contact_counts_for_anyone_and_not_for_the_keyworker() {
    on_both_stores(async |app| {
        let own = app.add_worker("kw-07").await;
        let colleague = app.add_worker("kw-08").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        app.take_on(&journey, &own, "2018-02-02").await;
        app.log_contact(&keyworker("kw-08"), call(&journey, "2018-02-27")).await;
        assert_eq!(days(app, &journey).await, (json!(2), Value::Null));
        let row = recency(app, "KEYWORKER", "KW-07").await;
        assert_eq!((&row["none"], &row["total"]), (&json!(1), &json!(1)));
        assert_eq!(row["noneLabel"], "No contact by keyworker");
        assert_eq!(recency(app, "ANYONE", "KW-07").await["none"], 0);

        // The case passes to the colleague: the contact from before the assignment is the keyworker's now.
        let input = json!({ "journey": journey, "worker": colleague, "occurredOn": "2018-02-28" });
        app.done(&manager(), "assignWorker", input).await;
        assert_eq!(days(app, &journey).await, (json!(2), json!(2)));
        assert_eq!(recency(app, "KEYWORKER", "KW-08").await["none"], 0);
    })
    .await;
}

#[tokio::test]
async fn the_caseload_is_read_page_by_page_and_counted_when_asked() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        for number in 1..=5 {
            let journey = app.receive_referral("2018-02-01", &format!("BR-{number}")).await;
            app.take_on(&journey, &worker, "2018-02-02").await;
        }
        let unassigned = app.receive_referral("2018-02-01", "BR-6").await;
        app.done(&manager(), "acceptReferral", json!({ "journey": unassigned, "occurredOn": "2018-02-02" })).await;
        let document = "query($after: String) { contract(code: \"shps\") { caseload(first: 2, after: $after) { \
                        totalCount edges { cursor node { reference } } pageInfo { hasNextPage endCursor } } } }";
        let (mut read, mut after) = (Vec::new(), Value::Null);
        for _ in 0..3 {
            let data = app.ask(&manager(), document, json!({ "after": after })).await;
            let page = &data["contract"]["caseload"];
            assert_eq!(page["totalCount"], 6);
            read.extend(page["edges"].as_array().expect("edges").iter().map(|edge| text(&edge["node"]["reference"])));
            assert_eq!(page["pageInfo"]["hasNextPage"], read.len() < 6);
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(read, ["BR-1", "BR-2", "BR-3", "BR-4", "BR-5", "BR-6"]);

        let document = "{ contract(code: \"shps\") { \
                        caseload(unassigned: true) { nodes { reference keyworker { id } } } \
                        caseloadByKeyworker { group { label unassigned } journeys } } }";
        let data = app.ask(&manager(), document, json!({})).await;
        assert_eq!(data["contract"]["caseload"]["nodes"], json!([{ "reference": "BR-6", "keyworker": null }]));
        let held = data["contract"]["caseloadByKeyworker"].as_array().expect("rows");
        let counts: Vec<_> = held.iter().map(|row| (&row["group"]["unassigned"], &row["journeys"])).collect();
        assert_eq!(counts, [(&json!(false), &json!(5)), (&json!(true), &json!(1))]);

        for (arguments, code) in [
            ("first: 0", "BAD_USER_INPUT"),
            ("first: 201", "BAD_USER_INPUT"),
            ("after: \"elsewhere\"", "BAD_USER_INPUT"),
        ] {
            let document = format!("{{ contract(code: \"shps\") {{ caseload({arguments}) {{ totalCount }} }} }}");
            let answer = app.answer(&manager(), &document, json!({})).await;
            assert_eq!(answer.codes(), [code], "{arguments}: {}", answer.body);
        }
    })
    .await;
}

#[tokio::test]
async fn an_integrator_brings_a_referral_and_every_word_of_it_is_there() {
    on_both_stores(async |app| {
        let machine = test_caller(Role::Integrator, "council-system", &[SHPS]);
        let input = json!({
            "contract": SHPS, "area": "ealing", "occurredOn": "2018-02-05", "localTime": "10:30",
            "referrer": { "organisation": "A council", "kind": "housing_options" },
            "externalReferences": [{ "system": "council", "id": "HO-4711" }],
        });
        let payload = app.done(&machine, "receiveReferral", input).await;
        let types: Vec<_> =
            payload["events"].as_array().expect("events").iter().map(|event| text(&event["type"])).collect();
        assert_eq!(types, ["SubjectRegistered", "ReferralReceived"]);
        assert_eq!(payload["journey"]["reference"], "HO-4711");
        assert_eq!(payload["journey"]["onCaseload"], false);
        assert!(refusals(&payload).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_correction_that_names_no_day_keeps_the_day_of_the_fact() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-01-02", "BR-9").await;
        let contact = app.log_contact(&manager(), call(&journey, "2018-02-10")).await["events"][0].clone();
        let replacement = json!({ "contact": { "channel": "video", "twoWay": true } });
        let input = json!({
            "journey": journey, "target": contact["id"], "replacement": replacement, "reason": "it was by video",
        });
        let journey = app.done(&manager(), "correctFact", input).await["journey"].clone();
        assert_eq!(journey["daysSinceContact"], 19, "from 10 February to 1 March");
    })
    .await;
}

#[tokio::test]
async fn a_table_reads_the_same_at_once_and_field_by_field() {
    on_both_stores(async |app| {
        for (login, days) in [("kw-07", &["2018-02-27", "2018-02-03"][..]), ("kw-08", &["2018-02-10"])] {
            let worker = app.add_worker(login).await;
            for (nth, day) in days.iter().enumerate() {
                let journey = app.receive_referral("2018-02-01", &format!("{login}-{nth}")).await;
                app.take_on(&journey, &worker, "2018-02-02").await;
                app.log_contact(&manager(), call(&journey, day)).await;
            }
        }
        app.receive_referral("2018-02-01", "nobody's").await;
        // What is asked for twice is the same once more, but not told at once.
        let told = async |twice: &str| {
            let document = format!(
                "query($code: String!, $no: Boolean!) {{ contract(code: $code) {{ \
                 by: contactRecency(by: KEYWORKER) {{ ...Row }} \
                 team: contactRecency(by: TEAM, measure: KEYWORKER) {{ ...Row total @skip(if: $no) }} \
                 area: contactRecency(by: AREA) {{ kind: __typename all: total ...Row }} \
                 whole: contactRecency(by: WHOLE) {{ none @include(if: $no) ... on ContactRecency {{ total }} {twice} }} \
                 }} }} fragment Row on ContactRecency {{ group {{ label area reason team unassigned __typename }} \
                 buckets {{ ... {{ name: label }} upToDays journeys }} none noneLabel dateImprecise unassigned total \
                 {twice} }}"
            );
            let answer = app.answer(&manager(), &document, json!({ "code": SHPS, "no": true })).await;
            let (data, _) = answer.body.split_once("\"extensions\"").unwrap_or((&answer.body, ""));
            assert!(answer.json()["errors"].is_null(), "{}", answer.body);
            data.to_owned()
        };
        let at_once = told("").await;
        assert!(at_once.contains("\"label\":\"KW-07\"") && at_once.contains("\"kind\":\"ContactRecency\""), "{at_once}");
        assert_eq!(at_once, told("total").await);
    })
    .await;
}
