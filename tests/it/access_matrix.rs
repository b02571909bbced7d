//! Who sees what: every field is classified, the table of roles, fields and relations is as committed, and what the
//! table says is what is answered over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use throughline::access::fields::classified;
use throughline::access::{Principal, Role};

use crate::app::{SHPS, TestApp, call, manager, on_both_stores, other_manager, somebody, text};
use crate::relations::set_team;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TABLE: &str = "schema/access.txt";
/// The relations in the order of the table's signs.
const RELATIONS: [&str; 5] = ["own", "team", "unassigned", "contract", "outside"];

fn committed() -> String {
    fs::read_to_string(Path::new(ROOT).join(TABLE)).unwrap_or_default()
}

/// Every field of the schema's types, with whether it may be null.
fn fields() -> BTreeMap<(String, String), bool> {
    let document = parse_schema(throughline::graphql::sdl()).expect("the schema is read");
    let mut fields = BTreeMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(of) = definition else { continue };
        let of_type = match of.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        for field in of_type {
            let name = (of.node.name.node.to_string(), field.node.name.node.to_string());
            fields.insert(name, field.node.ty.node.nullable);
        }
    }
    fields
}

#[test]
fn every_field_is_classified_and_nothing_else_is() {
    let schema: BTreeSet<(String, String)> = fields().into_keys().collect();
    let known: BTreeSet<(String, String)> = classified().map(|(of, field)| (of.to_owned(), field.to_owned())).collect();
    let missing: Vec<_> = schema.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "say in src/access/fields.rs what these are; until then nobody sees them: {missing:#?}"
    );
    let gone: Vec<_> = known.difference(&schema).collect();
    assert!(gone.is_empty(), "src/access/fields.rs classifies what the schema has not: {gone:#?}");
}

#[test]
fn the_table_of_who_sees_what_is_as_it_is_committed() {
    assert!(
        committed() == throughline::graphql::access_table(),
        "{TABLE} is not what the policy says: look at who would see more or less, then refresh it with \
         `cargo run -- schema --access > {TABLE}`"
    );
}

#[test]
fn what_is_redacted_for_somebody_may_be_null() {
    let nullable = fields();
    for line in committed().lines().filter(|line| line.contains('~') && !line.starts_with('#')) {
        let (of, field) = line.split_whitespace().next().and_then(|name| name.split_once('.')).expect("a field");
        assert!(nullable[&(of.to_owned(), field.to_owned())], "{of}.{field} is redacted and may not be null");
    }
}

/// The signs of the table: by field and role, in the order of the relations.
fn signs() -> BTreeMap<(String, &'static str), Vec<char>> {
    let mut signs = BTreeMap::new();
    for line in committed().lines().filter(|line| line.contains('.') && !line.starts_with(['#', ' '])) {
        let mut words = line.split_whitespace();
        let field = words.next().expect("a field").to_owned();
        for (role, word) in Role::ALL.iter().zip(words) {
            signs.insert((field.clone(), role.as_str()), word.chars().collect());
        }
    }
    signs
}

/// The fields that are asked for over HTTP: the door, what is asked of a journey there, the fields on the way.
const OF_A_JOURNEY: [(&str, &str, &[&str]); 12] = [
    ("/id", "id", &["Journey.id"]),
    ("/reference", "reference", &["Journey.reference"]),
    ("/received/on", "received { on }", &["Journey.received", "OccurredOn.on"]),
    ("/contacts/0/channel", "contacts { channel }", &["Journey.contacts", "Contact.channel"]),
    ("/keyworkerOrNone", "keyworkerOrNone: assignments { role }", &["Journey.assignments", "Assignment.role"]),
    ("/subject/id", "subject { id }", &["Journey.subject", "Subject.id"]),
    ("/referral/externalReferences/0/id", "referral { externalReferences { id } }", &["Referral.externalReferences"]),
    ("/timeline/0/event/id", "timeline { event { id } }", &["TimelineEntry.event", "Event.id"]),
    ("/timeline/0/event/payload", "timeline { event { payload } }", &["Event.payload"]),
    ("/timeline/0/event/record", "timeline { event { record } }", &["Event.record"]),
    ("/timeline/0/event/actor/subject", "timeline { event { actor { subject } } }", &["Actor.subject"]),
    ("/viewerCan/logContact/allowed", "viewerCan { logContact { allowed } }", &["Journey.viewerCan"]),
];

/// Fields of a contract, which no case bears on: what is asked, and where its answer is.
const OF_A_CONTRACT: [(&str, &str, &str); 7] = [
    ("/name", "name", "Contract.name"),
    ("/rulebook/version", "rulebook { version }", "Contract.rulebook"),
    ("/caseload/totalCount", "caseload { totalCount }", "Contract.caseload"),
    ("/journeys/totalCount", "journeys { totalCount }", "Contract.journeys"),
    ("/exits/total", "exits { total }", "Contract.exits"),
    ("/caseloadByKeyworker", "caseloadByKeyworker { journeys }", "Contract.caseloadByKeyworker"),
    ("/workers", "workers { label }", "Contract.workers"),
];

