//! tests/scenarios/days, boards, refusals and known: what people do, and what they see. Each scenario is run over the
//! API, on both stores.
//!
//! A step is a time or a date, a login and a sentence. The lines beneath it must be what comes back, line by line. A
//! line `day` with a date begins another day. `facts.rs` reads the facts of a case and asks for boards.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use throughline::access::{Principal, Role};
use uuid::Uuid;

use super::facts::{self, Fact};
use super::{Line, lines, texts};
use crate::app::{TestApp, from_the_instant, test_caller, text, with};
use crate::relations::set_team;

/// A scenario as far as it has been run: the contract, its cases and workers by their names in the text.
pub(super) struct Scene<'a> {
    pub(super) app: &'a TestApp,
    pub(super) contract: String,
    pub(super) cases: BTreeMap<String, String>,
    pub(super) workers: BTreeMap<String, String>,
    /// The day of the steps that have only a time.
    on: String,
    /// The facts of cases that were read and are not recorded yet.
    pub(super) facts: Vec<Fact>,
    /// The recorded facts: their events by case and words, such as `A contact 2018-02-10`.
    pub(super) events: BTreeMap<String, String>,
    /// Whether problems are shown with their messages.
    in_full: bool,
}

/// The team in which cover is recorded: the first one of a text.
const TEAM: &str = "00000000-0000-0000-0000-000000007ea1";

