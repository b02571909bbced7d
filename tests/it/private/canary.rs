//! A day of a keyworker with the program as a process that logs everything it can: what is sealed leaves no trace of
//! itself in what is logged, counted, answered, sent, exported, backed up or stored.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline::keys::{Kek, KeyPlaces};
use throughline::log::append::{Draft, Payload};
use throughline::record::CommandRequest;
use throughline::store::Dialect;
use throughline_domain::command::Command as Stated;
use throughline_domain::fact::envelope::{CommandId, EventId, JourneyId, Occurred, StreamId};
use throughline_domain::fact::event::{ContactLogged, Event, FactCorrected, IdentitySealed, Patched};
use throughline_domain::fact::sealed::PersonalText;
use throughline_domain::world;
use uuid::Uuid;

use super::site::{Answer, Serving, Site};
use crate::app::{SHPS, new_id, text, with};
use crate::sealed::stored_at;
use crate::wait::until;
use crate::webhooks::receiver::{Receiver, Step};

/// The begin of every text that must leave no trace.
const MARK: &str = "Zwq7canary";
/// Numbers and dates that must leave none, in each form in which they are sent or shown.
const NUMBERS: [&str; 9] = [
    "07700 900461",
    "07700900461",
    "qq 54 32 16 c",
    "QQ543216C",
    "943 476 5919",
    "9434765919",
    "100098765432",
    "1961-11-23",
    "AA9 9ZZ",
];
/// The variable by which the test starts itself as a child that panics.
const CHILD: &str = "THROUGHLINE_TEST_PANICS";

/// A text that must leave no trace.
fn canary(of: &str) -> String {
    format!("{MARK}-{of}")
}

fn hex(text: &str) -> String {
    throughline_domain::fact::envelope::hex(text.as_bytes())
}

/// The first canary in a text, as it is or as the digits of its bytes.
fn found(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let decimal = |canary: &str| canary.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    let forms = |canary: &str| [canary.to_lowercase(), hex(canary), hex(&canary.to_lowercase()), decimal(canary)];
    let all = std::iter::once(MARK).chain(NUMBERS).flat_map(forms);
    let hit = all.into_iter().find(|form| text.contains(form.as_str()))?;
    let at = text.find(&hit).expect("it was found");
    let around = at.saturating_sub(300)..text.len().min(at + 200);
    Some(String::from_utf8_lossy(&text.as_bytes()[around]).into_owned())
}

fn assert_no_trace(place: &str, text: &str) {
    if let Some(hit) = found(text) {
        panic!("{place} shows what is sealed: …{hit}…");
    }
}

#[test]
fn a_canary_is_found_in_every_form() {
    let given = canary("given");
    for text in
        [given.clone(), given.to_uppercase(), hex(&given), format!("{:?}", given.as_bytes()), "9434765919".into()]
    {
        assert!(found(&format!("before {text} after")).is_some(), "{text}");
    }
    assert_eq!(found("a log line about nobody"), None);
}

fn identity() -> Value {
    json!({
        "names": { "given": canary("given"), "family": canary("family"), "other": [canary("other")] },
        "birthDate": "1961-11-23",
        "telephone": "07700 900461",
        "email": format!("{}@example.org", canary("email")),
        "address": { "lines": [canary("street")], "postcode": "AA9 9ZZ", "uprn": "100098765432" },
        "nino": "qq 54 32 16 c",
        "nhsNumber": "943 476 5919",
        "needs": [canary("needs")],
    })
}

/// The people of the day, by their tokens.
struct Staff {
    keyworker: String,
    manager: String,
    others: Vec<String>,
}

/// The case of the day, and the link to its file of evidence.
struct Case {
    journey: String,
    link: String,
}

/// A referral comes in, with who it is.
async fn referral(serving: &Serving, site: &Site, staff: &Staff) -> String {
    let joins = json!({ "label": "KW-07", "login": "kw-07", "occurredOn": "2017-03-01" });
    let administrator = site.token("administrator", "administrator");
    let worker = serving.done(&administrator, "addWorker", "worker { id }", joins).await;
    let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": "2018-02-01", "identity": identity() });
    let received = serving.done(&staff.manager, "receiveReferral", "journey { id }", input).await;
    let journey = text(&received["journey"]["id"]);
    let accept = json!({ "journey": journey, "occurredOn": "2018-02-02" });
    serving.done(&staff.manager, "acceptReferral", "journey { id }", accept.clone()).await;
    let assign = with(accept, json!({ "worker": worker["worker"]["id"] }));
    serving.done(&staff.manager, "assignWorker", "journey { id }", assign).await;
    journey
}

