//! `try` on files of events: the answers of tests/try (from a day-by-day evaluation that shares nothing with ours), what
//! was known when, and what is said of files that cannot be tried.

use serde_json::{Value, json};
use throughline::try_out::{KnownAt, Trial, Tried, TryError};
use throughline_domain::contract::Rulebook;

const RULEBOOK: &str = include_str!("../try/rulebook.toml");
const EVENTS: &str = include_str!("../try/events.ndjson");
const EXPECTED: &str = include_str!("../try/expected-2022-06-30.ndjson");

fn tried(events: &str, as_of: &str, known_at: Option<&str>) -> Result<(Tried, Vec<Value>), TryError> {
    let rulebook = Rulebook::parse(RULEBOOK).expect("a rulebook");
    let known_at = known_at.map(|at| at.parse::<KnownAt>().expect("a day or an instant"));
    let trial = Trial { rulebooks: std::slice::from_ref(&rulebook), as_of: as_of.parse().expect("a date"), known_at };
    let mut answer = Vec::new();
    let tried = trial.run(events.as_bytes(), &mut answer)?;
    let text = String::from_utf8(answer).expect("text");
    Ok((tried, text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()))
}

fn answers(events: &str, as_of: &str, known_at: Option<&str>) -> Vec<Value> {
    tried(events, as_of, known_at).unwrap_or_else(|error| panic!("{error}")).1
}

/// The answer about one outcome of one journey of tests/try/journeys.json.
fn answer(answers: &[Value], journey: &str, outcome: &str) -> Value {
    let names: Value = serde_json::from_str(include_str!("../try/journeys.json")).expect("JSON");
    let of = |answer: &&Value| {
        answer["outcome"] == outcome && names[answer["journey"].as_str().unwrap_or_default()] == journey
    };
    answers.iter().find(of).cloned().unwrap_or_else(|| panic!("nothing about {outcome} of {journey}"))
}

