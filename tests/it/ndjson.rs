//! Events out as NDJSON and in again: as recorded, or line by line through commands.

use std::io::Cursor;
use std::sync::Arc;

use throughline::access::{Principal, Role, Scope};
use throughline::clock::{Chance, Clock};
use throughline::export::ndjson as export;
use throughline::import::as_recorded::{RestoreError, as_recorded};
use throughline::import::{Import, ImportError, Outcome, Row, Summary};
use throughline::log::LogError;
use throughline::record::Recorder;
use throughline::store::Dialect;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Actor, Position, StreamId};

use crate::deployment::{Deployment, JOURNEY, contact, of_role, open_contract, record, record_a_case};
use crate::stores::STORES;

pub(crate) async fn exported(deployment: &Deployment) -> String {
    exported_within(deployment, &Scope::Deployment).await
}

async fn exported_within(deployment: &Deployment, scope: &Scope) -> String {
    let mut lines = Vec::new();
    let written = export::ndjson(&deployment.log, scope, &mut lines).await.expect("an export");
    let lines = String::from_utf8(lines).expect("text");
    assert_eq!(written, lines.lines().count() as u64);
    lines
}

/// The lines of the story, as a deployment on `SQLite` exports it.
async fn story() -> String {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    record_a_case(&deployment.recorder().await).await;
    let lines = exported(&deployment).await;
    deployment.end().await;
    lines
}

pub(crate) async fn restore(deployment: &Deployment, lines: &str) -> Result<Position, RestoreError> {
    let otherwise = Actor { subject: "restore".to_owned(), role: "administrator".to_owned(), on_behalf_of: None };
    let loaded = as_recorded(&deployment.log, &Clock::Machine, &Chance::System, &otherwise, lines.as_bytes()).await;
    loaded.map(|restored| restored.position)
}

/// The lines as an earlier build exported them, without what makes the same records of them.
fn unkept(lines: &str) -> String {
    let unkept = |line: &str| {
        let (before, rest) = line.split_once(",\"aftersequence\"").expect("an exported line");
        let (_, after) = rest.split_once("\",\"datacontenttype\"").expect("an exported line");
        format!("{before},\"datacontenttype\"{after}")
    };
    lines.lines().map(unkept).collect::<Vec<_>>().join("\n")
}

/// Imports a file, after a dry run of it that must foresee every row and record nothing.
async fn import(deployment: &Deployment, recorder: &Recorder, file: impl AsRef<[u8]>) -> (Summary, Vec<Row>) {
    let principal = of_role(Role::Integrator);
    let (clock, chance) = (Arc::clone(&deployment.clock), Arc::new(Chance::System));
    let dry_run = Recorder::dry_run(deployment.log.clone(), clock, chance).await.expect("a dry run");
    let before = deployment.log.head().await.expect("a head");
    let mut foreseen = Vec::new();
    for recorder in [&dry_run, recorder] {
        assert_eq!(deployment.log.head().await.expect("a head"), before);
        let import = Import { recorder, principal: &principal, contract: "shps" };
        let mut rows = Vec::new();
        let imported = import.ndjson(Cursor::new(&file), |row| rows.push(row.clone())).await;
        foreseen.push((imported.expect("an import"), rows));
    }
    let (summary, rows) = foreseen.pop().expect("an import");
    let outcomes = |rows: &[Row]| rows.iter().map(|row| (row.line, shown(&row.outcome))).collect::<Vec<_>>();
    assert_eq!(outcomes(&foreseen[0].1), outcomes(&rows));
    assert_eq!(Summary { position: summary.position, ..foreseen[0].0 }, summary);
    (summary, rows)
}

#[tokio::test]
async fn a_log_is_the_same_after_it_went_out_and_into_the_other_store() {
    for (from, into) in [(Dialect::Sqlite, Dialect::Postgres), (Dialect::Postgres, Dialect::Sqlite)] {
        let (here, there) = (Deployment::on(from).await, Deployment::on(into).await);
        record_a_case(&here.recorder().await).await;
        let lines = exported(&here).await;
        assert_eq!(restore(&there, &lines).await.expect("loaded"), Position(14));
        assert_eq!(exported(&there).await, lines);
        assert_eq!(there.digest().await, here.digest().await);
        let verified = there.log.verify(|envelope| Ok(Recorded::decode(envelope).map(drop)?)).await.expect("no fault");
        assert!(verified.is_sound(), "{:#?}", verified.findings);
        let records = |deployment: &Deployment| {
            let log = deployment.log.clone();
            async move { log.page(Position(0), Position(14)).await.expect("the log is read") }
        };
        let salts = |envelopes: Vec<throughline_domain::fact::envelope::Envelope>| -> Vec<[u8; 16]> {
            envelopes.into_iter().map(|envelope| envelope.salt).collect()
        };
        assert_eq!(salts(records(&here).await), salts(records(&there).await));
        here.end().await;
        there.end().await;
    }
}

