//! Measures of the values of cases: days between facts, what was recorded, and shares in a band, with their edges.

use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Occurred, StreamId};
use throughline_domain::fact::event::{Attendance, ContactLogged, Event, MeasureRecorded, Quantity, ReferralAccepted};
use throughline_domain::world::{self, on, when};

use super::{Asker, case, list, record_all, referral, row, rows};
use crate::app::{TestApp, from_the_instant, test_caller, text};

const CONTRACT: &str = "values";
const TODAY: &str = "2018-06-30T09:00:00Z";
const MEASURES: &str = r#"
[[measure]]
code = "wait_mean"
title = "Wait, mean"
places = 1
of_cases = { days = { from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["stages"], codes = ["php_complete"] } }, take = "mean" }
[[measure]]
code = "wait_median"
title = "Wait, median"
places = 1
of_cases = { days = { from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["stages"], codes = ["php_complete"] } }, take = "median" }
[[measure]]
code = "wait_90"
title = "Wait, 90th percentile"
places = 1
of_cases = { days = { from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["stages"], codes = ["php_complete"] } }, take = "percentile", percentile = 90 }
[[measure]]
code = "within_28"
title = "Plans within 28 days"
share = { days = { from = { facts = ["stages"], codes = ["referral"] }, to = { facts = ["stages"], codes = ["php_complete"] } }, at_most = 28 }
[[measure]]
code = "follow_up"
title = "Days from a missed session to the next contact"
of_cases = { days = { from = { facts = ["missed"] }, to = { facts = ["remote"] } }, take = "highest" }
[[measure]]
code = "score_last"
title = "Last score, mean of the cases"
places = 1
of_cases = { values = { facts = ["recorded"], codes = ["score"], each = "last" }, take = "mean" }
[[measure]]
code = "score_highest"
title = "Highest score"
of_cases = { values = { facts = ["recorded"], codes = ["score"], each = "highest" }, take = "highest" }
[[measure]]
code = "score_means"
title = "Mean scores of the cases, added up"
of_cases = { values = { facts = ["recorded"], codes = ["score"], each = "mean" }, take = "sum" }
[[measure]]
code = "sdq"
title = "First assessment, lowest"
of_cases = { values = { facts = ["assessments"], codes = ["sdq"], each = "first" }, take = "lowest" }
[[measure]]
code = "at_67"
title = "At or above 67 %"
share = { quotient = { of = { facts = ["sessions_attended"] }, over = { facts = ["sessions_offered"] } }, at_least = 67 }
[[measure]]
code = "at_50_to_67"
title = "From 50 to 67 %"
share = { quotient = { of = { facts = ["sessions_attended"] }, over = { facts = ["sessions_offered"] } }, at_least = 50, below = 67 }
[[measure]]
code = "below_50"
title = "Below 50 %"
share = { quotient = { of = { facts = ["sessions_attended"] }, over = { facts = ["sessions_offered"] } }, below = 50 }
[[measure]]
code = "attendance_each"
title = "Attendance, mean"
of_cases = { quotient = { of = { facts = ["sessions_attended"] }, over = { facts = ["sessions_offered"] } }, take = "mean" }
[[measure]]
code = "slots_mean"
title = "Slots, mean"
of_contract = "score"
take = "mean"
[[measure]]
code = "slots_last"
title = "Slots, last"
of_contract = "score"
take = "last"
"#;
const FIGURE: &str = "group { code } figure { state value numerator denominator }";

/// Runs a test on each store, with the contract open.
async fn on_each_store(test: impl AsyncFn(&TestApp)) {
    from_the_instant(TODAY, async |app: &TestApp| {
        let rules = pack("shps").expect("a pack").text;
        let rules = rules.replace("contract = \"shps\"", &format!("contract = \"{CONTRACT}\""));
        let rules = rules.replace("measure_codes = []", "measure_codes = [\"score\"]") + MEASURES;
        let open = world::open(when("2017-03-01"), world::opened(CONTRACT, "2017-03-01"), rules);
        app.fresh.record(open).await.expect("the contract opens");
        test(app).await;
    })
    .await;
}

fn asker(app: &TestApp) -> Asker<'_> {
    Asker { app, who: test_caller(Role::Manager, "manager", &[CONTRACT]), contract: CONTRACT }
}

/// A question for one measure, of a month of 2018.
fn of_month(measure: &str, by: &str, month: u32) -> String {
    format!("measures: [\"{measure}\"], by: [{by}], period: {{ from: \"2018-{month:02}-01\", kind: MONTH }}")
}

