//! Who sees what: every field is classified, the table of roles, fields and relations is as committed, and what the
//! table says is what is answered over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use throughline::access::fields::{class, classified};
use throughline::access::{Principal, Role};

use crate::app::{SHPS, TestApp, call, manager, new_id, on_both_stores, other_manager, test_caller, text, with};
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
fn the_table_of_who_sees_what_equals_the_committed_one() {
    assert!(
        committed() == throughline::graphql::access_table(),
        "{TABLE} is not what the policy says: look at who would see more or less, then refresh it with \
         `cargo run -- schema --access > {TABLE}`"
    );
}

#[test]
fn fields_that_a_role_may_not_see_are_nullable() {
    let nullable = fields();
    for line in committed().lines().filter(|line| line.contains('~') && !line.starts_with('#')) {
        let (of, field) = line.split_whitespace().next().and_then(|name| name.split_once('.')).expect("a field");
        assert!(nullable[&(of.to_owned(), field.to_owned())], "{of}.{field} is redacted and may not be null");
    }
}

#[test]
fn an_interface_is_no_way_around_what_is_kept_back() {
    let document = parse_schema(throughline::graphql::sdl()).expect("the schema is read");
    let mut looked_at = 0;
    for definition in document.definitions {
        let TypeSystemDefinition::Type(of) = definition else { continue };
        let TypeKind::Object(object) = of.node.kind else { continue };
        for (interface, field) in object.implements.iter().flat_map(|interface| {
            object.fields.iter().map(move |field| (interface.node.as_str(), field.node.name.node.as_str()))
        }) {
            if let Some(shown) = class(interface, field) {
                let own = class(of.node.name.node.as_str(), field).expect("classified");
                assert_eq!(own.hidden_by, shown.hidden_by, "{}.{field} as {interface}.{field}", of.node.name.node);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 10);
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
    ("/workers/totalCount", "workers { totalCount }", "Contract.workers"),
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
    test_caller(role, "kw-ann", &[SHPS])
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
        app.add_worker("kw-ann").await;
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
                let again = json!({ "acceptWarnings": ["RECORDED_ALREADY"] });
                let contact = with(call(journey, "2018-02-06"), again);
                let answer = app.told(&of_role(role), "logContact", contact).await;
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

/// The least input of each mutation: what it requires, of the right kind and nothing more.
struct Inputs(BTreeMap<String, TypeKind>);

impl Inputs {
    fn of_the_schema() -> Self {
        let document = parse_schema(throughline::graphql::sdl()).expect("the schema is read");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(of) => Some((of.node.name.node.to_string(), of.node.kind)),
            _ => None,
        });
        Self(types.collect())
    }

    /// Each mutation with the type of its input.
    fn mutations(&self) -> Vec<(String, String)> {
        let TypeKind::Object(mutation) = &self.0["Mutation"] else { panic!("mutations are an object") };
        let named =
            |field: &FieldDefinition| (field.name.node.to_string(), base(&field.arguments[0].node.ty.node.base));
        mutation.fields.iter().map(|field| named(&field.node)).collect()
    }

    fn least(&self, of: &str) -> Value {
        match of {
            "UUID" | "ID" => new_id().into(),
            "Date" => "2018-02-20".into(),
            "DateTime" => "2018-02-20T09:00:00Z".into(),
            "LocalTime" => "09:00".into(),
            "Decimal" => "1".into(),
            "Int" | "Position" => 1.into(),
            "Boolean" => true.into(),
            "String" => "x".into(),
            of => match &self.0[of] {
                TypeKind::Enum(one) => one.values[0].node.value.node.to_string().into(),
                TypeKind::InputObject(input) => {
                    let required = |field: &&Positioned<InputValueDefinition>| {
                        !field.node.ty.node.nullable && field.node.default_value.is_none()
                    };
                    let mut wanted: Vec<_> = input.fields.iter().filter(required).collect();
                    // Of those that exclude each other the first one.
                    if wanted.is_empty() {
                        wanted.extend(input.fields.first());
                    }
                    let value = |field: &&Positioned<InputValueDefinition>| {
                        let (name, of) = (field.node.name.node.to_string(), &field.node.ty.node.base);
                        let least = self.least(&base(of));
                        (name, if matches!(of, BaseType::List(_)) { json!([least]) } else { least })
                    };
                    Value::Object(wanted.iter().map(value).collect())
                }
                _ => panic!("{of} is no input"),
            },
        }
    }
}

fn base(of: &BaseType) -> String {
    match of {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(of) => base(&of.base),
    }
}

#[tokio::test]
async fn each_mutation_is_refused_to_the_roles_that_the_table_says() {
    on_both_stores(async |app| {
        let (signs, inputs) = (signs(), Inputs::of_the_schema());
        assert!(inputs.mutations().len() > 60);
        for (mutation, of) in inputs.mutations() {
            // Whose facts they correct, score or measure decides, and is not said here.
            if ["correctFact", "retractFact", "scoreAssessment", "recordMeasure"].contains(&mutation.as_str()) {
                continue;
            }
            for role in Role::ALL {
                // Access is managed for all contracts.
                let contracts: &[&str] = if role == Role::Administrator { &[] } else { &[SHPS] };
                let who = test_caller(role, "somebody", contracts);
                let mut input = with(inputs.least(&of), json!({ "commandId": new_id(), "dryRun": true }));
                // Of a worker or of a team, neither of which the schema requires.
                if mutation == "setCapacity" {
                    input["worker"] = new_id().into();
                }
                let document = format!(
                    "mutation($input: {of}!) {{ {mutation}(input: $input) {{ replayed problems {{ code }} }} }}"
                );
                let answer = app.answer(&who, &document, json!({ "input": input })).await;
                let refused = answer.codes().iter().any(|code| code == "FORBIDDEN");
                assert!(refused || answer.codes().is_empty(), "{role} {mutation}: {}", answer.body);
                let said = signs[&(format!("Mutation.{mutation}"), role.as_str())][0] == '-';
                assert_eq!(refused, said, "{role} {mutation}: {}", answer.body);
            }
        }
    })
    .await;
}
