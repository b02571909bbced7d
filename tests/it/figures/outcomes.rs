//! Outcomes by cohort, end to end: the printed rates of starters, decisions and payments, targets and the cap.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{AchievementRecorded, EngagementStarted, Event, ReferralReceived};
use throughline_domain::world::day;

use super::{case, list, record_all, referral};
use crate::app::{TestApp, administrator, from_the_instant, test_caller, text};

const RATES: &str = include_str!("../../../crates/domain/src/performance/printed/innovation_fund_outcome_rates.csv");
const CODE: &str = "young";
const BEGINS: &str = "2014-04-01T09:00:00Z";
const OUTCOMES: [&str; 4] = ["attitude", "attendance", "behaviour", "qcf_entry"];

/// Outcomes that an achievement reaches, each paid once, as a share of those who started.
fn rulebook() -> String {
    let mut text = "rulebook = 1\ncontract = \"young\"\nversion = \"1\"\ntitle = \"Young people\"\n\
        effective_from = 2013-01-01\napplies_by = \"achieved\"\nretroactive = false\ncurrency = \"GBP\"\n\
        [calendar]\nzone = \"Europe/London\"\nworking_days = \"england-and-wales\"\nfinancial_year = \"04-01\"\n\
        [codes]\nareas = [\"salford\"]\ncohorts = [\"1\", \"2\", \"3\"]\ndefect_codes = [\"unsigned\"]\n\
        [targets]\nprofiles = [\"bid\"]\n\
        [[cap]]\nscope = \"contract\"\namount = \"2000000.00\"\n\
        [[stage]]\ncode = \"start\"\nlabel = \"Starts\"\nwhen = { engagement = [] }\n"
        .to_owned();
    for code in OUTCOMES {
        let outcome = format!(
            "[[outcome]]\ncode = \"{code}\"\ntitle = \"{code}\"\ntrigger = {{ achievement = [\"{code}\"] }}\n\
             claim = {{ attempts = 2 }}\nrate_over = \"start\"\n[[outcome.tariff]]\namount = \"700.00\"\n"
        );
        text.push_str(&outcome);
    }
    text
}

fn officer() -> Principal {
    test_caller(Role::Manager, "officer", &[CODE])
}

fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "commissioner", &[CODE])
}

async fn open(app: &TestApp) {
    let input = json!({ "code": CODE, "name": CODE, "startsOn": "2013-01-01", "rulebook": rulebook() });
    app.done(&administrator(), "openContract", input).await;
}

/// A young person of a cohort who started and achieved these.
fn starter(n: u32, cohort: &str, achieved: impl IntoIterator<Item = &'static str>) -> Command {
    let fact = ReferralReceived { cohort: Some(cohort.to_owned()), ..referral(n, "salford") };
    let on = |text: &str| Occurred::on(day(text));
    let started = (on("2013-09-02"), Event::from(EngagementStarted { basis: "session".to_owned() }));
    let achieved = achieved
        .into_iter()
        .map(|code| (on("2014-02-03"), Event::from(AchievementRecorded { code: code.to_owned(), level: None })));
    case(CODE, n, (on("2013-09-01"), fact), std::iter::once(started).chain(achieved))
}

async fn open_batch(app: &TestApp) -> String {
    text(&app.done(&officer(), "openBatch", json!({ "contract": CODE })).await["batch"]["id"])
}

/// The board of outcomes.
async fn outcomes(app: &TestApp, by: &str) -> Value {
    let document = format!(
        "{{ contract(code: \"{CODE}\") {{ outcomes(by: {by}) {{
            overpaid {{ amount }} amounts {{ achieved {{ amount }} evidenced {{ amount }} entitled {{ amount }}
                received {{ amount }} }}
            outcomes {{ code rows {{ group {{ label cohort area month }} achieved submitted rejected accepted paid
                base {{ value }} rate {{ value numerator denominator }} rateWithoutRejected {{ value }}
                amounts {{ evidenced {{ amount }} entitled {{ amount }} received {{ amount }} }}
                targets {{ profile base {{ value }} percent }} targetValues {{ base {{ value }} percent }} }} }}
        }} }} }}"
    );
    app.ask(&officer(), &document, json!({})).await["contract"]["outcomes"].clone()
}

