//! Claims over cohorts, sites and areas, and rules that apply by the day on which a fact was recorded.

use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use crate::app::{TestApp, administrator, from_the_instant, test_caller, text, with};

const CODE: &str = "together";
const RULEBOOK: &str = include_str!("rulebooks/together.toml");

fn manager() -> Principal {
    test_caller(Role::Manager, "manager", &[CODE])
}

async fn on_both_stores(test: impl AsyncFn(&TestApp)) {
    from_the_instant("2018-03-01T09:00:00Z", async |app: &TestApp| {
        let input = json!({ "code": CODE, "name": CODE, "startsOn": "2017-04-01", "rulebook": RULEBOOK });
        app.done(&administrator(), "openContract", input).await;
        test(app).await;
    })
    .await;
}

async fn referred(app: &TestApp, on: &str, area: &str, cohort: Option<&str>) -> String {
    let mut input = json!({ "contract": CODE, "area": area, "occurredOn": on });
    if let Some(cohort) = cohort {
        input = with(input, json!({ "cohort": cohort }));
    }
    text(&app.done(&manager(), "receiveReferral", input).await["journey"]["id"])
}

async fn measured(app: &TestApp, journey: &str, code: &str, (value, first, last): (&str, &str, &str)) {
    let input = json!({ "journey": journey, "code": code, "value": value, "period": { "first": first, "last": last },
        "occurredOn": last });
    app.done(&manager(), "recordMeasure", input).await;
}

const CLAIM: &str = "id status journeyId scope { of period { first last } } counted { counted outOf share } \
    amount { amount currency } achievedOn earliestOn untilPayable { claimableFrom } \
    derivation { rulebook { version } events { id } daysCounted } batch { id }";

async fn claims(app: &TestApp, outcome: &str, as_of: &str) -> Vec<Value> {
    let document = format!(
        "{{ contract(code: \"{CODE}\", at: {{ asOf: \"{as_of}\" }}) {{ claims(outcome: \"{outcome}\", first: 200) \
         {{ nodes {{ {CLAIM} }} }} }} }}"
    );
    let told = app.ask(&manager(), &document, json!({})).await;
    told["contract"]["claims"]["nodes"].as_array().expect("nodes").clone()
}

/// The claim of a scope and of the period that begins on a day.
fn of(claims: &[Value], scope: &str, first: &str) -> Value {
    let is = |claim: &&Value| claim["scope"]["of"] == scope && claim["scope"]["period"]["first"] == first;
    claims.iter().find(is).cloned().unwrap_or_else(|| panic!("nothing of {scope} from {first}: {claims:#?}"))
}

#[tokio::test]
async fn the_share_of_a_cohort_is_claimed_as_one_and_frozen_as_such() {
    on_both_stores(async |app: &TestApp| {
        let one = referred(app, "2017-10-01", "north", Some("autumn")).await;
        referred(app, "2017-12-01", "south", Some("autumn")).await;
        referred(app, "2017-12-31", "south", Some("spring")).await;
        let spell = json!({ "journey": one, "domain": "care", "occurredOn": "2017-12-01" });
        app.done(&manager(), "startSpell", spell).await;
        let told = claims(app, "care", "2018-03-01").await;
        let autumn = of(&told, "autumn", "2017-10-01");
        assert_eq!((&autumn["status"], &autumn["achievedOn"]), (&json!("CLAIMABLE"), &json!("2018-01-01")));
        // 31 of the 92 days of two people.
        let counted = json!({ "counted": "31", "outOf": "184", "share": "0.168478" });
        assert_eq!((&autumn["counted"], &autumn["journeyId"]), (&counted, &Value::Null));
        assert_eq!(autumn["amount"], json!({ "amount": "1000.00", "currency": "GBP" }));
        assert_eq!((&autumn["derivation"]["daysCounted"], &autumn["derivation"]["events"]), (&json!(31), &json!([])));
        let spring = of(&told, "spring", "2017-10-01");
        assert_eq!((&spring["amount"]["amount"], &spring["counted"]["share"]), (&json!("1200.00"), &json!("0")));
        let now = of(&told, "autumn", "2018-01-01");
        assert_eq!(
            (&now["status"], &now["counted"]["share"]),
            (&json!("NOT_STARTED"), &json!("0.5")),
            "half is not less"
        );

        let batch = text(&app.done(&manager(), "openBatch", json!({ "contract": CODE })).await["batch"]["id"]);
        let input = json!({ "batch": batch, "claims": [autumn["id"], spring["id"]] });
        app.done(&manager(), "submitBatch", input).await;
        let document = format!(
            "{{ node(id: \"{batch}\") {{ __typename id ... on Batch {{ claimed {{ amount }} lines {{ nodes {{ claim \
             journeyId scope {{ of period {{ first last }} }} amount {{ amount }} derivation }} }} }} }} }}"
        );
        let node = app.ask(&manager(), &document, json!({})).await["node"].clone();
        assert_eq!((&node["__typename"], &node["claimed"]["amount"]), (&json!("Batch"), &json!("2200.00")));
        let line = node["lines"]["nodes"][0].clone();
        assert_eq!((&line["claim"], &line["scope"]), (&autumn["id"], &autumn["scope"]));
        assert_eq!((&line["journeyId"], &line["amount"]["amount"]), (&Value::Null, &json!("1000.00")));
        let elsewhere = test_caller(Role::Manager, "elsewhere", &["shps"]);
        assert_eq!(app.ask(&elsewhere, &document, json!({})).await["node"], Value::Null);
        // Found in care since before the end of the year after all: the share is another, and the claim is gone.
        let spell = json!({ "journey": one, "domain": "care", "occurredOn": "2017-10-01" });
        app.done(&manager(), "startSpell", spell).await;
        let later = of(&claims(app, "care", "2018-03-01").await, "autumn", "2017-10-01");
        assert_eq!((&later["status"], &later["counted"]["share"]), (&json!("SUBMITTED"), &json!("0.5")));
        let document = format!(
            "{{ contract(code: \"{CODE}\") {{ proposedWithdrawals {{ claim reason amount {{ amount }} }} }} }}"
        );
        let proposed = app.ask(&manager(), &document, json!({})).await["contract"]["proposedWithdrawals"].clone();
        let withdrawn = json!({ "claim": autumn["id"], "reason": "NOT_ACHIEVED", "amount": { "amount": "1000.00" } });
        assert_eq!(proposed, json!([withdrawn]), "nobody has decided it: it can be withdrawn, and not adjusted");
    })
    .await;
}

