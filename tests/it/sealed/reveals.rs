//! Reveals and pseudonyms, on both stores: what auditors and commissioners see of a person, and for how long.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use super::access_log::opened;
use super::{CANARY, Case, case, identity, note, sealed_identity, seen_by};
use crate::app::{
    MST, SHPS, TODAY, TestApp, administrator, call, keyworker, manager, new_id, on_both_stores_with_keys, refusals,
    test_caller, text, with,
};

const SUBJECT: &str = "query($id: UUID!) { journey(id: $id) { subject { id pseudonym person linked { id } } } }";
const REVEAL: &str = "mutation($input: RevealIdentityInput!) { revealIdentity(input: $input) { reveal { reveal subjectId \
    contract reason by role revealedAt until endedAt inForce } subject { id identity { sealed names { given } } } \
    events { type stream { kind id } } problems { code severity path } } }";
const END: &str = "mutation($input: EndRevealInput!) { endReveal(input: $input) { reveal { inForce endedBy } \
    problems { code severity } } }";

fn auditor() -> Principal {
    test_caller(Role::Auditor, "auditor", &[SHPS])
}

fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "payer", &[SHPS])
}

/// The subject of a case, as a caller sees it.
async fn subject(app: &TestApp, who: &Principal, journey: &str) -> Value {
    app.ask(who, SUBJECT, json!({ "id": journey })).await["journey"]["subject"].clone()
}

async fn reveal(app: &TestApp, who: &Principal, subject: &Value, more: Value) -> Value {
    let input =
        json!({ "commandId": new_id(), "subject": subject, "contract": SHPS, "reason": "two claims of one month" });
    app.ask(who, REVEAL, json!({ "input": with(input, more) })).await["revealIdentity"].clone()
}

async fn end(app: &TestApp, who: &Principal, subject: &Value, reveal: &Value) -> Value {
    let input = json!({ "commandId": new_id(), "subject": subject, "contract": SHPS, "reveal": reveal });
    app.ask(who, END, json!({ "input": input })).await["endReveal"].clone()
}

/// Whether a caller sees who the subject of a case is.
async fn sees(app: &TestApp, who: &Principal, case: &Case) -> bool {
    let seen = seen_by(app, who, case).await;
    if seen["subject"]["identity"] == sealed_identity() {
        return false;
    }
    assert_eq!(seen["subject"]["identity"]["names"]["given"], CANARY);
    true
}

#[tokio::test]
async fn a_reveal_opens_the_identity_for_one_login_until_its_minutes_are_over() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("private"))).await;
        for who in [auditor(), commissioner()] {
            let shown = subject(app, &who, &case.journey).await["id"].clone();
            assert_ne!(shown, json!(case.subject));
            let before = opened(app).await.len();
            let done = reveal(app, &who, &shown, json!({ "minutes": 10 })).await;
            assert!(refusals(&done).is_empty(), "{done}");
            assert_eq!(done["subject"]["id"], shown);
            assert_eq!(done["subject"]["identity"], json!({ "sealed": false, "names": { "given": CANARY } }));
            assert_eq!((&done["reveal"]["subjectId"], &done["reveal"]["inForce"]), (&shown, &json!(true)));
            let id = done["reveal"]["reveal"].clone();
            let seen = seen_by(app, &who, &case).await;
            assert_eq!(seen["subject"]["identity"]["nino"], "QQ123456C");
            assert_eq!(seen["contacts"][0]["note"], json!({ "sealed": true, "text": null }), "notes stay closed");
            assert_eq!(opened(app).await.len(), before + 2, "the payload and the case");
            let named = "{ accessLog(first: 2) { nodes { login role subjectId kinds revealId } } }";
            let named = app.ask(&administrator(), named, json!({})).await["accessLog"]["nodes"].clone();
            let entry = json!({
                "login": who.subject, "role": who.role.as_str(), "subjectId": case.subject, "kinds": ["IDENTITY"],
                "revealId": id,
            });
            assert_eq!(named, json!([entry, entry]));
            let colleague = Principal { subject: "colleague".to_owned(), ..who.clone() };
            assert!(!sees(app, &colleague, &case).await, "it belongs to one login");
            let now = app.fresh.clock.now();
            app.fresh.clock.set(now + chrono::TimeDelta::seconds(10 * 60 - 1));
            assert!(sees(app, &who, &case).await);
            app.fresh.clock.set(now + chrono::TimeDelta::seconds(10 * 60));
            assert!(!sees(app, &who, &case).await, "its time is over");
        }
    })
    .await;
}

