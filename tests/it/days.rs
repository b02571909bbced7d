//! The days of tests/scenarios/days: what somebody does from morning to evening, told so that an auditor can read it, with
//! what they see at each step. Each is run over the API, on both stores.
//!
//! A step is a time, a login and a sentence; what the lines beneath it say must be what comes back, line by line. A line
//! `day` with a date begins another day.

use std::collections::BTreeMap;
use std::{fs, path::Path};

use serde_json::{Map, Value, json};
use throughline::access::{Principal, Role};
use uuid::Uuid;

use crate::app::{TestApp, from_the_instant, test_caller, text, with};
use crate::relations::set_team;

/// A day as it is told: the contract, and who is in it.
struct Day<'a> {
    app: &'a TestApp,
    contract: String,
    cases: BTreeMap<String, String>,
    workers: BTreeMap<String, String>,
    on: String,
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
        _ => json!(value),
    };
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    Value::Object(pairs.map(|(name, given)| (name.to_owned(), value(name, given))).collect::<Map<_, _>>())
}

impl Day<'_> {
    fn who(&self, login: &str) -> Principal {
        let role = if login == "manager" { Role::Manager } else { Role::Keyworker };
        test_caller(role, login, &[&self.contract])
    }

    /// A mutation about a case; what came of it, line by line.
    async fn told(&self, login: &str, mutation: &str, case: &str, input: Value) -> Vec<String> {
        self.sent(login, mutation, with(json!({ "journey": self.cases[case] }), input)).await
    }

    /// Any mutation; what came of it, line by line.
    async fn sent(&self, login: &str, mutation: &str, input: Value) -> Vec<String> {
        let payload = self.app.tell(&self.who(login), mutation, input).await;
        let problems = payload["problems"].as_array().expect("problems");
        if problems.is_empty() {
            return vec!["recorded".to_owned()];
        }
        problems.iter().map(|one| format!("{} {}", text(&one["severity"]), text(&one["code"]))).collect()
    }

    /// What somebody does.
    async fn does(&self, login: &str, words: &[&str]) -> Vec<String> {
        let mut input = fields(words);
        if let Some(owner) = input["owner"].as_str().map(|login| json!(self.workers[login])) {
            input["owner"] = owner;
        }
        let named = |field: &str, name: &str| with(json!({ field: named(name) }), input.clone());
        match words {
            ["logs", "a", "contact", "on", case, ..] => self.told(login, "logContact", case, input).await,
            ["books", "leave", "of", worker, ..] => {
                let input = with(json!({ "worker": self.workers[*worker] }), input);
                self.sent(login, "recordAbsence", input).await
            }
            ["books", name, "on", case, ..] => {
                self.told(login, "bookAppointment", case, named("appointment", name)).await
            }
            ["moves", name, "on", case, ..] => {
                self.told(login, "moveAppointment", case, named("appointment", name)).await
            }
            ["sets", name, "on", case, ..] => self.told(login, "setTask", case, named("task", name)).await,
            ["completes", name, "on", case, ..] => self.told(login, "completeTask", case, named("task", name)).await,
            ["starts", name, "on", case, ..] => self.told(login, "startSpell", case, named("spell", name)).await,
            ["corrects", "the", "last", "contact", "on", case, ..] => {
                let target = self.case(login, case, "contacts { event }").await["contacts"].clone();
                let target =
                    target.as_array().and_then(|contacts| contacts.last()).expect("a contact")["event"].clone();
                let patch = json!({ "target": target, "reason": "a slip", "replacement": { "contact": input } });
                self.told(login, "correctFact", case, patch).await
            }
            _ => self.manages(login, words, input).await,
        }
    }

    /// What a manager does with cases, staff and the contract.
    async fn manages(&self, login: &str, words: &[&str], input: Value) -> Vec<String> {
        let worker = |login: &str| json!({ "worker": self.workers[login] });
        match words {
            ["accepts", case, ..] => self.told(login, "acceptReferral", case, input).await,
            ["assigns", to, "to", case, ..] => self.told(login, "assignWorker", case, with(worker(to), input)).await,
            ["releases", from, "from", case, ..] => {
                self.told(login, "releaseWorker", case, with(worker(from), input)).await
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
            ["closes", first, "to", last, ..] => {
                let period = json!({ "contract": self.contract, "period": { "first": first, "last": last } });
                self.sent(login, "closePeriod", with(period, input)).await
            }
            ["assesses", kpi, "from", first, "to", last, ..] => {
                let period = json!({ "first": first, "last": last });
                let of = json!({ "contract": self.contract, "kpi": kpi, "period": period });
                self.sent(login, "assessKpi", with(of, input)).await
            }
            _ => panic!("nobody knows how to do {words:?}"),
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
            _ => panic!("nobody knows how to look at {words:?}"),
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

/// What stands above the first step: the contract, the team, the cases, and what was so before.
async fn opening(day: &mut Day<'_>, words: &[&str]) {
    match words {
        ["contract", code] => {
            (*code).clone_into(&mut day.contract);
            day.app.open_contract(code).await;
        }
        ["team", number, logins @ ..] => {
            for login in logins {
                day.workers.insert((*login).to_owned(), day.app.add_worker(login).await);
            }
            let members: Vec<&str> = logins.iter().map(|login| day.workers[*login].as_str()).collect();
            set_team(day.app, number.parse().expect("a number"), "2026-01-01", &members).await;
        }
        ["case", name, login, on] => {
            let input = json!({
                "contract": day.contract, "area": "tower-hamlets", "occurredOn": on,
                "externalReferences": [{ "system": "council", "id": name }],
            });
            let who = day.who("manager");
            let journey = text(&day.app.done(&who, "receiveReferral", input).await["journey"]["id"]);
            day.app.done(&who, "acceptReferral", json!({ "journey": journey, "occurredOn": on })).await;
            let input = json!({ "journey": journey, "worker": day.workers[*login], "occurredOn": on });
            day.app.done(&who, "assignWorker", input).await;
            day.cases.insert((*name).to_owned(), journey);
        }
        ["day", on] => (*on).clone_into(&mut day.on),
        ["referral", name, on] => {
            let input = json!({
                "contract": day.contract, "area": "tower-hamlets", "occurredOn": on,
                "externalReferences": [{ "system": "council", "id": name }],
            });
            let payload = day.app.done(&day.who("manager"), "receiveReferral", input).await;
            day.cases.insert((*name).to_owned(), text(&payload["journey"]["id"]));
        }
        ["it", "was", "so", "on", on, login, rest @ ..] => {
            let on = format!("occurredOn={}", on.trim_end_matches(':'));
            let words: Vec<&str> = rest.iter().copied().chain([on.as_str()]).collect();
            assert_eq!(day.does(login, &words).await, ["recorded"], "{words:?}");
        }
        _ => panic!("nobody knows what {words:?} begins with"),
    }
}

/// Runs a day on a service of its own.
async fn run(app: &TestApp, told: &str) {
    let on = "2026-03-02".to_owned();
    let mut day = Day { app, contract: String::new(), cases: BTreeMap::new(), workers: BTreeMap::new(), on };
    let lines: Vec<&str> = told.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    let mut at = 0;
    while at < lines.len() {
        let words: Vec<&str> = lines[at].split_whitespace().collect();
        let beneath: Vec<&str> = lines[at + 1..].iter().take_while(|line| line.starts_with(' ')).copied().collect();
        let seen = match words.as_slice() {
            [time, login, "looks", "at", rest @ ..] if time.contains(':') && time.len() == 5 => {
                app.it_is(&format!("{}T{time}:00Z", day.on));
                Some(day.sees(login, rest).await)
            }
            [time, login, rest @ ..] if time.contains(':') && time.len() == 5 => {
                app.it_is(&format!("{}T{time}:00Z", day.on));
                Some(day.does(login, rest).await)
            }
            words => {
                opening(&mut day, words).await;
                None
            }
        };
        if let Some(seen) = seen {
            let expected: Vec<&str> = beneath.iter().map(|line| line.trim()).collect();
            assert_eq!(seen, expected, "{}", lines[at]);
        }
        at += 1 + beneath.len();
    }
}

#[tokio::test]
async fn one_keyworkers_day_gives_the_expected_lines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/days/keyworker.txt");
    let told = fs::read_to_string(path).expect("a text");
    from_the_instant("2026-03-02T08:00:00Z", async |app| run(app, &told).await).await;
}

#[tokio::test]
async fn a_managers_month_end_with_leave_and_cover_gives_the_expected_lines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/days/manager.txt");
    let told = fs::read_to_string(path).expect("a text");
    from_the_instant("2026-02-23T08:00:00Z", async |app| run(app, &told).await).await;
}
