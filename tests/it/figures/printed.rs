//! Printed tables, reproduced end to end: cases and targets are recorded, and figures asked for over the API.
//!
//! What is not printed is chosen so that it agrees with what is: the month before, and bases that are printed rounded.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::{Occurred, SpellId, StreamId, WorkerId};
use throughline_domain::fact::event::{
    Attribute, Event, Quantity, ReferralAccepted, SpellStarted, WorkerJoined, WteSet,
};
use throughline_domain::world::{self, day};
use uuid::Uuid;

use super::{Asker, case, list, record_all, referral, row, rows};
use crate::app::{SHPS, TestApp, administrator, from_the_instant, manager, test_caller};

const AGAINST_BASE: &str = include_str!("../../../crates/domain/src/performance/printed/shps_vs_base.csv");
const AGAINST_MEAN: &str = include_str!("../../../crates/domain/src/performance/printed/shps_vs_3month.csv");
/// The day after the month of the tables.
const TODAY: &str = "2018-03-01T09:00:00Z";
/// The referral of cases that count in no month of a table.
const EARLY: &str = "2017-03-05";
/// The stages of the board, as printed and by code.
const STAGES: [(&str, &str); 4] = [
    ("Referrals", "referral"),
    ("PHP complete", "php_complete"),
    ("Housing Secured", "housing_secured"),
    ("Housing Sustained", "housing_sustained"),
];
const FIELDS: &str = "group { code } period { provisional } figure { state value }
    targets { profile base { value } percent trend } threeMonths { base { value } percent }";

/// A row of a printed table, by the names of its columns.
type Row = BTreeMap<&'static str, &'static str>;
/// How many cases reached each stage in a month such as `2018-02`.
type Reached = (&'static str, [usize; 4]);

fn table(text: &'static str) -> Vec<Row> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("the names of the columns").split(',').collect();
    lines.map(|line| names.iter().copied().zip(line.split(',')).collect()).collect()
}

/// The stage of a row, by code.
fn stage(row: &Row) -> &'static str {
    STAGES.iter().find(|(printed, _)| *printed == row["measure"]).expect("a stage of the board").1
}

/// The printed actuals of a borough, in the order of the stages.
fn actuals(rows: &[Row], borough: &str) -> [usize; 4] {
    STAGES.map(|(printed, _)| {
        let of_stage = rows.iter().find(|row| row["borough"] == borough && row["measure"] == printed);
        of_stage.expect("the row is there")["actual"].parse().expect("a count")
    })
}

/// The cases of a borough that reach each stage in these months. A home sustained in a month was secured eight
/// months earlier, and was referred before that.
fn cases(numbers: &mut impl Iterator<Item = u32>, borough: &str, reached: &[Reached]) -> Vec<Command> {
    let days = |stage: usize, of_month: &str| -> Vec<NaiveDate> {
        let of = |(month, counts): &Reached| vec![day(&format!("{month}-{of_month}")); counts[stage]];
        reached.iter().flat_map(of).collect()
    };
    let [referrals, plans, homes, sustained] =
        [(0, "05"), (1, "08"), (2, "10"), (3, "10")].map(|(stage, on)| days(stage, on));
    let most = referrals.len().max(plans.len()).max(homes.len());
    let early = vec![day(EARLY); most - referrals.len()];
    let of_months = early.into_iter().chain(referrals).enumerate().map(|(at, received)| {
        let n = numbers.next().expect("numbers do not end");
        let plan = plans.get(at).map(|on| (Occurred::on(*on), Event::from(world::plan())));
        let home = homes.get(at).map(|on| (Occurred::on(*on), home(n)));
        case(SHPS, n, (Occurred::on(received), referral(n, borough)), plan.into_iter().chain(home))
    });
    let mut commands: Vec<Command> = of_months.collect();
    commands.extend(sustained.into_iter().map(|on| {
        let n = numbers.next().expect("numbers do not end");
        let home = (Occurred::on(on - Months::new(8)), home(n));
        case(SHPS, n, (Occurred::on(day(EARLY)), referral(n, borough)), [home])
    }));
    commands
}

/// The n-th case secures a new home.
fn home(n: u32) -> Event {
    let spell = SpellId(Uuid::from_u128(0x3_0000_0000 + u128::from(n)));
    let attributes = [("secured_as".to_owned(), Attribute::Text("new".to_owned()))].into();
    SpellStarted { attributes, ..world::home(spell) }.into()
}

/// Targets of a measure by month, in a borough.
fn by_month(measure: &str, area: &str, months: &[(String, &str)]) -> Value {
    let months: Vec<Value> = months.iter().map(|(month, target)| json!({ "month": month, "target": target })).collect();
    json!({ "measure": measure, "area": area, "months": months })
}

