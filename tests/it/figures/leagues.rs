//! Leagues and prices, end to end: the printed league and the printed prices of the provinces, ties, and who has no
//! score.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use throughline::access::{Principal, Role, Scope};
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{Event, MeasureRecorded, Quantity};
use throughline_domain::world::day;

use super::{Asker, case, list, record_all, referral, row};
use crate::app::{Answer, SHPS, TestApp, administrator, call, from_the_instant, keyworker, manager, test_caller};

const LEAGUE: &str = include_str!("../../../crates/domain/src/performance/printed/sehatmandi_league.csv");
const PRICES: &str = include_str!("../../../crates/domain/src/performance/printed/sehatmandi_prices.csv");
const CODE: &str = "sehatmandi";
const BEGINS: &str = "2019-10-01T09:00:00Z";
/// The indicators of the pack.
const INDICATORS: [&str; 10] = [
    "anc_visits",
    "pnc_visits",
    "deliveries",
    "family_planning",
    "penta3_doses",
    "tt2_doses",
    "c_sections",
    "growth_monitoring",
    "outpatient_visits",
    "tb_treatments",
];
/// The priced services as printed, each with the outcome of the pack.
const SERVICES: [(&str, &str); 6] = [
    ("ANC", "anc_paid"),
    ("PNC", "pnc_paid"),
    ("Del", "delivery_paid"),
    ("FP", "fp_paid"),
    ("Penta3", "penta3_paid"),
    ("TT2", "tt2_paid"),
];

type Row = BTreeMap<&'static str, &'static str>;

fn table(text: &'static str) -> Vec<Row> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("the names of the columns").split(',').collect();
    lines.map(|line| names.iter().copied().zip(line.split(',')).collect()).collect()
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// The area of a printed province with its provider, such as `SAR-E-PUL - SAF`.
fn area(row: &Row) -> String {
    row["province"].split(" - ").next().expect("a province").to_lowercase()
}

fn officer() -> Principal {
    test_caller(Role::Manager, "officer", &[CODE])
}

async fn open(app: &TestApp, code: &str, starts_on: &str, rulebook: &str) {
    let input = json!({ "code": code, "name": code, "startsOn": starts_on, "rulebook": rulebook });
    app.done(&administrator(), "openContract", input).await;
}

/// A number recorded for a facility on a day.
fn recorded(code: &str, value: Decimal, on: &str) -> (Occurred, Event) {
    let fact = MeasureRecorded { code: code.to_owned(), value: Quantity(value), unit: None, period: None };
    (Occurred::on(day(on)), fact.into())
}

fn facility(n: u32, area: &str, facts: impl IntoIterator<Item = (Occurred, Event)>) -> Command {
    case(CODE, n, (Occurred::on(day("2019-01-01")), referral(n, area)), facts)
}

/// The league with this code, for a month.
async fn league(app: &TestApp, who: &Principal, (contract, code): (&str, &str), month: &str) -> Value {
    league_answer(app, who, (contract, code), month).await.json()["data"]["contract"]["league"].clone()
}

async fn league_answer(app: &TestApp, who: &Principal, (contract, code): (&str, &str), month: &str) -> Answer {
    let document = format!(
        "{{ contract(code: \"{contract}\") {{ league(code: \"{code}\", period: {{ from: \"{month}-01\" }}) {{
            title below above period {{ first last provisional }}
            indicators {{ measure {{ code }} title below above }}
            rows {{ rank group {{ label code }} total outOf below above
                scores {{ indicator points side figure {{ state value }} index {{ state value }} }} }}
        }} }} }}"
    );
    app.answer(who, &document, json!({})).await
}

/// Facilities whose numbers of June lie so often above, round and below a target of 200, and the target of each.
fn provinces(table: &[Row]) -> (Vec<Command>, Vec<Value>) {
    let (mut commands, mut series) = (Vec::new(), Vec::new());
    for (row, n) in table.iter().zip(1..) {
        let (below, above) = (number(row["below_index"]), number(row["above_index"]));
        let value = |at: usize| match at {
            at if at < below => 100,
            // Both edges of the band belong to it.
            at if at < INDICATORS.len() - above => [180, 200, 220][at % 3],
            _ => 221,
        };
        let facts = INDICATORS.iter().enumerate().map(|(at, code)| recorded(code, value(at).into(), "2019-06-30"));
        let surgeries = recorded("major_surgeries", row["major_surgeries"].parse().expect("a number"), "2019-06-30");
        commands.push(facility(n, &area(row), facts.chain([surgeries])));
        let months = json!([{ "month": "2019-06-01", "target": "200" }]);
        series.extend(INDICATORS.map(|code| json!({ "measure": code, "area": area(row), "months": months })));
    }
    (commands, series)
}

