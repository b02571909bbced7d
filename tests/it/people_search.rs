//! The search for people and possible duplicates over the API, on both stores: who is found, by whom, in which spelling,
//! and that the index gives nothing away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use throughline::access::{Principal, Role};
use throughline::search::PeopleSearch;
use throughline_domain::fact::envelope::{Position, SubjectId};
use uuid::Uuid;

use crate::app::{
    MST, SHPS, TODAY, TestApp, keyworker, manager, new_id, on_both_stores_with_keys, refusals, test_caller, text, with,
};
use crate::sealed::stored_texts;
use crate::wait::PATIENCE;

const SEARCH: &str = "query($search: PersonSearch!, $contract: String, $first: Int, $after: String) { \
    people(search: $search, contract: $contract, first: $first, after: $after) { \
    nodes { id identity { sealed names { given family } } } pageInfo { hasNextPage endCursor } recordedThrough } }";

const DUPLICATES: &str = "query($contract: String!, $first: Int, $after: String) { \
    possibleDuplicates(contract: $contract, first: $first, after: $after) { \
    nodes { subject { id } other { id } reason } pageInfo { hasNextPage endCursor } } }";

/// A person with a case; the ids of both.
#[derive(Clone)]
struct Person {
    journey: String,
    subject: String,
}

fn names(given: &str, family: &str) -> Value {
    json!({ "names": { "given": given, "family": family } })
}

fn born(given: &str, family: &str, on: &str) -> Value {
    with(names(given, family), json!({ "birthDate": on }))
}

/// A referral of a person, with every warning accepted.
async fn referred(app: &TestApp, identity: &Value) -> Person {
    let input = json!({
        "contract": SHPS, "area": "brent", "occurredOn": "2018-02-01", "identity": identity,
        "acceptWarnings": ["POSSIBLE_DUPLICATE"],
    });
    person_of(app, &app.done(&manager(), "receiveReferral", input).await).await
}

async fn person_of(app: &TestApp, received: &Value) -> Person {
    let journey = text(&received["journey"]["id"]);
    let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
    let found = app.ask(&manager(), document, json!({ "id": journey })).await;
    Person { subject: text(&found["journey"]["subject"]["id"]), journey }
}