/// The row of an outcome for which this field of the group has this value.
fn row<'v>(board: &'v Value, outcome: &str, (field, value): (&str, &Value)) -> &'v Value {
    let of = list(&board["outcomes"]).iter().find(|one| one["code"] == outcome).expect("the outcome is there");
    let found = list(&of["rows"]).iter().find(|row| row["group"][field] == *value);
    found.unwrap_or_else(|| panic!("no row of {outcome} for {value}: {of}"))
}

#[tokio::test]
async fn the_rates_of_each_cohort_are_what_arithmetic_gives_for_the_printed_numbers() {
    from_the_instant(BEGINS, async |app| {
        open(app).await;
        let mut lines = RATES.lines();
        let names: Vec<&str> = lines.next().expect("the names of the columns").split(',').collect();
        let printed: Vec<BTreeMap<&str, &str>> =
            lines.map(|line| names.iter().copied().zip(line.split(',')).collect()).collect();
        let number = |row: &BTreeMap<&str, &str>, column: &str| row[column].parse::<usize>().expect("a number");
        let mut commands = Vec::new();
        let mut numbers = 1_u32..;
        for cohort in ["1", "2", "3"] {
            let of_cohort: Vec<_> = printed.iter().filter(|row| row["cohort"] == cohort).collect();
            for at in 0..number(of_cohort[0], "starts") {
                let achieved = of_cohort.iter().filter(|row| at < number(row, "submitted"));
                let achieved = achieved.map(|row| OUTCOMES.into_iter().find(|code| *code == row["outcome"]));
                commands.push(starter(numbers.next().expect("numbers do not end"), cohort, achieved.flatten()));
            }
        }
        record_all(&app.fresh, commands).await;
        let batch = open_batch(app).await;
        app.done(&officer(), "submitBatch", json!({ "batch": batch })).await;
        let board = outcomes(app, "COHORT").await;
        for expected in &printed {
            let found = row(&board, expected["outcome"], ("cohort", &json!(expected["cohort"])));
            assert_eq!(found["submitted"], number(expected, "submitted"), "{expected:?}");
            assert_eq!(found["rejected"], number(expected, "rejected_by_dwp"), "{expected:?}");
            let rate = json!({
                "value": expected["pct_starts_incl_rejected"],
                "numerator": expected["submitted"],
                "denominator": expected["starts"],
            });
            assert_eq!(found["rate"], rate, "{expected:?}");
        }
        assert_eq!(printed.len(), 12);
    })
    .await;
}

