//! What a caller may not know of is answered like what does not exist: generated documents as each role, with ids of
//! other contracts, areas and caseloads, compared byte for byte with the same documents with ids that do not exist.

mod generator;

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use serde_json::{Value, json};
use std::sync::Arc;
use throughline::access::{Principal, Role, Scope};
use throughline_domain::contract::rulebook::packs;
use throughline_gateway::{Budget, Terms};

use self::generator::{Generator, Template, mark, own_mark};
use crate::app::{Answer, SHPS, TestApp, administrator, new_id, on_both_stores, test_caller, text, with};
use crate::field::{Field, is_full};

/// How many documents are generated for each store.
const DOCUMENTS: usize = 1_500;
const DOCUMENTS_FULL: usize = 100_000;
/// The other contract. It has the codes of the first one, so that nothing fails because of a code.
const WEST: &str = "shps-west";
/// What stands in everything of the other contract.
const REFERENCE: &str = "OUT-77";
/// What stands in the case of the other area and team.
const OTHER_CASE: &str = "HID-55";
const KINDS: [&str; 12] =
    ["journey", "subject", "event", "worker", "team", "batch", "claim", "evidence", "spell", "task", "risk", "offer"];
const FURTHER_KINDS: [&str; 4] = ["appointment", "subscription", "contract", "command"];

/// Ids by the kind of what they are of.
type Ids = BTreeMap<&'static str, Vec<String>>;

/// A caller, what they may not know of, and what they may.
struct Caller {
    name: &'static str,
    who: Principal,
    outside: Ids,
    own: Ids,
    /// What no answer may contain.
    hidden: &'static str,
}

fn of_areas(role: Role, areas: &[&str]) -> Principal {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Principal {
        subject: role.as_str().to_owned(),
        role,
        scope: Scope::Areas { contracts: set(&[SHPS]), areas: set(areas) },
    }
}

/// A case with something of everything, held by a worker.
async fn case(app: &TestApp, who: &Principal, (contract, area): (&str, &str), worker: &str, reference: &str) -> Ids {
    let input = json!({
        "contract": contract, "area": area, "occurredOn": "2018-02-01",
        "externalReferences": [{ "system": "council", "id": reference }],
    });
    let journey = text(&app.done(who, "receiveReferral", input).await["journey"]["id"]);
    let [appointment, task, spell, risk, evidence] = std::array::from_fn(|_| new_id());
    let facts = [
        ("acceptReferral", json!({})),
        ("assignWorker", json!({ "worker": worker })),
        ("logContact", json!({ "channel": "phone", "twoWay": true })),
        ("bookAppointment", json!({ "appointment": appointment, "channel": "phone", "scheduledOn": "2018-03-05" })),
        ("agreePlan", json!({ "kind": "php" })),
        ("setTask", json!({ "task": task, "kind": "call", "dueOn": "2018-03-05" })),
        (
            "startSpell",
            json!({ "spell": spell, "domain": "accommodation", "attributes": [{ "name": "secured_as", "value": "new" }] }),
        ),
        ("raiseRisk", json!({ "risk": risk, "kind": "homelessness" })),
        ("attachEvidence", json!({ "evidence": evidence, "kind": "tenancy_agreement", "datedOn": "2018-02-03" })),
    ];
    for (mutation, more) in facts {
        let input = json!({
            "journey": journey, "occurredOn": "2018-02-03", "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"],
        });
        app.done(who, mutation, with(input, more)).await;
    }
    let document = "query($id: UUID!) { journey(id: $id) { subject { id } timeline { event { id } } \
        claims { id } } }";
    let seen = app.ask(who, document, json!({ "id": journey })).await["journey"].clone();
    let ids = |list: &Value, at: &str| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|one| text(one.pointer(at).expect("an id"))).collect()
    };
    Ids::from([
        ("subject", vec![text(&seen["subject"]["id"])]),
        ("event", ids(&seen["timeline"], "/event/id")),
        ("claim", ids(&seen["claims"], "/id")),
        ("journey", vec![journey]),
        ("appointment", vec![appointment]),
        ("task", vec![task]),
        ("spell", vec![spell]),
        ("risk", vec![risk]),
        ("evidence", vec![evidence]),
    ])
}

