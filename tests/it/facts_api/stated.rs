//! Every fact of a journey stated, refused with its code and path, and read back with the event that a correction
//! names.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Work, at};
use crate::app::{MST, new_id, on_both_stores, other_manager, refusals, text, with};

#[tokio::test]
async fn a_referral_is_read_whole_and_may_be_taken_back() {
    on_both_stores(async |app| {
        let input = json!({
            "contract": MST, "area": "west", "occurredOn": "2018-02-05",
            "referrer": { "organisation": "A school", "kind": "school" },
            "externalReferences": [{ "system": "liquidlogic", "id": "C-17" }],
        });
        let referred = app.done(&other_manager(), "receiveReferral", input).await;
        let worker = String::new();
        let work = Work { app, journey: text(&referred["journey"]["id"]), worker };
        let withdrawn = work.so("withdrawReferral", "2018-02-07", json!({ "reason": "family_withdrew" })).await;
        let again = work.no("withdrawReferral", "2018-02-08", json!({ "reason": "moved_away" })).await;
        assert_eq!(again, at("REFERRAL_WITHDRAWN", &[]));
        let read = work
            .read(
                "onCaseload referral { event area cohort referrer { organisation kind } \
                 externalReferences { system id } } withdrawn { event occurred { on } reason } declined { event }",
            )
            .await;
        let referral = json!({
            "event": referred["events"][1]["id"], "area": "west", "cohort": null,
            "referrer": { "organisation": "A school", "kind": "school" },
            "externalReferences": [{ "system": "liquidlogic", "id": "C-17" }],
        });
        assert_eq!(read["referral"], referral);
        let expected = json!({ "event": withdrawn, "occurred": { "on": "2018-02-07" }, "reason": "family_withdrew" });
        assert_eq!((&read["withdrawn"], &read["declined"]), (&expected, &Value::Null));
        assert_eq!(
            work.no("withdrawReferral", "2018-02-07", json!({ "reason": "bored" })).await,
            at("UNKNOWN_CODE", &["reason"])
        );
    })
    .await;
}

#[tokio::test]
async fn eligibility_is_read_with_the_facts_of_its_day() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let first = json!({
            "result": "NOT_ELIGIBLE", "criteria": [{ "name": "edge_of_care", "value": false }],
            "facts": [{ "name": "age", "value": "10" }],
        });
        work.so("assessEligibility", "2018-01-05", first).await;
        let second = json!({
            "result": "ELIGIBLE",
            "criteria": [{ "name": "edge_of_care", "value": true }, { "name": "aged_11_to_17", "value": true }],
            "facts": [{ "name": "siblings", "value": "2" }, { "name": "legal_status", "value": "C2" },
                { "name": "looked_after", "value": "false" }],
        });
        let event = work.so("assessEligibility", "2018-02-05", second).await;
        let read = work.read("eligibility { event result criteria { name value } facts { name value } }").await;
        assert_eq!(read["eligibility"][0]["result"], "NOT_ELIGIBLE");
        let expected = json!({
            "event": event, "result": "ELIGIBLE",
            "criteria": [{ "name": "aged_11_to_17", "value": true }, { "name": "edge_of_care", "value": true }],
            "facts": [{ "name": "legal_status", "value": "C2" }, { "name": "looked_after", "value": "false" },
                { "name": "siblings", "value": "2" }],
        });
        assert_eq!(read["eligibility"][1], expected);
        let payload: Value = {
            let read = work.read("timeline { event { id payload } }").await;
            let entries = read["timeline"].as_array().expect("entries").clone();
            let found = entries.into_iter().find(|entry| entry["event"]["id"] == event.as_str()).expect("the event");
            serde_json::from_str(found["event"]["payload"].as_str().expect("a payload")).expect("JSON")
        };
        let facts = json!({ "legal_status": "C2", "looked_after": false, "siblings": 2 });
        assert_eq!(payload["facts"], facts, "flags and quantities are kept as such");
        let early = json!({ "result": "ELIGIBLE" });
        assert_eq!(work.no("assessEligibility", "2018-01-01", early).await, at("BEFORE_REFERRAL", &["occurredOn"]));
        let long = json!({ "result": "ELIGIBLE", "facts": [{ "name": "legal_status", "value": "x".repeat(201) }] });
        assert_eq!(
            work.no("assessEligibility", "2018-02-06", long).await,
            at("INPUT_TOO_LONG", &["facts", "0", "value"])
        );
    })
    .await;
}

