//! Figures by attributes of cases, over the API: what was frozen and when, what is not known, who is behind a figure, and
//! which questions are refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use throughline::access::Role;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Occurred;
use throughline_domain::fact::event::{Attribute, Eligibility, EligibilityAssessed, Event, Quantity, ReferralAccepted};
use throughline_domain::world::{self, when};

use super::{Asker, case, list, record_all, referral};
use crate::app::{TestApp, on_both_stores, test_caller, text};

const CONTRACT: &str = "attributes";
const ATTRIBUTES: &str = r#"
[[case_attribute]]
code = "age_band"
title = "Age"
fact = "age"
upper = [24]
labels = ["Under 25", "25 and over"]
[[case_attribute]]
code = "gender"
title = "Gender"
values = ["female", "male"]
unknown = "Not stated"
"#;
const FIELDS: &str = "group { dimension label code attribute } figure { value } members { totalCount }";

fn asker(app: &TestApp) -> Asker<'_> {
    Asker { app, who: test_caller(Role::Manager, "manager", &[CONTRACT]), contract: CONTRACT }
}

fn assessed(on: &str, age: i64, gender: Option<&str>) -> (Occurred, Event) {
    let mut facts = BTreeMap::from([("age".to_owned(), Attribute::Quantity(Quantity(age.into())))]);
    facts.extend(gender.map(|gender| ("gender".to_owned(), Attribute::Text(gender.to_owned()))));
    let fact = EligibilityAssessed { result: Eligibility::Eligible, criteria: BTreeMap::new(), facts };
    (when(on), fact.into())
}

/// Four cases of February: one of 24; one of 25, who is assessed again as 20; one of 30 whose age is known only from the
/// 20th; and one who is not assessed.
async fn record(app: &TestApp) {
    let rules =
        pack("shps").expect("a pack").text.replace("contract = \"shps\"", &format!("contract = \"{CONTRACT}\""));
    let opened = world::opened(CONTRACT, "2017-03-01");
    app.fresh.record(world::open(when("2017-03-01"), opened, rules + ATTRIBUTES)).await.expect("the contract opens");
    let of = |n: u32, area: &str, assessments: Vec<(Occurred, Event)>| {
        let accepted = (when("2018-02-02"), Event::from(ReferralAccepted {}));
        case(CONTRACT, n, (when("2018-02-01"), referral(n, area)), std::iter::once(accepted).chain(assessments))
    };
    let cases = vec![
        of(1, "brent", vec![assessed("2018-02-03", 24, Some("female"))]),
        of(2, "brent", vec![assessed("2018-02-03", 25, None), assessed("2018-02-25", 20, Some("other"))]),
        of(3, "ealing", vec![assessed("2018-02-20", 30, Some("female"))]),
        of(4, "ealing", Vec::new()),
    ];
    record_all(&app.fresh, cases).await;
}

/// The rows of the only measure: the labels of the group, the figure and the number of members.
fn shown(found: &Value) -> Vec<String> {
    let row = |row: &Value| {
        let labels: Vec<String> = list(&row["group"]).iter().map(|group| text(&group["label"])).collect();
        format!("{}: {} of {}", labels.join(", "), text(&row["figure"]["value"]), row["members"]["totalCount"])
    };
    list(&found[0]["rows"]).iter().map(row).collect()
}

async fn asked(app: &TestApp, at: Value, arguments: &str) -> Vec<String> {
    let arguments = format!("{arguments}, period: {{ from: \"2018-02-01\", kind: MONTH }}");
    shown(&asker(app).figures_at(&at, &arguments, FIELDS).await)
}