/// What the keyworker records: a note wherever there is one.
async fn notes(serving: &Serving, staff: &Staff, journey: &str) {
    let of = |more: Value| with(json!({ "journey": journey, "occurredOn": "2018-02-10" }), more);
    let (task, spell) = (new_id(), new_id());
    let day = [
        ("logContact", json!({ "channel": "phone", "twoWay": true, "note": canary("contact") })),
        ("agreePlan", json!({ "kind": "php", "actions": [canary("action")], "note": canary("plan") })),
        ("setTask", json!({ "task": task, "kind": "call", "dueOn": "2018-02-20", "note": canary("task") })),
        ("completeTask", json!({ "task": task, "note": canary("done") })),
        (
            "startSpell",
            json!({ "spell": spell, "domain": "accommodation", "note": canary("spell"),
                "attributes": [{ "name": "secured_as", "value": "new" }] }),
        ),
    ];
    for (mutation, more) in day {
        serving.done(&staff.keyworker, mutation, "journey { id }", of(more)).await;
    }
    let document = "query($id: UUID!) { journey(id: $id) { contacts { event } } }";
    let seen = serving.ask(&staff.keyworker, document, json!({ "id": journey })).await;
    let correction = json!({
        "journey": journey, "target": seen["journey"]["contacts"][0]["event"], "reason": "wrong words",
        "replacement": { "contact": { "note": canary("corrected") } },
    });
    serving.done(&staff.keyworker, "correctFact", "journey { id }", correction).await;
}

/// A file is uploaded, attached and downloaded. Answers with its link.
async fn file(serving: &Serving, staff: &Staff, journey: &str) -> String {
    let content = format!("%PDF-1.7\n{} is in the file\n", canary("content"));
    let name = format!("{}.pdf", canary("file"));
    let opening = json!({ "journey": journey, "name": name, "type": "application/pdf", "size": content.len() });
    let opened = serving.send("POST", "/evidence/uploads", &staff.keyworker, opening.to_string().as_bytes()).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let path = opened.header("location").to_owned();
    let part = format!("{path}/parts/1");
    let stored = serving.send_as("PUT", &part, &staff.keyworker, "application/pdf", content.as_bytes()).await;
    assert_eq!(stored.status, 204, "{}", stored.body);
    let complete = serving.send("POST", &format!("{path}/complete"), &staff.keyworker, b"").await;
    assert!(complete.status < 300, "{}", complete.body);
    let attach = json!({
        "journey": journey, "kind": "tenancy_agreement", "datedOn": "2018-02-10", "occurredOn": "2018-02-12",
        "upload": opened.json()["upload"], "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING", "RECORDED_ALREADY"],
    });
    serving.done(&staff.keyworker, "attachEvidence", "journey { id }", attach).await;
    let document = "query($id: UUID!) { journey(id: $id) { evidence { file { link } } } }";
    let seen = serving.ask(&staff.keyworker, document, json!({ "id": journey })).await;
    let link = text(&seen["journey"]["evidence"][0]["file"]["link"]);
    let downloaded = serving.send("GET", &link, &staff.keyworker, b"").await;
    assert!(found(&downloaded.body).is_some() && downloaded.head.contains(MARK), "the file and its name came back");
    link
}

/// The search for people by what must leave no trace.
const SEARCH: &str = "query($search: PersonSearch!) { people(search: $search) { \
    nodes { identity { names { given } } } } }";

/// The keyworker looks for the client by a number and by a name.
async fn search(serving: &Serving, staff: &Staff) {
    until("the client is found by their number", async || {
        let by_number = json!({ "search": { "identifier": "qq 54 32 16 c" } });
        serving.answer(&staff.keyworker, SEARCH, by_number).await.body.contains(&canary("given"))
    })
    .await;
    let name = format!("{} {}", canary("family"), canary("given"));
    let by_name = json!({ "search": { "name": name, "birthDate": "1961-11-23" } });
    serving.ask(&staff.keyworker, SEARCH, by_name.clone()).await;
    for token in &staff.others {
        let refused = serving.answer(token, SEARCH, by_name.clone()).await;
        assert_no_trace("a refused search", &format!("{}{}", refused.head, refused.body));
    }
    let said = canary("searched");
    let nine = [said.as_str(); 9].join(" ");
    for search in [json!({ "identifier": said }), json!({ "name": nine }), json!({ "name": said, "birthDate": said })] {
        let answer = serving.answer(&staff.keyworker, SEARCH, json!({ "search": search })).await;
        assert_no_trace("a search that finds nobody", &format!("{}{}", answer.head, answer.body));
    }
}

