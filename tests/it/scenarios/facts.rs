//! The facts of cases as scenarios write them, each with its date, and the boards and caseloads that follow from them.
//!
//! A fact is recorded on the day on which it happened, unless `recorded` with another day follows it.

use std::process::Command;

use chrono::NaiveDate;
use serde_json::{Value, json};
use throughline_domain::fact::refusal::RefusalCode;

use super::Line;
use super::steps::Scene;
use crate::app::{text, with};

/// When these scenarios begin: before all facts, and once the rulebooks are in force.
pub(super) const BEGINS: &str = "2017-03-01T08:00:00Z";

/// A fact of a case: when it happened, when it was recorded, and in what words.
pub(super) struct Fact {
    case: String,
    area: String,
    on: String,
    recorded_on: NaiveDate,
    words: Vec<String>,
}

impl Fact {
    /// Reads a line such as `2018-02-10 contact by kw-ann, recorded 2018-02-25`.
    pub(super) fn read(case: &str, area: &str, line: &str) -> Self {
        let (fact, recorded_on) = match line.split_once(", recorded ") {
            Some((fact, on)) => (fact, Some(on.trim())),
            None => (line, None),
        };
        let (on, words) = fact.trim().split_once(' ').expect("a date and a fact");
        let recorded_on =
            recorded_on.unwrap_or(on).parse::<NaiveDate>().unwrap_or_else(|error| panic!("{line}: {error}"));
        let words = words.split_whitespace().map(str::to_owned).collect();
        Self { case: case.to_owned(), area: area.to_owned(), on: on.to_owned(), recorded_on, words }
    }

    /// The date as an input. `2018-02` is a month.
    fn dated(&self) -> Value {
        match self.on.len() {
            7 => json!({ "occurredOn": format!("{}-01", self.on), "precision": "MONTH" }),
            _ => json!({ "occurredOn": self.on }),
        }
    }

    /// The mutation that records it, and its input without date and case.
    fn mutation(&self, scene: &Scene<'_>) -> (&'static str, Value) {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let worker = |login: &str| json!({ "worker": scene.workers[login] });
        let contact = |login: &str, attendance: &str| {
            with(worker(login), json!({ "channel": "phone", "attendance": attendance }))
        };
        match words.as_slice() {
            ["accepted"] => ("acceptReferral", json!({})),
            ["declined", reason] => ("declineReferral", json!({ "reason": reason })),
            ["withdrawn", reason] => ("withdrawReferral", json!({ "reason": reason })),
            ["assigned", "to", login] => ("assignWorker", worker(login)),
            ["contact", "by", login] => ("logContact", contact(login, "ATTENDED")),
            ["contact", "missed", "with", login] => ("logContact", contact(login, "DID_NOT_ATTEND")),
            ["plan", kind] => ("agreePlan", json!({ "kind": kind })),
            ["home", secured_as] => {
                let attributes = json!([{ "name": "secured_as", "value": secured_as }]);
                ("startSpell", json!({ "domain": "accommodation", "attributes": attributes }))
            }
            ["disengaged", reason] => ("disengage", json!({ "reason": reason })),
            ["closed", reason] => ("closeJourney", json!({ "reason": reason })),
            ["reopened"] => ("reopenJourney", json!({ "reason": "the client came back" })),
            ["transferred", reason] => ("transferJourney", json!({ "reason": reason, "destination": "mhep" })),
            other => panic!("no fact has the words {other:?}"),
        }
    }
}

