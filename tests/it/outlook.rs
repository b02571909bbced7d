//! Indicators, data quality, work, value and forecasts over GraphQL, on both stores, with exact values.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::command::{Atomic, Command};
use throughline_domain::fact::envelope::{JourneyId, SpellId, StreamId, SubjectId, TaskId};
use throughline_domain::fact::event::{
    ContactLogged, Event, MeasureRecorded, Quantity, ReferralAccepted, ReferralReceived, SpellEnded, SpellStarted,
    SubjectKind, TaskSet,
};
use throughline_domain::world::{self, day, when};
use uuid::Uuid;

use crate::app::{TestApp, administrator, from_the_instant, test_caller};
use crate::relations::set_team;

const CODE: &str = "outlook";
const BEGINS: &str = "2018-03-01T09:00:00Z";

fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[CODE])
}

fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "commissioner", &[CODE])
}

/// Runs a test on both stores, with the contract open since October.
async fn on_both_stores(test: impl AsyncFn(&TestApp)) {
    from_the_instant(BEGINS, async |app: &TestApp| {
        let rulebook = include_str!("rulebooks/outlook.toml");
        let input = json!({ "code": CODE, "name": CODE, "startsOn": "2017-10-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        test(app).await;
    })
    .await;
}

fn journey(n: u128) -> JourneyId {
    JourneyId(Uuid::from_u128(0x1_0000_0000 + n))
}

fn spell(n: u128) -> SpellId {
    SpellId(Uuid::from_u128(0x3_0000_0000 + n))
}

/// A job of the n-th case.
fn job(n: u128, hours: Option<i64>) -> SpellStarted {
    let hours_per_week = hours.map(|hours| Quantity(hours.into()));
    SpellStarted { domain: "employment".to_owned(), hours_per_week, ..world::home(spell(n)) }
}

/// Records the n-th case: referred on a day with a cohort, then these facts.
async fn case(app: &TestApp, n: u128, received: &str, facts: Vec<(&str, Event)>) {
    refer(app, n, (received, Some("autumn")), facts).await;
}

/// Records the n-th case, with a cohort if one is given.
async fn refer(app: &TestApp, n: u128, (received, cohort): (&str, Option<&str>), facts: Vec<(&str, Event)>) {
    let subject = SubjectId(Uuid::from_u128(0x2_0000_0000 + n));
    let fact = ReferralReceived { subject, cohort: cohort.map(str::to_owned), ..world::referral() };
    let stream = StreamId::journey(journey(n));
    let refer = world::refer(journey(n), CODE, when(received), Some(SubjectKind::Person), fact);
    let others = facts.into_iter().map(|(on, fact)| Command::record_fact(stream, when(on), fact));
    let commands = std::iter::once(refer).chain(others).collect();
    app.fresh.record(Command::Atomic(Atomic { stream, commands })).await.expect("a case");
}

/// Records a value for the contract as a whole.
async fn recorded(app: &TestApp, on: &str, code: &str, value: &str) {
    let value = Quantity(value.parse().expect("a decimal"));
    let fact = MeasureRecorded { code: code.to_owned(), value, unit: None, period: None };
    app.fresh.record(Command::record_fact(StreamId::contract(CODE), when(on), fact)).await.expect("a value");
}

async fn read(app: &TestApp, fields: &str) -> Value {
    app.ask(&manager(), &format!("{{ contract(code: \"{CODE}\") {{ {fields} }} }}"), json!({})).await["contract"]
        .clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// Referrals and plans by month: 2 and 1 from October to December, none in January, 4 and 1 in February.
async fn half_of_the_plans(app: &TestApp) {
    let plan = |on: &'static str| vec![(on, Event::from(world::plan()))];
    let mut n = 0;
    for (month, plan_on) in [("2017-10", "2017-10-20"), ("2017-11", "2017-11-20"), ("2017-12", "2017-12-20")] {
        case(app, n, &format!("{month}-05"), plan(plan_on)).await;
        case(app, n + 1, &format!("{month}-06"), Vec::new()).await;
        n += 2;
    }
    case(app, 6, "2018-02-05", plan("2018-02-20")).await;
    for n in 7..10 {
        case(app, n, "2018-02-06", Vec::new()).await;
    }
}

const KPIS: &str = "performance(by: [], period: { from: \"2017-10-01\", to: \"2018-02-01\" }) { kpis { code months { \
    period { first } figure { value } level computedLevel withheld { amount currency } tools notices { kind } \
    assessment { grade } figures { over period { first last } figure { value } level } } } }";

#[tokio::test]
async fn three_failing_months_are_major_and_a_month_without_value_breaks_the_run() {
    on_both_stores(async |app| {
        half_of_the_plans(app).await;
        recorded(app, "2018-02-15", "annual_payment", "10000.10").await;
        let found = read(app, KPIS).await;
        let [kpi] = list(&found["performance"]["kpis"]) else { panic!("{found}") };
        let months = list(&kpi["months"]);
        let shown = |month: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            [&month["period"]["first"], &month["figure"]["value"], &month["level"], &month["withheld"]["amount"]]
                .map(text)
                .join(" ")
        };
        let shown: Vec<String> = months.iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                "2017-10-01 50 MINOR -",
                "2017-11-01 50 MINOR -",
                "2017-12-01 50 MAJOR 500.01",
                "2018-01-01 - - -",
                "2018-02-01 25 MAJOR 500.01",
            ]
        );
        assert_eq!(months[0]["tools"], json!(["IMPROVEMENT_PLAN"]));
        assert_eq!(months[2]["tools"], json!(["PERFORMANCE_PLAN", "TERMINATION"]));
        assert_eq!(months[3]["tools"], json!([]));
        let over = |over: &str, first: &str, value: &str, level: &str| {
            let period = json!({ "first": first, "last": "2018-02-28" });
            json!({ "over": over, "period": period, "figure": { "value": value }, "level": level })
        };
        let figures = json!([
            over("MONTH", "2018-02-01", "25", "MAJOR"),
            over("ROLLING_THREE", "2017-12-01", "33", "MINOR"),
            over("ROLLING_TWELVE", "2017-10-01", "40", "MINOR"),
            over("SINCE_START", "2017-10-01", "40", "MINOR"),
        ]);
        assert_eq!(months[4]["figures"], figures);
    })
    .await;
}