#[tokio::test]
async fn a_restored_log_continues_and_remembers_its_commands() {
    let lines = story().await;
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        restore(&deployment, &lines).await.expect("loaded");
        let recorder = deployment.recorder().await;
        let again = record(&recorder, 12, contact("2018-03-01")).await;
        assert!(again.replayed);
        assert_eq!(again.position(), Position(14));
        let opened = record(&recorder, 3, contact("2018-03-01")).await;
        assert_eq!((opened.replayed, opened.events.len()), (true, 2), "a command of two events");
        let next = record(&recorder, 13, contact("2018-02-28")).await;
        assert_eq!((next.replayed, next.position()), (false, Position(15)));
        drop(recorder);
        deployment.end().await;
    }
}

/// Every record of a log with the hash beside it.
async fn stored(deployment: &Deployment) -> Vec<(String, Vec<u8>)> {
    let page = deployment.log.page_as_stored(Position(0), Position(i64::MAX)).await.expect("the log is read");
    page.into_iter().map(|stored| (stored.record, stored.hash)).collect()
}

#[tokio::test]
async fn an_export_restores_the_same_records_and_hashes_and_a_changed_or_missing_line_nothing() {
    for (from, into) in [(Dialect::Sqlite, Dialect::Postgres), (Dialect::Postgres, Dialect::Sqlite)] {
        let (here, there) = (Deployment::on(from).await, Deployment::on(into).await);
        record_a_case(&here.recorder().await).await;
        let lines = exported(&here).await;
        let without = |at: usize| {
            let mut left: Vec<&str> = lines.lines().collect();
            left.remove(at - 1);
            left.join("\n")
        };
        for at in [2, 9] {
            let error = refused(&there, &without(at)).await;
            let expected = format!("line {at}: aftersequence: this line follows position {at}, but");
            assert!(error.starts_with(&expected), "{error}");
        }
        let error = refused(&there, &lines.replace("\"channel\":\"phone\"", "\"channel\":\"video\"")).await;
        assert!(error.contains("recordhash: does not match this line"), "{error}");
        // Control: without salts the records are others, whatever the lines say.
        restore(&there, &unkept(&lines)).await.expect("loaded");
        assert_ne!(stored(&there).await, stored(&here).await);
        let anew = Deployment::on(into).await;
        restore(&anew, &lines).await.expect("loaded");
        assert_eq!(stored(&anew).await, stored(&here).await);
        for deployment in [here, there, anew] {
            deployment.end().await;
        }
    }
}

/// Loads these lines, which must fail, and leave the log as empty as it was.
async fn refused(deployment: &Deployment, lines: &str) -> String {
    let error = restore(deployment, lines).await.expect_err("not loaded").to_string();
    assert_eq!(deployment.log.head().await.expect("a head").position, Position(0), "{error}");
    assert!(deployment.log.page(Position(0), Position(99)).await.expect("the log is read").is_empty(), "{error}");
    error
}

