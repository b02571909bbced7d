//! What is wrong with an input is data in the payload, beside the field that was sent; and one mutation of a document
//! never hides what another one did.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use super::{Work, at};
use crate::app::{
    MST, SHPS, TODAY, TestApp, administrator, new_id, on_both_stores, other_manager, refusals, test_caller, text, with,
};

/// What a problem says: its code, path and message.
type Told = (String, Vec<String>, String);
/// Every input type of the schema: its fields and what each is of.
type Inputs = HashMap<String, HashMap<String, String>>;

/// A manager of every contract.
fn chief() -> Principal {
    test_caller(Role::Manager, "chief", &[])
}

/// The name of a mutation's input type.
fn input_of(mutation: &str) -> String {
    let (first, rest) = mutation.split_at(1);
    format!("{}{rest}Input", first.to_uppercase())
}

/// Sends a mutation, whatever its payload is of; answers with its problems.
async fn problems(app: &TestApp, who: &Principal, mutation: &str, input: &Value) -> Vec<Told> {
    let of = input_of(mutation);
    let document =
        format!("mutation($input: {of}!) {{ {mutation}(input: $input) {{ problems {{ code path message }} }} }}");
    let input = with(json!({ "commandId": new_id() }), input.clone());
    let data = app.ask(who, &document, json!({ "input": input })).await;
    let told = data[mutation]["problems"].as_array().unwrap_or_else(|| panic!("{mutation}: {data}")).clone();
    let path = |problem: &Value| problem["path"].as_array().expect("a path").iter().map(text).collect();
    told.iter().map(|problem| (text(&problem["code"]), path(problem), text(&problem["message"]))).collect()
}

/// The name of what a type is, or a list of it.
fn named(of: &Type) -> String {
    match &of.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => named(inner),
    }
}

fn inputs() -> Inputs {
    let document = parse_schema(throughline::graphql::sdl()).expect("our schema");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(of) => Some(of.node),
        _ => None,
    });
    let fields = types.filter_map(|declared| {
        let TypeKind::InputObject(input) = declared.kind else { return None };
        let fields = input.fields.iter().map(|field| (field.node.name.to_string(), named(&field.node.ty.node)));
        Some((declared.name.to_string(), fields.collect()))
    });
    fields.collect()
}

/// Whether a path leads somewhere in what was sent; its last field may have been left out, if there is such a field.
fn leads(inputs: &Inputs, (of, sent): (&str, &Value), path: &[String]) -> bool {
    let [step, rest @ ..] = path else { return true };
    if let Value::Array(entries) = sent {
        let entry = step.parse().ok().and_then(|index: usize| entries.get(index));
        return entry.is_some_and(|entry| leads(inputs, (of, entry), rest));
    }
    let next = inputs.get(of).and_then(|fields| fields.get(step)).filter(|_| sent.is_object());
    next.is_some_and(|next| rest.is_empty() || leads(inputs, (next, &sent[step]), rest))
}

/// A case with something of everything to refuse, and the ids that inputs name.
struct Refusing<'a> {
    work: Work<'a>,
    subject: String,
    other: String,
    team: String,
    spell: String,
    contact: String,
    hold: String,
}

impl<'a> Refusing<'a> {
    async fn on(app: &'a TestApp) -> Self {
        let work = Work::on(app).await;
        let contact = work.so("logContact", "2018-02-01", json!({ "channel": "phone" })).await;
        let spell = new_id();
        work.so("startSpell", "2018-02-01", json!({ "spell": spell, "domain": "care" })).await;
        let [subject, other, team, hold] = std::array::from_fn(|_| new_id());
        let done = async |mutation: &str, input: Value| {
            let told = problems(app, &chief(), mutation, &with(json!({ "occurredOn": "2018-02-01" }), input)).await;
            assert_eq!(told, [], "{mutation}");
        };
        done("registerSubject", json!({ "subject": subject })).await;
        done("registerSubject", json!({ "subject": other, "kind": "FAMILY" })).await;
        done("placeHold", json!({ "subject": subject, "hold": hold, "reason": "a complaint" })).await;
        done("setTeam", json!({ "team": team, "label": "West", "members": [work.worker] })).await;
        let january = json!({ "first": "2018-01-01", "last": "2018-01-31" });
        done("closePeriod", json!({ "contract": MST, "period": january })).await;
        Self { work, subject, other, team, spell, contact, hold }
    }

