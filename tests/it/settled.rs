//! What the parties settle about indicators: another level with a reason, and notices that answer one of them; on both
//! stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{SHPS, TestApp, administrator, from_the_instant, refusals, test_caller, with};

const CODE: &str = "outlook";

fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "commissioner", &[CODE])
}

/// Runs a test on both stores, with the contract open since October and one indicator, `plans`.
async fn with_an_indicator(test: impl AsyncFn(&TestApp)) {
    from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        let rulebook = include_str!("rulebooks/outlook.toml");
        let input = json!({ "code": CODE, "name": CODE, "startsOn": "2017-10-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        test(app).await;
    })
    .await;
}

fn february(value: &str) -> Value {
    let period = json!({ "first": "2018-02-01", "last": "2018-02-28" });
    json!({ "contract": CODE, "kpi": "plans", "period": period, "value": value })
}

async fn assessments(app: &TestApp) -> Value {
    let document = "{ contract(code: \"outlook\") { kpiAssessments { kpi value grade assessed { reason } } } }";
    app.ask(&commissioner(), document, json!({})).await["contract"]["kpiAssessments"].clone()
}

#[tokio::test]
async fn the_parties_settle_another_grade_only_with_a_reason() {
    with_an_indicator(async |app| {
        let settled = with(february("20"), json!({ "grade": "minor" }));
        let refused = app.tell(&commissioner(), "assessKpi", settled.clone()).await;
        assert_eq!(refusals(&refused), ["OTHER_GRADE"], "{refused}");
        assert_eq!(refused["problems"][0]["allowed"], json!(["major"]));
        let reason = |reason: &str| json!({ "reason": reason });
        for personal in ["ring 020 7946 0958", "seen by jo@example.org"] {
            let refused = app.tell(&commissioner(), "assessKpi", with(settled.clone(), reason(personal))).await;
            assert_eq!(refusals(&refused), ["PERSONAL_DATA"], "{refused}");
            assert_eq!(refused["problems"][0]["path"], json!(["reason"]));
        }
        let long = "x".repeat(201);
        let refused = app.tell(&commissioner(), "assessKpi", with(settled.clone(), reason(&long))).await;
        assert_eq!(refusals(&refused), ["INPUT_TOO_LONG"], "{refused}");
        let invented = with(with(settled.clone(), reason("snow")), json!({ "grade": "fair" }));
        let refused = app.tell(&commissioner(), "assessKpi", invented).await;
        assert_eq!(refusals(&refused), ["OTHER_GRADE"], "{refused}");
        assert_eq!(refused["problems"][0]["allowed"], json!(["met", "minor", "major"]));

        let done = app.done(&commissioner(), "assessKpi", with(settled, reason("snow"))).await;
        let expected = |value: &str, grade: &str| {
            json!([{ "kpi": "plans", "value": value, "grade": grade, "assessed": { "reason": "snow" } }])
        };
        assert_eq!(assessments(app).await, expected("20", "minor"));
        // A patch of the value keeps the grade that they settled; the rulebook would give it another one.
        let correct = json!({
            "contract": CODE, "target": done["events"][0]["id"], "reason": "typed wrongly",
            "replacement": { "kpi": { "value": "25" } },
        });
        app.done(&commissioner(), "correctFact", correct).await;
        assert_eq!(assessments(app).await, expected("25", "minor"));
    })
    .await;
}

#[tokio::test]
async fn a_reason_beside_the_grade_of_the_rulebook_changes_no_grade() {
    with_an_indicator(async |app| {
        let explained = with(february("20"), json!({ "reason": "snow" }));
        let done = app.done(&commissioner(), "assessKpi", explained).await;
        let correct = json!({
            "contract": CODE, "target": done["events"][0]["id"], "reason": "typed wrongly",
            "replacement": { "kpi": { "value": "65" } },
        });
        app.done(&commissioner(), "correctFact", correct).await;
        let found = assessments(app).await;
        assert_eq!((&found[0]["value"], &found[0]["grade"]), (&json!("65"), &json!("met")), "the grade follows again");
    })
    .await;
}

#[tokio::test]
async fn a_notice_stands_at_the_indicator_that_it_answers() {
    with_an_indicator(async |app| {
        let notice = |kpi: Value| {
            let about = json!({ "contract": CODE, "kind": "PERFORMANCE_PLAN", "reason": "plans", "kpi": kpi });
            with(about, json!({ "occurredOn": "2018-03-01" }))
        };
        let refused = app.tell(&commissioner(), "issueNotice", notice(json!("weather"))).await;
        assert_eq!(refusals(&refused), ["UNKNOWN_INDICATOR"], "{refused}");
        assert!(refused["problems"][0]["allowed"].as_array().expect("a list").contains(&json!("plans")), "{refused}");
        app.done(&commissioner(), "assessKpi", february("20")).await;
        // The measure that a grade tests is an indicator too: a notice about it is none about plans.
        let others = refused["problems"][0]["allowed"].as_array().expect("a list").clone();
        let other = others.into_iter().find(|code| *code != json!("plans")).expect("another indicator");
        app.done(&commissioner(), "issueNotice", notice(other)).await;
        let notices = async || {
            let document = "{ contract(code: \"outlook\") { performance(by: [], period: { from: \"2018-02-01\" }) { \
                kpis { code months { notices { kind kpi } } } } } }";
            let found = app.ask(&commissioner(), document, json!({})).await;
            let kpis = found["contract"]["performance"]["kpis"].as_array().expect("a list").clone();
            let plans = kpis.into_iter().find(|kpi| kpi["code"] == "plans").expect("an indicator");
            plans["months"][0]["notices"].clone()
        };
        assert_eq!(notices().await, json!([]));
        app.done(&commissioner(), "issueNotice", notice(json!("plans"))).await;
        assert_eq!(notices().await, json!([{ "kind": "PERFORMANCE_PLAN", "kpi": "plans" }]));
    })
    .await;
}

#[tokio::test]
async fn a_standard_with_levels_has_tools_as_an_indicator_has() {
    from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        let standard = "\n[[standard]]\ncode = \"quick_contact\"\nfrom = \"referral_received\"\nwithin = { days = 7 }\n\
            met_by = { contact = { made = true } }\nminimum_level = 95\nlower_level = 85\n\
            tools = { minor = [\"improvement_plan\"], major = [\"termination\"] }\n";
        let pack = throughline_domain::contract::rulebook::packs::pack(SHPS).expect("a pack").text;
        let input =
            json!({ "code": SHPS, "name": SHPS, "startsOn": "2017-03-01", "rulebook": format!("{pack}{standard}") });
        app.done(&administrator(), "openContract", input).await;
        app.receive_referral("2018-02-01", "BR-1").await;
        let document = "{ contract(code: \"shps\") { performance(by: [], period: { from: \"2018-02-01\" }) { kpis { \
            code minorTools majorTools months { level tools } } } } }";
        let chief = test_caller(Role::Commissioner, "commissioner", &[SHPS]);
        let found = app.ask(&chief, document, json!({})).await["contract"]["performance"]["kpis"].clone();
        let expected = json!([{
            "code": "quick_contact", "minorTools": ["IMPROVEMENT_PLAN"], "majorTools": ["TERMINATION"],
            "months": [{ "level": "MAJOR", "tools": ["TERMINATION"] }],
        }]);
        assert_eq!(found, expected);
    })
    .await;
}
