//! tests/scenarios: journeys as tables of days and facts, with the claims that they must give. Each is run as `try`
//! runs a file of events.
//!
//! A fact is a day and a few words; spells, risks, achievements and evidence have names of their own by which later
//! lines call them. An outcome that a journey's claims do not name must not have started.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use throughline::try_out::Trial;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::packs::pack;
use uuid::Uuid;

use super::texts;

/// A scenario as it is read: its rulebook and day, the events, and what is expected.
#[derive(Default)]
struct Scenario {
    rulebook: String,
    as_of: String,
    events: Vec<Value>,
    /// By journey and outcome: the line as it is written.
    claims: BTreeMap<(String, String), String>,
    together: Vec<String>,
    journeys: BTreeMap<String, String>,
}

fn id(parts: &[&str]) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("/").as_bytes()).to_string()
}

fn read(text: &str) -> Scenario {
    let mut scenario = Scenario::default();
    let (mut journey, mut section) = (String::new(), "facts");
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (line.starts_with(' '), words.as_slice()) {
            (false, ["rulebook", code]) => (*code).clone_into(&mut scenario.rulebook),
            (false, ["as", "of", day]) => (*day).clone_into(&mut scenario.as_of),
            (false, ["journey", name, rest @ ..]) => {
                (journey, section) = ((*name).to_owned(), "facts");
                scenario.journeys.insert(id(&[&journey]), journey.clone());
                scenario.refer(&journey, rest);
            }
            (false, [heading @ ("claims" | "together")]) => section = heading,
            (true, [outcome, rest @ ..]) if section == "claims" => {
                scenario.claims.insert((journey.clone(), (*outcome).to_owned()), rest.join(" "));
            }
            (true, words) if section == "together" => scenario.together.push(words.join(" ")),
            (true, [day, rest @ ..]) => scenario.tell(&journey, day, rest),
            _ => panic!("cannot read {line:?}"),
        }
    }
    scenario
}

impl Scenario {
    fn refer(&mut self, journey: &str, rest: &[&str]) {
        let of = |key: &str| rest.iter().position(|word| *word == key).map(|at| rest[at + 1].to_owned());
        let person = of("person").unwrap_or_else(|| journey.to_owned());
        let mut payload = json!({ "subject": id(&["person", &person]), "area": of("area") });
        if let Some(cohort) = of("cohort") {
            payload["cohort"] = cohort.into();
        }
        self.event(journey, "", "2000-01-01", "referral_received", &payload);
    }

    fn event(&mut self, journey: &str, name: &str, day: &str, event_type: &str, payload: &Value) {
        let own = self.events.len().to_string();
        self.events.push(json!({
            "id": id(&[journey, "event", if name.is_empty() { &own } else { name }]),
            "type": format!("throughline.journey.{event_type}.v1"),
            "subject": format!("journey/{}", id(&[journey])),
            "time": day,
            "data": { "contract": self.rulebook, "payload": payload },
        }));
    }

    fn tell(&mut self, journey: &str, day: &str, words: &[&str]) {
        let named = |name: &str| id(&[journey, name]);
        let (event_type, name, payload) = match words {
            ["referral"] => {
                let referral = self
                    .events
                    .iter_mut()
                    .rev()
                    .find(|event| event["type"].as_str().is_some_and(|of| of.contains("referral")));
                referral.expect("a journey begins with its referral")["time"] = day.into();
                return;
            }
            ["engaged", basis] => ("engagement_started", "", json!({ "basis": basis })),
            ["plan", kind] => ("plan_agreed", "", json!({ "kind": kind })),
            ["assessed", facts @ ..] => {
                ("eligibility_assessed", "", json!({ "result": "eligible", "facts": attributes(facts) }))
            }
            [name, "achieved", code, rest @ ..] => ("achievement_recorded", *name, with(json!({ "code": code }), rest)),
            [name, "starts", domain, rest @ ..] => {
                let spell = with(json!({ "spell": named(name), "domain": domain }), rest);
                ("spell_started", "", spell)
            }
            [name, "changes", rest @ ..] => ("spell_changed", "", with(json!({ "spell": named(name) }), rest)),
            [name, "ends"] => ("spell_ended", "", json!({ "spell": named(name) })),
            ["risk", name, kind] => ("risk_raised", "", json!({ "risk": named(name), "kind": kind })),
            ["cleared", name] => ("risk_cleared", "", json!({ "risk": named(name) })),
            ["evidence", name, "rejected", defect] => {
                ("evidence_rejected", "", json!({ "evidence": named(name), "defect": defect }))
            }
            ["evidence", name, kind, "for", of] => {
                let supports = [named(of), id(&[journey, "event", of])];
                let payload = json!({ "evidence": named(name), "kind": kind, "dated_on": day, "supports": supports });
                ("evidence_attached", "", payload)
            }
            other => panic!("no fact is told as {other:?}"),
        };
        self.event(journey, name, day, event_type, &payload);
    }
}