#[tokio::test]
async fn volumes_of_sites_and_areas_are_priced_by_unit_and_wait_their_working_days() {
    on_both_stores(async |app: &TestApp| {
        let clinic = referred(app, "2017-10-02", "north", None).await;
        let other = referred(app, "2017-10-02", "north", None).await;
        measured(app, &clinic, "visits", ("90", "2017-10-01", "2017-10-31")).await;
        measured(app, &clinic, "visits", ("60", "2017-12-01", "2017-12-31")).await;
        measured(app, &other, "visits", ("40", "2017-11-01", "2017-11-30")).await;
        let told = claims(app, "visits", "2018-03-01").await;
        let amounts: Vec<&Value> = told
            .iter()
            .filter(|claim| claim["status"] == "CLAIMABLE" && claim["scope"]["period"]["first"] == "2017-10-01")
            .map(|claim| &claim["amount"]["amount"])
            .collect();
        assert_eq!(amounts.len(), 2, "each site by itself: {told:#?}");
        assert!(amounts.contains(&&json!("275.00")) && amounts.contains(&&json!("80.00")), "{amounts:?}");
        measured(app, &clinic, "meals", ("1001", "2018-02-01", "2018-02-28")).await;
        measured(app, &other, "meals", ("10", "2018-02-01", "2018-02-28")).await;
        let february = of(&claims(app, "meals", "2018-03-01").await, "north", "2018-02-01");
        assert_eq!((&february["status"], &february["amount"]["amount"]), (&json!("ACHIEVED"), &json!("353.85")));
        assert_eq!(february["untilPayable"]["claimableFrom"], "2018-03-08");
        assert_eq!(february["counted"], json!({ "counted": "1011", "outOf": null, "share": null }));
        app.it_is("2018-03-08T09:00:00Z");
        assert_eq!(of(&claims(app, "meals", "2018-03-08").await, "north", "2018-02-01")["status"], "CLAIMABLE");
    })
    .await;
}

#[tokio::test]
async fn what_was_recorded_before_a_version_is_judged_by_the_one_before_whenever_it_was_so() {
    on_both_stores(async |app: &TestApp| {
        let (early, late) =
            (referred(app, "2018-01-02", "north", None).await, referred(app, "2018-01-02", "south", None).await);
        let plan = async |journey: &str| {
            let input = json!({ "journey": journey, "kind": "php", "occurredOn": "2018-02-20" });
            app.done(&manager(), "agreePlan", input).await;
        };
        plan(&early).await;
        let next = RULEBOOK
            .replace("version = \"2017-04\"", "version = \"2018-03\"")
            .replace("effective_from = 2017-04-01", "effective_from = 2018-03-02")
            .replace("amount = \"100.00\"", "amount = \"130.00\"");
        app.done(&administrator(), "publishRulebook", json!({ "contract": CODE, "rulebook": next })).await;
        crate::rebuild_api::live_is(app, 2).await;
        // Just before midnight in winter, it is the same day in London.
        app.it_is("2018-03-01T23:59:59Z");
        let third = referred(app, "2018-01-02", "north", None).await;
        plan(&third).await;
        app.it_is("2018-03-02T00:00:01Z");
        plan(&late).await;
        let told = claims(app, "plan", "2018-03-02").await;
        let of = |journey: &str| {
            let claim = told.iter().find(|claim| claim["journeyId"] == journey).expect("its claim").clone();
            (claim["amount"]["amount"].clone(), claim["derivation"]["rulebook"]["version"].clone())
        };
        let first = (json!("100.00"), json!("2017-04"));
        assert_eq!((of(&early), of(&third)), (first.clone(), first));
        assert_eq!(of(&late), (json!("130.00"), json!("2018-03")), "all three are of the same day");
    })
    .await;
}