#[tokio::test]
async fn a_reveal_is_ended_by_its_owner_or_an_administrator_and_by_nobody_else() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let shown = subject(app, &auditor(), &case.journey).await["id"].clone();
        let id = reveal(app, &auditor(), &shown, json!({})).await["reveal"]["reveal"].clone();
        let colleague = test_caller(Role::Auditor, "colleague", &[SHPS]);
        assert_eq!(refusals(&end(app, &colleague, &shown, &id).await), ["REVEAL_NOT_FOUND"]);
        assert_eq!(refusals(&end(app, &auditor(), &shown, &json!(new_id())).await), ["REVEAL_NOT_FOUND"]);
        assert!(sees(app, &auditor(), &case).await);
        let ended = end(app, &auditor(), &shown, &id).await;
        assert_eq!(ended["reveal"], json!({ "inForce": false, "endedBy": "auditor" }));
        assert!(!sees(app, &auditor(), &case).await);
        assert_eq!(refusals(&end(app, &auditor(), &shown, &id).await), ["REVEAL_ALREADY_ENDED"]);

        let id = reveal(app, &auditor(), &shown, json!({})).await["reveal"]["reveal"].clone();
        let ended = "mutation($input: EndRevealInput!) { endReveal(input: $input) { reveal { inForce } problems { code \
            severity } } }";
        let input = json!({ "commandId": new_id(), "subject": case.subject, "contract": SHPS, "reveal": id });
        let ended = app.ask(&administrator(), ended, json!({ "input": input })).await["endReveal"].clone();
        assert_eq!(ended["reveal"], json!({ "inForce": false }), "{ended}");
        assert!(!sees(app, &auditor(), &case).await);

        let listed = "query($after: String) { reveals(first: 1, after: $after) { totalCount pageInfo { endCursor \
            hasNextPage } nodes { subjectId contract reason by role endedBy inForce } } }";
        let first = app.ask(&administrator(), listed, json!({})).await["reveals"].clone();
        assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(2), &json!(true)));
        let of = |by: &str| {
            json!([{
                "subjectId": case.subject, "contract": SHPS, "reason": "two claims of one month", "by": "auditor",
                "role": "auditor", "endedBy": by, "inForce": false,
            }])
        };
        assert_eq!(first["nodes"], of("auditor"));
        let after = json!({ "after": first["pageInfo"]["endCursor"] });
        assert_eq!(app.ask(&administrator(), listed, after).await["reveals"]["nodes"], of("administrator"));
    })
    .await;
}

#[tokio::test]
async fn a_reveal_needs_a_reason_a_limit_and_a_case_that_the_caller_reads() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let shown = subject(app, &auditor(), &case.journey).await["id"].clone();
        for (more, code) in [
            (json!({ "reason": " " }), "MISSING_VALUE"),
            (json!({ "reason": "x".repeat(201) }), "INPUT_TOO_LONG"),
            (json!({ "reason": "ring 020 7946 0958" }), "PERSONAL_DATA"),
            (json!({ "minutes": 0 }), "INVALID_VALUE"),
            (json!({ "minutes": 481 }), "INVALID_VALUE"),
            (json!({ "minutes": -1 }), "INVALID_VALUE"),
            (json!({ "contract": MST }), "SUBJECT_NOT_FOUND"),
            (json!({ "contract": "no-such-contract" }), "SUBJECT_NOT_FOUND"),
        ] {
            assert_eq!(refusals(&reveal(app, &auditor(), &shown, more.clone()).await), [code], "{more}");
        }
        // Another contract's person is like one that does not exist, by whatever id.
        let elsewhere = test_caller(Role::Auditor, "elsewhere", &[MST]);
        let theirs = json!({ "contract": MST });
        for id in [shown.clone(), json!(case.subject), json!(new_id())] {
            let refused = reveal(app, &elsewhere, &id, theirs.clone()).await;
            assert_eq!(refusals(&refused), ["SUBJECT_NOT_FOUND"], "{id}");
        }
        let by_its_id = reveal(app, &commissioner(), &json!(case.subject), json!({})).await;
        assert_eq!(refusals(&by_its_id), ["SUBJECT_NOT_FOUND"], "a commissioner names it by its pseudonym only");
        let input = json!({ "commandId": new_id(), "subject": case.subject, "contract": SHPS, "reason": "curious" });
        for who in [manager(), keyworker("kw-07"), administrator()] {
            let answer = app.answer(&who, REVEAL, json!({ "input": input })).await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{who:?}");
        }
        assert!(!sees(app, &auditor(), &case).await);
        assert_eq!(opened(app).await, Vec::<Value>::new());
    })
    .await;
}

