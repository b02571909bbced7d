//! Erasure on both stores: done when the answer comes, finished after a crash, and never undone by a backup or an
//! import.

mod hundred;
pub(crate) mod keys;

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline::app::App;
use throughline::clock::Chance;
use throughline::erasure::Erasures;
use throughline::import::{Import, Outcome, Row};
use throughline::keys::KeyStore;
use throughline::record::{CommandRequest, Recorder};
use throughline_domain::command::{Command, When};
use throughline_domain::fact::envelope::{CommandId, Envelope, EventId, Position, StreamId, SubjectId};
use throughline_domain::fact::event::{ErasureApproved, EventType};

use crate::app::{
    MST, SHPS, TODAY, TestApp, administrator, app_over, call, keyworker, manager, new_id, on_both_stores_with_keys,
    other_manager, refusals, test_caller, text, with,
};
use crate::evidence_files::{attach, upload};
use crate::mapped::{Files, import, mapping, shown, through};
use crate::wait::PATIENCE;

/// A person with one case, an identity, a note and a case number.
pub(crate) struct Person {
    pub(crate) journey: String,
    pub(crate) subject: String,
    pub(crate) number: usize,
}

impl Person {
    pub(crate) fn id(&self) -> SubjectId {
        self.subject.parse().expect("an id")
    }

    fn stream(&self) -> StreamId {
        StreamId::subject(self.id())
    }

    /// The name that nobody may find once the person is erased.
    pub(crate) fn canary(&self) -> String {
        format!("Canary{:04}", self.number)
    }

    pub(crate) fn case_number(&self) -> Value {
        json!([{ "system": "council", "id": format!("BR-{}", self.number) }])
    }
}

/// Adds a person, held by this worker, whose login is `kw-07`.
pub(crate) async fn person(app: &TestApp, worker: &str, number: usize) -> Person {
    let canary = format!("Canary{number:04}");
    let input = json!({
        "contract": SHPS, "area": "brent", "occurredOn": "2018-02-01",
        "identity": { "names": { "given": canary, "family": "Example" } },
        "externalReferences": [{ "system": "council", "id": format!("BR-{number}") }],
    });
    let journey = text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"]);
    app.take_on(&journey, worker, "2018-02-02").await;
    let note = with(call(&journey, TODAY), json!({ "note": format!("{canary} rang") }));
    app.log_contact(&keyworker("kw-07"), note).await;
    let document = "query($id: UUID!) { journey(id: $id) { subject { id } } }";
    let found = app.ask(&manager(), document, json!({ "id": journey })).await;
    let subject = text(&found["journey"]["subject"]["id"]);
    Person { journey, subject, number }
}

/// Gives a person a file of evidence.
async fn file_of(app: &TestApp, person: &Person) {
    let keyworker = keyworker("kw-07");
    let bytes = format!("{} earns little", person.canary()).into_bytes();
    let uploaded = upload(app, &keyworker, &person.journey, ("a.txt", "text/plain"), &bytes).await.json();
    attach(app, &keyworker, &person.journey, json!({ "upload": uploaded["upload"] })).await;
}

/// A manager proposes to erase a person; the id of the proposal.
async fn propose(app: &TestApp, who: &Principal, person: &Person) -> Value {
    let input = json!({ "subject": person.subject, "ground": "SUBJECT_REQUEST", "occurredOn": TODAY });
    app.done(who, "proposeErasure", input).await["events"][0]["id"].clone()
}

/// Two people erase a person; the answer to the second.
pub(crate) async fn erase(app: &TestApp, person: &Person) -> Value {
    erase_by(app, &manager(), person).await
}

/// The same, proposed by this manager.
async fn erase_by(app: &TestApp, who: &Principal, person: &Person) -> Value {
    let proposal = propose(app, who, person).await;
    let input = json!({ "subject": person.subject, "proposal": proposal, "occurredOn": TODAY });
    app.done(&administrator(), "approveErasure", input).await
}

const SEEN: &str = "query($id: UUID!) { journey(id: $id) { contacts { note { sealed text } } subject { \
    erased { occurred { on } } identity { sealed names { given } } } evidence { file { size } } } }";

pub(crate) async fn seen(app: &TestApp, person: &Person) -> Value {
    app.ask(&manager(), SEEN, json!({ "id": person.journey })).await["journey"].clone()
}

