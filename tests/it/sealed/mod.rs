//! Names and notes over the API, on both stores: who opens them, and that nothing of them is stored clear.

mod access_log;
mod keys;
mod reveals;

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, Row as _};
use throughline::access::{Principal, Role};
use throughline::import::{Import, Outcome};
use throughline::keys::{Class, KeyPlaces, KeyStore, KeysOf};
use throughline_domain::fact::envelope::{Position, SubjectId};

use crate::app::{
    MST, SHPS, TODAY, TestApp, call, keyworker, manager, new_id, on_both_stores_with_keys, refusals, test_caller, text,
    with,
};
use crate::stores::Place;

/// What nobody may ever find in a file.
const CANARY: &str = "Canary-Zwq7";

/// A case with an identity and a note, held by `kw-07`; its id and that of the subject.
struct Case {
    journey: String,
    subject: String,
}

fn identity() -> Value {
    json!({
        "names": { "given": CANARY, "family": "Canary-Family", "other": ["Canary-Other"] },
        "birthDate": "1990-02-28",
        "telephone": "07700 900123",
        "address": { "lines": ["1 Canary-Row"], "postcode": "AA1 1AA", "uprn": "100012345678" },
        "nino": "qq 12 34 56 c",
        "nhsNumber": "943 476 5919",
        "needs": ["Canary-Interpreter"],
    })
}

async fn case(app: &TestApp) -> Case {
    let worker = app.add_worker("kw-07").await;
    let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": "2018-02-01", "identity": identity() });
    let received = app.done(&manager(), "receiveReferral", input).await;
    let types: Vec<String> =
        received["events"].as_array().expect("events").iter().map(|one| text(&one["type"])).collect();
    assert_eq!(types, ["SubjectRegistered", "IdentitySealed", "ReferralReceived"]);
    let journey = text(&received["journey"]["id"]);
    app.take_on(&journey, &worker, "2018-02-02").await;
    let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
    let found = app.ask(&manager(), document, json!({ "id": journey })).await;
    let subject = text(&found["journey"]["subject"]["id"]);
    Case { journey, subject }
}

fn note(words: &str) -> Value {
    json!({ "note": format!("{CANARY} said: {words}") })
}

const CASE: &str = "query($id: UUID!) { journey(id: $id) { contacts { event note { sealed text } } subject { identity { \
    sealed names { given family other } birthDate telephone email address { lines postcode uprn } nino nhsNumber upn \
    needs parts { part } } } } }";

async fn seen_by(app: &TestApp, who: &Principal, case: &Case) -> Value {
    app.ask(who, CASE, json!({ "id": case.journey })).await["journey"].clone()
}

fn sealed_identity() -> Value {
    json!({
        "sealed": true, "names": null, "birthDate": null, "telephone": null, "email": null, "address": null,
        "nino": null, "nhsNumber": null, "upn": null, "needs": null, "parts": [],
    })
}