#[test]
fn the_answers_are_those_of_the_fixture() {
    let mut found = answers(EVENTS, "2022-06-30", None);
    let expected: Vec<Value> = EXPECTED.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for answer in &mut found {
        let events = answer.as_object_mut().and_then(|answer| answer.remove("events")).expect("events");
        let is_reached = !answer["achieved_on"].is_null();
        assert_eq!(is_reached, events.as_array().is_some_and(|events| !events.is_empty()), "{answer}");
    }
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_order_of_journeys_in_the_file_does_not_matter() {
    let mut lines: Vec<&str> = EVENTS.lines().collect();
    // Stable, so that the events of one journey keep their order.
    lines.sort_by_key(|line| std::cmp::Reverse(line.split("journey/").nth(1).map(|rest| rest[..36].to_owned())));
    assert_eq!(answers(&lines.join("\n"), "2022-06-30", None), answers(EVENTS, "2022-06-30", None));
}

#[test]
fn a_later_correction_never_changes_what_was_known() {
    let on = |known_at: Option<&str>| {
        let answers = answers(EVENTS, "2022-06-30", known_at);
        answer(&answers, "start-corrected", "job_13w_16h")["achieved_on"].clone()
    };
    assert_eq!(on(Some("2022-04-30")), "2022-04-04");
    assert_eq!(on(Some("2022-04-30T23:30:00Z")), "2022-04-18", "which is 1 May in London");
    assert_eq!(on(Some("2022-05-01")), "2022-04-18");
    assert_eq!(on(None), "2022-04-18");
    let retracted = |known_at| {
        let answers = answers(EVENTS, "2022-01-31", known_at);
        answer(&answers, "start-retracted", "job_13w_cumulative")["status"].clone()
    };
    assert_eq!((retracted(Some("2022-01-31")), retracted(None)), (json!("maturing"), json!("not_started")));
}

#[test]
fn events_are_known_when_they_were_recorded_if_the_file_says_so() {
    let late = EVENTS
        .replace("\"time\": \"2022-01-03\"", "\"time\": \"2022-01-03\", \"recordedtime\": \"2022-03-01T09:00:00Z\"");
    let status = |known_at: &str| {
        let answers = answers(&late, "2022-06-30", Some(known_at));
        answer(&answers, "gap-0", "job_13w_in_16w")["achieved_on"].clone()
    };
    assert_eq!(status("2022-02-28"), "2022-05-16", "the first job was not known yet");
    assert_eq!(status("2022-03-01"), "2022-04-04");
    assert!("yesterday".parse::<KnownAt>().is_err());
}

#[test]
fn before_a_day_nothing_of_it_is_known() {
    let answers = answers(EVENTS, "2021-12-31", None);
    assert_eq!(answer(&answers, "gap-0", "job_13w_16h")["status"], "not_started");
    assert_eq!(answers.len(), EXPECTED.lines().count());
}

#[test]
fn journeys_of_other_contracts_are_left_out_and_counted() {
    let first = EVENTS.lines().next().expect("an event").split("journey/").nth(1).expect("a journey")[..36].to_owned();
    let other = |line: &str| {
        if line.contains(&first) {
            line.replace("\"contract\": \"try\"", "\"contract\": \"other\"")
        } else {
            line.to_owned()
        }
    };
    let events: Vec<String> = EVENTS.lines().map(other).collect();
    let (tried, answers) = tried(&events.join("\n"), "2022-06-30", None).expect("events");
    assert_eq!((tried.journeys, tried.of_others), (18, 1));
    assert!(answers.iter().all(|answer| answer["journey"] != first.as_str()));
}

#[test]
fn a_line_that_cannot_be_read_ends_it_with_its_number() {
    let wrong = |find: &str, instead: &str| {
        let lines: Vec<String> = EVENTS
            .lines()
            .enumerate()
            .map(|(at, line)| if at == 1 { line.replace(find, instead) } else { line.to_owned() })
            .collect();
        tried(&lines.join("\n"), "2022-06-30", None).expect_err("a wrong line").to_string()
    };
    assert!(wrong("{\"specversion\"", "\"specversion\"").starts_with("line 2: "));
    assert!(wrong("spell_started.v1", "spell_opened.v1").starts_with("line 2: type: "));
    assert!(wrong("\"domain\"", "\"domian\"").starts_with("line 2: data.payload.domian: unknown key"));
    let no_contract = EVENTS.replacen("\"contract\": \"try\", ", "", 1);
    let error = tried(&no_contract, "2022-06-30", None).expect_err("a referral without a contract").to_string();
    assert_eq!(error, "line 1: data.contract: missing: write the code of the contract");
}

#[test]
fn one_person_under_two_linked_records_is_paid_once() {
    let rulebook =
        RULEBOOK.replacen("title = \"13 weeks in all\"\n", "title = \"13 weeks in all\"\nonce_per = \"person\"\n", 1);
    let rulebook = Rulebook::parse(&rulebook).expect("a rulebook");
    let line = |id: u32, event_type: &str, subject: &str, time: &str, payload: Value| {
        let id = format!("00000000-0000-0000-0000-{id:012}");
        json!({ "id": id, "type": format!("throughline.{event_type}.v1"), "subject": subject, "time": time,
                "data": { "contract": "try", "payload": payload } })
        .to_string()
    };
    let name = |n: u32| format!("00000000-0000-0000-0000-0000000001{n:02}");
    let mut lines = Vec::new();
    for n in 1..=2 {
        let journey = format!("journey/{}", name(n));
        let referral = json!({ "subject": name(10 + n), "area": "north" });
        lines.push(line(n, "journey.referral_received", &journey, "2021-12-01", referral));
        let job = json!({ "spell": name(20 + n), "domain": "employment" });
        lines.push(line(10 + n, "journey.spell_started", &journey, &format!("2022-01-0{n}"), job));
    }
    let said = |n: u32, at: &str, what: &str, of: u32, with: u32| {
        let payload = json!({ "with": name(10 + with), "reason": "same person" });
        line(n, &format!("subject.{what}"), &format!("subject/{}", name(10 + of)), at, payload)
    };
    lines.push(said(31, "2022-05-01", "subjects_linked", 1, 2));
    lines.push(said(32, "2022-05-01", "subjects_linked", 2, 1));
    lines.push(said(33, "2022-06-01", "subjects_unlinked", 1, 2));
    lines.push(said(34, "2022-06-01", "subjects_unlinked", 2, 1));
    let statuses = |as_of: &str| {
        let trial =
            Trial { rulebooks: std::slice::from_ref(&rulebook), as_of: as_of.parse().expect("a date"), known_at: None };
        let mut answer = Vec::new();
        trial.run(lines.join("\n").as_bytes(), &mut answer).expect("events");
        let answers: Vec<Value> = String::from_utf8(answer)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let of = answers.iter().filter(|answer| answer["outcome"] == "job_13w_cumulative");
        of.map(|answer| (answer["status"].clone(), answer["reason"].clone())).collect::<Vec<_>>()
    };
    let claimable = (json!("claimable"), Value::Null);
    assert_eq!(statuses("2022-04-30"), [claimable.clone(), claimable.clone()]);
    assert_eq!(statuses("2022-05-15"), [claimable.clone(), (json!("excluded"), json!("person"))]);
    assert_eq!(statuses("2022-06-15"), [claimable.clone(), claimable]);
}
