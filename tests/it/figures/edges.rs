//! The edges of figures over the API: periods under way, nothing recorded, what was known, questions that are refused,
//! and who sees what.

use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline_domain::command::Command;
use throughline_domain::fact::envelope::{EventId, StreamId, WorkerId};
use throughline_domain::fact::event::{Event, MeasureRecorded, Quantity, ReferralAccepted, SubjectKind};
use throughline_domain::world::{self, when};

use super::{Asker, case, journey, list, record_all, referral, row, rows};
use crate::app::{
    MST, SHPS, TestApp, administrator, keyworker, manager, on_both_stores, other_manager, test_caller, text,
};
use crate::relations::{id, set_team};

/// Referrals in February, as a whole.
const REFERRALS: &str = "measures: [\"referral\"], by: [], period: { from: \"2018-02-01\", kind: MONTH }";
/// The same by area.
const BY_AREA: &str = "measures: [\"referral\"], by: [AREA], period: { from: \"2018-02-01\", kind: MONTH }";
const MEMBERS: &str = "group { code } figure { value } members { totalCount nodes { journey { id } } }";

fn asker(app: &TestApp, who: Principal) -> Asker<'_> {
    Asker { app, who, contract: SHPS }
}

/// A referral to the first contract; answers with the event.
async fn refer(app: &TestApp, n: u32, on: &str, area: &str) -> EventId {
    let command = world::refer(journey(n), SHPS, when(on), Some(SubjectKind::Person), referral(n, area));
    let appended = app.fresh.record(command).await.expect("a referral");
    appended.events.last().expect("it made events").event_id
}

/// The only row of the only measure.
fn only(figures: &Value) -> &Value {
    assert_eq!((list(figures).len(), list(&figures[0]["rows"]).len()), (1, 1), "{figures}");
    &figures[0]["rows"][0]
}

/// The cases that a row counts.
fn cases(row: &Value) -> Vec<String> {
    list(&row["members"]["nodes"]).iter().map(|member| text(&member["journey"]["id"])).collect()
}

