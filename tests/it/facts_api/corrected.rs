//! Every kind of fact corrected by its own replacement, and what is wrong with one.

use serde_json::{Value, json};

use super::Work;
use crate::app::{new_id, on_both_stores, other_manager, refusals, text, with};

/// Every fact of a journey that may be corrected: what is said first, and what replaces it.
fn corrections(
    spell: &str,
    task: &str,
    risk: &str,
    evidence: &str,
    appointment: &str,
    worker: &str,
) -> Vec<(&'static str, Value, &'static str, Value)> {
    let same = |value: &Value| value.clone();
    let plan = json!({ "kind": "treatment_plan" });
    vec![
        ("assessEligibility", json!({ "result": "ELIGIBLE" }), "eligibility", json!({ "result": "NOT_ELIGIBLE" })),
        ("logContact", json!({ "channel": "phone" }), "contact", json!({ "channel": "video" })),
        ("startEngagement", json!({ "basis": "call" }), "engagement", json!({ "basis": "visit" })),
        ("agreePlan", same(&plan), "plan", same(&plan)),
        ("reviewPlan", same(&plan), "planReview", same(&plan)),
        ("closePlan", same(&plan), "planClose", with(same(&plan), json!({ "reason": "goals reached" }))),
        (
            "setTask",
            json!({ "task": task, "kind": "a", "dueOn": "2018-02-09" }),
            "task",
            json!({ "task": task, "kind": "b", "dueOn": "2018-02-10", "owner": worker }),
        ),
        ("completeTask", json!({ "task": task }), "taskDone", json!({ "task": task })),
        (
            "scoreAssessment",
            json!({ "instrument": "sdq", "score": "1" }),
            "assessment",
            json!({ "instrument": "sdq", "score": "2", "items": [{ "name": "conduct", "value": "2" }] }),
        ),
        (
            "startSpell",
            json!({ "spell": spell, "domain": "education" }),
            "spell",
            json!({ "spell": spell, "domain": "education", "hoursPerWeek": "12" }),
        ),
        (
            "changeSpell",
            json!({ "spell": spell, "hoursPerWeek": "20" }),
            "spellChange",
            json!({ "spell": spell, "attributes": [{ "name": "setting", "value": "pru" }] }),
        ),
        ("endSpell", json!({ "spell": spell }), "spellEnd", json!({ "spell": spell, "reason": "moved" })),
        (
            "recordMeasure",
            json!({ "code": "sdq_total", "value": "1" }),
            "measure",
            json!({ "code": "sdq_total", "value": "2" }),
        ),
        ("recordAchievement", json!({ "code": "no_new_offence" }), "achievement", json!({ "code": "living_at_home" })),
        (
            "raiseRisk",
            json!({ "risk": risk, "kind": "self_harm" }),
            "risk",
            json!({ "risk": risk, "kind": "offending" }),
        ),
        ("clearRisk", json!({ "risk": risk }), "riskClear", json!({ "risk": risk })),
        (
            "attachEvidence",
            json!({
                "evidence": evidence, "kind": "care_record", "datedOn": "2018-02-01",
                "acceptWarnings": ["EVIDENCE_SUPPORTS_NOTHING"],
            }),
            "evidence",
            // It is verified when it is corrected: the document itself stays.
            json!({ "evidence": evidence, "obtainedHow": "by_post" }),
        ),
        ("verifyEvidence", json!({ "evidence": evidence }), "evidenceVerification", json!({ "evidence": evidence })),
        (
            "rejectEvidence",
            json!({ "evidence": evidence, "defect": "altered" }),
            "evidenceRejection",
            json!({ "evidence": evidence, "defect": "illegible" }),
        ),
        (
            "bookAppointment",
            json!({ "appointment": appointment, "scheduledOn": "2018-03-09", "channel": "phone" }),
            "appointment",
            json!({ "time": "10:00" }),
        ),
        (
            "moveAppointment",
            json!({ "appointment": appointment, "scheduledOn": "2018-03-10" }),
            "appointmentMove",
            json!({ "channel": "video" }),
        ),
        (
            "cancelAppointment",
            json!({ "appointment": appointment, "by": "CLIENT" }),
            "appointmentCancel",
            json!({ "by": "SERVICE" }),
        ),
        ("releaseWorker", json!({ "worker": worker }), "release", json!({ "worker": worker })),
        ("disengage", json!({ "reason": "no_contact" }), "disengagement", json!({ "reason": "in_custody" })),
        ("closeJourney", json!({ "reason": "other" }), "close", json!({ "reason": "in_custody" })),
        ("reopenJourney", json!({ "reason": "a slip" }), "reopening", json!({ "reason": "came back" })),
        (
            "transferJourney",
            json!({ "reason": "moved_away", "destination": "x" }),
            "transfer",
            json!({ "reason": "moved_away", "destination": "mst-kent" }),
        ),
    ]
}