#[tokio::test]
async fn an_assessment_stands_in_for_the_computed_level_and_notices_of_its_tools_are_listed() {
    on_both_stores(async |app| {
        half_of_the_plans(app).await;
        let december = json!({ "first": "2017-12-01", "last": "2017-12-31" });
        let met = json!({ "contract": CODE, "kpi": "plans", "period": december, "value": "70" });
        app.done(&commissioner(), "assessKpi", met).await;
        for kind in ["PERFORMANCE_PLAN", "IMPROVEMENT_PLAN"] {
            let notice = json!({ "contract": CODE, "kind": kind, "reason": "plans", "occurredOn": "2018-03-01" });
            app.done(&commissioner(), "issueNotice", notice).await;
        }
        let found = read(app, KPIS).await;
        let months = list(&found["performance"]["kpis"][0]["months"]);
        let levels = |month: &Value| [month["level"].clone(), month["computedLevel"].clone()];
        assert_eq!(levels(&months[2]), [json!("MET"), json!("MAJOR")]);
        assert_eq!(months[2]["assessment"], json!({ "grade": "met" }));
        assert_eq!((&months[2]["notices"], &months[2]["withheld"]), (&json!([]), &Value::Null));
        assert_eq!(months[1]["notices"], json!([{ "kind": "IMPROVEMENT_PLAN" }]));
        assert_eq!(months[4]["notices"], json!([{ "kind": "PERFORMANCE_PLAN" }]));
        assert_eq!(months[4]["withheld"], Value::Null, "the annual payment is not recorded");
    })
    .await;
}

#[tokio::test]
async fn a_grade_says_what_may_be_withheld() {
    on_both_stores(async |app| {
        half_of_the_plans(app).await;
        let grade = async |month: &str| {
            let asked = format!(
                "performance(by: [], period: {{ from: \"{month}\" }}) {{ grade {{ code withheld {{ amount }} }} }}"
            );
            read(app, &asked).await["performance"]["grade"].clone()
        };
        assert_eq!(grade("2018-02-01").await, json!({ "code": "red", "withheld": { "amount": "100.01" } }));
        assert_eq!(grade("2018-01-01").await, json!({ "code": null, "withheld": null }), "no data is not a bad grade");
    })
    .await;
}