async fn found_by(app: &TestApp, who: &Principal, search: Value) -> BTreeSet<String> {
    let found = app.ask(who, SEARCH, json!({ "search": search, "first": 200 })).await;
    found["people"]["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["id"])).collect()
}

async fn pairs_seen_by(app: &TestApp, who: &Principal) -> Vec<(BTreeSet<String>, String)> {
    let found = app.ask(who, DUPLICATES, json!({ "contract": SHPS, "first": 200 })).await;
    let pair = |node: &Value| {
        let ids = [&node["subject"]["id"], &node["other"]["id"]].map(text);
        (BTreeSet::from(ids), text(&node["reason"]))
    };
    found["possibleDuplicates"]["nodes"].as_array().expect("nodes").iter().map(pair).collect()
}

fn only(person: &Person) -> BTreeSet<String> {
    BTreeSet::from([person.subject.clone()])
}

fn both(one: &Person, other: &Person) -> BTreeSet<String> {
    BTreeSet::from([one.subject.clone(), other.subject.clone()])
}

/// The codes of all problems, warnings too.
fn warnings(payload: &Value) -> Vec<String> {
    payload["problems"].as_array().expect("problems").iter().map(|problem| text(&problem["code"])).collect()
}

#[tokio::test]
async fn a_person_is_found_in_every_spelling_of_the_name() {
    on_both_stores_with_keys(async |app| {
        let neil = referred(app, &born("José María", "O'Neil", "1990-02-28")).await;
        let jones = referred(app, &names("Ann", "Smith-Jones")).await;
        let berg = referred(app, &with(names("Jan", "van der Berg"), json!({ "nino": "qq 12 34 56 c" }))).await;
        let address = json!({ "address": { "lines": ["1 High Row"], "postcode": "AA1 1AA", "uprn": "100012345678" } });
        let home = referred(app, &with(address, json!({ "nhsNumber": "943 476 5919" }))).await;
        for (name, person) in [
            ("ONeill", &neil),
            ("o’neil jose", &neil),
            ("JOSE MARIA O NEIL", &neil),
            ("neil, maria", &neil),
            ("Smith Jones", &jones),
            ("jones", &jones),
            ("Smithjones Ann", &jones),
            ("Jones-Smith", &jones),
            ("Vanderberg", &berg),
            ("Berg J", &berg),
        ] {
            assert_eq!(found_by(app, &manager(), json!({ "name": name })).await, only(person), "{name}");
        }
        for search in [json!({ "birthDate": "1990-02-28" }), json!({ "birthDate": "1990-02-28", "name": "Oneil" })] {
            assert_eq!(found_by(app, &manager(), search).await, only(&neil));
        }
        for (number, person) in
            [("QQ123456C", &berg), ("qq 12 34 56 c", &berg), ("9434765919", &home), ("100012345678", &home)]
        {
            assert_eq!(found_by(app, &manager(), json!({ "identifier": number })).await, only(person), "{number}");
        }
        for nobody in [
            json!({ "name": "Neils" }),
            json!({ "name": "Ann O'Neil" }),
            json!({ "name": "Oneil", "birthDate": "1990-02-27" }),
            json!({ "identifier": "QQ123456A" }),
        ] {
            assert!(found_by(app, &manager(), nobody.clone()).await.is_empty(), "{nobody}");
        }
        let found = app.ask(&manager(), SEARCH, json!({ "search": { "name": "oneil" } })).await;
        let opened = json!({ "sealed": false, "names": { "given": "José María", "family": "O'Neil" } });
        assert_eq!(found["people"]["nodes"][0]["identity"], opened);
    })
    .await;
}

#[tokio::test]
async fn each_role_finds_those_whose_names_it_may_open() {
    on_both_stores_with_keys(async |app| {
        let [own, teamed, other] = [app.add_worker("kw-07").await, app.add_worker("kw-08").await, {
            app.add_worker("kw-09").await
        }];
        let team = |label: &str, members: &[&String]| {
            json!({ "team": new_id(), "label": label, "members": members, "occurredOn": "2018-02-01" })
        };
        app.done(&manager(), "setTeam", team("North", &[&own, &teamed])).await;
        app.done(&manager(), "setTeam", team("South", &[&other])).await;
        let mut people = Vec::new();
        for worker in [&own, &teamed, &other] {
            let person = referred(app, &names("Sam", "Smith")).await;
            app.take_on(&person.journey, worker, "2018-02-02").await;
            people.push(person);
        }
        let unassigned = referred(app, &names("Sam", "Smith")).await;
        let smith = || json!({ "name": "sam smith" });
        let of = |people: &[&Person]| people.iter().map(|person| person.subject.clone()).collect::<BTreeSet<_>>();
        let of_team = of(&[&people[0], &people[1]]);
        assert_eq!(found_by(app, &keyworker("kw-07"), smith()).await, of_team, "own and team cases");
        assert_eq!(found_by(app, &keyworker("kw-08"), smith()).await, of_team);
        assert_eq!(found_by(app, &keyworker("kw-09"), smith()).await, of(&[&people[2]]));
        let all = of(&[&people[0], &people[1], &people[2], &unassigned]);
        assert_eq!(found_by(app, &manager(), smith()).await, all);
        let elsewhere = test_caller(Role::Manager, "elsewhere", &[MST]);
        assert!(found_by(app, &elsewhere, smith()).await.is_empty(), "as if there were nobody");
        for name in ["sam smith", "nobody"] {
            let found = app.ask(&elsewhere, SEARCH, json!({ "search": { "name": name } })).await;
            let info = json!({ "hasNextPage": false, "endCursor": null });
            assert_eq!(found["people"]["pageInfo"], info, "{name}: no cursor says that there was a match");
        }
        for role in [Role::Commissioner, Role::Auditor, Role::Integrator, Role::Administrator] {
            let who = test_caller(role, "other", &[SHPS]);
            let answer = app.answer(&who, SEARCH, json!({ "search": smith() })).await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{role}");
            let answer = app.answer(&who, DUPLICATES, json!({ "contract": SHPS })).await;
            assert_eq!(answer.codes(), ["FORBIDDEN"], "{role}");
        }
        // Within a contract, only people with a case of it.
        for (contract, expected) in [(SHPS, all.len()), (MST, 0), ("nowhere", 0)] {
            let found = app.ask(&manager(), SEARCH, json!({ "search": smith(), "contract": contract })).await;
            assert_eq!(found["people"]["nodes"].as_array().map(Vec::len), Some(expected), "{contract}");
        }
        // A case that changes hands is found by the new keyworker at once.
        let input = json!({ "journey": people[2].journey, "worker": own, "occurredOn": TODAY });
        app.done(&manager(), "assignWorker", input).await;
        assert_eq!(found_by(app, &keyworker("kw-07"), smith()).await.len(), 3);
        assert!(found_by(app, &keyworker("kw-09"), smith()).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_corrected_name_replaces_the_wrong_one_and_an_erased_person_is_gone() {
    on_both_stores_with_keys(async |app| {
        let wrong = with(born("Wilma", "Wrong", "1990-02-28"), json!({ "nino": "QQ123456C" }));
        let person = referred(app, &wrong).await;
        let twin = referred(app, &born("Wilma", "Wrong", "1990-02-28")).await;
        assert_eq!(pairs_seen_by(app, &manager()).await.len(), 1);
        let document = "query($id: UUID!) { journey(id: $id) { subject { identity { parts { part event } } } } }";
        let parts = app.ask(&manager(), document, json!({ "id": person.journey })).await;
        let event = text(&parts["journey"]["subject"]["identity"]["parts"][0]["event"]);
        let correction = json!({
            "subject": person.subject, "target": event, "reason": "a slip",
            "replacement": { "identity": { "names": { "given": "Wilma", "family": "Right" } } },
        });
        app.done(&manager(), "correctFact", correction).await;
        assert_eq!(found_by(app, &manager(), json!({ "name": "Wrong" })).await, only(&twin));
        assert_eq!(found_by(app, &manager(), json!({ "name": "Right" })).await, only(&person));
        assert_eq!(found_by(app, &manager(), json!({ "identifier": "QQ123456C" })).await, only(&person), "it stays");
        assert!(pairs_seen_by(app, &manager()).await.is_empty(), "they no longer look alike");

        let subject: SubjectId = person.subject.parse().expect("an id");
        app.fresh.keys.destroy(subject).await.expect("the keys are destroyed");
        for search in [json!({ "name": "Right" }), json!({ "identifier": "QQ123456C" })] {
            assert!(found_by(app, &manager(), search).await.is_empty());
        }
        assert!(index_of(app).await.values().all(|subjects| !subjects.contains(&subject.0)), "nothing is left");

        let retraction =
            json!({ "subject": twin.subject, "targets": [event_of(app, &twin).await], "reason": "not said" });
        app.done(&manager(), "retractFact", retraction).await;
        assert!(found_by(app, &manager(), json!({ "name": "Wrong" })).await.is_empty());
        assert!(index_of(app).await.is_empty());
    })
    .await;
}

/// The event that says who a person is.
async fn event_of(app: &TestApp, person: &Person) -> String {
    let document = "query($id: UUID!) { journey(id: $id) { subject { identity { parts { event } } } } }";
    let parts = app.ask(&manager(), document, json!({ "id": person.journey })).await;
    text(&parts["journey"]["subject"]["identity"]["parts"][0]["event"])
}

#[tokio::test]
async fn a_search_that_cannot_be_meant_is_refused_with_a_remedy_and_never_repeated() {
    on_both_stores_with_keys(async |app| {
        for (search, says) in [
            (json!({}), "this search is empty"),
            (json!({ "name": "Q" }), "the name is one letter"),
            (json!({ "name": "Q. X." }), "the name is one letter"),
            (json!({ "name": " - " }), "the name has no letters"),
            (json!({ "name": "qa qb qc qd qe qf qg qh qi" }), "more than 8 parts"),
            (json!({ "identifier": "QQ12" }), "this is no National Insurance number"),
        ] {
            let answer = app.answer(&manager(), SEARCH, json!({ "search": search })).await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{search}");
            let message = text(&answer.json()["errors"][0]["message"]);
            assert!(message.contains(says), "{message}");
            assert!(!answer.body.to_lowercase().contains("qq12"), "{}", answer.body);
        }
        let server = app.without_keys();
        let token = app.token(&manager());
        let answer = TestApp::ask_of_with(&server, &token, SEARCH, json!({ "search": { "name": "qa" } }));
        assert_eq!(answer.await.codes(), ["UNAVAILABLE"]);
    })
    .await;
}

#[tokio::test]
async fn those_whose_whole_name_matches_come_first_and_pages_follow_each_other() {
    on_both_stores_with_keys(async |app| {
        let mut longer = BTreeSet::new();
        for _ in 0..4 {
            longer.insert(referred(app, &names("Sam Lee", "Smith")).await.subject);
        }
        let exact = referred(app, &names("Lee", "Smith")).await;
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        for page in 0..3 {
            let variables = json!({ "search": { "name": "smith lee" }, "first": 2, "after": after });
            let found = app.ask(&manager(), SEARCH, variables).await["people"].clone();
            let nodes = found["nodes"].as_array().expect("nodes").clone();
            assert_eq!(
                (nodes.len(), &found["pageInfo"]["hasNextPage"]),
                if page < 2 { (2, &json!(true)) } else { (1, &json!(false)) }
            );
            seen.extend(nodes.iter().map(|node| text(&node["id"])));
            after = found["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen[0], exact.subject);
        assert_eq!(seen[1..].iter().cloned().collect::<BTreeSet<_>>(), longer);
        assert!(seen[1..].is_sorted(), "{seen:?}");
        let other = json!({ "search": { "name": "sam" }, "after": after });
        assert_eq!(
            app.answer(&manager(), SEARCH, other).await.codes(),
            ["BAD_USER_INPUT"],
            "a cursor of another search"
        );
    })
    .await;
}

#[tokio::test]
async fn a_referral_of_a_person_who_may_be_known_is_a_warning() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let stranger = app.add_worker("kw-08").await;
        let team =
            |members: Value| json!({ "team": new_id(), "label": "T", "members": members, "occurredOn": "2018-02-01" });
        app.done(&manager(), "setTeam", team(json!([worker]))).await;
        app.done(&manager(), "setTeam", team(json!([stranger]))).await;
        let known = referred(app, &with(born("John", "Smith", "1990-02-28"), json!({ "nino": "QQ123456C" }))).await;
        app.take_on(&known.journey, &worker, "2018-02-02").await;
        let refer =
            |identity: Value| json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "identity": identity });
        let alike = [
            born("Jon", "Smyth", "1990-02-28"),
            born("Smith", "John", "1990-02-28"),
            json!({ "nino": "QQ 12 34 56 C" }),
        ];
        for identity in alike {
            for who in [manager(), keyworker("kw-07")] {
                let payload = app.tell(&who, "receiveReferral", refer(identity.clone())).await;
                assert_eq!(warnings(&payload), ["POSSIBLE_DUPLICATE"], "{identity}: {payload}");
                assert_eq!(payload["problems"][0]["severity"], "WARNING");
                assert_eq!(payload["problems"][0]["allowed"], json!([known.subject]));
                assert!(!payload.to_string().contains("Sm"), "{payload}");
            }
            // Who may not open the other record does not learn of it.
            for who in [keyworker("kw-08"), test_caller(Role::Integrator, "council", &[SHPS])] {
                let dry = with(refer(identity.clone()), json!({ "dryRun": true }));
                assert!(refusals(&app.tell(&who, "receiveReferral", dry).await).is_empty(), "{identity} {who:?}");
            }
        }
        for identity in
            [born("John", "Smith", "1990-02-27"), names("John", "Smith"), born("Anna", "Smith", "1990-02-28")]
        {
            app.done(&manager(), "receiveReferral", refer(identity)).await;
        }
        assert!(pairs_seen_by(app, &manager()).await.is_empty());
        let accepting = json!({ "acceptWarnings": ["POSSIBLE_DUPLICATE"] });
        let again = with(refer(born("Jon", "Smyth", "1990-02-28")), accepting.clone());
        let again = person_of(app, &app.done(&manager(), "receiveReferral", again).await).await;
        assert_eq!(pairs_seen_by(app, &manager()).await, [(both(&known, &again), "NAME".to_owned())]);
        // What is said later counts as well, and what is known already counts with it.
        let seal = json!({ "subject": again.subject, "nino": "QQ123456C", "occurredOn": TODAY });
        let payload = app.tell(&manager(), "sealIdentity", seal.clone()).await;
        assert_eq!(warnings(&payload), ["POSSIBLE_DUPLICATE"], "{payload}");
        app.done(&manager(), "sealIdentity", with(seal, accepting)).await;
        assert_eq!(pairs_seen_by(app, &manager()).await, [(both(&known, &again), "IDENTIFIER".to_owned())]);
        // A further referral of the record warns too.
        let further = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "subject": again.subject });
        let payload = app.tell(&manager(), "receiveReferral", further).await;
        assert_eq!(warnings(&payload), ["POSSIBLE_DUPLICATE"], "{payload}");
    })
    .await;
}