#[tokio::test]
async fn a_worker_is_released_and_the_case_is_unassigned() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let released = work.so("releaseWorker", "2018-02-10", json!({ "worker": work.worker })).await;
        let read =
            work.read("keyworker { label } assignments { event from to released { event occurred { on } } }").await;
        assert_eq!(read["keyworker"], Value::Null);
        let held = &read["assignments"][0];
        assert_eq!((&held["from"], &held["to"]), (&json!("2018-01-04"), &json!("2018-02-10")));
        assert_eq!(held["released"], json!({ "event": released, "occurred": { "on": "2018-02-10" } }));
        assert_eq!(work.read_as_of("2018-02-09", "keyworker { label }").await["keyworker"]["label"], "TH-01");
        let again = work.no("releaseWorker", "2018-02-11", json!({ "worker": work.worker })).await;
        assert_eq!(again, at("NOT_ASSIGNED", &["worker"]));
        assert_eq!(work.no("releaseWorker", "2018-02-11", json!({ "worker": new_id() })).await.0, "WORKER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn plans_are_reviewed_and_closed() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let basis = work.so("startEngagement", "2018-01-05", json!({ "basis": "first_session" })).await;
        assert_eq!(
            work.no("startEngagement", "2018-01-05", json!({ "basis": "" })).await,
            at("MISSING_VALUE", &["basis"])
        );
        let kind = json!({ "kind": "treatment_plan" });
        assert_eq!(work.no("reviewPlan", "2018-01-08", kind.clone()).await, at("PLAN_NOT_FOUND", &["kind"]));
        let agreed = work.so("agreePlan", "2018-01-08", kind.clone()).await;
        let reviewed = work.so("reviewPlan", "2018-02-05", kind.clone()).await;
        let closed = work.so("closePlan", "2018-02-20", with(kind.clone(), json!({ "reason": "goals reached" }))).await;
        assert_eq!(work.no("closePlan", "2018-02-21", kind).await, at("PLAN_NOT_FOUND", &["kind"]));
        let fields = "engagements { event basis } plans { event kind reviews { event occurred { on } } \
                      closed { event occurred { on } reason } }";
        let expected = json!({
            "engagements": [{ "event": basis, "basis": "first_session" }],
            "plans": [{
                "event": agreed, "kind": "treatment_plan",
                "reviews": [{ "event": reviewed, "occurred": { "on": "2018-02-05" } }],
                "closed": { "event": closed, "occurred": { "on": "2018-02-20" }, "reason": "goals reached" },
            }],
        });
        assert_eq!(work.read(fields).await, expected);
        let earlier = work.read_as_of("2018-02-04", "plans { reviews { event } closed { event } }").await;
        assert_eq!(earlier["plans"], json!([{ "reviews": [], "closed": null }]));
    })
    .await;
}

#[tokio::test]
async fn a_task_is_open_then_overdue_then_done() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let command = new_id();
        let input =
            json!({ "commandId": command, "kind": "school_meeting", "dueOn": "2018-02-09", "owner": work.worker });
        let event = work.so("setTask", "2018-02-01", input).await;
        let task = Uuid::new_v5(&command.parse().expect("an id"), b"task").to_string();
        let other = new_id();
        work.so("setTask", "2018-02-02", json!({ "task": other, "kind": "safety_check", "dueOn": "2018-03-09" })).await;
        let twice = json!({ "task": task, "kind": "safety_check", "dueOn": "2018-03-09" });
        assert_eq!(work.no("setTask", "2018-02-03", twice).await, at("TASK_EXISTS", &["task"]));
        let backwards = json!({ "kind": "safety_check", "dueOn": "2018-02-01" });
        assert_eq!(work.no("setTask", "2018-02-03", backwards).await, at("INVALID_VALUE", &["dueOn"]));
        let owned = json!({ "kind": "safety_check", "dueOn": "2018-03-09", "owner": new_id() });
        assert_eq!(work.no("setTask", "2018-02-03", owned).await, at("WORKER_NOT_FOUND", &["owner"]));

        let done = work.so("completeTask", "2018-02-20", json!({ "task": task })).await;
        assert_eq!(
            work.no("completeTask", "2018-02-21", json!({ "task": task })).await,
            at("TASK_ALREADY_OVER", &["task"])
        );
        assert_eq!(
            work.no("cancelTask", "2018-02-21", json!({ "task": new_id() })).await,
            at("TASK_NOT_FOUND", &["task"])
        );
        let fields = "tasks { id event kind dueOn owner { label } state overdue over { event reason } }";
        let mut expected = json!({
            "id": task, "event": event, "kind": "school_meeting", "dueOn": "2018-02-09", "owner": { "label": "TH-01" },
            "state": "OPEN", "overdue": false, "over": null,
        });
        assert_eq!(work.read_as_of("2018-02-09", fields).await["tasks"][0], expected);
        expected["overdue"] = true.into();
        assert_eq!(work.read_as_of("2018-02-10", fields).await["tasks"][0], expected);
        let over = json!({ "state": "DONE", "overdue": false, "over": { "event": done, "reason": null } });
        assert_eq!(work.read(fields).await["tasks"][0], with(expected, over));

        let cancelled = work.so("cancelTask", "2018-02-22", json!({ "task": other, "reason": "moved school" })).await;
        let read = work
            .read("open: tasks(state: OPEN) { id } cancelled: tasks(state: CANCELLED) { id over { event reason } }")
            .await;
        assert_eq!(read["open"], json!([]));
        let over = json!({ "event": cancelled, "reason": "moved school" });
        assert_eq!(read["cancelled"], json!([{ "id": other, "over": over }]));
    })
    .await;
}