#[tokio::test]
async fn decisions_payments_and_targets_stand_beside_each_other() {
    from_the_instant(BEGINS, async |app| {
        open(app).await;
        let achieved = [&["attitude"][..], &["attitude"], &["attitude"], &[]];
        let cases = (1..).zip(achieved).map(|(n, codes)| starter(n, "1", codes.iter().copied()));
        record_all(&app.fresh, cases.chain([starter(5, "2", ["attitude"])]).collect()).await;
        let series = json!([{ "measure": "attitude", "years": [{ "year": "2013-04-01", "target": "12" }] }]);
        app.done(&administrator(), "publishTargets", json!({ "contract": CODE, "profile": "bid", "series": series }))
            .await;
        let batch = open_batch(app).await;
        let document = format!("{{ contract(code: \"{CODE}\") {{ claims(first: 50, status: [CLAIMABLE]) {{ nodes {{ id journey {{ cohort }} }} }} }} }}");
        let claims = app.ask(&officer(), &document, json!({})).await["contract"]["claims"]["nodes"].clone();
        let of_first = list(&claims).iter().filter(|claim| claim["journey"]["cohort"] == "1");
        let ids: Vec<String> = of_first.map(|claim| text(&claim["id"])).collect();
        assert_eq!(ids.len(), 3);
        app.done(&officer(), "submitBatch", json!({ "batch": batch, "claims": ids })).await;
        let reject = json!({ "batch": batch, "claims": [ids[0]], "decision": "REJECT", "defect": "unsigned" });
        app.done(&commissioner(), "decideClaim", reject).await;
        let accept = json!({ "batch": batch, "claims": ids[1..], "decision": "ACCEPT" });
        app.done(&commissioner(), "decideClaim", accept).await;
        let amounts = json!([{ "claim": ids[1], "amount": "700.00" }]);
        let payment = json!({ "batch": batch, "amounts": amounts });
        app.done(&officer(), "recordPayment", payment).await;

        let board = outcomes(app, "COHORT").await;
        let first = row(&board, "attitude", ("cohort", &json!("1")));
        let numbers = ["achieved", "submitted", "rejected", "accepted", "paid"].map(|field| &first[field]);
        assert_eq!(numbers, [3, 3, 1, 2, 1]);
        assert_eq!((&first["rate"]["value"], &first["rateWithoutRejected"]["value"]), (&json!("75"), &json!("50")));
        let money = |of: &Value, field: &str| text(&of[field]["amount"]);
        let of_first = &first["amounts"];
        assert_eq!(
            ["evidenced", "entitled", "received"].map(|field| money(of_first, field)),
            ["1400.00", "1400.00", "700.00"]
        );
        let of_no_cohort = json!([{ "base": { "value": null }, "percent": null, "profile": "bid" }]);
        assert_eq!(first["targets"], of_no_cohort, "no target is of a cohort");
        let second = row(&board, "attitude", ("cohort", &json!("2")));
        assert_eq!(["achieved", "submitted"].map(|field| &second[field]), [1, 0]);
        assert_eq!(row(&board, "attitude", ("cohort", &json!("3")))["base"], json!({ "value": "0" }));
        assert_eq!(row(&board, "attitude", ("cohort", &json!("3")))["rate"]["value"], Value::Null, "0 of 0");
        assert_eq!((money(&board["amounts"], "achieved"), money(&board, "overpaid")), ("2800.00".into(), "0.00".into()));

        let whole = outcomes(app, "WHOLE").await;
        let whole = row(&whole, "attitude", ("label", &json!("All")));
        assert_eq!((&whole["submitted"], &whole["base"]["value"]), (&json!(3), &json!("5")));
        let months = outcomes(app, "MONTH").await;
        let of_month = |month: &str| row(&months, "attitude", ("month", &json!(month)));
        assert_eq!(["achieved", "submitted"].map(|field| &of_month("2014-02-01")[field]), [4, 0]);
        assert_eq!(["achieved", "submitted"].map(|field| &of_month("2014-04-01")[field]), [0, 3]);
        let document = format!(
            "{{ contract(code: \"{CODE}\") {{ outcomes(by: WHOLE, period: {{ from: \"2014-02-01\" }}) {{ outcomes {{
                code rows {{ achieved targets {{ profile base {{ value }} percent }}
                targetValues {{ base {{ value }} }} }} }} }} }} }}"
        );
        let in_month = app.ask(&officer(), &document, json!({})).await["contract"]["outcomes"].clone();
        let target = json!([{ "profile": "bid", "base": { "value": "1" }, "percent": "0" }]);
        let found = &in_month["outcomes"][0]["rows"][0];
        assert_eq!((&found["achieved"], &found["targets"]), (&json!(4), &target), "none was submitted in February");
        assert_eq!(found["targetValues"], json!([{ "base": { "value": "700" } }]), "12 a year at 700.00");
    })
    .await;
}
