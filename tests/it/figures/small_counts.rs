//! Small counts of a contract whose reports hide them: what a commissioner reads in the API, and what others read.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};
use throughline_domain::command::Command;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{Event, JourneyClosed, ReferralAccepted};
use throughline_domain::world::{self, when};

use super::{Asker, case, list, record_all, referral, row};
use crate::app::{TestApp, on_both_stores, test_caller, text};

const CONTRACT: &str = "few";
const HIDDEN: &str = "\n[reports]\nhide_small_counts = true\n";
/// A contact within a week, which nobody gets: at the end of February all are overdue, or missed if the case was closed.
const STANDARD: &str = "\n[[standard]]\ncode = \"first_contact\"\nfrom = \"referral_received\"\nwithin = { days = 7 }\n\
                        met_by = { contact = { made = true } }\nminimum_level = 95\n";
const BY_AREA: &str = "measures: [\"referral\"], by: [AREA], period: { from: \"2018-02-01\", kind: MONTH }, \
                       compareWith: [TARGETS, PREVIOUS]";
const FIGURE: &str = "group { code } figure { state value numerator } previous { percent difference } \
                      members { totalCount }";

fn commissioner() -> Principal {
    test_caller(Role::Commissioner, "council", &[CONTRACT])
}

fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[CONTRACT])
}

fn asker(app: &TestApp, who: Principal) -> Asker<'_> {
    Asker { app, who, contract: CONTRACT }
}

/// Referrals in February: 3 in Brent, 7 in Ealing and 9 in Hackney. Of those in Hackney six are closed: one for a reason
/// that no other has.
async fn record(app: &TestApp, hides: &str) {
    let rules =
        pack("shps").expect("a pack").text.replace("contract = \"shps\"", &format!("contract = \"{CONTRACT}\""));
    let opened = world::opened(CONTRACT, "2017-03-01");
    app.fresh.record(world::open(when("2017-03-01"), opened, rules + hides)).await.expect("the contract opens");
    let areas = [("brent", 3), ("ealing", 7), ("hackney", 9)];
    let all = areas.into_iter().flat_map(|(area, cases)| (0..cases).map(move |nth| (area, nth)));
    let cases = (1..).zip(all).map(|(n, (area, nth))| {
        let accepted = (when("2018-02-02"), Event::from(ReferralAccepted {}));
        let reason = if nth == 0 { "moved_away" } else { "lost_contact" };
        let closed = JourneyClosed { reason: reason.to_owned(), destination: None };
        let closed = (area == "hackney" && nth < 6).then(|| (when("2018-02-20"), Event::from(closed)));
        let facts: Vec<(Occurred, Event)> = std::iter::once(accepted).chain(closed).collect();
        case(CONTRACT, n, (when("2018-02-01"), referral(n, area)), facts)
    });
    let cases: Vec<Command> = cases.collect();
    record_all(&app.fresh, cases).await;
}

fn states(found: &Value) -> Vec<(String, String)> {
    let of = |area: &str| {
        let row = row(found, "referral", area);
        (area.to_owned(), text(&row["figure"]["state"]))
    };
    ["brent", "ealing", "hackney", "enfield"].map(of).into()
}

#[tokio::test]
async fn a_commissioner_reads_no_small_figure_and_none_that_gives_it_away() {
    on_both_stores(async |app| {
        record(app, HIDDEN).await;
        let found = asker(app, commissioner()).figures(BY_AREA, FIGURE).await;
        let state = |area: &str, state: &str| (area.to_owned(), state.to_owned());
        let expected = [
            state("brent", "SUPPRESSED"),
            state("ealing", "SUPPRESSED"),
            state("hackney", "VALUE"),
            state("enfield", "VALUE"),
        ];
        assert_eq!(states(&found), expected, "19 less 9 and 0 is said of two areas together");
        let brent = row(&found, "referral", "brent");
        assert_eq!((&brent["figure"]["value"], &brent["figure"]["numerator"]), (&Value::Null, &Value::Null));
        assert_eq!(brent["previous"], json!({ "percent": null, "difference": null }));
        assert_eq!(brent["members"], Value::Null, "nor does it list the cases");
        let whole = asker(app, commissioner()).figures(&BY_AREA.replace("[AREA]", "[]"), "figure { value }").await;
        assert_eq!(whole[0]["rows"][0]["figure"]["value"], "19");
        for who in [manager(), test_caller(Role::Auditor, "auditor", &[CONTRACT])] {
            let found = asker(app, who).figures(BY_AREA, FIGURE).await;
            assert_eq!(row(&found, "referral", "brent")["figure"]["value"], "3");
        }
    })
    .await;
}

#[tokio::test]
async fn a_conversion_shows_no_count_that_it_is_made_of() {
    on_both_stores(async |app| {
        record(app, HIDDEN).await;
        let arguments = BY_AREA.replace("\"referral\"", "\"conversion:php_complete\"");
        let found = asker(app, commissioner())
            .figures(&arguments, "group { code } figure { state numerator denominator }")
            .await;
        for area in ["brent", "hackney"] {
            let figure = &row(&found, "conversion:php_complete", area)["figure"];
            assert_eq!((&figure["numerator"], &figure["denominator"]), (&Value::Null, &Value::Null), "{area}");
        }
    })
    .await;
}