#[tokio::test]
async fn an_offered_person_who_may_be_known_is_compared_when_the_offer_is_accepted() {
    on_both_stores_with_keys(async |app| {
        let known = referred(app, &born("John", "Smith", "1990-02-28")).await;
        let partner = test_caller(Role::Integrator, "advice-centre", &[SHPS]);
        let offered = json!({
            "contract": SHPS, "source": "advice", "record": "R-1", "area": "brent", "occurredOn": "2018-02-20",
            "identity": born("Jon", "Smyth", "1990-02-28"),
        });
        let offer = text(&app.done(&partner, "offerReferral", offered).await["offer"]["id"]);
        let warned = app.tell(&manager(), "acceptOffer", json!({ "offer": offer })).await;
        assert_eq!(warnings(&warned), ["POSSIBLE_DUPLICATE"], "{warned}");
        assert_eq!(warned["problems"][0]["allowed"], json!([known.subject]));
        let accepting = json!({ "offer": offer, "acceptWarnings": ["POSSIBLE_DUPLICATE"] });
        app.done(&manager(), "acceptOffer", accepting).await;
    })
    .await;
}

#[tokio::test]
async fn a_pair_is_proposed_until_it_is_linked_or_dismissed() {
    on_both_stores_with_keys(async |app| {
        let mut people = Vec::new();
        for given in ["Jon", "John", "Jhon"] {
            people.push(referred(app, &born(given, "Smith", "1990-02-28")).await);
        }
        let [one, two, three] = [&people[0], &people[1], &people[2]];
        let pairs = async || -> BTreeSet<BTreeSet<String>> {
            pairs_seen_by(app, &manager()).await.into_iter().map(|(pair, _)| pair).collect()
        };
        assert_eq!(pairs().await, [both(one, two), both(one, three), both(two, three)].into());
        assert!(pairs_seen_by(app, &keyworker_of_nothing(app).await).await.is_empty());
        let first = app.ask(&manager(), DUPLICATES, json!({ "contract": SHPS, "first": 2 })).await;
        let info = &first["possibleDuplicates"]["pageInfo"];
        assert_eq!(info["hasNextPage"], true);
        let rest = json!({ "contract": SHPS, "first": 2, "after": info["endCursor"] });
        let rest = app.ask(&manager(), DUPLICATES, rest).await["possibleDuplicates"].clone();
        assert_eq!((rest["nodes"].as_array().map(Vec::len), &rest["pageInfo"]["hasNextPage"]), (Some(1), &json!(false)));

        let dismiss = |one: &Person, other: &Person, reason: &str| {
            json!({ "subject": one.subject, "other": other.subject, "reason": reason, "occurredOn": TODAY })
        };
        let payload = app.tell(&manager(), "dismissDuplicate", dismiss(one, two, " ")).await;
        assert_eq!(refusals(&payload), ["MISSING_VALUE"], "{payload}");
        let payload = app.tell(&manager(), "dismissDuplicate", dismiss(one, one, "twins")).await;
        assert_eq!(refusals(&payload), ["SAME_SUBJECT"], "{payload}");
        let dismissed = app.done(&manager(), "dismissDuplicate", dismiss(two, one, "twins")).await;
        assert_eq!(dismissed["events"].as_array().map(Vec::len), Some(2), "recorded in both");
        assert_eq!(pairs().await, [both(one, three), both(two, three)].into());
        let payload = app.tell(&manager(), "dismissDuplicate", dismiss(one, two, "twins")).await;
        assert_eq!(refusals(&payload), ["ALREADY_DISMISSED"], "{payload}");

        let link = |one: &Person, other: &Person| {
            json!({ "subject": one.subject, "with": other.subject, "reason": "one person", "occurredOn": TODAY })
        };
        app.done(&manager(), "linkSubjects", link(three, one)).await;
        assert_eq!(pairs().await, [both(two, three)].into());
        let payload = app.tell(&manager(), "dismissDuplicate", dismiss(one, three, "twins")).await;
        assert_eq!(refusals(&payload), ["ALREADY_LINKED"], "{payload}");
        app.done(&manager(), "linkSubjects", link(three, two)).await;
        assert!(pairs().await.is_empty(), "links join the dismissed pair too");
        app.done(&manager(), "unlinkSubjects", link(three, two)).await;
        assert_eq!(pairs().await, [both(two, three)].into(), "proposed again");
        let keyworker = keyworker_of_nothing(app).await;
        let answer = app.told(&keyworker, "dismissDuplicate", dismiss(two, three, "twins")).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
    })
    .await;
}

