//! How many SQL statements a question costs: as many for fifty journeys as for five, on both stores.
//!
//! They are counted by what sqlx logs beneath the span of the request: its `SQLite` threads and our loaders carry the
//! span of whoever asks. A question that is not counted at all fails too.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::join_all;
use serde_json::{Value, json};
use throughline::access::Principal;
use throughline::queries;
use throughline::store::Dialect;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Instrument as _, Subscriber, info_span};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, filter};

use crate::app::{TestApp, call, keyworker, manager, on_both_stores, with};
use crate::relations::set_team;

/// The name of the span beneath which statements are counted.
const COUNTED: &str = "counted";

/// Counts the statements beneath each span of that name.
struct Statements;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Statements {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == COUNTED {
            let mut place = Place(None);
            attributes.record(&mut place);
            if let (Some(span), Some(counter)) = (context.span(id), place.0.and_then(counter)) {
                span.extensions_mut().insert(counter);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut beneath = context.event_scope(event).into_iter().flatten();
        if let Some(counter) = beneath.find_map(|span| span.extensions().get::<Arc<AtomicUsize>>().cloned()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The number of a counter, as its span carries it.
struct Place(Option<u64>);

impl Visit for Place {
    fn record_u64(&mut self, _: &Field, value: u64) {
        self.0 = Some(value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

static COUNTERS: OnceLock<Vec<Arc<AtomicUsize>>> = OnceLock::new();

fn counter(place: u64) -> Option<Arc<AtomicUsize>> {
    COUNTERS.get()?.get(usize::try_from(place).ok()?).cloned()
}

/// Starts counting, once for the whole process.
fn start() {
    COUNTERS.get_or_init(|| {
        let wanted = filter::filter_fn(|of| of.target() == "sqlx::query" || of.name() == COUNTED);
        let subscriber = tracing_subscriber::registry().with(Statements.with_filter(wanted));
        tracing::subscriber::set_global_default(subscriber).expect("no other test listens to the whole process");
        (0..16).map(|_| Arc::default()).collect()
    });
}

/// A number for each count of this process.
fn next() -> u64 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    u64::try_from(NEXT.fetch_add(1, Ordering::Relaxed)).expect("few counts")
}

/// Asks as a manager and says how many statements it took.
async fn statements(app: &TestApp, document: &str, variables: Value) -> (Value, usize) {
    statements_of(app, &manager(), document, variables).await
}

/// Asks and says how many statements it took.
async fn statements_of(app: &TestApp, who: &Principal, document: &str, variables: Value) -> (Value, usize) {
    start();
    let place = next();
    let data = app.ask(who, document, variables).instrument(info_span!("counted", place)).await;
    (data, counter(place).expect("a counter").load(Ordering::Relaxed))
}

/// Also writes them to a file of the build folder, where those that are put together from parts can be read whole.
#[test]
fn every_statement_of_a_question_is_one_text_that_psql_understands() {
    let texts: Vec<&str> = queries::statements().into_iter().map(|sql| sql.text(Dialect::Postgres)).collect();
    assert!(texts.iter().all(|text| !text.contains(['{', '}', ';'])), "a marker or a second statement is left");
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("statements.sql");
    std::fs::write(place, texts.join(";\n\n") + ";\n").expect("the build folder takes files");
}

/// A case with all that a screen shows of it.
async fn tell(app: &TestApp, worker: &str, number: usize) {
    let journey = app.receive_referral("2018-02-01", &format!("BR-{number:03}")).await;
    app.take_on(&journey, worker, "2018-02-02").await;
    app.log_contact(&keyworker("kw-07"), call(&journey, "2018-02-05")).await;
    app.done(&manager(), "agreePlan", json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-10" })).await;
    let input = json!({
        "journey": journey, "domain": "accommodation", "occurredOn": "2018-02-20",
        "attributes": [{ "name": "secured_as", "value": "new" }],
    });
    let started = app.done(&manager(), "startSpell", input).await["events"][0]["id"].clone();
    let on = |input: Value| with(json!({ "journey": journey, "occurredOn": "2018-02-21" }), input);
    let task = json!({ "kind": "letter", "dueOn": "2018-02-23", "owner": worker });
    app.done(&manager(), "setTask", on(task)).await;
    let piece = json!({ "kind": "tenancy_agreement", "datedOn": "2018-02-20", "supports": [started] });
    app.done(&manager(), "attachEvidence", on(piece)).await;
    app.done(&manager(), "raiseRisk", on(json!({ "kind": "rent_arrears" }))).await;
    app.done(&manager(), "reviewPlan", on(json!({ "kind": "php" }))).await;
}

#[tokio::test]
async fn a_page_of_fifty_journeys_costs_as_many_statements_as_one_of_five() {
    on_both_stores(async |app| {
        let (one, other) = (app.add_worker("kw-07").await, app.add_worker("kw-08").await);
        let workers = [&one, &other];
        join_all((0..50).map(|number| tell(app, workers[number % 2], number))).await;
        let document = "query($first: Int!) { contract(code: \"shps\") { caseload(first: $first) { totalCount nodes { \
                        id reference area stage { code } keyworker { label } subject { id } daysSinceContact \
                        contacts { occurred { on } worker { label } } assignments { worker { label } from to } \
                        referral { area externalReferences { id } } closes { reason } eligibility { result } \
                        plan { kind waited { exactly } reviews { event } } tasks { kind overdue owner { label } } \
                        spells { domain attributes { name value } changes { event } } risks { kind } \
                        evidence { kind state supports } timeline { event { id type } amendedBy { id } } } } } }";
        let (few, of_few) = statements(app, document, json!({ "first": 5 })).await;
        let (many, of_many) = statements(app, document, json!({ "first": 50 })).await;
        assert_eq!(few["contract"]["caseload"]["nodes"].as_array().expect("nodes").len(), 5);
        let nodes = many["contract"]["caseload"]["nodes"].as_array().expect("nodes");
        assert_eq!(nodes.len(), 50);
        for node in nodes {
            assert_eq!((&node["daysSinceContact"], &node["stage"]["code"]), (&json!(24), &json!("housing_secured")));
            let reviews = node["plan"]["reviews"].as_array().map(Vec::len);
            assert_eq!((&node["plan"]["waited"], reviews), (&json!({ "exactly": 9 }), Some(1)));
            assert_eq!(node["contacts"][0]["worker"]["label"], "KW-07");
            let task = json!({ "kind": "letter", "overdue": true, "owner": node["keyworker"] });
            assert_eq!(node["tasks"], json!([task]));
            assert_eq!(
                (&node["evidence"][0]["state"], &node["risks"][0]["kind"]),
                (&json!("ATTACHED"), &json!("rent_arrears"))
            );
        }
        assert!(of_few >= 4, "the statements are not counted: {of_few}");
        assert!(of_many <= of_few + 2 && of_many <= 16, "{of_few} statements for five journeys, {of_many} for fifty");
    })
    .await;
}

#[tokio::test]
async fn many_nodes_cost_as_many_statements_as_one() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        join_all((0..12).map(|number| tell(app, &worker, number))).await;
        let document = "{ contract(code: \"shps\") { caseload(first: 50) { nodes { id subject { id } } } } }";
        let data = app.ask(&manager(), document, json!({})).await;
        let nodes = data["contract"]["caseload"]["nodes"].as_array().expect("nodes").clone();
        let ids: Vec<&Value> = nodes.iter().flat_map(|node| [&node["id"], &node["subject"]["id"]]).collect();
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Journey { stage { code } } } }";
        let (_, of_one) = statements(app, document, json!({ "ids": [ids[0]] })).await;
        let (data, of_all) = statements(app, document, json!({ "ids": ids })).await;
        let found = data["nodes"].as_array().expect("nodes");
        assert!(found.iter().zip(&ids).all(|(node, id)| node["id"] == **id));
        assert!(of_one >= 3 && of_all <= of_one + 2, "{of_one} statements for one node, {of_all} for {}", ids.len());
    })
    .await;
}

#[tokio::test]
async fn the_relation_of_a_caller_to_fifty_journeys_costs_as_many_statements_as_to_five() {
    on_both_stores(async |app| {
        let worker = app.add_worker("kw-07").await;
        set_team(app, 1, "2018-01-01", &[&worker]).await;
        join_all((0..50).map(|number| tell(app, &worker, number))).await;
        let document = "query($first: Int!) { journeys(first: $first, orderBy: { by: DAYS_SINCE_CONTACT, direction: DESC }, \
                        filter: { state: ON_CASELOAD }) { totalCount nodes { reference subject { id person } \
                        keyworker { label teams(on: \"2018-03-01\") { label } } \
                        viewerCan { logContact { allowed reason } closeJourney { allowed } correctFact { allowed } } } } }";
        for (who, most) in [(manager(), 18), (keyworker("kw-07"), 24)] {
            let (_, of_few) = statements_of(app, &who, document, json!({ "first": 5 })).await;
            let (many, of_many) = statements_of(app, &who, document, json!({ "first": 50 })).await;
            let nodes = many["journeys"]["nodes"].as_array().expect("nodes");
            assert_eq!(nodes.len(), 50);
            assert!(nodes.iter().all(|node| node["viewerCan"]["logContact"]["allowed"] == true));
            assert!(of_few >= 4, "the statements are not counted: {of_few}");
            assert!(of_many <= of_few + 2 && of_many <= most, "{}: {of_few} for five, {of_many} for fifty", who.role);
        }
    })
    .await;
}