#[tokio::test]
async fn names_and_notes_are_opened_for_the_keyworker_and_the_manager_and_for_nobody_else() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("all is well\nand so on"))).await;
        for who in [keyworker("kw-07"), manager()] {
            let seen = seen_by(app, &who, &case).await;
            let opened = json!({ "sealed": false, "text": format!("{CANARY} said: all is well\nand so on") });
            assert_eq!(seen["contacts"][0]["note"], opened, "{who:?}");
            let identity = &seen["subject"]["identity"];
            let names = json!({ "given": CANARY, "family": "Canary-Family", "other": ["Canary-Other"] });
            assert_eq!((&identity["sealed"], &identity["names"]), (&json!(false), &names));
            assert_eq!(identity["birthDate"], "1990-02-28");
            assert_eq!(identity["nino"], "QQ123456C");
            assert_eq!(identity["nhsNumber"], "9434765919");
            assert_eq!(identity["address"]["uprn"], "100012345678");
            assert_eq!(identity["needs"], json!(["Canary-Interpreter"]));
            assert_eq!((&identity["email"], &identity["upn"]), (&Value::Null, &Value::Null));
            assert_eq!(identity["parts"].as_array().map(Vec::len), Some(7));
        }
        for role in [Role::Commissioner, Role::Auditor, Role::Integrator] {
            let seen = seen_by(app, &test_caller(role, "other", &[SHPS]), &case).await;
            assert_eq!(seen["contacts"][0]["note"], json!({ "sealed": true, "text": null }), "{role}");
            assert_eq!(seen["subject"]["identity"], sealed_identity(), "{role}");
        }
        // Who may not see the case sees what anybody sees of a case that does not exist.
        let worker = app.add_worker("kw-08").await;
        let team = json!({ "team": new_id(), "label": "South", "members": [worker], "occurredOn": "2018-02-01" });
        app.done(&manager(), "setTeam", team).await;
        let elsewhere = test_caller(Role::Manager, "elsewhere", &[MST]);
        for who in [keyworker("kw-08"), elsewhere] {
            assert_eq!(seen_by(app, &who, &case).await, Value::Null, "{who:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_case_that_nobody_holds_is_opened_by_the_manager_only() {
    on_both_stores_with_keys(async |app| {
        app.add_worker("kw-07").await;
        let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "identity": identity() });
        let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
        let case = Case { journey, subject: String::new() };
        assert_eq!(seen_by(app, &keyworker("kw-07"), &case).await["subject"]["identity"], sealed_identity());
        assert_eq!(seen_by(app, &manager(), &case).await["subject"]["identity"]["sealed"], false);
    })
    .await;
}

#[tokio::test]
async fn one_part_of_an_identity_is_replaced_and_another_is_cleared() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let married = json!({
            "subject": case.subject, "names": { "given": CANARY, "family": "Canary-Married" }, "telephone": null,
            "email": "canary@example.org",
        });
        app.done(&keyworker("kw-07"), "sealIdentity", married).await;
        let seen = seen_by(app, &manager(), &case).await["subject"]["identity"].clone();
        assert_eq!(seen["names"], json!({ "given": CANARY, "family": "Canary-Married", "other": [] }));
        assert_eq!((&seen["telephone"], &seen["email"]), (&Value::Null, &json!("canary@example.org")));
        assert_eq!(seen["nino"], "QQ123456C", "what is left out stays");
    })
    .await;
}