/// Nothing of a person can be opened, and the case is there.
pub(crate) async fn assert_erased(app: &TestApp, person: &Person) {
    let seen = seen(app, person).await;
    assert_eq!(seen["contacts"][0]["note"], json!({ "sealed": true, "text": null }));
    assert_eq!(seen["subject"]["identity"], json!({ "sealed": true, "names": null }));
    assert_eq!(seen["subject"]["erased"], json!({ "occurred": { "on": TODAY } }));
}

pub(crate) async fn assert_open(app: &TestApp, person: &Person) {
    let seen = seen(app, person).await;
    assert_eq!(seen["contacts"][0]["note"]["text"], format!("{} rang", person.canary()));
    assert_eq!(seen["subject"]["identity"], json!({ "sealed": false, "names": { "given": person.canary() } }));
    assert_eq!(seen["subject"]["erased"], Value::Null);
}

pub(crate) fn erasures(app: &TestApp) -> Erasures {
    Erasures::of(&app_over(&app.fresh))
}

fn files(app: &TestApp) -> usize {
    std::fs::read_dir(app.fresh.files.path()).expect("the folder").count()
}

/// How many events of this type a person has.
async fn ends(app: &TestApp, person: &Person) -> usize {
    let events = app.fresh.log.stream(person.stream()).await.expect("the stream");
    events.iter().filter(|event| event.event_type == EventType::SubjectErased.as_str()).count()
}

/// Records the approval and nothing more, as a server does that stops right after it.
async fn approve_and_stop(app: &TestApp, person: &Person) {
    let proposal = EventId(text(&propose(app, &manager(), person).await).parse().expect("an id"));
    let command = Command::record_fact(person.stream(), When::TODAY, ErasureApproved { proposal });
    let id = CommandId(new_id().parse().expect("an id"));
    let done = app.fresh.recorder.record(CommandRequest::new(administrator(), id, command)).await.expect("accepted");
    assert!(app.fresh.views.passed(done.appended.position(), PATIENCE).await, "the view follows");
}

#[tokio::test]
async fn an_approved_erasure_is_done_when_the_answer_comes_and_forbids_what_would_undo_it() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let (gone, kept) = (person(app, &worker, 1).await, person(app, &worker, 2).await);
        for one in [&gone, &kept] {
            file_of(app, one).await;
        }
        assert_eq!(files(app), 2);
        let answer = erase(app, &gone).await;
        assert_eq!(answer["problems"], json!([]), "it is done");
        assert_erased(app, &gone).await;
        assert_open(app, &kept).await;
        assert_eq!((files(app), ends(app, &gone).await), (1, 1));
        assert_eq!(seen(app, &gone).await["evidence"][0]["file"], Value::Null);
        assert!(seen(app, &kept).await["evidence"][0]["file"]["size"].is_number());

        let of = |more: Value| with(json!({ "subject": gone.subject, "occurredOn": TODAY }), more);
        let again = app.tell(&manager(), "proposeErasure", of(json!({ "ground": "RETENTION_ENDED" }))).await;
        assert_eq!(refusals(&again), ["ERASURE_ALREADY_APPROVED"]);
        let hold = app.tell(&administrator(), "placeHold", of(json!({ "reason": "a claim" }))).await;
        assert_eq!(refusals(&hold), ["ERASURE_ALREADY_APPROVED"]);
        let named = app.tell(&manager(), "sealIdentity", of(json!({ "email": "canary@example.org" }))).await;
        assert_eq!(refusals(&named), ["SUBJECT_ERASED"]);
        for dry_run in [false, true] {
            let judged = json!({ "dryRun": dry_run });
            let referred = async |more: Value| {
                let input = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY });
                app.tell(&manager(), "receiveReferral", with(with(input, judged.clone()), more)).await
            };
            let refused = referred(json!({ "subject": gone.subject })).await;
            assert_eq!(refusals(&refused), ["SUBJECT_ERASED"], "dry run: {dry_run}");
            let refused = referred(json!({ "externalReferences": gone.case_number() })).await;
            assert_eq!(refusals(&refused), ["SUBJECT_ERASED"], "dry run: {dry_run}");
            let note = with(with(call(&gone.journey, TODAY), json!({ "note": "once more" })), judged.clone());
            assert_eq!(refusals(&app.tell(&manager(), "logContact", note).await), ["SUBJECT_ERASED"]);
        }
        // The person has come again, under a pseudonym of their own.
        let anew = json!({ "contract": SHPS, "area": "brent", "occurredOn": TODAY, "identity": { "names":
            { "given": "Canary0009", "family": "Example" } } });
        app.done(&manager(), "receiveReferral", anew).await;
        // The case continues under its pseudonym.
        app.log_contact(&keyworker("kw-07"), call(&gone.journey, TODAY)).await;
    })
    .await;
}