#[tokio::test]
async fn a_period_under_way_is_provisional() {
    on_both_stores(async |app| {
        refer(app, 1, "2018-02-20", "brent").await;
        refer(app, 2, "2018-03-01", "brent").await;
        let asker = asker(app, manager());
        for (month, as_of, state) in [
            ("2018-02-01", "2018-03-01", "VALUE"),
            ("2018-02-01", "2018-02-28", "VALUE"),
            ("2018-02-01", "2018-02-27", "PROVISIONAL"),
            ("2018-03-01", "2018-03-01", "PROVISIONAL"),
        ] {
            let arguments = format!("measures: [\"referral\"], by: [], period: {{ from: \"{month}\", kind: MONTH }}");
            let fields = "period { first provisional } figure { state value }";
            let found = asker.figures_at(&json!({ "asOf": as_of }), &arguments, fields).await;
            let expected = json!({
                "period": { "first": month, "provisional": state == "PROVISIONAL" },
                "figure": { "state": state, "value": "1" },
            });
            assert_eq!(only(&found), &expected, "{month} as of {as_of}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_recorded_is_no_data_and_not_nothing() {
    on_both_stores(async |app| {
        let asker = Asker { app, who: other_manager(), contract: MST };
        let arguments = |by: &str| {
            format!("measures: [\"contract:school_attendance\"], by: [{by}], period: {{ from: \"2018-02-01\", kind: MONTH }}")
        };
        let fields = "group { code } figure { state value numerator denominator }";
        let figure = |state: &str, number: Option<&str>| {
            json!({ "state": state, "value": number, "numerator": number, "denominator": null })
        };
        let before = asker.figures(&arguments(""), fields).await;
        assert_eq!(only(&before)["figure"], figure("NO_DATA", None));
        let (code, value) = ("school_attendance".to_owned(), Quantity(0.into()));
        let fact = MeasureRecorded { code, value, unit: None, period: None };
        let recorded = Command::record_fact(StreamId::contract(MST), when("2018-02-15"), fact);
        app.fresh.record(recorded).await.expect("a measure of the contract");
        let after = asker.figures(&arguments(""), fields).await;
        assert_eq!(only(&after)["figure"], figure("VALUE", Some("0")));
        let by_area = asker.figures(&arguments("AREA"), fields).await;
        let found = &row(&by_area, "contract:school_attendance", "mid")["figure"];
        assert_eq!(found, &figure("NOT_APPLICABLE", None), "it is not recorded for an area");
    })
    .await;
}

#[tokio::test]
async fn a_share_of_nothing_has_no_value() {
    on_both_stores(async |app| {
        let asker = Asker { app, who: other_manager(), contract: MST };
        let arguments = "measures: [\"acceptance\"], by: [], period: { from: \"2018-02-01\", kind: MONTH }";
        let fields = "figure { state value numerator denominator }";
        let share = async || only(&asker.figures(arguments, fields).await)["figure"].clone();
        let nothing = json!({ "state": "NOT_APPLICABLE", "value": null, "numerator": "0", "denominator": "0" });
        assert_eq!(share().await, nothing);
        app.journey_elsewhere().await;
        let all = json!({ "state": "VALUE", "value": "100", "numerator": "1", "denominator": "1" });
        assert_eq!(share().await, all);
    })
    .await;
}

#[tokio::test]
async fn only_a_month_is_compared_with_three_months() {
    on_both_stores(async |app| {
        refer(app, 1, "2018-01-20", "brent").await;
        let asker = asker(app, manager());
        for (kind, state, value) in [("MONTH", "VALUE", json!("0.333333")), ("QUARTER", "NOT_APPLICABLE", Value::Null)]
        {
            let arguments = format!(
                "measures: [\"referral\"], by: [], period: {{ from: \"2018-02-01\", kind: {kind} }}, \
                 compareWith: [THREE_MONTHS]"
            );
            let found = asker.figures(&arguments, "threeMonths { base { state value } percent }").await;
            let base = &only(&found)["threeMonths"]["base"];
            assert_eq!((&base["state"], &base["value"]), (&json!(state), &value), "{kind}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_fact_changes_a_past_month_and_not_what_was_known() {
    on_both_stores(async |app| {
        refer(app, 1, "2018-02-05", "brent").await;
        app.it_is("2018-03-05T09:00:00Z");
        let plan = Command::record_fact(StreamId::journey(journey(1)), when("2018-02-20"), world::plan());
        app.fresh.record(plan).await.expect("a plan");
        let asker = asker(app, manager());
        let arguments =
            "measures: [\"referral\", \"php_complete\"], by: [], period: { from: \"2018-02-01\", kind: MONTH }";
        let counts = async |at: Value| {
            let found = asker.figures_at(&at, arguments, "figure { value }").await;
            ["referral", "php_complete"].map(|measure| text(&rows(&found, measure)[0]["figure"]["value"]))
        };
        assert_eq!(counts(json!({})).await, ["1", "1"]);
        assert_eq!(counts(json!({ "asOf": "2018-02-19" })).await, ["1", "0"], "the plan is dated the day after");
        assert_eq!(counts(json!({ "knownOn": "2018-03-02" })).await, ["1", "0"], "the plan was not known");
        assert_eq!(counts(json!({ "knownOn": "2018-03-05" })).await, ["1", "1"]);
    })
    .await;
}

#[tokio::test]
async fn a_corrected_area_moves_the_figure_and_the_case_behind_it() {
    on_both_stores(async |app| {
        let received = refer(app, 1, "2018-02-05", "brent").await;
        let asker = asker(app, manager());
        let by_area = async || {
            let found = asker.figures(BY_AREA, MEMBERS).await;
            ["brent", "ealing"].map(|area| {
                let row = row(&found, "referral", area);
                (text(&row["figure"]["value"]), cases(row))
            })
        };
        let (one, none) = (("1".to_owned(), vec![journey(1).0.to_string()]), ("0".to_owned(), Vec::new()));
        assert_eq!(by_area().await, [one.clone(), none.clone()]);
        let right = world::corrected(StreamId::journey(journey(1)), received, "2018-02-05", referral(1, "ealing"));
        app.fresh.record(right).await.expect("a correction");
        assert_eq!(by_area().await, [none, one]);
    })
    .await;
}

#[tokio::test]
async fn months_of_a_period_are_rows_of_it() {
    on_both_stores(async |app| {
        for (n, on) in [(1, "2017-12-31"), (2, "2018-02-01"), (3, "2018-02-28")] {
            refer(app, n, on, "brent").await;
        }
        let arguments = "measures: [\"referral\"], by: [MONTH], period: { from: \"2017-12-10\", to: \"2018-02-10\" }";
        let fields = "group { code } period { first last } figure { value } members { totalCount }";
        let found = asker(app, manager()).figures(arguments, fields).await;
        let month = |first: &str, last: &str, count: u64| {
            json!({
                "group": [], "period": { "first": first, "last": last }, "figure": { "value": count.to_string() },
                "members": { "totalCount": count },
            })
        };
        let expected = [
            month("2017-12-01", "2017-12-31", 1),
            month("2018-01-01", "2018-01-31", 0),
            month("2018-02-01", "2018-02-28", 2),
        ];
        assert_eq!(rows(&found, "referral"), expected);
    })
    .await;
}

#[tokio::test]
async fn the_facts_behind_a_figure_come_page_by_page_in_the_order_of_their_days() {
    on_both_stores(async |app| {
        for (n, on) in [(1, "2018-02-20"), (2, "2018-02-01"), (3, "2018-02-10")] {
            refer(app, n, on, "brent").await;
        }
        let asker = asker(app, manager());
        let page = async |after: Option<&str>| {
            let after = after.map(|cursor| format!(", after: \"{cursor}\"")).unwrap_or_default();
            let fields = format!(
                "members(first: 2{after}) {{ totalCount nodes {{ on kind code quantity journey {{ id }} }} \
                 pageInfo {{ hasNextPage endCursor }} }}"
            );
            only(&asker.figures(REFERRALS, &fields).await)["members"].clone()
        };
        let member = |n: u32, on: &str| {
            let id = journey(n).0.to_string();
            json!({ "on": on, "kind": "stages", "code": "referral", "quantity": null, "journey": { "id": id } })
        };
        let first = page(None).await;
        assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
        assert_eq!(first["nodes"], json!([member(2, "2018-02-01"), member(3, "2018-02-10")]));
        let second = page(Some(text(&first["pageInfo"]["endCursor"]).as_str())).await;
        assert_eq!((&second["totalCount"], &second["pageInfo"]["hasNextPage"]), (&json!(3), &json!(false)));
        assert_eq!(second["nodes"], json!([member(1, "2018-02-20")]));
    })
    .await;
}

/// Questions that are refused, and what the message says to do.
const REFUSED: [(&str, &str); 13] = [
    ("measures: [\"nothing_of_ours\"]", "unknown measure \"nothing_of_ours\": use one of referral, "),
    ("by: [AREA, AREA]", "name each dimension once"),
    ("by: [WHOLE, AREA]", "WHOLE only alone"),
    ("by: [AREA, WHOLE]", "WHOLE only alone"),
    ("period: { from: \"2018-02-01\", kind: DAYS }", "give both"),
    ("period: { from: \"2018-02-10\", to: \"2018-02-09\", kind: DAYS }", "a to that is not earlier"),
    ("period: { from: \"2018-02-01\", to: \"2018-01-31\" }", "give a from before to"),
    ("period: { from: \"1900-01-01\", to: \"2018-01-31\" }", "a shorter period"),
    ("period: { from: \"2018-02-01\", to: \"2018-02-28\", kind: MONTH }", "leave out to"),
    ("period: { from: \"2017-02-28\", kind: CONTRACT_TO_DATE }", "give a later from"),
    ("by: [MONTH], period: { from: \"1990-01-01\", to: \"2018-02-01\" }", "at most 120 months"),
    ("by: [MONTH], period: { from: \"2018-02-06\", kind: WEEK }", "ask for whole months"),
    (
        "by: [AREA, REFERRER, MONTH], period: { from: \"2008-03-01\", to: \"2018-02-01\" }",
        "more than 10000 rows: ask for fewer",
    ),
];

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused_with_a_remedy() {
    on_both_stores(async |app| {
        let asker = asker(app, manager());
        for (arguments, remedy) in REFUSED {
            let answer = asker.answer(arguments, "figure { value }").await;
            assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{arguments}: {}", answer.body);
            let message = text(&answer.json()["errors"][0]["message"]);
            assert!(message.contains(remedy), "{arguments}: {message}");
        }
        // Four stages in six areas, each by eleven kinds of referrers.
        let by = "by: [AREA, REFERRER], period: { from: \"2018-02-01\", kind: MONTH }";
        assert_eq!(asker.answer(by, "figure { value }").await.codes(), Vec::<String>::new());
        let answer = asker.answer(by, "members { totalCount }").await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{}", answer.body);
        let message = text(&answer.json()["errors"][0]["message"]);
        assert!(message.contains("ask for fewer measures, dimensions or months, or without members"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn who_is_limited_to_an_area_sees_its_rows_and_its_cases() {
    on_both_stores(async |app| {
        refer(app, 1, "2018-02-05", "brent").await;
        refer(app, 2, "2018-02-06", "ealing").await;
        let scope = Scope::Areas { contracts: [SHPS.to_owned()].into(), areas: ["brent".to_owned()].into() };
        let limited = Principal { subject: "of-brent".to_owned(), role: Role::Manager, scope };
        let asker = asker(app, limited);
        let brents = journey(1).0.to_string();
        let by_area = asker.figures(BY_AREA, MEMBERS).await;
        let areas: Vec<&Value> = rows(&by_area, "referral").iter().map(|row| &row["group"][0]["code"]).collect();
        assert_eq!(areas, ["brent"]);
        let whole = asker.figures(REFERRALS, MEMBERS).await;
        for found in [only(&by_area), only(&whole)] {
            assert_eq!((&found["figure"]["value"], &found["members"]["totalCount"]), (&json!("1"), &json!(1)));
            assert_eq!(cases(found), std::slice::from_ref(&brents));
        }
    })
    .await;
}

#[tokio::test]
async fn a_keyworker_sees_the_figure_of_all_and_lists_the_cases_that_they_may_see() {
    on_both_stores(async |app| {
        let [ann, eve] = [app.add_worker("kw-ann").await, app.add_worker("kw-eve").await];
        set_team(app, 1, "2018-01-01", &[&ann]).await;
        set_team(app, 2, "2018-01-01", &[&eve]).await;
        let own = app.receive_referral("2018-02-01", "BR-1").await;
        let other = app.receive_referral("2018-02-02", "BR-2").await;
        app.take_on(&own, &ann, "2018-02-03").await;
        app.take_on(&other, &eve, "2018-02-03").await;
        let found = asker(app, keyworker("kw-ann")).figures(REFERRALS, MEMBERS).await;
        let found = only(&found);
        assert_eq!((&found["figure"]["value"], &found["members"]["totalCount"]), (&json!("2"), &json!(1)));
        assert_eq!(cases(found), [own]);
    })
    .await;
}

#[tokio::test]
async fn figures_without_their_cases_for_those_who_may_not_read_cases() {
    on_both_stores(async |app| {
        refer(app, 1, "2018-02-05", "brent").await;
        let commissioner = test_caller(Role::Commissioner, "commissioner", &[SHPS]);
        let found = asker(app, commissioner).figures(REFERRALS, MEMBERS).await;
        assert_eq!(cases(only(&found)), [journey(1).0.to_string()], "a commissioner may read cases");
        let answer = asker(app, administrator()).answer(REFERRALS, MEMBERS).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"], "{}", answer.body);
        let found = answer.json()["data"]["contract"]["performance"]["figures"].clone();
        assert_eq!((&only(&found)["figure"]["value"], &only(&found)["members"]), (&json!("1"), &Value::Null));
        let integrator = test_caller(Role::Integrator, "integrator", &[SHPS]);
        assert_eq!(asker(app, integrator).answer(REFERRALS, "figure { value }").await.codes(), ["FORBIDDEN"]);
    })
    .await;
}

#[tokio::test]
async fn a_case_counts_for_the_keyworker_who_held_it_on_the_day_of_the_fact() {
    on_both_stores(async |app| {
        let [ann, eve] = [app.add_worker("kw-ann").await, app.add_worker("kw-eve").await];
        let fact = |on: &str, fact: Event| (when(on), fact);
        let assigned = |on: &str, worker: &str| fact(on, world::keyworker(WorkerId(id(worker))).into());
        let facts = [
            fact("2018-02-02", ReferralAccepted {}.into()),
            assigned("2018-02-03", &ann),
            fact("2018-02-05", world::plan().into()),
            assigned("2018-02-10", &eve),
            fact("2018-02-12", world::reviewed().into()),
        ];
        let story = case(SHPS, 1, (when("2018-02-01"), referral(1, "brent")), facts);
        record_all(&app.fresh, vec![story]).await;
        let arguments = "measures: [\"referral\", \"plans\", \"reviews\"], by: [KEYWORKER],
            period: { from: \"2018-02-01\", kind: MONTH }";
        let fields = "group { label keyworker { id } } figure { value } members { totalCount }";
        let found = asker(app, manager()).figures(arguments, fields).await;
        let holder = |measure: &str| {
            let counted = rows(&found, measure).iter().filter(|row| row["members"]["totalCount"] == 1);
            let holders: Vec<&Value> = counted.map(|row| &row["group"][0]["keyworker"]).collect();
            assert_eq!(holders.len(), 1, "{measure}: {found}");
            holders[0].clone()
        };
        assert_eq!(holder("referral"), Value::Null, "nobody held it yet");
        assert_eq!(holder("plans"), json!({ "id": ann }));
        assert_eq!(holder("reviews"), json!({ "id": eve }));
    })
    .await;
}
