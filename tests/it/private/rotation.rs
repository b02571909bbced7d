//! The rotation of the key-encryption key while a server seals, killed in the middle and run again, on both stores.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use throughline::clock::Clock;
use throughline::keys::{Class, Kek, KeyPlaces, KeyStore, KeysOf};
use throughline::store::{Dialect, Mode, Store};
use throughline_domain::fact::envelope::SubjectId;
use uuid::Uuid;

use super::site::{Serving, Site};
use crate::app::{SHPS, text};
use crate::field::{Field, is_full};
use crate::wait::{PATIENCE, until};

/// The number of people who have a key before the first rotation: several transactions of a rotation.
const PEOPLE: u128 = 900;
/// How often a rotation is killed after it has begun and before it has ended.
const KILLS: usize = 3;
const KILLS_FULL: usize = 30;
/// How often it is tried, because a rotation may have ended before the kill comes.
const TRIES: usize = 400;
const CLIENTS: usize = 6;

/// A note that the server acknowledged: the case, and what it says.
type Noted = (String, String);

/// What the clients were answered.
#[derive(Default)]
struct Ledger {
    noted: Mutex<Vec<Noted>>,
    named: Mutex<Vec<Noted>>,
}

impl Ledger {
    fn count(&self) -> usize {
        self.noted.lock().expect("no panic").len() + self.named.lock().expect("no panic").len()
    }
}

/// Takes on clients with their names, and records notes about them, until it is over.
async fn load(serving: &Serving, token: &str, field: &Field, (ledger, is_over): (&Ledger, &AtomicBool)) {
    while !is_over.load(Ordering::Relaxed) {
        let family = format!("Family-{}", field.id());
        let identity = json!({ "names": { "given": "Given", "family": family } });
        let referral = json!({
            "contract": SHPS, "area": "brent", "occurredOn": "2018-02-01", "identity": identity,
            "acceptWarnings": ["RECORDED_ALREADY"],
        });
        let received = serving.done(token, "receiveReferral", "journey { id }", referral).await;
        let journey = text(&received["journey"]["id"]);
        ledger.named.lock().expect("no panic").push((journey.clone(), family));
        for _ in 0..3 {
            let said = format!("said {}", field.id());
            let contact = json!({
                "journey": journey, "channel": "phone", "twoWay": true, "occurredOn": "2018-02-05", "note": said,
                "acceptWarnings": ["RECORDED_ALREADY"],
            });
            serving.done(token, "logContact", "journey { id }", contact).await;
            ledger.noted.lock().expect("no panic").push((journey.clone(), said));
        }
    }
}

/// Every acknowledged note and name is opened by the server.
async fn assert_all_opens(serving: &Serving, token: &str, ledger: &Ledger) {
    let noted = ledger.noted.lock().expect("no panic").clone();
    let named = ledger.named.lock().expect("no panic").clone();
    let document = "query($id: UUID!) { journey(id: $id) { contacts { note { sealed text } } \
        subject { identity { sealed names { family } } } } }";
    let journeys: BTreeSet<&String> = noted.iter().chain(&named).map(|(journey, _)| journey).collect();
    for journey in journeys {
        let seen = serving.ask(token, document, json!({ "id": journey })).await["journey"].clone();
        let contacts = seen["contacts"].as_array().expect("contacts");
        for (_, said) in noted.iter().filter(|(of, _)| of == journey) {
            let opened = json!({ "sealed": false, "text": said });
            assert!(
                contacts.iter().any(|contact| contact["note"] == opened),
                "{journey}: {said} does not open: {seen}"
            );
        }
        let family = named.iter().find(|(of, _)| of == journey).map(|(_, family)| family.as_str());
        assert_eq!(seen["subject"]["identity"]["names"]["family"].as_str(), family, "{seen}");
    }
}

fn key_places(site: &Site) -> KeyPlaces {
    KeyPlaces { kek_file: Some(site.kek_file()), ..KeyPlaces::default() }
}

/// The key store of a log, with these key-encryption keys.
async fn key_store(site: &Site, places: &KeyPlaces) -> (Store, KeyStore) {
    let store = Store::open(site.place.url(), Mode::Read).await.expect("the store opens");
    let keys = KeyStore::open(&store, places, KeysOf::KnownLog, Arc::new(Clock::Machine)).await;
    (store, keys)
}

/// Makes keys for many people.
async fn people(site: &Site) -> BTreeSet<SubjectId> {
    let (store, keys) = key_store(site, &key_places(site)).await;
    let everyone: BTreeSet<SubjectId> = (1..=PEOPLE).map(|n| SubjectId(Uuid::from_u128(n))).collect();
    for person in &everyone {
        keys.key_or_new(*person, Class::Identity).await.expect("a key");
    }
    keys.close().await;
    store.close().await;
    everyone
}