#[tokio::test]
async fn cases_count_by_the_attributes_that_their_first_assessment_froze() {
    on_both_stores(async |app| {
        record(app).await;
        let by_age = "measures: [\"referral\"], by: [], byAttributes: [\"age_band\"]";
        assert_eq!(
            asked(app, json!({}), by_age).await,
            ["Under 25: 1 of 1", "25 and over: 2 of 2", "Unknown: 1 of 1"],
            "a later assessment changes nothing, and a case without one has a row of its own"
        );
        assert_eq!(
            asked(app, json!({ "asOf": "2018-02-10" }), by_age).await,
            ["Under 25: 1 of 1", "25 and over: 1 of 1", "Unknown: 2 of 2"],
            "an age that is stated later is not known yet"
        );
        let caseload = "measures: [\"caseload\"], by: [], byAttributes: [\"gender\"]";
        assert_eq!(
            asked(app, json!({}), caseload).await,
            ["Female: 2 of 2", "Male: 0 of 0", "Other: 1 of 1", "Not stated: 1 of 1"],
            "a listed value has a row without cases, and another value one where there are cases"
        );
    })
    .await;
}

#[tokio::test]
async fn attributes_are_combined_with_each_other_and_with_areas() {
    on_both_stores(async |app| {
        record(app).await;
        let arguments = "measures: [\"referral\"], by: [AREA], byAttributes: [\"gender\", \"age_band\"]";
        let rows = asked(app, json!({}), arguments).await;
        assert_eq!(rows.len(), 6 * 4 * 3, "every area, gender and age, with those that are not known");
        let counted: Vec<&String> = rows.iter().filter(|row| !row.ends_with(": 0 of 0")).collect();
        assert_eq!(
            counted,
            [
                "Brent, Female, Under 25: 1 of 1",
                "Brent, Other, 25 and over: 1 of 1",
                "Ealing, Female, 25 and over: 1 of 1",
                "Ealing, Not stated, Unknown: 1 of 1",
            ]
        );
        let found = asker(app).figures(arguments, "group { dimension code attribute }").await;
        let group = &found[0]["rows"][0]["group"];
        let expected = json!([
            { "dimension": "AREA", "code": "brent", "attribute": null },
            { "dimension": "ATTRIBUTE", "code": "female", "attribute": "gender" },
            { "dimension": "ATTRIBUTE", "code": "Under 25", "attribute": "age_band" },
        ]);
        assert_eq!(group, &expected);
    })
    .await;
}

#[tokio::test]
async fn an_attribute_that_the_rulebook_does_not_name_is_refused() {
    on_both_stores(async |app| {
        record(app).await;
        for (arguments, message) in [
            (
                "by: [], byAttributes: [\"ethnicity\"]",
                "unknown attribute \"ethnicity\" of cases: use one of age_band, gender",
            ),
            ("by: [], byAttributes: [\"gender\", \"gender\"]", "name each attribute once in byAttributes"),
            ("by: [ATTRIBUTE]", "name the attribute by its code in byAttributes, and leave out ATTRIBUTE"),
            ("by: [WHOLE], byAttributes: [\"gender\"]", "name each dimension once, and WHOLE only alone"),
            (
                "by: [AREA, COHORT], byAttributes: [\"gender\", \"age_band\"]",
                "figures have at most 3 dimensions: leave some out",
            ),
        ] {
            let answer = asker(app).answer(arguments, "figure { value }").await;
            assert_eq!(answer.json()["errors"][0]["message"], message, "{arguments}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_rulebook_lists_its_attributes_for_forms() {
    on_both_stores(async |app| {
        record(app).await;
        let document = format!(
            "{{ contract(code: \"{CONTRACT}\") {{ rulebook {{ caseAttributes {{ code title values {{ label }} unknown }} \
             }} }} }}"
        );
        let data = app.ask(&asker(app).who, &document, json!({})).await;
        let expected = json!([
            {
                "code": "age_band", "title": "Age", "unknown": "Unknown",
                "values": [{ "label": "Under 25" }, { "label": "25 and over" }],
            },
            {
                "code": "gender", "title": "Gender", "unknown": "Not stated",
                "values": [{ "label": "Female" }, { "label": "Male" }],
            },
        ]);
        assert_eq!(data["contract"]["rulebook"]["caseAttributes"], expected);
    })
    .await;
}