    /// Inputs about a journey that must be refused, each for its own reason.
    fn of_the_journey(&self) -> Vec<(&'static str, Value)> {
        let Self { spell, contact, work: Work { worker, .. }, .. } = self;
        let list = |bad: Value| json!([{ "name": "fine", "value": "1" }, bad]);
        let mail = json!({ "name": "contact", "value": "ann@example.org" });
        let odd = json!({ "name": "ann@example.org", "value": "1" });
        let twice = json!({ "name": "fine", "value": "2" });
        let spaced = json!({ "name": " ", "value": true });
        let long = json!({ "name": "conduct", "value": "1234567890.123456" });
        let phone = json!({ "channel": "phone" });
        let mut inputs = vec![
            ("logContact", with(phone.clone(), json!({ "minutes": -5 }))),
            ("logContact", with(phone.clone(), json!({ "minutes": 1441 }))),
            ("logContact", with(phone.clone(), json!({ "expectedVersion": -1 }))),
            ("logContact", with(phone.clone(), json!({ "occurredOn": "2018-03-02" }))),
            ("logContact", with(phone.clone(), json!({ "scheduledOn": "1066-10-14", "worker": new_id() }))),
            ("logContact", json!({ "channel": "pigeon" })),
            ("assessEligibility", json!({ "result": "ELIGIBLE", "facts": list(mail.clone()) })),
            ("assessEligibility", json!({ "result": "ELIGIBLE", "facts": list(twice.clone()) })),
            ("assessEligibility", json!({ "result": "ELIGIBLE", "criteria": [spaced.clone()] })),
            // A list of one may be sent as that one.
            ("assessEligibility", json!({ "result": "ELIGIBLE", "criteria": spaced, "facts": mail.clone() })),
            ("scoreAssessment", json!({ "instrument": "sdq", "score": "1", "items": list(long) })),
            ("scoreAssessment", json!({ "instrument": "sdq", "score": "1", "worker": worker })),
            (
                "recordMeasure",
                json!({ "code": "height", "value": "1", "period": { "first": TODAY, "last": "2018-01-01" } }),
            ),
            ("raiseRisk", json!({ "kind": "boredom" })),
            ("setTask", json!({ "kind": "x", "dueOn": "2018-01-01", "owner": new_id() })),
            ("reopenJourney", json!({ "reason": "came back" })),
            ("releaseWorker", json!({ "worker": new_id() })),
            ("endSpell", json!({ "spell": spell, "occurredOn": "2018-01-10" })),
            ("changeSpell", json!({ "spell": spell })),
            (
                "attachEvidence",
                json!({ "kind": "care_record", "datedOn": "2018-02-01", "supports": [spell, new_id()] }),
            ),
            ("receiveReferral", json!({ "contract": MST, "area": "mid" })),
            ("receiveReferral", json!({ "contract": MST, "area": "leeds", "journey": new_id(), "subject": new_id() })),
            ("retractFact", json!({ "targets": [contact, new_id()], "reason": "never" })),
            ("retractFact", json!({ "targets": [], "reason": " " })),
            ("retractFact", json!({ "targets": [contact], "reason": "never", "worker": worker })),
            ("correctFact", json!({ "target": contact, "reason": "x", "replacement": { "close": { "reason": "x" } } })),
        ];
        for bad in [mail, odd, twice] {
            inputs.push(("startSpell", json!({ "domain": "care", "attributes": list(bad.clone()) })));
            let fact = json!({ "spell": { "spell": spell, "domain": "care", "attributes": list(bad) } });
            inputs.push(("correctFact", json!({ "target": spell, "reason": "x", "replacement": fact })));
        }
        let correct =
            |fact: Value| json!({ "target": contact, "reason": "a slip", "replacement": { "contact": fact } });
        inputs.push(("correctFact", correct(json!({ "channel": "phone", "minutes": -1 }))));
        inputs.push(("correctFact", correct(json!({ "channel": "pigeon", "worker": new_id() }))));
        inputs.push(("correctFact", with(correct(phone.clone()), json!({ "occurredOn": "2018-03-02" }))));
        inputs.push(("correctFact", with(correct(phone.clone()), json!({ "team": new_id() }))));
        let accepted = json!({ "acceptance": { "accepted": false } });
        inputs.push(("correctFact", json!({ "target": contact, "reason": "x", "replacement": accepted })));
        let about = |(mutation, input): (&'static str, Value)| {
            // What never was so is dated no day.
            let dated = if mutation == "retractFact" { json!({}) } else { json!({ "occurredOn": "2018-02-05" }) };
            (mutation, with(with(json!({ "journey": self.work.journey }), dated), input))
        };
        inputs.into_iter().map(about).collect()
    }

