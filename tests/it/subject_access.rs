//! All that is held about a person, as one archive, on both stores: over HTTP and in the command line, with names, notes
//! and files opened, other people left out, and after an erasure.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::process::Command;

use axum::Router;
use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::keys::access_log::{AccessEntry, AccessFilter, Kind};
use zip::ZipArchive;

use crate::app::{
    MST, SHPS, TODAY, TestApp, administrator, call, keyworker, manager, new_id, on_both_stores_with_keys,
    other_manager, test_caller, text, with,
};
use crate::erasure::keys::change_keys;
use crate::evidence_files::{Bytes, PDF, attach, pdf, send_to, upload};
use crate::readers::validated;

/// What is said about the person, and what is said about another.
const OWN: &str = "canary own 4c1d";
const OTHERS: &str = "canary others 9e2b";

/// A person with a case held by `kw-07`.
struct Case {
    journey: String,
    subject: String,
    contact: String,
}

/// A manager who answers for every contract.
fn everywhere() -> Principal {
    test_caller(Role::Manager, "everywhere", &[])
}

/// A case with a name, a contact with a note, and a corrected contact.
async fn case(app: &TestApp, worker: &str, words: &str) -> Case {
    let (subject, identity) = (new_id(), json!({ "names": { "given": words }, "birthDate": "1990-02-28" }));
    let registered = json!({ "subject": subject, "occurredOn": "2018-02-01" });
    app.done(&everywhere(), "registerSubject", registered).await;
    let input = json!({ "contract": SHPS, "area": "brent", "subject": subject, "occurredOn": "2018-02-01" });
    let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
    app.take_on(&journey, worker, "2018-02-02").await;
    app.done(&manager(), "sealIdentity", with(identity, json!({ "subject": subject }))).await;
    let note = json!({ "note": format!("{words} <b>said</b>\n\"all is well\"") });
    let logged = app.log_contact(&keyworker("kw-07"), with(call(&journey, "2018-02-20"), note)).await;
    let contact = text(&logged["events"][0]["id"]);
    Case { journey, subject, contact }
}

async fn get_from(router: Router, app: &TestApp, who: &Principal, id: &str) -> Bytes {
    send_to(router, &app.token(who), "GET", &format!("/export/subject/{id}"), Vec::new()).await
}

async fn get(app: &TestApp, who: &Principal, id: &str) -> Bytes {
    get_from(app.router(), app, who, id).await
}

/// The entries of an archive, by name.
fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive.to_vec())).expect("an archive");
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its bytes");
        let name = entry.name().expect("a name").into_owned();
        entries.insert(name, content);
    }
    entries
}

/// The entries of the archive that a caller gets, and its data.
async fn exported(app: &TestApp, who: &Principal, subject: &str) -> (BTreeMap<String, Vec<u8>>, Value) {
    let answer = get(app, who, subject).await;
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"subject-access-2018-03-01.zip\"");
    assert_eq!(answer.header("cache-control"), "no-store, private");
    let entries = entries(&answer.body);
    let data = serde_json::from_slice(&entries["data.json"]).expect("JSON");
    (entries, data)
}

fn page(entries: &BTreeMap<String, Vec<u8>>) -> String {
    String::from_utf8(entries["index.html"].clone()).expect("text")
}