/// The state and the value of a measure in a month.
async fn in_month(app: &TestApp, measure: &str, month: u32) -> (String, Value) {
    let found = asker(app).figures(&of_month(measure, "", month), FIGURE).await;
    let figure = &rows(&found, measure)[0]["figure"];
    (text(&figure["state"]), figure["value"].clone())
}

fn value(number: &str) -> (String, Value) {
    ("VALUE".to_owned(), json!(number))
}

fn without(state: &str) -> (String, Value) {
    (state.to_owned(), Value::Null)
}

fn waiting(n: u32, area: &str, received: &str, plan: Option<&str>) -> Command {
    let plan = plan.map(|at| on(at, world::plan()));
    case(CONTRACT, n, (when(received), referral(n, area)), plan)
}

/// Clients who wait 2, 4, 28, 29 and 0 days, one with a plan on some day of March, one without a plan, and one who is
/// referred in March.
async fn record_waits(app: &TestApp) {
    let waits = [
        waiting(1, "brent", "2018-02-01", Some("2018-02-03")),
        waiting(2, "brent", "2018-02-01", Some("2018-02-05")),
        waiting(3, "ealing", "2018-02-10", Some("2018-03-10")),
        waiting(4, "ealing", "2018-02-10", Some("2018-03-11")),
        waiting(5, "brent", "2018-02-15", Some("2018-02-10")),
        waiting(6, "ealing", "2018-02-20", Some("2018-03")),
        waiting(7, "brent", "2018-02-20", None),
        waiting(8, "brent", "2018-03-05", Some("2018-03-06")),
    ];
    record_all(&app.fresh, waits.into()).await;
}

#[tokio::test]
async fn days_of_waiting_have_a_mean_a_median_and_percentiles() {
    on_each_store(async |app| {
        record_waits(app).await;
        assert_eq!(in_month(app, "wait_mean", 2).await, value("12.6"));
        assert_eq!(in_month(app, "wait_median", 2).await, value("4.0"));
        assert_eq!(in_month(app, "wait_90", 2).await, value("28.6"), "28 + 0.6 × (29 - 28)");
        assert_eq!(in_month(app, "wait_mean", 3).await, value("1.0"));
        assert_eq!(in_month(app, "wait_mean", 1).await, without("NOT_APPLICABLE"), "nobody was referred");
        let found = asker(app).figures(&of_month("wait_mean", "AREA", 2), FIGURE).await;
        let mean = |area: &str| row(&found, "wait_mean", area)["figure"].clone();
        let shown = |value: &str, sum: &str, cases: &str| {
            json!({ "state": "VALUE", "value": value, "numerator": sum, "denominator": cases })
        };
        assert_eq!(mean("brent"), shown("2.0", "6", "3"));
        assert_eq!(mean("ealing"), shown("28.5", "57", "2"), "a plan known by its month is in no mean");
        assert_eq!(mean("enfield")["state"], "NOT_APPLICABLE");
    })
    .await;
}

#[tokio::test]
async fn a_share_of_waits_holds_its_limit_and_not_what_may_be_beyond_it() {
    on_each_store(async |app| {
        record_waits(app).await;
        let found = asker(app).figures(&of_month("within_28", "", 2), FIGURE).await;
        let expected = json!({ "state": "VALUE", "value": "67", "numerator": "4", "denominator": "6" });
        assert_eq!(rows(&found, "within_28")[0]["figure"], expected);
        let at = json!({ "asOf": "2018-02-28" });
        let early = asker(app).figures_at(&at, &of_month("within_28", "", 2), FIGURE).await;
        let expected = json!({ "state": "VALUE", "value": "100", "numerator": "3", "denominator": "3" });
        assert_eq!(rows(&early, "within_28")[0]["figure"], expected, "later plans had not come");
    })
    .await;
}

#[tokio::test]
async fn the_members_of_a_value_of_cases_are_the_cases() {
    on_each_store(async |app| {
        record_waits(app).await;
        let members = async |measure: &str, arguments: &str| {
            let fields = format!(
                "members({arguments}) {{ totalCount nodes {{ on quantity journey {{ id }} }} \
                 pageInfo {{ hasNextPage endCursor }} }}"
            );
            let found = asker(app).figures(&of_month(measure, "", 2), &fields).await;
            rows(&found, measure)[0]["members"].clone()
        };
        let days = |members: &Value| -> Vec<Value> {
            list(&members["nodes"]).iter().map(|member| member["quantity"].clone()).collect()
        };
        let of_mean = members("wait_mean", "first: 20").await;
        assert_eq!(of_mean["totalCount"], 5);
        assert_eq!(days(&of_mean), ["2", "4", "28", "29", "0"], "by the day of the referral");
        let first = members("wait_mean", "first: 3").await;
        assert_eq!(days(&first), ["2", "4", "28"]);
        let after = text(&first["pageInfo"]["endCursor"]);
        let rest = members("wait_mean", &format!("first: 3, after: \"{after}\"")).await;
        assert_eq!((days(&rest), &rest["pageInfo"]["hasNextPage"]), (vec![json!("29"), json!("0")], &json!(false)));
        assert_eq!(days(&members("within_28", "below: false").await), ["2", "4", "28", "0"]);
        let all = members("within_28", "below: true").await;
        assert_eq!(days(&all), [json!("2"), json!("4"), json!("28"), json!("29"), json!("0"), Value::Null]);
    })
    .await;
}