/// An auditor reveals who the client is, sees it, and ends the reveal.
async fn reveal(serving: &Serving, site: &Site, journey: &str) {
    let auditor = site.token("auditor", "auditor");
    let seen = serving.ask(&auditor, SUBJECT, json!({ "id": journey })).await;
    let subject = json!({ "subject": seen["journey"]["subject"]["id"], "contract": SHPS });
    let asked = "reveal { reveal } subject { identity { names { given } } }";
    let input = with(subject.clone(), json!({ "reason": "a claim to check" }));
    let revealed = serving.done(&auditor, "revealIdentity", asked, input).await;
    assert_eq!(revealed["subject"]["identity"]["names"]["given"], canary("given"), "{revealed}");
    let input = with(subject, json!({ "reveal": revealed["reveal"]["reveal"] }));
    serving.done(&auditor, "endReveal", "reveal { reveal }", input).await;
}

/// A partner offers a referral, with who the person is, and the manager declines it.
async fn offer(serving: &Serving, site: &Site, staff: &Staff) {
    let partner = site.token("integrator", "advice-centre");
    let referral = json!({
        "contract": SHPS, "source": "advice", "record": "R-1", "area": "brent", "occurredOn": "2018-02-20",
        "identity": identity(),
    });
    let offered = serving.done(&partner, "offerReferral", "offer { id }", referral).await;
    let id = offered["offer"]["id"].clone();
    let document = "query($id: UUID!) { offeredReferral(id: $id) { subject { identity { names { given } } } } }";
    let seen = serving.answer(&staff.manager, document, json!({ "id": id })).await;
    assert!(seen.body.contains(&canary("given")), "the offered person: {}", seen.body);
    let seen = serving.answer(&partner, document, json!({ "id": id })).await;
    assert_no_trace("what a partner sees of an offer", &seen.body);
    let decline = json!({ "offer": id, "reason": "not_eligible" });
    serving.done(&staff.manager, "declineOffer", "offer { state }", decline).await;
}

/// Referrals of another system, whose files have more columns than the mapping takes.
const LIST: &str = r#"mapping = 1
[source]
system = "council"
[read]
format = "csv"
[[table]]
name = "referrals"
[[record]]
table = "referrals"
id = "{ref}"
case = "{ref}"
[[record.fact]]
type = "referral_received"
on = "received"
area = "area"
"#;

/// The places of mappings and of files that are sent, as variables of the program.
fn imports(site: &Site) -> Vec<(&'static str, String)> {
    let mappings = site.beside("mappings");
    let of_contract = mappings.join(SHPS);
    std::fs::create_dir_all(&of_contract).expect("a folder");
    std::fs::write(of_contract.join("council-list.toml"), LIST).expect("a mapping");
    let folder = site.beside("imports").display().to_string();
    vec![("THROUGHLINE_IMPORT_FOLDER", folder), ("THROUGHLINE_MAPPINGS", mappings.display().to_string())]
}

/// Another system sends a file. One row of it is recorded, and one is not.
async fn import(serving: &Serving, site: &Site) {
    let (given, born) = (canary("row"), "1961-11-23");
    let rows = format!(
        "ref,received,area,name,born\nR-2,2018-02-01,brent,{given},{born}\nR-3,some day,brent,{given},{born}\n"
    );
    let council = site.token("integrator", "council");
    let sent = serving.send_as("POST", "/import/council-list", &council, "text/csv", rows.as_bytes()).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let mut job = None;
    until("the import is over", async || {
        let answer = serving.send("GET", sent.header("location"), &council, b"").await;
        assert_no_trace("an import", &format!("{}{}", answer.head, answer.body));
        let now = answer.json();
        let is_over = !["waiting", "running"].contains(&text(&now["state"]).as_str());
        job = Some(now);
        is_over
    })
    .await;
    let job = job.expect("a job");
    assert_eq!((&job["counts"]["recorded"], &job["counts"]["unreadable"]), (&json!(1), &json!(1)), "{job}");
    let results = format!("{}/results", sent.header("location"));
    let results = serving.send("GET", &results, &council, b"").await;
    assert_eq!(results.status, 200, "{}", results.body);
    assert_no_trace("the results of an import", &results.body);
}