#[tokio::test]
async fn a_note_is_corrected_kept_and_cleared() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let contact = app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("one"))).await;
        let target = &contact["events"][0]["id"];
        let correct = async |fields: Value| {
            let input = json!({
                "journey": case.journey, "target": target, "reason": "a slip", "replacement": { "contact": fields },
            });
            app.done(&keyworker("kw-07"), "correctFact", input).await;
            seen_by(app, &keyworker("kw-07"), &case).await["contacts"][0]["note"].clone()
        };
        let says = |words: &str| json!({ "sealed": false, "text": format!("{CANARY} said: {words}") });
        assert_eq!(correct(json!({ "minutes": 10 })).await, says("one"), "kept by a correction of another field");
        assert_eq!(correct(note("two")).await, says("two"));
        assert_eq!(correct(json!({ "minutes": 20 })).await, says("two"), "the corrected text is kept");
        assert_eq!(correct(json!({ "note": null })).await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn notes_go_with_plans_tasks_and_spells() {
    on_both_stores_with_keys(async |app| {
        let Case { journey, .. } = case(app).await;
        let keyworker = keyworker("kw-07");
        let of = |more: Value| with(json!({ "journey": journey, "occurredOn": "2018-02-10" }), more);
        let plan = of(json!({ "kind": "php", "actions": ["Canary-Action"], "note": "Canary-Plan" }));
        app.done(&keyworker, "agreePlan", plan).await;
        app.done(&keyworker, "reviewPlan", of(json!({ "kind": "php", "note": "Canary-Review" }))).await;
        let task = new_id();
        let set = of(json!({ "task": task, "kind": "call", "dueOn": "2018-02-20", "note": "Canary-Task" }));
        app.done(&keyworker, "setTask", set).await;
        app.done(&keyworker, "completeTask", of(json!({ "task": task, "note": "Canary-Done" }))).await;
        let spell = new_id();
        let start = json!({ "spell": spell, "domain": "accommodation", "note": "Canary-Start",
            "attributes": [{ "name": "secured_as", "value": "new" }] });
        app.done(&keyworker, "startSpell", of(start)).await;
        let end = json!({ "journey": journey, "occurredOn": TODAY, "spell": spell, "note": "Canary-End" });
        app.done(&keyworker, "endSpell", end).await;
        let document = "query($id: UUID!) { journey(id: $id) { \
            plans { actions { text } note { text } reviews { note { text } } } \
            tasks { note { text } over { note { text } } } spells { note { text } endNote { text } } } }";
        let seen = app.ask(&keyworker, document, json!({ "id": journey })).await["journey"].clone();
        let said = |words: &str| json!({ "text": words });
        assert_eq!(
            seen,
            json!({
                "plans": [{
                    "actions": [said("Canary-Action")], "note": said("Canary-Plan"),
                    "reviews": [{ "note": said("Canary-Review") }],
                }],
                "tasks": [{ "note": said("Canary-Task"), "over": { "note": said("Canary-Done") } }],
                "spells": [{ "note": said("Canary-Start"), "endNote": said("Canary-End") }],
            })
        );
    })
    .await;
}

#[tokio::test]
async fn an_identity_that_cannot_be_true_is_refused_and_never_repeated() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let head = app.head().await;
        for (part, path) in [
            (json!({ "nino": "QQ123456E" }), json!(["nino"])),
            (json!({ "nhsNumber": "9434765918" }), json!(["nhsNumber"])),
            (json!({ "upn": "A801200010101" }), json!(["upn"])),
            (json!({ "birthDate": "2018-03-02" }), json!(["birthDate"])),
            (json!({ "telephone": "Canary" }), json!(["telephone"])),
            (json!({ "email": "Canary" }), json!(["email"])),
            (json!({ "names": { "other": ["Canary"] } }), json!(["names", "given"])),
            (json!({ "address": { "uprn": "Canary" } }), json!(["address", "uprn"])),
            (json!({}), json!(["names"])),
        ] {
            let input = with(json!({ "subject": case.subject, "occurredOn": TODAY }), part.clone());
            let payload = app.tell(&manager(), "sealIdentity", input).await;
            assert_eq!(refusals(&payload).len(), 1, "{part}: {payload}");
            assert_eq!(payload["problems"][0]["path"], path, "{payload}");
            assert!(!payload.to_string().to_lowercase().contains("canary\""), "{payload}");
            assert!(!payload.to_string().contains("QQ123456E"), "{payload}");
        }
        let empty = with(call(&case.journey, TODAY), json!({ "note": " " }));
        assert_eq!(refusals(&app.tell(&manager(), "logContact", empty).await), ["MISSING_VALUE"]);
        let long = with(call(&case.journey, TODAY), json!({ "note": "x".repeat(10_001) }));
        assert_eq!(refusals(&app.tell(&manager(), "logContact", long).await), ["INPUT_TOO_LONG"]);
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn a_command_with_a_note_is_recorded_once_and_a_dry_run_seals_nothing() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        let input = with(call(&case.journey, TODAY), with(note("once"), json!({ "commandId": new_id() })));
        let first = app.done(&manager(), "logContact", input.clone()).await;
        let again = app.done(&manager(), "logContact", input.clone()).await;
        assert_eq!((&again["replayed"], &again["events"]), (&json!(true), &first["events"]));
        let other = app.tell(&manager(), "logContact", with(input, note("otherwise"))).await;
        assert_eq!(refusals(&other), ["COMMAND_ID_REUSED"]);
        let head = app.head().await;
        let dry = with(with(call(&case.journey, TODAY), note("dry")), json!({ "dryRun": true }));
        let judged = app.tell(&manager(), "logContact", dry).await;
        assert!(!judged.to_string().contains(CANARY), "{judged}");
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn nothing_of_a_name_or_note_is_stored_clear() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("secret"))).await;
        for found in stored_texts(app).await {
            for canary in ["Canary", "QQ123456C", "9434765919", "1990-02-28", "07700 900123", "100012345678"] {
                assert!(!found.1.contains(canary), "{canary} is in {}", found.0);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn destroying_keys_changes_no_record_and_opens_nothing_more() {
    on_both_stores_with_keys(async |app| {
        let (gone, kept) = (case(app).await, {
            let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "identity": identity(),
                "acceptWarnings": ["POSSIBLE_DUPLICATE"] });
            text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"])
        });
        app.log_contact(&keyworker("kw-07"), with(call(&gone.journey, TODAY), note("gone"))).await;
        let records = async || -> Vec<String> {
            let events = app.fresh.log.page(Position(0), Position(i64::MAX)).await.expect("the log is read");
            events.iter().map(throughline_domain::fact::envelope::Envelope::to_record).collect()
        };
        let before = records().await;
        let subject: SubjectId = gone.subject.parse().expect("an id");
        app.fresh.keys.destroy(subject).await.expect("the keys are destroyed");
        assert_eq!(records().await, before);
        let verified = app.fresh.log.verify(|_| Ok(())).await.expect("the log is verified");
        assert!(verified.findings.is_empty(), "{verified:?}");
        let seen = seen_by(app, &manager(), &gone).await;
        assert_eq!(seen["contacts"][0]["note"], json!({ "sealed": true, "text": null }));
        assert_eq!(seen["subject"]["identity"], sealed_identity());
        let other = Case { journey: kept, subject: String::new() };
        assert_eq!(seen_by(app, &manager(), &other).await["subject"]["identity"]["names"]["given"], CANARY);
        let refused = app.tell(&manager(), "logContact", with(call(&gone.journey, TODAY), note("more"))).await;
        assert_eq!(refusals(&refused), ["SUBJECT_ERASED"]);
        app.log_contact(&manager(), call(&gone.journey, TODAY)).await;
    })
    .await;
}

