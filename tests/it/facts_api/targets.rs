//! Targets over the API: by month, by financial year, or as a ratio of another measure's targets.

use serde_json::{Value, json};

use crate::app::{MST, administrator, on_both_stores, other_manager, text};

const PUBLISHED: &str = "{ contract(code: \"mst-essex\") { targets { profile version series { measure area
    months { month target } years { year target } ratio { of factor } } } } }";

#[tokio::test]
async fn targets_are_read_as_they_were_given() {
    on_both_stores(async |app| {
        let series = json!([
            { "measure": "referred", "area": "mid", "years": [{ "year": "2017-04-01", "target": "500" }] },
            { "measure": "accepted", "area": "mid", "ratio": { "of": "referred", "factor": "0.88" } },
            { "measure": "accepted", "months": [{ "month": "2018-02-01", "target": "39.6" }] },
        ]);
        let input = json!({ "contract": MST, "profile": "contract", "series": series });
        app.done(&administrator(), "publishTargets", input).await;
        let data = app.ask(&other_manager(), PUBLISHED, json!({})).await;
        let expected = json!([{ "profile": "contract", "version": 1, "series": [
            { "measure": "referred", "area": "mid", "months": [],
              "years": [{ "year": "2017-04-01", "target": "500" }], "ratio": null },
            { "measure": "accepted", "area": "mid", "months": [], "years": [],
              "ratio": { "of": "referred", "factor": "0.88" } },
            { "measure": "accepted", "area": null, "months": [{ "month": "2018-02-01", "target": "39.6" }],
              "years": [], "ratio": null },
        ] }]);
        assert_eq!(data["contract"]["targets"], expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_targets_is_said_beside_its_field() {
    on_both_stores(async |app| {
        let path_of_problem = async |series: &Value| {
            let input = json!({ "contract": MST, "profile": "contract", "series": [series] });
            let payload = app.tell(&administrator(), "publishTargets", input).await;
            let path = payload["problems"][0]["path"].as_array().unwrap_or_else(|| panic!("{series}: {payload}"));
            path.iter().map(text).collect::<Vec<_>>().join("/")
        };
        let year = |first: &str, target: &str| json!({ "measure": "referred", "years": [{ "year": first, "target": target }] });
        let ratio = |of: &str, factor: &str| json!({ "measure": "accepted", "ratio": { "of": of, "factor": factor } });
        let cases = [
            (json!({ "measure": "referred" }), "series/0/months"),
            (year("2018-01-01", "500"), "series/0/years/0/year"),
            (year("2017-04-01", "-1"), "series/0/years/0/target"),
            (ratio("accepted", "1"), "series/0/ratio/of"),
            (ratio("referred", "0.88"), "series/0/ratio/of"),
            (ratio("referred", "0"), "series/0/ratio/factor"),
        ];
        for (series, path) in cases {
            assert_eq!(path_of_problem(&series).await, path, "{series}");
        }
    })
    .await;
}
