//! Every type of event as a line: the committed examples go into a log and out of it again, and every fact of a
//! journey is imported by command.

use std::io::Cursor;

use serde_json::{Value, json};
use throughline::access::Role;
use throughline::clock::{Chance, Clock};
use throughline::cloud_event;
use throughline::import::Import;
use throughline::import::as_recorded::as_recorded;
use throughline::import::{Outcome, Row, Summary};
use throughline::record::Recorder;
use throughline::store::Dialect;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Actor, EventId, Position, StreamId, StreamKind};
use throughline_domain::fact::event::{Event, EventType};
use uuid::Uuid;

use crate::deployment::{Deployment, JOURNEY, WORKER, of_role, open_contract, record, worker_joins};
use crate::stores::STORES;

/// The one stream of each kind that a log of examples has.
fn stream(kind: StreamKind) -> StreamId {
    let id = Uuid::from_u128(0x70 + kind as u128);
    if kind == StreamKind::Contract { StreamId::contract("shps") } else { StreamId { kind, id } }
}

/// What each event of this type and kind of stream says: the committed example, and of a rulebook one that ships.
fn example(event_type: EventType, kind: StreamKind) -> Value {
    if event_type == EventType::RulebookPublished {
        let content = packs::pack("shps").expect("a pack").text;
        let hash = Rulebook::parse(content).expect("a rulebook").hash().to_owned();
        return json!({ "content": content, "hash": hash });
    }
    let name = event_type.cloud_event_type(kind, event_type.schema_version());
    let path = format!("{}/schema/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("JSON")
}

/// The events of one stream in an order in which they may be loaded: what begins it first.
fn of_stream(kind: StreamKind) -> Vec<EventType> {
    let mut types: Vec<EventType> =
        EventType::ALL.iter().copied().filter(|of| of.stream_kinds().contains(&kind)).collect();
    let first = match kind {
        StreamKind::Contract => EventType::ContractOpened,
        StreamKind::Journey => EventType::ReferralReceived,
        StreamKind::Subject => EventType::SubjectRegistered,
        StreamKind::Worker => EventType::WorkerJoined,
        StreamKind::Team => EventType::TeamSet,
        StreamKind::Batch => EventType::BatchOpened,
        StreamKind::Deployment => EventType::RoleGranted,
        StreamKind::Offer => EventType::ReferralOffered,
        StreamKind::Import => EventType::SourceRegistered,
    };
    // A contract has its rules before anything is dated in its zone.
    types.sort_by_key(|of| (*of != first, *of != EventType::RulebookPublished));
    types
}

/// One line of each type of event in each kind of stream that holds it.
fn every_line() -> Vec<String> {
    let deployment =
        [StreamKind::Worker, StreamKind::Team, StreamKind::Subject, StreamKind::Deployment, StreamKind::Import];
    let kinds = [StreamKind::Contract].into_iter().chain(deployment).chain([StreamKind::Journey, StreamKind::Batch]);
    let versions = kinds.flat_map(|kind| (1..).zip(of_stream(kind)).map(move |(at, of)| (kind, at, of)));
    let line = |(sequence, (kind, version, of)): (u64, (StreamKind, u64, EventType))| {
        let contract = (!kind.belongs_to_deployment()).then_some("shps");
        let id = Uuid::from_u128(u128::from(sequence) + 0x1000);
        json!({
            "specversion": "1.0", "id": id, "source": "examples", "type": of.cloud_event_type(kind, of.schema_version()),
            "subject": stream(kind).to_string(), "time": "2018-02-01", "recordedtime": "2018-03-01T09:00:00Z",
            "sequence": sequence,
            "data": { "contract": contract, "version": version, "payload": example(of, kind) },
        })
        .to_string()
    };
    (1..).zip(versions).map(line).collect()
}

pub(crate) async fn restored(dialect: Dialect, lines: &str) -> Deployment {
    let deployment = Deployment::on(dialect).await;
    let otherwise = Actor { subject: "restore".to_owned(), role: "administrator".to_owned(), on_behalf_of: None };
    let loaded = as_recorded(&deployment.log, &Clock::Machine, &Chance::System, &otherwise, lines.as_bytes()).await;
    let count = i64::try_from(lines.lines().count()).expect("few lines");
    assert_eq!(loaded.expect("loaded").position, Position(count));
    deployment
}

async fn exported(deployment: &Deployment) -> String {
    let mut lines = Vec::new();
    let scope = throughline::access::Scope::Deployment;
    throughline::export::ndjson::ndjson(&deployment.log, &scope, &mut lines).await.expect("an export");
    String::from_utf8(lines).expect("text")
}

#[tokio::test]
async fn every_type_of_event_goes_out_and_into_the_other_store_as_it_was() {
    let lines = every_line();
    for (from, into) in [(Dialect::Sqlite, Dialect::Postgres), (Dialect::Postgres, Dialect::Sqlite)] {
        let here = restored(from, &lines.join("\n")).await;
        let out = exported(&here).await;
        for (given, written) in lines.iter().zip(out.lines()) {
            let [given, written]: [Value; 2] = [given, written].map(|line| serde_json::from_str(line).expect("JSON"));
            for key in ["id", "type", "subject"] {
                assert_eq!(given[key], written[key]);
            }
            assert_eq!(given["data"]["payload"], written["data"]["payload"], "{}", given["type"]);
        }
        let there = restored(into, &out).await;
        assert_eq!(exported(&there).await, out);
        assert_eq!(there.digest().await, here.digest().await, "odd as the examples are together, views are alike");
        let verified = there.log.verify(|envelope| Ok(Recorded::decode(envelope).map(drop)?)).await.expect("no fault");
        assert!(verified.is_sound(), "{:#?}", verified.findings);
        here.end().await;
        there.end().await;
    }
}

#[test]
fn a_type_that_does_not_fit_its_kind_of_stream_is_named() {
    for event_type in EventType::ALL {
        for kind in StreamKind::ALL {
            let fits = event_type.stream_kinds().contains(&kind);
            let of = if fits { kind } else { event_type.stream_kinds()[0] };
            let line = |type_name: &str, subject: StreamKind| {
                let line = json!({
                    "specversion": "1.0", "id": Uuid::nil(), "type": type_name, "time": "2018-02-01",
                    "subject": stream(subject).to_string(), "data": { "payload": example(*event_type, of) },
                });
                cloud_event::from_line(&line.to_string())
            };
            let name = event_type.cloud_event_type(kind, 1);
            if fits {
                assert_eq!(line(&name, kind).expect("a line").stream.kind, kind);
                continue;
            }
            let unknown = line(&name, kind).expect_err("no such type").to_string();
            assert!(unknown.starts_with(&format!("type: this build does not know the type {name:?}")), "{unknown}");
            let elsewhere = line(&event_type.cloud_event_type(of, 1), kind).expect_err("another kind").to_string();
            let expected =
                format!("subject: {} belongs to a {}, not a {}", event_type.as_str(), of.as_str(), kind.as_str());
            assert!(elsewhere.starts_with(&expected), "{elsewhere}");
        }
    }
}

async fn import(recorder: &Recorder, file: &str) -> (Summary, Vec<Row>) {
    import_as(Role::Integrator, recorder, file).await
}

async fn import_as(role: Role, recorder: &Recorder, file: &str) -> (Summary, Vec<Row>) {
    let principal = of_role(role);
    let import = Import { recorder, principal: &principal, contract: "shps" };
    let mut rows = Vec::new();
    let summary = import.ndjson(Cursor::new(file), |row| rows.push(row.clone())).await.expect("an import");
    (summary, rows)
}

/// A line about the journey as another system would write it, with no more than it must.
fn line(id: u128, event_type: EventType, on: &str, payload: &Value) -> String {
    line_of(StreamId::journey(JOURNEY), id, event_type, on, payload)
}

fn line_of(of: StreamId, id: u128, event_type: EventType, on: &str, payload: &Value) -> String {
    let contract = (!of.kind.belongs_to_deployment()).then_some("shps");
    json!({
        "specversion": "1.0", "id": Uuid::from_u128(id), "source": "council", "time": on,
        "type": event_type.cloud_event_type(of.kind, 1), "subject": of.to_string(),
        "data": { "contract": contract, "payload": payload },
    })
    .to_string()
}

/// One line of every fact of a journey, each with a number as its id: what it stands on has gone before.
fn every_fact() -> Vec<String> {
    use EventType as Of;
    let id = Uuid::from_u128;
    let (spell, task, other_task, risk) = (id(0x40), id(0x50), id(0x51), id(0x60));
    let pieces = [id(0x80), id(0x81), id(0x82)];
    let piece = |piece: Uuid, supports: &[Uuid]| json!({ "evidence": piece, "kind": "tenancy_agreement", "dated_on": "2018-02-01", "supports": supports });
    let plan = json!({ "kind": "php" });
    let (kept, off) = (id(0xa0), id(0xa1));
    let booked = |appointment: Uuid| json!({ "appointment": appointment, "scheduled_on": "2018-02-28", "time": "10:30:00", "channel": "home_visit" });
    let facts = [
        (Of::ReferralReceived, json!({ "subject": id(0x20), "area": "brent" })),
        (Of::ReferralAccepted, json!({})),
        (
            Of::EligibilityAssessed,
            json!({ "result": "eligible", "criteria": { "in_area": true }, "facts": { "age": 34 } }),
        ),
        (Of::WorkerAssigned, json!({ "worker": WORKER.0, "role": "keyworker" })),
        (Of::ContactLogged, json!({ "channel": "phone", "with": "client", "attendance": "none", "two_way": true })),
        (Of::EngagementStarted, json!({ "basis": "first_session" })),
        (Of::PlanAgreed, plan.clone()),
        (Of::PlanReviewed, plan.clone()),
        (Of::PlanClosed, plan),
        (Of::TaskSet, json!({ "task": task, "kind": "letter", "due_on": "2018-02-20", "owner": WORKER.0 })),
        (Of::TaskDone, json!({ "task": task })),
        (Of::TaskSet, json!({ "task": other_task, "kind": "letter", "due_on": "2018-02-20" })),
        (Of::TaskCancelled, json!({ "task": other_task, "reason": "not needed" })),
        (Of::AssessmentScored, json!({ "instrument": "sdq", "items": { "conduct": 4.5 }, "score": 17 })),
        (
            Of::SpellStarted,
            json!({ "spell": spell, "domain": "accommodation", "attributes": { "rent": 750.5, "secured_as": "new" } }),
        ),
        (Of::SpellChanged, json!({ "spell": spell, "attributes": { "rent": 800 } })),
        (Of::SpellEnded, json!({ "spell": spell, "reason": "moved on" })),
        (Of::RiskRaised, json!({ "risk": risk, "kind": "homelessness" })),
        (Of::RiskCleared, json!({ "risk": risk })),
        // By the ids of the file: its fifteenth line, and the spell that it starts.
        (Of::EvidenceAttached, piece(pieces[0], &[id(15), spell])),
        (Of::EvidenceVerified, json!({ "evidence": pieces[0] })),
        (Of::EvidenceAttached, piece(pieces[1], &[])),
        (Of::EvidenceRejected, json!({ "evidence": pieces[1], "defect": "unsigned" })),
        (Of::EvidenceAttached, piece(pieces[2], &[])),
        (Of::EvidenceWithdrawn, json!({ "evidence": pieces[2] })),
        (Of::Disengaged, json!({ "reason": "no_contact" })),
        (Of::TaskSet, json!({ "task": id(0x52), "kind": "letter", "due_on": "2018-03-20" })),
        // With a task still open: nobody is there to look twice.
        (Of::JourneyClosed, json!({ "reason": "housed" })),
        (Of::JourneyReopened, json!({ "reason": "came back" })),
        (Of::JourneyTransferred, json!({ "reason": "moved_away", "destination": "elsewhere" })),
        (
            Of::FactCorrected,
            json!({
                "target": id(22), "occurred_on": "2018-02-22", "reason": "it shows the home too",
                "payload": piece(pieces[1], &[id(15)]),
            }),
        ),
        (Of::FactRetracted, json!({ "target": id(26), "reason": "recorded on the wrong case" })),
        // On the day of the transfer, not after it.
        (Of::AppointmentBooked, booked(kept)),
        (Of::AppointmentMoved, json!({ "appointment": kept, "time": "11:00:00", "worker": WORKER.0 })),
        (
            Of::ContactLogged,
            json!({ "appointment": kept, "channel": "face_to_face", "with": "client", "attendance": "attended" }),
        ),
        (Of::AppointmentBooked, booked(off)),
        (Of::AppointmentCancelled, json!({ "appointment": off, "by": "service", "reason": "office closed" })),
    ];
    (1..).zip(facts).map(|(at, (of, payload))| line(at, of, &format!("2018-02-{:02}", at.min(28)), &payload)).collect()
}

#[tokio::test]
async fn every_fact_of_a_journey_is_imported_and_what_evidence_supports_is_found() {
    let file = every_fact().join("\n");
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        record(&recorder, 2, worker_joins()).await;
        let (summary, rows) = import(&recorder, &file).await;
        // Who attached a piece may not verify it, and here one person imports both.
        let is_own_check = |row: &&Row| matches!(&row.outcome, Outcome::Refused(problems) if problems.iter().all(|of| of.code == "SAME_PERSON"));
        let not_recorded = rows.iter().filter(|row| !matches!(row.outcome, Outcome::Recorded(_)));
        let (own_checks, others): (Vec<&Row>, Vec<&Row>) = not_recorded.partition(is_own_check);
        assert!(others.is_empty() && own_checks.len() == 1, "{own_checks:#?} {others:#?}");
        let (again, _) = import(&recorder, &file).await;
        assert_eq!((again.recorded, again.replayed), (0, summary.recorded));

        let events = deployment.log.stream(StreamId::journey(JOURNEY)).await.expect("the stream is read");
        let recorded_by = |number: u128| -> EventId {
            let of_line = events.iter().filter(|event| event.command_id.0 == Uuid::from_u128(number));
            of_line.map(|event| event.event_id).next().expect("an event of the line")
        };
        let history = History::of(events.iter().map(|event| Recorded::decode(event).expect("ours")));
        let supports = |number: u128| match history.fact(recorded_by(number)).expect("it stands").event {
            Event::EvidenceAttached(attached) => attached.supports.clone(),
            other => panic!("no evidence: {other:?}"),
        };
        assert_eq!(supports(20), [recorded_by(15).0, Uuid::from_u128(0x40)]);
        assert_eq!(supports(22), [recorded_by(15).0], "in the correction too");
        assert!(history.is_retracted(recorded_by(26)));
        drop(recorder);
        deployment.end().await;
    }
}