#[tokio::test]
async fn months_of_values_are_those_of_each_month_alone() {
    on_each_store(async |app| {
        record_waits(app).await;
        let arguments = "measures: [\"wait_mean\"], by: [MONTH], period: { from: \"2018-01-01\", to: \"2018-03-31\" },
            compareWith: [PREVIOUS]";
        let found = asker(app).figures(arguments, "figure { value } previous { base { value } }").await;
        let month = |value: Value, before: Value| {
            json!({ "figure": { "value": value }, "previous": { "base": { "value": before } } })
        };
        let expected = [
            month(Value::Null, Value::Null),
            month(json!("12.6"), Value::Null),
            month(json!("1.0"), json!("12.6")),
        ];
        assert_eq!(rows(&found, "wait_mean"), expected);
        let quarter = "measures: [\"wait_mean\"], by: [], period: { from: \"2018-01-01\", to: \"2018-03-31\" }";
        let found = asker(app).figures(quarter, "figure { value numerator denominator }").await;
        let expected = json!({ "value": "10.7", "numerator": "64", "denominator": "6" });
        assert_eq!(rows(&found, "wait_mean")[0]["figure"], expected, "not the mean of the months");
    })
    .await;
}

fn missed() -> Event {
    ContactLogged { attendance: Attendance::DidNotAttend, two_way: false, group: true, ..call() }.into()
}

fn came() -> Event {
    ContactLogged { attendance: Attendance::Attended, group: true, ..call() }.into()
}

fn call() -> ContactLogged {
    ContactLogged { worker: None, ..world::contact() }
}

#[tokio::test]
async fn days_run_to_the_first_fact_on_the_day_or_later() {
    on_each_store(async |app| {
        let story = |n: u32, facts: Vec<(Occurred, Event)>| {
            case(CONTRACT, n, (when("2018-01-01"), referral(n, "brent")), facts)
        };
        let commands = vec![
            story(1, vec![on("2018-02-01", call()), on("2018-02-05", missed()), on("2018-02-08", call())]),
            story(2, vec![on("2018-02-10", missed()), on("2018-02-10", call())]),
            story(3, vec![on("2018-02-01", call()), on("2018-02-20", missed())]),
        ];
        record_all(&app.fresh, commands).await;
        let fields = "figure { value } members { nodes { quantity } }";
        let found = asker(app).figures(&of_month("follow_up", "", 2), fields).await;
        let row = &rows(&found, "follow_up")[0];
        assert_eq!(row["figure"]["value"], "3");
        let days: Vec<&Value> = list(&row["members"]["nodes"]).iter().map(|one| &one["quantity"]).collect();
        assert_eq!(days, ["3", "0", "0"], "a contact before the missed session is 0 days");
    })
    .await;
}

fn score(value: i64) -> MeasureRecorded {
    MeasureRecorded { code: "score".to_owned(), value: Quantity(value.into()), unit: None, period: None }
}

#[tokio::test]
async fn recorded_values_are_taken_case_by_case_and_none_is_no_data() {
    on_each_store(async |app| {
        let story = |n: u32, facts: Vec<(Occurred, Event)>| {
            case(CONTRACT, n, (when("2018-01-01"), referral(n, "brent")), facts)
        };
        let commands = vec![
            story(1, vec![on("2018-02-05", score(20)), on("2018-02-20", score(10)), on("2018-02-21", world::scored())]),
            story(2, vec![on("2018-02-06", score(5))]),
            story(3, vec![on("2018-03-02", score(0))]),
        ];
        record_all(&app.fresh, commands).await;
        for (measure, february, march) in [
            ("score_last", value("7.5"), value("0.0")),
            ("score_highest", value("20"), value("0")),
            ("score_means", value("20"), value("0")),
            ("sdq", value("17"), without("NO_DATA")),
        ] {
            assert_eq!(in_month(app, measure, 2).await, february, "{measure}");
            assert_eq!(in_month(app, measure, 3).await, march, "{measure}: 0 is a value");
            assert_eq!(in_month(app, measure, 4).await, without("NO_DATA"), "{measure}");
        }
    })
    .await;
}

