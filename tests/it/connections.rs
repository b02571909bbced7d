//! Lists that have pages: one shape for all of them, and the pages of workers and teams, on both stores.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, ObjectType, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use throughline::access::Role;
use throughline::graphql;

use crate::app::{SHPS, TestApp, manager, on_both_stores, test_caller};
use crate::relations::set_team;

fn objects() -> Vec<(String, ObjectType)> {
    let document = parse_schema(graphql::sdl()).expect("the printed schema can be read");
    let object = |definition| match definition {
        TypeSystemDefinition::Type(of) => match of.node.kind {
            TypeKind::Object(object) => Some((of.node.name.node.to_string(), object)),
            _ => None,
        },
        _ => None,
    };
    document.definitions.into_iter().filter_map(object).collect()
}

/// What a field returns, by name, as it is printed.
fn returns(field: &FieldDefinition) -> String {
    field.ty.node.to_string()
}

/// The lists of people that say no number: it would say that people exist whom the caller may not see.
const WITHOUT_TOTAL: [&str; 2] = ["PossibleDuplicateConnection", "SubjectConnection"];

#[test]
fn all_connections_have_one_shape() {
    let objects = objects();
    let connections: Vec<_> = objects.iter().filter(|(name, _)| name.ends_with("Connection")).collect();
    assert!(connections.len() >= 12, "{}", connections.len());
    for (name, object) in connections {
        let of = name.trim_end_matches("Connection");
        let field = |wanted: &str| object.fields.iter().find(|field| field.node.name.node == wanted);
        let shape = ["edges", "nodes", "pageInfo", "totalCount"]
            .map(|wanted| field(wanted).map(|field| returns(&field.node)).unwrap_or_default());
        let (edges, edge) = (format!("[{of}Edge!]!"), format!("{of}Edge"));
        let total = if WITHOUT_TOTAL.contains(&name.as_str()) { "" } else { "Int!" };
        assert_eq!((&shape[0], &shape[2], &shape[3]), (&edges, &"PageInfo!".to_owned(), &total.to_owned()), "{name}");
        let (_, edge) = objects.iter().find(|(name, _)| *name == edge).unwrap_or_else(|| panic!("no {edge}"));
        let of_edge: Vec<(String, String)> =
            edge.fields.iter().map(|field| (field.node.name.node.to_string(), returns(&field.node))).collect();
        let node = shape[1].trim_start_matches('[').trim_end_matches("!]!").to_owned() + "!";
        assert_eq!(of_edge, [("cursor".into(), "String!".into()), ("node".into(), node)], "{name}");
    }
}

#[test]
fn every_page_takes_first_and_after_alike() {
    for (name, object) in objects() {
        for field in &object.fields {
            if !returns(&field.node).trim_end_matches('!').ends_with("Connection") {
                continue;
            }
            let of = format!("{name}.{}", field.node.name.node);
            let argument = |wanted: &str| field.node.arguments.iter().find(|given| given.node.name.node == wanted);
            let first = argument("first").unwrap_or_else(|| panic!("{of} has no first"));
            let default = first.node.default_value.as_ref().map(|default| default.node.to_string());
            assert_eq!((first.node.ty.node.to_string().as_str(), default.as_deref()), ("Int", Some("20")), "{of}");
            let described = first.node.description.as_ref().map(|text| text.node.as_str()).unwrap_or_default();
            assert!(described.contains("200"), "{of}: {described}");
            assert!(argument("after").is_some(), "{of} has no after");
        }
    }
}