    /// Inputs about everything else.
    fn of_the_rest(&self) -> Vec<(&'static str, Value)> {
        let Self { subject, other, team, work: Work { worker, journey, .. }, .. } = self;
        let month = |month: &str, target: &str| json!({ "month": month, "target": target });
        let targets = |measure: &str, months: Value| {
            let series = json!([{ "measure": "referred", "months": [month("2018-01-01", "1")] }, { "measure": measure, "months": months }]);
            json!({ "contract": MST, "profile": "contract", "series": series })
        };
        let overlapping = json!({ "first": "2018-01-31", "last": "2018-02-10" });
        let inputs = [
            ("linkSubjects", json!({ "subject": subject, "with": subject, "reason": "x" })),
            ("linkSubjects", json!({ "subject": subject, "with": other, "reason": "x" })),
            ("linkSubjects", json!({ "subject": subject, "with": new_id(), "reason": "x" })),
            ("withdrawConsent", json!({ "subject": subject, "purpose": "evaluation" })),
            ("placeHold", json!({ "subject": subject, "hold": self.hold, "reason": "x" })),
            ("proposeErasure", json!({ "subject": subject, "ground": "SUBJECT_REQUEST" })),
            ("approveErasure", json!({ "subject": subject, "proposal": new_id() })),
            ("setWte", json!({ "worker": worker, "wte": "3" })),
            ("setWte", json!({ "worker": worker, "wte": "1", "occurredOn": "2016-01-01" })),
            ("setCapacity", json!({ "worker": worker, "team": team, "casesPerWte": "10" })),
            ("setCapacity", json!({ "casesPerWte": "10" })),
            ("setTeam", json!({ "team": team, "label": "West", "members": [worker, worker, new_id()] })),
            ("setTeam", json!({ "team": team, "label": "West", "members": [worker], "occurredOn": "2016-01-01" })),
            ("openVacancy", json!({ "team": team, "role": "keyworker", "wte": "0" })),
            ("startCover", json!({ "team": team, "absent": worker, "by": worker })),
            ("publishTargets", targets("happiness", json!([month("2018-01-01", "1")]))),
            ("publishTargets", targets("accepted", json!([month("2018-01-01", "1"), month("2018-01-01", "2")]))),
            ("publishTargets", targets("accepted", json!([month("2018-02-01", "1"), month("2018-01-15", "1")]))),
            ("publishTargets", targets("accepted", json!([month("2018-02-01", "1"), month("2018-01-01", "-1")]))),
            ("closePeriod", json!({ "contract": MST, "period": overlapping })),
            ("varyContract", json!({ "contract": MST, "reason": "x", "parties": [{ "name": "" }] })),
            ("openContract", json!({ "code": "S H", "name": "x", "startsOn": "2018-01-01", "rulebook": "" })),
            ("publishRulebook", json!({ "contract": "nowhere", "rulebook": "x" })),
            (
                "receiveReferral",
                json!({ "contract": MST, "area": "mid", "occurredOn": "2013-03-31", "journey": journey }),
            ),
        ];
        let dated = |(mutation, input)| (mutation, with(json!({ "occurredOn": "2018-02-20" }), input));
        inputs.into_iter().map(dated).collect()
    }
}

/// Who may send a mutation.
fn sender(mutation: &str) -> Principal {
    let rules = ["publishTargets", "varyContract", "openContract", "publishRulebook"];
    if rules.contains(&mutation) { administrator() } else { chief() }
}

#[tokio::test]
async fn each_path_of_a_problem_leads_somewhere_in_the_input_that_was_sent() {
    let inputs = inputs();
    on_both_stores(async |app| {
        let refusing = Refusing::on(app).await;
        let head = app.head().await;
        let mut with_a_path = 0;
        for (mutation, input) in refusing.of_the_journey().into_iter().chain(refusing.of_the_rest()) {
            let told = problems(app, &sender(mutation), mutation, &input).await;
            assert!(!told.is_empty(), "{mutation} was not refused: {input}");
            for (code, path, message) in &told {
                let of = input_of(mutation);
                assert!(leads(&inputs, (&of, &input), path), "{mutation}: {code} at {path:?} in {input}");
                assert!(!message.is_empty() && message.len() < 500, "{message}");
                with_a_path += usize::from(!path.is_empty());
            }
        }
        assert_eq!(app.head().await, head);
        assert!(with_a_path >= 55, "only {with_a_path} problems have a path");
    })
    .await;
}