/// Targets of plans as a share of referrals, in a borough.
fn of_referrals(area: &str, factor: &str) -> Value {
    json!({ "measure": "php_complete", "area": area, "ratio": { "of": "referral", "factor": factor } })
}

async fn publish(app: &TestApp, contract: &str, profile: &str, series: &[Value]) {
    let input = json!({ "contract": contract, "profile": profile, "series": series });
    app.done(&administrator(), "publishTargets", input).await;
}

fn asker(app: &TestApp) -> Asker<'_> {
    Asker { app, who: manager(), contract: SHPS }
}

/// A number of the answer, rounded half up to whole ones as tables print it.
fn whole(number: &Value) -> String {
    let number: Decimal = number.as_str().unwrap_or_else(|| panic!("no number: {number}")).parse().expect("a decimal");
    number.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_string()
}

/// A printed cell. None if it is blank.
fn printed(row: &Row, column: &str) -> Option<&'static str> {
    Some(row[column]).filter(|cell| !cell.is_empty())
}

/// Compares a row of the answer with a printed one: actual, base, percentage and arrow.
fn compare(printed_row: &Row, found: &Value) {
    let target = &found["targets"][0];
    assert_eq!(found["figure"], json!({ "state": "VALUE", "value": printed_row["actual"] }), "{printed_row:?}");
    assert_eq!(target["profile"], "base");
    assert_eq!(whole(&target["base"]["value"]), printed_row["base_printed"], "{printed_row:?}: {target}");
    assert_eq!(target["percent"].as_str(), printed(printed_row, "pct_printed"), "{printed_row:?}: {target}");
    let trend = target["trend"].as_str().map(str::to_lowercase);
    assert_eq!(trend.as_deref(), printed(printed_row, "arrow_printed"), "{printed_row:?}: {target}");
}