#[tokio::test]
async fn what_was_scored_measured_and_achieved_is_read_exactly() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let items = json!([{ "name": "conduct", "value": "4" }, { "name": "emotional", "value": "3.50" }]);
        let scored =
            work.so("scoreAssessment", "2018-02-01", json!({ "instrument": "sdq", "items": items, "score": "17.5" })).await;
        let period = json!({ "first": "2018-01-01", "last": "2018-01-31" });
        let measure = json!({ "code": "school_attendance", "value": "92.125", "unit": "percent", "period": period });
        let measured = work.so("recordMeasure", "2018-02-01", measure.clone()).await;
        let achieved =
            work.so("recordAchievement", "2018-02-10", json!({ "code": "therapy_completed", "level": "full" })).await;

        let unnamed = json!({ "instrument": "sdq", "items": [{ "name": " ", "value": "1" }], "score": "1" });
        assert_eq!(work.no("scoreAssessment", "2018-02-01", unnamed).await, at("MISSING_VALUE", &["items", "0", "name"]));
        let many = json!({ "instrument": "sdq", "items": [{ "name": "conduct_problems", "value": "1234567890.123456" }], "score": "1" });
        assert_eq!(work.no("scoreAssessment", "2018-02-01", many).await, at("INPUT_TOO_LONG", &["items", "0", "value"]));
        let unknown = with(measure.clone(), json!({ "code": "height" }));
        assert_eq!(work.no("recordMeasure", "2018-02-01", unknown).await, at("UNKNOWN_CODE", &["code"]));
        let backwards = with(measure, json!({ "period": { "first": "2018-01-31", "last": "2018-01-01" } }));
        assert_eq!(work.no("recordMeasure", "2018-02-01", backwards).await, at("INVALID_VALUE", &["period", "last"]));
        let unknown = json!({ "code": "swimming" });
        assert_eq!(work.no("recordAchievement", "2018-02-10", unknown).await, at("UNKNOWN_CODE", &["code"]));

        let fields = "assessments { event instrument items { name value } score } \
                      measures { event code value unit period { first last } } achievements { event code level }";
        let expected = json!({
            "assessments": [{ "event": scored, "instrument": "sdq", "score": "17.5",
                "items": [{ "name": "conduct", "value": "4" }, { "name": "emotional", "value": "3.5" }] }],
            "measures": [{ "event": measured, "code": "school_attendance", "value": "92.125", "unit": "percent",
                "period": { "first": "2018-01-01", "last": "2018-01-31" } }],
            "achievements": [{ "event": achieved, "code": "therapy_completed", "level": "full" }],
        });
        assert_eq!(work.read(fields).await, expected);
    })
    .await;
}