/// The id of a thing by its name in the text.
fn named(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// The words `name=value` of a sentence as an input: numbers of minutes and yes and no are such, all else is text.
fn fields(words: &[&str]) -> Value {
    let value = |name: &str, value: &str| match name {
        "minutes" | "twoWay" | "faceToFace" => serde_json::from_str(value).expect("a number, or true or false"),
        "appointment" | "task" | "spell" => json!(named(value)),
        "acceptWarnings" => json!([value]),
        "referrer" => json!({ "kind": value }),
        _ => json!(value),
    };
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    Value::Object(pairs.map(|(name, given)| (name.to_owned(), value(name, given))).collect::<Map<_, _>>())
}

impl Scene<'_> {
    pub(super) fn who(&self, login: &str) -> Principal {
        let role = if login == "manager" { Role::Manager } else { Role::Keyworker };
        test_caller(role, login, &[&self.contract])
    }

    /// A mutation about a case; what came of it, line by line.
    async fn on_case(&self, login: &str, mutation: &str, case: &str, input: Value) -> Vec<String> {
        self.sent(login, mutation, with(json!({ "journey": self.cases[case] }), input)).await
    }

    /// Any mutation; what came of it, line by line. Refused, it records nothing.
    async fn sent(&self, login: &str, mutation: &str, input: Value) -> Vec<String> {
        let head = self.app.head().await;
        let payload = self.app.tell(&self.who(login), mutation, input).await;
        let problems = payload["problems"].as_array().expect("problems");
        if problems.is_empty() {
            return vec!["recorded".to_owned()];
        }
        if payload["position"].is_null() {
            assert_eq!((&payload["events"], self.app.head().await), (&json!([]), head), "{payload:#}");
        }
        if self.in_full {
            return problems.iter().flat_map(|problem| self.in_full(problem)).collect();
        }
        problems.iter().map(|one| format!("{} {}", text(&one["severity"]), text(&one["code"]))).collect()
    }

    /// A refusal with its message, rule, allowed values, and the facts because of which it is refused.
    fn in_full(&self, problem: &Value) -> Vec<String> {
        assert_eq!(problem["__typename"], "Refusal", "{problem:#}");
        let list = |of: &Value| of.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
        let path = list(&problem["path"]).join(".");
        let rule = problem["rule"].as_str().map(|rule| format!("rule: {rule}"));
        let mut lines =
            vec![format!("{} {path}", text(&problem["code"])).trim_end().to_owned(), text(&problem["message"])];
        lines.extend(rule);
        let allowed = list(&problem["allowed"]);
        lines.extend((!allowed.is_empty()).then(|| format!("allowed: {}", allowed.join(", "))));
        for fact in problem["facts"].as_array().into_iter().flatten() {
            let named = self.events.iter().find(|(_, event)| fact["event"] == **event);
            let (name, _) = named.unwrap_or_else(|| panic!("{fact} is no fact of the scenario"));
            lines.push(format!("because of {name}"));
        }
        lines
    }

    /// What somebody does.
    async fn does(&self, login: &str, words: &[&str]) -> Vec<String> {
        let mut input = fields(words);
        if let Some(owner) = input["owner"].as_str().map(|login| json!(self.workers[login])) {
            input["owner"] = owner;
        }
        let named = |field: &str, name: &str| with(json!({ field: named(name) }), input.clone());
        match words {
            ["logs", "a", "contact", "on", case, ..] => self.on_case(login, "logContact", case, input).await,
            ["books", "leave", "of", worker, ..] => {
                let input = with(json!({ "worker": self.workers[*worker] }), input);
                self.sent(login, "recordAbsence", input).await
            }
            ["books", name, "on", case, ..] => {
                self.on_case(login, "bookAppointment", case, named("appointment", name)).await
            }
            ["moves", name, "on", case, ..] => {
                self.on_case(login, "moveAppointment", case, named("appointment", name)).await
            }
            ["sets", name, "on", case, ..] => self.on_case(login, "setTask", case, named("task", name)).await,
            ["completes", name, "on", case, ..] => self.on_case(login, "completeTask", case, named("task", name)).await,
            ["starts", name, "on", case, ..] => self.on_case(login, "startSpell", case, named("spell", name)).await,
            ["moves", "the", fact, on, "of", case, ..] => {
                let target = &self.events[&format!("{case} {fact} {on}")];
                self.on_case(login, "correctFact", case, with(json!({ "target": target, "reason": "a slip" }), input))
                    .await
            }
            ["retracts", "the", fact, on, "of", case, ..] => {
                let target = &self.events[&format!("{case} {fact} {on}")];
                self.on_case(login, "retractFact", case, json!({ "targets": [target], "reason": "a slip" })).await
            }
            ["corrects", "the", "last", "contact", "on", case, ..] => {
                let target = self.case(login, case, "contacts { event }").await["contacts"].clone();
                let target =
                    target.as_array().and_then(|contacts| contacts.last()).expect("a contact")["event"].clone();
                let patch = json!({ "target": target, "reason": "a slip", "replacement": { "contact": input } });
                self.on_case(login, "correctFact", case, patch).await
            }
            _ => self.manages(login, words, input).await,
        }
    }

    /// What a manager does with cases, staff and the contract.
    async fn manages(&self, login: &str, words: &[&str], input: Value) -> Vec<String> {
        let worker = |login: &str| json!({ "worker": self.workers[login] });
        match words {
            ["refers", ..] => {
                self.sent(login, "receiveReferral", with(json!({ "contract": self.contract }), input)).await
            }
            ["accepts", case, ..] => self.on_case(login, "acceptReferral", case, input).await,
            ["declines", case, ..] => self.on_case(login, "declineReferral", case, input).await,
            ["agrees", "a", "plan", "on", case, ..] => self.on_case(login, "agreePlan", case, input).await,
            ["assigns", to, "to", case, ..] => self.on_case(login, "assignWorker", case, with(worker(to), input)).await,
            ["releases", from, "from", case, ..] => {
                self.on_case(login, "releaseWorker", case, with(worker(from), input)).await
            }
            ["lends", cases, "to", to, ..] => {
                let journeys: Vec<&String> = cases.split(',').map(|case| &self.cases[case]).collect();
                let input = with(with(worker(to), json!({ "journeys": journeys })), input);
                self.sent(login, "assignWorkers", input).await
            }
            ["puts", by, "in", "for", absent, ..] => {
                let (by, absent) = (&self.workers[*by], &self.workers[*absent]);
                let cover = json!({ "team": TEAM, "absent": absent, "by": by });
                self.sent(login, "startCover", with(cover, input)).await
            }
            ["records", "that", who, "leaves", ..] => self.sent(login, "leaveWorker", with(worker(who), input)).await,
            ["reopens", case, ..] => self.on_case(login, "reopenJourney", case, input).await,
            ["closes", first, "to", last, ..] => {
                let period = json!({ "contract": self.contract, "period": { "first": first, "last": last } });
                self.sent(login, "closePeriod", with(period, input)).await
            }
            ["closes", case, ..] => self.on_case(login, "closeJourney", case, input).await,
            ["assesses", kpi, "from", first, "to", last, ..] => {
                let period = json!({ "first": first, "last": last });
                let of = json!({ "contract": self.contract, "kpi": kpi, "period": period });
                self.sent(login, "assessKpi", with(of, input)).await
            }
            _ => panic!("no verb for {words:?}"),
        }
    }

    /// What is asked of the whole contract and is no list of pages.
    async fn rows(&self, login: &str, list: &str, fields: &str) -> Vec<Value> {
        let document = format!("{{ contract(code: \"{}\") {{ {list} {{ {fields} }} }} }}", self.contract);
        let data = self.app.ask(&self.who(login), &document, json!({})).await;
        data["contract"][list].as_array().expect("rows").clone()
    }

    /// What is asked of the whole contract.
    async fn list(&self, login: &str, list: &str, fields: &str) -> Vec<Value> {
        let document = format!("{{ contract(code: \"{}\") {{ {list} {{ nodes {{ {fields} }} }} }} }}", self.contract);
        let data = self.app.ask(&self.who(login), &document, json!({})).await;
        let name = list.split('(').next().expect("a name");
        data["contract"][name]["nodes"].as_array().expect("nodes").clone()
    }

    async fn case(&self, login: &str, case: &str, fields: &str) -> Value {
        let document = format!("query($id: UUID!) {{ journey(id: $id) {{ {fields} }} }}");
        self.app.ask(&self.who(login), &document, json!({ "id": self.cases[case] })).await["journey"].clone()
    }

    /// What somebody sees.
    async fn sees(&self, login: &str, words: &[&str]) -> Vec<String> {
        let line = |node: &Value, parts: &[&str]| {
            let part = |path: &&str| {
                let found = path.split('/').fold(node, |value, key| &value[key]);
                found.as_str().map_or_else(|| found.to_string(), str::to_owned)
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" ")
        };
        // One's own list is that of the keyworker who asks.
        let (own, words) = match words {
            ["their", "own", list] => (self.workers.get(login), &["the", *list][..]),
            ["what", "they", "owe"] => (self.workers.get(login), &["what", "is", "owed"][..]),
            words => (None, words),
        };
        let own = own.map(|id| format!("keyworker: \"{id}\"")).unwrap_or_default();
        match words {
            ["who", "waits"] => {
                let nodes = self.list(login, "journeys(filter: { state: WAITING })", "reference").await;
                nodes.iter().map(|node| text(&node["reference"])).collect()
            }
            ["who", "holds", "what"] => {
                let rows = self.rows(login, "caseloadByKeyworker", "group { label } journeys").await;
                let shown = |row: &Value| {
                    let label = row["group"]["label"].as_str().unwrap_or("nobody");
                    format!("{label} {}", row["journeys"])
                };
                let held = rows.iter().filter(|row| row["journeys"] != 0);
                let mut rows: Vec<String> = held.map(shown).collect();
                rows.sort();
                rows
            }
            ["the", "indicators"] => {
                let rows = self.rows(login, "kpiAssessments", "kpi value grade period { first last }").await;
                rows.iter().map(|row| line(row, &["kpi", "period/first", "period/last", "value", "grade"])).collect()
            }
            ["the", "caseload"] => {
                let order = format!("caseload({own} orderBy: {{ by: DAYS_SINCE_CONTACT, direction: DESC }})");
                let nodes = self.list(login, &order, "reference daysSinceContact").await;
                stable_by_name(&nodes.iter().map(since_contact).collect::<Vec<_>>())
            }
            ["the", "diary"] => {
                let diary = if own.is_empty() { "diary".to_owned() } else { format!("diary({own})") };
                let nodes = self.list(login, &diary, "scheduledOn time channel state journey { reference }").await;
                let shown = |node: &Value| {
                    let at = node["time"].as_str().map_or("--:--", |time| &time[..5]).to_owned();
                    let parts = ["journey/reference", "channel", "state"];
                    format!("{} {at} {}", text(&node["scheduledOn"]), line(node, &parts))
                };
                nodes.iter().map(shown).collect()
            }
            ["the", "tasks"] => {
                let tasks = format!("tasks({own} state: [OPEN])");
                let nodes = self.list(login, &tasks, "kind dueOn state overdue journey { reference }").await;
                let shown = |node: &Value| {
                    let overdue = if node["overdue"] == true { " overdue" } else { "" };
                    let (of, state) = (line(node, &["journey/reference", "kind"]), line(node, &["dueOn", "state"]));
                    format!("{of} by {state}{overdue}")
                };
                nodes.iter().map(shown).collect()
            }
            ["what", "is", "owed"] => {
                let owed = format!("obligations({own} state: [OVERDUE, DUE_TODAY, DUE])");
                let nodes = self.list(login, &owed, "standard dueOn state journey { reference }").await;
                let shown = |node: &Value| {
                    let of = line(node, &["journey/reference", "standard"]);
                    format!("{of} by {}", line(node, &["dueOn", "state"]))
                };
                nodes.iter().map(shown).collect()
            }
            ["the", "claims", "of", case] => {
                let read = self.case(login, case, "claims { outcome status earliestOn }").await;
                let shown = |claim: &Value| {
                    let earliest = claim["earliestOn"].as_str().map(|on| format!(" {on}")).unwrap_or_default();
                    format!("{}{earliest}", line(claim, &["outcome", "status"]))
                };
                read["claims"].as_array().expect("claims").iter().map(shown).collect()
            }
            [case] => self.looks_at(login, case).await,
            _ => panic!("nothing to look at for {words:?}"),
        }
    }

    async fn looks_at(&self, login: &str, case: &str) -> Vec<String> {
        let read = self
            .case(
                login,
                case,
                "daysSinceContact contacts { channel attendance faceToFace minutes worker { label } } \
                 appointments { id state }",
            )
            .await;
        let contacts = read["contacts"].as_array().expect("contacts");
        let mut lines =
            vec![format!("{} days of contact, {} days since the last", contacts.len(), read["daysSinceContact"])];
        if let Some(last) = contacts.last() {
            let seen = if last["faceToFace"] == true { "face to face" } else { "not face to face" };
            let (channel, attendance) = (text(&last["channel"]), text(&last["attendance"]));
            let by = text(&last["worker"]["label"]);
            lines.push(format!("last contact {channel} {attendance} {seen}, {} minutes, by {by}", last["minutes"]));
        }
        let names = ["home-visit", "interview", "review"];
        for appointment in read["appointments"].as_array().expect("appointments") {
            let name = names.into_iter().find(|name| appointment["id"] == named(name)).expect("a name of the text");
            lines.push(format!("{name} {}", text(&appointment["state"])));
        }
        lines
    }
}