/// Every key of these people unwraps.
async fn assert_all_unwrap(site: &Site, everyone: &BTreeSet<SubjectId>) {
    let (store, keys) = key_store(site, &key_places(site)).await;
    assert_eq!(keys.why_away(), None);
    assert_eq!(keys.keys(everyone).await.expect("every key unwraps").len(), everyone.len());
    keys.close().await;
    store.close().await;
}

/// The key-encryption keys in the file.
fn keks(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("the file of the key-encryption key");
    text.lines().map(str::to_owned).collect()
}

/// The ids of the key-encryption keys that wrap a key.
async fn wrapping(site: &Site) -> BTreeSet<String> {
    let sql = "select distinct wrapped_by from keys where wrapped_by is not null";
    if let Some(file) = site.place.file() {
        let mut conn = sqlx::SqliteConnection::connect(&format!("sqlite:{}.keys", file.display())).await.expect("keys");
        return conn.fetch_all(sql).await.expect("they are read").iter().map(|row| row.get(0)).collect();
    }
    let mut conn = sqlx::PgConnection::connect(site.place.url()).await.expect("the server answers");
    conn.execute(AssertSqlSafe("select set_config('search_path', current_schema() || '_keys', false)"))
        .await
        .expect("the schema of keys");
    conn.fetch_all(sql).await.expect("they are read").iter().map(|row| row.get(0)).collect()
}

/// Begins a rotation and kills it once the file shows that it has begun. Whether it was in the middle.
async fn killed_in_the_middle(site: &Site, after: Duration) -> bool {
    assert_eq!(keks(&site.kek_file()).len(), 1, "the rotation before it has ended");
    let mut rotation = site.program(&["key", "rotate"]);
    let mut rotation = rotation.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let begun = async {
        while keks(&site.kek_file()).len() == 1 && rotation.try_wait().expect("a child").is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, begun).await.expect("the rotation begins");
    // This is what is tested: the kill comes at any moment of it.
    tokio::time::sleep(after).await;
    rotation.kill().expect("it is killed, or has ended");
    rotation.wait().expect("it is gone");
    keks(&site.kek_file()).len() > 1
}

async fn a_rotation_under_load_is_killed_and_finished(dialect: Dialect) {
    let (site, field) = (Site::on(dialect, "warn,throughline=info").await, Field::of("rotation under load"));
    let serving = site.serve().await;
    site.open_contract(&serving).await;
    let everyone = people(&site).await;
    let old = keks(&site.kek_file());
    assert_eq!(old.len(), 1);
    let token = site.token("manager", "manager");

    let (ledger, is_over) = (Ledger::default(), AtomicBool::new(false));
    let rotations = async {
        let (mut killed, kills) = (0, if is_full() { KILLS_FULL } else { KILLS });
        for _ in 0..TRIES {
            let acknowledged = ledger.count();
            until("texts are sealed meanwhile", async || ledger.count() > acknowledged).await;
            if !killed_in_the_middle(&site, Duration::from_millis(field.below(12))).await {
                continue;
            }
            killed += 1;
            assert_all_unwrap(&site, &everyone).await;
            assert_all_opens(&serving, &token, &ledger).await;
            site.run(&["key", "rotate"]);
            assert_eq!(keks(&site.kek_file()).len(), 1, "the rotation is finished");
            if killed == kills {
                break;
            }
        }
        assert_eq!(killed, kills, "too few rotations were killed in the middle");
        let done = site.run(&["key", "rotate"]);
        let acknowledged = ledger.count();
        until("texts are sealed after it", async || ledger.count() > acknowledged + 2 * CLIENTS).await;
        is_over.store(true, Ordering::Relaxed);
        String::from_utf8(done.stdout).expect("text")
    };
    let clients = (0..CLIENTS).map(|_| load(&serving, &token, &field, (&ledger, &is_over)));
    let (_, done) = tokio::join!(futures_util::future::join_all(clients), rotations);

    assert_all_opens(&serving, &token, &ledger).await;
    assert_all_unwrap(&site, &everyone).await;
    let wrapping = wrapping(&site).await;
    assert_eq!(wrapping.len(), 1, "one key-encryption key wraps every key");
    assert!(wrapping.iter().all(|id| done.contains(id)), "{wrapping:?}: {done}");
    let now = keks(&site.kek_file());
    assert_eq!(now.len(), 1, "the earlier key-encryption keys are forgotten");
    assert_ne!(now, old);

    // Control: the first key-encryption key opens nothing any more.
    let (store, keys) = key_store(&site, &KeyPlaces { kek: Some(Kek(old[0].clone())), ..KeyPlaces::default() }).await;
    assert!(keys.why_away().is_some(), "a forgotten key-encryption key still opens keys");
    keys.close().await;
    store.close().await;
    serving.end();
    site.place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_is_killed_and_finished_on_sqlite() {
    a_rotation_under_load_is_killed_and_finished(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_is_killed_and_finished_on_postgres() {
    a_rotation_under_load_is_killed_and_finished(Dialect::Postgres).await;
}