#[tokio::test]
async fn one_bad_line_and_nothing_is_loaded() {
    let story = unkept(&story().await);
    let lines: Vec<&str> = story.lines().collect();
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        assert!(lines[at - 1].contains(from), "{} lacks {from}", lines[at - 1]);
        lines[at - 1] = lines[at - 1].replacen(from, to, 1);
        lines.join("\n")
    };
    let without = |at: usize| [&lines[..at - 1], &lines[at..]].concat().join("\n");
    let id_of = |at: usize| lines[at - 1].split('"').nth(7).expect("an id");
    let cases = [
        (without(9), "line 9: sequence: expected position 9, found 10"),
        (without(2), "line 2: sequence: expected position 2, found 3"),
        (changed(14, r#""0000000000000000014""#, "15"), "line 14: sequence: expected position 14, found 15"),
        (changed(14, r#""sequence":"0000000000000000014","#, ""), "line 14: sequence: missing"),
        (
            changed(14, "\"recordedtime\":\"2018-03-01", "\"recordedtime\":\"2018-02-01"),
            "line 14: recordedtime: recorded at 2018-02-01",
        ),
        (changed(14, "\"recordedtime\"", "\"recorded\""), "line 14: recordedtime: missing"),
        (
            changed(14, "\"recordedtime\":\"2018-03-01", "\"recordedtime\":\"9000-03-01"),
            "line 14: recordedtime: 9000-03-01",
        ),
        (changed(14, r#""version":10"#, r#""version":11"#), "line 14: data.version: expected version 10 of journey/"),
        (changed(14, "contact_logged.v2", "contact_made.v1"), "line 14: type: this build does not know the type"),
        (changed(14, "contact_logged.v2", "contact_logged.v3"), "line 14: type: this build does not know version 3"),
        (changed(14, "journey/", "worker/"), "line 14: subject: ContactLogged belongs to a journey, not a worker"),
        (
            changed(14, r#""contract":"shps""#, r#""contract":"mhep""#),
            "line 14: data.contract: the journey belongs to shps",
        ),
        (changed(14, r#""channel""#, r#""channels""#), "line 14: data.payload.channels: unknown key"),
        (changed(14, r#""channel":"phone","#, ""), "line 14: data.payload.channel: missing"),
        (changed(14, r#""precision""#, r#""precise""#), "line 14: data.precise: unknown key"),
        (
            changed(14, r#""channel":"phone""#, r#""channel":"phone","note":{"clear_text":"a","class":"special"}"#),
            "line 14: data.payload: holds a text about a person that is not sealed",
        ),
        (changed(2, r#""hash":""#, r#""hash":"00"#), "line 2: data.payload.hash: is not the hash of this rulebook"),
        (changed(2, "rulebook = 1", "rulebook = 2"), "line 2: data.payload.content"),
        (changed(14, id_of(14), id_of(13)), "an event id occurs twice"),
    ];
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        for (lines, expected) in &cases {
            let error = refused(&deployment, lines).await;
            assert!(error.contains(expected), "{dialect:?} expected {expected:?}, found {error:?}");
        }
        restore(&deployment, &story).await.expect("the story itself is loaded");
        let error = restore(&deployment, &story).await.expect_err("the log is not empty any more");
        assert!(matches!(error, RestoreError::Log(LogError::Restore(_))), "{error:?}");
        deployment.end().await;
    }
}

#[tokio::test]
async fn a_contract_is_opened_and_ruled_before_it_is_used() {
    let story = unkept(&story().await);
    let lines: Vec<&str> = story.lines().collect();
    let renumbered = |lines: &[&str]| {
        let number = |(at, line): (usize, &&str)| {
            let (before, after) = line.split_once(r#""sequence":""#).expect("a sequence");
            format!("{before}\"sequence\":{}{}", at + 1, &after[20..])
        };
        lines.iter().enumerate().map(number).collect::<Vec<_>>().join("\n")
    };
    let deployment = Deployment::on(Dialect::Sqlite).await;
    let error = refused(&deployment, &renumbered(&lines[2..])).await;
    assert!(error.starts_with(r#"line 3: data.contract: no earlier line opens "shps""#), "{error}");
    let error = refused(&deployment, &renumbered(&[&lines[..1], &lines[2..]].concat())).await;
    assert!(error.starts_with("line 4: data.contract: shps has no rulebook yet"), "{error}");
    let error = refused(&deployment, &renumbered(&lines[1..])).await;
    assert!(error.starts_with("line 1: type: a contract must begin with ContractOpened"), "{error}");
    deployment.end().await;
}

/// The story's journey as its effective facts tell it, whatever ids its events have.
async fn facts(deployment: &Deployment) -> Vec<String> {
    let events = deployment.log.stream(StreamId::journey(JOURNEY)).await.expect("the stream is read");
    let history = History::of(events.iter().map(|event| Recorded::decode(event).expect("ours")));
    history.facts().iter().map(|fact| format!("{:?} {:?}", fact.occurred, fact.event)).collect()
}

#[tokio::test]
async fn lines_become_commands_once_and_corrections_find_their_targets() {
    let lines = story().await;
    for dialect in STORES {
        let told = Deployment::on(dialect).await;
        record_a_case(&told.recorder().await).await;
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        let (summary, rows) = import(&deployment, &recorder, &lines).await;
        assert_eq!((summary.recorded, summary.refused, summary.unreadable), (12, 2, 0), "{rows:#?}");
        assert!(
            rows[..2].iter().all(|row| matches!(&row.outcome, Outcome::Refused(p) if p[0].code == "NOT_BY_IMPORT"))
        );
        assert_eq!(facts(&deployment).await, facts(&told).await);
        let source = deployment.log.page(Position(13), Position(14)).await.expect("read").remove(0).source;
        let source = source.expect("an imported event says where it came from");
        assert_eq!((source.system.as_str(), source.row), ("throughline", Some(14)));
        assert_eq!(source.file_digest.map(|digest| digest.len()), Some(64));
        let (again, _) = import(&deployment, &recorder, &lines).await;
        assert_eq!((again.recorded, again.replayed, again.refused), (0, 12, 2));
        assert_eq!(deployment.log.head().await.expect("a head").position, Position(14));
        drop(recorder);
        told.end().await;
        deployment.end().await;
    }
}

#[tokio::test]
async fn a_correction_of_another_system_says_only_what_should_read_otherwise() {
    let contact =
        r#"{"channel":"phone","with":"client","attendance":"none","two_way":true,"minutes":30,"direction":"outgoing"}"#;
    let correction = |id: u128, more: &str| {
        let target = uuid::Uuid::from_u128(2);
        let payload = format!(r#"{{"target":"{target}","occurred_on":"2018-02-10","reason":"typed wrongly",{more}}}"#);
        line(id, "fact_corrected", "2018-02-12", &payload)
    };
    let lines = [
        referral(1),
        line(2, "contact_logged", "2018-02-10T10:30:00Z", contact),
        correction(3, r#""payload":{"channel":"video"}"#),
        correction(4, r#""payload":{"minutes":null},"local_time":"11:00:00""#),
        correction(5, r#""payload":{"channel":null}"#),
        correction(6, r#""payload":{"hours":1}"#),
    ];
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        let (_, rows) = import(&deployment, &recorder, lines.join("\n").as_bytes()).await;
        let told: Vec<String> = rows.iter().map(|row| shown(&row.outcome)).collect();
        assert_eq!(told[..4], ["recorded"; 4], "{told:?}");
        assert_eq!(told[4..], ["refused: MISSING_VALUE at payload.channel", "refused: INVALID_VALUE at payload"]);
        let facts = facts(&deployment).await;
        for part in ["video", "Outgoing", "minutes: None", "11:00:00", "2018-02-10", "two_way: true"] {
            assert!(facts[1].contains(part), "{part}: {}", facts[1]);
        }
        drop(recorder);
        deployment.end().await;
    }
}

/// A line as another system would write it, with no more than it must.
fn line(id: u128, event_type: &str, on: &str, payload: &str) -> String {
    let (id, journey) = (uuid::Uuid::from_u128(id), JOURNEY.0);
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"council","type":"throughline.journey.{event_type}.v1","subject":"journey/{journey}","time":"{on}","data":{{"contract":"shps","payload":{payload}}}}}"#
    )
}

fn referral(id: u128) -> String {
    line(id, "referral_received", "2018-01-08", r#"{"subject":"00000000-0000-0000-0000-000000000020","area":"brent"}"#)
}

const CONTACT: &str = r#"{"channel":"phone","with":"client","attendance":"none","face_to_face":false,"two_way":true}"#;

#[tokio::test]
async fn a_bad_row_is_named_by_line_and_key_and_the_rest_is_imported() {
    let deep = format!(r#"{{"target":"{}","reason":{}1{}}}"#, JOURNEY.0, "[".repeat(100_000), "]".repeat(100_000));
    let rows: Vec<(String, &str)> = vec![
        (format!("\u{feff}{}\r", referral(1)), "recorded"),
        (String::new(), ""),
        (line(2, "contact_logged", "2018-02-10", CONTACT), "recorded"),
        ("not json".to_owned(), "unreadable: not JSON at column"),
        ("[1, 2]".to_owned(), "unreadable: not"),
        ("\"\u{0}\"".to_owned(), "unreadable: not JSON"),
        (
            line(3, "contact_logged", "2018-02-10", CONTACT).replacen("contract", "contracts", 1),
            "unreadable: data.contracts: unknown key",
        ),
        (
            line(4, "contact_logged", "2018-02-10", &CONTACT.replace("two_way", "two_ways")),
            "unreadable: data.payload.two_ways: unknown key",
        ),
        (
            line(5, "contact_logged", "2018-02-10", &CONTACT.replace("client", "clients")),
            "unreadable: data.payload: cannot be read: unknown variant `clients`",
        ),
        (
            line(6, "identity_guessed", "2018-02-10", "{}"),
            "unreadable: type: this build does not know the type \"throughline.journey.identity_guessed.v1\"",
        ),
        (line(7, "contact_logged", "10/02/2018", CONTACT), "unreadable: time: \"10/02/2018\" is not a date"),
        (line(8, "contact_logged", "2018-03-02", CONTACT), "refused: DATED_IN_FUTURE at occurred_on"),
        (
            line(9, "contact_logged", "2018-02-10", &CONTACT.replace("phone", "pigeon")),
            "refused: UNKNOWN_CODE at channel",
        ),
        (
            line(10, "journey_closed", "2018-02-10", "{\"reason\":\"moved\u{202e} away\"}"),
            "refused: INVALID_VALUE at reason",
        ),
        (
            line(11, "journey_closed", "2018-02-10", r#"{"reason":"moved\u0000away"}"#),
            "refused: INVALID_VALUE at reason",
        ),
        (line(12, "fact_retracted", "2018-02-10", &deep), "unreadable: data.payload"),
        (line(2, "contact_logged", "2018-02-11", CONTACT), "refused: COMMAND_ID_REUSED"),
        (
            line(13, "contact_logged", "2018-02-11", CONTACT).replace("shps", "mhep"),
            "refused: CONTRACT_NOT_FOUND at contract",
        ),
        (
            line(
                14,
                "fact_retracted",
                "2018-02-11",
                r#"{"target":"00000000-0000-0000-0000-000000000099","reason":"x"}"#,
            ),
            "refused: FACT_NOT_FOUND at targets.0",
        ),
        (
            line(
                15,
                "fact_corrected",
                "2018-02-11",
                r#"{"target":"00000000-0000-0000-0000-000000000099","occurred_on":"2018-02-01","payload":{},"reason":"x"}"#,
            ),
            "refused: FACT_NOT_FOUND at target",
        ),
        (
            line(
                16,
                "contact_logged",
                "2018-02-11",
                &CONTACT.replace('}', r#","worker":"00000000-0000-0000-0000-000000000098"}"#),
            ),
            "refused: WORKER_NOT_FOUND at worker",
        ),
        (line(17, "contact_logged", "2018-02-11T10:00:00Z", CONTACT), "recorded"),
        (line(18, "contact_logged", "2018-02-12", CONTACT).replacen("id", "di", 1), "unreadable: id: missing"),
        ("x".repeat(10 << 20), "unreadable: longer than 8 MiB"),
        (line(19, "contact_logged", "2018-02-12", CONTACT), "recorded"),
    ];
    let mut file = rows.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n").into_bytes();
    file.extend_from_slice(b"\n\"caf\xe9\"");
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        let (_, told) = import(&deployment, &recorder, &file).await;
        let expected = rows.iter().map(|(_, outcome)| *outcome).chain(["unreadable: not UTF-8 from byte 5"]);
        let expected: Vec<(u64, &str)> = (1..).zip(expected).filter(|(_, outcome)| !outcome.is_empty()).collect();
        assert_eq!(told.len(), expected.len());
        for (row, (line, outcome)) in told.iter().zip(expected) {
            let shown = shown(&row.outcome);
            assert_eq!(row.line, line, "{shown}");
            assert!(shown.starts_with(outcome), "line {line}: expected {outcome:?}, found {shown:?}");
        }
        let id_of = |line| told.iter().find(|row| row.line == line).and_then(|row| row.id);
        assert_eq!((id_of(4), id_of(10)), (None, Some(uuid::Uuid::from_u128(6))), "what can be read of it is told");
        assert_eq!(deployment.log.head().await.expect("a head").position, Position(7));
        drop(recorder);
        deployment.end().await;
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Recorded(_) => "recorded".to_owned(),
        Outcome::Replayed(_) => "replayed".to_owned(),
        Outcome::Unreadable(error) => format!("unreadable: {error}"),
        Outcome::Refused(problems) => {
            let path = problems[0].path.as_ref().map(|path| format!(" at {path}"));
            format!("refused: {}{}", problems[0].code, path.unwrap_or_default())
        }
    }
}

#[tokio::test]
async fn facts_that_were_retracted_together_are_retracted_together() {
    let spell = |id, kind: &str, on| {
        line(
            id,
            kind,
            on,
            r#"{"spell":"00000000-0000-0000-0000-000000000040","domain":"accommodation","attributes":{"secured_as":"new"}}"#,
        )
    };
    let retract = |id, target: u128| {
        let target = uuid::Uuid::from_u128(target);
        line(id, "fact_retracted", "2018-02-20", &format!(r#"{{"target":"{target}","reason":"another client"}}"#))
            .replacen(r#""payload""#, r#""command_id":"00000000-0000-0000-0000-0000000000aa","payload""#, 1)
    };
    let file = [
        referral(1),
        spell(2, "spell_started", "2018-02-01"),
        spell(3, "spell_ended", "2018-02-10")
            .replace(r#","domain":"accommodation","attributes":{"secured_as":"new"}"#, ""),
        retract(4, 2),
        retract(5, 3),
        line(6, "contact_logged", "2018-02-12", CONTACT),
    ]
    .join("\n");
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        for outcome in ["recorded", "replayed"] {
            let (_, rows) = import(&deployment, &recorder, &file).await;
            assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
            assert!(rows.iter().all(|row| shown(&row.outcome) == outcome), "{rows:#?}");
        }
        assert_eq!(facts(&deployment).await.len(), 2);
        drop(recorder);
        deployment.end().await;
    }
}

#[tokio::test]
async fn a_subject_that_two_referrals_name_is_registered_once() {
    let second = referral(2).replace(&JOURNEY.0.to_string(), "00000000-0000-0000-0000-000000000011");
    let unknown_area = referral(3).replace(&JOURNEY.0.to_string(), "00000000-0000-0000-0000-000000000012");
    let file = [unknown_area.replace("brent", "paris"), referral(1), second].join("\n");
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        let (summary, rows) = import(&deployment, &recorder, &file).await;
        assert_eq!((summary.recorded, summary.refused), (2, 1), "{rows:#?}");
        assert_eq!(summary.position, Position(5));
        drop(recorder);
        deployment.end().await;
    }
}

#[tokio::test]
async fn an_import_needs_an_open_contract_in_scope() {
    let deployment = Deployment::on(Dialect::Sqlite).await;
    let recorder = deployment.recorder().await;
    open_contract(&recorder).await;
    let elsewhere = Principal { scope: Scope::Contracts(["mhep".to_owned()].into()), ..of_role(Role::Integrator) };
    let of_all = of_role(Role::Integrator);
    for (principal, contract) in [(&elsewhere, "shps"), (&of_all, "mhep")] {
        let import = Import { recorder: &recorder, principal, contract };
        let error = import.ndjson(Cursor::new(""), |_| ()).await.expect_err("no such contract");
        assert!(matches!(error, ImportError::NoContract(code) if code == contract));
    }
    let auditor = of_role(Role::Auditor);
    let import = Import { recorder: &recorder, principal: &auditor, contract: "shps" };
    let mut rows = Vec::new();
    import.ndjson(Cursor::new(referral(1)), |row| rows.push(row.clone())).await.expect("an import");
    assert_eq!(shown(&rows[0].outcome), "refused: FORBIDDEN");
    let Outcome::Refused(problems) = &rows[0].outcome else { panic!("{rows:?}") };
    assert_eq!(
        problems[0].message,
        "an import may not receive referrals: record this through the API, in a role that may"
    );
    drop(recorder);
    deployment.end().await;
}

#[tokio::test]
async fn an_export_holds_what_is_in_scope_and_the_people_it_names() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        record_a_case(&deployment.recorder().await).await;
        let whole = exported(&deployment).await;
        let within = |code: &str| Scope::Contracts([code.to_owned()].into());
        assert_eq!(exported_within(&deployment, &within("shps")).await, whole);
        assert_eq!(exported_within(&deployment, &within("mhep")).await, "");
        deployment.end().await;
    }
}