fn since_contact(node: &Value) -> String {
    let reference = text(&node["reference"]);
    match node["daysSinceContact"].as_u64() {
        None => format!("{reference} no contact yet"),
        Some(days) => format!("{reference} {days} days since contact"),
    }
}

/// Lines in their order; those that stand alike, by their first word.
fn stable_by_name(lines: &[String]) -> Vec<String> {
    let rest = |line: &str| line.split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    let mut sorted: Vec<String> = Vec::with_capacity(lines.len());
    for alike in lines.chunk_by(|one, other| rest(one) == rest(other)) {
        let mut alike = alike.to_vec();
        alike.sort();
        sorted.extend(alike);
    }
    sorted
}

/// A line above the first step: the contract, the workers, the cases, and what was recorded before.
async fn opening(scene: &mut Scene<'_>, line: &Line<'_>) {
    match line.words.as_slice() {
        ["contract", code] => {
            (*code).clone_into(&mut scene.contract);
            scene.app.open_contract(code).await;
        }
        ["problems", "in", "full"] => scene.in_full = true,
        ["workers", logins @ ..] => add_workers(scene, logins).await,
        ["team", number, logins @ ..] => {
            add_workers(scene, logins).await;
            let members: Vec<&str> = logins.iter().map(|login| scene.workers[*login].as_str()).collect();
            set_team(scene.app, number.parse().expect("a number"), "2026-01-01", &members).await;
        }
        ["case", name, "in", area] => {
            let read = line.beneath.iter().map(|fact| Fact::read(name, area, fact));
            scene.facts.extend(read);
        }
        ["case", name, login, on] => {
            refer(scene, name, on).await;
            let journey = json!({ "journey": scene.cases[*name], "occurredOn": on });
            let who = scene.who("manager");
            scene.app.done(&who, "acceptReferral", journey.clone()).await;
            let input = with(journey, json!({ "worker": scene.workers[*login] }));
            scene.app.done(&who, "assignWorker", input).await;
        }
        ["day", on] => (*on).clone_into(&mut scene.on),
        ["referral", name, on] => refer(scene, name, on).await,
        ["it", "was", "so", "on", on, login, rest @ ..] => {
            let on = format!("occurredOn={}", on.trim_end_matches(':'));
            let words: Vec<&str> = rest.iter().copied().chain([on.as_str()]).collect();
            assert_eq!(scene.does(login, &words).await, ["recorded"], "{words:?}");
        }
        words => panic!("no scenario begins with {words:?}"),
    }
}