#[tokio::test]
async fn an_invalid_fact_is_named_by_its_line_and_key() {
    use EventType as Of;
    let id = Uuid::from_u128;
    let mut lines: Vec<String> = every_fact().into_iter().take(2).collect();
    let refused = [
        (Of::TaskDone, json!({ "task": id(9) }), "TASK_NOT_FOUND at task"),
        (Of::PlanClosed, json!({ "kind": "php" }), "PLAN_NOT_FOUND at kind"),
        (Of::SpellChanged, json!({ "spell": id(9), "hours_per_week": 20 }), "SPELL_NOT_FOUND at spell"),
        (Of::MeasureRecorded, json!({ "code": "height", "value": 1 }), "UNKNOWN_CODE at code"),
        (Of::AchievementRecorded, json!({ "code": "swimming" }), "UNKNOWN_CODE at code"),
        (Of::RiskCleared, json!({ "risk": id(9) }), "RISK_NOT_FOUND at risk"),
        (Of::EvidenceVerified, json!({ "evidence": id(9) }), "EVIDENCE_NOT_FOUND at evidence"),
        (
            Of::EvidenceAttached,
            json!({ "evidence": id(9), "kind": "utility_bill", "dated_on": "2018-02-01", "supports": [id(99)] }),
            "SUPPORT_NOT_FOUND at supports.0",
        ),
        (Of::JourneyReopened, json!({ "reason": "came back" }), "NOT_CLOSED at occurred_on"),
        (Of::ReferralWithdrawn, json!({ "reason": "moved_away" }), "ALREADY_ACCEPTED"),
        (Of::WorkerReleased, json!({ "worker": WORKER.0, "role": "keyworker" }), "WORKER_NOT_FOUND at worker"),
        (
            Of::FactCorrected,
            json!({
                "target": id(1), "occurred_on": "2018-02-01", "reason": "a slip",
                "payload": { "subject": id(0x20), "area": "paris" },
            }),
            "UNKNOWN_CODE at payload.area",
        ),
    ];
    lines.extend((3..).zip(&refused).map(|(at, (of, payload, _))| line(at, *of, "2018-02-10", payload)));
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        open_contract(&recorder).await;
        let (_, rows) = import(&recorder, &lines.join("\n")).await;
        for (row, (_, _, expected)) in rows[2..].iter().zip(&refused) {
            let Outcome::Refused(problems) = &row.outcome else { panic!("{row:?}") };
            let path = problems[0].path.as_ref().map(|path| format!(" at {path}")).unwrap_or_default();
            assert_eq!(format!("{}{path}", problems[0].code), *expected);
        }
        drop(recorder);
        deployment.end().await;
    }
}

