//! Supply of facts by service area, over the API, in documents and on boards: without supply there is no data, which is
//! not 0, and a number over several areas says which of them are missing.

use std::process::Command as Process;

use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{ContactLogged, Event, ReferralAccepted};
use throughline_domain::world::{self, when};

use super::{Asker, case, list, record_all, referral, row, rows};
use crate::app::{TestApp, on_both_stores, test_caller, text};

const CONTRACT: &str = "supply";
/// Brent supplies contacts until the end of January, Ealing never supplies plans, and Hackney supplies contacts from
/// 10 February.
const SUPPLY: &str = r#"
[[supply]]
area = "brent"
facts = ["contacts"]
until = 2018-01-31
[[supply]]
area = "ealing"
facts = ["plans"]
never = true
[[supply]]
area = "hackney"
facts = ["contacts"]
from = 2018-02-10
"#;
const FIGURE: &str = "group { code } figure { state value } withoutSupply";

fn asker(app: &TestApp) -> Asker<'_> {
    Asker { app, who: test_caller(Role::Manager, "manager", &[CONTRACT]), contract: CONTRACT }
}

/// One case in each of four areas, accepted on 2 January, with a contact on 20 January.
async fn record(app: &TestApp) {
    let rules =
        pack("shps").expect("a pack").text.replace("contract = \"shps\"", &format!("contract = \"{CONTRACT}\""));
    let opened = world::opened(CONTRACT, "2017-03-01");
    app.fresh.record(world::open(when("2017-03-01"), opened, rules + SUPPLY)).await.expect("the contract opens");
    let areas = ["brent", "ealing", "hackney", "enfield"];
    let cases = (1..).zip(areas).map(|(n, area)| {
        let call = ContactLogged { worker: None, ..world::contact() };
        let facts: [(Occurred, Event); 2] =
            [(when("2018-01-02"), ReferralAccepted {}.into()), (when("2018-01-20"), call.into())];
        case(CONTRACT, n, (when("2018-01-02"), referral(n, area)), facts)
    });
    record_all(&app.fresh, cases.collect()).await;
}

fn of_month(measure: &str, by: &str, month: &str) -> String {
    format!("measures: [\"{measure}\"], by: [{by}], period: {{ from: \"2018-{month}-01\", kind: MONTH }}")
}

/// The state, the value and the areas without supply of a measure for an area.
fn seen(found: &Value, measure: &str, area: &str) -> (String, Value, Value) {
    let row = row(found, measure, area);
    (text(&row["figure"]["state"]), row["figure"]["value"].clone(), row["withoutSupply"].clone())
}

#[tokio::test]
async fn without_supply_there_is_no_data_and_with_it_nothing_is_0() {
    on_both_stores(async |app| {
        record(app).await;
        let no_data = |area: &str| ("NO_DATA".to_owned(), Value::Null, json!([area]));
        let value = |number: &str| ("VALUE".to_owned(), json!(number), json!([]));
        let february = asker(app).figures(&of_month("contacts", "AREA", "02"), FIGURE).await;
        assert_eq!(seen(&february, "contacts", "brent"), no_data("brent"));
        assert_eq!(seen(&february, "contacts", "enfield"), value("0"), "who supplies and had none has 0");
        let partly = ("VALUE".to_owned(), json!("0"), json!(["hackney"]));
        assert_eq!(seen(&february, "contacts", "hackney"), partly, "it supplied a part of the month");
        let january = asker(app).figures(&of_month("contacts", "AREA", "01"), FIGURE).await;
        assert_eq!(seen(&january, "contacts", "brent"), value("1"), "it supplied until the last day");
        assert_eq!(seen(&january, "contacts", "hackney"), no_data("hackney"));
        let plans = asker(app).figures(&of_month("php_complete", "AREA", "02"), FIGURE).await;
        assert_eq!(seen(&plans, "php_complete", "ealing"), no_data("ealing"), "a stage needs the facts that reach it");
        assert_eq!(seen(&plans, "php_complete", "brent"), value("0"));
        let conversion = asker(app).figures(&of_month("conversion:php_complete", "AREA", "01"), FIGURE).await;
        assert_eq!(seen(&conversion, "conversion:php_complete", "ealing").0, "NO_DATA", "and so does a ratio of it");
        let referrals = asker(app).figures(&of_month("referral", "AREA", "01"), FIGURE).await;
        assert_eq!(seen(&referrals, "referral", "ealing"), value("1"), "a referral needs no supply");
    })
    .await;
}

