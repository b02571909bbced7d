//! The referral inbox, on both stores: a partner's day, what each side sees at each step, and who sees nothing.

mod page;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline::import::mapping::Mapping;
use throughline_domain::fact::envelope::{Envelope, Position};

use crate::app::{
    Answer, MST, SHPS, TestApp, administrator, keyworker, manager, new_id, on_both_stores, on_both_stores_with_keys,
    refusals, test_caller, text, with,
};
use crate::mapped;
use crate::wait::{PATIENCE, until};
use crate::webhooks::Sending;
use crate::webhooks::receiver::Receiver;

/// A partner of the first contract, as its key signs in.
fn partner() -> Principal {
    test_caller(Role::Integrator, "advice-centre", &[SHPS])
}

/// Another partner of the same contract.
fn other_partner() -> Principal {
    test_caller(Role::Integrator, "night-shelter", &[SHPS])
}

fn referral(record: &str) -> Value {
    json!({ "contract": SHPS, "source": "advice", "record": record, "area": "brent", "occurredOn": "2018-02-20" })
}

/// A partner offers a referral; answers with the id of the offer.
async fn offer(app: &TestApp, record: &str) -> String {
    text(&app.done(&partner(), "offerReferral", referral(record)).await["offer"]["id"])
}

fn types(payload: &Value) -> Vec<&str> {
    payload["events"].as_array().expect("events").iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

async fn http(app: &TestApp, who: &Principal, request: axum::http::request::Builder, body: String) -> Answer {
    let request = request.header("authorization", format!("Bearer {}", app.token(who)));
    let answer = app.send(request.body(Body::from(body)).expect("a request")).await;
    let head = Position(app.head().await);
    assert!(app.fresh.views.passed(head, PATIENCE).await, "the view follows");
    answer
}

/// What a partner's system sees of a record.
async fn sent(app: &TestApp, who: &Principal, record: &str) -> Answer {
    http(app, who, Request::get(format!("/referrals/advice/{record}")), String::new()).await
}

/// The state of a record, as the partner sees it over HTTP and over GraphQL, which say the same.
async fn state(app: &TestApp, record: &str) -> Value {
    let answer = sent(app, &partner(), record).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let shown = answer.json();
    let document = "query($id: UUID!) { offeredReferral(id: $id) { state record decision { reason remark decidedBy } \
                    changedSinceDecision journey { id } } }";
    let found = app.ask(&partner(), document, json!({ "id": shown["id"] })).await["offeredReferral"].clone();
    assert_eq!(text(&found["state"]).to_lowercase(), text(&shown["state"]), "{found}");
    assert_eq!(found["journey"]["id"], shown["journey"], "{found}");
    assert_eq!(found["decision"]["reason"], shown["reason"], "{found}");
    assert_eq!(found["decision"]["remark"], shown["remark"], "{found}");
    assert_eq!(found["changedSinceDecision"], shown["changedSinceDecision"], "{found}");
    assert!(found["decision"]["decidedBy"].is_null(), "a partner sees no login of staff: {found}");
    shown
}

async fn inbox(app: &TestApp, who: &Principal, state: &str) -> Vec<String> {
    let document =
        format!("{{ referralInbox(contract: \"{SHPS}\", state: {state}) {{ totalCount nodes {{ record }} }} }}");
    let list = app.ask(who, &document, json!({})).await["referralInbox"].clone();
    let records: Vec<String> = list["nodes"].as_array().expect("a list").iter().map(|of| text(&of["record"])).collect();
    assert_eq!(list["totalCount"], records.len());
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_sends_twice_and_sees_what_becomes_of_each_referral() {
    on_both_stores(async |app| {
        let receiver = Receiver::with(&[]).await;
        let more = json!({ "contract": SHPS, "url": receiver.url, "types": [
            "ReferralOffered", "OfferAccepted", "OfferLinked", "OfferDeclined", "OfferWithdrawn",
        ] });
        app.done(&partner(), "createSubscription", more).await;
        let _sending = Sending::begun(app);
        // Pushed twice: the second time nothing is new.
        let first = app.done(&partner(), "offerReferral", referral("R-1")).await;
        assert_eq!(types(&first), ["ReferralOffered", "SubjectRegistered"]);
        let again = app.done(&partner(), "offerReferral", referral("R-1")).await;
        assert_eq!((types(&again).len(), &again["offer"]["id"]), (0, &first["offer"]["id"]));
        let mut ids = vec![text(&first["offer"]["id"])];
        for record in ["R-2", "R-3", "R-4", "R-5"] {
            ids.push(offer(app, record).await);
        }
        assert_eq!(state(app, "R-1").await["state"], "offered");
        assert_eq!(inbox(app, &manager(), "OFFERED").await.len(), 5);
        // One is accepted, one linked to a known person, one to an open case, one declined, one withdrawn.
        let accepted = app.done(&manager(), "acceptOffer", json!({ "offer": ids[0] })).await;
        assert_eq!(types(&accepted), ["OfferAccepted", "ReferralReceived"]);
        let known = app.done(&manager(), "registerSubject", json!({ "kind": "PERSON" })).await;
        let link = json!({ "offer": ids[1], "person": known["subject"]["id"] });
        let linked = app.done(&manager(), "linkOffer", link).await;
        assert_eq!(types(&linked), ["OfferLinked", "ReferralReceived", "SubjectsLinked", "SubjectsLinked"]);
        let open = app.receive_referral("2018-02-01", "BR-1").await;
        let linked = app.done(&manager(), "linkOffer", json!({ "offer": ids[2], "journey": open })).await;
        assert_eq!(types(&linked), ["OfferLinked", "SubjectsLinked", "SubjectsLinked"]);
        let why = json!({ "offer": ids[3], "reason": "not_eligible", "remark": "please refer to the hospital team" });
        app.done(&manager(), "declineOffer", why).await;
        app.done(&partner(), "withdrawOffer", json!({ "offer": ids[4], "reason": "lost_contact" })).await;
        assert_eq!(inbox(app, &manager(), "OFFERED").await, Vec::<String>::new());
        let states =
            [("R-1", "accepted"), ("R-2", "linked"), ("R-3", "linked"), ("R-4", "declined"), ("R-5", "withdrawn")];
        for (record, expected) in states {
            assert_eq!(state(app, record).await["state"], expected, "{record}");
        }
        assert_eq!(state(app, "R-3").await["journey"], open);
        let declined = state(app, "R-4").await;
        assert_eq!((&declined["reason"], &declined["remark"]), (&json!("not_eligible"), &why_remark()));
        let case = text(&accepted["offer"]["journey"]["id"]);
        let document = "query($id: UUID!) { journey(id: $id) { referral { externalReferences { system id } \
                        occurred { on } } } }";
        let shown = app.ask(&manager(), document, json!({ "id": case })).await["journey"]["referral"].clone();
        assert_eq!(shown["externalReferences"], json!([{ "system": "advice", "id": "R-1" }]));
        assert_eq!(shown["occurred"]["on"], "2018-02-20", "received on the day of the referral");
        // The webhook of the partner has every step, in order.
        until("the partner is sent ten events", async || receiver.ledger().len() >= 10).await;
        let sent: Vec<String> = receiver.ledger().iter().map(|one| text(&one.event()["type"])).collect();
        let offered = std::iter::repeat_n("throughline.offer.referral_offered.v1", 5);
        let decided = ["accepted", "linked", "linked", "declined", "withdrawn"];
        let decided = decided.map(|state| format!("throughline.offer.offer_{state}.v1"));
        assert_eq!(sent, offered.map(str::to_owned).chain(decided).collect::<Vec<_>>());
    })
    .await;
}

fn why_remark() -> Value {
    json!("please refer to the hospital team")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_a_decision_is_shown_and_changes_no_case() {
    on_both_stores(async |app| {
        let id = offer(app, "R-1").await;
        let accepted = app.done(&manager(), "acceptOffer", json!({ "offer": id })).await;
        let moved = with(referral("R-1"), json!({ "area": "ealing" }));
        let changed = app.done(&partner(), "offerReferral", moved.clone()).await;
        assert_eq!(types(&changed), ["ReferralOffered"]);
        assert_eq!(changed["offer"]["state"], "ACCEPTED");
        assert_eq!(
            (&changed["offer"]["changedSinceDecision"], &changed["offer"]["timesOffered"]),
            (&json!(true), &json!(2))
        );
        let document = "query($id: UUID!) { journey(id: $id) { referral { area } } }";
        let case = json!({ "id": accepted["offer"]["journey"]["id"] });
        assert_eq!(app.ask(&manager(), document, case).await["journey"]["referral"]["area"], "brent");
        let id = offer(app, "R-2").await;
        app.done(&manager(), "declineOffer", json!({ "offer": id, "reason": "not_eligible" })).await;
        let again = app.done(&partner(), "offerReferral", referral("R-2")).await;
        assert_eq!(again["offer"]["state"], "DECLINED", "nothing is new");
        let again = app.done(&partner(), "offerReferral", with(referral("R-2"), json!({ "area": "ealing" }))).await;
        assert_eq!(again["offer"]["state"], "OFFERED", "a change is an offer again");
        app.done(&manager(), "acceptOffer", json!({ "offer": id })).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_members_of_staff_at_once_one_decides_and_the_other_is_refused() {
    on_both_stores(async |app| {
        app.add_worker("kw-07").await;
        for round in 0..4 {
            let id = offer(app, &format!("R-{round}")).await;
            let (one, two) = (manager(), keyworker("kw-07"));
            let accept = app.tell(&one, "acceptOffer", json!({ "offer": id }));
            let decline = app.tell(&two, "declineOffer", json!({ "offer": id, "reason": "not_eligible" }));
            let (accepted, declined) = tokio::join!(accept, decline);
            let refused = [refusals(&accepted), refusals(&declined)];
            let lost: Vec<&Vec<String>> = refused.iter().filter(|codes| !codes.is_empty()).collect();
            assert_eq!(lost, [&["OFFER_ALREADY_DECIDED".to_owned()]], "{accepted:#}\n{declined:#}");
            let loser = if refused[0].is_empty() { &declined } else { &accepted };
            let problem = &loser["problems"][0];
            assert!(text(&problem["message"]).contains("already"), "{problem}");
            assert_eq!(problem["facts"].as_array().expect("facts").len(), 1, "it names the decision");
            let stream = json!({ "id": loser["offer"]["id"] });
            let decided = "query($id: UUID!) { events(filter: { stream: $id }) { nodes { type } } }";
            let events = app.ask(&manager(), decided, stream).await["events"]["nodes"].clone();
            assert_eq!(events.as_array().expect("events").len(), 2, "one offer and one decision");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_partner_learns_nothing_and_each_role_may_what_is_its_own() {
    on_both_stores(async |app| {
        app.add_worker("kw-07").await;
        let id = offer(app, "R-1").await;
        let theirs = sent(app, &other_partner(), "R-1").await;
        let nothing = sent(app, &other_partner(), "R-404").await;
        assert_eq!((theirs.status, &theirs.body), (StatusCode::NOT_FOUND, &nothing.body), "the same bytes");
        let document = "query($id: UUID!, $node: ID!) { offeredReferral(id: $id) { id } node(id: $node) { id } \
                        events(filter: { stream: $id }) { totalCount } \
                        sentReferrals(contract: \"shps\") { totalCount } }";
        let all =
            async |who: &Principal, id: &str| app.answer(who, document, json!({ "id": id, "node": id })).await.body;
        let unknown = new_id();
        assert_eq!(all(&other_partner(), &id).await, all(&other_partner(), &unknown).await);
        // A key for every contract is still another partner.
        let everywhere = Principal { scope: Scope::Deployment, ..other_partner() };
        assert_eq!(all(&everywhere, &id).await, all(&everywhere, &unknown).await);
        assert!(all(&partner(), &id).await.contains(&id));
        // The person whom a partner offered is unknown to the other one too.
        let subject = app
            .ask(&manager(), "query($id: UUID!) { offeredReferral(id: $id) { subject { id } } }", json!({ "id": id }))
            .await;
        let subject = text(&subject["offeredReferral"]["subject"]["id"]);
        let person = "query($id: ID!) { node(id: $id) { id } }";
        assert!(app.ask(&other_partner(), person, json!({ "id": subject })).await["node"].is_null());
        assert!(!app.ask(&partner(), person, json!({ "id": subject })).await["node"].is_null());
        // Another partner may use the same source and record: it is another offer.
        let own = app.done(&other_partner(), "offerReferral", referral("R-1")).await;
        assert_ne!(own["offer"]["id"], json!(id));
        let withdraw = json!({ "offer": id, "reason": "lost_contact" });
        for who in [other_partner(), manager(), test_caller(Role::Manager, "other", &[MST])] {
            let refused = app.tell(&who, "withdrawOffer", withdraw.clone()).await;
            assert_eq!(refusals(&refused), ["OFFER_NOT_FOUND"], "{}", who.subject);
        }
        for who in [
            partner(),
            administrator(),
            test_caller(Role::Commissioner, "fund", &[SHPS]),
            test_caller(Role::Auditor, "audit", &[SHPS]),
        ] {
            let answer = app.told(&who, "acceptOffer", json!({ "offer": id })).await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{}: {}", who.subject, answer.body);
        }
        assert_eq!(inbox(app, &keyworker("kw-07"), "OFFERED").await.len(), 2);
        let list = "{ referralInbox(contract: \"shps\") { totalCount } }";
        assert_eq!(app.answer(&partner(), list, json!({})).await.codes(), ["FORBIDDEN"]);
        assert!(
            app.ask(&test_caller(Role::Manager, "other", &[MST]), list, json!({})).await["referralInbox"].is_null()
        );
        let areas = Scope::Areas { contracts: [SHPS.to_owned()].into(), areas: ["ealing".to_owned()].into() };
        let elsewhere = Principal { scope: areas, ..manager() };
        assert_eq!(inbox(app, &elsewhere, "OFFERED").await, Vec::<String>::new());
        assert_eq!(refusals(&app.tell(&elsewhere, "acceptOffer", json!({ "offer": id })).await), ["OFFER_NOT_FOUND"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_person_is_is_sealed_and_sent_again_unchanged_records_nothing() {
    on_both_stores_with_keys(async |app| {
        let canary = "Canary-Kx71";
        let identity = json!({ "identity": { "names": { "given": canary }, "telephone": "07700 900123" } });
        let first = app.done(&partner(), "offerReferral", with(referral("R-1"), identity.clone())).await;
        assert_eq!(types(&first), ["ReferralOffered", "SubjectRegistered", "IdentitySealed"]);
        let again = app.done(&partner(), "offerReferral", with(referral("R-1"), identity)).await;
        assert_eq!(types(&again).len(), 0, "the digest is the same");
        let other = json!({ "identity": { "names": { "given": "Canary-Kx72" } } });
        let changed = app.done(&partner(), "offerReferral", with(referral("R-1"), other)).await;
        assert_eq!(types(&changed), ["ReferralOffered", "IdentitySealed"]);
        let document =
            "query($id: UUID!) { offeredReferral(id: $id) { subject { identity { sealed names { given } } } } }";
        let names = async |who: &Principal| {
            let found = app.ask(who, document, json!({ "id": first["offer"]["id"] })).await;
            found["offeredReferral"]["subject"]["identity"].clone()
        };
        assert_eq!(names(&manager()).await, json!({ "sealed": false, "names": { "given": "Canary-Kx72" } }));
        assert_eq!(names(&partner()).await, json!({ "sealed": true, "names": null }));
        let log = app.fresh.log.page(Position(0), Position(i64::MAX)).await.expect("the log is read");
        assert!(log.iter().all(|event| !event.to_record().contains("Canary")), "nothing is clear in the log");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_with_the_same_number_is_a_warning_as_for_any_referral() {
    on_both_stores(async |app| {
        let numbered = json!({ "externalReferences": [{ "system": "council", "id": "BR-7" }] });
        app.receive_referral("2018-02-01", "BR-7").await;
        let id = app.done(&partner(), "offerReferral", with(referral("R-1"), numbered)).await["offer"]["id"].clone();
        let warned = app.tell(&manager(), "acceptOffer", json!({ "offer": id })).await;
        assert_eq!(warned["problems"][0]["code"], "CASE_ALREADY_OPEN", "{warned:#}");
        assert_eq!(types(&warned).len(), 0);
        let accepted = json!({ "offer": id, "acceptWarnings": ["CASE_ALREADY_OPEN"] });
        app.done(&manager(), "acceptOffer", accepted).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_read_names_the_place_and_repeats_nothing() {
    on_both_stores(async |app| {
        let post = || Request::post("/referrals/advice");
        let bad = http(app, &partner(), post(), r#"{"record":"R-1","forename":"Canary"}"#.to_owned()).await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST);
        assert!(bad.body.contains("line 1 column") && !bad.body.contains("Canary"), "{}", bad.body);
        let long = format!(r#"{{"record":"{}"}}"#, "x".repeat(70_000));
        assert_eq!(http(app, &partner(), post(), long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
        let empty = http(app, &partner(), post(), "{}".to_owned()).await;
        assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
        let places: Vec<String> =
            empty.json()["problems"].as_array().expect("problems").iter().map(|one| text(&one["path"])).collect();
        assert_eq!(places, ["record", "area"], "{}", empty.body);
        let late = r#"{"record":"R-1","area":"brent","referredOn":"2099-01-01"}"#;
        let late = http(app, &partner(), post(), late.to_owned()).await;
        assert_eq!(late.json()["problems"][0]["path"], "referredOn", "{}", late.body);
        let several = test_caller(Role::Integrator, "advice-centre", &[SHPS, MST]);
        assert_eq!(http(app, &several, post(), "{}".to_owned()).await.status, StatusCode::BAD_REQUEST);
        let outside = r#"{"contract":"mst-essex","record":"R-1","area":"mid"}"#;
        assert_eq!(http(app, &partner(), post(), outside.to_owned()).await.status, StatusCode::NOT_FOUND);
        let commissioner = test_caller(Role::Commissioner, "fund", &[SHPS]);
        assert_eq!(http(app, &commissioner, post(), "{}".to_owned()).await.status, StatusCode::FORBIDDEN);
    })
    .await;
}

/// A mapping that offers referrals to the contract of the imports.
const MAPPING: &str = r#"mapping = 1
[source]
system = "advice"
[read]
format = "csv"
[[table]]
name = "referrals"
[[record]]
table = "referrals"
id = "{ref}"
offer = "{ref}"
[[record.fact]]
type = "referral_offered"
on = "date"
area = "area"
service = "asks"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_offers_its_rows_once_and_a_changed_row_again() {
    let mapping = Mapping::parse(MAPPING).expect("a mapping");
    mapped::on_both_stores(mapped::mst(), MST, async |fresh| {
        let files = mapped::Files::new();
        let import = async |name: &str, rows: &str| {
            let file = files.with(name, format!("ref,date,area,asks\n{rows}"));
            let (summary, results) = mapped::import(fresh, &mapping, &[file]).await;
            (summary.recorded, summary.there, results)
        };
        let (recorded, _, results) =
            import("1.csv", "R-1,2018-06-20,mid,therapy\nR-2,2018-06-21,leeds,therapy\n").await;
        assert_eq!(recorded, 1, "{results:?}");
        assert!(results[1].contains("UNKNOWN_CODE at area"), "{results:?}");
        let (recorded, there, _) = import("2.csv", "R-1,2018-06-20,mid,therapy\n").await;
        assert_eq!((recorded, there), (0, 1));
        let (recorded, ..) = import("3.csv", "R-1,2018-06-20,mid,a visit\n").await;
        assert_eq!(recorded, 1);
        let log = fresh.log.page(Position(0), Position(i64::MAX)).await.expect("the log is read");
        let offers: Vec<&Envelope> = log.iter().filter(|event| event.event_type == "ReferralOffered").collect();
        assert_eq!(offers.len(), 2);
        assert!(offers.iter().all(|event| event.stream == offers[0].stream), "one offer in two versions");
    })
    .await;
}