#[tokio::test]
async fn the_league_of_the_provinces_is_as_printed() {
    from_the_instant(BEGINS, async |app| {
        open(app, CODE, "2019-01-01", pack(CODE).expect("it ships").text).await;
        let table = table(LEAGUE);
        let (commands, series) = provinces(&table);
        record_all(&app.fresh, commands).await;
        let input = json!({ "contract": CODE, "profile": "contract", "series": series });
        app.done(&administrator(), "publishTargets", input).await;
        let found = league(app, &officer(), (CODE, "provinces"), "2019-06").await;
        let rows = list(&found["rows"]);
        for printed in &table {
            let of_area = |row: &&Value| row["group"]["code"] == area(printed).as_str();
            let row = rows.iter().find(of_area).unwrap_or_else(|| panic!("no row for {printed:?}: {found}"));
            for (field, column) in
                [("rank", "rank_printed"), ("total", "total_score"), ("below", "below_index"), ("above", "above_index")]
            {
                assert_eq!(row[field], number(printed[column]), "{field} of {printed:?}");
            }
            assert_eq!(row["outOf"], 30);
        }
        let ranked: Vec<&Value> = rows.iter().filter(|row| !row["rank"].is_null()).collect();
        assert_eq!((ranked.len(), rows.len()), (15, 19), "the provinces without a number stand at the end");
        let tied = ranked.iter().filter(|row| row["rank"] == 10);
        let tied: Vec<&Value> = tied.map(|row| &row["group"]["code"]).collect();
        assert_eq!(tied, ["kapisa", "kunar", "logar", "paktya", "sar-e-pul"], "by name within a tie");
        for row in &rows[15..] {
            assert_eq!((&row["total"], &row["outOf"]), (&Value::Null, &json!(0)), "{row}");
            let score = &row["scores"][0];
            assert_eq!((&score["points"], &score["figure"]["state"]), (&Value::Null, &json!("NO_DATA")), "{row}");
        }
        // What lies below and above, by indicator and in all, are the same scores.
        for side in ["below", "above"] {
            let of_rows: usize = table.iter().map(|row| number(row[&format!("{side}_index").as_str()])).sum();
            let of_indicators: u64 =
                list(&found["indicators"]).iter().map(|one| one[side].as_u64().expect("a number")).sum();
            assert_eq!((&found[side], of_indicators), (&json!(of_rows), of_rows as u64), "{side}");
        }
        let asker = Asker { app, who: officer(), contract: CODE };
        let arguments = "measures: [\"major_surgeries\"], by: [AREA], period: { from: \"2019-06-01\" }";
        let surgeries = asker.figures(arguments, "group { code } figure { value }").await;
        for printed in &table {
            let found = &row(&surgeries, "major_surgeries", &area(printed))["figure"]["value"];
            assert_eq!(found, printed["major_surgeries"], "{printed:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_without_one_of_the_numbers_has_points_and_no_rank() {
    from_the_instant(BEGINS, async |app| {
        let [number_80, mean] = ["number = 80", "mean_of = \"members\""];
        let rulebook = format!(
            "{}\n[[league]]\ncode = \"two\"\ntitle = \"Two\"\nby = \"area\"\n\
             [[league.band]]\npoints = 2\nat_least = 100\n[[league.band]]\npoints = 0\n\
             [[league.indicator]]\nmeasure = \"pnc_per_delivery\"\nindex = {{ {number_80} }}\n\
             [[league.indicator]]\nmeasure = \"anc_visits\"\ntitle = \"Antenatal\"\nindex = {{ {mean} }}\n",
            pack(CODE).expect("it ships").text
        );
        open(app, CODE, "2019-01-01", &rulebook).await;
        let of = |code: &str, value: u32| recorded(code, value.into(), "2019-06-15");
        let facts = [
            ("kabul", vec![of("pnc_visits", 8), of("deliveries", 10), of("anc_visits", 30)]),
            ("balkh", vec![of("pnc_visits", 79), of("deliveries", 100), of("anc_visits", 10)]),
            ("hirat", vec![of("anc_visits", 20)]),
        ];
        let cases = (1..).zip(facts).map(|(n, (area, facts))| facility(n, area, facts)).collect();
        record_all(&app.fresh, cases).await;
        let found = league(app, &officer(), (CODE, "two"), "2019-06").await;
        let shown = |row: &Value| {
            let points: Vec<&Value> = list(&row["scores"]).iter().map(|score| &score["points"]).collect();
            json!([row["group"]["code"], row["rank"], row["total"], row["outOf"], points])
        };
        let rows: Vec<Value> = list(&found["rows"]).iter().take(2).map(shown).collect();
        assert_eq!(rows, [json!(["kabul", 1, 4, 4, [2, 2]]), json!(["balkh", 2, 0, 4, [0, 0]])], "80 % is the index");
        let hirat = list(&found["rows"]).iter().find(|row| row["group"]["code"] == "hirat").expect("a row");
        assert_eq!(shown(hirat), json!(["hirat", null, 2, 2, [null, 2]]), "20 is the mean of 30, 10 and 20");
        assert_eq!(found["indicators"][1]["title"], "Antenatal");
        let index = |at: usize| &found["rows"][0]["scores"][at]["index"]["value"];
        assert_eq!([index(0), index(1)], ["80", "20"]);
    })
    .await;
}

#[tokio::test]
async fn keyworkers_are_ranked_by_one_measure_and_who_has_nothing_is_last() {
    from_the_instant("2018-03-01T09:00:00Z", async |app| {
        let league_of =
            "\n[[league]]\ncode = \"contacts\"\ntitle = \"Contacts\"\nby = \"keyworker\"\nmeasure = \"contacts\"\n";
        open(app, SHPS, "2017-03-01", &(pack(SHPS).expect("it ships").text.to_owned() + league_of)).await;
        for (login, contacts) in [("kw-03", 2), ("kw-01", 0), ("kw-02", 2)] {
            let worker = app.add_worker(login).await;
            let journey = app.receive_referral("2018-02-01", login).await;
            app.take_on(&journey, &worker, "2018-02-02").await;
            for at in 0..contacts {
                app.log_contact(&keyworker(login), call(&journey, &format!("2018-02-1{at}"))).await;
            }
        }
        app.receive_referral("2018-02-01", "nobody's").await;
        let found = league(app, &manager(), (SHPS, "contacts"), "2018-02").await;
        let shown = |row: &Value| json!([row["rank"], row["group"]["label"], row["scores"][0]["figure"]["value"]]);
        let rows: Vec<Value> = list(&found["rows"]).iter().map(shown).collect();
        assert_eq!(rows, [json!([1, "KW-02", "2"]), json!([1, "KW-03", "2"]), json!([3, "KW-01", "0"])]);
        assert_eq!((&found["below"], &found["rows"][0]["total"]), (&Value::Null, &Value::Null), "there are no points");
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_sees_some_areas_sees_no_league_and_an_unknown_one_is_named() {
    from_the_instant(BEGINS, async |app| {
        open(app, CODE, "2019-01-01", pack(CODE).expect("it ships").text).await;
        let scope = Scope::Areas { contracts: [CODE.to_owned()].into(), areas: ["kabul".to_owned()].into() };
        let some = Principal { scope, ..officer() };
        assert_eq!(league(app, &some, (CODE, "provinces"), "2019-06").await, Value::Null);
        let unknown = league_answer(app, &officer(), (CODE, "districts"), "2019-06").await;
        assert!(unknown.body.contains("use one of provinces"), "{}", unknown.body);
    })
    .await;
}

#[tokio::test]
async fn the_prices_of_the_provinces_are_as_printed_and_pay_the_units_of_a_month() {
    from_the_instant(BEGINS, async |app| {
        open(app, CODE, "2019-01-01", pack(CODE).expect("it ships").text).await;
        let facts = [recorded("anc_visits", 7.into(), "2019-03-10"), recorded("anc_visits", 3.into(), "2019-03-31")];
        let others = [recorded("anc_visits", 100.into(), "2019-04-01")];
        record_all(&app.fresh, vec![facility(1, "badakhshan", facts), facility(2, "badakhshan", others)]).await;
        let document = format!(
            "{{ contract(code: \"{CODE}\") {{ prices(period: {{ from: \"2019-03-01\" }}) {{
                outcome area tariff multiplier unitPrice currency units amount {{ amount }} }} }} }}"
        );
        let data = app.ask(&officer(), &document, json!({})).await;
        let prices = list(&data["contract"]["prices"]);
        let find = |outcome: &str, area: &str| {
            let of = |price: &&Value| price["outcome"] == outcome && price["area"] == area;
            prices.iter().find(of).unwrap_or_else(|| panic!("no price of {outcome} in {area}: {data}"))
        };
        let table = table(PRICES);
        for printed in table.iter().skip(2) {
            for (service, outcome) in SERVICES {
                let price = find(outcome, &printed["province"].to_lowercase());
                assert_eq!(price["unitPrice"], printed[format!("{service}_printed").as_str()], "{printed:?}");
                assert_eq!(price["tariff"], table[1][format!("{service}_printed").as_str()], "{service}");
                assert_eq!(price["multiplier"], printed["multiplier_reproducing"], "{printed:?}");
            }
        }
        let paid = find("anc_paid", "badakhshan");
        assert_eq!((&paid["units"], &paid["amount"]["amount"]), (&json!("10"), &json!("3130.00")), "10 times 313");
        let unpaid = find("anc_paid", "balkh");
        assert_eq!((&unpaid["units"], &unpaid["amount"]["amount"]), (&json!("0"), &json!("0.00")));
    })
    .await;
}
