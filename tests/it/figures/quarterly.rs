//! Two printed quarterly reports, end to end: the profiles of the Tower Hamlets report for the year and the contract to
//! date, and the edges of the grades of Stoke's Schedule.

use chrono::NaiveDate;
use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Occurred, SpellId, StreamId};
use throughline_domain::fact::event::{
    EngagementStarted, Event, MeasureRecorded, Quantity, ReferralAccepted, SpellEnded, SpellStarted,
};
use throughline_domain::world::{self, when};
use uuid::Uuid;

use super::{Asker, case, record_all, referral, rows};
use crate::app::{TestApp, administrator, from_the_instant, test_caller};

const TOWER_HAMLETS: &str = include_str!("../../../crates/domain/src/performance/printed/mhep_tower_hamlets.json");
/// The measures of the report, by code, in its order.
const MEASURES: [&str; 4] = ["referral", "engagement", "job_started", "sustained_13w"];

/// The n-th client of a year: accepted, engaged, in work, and for 13 weeks, as far as these numbers of clients reach.
fn client(n: u32, of_year: u32, (year, reached): (i32, [u32; 4])) -> Command {
    let on = |month: u32, of_month: u32| Occurred::on(NaiveDate::from_ymd_opt(year, month, of_month).expect("a day"));
    let spell = SpellId(Uuid::from_u128(0x3_0000_0000 + u128::from(n)));
    let hours_per_week = Some(Quantity(20.into()));
    let job = SpellStarted { domain: "employment".to_owned(), hours_per_week, ..world::home(spell) };
    let lost = SpellEnded { spell, reason: None, note: None };
    let facts = [
        (true, on(5, 11), Event::from(ReferralAccepted {})),
        (of_year < reached[1], on(5, 20), EngagementStarted { basis: "employment_plan".to_owned() }.into()),
        (of_year < reached[2], on(6, 1), job.into()),
        (reached[3] <= of_year && of_year < reached[2], on(6, 29), lost.into()),
    ];
    let facts = facts.into_iter().filter(|(is_reached, ..)| *is_reached).map(|(_, on, fact)| (on, fact));
    case("mhep", n, (on(5, 10), referral(n, "tower-hamlets")), facts)
}

/// The numbers of a list of the printed report.
fn printed(report: &Value, list: &str, of: &str) -> [u32; 4] {
    let numbers = report[list][of].as_array().unwrap_or_else(|| panic!("no {list}.{of}"));
    let numbers: Vec<u32> =
        numbers.iter().map(|number| u32::try_from(number.as_u64().unwrap_or(0)).expect("a count")).collect();
    numbers.try_into().expect("four numbers")
}

/// The targets of a profile by financial year: four measures for each year.
async fn publish(app: &TestApp, profile: &str, years: &[(&str, [u32; 4])]) {
    let series = MEASURES.iter().enumerate().map(|(at, measure)| {
        let years = years.iter().map(|(year, targets)| json!({ "year": year, "target": targets[at].to_string() }));
        json!({ "measure": measure, "years": years.collect::<Vec<Value>>() })
    });
    let series: Vec<Value> = series.collect();
    app.done(&administrator(), "publishTargets", json!({ "contract": "mhep", "profile": profile, "series": series }))
        .await;
}

/// The printed percentages of a profile, and what the figures of a period are of its targets.
fn compare(figures: &Value, (profile, actual, target): (&str, [u32; 4], [u32; 4]), percents: &Value) {
    for (at, measure) in MEASURES.iter().enumerate() {
        let row = &rows(figures, measure)[0];
        assert_eq!(row["figure"]["value"], actual[at].to_string(), "{measure}: {row}");
        let targets = row["targets"].as_array().expect("targets");
        let found = targets.iter().find(|of| of["profile"] == profile).expect("the profile");
        assert_eq!(found["base"]["value"], target[at].to_string(), "{measure} of {profile}: {found}");
        let percent = found["percent"].as_str().map(|percent| percent.parse::<u32>().expect("a percentage"));
        assert_eq!(json!(percent), percents[at], "{measure} of {profile}: {found}");
    }
}