#[tokio::test]
async fn values_of_the_contract_have_a_sum_a_mean_and_a_last_one() {
    on_each_store(async |app| {
        for (at, value) in [("2018-02-20", 3), ("2018-02-10", 7)] {
            let recorded = Command::record_fact(StreamId::contract(CONTRACT), when(at), score(value));
            app.fresh.record(recorded).await.expect("a measure of the contract");
        }
        for (measure, february) in [("contract:score", "10"), ("slots_mean", "5"), ("slots_last", "3")] {
            assert_eq!(in_month(app, measure, 2).await, value(february), "{measure}");
            assert_eq!(in_month(app, measure, 3).await, without("NO_DATA"), "{measure}");
        }
    })
    .await;
}

#[tokio::test]
async fn attendance_is_in_the_band_that_holds_its_unrounded_share() {
    on_each_store(async |app| {
        // 2 of 3 sessions, 1 of 2, 1 of 1, and 0 of 2; and one person who was offered none.
        let attended: [&[bool]; 5] = [&[true, true, false], &[true, false], &[true], &[false, false], &[]];
        let commands = attended.iter().zip(1..).map(|(sessions, n)| {
            let facts = sessions
                .iter()
                .zip(1..)
                .map(|(is_there, day)| on(&format!("2018-02-{day:02}"), if *is_there { came() } else { missed() }));
            case(CONTRACT, n, (when("2018-01-01"), referral(n, "brent")), facts)
        });
        record_all(&app.fresh, commands.collect()).await;
        let share = async |measure: &str| {
            let found = asker(app).figures(&of_month(measure, "", 2), FIGURE).await;
            let figure = &rows(&found, measure)[0]["figure"];
            (text(&figure["value"]), text(&figure["numerator"]), text(&figure["denominator"]))
        };
        let shares = |value: &str, above: &str| (value.to_owned(), above.to_owned(), "4".to_owned());
        assert_eq!(share("at_67").await, shares("25", "1"));
        assert_eq!(share("at_50_to_67").await, shares("50", "2"), "66.7 % is not 67 %, and 50 % is at least 50 %");
        assert_eq!(share("below_50").await, shares("25", "1"));
        assert_eq!(in_month(app, "attendance_each", 2).await, value("54"), "each person counts once");
    })
    .await;
}

#[tokio::test]
async fn cases_on_the_caseload_throughout_were_there_on_every_day() {
    on_each_store(async |app| {
        let story = |n: u32, area: &str, facts: Vec<(Occurred, Event)>| {
            case(CONTRACT, n, (when("2018-01-01"), referral(n, area)), facts)
        };
        let accepted = |at: &str| on(at, ReferralAccepted {});
        let commands = vec![
            story(1, "brent", vec![accepted("2018-01-15")]),
            story(2, "brent", vec![accepted("2018-02-01")]),
            story(3, "brent", vec![accepted("2018-02-02")]),
            story(4, "ealing", vec![accepted("2018-01-15"), on("2018-02-28", world::closed())]),
            story(5, "ealing", vec![accepted("2018-01-15"), on("2018-03-01", world::closed())]),
        ];
        record_all(&app.fresh, commands).await;
        let measure = "caseload_throughout";
        let fields = "group { code } figure { value } members { totalCount }";
        let found = asker(app).figures(&of_month(measure, "AREA", 2), fields).await;
        let of_area = |area: &str| {
            let row = row(&found, measure, area);
            (text(&row["figure"]["value"]), row["members"]["totalCount"].clone())
        };
        assert_eq!(of_area("brent"), ("2".to_owned(), json!(2)), "the third came on the second day");
        assert_eq!(of_area("ealing"), ("1".to_owned(), json!(1)), "a case is off the caseload on the day it is closed");
        assert_eq!(of_area("enfield"), ("0".to_owned(), json!(0)));
        assert_eq!(in_month(app, measure, 3).await, value("3"));
        let early = asker(app).figures_at(&json!({ "asOf": "2018-02-27" }), &of_month(measure, "", 2), FIGURE).await;
        let figure = &rows(&early, measure)[0]["figure"];
        assert_eq!((&figure["state"], &figure["value"]), (&json!("PROVISIONAL"), &json!("4")));
    })
    .await;
}

#[tokio::test]
async fn a_sum_too_large_for_the_store_is_no_fault() {
    on_each_store(async |app| {
        let story = |n: u32| {
            let facts = [on("2018-02-05", score(9_000_000_000_000))];
            case(CONTRACT, n, (when("2018-01-01"), referral(n, "brent")), facts)
        };
        record_all(&app.fresh, vec![story(1), story(2)]).await;
        assert_eq!(in_month(app, "score", 2).await, value("18000000000000"));
    })
    .await;
}