/// What came back, as a sign of the table.
fn sign(answer: &Value, at: &str) -> char {
    let codes: Vec<String> =
        answer["errors"].as_array().into_iter().flatten().map(|error| text(&error["extensions"]["code"])).collect();
    let root = answer["data"].as_object().and_then(|data| data.values().next()).cloned().unwrap_or_default();
    match (codes.as_slice(), root.pointer(at)) {
        ([], Some(value)) if !value.is_null() => '+',
        ([], _) if root.is_null() => '.',
        ([], None)
            if at.contains("/0/") && root.pointer(at.split("/0/").next().unwrap_or("")).is_some_and(Value::is_null) =>
        {
            '~'
        }
        ([], Some(Value::Null)) => '~',
        (codes, _) if codes.iter().all(|code| code == "FORBIDDEN") => '-',
        _ => panic!("neither seen nor refused: {answer}"),
    }
}

/// A journey of each relation to the keyworker of login `kw-ann`.
async fn journeys(app: &TestApp) -> [String; 5] {
    let [ann, bob, eve] =
        [app.add_worker("kw-ann").await, app.add_worker("kw-bob").await, app.add_worker("kw-eve").await];
    set_team(app, 1, "2018-01-01", &[&ann, &bob]).await;
    set_team(app, 2, "2018-01-01", &[&eve]).await;
    let mut journeys = Vec::new();
    for (reference, worker) in [("BR-1", Some(&ann)), ("BR-2", Some(&bob)), ("BR-3", None), ("BR-4", Some(&eve))] {
        let journey = app.receive_referral("2018-02-01", reference).await;
        app.done(&manager(), "acceptReferral", json!({ "journey": journey, "occurredOn": "2018-02-02" })).await;
        if let Some(worker) = worker {
            let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-02" });
            app.done(&manager(), "assignWorker", input).await;
        }
        app.done(&manager(), "logContact", call(&journey, "2018-02-05")).await;
        journeys.push(journey);
    }
    let elsewhere = app.journey_elsewhere().await;
    app.done(&other_manager(), "logContact", call(&elsewhere, "2018-02-05")).await;
    journeys.push(elsewhere);
    journeys.try_into().expect("five journeys")
}

fn of_role(role: Role) -> Principal {
    somebody(role, "kw-ann", &[SHPS])
}

#[tokio::test]
async fn what_the_table_says_of_journeys_is_what_is_answered() {
    on_both_stores(async |app| {
        let (signs, journeys) = (signs(), journeys(app).await);
        for role in Role::ALL {
            for (place, journey) in journeys.iter().enumerate() {
                for (at, asked, fields) in OF_A_JOURNEY {
                    if at == "/keyworkerOrNone" && RELATIONS[place] == "unassigned" {
                        continue;
                    }
                    let document = format!("query($id: UUID!) {{ journey(id: $id) {{ {asked} }} }}");
                    let answer = app.answer(&of_role(role), &document, json!({ "id": journey })).await.json();
                    // The first thing on the way that is not simply seen decides.
                    let way = std::iter::once("Query.journey").chain(fields.iter().copied());
                    let said = way.map(|field| signs[&(field.to_owned(), role.as_str())][place]);
                    let said = said.fold('+', |so_far, next| if so_far == '+' { next } else { so_far });
                    let found = sign(&answer, at);
                    assert_eq!(found, said, "{role} asks for {asked} of {}: {answer}", RELATIONS[place]);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_table_says_of_contracts_is_what_is_answered() {
    on_both_stores(async |app| {
        let signs = signs();
        for role in Role::ALL {
            for (code, place) in [(SHPS, 3), (crate::app::MST, 4)] {
                for (at, asked, field) in OF_A_CONTRACT {
                    let document = format!("query($code: String!) {{ contract(code: $code) {{ {asked} }} }}");
                    let answer = app.answer(&of_role(role), &document, json!({ "code": code })).await.json();
                    // A list of journeys is of those that somebody may see: within a contract there is always a list.
                    let said = match signs[&(field.to_owned(), role.as_str())][place] {
                        '.' if place == 3 => '+',
                        // Outside there is no contract, so nobody is refused a field of it.
                        '-' | '+' if place == 4 => '.',
                        said => said,
                    };
                    assert_eq!(sign(&answer, at), said, "{role} asks for {asked} of {code}: {answer}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_table_says_of_mutations_is_what_is_answered() {
    on_both_stores(async |app| {
        let (signs, journeys) = (signs(), journeys(app).await);
        for role in Role::ALL {
            for (place, journey) in journeys.iter().enumerate() {
                let answer = app.told(&of_role(role), "logContact", call(journey, "2018-02-06")).await;
                let found = match answer.codes().as_slice() {
                    [] if answer.body.contains("JOURNEY_NOT_FOUND") => '.',
                    [] if answer.json()["data"]["logContact"]["position"].is_i64() => '+',
                    [code] if code == "FORBIDDEN" => '-',
                    _ => panic!("neither done nor refused: {}", answer.body),
                };
                let said = signs[&("Mutation.logContact".to_owned(), role.as_str())][place];
                assert_eq!(found, said, "{role} logs a contact with {}: {}", RELATIONS[place], answer.body);
            }
        }
    })
    .await;
}