#[tokio::test]
async fn an_erasure_that_was_broken_off_is_finished_later_and_recorded_once() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let (one, two) = (person(app, &worker, 1).await, person(app, &worker, 2).await);
        file_of(app, &one).await;
        // A server stops after the approval of one, and in the middle of the erasure of the other.
        approve_and_stop(app, &one).await;
        approve_and_stop(app, &two).await;
        app.fresh.keys.destroy(two.id()).await.expect("destroyed");
        assert_open(app, &one).await;
        // Two servers start at once.
        let (first, second) = (erasures(app), erasures(app));
        let (first, second) = tokio::join!(Box::pin(first.finish_all()), Box::pin(second.finish_all()));
        assert!(first.expect("finished") + second.expect("finished") >= 2);
        let head = Position(app.head().await);
        assert!(app.fresh.views.passed(head, PATIENCE).await, "the view follows");
        for person in [&one, &two] {
            assert_erased(app, person).await;
            assert_eq!(ends(app, person).await, 1);
        }
        assert_eq!(files(app), 0);
        assert_eq!(Box::pin(erasures(app).finish_all()).await.expect("nothing is left"), 0);
    })
    .await;
}

#[tokio::test]
async fn without_the_key_store_an_approved_erasure_waits_and_the_answer_says_so() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let gone = person(app, &worker, 1).await;
        let proposal = propose(app, &manager(), &gone).await;
        let approve = "mutation($input: ApproveErasureInput!) { approveErasure(input: $input) { events { type } \
            problems { code severity } } }";
        let input = json!({ "commandId": new_id(), "subject": gone.subject, "proposal": proposal });
        let answer = app.ask_of(&app.without_keys(), &administrator(), approve, json!({ "input": input })).await;
        let warned = json!([{ "code": "ERASURE_UNFINISHED", "severity": "WARNING" }]);
        assert_eq!(answer["approveErasure"]["problems"], warned);
        assert_eq!(ends(app, &gone).await, 0, "it is not said to be done");
        let app_without = App { keys: KeyStore::none(), ..app_over(&app.fresh) };
        Erasures::of(&app_without).finish_all().await.expect_err("the keys are away");
        assert_eq!(erasures(app).finish_all().await.expect("they are back"), 1);
        assert!(app.fresh.views.passed(Position(app.head().await), PATIENCE).await, "the view follows");
        assert_erased(app, &gone).await;
    })
    .await;
}

fn line(event_type: &str, of: (&str, &str), payload: &Value, record: &str) -> String {
    let (kind, id) = of;
    json!({
        "specversion": "1.0", "id": new_id(), "source": "council", "time": "2018-02-10",
        "type": format!("throughline.{kind}.{event_type}.v1"), "subject": format!("{kind}/{id}"),
        "data": { "contract": if kind == "journey" { Some(SHPS) } else { None }, "payload": payload,
            "source": { "system": "council", "record_id": record } },
    })
    .to_string()
}

async fn imported(recorder: &Recorder, who: &Principal, lines: &[String]) -> Vec<Outcome> {
    let import = Import { recorder, principal: who, contract: SHPS };
    let mut rows: Vec<Row> = Vec::new();
    let read = import.ndjson(std::io::Cursor::new(lines.join("\n")), |row| rows.push(row.clone())).await;
    read.expect("an import");
    rows.into_iter().map(|row| row.outcome).collect()
}