#[tokio::test]
async fn without_the_key_store_nothing_is_opened_or_sealed_and_nothing_else_breaks() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("there"))).await;
        let server = app.without_keys();
        let seen = app.ask_of(&server, &keyworker("kw-07"), CASE, json!({ "id": case.journey })).await;
        assert_eq!(seen["journey"]["contacts"][0]["note"], json!({ "sealed": true, "text": null }));
        assert_eq!(seen["journey"]["subject"]["identity"], sealed_identity());
        let log = "mutation($input: LogContactInput!) { logContact(input: $input) { events { type } problems { code \
            severity } } }";
        let logged = async |more: Value| {
            let input = with(with(call(&case.journey, TODAY), json!({ "commandId": new_id() })), more);
            app.ask_of(&server, &manager(), log, json!({ "input": input })).await["logContact"].clone()
        };
        let refused = logged(note("away")).await;
        assert_eq!(refusals(&refused), ["KEYS_AWAY"]);
        assert_eq!(refused["events"], json!([]));
        assert!(refusals(&logged(json!({ "minutes": 5 })).await).is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_keys_of_another_key_store_open_nothing() {
    on_both_stores_with_keys(async |app| {
        let case = case(app).await;
        app.log_contact(&keyworker("kw-07"), with(call(&case.journey, TODAY), note("there"))).await;
        let folder = tempfile::tempdir().expect("a temporary directory");
        let places = KeyPlaces {
            keys: Some(format!("sqlite:{}", folder.path().join("other.keys").display())),
            kek_file: Some(folder.path().join("other.kek")),
            kek: None,
        };
        let clock = app.fresh.clock.clone();
        let other = KeyStore::open(app.fresh.log.store(), &places, KeysOf::NewLog, clock).await;
        assert_eq!(other.why_away(), None);
        let subject: SubjectId = case.subject.parse().expect("an id");
        for class in Class::ALL {
            other.key_or_new(subject, class).await.expect("a key of the same name");
        }
        let seen = app.ask_of(&app.router_with(other.clone()), &manager(), CASE, json!({ "id": case.journey })).await;
        assert_eq!(seen["journey"]["contacts"][0]["note"], json!({ "sealed": true, "text": null }));
        assert_eq!(seen["journey"]["subject"]["identity"], sealed_identity());
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn no_key_is_made_for_a_command_that_the_role_may_not_send() {
    on_both_stores_with_keys(async |app| {
        let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY });
        let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
        let found = app.ask(&manager(), document, json!({ "id": journey })).await;
        let subject = text(&found["journey"]["subject"]["id"]);
        let seal = "mutation($input: SealIdentityInput!) { sealIdentity(input: $input) { problems { code } } }";
        let input = json!({
            "commandId": new_id(), "subject": subject, "email": "canary@example.org", "occurredOn": TODAY,
        });
        let auditor = test_caller(Role::Auditor, "auditor", &[SHPS]);
        let answer = app.answer(&auditor, seal, json!({ "input": input })).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        let subject: SubjectId = subject.parse().expect("an id");
        assert!(app.fresh.keys.key(subject, Class::Identity).await.expect("it is read").is_none());
        app.done(&manager(), "sealIdentity", input).await;
        assert!(app.fresh.keys.key(subject, Class::Identity).await.expect("it is read").is_some());
    })
    .await;
}

#[tokio::test]
async fn a_note_of_an_import_is_sealed_although_its_case_is_in_the_same_file() {
    on_both_stores_with_keys(async |app| {
        let (journey, subject) = (new_id(), new_id());
        let line = |event_type: &str, on: &str, payload: Value| {
            let line = json!({
                "specversion": "1.0", "id": new_id(), "source": "council",
                "type": format!("throughline.journey.{event_type}.v1"), "subject": format!("journey/{journey}"),
                "time": on, "data": { "contract": SHPS, "payload": payload },
            });
            line.to_string()
        };
        let contact = json!({
            "channel": "phone", "with": "client", "attendance": "none", "face_to_face": false, "two_way": true,
            "note": { "clear_text": format!("{CANARY} said: imported"), "class": "special" },
        });
        let referral = line("referral_received", "2018-01-08", json!({ "subject": subject, "area": "brent" }));
        let file = format!("{referral}\n{}\n", line("contact_logged", "2018-02-10", contact));
        let principal = test_caller(Role::Integrator, "council", &[SHPS]);
        let import = Import { recorder: &app.fresh.recorder, principal: &principal, contract: SHPS };
        let mut outcomes = Vec::new();
        let imported = import.ndjson(std::io::Cursor::new(file), |row| outcomes.push(row.outcome.clone())).await;
        imported.expect("an import");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Recorded(_))), "{outcomes:?}");
        let head = Position(app.head().await);
        assert!(app.fresh.views.passed(head, std::time::Duration::from_secs(10)).await, "the view follows");
        let case = Case { journey: journey.clone(), subject: subject.clone() };
        let says = json!({ "sealed": false, "text": format!("{CANARY} said: imported") });
        assert_eq!(seen_by(app, &manager(), &case).await["contacts"][0]["note"], says);
        for (place, stored) in stored_texts(app).await {
            assert!(!stored.contains(CANARY), "{place}");
        }
    })
    .await;
}