#[tokio::test]
async fn a_worker_is_scored_and_a_contract_measured_and_one_of_two_is_named() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let score = json!({ "instrument": "supervision", "score": "0.8", "occurredOn": "2018-02-01" });
        let of_worker = with(score.clone(), json!({ "worker": work.worker }));
        let payload = app.done(&other_manager(), "scoreAssessment", of_worker).await;
        assert_eq!((&payload["events"][0]["type"], &payload["journey"]), (&json!("AssessmentScored"), &Value::Null));
        let unknown = with(score.clone(), json!({ "worker": new_id() }));
        let payload = app.tell(&other_manager(), "scoreAssessment", unknown).await;
        assert_eq!(refusals(&payload), ["WORKER_NOT_FOUND"]);

        let measure = json!({ "code": "therapist_adherence", "value": "0.61", "occurredOn": "2018-02-01" });
        let of_contract = with(measure.clone(), json!({ "contract": MST }));
        let payload = app.done(&other_manager(), "recordMeasure", of_contract).await;
        assert_eq!(payload["events"][0]["type"], "MeasureRecorded");
        let elsewhere = with(measure.clone(), json!({ "contract": "shps" }));
        let payload = app.tell(&other_manager(), "recordMeasure", elsewhere).await;
        assert_eq!(refusals(&payload), ["CONTRACT_NOT_FOUND"]);

        let head = app.head().await;
        for (mutation, input, code, path) in [
            ("scoreAssessment", score.clone(), "MISSING_VALUE", "journey"),
            (
                "scoreAssessment",
                with(score, json!({ "worker": work.worker, "journey": work.journey })),
                "INVALID_VALUE",
                "worker",
            ),
            ("recordMeasure", measure.clone(), "MISSING_VALUE", "journey"),
            (
                "recordMeasure",
                with(measure, json!({ "contract": MST, "journey": work.journey })),
                "INVALID_VALUE",
                "contract",
            ),
        ] {
            let payload = app.tell(&other_manager(), mutation, input).await;
            let problem = &payload["problems"][0];
            assert_eq!((&problem["code"], &problem["path"]), (&json!(code), &json!([path])), "{mutation}");
            assert!(text(&problem["message"]).starts_with("give exactly one of journey and"), "{problem}");
            assert_eq!(payload["journey"], Value::Null);
        }
        assert_eq!(app.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn a_spell_is_read_as_it_was_on_the_day() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let command = new_id();
        let start = json!({
            "commandId": command, "domain": "education", "employerRef": "S-12", "hoursPerWeek": "10",
            "attributes": [{ "name": "setting", "value": "pru" }, { "name": "funded", "value": "true" }],
        });
        let started = work.so("startSpell", "2018-01-08", start).await;
        let spell = Uuid::new_v5(&command.parse().expect("an id"), b"spell").to_string();
        let change = json!({
            "spell": spell, "hoursPerWeek": "25.5", "attributes": [{ "name": "setting", "value": "mainstream" }],
        });
        let changed = work.so("changeSpell", "2018-02-05", change.clone()).await;
        assert_eq!(work.no("changeSpell", "2018-01-07", change.clone()).await, at("OUTSIDE_SPELL", &["occurredOn"]));
        let nothing = json!({ "spell": spell });
        assert_eq!(work.no("changeSpell", "2018-02-06", nothing).await, at("MISSING_VALUE", &["attributes"]));
        let unknown = with(change.clone(), json!({ "spell": new_id() }));
        assert_eq!(work.no("changeSpell", "2018-02-06", unknown).await, at("SPELL_NOT_FOUND", &["spell"]));
        let week = with(change, json!({ "hoursPerWeek": "169" }));
        assert_eq!(work.no("changeSpell", "2018-02-06", week).await, at("INVALID_VALUE", &["hoursPerWeek"]));
        let ended = work.so("endSpell", "2018-02-20", json!({ "spell": spell, "reason": "moved" })).await;

        let fields = "spells { id event hoursPerWeek attributes { name value } hoursPerWeekAtStart \
                      attributesAtStart { name value } changes { event hoursPerWeek attributes { name value } } \
                      ended { on } endReason endEvent }";
        let before = work.read_as_of("2018-02-04", fields).await["spells"][0].clone();
        let at_start = json!([{ "name": "funded", "value": "true" }, { "name": "setting", "value": "pru" }]);
        assert_eq!((&before["hoursPerWeek"], &before["attributes"]), (&json!("10"), &at_start));
        assert_eq!((&before["changes"], &before["ended"]), (&json!([]), &Value::Null));
        let since = json!([{ "name": "funded", "value": "true" }, { "name": "setting", "value": "mainstream" }]);
        let expected = json!({
            "id": spell, "event": started, "hoursPerWeek": "25.5", "attributes": since, "hoursPerWeekAtStart": "10",
            "attributesAtStart": at_start,
            "changes": [{ "event": changed, "hoursPerWeek": "25.5",
                "attributes": [{ "name": "setting", "value": "mainstream" }] }],
            "ended": { "on": "2018-02-20" }, "endReason": "moved", "endEvent": ended,
        });
        assert_eq!(work.read(fields).await["spells"][0], expected);
    })
    .await;
}