const CASE: &str = "query($id: UUID!) { journey(id: $id) { reference timeline { event { payload record } } \
    contacts { note { text } } plans { actions { text } note { text } } subject { identity { \
    names { given family other } birthDate telephone email address { lines postcode uprn } nino nhsNumber needs } } } }";

/// Requests that are refused, each with something in it that must not be repeated.
async fn refused(serving: &Serving, staff: &Staff, journey: &str) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    let said = canary("refused");
    let documents = [
        format!("mutation {{ logContact(input: {{ note: \"{said}"),
        format!("mutation {{ logContact(input: {{ note: \"{said}\" }}) {{ position }} }}"),
        format!("mutation {{ logContact(input: {{ words: \"{said}\" }}) {{ position }} }}"),
        format!("mutation {{ logContact(input: \"{said}\") {{ position }} }}"),
        format!("{{ viewer(name: \"{said}\") {{ subject }} }}"),
    ];
    for document in documents {
        answers.push((document.clone(), serving.answer(&staff.keyworker, &document, json!({})).await));
    }
    let contact = json!({ "commandId": new_id(), "journey": journey, "channel": "phone", "occurredOn": "2018-02-10" });
    let inputs = [
        ("logContact", "LogContactInput", with(contact.clone(), json!({ "note": { "text": said } }))),
        ("logContact", "LogContactInput", with(contact.clone(), json!({ "note": said.repeat(2_000) }))),
        ("logContact", "LogContactInput", with(contact.clone(), json!({ "minutes": said }))),
        ("logContact", "LogContactInput", with(contact, json!({ "note": said, "words": said }))),
        ("logContact", "LogContactInput", json!(said)),
    ];
    let subject = serving.ask(&staff.keyworker, SUBJECT, json!({ "id": journey })).await;
    let sealing = json!({
        "commandId": new_id(), "subject": subject["journey"]["subject"]["id"], "occurredOn": "2018-02-10",
    });
    let parts = [
        json!({ "birthDate": said }),
        json!({ "birthDate": "2961-11-23" }),
        json!({ "nino": said }),
        json!({ "nhsNumber": said }),
        json!({ "email": said }),
        json!({ "telephone": said }),
        json!({ "names": said }),
        json!({ "names": { "given": said.repeat(300) } }),
        json!({ "address": { "postcode": said } }),
        json!({ "needs": [{ "of": said }] }),
    ];
    let parts = parts.map(|part| ("sealIdentity", "SealIdentityInput", with(sealing.clone(), part)));
    for (mutation, of, input) in inputs.into_iter().chain(parts) {
        let document = format!(
            "mutation($input: {of}!) {{ {mutation}(input: $input) {{ position problems {{ code message path }} }} }}"
        );
        let asked: String = format!("{mutation} {input}").chars().take(300).collect();
        answers.push((asked, serving.answer(&staff.keyworker, &document, json!({ "input": input })).await));
    }
    for (media, body) in [
        ("application/json", format!("{{\"query\": \"{said}")),
        ("text/plain", said.clone()),
        ("application/json", json!({ "query": 1, "variables": said }).to_string()),
    ] {
        let answer = serving.send_as("POST", "/graphql", &staff.keyworker, media, body.as_bytes()).await;
        answers.push((body, answer));
    }
    for opening in [
        json!({ "journey": journey, "name": format!("../{said}.pdf"), "type": "application/pdf", "size": 10 }),
        json!({ "journey": journey, "name": format!("{said}.exe"), "type": said, "size": 10 }),
        json!({ "journey": said, "name": said, "type": "application/pdf", "size": said }),
    ] {
        let body = opening.to_string();
        answers
            .push((body.clone(), serving.send("POST", "/evidence/uploads", &staff.keyworker, body.as_bytes()).await));
    }
    answers
}

const SUBJECT: &str = "query($id: UUID!) { journey(id: $id) { subject { id } } }";