/// Every text that is stored: on `SQLite` whole files, on Postgres the rows of every table.
pub(crate) async fn stored_texts(app: &TestApp) -> Vec<(String, String)> {
    stored_at(app.fresh.place()).await
}

/// The same of a place.
pub(crate) async fn stored_at(place: &Place) -> Vec<(String, String)> {
    if let Some(file) = place.file() {
        let folder = file.parent().expect("a folder");
        let files = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").path());
        let read = |path: std::path::PathBuf| {
            let bytes = std::fs::read(&path).expect("a file");
            (path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
        };
        let texts: Vec<(String, String)> = files.filter(|path| path.is_file()).map(read).collect();
        assert!(texts.len() >= 4, "the log, a view, and their keys");
        return texts;
    }
    let mut conn = sqlx::PgConnection::connect(place.url()).await.expect("the server answers");
    let tables = "select schemaname || '.' || tablename from pg_tables \
        where starts_with(schemaname, current_schema()) order by 1";
    let tables = conn.fetch_all(tables).await.expect("the tables are listed");
    let mut texts = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = sqlx::AssertSqlSafe(format!("select coalesce(string_agg(row::text, ' '), '') from {table} row"));
        let text = conn.fetch_one(rows).await.expect("the rows are read").get(0);
        texts.push((table, text));
    }
    assert!(texts.len() >= 10, "the log, a view, and their keys");
    texts
}