/// One line of every fact about two workers, their team and two subjects, each with a number as its id.
fn every_fact_about_people() -> Vec<String> {
    use EventType as Of;
    let id = Uuid::from_u128;
    let [one, other] = [id(0x30), id(0x31)].map(|id| StreamId { kind: StreamKind::Worker, id });
    let [ann, ann_again] = [id(0x20), id(0x21)].map(|id| StreamId { kind: StreamKind::Subject, id });
    let team = StreamId { kind: StreamKind::Team, id: id(0x90) };
    let (vacancy, cover, hold) = (id(0x91), id(0x92), id(0x93));
    let members = [one.id, other.id];
    let link = json!({ "with": ann_again.id, "reason": "one case number in both systems" });
    let facts = [
        (one, Of::WorkerJoined, json!({ "label": "KW-30" })),
        (other, Of::WorkerJoined, json!({ "label": "KW-31", "login": "kw31" })),
        (one, Of::WteSet, json!({ "wte": 0.8 })),
        (one, Of::CapacitySet, json!({ "cases_per_wte": 12 })),
        (one, Of::AbsenceRecorded, json!({ "kind": "annual_leave", "back_on": "2018-02-20" })),
        (one, Of::AssessmentScored, json!({ "instrument": "supervision", "score": 0.8 })),
        (team, Of::TeamSet, json!({ "label": "West", "members": members })),
        (team, Of::CapacitySet, json!({ "cases_per_wte": 25 })),
        (team, Of::VacancyOpened, json!({ "vacancy": vacancy, "role": "keyworker", "wte": 0.5 })),
        (team, Of::VacancyFilled, json!({ "vacancy": vacancy, "worker": other.id })),
        (team, Of::CoverStarted, json!({ "cover": cover, "absent": one.id, "by": other.id })),
        (team, Of::CoverEnded, json!({ "cover": cover })),
        (ann, Of::SubjectRegistered, json!({ "kind": "person" })),
        (ann_again, Of::SubjectRegistered, json!({ "kind": "person" })),
        (ann, Of::SubjectsLinked, link.clone()),
        (ann, Of::SubjectsUnlinked, link),
        (ann, Of::ConsentGiven, json!({ "purpose": "evaluation" })),
        (ann, Of::ConsentWithdrawn, json!({ "purpose": "evaluation" })),
        (ann, Of::LegalHoldPlaced, json!({ "hold": hold, "reason": "open complaint" })),
        (ann, Of::LegalHoldLifted, json!({ "hold": hold, "reason": "complaint closed" })),
        (ann, Of::ErasureProposed, json!({ "ground": "subject_request" })),
        (
            one,
            Of::FactCorrected,
            json!({
                "target": id(3), "occurred_on": "2018-02-03", "payload": { "wte": 0.6 }, "reason": "three days a week",
            }),
        ),
        (ann, Of::FactRetracted, json!({ "target": id(18), "reason": "recorded for another" })),
        (other, Of::WorkerLeft, json!({})),
        (ann, Of::DuplicateDismissed, json!({ "other": ann_again.id, "reason": "two people of one household" })),
    ];
    let told = |(at, (of, event_type, payload)): (u128, (StreamId, EventType, Value))| {
        line_of(of, at, event_type, &format!("2018-02-{at:02}"), &payload)
    };
    (1..).zip(facts).map(told).collect()
}