/// What the program prints about the log when nobody serves it.
fn printed(site: &Site) -> Vec<(String, String)> {
    let backup = site.beside("taken.backup");
    let lines = site.beside("lines.ndjson");
    let bad = json!({
        "specversion": "1.0", "id": new_id(), "source": "council", "type": "throughline.journey.contact_logged.v2",
        "subject": format!("journey/{}", new_id()), "time": "2018-02-10",
        "data": { "contract": SHPS, "payload": {
            "channel": "phone", "with": "client", "attendance": "none",
            "note": { "clear_text": canary("imported"), "class": canary("class") } } },
    });
    std::fs::write(&lines, format!("{bad}\n{}\n", canary("no line"))).expect("a file");
    let keys = site.beside("keys.keys-backup");
    let commands: [&[&str]; 11] = [
        &["backup", path(&backup)],
        &["key", "backup", path(&keys)],
        &["access-log"],
        &["rebuild", "--diff"],
        &["board", "--contract", SHPS],
        &["log", "verify"],
        &["export", "ndjson"],
        &["export", "journeys", "--contract", SHPS, "--format", "csv", "--out", "-"],
        &["export", "contacts", "--contract", SHPS, "--format", "ndjson", "--out", "-"],
        &["webhook", "list", "--contract", SHPS],
        &["import", "ndjson", path(&lines), "--contract", SHPS],
    ];
    let mut said = Vec::new();
    for arguments in commands {
        let output = site.program(arguments).output().expect("the program runs");
        assert!(output.status.success() || arguments[0] == "import", "{arguments:?}: {output:?}");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        said.push((arguments.join(" "), text.concat()));
    }
    std::fs::remove_file(&lines).expect("it was our own");
    said
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a name of text")
}

/// The files beneath a folder, as texts.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            texts.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    texts
}

/// The whole day over HTTP, and what came back to callers who may open nothing.
async fn day(site: &Site, serving: &Serving, receiver: &Receiver) -> Case {
    let staff = Staff {
        keyworker: site.token("keyworker", "kw-07"),
        manager: site.token("manager", "manager"),
        others: ["commissioner", "auditor", "integrator", "administrator"].map(|role| site.token(role, role)).into(),
    };
    let webhook = json!({ "contract": SHPS, "url": receiver.url, "keys": ["HMAC"], "after": 0 });
    serving.done(&staff.manager, "createSubscription", "subscription { id }", webhook).await;
    let journey = referral(serving, site, &staff).await;
    notes(serving, &staff, &journey).await;
    let link = file(serving, &staff, &journey).await;

    // Control: who may open them reads them, so that they went through the service.
    for token in [&staff.keyworker, &staff.manager] {
        let seen = serving.answer(token, CASE, json!({ "id": journey })).await;
        for of in ["given", "family", "street", "corrected", "action", "plan", "needs"] {
            assert!(seen.body.contains(&canary(of)), "{of}: {}", seen.body);
        }
    }
    for token in &staff.others {
        let seen = serving.answer(token, CASE, json!({ "id": journey })).await;
        assert_no_trace("an answer to a caller who may open nothing", &seen.body);
        assert_no_trace("a refused download", &serving.send("GET", &link, token, b"").await.body);
    }
    search(serving, &staff).await;
    reveal(serving, site, &journey).await;
    offer(serving, site, &staff).await;
    import(serving, site).await;
    for (asked, answer) in refused(serving, &staff, &journey).await {
        assert!(!answer.body.contains("\"position\":") || answer.body.contains("\"position\":null"), "{asked}");
        assert_no_trace(
            &format!("the answer {} to {asked}", answer.status),
            &format!("{}{}", answer.head, answer.body),
        );
    }
    for place in [
        "/metrics",
        "/readyz",
        "/livez",
        "/events?limit=1000",
        "/export/journeys?contract=shps&format=csv",
        "/export/contacts?contract=shps",
        "/export/spells?contract=shps&format=csv",
    ] {
        let answer = serving.send("GET", place, &staff.manager, b"").await;
        assert_eq!(answer.status, 200, "{place}: {}", answer.body);
        assert_no_trace(place, &format!("{}{}", answer.head, answer.body));
    }
    Case { journey, link }
}