/// Every number of the boards for a commissioner.
async fn boards(app: &TestApp, who: &Principal) -> Value {
    let document = format!(
        "{{ contract(code: \"{CONTRACT}\") {{ \
         exits(by: REASON) {{ closed {{ group {{ reason }} journeys }} total }} \
         contactRecency(by: AREA) {{ group {{ area }} none total buckets {{ journeys }} }} \
         referralToPlan(by: AREA) {{ group {{ area }} noPlanYet closedWithoutPlan total }} \
         outcomes(by: AREA) {{ amounts {{ achieved {{ amount }} }} outcomes {{ rows {{ group {{ area }} achieved }} }} }} \
         performance(by: [AREA], period: {{ from: \"2018-02-01\" }}) {{ \
         stages {{ code rows {{ group {{ area }} total cumulative months {{ journeys }} }} }} }} }} }}"
    );
    app.ask(who, &document, json!({})).await["contract"].clone()
}

fn of(rows: &Value, area: &str) -> Value {
    list(rows).iter().find(|row| row["group"]["area"] == area).expect("a row of the area").clone()
}

#[tokio::test]
async fn no_board_shows_a_small_count_either() {
    on_both_stores(async |app| {
        record(app, HIDDEN).await;
        let seen = boards(app, &commissioner()).await;
        let closed: Vec<(Value, Value)> =
            list(&seen["exits"]["closed"]).iter().map(|row| (row["group"]["reason"].clone(), row["journeys"].clone())).collect();
        assert!(closed.contains(&(json!("moved_away"), Value::Null)), "{closed:?}");
        assert!(closed.contains(&(json!("lost_contact"), Value::Null)), "the only other one gives it away: {closed:?}");
        assert_eq!(seen["exits"]["total"], Value::Null);
        let brent = of(&seen["contactRecency"], "brent");
        assert_eq!((&brent["none"], &brent["total"]), (&Value::Null, &Value::Null), "three cases without a contact");
        let brent = of(&seen["referralToPlan"], "brent");
        assert_eq!((&brent["noPlanYet"], &brent["total"]), (&Value::Null, &Value::Null));
        let referrals = list(&seen["performance"]["stages"]).iter().find(|stage| stage["code"] == "referral");
        let brent = of(&referrals.expect("the stage")["rows"], "brent");
        let hidden = json!({ "group": { "area": "brent" }, "total": null, "cumulative": null, "months": [{ "journeys": null }] });
        assert_eq!(brent, hidden);
        let all = boards(app, &manager()).await;
        assert_eq!(of(&all["contactRecency"], "brent")["none"], 3);
        assert_eq!(all["exits"]["total"], 6);
    })
    .await;
}

#[tokio::test]
async fn obligations_and_indicators_show_no_small_count_either() {
    on_both_stores(async |app| {
        record(app, &format!("{HIDDEN}{STANDARD}")).await;
        let document = format!(
            "{{ contract(code: \"{CONTRACT}\") {{ \
             obligationCounts(by: AREA) {{ rows {{ group {{ area }} overdue missed }} }} \
             performance(by: [], period: {{ from: \"2018-02-01\", kind: MONTH }}) {{ \
             kpis {{ code months {{ figure {{ numerator denominator }} }} }} }} }} }}"
        );
        let seen = async |who: Principal| app.ask(&who, &document, json!({})).await["contract"].clone();
        let (hidden, all) = (seen(commissioner()).await, seen(manager()).await);
        let [few, shown] = [&hidden, &all].map(|seen| of(&seen["obligationCounts"][0]["rows"], "brent"));
        assert_eq!((&few["overdue"], &shown["overdue"]), (&Value::Null, &json!(3)));
        let figure = |seen: &Value| seen["performance"]["kpis"][0]["months"][0]["figure"].clone();
        assert_eq!(figure(&hidden), json!({ "numerator": null, "denominator": null }), "these are counts of their own");
        assert_ne!(figure(&all)["denominator"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_contract_that_hides_nothing_shows_all_and_one_report_that_hides_is_enough() {
    on_both_stores(async |app| {
        record(app, "").await;
        let found = asker(app, commissioner()).figures(BY_AREA, FIGURE).await;
        assert_eq!(row(&found, "referral", "brent")["figure"]["value"], "3");
    })
    .await;
    let report = "\n[[report]]\ncode = \"few\"\ntitle = \"Few\"\nevery = \"month\"\nhide_small_counts = true\n\
                  [[report.section]]\ncode = \"exits\"\ntitle = \"Exits\"\nboards = [\"exits_by_reason\"]\n";
    on_both_stores(async |app| {
        record(app, report).await;
        let found = asker(app, commissioner()).figures(BY_AREA, FIGURE).await;
        assert_eq!(row(&found, "referral", "brent")["figure"]["state"], "SUPPRESSED");
    })
    .await;
}