#[tokio::test]
async fn no_role_without_the_right_finds_a_name_or_note_wherever_it_looks() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("private"))).await;
        let identity = "identity { sealed names { given family other } birthDate telephone email address { lines } nino \
            nhsNumber upn needs }";
        let whole = format!(
            "subject {{ id person {identity} linked {{ id {identity} }} }} contacts {{ note {{ text }} }} \
             timeline {{ event {{ type payload record stream {{ id }} }} }}"
        );
        let documents = [
            format!("query($id: UUID!) {{ journey(id: $id) {{ {whole} }} }}"),
            format!("{{ journeys {{ nodes {{ {whole} }} }} }}"),
            format!("{{ contract(code: \"{SHPS}\") {{ caseload {{ nodes {{ {whole} }} }} }} }}"),
            format!("query($node: ID!) {{ node(id: $node) {{ ... on Journey {{ {whole} }} }} }}"),
            format!("query($subject: ID!) {{ node(id: $subject) {{ id ... on Subject {{ {identity} }} }} }}"),
            "{ events(first: 200) { nodes { type payload record } } }".to_owned(),
        ];
        let variables = json!({ "id": case.journey, "node": case.journey, "subject": case.subject });
        for role in [Role::Commissioner, Role::Auditor, Role::Integrator, Role::Administrator] {
            let who = test_caller(role, "other", if role == Role::Administrator { &[] } else { &[SHPS] });
            for document in &documents {
                let declared = |name: &str| document.contains(&format!("${name}"));
                let mut given = variables.clone();
                given.as_object_mut().expect("variables").retain(|name, _| declared(name));
                let answer = app.answer(&who, document, given).await;
                for canary in ["Canary", "QQ123456C", "9434765919", "1990-02-28", "07700 900123"] {
                    assert!(!answer.body.contains(canary), "{role} {document}: {}", answer.body);
                }
                if role == Role::Commissioner {
                    assert!(!answer.body.contains(&case.subject), "{document}: {}", answer.body);
                }
            }
        }
        for table in ["journeys", "claims", "contacts"] {
            let path = format!("/export/{table}?contract={SHPS}&format=ndjson");
            let request = axum::http::Request::builder().uri(path);
            let request = request.header("authorization", format!("Bearer {}", app.token(&commissioner())));
            let answer = app.send(request.body(axum::body::Body::empty()).expect("a request")).await;
            assert!(answer.status.is_success(), "{table}: {}", answer.body);
            assert!(!answer.body.contains(&case.subject) && !answer.body.contains("Canary"), "{}", answer.body);
        }
        assert_eq!(opened(app).await, Vec::<Value>::new());
    })
    .await;
}

/// A case of the subject in the other contract.
async fn case_elsewhere(app: &TestApp, who: &Principal, subject: &str) -> String {
    let input = json!({ "contract": MST, "area": "mid", "occurredOn": TODAY, "subject": subject });
    text(&app.done(who, "receiveReferral", input).await["journey"]["id"])
}