async fn what_is_sealed_leaves_no_trace(dialect: Dialect) {
    let mut site = Site::on(dialect, "trace").await;
    site.variables = imports(&site);
    let serving = site.serve().await;
    site.open_contract(&serving).await;
    let receiver = Receiver::with(&[Step::Status(500), Step::Lose, Step::Status(204), Step::Status(503)]).await;
    let case = day(&site, &serving, &receiver).await;
    until("the webhook is sent the sealed facts", async || {
        receiver.requests().iter().any(|request| request.body.contains("\"commitment\""))
    })
    .await;
    for request in receiver.requests() {
        assert_no_trace("the body of a webhook", &request.body);
    }
    let log = std::fs::read_to_string(&serving.log).expect("the log");
    serving.end();
    assert_no_trace("the log at TRACE", &log);
    // Control: it is a log of everything.
    assert!(log.contains("\"TRACE\"") && log.lines().count() > 1_000, "{} lines", log.lines().count());
    assert!(!case.link.contains(MARK) && !log.contains(&case.link), "a link is not logged");

    for (place, said) in printed(&site) {
        assert_no_trace(&format!("`throughline {place}`"), &said);
    }
    for (place, stored) in stored_at(&site.place).await.into_iter().chain(files(site.directory.path())) {
        assert_no_trace(&place, &stored);
    }
    // Control: what is not sealed is there.
    let stored: String = stored_at(&site.place).await.into_iter().map(|(_, stored)| stored).collect();
    assert!(stored.contains(&case.journey) || stored.contains("wrong words"), "the log is what was looked through");
    site.place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_leaves_no_trace_on_sqlite() {
    what_is_sealed_leaves_no_trace(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_leaves_no_trace_on_postgres() {
    what_is_sealed_leaves_no_trace(Dialect::Postgres).await;
}

/// Everything that holds clear text on its way, as debug output shows it.
fn held() -> Vec<String> {
    let note = || PersonalText::special(canary("note"));
    let (stream, occurred) = (StreamId::journey(JourneyId(Uuid::nil())), Occurred::on(world::day("2018-02-10")));
    let contact = ContactLogged { note: Some(note()), ..world::contact() };
    let names = Patched::Becomes(PersonalText::identity(canary("names")));
    let identity = IdentitySealed { names, ..IdentitySealed::default() };
    let command = Stated::record_fact(stream, occurred, contact.clone());
    let principal = Principal { subject: "kw-07".to_owned(), role: Role::Keyworker, scope: Scope::Deployment };
    let request = CommandRequest::new(principal, CommandId(Uuid::nil()), command.clone());
    let payload = Event::from(contact.clone()).payload();
    let correction = FactCorrected {
        target: EventId(Uuid::nil()),
        occurred_on: occurred.earliest(),
        precision: occurred.precision(),
        local_time: None,
        schema_version: 2,
        payload: serde_json::from_str(payload.get()).expect("JSON"),
        reason: "wrong words".to_owned(),
    };
    let draft = Draft {
        stream,
        event_type: "ContactLogged",
        schema_version: 2,
        contract: None,
        occurred,
        payload: Payload::Ready(payload),
    };
    let kek = KeyPlaces { kek: Some(Kek(canary("kek"))), ..KeyPlaces::default() };
    vec![
        format!("{command:?}"),
        format!("{:?}", request.with_body(canary("body").into_bytes())),
        format!("{:?}", Event::from(contact)),
        format!("{:?}", Event::from(identity)),
        format!("{:?}", Event::from(correction)),
        format!("{draft:?}"),
        format!("{kek:?}"),
    ]
}

#[test]
fn a_child_with_notes_in_its_hands_panics_when_it_is_asked_to() {
    let held = held();
    assert!(std::env::var_os(CHILD).is_none(), "{}", held.join("\n"));
    assert!(held.iter().all(|shown| !shown.is_empty()));
}

#[test]
fn a_panic_shows_nothing_of_what_is_sealed() {
    let this = std::env::current_exe().expect("this program");
    let panicked = Command::new(this)
        .args(["--exact", "private::canary::a_child_with_notes_in_its_hands_panics_when_it_is_asked_to", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "full")
        .output()
        .expect("it starts");
    assert!(!panicked.status.success(), "{panicked:?}");
    let said = [panicked.stdout, panicked.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(said.contains("panicked at") && said.contains("secret") && said.contains("wrong words"), "{said}");
    assert_no_trace("a panic", &said);
}