/// A list of the contract, page by page; answers with the labels.
async fn through(app: &TestApp, list: &str, first: usize) -> Vec<Value> {
    let (mut labels, mut after) = (Vec::new(), Value::Null);
    loop {
        let document = format!(
            "query($after: String, $first: Int) {{ contract(code: \"{SHPS}\") {{ {list}(first: $first, after: $after) \
             {{ totalCount edges {{ cursor node {{ label }} }} nodes {{ label }} \
             pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }} }}"
        );
        let data = app.ask(&manager(), &document, json!({ "after": after, "first": first })).await;
        let page = &data["contract"][list];
        assert_eq!(page["totalCount"], 5);
        let (edges, nodes) = (page["edges"].as_array().expect("edges"), page["nodes"].as_array().expect("nodes"));
        assert_eq!(edges.iter().map(|edge| edge["node"].clone()).collect::<Vec<_>>(), *nodes);
        assert_eq!(page["pageInfo"]["startCursor"], edges[0]["cursor"]);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        labels.extend(nodes.iter().map(|node| node["label"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return labels;
        }
    }
}

#[tokio::test]
async fn workers_and_teams_come_in_pages() {
    on_both_stores(async |app| {
        for number in 1..=5_u128 {
            let worker = app.add_worker(&format!("kw-{number}")).await;
            set_team(app, number, "2018-01-01", &[&worker]).await;
        }
        let (workers, teams) = (
            ["KW-1", "KW-2", "KW-3", "KW-4", "KW-5"].map(Value::from),
            ["Team 1", "Team 2", "Team 3", "Team 4", "Team 5"].map(Value::from),
        );
        for first in [1, 2, 4, 5, 200] {
            assert_eq!(through(app, "workers", first).await, workers, "{first}");
            assert_eq!(through(app, "teams", first).await, teams, "{first}");
        }
        let document = "{ a: teams(first: 3) { totalCount nodes { label } pageInfo { endCursor } } \
                        b: teams(first: null) { nodes { label } } }";
        let data = app.ask(&manager(), document, json!({})).await;
        assert_eq!((&data["a"]["totalCount"], data["b"]["nodes"].as_array().map(Vec::len)), (&json!(5), Some(5)));
        let rest = "query($after: String) { teams(after: $after) { nodes { label } } }";
        let rest = app.ask(&manager(), rest, json!({ "after": data["a"]["pageInfo"]["endCursor"] })).await;
        assert_eq!(rest["teams"]["nodes"], json!([{ "label": "Team 4" }, { "label": "Team 5" }]));
        // A cursor belongs to one list.
        let other = "query($after: String) { contract(code: \"shps\") { workers(after: $after) { totalCount } } }";
        let answer = app.answer(&manager(), other, json!({ "after": data["a"]["pageInfo"]["endCursor"] })).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"]);
    })
    .await;
}

#[tokio::test]
async fn events_obligations_and_parked_streams_are_counted_when_asked() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let document = "query($journey: UUID!) { all: events(first: 1) { totalCount edges { cursor node { position } } \
                        pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } \
                        of: events(filter: { journey: $journey }) { totalCount } \
                        typed: events(first: 1, filter: { types: [\"ReferralReceived\"] }) { totalCount } \
                        contract(code: \"shps\") { obligations(first: 1) { totalCount } } }";
        let data = app.ask(&manager(), document, json!({ "journey": journey })).await;
        let all = &data["all"];
        // The contract's opening and rulebook, the subject and the referral; the other contract is not in scope.
        assert_eq!(
            (&all["totalCount"], &data["of"]["totalCount"], &data["typed"]["totalCount"]),
            (&json!(4), &json!(1), &json!(1))
        );
        assert_eq!(all["edges"][0]["cursor"], all["edges"][0]["node"]["position"].to_string());
        assert_eq!(all["pageInfo"]["startCursor"], all["edges"][0]["cursor"]);
        assert_eq!(all["pageInfo"]["hasPreviousPage"], false);
        // This contract's rulebook has standards.
        app.open_contract("mhep").await;
        let everywhere = test_caller(Role::Manager, "everywhere", &[]);
        let referral = json!({ "contract": "mhep", "area": "tower-hamlets", "occurredOn": "2018-02-01" });
        for _ in 0..2 {
            app.done(&everywhere, "receiveReferral", referral.clone()).await;
        }
        let every = "{ contract(code: \"mhep\") { one: obligations(first: 1) { totalCount } \
                     all: obligations(first: 200) { nodes { standard } } } }";
        let every = app.ask(&everywhere, every, json!({})).await["contract"].clone();
        let owed = every["all"]["nodes"].as_array().expect("a list").len();
        assert!(owed > 1, "{every}");
        assert_eq!(every["one"]["totalCount"], owed);
        // A cursor of the feed is a position.
        let on =
            "query($after: Position) { events(after: $after, first: 1) { pageInfo { hasPreviousPage startCursor } } }";
        let on = app.ask(&manager(), on, json!({ "after": all["pageInfo"]["endCursor"] })).await;
        assert_eq!(on["events"]["pageInfo"]["hasPreviousPage"], true);
    })
    .await;
}
