//! The key store on both stores: made with a new log, never replaced, rotated whatever interrupts it, and destroyed for
//! good.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use throughline::keys::{Away, Class, Kek, KeyError, KeyPlaces, KeyStore, KeysOf};
use throughline::store::Dialect;
use throughline_domain::fact::envelope::SubjectId;
use uuid::Uuid;

use crate::app::instant;
use crate::stores::{Fresh, STORES};

const BEGINS: &str = "2018-03-01T09:00:00Z";

fn person(n: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(n))
}

async fn with_keys(store: Dialect) -> Fresh {
    Fresh::with_keys(store, instant(BEGINS)).await
}

#[tokio::test]
async fn a_key_is_made_once_and_is_there_after_a_restart() {
    for store in STORES {
        let fresh = with_keys(store).await;
        let keys = &fresh.keys;
        assert!(keys.key(person(1), Class::Identity).await.expect("it is read").is_none());
        let made = keys.key_or_new(person(1), Class::Identity).await.expect("a key");
        let special = keys.key_or_new(person(1), Class::Special).await.expect("a key");
        assert_ne!(made.commitment(), special.commitment());
        let again = fresh.open_keys(KeysOf::KnownLog).await;
        let read = again.key_or_new(person(1), Class::Identity).await.expect("a key");
        assert_eq!(read.commitment(), made.commitment());
        assert_eq!(again.index_key().await.expect("a key"), keys.index_key().await.expect("a key"));
        keys.key_or_new(person(2), Class::Identity).await.expect("a key");
        let of_page = again.keys(&[1, 2, 3].map(person).into()).await.expect("they are read");
        let names: BTreeSet<_> = of_page.keys().map(|name| (name.subject, name.class)).collect();
        let expected = [(1, Class::Identity), (1, Class::Special), (2, Class::Identity)];
        assert_eq!(names, expected.map(|(n, class)| (person(n), class)).into());
        again.close().await;
        fresh.end().await;
    }
}

#[tokio::test]
async fn nodes_that_make_a_key_at_once_make_the_same_key() {
    for store in STORES {
        let fresh = with_keys(store).await;
        let other = fresh.open_keys(KeysOf::KnownLog).await;
        for n in 0..20 {
            let (one, two) = tokio::join!(
                fresh.keys.key_or_new(person(n), Class::Special),
                other.key_or_new(person(n), Class::Special),
            );
            assert_eq!(one.expect("a key").commitment(), two.expect("a key").commitment());
        }
        other.close().await;
        fresh.end().await;
    }
}