async fn keyworker_of_nothing(app: &TestApp) -> Principal {
    let login = format!("kw-{}", &new_id()[..8]);
    let worker = app.add_worker(&login).await;
    let team = json!({ "team": new_id(), "label": login, "members": [worker], "occurredOn": "2018-02-01" });
    app.done(&manager(), "setTeam", team).await;
    keyworker(&login)
}

#[tokio::test]
async fn an_index_that_was_lost_is_built_anew() {
    on_both_stores_with_keys(async |app| {
        let person = referred(app, &born("John", "Smith", "1990-02-28")).await;
        let twin = referred(app, &born("Jon", "Smyth", "1990-02-28")).await;
        let gone = referred(app, &born("John", "Smith", "1990-02-28")).await;
        let subject: SubjectId = gone.subject.parse().expect("an id");
        app.fresh.keys.destroy(subject).await.expect("the keys are destroyed");
        assert_eq!(found_by(app, &manager(), json!({ "name": "john smith" })).await, only(&person));
        let before = (index_of(app).await, pairs_seen_by(app, &manager()).await);
        assert_eq!(before.1, [(both(&person, &twin), "NAME".to_owned())]);
        for lost in [
            "delete from search_token",
            "delete from possible_duplicate",
            "update search_cursor set run = run + 1, position = 0, event = null",
        ] {
            on_the_index(app, lost).await;
        }
        assert!(index_of(app).await.is_empty());
        let search = PeopleSearch::of(&app.fresh.log, &app.fresh.keys);
        let head = Position(app.head().await);
        assert!(!search.passed(head, Duration::from_millis(1)).await, "nobody keeps it up");
        let following = tokio::spawn(search.clone().keep_up());
        let waited = tokio::time::timeout(PATIENCE, async {
            while !search.passed(head, PATIENCE).await {
                tokio::task::yield_now().await;
            }
        });
        waited.await.expect("it is built");
        following.abort();
        assert_eq!((index_of(app).await, pairs_seen_by(app, &manager()).await), before);
    })
    .await;
}