/// What is not printed of a borough. The targets are those of referrals, housing secured and housing sustained.
struct Borough {
    name: &'static str,
    code: &'static str,
    /// How many cases reached each stage in the month before.
    before: [usize; 4],
    /// The unrounded targets of the month.
    targets: [&'static str; 3],
    /// The targets of the month before.
    targets_before: [&'static str; 3],
    /// The target of plans as a share of that of referrals.
    factor: &'static str,
}

static BOROUGHS: [Borough; 3] = [
    Borough {
        name: "Brent",
        code: "brent",
        before: [2, 1, 0, 0],
        targets: ["63", "30.6", "0"],
        targets_before: ["2", "1", "0"],
        factor: "0.85",
    },
    Borough {
        name: "Ealing",
        code: "ealing",
        before: [2, 1, 0, 0],
        targets: ["45", "21", "16.7"],
        targets_before: ["2", "1", "1"],
        factor: "0.88",
    },
    Borough {
        name: "Islington",
        code: "islington",
        before: [2, 2, 0, 0],
        targets: ["45", "23.7", "18.9"],
        targets_before: ["2", "1", "1"],
        factor: "0.88",
    },
];

impl Borough {
    fn series(&self) -> Vec<Value> {
        let measures = ["referral", "housing_secured", "housing_sustained"];
        let of_measure = |at: usize| {
            let months = [("2018-01-01", self.targets_before[at]), ("2018-02-01", self.targets[at])];
            by_month(measures[at], self.code, &months.map(|(month, target)| (month.to_owned(), target)))
        };
        let by_month = (0..measures.len()).map(of_measure);
        by_month.chain([of_referrals(self.code, self.factor)]).collect()
    }
}

#[tokio::test]
async fn the_table_of_a_month_against_its_base_is_as_printed() {
    from_the_instant(TODAY, async |app| {
        app.open_contract(SHPS).await;
        let mut printed_rows = table(AGAINST_BASE);
        printed_rows.retain(|row| row["table"] == "month");
        let mut numbers = 1_u32..;
        let mut series = vec![json!({
            "measure": "referral", "area": "enfield", "years": [{ "year": "2017-04-01", "target": "500" }],
        })];
        for borough in &BOROUGHS {
            let reached = [("2018-01", borough.before), ("2018-02", actuals(&printed_rows, borough.name))];
            record_all(&app.fresh, cases(&mut numbers, borough.code, &reached)).await;
            series.extend(borough.series());
        }
        publish(app, SHPS, "base", &series).await;
        let arguments = "by: [AREA], period: { from: \"2018-02-10\", kind: MONTH }, compareWith: [TARGETS]";
        let figures = asker(app).figures(arguments, FIELDS).await;
        let measures: Vec<&Value> = list(&figures).iter().map(|one| &one["measure"]["code"]).collect();
        assert_eq!(measures, STAGES.map(|(_, code)| code), "the stages, if no measure is named");
        for printed_row in &printed_rows {
            let borough = BOROUGHS.iter().find(|borough| borough.name == printed_row["borough"]).expect("it is known");
            let found = row(&figures, stage(printed_row), borough.code);
            compare(printed_row, found);
            assert_eq!(found["period"]["provisional"], false);
            assert_eq!(found["threeMonths"], Value::Null, "it was not asked for");
        }
        assert_eq!(printed_rows.len(), 12);
        let plans = |area| &row(&figures, "php_complete", area)["targets"][0]["base"]["value"];
        assert_eq!([plans("brent"), plans("ealing")], ["53.55", "39.6"], "0.85 of 63 and 0.88 of 45, unrounded");
        let enfield = &row(&figures, "referral", "enfield")["targets"][0];
        assert_eq!((&enfield["base"]["value"], &enfield["percent"]), (&json!("41.666667"), &json!("0")), "500/12");
        assert_eq!(row(&figures, "referral", "hackney")["targets"][0]["percent"], Value::Null, "it has no target");
    })
    .await;
}

#[tokio::test]
async fn a_borough_to_date_against_its_base_is_as_printed() {
    from_the_instant(TODAY, async |app| {
        app.open_contract(SHPS).await;
        let mut printed_rows = table(AGAINST_BASE);
        printed_rows.retain(|row| row["table"] == "cumulative" && row["borough"] == "Brent");
        assert_eq!((printed_rows.len(), actuals(&printed_rows, "Brent")), (4, [665, 525, 232, 10]));
        // Ten more were referred early and secured their homes in May.
        let reached = [("2017-12", [600, 443, 200, 0]), ("2018-01", [0, 0, 0, 10]), ("2018-02", [55, 82, 22, 0])];
        record_all(&app.fresh, cases(&mut (1_u32..), "brent", &reached)).await;
        // The first month has the targets of all before February. That of homes sustained in February prints as 0.
        let months = |first: &'static str, last: &'static str| -> Vec<(String, &'static str)> {
            let between = (4..=12).map(|month| format!("2017-{month:02}-01")).chain(["2018-01-01".to_owned()]);
            let between = between.map(|month| (month, "0"));
            let ends = [("2017-03-01".to_owned(), first), ("2018-02-01".to_owned(), last)];
            between.chain(ends).collect()
        };
        let series = [
            by_month("referral", "brent", &months("630", "63")),
            by_month("housing_secured", "brent", &months("245.4", "30.6")),
            by_month("housing_sustained", "brent", &months("11.7", "0.3")),
            of_referrals("brent", "0.85"),
        ];
        publish(app, SHPS, "base", &series).await;
        let arguments = "by: [AREA], period: { from: \"2018-02-28\", kind: CONTRACT_TO_DATE }, compareWith: [TARGETS]";
        let figures = asker(app).figures(arguments, FIELDS).await;
        for printed_row in &printed_rows {
            compare(printed_row, row(&figures, stage(printed_row), "brent"));
        }
        let plans = &row(&figures, "php_complete", "brent")["targets"][0]["base"]["value"];
        assert_eq!(plans, "589.05", "0.85 of 693");
    })
    .await;
}

/// Cases of the three months before, whose sums are the printed means times three.
const THREE_MONTHS: [(&str, &str, [Reached; 3]); 2] = [
    ("Brent", "brent", [("2017-11", [40, 41, 23, 2]), ("2017-12", [43, 39, 25, 3]), ("2018-01", [43, 40, 24, 4])]),
    (
        "Islington",
        "islington",
        [("2017-11", [29, 27, 20, 30]), ("2017-12", [31, 26, 22, 31]), ("2018-01", [30, 28, 21, 32])],
    ),
];

#[tokio::test]
async fn the_table_of_a_month_against_the_mean_of_three_is_as_printed() {
    from_the_instant(TODAY, async |app| {
        app.open_contract(SHPS).await;
        let printed_rows = table(AGAINST_MEAN);
        let mut numbers = 1_u32..;
        for (name, code, before) in THREE_MONTHS {
            let now = ("2018-02", actuals(&printed_rows, name));
            let reached: Vec<Reached> = before.into_iter().chain([now]).collect();
            record_all(&app.fresh, cases(&mut numbers, code, &reached)).await;
        }
        let asker = asker(app);
        let arguments = "by: [AREA], period: { from: \"2018-02-10\", kind: MONTH }, compareWith: [THREE_MONTHS]";
        let figures = asker.figures(arguments, FIELDS).await;
        for printed_row in &printed_rows {
            let mut boroughs = THREE_MONTHS.into_iter();
            let (_, code, _) = boroughs.find(|(name, ..)| *name == printed_row["borough"]).expect("it is known");
            let found = row(&figures, stage(printed_row), code);
            let mean = &found["threeMonths"];
            assert_eq!(found["figure"]["value"], printed_row["actual"], "{printed_row:?}");
            assert_eq!(whole(&mean["base"]["value"]), printed_row["avg3_printed"], "{printed_row:?}: {mean}");
            assert_eq!(mean["percent"], printed_row["pct_printed"], "{printed_row:?}: {mean}");
            assert_eq!(found["targets"], json!([]), "they were not asked for");
        }
        assert_eq!(printed_rows.len(), 8);
        let nothing = &row(&figures, "referral", "ealing")["threeMonths"];
        assert_eq!(nothing, &json!({ "base": { "value": "0" }, "percent": null }), "0 on 0");
    })
    .await;
}

/// The specialists of Tower Hamlets: seven, and one more for the last 15 days of the quarter.
async fn specialists_join(app: &TestApp) {
    for n in 0_u32..8 {
        let on = Occurred::on(day(if n < 7 { "2021-04-01" } else { "2022-03-17" }));
        let stream = StreamId::worker(WorkerId(Uuid::from_u128(0x4_0000_0000 + u128::from(n))));
        let joined = WorkerJoined { login: None, label: format!("ES-{n}") };
        for fact in [Event::from(joined), Event::from(WteSet { wte: Quantity(1.into()) })] {
            app.fresh.record(Command::record_fact(stream, on, fact)).await.expect("a specialist joins");
        }
    }
}

/// 85 clients are accepted in the quarter, and 24 of them start a job.
fn clients() -> Vec<Command> {
    let client = |n: u32| {
        let accepted = (Occurred::on(day("2022-01-11")), Event::from(ReferralAccepted {}));
        let spell = SpellId(Uuid::from_u128(0x3_0000_0000 + u128::from(n)));
        let job = SpellStarted { domain: "employment".to_owned(), ..world::home(spell) };
        let job = (n <= 24).then(|| (Occurred::on(day("2022-02-01")), Event::from(job)));
        let received = (Occurred::on(day("2022-01-10")), referral(n, "tower-hamlets"));
        case("mhep", n, received, std::iter::once(accepted).chain(job))
    };
    (1..=85).map(client).collect()
}

#[tokio::test]
async fn rates_for_each_specialist_are_those_of_the_unrounded_mean_of_the_quarter() {
    from_the_instant("2022-04-04T09:00:00Z", async |app| {
        let rulebook = pack("mhep").expect("it ships").text;
        let input = json!({ "code": "mhep", "name": "IPS", "startsOn": "2021-04-01", "rulebook": rulebook });
        app.done(&administrator(), "openContract", input).await;
        specialists_join(app).await;
        record_all(&app.fresh, clients()).await;
        let months = ["2022-01-01", "2022-02-01", "2022-03-01"].map(|month| json!({ "month": month, "target": "6" }));
        publish(app, "mhep", "minimum_service", &[json!({ "measure": "wte", "months": months })]).await;
        let who = test_caller(Role::Manager, "chief", &["mhep"]);
        let asker = Asker { app, who, contract: "mhep" };
        let arguments = "measures: [\"wte\", \"referrals_per_specialist\", \"job_starts_per_specialist\"], by: [],
            period: { from: \"2022-03-31\", kind: QUARTER }, compareWith: [TARGETS, PREVIOUS]";
        let fields = "figure { state value numerator denominator } previous { base { value } }
            targets { profile base { value } met } members { totalCount } below: members(below: true) { totalCount }";
        let figures = asker.figures(arguments, fields).await;
        // 75 days with 7 and 15 days with 8 are a mean of 43/6.
        let wte = &rows(&figures, "wte")[0];
        let mean = json!({ "state": "VALUE", "value": "7.2", "numerator": "7.166667", "denominator": null });
        assert_eq!(wte["figure"], mean);
        assert_eq!(wte["previous"]["base"]["value"], "7");
        let target = json!([{ "profile": "minimum_service", "base": { "value": "6" }, "met": true }]);
        assert_eq!((&wte["targets"], &wte["members"]), (&target, &Value::Null));
        for (measure, cases, rate) in
            [("referrals_per_specialist", 85, "11.9"), ("job_starts_per_specialist", 24, "3.3")]
        {
            let found = &rows(&figures, measure)[0];
            let figure = json!({
                "state": "VALUE", "value": rate, "numerator": cases.to_string(), "denominator": "7.166667",
            });
            assert_eq!(found["figure"], figure, "{measure}");
            assert_eq!(found["members"]["totalCount"], cases, "{measure}");
            assert_eq!(found["below"], Value::Null, "no case makes a full-time equivalent");
        }
    })
    .await;
}