#[tokio::test]
async fn a_number_over_several_areas_names_those_that_are_missing() {
    on_both_stores(async |app| {
        record(app).await;
        let whole = asker(app).figures(&of_month("contacts", "", "02"), FIGURE).await;
        let row = &rows(&whole, "contacts")[0];
        assert_eq!((&row["figure"]["state"], &row["withoutSupply"]), (&json!("VALUE"), &json!(["brent", "hackney"])));
    })
    .await;
}

#[tokio::test]
async fn boards_count_the_cases_of_areas_without_supply_apart() {
    on_both_stores(async |app| {
        record(app).await;
        let document = format!(
            "{{ contract(code: \"{CONTRACT}\") {{ \
             areas: contactRecency(by: AREA) {{ group {{ area }} none noData total buckets {{ journeys }} }} \
             keyworkers: contactRecency(by: KEYWORKER) {{ group {{ label }} noData total }} \
             referralToPlan(by: AREA) {{ group {{ area }} noPlanYet noData total medianDays }} \
             performance(by: [AREA], period: {{ from: \"2018-02-01\" }}) {{ \
             stages {{ code rows {{ group {{ area }} total months {{ journeys }} }} }} }} }} }}"
        );
        let data = app.ask(&asker(app).who, &document, json!({})).await;
        let contract = &data["contract"];
        let of = |rows: &Value, area: &str| {
            list(rows).iter().find(|row| row["group"]["area"] == area).expect("a row of the area").clone()
        };
        let brent = of(&contract["areas"], "brent");
        assert_eq!((&brent["none"], &brent["noData"], &brent["total"]), (&Value::Null, &json!(1), &json!(1)));
        assert!(list(&brent["buckets"]).iter().all(|bucket| bucket["journeys"].is_null()), "{brent}");
        let enfield = of(&contract["areas"], "enfield");
        assert_eq!((&enfield["none"], &enfield["noData"], &enfield["total"]), (&json!(0), &json!(0), &json!(1)));
        let unassigned = list(&contract["keyworkers"]).last().expect("the row of cases without a keyworker");
        assert_eq!((&unassigned["noData"], &unassigned["total"]), (&json!(1), &json!(4)));
        let ealing = of(&contract["referralToPlan"], "ealing");
        assert_eq!((&ealing["noPlanYet"], &ealing["noData"], &ealing["total"]), (&Value::Null, &json!(1), &json!(1)));
        let plans = list(&contract["performance"]["stages"]).iter().find(|stage| stage["code"] == "php_complete");
        let ealing = of(&plans.expect("the stage")["rows"], "ealing");
        assert_eq!((&ealing["months"][0]["journeys"], &ealing["total"]), (&Value::Null, &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_document_says_no_data_and_which_areas_are_missing() {
    on_both_stores(async |app| {
        record(app).await;
        let document = format!(
            "{{ contract(code: \"{CONTRACT}\") {{ reports {{ code }} }} }}"
        );
        let data = app.ask(&asker(app).who, &document, json!({})).await;
        let code = text(&data["contract"]["reports"][0]["code"]);
        let document = format!(
            "{{ contract(code: \"{CONTRACT}\") {{ report(code: \"{code}\", on: \"2018-02-01\") {{ content(format: TEXT) }} }} }}"
        );
        let data = app.ask(&asker(app).who, &document, json!({})).await;
        let printed = text(&data["contract"]["report"]["content"]);
        for note in ["Days since contact: no data for Brent.", "PHP complete: no data for Ealing."] {
            assert!(printed.contains(note), "{note}: {printed}");
        }
    })
    .await;
}

#[test]
fn a_supply_of_an_unknown_area_is_refused_with_line_and_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.toml");
    let text = pack("shps").expect("a pack").text.to_owned() + &SUPPLY.replace("\"hackney\"", "\"barnet\"");
    std::fs::write(&file, text).expect("it is written");
    let output = Process::new(env!("CARGO_BIN_EXE_throughline")).args(["rulebook", "check"]).arg(&file).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("supply.area: \"barnet\" is not in codes.areas; write one of brent"), "{said}");
}
