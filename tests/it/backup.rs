//! Backups: taken while others write, restored elsewhere, with the same records and hashes; and what is no backup is
//! not restored.

use std::path::Path;
use std::process::{Command as Program, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use throughline::access::Scope;
use throughline::clock::{Chance, Clock};
use throughline::export::ndjson as export;
use throughline::import::as_recorded::as_recorded;
use throughline::log::read::Stored;
use throughline::log::{Log, LogError};
use throughline::record::RecordError;
use throughline::store::{Dialect, Mode, Store};
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Actor, Position};
use throughline_domain::world;

use crate::batches::{batch, open, submit};
use crate::deployment::{Deployment, contact, record, record_a_case};
use crate::field::{Field, assert_verified, now};
use crate::stores::{Fresh, Place, STORES};

/// Runs the program on a database.
fn throughline(database: &str, arguments: &[&str]) -> Output {
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", database).env("RUST_LOG", "warn").args(arguments);
    program.output().expect("the program runs")
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs the program, which must succeed; gives what it printed.
fn done(database: &str, arguments: &[&str]) -> String {
    let output = throughline(database, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", shown(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs the program, which must end with this status; gives all that it said.
fn ends(status: i32, database: &str, arguments: &[&str]) -> String {
    let output = throughline(database, arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", shown(&output));
    shown(&output)
}

async fn stored(log: &Log) -> Vec<Stored> {
    let (mut all, mut after): (Vec<Stored>, _) = (Vec::new(), Position(0));
    loop {
        let page = log.page_as_stored(after, Position(i64::MAX)).await.expect("the log is read");
        let Some(last) = page.last() else { return all };
        after = last.envelope.position;
        all.extend(page);
    }
}

fn records(stored: &[Stored]) -> Vec<(&str, &[u8])> {
    stored.iter().map(|one| (one.record.as_str(), one.hash.as_slice())).collect()
}

async fn opened(url: &str) -> Log {
    let store = Store::open(url, Mode::Write).await.expect("the store opens");
    Log::open(std::sync::Arc::new(store)).await.expect("the log opens")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a name of text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writers_is_whole_and_a_plain_copy_of_the_file_is_not() {
    for dialect in STORES {
        let (fresh, field) = (Fresh::on(dialect, now()).await, Field::of("a backup under writers"));
        let journeys = field.journeys(&fresh.recorder, 20).await;
        let directory = tempfile::tempdir().expect("a directory");
        let (file, is_over) = (directory.path().join("taken.backup"), AtomicBool::new(false));
        let write = async {
            while !is_over.load(Ordering::Relaxed) {
                let contacts = journeys.iter().map(|journey| fresh.recorder.append(field.contact(*journey)));
                for contact in futures_util::future::join_all(contacts).await {
                    contact.expect("it is recorded");
                }
            }
        };
        let back_up = async {
            let (url, to) = (fresh.url().to_owned(), path(&file).to_owned());
            let begun = fresh.log.head().await.expect("the head").position;
            let said = tokio::task::spawn_blocking(move || done(&url, &["backup", &to])).await.expect("it ends");
            is_over.store(true, Ordering::Relaxed);
            (begun, said)
        };
        let ((), (begun, said)) = tokio::join!(write, back_up);
        assert!(said.contains(": sound") && said.contains(", digest "), "{said}");
        let head = fresh.log.head().await.expect("the head").position;
        let restored = Place::on(dialect).await;
        let put_back = done(restored.url(), &["restore", path(&file)]);
        let digest = |said: &str| said.split(", digest ").nth(1).map(|rest| rest[..64].to_owned());
        assert_eq!(digest(&put_back), digest(&said), "{put_back}");
        let (there, here) = (opened(restored.url()).await, stored(&fresh.log).await);
        let copied = stored(&there).await;
        let upto = copied.last().expect("events").envelope.position;
        assert!(begun <= upto && upto < head, "up to {upto}, between {begun} and {head}");
        assert_eq!(records(&copied), records(&here[..copied.len()]));
        assert_verified(&there).await;
        there.store().close().await;
        if let Some(log) = fresh.place().file() {
            // Control: what is in the write-ahead log is not in the file.
            let plain = directory.path().join("plain.db");
            std::fs::copy(log, &plain).expect("it is copied");
            let plain = opened(&format!("sqlite:{}", plain.display())).await;
            assert!(
                stored(&plain).await.len() < here.len(),
                "a plain copy beside a server lacks what is not folded in"
            );
            plain.store().close().await;
            let nowhere = format!("sqlite:{}", directory.path().join("nowhere.db").display());
            let said = ends(2, &nowhere, &["restore", path(&directory.path().join("plain.db"))]);
            assert!(said.contains("was not written by `throughline backup`"), "{said}");
            assert!(!directory.path().join("nowhere.db").exists(), "nothing is made where nothing is restored");
        }
        restored.remove().await;
        fresh.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restores_into_either_store_and_continues_with_its_commands_and_its_view() {
    for (from, into) in [(Dialect::Sqlite, Dialect::Postgres), (Dialect::Postgres, Dialect::Sqlite)] {
        let (here, there) = (Deployment::on(from).await, Deployment::on(into).await);
        record_a_case(&here.recorder().await).await;
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("taken.backup");
        done(here.url(), &["backup", path(&file)]);
        let names = || std::fs::read_dir(directory.path()).expect("a folder").count();
        assert_eq!(names(), 1, "nothing is left beside the file");
        ends(2, here.url(), &["backup", path(&file)]);
        let before = std::fs::read(&file).expect("the file");
        // Into the place that this process has open already: on SQLite it has to give its claim up first.
        there.log.store().close().await;
        let said = done(there.url(), &["restore", path(&file)]);
        assert!(said.contains("14 events up to position 14") && said.contains("view at 14"), "{said}");
        assert!(std::fs::read(&file).expect("the file") == before && names() == 1, "the file stays as it is");
        let said = ends(2, there.url(), &["restore", path(&file)]);
        assert!(said.contains("restore into an empty database"), "{said}");

        let again = throughline::deployment::Deployment::open(
            there.url(),
            std::sync::Arc::clone(&here.clock),
            std::sync::Arc::new(Chance::System),
        );
        let again = again.await.expect("it opens");
        assert_eq!(records(&stored(&again.log).await), records(&stored(&here.log).await));
        assert_eq!(again.views.live().digest().await.expect("a digest"), here.digest().await);
        assert!(record(&again.recorder, 12, contact("2018-03-01")).await.replayed);
        let other = crate::deployment::try_record(&again.recorder, 12, b"another body", contact("2018-02-20")).await;
        assert!(matches!(other, Err(RecordError::CommandIdReused)), "{other:?}");
        let next = record(&again.recorder, 13, contact("2018-02-28")).await;
        assert_eq!((next.replayed, next.position()), (false, Position(15)));
        again.close().await;
        here.end().await;
        there.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_no_backup_is_not_restored_and_a_view_of_another_log_is_not_taken_over() {
    let (here, directory) = (Deployment::on(Dialect::Sqlite).await, tempfile::tempdir().expect("a directory"));
    record_a_case(&here.recorder().await).await;
    let file = directory.path().join("taken.backup");
    done(here.url(), &["backup", path(&file)]);
    let nowhere = format!("sqlite:{}", directory.path().join("restored.db").display());

    let text = directory.path().join("text.backup");
    std::fs::write(&text, "no database at all, and long enough to be looked at").expect("a file");
    assert!(ends(2, &nowhere, &["restore", path(&text)]).contains("holds no log"));
    assert!(ends(2, &nowhere, &["restore", path(&directory.path().join("none"))]).contains("cannot read"));

    let damaged = directory.path().join("damaged.backup");
    let bytes = std::fs::read(&file).expect("the file");
    let at = bytes.windows(9).position(|window| window == b"\"channel\"").expect("a contact");
    let mut bytes = bytes;
    bytes[at + 1] = b'k';
    std::fs::write(&damaged, bytes).expect("a file");
    let said = ends(1, &nowhere, &["restore", path(&damaged)]);
    assert!(said.contains("the record was changed") && said.contains("nothing was restored"), "{said}");
    assert!(!directory.path().join("restored.db").exists(), "nothing is made where nothing is restored");

    // A log that was lost, and its view, which was not.
    let log = directory.path().join("lost.db");
    let lost = format!("sqlite:{}", log.display());
    done(&lost, &["restore", path(&file)]);
    std::fs::remove_file(&log).expect("it is lost");
    let said = ends(2, &lost, &["restore", path(&file)]);
    assert!(said.contains("lost.db-g1 is the view of another log, up to position 14"), "{said}");
    std::fs::remove_file(directory.path().join("lost.db-g1")).expect("it is moved away");
    done(&lost, &["restore", path(&file)]);

    // The log itself is damaged: the backup says so.
    here.unprotect().await;
    here.behind_its_back("update events set record = replace(record, 'phone', 'video') where position = 14")
        .await
        .expect("owner");
    let said = ends(1, here.url(), &["backup", path(&directory.path().join("late.backup"))]);
    assert!(said.contains("position 14: the record was changed") && said.contains("DAMAGED"), "{said}");
    here.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_what_it_says_of_itself_is_not_restored() {
    let (here, directory) = (Deployment::on(Dialect::Sqlite).await, tempfile::tempdir().expect("a directory"));
    record_a_case(&here.recorder().await).await;
    let file = directory.path().join("taken.backup");
    done(here.url(), &["backup", path(&file)]);
    let nowhere = format!("sqlite:{}", directory.path().join("restored.db").display());
    // Control: as it was written, it restores.
    let restored_to = format!("sqlite:{}", directory.path().join("fine.db").display());
    done(&restored_to, &["restore", path(&file)]);
    // A backup that somebody went on with is a log like any other.
    let url = format!("sqlite:{}", file.display());
    let continued = throughline::deployment::Deployment::open(
        &url,
        std::sync::Arc::clone(&here.clock),
        std::sync::Arc::new(Chance::System),
    );
    let continued = continued.await.expect("it opens");
    record(&continued.recorder, 77, contact("2018-02-28")).await;
    continued.close().await;
    let said = ends(1, &nowhere, &["restore", path(&file)]);
    assert!(said.contains("was written as a backup of events up to position 14"), "{said}");
    assert!(said.contains("holds different events, up to position 15"), "{said}");
    assert!(!directory.path().join("restored.db").exists(), "nothing is made where nothing is restored");
    here.end().await;
}

fn open_mst() -> Command {
    let rulebook = pack("mst-essex").expect("it ships").text;
    world::open(world::when("2018-03-01"), world::opened("mst-essex", "2013-04-01"), rulebook)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_of_one_contract_restores_with_everything_in_its_place() {
    for (from, into) in [(Dialect::Sqlite, Dialect::Postgres), (Dialect::Postgres, Dialect::Sqlite)] {
        let (here, there) = (Deployment::on(from).await, Deployment::on(into).await);
        let recorder = here.recorder().await;
        // What is left out stands before, and between the events that stay.
        record(&recorder, 900, open_mst()).await;
        record_a_case(&recorder).await;
        let opened = record(&recorder, 901, open(batch(0))).await;
        record(&recorder, 902, submit(batch(0), &[0], opened.position())).await;
        drop(recorder);
        let scope = Scope::Contracts(["shps".to_owned()].into());
        let mut lines = Vec::new();
        export::ndjson(&here.log, &scope, &mut lines).await.expect("an export");
        let lines = String::from_utf8(lines).expect("text");

        let otherwise = Actor { subject: "restore".to_owned(), role: "administrator".to_owned(), on_behalf_of: None };
        let missing: Vec<&str> = lines.lines().enumerate().filter(|(at, _)| *at != 7).map(|(_, line)| line).collect();
        let error =
            as_recorded(&there.log, &Clock::Machine, &Chance::System, &otherwise, missing.join("\n").as_bytes())
                .await
                .expect_err("a line is missing");
        assert!(error.to_string().contains("lines are missing"), "{error}");
        let restored = as_recorded(&there.log, &Clock::Machine, &Chance::System, &otherwise, lines.as_bytes())
            .await
            .expect("loaded");
        assert!(restored.is_part && restored.is_salted);
        assert_verified(&there.log).await;

        let here_in_scope = stored(&here.log).await.into_iter();
        let here_in_scope: Vec<Stored> =
            here_in_scope.filter(|one| one.envelope.contract.as_deref() != Some("mst-essex")).collect();
        let restored = stored(&there.log).await;
        assert_eq!(restored.len(), here_in_scope.len());
        for (position, (before, after)) in (1..).zip(here_in_scope.iter().zip(&restored)) {
            let (before, after) = (&before.envelope, &after.envelope);
            assert_eq!(after.position, Position(position));
            assert_eq!(
                (before.event_id, before.salt, before.recorded_at),
                (after.event_id, after.salt, after.recorded_at)
            );
            assert_eq!(
                (before.stream, before.version, before.command_id),
                (after.stream, after.version, after.command_id)
            );
            assert_eq!(before.payload.get() == after.payload.get(), before.event_type != "BatchSubmitted");
        }
        // The claims were prepared from the log as it stood when the batch had been opened.
        let submitted = restored.last().expect("the submission").envelope.payload.get().to_owned();
        let prepared = serde_json::from_str::<serde_json::Value>(&submitted).expect("JSON")["prepared_at"].clone();
        let opened_at = restored.iter().find(|one| one.envelope.event_id == opened.events[0].event_id);
        assert_eq!(prepared, opened_at.expect("the opening").envelope.position.0);
        let _ = there.recorder().await;
        here.end().await;
        there.end().await;
    }
}

#[tokio::test]
async fn what_is_copied_goes_into_an_empty_log_alone() {
    for dialect in STORES {
        let (here, there) = (Deployment::on(dialect).await, Deployment::on(dialect).await);
        record_a_case(&here.recorder().await).await;
        let copied = there.log.copy_from(&here.log).await.expect("it is empty");
        assert_eq!((copied.position, &copied), (Position(14), &here.log.digest().await.expect("a digest")));
        let refused = there.log.copy_from(&here.log).await.expect_err("it is not empty any more");
        assert!(matches!(refused, LogError::Restore(_)), "{refused}");
        assert_verified(&there.log).await;
        here.end().await;
        there.end().await;
    }
}
