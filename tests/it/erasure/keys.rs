//! Backups of keys: wrapped rows and the list of erased people, and no backup brings an erased person back.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use throughline::access::{Principal, Role, Scope};
use throughline::clock::Clock;
use throughline::keys::access_log::{AccessFilter, Kind, Opener, Opening};
use throughline::keys::{Class, Erased, KeyError, KeyStore, KeysCopied, KeysOf, RecordOfSource, prune};
use throughline::store::Dialect;
use throughline_domain::fact::envelope::SubjectId;
use throughline_domain::fact::event::ErasureGround;
use uuid::Uuid;

use crate::app::instant;
use crate::stores::{Fresh, STORES};

const BEGINS: &str = "2018-03-01T09:00:00Z";

fn person(n: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(n))
}

fn erased(n: u128) -> Erased {
    Erased { subject: person(n), ground: ErasureGround::SubjectRequest }
}

fn record(id: &str) -> RecordOfSource {
    RecordOfSource { system: "council".to_owned(), id: id.to_owned() }
}

/// The keys of the first so many people.
async fn make(keys: &KeyStore, people: u128) {
    for n in 1..=people {
        for class in Class::ALL {
            keys.key_or_new(person(n), class).await.expect("a key");
        }
    }
}

async fn has_keys(keys: &KeyStore, n: u128) -> bool {
    keys.key(person(n), Class::Identity).await.expect("it is read").is_some()
}

/// Removes the key store as a lost disk does.
async fn lose(fresh: &Fresh) {
    fresh.keys.close().await;
    if let Some(file) = fresh.place().file() {
        for ending in ["", "-wal", "-shm"] {
            let path = format!("{}.keys{ending}", file.display());
            let _ = std::fs::remove_file(path);
        }
        return;
    }
    let mut conn = sqlx::PgConnection::connect(fresh.url()).await.expect("the server answers");
    let (schema,): (String,) =
        sqlx::query_as("select current_schema() || '_keys'").fetch_one(&mut conn).await.expect("a schema");
    conn.execute(AssertSqlSafe(format!("drop schema {schema} cascade"))).await.expect("it is lost");
}

async fn restored(fresh: &Fresh, from: &Path, known: &[Erased]) -> Result<KeysCopied, KeyError> {
    let clock = Arc::clone(&fresh.clock);
    KeyStore::restore(fresh.log.store(), &fresh.key_places(), (from, known), clock).await
}

#[tokio::test]
async fn a_backup_of_keys_brings_back_every_key_but_those_of_erased_people() {
    for store in STORES {
        let fresh = Fresh::with_keys(store, instant(BEGINS)).await;
        make(&fresh.keys, 4).await;
        fresh.keys.erase(erased(4), &[record("BR-4")].into()).await.expect("erased");
        let reader = Principal { subject: "kw-07".to_owned(), role: Role::Keyworker, scope: Scope::Deployment };
        let opened = [2, 3].map(|n| Opening { subject: person(n), kind: Kind::Notes, reveal: None });
        fresh.keys.note_openings(&Opener::of(&reader, "r-1"), &opened).await.expect("noted");
        let everything = AccessFilter::of(None, None);
        let entries = fresh.keys.access_log(&everything, None, 10).await.expect("the access log");
        assert_eq!(entries.len(), 2);
        let index = fresh.keys.index_key().await.expect("a key");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("first.keys-backup");
        let copied = fresh.keys.back_up(&file).await.expect("a backup");
        // Two keys of each of three people, and the deployment's own.
        assert_eq!(copied, KeysCopied { keys: 7, erased: 1, openings: 2 });
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1, "one file");
        let kek = std::fs::read(fresh.key_places().kek_file.expect("a file")).expect("it is read");
        let kek = String::from_utf8(kek).expect("text");
        let bytes = std::fs::read(&file).expect("it is read");
        for line in kek.lines().filter(|line| line.len() > 20) {
            assert!(!bytes.windows(line.len()).any(|window| window == line.as_bytes()), "no key-encryption key");
        }
        // Erased after the backup: one by the list of the key store, one by the log alone.
        fresh.keys.erase(erased(1), &[record("BR-1")].into()).await.expect("erased");
        let there = restored(&fresh, &file, &[]).await.expect("restored over what is there");
        assert_eq!(there.erased, 2);
        assert!(!has_keys(&fresh.keys, 1).await && has_keys(&fresh.keys, 2).await);

        lose(&fresh).await;
        assert!(fresh.open_keys(KeysOf::KnownLog).await.why_away().is_some());
        restored(&fresh, &file, &[erased(1), erased(2)]).await.expect("restored");
        let again = fresh.open_keys(KeysOf::KnownLog).await;
        assert_eq!(again.why_away(), None);
        assert_eq!(again.index_key().await.expect("a key"), index);
        let found = again.access_log(&everything, None, 10).await.expect("the access log");
        assert_eq!(found, entries, "the access log was in the backup");
        let mut open = Vec::new();
        for n in 1..=4 {
            open.push(has_keys(&again, n).await);
        }
        assert_eq!(open, [false, false, true, false]);
        for n in [1, 2, 4] {
            let refused = again.key_or_new(person(n), Class::Special).await;
            assert!(matches!(refused, Err(KeyError::Destroyed(_))), "{n}: {refused:?}");
        }
        assert!(again.is_suppressed(&[record("BR-4")].into()).await.expect("it is read"), "it was in the backup");
        assert!(!again.is_suppressed(&[record("BR-3")].into()).await.expect("it is read"));
        again.close().await;
        fresh.end().await;
    }
}