#[tokio::test]
async fn one_person_in_two_contracts_has_two_pseudonyms_that_do_not_join() {
    on_both_stores_with_keys(async |app| {
        let subject_id = new_id();
        let register = json!({ "subject": subject_id, "kind": "PERSON", "occurredOn": TODAY });
        let both = test_caller(Role::Manager, "both", &[SHPS, MST]);
        app.done(&both, "registerSubject", register).await;
        app.done(&both, "sealIdentity", with(json!({ "subject": subject_id, "occurredOn": TODAY }), identity())).await;
        let here = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "subject": subject_id });
        let here = text(&app.done(&both, "receiveReferral", here).await["journey"]["id"]);
        let there = case_elsewhere(app, &both, &subject_id).await;
        for role in [Role::Commissioner, Role::Auditor] {
            let who = test_caller(role, "both", &[SHPS, MST]);
            let (one, other) = (subject(app, &who, &here).await, subject(app, &who, &there).await);
            assert_eq!((&one["id"], &one["person"]), (&one["pseudonym"], &one["pseudonym"]));
            assert_ne!(one["id"], other["id"], "{role}");
            for id in [&one["id"], &other["id"]] {
                assert_ne!(id, &json!(subject_id));
                let node = app.ask(&who, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
                assert_eq!(node["node"], Value::Null, "a pseudonym is no id of a node");
            }
            let node = app.ask(&who, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": subject_id })).await;
            assert_eq!(node["node"], Value::Null);
            let stated = "query($id: UUID!) { journey(id: $id) { subject { registered { event } } } }";
            let event = async |journey: &str| {
                let found = app.ask(&who, stated, json!({ "id": journey })).await;
                text(&found["journey"]["subject"]["registered"]["event"])
            };
            let is_joined = event(&here).await == event(&there).await;
            assert_eq!(is_joined, role == Role::Auditor, "an auditor verifies records, a commissioner joins nothing");
            // The filter takes the pseudonym of the contract, and no other.
            let found = "query($filter: JourneyFilter) { journeys(filter: $filter) { nodes { id } } }";
            let by = async |id: &Value| {
                let filter = json!({ "filter": { "subject": id } });
                app.ask(&who, found, filter).await["journeys"]["nodes"].clone()
            };
            assert_eq!(by(&one["id"]).await, json!([{ "id": here }]));
            assert_eq!(by(&other["id"]).await, json!([{ "id": there }]));
        }
        let seen = subject(app, &both, &here).await;
        assert_eq!(seen["id"], json!(subject_id), "a manager sees the id");
        let payer = subject(app, &commissioner(), &here).await;
        assert_eq!(seen["pseudonym"], payer["id"], "and knows the pseudonym that the commissioner names");
        // A reveal in one contract is of no use to a caller of the other.
        let done = reveal(app, &commissioner(), &payer["id"], json!({})).await;
        assert!(refusals(&done).is_empty(), "{done}");
        let feed = "{ events(filter: { types: [\"IdentityRevealed\"] }, first: 10) { nodes { type } } }";
        for (contract, seen) in [(SHPS, json!([{ "type": "IdentityRevealed" }])), (MST, json!([]))] {
            let reader = test_caller(Role::Manager, "reader", &[contract]);
            assert_eq!(app.ask(&reader, feed, json!({})).await["events"]["nodes"], seen, "{contract}");
        }
        let moved = test_caller(Role::Commissioner, "payer", &[MST]);
        let there = Case { journey: there, subject: subject_id };
        assert_eq!(seen_by(app, &moved, &there).await["subject"]["identity"], sealed_identity());
    })
    .await;
}

#[tokio::test]
async fn an_auditor_sees_an_offered_person_by_the_pseudonym_of_the_contract() {
    on_both_stores_with_keys(async |app| {
        let partner = test_caller(Role::Integrator, "advice-centre", &[SHPS]);
        let offered =
            json!({ "contract": SHPS, "source": "advice", "record": "R-1", "area": "brent", "occurredOn": TODAY });
        let offer = text(&app.done(&partner, "offerReferral", offered).await["offer"]["id"]);
        let document = "query($id: UUID!) { offeredReferral(id: $id) { subject { id pseudonym } } }";
        let seen = async |who: &Principal| {
            let found = app.ask(who, document, json!({ "id": offer })).await;
            ["id", "pseudonym"].map(|field| text(&found["offeredReferral"]["subject"][field]))
        };
        let [[id, pseudonym], [own_id, same]] = [seen(&auditor()).await, seen(&manager()).await];
        assert_eq!((&id, &pseudonym), (&same, &same), "as later in the case");
        assert_ne!(id, own_id);
    })
    .await;
}