/// The things of a contract that are of no case: a batch, a webhook, an offered referral, a team with its worker.
async fn things(app: &TestApp, who: &Principal, (contract, label): (&str, &str), worker: &str) -> Ids {
    let batch = app.done(who, "openBatch", json!({ "contract": contract, "occurredOn": "2018-02-20" })).await;
    let url = format!("https://example.org/{label}");
    let webhook = json!({ "contract": contract, "url": url, "keys": ["HMAC"] });
    let webhook = app.done(who, "createSubscription", webhook).await;
    let offer = json!({
        "contract": contract, "source": "advice", "record": label, "area": "brent", "occurredOn": "2018-02-20",
    });
    let offer = app.done(who, "offerReferral", offer).await;
    let team = new_id();
    let set = json!({ "team": team, "label": label, "members": [worker], "occurredOn": "2017-04-01" });
    app.done(who, "setTeam", set).await;
    Ids::from([
        ("batch", vec![text(&batch["batch"]["id"])]),
        ("subscription", vec![text(&webhook["subscription"]["id"])]),
        ("offer", vec![text(&offer["offer"]["id"])]),
        ("team", vec![team]),
        ("worker", vec![worker.to_owned()]),
    ])
}

fn together(mut one: Ids, other: Ids) -> Ids {
    one.extend(other);
    one
}

/// The callers, in a world of two contracts, two areas and two caseloads.
async fn callers(app: &TestApp) -> Vec<Caller> {
    let rulebook = packs::pack(SHPS).expect("a pack").text.replace("contract = \"shps\"", "contract = \"shps-west\"");
    let input = json!({ "code": WEST, "name": "West", "startsOn": "2017-03-01", "rulebook": rulebook });
    app.done(&administrator(), "openContract", input).await;
    let here = test_caller(Role::Manager, "manager", &[SHPS]);
    let there = test_caller(Role::Manager, "west", &[WEST]);
    let [ann, eve, wes] =
        [app.add_worker("kw-ann").await, app.add_worker("kw-eve").await, app.add_worker("kw-wes").await];

    let own = case(app, &here, (SHPS, "brent"), &ann, "BR-1").await;
    let own = together(own, things(app, &here, (SHPS, "IN-11"), &ann).await);
    let team = json!({ "team": new_id(), "label": "East", "members": [eve], "occurredOn": "2017-04-01" });
    app.done(&here, "setTeam", team).await;
    let eves = case(app, &here, (SHPS, "hackney"), &eve, &format!("{OTHER_CASE}-1")).await;
    let west = case(app, &there, (WEST, "brent"), &wes, &format!("{REFERENCE}-2")).await;
    let west = together(west, things(app, &there, (WEST, REFERENCE), &wes).await);

    let caller = |name, who, (outside, hidden): (&Ids, &'static str)| {
        let (outside, own) = (outside.clone(), own.clone());
        Caller { name, who, outside, own, hidden }
    };
    let of = |role: Role| test_caller(role, if role == Role::Keyworker { "kw-ann" } else { role.as_str() }, &[SHPS]);
    let of_contract = |role: Role| caller(role.as_str(), of(role), (&west, REFERENCE));
    let mut callers: Vec<Caller> = Role::ALL.into_iter().map(of_contract).collect();
    callers.push(caller("keyworker, of a case of another team", of(Role::Keyworker), (&eves, OTHER_CASE)));
    for role in [Role::Commissioner, Role::Auditor, Role::Manager] {
        callers.push(caller("of an area, of a case of another area", of_areas(role, &["brent"]), (&eves, OTHER_CASE)));
    }
    callers
}

/// A document with ids in the places of its marks, and the ids.
fn filled(template: &Template, ids: &Ids, own: &Ids, field: &Field) -> (String, BTreeSet<String>) {
    let (mut document, mut used) = (template.document.clone(), BTreeSet::new());
    for kind in KINDS.into_iter().chain(FURTHER_KINDS) {
        let mine = own.get(kind).or_else(|| own.get("journey")).and_then(|list| list.first());
        document = document.replace(&own_mark(kind), mine.expect("a case of their own"));
        let theirs = ids.get(kind).or_else(|| ids.get("journey")).filter(|list| !list.is_empty());
        let list = theirs.unwrap_or(&ids["journey"]);
        while document.contains(&mark(kind)) {
            let at = usize::try_from(field.below(list.len() as u64)).expect("a short list");
            let id = if kind == "command" { new_id() } else { list[at].clone() };
            document = document.replacen(&mark(kind), &id, 1);
            used.insert(id);
        }
    }
    (document, used)
}

/// The same document with ids that do not exist, and these ids. What was equal stays equal.
fn of_nothing(document: &str, used: &BTreeSet<String>) -> (String, BTreeSet<String>) {
    let (mut document, mut unknown) = (document.to_owned(), BTreeSet::new());
    for id in used {
        let other = if id == WEST { "shps-none".to_owned() } else { new_id() };
        document = document.replace(id.as_str(), &other);
        unknown.insert(other);
    }
    (document, unknown)
}