#[tokio::test]
async fn an_import_does_not_bring_an_erased_person_back_also_in_a_dry_run() {
    on_both_stores_with_keys(async |app| {
        let council = test_caller(Role::Integrator, "council", &[SHPS]);
        let referral = |subject: &str, number: &str| {
            json!({ "subject": subject, "area": "brent",
                "external_references": [{ "system": "council", "id": number }] })
        };
        // One person is known by a case number, the other only by the record of the source.
        let (numbered, recorded) = ((new_id(), new_id()), (new_id(), new_id()));
        let bare = json!({ "subject": recorded.1, "area": "brent" });
        let first = [
            line("referral_received", ("journey", &numbered.0), &referral(&numbered.1, "BR-1"), "row-1"),
            line("referral_received", ("journey", &recorded.0), &bare, "row-2"),
        ];
        let outcomes = imported(&app.fresh.recorder, &council, &first).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Recorded(_))), "{outcomes:?}");
        assert!(app.fresh.views.passed(Position(app.head().await), PATIENCE).await, "the view follows");
        for (number, (journey, subject)) in [(1, &numbered), (2, &recorded)] {
            erase(app, &Person { journey: journey.clone(), subject: subject.clone(), number }).await;
        }
        let night = |n: u32| {
            let anew = json!({ "subject": new_id(), "area": "brent" });
            vec![
                line("referral_received", ("journey", &new_id()), &referral(&new_id(), "BR-1"), &format!("n-{n}")),
                line("referral_received", ("journey", &new_id()), &anew, "row-2"),
                line("referral_received", ("journey", &new_id()), &referral(&new_id(), "BR-3"), &format!("m-{n}")),
            ]
        };
        let clock = std::sync::Arc::clone(&app.fresh.clock);
        let dry = Recorder::dry_run(app.fresh.log.clone(), clock, std::sync::Arc::new(Chance::System)).await;
        let dry = dry.expect("a dry run").sealing_with(app.fresh.keys.clone());
        for recorder in [&dry, &app.fresh.recorder] {
            let outcomes = imported(recorder, &council, &night(1)).await;
            for outcome in &outcomes[..2] {
                let Outcome::Refused(problems) = outcome else { panic!("{outcomes:?}") };
                assert_eq!(problems[0].code, "SUBJECT_ERASED");
            }
            assert!(matches!(outcomes[2], Outcome::Recorded(_)), "{outcomes:?}");
        }
        let end = json!({ "ground": "subject_request" });
        let manager = test_caller(Role::Manager, "council", &[SHPS]);
        let said =
            imported(&app.fresh.recorder, &manager, &[line("subject_erased", ("subject", &numbered.1), &end, "row-9")])
                .await;
        let Outcome::Refused(problems) = &said[0] else { panic!("{said:?}") };
        assert_eq!(problems[0].code, "NOT_BY_IMPORT", "only the service says that a person was erased");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_import_refuses_every_row_of_an_erased_person_also_in_a_dry_run() {
    on_both_stores_with_keys(async |app| {
        let (files, mapping) = (Files::new(), mapping("referrals"));
        let file = |rows: &str| [files.with("referrals.csv", format!("reference,received,area,accepted\n{rows}"))];
        let first = file("R-1,05/01/2018,mid,\nR-2,06/01/2018,mid,\n");
        let (_, results) = import(&app.fresh, &mapping, &first).await;
        assert_eq!(results, ["2 R-1 recorded 2", "3 R-2 recorded 2"]);
        let head = Position(app.head().await);
        assert!(app.fresh.views.passed(head, PATIENCE).await, "the view follows");
        let events = app.fresh.log.page(Position(0), head).await.expect("the log is read");
        let of_first = |event: &&Envelope| {
            let is_of_row = event.source.as_ref().is_some_and(|source| source.record_id.as_deref() == Some("R-1"));
            is_of_row && event.event_type == EventType::ReferralReceived.as_str()
        };
        let referral = events.iter().find(of_first).expect("the referral");
        let payload: Value = serde_json::from_str(referral.payload.get()).expect("JSON");
        let gone = Person { journey: referral.stream.id.to_string(), subject: text(&payload["subject"]), number: 1 };
        erase_by(app, &other_manager(), &gone).await;
        // The next night the source has more to say about both.
        let next = file("R-1,05/01/2018,mid,09/01/2018\nR-2,06/01/2018,mid,10/01/2018\n");
        let clock = std::sync::Arc::clone(&app.fresh.clock);
        let dry = Recorder::dry_run(app.fresh.log.clone(), clock, std::sync::Arc::new(Chance::System)).await;
        let dry = dry.expect("a dry run").sealing_with(app.fresh.keys.clone());
        let (_, judged) = through(&dry, MST, &mapping, &next).await.expect("a dry run");
        let (_, results) = import(&app.fresh, &mapping, &next).await;
        assert_eq!(results, ["2 R-1 refused SUBJECT_ERASED at -", "3 R-2 recorded 1"]);
        assert_eq!(shown(&judged), results);
    })
    .await;
}