/// Records the facts that were read, in the order of the days on which they were recorded.
pub(super) async fn record(scene: &mut Scene<'_>) {
    let mut facts = std::mem::take(&mut scene.facts);
    facts.sort_by_key(|fact| fact.recorded_on);
    let warnings: Vec<&str> = RefusalCode::WARNINGS.iter().map(|code| code.as_str()).collect();
    let manager = scene.who("manager");
    for fact in facts {
        scene.app.it_is(&format!("{}T09:00:00Z", fact.recorded_on));
        let words: Vec<&str> = fact.words.iter().map(String::as_str).collect();
        let named = |word: &str, on: &str| format!("{} {word} {on}", fact.case);
        let (mutation, input) = match words.as_slice() {
            ["referral"] => {
                let reference = json!([{ "system": "council", "id": fact.case }]);
                let of = json!({ "contract": scene.contract, "area": fact.area, "externalReferences": reference });
                ("receiveReferral", with(of, fact.dated()))
            }
            ["retracted:", "the", word, on] => {
                let targets = json!([scene.events[&named(word, on)]]);
                let journey = &scene.cases[&fact.case];
                ("retractFact", json!({ "journey": journey, "targets": targets, "reason": "it never happened" }))
            }
            _ => {
                let (mutation, input) = fact.mutation(scene);
                let journey = json!({ "journey": scene.cases[&fact.case] });
                (mutation, with(with(journey, fact.dated()), input))
            }
        };
        let input = with(input, json!({ "acceptWarnings": warnings }));
        let payload = scene.app.done(&manager, mutation, input).await;
        scene.cases.entry(fact.case.clone()).or_insert_with(|| text(&payload["journey"]["id"]));
        let event = payload["events"].as_array().and_then(|events| events.last()).expect("an event");
        scene.events.insert(named(words[0], &fact.on), text(&event["id"]));
    }
}

/// The day that `known on` names.
fn known_on<'a>(words: &[&'a str]) -> Option<&'a str> {
    match words {
        [] => None,
        ["known", "on", day] => Some(*day),
        other => panic!("no point in time reads {other:?}"),
    }
}

/// What `throughline board` prints: of its tables, those whose titles the scenario names, line by line.
pub(super) async fn board(scene: &Scene<'_>, words: &[&str], line: &Line<'_>) -> Vec<String> {
    let [as_of, rest @ ..] = words else { panic!("a board is of a day") };
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["--database", scene.app.fresh.url(), "board", "--format", "table"]);
    program.args(["--contract", scene.contract.as_str(), "--as-of", *as_of]);
    program.args(known_on(rest).iter().flat_map(|day| ["--known-at", *day]));
    // This thread also keeps the service's view up to date.
    let ran = tokio::task::spawn_blocking(move || program.output());
    let output = ran.await.expect("it runs").expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("text");
    let tables: Vec<Vec<&str>> = printed.trim_end().split("\n\n").map(|table| table.lines().collect()).collect();
    // A title has less indent than the rows of its table.
    let titles = line.beneath.iter().map(|line| line.strip_prefix("  ").expect("an indent of two"));
    let titles: Vec<&str> = titles.filter(|line| !line.starts_with(' ')).collect();
    assert!(!titles.is_empty(), "{}: no table is expected", line.text);
    let mut lines = Vec::new();
    for title in titles {
        let table = tables.iter().find(|table| table[0] == title);
        let table = table.unwrap_or_else(|| panic!("no table {title:?} in\n{printed}"));
        lines.extend(table.iter().map(|line| line.trim().to_owned()));
    }
    lines
}

/// The cases on the caseload with their days since contact, by name.
pub(super) async fn caseload(scene: &Scene<'_>, words: &[&str]) -> Vec<String> {
    let [as_of, rest @ ..] = words else { panic!("a caseload is of a day") };
    let document = "query($code: String!, $at: ContractAt) { contract(code: $code, at: $at) { caseload(first: 200) { \
                    nodes { reference keyworker { label } timeSinceContact { atLeast atMost } } } } }";
    let at = json!({ "asOf": as_of, "knownOn": known_on(rest) });
    let variables = json!({ "code": scene.contract, "at": at });
    let data = scene.app.ask_as_known(&scene.who("manager"), document, variables).await;
    let nodes = data["contract"]["caseload"]["nodes"].as_array().expect("nodes").clone();
    let mut lines: Vec<String> = nodes
        .iter()
        .map(|node| {
            let since = &node["timeSinceContact"];
            let since = match (since["atLeast"].as_i64(), since["atMost"].as_i64()) {
                (None, _) | (_, None) => "no contact yet".to_owned(),
                (Some(least), Some(most)) if least == most => format!("{least} days since contact"),
                (Some(least), Some(most)) => format!("{least} to {most} days since contact"),
            };
            let holder = node["keyworker"]["label"].as_str().unwrap_or("unassigned");
            format!("{} {holder} {since}", text(&node["reference"]))
        })
        .collect();
    lines.sort();
    lines
}