/// Whether any entry has these words.
fn has(entries: &BTreeMap<String, Vec<u8>>, words: &str) -> bool {
    entries.values().any(|content| content.windows(words.len()).any(|window| window == words.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_has_the_persons_own_records_and_files_and_nothing_of_others() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let other = case(app, &worker, OTHERS).await;
        let file = pdf("canary file", 9_000_000);
        let uploaded = upload(app, &keyworker("kw-07"), &own.journey, ("Tenancy, März.pdf", PDF), &file).await;
        attach(app, &keyworker("kw-07"), &own.journey, json!({ "upload": uploaded.json()["upload"] })).await;
        let (entries, data) = exported(app, &manager(), &own.subject).await;
        let names: Vec<&str> = entries.keys().map(String::as_str).collect();
        assert_eq!(names, ["data.json", "evidence/001-Tenancy__M_rz.pdf", "index.html"]);
        assert!(entries["evidence/001-Tenancy__M_rz.pdf"] == file, "the file is whole");
        let noted = "{ accessLog { nodes { login subjectId kinds } } }";
        let noted = app.ask(&administrator(), noted, json!({})).await["accessLog"]["nodes"].clone();
        let kinds = ["IDENTITY", "NOTES", "EVIDENCE"];
        let entry = json!({ "login": "manager", "subjectId": own.subject, "kinds": kinds });
        assert_eq!(noted, json!([entry]), "the archive is one opening of one person");
        let attached = &data["evidence"][0];
        assert_eq!((&attached["name"], &attached["size"]), (&json!("Tenancy, März.pdf"), &json!(9_000_000)));
        assert_eq!(attached["path"], "evidence/001-Tenancy__M_rz.pdf");
        assert_eq!(data["identities"][0]["identity"]["names"], json!({ "text": { "given": OWN } }));
        let events = data["events"].as_array().expect("events");
        let note = events.iter().find(|event| event["type"] == "ContactLogged").expect("a contact");
        assert_eq!(note["details"]["note"]["text"], format!("{OWN} <b>said</b>\n\"all is well\""));
        assert_eq!((&note["occurredOn"], &note["recordedByRole"]), (&json!("2018-02-20"), &json!("keyworker")));
        let positions: Vec<i64> = events.iter().filter_map(|event| event["position"].as_i64()).collect();
        assert!(positions.len() == events.len() && positions.is_sorted(), "{positions:?}");
        let page = page(&entries);
        for words in ["20 February 2018", "Contact logged", "28 February 1990", "Tenancy, März.pdf", "&lt;b&gt;said"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        for absent in [OTHERS, &other.journey, &other.subject, "kw-07", "everywhere", "http://", "https://"] {
            assert!(!has(&entries, absent), "{absent}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("index.html"), page).expect("a page");
        let (is_valid, faults) = validated(folder.path());
        assert!(is_valid, "{faults}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_fact_shows_both_and_a_retracted_one_that_it_was_taken_back() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let correct = json!({
            "journey": own.journey, "target": own.contact, "reason": "another day",
            "replacement": { "contact": { "note": "the second words" } },
        });
        app.done(&keyworker("kw-07"), "correctFact", correct).await;
        let logged = app.log_contact(&keyworker("kw-07"), call(&own.journey, "2018-02-21")).await;
        let retract = json!({ "journey": own.journey, "targets": [logged["events"][0]["id"]], "reason": "never was" });
        app.done(&keyworker("kw-07"), "retractFact", retract).await;
        let (entries, data) = exported(app, &manager(), &own.subject).await;
        let events = data["events"].as_array().expect("events");
        let states: Vec<&Value> =
            events.iter().filter(|event| event["type"] == "ContactLogged").map(|event| &event["state"]).collect();
        assert_eq!(states, ["corrected", "retracted"]);
        for words in [OWN, "the second words"] {
            assert!(has(&entries, words), "{words}");
        }
        let page = page(&entries);
        for words in ["Contact logged (corrected later)", "Contact logged (taken back later)", "Fact corrected"] {
            assert!(page.contains(words), "{words}: {page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_gets_the_contracts_in_scope_and_linked_records_of_the_person() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let there = json!({ "contract": MST, "area": "mid", "subject": own.subject, "occurredOn": "2018-02-05" });
        let there = text(&app.done(&everywhere(), "receiveReferral", there).await["journey"]["id"]);
        let contracts = |data: &Value| -> Vec<String> {
            data["cases"].as_array().expect("cases").iter().map(|case| text(&case["contract"])).collect()
        };
        let (entries, data) = exported(app, &manager(), &own.subject).await;
        assert_eq!(contracts(&data), [SHPS]);
        assert!(!has(&entries, &there) && !has(&entries, MST), "another contract is not named");
        let mut both = contracts(&exported(app, &everywhere(), &own.subject).await.1);
        both.sort();
        assert_eq!(both, [MST, SHPS]);
        let twin = case(app, &worker, OTHERS).await;
        let link = json!({ "subject": own.subject, "with": twin.subject, "reason": "one person", "occurredOn": TODAY });
        app.done(&everywhere(), "linkSubjects", link).await;
        let (entries, data) = exported(app, &manager(), &own.subject).await;
        assert_eq!(data["records"].as_array().map(Vec::len), Some(2));
        assert!(has(&entries, OWN) && has(&entries, OTHERS), "two records of one person");
        let unlink = json!({ "subject": own.subject, "with": twin.subject, "reason": "two", "occurredOn": TODAY });
        app.done(&everywhere(), "unlinkSubjects", unlink).await;
        let (entries, _) = exported(app, &manager(), &own.subject).await;
        for absent in [OTHERS, &twin.subject, &twin.journey] {
            assert!(!has(&entries, absent), "{absent}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_erasure_the_archive_says_so_and_gives_what_remains() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let file = pdf("canary file", 30_000);
        let uploaded = upload(app, &keyworker("kw-07"), &own.journey, ("tenancy.pdf", PDF), &file).await;
        attach(app, &keyworker("kw-07"), &own.journey, json!({ "upload": uploaded.json()["upload"] })).await;
        let propose = json!({ "subject": own.subject, "ground": "SUBJECT_REQUEST" });
        let proposed = app.done(&manager(), "proposeErasure", propose).await;
        let approve = json!({ "subject": own.subject, "proposal": proposed["events"][0]["id"] });
        app.done(&everywhere(), "approveErasure", approve).await;
        app.fresh.keys.destroy(own.subject.parse().expect("an id")).await.expect("the keys are destroyed");
        let (entries, data) = exported(app, &manager(), &own.subject).await;
        assert_eq!((&data["erasureApprovedOn"], &data["keysAway"]), (&json!(TODAY), &json!(false)));
        assert!(!has(&entries, OWN) && !has(&entries, "canary file"));
        assert_eq!(entries.keys().collect::<Vec<_>>(), ["data.json", "index.html"]);
        assert_eq!(data["evidence"][0]["missing"], "the file was erased");
        let page = page(&entries);
        for words in ["was approved on 1 March 2018", "not shown: it was erased", "Contact logged", "20 February 2018"]
        {
            assert!(page.contains(words), "{words}: {page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_keys_the_archive_says_so_and_gives_the_rest() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let answer = get_from(app.without_keys(), app, &manager(), &own.subject).await;
        let entries = entries(&answer.body);
        let data: Value = serde_json::from_slice(&entries["data.json"]).expect("JSON");
        assert_eq!(data["keysAway"], true);
        assert!(!has(&entries, OWN));
        let page = page(&entries);
        for words in ["could not be used", "not shown: the key store is away", "Contact logged"] {
            assert!(page.contains(words), "{words}: {page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_of_others_an_unknown_id_and_a_text_are_answered_alike_and_other_roles_are_refused() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let unknown = get(app, &manager(), &new_id()).await;
        let (status, detail) = unknown.problem();
        assert_eq!((status, detail.as_str()), (404, "there is no subject with this id, or it is not in your scope"));
        for (who, id) in [(other_manager(), own.subject.as_str()), (manager(), "no-id"), (manager(), &own.journey)] {
            let answer = get(app, &who, id).await;
            assert_eq!((answer.status, &answer.body), (unknown.status, &unknown.body), "{who:?} {id}");
        }
        let roles = [Role::Commissioner, Role::Auditor, Role::Integrator].map(|role| test_caller(role, "x", &[SHPS]));
        for who in roles.into_iter().chain([keyworker("kw-07"), administrator()]) {
            let known = get(app, &who, &own.subject).await;
            assert_eq!(known.problem().0, 403, "{who:?}");
            assert_eq!(get(app, &who, "no-id").await.body, known.body, "{who:?}");
        }
        let anybody =
            send_to(app.router(), "no token", "GET", &format!("/export/subject/{}", own.subject), vec![]).await;
        assert_eq!(anybody.status, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_in_the_access_log_and_fails_if_it_cannot_be_noted() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let of_subject = AccessFilter::of(Some(own.subject.parse().expect("an id")), None);
        let entries = async || app.fresh.keys.access_log(&of_subject, None, 100).await.expect("the access log");
        // Each response has an entry of its own, whatever was opened before.
        let since = async |before: &[AccessEntry]| -> Vec<AccessEntry> {
            entries().await.into_iter().filter(|entry| !before.contains(entry)).collect()
        };
        let before = entries().await;
        exported(app, &manager(), &own.subject).await;
        let noted = since(&before).await;
        assert_eq!(noted.len(), 1, "{noted:?}");
        assert_eq!(noted[0].kinds, BTreeSet::from([Kind::Identity, Kind::Notes]));
        assert_eq!((noted[0].login.as_str(), noted[0].role.as_str()), (manager().subject.as_str(), "manager"));
        let file = pdf("canary file", 30_000);
        let uploaded = upload(app, &keyworker("kw-07"), &own.journey, ("tenancy.pdf", PDF), &file).await;
        attach(app, &keyworker("kw-07"), &own.journey, json!({ "upload": uploaded.json()["upload"] })).await;
        let before = entries().await;
        exported(app, &manager(), &own.subject).await;
        let noted = since(&before).await;
        assert_eq!(noted.len(), 1, "{noted:?}");
        assert_eq!(noted[0].kinds, BTreeSet::from(Kind::ALL));
        let before = entries().await;
        change_keys(&app.fresh, "alter table access_log rename to access_log_away").await;
        let answer = get(app, &manager(), &own.subject).await;
        assert_eq!(answer.problem().0, 503, "nothing is opened that is not noted");
        change_keys(&app.fresh, "alter table access_log_away rename to access_log").await;
        assert_eq!(since(&before).await.len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offered_referral_is_given_to_its_person_without_the_login_of_the_partner() {
    on_both_stores_with_keys(async |app| {
        let partner = test_caller(Role::Integrator, "login-of-a-partner", &[SHPS]);
        let input = json!({
            "contract": SHPS, "source": "advice", "record": "R-1042", "area": "brent", "occurredOn": "2018-02-20",
            "identity": { "names": { "given": OWN } },
        });
        let offer = text(&app.done(&partner, "offerReferral", input).await["offer"]["id"]);
        let decline = json!({ "offer": offer, "reason": "not_eligible", "remark": "no place is free" });
        app.done(&manager(), "declineOffer", decline).await;
        let document = "query($id: UUID!) { offeredReferral(id: $id) { subject { id } } }";
        let found = app.ask(&manager(), document, json!({ "id": offer })).await;
        let subject = text(&found["offeredReferral"]["subject"]["id"]);
        assert_eq!(get(app, &other_manager(), &subject).await.status, 404);
        let (entries, data) = exported(app, &manager(), &subject).await;
        let types: Vec<&str> =
            data["events"].as_array().expect("events").iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!(types, ["ReferralOffered", "SubjectRegistered", "IdentitySealed", "OfferDeclined"]);
        let page = page(&entries);
        for words in [OWN, "R-1042", "Referral offered", "Offer declined", "no place is free"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!has(&entries, "login-of-a-partner"));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("index.html"), page).expect("a page");
        let (is_valid, faults) = validated(folder.path());
        assert!(is_valid, "{faults}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_writes_the_same_archive() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let own = case(app, &worker, OWN).await;
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("subject.zip");
        let run = async |subject: &str| {
            let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
            program.args(["--database", app.fresh.url(), "export", "subject", subject, "--out"]).arg(&file);
            program.env("THROUGHLINE_KEK_FILE", app.fresh.key_places().kek_file.expect("a file"));
            tokio::task::spawn_blocking(move || program.output()).await.expect("it runs").expect("the program starts")
        };
        let unknown = run(&new_id()).await;
        assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
        assert_eq!(folder.path().read_dir().expect("it is there").count(), 0, "no file is left");
        let ran = run(&own.subject).await;
        assert!(ran.status.success(), "{ran:?}");
        let entries = entries(&std::fs::read(&file).expect("a file"));
        let data: Value = serde_json::from_slice(&entries["data.json"]).expect("JSON");
        let served = exported(app, &everywhere(), &own.subject).await.1;
        assert_eq!((&data["events"], &data["identities"]), (&served["events"], &served["identities"]));
        assert!(has(&entries, OWN));
        let of_command = AccessFilter::of(Some(own.subject.parse().expect("an id")), Some("command-line".to_owned()));
        let noted = app.fresh.keys.access_log(&of_command, None, 10).await.expect("the access log");
        assert_eq!(noted.len(), 1, "{noted:?}");
    })
    .await;
}