/// What the streams of these kinds come to, whatever ids their events have.
async fn facts_of(deployment: &Deployment, kinds: &[StreamKind]) -> Vec<String> {
    let whole = deployment.log.page(Position(0), Position(i64::MAX)).await.expect("the log is read");
    let mut streams: Vec<StreamId> = whole.iter().map(|event| event.stream).collect();
    streams.sort_unstable();
    streams.dedup();
    let mut facts = Vec::new();
    for stream in streams.into_iter().filter(|stream| kinds.contains(&stream.kind)) {
        let own = whole.iter().filter(|event| event.stream == stream);
        let history = History::of(own.map(|event| Recorded::decode(event).expect("ours")));
        facts.extend(history.facts().iter().map(|fact| format!("{stream} {:?} {:?}", fact.occurred, fact.event)));
    }
    facts
}

#[tokio::test]
async fn facts_about_people_are_imported_and_a_link_is_one_command_again() {
    let kinds = [StreamKind::Worker, StreamKind::Team, StreamKind::Subject];
    let mut lines = every_fact_about_people();
    let ann = StreamId { kind: StreamKind::Subject, id: Uuid::from_u128(0x20) };
    let approval = json!({ "proposal": Uuid::from_u128(21) });
    lines.push(line_of(ann, 26, EventType::ErasureApproved, "2018-02-26", &approval));
    for dialect in STORES {
        let [told, again] = [Deployment::on(dialect).await, Deployment::on(dialect).await];
        let recorder = told.recorder().await;
        open_contract(&recorder).await;
        let (_, rows) = import_as(Role::Manager, &recorder, &lines.join("\n")).await;
        for row in &rows[..25] {
            assert!(matches!(row.outcome, Outcome::Recorded(_)), "{row:#?}");
        }
        // The proposal is found by the file's id; but whoever proposed an erasure does not approve it.
        let Outcome::Refused(problems) = &rows[25].outcome else { panic!("{:?}", rows[25]) };
        assert_eq!(problems[0].code, "SAME_PERSON");

        // In the log a link stands in both streams. Exported and imported, the two lines are one command.
        let out = exported(&told).await;
        let recorder = again.recorder().await;
        open_contract(&recorder).await;
        let (summary, rows) = import_as(Role::Manager, &recorder, &out).await;
        assert_eq!((summary.refused, summary.unreadable), (2, 0), "the contract's own lines: {rows:#?}");
        assert_eq!(facts_of(&again, &kinds).await, facts_of(&told, &kinds).await);
        let (summary, _) = import_as(Role::Manager, &recorder, &out).await;
        assert_eq!((summary.recorded, summary.replayed), (0, 28));
        told.end().await;
        again.end().await;
    }
}
