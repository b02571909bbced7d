//! A hundred of a thousand people are erased (ten of a hundred in the short run): nothing of them is in any file, the
//! others are as they were, figures and claims too, and neither a backup nor the next import brings them back.

use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};
use throughline::access::Role;
use throughline::clock::{Chance, Clock};
use throughline::deployment::Deployment;
use throughline::import::Outcome;
use throughline::keys::{Class, KeyPlaces};
use throughline::store::Dialect;
use throughline::views::Views;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::StreamId;
use throughline_domain::people::subject::Subject;

use super::{Person, assert_erased, assert_open, erase, file_of, imported, line, person};
use crate::app::{SHPS, TestApp, instant, manager, new_id, on_both_stores_with_keys, test_caller};
use crate::field::is_full;
use crate::sealed::stored_texts;
use crate::wait::until;

/// Every which person is erased.
const EACH: usize = 10;

fn number_of_people() -> usize {
    if is_full() { 1_000 } else { 50 }
}

fn is_erased(number: usize) -> bool {
    number.is_multiple_of(EACH)
}

/// Boards and claims, as a manager sees them.
async fn figures(app: &TestApp) -> Value {
    let document = "query { contract(code: \"shps\") { \
        contactRecency(by: KEYWORKER) { group { label } buckets { label journeys } none total } \
        claims(first: 50) { totalCount totalAmount { amount } nodes { id status outcome amount { amount } } } } }";
    app.ask(&manager(), document, json!({})).await
}

/// The wrapped keys of these people, as hexadecimal text.
async fn wrapped(app: &TestApp, of: &[&Person]) -> Vec<String> {
    let mut found = Vec::new();
    let wanted: Vec<uuid::Uuid> = of.iter().map(|person| person.id().0).collect();
    if let Some(file) = app.fresh.place().file() {
        let url = format!("sqlite:{}.keys", file.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the file opens");
        for id in wanted {
            let rows = sqlx::query("select hex(wrapped) from keys where subject = $1 and wrapped is not null").bind(id);
            let rows = rows.fetch_all(&mut conn).await.expect("the keys are read");
            found.extend(rows.iter().map(|row| row.get::<String, _>(0).to_lowercase()));
        }
        return found;
    }
    let mut conn = sqlx::PgConnection::connect(app.fresh.url()).await.expect("the server answers");
    let (schema,): (String,) =
        sqlx::query_as("select current_schema() || '_keys'").fetch_one(&mut conn).await.expect("a schema");
    let sql = format!("select encode(wrapped, 'hex') from {schema}.keys where subject = $1 and wrapped is not null");
    for id in wanted {
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql.clone())).bind(id);
        let rows = rows.fetch_all(&mut conn).await.expect("the keys are read");
        found.extend(rows.iter().map(|row| row.get::<String, _>(0)));
    }
    found
}

fn files_beneath(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_beneath(&path) } else { vec![path] }).collect()
}

/// All that is stored, as text and, of files, as hexadecimal text: the database with its write-ahead log, views, keys,
/// files of evidence, and what is in this folder.
async fn everything(app: &TestApp, further: &Path) -> Vec<(String, String)> {
    let mut all = stored_texts(app).await;
    let mut folders = vec![further.to_owned(), app.fresh.files.path().to_owned()];
    folders.extend(app.fresh.place().file().map(|file| file.parent().expect("a folder").to_owned()));
    for path in folders.iter().flat_map(|folder| files_beneath(folder)) {
        let bytes = std::fs::read(&path).expect("a file");
        all.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        all.push((format!("{} in hexadecimal", path.display()), throughline_domain::fact::envelope::hex(&bytes)));
    }
    all
}