/// An answer without the ids that its caller sent.
fn without(answer: &Answer, sent: &BTreeSet<String>) -> String {
    let mut body = answer.body.clone();
    for id in sent {
        body = body.replace(id.as_str(), "ID");
    }
    format!("{} {body}", answer.status)
}

/// What came of all documents.
#[derive(Default)]
struct Tally {
    answered: usize,
    refused: usize,
    errors: BTreeMap<String, usize>,
    roots: BTreeSet<String>,
    differing: BTreeMap<String, String>,
}

impl Tally {
    fn count(&mut self, template: &Template, answer: &Answer) {
        self.roots.insert(template.root.clone());
        let codes = answer.codes();
        if codes.is_empty() {
            self.answered += 1;
            self.refused += usize::from(answer.body.contains("\"severity\":\"ERROR\""));
        }
        for code in codes {
            *self.errors.entry(code).or_default() += 1;
        }
    }
}

async fn judge(app: &TestApp, server: &Router, (generator, field): (&Generator<'_>, &Field), caller: &Caller) -> Tally {
    let mut tally = Tally::default();
    let asked = if is_full() { DOCUMENTS_FULL } else { DOCUMENTS } / 10;
    let outside = together(caller.outside.clone(), Ids::from([("contract", vec![WEST.to_owned()])]));
    for _ in 0..asked {
        let template = generator.next();
        let (there, sent_there) = filled(&template, &outside, &caller.own, field);
        let (nowhere, sent_nowhere) = of_nothing(&there, &sent_there);
        let token = app.token(&caller.who);
        let of_there = TestApp::ask_of_with(server, &token, &there, json!({})).await;
        let of_nowhere = TestApp::ask_of_with(server, &token, &nowhere, json!({})).await;
        tally.count(&template, &of_there);
        let (one, other) = (without(&of_there, &sent_there), without(&of_nowhere, &sent_nowhere));
        if one != other || of_there.body.contains(caller.hidden) {
            let differing = format!("{}: {there}\n  answered {one}\n  and of nothing {other}", caller.name);
            tally.differing.entry(template.root).or_insert(differing);
        }
    }
    tally
}

#[tokio::test]
async fn what_is_outside_is_answered_like_what_does_not_exist() {
    let field = Field::of("outside");
    on_both_stores(async |app| {
        let callers = callers(app).await;
        let generator = Generator::of_the_schema(&field);
        let terms = Terms { budget: Arc::new(Budget::per_minute(0)), ..Terms::default() };
        let server = app.router_under(terms);
        let mut whole = Tally::default();
        for caller in &callers {
            let tally = judge(app, &server, (&generator, &field), caller).await;
            whole.answered += tally.answered;
            whole.refused += tally.refused;
            whole.roots.extend(tally.roots);
            whole.differing.extend(tally.differing);
            for (code, times) in tally.errors {
                *whole.errors.entry(code).or_default() += times;
            }
        }
        eprintln!("{} answered, {} of them refused; errors {:?}", whole.answered, whole.refused, whole.errors);
        let differing: Vec<&String> = whole.differing.values().collect();
        assert!(
            differing.is_empty(),
            "{} fields tell them apart:\n{}",
            differing.len(),
            differing.iter().map(|one| one.as_str()).collect::<Vec<_>>().join("\n")
        );
        let all = if is_full() { DOCUMENTS_FULL } else { DOCUMENTS };
        assert!(whole.answered > all / 4, "most documents are not valid: {:?}", whole.errors);
        assert!(
            !whole.errors.contains_key("RATE_LIMITED") && !whole.errors.contains_key("INTERNAL"),
            "{:?}",
            whole.errors
        );
        assert!(whole.roots.len() > 80, "only these fields were asked: {:?}", whole.roots);
    })
    .await;
}

#[tokio::test]
async fn a_difference_of_one_word_is_noticed() {
    let field = Field::of("outside, as a control");
    on_both_stores(async |app| {
        let callers = callers(app).await;
        // A manager of both contracts may know of the other one: for them the answers differ.
        let both = Caller {
            who: test_caller(Role::Manager, "both", &[SHPS, WEST]),
            ..callers.into_iter().next().expect("one")
        };
        let generator = Generator::of_the_schema(&field);
        let server = app.router_under(Terms { budget: Arc::new(Budget::per_minute(0)), ..Terms::default() });
        let tally = judge(app, &server, (&generator, &field), &both).await;
        assert!(tally.differing.len() > 5, "only {:?} differ", tally.differing.keys());
    })
    .await;
}