#[tokio::test]
async fn keys_that_come_back_with_an_old_copy_are_destroyed_again() {
    for store in STORES {
        let fresh = Fresh::with_keys(store, instant(BEGINS)).await;
        make(&fresh.keys, 3).await;
        assert_eq!(fresh.keys.keep_erased(&[erased(2)]).await.expect("destroyed"), 1);
        assert_eq!(fresh.keys.keep_erased(&[erased(2)]).await.expect("nothing to do"), 0);
        assert!(has_keys(&fresh.keys, 1).await && !has_keys(&fresh.keys, 2).await);
        let listed = fresh.keys.erased(person(0), 10).await.expect("the list");
        assert_eq!(listed, [erased(2)]);
        fresh.end().await;
    }
}

#[tokio::test]
async fn what_is_no_backup_of_keys_is_not_restored_and_old_backups_are_pruned() {
    let fresh = Fresh::with_keys(Dialect::Sqlite, instant(BEGINS)).await;
    make(&fresh.keys, 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let text = at("text.keys-backup");
    std::fs::write(&text, "no database at all").expect("a file");
    let keys = format!("{}.keys", fresh.place().file().expect("a file").display());
    for wrong in [text.as_path(), Path::new(&keys), &at("none.keys-backup")] {
        let refused = restored(&fresh, wrong, &[]).await;
        assert!(matches!(refused, Err(KeyError::NoBackup(_))), "{}: {refused:?}", wrong.display());
    }
    for (name, taken_at) in [("old.keys-backup", "2018-03-01T09:00:00Z"), ("new.keys-backup", "2018-03-02T09:00:01Z")] {
        fresh.clock.set(instant(taken_at));
        fresh.keys.back_up(&at(name)).await.expect("a backup");
    }
    std::fs::copy(at("old.keys-backup"), at("old.other")).expect("a copy");
    let now = instant("2018-04-06T09:00:00Z");
    let pruned = prune(&at("new.keys-backup"), now).await.expect("pruned");
    assert_eq!(pruned, [at("old.keys-backup")]);
    assert!(at("new.keys-backup").exists() && at("old.other").exists() && text.exists());
    fresh.end().await;
}

#[tokio::test]
async fn an_old_copy_of_the_key_file_opens_no_erased_person_when_a_server_starts() {
    let fresh = Fresh::with_keys(Dialect::Sqlite, instant(BEGINS)).await;
    let app = crate::app::TestApp::of(fresh).await;
    let worker = app.add_worker("kw-07").await;
    let gone = super::person(&app, &worker, 1).await;
    let kept = super::person(&app, &worker, 2).await;
    let file = format!("{}.keys", app.fresh.place().file().expect("a file").display());
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    let mut conn = sqlx::SqliteConnection::connect(&format!("sqlite:{file}")).await.expect("the file opens");
    let into = format!("vacuum into '{}'", copy.display());
    conn.execute(AssertSqlSafe(into)).await.expect("a copy");
    drop(conn);
    super::erase(&app, &gone).await;
    let places = app.fresh.key_places();
    app.fresh.keys.close().await;
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{file}{ending}"));
    }
    std::fs::copy(&copy, &file).expect("the old copy is put back");
    let old = app.fresh.open_keys(KeysOf::KnownLog).await;
    assert!(old.key(gone.id(), Class::Identity).await.expect("it is read").is_some(), "the copy has the key");
    old.close().await;
    let url = app.fresh.url().to_owned();
    app.fresh.views.live().close().await;
    app.fresh.log.store().close().await;
    let served = throughline::deployment::Deployment::open_with_keys(
        &url,
        &places,
        Arc::new(Clock::standing_at(instant(BEGINS))),
        Arc::new(throughline::clock::Chance::System),
    );
    let served = served.await.expect("it opens");
    assert!(served.keys.key(gone.id(), Class::Identity).await.expect("it is read").is_none());
    assert!(served.keys.key(kept.id(), Class::Identity).await.expect("it is read").is_some());
    served.close().await;
    app.fresh.end().await;
}