#[tokio::test]
async fn the_index_answers_a_dictionary_of_names_only_to_who_has_the_key() {
    on_both_stores_with_keys(async |app| {
        let person = referred(app, &with(born("Zora", "Quill", "1990-02-28"), json!({ "nino": "QQ123456C" }))).await;
        assert_eq!(found_by(app, &manager(), json!({ "name": "zora quill" })).await, only(&person));
        let index = index_of(app).await;
        assert!(
            index.len() >= 6,
            "each part, the whole name, the birth date, the number, and what is alike: {index:?}"
        );
        let dictionary = ["anna", "maria", "quil", "smith", "zora"];
        let hits = |hash: &dyn Fn(&[u8]) -> [u8; 16]| -> Vec<&str> {
            let is_there = |word: &&&str| {
                let said = [b"name\0", word.as_bytes()].concat();
                [said.as_slice(), word.as_bytes()].iter().any(|text| index.contains_key(&Uuid::from_bytes(hash(text))))
            };
            dictionary.iter().filter(is_there).copied().collect()
        };
        let half = |bytes: &[u8]| -> [u8; 16] { bytes[..16].try_into().expect("sixteen bytes") };
        let with_key =
            |key: &[u8; 32], text: &[u8]| half(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref());
        let plain = |text: &[u8]| half(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text).as_ref());
        assert!(hits(&plain).is_empty(), "without a key");
        assert!(hits(&|text| with_key(&[0; 32], text)).is_empty(), "with another key");
        let key = app.fresh.keys.index_key().await.expect("the key");
        assert_eq!(hits(&|text| with_key(&key, text)), ["quil", "zora"], "with the key");
        for (place, stored) in stored_texts(app).await {
            for canary in ["Zora", "zora", "Quil", "quil", "QQ123456C", "1990-02-28"] {
                assert!(!stored.contains(canary), "{canary} is in {place}");
            }
        }
    })
    .await;
}