#[tokio::test]
async fn a_problem_stands_beside_the_very_value_that_was_sent() {
    on_both_stores(async |app| {
        let refusing = Refusing::on(app).await;
        let work = &refusing.work;
        let list = |bad: Value| json!([{ "name": "rent", "value": "1" }, bad]);
        let mail = list(json!({ "name": "contact", "value": "ann@example.org" }));
        let odd = list(json!({ "name": "ann@example.org", "value": "1" }));
        let twice = list(json!({ "name": "rent", "value": "2" }));
        for (mutation, input, code, path) in [
            ("logContact", json!({ "channel": "phone", "minutes": -5 }), "INVALID_VALUE", &["minutes"][..]),
            ("logContact", json!({ "channel": "phone", "expectedVersion": -1 }), "INVALID_VALUE", &["expectedVersion"]),
            (
                "startSpell",
                json!({ "domain": "care", "attributes": mail }),
                "PERSONAL_DATA",
                &["attributes", "1", "value"],
            ),
            (
                "startSpell",
                json!({ "domain": "care", "attributes": odd }),
                "PERSONAL_DATA",
                &["attributes", "1", "name"],
            ),
            (
                "startSpell",
                json!({ "domain": "care", "attributes": twice }),
                "INVALID_VALUE",
                &["attributes", "1", "name"],
            ),
            ("reopenJourney", json!({ "reason": "came back" }), "NOT_CLOSED", &["occurredOn"]),
            ("receiveReferral", json!({ "contract": MST, "area": "mid" }), "ALREADY_REFERRED", &["journey"]),
        ] {
            assert_eq!(work.no(mutation, "2018-02-05", input).await, at(code, path), "{mutation}");
        }
        let alone = async |mutation: &str, input: Value| {
            let input = with(json!({ "occurredOn": "2018-02-20" }), input);
            let mut told = problems(app, &sender(mutation), mutation, &input).await;
            assert_eq!(told.len(), 1, "{told:?}");
            let (code, path, _) = told.remove(0);
            (code, path)
        };
        let erasure = json!({ "subject": refusing.subject, "ground": "SUBJECT_REQUEST" });
        assert_eq!(alone("proposeErasure", erasure).await, at("LEGAL_HOLD", &["subject"]));
        let months = json!([{ "month": "2018-02-01", "target": "1" }, { "month": "2018-01-15", "target": "1" }]);
        let targets = |measure: &str| {
            let series = json!([{ "measure": measure, "months": months }]);
            json!({ "contract": MST, "profile": "contract", "series": series })
        };
        let path = ["series", "0", "months", "1", "month"];
        assert_eq!(alone("publishTargets", targets("referred")).await, at("INVALID_VALUE", &path));
        let told = problems(app, &administrator(), "publishTargets", &targets("happiness")).await;
        assert_eq!((told[0].0.as_str(), told[0].1.join("/")), ("UNKNOWN_CODE", "series/0/measure".to_owned()));
        let accepted = json!({ "replacement": { "acceptance": { "accepted": false } }, "reason": "x" });
        let input = with(accepted, json!({ "journey": work.journey, "target": refusing.contact }));
        let path = ["replacement", "acceptance", "accepted"];
        assert_eq!(alone("correctFact", input).await, at("INVALID_VALUE", &path));

        let left = json!({ "worker": work.worker, "occurredOn": "2018-02-15" });
        assert_eq!(problems(app, &chief(), "leaveWorker", &left).await, []);
        assert_eq!(
            alone("setWte", json!({ "worker": work.worker, "wte": "1" })).await,
            at("WORKER_LEFT", &["occurredOn"])
        );
    })
    .await;
}