async fn add_workers(scene: &mut Scene<'_>, logins: &[&str]) {
    for login in logins {
        scene.workers.insert((*login).to_owned(), scene.app.add_worker(login).await);
    }
}

async fn refer(scene: &mut Scene<'_>, name: &str, on: &str) {
    let input = json!({
        "contract": scene.contract, "area": "tower-hamlets", "occurredOn": on,
        "externalReferences": [{ "system": "council", "id": name }],
    });
    let payload = scene.app.done(&scene.who("manager"), "receiveReferral", input).await;
    scene.cases.insert(name.to_owned(), text(&payload["journey"]["id"]));
}

/// The instant of a step: a time of the scenario's day, or ten in the morning of a date.
fn instant_of(scene: &Scene<'_>, word: &str) -> Option<String> {
    match (word.len(), word.as_bytes().get(2), word.parse::<chrono::NaiveDate>()) {
        (5, Some(b':'), _) => Some(format!("{}T{word}:00Z", scene.on)),
        (10, _, Ok(_)) => Some(format!("{word}T10:00:00Z")),
        _ => None,
    }
}

/// Runs a scenario on a service of its own.
async fn run(app: &TestApp, name: &str, text: &str) {
    let mut scene = Scene {
        app,
        contract: String::new(),
        cases: BTreeMap::new(),
        workers: BTreeMap::new(),
        on: "2026-03-02".to_owned(),
        facts: Vec::new(),
        events: BTreeMap::new(),
        in_full: false,
    };
    for line in lines(text) {
        let at = instant_of(&scene, line.words[0]);
        if at.is_some() || line.words[0] == "board" || line.words[0] == "caseload" {
            facts::record(&mut scene).await;
        }
        let seen = match (at, line.words.as_slice()) {
            (Some(at), [_, login, rest @ ..]) => {
                app.it_is(&at);
                match rest {
                    ["looks", "at", rest @ ..] => scene.sees(login, rest).await,
                    rest => scene.does(login, rest).await,
                }
            }
            (_, ["board", "as", "of", rest @ ..]) => facts::board(&scene, rest, &line).await,
            (_, ["caseload", "as", "of", rest @ ..]) => facts::caseload(&scene, rest).await,
            _ => {
                opening(&mut scene, &line).await;
                continue;
            }
        };
        assert_eq!(seen, line.expected(), "{name}: {}", line.text);
    }
}

async fn run_all(folder: &str, begins: &str) {
    for (name, text) in texts(folder) {
        from_the_instant(begins, async |app| run(app, &name, &text).await).await;
    }
}

/// One scenario of days, by the name of its file.
async fn run_day(file: &str, begins: &str) {
    let (name, text) = texts("days").into_iter().find(|(name, _)| name.ends_with(file)).expect("the scenario");
    from_the_instant(begins, async |app| run(app, &name, &text).await).await;
}

#[tokio::test]
async fn one_keyworkers_day_gives_the_expected_lines() {
    run_day("keyworker.txt", "2026-03-02T08:00:00Z").await;
}

#[tokio::test]
async fn a_managers_month_end_with_leave_and_cover_gives_the_expected_lines() {
    run_day("manager.txt", "2026-02-23T08:00:00Z").await;
}

#[tokio::test]
async fn every_board_scenario_prints_the_expected_rows() {
    run_all("boards", facts::BEGINS).await;
}

#[tokio::test]
async fn every_refusal_scenario_gives_the_expected_code_and_message() {
    run_all("refusals", facts::BEGINS).await;
}

#[tokio::test]
async fn every_scenario_of_what_was_known_when_gives_the_expected_answers() {
    run_all("known", facts::BEGINS).await;
}