const QUALITY: &str = "dataQuality { rule cases amountAtRisk { amount } members(first: 5) { totalCount nodes { on \
    journey { id } claim { outcome status } amount { amount } } } }";

/// One case whose hours are unknown, and one without a payslip, a cohort and a worker of its contact.
async fn with_faults(app: &TestApp) {
    let accepted = || Event::from(ReferralAccepted {});
    let facts = vec![("2018-01-06", accepted()), ("2018-01-10", job(1, None).into())];
    case(app, 1, "2018-01-05", facts).await;
    let by_nobody = ContactLogged { worker: None, ..world::contact() };
    let facts = vec![
        ("2018-01-02", world::plan().into()),
        ("2018-01-10", job(2, Some(20)).into()),
        ("2018-01-11", by_nobody.into()),
    ];
    refer(app, 2, ("2018-01-05", None), facts).await;
}

#[tokio::test]
async fn what_stops_a_claim_is_listed_by_rule_with_the_amount_at_risk_and_the_cases() {
    on_both_stores(async |app| {
        with_faults(app).await;
        let found = read(app, QUALITY).await;
        let rules: Vec<String> = list(&found["dataQuality"])
            .iter()
            .map(|rule| {
                let amount = rule["amountAtRisk"]["amount"].as_str().unwrap_or("-");
                let (name, cases) = (rule["rule"].as_str().expect("a code"), &rule["cases"]);
                format!("{name} {cases} {amount} {}", rule["members"]["totalCount"])
            })
            .collect();
        assert_eq!(
            rules,
            [
                "hours_unknown 1 500.00 1",
                "evidence_missing:payslip 1 500.00 1",
                "claim_window_ends 1 500.00 1",
                "no_keyworker 1 - 1",
                "no_cohort 1 - 1",
                "plan_before_referral 1 - 1",
                "contact_without_worker 1 - 1",
            ]
        );
        let member = |at: usize| found["dataQuality"][at]["members"]["nodes"][0].clone();
        assert_eq!(
            member(0),
            json!({
                "on": "2018-02-07", "journey": { "id": journey(1).to_string() },
                "claim": { "outcome": "job", "status": "ON_HOLD" }, "amount": { "amount": "500.00" },
            })
        );
        assert_eq!(
            (&member(2)["on"], &member(2)["claim"]["status"]),
            (&json!("2018-03-09"), &json!("EVIDENCE_MISSING"))
        );
        assert_eq!((&member(5)["on"], &member(5)["claim"]), (&json!("2018-01-02"), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_keyworker_sees_only_the_faults_of_cases_that_they_may_see() {
    on_both_stores(async |app| {
        with_faults(app).await;
        let (own, other) = (app.add_worker("kw-07").await, app.add_worker("kw-08").await);
        set_team(app, 1, "2018-01-01", &[&own]).await;
        set_team(app, 2, "2018-01-01", &[&other]).await;
        let input = json!({ "journey": journey(1).to_string(), "worker": own, "occurredOn": "2018-01-08" });
        app.done(&manager(), "assignWorker", input).await;
        let asked = format!("{{ contract(code: \"{CODE}\") {{ dataQuality {{ rule cases }} }} }}");
        for (login, sees) in [("kw-07", true), ("kw-08", false)] {
            let keyworker = test_caller(Role::Keyworker, login, &[CODE]);
            let found = app.ask(&keyworker, &asked, json!({})).await["contract"]["dataQuality"].clone();
            let is_listed = |rule: &str| list(&found).iter().any(|one| one["rule"] == rule);
            assert_eq!(is_listed("hours_unknown"), sees, "{login}: {found}");
            assert!(!is_listed("no_keyworker"), "the case has one now: {found}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_value_is_by_financial_year_and_the_value_above_the_cap_is_apart() {
    on_both_stores(async |app| {
        let plan = |on: &'static str| vec![(on, Event::from(world::plan()))];
        for n in 0..5 {
            case(app, n, "2017-11-01", plan("2017-11-02")).await;
        }
        with_faults_beyond(app).await;
        let amounts = "entitled { amount } waiting { amount } submitted { amount } accepted { amount } paid { amount } \
                       cap { amount } aboveCap { amount }";
        let found = read(app, &format!("value {{ years {{ period {{ first }} }} toDate {{ {amounts} }} }}")).await;
        assert_eq!(found["value"]["years"], json!([{ "period": { "first": "2017-04-01" } }]));
        let sum = |amount: &str| json!({ "amount": amount });
        assert_eq!(
            found["value"]["toDate"],
            json!({
                "entitled": sum("450.00"), "waiting": sum("500.00"), "submitted": sum("0.00"), "accepted": sum("0.00"),
                "paid": sum("0.00"), "cap": sum("450.00"), "aboveCap": sum("50.00"),
            })
        );
    })
    .await;
}

/// A case whose job lacks a payslip.
async fn with_faults_beyond(app: &TestApp) {
    case(app, 20, "2018-01-05", vec![("2018-01-10", job(20, Some(20)).into())]).await;
}

#[tokio::test]
async fn outcomes_are_expected_at_the_share_of_the_past() {
    on_both_stores(async |app| {
        for n in 0..10 {
            let mut facts: Vec<(&str, Event)> = vec![("2017-11-20", job(n, Some(20)).into())];
            if n >= 6 {
                facts.push(("2017-12-05", SpellEnded { spell: spell(n), reason: None, note: None }.into()));
            }
            case(app, n, "2017-11-10", facts).await;
        }
        for n in 10..15 {
            case(app, n, "2018-02-10", vec![("2018-02-20", job(n, Some(20)).into())]).await;
        }
        let found = read(app, "forecast(months: 2) { outcome past { on maturing achieved } months { month maturing \
                               expected low high } }").await;
        let [jobs, plans] = list(&found["forecast"]) else { panic!("{found}") };
        assert_eq!(jobs["past"], json!({ "on": "2017-12-01", "maturing": 10, "achieved": 6 }));
        let month = |month: &str, maturing: u64, expected: &str, band: Value| {
            json!({ "month": month, "maturing": maturing, "expected": expected, "low": band, "high": band })
        };
        let months = json!([month("2018-03-01", 5, "3.0", Value::Null), month("2018-04-01", 0, "0.0", json!("0.0"))]);
        assert_eq!(jobs["months"], months, "one quarter makes no band, and of none, none is expected");
        assert_eq!((&plans["outcome"], &plans["past"]), (&json!("plan"), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn work_is_counted_as_due_and_overdue_and_cases_as_awaiting_a_plan() {
    on_both_stores(async |app| {
        let task = |n: u128, due_on: &str| TaskSet { due_on: day(due_on), owner: None, ..world::task(TaskId(Uuid::from_u128(n))) };
        let done = world::done(TaskId(Uuid::from_u128(0x51)));
        let cancelled = world::cancelled(TaskId(Uuid::from_u128(0x53)));
        let facts: Vec<(&str, Event)> = vec![
            ("2018-01-06", ReferralAccepted {}.into()),
            ("2018-01-07", task(0x51, "2018-01-10").into()),
            ("2018-01-07", task(0x52, "2018-01-20").into()),
            ("2018-01-07", task(0x53, "2018-01-25").into()),
            ("2018-01-12", done.into()),
            ("2018-01-15", cancelled.into()),
        ];
        case(app, 1, "2018-01-05", facts).await;
        let asked = "performance(by: [], measures: [\"tasks_due\", \"tasks_overdue\", \"awaiting_plan\", \
                     \"conversion:planned\"], period: { from: \"2018-01-01\", kind: MONTH }) { figures { measure { code } \
                     rows { figure { value } members { totalCount nodes { on kind journey { id } } } } } }";
        let found = read(app, asked).await;
        let figures = list(&found["performance"]["figures"]);
        let values: Vec<String> = figures
            .iter()
            .map(|one| format!("{} {}", one["measure"]["code"], one["rows"][0]["figure"]["value"]))
            .collect();
        assert_eq!(values, [
            "\"tasks_due\" \"2\"",
            "\"tasks_overdue\" \"1\"",
            "\"awaiting_plan\" \"1\"",
            "\"conversion:planned\" \"0\"",
        ]);
        let members = |at: usize| figures[at]["rows"][0]["members"].clone();
        assert_eq!(members(0)["totalCount"], 2);
        let overdue = json!({ "on": "2018-01-20", "kind": "tasks_overdue", "journey": { "id": journey(1).to_string() } });
        assert_eq!(members(1)["nodes"], json!([overdue]));
    })
    .await;
}
