//! The value of a contract against its bid, its original and its revised targets, and targets of cohorts; on both stores.

use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline_domain::command::{Atomic, Command};
use throughline_domain::fact::envelope::{JourneyId, StreamId, SubjectId};
use throughline_domain::fact::event::{Event, ReferralReceived, SubjectKind};
use throughline_domain::world::{self, when};
use uuid::Uuid;

use crate::app::{TestApp, administrator, from_the_instant, refusals, test_caller, with};

const CODE: &str = "outlook";

fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[CODE])
}

/// Runs a test on both stores: the contract is open since October, and pays 500.00 for a job and 100.00 for a plan.
async fn on_both_stores(test: impl AsyncFn(&TestApp)) {
    from_the_instant("2018-03-31T09:00:00Z", async |app: &TestApp| {
        let rulebook = include_str!("rulebooks/outlook.toml").replace("[\"autumn\"]", "[\"autumn\", \"spring\"]");
        let input = json!({ "code": CODE, "name": CODE, "startsOn": "2017-10-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        test(app).await;
    })
    .await;
}

/// The n-th case, of a cohort, with a plan that can be claimed.
async fn planned(app: &TestApp, n: u128, cohort: &str) {
    let (journey, subject) =
        (JourneyId(Uuid::from_u128(0x1_0000_0000 + n)), SubjectId(Uuid::from_u128(0x2_0000_0000 + n)));
    let fact = ReferralReceived { subject, cohort: Some(cohort.to_owned()), ..world::referral() };
    let stream = StreamId::journey(journey);
    let refer = world::refer(journey, CODE, when("2018-02-05"), Some(SubjectKind::Person), fact);
    let plan = Command::record_fact(stream, when("2018-02-20"), Event::from(world::plan()));
    app.fresh.record(Command::Atomic(Atomic { stream, commands: vec![refer, plan] })).await.expect("a case");
}

/// Publishes the targets of a profile.
async fn publish(app: &TestApp, profile: &str, series: Value) {
    let input = json!({ "contract": CODE, "profile": profile, "series": series, "occurredOn": "2017-10-01" });
    app.done(&administrator(), "publishTargets", input).await;
}

fn by_year(measure: &str, target: &str) -> Value {
    json!({ "measure": measure, "years": [{ "year": "2017-04-01", "target": target }] })
}

async fn value(app: &TestApp, who: &Principal) -> Value {
    let against = "targets { profile target { amount currency } percent difference { amount } }";
    let document = format!(
        "{{ contract(code: \"{CODE}\") {{ value {{ years {{ period {{ first }} amounts {{ submitted {{ amount }} }} {against} \
         }} {against} }} }} }}"
    );
    app.ask(who, &document, json!({})).await["contract"]["value"].clone()
}

#[tokio::test]
async fn the_value_is_compared_with_the_bid_and_with_original_and_revised_targets() {
    on_both_stores(async |app| {
        for n in 0..3 {
            planned(app, n, "autumn").await;
        }
        publish(app, "bid", json!([by_year("value:outcomes", "2400")])).await;
        publish(app, "original", json!([by_year("job", "2"), by_year("plan", "12")])).await;
        publish(app, "revised", json!([by_year("plan", "6")])).await;
        let opened = app.done(&manager(), "openBatch", json!({ "contract": CODE })).await;
        let batch = &opened["batch"]["id"];
        let claimable = "{ contract(code: \"outlook\") { claims(status: [CLAIMABLE]) { nodes { id } } } }";
        let claims = app.ask(&manager(), claimable, json!({})).await;
        let claims = claims["contract"]["claims"]["nodes"].as_array().expect("claims").clone();
        let claims: Vec<Value> = claims.into_iter().map(|claim| claim["id"].clone()).collect();
        assert_eq!(claims.len(), 3);
        app.done(&manager(), "submitBatch", json!({ "batch": batch, "claims": claims })).await;

        let found = value(app, &manager()).await;
        let against = |profile: &str, target: &str, percent: &str, difference: &str| {
            let target = json!({ "amount": target, "currency": "GBP" });
            json!({ "profile": profile, "target": target, "percent": percent, "difference": { "amount": difference } })
        };
        // 300 of 2,400, 12.5 %, and of 2 x 500 + 12 x 100. The revised targets leave the job out, so they say nothing.
        let year =
            json!([against("bid", "2400.00", "13", "-2100.00"), against("original", "2200.00", "14", "-1900.00")]);
        assert_eq!(found["years"][0]["targets"], year, "{found:#}");
        // Six months of the year: half of it.
        let to_date =
            json!([against("bid", "1200.00", "25", "-900.00"), against("original", "1100.00", "27", "-800.00")]);
        assert_eq!(found["targets"], to_date, "{found:#}");
    })
    .await;
}

#[tokio::test]
async fn a_cohort_has_targets_of_its_own() {
    on_both_stores(async |app| {
        for n in 0..3 {
            planned(app, n, "autumn").await;
        }
        planned(app, 3, "spring").await;
        let of_cohort = |cohort: &str, target: &str| {
            let months = json!([{ "month": "2018-02-01", "target": target }]);
            json!([
                { "measure": "planned", "cohort": cohort, "months": months },
                { "measure": "plan", "cohort": cohort, "months": months },
            ])
        };
        let series = [of_cohort("autumn", "4"), of_cohort("spring", "1")];
        let series: Vec<Value> = series.iter().flat_map(|of| of.as_array().expect("series").clone()).collect();
        let both = with(json!({ "area": "brent" }), series[0].clone());
        let refused = json!({ "contract": CODE, "profile": "contract", "series": [both], "occurredOn": "2017-10-01" });
        let refused = app.tell(&administrator(), "publishTargets", refused).await;
        assert_eq!(refusals(&refused), ["INVALID_VALUE"], "{refused}");
        assert_eq!(refused["problems"][0]["path"], json!(["series", "0", "cohort"]));
        publish(app, "contract", json!(series)).await;

        let document = "{ contract(code: \"outlook\") { targets { series { measure area cohort } } \
            by_cohort: performance(measures: [\"planned\"], by: [COHORT], period: { from: \"2018-02-01\" }, compareWith: \
            [TARGETS]) { figures { rows { group { label } figure { value } targets { base { value } met } } } } \
            whole: performance(measures: [\"planned\"], by: [], period: { from: \"2018-02-01\" }, compareWith: [TARGETS]) { \
            figures { rows { figure { value } targets { base { value } met } } } } \
            outcomes(by: COHORT, period: { from: \"2018-02-01\" }) { outcomes { code rows { group { cohort } \
            targetValues { base { value } } } } } } }";
        let found = app.ask(&manager(), document, json!({})).await["contract"].clone();
        assert_eq!(found["targets"][0]["series"][2], json!({ "measure": "planned", "area": null, "cohort": "spring" }));
        let row = |label: &str, value: &str, target: &str, met: bool| {
            let targets = json!([{ "base": { "value": target }, "met": met }]);
            json!({ "group": [{ "label": label }], "figure": { "value": value }, "targets": targets })
        };
        let rows = &found["by_cohort"]["figures"][0]["rows"];
        assert_eq!(*rows, json!([row("Autumn", "3", "4", false), row("Spring", "1", "1", true)]), "{rows:#}");
        let whole = &found["whole"]["figures"][0]["rows"][0];
        let expected = json!({ "figure": { "value": "4" }, "targets": [{ "base": { "value": "5" }, "met": false }] });
        assert_eq!(*whole, expected, "the sum of the cohorts");
        let outcomes = found["outcomes"]["outcomes"].as_array().expect("outcomes");
        let plans = outcomes.iter().find(|outcome| outcome["code"] == "plan").expect("an outcome");
        let expected = json!([
            { "group": { "cohort": "autumn" }, "targetValues": [{ "base": { "value": "400" } }] },
            { "group": { "cohort": "spring" }, "targetValues": [{ "base": { "value": "100" } }] },
        ]);
        assert_eq!(plans["rows"], expected);

        let areas = ["brent".to_owned()].into();
        let of_area = Principal { scope: Scope::Areas { contracts: [CODE.to_owned()].into(), areas }, ..manager() };
        let found = app.ask(&of_area, document, json!({})).await["contract"]["by_cohort"]["figures"][0]["rows"].clone();
        assert_eq!(found[0]["targets"][0]["base"]["value"], Value::Null, "a part of a cohort is not compared with it");
    })
    .await;
}