#[tokio::test]
async fn a_key_store_that_is_lost_or_wrapped_by_another_key_is_away_and_never_replaced() {
    for store in STORES {
        let fresh = with_keys(store).await;
        let key = fresh.keys.key_or_new(person(1), Class::Identity).await.expect("a key");
        let open = async |places: &KeyPlaces| {
            KeyStore::open(fresh.log.store(), places, KeysOf::KnownLog, fresh.clock.clone()).await
        };
        let kek = Some(Kek("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()));
        let wrong = open(&KeyPlaces { kek, ..KeyPlaces::default() }).await;
        let Some(Away::Failed(reason)) = wrong.why_away() else { panic!("{wrong:?}") };
        assert!(reason.contains("which is not given"), "{reason}");
        assert!(matches!(wrong.key(person(1), Class::Identity).await, Err(KeyError::Away(_))));
        let unreadable = open(&KeyPlaces { kek: Some(Kek("secret".to_owned())), ..KeyPlaces::default() }).await;
        let Some(Away::Failed(reason)) = unreadable.why_away() else { panic!("{unreadable:?}") };
        assert!(!reason.contains("secret"), "{reason}");

        let file = fresh.key_places().kek_file.expect("a file");
        let aside = file.with_extension("aside");
        std::fs::rename(&file, &aside).expect("the file is moved away");
        assert!(fresh.open_keys(KeysOf::KnownLog).await.why_away().is_some(), "without the key-encryption key");
        assert!(!file.exists(), "a lost key-encryption key is not replaced");
        std::fs::rename(&aside, &file).expect("the file is put back");
        let again = fresh.open_keys(KeysOf::KnownLog).await;
        let read = again.key(person(1), Class::Identity).await.expect("it is read").expect("it is there");
        assert_eq!(read.commitment(), key.commitment());
        again.close().await;
        fresh.end().await;

        // A log that is known, without a key store.
        let bare = Fresh::on(store, instant(BEGINS)).await;
        let kek_file = tempfile::tempdir().expect("a temporary directory");
        let places = KeyPlaces { kek_file: Some(kek_file.path().join("kek")), ..KeyPlaces::default() };
        let missing = KeyStore::open(bare.log.store(), &places, KeysOf::KnownLog, bare.clock.clone()).await;
        assert!(matches!(missing.why_away(), Some(Away::Missing(_))), "{missing:?}");
        bare.end().await;
    }
}

#[tokio::test]
async fn a_rotation_may_be_interrupted_at_any_moment_and_run_again() {
    const PEOPLE: u128 = 450;
    for store in STORES {
        let fresh = with_keys(store).await;
        for n in 1..=PEOPLE {
            fresh.keys.key_or_new(person(n), Class::Identity).await.expect("a key");
        }
        let everyone: BTreeSet<SubjectId> = (1..=PEOPLE).map(person).collect();
        let commitments = async |keys: &KeyStore| {
            let read = keys.keys(&everyone).await.expect("they are read");
            let mut all: Vec<_> = read.iter().map(|(name, key)| (*name, key.commitment())).collect();
            all.sort_unstable();
            all
        };
        let before = commitments(&fresh.keys).await;
        let rotating = fresh.open_keys(KeysOf::KnownLog).await;
        for millis in [0, 1, 2, 4, 8, 16, 32] {
            let cut = tokio::time::timeout(Duration::from_millis(millis), rotating.rotate()).await;
            assert_eq!(commitments(&fresh.keys).await, before, "a server reads every key meanwhile, {cut:?}");
            fresh.keys.key_or_new(person(PEOPLE + 1), Class::Special).await.expect("a new key meanwhile");
        }
        let done = rotating.rotate().await.expect("the rotation ends");
        assert_eq!(commitments(&fresh.keys).await, before);
        let text = std::fs::read_to_string(fresh.key_places().kek_file.expect("a file")).expect("the file");
        assert_eq!(text.lines().count(), 1, "the earlier key-encryption keys are forgotten");
        let again = rotating.rotate().await.expect("another rotation");
        assert_ne!(again.to, done.to);
        assert_eq!(again.keys, 450 + 1 + 1, "everyone, the new key, and the deployment's own");
        assert_eq!(commitments(&fresh.keys).await, before);
        rotating.close().await;
        fresh.end().await;
    }
}

#[tokio::test]
async fn a_key_that_is_made_while_others_are_wrapped_again_is_never_lost() {
    const PEOPLE: u128 = 60;
    for store in STORES {
        let fresh = with_keys(store).await;
        let rotating = fresh.open_keys(KeysOf::KnownLog).await;
        let making = async {
            for n in 1..=PEOPLE {
                fresh.keys.key_or_new(person(n), Class::Identity).await.expect("a key");
            }
        };
        let rotations = async {
            for _ in 0..10 {
                rotating.rotate().await.expect("a rotation");
            }
        };
        tokio::join!(making, rotations);
        let everyone: BTreeSet<SubjectId> = (1..=PEOPLE).map(person).collect();
        let again = fresh.open_keys(KeysOf::KnownLog).await;
        for keys in [&fresh.keys, &again] {
            let read = keys.keys(&everyone).await.expect("every key is unwrapped");
            assert_eq!(read.len(), everyone.len());
        }
        again.close().await;
        rotating.close().await;
        fresh.end().await;
    }
}

#[tokio::test]
async fn destroyed_keys_stay_destroyed_and_leave_no_bytes_in_the_file() {
    for store in STORES {
        let fresh = with_keys(store).await;
        for class in Class::ALL {
            fresh.keys.key_or_new(person(1), class).await.expect("a key");
        }
        let kept = fresh.keys.key_or_new(person(2), Class::Identity).await.expect("a key");
        let wrapped = wrapped_keys(&fresh, person(1)).await;
        assert_eq!(wrapped.len(), 2);
        let files = || files_of(&fresh);
        let holds = |files: &[Vec<u8>]| {
            wrapped.iter().any(|key| files.iter().any(|file| file.windows(key.len()).any(|window| window == key)))
        };
        assert!(files().is_empty() || holds(&files()), "the keys were in the files");

        fresh.keys.destroy(person(1)).await.expect("they are destroyed");
        assert!(!holds(&files()), "a destroyed key is still in a file");
        assert!(wrapped_keys(&fresh, person(1)).await.is_empty());
        let other = fresh.open_keys(KeysOf::KnownLog).await;
        for keys in [&fresh.keys, &other] {
            for class in Class::ALL {
                assert!(keys.key(person(1), class).await.expect("it is read").is_none());
                assert!(matches!(keys.key_or_new(person(1), class).await, Err(KeyError::Destroyed(_))));
            }
        }
        // Someone who never had a key, too.
        fresh.keys.destroy(person(3)).await.expect("it is destroyed");
        assert!(matches!(other.key_or_new(person(3), Class::Special).await, Err(KeyError::Destroyed(_))));
        fresh.keys.destroy(person(1)).await.expect("again");
        // The deployment's own key is stored under the id that has no digits. It belongs to no person.
        let index = fresh.keys.index_key().await.expect("a key");
        fresh.keys.destroy(person(0)).await.expect("it is destroyed");
        assert_eq!(fresh.keys.index_key().await.expect("a key"), index);
        let read = other.key(person(2), Class::Identity).await.expect("it is read").expect("it is there");
        assert_eq!(read.commitment(), kept.commitment());
        other.close().await;
        fresh.end().await;
    }
}

/// The wrapped keys of a person, as the database has them.
async fn wrapped_keys(fresh: &Fresh, of: SubjectId) -> Vec<Vec<u8>> {
    let sql = "select wrapped from keys where subject = $1 and wrapped is not null order by class";
    let rows: Vec<(Vec<u8>,)> = if let Some(file) = fresh.place().file() {
        let url = format!("sqlite:{}.keys", file.display());
        let mut conn = sqlx::SqliteConnection::connect(&url).await.expect("the key store opens");
        sqlx::query_as(sql).bind(of.0).fetch_all(&mut conn).await.expect("the keys are read")
    } else {
        let mut conn = sqlx::PgConnection::connect(fresh.url()).await.expect("the server answers");
        conn.execute(AssertSqlSafe("select set_config('search_path', current_schema() || '_keys', false)"))
            .await
            .expect("the schema of keys");
        sqlx::query_as(sql).bind(of.0).fetch_all(&mut conn).await.expect("the keys are read")
    };
    rows.into_iter().map(|(wrapped,)| wrapped).collect()
}

/// The content of the files of the key store, on `SQLite`.
fn files_of(fresh: &Fresh) -> Vec<Vec<u8>> {
    let Some(file) = fresh.place().file() else { return Vec::new() };
    let beside = |ending: &str| format!("{}.keys{ending}", file.display());
    ["", "-wal"].map(beside).iter().filter_map(|path| std::fs::read(Path::new(path)).ok()).collect()
}