#[tokio::test]
async fn each_kind_of_fact_is_corrected_by_its_own_replacement() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let [spell, task, risk, evidence, appointment] = std::array::from_fn(|_| new_id());
        let mut stated = Vec::new();
        let facts = corrections(&spell, &task, &risk, &evidence, &appointment, &work.worker);
        for (day, (mutation, fact, field, replacement)) in (1..).zip(facts) {
            stated.push((work.so(mutation, &format!("2018-02-{day:02}"), fact).await, field, replacement));
        }
        for (event, field, replacement) in stated {
            let whole = json!({ field: replacement });
            let input =
                json!({ "target": event, "replacement": whole, "reason": "a slip of the pen", "localTime": "10:00" });
            let input = with(json!({ "journey": work.journey }), input);
            let payload = app.tell(&other_manager(), "correctFact", input).await;
            assert!(refusals(&payload).is_empty(), "{field}: {payload:#}");
            assert_eq!(payload["events"][0]["type"], "FactCorrected", "{field}");
        }
        let fields = "timeline { event { type } amends { id } } contacts { channel occurred { on localTime } } \
                      tasks { kind owner { label } } spells { hoursPerWeekAtStart changes { attributes { name } } } \
                      evidence { kind obtainedHow defect } closes { reason reopened { reason } }";
        let read = work.read(fields).await;
        let amended = read["timeline"].as_array().expect("entries").iter().filter(|entry| !entry["amends"].is_null());
        assert_eq!(amended.count(), 27);
        let contact = json!({ "channel": "video", "occurred": { "on": "2018-02-02", "localTime": "10:00:00" } });
        assert_eq!(read["contacts"], json!([contact]));
        assert_eq!(read["tasks"], json!([{ "kind": "b", "owner": { "label": "TH-01" } }]));
        let changes = json!([{ "attributes": [{ "name": "setting" }] }]);
        assert_eq!(read["spells"], json!([{ "hoursPerWeekAtStart": "12", "changes": changes }]));
        let piece = json!({ "kind": "care_record", "obtainedHow": "by_post", "defect": "illegible" });
        assert_eq!(read["evidence"], json!([piece]));
        assert_eq!(read["closes"][0], json!({ "reason": "in_custody", "reopened": { "reason": "came back" } }));
    })
    .await;
}

#[tokio::test]
async fn every_type_of_fact_that_may_be_corrected_has_its_replacement() {
    use throughline_domain::fact::envelope::StreamKind;
    use throughline_domain::fact::event::EventType;
    let sdl = throughline::graphql::sdl();
    let body =
        sdl.split("input Replacement @oneOf {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the input");
    for event_type in EventType::ALL.iter().filter(|of| of.stream_kinds().contains(&StreamKind::Journey)) {
        let has = body.contains(&format!("`{}` event.", event_type.as_str()));
        assert_eq!(has, event_type.is_correctable(), "{}", event_type.as_str());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_replacement_is_said_of_the_field_that_holds_it() {
    on_both_stores(async |app| {
        let work = Work::on(app).await;
        let contact = work.so("logContact", "2018-02-05", json!({ "channel": "phone" })).await;
        let close = work.so("closeJourney", "2018-02-10", json!({ "reason": "other" })).await;
        let correct = async |target: &str, replacement: Value, reason: &str| {
            let input = json!({ "target": target, "replacement": replacement, "reason": reason });
            let payload =
                app.tell(&other_manager(), "correctFact", with(json!({ "journey": work.journey }), input)).await;
            let problems = payload["problems"].as_array().expect("problems").clone();
            problems.iter().map(|problem| (text(&problem["code"]), problem["path"].clone())).collect::<Vec<_>>()
        };
        let found =
            correct(&contact, json!({ "contact": { "channel": "pigeon", "worker": new_id() } }), "a slip").await;
        let expected = [
            ("UNKNOWN_CODE".to_owned(), json!(["replacement", "contact", "channel"])),
            ("WORKER_NOT_FOUND".to_owned(), json!(["replacement", "contact", "worker"])),
        ];
        assert_eq!(found, expected);
        // The close has a reason of its own beside that of its correction.
        let found = correct(&close, json!({ "close": { "reason": "boredom" } }), " ").await;
        let expected = [
            ("MISSING_VALUE".to_owned(), json!(["reason"])),
            ("UNKNOWN_CODE".to_owned(), json!(["replacement", "close", "reason"])),
        ];
        assert_eq!(found, expected);
        let found = correct(&close, json!({ "plan": { "kind": "treatment_plan" } }), "a slip").await;
        assert_eq!(found, [("OTHER_TYPE".to_owned(), json!(["replacement", "plan"]))]);
        let found = correct(&new_id(), json!({ "close": { "reason": "other" } }), "a slip").await;
        assert_eq!(found, [("FACT_NOT_FOUND".to_owned(), json!(["target"]))]);
    })
    .await;
}