#[tokio::test]
async fn a_risk_is_raised_and_cleared() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let command = new_id();
        let raised = work.so("raiseRisk", "2018-02-01", json!({ "commandId": command, "kind": "self_harm" })).await;
        let risk = Uuid::new_v5(&command.parse().expect("an id"), b"risk").to_string();
        let again = json!({ "risk": risk, "kind": "offending" });
        assert_eq!(work.no("raiseRisk", "2018-02-02", again).await, at("RISK_EXISTS", &["risk"]));
        assert_eq!(
            work.no("raiseRisk", "2018-02-02", json!({ "kind": "boredom" })).await,
            at("UNKNOWN_CODE", &["kind"])
        );
        assert_eq!(
            work.no("clearRisk", "2018-01-31", json!({ "risk": risk })).await,
            at("ENDED_BEFORE_START", &["occurredOn"])
        );
        let cleared = work.so("clearRisk", "2018-02-20", json!({ "risk": risk })).await;
        assert_eq!(
            work.no("clearRisk", "2018-02-21", json!({ "risk": risk })).await,
            at("RISK_ALREADY_CLEARED", &["risk"])
        );
        let fields = "risks { id event kind raised { on } cleared { event occurred { on } } }";
        let mut expected = json!({
            "id": risk, "event": raised, "kind": "self_harm", "raised": { "on": "2018-02-01" },
            "cleared": { "event": cleared, "occurred": { "on": "2018-02-20" } },
        });
        assert_eq!(work.read(fields).await["risks"][0], expected);
        expected["cleared"] = Value::Null;
        assert_eq!(work.read_as_of("2018-02-19", fields).await["risks"][0], expected);
    })
    .await;
}

#[tokio::test]
async fn evidence_is_attached_checked_and_withdrawn() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let spell = new_id();
        let start = json!({ "spell": spell, "domain": "education", "attributes": [] });
        let started = work.so("startSpell", "2018-01-08", start).await;
        let digest = "1f336ef65e2a7a09bd57675fe6e32456c3a0aca423f4083c8db031c336e0845d";
        let piece = json!({
            "kind": "school_record", "sha256": digest.to_uppercase(), "datedOn": "2018-01-31", "obtainedOn": "2018-02-01",
            "obtainedHow": "from_school", "supports": [spell, started],
        });
        let first = new_id();
        let attached =
            work.so("attachEvidence", "2018-02-02", with(piece.clone(), json!({ "commandId": first }))).await;
        let id = Uuid::new_v5(&first.parse().expect("an id"), b"evidence").to_string();
        let (flawed, taken_back) = (new_id(), new_id());
        for other in [&flawed, &taken_back] {
            let again = json!({ "evidence": other, "acceptWarnings": ["RECORDED_ALREADY"] });
            work.so("attachEvidence", "2018-02-02", with(piece.clone(), again)).await;
        }
        for (changed, code, path) in [
            (json!({ "supports": [spell, new_id()] }), "SUPPORT_NOT_FOUND", &["supports", "1"][..]),
            (json!({ "sha256": digest[1..] }), "INVALID_VALUE", &["sha256"]),
            (json!({ "kind": "selfie" }), "UNKNOWN_CODE", &["kind"]),
            (json!({ "evidence": id }), "EVIDENCE_EXISTS", &["evidence"]),
            (json!({ "datedOn": "2018-02-02" }), "INVALID_VALUE", &["datedOn"]),
        ] {
            assert_eq!(work.no("attachEvidence", "2018-02-02", with(piece.clone(), changed)).await, at(code, path));
        }

        let verified = work.so("verifyEvidence", "2018-02-10", json!({ "evidence": id })).await;
        let again = work.no("verifyEvidence", "2018-02-11", json!({ "evidence": id })).await;
        assert_eq!(again, at("EVIDENCE_ALREADY_VERIFIED", &["evidence"]));
        let defect = json!({ "evidence": flawed, "defect": "illegible" });
        let rejected = work.so("rejectEvidence", "2018-02-12", defect.clone()).await;
        let again = work.no("rejectEvidence", "2018-02-13", defect).await;
        assert_eq!(again, at("EVIDENCE_NO_LONGER_COUNTS", &["evidence"]));
        let unlisted = json!({ "evidence": id, "defect": "smudged" });
        assert_eq!(work.no("rejectEvidence", "2018-02-13", unlisted).await, at("UNKNOWN_CODE", &["defect"]));
        let withdrawal = json!({ "evidence": taken_back, "reason": "attached twice" });
        let withdrawn = work.so("withdrawEvidence", "2018-02-14", withdrawal).await;
        let unknown = work.no("withdrawEvidence", "2018-02-14", json!({ "evidence": new_id() })).await;
        assert_eq!(unknown, at("EVIDENCE_NOT_FOUND", &["evidence"]));

        let fields = "evidence { id event kind sha256 datedOn obtainedOn obtainedHow supports state \
                      verified { event } rejected { event } defect withdrawn { event reason } }";
        let read = work.read(fields).await["evidence"].clone();
        let expected = json!({
            "id": id, "event": attached, "kind": "school_record", "sha256": digest, "datedOn": "2018-01-31",
            "obtainedOn": "2018-02-01", "obtainedHow": "from_school", "supports": [spell, started],
            "state": "VERIFIED", "verified": { "event": verified }, "rejected": null, "defect": null, "withdrawn": null,
        });
        assert_eq!(read[0], expected);
        assert_eq!((&read[1]["state"], &read[1]["defect"]), (&json!("REJECTED"), &json!("illegible")));
        assert_eq!(read[1]["rejected"]["event"], json!(rejected));
        assert_eq!(read[2]["withdrawn"], json!({ "event": withdrawn, "reason": "attached twice" }));
        let by_state = "attached: evidence(state: ATTACHED) { id } withdrawn: evidence(state: WITHDRAWN) { id }";
        let now = work.read(by_state).await;
        assert_eq!((&now["attached"], &now["withdrawn"]), (&json!([]), &json!([{ "id": taken_back }])));
        let then = work.read_as_of("2018-02-09", by_state).await;
        assert_eq!(then["attached"].as_array().map(Vec::len), Some(3));
    })
    .await;
}