#[tokio::test]
async fn two_people_erase_a_person_on_the_command_line() {
    for store in STORES {
        let app = crate::app::TestApp::of(Fresh::with_keys(store, instant(BEGINS)).await).await;
        let worker = app.add_worker("kw-07").await;
        let gone = super::person(&app, &worker, 1).await;
        let kek = app.fresh.key_places().kek_file.expect("a file");
        let url = app.fresh.url().to_owned();
        app.fresh.keys.close().await;
        app.fresh.views.live().close().await;
        // The program writes to the file itself.
        app.fresh.log.store().close().await;
        let run = |arguments: &[&str]| {
            let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"));
            program.env("THROUGHLINE_DATABASE", &url).env("THROUGHLINE_KEK_FILE", &kek).env("RUST_LOG", "warn");
            let output = program.args(["subject", "erase"]).args(arguments).output().expect("the program runs");
            let said = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(said).expect("text"))
        };
        let subject = gone.subject.as_str();
        let approve = |login: &str| run(&["approve", subject, "--login", login]);
        let (status, said) = approve("bob@example.org");
        assert!(status == Some(2) && said.contains("nobody has proposed to erase"), "{said}");
        let (status, said) = run(&["propose", subject, "--ground", "subject_request", "--login", "ann@example.org"]);
        assert_eq!(status, Some(0), "{said}");
        let (status, said) = approve("Ann@example.org");
        assert!(status == Some(2) && said.contains("another person must approve it"), "{said}");
        let (status, said) = approve("bob@example.org");
        assert!(status == Some(0) && said.contains(&format!("erased {subject}")), "{said}");
        app.fresh.end().await;
    }
}

/// Writes to the database of keys.
pub(crate) async fn change_keys(fresh: &Fresh, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if let Some(file) = fresh.place().file() {
        let url = format!("sqlite:{}.keys", file.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the file opens");
        conn.execute(sqlx::raw_sql(sql)).await.expect("it is changed");
        return;
    }
    let mut conn = sqlx::PgConnection::connect(fresh.url()).await.expect("the server answers");
    conn.execute("select set_config('search_path', current_schema() || '_keys', false)").await.expect("a schema");
    conn.execute(sqlx::raw_sql(sql)).await.expect("it is changed");
}

#[tokio::test]
async fn a_key_that_nothing_unwraps_stops_no_rotation_and_no_other_key() {
    for store in STORES {
        let fresh = Fresh::with_keys(store, instant(BEGINS)).await;
        // More than one transaction of a rotation, and the lost key in the first one.
        make(&fresh.keys, 150).await;
        // On Postgres there is no min of ids.
        let lost = "update keys set wrapped_by = 'lost' where class = 'special' and subject = \
            (select subject from keys where class = 'special' order by subject limit 1)";
        change_keys(&fresh, lost).await;
        for _ in 0..2 {
            let rotated = fresh.keys.rotate().await.expect("it ends");
            assert_eq!((rotated.keys, rotated.left), (300, 1));
        }
        let everyone: BTreeSet<SubjectId> = (1..=150).map(person).collect();
        assert_eq!(fresh.keys.keys(&everyone).await.expect("they are read").len(), 299, "all but the lost one");
        let lost = fresh.keys.key(person(1), Class::Special).await;
        assert!(matches!(lost, Err(KeyError::UnknownKek(_))), "{lost:?}");
        let kek = std::fs::read_to_string(fresh.key_places().kek_file.expect("a file")).expect("it is read");
        assert_eq!(kek.lines().count(), 1, "the earlier key-encryption keys are forgotten");
        fresh.end().await;
    }
}