fn throughline(app: &TestApp, database: &str, arguments: &[&str]) -> String {
    let kek = app.fresh.key_places().kek_file.expect("a file");
    let mut program = Program::new(env!("CARGO_BIN_EXE_throughline"));
    program.env("THROUGHLINE_DATABASE", database).env("THROUGHLINE_KEK_FILE", kek).env("RUST_LOG", "trace");
    let output = program.args(arguments).output().expect("the program runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    said
}

/// Where the present key store is, as another database names it.
fn present_keys(app: &TestApp) -> String {
    match app.fresh.place().file() {
        Some(file) => format!("sqlite:{}.keys", file.display()),
        None => app.fresh.url().replace("&application_name", "_keys&application_name"),
    }
}

/// The service over a log that was restored from a file, with this key store.
async fn served(app: &TestApp, url: &str, keys: Option<String>) -> Deployment {
    let kek_file = app.fresh.key_places().kek_file;
    let places = KeyPlaces { keys, kek_file, kek: None };
    let clock = Arc::new(Clock::standing_at(instant("2018-03-02T09:00:00Z")));
    let opened = Deployment::open_with_keys(url, &places, clock, Arc::new(Chance::System)).await.expect("it opens");
    opened.with_evidence_at(&format!("file://{}", app.fresh.files.path().display())).expect("a folder")
}

/// Whether a log says that a person was erased.
async fn is_said_to_be_erased(restored: &Deployment, person: &Person) -> bool {
    let mut history = throughline_domain::fact::History::default();
    for event in restored.log.stream(StreamId::subject(person.id())).await.expect("the stream") {
        history.evolve(Recorded::decode(&event).expect("ours"));
    }
    Subject::fold(&history.facts()).erased.is_some()
}

/// A backup from before shows none of those who were erased since, and all others.
async fn assert_restored(app: &TestApp, backup: &Path, people: &[Person]) {
    let dialect = if app.fresh.place().file().is_some() { Dialect::Sqlite } else { Dialect::Postgres };
    let place = crate::stores::Place::on(dialect).await;
    let said = throughline(app, place.url(), &["restore", backup.to_str().expect("text")]);
    assert!(said.contains("nobody's name or note is shown"), "{said}");
    // Without the present key store, no key of anybody.
    let without = served(app, place.url(), None).await;
    assert!(without.keys.why_away().is_some());
    without.close().await;
    let restored = served(app, place.url(), Some(present_keys(app))).await;
    for person in people {
        let key = restored.keys.key(person.id(), Class::Identity).await.expect("it is read");
        assert_eq!(key.is_some(), !is_erased(person.number), "{}", person.number);
    }
    until("the restored log says who was erased", async || {
        let mut said = true;
        for person in people.iter().filter(|person| is_erased(person.number)) {
            said &= is_said_to_be_erased(&restored, person).await;
        }
        said
    })
    .await;
    let kept = people.iter().find(|person| !is_erased(person.number)).expect("a person");
    assert!(!is_said_to_be_erased(&restored, kept).await);
    restored.close().await;
    place.remove().await;
}

/// The next night's file has everybody again.
async fn assert_not_imported_again(app: &TestApp, people: &[Person]) {
    let council = test_caller(Role::Integrator, "council", &[SHPS]);
    let lines: Vec<String> = people
        .iter()
        .map(|person| {
            let referral = json!({ "subject": new_id(), "area": "brent", "external_references": person.case_number() });
            line("referral_received", ("journey", &new_id()), &referral, &format!("night-{}", person.number))
        })
        .collect();
    let outcomes = imported(&app.fresh.recorder, &council, &lines).await;
    for (person, outcome) in people.iter().zip(&outcomes) {
        match outcome {
            Outcome::Refused(problems) if problems[0].code == "SUBJECT_ERASED" => assert!(is_erased(person.number)),
            // The case number is known already. So it would be accepted as a further case.
            _ => assert!(!is_erased(person.number), "{}: {outcome:?}", person.number),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_are_erased_nothing_is_left_and_all_else_is_as_it_was() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let mut people = Vec::new();
        for number in 1..=number_of_people() {
            let one = person(app, &worker, number).await;
            if number.is_multiple_of(EACH / 2) {
                file_of(app, &one).await;
            }
            people.push(one);
        }
        let (gone, kept): (Vec<&Person>, Vec<&Person>) = people.iter().partition(|one| is_erased(one.number));
        let folder = tempfile::tempdir().expect("a folder");
        let before = folder.path().join("before.backup");
        let url = app.fresh.url().to_owned();
        throughline(app, &url, &["backup", before.to_str().expect("text")]);
        let (figures_before, keys_of_gone) = (figures(app).await, wrapped(app, &gone).await);
        let key_of_kept = wrapped(app, &kept[..1]).await;
        assert_eq!(keys_of_gone.len(), 2 * gone.len(), "two keys of each");

        for one in &gone {
            assert_eq!(erase(app, one).await["problems"], json!([]));
        }

        let after = tempfile::tempdir().expect("a folder");
        let mut said = String::new();
        for (command, name) in [(&["backup"][..], "after.backup"), (&["key", "backup"][..], "after.keys-backup")] {
            let file = after.path().join(name);
            let arguments: Vec<&str> = command.iter().copied().chain([file.to_str().expect("text")]).collect();
            said.push_str(&throughline(app, &url, &arguments));
        }
        let mut everything = everything(app, after.path()).await;
        everything.push(("what the program logs".to_owned(), said));
        for (place, stored) in &everything {
            assert!(!stored.contains("Canary"), "a name is in {place}");
            for key in &keys_of_gone {
                assert!(!stored.contains(key), "a key of an erased person is in {place}");
            }
        }
        let view = if app.fresh.place().file().is_some() { "log.db-g" } else { "_g" };
        let views: Vec<&(String, String)> = everything.iter().filter(|(place, _)| place.contains(view)).collect();
        assert!(!views.is_empty() && views.iter().all(|(_, stored)| !stored.contains("commitment")), "nothing sealed");
        let is_found = |key: &String| everything.iter().any(|(_, stored)| stored.contains(key));
        assert!(key_of_kept.iter().all(is_found), "control: the keys of the others are found by the same search");

        for one in &gone {
            assert_erased(app, one).await;
        }
        for one in &kept {
            assert_open(app, one).await;
        }
        assert_eq!(figures(app).await, figures_before);
        let verified = app.fresh.log.verify(|_| Ok(())).await.expect("the log is verified");
        assert!(verified.findings.is_empty(), "{verified:?}");
        let rebuilt = Views::rebuild(&app.fresh.log, throughline::queries::statements).await.expect("it is built anew");
        assert_eq!(rebuilt.old, Some(rebuilt.new), "a view that is built anew is the same");

        assert_restored(app, &before, &people).await;
        assert_not_imported_again(app, &people).await;
    })
    .await;
}