#[tokio::test]
async fn a_case_is_closed_reopened_and_transferred() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let disengaged =
            work.so("disengage", "2018-02-01", json!({ "reason": "no_contact", "lastSeenOn": "2018-01-20" })).await;
        assert_eq!(
            work.no("reopenJourney", "2018-02-01", json!({ "reason": "came back" })).await,
            at("NOT_CLOSED", &["occurredOn"])
        );
        let closed = work.so("closeJourney", "2018-02-05", json!({ "reason": "lack_of_engagement" })).await;
        let reopened = work.so("reopenJourney", "2018-02-12", json!({ "reason": "came back" })).await;
        let out = json!({ "reason": "moved_away", "destination": "mst-kent" });
        let transferred = work.so("transferJourney", "2018-02-20", out.clone()).await;
        assert_eq!(work.no("transferJourney", "2018-02-21", out.clone()).await, at("ALREADY_CLOSED", &[]));
        let nowhere = with(out, json!({ "destination": " " }));
        assert_eq!(work.no("transferJourney", "2018-02-21", nowhere).await, at("MISSING_VALUE", &["destination"]));
        let personal = json!({ "reason": "rang 07700 900123" });
        assert_eq!(work.no("reopenJourney", "2018-02-21", personal).await, at("PERSONAL_DATA", &["reason"]));

        let fields = "onCaseload closed { event how } closes { event how reason destination occurred { on } \
                      reopened { event occurred { on } reason } } disengagements { event reason lastSeenOn }";
        let expected = json!({
            "onCaseload": false,
            "closed": { "event": transferred, "how": "TRANSFERRED" },
            "closes": [
                { "event": closed, "how": "CLOSED", "reason": "lack_of_engagement", "destination": null,
                    "occurred": { "on": "2018-02-05" },
                    "reopened": { "event": reopened, "occurred": { "on": "2018-02-12" }, "reason": "came back" } },
                { "event": transferred, "how": "TRANSFERRED", "reason": "moved_away", "destination": "mst-kent",
                    "occurred": { "on": "2018-02-20" }, "reopened": null },
            ],
            "disengagements": [{ "event": disengaged, "reason": "no_contact", "lastSeenOn": "2018-01-20" }],
        });
        assert_eq!(work.read(fields).await, expected);
        for (day, on_caseload, how) in [
            ("2018-02-04", true, Value::Null),
            ("2018-02-05", false, json!({ "how": "CLOSED" })),
            ("2018-02-12", true, Value::Null),
        ] {
            let then = work.read_as_of(day, "onCaseload closed { how }").await;
            assert_eq!((&then["onCaseload"], &then["closed"]), (&json!(on_caseload), &how), "{day}");
        }
    })
    .await;
}