#[tokio::test]
async fn a_referral_from_before_the_contract_needs_an_accepted_warning() {
    on_both_stores(async |app| {
        let early = json!({ "contract": MST, "area": "mid", "occurredOn": "2017-02-28" });
        let payload = app.tell(&other_manager(), "receiveReferral", early.clone()).await;
        let problem = &payload["problems"][0];
        assert_eq!((&problem["code"], &problem["severity"]), (&json!("CONTRACT_NOT_STARTED"), &json!("WARNING")));
        assert_eq!((&problem["path"], &payload["journey"]), (&json!(["occurredOn"]), &Value::Null));
        let looked = with(early, json!({ "acceptWarnings": ["CONTRACT_NOT_STARTED"] }));
        let payload = app.done(&other_manager(), "receiveReferral", looked).await;
        assert_eq!(payload["problems"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn one_mutation_of_a_document_never_hides_what_another_did() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let document = "mutation($x: LogContactInput!, $y: LogContactInput!) { \
                        x: logContact(input: $x) { position journey { id } problems { code } } \
                        y: logContact(input: $y) { position problems { code path message } } }";
        let contact = |more: Value| {
            let fact = json!({ "commandId": new_id(), "channel": "phone", "occurredOn": "2018-02-05" });
            with(work.input("2018-02-05", fact), more)
        };
        let bad = json!({ "x": contact(json!({})), "y": contact(json!({ "minutes": -1 })) });
        let data = app.ask(&other_manager(), document, bad).await;
        assert_eq!(data["x"]["position"], app.head().await);
        assert_eq!(data["x"]["problems"], json!([]));
        let problem =
            json!({ "code": "INVALID_VALUE", "path": ["minutes"], "message": "-1 is out of range: use 0 or more" });
        assert_eq!(data["y"], json!({ "position": null, "problems": [problem] }));

        // Whoever may not do the one has done the other all the same.
        let document =
            document.replace("y: LogContactInput", "y: OpenContractInput").replace("y: logContact", "y: openContract");
        let opening =
            json!({ "commandId": new_id(), "code": "x", "name": "x", "startsOn": "2018-01-01", "rulebook": "" });
        let variables = json!({ "x": contact(json!({ "minutes": 5 })), "y": opening });
        let answer = app.answer(&other_manager(), &document, variables).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), answer.codes()), (294, vec!["FORBIDDEN".to_owned()]), "{body}");
        assert_eq!(body["errors"][0]["path"], json!(["y"]));
        assert_eq!((&body["data"]["x"]["position"], &body["data"]["y"]), (&json!(app.head().await), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn an_answer_lists_twenty_problems_at_most_and_how_many_more_there_are() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let retract = |count: usize| {
            let targets: Vec<String> = std::iter::repeat_with(new_id).take(count).collect();
            json!({ "journey": work.journey, "targets": targets, "reason": "never was so" })
        };
        let told = problems(app, &other_manager(), "retractFact", &retract(2_000)).await;
        assert_eq!((told.len(), told[0].0.as_str(), told[0].1.join("/")), (1, "INPUT_TOO_LONG", "targets".to_owned()));
        let told = problems(app, &other_manager(), "retractFact", &retract(100)).await;
        assert_eq!(
            (told.len(), told[18].1.join("/"), told[19].0.as_str()),
            (20, "targets/18".to_owned(), "MORE_PROBLEMS")
        );
        assert!(told[19].2.starts_with("81 more problems"), "{}", told[19].2);
        let names: Vec<Value> = (0..60).map(|_| json!({ "name": "a", "value": "1" })).collect();
        let input = work.input("2018-02-05", json!({ "domain": "care", "attributes": names }));
        assert_eq!(problems(app, &other_manager(), "startSpell", &input).await.len(), 20);
    })
    .await;
}

#[tokio::test]
async fn what_no_type_can_say_is_a_mistake_of_the_request_that_names_where() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let input = work.input("2018-02-30", json!({ "channel": "phone" }));
        let answer = app.told(&other_manager(), "logContact", input).await;
        assert_eq!((answer.status.as_u16(), answer.codes()), (422, vec!["BAD_USER_INPUT".to_owned()]));
        assert!(text(&answer.json()["errors"][0]["message"]).contains("occurredOn"), "{}", answer.body);
        for (question, argument, limits) in [
            ("{ journeys(first: 0) { totalCount } }", "first", "from 1 to 200"),
            ("{ journeys(first: 201) { totalCount } }", "first", "from 1 to 200"),
            ("{ journeys(first: -1) { totalCount } }", "first", "from 1 to 200"),
            ("{ events(first: 0) { nodes { id } } }", "first", "from 1 to 200"),
        ] {
            let answer = app.answer(&other_manager(), question, json!({})).await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{question}: {}", answer.body);
            let message = text(&answer.json()["errors"][0]["message"]);
            assert!(message.contains(argument) && message.contains(limits), "{message}");
        }
        let input = json!({ "workers": 0 });
        let told = problems(app, &administrator(), "startRebuild", &input).await;
        assert_eq!((told[0].0.as_str(), told[0].1.join("/")), ("INVALID_VALUE", "workers".to_owned()));
        let referral = json!({ "contract": SHPS, "area": "brent" });
        assert!(refusals(&app.tell(&chief(), "receiveReferral", referral).await).is_empty());
    })
    .await;
}