#[tokio::test]
async fn a_corrected_identity_shows_the_new_value_and_what_was_known_before() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let person = person(app, &worker, 1).await;
        let before = app.head().await;
        let parts = "query($id: UUID!, $at: JourneyAt) { journey(id: $id, at: $at) { subject { identity { \
            names { given family } parts { part event } } } } }";
        let known = async |who: &Principal, at: Value| {
            app.ask_as_known(who, parts, json!({ "id": person.journey, "at": at })).await["journey"]["subject"]
                ["identity"]
                .clone()
        };
        let sealed = known(&manager(), Value::Null).await["parts"][0]["event"].clone();
        let correction = json!({ "subject": person.subject, "target": sealed, "reason": "misspelt",
            "replacement": { "identity": { "names": { "given": "Canary7777", "family": "Example" } } } });
        app.done(&manager(), "correctFact", correction).await;
        let then = json!({ "position": before });
        assert_eq!(known(&manager(), Value::Null).await["names"]["given"], "Canary7777");
        assert_eq!(known(&manager(), then.clone()).await["names"]["given"], person.canary());
        let auditor = test_caller(Role::Auditor, "auditor", &[SHPS]);
        assert_eq!(known(&auditor, then.clone()).await["names"], Value::Null);
        erase(app, &person).await;
        assert_eq!(known(&manager(), Value::Null).await["names"], Value::Null);
        assert_eq!(known(&manager(), then).await["names"], Value::Null, "nor as it was known before");
    })
    .await;
}

#[tokio::test]
async fn a_case_never_moves_to_another_person_and_its_files_go_with_the_person() {
    on_both_stores_with_keys(async |app| {
        let worker = app.add_worker("kw-07").await;
        let (one, other) = (person(app, &worker, 1).await, person(app, &worker, 2).await);
        let document = "query($id: UUID!) { journey(id: $id) { referral { event } } }";
        let referral = app.ask(&manager(), document, json!({ "id": one.journey })).await;
        let moving = json!({ "journey": one.journey, "target": referral["journey"]["referral"]["event"],
            "reason": "another person", "replacement": { "referral": { "subject": other.subject } } });
        assert_eq!(refusals(&app.tell(&manager(), "correctFact", moving).await), ["FIXED_FIELD"]);
        file_of(app, &other).await;
        erase(app, &one).await;
        assert_eq!(files(app), 1, "the other person's");
        erase(app, &other).await;
        assert_eq!(files(app), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offered_person_who_was_erased_is_not_offered_or_referred_again() {
    on_both_stores_with_keys(async |app| {
        let partner = test_caller(Role::Integrator, "advice-centre", &[SHPS]);
        let sent = |record: &str, area: &str, reference: &str| {
            json!({
                "contract": SHPS, "source": "advice", "record": record, "area": area, "occurredOn": "2018-02-20",
                "externalReferences": [{ "system": "council", "id": reference }],
            })
        };
        let identity = json!({ "identity": { "names": { "given": "Canary0009" } } });
        let first = app.done(&partner, "offerReferral", with(sent("R-1", "brent", "BR-9"), identity)).await;
        let offer = first["offer"]["id"].clone();
        app.done(&manager(), "declineOffer", json!({ "offer": offer, "reason": "not_eligible" })).await;
        let document = "query($id: UUID!) { offeredReferral(id: $id) { subject { id } } }";
        let found = app.ask(&manager(), document, json!({ "id": offer })).await;
        let subject = text(&found["offeredReferral"]["subject"]["id"]);
        erase(app, &Person { journey: String::new(), subject, number: 9 }).await;
        for again in [sent("R-1", "ealing", "BR-9"), sent("R-1", "ealing", "BR-1"), sent("R-2", "brent", "BR-9")] {
            let refused = app.tell(&partner, "offerReferral", again.clone()).await;
            assert_eq!(refusals(&refused), ["SUBJECT_ERASED"], "{again}");
        }
        for (system, id) in [("advice", "R-1"), ("council", "BR-9")] {
            let references = json!([{ "system": system, "id": id }]);
            let again = json!({
                "contract": SHPS, "area": "brent", "occurredOn": "2018-02-20", "externalReferences": references,
            });
            assert_eq!(refusals(&app.tell(&manager(), "receiveReferral", again).await), ["SUBJECT_ERASED"], "{id}");
        }
        app.done(&partner, "offerReferral", sent("R-3", "brent", "BR-3")).await;
    })
    .await;
}