#[tokio::test]
async fn the_year_and_the_contract_to_date_against_three_profiles_are_as_printed() {
    from_the_instant("2022-04-04T09:00:00Z", async |app: &TestApp| {
        // The pack is the version of the second year. Its rules judge both.
        let rulebook = pack("mhep").expect("it ships").text;
        let rulebook = rulebook.replace("effective_from = 2021-04-01", "effective_from = 2020-04-01");
        let input = json!({ "code": "mhep", "name": "IPS", "startsOn": "2020-04-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        let report: Value = serde_json::from_str(TOWER_HAMLETS).expect("JSON");
        let of_year = printed(&report, "ytd", "actual");
        let to_date = printed(&report, "contract_to_date", "actual");
        let before: [u32; 4] = std::array::from_fn(|at| to_date[at] - of_year[at]);
        let earlier = (0..before[0]).map(|n| client(n, n, (2020, before)));
        let this_year = (0..of_year[0]).map(|n| client(before[0] + n, n, (2021, of_year)));
        record_all(&app.fresh, earlier.chain(this_year).collect()).await;

        let (plan, contract) = (printed(&report, "ytd", "abp_target"), printed(&report, "ytd", "contract_target"));
        publish(app, "business_plan", &[("2021-04-01", plan)]).await;
        publish(app, "contract", &[("2021-04-01", contract)]).await;
        // The base of the investor is printed to date only: half of it in each year, whichever it was.
        let base = printed(&report, "contract_to_date", "investor_base");
        let first = base.map(|target| target / 2);
        let second = std::array::from_fn(|at| base[at] - first[at]);
        publish(app, "investor_base", &[("2020-04-01", first), ("2021-04-01", second)]).await;

        let who = test_caller(Role::Manager, "chief", &["mhep"]);
        let asker = Asker { app, who, contract: "mhep" };
        let fields = "figure { value } targets { profile base { value } percent }";
        let codes = json!(MEASURES);
        let of_period = |period: &str| format!("measures: {codes}, by: [], period: {period}, compareWith: [TARGETS]");
        let year = asker.figures(&of_period("{ from: \"2022-03-31\", kind: FINANCIAL_YEAR }"), fields).await;
        compare(&year, ("business_plan", of_year, plan), &report["ytd"]["abp_pct_printed"]);
        compare(&year, ("contract", of_year, contract), &report["ytd"]["contract_pct_printed"]);
        let whole = asker.figures(&of_period("{ from: \"2020-04-01\", to: \"2022-03-01\" }"), fields).await;
        compare(&whole, ("investor_base", to_date, base), &report["contract_to_date"]["investor_pct_printed"]);
    })
    .await;
}

#[tokio::test]
async fn the_grades_of_the_schedule_at_their_edges_are_those_of_the_pack() {
    from_the_instant("2018-10-01T09:00:00Z", async |app: &TestApp| {
        let stoke = "stoke-psychology";
        let rulebook = pack(stoke).expect("it ships").text;
        let input = json!({ "code": stoke, "name": stoke, "startsOn": "2018-07-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        let record = async |code: &str, value: u32, on: &str| {
            let fact = MeasureRecorded { code: code.to_owned(), value: Quantity(value.into()), unit: None, period: None };
            let command = Command::record_fact(StreamId::contract(stoke), when(on), fact);
            app.fresh.record(command).await.expect("a value");
        };
        // All but the outcomes is as it should be.
        for (code, value) in [
            ("outcomes_planned", 1_000), ("milestones_due", 10), ("milestones_done", 8), ("returns_due", 3),
            ("returns_on_time", 3), ("complaints", 0), ("users_consulted", 4), ("forecast", 1_000), ("spend", 1_150),
            ("annual_payment", 40_000),
        ] {
            record(code, value, "2018-07-10").await;
        }
        let grade = async || {
            let asked = "{ contract(code: \"stoke-psychology\") { performance(by: [], period: { from: \"2018-07-01\", to: \
                \"2018-09-01\" }) { grade { code withheld { amount } } } } }";
            let chief = test_caller(Role::Manager, "chief", &[stoke]);
            let found = app.ask(&chief, asked, json!({})).await["contract"]["performance"]["grade"].clone();
            let amount = found["withheld"]["amount"].as_str().map(str::to_owned);
            (found["code"].as_str().unwrap_or("none").to_owned(), amount)
        };
        // Each value adds to the one before: 79.9, 80, 90, 95 and 100 % of what was planned.
        let mut grades = Vec::new();
        for (more, on) in [(799, "2018-07-11"), (1, "2018-07-12"), (100, "2018-07-13"), (50, "2018-07-14"), (50, "2018-07-15")] {
            record("outcomes_delivered", more, on).await;
            grades.push(grade().await);
        }
        let expected = [("red", Some("2000.00")), ("amber", None), ("amber", None), ("amber", None), ("green", None)];
        let expected = expected.map(|(grade, amount)| (grade.to_owned(), amount.map(str::to_owned)));
        assert_eq!(grades, expected);
        // A pound of spend beyond 15 % from the forecast is an exception.
        record("spend", 1, "2018-07-16").await;
        assert_eq!(grade().await.0, "amber");
    })
    .await;
}