/// A payload with what `key=value` words add: hours, employer and level by their own keys, the rest as attributes.
fn with(mut payload: Value, words: &[&str]) -> Value {
    let own = [("hours", "hours_per_week"), ("employer", "employer_ref"), ("level", "level")];
    for (key, value) in attributes(words) {
        match own.iter().find(|(short, _)| *short == key) {
            Some((_, key)) => payload[*key] = if *key == "level" { plain(&value).into() } else { value },
            None => payload["attributes"][key] = value,
        }
    }
    payload
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn attributes(words: &[&str]) -> Map<String, Value> {
    let pairs = words.iter().map(|word| word.split_once('=').unwrap_or_else(|| panic!("{word:?} is no key=value")));
    pairs.map(|(key, value)| (key.to_owned(), value.parse::<i64>().map_or(Value::from(value), Value::from))).collect()
}

/// A line of the answer in the words of a scenario.
fn told(answer: &Value) -> String {
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    let status = text("status").expect("a status");
    let status = if status == "achieved" && answer["amount"].is_null() { "no_price".to_owned() } else { status };
    let missing = answer["missing"].as_array().into_iter().flatten().map(plain);
    let missing: Vec<String> = missing.filter(|_| status == "evidence_missing").collect();
    let parts = [Some(status), text("achieved_on").or(text("earliest_on")), text("amount"), text("reason")];
    parts.into_iter().flatten().chain(missing).collect::<Vec<_>>().join(" ")
}

fn run(name: &str, text: &str) {
    let scenario = read(text);
    let pack = pack(&scenario.rulebook).unwrap_or_else(|| panic!("{name}: no pack {}", scenario.rulebook));
    let rulebook = Rulebook::parse(pack.text).expect("a pack is whole");
    let events: Vec<String> = scenario.events.iter().map(Value::to_string).collect();
    let events = events.join("\n");
    let as_of = scenario.as_of.parse().expect("a date");
    let mut answer = Vec::new();
    let trial = Trial { rulebooks: std::slice::from_ref(&rulebook), as_of, known_at: None };
    trial.run(events.as_bytes(), &mut answer).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut claims = scenario.claims;
    let mut together = scenario.together.into_iter();
    let mut differences = Vec::new();
    let mut compare = |of: &str, found: &str, expected: &str| {
        if found != expected {
            differences.push(format!("{of}: expected {expected:?}, found {found:?}"));
        }
    };
    for line in String::from_utf8(answer).expect("text").lines() {
        let answer: Value = serde_json::from_str(line).expect("JSON");
        let outcome = answer["outcome"].as_str().expect("an outcome");
        if let Some(journey) = answer["journey"].as_str() {
            let journey = &scenario.journeys[journey];
            let expected = claims.remove(&(journey.clone(), outcome.to_owned()));
            let expected = expected.unwrap_or("not_started".to_owned());
            compare(&format!("{journey} {outcome}"), &told(&answer), &expected);
        } else {
            let of = &answer["of"];
            let found = format!("{outcome} {} {} {}", plain(&of["first"]), plain(&of["last"]), told(&answer));
            let found = match (answer["status"].as_str(), answer["reason"].as_str()) {
                (Some("not_started"), _) => found,
                (_, reason) => {
                    let found = found.strip_suffix(reason.unwrap_or_default()).unwrap_or(&found);
                    format!("{} {}", found.trim(), plain(&of["share"]))
                }
            };
            compare("together", &found, &together.next().unwrap_or_default());
        }
    }
    let left = claims.into_iter().map(|((journey, outcome), line)| format!("{journey} {outcome} {line}"));
    differences.extend(left.chain(together).map(|line| format!("expected and not told: {line}")));
    assert!(differences.is_empty(), "{name}\n{}", differences.join("\n"));
}

#[test]
fn every_scenario_gives_the_claims_that_stand_beside_it() {
    let scenarios = texts("");
    assert_eq!(scenarios.len(), 4, "a scenario for each pack");
    for (name, text) in scenarios {
        run(&name, &text);
    }
}