/// The tokens of the index, each with those who are found by it.
async fn index_of(app: &TestApp) -> BTreeMap<Uuid, BTreeSet<Uuid>> {
    let sql = "select token, subject from search_token";
    let rows: Vec<(Uuid, Uuid)> = if let Some(file) = app.fresh.place().file() {
        let url = format!("sqlite:{}.keys", file.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the file of keys");
        let rows = conn.fetch_all(sql).await.expect("the index");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    } else {
        let mut conn = keys_on_postgres(app).await;
        let rows = conn.fetch_all(sql).await.expect("the index");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let mut index: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for (token, subject) in rows {
        index.entry(token).or_default().insert(subject);
    }
    index
}

async fn on_the_index(app: &TestApp, sql: &'static str) {
    if let Some(file) = app.fresh.place().file() {
        let url = format!("sqlite:{}.keys", file.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the file of keys");
        conn.execute(sql).await.expect("it is done");
    } else {
        keys_on_postgres(app).await.execute(sql).await.expect("it is done");
    }
}

async fn keys_on_postgres(app: &TestApp) -> sqlx::PgConnection {
    let mut conn = sqlx::PgConnection::connect(app.fresh.url()).await.expect("the server answers");
    let (schema,): (String,) =
        sqlx::query_as("select current_schema()::text").fetch_one(&mut conn).await.expect("a schema");
    let path = AssertSqlSafe(format!("set search_path = {schema}_keys"));
    conn.execute(path).await.expect("the schema of keys");
    conn
}
